package desk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/clients/imanage/imanagetest"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

// lagging is a firm over HTTP whose libraries tell of a closing so much late.
func lagging(t *testing.T, seed uint64, users int, lag time.Duration) *past {
	t.Helper()
	p := &past{t: t, clock: newHand(began), random: rand.New(rand.NewPCG(seed, 9)), journal: &bytes.Buffer{}, users: users}
	p.clock.swift = true
	p.config = func() imanagetest.Config {
		c := imanagetest.Config{CustomerID: 1, Username: "svc", Password: "pw", ServiceUser: "SVC", AllowRemoval: true, Now: p.clock.Now, LogonLag: lag}
		for n, id := range pastLibraries()[:3] {
			lib := &imanagetest.Library{ID: id, Roles: []string{"DEFAULT", "STANDARD"}, Members: map[string]string{}, Groups: map[string]*imanagetest.Group{}}
			for i := range users {
				if i%2 == 0 || i%3 == n {
					lib.Members[pastUser(i)] = "STANDARD"
				}
			}
			c.Libraries = append(c.Libraries, lib)
		}
		for i := range users {
			id := pastUser(i)
			c.Users = append(c.Users, imanagetest.User{
				ID: id, FullName: "Person " + id, Email: strings.ToLower(id) + "@x.example", PreferredLibrary: "LON", AllowLogon: true, Nos: 2,
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

// gates is what the simulator's log says of an account's records at a moment: which there are, and whether each reads off. It is made of
// the log alone, by nothing that the engine or the simulator's answers are made of.
func (p *past) gates(user string, at time.Time) map[string]bool {
	p.t.Helper()
	c := p.config()
	global := true
	on, late := make(map[string]bool), make(map[string]time.Time)
	for _, l := range c.Libraries {
		if l.Members[user] != "" {
			on[l.ID] = true
		}
	}
	for line := range bytes.Lines(p.journal.Bytes()) {
		var m imanagetest.Mutation
		if err := json.Unmarshal(line, &m); err != nil {
			p.t.Fatal(err)
		}
		if m.User != user || m.At.After(at) {
			continue
		}
		switch flag, sets := m.Fields["allow_logon"].(bool); {
		case m.Kind == "patch" && sets:
			global = flag
			for l := range on {
				if on[l] && !flag {
					late[l] = m.At.Add(c.LogonLag)
				} else if flag {
					delete(late, l)
				}
				on[l] = flag
			}
		case m.Kind == "assign":
			on[m.Library] = global
		case m.Kind == "unassign":
			delete(on, m.Library)
			delete(late, m.Library)
		}
	}
	off := map[string]bool{"": !global}
	for l := range on {
		off[l] = !on[l] && !at.Before(late[l])
	}
	return off
}

// holds checks every removal against the simulator's log.
func (p *past) holds(list []desk.RemovalView) {
	p.t.Helper()
	for i := range list {
		r := &list[i]
		for _, place := range r.Places {
			if place.SeenOff.IsZero() {
				continue
			}
			if off, there := p.gates(r.Account, place.SeenOff)[place.Library]; place.SeenOff.Before(r.Accepted) || (there && !off) {
				p.t.Errorf("%s %q is said to be seen off %s, accepted %s: the log says otherwise", r.Account, place.Library, place.SeenOff, r.Accepted)
			}
		}
		if r.SeenOff.IsZero() {
			continue
		}
		then := p.gates(r.Account, r.SeenOff)
		for library := range p.gates(r.Account, r.Accepted) {
			if off, there := then[library]; there && !off {
				p.t.Errorf("%s is said to be seen off %s, and %q let it in", r.Account, r.SeenOff, library)
			}
			if !slices.ContainsFunc(r.Places, func(one provisioning.Place) bool { return one.Library == library && one.Off() && !one.SeenOff.IsZero() }) {
				p.t.Errorf("%s was in %q at the act, and that was not read: %+v", r.Account, library, r.Places)
			}
		}
		for library, off := range then {
			if !off {
				p.t.Errorf("%s is said to be seen off %s, and %q let it in", r.Account, r.SeenOff, library)
			}
		}
	}
}

// TestSeenOffIsTrue: whatever the libraries' lag, whoever lets accounts in again or moves them between libraries, and whichever records
// cannot be read: an account is said to be seen off only where the simulator's own log says that every record read off at that moment,
// after the act; and once nothing is in the way, nobody stays open who is off.
func TestSeenOffIsTrue(t *testing.T) {
	for seed := range uint64(7) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			ctx := context.Background()
			lag := time.Duration(seed) * 80 * time.Minute
			p := lagging(t, seed, 9, lag)
			p.sync(ctx)
			seen, wrong := 0, 0
			for step := range 50 {
				p.clock.to(p.clock.Now().Add(time.Duration(1+p.random.IntN(40)) * time.Minute))
				user := pastUser(p.random.IntN(p.users))
				library := pastLibraries()[p.random.IntN(3)]
				switch p.random.IntN(10) {
				case 0, 1:
					if step < 35 {
						p.leave(ctx, 2)
					}
				case 2:
					_, _ = p.others.Send(ctx, provisioning.Change{Kind: provisioning.EnableAccount, Account: user, After: provisioning.ValueEnabled})
				case 3:
					_, _ = p.others.Send(ctx, provisioning.Change{Kind: provisioning.RemoveLibrary, Account: user, Library: library, After: provisioning.ValueAbsent})
				case 4:
					_, _ = p.others.Send(ctx, provisioning.Change{
						Kind: provisioning.AssignLibrary, Account: user, Library: library, After: "DEFAULT",
						Profile: &provisioning.Profile{ID: user, FullName: "Person " + user, Email: strings.ToLower(user) + "@x.example", PreferredLibrary: "LON"},
					})
				case 5, 6: // one record, the list of libraries, or all of a user
					path := []string{"libraries/" + library + "/users/*", "libraries/" + library + "/users/" + user, "users/" + user, "users/*/libraries"}[p.random.IntN(4)]
					status := []int{http.StatusInternalServerError, http.StatusForbidden, http.StatusNotFound}[p.random.IntN(3)]
					p.server.Bench().Inject(wiretest.Fault{Kind: wiretest.Status, Path: "/work/api/v2/customers/1/" + path, Status: status})
				default:
					p.server.Bench().Clear()
				}
				p.clock.to(p.clock.Now().Add(time.Minute))
				if err := p.desk.LookNow(ctx, 0, ""); err != nil {
					t.Fatal(err)
				}
				list, err := p.desk.Removals(ctx)
				if err != nil {
					t.Fatal(err)
				}
				p.holds(list)
			}
			p.server.Bench().Clear()
			p.clock.to(p.clock.Now().Add(lag + time.Hour))
			if err := p.desk.LookNow(ctx, 0, ""); err != nil {
				t.Fatal(err)
			}
			list, err := p.desk.Removals(ctx)
			if err != nil {
				t.Fatal(err)
			}
			p.holds(list)
			for i := range list {
				r := &list[i]
				on := ""
				for library, off := range p.gates(r.Account, p.clock.Now()) {
					if !off {
						on += fmt.Sprintf(" %q", library)
					}
				}
				switch {
				case r.Open() && on == "":
					t.Errorf("%s is off everywhere and still open: %+v", r.Account, r.Removal)
				case r.Open():
					wrong++
					if !r.LetIn && slices.ContainsFunc(r.Places, func(one provisioning.Place) bool { return one.Library == "" && !one.Off() }) {
						t.Errorf("%s reads enabled in%s, and nobody is told: %+v", r.Account, on, r.Removal)
					}
				default:
					seen++
				}
			}
			if seen == 0 {
				t.Errorf("nobody was seen off: the test shows nothing")
			}
			t.Logf("lag %s: %d seen off, %d let in again by somebody", lag, seen, wrong)
		})
	}
}
