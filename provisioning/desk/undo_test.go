package desk_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
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

// crowd is a firm in which people came, moved and left on one day, all staged in one batch.
type crowd struct {
	*rig
	joined, moved, gone []string // account ids
}

func newCrowd(t *testing.T, firm, joiners, movers, leavers int) *crowd {
	t.Helper()
	c := &crowd{rig: newRig(t, firm, func(d *desk.Deps) {
		text := demofirm.Generate(demofirm.Options{Seed: 7, People: firm, Epoch: time.Now().UTC()}).PolicyTOML() + intakeRule
		p, err := policy.Parse([]byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		d.Policy = p
	})}
	now := time.Now().UTC().Truncate(time.Second)
	var members []string
	for i := range joiners {
		login := fmt.Sprintf("intake%04d", i)
		u := oktatest.User{ID: "00u" + login, Status: "ACTIVE", Created: now, LastUpdated: now, Profile: oktatest.Profile{
			Login: login + "@harcourtvane.example", Email: login + "@harcourtvane.example", FirstName: "New", LastName: fmt.Sprintf("Trainee %04d", i),
			DisplayName: fmt.Sprintf("New Trainee %04d", i), Department: "Intake", Title: "Trainee", Office: "London", UserType: "employee", EmployeeNumber: fmt.Sprintf("7%05d", i),
		}}
		c.running.Okta.Put(u)
		members, c.joined = append(members, u.ID), append(c.joined, strings.ToUpper(login))
	}
	c.running.Okta.PutGroup(oktatest.Group{ID: "00gintake", Name: "Intake 2026", Members: members, Changed: now})
	roll := c.sync(t)
	departments := make(map[string]string) // office → a department there
	for i := range roll.Rows {
		row := &roll.Rows[i]
		a := row.Account()
		if row.Person == nil || a == nil || len(row.Mismatches) > 0 || !row.Person.Status.Live() || a.Managed() || len(a.Administers()) > 0 || len(a.GlobalRoles) > 0 ||
			a.External || strings.EqualFold(a.ID, c.Operator().Account) || slices.ContainsFunc(a.Groups, func(g provisioning.GroupRef) bool { return g.Group == "OLD-MATTERS" }) {
			continue
		}
		other := departments[row.Person.Office]
		departments[row.Person.Office] = row.Person.Department
		switch {
		case len(c.moved) < movers && other != "" && other != row.Person.Department:
			u, _ := c.running.Okta.User(row.Person.Key.ID)
			u.Profile.Department, u.Profile.DisplayName, u.LastUpdated = other, u.Profile.DisplayName+" Moved", now
			c.running.Okta.Put(u)
			c.moved = append(c.moved, a.ID)
		case len(c.gone) < leavers:
			c.running.Okta.SetStatus(row.Person.Key.ID, "DEPROVISIONED")
			c.gone = append(c.gone, a.ID)
		}
	}
	if len(c.moved) != movers || len(c.gone) != leavers {
		t.Fatalf("%d of %d could move, %d of %d leave", len(c.moved), movers, len(c.gone), leavers)
	}
	return c
}

// confirm has doctor's trial confirm the removal from a library, so that it is sent and not done by hand.
func (r *rig) confirm(t *testing.T) {
	t.Helper()
	if err := r.TrySandbox(context.Background(), "ZZ_SANDBOX", "ZZ_SANDBOX", func(provisioning.Operation, provisioning.UseState, string) {}); err != nil {
		t.Fatal(err)
	}
}

// stage stages everybody, and gives the batch.
func (c *crowd) stage(t *testing.T) int64 {
	t.Helper()
	ctx := context.Background()
	roll := c.sync(t)
	var keys []string
	for i := range roll.Rows {
		row := &roll.Rows[i]
		switch a := row.Account(); {
		case row.Has(provisioning.KindJoiner) && slices.Contains(c.joined, strings.ToUpper(row.Person.SSOName)),
			a != nil && row.Has(provisioning.KindLeaver) && slices.Contains(c.gone, a.ID):
			keys = append(keys, row.Key)
		}
	}
	staged, err := c.Stage(ctx, keys)
	if err != nil || staged.People != len(c.joined)+len(c.gone) {
		t.Fatalf("staged %d people, %v, left %v", staged.People, err, staged.Left)
	}
	for _, id := range c.moved {
		one, err := c.Case(ctx, desk.CaseMover, c.find(t, id), desk.CaseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.StageCase(ctx, one); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
	}
	return c.Draft()
}

// letGo reviews a batch and commits it, released with a reason where a guard holds it, and does and ticks its steps by hand.
func (r *rig) letGo(t *testing.T, id int64) (v *desk.BatchView, held bool) {
	t.Helper()
	ctx := context.Background()
	v, err := r.ReviewBatch(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	order := desk.Commit{Batch: v.Batch.ID, Hash: v.Batch.Hash, People: v.Confirm}
	if held = v.Held; held {
		if err := r.Commit(ctx, order); provisioning.CodeOf(err) != provisioning.Held {
			t.Fatalf("a held batch went: %v", err)
		}
		order.Reason = "a test"
	}
	if err := r.Commit(ctx, order); err != nil {
		t.Fatalf("%v", err)
	}
	if err := r.Wait(ctx, id); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		v = r.look(t, id)
		steps := openSteps(v)
		if len(steps) == 0 {
			break
		}
		for _, op := range steps {
			r.byHand(t, op.Change)
			if err := r.Tick(ctx, id, op.Unit, op.Seq); err != nil {
				t.Fatalf("%s %s %s: %v", op.Change.Kind, op.Change.Library, op.Change.Object, err)
			}
		}
		if err := r.Wait(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	if v.Batch.State != provisioning.BatchDone {
		t.Errorf("batch %d is %s: %s", id, v.Batch.State, v.Batch.Stop)
	}
	tellUnsettled(t, v)
	return v, held
}

// cells are all that a dump holds, each under a name of its own, but for the server's own dates: what two dumps are compared by.
func cells(s imanagetest.State) map[string]string {
	all := make(map[string]string)
	for _, u := range s.Users {
		for field, value := range map[string]string{
			"full_name": u.FullName, "email": u.Email, "location": u.Location, "phone": u.Phone, "preferred_library": u.PreferredLibrary,
			"allow_logon": fmt.Sprint(u.AllowLogon), "rest": fmt.Sprint(u.Num, u.Custom1, u.Custom2, u.Custom3, u.IsExternal, u.Nos, u.IDEx, u.SSID, u.DirectoryID, u.CreateDate.UTC()),
		} {
			all["user "+u.ID+" "+field] = value
		}
	}
	for place, role := range s.Roles {
		all["place "+place] = role
	}
	for place, on := range s.Logon {
		all["logon "+place] = fmt.Sprint(on)
	}
	for group, members := range s.Members {
		for _, id := range members {
			all["member "+group+" "+id] = "yes"
		}
	}
	for role, members := range s.GlobalRoles {
		for _, id := range members {
			all["role "+role+" "+id] = "yes"
		}
	}
	for ws, owner := range s.Owners {
		all["owner "+ws] = owner
	}
	for ws, lines := range s.Access {
		all["access "+ws] = strings.Join(lines, ";")
	}
	for doc, by := range s.Locks {
		all["lock "+doc] = by
	}
	return all
}

// differences names the cells in which two dumps differ, sorted.
func differences(a, b map[string]string) []string {
	var list []string
	for cell, value := range a {
		if b[cell] != value {
			list = append(list, cell)
		}
	}
	for cell := range b {
		if _, in := a[cell]; !in {
			list = append(list, cell)
		}
	}
	slices.Sort(list)
	return list
}

// theirs reports whether a cell is one of an account that the batch created, which ends closed and bare.
func (c *crowd) theirs(t *testing.T, cell string, now map[string]string) bool {
	t.Helper()
	id, field, _ := strings.Cut(strings.TrimPrefix(cell, "user "), " ")
	if !strings.HasPrefix(cell, "user ") || !slices.Contains(c.joined, id) {
		return false
	}
	if field == "allow_logon" && now[cell] != "false" {
		t.Errorf("%s was created, and is left open", id)
	}
	return true
}

// TestUndoOfACrowd: a batch of joiners, movers and leavers, undone, leaves the system exactly as it was, but for the accounts that it
// created, which end closed and without any right; the guards hold the undo as any other batch, and doing the same once more is told
// to be so already. The removal from a library is sent where doctor has confirmed it, and else done by hand.
func TestUndoOfACrowd(t *testing.T) {
	for name, size := range map[string][4]int{"sent": {2000, 200, 30, 60}, "by hand": {300, 12, 4, 8}} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			c := newCrowd(t, size[0], size[1], size[2], size[3])
			if name == "sent" {
				c.confirm(t)
			}
			before := cells(c.running.Imanage.Dump())
			id := c.stage(t)
			if _, err := c.Undo(ctx, id, ""); provisioning.CodeOf(err) != provisioning.Invalid {
				t.Errorf("what has not begun was undone: %v", err)
			}
			c.letGo(t, id)
			after := cells(c.running.Imanage.Dump())
			if n := len(differences(before, after)); n < 10*size[1] {
				t.Fatalf("the batch changed %d things", n)
			}
			began := time.Now()
			u, err := c.Undo(ctx, id, "the wrong list")
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("staged in %s: %d people, %d changes, %d not undone", time.Since(began).Round(time.Millisecond), u.People, u.Changes, len(u.NotUndone))
			if u.People != size[1]+size[2]+size[3] || len(u.Conflicts)+len(u.Back) > 0 || len(u.NotUndone) != size[1] {
				t.Fatalf("%d people, %d conflicts, %d back, %d not undone", u.People, len(u.Conflicts), len(u.Back), len(u.NotUndone))
			}
			if at := differences(after, cells(c.running.Imanage.Dump())); len(at) > 0 {
				t.Fatalf("staging an undo changed %v", at)
			}
			if _, err := c.Undo(ctx, id, ""); provisioning.CodeOf(err) != provisioning.Held {
				t.Errorf("undone twice at once: %v", err)
			}
			v, held := c.letGo(t, u.Batch)
			if !held && name == "sent" {
				t.Error("no guard held the end of 200 people's access")
			}
			if v.Batch.Undoes != id || len(v.Batch.Kept) != size[1] || v.Batch.Units[0].Reason != "the wrong list" {
				t.Errorf("the batch says it undoes %d, keeps %d, because %q", v.Batch.Undoes, len(v.Batch.Kept), v.Batch.Units[0].Reason)
			}
			now := cells(c.running.Imanage.Dump())
			for i, cell := range differences(before, now) {
				if !c.theirs(t, cell, now) && i < 20 {
					t.Errorf("%s was %q, and is %q", cell, before[cell], now[cell])
				}
			}
			again, err := c.Undo(ctx, id, "")
			if err != nil || again.Batch != 0 || len(again.Conflicts) > 0 || len(again.Back) == 0 {
				t.Errorf("done again: batch %d, %d conflicts, %d back, %v", again.Batch, len(again.Conflicts), len(again.Back), err)
			}
			for what, n := range c.running.Imanage.Effects() {
				if n > 2 && !strings.Contains(what, "ZZ_SANDBOX") {
					t.Errorf("%s took effect %d times", what, n)
				}
			}
		})
	}
}

// TestUndoLeavesOthersAlone: what another operator changed after the batch is neither overwritten nor taken along by its undo. It is named
// as a conflict where it stands between what was and what the batch left; everything else of the same people is put back.
func TestUndoLeavesOthersAlone(t *testing.T) {
	ctx := context.Background()
	c := newCrowd(t, 300, 12, 4, 8)
	c.confirm(t)
	was := cells(c.running.Imanage.Dump())
	id := c.stage(t)
	c.letGo(t, id)
	left := cells(c.running.Imanage.Dump())
	touched := make(map[string]bool)
	random := rand.New(rand.NewPCG(5, 9))
	for _, list := range [][]string{c.joined, c.moved, c.gone} {
		for i, account := range list {
			if i%2 == 0 {
				touched[account] = true
				c.meddle(t, random, account)
			}
		}
	}
	found := cells(c.running.Imanage.Dump())
	theirs := differences(left, found)
	u, err := c.Undo(ctx, id, "the wrong list")
	if err != nil {
		t.Fatal(err)
	}
	effects := c.running.Imanage.Effects()
	c.letGo(t, u.Batch)
	now := cells(c.running.Imanage.Dump())
	for _, cell := range theirs {
		if now[cell] != found[cell] && !strings.HasPrefix(cell, "logon ") { // a library's own record follows the account
			t.Errorf("%s: somebody made it %q of %q, and the undo made it %q", cell, found[cell], left[cell], now[cell])
		}
	}
	told := make(map[string]bool) // the accounts with conflicts
	named := make(map[string]bool)
	for _, k := range u.Conflicts {
		told[k.Account] = true
		named[cellOf(k)] = true
		if k.Name == "" || k.Why == "" || !touched[k.Account] {
			t.Errorf("a conflict where nobody was: %+v", k)
		}
	}
	for _, cell := range theirs {
		between := found[cell] != was[cell] && left[cell] != was[cell] && !strings.HasPrefix(cell, "logon ")
		profile := strings.HasPrefix(cell, "user ") && slices.Contains(c.joined, accountOf(cell)) // of a new account: nothing is put back there
		if between && !named[cell] && !profile {
			t.Errorf("%s was %q, was left %q, is %q, and is no conflict", cell, was[cell], left[cell], found[cell])
		}
	}
	for _, cell := range differences(was, now) { // whatever is not as it was is theirs, or is told
		switch account := accountOf(cell); {
		case slices.Contains(theirs, cell) || named[cell]:
		case strings.HasPrefix(cell, "user ") && slices.Contains(c.joined, account):
		case strings.HasPrefix(cell, "logon ") && (named["place "+strings.TrimPrefix(cell, "logon ")] || now["user "+account+" allow_logon"] == now[cell]):
		default:
			t.Errorf("%s was %q, was left %q, is %q, and nothing says why", cell, was[cell], left[cell], now[cell])
		}
	}
	if len(told) < 5 || len(u.Back) == 0 {
		t.Errorf("%d people with conflicts, %d things back: the test meddled with nothing", len(told), len(u.Back))
	}
	stands := c.look(t, u.Batch)
	if n := len(slices.DeleteFunc(slices.Clone(stands.Batch.Kept), func(k provisioning.Kept) bool { return k.Sort != provisioning.KeptConflict })); n != len(u.Conflicts) {
		t.Errorf("%d conflicts were told, the batch shows %d", len(u.Conflicts), n)
	}
	for what, n := range c.running.Imanage.Effects() { // by another route: nothing was even asked for what is somebody else's
		for _, cell := range theirs {
			if n > effects[what] && asks(what, cell) {
				t.Errorf("sent %s, and %s is somebody else's", what, cell)
			}
		}
	}
	t.Logf("%d things of others, %d conflicts of %d people, %d back", len(theirs), len(u.Conflicts), len(told), len(u.Back))
}

// meddle lets another operator change one or two things of an account: a role, a group, an attribute, a library, whether it may sign in.
func (c *crowd) meddle(t *testing.T, random *rand.Rand, account string) {
	t.Helper()
	dump := c.running.Imanage.Dump()
	var libraries []string
	for place := range dump.Roles {
		if library, id, _ := strings.Cut(place, "/"); id == account {
			libraries = append(libraries, library)
		}
	}
	slices.Sort(libraries)
	library := "LON-COR"
	if len(libraries) > 0 {
		library = libraries[random.IntN(len(libraries))]
	}
	for range 1 + random.IntN(2) {
		m := imanagetest.Mutation{User: account, Library: library}
		switch random.IntN(6) {
		case 0:
			m.Kind, m.Object = "role", "PARTNER"
			if len(libraries) == 0 {
				m.Kind = "assign"
			}
		case 1:
			m.Kind, m.Object = "join", "ALL-"+library
			if dump.Members[library+"/"+m.Object] == nil || len(libraries) == 0 {
				continue
			}
			if slices.Contains(dump.Members[library+"/"+m.Object], account) {
				m.Kind = "leave"
			}
		case 2:
			m.Kind, m.Library, m.Fields = "patch", "", map[string]any{"full_name": "Another Name", "location": "Elsewhere"}
		case 3:
			m.Kind, m.Library, m.Object = "assign", "TAX-FIN", "PARTNER"
		case 4:
			if len(libraries) == 0 {
				continue
			}
			m.Kind = "unassign"
		default:
			u, _ := c.running.Imanage.User(account)
			m.Kind, m.Library, m.Fields = "patch", "", map[string]any{"allow_logon": !u.AllowLogon}
		}
		c.running.Imanage.ByHand(m)
	}
}

// cellOf is the cell of a dump that a conflict is about.
func cellOf(k provisioning.Kept) string {
	switch a := (provisioning.Change{Kind: k.Kind, Account: k.Account, Library: k.Library, Object: k.Object}).Aspect(); a.Sort {
	case provisioning.AspectField:
		return "user " + k.Account + " " + k.Object
	case provisioning.AspectPlace:
		return "place " + k.Library + "/" + k.Account
	case provisioning.AspectGroup:
		return "member " + k.Library + "/" + a.Object + " " + k.Account
	case provisioning.AspectGlobalRole:
		return "role " + k.Object + " " + k.Account
	case provisioning.AspectOwner:
		return "owner " + k.Object
	default:
		return "user " + k.Account + " allow_logon"
	}
}

func accountOf(cell string) string {
	if rest, ok := strings.CutPrefix(cell, "user "); ok {
		id, _, _ := strings.Cut(rest, " ")
		return id
	}
	return cell[strings.LastIndexAny(cell, " /")+1:]
}

// asks reports whether a request that the server counted was for a cell.
func asks(what, cell string) bool {
	kind, rest, _ := strings.Cut(cell, " ")
	var verbs []string
	switch kind {
	case "place":
		library, id, _ := strings.Cut(rest, "/")
		verbs, rest = []string{"assign", "unassign", "role"}, id+" "+library
	case "member":
		group, id, _ := strings.Cut(rest, " ")
		library, name, _ := strings.Cut(group, "/")
		verbs, rest = []string{"join", "leave"}, id+" "+library+" "+name
	case "user":
		verbs = []string{"patch"}
	}
	return slices.ContainsFunc(verbs, func(verb string) bool {
		return what == verb+" "+rest || strings.HasPrefix(what, verb+" "+rest+" ")
	})
}

// TestUndoOfEverything: random batches of every kind of change that can be undone, undone, leave what was; and undone once more, what
// the batch had left. Every kind was among them.
func TestUndoOfEverything(t *testing.T) {
	ctx := context.Background()
	r := newRig(t, 120, nil)
	r.heir()
	roll := r.sync(t)
	r.confirm(t)
	random := rand.New(rand.NewPCG(11, 4))
	var accounts []string
	for i := range roll.Rows {
		row := &roll.Rows[i]
		if a := row.Account(); a != nil && len(row.Mismatches) == 0 && row.Person != nil && a.Enabled && !a.Managed() && !a.External && len(a.Administers()) == 0 && a.ID != "FADEYEMI" && len(accounts) < 14 {
			accounts = append(accounts, a.ID)
		}
	}
	for i, id := range accounts[:3] {
		r.running.Imanage.ByHand(imanagetest.Mutation{Kind: "global role add", User: id, Object: slices.Sorted(maps.Keys(r.running.Imanage.Dump().GlobalRoles))[0]})
		if i == 0 {
			for _, ws := range slices.Sorted(maps.Keys(r.running.Imanage.Dump().Owners)) {
				if library, _, _ := strings.Cut(ws, "!"); library == "LON-COR" || library == "LON-LIT" { // the heir is there
					if r.running.Imanage.Dump().Roles[library+"/"+id] == "" {
						r.running.Imanage.ByHand(mutation("assign", id, library, "STANDARD"))
					}
					r.running.Imanage.ByHand(mutation("transfer", id, library, ws))
					break
				}
			}
		}
	}
	undone := make(map[provisioning.ChangeKind]int)
	for round := range 4 {
		r.sync(t)
		plan := &desk.Plan{}
		for _, id := range accounts {
			for _, c := range r.anything(random, id) {
				plan.Changes = append(plan.Changes, desk.PlanChange{Name: id, Mismatch: provisioning.KindDuplicate, Change: c})
			}
		}
		plan.Changes = append(plan.Changes, newcomer(round)...)
		before := cells(r.running.Imanage.Dump())
		staged, err := r.StagePlan(ctx, plan)
		if err != nil {
			t.Fatal(err)
		}
		did := func(id int64) {
			v, _ := r.letGo(t, id)
			for i := range v.Batch.Units {
				for _, op := range v.Batch.Units[i].Ops {
					if op.State == provisioning.OpConfirmed {
						undone[op.Change.Kind]++
					}
				}
			}
		}
		did(staged.Batch)
		after := cells(r.running.Imanage.Dump())
		u, err := r.Undo(ctx, staged.Batch, "a test")
		if err != nil || len(u.Conflicts) > 0 {
			t.Fatalf("%v %+v", err, u.Conflicts)
		}
		did(u.Batch)
		now := cells(r.running.Imanage.Dump())
		created := fmt.Sprintf("user NEWCOMER%d ", round)
		for _, cell := range differences(before, now) {
			if !strings.HasPrefix(cell, created) {
				t.Errorf("round %d: %s was %q, and is %q", round, cell, before[cell], now[cell])
			}
		}
		if now[created+"allow_logon"] != "false" {
			t.Errorf("what was created is left open")
		}
		back, err := r.Undo(ctx, u.Batch, "after all")
		if err != nil || len(back.Conflicts) > 0 {
			t.Fatalf("%v %+v", err, back.Conflicts)
		}
		r.letGo(t, back.Batch)
		if at := differences(after, cells(r.running.Imanage.Dump())); len(at) > 0 {
			t.Errorf("round %d: the undo of the undo left otherwise %v", round, at)
		}
	}
	for _, kind := range []provisioning.ChangeKind{
		provisioning.CreateAccount, provisioning.EnableAccount, provisioning.DisableAccount, provisioning.SetAttribute, provisioning.AssignLibrary, provisioning.SetLibraryRole,
		provisioning.JoinGroup, provisioning.LeaveGroup, provisioning.RemoveLibrary, provisioning.RemoveGlobalRole, provisioning.GiveGlobalRole, provisioning.TransferWorkspace,
	} {
		if undone[kind] == 0 {
			t.Errorf("%s was never undone: %v", kind, undone)
		}
	}
}

// newcomer is an account that is made, with a library and a group.
func newcomer(round int) []desk.PlanChange {
	p := provisioning.Profile{ID: fmt.Sprintf("NEWCOMER%d", round), FullName: "New Comer", Email: fmt.Sprintf("newcomer%d@harcourtvane.example", round), PreferredLibrary: "LON-COR"}
	var list []desk.PlanChange
	for _, c := range []provisioning.Change{
		{Kind: provisioning.CreateAccount, Before: provisioning.ValueAbsent, After: p.Encode(), Profile: &p},
		{Kind: provisioning.AssignLibrary, Library: "LON-COR", Before: provisioning.ValueAbsent, After: "STANDARD", Profile: &p},
		{Kind: provisioning.JoinGroup, Library: "LON-COR", Object: "ALL-LON-COR", Before: provisioning.ValueNoMember, After: provisioning.ValueMember},
	} {
		c.Account = p.ID
		list = append(list, desk.PlanChange{Name: p.FullName, Mismatch: provisioning.KindJoiner, Change: c})
	}
	return list
}

// anything is a random list of changes of an account, each of another thing, that its present state allows.
func (r *rig) anything(random *rand.Rand, id string) []provisioning.Change {
	dump := r.running.Imanage.Dump()
	user, _ := r.running.Imanage.User(id)
	var list []provisioning.Change
	add := func(odds int, c provisioning.Change) {
		if random.IntN(odds) == 0 {
			c.Account = id
			list = append(list, c)
		}
	}
	for _, field := range []string{"location", "phone", "full_name"} {
		before := map[string]string{"location": user.Location, "phone": user.Phone, "full_name": user.FullName}[field]
		add(4, provisioning.Change{Kind: provisioning.SetAttribute, Object: field, Before: before, After: fmt.Sprintf("%s %d", field, random.IntN(1000))})
	}
	profile := provisioning.Profile{ID: id, FullName: user.FullName, Email: user.Email, PreferredLibrary: user.PreferredLibrary}
	for _, library := range []string{"LON-COR", "LON-LIT", "TAX-FIN", "EUR-GEN"} {
		role, there := dump.Roles[library+"/"+id]
		leaves := there && random.IntN(5) == 0
		switch {
		case leaves:
		case there && role != "PARTNER":
			add(3, provisioning.Change{Kind: provisioning.SetLibraryRole, Library: library, Before: role, After: "PARTNER"})
		case !there:
			if random.IntN(4) > 0 {
				continue
			}
			add(1, provisioning.Change{Kind: provisioning.AssignLibrary, Library: library, Before: provisioning.ValueAbsent, After: "STANDARD", Profile: &profile})
		}
		group := "ALL-" + library
		if slices.Contains(dump.Members[library+"/"+group], id) {
			add(3, provisioning.Change{Kind: provisioning.LeaveGroup, Library: library, Object: group, Before: provisioning.ValueMember, After: provisioning.ValueNoMember})
		} else {
			add(2, provisioning.Change{Kind: provisioning.JoinGroup, Library: library, Object: group, Before: provisioning.ValueNoMember, After: provisioning.ValueMember})
		}
		if leaves {
			add(1, provisioning.Change{Kind: provisioning.RemoveLibrary, Library: library, Before: provisioning.ValueMember, After: provisioning.ValueAbsent})
		}
	}
	for _, role := range slices.Sorted(maps.Keys(dump.GlobalRoles)) { // in order: the same seed gives the same batches
		if slices.Contains(dump.GlobalRoles[role], id) {
			add(2, provisioning.Change{Kind: provisioning.RemoveGlobalRole, Object: role, Before: provisioning.ValueMember, After: provisioning.ValueNoMember})
		}
	}
	for _, ws := range slices.Sorted(maps.Keys(dump.Owners)) {
		if library, _, _ := strings.Cut(ws, "!"); dump.Owners[ws] == id {
			add(2, provisioning.Change{Kind: provisioning.TransferWorkspace, Library: library, Object: ws, Before: id, After: "FADEYEMI"})
		}
	}
	if user.AllowLogon {
		add(4, provisioning.Change{Kind: provisioning.DisableAccount, Before: provisioning.ValueEnabled, After: provisioning.ValueDisabled})
	} else {
		add(2, provisioning.Change{Kind: provisioning.EnableAccount, Before: provisioning.ValueDisabled, After: provisioning.ValueEnabled})
	}
	return list
}
