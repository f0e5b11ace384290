package connect

import (
	"context"
	"slices"

	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"

	"rollcall/provisioning"
	"rollcall/tui/ui"
)

// step is where the wizard stands.
type step int

// The steps, in order.
const (
	askSystem step = iota
	askWay
	askPlace
	askPassphrase
	unlocking
	showGuide
	askFields
	signingIn
	testing
	tested
	saving
)

// wizard connects one system.
type wizard struct {
	step     step
	form     *huh.Form
	guide    provisioning.Guide
	way      provisioning.Way
	draft    Draft
	rotate   string // the connection that gets new secrets
	typed    map[string]*string
	choice   string
	place    Place // that was chosen
	findings []provisioning.Finding
	events   chan tea.Msg
	stop     context.CancelFunc
	page     string
	code     string
	failed   error
	top      int
}

type (
	// each of them carries the wizard that asked: an answer to one that was left is nobody's.
	told struct {
		of *wizard
		f  provisioning.Finding
	}
	examined struct {
		of  *wizard
		err error
	}
	asked struct {
		of         *wizard
		page, code string
	}
	signedIn struct {
		of     *wizard
		secret provisioning.Secret
		err    error
	}
	unlocked struct {
		of  *wizard
		err error
	}
	saved struct {
		of  *wizard
		err error
	}
)

// begin opens the wizard: with a system it skips that question, with rotate it asks for a connection's secrets anew.
func (m *Model) begin(system, rotate string) tea.Cmd {
	w := &wizard{rotate: rotate, draft: Draft{Values: make(map[string]string), Secrets: make(map[string]provisioning.Secret), Files: make(map[string]string)}}
	m.wizard = w
	if system == "" {
		return m.enter(askSystem)
	}
	g, ok := m.guide(system)
	if !ok {
		m.wizard = nil
		return ui.Say(ui.Toast{Text: "there is no system called " + system})
	}
	w.guide = g
	return m.enter(askWay)
}

// enter begins a step. One with nothing to ask goes on by itself.
func (m *Model) enter(s step) tea.Cmd {
	w := m.wizard
	w.step, w.form = s, nil
	switch s {
	case askSystem:
		options := make([]huh.Option[string], 0, 8)
		for _, g := range m.setup.Guides() {
			options = append(options, huh.NewOption(g.Title, g.System))
		}
		w.form = m.form(huh.NewGroup(huh.NewSelect[string]().Title("Which system is to be connected?").Options(options...).Value(&w.choice)))
	case askWay:
		w.draft.System = w.guide.System
		if len(w.guide.Ways) == 1 {
			w.way = w.guide.Ways[0]
			return m.enter(askPlace)
		}
		options := make([]huh.Option[string], 0, len(w.guide.Ways))
		for _, way := range w.guide.Ways {
			options = append(options, huh.NewOption(way.Title, way.Name))
		}
		w.choice = w.guide.Ways[0].Name
		w.form = m.form(huh.NewGroup(huh.NewSelect[string]().Title("How does rollcall sign in to " + w.guide.Title + "?").Options(options...).Value(&w.choice)))
	case askPlace:
		w.draft.Way = w.way.Name
		return m.enterPlace()
	case askPassphrase:
		m.enterPassphrase()
	case unlocking:
		phrase := provisioning.NewSecret(*w.typed["passphrase"])
		w.typed = nil
		return func() tea.Msg { return unlocked{w, m.setup.Unlock(m.ctx, phrase)} }
	case showGuide:
		w.top = 0
		return nil
	case askFields:
		return m.enterFields()
	case signingIn:
		return m.signIn()
	case testing:
		return m.examine()
	case tested:
		return m.enterTested()
	case saving:
		d := w.draft
		return func() tea.Msg { return saved{w, m.setup.Save(m.ctx, d)} }
	}
	return w.form.Init()
}

// steer takes a message while the wizard has the word.
func (m *Model) steer(msg tea.Msg) tea.Cmd {
	w := m.wizard
	switch msg := msg.(type) {
	case told:
		if msg.of == w {
			w.findings = append(w.findings, msg.f)
			return w.listen()
		}
		return nil
	case examined:
		if msg.of != w {
			return nil
		}
		w.failed = msg.err
		return m.enter(tested)
	case asked:
		if msg.of == w {
			w.page, w.code = msg.page, msg.code
			return w.listen()
		}
		return nil
	case signedIn:
		if msg.of != w {
			return nil
		}
		if msg.err != nil {
			w.failed = msg.err
			return m.enter(tested)
		}
		w.draft.Secrets["refresh"] = msg.secret
		return m.enter(testing)
	case unlocked:
		if msg.of != w {
			return nil
		}
		if w.failed = msg.err; msg.err != nil {
			return m.enter(askPassphrase)
		}
		return m.enter(showGuide)
	case saved:
		if msg.of != w {
			return nil
		}
		if msg.err != nil {
			m.wizard = nil
			return tea.Batch(m.read(), ui.Say(ui.Failed{Err: msg.err}))
		}
		m.health[w.draft.Name] = w.findings
		m.wizard = nil
		text := w.draft.Name + " is connected"
		if m.desk != nil {
			return tea.Batch(m.read(), ui.Say(ui.Toast{Text: text, Good: true}), ui.Say(ui.Reopen{}))
		}
		return tea.Batch(m.read(), ui.Say(ui.Toast{Text: text, Good: true}))
	case tea.KeyPressMsg:
		if msg.String() == "esc" {
			return m.back()
		}
		switch msg.String() {
		case "pgdown":
			w.top += 5
		case "pgup":
			w.top = max(0, w.top-5)
		case "enter":
			if w.step == showGuide {
				return m.enter(askFields)
			}
		}
		if w.form == nil {
			return nil
		}
		cmd := w.key(msg)
		if w.form.State == huh.StateCompleted {
			return tea.Batch(cmd, m.next())
		}
		return cmd
	}
	if w.form == nil {
		return nil
	}
	_, cmd := w.form.Update(msg)
	return cmd
}

// next goes on from a form that was filled in.
func (m *Model) next() tea.Cmd {
	w := m.wizard
	switch w.step {
	case askSystem:
		w.guide, _ = m.guide(w.choice)
		return m.enter(askWay)
	case askWay:
		i := slices.IndexFunc(w.guide.Ways, func(way provisioning.Way) bool { return way.Name == w.choice })
		w.way = w.guide.Ways[max(i, 0)]
		return m.enter(askPlace)
	case askPlace:
		w.draft.Place = w.choice
		if w.failed = nil; w.place.Locked {
			return m.enter(askPassphrase)
		}
		return m.enter(showGuide)
	case askPassphrase:
		return m.enter(unlocking)
	case askFields:
		w.take()
		if w.way.Name == "device" {
			return m.enter(signingIn)
		}
		return m.enter(testing)
	case tested:
		switch w.choice {
		case "save":
			return m.enter(saving)
		case "again":
			return m.enter(askFields)
		default:
			m.wizard = nil
			return ui.Say(ui.Toast{Text: "nothing was kept"})
		}
	case unlocking, showGuide, signingIn, testing, saving:
	}
	return nil
}

// back goes one step back, and out of the wizard from its first.
func (m *Model) back() tea.Cmd {
	w := m.wizard
	if w.stop != nil {
		w.stop()
	}
	switch w.step {
	case signingIn, testing, tested:
		return m.enter(askFields)
	case askFields:
		return m.enter(showGuide)
	case showGuide, askPlace, askPassphrase:
		if w.rotate == "" && len(w.guide.Ways) > 1 {
			return m.enter(askWay)
		}
	case saving, unlocking:
		return nil // it is under way
	case askSystem, askWay:
	}
	m.wizard = nil
	return ui.Say(ui.Toast{Text: "nothing was kept"})
}

// examine tries the draft's rights; each is told as it is found.
func (m *Model) examine() tea.Cmd {
	w := m.wizard
	w.findings, w.failed, w.top = nil, nil, 0
	ctx, stop := context.WithCancel(m.ctx)
	w.stop = stop
	w.events = make(chan tea.Msg, 256)
	d := w.draft
	events := w.events
	work := func() tea.Msg {
		defer stop()
		err := m.setup.Examine(ctx, d, func(f provisioning.Finding) { send(ctx, events, told{w, f}) })
		send(ctx, events, examined{w, err})
		close(events)
		return nil
	}
	return tea.Batch(work, w.listen())
}

// send tells an event, unless the wizard was left.
func send(ctx context.Context, events chan<- tea.Msg, msg tea.Msg) {
	select {
	case events <- msg:
	case <-ctx.Done():
	}
}

// listen waits for the next event.
func (w *wizard) listen() tea.Cmd {
	events := w.events
	return func() tea.Msg { return <-events } // nil once it is closed
}

// signIn has the operator sign in on another page.
func (m *Model) signIn() tea.Cmd {
	w := m.wizard
	w.page, w.code, w.failed, w.findings = "", "", nil, nil
	ctx, stop := context.WithCancel(m.ctx)
	w.stop = stop
	w.events = make(chan tea.Msg, 8)
	d, events := w.draft, w.events
	work := func() tea.Msg {
		defer stop()
		secret, err := m.setup.SignIn(ctx, d, func(page, code string) { send(ctx, events, asked{w, page, code}) })
		send(ctx, events, signedIn{w, secret, err})
		close(events)
		return nil
	}
	return tea.Batch(work, w.listen())
}

// bad reports whether something that is needed is missing.
func (w *wizard) bad() bool {
	return w.failed != nil || slices.ContainsFunc(w.findings, func(f provisioning.Finding) bool { return f.State == provisioning.FindingBad })
}

func (m *Model) wizardKeys() []ui.Binding {
	nothing := func() tea.Cmd { return nil }
	return []ui.Binding{
		{Keys: []string{"enter"}, Show: "⏎", Help: "next", Footer: 1, Do: nothing},
		{Keys: []string{"shift+tab"}, Help: "field before", Footer: 2, Do: nothing},
		{Keys: []string{"esc"}, Help: "step back", Footer: 3, Do: nothing},
		{Keys: []string{"ctrl+c"}, Help: "quit", Footer: 4, Do: nothing},
	}
}
