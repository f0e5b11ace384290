package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// noCoreDump keeps Windows from asking what to do about a crash, and from handing the memory to its error reporting.
func noCoreDump() {
	windows.SetErrorMode(windows.SEM_FAILCRITICALERRORS | windows.SEM_NOGPFAULTERRORBOX)
}

// stopSignals are those that a console sends to every process in it.
func stopSignals() []os.Signal { return []os.Signal{os.Interrupt} }

// divertErrors sends what Go's runtime says to w, and gives the error output that was there.
func divertErrors(w *os.File) (*os.File, error) {
	before := os.Stderr
	return before, windows.SetStdHandle(windows.STD_ERROR_HANDLE, windows.Handle(w.Fd()))
}

// openTerminal opens the console that this process belongs to, nil where there is none.
func openTerminal() *os.File {
	out, err := os.OpenFile("CONOUT$", os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	return out
}

// restoreTerminal makes the console what it was before: its own screen, its keys, its cursor.
func restoreTerminal(out *os.File) {
	if in, err := os.OpenFile("CONIN$", os.O_RDWR, 0); err == nil {
		_ = windows.SetConsoleMode(windows.Handle(in.Fd()), windows.ENABLE_PROCESSED_INPUT|windows.ENABLE_LINE_INPUT|windows.ENABLE_ECHO_INPUT|
			windows.ENABLE_EXTENDED_FLAGS|windows.ENABLE_QUICK_EDIT_MODE|windows.ENABLE_INSERT_MODE)
		in.Close()
	}
	_, _ = out.WriteString(ownScreen)
}
