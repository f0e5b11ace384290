// Command rollcall is a terminal console for a law firm's help desk: the people that an identity provider knows beside the
// accounts in iManage Work, every mismatch marked, and joiner, mover and leaver batches staged, reviewed, committed and
// recorded. This package only wires: it reads flags and configuration, opens clients and store, and hands a desk to the
// console or to a command. It holds no rule.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/provisioning/names"
)

// version is set by the linker.
var version = "dev"

// The exit codes, documented and stable (DESIGN 6).
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitHeld        = 3
	exitDifferences = 4
	exitPartly      = 5
	exitUnproven    = 6
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == watchWord {
		os.Exit(watcher(os.Args[2] == "console", os.Args[3], os.Stdin, os.Stderr))
	}
	private()
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program without the process: what it returns is the exit code.
func run(args []string, in io.Reader, out, errOut io.Writer) (code int) {
	var crash crashes
	defer func() {
		if value := recover(); value != nil {
			code = crash.caught(value, errOut)
		}
	}()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot(func(c *cobra.Command, f *flags) {
		program, err := os.Executable()
		if err != nil {
			return
		}
		console := c == c.Root() || c.Name() == "demo" || c.Name() == "connect"
		if kept, err := crash.begin(program, stateDir(f), console); err == nil { // where nobody can wait, a crash is said as Go says it
			errOut, f.watched = kept, true
			c.Root().SetErr(kept)
		}
	})
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	var said exitCode
	if errors.As(err, &said) && said.err == nil {
		return said.code
	}
	fmt.Fprintln(errOut, explain(err))
	return exitOf(err)
}

// exitCode is an error that carries its own exit code, with or without something to say.
type exitCode struct {
	code int
	err  error
}

func (e exitCode) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e exitCode) Unwrap() error { return e.err }

// exitOf turns an error's code into an exit code.
func exitOf(err error) int {
	var code exitCode
	if errors.As(err, &code) {
		return code.code
	}
	var e *provisioning.Error
	if !errors.As(err, &e) {
		return exitFailed
	}
	switch e.Code {
	case provisioning.Held, provisioning.ReadOnly:
		return exitHeld
	case provisioning.Unproven:
		return exitUnproven
	case provisioning.Invalid:
		return exitUsage
	default:
		return exitFailed
	}
}

// explain says an error in up to three lines: what happened, the cause, what to do. Foreign text in it is cleaned.
func explain(err error) string {
	s := "rollcall: " + cleanLines(err.Error())
	var e *provisioning.Error
	if errors.As(err, &e) && e.Hint != "" {
		s += "\n  " + cleanLines(e.Hint)
	}
	return s
}

// cleanLines cleans each line of a text that may hold foreign strings, and keeps the line breaks that are ours.
func cleanLines(s string) string {
	var out []byte
	start := 0
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] == '\n' {
			out = append(out, names.Clean(s[start:i]).String()...)
			if i < len(s) {
				out = append(out, '\n')
			}
			start = i + 1
		}
	}
	return string(out)
}
