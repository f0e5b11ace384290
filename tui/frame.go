package tui

import (
	"image/color"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning/names"
	"rollcall/themes"
	"rollcall/tui/ui"
)

// View draws the frame: the screen, over its bottom what is being asked or said, and the footer.
func (m *Model) View() tea.View {
	v := tea.NewView(m.content())
	v.AltScreen = true
	v.MouseMode = tea.MouseModeCellMotion
	v.WindowTitle = "rollcall"
	bg := m.st.Theme.Colour[themes.Bg]
	v.BackgroundColor = color.RGBA{bg[0], bg[1], bg[2], 255}
	return v
}

func (m *Model) content() string {
	body := m.height - 2
	var lines []string
	if m.help != nil {
		lines = m.helpPage(m.width, body)
	} else {
		lines = m.top().Lines(m.width, body)
	}
	lines = m.over(lines, body)
	size := 0
	for _, l := range lines {
		size += len(l) + 1
	}
	var b strings.Builder
	b.Grow(size + 8*m.width + 256)
	for _, l := range lines {
		b.WriteString(l)
		b.WriteByte('\n')
	}
	if m.rule == "" || m.ruleOf != m.st || m.ruleWidth != m.width {
		m.rule, m.ruleOf, m.ruleWidth = m.st.Rule(m.width, ""), m.st, m.width
	}
	b.WriteString(m.rule)
	b.WriteByte('\n')
	b.WriteString(m.footer())
	return b.String()
}

// over lays a dialog or an error over the bottom of the screen, so that what it is about stays in sight.
func (m *Model) over(lines []string, body int) []string {
	var panel []string
	switch {
	case m.dialog != nil:
		panel = m.dialog.Lines(m.st, m.width)
	case m.failed != nil:
		panel = m.failure()
	}
	if len(panel) == 0 {
		return lines
	}
	panel = panel[:min(len(panel), body)]
	return append(append(make([]string, 0, body), lines[:body-len(panel)]...), panel...)
}

func (m *Model) failure() []string {
	out := []string{m.st.Rule(m.width, "")}
	all := errorLines(m.failed)
	const most = 14
	for i, line := range all {
		if i == most && len(all) > most+1 {
			out = append(out, m.st.NewLine(m.width, false).Space(3).Word(ui.Muted, "and more: y copies all of it").String())
			break
		}
		style, sign := ui.Plain, " "
		if i == 0 {
			style, sign = ui.Danger, m.st.Glyphs.No
		}
		for j, t := range ui.Paragraph(line, m.width-4, 4) {
			if j > 0 {
				sign = " "
			}
			out = append(out, m.st.NewLine(m.width, false).Space(1).Cell(ui.Danger, sign, 2).Text(style, t, 0).String())
		}
	}
	return append(out, m.st.NewLine(m.width, false).Space(3).Word(ui.Muted, "y copies, any other key goes on").String())
}

// footer is the last thing that was said, or the keys of the screen.
func (m *Model) footer() string {
	if m.toast != nil {
		style := ui.Warning
		if m.toast.Good {
			style = ui.Good
		}
		return m.st.NewLine(m.width, false).Space(1).Text(style, names.Clean(m.toast.Text), m.width-2).String()
	}
	if m.help != nil {
		return m.st.NewLine(m.width, false).Word(ui.Muted, " type to search the keys, down shows more, esc closes").String()
	}
	return m.foot.Draw(m.st, m.width, m.top().Bindings(), m.work)
}

// global are the frame's own keys, for the help page.
func global() []ui.Binding {
	return []ui.Binding{
		{Keys: []string{"?"}, Help: "all keys", Long: "this page"},
		{Keys: []string{"T"}, Help: "next theme", Long: "dark, light, high contrast"},
		{Keys: []string{"q"}, Help: "quit", Long: "from the roster; what runs is offered for resume at the next start"},
		{Keys: []string{"ctrl+c"}, Help: "quit", Long: "from anywhere"},
	}
}

func (m *Model) helpPage(width, height int) []string {
	out := []string{
		m.st.NewLine(width, false).Word(ui.Header, " All keys of this screen  ").Word(ui.Accent, "/ ").Text(ui.Strong, names.Clean(*m.help), 0).Word(ui.Accent, m.st.Glyphs.Caret).String(),
		m.st.Rule(width, ""),
	}
	all := m.st.HelpLines(width, append(slices.Clone(m.top().Bindings()), global()...), *m.help)
	m.helped = min(m.helped, max(0, len(all)-(height-len(out))))
	out = append(out, all[m.helped:]...)
	for len(out) < height {
		out = append(out, m.st.Blank(width))
	}
	return out[:height]
}
