package seats

import (
	"fmt"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// widths says how wide a line's parts are; 0: the part is not there.
type widths struct {
	name, account, class, office, price, last, how int
	money, bar, renewal                            int
}

func widthsOf(width int) widths {
	switch {
	case width < wide:
		return widths{name: width - 65, account: 12, class: 12, price: 11, last: 12, money: 12}
	case width < 160:
		return widths{name: 22, account: 13, class: 12, office: 12, price: 11, last: 12, how: width - 100, money: 14, bar: width - 106, renewal: 13}
	default:
		return widths{name: 28, account: 16, class: 16, office: 16, price: 14, last: 13, how: width - 121, money: 18, bar: min(60, width-114), renewal: 13}
	}
}

// columns names the parts of the lines below.
func (m *Model) columns(width int) string {
	w := widthsOf(width)
	l := m.st.NewLine(width, false)
	year := "a year"
	if c := m.known.book.Currency; c != "" {
		year = names.Clean(c).Bare() + " a year"
	}
	switch m.lists() {
	case rowsTotals:
		l.Space(2).Cell(ui.Muted, m.view.word(true), w.nameOfTotal(width))
		for _, c := range []struct {
			word  string
			cells int
		}{{"paid", 7}, {year, w.money}, {"not used", 9}, {"they cost", w.money}, {"UNKNOWN", 8}, {"disabled", 9}} {
			right(l, ui.Muted, c.word, c.cells)
		}
		if m.view == byClass && w.renewal > 0 {
			l.Space(2).Cell(ui.Muted, "renewed", w.renewal)
		}
		return l.String()
	case rowsMonths:
		l.Space(2).Cell(ui.Muted, "month", 10)
		right(l, ui.Muted, "seats", 8)
		right(l, ui.Muted, "to now", 8)
		right(l, ui.Muted, year, w.money+3)
		right(l, ui.Muted, "join", 7)
		right(l, ui.Muted, "leave", 7)
		return l.Space(2).Word(ui.Muted, "renewed").String()
	case rowsNotices:
		if len(m.known.notices) == 0 {
			return ""
		}
		l.Space(4).Cell(ui.Muted, "state", 12).Cell(ui.Muted, "name", w.nameOfNotice(width)).Cell(ui.Muted, "account", w.account+1)
		right(l, ui.Muted, year, w.price)
		l.Space(2)
		if width < wide {
			return l.Word(ui.Muted, "act after").String()
		}
		return l.Cell(ui.Muted, "act after", 28).Word(ui.Muted, "what it rests on").String()
	default:
		l.Space(4).Cell(ui.Muted, "account", w.account+1).Cell(ui.Muted, "name", w.name+1)
		if w.office > 0 {
			l.Cell(ui.Muted, "office", w.office+1)
		}
		l.Cell(ui.Muted, "class", w.class)
		right(l, ui.Muted, year, w.price)
		l.Space(2).Cell(ui.Muted, "last used", w.last).Cell(ui.Muted, "use", 12)
		if w.how > 0 {
			l.Word(ui.Muted, "how that is known")
		}
		return l.String()
	}
}

func (w widths) nameOfTotal(width int) int {
	if width < wide {
		return width - 2 - 7 - 2*w.money - 9 - 8 - 9 - 1
	}
	return 24
}

func (w widths) nameOfNotice(width int) int {
	if width < wide {
		return 17
	}
	return w.name + 1
}

// row draws one line.
func (m *Model) row(width, at int, under bool) string {
	l := m.st.NewLine(width, under)
	sign := " "
	if under {
		sign = m.st.Glyphs.Cursor
	}
	switch m.lists() {
	case rowsTotals:
		return m.totalRow(l.Cell(ui.Accent, sign, 2), width, at)
	case rowsMonths:
		return m.monthRow(l.Cell(ui.Accent, sign, 2), width, at)
	case rowsNotices:
		return m.noticeRow(l.Cell(ui.Accent, sign, 2), width, &m.known.notices[m.given[at]])
	default:
		return m.seatRow(l.Cell(ui.Accent, sign, 2), width, &m.known.book.Seats[m.shown[at]])
	}
}

// loud is a style for a figure that is something, and the quiet one for none.
func loud(n int, style ui.Style) ui.Style {
	if n == 0 {
		return ui.Muted
	}
	return style
}

func (m *Model) totalRow(l *ui.Line, width, at int) string {
	w, t := widthsOf(width), &m.totals[at]
	name := ui.Plain
	if m.sum(at) {
		name = ui.Strong
	}
	l.Text(name, names.Clean(m.nameOf(t.Name, m.sum(at))), w.nameOfTotal(width))
	money := func(v provisioning.Money, style ui.Style) {
		text := m.st.Glyphs.Dash
		if m.known.book.Currency != "" {
			text = m.figure(v)
		}
		right(l, style, text, w.money)
	}
	right(l, ui.Strong, ui.Count(t.Paid), 7)
	money(t.Money, ui.Plain)
	right(l, loud(t.Unused, ui.Notice), ui.Count(t.Unused), 9)
	money(t.UnusedMoney, loud(t.Unused, ui.Notice))
	right(l, loud(t.Unknown, ui.Warning), ui.Count(t.Unknown), 8)
	right(l, loud(t.Disabled, ui.Plain), ui.Count(t.Disabled), 9)
	if m.view == byClass && w.renewal > 0 {
		text := ""
		if r, ok := m.renewal(t.Name); ok && !m.sum(at) {
			text = r.on
		}
		l.Space(2).Cell(ui.Plain, text, w.renewal)
	}
	if w.bar > 4 && t.Paid > 0 {
		l.Space(2)
		m.bar(l, max(1, min(w.bar, l.Left()-1)*t.Paid/max(1, m.known.all.Paid)), t)
	}
	return l.String()
}

// renewed is what is known of a class's renewal.
type renewed struct {
	on    string
	seats int
	money provisioning.Money
}

// renewal finds a class's in the forecast.
func (m *Model) renewal(class string) (renewed, bool) {
	for i := range m.known.forecast {
		for _, r := range m.known.forecast[i].AtRenewal {
			if r.Class == class {
				return renewed{r.On.Local().Format("2 Jan 2006"), r.Seats, r.Money}, true
			}
		}
	}
	return renewed{}, false
}

func (m *Model) monthRow(l *ui.Line, width, at int) string {
	w, f := widthsOf(width), &m.known.forecast[at]
	l.Cell(ui.Plain, f.From.Format("Jan 2006"), 10)
	right(l, ui.Strong, ui.Count(f.Seats), 8)
	change, style := signed(f.Seats-m.known.all.Paid), ui.Plain
	if change == "" {
		change, style = "=", ui.Muted
	}
	right(l, style, change, 8)
	money := m.st.Glyphs.Dash
	if m.known.book.Currency != "" {
		money = m.figure(f.Money)
	}
	right(l, ui.Plain, money, w.money+3)
	right(l, loud(f.Joiners, ui.Good), "+"+ui.Count(f.Joiners), 7)
	right(l, loud(f.Leavers, ui.Notice), "-"+ui.Count(f.Leavers), 7)
	l.Space(2)
	if len(f.Renewals) > 0 {
		l.Word(ui.Warning, m.st.Glyphs.Clock+" ").Text(ui.Warning, names.Clean(strings.Join(f.Renewals, ", ")), min(26, l.Left()))
	} else {
		l.Space(28)
	}
	if width >= wide {
		most := 1
		for i := range m.known.forecast {
			most = max(most, m.known.forecast[i].Seats)
		}
		l.Space(2).Word(ui.Accent, strings.Repeat(m.st.Glyphs.Full, max(0, l.Left()-1)*f.Seats/most))
	}
	return l.String()
}

// signed writes a change with its sign; "" for none.
func signed(n int) string {
	switch {
	case n > 0:
		return "+" + ui.Count(n)
	case n < 0:
		return "-" + ui.Count(-n)
	default:
		return ""
	}
}

func (m *Model) noticeRow(l *ui.Line, width int, r *provisioning.Reclaim) string {
	w, g := widthsOf(width), m.st.Glyphs
	mark := ""
	if m.takes[r.ID] {
		mark = g.Mark
	}
	l.Cell(ui.Accent, mark, 2)
	due := m.date(r.ActAfter) + " " + r.ActAfter.Local().Format("15:04")
	said := r.Evidence
	switch r.State {
	case provisioning.ReclaimNoticed:
		word, style := g.Clock+" noticed", ui.Notice
		if !m.now().Before(r.ActAfter) {
			word, style = g.Alert+" DUE", ui.Warning
		}
		l.Cell(style, word, 12)
		if width >= wide {
			due += ", " + ui.Until(r.ActAfter, m.now())
		}
	case provisioning.ReclaimStaged:
		l.Cell(ui.Accent, g.Running+" staged", 12)
		due = fmt.Sprintf("in batch %d", r.Batch)
	case provisioning.ReclaimDone:
		l.Cell(ui.Good, g.Yes+" done", 12)
		due, said = m.date(r.Changed), r.Why
	default:
		l.Cell(ui.Muted, g.No+" cancelled", 12)
		due, said = m.date(r.Changed), r.Why
	}
	l.Text(ui.Plain, names.Clean(r.Name), w.nameOfNotice(width)-1).Space(1).Text(ui.Muted, names.Clean(r.Account), w.account).Space(1)
	right(l, ui.Plain, m.figure(r.Price), w.price)
	l.Space(2)
	if width < wide {
		return l.Cell(ui.Plain, due, max(0, l.Left()-1)).String()
	}
	return l.Cell(ui.Plain, due, 28).Text(ui.Muted, names.Clean(said), max(0, l.Left()-1)).String()
}

func (m *Model) seatRow(l *ui.Line, width int, s *desk.Seat) string {
	w := widthsOf(width)
	mark, style := "", ui.Accent
	switch {
	case m.marks[s.Account]:
		mark = m.st.Glyphs.Mark
	case m.known.open[s.Account] != nil: // a notice runs
		mark, style = m.st.Glyphs.Clock, ui.Notice
	}
	l.Cell(style, mark, 2).Text(ui.Muted, names.Clean(s.Account), w.account).Space(1).Text(ui.Plain, names.Clean(s.Name), w.name).Space(1)
	if w.office > 0 {
		l.Text(ui.Muted, names.Clean(s.Office), w.office).Space(1)
	}
	l.Text(ui.Muted, names.Clean(s.Class), w.class)
	switch {
	case !s.Paid:
		right(l, ui.Muted, "not paid", w.price)
	case m.known.book.Currency == "":
		right(l, ui.Muted, m.st.Glyphs.Dash, w.price)
	default:
		right(l, ui.Plain, m.figure(s.Price), w.price)
	}
	last := "none met"
	if !s.Last.IsZero() {
		last = m.date(s.Last)
	}
	l.Space(2).Cell(ui.Plain, last, w.last)
	word, style := useWord(s)
	l.Cell(style, word, 12)
	if w.how > 0 {
		how := s.How
		switch r := m.known.open[s.Account]; {
		case m.view == second && s.DuplicateOf != "":
			how = "the same person has " + s.DuplicateOf
		case r != nil:
			how = "notice runs until " + m.date(r.ActAfter) + ": " + s.How
		case s.Kept != "" && s.Usage == provisioning.NotUsed:
			how = s.Kept + ": " + s.How
		}
		l.Text(ui.Muted, names.Clean(how), max(0, l.Left()-1))
	}
	return l.String()
}

// useWord says in a word whether a seat is used; how long it surely was not stands in days.
func useWord(s *desk.Seat) (string, ui.Style) {
	switch {
	case s.Disabled:
		return "disabled", ui.Muted
	case s.Usage == provisioning.Used:
		return "used", ui.Good
	case s.Usage == provisioning.NotUsed:
		return fmt.Sprintf("idle %d d", s.Idle), ui.Notice
	default:
		return "UNKNOWN", ui.Warning
	}
}
