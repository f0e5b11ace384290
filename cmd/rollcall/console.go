package main

import (
	"os"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui"
)

// runConsole opens the console. Without a terminal it says what to use instead.
func runConsole(c *cobra.Command, f *flags) error {
	in, isFile := c.InOrStdin().(*os.File)
	out, isOut := c.OutOrStdout().(*os.File)
	if !isFile || !isOut || !term.IsTerminal(in.Fd()) || !term.IsTerminal(out.Fd()) {
		return &provisioning.Error{
			Code: provisioning.Invalid, Message: "the console needs a terminal",
			Hint: "use rollcall sync, plan, apply, who or audit, each with --json where a program reads it",
		}
	}
	return withDesk(c, f, func(d *desk.Desk) error {
		return tui.Run(c.Context(), tui.Deps{Desk: d, Theme: f.theme, ASCII: f.ascii})
	})
}
