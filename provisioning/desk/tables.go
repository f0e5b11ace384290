package desk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/report"
)

// Table is a report with its rows; the screens may not know the package that writes it.
type Table = report.Table

// TableQuery narrows a report of what happened: From (zero: the beginning) until To (zero: now), and one operator ("": all). A report of
// what is takes no notice of it.
type TableQuery struct {
	From, To time.Time
	Operator string
}

func (q TableQuery) takes(at time.Time) bool {
	return !at.IsZero() && !at.Before(q.From) && (q.To.IsZero() || at.Before(q.To))
}

// TableInfo names a report that can be exported.
type TableInfo struct {
	Name string `json:"name"`
	What string `json:"what"`
	Past bool   `json:"past"` // it tells what happened, and takes a period
}

// Tables lists the reports, in the order in which they are offered.
func Tables() []TableInfo {
	return []TableInfo{
		{"leavers", "whose access was ended, with the times of each certificate of removal", true},
		{"joiners", "whose account was made or opened", true},
		{"changes", "every change that took effect, by operator", true},
		{"approvals", "which batches a second person approved, and which an operator released", true},
		{"reviews", "access reviews, with what they came to", true},
		{"mismatches", "what differs between the directories and iManage now", false},
		{"privileged", "who administers a library or has a global role", false},
		{"orphans", "enabled accounts with nobody behind them", false},
		{"dormant", "enabled accounts that are surely not used", false},
		{"licences", "every seat, its class, its use and its price", false},
	}
}

// tableMaker makes one report.
type tableMaker func(d *Desk, ctx context.Context, q TableQuery) (*report.Table, error)

func tableMakers() map[string]tableMaker {
	return map[string]tableMaker{
		"leavers": (*Desk).leaversTable, "joiners": (*Desk).joinersTable, "changes": (*Desk).changesTable, "approvals": (*Desk).approvalsTable,
		"reviews": (*Desk).reviewsTable, "mismatches": (*Desk).mismatchesTable, "privileged": (*Desk).privilegedTable, "orphans": (*Desk).orphansTable,
		"dormant": (*Desk).dormantTable, "licences": (*Desk).licencesTable,
	}
}

// Table makes a report by name. Batches that are sealed to the operator are left out, and a note says how many. NotFound names the reports
// that there are.
func (d *Desk) Table(ctx context.Context, name string, q TableQuery) (*report.Table, error) {
	makes, ok := tableMakers()[name]
	if !ok {
		var known []string
		for _, t := range Tables() {
			known = append(known, t.Name)
		}
		return nil, &provisioning.Error{Code: provisioning.NotFound, Message: "there is no report " + name, Hint: "the reports are " + strings.Join(known, ", ")}
	}
	t, err := makes(d, ctx, q)
	if err != nil {
		return nil, err
	}
	t.Name, t.Firm, t.By, t.Made = name, d.deps.Firm, d.deps.Operator.Name, d.now()
	if of := slices.IndexFunc(Tables(), func(i TableInfo) bool { return i.Name == name }); Tables()[of].Past {
		t.Notes = append(t.Notes, q.words())
	}
	t.Count("rows")
	return t, nil
}

// NoteExport records that a report left the program.
func (d *Desk) NoteExport(ctx context.Context, what string) error {
	if d.deps.Store.ReadOnly() != "" {
		return nil // the process that owns the store keeps the record; this one may only read
	}
	return d.deps.Store.Append(ctx, d.event(provisioning.EventExported, "", what))
}

func (q TableQuery) words() string {
	const layout = "2006-01-02 15:04 UTC"
	from, to := "the beginning", "now"
	if !q.From.IsZero() {
		from = q.From.UTC().Format(layout)
	}
	if !q.To.IsZero() {
		to = q.To.UTC().Format(layout)
	}
	said := fmt.Sprintf("From %s until %s.", from, to)
	if q.Operator != "" {
		said += " Of the operator " + q.Operator + " alone."
	}
	return said
}

func text(key, title string) report.Column {
	return report.Column{Key: key, Title: title, Kind: report.KindText}
}

func timeCol(key, title string) report.Column {
	return report.Column{Key: key, Title: title, Kind: report.KindTime}
}

func number(key, title string) report.Column {
	return report.Column{Key: key, Title: title, Kind: report.KindNumber}
}

func yesNo(key, title string) report.Column {
	return report.Column{Key: key, Title: title, Kind: report.KindBool}
}

// known gives what the roll was made of, or says that nothing was read.
func (d *Desk) knownState() (*compared, error) {
	st := d.state.Load()
	if st == nil {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "nothing has been read yet", Hint: "press r to read, or use rollcall sync"}
	}
	return st, nil
}

// asRead is the note of a report of what is: when that was read, and whether whole.
func asRead(st *compared) []string {
	notes := []string{"As read " + st.snap.TakenAt.UTC().Format("2006-01-02 15:04 UTC") + "."}
	for _, p := range st.snap.Proofs {
		if !p.Complete {
			notes = append(notes, fmt.Sprintf("%s was not read whole (%s): the report may lack people.", p.Source, p.Reason))
		}
	}
	return notes
}

func rowOffice(r *Row) string {
	if r.Person != nil {
		return r.Person.Office
	}
	if len(r.Accounts) > 0 {
		return r.Accounts[0].Location
	}
	return ""
}

func rowPractice(r *Row) string {
	if r.Person == nil {
		return ""
	}
	return r.Person.Department
}

func rowAccount(r *Row) string {
	var ids []string
	for _, a := range r.Accounts {
		ids = append(ids, a.ID)
	}
	return strings.Join(ids, ", ")
}

// mismatchesTable has one row for each mismatch of each row of the roster.
func (d *Desk) mismatchesTable(_ context.Context, _ TableQuery) (*report.Table, error) {
	return d.mismatchRows("Mismatches", func(*provisioning.Mismatch) bool { return true })
}

func (d *Desk) orphansTable(_ context.Context, _ TableQuery) (*report.Table, error) {
	return d.mismatchRows("Orphan accounts", func(m *provisioning.Mismatch) bool { return m.Kind == provisioning.KindOrphan })
}

func (d *Desk) mismatchRows(title string, want func(*provisioning.Mismatch) bool) (*report.Table, error) {
	st, err := d.knownState()
	if err != nil {
		return nil, err
	}
	t := &report.Table{Title: title, Notes: asRead(st), Columns: []report.Column{
		text("kind", "What"), text("severity", "How bad"), text("name", "Name"), text("account", "Account"), text("office", "Office"), text("practice", "Practice"),
		timeCol("since", "Since"), text("detail", "Detail"), yesNo("managed", "A directory owns it"),
	}}
	roll := d.roll.Load()
	for i := range roll.Rows {
		r := &roll.Rows[i]
		for _, m := range r.Mismatches {
			if !want(m) {
				continue
			}
			t.Rows = append(t.Rows, []report.Cell{
				report.Text(string(m.Kind)), report.Text(string(m.Severity)), report.Text(rowName(r)), report.Text(rowAccount(r)), report.Text(rowOffice(r)),
				report.Text(rowPractice(r)), report.At(m.Since), report.Text(m.Detail), report.Yes(m.Managed),
			})
		}
	}
	return t, nil
}

// privilegedTable has one row for each NRTADMIN membership and each global role, of enabled accounts and of disabled ones: those count
// again once somebody enables them.
func (d *Desk) privilegedTable(_ context.Context, _ TableQuery) (*report.Table, error) {
	st, err := d.knownState()
	if err != nil {
		return nil, err
	}
	t := &report.Table{Title: "Privileged access", Notes: asRead(st), Columns: []report.Column{
		text("account", "Account"), text("name", "Name"), text("office", "Office"), text("practice", "Practice"), text("access", "Access"),
		yesNo("enabled", "Enabled"), yesNo("linked", "Somebody is linked"), yesNo("left", "Has left"),
	}}
	owner := st.owners()
	for i := range st.snap.Accounts {
		a := &st.snap.Accounts[i]
		var held []string
		for _, library := range a.Administers() {
			held = append(held, provisioning.NRTADMIN+" in "+library)
		}
		for _, role := range a.GlobalRoles {
			held = append(held, "global role "+role)
		}
		for _, what := range held {
			row := []report.Cell{report.Text(a.ID), report.Text(a.FullName), report.Text(a.Location), report.None(), report.Text(what), report.Yes(a.Enabled), report.Yes(false), report.Yes(false)}
			if r := owner[a.ID]; r != nil {
				row[1], row[2], row[3], row[6], row[7] = report.Text(rowName(r)), report.Text(rowOffice(r)), report.Text(rowPractice(r)), report.Yes(true), report.Yes(r.Away)
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t, nil
}

// owners are the rows of those whom accounts are linked to, by account.
func (st *compared) owners() map[string]*Row {
	owner := make(map[string]*Row, len(st.all))
	for i := range st.all {
		if r := &st.all[i]; r.Linked && r.Person != nil {
			owner[r.Accounts[0].ID] = r
		}
	}
	return owner
}
