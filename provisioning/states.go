package provisioning

import "slices"

// OpMay reports whether an op may go from one state to another. This table is the one place where the transitions of DESIGN
// 4 stand; the store refuses any other, and the tests draw from it.
func OpMay(from, to OpState) bool { return slices.Contains(opTransitions(from), to) }

// UnitMay reports whether a unit may go from one state to another.
func UnitMay(from, to UnitState) bool { return slices.Contains(unitTransitions(from), to) }

// BatchMay reports whether a batch may go from one state to another.
func BatchMay(from, to BatchState) bool { return slices.Contains(batchTransitions(from), to) }

func opTransitions(from OpState) []OpState {
	switch from {
	case OpPending:
		return []OpState{OpSent, OpAlready, OpDrifted, OpByHand, OpParked, OpCancelled, OpFailed}
	case OpSent: // a send that did not take effect, by read-back, goes back to pending; one that the tenant does not know, by hand
		return []OpState{OpSent, OpPending, OpConfirmed, OpDrifted, OpFailed, OpParked, OpByHand}
	case OpByHand: // ticked and read back
		return []OpState{OpConfirmed, OpCancelled}
	case OpFailed, OpParked, OpDrifted: // retry puts it back to the start
		return []OpState{OpPending, OpCancelled}
	default: // confirmed, already true, cancelled: the end
		return nil
	}
}

func unitTransitions(from UnitState) []UnitState {
	switch from {
	case UnitPending:
		return []UnitState{UnitRunning, UnitCancelled}
	case UnitRunning:
		return []UnitState{UnitPending, UnitDone, UnitByHand, UnitParked, UnitFailed, UnitCancelled}
	case UnitByHand:
		return []UnitState{UnitDone, UnitPending, UnitCancelled}
	case UnitParked, UnitFailed:
		return []UnitState{UnitPending, UnitCancelled}
	default:
		return nil
	}
}

func batchTransitions(from BatchState) []BatchState {
	switch from {
	case BatchDraft:
		return []BatchState{BatchReviewed, BatchCancelled}
	case BatchReviewed:
		return []BatchState{BatchDraft, BatchApproved, BatchScheduled, BatchCommitted, BatchCancelled}
	case BatchApproved:
		return []BatchState{BatchDraft, BatchScheduled, BatchCommitted, BatchCancelled}
	case BatchScheduled: // its minute came; or it passed with nobody there; or an operator took it back
		return []BatchState{BatchCommitted, BatchMissed, BatchDraft, BatchCancelled}
	case BatchMissed: // back to review, with another time or none
		return []BatchState{BatchDraft, BatchCancelled}
	case BatchCommitted:
		return []BatchState{BatchPaused, BatchDone, BatchOpenHand, BatchStopped, BatchCancelled}
	case BatchPaused, BatchStopped:
		return []BatchState{BatchCommitted, BatchCancelled}
	case BatchOpenHand:
		return []BatchState{BatchDone, BatchCommitted}
	case BatchDone: // retry of what failed
		return []BatchState{BatchCommitted}
	default:
		return nil
	}
}

// Settled reports whether nothing more will happen to an op by itself.
func (s OpState) Settled() bool { return s != OpPending && s != OpSent }

// Held reports whether the op holds those after it in its unit.
func (s OpState) Held() bool {
	return s == OpFailed || s == OpParked || s == OpDrifted || s == OpCancelled
}
