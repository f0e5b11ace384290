// Package correlate says who is who: which account is which person's. Only a recorded link or an exact, unique key links; two
// keys that disagree are a dispute, a key on somebody else's old account is a reused id, and a similar name is a suggestion that
// a person must confirm (DESIGN 3.3, threats A3 and H4). It compares identities only; what differs between the two is not its
// business.
package correlate

import (
	"slices"
	"strings"
	"sync"

	"rollcall/provisioning"
	"rollcall/provisioning/names"
)

// Input is what there is to tie together.
type Input struct {
	People    []provisioning.Person
	Absent    []provisioning.Absence
	Accounts  []provisioning.Account
	Anchors   []provisioning.Anchor
	Decisions []provisioning.Decision
}

// Result says for each person and each account how it stands.
type Result struct {
	Subjects []Subject // the people, then the absent, in the input's order
	Holders  []Holder  // the accounts, in the input's order
	Knots    []Knot    // the disputes
}

// Subject is a person and what was found for it.
type Subject struct {
	Person      *provisioning.Person
	Absence     *provisioning.Absence // nil for a person of the last read
	Status      provisioning.LinkStatus
	Account     int // index of the linked account, -1
	Knot        int // index of the dispute, -1
	Reused      []int
	Suggestions []provisioning.Suggestion
	keys        keySet
	decidedBy   string
	anchor      *provisioning.Anchor
}

// Holder is an account and who stands behind it.
type Holder struct {
	Subject   int // index of the linked person, -1
	Knot      int
	Reused    bool // an active person meets it, and it is not theirs
	Suggested bool // somebody may stand behind it
}

// Knot is a dispute: every person and account of it.
type Knot struct{ Subjects, Accounts []int }

// Live reports whether the person works here now: active, and not known to be gone.
func (s *Subject) Live() bool {
	return s.Person.Status.Live() && (s.Absence == nil || !s.Absence.Proven)
}

// Ended reports whether the person is explicitly ended or proven absent.
func (s *Subject) Ended() bool {
	return s.Person.Status.Ended() || (s.Absence != nil && s.Absence.Proven)
}

// keySet is a set of keys that agreed.
type keySet uint8

const (
	bySSO keySet = 1 << iota
	byDirectoryID
	byEmail
	byEmployee
	byLogin
	byDecision
	byAnchor
)

// Correlate ties people and accounts together. It is linear in their number, and its answer does not depend on their order.
func Correlate(in Input) *Result {
	w := newWork(in)
	w.recorded()
	w.claim()
	w.settle()
	w.suggest()
	return w.result
}

type work struct {
	in       Input
	result   *Result
	ids      map[string]int32 // login key of the user id → account, or ambiguous
	emails   map[string]int32
	numbers  map[string]int32
	external map[string]int32 // directory id
	byID     map[string]int   // exact id → account
	twice    map[string]bool  // person-side keys that several people carry, with the key's letter before them
	refused  map[pair]bool
	anchored map[string]provisioning.PersonKey // account → the person of its latest anchor
	claims   []claims                          // by account
	people   []folded                          // by subject: each key is folded once
}

// folded are a person's keys as they are compared; "" where one is missing or cannot be a key.
type folded struct{ sso, login, email, number string }

func fold(p *provisioning.Person) folded {
	f := folded{sso: login(p.SSOName), email: login(p.Email), number: strings.TrimSpace(p.EmployeeNumber)}
	switch p.Login {
	case p.Email:
		f.login = f.email
	case p.SSOName:
		f.login = f.sso
	default:
		f.login = login(p.Login)
	}
	return f
}

type pair struct {
	person  provisioning.PersonKey
	account string
}

// claims are those on one account; most accounts have one, which needs no list of its own.
type claims struct {
	n     int
	first claim
	more  []claim
}

func (c *claims) add(one claim) {
	if c.n++; c.n == 1 {
		c.first = one
		return
	}
	c.more = append(c.more, one)
}

func (c *claims) all() []claim { return append([]claim{c.first}, c.more...) }

type claim struct {
	subject int32
	keys    keySet
	knot    bool // the person has other candidates as well
}

// ambiguous marks a key that more than one account carries: it names nobody.
const ambiguous = int32(-1)

func newWork(in Input) *work {
	n := len(in.Accounts)
	w := &work{
		in: in, ids: make(map[string]int32, n), emails: make(map[string]int32, n), numbers: make(map[string]int32, n),
		external: make(map[string]int32), twice: make(map[string]bool),
		refused: make(map[pair]bool), anchored: make(map[string]provisioning.PersonKey, len(in.Anchors)), claims: make([]claims, n),
		result: &Result{Subjects: make([]Subject, 0, len(in.People)+len(in.Absent)), Holders: make([]Holder, n)},
	}
	for i := range in.People {
		w.result.Subjects = append(w.result.Subjects, Subject{Person: &in.People[i], Account: -1, Knot: -1, Status: provisioning.Unlinked})
	}
	for i := range in.Absent {
		a := &in.Absent[i]
		w.result.Subjects = append(w.result.Subjects, Subject{Person: &a.Person, Absence: a, Account: -1, Knot: -1, Status: provisioning.Unlinked})
	}
	var side sync.WaitGroup // the two sides' keys are folded side by side
	side.Go(w.indexAccounts)
	w.countPeople()
	side.Wait()
	return w
}

// indexAccounts finds which account each key names.
func (w *work) indexAccounts() {
	for i := range w.in.Accounts {
		a := &w.in.Accounts[i]
		at := int32(i)
		w.result.Holders[i] = Holder{Subject: -1, Knot: -1}
		put(w.ids, login(a.ID), at)
		put(w.emails, login(a.Email), at)
		put(w.numbers, strings.TrimSpace(a.EmployeeNumber), at)
		put(w.external, a.DirectoryID, at)
	}
}

// login is the key of a login or email, "" where it cannot be one or mixes scripts that look alike.
func login(raw string) string {
	key, err := names.Login(raw)
	if err != nil || (!ascii(raw) && names.Mixed(raw)) {
		return ""
	}
	return string(key)
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// put lets a key name at, or nobody where another one carries it as well: then it is ambiguous.
func put(index map[string]int32, key string, at int32) (twice bool) {
	if key == "" {
		return false
	}
	n := len(index)
	index[key] = at // one probe for a key that nobody else carries, which is nearly every key
	if len(index) == n {
		index[key] = ambiguous
		return true
	}
	return false
}

// countPeople finds the keys that several people carry: an ambiguous key names nobody, on either side.
func (w *work) countPeople() {
	n := len(w.result.Subjects)
	ssos, emails, numbers := make(map[string]int32, n), make(map[string]int32, n), make(map[string]int32, n)
	count := func(index map[string]int32, letter, key string, at int32) {
		if put(index, key, at) {
			w.twice[letter+key] = true
		}
	}
	w.people = make([]folded, n)
	for i := range w.result.Subjects {
		p := w.result.Subjects[i].Person
		at := int32(i)
		w.people[i] = fold(p)
		count(ssos, "s", w.people[i].sso, at)
		count(emails, "e", w.people[i].email, at)
		for _, alias := range p.Aliases {
			if key := login(alias); key != w.people[i].email {
				count(emails, "e", key, at)
			}
		}
		count(numbers, "n", w.people[i].number, at)
	}
}

// recorded links what an operator decided or an earlier read tied by an exact key.
func (w *work) recorded() {
	if len(w.in.Decisions) == 0 && len(w.in.Anchors) == 0 {
		return
	}
	w.byID = make(map[string]int, len(w.in.Accounts))
	for i := range w.in.Accounts {
		w.byID[w.in.Accounts[i].ID] = i
	}
	theirs := make(map[provisioning.PersonKey]provisioning.Decision)
	for _, d := range w.in.Decisions {
		if d.Theirs {
			theirs[d.Person] = d
		} else {
			w.refused[pair{d.Person, d.Account}] = true
		}
	}
	latest := make(map[string]*provisioning.Anchor, len(w.in.Anchors))
	for i := range w.in.Anchors {
		a := &w.in.Anchors[i]
		if old := latest[a.Account]; old == nil || a.LastSeen.After(old.LastSeen) {
			latest[a.Account] = a
			w.anchored[a.Account] = a.Person
		}
	}
	anchors := make(map[provisioning.PersonKey]*provisioning.Anchor, len(latest))
	for _, a := range latest {
		if old := anchors[a.Person]; old == nil || a.LastSeen.After(old.LastSeen) ||
			(a.LastSeen.Equal(old.LastSeen) && a.Account < old.Account) {
			anchors[a.Person] = a
		}
	}
	for i := range w.result.Subjects {
		s := &w.result.Subjects[i]
		if d, ok := ofAny(s.Person, theirs); ok {
			if at, there := w.byID[d.Account]; there && w.result.Holders[at].Subject < 0 {
				s.decidedBy = d.By
				w.link(i, at, byDecision)
			}
		}
	}
	for i := range w.result.Subjects {
		s := &w.result.Subjects[i]
		a, _ := ofAny(s.Person, anchors)
		if s.Account >= 0 || a == nil || w.isRefused(s.Person, a.Account) {
			continue
		}
		if at, there := w.byID[a.Account]; there && w.result.Holders[at].Subject < 0 {
			s.anchor = a
			w.link(i, at, byAnchor|w.agreeing(i, at))
		}
	}
}

// ofAny finds what is kept under any of a person's keys, the first in priority first.
func ofAny[T any](p *provisioning.Person, kept map[provisioning.PersonKey]T) (T, bool) {
	if v, ok := kept[p.Key]; ok || (p.Records == nil && p.Former == nil) {
		return v, ok
	}
	for _, k := range p.Keys() {
		if v, ok := kept[k]; ok {
			return v, true
		}
	}
	var none T
	return none, false
}

// isRefused reports whether an operator said that an account is not a person's.
func (w *work) isRefused(p *provisioning.Person, account string) bool {
	if len(w.refused) == 0 {
		return false
	}
	return slices.ContainsFunc(p.Keys(), func(k provisioning.PersonKey) bool { return w.refused[pair{k, account}] })
}

func (w *work) link(subject, account int, keys keySet) {
	s := &w.result.Subjects[subject]
	s.Status, s.Account, s.keys = provisioning.Linked, account, keys
	w.result.Holders[account].Subject = subject
}

// agreeing says which exact keys of a person and an account are equal, unique or not.
func (w *work) agreeing(subject, account int) keySet {
	p, f, a := w.result.Subjects[subject].Person, w.people[subject], &w.in.Accounts[account]
	id, email := login(a.ID), login(a.Email)
	var keys keySet
	if id != "" && f.sso == id {
		keys |= bySSO
	}
	if a.DirectoryID != "" && a.DirectoryID == p.Key.ID {
		keys |= byDirectoryID
	}
	if email != "" && (f.email == email || slices.ContainsFunc(p.Aliases, func(s string) bool { return login(s) == email })) {
		keys |= byEmail
	}
	if n := f.number; n != "" && n == strings.TrimSpace(a.EmployeeNumber) {
		keys |= byEmployee
	}
	if l := f.login; id != "" && (l == id || local(l) == id) {
		keys |= byLogin
	}
	return keys
}

func local(l string) string {
	before, _, _ := strings.Cut(l, "@")
	return before
}

// Evidence says why a subject is linked, in the order of precedence, for the screen.
func (r *Result) Evidence(s *Subject, a *provisioning.Account) []provisioning.Evidence {
	var e []provisioning.Evidence
	if s.keys&byDecision != 0 {
		e = append(e, provisioning.Evidence{Key: provisioning.KeyRecorded, Value: a.ID, Detail: "confirmed by " + s.decidedBy})
	}
	if s.keys&byAnchor != 0 {
		e = append(e, provisioning.Evidence{Key: provisioning.KeyRecorded, Value: a.ID, Detail: "since " + s.anchor.FirstSeen.Format("2006-01-02")})
	}
	for _, k := range []struct {
		bit   keySet
		key   provisioning.KeyName
		value string
	}{
		{bySSO, provisioning.KeySSOName, s.Person.SSOName},
		{byDirectoryID, provisioning.KeySSOName, a.DirectoryID},
		{byEmail, provisioning.KeyEmail, a.Email},
		{byEmployee, provisioning.KeyEmployee, a.EmployeeNumber},
		{byLogin, provisioning.KeyLogin, s.Person.Login},
	} {
		if s.keys&k.bit == 0 {
			continue
		}
		detail := ""
		switch k.bit {
		case bySSO:
			detail = "equals the user id"
		case byDirectoryID:
			detail = "directory id"
		default:
		}
		e = append(e, provisioning.Evidence{Key: k.key, Value: k.value, Detail: detail})
	}
	return e
}

// Recorded reports whether the link rests on a record (a decision or an earlier exact link), not on today's keys alone.
func (s *Subject) Recorded() bool { return s.keys&(byDecision|byAnchor) != 0 }
