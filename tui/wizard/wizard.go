// Package wizard is a joiner, mover or leaver in preparation, one screen a case: what is at stake, what was checked and what hurts, every
// right with its reason, and what will be done in plain words. It changes nothing but what the operator decides about the case; the
// rules, and what is staged in the end, are the desk's.
package wizard

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

// Desk is what the screen needs of the desk.
type Desk interface {
	Case(ctx context.Context, kind desk.CaseKind, key string, o desk.CaseOptions) (*desk.Case, error)
	StageCase(ctx context.Context, c *desk.Case) (desk.CaseStaged, error)
	Choices(ctx context.Context, kind desk.ChoiceKind, text string, limit int) ([]desk.Choice, error)
	ReadOnly() string
}

// Model is the screen.
type Model struct {
	ctx  context.Context //nolint:containedctx // the console's life
	desk Desk
	st   *ui.Styles
	now  func() time.Time
	kind desk.CaseKind
	key  string
	name string // raw: until the case is read

	c       *desk.Case       // the newest that was read; nil before the first
	of      desk.CaseOptions // what it was asked with
	want    desk.CaseOptions // what the operator wants by now
	asked   int              // the generation of the newest question
	reading bool
	stop    context.CancelFunc // of the question that is under way
	staging bool

	preview bool // below 100 columns: what will be done, in place of the case
	page    page
	keys    []ui.Binding
}

// New makes the wizard of a row.
func New(ctx context.Context, d Desk, st *ui.Styles, now func() time.Time, kind desk.CaseKind, key, name string) *Model {
	return &Model{ctx: ctx, desk: d, st: st, now: now, kind: kind, key: key, name: name}
}

// The wizard's own messages carry the wizard that asked: a linked person's stands over the first one.
type (
	read struct {
		of    *Model
		asked int
		o     desk.CaseOptions
		c     *desk.Case
		err   error
	}
	staged struct {
		of  *Model
		got desk.CaseStaged
		err error
	}
)

// Init reads the case.
func (m *Model) Init() tea.Cmd { return m.ask(m.want) }

// Tag tells cases apart: each has a page of its own.
func (m *Model) Tag() string { return string(m.kind) + " " + m.key }

// SetStyles changes the theme.
func (m *Model) SetStyles(st *ui.Styles) { m.st = st }

// Typing reports that keys are commands here: what is typed is asked for in dialogs.
func (m *Model) Typing() bool { return false }

// ask reads the case with other options. An older question is given up, and its answer dropped.
func (m *Model) ask(o desk.CaseOptions) tea.Cmd {
	m.leave()
	ctx, cancel := context.WithCancel(m.ctx)
	m.asked++
	m.stop, m.reading, m.want = cancel, true, o
	asked := m.asked
	return func() tea.Msg {
		defer cancel()
		c, err := m.desk.Case(ctx, m.kind, m.key, o)
		return read{m, asked, o, c, err}
	}
}

// leave gives up the question that is under way.
func (m *Model) leave() {
	if m.stop != nil {
		m.stop()
		m.stop = nil
	}
}

// Update takes a message.
func (m *Model) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		cmd, _ := ui.Dispatch(m.Bindings(), msg.String())
		return cmd
	case tea.MouseWheelMsg:
		if msg.Button == tea.MouseWheelUp {
			m.page.doc.Move(-3)
		} else {
			m.page.doc.Move(3)
		}
	case read:
		if msg.of == m && msg.asked == m.asked {
			return m.didRead(msg)
		}
	case staged:
		if msg.of == m {
			return m.didStage(msg)
		}
	case ui.Refresh: // the roll is a new one: so may be what was found
		return m.ask(m.want)
	}
	return nil
}

func (m *Model) didRead(msg read) tea.Cmd {
	m.reading, m.stop = false, nil
	if msg.err != nil {
		m.want = m.of // what was decided before still stands
		if m.c == nil {
			return tea.Batch(ui.Say(ui.Failed{Err: msg.err}), ui.Say(ui.Back{}))
		}
		return ui.Say(ui.Failed{Err: msg.err})
	}
	m.c, m.of, m.name = msg.c, msg.o, msg.c.Name
	return nil
}

// stage stages the case as it is on the screen.
func (m *Model) stage() tea.Cmd {
	c := m.c
	m.staging = true
	return func() tea.Msg {
		got, err := m.desk.StageCase(m.ctx, c)
		return staged{m, got, err}
	}
}

// didStage makes room for the batch. What goes at a grace date lies under what comes now: it is next when that is left.
func (m *Model) didStage(msg staged) tea.Cmd {
	m.staging = false
	if msg.err != nil {
		return tea.Batch(ui.Say(ui.Failed{Err: msg.err}), ui.Say(ui.Draft{}))
	}
	got := msg.got
	text := fmt.Sprintf("staged: %s. c commits", plural(got.Changes, "change", "changes"))
	open := []int64{got.Batch}
	switch {
	case got.Later != 0 && got.Later != got.Batch:
		open = []int64{got.Later, got.Batch}
		text = fmt.Sprintf("staged: %s. What goes is batch %d: it is next, esc goes there", plural(got.Changes, "change", "changes"), got.Later)
	case got.Later != 0 || (got.Own && !m.of.At.IsZero()):
		text = fmt.Sprintf("batch %d is its own: c confirms it for its time", got.Batch)
	case got.Own:
		text = fmt.Sprintf("batch %d is its own, and sealed: c commits it", got.Batch)
	}
	return tea.Batch(ui.Say(ui.Toast{Text: text, Good: true}), ui.Say(ui.Staged{Batches: open}), ui.Say(ui.Draft{}))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
