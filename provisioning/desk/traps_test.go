package desk_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"rollcall/clients/imanage/imanagetest"
	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

// trap is the case that an operator opens for one planted trap of the demo firm, and what the console says about it.
type trap struct {
	name    string
	kind    desk.CaseKind
	options desk.CaseOptions
	check   string // the check that names it
	says    string // words of its one sentence
	held    bool   // nothing can be staged
}

func traps() []trap {
	return []trap{
		{name: "rehire", kind: desk.CaseJoiner, check: "rehire", says: "closed account", held: true},
		{name: "id reuse", kind: desk.CaseJoiner, check: "id reuse", says: "never given to somebody else", held: true},
		{name: "email reuse", kind: desk.CaseJoiner, check: "email", says: "mend that account's email first", held: true},
		{name: "wall conflict", kind: desk.CaseJoiner, check: "wall", says: "keeps it apart from"},
		{name: "last administrator", kind: desk.CaseLeaver, check: "administrator", says: "the last enabled administrator", held: true},
		{name: "disabled group", kind: desk.CaseLeaver, check: "disabled group", says: "by hand"},
		{name: "directory-managed leaver", kind: desk.CaseLeaver, check: "directory", says: "waits for the directory", held: true},
		{name: "owner of 40 workspaces", kind: desk.CaseLeaver, check: "workspaces", says: "owns 40 workspaces"},
		{name: "3 checked-out documents", kind: desk.CaseLeaver, check: "documents", says: "3 documents checked out"},
		{name: "sso name", kind: desk.CaseMover, check: "sso name", says: "the user id cannot be changed"},
	}
}

// open prepares a trap's case.
func (r *rig) open(t *testing.T, tr trap, o desk.CaseOptions) *desk.Case {
	t.Helper()
	person, account := r.firm.Trap(tr.name)
	if person == "" && account == "" {
		t.Fatalf("the firm has no trap called %s", tr.name)
	}
	key, err := r.PersonOf(context.Background(), person)
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Case(context.Background(), tr.kind, key, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// named gives the sentence of a check, "" where it was not made.
func named(c *desk.Case, tr trap) string {
	for _, k := range c.Checks {
		if k.What == tr.check && strings.Contains(k.Detail, tr.says) {
			return k.Detail
		}
	}
	return ""
}

// TestTraps: every planted trap is named before anything is staged, in one sentence, and what is staged is safe.
func TestTraps(t *testing.T) {
	for _, tr := range traps() {
		t.Run(tr.name, func(t *testing.T) {
			r := newRig(t, 300, nil)
			r.sync(t)
			before := r.running.Imanage.Dump()
			c := r.open(t, tr, tr.options)
			sentence := named(c, tr)
			if sentence == "" {
				t.Fatalf("not named: %+v", c.Checks)
			}
			if strings.ContainsAny(sentence, "\n") || len(sentence) > 260 {
				t.Errorf("that is more than a sentence: %s", sentence)
			}
			if tr.held != (c.Hold != "") {
				t.Fatalf("held %q, want held %v", c.Hold, tr.held)
			}
			if tr.held {
				if _, err := r.StageCase(context.Background(), c); provisioning.CodeOf(err) != provisioning.Held {
					t.Errorf("a held case was staged: %v", err)
				}
				if r.Draft() != 0 || len(r.running.Imanage.Effects()) > 0 {
					t.Error("something was staged, or done")
				}
				return
			}
			r.safe(t, tr, c, before)
		})
	}
}

// safe stages and commits a case, and looks at what became of the trap.
func (r *rig) safe(t *testing.T, tr trap, c *desk.Case, before imanagetest.State) {
	t.Helper()
	ctx := context.Background()
	if _, err := r.StageCase(ctx, c); err != nil {
		t.Fatal(err)
	}
	v := r.commitDraft(t)
	after := r.running.Imanage.Dump()
	_, account := r.firm.Trap(tr.name)
	in := func(s imanagetest.State, group string) bool { return slices.Contains(s.Members[group], account) }
	switch tr.name {
	case "wall conflict":
		id := v.Batch.Units[0].Account
		for group, members := range after.Members {
			if slices.Contains(members, id) && (strings.HasSuffix(group, "/DEAL-KITE") || strings.HasSuffix(group, "/DEAL-HERON")) {
				t.Errorf("%s was put behind a wall: %s", id, group)
			}
		}
	case "disabled group":
		open := 0
		for group := range before.Members {
			if in(before, group) && in(after, group) {
				open++
			}
		}
		if open != 1 || v.Batch.State != provisioning.BatchOpenHand {
			t.Errorf("%d groups still hold %s, the batch is %s", open, account, v.Batch.State)
		}
	case "owner of 40 workspaces", "3 checked-out documents": // nothing of it is touched unasked
		for effect := range r.running.Imanage.Effects() {
			if strings.HasPrefix(effect, "transfer") || strings.HasPrefix(effect, "release") || strings.HasPrefix(effect, "unlock") {
				t.Errorf("done unasked: %s", effect)
			}
		}
	default: // the user id stays what it is
		if u, ok := r.running.Imanage.User(account); !ok || u.ID != account || !u.AllowLogon {
			t.Errorf("%s is not what it was", account)
		}
	}
}

// TestRehire: the operator says that a closed account is the returner's own, with a reason; it is emptied before it is opened, and ends
// with what the policy gives today and nothing of the time before.
func TestRehire(t *testing.T) {
	r := newRig(t, 300, nil)
	r.sync(t)
	tr := trap{name: "rehire", kind: desk.CaseJoiner}
	_, account := r.firm.Trap(tr.name)
	for _, o := range []desk.CaseOptions{{Rehire: account}, {Rehire: "FADEYEMI", Reason: "HR says so"}} {
		if c := r.open(t, tr, o); c.Hold == "" {
			t.Errorf("%+v is let through", o)
		}
	}
	c := r.open(t, tr, desk.CaseOptions{Rehire: account, Reason: "HR says so"})
	if c.Hold != "" || len(c.Now) == 0 {
		t.Fatalf("held: %s", c.Hold)
	}
	opened := -1
	for i, l := range c.Now {
		if strings.HasPrefix(l.What, "enable account") {
			opened = i
		}
	}
	for i, l := range c.Now {
		if opened < 0 || (strings.HasPrefix(l.What, "leave group") && i > opened) {
			t.Errorf("the account is opened before it is emptied: %v", c.Now)
			break
		}
	}
	ctx := context.Background()
	if _, err := r.StageCase(ctx, c); err != nil {
		t.Fatal(err)
	}
	r.sync(t)
	if row := r.Roll().Rows[r.Roll().Find(c.Key)]; row.Linked || !row.Has(provisioning.KindReusedID) {
		t.Error("it is decided before it is done")
	}
	r.commitDraft(t)
	r.sync(t)
	row := r.Roll().Rows[r.Roll().Find(r.find(t, account))]
	if !row.Linked || row.Account().ID != account || !row.Account().Enabled || len(row.Mismatches) > 0 {
		t.Errorf("linked %v, enabled %v, %d mismatches", row.Linked, row.Account().Enabled, len(row.Mismatches))
	}
}

// TestDisabledAndActive: somebody active whose own account is disabled is not said to agree with it, and it is opened again only on an
// operator's word, emptied first.
func TestDisabledAndActive(t *testing.T) {
	r := newRig(t, 300, nil)
	r.sync(t)
	r.running.Imanage.ByHand(imanagetest.Mutation{Kind: "patch", User: "FADEYEMI", Fields: map[string]any{"allow_logon": false}})
	roll := r.sync(t)
	key := r.find(t, "FADEYEMI")
	if said := r.Explain(roll, roll.Find(key)).Long; !strings.Contains(said, "disabled") || strings.Contains(said, "agree") {
		t.Errorf("%s", said)
	}
	for _, o := range []desk.CaseOptions{{}, {Reason: "a mistake"}, {Rehire: "FADEYEMI"}} {
		if c := r.prepare(t, desk.CaseJoiner, "FADEYEMI", o); c.Hold == "" || len(c.Now) > 0 {
			t.Errorf("%+v opens it", o)
		}
	}
	c := r.prepare(t, desk.CaseJoiner, "FADEYEMI", desk.CaseOptions{Rehire: "FADEYEMI", Reason: "disabled by mistake"})
	opened, emptied := saying(c.Now, "enable account"), saying(c.Now, "leave group")
	if c.Hold != "" || opened < 0 || emptied < 0 || emptied > opened || saying(c.Now, "join group") < opened {
		t.Errorf("held %q: %+v", c.Hold, c.Now)
	}
}
