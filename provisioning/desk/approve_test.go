package desk_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/policy"
	"rollcall/provisioning/staging"
	"rollcall/provisioning/store/sqlite"
)

// pen signs with a key of its own.
type pen struct{ key ed25519.PrivateKey }

func newPen(seed byte) pen {
	return pen{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))}
}

func (p pen) Public() ed25519.PublicKey { return p.key.Public().(ed25519.PublicKey) }

func (p pen) Sign(_ context.Context, message []byte) ([]byte, error) {
	return ed25519.Sign(p.key, message), nil
}

// tray is an exchange in memory.
type tray struct {
	requests map[int64][]byte
	answers  map[int64][][]byte
}

func (s *tray) Put(_ context.Context, batch int64, request []byte) (string, error) {
	s.requests[batch] = request
	return "the tray", nil
}

func (s *tray) Answers(_ context.Context, batch int64) ([][]byte, error) {
	return s.answers[batch], nil
}

func (s *tray) Clear(_ context.Context, batch int64) error {
	delete(s.requests, batch)
	delete(s.answers, batch)
	return nil
}

// pair is a firm whose policy asks for a second person, with everybody who may sit at its desks.
type pair struct {
	*small
	tray      *tray
	operators map[string]provisioning.Operator
	pens      map[string]pen // by the person's key
	keys      map[string]ed25519.PublicKey
	approval  string // the policy's table
	files     func() (desk.PolicySource, error)
}

const pairPolicy = `
service = ["SVC_*"]

[[birthright]]
libraries = { LON = "DEFAULT" }
groups = ["LON/ALL"]

[approval]
`

func newPair(t *testing.T, approval string) *pair {
	t.Helper()
	p := &pair{
		small: newSmall(t, noon, 60), tray: &tray{make(map[int64][]byte), make(map[int64][][]byte)}, operators: make(map[string]provisioning.Operator),
		pens: make(map[string]pen), keys: make(map[string]ed25519.PublicKey), approval: approval,
	}
	for _, o := range []struct {
		name, person, account string
		role                  provisioning.Role
	}{
		{"l.ortiz", "00u001", "U001", provisioning.RoleApprover},
		{"L.ORTIZ", "00u001", "U001", provisioning.RoleApprover},
		{"l.ortiz.admin", "00u001", "U051", provisioning.RoleAdministrator}, // the same person, another login and another account
		{"m.chen", "00u002", "U002", provisioning.RoleApprover},
		{"p.other", "00u003", "U003", provisioning.RoleAdministrator},
		{"r.novak", "00u005", "U005", provisioning.RoleRequester},
		{"reader", "00u006", "U006", provisioning.RoleReader},
		{"no.person", "", "U007", provisioning.RoleApprover},
	} {
		mapped := provisioning.Operator{Name: o.name, Account: o.account, Role: o.role}
		if o.person != "" {
			mapped.Person = provisioning.PersonKey{Directory: "okta", ID: o.person}
			if _, has := p.pens[mapped.Key()]; !has {
				p.pens[mapped.Key()] = newPen(byte(len(p.pens) + 1))
				p.keys[mapped.Key()] = p.pens[mapped.Key()].Public()
			}
		}
		p.operators[o.name] = mapped
	}
	p.with = func(deps *desk.Deps) {
		parsed, err := policy.Parse([]byte(pairPolicy+p.approval), nil)
		if err != nil {
			t.Fatal(err)
		}
		deps.Policy, deps.PolicySource, deps.Operator = parsed, p.files, p.operators[deps.Operator.Name]
		deps.Mapped, deps.ApprovalKeys, deps.Exchange = slices.Collect(maps.Values(p.operators)), p.keys, p.tray
		deps.ApprovalKey = func(context.Context) (provisioning.Signer, error) { return p.pens[deps.Operator.Key()], nil }
	}
	return p
}

// words are the four words that a requester reads out.
func (p *pair) words(d *desk.Desk, batch int64) string {
	p.t.Helper()
	v := p.seen(d, batch)
	if len(v.Second.Words) != 4 {
		p.t.Fatalf("no words for %s: %+v", d.Operator().Name, v.Second)
	}
	return strings.Join(v.Second.Words, " ")
}

func (p *pair) seen(d *desk.Desk, batch int64) *desk.BatchView {
	p.t.Helper()
	v, err := d.View(context.Background(), batch)
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

// approve has an operator approve what a requester reads to them.
func (p *pair) approve(by string, asks *desk.Desk, batch int64) error {
	p.t.Helper()
	d := p.open(by)
	return d.Approve(context.Background(), batch, p.seen(d, batch).Second.Covers, p.words(asks, batch))
}

// held holds that a commit was refused for want of a second person, with a sentence, and that nothing was sent.
func (p *pair) held(what string, err error, says string) {
	p.t.Helper()
	if provisioning.CodeOf(err) != provisioning.Held || !strings.Contains(err.Error(), says) {
		p.t.Errorf("%s: %v, not: %s", what, err, says)
	}
	p.untouched()
}

// goes lets a batch go and waits for its end.
func (p *pair) goes(d *desk.Desk, c desk.Commit) {
	p.t.Helper()
	ctx := context.Background()
	if err := d.Commit(ctx, c); err != nil {
		p.t.Fatal(err)
	}
	if err := d.Wait(ctx, c.Batch); err != nil || p.state(c.Batch) != provisioning.BatchDone || len(p.dms.sends()) == 0 {
		p.t.Errorf("%v, %s, %d sent", err, p.state(c.Batch), len(p.dms.sends()))
	}
}

// raw is any other program that writes to the file.
func (p *pair) raw(statements ...string) {
	p.t.Helper()
	db, err := sql.Open("sqlite", p.path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.ExecContext(context.Background(), s); err != nil {
			p.t.Fatalf("%s: %v", s, err)
		}
	}
}

// TestFourEyes: a batch that takes access away waits for a second person, who hears four words, and goes then and not before.
func TestFourEyes(t *testing.T) {
	ctx := context.Background()
	p := newPair(t, `batches = "losing"`)
	d := p.open("l.ortiz")
	c := p.reviewed(d, 20)
	v := p.seen(d, c.Batch)
	if v.Second.Needs == "" || v.Second.Given || !strings.Contains(v.Second.State, "nobody approved") || !strings.Contains(v.Second.MayNot, "had a hand") || !strings.Contains(v.Second.Asked, "the tray") {
		t.Fatalf("%+v", v.Second)
	}
	err := d.Commit(ctx, c)
	p.held("nobody approved", err, "second person")
	var told *provisioning.Error
	if !desk.Waits(err) || desk.Waits(nil) || !errors.As(err, &told) || !strings.Contains(told.Hint, p.words(d, c.Batch)) || !strings.Contains(told.Hint, "the tray") {
		t.Errorf("the hint is %v", told)
	}

	second := p.open("m.chen")
	before := p.batch(c.Batch)
	seen, err := second.ReviewBatch(ctx, c.Batch)
	if err != nil {
		t.Fatal(err)
	}
	if seen.Second.MayNot != "" {
		t.Errorf("%+v", seen.Second)
	}
	p.held("by who is to approve", second.Commit(ctx, c), "second person")
	if after := p.batch(c.Batch); after.Version != before.Version || !slices.Equal(after.Hands, before.Hands) {
		t.Errorf("looking at it left a hand in it: %v", after.Hands)
	}
	words := seen.Second.Covers
	p.code("a hash is no words", second.Approve(ctx, c.Batch, seen.Second.Covers, words), provisioning.Held)
	spoken := strings.Fields(p.words(d, c.Batch))
	slices.Reverse(spoken)
	p.code("in another order", second.Approve(ctx, c.Batch, seen.Second.Covers, strings.Join(spoken, " ")), provisioning.Held)
	p.code("of another screen", second.Approve(ctx, c.Batch, "00", p.words(d, c.Batch)), provisioning.Stale)
	p.held("after wrong words", d.Commit(ctx, c), "nobody approved")
	slices.Reverse(spoken)
	if err := second.Approve(ctx, c.Batch, seen.Second.Covers, strings.ToUpper(strings.Join(spoken, "  "))); err != nil {
		t.Fatal(err)
	}
	if v := p.seen(d, c.Batch); !v.Second.Given || !strings.Contains(v.Second.State, "approved by m.chen") || v.Second.Words != nil || v.Batch.State != provisioning.BatchApproved {
		t.Errorf("%+v %s", v.Second, v.Batch.State)
	}
	if e := p.events(provisioning.EventApproved); len(e) != 1 || e[0].Actor != "m.chen" || e[0].Batch != c.Batch || !strings.Contains(e[0].Detail, "okta/00u002") {
		t.Errorf("%+v", e)
	}
	p.order(d, c.Batch) // another look by who asked changes nothing
	p.goes(d, c)
	if v := p.seen(d, c.Batch); !strings.Contains(v.Second.State, "approved by m.chen") {
		t.Errorf("%+v", v.Second)
	}
}

// TestNothingToApprove: what the policy does not name goes without a second person.
func TestNothingToApprove(t *testing.T) {
	for name, rules := range map[string]string{"no rule": "", "too few": "batches = \"losing\"\npeople = 2"} {
		p := newPair(t, rules)
		d := p.open("l.ortiz")
		c := p.reviewed(d, 20)
		if v := p.seen(d, c.Batch); v.Second.Needs != "" {
			t.Errorf("%s: %+v", name, v.Second)
		}
		p.code(name, p.open("m.chen").Approve(context.Background(), c.Batch, staging.Covers(p.batch(c.Batch)), "x"), provisioning.Invalid)
		p.goes(d, c)
	}
}

// TestRequesterIsNotApprover (threats H1): no account, spelling or role lets the person who asked, or who had a hand, approve.
func TestRequesterIsNotApprover(t *testing.T) {
	ctx := context.Background()
	p := newPair(t, `batches = "all"`)
	delete(p.keys, "okta/00u003")
	d := p.open("l.ortiz")
	c := p.reviewed(d, 20, 21)
	if err := p.open("p.other").DropUnit(ctx, p.batch(c.Batch).Units[1].ID); err != nil { // who edited it
		t.Fatal(err)
	}
	if _, err := d.Load(ctx); err != nil {
		t.Fatal(err)
	}
	c = p.order(d, c.Batch)
	words := p.words(d, c.Batch)
	covers := staging.Covers(p.batch(c.Batch))
	for name, want := range map[string]provisioning.Code{
		"l.ortiz": provisioning.Held, "L.ORTIZ": provisioning.Held, "l.ortiz.admin": provisioning.Held, "p.other": provisioning.Held, "no.person": provisioning.Held,
		"r.novak": provisioning.Denied, "reader": provisioning.ReadOnly,
	} {
		p.code(name, p.open(name).Approve(ctx, c.Batch, covers, words), want)
		p.held(name, d.Commit(ctx, c), "nobody approved")
	}
	// Their own signatures, made by hand, count as little.
	for _, name := range []string{"l.ortiz", "l.ortiz.admin", "p.other"} {
		_, err := d.ImportApproval(ctx, p.answer(name, p.batch(c.Batch), nil))
		p.held(name, err, "had a hand")
	}
	_, err := d.ImportApproval(ctx, p.answer("r.novak", p.batch(c.Batch), nil))
	p.held("a requester's", err, "may not approve")
	if n := len(p.batch(c.Batch).Approvals); n != 0 {
		t.Errorf("%d approvals were kept", n)
	}
	if err := p.approve("m.chen", d, c.Batch); err != nil {
		t.Fatal(err)
	}
	p.goes(d, c)
}

// answer is an approval that somebody signed on another machine.
func (p *pair) answer(by string, b *provisioning.Batch, change func(*provisioning.Approval)) []byte {
	p.t.Helper()
	o := p.operators[by]
	r := staging.NewRequest("A firm · tenant", b, b.Hands[0], "", p.clock.Now(), 24*time.Hour, nil)
	a := r.Approve(o.Name, o.Key(), p.clock.Now())
	if change != nil {
		change(&a)
	}
	if err := staging.Sign(context.Background(), "A firm · tenant", p.pens[o.Key()], &a); err != nil {
		p.t.Fatal(err)
	}
	data, err := json.Marshal(staging.NewAnswer("A firm · tenant", a))
	if err != nil {
		p.t.Fatal(err)
	}
	return data
}

// TestEditVoidsApproval (threats H1): an edit after the approval, also one that is taken back, and the old approval given once more.
func TestEditVoidsApproval(t *testing.T) {
	ctx := context.Background()
	p := newPair(t, `batches = "losing"`)
	d := p.open("l.ortiz")
	c := p.reviewed(d, 20, 21)
	old := p.answer("m.chen", p.batch(c.Batch), nil)
	if _, err := d.ImportApproval(ctx, old); err != nil {
		t.Fatal(err)
	}
	if _, err := d.ImportApproval(ctx, old); err != nil {
		t.Errorf("once more: %v", err)
	}
	if n := len(p.batch(c.Batch).Approvals); n != 1 {
		t.Errorf("%d approvals", n)
	}
	if err := d.Unstage(ctx, []string{rowKey(21)}); err != nil {
		t.Fatal(err)
	}
	p.code("edited", d.Commit(ctx, c), provisioning.Invalid)
	p.held("edited and reviewed", d.Commit(ctx, p.order(d, c.Batch)), "void: m.chen")
	if _, err := d.Stage(ctx, []string{rowKey(21)}); err != nil {
		t.Fatal(err)
	}
	again := p.order(d, c.Batch)
	if again.Hash != c.Hash {
		t.Fatal("the test is not about the same batch: the hash differs")
	}
	p.held("edited back", d.Commit(ctx, again), "voided")
	_, err := d.ImportApproval(ctx, old)
	p.held("replayed", err, "voided")
	p.held("after the replay", d.Commit(ctx, again), "voided")
	p.clock.to(p.clock.Now().Add(time.Minute))
	if err := p.approve("m.chen", d, c.Batch); err != nil {
		t.Fatal(err)
	}
	p.goes(d, again)
}

// TestApprovalBySQL (threats H1): what another program writes into the database counts for nothing.
func TestApprovalBySQL(t *testing.T) {
	const insert = "insert into approval (batch, hash, covers, by, approver, requester, at, until, public_key, signature) select id, hash, '%COVERS%', 'm.chen', 'okta/00u002', 'okta/00u001', %AT%, %UNTIL%, x'%KEY%', x'%SIG%' from batch where id=%ID%; update batch set state='approved' where id=%ID%"
	for name, write := range map[string]func(p *pair, b *provisioning.Batch) []string{
		"a row without a signature": func(p *pair, b *provisioning.Batch) []string {
			return []string{p.fill(insert, b, p.keys["okta/00u002"], []byte{1})}
		},
		"signed with one's own key, under another name": func(p *pair, b *provisioning.Batch) []string {
			own := p.pens["okta/00u001"]
			return []string{p.fill(insert, b, own.Public(), p.signed(own, b))}
		},
		"that, under the other's public key": func(p *pair, b *provisioning.Batch) []string {
			return []string{p.fill(insert, b, p.keys["okta/00u002"], p.signed(p.pens["okta/00u001"], b))}
		},
		"only the state": func(_ *pair, _ *provisioning.Batch) []string { return []string{"update batch set state='approved'"} },
		"no need":        func(_ *pair, _ *provisioning.Batch) []string { return []string{"update batch set needs=''"} },
		"one's own, after the hand was forgotten": func(p *pair, b *provisioning.Batch) []string {
			own := p.pens["okta/00u001"]
			q := strings.ReplaceAll(p.fill(insert, b, own.Public(), p.signedAs("l.ortiz", b)), "'m.chen', 'okta/00u002', 'okta/00u001'", "'l.ortiz', 'okta/00u001', 'okta/00u009'")
			return []string{"drop trigger hand_no_delete", "delete from hand", "insert into hand (batch, person) select id, 'okta/00u009' from batch", q}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, `batches = "losing"`)
			p.as("l.ortiz")
			d := p.open("l.ortiz")
			c := p.reviewed(d, 20)
			p.raw(write(p, p.batch(c.Batch))...)
			p.held(name, d.Commit(context.Background(), c), "second person")
		})
	}
}

// as opens the store as one operator's own process does: the record knows the person.
func (p *pair) as(operator string) {
	p.t.Helper()
	if err := p.store.Close(); err != nil {
		p.t.Fatal(err)
	}
	chain, err := audit.NewChain(bytes.Repeat([]byte{1}, audit.KeySize))
	if err != nil {
		p.t.Fatal(err)
	}
	if p.store, err = sqlite.Open(context.Background(), sqlite.Options{Path: p.path, Sealer: chain, Owner: operator, Person: p.operators[operator].Key(), Login: operator + "@desk"}); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = p.store.Close() })
}

// fill puts a batch's own values into a statement.
func (p *pair) fill(q string, b *provisioning.Batch, key, signature []byte) string {
	at := p.clock.Now().UTC().Truncate(time.Second)
	return strings.NewReplacer("%COVERS%", staging.Covers(b), "%AT%", number(at.UnixNano()), "%UNTIL%", number(at.Add(24*time.Hour).UnixNano()), "%KEY%", hexed(key),
		"%SIG%", hexed(signature), "%ID%", number(b.ID)).Replace(q)
}

// signed is the signature of m.chen's approval, by whatever key.
func (p *pair) signed(by pen, b *provisioning.Batch) []byte {
	r := staging.NewRequest("A firm · tenant", b, "okta/00u001", "", p.clock.Now(), 24*time.Hour, nil)
	a := r.Approve("m.chen", "okta/00u002", p.clock.Now())
	if err := staging.Sign(context.Background(), "A firm · tenant", by, &a); err != nil {
		p.t.Fatal(err)
	}
	return a.Signature
}

// signedAs is the signature of an operator's own approval, asked for by nobody whom the record knows.
func (p *pair) signedAs(name string, b *provisioning.Batch) []byte {
	o := p.operators[name]
	r := staging.NewRequest("A firm · tenant", b, "okta/00u009", "", p.clock.Now(), 24*time.Hour, nil)
	a := r.Approve(o.Name, o.Key(), p.clock.Now())
	if err := staging.Sign(context.Background(), "A firm · tenant", p.pens[o.Key()], &a); err != nil {
		p.t.Fatal(err)
	}
	return a.Signature
}

// TestApprovalEnds: an approval counts until its end, and not while its giver may not give it.
func TestApprovalEnds(t *testing.T) {
	ctx := context.Background()
	p := newPair(t, "batches = \"losing\"\nvalid = \"10m\"")
	d := p.open("l.ortiz")
	c := p.reviewed(d, 20)
	if err := p.approve("m.chen", d, c.Batch); err != nil {
		t.Fatal(err)
	}
	chen := p.operators["m.chen"]
	for name, change := range map[string]func(){
		"a requester by now": func() {
			o := chen
			o.Role = provisioning.RoleRequester
			p.operators["m.chen"] = o
		},
		"gone from the configuration": func() { delete(p.operators, "m.chen") },
		"with another key by now":     func() { p.keys["okta/00u002"] = newPen(99).Public() },
		"without a key":               func() { delete(p.keys, "okta/00u002") },
	} {
		change()
		p.held(name, p.open("l.ortiz").Commit(ctx, c), "void: m.chen approved it")
		p.operators["m.chen"], p.keys["okta/00u002"] = chen, p.pens["okta/00u002"].Public()
	}
	p.clock.to(p.clock.Now().Add(10 * time.Minute))
	p.held("at its end", d.Commit(ctx, c), "ask again")
	_, err := d.ImportApproval(ctx, p.answer("m.chen", p.batch(c.Batch), nil)) // for a day
	p.held("for longer than the policy allows", err, "the policy allows")
	if err := p.approve("p.other", d, c.Batch); err != nil {
		t.Fatal(err)
	}
	p.goes(d, c)
}

// TestReleaseNeedsASecond: what a guard held and an operator released waits for a second person, whose approval is for just that release.
func TestReleaseNeedsASecond(t *testing.T) {
	ctx := context.Background()
	p := newPair(t, "releases = true")
	d := p.open("l.ortiz")
	c := p.reviewed(d, 20, 21, 22, 23, 24, 25, 26)
	if v := p.seen(d, c.Batch); !v.Held || v.Second.Needs != "" {
		t.Fatalf("%+v", v.Second)
	}
	c.Reason = "HR"
	p.held("released", d.Commit(ctx, c), "released what a guard held")
	if b := p.batch(c.Batch); b.Release == nil || b.State != provisioning.BatchReviewed || p.tray.requests[c.Batch] == nil {
		t.Fatalf("%+v", b)
	}
	c.Reason = ""
	if err := p.approve("m.chen", d, c.Batch); err != nil {
		t.Fatal(err)
	}
	v := p.seen(d, c.Batch)
	if v.Held || !v.Second.Given {
		t.Fatalf("%+v", v.Second)
	}
	p.clock.to(p.clock.Now().Add(2 * time.Hour)) // the release has expired: it is released again, and approved again
	p.read(d)
	p.code("the release expired", d.Commit(ctx, c), provisioning.Held)
	c.Reason = "HR, once more"
	p.held("released again", d.Commit(ctx, c), "second person")
	c.Reason = ""
	if err := p.approve("p.other", d, c.Batch); err != nil {
		t.Fatal(err)
	}
	p.goes(d, c)
}

// TestReleaseVoidsApproval: a release that comes after the approval is not covered by it, nor is taking it back again.
func TestReleaseVoidsApproval(t *testing.T) {
	ctx := context.Background()
	p := newPair(t, `batches = "losing"`)
	d := p.open("l.ortiz")
	c := p.reviewed(d, 20, 21, 22, 23, 24, 25, 26)
	if err := p.approve("m.chen", d, c.Batch); err != nil {
		t.Fatal(err)
	}
	if err := d.Release(ctx, c.Batch, c.Hash, "U020", "HR"); err != nil {
		t.Fatal(err)
	}
	if v := p.seen(d, c.Batch); v.Second.Given || v.Batch.State != provisioning.BatchReviewed {
		t.Errorf("%+v", v.Second)
	}
	if err := d.Unrelease(ctx, c.Batch, c.Hash, "U020"); err != nil {
		t.Fatal(err)
	}
	if v := p.seen(d, c.Batch); v.Second.Given || !strings.Contains(v.Second.State, "voided") {
		t.Errorf("%+v", v.Second)
	}
	p.untouched()
}

// TestApprovedForItsMinute: the minute is approved with the rest, counts although the approval ends before it comes, and not once the
// approver's key is gone.
func TestApprovedForItsMinute(t *testing.T) {
	ctx := context.Background()
	for name, lost := range map[string]bool{"it begins": false, "the key is gone": true} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, `batches = "losing"`)
			d := p.open("l.ortiz")
			c := p.reviewed(d, 20)
			due := noon.Add(48 * time.Hour)
			p.held("scheduled", d.Schedule(ctx, c, due), "second person")
			c.Hash = p.batch(c.Batch).Hash
			if err := p.approve("m.chen", d, c.Batch); err != nil {
				t.Fatal(err)
			}
			p.held("another minute", d.Schedule(ctx, c, due.Add(time.Hour)), "second person")
			c.Hash = p.batch(c.Batch).Hash
			p.held("that was approved before", d.Schedule(ctx, c, due), "voided")
			c.Hash = p.batch(c.Batch).Hash
			p.clock.to(p.clock.Now().Add(time.Minute))
			if err := p.approve("m.chen", d, c.Batch); err != nil {
				t.Fatal(err)
			}
			if err := d.Schedule(ctx, c, due); err != nil {
				t.Fatal(err)
			}
			p.held("rescheduled", d.Reschedule(ctx, c, due.Add(time.Hour)), "its minute alone")
			if p.state(c.Batch) != provisioning.BatchScheduled {
				t.Fatal(p.state(c.Batch))
			}
			if lost {
				delete(p.keys, "okta/00u002")
			}
			d.RunSchedule()
			p.to(d, due)
			if lost {
				p.soon("it misses its minute", func() bool { return p.state(c.Batch) == provisioning.BatchMissed })
				if b := p.batch(c.Batch); !strings.Contains(b.Stop, "no approval key of m.chen") {
					t.Error(b.Stop)
				}
				p.untouched()
				return
			}
			p.soon("it begins", func() bool { return p.state(c.Batch) == provisioning.BatchDone })
		})
	}
}

// TestExchange: the request is laid out by itself, what is answered is collected; a sealed batch is laid out nowhere, and only its readers
// approve it.
func TestExchange(t *testing.T) {
	ctx := context.Background()
	p := newPair(t, `batches = "losing"`)
	d := p.open("l.ortiz")
	c := p.reviewed(d, 20)
	r, err := staging.ParseRequest(p.tray.requests[c.Batch])
	if err != nil || r.Batch.Hash != c.Hash || r.By != "l.ortiz" || len(r.Verdicts) == 0 || r.Refuses(p.operators["m.chen"]) != "" || r.Refuses(p.operators["l.ortiz.admin"]) == "" {
		t.Fatalf("%+v %v", r, err)
	}
	asked, err := d.ApprovalRequest(ctx, c.Batch)
	if err != nil || !bytes.Equal(asked, p.tray.requests[c.Batch]) {
		t.Errorf("the request that is asked for is another one: %v", err)
	}
	_, err = p.open("m.chen").ApprovalRequest(ctx, c.Batch)
	p.code("by who had no hand", err, provisioning.Invalid)
	if got, err := d.CollectApprovals(ctx, c.Batch); got || err != nil {
		t.Errorf("out of nothing: %v %v", got, err)
	}
	p.tray.answers[c.Batch] = [][]byte{[]byte("{"), p.answer("m.chen", p.batch(c.Batch), func(a *provisioning.Approval) { a.Until = a.Until.Add(time.Hour) })}
	got, err := d.CollectApprovals(ctx, c.Batch)
	if got {
		t.Error("an approval for too long was taken")
	}
	p.held("for too long", err, "the policy allows")
	p.tray.answers[c.Batch] = append(p.tray.answers[c.Batch], p.answer("m.chen", p.batch(c.Batch), nil))
	if got, err := p.open("reader").CollectApprovals(ctx, c.Batch); got || err != nil || len(p.batch(c.Batch).Approvals) > 0 {
		t.Errorf("a reader collected it: %v %v", got, err)
	}
	if got, err := d.CollectApprovals(ctx, c.Batch); !got || err != nil || p.tray.requests[c.Batch] != nil {
		t.Errorf("%v %v", got, err)
	}
	p.goes(d, c)

	p.leave(30)
	p.read(d)
	one, err := d.Case(ctx, desk.CaseLeaver, rowKey(30), desk.CaseOptions{Readers: []string{"p.other"}})
	if err != nil {
		t.Fatal(err)
	}
	staged, err := d.StageCase(ctx, one)
	if err != nil {
		t.Fatal(err)
	}
	sealed := p.order(d, staged.Batch)
	if v := p.seen(d, sealed.Batch); !strings.Contains(v.Second.Asked, "laid out nowhere") && v.Second.Asked != "" {
		t.Errorf("%+v", v.Second)
	}
	if p.tray.requests[sealed.Batch] != nil {
		t.Error("a sealed batch lies in a folder")
	}
	_, err = d.ImportApproval(ctx, p.answer("m.chen", p.batch(sealed.Batch), nil))
	if provisioning.CodeOf(err) != provisioning.Held || !strings.Contains(err.Error(), "none of the sealed batch's readers") {
		t.Error(err)
	}
	if _, err := d.ImportApproval(ctx, p.answer("p.other", p.batch(sealed.Batch), nil)); err != nil {
		t.Error(err)
	}
	dropped := p.reviewed(d, 40)
	if p.tray.requests[dropped.Batch] == nil {
		t.Fatal("nobody is asked")
	}
	if err := d.Cancel(ctx, dropped.Batch); err != nil || p.tray.requests[dropped.Batch] != nil {
		t.Errorf("a cancelled batch is still asked for: %v", err)
	}
}

// TestPolicyOfTwo (threats G2): where the policy asks for it, another one counts once two people accepted it.
func TestPolicyOfTwo(t *testing.T) {
	ctx := context.Background()
	p := newPair(t, "")
	text := pairPolicy + "policy = true\n"
	p.files = func() (desk.PolicySource, error) { return desk.PolicySource{Text: text}, nil }
	d := p.open("l.ortiz")
	p.read(d)
	text = "protected = [\"U030\"]\n" + pairPolicy // takes the rule out as well: that needs two, too
	effect, err := d.PolicyEffect(ctx)
	if err != nil || !effect.Changed || effect.Second.Needs == "" || effect.Second.Given || len(effect.Second.Words) != 4 {
		t.Fatalf("%+v %v", effect, err)
	}
	accept := func(operator string) error { return p.open(operator).AcceptPolicy(ctx, effect.Hash, len(effect.Rows)) }
	pending := func(what string) {
		t.Helper()
		kept, err := p.store.AcceptedPolicy(ctx)
		if err != nil || strings.Contains(kept, "U030") {
			t.Errorf("%s: it counts: %v", what, err)
		}
	}
	p.held("the first", accept("l.ortiz"), "second person")
	p.held("once more", accept("l.ortiz"), "second person")
	p.held("by another login", accept("l.ortiz.admin"), "second person")
	p.code("without a person", accept("no.person"), provisioning.Held)
	p.code("a requester", accept("r.novak"), provisioning.Denied)
	pending("one person")
	if r, err := staging.ParseRequest(p.tray.requests[0]); err != nil || r.Policy == nil || r.Policy.Hash != effect.Hash || !strings.Contains(r.Policy.Source, "U030") {
		t.Fatalf("%+v %v", r, err)
	}
	forged := provisioning.Event{At: p.clock.Now(), Actor: "m.chen", Session: "x", Kind: provisioning.EventPolicy, Subject: effect.Hash, Detail: "approved by m.chen; signed: e30="}
	if err := p.store.Append(ctx, forged); err != nil {
		t.Fatal(err)
	}
	p.held("after a forged word", accept("l.ortiz"), "second person")
	p.clock.to(p.clock.Now().Add(25 * time.Hour))
	p.read(d)
	p.held("after the first one's word ended", p.open("m.chen").AcceptPolicy(ctx, effect.Hash, len(effect.Rows)), "second person")
	pending("a day later")
	if err := accept("l.ortiz"); err != nil {
		t.Fatal(err)
	}
	if kept, err := p.store.AcceptedPolicy(ctx); err != nil || !strings.Contains(kept, "U030") {
		t.Error(err)
	}

	text = "protected = [\"U031\"]\n" + pairPolicy + "policy = true\n" // by a file from another machine
	if effect, err = d.PolicyEffect(ctx); err != nil {
		t.Fatal(err)
	}
	request, err := d.PolicyRequest(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r, err := staging.ParseRequest(request)
	if err != nil {
		t.Fatal(err)
	}
	a := r.Approve("m.chen", "okta/00u002", p.clock.Now())
	if err := staging.Sign(ctx, r.Realm, p.pens["okta/00u003"], &a); err != nil {
		t.Fatal(err)
	}
	wrong, err := json.Marshal(staging.NewAnswer(r.Realm, a))
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.ImportApproval(ctx, wrong)
	p.held("with another's key", err, "not signed with the key")
	a.PublicKey = p.keys["okta/00u002"]
	if wrong, err = json.Marshal(staging.NewAnswer(r.Realm, a)); err != nil {
		t.Fatal(err)
	}
	_, err = d.ImportApproval(ctx, wrong)
	p.held("that, under the right key's name", err, "signature does not hold")
	if err := staging.Sign(ctx, r.Realm, p.pens["okta/00u002"], &a); err != nil {
		t.Fatal(err)
	}
	right, err := json.Marshal(staging.NewAnswer(r.Realm, a))
	if err != nil {
		t.Fatal(err)
	}
	p.tray.answers[0] = [][]byte{right}
	if got, err := d.CollectApprovals(ctx, 0); !got || err != nil {
		t.Fatalf("%v %v", got, err)
	}
	if effect, err = d.PolicyEffect(ctx); err != nil || !effect.Second.Given {
		t.Fatalf("%+v %v", effect.Second, err)
	}
	if err := d.AcceptPolicy(ctx, effect.Hash, len(effect.Rows)); err != nil {
		t.Fatal(err)
	}
	if kept, err := p.store.AcceptedPolicy(ctx); err != nil || !strings.Contains(kept, "U031") {
		t.Error(err)
	}
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
func hexed(b []byte) string { return hex.EncodeToString(b) }
