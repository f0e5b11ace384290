package campaign

import (
	"fmt"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// sentenceLines is how many lines the sentence takes: as many whatever it says, so that nothing moves.
func sentenceLines(height int) int {
	const lines, more = 5, 6
	if height >= 50 {
		return more
	}
	return lines
}

// chrome is what stands around the lines, kept until something that it shows changes.
type chrome struct {
	of         chromeKey
	lines      []string
	sentence   []string
	sentenceOf sentenceKey
	blank      string
	blankOf    blankKey
	rule       string
	ruleOf     ruleKey
}

type (
	chromeKey struct {
		st                   *ui.Styles
		width, height        int
		gen, which           int
		find                 string
		finding, known, busy bool
		shown, marked        int
		counts               desk.ReviewCounts
		minute               int64
		pace                 int
	}
	sentenceKey struct {
		st                     *ui.Styles
		gen, at, width, height int
	}
	blankKey struct {
		st    *ui.Styles
		width int
	}
	ruleKey struct {
		st                      *ui.Styles
		width, top, height, all int
	}
)

// Lines draws the review.
func (m *Review) Lines(width, height int) []string {
	if k := (blankKey{m.st, width}); m.chrome.blank == "" || m.chrome.blankOf != k {
		m.chrome.blank, m.chrome.blankOf = m.st.Blank(width), k
	}
	out := make([]string, 0, height+8)
	if m.r == nil {
		out = append(out, m.st.NewLine(width, false).Word(ui.Muted, fmt.Sprintf(" Access review %d is being opened", m.id)).String())
		return m.fill(out, height)
	}
	out = append(out, m.above(width, height)...)
	detail := sentenceLines(height)
	m.height = max(1, height-len(out)-detail-1)
	m.move(0)
	out = m.body(out, width)
	if k := (ruleKey{m.st, width, m.top, m.height, len(m.shown)}); m.chrome.rule == "" || m.chrome.ruleOf != k {
		m.chrome.rule, m.chrome.ruleOf = m.st.PlaceRule(width, m.top+1, min(m.top+m.height, len(m.shown)), len(m.shown)), k
	}
	out = append(out, m.chrome.rule)
	out = append(out, m.said(width, detail)...)
	out = m.fill(out, height)
	if m.dialog != nil {
		panel := m.dialog.Lines(m.st, width)
		for len(panel) <= detail { // its rule lies on that of the sentence, never under it
			panel = append(panel, m.chrome.blank)
		}
		panel = panel[:min(len(panel), height)]
		copy(out[height-len(panel):], panel)
	}
	return out
}

func (m *Review) fill(out []string, height int) []string {
	for len(out) < height {
		out = append(out, m.chrome.blank)
	}
	return out[:height]
}

// above draws what stands above the lines.
func (m *Review) above(width, height int) []string {
	now := m.now()
	n := m.r.Counts()
	pace := m.pace.perMinute(now)
	k := chromeKey{m.st, width, height, m.gen, m.which, m.find, m.finding, m.known, m.held, len(m.shown), m.marks.n, n, now.Unix() / 60, pace}
	if m.chrome.lines != nil && m.chrome.of == k {
		return m.chrome.lines
	}
	c := m.r.Campaign()
	if m.chrome.of.counts != n { // somebody else's decisions, or an answer that was taken in
		m.table.clear()
	}
	lines := []string{m.title(width, &c, now), m.progress(width, &c, &n, pace, now)}
	lines = append(lines, m.warnings(width, &c)...)
	lines = append(lines, m.steps(width, &c)...)
	lines = append(lines, m.tabs(width, &n), m.st.Rule(width, ""), m.head(width))
	m.chrome.of, m.chrome.lines = k, lines
	return lines
}

// title says which review it is, how far it has come, and until when.
func (m *Review) title(width int, c *provisioning.Campaign, now time.Time) string {
	right, style := m.until(c, now)
	head := fmt.Sprintf(" Review %d ", c.ID)
	if width >= 112 {
		head = " Access" + strings.ToLower(head)
	}
	l := m.st.NewLine(width, false).Word(ui.Header, head).Word(ui.Muted, m.st.Glyphs.Dot+" ")
	room := max(0, l.Left()-len(right)-3)
	stage, name := names.Text{}, names.Clean(c.Name)
	if c.State == provisioning.CampaignOpen && len(c.Stages) > 1 {
		short := fmt.Sprintf("stage %d of %d", c.Stage+1, len(c.Stages))
		if stage = names.Clean(short + ": " + c.Stages[c.Stage].Name); name.Width()+2+stage.Width() > room {
			stage = names.Clean(short)
		}
	}
	cells := min(name.Width(), max(room-stage.Width()-2, 8))
	l.Text(ui.Header, name, cells)
	if stage.Width() > 0 {
		l.Space(2).Text(ui.Plain, stage, min(stage.Width(), max(0, room-cells-2)))
	}
	return l.Right(len(right)+1).Word(style, right).Space(1).String()
}

// until says until when a review is decided, loudly where that is over.
func (m *Review) until(c *provisioning.Campaign, now time.Time) (string, ui.Style) {
	day := func(at time.Time) string {
		if at.Local().Year() == now.Local().Year() {
			return at.Local().Format("2 Jan")
		}
		return at.Local().Format("2 Jan 2006")
	}
	switch c.State {
	case provisioning.CampaignOpen:
		due := c.Stages[c.Stage].Due
		switch {
		case due.IsZero():
			return "no due date", ui.Muted
		case now.After(due):
			return "OVERDUE since " + day(due) + ", " + strings.TrimSuffix(ui.Until(due, now), " ago"), ui.Danger
		default:
			return "due " + day(due) + ", " + ui.Until(due, now), ui.Plain
		}
	case provisioning.CampaignClosed:
		return "closed " + day(c.ClosedAt), ui.Warning
	case provisioning.CampaignDone:
		return "done " + day(c.DoneAt), ui.Good
	default:
		return string(c.State) + " " + day(c.ClosedAt), ui.Muted
	}
}

// progress is a thin bar, what is left, and how fast it goes.
func (m *Review) progress(width int, c *provisioning.Campaign, n *desk.ReviewCounts, pace int, now time.Time) string {
	g := &m.st.Glyphs
	bar := width / 4
	full := 0
	if n.Items > 0 {
		full = (n.Items - n.Open) * bar / n.Items
	}
	l := m.st.NewLine(width, false).Space(1).Word(ui.Good, strings.Repeat(g.Full, full)).Word(ui.Border, strings.Repeat(g.Empty, bar-full)).Space(2)
	l.Word(ui.Strong, ui.Count(n.Items-n.Open)).Word(ui.Plain, " of "+ui.Count(n.Items)+" decided")
	if c.State != provisioning.CampaignOpen {
		return l.String()
	}
	l.Space(2).Word(ui.Strong, ui.Count(n.Mine)).Word(ui.Plain, " left for you")
	tail := ""
	switch {
	case pace > 0 && n.Mine > 0:
		tail = fmt.Sprintf("%d a minute, about %s", pace, minutes((n.Mine+pace-1)/pace))
	case pace > 0:
		tail = fmt.Sprintf("%d a minute", pace)
	}
	if l.Left() > len(tail)+2 {
		l.Right(len(tail)+1).Word(ui.Muted, tail).Space(1)
	}
	return l.String()
}

func minutes(n int) string {
	const hour = 60
	if n < 2*hour {
		return fmt.Sprintf("%d min", n)
	}
	return fmt.Sprintf("%d h", n/hour)
}

// warnings says on how good a read the review rests.
func (m *Review) warnings(width int, c *provisioning.Campaign) []string {
	if len(c.Warnings) == 0 || c.State == provisioning.CampaignDone {
		return nil
	}
	text := c.Warnings[0]
	if more := len(c.Warnings) - 1; more > 0 {
		text = fmt.Sprintf("%s (and %d more)", cutTo(text, width-18), more)
	}
	return []string{m.st.NewLine(width, false).Space(1).Word(ui.Warning, m.st.Glyphs.Alert+" ").Text(ui.Warning, names.Clean(text), width-4).String()}
}

func cutTo(s string, cells int) string { return names.Clean(s).Truncate(cells).Bare() }

// steps says what is left to do after the close.
func (m *Review) steps(width int, c *provisioning.Campaign) []string {
	if c.State != provisioning.CampaignClosed || m.rest == nil {
		return nil
	}
	g := &m.st.Glyphs
	out := []string{m.st.Rule(width, ""), m.st.NewLine(width, false).Space(1).Word(ui.Header, "What is left to do").String()}
	for at, s := range m.rest.steps {
		sign, word, style := g.Waiting, "to do", ui.Strong
		if s.done {
			sign, word, style = g.Yes, "done", ui.Good
		}
		out = append(out, m.st.NewLine(width, false).Space(1).Word(ui.Muted, fmt.Sprintf("%d ", at+1)).Cell(style, sign, 3).Cell(style, word, 6).Text(ui.Plain, names.Clean(s.text), width-13).String())
	}
	return append(out, m.st.Rule(width, ""))
}

// tabs draws the filters with their counts, or the search in their place.
func (m *Review) tabs(width int, n *desk.ReviewCounts) string {
	l := m.st.NewLine(width, false)
	tail := ""
	switch {
	case m.held:
		tail = "asking "
	case m.ranging:
		tail = fmt.Sprintf("range: %s marked ", ui.Count(m.marks.n))
	case m.marks.n > 0:
		tail = fmt.Sprintf("%s marked ", ui.Count(m.marks.n))
	}
	if m.finding || m.find != "" {
		l.Word(ui.Accent, " / ").Text(ui.Strong, names.Clean(m.find), 0)
		if m.finding {
			l.Word(ui.Accent, m.st.Glyphs.Caret)
			tail += "enter keeps  esc clears "
		} else {
			tail += "esc clears "
		}
		l.Space(3).Word(ui.Plain, ui.Count(len(m.shown))+" found")
		if f := filters()[m.which]; f != "" {
			l.Word(ui.Muted, " under "+f)
		}
		return l.Right(len(tail)).Word(ui.Muted, tail).String()
	}
	mine := n.Mine
	if m.shut {
		mine = 0
	}
	counts := map[string]int{"mine": mine, "open": n.Open, "revoked": n.Revoked, "kept": n.Kept, "asked": n.Asked, "alarms": m.alarms, "": n.Items}
	for at, f := range filters() {
		word := f
		if f == "" {
			word = "all"
		}
		label := strings.ToUpper(word[:1]) + word[1:] + " " + ui.Count(counts[f])
		if l.Left() < len(label)+2+len(tail) {
			break
		}
		style := ui.Plain
		switch {
		case counts[f] == 0:
			style = ui.Muted
		case f == "revoked":
			style = ui.Danger
		case f == "asked":
			style = ui.Warning
		}
		if at == m.which {
			l.Word(ui.Header, "["+label+"]")
		} else {
			l.Space(1).Word(style, label).Space(1)
		}
	}
	return l.Right(len(tail)).Word(ui.Accent, tail).String()
}

// head names the columns.
func (m *Review) head(width int) string {
	c := columnsOf(width)
	l := m.st.NewLine(width, false).Space(2)
	cell := func(word string, cells int) {
		if cells > 0 {
			l.Cell(ui.Muted, word, cells)
		}
	}
	cell("verdict", c.verdict)
	cell("who", c.who)
	cell("account", c.account)
	cell("office", c.office)
	cell("practice", c.practice)
	cell("has", c.access)
	cell("stands", c.stands)
	cell("last used", c.used)
	cell("peers", c.peers)
	cell("since", c.since)
	cell("beware", c.loud)
	cell("decides", c.whose)
	return l.String()
}

// body draws the lines that are on the page, and nothing of those that are not.
func (m *Review) body(out []string, width int) []string {
	if len(m.shown) == 0 {
		return m.empty(out, width)
	}
	if k := (tableKey{width, m.now().Local().Unix() / int64(day/time.Second)}); m.table.of != k {
		m.table.clear()
		m.table.of = k
	}
	c := columnsOf(width)
	for at := m.top; at < m.top+m.height; at++ {
		if at >= len(m.shown) {
			out = append(out, m.chrome.blank)
			continue
		}
		out = append(out, m.row(width, &c, m.shown[at], at == m.cursor))
	}
	return out
}

// empty says why there is nothing to see, as a sentence.
func (m *Review) empty(out []string, width int) []string {
	text := "The list is being made."
	switch f := filters()[m.which]; {
	case !m.known:
	case m.find != "":
		text = "Nothing here fits what you typed. esc clears the search."
	case f == "mine":
		text = "Nothing waits for you. ] shows what is open to others, and everything else."
	case f == "":
		text = "The review has no items."
	default:
		text = "Nothing is under " + f + " now. ] goes on."
	}
	lines := ui.Paragraph(text, width-6, 3)
	for i := range m.height {
		if at := i - m.height/3; at >= 0 && at < len(lines) {
			out = append(out, m.st.NewLine(width, false).Space(3).Text(ui.Plain, lines[at], 0).String())
			continue
		}
		out = append(out, m.chrome.blank)
	}
	return out
}

// said is the line under the cursor, in sentences.
func (m *Review) said(width, height int) []string {
	k := sentenceKey{m.st, m.gen, m.at(), width, height}
	if m.chrome.sentence != nil && m.chrome.sentenceOf == k {
		return m.chrome.sentence
	}
	out := make([]string, 0, height)
	if i := m.at(); i >= 0 {
		for _, t := range wrap(m.sentence(i), width-2, height) {
			out = append(out, m.st.NewLine(width, false).Space(1).Text(ui.Plain, t, 0).String())
		}
	}
	for len(out) < height {
		out = append(out, m.chrome.blank)
	}
	m.chrome.sentence, m.chrome.sentenceOf = out, k
	return out
}

// wrap breaks sentences of cleaned pieces into at most so many lines, at spaces; the last one is cut where more would follow. It does what
// ui.Paragraph does, and measures each word once: it is drawn with every step of the cursor.
func wrap(sentences []string, width, lines int) []names.Text {
	text := strings.Join(sentences, " ")
	var out []names.Text
	start, end, used := 0, 0, 0 // of the line that is being filled
	for at := 0; at < len(text); {
		next := strings.IndexByte(text[at:], ' ')
		if next < 0 {
			next = len(text) - at
		}
		cells := names.Clean(text[at : at+next]).Width()
		if cells > width { // a word as long as that is for the patient one
			return ui.Paragraph(text, width, lines)
		}
		if used > 0 && used+1+cells > width {
			if len(out) == lines-1 {
				return append(out, names.Clean(text[start:]).Truncate(width))
			}
			out = append(out, names.Clean(text[start:end]))
			start, used = at, 0
		} else if used > 0 {
			used++
		}
		used += cells
		at += next
		end = at
		at++
	}
	if start < end {
		out = append(out, names.Clean(text[start:end]))
	}
	return out
}
