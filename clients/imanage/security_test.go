package imanage_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"rollcall/clients/imanage"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
)

func levels(s imanage.Security) string {
	lines := []string{s.Default}
	for _, a := range s.Access {
		lines = append(lines, a.Type+" "+a.ID+" "+a.Level)
	}
	return strings.Join(lines, ", ")
}

func give(id, kind, level string) imanage.SecurityChange {
	return imanage.SecurityChange{Set: []imanage.Access{{ID: id, Type: kind, Level: level}}}
}

// TestChangeSecurity: the default security is read and sent back as it was; lines are set and removed, and read back.
func TestChangeSecurity(t *testing.T) {
	for _, onPrem := range []bool{false, true} {
		config := firm(onPrem, 10)
		config.Libraries[0].Workspaces[0].DefaultSecurity = "view"
		s, c := open(t, config)
		change := imanage.SecurityChange{
			Set:    []imanage.Access{{ID: "U004", Type: imanage.TrusteeUser, Level: "full_access"}, {ID: "ALL", Type: imanage.TrusteeGroup, Level: "read"}},
			Remove: []imanage.Access{{ID: "U002", Type: imanage.TrusteeUser}},
		}
		before, after, err := c.ChangeSecurity(context.Background(), "LON", "LON!1", change)
		if err != nil || levels(before) != "view, user U002 full_access, user U003 read_write" || levels(after) != "view, user U003 read_write, user U004 full_access, group ALL read" {
			t.Fatalf("%v\n%s\n%s", err, levels(before), levels(after))
		}
		if got := strings.Join(s.Dump().Access["LON!1"], ", "); got != "default view, group ALL read, user U003 read_write, user U004 full_access" {
			t.Errorf("%s", got)
		}
		var sent []string
		for _, e := range s.Bench().Log() {
			if strings.HasSuffix(e.Path, "/security") {
				sent = append(sent, e.Method)
				if e.Method == http.MethodPost && !strings.Contains(e.Body, `"default_security":"view"`) {
					t.Errorf("%s", e.Body)
				}
			}
		}
		if strings.Join(sent, " ") != "GET POST GET" {
			t.Errorf("%v", sent)
		}
		// Its inverse puts the list back.
		if _, after, err = c.ChangeSecurity(context.Background(), "LON", "LON!1", imanage.SecurityChange{
			Set: []imanage.Access{{ID: "U002", Type: imanage.TrusteeUser, Level: "full_access"}}, Remove: change.Set,
		}); err != nil || levels(after) != "view, user U003 read_write, user U002 full_access" {
			t.Errorf("%v %s", err, levels(after))
		}
	}
}

// TestChangeSecurityRefused: nothing is sent where the list cannot be read, where it does not tell its default, or where nothing is asked;
// a tenant without the call says so; a trustee who does not exist is a refusal.
func TestChangeSecurityRefused(t *testing.T) {
	for name, one := range map[string]struct {
		unsupported string
		fault       *wiretest.Fault
		change      imanage.SecurityChange
		effect      provisioning.Effect
		unknown     bool
	}{
		"an unreadable list": {"GET libraries/*/workspaces/*/security 403", nil, give("U003", "user", "read"), provisioning.NothingDone, false},
		"nothing asked":      {"", nil, imanage.SecurityChange{}, provisioning.RefusedSend, false},
		"no default": {
			"", &wiretest.Fault{Kind: wiretest.Rewrite, Rewrite: func([]byte) []byte { return []byte(`{"data":[]}`) }, Path: "/work/api/v2/customers/1/libraries/LON/workspaces"},
			give("U003", "user", "read"), provisioning.RefusedSend, false,
		},
		"no such call":    {"POST libraries/*/workspaces/*/security 404", nil, give("U003", "user", "read"), provisioning.RefusedSend, true},
		"no such trustee": {"", nil, give("NOBODY", "user", "read"), provisioning.RefusedSend, false},
	} {
		config := firm(false, 10)
		if one.unsupported != "" {
			config.Unsupported = []string{one.unsupported}
		}
		s, c := open(t, config)
		if one.fault != nil {
			s.Bench().Inject(*one.fault)
		}
		_, _, err := c.ChangeSecurity(context.Background(), "LON", "LON!1", one.change)
		var e *provisioning.SendError
		if !errors.As(err, &e) || e.Effect != one.effect || e.Unsupported != one.unknown || len(s.Effects()) > 0 {
			t.Errorf("%s: %+v %v", name, err, s.Effects())
		}
		if sent := len(writes(s)); sent > 0 && (one.effect == provisioning.NothingDone || !one.unknown && name != "no such trustee") {
			t.Errorf("%s: %d were sent", name, sent)
		}
	}
}

// TestChangeSecuritySpoilt: after a change that had another effect than was asked for, none goes any more.
func TestChangeSecuritySpoilt(t *testing.T) {
	s, c := open(t, firm(false, 10))
	s.Bench().Inject(wiretest.Fault{Kind: wiretest.Rewrite, Method: http.MethodGet, Path: "/work/api/v2/customers/1/libraries/LON/workspaces", Skip: 1, Rewrite: func(b []byte) []byte {
		return []byte(strings.Replace(string(b), `"default_security":"private"`, `"default_security":"public"`, 1))
	}})
	_, _, err := c.ChangeSecurity(context.Background(), "LON", "LON!1", give("U004", "user", "read"))
	var e *provisioning.SendError
	if !errors.As(err, &e) || e.Effect != provisioning.InDoubt || !strings.Contains(e.Message, "default security was private and is public") {
		t.Errorf("%+v", err)
	}
	s.Bench().Clear()
	_, _, err = c.ChangeSecurity(context.Background(), "LON", "LON!2", give("U004", "user", "read"))
	if !errors.As(err, &e) || e.Effect != provisioning.RefusedSend || len(writes(s)) != 1 {
		t.Errorf("%+v, %d sent", err, len(writes(s)))
	}
}

// TestChangeSecurityAlone: until the first is read back they go one after another; once the tenant has confirmed it, side by side.
func TestChangeSecurityAlone(t *testing.T) {
	for _, known := range []bool{false, true} {
		config := firm(false, 10)
		for i := range 6 {
			w := *config.Libraries[0].Workspaces[0]
			w.ID = fmt.Sprintf("LON!%d", 100+i)
			config.Libraries[0].Workspaces = append(config.Libraries[0].Workspaces, &w)
		}
		var under, most atomic.Int32
		s, c := open(t, config, func(o *imanage.Options) {
			o.Confirmed = func(context.Context, string) bool { return known }
		})
		gate := make(chan struct{})
		s.Bench().Inject(wiretest.Fault{Kind: wiretest.Rewrite, Method: http.MethodPost, Path: "/work/api/v2/customers/1/libraries/LON/workspaces", Rewrite: func(b []byte) []byte {
			n := under.Add(1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			if known && n == 2 {
				close(gate) // two are there at once
			}
			if known {
				<-gate
			}
			under.Add(-1)
			return b
		}})
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				if _, _, err := c.ChangeSecurity(context.Background(), "LON", fmt.Sprintf("LON!%d", 100+i), give("U004", "user", "read")); err != nil {
					t.Error(err)
				}
			})
			if known && i == 1 {
				all.Wait()
			}
		}
		all.Wait()
		if known {
			if most.Load() < 2 {
				t.Errorf("confirmed, and %d at once", most.Load())
			}
			continue
		}
		// The first was read back before the second left.
		var order []string
		for _, e := range s.Bench().Log() {
			if first := len(order) > 0; strings.HasSuffix(e.Path, "/security") && (e.Method == http.MethodPost || (first && strings.HasSuffix(order[0], e.Path))) {
				order = append(order, e.Method+" "+e.Path)
			}
		}
		if len(order) < 2 || order[1] != strings.Replace(order[0], "POST", "GET", 1) {
			t.Errorf("%v", order)
		}
	}
}
