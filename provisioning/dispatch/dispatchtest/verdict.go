package dispatchtest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"rollcall/clients/imanage/imanagetest"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
	"rollcall/provisioning/audit"
)

// Verdict is what a document system says of a batch.
type Verdict struct {
	Lost   []string // effects that never took place
	Double []string // effects that took place twice, requests that were sent again after they had their effect, and what nobody asked for
}

// OK reports whether nothing was lost and nothing done twice.
func (v Verdict) OK() bool { return len(v.Lost)+len(v.Double) == 0 }

// Judge holds a server's effects and its request log against what was wanted. The log finds what a state assertion hides: a second
// creation is refused and a second join changes nothing, and neither should have been sent.
func (f *Firm) Judge(s *imanagetest.Server) Verdict {
	var v Verdict
	effects := s.Effects()
	for key := range f.Wanted {
		if effects[key] == 0 {
			v.Lost = append(v.Lost, key)
		}
	}
	for key, n := range effects {
		if n > 1 || !f.Wanted[key] {
			v.Double = append(v.Double, fmt.Sprintf("%s: %d times", key, n))
		}
	}
	for request, n := range Worked(s) {
		if n > 1 {
			v.Double = append(v.Double, fmt.Sprintf("sent %d times: %s", n, request))
		}
	}
	slices.Sort(v.Lost)
	slices.Sort(v.Double)
	return v
}

// Worked counts the writes that the server worked on, by the request: not those that it turned away for the rate or the token, and not
// those that a fault kept from it.
func Worked(s *imanagetest.Server) map[string]int {
	counts := make(map[string]int)
	for _, e := range s.Bench().Log() {
		if worked(&e) {
			counts[e.Method+" "+e.Path+" "+sorted(e.Body)]++
		}
	}
	return counts
}

// sorted spells a body with its names in order: a client may send them in any.
func sorted(body string) string {
	var value any
	if json.Unmarshal([]byte(body), &value) != nil {
		return body
	}
	text, err := json.Marshal(value)
	if err != nil {
		return body
	}
	return string(text)
}

func worked(e *wiretest.Entry) bool {
	if e.Method == http.MethodGet || strings.HasPrefix(e.Path, "/auth") {
		return false
	}
	switch e.Fault {
	case 0:
		return e.Status != http.StatusUnauthorized && e.Status != http.StatusTooManyRequests && e.Status != http.StatusServiceUnavailable
	case wiretest.AfterEffect, wiretest.ResetAfter, wiretest.CutBody, wiretest.Drip, wiretest.HangAfter, wiretest.Rewrite, wiretest.Slow:
		return true
	default:
		return false
	}
}

// Account is what a journal and its record say of a batch.
type Account struct {
	Wrong []string // in sentences; none: all is as it should be
}

// Check holds a store against a batch that came to its end: every op is confirmed (or was so already, where a retry found it), one row
// of the record confirms each, and the record's chain holds.
func (f *Firm) Check(ctx context.Context, s provisioning.Store, key []byte) (Account, error) {
	var a Account
	b, err := s.Batch(ctx, f.Batch.ID)
	if err != nil {
		return a, err
	}
	if b.State != provisioning.BatchDone {
		a.Wrong = append(a.Wrong, fmt.Sprintf("the batch is %s: %s", b.State, b.Stop))
	}
	type ref struct {
		unit int64
		seq  int
	}
	want := make(map[ref]int)
	for _, u := range b.Units {
		for i := range u.Ops {
			op := &u.Ops[i]
			switch op.State {
			case provisioning.OpConfirmed, provisioning.OpAlready:
			default:
				a.Wrong = append(a.Wrong, fmt.Sprintf("%s %d %s is %s: %s", u.Account, op.Seq, op.Change.Kind, op.State, op.Error))
			}
			want[ref{u.ID, op.Seq}] = 1
		}
	}
	confirmed := make(map[ref]int)
	report, err := audit.Verify(ctx, key, func(ctx context.Context, from int64, visit func(provisioning.Record) error) error {
		return s.Records(ctx, from, func(r provisioning.Record) error {
			e := r.Event
			if e.Kind == provisioning.EventOutcome && (strings.Contains(e.Detail, " "+string(provisioning.OpConfirmed)+": ") || strings.Contains(e.Detail, " "+string(provisioning.OpAlready)+": ")) {
				confirmed[ref{e.Unit, e.Op}]++
			}
			return visit(r)
		})
	})
	if err != nil || !report.OK {
		a.Wrong = append(a.Wrong, fmt.Sprintf("the record does not hold: %+v, %v", report, err))
	}
	if !maps.Equal(want, confirmed) {
		a.Wrong = append(a.Wrong, fmt.Sprintf("%d changes, and the record confirms %d: %v", len(want), len(confirmed), confirmed))
	}
	return a, nil
}

// Commit saves the batch and lets it go, as a desk does after review.
func (f *Firm) Commit(ctx context.Context, s provisioning.Store) error {
	event := func(kind provisioning.EventKind) provisioning.Event {
		return provisioning.Event{At: f.Batch.CreatedAt, Actor: "tester", Kind: kind}
	}
	if err := s.SaveBatch(ctx, f.Batch, event(provisioning.EventStaged)); err != nil {
		return err
	}
	return s.MoveBatch(ctx, f.Batch.ID, provisioning.BatchCommitted, hash, "", event(provisioning.EventCommitted))
}

// Resume takes an unfinished batch up as a console does after a restart: units whose owner is gone are given up, and a stopped batch is
// let go on. It reports false where there is nothing to resume.
func Resume(ctx context.Context, s provisioning.Store, e provisioning.Event) (batch int64, ok bool, err error) {
	batches, err := s.Unfinished(ctx)
	if err != nil || len(batches) == 0 {
		return 0, false, err
	}
	b := batches[0]
	e.Kind = provisioning.EventResumed
	if err := s.Recover(ctx, b.ID, e); err != nil {
		return 0, false, err
	}
	if b.State != provisioning.BatchCommitted {
		err = s.MoveBatch(ctx, b.ID, provisioning.BatchCommitted, b.Hash, "", e)
	}
	return b.ID, err == nil, err
}

// Retry puts whatever failed or was parked back to the start, as an operator's retry does. It reports how many people that were.
func Retry(ctx context.Context, s provisioning.Store, batch int64, e provisioning.Event) (int, error) {
	b, err := s.Batch(ctx, batch)
	if err != nil {
		return 0, err
	}
	var units []int64
	for i := range b.Units {
		if u := &b.Units[i]; u.State == provisioning.UnitFailed || u.State == provisioning.UnitParked {
			units = append(units, u.ID)
		}
	}
	if len(units) == 0 {
		return 0, nil
	}
	e.Kind = provisioning.EventResumed
	return len(units), s.RetryUnits(ctx, batch, units, e)
}
