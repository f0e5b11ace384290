// Package staging holds what may be done to a batch before it is committed: staging a person's changes, dropping and editing
// them, freezing the whole under its hash, and the guards that hold it (DESIGN 3.5, 3.6 and 5). It works on values: it reads no
// system, keeps nothing and knows no screen.
package staging

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"
	"time"

	"rollcall/provisioning"
)

// Put stages a person's unit in a draft. A unit for the same account is replaced, so that staging twice changes nothing more.
// It returns a *provisioning.Error with code Invalid where the batch is past editing or the unit is empty.
func Put(b *provisioning.Batch, u provisioning.Unit) error {
	if err := editable(b); err != nil {
		return err
	}
	if len(u.Ops) == 0 {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "there is nothing to change for " + u.Account}
	}
	u.State = provisioning.UnitPending
	for i := range u.Ops {
		u.Ops[i].Seq = i + 1
		u.Ops[i].State = provisioning.OpPending
	}
	if i := slices.IndexFunc(b.Units, func(old provisioning.Unit) bool { return sameTarget(old, u) }); i >= 0 {
		b.Units[i] = u
	} else {
		b.Units = append(b.Units, u)
	}
	thaw(b)
	return nil
}

// sameTarget says whether two units act on the same account; a joiner's account id is the one it is to get.
func sameTarget(a, b provisioning.Unit) bool { return strings.EqualFold(a.Account, b.Account) }

// NewUnit makes a unit of changes that stand in the order in which they are done.
func NewUnit(person provisioning.PersonKey, account, name, office string, kind provisioning.Kind,
	changes []provisioning.Change,
) provisioning.Unit {
	u := provisioning.Unit{
		Person: person, Account: account, Name: name, Office: office, Kind: kind, State: provisioning.UnitPending,
		Ops: make([]provisioning.Op, len(changes)),
	}
	for i, c := range changes {
		u.Ops[i] = provisioning.Op{Seq: i + 1, Change: c, State: provisioning.OpPending}
	}
	return u
}

// Drop takes a whole unit out of a draft, by its index in the batch.
func Drop(b *provisioning.Batch, unit int) error {
	if err := editable(b); err != nil {
		return err
	}
	if unit < 0 || unit >= len(b.Units) {
		return &provisioning.Error{Code: provisioning.NotFound, Message: "no such person in the batch"}
	}
	b.Units = slices.Delete(b.Units, unit, unit+1)
	thaw(b)
	return nil
}

// DropOp takes one change out of a unit, and with it those that rest on it: without the account no library, without the library
// no role and no group. The last one takes the unit along. It returns how many changes went.
func DropOp(b *provisioning.Batch, unit, seq int) (int, error) {
	if err := editable(b); err != nil {
		return 0, err
	}
	if unit < 0 || unit >= len(b.Units) {
		return 0, &provisioning.Error{Code: provisioning.NotFound, Message: "no such person in the batch"}
	}
	u := &b.Units[unit]
	at := slices.IndexFunc(u.Ops, func(o provisioning.Op) bool { return o.Seq == seq })
	if at < 0 {
		return 0, &provisioning.Error{Code: provisioning.NotFound, Message: "no such change in the batch"}
	}
	gone := u.Ops[at].Change
	before := len(u.Ops)
	u.Ops = slices.DeleteFunc(u.Ops, func(o provisioning.Op) bool {
		return o.Seq == seq || (o.Seq > seq && o.Change.RestsOn(gone))
	})
	went := before - len(u.Ops)
	if len(u.Ops) == 0 {
		b.Units = slices.Delete(b.Units, unit, unit+1)
	} else {
		renumber(u)
	}
	thaw(b)
	return went, nil
}

// Edit gives a change another wish: another role, another value of an attribute. Kinds whose wish is a fixed word (enabled,
// disabled, member) cannot be edited, only dropped.
func Edit(b *provisioning.Batch, unit, seq int, after string) error {
	if err := editable(b); err != nil {
		return err
	}
	if unit < 0 || unit >= len(b.Units) {
		return &provisioning.Error{Code: provisioning.NotFound, Message: "no such person in the batch"}
	}
	after = strings.TrimSpace(after)
	for i := range b.Units[unit].Ops {
		op := &b.Units[unit].Ops[i]
		if op.Seq != seq {
			continue
		}
		if !Editable(op.Change) {
			return &provisioning.Error{
				Code: provisioning.Invalid, Message: "this change has no value to edit",
				Hint: "drop it with d, or drop the whole person",
			}
		}
		if after == "" || after == op.Change.Before {
			return &provisioning.Error{
				Code: provisioning.Invalid, Message: "the new value is empty or the one that stands already",
				Hint: "type another value, or drop the change with d",
			}
		}
		op.Change.After = after
		thaw(b)
		return nil
	}
	return &provisioning.Error{Code: provisioning.NotFound, Message: "no such change in the batch"}
}

// Editable reports whether a change has a value that an operator may edit.
func Editable(c provisioning.Change) bool {
	switch c.Kind {
	case provisioning.SetAttribute, provisioning.SetLibraryRole, provisioning.AssignLibrary:
		return c.ByHand == ""
	default:
		return false
	}
}

func renumber(u *provisioning.Unit) {
	for i := range u.Ops {
		u.Ops[i].Seq = i + 1
	}
}

// thaw takes a batch back to a draft: an edit voids the review, the hash and every release (DESIGN 3.6).
func thaw(b *provisioning.Batch) {
	b.State = provisioning.BatchDraft
	b.Hash = ""
	b.Release, b.Singly = nil, nil
}

func editable(b *provisioning.Batch) error {
	if b.State != provisioning.BatchDraft && b.State != provisioning.BatchReviewed && b.State != provisioning.BatchApproved {
		return &provisioning.Error{
			Code: provisioning.Invalid, Message: fmt.Sprintf("batch %d is %s and cannot be edited", b.ID, b.State),
			Hint: "stage a new batch",
		}
	}
	return nil
}

// Hash is the SHA-256, in hex, of every change of a batch, its precondition and its order; and, where it has them, of the minute at
// which it begins, its readers, and the words that its units rest on. Each field is preceded by its length, so that no two different
// batches give the same bytes. A batch without those hashes as it did before they were known.
func Hash(b *provisioning.Batch) string {
	h := sha256.New()
	number(h, len(b.Units))
	for i := range b.Units {
		u := &b.Units[i]
		text(h, u.Person.Directory, u.Person.ID, u.Account, u.Name, string(u.Kind))
		number(h, len(u.Ops))
		for j := range u.Ops {
			c := u.Ops[j].Change
			number(h, u.Ops[j].Seq)
			text(h, string(c.Kind), c.Account, c.Library, c.Object, c.Before, c.After, c.ByHand)
			switch {
			case c.Profile != nil:
				text(h, c.Profile.Encode())
			case c.Along != nil: // of a removal, which carries no profile
				text(h, c.Along.Encode())
			default:
				text(h, "")
			}
		}
	}
	extras(h, b)
	return hex.EncodeToString(h.Sum(nil))
}

// extras adds what not every batch has: nothing where it has none of it.
func extras(h hash.Hash, b *provisioning.Batch) {
	reasons := slices.ContainsFunc(b.Units, func(u provisioning.Unit) bool { return u.Reason != "" })
	if b.Due.IsZero() && b.Zone == "" && !b.Sealed() && !reasons {
		return
	}
	due := ""
	if !b.Due.IsZero() {
		due = b.Due.UTC().Format(time.RFC3339Nano)
	}
	text(h, due, b.Zone)
	number(h, len(b.Readers))
	text(h, b.Readers...)
	for i := range b.Units {
		text(h, b.Units[i].Reason)
	}
}

func text(h hash.Hash, fields ...string) {
	for _, f := range fields {
		number(h, len(f))
		h.Write([]byte(f))
	}
}

func number(h hash.Hash, n int) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n)) //nolint:gosec // a length is never negative
	h.Write(b[:])
}
