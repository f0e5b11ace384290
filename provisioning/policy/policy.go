// Package policy says who should have what and who may not be touched: what a person's office, department, title, grade, employment
// type and directory groups give (the birthright), which groups may never be held together (walls), the guards' limits, and the
// protected, VIP and service accounts. It reads one strict TOML text and the CSV of walls beside it, and knows no system.
package policy

import (
	"path"
	"slices"
	"strings"

	"rollcall/provisioning"
)

// Policy is a firm's policy. Parse, Default and Guarding make one; it is immutable afterwards and safe for concurrent use.
type Policy struct {
	Limits        Limits
	Approval      Approval
	Licences      Licences
	Review        Review
	ProtectedIDs  []string // break-glass accounts: ids, emails or groups (LIBRARY/GROUP, /GROUP), or patterns of them with *
	VIPs          []string // accounts that are never changed here, named like those
	Services      []string // accounts of machines, named like those
	ExcludedTypes []string // employment types that get no account
	Ungoverned    []string // LIBRARY/GROUP or LIBRARY, patterns with *: given by hand, never in excess
	Walls         []Wall   // those of the file and those of its CSV

	rules      []*source // the birthrights, in the file's order
	mappings   []*source
	exceptions []*source
	made       *engine
}

// Wall keeps groups apart: each of its patterns is a side, and no account may hold groups of two different sides.
type Wall struct {
	Name   string
	Groups []string // LIBRARY/GROUP, /GROUP for a global one; * stands for anything, in the library's place for a global one too
}

// DefaultRole is the library role that iManage itself gives (contracts/imanage.md 7).
const DefaultRole = "DEFAULT"

// Default is the policy of a firm that wrote none: every guard on, nobody listed, no rule.
func Default() *Policy {
	p := &Policy{Limits: defaultLimits(), Licences: defaultLicences(), Review: defaultReview()}
	p.made = compile(p)
	return p
}

// engine is what was made of the policy for quick answers. A policy that was not made by this package has none yet: it answers
// rightly, and slowly.
func (p *Policy) engine() *engine {
	if p.made != nil {
		return p.made
	}
	return compile(p)
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

// HasRules reports whether the policy gives anybody anything. Without rules nobody is compared against it.
func (p *Policy) HasRules() bool { return len(p.rules)+len(p.mappings)+len(p.exceptions) > 0 }

// Governs reports whether a right that the policy does not give may be called in excess. What the ungoverned list names is given by
// hand; a library that stands there alone leaves its role and all its groups to the hand too. What a mapping gives is kept in step
// with the directory group in both directions, and is governed whatever the list says.
func (p *Policy) Governs(e provisioning.Entitlement) bool {
	if len(p.Ungoverned) == 0 {
		return true
	}
	x := p.engine()
	for _, m := range p.mappings {
		if m.names(e) {
			return true
		}
	}
	for i := range x.ungoverned {
		if x.ungoverned[i].takes(e) {
			return false
		}
	}
	return true
}

// Guarding gives the policy with what guards of another one added, so that it never protects less than either: the protected, VIP
// and service lists and the walls of both, and the smaller of each limit. Whom it gives what is its own.
func (p *Policy) Guarding(other *Policy) *Policy {
	both := *p
	both.ProtectedIDs = union(p.ProtectedIDs, other.ProtectedIDs)
	both.VIPs = union(p.VIPs, other.VIPs)
	both.Services = union(p.Services, other.Services)
	both.Walls = slices.Clone(p.Walls)
	for _, w := range other.Walls {
		if !slices.ContainsFunc(both.Walls, func(have Wall) bool { return have.Name == w.Name && slices.Equal(have.Groups, w.Groups) }) {
			both.Walls = append(both.Walls, w)
		}
	}
	both.Limits = p.Limits.stricter(other.Limits)
	both.Review = p.Review.stricter(other.Review)
	both.Licences.Reclaim, both.Licences.Grace = max(p.Licences.Reclaim, other.Licences.Reclaim), max(p.Licences.Grace, other.Licences.Grace)
	both.made = compile(&both)
	return &both
}

func union(a, b []string) []string {
	both := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(both, s) {
			both = append(both, s)
		}
	}
	return both
}
