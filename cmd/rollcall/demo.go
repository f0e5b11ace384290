package main

import "github.com/spf13/cobra"

func newDemo(f *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "open the console on a made-up law firm; nothing to install, nothing real is touched",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			f.demo = true
			return runConsole(c, f)
		},
	}
}
