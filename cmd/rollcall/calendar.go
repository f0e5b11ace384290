package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

func newCalendar(f *flags) *cobra.Command {
	var takeBack int64
	c := &cobra.Command{
		Use: "calendar", Short: "the batches that begin at their own minute, and those whose minute was missed", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withStore(c, f, func(d *desk.Desk) error {
				if takeBack != 0 {
					if err := d.Unschedule(c.Context(), takeBack); err != nil {
						return err
					}
					fmt.Fprintf(c.OutOrStdout(), "batch %d is a draft again\n", takeBack)
					return nil
				}
				planned, err := d.Calendar(c.Context())
				if err != nil {
					return err
				}
				return printCalendar(c, f, planned)
			})
		},
	}
	c.Flags().Int64Var(&takeBack, "take-back", 0, "make this batch a draft again: it does not begin by itself any more")
	return c
}

type shownPlanned struct {
	Batch  int64                   `json:"batch"`
	State  provisioning.BatchState `json:"state"`
	Due    time.Time               `json:"due"`
	Zone   string                  `json:"zone"`
	Title  string                  `json:"title"`
	People int                     `json:"people"`
	Lose   int                     `json:"lose"`
	By     string                  `json:"by"`
	Sealed bool                    `json:"sealed"`
}

func printCalendar(c *cobra.Command, f *flags, planned []desk.Planned) error {
	if f.json {
		out := []shownPlanned{}
		for _, p := range planned {
			out = append(out, shownPlanned{p.ID, p.State, p.Due, p.Zone, p.Title, p.People, p.Lose, p.By, p.Sealed})
		}
		return writeJSON(c.OutOrStdout(), map[string]any{"calendar": out})
	}
	if len(planned) == 0 {
		fmt.Fprintln(c.OutOrStdout(), "nothing is scheduled")
		return nil
	}
	table := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, p := range planned {
		fmt.Fprintf(table, "%s\tbatch %d\t%s\t%s\t%d people, %d lose access\tby %s\n",
			p.Due.Local().Format("Mon 2 Jan 2006 15:04 MST"), p.ID, p.State, clean(p.Title), p.People, p.Lose, clean(p.By))
	}
	return table.Flush()
}

func newWorker(f *flags) *cobra.Command {
	return &cobra.Command{
		Use: "worker", Short: "begin scheduled batches at their minute, until it is interrupted", Args: cobra.NoArgs,
		Long: "worker does what an open console does, with nobody at it: it begins each scheduled batch at its minute, if the guards still let\n" +
			"it go. A batch whose minute passed while no rollcall ran is never begun by itself: rollcall calendar tells it as missed. It reads\n" +
			"accounts that were disabled again, too, until they are seen off: rollcall removals lists those that are not.",
		RunE: func(c *cobra.Command, _ []string) error {
			return withTold(c, f, nil, func(d *desk.Desk) error {
				if why := d.ReadOnly(); why != "" {
					return &provisioning.Error{Code: provisioning.ReadOnly, Message: why, Hint: "that process begins the scheduled batches"}
				}
				d.RunSchedule()
				planned, err := d.Calendar(c.Context())
				if err != nil {
					return err
				}
				fmt.Fprintf(c.ErrOrStderr(), "waiting: %d in the calendar; interrupt to end\n", len(planned))
				<-c.Context().Done()
				return nil
			})
		},
	}
}
