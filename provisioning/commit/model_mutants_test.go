package commit_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/commit"
)

// unbound is a store whose intents are not where they belong: they are written with the outcome, or when somebody says so.
type unbound struct {
	provisioning.Store
	late map[provisioning.OpRef]func() error
}

func (s *unbound) MarkSent(ctx context.Context, ref provisioning.OpRef, at time.Time, e provisioning.Event) error {
	s.late[ref] = func() error { return s.Store.MarkSent(ctx, ref, at, e) }
	return nil
}

func (s *unbound) MarkOp(ctx context.Context, ref provisioning.OpRef, o provisioning.Outcome, e provisioning.Event) error {
	if err := s.flush(); err != nil {
		return err
	}
	return s.Store.MarkOp(ctx, ref, o, e)
}

func (s *unbound) flush() (err error) {
	for ref, write := range s.late {
		delete(s.late, ref)
		err = errors.Join(err, write())
	}
	return err
}

// deaf is a store that hears no refusal of an intent: a batch that does not go on goes on.
type deaf struct{ provisioning.Store }

func (s deaf) MarkSent(ctx context.Context, ref provisioning.OpRef, at time.Time, e provisioning.Event) error {
	if err := s.Store.MarkSent(ctx, ref, at, e); err != nil && provisioning.CodeOf(err) != provisioning.Held {
		return err
	}
	return nil
}

// bent is a document system with some of its answers bent.
type bent struct {
	provisioning.DMS
	send    func(ctx context.Context, c provisioning.Change) (provisioning.Receipt, error)
	observe func(ctx context.Context, c provisioning.Change) (provisioning.Observation, error)
}

func (b bent) Send(ctx context.Context, c provisioning.Change) (provisioning.Receipt, error) {
	if b.send != nil {
		return b.send(ctx, c)
	}
	return b.DMS.Send(ctx, c)
}

func (b bent) Observe(ctx context.Context, c provisioning.Change) (provisioning.Observation, error) {
	if b.observe != nil {
		return b.observe(ctx, c)
	}
	return b.DMS.Observe(ctx, c)
}

// TestEveryPathFinds: with one rule of the protocol taken out, the same exploration finds what comes of it.
func TestEveryPathFinds(t *testing.T) {
	one := [][]provisioning.Change{{disable("ANNA")}}
	small := budget{faults: 1, crashes: 1}
	sent := func(d *commit.Deps, after func(err error, again func() (provisioning.Receipt, error)) (bool, error)) func(context.Context, provisioning.Change) (provisioning.Receipt, error) {
		dms := d.DMS
		return func(ctx context.Context, c provisioning.Change) (provisioning.Receipt, error) {
			receipt, err := dms.Send(ctx, c)
			again, err := after(err, func() (provisioning.Receipt, error) { return dms.Send(ctx, c) })
			if again {
				return dms.Send(ctx, c)
			}
			return receipt, err
		}
	}
	for _, m := range []struct {
		name  string
		want  string // of the violation
		scene scene
	}{
		{"no intent", "with 0 intents", scene{units: one, budget: small, mutant: func(_ *world, d *commit.Deps) {
			d.Store = &unbound{Store: d.Store, late: make(map[provisioning.OpRef]func() error)}
		}}},
		{"the intent after the request", "with 0 intents", scene{units: one, budget: small, mutant: func(_ *world, d *commit.Deps) {
			s := &unbound{Store: d.Store, late: make(map[provisioning.OpRef]func() error)}
			d.Store = s
			d.DMS = bent{DMS: d.DMS, send: sent(d, func(err error, _ func() (provisioning.Receipt, error)) (bool, error) {
				return false, errors.Join(err, s.flush())
			})}
		}}},
		{"no settle time", "becomes pending (in doubt, then read back: it had no effect. no answer), and it took effect, or still may", scene{units: one, budget: small, faults: []fate{lostLate}, mutant: func(_ *world, d *commit.Deps) { d.Settle = 0 }}},
		{"a settle time that is too short", "still may", scene{units: one, budget: small, mutant: func(_ *world, d *commit.Deps) { d.Settle = settle / 2 }}},
		{"what is in doubt is not read back", "", scene{units: one, budget: small, mutant: func(_ *world, d *commit.Deps) {
			here, dms := make(map[string]bool), d.DMS // what this process has sent
			d.DMS = bent{
				DMS: dms,
				send: func(ctx context.Context, c provisioning.Change) (provisioning.Receipt, error) {
					r, err := dms.Send(ctx, c)
					here[id(c)] = err == nil
					return r, err
				},
				observe: func(ctx context.Context, c provisioning.Change) (provisioning.Observation, error) {
					if here[id(c)] {
						return dms.Observe(ctx, c)
					}
					return provisioning.Observation{Value: c.Before}, nil
				},
			}
		}}},
		{"what was accepted is not read back", "no read after the request saw it", scene{units: one, budget: small, mutant: func(_ *world, d *commit.Deps) {
			here, dms := make(map[string]bool), d.DMS
			d.DMS = bent{
				DMS: dms,
				send: func(ctx context.Context, c provisioning.Change) (provisioning.Receipt, error) {
					here[id(c)] = true
					return dms.Send(ctx, c)
				},
				observe: func(ctx context.Context, c provisioning.Change) (provisioning.Observation, error) {
					if here[id(c)] {
						return provisioning.Observation{Value: c.After}, nil
					}
					return dms.Observe(ctx, c)
				},
			}
		}}},
		{"what is in doubt is sent again blind", "with 1 intents for 2 requests", scene{units: one, budget: small, mutant: func(_ *world, d *commit.Deps) {
			d.DMS = bent{DMS: d.DMS, send: sent(d, func(err error, _ func() (provisioning.Receipt, error)) (bool, error) {
				var failure *provisioning.SendError
				return errors.As(err, &failure) && failure.Effect == provisioning.InDoubt, err
			})}
		}}},
		{"a lost credential is tried again", "though the credential was refused", scene{units: one, budget: small, mutant: func(_ *world, d *commit.Deps) {
			d.DMS = bent{DMS: d.DMS, send: sent(d, func(err error, _ func() (provisioning.Receipt, error)) (bool, error) {
				var failure *provisioning.SendError
				if errors.As(err, &failure) && failure.Denied {
					return false, &provisioning.SendError{Effect: provisioning.NothingDone, Message: "later"}
				}
				return false, err
			})}
		}}},
		{"a paused batch goes on", "the journal has it as pending", scene{units: one, budget: budget{orders: 1}, mutant: func(_ *world, d *commit.Deps) {
			d.Store = deaf{d.Store}
		}}},
		{"the stop rule is not heard", "though three failed alike", scene{units: five(), always: refused, apart: true}},
		{"a change in doubt is called refused", "it is so", scene{units: one, budget: small, mutant: func(_ *world, d *commit.Deps) {
			d.DMS = bent{DMS: d.DMS, send: sent(d, func(err error, _ func() (provisioning.Receipt, error)) (bool, error) {
				if err == nil {
					return false, nil
				}
				return false, &provisioning.SendError{Effect: provisioning.RefusedSend, Status: 502, Message: "502"}
			}), observe: d.DMS.Observe}
		}}},
	} {
		t.Run(m.name, func(t *testing.T) {
			f := m.scene.explore(t)
			if f.wrong == "" || !strings.Contains(f.wrong, m.want) {
				t.Fatalf("after %d paths: %q\n%s", f.paths, f.wrong, strings.Join(f.story, "\n"))
			}
			t.Logf("path %d: %s", f.paths, f.wrong)
			whole := m.scene
			whole.mutant, whole.apart = nil, false
			if f := whole.explore(t); f.wrong != "" {
				t.Errorf("whole, it is found too: %s", f.wrong)
			}
		})
	}
}

// TestFound are the paths that this check has found, each mended: what happens, and what must come of it.
func TestFound(t *testing.T) {
	one := [][]provisioning.Change{{disable("ANNA")}}
	canary := map[provisioning.ChangeKind]provisioning.FirstUse{provisioning.DisableAccount: provisioning.Canary}
	pair := [][]provisioning.Change{{disable("ANNA")}, {disable("BEN")}}
	for _, c := range []struct {
		name  string
		scene scene
		want  provisioning.OpState
		tells string // what the journal has of it in the end
	}{
		{"what was accepted and comes at the end of the settle time is waited for", scene{units: one, script: []fate{effectLate}}, provisioning.OpConfirmed, "read back"},
		{"what was accepted is not called drifted while it may still come", scene{units: one, script: []fate{effectLate, theirs}}, provisioning.OpConfirmed, "read back"},
		{"a refusal that cannot be looked at is in doubt", scene{units: one, script: []fate{refusedSo, readDown}}, provisioning.OpConfirmed, "in doubt, then read back"},
		{"a first one in doubt when the program died is read back before another goes", scene{units: pair, first: canary, workers: 2, budget: budget{crashes: 1, switches: 1}}, provisioning.OpConfirmed, ""},
		{"a credential that is refused to one is not tried by another who had begun to look", scene{units: pair, workers: 2, budget: budget{switches: 2}, faults: []fate{denied}}, "", ""},
		{"a call that one was refused and another was not goes by hand with a reason", scene{units: pair, workers: 2, budget: budget{switches: 2}, faults: []fate{unknownCall}}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.scene.workers > 0 { // it takes the right turns to come to
				c.scene.budget.faults = len(c.scene.faults)
				if f := c.scene.explore(t); f.wrong != "" {
					t.Errorf("path %d: %s\n%s", f.paths, f.wrong, strings.Join(f.story, "\n"))
				}
				return
			}
			c.scene.workers = 1
			w := play(&c.scene, &tape{}, false, true)
			op := &w.disk.b.Units[0].Ops[0]
			if w.wrong != "" || (c.want != "" && (op.State != c.want || !strings.Contains(op.Evidence, c.tells))) {
				t.Errorf("%s (%s%s); %s\n%s", op.State, op.Evidence, op.Error, w.wrong, strings.Join(w.story, "\n"))
			}
			if len(w.script) > 0 {
				t.Errorf("it never came to %q", w.script)
			}
		})
	}
}
