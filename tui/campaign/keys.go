package campaign

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// Bindings are the screen's keys. They are made once: what they do and why they cannot is asked when it matters.
func (m *Review) Bindings() []ui.Binding {
	if m.keys == nil {
		m.keys = append(m.deciding(), append(m.managing(), m.moving()...)...)
		if m.shut {
			afterwards(m.keys)
		}
	}
	return m.keys
}

// afterwards puts the keys into the footer that a review has after its close.
func afterwards(keys []ui.Binding) {
	first := []string{"F", "b", "C", "[", "]", "esc"}
	for i := range keys {
		keys[i].Narrow, keys[i].Footer = 0, slices.Index(first, keys[i].Keys[0])+1
	}
}

// mine keeps why the line under the cursor may not be decided: the footer asks for it with every frame.
type mine struct {
	gen, at int
	known   bool
	why     string
}

// none says why there is no line.
func (m *Review) none() string {
	switch {
	case m.r == nil:
		return "the review is being opened"
	case m.at() < 0:
		return "no line is under the cursor"
	default:
		return ""
	}
}

// state says why a key of a state cannot act.
func (m *Review) state(want provisioning.CampaignState) string {
	if m.r == nil {
		return "the review is being opened"
	}
	if c := m.r.Campaign(); c.State != want {
		return "the review is " + string(c.State)
	}
	return m.desk.ReadOnly()
}

func (m *Review) open() string     { return m.state(provisioning.CampaignOpen) }
func (m *Review) closedUp() string { return m.state(provisioning.CampaignClosed) }

// line says why nothing may be decided on the line under the cursor.
func (m *Review) line() string {
	if why := m.open(); why != "" {
		return why
	}
	if why := m.none(); why != "" || m.marks.n > 0 {
		return why
	}
	if i := m.at(); !m.mine.known || m.mine.gen != m.gen || m.mine.at != i {
		m.mine = mine{gen: m.gen, at: i, known: true}
		if err := m.may(i, provisioning.ReviewKeep); err != nil {
			m.mine.why = provisioning.Reason(err)
		}
	}
	return m.mine.why
}

// handing says why the line under the cursor cannot be handed over; whose it is, the desk judges.
func (m *Review) handing() string {
	if why := m.open(); why != "" {
		return why
	}
	return m.none()
}

// deciding are the keys of verdicts.
func (m *Review) deciding() []ui.Binding {
	give := func(v provisioning.ReviewVerdict) func() tea.Cmd {
		return func() tea.Cmd { return m.give(m.chosen(), desk.Verdict{Verdict: v}) }
	}
	return []ui.Binding{
		{Keys: []string{"k"}, Help: "keep", Footer: 1, Disabled: m.line, Long: "keep the access of what is marked, or of the line under the cursor, and go to the next that waits", Do: give(provisioning.ReviewKeep)},
		{Keys: []string{"r"}, Help: "revoke", Footer: 2, Danger: true, Disabled: m.line, Long: "revoke it, and go to the next that waits; nothing is sent before the review is closed and its batch committed", Do: give(provisioning.ReviewRevoke)},
		{Keys: []string{"R"}, Help: "revoke, why", Danger: true, Disabled: m.line, Long: "revoke it with a reason, for the record", Do: m.reasoned(provisioning.ReviewRevoke, "Why is it revoked?", "type the reason; r revokes without one")},
		{Keys: []string{"a"}, Help: "ask", Footer: 3, Disabled: m.line, Long: "ask: it stays open, with your question in the record", Do: m.reasoned(provisioning.ReviewAsk, "What do you need to know?", "type the question")},
		{Keys: []string{"d"}, Help: "delegate", Footer: 4, Narrow: -1, Disabled: m.handing, Long: "hand it to another reviewer of this campaign; whoever approves hands over what is nobody's", Do: m.delegate},
		{Keys: []string{"s"}, Help: "all like it", Footer: 5, Narrow: 4, Disabled: m.line, Long: "one verdict for all with the same access and the same standing to the policy that are open and yours, with their number typed", Do: m.same},
		{Keys: []string{"u"}, Help: "take back", Footer: 6, Narrow: -1, Disabled: m.open, Long: "open again what is marked or under the cursor; where that has no verdict, the last one that was given", Do: m.takeBack},
		{Keys: []string{"tab"}, Help: "next", Footer: 7, Narrow: 5, Disabled: m.none, Long: "go to the next line that is open and yours; from the last one to the first", Do: m.skip},
		{Keys: []string{"space"}, Help: "mark", Footer: 8, Narrow: -1, Disabled: m.none, Long: "mark the line, and go to the next", Do: m.toggle},
		{Keys: []string{"shift+down"}, Help: "mark down", Disabled: m.none, Long: "mark a range, downwards", Do: do(func() { m.drag(1) })},
		{Keys: []string{"shift+up"}, Help: "mark up", Disabled: m.none, Long: "mark a range, upwards", Do: do(func() { m.drag(-1) })},
		{Keys: []string{"V"}, Help: "range", Disabled: m.none, Long: "begin a range: every move of the cursor extends it, until V again", Do: m.rangeFrom},
		{Keys: []string{"*"}, Help: "mark all", Disabled: m.none, Long: "mark every line that is shown, or none", Do: m.markAll},
	}
}

// managing are the keys of the review as a whole.
func (m *Review) managing() []ui.Binding {
	stage := func() string {
		if why := m.open(); why != "" {
			return why
		}
		if c := m.r.Campaign(); c.Stage+1 >= len(c.Stages) {
			return "this is the last stage: C closes the review"
		}
		return ""
	}
	shut := func() string {
		if m.r != nil && m.r.Campaign().State == provisioning.CampaignClosed { // a batch that was cancelled is staged anew
			return m.desk.ReadOnly()
		}
		return m.open()
	}
	batch := func() string {
		if m.r == nil || m.r.Campaign().Batch == 0 {
			return "it has no batch: C closes the review, and stages what is revoked"
		}
		return ""
	}
	return []ui.Binding{
		{Keys: []string{"p"}, Help: "file", Disabled: m.open, Long: "make the file for a reviewer without a console: a page that signs, or a workbook", Do: m.packet},
		{Keys: []string{"i"}, Help: "import", Disabled: m.open, Long: "take in the file that a reviewer sent back", Do: m.answer},
		{Keys: []string{"n"}, Help: "next stage", Disabled: stage, Long: "end the stage under way, and hand what the next one sees to its reviewers", Do: m.nextStage},
		{Keys: []string{"C", "c"}, Show: "C", Help: "close", Footer: 9, Narrow: 6, Danger: true, Disabled: shut, Long: "end the decisions, and stage what is revoked as a batch", Do: m.close},
		{Keys: []string{"b"}, Help: "batch", Disabled: batch, Long: "open the batch of the revokes", Do: m.openBatch},
		{Keys: []string{"F"}, Help: "finish", Disabled: m.closedUp, Long: "make the closing snapshot, once the revokes were done, seen off, and the roll was read again", Do: m.finishIt},
		{Keys: []string{"X"}, Help: "cancel", Danger: true, Disabled: m.open, Long: "cancel the review: nothing of it is done", Do: m.cancel},
	}
}

func do(f func()) func() tea.Cmd { return func() tea.Cmd { f(); return nil } }

// moving are the keys of the list.
func (m *Review) moving() []ui.Binding {
	page := func(by int) func() tea.Cmd { return do(func() { m.step(by * max(m.height-1, 1)) }) }
	person := func() string {
		if why := m.none(); why != "" {
			return why
		}
		if m.r.Item(m.at()).Person.IsZero() {
			return "nobody is linked to the account"
		}
		return ""
	}
	return []ui.Binding{
		{Keys: []string{"/"}, Help: "find", Long: "find by name, account, library, group, role, office or practice", Do: do(func() { m.finding = true })},
		{Keys: []string{"]"}, Help: "next filter", Do: func() tea.Cmd { return m.turn(1) }},
		{Keys: []string{"["}, Help: "filter before", Do: func() tea.Cmd { return m.turn(-1) }},
		{Keys: []string{"enter"}, Show: "⏎", Help: "person", Disabled: person, Long: "open the person: both sides, rights, history", Do: func() tea.Cmd {
			return ui.Say(ui.OpenPerson{Key: "p/" + m.r.Item(m.at()).Person.String()})
		}},
		{Keys: []string{"y"}, Help: "copy", Disabled: m.none, Long: "copy what is said about the line", Do: func() tea.Cmd {
			text := ""
			for _, p := range m.sentence(m.at()) {
				text += names.Clean(p).Bare() + " "
			}
			return tea.Batch(tea.SetClipboard(text), ui.Say(ui.Toast{Text: "copied", Good: true}))
		}},
		{Keys: []string{"esc"}, Help: "back", Long: "end the search, then the marks, then back; every verdict is kept already", Do: func() tea.Cmd {
			switch {
			case m.find != "":
				m.find = ""
				return m.list()
			case m.marks.n > 0 || m.ranging:
				m.unmark()
				return nil
			default:
				return ui.Say(ui.Back{})
			}
		}},
		{Keys: []string{"down"}, Help: "down", Do: do(func() { m.step(1) })},
		{Keys: []string{"up"}, Help: "up", Do: do(func() { m.step(-1) })},
		{Keys: []string{"pgdown", "ctrl+f"}, Help: "page down", Do: page(1)},
		{Keys: []string{"pgup", "ctrl+b"}, Help: "page up", Do: page(-1)},
		{Keys: []string{"home", "g"}, Help: "first", Do: do(func() { m.step(-1 << 30) })},
		{Keys: []string{"end", "G"}, Help: "last", Do: do(func() { m.step(1 << 30) })},
	}
}
