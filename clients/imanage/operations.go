package imanage

import "rollcall/provisioning"

// Operation is one call of the wire contract with how sure it is (contracts/imanage.md 0) and how it is first used on a tenant
// (DESIGN 4): plain, canary (the first one goes alone and is read back) or probe (never sent until a tenant confirmed it).
type Operation struct {
	Kind     provisioning.ChangeKind
	Call     string
	Mark     string // V, C2+, C1, I
	FirstUse string
}

// Operations lists what a change becomes on the wire.
func Operations() []Operation {
	return []Operation{
		{provisioning.CreateAccount, "POST users", "C1", "canary"},
		{provisioning.EnableAccount, "PATCH users/{u} allow_logon", "I", "canary"},
		{provisioning.DisableAccount, "PATCH users/{u} allow_logon", "I", "canary"},
		{provisioning.SetAttribute, "PATCH users/{u}", "C1", "canary"},
		{provisioning.AssignLibrary, "POST libraries/{lib}/users", "C1", "canary"},
		{provisioning.SetLibraryRole, "POST libraries/{lib}/roles/{role}/users/{u}", "C1", "canary"},
		{provisioning.JoinGroup, "PUT libraries/{lib}/groups/{g}/members add", "C2+", "plain"},
		{provisioning.LeaveGroup, "PUT libraries/{lib}/groups/{g}/members delete", "C1", "canary"},
		{provisioning.RemoveLibrary, "DELETE libraries/{lib}/users/{u}", "I", "probe"},
		{provisioning.RemoveGlobalRole, "PATCH roles/{id}/members exclude", "C1", "probe"},
	}
}

// NeedsCanary reports whether the first change of a kind on a tenant goes alone.
func NeedsCanary(k provisioning.ChangeKind) bool {
	for _, o := range Operations() {
		if o.Kind == k {
			return o.FirstUse != "plain"
		}
	}
	return true
}

// HandSteps gives the steps in Control Center for a change that is done by hand (contracts/imanage.md 5.2, 6, 7).
func HandSteps(c provisioning.Change) []string {
	switch c.Kind {
	case provisioning.RemoveLibrary:
		return []string{
			"Open Control Center and choose the library " + c.Library + ".",
			"Users: search for " + c.Account + " and open it.",
			"Remove the user from the library, and confirm.",
			"Come back here and tick the step: rollcall reads the account and believes only what it sees.",
		}
	case provisioning.RemoveGlobalRole:
		return []string{
			"Open Control Center, Global, Roles, and open the role " + c.Object + ".",
			"Members: find " + c.Account + ", remove it, and save.",
			"Come back here and tick the step.",
		}
	case provisioning.LeaveGroup:
		return []string{
			"Open Control Center, library " + c.Library + ", Groups, and open " + c.Object + ".",
			"The group is disabled: enable it, remove " + c.Account + " from its members, and disable it again.",
			"Come back here and tick the step.",
		}
	default:
		return []string{"Open Control Center and do it for " + c.Account + ": " + string(c.Kind) + " " + c.Library + " " + c.Object + "."}
	}
}
