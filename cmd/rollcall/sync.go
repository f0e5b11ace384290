package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
)

func newSync(f *flags) *cobra.Command {
	var whole bool
	c := &cobra.Command{
		Use:   "sync",
		Short: "read every system, prove it, compare, and print the counts",
		Long: "sync reads every system and prints what it saw of each, its proof, and the counts. A directory that can tell what changed is\n" +
			"asked for that, and read whole once in an interval (full_every in config.toml); --whole reads it whole now.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withDesk(c, f, func(d *desk.Desk) error {
				read := d.Sync
				if whole {
					read = d.SyncWhole
				}
				roll, err := read(c.Context(), nil)
				if err != nil {
					return err
				}
				out := c.OutOrStdout()
				if f.json {
					if err := writeJSON(out, syncSummary(roll)); err != nil {
						return err
					}
					return unproven(roll)
				}
				for _, s := range roll.Sources {
					word := "complete"
					if !s.Proof.Complete {
						word = "NOT PROVEN"
					}
					fmt.Fprintf(out, "%-10s %7d  %-10s  %s\n", names.Clean(s.Name), s.Count, word, names.Clean(s.Proof.Reason))
				}
				for _, filter := range desk.Filters() {
					fmt.Fprintf(out, "%-13s %7d\n", filter, roll.Count(filter))
				}
				return unproven(roll)
			})
		},
	}
	c.Flags().BoolVar(&whole, "whole", false, "read every directory whole, whatever feed of changes it has")
	return c
}

type summary struct {
	Snapshot string           `json:"taken_at"`
	Sources  []desk.PlanProof `json:"proofs"`
	Counts   map[string]int   `json:"counts"`
}

func syncSummary(r *desk.Roll) summary {
	s := summary{Snapshot: r.TakenAt.Format("2006-01-02T15:04:05Z07:00"), Counts: make(map[string]int)}
	for _, source := range r.Sources {
		s.Sources = append(s.Sources, desk.PlanProof{Directory: source.Name, Complete: source.Proof.Complete, Reason: source.Proof.Reason})
	}
	for _, filter := range desk.Filters() {
		s.Counts[string(filter)] = r.Count(filter)
	}
	return s
}

// unproven is the error of exit code 6: a source was not read whole.
func unproven(r *desk.Roll) error {
	for _, s := range r.Sources {
		if !s.Proof.Complete {
			return &provisioning.Error{
				Code: provisioning.Unproven, Message: fmt.Sprintf("%s was not proven complete: %s", s.Name, s.Proof.Reason),
				Hint: "nobody is called a leaver for being absent; read again when the system is well",
			}
		}
	}
	return nil
}
