package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
)

func newPlan(f *flags) *cobra.Command {
	var (
		output   string
		kinds    []string
		detailed bool
	)
	c := &cobra.Command{
		Use:   "plan",
		Short: "read, compare, and print every mismatch and the changes that would mend it",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			wanted, err := parseKinds(kinds)
			if err != nil {
				return err
			}
			return withDesk(c, f, func(d *desk.Desk) error {
				roll, err := d.SyncWhole(c.Context(), nil)
				if err != nil {
					return err
				}
				plan, err := d.Plan(wanted...)
				if err != nil {
					return err
				}
				if err := printPlan(c.OutOrStdout(), plan, f.json, output); err != nil {
					return err
				}
				if err := unproven(roll); err != nil {
					return err
				}
				if detailed && len(plan.Mismatches) > 0 {
					return exitCode{code: exitDifferences}
				}
				return nil
			})
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "", "write the plan to a file (0600, never over another) for rollcall apply")
	c.Flags().StringSliceVar(&kinds, "kind", nil, "only these kinds of mismatch: "+kindList())
	c.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit 4 where there are differences")
	return c
}

func kindList() string {
	var list []string
	for _, k := range provisioning.Kinds() {
		list = append(list, string(k))
	}
	return strings.Join(list, ", ")
}

func parseKinds(given []string) ([]provisioning.Kind, error) {
	var kinds []provisioning.Kind
	for _, s := range given {
		k := provisioning.Kind(s)
		if k.Rank() == len(provisioning.Kinds()) {
			return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "no such kind of mismatch: " + s, Hint: "the kinds are " + kindList()}
		}
		kinds = append(kinds, k)
	}
	return kinds, nil
}

func printPlan(out io.Writer, plan *desk.Plan, asJSON bool, file string) error {
	if file != "" {
		w, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return &provisioning.Error{
				Code: provisioning.Invalid, Message: "the plan could not be written", Hint: "name a file that does not exist yet", Err: err,
			}
		}
		if err := writeJSON(w, plan); err != nil {
			w.Close()
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
	}
	if asJSON {
		return writeJSON(out, plan)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, m := range plan.Mismatches {
		managed := ""
		if m.Managed {
			managed = " (waits for the directory)"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s%s\n", m.Kind, clean(strings.Join(m.Persons, " ")), clean(strings.Join(m.Accounts, " ")), clean(m.Detail), managed)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d mismatches, %d changes would mend what may be mended, %d wait for somebody\n",
		len(plan.Mismatches), len(plan.Changes), len(plan.Held))
	if file != "" {
		fmt.Fprintf(out, "written to %s\n", clean(file))
	}
	return nil
}

func clean(s string) string { return names.Clean(s).String() }
