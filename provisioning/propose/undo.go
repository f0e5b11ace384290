package propose

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
)

// Sight is what the live system says of an account that a batch changed.
type Sight struct {
	// Profile and SignIn are the account's own record; ValueAbsent where there is none.
	Profile, SignIn provisioning.Observation
	// Aspects holds the present value of each aspect, of a place with what it holds (Observation.Pre); the places of all groups that the
	// account could come back into are among them.
	Aspects map[provisioning.Aspect]provisioning.Observation
	// Since names the latest batch of ours that touched an aspect since the unit did.
	Since map[provisioning.Aspect]int64
	// Unread says of an aspect why it could not be read.
	Unread map[provisioning.Aspect]string
	// Whole is the account with all that it holds, read for one that the batch created; nil where not.
	Whole *provisioning.Account
}

// Undone is what undoing one account's changes comes to.
type Undone struct {
	Changes []provisioning.Change // in the order in which they are done
	Kept    []provisioning.Kept
}

// Undo gives the changes that put back what a unit did (its footprints), of all that still reads as the unit left it. What reads as it
// did before is back already; what reads otherwise was changed by somebody else: it is a conflict, and so is what rests on it. A library
// is not left where that would take along what somebody else gave there. An account is closed before anything else and opened after
// everything else, so that it is never open with rights that it did not have.
func Undo(prints []provisioning.Footprint, s Sight, w World) Undone {
	u := undoing{s: s, w: w, places: make(map[string]bool)}
	if gone := s.SignIn.Value == provisioning.ValueAbsent; gone && !slices.ContainsFunc(prints, returns) {
		for i := range prints {
			u.keep(&prints[i], provisioning.KeptConflict, provisioning.ValueAbsent, "there is no such account any more")
		}
		return u.out
	}
	if s.SignIn.Managed || s.Profile.Managed {
		for i := range prints {
			u.keep(&prints[i], provisioning.KeptNever, "", "a directory sync owns the account now: it waits for the directory")
		}
		return u.out
	}
	u.profile()
	if len(prints) > 0 {
		u.account = prints[0].Account
	}
	prints = slices.Clone(prints)
	slices.SortStableFunc(prints, func(a, b provisioning.Footprint) int {
		return cmp.Or(turn(&a)-turn(&b), b.Seq-a.Seq, strings.Compare(a.Library, b.Library), strings.Compare(a.Object, b.Object))
	})
	for i := range prints {
		u.one(&prints[i])
	}
	u.strangers(prints)
	return u.out
}

// returns reports whether undoing brings the account into a library: on premises, one that is in none has no record at all.
func returns(f provisioning.Footprint) bool {
	return f.Sort == provisioning.AspectPlace && f.Left == provisioning.ValueAbsent
}

// turn is when a footprint's turn is in undoing: within a turn, the last change is undone first.
func turn(f *provisioning.Footprint) int {
	gives := f.Left == provisioning.ValueNoMember
	switch {
	case f.Sort == provisioning.AspectSignIn && f.Wish() == provisioning.ValueDisabled:
		return 0
	case f.Sort == provisioning.AspectGroup && f.Object == provisioning.NRTADMIN && !gives:
		return 1
	case returns(*f):
		return 2
	case f.Sort == provisioning.AspectGroup && f.Object == provisioning.NRTADMIN:
		return 4
	case f.Sort == provisioning.AspectPlace && f.Was == provisioning.ValueAbsent:
		return 5
	case f.Sort == provisioning.AspectSignIn:
		return 6
	default:
		return 3
	}
}

type undoing struct {
	s       Sight
	w       World
	account string
	own     *provisioning.Profile // nil: the account has no record of its own now
	out     Undone
	places  map[string]bool // the libraries that it does not come back into, though it was to
}

func (u *undoing) profile() {
	var p provisioning.Profile
	if json.Unmarshal([]byte(u.s.Profile.Value), &p) == nil && p.ID != "" {
		u.own = &p
	}
}

func (u *undoing) keep(f *provisioning.Footprint, sort provisioning.KeptSort, found, why string) {
	u.out.Kept = append(u.out.Kept, provisioning.Kept{
		Sort: sort, Account: f.Account, Kind: f.Kind, Library: f.Library, Object: f.Object, Found: found, Left: f.Left, Was: f.Was,
		Since: u.s.Since[f.Aspect], Why: why,
	})
	if returns(*f) && sort != provisioning.KeptBack {
		u.places[f.Library] = true
	}
}

// one decides about one footprint.
func (u *undoing) one(f *provisioning.Footprint) {
	if why := u.s.Unread[f.Aspect]; why != "" {
		u.keep(f, provisioning.KeptNever, "", "it could not be read: "+why)
		return
	}
	seen := u.s.Aspects[f.Aspect]
	absent := f.Sort == provisioning.AspectSignIn && seen.Value == provisioning.ValueAbsent && f.Left == provisioning.ValueDisabled
	place := f.Sort == provisioning.AspectPlace
	switch {
	case place && seen.Value == "":
		u.keep(f, provisioning.KeptNever, "", "its role there cannot be read")
		return
	case seen.Value == f.Wish():
		u.keep(f, provisioning.KeptBack, seen.Value, "it is so again already")
		return
	case seen.Value != f.Left && !absent: // on premises an account in no library has no record: it comes back closed
		u.keep(f, provisioning.KeptConflict, seen.Value, u.by(f.Aspect)+" changed it since")
		return
	}
	c, why := f.Inverse(u.assigned(f))
	if why != "" {
		u.keep(f, provisioning.KeptNever, seen.Value, why)
		return
	}
	for library := range u.places {
		if c.RestsOn(provisioning.Change{Kind: provisioning.AssignLibrary, Library: library}) {
			u.keep(f, provisioning.KeptConflict, seen.Value, "it rests on the place in "+library+", which is not put back")
			return
		}
	}
	switch c.Kind {
	case provisioning.TransferWorkspace:
		if c.After == f.Account && !u.in(c.Library) {
			u.keep(f, provisioning.KeptNever, seen.Value, "it is not in "+c.Library+", and whoever owns a workspace there must be")
			return
		}
	case provisioning.RemoveLibrary:
		c.Along = &provisioning.PreImage{Role: f.Left, Groups: u.leaves(f.Library)}
		if theirs := u.others(f, seen, c.Along); theirs != "" {
			u.keep(f, provisioning.KeptConflict, seen.Value, "leaving it would take along "+theirs)
			return
		}
	case provisioning.JoinGroup, provisioning.LeaveGroup:
		if c.Kind == provisioning.JoinGroup && !u.in(c.Library) {
			u.keep(f, provisioning.KeptConflict, seen.Value, "it is no longer in "+c.Library)
			return
		}
		if g, known := u.w.Group(provisioning.GroupRef{Library: c.Library, Group: c.Object}); known && !g.Enabled {
			c.ByHand = "the group is disabled, and iManage lets nobody join or leave it while it is"
		}
	default:
	}
	u.out.Changes = append(u.out.Changes, u.w.hand(c))
}

// assigned is the profile that an assignment to a library carries: the account's own as it stands, else the one that was there before,
// closed where the account is, so that it comes back into no library open.
func (u *undoing) assigned(f *provisioning.Footprint) *provisioning.Profile {
	from := cmp.Or(u.own, f.Profile)
	if from == nil {
		return nil
	}
	p := *from
	p.Closed = u.s.SignIn.Value != provisioning.ValueEnabled || slices.ContainsFunc(u.out.Changes, func(c provisioning.Change) bool {
		return c.Kind == provisioning.DisableAccount
	})
	return &p
}

// in reports whether the account is in a library, or comes back into it; nobody needs a place for a global group.
func (u *undoing) in(library string) bool {
	if library == "" {
		return true
	}
	return u.s.Aspects[provisioning.Change{Kind: provisioning.AssignLibrary, Account: u.account, Library: library}.Aspect()].Value != provisioning.ValueAbsent ||
		slices.ContainsFunc(u.out.Changes, func(c provisioning.Change) bool {
			return c.Kind == provisioning.AssignLibrary && c.Library == library
		})
}

// leaves are the groups of a library that the undo takes the account out of.
func (u *undoing) leaves(library string) []string {
	var groups []string
	for _, c := range u.out.Changes {
		if c.Kind == provisioning.LeaveGroup && c.Library == library {
			groups = append(groups, c.Object)
		}
	}
	slices.Sort(groups)
	return groups
}

// by says who changed an aspect since.
func (u *undoing) by(a provisioning.Aspect) string {
	if b := u.s.Since[a]; b != 0 {
		return fmt.Sprintf("batch %d", b)
	}
	return "somebody else"
}

// others names the groups of a library that would go with it and are none of what the undone batch gave.
func (u *undoing) others(f *provisioning.Footprint, seen provisioning.Observation, along *provisioning.PreImage) string {
	if seen.Pre == nil {
		return ""
	}
	var theirs []string
	for _, g := range seen.Pre.Groups {
		if !slices.ContainsFunc(along.Groups, func(ours string) bool { return strings.EqualFold(ours, g) }) {
			joined := provisioning.Change{Kind: provisioning.JoinGroup, Account: f.Account, Library: f.Library, Object: g}
			theirs = append(theirs, "the group "+g+", which "+u.by(joined.Aspect())+" gave")
		}
	}
	return strings.Join(theirs, ", and ")
}

// strangers tells what an account that the batch created holds beside what the batch gave it: it is somebody else's, and stays.
func (u *undoing) strangers(prints []provisioning.Footprint) {
	a := u.s.Whole
	if a == nil {
		return
	}
	ours := make(map[provisioning.Aspect]bool, len(prints))
	for i := range prints {
		ours[prints[i].Aspect] = true
	}
	tell := func(c provisioning.Change) {
		if ours[c.Aspect()] {
			return
		}
		u.out.Kept = append(u.out.Kept, provisioning.Kept{
			Sort: provisioning.KeptConflict, Account: a.ID, Kind: c.Kind, Library: c.Library, Object: c.Object, Found: c.After, Left: c.Before, Was: c.Before,
			Since: u.s.Since[c.Aspect()], Why: fmt.Sprintf("%s gave it %s since: the account does not end bare", u.by(c.Aspect()), right(c)),
		})
	}
	for _, m := range a.Memberships {
		tell(provisioning.Change{Kind: provisioning.AssignLibrary, Account: a.ID, Library: m.Library, Before: provisioning.ValueAbsent, After: m.Role})
	}
	for _, g := range a.Groups {
		tell(provisioning.Change{
			Kind: provisioning.JoinGroup, Account: a.ID, Library: g.Library, Object: g.Group, Before: provisioning.ValueNoMember, After: provisioning.ValueMember,
		})
	}
	for _, r := range a.GlobalRoles {
		tell(provisioning.Change{Kind: provisioning.GiveGlobalRole, Account: a.ID, Object: r, Before: provisioning.ValueNoMember, After: provisioning.ValueMember})
	}
}

func right(c provisioning.Change) string {
	switch c.Kind {
	case provisioning.AssignLibrary:
		return "the library " + c.Library
	case provisioning.JoinGroup:
		return "the group " + provisioning.GroupRef{Library: c.Library, Group: c.Object}.String()
	default:
		return "the global role " + c.Object
	}
}
