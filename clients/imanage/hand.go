package imanage

import "rollcall/provisioning"

// The last step of every list.
const comeBack = "Come back here and tick the step: rollcall reads it back, and believes only what it sees."

// HandSteps gives the clicks in Control Center, in the cloud, for a change that is done by hand: a tenant may refuse any call. The pages
// are those of Control Center's own help (contracts/imanage.md, S9); where it publishes no page, the step says what to look for.
func HandSteps(c provisioning.Change) []string { return handSteps(c, false) }

// HandSteps is the package's HandSteps for this tenant: on premises there is no Global menu, and an account is changed in each library.
func (c *Client) HandSteps(ch provisioning.Change) []string { return handSteps(ch, c.opts.OnPrem) }

func handSteps(c provisioning.Change, onPrem bool) []string {
	where := "Open Control Center and choose Global."
	each := []string(nil)
	if onPrem {
		where = "Open Control Center and choose the account's library; on premises there is no Global menu."
		each = []string{"Do the same in every other library that has the account."}
	}
	inLibrary := "Open Control Center and choose the library " + c.Library + "."
	person := "Users: search for " + c.Account + " and open it."
	steps := func(list ...string) []string { return append(list, comeBack) }
	account := func(list ...string) []string {
		return append(append(append([]string{where}, list...), each...), comeBack)
	}
	switch c.Kind {
	case provisioning.CreateAccount:
		return createSteps(c, onPrem)
	case provisioning.EnableAccount:
		return account(person, "Switch Allow logon on, and save.")
	case provisioning.DisableAccount:
		return account(person, "Switch Allow logon off, and save.", "It can take iManage up to eight hours to end what is open; disable the person at the identity provider too.")
	case provisioning.SetAttribute:
		return account(person, "Set "+fieldLabel(c.Object)+" to "+quoted(c.After)+", and save.")
	case provisioning.AssignLibrary:
		return steps(inLibrary, "Users: add a user, and choose the existing user "+c.Account+".", "Give it the role "+c.After+", and save.")
	case provisioning.SetLibraryRole:
		return steps(inLibrary, "Roles: open "+c.After+", and add "+c.Account+" to it.", "An account has exactly one role in a library: it leaves "+quoted(c.Before)+" by itself. Save.")
	case provisioning.JoinGroup, provisioning.LeaveGroup:
		return groupSteps(c)
	case provisioning.RemoveLibrary:
		return steps(inLibrary, person, "Remove the user from the library, and confirm. Do not delete the account.")
	case provisioning.RemoveGlobalRole, provisioning.GiveGlobalRole:
		verb := "Members: find " + c.Account + ", remove it, and save."
		if c.After == provisioning.ValueMember {
			verb = "Members: add " + c.Account + ", and save."
		}
		return steps("Open Control Center, choose Global, then Roles, and open the role "+c.Object+".", verb)
	case provisioning.TransferWorkspace:
		return steps("Sign in to iManage Work as a member of NRTADMIN of "+c.Library+", and find the workspace "+c.Object+".",
			"Open its properties, set Owner to "+c.After+", and save.", "Look at its security: the new owner needs full access.")
	case provisioning.ReleaseLock:
		return steps("Ask "+c.Account+", where that is possible, to check the document in: what was not saved to iManage is lost otherwise.",
			"Sign in to iManage Work as a member of NRTADMIN of "+c.Library+", and find the document "+c.Object+".", "Unlock it (More, Check In or Unlock), and confirm.")
	default:
		return steps("Open Control Center and do it for " + c.Account + ": " + string(c.Kind) + " " + c.Library + " " + c.Object + ".")
	}
}

func createSteps(c provisioning.Change, onPrem bool) []string {
	first := "Open Control Center, choose Global, then Users, and add a user of the type virtual."
	if onPrem {
		first = "Open Control Center, choose the preferred library, then Users, and add a user of the type virtual."
	}
	list := []string{first, "User ID " + c.Account + ", exactly: it cannot be changed later, and the sign-in must send it as the NameID."}
	if p := c.Profile; p != nil {
		list = append(list, "Full name "+quoted(p.FullName)+", email "+quoted(p.Email)+".", "Preferred library "+quoted(p.PreferredLibrary)+", location "+quoted(p.Location)+", phone "+quoted(p.Phone)+".")
		if p.External {
			list = append(list, "Mark the user as external.")
		}
		if p.EmployeeNumber != "" {
			list = append(list, "Put the employee number "+quoted(p.EmployeeNumber)+" into the custom field that the firm keeps it in.")
		}
	}
	return append(list, "Switch Allow logon on, and save.", comeBack)
}

func groupSteps(c provisioning.Change) []string {
	open := "Open Control Center, choose the library " + c.Library + ", then Groups, and open " + c.Object + "."
	if c.Library == "" {
		open = "Open Control Center, choose Global, then Groups, and open " + c.Object + "."
	}
	act := "Members: add " + c.Account + ", and save."
	if c.Kind == provisioning.LeaveGroup {
		act = "Members: find " + c.Account + ", remove it, and save."
	}
	list := []string{open, "If the group is disabled, enable it first: the members of a disabled group cannot be changed.", act, "Disable the group again where it was disabled."}
	if c.Object == provisioning.NRTADMIN {
		list = append(list, "Only a member of NRTADMIN may change NRTADMIN; see that an enabled one stays.")
	}
	return append(list, comeBack)
}

func quoted(s string) string {
	if s == "" {
		return "(empty)"
	}
	return "“" + s + "”"
}

func fieldLabel(field string) string {
	switch field {
	case fieldFullName:
		return "the full name"
	case fieldEmail:
		return "the email"
	case fieldLocation:
		return "the location"
	case fieldPhone:
		return "the phone"
	case fieldPreferred:
		return "the preferred library"
	default:
		return "the field " + field
	}
}
