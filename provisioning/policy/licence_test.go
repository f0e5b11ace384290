package policy_test

import (
	"strings"
	"testing"
	"time"

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
		"[licence]\nreclaim = -1": "reclaim", class: "needs a price", class + "price = 1.005": "two decimals", class + "price = -1": "two decimals", class + "price = true": "two decimals",
		class + "price = 1\nbillable = false": "not billable", class + "price = 1\naccounts = [\"LON/ALL\"]": "no account id", class + "price = 1\ngrade = \"none\"": "conditions",
		class + "price = 1\n[[licence.class]]\nname = \"A\"\nprice = 1": "two classes", "[[licence.class]]\nname = \"a\"\nprice = 1": "no currency", class + "price = 99999999": "two decimals",
		"[review]\nundecided = \"forget\"": "keep, revoke or escalate", "[review]\nstale = \"8d\"": "stale", "[review]\nunproven = \"maybe\"": "refuse or warn", "[review]\nother = 1": "other",
	} {
		if _, err := policy.Parse([]byte(text), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
