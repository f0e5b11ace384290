package desk_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/desk"
)

// stamper signs as an installation does.
type stamper struct{ key ed25519.PrivateKey }

func (s stamper) Public() ed25519.PublicKey {
	return s.key.Public().(ed25519.PublicKey) //nolint:forcetypeassert // ed25519's own type
}

func (s stamper) Sign(_ context.Context, message []byte) ([]byte, error) {
	return ed25519.Sign(s.key, message), nil
}

// TestCertificate: what a batch ended is certified access by access: asked, accepted and seen off in that order, by whom, with the rows of
// the record; it is complete only once the last record was seen off and the last step by hand was ticked, and not any more where a later
// batch let the account in again. What was made stands in the record.
func TestCertificate(t *testing.T) {
	ctx := context.Background()
	s := newSmall(t, began, 40)
	s.dms.first[provisioning.RemoveLibrary] = provisioning.Probe
	signer := stamper{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))}
	s.with = func(deps *desk.Deps) { deps.Signer = signer }
	d := s.open("l.ortiz")
	order := s.reviewed(d, 7, 8)
	if _, err := d.Certificate(ctx, order.Batch, ""); provisioning.CodeOf(err) != provisioning.Invalid {
		t.Errorf("before it began: %v", err)
	}
	if err := d.Commit(ctx, order); err != nil {
		t.Fatal(err)
	}
	if err := d.Wait(ctx, order.Batch); err != nil {
		t.Fatal(err)
	}
	id := order.Batch
	access := func(c audit.Certificate, account, what string) audit.Access {
		t.Helper()
		for _, p := range c.People {
			for _, a := range p.Accesses {
				if p.Account == account && a.What == what {
					return a
				}
			}
		}
		t.Fatalf("no %s of %s: %+v", what, account, c.People)
		return audit.Access{}
	}
	certificate := func(account string) audit.Certificate {
		t.Helper()
		c, err := d.Certificate(ctx, id, account)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := certificate("")
	account, group, library := access(c, "U007", "account"), access(c, "U007", "group"), access(c, "U007", "library")
	if c.Complete || len(c.People) != 2 || c.People[0].Complete || c.Committed.By != "l.ortiz" || c.Hash != order.Hash || len(c.Rows) == 0 || c.Row == 0 {
		t.Errorf("%+v", c)
	}
	if account.Asked.IsZero() || account.Accepted.Before(account.Asked) || !account.SeenOff.IsZero() || account.By != "l.ortiz" || !strings.Contains(account.Note, "not seen off") {
		t.Errorf("%+v", account)
	}
	if group.Where != "LON/ALL" || group.SeenOff.Before(group.Asked) || len(group.Rows) < 2 {
		t.Errorf("%+v", group)
	}
	if !library.Accepted.IsZero() || !library.SeenOff.IsZero() || library.State != string(provisioning.OpByHand) || library.Note == "" {
		t.Errorf("%+v", library)
	}
	// the rows are those of the record that tell of that very change
	records, err := d.Records(ctx, desk.RecordQuery{Batch: id})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if slices.Contains(account.Rows, r.Seq) && (r.Event.Subject != "U007" || r.Event.Op != 1) {
			t.Errorf("row %d: %+v", r.Seq, r.Event)
		}
	}
	s.clock.to(s.clock.Now().Add(time.Hour))
	if err := d.LookNow(ctx, id, ""); err != nil { // LON still lets them in
		t.Fatal(err)
	}
	account = access(certificate("U007"), "U007", "account")
	if !account.SeenOff.IsZero() || len(account.Places) != 2 || account.Places[0].SeenOff.IsZero() || !strings.Contains(account.Note, "still open in LON") {
		t.Errorf("%+v", account)
	}
	s.clock.to(s.clock.Now().Add(time.Hour))
	for _, n := range []string{"U007", "U008"} {
		s.dms.gate(n, "LON", false)
	}
	if err := d.LookNow(ctx, id, ""); err != nil {
		t.Fatal(err)
	}
	if c := certificate(""); c.Complete || access(c, "U007", "account").SeenOff.IsZero() {
		t.Errorf("complete with a step by hand open: %+v", c.People)
	}
	for _, u := range s.batch(id).Units { // the step by hand is done, and ticked
		for _, op := range u.Ops {
			if op.State != provisioning.OpByHand {
				continue
			}
			s.dms.byHand(op.Change)
			s.clock.to(s.clock.Now().Add(time.Minute))
			if err := d.Tick(ctx, id, u.ID, op.Seq); err != nil {
				t.Fatal(err)
			}
		}
	}
	c = certificate("")
	account, library = access(c, "U007", "account"), access(c, "U007", "library")
	if !c.Complete || !c.People[0].Complete || account.Note != "" || library.SeenOff.Before(library.Accepted) || library.Note != "done by hand" || library.By != "l.ortiz" {
		t.Errorf("complete %t, %+v, %+v", c.Complete, account, library)
	}
	for _, p := range c.People {
		for _, a := range p.Accesses {
			if a.Asked.After(a.Accepted) || a.SeenOff.Before(a.Accepted) || len(a.Rows) == 0 {
				t.Errorf("%s %s: %+v", p.Account, a.What, a)
			}
		}
	}
	signed, err := d.SignedCertificate(ctx, id, "u008")
	if err != nil || len(signed.Certificate.People) != 1 || signed.Certificate.People[0].Account != "U008" {
		t.Fatalf("%+v, %v", signed, err)
	}
	var file bytes.Buffer
	if err := signed.Write(&file); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.ReadSigned(&file, signer.Public()); err != nil {
		t.Error(err)
	}
	if e := s.events(provisioning.EventExported); len(e) != 1 || e[0].Batch != id || e[0].Detail != "certificate of removal, complete" {
		t.Errorf("%+v", e)
	}
	if _, err := d.Certificate(ctx, id, "U009"); provisioning.CodeOf(err) != provisioning.NotFound {
		t.Errorf("somebody else's: %v", err)
	}
	s.with = nil
	if _, err := s.open("m.chen").SignedCertificate(ctx, id, ""); provisioning.CodeOf(err) != provisioning.Unavailable {
		t.Errorf("without a key: %v", err)
	}
	// another batch lets one of them in again: what was seen off was, and the certificate says what came after
	s.okta.set("00u007", provisioning.StatusActive)
	s.clock.to(s.clock.Now().Add(time.Hour))
	s.read(d)
	u, err := d.Undo(ctx, id, "the wrong list")
	if err != nil {
		t.Fatal(err)
	}
	opened := s.order(d, u.Batch)
	opened.Reason = "the wrong list"
	if err := d.Commit(ctx, opened); err != nil {
		t.Fatal(err)
	}
	if err := d.Wait(ctx, u.Batch); err != nil {
		t.Fatal(err)
	}
	c = certificate("U007")
	if c.Complete || !strings.Contains(c.People[0].Undone, "let in again by batch ") || access(c, "U007", "account").SeenOff.IsZero() {
		t.Errorf("%+v", c.People)
	}
}
