// Package calendar is what begins at a minute of its own: the scheduled batches day by day, those whose minute passed while no rollcall
// ran, and those that stand for themselves and nobody confirmed yet. It opens a batch and takes one back; it begins none.
package calendar

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// Desk is what the screen needs of the desk.
type Desk interface {
	Calendar(ctx context.Context) ([]desk.Planned, error)
	Batches(ctx context.Context, limit int) ([]*provisioning.Batch, error)
	Unschedule(ctx context.Context, id int64) error
	ReadOnly() string
}

// Model is the screen.
type Model struct {
	ctx   context.Context //nolint:containedctx // the console's life
	desk  Desk
	st    *ui.Styles
	now   func() time.Time
	list  []desk.Planned
	known bool
	asked int // the generation of the newest question
	doc   ui.Doc
	drawn drawnKey
	title string
	blank string
	keys  []ui.Binding
}

// drawnKey is what the page was drawn of: it is kept until that changes, or a minute has passed.
type drawnKey struct {
	st     *ui.Styles
	width  int
	asked  int
	known  bool
	minute time.Time
}

// New makes the screen.
func New(ctx context.Context, d Desk, st *ui.Styles, now func() time.Time) *Model {
	return &Model{ctx: ctx, desk: d, st: st, now: now}
}

type (
	listed struct {
		asked int
		list  []desk.Planned
		err   error
	}
	taken struct {
		id  int64
		err error
	}
)

// Init lists the calendar.
func (m *Model) Init() tea.Cmd {
	m.asked++
	asked := m.asked
	return func() tea.Msg {
		list, err := m.desk.Calendar(m.ctx)
		if err == nil {
			list, err = m.unconfirmed(list)
		}
		return listed{asked, list, err}
	}
}

// unconfirmed adds the newest batches that stand for themselves and were not confirmed: nothing else leads back to them.
func (m *Model) unconfirmed(list []desk.Planned) ([]desk.Planned, error) {
	const newest = 60
	batches, err := m.desk.Batches(m.ctx, newest)
	for _, b := range batches {
		if !staging(b.State) || (b.Title == "" && b.Due.IsZero() && !b.Sealed()) || slices.ContainsFunc(list, func(p desk.Planned) bool { return p.ID == b.ID }) {
			continue
		}
		p := desk.Planned{ID: b.ID, State: b.State, Due: b.Due, Zone: b.Zone, Title: b.Title, People: len(b.Units), By: b.CreatedBy, Sealed: b.Sealed()}
		for i := range b.Units {
			if b.Units[i].EndsAccess() {
				p.Lose++
			}
		}
		list = append(list, p)
	}
	return list, err
}

// staging reports whether a batch with this state was not confirmed yet.
func staging(s provisioning.BatchState) bool {
	return s == provisioning.BatchDraft || s == provisioning.BatchReviewed || s == provisioning.BatchApproved
}

// SetStyles changes the theme.
func (m *Model) SetStyles(st *ui.Styles) { m.st = st }

// Typing reports that keys are commands here.
func (m *Model) Typing() bool { return false }

// Update takes a message.
func (m *Model) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		cmd, _ := ui.Dispatch(m.Bindings(), msg.String())
		return cmd
	case tea.MouseWheelMsg:
		if msg.Button == tea.MouseWheelUp {
			m.doc.Move(-3)
		} else {
			m.doc.Move(3)
		}
	case listed:
		if msg.asked != m.asked {
			return nil
		}
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		m.list, m.known, m.drawn = msg.list, true, drawnKey{}
	case taken:
		if msg.err != nil {
			return tea.Batch(ui.Say(ui.Failed{Err: msg.err}), m.Init())
		}
		return tea.Batch(m.Init(), ui.Say(ui.Draft{}), ui.Say(ui.Toast{Text: fmt.Sprintf("batch %d no longer begins by itself: it is a draft again", msg.id), Good: true}))
	case ui.Refresh:
		return m.Init()
	case ui.Beat:
		now := m.now()
		if slices.ContainsFunc(m.list, func(p desk.Planned) bool { return p.State == provisioning.BatchScheduled && !now.Before(p.Due) }) {
			return m.Init()
		}
	}
	return nil
}

// current is the batch under the cursor; nil where there is none.
func (m *Model) current() *desk.Planned {
	text, ok := m.doc.Current()
	if !ok {
		return nil
	}
	id, err := strconv.ParseInt(text, 10, 64)
	for i := range m.list {
		if err == nil && m.list[i].ID == id {
			return &m.list[i]
		}
	}
	return nil
}

// Bindings are the screen's keys.
func (m *Model) Bindings() []ui.Binding {
	if m.keys != nil {
		return m.keys
	}
	open := func() string {
		switch p := m.current(); {
		case p == nil:
			return "nothing is under the cursor"
		case p.Hidden:
			return "it is sealed: only its readers may open it"
		default:
			return ""
		}
	}
	change := func() string {
		if why := m.desk.ReadOnly(); why != "" {
			return why
		}
		if p := m.current(); p != nil && p.Hidden {
			return "it is sealed: only its readers may take it back"
		} else if p != nil && staging(p.State) {
			return "it does not begin by itself: nobody confirmed it"
		}
		return open()
	}
	do := func(f func()) func() tea.Cmd { return func() tea.Cmd { f(); return nil } }
	m.keys = []ui.Binding{
		{Keys: []string{"enter"}, Show: "⏎", Help: "open", Footer: 1, Disabled: open, Long: "open the batch: what it does, and when", Do: func() tea.Cmd { return ui.Say(ui.OpenBatch{ID: m.current().ID}) }},
		{Keys: []string{"X"}, Help: "take back", Footer: 2, Danger: true, Disabled: change, Long: "it no longer begins by itself: it is a draft again", Do: m.takeBack},
		{Keys: []string{"r"}, Help: "list again", Footer: 3, Do: m.Init},
		{Keys: []string{"esc"}, Help: "back", Footer: 4, Do: func() tea.Cmd { return ui.Say(ui.Back{}) }},
		{Keys: []string{"down", "j"}, Help: "down", Do: do(func() { m.doc.Move(1) })},
		{Keys: []string{"up", "k"}, Help: "up", Do: do(func() { m.doc.Move(-1) })},
		{Keys: []string{"pgdown"}, Help: "page down", Do: do(func() { m.doc.Page(1) })},
		{Keys: []string{"pgup"}, Help: "page up", Do: do(func() { m.doc.Page(-1) })},
	}
	return m.keys
}

// takeBack wants the batch's number typed: what does not begin leaves somebody with their access.
func (m *Model) takeBack() tea.Cmd {
	p := *m.current()
	body := []string{fmt.Sprintf("%s, due %s, %s. It is kept as a draft; nothing of it is done before it is confirmed again.",
		p.Title, ui.When(p.Due, ui.Zone(p.Zone), m.now()), ui.Until(p.Due, m.now()))}
	if p.Lose > 0 {
		body = append(body, plural(p.Lose, "person keeps", "people keep")+" their access until then.")
	}
	return ui.Say(ui.Ask{Dialog: &ui.Confirm{
		Title: fmt.Sprintf("Take batch %d out of the calendar", p.ID), Body: body, Want: strconv.FormatInt(p.ID, 10),
		Yes: func(string) tea.Cmd {
			return func() tea.Msg { return taken{p.ID, m.desk.Unschedule(m.ctx, p.ID)} }
		},
	}})
}

// Lines draws the calendar.
func (m *Model) Lines(width, height int) []string {
	key := drawnKey{m.st, width, m.asked, m.known, m.now().Truncate(time.Minute)}
	if key != m.drawn {
		m.drawn = key
		m.title, m.blank = m.titleLine(width), m.st.Blank(width)
		m.doc.Set(m.blocks(width))
	}
	out := make([]string, 0, height)
	out = append(out, m.title, m.st.Rule(width, ""))
	return m.doc.Draw(out, height-2, m.blank)
}

func (m *Model) titleLine(width int) string {
	l := m.st.NewLine(width, false).Word(ui.Header, " The calendar")
	scheduled, missed, open := 0, 0, 0
	for i := range m.list {
		switch s := m.list[i].State; {
		case s == provisioning.BatchMissed:
			missed++
		case staging(s):
			open++
		default:
			scheduled++
		}
	}
	l.Space(3).Word(ui.Muted, fmt.Sprintf("%d scheduled", scheduled))
	if missed > 0 {
		l.Space(2).Word(ui.Danger, fmt.Sprintf("%d missed: not begun", missed))
	}
	if open > 0 {
		l.Space(2).Word(ui.Warning, fmt.Sprintf("%d to be confirmed", open))
	}
	return l.String()
}

func (m *Model) blocks(width int) []ui.Block {
	if len(m.list) == 0 {
		text := "Nothing is scheduled. In a leaver's wizard t sets a minute, on a batch too; a mover's grace date is set with g."
		if !m.known {
			text = "Reading the calendar."
		}
		blocks := []ui.Block{{Lines: []string{m.st.Blank(width)}}}
		for _, t := range ui.Paragraph(text, width-6, 4) {
			blocks = append(blocks, ui.Block{Lines: []string{m.st.NewLine(width, false).Space(3).Text(ui.Plain, t, 0).String()}})
		}
		return blocks
	}
	var blocks []ui.Block
	now, day := m.now(), ""
	for i := range m.list {
		p := &m.list[i]
		zone := ui.Zone(p.Zone)
		d := p.Due.In(zone).Format("Monday 2 January 2006")
		if staging(p.State) {
			d = "Not confirmed: they do not begin by themselves"
		}
		if d != day {
			if day = d; i > 0 {
				blocks = append(blocks, ui.Block{Lines: []string{m.st.Blank(width)}})
			}
			head := m.st.NewLine(width, false).Space(1).Word(ui.Header, d)
			blocks = append(blocks, ui.Block{Lines: []string{head.String()}})
		}
		draw := func(selected bool) []string { return m.entry(width, p, zone, now, selected) }
		blocks = append(blocks, ui.Block{ID: strconv.FormatInt(p.ID, 10), Lines: draw(false), Under: func() []string { return draw(true) }})
	}
	return blocks
}

// entry is a batch: its minute and what it is for, and under that whom it concerns.
func (m *Model) entry(width int, p *desk.Planned, zone *time.Location, now time.Time, selected bool) []string {
	g := m.st.Glyphs
	cursor, sign, style := " ", g.Clock, ui.Accent
	if selected {
		cursor = g.Cursor
	}
	if p.State == provisioning.BatchMissed {
		sign, style = g.No, ui.Danger
	}
	title := p.Title
	if p.Hidden {
		title = "sealed"
	}
	minute, far := p.Due.In(zone).Format("15:04 MST"), ui.Until(p.Due, now)
	switch {
	case p.Due.IsZero():
		minute, far = "no minute", ""
	case staging(p.State):
		minute, far = "for", ui.When(p.Due, zone, now)
	}
	if staging(p.State) {
		sign, style = g.Alert, ui.Warning
	}
	l := m.st.NewLine(width, selected).Cell(ui.Accent, cursor, 1).Space(1).Cell(style, sign, 2)
	l.Cell(ui.Strong, minute, 13).Text(ui.Strong, names.Clean(title), max(8, l.Left()-len(far)-2)).Space(1).Word(ui.Muted, far)
	second, number := m.st.NewLine(width, selected).Space(17), p.ID
	second.Word(ui.Muted, fmt.Sprintf("batch %d  ", number))
	if p.People > 0 {
		second.Word(ui.Plain, plural(p.People, "person", "people"))
	}
	if p.Lose > 0 && !p.Hidden {
		second.Word(ui.Danger, fmt.Sprintf("  lose access: %d", p.Lose))
	}
	if p.Sealed && !p.Hidden {
		second.Word(ui.Notice, "  sealed")
	}
	if p.By != "" {
		second.Word(ui.Muted, "  by ").Text(ui.Plain, names.Clean(p.By), 0)
	}
	lines := []string{l.String(), second.String()}
	if p.State == provisioning.BatchMissed {
		lines = append(lines, m.st.NewLine(width, selected).Space(17).Word(ui.Danger, "missed: no rollcall ran at its minute, and it was not begun").String())
	}
	return lines
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
