package desk

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/compare"
	"rollcall/provisioning/policy"
	"rollcall/provisioning/propose"
)

// mover lays the old seat beside the new one: what comes, stays and goes, and when what goes, goes.
func (b *casing) mover() {
	p, a := b.c.Person, b.c.Account
	if p == nil || a == nil {
		b.hold("account", "a mover is somebody with an account: %s has none that is linked", b.c.Name)
		return
	}
	b.known()
	if !p.Status.Live() || b.row.Away || !a.Enabled {
		b.hold("status", "%s is %s in the directory and the account is %s: a mover is at work", b.c.Name, statusWord(p), state(a))
	}
	for _, proof := range b.st.snap.Proofs {
		if !proof.Complete {
			b.hold("proof", "%s was not read whole (%s): rights could seem to be in excess that are not", proof.Source, proof.Reason)
		}
	}
	w := b.st.world
	drift := compare.Entitlements(w.Policy, p, a, w.At)
	if !drift.Birthright.Fits {
		b.hold("template", "no rule of the policy fits the new seat: %s", seatOf(p))
	}
	list, _ := rights(b.st, p, a)
	b.c.Rights = brief(list)
	b.c.Template = templates(drift.Birthright)
	b.c.OldSeat, b.c.NewSeat = b.oldSeat(a), seatOf(p)
	for _, n := range warnings(drift.Birthright) {
		b.check("template", provisioning.FindingGood, "%s", n)
	}
	missing := make([]provisioning.Entitlement, len(drift.Missing))
	for i := range drift.Missing {
		missing[i] = drift.Missing[i].Entitlement
	}
	b.take(propose.Grant(provisioning.ProfileOf(a), a, b.choose(missing), w))
	for i := range drift.Withheld {
		note := propose.WithheldNote(&drift.Withheld[i])
		b.check(note.What, provisioning.FindingWarning, "%s", note.Text)
	}
	b.c.kind = provisioning.KindEntitlement
	b.c.now = append(b.c.now, propose.Attributes(p, a)...)
	b.home(drift.Birthright)
	b.goes(drift)
	b.linked()
}

func seatOf(p *provisioning.Person) string {
	return strings.Join(slices.DeleteFunc([]string{p.Office, p.Department, p.Title}, func(s string) bool { return s == "" }), " · ")
}

// oldSeat says what an account was set up for: no directory tells where somebody sat before.
func (b *casing) oldSeat(a *provisioning.Account) string {
	parts := []string{a.Location}
	for _, m := range a.Memberships {
		s := m.Library
		if m.Role != "" {
			s += " as " + m.Role
		}
		if m.Library == a.PreferredLibrary {
			s += " (preferred)"
		}
		parts = append(parts, s)
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " · ")
}

// home moves the preferred library and the location along, where the policy names them.
func (b *casing) home(birthright *policy.Birthright) {
	a, w := b.c.Account, b.st.world
	if to := propose.Home(birthright, w); to != "" && to != a.PreferredLibrary && (birthright.Preferred != "" || b.leaves(a.PreferredLibrary)) {
		b.c.now = append(b.c.now, provisioning.Change{
			Kind: provisioning.SetAttribute, Account: a.ID, Object: "preferred_library", Before: a.PreferredLibrary, After: to,
		})
	}
	to := birthright.Location
	if to == "" || to == a.Location {
		return
	}
	b.c.now = slices.DeleteFunc(b.c.now, func(c provisioning.Change) bool {
		return c.Kind == provisioning.SetAttribute && c.Object == "location"
	})
	b.c.now = append(b.c.now, provisioning.Change{Kind: provisioning.SetAttribute, Account: a.ID, Object: "location", Before: a.Location, After: to})
}

// leaves reports whether a library is among what goes.
func (b *casing) leaves(library string) bool {
	return slices.ContainsFunc(b.c.Rights, func(r Right) bool { return r.State == RightGoes && r.Entitlement == provisioning.InLibrary(library) })
}

// goes takes away what the old seat gave, now or at the grace date.
func (b *casing) goes(drift compare.Drift) {
	var going []provisioning.Entitlement
	for _, e := range drift.Excess {
		if e.Kind == provisioning.EntitlementRole { // it is exchanged with the new one, or goes with its library
			continue
		}
		if dropped(e.Entitlement, b.c.Options.Drop) {
			for i := range b.c.Rights {
				if b.c.Rights[i].Entitlement == e.Entitlement {
					b.c.Rights[i].State, b.c.Rights[i].Why = RightDropped, "stays, by "+b.d.deps.Operator.Name
				}
			}
			continue
		}
		going = append(going, e.Entitlement)
	}
	changes := propose.Revoke(b.c.Account, going, b.st.world)
	for _, c := range changes {
		if c.Kind == provisioning.LeaveGroup && c.Object == provisioning.NRTADMIN && b.st.otherAdministrators(c.Library, c.Account) == 0 {
			b.hold("administrator", "%s is the last enabled administrator of %s: appoint another one first", b.c.Account.ID, c.Library)
		}
		if c.Kind == provisioning.LeaveGroup && c.ByHand != "" {
			b.check("disabled group", provisioning.FindingWarning, "group %s/%s: %s: it is a step by hand", c.Library, c.Object, c.ByHand)
		}
	}
	if b.c.Options.Grace.IsZero() {
		b.c.now = append(b.c.now, changes...)
		return
	}
	if len(changes) == 0 {
		b.check("grace", provisioning.FindingWarning, "nothing goes: the grace date has nothing to wait for")
		return
	}
	b.c.later = changes
	b.check("grace", provisioning.FindingGood, "until %s: %s", moment(b.c.Options.Grace), plural(len(changes), "right")+" of the old seat kept")
}

// linked offers the people whose seats hang on the mover's.
func (b *casing) linked() {
	p := b.c.Person
	ids := make(map[string]bool)
	for _, k := range p.Keys() {
		ids[k.ID] = true
	}
	roll := b.d.Roll()
	for i := range roll.Rows {
		q := roll.Rows[i].Person
		if q == nil || q == p || roll.Rows[i].Away || !managedBy(q, p, ids) {
			continue
		}
		word := "in the team"
		if t := strings.ToLower(q.Title); strings.Contains(t, "assistant") || strings.Contains(t, "secretar") {
			word = "the assistant"
		}
		b.c.Linked = append(b.c.Linked, Linked{
			Key: roll.Rows[i].Key, Name: rowName(&roll.Rows[i]), Why: fmt.Sprintf("%s: %s, manager %s", word, seatOf(q), p.FullName),
		})
	}
	slices.SortStableFunc(b.c.Linked, func(x, y Linked) int {
		first := func(l Linked) int {
			if strings.HasPrefix(l.Why, "the assistant") {
				return 0
			}
			return 1
		}
		return first(x) - first(y)
	})
}

// managedBy reports whether the directory says that one person's manager is another: by id, or where it gives no id by name or login.
func managedBy(q, p *provisioning.Person, ids map[string]bool) bool {
	if q.ManagerID != "" {
		return ids[q.ManagerID]
	}
	return q.Manager != "" && (strings.EqualFold(q.Manager, p.Login) || strings.EqualFold(q.Manager, p.Email) || q.Manager == p.FullName)
}
