package batch

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

// place is what the cursor stands on: a unit, or one line of it (line ≥ 0).
type place struct {
	unit int
	line int
}

// places lists what the cursor can stand on, from the top.
func (m *Model) places() []place {
	if m.view == nil {
		return nil
	}
	var list []place
	for i := range m.view.Batch.Units {
		list = append(list, place{i, -1})
		u := &m.view.Batch.Units[i]
		if m.open[u.ID] {
			for j := range m.view.Lines[u.ID] {
				list = append(list, place{i, j})
			}
		}
	}
	return list
}

func (m *Model) move(by int) {
	m.cursor = min(max(m.cursor+by, 0), max(0, len(m.places())-1))
}

// at is the unit under the cursor and its line; nil where there is none.
func (m *Model) at() (*provisioning.Unit, *desk.Line) {
	list := m.places()
	if m.cursor >= len(list) {
		return nil, nil
	}
	p := list[m.cursor]
	u := &m.view.Batch.Units[p.unit]
	if p.line < 0 {
		return u, nil
	}
	return u, &m.view.Lines[u.ID][p.line]
}

// Bindings are the screen's keys.
func (m *Model) Bindings() []ui.Binding {
	all := []ui.Binding{
		{Keys: []string{"esc"}, Help: "back", Footer: 6, Long: "back; a running batch goes on", Do: m.back},
		{Keys: []string{"enter", "right", "left"}, Show: "⏎", Help: "unfold", Footer: 7, Long: "show or hide a person's changes; a by-hand step shows how it is done", Do: m.unfold},
		{Keys: []string{"a"}, Help: "record", Footer: 8, Long: "the record of this batch", Do: func() tea.Cmd { return ui.Say(ui.OpenRecord{Batch: m.id}) }},
		{Keys: []string{"down", "j"}, Help: "down", Do: func() tea.Cmd { m.move(1); return nil }},
		{Keys: []string{"up", "k"}, Help: "up", Do: func() tea.Cmd { m.move(-1); return nil }},
		{Keys: []string{"pgdown"}, Help: "page down", Do: func() tea.Cmd { m.move(10); return nil }},
		{Keys: []string{"pgup"}, Help: "page up", Do: func() tea.Cmd { m.move(-10); return nil }},
	}
	if m.started() {
		return append(m.running(), all...)
	}
	return append(m.drafting(), all...)
}

// drafting are the keys before the commit.
func (m *Model) drafting() []ui.Binding {
	empty := func() string {
		if m.view == nil {
			return "nothing is staged"
		}
		return m.desk.ReadOnly()
	}
	state := func() provisioning.BatchState { return m.view.Batch.State }
	unscheduled := func() string {
		if why := empty(); why != "" {
			return why
		}
		if state() == provisioning.BatchScheduled && !m.missed() {
			return "it begins at its minute: X takes it back first"
		}
		return ""
	}
	loose := func() string {
		if why := unscheduled(); why != "" {
			return why
		}
		if m.missed() {
			return "it missed its minute: X takes it back first"
		}
		return ""
	}
	editable := func() string {
		if why := loose(); why != "" {
			return why
		}
		u, l := m.at()
		if l == nil || !desk.Editable(u.Ops[l.Seq-1].Change) {
			return "put the cursor on a change that has a value"
		}
		return ""
	}
	held := func() string {
		if why := loose(); why != "" {
			return why
		}
		if s := state(); s != provisioning.BatchReviewed && s != provisioning.BatchApproved {
			return "review it first: c"
		}
		if u, _ := m.at(); u == nil || !m.heldHere(u) {
			return "put the cursor on a person whom a guard holds"
		}
		return ""
	}
	planned := func() string {
		if why := empty(); why != "" {
			return why
		}
		if s := state(); s != provisioning.BatchScheduled && s != provisioning.BatchMissed {
			return "it does not begin by itself"
		}
		return ""
	}
	commit := "commit"
	switch {
	case m.view == nil:
	case m.missed():
		commit = "review"
	case m.view.Batch.Due.After(m.now()):
		commit = "confirm"
	}
	drop, edit, back := 3, 4, 0 // their places in the footer
	if planned() == "" {
		drop, edit, back = 0, 0, 3
	}
	approve := 0
	if m.waits() {
		approve, edit = 4, 0
	}
	return []ui.Binding{
		{Keys: []string{"c"}, Help: commit, Footer: 1, Danger: true, Disabled: unscheduled, Long: "freeze the batch, ask the guards, and commit it, or confirm it for its time, with the number typed", Do: func() tea.Cmd {
			return m.review(time.Time{})
		}},
		{Keys: []string{"t"}, Help: "set a time", Footer: 2, Danger: true, Disabled: unscheduled, Long: "the minute at which it begins by itself, confirmed with the number typed", Do: m.setTime},
		{Keys: []string{"d"}, Help: "drop", Footer: drop, Disabled: loose, Long: "drop the change under the cursor, or the whole person", Do: m.drop},
		{Keys: []string{"e"}, Help: "edit", Footer: edit, Disabled: editable, Long: "give the change under the cursor another value", Do: m.edit},
		{Keys: []string{"A"}, Help: "approve", Footer: approve, Disabled: m.mayNotApprove, Danger: true, Long: "approve it as a second person, with the four words that the requester reads to you", Do: m.approve},
		{Keys: []string{"R"}, Help: "release", Disabled: held, Danger: true, Long: "let the one person under the cursor go who is held, with a reason; again: hold them", Do: m.release},
		{Keys: []string{"X"}, Help: "take back", Footer: back, Disabled: planned, Long: "it no longer begins by itself: it is a draft again", Do: m.takeBack},
	}
}

// back leaves the batch; one that stands for itself and was not confirmed is not lost by it.
func (m *Model) back() tea.Cmd {
	if m.view == nil || m.started() || !m.alone() {
		return ui.Say(ui.Back{})
	}
	if s := m.view.Batch.State; s == provisioning.BatchScheduled || s == provisioning.BatchMissed {
		return ui.Say(ui.Back{})
	}
	text := fmt.Sprintf("batch %d is kept, and not confirmed: S on the roster lists it", m.id)
	return tea.Batch(ui.Say(ui.Back{}), ui.Say(ui.Toast{Text: text}))
}

func (m *Model) drop() tea.Cmd {
	u, l := m.at()
	if u == nil {
		return nil
	}
	id := u.ID
	if l == nil {
		return m.act("dropped "+u.Name, func(ctx context.Context) error { return m.desk.DropUnit(ctx, id) })()
	}
	seq := l.Seq
	return m.act("dropped: "+l.What, func(ctx context.Context) error { return m.desk.DropOp(ctx, id, seq) })()
}

func (m *Model) edit() tea.Cmd {
	u, l := m.at()
	id, seq, c := u.ID, l.Seq, u.Ops[l.Seq-1].Change
	return ui.Say(ui.Ask{Dialog: &ui.Prompt{
		Title: l.What, Body: []string{"for " + u.Name + ", now: " + c.Before}, Value: c.After,
		Done: func(value string) tea.Cmd {
			return m.act("edited: "+l.What, func(ctx context.Context) error { return m.desk.EditOp(ctx, id, seq, value) })()
		},
	}})
}

// running are the keys after the commit.
func (m *Model) running() []ui.Binding {
	state := m.view.Batch.State
	only := func(ok bool, why string) func() string {
		return func() string {
			if r := m.desk.ReadOnly(); r != "" {
				return r
			}
			if !ok {
				return why
			}
			return ""
		}
	}
	resumable := !m.active() && (state == provisioning.BatchPaused || state == provisioning.BatchStopped || state == provisioning.BatchCommitted)
	cancellable := m.active() || resumable
	retryable := !m.active() && m.run != nil && m.run.Failed > 0
	uncertified := func() string {
		if m.view.Lose == 0 {
			return "it ends nobody's access"
		}
		return ""
	}
	undoable := !m.active() && state != provisioning.BatchCommitted
	_, l := m.at()
	tickable := l != nil && l.State == provisioning.OpByHand
	id := m.id
	return []ui.Binding{
		{Keys: []string{"p"}, Help: "pause", Footer: 1, Disabled: only(m.active(), "it is not running"), Long: "let what is in flight finish, and wait", Do: m.act("paused", func(ctx context.Context) error { return m.desk.Pause(ctx, id) })},
		{Keys: []string{"r"}, Help: "resume", Footer: 2, Danger: true, Disabled: only(resumable, "there is nothing to resume"), Long: "go on: what is in doubt is read back first", Do: m.resume},
		{Keys: []string{"t"}, Help: "tick", Footer: 3, Danger: true, Disabled: only(tickable, "put the cursor on a step that is done by hand"), Long: "the step was done in Control Center: read the account, and close it", Do: m.tick},
		{Keys: []string{"R"}, Help: "retry failed", Footer: 4, Danger: true, Disabled: only(retryable, "nothing failed"), Long: "put what failed back to the start of the protocol", Do: func() tea.Cmd {
			return func() tea.Msg { return began{m, m.desk.Retry(m.ctx, id)} }
		}},
		{Keys: []string{"u"}, Help: "undo", Footer: 5, Disabled: only(undoable, "let it come to rest first"), Long: "stage the inverse of what it did, as a batch of its own", Do: m.undo},
		{Keys: []string{"C"}, Help: "certificate", Footer: 5, Disabled: uncertified, Long: "when each access that it ended was asked off, accepted off and seen off; signed, to a file or to print", Do: m.certificate},
		{Keys: []string{"l"}, Help: "look now", Disabled: only(m.view.Lose > 0 && !m.active(), "it ended nobody's access"), Long: "read again whether those whose access it ended are seen off", Do: m.act("looked", func(ctx context.Context) error { return m.desk.LookNow(ctx, id, "") })},
		{Keys: []string{"X"}, Help: "cancel the rest", Danger: true, Disabled: only(cancellable, "it has ended"), Long: "let what is in flight finish, and give up the rest for good", Do: m.cancel},
	}
}

func (m *Model) resume() tea.Cmd {
	id := m.id
	return func() tea.Msg { return began{m, m.desk.Resume(m.ctx, id)} }
}

func (m *Model) tick() tea.Cmd {
	u, l := m.at()
	batch, unit, seq := m.id, u.ID, l.Seq
	return m.act("ticked: read back", func(ctx context.Context) error { return m.desk.Tick(ctx, batch, unit, seq) })()
}

func (m *Model) cancel() tea.Cmd {
	id := m.id
	return ui.Say(ui.Ask{Dialog: &ui.Confirm{
		Title: fmt.Sprintf("Cancel the rest of batch %d", id), Body: []string{"What was confirmed stays done. What was not begun is given up for good."}, Want: "cancel",
		Yes: func(string) tea.Cmd {
			return m.act("cancelled", func(ctx context.Context) error { return m.desk.Cancel(ctx, id) })()
		},
	}})
}

func (m *Model) unfold() tea.Cmd {
	u, l := m.at()
	if u == nil {
		return nil
	}
	if l != nil && len(l.Hand) > 0 {
		return ui.Say(ui.Ask{Dialog: &ui.Choose{Title: l.What + ", by hand", Body: l.Hand}})
	}
	m.open[u.ID] = !m.open[u.ID]
	m.move(0)
	return nil
}
