package demofirm_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/clients/demofirm"
	"rollcall/clients/entra/entratest"
	"rollcall/clients/wire/spectest"
	"rollcall/provisioning"
)

// description is a vendor's own, the least of its operations that must be seen, and a deviation that must be found.
type description struct {
	check  func(t testing.TB, o spectest.Options) *spectest.Checker
	o      spectest.Options
	least  int
	before string
	after  string
}

func descriptions() map[string]description {
	openAPI := func(file string) func(testing.TB, spectest.Options) *spectest.Checker {
		return func(t testing.TB, o spectest.Options) *spectest.Checker { return spectest.OpenAPI(t, file, o) }
	}
	return map[string]description{
		"okta": {
			check: openAPI("../okta/testdata/management-users-groups-logs.json"), least: 5, before: `"status":"ACTIVE"`, after: `"status":"AWAY"`,
			o: spectest.Options{Besides: []string{"/oauth2/"}, Allow: func(fault string) bool { // nulls that Okta's own answers hold (contracts/idps.md 3)
				return strings.Contains(fault, "Value is not nullable") &&
					(strings.Contains(fault, "lastLogin") || strings.Contains(fault, "activated") || strings.Contains(fault, "statusChanged"))
			}},
		},
		"entra": {
			check: openAPI("../entra/testdata/graph-v1.0-users-groups.openapi.json"), least: 9, before: `"accountEnabled":true`, after: `"accountEnabled":"yes"`,
			o: spectest.Options{Base: "/v1.0", Besides: []string{"/0a4b2c6d"}},
		},
		"google": {
			check: func(t testing.TB, o spectest.Options) *spectest.Checker {
				return spectest.Discovery(t, "../google/testdata/admin-directory_v1.discovery.json", o)
			},
			least: 4, before: `"suspended":false`, after: `"suspended":"no"`, o: spectest.Options{Besides: []string{"/token"}},
		},
		"onelogin": {
			check: openAPI("../onelogin/testdata/onelogin-v2-derived.openapi.json"), least: 6, before: `"state":1`, after: `"state":"one"`,
			o: spectest.Options{},
		},
	}
}

// nobody is known: a feed that leaves something out must ask for it.
type nobody struct{}

func (nobody) Person(string) (provisioning.Person, bool) { return provisioning.Person{}, false }
func (nobody) InGroup(string) []string                   { return nil }

// exercise uses every operation of a client: a whole read, a reading of changes, direct reads of who is there, of who was deleted and
// of nobody, and the examination of its rights. It returns how many people were read.
func exercise(t *testing.T, running *demofirm.Running, d directory) int {
	t.Helper()
	ctx := context.Background()
	var people []provisioning.Person
	evidence, err := d.ReadAll(ctx, func(chunk []provisioning.Person) error {
		people = append(people, chunk...)
		return nil
	})
	if err != nil || evidence.Failure != "" {
		t.Fatalf("%v %s", err, evidence.Failure)
	}
	change(running, d.System(), people[3].Key.ID)
	if feed, ok := d.(provisioning.Feed); ok {
		told, err := feed.ReadChanges(ctx, evidence.Cursor, nobody{}, func([]provisioning.PersonChange) error { return nil })
		if err != nil || told.Failure != "" || told.Changes == 0 {
			t.Errorf("changes: %v %+v", err, told)
		}
	}
	if p, found, err := d.Lookup(ctx, people[1].Key.ID); err != nil || !found || p.Key != people[1].Key {
		t.Errorf("lookup: %v %v", found, err)
	}
	if _, found, err := d.Lookup(ctx, map[string]string{"onelogin": "77"}[d.System()]+"9000000001"); err != nil || found {
		t.Errorf("lookup of nobody: %v %v", found, err)
	}
	err = d.Examine(ctx, func(f provisioning.Finding) {
		if f.State == provisioning.FindingBad {
			t.Errorf("%s: %s", f.What, f.Detail)
		}
	})
	if err != nil {
		t.Error(err)
	}
	return len(people)
}

// change changes somebody, and at Entra a membership with them: its delta of groups leads to an operation of its own.
func change(r *demofirm.Running, system, id string) {
	switch system {
	case "okta":
		r.Okta.SetStatus(id, "SUSPENDED")
	case "entra":
		u, _ := r.Entra.User(id)
		u.Department = "Elsewhere"
		r.Entra.Put(u)
		r.Entra.PutGroup(entratest.Group{ID: "a-new-group", Name: "A new group", Members: []string{id}})
	case "google":
		u, _ := r.Google.User(id)
		u.Department = "Elsewhere"
		r.Google.Put(u)
	case "onelogin":
		var n int64
		_, _ = fmt.Sscan(id, &n)
		u, _ := r.OneLogin.User(n)
		u.Department = "Elsewhere"
		r.OneLogin.Put(u)
	}
}

// TestDescribed: every request of each client and every answer of its simulator agree with the vendor's own description, and a
// deliberate deviation is found.
func TestDescribed(t *testing.T) {
	for _, name := range demofirm.Directories() {
		t.Run(name, func(t *testing.T) {
			running, err := demofirm.Serve(context.Background(), demofirm.Generate(demofirm.Options{
				Seed: 7, People: 700, Epoch: time.Now(), Directories: []string{name},
			}), demofirm.ServeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer running.Close()
			v := descriptions()[name]
			checker := v.check(t, v.o)
			exercise(t, running, client(t, running.Connections().Connections[0], via{transport: checker}))
			operations := make([]string, 0, 8)
			total := 0
			for operation, n := range checker.Checked() {
				operations = append(operations, fmt.Sprintf("%s (%d)", operation, n))
				total += n
			}
			slices.Sort(operations)
			t.Logf("%d operations, %d requests and answers: %s", len(operations), total, strings.Join(operations, ", "))
			if len(operations) < v.least {
				t.Errorf("only %d operations were seen, want %d", len(operations), v.least)
			}
			v.o.Spoil = func(b []byte) []byte { return bytes.Replace(b, []byte(v.before), []byte(v.after), 1) }
			spoilt := v.check(t, v.o)
			_, err = client(t, running.Connections().Connections[0], via{transport: spoilt}).ReadAll(context.Background(), func([]provisioning.Person) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			if len(spoilt.Faults()) == 0 {
				t.Error("a deliberate deviation was not found")
			}
		})
	}
}
