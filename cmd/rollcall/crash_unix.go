//go:build unix

package main

import (
	"os"
	"syscall"

	"github.com/charmbracelet/x/term"
	"golang.org/x/sys/unix"
)

// noCoreDump forbids the system to write the process's memory to a file.
func noCoreDump() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	keepFromOthers()
}

// stopSignals are those that a terminal or a service manager sends to every process of a group.
func stopSignals() []os.Signal {
	return []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGTTOU, syscall.SIGTTIN, syscall.SIGTSTP, syscall.SIGPIPE}
}

// divertErrors sends what Go's runtime says to w, and gives the error output that was there.
func divertErrors(w *os.File) (*os.File, error) {
	before, err := unix.FcntlInt(uintptr(syscall.Stderr), unix.F_DUPFD_CLOEXEC, syscall.Stderr+1)
	if err != nil {
		return nil, err
	}
	fd := int(w.Fd())
	if err := unix.SetNonblock(fd, false); err != nil { // the runtime does not wait for a full pipe by itself
		return nil, err
	}
	if err := unix.Dup2(fd, syscall.Stderr); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(before), "stderr"), nil
}

// openTerminal opens the terminal that this process belongs to, nil where there is none. It stays open when the process that began
// the session is gone, where its name would lead nowhere any more.
func openTerminal() *os.File {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil
	}
	return tty
}

// restoreTerminal makes the terminal what it was before a console that is gone: its own screen, its keys, its cursor.
func restoreTerminal(tty *os.File) {
	if state, err := term.GetState(tty.Fd()); err == nil && state.Lflag&unix.ISIG == 0 { // else the shell has done so
		state.Iflag |= unix.BRKINT | unix.ICRNL | unix.IXON
		state.Oflag |= unix.OPOST | unix.ONLCR
		state.Lflag |= unix.ICANON | unix.ECHO | unix.ECHOE | unix.ECHOK | unix.ISIG | unix.IEXTEN
		_ = term.SetState(tty.Fd(), state)
	}
	_, _ = tty.WriteString(ownScreen)
}
