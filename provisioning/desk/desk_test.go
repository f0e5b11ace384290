package desk_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/clients/demofirm"
	"rollcall/clients/imanage"
	"rollcall/clients/okta"
	"rollcall/clients/wire"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/commit"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/dispatch/pool"
	"rollcall/provisioning/policy"
	"rollcall/provisioning/store/sqlite"
)

// rig is a whole engine on a demo firm, over HTTP, with a store of its own.
type rig struct {
	*desk.Desk
	firm    *demofirm.Firm
	running *demofirm.Running
	store   *sqlite.Store
	dms     *imanage.Client
}

func newRig(t *testing.T, people int, change func(*desk.Deps)) *rig {
	t.Helper()
	ctx := context.Background()
	r := &rig{firm: demofirm.Generate(demofirm.Options{Seed: 7, People: people, Epoch: time.Now().UTC()})}
	var err error
	if r.running, err = demofirm.Serve(ctx, r.firm, demofirm.ServeOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.running.Close)
	key := bytes.Repeat([]byte{9}, audit.KeySize)
	chain, err := audit.NewChain(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if r.store, err = sqlite.Open(ctx, sqlite.Options{Path: filepath.Join(dir, "rollcall.db"), Sealer: chain, Owner: "tester"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.store.Close() })
	c := r.running.Connections()
	limits := wire.Limits{Tries: 2, Attempt: 5 * time.Second}
	directory, err := okta.New(okta.Options{Name: "okta", URL: c.Connections[0].URL, Token: provisioning.NewSecret(c.Connections[0].Token), AllowLoopbackHTTP: true, Limits: limits, Groups: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(directory.Close)
	dms, err := imanage.New(imanage.Options{
		Confirmed: func(ctx context.Context, operation string) bool {
			uses, err := r.store.Uses(ctx, "sim")
			return err == nil && uses[operation].State == provisioning.UseConfirmed
		},
		Name: "imanage", URL: c.Connections[1].URL, Username: c.Connections[1].Username, Password: provisioning.NewSecret(c.Connections[1].Password),
		ClientID: c.Connections[1].ClientID, ClientSecret: provisioning.NewSecret(c.Connections[1].ClientSecret), AllowLoopbackHTTP: true, Limits: limits,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dms.Close)
	r.dms = dms
	p, err := policy.Parse([]byte(c.Policy), nil)
	if err != nil {
		t.Fatal(err)
	}
	deps := desk.Deps{
		Firm: c.Firm, Session: "test", Store: r.store, Directories: []provisioning.Directory{directory}, DMS: dms, Policy: p,
		Clock: provisioning.SystemClock{}, AuditKey: key, HandSteps: imanage.HandSteps, Tenant: "sim",
		FullEvery: map[string]time.Duration{"okta": 0}, // every read is a whole one, but where a test says otherwise
		Operator:  provisioning.Operator{Name: c.Operator.Name, Account: c.Operator.Account, Role: provisioning.RoleApprover},
	}
	if change != nil {
		change(&deps)
	}
	executor := commit.New(commit.Deps{
		Store: deps.Store, DMS: dms, Clock: deps.Clock, Actor: "l.ortiz", Session: "test", Owner: "test", Tenant: "sim", Settle: 50 * time.Millisecond,
		Operation: dms.Operation,
		Recheck: func(ctx context.Context, u *provisioning.Unit, ch provisioning.Change) string {
			return r.LiveCheck(ctx, u, ch)
		},
	})
	deps.Dispatcher = pool.New(pool.Deps{Store: deps.Store, Executor: executor, Event: func(kind provisioning.EventKind, detail string) provisioning.Event {
		return provisioning.Event{At: time.Now(), Actor: "l.ortiz", Session: "test", Kind: kind, Detail: detail}
	}})
	r.Desk = desk.New(deps)
	t.Cleanup(r.Close)
	return r
}

func (r *rig) sync(t *testing.T) *desk.Roll {
	t.Helper()
	roll, err := r.Sync(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return roll
}

// find gives the key of the first row of an account.
func (r *rig) find(t *testing.T, account string) string {
	t.Helper()
	for _, row := range r.Roll().Rows {
		for _, a := range row.Accounts {
			if a.ID == account {
				return row.Key
			}
		}
	}
	t.Fatalf("no row holds %s", account)
	return ""
}

// TestABrokenDirectoryMakesNoLeaver: an Okta that answers 200 with nothing, stops in mid-paging, repeats a page, or links to another
// host makes nobody a leaver, an orphan or a joiner more, and the reason stands in one line (issue A, point 6).
func TestABrokenDirectoryMakesNoLeaver(t *testing.T) {
	faults := map[string]wiretest.Fault{
		"200 []":                 {Kind: wiretest.EmptyList, Path: "/api/v1/users"},
		"200 [] from page two":   {Kind: wiretest.EmptyList, Path: "/api/v1/users", Skip: 1},
		"stops in mid-paging":    {Kind: wiretest.Status, Path: "/api/v1/users", Skip: 1, Status: http.StatusInternalServerError},
		"cut in mid-paging":      {Kind: wiretest.ResetBefore, Path: "/api/v1/users", Skip: 1},
		"a login page":           {Kind: wiretest.HTML, Path: "/api/v1/users"},
		"an object for a list":   {Kind: wiretest.EmptyObject, Path: "/api/v1/users", Skip: 1},
		"a lost permission":      {Kind: wiretest.Status, Path: "/api/v1/users", Status: http.StatusForbidden},
		"repeats a page":         {Kind: wiretest.Rewrite, Path: "/api/v1/users", Rewrite: repeated()},
		"a foreign next link":    {Kind: wiretest.Rewrite, Path: "/api/v1/users", Header: http.Header{"Link": {`<https://evil.example/api/v1/users?after=x>; rel="next"`}}, Rewrite: func(b []byte) []byte { return b }},
		"the same next for ever": {Kind: wiretest.Rewrite, Path: "/api/v1/users", Header: http.Header{"Link": {`</api/v1/users?after=x>; rel="next"`}}, Rewrite: func(b []byte) []byte { return b }},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 600, nil)
			before := r.sync(t)
			counts := func(roll *desk.Roll) [3]int {
				return [3]int{roll.Count(desk.FilterLeavers), roll.Count(desk.FilterOrphans), roll.Count(desk.FilterJoiners)}
			}
			good := counts(before)
			r.running.Okta.Bench().Inject(fault)
			for range 2 { // and not at the second look either
				after := r.sync(t)
				now := counts(after)
				for i := range now {
					if now[i] > good[i] {
						t.Errorf("leavers, orphans, joiners were %v and became %v", good, now)
					}
				}
				proof := after.Sources[0].Proof
				if proof.Complete || proof.Reason == "" || strings.Contains(proof.Reason, "\n") || strings.Contains(proof.Reason, "SSWS") {
					t.Errorf("proof %+v", proof)
				}
			}
			t.Log(r.Roll().Sources[0].Proof.Reason)
		})
	}
}

// repeated answers every second page with the one before it.
func repeated() func([]byte) []byte {
	var last []byte
	return func(page []byte) []byte {
		if last != nil {
			page, last = last, nil
			return page
		}
		last = append([]byte(nil), page...)
		return page
	}
}

// TestAFirstReadThatRepeats: a repeated page at the very first read hides a page of people; nobody's account is an orphan for it.
func TestAFirstReadThatRepeats(t *testing.T) {
	r := newRig(t, 600, nil)
	r.running.Okta.Bench().Inject(wiretest.Fault{Kind: wiretest.Rewrite, Path: "/api/v1/users", Rewrite: repeated()})
	if roll := r.sync(t); roll.Count(desk.FilterOrphans) > 0 || roll.Sources[0].Proof.Complete {
		t.Errorf("%d orphans: %+v", roll.Count(desk.FilterOrphans), roll.Sources[0].Proof)
	}
}

// TestAFirstReadOfNothing: where the very first read of the directory brings nothing, no account is an orphan.
func TestAFirstReadOfNothing(t *testing.T) {
	r := newRig(t, 300, nil)
	r.running.Okta.Bench().Inject(wiretest.Fault{Kind: wiretest.EmptyList, Path: "/api/v1/users"})
	roll := r.sync(t)
	if n := roll.Count(desk.FilterOrphans) + roll.Count(desk.FilterLeavers); n > 2 { // the planted administrators alone need no person
		t.Errorf("%d orphans and leavers out of an empty list", n)
	}
}

// TestAbsence: a person whom a complete list leaves out is a leaver only when the direct read says gone; one who is still there is not.
func TestAbsence(t *testing.T) {
	r := newRig(t, 300, nil)
	r.sync(t)
	var gone, hidden *provisioning.Person
	for _, row := range r.Roll().Rows {
		if len(row.Mismatches) == 0 && row.Linked && !row.Away && !row.Accounts[0].Managed() && row.Accounts[0].Enabled {
			switch {
			case gone == nil:
				gone = row.Person
			case hidden == nil:
				hidden = row.Person
			}
		}
	}
	r.running.Okta.Delete(gone.Key.ID)
	r.running.Okta.Bench().Inject(wiretest.Fault{Kind: wiretest.Rewrite, Path: "/api/v1/users", Times: 2, Rewrite: func(b []byte) []byte {
		return without(b, hidden.Key.ID)
	}})
	roll := r.sync(t)
	for _, row := range roll.Rows {
		if row.Person == nil {
			continue
		}
		leaver := row.Worst() != nil && row.Worst().Kind == provisioning.KindLeaver
		switch row.Person.Key {
		case gone.Key:
			if !leaver || row.Absence == nil || !row.Absence.Proven {
				t.Errorf("the deleted one: leaver %v, absence %+v", leaver, row.Absence)
			}
		case hidden.Key:
			if leaver {
				t.Error("one whom a list left out was called a leaver")
			}
		}
	}
}

// without cuts one user out of a page, as a list that moves does.
func without(page []byte, id string) []byte {
	at := bytes.Index(page, []byte(`{"id":"`+id))
	if at < 0 {
		return page
	}
	end := bytes.Index(page[at+1:], []byte(`{"id":"00u`))
	if end < 0 {
		return page
	}
	return append(append([]byte(nil), page[:at]...), page[at+1+end:]...)
}

// TestCommit: from the roll to the record; the roll shows the outcome; the number must be the right one and the hash the seen one.
func TestCommit(t *testing.T) {
	ctx := context.Background()
	r := newRig(t, 300, nil)
	r.sync(t)
	key := r.find(t, "TBARNES")
	staged, err := r.Stage(ctx, []string{key})
	if err != nil || staged.People != 1 || len(staged.Left) != 0 {
		t.Fatalf("%+v, %v", staged, err)
	}
	v, err := r.Review(ctx)
	if err != nil || v.Held || v.Lose != 1 || v.Confirm != 1 {
		t.Fatalf("%+v, %v", v, err)
	}
	for name, c := range map[string]desk.Commit{
		"wrong number": {Batch: v.Batch.ID, Hash: v.Batch.Hash, People: 2},
		"no number":    {Batch: v.Batch.ID, Hash: v.Batch.Hash},
		"another hash": {Batch: v.Batch.ID, Hash: "other", People: 1},
	} {
		if err := r.Commit(ctx, c); err == nil {
			t.Fatalf("%s: it began", name)
		}
	}
	if u, _ := r.running.Imanage.User("TBARNES"); !u.AllowLogon {
		t.Fatal("something was sent without a commit")
	}
	if err := r.Commit(ctx, desk.Commit{Batch: v.Batch.ID, Hash: v.Batch.Hash, People: 1}); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(ctx, v.Batch.ID); err != nil {
		t.Fatal(err)
	}
	run, err := r.Follow(ctx, v.Batch.ID)
	if err != nil || run.State != provisioning.BatchOpenHand || run.Hand != 3 || run.Done != run.Total {
		t.Fatalf("%+v, %v", run, err)
	}
	if u, _ := r.running.Imanage.User("TBARNES"); u.AllowLogon {
		t.Error("the account is still enabled")
	}
	i := r.Roll().Find(key)
	if text := r.Explain(r.Roll(), i).Long; !strings.Contains(text, "disabled") || !strings.Contains(text, "read back") {
		t.Errorf("the roster says %q", text)
	}
	// The steps by hand: not believed before they are seen, closed when they are.
	for _, u := range run.View.Batch.Units {
		for _, op := range u.Ops {
			if op.State != provisioning.OpByHand {
				continue
			}
			if err := r.Tick(ctx, v.Batch.ID, u.ID, op.Seq); err == nil {
				t.Error("a step was believed that nobody did")
			}
			r.running.Imanage.Leave("TBARNES", op.Change.Library, "")
			if err := r.Tick(ctx, v.Batch.ID, u.ID, op.Seq); err != nil {
				t.Error(err)
			}
		}
	}
	if run, err = r.Follow(ctx, v.Batch.ID); err != nil || run.State != provisioning.BatchDone {
		t.Errorf("after the last tick: %s, %v", run.State, err)
	}
	if report, err := r.Verify(ctx); err != nil || !report.OK {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestOrdinaryReader: an operator whom no mapping names may look, and nothing else (threats H3).
func TestOrdinaryReader(t *testing.T) {
	ctx := context.Background()
	r := newRig(t, 60, func(d *desk.Deps) { d.Operator.Role = provisioning.RoleReader })
	r.sync(t)
	key := r.find(t, "TBARNES")
	_, stage := r.Stage(ctx, []string{key})
	_, review := r.Review(ctx)
	_, decide := r.Decide(ctx, provisioning.PersonKey{Directory: "okta", ID: "x"}, "TBARNES", true, "")
	for name, err := range map[string]error{
		"stage": stage, "review": review, "decide": decide, "unstage": r.Unstage(ctx, []string{key}), "commit": r.Commit(ctx, desk.Commit{Batch: 1}),
		"retry": r.Retry(ctx, 1), "resume": r.Resume(ctx, 1), "pause": r.Pause(ctx, 1), "cancel": r.Cancel(ctx, 1), "tick": r.Tick(ctx, 1, 1, 1),
	} {
		if provisioning.CodeOf(err) != provisioning.ReadOnly {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := r.Person(ctx, key); err != nil {
		t.Errorf("looking: %v", err)
	}
}

// TestDecide: a disputed person gets the account that an operator names, remembered over reads, and gives it back.
func TestDecide(t *testing.T) {
	ctx := context.Background()
	r := newRig(t, 120, nil)
	r.sync(t)
	key := r.find(t, "SOBRIEN")
	row := r.Roll().Rows[r.Roll().Find(key)]
	if row.Linked || row.Worst() == nil || row.Worst().Kind != provisioning.KindDisputed {
		t.Fatalf("%+v", row)
	}
	for _, theirs := range []bool{true, false} {
		if _, err := r.Decide(ctx, row.Person.Key, "SOBRIEN", theirs, "she said so"); err != nil {
			t.Fatal(err)
		}
		roll := r.sync(t)
		if got := roll.Rows[roll.Find(key)].Linked && roll.Rows[roll.Find(key)].Accounts[0].ID == "SOBRIEN"; got != theirs {
			t.Errorf("theirs %v: linked %v", theirs, got)
		}
	}
}

// TestReused: a login that meets somebody's closed account is never a match, and its mend is held with the reason (threats H4).
func TestReused(t *testing.T) {
	r := newRig(t, 300, nil)
	r.sync(t)
	n := 0
	for i, row := range r.Roll().Rows {
		if w := row.Worst(); w != nil && w.Kind == provisioning.KindReusedID {
			n++
			staged, err := r.Stage(context.Background(), []string{row.Key})
			if err != nil || staged.People != 0 || len(staged.Left) != 1 || row.Linked {
				t.Errorf("%+v, %v, linked %v", staged, err, row.Linked)
			}
			if text := r.Explain(r.Roll(), i).Long; !strings.Contains(text, "Held") {
				t.Errorf("the screen says %q", text)
			}
		}
	}
	if n == 0 {
		t.Error("none was planted")
	}
}
