package main

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

//go:embed report.html
var reportPage string

func newReport(f *flags) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "report BATCH",
		Short: "print what a batch did: who, what, each change with its evidence, and how far the record had come",
		Long: "report prints a batch as text, as JSON with --json, or with -o FILE as one page to print or to file. Its last line is an anchor on paper:\n" +
			"rollcall audit verify --saw ROW:HEAD holds the record against it.",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || id < 1 {
				return &provisioning.Error{Code: provisioning.Invalid, Message: "there is no batch called " + clean(args[0]), Hint: "give its number"}
			}
			return withStore(c, f, func(d *desk.Desk) error {
				r, err := d.Report(c.Context(), id)
				if err != nil {
					return err
				}
				if file != "" {
					if _, err := writeNew(file, "the report", func(w io.Writer) (struct{}, error) { return struct{}{}, htmlReport(w, r) }); err != nil {
						return err
					}
				}
				out := c.OutOrStdout()
				switch {
				case f.json:
					return writeJSON(out, r)
				case file != "":
					fmt.Fprintf(out, "the report of batch %d is in %s\n%s\n", id, clean(file), clean(r.Line))
				default:
					textReport(out, r)
				}
				return nil
			})
		},
	}
	c.Flags().StringVarP(&file, "output", "o", "", "write one HTML page to this file; it must not be there yet")
	return c
}

// utc says a time on a report; "" where there is none.
func utc(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

func textReport(out io.Writer, r *desk.BatchReport) {
	fmt.Fprintf(out, "%s: batch %d %s\n", clean(r.Firm), r.Batch, clean(r.Title))
	fmt.Fprintf(out, "state      %s %s\n", r.State, clean(r.Stop))
	fmt.Fprintf(out, "hash       %s\n", r.Hash)
	fmt.Fprintf(out, "staged     %s by %s\n", utc(r.CreatedAt), clean(r.CreatedBy))
	if !r.CommittedAt.IsZero() {
		fmt.Fprintf(out, "committed  %s by %s\n", utc(r.CommittedAt), clean(r.CommittedBy))
	}
	if r.Needs != "" {
		fmt.Fprintf(out, "approval   needed: %s\n", clean(r.Needs))
	}
	for _, a := range r.Approvals {
		fmt.Fprintf(out, "approved   %s by %s, until %s\n", utc(a.At), clean(a.By), utc(a.Until))
	}
	for _, l := range r.Releases {
		fmt.Fprintf(out, "released   %s by %s: %s: %s\n", utc(l.At), clean(l.By), clean(released(l)), clean(l.Reason))
	}
	fmt.Fprintf(out, "changes    %d: %d confirmed, %d already true, %d by hand, %d not done\n", r.Changes, r.Confirmed, r.Already, r.ByHand, r.NotDone)
	for _, p := range r.People {
		fmt.Fprintf(out, "\n%s  %s  %s  %s  %s\n", clean(p.Name), clean(p.Account), clean(p.Office), p.Kind, p.State)
		for _, c := range p.Changes {
			fmt.Fprintf(out, "  %d %s  %s  %s  %s  %s\n", c.Seq, clean(c.What), clean(c.Effect), c.State, utc(c.DoneAt), clean(strings.TrimSpace(c.Evidence+" "+c.Error)))
		}
	}
	fmt.Fprintln(out)
	for _, s := range r.Course {
		fmt.Fprintf(out, "%6d  %s  %s  %s  %s\n", s.Row, utc(s.At), clean(s.Actor), s.Kind, clean(s.Detail))
	}
	fmt.Fprintf(out, "\n%s\n", clean(r.Line))
	if r.Record.Row > 0 {
		fmt.Fprintf(out, "rollcall audit verify --saw %d:%s\n", r.Record.Row, r.Record.Head)
	}
}

func released(l provisioning.Release) string {
	if l.Account != "" {
		return l.Account
	}
	return fmt.Sprintf("%d people", l.People)
}

// htmlReport writes the report as one page: no script, nothing from elsewhere, every foreign string cleaned and escaped.
func htmlReport(w io.Writer, r *desk.BatchReport) error {
	page, err := template.New("report").Funcs(template.FuncMap{
		"at": utc, "released": released,
		"clean": func(v any) string { return clean(fmt.Sprint(v)) },
	}).Parse(reportPage)
	if err != nil {
		return err
	}
	return page.Execute(w, r)
}
