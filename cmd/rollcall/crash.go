package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// watchWord is the first argument of the process that waits for a crash of the one that started it; no command has this name.
const watchWord = "watch-for-a-crash"

// mostCrash bounds what is taken of a crash: a dump of many goroutines is long.
const mostCrash = 16 << 20

// private makes the process keep its memory to itself: no core dump, no other process of the same user that looks into it or its
// first environment, and of a crash no more than the goroutine that fell (threats E1, E2).
func private() {
	noCoreDump()
	debug.SetTraceback("single")
	for _, name := range []string{"TEA_DEBUG", "TEA_TRACE"} { // the console's library would write files that nobody redacts
		_ = os.Unsetenv(name)
	}
}

// crashes is where what Go's runtime says of a crash goes. The zero value leaves it where Go writes it.
type crashes struct {
	pipe *os.File // to the process that waits; nil: there is none
	dir  string
}

// begin starts the process that waits for a crash of this one, and gives it what Go's runtime says as it ends: a panic of whatever
// goroutine, a fatal error, a signal. None of that reaches the error output, for it may hold what nobody should read; the error output
// that was there is given back. The process that waits has no environment, and only the folder's name among its arguments.
func (c *crashes) begin(program, dir string, console bool) (errOut *os.File, err error) {
	if c.dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	kind := "command"
	if console {
		kind = "console"
	}
	cmd := exec.Command(program, watchWord, kind, c.dir) //nolint:gosec,noctx // the program itself; the process outlives this one
	cmd.Stdin, cmd.Stderr, cmd.Env = r, os.Stderr, []string{}
	if err := cmd.Start(); err != nil {
		w.Close()
		return nil, err
	}
	if errOut, err = divertErrors(w); err != nil {
		w.Close()
		return nil, err
	}
	c.pipe, os.Stderr = w, errOut // whatever else writes to the error output means that one
	return errOut, cmd.Process.Release()
}

// caught is the end of a run whose own goroutine panicked: the process that waits is told, and the exit code is that of a failure.
func (c *crashes) caught(value any, errOut io.Writer) int {
	said := "panic: " + strings.ReplaceAll(fmt.Sprint(value), "\n", "\n\t") + "\n\n" + string(debug.Stack()) // as Go's runtime says it
	if c.pipe == nil {
		fmt.Fprint(errOut, redactCrash(said))
	} else if _, err := io.WriteString(c.pipe, said); err != nil {
		fmt.Fprint(errOut, redactCrash(said))
	}
	return exitFailed
}

// watcher is the process that waits. It ends with the process that started it, and says nothing unless that crashed.
func watcher(console bool, dir string, in io.Reader, errOut io.Writer) int {
	signal.Ignore(stopSignals()...) // they are for the other process; this one must outlive it
	var tty *os.File
	if console {
		tty = openTerminal()
	}
	said, _ := io.ReadAll(io.LimitReader(in, mostCrash))
	if !bytes.Contains(said, []byte("goroutine ")) {
		return exitDone
	}
	if tty != nil {
		restoreTerminal(tty)
	}
	if err := tellCrash(dir, string(said), errOut); err != nil {
		fmt.Fprintln(errOut, "rollcall stopped by a fault of its own, and where could not be written down:", clean(err.Error()))
		return exitFailed
	}
	return exitDone
}

// ownScreen takes back what a console asks of a terminal: the other screen, no cursor, the mouse, pasted text in brackets, keys in
// another form, a frame held back, a title, a background.
const ownScreen = "\x1b[?2026l\x1b[>4;0m\x1b[<1u\x1b[?1049l\x1b[?25h\x1b[?2004l\x1b[?1004l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b]2;\x07\x1b]111\x07\x1b[0m\r"

// tellCrash writes the crash file, and says where it lies.
func tellCrash(dir, said string, errOut io.Writer) error {
	if err := os.MkdirAll(dir, 0o700); err != nil { //nolint:gosec // the state folder, which the process that fell named
		return err
	}
	now := time.Now().UTC()
	file, err := os.CreateTemp(dir, "crash-"+now.Format("20060102-150405")+"-*.txt") // 0600
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "rollcall %s %s %s/%s stopped by a fault of its own at %s.\n\n%s",
		version, runtime.Version(), runtime.GOOS, runtime.GOARCH, now.Format(time.RFC3339), redactCrash(said))
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		fmt.Fprintf(errOut, "rollcall stopped by a fault of its own: %s says where, and holds no secret\n", clean(file.Name()))
	}
	return err
}
