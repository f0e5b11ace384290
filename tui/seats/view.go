package seats

import (
	"fmt"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// wide is from how many columns on a line has room for more than its figures.
const wide = 110

// Lines draws the screen.
func (m *Model) Lines(width, height int) []string {
	out := make([]string, 0, height)
	out = append(out, m.head(width, height)...)
	detail := 3
	if height >= 32 {
		detail = 4
	}
	rows := max(1, height-len(out)-detail-1)
	if m.list.Len() == 0 {
		from := len(out)
		for _, t := range ui.Paragraph(m.empty(), width-4, rows) {
			out = append(out, m.st.NewLine(width, false).Space(2).Text(ui.Plain, t, 0).String())
		}
		for len(out) < from+rows {
			out = append(out, m.st.Blank(width))
		}
	} else {
		out = m.list.Draw(out, m.st, width, rows, func(i int, under bool) string { return m.row(width, i, under) })
	}
	return append(out, m.foot(width, detail)...)
}

// head is what stands above the lines, kept while it stands; a reading that is under way moves it.
func (m *Model) head(width, height int) []string {
	of := drawnOf{st: m.st, rev: m.rev, width: width, height: height}
	if m.heads.lines != nil && m.heads.of == of && m.use == nil {
		return m.heads.lines
	}
	var out []string
	if m.known == nil {
		out = append(out, m.st.NewLine(width, false).Word(ui.Header, " Licences").String(), m.st.Rule(width, ""))
	} else {
		out = append(out, m.title(width), m.usage(width))
		if height >= 30 {
			out = append(out, m.bar(m.st.NewLine(width, false).Space(1), width-2, &m.known.all).String())
		}
		out = append(out, m.rests(width)...)
		out = append(out, m.tabs(width), m.st.Rule(width, ""))
		if l := m.columns(width); l != "" {
			out = append(out, l)
		}
	}
	m.heads = drawn{of, out}
	return out
}

func (m *Model) title(width int) string {
	a := &m.known.all
	l := m.st.NewLine(width, false).Word(ui.Header, " Licences").Space(3).Word(ui.Strong, ui.Count(a.Paid)).Word(ui.Plain, " paid seats").Space(3)
	if m.known.book.Currency == "" {
		l.Word(ui.Muted, "the policy names no prices")
	} else {
		l.Text(ui.Strong, names.Clean(m.amount(a.Money)), 0).Word(ui.Plain, " a year")
		if a.Term > 0 && l.Left() > 50 {
			l.Space(3).Text(ui.Plain, names.Clean(m.amount(a.Term)), 0).Word(ui.Muted, " until the renewals")
		}
	}
	if n := len(m.marks) + len(m.takes); n > 0 {
		said := fmt.Sprintf("%s %s marked ", m.st.Glyphs.Mark, ui.Count(n))
		if cells := len([]rune(said)); l.Left() > cells {
			l.Right(cells).Word(ui.Accent, said)
		}
	}
	return l.String()
}

// signs are the fillings of a bar: used, not used, unknown, disabled.
func (m *Model) signs() [4]string {
	if m.st.Glyphs.ASCII {
		return [4]string{"#", "=", "?", "."}
	}
	return [4]string{"█", "▒", "░", "·"}
}

// usedOf is how many of a total's paid seats are used: what is neither disabled, nor unused, nor unknown.
func usedOf(t *desk.SeatTotal) int { return t.Paid - t.Disabled - t.Unused - t.Unknown }

// usage is the legend of the bars, and the figures of the whole firm.
func (m *Model) usage(width int) string {
	a, sign := &m.known.all, m.signs()
	l := m.st.NewLine(width, false).Space(1)
	l.Word(ui.Good, sign[0]).Word(ui.Plain, " used ").Word(ui.Strong, ui.Count(usedOf(a))).Space(2)
	l.Word(ui.Notice, sign[1]).Word(ui.Plain, " not used ").Word(ui.Strong, ui.Count(a.Unused))
	if m.known.book.Currency != "" && a.Unused > 0 {
		l.Word(ui.Plain, ", ").Text(ui.Notice, names.Clean(m.amount(a.UnusedMoney)), 0)
		if width >= wide {
			l.Word(ui.Plain, " a year")
		}
	}
	l.Space(2).Word(ui.Warning, sign[2]+" UNKNOWN "+ui.Count(a.Unknown)).Space(2)
	return l.Word(ui.Muted, sign[3]+" disabled ").Word(ui.Plain, ui.Count(a.Disabled)).String()
}

// bar draws a total's paid seats in so many cells; a part that is there has one cell at least.
func (m *Model) bar(l *ui.Line, cells int, t *desk.SeatTotal) *ui.Line {
	if t.Paid == 0 {
		return l.Space(cells)
	}
	parts := [4]int{usedOf(t), t.Unused, t.Unknown, t.Disabled}
	var wide [4]int
	left, most := cells, 0
	for i, n := range parts {
		wide[i] = n * cells / t.Paid
		if n > 0 {
			wide[i] = max(1, wide[i])
		}
		if left -= wide[i]; parts[i] > parts[most] {
			most = i
		}
	}
	if wide[most] += left; wide[most] < 1 { // too few cells for all of them: the greatest alone
		wide = [4]int{}
		wide[most] = cells
	}
	for i, style := range []ui.Style{ui.Good, ui.Notice, ui.Warning, ui.Muted} {
		l.Word(style, strings.Repeat(m.signs()[i], wide[i]))
	}
	return l
}

// rests says on what used and unused rest, or how far a reading of it is.
func (m *Model) rests(width int) []string {
	if r := m.use; r != nil {
		const cells, hundred = 20, 100
		seen, of := int(r.seen.Load()), int(max(0, r.of.Load()))
		l := m.st.NewLine(width, false).Word(ui.Accent, " reading use: "+ui.Count(seen))
		if of > 0 {
			full := min(cells, seen*cells/of)
			l.Word(ui.Accent, fmt.Sprintf(" of %s accounts ", ui.Count(of))).Word(ui.Accent, strings.Repeat(m.st.Glyphs.Full, full)).
				Word(ui.Border, strings.Repeat(m.st.Glyphs.Empty, cells-full)).Word(ui.Plain, fmt.Sprintf(" %d %%", min(hundred, seen*hundred/of)))
		}
		said := "   esc stops it"
		if r.stopped {
			said = "   being stopped"
		}
		return []string{l.Word(ui.Muted, said).String()}
	}
	style, said := ui.Muted, "iManage publishes no last sign-in: use is inferred from document history and sign-ins, "
	if at := m.known.book.UseRead; at.IsZero() {
		style, said = ui.Warning, said+"and the document history was never read. U reads it."
	} else {
		said += "as read " + at.Local().Format("2 Jan 2006 15:04") + "."
	}
	var out []string
	for _, t := range ui.Paragraph(said, width-2, 2) {
		out = append(out, m.st.NewLine(width, false).Space(1).Text(style, t, 0).String())
	}
	return out
}

// tabs draws the views; in their place the total that is open, or the search.
func (m *Model) tabs(width int) string {
	l := m.st.NewLine(width, false).Space(1)
	switch {
	case m.types || m.find != "":
		if m.open != nil {
			l.Text(ui.Accent, names.Clean(m.nameOf(m.open.name, m.open.all)), 24).Space(2)
		} else {
			l.Word(ui.Accent, "["+m.view.word(false)+"]").Space(2)
		}
		l.Word(ui.Accent, "/ ").Text(ui.Strong, names.Clean(m.find), 0)
		if m.types {
			l.Word(ui.Accent, m.st.Glyphs.Caret)
		}
		return l.Space(2).Word(ui.Muted, ui.Count(m.list.Len())+" found").String()
	case m.open != nil:
		return l.Word(ui.Accent, m.view.word(false)+" "+m.st.Glyphs.Right+" ").Text(ui.Strong, names.Clean(m.nameOf(m.open.name, m.open.all)), 0).
			Space(3).Word(ui.Plain, plural(len(m.shown), "seat")).Space(3).Word(ui.Muted, "esc closes it").String()
	}
	words := make([]string, views)
	for _, short := range []bool{false, true} {
		cells := 3 // the brackets and the edge
		for v := range views {
			words[v] = v.word(short)
			if n := m.count(v); n > 0 && !short {
				words[v] += " " + ui.Count(n)
			}
			cells += len(words[v]) + 2
		}
		if cells-2 <= width {
			break
		}
	}
	for v := range views {
		if v == m.view {
			l.Word(ui.Accent, "["+words[v]+"]").Space(2)
		} else {
			l.Word(ui.Muted, words[v]).Space(2)
		}
	}
	return l.String()
}

// count is what stands beside a view's name; 0: nothing.
func (m *Model) count(v view) int {
	switch v {
	case reclaimable:
		return len(m.known.may)
	case disabled:
		return m.known.all.Disabled
	case notices:
		return len(m.known.open)
	default:
		return 0
	}
}

// nameOf is a total's name as it is shown. Raw.
func (m *Model) nameOf(name string, all bool) string {
	switch {
	case all:
		return "all seats"
	case name != "":
		return name
	case m.view == byOffice:
		return "no office is known"
	default:
		return "no practice is known"
	}
}

func (m *Model) empty() string {
	switch {
	case m.known == nil:
		return "The seats are being counted."
	case m.find != "":
		return "Nothing here is called that. Esc ends the search."
	case m.view == reclaimable && m.known.book.UseRead.IsZero():
		return "No seat may be taken back: nobody has read who uses them, and unknown is never taken back. U reads it."
	case m.view == reclaimable:
		said := fmt.Sprintf("No seat may be taken back now: none is surely unused for %d days with nothing in the way.", m.known.book.Reclaim)
		if n := len(m.known.book.Held()); n > 0 {
			said += fmt.Sprintf(" %s unused that long, and something stands in the way: by idle days lists them.", are(n, "seat is", "seats are"))
		}
		return said
	case m.view == second:
		return "Nobody has a second paid seat."
	case m.view == disabled:
		return "No disabled account is paid for."
	case m.view == notices:
		return "No notice was given yet. Mark unused seats, and N gives notice of them."
	default:
		return "There is no seat here."
	}
}

func are(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return ui.Count(n) + " " + many
}

// foot is the rule and the sentence about the line under the cursor.
func (m *Model) foot(width, lines int) []string {
	first, last, n := m.list.Place()
	of := drawnOf{st: m.st, rev: m.rev, at: m.list.At()<<20 | first, width: width, height: lines}
	if m.foots.lines != nil && m.foots.of == of {
		return m.foots.lines
	}
	out := make([]string, 0, lines+1)
	out = append(out, m.st.PlaceRule(width, first, last, n))
	for _, t := range ui.Paragraph(m.sentence(), width-2, lines) {
		out = append(out, m.st.NewLine(width, false).Space(1).Text(ui.Plain, t, 0).String())
	}
	for len(out) < lines+1 {
		out = append(out, m.st.Blank(width))
	}
	m.foots = drawn{of, out}
	return out
}

// amount is money as people read it, with its currency. Raw.
func (m *Model) amount(money provisioning.Money) string {
	if m.known.book.Currency == "" {
		return "no price"
	}
	return m.known.book.Currency + " " + m.figure(money)
}

// saving is what taking seats back saves, as the end of a sentence; nothing where the policy names no prices.
func (m *Model) saving(money provisioning.Money) string {
	switch {
	case m.known.book.Currency == "":
		return ""
	case money == 0:
		return ", which saves nothing: their contract counts disabled accounts too"
	default:
		return ", which saves " + m.amount(money) + " a year"
	}
}

// figure is money without its currency: in whole units where every price is one.
func (m *Model) figure(money provisioning.Money) string {
	const hundred = 100
	sign := ""
	if money < 0 {
		sign, money = "-", -money
	}
	if !m.known.cents {
		return sign + ui.Count(int(money/hundred))
	}
	return fmt.Sprintf("%s%s.%02d", sign, ui.Count(int(money/hundred)), money%hundred)
}

// date is a day in short; the year stands where it is not this one.
func (m *Model) date(at time.Time) string {
	at = at.Local()
	if at.Year() != m.now().Local().Year() {
		return at.Format("2 Jan 2006")
	}
	return at.Format("2 Jan")
}

// right writes a figure at the right edge of so many cells.
func right(l *ui.Line, style ui.Style, text string, cells int) {
	l.Space(cells-len([]rune(text))).Word(style, text)
}
