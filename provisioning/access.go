package provisioning

import (
	"context"
	"slices"
	"strings"
	"time"
)

// AccessState is what one account could open from one moment to another: one row of the history that "as of" answers from.
type AccessState struct {
	Account string    `json:"account"`
	Since   time.Time `json:"since"`          // when it was first seen so
	Until   time.Time `json:"until,omitzero"` // when it was first seen otherwise; zero: it is so still
	// Before is the last moment at which it was seen otherwise: between Before and Since somebody changed it. It is Since where rollcall
	// changed it itself, and zero where the history of the account begins. Last is the same of the row that follows: the last moment
	// at which this one was seen; zero where none follows.
	Before time.Time `json:"before,omitzero"`
	Last   time.Time `json:"last,omitzero"`
	// How says what it was learnt from: a read, or a batch and its change.
	How         string       `json:"how"`
	FullName    string       `json:"full_name"`
	Exists      bool         `json:"exists"`
	Enabled     bool         `json:"enabled"` // allow_logon on the global record
	Memberships []Membership `json:"memberships,omitempty"`
	Groups      []GroupRef   `json:"groups,omitempty"`
	GlobalRoles []string     `json:"global_roles,omitempty"`
}

// AccessReads are the complete reads of the document system around a moment; zero where there is none.
type AccessReads struct {
	Begins time.Time // of the history: a moment before it knows nothing
	Before time.Time // the last one at or before the moment
	After  time.Time // the first one after it
}

// AccessHistory is the part of a Store that keeps what every account could open, and when. SaveSnapshot writes it by a complete read of
// the document system, and each confirmed op by itself.
type AccessHistory interface {
	// AccessAsOf tells what was known of every account at a moment, by account: of one account, or of all where account is "".
	AccessAsOf(ctx context.Context, at time.Time, account string, visit func(AccessState) error) (AccessReads, error)
	// AccessOf returns an account's whole history, oldest first.
	AccessOf(ctx context.Context, account string) ([]AccessState, error)
	// AccessWalk tells the whole history of every account: by account, and of each the oldest first.
	AccessWalk(ctx context.Context, visit func(AccessState) error) error
}

// StateOf is what an account can open.
func StateOf(a *Account) AccessState {
	return AccessState{
		Account: a.ID, FullName: a.FullName, Exists: true, Enabled: a.Enabled, Memberships: a.Memberships, Groups: a.Groups, GlobalRoles: a.GlobalRoles,
	}
}

// With is the state after a change took effect, and whether that touches what the account can open at all. Where it is not known what
// else a change does, the state says rather too much than too little: a closed account's libraries stay open until they are read closed
// (contracts/imanage.md 3: up to eight hours), an opened one's are open at once.
func (s AccessState) With(c Change) (after AccessState, touched bool) {
	after = s
	after.Memberships, after.Groups, after.GlobalRoles = slices.Clone(s.Memberships), slices.Clone(s.Groups), slices.Clone(s.GlobalRoles)
	in := func(m Membership) bool { return m.Library == c.Library }
	ref := GroupRef{Library: c.Library, Group: c.Object}
	switch c.Kind {
	case CreateAccount:
		after.Exists, after.Enabled = true, true
		if c.Profile != nil {
			after.FullName = c.Profile.FullName
		}
	case EnableAccount:
		after.Enabled = true
		for i := range after.Memberships {
			after.Memberships[i].Enabled = true
		}
	case DisableAccount:
		after.Enabled = false
	case AssignLibrary, SetLibraryRole:
		if i := slices.IndexFunc(after.Memberships, in); i >= 0 {
			after.Memberships[i].Role = c.After
		} else {
			after.Memberships = append(after.Memberships, Membership{Library: c.Library, Role: c.After, Enabled: c.Profile == nil || !c.Profile.Closed})
			slices.SortFunc(after.Memberships, func(a, b Membership) int { return strings.Compare(a.Library, b.Library) })
		}
	case RemoveLibrary:
		after.Memberships = slices.DeleteFunc(after.Memberships, in)
		after.Groups = slices.DeleteFunc(after.Groups, func(g GroupRef) bool { return g.Library == c.Library })
	case JoinGroup:
		if !slices.Contains(after.Groups, ref) {
			after.Groups = append(after.Groups, ref)
			slices.SortFunc(after.Groups, func(a, b GroupRef) int {
				if n := strings.Compare(a.Library, b.Library); n != 0 {
					return n
				}
				return strings.Compare(a.Group, b.Group)
			})
		}
	case LeaveGroup:
		after.Groups = slices.DeleteFunc(after.Groups, func(g GroupRef) bool { return g == ref })
	case GiveGlobalRole:
		if !slices.Contains(after.GlobalRoles, c.Object) {
			after.GlobalRoles = append(after.GlobalRoles, c.Object)
			slices.Sort(after.GlobalRoles)
		}
	case RemoveGlobalRole:
		after.GlobalRoles = slices.DeleteFunc(after.GlobalRoles, func(r string) bool { return r == c.Object })
	default:
		return s, false
	}
	return after, true
}

// Unsure reports whether the state at a moment lies between two sights: somebody changed the account after the last sight of this
// state and before it was seen otherwise, and nobody knows on which side of the moment.
func (s *AccessState) Unsure(at time.Time) bool {
	return !s.Until.IsZero() && at.After(s.Last) && at.Before(s.Until)
}

// Opens says an account's place in a library, where it has one. open is whether it could be opened as far as is known: the library's own
// record lets it in, whatever the global one says, for that may be late (DESIGN 5, seen off).
func (s *AccessState) Opens(library string) (m Membership, open bool) {
	i := slices.IndexFunc(s.Memberships, func(m Membership) bool { return m.Library == library })
	if i < 0 || !s.Exists {
		return Membership{}, false
	}
	return s.Memberships[i], s.Memberships[i].Enabled
}
