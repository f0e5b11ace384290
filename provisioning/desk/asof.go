package desk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/names"
)

// AsOf is who could open what at a moment, from the reads and from what rollcall itself did (DESIGN 6, `rollcall asof`).
type AsOf struct {
	At    time.Time                `json:"at"`
	Reads provisioning.AccessReads `json:"reads"`
	// Library is the one that was asked for; "" where somebody was.
	Library string    `json:"library,omitempty"`
	Rows    []AsOfRow `json:"rows"`
}

// AsOfRow is one account at that moment. All raw strings.
type AsOfRow struct {
	provisioning.AccessState
	// Person is whom the account was tied to then; zero where nobody is known.
	Person provisioning.PersonKey `json:"person,omitzero"`
	Name   string                 `json:"name"` // the person's where known, else the account's
	// Doubt says why the state is not certain at just that moment, in a sentence; "" where it is.
	Doubt string `json:"doubt,omitempty"`
	// Place is the account's place in the library that was asked for.
	Place provisioning.Membership `json:"place,omitzero"`
}

// mostAsOf bounds what a name may find: beyond it the words are too few.
const mostAsOf = 50

// AsOfWho answers what somebody could open at a moment: by the user id of an account, or by words of a name or an email. Nobody found is
// an error of code NotFound, a moment before the history one of code Invalid.
func (d *Desk) AsOfWho(ctx context.Context, at time.Time, who string) (*AsOf, error) {
	tied, err := d.tiedAt(ctx, at)
	if err != nil {
		return nil, err
	}
	id := strings.ToUpper(strings.TrimSpace(who))
	a := &AsOf{At: at}
	take := func(s provisioning.AccessState) { a.Rows = append(a.Rows, tied.row(s, at)) }
	a.Reads, err = d.deps.Store.AccessAsOf(ctx, at, id, func(s provisioning.AccessState) error {
		take(s)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := withinHistory(a); err != nil {
		return nil, err
	}
	if len(a.Rows) > 0 {
		return a, nil
	}
	words := strings.Fields(names.Fold(who))
	if len(words) == 0 {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "nobody was named", Hint: "write a user id, or words of a name"}
	}
	if _, err := d.deps.Store.AccessAsOf(ctx, at, "", func(s provisioning.AccessState) error {
		text := tied.text(&s)
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
			take(s)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	switch n := len(a.Rows); {
	case n == 0:
		return nil, &provisioning.Error{
			Code: provisioning.NotFound, Message: fmt.Sprintf("nobody is known by %q as of that moment", who), Hint: "try fewer words, or the user id",
		}
	case n > mostAsOf:
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: fmt.Sprintf("%d accounts fit %q", n, who), Hint: "write more of the name, or the user id"}
	}
	return a, nil
}

// AsOfLibrary answers who could open a library at a moment: everybody with a place in it, those first whom it let in.
func (d *Desk) AsOfLibrary(ctx context.Context, at time.Time, library string) (*AsOf, error) {
	tied, err := d.tiedAt(ctx, at)
	if err != nil {
		return nil, err
	}
	a := &AsOf{At: at, Library: strings.ToUpper(strings.TrimSpace(library))}
	known := make(map[string]bool)
	a.Reads, err = d.deps.Store.AccessAsOf(ctx, at, "", func(s provisioning.AccessState) error {
		for _, m := range s.Memberships {
			known[m.Library] = true
			if m.Library == a.Library && s.Exists {
				row := tied.row(s, at)
				row.Place = m
				a.Rows = append(a.Rows, row)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := withinHistory(a); err != nil {
		return nil, err
	}
	if !known[a.Library] {
		var some []string
		for id := range known {
			some = append(some, id)
		}
		slices.Sort(some)
		return nil, &provisioning.Error{
			Code: provisioning.NotFound, Message: "nobody had a place in a library " + a.Library + " then", Hint: "the libraries were " + strings.Join(some, ", "),
		}
	}
	slices.SortStableFunc(a.Rows, func(x, y AsOfRow) int { return x.shut() - y.shut() })
	return a, nil
}

// shut sorts whom a library let in before those whom it did not.
func (r *AsOfRow) shut() int {
	switch {
	case r.Place.Enabled && r.Enabled:
		return 0
	case r.Place.Enabled: // closed for the whole, not yet seen closed here
		return 1
	default:
		return 2
	}
}

// withinHistory refuses a moment of which nothing is known.
func withinHistory(a *AsOf) error {
	if a.Reads.Begins.IsZero() {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "no complete read of the document system is kept yet", Hint: "rollcall sync reads it"}
	}
	if a.At.Before(a.Reads.Begins) {
		return &provisioning.Error{
			Code: provisioning.Invalid, Message: "nothing is known of that moment", Hint: "the history begins on " + a.Reads.Begins.Local().Format("2 Jan 2006 15:04 MST"),
		}
	}
	return nil
}

// tied is whom each account was tied to at a moment, and what people are called.
type tied struct {
	person map[string]provisioning.PersonKey
	people map[provisioning.PersonKey]*provisioning.Person
}

func (d *Desk) tiedAt(ctx context.Context, at time.Time) (*tied, error) {
	anchors, err := d.deps.Store.Anchors(ctx)
	if err != nil {
		return nil, err
	}
	t := &tied{person: make(map[string]provisioning.PersonKey, len(anchors)), people: make(map[provisioning.PersonKey]*provisioning.Person)}
	for _, a := range anchors { // oldest first: the latest tie of that moment stands
		if !a.FirstSeen.After(at) {
			t.person[a.Account] = a.Person
		}
	}
	if st := d.state.Load(); st != nil {
		for i := range st.snap.People {
			t.people[st.snap.People[i].Key] = &st.snap.People[i]
		}
		for i := range st.snap.Absent {
			t.people[st.snap.Absent[i].Person.Key] = &st.snap.Absent[i].Person
		}
	}
	return t, nil
}

func (t *tied) row(s provisioning.AccessState, at time.Time) AsOfRow {
	r := AsOfRow{AccessState: s, Person: t.person[s.Account], Name: s.FullName}
	if p := t.people[r.Person]; p != nil && p.FullName != "" {
		r.Name = p.FullName
	}
	if s.Unsure(at) {
		r.Doubt = fmt.Sprintf("last seen so at %s, and otherwise at %s: what it was in between is not known",
			s.Last.Local().Format("2 Jan 15:04"), s.Until.Local().Format("2 Jan 15:04"))
	}
	return r
}

// text is what a name is looked for in, folded.
func (t *tied) text(s *provisioning.AccessState) string {
	parts := []string{s.Account, s.FullName}
	if p := t.people[t.person[s.Account]]; p != nil {
		parts = append(parts, p.FullName, p.Email)
	}
	return names.Fold(strings.Join(parts, " "))
}

// ParsePast reads a moment that has passed, as an operator types it, in the zone of now: "2026-11-20 17:00", "20 nov 17:00", "yesterday",
// "now". A day without a time is its end; a date without a year the last one.
func ParsePast(text string, now time.Time) (time.Time, error) {
	text = strings.Join(strings.Fields(text), " ")
	wrong := &provisioning.Error{
		Code: provisioning.Invalid, Message: fmt.Sprintf("%q is no moment", text), Hint: "write it like 2026-11-20, \"2026-11-20 17:00\", \"20 nov 17:00\", yesterday or now",
	}
	end := func(day time.Time) time.Time { return day.AddDate(0, 0, 1).Add(-time.Second) }
	var at time.Time
	switch strings.ToLower(text) {
	case "now", "today":
		return now, nil
	case "yesterday":
		return end(time.Date(now.Year(), now.Month(), now.Day()-1, 0, 0, 0, 0, now.Location())), nil
	}
	for _, form := range []struct {
		layout      string
		day, noYear bool
	}{
		{layout: time.RFC3339},
		{layout: "2006-01-02T15:04"},
		{layout: "2006-01-02 15:04:05"},
		{layout: "2006-01-02 15:04"},
		{layout: time.DateOnly, day: true},
		{layout: "2 Jan 2006 15:04"},
		{layout: "2 Jan 2006", day: true},
		{layout: "2 Jan 15:04", noYear: true},
		{layout: "2 Jan", day: true, noYear: true},
	} {
		t, err := time.ParseInLocation(form.layout, spelt(text), now.Location())
		if err != nil {
			continue
		}
		if form.noYear {
			t = t.AddDate(now.Year(), 0, 0)
			if t.After(now) {
				t = t.AddDate(-1, 0, 0)
			}
		}
		if at = t; form.day {
			at = end(t)
			if t.Before(now) && at.After(now) {
				at = now
			}
		}
		if at.After(now) {
			wrong.Message, wrong.Hint = "that is still to come: "+at.Format("2 Jan 2006 15:04 MST"), "the past alone is known"
			return time.Time{}, wrong
		}
		return at, nil
	}
	return time.Time{}, wrong
}

// spelt spells months as the layouts do; RFC 3339's letters stay capitals.
func spelt(text string) string {
	b := []byte(strings.ToLower(text))
	for i := range b {
		after := i > 0 && (b[i-1] >= '0' && b[i-1] <= '9')
		first := i == 0 || b[i-1] == ' '
		if b[i] >= 'a' && b[i] <= 'z' && (first || after) {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}
