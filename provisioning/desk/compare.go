package desk

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/compare"
	"rollcall/provisioning/correlate"
	"rollcall/provisioning/names"
	"rollcall/provisioning/propose"
)

// compared is what a roll was made of. It is immutable.
type compared struct {
	snap    *provisioning.Snapshot
	links   *correlate.Result
	result  *compare.Result
	world   propose.World
	account map[string]int // id → index
	subject map[string]int // row key → subject
	all     []Row          // of everybody, those whom the document system does not serve among them; sorted
}

// compareAnew correlates and compares a snapshot, remembers the exact links, and puts the new roll in place.
func (d *Desk) compareAnew(ctx context.Context, snap *provisioning.Snapshot) (*Roll, error) {
	anchors, err := d.deps.Store.Anchors(ctx)
	if err != nil {
		return nil, err
	}
	decisions, err := d.deps.Store.Decisions(ctx)
	if err != nil {
		return nil, err
	}
	merged := correlate.Merge(correlate.Sources{People: snap.People, Absent: snap.Absent, Order: d.order(), Prefer: d.deps.Prefer})
	links := correlate.Correlate(correlate.Input{
		People: merged.People, Absent: merged.Absent, Accounts: snap.Accounts, Anchors: anchors, Decisions: decisions,
	})
	people, accounts := d.proven(snap)
	unused, err := d.unusedAccounts(ctx)
	if err != nil {
		return nil, err
	}
	st := &compared{
		snap: snap, links: links, account: make(map[string]int, len(snap.Accounts)), subject: make(map[string]int, len(links.Subjects)),
		result: compare.Compare(compare.Input{
			Correlation: links, Accounts: snap.Accounts, Policy: d.policy(), PeopleProven: people, AccountsProven: accounts,
			Clashes: merged.Clashes, At: d.now(), Serves: d.serves, Unused: unused,
		}),
	}
	for i := range snap.Accounts {
		st.account[snap.Accounts[i].ID] = i
	}
	st.world = d.world(st)
	if d.deps.Store.ReadOnly() == "" {
		if err := d.deps.Store.SaveAnchors(ctx, newAnchors(snap, links, anchors)); err != nil {
			return nil, err
		}
	}
	rows := st.rows()
	st.all = slices.Clone(rows)
	if len(d.deps.Offices) > 0 {
		rows = slices.DeleteFunc(rows, func(r Row) bool { return r.Person != nil && len(r.Accounts) == 0 && !d.serves(r.Person) })
	}
	d.mu.Lock()
	d.gen++
	gen := d.gen
	d.mu.Unlock()
	roll := NewRoll(d.deps.Firm, d.deps.Operator.Name, snap.TakenAt, d.sources(snap), rows)
	roll.Gen = gen
	d.state.Store(st)
	d.roll.Store(roll)
	fd := &finder{roll: roll}
	d.mu.Lock()
	d.finder = fd
	d.mu.Unlock()
	d.work.Go(fd.build) // so that the first key of a search finds its index made
	return roll, nil
}

// serves reports whether the document system is that of a person's office.
func (d *Desk) serves(p *provisioning.Person) bool {
	return len(d.deps.Offices) == 0 || slices.ContainsFunc(d.deps.Offices, func(office string) bool { return strings.EqualFold(office, p.Office) })
}

// proven says whether every directory, and the document system, was read whole.
func (d *Desk) proven(snap *provisioning.Snapshot) (people, accounts bool) {
	people = len(d.deps.Directories) > 0
	for _, p := range snap.Proofs {
		if p.Source == d.deps.DMS.Name() {
			accounts = p.Complete
		} else {
			people = people && p.Complete
		}
	}
	return people, accounts
}

// order names the directories in the order of their priority.
func (d *Desk) order() []string {
	names := make([]string, len(d.deps.Directories))
	for i, directory := range d.deps.Directories {
		names[i] = directory.Name()
	}
	return names
}

func (d *Desk) sources(snap *provisioning.Snapshot) []Source {
	var sources []Source
	for _, p := range snap.Proofs {
		s := Source{Name: p.Source, System: p.System, Count: p.Seen, Proof: p, ReadAt: p.At}
		s.Document = p.Source == d.deps.DMS.Name()
		sources = append(sources, s)
	}
	return sources
}

// newAnchors are the exact links of this comparison: new ones, and those whose LastSeen moved by a day or more.
func newAnchors(snap *provisioning.Snapshot, links *correlate.Result, old []provisioning.Anchor) []provisioning.Anchor {
	const day = 24
	seen := make(map[provisioning.PersonKey]provisioning.Anchor, len(old))
	for _, a := range old {
		seen[a.Person] = a
	}
	var anchors []provisioning.Anchor
	for i := range links.Subjects {
		s := &links.Subjects[i]
		if s.Account < 0 {
			continue
		}
		a := &snap.Accounts[s.Account]
		for _, key := range s.Person.Keys() { // whichever directory knows them next year, the account stays theirs
			if known, ok := seen[key]; ok && known.Account == a.ID && snap.TakenAt.Sub(known.LastSeen).Hours() < day {
				continue
			}
			anchors = append(anchors, provisioning.Anchor{
				Account: a.ID, Person: key, Evidence: evidenceLine(links.Evidence(s, a)), FirstSeen: snap.TakenAt, LastSeen: snap.TakenAt,
			})
		}
	}
	return anchors
}

// world answers what a mend must know of the rest of the roll.
func (d *Desk) world(st *compared) propose.World {
	groups := make(map[provisioning.GroupRef]provisioning.Group, len(st.snap.Groups))
	for _, g := range st.snap.Groups {
		groups[g.Ref] = g
	}
	libraries := make(map[string]bool, len(st.snap.Libraries))
	for _, l := range st.snap.Libraries {
		libraries[l.ID] = true
	}
	claims := make(map[names.LoginKey]int, len(st.links.Subjects))
	for i := range st.links.Subjects {
		if s := &st.links.Subjects[i]; s.Live() {
			if k, err := names.Login(s.Person.SSOName); err == nil {
				claims[k]++
			}
		}
	}
	emails := make(map[names.LoginKey]string, len(st.snap.Accounts))
	for i := range st.snap.Accounts {
		if k, err := names.Login(st.snap.Accounts[i].Email); err == nil {
			emails[k] = st.snap.Accounts[i].ID
		}
	}
	return propose.World{
		Policy:         d.policy(),
		At:             d.now(),
		ByHand:         d.byHand,
		Group:          func(r provisioning.GroupRef) (provisioning.Group, bool) { g, ok := groups[r]; return g, ok },
		Library:        func(id string) bool { return libraries[id] },
		Administrators: st.otherAdministrators,
		Claims: func(id string) int {
			k, err := names.Login(id)
			if err != nil {
				return 0
			}
			return claims[k]
		},
		TakenID: func(id string) (string, bool) {
			i, ok := st.account[strings.ToUpper(id)]
			if !ok {
				return "", false
			}
			return st.snap.Accounts[i].FullName, true
		},
		TakenMail: func(email string) (string, bool) {
			k, err := names.Login(email)
			if err != nil {
				return "", false
			}
			by, ok := emails[k]
			return by, ok
		},
	}
}

// mend asks for the changes that mend a row.
func (d *Desk) mend(st *compared, row *Row) propose.Proposal {
	if row.Absence != nil && !row.Absence.Proven {
		return propose.Proposal{Hold: "absence not proven: " + row.Absence.How}
	}
	return propose.Mend(propose.Row{
		Person: row.Person, Account: row.Account(), Mismatches: row.Mismatches, Suggestions: row.Suggestions,
	}, st.world)
}

// otherAdministrators counts the enabled members of a library's NRTADMIN but one.
func (st *compared) otherAdministrators(library, account string) int {
	n := 0
	for i := range st.snap.Accounts {
		a := &st.snap.Accounts[i]
		if a.Enabled && a.ID != account && slices.Contains(a.Groups, provisioning.GroupRef{Library: library, Group: provisioning.NRTADMIN}) {
			n++
		}
	}
	return n
}

// rows makes the roll's rows in the order in which names are looked up: one for each person, and one for each account that
// stands in no person's row.
func (st *compared) rows() []Row {
	rows := make([]Row, 0, len(st.links.Subjects)+64)
	shown := make([]bool, len(st.snap.Accounts))
	for i := range st.links.Subjects {
		s := &st.links.Subjects[i]
		row := Row{
			Key: personRowKey(s.Person.Key), Person: s.Person, Absence: s.Absence, Suggestions: s.Suggestions, Away: !s.Live(),
		}
		st.subject[row.Key] = i
		add := func(at int) {
			shown[at] = true
			row.Accounts = append(row.Accounts, &st.snap.Accounts[at])
		}
		switch {
		case s.Account >= 0:
			row.Linked = true
			add(s.Account)
		case s.Knot >= 0:
			for _, at := range st.links.Knots[s.Knot].Accounts {
				add(at)
			}
		default:
			for _, at := range s.Reused {
				add(at)
			}
		}
		st.mismatches(&row, st.result.BySubject[i], shown)
		rows = append(rows, row)
	}
	for i := range st.snap.Accounts {
		if shown[i] {
			continue
		}
		row := Row{Key: accountRowKey(st.snap.Accounts[i].ID), Accounts: []*provisioning.Account{&st.snap.Accounts[i]}}
		st.mismatches(&row, st.result.ByAccount[i], shown)
		rows = append(rows, row)
	}
	tellApart(rows)
	sortRows(rows)
	return rows
}

// mismatches puts a row's mismatches on it, the worst first, and the accounts that they name behind the linked one.
func (st *compared) mismatches(row *Row, indexes []int, shown []bool) {
	for _, at := range indexes {
		m := &st.result.Mismatches[at]
		row.Mismatches = append(row.Mismatches, m)
		if row.Person == nil {
			continue
		}
		for _, id := range m.Accounts {
			i := st.account[id]
			if a := &st.snap.Accounts[i]; !slices.Contains(row.Accounts, a) {
				row.Accounts = append(row.Accounts, a)
				shown[i] = true
			}
		}
	}
	slices.SortStableFunc(row.Mismatches, func(a, b *provisioning.Mismatch) int { return a.Kind.Rank() - b.Kind.Rank() })
}

// sortRows orders rows as people say the names; the keys are made once.
func sortRows(rows []Row) {
	keys := make([]struct {
		key string
		at  int
	}, len(rows))
	for i := range rows {
		keys[i].key, keys[i].at = names.Fold(sortName(&rows[i]))+"\x00"+rows[i].Key, i
	}
	slices.SortFunc(keys, func(a, b struct {
		key string
		at  int
	},
	) int {
		return strings.Compare(a.key, b.key)
	})
	sorted := make([]Row, len(rows))
	for i, k := range keys {
		sorted[i] = rows[k.at]
	}
	copy(rows, sorted)
}

// tellApart gives people of one name what tells them apart: the year of birth, the office, or the employee number.
func tellApart(rows []Row) {
	same := make(map[string][]int)
	for i := range rows {
		if p := rows[i].Person; p != nil {
			k := names.Fold(p.FullName)
			same[k] = append(same[k], i)
		}
	}
	for _, group := range same {
		if len(group) < 2 {
			continue
		}
		for _, tell := range []func(*provisioning.Person) string{
			func(p *provisioning.Person) string { return p.BirthYear },
			func(p *provisioning.Person) string { return p.Office },
			func(p *provisioning.Person) string { return "no. " + p.EmployeeNumber },
		} {
			values := make(map[string]bool)
			for _, i := range group {
				values[tell(rows[i].Person)] = true
			}
			if len(values) == len(group) && !values[""] {
				for _, i := range group {
					rows[i].Apart = tell(rows[i].Person)
				}
				break
			}
		}
	}
}

// Decide remembers an operator's word that an account is, or is not, a person's, and compares anew.
func (d *Desk) Decide(ctx context.Context, person provisioning.PersonKey, account string, theirs bool, reason string) (*Roll, error) {
	if err := d.mayChange(); err != nil {
		return nil, err
	}
	st := d.state.Load()
	if st == nil {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "nothing has been read yet", Hint: "press r to read"}
	}
	word := "is not theirs"
	if theirs {
		word = "is theirs"
	}
	decision := provisioning.Decision{Person: person, Account: account, Theirs: theirs, By: d.deps.Operator.Name, At: d.now(), Reason: reason}
	e := d.event(provisioning.EventDecision, account, fmt.Sprintf("%s %s %s. %s", account, word, person, reason))
	if err := d.deps.Store.Decide(ctx, decision, e); err != nil {
		return nil, err
	}
	return d.compareAnew(ctx, st.snap)
}
