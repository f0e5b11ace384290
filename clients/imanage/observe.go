package imanage

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"rollcall/provisioning"
)

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
		return c.observeMembership(ctx, ch, o)
	case provisioning.JoinGroup, provisioning.LeaveGroup:
		return c.observeGroup(ctx, ch, o)
	case provisioning.RemoveGlobalRole, provisioning.GiveGlobalRole:
		in, err := c.inGlobalRole(ctx, ch.Object, ch.Account)
		o.Value = member(in)
		return o, err
	case provisioning.TransferWorkspace:
		return c.observeOwner(ctx, ch, o)
	case provisioning.ReleaseLock:
		documents, err := c.checkedOutIn(ctx, ch.Library, ch.Account)
		o.Value = provisioning.ValueReleased
		if slices.ContainsFunc(documents, func(d document) bool { return d.ID == ch.Object }) {
			o.Value = provisioning.ValueLocked
		}
		return o, err
	default:
		return c.observeUser(ctx, ch, o)
	}
}

func member(in bool) string {
	if in {
		return provisioning.ValueMember
	}
	return provisioning.ValueNoMember
}

// observeMembership reads whether an account is in a library and, where it is, what leaving it takes along: its role, its groups there
// and its record, so that they can be given back. A role that a connection may not read stays unknown.
func (c *Client) observeMembership(ctx context.Context, ch provisioning.Change, o provisioning.Observation) (provisioning.Observation, error) {
	u, found, err := c.libraryUser(ctx, ch.Library, ch.Account)
	o.Value = provisioning.ValueAbsent
	if !found || err != nil {
		return o, err
	}
	o.Value = provisioning.ValueMember
	a := c.account(&u)
	profile := provisioning.ProfileOf(&a)
	o.Pre = &provisioning.PreImage{Profile: &profile}
	if o.Pre.Role, err = c.roleOf(ctx, ch.Library, ch.Account); err != nil && !refusedPart(err) {
		return o, err
	}
	groups, err := c.groupsOf(ctx, ch.Library, ch.Account)
	for i := range groups {
		o.Pre.Groups = append(o.Pre.Groups, groups[i].ID)
	}
	slices.Sort(o.Pre.Groups)
	return o, err
}

// observeOwner reads who owns a workspace; ValueAbsent where there is no such workspace.
func (c *Client) observeOwner(ctx context.Context, ch provisioning.Change, o provisioning.Observation) (provisioning.Observation, error) {
	var answer one[workspace]
	found, err := c.get(ctx, &answer, nil, "libraries", ch.Library, "workspaces", ch.Object)
	o.Value = provisioning.ValueAbsent
	if found {
		o.Value = strings.ToUpper(answer.Data.Owner)
	}
	return o, err
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
	case fieldFullName:
		return u.FullName
	case fieldEmail:
		return u.Email
	case fieldLocation:
		return u.Location
	case fieldPhone:
		return u.Phone
	case fieldPreferred:
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
	groups, err := c.groupsOf(ctx, ch.Library, ch.Account)
	o.Value = member(slices.ContainsFunc(groups, func(g group) bool { return strings.EqualFold(g.ID, ch.Object) }))
	if err != nil || ch.Kind != provisioning.LeaveGroup || ch.Object != provisioning.NRTADMIN || ch.Library == "" {
		return o, err
	}
	members, err := wholeList(ctx, c, memberID, url.Values{"allow_logon": {"true"}}, "libraries", ch.Library, "groups", ch.Object, "members")
	if err != nil {
		return o, err
	}
	o.Others = 0
	for i := range members {
		if !strings.EqualFold(members[i].ID, ch.Account) {
			o.Others++
		}
	}
	return o, nil
}
