// Package person is the page of one row: the two sides beside each other, one line a fact, what the account holds, what it all rests
// on, and the history. It knows no rule: the desk says what differs and what would mend it.
package person

import (
	"context"
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// Desk is what the page needs of the desk.
type Desk interface {
	Person(ctx context.Context, key string) (*desk.PersonPage, error)
	Stage(ctx context.Context, keys []string) (desk.Staged, error)
	Unstage(ctx context.Context, keys []string) error
	StageExcess(ctx context.Context, key string) (desk.Staged, error)
	Explained(key string) (*desk.Explained, error)
	StagedKeys() map[string]bool
	Decide(ctx context.Context, person provisioning.PersonKey, account string, theirs bool, reason string) (*desk.Roll, error)
	ReadOnly() string
}

// Model is the page.
type Model struct {
	ctx  context.Context //nolint:containedctx // the console's life
	desk Desk
	st   *ui.Styles
	key  string
	page *desk.PersonPage
	gets *desk.Explained // what the policy gives; nil where it cannot be told
	why  string          // why it cannot be told
	top  int
	long int // lines of the whole page

	drawn   []string
	drawnOf bodyKey
}

// New makes the page of a row.
func New(ctx context.Context, d Desk, st *ui.Styles, key string) *Model {
	return &Model{ctx: ctx, desk: d, st: st, key: key}
}

type (
	loaded struct {
		key  string
		page *desk.PersonPage
		err  error
		gets *desk.Explained
		why  error // why it is not told what the policy gives
	}
	staged struct {
		result desk.Staged
		err    error
		undone bool
	}
	decided struct{ err error }
)

// Init loads the page.
func (m *Model) Init() tea.Cmd {
	key := m.key
	return func() tea.Msg {
		page, err := m.desk.Person(m.ctx, key)
		if err != nil {
			return loaded{key: key, err: err}
		}
		gets, why := m.desk.Explained(key)
		return loaded{key: key, page: page, gets: gets, why: why}
	}
}

// Typing reports that keys are commands here.
func (m *Model) Typing() bool { return false }

// Update takes a message.
func (m *Model) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		cmd, _ := ui.Dispatch(m.Bindings(), msg.String())
		return cmd
	case loaded:
		if msg.err != nil {
			return tea.Batch(ui.Say(ui.Failed{Err: msg.err}), ui.Say(ui.Back{}))
		}
		if msg.key == m.key {
			m.page, m.gets, m.why = msg.page, msg.gets, ""
			if msg.why != nil {
				m.gets, m.why = nil, provisioning.Reason(msg.why)
			}
		}
	case staged:
		return m.didStage(msg)
	case decided:
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		return tea.Batch(m.Init(), ui.Say(ui.Refresh{}), ui.Say(ui.Toast{Text: "decided, and in the record", Good: true}))
	case ui.Refresh, ui.Draft:
		return m.Init()
	}
	return nil
}

func (m *Model) didStage(msg staged) tea.Cmd {
	switch {
	case msg.err != nil:
		return ui.Say(ui.Failed{Err: msg.err})
	case msg.undone:
		return tea.Batch(ui.Say(ui.Toast{Text: "taken out of the batch", Good: true}), ui.Say(ui.Draft{}))
	case len(msg.result.Left) > 0:
		return ui.Say(ui.Toast{Text: "not staged: " + msg.result.Left[0].Why})
	default:
		text := fmt.Sprintf("staged: %d changes. b opens the batch", msg.result.Changes)
		if len(msg.result.Kept) > 0 {
			text += ". Kept back: " + msg.result.Kept[0].Why
		}
		return tea.Batch(ui.Say(ui.Toast{Text: text, Good: true}), ui.Say(ui.Draft{}))
	}
}

// Bindings are the page's keys.
func (m *Model) Bindings() []ui.Binding {
	change := func() string {
		if m.page == nil {
			return "still loading"
		}
		return m.desk.ReadOnly()
	}
	mend := func() string {
		if why := change(); why != "" {
			return why
		}
		if len(m.page.Row.Mismatches) == 0 {
			return "nothing to mend"
		}
		return ""
	}
	row := func() string {
		if m.page == nil {
			return "still loading"
		}
		return ""
	}
	excess := func() string {
		if why := change(); why != "" {
			return why
		}
		if m.gets == nil || !slices.ContainsFunc(m.gets.Lines, func(r desk.ExplainedRight) bool { return r.State == desk.RightGoes }) {
			return "nothing is in excess"
		}
		return ""
	}
	open := func(kind desk.CaseKind) func() tea.Cmd {
		return func() tea.Cmd { return ui.Say(ui.OpenCase{Kind: string(kind), Key: m.key, Name: m.page.Title}) }
	}
	candidates := func() string {
		if why := change(); why != "" {
			return why
		}
		if len(m.candidates()) == 0 {
			return "there is no account to decide about"
		}
		return ""
	}
	move := func(by int) func() tea.Cmd {
		return func() tea.Cmd { m.top = max(0, m.top+by); return nil }
	}
	return []ui.Binding{
		{Keys: []string{"s"}, Help: "stage the mend", Footer: 1, Danger: true, Disabled: mend, Do: func() tea.Cmd {
			key := m.key
			return func() tea.Msg {
				result, err := m.desk.Stage(m.ctx, []string{key})
				return staged{result: result, err: err}
			}
		}},
		{Keys: []string{"x"}, Help: "leaver", Footer: 2, Disabled: row, Long: "prepare the end of their access, now or at its minute, with everything they would leave behind", Do: open(desk.CaseLeaver)},
		{Keys: []string{"m"}, Help: "mover", Footer: 3, Disabled: row, Long: "prepare a move: the old seat beside the new one, what goes, stays and comes", Do: open(desk.CaseMover)},
		{Keys: []string{"e"}, Help: "stage excess", Footer: 4, Narrow: -1, Danger: true, Disabled: excess, Long: "stage the removal of what the account holds and the policy does not give", Do: func() tea.Cmd {
			key := m.key
			return func() tea.Msg {
				result, err := m.desk.StageExcess(m.ctx, key)
				return staged{result: result, err: err}
			}
		}},
		{Keys: []string{"b"}, Help: "batch", Footer: 5, Narrow: 4, Do: func() tea.Cmd { return ui.Say(ui.OpenBatch{}) }},
		{Keys: []string{"l"}, Help: "whose account", Footer: 7, Narrow: 6, Danger: true, Disabled: candidates, Long: "say which account is theirs, or is not: remembered, recorded, reversible", Do: m.decide},
		{Keys: []string{"u"}, Help: "unstage", Footer: 8, Narrow: -1, Disabled: change, Do: func() tea.Cmd {
			key := m.key
			return func() tea.Msg { return staged{err: m.desk.Unstage(m.ctx, []string{key}), undone: true} }
		}},
		{Keys: []string{"y"}, Help: "copy", Footer: 9, Narrow: -1, Disabled: change, Long: "copy the name, the login and the account", Do: func() tea.Cmd {
			return tea.Batch(tea.SetClipboard(m.clip()), ui.Say(ui.Toast{Text: "copied", Good: true}))
		}},
		{Keys: []string{"esc", "backspace"}, Help: "back", Footer: 6, Narrow: 5, Do: func() tea.Cmd { return ui.Say(ui.Back{}) }},
		{Keys: []string{"down", "j"}, Help: "down", Do: move(1)},
		{Keys: []string{"up", "k"}, Help: "up", Do: move(-1)},
		{Keys: []string{"pgdown"}, Help: "page down", Do: move(10)},
		{Keys: []string{"pgup"}, Help: "page up", Do: move(-10)},
	}
}

func (m *Model) clip() string {
	s := m.page.Title
	if p := m.page.Row.Person; p != nil {
		s += "  " + p.Login
	}
	for _, a := range m.page.Row.Accounts {
		s += "  " + a.ID
	}
	return names.Clean(s).Bare()
}

// candidates are the accounts about which an operator may decide.
func (m *Model) candidates() []string {
	if m.page == nil || m.page.Row.Person == nil {
		return nil
	}
	var ids []string
	for _, s := range m.page.Row.Suggestions {
		ids = append(ids, s.Account)
	}
	if len(ids) == 0 {
		for _, a := range m.page.Row.Accounts {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

// decide asks which account, and wants its id typed: a link opens whatever the account may open.
func (m *Model) decide() tea.Cmd {
	person := m.page.Row.Person.Key
	var options []ui.Option
	for _, id := range m.candidates() {
		if !m.page.Row.Linked {
			options = append(options, ui.Option{Label: id + " is theirs", Do: func() tea.Cmd { return m.confirm(person, id, true) }})
		}
		options = append(options, ui.Option{Label: id + " is not theirs", Do: func() tea.Cmd { return m.confirm(person, id, false) }})
	}
	return ui.Say(ui.Ask{Dialog: &ui.Choose{
		Title: "Whose account is it?", Body: []string{"A link opens to " + m.page.Title + " whatever the account may open. Ask them, or look at the matters."}, Options: options,
	}})
}

func (m *Model) confirm(person provisioning.PersonKey, id string, theirs bool) tea.Cmd {
	word := "is not theirs"
	if theirs {
		word = "is theirs"
	}
	return ui.Say(ui.Ask{Dialog: &ui.Confirm{
		Title: id + " " + word, Body: []string{"The decision is remembered and can be taken back."}, Want: id, Reason: true,
		Yes: func(reason string) tea.Cmd {
			return func() tea.Msg {
				_, err := m.desk.Decide(m.ctx, person, id, theirs, reason)
				return decided{err}
			}
		},
	}})
}
