// Package dashboard is the firm at a glance: the figures of the desk, how they went over the last 90 days, and the rows that each of them
// counts. It makes no figure itself.
package dashboard

import (
	"context"
	"fmt"
	"slices"
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
	columns := 1
	if width >= twoColumns {
		columns = 2
	}
	if width >= threeColumns {
		columns = 3
	}
	rows := max(1, height-len(out))
	page := rows * columns
	lines := m.laid()
	at := slices.Index(lines, m.cursor)
	m.top = max(min(m.top, at), at-page+1, 0)
	if len(lines) <= page {
		m.top = 0
	}
	wide := width / columns
	deep := min(rows, (len(lines)-m.top+columns-1)/columns)
	for r := range deep {
		l := m.st.NewLine(width, false)
		for c := range columns {
			n := m.top + c*deep + r
			if n >= len(lines) {
				break
			}
			l.Space(c*wide - (width - l.Left()))
			m.cell(l, wide-1, lines[n])
		}
		out = append(out, l.String())
	}
	return out
}

const (
	twoColumns   = 80
	threeColumns = 150
	head         = -1 // in laid: the head of the group of the figure that follows
)

// laid lists the figures in their order, each group behind its head.
func (m *Model) laid() []int {
	var lines []int
	group := ""
	for i := range m.board.Figures {
		if g := m.board.Figures[i].Group; g != group {
			group = g
			lines = append(lines, head-i)
		}
		lines = append(lines, i)
	}
	return lines
}

// cell draws one figure, or the head of a group, in so many cells.
func (m *Model) cell(into *ui.Line, wide, at int) {
	if at < 0 {
		into.Space(1).Word(ui.Header, strings.ToUpper(m.board.Figures[head-at].Group))
		return
	}
	f := &m.board.Figures[at]
	sign, label := " ", ui.Plain
	if at == m.cursor {
		sign, label = m.st.Glyphs.Cursor, ui.Strong
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
	const value, spark = 15, 10
	text := Value(f)
	room := wide - value - 2
	chart := ""
	if s := m.series[f.Key]; s != nil && len(s.Points) > 1 && wide >= 48 {
		chart = Spark(s, spark, m.st.Glyphs.ASCII)
		room -= spark + 1
		if change, known := weekAgo(s, m.now()); known && wide >= 72 {
			chart += " " + change
			room -= len(change) + 1
		}
	}
	into.Word(ui.Accent, sign).Text(label, names.Clean(f.Label), room).Space(max(1, value-len([]rune(text)))).Word(style, text)
	if chart != "" {
		into.Space(1).Word(ui.Accent, chart)
	}
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
