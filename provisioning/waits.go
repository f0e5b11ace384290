package provisioning

// WaitsFor says which step by hand the op at an index waits for: one that is still open and that it rests on, itself or through
// another that waits. It returns that step's Seq, 0 where the op waits for nobody (DESIGN 4: a by-hand op holds only the ops that
// need it).
func (u *Unit) WaitsFor(at int) (seq int) {
	if u.Ops[at].State != OpPending {
		return 0
	}
	for i := range at {
		earlier := &u.Ops[i]
		if !u.Ops[at].Change.RestsOn(earlier.Change) {
			continue
		}
		switch earlier.State {
		case OpByHand:
			return earlier.Seq
		case OpPending:
			if seq := u.WaitsFor(i); seq > 0 {
				return seq
			}
		default:
		}
	}
	return 0
}

// Ready reports whether the unit has an op that could be done now: one that is pending or in doubt, and waits for no step by hand.
func (u *Unit) Ready() bool {
	for i := range u.Ops {
		if s := u.Ops[i].State; s == OpSent || (s == OpPending && u.WaitsFor(i) == 0) {
			return true
		}
	}
	return false
}
