package desk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/clients/imanage"
	"rollcall/clients/imanage/imanagetest"
	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/commit"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/dispatch/pool"
	"rollcall/provisioning/policy"
	"rollcall/provisioning/store/sqlite"
)

// past is a firm whose months go by in a test: a simulator that keeps its own log, other operators who change things there, a desk that
// reads now and then and commits batches of its own.
type past struct {
	t       *testing.T
	clock   *hand
	random  *rand.Rand
	config  func() imanagetest.Config
	server  *imanagetest.Server
	journal *bytes.Buffer
	others  *imanage.Client
	okta    *people
	desk    *desk.Desk
	users   int
}

func pastUser(i int) string { return fmt.Sprintf("U%05d", i) }

func pastLibraries() []string { return []string{"DUB", "LDS", "LON", "MAD", "PAR", "STO"} }

func newPast(t *testing.T, users int, at time.Time) *past {
	t.Helper()
	p := &past{t: t, clock: newHand(at), random: rand.New(rand.NewPCG(4, uint64(users))), journal: &bytes.Buffer{}, users: users}
	p.config = func() imanagetest.Config {
		c := imanagetest.Config{CustomerID: 1, Username: "svc", Password: "pw", ServiceUser: "SVC", AllowRemoval: true, Now: p.clock.Now}
		for n, id := range pastLibraries() {
			lib := &imanagetest.Library{ID: id, Roles: []string{"DEFAULT", "STANDARD", "SENIOR"}, Members: map[string]string{}, Groups: map[string]*imanagetest.Group{}}
			for _, g := range []string{"ALL", "DEAL"} {
				lib.Groups[g] = &imanagetest.Group{ID: g, Enabled: true, Nos: 2, Members: map[string]bool{}}
			}
			for i := range users {
				if i%len(pastLibraries()) == n || i%7 == n {
					lib.Members[pastUser(i)] = "STANDARD"
					lib.Groups["ALL"].Members[pastUser(i)] = true
				}
			}
			c.Libraries = append(c.Libraries, lib)
		}
		for i := range users {
			id := pastUser(i)
			c.Users = append(c.Users, imanagetest.User{
				ID: id, FullName: "Person " + id, Email: strings.ToLower(id) + "@x.example", PreferredLibrary: pastLibraries()[i%len(pastLibraries())], AllowLogon: true, Nos: 2,
			})
		}
		return c
	}
	c := p.config()
	c.Journal = p.journal
	p.server = imanagetest.New(c)
	if err := p.server.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.server.Close)
	p.okta = &people{clock: p.clock}
	for i := range users {
		id := pastUser(i)
		p.okta.list = append(p.okta.list, provisioning.Person{
			Key: provisioning.PersonKey{Directory: "okta", ID: "00" + id}, Login: strings.ToLower(id) + "@x.example", Email: strings.ToLower(id) + "@x.example",
			SSOName: id, FullName: "Person " + id, Status: provisioning.StatusActive,
		})
	}
	p.others = p.client()
	p.open()
	return p
}

func (p *past) client() *imanage.Client {
	p.t.Helper()
	c, err := imanage.New(imanage.Options{
		Name: "imanage", URL: p.server.URL(), Username: "svc", Password: provisioning.NewSecret("pw"), AllowLoopbackHTTP: true, Clock: p.clock,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(c.Close)
	return c
}

func (p *past) open() {
	p.t.Helper()
	dir := p.t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		p.t.Fatal(err)
	}
	chain, err := audit.NewChain(bytes.Repeat([]byte{1}, audit.KeySize))
	if err != nil {
		p.t.Fatal(err)
	}
	store, err := sqlite.Open(context.Background(), sqlite.Options{Path: filepath.Join(dir, "rollcall.db"), Sealer: chain, Owner: "tester"})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = store.Close() })
	client := p.client()
	deps := desk.Deps{
		Firm: "A firm", Session: "past", Store: store, Directories: []provisioning.Directory{p.okta}, DMS: client, Policy: policy.Default(), Clock: p.clock, Tenant: "sim",
		AuditKey: bytes.Repeat([]byte{1}, audit.KeySize), HandSteps: imanage.HandSteps, FullEvery: map[string]time.Duration{"okta": 0, "imanage": 24 * 365 * time.Hour},
		Operator: provisioning.Operator{Name: "l.ortiz", Role: provisioning.RoleApprover},
	}
	executor := commit.New(commit.Deps{
		Store: store, DMS: client, Clock: p.clock, Actor: "l.ortiz", Session: "past", Owner: "past", Tenant: "sim", Settle: time.Second,
		Recheck: func(ctx context.Context, u *provisioning.Unit, c provisioning.Change) string {
			return p.desk.LiveCheck(ctx, u, c)
		},
	})
	deps.Dispatcher = pool.New(pool.Deps{Store: store, Executor: executor, Event: func(kind provisioning.EventKind, detail string) provisioning.Event {
		return provisioning.Event{At: p.clock.Now(), Actor: "l.ortiz", Session: "past", Kind: kind, Detail: detail}
	}})
	p.desk = desk.New(deps)
	p.t.Cleanup(p.desk.Close)
}

// meddle lets another operator change something, if it is not so already.
func (p *past) meddle(ctx context.Context) {
	p.t.Helper()
	id := pastUser(p.random.IntN(p.users))
	library := pastLibraries()[p.random.IntN(len(pastLibraries()))]
	c := provisioning.Change{Account: id, Library: library}
	switch p.random.IntN(7) {
	case 0:
		c.Kind, c.Library, c.After = provisioning.DisableAccount, "", provisioning.ValueDisabled
	case 1:
		c.Kind, c.Library, c.After = provisioning.EnableAccount, "", provisioning.ValueEnabled
	case 2:
		c.Kind, c.After = provisioning.SetLibraryRole, "SENIOR"
	case 3:
		c.Kind, c.Object, c.After = provisioning.JoinGroup, "DEAL", provisioning.ValueMember
	case 4:
		c.Kind, c.Object, c.After = provisioning.LeaveGroup, "ALL", provisioning.ValueNoMember
	case 5:
		c.Kind, c.After = provisioning.RemoveLibrary, provisioning.ValueAbsent
	default:
		c.Kind, c.After = provisioning.AssignLibrary, "DEFAULT"
		c.Profile = &provisioning.Profile{ID: id, FullName: "Person " + id, Email: strings.ToLower(id) + "@x.example", PreferredLibrary: library}
	}
	_, _ = p.others.Send(ctx, c) // one that cannot be, such as a role where the user is not, is refused and changes nothing
}

// leave has people leave, and their batch committed.
func (p *past) leave(ctx context.Context, n int) {
	p.t.Helper()
	var keys []string
	for range n {
		id := pastUser(p.random.IntN(p.users))
		p.okta.set("00"+id, provisioning.StatusDeprovisioned)
		keys = append(keys, "p/okta/00"+id)
	}
	p.sync(ctx)
	staged, err := p.desk.Stage(ctx, keys)
	if err != nil || staged.Batch == 0 {
		return // all of them had gone already
	}
	v, err := p.desk.Review(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.desk.Commit(ctx, desk.Commit{Batch: v.Batch.ID, Hash: v.Batch.Hash, People: v.Confirm, Reason: "they left"}); err != nil {
		p.t.Fatal(err)
	}
	if err := p.desk.Wait(ctx, v.Batch.ID); err != nil {
		p.t.Fatal(err)
	}
}

func (p *past) sync(ctx context.Context) {
	p.t.Helper()
	if _, err := p.desk.Sync(ctx, nil); err != nil {
		p.t.Fatal(err)
	}
}

// truth is what the simulator's own log says of a moment, by replaying it on a fresh one.
func (p *past) truth(at time.Time) (imanagetest.State, map[string][]time.Time) {
	p.t.Helper()
	changed := make(map[string][]time.Time)
	var until bytes.Buffer
	for line := range bytes.Lines(p.journal.Bytes()) {
		var m imanagetest.Mutation
		if err := json.Unmarshal(line, &m); err != nil {
			p.t.Fatal(err)
		}
		changed[m.User] = append(changed[m.User], m.At)
		if !m.At.After(at) {
			until.Write(line)
		}
	}
	server := imanagetest.New(p.config())
	if err := server.Replay(&until); err != nil {
		p.t.Fatal(err)
	}
	return server.Dump(), changed
}

// heldThen is what a dump says that a user has in a library: "" for nothing.
func heldThen(d imanagetest.State, user, library string) string {
	role, in := d.Roles[library+"/"+user]
	if !in {
		return ""
	}
	s := fmt.Sprintf("%s %t", role, d.Logon[library+"/"+user])
	for _, g := range []string{"ALL", "DEAL"} {
		if slices.Contains(d.Members[library+"/"+g], user) {
			s += " " + g
		}
	}
	return s
}

func heldOf(r *desk.AsOfRow) string {
	s := fmt.Sprintf("%s %t", r.Place.Role, r.Place.Enabled)
	for _, g := range r.Groups {
		if g.Library == r.Place.Library {
			s += " " + g.Group
		}
	}
	return s
}

// TestAsOf: over 90 days in which other operators and rollcall change things, who could open a library at any moment is what the
// simulator's own log says, replayed; where somebody changed an account between two reads, that is said and nothing else is doubtful. Each
// answer takes less than a second with 10,000 people.
func TestAsOf(t *testing.T) {
	ctx := context.Background()
	const days, users = 90, 10_000
	begin := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	p := newPast(t, users, begin)
	p.sync(ctx)
	var quiet []time.Time // moments of a read: nothing is doubtful then
	for day := range days {
		for range 12 {
			p.clock.to(p.clock.Now().Add(time.Duration(20+p.random.IntN(60)) * time.Minute))
			p.meddle(ctx)
		}
		if day%6 == 0 {
			p.leave(ctx, 3)
		}
		p.clock.to(begin.AddDate(0, 0, day).Add(20 * time.Hour))
		p.sync(ctx)
		quiet = append(quiet, p.clock.Now())
		p.clock.to(begin.AddDate(0, 0, day+1))
	}
	var moments []time.Time
	for range 5 {
		moments = append(moments, quiet[p.random.IntN(len(quiet))], begin.Add(time.Duration(p.random.Int64N(int64(days*24*time.Hour)))))
	}
	compared, doubts, longest := 0, 0, time.Duration(0)
	for _, at := range moments {
		dump, changed := p.truth(at)
		for _, library := range pastLibraries() {
			began := time.Now()
			a, err := p.desk.AsOfLibrary(ctx, at, library)
			if err != nil {
				t.Fatal(err)
			}
			longest = max(longest, time.Since(began))
			seen := make(map[string]bool)
			for i := range a.Rows {
				r := &a.Rows[i]
				seen[r.Account] = true
				if r.Doubt != "" {
					doubts++
					if slices.Contains(quiet, at) || !slices.ContainsFunc(changed[r.Account], func(m time.Time) bool { return !m.Before(r.Last.Add(-time.Second)) && !m.After(r.Until) }) {
						t.Errorf("%s is doubtful at %s, and nobody changed it: %s", r.Account, at, r.Doubt)
					}
					continue
				}
				compared++
				if want := heldThen(dump, r.Account, library); want != heldOf(r) {
					t.Errorf("%s in %s at %s: the log says %q, the answer %q (%s)", r.Account, library, at, want, heldOf(r), r.How)
				}
			}
			for key := range dump.Roles {
				user, in := strings.CutPrefix(key, library+"/")
				if in && !seen[user] {
					who, err := p.desk.AsOfWho(ctx, at, user)
					if err != nil || who.Rows[0].Doubt == "" {
						t.Errorf("%s was in %s at %s by the log, and is not in the answer: %v", user, library, at, err)
					}
				}
			}
		}
	}
	if doubts == 0 || compared < users {
		t.Errorf("%d compared, %d doubtful: the test says nothing", compared, doubts)
	}
	if longest > time.Second {
		t.Errorf("an answer took %s", longest)
	}
	t.Logf("%d places compared, %d doubtful, the longest answer took %s", compared, doubts, longest.Round(time.Millisecond))
	if _, err := p.desk.AsOfWho(ctx, begin.Add(-time.Hour), pastUser(1)); provisioning.CodeOf(err) != provisioning.Invalid {
		t.Errorf("of a moment before the history: %v", err)
	}
	if _, err := p.desk.AsOfLibrary(ctx, begin.AddDate(0, 1, 0), "NOWHERE"); provisioning.CodeOf(err) != provisioning.NotFound {
		t.Errorf("of a library that is not there: %v", err)
	}
}

// TestParsePast: moments of the past as people write them.
func TestParsePast(t *testing.T) {
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 26, 14, 30, 0, 0, zone)
	for text, want := range map[string]string{
		"2026-11-20":                "2026-11-20 23:59:59",
		"2026-11-20 17:00":          "2026-11-20 17:00:00",
		"2026-11-20T17:00":          "2026-11-20 17:00:00",
		"2026-11-20T17:00:05Z":      "2026-11-20 17:00:05",
		"20 nov 17:00":              "2026-11-20 17:00:00",
		"20 NOV  2025 17:00":        "2025-11-20 17:00:00",
		"20 dec":                    "2025-12-20 23:59:59",
		"yesterday":                 "2026-11-25 23:59:59",
		"now":                       "2026-11-26 14:30:00",
		"2026-11-26":                "2026-11-26 14:30:00",
		"2026-03-29 00:30":          "2026-03-29 00:30:00",
		"2026-10-25":                "2026-10-25 23:59:59",
		"2026-06-01T12:00:00+02:00": "2026-06-01 11:00:00",
	} {
		at, err := desk.ParsePast(text, now)
		if err != nil || at.In(zone).Format(time.DateTime) != want {
			t.Errorf("%q is %s, %v; want %s", text, at.In(zone).Format(time.DateTime), err, want)
		}
	}
	for _, text := range []string{"", "soon", "2026-11-27", "2026-13-01", "2027-01-01 10:00", "20"} {
		if at, err := desk.ParsePast(text, now); err == nil {
			t.Errorf("%q is %s", text, at)
		}
	}
}
