package tui_test

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui"
)

var now = time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC)

// fake is a desk with a roll of synthetic rows; what a test does not need is not there.
type fake struct {
	tui.Desk
	roll    *desk.Roll
	staged  map[string]bool
	pending bool // policy.toml has changed
	cases   caseDesk
	plans   planDesk
}

func (f *fake) Roll() *desk.Roll            { return f.roll }
func (f *fake) StagedKeys() map[string]bool { return f.staged }
func (f *fake) ReadOnly() string            { return "" }
func (f *fake) Working() int64              { return 0 }
func (f *fake) PolicyPending() bool         { return f.pending }
func (f *fake) Explain(r *desk.Roll, i int) desk.Explanation {
	s := "about " + r.Rows[i].Key
	if p := r.Rows[i].Person; p != nil {
		s = p.FullName + " left on 20 Nov (okta: deprovisioned 17:31). The iManage account is still enabled: 4 days."
	}
	return desk.Explanation{Long: s, Short: s}
}

func (f *fake) Search(_ context.Context, r *desk.Roll, text string, flt desk.Filter) (desk.Hits, error) {
	return desk.Hits{Gen: r.Gen, Query: text, Filter: flt, Rows: r.Select(flt)[:3], Total: 3}, nil
}

// person makes a person with an account, both live and in agreement.
func person(i int, given, family, office, practice string) desk.Row {
	id := fmt.Sprintf("U%06d", i)
	p := &provisioning.Person{
		Key: provisioning.PersonKey{Directory: "okta", ID: id}, GivenName: given, FamilyName: family, FullName: given + " " + family,
		Login: id, Email: id + "@x.example", SSOName: id, Office: office, Department: practice, Status: provisioning.StatusActive,
	}
	a := &provisioning.Account{
		ID: id, FullName: p.FullName, Email: p.Email, Location: office, Enabled: true, PreferredLibrary: "LON-LIT",
		Memberships: []provisioning.Membership{{Library: "LON-LIT", Role: "STANDARD"}, {Library: "LON-COR", Role: "DEFAULT"}},
	}
	return desk.Row{Key: "p/okta/" + id, Person: p, Accounts: []*provisioning.Account{a}, Linked: true}
}

func with(row desk.Row, kind provisioning.Kind, change func(*desk.Row)) desk.Row {
	m := &provisioning.Mismatch{Kind: kind, Severity: kind.Severity(), Accounts: []string{"A", "B"}, Since: now.Add(-4 * 24 * time.Hour)}
	row.Mismatches = append(row.Mismatches, m)
	if change != nil {
		change(&row)
	}
	return row
}

// drawn are the rows of the roster as it was drawn.
func drawn() []desk.Row {
	return []desk.Row{
		person(1, "Folake", "Adeyemi", "London", "Litigation"),
		with(person(2, "Åsa", "Ångström", "Stockholm", "Tax"), provisioning.KindAttribute, func(r *desk.Row) {
			r.Mismatches[0].Fields = []provisioning.FieldDiff{{Field: "email"}}
		}),
		with(person(3, "Tom", "Barnes", "London", "Corporate"), provisioning.KindLeaver, func(r *desk.Row) {
			r.Away, r.Accounts[0].Groups = true, []provisioning.GroupRef{{Library: "LON-COR", Group: "NRTADMIN"}}
		}),
		person(4, "Tomas", "Barnes-Whitfield", "Leeds", "Property"),
		with(person(5, "Wei", "Chen", "Hong Kong", "Disputes"), provisioning.KindJoiner, func(r *desk.Row) {
			r.Person.FullName, r.Accounts, r.Linked = "Wei Chen 陳偉", nil, false
		}),
		with(person(6, "María José", "de la Cruz", "Madrid", "Employment"), provisioning.KindUnconfigured, func(r *desk.Row) { r.Accounts[0].Memberships = nil }),
		with(desk.Row{Key: "a/SVC_SCAN2", Accounts: []*provisioning.Account{{ID: "SVC_SCAN2", Enabled: true}}}, provisioning.KindOrphan, nil),
		with(person(7, "Layla", "Haddad", "Dubai", "Finance"), provisioning.KindAttribute, func(r *desk.Row) {
			r.Person.FullName, r.Mismatches[0].Managed = "Layla Haddad (ليلى)", true
		}),
		with(person(8, "Siobhán", "O’Brien", "Dublin", "Funds"), provisioning.KindDisputed, func(r *desk.Row) {
			r.Linked, r.Accounts = false, append(r.Accounts, &provisioning.Account{ID: "SOBRIE2", Enabled: true})
		}),
		with(person(11, "Ngozi", "Okafor", "London", "Litigation"), provisioning.KindEntitlement, func(r *desk.Row) {
			r.Mismatches[0].Missing = []provisioning.Entitlement{provisioning.InLibrary("LON-COR")}
			r.Mismatches[0].Excess = []provisioning.Entitlement{provisioning.InLibrary("LON-LIT")}
		}),
		with(person(12, "Étienne", "Roux", "Paris", "Tax"), provisioning.KindEntitlement, func(r *desk.Row) {
			r.Mismatches[0].Excess = []provisioning.Entitlement{provisioning.InLibrary("LON-LIT")}
		}),
		with(person(13, "Jun", "Sato", "Tokyo", "Corporate"), provisioning.KindWall, nil),
		func() desk.Row { r := person(9, "John", "Smith", "London", "Tax"); r.Apart = "1974"; return r }(),
		func() desk.Row { r := person(10, "John", "Smith", "Leeds", "Property"); r.Apart = "1991"; return r }(),
	}
}

func rollOf(rows []desk.Row, proven bool) *desk.Roll {
	proof := func(source string, n int) desk.Source {
		p := provisioning.Proof{Source: source, Complete: proven, Reason: "the answer was an empty list, which is never believed", At: now}
		return desk.Source{Name: source, Count: n, Proof: p, ReadAt: now}
	}
	document := proof("imanage", 1987)
	document.Document, document.Proof.Complete = true, true
	return desk.NewRoll("Harcourt Vane LLP", "l.ortiz", now, []desk.Source{proof("okta", 2014), document}, rows)
}

func many(n int) []desk.Row {
	rows := make([]desk.Row, n)
	for i := range rows {
		rows[i] = person(i, "Given"+fmt.Sprint(i%977), "Family"+fmt.Sprint(i), "London", "Litigation")
		if i%50 == 0 {
			rows[i] = with(rows[i], provisioning.KindLeaver, nil)
		}
	}
	return rows
}

func console(t interface{ Fatal(...any) }, f *fake, theme string, ascii bool, width, height int) *tui.Model {
	m, err := tui.New(context.Background(), tui.Deps{Desk: f, Theme: theme, ASCII: ascii, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	return m
}

func press(m *tui.Model, keys ...string) tea.Cmd {
	var cmd tea.Cmd
	for _, k := range keys {
		msg := tea.KeyPressMsg{}
		switch k {
		case "down":
			msg.Code = tea.KeyDown
		case "enter":
			msg.Code = tea.KeyEnter
		case "esc":
			msg.Code = tea.KeyEscape
		case "space":
			msg.Code, msg.Text = tea.KeySpace, " "
		case "up":
			msg.Code = tea.KeyUp
		case "backspace":
			msg.Code = tea.KeyBackspace
		case "tab":
			msg.Code = tea.KeyTab
		case "pgdown":
			msg.Code = tea.KeyPgDown
		case "pgup":
			msg.Code = tea.KeyPgUp
		default:
			msg.Code, msg.Text = []rune(k)[0], k
		}
		_, cmd = m.Update(msg)
	}
	return cmd
}
