package desk

import (
	"fmt"
	"strings"
	"time"

	"rollcall/provisioning"
)

// rowName is what a row is called in a sentence: the person's name, or the account's, or its id.
func rowName(row *Row) string {
	switch {
	case row.Person != nil && row.Person.FullName != "":
		return row.Person.FullName
	case row.Person != nil:
		return row.Person.Login
	case len(row.Accounts) > 0 && row.Accounts[0].FullName != "":
		return row.Accounts[0].FullName
	case len(row.Accounts) > 0:
		return row.Accounts[0].ID
	default:
		return row.Key
	}
}

// lines puts a unit's changes into plain words, one a change, each with its effect and what a reviewer should know.
func (d *Desk) lines(st *compared, u *provisioning.Unit) []Line {
	lines := make([]Line, len(u.Ops))
	money, currency := d.moneyOf(st, u), d.policy().Licences.Currency
	for i := range u.Ops {
		op := &u.Ops[i]
		l := Line{Seq: op.Seq, What: what(op.Change), Effect: effect(op.Change), State: op.State, Note: d.note(st, u, op.Change)}
		if op.State == provisioning.OpByHand && l.Note == "" { // the tenant refused the call
			l.Note = "by hand: " + op.Error
		}
		if (op.Change.ByHand != "" || op.State == provisioning.OpByHand) && d.deps.HandSteps != nil {
			l.Hand = d.deps.HandSteps(op.Change)
		}
		if money != nil && money[i] != 0 {
			l.Money = money[i]
			l.Note = strings.TrimPrefix(l.Note+", ", ", ") + l.Money.More(currency) + " a year"
		}
		l.Result = op.Evidence
		if op.Error != "" {
			l.Result = op.Error
		}
		lines[i] = l
	}
	return lines
}

// Plain says a change in plain words, with its effect.
func Plain(c provisioning.Change) string { return what(c) + ": " + effect(c) }

// what says a change as a help desk would say it.
func what(c provisioning.Change) string {
	switch c.Kind {
	case provisioning.CreateAccount:
		return "create account " + c.Account
	case provisioning.EnableAccount:
		return "enable account " + c.Account
	case provisioning.DisableAccount:
		return "disable account " + c.Account
	case provisioning.SetAttribute:
		return "set " + field(c.Object)
	case provisioning.AssignLibrary:
		return "add to library " + c.Library
	case provisioning.SetLibraryRole:
		return "set role in " + c.Library
	case provisioning.JoinGroup:
		return "join group " + c.Object + within(c.Library)
	case provisioning.LeaveGroup:
		return "leave group " + c.Object + within(c.Library)
	case provisioning.RemoveLibrary:
		return "remove from library " + c.Library
	case provisioning.RemoveGlobalRole:
		return "remove global role " + c.Object
	case provisioning.GiveGlobalRole:
		return "give back global role " + c.Object
	case provisioning.TransferWorkspace:
		return "give workspace " + c.Object + " to " + c.After
	case provisioning.ReleaseLock:
		return "end the check-out of " + c.Object
	default:
		return string(c.Kind)
	}
}

func within(library string) string {
	if library == "" {
		return ""
	}
	return " in " + library
}

func field(name string) string { return strings.ReplaceAll(name, "_", " ") }

// effect says before and after.
func effect(c provisioning.Change) string {
	switch c.Kind {
	case provisioning.CreateAccount:
		if c.Profile == nil {
			return "new"
		}
		return "new: " + c.Profile.FullName + ", " + c.Profile.Email
	case provisioning.AssignLibrary:
		return "none → role " + c.After
	case provisioning.JoinGroup:
		return "no → member"
	case provisioning.LeaveGroup:
		return "member → no"
	case provisioning.RemoveLibrary:
		return "in → out"
	case provisioning.RemoveGlobalRole:
		return "held → gone"
	case provisioning.GiveGlobalRole:
		return "gone → held"
	default:
		return empty(c.Before) + " → " + empty(c.After)
	}
}

func empty(s string) string {
	if s == "" {
		return "(empty)"
	}
	return s
}

// note says what else a reviewer should know of a change.
func (d *Desk) note(st *compared, u *provisioning.Unit, c provisioning.Change) string {
	switch {
	case c.ByHand != "":
		return "by hand: " + c.ByHand
	case c.Kind == provisioning.DisableAccount && len(u.Ops) > 1:
		return "do first"
	case c.Kind == provisioning.LeaveGroup && c.Object == provisioning.NRTADMIN && st != nil:
		return fmt.Sprintf("%d others remain", st.otherAdministrators(c.Library, c.Account))
	default:
		return ""
	}
}

// Explain says a row as a sentence: what is so, what it means, what the mend would do. All raw strings.
func (d *Desk) Explain(r *Roll, index int) Explanation {
	if r == nil || index < 0 || index >= len(r.Rows) {
		return Explanation{}
	}
	row := &r.Rows[index]
	name := rowName(row)
	st := d.state.Load()
	if row.Absence != nil && !row.Absence.Proven {
		s := fmt.Sprintf("%s was not in the last read. Absence is not proven: %s. Nothing may be inferred from it.", name, row.Absence.How)
		return Explanation{Long: s, Short: s}
	}
	m := row.Worst()
	if m == nil {
		s := d.quiet(row, name)
		return Explanation{Long: s, Short: s}
	}
	long, short := d.finding(row, m, name)
	if n := len(row.Mismatches); n > 1 {
		var others []string
		for _, other := range row.Mismatches[1:] {
			others = append(others, string(other.Kind))
		}
		long += " Also: " + strings.Join(others, ", ") + "."
	}
	mend := d.mendSentence(st, row)
	return Explanation{Long: long + " " + mend, Short: short + " " + mend}
}

// quiet says a row without a mismatch.
func (d *Desk) quiet(row *Row, name string) string {
	a := row.Account()
	removal := ""
	if a != nil && !a.Enabled {
		removal, _ = d.RemovalOf(a.ID)
	}
	switch {
	case row.Person == nil && a != nil && d.policy().Service(a.ID):
		return fmt.Sprintf("%s is a listed service account.", a.ID)
	case row.Person == nil && a != nil:
		return fmt.Sprintf("%s has nobody behind it in the directory, and is %s.", a.ID, state(a))
	case removal != "":
		return fmt.Sprintf("%s: %s.", name, removal)
	case a != nil && d.lately(a.ID) != "":
		return fmt.Sprintf("%s: %s.", name, d.lately(a.ID))
	case a == nil:
		return fmt.Sprintf("%s is %s in the directory and has no account in iManage.", name, statusWord(row.Person))
	case !row.Away && !a.Enabled:
		return fmt.Sprintf("%s is %s in the directory, and the account %s is disabled: nobody can sign in with it. n prepares to open it again.", name, statusWord(row.Person), a.ID)
	case row.Away:
		return fmt.Sprintf("%s is no longer active in the directory (%s); the account %s is %s.", name, statusWord(row.Person), a.ID, state(a))
	default:
		return fmt.Sprintf("%s and the account %s agree. Linked by %s.", name, a.ID, d.linkedBy(d.state.Load(), row))
	}
}

func statusWord(p *provisioning.Person) string {
	switch {
	case p == nil:
		return "unknown"
	case p.RawStatus != "":
		return strings.ToLower(p.RawStatus)
	default:
		return string(p.Status)
	}
}

func state(a *provisioning.Account) string {
	if a.Enabled {
		return "enabled"
	}
	return "disabled"
}

// finding says a row's worst mismatch, long and short.
func (d *Desk) finding(row *Row, m *provisioning.Mismatch, name string) (long, short string) {
	a := row.Account()
	switch m.Kind {
	case provisioning.KindLeaver:
		since, age := "", ""
		if !m.Since.IsZero() {
			since = " on " + m.Since.Local().Format("2 Jan")
			age = ": " + Age(d.now().Sub(m.Since))
		}
		why := row.Person.Key.Directory + ": " + statusWord(row.Person)
		if row.Absence != nil {
			why = row.Absence.How
		} else if !m.Since.IsZero() {
			why += " " + clock(m.Since)
		}
		holds := heldBy(a)
		long = fmt.Sprintf("%s left%s (%s). The iManage account %s is still enabled%s. It holds %s.", name, since, why, a.ID, age, holds)
		short = fmt.Sprintf("%s left%s. Account still enabled%s, %s.", name, since, age, countHeld(a))
	case provisioning.KindJoiner:
		long = fmt.Sprintf("%s is active in %s and has no account in iManage: signing in shows no library.", name, row.Person.Key.Directory)
		short = name + " has no account in iManage."
	case provisioning.KindOrphan:
		id := row.Accounts[0].ID
		long = fmt.Sprintf("Nobody in the directory stands behind the enabled account %s (%s). It holds %s.", id, name, heldBy(row.Accounts[0]))
		short = fmt.Sprintf("Nobody stands behind %s: %s.", id, countHeld(row.Accounts[0]))
	default:
		long = fmt.Sprintf("%s: %s.", name, strings.TrimSuffix(m.Detail, "."))
		short = long
	}
	return long, short
}

// heldBy names what an account may open, the dangerous last.
func heldBy(a *provisioning.Account) string {
	var parts []string
	for _, m := range a.Memberships {
		parts = append(parts, m.Library)
	}
	for _, library := range a.Administers() {
		parts = append(parts, provisioning.NRTADMIN+" in "+library)
	}
	groups := 0
	for _, g := range a.Groups {
		if g.Group != provisioning.NRTADMIN {
			groups++
		}
	}
	if groups > 0 {
		parts = append(parts, plural(groups, "group"))
	}
	for _, r := range a.GlobalRoles {
		parts = append(parts, "global role "+r)
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

func countHeld(a *provisioning.Account) string {
	s := plural(len(a.Memberships), "library") + ", " + plural(len(a.Groups), "group")
	if len(a.Administers()) > 0 {
		s += ", " + provisioning.NRTADMIN
	}
	return s
}

// plural counts a noun in plain English.
func plural(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "ry"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(noun, "y"))
	default:
		return fmt.Sprintf("%d %ss", n, noun)
	}
}

// mendSentence says what staging would do, or why it would not.
func (d *Desk) mendSentence(st *compared, row *Row) string {
	if st == nil {
		return ""
	}
	mend := d.mend(st, row)
	changes := mend.Changes
	if mend.Hold != "" {
		return "Held: " + strings.TrimSuffix(mend.Hold, ".") + "."
	}
	if len(changes) == 0 {
		return ""
	}
	if changes[0].Kind == provisioning.DisableAccount {
		if len(changes) == 1 {
			return "Mend: disable now."
		}
		return fmt.Sprintf("Mend: disable now, then remove %s.", plural(len(changes)-1, "right"))
	}
	parts := make([]string, 0, len(changes))
	for _, c := range changes {
		parts = append(parts, what(c))
	}
	const most = 4
	if len(parts) > most {
		parts = append(parts[:most-1], plural(len(parts)-most+1, "more change"))
	}
	if len(mend.Notes) > 0 {
		return "Mend: " + strings.Join(parts, ", ") + ". Kept back: " + strings.TrimSuffix(mend.Notes[0].Text, ".") + "."
	}
	return "Mend: " + strings.Join(parts, ", ") + "."
}

// Age writes a span exactly where it hurts: "40 min", "3 h 10 min", "4 days".
func Age(d time.Duration) string {
	switch {
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	default:
		return plural(int(d.Hours())/24, "day")
	}
}

func evidenceLine(evidence []provisioning.Evidence) string {
	if len(evidence) == 0 {
		return "nothing"
	}
	parts := make([]string, 0, len(evidence))
	for _, e := range evidence {
		switch {
		case e.Detail != "":
			parts = append(parts, string(e.Key)+" ("+e.Detail+")")
		default:
			parts = append(parts, string(e.Key))
		}
	}
	return strings.Join(parts, ", ")
}
