package imanage

import (
	"slices"

	"rollcall/provisioning"
)

// The names of the operations. They are what a tenant's answers are kept under (provisioning.Use), and never change.
const (
	opCreate       = "create account"
	opEnable       = "enable account"
	opDisable      = "disable account"
	opAttribute    = "set attribute"
	opPreferred    = "set preferred library"
	opAssign       = "assign to library"
	opRole         = "set library role"
	opJoin         = "join library group"
	opLeave        = "leave library group"
	opJoinGlobal   = "join global group"
	opLeaveGlobal  = "leave global group"
	opExcludeRole  = "remove global role"
	opIncludeRole  = "give global role"
	opTransfer     = "transfer workspace"
	opRelease      = "release lock"
	opRemove       = "remove from library"
	opAccess       = "change access list"
	premisesCreate = "POST libraries/{lib}/users"
	premisesPatch  = "PATCH libraries/{lib}/users/{u}"
)

// operations is the one table of the calls that change something, each with the mark of its evidence (contracts/imanage.md 0) and how it
// is first used on a tenant (DESIGN 4): canary where it can be read back and reversed, probe where it cannot or where its side effects
// are unknown. The sources stand in sections 5.2, 6, 7 and 8. On premises there is no global level: what concerns it is left out, and a
// change of the whole account is a call for each library that has it (section 1).
func operations(onPrem bool) []provisioning.Operation {
	list := []provisioning.Operation{
		{Name: opCreate, Kind: provisioning.CreateAccount, Call: "POST users", Mark: "C1", FirstUse: provisioning.Canary, Does: "creates a virtual account that is in no library yet; the answer to an id or email that exists already is not published"},
		{Name: opEnable, Kind: provisioning.EnableAccount, Call: "PATCH users/{u} allow_logon true", Mark: "I", FirstUse: provisioning.Canary, Does: "opens a closed account; that it opens it in every library is inferred"},
		{Name: opDisable, Kind: provisioning.DisableAccount, Call: "PATCH users/{u} allow_logon false", Mark: "I", FirstUse: provisioning.Canary, Does: "closes an account; that it closes it in every library is inferred, and nothing is known of sessions that are open"},
		{Name: opAttribute, Kind: provisioning.SetAttribute, Call: "PATCH users/{u} with the field", Mark: "C1", FirstUse: provisioning.Canary, Does: "changes name, email, location, phone or a custom field"},
		{Name: opPreferred, Kind: provisioning.SetAttribute, Call: "PATCH users/{u} preferred_library", Mark: "I", FirstUse: provisioning.Canary, Does: "changes the library that the account opens with; seen in the connector alone, not as this call"},
		{Name: opAssign, Kind: provisioning.AssignLibrary, Call: "POST libraries/{lib}/users", Mark: "C1", FirstUse: provisioning.Canary, Does: "brings an existing account into a library with exactly one role"},
		{Name: opRole, Kind: provisioning.SetLibraryRole, Call: "POST libraries/{lib}/roles/{role}/users/{u}", Mark: "C1", FirstUse: provisioning.Canary, Does: "puts an account into another role of a library; that it leaves the former one is inferred"},
		{Name: opJoin, Kind: provisioning.JoinGroup, Call: "PUT libraries/{lib}/groups/{g}/members add", Mark: "C2+", FirstUse: provisioning.Plain, Does: "adds an account to a group of a library"},
		{Name: opLeave, Kind: provisioning.LeaveGroup, Call: "PUT libraries/{lib}/groups/{g}/members delete", Mark: "C1", FirstUse: provisioning.Canary, Does: "takes an account out of a group of a library; a disabled group refuses it"},
		{Name: opJoinGlobal, Kind: provisioning.JoinGroup, Call: "PUT groups/{g}/members add", Mark: "C1", FirstUse: provisioning.Canary, Does: "adds an account to a global group"},
		{Name: opLeaveGlobal, Kind: provisioning.LeaveGroup, Call: "PUT groups/{g}/members delete", Mark: "I", FirstUse: provisioning.Canary, Does: "takes an account out of a global group; inferred from the call of a library's group"},
		{Name: opExcludeRole, Kind: provisioning.RemoveGlobalRole, Call: "PATCH roles/{id}/members exclude", Mark: "C1", FirstUse: provisioning.Canary, Does: "takes an account out of a global administration role"},
		{Name: opIncludeRole, Kind: provisioning.RemoveGlobalRole, Call: "PATCH roles/{id}/members include", Mark: "C1", FirstUse: provisioning.Canary, Does: "puts an account back into a global administration role: the undo of its removal"},
		{Name: opTransfer, Kind: provisioning.TransferWorkspace, Call: "PATCH libraries/{lib}/workspaces/{id} owner", Mark: "I", FirstUse: provisioning.Canary, Does: "gives a workspace another owner; needs NRTADMIN, and what becomes of the former owner's access is not known"},
		{Name: opRelease, Kind: provisioning.ReleaseLock, Call: "DELETE libraries/{lib}/documents/{id}/lock", Mark: "I", FirstUse: provisioning.Probe, Does: "ends a check-out; that it ends somebody else's is inferred, and it cannot be put back"},
		{Name: opRemove, Kind: provisioning.RemoveLibrary, Call: "DELETE libraries/{lib}/users/{u}", Mark: "I", FirstUse: provisioning.Probe, Does: "takes an account out of a library; seen in no public source, and what else it takes is not known"},
		{Name: opAccess, Call: "POST libraries/{lib}/workspaces/{id}/security", Mark: "C1", FirstUse: provisioning.Canary, Does: "changes an access list; the default security is read first and sent back unchanged, or it would change too"},
	}
	if !onPrem {
		return list
	}
	list = slices.DeleteFunc(list, func(o provisioning.Operation) bool {
		return slices.Contains([]string{opJoinGlobal, opLeaveGlobal, opExcludeRole, opIncludeRole}, o.Name)
	})
	for i := range list {
		switch o := &list[i]; o.Name {
		case opCreate:
			o.Call, o.Mark, o.Does = premisesCreate, "I", "creates a virtual account in its preferred library; there is no global level"
		case opAttribute:
			o.Call = premisesPatch + " with the field, in each library"
		case opPreferred:
			o.Call = premisesPatch + " preferred_library, in each library"
		case opEnable:
			o.Call = premisesPatch + " allow_logon true, in each library"
		case opDisable:
			o.Call = premisesPatch + " allow_logon false, in each library"
		}
	}
	return list
}

// Operations lists every call that changes something, with how sure each is on this shape of tenant.
func (c *Client) Operations() []provisioning.Operation { return operations(c.opts.OnPrem) }

// Operation says which call a change becomes. One that is none of this tenant's (a global role on premises) has no Name, is a probe that
// nothing can confirm, and is never sent.
func (c *Client) Operation(ch provisioning.Change) provisioning.Operation {
	name := operationName(ch)
	for _, o := range c.Operations() {
		if o.Name == name {
			return o
		}
	}
	return provisioning.Operation{Kind: ch.Kind, Call: "none", Mark: "I", FirstUse: provisioning.Probe, Does: "this tenant has no call for it"}
}

func operationName(ch provisioning.Change) string {
	switch ch.Kind {
	case provisioning.CreateAccount:
		return opCreate
	case provisioning.EnableAccount:
		return opEnable
	case provisioning.DisableAccount:
		return opDisable
	case provisioning.SetAttribute:
		if ch.Object == fieldPreferred {
			return opPreferred
		}
		return opAttribute
	case provisioning.AssignLibrary:
		return opAssign
	case provisioning.SetLibraryRole:
		return opRole
	case provisioning.JoinGroup:
		if ch.Library == "" {
			return opJoinGlobal
		}
		return opJoin
	case provisioning.LeaveGroup:
		if ch.Library == "" {
			return opLeaveGlobal
		}
		return opLeave
	case provisioning.RemoveGlobalRole:
		if ch.After == provisioning.ValueMember {
			return opIncludeRole
		}
		return opExcludeRole
	case provisioning.GiveGlobalRole:
		return opIncludeRole
	case provisioning.TransferWorkspace:
		return opTransfer
	case provisioning.ReleaseLock:
		return opRelease
	case provisioning.RemoveLibrary:
		return opRemove
	default:
		return ""
	}
}
