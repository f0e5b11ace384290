package staging

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
)

// Facts is what the guards judge a batch by: the snapshot it rests on, the policy, who is at the desk, and what was done lately.
type Facts struct {
	Policy   *policy.Policy
	Snapshot *provisioning.Snapshot
	Now      time.Time
	Operator string // the operator's own account, "" where the mapping names none
	Identity string // the account that rollcall signs in with
	// Approved are the accounts of those who approved the batch, Approvers of everybody who may approve one.
	Approved  []string
	Approvers []string
	// Day and Week are what was taken away in the last 24 h and 7 days, from anywhere, with what is on its way.
	Day, Week []provisioning.Ended
	// Undone is what undo batches changed in the last 24 h.
	Undone []provisioning.Change
}

// Judge lets every guard look at a batch, and returns their verdicts, those that hold first. The batch itself is not changed:
// a held batch is held whole, never trimmed (DESIGN 5). A verdict that an operator released for this hash, whole or for each of its
// people, does not hold any more, and says so.
func Judge(b *provisioning.Batch, f Facts) []provisioning.Verdict {
	g := newJudge(b, f)
	var verdicts []provisioning.Verdict
	verdicts = append(verdicts, g.counts()...)
	verdicts = append(verdicts, g.parts()...)
	verdicts = append(verdicts, g.wholeGroups()...)
	verdicts = append(verdicts, g.undone()...)
	verdicts = append(verdicts, g.left()...)
	verdicts = append(verdicts, g.protected(), g.self(), g.administrators(), g.proof(), g.staleness())
	if len(f.Policy.Walls) > 0 {
		verdicts = append(verdicts, g.walls())
	}
	release(b, f.Now, verdicts)
	slices.SortStableFunc(verdicts, func(a, b provisioning.Verdict) int {
		switch {
		case a.Holds == b.Holds:
			return 0
		case a.Holds:
			return -1
		default:
			return 1
		}
	})
	return verdicts
}

// Holding returns the verdicts that hold a batch, and whether typing the number of people may release all of them.
func Holding(verdicts []provisioning.Verdict) (held []provisioning.Verdict, releasable bool) {
	releasable = true
	for _, v := range verdicts {
		if v.Holds {
			held = append(held, v)
			releasable = releasable && v.Releasable
		}
	}
	return held, releasable && len(held) > 0
}

type judge struct {
	Facts
	batch    *provisioning.Batch
	accounts map[string]*provisioning.Account
	people   map[provisioning.PersonKey]*provisioning.Person
	absent   map[provisioning.PersonKey]*provisioning.Absence
	enabled  int
	gone     map[string]bool // accounts that a batch closes or closed since the snapshot was taken
}

func newJudge(b *provisioning.Batch, f Facts) *judge {
	g := &judge{
		Facts: f, batch: b,
		accounts: make(map[string]*provisioning.Account, len(f.Snapshot.Accounts)),
		people:   make(map[provisioning.PersonKey]*provisioning.Person, len(f.Snapshot.People)),
		absent:   make(map[provisioning.PersonKey]*provisioning.Absence, len(f.Snapshot.Absent)),
		gone:     make(map[string]bool),
	}
	for i := range f.Week {
		if e := &f.Week[i]; e.Kind == provisioning.DisableAccount && g.since(e) {
			g.gone[strings.ToUpper(e.Account)] = true
		}
	}
	for i := range f.Snapshot.Accounts {
		a := &f.Snapshot.Accounts[i]
		g.accounts[a.ID] = a
		if a.Enabled {
			g.enabled++
		}
	}
	for i := range f.Snapshot.People {
		g.people[f.Snapshot.People[i].Key] = &f.Snapshot.People[i]
	}
	for i := range f.Snapshot.Absent {
		g.absent[f.Snapshot.Absent[i].Person.Key] = &f.Snapshot.Absent[i]
	}
	return g
}

// since reports whether the snapshot may not show a removal yet.
func (g *judge) since(e *provisioning.Ended) bool {
	return e.Pending || !e.At.Before(g.Snapshot.TakenAt)
}

// protected holds for break-glass and service accounts, the VIP list and accounts that a directory owns. Never releasable.
func (g *judge) protected() provisioning.Verdict {
	var people []string
	for i := range g.batch.Units {
		u := &g.batch.Units[i]
		if why := g.whyProtected(u); why != "" {
			people = append(people, fmt.Sprintf("%s (%s)", u.Name, why))
		}
	}
	v := provisioning.Verdict{Guard: "protected", Sentence: "nobody protected"}
	if len(people) > 0 {
		v.Holds, v.People = true, people
		v.Sentence = fmt.Sprintf("%d protected: drop them from the batch", len(people))
	}
	return v
}

func (g *judge) whyProtected(u *provisioning.Unit) string {
	if why, ok := g.Policy.Protected(u.Account); ok {
		return why
	}
	if g.Policy.Service(u.Account) && u.EndsAccess() {
		return "service account"
	}
	a := g.accounts[u.Account]
	if a == nil {
		return ""
	}
	if why, ok := g.Policy.ProtectedAccount(a); ok {
		return why
	}
	switch {
	case g.Policy.ServiceAccount(a) && u.EndsAccess():
		return "service account"
	case a.Managed():
		return "directory-managed"
	default:
		return ""
	}
}

// self holds when the operator, who approved, or the account that rollcall signs in with would lose access, or nobody who may approve
// would be left (threats G3).
func (g *judge) self() provisioning.Verdict {
	v := provisioning.Verdict{Guard: "self", Sentence: "not yourself, not rollcall's own account"}
	hold := func(u *provisioning.Unit, why string) {
		v.Holds = true
		v.People = append(v.People, fmt.Sprintf("%s (%s)", u.Name, why))
		v.Sentence = "this would lock out the hand that does it: drop it from the batch"
	}
	closing := make(map[string]*provisioning.Unit) // of those who may approve
	for i := range g.batch.Units {
		u := &g.batch.Units[i]
		if why := selfWhy(u, g.Operator, g.Identity, g.Approved); why != "" {
			hold(u, why)
		} else if does(u, provisioning.DisableAccount) && among(g.Approvers, u.Account) {
			closing[strings.ToUpper(u.Account)] = u
		}
	}
	stays := slices.ContainsFunc(g.Approvers, func(id string) bool {
		id = strings.ToUpper(id)
		a := g.accounts[id]
		return a != nil && a.Enabled && !g.gone[id] && closing[id] == nil
	})
	for _, id := range slices.Sorted(maps.Keys(closing)) {
		if !stays {
			hold(closing[id], lastApprover)
		}
	}
	return v
}

// administrators holds when a library would be left without an enabled member of NRTADMIN.
func (g *judge) administrators() provisioning.Verdict {
	before, leaving := make(map[string]int), make(map[string][]string)
	for _, a := range g.accounts {
		if a.Enabled && !g.gone[strings.ToUpper(a.ID)] {
			for _, library := range a.Administers() {
				before[library]++
			}
		}
	}
	for i := range g.Week { // who lost the group alone, and is still shown in it
		e := &g.Week[i]
		id := strings.ToUpper(e.Account)
		if a := g.accounts[id]; e.Kind == provisioning.LeaveGroup && e.Object == provisioning.NRTADMIN && g.since(e) && a != nil && a.Enabled &&
			!g.gone[id] && slices.Contains(a.Administers(), e.Library) {
			before[e.Library]--
		}
	}
	for i := range g.batch.Units {
		u := &g.batch.Units[i]
		a := g.accounts[u.Account]
		if a == nil || !a.Enabled {
			continue
		}
		for _, library := range a.Administers() {
			if does(u, provisioning.DisableAccount) || leavesAdministrators(u, library) {
				leaving[library] = append(leaving[library], u.Name)
			}
		}
	}
	v := provisioning.Verdict{Guard: "last administrator", Sentence: "every library keeps an administrator"}
	var bare []string
	for library, names := range leaving {
		if len(names) >= before[library] {
			bare = append(bare, library)
			v.People = append(v.People, names...)
		}
	}
	if len(bare) > 0 {
		slices.Sort(bare)
		slices.Sort(v.People)
		v.Holds, v.People = true, slices.Compact(v.People)
		v.Sentence = "no enabled administrator would be left in " + strings.Join(bare, ", ")
	}
	return v
}

func leavesAdministrators(u *provisioning.Unit, library string) bool {
	return slices.ContainsFunc(u.Ops, func(o provisioning.Op) bool {
		return o.Change.Kind == provisioning.LeaveGroup && o.Change.Object == provisioning.NRTADMIN && o.Change.Library == library
	})
}

// proof holds when somebody would be treated as a leaver who is merely missing from a list (DESIGN 5).
func (g *judge) proof() provisioning.Verdict {
	v := provisioning.Verdict{Guard: "proof", Sentence: g.proofSentence()}
	word := 0
	for i := range g.batch.Units {
		u := &g.batch.Units[i]
		if u.Kind == provisioning.KindLeaver && u.Reason != "" {
			word++
		}
		if why := g.unproven(u); why != "" {
			v.Holds = true
			v.People = append(v.People, fmt.Sprintf("%s (%s)", u.Name, why))
			v.Sentence = "not proven to have left: drop them, or read again"
		}
	}
	if word > 0 && !v.Holds {
		v.Sentence += fmt.Sprintf("; %d on an operator's word", word)
	}
	return v
}

// unproven says why a unit that ends access has no ground to stand on; "" when it has one.
func (g *judge) unproven(u *provisioning.Unit) string {
	if !u.EndsAccess() || u.Kind == provisioning.KindDuplicate {
		return ""
	}
	if u.Person.IsZero() { // an account with nobody behind it: that nobody is there rests on every directory's proof
		if u.Kind == provisioning.KindOrphan {
			for _, p := range g.Snapshot.Proofs {
				if !p.Complete {
					return p.Source + ": " + p.Reason
				}
			}
		}
		return ""
	}
	if u.Kind != provisioning.KindLeaver {
		return ""
	}
	if p := g.people[u.Person]; p != nil {
		if p.Status.Ended() || (strings.TrimSpace(u.Reason) != "" && p.Status.Live()) {
			return "" // by the directory's word, or by an operator's for somebody who is there
		}
		return "the directory says " + string(p.Status)
	}
	a := g.absent[u.Person]
	switch {
	case a == nil:
		return "not in the last read"
	case !a.Proven:
		return "absence not proven: " + a.How
	default:
		return ""
	}
}

func (g *judge) proofSentence() string {
	for _, p := range g.Snapshot.Proofs {
		if !p.Complete {
			return fmt.Sprintf("%s not proven complete (%s): absence counts for nothing", p.Source, p.Reason)
		}
	}
	return "reads complete " + g.Snapshot.TakenAt.Local().Format("15:04")
}

// staleness holds a batch whose snapshot is older than the policy's limit: read again before the review.
func (g *judge) staleness() provisioning.Verdict {
	age := g.Now.Sub(g.Snapshot.TakenAt)
	v := provisioning.Verdict{Guard: "staleness", Sentence: "the roll is fresh"}
	if age > g.Policy.Limits.Stale {
		v.Holds = true
		v.Sentence = fmt.Sprintf("the roll is %s old, the limit is %s: read again first", age.Round(time.Minute), g.Policy.Limits.Stale)
	}
	return v
}
