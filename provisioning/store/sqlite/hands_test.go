package sqlite_test

import (
	"database/sql"
	"testing"
	"time"

	"rollcall/provisioning"
)

// TestNobodyApprovesTheirOwn (threats H1): the database itself refuses an approval by whoever had a hand in a batch, whatever account or
// spelling they came by, by the store or by any other program; an approval counts for its batch, its hash and its time.
func TestNobodyApprovesTheirOwn(t *testing.T) {
	file := path(t)
	s := open(t, file)
	fresh := func() *provisioning.Batch {
		b := batch()
		b.Needs, b.Hands = "20 people lose access", []string{"okta/1", "okta/2"}
		if err := s.SaveBatch(ctx, b, event(provisioning.EventStaged)); err != nil {
			t.Fatal(err)
		}
		return b
	}
	approval := func(b *provisioning.Batch, by string) provisioning.Approval {
		return provisioning.Approval{
			Batch: b.ID, Hash: "h", Covers: "c", By: by, Approver: by, Requester: "okta/1", At: now, Until: now.Add(24 * time.Hour), PublicKey: []byte{1}, Signature: []byte{1},
		}
	}
	letGo := func(b *provisioning.Batch, hash string, when time.Time) error {
		t.Helper()
		mark, err := s.Mark(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return s.LetGo(ctx, b.ID, hash, mark, at(provisioning.EventCommitted, when))
	}
	b := fresh()
	code(t, "without any", letGo(b, "h", now), provisioning.Held)
	for _, by := range []string{"okta/1", "okta/2"} { // the requester, by another account; who only edited it
		code(t, by, s.Approve(ctx, approval(b, by), event(provisioning.EventReviewed)), provisioning.Held)
	}
	code(t, "after those", letGo(b, "h", now), provisioning.Held)
	if err := s.Approve(ctx, approval(b, "okta/3"), event(provisioning.EventReviewed)); err != nil {
		t.Fatal(err)
	}
	code(t, "expired", letGo(b, "h", now.Add(25*time.Hour)), provisioning.Held)

	other := fresh()
	replayed := approval(b, "okta/3")
	replayed.Hash = "another"
	replayed.Batch = other.ID
	code(t, "replayed", s.Approve(ctx, replayed, event(provisioning.EventReviewed)), provisioning.Stale)
	code(t, "after a replay", letGo(other, "h", now), provisioning.Held)

	edited, err := s.Batch(ctx, b.ID)
	if err != nil {
		t.Fatal(err)
	}
	edited.Hash, edited.State = "h2", provisioning.BatchReviewed
	if err := s.SaveBatch(ctx, edited, event(provisioning.EventReviewed)); err != nil {
		t.Fatal(err)
	}
	code(t, "edited after the approval", letGo(edited, "h2", now), provisioning.Held)

	edited.Hash = "h" // made again what it was: what was voided does not come back, by itself or by being given again
	if err := s.SaveBatch(ctx, edited, event(provisioning.EventReviewed)); err != nil {
		t.Fatal(err)
	}
	code(t, "edited back", letGo(edited, "h", now), provisioning.Held)
	code(t, "given again", s.Approve(ctx, approval(b, "okta/3"), event(provisioning.EventReviewed)), provisioning.Stale)
	code(t, "after it was given again", letGo(edited, "h", now), provisioning.Held)
	if now, err := s.Batch(ctx, b.ID); err != nil || now.State != provisioning.BatchReviewed || len(now.Approvals) != 1 || !now.Approvals[0].Void {
		t.Errorf("%+v %v", now, err)
	}
	another := approval(b, "okta/3")
	another.Signature = []byte{2}
	if err := s.Approve(ctx, another, event(provisioning.EventReviewed)); err != nil {
		t.Error(err)
	}

	drafted := fresh()
	if err := s.Approve(ctx, approval(drafted, "okta/3"), event(provisioning.EventReviewed)); err != nil {
		t.Fatal(err)
	}
	if err := s.MoveBatch(ctx, drafted.ID, provisioning.BatchDraft, "", "", event(provisioning.EventBatch)); err != nil {
		t.Fatal(err)
	}
	if now, err := s.Batch(ctx, drafted.ID); err != nil || !now.Approvals[0].Void {
		t.Errorf("taken back to a draft, and still approved: %+v %v", now, err)
	}

	third := fresh()
	if err := s.Approve(ctx, approval(third, "okta/3"), event(provisioning.EventReviewed)); err != nil {
		t.Fatal(err)
	}
	if err := letGo(third, "h", now); err != nil {
		t.Errorf("with an approval: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for name, q := range map[string]string{
		"the requester": "insert into approval (batch, hash, covers, by, approver, requester, at, until, public_key, signature) values (1,'h','c','x','okta/9','okta/9',1,2,x'01',x'01')",
		"a hand":        "insert into approval (batch, hash, covers, by, approver, requester, at, until, public_key, signature) values (1,'h','c','x','okta/2','okta/9',1,2,x'01',x'01')",
		"forgotten":     "delete from hand",
		"changed":       "update approval set approver='okta/9'",
		"longer":        "update approval set until=until+1",
		"unvoided":      "update approval set void=0 where void=1",
		"no trace":      "delete from approval",
		"another batch": "update approval set batch=2, void=1 where void=0",
	} {
		if _, err := db.ExecContext(ctx, q); err == nil {
			t.Errorf("%s: the database took it", name)
		}
	}
}
