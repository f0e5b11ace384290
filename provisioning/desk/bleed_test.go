package desk_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/policy"
)

// loss is one removal that took effect at the document system, at the true time, whatever the clocks said.
type loss struct {
	at      time.Time
	kind    provisioning.ChangeKind
	account string
	office  string
	batch   int64
}

// bleed is a firm that loses access bit by bit: several desks on one store, leavers, removals by another hand, steps by hand, reads that
// fail, clocks that are set back. What it counts by is the document system's own log and the record, never what the guards count by.
type bleed struct {
	*small
	rt       *rapid.T
	limits   policy.Limits
	desks    []*desk.Desk
	truth    time.Time
	logged   int // of the document system's log: what was looked at
	losses   []loss
	enabled  []int // enabled accounts, with when that was so
	since    []time.Time
	offices  []map[string]int
	open     []desk.Commit // batches with steps by hand
	paused   []desk.Commit
	moments  int
	went     map[int64]time.Time // when a batch was let go, in truth
	let      int
	heldBack int
}

func newBleed(t *testing.T, rt *rapid.T) *bleed {
	b := &bleed{small: newSmall(t, noon, rapid.IntRange(20, 60).Draw(rt, "firm")), rt: rt, truth: noon, went: make(map[int64]time.Time)}
	b.limits = policy.Limits{
		Count: rapid.IntRange(2, 8).Draw(rt, "count"), Percent: 10, Day: rapid.IntRange(2, 8).Draw(rt, "day"), Week: rapid.IntRange(4, 12).Draw(rt, "week"),
		PartPercent: 25, PartLeast: rapid.IntRange(1, 3).Draw(rt, "part"), Stale: time.Hour,
	}
	p, err := policy.Parse(fmt.Appendf(nil, "service = [\"SVC_*\"]\n[limits]\ncount = %d\nday = %d\nweek = %d\npart_least = %d\n[[birthright]]\nlibraries = { LON = \"DEFAULT\" }\n",
		b.limits.Count, b.limits.Day, b.limits.Week, b.limits.PartLeast), nil)
	if err != nil {
		t.Fatal(err)
	}
	b.with = func(deps *desk.Deps) { deps.Policy = p }
	b.desks = []*desk.Desk{b.small.open("l.ortiz"), b.small.open("m.chen")}
	b.dms.lacks[provisioning.RemoveLibrary] = rapid.Bool().Draw(rt, "libraries by hand")
	b.census()
	return b
}

// census notes how many accounts are enabled, before anything that may change it.
func (b *bleed) census() {
	b.dms.mu.Lock()
	defer b.dms.mu.Unlock()
	n, offices := 0, make(map[string]int)
	for _, a := range b.dms.accounts {
		if a.Enabled {
			n++
			offices[a.Location]++
		}
	}
	b.enabled, b.since, b.offices = append(b.enabled, n), append(b.since, b.truth), append(b.offices, offices)
}

// pass lets time pass: the clock goes on as the truth does, or is set back on top of it.
func (b *bleed) pass(d time.Duration, back time.Duration) {
	b.moments++
	d += time.Duration(b.moments) * time.Millisecond // no two moments are one
	b.truth = b.truth.Add(d)
	b.clock.to(b.clock.Now().Add(d - back))
}

// look takes what the document system did since into the losses, for a batch.
func (b *bleed) look(batch int64) {
	log := b.dms.sends()
	for _, s := range log[b.logged:] {
		b.lost(s.change, batch)
	}
	b.logged = len(log)
	b.census()
}

func (b *bleed) lost(c provisioning.Change, batch int64) {
	if !c.EndsAccess() {
		return
	}
	b.dms.mu.Lock()
	office := b.dms.accounts[c.Account].Location
	b.dms.mu.Unlock()
	b.losses = append(b.losses, loss{b.truth, c.Kind, c.Account, office, batch})
}

// staff draws people who have their account and are in the library and its group.
func (b *bleed) staff(most int) []int {
	var all []int
	for i := 2; i <= len(b.okta.list); i++ {
		b.dms.mu.Lock()
		a := b.dms.accounts[account(i)]
		fit := a.Enabled && len(a.Memberships) > 0 && len(a.Groups) > 0
		b.dms.mu.Unlock()
		if fit {
			all = append(all, i)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, min(most, len(all)), func(i int) int { return i }).Draw(b.rt, "people")
}

// remove lets a batch of one kind of removal go, where the guards let it, and sometimes with releases.
func (b *bleed) remove(*rapid.T) {
	kind := rapid.SampledFrom([]provisioning.ChangeKind{provisioning.DisableAccount, provisioning.DisableAccount, provisioning.LeaveGroup, provisioning.RemoveLibrary}).Draw(b.rt, "kind")
	people := b.staff(6)
	if people == nil {
		return
	}
	var units []provisioning.Unit
	for _, i := range people {
		u := b.leaver(i)
		c := &u.Ops[0].Change
		switch kind {
		case provisioning.LeaveGroup:
			*c, u.Kind = groupChange(kind, u.Account), provisioning.KindEntitlement
		case provisioning.RemoveLibrary:
			*c, u.Kind = provisioning.Change{Kind: kind, Account: u.Account, Library: "LON", Before: provisioning.ValueMember, After: provisioning.ValueAbsent}, provisioning.KindEntitlement
		default:
			b.leave(i)
		}
		units = append(units, u)
	}
	b.pass(0, 0)
	d := b.desks[rapid.IntRange(0, 1).Draw(b.rt, "desk")]
	if _, err := d.Sync(context.Background(), nil); err != nil {
		b.rt.Fatal(err)
	}
	b.commit(d, b.put(0, units...))
}

// roll stages what the roll calls leavers, as an operator would.
func (b *bleed) roll(*rapid.T) {
	ctx := context.Background()
	for _, i := range b.staff(4) {
		b.leave(i)
	}
	b.pass(0, 0)
	d := b.desks[rapid.IntRange(0, 1).Draw(b.rt, "desk")]
	if _, err := d.Sync(ctx, nil); err != nil {
		b.rt.Fatal(err)
	}
	var keys []string
	for _, i := range d.Roll().Select(desk.FilterLeavers) {
		keys = append(keys, d.Roll().Rows[i].Key)
	}
	put, err := d.Stage(ctx, keys)
	if err != nil || put.Batch == 0 {
		if err != nil && provisioning.CodeOf(err) != provisioning.Stale {
			b.rt.Fatal(err)
		}
		return
	}
	v, err := d.ReviewBatch(ctx, put.Batch)
	if err != nil {
		if provisioning.CodeOf(err) == provisioning.Stale || provisioning.CodeOf(err) == provisioning.Invalid {
			return // the other desk had it too
		}
		b.rt.Fatal(err)
	}
	b.commit(d, desk.Commit{Batch: v.Batch.ID, Hash: v.Batch.Hash, People: v.Confirm})
}

// commit lets a batch go as an operator would: sometimes with releases, sometimes stopped in mid-way.
func (b *bleed) commit(d *desk.Desk, c desk.Commit) {
	ctx := context.Background()
	switch rapid.IntRange(0, 7).Draw(b.rt, "releases") {
	case 0:
		c.Reason = "HR, whole"
	case 1, 2: // some, or all, one by one
		for _, u := range b.batch(c.Batch).Units {
			if rapid.IntRange(0, 4).Draw(b.rt, "released") > 0 {
				_ = d.Release(ctx, c.Batch, c.Hash, u.Account, "HR, "+u.Account)
			}
		}
	default:
	}
	stop := d.Pause
	if rapid.Bool().Draw(b.rt, "stopped for good") {
		stop = d.Cancel
	}
	b.midway(rapid.SampledFrom([]int{0, 1, 0, 2, 3}).Draw(b.rt, "stopped after"), func() { _ = stop(ctx, c.Batch) })
	err := d.Commit(ctx, c)
	if err == nil {
		err = d.Wait(ctx, c.Batch)
	}
	b.midway(0, nil)
	switch code := provisioning.CodeOf(err); {
	case err == nil:
		b.let++
		b.went[c.Batch] = b.truth
	case code == provisioning.Held:
		b.heldBack++
		return
	default:
		b.rt.Fatal(err)
	}
	b.rested(c)
}

// midway has the document system do something when it is asked for the n-th account from now; 0: never.
func (b *bleed) midway(n int, do func()) {
	b.dms.mu.Lock()
	defer b.dms.mu.Unlock()
	asked := 0
	b.dms.reading = nil
	if n > 0 {
		b.dms.reading = func() {
			b.dms.mu.Lock()
			asked++
			now := asked == n
			b.dms.mu.Unlock()
			if now {
				do()
			}
		}
	}
}

// rested looks at what a batch did, and notes what is left of it.
func (b *bleed) rested(c desk.Commit) {
	b.look(c.Batch)
	switch b.state(c.Batch) {
	case provisioning.BatchOpenHand:
		b.open = append(b.open, c)
	case provisioning.BatchPaused:
		b.paused = append(b.paused, c)
	}
}

// resume goes on with a batch that was paused.
func (b *bleed) resume(*rapid.T) {
	if len(b.paused) == 0 {
		return
	}
	c := b.paused[0]
	b.paused = b.paused[1:]
	d := b.desks[rapid.IntRange(0, 1).Draw(b.rt, "desk")]
	if err := d.Resume(context.Background(), c.Batch); err != nil {
		b.rt.Fatal(err)
	}
	if err := d.Wait(context.Background(), c.Batch); err != nil {
		b.rt.Fatal(err)
	}
	b.rested(c)
}

// tick does every step that is open at Control Center, and ticks them, or forgets to.
func (b *bleed) tick(*rapid.T) {
	d := b.desks[rapid.IntRange(0, 1).Draw(b.rt, "desk")]
	var forgotten []desk.Commit
	for _, c := range b.open {
		ticked := rapid.IntRange(0, 3).Draw(b.rt, "ticked") > 0
		if !ticked {
			forgotten = append(forgotten, c)
		}
		for _, u := range b.batch(c.Batch).Units {
			for _, op := range u.Ops {
				if op.State == provisioning.OpByHand {
					b.step(d, c.Batch, u.ID, op, ticked)
				}
			}
		}
		if err := d.Wait(context.Background(), c.Batch); err != nil {
			b.rt.Fatal(err)
		}
	}
	b.open = forgotten
	b.census()
}

func (b *bleed) step(d *desk.Desk, batch, unit int64, op provisioning.Op, ticked bool) {
	b.dms.mu.Lock()
	already := b.dms.aspect(op.Change, false) == op.Change.After
	b.dms.mu.Unlock()
	if !already {
		b.dms.byHand(op.Change)
		b.lost(op.Change, batch)
	}
	if ticked {
		if err := d.Tick(context.Background(), batch, unit, op.Seq); err != nil {
			b.rt.Fatal(err)
		}
	}
}

// broken has a directory list too little, and everything that comes of it staged and committed: nothing may.
func (b *bleed) broken(*rapid.T) {
	names := make([]string, 0, len(bent()))
	for name := range bent() {
		names = append(names, name)
	}
	slices.Sort(names)
	active := make(map[string]bool)
	for _, p := range b.okta.list {
		active[p.SSOName] = p.Status == provisioning.StatusActive
	}
	b.okta.bendTo(bent()[rapid.SampledFrom(names).Draw(b.rt, "broken read")])
	before := len(b.losses)
	b.roll(nil)
	b.okta.bendTo(nil)
	for _, p := range b.okta.list {
		active[p.SSOName] = active[p.SSOName] && p.Status == provisioning.StatusActive
	}
	for _, l := range b.losses[before:] {
		if active[l.account] {
			b.rt.Fatalf("%s lost access for being left out of a list", l.account)
		}
	}
}

// rehire lets somebody in again by hand at Control Center; who was hit was hit all the same.
func (b *bleed) rehire(*rapid.T) {
	b.dms.mu.Lock()
	var closed []string
	for id, a := range b.dms.accounts {
		if !a.Enabled || len(a.Memberships) == 0 || len(a.Groups) == 0 {
			closed = append(closed, id)
		}
	}
	b.dms.mu.Unlock()
	if len(closed) == 0 {
		return
	}
	slices.Sort(closed)
	id := rapid.SampledFrom(closed).Draw(b.rt, "let in again")
	if strings.HasPrefix(id, "U") {
		b.dms.change(id, func(a *provisioning.Account) {
			a.Enabled, a.Memberships = true, []provisioning.Membership{{Library: "LON", Role: "DEFAULT", Enabled: true}}
			a.Groups = []provisioning.GroupRef{{Library: "LON", Group: "ALL"}}
		})
		b.okta.set("00u"+id[1:], provisioning.StatusActive)
	}
	b.census()
}

// enoughFirms is how many a plain run tries; -rapid.checks tries any number.
const enoughFirms = 50

// TestNoWindowIsExceeded (issue D, 5): over random firms, many small batches from two desks over days, steps by hand, pauses, broken reads and
// clocks that are set back, no kind of removal exceeds its limit in any rolling window without a release that names its people.
func TestNoWindowIsExceeded(t *testing.T) {
	runs, losses, let, held, released := 0, 0, 0, 0, 0
	plain := flag.Lookup("rapid.checks").Value.String() == flag.Lookup("rapid.checks").DefValue
	rapid.Check(t, func(rt *rapid.T) {
		if plain && runs == enoughFirms {
			return
		}
		b := newBleed(t, rt)
		for range rapid.IntRange(4, 14).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"remove", "resume", "roll", "remove", "tick", "remove", "broken", "rehire", "resume", "roll", "wait"}).Draw(rt, "step") {
			case "remove":
				b.remove(rt)
			case "roll":
				b.roll(rt)
			case "tick":
				b.tick(rt)
			case "broken":
				b.broken(rt)
			case "rehire":
				b.rehire(rt)
			case "resume":
				b.resume(rt)
			default:
			}
			b.pass(time.Duration(rapid.SampledFrom([]int{0, 1, 10, 60, 300, 900, 1300, 1430, 1500, 4000, 9000}).Draw(rt, "minutes"))*time.Minute,
				time.Duration(rapid.SampledFrom([]int{0, 0, 0, 0, 1, 45, 1000, 2000}).Draw(rt, "set back"))*time.Minute)
			b.check(rt)
		}
		for _, d := range b.desks {
			d.Close()
		}
		runs, losses, let, held, released = runs+1, losses+len(b.losses), let+b.let, held+b.heldBack, released+len(b.released())
	})
	t.Logf("%d firms, %d batches let go (%d by a release), %d held, %d removals", runs, let, released, held, losses)
	if losses == 0 || held == 0 || released == 0 {
		t.Error("nothing was tried")
	}
}
