package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui"
	"rollcall/tui/campaign"
)

// onTerminal says what to use instead where there is no terminal.
func onTerminal(c *cobra.Command, hint string) error {
	in, isFile := c.InOrStdin().(*os.File)
	out, isOut := c.OutOrStdout().(*os.File)
	if !isFile || !isOut || !term.IsTerminal(in.Fd()) || !term.IsTerminal(out.Fd()) {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "the console needs a terminal", Hint: hint}
	}
	return nil
}

// fall lets a panic of the console end the process where another one waits for that: the console's library would write out what was
// said. Where nobody waits, it is the library that makes the terminal what it was.
func (f *flags) fall() []tea.ProgramOption {
	if f.watched {
		return []tea.ProgramOption{tea.WithoutCatchPanics()}
	}
	return nil
}

// runConsole opens the console, and opens it anew where its configuration was changed in it.
func runConsole(c *cobra.Command, f *flags) error {
	if err := onTerminal(c, "use rollcall sync, plan, apply, who, doctor or audit, each with --json where a program reads it"); err != nil {
		return err
	}
	f.console = true
	for again := true; again; {
		err := withTold(c, f, os.Stderr, func(d *desk.Desk) (err error) {
			d.RunSchedule()
			deps := tui.Deps{
				Desk: d, Theme: f.theme, ASCII: f.ascii, Setup: &fixedSetup{desk: d}, Tenants: f.tenants, Tenant: d.Document(),
				Choose:  func(tenant string) { f.tenant = tenant },
				Files:   campaign.Files{Save: func(name string, data []byte) (string, error) { return saveInto(stateDir(f), name, data) }, Load: loadAnswer},
				Certify: func(ctx context.Context, batch int64) (string, error) { return certifyInto(ctx, d, stateDir(f), batch) },
			}
			if !f.demo && f.connections == "" {
				deps.Setup = newSetupFile(f)
			}
			again, err = tui.Run(c.Context(), deps, f.fall()...)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// certifyInto writes the signed certificate of a batch and its page into the folder certificates of a state folder. Each has a name of
// its own: nothing is written over.
func certifyInto(ctx context.Context, d *desk.Desk, dir string, batch int64) (string, error) {
	s, err := d.SignedCertificate(ctx, batch, "")
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "certificates")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	file := filepath.Join(dir, fmt.Sprintf("batch-%d-%s.json", batch, time.Now().UTC().Format("20060102-150405")))
	return file, giveCertificate(io.Discard, s, file, file[:len(file)-len("json")]+"html")
}

// saveInto writes a file that a screen hands out into the folder handed-out of a state folder, for its owner alone and over no other.
func saveInto(dir, name string, data []byte) (string, error) {
	dir = filepath.Join(dir, "handed-out")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	file := filepath.Join(dir, filepath.Base(name))
	_, err := writeNew(file, "the file", func(w io.Writer) (struct{}, error) { _, err := w.Write(data); return struct{}{}, err })
	return file, err
}
