package provisioning

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// PreImage is what an account has in a library beside its place there: what leaving the library takes along.
type PreImage struct {
	Role    string   `json:"role,omitempty"`    // "": not known
	Groups  []string `json:"groups,omitempty"`  // of the library, sorted
	Profile *Profile `json:"profile,omitempty"` // of the library's own record
}

// Within reports whether a removal that may take along no more than that takes nothing else.
func (p *PreImage) Within(along *PreImage) bool {
	return p.Role == along.Role && !slices.ContainsFunc(p.Groups, func(g string) bool { return !hasFold(along.Groups, g) })
}

// Encode gives what a removal may take along as one canonical string, which no profile's is.
func (p *PreImage) Encode() string {
	return fmt.Sprintf("along %q %q", p.Role, p.Groups)
}

func hasFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(have string) bool { return strings.EqualFold(have, s) })
}

// AspectSort is a sort of thing that a change can touch.
type AspectSort string

// The sorts. A library's place holds the role (an account has exactly one there), or ValueAbsent.
const (
	AspectSignIn     AspectSort = "sign-in"
	AspectField      AspectSort = "field"
	AspectPlace      AspectSort = "place"
	AspectGroup      AspectSort = "group"
	AspectGlobalRole AspectSort = "global role"
	AspectOwner      AspectSort = "owner"
	AspectLock       AspectSort = "lock"
)

// Aspect is one thing about an account that has a value at any time. Changes of different kinds touch the same one: it is joined and
// left, enabled and disabled. It is comparable.
type Aspect struct {
	Sort    AspectSort
	Account string
	Library string
	Object  string // a field, a group upper-cased, a global role, a workspace or a document
}

// Aspect is what the change touches.
func (c Change) Aspect() Aspect {
	a := Aspect{Account: c.Account, Library: c.Library}
	switch c.Kind {
	case SetAttribute:
		a.Sort, a.Object = AspectField, c.Object
	case AssignLibrary, SetLibraryRole, RemoveLibrary:
		a.Sort = AspectPlace
	case JoinGroup, LeaveGroup:
		a.Sort, a.Object = AspectGroup, strings.ToUpper(c.Object)
	case RemoveGlobalRole, GiveGlobalRole:
		a.Sort, a.Object = AspectGlobalRole, c.Object
	case TransferWorkspace:
		a.Sort, a.Object = AspectOwner, c.Object
	case ReleaseLock:
		a.Sort, a.Object = AspectLock, c.Object
	default:
		a.Sort = AspectSignIn
	}
	return a
}

// Footprint is what a unit did to one aspect: the value before its first change and the one after its last.
type Footprint struct {
	Aspect
	Was  string // ValueAbsent of a sign-in: the unit created the account; "" of a place: the role was not known
	Left string
	Kind ChangeKind // of the last change
	Seq  int        // of the last change
	// Profile is what the account's own record in a library said before it left it, for an account that is nowhere else.
	Profile *Profile
}

// Wish is the value that undoing aims at: the one before. iManage deletes no user, so a created account ends disabled (DESIGN 4).
func (f *Footprint) Wish() string {
	if f.Sort == AspectSignIn && f.Was == ValueAbsent {
		return ValueDisabled
	}
	return f.Was
}

// Footprints tells what a unit did, one row an aspect that has another value now, in the order of the last change: of its confirmed
// changes alone, those that were done by hand and read back among them. A removal from a library took the role and the groups there
// along, by its pre-image. kept are the changes of the unit that can never be undone, or of which nobody knows yet.
func (u *Unit) Footprints() (prints []Footprint, kept []Kept) {
	at := make(map[Aspect]int)
	step := func(a Aspect, kind ChangeKind, seq int, was, left string) {
		i, met := at[a]
		if !met {
			i = len(prints)
			at[a] = i
			prints = append(prints, Footprint{Aspect: a, Was: was})
		}
		f := &prints[i]
		f.Left, f.Kind, f.Seq = left, kind, seq
	}
	for i := range u.Ops {
		op := &u.Ops[i]
		c := op.Change
		if why := notToUndo(op); why != "" {
			kept = append(kept, u.keep(c, why))
		}
		if op.State != OpConfirmed {
			continue
		}
		switch c.Kind {
		case ReleaseLock:
		case CreateAccount:
			step(c.Aspect(), c.Kind, op.Seq, ValueAbsent, ValueEnabled)
		case RemoveLibrary:
			pre := cmp.Or(op.Pre, &PreImage{})
			step(c.Aspect(), c.Kind, op.Seq, pre.Role, ValueAbsent)
			prints[at[c.Aspect()]].Profile = pre.Profile
			for _, g := range pre.Groups {
				along := Change{Kind: LeaveGroup, Account: c.Account, Library: c.Library, Object: g}
				step(along.Aspect(), along.Kind, op.Seq, ValueMember, ValueNoMember)
			}
		default:
			step(c.Aspect(), c.Kind, op.Seq, c.Before, c.After)
		}
	}
	prints = slices.DeleteFunc(prints, func(f Footprint) bool { return f.Wish() == f.Left })
	slices.SortStableFunc(prints, func(a, b Footprint) int { return a.Seq - b.Seq })
	return prints, kept
}

// notToUndo says why a change is not undone that an operator may expect to be; "" where there is nothing to say.
func notToUndo(op *Op) string {
	switch {
	case op.State == OpByHand:
		return "its step by hand is open: leave it undone, or undo the batch again once it is ticked"
	case op.State == OpSent:
		return "it was sent, and nobody has read back yet whether it took effect: resume the batch first"
	case op.State != OpConfirmed:
		return ""
	case op.Change.Kind == ReleaseLock:
		return "a check-out that was ended cannot be put back"
	case op.Change.Kind == CreateAccount:
		return "iManage deletes no user: the account stays, disabled and without anything that the batch gave it"
	default:
		return ""
	}
}

func (u *Unit) keep(c Change, why string) Kept {
	return Kept{Sort: KeptNever, Account: u.Account, Name: u.Name, Kind: c.Kind, Library: c.Library, Object: c.Object, Left: c.After, Was: c.Before, Why: why}
}

// Inverse is the change that takes the aspect from what the unit left to what was before. profile is the account's own, as it stands.
// why says that there is none: the value before is not known. A removal from a library may take along what the caller says.
func (f *Footprint) Inverse(profile *Profile) (c Change, why string) {
	c = Change{Account: f.Account, Library: f.Library, Object: f.Object, Before: f.Left, After: f.Wish()}
	in := c.After == ValueMember
	switch f.Sort {
	case AspectSignIn:
		c.Kind = EnableAccount
		if c.After == ValueDisabled {
			c.Kind = DisableAccount
		}
	case AspectField:
		c.Kind = SetAttribute
	case AspectPlace:
		switch {
		case f.Was == "":
			return Change{}, "its role there before is not known: assign it by hand"
		case f.Was == ValueAbsent:
			c.Kind, c.Before = RemoveLibrary, ValueMember
		case f.Left == ValueAbsent:
			c.Kind, c.Profile = AssignLibrary, profile
		default:
			c.Kind = SetLibraryRole
		}
	case AspectGroup:
		c.Kind = LeaveGroup
		if in {
			c.Kind = JoinGroup
		}
	case AspectGlobalRole:
		c.Kind = RemoveGlobalRole
		if in {
			c.Kind = GiveGlobalRole
		}
	case AspectOwner:
		c.Kind = TransferWorkspace
	default:
		return Change{}, "a check-out that was ended cannot be put back"
	}
	return c, ""
}

// KindUndo is the kind of a unit of an undo, where other units name the mismatch that they mend. It is no mismatch.
const KindUndo Kind = "undo"

// KindReview and KindReclaim are the kinds of a unit of what an access review revoked, and of an unused seat that is taken back. They are
// no mismatches either.
const (
	KindReview  Kind = "access review"
	KindReclaim Kind = "unused seat"
)

// KeptSort says why an undo leaves something as it is.
type KeptSort string

// The sorts.
const (
	KeptConflict KeptSort = "conflict"   // somebody changed it since: nothing of theirs is overwritten
	KeptNever    KeptSort = "not undone" // it cannot be put back, or nobody knows what it was
	KeptBack     KeptSort = "back"       // it is what it was before already
)

// Kept is one thing that an undo leaves as it is, with the three values that a reviewer compares. All raw strings.
type Kept struct {
	Sort    KeptSort   `json:"sort"`
	Account string     `json:"account"`
	Name    string     `json:"name"`
	Kind    ChangeKind `json:"kind"` // what the undone batch did
	Library string     `json:"library,omitempty"`
	Object  string     `json:"object,omitempty"`
	Found   string     `json:"found,omitempty"` // what it is now
	Left    string     `json:"left,omitempty"`  // what the undone batch left
	Was     string     `json:"was,omitempty"`   // what it was before that
	Since   int64      `json:"since,omitempty"` // the latest batch that changed it since; 0: none of ours
	Why     string     `json:"why"`
}

// Undos is the part of a Store that undoing rests on. SaveBatch refuses, as Held, a batch that undoes one which another batch undoes
// already and stands: it is neither done nor cancelled.
type Undos interface {
	// KeepPre keeps what was there before an op, which must be pending and its unit ours: it is called before the intent.
	KeepPre(ctx context.Context, op OpRef, pre *PreImage) error
	// UndoOf returns the batch that undoes another one and stands, 0 where there is none.
	UndoOf(ctx context.Context, batch int64) (int64, error)
	// ChangedSince returns a batch other than the op's own that confirmed a change of the same aspect after the op's last intent was
	// written, by the order of the record, or that has sent one which is in doubt itself; 0: none did.
	ChangedSince(ctx context.Context, op OpRef, c Change) (batch int64, err error)
	// EffectsSince tells every change that a later batch than this one confirmed, oldest batch first.
	EffectsSince(ctx context.Context, batch int64, visit func(batch int64, c Change) error) error
}
