package sqlite_test

import "golang.org/x/sys/unix"

// monotonic is the machine's clock that never steps, in nanoseconds: it is the same for every process.
func monotonic() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err)
	}
	return t.Nano()
}
