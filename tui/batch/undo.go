package batch

import (
	"context"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

// undone tells what an undo staged.
type undone struct {
	of     *Model
	result desk.UndoResult
	err    error
}

// undo asks for a reason, and has the inverse of the batch staged as a batch of its own. Nothing is sent by that.
func (m *Model) undo() tea.Cmd {
	id := m.id
	return ui.Say(ui.Ask{Dialog: &ui.Prompt{
		Title: fmt.Sprintf("Undo batch %d: why?", id),
		Body: []string{
			"The inverse is staged as a batch of its own, from what each object was before. Nothing is sent now: you review and commit it.",
			"What somebody changed since is left alone and named. An account that was made ends disabled and bare.",
		},
		Check: func(value string) (string, error) {
			if strings.TrimSpace(value) == "" {
				return "", fmt.Errorf("the reason stands in the record")
			}
			return "", nil
		},
		Done: func(value string) tea.Cmd {
			return func() tea.Msg {
				r, err := m.desk.Undo(m.ctx, id, value)
				return undone{m, r, err}
			}
		},
	}})
}

func (m *Model) didUndo(msg undone) tea.Cmd {
	if msg.err != nil {
		return ui.Say(ui.Failed{Err: msg.err})
	}
	r := msg.result
	if r.Batch == 0 {
		why := "everything is as it was before"
		if n := len(r.Conflicts); n > 0 {
			why = "all that is left was changed by somebody else since: " + conflictNames(r.Conflicts)
		}
		return ui.Say(ui.Ask{Dialog: &ui.Choose{Title: fmt.Sprintf("Nothing of batch %d is to undo", m.id), Body: []string{why}}})
	}
	text := fmt.Sprintf("staged: %s of %s put back what batch %d did", plural(r.Changes, "change", "changes"), plural(r.People, "person", "people"), m.id)
	if n := len(r.Conflicts); n > 0 {
		text += fmt.Sprintf("; %s left alone", plural(n, "conflict", "conflicts"))
	}
	return tea.Batch(ui.Say(ui.OpenBatch{ID: r.Batch}), ui.Say(ui.Toast{Text: text, Good: len(r.Conflicts) == 0}))
}

func conflictNames(kept []provisioning.Kept) string {
	var names []string
	for _, k := range kept {
		if !slices.Contains(names, k.Name) {
			names = append(names, k.Name)
		}
	}
	return strings.Join(names, ", ")
}

// kept says in one paragraph what an undo leaves as it is; "" where it leaves nothing.
func (m *Model) kept() string {
	var parts []string
	if conflicts := keptOf(m.view.Batch.Kept, provisioning.KeptConflict); len(conflicts) > 0 {
		parts = append(parts, plural(len(conflicts), "conflict", "conflicts")+", left alone: "+sayKept(conflicts))
	}
	if rest := keptOf(m.view.Batch.Kept, provisioning.KeptNever); len(rest) > 0 {
		parts = append(parts, "cannot be put back: "+sayKept(rest))
	}
	return strings.Join(parts, ". ")
}

func keptOf(kept []provisioning.Kept, sort provisioning.KeptSort) []provisioning.Kept {
	return slices.DeleteFunc(slices.Clone(kept), func(k provisioning.Kept) bool { return k.Sort != sort })
}

// sayKept says each reason of a person once, with what it is about.
func sayKept(kept []provisioning.Kept) string {
	type reason struct{ name, why string }
	var order []reason
	about := make(map[reason][]string)
	for _, k := range kept {
		r := reason{k.Name, k.Why}
		if _, known := about[r]; !known {
			order = append(order, r)
			about[r] = nil
		}
		if what := strings.TrimSpace(k.Library + " " + k.Object); what != "" && !strings.Contains(k.Why, what) {
			about[r] = append(about[r], what)
		}
	}
	said := make([]string, len(order))
	for i, r := range order {
		said[i] = r.name
		if what := about[r]; len(what) > 0 {
			said[i] += " (" + strings.Join(what, ", ") + ")"
		}
		said[i] += ": " + r.why
	}
	return strings.Join(said, "; ")
}

// release lets the one person under the cursor go, who is held, with a reason.
func (m *Model) release() tea.Cmd {
	u, _ := m.at()
	name, account, id, hash := u.Name, u.Account, m.id, m.view.Batch.Hash
	if _, released := m.view.Released[u.ID]; released {
		return m.act("held again: "+name, func(ctx context.Context) error { return m.desk.Unrelease(ctx, id, hash, account) })()
	}
	return ui.Say(ui.Ask{Dialog: &ui.Prompt{
		Title: "Release " + name + ": why?",
		Body:  []string{"For this batch and one hour. It stands in the record with your name. The others stay held until each of them is released."},
		Check: func(value string) (string, error) {
			if strings.TrimSpace(value) == "" {
				return "", fmt.Errorf("a release needs a reason")
			}
			return "", nil
		},
		Done: func(value string) tea.Cmd {
			return m.act("released: "+name, func(ctx context.Context) error { return m.desk.Release(ctx, id, hash, account, value) })()
		},
	}})
}

// heldHere reports whether a guard that may be released holds a unit, or it is released already.
func (m *Model) heldHere(u *provisioning.Unit) bool {
	if _, released := m.view.Released[u.ID]; released {
		return true
	}
	return slices.ContainsFunc(m.view.Verdicts, func(v provisioning.Verdict) bool {
		return v.Holds && v.Releasable && slices.ContainsFunc(v.Accounts, func(a string) bool { return strings.EqualFold(a, u.Account) })
	})
}
