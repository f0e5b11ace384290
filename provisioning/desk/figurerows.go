package desk

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/report"
)

// FigureRows opens a figure of the dashboard to the rows that it counts.
func (d *Desk) FigureRows(ctx context.Context, key string) (*report.Table, error) {
	st, err := d.knownState()
	if err != nil {
		return nil, err
	}
	group, what, _ := strings.Cut(key, ".")
	var t *report.Table
	switch group {
	case "mismatch":
		t, err = d.mismatchRows("Mismatch: "+what, func(m *provisioning.Mismatch) bool { return string(m.Kind) == what })
	case "leaver":
		t, err = d.leaverRows(ctx, what)
	case "seats":
		t, err = d.seatRows(ctx, st, what)
	case "review":
		t, err = d.reviewRows(ctx, what)
	case "read":
		t = unprovenRows(st)
	}
	if err == nil && t == nil {
		err = &provisioning.Error{Code: provisioning.NotFound, Message: "the dashboard has no figure " + key, Hint: "rollcall dashboard --json lists them"}
	}
	if err != nil {
		return nil, err
	}
	t.Name, t.Firm, t.By, t.Made = "figure", d.deps.Firm, d.deps.Operator.Name, d.now()
	return t, nil
}

func (d *Desk) leaverRows(ctx context.Context, what string) (*report.Table, error) {
	t := &report.Table{Columns: []report.Column{
		text("name", "Name"), text("account", "Account"), text("office", "Office"), timeCol("left", "Left"), timeCol("accepted", "Accepted off"), timeCol("seen_off", "Seen off"), {Key: "minutes", Title: "Minutes", Kind: report.KindNumber, Minutes: true},
	}}
	switch what {
	case "oldest":
		t.Title = "Leavers with a live account"
		for _, l := range d.openLeavers() {
			known := report.None()
			if l.minutes >= 0 {
				known = report.Number(l.minutes)
			}
			t.Rows = append(t.Rows, []report.Cell{report.Text(rowName(l.row)), report.Text(rowAccount(l.row)), report.Text(rowOffice(l.row)), report.At(l.left), report.None(), report.None(), known})
		}
		return t, nil
	case "mean":
		t.Title = fmt.Sprintf("Seen off in the last %d days", meanOverDays)
		list, err := d.seenOffLately(ctx)
		for _, one := range list {
			t.Rows = append(t.Rows, []report.Cell{report.Text(one.r.Name), report.Text(one.r.Account), report.None(), report.At(one.left), report.At(one.r.Accepted), report.At(one.r.SeenOff), report.Number(one.minutes)})
		}
		return t, err
	case "pending", "overdue":
		pending, overdue, err := d.openRemovals(ctx)
		t.Title = "Closed, not seen off yet"
		if what == "overdue" {
			t.Title, pending = "Not seen off after 8 h", overdue
		}
		for i := range pending {
			r := &pending[i]
			t.Rows = append(t.Rows, []report.Cell{
				report.Text(r.Name), report.Text(r.Account), report.None(), report.None(), report.At(r.Accepted), report.None(), report.Number(int64(d.now().Sub(r.Accepted) / time.Minute)),
			})
		}
		return t, err
	default:
		return nil, nil //nolint:nilnil // the caller says that there is no such figure
	}
}

func (d *Desk) reviewRows(ctx context.Context, what string) (*report.Table, error) {
	open, due, overdue, err := d.openReviews(ctx)
	if err != nil {
		return nil, err
	}
	list, ok := map[string][]*provisioning.Campaign{"open": open, "due": due, "overdue": overdue}[what]
	if !ok {
		return nil, nil //nolint:nilnil // the caller says that there is no such figure
	}
	t := &report.Table{Title: "Access reviews", Columns: []report.Column{
		number("review", "Review"), text("name", "Name"), text("state", "State"), text("stage", "Stage"), timeCol("due", "Due"), number("items", "Items"),
	}}
	for _, c := range list {
		s := c.Stages[c.Stage]
		t.Rows = append(t.Rows, []report.Cell{report.Number(c.ID), report.Text(c.Name), report.Text(string(c.State)), report.Text(s.Name), report.At(s.Due), report.Number(int64(c.Items))})
	}
	return t, nil
}

func unprovenRows(st *compared) *report.Table {
	t := &report.Table{Title: "Sources not read whole", Columns: []report.Column{text("source", "Source"), timeCol("at", "Read"), text("why", "Why")}}
	for _, p := range st.snap.Proofs {
		if !p.Complete {
			t.Rows = append(t.Rows, []report.Cell{report.Text(p.Source), report.At(p.At), report.Text(p.Reason)})
		}
	}
	return t
}
