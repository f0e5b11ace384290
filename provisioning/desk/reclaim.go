package desk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/licence"
	"rollcall/provisioning/staging"
)

// Notice is what a notice of unused seats came to.
type Notice struct {
	Reclaims []provisioning.Reclaim
	// Left are the accounts that no notice was given of, each with the reason.
	Left []Left
	Text []byte // the notice, for each person a part: to be sent by whoever gave it
}

// GiveNotice gives notice that the seats of some accounts are to be taken back after the grace days, and writes it out. Only what is
// reclaimable gets one; what is not is named with the reason.
func (d *Desk) GiveNotice(ctx context.Context, accounts []string) (*Notice, error) {
	if err := d.mayChange(); err != nil {
		return nil, err
	}
	_, book, err := d.counted(ctx)
	if err != nil {
		return nil, err
	}
	open, err := d.deps.Store.Reclaims(ctx, true)
	if err != nil {
		return nil, err
	}
	noticed := make(map[string]provisioning.Reclaim)
	for _, r := range open {
		noticed[r.Account] = r
	}
	n := &Notice{}
	rules, now := d.policy().Licences, d.now()
	for _, id := range accounts {
		id = strings.ToUpper(id)
		i, known := slices.BinarySearchFunc(book.Seats, id, func(s Seat, id string) int { return strings.Compare(s.Account, id) })
		if !known {
			n.Left = append(n.Left, Left{Key: id, Name: id, Why: "there is no such account"})
			continue
		}
		s := &book.Seats[i]
		if why := notReclaimable(s, rules.Reclaim, noticed); why != "" {
			n.Left = append(n.Left, Left{Key: id, Name: s.Name, Why: why})
			continue
		}
		n.Reclaims = append(n.Reclaims, provisioning.Reclaim{
			Account: s.Account, Person: s.Person, Name: s.Name, Email: s.Email, Office: s.Office, Class: s.Class, Price: s.Price, LastUsed: s.Last, Evidence: s.How,
			NoticedAt: now, NoticedBy: d.deps.Operator.Name, ActAfter: now.Add(rules.Grace),
		})
	}
	if len(n.Reclaims) == 0 {
		return n, &provisioning.Error{Code: provisioning.Invalid, Message: "no seat of these may be taken back: " + leftWords(n.Left), Hint: "the reasons stand at each seat"}
	}
	e := d.event(provisioning.EventReclaim, "", fmt.Sprintf("notice given of %s, to be taken back after %s: %s", plural(len(n.Reclaims), "unused seat"),
		now.Add(rules.Grace).UTC().Format("2006-01-02 15:04 UTC"), strings.Join(reclaimAccounts(n.Reclaims), ", ")))
	if err := d.deps.Store.NoticeReclaims(ctx, n.Reclaims, e); err != nil {
		return nil, err
	}
	n.Text = noticeText(d.deps.Firm, rules.Currency, n.Reclaims)
	return n, nil
}

func leftWords(list []Left) string {
	if len(list) == 0 {
		return "none was named"
	}
	said := list[0].Name + " (" + list[0].Key + "): " + list[0].Why
	if len(list) > 1 {
		said += fmt.Sprintf(", and %d more", len(list)-1)
	}
	return said
}

// notReclaimable says why no notice is given of a seat; "" where it is.
func notReclaimable(s *Seat, days int, noticed map[string]provisioning.Reclaim) string {
	switch r, open := noticed[s.Account]; {
	case open:
		return fmt.Sprintf("notice was given on %s", r.NoticedAt.Local().Format("2 Jan 2006"))
	case s.Disabled:
		return "the account is disabled already"
	case !s.Paid:
		return "the seat costs nothing"
	case s.Leaver:
		return "the person has left: stage the leaver"
	case s.Kept != "":
		return s.Kept
	case s.Usage == provisioning.UsageUnknown:
		return "nobody can tell whether it is used: " + s.How
	case s.Usage == provisioning.NotUsed && s.Idle < days:
		return fmt.Sprintf("it is unused for %d days, and the policy takes a seat back after %d: %s", s.Idle, days, s.How)
	case !s.Reclaimable(days):
		return fmt.Sprintf("it was used within %d days: %s", days, s.How)
	default:
		return ""
	}
}

// NoNotice says why no notice may be given of a seat of a book now, in the words in which GiveNotice would leave it out; "" where one may.
// reclaims are the notices that are known, of whatever state.
func NoNotice(b *SeatBook, s *Seat, reclaims []provisioning.Reclaim) string {
	noticed := make(map[string]provisioning.Reclaim, 1)
	for i := range reclaims {
		r := &reclaims[i]
		if r.Account == s.Account && (r.State == provisioning.ReclaimNoticed || r.State == provisioning.ReclaimStaged) {
			noticed[r.Account] = *r
		}
	}
	return notReclaimable(s, b.Reclaim, noticed)
}

func reclaimAccounts(list []provisioning.Reclaim) []string {
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].Account
	}
	return ids
}

// Reclaims lists the seats that notice was given of, the newest first; what became of those whose batch has ended is settled first.
func (d *Desk) Reclaims(ctx context.Context, open bool) ([]provisioning.Reclaim, error) {
	if d.ReadOnly() == "" {
		if err := d.settleReclaims(ctx); err != nil {
			return nil, err
		}
	}
	return d.deps.Store.Reclaims(ctx, open)
}

// settleReclaims moves the reclaims whose batch did what it did: done, or not, with the reason.
func (d *Desk) settleReclaims(ctx context.Context) error {
	open, err := d.deps.Store.Reclaims(ctx, true)
	if err != nil {
		return err
	}
	for i := range open {
		r := &open[i]
		if r.State != provisioning.ReclaimStaged {
			continue
		}
		b, err := d.deps.Store.Batch(ctx, r.Batch)
		if err != nil {
			return err
		}
		to, why := reclaimed(b, r.Account)
		if to == "" {
			continue
		}
		e := d.batchEvent(provisioning.EventReclaim, b.ID, string(to)+": "+why)
		e.Subject = r.Account
		if err := d.deps.Store.MoveReclaims(ctx, []int64{r.ID}, provisioning.ReclaimStaged, to, 0, why, d.now(), e); err != nil && provisioning.CodeOf(err) != provisioning.Stale {
			return err
		}
	}
	return nil
}

// reclaimed says what became of an account's seat in a batch; "" while nothing has yet.
func reclaimed(b *provisioning.Batch, account string) (to provisioning.ReclaimState, why string) {
	for i := range b.Units {
		u := &b.Units[i]
		if !strings.EqualFold(u.Account, account) || len(u.Ops) == 0 {
			continue
		}
		switch op := &u.Ops[0]; {
		case op.State == provisioning.OpConfirmed:
			return provisioning.ReclaimDone, "the account was closed " + op.DoneAt.UTC().Format("2006-01-02 15:04 UTC")
		case op.State == provisioning.OpAlready:
			return provisioning.ReclaimDone, "the account was closed already"
		case op.State == provisioning.OpParked || op.State == provisioning.OpDrifted || op.State == provisioning.OpFailed || op.State == provisioning.OpCancelled:
			return provisioning.ReclaimCancelled, strings.TrimSpace("not taken back: " + op.Error)
		case b.State == provisioning.BatchCancelled:
			return provisioning.ReclaimCancelled, "its batch was cancelled"
		default:
			return "", ""
		}
	}
	return provisioning.ReclaimCancelled, "it was taken out of its batch"
}

// WithdrawNotice takes notices back: the seats stay.
func (d *Desk) WithdrawNotice(ctx context.Context, ids []int64, reason string) error {
	if err := d.mayChange(); err != nil {
		return err
	}
	why := strings.TrimSuffix("taken back by "+d.deps.Operator.Name+": "+strings.TrimSpace(reason), ": ")
	return d.deps.Store.MoveReclaims(ctx, ids, provisioning.ReclaimNoticed, provisioning.ReclaimCancelled, 0, why, d.now(),
		d.event(provisioning.EventReclaim, "", fmt.Sprintf("%s %s", plural(len(ids), "notice"), why)))
}

// ReclaimStaged says what staging the seats whose grace days are over came to.
type ReclaimStaged struct {
	Batch  int64
	People int
	// Cancelled are those that were used since, each with the reason: their notice is over. Waiting are those that cannot be told now, or
	// whose grace days run: they stay.
	Cancelled []Left
	Waiting   []Left
	// Money is what the seats cost less when the batch is done, a year: what the batch says of itself, without its sign. It is 0 for a seat
	// whose contract counts a disabled account too.
	Money provisioning.Money
}

// StageReclaims stages the accounts whose grace days are over as a batch, after a fresh look at the use of each: one that was used, or that
// nobody can tell of, is not staged. The use is looked at again right before each change is sent (LiveCheck).
func (d *Desk) StageReclaims(ctx context.Context, ids []int64) (*ReclaimStaged, error) {
	if err := d.mayChange(); err != nil {
		return nil, err
	}
	st, err := d.knownState()
	if err != nil {
		return nil, err
	}
	open, err := d.Reclaims(ctx, true)
	if err != nil {
		return nil, err
	}
	s := &ReclaimStaged{}
	var units []provisioning.Unit
	var staged []int64
	for i := range open {
		r := &open[i]
		if r.State != provisioning.ReclaimNoticed || (len(ids) > 0 && !slices.Contains(ids, r.ID)) {
			continue
		}
		if d.now().Before(r.ActAfter) {
			s.Waiting = append(s.Waiting, Left{Key: r.Account, Name: r.Name, Why: "the grace days run until " + r.ActAfter.Local().Format("2 Jan 2006 15:04")})
			continue
		}
		why, used := d.unused(ctx, st, r)
		switch {
		case used:
			if err := d.deps.Store.MoveReclaims(ctx, []int64{r.ID}, provisioning.ReclaimNoticed, provisioning.ReclaimCancelled, 0, why, d.now(), d.event(provisioning.EventReclaim, r.Account, "not taken back: "+why)); err != nil {
				return nil, err
			}
			s.Cancelled = append(s.Cancelled, Left{Key: r.Account, Name: r.Name, Why: why})
			continue
		case why != "":
			s.Waiting = append(s.Waiting, Left{Key: r.Account, Name: r.Name, Why: why})
			continue
		}
		c := provisioning.Change{Kind: provisioning.DisableAccount, Account: r.Account, Before: provisioning.ValueEnabled, After: provisioning.ValueDisabled}
		c.ByHand = d.byHand(c)
		u := staging.NewUnit(r.Person, r.Account, r.Name, r.Office, provisioning.KindReclaim, []provisioning.Change{c})
		u.Reason = "unused seat, notice of " + r.NoticedAt.UTC().Format(time.DateOnly) + ": " + r.Evidence
		for _, m := range d.moneyOf(st, &u) {
			s.Money -= m
		}
		units, staged = append(units, u), append(staged, r.ID)
	}
	if len(units) == 0 {
		return s, nil
	}
	b, err := d.newBatch(ctx, "unused seats", time.Time{}, "", nil, units)
	if err != nil {
		return s, err
	}
	s.Batch, s.People = b.ID, len(units)
	e := d.batchEvent(provisioning.EventReclaim, b.ID, fmt.Sprintf("%s staged to be taken back in batch %d", plural(len(units), "unused seat"), b.ID))
	return s, d.deps.Store.MoveReclaims(ctx, staged, provisioning.ReclaimNoticed, provisioning.ReclaimStaged, b.ID, "", d.now(), e)
}

// unused looks at an account's use now: "" where it is surely unused, else why it is not taken back. used says that it surely is used, or
// that the account is another thing by now.
func (d *Desk) unused(ctx context.Context, st *compared, r *provisioning.Reclaim) (why string, used bool) {
	reader, ok := d.deps.DMS.(provisioning.ActivityReader)
	if !ok {
		return "the document system tells nothing of the use of accounts", false
	}
	a, found, err := d.deps.DMS.Account(ctx, r.Account)
	switch {
	case err != nil:
		return "the account could not be read: " + provisioning.Reason(err), false
	case !found:
		return "the account is gone", true
	case !a.Enabled:
		return "the account is disabled already", true
	}
	list, err := reader.Activity(ctx, []provisioning.Account{a}, d.useSince(), nil)
	if err != nil || len(list) != 1 {
		return "its use could not be read again", false
	}
	person, why := d.freshPerson(ctx, st, r.Account)
	if why != "" {
		return why, false
	}
	why = licence.Check(r, &a, person, &list[0], d.now(), d.policy().Licences.Reclaim)
	f := licence.Use(&a, person, &list[0], d.now(), d.policy().Licences.Reclaim)
	return why, why != "" && f.Usage == provisioning.Used
}

// freshPerson reads who an account is linked to again, for their latest sign-in to any directory; nil where nobody is.
func (d *Desk) freshPerson(ctx context.Context, st *compared, account string) (p *provisioning.Person, why string) {
	row := st.owners()[account]
	if row == nil {
		return nil, ""
	}
	fresh := *row.Person
	for _, k := range row.Person.Keys() {
		i := slices.IndexFunc(d.deps.Directories, func(x provisioning.Directory) bool { return x.Name() == k.Directory })
		if i < 0 {
			continue
		}
		now, found, err := d.deps.Directories[i].Lookup(ctx, k.ID)
		if err != nil {
			return nil, k.Directory + " could not be asked for the last sign-in: " + provisioning.Reason(err)
		}
		if found && now.LastSignIn.After(fresh.LastSignIn) {
			fresh.LastSignIn = now.LastSignIn
		}
	}
	return &fresh, ""
}

// stillUnused is the look at the use of a seat right before it is taken back; "" to go on.
func (d *Desk) stillUnused(ctx context.Context, u *provisioning.Unit) string {
	open, err := d.deps.Store.Reclaims(ctx, true)
	if err != nil {
		return "the notice cannot be read: " + provisioning.Reason(err)
	}
	i := slices.IndexFunc(open, func(r provisioning.Reclaim) bool {
		return r.Account == u.Account && r.State == provisioning.ReclaimStaged && r.Batch == u.Batch
	})
	if i < 0 {
		return "no notice of this seat stands any more"
	}
	st := d.state.Load()
	if st == nil {
		return "nothing has been read yet"
	}
	why, _ := d.unused(ctx, st, &open[i])
	return why
}
