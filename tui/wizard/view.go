package wizard

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// page is the screen as it was drawn, kept until what it shows changes: a key that moves the cursor draws one right and the rule.
type page struct {
	doc   ui.Doc
	of    pageKey
	title string
	rule  string
	place [3]int // of the rule
	blank string
	// what the cursor can stand on, by the ID of its block
	rights map[string]*desk.Right
	people map[string]*desk.Linked
}

type pageKey struct {
	c                *desk.Case
	st               *ui.Styles
	width            int
	preview, reading bool
	staging, tall    bool
}

// wide is the width from which the changes stand below the case, and reasons beside their rights have room.
const wide = 100

func (m *Model) narrow() bool { return m.page.of.width < wide }

// turn shows what will be done: in place of the case where there is little room, else it scrolls there.
func (m *Model) turn() tea.Cmd {
	if m.narrow() {
		m.preview = !m.preview
	} else {
		m.page.doc.Top("preview")
	}
	return nil
}

// Lines draws the wizard.
func (m *Model) Lines(width, height int) []string {
	p := &m.page
	key := pageKey{m.c, m.st, width, m.preview && width < wide, m.reading, m.staging, height > 30}
	if p.title == "" || key != p.of {
		fresh := p.of.c == nil || key.preview != p.of.preview
		p.of, p.place = key, [3]int{-1}
		p.title, p.blank = m.titleLine(width), m.st.Blank(width)
		if fresh {
			p.doc = ui.Doc{}
		}
		p.doc.Set(m.blocks(width))
	}
	out := make([]string, 2, height)
	out = p.doc.Draw(out, height-2, p.blank)
	out[0], out[1] = p.title, m.ruleLine(width)
	return out
}

// ruleLine says how far down the page is, where it is longer than the screen.
func (m *Model) ruleLine(width int) string {
	p := &m.page
	first, last, all := p.doc.Place()
	if place := [3]int{first, last, all}; place != p.place {
		p.place, p.rule = place, m.st.PlaceRule(width, first, last, all)
	}
	return p.rule
}

// titleLine is the name, the kind, and what is at stake.
func (m *Model) titleLine(width int) string {
	l := m.st.NewLine(width, false)
	stake, style := m.stake()
	room := width - len([]rune(stake)) - len(m.kind) - 8
	name := names.Clean(m.name)
	l.Space(1).Text(ui.Header, name, max(8, min(name.Width(), room))).Word(ui.Muted, " "+m.st.Glyphs.Dot+" ").Word(ui.Strong, string(m.kind))
	return l.Right(len([]rune(stake))+1).Word(style, stake).String()
}

// stake is what the case gives or takes, in a few words.
func (m *Model) stake() (string, ui.Style) {
	switch {
	case m.staging:
		return "being staged", ui.Accent
	case m.c == nil:
		return "reading", ui.Muted
	case m.reading:
		return "reading again", ui.Accent
	}
	comes, goes := counted(m.c.Rights, desk.RightComes), counted(m.c.Rights, desk.RightGoes)
	switch m.kind {
	case desk.CaseLeaver:
		switch a := m.c.Account; {
		case a == nil:
			return "no account", ui.Muted
		case a.Enabled && goes == "":
			return "ENABLED", ui.Danger
		case a.Enabled:
			return "ENABLED, loses " + goes, ui.Danger
		case goes == "":
			return "disabled, holds nothing", ui.Good
		default:
			return "disabled, loses " + goes, ui.Warning
		}
	case desk.CaseMover:
		switch {
		case comes == "" && goes == "":
			return "nothing comes, nothing goes", ui.Muted
		case goes == "":
			return "gains " + comes, ui.Good
		case comes == "":
			return "loses " + goes, ui.Danger
		default:
			return "loses " + goes + "; gains " + comes, ui.Danger
		}
	default:
		if comes == "" {
			return "gains nothing", ui.Warning
		}
		return "gains " + comes, ui.Good
	}
}

// counted says how many libraries and groups have a state: "3 libraries, 7 groups".
func counted(rights []desk.Right, state desk.RightState) string {
	libraries, groups, roles := 0, 0, 0
	for i := range rights {
		if rights[i].State != state {
			continue
		}
		switch rights[i].Kind {
		case provisioning.EntitlementLibrary:
			libraries++
		case provisioning.EntitlementGroup:
			groups++
		default:
			roles++
		}
	}
	var parts []string
	if libraries > 0 {
		parts = append(parts, plural(libraries, "library", "libraries"))
	}
	if groups > 0 {
		parts = append(parts, plural(groups, "group", "groups"))
	}
	if len(parts) == 0 && roles > 0 {
		parts = append(parts, plural(roles, "role", "roles"))
	}
	return strings.Join(parts, ", ")
}

// loading says what is being read.
func (m *Model) loading() string {
	switch m.kind {
	case desk.CaseLeaver:
		return "Reading live: what they have checked out and own, who else administers and manages it, how the directories see them."
	case desk.CaseMover:
		return "Laying the old seat beside the new one: what goes, stays and comes, and whose seat hangs on it."
	default:
		return "Looking for what a new account would collide with, and for what the policy gives the seat."
	}
}

// builder makes the blocks of a page.
type builder struct {
	m      *Model
	width  int
	blocks []ui.Block
}

// blocks draws the case.
func (m *Model) blocks(width int) []ui.Block {
	b := &builder{m: m, width: width}
	m.page.rights, m.page.people = make(map[string]*desk.Right), make(map[string]*desk.Linked)
	switch {
	case m.c == nil:
		b.gap()
		b.text(ui.Plain, 3, m.loading())
	case m.preview && width < wide:
		b.changes()
	default:
		b.hold()
		b.checks()
		switch m.kind {
		case desk.CaseLeaver:
			b.leaver()
		case desk.CaseMover:
			b.mover()
		default:
			b.joiner()
		}
		if m.kind != desk.CaseLeaver && width >= wide {
			b.changes()
		}
	}
	return b.blocks
}

func (b *builder) line(l string) { b.blocks = append(b.blocks, ui.Block{Lines: []string{l}}) }

func (b *builder) gap() { b.line(b.m.st.Blank(b.width)) }

// most bounds how many lines one text takes: more than any sentence of ours, less than a hostile one.
const most = 12

// text writes a text, so many cells from the left.
func (b *builder) text(style ui.Style, indent int, text string) {
	for _, t := range ui.Paragraph(text, b.width-indent-1, most) {
		b.line(b.m.st.NewLine(b.width, false).Space(indent).Text(style, t, 0).String())
	}
}

// label is how wide the labels' column is, and before how far from the left it stands, behind the signs.
const (
	label  = 15
	before = 4
)

// fact writes a labelled text.
func (b *builder) fact(word string, style ui.Style, text string) {
	for i, t := range ui.Paragraph(text, b.width-before-label-1, most) {
		if i > 0 {
			word = ""
		}
		b.line(b.m.st.NewLine(b.width, false).Space(before).Cell(ui.Muted, word, label).Text(style, t, 0).String())
	}
}

// signed writes a text behind a sign.
func (b *builder) signed(style ui.Style, sign string, text ui.Style, s string) {
	for _, t := range ui.Paragraph(s, b.width-before-1, most) {
		b.line(b.m.st.NewLine(b.width, false).Space(1).Cell(style, sign, before-1).Text(text, t, 0).String())
		sign = ""
	}
}

// heading opens a section; tail says more about it.
func (b *builder) heading(id, text, tail string) {
	if n := len(b.blocks); n > 0 {
		b.gap()
	}
	l := b.m.st.NewLine(b.width, false)
	l.Space(1).Word(ui.Header, text)
	if tail != "" {
		l.Space(2).Text(ui.Muted, names.Clean(tail), 0)
	}
	b.blocks = append(b.blocks, ui.Block{ID: id, Lines: []string{l.String()}})
}

// hold is why nothing may be staged: the loudest thing there is.
func (b *builder) hold() {
	if b.m.c.Hold == "" {
		return
	}
	b.signed(ui.Danger, b.m.st.Glyphs.No, ui.Danger, "HELD: "+b.m.c.Hold)
	hint := ""
	switch {
	case b.m.kind == desk.CaseLeaver && b.m.c.NeedsReason && b.m.want.Reason == "":
		hint = "R gives the reason"
	case b.m.kind == desk.CaseJoiner && b.m.rehirable() && b.m.want.Rehire == "":
		hint = "R says that the closed account is theirs"
	}
	if hint != "" {
		b.line(b.m.st.NewLine(b.width, false).Space(before).Word(ui.Accent, hint).String())
	}
}

// checks are what was looked at: what hurts on lines of its own, what is well together where there is little room.
func (b *builder) checks() {
	g := b.m.st.Glyphs
	var well []string
	for i := range b.m.c.Checks {
		c := &b.m.c.Checks[i]
		if c.Detail == b.m.c.Hold { // said already, louder
			continue
		}
		sign, style := g.Yes, ui.Good
		switch c.State {
		case provisioning.FindingBad:
			sign, style = g.No, ui.Danger
		case provisioning.FindingWarning:
			sign, style = g.Alert, ui.Warning
		default:
			if !b.m.page.of.tall {
				well = append(well, c.Detail)
				continue
			}
		}
		word := names.Clean(c.What)
		text := ui.Plain
		if style == ui.Danger {
			text = style
		}
		for _, t := range ui.Paragraph(c.Detail, b.width-before-label-1, most) {
			l := b.m.st.NewLine(b.width, false).Space(1)
			b.line(l.Cell(style, sign, before-1).Text(ui.Muted, word, label-1).Space(1).Text(text, t, 0).String())
			sign, word = " ", names.Text{}
		}
	}
	if len(well) > 0 {
		b.signed(ui.Good, g.Yes, ui.Muted, strings.Join(well, "; "))
	}
}

// changes are what will be done, in its order.
func (b *builder) changes() {
	c := b.m.c
	head := "will be done"
	if len(c.Later) > 0 {
		head = "will be done now"
	}
	b.heading("preview", head, b.counts(c.Now))
	b.lines(c.Now)
	if len(c.Later) > 0 {
		b.heading("later", "will be done on "+b.m.moment(b.m.of.Grace), b.counts(c.Later))
		b.lines(c.Later)
	}
}

// counts says how many changes there are, and how many of them are done by hand.
func (b *builder) counts(lines []desk.Line) string {
	hand := 0
	for i := range lines {
		if len(lines[i].Hand) > 0 {
			hand++
		}
	}
	text := plural(len(lines), "change", "changes")
	switch {
	case len(lines) > 0:
	case b.m.c.Hold != "":
		text = "nothing while it is held"
	default:
		text = "nothing"
	}
	if hand > 0 {
		text += fmt.Sprintf(", %d by hand", hand)
	}
	return text
}

// above stands for a reason or a note that is the same as the one before: a dozen rights of one rule say it once.
const above = "as above"

// lines are changes in plain words, numbered as the batch numbers them.
func (b *builder) lines(lines []desk.Line) {
	what := max(36, b.width*2/5)
	rest, last := b.width-8-what-1-1, ""
	for i := range lines {
		line := &lines[i]
		sign := " "
		if len(line.Hand) > 0 {
			sign = b.m.st.Glyphs.Hand
		}
		text, note := line.Effect, line.Note
		if last != "" && note == last && len(note) > len(above) {
			if note = above; len(line.Hand) > 0 {
				note = "by hand, " + above
			}
		}
		if last = line.Note; note != "" {
			text += " " + b.m.st.Glyphs.Dot + " " + note
		}
		left := ui.Paragraph(line.What, what, most)
		right := ui.Paragraph(text, rest, most)
		number := fmt.Sprintf("%3d", line.Seq)
		for j := range max(1, len(left), len(right)) {
			l := b.m.st.NewLine(b.width, false).Space(1).Cell(ui.Muted, number, 4).Cell(ui.Notice, sign, 3)
			number, sign = "", " "
			b.line(l.Text(ui.Plain, at(left, j), what).Space(1).Text(ui.Muted, at(right, j), 0).String())
		}
	}
}

// at is a line of a text, or an empty one.
func at(lines []names.Text, i int) names.Text {
	if i < len(lines) {
		return lines[i]
	}
	return names.Text{}
}
