package imanage_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/clients/imanage/imanagetest"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
)

// arrive makes an account that sorts before all others.
func arrive(s *imanagetest.Server, n int) {
	id := fmt.Sprintf("A%03d", n)
	s.ByHand(imanagetest.Mutation{Kind: "create", User: id, Record: &imanagetest.User{ID: id, Email: strings.ToLower(id) + "@x.example", PreferredLibrary: "LON", AllowLogon: true, Nos: 2}})
}

// TestMovingList: somebody arrives behind the reader's back. A list that moved is read again, and is whole; one that goes on moving is not
// believed.
func TestMovingList(t *testing.T) {
	const list = "/work/api/v2/customers/1/users"
	for _, restless := range []bool{false, true} {
		config := firm(false, 40)
		config.MostPage = 10
		s, c := open(t, config)
		var mu sync.Mutex
		n := 0
		move := wiretest.Fault{Kind: wiretest.Rewrite, Path: list, Query: "include_libraries", Times: 1, Rewrite: func(b []byte) []byte {
			mu.Lock()
			defer mu.Unlock()
			n++
			arrive(s, n)
			return b
		}}
		if restless {
			move.Times = 0
		}
		s.Bench().Inject(move)
		inventory, evidence, err := c.ReadAll(context.Background(), nil)
		proof := provisioning.Prove(evidence, -1, 0, nil)
		if err != nil || proof.Complete == restless {
			t.Errorf("restless %v: %v %+v", restless, err, proof)
		}
		if !restless && (len(inventory.Accounts) != everyone(40)+1 || !strings.Contains(proof.Reason, "accounts read twice")) {
			t.Errorf("%d accounts, %s", len(inventory.Accounts), proof.Reason)
		}
	}
}

// TestMovingParts: a group's and a role's members that move are read again too, and what does not come to rest is named.
func TestMovingParts(t *testing.T) {
	for _, path := range []string{"libraries/LON/groups/ALL/members", "libraries/LON/roles/STANDARD/members", "libraries/NYC/users"} {
		for _, restless := range []bool{false, true} {
			config := firm(false, 40)
			config.MostPage = 15
			s, c := open(t, config)
			var mu sync.Mutex
			n := 0
			move := wiretest.Fault{Kind: wiretest.Rewrite, Path: "/work/api/v2/customers/1/" + path, Times: 1, Rewrite: func(b []byte) []byte {
				mu.Lock()
				defer mu.Unlock()
				user := fmt.Sprintf("U%03d", n)
				n++
				s.Leave(user, "LON", "ALL")
				s.ByHand(imanagetest.Mutation{Kind: "role", User: user, Library: "LON", Object: "DEFAULT"})
				s.Leave(user, "NYC", "")
				return b
			}}
			if restless {
				move.Times = 0
			}
			s.Bench().Inject(move)
			_, evidence, err := c.ReadAll(context.Background(), nil)
			proof := provisioning.Prove(evidence, -1, 0, nil)
			if err != nil || proof.Complete == restless || (!restless && !strings.Contains(proof.Reason, "read twice")) {
				t.Errorf("%s, restless %v: %v %s", path, restless, err, proof.Reason)
			}
		}
	}
}

// TestOverflow: a list that the server cuts into small pages is read to its end; one that says that there is more, and gives none, makes
// the read incomplete, and names itself.
func TestOverflow(t *testing.T) {
	config := firm(false, 40)
	config.MostPage = 7
	for i := range 20 {
		config.GlobalRoles["ADMIN"][fmt.Sprintf("U%03d", i)] = true
	}
	s, c := open(t, config)
	inventory, evidence, err := c.ReadAll(context.Background(), nil)
	admins := 0
	for i := range inventory.Accounts {
		admins += len(inventory.Accounts[i].GlobalRoles)
	}
	if proof := provisioning.Prove(evidence, -1, 0, nil); err != nil || !proof.Complete || admins != 21 || len(inventory.Accounts) != everyone(40) {
		t.Errorf("%v %s: %d hold a global role", err, proof.Reason, admins)
	}
	in := provisioning.Change{Kind: provisioning.RemoveGlobalRole, Account: "U019", Object: "ADMIN"}
	if o, err := c.Observe(context.Background(), in); err != nil || o.Value != provisioning.ValueMember {
		t.Errorf("%v %+v", err, o)
	}
	for name, one := range map[string]struct{ path, answer string }{
		"members of a global role": {"roles/ADMIN/members", `{"data":[{"id":"U000"}],"overflow":true}`},
		"a group":                  {"libraries/LON/groups/ALL/members", `{"data":[],"overflow":true}`},
		"members of a role":        {"libraries/LON/roles/STANDARD/members", `{"data":[{"id":"U000"}],"overflow":true,"total_count":1}`},
	} {
		s.Bench().Clear()
		s.Bench().Inject(wiretest.Fault{Kind: wiretest.Rewrite, Path: "/work/api/v2/customers/1/" + one.path, Rewrite: func([]byte) []byte { return []byte(one.answer) }})
		_, evidence, err := c.ReadAll(context.Background(), nil)
		if proof := provisioning.Prove(evidence, -1, 0, nil); err != nil || evidence.Failure != "" || proof.Complete || len(evidence.Overflow) != 1 {
			t.Errorf("%s: %v %+v", name, err, evidence)
		}
	}
	s.Bench().Clear() // of a role whose members are cut short nobody is said to be out
	s.Bench().Inject(wiretest.Fault{Kind: wiretest.Rewrite, Path: "/work/api/v2/customers/1/roles/ADMIN/members", Rewrite: func([]byte) []byte {
		return []byte(`{"data":[{"id":"U000"}],"overflow":true}`)
	}})
	if o, err := c.Observe(context.Background(), in); err == nil {
		t.Errorf("an absence from a list that is cut short: %+v", o)
	}
}

// TestInferredPaths: where a tenant does not know a path that is only inferred, what it would tell stays unknown and the read is whole; one
// that the connection may not read makes it incomplete.
func TestInferredPaths(t *testing.T) {
	for unsupported, whole := range map[string]bool{
		"GET libraries/*/roles/*/members 404": true, "GET libraries/*/roles 405": true, "GET groups/*/members 404": true, "GET groups 404": true, "GET roles 501": true,
		"GET roles/*/members 404": true, "GET libraries/*/roles/*/members 403": false, "GET groups 403": false, "GET roles 403": false,
		"GET libraries/*/groups/ALL/members 403": false, "GET libraries/*/groups/ALL/members 404": false, "GET libraries/LON/users 403": false,
		"GET libraries/*/change-events 403": true, "GET directory-sync/users/hashes 404": true,
	} {
		config := firm(false, 20)
		config.Unsupported = []string{unsupported}
		_, c := open(t, config)
		inventory, evidence, err := c.ReadAll(context.Background(), nil)
		if proof := provisioning.Prove(evidence, -1, 0, nil); err != nil || proof.Complete != whole || (whole && len(inventory.Accounts) != everyone(20)) {
			t.Errorf("%s: %v %s", unsupported, err, proof.Reason)
		}
		if feed := !strings.Contains(unsupported, "change-events") && evidence.Failure == ""; feed != (evidence.Cursor != "") {
			t.Errorf("%s: cursor %q", unsupported, evidence.Cursor)
		}
	}
}

// TestConcurrency: a read never has more requests under way than it was told, and as many where there is work for them.
func TestConcurrency(t *testing.T) {
	s, c := open(t, firm(false, 40))
	var mu sync.Mutex
	under, most := 0, 0
	s.Bench().Inject(wiretest.Fault{Kind: wiretest.Rewrite, Method: http.MethodGet, Rewrite: func(b []byte) []byte {
		mu.Lock()
		under++
		most = max(most, under)
		mu.Unlock()
		<-time.After(5 * time.Millisecond)
		mu.Lock()
		under--
		mu.Unlock()
		return b
	}})
	if _, evidence, err := c.ReadAll(context.Background(), nil); err != nil || evidence.Failure != "" {
		t.Fatal(err, evidence.Failure)
	}
	if most != 8 {
		t.Errorf("%d requests at once, want 8", most)
	}
}

// TestCancelled: a read that is called off says so, and leaves nothing behind.
func TestCancelled(t *testing.T) {
	s, c := open(t, firm(false, 40))
	ctx, cancel := context.WithCancel(context.Background())
	s.Bench().Inject(wiretest.Fault{Kind: wiretest.Rewrite, Path: "/work/api/v2/customers/1/libraries/NYC/groups", Rewrite: func(b []byte) []byte {
		cancel()
		return b
	}})
	if inventory, _, err := c.ReadAll(ctx, nil); err == nil || len(inventory.Accounts) > 0 {
		t.Errorf("%v, %d accounts", err, len(inventory.Accounts))
	}
	if _, err := c.LooseEnds(ctx, "U002"); err == nil {
		t.Error("loose ends with a context that ended")
	}
}

// TestLyingTotal: a server that promises ten thousand pages and gives the same one over and over is not asked for them all.
func TestLyingTotal(t *testing.T) {
	s, c := open(t, firm(false, 20))
	s.Bench().Inject(wiretest.Fault{Kind: wiretest.Rewrite, Path: "/work/api/v2/customers/1/libraries/LON/groups/ALL/members", Rewrite: func([]byte) []byte {
		return []byte(`{"data":[{"id":"U001"}],"total_count":9999}`)
	}})
	_, evidence, err := c.ReadAll(context.Background(), nil)
	if proof := provisioning.Prove(evidence, -1, 0, nil); err != nil || proof.Complete {
		t.Errorf("%v %+v", err, evidence)
	}
	if n := len(s.Bench().Log()); n > 100 {
		t.Errorf("%d requests", n)
	}
}
