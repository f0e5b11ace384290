package campaign

import (
	"fmt"
	"strconv"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

// nextStage ends the stage under way; the number of the next one is typed.
func (m *Review) nextStage() tea.Cmd {
	c := m.r.Campaign()
	next := &c.Stages[c.Stage+1]
	r, n := m.r, m.r.Counts()
	body := []string{
		fmt.Sprintf("It sees %s. What was decided so far is a proposal to it: %s kept, %s revoked, %s open.", sees(next.Sees), ui.Count(n.Kept), ui.Count(n.Revoked), ui.Count(n.Open)),
		"The stage under way takes no more decisions, and files that are out for it are answered in vain.",
	}
	return m.ask(&ui.Confirm{
		Title: fmt.Sprintf("Begin stage %d of %d: %s", c.Stage+2, len(c.Stages), next.Name), Body: body, Want: strconv.Itoa(c.Stage + 2),
		Yes: func(string) tea.Cmd {
			return m.hold(func() (func() tea.Cmd, error) {
				warnings, err := m.desk.NextStage(m.ctx, r)
				if err != nil {
					return nil, err
				}
				return func() tea.Cmd { return m.began(warnings) }, nil
			})
		},
	})
}

func (m *Review) began(warnings []string) tea.Cmd {
	m.acts = nil
	m.changed()
	if len(warnings) == 0 {
		return tea.Batch(m.list(), ui.Say(ui.Toast{Text: "the next stage has begun", Good: true}))
	}
	return tea.Batch(m.list(), m.ask(&notice{title: "The next stage has begun", body: warnings}))
}

// sees says which items come to a stage.
func sees(what string) string {
	switch what {
	case "revoke":
		return "what was revoked"
	case "keep":
		return "what was kept"
	case "undecided":
		return "what nobody decided"
	default:
		return "every item"
	}
}

// close asks the desk what a close would do, and has the number of people typed whose access is revoked.
func (m *Review) close() tea.Cmd {
	r := m.r
	return m.hold(func() (func() tea.Cmd, error) {
		k, err := m.desk.PlanClose(m.ctx, r)
		if err != nil {
			return nil, err
		}
		return func() tea.Cmd { return m.confirmClose(k) }, nil
	})
}

// mostNotes is how many notes a dialog lists.
const mostNotes = 4

func (m *Review) confirmClose(k *desk.Closing) tea.Cmd {
	o := &k.Outcome
	body := []string{m.fates(k)}
	for _, s := range o.Sentences {
		body = append(body, stop(upper(s)))
	}
	body = append(body, k.Notes[:min(mostNotes, len(k.Notes))]...)
	if more := len(k.Notes) - mostNotes; more > 0 {
		body = append(body, fmt.Sprintf("and %d more like it", more))
	}
	if k.Refused != nil {
		return m.ask(&notice{title: "It cannot be closed yet", body: append([]string{stop(upper(provisioning.Reason(k.Refused)))}, body...)})
	}
	head := "Close the review: nobody's access is revoked"
	if k.People > 0 {
		head = fmt.Sprintf("Close the review: %s access is revoked, %s", whose(k.People), plural(k.Changes, "change", "changes"))
		body = append(body, "The revokes are staged as a batch, under the same guards as any other. Nothing is sent before that is committed.")
	}
	if m.r.Campaign().State == provisioning.CampaignClosed {
		head = fmt.Sprintf("Its revokes, %s, as a batch", people(k.People))
	}
	body = append(body, "No decision is taken after it.")
	r := m.r
	return m.ask(&ui.Confirm{Title: head, Body: body, Want: strconv.Itoa(k.People), Yes: func(string) tea.Cmd {
		return m.hold(func() (func() tea.Cmd, error) {
			k, err := m.desk.CloseReview(m.ctx, r)
			if err != nil {
				return nil, err
			}
			return func() tea.Cmd { return m.closed(k) }, nil
		})
	}})
}

// fates says what becomes of the items, by whose word.
func (m *Review) fates(k *desk.Closing) string {
	o, kept, revoked := &k.Outcome, 0, 0
	if m.r.Campaign().Undecided == provisioning.UndecidedRevoke {
		revoked = len(o.ByPolicy)
	} else {
		kept = len(o.ByPolicy)
	}
	return fmt.Sprintf("Kept %s (%s by the policy). Revoked %s (%s by the policy). Undecided, and holding it: %s.",
		ui.Count(len(o.Kept)), ui.Count(kept), ui.Count(len(o.Revoked)), ui.Count(revoked), ui.Count(len(o.Escalated)))
}

func whose(n int) string {
	if n == 1 {
		return "1 person's"
	}
	return ui.Count(n) + " people's"
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return ui.Count(n) + " " + many
}

// upper is a sentence that begins with a capital.
func upper(s string) string {
	if s != "" && s[0] >= 'a' && s[0] <= 'z' {
		return string(s[0]-'a'+'A') + s[1:]
	}
	return s
}

// closed opens the batch of the revokes; where there is none, the review can be finished.
func (m *Review) closed(k *desk.Closing) tea.Cmd {
	m.acts = nil
	m.changed()
	m.narrow()
	cmds := []tea.Cmd{m.list(), m.look()}
	if k.Batch == 0 {
		return tea.Batch(append(cmds, ui.Say(ui.Toast{Text: "closed: there is nothing to revoke. F finishes it, once the roll was read again", Good: true}))...)
	}
	return tea.Batch(append(cmds, ui.Say(ui.Draft{}), ui.Say(ui.OpenBatch{ID: k.Batch}))...)
}

// openBatch opens the batch of the revokes.
func (m *Review) openBatch() tea.Cmd { return ui.Say(ui.OpenBatch{ID: m.r.Campaign().Batch}) }

// rest is what is left to do of a closed review.
type rest struct {
	steps []toDo
}

// toDo is one step, and whether it is done.
type toDo struct {
	done bool
	text string // raw
}

type looked struct {
	of   *Review
	rest *rest
}

// look finds out what is left to do after the close.
func (m *Review) look() tea.Cmd {
	if m.r == nil || m.r.Campaign().State != provisioning.CampaignClosed {
		return nil
	}
	c := m.r.Campaign()
	return func() tea.Msg { return looked{m, m.left(&c)} }
}

// left are the steps between the close and the closing snapshot.
func (m *Review) left(c *provisioning.Campaign) *rest {
	after, x := c.ClosedAt, &rest{}
	add := func(done bool, text string) { x.steps = append(x.steps, toDo{done, text}) }
	switch v, err := m.revokes(c); {
	case c.Batch == 0:
		add(true, "there is nothing to revoke, and no batch")
	case err != nil:
		add(false, fmt.Sprintf("commit batch %d, its revokes (b opens it): %s", c.Batch, err.Error()))
	default:
		add(v.Batch.State == provisioning.BatchDone, fmt.Sprintf("commit batch %d, its revokes (b opens it): %s", c.Batch, v.Batch.State))
		for i := range v.Batch.Units {
			for j := range v.Batch.Units[i].Ops {
				if at := v.Batch.Units[i].Ops[j].DoneAt; at.After(after) {
					after = at
				}
			}
		}
		if shut := disabled(v); shut > 0 {
			add(false, plural(shut, "closed account is", "closed accounts are")+" seen off: iManage may take up to 8 h")
		}
	}
	text := "read the roll again after that, r on the roster"
	read := false
	if roll := m.desk.Roll(); roll != nil {
		read = roll.TakenAt.After(after) && x.steps[0].done
		text += " (last " + roll.TakenAt.Local().Format("2 Jan 15:04") + ")"
	}
	add(read, text)
	add(false, "F makes the closing snapshot, or says what is still missing")
	return x
}

// revokes is the batch of a review, where it has one.
func (m *Review) revokes(c *provisioning.Campaign) (*desk.BatchView, error) {
	if c.Batch == 0 {
		return nil, nil
	}
	return m.desk.View(m.ctx, c.Batch)
}

// disabled counts the accounts that a batch closes.
func disabled(v *desk.BatchView) (n int) {
	for i := range v.Batch.Units {
		for j := range v.Batch.Units[i].Ops {
			if v.Batch.Units[i].Ops[j].Change.Kind == provisioning.DisableAccount {
				n++
			}
		}
	}
	return n
}

// finishIt makes the closing snapshot, and says how it differs from the opening one.
func (m *Review) finishIt() tea.Cmd {
	r := m.r
	return m.hold(func() (func() tea.Cmd, error) {
		x, err := m.desk.FinishReview(m.ctx, r)
		if err != nil {
			return nil, err
		}
		return func() tea.Cmd {
			m.finish = x
			m.changed()
			return m.ask(m.finished(x))
		}, nil
	})
}

// finished says what the closing snapshot holds against the opening one.
func (m *Review) finished(x *desk.ReviewFinish) *notice {
	n := &notice{title: "The review is done: its closing snapshot is signed", body: []string{
		fmt.Sprintf("%s revoked, and gone. %s gone along with a library. %s changed by others meanwhile.", ui.Count(len(x.Revoked)), ui.Count(len(x.Along)), ui.Count(len(x.Others))),
	}}
	if x.Exact() {
		n.body = append(n.body, "The two snapshots differ by exactly the revokes.")
	}
	for i := range x.Others[:min(mostNotes, len(x.Others))] {
		o := &x.Others[i]
		n.body = append(n.body, fmt.Sprintf("%s, %s: %s", o.Account, access(&provisioning.ReviewItem{Kind: o.Kind, Library: o.Library, Object: o.Object}), o.Why))
	}
	if more := len(x.Others) - mostNotes; more > 0 {
		n.body = append(n.body, fmt.Sprintf("and %d more, all in the snapshot", more))
	}
	return n
}

// cancel ends the review without doing anything of it; its number and a reason are typed.
func (m *Review) cancel() tea.Cmd {
	r := m.r
	return m.ask(&ui.Confirm{
		Title: fmt.Sprintf("Cancel access review %d: nothing of it is done", m.id), Body: []string{"Its decisions stay in the record. No access is revoked by it, and it takes no more decisions."},
		Want: strconv.FormatInt(m.id, 10), Reason: true,
		Yes: func(reason string) tea.Cmd {
			return func() tea.Msg {
				return done{m, "the review is cancelled: nothing was revoked", m.desk.CancelReview(m.ctx, r, reason)}
			}
		},
	})
}
