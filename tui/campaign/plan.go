package campaign

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// plan is a new review, laid out: what it would be, before anything is opened.
type plan struct {
	p     *desk.CampaignPlan
	doc   ui.Doc
	width int // at which the doc was drawn; 0: not yet
}

func (m *List) didPlan(msg planned) tea.Cmd {
	if !m.busy || m.form == nil { // it was left meanwhile
		return nil
	}
	m.busy = false
	if msg.err != nil {
		m.form.wrong = provisioning.Reason(msg.err)
		return nil
	}
	m.plan = &plan{p: msg.plan}
	return nil
}

func (m *List) didOpen(msg opened) tea.Cmd {
	m.busy = false
	if msg.err != nil {
		m.plan = nil // the form stands: it is laid out again
		return ui.Say(ui.Failed{Err: msg.err})
	}
	m.form, m.plan, m.cursor = nil, nil, 0
	return tea.Batch(m.Init(), ui.Say(ui.OpenReview{ID: msg.id}))
}

// planKeys are the keys of a plan.
func (m *List) planKeys() []ui.Binding {
	refused := func() string {
		switch {
		case m.busy:
			return "it is being opened"
		case m.plan != nil && m.plan.p.Refused != "":
			return m.plan.p.Refused
		default:
			return m.desk.ReadOnly()
		}
	}
	move := func(by int) func() tea.Cmd { return do(func() { m.plan.doc.Move(by) }) }
	page := func(by int) func() tea.Cmd { return do(func() { m.plan.doc.Page(by) }) }
	return []ui.Binding{
		{Keys: []string{"enter"}, Show: "⏎", Help: "open it", Footer: 1, Disabled: refused, Long: "freeze the items in a signed snapshot, and hand them to their reviewers; the number of decisions is typed", Do: m.confirm},
		{Keys: []string{"esc", "e"}, Show: "esc", Help: "change it", Footer: 2, Long: "back to the form, as it was written", Do: do(func() { m.plan = nil })},
		{Keys: []string{"down", "j"}, Help: "down", Do: move(1)},
		{Keys: []string{"up", "k"}, Help: "up", Do: move(-1)},
		{Keys: []string{"pgdown"}, Help: "page down", Do: page(1)},
		{Keys: []string{"pgup"}, Help: "page up", Do: page(-1)},
	}
}

// confirm has the number of decisions typed, and opens the review.
func (m *List) confirm() tea.Cmd {
	p := m.plan.p
	return ui.Say(ui.Ask{Dialog: &ui.Confirm{
		Title: fmt.Sprintf("Open %s: %s on %s", p.Campaign.Name, plural(p.Campaign.Items, "decision", "decisions"), people(p.People)),
		Body:  []string{"Who has what is frozen and signed. No access changes by it."}, Want: strconv.Itoa(p.Campaign.Items),
		Yes: func(string) tea.Cmd {
			m.busy = true
			return func() tea.Msg {
				r, err := m.desk.StartCampaign(m.ctx, p)
				if err != nil {
					return opened{of: m, err: err}
				}
				return opened{of: m, id: r.Campaign().ID}
			}
		},
	}})
}

// lines draws the plan.
func (p *plan) lines(st *ui.Styles, now time.Time, width, height int, busy bool) []string {
	if p.width != width {
		p.width = width
		p.doc.Set([]ui.Block{{Lines: p.page(st, now, width)}})
	}
	right := "not opened yet"
	if busy {
		right = "being opened"
	}
	out := make([]string, 0, height)
	l := st.NewLine(width, false).Space(1)
	l.Text(ui.Header, names.Clean(p.p.Campaign.Name), width-len(right)-4).Right(len(right)+1).Word(ui.Muted, right)
	out = append(out, l.String(), st.Rule(width, ""))
	return p.doc.Draw(out, height-len(out), st.Blank(width))
}

// undecidedWords says what becomes of what nobody decides.
func undecidedWords(what string) string {
	switch what {
	case provisioning.UndecidedKeep:
		return "is kept, by the policy's word, and the report says so"
	case provisioning.UndecidedRevoke:
		return "is revoked, by the policy's word, and the report says so"
	default:
		return "holds the close, until somebody decides it"
	}
}

func (p *plan) page(st *ui.Styles, now time.Time, width int) []string {
	c, g := p.p.Campaign, &st.Glyphs
	var out []string
	say := func(style ui.Style, sign, text string) {
		for i, t := range ui.Paragraph(text, width-6, 4) {
			if i > 0 {
				sign = ""
			}
			out = append(out, st.NewLine(width, false).Space(1).Cell(style, sign, 3).Text(style, t, 0).String())
		}
	}
	fact := func(word, text string) {
		for i, t := range ui.Paragraph(text, width-18, 3) {
			if i > 0 {
				word = ""
			}
			out = append(out, st.NewLine(width, false).Space(1).Cell(ui.Muted, word, 15).Text(ui.Plain, t, 0).String())
		}
	}
	blank := func() { out = append(out, st.Blank(width)) }
	blank()
	if p.p.Refused != "" {
		say(ui.Danger, g.No, "It cannot be opened now: "+p.p.Refused+".")
		blank()
	}
	out = append(out, st.NewLine(width, false).Space(1).Word(ui.Strong, plural(c.Items, "decision", "decisions")).Word(ui.Plain, " on the access of ").Word(ui.Strong, people(p.p.People)).String())
	blank()
	fact("of what", desk.ScopeWords(c.Scope))
	fact("as read", ui.Moment(c.SnapshotAt, time.Local)+", "+ui.Until(c.SnapshotAt, now))
	fact("undecided", "what nobody decides "+undecidedWords(c.Undecided))
	own := "goes to another reviewer: nobody decides on their own"
	if c.SelfReview {
		own = "the policy lets reviewers decide on their own access"
	}
	fact("own access", own)
	if len(c.Warnings) > 0 {
		blank()
		for _, w := range c.Warnings {
			say(ui.Warning, g.Alert, w)
		}
	}
	for i := range c.Stages {
		blank()
		out = append(out, p.stage(st, now, width, i)...)
	}
	return out
}

// stage says who decides in a stage, and how much of it each has.
func (p *plan) stage(st *ui.Styles, now time.Time, width, at int) []string {
	c := p.p.Campaign
	s := &c.Stages[at]
	name := names.Clean(s.Name)
	l := st.NewLine(width, false).Space(1).Word(ui.Header, fmt.Sprintf("Stage %d of %d ", at+1, len(c.Stages))).Text(ui.Header, name, min(name.Width(), width/3))
	if !s.Due.IsZero() {
		l.Word(ui.Plain, "  until "+lastDay(s.Due)).Word(ui.Muted, ", "+ui.Until(s.Due, now))
	}
	out := []string{l.String()}
	line := func(text string) {
		for _, t := range ui.Paragraph(text, width-4, 3) {
			out = append(out, st.NewLine(width, false).Space(3).Text(ui.Plain, t, 0).String())
		}
	}
	who := make([]string, 0, len(s.Reviewers))
	for _, key := range s.Reviewers {
		who = append(who, cut(p.name(key)))
	}
	if at > 0 {
		text := "sees " + sees(s.Sees) + "; decided by "
		if s.Assign == "manager" {
			text += "each person's manager, and where nobody knows one by "
		}
		line(text + strings.Join(who, ", "))
		return out
	}
	if s.Assign == "manager" {
		line("each person's manager decides, and where nobody knows one " + strings.Join(who, ", "))
	}
	keys := slices.SortedFunc(maps.Keys(p.p.Shares), func(a, b string) int {
		return cmp.Or(p.p.Shares[b]-p.p.Shares[a], strings.Compare(a, b))
	})
	room := max(8, width-56)
	for _, key := range keys {
		n := p.p.Shares[key]
		name, style := names.Clean(p.name(key)), ui.Plain
		if key == "" {
			name, style = names.Clean("nobody: d in the review hands them out"), ui.Warning
		}
		bar := 0
		if c.Items > 0 {
			bar = (n*room + c.Items - 1) / c.Items
		}
		out = append(out, st.NewLine(width, false).Space(3).Text(style, name, 40).Word(ui.Strong, fmt.Sprintf(" %8s  ", ui.Count(n))).Word(ui.Accent, strings.Repeat(st.Glyphs.Full, bar)).String())
	}
	return out
}

// name is how a reviewer is called, and how they answer. Raw.
func (p *plan) name(key string) string {
	for _, r := range p.p.Campaign.Reviewers {
		switch {
		case r.Key != key:
		case r.Name == "" || r.Name == key:
			return key
		default:
			return fmt.Sprintf("%s (%s)", r.Name, key)
		}
	}
	return key
}
