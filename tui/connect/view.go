package connect

import (
	"errors"
	"fmt"
	"image/color"
	"slices"
	"strings"

	"charm.land/huh/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/themes"
	"rollcall/tui/ui"
)

// formTheme gives huh's forms the theme's colours: none is its own.
func formTheme(st *ui.Styles) huh.Theme {
	colour := func(t themes.Token) color.Color {
		c := st.Theme.Colour[t]
		return color.RGBA{c[0], c[1], c[2], 255}
	}
	in := func(t themes.Token) lipgloss.Style {
		return lipgloss.NewStyle().Foreground(colour(t)).Background(colour(themes.Bg))
	}
	return huh.ThemeFunc(func(dark bool) *huh.Styles {
		s := huh.ThemeBase(dark)
		for _, f := range []*huh.FieldStyles{&s.Focused, &s.Blurred} {
			f.Base = lipgloss.NewStyle()
			f.Card = lipgloss.NewStyle()
			f.Title, f.NoteTitle = in(themes.Header).Bold(true), in(themes.Header).Bold(true)
			f.Description, f.Option = in(themes.Muted), in(themes.Fg)
			f.ErrorIndicator, f.ErrorMessage = in(themes.Danger).SetString(" "+st.Glyphs.No), in(themes.Danger)
			f.SelectSelector = in(themes.Accent).SetString(st.Glyphs.Right + " ")
			f.SelectedOption, f.UnselectedOption = in(themes.Accent), in(themes.Fg)
			f.FocusedButton = in(themes.Accent).Bold(true)
			f.BlurredButton, f.Next = in(themes.Muted), in(themes.Accent).Bold(true)
			f.TextInput.Prompt, f.TextInput.Text = in(themes.Accent), in(themes.Fg).Bold(true)
			f.TextInput.Placeholder, f.TextInput.Cursor = in(themes.Muted), in(themes.Accent)
		}
		s.FieldSeparator = lipgloss.NewStyle().SetString("\n")
		return s
	})
}

// Lines draws the screen.
func (m *Model) Lines(width, height int) []string {
	if m.width != width || m.height != height {
		m.width, m.height = width, height
		if m.wizard != nil && m.wizard.form != nil {
			m.size(m.wizard.form)
		}
	}
	var out []string
	if m.wizard != nil {
		out = m.wizardLines(width, height)
	} else {
		out = m.listLines(width, height)
	}
	for len(out) < height {
		out = append(out, m.st.Blank(width))
	}
	return out[:height]
}

func (m *Model) listLines(width, height int) []string {
	out := []string{m.st.NewLine(width, false).Word(ui.Header, " Connections").Word(ui.Muted, fmt.Sprintf("   %d, the first directory in priority first", len(m.list))).String(), m.st.Rule(width, "")}
	if len(m.list) == 0 {
		out = append(out, m.st.NewLine(width, false).Space(1).Word(ui.Plain, "Nothing is connected yet. a connects a directory, and then iManage.").String())
	}
	for i, c := range m.list {
		l := m.st.NewLine(width, i == m.cursor)
		sign := " "
		if i == m.cursor {
			sign = m.st.Glyphs.Cursor
		}
		l.Cell(ui.Accent, sign, 2).Text(ui.Strong, names.Clean(c.Name), 14)
		if width >= 100 { // at less, what it brought comes first
			l.Text(ui.Plain, names.Clean(c.System), 10)
		}
		m.share(l, c.Name)
		state, style := m.standing(c.Name)
		l.Cell(style, state, 22)
		out = append(out, l.Text(ui.Muted, names.Clean(strings.TrimSpace(c.Where+"  "+c.Way+"  "+c.Kept)), l.Left()).String())
	}
	out = append(out, m.st.Rule(width, ""))
	c, ok := m.current()
	if !ok {
		return out
	}
	if source, ok := m.source(c.Name); ok {
		style := ui.Plain
		if !source.Proof.Complete {
			style = ui.Danger
		}
		for _, t := range ui.Paragraph(source.Proof.Reason, width-2, 3) {
			out = append(out, m.st.NewLine(width, false).Space(1).Text(style, t, 0).String())
		}
	}
	if m.busy == c.Name {
		return append(out, m.st.NewLine(width, false).Space(1).Word(ui.Muted, "being examined, with reads only").String())
	}
	findings := m.health[c.Name]
	if len(findings) == 0 {
		return append(out, m.st.NewLine(width, false).Space(1).Word(ui.Muted, "t examines it: the way there, the clock, each right, the attributes, the rate").String())
	}
	lines := m.findings(width, findings)
	m.top = min(m.top, max(0, len(lines)-(height-len(out))))
	return append(out, lines[m.top:]...)
}

// source is what the last read of a connection brought.
func (m *Model) source(name string) (desk.Source, bool) {
	if m.desk == nil || m.desk.Roll() == nil {
		return desk.Source{}, false
	}
	sources := m.desk.Roll().Sources
	i := slices.IndexFunc(sources, func(s desk.Source) bool { return s.Name == name })
	if i < 0 {
		return desk.Source{}, false
	}
	return sources[i], true
}

// share tells a connection's part of the roster, whether its read is proven, and how fresh it is.
func (m *Model) share(l *ui.Line, name string) {
	const people, proof = 17, 22
	s, ok := m.source(name)
	if !ok {
		if m.desk != nil {
			l.Cell(ui.Muted, "not read yet", people+proof)
		}
		return
	}
	what := "people"
	if s.Document {
		what = "accounts"
	}
	l.Cell(ui.Plain, ui.Count(s.Count)+" "+what, people)
	at := s.ReadAt.Local().Format("15:04")
	if s.Proof.Complete {
		l.Cell(ui.Good, m.st.Glyphs.Yes+" proven whole "+at, proof)
	} else {
		l.Cell(ui.Danger, m.st.Glyphs.No+" not proven "+at, proof)
	}
}

// standing says how a connection was found when it was last examined here.
func (m *Model) standing(name string) (string, ui.Style) {
	findings, ok := m.health[name]
	if !ok {
		return "not examined yet", ui.Muted
	}
	bad, warnings := 0, 0
	for _, f := range findings {
		switch f.State {
		case provisioning.FindingBad:
			bad++
		case provisioning.FindingWarning:
			warnings++
		case provisioning.FindingGood:
		}
	}
	g := m.st.Glyphs
	switch {
	case bad > 0:
		return fmt.Sprintf("%s %d missing", g.No, bad), ui.Danger
	case warnings > 0:
		return fmt.Sprintf("%s well, %d to look at", g.Yes, warnings), ui.Warning
	default:
		return g.Yes + " well", ui.Good
	}
}

// findings draws what was found, each with what to do about it.
func (m *Model) findings(width int, findings []provisioning.Finding) []string {
	g := m.st.Glyphs
	const sign, what = 3, 26 // ok in ASCII
	var out []string
	for _, f := range findings {
		glyph, style := g.Yes, ui.Good
		switch f.State {
		case provisioning.FindingBad:
			glyph, style = g.No, ui.Danger
		case provisioning.FindingWarning:
			glyph, style = g.Alert, ui.Warning
		case provisioning.FindingGood:
		}
		for i, t := range ui.Paragraph(f.Detail, width-what-sign-2, 4) {
			l := m.st.NewLine(width, false).Space(1)
			if i == 0 {
				l.Cell(style, glyph, sign).Text(ui.Plain, names.Clean(f.What), what)
			} else {
				l.Space(sign + what)
			}
			out = append(out, l.Text(ui.Plain, t, l.Left()).String())
		}
		if f.State == provisioning.FindingGood || f.Mend == "" {
			continue
		}
		for _, t := range ui.Paragraph(g.Arrow+" "+f.Mend, width-what-sign-2, 6) {
			l := m.st.NewLine(width, false).Space(1 + sign + what)
			out = append(out, l.Text(style, t, l.Left()).String())
		}
	}
	return out
}

func (m *Model) wizardLines(width, height int) []string {
	w := m.wizard
	l := m.st.NewLine(width, false).Word(ui.Header, " Connect")
	if w.guide.Title != "" {
		l.Space(1).Text(ui.Header, names.Clean(w.guide.Title), 0)
	}
	if w.rotate != "" {
		l.Word(ui.Muted, ": new secrets for ").Text(ui.Strong, names.Clean(w.rotate), 0)
	}
	out := []string{l.String(), m.st.Rule(width, "")}
	line := func(style ui.Style, text string) {
		for _, t := range ui.Paragraph(text, width-2, 8) {
			out = append(out, m.st.NewLine(width, false).Space(1).Text(style, t, 0).String())
		}
	}
	switch w.step {
	case signingIn:
		if w.code == "" {
			line(ui.Muted, "asking for a code")
			break
		}
		line(ui.Plain, "Open this page, sign in, and type the code there:")
		line(ui.Strong, "  "+w.page)
		line(ui.Strong, "  "+w.code)
		line(ui.Muted, "rollcall goes on by itself when it is done.")
	case testing:
		line(ui.Muted, "trying each right, with reads only")
		out = append(out, m.findings(width, w.findings)...)
	case tested:
		if w.failed != nil {
			for _, part := range failure(w.failed) {
				line(ui.Danger, part)
			}
		}
		lines := m.findings(width, w.findings)
		room := max(3, height-len(out)-7)
		w.top = min(w.top, max(0, len(lines)-room))
		out = append(out, lines[w.top:min(len(lines), w.top+room)]...)
		if len(lines) > room {
			out = append(out, m.st.NewLine(width, false).Word(ui.Muted, fmt.Sprintf("   %d of %d lines; page down shows more", min(room, len(lines)), len(lines))).String())
		}
		out = append(out, m.st.Rule(width, ""))
	case saving:
		line(ui.Muted, "being kept")
	case showGuide:
		lines := m.guideLines(width)
		room := max(1, height-len(out))
		w.top = min(w.top, max(0, len(lines)-room))
		out = append(out, lines[w.top:min(len(lines), w.top+room)]...)
	case unlocking:
		line(ui.Muted, "being unlocked: that takes some seconds, so that nobody tries many")
	case askSystem, askWay, askPlace, askPassphrase, askFields:
	}
	if w.form != nil {
		if err := w.form.GetFocusedField().Error(); err != nil {
			line(ui.Danger, m.st.Glyphs.No+" "+err.Error())
		}
		for part := range strings.SplitSeq(w.form.View(), "\n") {
			out = append(out, m.exactly(part, width))
		}
	}
	return out
}

// guideLines say what to create at the vendor, and with which rights, each on a line of its own to be copied.
func (m *Model) guideLines(width int) (out []string) {
	w := m.wizard
	line := func(style ui.Style, indent int, first, text string) {
		for i, t := range ui.Paragraph(text, width-indent-2, 9) {
			l := m.st.NewLine(width, false).Space(1)
			if i == 0 {
				l.Cell(ui.Accent, first, indent)
			} else {
				l.Space(indent)
			}
			out = append(out, l.Text(style, t, 0).String())
		}
	}
	line(ui.Header, 0, "", "What to create at "+w.guide.Title+", the first time")
	for i, s := range w.way.Steps {
		line(ui.Plain, 3, fmt.Sprintf("%d.", i+1), s)
	}
	out = append(out, m.st.Blank(width))
	line(ui.Header, 0, "", "The least rights")
	for _, s := range w.way.Scopes {
		line(ui.Strong, 3, "", s)
	}
	out = append(out, m.st.Blank(width))
	line(ui.Muted, 0, "", "Have it at hand, and press enter.")
	return out
}

// failure says an error and what to do about it.
func failure(err error) []string {
	lines := strings.Split(err.Error(), "\n")
	var e *provisioning.Error
	if errors.As(err, &e) && e.Hint != "" {
		lines = append(lines, e.Hint)
	}
	return lines
}

// exactly gives a drawn line exactly so many cells.
func (m *Model) exactly(s string, width int) string {
	s = ansi.Truncate(s, width-1, "")
	return " " + s + m.st.SGR(ui.Plain, false) + strings.Repeat(" ", max(0, width-1-ansi.StringWidth(s))) + ui.Reset
}
