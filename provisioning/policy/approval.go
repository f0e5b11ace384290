package policy

import (
	"fmt"
	"time"
)

// Approval says which batches need a second person's approval (DESIGN 5, four eyes). The zero value asks for none.
type Approval struct {
	// Batches are "losing": those that take access away; "all": every one; "": none but what the others name.
	Batches string `toml:"batches"`
	// People is from how many people on: those who lose access, or of "all" those in the batch.
	People int `toml:"people"`
	// Releases: a held batch that an operator released needs a second one.
	Releases bool `toml:"releases"`
	// Rehires: an account that is opened again for somebody needs one.
	Rehires bool `toml:"rehires"`
	// Policy: another policy counts only once a second person approved it too (threats G2).
	Policy bool `toml:"policy"`
	// Valid is how long an approval counts; a day where none is given (threats H1).
	Valid   time.Duration `toml:"-"`
	ValidIn string        `toml:"valid"`
}

// Weighs is what a batch comes to, for the need of an approval.
type Weighs struct {
	People   int  // in it
	Lose     int  // of them lose access
	Opens    int  // accounts that are opened again
	Released bool // an operator released a guard's hold
}

// Needs says why a batch needs a second person's approval, "" where it does not.
func (a Approval) Needs(w Weighs) string {
	least := max(a.People, 1)
	switch {
	case a.Batches == "all" && w.People >= least:
		return fmt.Sprintf("the policy asks for it from %s on", count(least, "person", "people"))
	case a.Batches == "losing" && w.Lose >= least:
		return fmt.Sprintf("%s access, and the policy asks for it from %d on", count(w.Lose, "person loses", "people lose"), least)
	case a.Releases && w.Released:
		return "an operator released what a guard held"
	case a.Rehires && w.Opens > 0:
		return count(w.Opens, "account is", "accounts are") + " opened again"
	default:
		return ""
	}
}

// Rules are what it asks for, each as a short sentence, always as many.
func (a Approval) Rules() []string {
	batches := a.Batches
	if batches == "" {
		batches = "none"
	}
	return []string{
		fmt.Sprintf("batches: %s from %s on", batches, count(max(a.People, 1), "person", "people")), fmt.Sprintf("releases: %t", a.Releases),
		fmt.Sprintf("rehires: %t", a.Rehires), fmt.Sprintf("policy: %t", a.Policy), fmt.Sprintf("valid: %s", a.Valid),
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

const (
	approvalFor = 24 * time.Hour
	longest     = 7 * 24 * time.Hour
)

// setApproval takes the file's table.
func (p *Policy) setApproval(a Approval) error {
	if a.Batches != "" && a.Batches != "none" && a.Batches != "losing" && a.Batches != "all" {
		return invalid("approval: batches is none, losing or all, not %q", a.Batches)
	}
	if a.People < 0 {
		return invalid("approval: people is a number of people, not %d", a.People)
	}
	a.Valid = approvalFor
	if a.ValidIn != "" {
		d, err := time.ParseDuration(a.ValidIn)
		if err != nil || d < time.Minute || d > longest {
			return invalid("approval: valid is a time from 1m to 168h, not %q", a.ValidIn)
		}
		a.Valid = d
	}
	p.Approval = a
	return nil
}
