package certify

import "rollcall/provisioning"

// seat is what makes two people peers. Who has neither an office nor a practice nor a title has none.
type seat struct{ office, practice, title string }

// seatAccess is one access of a seat. A place in a library is the same one only with the same role.
type seatAccess struct {
	seat int32
	holding
}

// seats counts who in a seat has what: live people with an enabled account, each once.
type seats struct {
	rows  []Row
	of    []int32                        // the seat of a row's person; -1: none
	count []bool                         // whether the row is counted
	first map[provisioning.PersonKey]int // the counted row of a person
	live  []int32                        // by seat
	have  map[seatAccess]int32
}

func newSeats(rows []Row, fold func(string) string) *seats {
	s := &seats{
		rows: rows, of: make([]int32, len(rows)), count: make([]bool, len(rows)),
		first: make(map[provisioning.PersonKey]int, len(rows)), have: make(map[seatAccess]int32),
	}
	numbers := make(map[seat]int32)
	for i := range rows {
		s.of[i] = -1
		p := rows[i].Person
		if p == nil || rows[i].Account == nil {
			continue
		}
		k := seat{fold(p.Office), fold(p.Department), fold(p.Title)}
		if k == (seat{}) {
			continue
		}
		n, ok := numbers[k]
		if !ok {
			n = int32(len(numbers)) //nolint:gosec // no more seats than rows
			numbers[k] = n
			s.live = append(s.live, 0)
		}
		s.of[i] = n
		if !p.Status.Live() || rows[i].Away || !rows[i].Account.Enabled {
			continue
		}
		if _, again := s.first[p.Key]; again {
			continue
		}
		s.first[p.Key] = i
		s.count[i] = true
		s.live[n]++
		each(rows[i].Account, func(h holding) { s.have[seatAccess{n, h}]++ })
	}
	return s
}

// each visits what an account holds, as it stands.
func each(a *provisioning.Account, visit func(holding)) {
	for i := range a.Memberships {
		visit(holding{kind: provisioning.ReviewLibrary, library: a.Memberships[i].Library, role: a.Memberships[i].Role})
	}
	for _, g := range a.Groups {
		visit(holding{kind: provisioning.ReviewGroup, library: g.Library, object: g.Group})
	}
	for _, r := range a.GlobalRoles {
		visit(holding{kind: provisioning.ReviewGlobalRole, object: r})
	}
}

// peers says how many others are in the seat of a row's person, and how many of those have an access.
func (s *seats) peers(row int, h *holding) (others, have int) {
	n := s.of[row]
	if n < 0 {
		return 0, 0
	}
	others = int(s.live[n])
	has := others // every live one has an enabled account
	if h.kind != provisioning.ReviewAccount {
		has = int(s.have[seatAccess{n, *h}])
	}
	switch i, counted := s.first[s.rows[row].Person.Key]; {
	case s.count[row]:
		return others - 1, has - 1
	case counted && s.of[i] == n: // the person's other account is the counted one
		others--
		holds := h.kind == provisioning.ReviewAccount
		each(s.rows[i].Account, func(other holding) { holds = holds || other == *h })
		if holds {
			has--
		}
	}
	return others, has
}
