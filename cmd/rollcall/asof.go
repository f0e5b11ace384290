package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

func newAsOf(f *flags) *cobra.Command {
	c := &cobra.Command{
		Use:   "asof",
		Short: "say who could open what at a moment of the past",
		Long: "It answers from the complete reads of the document system and from what rollcall itself did. DATE is like 2026-11-20 (the end of\n" +
			"that day), \"2026-11-20 17:00\", \"20 nov 17:00\", yesterday or now, in this machine's time zone.",
		Example: "  rollcall asof 2026-11-20 who TBARNES\n  rollcall asof \"20 nov 17:00\" library LON-COR",
		Args:    cobra.MinimumNArgs(3),
		RunE: func(c *cobra.Command, args []string) error {
			at, err := desk.ParsePast(args[0], time.Now())
			if err != nil {
				return err
			}
			what := strings.Join(args[2:], " ")
			return withDesk(c, f, func(d *desk.Desk) error {
				var a *desk.AsOf
				switch args[1] {
				case "who":
					a, err = d.AsOfWho(c.Context(), at, what)
				case "library":
					a, err = d.AsOfLibrary(c.Context(), at, what)
				default:
					err = &provisioning.Error{Code: provisioning.Invalid, Message: "asof answers who or library, not " + args[1], Hint: "see rollcall asof --help"}
				}
				if err != nil {
					return err
				}
				if f.json {
					return writeJSON(c.OutOrStdout(), a)
				}
				printAsOf(c.OutOrStdout(), a)
				return nil
			})
		},
	}
	return c
}

const asOfTime = "2 Jan 2006 15:04 MST"

func printAsOf(out io.Writer, a *desk.AsOf) {
	at := a.At.Local().Format(asOfTime)
	if a.Library != "" {
		open := 0
		for i := range a.Rows {
			if a.Rows[i].Place.Enabled && a.Rows[i].Enabled {
				open++
			}
		}
		fmt.Fprintf(out, "%s as of %s: %d could open it\n\n", clean(a.Library), at, open)
		for i := range a.Rows {
			printPlace(out, &a.Rows[i])
		}
	} else {
		for i := range a.Rows {
			printHeld(out, &a.Rows[i], at)
		}
	}
	fmt.Fprintf(out, "\nknown from the read of %s", moment(a.Reads.Before))
	if !a.Reads.After.IsZero() {
		fmt.Fprintf(out, " and the next one of %s", moment(a.Reads.After))
	}
	fmt.Fprintf(out, "; the history begins %s\n", moment(a.Reads.Begins))
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "no earlier moment"
	}
	return t.Local().Format(asOfTime)
}

// printPlace prints one account's place in the library that was asked for.
func printPlace(out io.Writer, r *desk.AsOfRow) {
	var groups []string
	for _, g := range r.Groups {
		if g.Library == r.Place.Library {
			groups = append(groups, g.Group)
		}
	}
	state := ""
	switch {
	case !r.Place.Enabled:
		state = "  closed"
	case !r.Enabled:
		state = "  closed, not yet seen closed here"
	}
	fmt.Fprintf(out, "  %-14s %-30s %-12s %s%s\n", clean(r.Account), clean(r.Name), clean(r.Place.Role), clean(strings.Join(groups, " ")), state)
	if r.Doubt != "" {
		fmt.Fprintf(out, "    ? %s\n", r.Doubt)
	}
}

// printHeld prints all that one account held.
func printHeld(out io.Writer, r *desk.AsOfRow, at string) {
	state := "enabled"
	switch {
	case !r.Exists:
		state = "no such account"
	case !r.Enabled:
		state = "disabled"
	}
	fmt.Fprintf(out, "%s · %s as of %s: %s\n", clean(r.Name), clean(r.Account), at, state)
	fmt.Fprintf(out, "  so since %s (%s)\n", r.Since.Local().Format(asOfTime), clean(r.How))
	if r.Doubt != "" {
		fmt.Fprintf(out, "  ? %s\n", r.Doubt)
	}
	for _, m := range r.Memberships {
		var groups []string
		for _, g := range r.Groups {
			if g.Library == m.Library {
				groups = append(groups, g.Group)
			}
		}
		closed := ""
		if !m.Enabled {
			closed = "  closed"
		}
		fmt.Fprintf(out, "  %-12s role %-12s %s%s\n", clean(m.Library), clean(m.Role), clean(strings.Join(groups, " ")), closed)
	}
	var global []string
	for _, g := range r.Groups {
		if g.Library == "" {
			global = append(global, g.Group)
		}
	}
	if len(global) > 0 {
		fmt.Fprintf(out, "  groups of the firm: %s\n", clean(strings.Join(global, " ")))
	}
	if len(r.GlobalRoles) > 0 {
		fmt.Fprintf(out, "  global roles: %s\n", clean(strings.Join(r.GlobalRoles, " ")))
	}
}
