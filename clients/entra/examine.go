package entra

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// warnCertificate is how long before its end the application's own certificate is told.
const warnCertificate = 30 * 24 * time.Hour

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
	tell(provisioning.Finding{What: provisioning.SignIn, State: provisioning.FindingGood, Detail: c.signedInBy()})
	c.examineCertificate(tell)
	c.examineUsers(ctx, tell)
	tell(wire.Right("list deleted people", "the leavers of the last 30 days", c.plain(c.probe(ctx, "/directory/deletedItems/microsoft.graph.user", url.Values{"$select": {"id"}, "$top": {"1"}})),
		"add User.Read.All (application) and grant consent"))
	groups := c.plain(c.probe(ctx, "/groups", url.Values{"$select": {"id,displayName"}, "$top": {"1"}}))
	tell(wire.Right("list groups", "with their members, nested ones too", groups, "add GroupMember.Read.All (application) and grant consent"))
	for _, optional := range []struct{ property, what, use, mend string }{
		{signIns, "last sign-in", "who has not signed in for long", "add AuditLog.Read.All (application); it also wants a P1 licence"},
		{leaveDate, "leave date", "who leaves, and when", "add User-LifeCycleInfo.Read.All (application), if the firm keeps the date in Entra"},
	} {
		f := wire.Right(optional.what, optional.use, c.probe(ctx, "/users", url.Values{"$select": {"id," + optional.property}, "$top": {"1"}}), optional.mend)
		if f.State == provisioning.FindingBad {
			f.State, f.Detail = provisioning.FindingWarning, "not given: read without it"
		}
		tell(f)
	}
	query := url.Values{"$select": {"id"}, "$deltatoken": {"latest"}}
	_, err = c.walk(ctx, wire.Request{Method: http.MethodGet, Path: "/users/delta", Query: query}, nothing)
	f := wire.Right("changes", "a refresh costs what changed (delta)", err, "nothing to do: every refresh reads whole")
	if f.State == provisioning.FindingBad {
		f.State = provisioning.FindingWarning
	}
	tell(f)
	c.wire.Rated(tell)
	return ctx.Err()
}

func (c *Client) signedInBy() string {
	switch {
	case c.key != nil:
		return "by certificate"
	case !c.opts.Refresh.IsZero():
		return "as an operator, by device sign-in"
	default:
		return "by client secret"
	}
}

func (c *Client) examineCertificate(tell func(provisioning.Finding)) {
	if c.key == nil {
		return
	}
	until, _ := c.key.Certificate()
	f := provisioning.Finding{What: "certificate", State: provisioning.FindingGood, Detail: "until " + until.Format("2006-01-02")}
	if until.Sub(c.opts.Clock.Now()) < warnCertificate {
		f.State, f.Mend = provisioning.FindingWarning, "make a new one, upload it, and rotate it here before then"
	}
	tell(f)
}

// examineUsers reads one person: a success whose properties are missing is a missing right (contracts/idps.md 2.2).
func (c *Client) examineUsers(ctx context.Context, tell func(provisioning.Finding)) {
	const mend = "add User.Read.All (application) and grant consent; User.ReadBasic.All is not enough"
	var seen, enabled, sso, office, number int
	query := c.usersQuery(nil)
	query.Set("$top", "50")
	var p page
	_, err := c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: "/users", Query: query}, &p)
	if err == nil {
		err = wire.Rows(p.Value, func(u *user) error {
			var person provisioning.Person
			c.apply(&person, u)
			seen++
			if person.Status != provisioning.StatusUnknown {
				enabled++
			}
			count(&sso, u.own(c.opts.Fields.sso()))
			count(&office, u.own(c.opts.Fields.office()))
			count(&number, u.own(c.opts.Fields.number()))
			return nil
		})
	}
	if err != nil {
		tell(wire.Right("list people", "", c.plain(err), mend))
		return
	}
	if enabled == 0 {
		tell(provisioning.Finding{What: "list people", State: provisioning.FindingBad, Detail: "people come, but whether they are enabled does not", Mend: mend})
		return
	}
	tell(provisioning.Finding{What: "list people", State: provisioning.FindingGood, Detail: "with status, department, title and manager"})
	for _, field := range []struct {
		what, property string
		n              int
	}{{"user id", c.opts.Fields.sso(), sso}, {"office", c.opts.Fields.office(), office}, {"employee number", c.opts.Fields.number(), number}} {
		f := provisioning.Finding{What: field.what, State: provisioning.FindingGood, Detail: fmt.Sprintf("%s, filled for %d of %d looked at", field.property, field.n, seen)}
		if field.n == 0 {
			f.State, f.Mend = provisioning.FindingWarning, "name the property that holds it under fields in config.toml"
		}
		tell(f)
	}
}

func count(n *int, v said) {
	if v.text != "" {
		*n++
	}
}

// Guide tells how a tenant is connected.
func Guide() provisioning.Guide {
	register := []string{
		"In entra.microsoft.com open App registrations, New registration: name it rollcall, single tenant, no redirect.",
		"Under API permissions add the application permissions below (Microsoft Graph), and grant admin consent.",
	}
	scopes := []string{"User.Read.All", "GroupMember.Read.All", "AuditLog.Read.All (optional: last sign-in)", "User-LifeCycleInfo.Read.All (optional: leave date)"}
	fields := []provisioning.GuideField{
		{Key: "tenant", Title: "Directory (tenant) ID", Hint: "on the registration's overview page"},
		{Key: "client_id", Title: "Application (client) ID", Hint: "beside it"},
		{Key: "url", Title: "Graph's address", Hint: "leave empty, but for a national cloud", Optional: true},
		{Key: "login_url", Title: "Sign-in's address", Hint: "leave empty, but for a national cloud", Optional: true},
	}
	with := func(more ...provisioning.GuideField) []provisioning.GuideField {
		return append(append(append([]provisioning.GuideField(nil), fields[:2]...), more...), fields[2:]...)
	}
	return provisioning.Guide{System: "entra", Title: "Microsoft Entra ID", Ways: []provisioning.Way{
		{
			Name: "certificate", Title: "certificate (recommended)", Scopes: scopes,
			Steps: append(register[:2:2],
				"Make a certificate: openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=rollcall -keyout rollcall.key -out rollcall.cer",
				"Upload rollcall.cer under Certificates & secrets, and put both into one file: cat rollcall.key rollcall.cer > rollcall.pem",
			),
			Fields: with(provisioning.GuideField{
				Key: "key", Title: "Certificate and private key (PEM)", Hint: "a file that holds both; its path", Secret: true, Multi: true,
			}),
		},
		{
			Name: "secret", Title: "client secret", Scopes: scopes,
			Steps:  append(register[:2:2], "Under Certificates & secrets make a client secret; note the day it ends."),
			Fields: with(provisioning.GuideField{Key: "client_secret", Title: "Client secret", Hint: "its Value, not its Secret ID", Secret: true}),
		},
		{
			Name: "device", Title: "my own sign-in (device code)", Scopes: []string{"User.Read.All", "GroupMember.Read.All", "AuditLog.Read.All (delegated)"},
			Steps: []string{
				register[0], "Under Authentication allow public client flows; add the delegated permissions below and grant admin consent.",
				"You are asked to open a page and type a code; rollcall then reads what you yourself may read.",
			},
			Fields: fields,
		},
	}}
}
