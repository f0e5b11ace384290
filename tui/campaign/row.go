package campaign

import (
	"rollcall/provisioning"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// columns are the widths of a line's cells; 0 is gone. The verdict, who, and the access never go; what is loud shares the cell of the
// standing where there is no room for both.
type columns struct {
	verdict, who, account, office, practice, access, stands, used, peers, since, loud, whose int
}

func columnsOf(width int) columns {
	switch {
	case width < 112:
		c := columns{verdict: 11, who: 16, access: 18, stands: 12, used: 13, peers: 8}
		more := width - 80
		c.who += more / 2
		c.access += more - more/2
		return c
	case width < 160:
		c := columns{verdict: 11, who: 20, office: 10, access: 22, stands: 11, used: 16, peers: 9, since: 7, loud: 12}
		more := width - 120
		c.who += more / 2
		c.access += more - more/2
		return c
	default:
		c := columns{verdict: 11, who: 24, account: 13, office: 13, practice: 15, access: 28, stands: 12, used: 17, peers: 10, since: 8, loud: 27}
		c.whose = max(0, width-2-178)
		return c
	}
}

// table keeps the lines that were drawn, so that a frame builds only what changed.
type table struct {
	rows  map[int]string // by place, without the cursor
	at    int            // the place under the cursor, and how it was drawn
	under string
	of    tableKey
}

type tableKey struct {
	width int
	today int64 // what is told in days is told anew at midnight
}

// mostCached bounds the cache: a few pages.
const mostCached = 600

func (t *table) clear() {
	clear(t.rows)
	t.under = ""
}

// row gives a line as it is drawn.
func (m *Review) row(width int, c *columns, i int, cursor bool) string {
	t := &m.table
	if cursor {
		if t.under == "" || t.at != i {
			t.at, t.under = i, m.draw(width, c, i, true)
		}
		return t.under
	}
	if s, ok := t.rows[i]; ok {
		return s
	}
	if len(t.rows) >= mostCached {
		t.clear()
	}
	s := m.draw(width, c, i, false)
	t.rows[i] = s
	return s
}

// verdict is a sign and a word for where an item stands. quiet says that it is not this operator's to decide now.
func (m *Review) verdict(i int) (sign, word string, style ui.Style, quiet bool) {
	g := &m.st.Glyphs
	if v, given := m.inFlight(i); given { // pressed, and not kept yet
		word = string(v)
		if v == "" {
			word = "open"
		}
		return g.Hand, word, ui.Muted, false
	}
	s := m.r.State(i)
	switch s.Verdict {
	case provisioning.ReviewKeep:
		return g.Yes, "keep", ui.Good, false
	case provisioning.ReviewRevoke:
		return g.Leaver, "REVOKE", ui.Danger, false
	case provisioning.ReviewAsk:
		return g.Orphan, "asked", ui.Warning, false
	default:
	}
	me := m.r.Me().Key
	if m.shut { // what the stages before said is what it came to
		s.Here = false
	}
	proposed := ""
	if s.Proposed != nil {
		proposed = string(s.Proposed.Verdict)
	}
	switch {
	case !s.Here && proposed == string(provisioning.ReviewRevoke):
		return g.Leaver, "REVOKE", ui.Danger, true
	case !s.Here && proposed != "":
		return g.Yes, proposed, ui.Good, true
	case !s.Here:
		return g.Waiting, "open", ui.Muted, true
	case proposed != "":
		return g.Waiting, proposed + "?", ui.Notice, s.Reviewer != me
	case s.From != "" && s.Reviewer != me:
		return g.Arrow, "handed", ui.Muted, true
	case s.From != "":
		return g.Arrow, "to you", ui.Notice, false
	default:
		return g.Waiting, "open", ui.Plain, s.Reviewer != me
	}
}

// draw builds one line.
func (m *Review) draw(width int, c *columns, i int, cursor bool) string {
	g, it := &m.st.Glyphs, m.r.Item(i)
	l := m.st.NewLine(width, cursor)
	mark, at := " ", " "
	if cursor {
		at = g.Cursor
	}
	if m.marks.has(i) {
		mark = g.Mark
	}
	sign, word, style, quiet := m.verdict(i)
	own := m.own(i)
	plain, strong := ui.Plain, ui.Strong
	if quiet || own {
		plain, strong = ui.Muted, ui.Muted
	}
	l.Cell(ui.Accent, at, 1).Cell(ui.Accent, mark, 1).Cell(style, sign, 3).Cell(style, word, c.verdict-3)
	text := func(style ui.Style, s string, cells int) {
		if cells > 0 {
			l.Text(style, names.Clean(s), cells-1).Space(1)
		}
	}
	text(plain, whom(it), c.who)
	text(ui.Muted, it.Account, c.account)
	text(ui.Muted, it.Office, c.office)
	text(ui.Muted, it.Practice, c.practice)
	text(strong, access(it), c.access)
	if own {
		return l.Word(ui.Muted, "your own: somebody else decides").String()
	}
	m.evidence(l, c, it)
	if c.whose > 0 {
		s := m.r.State(i)
		text(ui.Muted, s.Reviewer, c.whose)
	}
	return l.String()
}

// evidence draws what a verdict rests on.
func (m *Review) evidence(l *ui.Line, c *columns, it *provisioning.ReviewItem) {
	g, now := &m.st.Glyphs, m.now()
	all := louds(g, it)
	cell := func(x loud, more, cells int) {
		tail := ""
		if more > 0 {
			tail = " +" + ui.Count(more)
		}
		from := l.Left()
		word := names.Clean(x.word)
		l.Word(x.style, x.sign+" ").Text(x.style, word, min(word.Width(), max(0, cells-3-len(tail)))).Word(x.style, tail)
		l.Space(cells - (from - l.Left()))
	}
	if c.loud == 0 && len(all) > 0 {
		more := len(all) - 1
		if it.Standing == provisioning.StandsExcess {
			more++
		}
		cell(all[0], more, c.stands)
	} else {
		l.Cell(standingStyle(it), standingWord(it), c.stands)
	}
	word, style := used(it, now, c.used > 14)
	l.Cell(style, word, c.used)
	style = ui.Plain
	if alone(it) {
		style = ui.Warning
	}
	l.Cell(style, peers(it, g.Dash), c.peers)
	if c.since > 0 {
		when := g.Dash
		if !it.Since.IsZero() {
			when = short(it.Since, now)
		}
		l.Cell(ui.Muted, when, c.since)
	}
	if c.loud == 0 {
		return
	}
	cells := c.loud
	for at, x := range all {
		const each = 10
		if cells < 2*each && at < len(all)-1 { // the rest is in the sentence
			cell(x, len(all)-1-at, cells)
			cells = 0
			break
		}
		take := min(each, cells)
		cell(x, 0, take)
		cells -= take
		if cells < 3 {
			break
		}
	}
	l.Space(cells)
}
