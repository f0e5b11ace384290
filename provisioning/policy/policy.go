// Package policy says who should have what and who may not be touched: the guards' limits, protected, VIP and service accounts,
// which types of person are left out, and where a joiner belongs. It reads one strict TOML text and knows no system.
package policy

import (
	"fmt"
	"path"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/strict"
)

// Policy is a firm's policy. It is immutable after Parse.
type Policy struct {
	Limits        Limits   `toml:"limits"`
	ProtectedIDs  []string `toml:"protected"`      // break-glass accounts: ids, or patterns with *
	VIPs          []string `toml:"vip"`            // accounts that are never changed here
	Services      []string `toml:"service"`        // accounts of machines: ids, or patterns with *
	ExcludedTypes []string `toml:"excluded_types"` // employment types that get no account
	Homes         []Home   `toml:"home"`
}

// Limits are the guards' limits (DESIGN 5).
type Limits struct {
	Count   int           `toml:"count"`   // people who lose access in one batch
	Percent int           `toml:"percent"` // of the enabled accounts; the smaller of the two holds
	Day     int           `toml:"day"`     // people over any rolling 24 h
	Week    int           `toml:"week"`    // people over any rolling 7 days
	Stale   time.Duration `toml:"-"`       // how old a snapshot may be at the review
	StaleIn string        `toml:"stale"`
}

// Home is where a joiner belongs: the most specific rule that fits gives the preferred library, its role and its groups.
type Home struct {
	Office     string   `toml:"office"`
	Department string   `toml:"department"`
	Library    string   `toml:"library"`
	Role       string   `toml:"role"`
	Groups     []string `toml:"groups"`
}

// DefaultRole is the library role that iManage itself gives (contracts/imanage.md 7).
const DefaultRole = "DEFAULT"

// Default is the policy of a firm that wrote none: every guard on, nobody listed, no home.
func Default() *Policy {
	return &Policy{Limits: Limits{Count: 20, Percent: 10, Day: 20, Week: 40, Stale: time.Hour}}
}

// Parse reads a policy. An unknown key is an error that names the line; what is not set keeps its default.
func Parse(data []byte) (*Policy, error) {
	p := Default()
	if err := strict.Decode("policy.toml", data, p); err != nil {
		return nil, err
	}
	if p.Limits.StaleIn != "" {
		d, err := time.ParseDuration(p.Limits.StaleIn)
		if err != nil || d <= 0 {
			return nil, invalid("limits.stale is no duration such as 1h or 30m: " + p.Limits.StaleIn)
		}
		p.Limits.Stale = d
	}
	l := p.Limits
	if l.Count < 0 || l.Day < 0 || l.Week < 0 || l.Percent < 0 || l.Percent > 100 {
		return nil, invalid("limits must be 0 or more, and percent at most 100")
	}
	for _, list := range [][]string{p.ProtectedIDs, p.VIPs, p.Services} {
		for _, pattern := range list {
			if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
				return nil, invalid(fmt.Sprintf("%q is no account id or pattern", pattern))
			}
		}
	}
	for i, h := range p.Homes {
		if h.Library == "" {
			return nil, invalid(fmt.Sprintf("home %d names no library", i+1))
		}
	}
	return p, nil
}

func invalid(message string) error {
	return &provisioning.Error{Code: provisioning.Invalid, Message: "policy.toml: " + message, Hint: "mend the file"}
}

// Protected says whether, and why, an account may never be changed: break-glass or VIP (threats G2).
func (p *Policy) Protected(account string) (why string, ok bool) {
	switch {
	case matches(p.ProtectedIDs, account):
		return "break-glass account", true
	case matches(p.VIPs, account):
		return "on the VIP list", true
	default:
		return "", false
	}
}

// Service reports whether an account is a listed machine's.
func (p *Policy) Service(account string) bool { return matches(p.Services, account) }

// Listed reports whether an account is protected or a service: it is never an orphan.
func (p *Policy) Listed(account string) bool {
	_, protected := p.Protected(account)
	return protected || p.Service(account)
}

func matches(patterns []string, account string) bool {
	account = strings.ToUpper(account)
	for _, pattern := range patterns {
		if ok, err := path.Match(strings.ToUpper(pattern), account); err == nil && ok {
			return true
		}
	}
	return false
}

// InScope reports whether a person's type is one that gets an account.
func (p *Policy) InScope(person *provisioning.Person) bool {
	for _, t := range p.ExcludedTypes {
		if strings.EqualFold(t, person.Type) {
			return false
		}
	}
	return true
}

// Home gives where a person belongs: office and department, then department, then office, then the rule that names neither;
// among equals the first in the file.
func (p *Policy) Home(person *provisioning.Person) (Home, bool) {
	best, rank := Home{}, -1
	for _, h := range p.Homes {
		if (h.Office != "" && !strings.EqualFold(h.Office, person.Office)) ||
			(h.Department != "" && !strings.EqualFold(h.Department, person.Department)) {
			continue
		}
		r := 0
		if h.Office != "" {
			r++
		}
		if h.Department != "" {
			r += 2
		}
		if r > rank {
			best, rank = h, r
		}
	}
	if best.Role == "" {
		best.Role = DefaultRole
	}
	return best, rank >= 0
}
