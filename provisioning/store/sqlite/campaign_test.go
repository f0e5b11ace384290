package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/store/sqlite"
)

func campaign() *provisioning.Campaign {
	return &provisioning.Campaign{
		State: provisioning.CampaignOpen, Name: "Q4", Scope: provisioning.CampaignScope{Offices: []string{"London"}, Admins: true},
		Reviewers: []provisioning.Reviewer{{Key: "l.ortiz", Name: "L. Ortiz", Operator: true}},
		Stages:    []provisioning.ReviewStage{{Name: "first", Assign: "named", Reviewers: []string{"l.ortiz"}, Sees: "all", Due: now.Add(time.Hour)}},
		Undecided: provisioning.UndecidedEscalate, CreatedBy: "l.ortiz", CreatedAt: now, SnapshotID: "s", SnapshotAt: now, Items: 20000,
	}
}

func items(n int) []provisioning.ReviewItem {
	list := make([]provisioning.ReviewItem, n)
	for i := range list {
		list[i] = provisioning.ReviewItem{
			N: i + 1, Account: fmt.Sprintf("A%05d", i/3), Name: "Zoë \xff", Kind: provisioning.ReviewGroup, Library: "LON", Object: fmt.Sprint(i), Usage: provisioning.UsageUnknown,
			Walls: []string{"wall"}, Since: now.Add(-time.Duration(i) * time.Minute),
		}
	}
	return list
}

func started(t *testing.T, s *sqlite.Store, n int) *provisioning.Campaign {
	t.Helper()
	c := campaign()
	if err := s.StartCampaign(ctx, c, items(n), func(id int64) ([][]byte, error) {
		return [][]byte{[]byte("opening "), fmt.Appendf(nil, "of %d", id)}, nil
	}, event(provisioning.EventReview)); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCampaign: a campaign, its items and its snapshots come back as they were kept, over a restart; what a statement refuses is not kept.
func TestCampaign(t *testing.T) {
	file := path(t)
	s := open(t, file)
	refused := errors.New("no key")
	if err := s.StartCampaign(ctx, campaign(), items(1), func(int64) ([][]byte, error) { return nil, refused }, event(provisioning.EventReview)); !errors.Is(err, refused) {
		t.Fatal(err)
	}
	if list, err := s.Campaigns(ctx); err != nil || len(list) != 0 {
		t.Fatalf("%v, %v", list, err)
	}
	c := started(t, s, 20000)
	if c.ID != 1 || c.Version != 1 {
		t.Fatalf("%+v", c)
	}
	moved := *c
	moved.State, moved.Batch, moved.ClosedBy, moved.ClosedAt = provisioning.CampaignClosed, 7, "l.ortiz", now.Add(time.Hour)
	if err := s.SaveCampaign(ctx, &moved, [][]byte{[]byte("closing")}, event(provisioning.EventReview)); err != nil {
		t.Fatal(err)
	}
	code(t, "with an older version", s.SaveCampaign(ctx, c, nil, event(provisioning.EventReview)), provisioning.Stale)
	if err := s.SaveCampaign(ctx, &moved, [][]byte{[]byte("another")}, event(provisioning.EventReview)); err == nil {
		t.Error("a closing snapshot was replaced")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, file)
	got, err := s.Campaign(ctx, 1)
	if err != nil || !reflect.DeepEqual(got, &moved) || got.Version != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	back, err := s.ReviewItems(ctx, 1)
	if err != nil || !reflect.DeepEqual(back, items(20000)) {
		t.Errorf("%d items, %v", len(back), err)
	}
	for which, want := range map[string]string{"opening": "opening of 1", "closing": "closing", "other": ""} {
		if text, err := s.CampaignSnapshot(ctx, 1, which); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", which, text, err)
		}
	}
	_, err = s.Campaign(ctx, 2)
	code(t, "another", err, provisioning.NotFound)
}

// TestReviewDecisions: decisions are added all or none, to an open campaign in its stage alone, and nothing changes them afterwards, not
// even another program that writes to the file.
func TestReviewDecisions(t *testing.T) {
	file := path(t)
	s := open(t, file)
	c := started(t, s, 3)
	decision := func(item, stage int) provisioning.ReviewDecision {
		return provisioning.ReviewDecision{Item: item, Stage: stage, Verdict: provisioning.ReviewRevoke, Reason: "moved", Reviewer: "l.ortiz", By: "l.ortiz", How: "console", At: now}
	}
	want := []provisioning.ReviewDecision{decision(1, 0), decision(2, 0)}
	if err := s.DecideReview(ctx, c.ID, want, event(provisioning.EventReview)); err != nil {
		t.Fatal(err)
	}
	code(t, "in another stage", s.DecideReview(ctx, c.ID, []provisioning.ReviewDecision{decision(3, 0), decision(3, 1)}, event(provisioning.EventReview)), provisioning.Stale)
	code(t, "in no campaign", s.DecideReview(ctx, 9, want, event(provisioning.EventReview)), provisioning.NotFound)
	nobody := event(provisioning.EventReview)
	nobody.Actor = ""
	if err := s.DecideReview(ctx, c.ID, want, nobody); err == nil {
		t.Error("decided by nobody")
	}
	read := func() (list []provisioning.ReviewDecision) {
		if err := s.ReviewDecisions(ctx, c.ID, func(d provisioning.ReviewDecision) error { list = append(list, d); return nil }); err != nil {
			t.Fatal(err)
		}
		return list
	}
	if got := read(); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	c.State = provisioning.CampaignClosed
	if err := s.SaveCampaign(ctx, c, nil, event(provisioning.EventReview)); err != nil {
		t.Fatal(err)
	}
	code(t, "after the close", s.DecideReview(ctx, c.ID, want, event(provisioning.EventReview)), provisioning.Stale)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, q := range []string{
		"update review_decision set verdict='keep'", "delete from review_decision", "update campaign_part set data=''", "delete from campaign_part",
		"update campaign_snapshot set data=''", "delete from campaign_snapshot", "delete from campaign",
	} {
		if _, err := db.ExecContext(context.Background(), q); err == nil {
			t.Errorf("%s goes through", q)
		}
	}
}

// TestPackets: an answer is taken once; a later packet of the same reviewer takes the place of one that was not taken.
func TestPackets(t *testing.T) {
	s := open(t, path(t))
	c := started(t, s, 3)
	packet := func(id, reviewer, format string) provisioning.ReviewPacket {
		return provisioning.ReviewPacket{ID: id, Campaign: c.ID, Reviewer: reviewer, Format: format, Items: []int{1, 2}, Hash: "h", Public: []byte{1}, MadeBy: "l.ortiz", MadeAt: now, Expires: now.Add(time.Hour)}
	}
	for _, p := range []provisioning.ReviewPacket{packet("a", "x@firm", "html"), packet("b", "x@firm", "xlsx"), packet("c", "y@firm", "html"), packet("d", "x@firm", "html")} {
		if err := s.SavePacket(ctx, p, event(provisioning.EventReview)); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.Packets(ctx, c.ID)
	if err != nil || len(list) != 4 {
		t.Fatalf("%v, %v", list, err)
	}
	for i, superseded := range []bool{true, false, false, false} {
		if list[i].Revoked != superseded {
			t.Errorf("%s: %t", list[i].ID, list[i].Revoked)
		}
	}
	take := func(id string) error {
		p, err := s.Packet(ctx, id)
		if err != nil {
			return err
		}
		p.TakenAt, p.Answer = now, "hash"
		return s.TakePacket(ctx, p, []provisioning.ReviewDecision{{Item: 1, Verdict: provisioning.ReviewKeep, Reviewer: p.Reviewer, By: "l.ortiz", How: "html " + id, At: now}}, event(provisioning.EventReview))
	}
	code(t, "a superseded one", take("a"), provisioning.Stale)
	if err := take("d"); err != nil {
		t.Fatal(err)
	}
	code(t, "twice", take("d"), provisioning.Stale)
	code(t, "none", take("z"), provisioning.NotFound)
	n := 0
	if err := s.ReviewDecisions(ctx, c.ID, func(provisioning.ReviewDecision) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("%d decisions, %v", n, err)
	}
	if p, err := s.Packet(ctx, "d"); err != nil || !p.TakenAt.Equal(now) || p.Answer != "hash" || !slices.Equal(p.Items, []int{1, 2}) {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestReclaims: an account has one open notice at most; a move is all or none, and from the state that was seen.
func TestReclaims(t *testing.T) {
	s := open(t, path(t))
	notice := func(account string) provisioning.Reclaim {
		return provisioning.Reclaim{Account: account, Name: "N", Class: "standard", Price: 48000, NoticedAt: now, NoticedBy: "l.ortiz", ActAfter: now.Add(time.Hour)}
	}
	list := []provisioning.Reclaim{notice("A"), notice("B")}
	if err := s.NoticeReclaims(ctx, list, event(provisioning.EventReclaim)); err != nil || list[0].ID != 1 || list[1].ID != 2 || list[1].State != provisioning.ReclaimNoticed {
		t.Fatalf("%+v, %v", list, err)
	}
	code(t, "a second notice", s.NoticeReclaims(ctx, []provisioning.Reclaim{notice("C"), notice("B")}, event(provisioning.EventReclaim)), provisioning.Stale)
	move := func(from, to provisioning.ReclaimState, batch int64, ids ...int64) error {
		return s.MoveReclaims(ctx, ids, from, to, batch, "why", now.Add(time.Minute), event(provisioning.EventReclaim))
	}
	if err := move(provisioning.ReclaimNoticed, provisioning.ReclaimStaged, 7, 1); err != nil {
		t.Fatal(err)
	}
	code(t, "one of two is not there", move(provisioning.ReclaimNoticed, provisioning.ReclaimCancelled, 0, 2, 1), provisioning.Stale)
	if err := move(provisioning.ReclaimStaged, provisioning.ReclaimDone, 0, 1); err != nil {
		t.Fatal(err)
	}
	open, err := s.Reclaims(ctx, true)
	if err != nil || len(open) != 1 || open[0].Account != "B" || open[0].State != provisioning.ReclaimNoticed {
		t.Errorf("%+v, %v", open, err)
	}
	all, err := s.Reclaims(ctx, false)
	if err != nil || len(all) != 2 || all[1].State != provisioning.ReclaimDone || all[1].Batch != 7 || all[1].Why != "why" || !all[1].Changed.Equal(now.Add(time.Minute)) {
		t.Errorf("%+v, %v", all, err)
	}
	if err := s.NoticeReclaims(ctx, []provisioning.Reclaim{notice("A")}, event(provisioning.EventReclaim)); err != nil { // its first one has ended
		t.Error(err)
	}
}

// TestFigures: what the firm looked like and how accounts are used comes back, the latest word alone.
func TestFigures(t *testing.T) {
	s := open(t, path(t))
	for i := range 3 {
		tally := provisioning.Tally{At: now.Add(time.Duration(i) * time.Hour), People: i, Kinds: map[provisioning.Kind]int{provisioning.KindLeaver: i}, Seats: map[string]int{"standard": 2}, Money: 100}
		if err := s.SaveTally(ctx, tally); err != nil {
			t.Fatal(err)
		}
		if err := s.SaveActivity(ctx, []provisioning.Activity{{Account: "A", Last: now.Add(time.Duration(i) * time.Hour), Whole: true}}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.Tallies(ctx, now.Add(time.Hour))
	if err != nil || len(list) != 2 || list[0].People != 1 || list[1].Kinds[provisioning.KindLeaver] != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	use, err := s.Activities(ctx)
	if err != nil || len(use) != 1 || !use["A"].Last.Equal(now.Add(2*time.Hour)) || !use["A"].Whole {
		t.Errorf("%+v, %v", use, err)
	}
}
