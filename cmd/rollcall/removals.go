package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"rollcall/provisioning/desk"
)

func newRemovals(f *flags) *cobra.Command {
	var open, look bool
	c := &cobra.Command{
		Use:   "removals",
		Short: "whom batches closed out, and whether each was seen off",
		Long: "removals lists the accounts that batches closed: those that are not seen off yet first, overdue ones before the rest. An open console\n" +
			"or rollcall worker reads each again until it is seen off: a minute after the act, then after 15 and 30 minutes, 1, 2, 4 and 8 hours, and\n" +
			"every day from then on. With --look they are read now. Seen off claims nothing about sessions.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			with := withStore
			if look {
				with = withDesk
			}
			return with(c, f, func(d *desk.Desk) error {
				if look {
					if err := d.LookNow(c.Context(), 0, ""); err != nil {
						return err
					}
				}
				list, err := d.Removals(c.Context())
				if err != nil {
					return err
				}
				if open {
					list = slices.DeleteFunc(list, func(v desk.RemovalView) bool { return !v.Open() })
				}
				return printRemovals(c, f, list)
			})
		},
	}
	c.Flags().BoolVar(&open, "open", false, "only those that are not seen off yet")
	c.Flags().BoolVar(&look, "look", false, "read the open ones now")
	return c
}

func printRemovals(c *cobra.Command, f *flags, list []desk.RemovalView) error {
	if f.json {
		return writeJSON(c.OutOrStdout(), map[string]any{"removals": append([]desk.RemovalView{}, list...)})
	}
	if len(list) == 0 {
		fmt.Fprintln(c.OutOrStdout(), "nobody")
	}
	for i := range list {
		v := &list[i]
		fmt.Fprintf(c.OutOrStdout(), "batch %-5d %-14s %-28s %s\n", v.Batch, clean(v.Account), clean(v.Name), clean(v.Sentence))
	}
	return nil
}
