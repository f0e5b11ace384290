package desk

import (
	"context"

	"rollcall/provisioning/policy"
)

// SetPolicy lets another policy count, and compares the same snapshot by it.
func (d *Desk) SetPolicy(t interface {
	Fatalf(format string, args ...any)
}, p *policy.Policy,
) {
	d.rules.Store(&policies{counts: p, kept: p})
	if _, err := d.compareAnew(context.Background(), d.state.Load().snap); err != nil {
		t.Fatalf("%v", err)
	}
}
