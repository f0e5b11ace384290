package staging

import (
	"fmt"
	"strings"

	"rollcall/provisioning"
)

// aspect is what a change and its inverse are both about.
type aspect struct{ what, account, library, object string }

// aspectOf says what a change is about, and what it makes of it; a role in a library is one thing whatever the role.
func aspectOf(c provisioning.Change) (of aspect, before, after string) {
	of = aspect{account: strings.ToUpper(c.Account), library: c.Library, object: c.Object}
	before, after = c.Before, c.After
	there := func(value string) string {
		if value == provisioning.ValueAbsent {
			return value
		}
		return provisioning.ValueMember
	}
	switch c.Kind {
	case provisioning.DisableAccount, provisioning.EnableAccount:
		of.what = "account"
	case provisioning.CreateAccount:
		of.what, after = "account", provisioning.ValueEnabled
	case provisioning.AssignLibrary, provisioning.RemoveLibrary:
		of.what, before, after = "library", there(before), there(after)
	case provisioning.JoinGroup, provisioning.LeaveGroup:
		of.what = "group"
	case provisioning.RemoveGlobalRole, provisioning.GiveGlobalRole:
		of.what = "global role"
	default:
		of.what = string(c.Kind)
	}
	return of, before, after
}

// undone holds what repeats a change that was undone in the last 24 h: whoever undid it had a reason (threats G1).
func (g *judge) undone() []provisioning.Verdict {
	type effect struct {
		of    aspect
		after string
	}
	reversed := make(map[effect]bool, len(g.Undone))
	for _, c := range g.Undone {
		of, before, _ := aspectOf(c)
		reversed[effect{of, before}] = true
	}
	if len(reversed) == 0 {
		return nil
	}
	return g.trigger("undone", "%d would have done again what was undone in the last 24 h", func(u *provisioning.Unit) string {
		for i := range u.Ops {
			c := u.Ops[i].Change
			if of, _, after := aspectOf(c); reversed[effect{of, after}] {
				return strings.TrimSpace(string(c.Kind) + " " + c.Library)
			}
		}
		return ""
	})
}

// left holds what lets somebody in of whom a directory says, or a whole read has shown, that they have left.
func (g *judge) left() []provisioning.Verdict {
	var byName map[string]*provisioning.Person
	return g.trigger("left", "%d would be let in who have left", func(u *provisioning.Unit) string {
		if !does(u, provisioning.EnableAccount) && !does(u, provisioning.CreateAccount) {
			return ""
		}
		person := g.people[u.Person]
		if u.Person.IsZero() {
			if byName == nil {
				byName = make(map[string]*provisioning.Person, len(g.people))
				for _, p := range g.people {
					byName[strings.ToUpper(p.SSOName)] = p
				}
			}
			person = byName[strings.ToUpper(u.Account)]
		}
		switch {
		case person != nil && person.Status.Ended():
			return "the directory says " + string(person.Status)
		case person == nil && g.absent[u.Person] != nil:
			return "not in the last read: " + g.absent[u.Person].How
		default:
			return ""
		}
	})
}

// trigger holds for those of whom why says something. A guard of this kind is told only where it holds.
func (g *judge) trigger(guard, sentence string, why func(*provisioning.Unit) string) []provisioning.Verdict {
	v := provisioning.Verdict{Guard: guard, Releasable: true}
	for i := range g.batch.Units {
		u := &g.batch.Units[i]
		if said := why(u); said != "" {
			v.Holds = true
			v.People = append(v.People, fmt.Sprintf("%s (%s)", u.Name, said))
			v.Accounts = append(v.Accounts, strings.ToUpper(u.Account))
		}
	}
	if !v.Holds {
		return nil
	}
	v.Sentence = fmt.Sprintf(sentence, len(v.People))
	return []provisioning.Verdict{v}
}
