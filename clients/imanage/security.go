package imanage

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// ObjectKind is what an access list belongs to.
type ObjectKind string

// The kinds of object, as a path spells them.
const (
	KindWorkspace ObjectKind = "workspaces"
	KindFolder    ObjectKind = "folders"
	KindDocument  ObjectKind = "documents"
)

// The types of trustee.
const (
	TrusteeUser  = "user"
	TrusteeGroup = "group"
)

// Access is a line of an access list, with the vendor's own words (contracts/imanage.md 8).
type Access struct {
	ID    string `json:"id"`
	Type  string `json:"type"`         // user, group
	Level string `json:"access_level"` // no_access, read, read_write, full_access, change_security
	Name  string `json:"name"`
	// AllowLogon is a user's, Enabled a group's; nil where the tenant does not tell.
	AllowLogon *bool `json:"allow_logon"`
	Enabled    *bool `json:"enabled"`
}

// manages reports whether the line lets its trustee manage the object.
func (a *Access) manages() bool { return a.Level == "full_access" || a.Level == "change_security" }

// Security is who may open an object.
type Security struct {
	Default string   // inherit, public, view, private: what everybody else may
	Access  []Access // as the tenant lists it
}

// UnmarshalJSONFrom reads the answer, whose rows and default security stand side by side.
func (s *Security) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var p page[Access]
	err := wire.Members(d, func(name []byte, d *jsontext.Decoder) error {
		switch string(name) {
		case "data":
			return p.data(d)
		case "default_security":
			var err error
			s.Default, err = wire.Text(d)
			return err
		default:
			return d.SkipValue()
		}
	})
	if err == nil && !p.there {
		err = errNoList
	}
	s.Access = p.rows
	return err
}

// Security reads the access list of a workspace, folder or document of a library.
func (c *Client) Security(ctx context.Context, library string, kind ObjectKind, id string) (Security, error) {
	p, err := c.path(ctx, "libraries", library, string(kind), id, "security")
	if err != nil {
		return Security{}, err
	}
	var s Security
	_, err = c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: p}, &s)
	return s, err
}

// SecurityChange is what becomes other in an access list: lines that are set, by their ID, Type and Level, and trustees whose lines are
// removed, by their ID and Type.
type SecurityChange struct {
	Set    []Access
	Remove []Access
}

// firstUse is how a canary goes that no batch carries: the first one alone, read back, and only after its success in company; where one
// had another effect than was asked for, none any more.
type firstUse struct {
	alone  sync.Mutex
	mu     sync.Mutex
	proven bool
	spoilt string // why none goes any more
}

func (f *firstUse) state() (proven bool, spoilt string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.proven, f.spoilt
}

func (f *firstUse) settle(spoilt string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.spoilt == "" {
		f.proven, f.spoilt = spoilt == "", spoilt
	}
}

// ChangeSecurity changes the access list of a workspace, and returns the list as it was and as it was read back. The default security is
// read first and sent back as it was, for what is sent becomes the default (contracts/imanage.md 8). It is a canary: until the tenant has
// confirmed it (Options.Confirmed), or one of this client's has been read back, they go one after another; after one that had another
// effect than was asked for, none goes. An error is a *provisioning.SendError.
func (c *Client) ChangeSecurity(ctx context.Context, library, workspace string, change SecurityChange) (before, after Security, err error) {
	if len(change.Set)+len(change.Remove) == 0 {
		_, err = refused("there is nothing to change")
		return before, after, err
	}
	if proven, _ := c.access.state(); !proven && !c.confirmed(ctx, opAccess) {
		c.access.alone.Lock()
		defer c.access.alone.Unlock()
	}
	if _, spoilt := c.access.state(); spoilt != "" {
		_, err = refused(opAccess + " is done by hand: " + spoilt)
		return before, after, err
	}
	if before, err = c.Security(ctx, library, KindWorkspace, workspace); err != nil {
		return before, after, &provisioning.SendError{Effect: provisioning.NothingDone, Message: "the access list could not be read, so nothing was sent: " + err.Error(), Err: err}
	}
	if before.Default == "" {
		_, err = refused("the access list does not tell its default security, which would have to be sent back")
		return before, after, err
	}
	_, err = c.write(ctx, http.MethodPost, change.body(before.Default), "libraries", library, string(KindWorkspace), workspace, "security")
	if err != nil {
		return before, after, err
	}
	if after, err = c.Security(ctx, library, KindWorkspace, workspace); err != nil {
		return before, after, &provisioning.SendError{Effect: provisioning.InDoubt, Message: "the access list was changed, and could not be read back: " + err.Error(), Err: err}
	}
	wrong := change.missing(before, after)
	c.access.settle(wrong)
	if wrong != "" {
		return before, after, &provisioning.SendError{Effect: provisioning.InDoubt, Message: "the change of the access list had another effect: " + wrong}
	}
	return before, after, nil
}

func (s *SecurityChange) body(standing string) map[string]any {
	include, remove := []map[string]string{}, []map[string]string{}
	for _, a := range s.Set {
		include = append(include, map[string]string{"id": a.ID, "type": a.Type, "access_level": a.Level})
	}
	for _, a := range s.Remove {
		remove = append(remove, map[string]string{"id": a.ID, "type": a.Type})
	}
	return map[string]any{"default_security": standing, "include": include, "remove": remove}
}

// missing says what of a change does not stand in the list as it was read back, or what else became other; "" where all is right.
func (s *SecurityChange) missing(before, after Security) string {
	if after.Default != before.Default {
		return "the default security was " + before.Default + " and is " + after.Default
	}
	level := func(list Security, a Access) string {
		i := slices.IndexFunc(list.Access, func(b Access) bool { return b.Type == a.Type && strings.EqualFold(b.ID, a.ID) })
		if i < 0 {
			return "none"
		}
		return list.Access[i].Level
	}
	asked := func(a Access, list []Access) bool {
		return slices.ContainsFunc(list, func(b Access) bool { return b.Type == a.Type && strings.EqualFold(b.ID, a.ID) })
	}
	for _, a := range s.Set {
		if got := level(after, a); got != a.Level {
			return a.Type + " " + a.ID + " has " + got + ", not " + a.Level
		}
	}
	for _, a := range s.Remove {
		if got := level(after, a); got != "none" && !asked(a, s.Set) {
			return a.Type + " " + a.ID + " still has " + got
		}
	}
	for _, a := range slices.Concat(before.Access, after.Access) {
		if !asked(a, s.Set) && !asked(a, s.Remove) && level(before, a) != level(after, a) {
			return a.Type + " " + a.ID + " had " + level(before, a) + " and has " + level(after, a)
		}
	}
	return ""
}
