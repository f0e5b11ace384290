package person

import (
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// rights are what the policy gives and why, and how the account stands to it.
func (m *Model) rights(out []string, width int) []string {
	out = append(out, m.st.Blank(width))
	if m.gets == nil {
		if m.why != "" {
			out = m.para(out, width, "policy gives", m.why)
		}
		return out
	}
	word := "policy gives"
	if m.gets.None != "" {
		out = m.para(out, width, word, m.gets.None)
		word = ""
	}
	for i := range m.gets.Lines {
		out = m.right(out, width, word, &m.gets.Lines[i])
		word = ""
	}
	for _, note := range m.gets.Notes {
		out = m.para(out, width, word, note)
		word = ""
	}
	return out
}

// right is one of them: a sign and a word, the right, and the reason, which goes on in further lines where it is long.
func (m *Model) right(out []string, width int, first string, r *desk.ExplainedRight) []string {
	g := m.st.Glyphs
	sign, word, style := g.Untouched, "untouched", ui.Muted
	switch r.State {
	case desk.RightComes:
		sign, word, style = g.Comes, "missing", ui.Warning
	case desk.RightStays:
		sign, word, style = g.Stays, "held", ui.Muted
	case desk.RightGoes:
		sign, word, style = g.Goes, "in excess", ui.Danger
	case desk.RightWithheld:
		sign, word, style = g.Withheld, "withheld", ui.Warning
	case desk.RightDropped, desk.RightUngoverned:
	}
	const most = 6
	column := max(24, width/4)
	right := ui.Paragraph(r.String(), column, most)
	why := ui.Paragraph(r.Why, width-label-15-column, most)
	for i := range max(1, len(right), len(why)) {
		var left, reason names.Text
		if i < len(right) {
			left = right[i]
		}
		if i < len(why) {
			reason = why[i]
		}
		l := m.st.NewLine(width, false).Space(1).Cell(ui.Muted, first, label).Cell(style, sign, 2).Cell(style, word, 10)
		out = append(out, l.Text(ui.Plain, left, column).Space(1).Text(ui.Muted, reason, 0).String())
		first, sign, word = "", "", ""
	}
	return out
}
