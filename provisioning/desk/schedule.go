package desk

import (
	"context"
	"fmt"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/staging"
)

// onTime is how long after its minute a batch may still begin by itself: one that missed it is never begun silently.
const onTime = time.Minute

// Schedule confirms a reviewed batch for a minute of its own: the same checks as Commit, and the same typed number. From then on it
// begins by itself at that minute, while a process that owns the store runs the schedule, if the guards still let it go. The minute is
// part of what is frozen: c.Hash is that of the batch as it was on the screen, the stored one covers the minute too. A minute that has
// passed is Invalid.
func (d *Desk) Schedule(ctx context.Context, c Commit, at time.Time) error {
	b, err := d.ordered(ctx, c, provisioning.BatchReviewed, provisioning.BatchApproved)
	if err != nil {
		return err
	}
	return d.schedule(ctx, b, c, at)
}

// Reschedule gives a scheduled batch another minute. It is an order like the first one: the hash, the guards and the typed number.
func (d *Desk) Reschedule(ctx context.Context, c Commit, at time.Time) error {
	b, err := d.ordered(ctx, c, provisioning.BatchScheduled)
	if err != nil {
		return err
	}
	return d.schedule(ctx, b, c, at)
}

func (d *Desk) schedule(ctx context.Context, b *provisioning.Batch, c Commit, at time.Time) error {
	due := at.UTC().Truncate(time.Minute)
	if err := d.future(due); err != nil {
		return err
	}
	if !due.Equal(b.Due) || b.Zone == "" {
		b.Due, b.Zone = due, zone(at)
	}
	if hash := staging.Hash(b); hash != b.Hash {
		b.Hash, b.Release = hash, nil
	}
	v, released, err := d.confirmed(ctx, b, c)
	if err != nil {
		return err
	}
	if b.State == provisioning.BatchScheduled { // it cannot begin at the old minute any more; the rest follows
		if err := d.deps.Store.MoveBatch(ctx, b.ID, provisioning.BatchDraft, "", "", d.event(provisioning.EventScheduled, "", "another minute")); err != nil {
			return err
		}
		now, err := d.deps.Store.Batch(ctx, b.ID)
		if err != nil {
			return err
		}
		b.Version, b.State = now.Version, provisioning.BatchReviewed
	}
	minute := due.Format("2006-01-02 15:04 UTC")
	e := d.batchEvent(provisioning.EventReviewed, b.ID, "for "+minute+", hash "+b.Hash)
	if released != "" {
		e = d.batchEvent(provisioning.EventReleased, b.ID, released)
	}
	if err := d.save(ctx, b, e); err != nil {
		return err
	}
	e = d.event(provisioning.EventScheduled, "", fmt.Sprintf("for %s: %d people, %d changes, hash %s", minute, len(b.Units), v.Changes, b.Hash))
	if err := d.deps.Store.MoveBatch(ctx, b.ID, provisioning.BatchScheduled, b.Hash, "", e); err != nil {
		return err
	}
	d.noDraft(b.ID)
	d.lookNow()
	return nil
}

// zone names the time zone of a moment: the place, or where this machine does not say which that is the clocks' own word for it.
func zone(at time.Time) string {
	if name := at.Location().String(); name != "" && name != "Local" {
		return name
	}
	short, _ := at.Zone()
	return short
}

// future refuses a minute that has passed.
func (d *Desk) future(due time.Time) error {
	if due.Before(d.now().Truncate(time.Minute)) {
		return &provisioning.Error{
			Code: provisioning.Invalid, Message: "that minute has passed: " + due.Local().Format("Mon 2 Jan 2006 15:04 MST"), Hint: "give one that is to come, or commit it now",
		}
	}
	return nil
}

// Unschedule takes a scheduled batch, or one that missed its minute, back to a draft of its own: it does not begin by itself any more.
// The batch that is being staged is left alone; where there is none, one that no wizard made becomes it.
func (d *Desk) Unschedule(ctx context.Context, id int64) error {
	if err := d.mayChange(); err != nil {
		return err
	}
	b, err := d.batch(ctx, id)
	if err != nil {
		return err
	}
	if b.State != provisioning.BatchScheduled && b.State != provisioning.BatchMissed {
		return &provisioning.Error{Code: provisioning.Invalid, Message: fmt.Sprintf("batch %d is %s: it does not begin by itself", b.ID, b.State)}
	}
	if b, err = d.takeBack(ctx, b); err != nil {
		return err
	}
	if b.Title != "" || b.Sealed() || d.Draft() != 0 {
		return nil
	}
	b.Due, b.Zone = time.Time{}, ""
	if err := d.save(ctx, b, d.event(provisioning.EventStaged, "", "without a minute")); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.draft == nil {
		d.setDraft(b)
	}
	return nil
}

// takeBack makes a batch of the calendar a draft, which has lost its hash and its release.
func (d *Desk) takeBack(ctx context.Context, b *provisioning.Batch) (*provisioning.Batch, error) {
	e := d.event(provisioning.EventScheduled, "", "taken back by "+d.deps.Operator.Name)
	if err := d.deps.Store.MoveBatch(ctx, b.ID, provisioning.BatchDraft, "", "", e); err != nil {
		return nil, err
	}
	return d.deps.Store.Batch(ctx, b.ID)
}

// missed reports whether a batch missed its minute, told by a process that looked or not: one that is overdue does not begin any more.
func (d *Desk) missed(b *provisioning.Batch) bool {
	return b.State == provisioning.BatchMissed || (b.State == provisioning.BatchScheduled && d.now().Sub(b.Due) > onTime)
}

// Calendar lists the batches that have a minute of their own to come, and those that missed theirs, the earliest first. A sealed one
// that the operator may not read tells its minute and nothing else.
func (d *Desk) Calendar(ctx context.Context) ([]Planned, error) {
	batches, err := d.deps.Store.Scheduled(ctx)
	if err != nil {
		return nil, err
	}
	var list []Planned
	for _, b := range batches {
		p := Planned{ID: b.ID, State: b.State, Due: b.Due, Zone: b.Zone, Sealed: b.Sealed(), Hidden: !d.mayRead(b), Title: "sealed"}
		if d.missed(b) {
			p.State = provisioning.BatchMissed
		}
		if !p.Hidden {
			p.Title, p.By, p.People = title(b), b.CommittedBy, len(b.Units)
			for i := range b.Units {
				if b.Units[i].EndsAccess() {
					p.Lose++
				}
			}
		}
		list = append(list, p)
	}
	return list, nil
}

// title says what a batch is for.
func title(b *provisioning.Batch) string {
	switch {
	case b.Title != "":
		return b.Title
	case len(b.Units) == 1:
		return string(b.Units[0].Kind) + " " + b.Units[0].Name
	default:
		return fmt.Sprintf("%d people", len(b.Units))
	}
}

// Missed lists the batches of the calendar that missed their minute: a start offers them. None begins without another review and
// another typed number.
func (d *Desk) Missed(ctx context.Context) ([]Planned, error) {
	list, err := d.Calendar(ctx)
	var missed []Planned
	for _, p := range list {
		if p.State == provisioning.BatchMissed {
			missed = append(missed, p)
		}
	}
	return missed, err
}
