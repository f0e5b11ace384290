package certify

import (
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/names"
)

// Act is what somebody wants to do with an item.
type Act struct {
	Reviewer provisioning.Reviewer // whose decision it is
	// By is who enters it at the console: they may not decide on their own access in another's name either. Zero where a reviewer's own
	// signed answer is taken in.
	By      provisioning.Reviewer
	Verdict provisioning.ReviewVerdict // "" takes a verdict back
	Reason  string                     // of an ask: the question
	To      provisioning.Reviewer      // of a delegation
}

// mails are the mailboxes of a reviewer: one without a console has theirs for a key.
func mails(r *provisioning.Reviewer) []names.LoginKey {
	var keys []names.LoginKey
	for _, m := range [...]string{r.Email, r.Key} {
		if !strings.Contains(m, "@") {
			continue
		}
		if k, err := names.Login(strings.TrimSpace(m)); err == nil {
			keys = append(keys, k)
		}
	}
	return keys
}

// Own reports whether an item is a reviewer's own access: they are the same person in the directory, or have the same account, or the
// same mailbox. Any one of them is enough.
func Own(it *provisioning.ReviewItem, r provisioning.Reviewer) bool {
	if !it.Person.IsZero() && it.Person == r.Person {
		return true
	}
	if r.Account != "" && strings.EqualFold(it.Account, r.Account) {
		return true
	}
	mail, err := names.Login(strings.TrimSpace(it.Email))
	if err != nil {
		return false
	}
	for _, k := range mails(&r) {
		if k == mail {
			return true
		}
	}
	return false
}

// May reports whether somebody may do something with an item, and why not: the campaign takes decisions no more (Stale), the stage does not
// see the item or it is not theirs to decide (Held), it is their own access (Held), or the wish makes no sense (Invalid). An item whose
// reviewer is nobody is the fallback's, who may decide on every item that waits too long. A due date that has passed stops nobody: what is
// overdue is better decided late than never (Overdue).
func May(c *provisioning.Campaign, it *provisioning.ReviewItem, s *State, a Act) error {
	refuse := func(code provisioning.Code, message, hint string) error {
		return &provisioning.Error{Code: code, Message: message, Hint: hint}
	}
	switch {
	case c.State != provisioning.CampaignOpen:
		return refuse(provisioning.Stale, "the campaign is "+string(c.State)+": it takes no more decisions", "open another one")
	case !s.Here:
		return refuse(provisioning.Held, "this stage does not decide on the item", "the stage before has decided it")
	case a.Reviewer.Key == "":
		return refuse(provisioning.Invalid, "nobody is named whose decision it is", "say which reviewer decides")
	case s.Reviewer != a.Reviewer.Key && (c.Fallback == "" || c.Fallback != a.Reviewer.Key):
		hint := "nobody may decide on it yet: have it given to a reviewer"
		if s.Reviewer != "" {
			hint = "it is " + s.Reviewer + "'s: ask them to decide it, or to hand it over"
		}
		return refuse(provisioning.Held, "the item is not "+a.Reviewer.Key+"'s to decide", hint)
	}
	switch a.Verdict {
	case provisioning.ReviewKeep, provisioning.ReviewRevoke, "":
	case provisioning.ReviewAsk:
		if strings.TrimSpace(a.Reason) == "" {
			return refuse(provisioning.Invalid, "a question without words", "say what you need to know")
		}
	case provisioning.ReviewDelegate:
		return mayHandOver(c, it, s, a, refuse)
	default:
		return refuse(provisioning.Invalid, "there is no verdict "+string(a.Verdict), "keep, revoke, ask or delegate")
	}
	if !c.SelfReview && (Own(it, a.Reviewer) || Own(it, a.By)) {
		return refuse(provisioning.Held, "nobody decides on their own access here", "hand it to another reviewer")
	}
	return nil
}

// mayHandOver holds a delegation. One may hand on one's own access: that is how it gets to somebody who may decide.
func mayHandOver(c *provisioning.Campaign, it *provisioning.ReviewItem, s *State, a Act, refuse func(code provisioning.Code, message, hint string) error) error {
	switch {
	case a.To.Key == "":
		return refuse(provisioning.Invalid, "nobody is named to whom it is handed over", "name a reviewer")
	case a.To.Key == s.Reviewer:
		return refuse(provisioning.Invalid, "the item is "+a.To.Key+"'s already", "name another reviewer")
	case !c.SelfReview && Own(it, a.To):
		return refuse(provisioning.Held, "it is the access of "+a.To.Key+", and nobody decides on their own here", "name another reviewer")
	}
	return nil
}

// Overdue reports whether the stage under way should have ended.
func Overdue(c *provisioning.Campaign, at time.Time) bool {
	if c.State != provisioning.CampaignOpen || c.Stage < 0 || c.Stage >= len(c.Stages) {
		return false
	}
	due := c.Stages[c.Stage].Due
	return !due.IsZero() && at.After(due)
}
