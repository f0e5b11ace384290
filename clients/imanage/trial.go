package imanage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/provisioning"
)

// undoTime bounds what putting back may take, also where the caller has gone.
const undoTime = 2 * time.Minute

// Try tries every operation that is a probe on a throw-away account, and no other in anybody's company (DESIGN 4). The account must exist,
// be virtual and managed by no directory, be a member of no NRTADMIN and hold no global role, and not be rollcall's own: else it is an
// *Error of code Invalid that says why, and nothing was sent. tell is told of each operation what the tenant showed: confirmed where it
// answered well and exactly its effect was read back, refused where the tenant does not know the call (404, 405, 501) or it had another
// effect, "" where it could not be tried; how says it in words. Everything is put back and read again, also where ctx has ended; what
// could not be put back is an error that names exactly what is left. It may be run again at any time.
func (c *Client) Try(ctx context.Context, sandbox string, tell func(operation provisioning.Operation, u provisioning.UseState, how string)) error {
	t := &trial{c: c, id: strings.ToUpper(sandbox), tell: tell}
	if err := t.admit(ctx); err != nil {
		return err
	}
	if err := t.release(ctx); err != nil {
		return err
	}
	return t.remove(ctx)
}

// trial is one trial on one account.
type trial struct {
	c      *Client
	id     string
	tell   func(provisioning.Operation, provisioning.UseState, string)
	before provisioning.Account
}

func (t *trial) operation(name string) provisioning.Operation {
	i := slices.IndexFunc(t.c.Operations(), func(o provisioning.Operation) bool { return o.Name == name })
	return t.c.Operations()[i]
}

func unfit(id, why, hint string) error {
	return &provisioning.Error{Code: provisioning.Invalid, Message: "nothing is tried on " + id + ": " + why, Hint: hint}
}

const makeOne = "make a virtual user in Control Center for this alone, with nobody behind it, and put it into a library"

// admit reads the account, and refuses one that somebody may need.
func (t *trial) admit(ctx context.Context) error {
	self, err := t.c.Identity(ctx)
	if err != nil {
		return err
	}
	if t.id == "" || t.id == self {
		return unfit(t.id, "rollcall signs in with it", makeOne)
	}
	s, err := t.c.accountWhole(ctx, t.id)
	if err != nil {
		return err
	}
	a := &s.account
	switch {
	case !s.found:
		return unfit(t.id, "there is no such account", makeOne)
	case a.Managed() || a.Origin != provisioning.OriginVirtual:
		return unfit(t.id, "a directory manages it, or it is not virtual", makeOne)
	case len(a.Administers()) > 0 || slices.Contains(a.Groups, provisioning.GroupRef{Group: provisioning.NRTADMIN}):
		return unfit(t.id, "it administers "+strings.Join(a.Administers(), ", "), makeOne)
	case len(a.GlobalRoles) > 0:
		return unfit(t.id, "it holds the global role "+strings.Join(a.GlobalRoles, ", "), makeOne)
	case len(s.unread) > 0:
		return unfit(t.id, "it cannot be seen whole, so that it could not be put back: "+strings.Join(s.unread, "; "), "give rollcall's account the rights that doctor names")
	}
	t.before = *a
	return nil
}

// release ends one check-out of the account, where it has any. It cannot be put back: the document is the throw-away account's own.
func (t *trial) release(ctx context.Context) error {
	o := t.operation(opRelease)
	ends, err := t.c.checkedOutAnywhere(ctx, t.id)
	if err != nil {
		if !refusedPart(err) {
			return err
		}
		t.tell(o, "", "what is checked out cannot be read: "+why(err))
		return nil
	}
	if len(ends) == 0 {
		t.tell(o, "", "the account has nothing checked out")
		return nil
	}
	doc := ends[0]
	receipt, err := t.c.send(ctx, provisioning.Change{Kind: provisioning.ReleaseLock, Account: t.id, Library: doc.Library, Object: doc.ID})
	if done, err := t.answered(o, err, func() (string, error) { return "", nil }); done {
		return err
	}
	left, err := t.c.checkedOutIn(ctx, doc.Library, t.id)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(left, func(d document) bool { return d.ID == doc.ID }) {
		t.tell(o, provisioning.UseRefused, fmt.Sprintf("answer %d, and %s was still checked out", receipt.Status, doc.ID))
		return nil
	}
	t.tell(o, provisioning.UseConfirmed, fmt.Sprintf("answer %d, read back released; a check-out cannot be put back", receipt.Status))
	return nil
}

// checkedOutAnywhere lists what an account has checked out in any library.
func (c *Client) checkedOutAnywhere(ctx context.Context, account string) ([]provisioning.Document, error) {
	libraries, err := c.libraries(ctx)
	if err != nil {
		return nil, err
	}
	var all []provisioning.Document
	for _, l := range libraries {
		rows, err := c.checkedOutIn(ctx, l.ID, account)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			all = append(all, provisioning.Document{ID: rows[i].ID, Library: l.ID, Name: rows[i].Name})
		}
	}
	return all, nil
}

// answered tells what became of an operation whose sending failed, after undo has put back what it may have done all the same. done is
// false where it was answered well.
func (t *trial) answered(o provisioning.Operation, sent error, undo func() (string, error)) (done bool, err error) {
	if sent == nil {
		return false, nil
	}
	put, undone := undo()
	if put != "" {
		put = ", " + put
	}
	var e *provisioning.SendError
	if !errors.As(sent, &e) {
		return true, errors.Join(sent, undone)
	}
	switch said := "answer " + strconv.Itoa(e.Status) + " " + e.Message + put; {
	case e.Unsupported || e.Status == 404:
		t.tell(o, provisioning.UseRefused, said)
	case e.Effect == provisioning.RefusedSend:
		t.tell(o, "", said+": neither confirmed nor refused")
	default:
		t.tell(o, "", "no sure answer: "+e.Message+put)
		return true, errors.Join(&provisioning.Error{Code: provisioning.Unavailable, Message: "the trial of " + o.Name + " had no sure answer", Hint: "run it again", Err: sent}, undone)
	}
	return true, undone
}

// remove takes the account out of one library, reads back that it is out of that alone and is otherwise as it was, and puts it back with
// the role and the groups that it had. An account that is in no library is first assigned to one; that it is out is then how it was.
func (t *trial) remove(ctx context.Context) error {
	o := t.operation(opRemove)
	place, brought, err := t.choose(ctx)
	if err != nil {
		return err
	}
	receipt, sent := t.c.send(ctx, provisioning.Change{Kind: provisioning.RemoveLibrary, Account: t.id, Library: place.Library})
	said := fmt.Sprintf("answer %d", receipt.Status)
	wrong, outcome := "", error(nil)
	if sent == nil {
		wrong, outcome = t.readRemoved(ctx, place.Library)
	}
	// Whatever happened to the caller, the account is put back.
	settle := t.c.wire.Limits().Attempt
	undoing, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime+settle)
	defer cancel()
	undo := func() (string, error) {
		if inDoubt(sent) { // until nothing that was sent can still take effect
			if err := t.c.opts.Clock.Sleep(undoing, settle); err != nil {
				return "", err
			}
		}
		return t.putBack(undoing, brought)
	}
	if done, err := t.answered(o, sent, undo); done {
		return err
	}
	put, err := undo()
	switch {
	case err != nil:
		put = "not put back"
	case put == "":
		put = "nothing to put back"
	}
	switch {
	case outcome != nil:
		t.tell(o, "", said+", and it could not be read back: "+outcome.Error()+", "+put)
		return errors.Join(outcome, err)
	case wrong != "":
		t.tell(o, provisioning.UseRefused, said+", "+wrong+", "+put)
	default:
		t.tell(o, provisioning.UseConfirmed, said+", read back absent, "+put)
	}
	return err
}

func inDoubt(err error) bool {
	var e *provisioning.SendError
	return errors.As(err, &e) && e.Effect == provisioning.InDoubt
}

// readRemoved says what is other than that the account is out of one library: "" where that is all.
func (t *trial) readRemoved(ctx context.Context, library string) (wrong string, err error) {
	s, err := t.c.accountWhole(ctx, t.id)
	switch {
	case err != nil:
		return "", err
	case !s.found:
		return "and the account itself is gone", nil
	}
	now := &s.account
	if _, in := now.Membership(library); in {
		return "and it was still in " + library, nil
	}
	want := without(&t.before, library)
	var changed []string
	for _, m := range want.Memberships {
		if have, in := now.Membership(m.Library); !in {
			changed = append(changed, "it is out of "+m.Library+" too")
		} else if have.Role != m.Role {
			changed = append(changed, "its role in "+m.Library+" is "+have.Role)
		}
	}
	for _, g := range want.Groups {
		if !slices.Contains(now.Groups, g) {
			changed = append(changed, "it is out of the group "+g.String()+" too")
		}
	}
	if now.Enabled != want.Enabled {
		changed = append(changed, "it was closed or opened")
	}
	if now.PreferredLibrary != want.PreferredLibrary {
		changed = append(changed, "its preferred library is "+quoted(now.PreferredLibrary))
	}
	if len(changed) > 0 {
		return "and " + strings.Join(changed, "; "), nil
	}
	return "", nil
}

// without is an account without a library and its groups.
func without(a *provisioning.Account, library string) provisioning.Account {
	b := *a
	b.Memberships = slices.DeleteFunc(slices.Clone(a.Memberships), func(m provisioning.Membership) bool { return m.Library == library })
	b.Groups = slices.DeleteFunc(slices.Clone(a.Groups), func(g provisioning.GroupRef) bool { return g.Library == library })
	return b
}
