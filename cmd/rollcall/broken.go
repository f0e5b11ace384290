package main

import (
	"context"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// broken stands in for a directory whose client could not be made: its secret is not to be had, or its settings are wrong. The others
// go on, and its proof says why it was not read.
type broken struct {
	c     connection
	err   error
	clock provisioning.Clock
}

func (b broken) Name() string                { return b.c.Name }
func (b broken) System() string              { return b.c.System }
func (b broken) Budget() provisioning.Budget { return nil }
func (b broken) Close()                      {}
func (b broken) finding() provisioning.Finding {
	return wire.Right("set-up", "", b.err, "rollcall connect --rotate "+b.c.Name)
}

func (b broken) Examine(_ context.Context, tell func(provisioning.Finding)) error {
	tell(b.finding())
	return nil
}

func (b broken) evidence() provisioning.ReadEvidence {
	now := b.clock.Now()
	return provisioning.ReadEvidence{Source: b.c.Name, System: b.c.System, Started: now, Finished: now, Reported: -1, Failure: provisioning.Reason(b.err)}
}

// brokenDirectory is a broken connection to a directory.
type brokenDirectory struct{ broken }

func (b brokenDirectory) ReadAll(context.Context, func([]provisioning.Person) error) (provisioning.ReadEvidence, error) {
	return b.evidence(), nil
}

func (b brokenDirectory) Lookup(context.Context, string) (provisioning.Person, bool, error) {
	return provisioning.Person{}, false, b.err
}

// brokenDMS is a broken connection to the document system.
type brokenDMS struct {
	broken
	nowhere
}

func (b brokenDMS) Name() string                { return b.broken.Name() }
func (b brokenDMS) System() string              { return b.broken.System() }
func (b brokenDMS) Budget() provisioning.Budget { return nil }

func (b brokenDMS) ReadAll(context.Context, func(provisioning.Progress)) (provisioning.Inventory, provisioning.ReadEvidence, error) {
	return provisioning.Inventory{}, b.evidence(), nil
}
