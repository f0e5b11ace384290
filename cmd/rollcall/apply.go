package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

// mostPlan bounds the size of a plan file.
const mostPlan = 256 << 20

func newApply(f *flags) *cobra.Command {
	var (
		confirm int
		reason  string
		batch   int64
	)
	c := &cobra.Command{
		Use:   "apply FILE | --batch N",
		Short: "stage, guard and commit the changes of a plan (- reads standard input)",
		Long: "apply stages the changes of a plan that `rollcall plan -o FILE` wrote, lets the guards look at them, and commits them. The\n" +
			"number of people who lose access must be given with --confirm, or typed when asked. A batch that a guard holds ends with\n" +
			"exit code 3 and names every person; where the guard may be released, --confirm N and --reason TEXT together release it. So does one\n" +
			"that needs a second person: it stays reviewed, its request lies in the folder of approvals, and --batch N commits it once it is\n" +
			"approved (what lies in the folder is taken in first).",
		Args: func(c *cobra.Command, args []string) error {
			if batch != 0 {
				return cobra.NoArgs(c, args)
			}
			return cobra.ExactArgs(1)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if batch != 0 {
				return withDesk(c, f, func(d *desk.Desk) error { return applyBatch(c, f, d, batch, confirm, reason) })
			}
			plan, err := readPlan(c.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			return withDesk(c, f, func(d *desk.Desk) error {
				return apply(c, f, d, plan, confirm, reason)
			})
		},
	}
	c.Flags().IntVar(&confirm, "confirm", -1, "the number of people who lose access (of all people, where nobody does)")
	c.Flags().StringVar(&reason, "reason", "", "why a held batch is released")
	c.Flags().Int64Var(&batch, "batch", 0, "commit a batch that was reviewed before and waited for a second person, in place of a plan")
	return c
}

func readPlan(in io.Reader, name string) (*desk.Plan, error) {
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "the plan could not be read", Err: err}
		}
		defer file.Close()
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, mostPlan))
	if err != nil {
		return nil, err
	}
	return desk.ParsePlan(data)
}

func apply(c *cobra.Command, f *flags, d *desk.Desk, plan *desk.Plan, confirm int, reason string) error {
	ctx := c.Context()
	if d.Draft() != 0 {
		return &provisioning.Error{
			Code: provisioning.Held, Message: fmt.Sprintf("batch %d is being staged at a console", d.Draft()), Hint: "commit or drop it first",
		}
	}
	if _, err := d.SyncWhole(ctx, nil); err != nil {
		return err
	}
	if _, err := d.StagePlan(ctx, plan); err != nil {
		return err
	}
	v, err := d.Review(ctx)
	if err != nil {
		return err
	}
	if confirm < 0 && !v.Held {
		if confirm, err = ask(c, v); err != nil {
			return discard(ctx, d, v.Batch.ID, err)
		}
	}
	order := desk.Commit{Batch: v.Batch.ID, Hash: v.Batch.Hash, People: confirm, Reason: reason}
	if err := d.Commit(ctx, order); err != nil {
		return discard(ctx, d, v.Batch.ID, err)
	}
	if err := follow(ctx, c.ErrOrStderr(), d, v.Batch.ID); err != nil {
		return err
	}
	return outcome(c, f, d, v.Batch.ID)
}

// applyBatch commits a batch that waited for a second person.
func applyBatch(c *cobra.Command, f *flags, d *desk.Desk, id int64, confirm int, reason string) error {
	ctx := c.Context()
	if _, err := d.SyncWhole(ctx, nil); err != nil {
		return err
	}
	if _, err := d.CollectApprovals(ctx, id); err != nil {
		return err
	}
	v, err := d.View(ctx, id)
	if err != nil {
		return err
	}
	if confirm < 0 && !v.Held {
		if confirm, err = ask(c, v); err != nil {
			return err
		}
	}
	if err := d.Commit(ctx, desk.Commit{Batch: id, Hash: v.Batch.Hash, People: confirm, Reason: reason}); err != nil {
		return err
	}
	if err := follow(ctx, c.ErrOrStderr(), d, id); err != nil {
		return err
	}
	return outcome(c, f, d, id)
}

// discard takes the batch away that this command staged, so that it does not lie in the next operator's way. One that waits for a second
// person stays: it was confirmed, and they are asked.
func discard(ctx context.Context, d *desk.Desk, id int64, cause error) error {
	if desk.Waits(cause) {
		return cause
	}
	if err := d.Cancel(context.WithoutCancel(ctx), id); err != nil {
		return fmt.Errorf("%w (and batch %d could not be cancelled: %w)", cause, id, err)
	}
	return cause
}

// ask has the number typed, where somebody is there to type it.
func ask(c *cobra.Command, v *desk.BatchView) (int, error) {
	file, ok := c.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(file.Fd()) {
		return 0, &provisioning.Error{
			Code: provisioning.Held, Message: fmt.Sprintf("%d people lose access, and nobody confirmed it", v.Lose),
			Hint: fmt.Sprintf("give --confirm %d", v.Confirm),
		}
	}
	fmt.Fprintf(c.ErrOrStderr(), "%d people, %d changes; %d lose access.\nType the number of people (%d) to commit: ",
		len(v.Batch.Units), v.Changes, v.Lose, v.Confirm)
	line, err := bufio.NewReader(file).ReadString('\n')
	if err != nil {
		return 0, &provisioning.Error{Code: provisioning.Held, Message: "nothing was typed"}
	}
	n, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return 0, &provisioning.Error{Code: provisioning.Held, Message: "that is no number"}
	}
	return n, nil
}

// follow tells how far the batch is, once a second, until it has come to rest. An interrupt pauses it.
func follow(ctx context.Context, out io.Writer, d *desk.Desk, id int64) error {
	ended := make(chan error, 1)
	go func() { ended <- d.Wait(context.WithoutCancel(ctx), id) }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	interrupted := ctx.Done()
	for {
		select {
		case err := <-ended:
			return err
		case <-interrupted:
			interrupted = nil
			if err := d.Pause(context.WithoutCancel(ctx), id); err != nil {
				return err
			}
		case <-tick.C:
			if r, err := d.Follow(context.WithoutCancel(ctx), id); err == nil {
				fmt.Fprintf(out, "%d of %d, %.1f/s, about %s left\n", r.Done, r.Total, r.Rate, r.Left.Round(time.Second))
			}
		}
	}
}

type applied struct {
	Batch     int64                   `json:"batch"`
	State     provisioning.BatchState `json:"state"`
	Confirmed int                     `json:"confirmed"`
	Already   int                     `json:"already_true"`
	ByHand    int                     `json:"by_hand"`
	Failed    []string                `json:"failed"`
	Stop      string                  `json:"stop,omitempty"`
	Record    desk.RecordMark         `json:"record"` // how far the record had come: an anchor, where it is printed or kept
}

// tally counts what became of each change of a batch.
func tally(ctx context.Context, d *desk.Desk, id int64) (*applied, error) {
	v, err := d.View(context.WithoutCancel(ctx), id)
	if err != nil {
		return nil, err
	}
	result := &applied{Batch: id, State: v.Batch.State, Stop: v.Batch.Stop, Failed: []string{}}
	for i := range v.Batch.Units {
		u := &v.Batch.Units[i]
		for _, line := range v.Lines[u.ID] {
			switch line.State {
			case provisioning.OpConfirmed:
				result.Confirmed++
			case provisioning.OpAlready:
				result.Already++
			case provisioning.OpByHand:
				result.ByHand++
			default:
				result.Failed = append(result.Failed, clean(fmt.Sprintf("%s: %s: %s %s", u.Name, line.What, line.State, line.Result)))
			}
		}
	}
	result.Record, err = d.RecordMark(context.WithoutCancel(ctx), id)
	return result, err
}

func (a *applied) print(out io.Writer) {
	fmt.Fprintf(out, "batch %d: %s; %d confirmed, %d already true, %d by hand, %d not done\n", a.Batch, a.State, a.Confirmed, a.Already, a.ByHand, len(a.Failed))
	for _, line := range a.Failed {
		fmt.Fprintln(out, "  "+line)
	}
	fmt.Fprintln(out, clean(a.Record.Line()))
}

// outcome prints what became of each change, and is exit code 5 where not all of it was done.
func outcome(c *cobra.Command, f *flags, d *desk.Desk, id int64) error {
	result, err := tally(c.Context(), d, id)
	if err != nil {
		return err
	}
	if f.json {
		if err := writeJSON(c.OutOrStdout(), result); err != nil {
			return err
		}
	} else {
		result.print(c.OutOrStdout())
	}
	if len(result.Failed) > 0 {
		return exitCode{code: exitPartly}
	}
	return nil
}
