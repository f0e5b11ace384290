package desk

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/certify"
	"rollcall/provisioning/names"
)

// The most that a campaign may be: beyond it a stage is not decided by people any more.
const (
	mostReviewers  = 500
	mostStages     = 5
	defaultDueDays = 14
)

// NewCampaign is an access review as an operator asks for it.
type NewCampaign struct {
	Name  string
	Scope provisioning.CampaignScope
	// Stages say who decides, in their order. A reviewer is named by an operator's name, or by an email, a login or words of a name that
	// the directories know. A stage without a due date ends after 14 days, each later one after 14 more. None: one stage, this operator's.
	Stages []provisioning.ReviewStage
}

// CampaignPlan is what a campaign would be, before it is opened.
type CampaignPlan struct {
	Campaign *provisioning.Campaign
	People   int
	// Shares are the first stage's items by reviewer's key; "" are those of nobody.
	Shares map[string]int
	// Refused says why it may not be opened now, "" where it may.
	Refused string
	items   []provisioning.ReviewItem
	proofs  []provisioning.Proof
}

// PlanCampaign lays out a campaign on the roll as it stands: how many decisions it is, whose, and what is wrong with what it rests on.
func (d *Desk) PlanCampaign(ctx context.Context, n NewCampaign) (*CampaignPlan, error) {
	st := d.state.Load()
	if st == nil {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "nothing has been read yet", Hint: "press r to read"}
	}
	rules := d.policy().Review
	c := &provisioning.Campaign{
		State: provisioning.CampaignOpen, Name: strings.TrimSpace(n.Name), Scope: n.Scope, Undecided: rules.Undecided, SelfReview: rules.SelfReview,
		CreatedBy: d.deps.Operator.Name, CreatedAt: d.now(), SnapshotID: st.snap.ID, SnapshotAt: st.snap.TakenAt,
	}
	c.Name = cmp.Or(c.Name, "access review of "+c.CreatedAt.Local().Format("2 Jan 2006"))
	people := d.directory(st)
	if err := d.setStages(c, n.Stages, people, rules.Fallback); err != nil {
		return nil, err
	}
	if n.Scope.ChangedNow {
		since, err := d.lastCampaign(ctx)
		if err != nil {
			return nil, err
		}
		c.Scope.Since = since
	}
	items, err := d.reviewItems(ctx, st, c.Scope, nil)
	if err != nil {
		return nil, err
	}
	if c.Stages[0].Assign == certify.AssignManager {
		c.Reviewers = people.withManagers(c.Reviewers, items)
	}
	c.Items = len(items)
	c.Warnings = append(c.Warnings, d.sourceWarnings(st.snap)...)
	c.Warnings = append(c.Warnings, certify.Assign(items, c.Stages[0], c.Reviewers, people.manager, c.SelfReview, c.Fallback)...)
	p := &CampaignPlan{Campaign: c, Shares: make(map[string]int), items: items, proofs: st.snap.Proofs}
	met := make(map[string]bool)
	for i := range items {
		p.Shares[items[i].Reviewer]++
		met[items[i].Account] = true
	}
	p.People = len(met)
	p.Refused = d.refusal(st.snap, len(items), c)
	return p, nil
}

// refusal says why a campaign may not be opened on a snapshot, "" where it may: what is reviewed must be what is there.
func (d *Desk) refusal(snap *provisioning.Snapshot, items int, c *provisioning.Campaign) string {
	rules := d.policy().Review
	switch age := d.now().Sub(snap.TakenAt); {
	case age > rules.Stale:
		return fmt.Sprintf("the roll is %s old, and the policy allows %s: read it again first", age.Round(time.Minute), rules.Stale)
	case items == 0 && c.Scope.Dormant:
		return "no account is surely unused: read the use of accounts first, or choose another scope"
	case items == 0:
		return "nothing is in this scope"
	}
	if rules.RefuseUnproven {
		for _, p := range snap.Proofs {
			if !p.Complete {
				return fmt.Sprintf("%s was not read whole: %s", p.Source, p.Reason)
			}
		}
	}
	return ""
}

// sourceWarnings says what is wrong with the reads that a campaign rests on.
func (d *Desk) sourceWarnings(snap *provisioning.Snapshot) (list []string) {
	for _, p := range snap.Proofs {
		if !p.Complete {
			list = append(list, fmt.Sprintf("%s was not read whole: %s", p.Source, p.Reason))
		}
	}
	return list
}

// StartCampaign opens a campaign that was planned: its items are frozen, and its opening snapshot is signed. It is Held where the plan is
// refused, and Stale where the roll was read again meanwhile.
func (d *Desk) StartCampaign(ctx context.Context, p *CampaignPlan) (*Review, error) {
	if err := d.mayChange(); err != nil {
		return nil, err
	}
	st := d.state.Load()
	switch {
	case st == nil || st.snap.ID != p.Campaign.SnapshotID:
		return nil, &provisioning.Error{Code: provisioning.Stale, Message: "the roll was read again meanwhile", Hint: "look at the plan again"}
	case d.deps.Signer == nil:
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "there is no key to sign the opening snapshot with", Hint: "set signing_key in config.toml"}
	}
	if why := d.refusal(st.snap, len(p.items), p.Campaign); why != "" {
		return nil, &provisioning.Error{Code: provisioning.Held, Message: why, Hint: "press r to read"}
	}
	c := *p.Campaign
	c.CreatedAt = d.now()
	e := d.event(provisioning.EventReview, "", fmt.Sprintf("opened %q: %d items of %d people, snapshot %s", c.Name, len(p.items), p.People, c.SnapshotID))
	err := d.deps.Store.StartCampaign(ctx, &c, p.items, func(id int64) ([][]byte, error) {
		opening := c
		opening.ID = id
		return certify.Opening(&opening, d.deps.Firm, p.proofs).Sign(ctx, p.items, d.deps.Signer)
	}, e)
	if err != nil {
		return nil, err
	}
	r := newReview(&c, p.items, d.reviewer(&c)).fresh()
	d.keepReview(r)
	return r, nil
}

// setStages resolves who decides.
func (d *Desk) setStages(c *provisioning.Campaign, stages []provisioning.ReviewStage, people *directory, fallback string) error {
	if len(stages) == 0 {
		stages = []provisioning.ReviewStage{{Reviewers: []string{d.deps.Operator.Name}}}
	}
	if len(stages) > mostStages {
		return &provisioning.Error{Code: provisioning.Invalid, Message: fmt.Sprintf("a campaign has %d stages at most", mostStages)}
	}
	for i, s := range stages {
		s.Assign, s.Sees = cmp.Or(s.Assign, certify.AssignNamed), cmp.Or(s.Sees, certify.SeesAll)
		s.Name = cmp.Or(strings.TrimSpace(s.Name), fmt.Sprintf("stage %d", i+1))
		if s.Due.IsZero() {
			s.Due = c.CreatedAt.AddDate(0, 0, defaultDueDays*(i+1))
		}
		if s.Assign != certify.AssignNamed && s.Assign != certify.AssignManager {
			return &provisioning.Error{Code: provisioning.Invalid, Message: "a stage is given to named reviewers or to the managers, not to " + s.Assign}
		}
		if !slices.Contains([]string{certify.SeesAll, certify.SeesKeep, certify.SeesRevoke, certify.SeesUndecided}, s.Sees) {
			return &provisioning.Error{Code: provisioning.Invalid, Message: "a stage sees all, keep, revoke or undecided, not " + s.Sees}
		}
		if len(s.Reviewers) == 0 {
			s.Reviewers = []string{d.deps.Operator.Name}
		}
		var keys []string
		for _, said := range s.Reviewers {
			r, err := people.reviewer(said)
			if err != nil {
				return err
			}
			keys = append(keys, r.Key)
			c.Reviewers = addReviewer(c.Reviewers, r)
		}
		s.Reviewers = keys
		c.Stages = append(c.Stages, s)
	}
	if fallback != "" {
		r, err := people.reviewer(fallback)
		if err != nil {
			return &provisioning.Error{Code: provisioning.Invalid, Message: "the policy's fallback reviewer is not known: " + fallback, Hint: "mend review.fallback in policy.toml", Err: err}
		}
		c.Fallback, c.Reviewers = r.Key, addReviewer(c.Reviewers, r)
	}
	if len(c.Reviewers) > mostReviewers {
		return &provisioning.Error{Code: provisioning.Invalid, Message: fmt.Sprintf("a campaign has %d reviewers at most", mostReviewers)}
	}
	return nil
}

func addReviewer(list []provisioning.Reviewer, r provisioning.Reviewer) []provisioning.Reviewer {
	if slices.ContainsFunc(list, func(have provisioning.Reviewer) bool { return have.Key == r.Key }) {
		return list
	}
	return append(list, r)
}

// lastCampaign is when the campaign before this one ended; zero where there was none.
func (d *Desk) lastCampaign(ctx context.Context) (time.Time, error) {
	list, err := d.deps.Store.Campaigns(ctx)
	if err != nil {
		return time.Time{}, err
	}
	for _, c := range list {
		if c.State == provisioning.CampaignDone {
			return c.SnapshotAt, nil
		}
	}
	return time.Time{}, nil
}

// directory is who can be a reviewer, and whose manager is who.
type directory struct {
	operators []provisioning.Operator
	people    map[provisioning.PersonKey]*Row
	byMail    map[string][]*Row
	byName    map[string][]provisioning.PersonKey // display names and logins, folded: a manager is sometimes known by that alone
}

func (d *Desk) directory(st *compared) *directory {
	x := &directory{
		operators: append([]provisioning.Operator{d.deps.Operator}, d.deps.Mapped...), people: make(map[provisioning.PersonKey]*Row),
		byMail: make(map[string][]*Row), byName: make(map[string][]provisioning.PersonKey),
	}
	for i := range st.all {
		r := &st.all[i]
		if r.Person == nil || r.Away {
			continue
		}
		for _, k := range r.Person.Keys() {
			x.people[k] = r
		}
		for _, mail := range append([]string{r.Person.Email}, r.Person.Aliases...) {
			if k, err := names.Login(mail); err == nil {
				x.byMail[string(k)] = append(x.byMail[string(k)], r)
			}
		}
		for _, said := range []string{r.Person.FullName, r.Person.Login} {
			if key := names.Fold(said); key != "" {
				x.byName[key] = append(x.byName[key], r.Person.Key)
			}
		}
	}
	return x
}

// reviewer finds who is meant: an operator by name, else exactly one person by email, login or full name.
func (x *directory) reviewer(said string) (provisioning.Reviewer, error) {
	said = strings.TrimSpace(said)
	for _, o := range x.operators {
		if o.Name == said {
			return x.ofOperator(o), nil
		}
	}
	found := make(map[provisioning.PersonKey]*Row)
	if k, err := names.Login(said); err == nil {
		for _, r := range x.byMail[string(k)] {
			found[r.Person.Key] = r
		}
	}
	if len(found) == 0 {
		for _, k := range x.byName[names.Fold(said)] {
			found[k] = x.people[k]
		}
	}
	if len(found) != 1 {
		return provisioning.Reviewer{}, &provisioning.Error{
			Code: provisioning.NotFound, Message: fmt.Sprintf("%d people are known as %q", len(found), said), Hint: "name an operator, or somebody's email as the directory has it",
		}
	}
	for _, r := range found {
		return x.ofRow(r)
	}
	panic("unreachable")
}

func (x *directory) ofOperator(o provisioning.Operator) provisioning.Reviewer {
	r := provisioning.Reviewer{Key: o.Name, Name: o.Name, Person: o.Person, Account: strings.ToUpper(o.Account), Operator: true}
	if row := x.people[o.Person]; row != nil {
		r.Name, r.Email = cmp.Or(row.Person.FullName, o.Name), row.Person.Email
	}
	return r
}

// ofRow makes a reviewer of a person: the operator that they are, or somebody who answers by file.
func (x *directory) ofRow(row *Row) (provisioning.Reviewer, error) {
	for _, k := range row.Person.Keys() {
		for _, o := range x.operators {
			if !o.Person.IsZero() && o.Person == k {
				return x.ofOperator(o), nil
			}
		}
	}
	if row.Person.Email == "" {
		return provisioning.Reviewer{}, &provisioning.Error{Code: provisioning.Invalid, Message: row.Person.FullName + " has no email in the directory", Hint: "name somebody who has"}
	}
	r := provisioning.Reviewer{Key: row.Person.Email, Name: row.Person.FullName, Email: row.Person.Email, Person: row.Person.Key}
	if a := row.Account(); a != nil {
		r.Account = a.ID
	}
	return r, nil
}

// manager says whose person's manager is who, where the directory knows exactly one.
func (x *directory) manager(person provisioning.PersonKey) (provisioning.PersonKey, bool) {
	row := x.people[person]
	if row == nil {
		return provisioning.PersonKey{}, false
	}
	p := row.Person
	if p.ManagerID != "" {
		k := provisioning.PersonKey{Directory: p.Key.Directory, ID: p.ManagerID}
		if boss := x.people[k]; boss != nil {
			return boss.Person.Key, true
		}
	}
	if p.Manager == "" {
		return provisioning.PersonKey{}, false
	}
	if k, err := names.Login(p.Manager); err == nil {
		if rows := x.byMail[string(k)]; len(rows) == 1 {
			return rows[0].Person.Key, true
		}
	}
	if keys := x.byName[names.Fold(p.Manager)]; len(keys) == 1 {
		return keys[0], true
	}
	return provisioning.PersonKey{}, false
}

// withManagers adds the managers of those whose access is reviewed.
func (x *directory) withManagers(list []provisioning.Reviewer, items []provisioning.ReviewItem) []provisioning.Reviewer {
	met := make(map[provisioning.PersonKey]bool)
	for i := range items {
		if met[items[i].Person] {
			continue
		}
		met[items[i].Person] = true
		boss, ok := x.manager(items[i].Person)
		if !ok || met[boss] && slices.ContainsFunc(list, func(r provisioning.Reviewer) bool { return r.Person == boss }) {
			continue
		}
		if r, err := x.ofRow(x.people[boss]); err == nil && len(list) < mostReviewers {
			list = addReviewer(list, r)
		}
	}
	return list
}
