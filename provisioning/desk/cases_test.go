package desk_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

// prepare opens a case for somebody by name, login or account.
func (r *rig) prepare(t *testing.T, kind desk.CaseKind, who string, o desk.CaseOptions) *desk.Case {
	t.Helper()
	key, err := r.PersonOf(context.Background(), who)
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Case(context.Background(), kind, key, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// right finds what a case says of a right.
func right(c *desk.Case, e provisioning.Entitlement) desk.Right {
	if i := slices.IndexFunc(c.Rights, func(r desk.Right) bool { return r.Entitlement == e }); i >= 0 {
		return c.Rights[i]
	}
	return desk.Right{}
}

func saying(lines []desk.Line, what string) int {
	return slices.IndexFunc(lines, func(l desk.Line) bool { return strings.HasPrefix(l.What, what) })
}

// TestLikeAColleague: a joiner may get what a colleague has; administration and what stands behind a wall is never copied, and each
// right says whose it is.
func TestLikeAColleague(t *testing.T) {
	r := newRig(t, 300, nil)
	r.sync(t)
	r.running.Imanage.ByHand(mutation("join", "FADEYEMI", "LON-LIT", provisioning.NRTADMIN))
	r.running.Imanage.ByHand(mutation("join", "FADEYEMI", "LON-LIT", "DEAL-KITE"))
	r.sync(t)
	key, err := r.PersonOf(context.Background(), "FADEYEMI")
	if err != nil {
		t.Fatal(err)
	}
	c := r.prepare(t, desk.CaseJoiner, "Wei Chen 陳偉", desk.CaseOptions{Like: key})
	if c.Hold != "" || c.Template != "like Folake Adeyemi" {
		t.Fatalf("held %q, %q", c.Hold, c.Template)
	}
	for _, group := range []string{provisioning.NRTADMIN, "DEAL-KITE"} {
		e := provisioning.InGroup(provisioning.GroupRef{Library: "LON-LIT", Group: group})
		if got := right(c, e); got.State != desk.RightWithheld || got.Why == "" {
			t.Errorf("%s is %q: %s", e, got.State, got.Why)
		}
		if saying(c.Now, "join group "+group) >= 0 {
			t.Errorf("%s is given", e)
		}
	}
	if got := right(c, provisioning.RoleIn("LON-LIT", "PARTNER")); got.State != desk.RightComes || !strings.Contains(got.Why, "like Folake Adeyemi") {
		t.Errorf("the role is %q: %s", got.State, got.Why)
	}
	if saying(c.Now, "add to library LON-LIT") < 0 || c.Now[saying(c.Now, "add to library LON-LIT")].Effect != "none → role PARTNER" {
		t.Errorf("%+v", c.Now)
	}
	if self := r.prepare(t, desk.CaseJoiner, "Wei Chen 陳偉", desk.CaseOptions{Like: "a/NOBODY"}); self.Hold == "" {
		t.Error("like nobody is let through")
	}
}

// TestChosenRights: what an operator leaves out is not done, what they add is, a role they name takes the place of the template's.
func TestChosenRights(t *testing.T) {
	r := newRig(t, 300, nil)
	r.sync(t)
	plain := r.prepare(t, desk.CaseJoiner, "Wei Chen 陳偉", desk.CaseOptions{})
	home := plain.Rights[0].Library
	group := provisioning.InGroup(provisioning.GroupRef{Library: home, Group: "ALL-" + home})
	c := r.prepare(t, desk.CaseJoiner, "Wei Chen 陳偉", desk.CaseOptions{
		Drop: []provisioning.Entitlement{group},
		Add: []provisioning.Entitlement{
			provisioning.InLibrary("LON-COR"), provisioning.RoleIn("LON-COR", "RECORDS"), provisioning.RoleIn(home, "SENIOR"),
		},
	})
	if c.Hold != "" || right(c, group).State != desk.RightDropped || saying(c.Now, "join group ALL-"+home) >= 0 {
		t.Errorf("held %q, %+v", c.Hold, right(c, group))
	}
	if at := saying(c.Now, "add to library LON-COR"); at < 0 || c.Now[at].Effect != "none → role RECORDS" {
		t.Errorf("%+v", c.Now)
	}
	if at := saying(c.Now, "add to library "+home); at != 1 || c.Now[at].Effect != "none → role SENIOR" {
		t.Errorf("the preferred library does not come first, with the role that was chosen: %+v", c.Now)
	}
	if got := right(c, provisioning.InLibrary("LON-COR")); !strings.Contains(got.Why, "l.ortiz") {
		t.Errorf("nobody says who added it: %+v", got)
	}
	none := r.prepare(t, desk.CaseJoiner, "Wei Chen 陳偉", desk.CaseOptions{Drop: []provisioning.Entitlement{provisioning.InLibrary(home)}})
	if none.Hold == "" || len(none.Now) > 0 {
		t.Errorf("an account without a library would be made: %+v", none.Now)
	}
}

// TestMoverWithGrace: what comes, comes now; what goes stays until the date, in a batch of its own; what the operator keeps, stays; the
// people whose seats hang on this one are named.
func TestMoverWithGrace(t *testing.T) {
	r := newRig(t, 300, nil)
	r.sync(t)
	grace := time.Now().Add(14 * 24 * time.Hour).Truncate(time.Minute)
	kept := provisioning.InGroup(provisioning.GroupRef{Library: "LON-COR", Group: "CORP-ALL"})
	c := r.prepare(t, desk.CaseMover, "Ngozi Okafor", desk.CaseOptions{Grace: grace, Drop: []provisioning.Entitlement{kept}})
	if c.Hold != "" || c.OldSeat == "" || !strings.Contains(c.NewSeat, "Litigation") {
		t.Fatalf("%q %q %q", c.Hold, c.OldSeat, c.NewSeat)
	}
	if saying(c.Now, "leave group") >= 0 || saying(c.Now, "remove from") >= 0 || saying(c.Now, "add to library LON-LIT") < 0 {
		t.Errorf("now: %+v", c.Now)
	}
	if saying(c.Later, "leave group ALL-LON-COR") < 0 || saying(c.Later, "leave group CORP-ALL") >= 0 || right(c, kept).State != desk.RightDropped {
		t.Errorf("later: %+v", c.Later)
	}
	if len(c.Linked) < 2 || !strings.HasPrefix(c.Linked[0].Why, "the assistant") {
		t.Errorf("linked: %+v", c.Linked)
	}
	ctx := context.Background()
	staged, err := r.StageCase(ctx, c)
	if err != nil || staged.Own || staged.Later == 0 || staged.Batch != r.Draft() {
		t.Fatalf("%+v %v", staged, err)
	}
	later, err := r.ReviewBatch(ctx, staged.Later)
	if err != nil || !later.Batch.Due.Equal(grace) || !strings.Contains(later.Batch.Title, "Ngozi Okafor") {
		t.Fatalf("%+v %v", later, err)
	}
	if err := r.Schedule(ctx, desk.Commit{Batch: staged.Later, Hash: later.Batch.Hash, People: later.Confirm}, grace); err != nil {
		t.Fatal(err)
	}
	if planned, err := r.Calendar(ctx); err != nil || len(planned) != 1 || planned[0].ID != staged.Later || planned[0].Zone == "Local" || planned[0].Zone == "" {
		t.Errorf("%+v %v", planned, err)
	}
	if r.Draft() != staged.Batch {
		t.Error("scheduling what goes took the batch that is being staged along")
	}
	if c := r.prepare(t, desk.CaseMover, "FADEYEMI", desk.CaseOptions{}); c.Hold == "" {
		t.Errorf("somebody who did not move moves: %+v", c.Now)
	}
}

// TestLeaverWhoIsActive: somebody whom the directory calls active leaves on an operator's word alone: without a reason nothing is staged,
// with one it is recorded, and the directories' own words stand beside it.
func TestLeaverWhoIsActive(t *testing.T) {
	r := newRig(t, 300, nil)
	r.sync(t)
	c := r.prepare(t, desk.CaseLeaver, "FADEYEMI", desk.CaseOptions{})
	if c.Hold == "" || !c.NeedsReason || len(c.Idp) != 1 || !strings.Contains(c.Idp[0], "still active in okta since") {
		t.Fatalf("%q %v %q", c.Hold, c.NeedsReason, c.Idp)
	}
	ctx := context.Background()
	c = r.prepare(t, desk.CaseLeaver, "FADEYEMI", desk.CaseOptions{Reason: "HR 4711"})
	if _, err := r.StageCase(ctx, c); err != nil {
		t.Fatal(err)
	}
	v, err := r.Review(ctx)
	if err != nil || v.Held || v.Batch.Units[0].Reason != "HR 4711" {
		t.Fatalf("%v: %+v", err, v.Verdicts)
	}
	if !slices.ContainsFunc(v.Verdicts, func(g provisioning.Verdict) bool { return strings.Contains(g.Sentence, "word") }) {
		t.Errorf("no guard tells that it rests on somebody's word: %+v", v.Verdicts)
	}
	for _, account := range []string{r.Operator().Account, "BREAKGLASS1", "SVC_ROLLCALL", "SVC_SCAN"} {
		if why := r.stageOne(t, account); why == "" {
			t.Errorf("%s may leave", account)
		}
	}
}

// TestLooseEnds: the workspaces go to a successor who is in their libraries, the check-outs are ended on request, before the libraries
// are left; the certificate says what it will cover.
func TestLooseEnds(t *testing.T) {
	r := newRig(t, 300, nil)
	r.heir()
	r.sync(t)
	for successor, why := range map[string]string{"TBARNES": "somebody else's", "NOKAFOR": "is not in", "NOBODY9": "cannot get"} {
		if c := r.prepare(t, desk.CaseLeaver, "TBARNES", desk.CaseOptions{Successor: successor}); !strings.Contains(c.Hold, why) {
			t.Errorf("%s: %q", successor, c.Hold)
		}
	}
	c := r.prepare(t, desk.CaseLeaver, "TBARNES", desk.CaseOptions{Successor: "fadeyemi", Release: true})
	if c.Hold != "" || len(c.Ends.Owned) != 12 || len(c.Ends.Sole) != 4 || len(c.Ends.CheckedOut) != 3 || len(c.Covers) < 4 {
		t.Fatalf("%q %d %d %d %q", c.Hold, len(c.Ends.Owned), len(c.Ends.Sole), len(c.Ends.CheckedOut), c.Covers)
	}
	ctx := context.Background()
	if _, err := r.StageCase(ctx, c); err != nil {
		t.Fatal(err)
	}
	r.commitDraft(t)
	transfers := 0
	for effect, n := range r.running.Imanage.Effects() {
		if strings.HasPrefix(effect, "transfer FADEYEMI") {
			transfers += n
		}
		if strings.HasPrefix(effect, "release") || strings.HasPrefix(effect, "unassign") {
			t.Errorf("sent, and nobody confirmed it: %s", effect)
		}
	}
	if transfers != 12 {
		t.Errorf("%d workspaces changed hands", transfers)
	}
	left := r.prepare(t, desk.CaseLeaver, "TBARNES", desk.CaseOptions{Reason: "the rest"})
	if len(left.Ends.Owned) != 0 || len(left.Ends.CheckedOut) != 3 {
		t.Errorf("%d workspaces and %d documents are left", len(left.Ends.Owned), len(left.Ends.CheckedOut))
	}
}

// TestExcess: a right in excess is never taken by the mend, and is on request.
func TestExcess(t *testing.T) {
	r := newRig(t, 300, nil)
	r.sync(t)
	key, err := r.PersonOf(context.Background(), "Ngozi Okafor")
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if _, err := r.Stage(ctx, []string{key}); err != nil {
		t.Fatal(err)
	}
	if v, err := r.View(ctx, 0); err != nil || v.Lose != 0 {
		t.Fatalf("the mend takes something away: %+v %v", v, err)
	}
	if err := r.Unstage(ctx, []string{key}); err != nil {
		t.Fatal(err)
	}
	staged, err := r.StageExcess(ctx, key)
	if err != nil || staged.Changes == 0 || len(staged.Left) > 0 {
		t.Fatalf("%+v %v", staged, err)
	}
	v, err := r.View(ctx, 0)
	if err != nil || v.Lose != 1 || v.Gain != 0 {
		t.Errorf("lose %d, gain %d, %v", v.Lose, v.Gain, err)
	}
	if staged, err := r.StageExcess(ctx, r.find(t, "FADEYEMI")); err != nil || len(staged.Left) != 1 {
		t.Errorf("%+v %v", staged, err)
	}
}

// TestGroupDrift: a mapped group that somebody was put into by hand, and one that somebody of the directory group is missing from, are
// both told, by name.
func TestGroupDrift(t *testing.T) {
	r := newRig(t, 300, nil)
	r.sync(t)
	drift := func() desk.GroupDrift {
		t.Helper()
		all, err := r.GroupDrifts()
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(all, func(d desk.GroupDrift) bool {
			return d.Group == provisioning.GroupRef{Library: "LON-COR", Group: "DEAL-KITE"}
		})
		if i < 0 {
			t.Fatal("the group is not mapped")
		}
		return all[i]
	}
	before := drift()
	var in, out string
	for _, row := range r.Roll().Rows {
		a := row.Account()
		if a == nil || row.Person == nil || len(row.Mismatches) > 0 || a.Managed() {
			continue
		}
		if slices.Contains(a.Groups, before.Group) {
			in = a.ID
		} else if _, member := a.Membership("LON-COR"); member && !slices.ContainsFunc(a.Groups, func(g provisioning.GroupRef) bool { return strings.HasPrefix(g.Group, "DEAL-") }) {
			out = a.ID
		}
	}
	r.running.Imanage.ByHand(mutation("leave", in, "LON-COR", "DEAL-KITE"))
	r.running.Imanage.ByHand(mutation("join", out, "LON-COR", "DEAL-KITE"))
	r.sync(t)
	after := drift()
	named := func(list []desk.Linked, account string) bool {
		key, err := r.PersonOf(context.Background(), account)
		return err == nil && slices.ContainsFunc(list, func(l desk.Linked) bool { return l.Key == key && l.Why != "" })
	}
	if after.InStep != before.InStep-1 || !named(after.Missing, in) || !named(after.Excess, out) {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
}

// TestChoices: what can be picked is found as one types, by what people say.
func TestChoices(t *testing.T) {
	r := newRig(t, 300, nil)
	r.sync(t)
	for _, c := range []struct {
		kind  desk.ChoiceKind
		text  string
		first string
	}{
		{desk.ChooseLibrary, "lnlit", "LON-LIT"},
		{desk.ChooseLibrary, "tax", "TAX-FIN"},
		{desk.ChooseGroup, "lit partn", "LON-LIT/PARTNERS"},
		{desk.ChoosePerson, "adeyemi", r.find(t, "FADEYEMI")},
		{desk.ChooseAccount, "okafor ngozi", "NOKAFOR"},
	} {
		got, err := r.Choices(context.Background(), c.kind, c.text, 5)
		if err != nil || len(got) == 0 || len(got) > 5 || got[0].ID != c.first {
			t.Errorf("%s %q: %+v %v", c.kind, c.text, got, err)
		}
	}
	if got, err := r.Choices(context.Background(), desk.ChooseAccount, "barnes tom", 5); err != nil || slices.ContainsFunc(got, func(c desk.Choice) bool { return c.ID == "TBARNES" }) {
		t.Errorf("a leaver may get workspaces: %+v %v", got, err)
	}
}

// TestMadeForThem: an account that a batch made is its person's from then on, though their login and address are somebody else's the
// next day (threats H4).
func TestMadeForThem(t *testing.T) {
	r := newRig(t, 300, nil)
	r.sync(t)
	ctx := context.Background()
	c := r.prepare(t, desk.CaseJoiner, "Wei Chen 陳偉", desk.CaseOptions{})
	if _, err := r.StageCase(ctx, c); err != nil {
		t.Fatal(err)
	}
	v := r.commitDraft(t)
	account := v.Batch.Units[0].Account
	anchors, err := r.store.Anchors(ctx)
	if err != nil || !slices.ContainsFunc(anchors, func(a provisioning.Anchor) bool {
		return a.Account == account && a.Person == c.Person.Key && strings.Contains(a.Evidence, "made for them by batch")
	}) {
		t.Errorf("nothing records whose %s is (%v)", account, err)
	}
}
