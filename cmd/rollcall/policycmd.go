package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

func newPolicy(f *flags) *cobra.Command {
	c := &cobra.Command{
		Use:   "policy",
		Short: "check policy.toml, explain what it gives somebody, see what a change would do, and let it count",
	}
	c.AddCommand(newPolicyCheck(f), newPolicyExplain(f), newPolicyGroups(f), newPolicyEffect(f), newPolicyAccept(f))
	return c
}

// onRoll runs on a desk that has a roll: the last one that was kept, or a first one that is read.
func onRoll(c *cobra.Command, f *flags, run func(*desk.Desk) error) error {
	return withDesk(c, f, func(d *desk.Desk) error {
		if _, err := loaded(c, d); err != nil {
			return err
		}
		return run(d)
	})
}

func newPolicyCheck(f *flags) *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "read policy.toml strictly, and hold it against what was last read", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return onRoll(c, f, func(d *desk.Desk) error {
				remarks, err := d.CheckPolicy(c.Context())
				if err != nil {
					return err
				}
				if f.json {
					shown := []map[string]string{}
					for _, r := range remarks {
						shown = append(shown, map[string]string{"state": string(r.Severity), "where": r.Where, "text": r.Text})
					}
					err = writeJSON(c.OutOrStdout(), map[string]any{"remarks": shown})
				} else {
					table := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
					for _, r := range remarks {
						fmt.Fprintf(table, "%s\t%s\t%s\n", r.Severity, clean(r.Where), clean(r.Text))
					}
					err = table.Flush()
				}
				if err != nil {
					return err
				}
				for _, r := range remarks {
					if r.Severity == provisioning.FindingBad {
						return exitCode{code: exitFailed}
					}
				}
				return nil
			})
		},
	}
}

func newPolicyExplain(f *flags) *cobra.Command {
	return &cobra.Command{
		Use: "explain WHO", Short: "say what the policy gives somebody, right by right, and why", Args: cobra.ExactArgs(1),
		Long: "explain says each right that the policy gives somebody, with the rule that decided it, and how their account stands to it:\n" +
			"stays (they have it), comes (it is missing), goes (it is in excess), withheld (a wall or a disabled group keeps it back).",
		RunE: func(c *cobra.Command, args []string) error {
			return onRoll(c, f, func(d *desk.Desk) error {
				key, err := d.PersonOf(c.Context(), args[0])
				if err != nil {
					return err
				}
				x, err := d.Explained(key)
				if err != nil {
					return err
				}
				if f.json {
					return writeJSON(c.OutOrStdout(), x)
				}
				out := c.OutOrStdout()
				fmt.Fprintf(out, "%s  %s\n", clean(x.Name), clean(x.Person))
				if x.None != "" {
					fmt.Fprintln(out, "  "+clean(x.None))
				}
				table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
				for _, r := range x.Lines {
					fmt.Fprintf(table, "  %s\t%s\t%s\n", r.State, clean(r.String()), clean(r.Why))
				}
				if err := table.Flush(); err != nil {
					return err
				}
				for _, n := range x.Notes {
					fmt.Fprintln(out, "  "+clean(n))
				}
				return nil
			})
		},
	}
}

func newPolicyEffect(f *flags) *cobra.Command {
	return &cobra.Command{
		Use: "effect", Short: "say what the policy.toml that stands there now would do to the whole roster, before it counts", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return onRoll(c, f, func(d *desk.Desk) error {
				effect, err := d.PolicyEffect(c.Context())
				if err != nil {
					return err
				}
				return printEffect(c, f, effect)
			})
		},
	}
}

// shownEffect is the effect of a policy as --json prints it.
type shownEffect struct {
	Changed bool         `json:"changed"`
	Why     string       `json:"broken,omitempty"`
	Gain    int          `json:"gain"`
	Lose    int          `json:"lose"`
	People  []shownGains `json:"people"`
	Lines   []string     `json:"other,omitempty"`
	Hash    string       `json:"hash,omitempty"`
}

type shownGains struct {
	Name  string                     `json:"name"`
	Gains []provisioning.Entitlement `json:"gains,omitempty"`
	Loses []provisioning.Entitlement `json:"loses,omitempty"`
}

func printEffect(c *cobra.Command, f *flags, e *desk.PolicyEffect) error {
	out := c.OutOrStdout()
	if f.json {
		s := shownEffect{Changed: e.Changed, Why: e.Why, Gain: e.Gain, Lose: e.Lose, People: []shownGains{}, Lines: e.Lines, Hash: e.Hash}
		for _, r := range e.Rows {
			s.People = append(s.People, shownGains{r.Name, r.Gains, r.Loses})
		}
		return writeJSON(out, s)
	}
	switch {
	case !e.Changed:
		fmt.Fprintln(out, "policy.toml is the policy that counts")
		return nil
	case e.Why != "":
		fmt.Fprintf(out, "policy.toml cannot be read, the policy that was accepted goes on: %s\n", clean(e.Why))
		return exitCode{code: exitFailed}
	}
	for _, r := range e.Rows {
		fmt.Fprintln(out, clean(r.Name))
		for _, g := range r.Gains {
			fmt.Fprintln(out, "  + "+clean(g.String()))
		}
		for _, l := range r.Loses {
			fmt.Fprintln(out, "  - "+clean(l.String()))
		}
	}
	for _, l := range e.Lines {
		fmt.Fprintln(out, clean(l))
	}
	if e.Second.Needs != "" {
		fmt.Fprintf(out, "%s: %s\n", clean(e.Second.Needs), clean(e.Second.State))
	}
	fmt.Fprintf(out, "%d people gain a right, %d lose one, %d in all. It does not count yet: rollcall policy accept --confirm %d\n",
		e.Gain, e.Lose, len(e.Rows), len(e.Rows))
	return nil
}

func newPolicyAccept(f *flags) *cobra.Command {
	confirm := -1
	c := &cobra.Command{
		Use: "accept", Short: "let the policy.toml that stands there now count", Args: cobra.NoArgs,
		Long: "accept lets a changed policy count. The number of people whom it concerns, as policy effect tells it, must be given with\n" +
			"--confirm. It changes no account: what it gives or no longer gives stands on the roster then, to be staged.",
		RunE: func(c *cobra.Command, _ []string) error {
			return onRoll(c, f, func(d *desk.Desk) error {
				effect, err := d.PolicyEffect(c.Context())
				if err != nil {
					return err
				}
				if err := d.AcceptPolicy(c.Context(), effect.Hash, confirm); err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "the policy counts: %d people gain a right, %d lose one\n", effect.Gain, effect.Lose)
				return nil
			})
		},
	}
	c.Flags().IntVar(&confirm, "confirm", -1, "the number of people whom the change concerns")
	return c
}

// shownDrift is the drift of a mapped group as --json prints it.
type shownDrift struct {
	Group   string   `json:"group"`
	From    []string `json:"directory_groups"`
	InStep  int      `json:"in_step"`
	Missing []string `json:"missing"`
	Excess  []string `json:"excess"`
	Unknown []string `json:"nobody_active"`
}

func newPolicyGroups(f *flags) *cobra.Command {
	return &cobra.Command{
		Use: "groups", Short: "how far each mapped group of iManage is out of step with its directory groups, in both directions", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return onRoll(c, f, func(d *desk.Desk) error {
				drifts, err := d.GroupDrifts()
				if err != nil {
					return err
				}
				shown := make([]shownDrift, 0, len(drifts))
				for _, one := range drifts {
					s := shownDrift{Group: one.Group.String(), From: one.From, InStep: one.InStep, Missing: []string{}, Excess: []string{}, Unknown: []string{}}
					for _, m := range one.Missing {
						s.Missing = append(s.Missing, m.Name)
					}
					for _, e := range one.Excess {
						s.Excess = append(s.Excess, e.Name)
					}
					s.Unknown = append(s.Unknown, one.Unknown...)
					shown = append(shown, s)
				}
				if f.json {
					return writeJSON(c.OutOrStdout(), map[string]any{"groups": shown})
				}
				printDrifts(c.OutOrStdout(), shown)
				return nil
			})
		},
	}
}

func printDrifts(out io.Writer, drifts []shownDrift) {
	for _, s := range drifts {
		fmt.Fprintf(out, "%s  from %s: %d in step, %d missing, %d in excess, %d with nobody active behind\n", clean(s.Group), clean(strings.Join(s.From, ", ")),
			s.InStep, len(s.Missing), len(s.Excess), len(s.Unknown))
		for _, list := range []struct {
			sign  string
			names []string
		}{{"+", s.Missing}, {"-", s.Excess}, {"?", s.Unknown}} {
			for _, n := range list.names {
				fmt.Fprintf(out, "  %s %s\n", list.sign, clean(n))
			}
		}
	}
	if len(drifts) == 0 {
		fmt.Fprintln(out, "the policy maps no directory group to a group of iManage")
	}
}
