package commit

import (
	"context"
	"fmt"

	"rollcall/provisioning"
)

// use is what the tenant has shown of an operation, nil where nothing. It is read once a run.
func (x *Executor) use(ctx context.Context, operation string) (*provisioning.Use, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.uses == nil {
		uses, err := x.deps.Store.Uses(ctx, x.deps.Tenant)
		if err != nil {
			return nil, err
		}
		if uses == nil {
			uses = make(map[string]provisioning.Use)
		}
		x.uses = uses
	}
	if u, known := x.uses[operation]; known {
		return &u, nil
	}
	return nil, nil //nolint:nilnil // nothing shown is no error
}

// shown remembers what the tenant has shown of an operation, in the store and for this run. What is known already is not written
// again.
func (x *Executor) shown(ctx context.Context, ref provisioning.OpRef, operation provisioning.Operation, state provisioning.UseState, how string) error {
	known, err := x.use(ctx, operation.Name)
	if err != nil || operation.Name == "" || (known != nil && known.State == state) {
		return err
	}
	u := provisioning.Use{
		Tenant: x.deps.Tenant, Operation: operation.Name, State: state, At: x.deps.Clock.Now(), By: x.deps.Actor, How: fmt.Sprintf("batch %d: %s", ref.Batch, how),
	}
	e := x.event(provisioning.EventOperation, ref.Batch, ref.Unit, "", fmt.Sprintf("%s %s: %s", u.Operation, u.State, u.How))
	e.Op = ref.Seq
	if err := x.deps.Store.SaveUse(ctx, u, e); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.uses != nil { // a run that begins meanwhile reads it from the store
		x.uses[u.Operation] = u
	}
	return nil
}

// maySend says whether an operation may be sent by what the tenant has shown of it, else why not; and whether the next one must go
// alone: it can be read back, and none was yet.
func (x *Executor) maySend(ctx context.Context, operation provisioning.Operation) (why string, alone bool, err error) {
	u, err := x.use(ctx, operation.Name)
	if err != nil {
		return "", false, err
	}
	why, ok := operation.MaySend(u)
	if ok {
		why = ""
	}
	return why, ok && operation.FirstUse != provisioning.Plain && (u == nil || u.State != provisioning.UseConfirmed), nil
}

// pass is one op's way through the gate of its operation (DESIGN 4, canary): while none was confirmed on this tenant, one goes at a
// time, from its look at the object to the end of every doubt about it.
type pass struct {
	x         *Executor
	operation provisioning.Operation
	gate      chan struct{} // held; nil: not
}

// enter waits at the gate where the op must go alone, and gives it up again where that was decided meanwhile. It says why the
// operation may not be sent, "" where it may. Entered before, it looks again.
func (p *pass) enter(ctx context.Context) (why string, err error) {
	why, alone, err := p.x.maySend(ctx, p.operation)
	if err != nil || !alone {
		p.leave()
		return why, err
	}
	if p.gate != nil {
		return "", nil
	}
	gate := p.x.gateOf(p.operation.Name)
	select {
	case gate <- struct{}{}:
		p.gate = gate
	case <-ctx.Done():
		return "", ctx.Err()
	}
	why, alone, err = p.x.maySend(ctx, p.operation) // those who were before it may have shown what the tenant does
	if !alone {
		p.leave()
	}
	return why, err
}

// leave lets the next one through.
func (p *pass) leave() {
	if p.gate != nil {
		<-p.gate
		p.gate = nil
	}
}

func (x *Executor) gateOf(operation string) chan struct{} {
	x.mu.Lock()
	defer x.mu.Unlock()
	gate := x.gates[operation]
	if gate == nil {
		gate = make(chan struct{}, 1)
		x.gates[operation] = gate
	}
	return gate
}
