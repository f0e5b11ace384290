package main

import (
	"context"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui/connect"
)

// fixedSetup is the connections of simulated systems: they are shown and examined, and nothing of them can be changed.
type fixedSetup struct{ desk *desk.Desk }

func (s *fixedSetup) refuse() error {
	return &provisioning.Error{Code: provisioning.Invalid, Message: s.Fixed(), Hint: "rollcall connect, without --demo, sets up real ones"}
}

// Fixed says why nothing can be changed.
func (s *fixedSetup) Fixed() string {
	return "these systems are simulated, and their connections are their own"
}

// Guides are none.
func (s *fixedSetup) Guides() []provisioning.Guide { return nil }

// List tells what was read.
func (s *fixedSetup) List() ([]connect.Connection, error) {
	roll := s.desk.Roll()
	if roll == nil {
		return nil, nil
	}
	list := make([]connect.Connection, 0, len(roll.Sources))
	for _, one := range roll.Sources {
		list = append(list, connect.Connection{Name: one.Name, System: one.System, Where: "simulated, on this machine"})
	}
	return list, nil
}

// Places are none.
func (s *fixedSetup) Places(context.Context) []connect.Place { return nil }

// Unlock refuses.
func (s *fixedSetup) Unlock(context.Context, provisioning.Secret) error { return s.refuse() }

// Examine examines a connection as it stands.
func (s *fixedSetup) Examine(ctx context.Context, d connect.Draft, tell func(provisioning.Finding)) error {
	_, err := s.desk.Examine(ctx, []string{d.Name}, func(_ string, f provisioning.Finding) { tell(f) })
	return err
}

// SignIn refuses.
func (s *fixedSetup) SignIn(context.Context, connect.Draft, func(page, code string)) (provisioning.Secret, error) {
	return provisioning.Secret{}, s.refuse()
}

// Save refuses.
func (s *fixedSetup) Save(context.Context, connect.Draft) error { return s.refuse() }

// Remove refuses.
func (s *fixedSetup) Remove(context.Context, string) error { return s.refuse() }
