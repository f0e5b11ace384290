// Package compare says what differs between the people and their accounts, and how bad it is: the mismatches of DESIGN 2, as
// provisioning/mismatch.go defines them. It mends nothing and asks no system.
package compare

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"rollcall/provisioning"
	"rollcall/provisioning/correlate"
	"rollcall/provisioning/names"
	"rollcall/provisioning/policy"
)

// Input is what is compared. PeopleProven says that every directory was proven read whole, AccountsProven the document system:
// without the first nobody is an orphan, without the second nobody a joiner, since both rest on an absence.
type Input struct {
	Correlation    *correlate.Result
	Accounts       []provisioning.Account
	Policy         *policy.Policy
	PeopleProven   bool
	AccountsProven bool
	Clashes        []correlate.Clash // of the merge of several directories
	At             time.Time         // the moment for which the policy's exceptions count
	// Serves reports whether the document system is the one of a person, of several; nil: everybody's. Whom it does not serve is no
	// joiner.
	Serves func(person *provisioning.Person) bool
	// Unused says that an account is surely not used: since when, and on what that rests. Nil: nobody looked.
	Unused func(a *provisioning.Account, p *provisioning.Person) (since time.Time, how string, ok bool)
}

// Result holds every mismatch, and for each person and account the indexes of those that concern it.
type Result struct {
	Mismatches []provisioning.Mismatch
	BySubject  map[int][]int
	ByAccount  map[int][]int
}

// Compare finds every mismatch. It is linear in people and accounts.
func Compare(in Input) *Result {
	c := &comparer{Input: in, rules: in.Policy.HasRules(), result: &Result{BySubject: make(map[int][]int), ByAccount: make(map[int][]int)}}
	c.duplicates()
	for i := range in.Correlation.Subjects {
		c.subject(i)
	}
	for i := range in.Accounts {
		c.account(i)
	}
	c.knots()
	c.clashes()
	return c.result
}

type comparer struct {
	Input
	result    *Result
	duplicate map[int]bool // accounts that are another's duplicate
	rules     bool         // the policy gives rights
	held      []provisioning.Entitlement
}

func (c *comparer) add(m provisioning.Mismatch, subjects, accounts []int) {
	at := len(c.result.Mismatches)
	if m.Severity == "" {
		m.Severity = m.Kind.Severity()
	}
	m.Accounts = make([]string, 0, len(accounts))
	for _, i := range subjects {
		m.Persons = append(m.Persons, c.Correlation.Subjects[i].Person.Key)
		c.result.BySubject[i] = append(c.result.BySubject[i], at)
	}
	for _, i := range accounts {
		m.Accounts = append(m.Accounts, c.Accounts[i].ID)
		m.Managed = m.Managed || c.Accounts[i].Managed()
		c.result.ByAccount[i] = append(c.result.ByAccount[i], at)
	}
	c.result.Mismatches = append(c.result.Mismatches, m)
}

// subject finds what is wrong with one person.
func (c *comparer) subject(i int) {
	s := &c.Correlation.Subjects[i]
	switch {
	case len(s.Reused) > 0:
		c.add(provisioning.Mismatch{Kind: provisioning.KindReusedID, Detail: c.reusedDetail(s)}, []int{i}, s.Reused)
	case s.Status == provisioning.Disputed:
	case s.Account >= 0:
		c.linked(i, s, &c.Accounts[s.Account])
	case s.Live() && s.Absence == nil && c.AccountsProven && c.Policy.InScope(s.Person) && (c.Serves == nil || c.Serves(s.Person)):
		detail := "no account"
		if len(s.Suggestions) > 0 {
			detail = fmt.Sprintf("no account; %d may be theirs, to be confirmed", len(s.Suggestions))
		}
		c.add(provisioning.Mismatch{Kind: provisioning.KindJoiner, Since: s.Person.Created, Detail: detail}, []int{i}, nil)
	}
}

func (c *comparer) reusedDetail(s *correlate.Subject) string {
	a := &c.Accounts[s.Reused[0]]
	switch {
	case !a.Enabled:
		return fmt.Sprintf("the id or email belongs to the closed account %s (%s)", a.ID, a.FullName)
	case a.EmployeeNumber != s.Person.EmployeeNumber:
		return fmt.Sprintf("account %s carries employee number %s, the person %s", a.ID, a.EmployeeNumber, s.Person.EmployeeNumber)
	default:
		return fmt.Sprintf("account %s is recorded as somebody else's", a.ID)
	}
}

// linked finds what is wrong between a person and the linked account.
func (c *comparer) linked(i int, s *correlate.Subject, a *provisioning.Account) {
	both := []int{s.Account}
	if s.Ended() && a.Enabled {
		since := s.Person.StatusChanged
		if s.Absence != nil {
			since = s.Absence.LastSeen
		}
		c.add(provisioning.Mismatch{Kind: provisioning.KindLeaver, Since: since, Detail: "left, and the account is still enabled"}, []int{i}, both)
	}
	if !s.Live() || !a.Enabled {
		return
	}
	if sso := s.Person.SSOName; sso != "" && !sameLogin(sso, a.ID) {
		c.add(provisioning.Mismatch{
			Kind: provisioning.KindSSOName, Detail: fmt.Sprintf("single sign-on sends %s, the user id is %s: cannot sign in", sso, a.ID),
		}, []int{i}, both)
	}
	if detail := unconfigured(a); detail != "" {
		c.add(provisioning.Mismatch{Kind: provisioning.KindUnconfigured, Detail: detail}, []int{i}, both)
	} else {
		c.entitlements(i, s.Person, s.Account)
	}
	if fields := Fields(s.Person, a); len(fields) > 0 {
		parts := make([]string, len(fields))
		for j, f := range fields {
			parts[j] = fmt.Sprintf("%s differs: %s in the directory, %s in iManage", f.Field, f.Person, blank(f.Account))
		}
		c.add(provisioning.Mismatch{Kind: provisioning.KindAttribute, Fields: fields, Detail: strings.Join(parts, "; ")}, []int{i}, both)
	}
	if c.Unused != nil {
		if since, how, ok := c.Unused(a, s.Person); ok {
			c.add(provisioning.Mismatch{Kind: provisioning.KindDormant, Since: since, Detail: "not used: " + how}, []int{i}, both)
		}
	}
}

func blank(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

func sameLogin(a, b string) bool {
	if plain(a) && plain(b) { // nearly all: the folded forms need not be made
		return strings.EqualFold(a, b)
	}
	ka, errA := names.Login(a)
	kb, errB := names.Login(b)
	if errA != nil || errB != nil {
		return strings.EqualFold(a, b)
	}
	return ka == kb
}

// plain reports whether a text is ASCII.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// unconfigured says what first-login creation left behind, "" where the account is set up.
func unconfigured(a *provisioning.Account) string {
	if len(a.Memberships) == 0 {
		return "in no library"
	}
	if len(a.Groups) > 0 {
		return ""
	}
	for _, m := range a.Memberships {
		if m.Role != "DEFAULT" && m.Role != "DEFAULT EXTERNAL" {
			return ""
		}
	}
	return "only the DEFAULT role and no group"
}

// account finds what is wrong with one account by itself.
func (c *comparer) account(i int) {
	a, h := &c.Accounts[i], c.Correlation.Holders[i]
	var owner []int
	ended := false
	if h.Subject >= 0 {
		owner = []int{h.Subject}
		ended = c.Correlation.Subjects[h.Subject].Ended()
	}
	if ended || !a.Enabled {
		if detail := administers(a); detail != "" {
			c.add(provisioning.Mismatch{Kind: provisioning.KindAdministrator, Detail: detail}, owner, []int{i})
		}
	}
	c.walled(i, owner)
	if a.Enabled && len(a.Memberships) > 0 {
		if _, in := a.Membership(a.PreferredLibrary); !in {
			c.add(provisioning.Mismatch{
				Kind: provisioning.KindPreferredLibrary, Detail: fmt.Sprintf("the preferred library %s is none of its libraries", blank(a.PreferredLibrary)),
			}, owner, []int{i})
		}
	}
	if a.Enabled && h.Subject < 0 && h.Knot < 0 && !h.Reused && !h.Suggested && !c.duplicate[i] && c.PeopleProven && !c.Policy.Listed(a.ID) {
		c.add(provisioning.Mismatch{Kind: provisioning.KindOrphan, Detail: "nobody in the directory stands behind it"}, nil, []int{i})
	}
}

func administers(a *provisioning.Account) string {
	var parts []string
	for _, library := range a.Administers() {
		parts = append(parts, provisioning.NRTADMIN+" in "+library)
	}
	for _, r := range a.GlobalRoles {
		parts = append(parts, "global role "+r)
	}
	if len(parts) == 0 {
		return ""
	}
	return "still " + strings.Join(parts, ", ")
}

// duplicates finds enabled, unlinked accounts that carry a linked one's employee number, or its full name and office.
func (c *comparer) duplicates() {
	c.duplicate = make(map[int]bool)
	byNumber, byName := make(map[string][]int), make(map[string][]int)
	for i := range c.Accounts {
		a, h := &c.Accounts[i], c.Correlation.Holders[i]
		if !a.Enabled || h.Subject >= 0 || h.Knot >= 0 || h.Reused || c.Policy.Listed(a.ID) {
			continue
		}
		if n := strings.TrimSpace(a.EmployeeNumber); n != "" {
			byNumber[n] = append(byNumber[n], i)
		}
		if a.FullName != "" && a.Location != "" {
			k := text(a.FullName) + "\x00" + text(a.Location)
			byName[k] = append(byName[k], i)
		}
	}
	if len(byNumber) == 0 && len(byName) == 0 {
		return
	}
	for i := range c.Correlation.Subjects {
		s := &c.Correlation.Subjects[i]
		if s.Account < 0 {
			continue
		}
		a := &c.Accounts[s.Account]
		found := slices.Clone(byNumber[strings.TrimSpace(a.EmployeeNumber)])
		for _, other := range byName[text(a.FullName)+"\x00"+text(a.Location)] {
			if !slices.Contains(found, other) {
				found = append(found, other)
			}
		}
		if len(found) == 0 {
			continue
		}
		parts := make([]string, len(found))
		for j, other := range found {
			c.duplicate[other] = true
			parts[j] = c.Accounts[other].ID
		}
		c.add(provisioning.Mismatch{
			Kind: provisioning.KindDuplicate, Detail: fmt.Sprintf("%s is linked, and %s looks like a second account", a.ID, strings.Join(parts, ", ")),
		}, []int{i}, append([]int{s.Account}, found...))
	}
}

// knots makes one mismatch of each dispute.
func (c *comparer) knots() {
	for _, k := range c.Correlation.Knots {
		detail := fmt.Sprintf("%d accounts may be theirs, and the keys disagree", len(k.Accounts))
		if len(k.Subjects) > 1 {
			detail = fmt.Sprintf("%d people and %d accounts share keys", len(k.Subjects), len(k.Accounts))
		}
		c.add(provisioning.Mismatch{Kind: provisioning.KindDisputed, Detail: detail}, k.Subjects, k.Accounts)
	}
}

// clashes makes one mismatch of everything that the directories disagree about for the same people. That one says live and another
// ended is a danger: the account behind it may be a leaver's.
func (c *comparer) clashes() {
	if len(c.Clashes) == 0 {
		return
	}
	at := make(map[provisioning.PersonKey]int, len(c.Correlation.Subjects))
	for i := range c.Correlation.Subjects {
		at[c.Correlation.Subjects[i].Person.Key] = i
	}
	type gathered struct {
		subjects []int
		details  []string
		status   bool
		doubt    bool
	}
	var order []string
	by := make(map[string]*gathered)
	for _, clash := range c.Clashes {
		var subjects []int
		key := ""
		for _, k := range clash.Persons {
			if i, ok := at[k]; ok {
				subjects = append(subjects, i)
				key += k.String() + "\x00"
			}
		}
		if len(subjects) == 0 {
			continue
		}
		g := by[key]
		if g == nil {
			g = &gathered{subjects: subjects}
			by[key] = g
			order = append(order, key)
		}
		g.status, g.doubt = g.status || clash.Status, g.doubt || clash.Status || clash.Who
		if !slices.Contains(g.details, clash.Detail) {
			g.details = append(g.details, clash.Detail)
		}
	}
	for _, key := range order {
		g := by[key]
		m := provisioning.Mismatch{Kind: provisioning.KindClash, Unsettled: g.doubt, Detail: "the directories disagree: " + strings.Join(g.details, "; ")}
		var accounts []int
		for _, i := range g.subjects {
			if a := c.Correlation.Subjects[i].Account; a >= 0 {
				accounts = append(accounts, a)
				if g.status && c.Accounts[a].Enabled {
					m.Severity = provisioning.SeverityDanger
				}
			}
		}
		c.add(m, g.subjects, accounts)
	}
}

// Fields compares the attributes of a person and an account: NFC, trimmed, email case-folded. What the directory leaves empty
// is not compared (provisioning.KindAttribute).
func Fields(p *provisioning.Person, a *provisioning.Account) []provisioning.FieldDiff {
	var diffs []provisioning.FieldDiff
	check := func(field, person, account string, same bool) {
		if !same && strings.TrimSpace(person) != "" {
			diffs = append(diffs, provisioning.FieldDiff{Field: field, Person: person, Account: account})
		}
	}
	check(FieldName, p.FullName, a.FullName, p.FullName == a.FullName || text(p.FullName) == text(a.FullName))
	check(FieldEmail, p.Email, a.Email, p.Email == a.Email || SameEmail(p.Email, a.Email))
	check(FieldLocation, p.Office, a.Location, p.Office == a.Location || text(p.Office) == text(a.Location))
	check(FieldPhone, p.Phone, a.Phone, p.Phone == a.Phone || text(p.Phone) == text(a.Phone))
	return diffs
}

// The compared fields, as they are shown.
const (
	FieldName     = "full name"
	FieldEmail    = "email"
	FieldLocation = "location"
	FieldPhone    = "phone"
)

// SameEmail reports whether two emails are the same mailbox by their folded form.
func SameEmail(a, b string) bool {
	ka, errA := names.Login(strings.TrimSpace(a))
	kb, errB := names.Login(strings.TrimSpace(b))
	if errA != nil || errB != nil {
		return strings.EqualFold(text(a), text(b))
	}
	return ka == kb
}

func text(s string) string { return norm.NFC.String(strings.TrimSpace(s)) }
