package imanage

import (
	"context"
	"slices"
	"strings"

	"rollcall/provisioning"
)

var _ provisioning.LogonReader = (*Client)(nil)

// Logons reads allow_logon of an account record by record: the global one, and each library's. Where a tenant tells nobody which
// libraries an account is in, every library of the tenant is asked. On premises there is no global level: it is off where every
// library's record is.
func (c *Client) Logons(ctx context.Context, account string, libraries []string) (provisioning.Logons, error) {
	l := &logons{c: c, q: newQueue(), id: strings.ToUpper(account), asked: make(map[string]bool)}
	for _, library := range libraries {
		if library != "" {
			l.ask(library)
		}
	}
	if c.opts.OnPrem {
		l.q.add(l.everywhere)
	} else {
		l.q.add(l.global)
	}
	if err := l.q.run(ctx, c.opts.Concurrency); err != nil {
		return provisioning.Logons{}, err
	}
	if c.opts.OnPrem {
		l.read.Places = append(l.read.Places, l.merged())
	}
	slices.SortFunc(l.read.Places, func(a, b provisioning.Place) int { return strings.Compare(a.Library, b.Library) })
	return l.read, ctx.Err()
}

// logons gathers the records of one account. The pieces share a queue; what they write is guarded by its mutex.
type logons struct {
	c     *Client
	q     *queue
	id    string
	asked map[string]bool
	read  provisioning.Logons
}

// ask has a library's record read, once.
func (l *logons) ask(library string) {
	l.q.mu.Lock()
	met := l.asked[library]
	l.asked[library] = true
	l.q.mu.Unlock()
	if met {
		return
	}
	l.q.add(func(ctx context.Context) error {
		u, found, err := l.c.libraryUser(ctx, library, l.id)
		l.keep(library, u.AllowLogon, found, err)
		return ctx.Err()
	})
}

// keep notes what a record read, or why it could not be read.
func (l *logons) keep(library string, enabled, found bool, err error) {
	p := provisioning.Place{Library: library, Value: provisioning.ValueDisabled}
	switch {
	case err != nil:
		p.Value, p.Why = "", provisioning.Reason(err)
	case !found:
		p.Value = provisioning.ValueAbsent
	case enabled:
		p.Value = provisioning.ValueEnabled
	}
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	l.read.Places = append(l.read.Places, p)
}

// global reads the global record, and has the libraries that it names read too.
func (l *logons) global(ctx context.Context) error {
	u, found, err := l.c.globalUser(ctx, l.id)
	l.keep("", u.AllowLogon, found, err)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		l.unlisted(err)
		return nil
	}
	if !found {
		return nil
	}
	places := u.Libraries
	if len(places) == 0 { // a tenant may not tell them with the record
		if places, err = wholeList(ctx, l.c, placeID, nil, "users", l.id, "libraries"); err != nil {
			return l.everywhere(ctx)
		}
	}
	for _, p := range places {
		l.ask(p.ID)
	}
	return nil
}

// everywhere has every library of the tenant asked.
func (l *logons) everywhere(ctx context.Context) error {
	libraries, err := l.c.libraries(ctx)
	if err != nil {
		l.unlisted(err)
		return ctx.Err()
	}
	for _, library := range libraries {
		l.ask(library.ID)
	}
	return nil
}

func (l *logons) unlisted(err error) {
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	l.read.Unlisted = "the libraries of the account could not be listed: " + provisioning.Reason(err)
}

// merged is what stands for the global record on premises: enabled where any library's is, and off only where all were read.
func (l *logons) merged() provisioning.Place {
	p := provisioning.Place{Value: provisioning.ValueAbsent}
	if l.read.Unlisted != "" {
		p.Value, p.Why = "", l.read.Unlisted
	}
	for _, one := range l.read.Places {
		switch {
		case one.Value == provisioning.ValueEnabled:
			return provisioning.Place{Value: provisioning.ValueEnabled}
		case one.Value == "":
			p.Value, p.Why = "", one.Library+": "+one.Why
		case one.Value == provisioning.ValueDisabled && p.Value == provisioning.ValueAbsent:
			p.Value = provisioning.ValueDisabled
		}
	}
	return p
}
