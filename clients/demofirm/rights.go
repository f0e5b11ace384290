package demofirm

import (
	"slices"
	"time"

	"rollcall/provisioning"
)

// plantRights plants what differs between accounts and the policy, and what breaks its wall.
func (f *Firm) plantRights() {
	for i := range max(4+f.few(4), f.scale(22)) {
		f.plantEntitlement(i)
	}
	for i := range 1 + f.few(1) {
		f.plantEnded(7 + 9*i)
	}
	for i := range max(f.few(2), f.scale(4)-1) {
		f.plantMover(i)
	}
	for i := range max(2, f.scale(3)) {
		f.plantWall(i)
	}
}

// ago is a moment some days before the epoch.
func (f *Firm) ago(days int) time.Time { return f.Options.Epoch.AddDate(0, 0, -days) }

// outside is a library that an account is not in.
func (a *account) outside() string {
	i := slices.IndexFunc(libraries(), func(l string) bool { return a.libraries[l] == "" })
	return libraries()[max(i, 0)]
}

// second gives somebody a library until some days from the epoch, as an exception of the policy.
func (f *Firm) second(p *person, library string, days int, reason string) {
	f.secondments = append(f.secondments, secondment{of: p, library: library, until: f.ago(-days), reason: reason})
	if p.account.libraries[library] == "" {
		p.account.libraries[library] = "STANDARD"
	}
	p.account.byHand(library, everybody(library))
	f.used[p] = true
}

// plantEntitlement takes a right away that a seat gives, exchanges one, or gives one that no seat does.
func (f *Firm) plantEntitlement(i int) {
	p := f.take(i%5 == 4)
	a := p.account
	own, other := a.preferred, a.outside()
	switch i % 6 {
	case 0: // the group of the practice, or of the services
		a.groups[own] = slices.Delete(a.groups[own], 1, 2)
	case 1: // a library: the directory's group has somebody whom iManage has not
		p.groups = append(p.groups, opens(other))
	case 2:
		a.libraries[own] = []string{"DEFAULT", "RECORDS"}[i/6%2]
	case 3: // the other way round: somebody left the directory's group
		a.libraries[other], a.groups[other] = "STANDARD", []string{everybody(other)}
	case 4:
		group := "PARTNERS"
		if p.title == "Partner" {
			group = "TRAINEES"
		}
		a.groups[own] = append(a.groups[own], group)
	default: // all of it at once
		a.libraries[own], a.groups[own] = "DEFAULT", []string{everybody(own)}
		a.libraries[other] = "DEFAULT"
	}
	f.mark(provisioning.KindEntitlement, []*person{p}, a)
}

// plantEnded lets an exception of the policy end whose rights are still held.
func (f *Firm) plantEnded(days int) {
	p := f.take(false)
	f.second(p, p.account.outside(), -days, "the Marchmont disclosure")
	f.mark(provisioning.KindEntitlement, []*person{p}, p.account)
}

// plantMover gives somebody another practice, or another office, some days ago; the account is still set up for the seat before.
func (f *Firm) plantMover(i int) {
	regional := func(p *person) bool {
		return f.lawyer(p.department) && home(f.officeOf(p.office), p.department) != "TAX-FIN"
	}
	p := f.takeWho(false, regional)
	p.moved = f.ago(2 + f.rng.IntN(5))
	f.mark(provisioning.KindEntitlement, []*person{p}, p.account)
	if i%2 == 0 {
		was := slices.Index(practices(), p.department)
		p.department = practices()[(was+1+f.rng.IntN(lawPractices-1))%lawPractices]
		return
	}
	was := home(f.officeOf(p.office), p.department)
	for home(f.officeOf(p.office), p.department) == was {
		p.office = pick(f, f.offices).name
	}
	f.mark(provisioning.KindAttribute, []*person{p}, p.account) // the location
}

// plantWall lets an account hold both sides of the wall: once in one library, where the policy calls the one side in excess; once in
// another one, where deal teams are put together by hand and the wall alone tells.
func (f *Firm) plantWall(i int) {
	p := f.take(false)
	a := p.account
	p.groups = slices.DeleteFunc(p.groups, func(g string) bool { return g == heron })
	f.enters(p, kite)
	library := "LON-COR"
	if i%2 == 0 {
		f.mark(provisioning.KindEntitlement, []*person{p}, a)
	} else {
		if library = a.preferred; library == "LON-COR" {
			library = "TAX-FIN"
			f.enters(p, opens(library))
		}
	}
	a.byHand(library, "DEAL-HERON")
	f.mark(provisioning.KindWall, []*person{p}, a)
}
