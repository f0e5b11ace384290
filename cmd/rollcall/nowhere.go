package main

import (
	"context"

	"rollcall/provisioning"
)

// nowhere stands in for the document system where a command only reads the store: every call says so.
type nowhere struct{}

func (nowhere) err() error {
	return &provisioning.Error{Code: provisioning.Unavailable, Message: "this command reaches no system"}
}

func (nowhere) Name() string   { return "imanage" }
func (nowhere) System() string { return "imanage" }

func (n nowhere) Identity(context.Context) (string, error) { return "", n.err() }

func (n nowhere) ReadAll(context.Context, func(provisioning.Progress)) (provisioning.Inventory, provisioning.ReadEvidence, error) {
	return provisioning.Inventory{}, provisioning.ReadEvidence{}, n.err()
}

func (n nowhere) Observe(context.Context, provisioning.Change) (provisioning.Observation, error) {
	return provisioning.Observation{}, n.err()
}

func (n nowhere) Send(context.Context, provisioning.Change) (provisioning.Receipt, error) {
	return provisioning.Receipt{}, &provisioning.SendError{Effect: provisioning.NothingDone, Message: n.err().Error()}
}

func (n nowhere) Account(context.Context, string) (provisioning.Account, bool, error) {
	return provisioning.Account{}, false, n.err()
}

func (nowhere) Budget() provisioning.Budget { return nil }

func (nowhere) Operation(provisioning.Change) provisioning.Operation { return provisioning.Operation{} }

func (nowhere) Operations() []provisioning.Operation { return nil }
