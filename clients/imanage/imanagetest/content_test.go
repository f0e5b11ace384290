package imanagetest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"rollcall/clients/imanage/imanagetest"
)

// rows takes the rows out of an answer, in either envelope.
func rows(t *testing.T, data []byte) []any {
	t.Helper()
	var flat struct{ Data any }
	if err := json.Unmarshal(data, &flat); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	if nested, ok := flat.Data.(map[string]any); ok {
		flat.Data = nested["results"]
	}
	list, ok := flat.Data.([]any)
	if !ok {
		t.Fatalf("no list: %s", data)
	}
	return list
}

// TestContentShapes holds access lists, workspaces and documents against the vendor's own description of its rows: every field that both
// know has the described type. What only its facade adds (an embeddable HTML fragment) is not asked for.
func TestContentShapes(t *testing.T) {
	c, all := serveContent(t), schemas(t)
	for path, schema := range map[string]string{
		"/libraries/LON/workspaces/LON!1/security": "definition AccessPermissions",
		"/libraries/LON/workspaces":                "definition SearchWorkspaceResult",
		"/libraries/LON/documents/checked-out":     "definition ShortDocumentProfile",
		"/documents/checked-out?libraries=LON,NYC": "definition ShortDocumentProfile",
		"/libraries/LON/groups/ALL/members":        "definition UserProfileInArray",
		"/roles/ADMIN/members":                     "definition UserProfileInArray",
		"/libraries/LON/roles/STANDARD/members":    "definition UserProfileInArray",
		"/libraries/LON/users/TBARNES":             "definition UserProfile",
		"/libraries/LON/workspaces/LON!1":          "definition WorkspaceProfile",
		"/libraries/LON/documents/LON!70.1":        "definition FullDocumentProfile",
	} {
		s := all[schema]
		if s == nil {
			t.Fatalf("%s is not described", schema)
		}
		status, data := c.call("GET", base+path, nil)
		if status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, data)
			continue
		}
		row := s.Value
		var value any
		if strings.HasSuffix(schema, "Profile") && !strings.Contains(path, "checked-out") {
			var one struct{ Data any }
			if err := json.Unmarshal(data, &one); err != nil {
				t.Fatal(err)
			}
			value = one.Data
		} else {
			list := rows(t, data)
			if len(list) == 0 {
				t.Fatalf("%s: nothing is listed", path)
			}
			value = list[0]
		}
		if row.Type.Is("array") {
			row = row.Items.Value
			if err := s.Value.VisitJSON(rows(t, data)); err != nil { // the whole list, with what each row must have
				t.Errorf("%s: %v", path, err)
			}
		}
		object, ok := value.(map[string]any)
		if !ok {
			t.Fatalf("%s: %T", path, value)
		}
		known := 0
		for field, v := range object {
			described := row.Properties[field]
			if described == nil {
				continue
			}
			known++
			if err := described.Value.VisitJSON(v); err != nil {
				t.Errorf("%s: %s: %v", path, field, err)
			}
			if described.Value.VisitJSON(map[string]any{"wrong": true}) == nil {
				t.Errorf("%s: %s: a deviation was not found", path, field)
			}
		}
		if known < min(6, len(object)) && known < len(object) {
			t.Errorf("%s: only %d of %d fields are described", path, known, len(object))
		}
	}
}

func serveContent(t *testing.T, change ...func(*imanagetest.Config)) *caller {
	t.Helper()
	return serve(t, append([]func(*imanagetest.Config){func(c *imanagetest.Config) {
		lon := c.Libraries[0]
		lon.Workspaces = []*imanagetest.Workspace{
			{ID: "LON!1", Name: "One", Owner: "tbarnes", ACL: []imanagetest.Access{{ID: "TBARNES", Level: "full_access"}, {ID: "ALL", Group: true, Level: "read"}}},
			{ID: "LON!2", Name: "Two", Owner: "MANAGED"},
			{ID: "LON!3", Name: "Three", Owner: "TBARNES"},
		}
		lon.Documents = []*imanagetest.Document{{ID: "LON!70.1", Name: "Deed", InUseBy: "TBARNES"}, {ID: "LON!71.1", Name: "Will"}}
		c.GlobalRoles["ADMIN"]["TBARNES"] = true
	}}, change...)...)
}

// TestContentRefuses: what the real one would refuse of workspaces, documents, groups and roles is refused, and changes nothing.
func TestContentRefuses(t *testing.T) {
	c := serveContent(t)
	before, err := json.Marshal(c.server.Dump())
	if err != nil {
		t.Fatal(err)
	}
	type m = map[string]any
	security := func(standing, id, level string) m {
		return m{"default_security": standing, "include": []m{{"id": id, "type": "user", "access_level": level}}, "remove": []m{}}
	}
	group := m{"id": "NEW", "full_name": "New", "enabled": true, "is_external": false, "group_nos": 2}
	with := func(key string, v any) m {
		g := m{}
		for k, old := range group {
			g[k] = old
		}
		g[key] = v
		return g
	}
	const lon = base + "/libraries/LON"
	for name, one := range map[string]struct {
		method, path string
		body         any
		status       int
	}{
		"an owner from elsewhere":           {"PATCH", lon + "/workspaces/LON!1", m{"owner": "NOBODY"}, 400},
		"another field of a workspace":      {"PATCH", lon + "/workspaces/LON!1", m{"owner": "MANAGED", "name": "x"}, 400},
		"an unknown workspace":              {"PATCH", lon + "/workspaces/LON!9", m{"owner": "MANAGED"}, 404},
		"an unknown default security":       {"POST", lon + "/workspaces/LON!1/security", security("", "TBARNES", "read"), 400},
		"an unknown trustee":                {"POST", lon + "/workspaces/LON!1/security", security("private", "NOBODY", "read"), 404},
		"an unknown level":                  {"POST", lon + "/workspaces/LON!1/security", security("private", "TBARNES", "everything"), 400},
		"an access list by PUT":             {"PUT", lon + "/workspaces/LON!1/security", security("private", "TBARNES", "read"), 405},
		"a lock of nobody's":                {"DELETE", lon + "/documents/LON!71.1/lock", nil, 400},
		"an unknown document":               {"DELETE", lon + "/documents/LON!99.1/lock", nil, 404},
		"a second lock":                     {"POST", lon + "/documents/LON!70.1/lock", m{}, 409},
		"a document that is deleted":        {"DELETE", lon + "/documents/LON!70.1", nil, 405},
		"a group that exists":               {"POST", lon + "/groups", with("id", "ALL"), 409},
		"a group without an id":             {"POST", lon + "/groups", with("id", ""), 400},
		"an enterprise group":               {"POST", lon + "/groups", with("group_nos", 6), 400},
		"a global group by POST":            {"POST", base + "/groups", group, 405},
		"a global group of another id":      {"PUT", base + "/groups/OTHER", group, 400},
		"a library's group by PUT":          {"PUT", lon + "/groups/NEW", group, 404},
		"a group that is deleted":           {"DELETE", lon + "/groups/ALL", nil, 405},
		"a group's id":                      {"PATCH", lon + "/groups/ALL", m{"id": "X"}, 400},
		"somebody unknown in a global role": {"PATCH", base + "/roles/ADMIN/members", m{"include": []m{{"id": "NOBODY", "type": "user"}}}, 404},
		"an odd cursor":                     {"GET", lon + "/workspaces?paging_mode=standard_cursor&cursor=x", nil, 400},
		"an event that never was":           {"GET", lon + "/change-events?cursor=7", nil, 400},
		"an odd cursor of digests":          {"GET", base + "/directory-sync/users/hashes?cursor=x", nil, 400},
		"unknown settings":                  {"GET", "/platform/api/v2/customers/1/settings/system/mail", nil, 404},
	} {
		status, data := c.call(one.method, one.path, one.body)
		if status != one.status || !strings.Contains(string(data), `"transaction"`) {
			t.Errorf("%s: %d %s", name, status, data)
		}
	}
	if after, err := json.Marshal(c.server.Dump()); err != nil || !bytes.Equal(before, after) {
		t.Error("a refused call changed something")
	}
	if n := len(c.server.Effects()); n > 0 {
		t.Errorf("%d effects", n)
	}
}

// TestWorkspacePages: by cursor no total is told and an offset is not heeded; by offset it is.
func TestWorkspacePages(t *testing.T) {
	c := serveContent(t, func(config *imanagetest.Config) { config.MostPage = 1 })
	ids, cursor := []string{}, ""
	for range 4 {
		_, data := c.call("GET", base+"/libraries/LON/workspaces?owner=TBARNES&paging_mode=standard_cursor&total=true&offset=9&cursor="+cursor, nil)
		var page struct {
			Data   struct{ Results []struct{ ID string } }
			Cursor string
			Total  *int `json:"total_count"`
		}
		if err := json.Unmarshal(data, &page); err != nil || page.Total != nil {
			t.Fatalf("%v %s", err, data)
		}
		for _, r := range page.Data.Results {
			ids = append(ids, r.ID)
		}
		if cursor = page.Cursor; cursor == "" {
			break
		}
	}
	if strings.Join(ids, " ") != "LON!1 LON!3" {
		t.Errorf("%v", ids)
	}
	_, data := c.call("GET", base+"/libraries/LON/workspaces?owner=t*&total=true&offset=1", nil)
	if len(rows(t, data)) != 1 || !strings.Contains(string(data), `"total_count":2`) {
		t.Errorf("%s", data)
	}
}

// TestEvents: each change of a user or group is told by the feed of the library that it concerns; a cursor is an event's id; answers say
// overflow; digests differ where what is synchronised does.
func TestEvents(t *testing.T) {
	c := serveContent(t, func(config *imanagetest.Config) { config.MostEvents = 2 })
	_, digests := c.call("GET", base+"/directory-sync/users/hashes", nil)
	s := c.server
	s.Change("TBARNES", func(u *imanagetest.User) { u.Phone = "7" })
	s.Leave("TBARNES", "LON", "ALL")
	s.ByHand(imanagetest.Mutation{Kind: "transfer", User: "MANAGED", Library: "LON", Object: "LON!1"}) // of another kind
	s.Change("MANAGED", func(u *imanagetest.User) { u.Phone = "8" })
	s.Leave("TBARNES", "LON", "")
	var told []string
	cursor := ""
	for overflow := true; overflow; {
		_, data := c.call("GET", base+"/libraries/LON/change-events?item_types=user,group&cursor="+cursor, nil)
		var page struct {
			Data []struct {
				ID     string
				Action string `json:"action_type"`
				Item   string `json:"item_type"`
				Object string `json:"object_id"`
			}
			Overflow bool
		}
		if err := json.Unmarshal(data, &page); err != nil || len(page.Data) > 2 || len(page.Data) == 0 {
			t.Fatalf("%v %s", err, data)
		}
		for _, e := range page.Data {
			told = append(told, fmt.Sprint(e.Action, " ", e.Item, " ", e.Object))
			cursor = e.ID
		}
		overflow = page.Overflow
	}
	want := []string{"profile_update user TBARNES", "update group ALL", "profile_update user MANAGED", "delete user TBARNES"}
	if !slices.Equal(told, want) {
		t.Errorf("%v", told)
	}
	if _, after := c.call("GET", base+"/directory-sync/users/hashes", nil); len(rows(t, after)) != 1 || bytes.Equal(after, digests) {
		t.Errorf("%s\n%s", digests, after)
	}
	s.ForgetEvents()
	if status, data := c.call("GET", base+"/libraries/LON/change-events?cursor="+cursor, nil); status != 400 {
		t.Errorf("%d %s", status, data)
	}
	if status, data := c.call("GET", base+"/libraries/LON/change-events", nil); status != 200 || len(rows(t, data)) != 0 {
		t.Errorf("%d %s", status, data)
	}
}

// TestContentReplay: owners, access lists, locks, groups and global roles are kept in the journal, and a fresh server that replays it holds
// the same.
func TestContentReplay(t *testing.T) {
	var journal bytes.Buffer
	c := serveContent(t, func(config *imanagetest.Config) { config.Journal = &journal })
	type m = map[string]any
	for _, one := range []struct {
		method, path string
		body         any
		status       int
	}{
		{"PATCH", "/libraries/LON/workspaces/LON!1", m{"owner": "managed"}, 200},
		{"POST", "/libraries/LON/workspaces/LON!1/security", m{"default_security": "view", "include": []m{{"id": "MANAGED", "type": "user", "access_level": "full_access"}}, "remove": []m{{"id": "TBARNES", "type": "user"}}}, 200},
		{"DELETE", "/libraries/LON/documents/LON!70.1/lock", nil, 200},
		{"POST", "/libraries/LON/documents/LON!71.1/lock", m{"comments": "x"}, 200},
		{"POST", "/libraries/LON/groups", m{"id": "new", "full_name": "New", "enabled": true, "is_external": false, "group_nos": 2}, 201},
		{"PUT", "/groups/FIRM", m{"id": "FIRM", "full_name": "Firm", "enabled": true, "is_external": false, "group_nos": 2}, 200},
		{"PUT", "/groups/FIRM/members", m{"data_type": "users", "data": []string{"TBARNES"}, "action": "add"}, 200},
		{"PATCH", "/libraries/LON/groups/OLD", m{"enabled": true}, 200},
		{"PATCH", "/roles/ADMIN/members", m{"include": []m{{"id": "MANAGED", "type": "user"}}, "exclude": []m{{"id": "TBARNES", "type": "user"}}}, 200},
	} {
		if status, data := c.call(one.method, base+one.path, one.body); status != one.status {
			t.Fatalf("%s %s: %d %s", one.method, one.path, status, data)
		}
	}
	d := c.server.Dump()
	if d.Owners["LON!1"] != "MANAGED" || d.Locks["LON!70.1"] != "" || d.Locks["LON!71.1"] != "SVC" || strings.Join(d.Access["LON!1"], ", ") != "default view, group ALL read, user MANAGED full_access" ||
		d.Members["LON/NEW"] == nil || !slices.Equal(d.Members["/FIRM"], []string{"TBARNES"}) || !slices.Equal(d.GlobalRoles["ADMIN"], []string{"MANAGED", "SVC"}) {
		t.Errorf("%+v", d)
	}
	if n := len(c.server.Effects()); n != 10 {
		t.Errorf("%d effects, want 10: %v", n, c.server.Effects())
	}
	again := serveContent(t)
	if err := again.server.Replay(bytes.NewReader(journal.Bytes())); err != nil {
		t.Fatal(err)
	}
	want, err1 := json.Marshal(d)
	got, err2 := json.Marshal(again.server.Dump())
	if err1 != nil || err2 != nil || !bytes.Equal(want, got) {
		t.Errorf("%s\n%s", want, got)
	}
}

// TestUnsupported: a tenant without a call answers as it was told, and has no effect; the others work.
func TestUnsupported(t *testing.T) {
	c := serveContent(t, func(config *imanagetest.Config) {
		config.Unsupported = []string{"DELETE libraries/*/documents/*/lock", "PATCH libraries/LON/workspaces/* 404", "GET apps 404-html", "GET roles 501"}
	})
	for path, want := range map[string]int{
		"DELETE /libraries/LON/documents/LON!70.1/lock": 405, "PATCH /libraries/LON/workspaces/LON!1": 404, "GET /apps": 404, "GET /roles": 501,
		"GET /libraries/LON/workspaces/LON!1": 200, "GET /roles/ADMIN/members": 200,
	} {
		method, path, _ := strings.Cut(path, " ")
		var body any
		if method == "PATCH" {
			body = map[string]any{"owner": "MANAGED"}
		}
		status, data := c.call(method, base+path, body)
		if status != want || (want == 404 && strings.Contains(string(data), "NRC_NO_RECORD")) {
			t.Errorf("%s %s: %d %s", method, path, status, data)
		}
	}
	if n := len(c.server.Effects()); n > 0 {
		t.Errorf("%d effects", n)
	}
}

// TestOperationBits: the rights told are those of the service user's group and role in that library.
func TestOperationBits(t *testing.T) {
	for name, one := range map[string]struct {
		change       func(*imanagetest.Config)
		tier         float64
		release, use bool
	}{
		"nothing": {func(*imanagetest.Config) {}, 0, false, false},
		"NRTADMIN": {func(c *imanagetest.Config) {
			c.Libraries[0].Groups["NRTADMIN"] = &imanagetest.Group{ID: "NRTADMIN", Enabled: true, Members: map[string]bool{"SVC": true}}
		}, 2, true, true},
		"a role": {func(c *imanagetest.Config) { c.Libraries[0].Members["SVC"] = "ADMINISTRATOR" }, 2, false, true},
	} {
		c := serveContent(t, one.change)
		_, data := c.call("GET", base+"/libraries/LON/operations", nil)
		var o struct {
			Data struct {
				M2     int             `json:"m2"`
				M1Bits map[string]bool `json:"m1_bits"`
				M2Bits map[string]bool `json:"m2_bits"`
				M4Bits map[string]any  `json:"m4_bits"`
			}
		}
		if err := json.Unmarshal(data, &o); err != nil || o.Data.M4Bits["tier"] != one.tier || o.Data.M1Bits["release"] != one.release || o.Data.M2Bits["use_admin_tool"] != one.use || (o.Data.M2&4 != 0) != one.use {
			t.Errorf("%s: %v %s", name, err, data)
		}
	}
}
