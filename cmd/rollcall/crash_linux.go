package main

import "golang.org/x/sys/unix"

// keepFromOthers has Linux refuse to show this process's memory and first environment to another one of the same user, and to hand
// it to a collector of core dumps, which does not ask for the limit (threats E1, E2).
func keepFromOthers() { _ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }
