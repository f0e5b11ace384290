package imanage

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"rollcall/provisioning"
)

// Account reads one account whole: its record, libraries with roles, and groups.
func (c *Client) Account(ctx context.Context, id string) (provisioning.Account, bool, error) {
	u, found, err := c.user(ctx, id)
	if err != nil || !found {
		return provisioning.Account{}, false, err
	}
	a := c.account(&u)
	for _, l := range u.Libraries {
		role, err := c.role(ctx, l.ID, id)
		if err != nil {
			return a, true, err
		}
		a.Memberships = append(a.Memberships, provisioning.Membership{Library: l.ID, Role: role, Enabled: u.AllowLogon, Preferred: l.Preferred})
		if err := c.eachGroup(ctx, l.ID, id, func(g string) {
			a.Groups = append(a.Groups, provisioning.GroupRef{Library: l.ID, Group: g})
		}); err != nil {
			return a, true, err
		}
	}
	return a, true, nil
}

// user reads the record of an account: the global one, or on premises the first library's that has it, enabled where any is.
func (c *Client) user(ctx context.Context, id string) (user, bool, error) {
	if !c.opts.OnPrem {
		var one struct {
			Data user `json:"data"`
		}
		found, err := c.get(ctx, &one, url.Values{"include_libraries": {"true"}}, "users", id)
		if found && !strings.EqualFold(one.Data.ID, id) {
			return user{}, false, fmt.Errorf("%s: asked for account %s, and another one came", c.opts.Name, id)
		}
		return one.Data, found, err
	}
	r := &reading{c: c}
	libraries, err := r.libraries(ctx)
	if err != nil {
		return user{}, false, err
	}
	var merged user
	any := false
	for _, l := range libraries {
		u, found, err := c.libraryUser(ctx, l.ID, id)
		if err != nil {
			return user{}, false, err
		}
		if !found {
			continue
		}
		if !any {
			merged, any = u, true
		}
		merged.AllowLogon = merged.AllowLogon || u.AllowLogon
		merged.Libraries = append(merged.Libraries, struct {
			ID        string `json:"id"`
			Preferred bool   `json:"preferred"`
		}{l.ID, u.Preferred == l.ID})
	}
	return merged, any, nil
}

func (c *Client) libraryUser(ctx context.Context, library, id string) (user, bool, error) {
	var one struct {
		Data user `json:"data"`
	}
	found, err := c.get(ctx, &one, nil, "libraries", library, "users", id)
	return one.Data, found, err
}

// role reads a user's role in a library; ValueAbsent where the user is not in it.
func (c *Client) role(ctx context.Context, library, id string) (string, error) {
	_, found, err := c.libraryUser(ctx, library, id)
	if err != nil {
		return "", err
	}
	if !found {
		return provisioning.ValueAbsent, nil
	}
	role := ""
	_, err = list(ctx, c, func(n *named) string { return n.ID }, func(rows []named) {
		for _, r := range rows {
			role = r.ID
		}
	}, url.Values{"user_id": {id}}, "libraries", library, "roles")
	return role, err
}

// eachGroup tells the groups of a user in a library, or the global ones.
func (c *Client) eachGroup(ctx context.Context, library, id string, tell func(string)) error {
	path := []string{"users", id, "groups"}
	if library != "" {
		path = []string{"libraries", library, "users", id, "groups"}
	}
	_, err := list(ctx, c, func(g *group) string { return g.ID }, func(rows []group) {
		for _, g := range rows {
			tell(g.ID)
		}
	}, nil, path...)
	if status(err) == 404 && vendorCode(err) == "NRC_NO_RECORD" {
		return nil // not in that library: in none of its groups
	}
	return err
}

// Observe reads the present value of the aspect that a change touches. Ids are compared upper-cased, as iManage stores them; all
// else is given byte for byte.
func (c *Client) Observe(ctx context.Context, ch provisioning.Change) (provisioning.Observation, error) {
	o := provisioning.Observation{Others: -1}
	switch ch.Kind {
	case provisioning.AssignLibrary, provisioning.SetLibraryRole:
		role, err := c.role(ctx, ch.Library, ch.Account)
		o.Value = role
		return c.withOwner(ctx, ch, o, err)
	case provisioning.RemoveLibrary:
		_, found, err := c.libraryUser(ctx, ch.Library, ch.Account)
		o.Value = provisioning.ValueAbsent
		if found {
			o.Value = provisioning.ValueMember
		}
		return o, err
	case provisioning.JoinGroup, provisioning.LeaveGroup:
		return c.observeGroup(ctx, ch, o)
	case provisioning.RemoveGlobalRole:
		o.Value = provisioning.ValueNoMember
		_, err := list(ctx, c, func(n *named) string { return n.ID }, func(rows []named) {
			for _, u := range rows {
				if strings.EqualFold(u.ID, ch.Account) {
					o.Value = provisioning.ValueMember
				}
			}
		}, nil, "roles", ch.Object, "members")
		return o, err
	default:
		return c.observeUser(ctx, ch, o)
	}
}

// withOwner adds whether a directory owns the account, for changes whose own read does not say.
func (c *Client) withOwner(ctx context.Context, ch provisioning.Change, o provisioning.Observation, err error) (provisioning.Observation, error) {
	if err != nil {
		return o, err
	}
	u, found, err := c.user(ctx, ch.Account)
	if err == nil && found {
		a := c.account(&u)
		o.Managed = a.Managed()
	}
	return o, err
}

func (c *Client) observeUser(ctx context.Context, ch provisioning.Change, o provisioning.Observation) (provisioning.Observation, error) {
	u, found, err := c.user(ctx, ch.Account)
	if err != nil {
		return o, err
	}
	if !found {
		o.Value = provisioning.ValueAbsent
		return o, nil
	}
	a := c.account(&u)
	o.Managed = a.Managed()
	switch ch.Kind {
	case provisioning.CreateAccount:
		o.Value = provisioning.ProfileOf(&a).Encode()
	case provisioning.EnableAccount, provisioning.DisableAccount:
		o.Value = provisioning.ValueDisabled
		if u.AllowLogon {
			o.Value = provisioning.ValueEnabled
		}
	default:
		o.Value = fieldOf(&u, ch.Object)
	}
	return o, nil
}

func fieldOf(u *user, field string) string {
	switch field {
	case "full_name":
		return u.FullName
	case "email":
		return u.Email
	case "location":
		return u.Location
	case "phone":
		return u.Phone
	case "preferred_library":
		return u.Preferred
	case "custom1":
		return u.Custom1
	case "custom2":
		return u.Custom2
	case "custom3":
		return u.Custom3
	default:
		return ""
	}
}

// observeGroup reads whether a user is in a group, and for NRTADMIN how many other enabled members there are.
func (c *Client) observeGroup(ctx context.Context, ch provisioning.Change, o provisioning.Observation) (provisioning.Observation, error) {
	o.Value = provisioning.ValueNoMember
	if err := c.eachGroup(ctx, ch.Library, ch.Account, func(g string) {
		if g == ch.Object {
			o.Value = provisioning.ValueMember
		}
	}); err != nil {
		return o, err
	}
	if ch.Kind != provisioning.LeaveGroup || ch.Object != provisioning.NRTADMIN {
		return o, nil
	}
	others := 0
	_, err := list(ctx, c, func(n *named) string { return n.ID }, func(rows []named) {
		for _, u := range rows {
			if !strings.EqualFold(u.ID, ch.Account) {
				others++
			}
		}
	}, url.Values{"allow_logon": {"true"}}, "libraries", ch.Library, "groups", ch.Object, "members")
	o.Others = others
	return o, err
}
