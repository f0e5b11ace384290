package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/provisioning/desk"
)

func newWho(f *flags) *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:   "who NAME",
		Short: "find somebody by name, login, email, office or account, and say how they stand",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withDesk(c, f, func(d *desk.Desk) error {
				roll, err := loaded(c, d)
				if err != nil {
					return err
				}
				hits, err := d.Search(c.Context(), roll, strings.Join(args, " "), desk.FilterAll)
				if err != nil {
					return err
				}
				rows := hits.Rows
				if limit > 0 && len(rows) > limit {
					rows = rows[:limit]
				}
				return printWho(c, f, d, roll, rows, hits.Total)
			})
		},
	}
	c.Flags().IntVar(&limit, "limit", 10, "how many to show; 0: all that were ranked")
	return c
}

type whoRow struct {
	Name     string   `json:"name"`
	Person   string   `json:"person,omitempty"`
	Accounts []string `json:"accounts"`
	Kinds    []string `json:"mismatches"`
	Sentence string   `json:"sentence"`
}

func printWho(c *cobra.Command, f *flags, d *desk.Desk, roll *desk.Roll, rows []int32, total int) error {
	out := c.OutOrStdout()
	found := []whoRow{}
	for _, i := range rows {
		row := &roll.Rows[i]
		w := whoRow{Accounts: []string{}, Kinds: []string{}, Sentence: d.Explain(roll, int(i)).Long}
		if row.Person != nil {
			w.Name, w.Person = row.Person.FullName, row.Person.Key.ID
		}
		for _, a := range row.Accounts {
			w.Accounts = append(w.Accounts, a.ID)
			if w.Name == "" {
				w.Name = a.FullName
			}
		}
		for _, m := range row.Mismatches {
			w.Kinds = append(w.Kinds, string(m.Kind))
		}
		found = append(found, w)
	}
	if f.json {
		return writeJSON(out, map[string]any{"found": found, "total": total})
	}
	for _, w := range found {
		fmt.Fprintf(out, "%s  [%s]  %s\n  %s\n", clean(w.Name), clean(strings.Join(w.Accounts, " ")), strings.Join(w.Kinds, ", "), clean(w.Sentence))
	}
	fmt.Fprintf(out, "%d of %d found\n", len(found), total)
	if total == 0 {
		return exitCode{code: exitFailed}
	}
	return nil
}

// loaded gives the roll of the last snapshot, or reads where there is none yet.
func loaded(c *cobra.Command, d *desk.Desk) (*desk.Roll, error) {
	if roll := d.Roll(); roll != nil {
		return roll, nil
	}
	return d.Sync(c.Context(), nil)
}
