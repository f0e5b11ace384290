package imanage_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/clients/imanage"
	"rollcall/clients/imanage/imanagetest"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
)

func stale(err error) bool {
	var e *provisioning.Error
	return errors.As(err, &e) && e.Code == provisioning.Stale
}

// readWhole reads everything, and holds the read to be whole and to have a feed.
func readWhole(t interface {
	Fatalf(format string, args ...any)
}, c *imanage.Client,
) (provisioning.Inventory, provisioning.ReadEvidence) {
	inventory, evidence, err := c.ReadAll(context.Background(), nil)
	if proof := provisioning.Prove(evidence, -1, 0, nil); err != nil || !proof.Complete || evidence.Cursor == "" {
		t.Fatalf("%v %s, cursor %q", err, proof.Reason, evidence.Cursor)
	}
	return inventory, evidence
}

// mutations draws what may happen to a tenant behind rollcall's back, in the simulator's words. Each is legal where it is drawn.
func mutations(t *rapid.T, s *imanagetest.Server, onPrem bool, n int) {
	state := s.Dump()
	draw := func(label string, from []string) string { return rapid.SampledFrom(from).Draw(t, label) }
	var users []string
	for _, u := range state.Users {
		users = append(users, u.ID)
	}
	kinds := []string{"patch", "close", "assign", "unassign", "role", "join", "leave", "group", "new group", "arrive", "manage", "managed"}
	if !onPrem {
		kinds = append(kinds, "global role add", "global role remove", "join global", "leave global", "new global group")
	}
	user, library := draw("user", users), draw("library", []string{"LON", "NYC", "PAR"})
	_, in := state.Roles[library+"/"+user]
	places := 0
	for _, l := range []string{"LON", "NYC", "PAR"} {
		if _, in := state.Roles[l+"/"+user]; in {
			places++
		}
	}
	placed := places > 0
	m := imanagetest.Mutation{Kind: draw("kind", kinds), User: user, Library: library}
	switch m.Kind {
	case "patch": // of an account that is in no library nothing tells
		if m.Library = ""; placed {
			m.Fields = map[string]any{draw("field", []string{"full_name", "location", "phone", "custom1"}): fmt.Sprint("value ", n)}
			s.ByHand(m)
		}
	case "close":
		if placed {
			s.ByHand(imanagetest.Mutation{Kind: "patch", User: user, Fields: map[string]any{"allow_logon": rapid.Bool().Draw(t, "on")}})
		}
	case "manage", "managed": // a directory takes it over, or changes one that it has
		known := slices.ContainsFunc(state.Users, func(u imanagetest.User) bool { return u.ID == user && u.DirectoryID != "" })
		if placed || (known && m.Kind == "managed" && !onPrem) {
			s.Change(user, func(u *imanagetest.User) { u.DirectoryID, u.Nos, u.Phone = "ad-"+u.ID, 6, fmt.Sprint("phone ", n) })
		}
	case "assign":
		if m.Object = "DEFAULT"; !in {
			s.ByHand(m)
		}
	case "unassign":
		if in && (!onPrem || places > 1) { // on premises an account that is in no library is none
			s.ByHand(m)
		}
	case "role":
		if m.Object = draw("role", []string{"DEFAULT", "STANDARD"}); in {
			s.ByHand(m)
		}
	case "join", "leave":
		if m.Object = draw("group", []string{"ALL", "NRTADMIN", "OLD"}); in {
			s.ByHand(m)
		}
	case "group":
		m.User, m.Object, m.Fields = "", draw("group", []string{"ALL", "OLD"}), map[string]any{"enabled": rapid.Bool().Draw(t, "on"), "full_name": fmt.Sprint("name ", n)}
		s.ByHand(m)
	case "new group":
		s.ByHand(imanagetest.Mutation{Kind: "group", Library: library, Object: fmt.Sprint("NEW", n), Fields: map[string]any{"enabled": true}})
	case "new global group":
		s.ByHand(imanagetest.Mutation{Kind: "group", Object: fmt.Sprint("NEW", n), Fields: map[string]any{"enabled": true}})
		s.ByHand(imanagetest.Mutation{Kind: "join", User: user, Object: fmt.Sprint("NEW", n)})
	case "join global", "leave global":
		m.Kind, _, _ = strings.Cut(m.Kind, " ")
		m.Library, m.Object = "", "EVERYBODY"
		s.ByHand(m)
	case "arrive":
		arrive(s, n)
		s.ByHand(imanagetest.Mutation{Kind: "assign", User: fmt.Sprintf("A%03d", n), Library: library, Object: "STANDARD"})
	default:
		m.Library, m.Object = "", draw("global role", []string{"ADMIN", "NOBODY"})
		s.ByHand(m)
	}
}

// TestChangesEqualTheWhole: whatever happens to a tenant, what was known with the changes read on top is what a whole read sees; also over
// several readings, each from the cursor of the last, and with the events cut into small answers.
func TestChangesEqualTheWhole(t *testing.T) {
	for _, onPrem := range []bool{false, true} {
		rapid.Check(t, func(rt *rapid.T) {
			config := firm(onPrem, 12)
			config.MostEvents = rapid.IntRange(1, 9).Draw(rt, "events an answer")
			for i := range 4 {
				config.Users[i].DirectoryID, config.Users[i].Nos = fmt.Sprint("ad-", i), 6
			}
			s, c := open(t, config)
			defer s.Close()
			defer c.Close()
			known, evidence := readWhole(rt, c)
			n := 0
			for range rapid.IntRange(1, 3).Draw(rt, "readings") {
				for range rapid.IntRange(0, 8).Draw(rt, "changes") {
					n++
					mutations(rt, s, onPrem, n)
				}
				before, err := json.Marshal(known)
				if err != nil {
					rt.Fatal(err)
				}
				now, next, err := c.ReadChanges(context.Background(), evidence.Cursor, known, nil)
				if err != nil || next.Failure != "" || !next.EndMarker || next.Seen != len(now.Accounts) {
					rt.Fatalf("%v %+v", err, next)
				}
				whole, _ := readWhole(rt, c)
				if !reflect.DeepEqual(now, whole) {
					rt.Fatalf("on premises %v:\n%s\n%s", onPrem, differences(now, whole), next.Cursor)
				}
				if after, err := json.Marshal(known); err != nil || string(after) != string(before) {
					rt.Fatal("what was known was written to")
				}
				known, evidence = now, next
			}
		})
	}
}

func differences(got, want provisioning.Inventory) string {
	var b strings.Builder
	at := make(map[string]provisioning.Account)
	for _, a := range want.Accounts {
		at[a.ID] = a
	}
	for _, a := range got.Accounts {
		if !reflect.DeepEqual(a, at[a.ID]) {
			fmt.Fprintf(&b, "by changes %+v\nwhole      %+v\n", a, at[a.ID])
		}
		delete(at, a.ID)
	}
	fmt.Fprintf(&b, "missing: %d; groups %v\n%v", len(at), got.Groups, want.Groups)
	return b.String()
}

// TestStale: a reading of changes that has nothing to stand on says so, and gives nothing.
func TestStale(t *testing.T) {
	for name, spoil := range map[string]func(s *imanagetest.Server, cursor string) string{
		"no cursor":           func(*imanagetest.Server, string) string { return "" },
		"a broken cursor":     func(_ *imanagetest.Server, c string) string { return c[:len(c)/2] },
		"another version":     func(_ *imanagetest.Server, c string) string { return strings.Replace(c, `"v":1`, `"v":9`, 1) },
		"an unknown library":  func(_ *imanagetest.Server, c string) string { return strings.Replace(c, `"LON"`, `"OSL"`, 1) },
		"one library less":    func(_ *imanagetest.Server, c string) string { return strings.Replace(c, `"LON":"",`, ``, 1) },
		"an event's odd mark": func(_ *imanagetest.Server, c string) string { return strings.Replace(c, `"LON":""`, `"LON":"x"`, 1) },
		"forgotten events": func(s *imanagetest.Server, c string) string {
			s.ForgetEvents()
			return strings.Replace(c, `"LON":""`, `"LON":"0"`, 1)
		},
		"broken digests": func(_ *imanagetest.Server, c string) string {
			return strings.Replace(c, `"digests":"`, `"digests":"!`, 1)
		},
		"an account in no library": func(s *imanagetest.Server, c string) string { arrive(s, 1); return c },
		"events refused": func(s *imanagetest.Server, c string) string {
			s.Bench().Inject(wiretest.Fault{Kind: wiretest.Status, Status: http.StatusForbidden, Path: "/work/api/v2/customers/1/libraries/NYC/change-events"})
			return c
		},
		"digests refused": func(s *imanagetest.Server, c string) string {
			s.Bench().Inject(wiretest.Fault{Kind: wiretest.Status, Status: http.StatusNotFound, Path: "/work/api/v2/customers/1/directory-sync"})
			return c
		},
		"an event about nobody": func(s *imanagetest.Server, c string) string {
			s.Bench().Inject(wiretest.Fault{Kind: wiretest.Rewrite, Path: "/work/api/v2/customers/1/libraries/NYC/change-events", Rewrite: func([]byte) []byte {
				return []byte(`{"data":[{"id":7,"action_type":"update","item_type":"user","object_id":4711}],"overflow":false}`)
			}})
			return c
		},
		"an event about no group": func(s *imanagetest.Server, c string) string {
			s.Bench().Inject(wiretest.Fault{Kind: wiretest.Rewrite, Path: "/work/api/v2/customers/1/libraries/NYC/change-events", Rewrite: func([]byte) []byte {
				return []byte(`{"data":[{"id":7,"action_type":"update","item_type":"group","object_id":"NYC!NONE"}]}`)
			}})
			return c
		},
		"a stranger of the directory's": func(s *imanagetest.Server, c string) string {
			s.Bench().Inject(wiretest.Fault{Kind: wiretest.Rewrite, Path: "/work/api/v2/customers/1/directory-sync", Rewrite: func([]byte) []byte {
				return []byte(`{"data":[{"directory_id":"ad-77","ds_hash":"1","allow_logon":true}]}`)
			}})
			return c
		},
		"most of the firm changed": func(s *imanagetest.Server, c string) string {
			for i := range 90 {
				s.Change(fmt.Sprintf("U%03d", i), func(u *imanagetest.User) { u.Phone = "9" })
			}
			return c
		},
	} {
		config := firm(false, 100)
		config.Users[3].DirectoryID, config.Users[3].Nos = "ad-3", 6
		s, c := open(t, config)
		known, evidence := readWhole(t, c)
		inventory, _, err := c.ReadChanges(context.Background(), spoil(s, evidence.Cursor), known, nil)
		if !stale(err) || len(inventory.Accounts) > 0 {
			t.Errorf("%s: %v, %d accounts", name, err, len(inventory.Accounts))
		}
	}
}

// TestBrokenChanges: a server that fails in the middle is told in the evidence, and nothing is given.
func TestBrokenChanges(t *testing.T) {
	for _, path := range []string{"libraries/LON/change-events", "users", "roles/ADMIN/members", "libraries/LON/users/U004"} {
		s, c := open(t, firm(false, 20))
		known, evidence := readWhole(t, c)
		s.Change("U004", func(u *imanagetest.User) { u.Phone = "9" })
		s.Bench().Inject(wiretest.Fault{Kind: wiretest.AfterEffect, Status: http.StatusBadGateway, Path: "/work/api/v2/customers/1/" + path})
		inventory, e, err := c.ReadChanges(context.Background(), evidence.Cursor, known, nil)
		if err != nil || e.Failure == "" || e.EndMarker || e.Cursor != "" || len(inventory.Accounts) > 0 {
			t.Errorf("%s: %v %+v", path, err, e)
		}
	}
}

// TestQuiet: where nothing changed, a handful of requests tells it, and what was known is given back. Events whose cursor stands beside
// them, and users with their library in front of their id, are taken too.
func TestQuiet(t *testing.T) {
	s, c := open(t, firm(false, 40))
	known, evidence := readWhole(t, c)
	s.Bench().Forget()
	now, e, err := c.ReadChanges(context.Background(), evidence.Cursor, known, nil)
	if err != nil || e.Changes != 0 || !reflect.DeepEqual(now, known) || e.Cursor != evidence.Cursor {
		t.Errorf("%v %+v\n%s", err, e, evidence.Cursor)
	}
	if n := len(s.Bench().Log()); n > 3+1+1+2+2+1 { // events, count, digests, roles, their members, groups and one's members
		t.Errorf("%d requests", n)
	}
	s.Bench().Inject(wiretest.Fault{Kind: wiretest.Rewrite, Times: 1, Path: "/work/api/v2/customers/1/libraries/NYC/change-events", Rewrite: func([]byte) []byte {
		return []byte(`{"data":[{"id":7,"action_type":"update","item_type":"user","object_id":"NYC!u004"}],"cursor":"0"}`)
	}})
	now, e, err = c.ReadChanges(context.Background(), evidence.Cursor, known, nil)
	if err != nil || e.Failure != "" || e.Changes != 1 || !strings.Contains(e.Cursor, `"NYC":"0"`) || !reflect.DeepEqual(now, known) {
		t.Errorf("%v %+v", err, e)
	}
}

// TestNothingFallsBetween: what changes while everything is listed, behind the page that told of it, is named by the first reading of
// changes after.
func TestNothingFallsBetween(t *testing.T) {
	for _, path := range []string{"users", "libraries/LON/users", "libraries/NYC/users", "libraries/PAR/groups", "libraries/LON/groups/ALL/members", "libraries/LON/roles/STANDARD/members"} {
		s, c := open(t, firm(false, 20))
		s.Bench().Inject(wiretest.Fault{Kind: wiretest.Rewrite, Times: 1, Path: "/work/api/v2/customers/1/" + path, Rewrite: func(b []byte) []byte {
			s.Change("U004", func(u *imanagetest.User) { u.Phone = "changed meanwhile" })
			s.Leave("U005", "LON", "ALL")
			s.ByHand(imanagetest.Mutation{Kind: "role", User: "U006", Library: "LON", Object: "DEFAULT"})
			return b
		}})
		known, evidence := readWhole(t, c)
		now, next, err := c.ReadChanges(context.Background(), evidence.Cursor, known, nil)
		whole, _ := readWhole(t, c)
		if err != nil || next.Failure != "" || !reflect.DeepEqual(now, whole) {
			t.Errorf("%s: %v %s\n%s", path, err, next.Failure, differences(now, whole))
		}
	}
}

// TestManagedWithoutLibrary: of an account that is in no library only the directory's digest tells that it changed.
func TestManagedWithoutLibrary(t *testing.T) {
	config := firm(false, 20)
	config.Users[3].DirectoryID, config.Users[3].Nos = "ad-3", 6
	for _, l := range config.Libraries {
		delete(l.Members, "U003")
		delete(l.Groups["ALL"].Members, "U003")
	}
	s, c := open(t, config)
	known, evidence := readWhole(t, c)
	s.Change("U003", func(u *imanagetest.User) { u.Location, u.AllowLogon = "Leeds", false })
	now, next, err := c.ReadChanges(context.Background(), evidence.Cursor, known, nil)
	if whole, _ := readWhole(t, c); err != nil || next.Changes != 1 || !reflect.DeepEqual(now, whole) {
		t.Errorf("%v %+v\n%s", err, next, differences(now, whole))
	}
	s.Change("U003", func(u *imanagetest.User) { u.DirectoryID, u.Nos = "", 2 }) // the directory lets it go
	again, next, err := c.ReadChanges(context.Background(), next.Cursor, now, nil)
	if whole, _ := readWhole(t, c); err != nil || next.Changes != 1 || !reflect.DeepEqual(again, whole) {
		t.Errorf("%v %+v\n%s", err, next, differences(again, whole))
	}
}
