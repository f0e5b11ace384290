// Package policy is the effect of a changed policy.toml on the whole roster, before it counts: how many gain and lose, then everybody by
// name with the rights that come and go. It is accepted by typing how many people it concerns. The rules are the desk's.
package policy

import (
	"context"
	"fmt"
	"strconv"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

// Desk is what the screen needs of the desk.
type Desk interface {
	PolicyEffect(ctx context.Context) (*desk.PolicyEffect, error)
	AcceptPolicy(ctx context.Context, hash string, people int) error
	ReadOnly() string
}

// Model is the screen.
type Model struct {
	ctx    context.Context //nolint:containedctx // the console's life
	desk   Desk
	st     *ui.Styles
	effect *desk.PolicyEffect
	asked  int
	cursor int // of what differs beside the rights, and then of the people
	top    int
	height int // of the rows

	keys  []ui.Binding
	drawn map[int][]string // the rows as they were drawn, without the cursor
	head  []string
	of    drawnKey
}

type drawnKey struct {
	effect *desk.PolicyEffect
	st     *ui.Styles
	width  int
}

// New makes the screen.
func New(ctx context.Context, d Desk, st *ui.Styles) *Model {
	return &Model{ctx: ctx, desk: d, st: st}
}

type (
	judged struct {
		asked  int
		effect *desk.PolicyEffect
		err    error
	}
	accepted struct {
		people int
		err    error
	}
)

// Init asks for the effect.
func (m *Model) Init() tea.Cmd {
	m.asked++
	asked := m.asked
	return func() tea.Msg {
		effect, err := m.desk.PolicyEffect(m.ctx)
		return judged{asked, effect, err}
	}
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
			m.move(-3)
		} else {
			m.move(3)
		}
	case judged:
		if msg.asked != m.asked {
			return nil
		}
		if msg.err != nil {
			cmd := ui.Say(ui.Failed{Err: msg.err})
			if m.effect == nil {
				cmd = tea.Batch(cmd, ui.Say(ui.Back{}))
			}
			return cmd
		}
		m.effect = msg.effect
		m.move(0)
	case accepted:
		if msg.err != nil {
			return tea.Batch(ui.Say(ui.Failed{Err: msg.err}), m.Init())
		}
		text := fmt.Sprintf("the policy counts now: it concerns %s", plural(msg.people, "person", "people"))
		return tea.Batch(m.Init(), ui.Say(ui.Refresh{}), ui.Say(ui.Toast{Text: text, Good: true}))
	}
	return nil
}

// count is how much the cursor can stand on.
func (m *Model) count() int {
	if m.effect == nil {
		return 0
	}
	return len(m.effect.Lines) + len(m.effect.Rows)
}

func (m *Model) move(by int) {
	m.cursor = min(max(m.cursor+by, 0), max(0, m.count()-1))
}

// person is the row under the cursor; nil where there is none.
func (m *Model) person() *desk.PolicyRow {
	if m.effect == nil || m.cursor < len(m.effect.Lines) || m.cursor >= m.count() {
		return nil
	}
	return &m.effect.Rows[m.cursor-len(m.effect.Lines)]
}

// changed says why there is nothing to act on.
func (m *Model) changed() string {
	switch {
	case m.effect == nil:
		return "still comparing"
	case !m.effect.Changed:
		return "policy.toml is the policy that counts"
	default:
		return ""
	}
}

// Bindings are the screen's keys.
func (m *Model) Bindings() []ui.Binding {
	if m.keys != nil {
		return m.keys
	}
	acceptable := func() string {
		if why := m.changed(); why != "" {
			return why
		}
		if m.effect.Why != "" {
			return "policy.toml cannot be read"
		}
		return m.desk.ReadOnly()
	}
	row := func() string {
		if why := m.changed(); why != "" {
			return why
		}
		if m.person() == nil {
			return "nobody is under the cursor"
		}
		return ""
	}
	move := func(by int) func() tea.Cmd { return func() tea.Cmd { m.move(by); return nil } }
	page := func(by int) func() tea.Cmd {
		return func() tea.Cmd { m.move(by * max(1, m.height/2)); return nil }
	}
	m.keys = []ui.Binding{
		{Keys: []string{"a"}, Help: "accept", Footer: 1, Danger: true, Disabled: acceptable, Long: "let the policy of the file count, with the number of people typed whom it concerns", Do: m.accept},
		{Keys: []string{"enter"}, Show: "⏎", Help: "open", Footer: 2, Disabled: row, Long: "open the person under the cursor", Do: func() tea.Cmd {
			return ui.Say(ui.OpenPerson{Key: m.person().Key})
		}},
		{Keys: []string{"r"}, Help: "compare again", Footer: 3, Long: "read policy.toml anew, and compare", Do: m.Init},
		{Keys: []string{"esc"}, Help: "back", Footer: 4, Do: func() tea.Cmd { return ui.Say(ui.Back{}) }},
		{Keys: []string{"down", "j"}, Help: "down", Do: move(1)},
		{Keys: []string{"up", "k"}, Help: "up", Do: move(-1)},
		{Keys: []string{"pgdown"}, Help: "page down", Do: page(1)},
		{Keys: []string{"pgup"}, Help: "page up", Do: page(-1)},
		{Keys: []string{"home", "g"}, Help: "first", Do: move(-1 << 30)},
		{Keys: []string{"end", "G"}, Help: "last", Do: move(1 << 30)},
	}
	return m.keys
}

// accept wants the number of people typed whom the policy concerns.
func (m *Model) accept() tea.Cmd {
	e := m.effect
	n := len(e.Rows)
	body := []string{
		fmt.Sprintf("%s a right that policy gives, %s one. No account is changed by it: what is missing or in excess is shown on the roster, and staged from there.",
			plural(e.Gain, "person gains", "people gain"), plural(e.Lose, "loses", "lose")),
		fmt.Sprintf("hash %.16s", e.Hash),
	}
	return ui.Say(ui.Ask{Dialog: &ui.Confirm{
		Title: "Let policy.toml count: it concerns " + plural(n, "person", "people"), Body: body, Want: strconv.Itoa(n),
		Yes: func(string) tea.Cmd {
			return func() tea.Msg { return accepted{n, m.desk.AcceptPolicy(m.ctx, e.Hash, n)} }
		},
	}})
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
