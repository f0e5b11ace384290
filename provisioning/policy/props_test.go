package policy_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
	"rollcall/provisioning/policy/policytest"
)

// TestABirthright: it is the same whatever the order of a person's groups and whoever asked before, gives no two sides of a wall, and
// each library with exactly one role; what is withheld, overruled or lapsed is not given.
func TestABirthright(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := policytest.Policy(t)
		p, err := policy.Parse([]byte(text), nil)
		if err != nil {
			t.Fatalf("%v:\n%s", err, text)
		}
		for range 4 {
			fresh, _ := policy.Parse([]byte(text), nil) // nobody asked it before
			person, at := policytest.Person(t), policytest.Moment(t)
			b := p.Birthright(&person, at)
			shuffled := person
			shuffled.Groups = append([]string(nil), person.Groups...)
			rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled.Groups), func(i, j int) {
				shuffled.Groups[i], shuffled.Groups[j] = shuffled.Groups[j], shuffled.Groups[i]
			})
			if again := fresh.Birthright(&shuffled, at); !reflect.DeepEqual(told(b), told(again)) {
				t.Fatalf("%s\n%+v\n%s\nand shuffled\n%s", text, person, strings.Join(told(b), "\n"), strings.Join(told(again), "\n"))
			}
			checkBirthright(t, p, b)
		}
	})
}

// told writes all that a birthright says.
func told(b *policy.Birthright) []string {
	lines := []string{fmt.Sprint(b.Fits, b.Preferred, b.PreferredWhy, b.Location, b.LocationWhy, b.Excluded, b.Unheeded)}
	for _, g := range b.Given {
		lines = append(lines, fmt.Sprint("given ", g.Entitlement, g.Reasons))
	}
	for _, h := range b.Withheld {
		lines = append(lines, fmt.Sprint("withheld ", h.Entitlement, h.Wall, h.Other, h.Reasons))
	}
	for _, o := range b.Overruled {
		lines = append(lines, fmt.Sprint("overruled ", o.Entitlement, o.Reason, o.By))
	}
	for _, l := range b.Lapsed {
		lines = append(lines, fmt.Sprint("lapsed ", l.Entitlement, l.Reason))
	}
	return lines
}

func checkBirthright(t *rapid.T, p *policy.Policy, b *policy.Birthright) {
	var rights []provisioning.Entitlement
	roles, libraries := make(map[string]int), make(map[string]int)
	for i, g := range b.Given {
		rights = append(rights, g.Entitlement)
		if i > 0 && b.Given[i-1].Compare(g.Entitlement) >= 0 {
			t.Fatalf("%s stands before %s", b.Given[i-1], g)
		}
		if len(g.Reasons) == 0 || g.Reasons[0].String() == "" {
			t.Fatalf("%s has no reason", g)
		}
		switch g.Kind {
		case provisioning.EntitlementRole:
			roles[g.Library]++
		case provisioning.EntitlementLibrary:
			libraries[g.Library]++
		case provisioning.EntitlementGroup:
		}
	}
	if !reflect.DeepEqual(roles, libraries) {
		t.Fatalf("libraries %v, roles %v", libraries, roles)
	}
	if k := p.Conflicts(rights); len(k) > 0 {
		t.Fatalf("gives %s and %s", k[0].A, k[0].B)
	}
	if !b.Fits && len(b.Given)+len(b.Withheld) > 0 {
		t.Fatal("gives what nothing that fits gives")
	}
	not := func(e provisioning.Entitlement, what string) {
		if _, given := b.Gives(e); given {
			t.Fatalf("%s is given and %s", e, what)
		}
		if p.NotGiven(b, e) == "" {
			t.Fatalf("%s is not given, and nothing says why", e)
		}
	}
	for _, h := range b.Withheld {
		not(h.Entitlement, "withheld")
		if k, broken := p.ConflictsWith(h.Entitlement, []provisioning.Entitlement{h.Other}); !broken {
			t.Fatalf("%s is withheld for %s: %+v", h.Entitlement, h.Other, k)
		}
	}
	for _, o := range b.Overruled {
		not(o.Entitlement, "overruled")
	}
	for _, l := range b.Lapsed {
		not(l.Entitlement, "lapsed")
	}
}

// TestPatterns: a pattern fits exactly the texts that the same expression with .* fits.
func TestPatterns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab/*]{1,8}`).Draw(t, "pattern")
		p, err := policy.Parse(fmt.Appendf(nil, "[[birthright]]\nlocation = 'x'\noffice = %q", pattern), nil)
		if err != nil {
			t.Fatal(err)
		}
		expression := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$")
		for range 20 {
			office := rapid.StringMatching(`[ab/]{0,10}`).Draw(t, "office")
			person := provisioning.Person{Office: strings.ToUpper(office)}
			if b := p.Birthright(&person, time.Time{}); b.Fits != expression.MatchString(office) {
				t.Fatalf("%s fits %s: %v", pattern, office, b.Fits)
			}
		}
	})
}

// TestGuardingNeverProtectsLess: what either policy protects or keeps apart, both together do; no limit is larger; whom it gives what
// is the first one's, but for what more walls withhold.
func TestGuardingNeverProtectsLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func() *policy.Policy {
			p, err := policy.Parse([]byte(policytest.Policy(t)), nil)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		one, other := draw(), draw()
		both := one.Guarding(other)
		for _, id := range policytest.IDs() {
			for _, p := range []*policy.Policy{one, other} {
				_, protected := p.Protected(id)
				if _, still := both.Protected(id); (protected && !still) || (p.Listed(id) && !both.Listed(id)) {
					t.Fatalf("%s was protected", id)
				}
			}
		}
		rights := policytest.Groups(t)
		for _, p := range []*policy.Policy{one, other} {
			if len(both.Conflicts(rights)) < len(p.Conflicts(rights)) {
				t.Fatal("a wall is gone")
			}
			if both.Limits.Count > p.Limits.Count || both.Limits.Percent > p.Limits.Percent || both.Limits.Day > p.Limits.Day ||
				both.Limits.Week > p.Limits.Week || both.Limits.Stale > p.Limits.Stale {
				t.Fatalf("a limit is larger: %+v", both.Limits)
			}
		}
		person, at := policytest.Person(t), policytest.Moment(t)
		mine, now := one.Birthright(&person, at), both.Birthright(&person, at)
		for _, g := range now.Given {
			if _, given := mine.Gives(g.Entitlement); !given {
				t.Fatalf("%s is given by the other's rules", g)
			}
		}
		if len(mine.Given)+len(mine.Withheld) != len(now.Given)+len(now.Withheld) {
			t.Fatalf("%s, and guarded %s", given(mine), given(now))
		}
	})
}

// TestAtOnce: many ask one policy at the same time, and each gets what one alone gets.
func TestAtOnce(t *testing.T) {
	const text = wallsText + "[[birthright]]\ngroup = 'G*'\noffice = 'O*'\nlibraries = { L = '' }\ngroups = ['*/DEAL-KITE']\n[[mapping]]\ndirectory = 'okta'\ngroup = 'G1'\ngives = ['L/DEAL-HERON']"
	p := parse(t, text)
	at := time.Now()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 400 {
				person := provisioning.Person{
					Key: provisioning.PersonKey{Directory: "okta"}, Office: fmt.Sprint("O", i%7), Groups: []string{fmt.Sprint("G", i%5), fmt.Sprint("H", i)},
				}
				want := "L=DEFAULT L/DEAL-KITE"
				if i%5 == 1 {
					want = "L=DEFAULT"
				}
				if b := p.Birthright(&person, at); given(b) != want {
					t.Errorf("%d: %s", i, given(b))
				}
				p.Conflicts(held(fmt.Sprintf("L/DEAL-KITE%d L/DEAL-HERON", i)))
			}
		})
	}
	all.Wait()
}

// FuzzParse: whatever the bytes, Parse ends with a policy that keeps its word or with an error that says what is invalid.
func FuzzParse(f *testing.F) {
	f.Add("protected = ['A*']\nungoverned = ['*/X', 'EUR-*']\nwalls_csv = 'w.csv'\n"+wallsText, "wall,group\nk,*/A\nk,*/B\n")
	f.Add("[[grade]]\nname = 'partner'\ntitles = ['*Partner*']\n[[birthright]]\ngrade = 'partner'\nlibraries = { LON = '' }\ngroups = ['*/ALL']", "")
	f.Add("[[exception]]\nwho = 'x'\ngroups = ['L/A']\nuntil = 2026-12-31\nreason = 'r'\n[[mapping]]\ngroup = 'G'\ngives = ['/A']", "\ufeffWALL;Group\nk;/A\n\"k\";*/*\n")
	f.Add("[[birthright]]\noffice = ['', 7]\n", "\xff\xfe")
	f.Add("[licence]\ncurrency = 'GBP'\ndormant = [1, 2]\ngrace = '7d'\n[[licence.class]]\nname = 'a'\nexternal = true\naccounts = ['X*']\nprice = 0.10\nrenewal = 2027-03-31\n[review]\nstale = '1h'\n", "")
	f.Fuzz(func(t *testing.T, text, csv string) {
		p, err := policy.Parse([]byte(text), func(string) ([]byte, error) { return []byte(csv), nil })
		if err != nil {
			if provisioning.CodeOf(err) != provisioning.Invalid || err.Error() == "" {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		person := associate()
		b := p.Birthright(&person, time.Unix(1_800_000_000, 0))
		var rights []provisioning.Entitlement
		for _, g := range b.Given {
			rights = append(rights, g.Entitlement)
		}
		if k := p.Conflicts(rights); len(k) > 0 {
			t.Fatalf("gives %s and %s", k[0].A, k[0].B)
		}
		for _, w := range p.Walls {
			if w.Name == "" || len(w.Groups) < 2 {
				t.Fatalf("wall %+v", w)
			}
		}
		l := &p.Licences
		if len(l.Dormant) == 0 || l.Reclaim < 1 || l.Grace < 24*time.Hour || p.Review.Stale < time.Minute {
			t.Fatalf("%+v, %+v", *l, p.Review)
		}
		for i := range l.Classes {
			c := &l.Classes[i]
			if c.Name == "" || c.Price < 0 || (c.Price > 0 && (l.Currency == "" || !c.Billable)) || c.Term(time.Unix(1_800_000_000, 0)) < 0 {
				t.Fatalf("%+v", *c)
			}
		}
		p.Check(policy.World{People: []*provisioning.Person{&person}, Holders: []policy.Holder{{Account: &provisioning.Account{ID: "X"}}, {Account: &provisioning.Account{ID: "Y"}, Person: &person}}})
	})
}
