package commit_test

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
)

// checkIntent holds what an intent rests on, before it is written.
func (w *world) checkIntent(o *thing) {
	o.intents++
	if w.halted != "" && !slices.Contains(w.pardoned, o.unit) {
		w.violated("%s is sent though %s", id(o.change), w.halted)
	}
	w.pardoned = slices.DeleteFunc(w.pardoned, func(unit int64) bool { return unit == o.unit })
	name := "op " + string(o.change.Kind)
	if w.scene.first[o.change.Kind] != provisioning.Canary || w.disk.uses[name].State == provisioning.UseConfirmed {
		return
	}
	for _, other := range w.things {
		if other != o && other.change.Kind == o.change.Kind && w.disk.unit(other.unit).Ops[other.seq-1].State == provisioning.OpSent {
			w.violated("%s is sent beside %s, and none of its kind was confirmed yet", id(o.change), id(other.change))
		}
	}
}

// checkSend holds what a request rests on, as it arrives.
func (w *world) checkSend(o *thing) {
	u := w.disk.unit(o.unit)
	if op := &u.Ops[o.seq-1]; op.State != provisioning.OpSent || o.intents < o.sends {
		w.violated("%s is sent, and the journal has it as %s, with %d intents for %d requests", id(o.change), op.State, o.intents, o.sends)
	}
	for i := range u.Ops[:o.seq-1] {
		earlier := &u.Ops[i]
		switch {
		case earlier.State.Held():
			w.violated("%s is sent, and %d is %s", id(o.change), earlier.Seq, earlier.State)
		case earlier.State == provisioning.OpSent, earlier.State == provisioning.OpPending && u.WaitsFor(i) == 0:
			w.violated("%s is sent, and %d before it is %s", id(o.change), earlier.Seq, earlier.State)
		case !earlier.State.Settled() || earlier.State == provisioning.OpByHand:
			if o.change.RestsOn(earlier.Change) {
				w.violated("%s is sent, and what it rests on is %s", id(o.change), earlier.State)
			}
		}
	}
}

// checkOutcome holds that what is written of an op is true, before it is written.
func (w *world) checkOutcome(op *provisioning.Op, out provisioning.Outcome) {
	o := w.thingOf(op.Unit, op.Seq)
	undone := o.touched && w.values[o.key] != op.Change.After // somebody else has overwritten it since
	happened := (o.effects > 0 && !undone) || w.onItsWay(o)
	what := fmt.Sprintf("%s becomes %s (%s%s)", id(op.Change), out.State, out.Evidence, out.Error)
	if out.State != provisioning.OpConfirmed && out.State != provisioning.OpAlready && out.Error == "" {
		w.violated("%s, and does not say why", what)
	}
	switch out.State {
	case provisioning.OpConfirmed:
		if o.read != op.Change.After || o.lastRead < o.lastSend || out.Evidence == "" {
			w.violated("%s, and no read after the request saw it", what)
		}
	case provisioning.OpAlready:
		if o.read != op.Change.After || out.Evidence == "" {
			w.violated("%s, and no read saw it", what)
		}
	case provisioning.OpPending:
		if happened {
			w.violated("%s, and it took effect, or still may", what)
		}
	case provisioning.OpFailed:
		if happened || w.values[o.key] == op.Change.After {
			w.violated("%s, and it is so", what)
		}
		if !o.refused && op.Attempts < 4 {
			w.violated("%s, and nobody refused it", what)
		}
	case provisioning.OpDrifted:
		if !o.touched || o.read == op.Change.Before || o.read == op.Change.After {
			w.violated("%s, and it read %q", what, o.read)
		}
	case provisioning.OpByHand:
		if happened {
			w.violated("%s, and it took effect", what)
		}
	case provisioning.OpParked:
		w.checkParked(op, out, what)
	case provisioning.OpCancelled:
		if w.disk.b.State != provisioning.BatchCancelled || happened {
			w.violated("%s, in a batch that is %s", what, w.disk.b.State)
		}
	default:
		w.violated("%s", what)
	}
}

func (w *world) checkParked(op *provisioning.Op, out provisioning.Outcome, what string) {
	o := w.thingOf(op.Unit, op.Seq)
	var seq int
	switch n, _ := fmt.Sscanf(out.Error, "waits for change %d", &seq); {
	case n == 1:
		if op.State != provisioning.OpPending || !w.disk.unit(op.Unit).Ops[seq-1].State.Held() {
			w.violated("%s, and that one holds nobody", what)
		}
	case strings.HasPrefix(out.Error, "in doubt when the batch was cancelled"):
		if w.disk.b.State != provisioning.BatchCancelled {
			w.violated("%s, in a batch that is %s", what, w.disk.b.State)
		}
	case o.effects > 0 || w.onItsWay(o):
		w.violated("%s, and it took effect, or still may", what)
	}
}

// checkEnd holds that nothing is lost: the batch is at its end, and every op says truly what became of it.
func (w *world) checkEnd() {
	b := &w.disk.b
	if b.State != provisioning.BatchDone && b.State != provisioning.BatchCancelled {
		w.violated("at the end the batch is %s: %s", b.State, b.Stop)
	}
	for i := range b.Units {
		u := &b.Units[i]
		if u.State == provisioning.UnitPending || u.State == provisioning.UnitRunning || u.Owner != "" {
			w.violated("at the end unit %d is %s of %q", u.ID, u.State, u.Owner)
		}
		for k := range u.Ops {
			op := &u.Ops[k]
			o := w.thingOf(u.ID, op.Seq)
			asked := w.values[o.key] == op.Change.After
			switch {
			case op.State == provisioning.OpConfirmed || op.State == provisioning.OpAlready:
				if !asked && !o.touched {
					w.violated("%s is %s, and reads %q", id(op.Change), op.State, w.values[o.key])
				}
			case !op.State.Settled() || op.State == provisioning.OpByHand:
				w.violated("at the end %s is %s", id(op.Change), op.State)
			case o.effects > 0 && !o.touched && !strings.HasPrefix(op.Error, "in doubt when the batch was cancelled"):
				w.violated("%s is %s (%s), and it took effect", id(op.Change), op.State, op.Error)
			case op.Error == "" && op.State != provisioning.OpCancelled:
				w.violated("%s is %s, and does not say why", id(op.Change), op.State)
			}
			if w.onItsWay(o) && op.State != provisioning.OpConfirmed && !strings.HasPrefix(op.Error, "in doubt when the batch was cancelled") {
				w.violated("at the end a request for %s is on its way", id(op.Change))
			}
		}
	}
}
