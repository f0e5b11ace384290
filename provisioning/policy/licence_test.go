package policy_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
)

// TestLicences: the tables of seats and reviews as they are read, their defaults, and what is refused with the rule named.
func TestLicences(t *testing.T) {
	p, err := policy.Parse([]byte(`
[licence]
currency = "GBP"
dormant = [30, 45]
grace = "7d"
[[licence.class]]
name = "external"
external = true
price = 120.5
[[licence.class]]
name = "partner"
title = "Partner*"
office = ["London", "Leeds"]
price = "1000.01"
renewal = 2027-03-31
[[licence.class]]
name = "rest"
billable = false
[review]
undecided = "revoke"
self_review = true
fallback = " l.ortiz "
stale = "30m"
unproven = "warn"
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	l := p.Licences
	if l.Currency != "GBP" || len(l.Dormant) != 2 || l.Reclaim != 45 || l.Grace != 7*24*time.Hour || len(l.Classes) != 3 || l.Classes[0].Price != 12050 || l.Classes[1].Price != 100001 || l.Classes[1].Renewal.IsZero() {
		t.Errorf("%+v", l)
	}
	if want := (policy.Review{Undecided: "revoke", SelfReview: true, Fallback: "l.ortiz", Stale: 30 * time.Minute}); p.Review != want {
		t.Errorf("%+v", p.Review)
	}
	person := func(title, office string) *provisioning.Person {
		return &provisioning.Person{Title: title, Office: office}
	}
	for name, c := range map[string]struct {
		a    provisioning.Account
		p    *provisioning.Person
		want string
	}{
		"an external": {provisioning.Account{ID: "A", External: true}, person("Partner", "London"), "external"}, "a partner": {provisioning.Account{ID: "A"}, person("partner, tax", "leeds"), "partner"},
		"one elsewhere": {provisioning.Account{ID: "A"}, person("Partner", "Paris"), "rest"}, "nobody's": {provisioning.Account{ID: "A"}, nil, "rest"},
	} {
		if got := p.Seat(&c.a, c.p); got == nil || got.Name != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
	d := policy.Default()
	if d.Licences.Reclaim != 90 || d.Licences.Grace != 14*24*time.Hour || d.Seat(&provisioning.Account{ID: "A"}, nil) != nil || d.Review.Undecided != provisioning.UndecidedEscalate || !d.Review.RefuseUnproven || d.Review.Stale != time.Hour {
		t.Errorf("%+v, %+v", d.Licences, d.Review)
	}
	both := p.Guarding(d)
	if both.Review.SelfReview || !both.Review.RefuseUnproven || both.Review.Stale != 30*time.Minute || both.Licences.Reclaim != 90 || both.Licences.Grace != 14*24*time.Hour {
		t.Errorf("guarded: %+v, %+v", both.Review, both.Licences)
	}
	class := "[licence]\ncurrency = \"GBP\"\n[[licence.class]]\nname = \"a\"\n"
	for text, want := range map[string]string{
		"[licence]\ncurrency = \"pounds\"": "three capitals", "[licence]\ndormant = [60, 30]": "more than the one before", "[licence]\ngrace = \"2w\"": "grace", "[licence]\ngrace = \"0d\"": "grace",
		"[licence]\nreclaim = -1": "reclaim", class: "needs a price", class + "price = 1.005": "two decimals", class + "price = -1": "two decimals", class + "price = true": "price",
		class + "price = 119.99999999999999999": "two decimals", class + "price = 1.005e2": "two decimals", class + "price = ''": "needs a price", class + "price = ' '": "two decimals",
		class + "price = 1\naccounts = []": "leave it out", class + "price = 1_000_000.01": "up to 1000000", class + "price = [1]": "price",
		class + "price = 1\nbillable = false": "not billable", class + "price = 1\naccounts = [\"LON/ALL\"]": "no account id", class + "price = 1\ngrade = \"none\"": "conditions",
		class + "price = 1\n[[licence.class]]\nname = \"A\"\nprice = 1": "two classes", "[[licence.class]]\nname = \"a\"\nprice = 1": "no currency", class + "price = 99999999": "two decimals",
		"[review]\nundecided = \"forget\"": "keep, revoke or escalate", "[review]\nstale = \"8d\"": "stale", "[review]\nunproven = \"maybe\"": "refuse or warn", "[review]\nother = 1": "other",
	} {
		if _, err := policy.Parse([]byte(text), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestPrices: an amount is what stands in the file to the penny, written as a number or as a text; with a third decimal it is none.
func TestPrices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pence := rapid.Int64Range(0, 1_000_000_00).Draw(t, "pence")
		said := fmt.Sprintf("%d.%02d", pence/100, pence%100)
		if rapid.Bool().Draw(t, "text") {
			said = strconv.Quote(said)
		}
		const class = "[licence]\ncurrency = 'GBP'\n[[licence.class]]\nname = 'a'\nprice = "
		p, err := policy.Parse([]byte(class+said), nil)
		if err != nil || int64(p.Licences.Classes[0].Price) != pence {
			t.Fatalf("%s: %+v, %v", said, p, err)
		}
		more := fmt.Sprintf("%d.%02d%d", pence/100, pence%100, rapid.IntRange(0, 9).Draw(t, "third"))
		if _, err := policy.Parse([]byte(class+more), nil); provisioning.CodeOf(err) != provisioning.Invalid {
			t.Fatalf("%s: %v", more, err)
		}
	})
}

// TestTerm: what is left of a contract, by the day.
func TestTerm(t *testing.T) {
	noon := func(year int, month time.Month, day int) time.Time {
		return time.Date(year, month, day, 12, 0, 0, 0, time.Local)
	}
	renewal := func(year int, month time.Month, day int) time.Time {
		return time.Date(year, month, day, 0, 0, 0, 0, time.Local)
	}
	for name, c := range map[string]struct {
		from, renewal time.Time
		want          provisioning.Money
	}{
		"none is known":                 {noon(2026, 11, 25), time.Time{}, 0},
		"it was yesterday":              {noon(2026, 11, 25), renewal(2026, 11, 24), 0},
		"it is today":                   {noon(2026, 11, 25), renewal(2026, 11, 25), 0},
		"a day":                         {noon(2026, 11, 25), renewal(2026, 11, 26), 100},
		"a year to the day":             {noon(2026, 11, 25), renewal(2027, 11, 25), 36500},
		"a day less":                    {noon(2026, 11, 26), renewal(2027, 11, 25), 36400},
		"a leap year less a day":        {noon(2027, 3, 2), renewal(2028, 3, 1), 36400}, // 365 of 366 days are 36400.27
		"three years and a day":         {noon(2026, 11, 24), renewal(2029, 11, 25), 3*36500 + 100},
		"from a leap day":               {noon(2028, 2, 29), renewal(2029, 2, 28), 36400}, // the year began the day before, and has 366
		"to a leap day":                 {noon(2027, 3, 1), renewal(2028, 2, 29), 36500},
		"in the last minute of the day": {time.Date(2026, 11, 25, 23, 59, 0, 0, time.Local), renewal(2026, 11, 27), 200},
	} {
		class := policy.SeatClass{Price: 36500, Renewal: c.renewal}
		if got := class.Term(c.from); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	half := policy.SeatClass{Price: 1, Renewal: renewal(2028, 3, 1)} // 183 days of 366
	if got := half.Term(noon(2027, 8, 31)); got != 1 {
		t.Errorf("half a penny is %d", got)
	}
	rapid.Check(t, func(t *rapid.T) { // a day later is never more, and a whole year is always the price
		class := policy.SeatClass{Price: provisioning.Money(rapid.Int64Range(0, 1_000_000_00).Draw(t, "price")), Renewal: renewal(rapid.IntRange(2026, 2040).Draw(t, "year"), time.Month(rapid.IntRange(1, 12).Draw(t, "month")), rapid.IntRange(1, 28).Draw(t, "day"))}
		from := noon(2026, 1, rapid.IntRange(1, 5000).Draw(t, "from"))
		if now, next := class.Term(from), class.Term(from.AddDate(0, 0, 1)); now < next || next < 0 {
			t.Fatalf("%d, and the day after %d", now, next)
		}
		if got := class.Term(class.Renewal.AddDate(-2, 0, 0)); got != 2*class.Price {
			t.Fatalf("two years are %d, at %d", got, class.Price)
		}
	})
}

// TestGuardingReviews: of two policies the rules of reviews that count are never laxer than either's.
func TestGuardingReviews(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(who string) *policy.Policy {
			p := policy.Default()
			p.Review = policy.Review{
				Undecided:  rapid.SampledFrom([]string{provisioning.UndecidedKeep, provisioning.UndecidedRevoke, provisioning.UndecidedEscalate}).Draw(t, who+" undecided"),
				SelfReview: rapid.Bool().Draw(t, who+" self"), Stale: time.Duration(rapid.IntRange(1, 100).Draw(t, who+" stale")) * time.Minute, RefuseUnproven: rapid.Bool().Draw(t, who+" refuses"),
			}
			p.Licences.Reclaim, p.Licences.Grace = rapid.IntRange(1, 365).Draw(t, who+" reclaim"), time.Duration(rapid.IntRange(1, 90).Draw(t, who+" grace"))*24*time.Hour
			return p
		}
		a, b := draw("a"), draw("b")
		both := a.Guarding(b)
		for _, one := range []*policy.Policy{a, b} {
			r := both.Review
			if r.Stale > one.Review.Stale || (r.SelfReview && !one.Review.SelfReview) || (!r.RefuseUnproven && one.Review.RefuseUnproven) ||
				(r.Undecided == provisioning.UndecidedKeep && one.Review.Undecided != provisioning.UndecidedKeep) || both.Licences.Reclaim < one.Licences.Reclaim || both.Licences.Grace < one.Licences.Grace {
				t.Fatalf("%+v, %+v is laxer than %+v", r, both.Licences, one.Review)
			}
		}
	})
}

// TestCheckLicences: what is doubtful in the classes of seats, each told once, where it stands.
func TestCheckLicences(t *testing.T) {
	const head, all = "[licence]\ncurrency = 'GBP'\n", "[[licence.class]]\nname = 'all'\nprice = 1\n"
	class := func(name, conditions string) string {
		return "[[licence.class]]\nname = '" + name + "'\nprice = 1\n" + conditions + "\n"
	}
	ann := &provisioning.Person{Office: "London", Title: "Partner"}
	holders := []policy.Holder{{Account: &provisioning.Account{ID: "ANN"}, Person: ann}, {Account: &provisioning.Account{ID: "SVC_1"}}, {Account: &provisioning.Account{ID: "X", External: true}}}
	for name, c := range map[string]struct {
		text string
		with []policy.Holder
		want []string
	}{
		"no classes":             {"", holders, nil},
		"good":                   {head + class("services", "accounts = ['SVC_*']") + class("external", "external = true") + class("partners", "title = 'Partner'\nrenewal = 2026-11-25") + all, holders[:3:3], []string{"warning, class 4 (all): fits no account"}},
		"nothing is known":       {head + class("external", "external = true") + all, nil, nil},
		"after everybody":        {head + all + class("external", "external = true"), holders, []string{"missing, class 2 (external): can never count: class 1 (all) stands before it and fits all that it fits"}},
		"covered":                {head + class("a", "office = 'Lon*'") + class("b", "office = 'London'\ntitle = 'Partner'") + all, holders, []string{"missing, class 2 (b): can never count: class 1 (a) stands before it and fits all that it fits"}},
		"covered ids":            {head + class("a", "accounts = ['SVC_*']") + class("b", "accounts = ['svc_scan*', 'SVC_1']") + all, holders, []string{"missing, class 2 (b): can never count: class 1 (a) stands before it and fits all that it fits"}},
		"not surely covered":     {head + class("a", "accounts = ['*]']") + class("b", "accounts = ['SVC_[12]']") + class("c", "office = '*'\nexternal = false") + all, holders, []string{"warning, class 1 (a): fits no account"}},
		"a person is needed":     {head + class("a", "office = '*'") + all, holders, nil},
		"external is no other":   {head + class("a", "external = true") + class("b", "external = false"), holders, []string{"warning, licence: every class has conditions: an account that none fits has no price"}},
		"some have none":         {head + class("a", "external = true"), holders, []string{"warning, licence: no class fits 2 accounts: they are counted, and nobody knows what they cost"}},
		"the renewal has passed": {head + class("a", "renewal = 2026-11-24"), nil, []string{"warning, class 1 (a): its renewal was on 24 Nov 2026: write the next one"}},
	} {
		p, err := policy.Parse([]byte(c.text), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got []string
		for _, r := range p.Check(policy.World{At: time.Date(2026, 11, 25, 12, 0, 0, 0, time.Local), Holders: c.with}) {
			got = append(got, fmt.Sprintf("%s, %s: %s", r.Severity, r.Where, r.Text))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %s\nwant %s", name, strings.Join(got, "\n     "), strings.Join(c.want, "\n     "))
		}
	}
}

// TestNoClassIsCalledDeadThatCounts: a class of which it is told that it can never count fits nobody, whoever comes.
func TestNoClassIsCalledDeadThatCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := "[licence]\ncurrency = 'GBP'\n"
		pick := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(t, label) }
		for i := range rapid.IntRange(2, 5).Draw(t, "classes") {
			text += fmt.Sprintf("[[licence.class]]\nname = 'c%d'\nprice = 1\n", i)
			text += pick("external", "", "", "external = true\n", "external = false\n")
			text += pick("accounts", "", "", "accounts = ['*']\n", "accounts = ['A?']\n", "accounts = ['A*', '?']\n", "accounts = ['[AB]B']\n", "accounts = ['*B']\n", "accounts = ['*B]']\n", "accounts = ['AB']\n")
			text += pick("office", "", "", "office = '*'\n", "office = 'L*'\n", "office = ['London', 'Leeds']\n", "office = 'London'\n")
			text += pick("title", "", "", "title = '*'\n", "title = 'P*'\n")
		}
		p, err := policy.Parse([]byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		dead := make(map[string]bool)
		for _, r := range p.Check(policy.World{}) {
			if strings.Contains(r.Text, "can never count") {
				_, name, _ := strings.Cut(r.Where, "(")
				dead[strings.TrimSuffix(name, ")")] = true
			}
		}
		for _, id := range []string{"A", "AB", "AC", "BB", "ABC", "B]", "Z"} {
			for _, external := range []bool{false, true} {
				people := []*provisioning.Person{nil}
				for _, office := range []string{"", "London", "Leeds", "Lyon", "Oslo"} {
					people = append(people, &provisioning.Person{Office: office}, &provisioning.Person{Office: office, Title: "Partner"})
				}
				for _, person := range people {
					if c := p.Seat(&provisioning.Account{ID: id, External: external}, person); c != nil && dead[c.Name] {
						t.Fatalf("%s counts %s, and was called dead:\n%s", c.Name, id, text)
					}
				}
			}
		}
	})
}
