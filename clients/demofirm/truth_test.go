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
	"rollcall/provisioning"
	"rollcall/provisioning/compare"
	"rollcall/provisioning/correlate"
	"rollcall/provisioning/policy"
)

var epoch = time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)

// reading is a served firm as the real clients read it.
type reading struct {
	policy    *policy.Policy
	people    correlate.Merged
	accounts  []provisioning.Account
	libraries []provisioning.Library
	groups    []provisioning.Group
	at        time.Time
}

// read reads a served firm whole.
func read(t *testing.T, f *demofirm.Firm, c demofirm.Connections) reading {
	t.Helper()
	ctx := context.Background()
	directories := open(t, c, via{})
	dms := documents(t, c, via{})
	p, err := policy.Parse([]byte(c.Policy), nil)
	if err != nil {
		t.Fatal(err)
	}
	var people []provisioning.Person
	var order []string
	for _, directory := range directories {
		order = append(order, directory.Name())
		evidence, err := directory.ReadAll(ctx, func(chunk []provisioning.Person) error {
			people = append(people, chunk...)
			return nil
		})
		if err != nil || !provisioning.Prove(evidence, -1, 0, nil).Complete {
			t.Fatalf("%s: %v %+v", directory.Name(), err, evidence)
		}
	}
	inventory, evidence, err := dms.ReadAll(ctx, nil)
	if err != nil || !provisioning.Prove(evidence, -1, 0, nil).Complete {
		t.Fatalf("imanage: %v %+v", err, evidence)
	}
	merged := correlate.Merge(correlate.Sources{People: people, Order: order})
	return reading{p, merged, inventory.Accounts, inventory.Libraries, inventory.Groups, f.Options.Epoch}
}

// found serves a firm, compares what is read of it, and tells what was found in the truth's own form: at the first look, and at a second
// one, when the links of the first are recorded.
func found(t *testing.T, f *demofirm.Firm) (first, second demofirm.Truth) {
	t.Helper()
	running, err := demofirm.Serve(context.Background(), f, demofirm.ServeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	r := read(t, f, running.Connections())
	first, links := r.compare(nil)
	var anchors []provisioning.Anchor
	for i := range links.Subjects {
		if s := &links.Subjects[i]; s.Account >= 0 {
			anchors = append(anchors, provisioning.Anchor{Account: r.accounts[s.Account].ID, Person: s.Person.Key, FirstSeen: r.at, LastSeen: r.at})
		}
	}
	second, _ = r.compare(anchors)
	return first, second
}

func (r reading) compare(anchors []provisioning.Anchor) (demofirm.Truth, *correlate.Result) {
	links := correlate.Correlate(correlate.Input{People: r.people.People, Accounts: r.accounts, Anchors: anchors})
	result := compare.Compare(compare.Input{
		Correlation: links, Accounts: r.accounts, Policy: r.policy, PeopleProven: true, AccountsProven: true, Clashes: r.people.Clashes, At: r.at,
	})
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
	return truth, links
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
		in     string
	}{
		{7, 2000, false, ""},
		{1, 300, false, ""},
		{2, 50, false, ""},
		{3, 120, false, ""},
		{42, 1000, false, ""},
		{8, 700, true, ""},
		{7, 500, false, "entra"},
		{7, 500, false, "google"},
		{7, 500, false, "onelogin"},
		{7, 2000, false, "okta,entra,google,onelogin"},
		{1, 300, false, "google,okta"},
		{8, 700, true, "onelogin,google,entra,okta"},
	} {
		t.Run(fmt.Sprintf("seed %d, %d people, %s", c.seed, c.people, c.in), func(t *testing.T) {
			options := demofirm.Options{Seed: c.seed, People: c.people, Epoch: epoch, Hostile: c.bad}
			if c.in != "" {
				options.Directories = strings.Split(c.in, ",")
			}
			f := demofirm.Generate(options)
			first, second := found(t, f)
			want := lines(f.Truth())
			for look, got := range [][]string{lines(first), lines(second)} {
				for _, w := range want {
					if !slices.Contains(got, w) {
						t.Errorf("look %d missed: %s", look+1, w)
					}
				}
				for _, g := range got {
					if !slices.Contains(want, g) {
						t.Errorf("look %d invented: %s", look+1, g)
					}
				}
				if len(want) != len(got) {
					t.Errorf("look %d: %d planted, %d found", look+1, len(want), len(got))
				}
			}
		})
	}
}

func TestEveryKindIsPlanted(t *testing.T) {
	for _, people := range []int{50, 200, 2000} {
		counts := demofirm.Generate(demofirm.Options{Seed: 5, People: people, Epoch: epoch}).Counts()
		for _, k := range provisioning.Kinds() {
			switch {
			case k == provisioning.KindClash: // the made-up directories agree: the truth is the same in any of them
			case k == provisioning.KindDormant: // it is told by a look at use and not by the roll: TestEveryHabitIsPlanted
			case counts[string(k)] == 0:
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
