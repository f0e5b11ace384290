// Package dashboard is the firm at a glance: the figures of the desk, how they went over the last 90 days, and the rows that each of them
// counts. It makes no figure itself.
package dashboard

import (
	"context"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
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
	asked  int
	cursor int
	top    int
	rows   *rows // of the figure that is open; nil: none is
	keys   []ui.Binding
}

// rows is the table of a figure.
type rows struct {
	label  string
	table  *desk.Table
	texts  [][]string
	shown  []int
	find   string
	typing bool
	cursor int
	top    int
	height int
}

// New makes the screen.
func New(ctx context.Context, d Desk, st *ui.Styles, now func() time.Time) *Model {
	return &Model{ctx: ctx, desk: d, st: st, now: now}
}

type (
	drawn struct {
		asked int
		board *desk.Dashboard
		err   error
	}
	shown struct {
		asked int
		label string
		table *desk.Table
		texts [][]string
		err   error
	}
)

// Init asks for the figures.
func (m *Model) Init() tea.Cmd {
	m.asked++
	asked := m.asked
	return func() tea.Msg {
		b, err := m.desk.Dashboard(m.ctx)
		return drawn{asked, b, err}
	}
}

// SetStyles changes the theme.
func (m *Model) SetStyles(st *ui.Styles) { m.st = st }

// Typing reports whether the search over rows is open.
func (m *Model) Typing() bool { return m.rows != nil && m.rows.typing }

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
			m.rows.find += names.Clean(msg.Content).Bare()
			m.rows.narrow()
		}
	case ui.Refresh:
		return m.Init()
	case drawn:
		if msg.asked != m.asked {
			return nil
		}
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		m.board, m.series = msg.board, make(map[string]*desk.Series, len(msg.board.Series))
		for i := range msg.board.Series {
			m.series[msg.board.Series[i].Key] = &msg.board.Series[i]
		}
		m.cursor = min(m.cursor, max(0, len(m.board.Figures)-1))
	case shown:
		if msg.asked != m.asked {
			return nil
		}
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		m.rows = &rows{label: msg.label, table: msg.table, texts: msg.texts}
		m.rows.narrow()
	}
	return nil
}

// open opens the figure under the cursor to its rows.
func (m *Model) open() tea.Cmd {
	f := m.board.Figures[m.cursor]
	asked := m.asked
	return func() tea.Msg {
		t, err := m.desk.FigureRows(m.ctx, f.Key)
		if err != nil {
			return shown{asked: asked, err: err}
		}
		texts := make([][]string, len(t.Rows))
		for i := range t.Rows {
			texts[i] = t.Texts(i)
		}
		return shown{asked, f.Label, t, texts, nil}
	}
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
		return func() tea.Cmd {
			if m.rows != nil {
				m.rows.move(by)
			} else if m.board != nil {
				m.cursor = min(max(m.cursor+by, 0), max(0, len(m.board.Figures)-1))
			}
			return nil
		}
	}
	return []ui.Binding{
		{Keys: []string{"enter"}, Show: "⏎", Help: "open", Footer: 1, Disabled: func() string {
			if m.board == nil || m.rows != nil {
				return "no figure is under the cursor"
			}
			return ""
		}, Long: "open the figure under the cursor to the rows that it counts", Do: m.open},
		{Keys: []string{"/"}, Help: "find", Footer: 2, Disabled: func() string {
			if m.rows == nil {
				return "open a figure first"
			}
			return ""
		}, Long: "find in the rows of a figure", Do: func() tea.Cmd { m.rows.typing = true; return nil }},
		{Keys: []string{"r"}, Help: "count again", Footer: 3, Do: m.Init},
		{Keys: []string{"esc"}, Help: "back", Footer: 4, Do: func() tea.Cmd {
			if m.rows != nil {
				m.rows = nil
				return nil
			}
			return ui.Say(ui.Back{})
		}},
		{Keys: []string{"down", "j"}, Help: "down", Do: move(1)},
		{Keys: []string{"up", "k"}, Help: "up", Do: move(-1)},
		{Keys: []string{"pgdown"}, Help: "page down", Do: move(15)},
		{Keys: []string{"pgup"}, Help: "page up", Do: move(-15)},
		{Keys: []string{"home", "g"}, Help: "first", Do: move(-1 << 30)},
		{Keys: []string{"end", "G"}, Help: "last", Do: move(1 << 30)},
	}
}

// Lines draws the screen.
func (m *Model) Lines(width, height int) []string {
	out := make([]string, 0, height)
	switch {
	case m.board == nil:
		out = append(out, m.st.NewLine(width, false).Word(ui.Muted, " the figures are being counted …").String())
	case m.rows != nil:
		out = m.rows.lines(m.st, width, height, out)
	default:
		out = m.figures(width, height, out)
	}
	for len(out) < height {
		out = append(out, m.st.Blank(width))
	}
	return out
}

func (m *Model) figures(width, height int, out []string) []string {
	l := m.st.NewLine(width, false).Word(ui.Header, " The firm at a glance").Space(3).Word(ui.Muted, "as read "+m.board.ReadAt.Local().Format("2 Jan 2006 15:04"))
	out = append(out, l.String(), m.st.Rule(width, ""))
	rows := max(1, height-len(out))
	m.top = max(min(m.top, m.cursor), m.cursor-rows+1)
	if m.cursor < rows { // the heads of the groups are not counted: from the first page on nothing jumps
		m.top = 0
	}
	group := ""
	for i := m.top; i < len(m.board.Figures) && len(out) < height; i++ {
		f := &m.board.Figures[i]
		head := ""
		if f.Group != group {
			group, head = f.Group, f.Group
		}
		out = append(out, m.figure(width, i, f, head))
	}
	return out
}

func (m *Model) figure(width, i int, f *desk.Figure, head string) string {
	l := m.st.NewLine(width, i == m.cursor)
	sign := " "
	if i == m.cursor {
		sign = m.st.Glyphs.Cursor
	}
	style := ui.Plain
	switch f.Severity {
	case provisioning.SeverityDanger:
		style = ui.Danger
	case provisioning.SeverityWarning:
		style = ui.Warning
	case provisioning.SeverityNotice:
		style = ui.Notice
	}
	const label, value = 36, 17
	l.Cell(ui.Accent, sign, 1).Cell(ui.Header, head, 11).Text(ui.Plain, names.Clean(f.Label), label)
	text := Value(f)
	l.Space(max(1, value-len([]rune(text)))).Word(style, text)
	if s := m.series[f.Key]; s != nil && len(s.Points) > 1 && l.Left() > 24 {
		l.Space(2).Word(ui.Accent, Spark(s, 12, m.st.Glyphs.ASCII)).Space(1)
		if change, known := weekAgo(s, m.now()); known && l.Left() > 8 {
			l.Word(ui.Muted, change)
		}
	} else if f.Note != "" {
		l.Space(2).Word(ui.Muted, f.Note)
	}
	return l.String()
}

// Value is a figure as people read it.
func Value(f *desk.Figure) string {
	const hundred, hour, day = 100, 60, 24 * 60
	switch {
	case f.None:
		return "-"
	case f.Unit == desk.UnitMoney:
		return fmt.Sprintf("%s %s.%02d", f.Currency, ui.Count(int(f.Value/hundred)), f.Value%hundred)
	case f.Unit == desk.UnitMinutes && f.Value >= day:
		return fmt.Sprintf("%d d %d h", f.Value/day, f.Value%day/hour)
	case f.Unit == desk.UnitMinutes && f.Value >= hour:
		return fmt.Sprintf("%d h %d min", f.Value/hour, f.Value%hour)
	case f.Unit == desk.UnitMinutes:
		return fmt.Sprintf("%d min", f.Value)
	default:
		return ui.Count(int(f.Value))
	}
}

// Spark draws the latest of a series in so many cells, from 0 to its greatest. Each cell is the last value of its part.
func Spark(s *desk.Series, cells int, ascii bool) string {
	steps := []rune("▁▂▃▄▅▆▇█")
	if ascii {
		steps = []rune(".:-=+*#@")
	}
	n := len(s.Points)
	cells = min(cells, n)
	var most int64
	for _, p := range s.Points {
		most = max(most, p.Value)
	}
	var b strings.Builder
	for c := range cells {
		v := s.Points[(c+1)*n/cells-1].Value
		at := 0
		if most > 0 {
			at = int(v * int64(len(steps)-1) / most)
		}
		b.WriteRune(steps[at])
	}
	return b.String()
}

// weekAgo says how a series changed against a week ago, where it goes back so far.
func weekAgo(s *desk.Series, now time.Time) (string, bool) {
	const week = 7 * 24 * time.Hour
	last := s.Points[len(s.Points)-1].Value
	for i := len(s.Points) - 1; i >= 0; i-- {
		if now.Sub(s.Points[i].At) >= week {
			switch d := last - s.Points[i].Value; {
			case d > 0:
				return fmt.Sprintf("+%d in a week", d), true
			case d < 0:
				return fmt.Sprintf("%d in a week", d), true
			default:
				return "as a week ago", true
			}
		}
	}
	return "", false
}
