package imanage_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
)

// FuzzAnswer puts whatever bytes in the place of an answer, one endpoint after another: nothing panics, a whole read that met them is never
// an error of the caller's, and a list that is not the one that the total belongs to is not believed.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"data":[]}`, `{"data":[{"id":"A"}],"total_count":1}`, `{"data":{"results":[{"id":"LON!1","owner":"U002"}]},"cursor":"x"}`, `{"data":null}`, `{}`, `[]`, ``, `{"data":[{"id":7}]}`,
		`{"data":[{"id":"A","create_date":"2024-01-01T00:00:00.000+05.30"}],"overflow":true}`, `{"data":[{"id":null}],"total_count":null}`, `{"data":{"results":3}}`, `{"data":[{}]}`,
		`{"data":[{"id":"9","item_type":"user","object_id":{"x":1}}]}`, `{"data":[{"id":"A"},{"id":"A"}],"total_count":-5}`, `{"data":[{"id":"U001"}],"total_count":1e9}`, `{"default_security":5,"data":[]}`,
	} {
		f.Add(seed, uint8(len(seed)))
	}
	s, c := open(f, firm(false, 5))
	known, evidence := readWhole(f, c)
	paths := []string{
		"users", "libraries", "groups", "roles", "libraries/LON/users", "libraries/LON/groups", "libraries/LON/groups/ALL/members", "libraries/LON/roles", "libraries/LON/roles/STANDARD/members",
		"libraries/LON/change-events", "directory-sync/users/hashes", "libraries/LON/workspaces", "libraries/LON/workspaces/*/security", "documents/checked-out", "libraries/LON/users/U002", "users/U002",
	}
	f.Fuzz(func(t *testing.T, answer string, which uint8) {
		path := paths[int(which)%len(paths)]
		s.Bench().Clear()
		s.Bench().Forget()
		s.Bench().Inject(wiretest.Fault{Kind: wiretest.Rewrite, Method: http.MethodGet, Path: "/work/api/v2/customers/1/" + path, Rewrite: func([]byte) []byte { return []byte(answer) }})
		inventory, e, err := c.ReadAll(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if proof := provisioning.Prove(e, -1, 0, nil); proof.Complete && path == "users" && len(inventory.Accounts) == 0 {
			t.Error("an empty firm was believed")
		}
		if _, e, err := c.ReadChanges(context.Background(), evidence.Cursor, known, nil); err != nil && !stale(err) {
			t.Errorf("%v %+v", err, e)
		}
		_, _ = c.LooseEnds(context.Background(), "U002")
		_, _, _ = c.Account(context.Background(), "U002")
	})
}

// FuzzCursor: of whatever stands as a cursor nothing is believed but one's own.
func FuzzCursor(f *testing.F) {
	_, c := open(f, firm(false, 5))
	known, evidence := readWhole(f, c)
	for _, seed := range []string{evidence.Cursor, "", "{}", `{"v":1,"events":{"LON":"","NYC":"","PAR":""},"digest":true,"digests":"AAAA"}`, strings.Replace(evidence.Cursor, "LON", "X", 1), `{"v":1,"events":null}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		now, e, err := c.ReadChanges(context.Background(), cursor, known, nil)
		if err != nil && !stale(err) {
			t.Errorf("%v", err)
		}
		if err == nil && e.Failure == "" && len(now.Accounts) != len(known.Accounts) {
			t.Errorf("%d accounts, %d known", len(now.Accounts), len(known.Accounts))
		}
	})
}
