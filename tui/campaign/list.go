// Package campaign is the screens of access reviews: the list of them, how a new one is opened, and the review itself, decided at keyboard
// speed. It asks the desk for everything and knows no rule: who may decide what, what a close would do and what it did are the desk's words.
package campaign

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// Lister is what the list needs of the desk.
type Lister interface {
	Campaigns(ctx context.Context) ([]*provisioning.Campaign, error)
	PlanCampaign(ctx context.Context, n desk.NewCampaign) (*desk.CampaignPlan, error)
	StartCampaign(ctx context.Context, p *desk.CampaignPlan) (*desk.Review, error)
	ReadOnly() string
}

// List is the access reviews, the newest first.
type List struct {
	ctx    context.Context //nolint:containedctx // the console's life
	desk   Lister
	st     *ui.Styles
	now    func() time.Time
	list   []*provisioning.Campaign
	known  bool
	asked  int
	cursor int
	top    int
	keys   []ui.Binding
}

// NewList makes the list.
func NewList(ctx context.Context, d Lister, st *ui.Styles, now func() time.Time) *List {
	return &List{ctx: ctx, desk: d, st: st, now: now}
}

type (
	listed struct {
		asked int
		list  []*provisioning.Campaign
		err   error
	}
	planned struct {
		plan *desk.CampaignPlan
		err  error
	}
	opened struct {
		id  int64
		err error
	}
)

// Init lists the reviews.
func (m *List) Init() tea.Cmd {
	m.asked++
	asked := m.asked
	return func() tea.Msg {
		list, err := m.desk.Campaigns(m.ctx)
		return listed{asked, list, err}
	}
}

// SetStyles changes the theme.
func (m *List) SetStyles(st *ui.Styles) { m.st = st }

// Typing reports that keys are commands here.
func (m *List) Typing() bool { return false }

// Update takes a message.
func (m *List) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		cmd, _ := ui.Dispatch(m.Bindings(), msg.String())
		return cmd
	case ui.Refresh:
		return m.Init()
	case listed:
		if msg.asked != m.asked {
			return nil
		}
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		m.list, m.known = msg.list, true
		m.cursor = min(m.cursor, max(0, len(m.list)-1))
	case planned:
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		return m.confirm(msg.plan)
	case opened:
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		return tea.Batch(m.Init(), ui.Say(ui.OpenReview{ID: msg.id}))
	}
	return nil
}

// Bindings are the screen's keys.
func (m *List) Bindings() []ui.Binding {
	if m.keys == nil {
		m.keys = m.bind()
	}
	return m.keys
}

func (m *List) bind() []ui.Binding {
	move := func(by int) func() tea.Cmd {
		return func() tea.Cmd {
			m.cursor = min(max(m.cursor+by, 0), max(0, len(m.list)-1))
			return nil
		}
	}
	none := func() string {
		if len(m.list) == 0 {
			return "there is no access review yet"
		}
		return ""
	}
	return []ui.Binding{
		{Keys: []string{"enter"}, Show: "⏎", Help: "open", Footer: 1, Disabled: none, Long: "open the review under the cursor", Do: func() tea.Cmd {
			return ui.Say(ui.OpenReview{ID: m.list[m.cursor].ID})
		}},
		{Keys: []string{"n"}, Help: "new review", Footer: 2, Danger: true, Disabled: m.desk.ReadOnly, Long: "open a new access review: its scope, its reviewers, its last day", Do: m.ask},
		{Keys: []string{"esc"}, Help: "back", Footer: 3, Do: func() tea.Cmd { return ui.Say(ui.Back{}) }},
		{Keys: []string{"r"}, Help: "list again", Do: m.Init},
		{Keys: []string{"down", "j"}, Help: "down", Do: move(1)},
		{Keys: []string{"up", "k"}, Help: "up", Do: move(-1)},
		{Keys: []string{"pgdown"}, Help: "page down", Do: move(20)},
		{Keys: []string{"pgup"}, Help: "page up", Do: move(-20)},
		{Keys: []string{"home", "g"}, Help: "newest", Do: move(-1 << 30)},
		{Keys: []string{"end", "G"}, Help: "oldest", Do: move(1 << 30)},
	}
}

// Lines draws the list.
func (m *List) Lines(width, height int) []string {
	out := make([]string, 0, height)
	out = append(out, m.st.NewLine(width, false).Word(ui.Header, " Access reviews").Space(3).Word(ui.Muted, ui.Count(len(m.list))+", the newest first").String(), m.st.Rule(width, ""))
	if m.known && len(m.list) == 0 {
		for _, t := range ui.Paragraph("No access review was opened yet. A review freezes who has what in a signed snapshot, has people decide on each access, takes away what they revoke, and proves what changed. Press n to open one.", width-2, 6) {
			out = append(out, m.st.NewLine(width, false).Space(1).Text(ui.Plain, t, 0).String())
		}
	}
	rows := max(1, height-len(out))
	m.top = max(min(m.top, m.cursor), m.cursor-rows+1)
	for at := m.top; at < len(m.list) && len(out) < height; at++ {
		out = append(out, m.row(width, at))
	}
	for len(out) < height {
		out = append(out, m.st.Blank(width))
	}
	return out
}

func (m *List) row(width, at int) string {
	c := m.list[at]
	l := m.st.NewLine(width, at == m.cursor)
	sign := " "
	if at == m.cursor {
		sign = m.st.Glyphs.Cursor
	}
	due, style := "due "+c.Stages[c.Stage].Due.Local().Format("2 Jan 2006"), ui.Muted
	switch {
	case c.State == provisioning.CampaignDone:
		due = "done " + c.DoneAt.Local().Format("2 Jan 2006")
	case c.State == provisioning.CampaignClosed:
		due, style = "closed, revokes not seen yet", ui.Warning
	case c.State == provisioning.CampaignCancelled:
		due = "cancelled"
	case m.now().After(c.Stages[c.Stage].Due):
		due, style = "OVERDUE since "+c.Stages[c.Stage].Due.Local().Format("2 Jan"), ui.Danger
	}
	l.Cell(ui.Accent, sign, 1).Cell(ui.Muted, fmt.Sprintf("%4d", c.ID), 6).Text(ui.Strong, names.Clean(c.Name), min(34, width/3)).Space(1)
	l.Cell(ui.Plain, string(c.State), 10).Cell(ui.Plain, ui.Count(c.Items)+" items", 14).Cell(style, due, 28)
	return l.Text(ui.Muted, names.Clean(desk.ScopeWords(c.Scope)), l.Left()).String()
}
