// Package record is the audit record on the screen: the newest rows, a search over them, and the verification of the chain.
package record

import (
	"context"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// Desk is what the screen needs of the desk.
type Desk interface {
	Records(ctx context.Context, q desk.RecordQuery) ([]provisioning.Record, error)
	Verify(ctx context.Context) (desk.Report, error)
}

// most is how many rows are shown.
const most = 500

// Model is the screen.
type Model struct {
	ctx     context.Context //nolint:containedctx // the console's life
	desk    Desk
	st      *ui.Styles
	query   desk.RecordQuery
	rows    []provisioning.Record
	report  *desk.Report
	checked bool
	finding bool
	cursor  int
	top     int
	height  int
	asked   int
}

// New makes the screen, narrowed to a batch where that is not 0.
func New(ctx context.Context, d Desk, st *ui.Styles, batch int64) *Model {
	return &Model{ctx: ctx, desk: d, st: st, query: desk.RecordQuery{Batch: batch, Limit: most}}
}

type (
	listed struct {
		asked int
		rows  []provisioning.Record
		err   error
	}
	verified struct {
		report desk.Report
		err    error
	}
)

// Init lists the record.
func (m *Model) Init() tea.Cmd { return m.list() }

func (m *Model) list() tea.Cmd {
	m.asked++
	asked, q := m.asked, m.query
	return func() tea.Msg {
		rows, err := m.desk.Records(m.ctx, q)
		return listed{asked, rows, err}
	}
}

// SetStyles changes the theme.
func (m *Model) SetStyles(st *ui.Styles) { m.st = st }

// Typing reports whether the search is open.
func (m *Model) Typing() bool { return m.finding }

// Update takes a message.
func (m *Model) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		if m.finding {
			return m.typed(msg)
		}
		cmd, _ := ui.Dispatch(m.Bindings(), msg.String())
		return cmd
	case tea.PasteMsg:
		if m.finding {
			m.query.Text += names.Clean(msg.Content).Bare()
			return m.list()
		}
	case listed:
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		if msg.asked == m.asked {
			m.rows, m.cursor, m.top = msg.rows, 0, 0
		}
	case verified:
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		m.report, m.checked = &msg.report, true
	}
	return nil
}

func (m *Model) typed(k tea.KeyPressMsg) tea.Cmd {
	switch k.String() {
	case "esc":
		m.finding, m.query.Text = false, ""
	case "enter":
		m.finding = false
		return nil
	case "backspace":
		if r := []rune(m.query.Text); len(r) > 0 {
			m.query.Text = string(r[:len(r)-1])
		}
	default:
		m.query.Text += k.Text
	}
	return m.list()
}

// Bindings are the screen's keys.
func (m *Model) Bindings() []ui.Binding {
	move := func(by int) func() tea.Cmd {
		return func() tea.Cmd {
			m.cursor = min(max(m.cursor+by, 0), max(0, len(m.rows)-1))
			return nil
		}
	}
	return []ui.Binding{
		{Keys: []string{"/"}, Help: "find", Footer: 1, Long: "find by actor, account, or what was done", Do: func() tea.Cmd { m.finding = true; return nil }},
		{Keys: []string{"v"}, Help: "verify", Footer: 2, Long: "check every row of the record against its chain", Do: func() tea.Cmd {
			return func() tea.Msg {
				report, err := m.desk.Verify(m.ctx)
				return verified{report, err}
			}
		}},
		{Keys: []string{"r"}, Help: "list again", Footer: 3, Do: m.list},
		{Keys: []string{"esc"}, Help: "back", Footer: 4, Do: func() tea.Cmd { return ui.Say(ui.Back{}) }},
		{Keys: []string{"down", "j"}, Help: "down", Do: move(1)},
		{Keys: []string{"up", "k"}, Help: "up", Do: move(-1)},
		{Keys: []string{"pgdown"}, Help: "page down", Do: move(20)},
		{Keys: []string{"pgup"}, Help: "page up", Do: move(-20)},
		{Keys: []string{"home", "g"}, Help: "newest", Do: move(-1 << 30)},
		{Keys: []string{"end", "G"}, Help: "oldest", Do: move(1 << 30)},
	}
}

// Lines draws the record.
func (m *Model) Lines(width, height int) []string {
	out := make([]string, 0, height)
	l := m.st.NewLine(width, false).Word(ui.Header, " The record")
	if m.query.Batch != 0 {
		l.Word(ui.Plain, fmt.Sprintf(" of batch %d", m.query.Batch))
	}
	if m.finding || m.query.Text != "" {
		l.Space(3).Word(ui.Accent, "/ ").Text(ui.Strong, names.Clean(m.query.Text), 0)
		if m.finding {
			l.Word(ui.Accent, m.st.Glyphs.Caret)
		}
	}
	l.Space(3).Word(ui.Muted, fmt.Sprintf("%d rows, newest first", len(m.rows)))
	out = append(out, l.String(), m.verdict(width), m.st.Rule(width, ""))
	const detail = 3
	m.height = max(1, height-len(out)-detail-1)
	m.top = min(m.top, m.cursor)
	m.top = max(m.top, m.cursor-m.height+1)
	for at := m.top; at < m.top+m.height; at++ {
		if at < len(m.rows) {
			out = append(out, m.row(width, at))
		} else {
			out = append(out, m.st.Blank(width))
		}
	}
	out = append(out, m.st.Rule(width, ""))
	if m.cursor < len(m.rows) {
		for _, t := range ui.Wrap(names.Clean(m.rows[m.cursor].Event.Detail), width-2, detail) {
			out = append(out, m.st.NewLine(width, false).Space(1).Text(ui.Plain, t, 0).String())
		}
	}
	for len(out) < height {
		out = append(out, m.st.Blank(width))
	}
	return out
}

func (m *Model) verdict(width int) string {
	l := m.st.NewLine(width, false).Space(1)
	switch {
	case !m.checked:
		l.Word(ui.Muted, "v checks every row against the chain")
	case m.report.OK && !m.report.Proven: // never called fine: no anchor has seen all of it
		l.Word(ui.Warning, fmt.Sprintf("%s nothing wrong was found in %d rows: ", m.st.Glyphs.Alert, m.report.Count))
		l.Text(ui.Warning, names.Clean(strings.Join(m.report.Trust, "; ")), l.Left())
	case m.report.OK:
		l.Word(ui.Good, fmt.Sprintf("%s the record holds: %d rows, head %.16s", m.st.Glyphs.Yes, m.report.Count, m.report.Head))
	default:
		l.Word(ui.Danger, fmt.Sprintf("%s the record does not hold at row %d: ", m.st.Glyphs.No, m.report.Bad)).Text(ui.Danger, names.Clean(m.report.Reason), l.Left())
	}
	return l.String()
}

func (m *Model) row(width, at int) string {
	e := m.rows[at].Event
	l := m.st.NewLine(width, at == m.cursor)
	sign := " "
	if at == m.cursor {
		sign = m.st.Glyphs.Cursor
	}
	l.Cell(ui.Accent, sign, 1).Cell(ui.Muted, fmt.Sprintf("%6d", m.rows[at].Seq), 8).Word(ui.Muted, e.At.Local().Format("2 Jan 15:04:05")).Space(2)
	l.Text(ui.Plain, names.Clean(e.Actor), 10).Space(1).Text(ui.Accent, names.Clean(string(e.Kind)), 13).Space(1)
	if width >= 100 {
		l.Text(ui.Plain, names.Clean(e.Subject), 18).Space(1)
	}
	return l.Text(ui.Muted, names.Clean(e.Detail), l.Left()).String()
}
