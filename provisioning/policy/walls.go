package policy

import (
	"cmp"
	"slices"
	"sync"

	"rollcall/provisioning"
)

// Conflict is two groups that a wall keeps apart, and that one account holds.
type Conflict struct {
	Wall string
	A, B provisioning.Entitlement
}

// mostGroups bounds what is remembered of groups; then it is forgotten and found anew.
const mostGroups = 1 << 17

// side is one side of one wall, both by their place.
type side struct{ wall, side int }

// walls answers which sides a group stands on.
type walls struct {
	names []string
	sides [][]groupGlob

	mu   sync.RWMutex
	kept map[provisioning.GroupRef][]side // sorted; nil for a group on no side
}

func newWalls(list []Wall) *walls {
	w := &walls{kept: make(map[provisioning.GroupRef][]side)}
	for _, wall := range list {
		globs := make([]groupGlob, len(wall.Groups))
		for i, g := range wall.Groups {
			globs[i] = newGroupGlob(g)
		}
		w.names, w.sides = append(w.names, wall.Name), append(w.sides, globs)
	}
	return w
}

// of lists the sides that a group stands on.
func (w *walls) of(g provisioning.GroupRef) []side {
	if len(w.sides) == 0 {
		return nil
	}
	w.mu.RLock()
	sides, known := w.kept[g]
	w.mu.RUnlock()
	if known {
		return sides
	}
	return w.learn(g)
}

// learn finds out on which sides a group stands.
func (w *walls) learn(g provisioning.GroupRef) (sides []side) {
	for i := range w.sides {
		for j := range w.sides[i] {
			if w.sides[i][j].matchGroup(g) {
				sides = append(sides, side{i, j})
			}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.kept) >= mostGroups {
		clear(w.kept)
	}
	w.kept[g] = sides
	return sides
}

// beside counts the groups that stand at some wall, up to two; a group that was never met counts.
func (w *walls) beside(groups []provisioning.GroupRef) int {
	w.mu.RLock()
	defer w.mu.RUnlock()
	n := 0
	for _, g := range groups {
		if sides, known := w.kept[g]; !known || len(sides) > 0 {
			if n++; n == 2 {
				break
			}
		}
	}
	return n
}

// apart finds the first wall that two groups stand on different sides of, -1 where there is none. Two groups that stand on the same
// one side are not apart; a group that stands on two sides is apart from every other on either.
func apart(a, b []side) int {
	for _, s := range a {
		for _, t := range b {
			if s.wall == t.wall && s.side != t.side {
				return s.wall
			}
		}
	}
	return -1
}

// standing is a held group with its sides.
type standing struct {
	e     provisioning.Entitlement
	sides []side
}

// standings are the held groups that stand at a wall, each once, sorted.
func (w *walls) standings(held []provisioning.Entitlement) []standing {
	var list []standing
	for _, e := range held {
		if e.Kind != provisioning.EntitlementGroup {
			continue
		}
		if sides := w.of(e.Group()); len(sides) > 0 {
			list = append(list, standing{e, sides})
		}
	}
	slices.SortFunc(list, func(a, b standing) int { return a.e.Compare(b.e) })
	return slices.CompactFunc(list, func(a, b standing) bool { return a.e == b.e })
}

// Conflicts lists every two of some groups that a wall keeps apart: by wall in the file's order, then by the groups, A before B.
func (p *Policy) Conflicts(held []provisioning.Entitlement) []Conflict {
	w := p.engine().walls
	type found struct {
		wall int
		Conflict
	}
	var all []found
	list := w.standings(held)
	for i := range list {
		for j := i + 1; j < len(list); j++ {
			last := -1
			for _, s := range list[i].sides {
				if s.wall != last && apart([]side{s}, list[j].sides) >= 0 {
					last = s.wall
					all = append(all, found{s.wall, Conflict{w.names[s.wall], list[i].e, list[j].e}})
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b found) int { return cmp.Compare(a.wall, b.wall) })
	if len(all) == 0 {
		return nil
	}
	conflicts := make([]Conflict, len(all))
	for i := range all {
		conflicts[i] = all[i].Conflict
	}
	return conflicts
}

// ConflictsWith finds a held group that a wall keeps apart from a right: A is the right, B the held one.
func (p *Policy) ConflictsWith(e provisioning.Entitlement, held []provisioning.Entitlement) (Conflict, bool) {
	w := p.engine().walls
	if e.Kind != provisioning.EntitlementGroup {
		return Conflict{}, false
	}
	sides := w.of(e.Group())
	if len(sides) == 0 {
		return Conflict{}, false
	}
	for _, s := range w.standings(held) {
		if s.e == e {
			continue
		}
		if wall := apart(sides, s.sides); wall >= 0 {
			return Conflict{w.names[wall], e, s.e}, true
		}
	}
	return Conflict{}, false
}

// Breaks reports whether an account that holds these groups breaks a wall. It costs no allocation where it does not.
func (p *Policy) Breaks(groups []provisioning.GroupRef) bool {
	w := p.engine().walls
	if len(w.sides) == 0 || len(groups) < 2 || w.beside(groups) < 2 {
		return false
	}
	for i, a := range groups {
		sides := w.of(a)
		if len(sides) == 0 {
			continue
		}
		for _, b := range groups[i+1:] {
			if a != b && apart(sides, w.of(b)) >= 0 {
				return true
			}
		}
	}
	return false
}
