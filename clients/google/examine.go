package google

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// Examine tells right by right what the connection may do; it only reads.
func (c *Client) Examine(ctx context.Context, tell func(provisioning.Finding)) error {
	err := c.token.Renew(ctx)
	if !c.login.Reached(err, tell) {
		return ctx.Err()
	}
	if err != nil {
		tell(wire.Right(provisioning.SignIn, "", err, ""))
		return ctx.Err()
	}
	tell(provisioning.Finding{What: provisioning.SignIn, State: provisioning.FindingGood, Detail: "the service account asks in the administrator's name"})
	c.examineUsers(ctx, tell)
	deleted := url.Values{"customer": {c.opts.Customer}, "maxResults": {"1"}, "showDeleted": {"true"}, "fields": {"kind"}}
	tell(wire.Right("list deleted people", "the leavers of the last 20 days", c.probe(ctx, "/users", deleted), "give the administrator the Users Read privilege"))
	groups := url.Values{"customer": {c.opts.Customer}, "maxResults": {"1"}, "fields": {"kind"}}
	tell(wire.Right("list groups", "with their members, nested ones too", c.probe(ctx, "/groups", groups), "give the administrator the Groups Read privilege"))
	tell(provisioning.Finding{What: "changes", State: provisioning.FindingGood, Detail: "Google has no change feed: every refresh reads whole"})
	c.wire.Rated(tell)
	return ctx.Err()
}

func (c *Client) probe(ctx context.Context, path string, query url.Values) error {
	_, err := c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: root + path, Query: query}, nil)
	return c.plain(err)
}

func (c *Client) examineUsers(ctx context.Context, tell func(provisioning.Finding)) {
	query := c.usersQuery()
	query.Set("maxResults", "50")
	var p page
	_, err := c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: root + "/users", Query: query}, &p)
	var seen, office, number int
	if err == nil {
		err = wire.Rows(p.Users, func(u *user) error {
			one := c.person(u)
			seen++
			if one.Office != "" {
				office++
			}
			if one.EmployeeNumber != "" {
				number++
			}
			return nil
		})
	}
	tell(wire.Right("list people", "with status, department, title and manager", c.plain(err), "give the administrator the Users Read privilege"))
	if err != nil || seen == 0 {
		return
	}
	for _, field := range []struct {
		what, where string
		n           int
	}{{"office", c.opts.Fields.Office, office}, {"employee number", c.opts.Fields.EmployeeNumber, number}} {
		where := field.where
		if where == "" {
			where = "the standard place"
		}
		f := provisioning.Finding{What: field.what, State: provisioning.FindingGood, Detail: fmt.Sprintf("%s, filled for %d of %d looked at", where, field.n, seen)}
		if field.n == 0 {
			f.State, f.Mend = provisioning.FindingWarning, "name the custom schema's field (Schema.field) under fields in config.toml"
		}
		tell(f)
	}
}

// Guide tells how a customer is connected.
func Guide() provisioning.Guide {
	return provisioning.Guide{System: "google", Title: "Google Workspace", Ways: []provisioning.Way{{
		Name: "service-account", Title: "service account with domain-wide delegation", Scopes: scopes(),
		Steps: []string{
			"In console.cloud.google.com make a project, enable the Admin SDK API, and make a service account named rollcall (no roles).",
			"Make a JSON key of it. Note its OAuth 2 client id.",
			"In admin.google.com, Security, API controls, Domain-wide delegation, add that client id with exactly the scopes below.",
			"Choose an administrator who may read users and groups, best one made for rollcall.",
		},
		Fields: []provisioning.GuideField{
			{Key: "subject", Title: "Administrator's address", Hint: "the administrator in whose name is asked"},
			{Key: "key", Title: "Service account key (JSON)", Hint: "the path of the file that Google gave", Secret: true, Multi: true},
			{Key: "url", Title: "The API's address", Hint: "leave empty, but behind a private endpoint", Optional: true},
			{Key: "login_url", Title: "Sign-in's address", Hint: "leave empty, but behind a private endpoint", Optional: true},
		},
	}}}
}
