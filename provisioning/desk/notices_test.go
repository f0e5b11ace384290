package desk_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

// TestNoticeOfALeaverOfNoDay: of a leaver whose day of leaving nobody knows it is not known that it was not long ago: it is told at once,
// behind those of whom it is known.
func TestNoticeOfALeaverOfNoDay(t *testing.T) {
	s, d := reviewing(t, 8)
	s.leave(3, 5)
	s.okta.mu.Lock()
	s.okta.list[2].StatusChanged, s.okta.list[2].LeaveDate = time.Time{}, time.Time{}
	s.okta.list[4].StatusChanged = s.clock.Now().Add(-25 * time.Hour)
	s.okta.mu.Unlock()
	s.read(d)
	list, err := d.Notices(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, n := range list {
		if n.Kind == provisioning.NoticeOverdue {
			said = append(said, n.Text)
		}
	}
	if len(said) != 2 || !strings.Contains(said[0], "left 1 day ago and can still sign in to iManage as U005") || !strings.Contains(said[1], "has left, nobody knows since when, and can still sign in to iManage as U003") {
		t.Errorf("%q", said)
	}
}

// TestNotices: what somebody is told of who is not looking: nothing of a quiet firm; a source that was not read whole, a leaver who can still
// sign in a day after, a batch that waits for a second person, a review that ends soon and one that should have. Each keeps its key from
// one look to the next, so that it is told once; and a batch that is sealed names nobody.
func TestNotices(t *testing.T) {
	ctx := context.Background()
	s, d := reviewing(t, 8)
	told := func() map[string]provisioning.Notice {
		t.Helper()
		list, err := d.Notices(ctx)
		if err != nil {
			t.Fatal(err)
		}
		all := make(map[string]provisioning.Notice)
		for _, n := range list {
			if n.Text == "" || n.Severity == "" || all[n.Key].Key != "" {
				t.Errorf("%+v", n)
			}
			all[n.Key] = n
		}
		return all
	}
	if all := told(); len(all) != 0 {
		t.Errorf("of a quiet firm: %v", all)
	}
	s.opened(d, desk.NewCampaign{Name: "Q4", Stages: []provisioning.ReviewStage{{Due: s.clock.Now().Add(72 * time.Hour)}}})
	s.leave(5)
	s.okta.mu.Lock()
	s.okta.list[4].StatusChanged = s.clock.Now()
	s.okta.mu.Unlock()
	b := s.put(0, s.leaver(6))
	needy := s.batch(b.Batch)
	needy.State, needy.Hash, needy.Needs = provisioning.BatchReviewed, b.Hash, "one person loses access"
	if err := s.store.SaveBatch(ctx, needy, s.event(provisioning.EventReviewed)); err != nil {
		t.Fatal(err)
	}
	s.read(d)
	all := told()
	if len(all) != 1 { // the leaver left today, the review has three days
		t.Errorf("%v", all)
	}
	for _, n := range all {
		if n.Kind != provisioning.NoticeApproval || len(n.Rows) != 1 || !strings.Contains(n.Rows[0], "U006") {
			t.Errorf("%+v", n)
		}
	}
	s.clock.to(s.clock.Now().Add(25 * time.Hour))
	s.okta.mu.Lock()
	s.okta.down = true
	s.okta.mu.Unlock()
	s.read(d)
	first := told()
	s.read(d)
	kinds := make(map[provisioning.NoticeKind]int)
	for key, n := range told() {
		if first[key].Key == "" {
			t.Errorf("a new key for the same matter: %s", key)
		}
		kinds[n.Kind]++
		if n.Kind == provisioning.NoticeOverdue && (n.Severity != provisioning.SeverityDanger || !strings.Contains(n.Text, "can still sign in") || !strings.Contains(n.Text, "U005")) {
			t.Errorf("%+v", n)
		}
	}
	for _, kind := range provisioning.NoticeKinds() {
		if kinds[kind] != 1 {
			t.Errorf("%s: %d", kind, kinds[kind])
		}
	}
	s.clock.to(s.clock.Now().Add(72 * time.Hour))
	late := false
	for _, n := range told() {
		late = late || (n.Kind == provisioning.NoticeReview && strings.Contains(n.Text, "should have ended"))
	}
	if !late {
		t.Error("a review that should have ended is not told")
	}
}
