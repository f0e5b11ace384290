package correlate

import (
	"cmp"
	"slices"
	"strings"

	"rollcall/provisioning"
)

// claim finds, for everybody without a recorded link, the accounts that their exact keys name.
func (w *work) claim() {
	var found []struct {
		account int
		keys    keySet
	}
	for i := range w.result.Subjects {
		s := &w.result.Subjects[i]
		if s.Account >= 0 {
			continue
		}
		found = found[:0]
		add := func(at int32, bit keySet) {
			if at < 0 || w.isRefused(s.Person, w.in.Accounts[at].ID) {
				return
			}
			for j := range found {
				if found[j].account == int(at) {
					found[j].keys |= bit
					return
				}
			}
			found = append(found, struct {
				account int
				keys    keySet
			}{int(at), bit})
		}
		several := w.each(i, add)
		switch {
		case len(found) == 0 && len(several) > 0:
			w.several(i, several)
		case len(found) == 1:
			w.one(i, found[0].account, found[0].keys)
		case len(found) > 1:
			for _, f := range found {
				w.claims[f.account].add(claim{int32(i), f.keys, true})
			}
			s.Status = provisioning.Disputed
		}
	}
}

// each tells every account that a unique key of a person names, and returns the accounts that keys name which are not unique.
func (w *work) each(subject int, add func(int32, keySet)) (several []string) {
	p, f := w.result.Subjects[subject].Person, w.people[subject]
	look := func(index map[string]int32, letter, key string, bit keySet) {
		if key == "" {
			return
		}
		at, there := index[key]
		switch {
		case !there:
		case at == ambiguous || (len(w.twice) > 0 && w.twice[letter+key]):
			several = append(several, letter+key)
		default:
			add(at, bit)
		}
	}
	sso, log := f.sso, f.login
	look(w.ids, "s", sso, bySSO)
	look(w.external, "d", p.Key.ID, byDirectoryID)
	look(w.emails, "e", f.email, byEmail)
	for _, alias := range p.Aliases {
		look(w.emails, "e", login(alias), byEmail)
	}
	look(w.numbers, "n", f.number, byEmployee)
	if sso == "" || (log != sso && local(log) != sso) { // a login speaks only where the SSO name does not say the same
		look(w.ids, "l", log, byLogin)
		if l := local(log); l != log && sso == "" {
			look(w.ids, "l", l, byLogin)
		}
	}
	return several
}

// one weighs the single account that a person's unique keys name (DESIGN 3.3).
func (w *work) one(subject, account int, keys keySet) {
	s, a := &w.result.Subjects[subject], &w.in.Accounts[account]
	other, anchored := w.anchored[a.ID]
	foreign := anchored && !s.Person.Known(other)
	number, theirs := strings.TrimSpace(s.Person.EmployeeNumber), strings.TrimSpace(a.EmployeeNumber)
	clash := number != "" && theirs != "" && number != theirs
	switch {
	case s.Live() && (foreign || clash || !a.Enabled):
		s.Reused = append(s.Reused, account)
		w.result.Holders[account].Reused = true
	case foreign || clash:
		w.hint(subject, account, keys, "the employee number or an earlier link says otherwise")
	case keys == byEmail && !anchored:
		w.hint(subject, account, keys, "the email alone agrees, the login differs")
	default:
		w.claims[account].add(claim{int32(subject), keys, false}) //nolint:gosec // an index
	}
}

// hint remembers an exact but insufficient hit as a suggestion.
func (w *work) hint(subject, account int, keys keySet, hold string) {
	s, a := &w.result.Subjects[subject], &w.in.Accounts[account]
	kept := s.keys
	s.keys = keys
	s.Suggestions = append(s.Suggestions, provisioning.Suggestion{
		Person: s.Person.Key, Account: a.ID, Score: 0.95, Evidence: w.result.Evidence(s, a), Hold: hold,
	})
	s.keys = kept
	w.result.Holders[account].Suggested = true
}

// several makes a dispute of a person whose keys name more than one account, or that other people carry as well.
func (w *work) several(subject int, keys []string) {
	s := &w.result.Subjects[subject]
	for i := range w.in.Accounts {
		if w.result.Holders[i].Subject >= 0 {
			continue
		}
		a := &w.in.Accounts[i]
		for _, k := range keys {
			hit := false
			switch k[0] {
			case 's', 'l':
				hit = login(a.ID) == k[1:]
			case 'e':
				hit = login(a.Email) == k[1:]
			case 'n':
				hit = strings.TrimSpace(a.EmployeeNumber) == k[1:]
			case 'd':
				hit = a.DirectoryID == k[1:]
			}
			if hit {
				w.claims[i].add(claim{int32(subject), 0, true}) //nolint:gosec // an index
				s.Status = provisioning.Disputed
				break
			}
		}
	}
}

// settle links every account that exactly one person claims, and ties the rest into knots.
func (w *work) settle() {
	parent := make(map[int]int) // union-find over subjects (even) and accounts (odd)
	var find func(int) int
	find = func(x int) int {
		if p, ok := parent[x]; ok && p != x {
			parent[x] = find(p)
			return parent[x]
		}
		parent[x] = x
		return x
	}
	for at := range w.claims {
		c := &w.claims[at]
		if c.n == 0 {
			continue
		}
		holder := &w.result.Holders[at]
		if holder.Subject >= 0 { // somebody's by record: whoever else meets it, meets a reused id
			for _, one := range c.all() {
				w.foreign(int(one.subject), at)
			}
			continue
		}
		first := &w.result.Subjects[c.first.subject]
		contested := holder.Reused && first.Ended() && w.in.Accounts[at].Enabled
		if c.n == 1 && !c.first.knot && !contested {
			w.link(int(c.first.subject), at, c.first.keys)
			continue
		}
		for _, one := range c.all() {
			parent[find(2*int(one.subject))] = find(2*at + 1)
		}
		if holder.Reused {
			for i := range w.result.Subjects {
				s := &w.result.Subjects[i]
				if slices.Contains(s.Reused, at) {
					s.Reused = nil
					parent[find(2*i)] = find(2*at + 1)
				}
			}
			holder.Reused = false
		}
	}
	w.knot(parent, find)
}

// foreign marks a live person's claim on an account that is recorded as somebody else's.
func (w *work) foreign(subject, account int) {
	s := &w.result.Subjects[subject]
	if s.Account >= 0 {
		return
	}
	s.Status = provisioning.Unlinked
	if s.Live() {
		s.Reused = append(s.Reused, account)
	}
}

// knot gathers what settle tied together. A person of a knot is never linked, nor is an account of it.
func (w *work) knot(parent map[int]int, find func(int) int) {
	groups := make(map[int]*Knot)
	nodes := make([]int, 0, len(parent))
	for n := range parent {
		nodes = append(nodes, n)
	}
	slices.Sort(nodes)
	for _, n := range nodes {
		root := find(n)
		k := groups[root]
		if k == nil {
			k = &Knot{}
			groups[root] = k
		}
		if n%2 == 0 {
			k.Subjects = append(k.Subjects, n/2)
		} else {
			k.Accounts = append(k.Accounts, n/2)
		}
	}
	for _, k := range groups {
		w.result.Knots = append(w.result.Knots, *k)
	}
	slices.SortFunc(w.result.Knots, func(a, b Knot) int { return cmp.Compare(a.Subjects[0], b.Subjects[0]) })
	for at, k := range w.result.Knots {
		for _, s := range k.Subjects {
			w.result.Subjects[s].Status, w.result.Subjects[s].Knot, w.result.Subjects[s].Suggestions = provisioning.Disputed, at, nil
		}
		for _, a := range k.Accounts {
			w.result.Holders[a].Knot = at
		}
	}
}
