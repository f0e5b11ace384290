package desk

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/compare"
	"rollcall/provisioning/correlate"
	"rollcall/provisioning/policy"
	"rollcall/provisioning/propose"
)

// joiner prepares an account for somebody who has none, or whose closed one is to be opened again.
func (b *casing) joiner() {
	p := b.c.Person
	if p == nil {
		b.hold("nobody", "nobody in the directory stands behind this account: a joiner is a person")
		return
	}
	b.known()
	if !p.Status.Live() || b.row.Away {
		b.hold("status", "%s is %s in %s: only somebody who is active gets an account", b.c.Name, statusWord(p), p.Key.Directory)
	}
	if !b.st.world.Policy.InScope(p) {
		b.hold("scope", "the employment type %s gets no account by the policy", p.Type)
	}
	b.proofs("an account may exist that was not seen")
	given := b.template()
	switch {
	case b.c.Account != nil && !b.c.Account.Enabled:
		b.check("rehire", provisioning.FindingWarning, "%s is their own account, and it is disabled: find out why before it is opened again; it is emptied first", b.c.Account.ID)
		b.reopen(b.c.Account, given)
	case b.c.Account != nil:
		b.check("account", provisioning.FindingWarning, "%s has the account %s already: what is missing is added", b.c.Name, b.c.Account.ID)
		b.take(b.existing(given))
	case b.collision():
		b.rehire(given)
	default:
		b.seat(given)
	}
}

// template finds what the new account gets: by the policy, or like a colleague; with every right and its reason.
func (b *casing) template() []provisioning.Entitlement {
	w, o := b.st.world, b.c.Options
	birthright := propose.Birthright(b.c.Person, w)
	if o.Like != "" {
		return b.choose(b.likeColleague(o.Like))
	}
	list, _ := rights(b.st, b.c.Person, b.c.Account)
	b.c.Rights = brief(list)
	b.c.Template = templates(birthright)
	if !birthright.Fits {
		b.check("template", provisioning.FindingWarning, "no rule of the policy fits %s: add libraries yourself, or take them from a colleague",
			strings.TrimSpace(b.c.Person.Office+" "+b.c.Person.Department+" "+b.c.Person.Title))
	}
	for _, r := range b.c.Rights {
		if r.State != RightWithheld {
			continue
		}
		why, _, _ := strings.Cut(r.Why, "; ")
		b.check(r.Bar, provisioning.FindingWarning, "%s is withheld: %s", r.Entitlement, why)
	}
	for _, n := range warnings(birthright) {
		b.check("template", provisioning.FindingGood, "%s", n)
	}
	return b.choose(propose.Wanted(birthright))
}

// likeColleague takes the rights of a colleague, but for administration and for what stands behind a wall: those are given by name.
func (b *casing) likeColleague(key string) []provisioning.Entitlement {
	roll := b.d.Roll()
	i := roll.Find(key)
	if i < 0 || roll.Rows[i].Account() == nil || roll.Rows[i].Person == nil {
		b.hold("colleague", "the colleague has no account to be like")
		return nil
	}
	colleague := &roll.Rows[i]
	name := rowName(colleague)
	why := make(map[provisioning.Entitlement]string)
	list, _ := rights(b.st, colleague.Person, colleague.Account())
	for _, r := range brief(list) {
		why[r.Entitlement] = r.Why
	}
	b.c.Template = "like " + name
	in := librariesOf(colleague.Account(), &policy.Birthright{}, b.st.world)
	var wanted []provisioning.Entitlement
	for _, e := range colleague.Account().Entitlements() {
		r := Right{Entitlement: e, State: RightComes, Why: "like " + name}
		if s := why[e]; s != "" {
			r.Why += ", who has it because " + s
		}
		wall, walled := b.st.world.Policy.Walled(e)
		bar := propose.Barred(e, in, false, b.st.world)
		switch {
		case e.Kind == provisioning.EntitlementGroup && e.Name == provisioning.NRTADMIN:
			bar = propose.Bar{What: propose.BarOther, Why: "administration is never copied"}
		case walled:
			bar = propose.Bar{What: propose.BarWall, Why: "behind the wall " + wall + ": it is given by name alone"}
		}
		if bar == (propose.Bar{}) {
			wanted = append(wanted, e)
		} else {
			r.State, r.Bar, r.Why = RightWithheld, bar.What, bar.Why
		}
		b.c.Rights = append(b.c.Rights, r)
	}
	if birthright := propose.Birthright(b.c.Person, b.st.world); birthright.Fits {
		for _, e := range wanted {
			if _, given := birthright.Gives(e); !given {
				b.check("colleague", provisioning.FindingWarning, "%s has more than the policy gives this seat: %s and perhaps more; leave out what is not wanted", name, e)
				break
			}
		}
	}
	return wanted
}

// chosen makes a birthright of what is to be given.
func (b *casing) chosen(wanted []provisioning.Entitlement) *policy.Birthright {
	own := propose.Birthright(b.c.Person, b.st.world)
	out := &policy.Birthright{Fits: true, Preferred: own.Preferred, Location: own.Location}
	for _, e := range wanted {
		out.Given = append(out.Given, policy.Given{Entitlement: e})
	}
	if o := b.c.Options.Like; o != "" && own.Preferred == "" {
		if i := b.d.Roll().Find(o); i >= 0 {
			out.Preferred = b.d.Roll().Rows[i].Account().PreferredLibrary
		}
	}
	slices.SortFunc(out.Given, func(x, y policy.Given) int { return x.Compare(y.Entitlement) })
	return out
}

// seat checks what a new account collides with, and proposes it.
func (b *casing) seat(wanted []provisioning.Entitlement) {
	p, w := b.c.Person, b.st.world
	id, usable := propose.UserID(p)
	switch {
	case !usable:
		b.hold("sso name", "%s sends no usable single sign-on name for them: nobody could sign in", p.Key.Directory)
	default:
		b.check("sso name", provisioning.FindingGood, "will sign in as %s: it is what single sign-on sends", id)
	}
	if by, taken := w.TakenMail(p.Email); taken {
		if b.address(&b.st.snap.Accounts[b.st.account[by]]) {
			b.c.Hold = "the email is still on somebody else's account: mend that one first"
		} else {
			b.hold("email", "the address %s is on the account %s: no two accounts may have one", p.Email, by)
		}
	}
	if managed, all := b.synced(p.Office); all >= 5 && managed*2 > all {
		b.check("directory", provisioning.FindingWarning,
			"%d of %d accounts in %s come by directory sync: this one may come by itself, and creating it as well would make it twice", managed, all, p.Office)
	}
	b.take(propose.Joiner(propose.Row{Person: p, Mismatches: b.row.Mismatches, Suggestions: b.row.Suggestions}, w, b.chosen(wanted)))
	if len(b.row.Suggestions) > 0 && b.c.Hold != "" {
		s := &b.row.Suggestions[0]
		b.check("candidate", provisioning.FindingBad, "%s looks like theirs (%s)", s.Account, evidenceLine(s.Evidence))
	}
}

// synced counts the accounts of an office, and those of them that a directory sync brought.
func (b *casing) synced(office string) (managed, all int) {
	for i := range b.st.snap.Accounts {
		a := &b.st.snap.Accounts[i]
		if a.Enabled && office != "" && strings.EqualFold(a.Location, office) {
			all++
			if a.Managed() {
				managed++
			}
		}
	}
	return managed, all
}

// existing adds what is missing to an account that is there.
func (b *casing) existing(wanted []provisioning.Entitlement) propose.Proposal {
	a := b.c.Account
	out := propose.Grant(provisioning.ProfileOf(a), a, wanted, b.st.world)
	out.Kind = provisioning.KindUnconfigured
	return out
}

// collision reports whether the person meets an account that was somebody's, and says whose.
func (b *casing) collision() bool {
	found := false
	for _, m := range b.row.Mismatches {
		if m.Kind != provisioning.KindReusedID {
			continue
		}
		for _, id := range m.Accounts {
			a := &b.st.snap.Accounts[b.st.account[id]]
			found = true
			if b.address(a) {
				continue
			}
			if same, why := theirs(b.c.Person, a); same {
				b.check("rehire", provisioning.FindingWarning, "%s is the closed account of somebody with the same %s: if they are back, open it again; it is emptied first", a.ID, why)
			} else {
				b.check("id reuse", provisioning.FindingBad, "%s was the account of %s (%s): the id is never given to somebody else, ask the directory for another login",
					a.ID, a.FullName, numberWords(a.EmployeeNumber))
			}
		}
	}
	return found
}

// address reports whether an account meets the person by its email alone, and says whose it is now.
func (b *casing) address(a *provisioning.Account) bool {
	p := b.c.Person
	id, usable := propose.UserID(p)
	if (usable && strings.EqualFold(id, a.ID)) || !compare.SameEmail(a.Email, p.Email) {
		return false
	}
	owner := b.st.holder(a.ID)
	if owner == nil || compare.SameEmail(owner.Email, p.Email) {
		return false
	}
	b.check("email", provisioning.FindingBad, "the address %s is still on %s, the account of %s, whom the directory knows as %s now: mend that account's email first",
		p.Email, a.ID, owner.FullName, owner.Email)
	return true
}

func numberWords(n string) string {
	if n == "" {
		return "no employee number"
	}
	return "employee number " + n
}

// theirs reports whether a closed account may be a returner's own: what the two sides both say agrees, and something does. Only then
// may an operator say that it is (threats H4: name, employee number and start date are checked by two people).
func theirs(p *provisioning.Person, a *provisioning.Account) (same bool, why string) {
	number := a.EmployeeNumber != "" && p.EmployeeNumber != ""
	switch {
	case a.Enabled || (number && a.EmployeeNumber != p.EmployeeNumber):
		return false, ""
	case !correlate.SameName(p.FullName, a.FullName) && !strings.EqualFold(p.FullName, a.FullName):
		return false, ""
	case number:
		return true, "employee number " + a.EmployeeNumber + " and name"
	default:
		return true, "name, and no employee number to tell them apart"
	}
}

// rehire opens the closed account where the operator said that it is the person's own, and holds otherwise.
func (b *casing) rehire(wanted []provisioning.Entitlement) {
	var candidate *provisioning.Account
	for _, m := range b.row.Mismatches {
		for _, id := range m.Accounts {
			a := &b.st.snap.Accounts[b.st.account[id]]
			if same, _ := theirs(b.c.Person, a); m.Kind == provisioning.KindReusedID && same {
				candidate = a
			}
		}
	}
	if candidate == nil {
		b.c.Hold = "the login or email belongs to somebody else's account: a new login is needed, never theirs"
		return
	}
	b.reopen(candidate, wanted)
}

// reopen opens a closed account again where the operator said so, by its id and with a reason.
func (b *casing) reopen(candidate *provisioning.Account, wanted []provisioning.Entitlement) {
	o := b.c.Options
	switch {
	case candidate.Managed():
		b.hold("directory", "%s is owned by a directory sync: it opens the account again when the directory does", candidate.ID)
	case o.Rehire == "":
		b.c.Hold = fmt.Sprintf("%s is closed: compare name, employee number and start date, then say that it is theirs and why it is opened again", candidate.ID)
	case !strings.EqualFold(o.Rehire, candidate.ID):
		b.c.Hold = o.Rehire + " is not the account that was found: " + candidate.ID + " is"
	case strings.TrimSpace(o.Reason) == "":
		b.c.Hold = "say why you are sure that the account is theirs: it is recorded"
	default:
		b.c.Account = candidate
		b.restate(candidate, wanted)
		b.take(propose.Rehire(b.c.Person, candidate, b.st.world, wanted))
	}
}

// restate says what becomes of the rights that a closed account still holds: all groups go, and those that the policy gives come back.
func (b *casing) restate(a *provisioning.Account, wanted []provisioning.Entitlement) {
	for _, e := range a.Entitlements() {
		at := slices.IndexFunc(b.c.Rights, func(r Right) bool { return r.Entitlement == e })
		switch {
		case at >= 0 && slices.Contains(wanted, e) && e.Kind != provisioning.EntitlementGroup:
			b.c.Rights[at].State = RightStays
		case at < 0 && e.Kind != provisioning.EntitlementRole:
			b.c.Rights = append(b.c.Rights, Right{Entitlement: e, State: RightGoes, Why: "from the time before: emptied before the account is opened"})
		}
	}
	slices.SortStableFunc(b.c.Rights, func(x, y Right) int { return x.Compare(y.Entitlement) })
}
