package desk

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"rollcall/provisioning"
)

// The units of a figure. A figure without a unit counts its rows.
const (
	UnitMoney   = "money"   // the total of its rows' column money, a year
	UnitMinutes = "minutes" // of its rows' column minutes the mean, or where the key says so the greatest
)

// Figure is one number of the dashboard. FigureRows opens it to the rows that it counts.
type Figure struct {
	Key      string                `json:"key"`   // "mismatch.leaver", "seats.unknown"
	Group    string                `json:"group"` // mismatches, leavers, seats, reviews, reads
	Label    string                `json:"label"`
	Value    int64                 `json:"value"`
	Unit     string                `json:"unit,omitempty"`
	Currency string                `json:"currency,omitempty"`
	Rows     int                   `json:"rows"`
	Severity provisioning.Severity `json:"severity,omitempty"` // where the figure is bad news
	None     bool                  `json:"none,omitempty"`     // there is nothing to make it of: the value says nothing
	Note     string                `json:"note,omitempty"`
}

// Series is a figure over time.
type Series struct {
	Key    string  `json:"key"`
	Label  string  `json:"label"`
	Unit   string  `json:"unit,omitempty"`
	Points []Point `json:"points"`
}

// Point is a figure at a moment.
type Point struct {
	At    time.Time `json:"at"`
	Value int64     `json:"value"`
}

// Dashboard is the firm at a glance.
type Dashboard struct {
	Firm    string    `json:"firm"`
	Made    time.Time `json:"made"`
	ReadAt  time.Time `json:"read_at"`
	Figures []Figure  `json:"figures"`
	Series  []Series  `json:"series"`
}

const (
	seriesDays   = 90 // how far back the series go
	meanOverDays = 90 // over how many days the mean time to be seen off is taken
	dueSoonDays  = 14
)

// Dashboard makes the figures of the firm as it was read last, and how they went over the last 90 days.
func (d *Desk) Dashboard(ctx context.Context) (*Dashboard, error) {
	st, err := d.knownState()
	if err != nil {
		return nil, err
	}
	b := &Dashboard{Firm: d.deps.Firm, Made: d.now(), ReadAt: st.snap.TakenAt}
	reads := func(context.Context, *compared) ([]Figure, error) { return []Figure{readFigures(st)}, nil }
	mismatches := func(context.Context, *compared) ([]Figure, error) { return d.mismatchFigures(), nil }
	for _, more := range []func(context.Context, *compared) ([]Figure, error){d.leaverFigures, d.reviewFigures, reads, mismatches, d.seatFigures} {
		list, err := more(ctx, st)
		if err != nil {
			return nil, err
		}
		b.Figures = append(b.Figures, list...)
	}
	tallies, err := d.deps.Store.Tallies(ctx, d.now().AddDate(0, 0, -seriesDays))
	if err != nil {
		return nil, err
	}
	b.Series = series(tallies)
	return b, nil
}

// mismatchFigures counts the rows of the roster by kind, as its filters do.
func (d *Desk) mismatchFigures() []Figure {
	count := make(map[provisioning.Kind]int)
	roll := d.roll.Load()
	for i := range roll.Rows {
		for _, m := range roll.Rows[i].Mismatches {
			count[m.Kind]++
		}
	}
	var list []Figure
	for _, k := range provisioning.Kinds() {
		f := Figure{Key: "mismatch." + string(k), Group: "mismatches", Label: string(k), Value: int64(count[k]), Rows: count[k]}
		if count[k] > 0 {
			f.Severity = k.Severity()
		}
		list = append(list, f)
	}
	return list
}

// openLeaver is the row of a leaver whose account is still enabled, with when they left and for how long that is.
type openLeaver struct {
	row     *Row
	left    time.Time
	minutes int64 // -1: not known
}

// openLeavers are they, the oldest first; those of whom it is not known stand last.
func (d *Desk) openLeavers() (list []openLeaver) {
	roll := d.roll.Load()
	left := d.leftAt()
	for i := range roll.Rows {
		r := &roll.Rows[i]
		if r.Person == nil || !slices.ContainsFunc(r.Mismatches, func(m *provisioning.Mismatch) bool { return m.Kind == provisioning.KindLeaver }) {
			continue
		}
		l := openLeaver{r, left[r.Person.Key], -1}
		if !l.left.IsZero() && !l.left.After(d.now()) {
			l.minutes = int64(d.now().Sub(l.left) / time.Minute)
		}
		list = append(list, l)
	}
	slices.SortStableFunc(list, func(a, b openLeaver) int { return cmp.Compare(b.minutes, a.minutes) })
	return list
}

func (d *Desk) leaverFigures(ctx context.Context, _ *compared) ([]Figure, error) {
	open := d.openLeavers()
	oldest := Figure{Key: "leaver.oldest", Group: "leavers", Label: "oldest leaver still enabled", Unit: UnitMinutes, Rows: len(open), None: true}
	if len(open) > 0 && open[0].minutes >= 0 {
		oldest.None, oldest.Value, oldest.Severity = false, open[0].minutes, provisioning.SeverityDanger
	}
	done, err := d.seenOffLately(ctx)
	if err != nil {
		return nil, err
	}
	mean := Figure{
		Key: "leaver.mean", Group: "leavers", Label: "leaving to seen off, mean", Unit: UnitMinutes, Rows: len(done), None: len(done) == 0,
		Note: fmt.Sprintf("of the last %d days", meanOverDays),
	}
	var sum int64
	for _, one := range done {
		sum += one.minutes
	}
	if len(done) > 0 {
		mean.Value = sum / int64(len(done))
	}
	pending, overdue, err := d.openRemovals(ctx)
	if err != nil {
		return nil, err
	}
	waits := Figure{Key: "leaver.pending", Group: "leavers", Label: "closed, not seen off yet", Value: int64(len(pending)), Rows: len(pending)}
	late := Figure{Key: "leaver.overdue", Group: "leavers", Label: "not seen off after 8 h", Value: int64(len(overdue)), Rows: len(overdue)}
	if len(overdue) > 0 {
		late.Severity = provisioning.SeverityDanger
	}
	return []Figure{oldest, mean, waits, late}, nil
}

// took is one removal with how long it took.
type took struct {
	r       provisioning.Removal
	left    time.Time
	minutes int64
}

// seenOffLately are the removals of the last days whose whole course is known: from leaving to seen off.
func (d *Desk) seenOffLately(ctx context.Context) (list []took, err error) {
	removals, sealed, err := d.visibleRemovals(ctx, false)
	if err != nil {
		return nil, err
	}
	_ = sealed
	left, since := d.leftAt(), d.now().AddDate(0, 0, -meanOverDays)
	for i := range removals {
		r := removals[i]
		at := left[r.Person]
		if m, ok := minutesSeenOff(at, &r); ok && r.SeenOff.After(since) {
			list = append(list, took{r, at, m})
		}
	}
	return list, nil
}

// visibleRemovals are those that the operator may read.
func (d *Desk) visibleRemovals(ctx context.Context, open bool) (list []provisioning.Removal, sealed int, err error) {
	all, err := d.deps.Store.Removals(ctx, 0, open)
	if err != nil {
		return nil, 0, err
	}
	readers, err := d.deps.Store.Sealed(ctx)
	if err != nil {
		return nil, 0, err
	}
	for _, r := range all {
		if only := readers[r.Batch]; len(only) > 0 && !slices.Contains(only, d.deps.Operator.Name) {
			sealed++
			continue
		}
		list = append(list, r)
	}
	return list, sealed, nil
}

func (d *Desk) openRemovals(ctx context.Context) (pending, overdue []provisioning.Removal, err error) {
	all, _, err := d.visibleRemovals(ctx, true)
	for i := range all {
		pending = append(pending, all[i])
		if all[i].Overdue(d.now()) {
			overdue = append(overdue, all[i])
		}
	}
	return pending, overdue, err
}

func (d *Desk) reviewFigures(ctx context.Context, _ *compared) ([]Figure, error) {
	open, due, overdue, err := d.openReviews(ctx)
	if err != nil {
		return nil, err
	}
	figure := func(key, label string, list []*provisioning.Campaign) Figure {
		return Figure{Key: key, Group: "reviews", Label: label, Value: int64(len(list)), Rows: len(list)}
	}
	late := figure("review.overdue", "access reviews overdue", overdue)
	if len(overdue) > 0 {
		late.Severity = provisioning.SeverityWarning
	}
	return []Figure{figure("review.open", "access reviews open", open), figure("review.due", fmt.Sprintf("due within %d days", dueSoonDays), due), late}, nil
}

// openReviews are the campaigns that are not ended, those of them whose stage ends soon, and those whose stage should have ended.
func (d *Desk) openReviews(ctx context.Context) (open, due, overdue []*provisioning.Campaign, err error) {
	list, err := d.deps.Store.Campaigns(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, c := range list {
		if c.State != provisioning.CampaignOpen && c.State != provisioning.CampaignClosed {
			continue
		}
		open = append(open, c)
		if c.State == provisioning.CampaignClosed {
			continue
		}
		switch at := c.Stages[c.Stage].Due; {
		case d.now().After(at):
			overdue = append(overdue, c)
		case d.now().AddDate(0, 0, dueSoonDays).After(at):
			due = append(due, c)
		}
	}
	return open, due, overdue, nil
}

func readFigures(st *compared) Figure {
	f := Figure{Key: "read.unproven", Group: "reads", Label: "sources not read whole"}
	for _, p := range st.snap.Proofs {
		if !p.Complete {
			f.Value, f.Severity = f.Value+1, provisioning.SeverityDanger
		}
	}
	f.Rows = int(f.Value)
	return f
}

// series draws the tallies out, one series a figure.
func series(tallies []provisioning.Tally) []Series {
	var list []Series
	add := func(key, label, unit string, of func(t *provisioning.Tally) int64) {
		s := Series{Key: key, Label: label, Unit: unit, Points: make([]Point, 0, len(tallies))}
		for i := range tallies {
			s.Points = append(s.Points, Point{tallies[i].At, of(&tallies[i])})
		}
		list = append(list, s)
	}
	for _, k := range provisioning.Kinds() {
		add("mismatch."+string(k), string(k), "", func(t *provisioning.Tally) int64 { return int64(t.Kinds[k]) })
	}
	add("accounts.enabled", "enabled accounts", "", func(t *provisioning.Tally) int64 { return int64(t.Enabled) })
	add("seats.paid", "paid seats", "", func(t *provisioning.Tally) (n int64) {
		for _, one := range t.Seats {
			n += int64(one)
		}
		return n
	})
	add("seats.money", "seats, a year", UnitMoney, func(t *provisioning.Tally) int64 { return int64(t.Money) })
	return list
}

// saveTally keeps what the firm looks like, for the series.
func (d *Desk) saveTally(ctx context.Context, st *compared) error {
	if d.deps.Store.ReadOnly() != "" {
		return nil
	}
	t := provisioning.Tally{At: st.snap.TakenAt, People: len(st.snap.People), Accounts: len(st.snap.Accounts), Kinds: make(map[provisioning.Kind]int), Seats: make(map[string]int)}
	for i := range st.snap.Accounts {
		if st.snap.Accounts[i].Enabled {
			t.Enabled++
		}
	}
	roll := d.roll.Load()
	for i := range roll.Rows {
		for _, m := range roll.Rows[i].Mismatches {
			t.Kinds[m.Kind]++
		}
	}
	for _, p := range st.snap.Proofs {
		if !p.Complete {
			t.Unproven = append(t.Unproven, p.Source)
		}
	}
	book, err := d.book(ctx, st)
	if err != nil {
		return err
	}
	for i := range book.Seats {
		if s := &book.Seats[i]; s.Paid {
			t.Seats[s.Class]++
			t.Money += s.Price
		}
	}
	t.Currency = book.Currency
	return d.deps.Store.SaveTally(ctx, t)
}
