package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/tui"
)

func newConnect(f *flags) *cobra.Command {
	var (
		list, stdin    bool
		rotate, remove string
	)
	c := &cobra.Command{
		Use:   "connect [okta|entra|google|onelogin|imanage]",
		Short: "connect a system: what to create there, each right tried live, the secret kept in the keyring",
		Long: "connect opens the wizard. Without a system it shows what is connected; there a connects, t tests, k rotates, x removes.\n" +
			"Without a terminal: --list, --remove NAME, and --rotate NAME --secret-stdin, which reads the new secret from standard input.",
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: []string{"okta", "entra", "google", "onelogin", "imanage"},
		RunE: func(c *cobra.Command, args []string) error {
			if f.demo || f.connections != "" {
				return &provisioning.Error{Code: provisioning.Invalid, Message: "simulated systems are connected already", Hint: "rollcall connect without --demo sets up real ones"}
			}
			s := newSetupFile(f)
			switch {
			case list:
				return printConnections(c.OutOrStdout(), s, f.json)
			case remove != "":
				return s.Remove(c.Context(), remove)
			case rotate != "" && stdin:
				return s.rotate(c.Context(), rotate, c.InOrStdin())
			}
			if err := onTerminal(c, "use --list, --remove NAME, or --rotate NAME --secret-stdin; rollcall doctor tests"); err != nil {
				return err
			}
			config, err := s.read()
			if err == nil {
				err = f.keeper().begin(c.Context(), config)
			}
			if err != nil {
				return err
			}
			deps := tui.Deps{Setup: s, Theme: f.theme, ASCII: f.ascii}
			if len(args) == 1 {
				deps.Connect = args[0]
			}
			open, err := tui.Run(c.Context(), deps, f.fall()...)
			if err != nil || !open {
				return err
			}
			return runConsole(c, f)
		},
	}
	c.Flags().BoolVar(&list, "list", false, "list what is connected")
	c.Flags().StringVar(&rotate, "rotate", "", "give a connection a new secret")
	c.Flags().StringVar(&remove, "remove", "", "take a connection out of the configuration, and its secrets out of their place")
	c.Flags().BoolVar(&stdin, "secret-stdin", false, "with --rotate: read the new secret from standard input")
	return c
}

func printConnections(out io.Writer, s *setupFile, asJSON bool) error {
	list, err := s.List()
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(out, map[string]any{"connections": list})
	}
	for _, c := range list {
		fmt.Fprintf(out, "%-16s %-10s %-18s %-12s %s\n", clean(c.Name), clean(c.System), clean(c.Way), clean(c.Kept), clean(c.Where))
	}
	return nil
}
