package policy

import (
	"strings"
	"time"

	"rollcall/provisioning"
)

// Review says how access reviews are held.
type Review struct {
	// Undecided is what becomes of what nobody decided: provisioning.UndecidedKeep, UndecidedRevoke or UndecidedEscalate.
	Undecided string
	// SelfReview lets people decide on their own access.
	SelfReview bool
	// Fallback decides what nobody else may: an operator's name or somebody's email. "": nobody.
	Fallback string
	// Stale is how old the roll may be on which a review is opened.
	Stale time.Duration
	// RefuseUnproven refuses a review on a source that was not read whole; else it warns.
	RefuseUnproven bool
}

func defaultReview() Review {
	return Review{Undecided: provisioning.UndecidedEscalate, Stale: time.Hour, RefuseUnproven: true}
}

// fileReview is the file's table.
type fileReview struct {
	Undecided  string `toml:"undecided"`
	SelfReview bool   `toml:"self_review"`
	Fallback   string `toml:"fallback"`
	Stale      string `toml:"stale"`
	Unproven   string `toml:"unproven"`
}

// setReview takes the file's table.
func (p *Policy) setReview(f fileReview) error {
	r := defaultReview()
	switch f.Undecided {
	case "":
	case provisioning.UndecidedKeep, provisioning.UndecidedRevoke, provisioning.UndecidedEscalate:
		r.Undecided = f.Undecided
	default:
		return invalid("review: undecided is keep, revoke or escalate, not %q", f.Undecided)
	}
	if f.Stale != "" {
		d, err := time.ParseDuration(f.Stale)
		if err != nil || d < time.Minute || d > longest {
			return invalid("review: stale is a time from 1m to 168h, not %q", f.Stale)
		}
		r.Stale = d
	}
	switch f.Unproven {
	case "", "refuse":
	case "warn":
		r.RefuseUnproven = false
	default:
		return invalid("review: unproven is refuse or warn, not %q", f.Unproven)
	}
	r.SelfReview, r.Fallback = f.SelfReview, strings.TrimSpace(f.Fallback)
	p.Review = r
	return nil
}

// stricter is the review that lets less through than either. What becomes of the undecided is nothing that protects: the policy's own
// word counts, but for keeping.
func (r Review) stricter(other Review) Review {
	if r.Undecided == provisioning.UndecidedKeep && other.Undecided != provisioning.UndecidedKeep {
		r.Undecided = provisioning.UndecidedEscalate
	}
	r.SelfReview = r.SelfReview && other.SelfReview
	r.Stale = min(r.Stale, other.Stale)
	r.RefuseUnproven = r.RefuseUnproven || other.RefuseUnproven
	return r
}
