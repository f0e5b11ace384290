//go:build !linux

package sqlite_test

import "time"

// monotonic is the machine's clock, in nanoseconds; where it steps in the two seconds of the race, the history is not to be trusted.
func monotonic() int64 { return time.Now().UnixNano() }
