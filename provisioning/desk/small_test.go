package desk_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata" // the zones of the tests, wherever they run

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/commit"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/dispatch/pool"
	"rollcall/provisioning/policy"
	"rollcall/provisioning/store/sqlite"
)

// hand is a clock that the test moves by hand.
type hand struct {
	mu     sync.Mutex
	now    time.Time
	asleep map[chan struct{}]time.Time // until when
	swift  bool                        // whoever sleeps moves the clock on, and goes on at once
}

func newHand(at time.Time) *hand { return &hand{now: at, asleep: make(map[chan struct{}]time.Time)} }

func (h *hand) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hand) Sleep(ctx context.Context, d time.Duration) error {
	h.mu.Lock()
	if h.swift {
		h.now = h.now.Add(d)
		h.mu.Unlock()
		return ctx.Err()
	}
	woken := make(chan struct{})
	h.asleep[woken] = h.now.Add(d)
	h.mu.Unlock()
	select {
	case <-woken:
		return nil
	case <-ctx.Done():
		h.mu.Lock()
		delete(h.asleep, woken)
		h.mu.Unlock()
		return ctx.Err()
	}
}

// to moves the clock and wakes whoever slept until then.
func (h *hand) to(at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = at
	for woken, until := range h.asleep {
		if !until.After(at) {
			delete(h.asleep, woken)
			close(woken)
		}
	}
}

// sleepers counts who sleeps.
func (h *hand) sleepers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.asleep)
}

// people is a directory in memory.
type people struct {
	clock *hand
	mu    sync.Mutex
	list  []provisioning.Person
	down  bool
	block chan struct{}                                                                 // a read waits until it is closed
	bend  func([]provisioning.Person, *provisioning.ReadEvidence) []provisioning.Person // what a listing is made of it; nil: nothing
	reads int
}

func (p *people) Name() string   { return "okta" }
func (p *people) System() string { return "okta" }

func (p *people) ReadAll(ctx context.Context, emit func([]provisioning.Person) error) (provisioning.ReadEvidence, error) {
	p.mu.Lock()
	list, down, block, bend := slices.Clone(p.list), p.down, p.block, p.bend
	p.reads++
	p.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return provisioning.ReadEvidence{}, ctx.Err()
		}
	}
	e := provisioning.ReadEvidence{Source: "okta", System: "okta", Started: p.clock.Now(), Finished: p.clock.Now(), EndMarker: true, Reported: -1, Seen: len(list), Pages: 1}
	if down {
		e.EndMarker, e.Failure, e.Seen = false, "connection refused", 0
		return e, nil
	}
	if bend != nil {
		list = bend(list, &e)
		e.Seen = len(list)
	}
	return e, emit(list)
}

func (p *people) Lookup(_ context.Context, id string) (provisioning.Person, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.list {
		if one.Key.ID == id {
			return one, true, nil
		}
	}
	return provisioning.Person{}, false, fmt.Errorf("no answer")
}

// set changes somebody's status.
func (p *people) set(id string, s provisioning.Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.list {
		if p.list[i].Key.ID == id {
			p.list[i].Status = s
		}
	}
}

// sent is one request that a document system got, and when.
type sent struct {
	at     time.Time
	change provisioning.Change
}

// dms is a document system in memory.
type dms struct {
	clock    *hand
	mu       sync.Mutex
	accounts map[string]*provisioning.Account
	log      []sent
	lacks    map[provisioning.ChangeKind]bool // 405
	first    map[provisioning.ChangeKind]provisioning.FirstUse
	try      func(tell func(provisioning.Operation, provisioning.UseState, string)) error
	tried    []string
	reading  func()          // told before one account is read; nil: nobody
	dark     map[string]bool // accounts that one by one cannot be read
	used     map[string]time.Time
	blind    map[string]bool // accounts whose document history is refused
}

// Activity tells of the accounts' use: what was planted, and nothing else.
func (d *dms) Activity(_ context.Context, accounts []provisioning.Account, since time.Time, _ func(provisioning.Progress)) ([]provisioning.Activity, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []provisioning.Activity
	for _, a := range accounts {
		one := provisioning.Activity{Account: a.ID, Since: since, Read: d.clock.Now(), Whole: true}
		if d.blind[a.ID] {
			one.Whole, one.Why = false, "LON refused it"
		} else if at := d.used[a.ID]; !at.IsZero() && !at.Before(since) {
			one.Last, one.What = at, "edit of LON!1.1"
		}
		list = append(list, one)
	}
	return list, nil
}

func (d *dms) Name() string                             { return "imanage" }
func (d *dms) System() string                           { return "imanage" }
func (d *dms) Identity(context.Context) (string, error) { return "SVC_ROLLCALL", nil }
func (d *dms) Budget() provisioning.Budget              { return nil }
func (d *dms) groups() (list []provisioning.Group)      { return append(list, group("ALL"), group("DEAL")) }

func group(name string) provisioning.Group {
	return provisioning.Group{Ref: provisioning.GroupRef{Library: "LON", Group: name}, Enabled: true}
}

func (d *dms) ReadAll(context.Context, func(provisioning.Progress)) (provisioning.Inventory, provisioning.ReadEvidence, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	inventory := provisioning.Inventory{Libraries: []provisioning.Library{{ID: "LON"}}, Groups: d.groups()}
	for _, a := range d.accounts {
		inventory.Accounts = append(inventory.Accounts, copied(a))
	}
	slices.SortFunc(inventory.Accounts, func(a, b provisioning.Account) int { return strings.Compare(a.ID, b.ID) })
	return inventory, provisioning.ReadEvidence{Source: "imanage", System: "imanage", Started: d.clock.Now(), Finished: d.clock.Now(), EndMarker: true, Reported: -1, Seen: len(d.accounts), Pages: 1}, nil
}

func copied(a *provisioning.Account) provisioning.Account {
	c := *a
	c.Groups, c.Memberships = slices.Clone(a.Groups), slices.Clone(a.Memberships)
	return c
}

func (d *dms) Account(_ context.Context, id string) (provisioning.Account, bool, error) {
	d.mu.Lock()
	reading := d.reading
	d.mu.Unlock()
	if reading != nil {
		reading()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dark[id] {
		return provisioning.Account{}, false, fmt.Errorf("no answer")
	}
	if a := d.accounts[id]; a != nil {
		return copied(a), true, nil
	}
	return provisioning.Account{}, false, nil
}

func (d *dms) Operations() []provisioning.Operation {
	var list []provisioning.Operation
	for _, k := range []provisioning.ChangeKind{
		provisioning.CreateAccount, provisioning.DisableAccount, provisioning.AssignLibrary, provisioning.JoinGroup, provisioning.LeaveGroup, provisioning.RemoveLibrary, provisioning.SetAttribute,
	} {
		list = append(list, d.Operation(provisioning.Change{Kind: k}))
	}
	return list
}

func (d *dms) Operation(c provisioning.Change) provisioning.Operation {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := provisioning.Operation{Name: string(c.Kind), Kind: c.Kind, Call: "CALL " + string(c.Kind), Mark: "I", FirstUse: provisioning.Plain}
	if first := d.first[c.Kind]; first != "" {
		o.FirstUse = first
	}
	return o
}

// aspect reads, and with set writes, the value that a change touches. The caller holds mu.
func (d *dms) aspect(c provisioning.Change, set bool) string {
	a := d.accounts[c.Account]
	if a == nil {
		if c.Kind != provisioning.CreateAccount || !set {
			return provisioning.ValueAbsent
		}
		a = &provisioning.Account{ID: c.Account, FullName: c.Profile.FullName, Email: c.Profile.Email, Location: c.Profile.Location, PreferredLibrary: c.Profile.PreferredLibrary, Enabled: true, Origin: provisioning.OriginVirtual}
		d.accounts[c.Account] = a
	}
	g := provisioning.GroupRef{Library: c.Library, Group: c.Object}
	at := slices.IndexFunc(a.Memberships, func(m provisioning.Membership) bool { return m.Library == c.Library })
	in := slices.Index(a.Groups, g)
	word := func(is bool, yes, no string) string {
		if is {
			return yes
		}
		return no
	}
	switch c.Kind {
	case provisioning.CreateAccount:
		return provisioning.ProfileOf(a).Encode()
	case provisioning.DisableAccount, provisioning.EnableAccount:
		if set {
			a.Enabled = c.After == provisioning.ValueEnabled
		}
		return word(a.Enabled, provisioning.ValueEnabled, provisioning.ValueDisabled)
	case provisioning.AssignLibrary:
		if set && at < 0 {
			a.Memberships = append(a.Memberships, provisioning.Membership{Library: c.Library, Role: c.After, Enabled: true})
			at = len(a.Memberships) - 1
		}
		if at < 0 {
			return provisioning.ValueAbsent
		}
		return a.Memberships[at].Role
	case provisioning.RemoveLibrary:
		if set && at >= 0 {
			a.Memberships = slices.Delete(a.Memberships, at, at+1)
			at = -1
		}
		return word(at >= 0, provisioning.ValueMember, provisioning.ValueAbsent)
	case provisioning.JoinGroup, provisioning.LeaveGroup:
		if set && in >= 0 && c.After == provisioning.ValueNoMember {
			a.Groups = slices.Delete(a.Groups, in, in+1)
			in = -1
		} else if set && in < 0 {
			a.Groups = append(a.Groups, g)
			in = len(a.Groups) - 1
		}
		return word(in >= 0, provisioning.ValueMember, provisioning.ValueNoMember)
	default:
		if set {
			a.Phone = c.After
		}
		return a.Phone
	}
}

func (d *dms) Observe(_ context.Context, c provisioning.Change) (provisioning.Observation, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return provisioning.Observation{Value: d.aspect(c, false), Others: -1}, nil
}

func (d *dms) Send(_ context.Context, c provisioning.Change) (provisioning.Receipt, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lacks[c.Kind] {
		return provisioning.Receipt{}, &provisioning.SendError{Effect: provisioning.RefusedSend, Status: 405, Unsupported: true, Message: "no such call"}
	}
	d.log = append(d.log, sent{d.clock.Now(), c})
	d.aspect(c, true)
	return provisioning.Receipt{Status: 200}, nil
}

// down makes accounts unreadable, one by one.
func (d *dms) down(accounts map[string]bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dark = accounts
}

// byHand is somebody at Control Center.
func (d *dms) byHand(c provisioning.Change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.aspect(c, true)
}

func (d *dms) sends() []sent {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.log)
}

// Try answers as the test says.
func (d *dms) Try(_ context.Context, sandbox string, tell func(provisioning.Operation, provisioning.UseState, string)) error {
	d.mu.Lock()
	d.tried = append(d.tried, sandbox)
	try := d.try
	d.mu.Unlock()
	if try == nil {
		return nil
	}
	return try(tell)
}

// small is a firm of a few people in memory with a real store, a real executor and a clock that is moved by hand.
type small struct {
	t     testing.TB
	clock *hand
	okta  *people
	dms   *dms
	store *sqlite.Store
	path  string
	with  func(*desk.Deps) // changes what a desk is made of; nil: nothing
}

// newSmall makes a firm of n people, U001 to Un, who are all set up; the policy gives everybody LON and its group ALL.
func newSmall(t testing.TB, at time.Time, n int) *small {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	chain, err := audit.NewChain(bytes.Repeat([]byte{1}, audit.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	s := &small{t: t, clock: newHand(at), path: filepath.Join(dir, "rollcall.db")}
	if s.store, err = sqlite.Open(context.Background(), sqlite.Options{Path: s.path, Sealer: chain, Owner: "tester"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() })
	s.okta = &people{clock: s.clock}
	s.dms = &dms{clock: s.clock, accounts: make(map[string]*provisioning.Account), lacks: make(map[provisioning.ChangeKind]bool), first: make(map[provisioning.ChangeKind]provisioning.FirstUse), used: make(map[string]time.Time), blind: make(map[string]bool)}
	for i := 1; i <= n; i++ {
		s.hire(i)
	}
	s.dms.accounts["SVC_ROLLCALL"] = &provisioning.Account{ID: "SVC_ROLLCALL", FullName: "Rollcall", Enabled: true, Origin: provisioning.OriginVirtual}
	s.dms.accounts["ZZ_SANDBOX"] = &provisioning.Account{ID: "ZZ_SANDBOX", FullName: "Sandbox", Enabled: true, Origin: provisioning.OriginVirtual}
	return s
}

func user(i int) (id, account, name string) {
	return fmt.Sprintf("00u%03d", i), fmt.Sprintf("U%03d", i), fmt.Sprintf("Person %03d", i)
}

// hire adds the i-th person with an account.
func (s *small) hire(i int) {
	id, account, name := user(i)
	mail := strings.ToLower(account) + "@firm.example"
	office := fmt.Sprintf("Office %d", i%5)
	s.okta.list = append(s.okta.list, provisioning.Person{
		Key: provisioning.PersonKey{Directory: "okta", ID: id}, Login: mail, Email: mail, SSOName: account, FullName: name, Office: office, Status: provisioning.StatusActive,
	})
	s.dms.accounts[account] = &provisioning.Account{
		ID: account, FullName: name, Email: mail, Location: office, PreferredLibrary: "LON", Enabled: true, Origin: provisioning.OriginVirtual,
		Memberships: []provisioning.Membership{{Library: "LON", Role: "DEFAULT", Enabled: true}}, Groups: []provisioning.GroupRef{{Library: "LON", Group: "ALL"}},
	}
}

// open opens a desk for an operator.
func (s *small) open(operator string) *desk.Desk {
	s.t.Helper()
	return s.openOn(s.store, operator)
}

// second opens the store as another process would, while the first one has it.
func (s *small) second() *sqlite.Store {
	s.t.Helper()
	store, err := sqlite.Open(context.Background(), sqlite.Options{Path: s.path, Owner: "another"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = store.Close() })
	return store
}

func (s *small) openOn(store provisioning.Store, operator string) *desk.Desk {
	s.t.Helper()
	p, err := policy.Parse([]byte(`
service = ["SVC_*"]
protected = ["U013"]

[[birthright]]
libraries = { LON = "DEFAULT" }
groups = ["LON/ALL"]
`), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	var d *desk.Desk
	role := provisioning.RoleApprover
	if operator == "reader" {
		role = provisioning.RoleReader
	}
	deps := desk.Deps{
		Firm: "A firm", Session: operator, Store: store, Directories: []provisioning.Directory{s.okta}, DMS: s.dms, Policy: p, Clock: s.clock,
		Tenant: "tenant", AuditKey: bytes.Repeat([]byte{1}, audit.KeySize), HandSteps: func(provisioning.Change) []string { return []string{"do it"} },
		FullEvery: map[string]time.Duration{"okta": 0}, Operator: provisioning.Operator{Name: operator, Account: "U001", Role: role},
		Operators: []string{"l.ortiz", "m.chen"},
	}
	if s.with != nil {
		s.with(&deps)
	}
	executor := commit.New(commit.Deps{
		Store: store, DMS: s.dms, Clock: s.clock, Actor: operator, Session: operator, Owner: operator, Tenant: "tenant", Settle: time.Second,
		Recheck: func(ctx context.Context, u *provisioning.Unit, c provisioning.Change) string {
			return d.LiveCheck(ctx, u, c)
		},
	})
	deps.Dispatcher = pool.New(pool.Deps{Store: store, Executor: executor, Event: func(kind provisioning.EventKind, detail string) provisioning.Event {
		return provisioning.Event{At: s.clock.Now(), Actor: operator, Session: operator, Kind: kind, Detail: detail}
	}})
	d = desk.New(deps)
	s.t.Cleanup(d.Close)
	if _, err := d.Load(context.Background()); err != nil {
		s.t.Fatal(err)
	}
	return d
}

// leave ends the i-th person in the directory.
func (s *small) leave(numbers ...int) {
	for _, i := range numbers {
		id, _, _ := user(i)
		s.okta.set(id, provisioning.StatusDeprovisioned)
	}
}

// read has a desk read everything, a second later.
func (s *small) read(d *desk.Desk) {
	s.t.Helper()
	s.clock.to(s.clock.Now().Add(time.Second))
	if _, err := d.Sync(context.Background(), nil); err != nil {
		s.t.Fatal(err)
	}
}

func rowKey(i int) string {
	id, _, _ := user(i)
	return "p/" + provisioning.PersonKey{Directory: "okta", ID: id}.String()
}

// reviewed stages leavers and reviews them; the order is what an operator would give.
func (s *small) reviewed(d *desk.Desk, numbers ...int) desk.Commit {
	s.t.Helper()
	ctx := context.Background()
	s.leave(numbers...)
	s.read(d)
	var keys []string
	for _, i := range numbers {
		keys = append(keys, rowKey(i))
	}
	put, err := d.Stage(ctx, keys)
	if err != nil || put.People != len(numbers) {
		s.t.Fatalf("%+v, %v", put, err)
	}
	return s.order(d, put.Batch)
}

// order reviews a batch.
func (s *small) order(d *desk.Desk, id int64) desk.Commit {
	s.t.Helper()
	v, err := d.ReviewBatch(context.Background(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return desk.Commit{Batch: v.Batch.ID, Hash: v.Batch.Hash, People: v.Confirm}
}

// state is the state of a batch in the store.
func (s *small) state(id int64) provisioning.BatchState { return s.batch(id).State }

func (s *small) batch(id int64) *provisioning.Batch {
	s.t.Helper()
	b, err := s.store.Batch(context.Background(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// until waits for something that another goroutine does without a clock.
func (s *small) until(what string, is func() bool) {
	s.t.Helper()
	for range 5000 {
		if is() {
			return
		}
		<-time.After(2 * time.Millisecond)
	}
	s.t.Fatalf("never: %s", what)
}

// soon waits for something that the schedule does now. Where the clock was moved between a look and the sleep after it, a clock that
// stands still would hold it up: it moves on by some seconds, as clocks do.
func (s *small) soon(what string, is func() bool) {
	s.t.Helper()
	const seconds = 12
	for range seconds {
		for range 30 {
			if is() {
				return
			}
			<-time.After(2 * time.Millisecond)
		}
		s.clock.to(s.clock.Now().Add(time.Second))
	}
	s.until(what, is)
}

// rest waits until the watch over the schedule sleeps again, and no read is on its way.
func (s *small) rest(d *desk.Desk) {
	s.t.Helper()
	s.until("the schedule is looked at", func() bool { return s.clock.sleepers() > 0 && d.Working() == 0 })
}

// to moves the clock, and waits until the schedule was looked at.
func (s *small) to(d *desk.Desk, at time.Time) {
	s.t.Helper()
	s.rest(d)
	s.clock.to(at)
	s.rest(d)
}

// events gives the record's events of a kind.
func (s *small) events(kind provisioning.EventKind) []provisioning.Event {
	s.t.Helper()
	var list []provisioning.Event
	if err := s.store.Records(context.Background(), 1, func(r provisioning.Record) error {
		if r.Event.Kind == kind {
			list = append(list, r.Event)
		}
		return nil
	}); err != nil {
		s.t.Fatal(err)
	}
	return list
}

// untouched holds that nothing was sent, and no intent written.
func (s *small) untouched() {
	s.t.Helper()
	if n := len(s.dms.sends()); n > 0 {
		s.t.Errorf("%d requests were sent", n)
	}
	if n := len(s.events(provisioning.EventIntent)); n > 0 {
		s.t.Errorf("%d intents were written", n)
	}
}
