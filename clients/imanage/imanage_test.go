package imanage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"rollcall/clients/imanage"
	"rollcall/clients/imanage/imanagetest"
	"rollcall/clients/wire"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
)

// firm is a made-up tenant: U000 … in LON and NYC, a throw-away account ZZ in LON and PAR, and rollcall's own XSVC, which administers LON.
func firm(onPrem bool, users int) imanagetest.Config {
	c := imanagetest.Config{
		CustomerID: 1, Username: "svc", Password: "pw", ClientID: "app", ClientSecret: "secret", ServiceUser: "XSVC", OnPrem: onPrem, AllowRefresh: true,
		Groups:      []*imanagetest.Group{{ID: "EVERYBODY", Enabled: true, Nos: 2, Members: map[string]bool{"U000": true}}},
		GlobalRoles: map[string]map[string]bool{"ADMIN": {"U001": true, "XSVC": true}, "NOBODY": {}},
	}
	for _, id := range []string{"LON", "NYC", "PAR"} {
		l := &imanagetest.Library{ID: id, Roles: []string{"DEFAULT", "STANDARD"}, Members: map[string]string{}, Groups: map[string]*imanagetest.Group{}}
		for _, g := range []string{"ALL", "NRTADMIN", "OLD"} {
			l.Groups[g] = &imanagetest.Group{ID: g, Enabled: g != "OLD", Nos: 2, Members: map[string]bool{}}
		}
		c.Libraries = append(c.Libraries, l)
	}
	lon, nyc, par := c.Libraries[0], c.Libraries[1], c.Libraries[2]
	for i := range users {
		id := fmt.Sprintf("U%03d", i)
		c.Users = append(c.Users, imanagetest.User{
			ID: id, FullName: "User " + id, Email: strings.ToLower(id) + "@x.example", Custom1: fmt.Sprint(i), PreferredLibrary: "LON", AllowLogon: i%10 != 9, Nos: 2, Phone: "1",
		})
		lon.Members[id], nyc.Members[id] = "STANDARD", "DEFAULT"
		lon.Groups["ALL"].Members[id] = true
	}
	c.Users = append(c.Users,
		imanagetest.User{ID: "XSVC", FullName: "rollcall", Email: "svc@x.example", PreferredLibrary: "LON", AllowLogon: true, Nos: 2},
		imanagetest.User{ID: "ZZ", FullName: "Throw away", Email: "zz@x.example", PreferredLibrary: "LON", AllowLogon: true, Nos: 2})
	lon.Members["XSVC"], lon.Members["ZZ"], par.Members["ZZ"] = "STANDARD", "STANDARD", "DEFAULT"
	lon.Groups["ALL"].Members["ZZ"], par.Groups["ALL"].Members["ZZ"] = true, true
	for _, id := range []string{"U000", "U001", "U009", "XSVC"} {
		lon.Groups["NRTADMIN"].Members[id] = true
	}
	lon.Workspaces = []*imanagetest.Workspace{
		{ID: "LON!1", Name: "Alone", Owner: "U002", ACL: []imanagetest.Access{{ID: "U002", Level: "full_access"}, {ID: "U003", Level: "read_write"}}},
		{ID: "LON!2", Name: "With a colleague", Owner: "U002", ACL: []imanagetest.Access{{ID: "U002", Level: "full_access"}, {ID: "U003", Level: "full_access"}}},
		{ID: "LON!3", Name: "With a group", Owner: "U002", ACL: []imanagetest.Access{{ID: "ALL", Group: true, Level: "change_security"}}},
		{ID: "LON!4", Name: "With those who are gone", Owner: "U002", ACL: []imanagetest.Access{{ID: "U009", Level: "full_access"}, {ID: "OLD", Group: true, Level: "full_access"}}},
		{ID: "LON!5", Name: "Another's", Owner: "U004", ACL: []imanagetest.Access{{ID: "U004", Level: "full_access"}}},
	}
	nyc.Workspaces = []*imanagetest.Workspace{{ID: "NYC!1", Name: "Across the sea", Owner: "U002", ACL: []imanagetest.Access{{ID: "U002", Level: "full_access"}}}}
	lon.Documents = []*imanagetest.Document{{ID: "LON!70.1", Name: "Lease", InUseBy: "U002"}, {ID: "LON!71.2", Name: "Deed", InUseBy: "U003"}}
	nyc.Documents = []*imanagetest.Document{{ID: "NYC!80.1", Name: "Brief", InUseBy: "U002"}}
	return c
}

// everyone is how many accounts a firm has that was made for so many users.
func everyone(users int) int { return users + 2 }

func open(t testing.TB, c imanagetest.Config, change ...func(*imanage.Options)) (*imanagetest.Server, *imanage.Client) {
	t.Helper()
	s := imanagetest.New(c)
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	o := imanage.Options{
		Name: "imanage", URL: s.URL(), OnPrem: c.OnPrem, Username: "svc", Password: provisioning.NewSecret("pw"), ClientID: "app", ClientSecret: provisioning.NewSecret("secret"),
		AllowLoopbackHTTP: true, Clock: brisk{}, Limits: wire.Limits{Attempt: 2 * time.Second},
	}
	for _, f := range change {
		f(&o)
	}
	client, err := imanage.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return s, client
}

// brisk is a clock on which waiting takes no time.
type brisk struct{ provisioning.SystemClock }

func (brisk) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// confirmed says that the tenant confirmed everything.
func confirmed(o *imanage.Options) {
	o.Confirmed = func(context.Context, string) bool { return true }
}

// TestReadAll: the whole of both shapes is read, proven by its totals, and put together.
func TestReadAll(t *testing.T) {
	for _, onPrem := range []bool{false, true} {
		_, c := open(t, firm(onPrem, 40))
		inventory, evidence, err := c.ReadAll(context.Background(), nil)
		if err != nil || !provisioning.Prove(evidence, -1, 0, nil).Complete {
			t.Fatalf("on premises %v: %v %+v", onPrem, err, evidence)
		}
		a := inventory.Accounts[0]
		if len(inventory.Accounts) != everyone(40) || a.ID != "U000" || !a.Enabled || a.EmployeeNumber != "0" || len(a.Memberships) != 2 || a.Memberships[0].Role != "STANDARD" || !a.Memberships[0].Preferred {
			t.Errorf("on premises %v: %d, %+v", onPrem, len(inventory.Accounts), a)
		}
		if inventory.Accounts[9].Enabled || len(a.Administers()) != 1 {
			t.Errorf("on premises %v: %+v", onPrem, inventory.Accounts[9])
		}
		if !onPrem && (len(a.Groups) != 3 || len(inventory.Accounts[1].GlobalRoles) != 1) {
			t.Errorf("groups %v, roles %v", a.Groups, inventory.Accounts[1].GlobalRoles)
		}
		for i := range inventory.Accounts { // each account's own read is the same
			one, found, err := c.Account(context.Background(), strings.ToLower(inventory.Accounts[i].ID))
			if err != nil || !found || !reflect.DeepEqual(one, inventory.Accounts[i]) {
				t.Errorf("on premises %v: %v %v\n%+v\n%+v", onPrem, found, err, one, inventory.Accounts[i])
			}
		}
		if _, found, err := c.Account(context.Background(), "NOBODY"); err != nil || found {
			t.Errorf("nobody: %v %v", found, err)
		}
	}
}

// TestChanges sends each kind of change once, and reads its effect back, in both shapes.
func TestChanges(t *testing.T) {
	profile := &provisioning.Profile{ID: "NEW", FullName: "Åsa New", Email: "new@x.example", Location: "London", Phone: "2", EmployeeNumber: "77", PreferredLibrary: "LON"}
	for _, onPrem := range []bool{false, true} {
		s, c := open(t, firm(onPrem, 20))
		changes := []provisioning.Change{
			{Kind: provisioning.DisableAccount, Account: "U002", Before: provisioning.ValueEnabled, After: provisioning.ValueDisabled},
			{Kind: provisioning.EnableAccount, Account: "U009", Before: provisioning.ValueDisabled, After: provisioning.ValueEnabled},
			{Kind: provisioning.SetAttribute, Account: "U003", Object: "full_name", Before: "User U003", After: "Siobhán O’Brien"},
			{Kind: provisioning.SetAttribute, Account: "U003", Object: "preferred_library", Before: "LON", After: "NYC"},
			{Kind: provisioning.SetLibraryRole, Account: "U003", Library: "NYC", Before: "DEFAULT", After: "STANDARD"},
			{Kind: provisioning.LeaveGroup, Account: "U003", Library: "LON", Object: "ALL", Before: provisioning.ValueMember, After: provisioning.ValueNoMember},
			{Kind: provisioning.JoinGroup, Account: "U003", Library: "NYC", Object: "ALL", Before: provisioning.ValueNoMember, After: provisioning.ValueMember},
			{Kind: provisioning.LeaveGroup, Account: "U000", Library: "LON", Object: "NRTADMIN", Before: provisioning.ValueMember, After: provisioning.ValueNoMember},
		}
		if !onPrem {
			changes = append(changes,
				provisioning.Change{Kind: provisioning.CreateAccount, Account: "NEW", Before: provisioning.ValueAbsent, After: profile.Encode(), Profile: profile},
				provisioning.Change{Kind: provisioning.AssignLibrary, Account: "NEW", Library: "NYC", Before: provisioning.ValueAbsent, After: "DEFAULT", Profile: profile},
				provisioning.Change{Kind: provisioning.JoinGroup, Account: "U003", Object: "EVERYBODY", Before: provisioning.ValueNoMember, After: provisioning.ValueMember})
		}
		for _, ch := range changes {
			before, err := c.Observe(context.Background(), ch)
			if err != nil || before.Value != ch.Before {
				t.Errorf("on premises %v: %s %s: before %q (%v), want %q", onPrem, ch.Kind, ch.Object, before.Value, err, ch.Before)
			}
			if ch.Object == provisioning.NRTADMIN && before.Others != 3 { // U001, XSVC, and U009 who was enabled above
				t.Errorf("%d other administrators", before.Others)
			}
			if _, err := c.Send(context.Background(), ch); err != nil {
				t.Errorf("on premises %v: %s %s: %v", onPrem, ch.Kind, ch.Object, err)
			}
			after, err := c.Observe(context.Background(), ch)
			if err != nil || after.Value != ch.After {
				t.Errorf("on premises %v: %s %s: after %q (%v), want %q", onPrem, ch.Kind, ch.Object, after.Value, err, ch.After)
			}
		}
		for key, n := range s.Effects() {
			if n > 1 && !onPrem {
				t.Errorf("%s took effect %d times", key, n)
			}
		}
	}
}

// TestRefusals: the vendor's words and transaction reach the operator, with what is known of the effect.
func TestRefusals(t *testing.T) {
	s, c := open(t, firm(false, 3))
	_, err := c.Send(context.Background(), provisioning.Change{Kind: provisioning.JoinGroup, Account: "NOBODY", Library: "LON", Object: "ALL"})
	var e *provisioning.SendError
	if !errors.As(err, &e) || e.Effect != provisioning.RefusedSend || e.Code != "NRC_NO_RECORD" || e.Transaction == "" || e.Message == "" {
		t.Errorf("%+v", e)
	}
	s.Bench().Inject(wiretest.Fault{Kind: wiretest.AfterEffect, Method: http.MethodPut, Status: http.StatusBadGateway, Times: 1})
	_, err = c.Send(context.Background(), provisioning.Change{Kind: provisioning.JoinGroup, Account: "U001", Library: "NYC", Object: "ALL"})
	if !errors.As(err, &e) || e.Effect != provisioning.InDoubt {
		t.Errorf("a 502: %+v", e)
	}
	if s.Effects()["join U001 NYC ALL"] != 1 {
		t.Error("a 502 was sent again")
	}
}

// TestTokens: a token that dies in mid-walk is renewed once; a refused sign-in is final, said plainly, and never repeated.
func TestTokens(t *testing.T) {
	s, c := open(t, firm(false, 3))
	if _, _, err := c.ReadAll(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	s.ExpireTokens()
	if _, evidence, err := c.ReadAll(context.Background(), nil); err != nil || evidence.Failure != "" {
		t.Errorf("%v %s", err, evidence.Failure)
	}
	config := firm(false, 3)
	config.Password = "another"
	s, c = open(t, config)
	_, evidence, err := c.ReadAll(context.Background(), nil)
	if err != nil || !strings.Contains(evidence.Failure, "refused the sign-in of svc") || strings.Contains(evidence.Failure, "pw") {
		t.Errorf("%v %q", err, evidence.Failure)
	}
	if n := len(s.Bench().Log()); n != 1 {
		t.Errorf("%d sign-ins: too many of them lock an account", n)
	}
}

// TestBrokenReads: a list that is short, empty, repeated, cut or throttled is whole in the end, or not believed.
func TestBrokenReads(t *testing.T) {
	for name, one := range map[string]struct {
		fault wiretest.Fault
		whole bool
	}{
		"502 now and then":   {wiretest.Fault{Kind: wiretest.Status, Status: 502, Every: 7}, true},
		"429 now and then":   {wiretest.Fault{Kind: wiretest.Status, Status: 429, Every: 7, Header: http.Header{"X-Ratelimit-Retryafter": {"0.02"}}}, true},
		"resets":             {wiretest.Fault{Kind: wiretest.ResetBefore, Every: 6}, true},
		"an empty 200":       {wiretest.Fault{Kind: wiretest.Rewrite, Path: "/work/api/v2/customers/1/users", Rewrite: func([]byte) []byte { return []byte(`{"data":[]}`) }}, false},
		"a row is missing":   {wiretest.Fault{Kind: wiretest.Rewrite, Path: "/work/api/v2/customers/1/users", Rewrite: cut}, false},
		"HTML":               {wiretest.Fault{Kind: wiretest.HTML, Path: "/work/api/v2/customers/1/libraries/NYC/users"}, false},
		"a group refused":    {wiretest.Fault{Kind: wiretest.Status, Status: 403, Path: "/work/api/v2/customers/1/libraries/LON/groups/ALL"}, false},
		"a server that died": {wiretest.Fault{Kind: wiretest.ResetBefore, Path: "/work/api/v2/customers/1/libraries/LON"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := open(t, firm(false, 30))
			if _, err := c.Identity(context.Background()); err != nil {
				t.Fatal(err)
			}
			s.Bench().Inject(one.fault)
			inventory, evidence, err := c.ReadAll(context.Background(), nil)
			proof := provisioning.Prove(evidence, -1, 0, nil)
			if err != nil || proof.Complete != one.whole || (one.whole && len(inventory.Accounts) != everyone(30)) {
				t.Errorf("%v, %d accounts, %+v", err, len(inventory.Accounts), proof)
			}
		})
	}
	config := firm(false, 30)
	config.MostPage = 7 // the server gives less than was asked for, and says so
	_, c := open(t, config)
	if inventory, evidence, err := c.ReadAll(context.Background(), nil); err != nil || len(inventory.Accounts) != everyone(30) || !provisioning.Prove(evidence, -1, 0, nil).Complete {
		t.Errorf("%v, %d accounts, %+v", err, len(inventory.Accounts), evidence)
	}
}

// cut takes the second user out of a page, as a list that moves does; the total stays.
func cut(page []byte) []byte {
	at := bytes.Index(page, []byte(`{"id":"U001"`))
	end := bytes.Index(page, []byte(`{"id":"U002"`))
	if at < 0 || end < at {
		return page
	}
	return append(append([]byte(nil), page[:at]...), page[end:]...)
}
