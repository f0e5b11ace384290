package desk

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/propose"
)

// leaver prepares the end of somebody's access, with everything that they would leave behind.
func (b *casing) leaver(ctx context.Context) error {
	a := b.c.Account
	if a == nil {
		b.hold("account", "%s has no account that is linked: there is nothing to end", b.c.Name)
		return nil
	}
	b.known()
	b.self(ctx)
	b.standing()
	for _, library := range a.Administers() {
		switch n := b.st.otherAdministrators(library, a.ID); n {
		case 0:
			b.hold("administrator", "%s is the last enabled administrator of %s: appoint another one first, nobody could after", a.ID, library)
		default:
			b.check("administrator", provisioning.FindingWarning, "administers %s: NRTADMIN goes right after the disabling, %s", library, remain(n))
		}
	}
	for _, r := range a.GlobalRoles {
		b.check("administrator", provisioning.FindingWarning, "holds the global role %s, over the whole tenant", r)
	}
	b.alone()
	if err := b.ends(ctx); err != nil {
		return err
	}
	o := b.c.Options
	changes := propose.LeaverWith(a, b.st.world, b.c.Ends, strings.ToUpper(o.Successor), o.Release)
	for _, c := range changes {
		if c.Kind == provisioning.LeaveGroup && c.ByHand != "" {
			b.check("disabled group", provisioning.FindingWarning, "group %s/%s: %s: it is a step by hand", c.Library, c.Object, c.ByHand)
		}
	}
	b.c.kind, b.c.now = provisioning.KindLeaver, changes
	b.c.Covers = covers(a, changes)
	for _, e := range a.Entitlements() {
		b.c.Rights = append(b.c.Rights, Right{Entitlement: e, State: RightGoes, Why: "leaver"})
	}
	if !a.Enabled {
		b.check("account", provisioning.FindingWarning, "%s is disabled already: what it still holds is taken away", a.ID)
	}
	return nil
}

// self holds the end of the operator's own access, and of rollcall's (threats G3).
func (b *casing) self(ctx context.Context) {
	a := b.c.Account
	switch {
	case strings.EqualFold(a.ID, b.d.deps.Operator.Account):
		b.hold("self", "%s is your own account: somebody else must do it", a.ID)
	case strings.EqualFold(a.ID, b.d.identity(ctx)):
		b.hold("self", "%s is the account that rollcall signs in with", a.ID)
	case b.st.world.Policy.Service(a.ID):
		b.hold("protected", "%s is a listed service account", a.ID)
	}
}

// standing says how the directories see the person, and what the end of their access rests on: an explicit status, a proven absence, or
// an operator's word for somebody who is still active.
func (b *casing) standing() {
	p, row := b.c.Person, b.row
	if p == nil {
		b.check("person", provisioning.FindingWarning, "nobody in the directory stands behind %s", b.c.Account.ID)
		if people, _ := b.d.proven(b.st.snap); !people {
			b.hold("proof", "the directories were not read whole: that nobody stands behind the account is not proven")
		}
		return
	}
	for _, r := range records(p) {
		b.c.Idp = append(b.c.Idp, directoryLine(r, row))
	}
	switch {
	case row.Absence != nil && !row.Absence.Proven:
		b.hold("proof", "%s was not in the last read, and the absence is not proven: %s", b.c.Name, row.Absence.How)
	case row.Absence != nil || p.Status.Ended():
		b.check("directory", provisioning.FindingGood, "%s", believed(row, b.d.Roll()))
	case strings.TrimSpace(b.c.Options.Reason) == "":
		b.c.NeedsReason = true
		b.check("directory", provisioning.FindingWarning, "%s: end it there too, and say on whose word the access ends here", b.c.Idp[0])
		if b.c.Hold == "" {
			b.c.Hold = "the directory says that they are active: give the reason why their access ends (who asked, which ticket)"
		}
	default:
		b.c.NeedsReason = true
		b.check("directory", provisioning.FindingWarning, "%s: it ends here on your word (%s); end it there too", b.c.Idp[0], b.c.Options.Reason)
	}
}

func records(p *provisioning.Person) []*provisioning.Person {
	if len(p.Records) > 0 {
		return p.Records
	}
	return []*provisioning.Person{p}
}

// directoryLine says how one directory sees a person.
func directoryLine(p *provisioning.Person, row *Row) string {
	since := p.StatusChanged
	if since.IsZero() {
		since = p.Created
	}
	when := ""
	if !since.IsZero() {
		when = " since " + since.Local().Format("2 Jan 2006")
	}
	switch {
	case row.Absence != nil:
		return "gone from " + p.Key.Directory + ": " + row.Absence.How
	case p.Status.Live():
		line := "still " + statusWord(p) + " in " + p.Key.Directory + when
		if !p.LastSignIn.IsZero() {
			line += ", last signed in " + p.LastSignIn.Local().Format("2 Jan 2006")
		}
		return line
	default:
		return statusWord(p) + " in " + p.Key.Directory + when
	}
}

func remain(n int) string {
	if n == 1 {
		return "1 other remains"
	}
	return fmt.Sprintf("%d others remain", n)
}

// alone names the groups of which the leaver is the last enabled member: whatever the group may open, nobody could any more.
func (b *casing) alone() {
	others := make(map[provisioning.GroupRef]int, len(b.c.Account.Groups))
	for i := range b.st.snap.Accounts {
		other := &b.st.snap.Accounts[i]
		if !other.Enabled || other.ID == b.c.Account.ID {
			continue
		}
		for _, g := range other.Groups {
			others[g]++
		}
	}
	var last []string
	for _, g := range b.c.Account.Groups {
		if g.Group != provisioning.NRTADMIN && others[g] == 0 {
			last = append(last, g.String())
		}
	}
	if len(last) > 0 {
		b.check("last member", provisioning.FindingWarning, "the last enabled member of %s: what it may open, nobody could after", strings.Join(last, ", "))
	}
}

// ends reads what the account would leave behind.
func (b *casing) ends(ctx context.Context) error {
	estate, ok := b.d.deps.DMS.(provisioning.Estate)
	if !ok {
		b.check("loose ends", provisioning.FindingWarning, "this connection cannot tell what they have checked out or own")
		return nil
	}
	var err error
	if b.c.Ends, err = estate.LooseEnds(ctx, b.c.Account.ID); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		b.check("loose ends", provisioning.FindingWarning, "what they have checked out or own could not be read: %s", err)
		return nil
	}
	ends, o := &b.c.Ends, b.c.Options
	if n := len(ends.CheckedOut); n > 0 {
		word := "they stay checked out: k ends that, and loses what was not saved"
		if o.Release {
			word = "the check-outs are ended, and what was not saved to iManage is lost"
		}
		b.check("documents", provisioning.FindingWarning, "%s checked out: %s", plural(n, "document"), word)
	}
	if n := len(ends.Owned); n > 0 {
		b.successor(n)
	}
	for _, u := range ends.Unread {
		b.check("loose ends", provisioning.FindingWarning, "not read, so not known to be nothing: %s", u)
	}
	return nil
}

// successor says what becomes of the workspaces, and checks who gets them.
func (b *casing) successor(n int) {
	sole := ""
	if k := len(b.c.Ends.Sole); k > 0 {
		sole = fmt.Sprintf(" (%d of them nobody else has full access to)", k)
	}
	id := strings.ToUpper(b.c.Options.Successor)
	if id == "" {
		b.check("workspaces", provisioning.FindingWarning, "owns %s%s: choose who gets them, or they stay with a closed account", plural(n, "workspace"), sole)
		return
	}
	i, ok := b.st.account[id]
	if !ok || !b.st.snap.Accounts[i].Enabled || id == b.c.Account.ID {
		b.hold("workspaces", "%s cannot get the workspaces: it must be somebody else's enabled account", id)
		return
	}
	heir := &b.st.snap.Accounts[i]
	missing := make(map[string]bool)
	for _, w := range b.c.Ends.Owned {
		if _, in := heir.Membership(w.Library); !in {
			missing[w.Library] = true
		}
	}
	for library := range missing {
		b.hold("workspaces", "%s is not in %s, where some of the workspaces are: choose somebody who is", id, library)
	}
	b.check("workspaces", provisioning.FindingGood, "%s%s go to %s (%s)", plural(n, "workspace"), sole, heir.FullName, id)
}

// covers says what the certificate of removal will tell.
func covers(a *provisioning.Account, changes []provisioning.Change) []string {
	lines := []string{"sign-in: allow_logon read false on the global record and in " + plural(len(a.Memberships), "library")}
	byHand := 0
	for _, c := range changes {
		switch c.Kind {
		case provisioning.LeaveGroup, provisioning.RemoveLibrary, provisioning.RemoveGlobalRole:
			lines = append(lines, what(c)+": asked, accepted, seen off")
		default:
		}
		if c.ByHand != "" {
			byHand++
		}
	}
	if byHand > 0 {
		lines = append(lines, plural(byHand, "step")+" by hand: ticked by an operator and read back")
	}
	return append(lines, "not a session that is still open: iManage may take up to eight hours")
}

// moment writes a minute in the operator's own zone.
func moment(t time.Time) string { return t.Local().Format("Mon 2 Jan 2006 15:04 MST") }
