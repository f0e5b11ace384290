package imanage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"rollcall/provisioning"
)

// choose finds the library that the account is taken out of: one that it is in and can be put back into, the preferred one last. Where it
// is in none, it is assigned to one, and brought is that library.
func (t *trial) choose(ctx context.Context) (place provisioning.Membership, brought string, err error) {
	places := slices.Clone(t.before.Memberships)
	slices.SortStableFunc(places, func(x, y provisioning.Membership) int {
		switch {
		case x.Preferred == y.Preferred:
			return 0
		case x.Preferred:
			return 1
		default:
			return -1
		}
	})
	var why []string
	for _, m := range places {
		if m.Role == "" {
			why = append(why, "its role in "+m.Library+" is not known")
			continue
		}
		groups, err := t.c.groupsOf(ctx, m.Library, t.id)
		if err != nil {
			return place, "", err
		}
		if i := slices.IndexFunc(groups, func(g group) bool { return !g.Enabled }); i >= 0 {
			why = append(why, "it could not be put back into the disabled group "+m.Library+"/"+groups[i].ID)
			continue
		}
		return m, "", nil
	}
	if len(places) > 0 {
		return place, "", unfit(t.id, strings.Join(why, "; "), makeOne)
	}
	return t.bring(ctx)
}

// bring assigns the account to a library: its preferred one, or the first.
func (t *trial) bring(ctx context.Context) (place provisioning.Membership, brought string, err error) {
	libraries, err := t.c.libraries(ctx)
	if err != nil {
		return place, "", err
	}
	if len(libraries) == 0 {
		return place, "", unfit(t.id, "there is no library to try it in", "")
	}
	library := libraries[0].ID
	if slices.ContainsFunc(libraries, func(l provisioning.Library) bool { return l.ID == t.before.PreferredLibrary }) {
		library = t.before.PreferredLibrary
	}
	place = provisioning.Membership{Library: library, Role: "DEFAULT", Enabled: t.before.Enabled}
	if t.before.External {
		place.Role = "DEFAULT EXTERNAL"
	}
	if err := t.assign(ctx, place); err != nil {
		return place, "", &provisioning.Error{Code: provisioning.Unavailable, Message: t.id + " is in no library, and could not be assigned to " + library + " to try the removal", Hint: "assign it by hand", Err: err}
	}
	if _, in, err := t.c.libraryUser(ctx, library, t.id); err != nil || !in { // else its absence later would prove nothing
		return place, "", errors.Join(&provisioning.Error{
			Code: provisioning.Unavailable, Message: t.id + " was assigned to " + library + " to try the removal, and is not seen in it", Hint: "look at it in Control Center",
		}, err)
	}
	return place, library, nil
}

// assign puts the account into a library as it stands, disabled where it is.
func (t *trial) assign(ctx context.Context, m provisioning.Membership) error {
	p := provisioning.ProfileOf(&t.before)
	body := assignBody(&p, m.Library, m.Role)
	body["allow_logon"] = t.before.Enabled
	_, err := t.c.write(ctx, http.MethodPost, body, "libraries", m.Library, "users")
	return err
}

// putBack gives the account back all that it had and has no more, reads it, and says in words that it did. What is left otherwise is an
// error. brought is a library that it was assigned to for the trial, and ought to be out of again.
func (t *trial) putBack(ctx context.Context, brought string) (said string, err error) {
	s, err := t.c.accountWhole(ctx, t.id)
	if err != nil {
		return "", t.left("it could not be read: " + err.Error())
	}
	if !s.found {
		return "", t.left("the account itself is gone")
	}
	now := &s.account
	var failed []string
	did := false
	try := func(what string, err error) {
		did = true
		if err != nil {
			failed = append(failed, what+": "+err.Error())
		}
	}
	for _, m := range t.before.Memberships {
		if have, in := now.Membership(m.Library); !in {
			try("into "+m.Library+" as "+m.Role, t.assign(ctx, m))
		} else if have.Role != m.Role {
			try("role "+m.Role+" in "+m.Library, t.undo(ctx, provisioning.Change{Kind: provisioning.SetLibraryRole, Account: t.id, Library: m.Library, After: m.Role}))
		}
	}
	for _, g := range t.before.Groups {
		if !slices.Contains(now.Groups, g) {
			try("into the group "+g.String(), t.undo(ctx, provisioning.Change{Kind: provisioning.JoinGroup, Account: t.id, Library: g.Library, Object: g.Group}))
		}
	}
	if now.Enabled != t.before.Enabled {
		kind := provisioning.DisableAccount
		if t.before.Enabled {
			kind = provisioning.EnableAccount
		}
		try(string(kind), t.undo(ctx, provisioning.Change{Kind: kind, Account: t.id}))
	}
	if now.PreferredLibrary != t.before.PreferredLibrary {
		try("its preferred library", t.undo(ctx, provisioning.Change{Kind: provisioning.SetAttribute, Account: t.id, Object: fieldPreferred, After: t.before.PreferredLibrary}))
	}
	if _, in := now.Membership(brought); in && brought != "" {
		return "", t.left("it was assigned to " + brought + " for the trial, and is still in it: remove it by hand")
	}
	if !did {
		return "", nil
	}
	return t.readBack(ctx, failed)
}

func (t *trial) undo(ctx context.Context, ch provisioning.Change) error {
	_, err := t.c.send(ctx, ch)
	return err
}

// readBack holds the account against what it was before the trial.
func (t *trial) readBack(ctx context.Context, failed []string) (said string, err error) {
	s, err := t.c.accountWhole(ctx, t.id)
	if err != nil {
		return "", t.left("it could not be read back: " + err.Error())
	}
	var left []string
	now := &s.account
	for _, m := range t.before.Memberships {
		if have, in := now.Membership(m.Library); !in {
			left = append(left, "it is not in "+m.Library+" (role "+m.Role+")")
		} else if have.Role != m.Role {
			left = append(left, "its role in "+m.Library+" is "+have.Role+", and was "+m.Role)
		} else if have.Enabled != m.Enabled {
			left = append(left, fmt.Sprintf("allow_logon in %s is %t, and was %t", m.Library, have.Enabled, m.Enabled))
		}
	}
	for _, g := range t.before.Groups {
		if !slices.Contains(now.Groups, g) {
			left = append(left, "it is not in the group "+g.String())
		}
	}
	if now.Enabled != t.before.Enabled {
		left = append(left, fmt.Sprintf("allow_logon is %t, and was %t", now.Enabled, t.before.Enabled))
	}
	if now.PreferredLibrary != t.before.PreferredLibrary {
		left = append(left, "its preferred library is "+quoted(now.PreferredLibrary)+", and was "+quoted(t.before.PreferredLibrary))
	}
	if len(left) > 0 {
		return "", t.left(strings.Join(append(left, failed...), "; "))
	}
	return "put back", nil
}

// left is the error that says what of the trial is not undone.
func (t *trial) left(what string) error {
	return &provisioning.Error{
		Code: provisioning.Unavailable, Message: "the trial on " + t.id + " could not be undone: " + what, Hint: "put it right by hand in Control Center",
	}
}
