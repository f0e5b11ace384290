package desk

import (
	"context"
	"math"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/certify"
	"rollcall/provisioning/report"
)

// pastBatches are the batches that began, the oldest first, but for those that are sealed to the operator; sealed is how many those are.
func (d *Desk) pastBatches(ctx context.Context) (list []*provisioning.Batch, sealed int, err error) {
	all, err := d.deps.Store.Batches(ctx, math.MaxInt32)
	if err != nil {
		return nil, 0, err
	}
	for i := len(all) - 1; i >= 0; i-- {
		switch b := all[i]; {
		case !begun(b.State):
		case d.mayRead(b):
			list = append(list, b)
		default:
			sealed++
		}
	}
	return list, sealed, nil
}

func sealedNote(n int) []string {
	if n == 0 {
		return nil
	}
	return []string{plural(n, "sealed batch") + " of other readers left out."}
}

// leaversTable has one row for each account that a batch closed.
func (d *Desk) leaversTable(ctx context.Context, q TableQuery) (*report.Table, error) {
	list, err := d.deps.Store.Removals(ctx, 0, false)
	if err != nil {
		return nil, err
	}
	batches, _, err := d.pastBatches(ctx)
	if err != nil {
		return nil, err
	}
	of := make(map[int64]*provisioning.Batch, len(batches))
	for _, b := range batches {
		of[b.ID] = b
	}
	left := d.leftAt()
	t := &report.Table{Title: "Leavers: access ended", Columns: []report.Column{
		text("name", "Name"), text("account", "Account"), text("why", "Why"), number("batch", "Batch"), text("by", "Committed by"), timeCol("left", "Left"), timeCol("asked", "Asked off"),
		timeCol("accepted", "Accepted off"), timeCol("seen_off", "Seen off"), number("minutes", "Minutes from leaving to seen off"), text("state", "State"),
	}, Notes: []string{
		"Seen off: allow_logon was read false on the global record and on every library record, after the act. It claims nothing about sessions.",
		"Left is what the directory says now: the leave date, or when the status changed. rollcall certificate BATCH gives each signed statement.",
	}}
	sealed := 0
	for i := len(list) - 1; i >= 0; i-- {
		r := &list[i]
		b := of[r.Batch]
		if b == nil {
			sealed++
			continue
		}
		if !q.takes(r.Accepted) || (q.Operator != "" && b.CommittedBy != q.Operator) {
			continue
		}
		state, minutes := "pending", report.None()
		switch {
		case r.Undone != "":
			state = r.Undone
		case !r.SeenOff.IsZero():
			state = "seen off"
		case r.Overdue(d.now()):
			state = "NOT SEEN OFF after 8 h"
		}
		at := left[r.Person]
		if m, ok := minutesSeenOff(at, r); ok {
			minutes = report.Number(m)
		}
		t.Rows = append(t.Rows, []report.Cell{
			report.Text(r.Name), report.Text(r.Account), report.Text(unitKind(b, r.Unit)), report.Number(r.Batch), report.Text(b.CommittedBy), report.At(at), report.At(r.Asked),
			report.At(r.Accepted), report.At(r.SeenOff), minutes, report.Text(state),
		})
	}
	t.Notes = append(t.Notes, sealedNote(sealed)...)
	return t, nil
}

func unitKind(b *provisioning.Batch, unit int64) string {
	for i := range b.Units {
		if b.Units[i].ID == unit {
			return string(b.Units[i].Kind)
		}
	}
	return ""
}

// leftAt is when each person who is not live left, as the directory says: by the leave date, else when the status changed.
func (d *Desk) leftAt() map[provisioning.PersonKey]time.Time {
	st := d.state.Load()
	at := make(map[provisioning.PersonKey]time.Time)
	if st == nil {
		return at
	}
	for i := range st.all {
		r := &st.all[i]
		if r.Person == nil || !r.Away {
			continue
		}
		ended := r.Person.LeaveDate
		if ended.IsZero() || ended.After(d.now()) {
			ended = r.Person.StatusChanged
		}
		for _, k := range r.Person.Keys() {
			at[k] = ended
		}
	}
	return at
}

// minutesSeenOff is how long it took from leaving to being seen off; ok is false where one of the two is not known, or the person left
// after that: access was ended ahead of the day.
func minutesSeenOff(left time.Time, r *provisioning.Removal) (minutes int64, ok bool) {
	if left.IsZero() || r.SeenOff.IsZero() || r.Undone != "" || r.SeenOff.Before(left) {
		return 0, false
	}
	return int64(r.SeenOff.Sub(left) / time.Minute), true
}

// joinersTable has one row for each account that a batch made or opened.
func (d *Desk) joinersTable(ctx context.Context, q TableQuery) (*report.Table, error) {
	t := &report.Table{Title: "Joiners: access given", Columns: []report.Column{
		text("name", "Name"), text("account", "Account"), text("office", "Office"), text("what", "What"), number("batch", "Batch"), text("by", "Committed by"),
		timeCol("done", "Read back"), number("changes", "Changes that took effect"), text("state", "State"),
	}}
	return t, d.eachUnit(ctx, q, t, func(b *provisioning.Batch, u *provisioning.Unit) {
		what, at, took := "", time.Time{}, 0
		for i := range u.Ops {
			op := &u.Ops[i]
			if op.State != provisioning.OpConfirmed {
				continue
			}
			took++
			if op.Change.Kind == provisioning.CreateAccount || op.Change.Kind == provisioning.EnableAccount {
				what, at = string(op.Change.Kind), op.DoneAt
			}
		}
		if what == "" || !q.takes(at) {
			return
		}
		t.Rows = append(t.Rows, []report.Cell{
			report.Text(u.Name), report.Text(u.Account), report.Text(u.Office), report.Text(what), report.Number(b.ID), report.Text(b.CommittedBy), report.At(at),
			report.Number(int64(took)), report.Text(string(u.State)),
		})
	})
}

// eachUnit walks the units of the batches that began, and notes the sealed ones.
func (d *Desk) eachUnit(ctx context.Context, q TableQuery, t *report.Table, visit func(b *provisioning.Batch, u *provisioning.Unit)) error {
	batches, sealed, err := d.pastBatches(ctx)
	if err != nil {
		return err
	}
	for _, b := range batches {
		if q.Operator != "" && b.CommittedBy != q.Operator {
			continue
		}
		for i := range b.Units {
			visit(b, &b.Units[i])
		}
	}
	t.Notes = append(t.Notes, sealedNote(sealed)...)
	return nil
}

// changesTable has one row for each change that was read back as done, by rollcall or by hand.
func (d *Desk) changesTable(ctx context.Context, q TableQuery) (*report.Table, error) {
	t := &report.Table{Title: "Changes by operator", Columns: []report.Column{
		timeCol("done", "Read back"), text("by", "Committed by"), text("account", "Account"), text("name", "Name"), text("why", "Why"), text("what", "What"),
		text("before", "Before"), text("after", "After"), number("batch", "Batch"), yesNo("by_hand", "By hand"), yesNo("ends", "Ends access"), text("evidence", "Evidence"),
	}}
	return t, d.eachUnit(ctx, q, t, func(b *provisioning.Batch, u *provisioning.Unit) {
		for i := range u.Ops {
			op := &u.Ops[i]
			if op.State != provisioning.OpConfirmed || !q.takes(op.DoneAt) {
				continue
			}
			c := op.Change
			before, after := c.Before, c.After
			if c.Kind == provisioning.CreateAccount {
				after = "created"
			}
			t.Rows = append(t.Rows, []report.Cell{
				report.At(op.DoneAt), report.Text(b.CommittedBy), report.Text(c.Account), report.Text(u.Name), report.Text(string(u.Kind)), report.Text(changeWords(c)),
				report.Text(before), report.Text(after), report.Number(b.ID), report.Yes(c.ByHand != ""), report.Yes(c.EndsAccess()), report.Text(op.Evidence),
			})
		}
	})
}

// changeWords says what a change is, and where.
func changeWords(c provisioning.Change) string {
	words := string(c.Kind)
	if c.Object != "" {
		words += " " + c.Object
	}
	if c.Library != "" {
		words += " in " + c.Library
	}
	return words
}

// approvalsTable has one row for each approval, and one for each release of a held batch.
func (d *Desk) approvalsTable(ctx context.Context, q TableQuery) (*report.Table, error) {
	all, err := d.deps.Store.Batches(ctx, math.MaxInt32)
	if err != nil {
		return nil, err
	}
	t := &report.Table{Title: "Approvals and releases", Columns: []report.Column{
		timeCol("at", "When"), text("what", "What"), text("by", "By"), text("person", "Person"), number("batch", "Batch"), text("requester", "Requested by"), text("needs", "Needed because"),
		number("people", "People typed"), text("reason", "Reason"), text("hash", "Hash"), text("state", "State of the batch"),
	}}
	sealed := 0
	for i := len(all) - 1; i >= 0; i-- {
		b := all[i]
		if !d.mayRead(b) {
			sealed++
			continue
		}
		for _, a := range b.Approvals {
			if !q.takes(a.At) || (q.Operator != "" && a.By != q.Operator) {
				continue
			}
			what := "approved"
			if a.Void {
				what = "approved, void since the batch was edited"
			}
			t.Rows = append(t.Rows, []report.Cell{
				report.At(a.At), report.Text(what), report.Text(a.By), report.Text(a.Approver), report.Number(b.ID), report.Text(a.Requester), report.Text(b.Needs),
				report.None(), report.None(), report.Text(a.Hash), report.Text(string(b.State)),
			})
		}
		releases := b.Singly
		if b.Release != nil {
			releases = append([]provisioning.Release{*b.Release}, releases...)
		}
		for _, r := range releases {
			if !q.takes(r.At) || (q.Operator != "" && r.By != q.Operator) {
				continue
			}
			what := "released whole"
			if r.Account != "" {
				what = "released " + r.Account
			}
			t.Rows = append(t.Rows, []report.Cell{
				report.At(r.At), report.Text(what), report.Text(r.By), report.None(), report.Number(b.ID), report.Text(b.CreatedBy), report.Text(b.Needs),
				report.Number(int64(r.People)), report.Text(r.Reason), report.Text(r.Hash), report.Text(string(b.State)),
			})
		}
	}
	t.Notes = append(t.Notes, sealedNote(sealed)...)
	return t, nil
}

// reviewsTable has one row for each access review.
func (d *Desk) reviewsTable(ctx context.Context, q TableQuery) (*report.Table, error) {
	list, err := d.deps.Store.Campaigns(ctx)
	if err != nil {
		return nil, err
	}
	t := &report.Table{Title: "Access reviews", Columns: []report.Column{
		number("review", "Review"), text("name", "Name"), text("state", "State"), timeCol("opened", "Opened"), text("by", "Opened by"), timeCol("due", "Due"), number("items", "Items"), number("kept", "Kept"),
		number("revoked", "Revoked"), number("policy", "By policy, undecided"), number("open", "Open"), text("undecided", "Policy for undecided"), number("batch", "Batch"), timeCol("closed", "Closed"), timeCol("done", "Closing snapshot"),
	}}
	for i := len(list) - 1; i >= 0; i-- {
		c := list[i]
		if !q.takes(c.CreatedAt) || (q.Operator != "" && c.CreatedBy != q.Operator) {
			continue
		}
		r, err := d.OpenReview(ctx, c.ID)
		if err != nil {
			return nil, err
		}
		r.mu.RLock()
		o := certify.Settle(c, r.items, r.board.States())
		r.mu.RUnlock()
		batch := report.None()
		if c.Batch != 0 {
			batch = report.Number(c.Batch)
		}
		kept, revoked, policy, open := len(o.Kept), len(o.Revoked), len(o.ByPolicy), len(o.Escalated)
		if c.State == provisioning.CampaignOpen { // the policy has said nothing yet
			open += policy
			if c.Undecided == provisioning.UndecidedRevoke {
				revoked -= policy
			} else {
				kept -= policy
			}
			policy = 0
		}
		t.Rows = append(t.Rows, []report.Cell{
			report.Number(c.ID), report.Text(c.Name), report.Text(string(c.State)), report.At(c.CreatedAt), report.Text(c.CreatedBy), report.At(lastDue(c)), report.Number(int64(c.Items)),
			report.Number(int64(kept)), report.Number(int64(revoked)), report.Number(int64(policy)), report.Number(int64(open)), report.Text(c.Undecided), batch,
			report.At(c.ClosedAt), report.At(c.DoneAt),
		})
	}
	return t, nil
}

func lastDue(c *provisioning.Campaign) (due time.Time) {
	for _, s := range c.Stages {
		if s.Due.After(due) {
			due = s.Due
		}
	}
	return due
}

// ScopeWords says a scope in a line.
func ScopeWords(s provisioning.CampaignScope) string {
	var parts []string
	add := func(what string, list []string) {
		if len(list) > 0 {
			parts = append(parts, what+" "+strings.Join(list, ", "))
		}
	}
	add("libraries", s.Libraries)
	add("groups", s.Groups)
	add("roles", s.Roles)
	add("offices", s.Offices)
	add("practices", s.Practices)
	for _, one := range []struct {
		set  bool
		word string
	}{{s.Externals, "external accounts"}, {s.Admins, "administrators"}, {s.Dormant, "unused accounts"}} {
		if one.set {
			parts = append(parts, one.word)
		}
	}
	if s.ChangedNow {
		parts = append(parts, "given since "+s.Since.Local().Format("2 Jan 2006 15:04"))
	}
	if len(parts) == 0 {
		return "all access"
	}
	return strings.Join(parts, "; ")
}
