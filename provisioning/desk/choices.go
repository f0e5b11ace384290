package desk

import (
	"context"
	"fmt"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/search"
)

// Choices finds what can be picked, as one types: the best first, at most limit of them. An empty text gives the first ones.
func (d *Desk) Choices(ctx context.Context, kind ChoiceKind, text string, limit int) ([]Choice, error) {
	roll, st := d.Roll(), d.state.Load()
	if roll == nil || st == nil {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "nothing has been read yet", Hint: "press r to read"}
	}
	switch kind {
	case ChoosePerson:
		return d.choosePerson(ctx, roll, text, limit)
	case ChooseAccount:
		return d.chooseAccount(ctx, roll, text, limit)
	case ChooseLibrary:
		var all []Choice
		for _, l := range st.snap.Libraries {
			all = append(all, Choice{ID: l.ID, Title: l.ID})
		}
		return narrow(all, text, limit), nil
	case ChooseGroup:
		var all []Choice
		for _, g := range st.snap.Groups {
			note := g.FullName
			if !g.Enabled {
				note += " (disabled)"
			}
			all = append(all, Choice{ID: g.Ref.String(), Title: g.Ref.String(), Note: note})
		}
		return narrow(all, text, limit), nil
	case ChooseOperator:
		var all []Choice
		for _, name := range d.deps.Operators {
			all = append(all, Choice{ID: name, Title: name})
		}
		return narrow(all, text, limit), nil
	default:
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: fmt.Sprintf("there is nothing to choose called %s", kind)}
	}
}

func (d *Desk) choosePerson(ctx context.Context, roll *Roll, text string, limit int) ([]Choice, error) {
	rows, err := d.find(ctx, roll, text, func(r *Row) bool { return r.Person != nil }, limit)
	if err != nil {
		return nil, err
	}
	var out []Choice
	for _, row := range rows {
		note := seatOf(row.Person)
		if row.Apart != "" {
			note += " (" + row.Apart + ")"
		}
		if a := row.Account(); a != nil {
			note += "  " + a.ID
		}
		out = append(out, Choice{ID: row.Key, Title: rowName(row), Note: note})
	}
	return out, nil
}

// chooseAccount offers the enabled accounts of people, found by whoever they belong to.
func (d *Desk) chooseAccount(ctx context.Context, roll *Roll, text string, limit int) ([]Choice, error) {
	rows, err := d.find(ctx, roll, text, func(r *Row) bool {
		return r.Person != nil && !r.Away && r.Account() != nil && r.Account().Enabled
	}, limit)
	if err != nil {
		return nil, err
	}
	var out []Choice
	for _, row := range rows {
		out = append(out, Choice{ID: row.Account().ID, Title: rowName(row), Note: row.Account().ID + "  " + seatOf(row.Person)})
	}
	return out, nil
}

// find gives the first rows that a text finds and that fit.
func (d *Desk) find(ctx context.Context, roll *Roll, text string, fits func(*Row) bool, limit int) ([]*Row, error) {
	order := roll.Select(FilterAll)
	if strings.TrimSpace(text) != "" {
		hits, err := d.lookup(ctx, roll, text)
		if err != nil {
			return nil, err
		}
		order = hits
	}
	var rows []*Row
	for _, i := range order {
		if row := &roll.Rows[i]; fits(row) {
			if rows = append(rows, row); len(rows) == limit {
				break
			}
		}
	}
	return rows, nil
}

// lookup is a search beside the roster's own: it narrows nothing of that one.
func (d *Desk) lookup(ctx context.Context, roll *Roll, text string) ([]int32, error) {
	d.mu.Lock()
	if d.finder == nil || d.finder.roll != roll {
		d.finder = &finder{roll: roll}
	}
	fd := d.finder
	d.mu.Unlock()
	fd.build()
	found, err := fd.index.NewSession().Query(ctx, text, nil)
	return found.Rows, err
}

// narrow ranks choices by what was typed.
func narrow(all []Choice, text string, limit int) []Choice {
	titles := make([]string, len(all))
	for i, c := range all {
		titles[i] = strings.TrimSpace(c.Title + " " + c.Note)
	}
	var kept []Choice
	for _, i := range search.Pick(text, titles) {
		if kept = append(kept, all[i]); len(kept) == limit {
			break
		}
	}
	return kept
}
