package roster

import (
	"slices"
	"strconv"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// table keeps the rows that were drawn, so that a frame builds only what changed: its cost does not depend on how many rows there
// are.
type table struct {
	rows   map[int32]string // without the cursor
	at     int32            // the row under the cursor, and how it was drawn
	under  string
	empty  string
	width  int
	st     *ui.Styles
	staged map[string]bool
}

// mostCached bounds the cache: a few pages.
const mostCached = 600

func (t *table) clear() {
	clear(t.rows)
	t.under, t.empty = "", ""
}

// fit empties the cache when something changed that every row shows.
func (t *table) fit(width int, st *ui.Styles, staged map[string]bool) {
	if width != t.width || st != t.st || len(staged) != len(t.staged) || len(t.rows) > mostCached {
		t.clear()
	}
	t.width, t.st, t.staged = width, st, staged
}

func (t *table) blank(m *Model, l layout, width int) string {
	if t.empty == "" {
		g := m.st.Glyphs
		t.empty = m.st.NewLine(width, false).Space(l.left).Word(ui.Border, g.Vertical).Space(l.gutter).Word(ui.Border, g.Vertical).String()
	}
	return t.empty
}

// row gives a row as it is drawn.
func (t *table) row(m *Model, l layout, width int, index int32, cursor bool) string {
	if cursor {
		if t.under == "" || t.at != index {
			t.at, t.under = index, m.draw(l, width, index, true)
		}
		return t.under
	}
	if s, ok := t.rows[index]; ok {
		return s
	}
	s := m.draw(l, width, index, false)
	t.rows[index] = s
	return s
}

// draw builds one row.
func (m *Model) draw(l layout, width int, index int32, cursor bool) string {
	g, row := m.st.Glyphs, &m.roll.Rows[index]
	line := m.st.NewLine(width, cursor)
	sign := " "
	if cursor {
		sign = g.Cursor
	}
	line.Cell(ui.Accent, sign, 1)
	switch {
	case m.marks[row.Key]:
		line.Cell(ui.Accent, g.Mark, 1)
	case m.table.staged[row.Key]:
		line.Cell(ui.Good, g.Right, 1)
	default:
		line.Space(1)
	}
	m.drawPerson(line, l, row)
	line.Space(l.left - (width - line.Left()))
	gutter, style := m.gutter(row)
	line.Word(ui.Border, g.Vertical).Space(1).Cell(style, gutter, l.gutter-1).Word(ui.Border, g.Vertical).Space(1)
	m.drawAccount(line, l, row)
	return line.String()
}

func (m *Model) drawPerson(line *ui.Line, l layout, row *desk.Row) {
	p := row.Person
	if p == nil {
		line.Cell(ui.Muted, m.st.Glyphs.Dash, l.person).Space(l.office + l.practice + 1)
		return
	}
	style := ui.Plain
	if row.Away && (row.Worst() == nil || row.Worst().Kind != provisioning.KindLeaver) {
		style = ui.Muted
	}
	name, apart := names.Clean(displayName(p)), names.Text{}
	if row.Apart != "" {
		apart = names.Clean(" (" + row.Apart + ")").Truncate(l.person / 2)
	}
	cells := min(name.Width(), l.person-apart.Width()) // what tells two of one name apart is never cut off
	line.Marked(style, name, m.spans(name), cells).Text(style, apart, apart.Width()).Space(l.person - cells - apart.Width() + 1)
	office := names.Clean(p.Office)
	line.Marked(ui.Muted, office, m.spans(office), l.office-1).Space(1)
	if l.practice > 0 {
		practice := names.Clean(p.Department)
		line.Marked(ui.Muted, practice, m.spans(practice), l.practice-1).Space(1)
	}
}

func (m *Model) drawAccount(line *ui.Line, l layout, row *desk.Row) {
	g := m.st.Glyphs
	if len(row.Accounts) == 0 {
		line.Cell(ui.Muted, g.Dash, l.account)
		return
	}
	a := row.Accounts[0]
	id := a.ID
	if !row.Linked && row.Person != nil {
		ids := make([]string, len(row.Accounts))
		for i, c := range row.Accounts {
			ids[i] = c.ID
		}
		id = strings.Join(ids, " "+g.Dot+" ")
	}
	text := names.Clean(id)
	line.Marked(ui.Plain, text, m.spans(text), l.account-1).Space(1)
	word, style := "enabled", ui.Plain
	switch w := row.Worst(); {
	case w != nil && w.Kind == provisioning.KindLeaver:
		word, style = "ENABLED", ui.Danger
	case !a.Enabled:
		word, style = "disabled", ui.Muted
	}
	line.Cell(style, word, l.state)
	if l.libraries > 0 {
		line.Text(ui.Muted, names.Clean(libraries(a)), min(l.libraries, line.Left()))
	}
	if l.mail > 0 {
		mail := names.Clean(a.Email)
		line.Marked(ui.Muted, mail, m.spans(mail), min(l.mail, line.Left()))
	}
}

// libraries is the preferred library and how many more, and whether the account administers one.
func libraries(a *provisioning.Account) string {
	if len(a.Memberships) == 0 {
		return "none"
	}
	first := a.Memberships[0].Library
	if _, in := a.Membership(a.PreferredLibrary); in {
		first = a.PreferredLibrary
	}
	if n := len(a.Memberships); n > 1 {
		first += " +" + strconv.Itoa(n-1)
	}
	if len(a.Administers()) > 0 || len(a.GlobalRoles) > 0 {
		first += "  admin"
	}
	return first
}

// displayName is the family name first, as one looks it up, then what stands in another script.
func displayName(p *provisioning.Person) string {
	name := p.FullName
	if p.FamilyName != "" {
		name = p.FamilyName
		if p.GivenName != "" {
			name += ", " + p.GivenName
		}
		if rest, ok := strings.CutPrefix(p.FullName, p.GivenName+" "+p.FamilyName); ok && strings.TrimSpace(rest) != "" {
			name += " " + strings.TrimSpace(rest)
		}
	}
	if name == "" {
		name = p.Login
	}
	return name
}

func (m *Model) spans(t names.Text) []ui.Span {
	if m.query == "" || m.hits == nil {
		return nil
	}
	found := m.hits.Spans(t.Bare())
	if len(found) == 0 {
		return nil
	}
	spans := make([]ui.Span, len(found))
	for i, s := range found {
		spans[i] = ui.Span{Start: s.Start, End: s.End}
	}
	return spans
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
