package batch

import (
	"context"
	"errors"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// waits reports whether the batch waits for a second person's approval.
func (m *Model) waits() bool {
	if m.view == nil || m.started() {
		return false
	}
	s := m.view.Second
	return s.Needs != "" && s.Covers != "" && !s.Given
}

// begin gives the order. Where it only made that a second person is asked, that is what is told, and no failure.
func (m *Model) begin(order desk.Commit) tea.Cmd {
	return func() tea.Msg {
		err := m.desk.Commit(m.ctx, order)
		if desk.Waits(err) {
			return done{m, nil, "a second person is asked: read them the four words"}
		}
		return began{m, err}
	}
}

// collectEvery is how many beats of the console lie between two looks at the folder of approvals, while a batch that waits for one is on
// the screen: two seconds.
const collectEvery = 4

// collected tells what a look at the folder of approvals found.
type collected struct {
	of    *Model
	given bool
	err   error
}

// collect looks for an approval from another machine now and then, where the batch waits for one and nobody looks yet.
func (m *Model) collect() tea.Cmd {
	m.beats++
	if m.collecting || m.beats%collectEvery != 0 || !m.waits() {
		return nil
	}
	m.collecting = true
	id := m.id
	return func() tea.Msg {
		given, err := m.desk.CollectApprovals(m.ctx, id)
		return collected{m, given, err}
	}
}

func (m *Model) didCollect(msg collected) tea.Cmd {
	m.collecting = false
	switch {
	case msg.given:
		return tea.Batch(m.load(), ui.Say(ui.Draft{}), ui.Say(ui.Toast{Text: fmt.Sprintf("batch %d is approved", m.id), Good: true}))
	case msg.err != nil && msg.err.Error() != m.refused: // one that does not count is told once
		m.refused = msg.err.Error()
		return ui.Say(ui.Toast{Text: names.Clean(provisioning.Reason(msg.err)).Bare()})
	default:
		return nil
	}
}

// approve asks for the four words that the requester reads, and approves in this operator's name.
func (m *Model) approve() tea.Cmd {
	id, s := m.id, m.view.Second
	return ui.Say(ui.Ask{Dialog: &ui.Prompt{
		Title: fmt.Sprintf("Approve batch %d as a second person", id),
		Body: []string{
			fmt.Sprintf("%s, %s. %s access.", plural(len(m.view.Batch.Units), "person", "people"), plural(m.view.Changes, "change", "changes"), plural(m.view.Lose, "person loses", "people lose")),
			"Type the four words that the requester reads to you. It is signed with your own key, for exactly this.",
		},
		Check: func(value string) (string, error) {
			if n := len(strings.Fields(value)); n != len(s.Words) {
				return "", errors.New(plural(len(s.Words)-n, "word", "words") + " to come")
			}
			return "", nil
		},
		Done: func(value string) tea.Cmd {
			return m.act(fmt.Sprintf("batch %d is approved", id), func(ctx context.Context) error { return m.desk.Approve(ctx, id, s.Covers, value) })()
		},
	}})
}

// mayNotApprove says why A does nothing here.
func (m *Model) mayNotApprove() string {
	switch {
	case m.view == nil:
		return "nothing is staged"
	case m.view.Second.Needs == "" || m.view.Second.Covers == "":
		return "nobody asks for an approval"
	case m.view.Second.Given:
		return "it is approved"
	default:
		return m.view.Second.MayNot
	}
}

// second says how it stands with the second person, and what is read to them over the phone. Whoever may approve it is not shown the
// words: they are to hear them.
func (m *Model) second(width int) []string {
	s := m.view.Second
	if s.Needs == "" || s.Covers == "" {
		return nil
	}
	g := m.st.Glyphs
	if s.Given {
		return []string{m.st.NewLine(width, false).Space(1).Word(ui.Muted, "second person ").Word(ui.Good, g.Yes+" ").Text(ui.Plain, names.Clean(s.State), 0).String()}
	}
	const label = 15
	var out []string
	for i, t := range ui.Wrap(names.Clean(s.Needs+" "+g.Dot+" "+s.State), width-label-1, 3) {
		head := ""
		if i == 0 {
			head = "second person"
		}
		out = append(out, m.st.NewLine(width, false).Space(1).Cell(ui.Muted, head, label-1).Text(ui.Warning, t, 0).String())
	}
	if s.MayNot == "" {
		return append(out, m.st.NewLine(width, false).Space(1).Word(ui.Muted, "              ").Word(ui.Plain, "A approves it, with the four words that the requester reads to you").String())
	}
	out = append(out, m.st.NewLine(width, false).Space(1).Word(ui.Muted, "read to them  ").Word(ui.Strong, strings.Join(s.Words, "   ")).String())
	if s.Asked != "" {
		out = append(out, m.st.NewLine(width, false).Space(1).Word(ui.Muted, "              ").Text(ui.Muted, names.Clean(s.Asked), 0).String())
	}
	return out
}
