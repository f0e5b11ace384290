package certify

import (
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
)

// externalRole is what iManage itself gives an external user in the place of policy.DefaultRole (contracts/imanage.md 7).
const externalRole = "DEFAULT EXTERNAL"

// standing is how an access stands to the policy, and why.
type standing struct{ standing, reason string }

// standingKey is all that a standing rests on: people who are alike to the policy share a birthright.
type standingKey struct {
	birthright *policy.Birthright
	right      provisioning.Entitlement
	external   bool
}

// standings finds out how accesses stand to the policy, each sort once.
type standings struct {
	policy *policy.Policy
	rules  bool
	at     time.Time
	kept   map[standingKey]standing
}

// of says how an access stands: as the comparison of entitlements has it (compare.Entitlements), for one access alone.
func (s *standings) of(e *evidence, h *holding) standing {
	p := e.row.Person
	switch {
	case p == nil:
		return standing{provisioning.StandsNoRule, "nobody is linked to the account"}
	case e.left:
		return standing{provisioning.StandsExcess, "they have left, and nothing is given to leavers"}
	case !s.policy.InScope(p):
		return standing{provisioning.StandsExcess, "people of type " + p.Type + " get no account"}
	case !s.rules:
		return standing{provisioning.StandsNoRule, ""}
	}
	b := s.policy.Birthright(p, s.at)
	if !b.Fits {
		return standing{provisioning.StandsNoRule, "no rule fits the person"}
	}
	k := standingKey{birthright: b, external: e.row.Account.External}
	switch h.kind {
	case provisioning.ReviewGlobalRole:
		return standing{provisioning.StandsNoRule, "no policy gives global roles"}
	case provisioning.ReviewGroup:
		k.right = provisioning.InGroup(provisioning.GroupRef{Library: h.library, Group: h.object})
	case provisioning.ReviewLibrary:
		k.right = provisioning.InLibrary(h.library)
		if h.role != "" {
			k.right = provisioning.RoleIn(h.library, h.role)
		}
	}
	known, ok := s.kept[k]
	if !ok {
		known = s.find(k)
		s.kept[k] = known
	}
	return known
}

func (s *standings) find(k standingKey) standing {
	switch k.right.Kind {
	case provisioning.EntitlementGroup:
		if g, ok := k.birthright.Gives(k.right); ok {
			return given(g.Reasons, "")
		}
		return s.not(k.birthright, k.right)
	case provisioning.EntitlementLibrary, provisioning.EntitlementRole:
		return s.place(k)
	default: // the account itself
		if len(k.birthright.Given) == 0 {
			return standing{provisioning.StandsExcess, "the policy gives them nothing"}
		}
		return given(k.birthright.Given[0].Reasons, "")
	}
}

// place says how a place in a library stands, with the role there where that is known.
func (s *standings) place(k standingKey) standing {
	b, library := k.birthright, provisioning.InLibrary(k.right.Library)
	g, ok := b.Gives(library)
	if !ok {
		for i := range b.Given {
			if n := &b.Given[i]; n.Kind == provisioning.EntitlementGroup && n.Library == library.Library {
				return given(n.Reasons, n.String()+" needs it: ")
			}
		}
		return s.not(b, library)
	}
	role, _ := b.Role(library.Library)
	if k.right.Kind == provisioning.EntitlementRole && role != "" {
		byDefault := k.external && role == policy.DefaultRole && k.right.Name == externalRole
		if k.right.Name != role && !byDefault {
			return standing{provisioning.StandsExcess, s.policy.NotGiven(b, k.right)}
		}
		if r, ok := b.Gives(provisioning.RoleIn(library.Library, role)); ok {
			return given(r.Reasons, "")
		}
	}
	return given(g.Reasons, "")
}

// not says how an access stands that the policy does not give.
func (s *standings) not(b *policy.Birthright, e provisioning.Entitlement) standing {
	if !s.policy.Governs(e) {
		return standing{provisioning.StandsNoRule, "given by hand: the policy leaves it alone"}
	}
	return standing{provisioning.StandsExcess, s.policy.NotGiven(b, e)}
}

// given says how an access stands that the policy gives. The first reason is the deciding one: it is an exception where nothing that
// lasts gives the same.
func given(reasons []policy.Reason, before string) standing {
	if len(reasons) == 0 {
		return standing{provisioning.StandsBirthright, before}
	}
	why := standing{provisioning.StandsBirthright, before + reasons[0].String()}
	if reasons[0].Source == policy.SourceException {
		why.standing = provisioning.StandsException
	}
	return why
}
