package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

func newUndo(f *flags) *cobra.Command {
	var (
		confirm int
		reason  string
	)
	c := &cobra.Command{
		Use:   "undo BATCH",
		Short: "stage the inverse of a batch, with its conflicts, and with --confirm commit it",
		Long: "undo reads everything that the batch changed, and stages what puts it back as a batch of its own. What somebody changed since is a\n" +
			"conflict: it is named and left alone. iManage deletes no user: an account that the batch created ends disabled, without anything\n" +
			"that the batch gave it. Without --confirm the undo waits, staged, for a console, or for this command once more; with --confirm N\n" +
			"(the number of people who lose access, or of all people where nobody does) it is guarded and committed. --reason stands in the\n" +
			"record, and releases a batch that a guard holds; it exits 3 where the guard holds it all the same, and 5 where conflicts remain.",
		Example: "  rollcall undo 12\n  rollcall undo 12 --confirm 4 --reason \"the list was of the wrong office\"",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || id <= 0 {
				return &provisioning.Error{Code: provisioning.Invalid, Message: args[0] + " is no batch", Hint: "give its number, as the console shows it"}
			}
			return withDesk(c, f, func(d *desk.Desk) error { return undo(c, f, d, id, confirm, reason) })
		},
	}
	c.Flags().IntVar(&confirm, "confirm", -1, "commit it: the number of people who lose access (of all people, where nobody does)")
	c.Flags().StringVar(&reason, "reason", "", "for the record: why it is undone, and why a held batch is released")
	return c
}

// shownUndo is an undo as --json prints it.
type shownUndo struct {
	Undoes int64 `json:"undoes"`
	Batch  int64 `json:"batch"` // 0: there was nothing to stage
	People int   `json:"people"`
	Lose   int   `json:"lose"`
	// Confirm is the number that --confirm wants.
	Confirm   int                 `json:"confirm"`
	Changes   []string            `json:"changes"`
	Conflicts []provisioning.Kept `json:"conflicts"`
	NotUndone []provisioning.Kept `json:"not_undone"`
	Back      []provisioning.Kept `json:"back"`
	Outcome   *applied            `json:"outcome,omitempty"` // where it was committed
}

func undo(c *cobra.Command, f *flags, d *desk.Desk, batch int64, confirm int, reason string) error {
	ctx := c.Context()
	if _, err := d.SyncWhole(ctx, nil); err != nil {
		return err
	}
	s, err := stageUndo(c, d, batch, reason)
	if err != nil {
		return err
	}
	if s.Batch == 0 || confirm < 0 {
		if err := s.show(c, f); err != nil {
			return err
		}
		return s.partly()
	}
	if !f.json {
		if err := s.show(c, f); err != nil {
			return err
		}
	}
	if _, err := d.CollectApprovals(ctx, s.Batch); err != nil {
		return err
	}
	v, err := d.ReviewBatch(ctx, s.Batch)
	if err != nil {
		return err
	}
	if err := d.Commit(ctx, desk.Commit{Batch: s.Batch, Hash: v.Batch.Hash, People: confirm, Reason: reason}); err != nil {
		return err // it stays staged: whoever may release it can do so at a console
	}
	if err := follow(ctx, c.ErrOrStderr(), d, s.Batch); err != nil {
		return err
	}
	if s.Outcome, err = tally(ctx, d, s.Batch); err != nil {
		return err
	}
	if f.json {
		err = writeJSON(c.OutOrStdout(), s)
	} else {
		s.Outcome.print(c.OutOrStdout())
	}
	if err != nil {
		return err
	}
	return s.partly()
}

// stageUndo stages the undo of a batch, or takes the one that is staged already.
func stageUndo(c *cobra.Command, d *desk.Desk, batch int64, reason string) (*shownUndo, error) {
	ctx := c.Context()
	s := &shownUndo{Undoes: batch, Changes: []string{}, Conflicts: []provisioning.Kept{}, NotUndone: []provisioning.Kept{}, Back: []provisioning.Kept{}}
	standing, err := d.UndoOf(ctx, batch)
	if err != nil {
		return nil, err
	}
	s.Batch = standing
	if standing == 0 {
		u, err := d.Undo(ctx, batch, reason)
		if err != nil {
			return nil, err
		}
		s.Batch, s.Conflicts, s.NotUndone, s.Back = u.Batch, u.Conflicts, u.NotUndone, u.Back
	}
	if s.Batch == 0 {
		return s, nil
	}
	v, err := d.View(ctx, s.Batch)
	if err != nil {
		return nil, err
	}
	switch v.Batch.State {
	case provisioning.BatchDraft, provisioning.BatchReviewed, provisioning.BatchApproved:
	default:
		return nil, &provisioning.Error{
			Code: provisioning.Held, Message: fmt.Sprintf("batch %d undoes batch %d already, and is %s", s.Batch, batch, v.Batch.State), Hint: "look at it in the console",
		}
	}
	s.People, s.Lose, s.Confirm = len(v.Batch.Units), v.Lose, v.Confirm
	for i := range v.Batch.Units {
		u := &v.Batch.Units[i]
		for _, l := range v.Lines[u.ID] {
			s.Changes = append(s.Changes, u.Account+": "+sentence(l))
		}
	}
	if standing != 0 {
		s.Conflicts, s.NotUndone, s.Back = desk.KeptBySort(v.Batch.Kept)
	}
	return s, nil
}

// show prints what will be put back, what is a conflict, and what cannot be put back.
func (s *shownUndo) show(c *cobra.Command, f *flags) error {
	out := c.OutOrStdout()
	if f.json {
		return writeJSON(out, s)
	}
	if s.Batch == 0 {
		fmt.Fprintf(out, "nothing of batch %d is to be put back\n", s.Undoes)
	} else {
		fmt.Fprintf(out, "batch %d undoes batch %d: %d people, %d changes, %d lose access\n", s.Batch, s.Undoes, s.People, len(s.Changes), s.Lose)
		for _, line := range s.Changes {
			fmt.Fprintln(out, "  "+clean(line))
		}
	}
	printKept(out, "conflicts, left alone", s.Conflicts)
	printKept(out, "not undone", s.NotUndone)
	if n := len(s.Back); n > 0 {
		fmt.Fprintf(out, "back already: %d\n", n)
	}
	if s.Batch != 0 {
		fmt.Fprintf(out, "to commit it: rollcall undo %d --confirm %d, or review it at the console\n", s.Undoes, s.Confirm)
	}
	return nil
}

func printKept(out io.Writer, title string, kept []provisioning.Kept) {
	for i, k := range kept {
		if i == 0 {
			fmt.Fprintf(out, "%s: %d\n", title, len(kept))
		}
		what := strings.Join(strings.Fields(string(k.Kind)+" "+k.Library+" "+k.Object), " ")
		fmt.Fprintf(out, "  %s %s: %s: %s", clean(k.Account), clean(k.Name), clean(what), clean(k.Why))
		if k.Sort == provisioning.KeptConflict {
			fmt.Fprintf(out, " (was %q, left %q, is %q)", clean(k.Was), clean(k.Left), clean(k.Found))
		}
		fmt.Fprintln(out)
	}
}

// partly is exit code 5 where conflicts remain or not all was done.
func (s *shownUndo) partly() error {
	if len(s.Conflicts) > 0 || (s.Outcome != nil && len(s.Outcome.Failed) > 0) {
		return exitCode{code: exitPartly}
	}
	return nil
}
