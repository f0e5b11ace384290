package desk_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

// act is one thing that changes something, with the least role that may do it.
type act struct {
	least provisioning.Role
	do    func(f *fixture, d *desk.Desk) error
}

// fixture is a firm with a draft, a batch that is done, one that waits for its minute, and a held one.
type fixture struct {
	*small
	draft, done, due, held desk.Commit
	plan                   *desk.Plan
	leaver                 *desk.Case
}

func newFixture(t *testing.T) *fixture {
	ctx := context.Background()
	f := &fixture{small: newSmall(t, noon, 60)}
	f.with = func(deps *desk.Deps) { deps.Signer = machineKey("installation") }
	d := f.open("l.ortiz")
	f.dms.change("U006", func(a *provisioning.Account) {
		a.Groups = append(a.Groups, provisioning.GroupRef{Library: "LON", Group: "DEAL"})
	})
	f.leave(4, 5)
	f.read(d)
	f.opened(d, desk.NewCampaign{})
	f.done = f.put(0, f.member(7, provisioning.LeaveGroup))
	f.committed(d, f.done)
	f.due = f.put(0, f.member(8, provisioning.LeaveGroup))
	if err := d.Schedule(ctx, f.due, f.clock.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	f.due.Hash = f.batch(f.due.Batch).Hash
	f.held = f.put(0, f.leavers(20, 21, 22, 23, 24, 25, 26)...)
	needy := f.batch(f.held.Batch)
	needy.Needs = "7 people lose access"
	if err := f.store.SaveBatch(ctx, needy, f.event(provisioning.EventReviewed)); err != nil {
		t.Fatal(err)
	}
	f.leave(20, 21, 22, 23, 24, 25, 26)
	f.read(d)
	put, err := d.Stage(ctx, []string{rowKey(4)})
	if err != nil || put.Batch == 0 {
		t.Fatal(put, err)
	}
	f.draft = f.order(d, put.Batch)
	if f.plan, err = d.Plan(provisioning.KindLeaver); err != nil || len(f.plan.Changes) == 0 {
		t.Fatal(f.plan, err)
	}
	if f.leaver, err = d.Case(ctx, desk.CaseLeaver, rowKey(5), desk.CaseOptions{}); err != nil || f.leaver.Hold != "" {
		t.Fatal(f.leaver.Hold, err)
	}
	return f
}

// review is an access review that is open.
func (f *fixture) review(d *desk.Desk) *desk.Review {
	f.t.Helper()
	r, err := d.OpenReview(context.Background(), 1)
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

func (s *small) leavers(numbers ...int) []provisioning.Unit {
	var units []provisioning.Unit
	for _, i := range numbers {
		units = append(units, s.leaver(i))
	}
	return units
}

// acts are the desk's methods that change something. What is not here stands among the looks.
func acts() map[string]act {
	ctx := context.Background()
	requester := func(do func(f *fixture, d *desk.Desk) error) act { return act{provisioning.RoleRequester, do} }
	return map[string]act{
		"Stage":       requester(func(_ *fixture, d *desk.Desk) error { _, err := d.Stage(ctx, []string{rowKey(5)}); return err }),
		"StageCase":   requester(func(f *fixture, d *desk.Desk) error { _, err := d.StageCase(ctx, f.leaver); return err }),
		"StageExcess": requester(func(_ *fixture, d *desk.Desk) error { _, err := d.StageExcess(ctx, rowKey(6)); return err }),
		"StagePlan":   requester(func(f *fixture, d *desk.Desk) error { _, err := d.StagePlan(ctx, f.plan); return err }),
		"Unstage":     requester(func(_ *fixture, d *desk.Desk) error { return d.Unstage(ctx, []string{rowKey(4)}) }),
		"DropUnit":    requester(func(f *fixture, d *desk.Desk) error { return d.DropUnit(ctx, f.batch(f.draft.Batch).Units[0].ID) }),
		"DropOp":      requester(func(f *fixture, d *desk.Desk) error { return d.DropOp(ctx, f.batch(f.draft.Batch).Units[0].ID, 1) }),
		"EditOp":      requester(func(f *fixture, d *desk.Desk) error { return d.EditOp(ctx, f.batch(f.draft.Batch).Units[0].ID, 1, "x") }),
		"Review":      requester(func(_ *fixture, d *desk.Desk) error { _, err := d.Review(ctx); return err }),
		"ReviewBatch": requester(func(f *fixture, d *desk.Desk) error { _, err := d.ReviewBatch(ctx, f.draft.Batch); return err }),
		"Commit":      requester(func(f *fixture, d *desk.Desk) error { return d.Commit(ctx, f.draft) }),
		"Schedule":    requester(func(f *fixture, d *desk.Desk) error { return d.Schedule(ctx, f.draft, f.clock.Now().Add(time.Hour)) }),
		"Reschedule":  requester(func(f *fixture, d *desk.Desk) error { return d.Reschedule(ctx, f.due, f.clock.Now().Add(2*time.Hour)) }),
		"Unschedule":  requester(func(f *fixture, d *desk.Desk) error { return d.Unschedule(ctx, f.due.Batch) }),
		"Release":     requester(func(f *fixture, d *desk.Desk) error { return d.Release(ctx, f.held.Batch, f.held.Hash, "U020", "HR") }),
		"Unrelease":   requester(func(f *fixture, d *desk.Desk) error { return d.Unrelease(ctx, f.held.Batch, f.held.Hash, "U020") }),
		"Pause":       requester(func(f *fixture, d *desk.Desk) error { return d.Pause(ctx, f.done.Batch) }),
		"Cancel":      requester(func(f *fixture, d *desk.Desk) error { return d.Cancel(ctx, f.held.Batch) }),
		"Resume":      requester(func(f *fixture, d *desk.Desk) error { return d.Resume(ctx, f.done.Batch) }),
		"Retry":       requester(func(f *fixture, d *desk.Desk) error { return d.Retry(ctx, f.done.Batch) }),
		"Undo":        requester(func(f *fixture, d *desk.Desk) error { _, err := d.Undo(ctx, f.done.Batch, "HR"); return err }),
		"Tick": requester(func(f *fixture, d *desk.Desk) error {
			return d.Tick(ctx, f.done.Batch, f.batch(f.done.Batch).Units[0].ID, 1)
		}),
		"Decide": requester(func(_ *fixture, d *desk.Desk) error {
			_, err := d.Decide(ctx, provisioning.PersonKey{Directory: "okta", ID: "00u010"}, "U010", true, "seen")
			return err
		}),
		"TrySandbox":      requester(func(_ *fixture, d *desk.Desk) error { return d.TrySandbox(ctx, "ZZ_SANDBOX", "ZZ_SANDBOX", nil) }),
		"TryAgain":        requester(func(_ *fixture, d *desk.Desk) error { return d.TryAgain(ctx, "leave group") }),
		"PolicyRequest":   requester(func(_ *fixture, d *desk.Desk) error { _, err := d.PolicyRequest(ctx); return err }),
		"LookNow":         requester(func(f *fixture, d *desk.Desk) error { return d.LookNow(ctx, f.done.Batch, "") }),
		"ApprovalRequest": requester(func(f *fixture, d *desk.Desk) error { _, err := d.ApprovalRequest(ctx, f.held.Batch); return err }),
		"ImportApproval":  requester(func(_ *fixture, d *desk.Desk) error { _, err := d.ImportApproval(ctx, []byte("{}")); return err }),
		"Approve": {provisioning.RoleApprover, func(f *fixture, d *desk.Desk) error {
			err := d.Approve(ctx, f.held.Batch, "x", "four words")
			if err != nil && strings.Contains(err.Error(), "an approver or an administrator approves") {
				return &provisioning.Error{Code: provisioning.Denied, Message: err.Error()}
			}
			return err
		}},
		"StartCampaign": requester(func(_ *fixture, d *desk.Desk) error {
			p, err := d.PlanCampaign(ctx, desk.NewCampaign{})
			if err != nil {
				return err
			}
			_, err = d.StartCampaign(ctx, p)
			return err
		}),
		"DecideReview": requester(func(f *fixture, d *desk.Desk) error {
			return d.DecideReview(ctx, f.review(d), []int{0}, desk.Verdict{Verdict: provisioning.ReviewKeep})
		}),
		"NextStage":    requester(func(f *fixture, d *desk.Desk) error { _, err := d.NextStage(ctx, f.review(d)); return err }),
		"CloseReview":  requester(func(f *fixture, d *desk.Desk) error { _, err := d.CloseReview(ctx, f.review(d)); return err }),
		"FinishReview": requester(func(f *fixture, d *desk.Desk) error { _, err := d.FinishReview(ctx, f.review(d)); return err }),
		"CancelReview": requester(func(f *fixture, d *desk.Desk) error { return d.CancelReview(ctx, f.review(d), "HR") }),
		"MakePacket": requester(func(f *fixture, d *desk.Desk) error {
			_, err := d.MakePacket(ctx, f.review(d), "l.ortiz", "html")
			return err
		}),
		"ImportAnswer":   requester(func(_ *fixture, d *desk.Desk) error { _, err := d.ImportAnswer(ctx, []byte("{}")); return err }),
		"ReadUse":        requester(func(_ *fixture, d *desk.Desk) error { _, err := d.ReadUse(ctx, nil); return err }),
		"GiveNotice":     requester(func(_ *fixture, d *desk.Desk) error { _, err := d.GiveNotice(ctx, []string{"U030"}); return err }),
		"WithdrawNotice": requester(func(_ *fixture, d *desk.Desk) error { return d.WithdrawNotice(ctx, []int64{1}, "HR") }),
		"StageReclaims":  requester(func(_ *fixture, d *desk.Desk) error { _, err := d.StageReclaims(ctx, nil); return err }),
		"AcceptPolicy":   {provisioning.RoleApprover, func(_ *fixture, d *desk.Desk) error { return d.AcceptPolicy(ctx, "x", 1) }},
	}
}

// looks are the methods that everybody may use. A reading keeps its snapshot, an export and a
// certificate leave their row: none changes who has what. An approval that lies ready is collected by whoever may change something, and by nobody else.
func looks() []string {
	return []string{
		"AsOfLibrary", "AsOfWho", "Batches", "Calendar", "Campaigns", "Capabilities", "Case", "Certificate", "CertificateOf", "CheckPolicy", "Choices", "Close", "CollectApprovals", "Dashboard", "Document", "Draft", "Evidence", "Examine", "Explain",
		"Explained", "ExportRecord", "FigureRows", "Follow", "Forecast", "GroupDrifts", "LiveCheck", "Load", "Missed", "NoteExport", "Notices", "OpenReview", "Operator", "Packets", "Person", "PersonOf", "Plan", "PlanCampaign", "PlanClose", "PolicyEffect", "PolicyPending",
		"ReadOnly", "Reclaims", "RecordMark", "Records", "RemovalOf", "Removals", "Report", "Roll", "RunSchedule", "Search", "Seats", "SignedCertificate", "StagedKeys", "StoreWarnings", "Sync", "SyncWhole", "Table", "UndoOf", "Unfinished",
		"Verify", "VerifyRecord", "View", "Wait", "Witnesses", "Working",
		"SetPolicy", // of the tests
	}
}

// TestRoles (threats H3): what each role may do, through the desk, whatever the screen offers. A method that stands in neither table is
// an error here: nobody forgets a new one.
func TestRoles(t *testing.T) {
	roles := []provisioning.Role{provisioning.RoleReader, provisioning.RoleRequester, provisioning.RoleApprover, provisioning.RoleAdministrator, "unheard of"}
	table := acts()
	methods := reflect.TypeFor[*desk.Desk]()
	known := looks()
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		_, acts := table[name]
		if looks := slices.Contains(known, name); acts == looks {
			t.Errorf("%s: say in acts() who may do it, or in looks() that it changes nothing", name)
		}
	}
	for name := range table {
		if _, there := methods.MethodByName(name); !there {
			t.Errorf("%s is gone", name)
		}
	}
	rank := func(r provisioning.Role) int { return slices.Index(roles[:4], r) }
	for _, role := range roles {
		t.Run(string(role), func(t *testing.T) {
			f := newFixture(t)
			f.with = func(deps *desk.Deps) { deps.Operator.Role = role }
			d := f.open("somebody")
			before := f.dump()
			for _, name := range slices.Sorted(maps.Keys(table)) {
				a := table[name]
				err := a.do(f, d)
				code := provisioning.CodeOf(err)
				refused := err != nil && (code == provisioning.ReadOnly || code == provisioning.Denied)
				if may := rank(role) >= rank(a.least); may == refused {
					t.Errorf("%s by %s: %v", name, role, err)
				}
				if refused && rank(role) < 1 && f.dump() != before {
					t.Fatalf("%s by %s was refused, and changed something", name, role)
				}
			}
			if rank(role) < 1 {
				if _, err := d.View(context.Background(), f.draft.Batch); err != nil {
					t.Errorf("looking: %v", err)
				}
				if _, err := d.ExportRecord(context.Background(), io.Discard, 1, 1); err != nil {
					t.Errorf("exporting: %v", err)
				}
			}
		})
	}
}

// dump is the state of every batch and the length of the record.
func (f *fixture) dump() string {
	f.t.Helper()
	var all bytes.Buffer
	batches, err := f.store.Batches(context.Background(), 100)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, b := range batches {
		all.WriteString(string(b.State))
		all.WriteByte(byte(b.Version))
		all.WriteByte(byte(len(b.Units)))
	}
	n := 0
	if err := f.store.Records(context.Background(), 1, func(provisioning.Record) error { n++; return nil }); err != nil {
		f.t.Fatal(err)
	}
	for range n {
		all.WriteByte('.')
	}
	return all.String()
}
