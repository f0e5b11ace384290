package person

import (
	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// SetStyles changes the theme.
func (m *Model) SetStyles(st *ui.Styles) { m.st = st }

// bodyKey is what the page was drawn of: it is kept until that changes.
type bodyKey struct {
	page  *desk.PersonPage
	gets  *desk.Explained
	st    *ui.Styles
	width int
}

// Lines draws the page.
func (m *Model) Lines(width, height int) []string {
	out := make([]string, 0, height)
	if m.page == nil {
		out = append(out, m.st.NewLine(width, false).Space(1).Word(ui.Muted, "loading").String())
	} else {
		if key := (bodyKey{m.page, m.gets, m.st, width}); m.drawn == nil || key != m.drawnOf {
			m.drawn, m.drawnOf = m.body(width), key
		}
		body := m.drawn
		m.long = len(body)
		m.top = min(m.top, max(0, m.long-(height-2)))
		out = append(out, m.title(width), m.st.PlaceRule(width, m.top+1, min(m.long, m.top+height-2), m.long))
		out = append(out, body[m.top:min(m.long, m.top+height-2)]...)
	}
	for len(out) < height {
		out = append(out, m.st.Blank(width))
	}
	return out
}

func (m *Model) title(width int) string {
	l := m.st.NewLine(width, false)
	l.Space(1).Text(ui.Header, names.Clean(m.page.Title), 0)
	if m.page.Row.Apart != "" {
		l.Text(ui.Muted, names.Clean(" ("+m.page.Row.Apart+")"), 0)
	}
	word, style := "agrees", ui.Good
	if w := m.page.Row.Worst(); w != nil {
		word, style = kindWord(w), ui.Warning
		if w.Severity == "danger" {
			word, style = m.st.Glyphs.Leaver+" "+word, ui.Danger
		}
		for _, other := range m.page.Row.Mismatches[1:] {
			word += ", " + kindWord(other)
		}
		if w.Managed {
			word += "  " + m.st.Glyphs.Directory + " directory-managed"
		}
	}
	if m.desk.StagedKeys()[m.key] {
		word += "  " + m.st.Glyphs.Right + " staged"
	}
	text := names.Clean(word)
	return l.Right(text.Width()+1).Text(style, text, 0).String()
}

// kindWord is a mismatch as an operator calls it.
func kindWord(w *provisioning.Mismatch) string {
	switch {
	case w.Kind != provisioning.KindEntitlement:
		return string(w.Kind)
	case len(w.Missing) > 0 && len(w.Excess) > 0:
		return "mover"
	default:
		return "rights"
	}
}

// label is how wide the labels' column is.
const label = 14

func (m *Model) body(width int) []string {
	g := m.st.Glyphs
	side := (width - label - 5) / 2
	var out []string
	head := m.st.NewLine(width, false).Space(label+1).Cell(ui.Muted, m.directory(), side).Space(4).Word(ui.Muted, "iManage")
	out = append(out, head.String())
	for _, f := range m.page.Facts {
		sign, style := " ", ui.Plain
		switch f.Mark {
		case desk.Differs:
			sign, style = g.Differs, ui.Danger
		case desk.Alike:
			sign, style = g.Alike, ui.Notice
		case desk.Warn:
			sign, style = g.Alert, ui.Warning
		case desk.Same:
		}
		l := m.st.NewLine(width, false)
		person := f.Person
		if f.Source != "" && person != "" {
			person += " (" + f.Source + ")"
		}
		l.Space(1).Cell(ui.Muted, f.Label, label).Text(ui.Plain, m.or(person, f), side).Space(1).Cell(style, sign, 3)
		if f.Mark == desk.Differs {
			l.Text(style, m.or(f.Account, f), l.Left())
		} else {
			l.Text(ui.Plain, m.or(f.Account, f), l.Left())
		}
		out = append(out, l.String())
	}
	if len(m.page.Holds) > 0 {
		out = append(out, m.st.Blank(width))
	}
	for _, f := range m.page.Holds {
		style := ui.Plain
		sign := " "
		if f.Mark == desk.Warn {
			style, sign = ui.Warning, g.Alert
		}
		l := m.st.NewLine(width, false).Space(1).Cell(ui.Muted, f.Label, label).Cell(style, sign, 3)
		out = append(out, l.Text(style, names.Clean(f.Account), l.Left()).String())
	}
	out = append(out, m.st.Blank(width))
	out = m.para(out, width, "linked by", m.page.Linked)
	if m.page.Known != "" {
		out = m.para(out, width, "known to", m.page.Known)
	}
	out = m.para(out, width, "believed", m.page.Believed)
	out = append(out, m.st.Blank(width))
	for i, line := range m.page.Mend {
		word := ""
		if i == 0 {
			word = "mend"
		}
		l := m.st.NewLine(width, false).Space(1).Cell(ui.Muted, word, label)
		if line.What == "held" {
			out = m.para(out, width, "mend", "held: "+line.Note)
			continue
		}
		l.Text(ui.Plain, names.Clean(line.What), min(44, l.Left())).Space(1).Text(ui.Muted, names.Clean(line.Effect+"  "+line.Note), l.Left())
		out = append(out, l.String())
	}
	out = m.rights(out, width)
	if len(m.page.History) > 0 {
		out = append(out, m.st.Blank(width))
	}
	for i, r := range m.page.History {
		word := ""
		if i == 0 {
			word = "history"
		}
		l := m.st.NewLine(width, false).Space(1).Cell(ui.Muted, word, label)
		l.Word(ui.Muted, r.Event.At.Local().Format("2 Jan 15:04:05")+"  ").Text(ui.Plain, names.Clean(r.Event.Actor), 10).Space(2)
		out = append(out, l.Text(ui.Plain, names.Clean(r.Event.Detail), l.Left()).String())
	}
	return out
}

func (m *Model) directory() string {
	if p := m.page.Row.Person; p != nil {
		if len(p.Records) > 1 {
			return "directories"
		}
		return names.Clean(p.Key.Directory).Bare()
	}
	return ""
}

// or is a side of a fact: a dash where it has nothing to say.
func (m *Model) or(s string, f desk.Fact) names.Text {
	if s == "" && (f.Person != "" || f.Account != "") {
		return names.Clean(m.st.Glyphs.Dash)
	}
	return names.Clean(s)
}

func (m *Model) para(out []string, width int, word, text string) []string {
	for i, t := range ui.Wrap(names.Clean(text), width-label-2, 4) {
		l := m.st.NewLine(width, false).Space(1)
		if i > 0 {
			word = ""
		}
		out = append(out, l.Cell(ui.Muted, word, label).Text(ui.Plain, t, l.Left()).String())
	}
	return out
}
