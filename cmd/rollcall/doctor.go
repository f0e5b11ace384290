package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

func newDoctor(f *flags) *cobra.Command {
	var sandbox, consent, again string
	c := &cobra.Command{
		Use:   "doctor [CONNECTION...]",
		Short: "examine every connection right by right, with reads only, and say how to mend what is missing",
		Long: "doctor examines each connection: whether it is reached, how it is protected, the clocks, the sign-in, each right, the attributes,\n" +
			"the rate, and whether the last read was proven whole. It changes nothing. What it prints holds no secret and nobody's name, so\n" +
			"that it can be pasted into a ticket. It exits 1 where something is missing.\n\n" +
			"For iManage it shows each operation with how sure it is and what this tenant has shown of it. With --sandbox-user ID it tries\n" +
			"those that were never confirmed on a throw-away account: one that you made for it in Control Center, with nobody behind it. That\n" +
			"changes the account and puts it back; the id must be typed as consent (or given again with --consent).",
		RunE: func(c *cobra.Command, names []string) error {
			return withDesk(c, f, func(d *desk.Desk) error {
				if sandbox != "" {
					return trySandbox(c, f, d, sandbox, consent)
				}
				if again != "" {
					if err := d.TryAgain(c.Context(), again); err != nil {
						return err
					}
				}
				health, err := d.Examine(c.Context(), names, nil)
				if err != nil {
					return err
				}
				operations, err := operationsOf(c, d, health)
				if err != nil {
					return err
				}
				if f.json {
					out := map[string]any{"connections": health}
					if operations != nil {
						out["operations"] = operations
					}
					if err := writeJSON(c.OutOrStdout(), out); err != nil {
						return err
					}
				} else {
					printHealth(c, health)
					printOperations(c.OutOrStdout(), operations)
				}
				for i := range health {
					if health[i].Worst() == provisioning.FindingBad {
						return exitCode{code: exitFailed}
					}
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&sandbox, "sandbox-user", "", "try the unconfirmed operations on this throw-away account of iManage, and put it back")
	c.Flags().StringVar(&again, "try-again", "", "forget that iManage refused this operation, by its name in the list: it was mended, or a gateway answered")
	c.Flags().StringVar(&consent, "consent", "", "the id of the throw-away account again, where nobody can type it")
	return c
}

// shownOperation is an operation of the document system with what this tenant has shown of it.
type shownOperation struct {
	provisioning.Operation
	State provisioning.UseState `json:"state"`
	How   string                `json:"how,omitempty"`
	Held  string                `json:"by_hand,omitempty"` // why it is not sent
}

func showOperations(list []desk.Capability) []shownOperation {
	out := make([]shownOperation, 0, len(list))
	for _, k := range list {
		s := shownOperation{Operation: k.Operation, State: "untried", Held: k.Why}
		if k.Use != nil {
			s.State, s.How = k.Use.State, fmt.Sprintf("%s, %s by %s", k.Use.How, k.Use.At.Local().Format("2 Jan 2006"), k.Use.By)
		}
		out = append(out, s)
	}
	return out
}

// operationsOf gives the operations where the document system was examined by its name.
func operationsOf(c *cobra.Command, d *desk.Desk, health []desk.Health) ([]shownOperation, error) {
	for _, h := range health {
		if h.System == "imanage" {
			list, err := d.Capabilities(c.Context())
			return showOperations(list), err
		}
	}
	return nil, nil
}

// printOperations prints the operations, those that are done by hand marked.
func printOperations(out io.Writer, list []shownOperation) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintln(out, "\noperations of iManage: how sure each is (V published, C2+ seen in several clients, C1 in one, I inferred), and what this tenant has shown")
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, o := range list {
		said := o.How
		if o.Held != "" {
			said = "BY HAND: " + o.Held
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\t%s\n", o.Name, o.Mark, o.FirstUse, o.State, clean(o.Call), clean(said))
	}
	_ = table.Flush() // the writer is a terminal or a file: what it could not take is not there
}

// trySandbox has the unconfirmed operations tried on a throw-away account, with the typed consent.
func trySandbox(c *cobra.Command, f *flags, d *desk.Desk, id, consent string) error {
	if _, err := loaded(c, d); err != nil {
		return err
	}
	out := c.OutOrStdout()
	if consent == "" {
		var err error
		if consent, err = askConsent(c, d, id); err != nil {
			return err
		}
	}
	tried := []shownOperation{}
	err := d.TrySandbox(c.Context(), id, consent, func(o provisioning.Operation, state provisioning.UseState, how string) {
		tried = append(tried, shownOperation{Operation: o, State: state, How: how})
		if !f.json {
			word := string(state)
			if word == "" {
				word = "not tried"
			}
			fmt.Fprintf(out, "%-10s %s: %s\n", word, o.Name, clean(how))
		}
	})
	if f.json {
		return errors.Join(writeJSON(out, map[string]any{"tried": tried}), err)
	}
	return err
}

// askConsent says what will be tried, and has the id typed.
func askConsent(c *cobra.Command, d *desk.Desk, id string) (string, error) {
	file, ok := c.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(file.Fd()) {
		return "", &provisioning.Error{Code: provisioning.Held, Message: "nobody consented to the trial on " + id, Hint: "give --consent " + id}
	}
	list, err := d.Capabilities(c.Context())
	if err != nil {
		return "", err
	}
	out := c.ErrOrStderr()
	fmt.Fprintf(out, "On the account %s these are tried, read back, and undone:\n", clean(id))
	for _, o := range list {
		if o.FirstUse == provisioning.Probe {
			fmt.Fprintf(out, "  %s (%s): %s\n", o.Name, o.Call, o.Does)
		}
	}
	fmt.Fprintf(out, "Nobody may be behind that account. Type its id to consent: ")
	line, err := bufio.NewReader(file).ReadString('\n')
	if err != nil {
		return "", &provisioning.Error{Code: provisioning.Held, Message: "nothing was typed"}
	}
	return strings.TrimSpace(line), nil
}

// A finding's text is broken into lines that a ticket shows whole.
const (
	findingWidth = 100
	findingLines = 12
)

func printHealth(c *cobra.Command, health []desk.Health) {
	out := c.OutOrStdout()
	missing, warnings := 0, 0
	for _, h := range health {
		fmt.Fprintf(out, "%s (%s)\n", clean(h.Name), clean(h.System))
		for _, f := range h.Findings {
			told := func(state provisioning.FindingState, what, text string) {
				for _, line := range ui.Paragraph(text, findingWidth, findingLines) {
					fmt.Fprintf(out, "  %-8s %-26s %s\n", state, clean(what), line)
					state, what = "", ""
				}
			}
			told(f.State, f.What, f.Detail)
			switch f.State {
			case provisioning.FindingBad:
				missing++
			case provisioning.FindingWarning:
				warnings++
			case provisioning.FindingGood:
				continue
			}
			if f.Mend != "" {
				told("", "", "mend: "+f.Mend)
			}
			if f.What == provisioning.SignIn && f.State == provisioning.FindingBad {
				told("", "", "then: rollcall connect --rotate "+h.Name)
			}
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintf(out, "%d missing, %d warnings. Nothing was changed; no secret and nobody's name stands here.\n", missing, warnings)
}
