// Package dispatchtest is what the tests of every dispatcher share: made-up batches with every kind of change, the simulated document
// system on which they are due, and the verdict on both afterwards: what was lost, what was done twice, and whether the journal and the
// record say what the system's own log says (contracts/engine.md 3.5). It runs nothing by itself.
package dispatchtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"rollcall/clients/imanage/imanagetest"
	"rollcall/provisioning"
)

// The credentials that every firm here takes.
const (
	Username = "svc"
	Password = "pw"
)

// hash stands for a reviewed batch's: nothing here judges one.
const hash = "h"

// Firm is a document system that was not started yet, and a batch that is due on it.
type Firm struct {
	Config imanagetest.Config
	Batch  *provisioning.Batch
	// Wanted are the effects that the batch must have, each once, by the keys of the simulator's Effects.
	Wanted map[string]bool

	effects [][]string // by unit and op
	london  *imanagetest.Library
	paris   *imanagetest.Library
	york    *imanagetest.Library
	global  map[string]*imanagetest.Group
	next    int
}

// New makes a firm with libraries, groups and roles, a successor for whatever leavers leave behind, and nobody else.
func New() *Firm {
	group := func(id string) *imanagetest.Group {
		return &imanagetest.Group{ID: id, FullName: id, Enabled: true, Nos: 2, Members: make(map[string]bool)}
	}
	library := func(id string) *imanagetest.Library {
		return &imanagetest.Library{
			ID: id, Roles: []string{"DEFAULT", "STANDARD", "PARTNER"}, Members: map[string]string{successor: "STANDARD"},
			Groups: map[string]*imanagetest.Group{"ALL": group("ALL"), "DEAL": group("DEAL"), provisioning.NRTADMIN: group(provisioning.NRTADMIN)},
		}
	}
	f := &Firm{
		Wanted: make(map[string]bool), london: library("LON"), paris: library("PAR"), york: library("NYC"),
		global: map[string]*imanagetest.Group{"FIRM": group("FIRM"), "ALUMNI": group("ALUMNI")},
	}
	f.london.Groups[provisioning.NRTADMIN].Members[successor] = true
	f.Config = imanagetest.Config{
		CustomerID: 1, Username: Username, Password: Password, ServiceUser: "SVC", AllowRemoval: true,
		Libraries: []*imanagetest.Library{f.london, f.paris, f.york}, Groups: []*imanagetest.Group{f.global["FIRM"], f.global["ALUMNI"]},
		GlobalRoles: map[string]map[string]bool{"TENANT ADMIN": {}, "HELP ADMIN": {}},
		Users:       []imanagetest.User{{ID: successor, FullName: successor, Email: "successor@x.example", PreferredLibrary: "LON", AllowLogon: true, Nos: 2}},
	}
	now := time.Now()
	f.Batch = &provisioning.Batch{
		State: provisioning.BatchReviewed, CreatedBy: "tester", CreatedAt: now, SnapshotID: "s", SnapshotAt: now, Hash: hash,
	}
	return f
}

// successor takes over what leavers leave behind; nothing is ever changed of that account.
const successor = "SUCCESSOR"

// Add puts one person into the batch, with these deeds, in their order. The first may be a creation, else the person has an account.
func (f *Firm) Add(deeds ...Deed) (account string) {
	account = fmt.Sprintf("U%03d", f.next)
	f.next++
	if len(deeds) == 0 || deeds[0].Kind != provisioning.CreateAccount {
		f.Config.Users = append(f.Config.Users, imanagetest.User{
			ID: account, FullName: account, Email: strings.ToLower(account) + "@x.example", PreferredLibrary: "LON", AllowLogon: true, Nos: 2,
		})
		f.london.Members[account], f.london.Groups["ALL"].Members[account] = "STANDARD", true
	}
	u := provisioning.Unit{
		Account: account, Name: account, Kind: provisioning.KindLeaver, State: provisioning.UnitPending,
		Person: provisioning.PersonKey{Directory: "okta", ID: account},
	}
	effects := make([]string, 0, len(deeds))
	for i, d := range deeds {
		change, effect := d.prepare(f, account)
		change.Kind, change.Account = d.Kind, account
		f.Wanted[effect] = true
		effects = append(effects, effect)
		u.Ops = append(u.Ops, provisioning.Op{Seq: i + 1, Change: change, State: provisioning.OpPending})
	}
	f.Batch.Units = append(f.Batch.Units, u)
	f.effects = append(f.effects, effects)
	return account
}

// Effect is the key of the one effect of an op, by its place in the batch.
func (f *Firm) Effect(unit, op int) string { return f.effects[unit][op] }

// Random makes a firm with so many people, each a joiner, a mover, somebody who comes back or a leaver with a random part of what such a
// person may need.
func Random(r *rand.Rand, people int) *Firm {
	f := New()
	for range people {
		var deeds []Deed
		switch r.IntN(4) {
		case 0:
			deeds = part(r, joiner()[1:])
			deeds = slices.Concat(joiner()[:2], slices.DeleteFunc(deeds, func(d Deed) bool { return d.Name == joiner()[1].Name }))
		case 1:
			deeds = part(r, mover())
		case 2:
			deeds = append([]Deed{named("enable")}, part(r, mover())...)
		default:
			deeds = append([]Deed{named("disable")}, part(r, leaver())...)
		}
		f.Add(deeds...)
	}
	return f
}

// part is a random part of a list that is not empty, in its order.
func part(r *rand.Rand, all []Deed) []Deed {
	keep := r.IntN(len(all))
	some := make([]Deed, 0, len(all))
	for i, d := range all {
		if i == keep || r.IntN(2) == 0 {
			some = append(some, d)
		}
	}
	return some
}
