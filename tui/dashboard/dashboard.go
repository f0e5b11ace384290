// Package dashboard is the firm at a glance: the figures of the desk, how they went over the last 90 days, and the rows that each of them
// counts. It makes no figure itself.
package dashboard

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// Desk is what the screen needs of the desk.
type Desk interface {
	Dashboard(ctx context.Context) (*desk.Dashboard, error)
	FigureRows(ctx context.Context, key string) (*desk.Table, error)
}

// Model is the screen.
type Model struct {
	ctx    context.Context //nolint:containedctx // the console's life
	desk   Desk
	st     *ui.Styles
	now    func() time.Time
	board  *desk.Dashboard
	series map[string]*desk.Series
	money  map[string]*desk.Figure // what the figure of a key costs
	lay    layout
	asked  int    // the newest board that was asked for: the answer to an older one is dropped
	wanted int    // the newest rows that were asked for, likewise
	opens  string // the label of the figure whose rows are being looked up; "": none
	cursor int    // in the layout's stops
	top    int    // the columns' first line
	page   page   // what was drawn, and is kept
	rows   *rows  // of the figure that is open; nil: none is
	keys   []ui.Binding
}

// New makes the screen.
func New(ctx context.Context, d Desk, st *ui.Styles, now func() time.Time) *Model {
	return &Model{ctx: ctx, desk: d, st: st, now: now}
}

type (
	counted struct {
		asked int
		board *desk.Dashboard
		err   error
	}
	looked struct {
		wanted int
		rows   *rows
		err    error
	}
)

// Init asks for the figures.
func (m *Model) Init() tea.Cmd {
	m.asked++
	asked := m.asked
	return func() tea.Msg {
		b, err := m.desk.Dashboard(m.ctx)
		return counted{asked, b, err}
	}
}

// SetStyles changes the theme.
func (m *Model) SetStyles(st *ui.Styles) { m.st = st }

// Typing reports whether the search over rows is open.
func (m *Model) Typing() bool { return m.rows != nil && m.rows.types }

// Update takes a message.
func (m *Model) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		if m.Typing() {
			m.rows.typed(msg)
			return nil
		}
		cmd, _ := ui.Dispatch(m.Bindings(), msg.String())
		return cmd
	case tea.PasteMsg:
		if m.Typing() {
			m.rows.search(m.rows.find + names.Clean(msg.Content).Bare())
		}
	case tea.MouseWheelMsg:
		const lines = 3
		switch msg.Button {
		case tea.MouseWheelDown:
			m.move(lines)
		case tea.MouseWheelUp:
			m.move(-lines)
		default:
		}
	case ui.Refresh:
		return m.again()
	case counted:
		if msg.asked != m.asked {
			return nil
		}
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		m.show(msg.board)
	case looked:
		if msg.wanted != m.wanted {
			return nil
		}
		m.opens, m.page = "", page{}
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		msg.rows.keep(m.rows)
		m.rows = msg.rows
	}
	return nil
}

// show puts a board in place; the cursor stays on its figure.
func (m *Model) show(b *desk.Dashboard) {
	key := ""
	if f := m.figure(); f != nil {
		key = f.Key
	}
	m.board, m.page = b, page{}
	m.series, m.money = make(map[string]*desk.Series, len(b.Series)), make(map[string]*desk.Figure)
	for i := range b.Series {
		if len(b.Series[i].Points) > 0 {
			m.series[b.Series[i].Key] = &b.Series[i]
		}
	}
	known := make(map[string]bool, len(b.Figures))
	for i := range b.Figures {
		known[b.Figures[i].Key] = true
	}
	for i := range b.Figures {
		f := &b.Figures[i]
		if of, ok := strings.CutSuffix(f.Key, "-money"); ok && known[of] {
			m.money[of] = f
		}
	}
	m.lay = layOut(b)
	m.cursor = max(0, min(m.cursor, len(m.lay.stops)-1))
	for i, at := range m.lay.stops {
		if b.Figures[at].Key == key {
			m.cursor = i
		}
	}
}

// figure is the one under the cursor; nil: none is.
func (m *Model) figure() *desk.Figure {
	if m.board == nil || m.cursor >= len(m.lay.stops) {
		return nil
	}
	return &m.board.Figures[m.lay.stops[m.cursor]]
}

// again asks for the figures anew, and for the rows that are open.
func (m *Model) again() tea.Cmd {
	if m.rows == nil {
		return m.Init()
	}
	return tea.Batch(m.Init(), m.look(m.rows.key, m.rows.label))
}

// look asks for the rows of a figure.
func (m *Model) look(key, label string) tea.Cmd {
	m.wanted++
	wanted := m.wanted
	return func() tea.Msg {
		t, err := m.desk.FigureRows(m.ctx, key)
		if err != nil {
			return looked{wanted: wanted, err: err}
		}
		return looked{wanted, newRows(key, label, t), nil}
	}
}

func (m *Model) move(by int) {
	if m.rows != nil {
		m.rows.list.Move(by)
		return
	}
	m.cursor = min(max(m.cursor+by, 0), max(0, len(m.lay.stops)-1))
}

// aside moves to the figure beside, in the other column or further on in the line.
func (m *Model) aside(by int) tea.Cmd {
	if m.rows == nil && m.board != nil {
		m.cursor = m.lay.aside(m.cursor, by)
	}
	return nil
}

// Bindings are the screen's keys.
func (m *Model) Bindings() []ui.Binding {
	if m.keys == nil {
		m.keys = m.bind()
	}
	return m.keys
}

func (m *Model) bind() []ui.Binding {
	move := func(by int) func() tea.Cmd {
		return func() tea.Cmd { m.move(by); return nil }
	}
	leaf := func(by int) func() tea.Cmd {
		return func() tea.Cmd {
			const figures = 10
			if m.rows != nil {
				m.rows.list.Page(by)
			} else {
				m.move(by * figures)
			}
			return nil
		}
	}
	return []ui.Binding{
		{Keys: []string{"enter"}, Show: "⏎", Help: "open", Footer: 1, Disabled: func() string {
			if m.figure() == nil || m.rows != nil {
				return "no figure is under the cursor"
			}
			return ""
		}, Long: "open the figure under the cursor to the rows that it counts", Do: func() tea.Cmd {
			f := m.figure()
			m.opens, m.page = f.Label, page{}
			return m.look(f.Key, f.Label)
		}},
		{Keys: []string{"/"}, Help: "find", Footer: 2, Disabled: func() string {
			if m.rows == nil {
				return "open a figure first"
			}
			return ""
		}, Long: "find in the rows of a figure", Do: func() tea.Cmd { m.rows.types = true; return nil }},
		{Keys: []string{"r"}, Help: "count again", Footer: 3, Long: "count all figures again, out of what was read last", Do: m.again},
		{Keys: []string{"esc"}, Help: "back", Footer: 4, Long: "end the search, close the rows, go back", Do: m.back},
		{Keys: []string{"right", "l", "tab"}, Show: "→", Help: "beside", Long: "the figure beside", Do: func() tea.Cmd { return m.aside(1) }},
		{Keys: []string{"left", "h", "shift+tab"}, Show: "←", Help: "beside, left", Long: "the figure on the left", Do: func() tea.Cmd { return m.aside(-1) }},
		{Keys: []string{"down", "j"}, Help: "down", Do: move(1)},
		{Keys: []string{"up", "k"}, Help: "up", Do: move(-1)},
		{Keys: []string{"pgdown", "ctrl+f"}, Help: "page down", Do: leaf(1)},
		{Keys: []string{"pgup", "ctrl+b"}, Help: "page up", Do: leaf(-1)},
		{Keys: []string{"home", "g"}, Help: "first", Do: move(-1 << 30)},
		{Keys: []string{"end", "G"}, Help: "last", Do: move(1 << 30)},
	}
}

func (m *Model) back() tea.Cmd {
	switch {
	case m.opens != "": // the answer comes too late
		m.wanted++
		m.opens, m.page = "", page{}
	case m.rows != nil && m.rows.find != "":
		m.rows.search("")
	case m.rows != nil:
		m.wanted++
		m.rows = nil
	default:
		return ui.Say(ui.Back{})
	}
	return nil
}
