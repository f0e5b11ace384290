package desk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/compare"
	"rollcall/provisioning/correlate"
)

// historyRows bounds a person's history on the page.
const historyRows = 50

// Person gives everything about one row, by its key.
func (d *Desk) Person(ctx context.Context, key string) (*PersonPage, error) {
	roll, st := d.Roll(), d.state.Load()
	if roll == nil || st == nil || roll.Find(key) < 0 {
		return nil, &provisioning.Error{Code: provisioning.NotFound, Message: "that row is no longer on the roll", Hint: "go back with esc"}
	}
	row := roll.Rows[roll.Find(key)]
	page := &PersonPage{Row: row, Title: rowName(&row)}
	a := row.Account()
	page.Facts = facts(row.Person, a, &row)
	page.Holds = holds(a, row.Away)
	page.Linked = d.linkedBy(st, &row)
	page.Believed = believed(&row, roll)
	page.Known = knownTo(row.Person)
	mend := d.mend(st, &row)
	if len(mend.Changes) > 0 {
		u := unitOf(&row, mend.Kind, mend.Changes)
		page.Mend = d.lines(st, &u)
	} else if len(row.Mismatches) > 0 {
		page.Mend = []Line{{What: "held", Note: mend.Hold}}
	}
	for _, note := range mend.Notes {
		page.Mend = append(page.Mend, Line{What: "kept back", Note: note.Text})
	}
	var err error
	page.History, err = d.history(ctx, &row)
	return page, err
}

// facts lays the two sides of a row beside each other, one line a fact.
func facts(p *provisioning.Person, a *provisioning.Account, row *Row) []Fact {
	if p == nil {
		p = &provisioning.Person{}
	}
	candidate := ""
	if a == nil {
		a = &provisioning.Account{}
		for _, c := range row.Accounts {
			candidate = strings.TrimSpace(candidate + " " + c.ID + "?")
		}
	}
	differs := func(field string) Mark {
		for _, m := range row.Mismatches {
			for _, f := range m.Fields {
				if f.Field == field {
					return Differs
				}
			}
		}
		return Same
	}
	status := Fact{Label: "status", Person: statusLine(p), Account: accountState(a)}
	if row.Away && a.Enabled {
		status.Mark = Differs
	}
	name := Fact{Label: "name", Person: p.FullName, Account: a.FullName, Mark: differs(compare.FieldName)}
	if name.Mark == Same && p.FullName != a.FullName && a.FullName != "" && p.FullName != "" {
		name.Mark = Differs // told though it is no mismatch: one side is not live
		if correlate.SameName(p.FullName, a.FullName) {
			name.Mark = Alike
		}
	}
	id := Fact{Label: "user id", Person: p.SSOName, Account: a.ID + candidate}
	if p.SSOName != "" {
		id.Person += " (SSO name)"
	}
	if slices.ContainsFunc(row.Mismatches, func(m *provisioning.Mismatch) bool { return m.Kind == provisioning.KindSSOName }) {
		id.Mark = Differs
	}
	owner := "virtual"
	if a.Managed() {
		owner = "managed by the directory"
	}
	if a.ID == "" {
		owner = ""
	}
	list := []Fact{
		status, name,
		{Label: "email", Person: p.Email, Account: a.Email, Mark: differs(compare.FieldEmail)},
		{Label: "office", Person: p.Office, Account: a.Location, Mark: differs(compare.FieldLocation)},
		{Label: "phone", Person: p.Phone, Account: a.Phone, Mark: differs(compare.FieldPhone)},
		{Label: "practice", Person: p.Department},
		{Label: "title", Person: p.Title},
		{Label: "number", Person: p.EmployeeNumber, Account: a.EmployeeNumber},
		id,
		{Label: "kind", Person: p.Type, Account: owner},
	}
	for _, d := range []struct {
		label string
		at    time.Time
	}{{"hired", p.HireDate}, {"leaves", p.LeaveDate}, {"last sign-in", p.LastSignIn}} {
		if !d.at.IsZero() && len(p.Records) > 0 {
			list = append(list, Fact{Label: d.label, Person: d.at.Local().Format("2 Jan 2006")})
		}
	}
	attributes := provisioning.Attributes()
	for i := range list {
		for _, a := range attributes {
			if len(p.Records) > 0 && (list[i].Label == a.Name || (list[i].Label == "name" && a.Name == "full name")) {
				list[i].Source = p.Source(a)
			}
		}
	}
	return list
}

// knownTo says which directories know a person, how each sees them, and what ties its record to the first; "" where one does.
func knownTo(p *provisioning.Person) string {
	if p == nil || len(p.Records) == 0 {
		return ""
	}
	parts := make([]string, len(p.Records))
	for i, r := range p.Records {
		parts[i] = fmt.Sprintf("%s (%s", r.Key.Directory, statusWord(r))
		if i > 0 && i-1 < len(p.Ties) {
			parts[i] += "; tied by the " + p.Ties[i-1]
		}
		parts[i] += ")"
	}
	return strings.Join(parts, ", ")
}

func statusLine(p *provisioning.Person) string {
	if p.Key.IsZero() {
		return ""
	}
	s := statusWord(p)
	if !p.StatusChanged.IsZero() {
		s += " " + p.StatusChanged.Local().Format("2 Jan 2006 15:04")
	}
	return s
}

func accountState(a *provisioning.Account) string {
	if a.ID == "" {
		return ""
	}
	return state(a)
}

// holds lists what the account may open.
func holds(a *provisioning.Account, away bool) []Fact {
	if a == nil {
		return nil
	}
	mark := Same
	if away && a.Enabled {
		mark = Warn
	}
	var list []Fact
	for _, m := range a.Memberships {
		line := m.Library
		if m.Role != "" {
			line += "  role " + m.Role
		}
		if m.Library == a.PreferredLibrary {
			line += "  preferred"
		}
		var groups []string
		admin := false
		for _, g := range a.Groups {
			if g.Library == m.Library {
				if g.Group == provisioning.NRTADMIN { // what hurts most is named first
					admin = true
					groups = slices.Insert(groups, 0, g.Group)
					continue
				}
				groups = append(groups, g.Group)
			}
		}
		if len(groups) > 0 {
			line += "  groups " + strings.Join(groups, " ")
		}
		f := Fact{Label: "holds", Account: line, Mark: mark}
		if len(list) > 0 {
			f.Label = ""
		}
		if admin && !a.Enabled {
			f.Mark = Warn
		}
		list = append(list, f)
	}
	if len(a.Memberships) == 0 {
		list = append(list, Fact{Label: "holds", Account: "no library"})
	}
	if _, in := a.Membership(a.PreferredLibrary); !in && a.PreferredLibrary != "" {
		list = append(list, Fact{Label: "preferred", Account: a.PreferredLibrary + " (not in it)", Mark: Warn})
	}
	for _, r := range a.GlobalRoles {
		list = append(list, Fact{Label: "global role", Account: r, Mark: Warn})
	}
	return list
}

// linkedBy says what ties the two sides together, or why nothing does.
func (d *Desk) linkedBy(st *compared, row *Row) string {
	i, ok := st.subject[row.Key]
	if !ok {
		return "nobody in the directory"
	}
	s := &st.links.Subjects[i]
	switch {
	case s.Account >= 0:
		return evidenceLine(st.links.Evidence(s, &st.snap.Accounts[s.Account]))
	case s.Knot >= 0:
		return "disputed: " + row.Worst().Detail
	case len(s.Reused) > 0:
		return "not linked: " + row.Worst().Detail
	case len(s.Suggestions) > 0:
		parts := make([]string, len(s.Suggestions))
		for j, g := range s.Suggestions {
			parts[j] = fmt.Sprintf("%s? (%s)", g.Account, evidenceLine(g.Evidence))
		}
		return "not linked; perhaps " + strings.Join(parts, ", ")
	default:
		return "not linked: no exact key names an account"
	}
}

// believed says what the person's standing rests on.
func believed(row *Row, roll *Roll) string {
	proof := ""
	for _, s := range roll.Sources {
		if row.Person == nil || !slices.ContainsFunc(row.Person.Keys(), func(k provisioning.PersonKey) bool { return k.Directory == s.Name }) {
			continue
		}
		one := fmt.Sprintf("%s read %s (%d people)", s.Name, clock(s.Proof.At), s.Count)
		if !s.Proof.Complete {
			one = s.Name + " NOT PROVEN complete: " + s.Proof.Reason
		}
		proof += map[bool]string{true: "; "}[proof != ""] + one
	}
	switch {
	case row.Person == nil:
		return ""
	case row.Absence != nil && row.Absence.Proven:
		return "absence proven: " + row.Absence.How
	case row.Absence != nil:
		return "absence not proven: " + row.Absence.How
	case row.Person.Status.Ended():
		return fmt.Sprintf("explicit status in %s, %s", row.Person.Key.Directory, proof)
	default:
		return fmt.Sprintf("%s in %s, %s", statusWord(row.Person), row.Person.Key.Directory, proof)
	}
}

// history is what the record says of the row's account and person, newest first.
func (d *Desk) history(ctx context.Context, row *Row) ([]provisioning.Record, error) {
	subjects := make(map[string]bool)
	for _, a := range row.Accounts {
		subjects[a.ID] = true
	}
	if row.Person != nil {
		for _, k := range row.Person.Keys() {
			subjects[k.String()] = true
		}
		if row.Person.SSOName != "" {
			subjects[strings.ToUpper(row.Person.SSOName)] = true
		}
	}
	var found []provisioning.Record
	err := d.records(ctx, 1, func(r provisioning.Record) error {
		if subjects[r.Event.Subject] {
			found = append(found, r)
		}
		return nil
	})
	slices.Reverse(found)
	return found[:min(len(found), historyRows)], err
}
