package imanage_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/clients/imanage"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
)

// told writes what was read on one line: each place with its value, ? where it could not be read.
func told(l provisioning.Logons) string {
	parts := make([]string, 0, len(l.Places)+1)
	for _, p := range l.Places {
		if p.Value == "" && p.Why != "" {
			p.Value = "?"
		}
		parts = append(parts, strings.TrimSpace(p.Library+" "+p.Value))
	}
	if l.Unlisted != "" {
		parts = append(parts, "unlisted")
	}
	return strings.Join(parts, ", ")
}

// TestLogons: every record of an account is read for itself: those of its libraries and those that are asked for; what cannot be read is
// said and is never taken for absent, and where nobody tells the libraries, all of them are asked.
func TestLogons(t *testing.T) {
	ctx := context.Background()
	refuse := func(path string, status int) wiretest.Fault {
		return wiretest.Fault{Kind: wiretest.Status, Path: "/work/api/v2/customers/1/" + path, Status: status}
	}
	bare := wiretest.Fault{ // the record does not tell the libraries
		Kind: wiretest.Rewrite, Path: "/work/api/v2/customers/1/users/U002", Rewrite: func(b []byte) []byte { return []byte(strings.Replace(string(b), `"libraries"`, `"x"`, 1)) },
	}
	for name, c := range map[string]struct {
		account string
		asked   []string
		faults  []wiretest.Fault
		want    string
	}{
		"open everywhere":        {"U002", nil, nil, "enabled, LON enabled, NYC enabled"},
		"closed":                 {"U009", nil, nil, "disabled, LON disabled, NYC disabled"},
		"asked in small":         {"u009", nil, nil, "disabled, LON disabled, NYC disabled"},
		"a library that it left": {"U009", []string{"PAR", "LON"}, nil, "disabled, LON disabled, NYC disabled, PAR absent"},
		"nobody":                 {"NOBODY", []string{"PAR"}, nil, "absent, PAR absent"},
		"a library that may not be read": {
			"U009",
			[]string{"PAR"},
			[]wiretest.Fault{refuse("libraries/NYC/users/*", http.StatusForbidden), refuse("libraries/PAR/users/*", http.StatusNotFound)},
			"disabled, LON disabled, NYC ?, PAR ?",
		},
		"the global record cannot be read": {"U009", []string{"LON"}, []wiretest.Fault{refuse("users/*", http.StatusInternalServerError)}, "?, LON disabled, unlisted"},
		"told by the list":                 {"U002", nil, []wiretest.Fault{bare}, "enabled, LON enabled, NYC enabled"},
		"told by nobody":                   {"U002", nil, []wiretest.Fault{refuse("users/*/libraries", http.StatusForbidden), bare}, "enabled, LON enabled, NYC enabled, PAR absent"},
		"told by nobody at all": {
			"U002", []string{"NYC"}, []wiretest.Fault{refuse("users/*/libraries", http.StatusForbidden), bare, refuse("libraries", http.StatusForbidden)}, "enabled, NYC ?, unlisted",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, client := open(t, firm(false, 12))
			s.Bench().Inject(c.faults...)
			read, err := client.Logons(ctx, c.account, c.asked)
			if got := told(read); err != nil || got != c.want {
				t.Errorf("%s, %v, want %s", got, err, c.want)
			}
		})
	}
	t.Run("on premises", func(t *testing.T) {
		s, client := open(t, firm(true, 12))
		for account, want := range map[string]string{
			"U002": "enabled, LON enabled, NYC enabled, PAR absent", "U009": "disabled, LON disabled, NYC disabled, PAR absent", "NOBODY": "absent, LON absent, NYC absent, PAR absent",
		} {
			if read, err := client.Logons(ctx, account, nil); err != nil || told(read) != want {
				t.Errorf("%s: %s, %v", account, told(read), err)
			}
		}
		s.Bench().Inject(refuse("libraries/NYC/users/*", http.StatusForbidden))
		if read, err := client.Logons(ctx, "U009", nil); err != nil || told(read) != "?, LON disabled, NYC ?, PAR absent" {
			t.Errorf("%s, %v", told(read), err)
		}
	})
	t.Run("broken off", func(t *testing.T) {
		_, client := open(t, firm(false, 12))
		ended, cancel := context.WithCancel(ctx)
		cancel()
		if read, err := client.Logons(ended, "U009", []string{"LON"}); err == nil {
			t.Errorf("%s", told(read))
		}
	})
}

// lent is a clock that goes by another one, and waits for nothing.
type lent struct{ now func() time.Time }

func (l lent) Now() time.Time                                 { return l.now() }
func (lent) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// TestLogonLag: where a tenant is late, the libraries' records let a closed account in for so long, also in lists and after a restart; an
// opened one is open at once.
func TestLogonLag(t *testing.T) {
	ctx := context.Background()
	var now atomic.Int64
	now.Store(time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC).UnixNano())
	c := firm(false, 12)
	c.LogonLag, c.Now = time.Hour, func() time.Time { return time.Unix(0, now.Load()).UTC() }
	_, client := open(t, c, func(o *imanage.Options) { o.Clock = lent{c.Now} })
	send := func(k provisioning.ChangeKind, after string) {
		t.Helper()
		if _, err := client.Send(ctx, provisioning.Change{Kind: k, Account: "U002", After: after}); err != nil {
			t.Fatal(err)
		}
	}
	reads := func(want string) {
		t.Helper()
		read, err := client.Logons(ctx, "U002", nil)
		if got := told(read); err != nil || got != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
		whole, found, err := client.Account(ctx, "U002")
		if err != nil || !found {
			t.Fatal(err)
		}
		got := map[bool]string{true: "enabled", false: "disabled"}[whole.Enabled]
		for _, m := range whole.Memberships {
			got += fmt.Sprintf(", %s %s", m.Library, map[bool]string{true: "enabled", false: "disabled"}[m.Enabled])
		}
		if got != want {
			t.Errorf("the whole account reads %s, want %s", got, want)
		}
	}
	send(provisioning.DisableAccount, provisioning.ValueDisabled)
	reads("disabled, LON enabled, NYC enabled")
	now.Add(int64(59 * time.Minute))
	reads("disabled, LON enabled, NYC enabled")
	now.Add(int64(time.Minute))
	reads("disabled, LON disabled, NYC disabled")
	send(provisioning.EnableAccount, provisioning.ValueEnabled)
	reads("enabled, LON enabled, NYC enabled")
	send(provisioning.DisableAccount, provisioning.ValueDisabled)
	send(provisioning.EnableAccount, provisioning.ValueEnabled)
	now.Add(int64(2 * time.Hour))
	reads("enabled, LON enabled, NYC enabled")
}
