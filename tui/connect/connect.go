// Package connect is the connections on the screen: what is connected and how it stands, and the wizard that connects a system: what
// to create at the vendor, what to type, each right tried live, and then kept. It reaches no system and writes no file itself.
package connect

import (
	"context"
	"slices"

	"charm.land/huh/v2"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

// Setup is what the screen needs: the configuration, the places for secrets, and the systems behind a draft.
type Setup interface {
	Guides() []provisioning.Guide
	// List tells what is configured, in the order of priority.
	List() ([]Connection, error)
	// Fixed says why nothing can be changed here; "" where it can.
	Fixed() string
	// Places tells where secrets may be kept, the recommended one first.
	Places(ctx context.Context) []Place
	// Unlock opens the place that is locked with its passphrase, or makes a new one with it.
	Unlock(ctx context.Context, passphrase provisioning.Secret) error
	// Examine makes a client of a draft, or of the connection of that name where the draft has no system, and examines it.
	Examine(ctx context.Context, d Draft, tell func(provisioning.Finding)) error
	// SignIn signs the operator in by a code that is typed on another page; show is called once.
	SignIn(ctx context.Context, d Draft, show func(page, code string)) (provisioning.Secret, error)
	// Save keeps a draft's secrets and writes it into the configuration.
	Save(ctx context.Context, d Draft) error
	// Remove takes a connection out of the configuration, and its secrets out of their place.
	Remove(ctx context.Context, name string) error
}

// Desk is what the screen needs of the desk.
type Desk interface {
	Roll() *desk.Roll
}

// Connection is one that is configured. All raw strings.
type Connection struct {
	Name, System, Where, Way string
	Kept                     string // where its secrets live
}

// Place is one where secrets may be kept.
type Place struct {
	Name   string // keyring, reference, passphrase
	Title  string
	Why    string // why it cannot be used here; "" where it can
	Locked bool   // a passphrase must be typed first
	New    bool   // there is none yet: the passphrase is chosen now
}

// The places that the wizard treats in a way of their own.
const (
	Reference  = "reference"  // the operator keeps the secret: a reference is typed in its stead
	Passphrase = "passphrase" // a file that is encrypted under a passphrase
)

// Draft is a connection that is being made, or one that gets new secrets.
type Draft struct {
	Name     string
	System   string
	Way      string
	Place    string
	Values   map[string]string // by field; a reference for a secret that the operator keeps
	Secrets  map[string]provisioning.Secret
	Files    map[string]string // by field: the path of a file that holds the secret
	Replaces string            // the connection whose place it takes
}

// Model is the screen.
type Model struct {
	ctx   context.Context //nolint:containedctx // the console's life
	setup Setup
	desk  Desk // nil: there is no roster under it
	st    *ui.Styles
	only  string // the system to begin with; "": the list is shown first

	list   []Connection
	health map[string][]provisioning.Finding
	busy   string // the connection that is being examined
	cursor int
	top    int

	wizard *wizard
	keys   []ui.Binding
	width  int
	height int
}

// New makes the screen. With a system's name it begins with its wizard; without a desk there is no roster to go back to, and nothing
// was read yet.
func New(ctx context.Context, s Setup, d Desk, st *ui.Styles, system string) *Model {
	return &Model{ctx: ctx, setup: s, desk: d, st: st, only: system, health: make(map[string][]provisioning.Finding)}
}

type (
	listed struct {
		list []Connection
		err  error
	}
	found struct {
		name     string
		findings []provisioning.Finding
		err      error
	}
)

// Init lists what is configured.
func (m *Model) Init() tea.Cmd {
	cmds := []tea.Cmd{m.read()}
	if m.only != "" {
		cmds = append(cmds, m.begin(m.only, ""))
	}
	return tea.Batch(cmds...)
}

func (m *Model) read() tea.Cmd {
	return func() tea.Msg {
		list, err := m.setup.List()
		return listed{list, err}
	}
}

// SetStyles changes the theme.
func (m *Model) SetStyles(st *ui.Styles) {
	m.st = st
	if m.wizard != nil && m.wizard.form != nil {
		m.wizard.form = m.wizard.form.WithTheme(formTheme(st))
	}
}

// Typing reports whether keys are text now.
func (m *Model) Typing() bool { return m.wizard != nil }

// Update takes a message.
func (m *Model) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case listed:
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		m.list = msg.list
		m.cursor = min(m.cursor, max(0, len(m.list)-1))
		return nil
	case found:
		m.busy = ""
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		m.health[msg.name] = msg.findings
		return nil
	case removed:
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		delete(m.health, msg.name)
		return tea.Batch(m.read(), ui.Say(ui.Toast{Text: msg.name + " is no longer connected; its secrets were deleted", Good: true}))
	}
	if m.wizard != nil {
		return m.steer(msg)
	}
	if k, ok := msg.(tea.KeyPressMsg); ok {
		cmd, _ := ui.Dispatch(m.Bindings(), k.String())
		return cmd
	}
	return nil
}

type removed struct {
	name string
	err  error
}

func (m *Model) current() (Connection, bool) {
	if m.cursor < len(m.list) {
		return m.list[m.cursor], true
	}
	return Connection{}, false
}

// Bindings are the screen's keys.
func (m *Model) Bindings() []ui.Binding {
	if m.wizard != nil {
		return m.wizardKeys()
	}
	if m.keys != nil {
		return m.keys
	}
	none := func() string {
		if _, ok := m.current(); !ok {
			return "nothing is connected yet"
		}
		return ""
	}
	fixed := func() string {
		if why := m.setup.Fixed(); why != "" {
			return why
		}
		return none()
	}
	move := func(by int) func() tea.Cmd {
		return func() tea.Cmd {
			m.cursor, m.top = min(max(m.cursor+by, 0), max(0, len(m.list)-1)), 0
			return nil
		}
	}
	back := ui.Binding{Keys: []string{"esc"}, Help: "back", Footer: 6, Do: func() tea.Cmd { return ui.Say(ui.Back{}) }}
	if m.desk == nil {
		back = ui.Binding{Keys: []string{"o"}, Help: "open the roster", Footer: 6, Disabled: none, Do: func() tea.Cmd { return ui.Say(ui.Reopen{}) }}
	}
	m.keys = []ui.Binding{
		{Keys: []string{"a"}, Help: "connect", Footer: 1, Disabled: m.setup.Fixed, Long: "connect a system: the wizard says what to create there, and tries each right", Do: func() tea.Cmd { return m.begin("", "") }},
		{Keys: []string{"t", "enter"}, Help: "test", Footer: 2, Disabled: none, Long: "examine the connection right by right, with reads only", Do: m.test},
		{Keys: []string{"k"}, Help: "rotate", Footer: 3, Disabled: fixed, Long: "give the connection new secrets, tried before they are kept", Do: func() tea.Cmd {
			c, _ := m.current()
			return m.begin(c.System, c.Name)
		}},
		{Keys: []string{"x"}, Help: "remove", Footer: 4, Danger: true, Disabled: fixed, Long: "take the connection out of the configuration, and its secrets out of their place", Do: m.remove},
		back,
		{Keys: []string{"down", "j"}, Help: "down", Do: move(1)},
		{Keys: []string{"up"}, Help: "up", Do: move(-1)},
		{Keys: []string{"pgdown"}, Help: "findings down", Do: func() tea.Cmd { m.top += 5; return nil }},
		{Keys: []string{"pgup"}, Help: "findings up", Do: func() tea.Cmd { m.top = max(0, m.top-5); return nil }},
	}
	return m.keys
}

// test examines the connection under the cursor.
func (m *Model) test() tea.Cmd {
	c, _ := m.current()
	if m.busy != "" {
		return ui.Say(ui.Toast{Text: m.busy + " is being examined"})
	}
	m.busy, m.top = c.Name, 0
	return func() tea.Msg {
		var findings []provisioning.Finding
		err := m.setup.Examine(m.ctx, Draft{Name: c.Name}, func(f provisioning.Finding) { findings = append(findings, f) })
		return found{c.Name, findings, err}
	}
}

// remove wants the connection's name typed.
func (m *Model) remove() tea.Cmd {
	c, _ := m.current()
	return ui.Say(ui.Ask{Dialog: &ui.Confirm{
		Title: "Remove " + c.Name + "?", Want: c.Name,
		Body: []string{"It is taken out of config.toml, and its secrets out of their place. Nobody is called a leaver for it.", "Type " + c.Name + " and press enter."},
		Yes: func(string) tea.Cmd {
			return func() tea.Msg { return removed{c.Name, m.setup.Remove(m.ctx, c.Name)} }
		},
	}})
}

// guide finds how a system is connected.
func (m *Model) guide(system string) (provisioning.Guide, bool) {
	all := m.setup.Guides()
	i := slices.IndexFunc(all, func(g provisioning.Guide) bool { return g.System == system })
	if i < 0 {
		return provisioning.Guide{}, false
	}
	return all[i], true
}

// form gives a form the look of the console.
func (m *Model) form(groups ...*huh.Group) *huh.Form {
	f := huh.NewForm(groups...).WithShowHelp(false).WithShowErrors(false).WithTheme(formTheme(m.st))
	m.size(f)
	return f
}

// size fits a form under the wizard's title: what does not fit scrolls to the field under the cursor.
func (m *Model) size(f *huh.Form) {
	const around = 3 // the title, its rule, and what is wrong with a field
	f.WithWidth(max(40, m.width-4)).WithHeight(max(6, m.height-around))
}
