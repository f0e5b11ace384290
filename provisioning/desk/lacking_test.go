package desk_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/clients/imanage/imanagetest"
	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

// calls are what the operations of the cases become on the wire, as patterns for a tenant that does not have them.
func calls() map[string]string {
	return map[string]string{
		"create account":      "POST users",
		"disable account":     "PATCH users/*",
		"assign to library":   "POST libraries/*/users",
		"join library group":  "PUT libraries/*/groups/*/members",
		"leave library group": "PUT libraries/*/groups/*/members",
		"remove from library": "DELETE libraries/*/users/*",
		"transfer workspace":  "PATCH libraries/*/workspaces/*",
		"release lock":        "DELETE libraries/*/documents/*/lock",
	}
}

// TestATenantWithoutTheCall: a tenant that answers 405 or 404 to an operation gets steps by hand in its place: each is tried once at
// most, a probe never, nothing is counted as failed, and once somebody did the steps and ticked them the batch is done to the last op.
func TestATenantWithoutTheCall(t *testing.T) {
	for operation, call := range calls() {
		for _, status := range []string{"405", "404", "404-html"} {
			t.Run(operation+" "+status, func(t *testing.T) {
				r := newRig(t, 300, nil)
				r.heir()
				r.sync(t)
				r.running.Imanage.Lack(call + " " + status)
				from := len(r.running.Imanage.Bench().Log())
				v := r.commitCases(t)
				asked := 0
				for _, q := range r.running.Imanage.Bench().Log()[from:] {
					if q.Status == http.StatusMethodNotAllowed || q.Status == http.StatusNotFound {
						if q.Method != http.MethodGet {
							asked++
						}
					}
					if q.Method == http.MethodDelete {
						t.Errorf("a probe was sent: %s %s", q.Method, q.Path)
					}
				}
				if probe := strings.HasPrefix(call, "DELETE"); (probe && asked > 0) || (!probe && (asked < 1 || asked > 2)) {
					t.Errorf("%d requests met the missing call", asked) // an add and a delete of a group's members are two operations
				}
				r.closeByHand(t, v, operation)
			})
		}
	}
}

// heir brings the successor into the libraries where the workspaces are that she gets.
func (r *rig) heir() {
	for _, library := range []string{"LON-COR", "LON-LIT", "TAX-FIN"} {
		r.running.Imanage.ByHand(mutation("assign", "FADEYEMI", library, "STANDARD"))
	}
}

// commitCases stages a joiner and a leaver with all that they leave behind, in one batch, and waits for its end.
func (r *rig) commitCases(t *testing.T) *desk.BatchView {
	t.Helper()
	ctx := context.Background()
	wei, err := r.PersonOf(ctx, "Wei Chen 陳偉")
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct {
		kind    desk.CaseKind
		key     string
		options desk.CaseOptions
	}{
		{desk.CaseJoiner, wei, desk.CaseOptions{}},
		{desk.CaseLeaver, r.find(t, "TBARNES"), desk.CaseOptions{Successor: "FADEYEMI", Release: true, Reason: "a test"}},
	} {
		c, err := r.Case(ctx, one.kind, one.key, one.options)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.StageCase(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	v := r.commitDraft(t)
	return r.look(t, v.Batch.ID)
}

// commitDraft reviews what is staged, sees that no guard holds it, commits it, and waits for its end.
func (r *rig) commitDraft(t *testing.T) *desk.BatchView {
	t.Helper()
	ctx := context.Background()
	v, err := r.Review(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if v.Held {
		t.Fatalf("a guard holds it: %+v", v.Verdicts)
	}
	if err := r.Commit(ctx, desk.Commit{Batch: v.Batch.ID, Hash: v.Batch.Hash, People: v.Confirm}); err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(ctx, v.Batch.ID); err != nil {
		t.Fatal(err)
	}
	return r.look(t, v.Batch.ID)
}

func (r *rig) look(t *testing.T, id int64) *desk.BatchView {
	t.Helper()
	v, err := r.View(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// closeByHand does every open step in the simulator, ticks it, and sees the batch done, every op accounted for.
func (r *rig) closeByHand(t *testing.T, v *desk.BatchView, operation string) {
	t.Helper()
	ctx := context.Background()
	if v.Batch.State != provisioning.BatchOpenHand {
		t.Fatalf("the batch is %s: %s", v.Batch.State, v.Batch.Stop)
	}
	if !slices.ContainsFunc(openSteps(v), func(o provisioning.Op) bool { return r.operation(o.Change) == operation }) {
		t.Errorf("no step by hand stands for %s", operation)
	}
	r.running.Imanage.Lack()
	for range 20 { // a step that was ticked lets those go on that rested on it
		steps := openSteps(v)
		if len(steps) == 0 {
			break
		}
		for _, op := range steps {
			if op.Error == "" && op.Change.ByHand == "" {
				t.Errorf("%s is by hand, and nothing says why", op.Change.Kind)
			}
			r.byHand(t, op.Change)
			if err := r.Tick(ctx, v.Batch.ID, op.Unit, op.Seq); err != nil {
				t.Fatalf("%s %s %s: %v", op.Change.Kind, op.Change.Library, op.Change.Object, err)
			}
		}
		if err := r.Wait(ctx, v.Batch.ID); err != nil {
			t.Fatal(err)
		}
		v = r.look(t, v.Batch.ID)
	}
	if v.Batch.State != provisioning.BatchDone {
		t.Errorf("the batch is %s: %s", v.Batch.State, v.Batch.Stop)
	}
	for i := range v.Batch.Units {
		for _, op := range v.Batch.Units[i].Ops {
			if op.State != provisioning.OpConfirmed && op.State != provisioning.OpAlready {
				t.Errorf("%s %s is %s: %s", op.Change.Kind, op.Change.Account, op.State, op.Error)
			}
		}
	}
}

// operation names the call that a change becomes.
func (r *rig) operation(c provisioning.Change) string { return r.dms.Operation(c).Name }

// TestATickedStepIsSeen: once a step by hand is ticked, the roll no longer shows the right that it took.
func TestATickedStepIsSeen(t *testing.T) {
	r := newRig(t, 300, nil)
	r.heir()
	r.sync(t)
	v := r.commitCases(t)
	for _, op := range openSteps(v) {
		if op.Change.Kind != provisioning.RemoveLibrary || op.Change.Library != "LON-LIT" {
			continue
		}
		r.byHand(t, op.Change)
		if err := r.Tick(context.Background(), v.Batch.ID, op.Unit, op.Seq); err != nil {
			t.Fatal(err)
		}
		for range 400 {
			row := r.Roll().Rows[r.Roll().Find(r.find(t, "TBARNES"))]
			if _, in := row.Account().Membership("LON-LIT"); !in {
				return
			}
			<-time.After(5 * time.Millisecond)
		}
	}
	t.Error("the roll still shows the library that was left")
}

func openSteps(v *desk.BatchView) []provisioning.Op {
	var open []provisioning.Op
	for i := range v.Batch.Units {
		for _, op := range v.Batch.Units[i].Ops {
			if op.State == provisioning.OpByHand {
				open = append(open, op)
			}
		}
	}
	return open
}

// mutation is something that somebody else does in Control Center.
func mutation(kind, user, library, object string) imanagetest.Mutation {
	return imanagetest.Mutation{Kind: kind, User: user, Library: library, Object: object}
}

// byHand does a change as somebody in Control Center would.
func (r *rig) byHand(t *testing.T, c provisioning.Change) {
	t.Helper()
	m := imanagetest.Mutation{User: c.Account, Library: c.Library, Object: c.Object}
	switch c.Kind {
	case provisioning.CreateAccount:
		p := c.Profile
		m.Kind, m.Record = "create", &imanagetest.User{
			ID: p.ID, IDEx: p.ID, FullName: p.FullName, Email: p.Email, Location: p.Location, Phone: p.Phone, Custom1: p.EmployeeNumber,
			PreferredLibrary: p.PreferredLibrary, AllowLogon: true, Nos: 2, SSID: "by hand",
		}
	case provisioning.DisableAccount:
		m.Kind, m.Fields = "patch", map[string]any{"allow_logon": false}
	case provisioning.AssignLibrary:
		m.Kind, m.Object = "assign", c.After
	case provisioning.JoinGroup:
		m.Kind = "join"
	case provisioning.LeaveGroup:
		m.Kind = "leave"
	case provisioning.RemoveLibrary:
		m.Kind = "unassign"
	case provisioning.TransferWorkspace:
		m.Kind, m.User = "transfer", c.After
	case provisioning.ReleaseLock:
		m.Kind = "release"
	default:
		t.Fatalf("nobody knows how to do %s by hand", c.Kind)
	}
	r.running.Imanage.ByHand(m)
}
