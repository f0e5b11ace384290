package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/report"
)

func newDashboard(f *flags) *cobra.Command {
	var rows string
	c := &cobra.Command{
		Use:   "dashboard",
		Short: "the firm at a glance: mismatches, leavers, seats and money, reviews, reads",
		Long:  "dashboard prints the figures of the console's dashboard as the firm was read last; --json adds how they went over the last 90 days.\n--rows KEY opens a figure to the rows that it counts.",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withDesk(c, f, func(d *desk.Desk) error {
				out := c.OutOrStdout()
				if rows != "" {
					t, err := d.FigureRows(c.Context(), rows)
					if err != nil {
						return err
					}
					book := &report.Book{Title: t.Title, Firm: t.Firm, By: t.By, Made: t.Made, Tables: []report.Table{*t}}
					if f.json {
						return report.WriteJSON(out, book)
					}
					return report.WriteCSV(out, t)
				}
				b, err := d.Dashboard(c.Context())
				if err != nil {
					return err
				}
				if f.json {
					return writeJSON(out, b)
				}
				fmt.Fprintf(out, "%s, as read %s\n", clean(b.Firm), b.ReadAt.Local().Format("2 Jan 2006 15:04"))
				group := ""
				for i := range b.Figures {
					one := &b.Figures[i]
					if one.Group != group {
						group = one.Group
						fmt.Fprintf(out, "\n%s\n", group)
					}
					fmt.Fprintf(out, "  %-44s %18s   %s\n", clean(one.Label), figureText(one), one.Key)
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&rows, "rows", "", "open this figure, by its key, to its rows (as CSV; with --json as JSON)")
	return c
}

// figureText is a figure as people read it.
func figureText(f *desk.Figure) string {
	switch {
	case f.None:
		return "-"
	case f.Unit == desk.UnitMoney:
		return provisioning.Money(f.Value).In(clean(f.Currency))
	case f.Unit == desk.UnitMinutes:
		return provisioning.Minutes(f.Value).String()
	default:
		return fmt.Sprint(f.Value)
	}
}
