package campaign

import (
	"fmt"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

// Bindings are the screen's keys.
func (m *Review) Bindings() []ui.Binding {
	if m.keys == nil {
		m.keys = m.bind()
	}
	return m.keys
}

func (m *Review) bind() []ui.Binding {
	none := func() string {
		switch {
		case m.r == nil:
			return "the review is being opened"
		case m.at() < 0:
			return "no line is under the cursor"
		default:
			return ""
		}
	}
	state := func(want provisioning.CampaignState) func() string {
		return func() string {
			switch {
			case m.desk.ReadOnly() != "":
				return m.desk.ReadOnly()
			case m.r == nil:
				return "the review is being opened"
			case m.r.Campaign().State != want:
				return "the review is " + string(m.r.Campaign().State)
			default:
				return ""
			}
		}
	}
	open := state(provisioning.CampaignOpen)
	mine := func() string {
		if why := open(); why != "" {
			return why
		}
		if why := none(); why != "" {
			return why
		}
		for _, i := range m.chosen() {
			if err := m.r.May(i, provisioning.ReviewKeep); err != nil {
				return provisioning.Reason(err)
			}
		}
		return ""
	}
	decide := func(v provisioning.ReviewVerdict) func() tea.Cmd {
		return func() tea.Cmd { return m.press(m.chosen(), desk.Verdict{Verdict: v}) }
	}
	move := func(by int) func() tea.Cmd {
		return func() tea.Cmd { m.anchor = -1; m.move(by); return nil }
	}
	turn := func(by int) func() tea.Cmd {
		return func() tea.Cmd { m.which = (m.which + by + len(filters())) % len(filters()); return m.look() }
	}
	return []ui.Binding{
		{Keys: []string{"k"}, Help: "keep", Footer: 1, Disabled: mine, Long: "keep the access, and go to the next line that waits", Do: decide(provisioning.ReviewKeep)},
		{Keys: []string{"r"}, Help: "revoke", Footer: 2, Danger: true, Disabled: mine, Long: "revoke the access, and go to the next line that waits", Do: decide(provisioning.ReviewRevoke)},
		{Keys: []string{"R"}, Help: "revoke, why", Danger: true, Disabled: mine, Long: "revoke the access with a reason", Do: m.reasoned(provisioning.ReviewRevoke, "Why is it revoked?")},
		{Keys: []string{"a"}, Help: "ask", Footer: 3, Disabled: mine, Long: "ask: the line stays open, with your question", Do: m.reasoned(provisioning.ReviewAsk, "What do you need to know?")},
		{Keys: []string{"d"}, Help: "delegate", Footer: 7, Narrow: -1, Disabled: func() string {
			if why := open(); why != "" {
				return why
			}
			return none()
		}, Long: "hand what is chosen to another reviewer of this campaign", Do: m.delegate},
		{Keys: []string{"s"}, Help: "same for all like it", Footer: 4, Narrow: -1, Disabled: open, Long: "the verdict of this line, or of the one above, for every open line of yours with the same access and standing", Do: m.same},
		{Keys: []string{"space"}, Help: "mark", Footer: 8, Narrow: -1, Disabled: none, Do: func() tea.Cmd {
			if i := m.at(); m.marks[i] {
				delete(m.marks, i)
			} else {
				m.marks[i] = true
			}
			m.move(1)
			return nil
		}},
		{Keys: []string{"shift+down"}, Help: "mark down", Long: "mark a range downwards", Disabled: none, Do: func() tea.Cmd { m.extend(1); return nil }},
		{Keys: []string{"shift+up"}, Help: "mark up", Long: "mark a range upwards", Disabled: none, Do: func() tea.Cmd { m.extend(-1); return nil }},
		{Keys: []string{"*"}, Help: "mark all", Long: "mark every line that is shown, or none", Disabled: none, Do: func() tea.Cmd {
			all := len(m.marks) < len(m.shown)
			clear(m.marks)
			for _, i := range m.shown {
				if all {
					m.marks[i] = true
				}
			}
			return nil
		}},
		{Keys: []string{"u"}, Help: "take back", Disabled: mine, Long: "take the verdict back: the line is open again", Do: decide("")},
		{Keys: []string{"tab"}, Help: "next open", Disabled: none, Long: "go to the next line that waits", Do: func() tea.Cmd { m.next([]int{m.at()}); return nil }},
		{Keys: []string{"/"}, Help: "find", Do: func() tea.Cmd { m.typing = true; return nil }},
		{Keys: []string{"]"}, Help: "next filter", Do: turn(1)},
		{Keys: []string{"["}, Help: "filter before", Do: turn(-1)},
		{Keys: []string{"p"}, Help: "file for a reviewer", Footer: 9, Narrow: -1, Disabled: open, Long: "make the file by which a reviewer without a console decides", Do: m.packet},
		{Keys: []string{"i"}, Help: "take in an answer", Disabled: open, Long: "take in the file that a reviewer sent back", Do: m.importAnswer},
		{Keys: []string{"n"}, Help: "next stage", Disabled: open, Long: "end the stage under way, and begin the next", Do: m.nextStage},
		{Keys: []string{"c"}, Help: "close", Footer: 5, Danger: true, Disabled: func() string {
			if m.r != nil && m.r.Campaign().State == provisioning.CampaignClosed {
				return "" // its batch is opened, or staged anew where it was cancelled
			}
			return open()
		}, Long: "end the decisions, and stage what is revoked as a batch", Do: m.close},
		{Keys: []string{"F"}, Help: "finish", Disabled: state(provisioning.CampaignClosed), Long: "make the closing snapshot, once the revokes were done, seen off, and the roll was read again", Do: m.finish},
		{Keys: []string{"X"}, Help: "cancel the review", Disabled: open, Long: "end the review without doing anything of it", Do: m.cancel},
		{Keys: []string{"esc"}, Help: "back", Footer: 6, Do: func() tea.Cmd {
			if len(m.marks) > 0 {
				clear(m.marks)
				m.anchor = -1
				return nil
			}
			return ui.Say(ui.Back{})
		}},
		{Keys: []string{"down", "j"}, Help: "down", Do: move(1)},
		{Keys: []string{"up"}, Help: "up", Do: move(-1)},
		{Keys: []string{"pgdown"}, Help: "page down", Do: func() tea.Cmd { m.move(max(1, m.height-1)); return nil }},
		{Keys: []string{"pgup"}, Help: "page up", Do: func() tea.Cmd { m.move(-max(1, m.height-1)); return nil }},
		{Keys: []string{"home", "g"}, Help: "first", Do: move(-1 << 30)},
		{Keys: []string{"end", "G"}, Help: "last", Do: move(1 << 30)},
	}
}

// reasoned takes a verdict with words. It is for what was chosen when the key was pressed.
func (m *Review) reasoned(v provisioning.ReviewVerdict, title string) func() tea.Cmd {
	return func() tea.Cmd {
		places := m.chosen()
		return ui.Say(ui.Ask{Dialog: &ui.Prompt{Title: title, Body: []string{m.about(places)}, Done: func(text string) tea.Cmd {
			return m.press(places, desk.Verdict{Verdict: v, Reason: text})
		}}})
	}
}

// about says what a verdict is for. Raw.
func (m *Review) about(places []int) string {
	if len(places) != 1 {
		return fmt.Sprintf("%d lines", len(places))
	}
	it := m.r.Item(places[0])
	return it.Name + " (" + it.Account + "), " + access(it)
}

func (m *Review) delegate() tea.Cmd {
	places := m.chosen()
	var options []ui.Option
	for _, one := range m.r.Campaign().Reviewers {
		if one.Key == m.r.Me().Key {
			continue
		}
		options = append(options, ui.Option{Label: one.Name + " (" + one.Key + ")", Do: func() tea.Cmd {
			return m.press(places, desk.Verdict{Verdict: provisioning.ReviewDelegate, To: one})
		}})
	}
	if len(options) == 0 {
		return ui.Say(ui.Toast{Text: "this review has no other reviewer"})
	}
	return ui.Say(ui.Ask{Dialog: &ui.Choose{Title: "Hand it to whom?", Body: []string{m.about(places)}, Options: options}})
}

// same takes the verdict of the line under the cursor, or of the nearest one above that has one, for all like it.
func (m *Review) same() tea.Cmd {
	for c := min(m.cursor, len(m.shown)-1); c >= 0; c-- {
		i := m.shown[c]
		s := m.r.State(i)
		if s.Verdict != provisioning.ReviewKeep && s.Verdict != provisioning.ReviewRevoke {
			continue
		}
		var places []int
		for _, j := range m.r.Like(i) {
			if j != i && m.waits(j) {
				places = append(places, j)
			}
		}
		if len(places) == 0 {
			return ui.Say(ui.Toast{Text: "no other open line of yours is like it"})
		}
		v := desk.Verdict{Verdict: s.Verdict, Reason: s.Reason}
		return ui.Say(ui.Ask{Dialog: &ui.Confirm{
			Title: fmt.Sprintf("%s %s for %d more?", s.Verdict, access(m.r.Item(i)), len(places)), Body: []string{"The same access, with the same standing to the policy, of other people."},
			Want: strconv.Itoa(len(places)), Now: m.now, Yes: func(string) tea.Cmd { return m.press(places, v) },
		}})
	}
	return ui.Say(ui.Toast{Text: "decide on one line first"})
}

// packet makes a file for a reviewer.
func (m *Review) packet() tea.Cmd {
	var options []ui.Option
	for _, one := range m.r.Campaign().Reviewers {
		for _, format := range []string{"html", "xlsx"} {
			word := "a page that signs"
			if format == "xlsx" {
				word = "a workbook, not signed"
			}
			options = append(options, ui.Option{Label: one.Name + " (" + one.Key + "): " + word, Do: func() tea.Cmd { return m.make(one.Key, format) }})
		}
	}
	return ui.Say(ui.Ask{Dialog: &ui.Choose{Title: "A file for whom?", Body: []string{"It holds what is theirs and open. It works without a network and without rollcall."}, Options: options}})
}

func (m *Review) make(reviewer, format string) tea.Cmd {
	return func() tea.Msg {
		f, err := m.desk.MakePacket(m.ctx, m.r, reviewer, format)
		if err != nil {
			return said{err: err}
		}
		path, err := m.files.Save(f.Name, f.Data)
		if err != nil {
			return said{err: err}
		}
		body := []string{fmt.Sprintf("%d lines are in %s", len(f.Packet.Items), path)}
		if f.Words != "" {
			body = append(body, "Tell the reviewer these four words by phone, and write them nowhere:", f.Words)
		}
		return ui.Ask{Dialog: &ui.Choose{Title: "The file is written", Body: body}}
	}
}

func (m *Review) importAnswer() tea.Cmd {
	return ui.Say(ui.Ask{Dialog: &ui.Prompt{Title: "Which file came back?", Body: []string{"The whole path of rollcall-answer-….json, or of the workbook."}, Done: func(path string) tea.Cmd {
		return func() tea.Msg {
			data, err := m.files.Load(strings.TrimSpace(path))
			if err != nil {
				return said{err: err}
			}
			in, err := m.desk.ImportAnswer(m.ctx, data)
			if err != nil {
				return said{err: err}
			}
			text := fmt.Sprintf("%s: %d kept, %d revoked, %d asked", in.Reviewer.Name, in.Kept, in.Revoked, in.Asked)
			if !in.Signed {
				text += ", not signed: you vouch for it"
			}
			if len(in.Refused) > 0 {
				text += fmt.Sprintf("; %d left out, the first: %s", len(in.Refused), in.Refused[0])
			}
			return said{text: text}
		}
	}}})
}

func (m *Review) nextStage() tea.Cmd {
	c := m.r.Campaign()
	if c.Stage+1 >= len(c.Stages) {
		return ui.Say(ui.Toast{Text: "this is the last stage: press c to close"})
	}
	return ui.Say(ui.Ask{Dialog: &ui.Confirm{
		Title: "Begin the stage " + c.Stages[c.Stage+1].Name + "?", Body: []string{"What the stage before decided is a proposal to it. The stage before takes no more decisions."}, Want: strconv.Itoa(c.Stage + 2), Now: m.now,
		Yes: func(string) tea.Cmd {
			return func() tea.Msg {
				warnings, err := m.desk.NextStage(m.ctx, m.r)
				return said{strings.Join(append([]string{"the next stage has begun"}, warnings...), "; "), err}
			}
		},
	}})
}

// close asks the desk what a close would do.
func (m *Review) close() tea.Cmd {
	return func() tea.Msg {
		k, err := m.desk.PlanClose(m.ctx, m.r)
		return closing{k, err}
	}
}

func (m *Review) confirmClose(k *desk.Closing) tea.Cmd {
	if k.Refused != nil {
		return ui.Say(ui.Failed{Err: k.Refused})
	}
	body := append(append([]string{}, k.Outcome.Sentences...), fmt.Sprintf("%d people lose access, by %d changes: a batch like any other, with all its guards", k.People, k.Changes))
	const most = 3
	body = append(body, k.Notes[:min(most, len(k.Notes))]...)
	return ui.Say(ui.Ask{Dialog: &ui.Confirm{Title: "Close the review?", Body: body, Want: strconv.Itoa(k.People), Now: m.now, Yes: func(string) tea.Cmd {
		return func() tea.Msg {
			k, err := m.desk.CloseReview(m.ctx, m.r)
			if err != nil {
				return closed{err: err}
			}
			return closed{batch: k.Batch}
		}
	}}})
}

func (m *Review) finish() tea.Cmd {
	return func() tea.Msg {
		x, err := m.desk.FinishReview(m.ctx, m.r)
		if err != nil {
			return said{err: err}
		}
		return said{text: fmt.Sprintf("done: %d revoked and gone, %d gone along, %d changed by others; the closing snapshot is signed", len(x.Revoked), len(x.Along), len(x.Others))}
	}
}

func (m *Review) cancel() tea.Cmd {
	return ui.Say(ui.Ask{Dialog: &ui.Confirm{Title: "End the review without doing anything of it?", Body: []string{"Its decisions stay on record. Nothing is revoked."}, Want: strconv.FormatInt(m.id, 10), Reason: true, Now: m.now, Yes: func(reason string) tea.Cmd {
		return func() tea.Msg { return said{"the review is cancelled", m.desk.CancelReview(m.ctx, m.r, reason)} }
	}}})
}
