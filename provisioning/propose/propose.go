// Package propose gives the mend of a mismatch, and of a joiner, mover or leaver: the changes that would make it so, each with the
// precondition that it saw, or the reason why an operator must decide first. It stages nothing and sends nothing.
package propose

import (
	"slices"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/compare"
	"rollcall/provisioning/policy"
)

// Row is what a mend is made from: a person (nil: nobody), the account that a mend acts on (nil: none), and what was found.
type Row struct {
	Person      *provisioning.Person
	Account     *provisioning.Account
	Mismatches  []*provisioning.Mismatch // the worst first
	Suggestions []provisioning.Suggestion
}

// World is what else a mend must know: the policy and the moment for which it is asked, the groups and libraries that exist, and
// which ids and emails are taken.
type World struct {
	Policy    *policy.Policy
	At        time.Time
	Group     func(provisioning.GroupRef) (provisioning.Group, bool)
	Library   func(id string) bool
	TakenID   func(id string) (by string, taken bool)
	TakenMail func(email string) (by string, taken bool)
	// Claims counts the active people whose single sign-on name is a user id. Nil: not known.
	Claims func(id string) int
	// Administrators counts the enabled members of a library's NRTADMIN but for one account. Nil: not known.
	Administrators func(library, but string) int
	// ByHand says why a change may not be sent to this tenant, "" where it may (DESIGN 4, first use "probe"). Nil: every change may.
	ByHand func(provisioning.Change) string
}

// Proposal is a mend.
type Proposal struct {
	Changes []provisioning.Change // in the order in which they are done
	Kind    provisioning.Kind     // the mismatch that they mend
	Hold    string                // why nothing is proposed: a sentence for the operator
	Notes   []Note                // what is kept back of an otherwise good mend
}

// add puts more changes behind those that are there, each once, by what they touch.
func (p *Proposal) add(more ...provisioning.Change) {
	for _, c := range more {
		if !slices.ContainsFunc(p.Changes, func(have provisioning.Change) bool {
			return have.Kind == c.Kind && have.Account == c.Account && have.Library == c.Library && have.Object == c.Object
		}) {
			p.Changes = append(p.Changes, c)
		}
	}
}

// Mend gives the changes that mend a row.
func Mend(row Row, w World) Proposal {
	if len(row.Mismatches) == 0 {
		return Proposal{Hold: "nothing to mend"}
	}
	worst := row.Mismatches[0]
	if hold := untouchable(row, w, worst); hold != "" {
		return Proposal{Kind: worst.Kind, Hold: hold}
	}
	for _, m := range row.Mismatches { // before all else: a leaver who may be somebody live is none
		if m.Unsettled {
			return Proposal{Kind: m.Kind, Hold: m.Detail}
		}
	}
	var p Proposal
	for _, m := range row.Mismatches {
		switch m.Kind {
		case provisioning.KindLeaver:
			if hold := lastAdministrator(row.Account, w); hold != "" {
				return Proposal{Kind: m.Kind, Hold: hold}
			}
			return Proposal{Kind: m.Kind, Changes: Leaver(row.Account, w)}
		case provisioning.KindReusedID:
			return Proposal{Kind: m.Kind, Hold: "a login or email of somebody's old account: " + m.Detail + ". Give a new login, or confirm that it is the same person"}
		case provisioning.KindClash:
			return Proposal{Kind: m.Kind, Hold: m.Detail}
		case provisioning.KindDisputed:
			return Proposal{Kind: m.Kind, Hold: "several may be theirs: open the row and confirm which account it is"}
		case provisioning.KindJoiner:
			return Joiner(row, w, Birthright(row.Person, w))
		case provisioning.KindOrphan:
			return Proposal{Kind: m.Kind, Changes: disable(row.Account)}
		case provisioning.KindDuplicate, provisioning.KindSSOName, provisioning.KindWall:
			if p.Kind == "" {
				p.Kind = m.Kind
			}
			p.Hold = decides(row, m)
		default:
			part := mendPart(row, w, m)
			if len(part.Changes) > 0 && (p.Kind == "" || len(p.Changes) == 0) {
				p.Kind = m.Kind
			}
			p.add(part.Changes...)
			p.Notes = append(p.Notes, part.Notes...)
		}
	}
	if len(p.Changes) > 0 {
		if p.Hold != "" { // the rest is mended, and this is told beside it
			p.Notes, p.Hold = append([]Note{{Text: p.Hold}}, p.Notes...), ""
		}
		return p
	}
	p.Kind = worst.Kind
	switch {
	case p.Hold != "":
	case len(p.Notes) > 0:
		p.Hold, p.Notes = p.Notes[0].Text, p.Notes[1:]
	case worst.Kind == provisioning.KindDormant:
		p.Hold = "an unused account is taken back by notice: see the seats"
	case worst.Kind == provisioning.KindEntitlement:
		p.Hold = "only rights in excess: they are taken away on request alone"
	default:
		p.Hold = "nothing can be proposed: " + worst.Detail
	}
	return p
}

// lastAdministrator says why the end of an account would leave a library without anybody who may administer it (DESIGN 5).
func lastAdministrator(a *provisioning.Account, w World) string {
	if w.Administrators == nil || !a.Enabled {
		return ""
	}
	for _, library := range a.Administers() {
		if w.Administrators(library, a.ID) == 0 {
			return a.ID + " is the last enabled administrator of " + library + ": appoint another one first"
		}
	}
	return ""
}

// decides says what an operator must do about a mismatch that no change mends.
func decides(row Row, m *provisioning.Mismatch) string {
	switch m.Kind {
	case provisioning.KindDuplicate:
		return "a second account: find out which one holds the work, then disable the other"
	case provisioning.KindWall:
		return "a wall is broken: " + m.Detail + ". Ask the matter's partner which side they are on, then take them out of the other"
	default:
		return "the user id cannot be changed: have the directory send " + idOf(row) + " as the single sign-on name"
	}
}

func idOf(row Row) string {
	if row.Account == nil {
		return "the user id"
	}
	return row.Account.ID
}

// untouchable says why a row may not be changed at all.
func untouchable(row Row, w World, worst *provisioning.Mismatch) string {
	if row.Account == nil {
		return ""
	}
	why := Untouchable(row.Account, w)
	if why == "" && w.Policy.Service(row.Account.ID) && worst.Kind != provisioning.KindAttribute {
		return row.Account.ID + " is a listed service account"
	}
	return why
}

// Untouchable says why an account may not be changed at all: a directory sync owns it, or it is protected; "" where it may.
func Untouchable(a *provisioning.Account, w World) string {
	if a.Managed() {
		return "waits for the directory: a directory sync owns " + a.ID
	}
	if why, ok := w.Policy.Protected(a.ID); ok {
		return a.ID + " is protected: " + why
	}
	return ""
}

// mendPart mends a mismatch that stands beside others without contradiction.
func mendPart(row Row, w World, m *provisioning.Mismatch) Proposal {
	switch m.Kind {
	case provisioning.KindAdministrator:
		return Proposal{Changes: administrator(row.Account, w)}
	case provisioning.KindAttribute:
		return Proposal{Changes: attributes(row.Account, m)}
	case provisioning.KindUnconfigured, provisioning.KindEntitlement:
		return Missing(row.Person, row.Account, w)
	case provisioning.KindPreferredLibrary:
		return Proposal{Changes: preferred(row.Person, row.Account, w)}
	default:
		return Proposal{}
	}
}

// Missing gives an account what its person's birthright gives and it does not hold. What is in excess stays.
func Missing(p *provisioning.Person, a *provisioning.Account, w World) Proposal {
	drift := compare.Entitlements(w.Policy, p, a, w.At)
	wanted := make([]provisioning.Entitlement, 0, len(drift.Missing))
	for _, g := range drift.Missing {
		wanted = append(wanted, g.Entitlement)
	}
	profile := provisioning.ProfileOf(a)
	out := Grant(profile, a, wanted, w)
	for i := range drift.Withheld {
		out.Notes = append(out.Notes, WithheldNote(&drift.Withheld[i]))
	}
	if to := drift.Birthright.Preferred; to != "" && a.PreferredLibrary != to {
		_, in := a.Membership(a.PreferredLibrary)
		_, given := drift.Birthright.Gives(provisioning.InLibrary(to))
		if !in && given && w.Library(to) {
			out.add(set(a, "preferred_library", a.PreferredLibrary, to))
		}
	}
	return out
}

// Excess takes from an account what it holds and policy does not give: only on request, never by itself.
func Excess(p *provisioning.Person, a *provisioning.Account, w World) Proposal {
	drift := compare.Entitlements(w.Policy, p, a, w.At)
	rights := make([]provisioning.Entitlement, 0, len(drift.Excess))
	for _, e := range drift.Excess {
		rights = append(rights, e.Entitlement)
	}
	out := Proposal{Kind: provisioning.KindEntitlement, Changes: Revoke(a, rights, w)}
	if len(out.Changes) == 0 {
		out.Hold = "nothing is in excess that could be taken away"
	}
	return out
}

// preferred points the preferred library at the one that policy names where the account is in it, else at its first library.
func preferred(p *provisioning.Person, a *provisioning.Account, w World) []provisioning.Change {
	if len(a.Memberships) == 0 {
		return nil
	}
	to := a.Memberships[0].Library
	if p != nil {
		if b := Birthright(p, w); b.Preferred != "" {
			if _, in := a.Membership(b.Preferred); in {
				to = b.Preferred
			}
		}
	}
	return []provisioning.Change{set(a, "preferred_library", a.PreferredLibrary, to)}
}

// attributes sets each differing field to what the directory says, one change a field.
func attributes(a *provisioning.Account, m *provisioning.Mismatch) []provisioning.Change {
	var changes []provisioning.Change
	for _, f := range m.Fields {
		changes = append(changes, set(a, wireField(f.Field), f.Account, f.Person))
	}
	return changes
}

// Attributes sets an account's fields to what the directory says of its person.
func Attributes(p *provisioning.Person, a *provisioning.Account) []provisioning.Change {
	return attributes(a, &provisioning.Mismatch{Fields: compare.Fields(p, a)})
}

func set(a *provisioning.Account, field, before, after string) provisioning.Change {
	return provisioning.Change{Kind: provisioning.SetAttribute, Account: a.ID, Object: field, Before: before, After: after}
}

// wireField is the account's field behind a shown one (contracts/imanage.md 5.1).
func wireField(field string) string {
	if field == compare.FieldName {
		return "full_name"
	}
	return strings.ReplaceAll(field, " ", "_") // email, location, phone
}

// Birthright is what the policy gives a person at the world's moment.
func Birthright(p *provisioning.Person, w World) *policy.Birthright {
	return w.Policy.Birthright(p, w.At)
}
