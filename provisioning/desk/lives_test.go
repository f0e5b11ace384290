package desk_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/clients/demofirm"
	"rollcall/clients/imanage/imanagetest"
	"rollcall/clients/okta/oktatest"
	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/policy"
)

// The size of the intake, and what each of it gets: three libraries, a role in each, and four groups.
const (
	intakePeople = 200
	intakeGone   = 60
	intakeRule   = `

[[birthright]]
name = "The intake"
department = "Intake"
title = "Trainee"
group = "Intake 2026"
libraries = { LON-COR = "STANDARD", EUR-GEN = "SENIOR", TAX-FIN = "RECORDS" }
groups = ["LON-COR/ALL-LON-COR", "EUR-GEN/ALL-EUR-GEN", "TAX-FIN/ALL-TAX-FIN", "LON-COR/TRAINEES"]
preferred_library = "LON-COR"
exclusive = true
`
)

// intake is a firm of 2,000 to which 200 people came, and which 60 left, on one day.
type intake struct {
	*rig
	joined []string // account ids that they are to get
	left   []string // account ids
	before imanagetest.State
}

func newIntake(t *testing.T) *intake {
	t.Helper()
	in := &intake{}
	in.rig = newRig(t, 2000, func(d *desk.Deps) {
		p, err := policy.Parse([]byte(in.firmPolicy()+intakeRule), nil)
		if err != nil {
			t.Fatal(err)
		}
		d.Policy = p
	})
	var members []string
	now := time.Now().UTC().Truncate(time.Second)
	for i := range intakePeople {
		id, login := fmt.Sprintf("00uintake%04d", i), fmt.Sprintf("intake%04d", i)
		in.running.Okta.Put(oktatest.User{
			ID: id, Status: "ACTIVE", Created: now, LastUpdated: now,
			Profile: oktatest.Profile{
				Login: login + "@harcourtvane.example", Email: login + "@harcourtvane.example", FirstName: "New", LastName: fmt.Sprintf("Trainee %04d", i),
				DisplayName: fmt.Sprintf("New Trainee %04d", i), Department: "Intake", Title: "Trainee", Office: "London", UserType: "employee",
				EmployeeNumber: fmt.Sprintf("7%05d", i),
			},
		})
		members = append(members, id)
		in.joined = append(in.joined, strings.ToUpper(login))
	}
	in.running.Okta.PutGroup(oktatest.Group{ID: "00gintake", Name: "Intake 2026", Members: members, Changed: now})
	roll := in.sync(t)
	for i := range roll.Rows {
		row := &roll.Rows[i]
		a := row.Account()
		if len(in.left) == intakeGone {
			break
		}
		if row.Person == nil || a == nil || len(row.Mismatches) > 0 || !row.Person.Status.Live() || a.Managed() || len(a.Administers()) > 0 || len(a.GlobalRoles) > 0 ||
			strings.EqualFold(a.ID, in.Operator().Account) || slices.ContainsFunc(a.Groups, func(g provisioning.GroupRef) bool { return g.Group == "OLD-MATTERS" }) {
			continue
		}
		in.left = append(in.left, a.ID)
		in.running.Okta.SetStatus(row.Person.Key.ID, "DEPROVISIONED")
	}
	if len(in.left) != intakeGone {
		t.Fatalf("only %d people could leave", len(in.left))
	}
	in.sync(t)
	in.before = in.running.Imanage.Dump()
	return in
}

func (in *intake) firmPolicy() string {
	return demofirm.Generate(demofirm.Options{Seed: 7, People: 2000, Epoch: time.Now().UTC()}).PolicyTOML()
}

// confirm has doctor's trial confirm what no public source does, on the firm's throw-away account.
func (in *intake) confirm(t *testing.T) {
	t.Helper()
	err := in.TrySandbox(context.Background(), "ZZ_SANDBOX", "ZZ_SANDBOX", func(o provisioning.Operation, s provisioning.UseState, how string) {
		t.Logf("%s: %s (%s)", o.Name, s, how)
	})
	if err != nil {
		t.Fatal(err)
	}
	in.sync(t)
}

// stage stages everybody of the intake and everybody who left.
func (in *intake) stage(t *testing.T) {
	t.Helper()
	var keys []string
	roll := in.Roll()
	for i := range roll.Rows {
		row := &roll.Rows[i]
		switch {
		case row.Has(provisioning.KindJoiner) && slices.Contains(in.joined, strings.ToUpper(row.Person.SSOName)):
			keys = append(keys, row.Key)
		case row.Has(provisioning.KindLeaver) && slices.Contains(in.left, row.Account().ID):
			keys = append(keys, row.Key)
		}
	}
	staged, err := in.Stage(context.Background(), keys)
	if err != nil || staged.People != intakePeople+intakeGone || len(staged.Left) > 0 {
		t.Fatalf("staged %d people, %v, left %v", staged.People, err, staged.Left)
	}
}

// commit reviews the batch, sees it held with every name, releases it, and waits for its end.
func (in *intake) commit(t *testing.T) *desk.BatchView {
	t.Helper()
	ctx := context.Background()
	v, err := in.Review(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !v.Held || v.Confirm != intakeGone {
		t.Fatalf("held %v, to be typed %d", v.Held, v.Confirm)
	}
	order := desk.Commit{Batch: v.Batch.ID, Hash: v.Batch.Hash, People: v.Confirm}
	err = in.Commit(ctx, order)
	if provisioning.CodeOf(err) != provisioning.Held {
		t.Fatalf("60 leavers went without a word: %v", err)
	}
	for i := range v.Batch.Units {
		if u := &v.Batch.Units[i]; u.Kind == provisioning.KindLeaver && !strings.Contains(err.Error(), u.Name) {
			t.Errorf("the guard does not name %s", u.Name)
		}
	}
	order.Reason = "the intake of 2026 and the office that closed"
	if err := in.Commit(ctx, order); err != nil {
		t.Fatal(err)
	}
	if err := in.Wait(ctx, v.Batch.ID); err != nil {
		t.Fatal(err)
	}
	if v, err = in.View(ctx, v.Batch.ID); err != nil {
		t.Fatal(err)
	}
	return v
}

// wanted is what the whole system must hold at the end, by another route than the engine's: what it held before, with exactly the
// intake's rights added and everything of those who left taken away.
func (in *intake) wanted() imanagetest.State {
	s := in.before
	left := func(id string) bool { return slices.Contains(in.left, id) }
	want := imanagetest.State{Roles: map[string]string{}, Logon: map[string]bool{}, Members: map[string][]string{}, GlobalRoles: s.GlobalRoles}
	for place, role := range s.Roles {
		if _, id, _ := strings.Cut(place, "/"); !left(id) {
			want.Roles[place], want.Logon[place] = role, s.Logon[place]
		}
	}
	for group, members := range s.Members {
		want.Members[group] = slices.DeleteFunc(slices.Clone(members), left)
	}
	for _, id := range in.joined {
		for library, role := range map[string]string{"LON-COR": "STANDARD", "EUR-GEN": "SENIOR", "TAX-FIN": "RECORDS"} {
			want.Roles[library+"/"+id], want.Logon[library+"/"+id] = role, true
		}
		for _, g := range []string{"LON-COR/ALL-LON-COR", "EUR-GEN/ALL-EUR-GEN", "TAX-FIN/ALL-TAX-FIN", "LON-COR/TRAINEES"} {
			want.Members[g] = append(want.Members[g], id)
		}
	}
	for g := range want.Members {
		slices.Sort(want.Members[g])
	}
	return want
}

// compareState tells every difference between what the system holds and what it must hold.
func (in *intake) compareState(t *testing.T) {
	t.Helper()
	got, want := in.running.Imanage.Dump(), in.wanted()
	differences := 0
	differ := func(format string, args ...any) {
		if differences++; differences <= 20 {
			t.Errorf(format, args...)
		}
	}
	for place, role := range want.Roles {
		if got.Roles[place] != role || got.Logon[place] != want.Logon[place] {
			differ("%s: role %q logon %v, want %q %v", place, got.Roles[place], got.Logon[place], role, want.Logon[place])
		}
	}
	for place, role := range got.Roles {
		if _, ok := want.Roles[place]; !ok {
			differ("%s: role %q, and nobody should be there", place, role)
		}
	}
	for g, members := range want.Members {
		if !slices.Equal(got.Members[g], members) && len(got.Members[g])+len(members) > 0 {
			differ("group %s: %d members, want %d", g, len(got.Members[g]), len(members))
		}
	}
	enabled := make(map[string]bool)
	for _, u := range got.Users {
		enabled[u.ID] = u.AllowLogon
	}
	for _, u := range in.before.Users {
		if want := u.AllowLogon && !slices.Contains(in.left, u.ID); enabled[u.ID] != want {
			differ("%s: enabled %v, want %v", u.ID, enabled[u.ID], want)
		}
	}
	for _, id := range in.joined {
		if !enabled[id] {
			differ("%s was not created enabled", id)
		}
	}
	if len(got.Users) != len(in.before.Users)+intakePeople {
		differ("%d accounts, want %d", len(got.Users), len(in.before.Users)+intakePeople)
	}
	for what, n := range in.running.Imanage.Effects() {
		if n != 1 && !strings.Contains(what, "ZZ_SANDBOX") {
			differ("%s took effect %d times", what, n)
		}
	}
}

// TestIntake: the operations that no public source confirms are tried by doctor first; then 200 joiners with three libraries, a role
// and four groups each, and 60 leavers, held by the guard and released by name, leave the system exactly as the policy says.
func TestIntake(t *testing.T) {
	in := newIntake(t)
	in.confirm(t)
	in.before = in.running.Imanage.Dump()
	in.stage(t)
	v := in.commit(t)
	if v.Batch.State != provisioning.BatchDone {
		t.Errorf("the batch is %s: %s", v.Batch.State, v.Batch.Stop)
	}
	tellUnsettled(t, v)
	in.compareState(t)
	for i := range in.Roll().Rows { // and the roll agrees
		row := &in.Roll().Rows[i]
		if a := row.Account(); a != nil && slices.Contains(in.joined, a.ID) && len(row.Mismatches) > 0 {
			t.Errorf("%s: %s", a.ID, row.Mismatches[0].Detail)
		}
	}
}

func tellUnsettled(t *testing.T, v *desk.BatchView) {
	t.Helper()
	for i := range v.Batch.Units {
		for _, l := range v.Lines[v.Batch.Units[i].ID] {
			if l.State != provisioning.OpConfirmed && l.State != provisioning.OpAlready {
				t.Errorf("%s: %s: %s %s", v.Batch.Units[i].Name, l.What, l.State, l.Result)
				return
			}
		}
	}
}

// TestIntakeByHand is the same with nothing confirmed: what no public source confirms stands as steps by hand, none of it is sent, and
// ticking the steps after somebody did them closes the batch.
func TestIntakeByHand(t *testing.T) {
	in := newIntake(t)
	in.stage(t)
	v := in.commit(t)
	if v.Batch.State != provisioning.BatchOpenHand {
		t.Fatalf("the batch is %s: %s", v.Batch.State, v.Batch.Stop)
	}
	for what := range in.running.Imanage.Effects() {
		if strings.HasPrefix(what, "unassign ") {
			t.Errorf("sent without confirmation: %s", what)
		}
	}
	ctx := context.Background()
	steps := 0
	for i := range v.Batch.Units {
		u := &v.Batch.Units[i]
		for _, l := range v.Lines[u.ID] {
			if l.State != provisioning.OpByHand {
				continue
			}
			c := u.Ops[l.Seq-1].Change
			if len(l.Hand) == 0 || l.Note == "" {
				t.Errorf("%s: no steps, or no reason", l.What)
			}
			if err := in.Tick(ctx, v.Batch.ID, u.ID, l.Seq); provisioning.CodeOf(err) != provisioning.Invalid {
				t.Fatalf("ticked before it was done: %v", err)
			}
			in.running.Imanage.Leave(c.Account, c.Library, c.Object)
			if err := in.Tick(ctx, v.Batch.ID, u.ID, l.Seq); err != nil {
				t.Fatalf("%s: %v", l.What, err)
			}
			steps++
		}
	}
	v, err := in.View(ctx, v.Batch.ID)
	if err != nil || v.Batch.State != provisioning.BatchDone || steps < intakeGone {
		t.Errorf("after %d steps the batch is %s (%v)", steps, v.Batch.State, err)
	}
	in.compareState(t)
}
