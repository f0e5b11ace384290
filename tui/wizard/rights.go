package wizard

import (
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// moment writes a minute in full, with its zone and how far off it is.
func (m *Model) moment(at time.Time) string {
	return ui.Moment(at, time.Local) + ", " + ui.Until(at, m.now())
}

// joiner is what somebody new gets: the template, and right by right.
func (b *builder) joiner() {
	c := b.m.c
	if b.m.want.Rehire != "" {
		b.fact("rehire", ui.Plain, b.m.want.Rehire+" is theirs: "+b.m.want.Reason)
	}
	if c.Template != "" {
		b.fact("template", ui.Plain, c.Template)
	}
	tail := counted(c.Rights, desk.RightComes)
	if tail != "" {
		tail += " come"
	}
	b.heading("rights", "rights", tail)
	last := ""
	for i := range c.Rights {
		last = b.right(&c.Rights[i], last)
	}
	if len(c.Rights) == 0 {
		b.text(ui.Plain, 3, "none: a adds libraries and groups, l takes what a colleague has")
	}
}

// mover lays the seats beside each other, and the rights in three groups.
func (b *builder) mover() {
	c := b.m.c
	b.seats()
	if c.Template != "" {
		b.fact("template", ui.Plain, c.Template)
	}
	when := "now; g keeps it until a grace date"
	if at := b.m.of.Grace; !at.IsZero() {
		when = "on " + b.m.moment(at)
	}
	for _, group := range []struct {
		id, word, tail string
		states         []desk.RightState
	}{
		{"goes", "goes", when, []desk.RightState{desk.RightGoes}},
		{"stays", "stays", "", []desk.RightState{desk.RightStays}},
		{"comes", "comes", "now", []desk.RightState{desk.RightComes}},
		{"left", "left as it is", "", []desk.RightState{desk.RightWithheld, desk.RightDropped, desk.RightUngoverned}},
	} {
		first, last := true, ""
		for _, state := range group.states {
			for i := range c.Rights {
				if c.Rights[i].State != state {
					continue
				}
				if first {
					b.heading(group.id, group.word, group.tail)
					first = false
				}
				last = b.right(&c.Rights[i], last)
			}
		}
	}
	if len(c.Linked) == 0 {
		return
	}
	b.heading("linked", "whose seat hangs on this one", "enter prepares their move")
	for i := range c.Linked {
		b.linked(&c.Linked[i])
	}
}

// seats are the old and the new one, side by side.
func (b *builder) seats() {
	st, side := b.m.st, (b.width-before-label-4)/2
	old, fresh := ui.Paragraph(b.m.c.OldSeat, side, most), ui.Paragraph(b.m.c.NewSeat, side, most)
	b.line(st.NewLine(b.width, false).Space(before+label).Cell(ui.Muted, "the account is set up for", side).Space(3).Word(ui.Muted, "the directory says").String())
	word, arrow := "seat", st.Glyphs.Arrow
	for i := range max(1, len(old), len(fresh)) {
		b.line(st.NewLine(b.width, false).Space(before).Cell(ui.Muted, word, label).Text(ui.Plain, at(old, i), side).Cell(ui.Accent, arrow, 3).Text(ui.Strong, at(fresh, i), 0).String())
		word, arrow = "", ""
	}
}

// right is a right with what becomes of it and why; the cursor stops at it. last is the reason of the one before; its own is given back.
func (b *builder) right(r *desk.Right, last string) string {
	st, width, why := b.m.st, b.width, r.Why
	if last != "" && why == last && len(why) > len(above) {
		why = above
	}
	draw := func(selected bool) []string { return rightLines(st, width, r, why, selected) }
	b.m.page.rights[rightID(r)] = r
	b.blocks = append(b.blocks, ui.Block{ID: rightID(r), Lines: draw(false), Under: func() []string { return draw(true) }})
	return r.Why
}

// rightLines draws a right: the reason goes on in further lines where it is long.
func rightLines(st *ui.Styles, width int, r *desk.Right, reason string, selected bool) []string {
	const before = 14
	column := max(28, width*3/10)
	sign, style := rightSign(st, r.State)
	text, indent := ui.Plain, 2
	if r.Kind == provisioning.EntitlementLibrary || r.Library == "" {
		text, indent = ui.Strong, 0
	}
	switch r.State {
	case desk.RightComes, desk.RightGoes, desk.RightWithheld:
	default:
		text = ui.Muted
	}
	right := ui.Paragraph(r.String(), column-indent, most)
	why := ui.Paragraph(reason, width-before-column-2, most)
	cursor := " "
	if selected {
		cursor = st.Glyphs.Cursor
	}
	word := string(r.State)
	lines := make([]string, 0, max(1, len(right), len(why)))
	for i := range cap(lines) {
		l := st.NewLine(width, selected)
		l.Cell(ui.Accent, cursor, 1).Space(1).Cell(style, sign, 2).Cell(style, word, before-4).Space(indent).Text(text, at(right, i), column-indent).Space(1)
		lines = append(lines, l.Text(ui.Muted, at(why, i), 0).String())
		cursor, sign, word = " ", " ", ""
	}
	return lines
}

func rightSign(st *ui.Styles, s desk.RightState) (string, ui.Style) {
	g := st.Glyphs
	switch s {
	case desk.RightComes:
		return g.Comes, ui.Good
	case desk.RightStays:
		return g.Stays, ui.Muted
	case desk.RightGoes:
		return g.Goes, ui.Danger
	case desk.RightWithheld:
		return g.Withheld, ui.Warning
	case desk.RightDropped:
		return g.LeftOut, ui.Notice
	default:
		return g.Untouched, ui.Muted
	}
}

// linked is somebody whose seat hangs on the mover's; the cursor stops there.
func (b *builder) linked(p *desk.Linked) {
	st, width := b.m.st, b.width
	draw := func(selected bool) []string {
		name := max(24, width*3/10)
		why := ui.Paragraph(p.Why, width-name-4, most)
		cursor, title := " ", names.Clean(p.Name)
		if selected {
			cursor = st.Glyphs.Cursor
		}
		var lines []string
		for i := range max(1, len(why)) {
			l := st.NewLine(width, selected).Cell(ui.Accent, cursor, 1).Space(1).Text(ui.Strong, title, name).Space(1)
			lines = append(lines, l.Text(ui.Muted, at(why, i), 0).String())
			cursor, title = " ", names.Text{}
		}
		return lines
	}
	b.m.page.people[linkedID(p)] = p
	b.blocks = append(b.blocks, ui.Block{ID: linkedID(p), Lines: draw(false), Under: func() []string { return draw(true) }})
}
