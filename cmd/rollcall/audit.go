package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

func newAudit(f *flags) *cobra.Command {
	c := &cobra.Command{Use: "audit", Short: "list the record, or verify its chain"}
	c.AddCommand(newAuditList(f), newAuditVerify(f))
	return c
}

func newAuditList(f *flags) *cobra.Command {
	var q desk.RecordQuery
	c := &cobra.Command{
		Use:   "list [WORDS]",
		Short: "list the record, newest first",
		RunE: func(c *cobra.Command, args []string) error {
			q.Text = strings.Join(args, " ")
			return withStore(c, f, func(d *desk.Desk) error {
				records, err := d.Records(c.Context(), q)
				if err != nil {
					return err
				}
				out := c.OutOrStdout()
				if f.json {
					if records == nil {
						records = []provisioning.Record{}
					}
					return writeJSON(out, records)
				}
				for _, r := range records {
					e := r.Event
					fmt.Fprintf(out, "%6d  %s  %-12s  %-12s  %s %s\n", r.Seq, e.At.Local().Format("2006-01-02 15:04:05"),
						clean(e.Actor), e.Kind, clean(e.Subject), clean(e.Detail))
				}
				return nil
			})
		},
	}
	c.Flags().IntVar(&q.Limit, "limit", 50, "how many; 0: all")
	c.Flags().Int64Var(&q.Batch, "batch", 0, "only of this batch")
	return c
}

func newAuditVerify(f *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "check every row of the record against its chain",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withStore(c, f, func(d *desk.Desk) error {
				r, err := d.Verify(c.Context())
				if err != nil {
					return err
				}
				out := c.OutOrStdout()
				switch {
				case f.json:
					if err := writeJSON(out, map[string]any{"ok": r.OK, "rows": r.Count, "bad_row": r.Bad, "reason": r.Reason, "head": r.Head}); err != nil {
						return err
					}
				case r.OK:
					fmt.Fprintf(out, "the record holds: %d rows, head %s\n", r.Count, r.Head)
				}
				if !r.OK {
					return exitCode{code: exitFailed, err: fmt.Errorf("the record does not hold at row %d: %s", r.Bad, clean(r.Reason))}
				}
				return nil
			})
		},
	}
}
