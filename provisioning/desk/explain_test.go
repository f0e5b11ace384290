package desk_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/policy"
)

// granted are the rights that a row's changes give.
func granted(changes []desk.PlanChange) []provisioning.Entitlement {
	var list []provisioning.Entitlement
	for _, c := range changes {
		switch c.Kind {
		case provisioning.AssignLibrary:
			list = append(list, provisioning.InLibrary(c.Library), provisioning.RoleIn(c.Library, c.After))
		case provisioning.SetLibraryRole:
			list = append(list, provisioning.RoleIn(c.Library, c.After))
		case provisioning.JoinGroup:
			list = append(list, provisioning.InGroup(provisioning.GroupRef{Library: c.Library, Group: c.Object}))
		default:
		}
	}
	slices.SortFunc(list, provisioning.Entitlement.Compare)
	return list
}

// sameAsThePlan holds what explain says of every person against the changes that the plan proposes for them: what comes is granted,
// and nothing else is; every right has a reason.
func sameAsThePlan(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, d *desk.Desk,
) int {
	t.Helper()
	plan, err := d.Plan()
	if err != nil {
		t.Fatalf("%v", err)
	}
	by := make(map[string][]desk.PlanChange)
	for _, c := range plan.Changes {
		by[c.Directory+"/"+c.Person] = append(by[c.Directory+"/"+c.Person], c)
	}
	compared := 0
	roll := d.Roll()
	for i := range roll.Rows {
		row := &roll.Rows[i]
		if row.Person == nil || row.Away {
			continue
		}
		x, err := d.Explained(row.Key)
		if err != nil {
			t.Fatalf("%s: %v", row.Key, err)
		}
		var comes []provisioning.Entitlement
		for _, r := range x.Lines {
			if r.Why == "" {
				t.Fatalf("%s: %s has no reason", x.Name, r.Entitlement)
			}
			if r.State == desk.RightComes {
				comes = append(comes, r.Entitlement)
			}
		}
		changes := granted(by[row.Person.Key.String()])
		// A mend may be held as a whole (a managed account, a collision, a dispute): then nothing is proposed, whatever would come.
		if len(changes) == 0 && held(plan, x.Name) {
			continue
		}
		if !slices.Equal(changes, comes) {
			t.Fatalf("%s: explain says that %v come, the plan gives %v", x.Name, comes, changes)
		}
		compared += len(comes)
	}
	return compared
}

func held(p *desk.Plan, name string) bool {
	return slices.ContainsFunc(p.Held, func(h desk.PlanHeld) bool { return h.Name == name })
}

// TestExplainIsThePlan: for the demo firm and for random policies, what explain says of a person is what the plan does for them.
func TestExplainIsThePlan(t *testing.T) {
	r := newRig(t, 300, nil)
	r.sync(t)
	if n := sameAsThePlan(t, r.Desk); n == 0 {
		t.Error("nothing was compared")
	}
	rapid.Check(t, func(rt *rapid.T) {
		text := randomPolicy(rt)
		p, err := policy.Parse([]byte(text), nil)
		if err != nil {
			rt.Fatalf("%v in\n%s", err, text)
		}
		r.SetPolicy(rt, p)
		sameAsThePlan(rt, r.Desk)
	})
}

// randomPolicy draws templates, mappings, exceptions and walls over what the demo firm has.
func randomPolicy(t *rapid.T) string {
	one := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(t, label) }
	library := func() string { return one("library", "LON-COR", "LON-LIT", "EUR-GEN", "TAX-FIN", "NOWHERE") }
	group := func() string {
		return one("group", "LON-COR/ALL-LON-COR", "LON-LIT/ALL-LON-LIT", "*/PARTNERS", "EUR-GEN/DEAL-KITE", "*/DEAL-HERON", "LON-COR/OLD-MATTERS", "LON-COR/NONE")
	}
	var b strings.Builder
	b.WriteString("excluded_types = [\"external\"]\nservice = [\"SVC_*\"]\nprotected = [\"BREAKGLASS*\"]\n")
	if rapid.Bool().Draw(t, "ungoverned") {
		b.WriteString("ungoverned = [\"*/DEAL-*\", \"*/NRTADMIN\"]\n")
	}
	for range rapid.IntRange(1, 6).Draw(t, "rules") {
		b.WriteString("\n[[birthright]]\n")
		if rapid.Bool().Draw(t, "by office") {
			b.WriteString("office = \"" + one("office", "London", "Leeds", "Par*", "Dublin") + "\"\n")
		}
		if rapid.Bool().Draw(t, "by department") {
			b.WriteString("department = \"" + one("department", "Litigation", "Corporate", "Tax", "IT") + "\"\n")
		}
		if rapid.Bool().Draw(t, "by title") {
			b.WriteString("title = \"" + one("title", "Partner", "*Associate*", "Trainee") + "\"\n")
		}
		b.WriteString("libraries = { " + library() + " = \"" + one("role", "STANDARD", "SENIOR", "PARTNER") + "\" }\n")
		b.WriteString("groups = [\"" + group() + "\"]\n")
		if rapid.IntRange(0, 4).Draw(t, "exclusive") == 0 {
			b.WriteString("exclusive = true\n")
		}
	}
	if rapid.Bool().Draw(t, "wall") {
		b.WriteString("\n[[wall]]\nname = \"Kite\"\ngroups = [\"*/DEAL-KITE\", \"*/DEAL-HERON\"]\n")
	}
	if rapid.Bool().Draw(t, "exception") {
		b.WriteString("\n[[exception]]\nwho = \"FADEYEMI\"\ngroups = [\"LON-LIT/DEAL-LARK\"]\nuntil = " +
			time.Now().AddDate(0, 0, rapid.IntRange(-3, 3).Draw(t, "until")).Format("2006-01-02") + "\nreason = \"a matter\"\n")
	}
	return b.String()
}

// TestPolicyEffect: another policy.toml says whom it concerns before it counts, by name and number; what it protects, it protects at
// once; and it counts only with the number typed.
func TestPolicyEffect(t *testing.T) {
	var text string
	r := newRig(t, 300, func(d *desk.Deps) {
		d.PolicySource = func() (desk.PolicySource, error) { return desk.PolicySource{Text: text}, nil }
	})
	text = r.firm.PolicyTOML()
	ctx := context.Background()
	r.sync(t)
	if e, err := r.PolicyEffect(ctx); err != nil || e.Changed || r.PolicyPending() {
		t.Fatalf("the first policy does not count at once: %+v %v", e, err)
	}
	before := len(mismatched(r, provisioning.KindEntitlement))

	text = "vip = [\"FADEYEMI\"]\n" + r.firm.PolicyTOML() + "\n[[birthright]]\nname = \"Library of the partners\"\ntitle = \"Partner\"\ngroups = [\"*/DEAL-OSPREY\"]\n"
	r.sync(t)
	if got := len(mismatched(r, provisioning.KindEntitlement)); got != before {
		t.Errorf("the changed policy counts before it was accepted: %d entitlement mismatches, %d before", got, before)
	}
	partners := 0
	for _, row := range r.Roll().Rows {
		if p := row.Person; p != nil && !row.Away && p.Status.Live() && p.Title == "Partner" && p.Type == "employee" {
			partners++
		}
	}
	e, err := r.PolicyEffect(ctx)
	if err != nil || !e.Changed || e.Gain != partners || e.Lose != 0 || len(e.Rows) != partners || partners == 0 {
		t.Fatalf("the effect is %d gain, %d lose (%v); %d partners", e.Gain, e.Lose, err, partners)
	}
	if e.Rows[0].Name == "" || len(e.Rows[0].Gains) == 0 || !slices.Contains(e.Lines, "VIP more: FADEYEMI") {
		t.Errorf("no names, no rights, or no word of the VIP: %+v %v", e.Rows[0], e.Lines)
	}
	if left := r.stageOne(t, "FADEYEMI"); !strings.Contains(left, "VIP") {
		t.Errorf("a new VIP is not protected at once: %q", left)
	}
	if err := r.AcceptPolicy(ctx, e.Hash, partners+1); provisioning.CodeOf(err) != provisioning.Held {
		t.Errorf("accepted with a wrong number: %v", err)
	}
	if err := r.AcceptPolicy(ctx, "another", partners); provisioning.CodeOf(err) != provisioning.Stale {
		t.Errorf("accepted another text: %v", err)
	}
	if err := r.AcceptPolicy(ctx, e.Hash, partners); err != nil {
		t.Fatal(err)
	}
	if got := len(mismatched(r, provisioning.KindEntitlement)); got <= before {
		t.Errorf("the accepted policy does not count: %d entitlement mismatches, %d before", got, before)
	}

	text = "this is no policy"
	if e, err := r.PolicyEffect(ctx); err != nil || e.Why == "" {
		t.Errorf("a broken policy is not told: %+v %v", e, err)
	}
	if r.PolicyPending() != true || len(mismatched(r, provisioning.KindEntitlement)) <= before {
		t.Error("a broken policy took the place of the accepted one")
	}
}

// TestWhoAcceptsAPolicy: a requester stages and commits, and does not say what everybody gets.
func TestWhoAcceptsAPolicy(t *testing.T) {
	text := ""
	r := newRig(t, 120, func(d *desk.Deps) {
		d.PolicySource = func() (desk.PolicySource, error) { return desk.PolicySource{Text: text}, nil }
		d.Operator.Role = provisioning.RoleRequester
	})
	r.sync(t)
	text = "vip = [\"FADEYEMI\"]\n"
	e, err := r.PolicyEffect(context.Background())
	if err != nil || !e.Changed {
		t.Fatalf("%+v %v", e, err)
	}
	if err := r.AcceptPolicy(context.Background(), e.Hash, len(e.Rows)); provisioning.CodeOf(err) != provisioning.Denied || !r.PolicyPending() {
		t.Errorf("accepted by a requester: %v", err)
	}
}

// mismatched lists the rows with a kind of mismatch.
func mismatched(r *rig, kind provisioning.Kind) []string {
	var keys []string
	for i := range r.Roll().Rows {
		if r.Roll().Rows[i].Has(kind) {
			keys = append(keys, r.Roll().Rows[i].Key)
		}
	}
	return keys
}

// stageOne tries to stage somebody as a leaver, and gives the reason why not.
func (r *rig) stageOne(t *testing.T, account string) string {
	t.Helper()
	c, err := r.Case(context.Background(), desk.CaseLeaver, r.find(t, account), desk.CaseOptions{Reason: "a test"})
	if err != nil {
		t.Fatal(err)
	}
	return c.Hold
}
