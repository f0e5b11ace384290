package imanage_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"rollcall/clients/imanage"
	"rollcall/clients/imanage/imanagetest"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
)

// everyChange is one change of each operation, with the path of its call below customers/1/, and what the simulator counts for it.
func everyChange(onPrem bool) map[string]struct {
	change            provisioning.Change
	call, effect      string
	before, afterward string
} {
	type row = struct {
		change            provisioning.Change
		call, effect      string
		before, afterward string
	}
	profile := &provisioning.Profile{ID: "NEW", FullName: "New", Email: "new@x.example", PreferredLibrary: "PAR"}
	of := func(k provisioning.ChangeKind, library, object, after string) provisioning.Change {
		return provisioning.Change{Kind: k, Account: "U002", Library: library, Object: object, After: after}
	}
	const member, none = provisioning.ValueMember, provisioning.ValueNoMember
	rows := map[string]row{
		"create account":        {provisioning.Change{Kind: provisioning.CreateAccount, Account: "NEW", After: profile.Encode(), Profile: profile}, "POST users", "create NEW", "absent", profile.Encode()},
		"enable account":        {provisioning.Change{Kind: provisioning.EnableAccount, Account: "U009", After: provisioning.ValueEnabled}, "PATCH users/U009", "patch U009 allow_logon", "disabled", "enabled"},
		"disable account":       {of(provisioning.DisableAccount, "", "", provisioning.ValueDisabled), "PATCH users/U002", "patch U002 allow_logon", "enabled", "disabled"},
		"set attribute":         {of(provisioning.SetAttribute, "", "location", "Leeds"), "PATCH users/U002", "patch U002 location", "", "Leeds"},
		"set preferred library": {of(provisioning.SetAttribute, "", "preferred_library", "NYC"), "PATCH users/U002", "patch U002 preferred_library", "LON", "NYC"},
		"assign to library":     {provisioning.Change{Kind: provisioning.AssignLibrary, Account: "U002", Library: "PAR", After: "DEFAULT", Profile: &provisioning.Profile{ID: "U002", FullName: "U", Email: "u002@x.example", PreferredLibrary: "LON"}}, "POST libraries/PAR/users", "assign U002 PAR DEFAULT", "absent", "DEFAULT"},
		"set library role":      {of(provisioning.SetLibraryRole, "NYC", "", "STANDARD"), "POST libraries/NYC/roles/STANDARD/users/U002", "role U002 NYC STANDARD", "DEFAULT", "STANDARD"},
		"join library group":    {of(provisioning.JoinGroup, "NYC", "ALL", member), "PUT libraries/NYC/groups/ALL/members", "join U002 NYC ALL", none, member},
		"leave library group":   {of(provisioning.LeaveGroup, "LON", "ALL", none), "PUT libraries/LON/groups/ALL/members", "leave U002 LON ALL", member, none},
		"transfer workspace":    {of(provisioning.TransferWorkspace, "LON", "LON!1", "U003"), "PATCH libraries/LON/workspaces/LON!1", "transfer U003 LON LON!1", "U002", "U003"},
		"release lock":          {of(provisioning.ReleaseLock, "LON", "LON!70.1", provisioning.ValueReleased), "DELETE libraries/LON/documents/LON!70.1/lock", "release U002 LON LON!70.1", "checked out", "released"},
		"remove from library":   {of(provisioning.RemoveLibrary, "NYC", "", provisioning.ValueAbsent), "DELETE libraries/NYC/users/U002", "unassign U002 NYC", member, "absent"},
	}
	if onPrem {
		rows["create account"] = row{rows["create account"].change, "POST libraries/PAR/users", "create NEW", "absent", profile.Encode()}
		for name, patch := range map[string]string{"enable account": "U009", "disable account": "U002", "set attribute": "U002", "set preferred library": "U002"} {
			r := rows[name]
			r.call = "PATCH libraries/LON/users/" + patch
			rows[name] = r
		}
		return rows
	}
	rows["join global group"] = row{of(provisioning.JoinGroup, "", "EVERYBODY", member), "PUT groups/EVERYBODY/members", "join U002  EVERYBODY", none, member}
	rows["leave global group"] = row{provisioning.Change{Kind: provisioning.LeaveGroup, Account: "U000", Object: "EVERYBODY", After: none}, "PUT groups/EVERYBODY/members", "leave U000  EVERYBODY", member, none}
	rows["remove global role"] = row{provisioning.Change{Kind: provisioning.RemoveGlobalRole, Account: "U001", Object: "ADMIN", After: none}, "PATCH roles/ADMIN/members", "global role remove U001  ADMIN", member, none}
	rows["give global role"] = row{of(provisioning.RemoveGlobalRole, "", "ADMIN", member), "PATCH roles/ADMIN/members", "global role add U002  ADMIN", none, member}
	return rows
}

// writes are the calls that changed, or would have changed, something.
func writes(s *imanagetest.Server) (calls []string) {
	for _, e := range s.Bench().Log() {
		if e.Method != http.MethodGet && !strings.HasPrefix(e.Path, "/auth") {
			path, err := url.PathUnescape(strings.TrimPrefix(e.Path, "/work/api/v2/customers/1/"))
			if err != nil {
				path = e.Path
			}
			calls = append(calls, e.Method+" "+path)
		}
	}
	return calls
}

// TestOperations: the table names each call once; what is only inferred, or seen once, is never plain, what cannot be reversed is a probe;
// and every change is one of its rows.
func TestOperations(t *testing.T) {
	for _, onPrem := range []bool{false, true} {
		_, c := open(t, firm(onPrem, 3))
		names := make(map[string]bool)
		for _, o := range c.Operations() {
			if names[o.Name] || o.Name == "" || o.Call == "" || o.Does == "" {
				t.Errorf("%+v", o)
			}
			names[o.Name] = true
			if (o.Mark == "I" || o.Mark == "C1") == (o.FirstUse == provisioning.Plain) {
				t.Errorf("%s is marked %s and its first use is %s", o.Name, o.Mark, o.FirstUse)
			}
			if probe := o.Kind == provisioning.RemoveLibrary || o.Kind == provisioning.ReleaseLock; probe != (o.FirstUse == provisioning.Probe) {
				t.Errorf("%s: %s", o.Name, o.FirstUse)
			}
		}
		changes := everyChange(onPrem)
		for name, one := range changes {
			if o := c.Operation(one.change); o.Name != name || o.Kind != one.change.Kind || !names[name] {
				t.Errorf("on premises %v: %+v is %+v", onPrem, one.change, o)
			}
		}
		if want := len(changes) + 1; len(names) != want { // and the access list, which no change becomes
			t.Errorf("on premises %v: %d operations, want %d", onPrem, len(names), want)
		}
		if o := c.Operation(provisioning.Change{Kind: "something new"}); o.FirstUse != provisioning.Probe || o.Name != "" {
			t.Errorf("%+v", o)
		}
	}
}

// TestEveryOperation sends each operation once, in both shapes, with everything confirmed: the call is the one of the contract, its effect
// takes place once and is read back.
func TestEveryOperation(t *testing.T) {
	for _, onPrem := range []bool{false, true} {
		for name, one := range everyChange(onPrem) {
			t.Run(fmt.Sprintf("%s on premises %v", name, onPrem), func(t *testing.T) {
				config := firm(onPrem, 10)
				config.AllowRemoval = true
				s, c := open(t, config, confirmed)
				before, err := c.Observe(context.Background(), one.change)
				if err != nil || before.Value != one.before {
					t.Fatalf("before %q (%v), want %q", before.Value, err, one.before)
				}
				if _, err := c.Send(context.Background(), one.change); err != nil {
					t.Fatal(err)
				}
				after, err := c.Observe(context.Background(), one.change)
				if err != nil || after.Value != one.afterward {
					t.Errorf("after %q (%v), want %q", after.Value, err, one.afterward)
				}
				if calls := writes(s); !slices.Contains(calls, one.call) || (len(calls) != 1 && !onPrem) {
					t.Errorf("%v, want %s", calls, one.call)
				}
				want := 1
				if onPrem && strings.HasPrefix(one.effect, "patch") { // U002 and U009 are in two libraries
					want = 2
				}
				if n := s.Effects()[one.effect]; n != want {
					t.Errorf("%s took effect %d times: %v", one.effect, n, s.Effects())
				}
			})
		}
	}
}

// TestProbes: a probe that the tenant has not confirmed never leaves, whoever asks; it is asked at each sending anew; and what is no probe
// needs no confirmation.
func TestProbes(t *testing.T) {
	config := firm(false, 10)
	config.AllowRemoval = true
	var asked []string
	said := false
	s, c := open(t, config, func(o *imanage.Options) {
		o.Confirmed = func(_ context.Context, operation string) bool {
			asked = append(asked, operation)
			return said
		}
	})
	for name, one := range everyChange(false) {
		before := len(writes(s))
		_, err := c.Send(context.Background(), one.change)
		var e *provisioning.SendError
		if c.Operation(one.change).FirstUse != provisioning.Probe {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.As(err, &e) || e.Effect != provisioning.RefusedSend || e.Unsupported || !strings.Contains(e.Message, name) {
			t.Errorf("%s: %+v", name, err)
		}
		if len(writes(s)) != before {
			t.Errorf("%s was sent", name)
		}
	}
	slices.Sort(asked)
	if !slices.Equal(asked, []string{"release lock", "remove from library"}) {
		t.Errorf("asked about %v", asked)
	}
	said = true
	if _, err := c.Send(context.Background(), everyChange(false)["remove from library"].change); err != nil || s.Effects()["unassign U002 NYC"] != 1 {
		t.Errorf("confirmed: %v", err)
	}
}

// TestUnsupported: a tenant that does not know a call says so in any of four ways; it surely did nothing, and is told apart from an object
// that does not exist and from a right that is missing.
func TestUnsupported(t *testing.T) {
	for _, onPrem := range []bool{false, true} {
		for name, one := range everyChange(onPrem) {
			for _, status := range []string{"405", "404", "404-html", "501", "403"} {
				config := firm(onPrem, 10)
				config.AllowRemoval = true
				config.Unsupported = []string{one.call + " " + status}
				s, c := open(t, config, confirmed)
				_, err := c.Send(context.Background(), one.change)
				var e *provisioning.SendError
				if !errors.As(err, &e) || e.Effect != provisioning.RefusedSend || e.Unsupported != (status != "403") {
					t.Errorf("%s, %s: %+v", name, status, err)
				}
				if len(s.Effects()) != 0 {
					t.Errorf("%s, %s: %v", name, status, s.Effects())
				}
			}
		}
	}
	for name, change := range map[string]provisioning.Change{
		"no such workspace": {Kind: provisioning.TransferWorkspace, Account: "U002", Library: "LON", Object: "LON!99", After: "U003"},
		"no such document":  {Kind: provisioning.ReleaseLock, Account: "U002", Library: "LON", Object: "LON!99.1"},
		"no such member":    {Kind: provisioning.RemoveLibrary, Account: "U002", Library: "PAR"},
		"no such role":      {Kind: provisioning.RemoveGlobalRole, Account: "U002", Object: "NONE"},
	} {
		config := firm(false, 10)
		config.AllowRemoval = true
		_, c := open(t, config, confirmed)
		_, err := c.Send(context.Background(), change)
		var e *provisioning.SendError
		if !errors.As(err, &e) || e.Effect != provisioning.RefusedSend || e.Unsupported || e.Code != "NRC_NO_RECORD" {
			t.Errorf("%s: %+v", name, err)
		}
	}
}

// TestPartOfAPatch: where a server on premises took a change in one library and refuses it in the next, its effect is in doubt.
func TestPartOfAPatch(t *testing.T) {
	s, c := open(t, firm(true, 10))
	s.Bench().Inject(wiretest.Fault{Kind: wiretest.Status, Status: http.StatusMethodNotAllowed, Method: http.MethodPatch, Path: "/work/api/v2/customers/1/libraries/NYC"})
	_, err := c.Send(context.Background(), everyChange(true)["disable account"].change)
	var e *provisioning.SendError
	if !errors.As(err, &e) || e.Effect != provisioning.InDoubt || e.Unsupported {
		t.Errorf("%+v", err)
	}
}

// TestHandSteps: every change has its clicks, which name whom it is about and where, in the cloud and on premises.
func TestHandSteps(t *testing.T) {
	for _, onPrem := range []bool{false, true} {
		_, c := open(t, firm(onPrem, 3))
		for name, one := range everyChange(onPrem) {
			steps := c.HandSteps(one.change)
			all := strings.Join(steps, "\n")
			for _, part := range []string{one.change.Account, one.change.Library, one.change.Object} {
				if name == "transfer workspace" && part == one.change.Account {
					part = one.change.After // it is done to the successor
				}
				if name == "set preferred library" || name == "set attribute" {
					part = strings.ReplaceAll(part, "_", " ")
				}
				if !strings.Contains(all, part) {
					t.Errorf("%s: %q is not named:\n%s", name, part, all)
				}
			}
			if len(steps) < 3 || !strings.Contains(all, "tick") || strings.Contains(all, "Open Control Center and do it") {
				t.Errorf("%s:\n%s", name, all)
			}
			if onPrem && strings.Contains(all, "choose Global") {
				t.Errorf("%s: there is no Global menu on premises:\n%s", name, all)
			}
			if !onPrem && !slices.Equal(steps, imanage.HandSteps(one.change)) {
				t.Errorf("%s: the package says something else", name)
			}
		}
	}
	if steps := imanage.HandSteps(provisioning.Change{Kind: "something new", Account: "U001"}); !strings.Contains(steps[0], "U001") {
		t.Errorf("%v", steps)
	}
}
