package imanage

import (
	"context"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// Examine tells right by right what the connection may do; it only reads.
func (c *Client) Examine(ctx context.Context, tell func(provisioning.Finding)) error {
	err := c.signInAgain(ctx)
	if !c.wire.Reached(err, tell) {
		return ctx.Err()
	}
	if err != nil {
		tell(wire.Right(provisioning.SignIn, "", err, ""))
		return ctx.Err()
	}
	tell(provisioning.Finding{What: provisioning.SignIn, State: provisioning.FindingGood, Detail: "by password grant, with admin scope"})
	customer, self, err := c.discover(ctx)
	tell(wire.Right("who we are", "", err, "check the address"))
	if err != nil {
		return ctx.Err()
	}
	if customer == 0 && !c.opts.OnPrem {
		tell(provisioning.Finding{What: "customer", State: provisioning.FindingWarning, Detail: "GET /api tells no customer", Mend: "set on_prem where the tenant is on premises"})
	}
	found := provisioning.Finding{What: "account", State: provisioning.FindingGood, Detail: self + " is read, and is protected from every change"}
	if _, there, err := c.Account(ctx, self); err != nil || !there {
		found = provisioning.Finding{What: "account", State: provisioning.FindingBad, Detail: "the account that rollcall signs in with cannot be read", Mend: "give it NRTADMIN, or a global role with user management"}
	}
	tell(found)
	c.examineLists(ctx, tell)
	c.wire.Rated(tell)
	return ctx.Err()
}

func (c *Client) examineLists(ctx context.Context, tell func(provisioning.Finding)) {
	one := url.Values{"limit": {"1"}}
	probe := func(what, use, mend string, segments ...string) {
		var rows jsontext.Value
		p, err := c.path(ctx, segments...)
		if err == nil {
			_, err = c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: p, Query: one}, &rows)
		}
		tell(wire.Right(what, use, err, mend))
	}
	const member = "make the account a member of NRTADMIN in each library"
	if !c.opts.OnPrem {
		probe("list accounts", "global accounts with their state", "give the account a global role with user management", "users")
	}
	var libraries struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	_, err := c.get(ctx, &libraries, nil, "libraries")
	tell(wire.Right("list libraries", "", err, member))
	for _, l := range libraries.Data {
		probe("users of "+l.ID, "members and their roles", member, "libraries", l.ID, "users")
		probe("groups of "+l.ID, "groups and their members", member, "libraries", l.ID, "groups")
	}
}

// Guide tells how a tenant is connected.
func Guide() provisioning.Guide {
	return provisioning.Guide{System: "imanage", Title: "iManage Work", Ways: []provisioning.Way{{
		Name: "password", Title: "service account (password grant)", Scopes: []string{"NRTADMIN in each library, and a global role with user management", "scope admin"},
		Steps: []string{
			"In Control Center make a virtual user for rollcall: not from the directory, without a mailbox of a person.",
			"Make it a member of NRTADMIN in each library, and give it a global role with user management.",
			"Under Applications register rollcall, and note its client id and client secret.",
		},
		Fields: []provisioning.GuideField{
			{Key: "url", Title: "Address", Hint: "https://cloudimanage.com, or your own server"},
			{Key: "username", Title: "Service account", Hint: "its email in the cloud, its user id on premises"},
			{Key: "password", Title: "Password", Secret: true},
			{Key: "client_id", Title: "Client ID"},
			{Key: "client_secret", Title: "Client secret", Secret: true},
		},
	}}}
}
