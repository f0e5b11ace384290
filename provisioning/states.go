package provisioning

// Transition is one row of the protocol: what may go from one state to another, and on what event, in the operator's words.
type Transition struct {
	What Subject `json:"what"`
	From string  `json:"from"`
	To   string  `json:"to"`
	Why  string  `json:"why"` // "read back: it had no effect"
}

// Subject is what has a state.
type Subject string

// The subjects, from the whole to its parts.
const (
	OfBatch Subject = "batch"
	OfUnit  Subject = "unit"
	OfOp    Subject = "op"
)

// Protocol returns every transition that there is, batches first, then units, then ops, in the order in which they are passed through:
// for drawing, and for the tests. These rows are the one place where the transitions of DESIGN 4 stand: OpMay, UnitMay and BatchMay
// answer from them, and the store refuses any other. The slice is the caller's own.
func Protocol() []Transition {
	var rows []Transition
	rows = appendRows(rows, OfBatch, batchRows())
	rows = appendRows(rows, OfUnit, unitRows())
	return appendRows(rows, OfOp, opRows())
}

// OpMay reports whether an op may go from one state to another.
func OpMay(from, to OpState) bool { return may(opRows(), from, to) }

// UnitMay reports whether a unit may go from one state to another.
func UnitMay(from, to UnitState) bool { return may(unitRows(), from, to) }

// BatchMay reports whether a batch may go from one state to another.
func BatchMay(from, to BatchState) bool { return may(batchRows(), from, to) }

// Final reports whether nothing leads on from a state: confirmed, already true and cancelled ones are the end.
func (s OpState) Final() bool { return final(opRows(), s) }

// Final reports whether nothing leads on from a state.
func (s UnitState) Final() bool { return final(unitRows(), s) }

// Final reports whether nothing leads on from a state.
func (s BatchState) Final() bool { return final(batchRows(), s) }

// Settled reports whether nothing more will happen to an op by itself.
func (s OpState) Settled() bool { return s != OpPending && s != OpSent }

// Held reports whether the op holds those after it in its unit.
func (s OpState) Held() bool {
	return s == OpFailed || s == OpParked || s == OpDrifted || s == OpCancelled
}

// row is a transition of one sort of subject.
type row[S ~string] struct {
	from, to S
	why      string
}

func batchRows() []row[BatchState] {
	return []row[BatchState]{
		{BatchDraft, BatchReviewed, "reviewed: the hash is frozen"},
		{BatchDraft, BatchCancelled, "dropped by the operator"},
		{BatchReviewed, BatchApproved, "a second person approved just this hash"},
		{BatchReviewed, BatchScheduled, "confirmed, to begin at its minute"},
		{BatchReviewed, BatchCommitted, "let go, where no approval is needed"},
		{BatchReviewed, BatchDraft, "edited: the hash is void"},
		{BatchReviewed, BatchCancelled, "dropped by the operator"},
		{BatchApproved, BatchScheduled, "confirmed, to begin at its minute"},
		{BatchApproved, BatchCommitted, "let go"},
		{BatchApproved, BatchReviewed, "released or timed anew: the approval no longer covers it"},
		{BatchApproved, BatchDraft, "edited: the hash and the approval are void"},
		{BatchApproved, BatchCancelled, "dropped by the operator"},
		{BatchScheduled, BatchCommitted, "its minute came"},
		{BatchScheduled, BatchMissed, "its minute passed while no rollcall ran"},
		{BatchScheduled, BatchDraft, "taken back by the operator"},
		{BatchScheduled, BatchCancelled, "dropped by the operator"},
		{BatchMissed, BatchDraft, "back to review, with another time or none"},
		{BatchMissed, BatchCancelled, "dropped by the operator"},
		{BatchCommitted, BatchPaused, "paused by the operator: what is in flight is let finish"},
		{BatchCommitted, BatchStopped, "stopped by a stop rule, a lost credential, or a record that cannot be written"},
		{BatchCommitted, BatchDone, "every person is settled"},
		{BatchCommitted, BatchOpenHand, "every person is settled, with steps by hand open"},
		{BatchCommitted, BatchCancelled, "given up by the operator: what is in doubt is read back"},
		{BatchPaused, BatchCommitted, "resumed"},
		{BatchPaused, BatchCancelled, "given up by the operator"},
		{BatchStopped, BatchCommitted, "resumed"},
		{BatchStopped, BatchCancelled, "given up by the operator"},
		{BatchOpenHand, BatchDone, "the last step by hand was ticked and read back"},
		{BatchOpenHand, BatchCommitted, "a ticked step set others free, or what failed is tried again"},
		{BatchDone, BatchCommitted, "what failed is tried again"},
	}
}

func unitRows() []row[UnitState] {
	return []row[UnitState]{
		{UnitPending, UnitRunning, "taken"},
		{UnitPending, UnitCancelled, "the batch was given up"},
		{UnitRunning, UnitDone, "every change is settled"},
		{UnitRunning, UnitByHand, "a step by hand is open"},
		{UnitRunning, UnitParked, "a change drifted or was parked: back to review"},
		{UnitRunning, UnitFailed, "a change was refused"},
		{UnitRunning, UnitPending, "the batch paused or stopped, or whoever ran it is gone"},
		{UnitRunning, UnitCancelled, "the batch was given up"},
		{UnitByHand, UnitDone, "the last step by hand was ticked and read back"},
		{UnitByHand, UnitPending, "a ticked step set others free"},
		{UnitByHand, UnitCancelled, "the batch was given up"},
		{UnitParked, UnitPending, "tried again, or a ticked step set others free"},
		{UnitParked, UnitCancelled, "the batch was given up"},
		{UnitFailed, UnitPending, "tried again, or a ticked step set others free"},
		{UnitFailed, UnitCancelled, "the batch was given up"},
	}
}

// An op that was sent has no row to sent: what is in doubt is never sent again before a read has put it back to pending. It has none
// to cancelled either: nobody knows that nothing was done.
func opRows() []row[OpState] {
	return []row[OpState]{
		{OpPending, OpSent, "the intent is on the disk: the request may leave"},
		{OpPending, OpAlready, "the effect was there before"},
		{OpPending, OpDrifted, "somebody else changed it since it was reviewed"},
		{OpPending, OpByHand, "the call is not confirmed on this tenant: a person does it"},
		{OpPending, OpParked, "an earlier change holds it, or it may not be done now"},
		{OpPending, OpFailed, "tried so often without effect"},
		{OpPending, OpCancelled, "the batch was given up"},
		{OpSent, OpConfirmed, "read back: it is so"},
		{OpSent, OpPending, "read back, or said by the system: it had no effect"},
		{OpSent, OpDrifted, "read back: it is neither what it was nor what was asked"},
		{OpSent, OpFailed, "refused, and read back: it is not so"},
		{OpSent, OpByHand, "the tenant does not know the call: a person does it"},
		{OpSent, OpParked, "accepted and not seen, or in doubt when the batch was given up"},
		{OpByHand, OpConfirmed, "ticked, and read back"},
		{OpByHand, OpCancelled, "the batch was given up"},
		{OpFailed, OpPending, "tried again"},
		{OpFailed, OpCancelled, "the batch was given up"},
		{OpParked, OpPending, "tried again"},
		{OpParked, OpCancelled, "the batch was given up"},
		{OpDrifted, OpPending, "tried again"},
		{OpDrifted, OpCancelled, "the batch was given up"},
	}
}

func may[S ~string](rows []row[S], from, to S) bool {
	for i := range rows {
		if rows[i].from == from && rows[i].to == to {
			return true
		}
	}
	return false
}

func final[S ~string](rows []row[S], s S) bool {
	for i := range rows {
		if rows[i].from == s {
			return false
		}
	}
	return true
}

func appendRows[S ~string](all []Transition, what Subject, rows []row[S]) []Transition {
	for _, r := range rows {
		all = append(all, Transition{What: what, From: string(r.from), To: string(r.to), Why: r.why})
	}
	return all
}
