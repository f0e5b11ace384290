package policy

import "rollcall/provisioning"

// Walled names a wall that a group stands at, on whatever side of it: what stands there is given by name, never by likeness.
func (p *Policy) Walled(e provisioning.Entitlement) (wall string, ok bool) {
	if e.Kind != provisioning.EntitlementGroup {
		return "", false
	}
	w := p.engine().walls
	sides := w.of(e.Group())
	if len(sides) == 0 {
		return "", false
	}
	return w.names[sides[0].wall], true
}
