package batch

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

// review freezes the batch and asks the guards; what follows is the typed number, for now or for a minute.
func (m *Model) review(at time.Time) tea.Cmd {
	id := m.id
	return func() tea.Msg {
		v, err := m.desk.ReviewBatch(m.ctx, id)
		return reviewed{m, at, v, err}
	}
}

func (m *Model) didReview(msg reviewed) tea.Cmd {
	if msg.err != nil {
		return tea.Batch(ui.Say(ui.Failed{Err: msg.err}), m.load())
	}
	m.view = msg.view
	m.zone = ui.Zone(m.view.Batch.Zone)
	m.move(0)
	at := msg.at
	if at.IsZero() && m.view.Batch.Due.After(m.now()) {
		at = m.view.Batch.Due
	}
	return m.confirm(at)
}

// confirm asks for the number of people, and for a reason where a guard holds the batch and may be released. With a minute it is
// confirmed for that, else it is committed.
func (m *Model) confirm(at time.Time) tea.Cmd {
	v := m.view
	releasable := true
	var body []string
	for _, verdict := range v.Verdicts {
		if verdict.Holds {
			releasable = releasable && verdict.Releasable
			body = append(body, fmt.Sprintf("HELD by %s: %s: %s", verdict.Guard, verdict.Sentence, people(verdict.People)))
		}
	}
	if v.Held && !releasable {
		return ui.Say(ui.Failed{Err: &provisioning.Error{
			Code: provisioning.Held, Message: "the batch is held: " + body[0], Hint: "drop the people named (d), or read again (r on the roster)",
		}})
	}
	head := fmt.Sprintf("Commit batch %d", v.Batch.ID)
	if !at.IsZero() {
		head = fmt.Sprintf("Confirm batch %d for %s, %s", v.Batch.ID, ui.Moment(at, m.zone), ui.Until(at, m.now()))
		body = append(body, "It begins then by itself, while a rollcall runs. The guards are asked again at its minute; nothing changes before.")
	}
	title := fmt.Sprintf("%s: %s, %s. Nobody loses access.", head, plural(len(v.Batch.Units), "person", "people"), plural(v.Changes, "change", "changes"))
	if v.Lose > 0 {
		title = fmt.Sprintf("%s: %s access.", head, plural(v.Lose, "person loses", "people lose"))
	}
	if v.Second.Needs != "" && !v.Second.Given {
		body = append(body, "It needs a second person: "+v.Second.Needs+". With the number typed they are asked, and nothing begins before they approved just this.")
	}
	if v.Held {
		body = append(body, "Releasing it is for this batch and this hour, and stands in the record with your name.")
	}
	body = append(body, fmt.Sprintf("hash %.16s", v.Batch.Hash))
	order := desk.Commit{Batch: v.Batch.ID, Hash: v.Batch.Hash, People: v.Confirm}
	return ui.Say(ui.Ask{Dialog: &ui.Confirm{
		Title: title, Body: body, Want: strconv.Itoa(v.Confirm), Reason: v.Held,
		Yes: func(reason string) tea.Cmd {
			order.Reason = reason
			if at.IsZero() {
				return m.begin(order)
			}
			text := fmt.Sprintf("batch %d begins %s, %s. S lists it", order.Batch, ui.Moment(at, m.zone), ui.Until(at, m.now()))
			return m.act(text, func(ctx context.Context) error { return m.desk.Schedule(ctx, order, at) })()
		},
	}})
}

// setTime asks for the minute at which the batch is to begin, and then for the typed number.
func (m *Model) setTime() tea.Cmd {
	parse := func(text string, now time.Time) (time.Time, error) {
		at, err := desk.ParseWhen(text, now)
		if err != nil {
			err = errors.New(provisioning.Reason(err))
		}
		return at, err
	}
	due := m.view.Batch.Due
	if due.Before(m.now()) {
		due = time.Time{}
	}
	what := "At its minute it begins by itself, while a rollcall runs. The typed number comes next."
	return ui.Say(ui.Ask{Dialog: ui.WhenPrompt(fmt.Sprintf("When does batch %d begin?", m.id), what, due, m.now, parse, m.review)})
}

// takeBack makes a scheduled or missed batch a draft again; its number is typed.
func (m *Model) takeBack() tea.Cmd {
	b, id := m.view.Batch, m.id
	body := []string{fmt.Sprintf("It was to begin %s. It is kept as a draft, and nothing of it is done before it is confirmed again.", ui.Moment(b.Due, m.zone))}
	if m.view.Lose > 0 {
		body = append(body, plural(m.view.Lose, "person keeps", "people keep")+" their access until then.")
	}
	return ui.Say(ui.Ask{Dialog: &ui.Confirm{
		Title: fmt.Sprintf("Take batch %d back: it no longer begins by itself", id), Body: body, Want: strconv.FormatInt(id, 10),
		Yes: func(string) tea.Cmd {
			return m.act(fmt.Sprintf("batch %d is a draft again", id), func(ctx context.Context) error { return m.desk.Unschedule(ctx, id) })()
		},
	}})
}

// missed reports whether its minute passed without it: nothing begins it by itself any more.
func (m *Model) missed() bool {
	const grace = time.Minute
	b := m.view.Batch
	return b.State == provisioning.BatchMissed || (b.State == provisioning.BatchScheduled && m.now().Sub(b.Due) > grace)
}

// alone reports whether the batch stands for itself, beside the one that is being staged.
func (m *Model) alone() bool {
	b := m.view.Batch
	return b.Title != "" || !b.Due.IsZero() || b.Sealed()
}

// plan is what a batch is for and when it begins, in one sentence; "" where it has neither a title, nor a minute, nor readers of its own.
func (m *Model) plan() string {
	b := m.view.Batch
	text := b.Title
	add := func(s string) {
		if text != "" {
			text += " " + m.st.Glyphs.Dot + " "
		}
		text += s
	}
	if !b.Due.IsZero() {
		when, far := ui.When(b.Due, m.zone, m.now()), ui.Until(b.Due, m.now())
		switch {
		case m.missed():
			why := "no rollcall ran at its minute"
			if b.Stop != "" {
				why = b.Stop
			}
			add(fmt.Sprintf("missed: it was due %s, %s, and was not begun: %s. c reviews it again", when, far, why))
		case b.State == provisioning.BatchScheduled:
			add("begins " + when + ", " + far)
		case m.started():
			add("was due " + when)
		case b.Due.Before(m.now()):
			add("its minute has passed: " + when)
		default:
			add("to begin " + when + ", " + far + ": c confirms it")
		}
	}
	if b.Sealed() {
		add("sealed, read by " + people(b.Readers) + " alone")
	}
	return text
}
