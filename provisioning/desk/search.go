package desk

import (
	"context"
	"sync"

	"rollcall/provisioning/search"
)

// finder is the search over one roll: its index, made on first use, and the session that narrows.
type finder struct {
	roll    *Roll
	once    sync.Once
	index   *search.Index
	mu      sync.Mutex // one query at a time in a session
	session *search.Session
}

// build makes the index, once.
func (f *finder) build() {
	f.once.Do(func() { f.index = search.Build(documents(f.roll)); f.session = f.index.NewSession() })
}

// Search finds rows as one types: over name, login, email, office, practice, employee number and account, on both sides at
// once, within a filter. It may take tens of milliseconds at 100,000 rows: call it in a command, never in an Update. A longer
// query narrows the last one's hits.
func (d *Desk) Search(ctx context.Context, r *Roll, text string, f Filter) (Hits, error) {
	d.mu.Lock()
	if d.finder == nil || d.finder.roll != r {
		d.finder = &finder{roll: r}
	}
	fd := d.finder
	d.mu.Unlock()

	fd.build()
	fd.mu.Lock()
	defer fd.mu.Unlock()
	var within []int32
	if f != FilterAll {
		within = r.Select(f)
		if within == nil {
			within = []int32{}
		}
	}
	found, err := fd.session.Query(ctx, text, within)
	if err != nil {
		return Hits{}, err
	}
	return Hits{
		Gen: r.Gen, Query: text, Filter: f, Rows: found.Rows, Total: found.Total,
		spans: func(cell string) []Span {
			spans := search.Spans(text, cell)
			out := make([]Span, len(spans))
			for i, s := range spans {
				out[i] = Span{s.Start, s.End}
			}
			return out
		},
	}, nil
}

func documents(r *Roll) []search.Doc {
	docs := make([]search.Doc, len(r.Rows))
	for i := range r.Rows {
		row := &r.Rows[i]
		doc := search.Doc{Name: sortName(row)}
		if p := row.Person; p != nil {
			doc.Keys = append(doc.Keys, p.FullName, p.Login, p.Email, p.Office, p.Department, p.EmployeeNumber)
		}
		for _, a := range row.Accounts {
			doc.Keys = append(doc.Keys, a.ID, a.FullName, a.Email)
		}
		doc.Fields = func(name string) string { return rowField(row, name) }
		docs[i] = doc
	}
	return docs
}

// rowField answers the `field:value` terms of a search.
func rowField(row *Row, name string) string {
	p, a := row.Person, row.Account()
	switch name {
	case "status", "is", "kind":
		s := ""
		for _, m := range row.Mismatches {
			s += string(m.Kind) + " "
		}
		if p != nil {
			s += string(p.Status) + " "
		}
		if a != nil {
			s += state(a)
		}
		return s
	case "office", "location":
		if p != nil {
			return p.Office
		}
		if a != nil {
			return a.Location
		}
	case "dept", "department", "practice":
		if p != nil {
			return p.Department
		}
	case "title":
		if p != nil {
			return p.Title
		}
	case "library", "lib":
		s := ""
		for _, a := range row.Accounts {
			for _, m := range a.Memberships {
				s += m.Library + " "
			}
		}
		return s
	case "group":
		s := ""
		for _, a := range row.Accounts {
			for _, g := range a.Groups {
				s += g.Group + " "
			}
		}
		return s
	case "email", "mail":
		if p != nil {
			return p.Email
		}
		if a != nil {
			return a.Email
		}
	case "login", "id", "user":
		s := ""
		if p != nil {
			s = p.Login + " "
		}
		for _, a := range row.Accounts {
			s += a.ID + " "
		}
		return s
	}
	return ""
}

// sortName is how a row is sorted and first searched: family name, given name.
func sortName(row *Row) string {
	switch p := row.Person; {
	case p != nil && p.FamilyName != "":
		return p.FamilyName + " " + p.GivenName
	case p != nil:
		return p.FullName
	case len(row.Accounts) > 0 && row.Accounts[0].FullName != "":
		return row.Accounts[0].FullName
	case len(row.Accounts) > 0:
		return row.Accounts[0].ID
	default:
		return row.Key
	}
}
