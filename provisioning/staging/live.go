package staging

import (
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
)

func selfWhy(u *provisioning.Unit, operator, identity string) string {
	if !u.EndsAccess() {
		return ""
	}
	switch {
	case operator != "" && strings.EqualFold(u.Account, operator):
		return "your own account"
	case identity != "" && strings.EqualFold(u.Account, identity):
		return "rollcall's own account"
	default:
		return ""
	}
}

// LiveCheck makes the check that the executor asks at the moment of sending, against the live target: protected people and
// self, whatever the batch said when it was reviewed (threats G2, G3). The answer is "" to go on, or why not.
func LiveCheck(p *policy.Policy, operator, identity string) func(u *provisioning.Unit, c provisioning.Change) string {
	return func(u *provisioning.Unit, c provisioning.Change) string {
		if why, ok := p.Protected(c.Account); ok {
			return "protected: " + why
		}
		if !c.EndsAccess() {
			return ""
		}
		if p.Service(c.Account) {
			return "protected: service account"
		}
		target := provisioning.Unit{Account: c.Account, Ops: u.Ops}
		return selfWhy(&target, operator, identity)
	}
}
