package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

func newDoctor(f *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor [CONNECTION...]",
		Short: "examine every connection right by right, with reads only, and say how to mend what is missing",
		Long: "doctor examines each connection: whether it is reached, how it is protected, the clocks, the sign-in, each right, the attributes,\n" +
			"the rate, and whether the last read was proven whole. It changes nothing. What it prints holds no secret and nobody's name, so\n" +
			"that it can be pasted into a ticket. It exits 1 where something is missing.",
		RunE: func(c *cobra.Command, names []string) error {
			return withDesk(c, f, func(d *desk.Desk) error {
				health, err := d.Examine(c.Context(), names, nil)
				if err != nil {
					return err
				}
				if f.json {
					if err := writeJSON(c.OutOrStdout(), map[string]any{"connections": health}); err != nil {
						return err
					}
				} else {
					printHealth(c, health)
				}
				for i := range health {
					if health[i].Worst() == provisioning.FindingBad {
						return exitCode{code: exitFailed}
					}
				}
				return nil
			})
		},
	}
}

// A finding's text is broken into lines that a ticket shows whole.
const (
	findingWidth = 100
	findingLines = 12
)

func printHealth(c *cobra.Command, health []desk.Health) {
	out := c.OutOrStdout()
	missing, warnings := 0, 0
	for _, h := range health {
		fmt.Fprintf(out, "%s (%s)\n", clean(h.Name), clean(h.System))
		for _, f := range h.Findings {
			told := func(state provisioning.FindingState, what, text string) {
				for _, line := range ui.Paragraph(text, findingWidth, findingLines) {
					fmt.Fprintf(out, "  %-8s %-26s %s\n", state, clean(what), line)
					state, what = "", ""
				}
			}
			told(f.State, f.What, f.Detail)
			switch f.State {
			case provisioning.FindingBad:
				missing++
			case provisioning.FindingWarning:
				warnings++
			case provisioning.FindingGood:
				continue
			}
			if f.Mend != "" {
				told("", "", "mend: "+f.Mend)
			}
			if f.What == provisioning.SignIn && f.State == provisioning.FindingBad {
				told("", "", "then: rollcall connect --rotate "+h.Name)
			}
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintf(out, "%d missing, %d warnings. Nothing was changed; no secret and nobody's name stands here.\n", missing, warnings)
}
