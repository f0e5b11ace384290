package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
)

// Capability is one operation of the document system with what this tenant has shown of it.
type Capability struct {
	provisioning.Operation
	Use *provisioning.Use // nil: nothing yet
	Why string            // why it may not be sent now, a reason for a step by hand; "" where it may
}

// Sandbox is a document system that can try its unconfirmed operations on a throw-away account.
type Sandbox interface {
	// Try tries each operation that is a probe on the account, reads it back, and undoes it. tell hears each answer, one after the
	// other; an empty state says that the operation was not tried, and how says why.
	Try(ctx context.Context, sandbox string, tell func(op provisioning.Operation, state provisioning.UseState, how string)) error
}

// loadUses reads what the tenant has shown of its operations.
func (d *Desk) loadUses(ctx context.Context) error {
	uses, err := d.deps.Store.Uses(ctx, d.deps.Tenant)
	if err != nil {
		return err
	}
	d.uses.Store(&uses)
	return nil
}

// use is what the tenant has shown of an operation, as last read; nil where nothing.
func (d *Desk) use(operation string) *provisioning.Use {
	if uses := d.uses.Load(); uses != nil {
		if u, known := (*uses)[operation]; known {
			return &u
		}
	}
	return nil
}

// byHand says why a change may not be sent to this tenant, "" where it may. It never waits.
func (d *Desk) byHand(c provisioning.Change) string {
	operation := d.deps.DMS.Operation(c)
	why, ok := operation.MaySend(d.use(operation.Name))
	if ok {
		return ""
	}
	return why
}

// Capabilities lists every operation of the document system that changes something, with what this tenant has shown of it.
func (d *Desk) Capabilities(ctx context.Context) ([]Capability, error) {
	if err := d.loadUses(ctx); err != nil {
		return nil, err
	}
	var list []Capability
	for _, o := range d.deps.DMS.Operations() {
		c := Capability{Operation: o, Use: d.use(o.Name)}
		if why, ok := o.MaySend(c.Use); !ok {
			c.Why = why
		}
		list = append(list, c)
	}
	return list, nil
}

// TrySandbox tries the unconfirmed operations on a throw-away account, and remembers what the tenant answered. typed is the account's
// id as the operator typed it in consent. tell may be nil; it hears each answer. An account that may be anybody's is refused with the
// reason, and nothing is sent.
func (d *Desk) TrySandbox(ctx context.Context, id, typed string, tell func(op provisioning.Operation, state provisioning.UseState, how string)) error {
	if err := d.mayChange(); err != nil {
		return err
	}
	if strings.TrimSpace(typed) == "" || typed != id {
		return &provisioning.Error{Code: provisioning.Held, Message: "the trial on " + id + " was not consented to", Hint: "type the account's id as it is"}
	}
	id = strings.ToUpper(strings.TrimSpace(id))
	sandbox, ok := d.deps.DMS.(Sandbox)
	if !ok {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "this connection has no operation to try"}
	}
	why, err := d.notSandbox(ctx, id)
	if err != nil {
		return err
	}
	if why != "" {
		return &provisioning.Error{
			Code: provisioning.Held, Message: id + " is no throw-away account: " + why, Hint: "make one for it in Control Center, with nobody behind it",
		}
	}
	if err := d.deps.Store.Append(ctx, d.event(provisioning.EventOperation, id, "the unconfirmed operations are tried on "+id+", with the typed consent")); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err = sandbox.Try(ctx, id, func(op provisioning.Operation, state provisioning.UseState, how string) {
		if err := d.shown(context.WithoutCancel(ctx), id, op, state, how); err != nil {
			cancel(err) // what cannot be recorded is not gone on with
			return
		}
		if tell != nil {
			tell(op, state, how)
		}
	})
	return errors.Join(err, context.Cause(ctx), d.loadUses(context.WithoutCancel(ctx)))
}

// TryAgain forgets what the tenant answered about an operation: a canary is sent again, alone, with the next change that needs it; a
// probe waits for another trial. It is for a tenant that was mended, or a gateway that answered in its place.
func (d *Desk) TryAgain(ctx context.Context, operation string) error {
	if err := d.mayChange(); err != nil {
		return err
	}
	e := d.event(provisioning.EventOperation, "", operation+": what the tenant answered is forgotten, by "+d.deps.Operator.Name)
	if err := d.deps.Store.ForgetUse(ctx, d.deps.Tenant, operation, e); err != nil {
		return err
	}
	return d.loadUses(ctx)
}

// shown remembers what the trial showed of an operation.
func (d *Desk) shown(ctx context.Context, id string, op provisioning.Operation, state provisioning.UseState, how string) error {
	if state == "" {
		return d.deps.Store.Append(ctx, d.event(provisioning.EventOperation, id, op.Name+" not tried: "+how))
	}
	if !strings.HasPrefix(how, "doctor") {
		how = "doctor on " + id + ": " + how
	}
	u := provisioning.Use{Tenant: d.deps.Tenant, Operation: op.Name, State: state, At: d.now(), By: d.deps.Operator.Name, How: how}
	return d.deps.Store.SaveUse(ctx, u, d.event(provisioning.EventOperation, id, fmt.Sprintf("%s %s: %s", u.Operation, u.State, u.How)))
}

// notSandbox says why an account is no throw-away one; "" where it is.
func (d *Desk) notSandbox(ctx context.Context, id string) (string, error) {
	roll, st := d.Roll(), d.state.Load()
	if roll == nil || st == nil {
		return "", &provisioning.Error{Code: provisioning.Invalid, Message: "nothing has been read yet", Hint: "run rollcall sync first: only the roll shows whose an account is"}
	}
	for _, p := range st.snap.Proofs { // whoever was not read may be behind it
		if !p.Complete {
			return "", &provisioning.Error{Code: provisioning.Unproven, Message: fmt.Sprintf("%s was not read whole (%s): somebody unseen may be behind %s", p.Source, p.Reason, id)}
		}
	}
	identity := d.identity(ctx)
	if identity == "" {
		return "", &provisioning.Error{Code: provisioning.Unavailable, Message: "the account that rollcall signs in with cannot be read, so it cannot be kept out"}
	}
	a, found, err := d.deps.DMS.Account(provisioning.ForPerson(ctx), id)
	if err != nil {
		return "", &provisioning.Error{Code: provisioning.Unavailable, Message: id + " cannot be read", Hint: "try again", Err: err}
	}
	switch why, protected := d.policy().Protected(id); {
	case !found:
		return "the document system has no such account", nil
	case protected:
		return why, nil
	case d.policy().Service(id):
		return "it is a listed service account", nil
	case strings.EqualFold(id, d.deps.Operator.Account):
		return "it is your own account", nil
	case strings.EqualFold(id, identity):
		return "rollcall signs in with it", nil
	case a.Managed():
		return "a directory sync owns it", nil
	}
	return roll.behind(id), nil
}

// behind says who may be behind an account; "" where nobody is: no link, no candidate, no suggestion, nobody who signs in by its id.
func (r *Roll) behind(id string) string {
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Person == nil {
			continue
		}
		theirs := slices.ContainsFunc(row.Accounts, func(a *provisioning.Account) bool { return strings.EqualFold(a.ID, id) })
		perhaps := slices.ContainsFunc(row.Suggestions, func(s provisioning.Suggestion) bool { return strings.EqualFold(s.Account, id) })
		switch {
		case theirs && row.Linked:
			return "it is the account of " + rowName(row)
		case theirs || perhaps || strings.EqualFold(row.Person.SSOName, id):
			return "it may be the account of " + rowName(row)
		}
	}
	return ""
}
