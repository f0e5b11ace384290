package onelogin

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
	err := c.token.Renew(ctx)
	if !c.wire.Reached(err, tell) {
		return ctx.Err()
	}
	if err != nil {
		tell(wire.Right(provisioning.SignIn, "", err, ""))
		return ctx.Err()
	}
	tell(provisioning.Finding{What: provisioning.SignIn, State: provisioning.FindingGood, Detail: "by API credential"})
	c.examineUsers(ctx, tell)
	for _, right := range []struct{ what, path, use string }{
		{"list roles", "/api/2/roles", "roles are shown as groups"}, {"list groups", "/api/1/groups", "each person's one group"},
	} {
		_, err := c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: right.path}, nil)
		tell(wire.Right(right.what, right.use, c.plain(err), "make an API credential with Read All"))
	}
	tell(provisioning.Finding{What: "changes", State: provisioning.FindingGood, Detail: "a refresh costs what changed (updated_since); deletions are found by the next whole read"})
	if err := c.learnRate(ctx); err != nil {
		tell(wire.Right("rate", "", err, "try again later"))
		return ctx.Err()
	}
	c.wire.Rated(tell)
	return ctx.Err()
}

func (c *Client) examineUsers(ctx context.Context, tell func(provisioning.Finding)) {
	query := url.Values{"limit": {"50"}, "fields": {c.fields()}}
	var body jsontext.Value
	_, err := c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: "/api/2/users", Query: query}, &body)
	var seen, department, office, number int
	if err == nil {
		err = wire.Rows(body, func(u *user) error {
			seen++
			for n, value := range map[*int]string{&department: u.Department, &office: u.own(c.opts.Fields.Office), &number: u.own(c.opts.Fields.EmployeeNumber)} {
				if value != "" {
					*n++
				}
			}
			return nil
		})
	}
	tell(wire.Right("list people", "with status, state, department and title", c.plain(err), "make an API credential with Read Users"))
	if err != nil || seen == 0 {
		return
	}
	for _, field := range []struct {
		what, where string
		n           int
	}{{"department", "department", department}, {"office", c.opts.Fields.Office, office}, {"employee number", c.opts.Fields.EmployeeNumber, number}} {
		f := provisioning.Finding{What: field.what, State: provisioning.FindingGood, Detail: fmt.Sprintf("%s, filled for %d of %d looked at", field.where, field.n, seen)}
		if field.n == 0 {
			f.State, f.Mend = provisioning.FindingWarning, "name the custom attribute that holds it under fields in config.toml"
		}
		tell(f)
	}
}

// Guide tells how an account is connected.
func Guide() provisioning.Guide {
	return provisioning.Guide{System: "onelogin", Title: "OneLogin", Ways: []provisioning.Way{{
		Name: "credential", Title: "API credential", Scopes: []string{"Read All (Read Users is enough without roles and groups)"},
		Steps: []string{
			"In the administration portal open Developers, API Credentials, New Credential.",
			"Name it rollcall and choose Read All; never Manage All.",
			"Note the Client ID and the Client Secret.",
		},
		Fields: []provisioning.GuideField{
			{Key: "url", Title: "Address", Hint: "https://your-firm.onelogin.com"},
			{Key: "client_id", Title: "Client ID"},
			{Key: "client_secret", Title: "Client Secret", Secret: true},
		},
	}}}
}
