package desk

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rollcall/provisioning"
)

const (
	// leaverLate is how long after leaving somebody may still sign in before others are told.
	leaverLate = 24 * time.Hour
	// reviewSoon is how long before a stage's last day its reviewers' desk is told.
	reviewSoon  = 48 * time.Hour
	mostNoticed = 20
	lastBatches = 200
)

// Notices are the matters that somebody should know of who is not looking, as things stand: reads that were not whole, leavers who can
// still sign in a day after they left or whose day nobody knows, or who are not seen off in time, batches that wait for a second person,
// and reviews whose last day is near. A sealed batch is named by its number alone.
func (d *Desk) Notices(ctx context.Context) ([]provisioning.Notice, error) {
	var list []provisioning.Notice
	add := func(kind provisioning.NoticeKind, key string, severity provisioning.Severity, rows []string, format string, args ...any) {
		list = append(list, provisioning.Notice{
			Kind: kind, Key: string(kind) + ": " + key, Severity: severity, At: d.now(), Text: fmt.Sprintf(format, args...), Rows: rows[:min(len(rows), mostNoticed)],
		})
	}
	if st := d.state.Load(); st != nil {
		for _, p := range st.snap.Proofs {
			if !p.Complete {
				add(provisioning.NoticeUnproven, p.Source, provisioning.SeverityWarning, nil, "%s was not read whole: %s. Nobody is called a leaver for being absent from it.", p.Source, p.Reason)
			}
		}
		for _, l := range d.openLeavers() {
			if l.minutes >= 0 && l.minutes < int64(leaverLate/time.Minute) {
				continue
			}
			name, account := rowName(l.row), rowAccount(l.row)
			since := "left " + plural(int(l.minutes/(24*60)), "day") + " ago and" //nolint:mnd // minutes of a day
			if l.minutes < 0 {                                                    // it may have been long ago
				since = "has left, nobody knows since when, and"
			}
			add(provisioning.NoticeOverdue, account, provisioning.SeverityDanger, []string{name + " (" + account + ")"}, "%s %s can still sign in to iManage as %s.", name, since, account)
		}
	}
	_, overdue, err := d.openRemovals(ctx)
	if err != nil {
		return nil, err
	}
	for i := range overdue {
		r := &overdue[i]
		add(provisioning.NoticeOverdue, fmt.Sprintf("batch %d %s", r.Batch, r.Account), provisioning.SeverityDanger, []string{r.Name + " (" + r.Account + ")"},
			"%s was disabled in batch %d and is not seen off after 8 hours.", r.Account, r.Batch)
	}
	batches, err := d.deps.Store.Batches(ctx, lastBatches)
	if err != nil {
		return nil, err
	}
	for _, b := range batches {
		if b.State != provisioning.BatchReviewed || b.Needs == "" {
			continue
		}
		var names []string
		for i := range b.Units {
			if d.mayRead(b) {
				names = append(names, b.Units[i].Name+" ("+b.Units[i].Account+")")
			}
		}
		slices.Sort(names)
		add(provisioning.NoticeApproval, fmt.Sprintf("batch %d %s", b.ID, b.Hash), provisioning.SeverityWarning, names, "Batch %d waits for a second person: %s.", b.ID, b.Needs)
	}
	campaigns, err := d.deps.Store.Campaigns(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range campaigns {
		if c.State != provisioning.CampaignOpen {
			continue
		}
		s := c.Stages[c.Stage]
		switch left := s.Due.Sub(d.now()); {
		case left < 0:
			add(provisioning.NoticeReview, fmt.Sprintf("review %d stage %d overdue", c.ID, c.Stage), provisioning.SeverityWarning, nil, "Access review %d, %s, should have ended on %s.", c.ID, c.Name, s.Due.Local().Format("2 Jan 2006"))
		case left < reviewSoon:
			add(provisioning.NoticeReview, fmt.Sprintf("review %d stage %d", c.ID, c.Stage), provisioning.SeverityNotice, nil, "Access review %d, %s, ends on %s.", c.ID, c.Name, s.Due.Local().Format("2 Jan 2006 15:04"))
		}
	}
	return list, nil
}
