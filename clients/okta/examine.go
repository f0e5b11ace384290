package okta

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// Examine tells right by right what the connection may do; it only reads.
func (c *Client) Examine(ctx context.Context, tell func(provisioning.Finding)) error {
	var err error
	how := "by API token"
	if c.token != nil {
		how = "as a service app, by its key"
		err = c.token.Renew(ctx)
	}
	var body jsontext.Value
	if err == nil {
		_, err = c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: "/api/v1/users", Query: url.Values{"limit": {"50"}}}, &body)
		err = c.plain(err)
	}
	if !c.wire.Reached(err, tell) {
		return ctx.Err()
	}
	if errorCode(err) == "E0000011" || (c.token != nil && body == nil && errorCode(err) == "") {
		tell(wire.Right(provisioning.SignIn, "", err, ""))
		return ctx.Err()
	}
	tell(provisioning.Finding{What: provisioning.SignIn, State: provisioning.FindingGood, Detail: how})
	tell(wire.Right("list people", "with status, department and title", err, "give the token's owner the Read-only Administrator role"))
	c.examineFields(body, tell)
	search := url.Values{"limit": {"1"}, "search": {`status eq "DEPROVISIONED"`}}
	tell(wire.Right("list deprovisioned people", "the leavers", c.probe(ctx, "/api/v1/users", search), "give the token's owner the Read-only Administrator role"))
	tell(wire.Right("list groups", "with their members", c.probe(ctx, "/api/v1/groups", url.Values{"limit": {"1"}}), "give it the right to read groups (okta.groups.read)"))
	tell(provisioning.Finding{What: "changes", State: provisioning.FindingGood, Detail: "a refresh costs what changed (lastUpdated); deletions for good are found by the next whole read"})
	c.wire.Rated(tell)
	return ctx.Err()
}

func (c *Client) probe(ctx context.Context, path string, query url.Values) error {
	_, err := c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: path, Query: query}, nil)
	return c.plain(err)
}

func (c *Client) examineFields(body jsontext.Value, tell func(provisioning.Finding)) {
	var seen, office, number int
	if body.Kind() != '[' || wire.Into(body, c.user(), func(u *user) error {
		p := c.person(u)
		seen++
		if p.Office != "" {
			office++
		}
		if p.EmployeeNumber != "" {
			number++
		}
		return nil
	}) != nil || seen == 0 {
		return
	}
	for _, field := range []struct {
		what, where string
		n           int
	}{{"office", c.opts.Fields.Office, office}, {"employee number", c.opts.Fields.EmployeeNumber, number}} {
		f := provisioning.Finding{What: field.what, State: provisioning.FindingGood, Detail: fmt.Sprintf("profile.%s, filled for %d of %d looked at", field.where, field.n, seen)}
		if field.n == 0 {
			f.State, f.Mend = provisioning.FindingWarning, "name the profile attribute that holds it under fields in config.toml"
		}
		tell(f)
	}
}

// Guide tells how an organisation is connected.
func Guide() provisioning.Guide {
	address := provisioning.GuideField{Key: "url", Title: "Address", Hint: "https://your-firm.okta.com, not the -admin one"}
	return provisioning.Guide{System: "okta", Title: "Okta", Ways: []provisioning.Way{
		{
			Name: "service-app", Title: "service app with a key (recommended)", Scopes: []string{"okta.users.read", "okta.groups.read"},
			Steps: []string{
				"In the Admin Console open Applications, Create App Integration, API Services; name it rollcall.",
				"Under Client Credentials choose Public key / Private key, add a key, and save the private key (JWK) that is shown once.",
				"Clear Require Demonstrating Proof of Possession (DPoP).",
				"Under Okta API Scopes grant the scopes below; under Admin roles assign Read-only Administrator.",
			},
			Fields: []provisioning.GuideField{
				address,
				{Key: "client_id", Title: "Client ID"},
				{Key: "key", Title: "Private key (JWK)", Hint: "the path of the file that you saved it in", Secret: true, Multi: true},
			},
		},
		{
			Name: "token", Title: "API token", Scopes: []string{"the role of whoever makes it: Read-only Administrator"},
			Steps: []string{
				"Sign in to the Admin Console as an account that has only the Read-only Administrator role.",
				"Open Security, API, Tokens, Create token; name it rollcall.",
			},
			Fields: []provisioning.GuideField{address, {Key: "token", Title: "API token", Secret: true}},
		},
	}}
}
