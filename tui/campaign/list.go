package campaign

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

// Lister is what the list needs of the desk.
type Lister interface {
	Campaigns(ctx context.Context) ([]*provisioning.Campaign, error)
	OpenReview(ctx context.Context, id int64) (*desk.Review, error)
	PlanCampaign(ctx context.Context, n desk.NewCampaign) (*desk.CampaignPlan, error)
	StartCampaign(ctx context.Context, p *desk.CampaignPlan) (*desk.Review, error)
	ReadOnly() string
}

// List is the access reviews, the newest first; a new one is laid out and opened here.
type List struct {
	ctx    context.Context //nolint:containedctx // the console's life
	desk   Lister
	st     *ui.Styles
	now    func() time.Time
	list   []*provisioning.Campaign
	counts map[int64]desk.ReviewCounts // of those that are under way
	known  bool
	asked  int
	cursor int
	top    int
	height int
	form   *form // a new one, while it is written
	plan   *plan // a new one, laid out
	busy   bool  // the desk lays it out, or opens it
	keys   []ui.Binding
	laid   []ui.Binding // the keys of a plan
}

// NewList makes the list.
func NewList(ctx context.Context, d Lister, st *ui.Styles, now func() time.Time) *List {
	return &List{ctx: ctx, desk: d, st: st, now: now, counts: make(map[int64]desk.ReviewCounts)}
}

type (
	listed struct {
		of    *List
		asked int
		list  []*provisioning.Campaign
		err   error
	}
	counted struct {
		of     *List
		asked  int
		left   []int64
		id     int64
		counts desk.ReviewCounts
		err    error
	}
	planned struct {
		of   *List
		plan *desk.CampaignPlan
		err  error
	}
	opened struct {
		of  *List
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
		return listed{m, asked, list, err}
	}
}

// SetStyles changes the theme.
func (m *List) SetStyles(st *ui.Styles) {
	m.st = st
	if m.plan != nil {
		m.plan.width = 0
	}
}

// Typing reports whether a new review is being written.
func (m *List) Typing() bool { return m.form != nil && m.plan == nil }

// Update takes a message.
func (m *List) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		if m.Typing() {
			return m.typed(msg)
		}
		cmd, _ := ui.Dispatch(m.Bindings(), msg.String())
		return cmd
	case tea.PasteMsg:
		if m.Typing() {
			m.form.paste(msg.Content)
		}
	case tea.MouseWheelMsg:
		by := 3
		if msg.Button == tea.MouseWheelUp {
			by = -by
		}
		m.move(by)
	case ui.Refresh, ui.Draft, ui.OpenReviews:
		return m.Init()
	case listed:
		if msg.of == m && msg.asked == m.asked {
			return m.didList(msg)
		}
	case counted:
		if msg.of == m && msg.asked == m.asked {
			if msg.err == nil { // what cannot be counted is opened to see why
				m.counts[msg.id] = msg.counts
			}
			return m.count(msg.left)
		}
	case planned:
		if msg.of == m {
			return m.didPlan(msg)
		}
	case opened:
		if msg.of == m {
			return m.didOpen(msg)
		}
	}
	return nil
}

func (m *List) didList(msg listed) tea.Cmd {
	if msg.err != nil {
		return ui.Say(ui.Failed{Err: msg.err})
	}
	m.list, m.known = msg.list, true
	m.move(0)
	var live []int64
	for _, c := range m.list {
		if c.State == provisioning.CampaignOpen || c.State == provisioning.CampaignClosed {
			live = append(live, c.ID)
		}
	}
	return m.count(live)
}

// count counts the reviews that are under way, one after the other.
func (m *List) count(ids []int64) tea.Cmd {
	if len(ids) == 0 {
		return nil
	}
	asked := m.asked
	return func() tea.Msg {
		r, err := m.desk.OpenReview(m.ctx, ids[0])
		k := counted{of: m, asked: asked, left: ids[1:], id: ids[0], err: err}
		if err == nil {
			k.counts = r.Counts()
		}
		return k
	}
}

func (m *List) move(by int) {
	if m.plan != nil {
		m.plan.doc.Move(by)
		return
	}
	m.cursor = min(max(m.cursor+by, 0), max(0, len(m.list)-1))
}

// current is the review under the cursor; nil where there is none.
func (m *List) current() *provisioning.Campaign {
	if m.cursor >= len(m.list) {
		return nil
	}
	return m.list[m.cursor]
}

// Bindings are the screen's keys.
func (m *List) Bindings() []ui.Binding {
	if m.plan != nil {
		if m.laid == nil {
			m.laid = m.planKeys()
		}
		return m.laid
	}
	if m.form != nil {
		return formKeys()
	}
	if m.keys == nil {
		m.keys = m.bind()
	}
	return m.keys
}

func (m *List) bind() []ui.Binding {
	move := func(by int) func() tea.Cmd { return do(func() { m.move(by) }) }
	none := func() string {
		if m.current() == nil {
			return "there is no access review yet"
		}
		return ""
	}
	return []ui.Binding{
		{Keys: []string{"enter"}, Show: "⏎", Help: "open", Footer: 1, Disabled: none, Long: "open the review under the cursor, and decide", Do: func() tea.Cmd {
			return ui.Say(ui.OpenReview{ID: m.current().ID})
		}},
		{Keys: []string{"n"}, Help: "new review", Footer: 2, Disabled: m.desk.ReadOnly, Long: "lay out a new access review: whose access, who decides, until when", Do: func() tea.Cmd {
			m.form = newForm(m.now)
			return nil
		}},
		{Keys: []string{"esc"}, Help: "back", Footer: 3, Do: func() tea.Cmd { return ui.Say(ui.Back{}) }},
		{Keys: []string{"r"}, Help: "list again", Do: m.Init},
		{Keys: []string{"down", "j"}, Help: "down", Do: move(1)},
		{Keys: []string{"up", "k"}, Help: "up", Do: move(-1)},
		{Keys: []string{"pgdown"}, Help: "page down", Do: func() tea.Cmd { m.move(max(1, m.height-1)); return nil }},
		{Keys: []string{"pgup"}, Help: "page up", Do: func() tea.Cmd { m.move(-max(1, m.height-1)); return nil }},
		{Keys: []string{"home", "g"}, Help: "newest", Do: move(-1 << 30)},
		{Keys: []string{"end", "G"}, Help: "oldest", Do: move(1 << 30)},
	}
}

// Lines draws the list, or the new review that is being laid out.
func (m *List) Lines(width, height int) []string {
	switch {
	case m.plan != nil:
		return m.plan.lines(m.st, m.now(), width, height, m.busy)
	case m.form != nil:
		return m.form.lines(m.st, m.now(), width, height, m.busy)
	}
	const about = 3
	c := listColumns(width)
	out := make([]string, 0, height)
	out = append(out, m.title(width), m.st.Rule(width, ""))
	if len(m.list) == 0 {
		return m.empty(out, width, height)
	}
	out = append(out, m.head(width, &c))
	m.height = max(1, height-len(out)-about-1)
	m.top = min(m.top, m.cursor)
	m.top = max(m.top, m.cursor-m.height+1)
	for at := m.top; at < m.top+m.height; at++ {
		if at < len(m.list) {
			out = append(out, m.row(width, &c, at))
		} else {
			out = append(out, m.st.Blank(width))
		}
	}
	out = append(out, m.st.PlaceRule(width, m.top+1, min(m.top+m.height, len(m.list)), len(m.list)))
	for _, t := range ui.Paragraph(m.about(m.current()), width-2, about) {
		out = append(out, m.st.NewLine(width, false).Space(1).Text(ui.Plain, t, 0).String())
	}
	for len(out) < height {
		out = append(out, m.st.Blank(width))
	}
	return out[:height]
}

func (m *List) title(width int) string {
	open, late, shut := 0, 0, 0
	for _, c := range m.list {
		switch {
		case c.State == provisioning.CampaignClosed:
			shut++
		case c.State != provisioning.CampaignOpen:
		case overdue(c, m.now()):
			open, late = open+1, late+1
		default:
			open++
		}
	}
	l := m.st.NewLine(width, false).Word(ui.Header, " Access reviews").Space(3).Word(ui.Plain, fmt.Sprintf("%d open", open))
	if late > 0 {
		l.Space(2).Word(ui.Danger, fmt.Sprintf("%d OVERDUE", late))
	}
	if shut > 0 {
		l.Space(2).Word(ui.Warning, fmt.Sprintf("%d closed, to be finished", shut))
	}
	return l.String()
}

// empty says what an access review is.
func (m *List) empty(out []string, width, height int) []string {
	text := "No access review was opened yet. A review freezes who has what in a signed snapshot, asks people to keep or to revoke each access, takes away what they " +
		"revoke as a batch like any other, and proves what changed by a second snapshot. n begins one."
	if !m.known {
		text = "The access reviews are being listed."
	}
	out = append(out, m.st.Blank(width))
	for _, t := range ui.Paragraph(text, width-6, 6) {
		out = append(out, m.st.NewLine(width, false).Space(3).Text(ui.Plain, t, 0).String())
	}
	for len(out) < height {
		out = append(out, m.st.Blank(width))
	}
	return out[:height]
}
