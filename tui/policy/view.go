package policy

import (
	"fmt"

	"rollcall/provisioning"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// Lines draws the effect. Only the rows of the page are drawn, however many people are concerned.
func (m *Model) Lines(width, height int) []string {
	key := drawnKey{m.effect, m.st, width}
	if m.head == nil || key != m.of {
		m.of, m.drawn, m.head = key, make(map[int][]string), m.headLines(width)
		m.top = 0
	}
	out := make([]string, 0, height+8)
	out = append(out, m.head[:min(len(m.head), height)]...)
	m.height = max(1, height-len(out))
	if n := m.count(); n > 0 {
		m.settle(width)
		for i := m.top; i < n && len(out) < height; i++ {
			lines := m.row(width, i)
			if i == m.cursor {
				lines = m.rowLines(width, i, true)
			}
			out = append(out, lines...)
		}
	}
	for len(out) < height {
		out = append(out, m.st.Blank(width))
	}
	return out[:height]
}

// settle puts the top where the whole row under the cursor shows.
func (m *Model) settle(width int) {
	m.top = min(m.top, m.cursor)
	used := 0
	for i := m.cursor; i >= m.top; i-- {
		if used += len(m.row(width, i)); used > m.height && i < m.cursor {
			m.top = i + 1
			return
		}
	}
}

// row gives a row as it is drawn without the cursor.
func (m *Model) row(width, i int) []string {
	lines, ok := m.drawn[i]
	if !ok {
		const mostKept = 2000
		if len(m.drawn) > mostKept {
			clear(m.drawn)
		}
		lines = m.rowLines(width, i, false)
		m.drawn[i] = lines
	}
	return lines
}

func (m *Model) headLines(width int) []string {
	st, g := m.st, m.st.Glyphs
	l := st.NewLine(width, false).Word(ui.Header, " The policy")
	var out []string
	say := func(style ui.Style, sign, text string, most int) {
		for _, t := range ui.Paragraph(text, width-4, most) {
			out = append(out, st.NewLine(width, false).Space(1).Cell(style, sign, 2).Text(style, t, 0).String())
			sign = " "
		}
	}
	e := m.effect
	switch {
	case e == nil:
		out = append(out, l.String(), st.Rule(width, ""), st.Blank(width))
		say(ui.Plain, " ", "Comparing what policy.toml gives with what counts now, for everybody on the roll.", 3)
	case !e.Changed:
		out = append(out, l.String(), st.Rule(width, ""), st.Blank(width))
		say(ui.Plain, " ", "policy.toml is the policy that counts: nothing would change.", 3)
	case e.Why != "":
		out = append(out, l.Word(ui.Danger, "  policy.toml cannot be read").String(), st.Rule(width, ""), st.Blank(width))
		say(ui.Danger, g.No, e.Why, 12)
		say(ui.Plain, " ", "The policy that was accepted goes on counting. Mend the file, then press r.", 3)
	default:
		l.Word(ui.Strong, "  policy.toml has changed, and does not count yet")
		text := fmt.Sprintf("gain: %d   lose: %d   concerned: %d ", e.Gain, e.Lose, len(e.Rows))
		out = append(out, l.String())
		if l.Left() >= 0 && width >= 100 {
			l = st.NewLine(width, false).Word(ui.Header, " The policy").Word(ui.Strong, "  policy.toml has changed, and does not count yet")
			out[0] = l.Right(len(text)).Word(ui.Strong, text).String()
		} else {
			out = append(out, st.NewLine(width, false).Space(1).Word(ui.Strong, text).String())
		}
		out = append(out, st.Rule(width, ""))
		if len(e.Rows) == 0 {
			say(ui.Plain, " ", "Nobody gains or loses a right that policy gives.", 2)
		}
	}
	return out
}

// rowLines are another limit or wall, or one person with what comes and goes.
func (m *Model) rowLines(width, i int, selected bool) []string {
	st, g := m.st, m.st.Glyphs
	if i < len(m.effect.Lines) {
		return m.otherLines(width, m.effect.Lines[i], selected)
	}
	r := &m.effect.Rows[i-len(m.effect.Lines)]
	name := max(24, width/4)
	cursor, title := " ", names.Clean(r.Name)
	if selected {
		cursor = g.Cursor
	}
	var lines []string
	side := func(sign string, style ui.Style, rights []provisioning.Entitlement) {
		if len(rights) == 0 {
			return
		}
		const most = 16
		for _, t := range ui.Paragraph(list(rights), width-name-6, most) {
			l := st.NewLine(width, selected).Cell(ui.Accent, cursor, 1).Space(1).Text(ui.Strong, title, name).Space(1).Cell(style, sign, 2)
			lines = append(lines, l.Text(style, t, 0).String())
			cursor, sign, title = " ", " ", names.Text{}
		}
	}
	side(g.Comes, ui.Good, r.Gains)
	side(g.Goes, ui.Danger, r.Loses)
	if len(lines) == 0 {
		lines = append(lines, st.NewLine(width, selected).Cell(ui.Accent, cursor, 1).Space(1).Text(ui.Strong, title, name).String())
	}
	return lines
}

// otherLines are a difference that is no person's.
func (m *Model) otherLines(width int, text string, selected bool) []string {
	const most = 4
	cursor, sign := " ", m.st.Glyphs.Differs
	if selected {
		cursor = m.st.Glyphs.Cursor
	}
	var lines []string
	for _, t := range ui.Paragraph(text, width-6, most) {
		l := m.st.NewLine(width, selected).Cell(ui.Accent, cursor, 1).Space(1).Cell(ui.Notice, sign, 3)
		lines = append(lines, l.Text(ui.Notice, t, 0).String())
		cursor, sign = " ", " "
	}
	if len(lines) == 0 {
		lines = append(lines, m.st.NewLine(width, selected).Cell(ui.Accent, cursor, 2).Cell(ui.Notice, sign, 3).String())
	}
	return lines
}

// list writes rights one after the other.
func list(rights []provisioning.Entitlement) string {
	s := ""
	for i, e := range rights {
		if i > 0 {
			s += ", "
		}
		s += e.String()
	}
	return s
}
