package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

func newLicences(f *flags) *cobra.Command {
	var months int
	c := &cobra.Command{
		Use:   "licences",
		Short: "seats by class, whether they are used, and what they cost",
		Long: "licences counts the seats as they were read last. Used, not used, unknown: iManage publishes no last sign-in, so use is inferred from document\n" +
			"history (rollcall licences use reads it) and from the directory's sign-ins; what could not be read whole is unknown, and never taken back.\n\n" +
			"An unused seat is taken back in three steps: rollcall licences notice ACCOUNT... writes the notices, the grace days run, and rollcall licences\n" +
			"reclaim stages the accounts of those that are still not used, as a batch like any other. Right before each is closed its use is read again.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withDesk(c, f, func(d *desk.Desk) error { return printSeats(c, f, d, months) })
		},
	}
	c.Flags().IntVar(&months, "months", 6, "how far the forecast goes")
	c.AddCommand(newLicencesUse(f), newLicencesNotice(f), newLicencesReclaim(f), newLicencesNotices(f), newLicencesWithdraw(f))
	return c
}

func printSeats(c *cobra.Command, f *flags, d *desk.Desk, months int) error {
	book, err := d.Seats(c.Context())
	if err != nil {
		return err
	}
	forecast, err := d.Forecast(c.Context(), months)
	if err != nil {
		return err
	}
	classes := book.By(func(s *desk.Seat) string { return s.Class })
	offices := book.By(func(s *desk.Seat) string { return s.Office })
	reclaimable, held, currency := book.Reclaimable(), book.Held(), clean(book.Currency)
	out := c.OutOrStdout()
	if f.json {
		return writeJSON(out, map[string]any{
			"currency": book.Currency, "total": book.All(), "classes": classes, "offices": offices, "reclaimable": append([]desk.Seat{}, reclaimable...),
			"held": append([]desk.Seat{}, held...), "seats": book.Seats, "forecast": forecast,
		})
	}
	table := func(title string, totals []desk.SeatTotal) {
		fmt.Fprintf(out, "%-28s %7s %16s %8s %16s %8s %9s\n", title, "paid", "a year", "unused", "they cost", "unknown", "disabled")
		for _, t := range totals {
			fmt.Fprintf(out, "%-28s %7d %16s %8d %16s %8d %9d\n", clean(t.Name), t.Paid, t.Money.In(currency), t.Unused, t.UnusedMoney.In(currency), t.Unknown, t.Disabled)
		}
		fmt.Fprintln(out)
	}
	table("class", append(classes, book.All()))
	table("office", offices)
	if term := book.All().Term; term > 0 {
		fmt.Fprintf(out, "%s of it is for the time until the renewals\n", term.In(currency))
	}
	printReclaimable(out, currency, reclaimable)
	printHeldSeats(out, held)
	fmt.Fprintln(out, "\nforecast")
	for _, m := range forecast {
		fmt.Fprintf(out, "  %s  %6d seats  %16s a year  +%d -%d\n", m.From.Format("Jan 2006"), m.Seats, m.Money.In(currency), m.Joiners, m.Leavers)
	}
	return nil
}

// printReclaimable lists what may be taken back, and what that saves where the policy names prices.
func printReclaimable(out io.Writer, currency string, list []desk.Seat) {
	var saves provisioning.Money
	for i := range list {
		saves += list[i].Saves
	}
	said := ""
	if currency != "" {
		said = ", which saves " + saves.In(currency) + " a year"
	}
	fmt.Fprintf(out, "%d seats may be taken back%s\n", len(list), said)
	for i := range list {
		s := &list[i]
		fmt.Fprintf(out, "  %-14s %-28s %-12s %s\n", clean(s.Account), clean(s.Name), clean(s.Class), cleanLong(s.How))
	}
}

// printHeldSeats says of the seats that are unused as long how many stay, by what stands in the way.
func printHeldSeats(out io.Writer, list []desk.Seat) {
	if len(list) == 0 {
		return
	}
	count := make(map[string]int)
	for i := range list {
		count[list[i].Kept]++
	}
	fmt.Fprintf(out, "unused as long, and not to be taken back: %d\n", len(list))
	for _, why := range slices.Sorted(maps.Keys(count)) {
		fmt.Fprintf(out, "  %6d %s\n", count[why], cleanLong(why))
	}
}

func newLicencesUse(f *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "use",
		Short: "read when each account was last at work, from the document history",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withDesk(c, f, func(d *desk.Desk) error {
				u, err := d.ReadUse(c.Context(), nil)
				if err != nil {
					return err
				}
				if f.json {
					return writeJSON(c.OutOrStdout(), u)
				}
				fmt.Fprintf(c.OutOrStdout(), "the use of %d accounts was read since %s: %d whole\n", u.Accounts, u.Since.Local().Format("2 Jan 2006"), u.Whole)
				for _, why := range u.Why {
					fmt.Fprintf(c.OutOrStdout(), "  unknown: %s\n", cleanLong(why))
				}
				return nil
			})
		},
	}
}

func newLicencesNotice(f *flags) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "notice ACCOUNT... -o FILE",
		Short: "give notice of unused seats, and write it out for each person",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if file == "" {
				return &provisioning.Error{Code: provisioning.Invalid, Message: "the notices need a file", Hint: "give -o FILE"}
			}
			return withDesk(c, f, func(d *desk.Desk) error {
				var n *desk.Notice
				if _, err := writeNew(file, "the notices", func(w io.Writer) (_ struct{}, err error) {
					if n, err = d.GiveNotice(c.Context(), args); err != nil {
						return struct{}{}, err
					}
					_, err = w.Write(n.Text)
					return struct{}{}, err
				}); err != nil {
					return err
				}
				if f.json {
					return writeJSON(c.OutOrStdout(), map[string]any{"notices": n.Reclaims, "left": append([]desk.Left{}, n.Left...), "file": file})
				}
				fmt.Fprintf(c.OutOrStdout(), "%d notices are in %s; the seats may be taken back after %s\n", len(n.Reclaims), clean(file), n.Reclaims[0].ActAfter.Local().Format("2 Jan 2006 15:04"))
				printLeft(c.OutOrStdout(), "left out", n.Left)
				return nil
			})
		},
	}
	c.Flags().StringVarP(&file, "output", "o", "", "the file to write the notices to; it must not be there yet")
	return c
}

func printLeft(out io.Writer, word string, list []desk.Left) {
	for _, l := range list {
		fmt.Fprintf(out, "  %s: %s (%s): %s\n", word, clean(l.Name), clean(l.Key), cleanLong(l.Why))
	}
}

func newLicencesReclaim(f *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "reclaim",
		Short: "stage the seats whose grace days are over and that are still not used",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withDesk(c, f, func(d *desk.Desk) error {
				s, err := d.StageReclaims(c.Context(), nil)
				if err != nil {
					return err
				}
				if f.json {
					return writeJSON(c.OutOrStdout(), s)
				}
				if s.Batch == 0 {
					fmt.Fprintln(c.OutOrStdout(), "no seat is to be taken back now")
				} else {
					fmt.Fprintf(c.OutOrStdout(), "%d accounts are staged in batch %d: review and commit it in the console\n", s.People, s.Batch)
				}
				printLeft(c.OutOrStdout(), "kept, used since", s.Cancelled)
				printLeft(c.OutOrStdout(), "waits", s.Waiting)
				return nil
			})
		},
	}
}

func newLicencesNotices(f *flags) *cobra.Command {
	var open bool
	c := &cobra.Command{
		Use:   "notices",
		Short: "the seats that notice was given of, and what became of them",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withStore(c, f, func(d *desk.Desk) error {
				list, err := d.Reclaims(c.Context(), open)
				if err != nil {
					return err
				}
				if f.json {
					return writeJSON(c.OutOrStdout(), append([]provisioning.Reclaim{}, list...))
				}
				if len(list) == 0 {
					fmt.Fprintln(c.OutOrStdout(), "no notice was given")
				}
				for i := range list {
					r := &list[i]
					fmt.Fprintf(c.OutOrStdout(), "%-5d %-14s %-28s %-10s after %s  %s\n", r.ID, clean(r.Account), clean(r.Name), r.State, r.ActAfter.Local().Format("2 Jan 2006 15:04"), cleanLong(r.Why))
				}
				return nil
			})
		},
	}
	c.Flags().BoolVar(&open, "open", false, "only those that are not done or cancelled")
	return c
}

func newLicencesWithdraw(f *flags) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "withdraw NOTICE...",
		Short: "take notices back: the seats stay",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var ids []int64
			for _, a := range args {
				id, err := strconv.ParseInt(a, 10, 64)
				if err != nil || id < 1 {
					return &provisioning.Error{Code: provisioning.Invalid, Message: "there is no notice called " + clean(a), Hint: "rollcall licences notices lists them with their numbers"}
				}
				ids = append(ids, id)
			}
			return withStore(c, f, func(d *desk.Desk) error {
				if err := d.WithdrawNotice(c.Context(), ids, reason); err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "%d notices were taken back\n", len(ids))
				return nil
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the record")
	return c
}
