package roster

import (
	"fmt"
	"strings"

	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// layout says which columns stand at a width, and how wide; 0 is gone. They go away in a fixed order: practice, libraries, then
// office; the gutter and the sentence never do.
type layout struct {
	left, gutter, right             int
	person, office, practice        int
	account, state, libraries, mail int
}

func layoutOf(width int) layout {
	var l layout
	switch {
	case width < 100:
		l.gutter, l.left = 15, 31*width/80
		l.office = min(10, l.left/3)
		l.account, l.state = 22, 9
	case width < 160:
		l.gutter, l.left = 16, 50*width/120
		l.office, l.practice = 14, 11
		l.account, l.state = 18, 9
	default:
		l.gutter, l.left = 18, 76*width/200
		l.office, l.practice = 18, 22
		l.account, l.state, l.mail = 20, 10, 34
	}
	l.right = width - l.left - l.gutter - 2
	l.person = l.left - 2 - l.office - l.practice - 1
	l.account = min(l.account, l.right-l.state-1)
	l.libraries = max(0, l.right-1-l.account-l.state-l.mail)
	if l.libraries < 8 {
		l.account += l.libraries
		l.libraries = 0
	}
	return l
}

// explainLines is how many lines the sentence takes: two, and three where there is room.
func explainLines(height int) int {
	if height >= 32 {
		return 3
	}
	return 2
}

// Lines draws the roster.
func (m *Model) Lines(width, height int) []string {
	l := layoutOf(width)
	out := make([]string, 0, height)
	out = append(out, m.chromeLines(l, width)...)
	m.height = max(height-len(out)-explainLines(height)-1, 1)
	m.move(0)
	out = m.body(out, l, width)
	out = append(out, m.chrome.foot)
	return append(out, m.sentence(width, explainLines(height))...)
}

// chrome is what stands around the rows, kept until something that it shows changes: a key that moves the cursor draws none of it.
type chrome struct {
	of         chromeKey
	lines      []string
	foot       string
	sentence   []string
	sentenceOf sentenceKey
}

type chromeKey struct {
	roll                  *desk.Roll
	st                    *ui.Styles
	hits                  *desk.Hits
	width, marked, staged int
	filter                desk.Filter
	query                 string
	finding, pending      bool
}

type sentenceKey struct {
	roll              *desk.Roll
	row, width, lines int
	st                *ui.Styles
}

func (m *Model) chromeLines(l layout, width int) []string {
	key := chromeKey{m.roll, m.st, m.hits, width, len(m.marks), len(m.desk.StagedKeys()), m.filter, m.query, m.finding, m.desk.PolicyPending()}
	if m.chrome.lines != nil && m.chrome.of == key && !m.reading {
		return m.chrome.lines
	}
	g := m.st.Glyphs
	lines := []string{m.header(width), m.tabs(width)}
	if why := m.unproven(); why != "" {
		lines = append(lines, m.st.NewLine(width, false).Word(ui.Danger, " "+g.Alert+" ").Text(ui.Danger, names.Clean(why), width-4).String())
	}
	joints := []int{l.left, l.left + l.gutter + 1}
	lines = append(lines, m.st.Rule(width, g.TeeDown, joints...), m.columns(l, width), m.st.Rule(width, g.Cross, joints...))
	m.chrome.of, m.chrome.lines, m.chrome.foot = key, lines, m.st.Rule(width, g.TeeUp, joints...)
	return lines
}

// body draws the rows that are on the page, from the cache where a row stands as it stood.
func (m *Model) body(out []string, l layout, width int) []string {
	rows := m.visible()
	if len(rows) == 0 {
		return m.empty(out, width)
	}
	m.table.fit(width, m.st, m.desk.StagedKeys())
	for at := m.top; at < m.top+m.height; at++ {
		if at >= len(rows) {
			out = append(out, m.table.blank(m, l, width))
			continue
		}
		out = append(out, m.table.row(m, l, width, rows[at], at == m.cursor))
	}
	return out
}

func (m *Model) header(width int) string {
	line := m.st.NewLine(width, false)
	line.Word(ui.Header, " rollcall ").Word(ui.Muted, m.st.Glyphs.Dot+" ")
	if m.roll == nil {
		return line.Word(ui.Plain, "reading for the first time").String()
	}
	firm := min(22, names.Clean(m.roll.Firm).Width()+1) // cells that the firm's name keeps, before a source tells less
	right := m.sources(width, 2)                        // as much as there is room for
	for detail := 1; detail >= 0 && right.Left() < width-line.Left()+firm; detail-- {
		right = m.sources(width, detail)
	}
	tail := width - right.Left()
	line.Text(ui.Header, names.Clean(m.roll.Firm), min(names.Clean(m.roll.Firm).Width(), max(0, line.Left()-tail-1)))
	line.Right(tail)
	return line.Join(right)
}

// sources draws each source's share, proof and freshness: with detail 2 each its own time, with 1 the time of the oldest, with 0 no
// counts.
func (m *Model) sources(width, detail int) *ui.Line {
	g := m.st.Glyphs
	if width < 100 {
		detail = 0
	}
	right := m.st.NewLine(width, false)
	oldest := m.roll.TakenAt
	for _, s := range m.roll.Sources {
		right.Text(ui.Plain, names.Clean(s.Name), 0)
		if detail > 0 {
			right.Word(ui.Plain, " "+ui.Count(s.Count))
		}
		if s.Proof.Complete {
			right.Word(ui.Good, " "+g.Yes)
		} else {
			right.Word(ui.Danger, " "+g.No+" not proven")
		}
		if detail > 1 {
			right.Word(ui.Muted, " "+s.ReadAt.Local().Format("15:04"))
		}
		if s.ReadAt.Before(oldest) {
			oldest = s.ReadAt
		}
		right.Space(2)
	}
	if detail < 2 {
		right.Word(ui.Muted, oldest.Local().Format("15:04")+" ")
	}
	if width >= 100 {
		right.Text(ui.Accent, names.Clean(m.roll.Operator), 0).Space(1)
	}
	return right
}

// tabs draws the filters with their counts, or the finder in their place.
func (m *Model) tabs(width int) string {
	line := m.st.NewLine(width, false)
	if m.reading {
		return m.readingLine(line)
	}
	if m.finding || m.query != "" {
		return m.finder(line)
	}
	line.Space(1)
	if m.roll == nil {
		return line.String()
	}
	n := len(m.desk.StagedKeys())
	tail := ""
	if n > 0 {
		tail = fmt.Sprintf("staged %d %s b ", n, m.st.Glyphs.Right)
	}
	if m.desk.PolicyPending() {
		word := "policy changed "
		if width < 100 {
			word = "policy "
		}
		tail = word + m.st.Glyphs.Right + " P  " + tail
	}
	if marked := len(m.marks); marked > 0 {
		tail = fmt.Sprintf("marked %d  %s", marked, tail)
	}
	for i, f := range desk.Filters() {
		label := strings.ToUpper(string(f[:1])) + string(f[1:]) + " " + ui.Count(m.roll.Count(f))
		if line.Left() < len(label)+len(tail)+10 {
			line.Word(ui.Muted, "more "+m.st.Glyphs.Right)
			break
		}
		if f == m.filter {
			line.Word(ui.Header, "["+label+"]")
		} else {
			line.Space(1).Word(m.tabStyle(f), label).Space(1)
		}
		if i == 0 {
			line.Space(1)
		}
	}
	return line.Right(len([]rune(tail))).Word(ui.Accent, tail).String()
}

func (m *Model) tabStyle(f desk.Filter) ui.Style {
	switch {
	case m.roll.Count(f) == 0:
		return ui.Muted
	case f == desk.FilterLeavers:
		return ui.Danger
	default:
		return ui.Plain
	}
}

func (m *Model) finder(line *ui.Line) string {
	line.Word(ui.Accent, " / ").Text(ui.Strong, names.Clean(m.query), 0)
	if m.finding {
		line.Word(ui.Accent, m.st.Glyphs.Caret)
	}
	line.Space(3)
	if m.hits != nil {
		line.Word(ui.Plain, ui.Count(m.hits.Total)+" of "+ui.Count(m.roll.Count(m.filter)))
	}
	if m.filter != desk.FilterAll {
		line.Word(ui.Muted, " "+string(m.filter))
	}
	tail := "enter keeps  esc clears "
	if !m.finding {
		tail = "esc clears "
	}
	return line.Right(len(tail)).Word(ui.Muted, tail).String()
}

func (m *Model) readingLine(line *ui.Line) string {
	line.Word(ui.Accent, " reading ")
	for _, key := range sortedKeys(m.progress) {
		p := m.progress[key]
		sign := m.st.Glyphs.Running
		if p.Done {
			sign = m.st.Glyphs.Yes
		}
		line.Space(1).Text(ui.Plain, names.Clean(p.Source), 0).Text(ui.Plain, names.Clean(" "+ui.Count(p.Seen)+" "+p.What+" "), 0).Word(ui.Good, sign).Space(1)
	}
	return line.String()
}

func (m *Model) columns(l layout, width int) string {
	g := m.st.Glyphs
	line := m.st.NewLine(width, false)
	directory, system := "", "imanage"
	if m.roll != nil {
		for _, s := range m.roll.Sources {
			if s.Document {
				system = s.Name
			} else if directory == "" {
				directory = s.Name
			} else {
				directory = "directories"
			}
		}
	}
	line.Space(1).Word(ui.Header, "PEOPLE  ")
	room := max(0, l.person-7)
	if source := names.Clean(directory); source.Width() < room { // the line above names it in any case
		line.Text(ui.Muted, source, room)
	} else {
		line.Space(room)
	}
	line.Cell(ui.Muted, "office", l.office)
	if l.practice > 0 {
		line.Cell(ui.Muted, "practice", l.practice)
	}
	line.Space(l.left - (width - line.Left()))
	line.Word(ui.Border, g.Vertical).Space(l.gutter).Word(ui.Border, g.Vertical).Space(1)
	line.Word(ui.Header, "ACCOUNTS  ").Text(ui.Muted, names.Clean(system), max(0, l.account-10))
	line.Cell(ui.Muted, "state", l.state)
	if l.libraries > 0 {
		line.Cell(ui.Muted, "libraries", l.libraries)
	}
	if l.mail > 0 {
		line.Cell(ui.Muted, "email", l.mail)
	}
	return line.String()
}

// sentence is the row under the cursor, said in words.
func (m *Model) sentence(width, lines int) []string {
	if c := &m.chrome; c.sentence != nil && c.sentenceOf == (sentenceKey{m.roll, m.current(), width, lines, m.st}) {
		return c.sentence
	}
	var out []string
	if i := m.current(); i >= 0 {
		if m.explained.roll != m.roll || m.explained.row != i {
			m.explained = explained{m.roll, i, m.desk.Explain(m.roll, i)}
		}
		text := m.explained.text.Long
		if width < 100 || names.Clean(text).Width() > lines*(width-6) {
			text = m.explained.text.Short
		}
		for _, t := range ui.Wrap(names.Clean(text), width-2, lines) {
			out = append(out, m.st.NewLine(width, false).Space(1).Text(ui.Plain, t, 0).String())
		}
	}
	for len(out) < lines {
		out = append(out, m.st.Blank(width))
	}
	m.chrome.sentence, m.chrome.sentenceOf = out, sentenceKey{m.roll, m.current(), width, lines, m.st}
	return out
}

// empty says why there is nothing to see, as a sentence.
func (m *Model) empty(out []string, width int) []string {
	text := "Nothing has been read yet: r reads every system."
	switch {
	case m.reading && m.roll == nil:
		text = "Reading every system for the first time. The roll appears when both sides are whole."
	case m.roll == nil:
	case m.query != "":
		text = fmt.Sprintf("Nobody here is called %q. esc clears the search.", m.query)
	case m.filter == desk.FilterLeavers:
		text = "No leavers with live accounts. Last read " + m.roll.TakenAt.Local().Format("15:04") + "."
	default:
		text = "Nothing under " + string(m.filter) + ". Last read " + m.roll.TakenAt.Local().Format("15:04") + "."
	}
	for i := range m.height {
		line := m.st.NewLine(width, false)
		if i == m.height/3 {
			line.Space(3).Text(ui.Plain, names.Clean(text), 0)
		}
		out = append(out, line.String())
	}
	return out
}

// unproven is the one line that says why an absence counts for nothing now.
func (m *Model) unproven() string {
	if m.roll == nil {
		return ""
	}
	for _, s := range m.roll.Sources {
		if !s.Proof.Complete {
			return fmt.Sprintf("%s was not read whole: %s. Nobody is called a leaver for being absent.", s.Name, s.Proof.Reason)
		}
	}
	return ""
}
