package imanage

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// Send asks for a change once. A probe that the tenant has not confirmed is refused here, whoever asks: it is done by hand. On
// premises there is no global record, so a change of the whole account is one PATCH for each library that has it; each is the
// same state assertion, and a read-back believes it only when all of them agree.
func (c *Client) Send(ctx context.Context, ch provisioning.Change) (provisioning.Receipt, error) {
	o := c.Operation(ch)
	if o.Name == "" {
		return refused(string(ch.Kind) + " is done by hand: this tenant has no call for it")
	}
	if o.FirstUse == provisioning.Probe && !c.confirmed(ctx, o.Name) {
		return refused(o.Name + " is done by hand: no public source confirms the call, and this tenant has not")
	}
	return c.send(ctx, ch)
}

func (c *Client) confirmed(ctx context.Context, operation string) bool {
	return c.opts.Confirmed != nil && c.opts.Confirmed(ctx, operation)
}

// send makes the call of a change, whatever is known of it.
func (c *Client) send(ctx context.Context, ch provisioning.Change) (provisioning.Receipt, error) {
	switch ch.Kind {
	case provisioning.CreateAccount:
		return c.create(ctx, ch)
	case provisioning.AssignLibrary:
		return c.assign(ctx, ch)
	case provisioning.EnableAccount:
		return c.patch(ctx, ch, "allow_logon", true)
	case provisioning.DisableAccount:
		return c.patch(ctx, ch, "allow_logon", false)
	case provisioning.SetAttribute:
		return c.patch(ctx, ch, ch.Object, ch.After)
	case provisioning.SetLibraryRole:
		return c.write(ctx, http.MethodPost, map[string]any{
			"data_type": "users", "data": ch.Account, "action": "add", "database": ch.Library,
		}, "libraries", ch.Library, "roles", ch.After, "users", ch.Account)
	case provisioning.JoinGroup:
		return c.members(ctx, ch, "add")
	case provisioning.LeaveGroup:
		return c.members(ctx, ch, "delete")
	case provisioning.RemoveGlobalRole, provisioning.GiveGlobalRole:
		return c.globalRole(ctx, ch)
	case provisioning.TransferWorkspace:
		return c.write(ctx, http.MethodPatch, map[string]any{"owner": ch.After}, "libraries", ch.Library, "workspaces", ch.Object)
	case provisioning.ReleaseLock:
		return c.write(ctx, http.MethodDelete, nil, "libraries", ch.Library, "documents", ch.Object, "lock")
	case provisioning.RemoveLibrary:
		return c.write(ctx, http.MethodDelete, nil, "libraries", ch.Library, "users", ch.Account)
	default:
		return refused(string(ch.Kind) + " is done by hand: there is no call for it")
	}
}

// globalRole takes an account out of a global role, or puts it back: the third dialect of membership (contracts/imanage.md 7).
func (c *Client) globalRole(ctx context.Context, ch provisioning.Change) (provisioning.Receipt, error) {
	who, nobody := []map[string]string{{"id": ch.Account, "type": "user"}}, []map[string]string{}
	body := map[string]any{"include": nobody, "exclude": who}
	if ch.After == provisioning.ValueMember {
		body = map[string]any{"include": who, "exclude": nobody}
	}
	return c.write(ctx, http.MethodPatch, body, "roles", ch.Object, "members")
}

// createBody is the verbatim field set of contracts/imanage.md 5.2, without a password: people sign in by single sign-on.
func (c *Client) createBody(p *provisioning.Profile) map[string]any {
	body := map[string]any{
		"id": p.ID, "user_id_ex": p.ID, "user_nos": 2, "full_name": p.FullName, "email": p.Email, "location": p.Location,
		"phone": p.Phone, "preferred_library": p.PreferredLibrary, "is_external": p.External, "allow_logon": true,
		"pwd_never_expire": false, "ip_range_enabled": false,
	}
	if p.EmployeeNumber != "" {
		body[c.opts.EmployeeField] = p.EmployeeNumber
	}
	return body
}

func (c *Client) create(ctx context.Context, ch provisioning.Change) (provisioning.Receipt, error) {
	if ch.Profile == nil {
		return refused("the change carries no profile")
	}
	if c.opts.OnPrem {
		body := c.createBody(ch.Profile)
		body["database"], body["user_id"], body["role_alias"] = ch.Profile.PreferredLibrary, ch.Profile.ID, "DEFAULT"
		return c.write(ctx, http.MethodPost, body, "libraries", ch.Profile.PreferredLibrary, "users")
	}
	return c.write(ctx, http.MethodPost, c.createBody(ch.Profile), "users")
}

func refused(message string) (provisioning.Receipt, error) {
	return provisioning.Receipt{}, &provisioning.SendError{Effect: provisioning.RefusedSend, Message: message}
}

// assign repeats the profile and carries both id and user_id (contracts/imanage.md 5.2).
func (c *Client) assign(ctx context.Context, ch provisioning.Change) (provisioning.Receipt, error) {
	if ch.Profile == nil {
		return refused("the change carries no profile")
	}
	return c.write(ctx, http.MethodPost, assignBody(ch.Profile, ch.Library, ch.After), "libraries", ch.Library, "users")
}

func assignBody(p *provisioning.Profile, library, role string) map[string]any {
	return map[string]any{
		"database": library, "user_id": p.ID, "id": p.ID, "user_id_ex": p.ID, "user_nos": 2, "full_name": p.FullName,
		"email": p.Email, "role_alias": role, "preferred_library": p.PreferredLibrary, "is_external": p.External, "allow_logon": !p.Closed,
	}
}

func (c *Client) patch(ctx context.Context, ch provisioning.Change, field string, value any) (provisioning.Receipt, error) {
	if !c.opts.OnPrem {
		return c.write(ctx, http.MethodPatch, map[string]any{"id": ch.Account, field: value}, "users", ch.Account)
	}
	u, found, err := c.user(ctx, ch.Account)
	if err != nil {
		return provisioning.Receipt{}, &provisioning.SendError{Effect: provisioning.NothingDone, Message: err.Error(), Err: err}
	}
	if !found {
		return refused("there is no account " + ch.Account)
	}
	var receipt provisioning.Receipt
	for i, l := range u.Libraries {
		receipt, err = c.write(ctx, http.MethodPatch, map[string]any{field: value}, "libraries", l.ID, "users", ch.Account)
		var e *provisioning.SendError
		if errors.As(err, &e) && i > 0 {
			e.Effect, e.Unsupported = provisioning.InDoubt, false // some libraries have it, this one has not
		}
		if err != nil {
			return receipt, err
		}
	}
	return receipt, nil
}

func (c *Client) members(ctx context.Context, ch provisioning.Change, action string) (provisioning.Receipt, error) {
	body := map[string]any{"data_type": "users", "data": []string{ch.Account}, "action": action}
	path := []string{"groups", ch.Object, "members"}
	if ch.Library != "" {
		body["database"] = ch.Library
		path = []string{"libraries", ch.Library, "groups", ch.Object, "members"}
	}
	return c.write(ctx, http.MethodPut, body, path...)
}

func (c *Client) write(ctx context.Context, method string, body any, segments ...string) (provisioning.Receipt, error) {
	p, err := c.path(ctx, segments...)
	if err != nil { // who we are could not be learnt: nothing was sent
		denied := status(err) == http.StatusUnauthorized || provisioning.CodeOf(err) == provisioning.Denied
		return provisioning.Receipt{}, &provisioning.SendError{Effect: provisioning.NothingDone, Message: err.Error(), Denied: denied, Err: err}
	}
	answer, err := c.wire.Write(ctx, wire.Request{Method: method, Path: p, Query: url.Values{}, Body: body}, nil)
	if err != nil {
		return provisioning.Receipt{}, sendError(err)
	}
	if kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type")); err == nil && kind == "text/html" { // a sign-in page, or a proxy's
		return provisioning.Receipt{}, &provisioning.SendError{Effect: provisioning.InDoubt, Status: answer.Status, Message: "a web page came in answer, and not iManage's word"}
	}
	return provisioning.Receipt{Status: answer.Status}, nil
}

// sendError says in rollcall's words what is known of a write that failed, with the vendor's own words and transaction. A 404 without the
// vendor's word that there is no such object, a 405 and a 501 say that the tenant does not know the call: it surely did nothing.
func sendError(err error) error {
	var e *wire.Error
	if !errors.As(err, &e) {
		denied := provisioning.CodeOf(err) == provisioning.Denied
		return &provisioning.SendError{Effect: provisioning.NothingDone, Message: err.Error(), Denied: denied, Err: err}
	}
	v := vendor(err).Error
	message := e.Message
	switch {
	case v.CodeMessage != "":
		message = v.CodeMessage
	case v.Message != "":
		message = v.Message
	}
	var inner *provisioning.Error
	out := &provisioning.SendError{
		Effect: e.Effect, Status: e.Status, Code: v.Code, Message: message, Transaction: v.Transaction, RetryAfter: e.RetryAfter, Err: err,
	}
	out.Denied = e.Status == http.StatusUnauthorized || (errors.As(e.Err, &inner) && inner.Code == provisioning.Denied)
	switch e.Status {
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		out.Unsupported = true
	case http.StatusNotFound:
		out.Unsupported = v.Code != codeNoRecord
	}
	if out.Unsupported {
		out.Effect = provisioning.RefusedSend
	}
	return out
}
