package certify_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/certify"
)

func key(id string) provisioning.PersonKey {
	return provisioning.PersonKey{Directory: "okta", ID: id}
}

// of makes n items of one person.
func of(id string, n int) []provisioning.ReviewItem {
	list := make([]provisioning.ReviewItem, n)
	for i := range list {
		list[i] = provisioning.ReviewItem{Account: id, Person: key(id), Name: "Person " + id, Email: strings.ToLower(id) + "@firm.example", Kind: provisioning.ReviewGroup, Library: "LON", Object: fmt.Sprint(i)}
	}
	return list
}

func number(items []provisioning.ReviewItem) []provisioning.ReviewItem {
	for i := range items {
		items[i].N = i + 1
	}
	return items
}

// whose writes each person's reviewers.
func whose(items []provisioning.ReviewItem) map[string]string {
	m := make(map[string]string)
	for i := range items {
		if r := items[i].Reviewer; !slices.Contains(strings.Fields(m[items[i].Account]), r) {
			m[items[i].Account] = strings.TrimSpace(m[items[i].Account] + " " + r)
		}
	}
	return m
}

func TestWhoReviewsWhom(t *testing.T) {
	t.Parallel()
	reviewers := []provisioning.Reviewer{
		{Key: "ann", Person: key("ANN")}, {Key: "bob", Account: "bob"}, {Key: "carl@firm.example"}, {Key: "dee", Person: key("DEE")}, {Key: "fay"},
	}
	boss := func(p provisioning.PersonKey) (provisioning.PersonKey, bool) {
		m := map[string]string{"ZED": "DEE", "ANN": "DEE", "DEE": "DEE", "BOB": "NOT-A-REVIEWER"}[p.ID]
		return key(m), m != ""
	}
	all := func() []provisioning.ReviewItem {
		return number(slices.Concat(of("ANN", 3), of("BOB", 2), of("CARL", 2), of("DEE", 2), of("ZED", 1)))
	}
	for name, c := range map[string]struct {
		assign   string
		named    []string
		self     bool
		fallback string
		want     map[string]string
		warn     []string
	}{
		"shared out, nobody their own": {
			certify.AssignNamed,
			[]string{"ann", "bob", "carl@firm.example"},
			false, "",
			map[string]string{"ANN": "bob", "BOB": "ann", "CARL": "ann", "DEE": "carl@firm.example", "ZED": "carl@firm.example"},
			nil,
		},
		"their own where the policy lets them": {
			certify.AssignNamed, []string{"ann"}, true, "", map[string]string{"ANN": "ann", "BOB": "ann", "CARL": "ann", "DEE": "ann", "ZED": "ann"}, nil,
		},
		"one alone has a fallback": {
			certify.AssignNamed, []string{"ann"}, false, "dee", map[string]string{"ANN": "dee", "BOB": "ann", "CARL": "ann", "DEE": "ann", "ZED": "ann"}, nil,
		},
		"one alone without": {
			certify.AssignNamed,
			[]string{"ann"},
			false, "",
			map[string]string{"ANN": "", "BOB": "ann", "CARL": "ann", "DEE": "ann", "ZED": "ann"},
			[]string{"nobody may decide on the access of Person ANN (ANN)"},
		},
		"the fallback has no fallback": {
			certify.AssignNamed,
			[]string{"ann"},
			false, "ann",
			map[string]string{"ANN": "", "BOB": "ann", "CARL": "ann", "DEE": "ann", "ZED": "ann"},
			[]string{"nobody may decide on the access of Person ANN (ANN)"},
		},
		"an account or a mailbox is enough": {
			certify.AssignNamed,
			[]string{"bob", "carl@firm.example"},
			false, "",
			map[string]string{"ANN": "bob", "BOB": "carl@firm.example", "CARL": "bob", "DEE": "carl@firm.example", "ZED": "carl@firm.example"},
			nil,
		},
		"managers, and the first named for the rest": {
			certify.AssignManager,
			[]string{"ann", "bob"},
			false, "",
			map[string]string{"ANN": "dee", "BOB": "ann", "CARL": "ann", "DEE": "ann", "ZED": "dee"},
			[]string{"the directory names no manager who may decide for Person BOB (BOB), Person CARL (CARL), Person DEE (DEE): the named reviewers do (6 items)"},
		},
		"a name is not enough to know somebody by": {
			certify.AssignNamed,
			[]string{"ann", "fay"},
			false, "",
			map[string]string{"ANN": "fay", "BOB": "ann", "CARL": "ann", "DEE": "fay", "ZED": "ann"},
			[]string{"nobody can tell whether an access is fay's own"},
		},
		"strangers are named": {
			certify.AssignNamed,
			[]string{"ann", "yan"},
			true, "xen",
			map[string]string{"ANN": "ann", "BOB": "ann", "CARL": "ann", "DEE": "ann", "ZED": "ann"},
			[]string{"yan is named in the stage", "the fallback xen is no reviewer"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			items := all()
			warnings := certify.Assign(items, provisioning.ReviewStage{Name: "first", Assign: c.assign, Reviewers: c.named}, reviewers, boss, c.self, c.fallback)
			for who, want := range c.want {
				if got := whose(items)[who]; got != want {
					t.Errorf("%s is %q's, want %q", who, got, want)
				}
			}
			if len(warnings) != len(c.warn) {
				t.Fatalf("the warnings are %q", warnings)
			}
			for i, w := range c.warn {
				if !strings.Contains(warnings[i], w) {
					t.Errorf("the warning is %q, want …%s…", warnings[i], w)
				}
			}
		})
	}
}

// TestNobodyIsEverGivenTheirOwn shares random people out among random reviewers who are some of them.
func TestNobodyIsEverGivenTheirOwn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var items []provisioning.ReviewItem
		n := rapid.IntRange(1, 12).Draw(t, "people")
		largest := 0
		for i := range n {
			size := rapid.IntRange(1, 5).Draw(t, "items")
			largest = max(largest, size)
			items = append(items, of(fmt.Sprintf("P%02d", i), size)...)
		}
		items = number(items)
		var reviewers []provisioning.Reviewer
		stage := provisioning.ReviewStage{Assign: rapid.SampledFrom([]string{certify.AssignNamed, certify.AssignManager}).Draw(t, "assign")}
		for i := range rapid.IntRange(1, 4).Draw(t, "reviewers") {
			id := fmt.Sprintf("P%02d", rapid.IntRange(0, n+3).Draw(t, "who"))
			r := provisioning.Reviewer{Key: fmt.Sprintf("r%d", i)}
			switch rapid.IntRange(0, 2).Draw(t, "known by") {
			case 0:
				r.Person = key(id)
			case 1:
				r.Account = strings.ToLower(id)
			default:
				r.Email = strings.ToUpper(id) + "@Firm.Example"
			}
			reviewers = append(reviewers, r)
			if rapid.Bool().Draw(t, "named") {
				stage.Reviewers = append(stage.Reviewers, r.Key)
			}
		}
		fallback := rapid.SampledFrom([]string{"", "r0", "nobody"}).Draw(t, "fallback")
		boss := func(p provisioning.PersonKey) (provisioning.PersonKey, bool) {
			return key(fmt.Sprintf("P%02d", len(p.ID)%3)), p.ID != "P01"
		}
		warnings := certify.Assign(items, stage, reviewers, boss, false, fallback)
		again := slices.Clone(items)
		certify.Assign(again, stage, reviewers, boss, false, fallback)
		load, own := make(map[string]int), false
		for i := range items {
			if again[i].Reviewer != items[i].Reviewer {
				t.Fatal("the same people were shared out in another way")
			}
			load[items[i].Reviewer]++
			for _, r := range reviewers {
				if certify.Own(&items[i], r) {
					own = true
					if items[i].Reviewer == r.Key {
						t.Fatalf("%s has their own access", r.Key)
					}
				}
			}
			if items[i].Reviewer == "" && !slices.ContainsFunc(warnings, func(w string) bool { return strings.HasPrefix(w, "nobody may decide") }) {
				t.Fatal("nobody is told that an item has no reviewer")
			}
		}
		for who, r := range whose(items) {
			if strings.Contains(r, " ") {
				t.Fatalf("%s was given to %s", who, r)
			}
		}
		if stage.Assign == certify.AssignNamed && !own {
			for _, a := range stage.Reviewers {
				for _, b := range stage.Reviewers {
					if load[a]-load[b] > largest {
						t.Fatalf("%s has %d, %s has %d, and nobody has more than %d", a, load[a], b, load[b], largest)
					}
				}
			}
		}
	})
}
