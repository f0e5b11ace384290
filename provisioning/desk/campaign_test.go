package desk_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/certify"
	"rollcall/provisioning/desk"
)

// reviewing is a small firm whose desk may sign, with an operator who is one of its people.
func reviewing(t *testing.T, n int) (*small, *desk.Desk) {
	t.Helper()
	s := newSmall(t, noon, n)
	s.with = func(deps *desk.Deps) {
		deps.Signer = machineKey("installation")
		deps.Operator.Person = provisioning.PersonKey{Directory: "okta", ID: "00u001"}
	}
	d := s.open("l.ortiz")
	s.read(d)
	return s, d
}

// opened opens a campaign over a scope, decided by the operator and by U002.
func (s *small) opened(d *desk.Desk, n desk.NewCampaign) *desk.Review {
	s.t.Helper()
	p, err := d.PlanCampaign(context.Background(), n)
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := d.StartCampaign(context.Background(), p)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// places lists the places of a review's items that something holds of.
func places(r *desk.Review, want func(*provisioning.ReviewItem) bool) (list []int) {
	for i := range r.Len() {
		if want(r.Item(i)) {
			list = append(list, i)
		}
	}
	return list
}

// TestCampaignCloses: a campaign from its opening to its closing snapshot: nobody decides on their own access, what is revoked is a batch
// like any other, the campaign is not done before that is, and the two signed snapshots differ by exactly the revokes.
func TestCampaignCloses(t *testing.T) {
	ctx := context.Background()
	s, d := reviewing(t, 12)
	s.dms.change("U005", func(a *provisioning.Account) {
		a.Groups = append(a.Groups, provisioning.GroupRef{Library: "LON", Group: "DEAL"})
	})
	s.read(d)
	r := s.opened(d, desk.NewCampaign{Name: "Q4", Stages: []provisioning.ReviewStage{{Reviewers: []string{"l.ortiz", "u002@firm.example"}}}})
	c := r.Campaign()
	if c.ID != 1 || c.Items != r.Len() || r.Len() != 2*12+1 || len(c.Reviewers) != 2 || !c.Reviewers[0].Operator || c.Reviewers[1].Operator || c.Undecided != provisioning.UndecidedEscalate {
		t.Fatalf("%+v", c)
	}
	for i := range r.Len() {
		if it := r.Item(i); it.Account == "U001" && it.Reviewer != "u002@firm.example" || it.Account == "U002" && it.Reviewer != "l.ortiz" {
			t.Errorf("%s is given to %s", it.Account, it.Reviewer)
		}
	}
	own := places(r, func(it *provisioning.ReviewItem) bool { return it.Account == "U001" })
	if err := d.DecideReview(ctx, r, own, desk.Verdict{Verdict: provisioning.ReviewKeep}); provisioning.CodeOf(err) != provisioning.Held {
		t.Errorf("one's own access: %v", err)
	}
	deal := places(r, func(it *provisioning.ReviewItem) bool { return it.Object == "DEAL" })
	if len(deal) != 1 || r.Item(deal[0]).Standing != provisioning.StandsExcess {
		t.Fatalf("%+v", deal)
	}
	// the operator is the second reviewer's too, by handing over what is theirs to hand
	other := places(r, func(it *provisioning.ReviewItem) bool { return it.Reviewer != "l.ortiz" && it.Account != "U001" })
	if len(other) == 0 {
		t.Fatal("nothing is the second reviewer's")
	}
	if err := d.DecideReview(ctx, r, other, desk.Verdict{Verdict: provisioning.ReviewRevoke}); provisioning.CodeOf(err) != provisioning.Held {
		t.Errorf("somebody else's items: %v", err)
	}
	if err := d.DecideReview(ctx, r, other, desk.Verdict{Verdict: provisioning.ReviewDelegate, To: c.Reviewers[0]}); err != nil {
		t.Fatal(err)
	}
	mine := r.Select(desk.ReviewFilter{Which: "mine"})
	if len(mine) != r.Counts().Mine || len(mine) != r.Len()-len(own) {
		t.Fatalf("%d of %+v", len(mine), r.Counts())
	}
	if _, err := d.CloseReview(ctx, r); provisioning.CodeOf(err) != provisioning.Held || !strings.Contains(err.Error(), "undecided") {
		t.Errorf("closed undecided: %v", err)
	}
	if err := d.DecideReview(ctx, r, mine, desk.Verdict{Verdict: provisioning.ReviewKeep}); err != nil {
		t.Fatal(err)
	}
	if err := d.DecideReview(ctx, r, deal, desk.Verdict{Verdict: provisioning.ReviewRevoke, Reason: "the deal is over"}); err != nil {
		t.Fatal(err)
	}
	// the own ones are decided by the other reviewer: here another desk of another operator hands them to nobody, so the campaign waits
	m := s.open("m.chen")
	s.read(m)
	again, err := m.OpenReview(ctx, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := again.Counts(), r.Counts(); got.Kept != want.Kept || got.Revoked != 1 || got.Open != len(own) {
		t.Fatalf("%+v, %+v", got, want)
	}
	if _, err := d.FinishReview(ctx, r); provisioning.CodeOf(err) != provisioning.Held {
		t.Errorf("finished open: %v", err)
	}
	s.decided(r, "u002@firm.example", own, provisioning.ReviewKeep)
	d2 := s.open("l.ortiz")
	s.read(d2)
	r2, err := d2.OpenReview(ctx, c.ID)
	if err != nil {
		t.Fatal(err)
	}
	closing, err := d2.CloseReview(ctx, r2)
	if err != nil || closing.Batch == 0 || closing.People != 1 || closing.Changes != 1 || len(closing.Outcome.Revoked) != 1 {
		t.Fatalf("%+v, %v", closing, err)
	}
	if u := s.batch(closing.Batch).Units[0]; u.Kind != provisioning.KindReview || u.Account != "U005" || u.Reason != "access review 1: revoked by l.ortiz: the deal is over" {
		t.Errorf("%+v", u)
	}
	if err := d2.DecideReview(ctx, r2, deal, desk.Verdict{Verdict: provisioning.ReviewKeep}); provisioning.CodeOf(err) != provisioning.Stale {
		t.Errorf("decided after the close: %v", err)
	}
	if twice, err := d2.CloseReview(ctx, r2); err != nil || twice.Batch != closing.Batch {
		t.Errorf("closed again: %+v, %v", twice, err)
	}
	if _, err := d2.FinishReview(ctx, r2); provisioning.CodeOf(err) != provisioning.Held || !strings.Contains(err.Error(), "is draft") {
		t.Errorf("finished before the batch: %v", err)
	}
	s.committed(d2, s.order(d2, closing.Batch))
	if _, err := d2.FinishReview(ctx, r2); provisioning.CodeOf(err) != provisioning.Held || !strings.Contains(err.Error(), "read before") {
		t.Errorf("finished before the roll was read again: %v", err)
	}
	x := s.finish(d2, r2)
	if !x.Exact() || len(x.Revoked) != 1 || x.Revoked[0].Account != "U005" || x.Revoked[0].Object != "DEAL" {
		t.Errorf("%+v", x)
	}
	if got := s.events(provisioning.EventReview); len(got) < 6 || !strings.Contains(got[len(got)-1].Detail, "done: 1 revoked and gone") {
		t.Errorf("%+v", got)
	}
}

// decided keeps the decisions of a reviewer who is not at this desk.
func (s *small) decided(r *desk.Review, reviewer string, at []int, v provisioning.ReviewVerdict) {
	s.t.Helper()
	var list []provisioning.ReviewDecision
	for _, i := range at {
		list = append(list, provisioning.ReviewDecision{Item: r.Item(i).N, Verdict: v, Reviewer: reviewer, By: "l.ortiz", How: "xlsx test", At: s.clock.Now()})
	}
	if err := s.store.DecideReview(context.Background(), r.Campaign().ID, list, s.event(provisioning.EventReview)); err != nil {
		s.t.Fatal(err)
	}
}

// finish reads the roll again and makes the closing snapshot; both snapshots are read back and held against each other.
func (s *small) finish(d *desk.Desk, r *desk.Review) *certify.Explained {
	s.t.Helper()
	ctx := context.Background()
	s.read(d)
	x, err := d.FinishReview(ctx, r)
	if err != nil {
		s.t.Fatal(err)
	}
	if c := r.Campaign(); c.State != provisioning.CampaignDone || c.DoneAt.IsZero() {
		s.t.Errorf("%+v", c)
	}
	var pair []*certify.Signed
	for _, which := range []string{certify.OpeningSnapshot, certify.ClosingSnapshot} {
		text, err := s.store.CampaignSnapshot(ctx, r.Campaign().ID, which)
		if err != nil {
			s.t.Fatal(err)
		}
		signed, err := certify.ReadSnapshot(bytes.NewReader(text), machineKey("installation").Public())
		if err != nil {
			s.t.Fatalf("%s: %v", which, err)
		}
		pair = append(pair, signed)
	}
	if err := certify.Pair(pair[0], pair[1]); err != nil {
		s.t.Error(err)
	}
	return x
}

// TestCampaignsEndAsDecided: random firms and random verdicts of every kind, committed on a real desk: the document system then holds what
// it held before but for exactly the revokes, by a count of the test's own; the closing snapshot says the same.
func TestCampaignsEndAsDecided(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ctx := context.Background()
		s, d := reviewing(t, 10)
		for i := 2; i <= 10; i++ {
			_, account, _ := user(i)
			s.dms.change(account, func(a *provisioning.Account) {
				for _, g := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"DEAL", "TEAM", "KITE"}), rapid.ID[string]).Draw(rt, account) {
					a.Groups = append(a.Groups, provisioning.GroupRef{Library: "LON", Group: g})
				}
				slices.SortFunc(a.Groups, func(x, y provisioning.GroupRef) int { return strings.Compare(x.Group, y.Group) })
			})
		}
		s.read(d)
		r := s.opened(d, desk.NewCampaign{Scope: provisioning.CampaignScope{Libraries: []string{"lon"}}})
		before := s.held()
		want := make(map[string]bool)
		for k := range before {
			want[k] = true
		}
		revoked := 0
		for i := range r.Len() {
			it := r.Item(i)
			if it.Account == "U001" { // the only reviewer's own: nobody's to decide
				continue
			}
			v := provisioning.ReviewKeep
			if it.Kind == provisioning.ReviewGroup && rapid.Bool().Draw(rt, "revoke") {
				v = provisioning.ReviewRevoke
				revoked++
				delete(want, it.Account+" "+it.Object)
			}
			if err := d.DecideReview(ctx, r, []int{i}, desk.Verdict{Verdict: v}); err != nil {
				rt.Fatal(err)
			}
		}
		s.decided(r, "l.chief", places(r, func(it *provisioning.ReviewItem) bool { return it.Account == "U001" }), provisioning.ReviewKeep)
		d = s.open("l.ortiz")
		s.read(d)
		r, err := d.OpenReview(ctx, r.Campaign().ID)
		if err != nil {
			rt.Fatal(err)
		}
		closing, err := d.CloseReview(ctx, r)
		if err != nil || len(closing.Outcome.Revoked) != revoked {
			rt.Fatalf("%+v, %v", closing, err)
		}
		if revoked > 0 {
			c := s.order(d, closing.Batch)
			if s.batch(closing.Batch).State != provisioning.BatchReviewed {
				rt.Fatal(s.batch(closing.Batch).State)
			}
			c.Reason = "the review"
			if err := d.Commit(ctx, c); err != nil { // the guards hold where a whole group would go: it is released by the number
				rt.Fatal(err)
			}
			if err := d.Wait(ctx, c.Batch); err != nil {
				rt.Fatal(err)
			}
		}
		x := s.finish(d, r)
		if !x.Exact() || len(x.Revoked) != revoked {
			rt.Fatalf("%d revoked: %+v", revoked, x)
		}
		if after := s.held(); fmt.Sprint(after) != fmt.Sprint(want) {
			rt.Fatalf("holds %v, wanted %v", after, want)
		}
	})
}

// held is every group membership in the document system, by its own tables.
func (s *small) held() map[string]bool {
	s.dms.mu.Lock()
	defer s.dms.mu.Unlock()
	all := make(map[string]bool)
	for id, a := range s.dms.accounts {
		for _, g := range a.Groups {
			all[id+" "+g.Group] = true
		}
	}
	return all
}

// TestCampaignStages: what a stage before decided is a proposal to the next, which sees what it was told to; its word is the last. What the
// policy decides of the undecided is recorded as the policy's.
func TestCampaignStages(t *testing.T) {
	ctx := context.Background()
	s, d := reviewing(t, 6)
	r := s.opened(d, desk.NewCampaign{Scope: provisioning.CampaignScope{Groups: []string{"LON/ALL"}}, Stages: []provisioning.ReviewStage{
		{Name: "managers", Reviewers: []string{"l.ortiz"}}, {Name: "owner", Reviewers: []string{"l.ortiz"}, Sees: "revoke"},
	}})
	if r.Len() != 6 {
		t.Fatal(r.Len())
	}
	others := places(r, func(it *provisioning.ReviewItem) bool { return it.Account != "U001" })
	if err := d.DecideReview(ctx, r, others[:3], desk.Verdict{Verdict: provisioning.ReviewRevoke}); err != nil {
		t.Fatal(err)
	}
	if err := d.DecideReview(ctx, r, others[3:], desk.Verdict{Verdict: provisioning.ReviewKeep}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.CloseReview(ctx, r); provisioning.CodeOf(err) != provisioning.Held || !strings.Contains(err.Error(), "still to come") {
		t.Errorf("closed before the last stage: %v", err)
	}
	if _, err := d.NextStage(ctx, r); err != nil {
		t.Fatal(err)
	}
	if got := r.Select(desk.ReviewFilter{Which: "mine"}); !slices.Equal(got, others[:3]) {
		t.Fatalf("the owner sees %v", got)
	}
	if err := d.DecideReview(ctx, r, others[3:4], desk.Verdict{Verdict: provisioning.ReviewRevoke}); provisioning.CodeOf(err) != provisioning.Held {
		t.Errorf("an item that the stage does not see: %v", err)
	}
	if err := d.DecideReview(ctx, r, others[:1], desk.Verdict{Verdict: provisioning.ReviewKeep, Reason: "needed"}); err != nil {
		t.Fatal(err)
	}
	fresh := s.open("l.ortiz")
	s.read(fresh)
	again, err := fresh.OpenReview(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	if again.Counts() != r.Counts() {
		t.Errorf("%+v, opened anew %+v", r.Counts(), again.Counts())
	}
	k, err := fresh.PlanClose(ctx, again)
	if err != nil || len(k.Outcome.Revoked) != 2 || k.Refused == nil { // U001's own is nobody's: the policy escalates it
		t.Errorf("%+v, %v", k, err)
	}
}

// TestCampaignRefused: a roll that is too old, a source that was not read whole, nothing in the scope, and an unknown reviewer are refused;
// a reader opens none.
func TestCampaignRefused(t *testing.T) {
	ctx := context.Background()
	s, d := reviewing(t, 4)
	plan := func(n desk.NewCampaign) *desk.CampaignPlan {
		p, err := d.PlanCampaign(ctx, n)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := plan(desk.NewCampaign{Scope: provisioning.CampaignScope{Offices: []string{"Mars"}}}); p.Refused != "nothing is in this scope" {
		t.Error(p.Refused)
	}
	if p := plan(desk.NewCampaign{Scope: provisioning.CampaignScope{Dormant: true}}); !strings.Contains(p.Refused, "read the use") {
		t.Error(p.Refused)
	}
	if _, err := d.PlanCampaign(ctx, desk.NewCampaign{Stages: []provisioning.ReviewStage{{Reviewers: []string{"nobody@firm.example"}}}}); provisioning.CodeOf(err) != provisioning.NotFound {
		t.Error(err)
	}
	good := plan(desk.NewCampaign{})
	s.clock.to(s.clock.Now().Add(2 * time.Hour))
	if _, err := d.StartCampaign(ctx, good); provisioning.CodeOf(err) != provisioning.Held {
		t.Errorf("on a roll of two hours ago: %v", err)
	}
	s.read(d)
	if _, err := d.StartCampaign(ctx, good); provisioning.CodeOf(err) != provisioning.Stale {
		t.Errorf("on another roll: %v", err)
	}
	s.okta.mu.Lock()
	s.okta.down = true
	s.okta.mu.Unlock()
	s.read(d)
	if p := plan(desk.NewCampaign{}); !strings.Contains(p.Refused, "not read whole") || len(p.Campaign.Warnings) == 0 {
		t.Errorf("%q, %v", p.Refused, p.Campaign.Warnings)
	}
	if list, err := d.Campaigns(ctx); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}
