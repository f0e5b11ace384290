package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/report"
)

// period is a span of days as an operator types it.
type period struct{ from, to string }

func (p *period) flags(c *cobra.Command) {
	c.Flags().StringVar(&p.from, "from", "", "the first day, 2026-10-01 (default: the beginning)")
	c.Flags().StringVar(&p.to, "to", "", "the last day, 2026-12-31 (default: now)")
}

// query reads the days, by the clock of this machine; the last one counts whole.
func (p *period) query() (q desk.TableQuery, err error) {
	read := func(flag, text string) (time.Time, error) {
		if text == "" {
			return time.Time{}, nil
		}
		day, err := time.ParseInLocation(time.DateOnly, text, time.Local)
		if err != nil {
			return day, &provisioning.Error{Code: provisioning.Invalid, Message: flag + " is no day: " + text, Hint: "write it as 2026-10-01"}
		}
		return day, nil
	}
	if q.From, err = read("--from", p.from); err != nil {
		return q, err
	}
	if q.To, err = read("--to", p.to); err != nil {
		return q, err
	}
	if !q.To.IsZero() {
		q.To = q.To.AddDate(0, 0, 1)
	}
	if !q.To.IsZero() && !q.From.Before(q.To) {
		return q, &provisioning.Error{Code: provisioning.Invalid, Message: "--from is after --to"}
	}
	return q, nil
}

func newExport(f *flags) *cobra.Command {
	var (
		days             period
		format, file, by string
	)
	c := &cobra.Command{
		Use:   "export REPORT...",
		Short: "write reports as CSV, XLSX, JSON or one page to print; or everything an auditor asks for as one signed file",
		Long:  exportHelp(),
		Args:  cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			q, err := days.query()
			if err != nil {
				return err
			}
			q.Operator = by
			if len(args) == 1 && args[0] == "evidence" {
				return exportEvidence(c, f, q, file)
			}
			if f.json {
				format = "json"
			}
			as, err := report.FormatOf(format)
			if err != nil {
				return err
			}
			if len(args) > 1 && !as.Books {
				return &provisioning.Error{Code: provisioning.Invalid, Message: as.Name + " holds one report in a file", Hint: "ask for one, or for --format xlsx, html or json"}
			}
			return withDesk(c, f, func(d *desk.Desk) error { return exportTables(c, d, q, args, as, file) })
		},
	}
	days.flags(c)
	c.Flags().StringVar(&format, "format", "csv", "csv, xlsx, json or html")
	c.Flags().StringVarP(&file, "output", "o", "", "the file to write; it must not be there yet (default: the screen, but for xlsx)")
	c.Flags().StringVar(&by, "by", "", "of what happened, only what this operator did")
	return c
}

func exportHelp() string {
	var b strings.Builder
	b.WriteString("export writes one or more reports:\n\n")
	for _, t := range desk.Tables() {
		fmt.Fprintf(&b, "  %-11s %s\n", t.Name, t.What)
	}
	b.WriteString("  evidence    all of it and more, in one signed file that `rollcall audit verify FILE` proves on any machine\n\n" +
		"CSV and XLSX hold no formula, whatever people are called. JSON holds every text as it is, for programs. --from and --to narrow what happened;\n" +
		"what is (mismatches, privileged, orphans, dormant, licences) is as it was read last.")
	return b.String()
}

func exportTables(c *cobra.Command, d *desk.Desk, q desk.TableQuery, names []string, as report.Format, file string) error {
	book := &report.Book{Title: "Reports", Made: time.Now()}
	for _, name := range names {
		t, err := d.Table(c.Context(), name, q)
		if err != nil {
			return err
		}
		book.Title, book.Firm, book.By = t.Title, t.Firm, t.By
		book.Tables = append(book.Tables, *t)
	}
	if len(names) > 1 {
		book.Title = "Reports"
	}
	what := fmt.Sprintf("%s as %s", strings.Join(names, ", "), as.Name)
	if file == "" {
		if as.Name == "xlsx" {
			return &provisioning.Error{Code: provisioning.Invalid, Message: "a workbook needs a file", Hint: "give -o FILE.xlsx"}
		}
		if err := as.Write(c.OutOrStdout(), book); err != nil {
			return err
		}
		return d.NoteExport(c.Context(), what)
	}
	if _, err := writeNew(file, "the report", func(w io.Writer) (struct{}, error) { return struct{}{}, as.Write(w, book) }); err != nil {
		return err
	}
	rows := 0
	for i := range book.Tables {
		rows += len(book.Tables[i].Rows)
	}
	fmt.Fprintf(c.OutOrStdout(), "%s: %d rows are in %s\n", strings.Join(names, ", "), rows, clean(file))
	return d.NoteExport(c.Context(), what)
}

func exportEvidence(c *cobra.Command, f *flags, q desk.TableQuery, file string) error {
	if file == "" {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "the evidence needs a file", Hint: "give -o FILE.zip"}
	}
	return withDesk(c, f, func(d *desk.Desk) error {
		done, err := writeNew(file, "the evidence", func(w io.Writer) (audit.EvidenceDone, error) {
			return d.Evidence(c.Context(), w, desk.EvidenceQuery{From: q.From, To: q.To, Program: "rollcall " + version})
		})
		if err != nil {
			return err
		}
		if f.json {
			return writeJSON(c.OutOrStdout(), map[string]any{"file": file, "parts": done.Parts, "size": done.Size, "sha256": hex.EncodeToString(done.SHA256), "key": done.Fingerprint})
		}
		fmt.Fprintf(c.OutOrStdout(), "%d parts are in %s\nsha256 %x\nsigned by %s\nrollcall audit verify %s proves it on any machine\n", done.Parts, clean(file), done.SHA256, done.Fingerprint, clean(file))
		return nil
	})
}

// printEvidence says what was found in an evidence bundle, in plain words, and is exit code 1 where something does not hold.
func printEvidence(c *cobra.Command, f *flags, r *audit.EvidenceReport) error {
	out := c.OutOrStdout()
	verdict := fmt.Sprintf("the bundle holds: %d parts, %d rows of the record, %d certificates, %d snapshots of reviews", len(r.Parts), r.Rows, r.Certificates, r.Reviews)
	if !r.OK() {
		verdict = fmt.Sprintf("the bundle DOES NOT HOLD: %d findings", len(r.Findings))
	}
	if f.json {
		if err := writeJSON(out, map[string]any{
			"ok": r.OK(), "verdict": verdict, "findings": append([]audit.EvidenceFinding{}, r.Findings...), "parts": r.Parts, "head": r.Head, "notes": r.Notes,
			"proves": r.Proves, "does_not_prove": r.DoesNotProve, "key": hex.EncodeToString(r.Key), "fingerprint": r.Fingerprint(), "vouched_by": r.Vouched,
			"sha256": hex.EncodeToString(r.SHA256), "rows": r.Rows, "certificates": r.Certificates, "reviews": r.Reviews,
		}); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(out, verdict)
		for _, one := range r.Findings {
			fmt.Fprintf(out, "  %s: %s\n", one.Kind, cleanLong(one.Sentence))
		}
		for _, p := range r.Parts {
			mark := "ok "
			if !p.Holds {
				mark = "BAD"
			}
			fmt.Fprintf(out, "  %s  %-32s %-17s %s\n", mark, clean(p.Name), clean(p.Kind), cleanLong(p.Summary))
		}
		for _, part := range []struct {
			title string
			lines []string
		}{{"Notes", r.Notes}, {"What this proves", r.Proves}, {"What it does not prove", r.DoesNotProve}} {
			if len(part.lines) > 0 {
				fmt.Fprintf(out, "\n%s\n", part.title)
			}
			for _, line := range part.lines {
				fmt.Fprintf(out, "  %s\n", cleanLong(line))
			}
		}
	}
	if !r.OK() {
		return exitCode{code: exitFailed, err: fmt.Errorf("%s", verdict)}
	}
	return nil
}

// cleanLong cleans a sentence word by word: it may be longer than a name, and is cut nowhere.
func cleanLong(s string) string {
	words := strings.Fields(s)
	for i := range words {
		words[i] = clean(words[i])
	}
	return strings.Join(words, " ")
}
