//go:build unix && !linux

package main

// keepFromOthers is Linux's: the other systems show a process to its own user in their own ways.
func keepFromOthers() {}
