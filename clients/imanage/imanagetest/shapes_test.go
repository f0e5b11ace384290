package imanagetest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"

	"rollcall/clients/imanage/imanagetest"
)

// schemas reads the vendor's own description of its connector (testdata/SOURCE.txt): the answers of its operations, by name.
func schemas(t *testing.T) map[string]*openapi3.SchemaRef {
	t.Helper()
	found := make(map[string]*openapi3.SchemaRef)
	for _, file := range []string{"work.apiDefinition.swagger.json", "work-for-admins.apiDefinition.swagger.json"} {
		data, err := os.ReadFile("../testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var v2 openapi2.T
		if err := json.Unmarshal(data, &v2); err != nil {
			t.Fatal(err)
		}
		v3, err := openapi2conv.ToV3(&v2)
		if err != nil {
			t.Fatal(err)
		}
		if err := openapi3.NewLoader().ResolveRefsIn(v3, nil); err != nil {
			t.Fatal(err)
		}
		for _, path := range v3.Paths.Map() {
			for _, op := range path.Operations() {
				if r := op.Responses.Value("200"); r != nil && r.Value != nil {
					for _, media := range r.Value.Content {
						found[op.OperationID] = media.Schema
					}
				}
			}
		}
		for name, s := range v3.Components.Schemas {
			found["definition "+name] = s
		}
	}
	return found
}

type caller struct {
	t      *testing.T
	server *imanagetest.Server
	token  string
}

func serve(t *testing.T, change ...func(*imanagetest.Config)) *caller {
	t.Helper()
	config := imanagetest.Config{
		CustomerID: 1, Username: "svc", Password: "pw", ServiceUser: "SVC",
		Users: []imanagetest.User{
			{ID: "tbarnes", FullName: "Tom Barnes", Email: "t@x.example", PreferredLibrary: "LON", AllowLogon: true, Nos: 2, SSID: "1"},
			{ID: "managed", FullName: "M", Email: "m@x.example", PreferredLibrary: "LON", AllowLogon: true, Nos: 6, DirectoryID: "ad-1"},
			{ID: "outsider", FullName: "O", Email: "o@x.example", PreferredLibrary: "LON", AllowLogon: true, Nos: 2, IsExternal: true},
		},
		Libraries: []*imanagetest.Library{{
			ID: "LON", Roles: []string{"DEFAULT", "STANDARD", "DEFAULT EXTERNAL"}, Members: map[string]string{"TBARNES": "STANDARD", "MANAGED": "DEFAULT", "OUTSIDER": "DEFAULT EXTERNAL"},
			Groups: map[string]*imanagetest.Group{
				"ALL": {ID: "ALL", FullName: "All", Enabled: true, Nos: 2, Members: map[string]bool{"TBARNES": true}},
				"OLD": {ID: "OLD", FullName: "Old", Nos: 2, Members: map[string]bool{"TBARNES": true}},
				"EXT": {ID: "EXT", FullName: "Ext", Enabled: true, External: true, Nos: 2},
			},
		}},
		GlobalRoles: map[string]map[string]bool{"ADMIN": {"SVC": true}},
	}
	for _, f := range change {
		f(&config)
	}
	s := imanagetest.New(config)
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	c := &caller{t: t, server: s}
	form := url.Values{"grant_type": {"password"}, "username": {"svc"}, "password": {"pw"}}
	answer, err := http.PostForm(s.URL()+"/auth/oauth2/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var token struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&token); err != nil || token.Token == "" {
		t.Fatalf("%d %v", answer.StatusCode, err)
	}
	c.token = token.Token
	return c
}

const base = "/work/api/v2/customers/1"

func (c *caller) call(method, path string, body any) (int, []byte) {
	c.t.Helper()
	var reader io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		reader = bytes.NewReader(data)
	}
	r, err := http.NewRequest(method, c.server.URL()+path, reader)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", c.token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer.StatusCode, data
}

func newUser(id string) map[string]any {
	return map[string]any{
		"id": id, "user_id_ex": id, "user_nos": 2, "full_name": "New", "email": id + "@x.example", "preferred_library": "LON", "is_external": false,
		"allow_logon": true, "pwd_never_expire": false,
	}
}

// TestShapes holds every answer whose shape the vendor's own description defines against that description.
func TestShapes(t *testing.T) {
	c, all := serve(t), schemas(t)
	checked := 0
	for _, one := range []struct {
		method, path string
		body         any
		schema       string
	}{
		{"GET", base + "/libraries", nil, "GetLibraries"},
		{"GET", base + "/users/TBARNES", nil, "GetUserDetails"},
		{"GET", base + "/libraries/LON/users/TBARNES", nil, "GetUserDetails"},
		{"GET", base + "/libraries/LON/groups/ALL/members", nil, "GetGroupMembers"},
		{"GET", base + "/users", nil, "GetGroupMembers"}, // the same rows: UserProfileInArray
		{"GET", base + "/libraries/LON/users", nil, "GetGroupMembers"},
		{"GET", base + "/libraries/LON/roles", nil, "GetLibraryRoles"},
		{"POST", base + "/users", newUser("NEW1"), "CreateUser"},
		{"POST", base + "/libraries/LON/users", map[string]any{"id": "NEW1", "user_id": "NEW1", "role_alias": "DEFAULT"}, "AssignUserToLibrary"},
	} {
		status, data := c.call(one.method, one.path, one.body)
		schema := all[one.schema]
		if status >= 300 || schema == nil {
			t.Errorf("%s %s: %d, schema %v", one.method, one.path, status, schema != nil)
			continue
		}
		var value any
		if err := json.Unmarshal(data, &value); err != nil {
			t.Fatal(err)
		}
		if err := schema.Value.VisitJSON(value); err != nil {
			t.Errorf("%s %s: %v", one.method, one.path, err)
		}
		checked++
		// A deliberate deviation must be found, or the check proves nothing.
		for _, change := range [][2]string{{`"id":"`, `"id":7,"was":"`}, {`"user_num":`, `"user_num":"x","was":`}} {
			if !strings.Contains(string(data), change[0]) {
				continue
			}
			if err := json.Unmarshal([]byte(strings.Replace(string(data), change[0], change[1], 1)), &value); err != nil {
				t.Fatal(err)
			}
			if schema.Value.VisitJSON(value) == nil {
				t.Errorf("%s: a deviation (%s) was not found", one.schema, change[1])
			}
		}
	}
	t.Logf("%d operations held against 7 described shapes", checked)
}

// TestRefuses: what the real one would refuse, the simulator refuses, and changes nothing.
func TestRefuses(t *testing.T) {
	c := serve(t)
	before, err := json.Marshal(c.server.Dump())
	if err != nil {
		t.Fatal(err)
	}
	with := func(key string, value any) map[string]any {
		u := newUser("NEW2")
		u[key] = value
		return u
	}
	member := func(user, action string) map[string]any {
		return map[string]any{"data_type": "users", "data": []string{user}, "action": action}
	}
	for name, one := range map[string]struct {
		method, path string
		body         any
		status       int
	}{
		"the same id, other case":          {"POST", base + "/users", with("id", "TBarnes"), 409},
		"the same email, other case":       {"POST", base + "/users", with("email", "T@X.example"), 409},
		"an id with a space":               {"POST", base + "/users", with("id", "A B"), 400},
		"an enterprise user":               {"POST", base + "/users", with("user_nos", 6), 400},
		"an unknown preferred library":     {"POST", base + "/users", with("preferred_library", "X"), 400},
		"no email":                         {"POST", base + "/users", with("email", ""), 400},
		"a library before the global one":  {"POST", base + "/libraries/LON/users", map[string]any{"id": "NOBODY", "user_id": "NOBODY", "role_alias": "DEFAULT"}, 404},
		"the same library twice":           {"POST", base + "/libraries/LON/users", map[string]any{"id": "TBARNES", "user_id": "TBARNES", "role_alias": "DEFAULT"}, 409},
		"an unknown role":                  {"POST", base + "/libraries/LON/roles/NOPE/users/TBARNES", map[string]any{"data_type": "users", "data": "TBARNES", "action": "add"}, 404},
		"a PATCH without the id":           {"PATCH", base + "/users/TBARNES", map[string]any{"allow_logon": false}, 400},
		"a PATCH of the id":                {"PATCH", base + "/users/TBARNES", map[string]any{"id": "OTHER", "allow_logon": false}, 400},
		"a managed attribute":              {"PATCH", base + "/users/MANAGED", map[string]any{"id": "MANAGED", "phone": "1"}, 400},
		"disabling a managed one":          {"PATCH", base + "/users/MANAGED", map[string]any{"id": "MANAGED", "allow_logon": false}, 400},
		"is_active":                        {"PATCH", base + "/users/TBARNES", map[string]any{"id": "TBARNES", "is_active": false}, 400},
		"leaving a disabled group":         {"PUT", base + "/libraries/LON/groups/OLD/members", member("TBARNES", "delete"), 403},
		"an internal in an external group": {"PUT", base + "/libraries/LON/groups/EXT/members", member("TBARNES", "add"), 400},
		"an external in an ordinary group": {"PUT", base + "/libraries/LON/groups/ALL/members", member("OUTSIDER", "add"), 400},
		"a group edited by PUT":            {"PUT", base + "/libraries/LON/groups/ALL", map[string]any{"enabled": false}, 405},
		"removal from a library":           {"DELETE", base + "/libraries/LON/users/TBARNES", nil, 405},
		"a page of 10,000":                 {"GET", base + "/users?limit=10000", nil, 400},
		"an unknown user":                  {"GET", base + "/users/NOBODY", nil, 404},
	} {
		status, data := c.call(one.method, one.path, one.body)
		var e struct {
			Error struct {
				Code        string `json:"code"`
				Transaction string `json:"transaction"`
			} `json:"error"`
		}
		if err := json.Unmarshal(data, &e); err != nil || status != one.status || e.Error.Code == "" || e.Error.Transaction == "" {
			t.Errorf("%s: %d %s", name, status, data)
		}
	}
	if after, err := json.Marshal(c.server.Dump()); err != nil || !bytes.Equal(before, after) {
		t.Error("a refused call changed something")
	}
}

// TestReads: tri-state filters, totals only when asked for, a page beyond the end, overflow, and a token that dies of idleness.
func TestReads(t *testing.T) {
	c := serve(t)
	if status, _ := c.call("PATCH", base+"/users/tbarnes", map[string]any{"id": "TBARNES", "allow_logon": false}); status != 200 {
		t.Fatal(status)
	}
	for query, want := range map[string]int{"": 3, "?allow_logon=true": 2, "?allow_logon=false": 1, "?offset=9": 0, "?alias=T*": 1, "?alias=T": 0, "?limit=2": 2} {
		_, data := c.call("GET", base+"/users"+query, nil)
		var list struct {
			Data  []any `json:"data"`
			Total *int  `json:"total_count"`
		}
		if err := json.Unmarshal(data, &list); err != nil || len(list.Data) != want || list.Total != nil {
			t.Errorf("%q: %d rows, total %v, %v", query, len(list.Data), list.Total, err)
		}
	}
	if _, data := c.call("GET", base+"/users?total=true&limit=1", nil); !strings.Contains(string(data), `"total_count":3`) {
		t.Errorf("%s", data)
	}
	c.server.ExpireTokens()
	if status, _ := c.call("GET", base+"/users", nil); status != 401 {
		t.Errorf("a dead token got %d", status)
	}
}

// TestReplay: a fresh server that replays the journal holds what the first one held, also where the last line was cut off.
func TestReplay(t *testing.T) {
	var journal bytes.Buffer
	config := func() imanagetest.Config {
		return imanagetest.Config{CustomerID: 1, Journal: &journal, Users: []imanagetest.User{{ID: "A", Email: "a@x.example", AllowLogon: true, Nos: 2}}, Libraries: []*imanagetest.Library{{
			ID: "LON", Roles: []string{"DEFAULT"}, Members: map[string]string{"A": "DEFAULT"}, Groups: map[string]*imanagetest.Group{"ALL": {ID: "ALL", Enabled: true}},
		}}}
	}
	journal.WriteString(`{"kind":"patch","user":"A","fields":{"allow_logon":false}}` + "\n" + `{"kind":"join","user":"A","library":"LON","object":"ALL"}` + "\n" + `{"kind":"patch","us`)
	s := imanagetest.New(config())
	if err := s.Replay(&journal); err != nil {
		t.Fatal(err)
	}
	d := s.Dump()
	if d.Users[0].AllowLogon || d.Logon["LON/A"] || len(d.Members["LON/ALL"]) != 1 {
		t.Errorf("%+v", d)
	}
}
