package imanage_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"rollcall/clients/imanage/imanagetest"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
)

func ids[T any](rows []T, id func(T) string) string {
	var list []string
	for _, r := range rows {
		list = append(list, id(r))
	}
	return strings.Join(list, " ")
}

func workspaceOf(w provisioning.Workspace) string { return w.ID }
func documentOf(d provisioning.Document) string   { return d.ID }

// TestLooseEnds: what an account has checked out, what it owns, and what nobody else may manage, in both shapes; another's is not told.
func TestLooseEnds(t *testing.T) {
	for _, onPrem := range []bool{false, true} {
		_, c := open(t, firm(onPrem, 10))
		ends, err := c.LooseEnds(context.Background(), "u002")
		if err != nil || len(ends.Unread) > 0 {
			t.Fatalf("%v %v", err, ends.Unread)
		}
		if got := ids(ends.CheckedOut, documentOf); got != "LON!70.1 NYC!80.1" || ends.CheckedOut[0].Name != "Lease" || ends.CheckedOut[1].Library != "NYC" {
			t.Errorf("on premises %v: %+v", onPrem, ends.CheckedOut)
		}
		if got := ids(ends.Owned, workspaceOf); got != "LON!1 LON!2 LON!3 LON!4 NYC!1" || ends.Owned[0].Owner != "U002" || ends.Owned[4].Library != "NYC" {
			t.Errorf("on premises %v: %+v", onPrem, ends.Owned)
		}
		if got := ids(ends.Sole, workspaceOf); got != "LON!1 LON!4 NYC!1" {
			t.Errorf("on premises %v: sole %s", onPrem, got)
		}
		none, err := c.LooseEnds(context.Background(), "U007")
		if err != nil || len(none.CheckedOut)+len(none.Owned)+len(none.Sole)+len(none.Unread) > 0 {
			t.Errorf("%v %+v", err, none)
		}
	}
}

// TestLooseEndsUnread: what may not be read, or what the tenant does not know, is named and is no error; the rest is told. A server that
// does not answer is an error.
func TestLooseEndsUnread(t *testing.T) {
	for name, one := range map[string]struct {
		unsupported []string
		unread      []string // parts of lines
		owned, out  int
		sole        int
	}{
		"workspaces of a library refused":   {[]string{"GET libraries/LON/workspaces 403"}, []string{"workspaces in LON: rollcall's account may not read them"}, 1, 2, 1},
		"workspaces unknown":                {[]string{"GET libraries/*/workspaces 404"}, []string{"workspaces in LON: this tenant does not know the call (404)", "workspaces in NYC", "workspaces in PAR"}, 0, 2, 0},
		"access lists unknown":              {[]string{"GET libraries/*/workspaces/*/security 405"}, []string{"access lists of workspaces in LON (4): this tenant does not know the call (405)", "access lists of workspaces in NYC (1)"}, 5, 2, 0},
		"the list of all libraries unknown": {[]string{"GET documents/checked-out 404"}, nil, 5, 2, 3},
		"no list of check-outs":             {[]string{"GET documents/checked-out 405", "GET libraries/*/documents/checked-out 403"}, []string{"documents checked out in LON", "documents checked out in NYC", "documents checked out in PAR"}, 5, 0, 3},
	} {
		config := firm(false, 10)
		config.Unsupported = one.unsupported
		_, c := open(t, config)
		ends, err := c.LooseEnds(context.Background(), "U002")
		if err != nil || len(ends.Owned) != one.owned || len(ends.CheckedOut) != one.out || len(ends.Sole) != one.sole || len(ends.Unread) != len(one.unread) {
			t.Errorf("%s: %v %+v", name, err, ends)
			continue
		}
		for i, part := range one.unread {
			if !strings.Contains(ends.Unread[i], part) {
				t.Errorf("%s: %q, want %q", name, ends.Unread[i], part)
			}
		}
	}
	s, c := open(t, firm(false, 10))
	s.Bench().Inject(wiretest.Fault{Kind: wiretest.ResetBefore, Path: "/work/api/v2/customers/1/libraries/NYC/workspaces"})
	if ends, err := c.LooseEnds(context.Background(), "U002"); err == nil {
		t.Errorf("a server that does not answer: %+v", ends)
	}
}

// TestManyWorkspaces: hundreds of workspaces are listed through pages of either kind, and beyond the bound their access lists are left
// alone, which is said.
func TestManyWorkspaces(t *testing.T) {
	for name, spoil := range map[string]func(*imanagetest.Config){
		"by cursor":           func(c *imanagetest.Config) { c.MostPage = 60 },
		"in one page":         func(*imanagetest.Config) {},
		"no cursor is heeded": nil,
	} {
		config := firm(false, 10)
		for i := range 250 {
			config.Libraries[2].Workspaces = append(config.Libraries[2].Workspaces, &imanagetest.Workspace{ID: fmt.Sprintf("PAR!%d", 1000+i), Owner: "U005"})
		}
		if spoil != nil {
			spoil(&config)
		}
		s, c := open(t, config)
		if spoil == nil { // a server that takes paging_mode for nothing that it knows
			s.Bench().Inject(wiretest.Fault{Kind: wiretest.Rewrite, Path: "/work/api/v2/customers/1/libraries/PAR/workspaces", Query: "paging_mode", Rewrite: func([]byte) []byte {
				rows := make([]string, 1000)
				for i := range rows {
					rows[i] = fmt.Sprintf(`{"id":"PAR!%d","owner":"U005"}`, 1000+i%250)
				}
				return []byte(`{"data":{"results":[` + strings.Join(rows, ",") + `]}}`)
			}})
		}
		ends, err := c.LooseEnds(context.Background(), "U005")
		if err != nil || len(ends.Owned) != 250 || len(ends.Sole) != 0 || len(ends.Unread) != 1 || !strings.Contains(ends.Unread[0], "250 workspaces") {
			t.Errorf("%s: %v, %d owned, %v", name, err, len(ends.Owned), ends.Unread)
		}
		for _, e := range s.Bench().Log() {
			if strings.HasSuffix(e.Path, "/security") {
				t.Fatalf("%s: an access list was read", name)
			}
		}
	}
}

// TestWithoutLogon: where an access list does not say whether a user may sign in, their own record does.
func TestWithoutLogon(t *testing.T) {
	s, c := open(t, firm(false, 10))
	strip := wiretest.Fault{Kind: wiretest.Rewrite, Path: "/work/api/v2/customers/1/libraries/*/workspaces/*/security", Method: http.MethodGet, Rewrite: func(b []byte) []byte {
		return []byte(strings.NewReplacer(`"allow_logon":true,`, "", `"allow_logon":false,`, "").Replace(string(b)))
	}}
	s.Bench().Inject(strip)
	ends, err := c.LooseEnds(context.Background(), "U002")
	if got := ids(ends.Sole, workspaceOf); err != nil || got != "LON!1 LON!4 NYC!1" {
		t.Errorf("%v, sole %s", err, got)
	}
	asked := 0
	for _, e := range s.Bench().Log() {
		if strings.HasSuffix(e.Path, "/users/U009") || strings.HasSuffix(e.Path, "/users/U003") {
			asked++
		}
	}
	if asked != 2 {
		t.Errorf("%d records were read, want those of U003 and U009", asked)
	}
}

// TestTransferAndRelease: what is done to loose ends is seen when they are read again.
func TestTransferAndRelease(t *testing.T) {
	_, c := open(t, firm(false, 10), confirmed)
	for _, ch := range []provisioning.Change{
		{Kind: provisioning.TransferWorkspace, Account: "U002", Library: "NYC", Object: "NYC!1", Before: "U002", After: "U004"},
		{Kind: provisioning.ReleaseLock, Account: "U002", Library: "NYC", Object: "NYC!80.1"},
	} {
		if _, err := c.Send(context.Background(), ch); err != nil {
			t.Fatal(err)
		}
	}
	left, err := c.LooseEnds(context.Background(), "U002")
	if err != nil || ids(left.CheckedOut, documentOf) != "LON!70.1" || slices.ContainsFunc(left.Owned, func(w provisioning.Workspace) bool { return w.Library == "NYC" }) {
		t.Errorf("%v %+v", err, left)
	}
	got, err := c.LooseEnds(context.Background(), "U004")
	if err != nil || ids(got.Owned, workspaceOf) != "LON!5 NYC!1" {
		t.Errorf("%v %+v", err, got)
	}
	o, err := c.Observe(context.Background(), provisioning.Change{Kind: provisioning.TransferWorkspace, Account: "U002", Library: "NYC", Object: "NYC!77"})
	if err != nil || o.Value != provisioning.ValueAbsent {
		t.Errorf("a workspace that is not there: %v %q", err, o.Value)
	}
}

// TestFilterIgnored: a server that heeds no filter makes nobody else's things the account's.
func TestFilterIgnored(t *testing.T) {
	s, c := open(t, firm(false, 10))
	const base = "/work/api/v2/customers/1/"
	for path, answer := range map[string]string{
		"libraries/LON/workspaces":          `{"data":{"results":[{"id":"LON!1","owner":"u002"},{"id":"LON!5","owner":"U004"}]}}`,
		"documents/checked-out":             `{"data":[{"id":"LON!70.1","in_use_by":"U002"},{"id":"LON!71.2","database":"LON","in_use_by":"U003"}],"total_count":2}`,
		"libraries/LON/documents/checked-o": `{"data":[{"id":"LON!71.2","in_use_by":"U003"}]}`,
	} {
		s.Bench().Inject(wiretest.Fault{Kind: wiretest.Rewrite, Path: base + path, Times: 1, Rewrite: func([]byte) []byte { return []byte(answer) }})
	}
	ends, err := c.LooseEnds(context.Background(), "U002")
	if err != nil || ids(ends.Owned, workspaceOf) != "LON!1 NYC!1" || ids(ends.CheckedOut, documentOf) != "LON!70.1" || ends.CheckedOut[0].Library != "LON" {
		t.Errorf("%v %+v", err, ends)
	}
	o, err := c.Observe(context.Background(), provisioning.Change{Kind: provisioning.ReleaseLock, Account: "U002", Library: "LON", Object: "LON!71.2"})
	if err != nil || o.Value != provisioning.ValueReleased {
		t.Errorf("another's check-out: %v %q", err, o.Value)
	}
}
