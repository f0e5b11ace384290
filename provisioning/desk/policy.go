package desk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/names"
	"rollcall/provisioning/policy"
)

// PolicySource is a policy as an operator wrote it: the text of policy.toml and the files that it names, so that what was accepted
// can be read again whatever became of the files.
type PolicySource struct {
	Text  string            `json:"policy"`
	Files map[string]string `json:"files,omitempty"`
}

// Parse reads it.
func (s PolicySource) Parse() (*policy.Policy, error) {
	return policy.Parse([]byte(s.Text), func(name string) ([]byte, error) {
		text, ok := s.Files[name]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return []byte(text), nil
	})
}

// encode gives the source as it is kept and hashed.
func (s PolicySource) encode() (text, hash string, err error) {
	data, err := json.Marshal(s) // a map's keys are sorted
	if err != nil {
		return "", "", err
	}
	sum := sha256.Sum256(data)
	return string(data), hex.EncodeToString(sum[:]), nil
}

// policies are the policy that counts and the one that stands in the file.
type policies struct {
	counts  *policy.Policy // what mends and guards go by
	kept    *policy.Policy // the accepted one, without what the file adds to its guards
	pending *PolicySource  // the file's, where it is not the accepted one
	hash    string         // of pending
	broken  error          // why the file cannot be read
}

// policy is the policy that counts now.
func (d *Desk) policy() *policy.Policy {
	if p := d.rules.Load(); p != nil {
		return p.counts
	}
	return d.deps.Policy
}

// loadPolicy finds out which policy counts. The first one is accepted as it is; another counts only when an operator has seen what it
// would do and accepted it. What a new text protects, it protects at once.
func (d *Desk) loadPolicy(ctx context.Context) error {
	if d.deps.PolicySource == nil {
		return nil
	}
	source, err := d.deps.PolicySource()
	var file *policy.Policy
	if err == nil {
		file, err = source.Parse()
	}
	accepted, errStore := d.deps.Store.AcceptedPolicy(ctx)
	if errStore != nil {
		return errStore
	}
	if accepted == "" {
		if err != nil {
			return err
		}
		d.rules.Store(&policies{counts: file, kept: file})
		return d.accept(ctx, source, "the first policy")
	}
	var kept PolicySource
	if err := json.Unmarshal([]byte(accepted), &kept); err != nil {
		return &provisioning.Error{Code: provisioning.Internal, Message: "the accepted policy cannot be read from the store", Err: err}
	}
	old, errKept := kept.Parse()
	if errKept != nil {
		return errKept
	}
	p := &policies{counts: old, kept: old}
	if err != nil { // the accepted one goes on; the effect says what is wrong with the file
		p.broken, p.pending = err, &PolicySource{}
		d.rules.Store(p)
		return nil //nolint:nilerr // the effect tells it
	}
	text, hash, err := source.encode()
	if err != nil {
		return err
	}
	if text != accepted {
		p.pending, p.hash, p.counts = &source, hash, old.Guarding(file)
	}
	d.rules.Store(p)
	return nil
}

func (d *Desk) accept(ctx context.Context, source PolicySource, why string) error {
	if d.deps.Store.ReadOnly() != "" {
		return nil
	}
	text, hash, err := source.encode()
	if err != nil {
		return err
	}
	return d.deps.Store.AcceptPolicy(ctx, text, d.event(provisioning.EventPolicy, hash, why))
}

// PolicyPending reports whether policy.toml is another than the policy that counts. It never waits.
func (d *Desk) PolicyPending() bool {
	p := d.rules.Load()
	return p != nil && p.pending != nil
}

// PolicyEffect says what the policy of the file would do to the whole roster.
func (d *Desk) PolicyEffect(ctx context.Context) (*PolicyEffect, error) {
	if err := d.loadPolicy(ctx); err != nil {
		return nil, err
	}
	p, st := d.rules.Load(), d.state.Load()
	if p == nil || p.pending == nil {
		return &PolicyEffect{}, nil
	}
	effect := &PolicyEffect{Changed: true, Hash: p.hash}
	if p.broken != nil {
		effect.Why = provisioning.Reason(p.broken)
		return effect, nil //nolint:nilerr // that is the effect
	}
	next, err := p.pending.Parse()
	if err != nil {
		return nil, err
	}
	if st == nil {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "nothing has been read yet", Hint: "read first, then look at the effect"}
	}
	for i := range d.Roll().Rows {
		row := &d.Roll().Rows[i]
		if row.Person == nil || row.Away {
			continue
		}
		if r := d.policyRow(row, p.kept, next); len(r.Gains)+len(r.Loses) > 0 {
			effect.Rows = append(effect.Rows, r)
			if len(r.Gains) > 0 {
				effect.Gain++
			}
			if len(r.Loses) > 0 {
				effect.Lose++
			}
		}
	}
	effect.Lines = policyLines(p.kept, next)
	effect.Second, err = d.policySecond(ctx)
	return effect, err
}

// policyRow compares what two policies give one person.
func (d *Desk) policyRow(row *Row, old, next *policy.Policy) PolicyRow {
	now := d.now()
	gives := func(p *policy.Policy) []provisioning.Entitlement {
		if !p.InScope(row.Person) {
			return nil
		}
		given := p.Birthright(row.Person, now).Given
		rights := make([]provisioning.Entitlement, len(given))
		for i := range given {
			rights[i] = given[i].Entitlement
		}
		return rights
	}
	before, after := gives(old), gives(next)
	return PolicyRow{Key: row.Key, Name: rowName(row), Gains: without(after, before), Loses: without(before, after)}
}

// without lists what of a sorted list is not in another.
func without(list, other []provisioning.Entitlement) []provisioning.Entitlement {
	var out []provisioning.Entitlement
	for _, e := range list {
		if _, found := slices.BinarySearchFunc(other, e, provisioning.Entitlement.Compare); !found {
			out = append(out, e)
		}
	}
	return out
}

// policyLines says what else differs between two policies: whom they protect and where their guards hold.
func policyLines(old, next *policy.Policy) []string {
	var lines []string
	list := func(what string, before, after []string) {
		for _, s := range after {
			if !slices.Contains(before, s) {
				lines = append(lines, what+" more: "+s)
			}
		}
		for _, s := range before {
			if !slices.Contains(after, s) {
				lines = append(lines, what+" no more: "+s)
			}
		}
	}
	list("protected", old.ProtectedIDs, next.ProtectedIDs)
	list("VIP", old.VIPs, next.VIPs)
	list("service account", old.Services, next.Services)
	list("left out, by type", old.ExcludedTypes, next.ExcludedTypes)
	list("ungoverned", old.Ungoverned, next.Ungoverned)
	number := func(what string, before, after int) {
		if before != after {
			lines = append(lines, fmt.Sprintf("limit %s: %d, was %d", what, after, before))
		}
	}
	number("count", old.Limits.Count, next.Limits.Count)
	number("percent", old.Limits.Percent, next.Limits.Percent)
	number("day", old.Limits.Day, next.Limits.Day)
	number("week", old.Limits.Week, next.Limits.Week)
	number("part_percent", old.Limits.PartPercent, next.Limits.PartPercent)
	number("part_least", old.Limits.PartLeast, next.Limits.PartLeast)
	if old.Limits.Stale != next.Limits.Stale {
		lines = append(lines, fmt.Sprintf("limit stale: %s, was %s", next.Limits.Stale, old.Limits.Stale))
	}
	lines = append(lines, approvalLines(old.Approval, next.Approval)...)
	wall := func(p *policy.Policy) []string {
		var walls []string
		for _, w := range p.Walls {
			walls = append(walls, w.Name+": "+strings.Join(w.Groups, " | "))
		}
		return walls
	}
	list("wall", wall(old), wall(next))
	return lines
}

// approvalLines says what differs between two policies in what needs a second person.
func approvalLines(old, next policy.Approval) []string {
	var lines []string
	before, after := old.Rules(), next.Rules()
	for i := range after {
		if before[i] != after[i] {
			lines = append(lines, fmt.Sprintf("approval %s, was %s", after[i], before[i]))
		}
	}
	return lines
}

// AcceptPolicy lets the policy of the file count: the hash must be that of the effect that was on the screen, the number the people
// whom it concerns. Where the policy asks for two people, the first one's acceptance is Held until another person accepted it too, here or
// on another machine. The roll is compared anew.
func (d *Desk) AcceptPolicy(ctx context.Context, hash string, people int) error {
	if err := d.mayChange(); err != nil {
		return err
	}
	if d.deps.Operator.Role == provisioning.RoleRequester {
		return &provisioning.Error{
			Code: provisioning.Denied, Message: d.deps.Operator.Name + " may stage and commit, and not say what everybody gets", Hint: "an approver or an administrator accepts a policy",
		}
	}
	effect, err := d.PolicyEffect(ctx)
	if err != nil {
		return err
	}
	p := d.rules.Load()
	switch {
	case !effect.Changed:
		return &provisioning.Error{Code: provisioning.Invalid, Message: "policy.toml is the policy that counts already"}
	case p.broken != nil:
		return p.broken
	case hash != effect.Hash:
		return &provisioning.Error{Code: provisioning.Stale, Message: "policy.toml is not the one that was on the screen", Hint: "look at its effect again, then accept it"}
	case people != len(effect.Rows):
		return &provisioning.Error{
			Code: provisioning.Held, Message: fmt.Sprintf("%d was typed, the policy concerns %d people", people, len(effect.Rows)),
			Hint: "type the number of people whom it concerns",
		}
	}
	next, err := p.pending.Parse()
	if err != nil {
		return err
	}
	with, err := d.twoForPolicy(ctx, effect)
	if err != nil {
		return err
	}
	if err := d.accept(ctx, *p.pending, fmt.Sprintf("accepted: %d people gain a right, %d lose one%s", effect.Gain, effect.Lose, with)); err != nil {
		return err
	}
	d.rules.Store(&policies{counts: next, kept: next})
	if st := d.state.Load(); st != nil {
		_, err = d.compareAnew(ctx, st.snap)
	}
	return err
}

// CheckPolicy says what is doubtful in the policy of the file, against what was last read; without a roll against nothing.
func (d *Desk) CheckPolicy(ctx context.Context) ([]policy.Remark, error) {
	p := d.policy()
	if d.deps.PolicySource != nil {
		source, err := d.deps.PolicySource()
		if err != nil {
			return nil, err
		}
		if p, err = source.Parse(); err != nil {
			return nil, err
		}
	}
	w := policy.World{At: d.now()}
	st := d.state.Load()
	if st == nil {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "nothing has been read yet", Hint: "run rollcall sync first: a policy is checked against what there is"}
	}
	w.Libraries, w.Groups, w.Roles = st.snap.Libraries, st.snap.Groups, make(map[string][]string)
	for i := range st.links.Subjects {
		if s := &st.links.Subjects[i]; s.Live() {
			w.People = append(w.People, s.Person)
		}
	}
	seen := make(map[provisioning.Entitlement]bool)
	owner := st.owners()
	for i := range st.snap.Accounts {
		h := policy.Holder{Account: &st.snap.Accounts[i]}
		if r := owner[h.Account.ID]; r != nil {
			h.Person = r.Person
		}
		w.Holders = append(w.Holders, h)
		for _, m := range h.Account.Memberships {
			if e := provisioning.RoleIn(m.Library, m.Role); m.Role != "" && !seen[e] {
				seen[e] = true
				w.Roles[m.Library] = append(w.Roles[m.Library], m.Role)
			}
		}
	}
	return p.Check(w), ctx.Err()
}

// Explained says what the policy gives the person of a row, right by right, and why; and how the account stands to it.
func (d *Desk) Explained(key string) (*Explained, error) {
	roll, st := d.Roll(), d.state.Load()
	if roll == nil || st == nil || roll.Find(key) < 0 {
		return nil, &provisioning.Error{Code: provisioning.NotFound, Message: "that row is not on the roll", Hint: "read again, or look for another name"}
	}
	row := &roll.Rows[roll.Find(key)]
	x := &Explained{Name: rowName(row), Lines: []ExplainedRight{}}
	if row.Person == nil {
		x.None = "nobody in the directory stands behind the account: the policy gives rights to people"
		return x, nil
	}
	x.Person = row.Person.Key.String()
	switch {
	case row.Away:
		x.None = "no longer active: the policy gives nothing"
		return x, nil
	case !st.world.Policy.InScope(row.Person):
		x.None = "the employment type " + row.Person.Type + " is left out by the policy"
		return x, nil
	}
	lines, notes := rights(st, row.Person, row.Account())
	x.Notes = notes
	for _, r := range lines {
		x.Lines = append(x.Lines, r.Explained())
	}
	if len(x.Lines) == 0 {
		x.None = "no rule, mapping or exception fits " + strings.TrimSpace(row.Person.Office+" "+row.Person.Department+" "+row.Person.Title)
	}
	return x, nil
}

// PersonOf finds the row that a name on the command line means: a row key, an immutable id, a login, an email, an account, or the one
// person whom a search finds by their whole name.
func (d *Desk) PersonOf(ctx context.Context, text string) (string, error) {
	roll := d.Roll()
	if roll == nil {
		return "", &provisioning.Error{Code: provisioning.Invalid, Message: "nothing has been read yet", Hint: "run rollcall sync first"}
	}
	if roll.Find(text) >= 0 {
		return text, nil
	}
	var found, same []string
	folded := names.Fold(text)
	for i := range roll.Rows {
		row := &roll.Rows[i]
		if row.answers(text) {
			found = append(found, row.Key)
		} else if names.Fold(rowName(row)) == folded {
			same = append(same, row.Key)
		}
	}
	if len(found) == 0 {
		found = same
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", &provisioning.Error{Code: provisioning.NotFound, Message: "nobody is called " + text, Hint: "rollcall who " + text + " finds names that are like it"}
	default:
		return "", &provisioning.Error{
			Code: provisioning.Invalid, Message: fmt.Sprintf("%d people are called %s", len(found), text),
			Hint: "name one by login, email or account: rollcall who " + text,
		}
	}
}

// answers reports whether a row is named by a text exactly: by id, login, email or account.
func (r *Row) answers(text string) bool {
	if p := r.Person; p != nil {
		for _, k := range p.Keys() {
			if text == k.ID || text == k.String() {
				return true
			}
		}
		if strings.EqualFold(text, p.Login) || strings.EqualFold(text, p.Email) || (p.SSOName != "" && strings.EqualFold(text, p.SSOName)) {
			return true
		}
	}
	return (r.Linked || r.Person == nil) && len(r.Accounts) > 0 && strings.EqualFold(text, r.Accounts[0].ID)
}
