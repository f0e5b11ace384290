package dashboard

import (
	"fmt"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// page is the board as it was drawn, without the cursor, and what stands below it for the figure under the cursor.
type page struct {
	of    pageOf
	lines []string
	tail  []string
	under string // the figure that the tail is about
}

type pageOf struct {
	st                 *ui.Styles
	width, height, top int
}

// Lines draws the screen.
func (m *Model) Lines(width, height int) []string {
	out := make([]string, 0, height)
	switch {
	case m.board == nil:
		out = append(out, m.st.NewLine(width, false).Word(ui.Muted, " The figures are being counted.").String())
	case m.rows != nil:
		return m.rows.lines(m.st, width, height, out)
	default:
		out = m.glance(width, height, out)
	}
	for len(out) < height {
		out = append(out, m.st.Blank(width))
	}
	return out[:height]
}

// heights shares the lines out: the columns first, then the sentence, then a chart where there is room.
type heights struct{ columns, chart, sentence int }

func (m *Model) heights(height int) heights {
	h := heights{columns: max(len(m.lay.left), len(m.lay.right)), sentence: 1}
	if height >= 30 {
		h.sentence = 2
	}
	const above, least, most = 2, 7, 36 // the title and the rule above the columns
	free := height - above - m.lay.top() - h.sentence
	if h.columns > free {
		h.columns = max(1, free)
		return h
	}
	if free -= h.columns + 2; free >= least { // the rules around the chart
		h.chart = min(free, most)
	}
	return h
}

func (m *Model) glance(width, height int, out []string) []string {
	h := m.heights(height)
	at := place{}
	f := m.figure()
	if f != nil {
		at = m.lay.place(m.lay.stops[m.cursor])
	}
	if r := at.line - m.lay.top(); r >= 0 {
		m.top = max(min(m.top, r), r-h.columns+1)
	}
	if m.top == 1 { // the heads of the columns
		m.top = 0
	}
	m.top = min(m.top, max(0, max(len(m.lay.left), len(m.lay.right))-h.columns))
	of := pageOf{m.st, width, height, m.top}
	if m.page.lines == nil || m.page.of != of {
		m.page = page{of: of, lines: m.board0(width, h)}
	}
	out = append(out, m.page.lines...)
	if f == nil {
		return out
	}
	if m.page.tail == nil || m.page.under != f.Key {
		m.page.tail, m.page.under = m.tail(f, width, h), f.Key
	}
	line := 1 + at.line
	if r := at.line - m.lay.top(); r >= 0 {
		line = 1 + m.lay.top() + 1 + r - m.top
	}
	out[line] = m.line(at.line, width, m.lay.stops[m.cursor])
	return append(out, m.page.tail...)
}

// board0 draws the title, the banner, the strip and the columns, with the cursor nowhere.
func (m *Model) board0(width int, h heights) []string {
	l := m.st.NewLine(width, false).Space(1).Text(ui.Header, names.Clean(m.board.Firm), min(names.Clean(m.board.Firm).Width(), width/2)).Word(ui.Header, " at a glance")
	read := "as read " + m.board.ReadAt.Local().Format("2 Jan 2006 15:04")
	style := ui.Muted
	if old := m.board.Made.Sub(m.board.ReadAt); old > 24*time.Hour {
		style = ui.Warning
		read += ", " + ui.Until(m.board.ReadAt, m.board.Made)
	}
	if m.opens != "" {
		read, style = "being opened", ui.Accent
	}
	if l.Left() > len(read)+1 {
		l.Right(len(read)+1).Word(style, read)
	}
	out := []string{l.String()}
	for n := range m.lay.top() {
		out = append(out, m.line(n, width, -1))
	}
	out = append(out, m.st.Rule(width, m.st.Glyphs.TeeDown, split(width)))
	for r := range h.columns {
		out = append(out, m.line(m.lay.top()+m.top+r, width, -1))
	}
	return out
}

// tail is what stands below the columns: the chart of the figure's series where there is room, and the sentence.
func (m *Model) tail(f *desk.Figure, width int, h heights) []string {
	var out []string
	joint := m.st.Rule(width, m.st.Glyphs.TeeUp, split(width))
	if h.chart > 0 {
		out = append(out, joint)
		if s := m.charted(f); s != nil {
			out = append(out, m.chart(s, width, h.chart)...)
		} else {
			out = append(out, m.st.NewLine(width, false).Word(ui.Muted, " No history is kept of this figure.").String())
			for len(out) < h.chart+1 {
				out = append(out, m.st.Blank(width))
			}
		}
		out = append(out, m.st.Rule(width, ""))
	}
	for _, t := range ui.Paragraph(m.sentence(f), width-2, h.sentence) {
		out = append(out, m.st.NewLine(width, false).Space(1).Text(ui.Plain, t, 0).String())
	}
	return out
}

// charted is the series that is drawn for a figure: its own, else that of what it is a part of.
func (m *Model) charted(f *desk.Figure) *desk.Series {
	for _, key := range []string{f.Key, map[string]string{"leavers": "mismatch.leaver", "seats": "seats.paid"}[f.Group]} {
		if s := m.series[key]; s != nil {
			return s
		}
	}
	return nil
}

// split is where the columns part.
func split(width int) int {
	switch {
	case width < 110:
		return 47
	case width < 160:
		return 74
	default:
		return 118
	}
}

// line draws one line of the board, by its place; under is the figure under the cursor, -1 for none.
func (m *Model) line(n, width, under int) string {
	l := m.st.NewLine(width, false)
	switch {
	case n == 0:
		return m.banner(l, under).String()
	case n < m.lay.top():
		for c, figure := range m.lay.strip[n-1] {
			m.strip(l, figure, c, under, width >= 110)
		}
		return l.String()
	}
	r := n - m.lay.top()
	wide := split(width)
	if r < len(m.lay.left) {
		m.mismatch(l, m.lay.left[r], wide, under)
	}
	l.Space(wide-(width-l.Left())).Word(ui.Border, m.st.Glyphs.Vertical)
	if r < len(m.lay.right) {
		m.count(l, m.lay.right[r], width-wide-1, under)
	}
	return l.String()
}

// alarm is the sign, the word and the style of how bad a figure is.
func (m *Model) alarm(s provisioning.Severity) (sign, word string, style ui.Style) {
	switch s {
	case provisioning.SeverityDanger:
		return m.st.Glyphs.Leaver, "DANGER", ui.Danger
	case provisioning.SeverityWarning:
		return m.st.Glyphs.Alert, "warning", ui.Warning
	case provisioning.SeverityNotice:
		return m.st.Glyphs.Dot, "notice", ui.Notice
	default:
		return " ", "", ui.Plain
	}
}

// sign writes the cursor where a figure is under it.
func (m *Model) sign(l *ui.Line, under bool) {
	if under {
		l.Word(ui.Accent, m.st.Glyphs.Cursor)
	} else {
		l.Space(1)
	}
}

// banner is the loudest line: the oldest leaver with a live account.
func (m *Model) banner(l *ui.Line, under int) *ui.Line {
	if m.lay.banner < 0 {
		return l
	}
	f := &m.board.Figures[m.lay.banner]
	m.sign(l, under == m.lay.banner)
	rows := ui.Count(f.Rows)
	switch {
	case !f.None:
		l.Word(ui.Danger, m.st.Glyphs.Leaver+" LEAVER STILL ENABLED for "+Value(f)).Word(ui.Plain, ", the oldest of "+rows)
	case f.Rows == 1:
		l.Word(ui.Danger, m.st.Glyphs.Leaver+" 1 LEAVER STILL ENABLED").Word(ui.Plain, ", nobody knows since when")
	case f.Rows > 0:
		l.Word(ui.Danger, m.st.Glyphs.Leaver+" "+rows+" LEAVERS STILL ENABLED").Word(ui.Plain, ", nobody knows since when")
	default:
		l.Word(ui.Good, m.st.Glyphs.Yes+" no leaver has a live account")
	}
	return l
}

// strip writes one figure of a strip: its value, then what it is.
func (m *Model) strip(l *ui.Line, figure, at, under int, wide bool) {
	f := &m.board.Figures[figure]
	if at > 0 {
		l.Space(2)
	}
	m.sign(l, under == figure)
	style, what := ui.Strong, ui.Plain
	if sign, _, loud := m.alarm(f.Severity); f.Severity != "" {
		style, what = loud, loud
		l.Word(loud, sign+" ")
	} else if f.Value == 0 {
		style, what = ui.Muted, ui.Muted
	}
	text := Value(f)
	if f.None {
		text = m.st.Glyphs.Dash
	}
	said := f.Label
	if !wide {
		said = label(f.Key, said)
	}
	if f.Key == "review.overdue" && f.Value > 0 || f.Key == "leaver.overdue" && f.Value > 0 {
		said = strings.ToUpper(said)
	}
	if f.Unit != "" { // a time says first what it is of
		l.Text(what, names.Clean(said), 0).Space(1).Text(style, names.Clean(text), 0)
		return
	}
	l.Text(style, names.Clean(text), 0).Space(1).Text(what, names.Clean(said), 0)
}

// label is a figure's name where there is little room. Raw.
func label(key, said string) string {
	short := map[string]string{
		"leaver.mean": "mean time to seen off", "leaver.pending": "not seen off yet", "leaver.overdue": "later than 8 h", "review.open": "reviews open", "review.overdue": "overdue",
		"read.unproven": "sources not whole", "seats.disabled": "disabled, paid", "seats.unknown": "use UNKNOWN",
	}
	if s, ok := short[key]; ok {
		return s
	}
	return said
}

// mismatch draws a line of the left column: the kind, its count, how bad it is in a word, the last 90 days, and the change in a week.
func (m *Model) mismatch(l *ui.Line, e entry, wide, under int) {
	const kind, word, number = 17, 7, 6
	week, days := 5, "90 d"
	if wide > 50 {
		week, days = 16, "90 days"
	}
	chart := wide - 3 - kind - number - word - 2 - week
	if e.head != "" {
		l.Space(1).Text(ui.Header, names.Clean(strings.ToUpper(e.head)), kind+2)
		l.Space(number-3).Word(ui.Muted, "now").Space(word+2).Cell(ui.Muted, days, chart)
		right(l, ui.Muted, "week", week)
		return
	}
	f := &m.board.Figures[e.figure]
	m.sign(l, under == e.figure)
	sign, said, style := m.alarm(f.Severity)
	name := ui.Plain
	if f.Value == 0 {
		name, style = ui.Muted, ui.Muted
	}
	l.Cell(style, sign, 2).Text(name, names.Clean(f.Label), kind)
	right(l, style, Value(f), number)
	l.Space(1).Cell(style, said, word).Space(1)
	s := m.series[f.Key]
	if s == nil {
		l.Space(chart)
	} else {
		l.Word(ui.Accent, spark(samples(s, chart, m.board.Made), m.st.Glyphs.ASCII))
	}
	since := change(s, f.Value, m.board.Made)
	switch {
	case since == "":
	case week < 10:
		if head, _, long := strings.Cut(since, ","); long { // the sentence has it in full
			since = head + "k"
		}
	case since == "=":
		since = "as a week ago"
	default:
		since += " in a week"
	}
	right(l, ui.Plain, since, week)
}

// count draws a line of the right column: a count, and what it costs a year.
func (m *Model) count(l *ui.Line, e entry, wide, under int) {
	number, cost, bar, year := 6, 9, 0, "/year"
	if wide > 40 {
		number, cost, year = 8, 14, " a year"
	}
	if wide > 70 {
		bar = wide - 58
	}
	room := wide - 3 - number - cost
	if bar > 0 {
		room = 28
	}
	if e.head != "" {
		l.Space(1).Text(ui.Header, names.Clean(strings.ToUpper(e.head)), room+2)
		right(l, ui.Muted, "now", number)
		if c := m.currency(); c != "" {
			right(l, ui.Muted, c+year, cost)
		}
		return
	}
	f := &m.board.Figures[e.figure]
	m.sign(l, under == e.figure)
	sign, _, style := m.alarm(f.Severity)
	name := ui.Plain
	if f.Value == 0 {
		name, style = ui.Muted, ui.Muted
	}
	l.Cell(style, sign, 2)
	said := f.Label
	if f.Value > 0 || f.Key == "seats.disabled" {
		said = label(f.Key, said)
	}
	if class, ok := strings.CutPrefix(said, "paid: "); ok {
		said = "  " + class
	}
	if f.Key == "seats.unknown" && f.Value > 0 {
		name, style = ui.Warning, ui.Warning
	}
	l.Text(name, names.Clean(said), room)
	right(l, style, Value(f), number)
	money := ""
	if c := m.money[f.Key]; c != nil && !c.None {
		money = fits(c, cost-1)
	}
	right(l, ui.Plain, money, cost)
	if paid := m.paid(); bar > 0 && f.Unit == "" && f.Value > 0 && f.Value <= paid {
		full := max(1, int(f.Value*int64(bar)/paid))
		l.Space(3).Word(ui.Accent, strings.Repeat(m.st.Glyphs.Full, full)).Word(ui.Border, strings.Repeat(m.st.Glyphs.Empty, bar-full))
	}
}

// currency is that of the board's prices; "" where it has none. Raw.
func (m *Model) currency() string {
	for i := range m.board.Figures {
		if c := m.board.Figures[i].Currency; c != "" {
			return c
		}
	}
	return ""
}

// paid is how many seats are paid for; 0: the board does not say.
func (m *Model) paid() int64 {
	for i := range m.board.Figures {
		if m.board.Figures[i].Key == "seats.paid" {
			return m.board.Figures[i].Value
		}
	}
	return 0
}

// fits writes money without its currency in so many cells: exact, or where that is too long without the hundredths, and marked so.
func fits(f *desk.Figure, cells int) string {
	const hundred, thousand = 100, 1000
	text := strings.TrimPrefix(Value(f), f.Currency+" ")
	if len(text) > cells {
		text = "~" + ui.Count(int(f.Value/hundred))
	}
	if len(text) > cells {
		text = "~" + ui.Count(int(f.Value/hundred/thousand)) + "k"
	}
	return text
}

// right writes a figure at the right edge of so many cells.
func right(l *ui.Line, style ui.Style, text string, cells int) {
	t := names.Clean(text)
	l.Space(cells-t.Width()).Text(style, t, 0)
}

// sentence says everything about a figure. Raw.
func (m *Model) sentence(f *desk.Figure) string {
	var b strings.Builder
	b.WriteString(f.Label)
	switch {
	case f.None && f.Rows == 0:
		b.WriteString(": there is nothing to make it of")
	case f.None:
		b.WriteString(": nobody knows")
	default:
		b.WriteString(": " + Value(f))
	}
	if c := m.money[f.Key]; c != nil && !c.None {
		b.WriteString(", " + Value(c) + " a year")
	}
	if f.Severity != "" {
		b.WriteString(", " + string(f.Severity))
	}
	if f.Note != "" {
		b.WriteString(", " + f.Note)
	}
	b.WriteString(".")
	if was, known := weekAgo(m.series[f.Key], m.board.Made); known {
		switch d := f.Value - was; {
		case d > 0:
			fmt.Fprintf(&b, " %s more than a week ago.", ui.Count(int(d)))
		case d < 0:
			fmt.Fprintf(&b, " %s less than a week ago.", ui.Count(int(-d)))
		default:
			b.WriteString(" As a week ago.")
		}
	}
	switch {
	case f.Rows == 1:
		b.WriteString(" Enter opens its row.")
	case f.Rows > 1:
		fmt.Fprintf(&b, " Enter opens its %s rows.", ui.Count(f.Rows))
	}
	return b.String()
}
