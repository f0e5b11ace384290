// Package tui is the console: it routes messages to the screen that has the word, and draws the frame around it. What a screen shows
// is the screen's, what anything means is the desk's; it reaches no system and keeps nothing.
package tui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/themes"
	"rollcall/tui/batch"
	"rollcall/tui/calendar"
	"rollcall/tui/campaign"
	"rollcall/tui/connect"
	"rollcall/tui/dashboard"
	"rollcall/tui/person"
	"rollcall/tui/policy"
	"rollcall/tui/record"
	"rollcall/tui/roster"
	"rollcall/tui/seats"
	"rollcall/tui/ui"
	"rollcall/tui/wizard"
)

// Desk is what the console needs: the screens' needs together, and what the frame shows.
type Desk interface {
	roster.Desk
	person.Desk
	batch.Desk
	record.Desk
	wizard.Desk
	calendar.Desk
	policy.Desk
	Governance
	Working() int64
	Unfinished(ctx context.Context) ([]*provisioning.Batch, error)
}

// Governance is what the screens of access reviews, licences and the dashboard need.
type Governance interface {
	campaign.Lister
	campaign.Desk
	seats.Desk
	dashboard.Desk
}

// Deps is what a console is made of.
type Deps struct {
	Desk Desk
	// Setup is what the connections are set up by. With Desk nil the console is the connections alone.
	Setup   connect.Setup
	Connect string // the system whose wizard is opened first, without a desk
	Theme   string // "": by the terminal's background
	ASCII   bool
	// Tenants are the document systems between which the operator may go, Tenant the one that is open; Choose says which is opened next.
	Tenants []string
	Tenant  string
	Choose  func(tenant string)
	// Certify writes the signed certificate of removal of a batch, and a page to print, and says where; nil: it is only shown.
	Certify func(ctx context.Context, batch int64) (file string, err error)
	// Files writes what the screens hand out, each under a name of its own, and says where; and reads what comes back.
	Files campaign.Files
	Now   func() time.Time
}

// screen is a screen with what the frame calls beside the contract.
type screen interface {
	ui.Screen
	Init() tea.Cmd
	SetStyles(st *ui.Styles)
}

// Model is the one model of the program.
type Model struct {
	ctx    context.Context //nolint:containedctx // the console's life: commands are cut off with it
	deps   Deps
	st     *ui.Styles
	stack  []screen
	dialog ui.Dialog
	offers []ui.Dialog // those that open by themselves, one after the other
	toast  *ui.Toast
	failed error
	help   *string // what was typed into the help page; nil: closed
	helped int     // the help page's first line
	width  int
	height int
	work   string // the sign of a running batch
	// working is the batch that ran at the last look; 0: none
	working int64
	foot    ui.Foot
	reopen  bool // the configuration changed: the console is to be opened anew

	rule      string // above the footer, kept while the width stands
	ruleOf    *ui.Styles
	ruleWidth int
}

// New makes the console.
func New(ctx context.Context, d Deps) (*Model, error) {
	name := d.Theme
	if name == "" {
		name = "dark"
	}
	theme, err := themes.Load(name)
	if err != nil {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: err.Error()}
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	m := &Model{ctx: ctx, deps: d, st: ui.NewStyles(theme, d.ASCII), width: 80, height: 24}
	if d.Desk == nil {
		m.stack = []screen{connect.New(ctx, d.Setup, nil, m.st, d.Connect)}
	} else {
		m.stack = []screen{roster.New(ctx, d.Desk, m.st, d.Now)}
	}
	return m, nil
}

// Run opens the console and returns when it is left. again says that it is to be opened anew, with the configuration as it is now.
func Run(ctx context.Context, d Deps, options ...tea.ProgramOption) (again bool, err error) {
	m, err := New(ctx, d)
	if err != nil {
		return false, err
	}
	const framesPerSecond = 120 // halves the time from a key to the screen, and costs nothing while nothing changes
	program := tea.NewProgram(m, append([]tea.ProgramOption{tea.WithContext(ctx), tea.WithFPS(framesPerSecond), tea.WithFilter(calm())}, options...)...)
	if _, err = program.Run(); errors.Is(err, tea.ErrInterrupted) || errors.Is(err, context.Canceled) {
		return false, nil
	}
	return m.reopen, err
}

// calm lets at most one wheel event through in a sixtieth of a second: a wheel sends far more than anybody reads.
func calm() func(tea.Model, tea.Msg) tea.Msg {
	var last time.Time
	return func(_ tea.Model, msg tea.Msg) tea.Msg {
		if _, wheel := msg.(tea.MouseWheelMsg); wheel {
			if now := time.Now(); now.Sub(last) < time.Second/60 {
				return nil
			} else {
				last = now
			}
		}
		return msg
	}
}

type (
	offered struct {
		batches []*provisioning.Batch
		planned []desk.Planned
	}
	pulse struct{}
)

// Init starts the roster, asks the terminal for its background, and looks for batches that were interrupted or missed their minute.
func (m *Model) Init() tea.Cmd {
	if m.deps.Desk == nil {
		return tea.Batch(m.stack[0].Init(), tea.RequestBackgroundColor)
	}
	look := func() tea.Msg {
		unfinished, err := m.deps.Desk.Unfinished(m.ctx)
		if err != nil {
			return ui.Failed{Err: err}
		}
		planned, err := m.deps.Desk.Calendar(m.ctx)
		if err != nil {
			return ui.Failed{Err: err}
		}
		return offered{unfinished, planned}
	}
	return tea.Batch(m.stack[0].Init(), tea.RequestBackgroundColor, look, beat())
}

// pulsed keeps the sign of a running batch in sight. One that nobody follows, for it began at its minute, is told of when it ends.
func (m *Model) pulsed() tea.Cmd {
	before, id := m.working, m.deps.Desk.Working()
	m.work, m.working = "", id
	if id != 0 {
		m.work = fmt.Sprintf("%s batch %d runs", m.st.Glyphs.Running, id)
	}
	cmds := []tea.Cmd{beat(), m.top().Update(ui.Beat{})}
	if before != 0 && before != id {
		cmds = append(cmds, ui.Say(ui.Refresh{}))
	}
	return tea.Batch(cmds...)
}

// beat is the pulse of the console: twice a second.
func beat() tea.Cmd { return tea.Tick(time.Second/2, func(time.Time) tea.Msg { return pulse{} }) }

func (m *Model) top() screen { return m.stack[len(m.stack)-1] }

// Update routes a message: the dialog first, then the frame's own, then the screen that has the word.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = max(msg.Width, 40), max(msg.Height, 12)
		return m, nil
	case tea.BackgroundColorMsg:
		if m.deps.Theme == "" && !msg.IsDark() {
			return m, m.setTheme("light")
		}
		return m, nil
	case tea.KeyPressMsg:
		return m, m.key(msg)
	case tea.PasteMsg:
		if m.dialog != nil {
			return m, m.dialog.Paste(msg.Content)
		}
	case pulse:
		return m, m.pulsed()
	case offered:
		m.offers = append(m.interrupted(msg.batches), m.missed(msg.planned)...)
		return m, m.nextOffer()
	}
	if a, ok := m.dialog.(interface{ Answer(msg tea.Msg) bool }); ok && a.Answer(msg) {
		return m, nil
	}
	if cmd, mine := m.asked(msg); mine {
		return m, cmd
	}
	switch msg.(type) {
	case ui.Refresh, ui.Draft: // every screen must know
		var cmds []tea.Cmd
		for _, s := range m.stack {
			cmds = append(cmds, s.Update(msg))
		}
		return m, tea.Batch(cmds...)
	case tea.MouseMsg:
		return m, m.top().Update(msg)
	}
	// An answer to a command goes to whoever asked: screens know their own messages and ignore the others'.
	var cmds []tea.Cmd
	for _, s := range m.stack {
		cmds = append(cmds, s.Update(msg))
	}
	return m, tea.Batch(cmds...)
}

// key takes a key: a dialog takes all of them, a finder takes text, the frame takes its own, the screen the rest.
func (m *Model) key(k tea.KeyPressMsg) tea.Cmd {
	name := k.String()
	m.toast = nil
	switch {
	case m.dialog != nil:
		cmd, done := m.dialog.Key(k)
		if done {
			m.dialog = nil
			return tea.Batch(cmd, m.nextOffer())
		}
		return cmd
	case m.failed != nil:
		return m.failedKey(name)
	case name == "ctrl+c":
		return tea.Quit
	case m.help != nil:
		return m.helpKey(k)
	case m.top().Typing():
		return m.top().Update(k)
	case name == "?":
		typed := ""
		m.help, m.helped = &typed, 0
		return nil
	case name == "T":
		return m.nextTheme()
	case name == "q":
		if len(m.stack) == 1 {
			return tea.Quit
		}
		return ui.Say(ui.Toast{Text: "q quits from the roster; esc goes back"})
	default:
		return m.top().Update(k)
	}
}

func (m *Model) failedKey(name string) tea.Cmd {
	var lines []string
	for _, line := range errorLines(m.failed) {
		for _, t := range ui.Paragraph(line, 200, 20) { // what is copied is pasted into a ticket, or into a shell
			lines = append(lines, t.Bare())
		}
	}
	text := strings.Join(lines, "\n")
	switch name {
	case "y":
		return tea.Batch(tea.SetClipboard(text), ui.Say(ui.Toast{Text: "copied", Good: true}))
	case "ctrl+c":
		return tea.Quit
	default:
		m.failed = nil
		return nil
	}
}

func (m *Model) helpKey(k tea.KeyPressMsg) tea.Cmd {
	switch k.String() {
	case "esc", "?":
		m.help = nil
	case "backspace":
		if r := []rune(*m.help); len(r) > 0 {
			*m.help, m.helped = string(r[:len(r)-1]), 0
		}
	case "down":
		m.helped++
	case "up":
		m.helped = max(0, m.helped-1)
	case "pgdown":
		m.helped += m.height / 2
	case "pgup":
		m.helped = max(0, m.helped-m.height/2)
	default:
		*m.help, m.helped = *m.help+k.Text, 0
	}
	return nil
}

func (m *Model) nextTheme() tea.Cmd {
	list := themes.Names()
	for i, name := range list {
		if name == m.st.Theme.Name {
			return m.setTheme(list[(i+1)%len(list)])
		}
	}
	return nil
}

func (m *Model) setTheme(name string) tea.Cmd {
	theme, err := themes.Load(name)
	if err != nil {
		return ui.Say(ui.Failed{Err: err})
	}
	m.st = ui.NewStyles(theme, m.deps.ASCII)
	for _, s := range m.stack {
		s.SetStyles(m.st)
	}
	return ui.Say(ui.Toast{Text: "theme: " + theme.Title, Good: true})
}

// errorLines says an error in three parts, as they came: what happened, the cause, what to do.
func errorLines(err error) []string {
	lines := strings.Split(err.Error(), "\n")
	var e *provisioning.Error
	if errors.As(err, &e) && e.Hint != "" {
		lines = append(lines, e.Hint)
	}
	return lines
}

// Keys are the keys of the screen that has the word.
func (m *Model) Keys() []ui.Binding { return m.top().Bindings() }
