package commit

import (
	"context"

	"rollcall/provisioning"
)

// preImage keeps what a change will take along, before its intent is written or a person is asked to do it: the undo rests on that. A
// removal that an undo makes drifts where it would take along what that undo did not look at: it is somebody else's.
func (r *Run) preImage(ctx context.Context, ref provisioning.OpRef, op *provisioning.Op, seen provisioning.Observation) (bool, error) {
	if seen.Pre == nil {
		return true, nil
	}
	if along := op.Change.Along; along != nil && !seen.Pre.Within(along) {
		return false, r.settle(ctx, ref, op, provisioning.OpDrifted, "",
			"somebody gave it another role or another group in "+op.Change.Library+" since you looked: back to review")
	}
	if err := r.x.deps.Store.KeepPre(ctx, ref, seen.Pre); err != nil {
		return false, err
	}
	op.Pre = seen.Pre
	return true, nil
}
