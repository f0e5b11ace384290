package demofirm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/clients/demofirm"
	"rollcall/clients/imanage"
	"rollcall/clients/okta"
	"rollcall/provisioning"
	"rollcall/provisioning/compare"
	"rollcall/provisioning/correlate"
	"rollcall/provisioning/policy"
)

var epoch = time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)

// found reads a served firm with the real clients, compares, and tells what was found in the truth's own form.
func found(t *testing.T, f *demofirm.Firm) demofirm.Truth {
	t.Helper()
	ctx := context.Background()
	running, err := demofirm.Serve(ctx, f, demofirm.ServeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	c := running.Connections()
	directory, err := okta.New(okta.Options{Name: "okta", URL: c.Connections[0].URL, Token: provisioning.NewSecret(c.Connections[0].Token), AllowLoopbackHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	defer directory.Close()
	dms, err := imanage.New(imanage.Options{
		Name: "imanage", URL: c.Connections[1].URL, Username: c.Connections[1].Username, Password: provisioning.NewSecret(c.Connections[1].Password),
		ClientID: c.Connections[1].ClientID, ClientSecret: provisioning.NewSecret(c.Connections[1].ClientSecret), AllowLoopbackHTTP: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer dms.Close()
	p, err := policy.Parse([]byte(c.Policy))
	if err != nil {
		t.Fatal(err)
	}
	var people []provisioning.Person
	evidence, err := directory.ReadAll(ctx, func(chunk []provisioning.Person) error {
		people = append(people, chunk...)
		return nil
	})
	if err != nil || !provisioning.Prove(evidence, -1, 0, nil).Complete {
		t.Fatalf("okta: %v %+v", err, evidence)
	}
	inventory, evidence, err := dms.ReadAll(ctx, nil)
	if err != nil || !provisioning.Prove(evidence, -1, 0, nil).Complete {
		t.Fatalf("imanage: %v %+v", err, evidence)
	}
	links := correlate.Correlate(correlate.Input{People: people, Accounts: inventory.Accounts})
	result := compare.Compare(compare.Input{Correlation: links, Accounts: inventory.Accounts, Policy: p, PeopleProven: true, AccountsProven: true})
	var truth demofirm.Truth
	for _, m := range result.Mismatches {
		one := demofirm.TrueMismatch{Kind: m.Kind, Persons: []string{}, Accounts: slices.Clone(m.Accounts)}
		for _, k := range m.Persons {
			one.Persons = append(one.Persons, k.ID)
		}
		slices.Sort(one.Persons)
		slices.Sort(one.Accounts)
		truth.Mismatches = append(truth.Mismatches, one)
	}
	return truth
}

func lines(t demofirm.Truth) []string {
	var out []string
	for _, m := range t.Mismatches {
		out = append(out, fmt.Sprintf("%s %s %s", m.Kind, strings.Join(m.Persons, "+"), strings.Join(m.Accounts, "+")))
	}
	slices.Sort(out)
	return out
}

// TestTruth: over HTTP, the engine finds exactly what was planted, none missed and none invented.
func TestTruth(t *testing.T) {
	for _, c := range []struct {
		seed   uint64
		people int
		bad    bool
	}{{7, 2000, false}, {1, 300, false}, {2, 50, false}, {3, 120, false}, {42, 1000, false}, {8, 700, true}} {
		t.Run(fmt.Sprintf("seed %d, %d people", c.seed, c.people), func(t *testing.T) {
			f := demofirm.Generate(demofirm.Options{Seed: c.seed, People: c.people, Epoch: epoch, Hostile: c.bad})
			want, got := lines(f.Truth()), lines(found(t, f))
			for _, w := range want {
				if !slices.Contains(got, w) {
					t.Errorf("missed: %s", w)
				}
			}
			for _, g := range got {
				if !slices.Contains(want, g) {
					t.Errorf("invented: %s", g)
				}
			}
			if len(want) != len(got) {
				t.Errorf("%d planted, %d found", len(want), len(got))
			}
		})
	}
}

func TestEveryKindIsPlanted(t *testing.T) {
	for _, people := range []int{50, 200, 2000} {
		counts := demofirm.Generate(demofirm.Options{Seed: 5, People: people, Epoch: epoch}).Counts()
		for _, k := range provisioning.Kinds() {
			if counts[string(k)] == 0 {
				t.Errorf("%d people: no %s", people, k)
			}
		}
	}
}

func TestSameSeedSameFirm(t *testing.T) {
	dump := func(seed uint64, at time.Time) string {
		b, err := json.Marshal(demofirm.Generate(demofirm.Options{Seed: seed, People: 300, Epoch: at}).Truth())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if dump(9, epoch) != dump(9, epoch.AddDate(0, 3, 0)) {
		t.Error("the ids depend on the day")
	}
	if reflect.DeepEqual(dump(9, epoch), dump(10, epoch)) {
		t.Error("two seeds give one firm")
	}
}
