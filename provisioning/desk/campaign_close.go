package desk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/certify"
	"rollcall/provisioning/staging"
)

// ReviewOutcome is what a campaign comes to, ReviewFinish how its two snapshots differ; the screens may not know the package that says it.
type (
	ReviewOutcome = certify.Outcome
	ReviewFinish  = certify.Explained
)

// Closing says what closing a campaign would do, or did.
type Closing struct {
	Outcome ReviewOutcome
	// Refused says why it cannot be closed yet, with what to do; nil where it can.
	Refused error
	People  int      // whose access is revoked
	Changes int      //
	Batch   int64    // of the revokes, once it is staged; 0: there was nothing to revoke
	Notes   []string // what was revoked and is gone already, and the like
	units   []provisioning.Unit
}

// PlanClose says what closing a campaign would do now: what reviewers decided, what the policy does with the rest, and the changes.
func (d *Desk) PlanClose(_ context.Context, r *Review) (*Closing, error) {
	st := d.state.Load()
	if st == nil {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "nothing has been read yet", Hint: "press r to read"}
	}
	r.mu.RLock()
	c, states := r.c, r.board.States()
	r.mu.RUnlock()
	k := &Closing{}
	if c.State == provisioning.CampaignOpen {
		k.Outcome, k.Refused = certify.MayClose(&c, r.items, states)
	} else {
		k.Outcome = certify.Settle(&c, r.items, states)
	}
	revoked := make(map[string][]provisioning.ReviewItem)
	for _, n := range k.Outcome.Revoked {
		it := r.items[n-1]
		revoked[it.Account] = append(revoked[it.Account], it)
	}
	for i := range r.items { // by account, in their order
		items := revoked[r.items[i].Account]
		if items == nil {
			continue
		}
		delete(revoked, r.items[i].Account)
		var account *provisioning.Account
		if at, ok := st.account[items[0].Account]; ok {
			account = &st.snap.Accounts[at]
		}
		changes, notes := certify.Revokes(items, account)
		for _, n := range notes {
			k.Notes = append(k.Notes, n.Text)
		}
		if len(changes) == 0 {
			continue
		}
		for j := range changes {
			changes[j].ByHand = d.byHand(changes[j])
		}
		u := staging.NewUnit(items[0].Person, items[0].Account, items[0].Name, items[0].Office, provisioning.KindReview, changes)
		u.Reason = fmt.Sprintf("access review %d: %s", c.ID, reasonsOf(items, states))
		k.units, k.People, k.Changes = append(k.units, u), k.People+1, k.Changes+len(changes)
	}
	return k, nil
}

// reasonsOf says who revoked, and why, once each.
func reasonsOf(items []provisioning.ReviewItem, states []certify.State) string {
	var said []string
	for i := range items {
		s := &states[items[i].N-1]
		text := "nobody decided, and the policy revokes it"
		switch {
		case s.Verdict == provisioning.ReviewRevoke:
			text = strings.TrimSuffix("revoked by "+s.Decided+": "+s.Reason, ": ")
		case s.Verdict == "" && s.Proposed != nil && s.Proposed.Verdict == provisioning.ReviewRevoke:
			text = strings.TrimSuffix("revoked by "+s.Proposed.Reviewer+": "+s.Proposed.Reason, ": ")
		}
		if !slices.Contains(said, text) {
			said = append(said, text)
		}
	}
	return strings.Join(said, "; ")
}

// NextStage ends the stage under way and begins the next: what its reviewers see is handed to them. It is Held where there is none.
func (d *Desk) NextStage(ctx context.Context, r *Review) (warnings []string, err error) {
	if err := d.mayChange(); err != nil {
		return nil, err
	}
	st := d.state.Load()
	if st == nil {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "nothing has been read yet", Hint: "press r to read"}
	}
	r.deciding.Lock()
	defer r.deciding.Unlock()
	next := r.Campaign()
	if next.State != provisioning.CampaignOpen || next.Stage+1 >= len(next.Stages) {
		return nil, &provisioning.Error{Code: provisioning.Held, Message: "there is no stage after this one", Hint: "close the campaign"}
	}
	r.mu.RLock()
	states := r.board.States()
	r.mu.RUnlock()
	if err := certify.MayAdvance(&next, r.items, states); err != nil {
		return nil, err
	}
	open := r.Counts()
	next.Stage++
	people := d.directory(st)
	if next.Stages[next.Stage].Assign == certify.AssignManager {
		next.Reviewers = people.withManagers(slices.Clone(next.Reviewers), r.items)
	}
	e := d.event(provisioning.EventReview, reviewSubject(next.ID), fmt.Sprintf("stage %d of %d begins: %s; before it %d were kept, %d revoked, %d open",
		next.Stage+1, len(next.Stages), next.Stages[next.Stage].Name, open.Kept, open.Revoked, open.Open))
	if err := d.deps.Store.SaveCampaign(ctx, &next, nil, e); err != nil {
		return nil, err
	}
	// The board is made anew from what is kept: if the hand-over below fails, the first look at the campaign tries it again.
	board := certify.NewBoard(&next, r.items)
	if err := d.deps.Store.ReviewDecisions(ctx, next.ID, func(one provisioning.ReviewDecision) error { board.Take(one); return nil }); err != nil {
		return nil, err
	}
	decisions, warnings := certify.Advance(&next, slices.Clone(r.items), board.States(), people.manager, d.now())
	for i := range decisions {
		decisions[i].Reviewer = certify.HowPolicy
	}
	if len(decisions) > 0 {
		if err := d.deps.Store.DecideReview(ctx, next.ID, decisions, d.reviewEvent(&next, decisions, "handed to the reviewers of the stage")); err != nil {
			return nil, err
		}
	}
	r.mu.Lock()
	r.c, r.board = next, board
	for _, one := range decisions {
		board.Take(one)
	}
	r.count()
	r.mu.Unlock()
	return warnings, nil
}

func reviewSubject(id int64) string { return fmt.Sprintf("review %d", id) }

// CloseReview closes a campaign: no decision is taken any more, what nobody decided is kept or revoked by the policy's word and recorded as
// that, and the revokes are staged as a batch, under the same guards as any other. It is Held while something is escalated or
// contradicts itself. A campaign that was closed and whose batch was cancelled, or never came to be staged, has it staged anew.
func (d *Desk) CloseReview(ctx context.Context, r *Review) (*Closing, error) {
	if err := d.mayChange(); err != nil {
		return nil, err
	}
	r.deciding.Lock()
	defer r.deciding.Unlock()
	c := r.Campaign()
	if c.State != provisioning.CampaignOpen && c.State != provisioning.CampaignClosed {
		return nil, &provisioning.Error{Code: provisioning.Stale, Message: fmt.Sprintf("the campaign is %s", c.State)}
	}
	k, err := d.PlanClose(ctx, r)
	if err != nil {
		return nil, err
	}
	if k.Refused != nil {
		return k, k.Refused
	}
	if c.State == provisioning.CampaignOpen {
		if err := d.shut(ctx, r, &c, k); err != nil {
			return k, err
		}
	}
	if stands, err := d.revokesStand(ctx, &c); err != nil || stands {
		k.Batch = c.Batch
		return k, err
	}
	if len(k.units) == 0 {
		return k, nil
	}
	b, err := d.newBatch(ctx, fmt.Sprintf("access review %d: %s", c.ID, c.Name), time.Time{}, "", nil, k.units)
	if err != nil {
		return k, err
	}
	c.Batch, k.Batch = b.ID, b.ID
	e := d.batchEvent(provisioning.EventReview, b.ID, fmt.Sprintf("review %d: its revokes are batch %d: %d people, %d changes", c.ID, b.ID, k.People, k.Changes))
	e.Subject = reviewSubject(c.ID)
	if err := d.deps.Store.SaveCampaign(ctx, &c, nil, e); err != nil {
		return k, err
	}
	r.set(&c)
	return k, nil
}

// shut ends the decisions: what the policy decides stands among them, by its own name.
func (d *Desk) shut(ctx context.Context, r *Review, c *provisioning.Campaign, k *Closing) error {
	verdict := provisioning.ReviewKeep
	if c.Undecided == provisioning.UndecidedRevoke {
		verdict = provisioning.ReviewRevoke
	}
	var decisions []provisioning.ReviewDecision
	for _, n := range k.Outcome.ByPolicy {
		decisions = append(decisions, provisioning.ReviewDecision{
			Item: n, Stage: c.Stage, Verdict: verdict, Reason: "nobody decided", Reviewer: certify.HowPolicy, By: d.deps.Operator.Name, How: certify.HowPolicy, At: d.now(),
		})
	}
	if len(decisions) > 0 {
		if err := d.deps.Store.DecideReview(ctx, c.ID, decisions, d.reviewEvent(c, decisions, "undecided, and the policy says "+string(verdict))); err != nil {
			return err
		}
		r.take(decisions)
	}
	c.State, c.ClosedBy, c.ClosedAt = provisioning.CampaignClosed, d.deps.Operator.Name, d.now()
	e := d.event(provisioning.EventReview, reviewSubject(c.ID), "closed: "+strings.Join(k.Outcome.Sentences, "; "))
	if err := d.deps.Store.SaveCampaign(ctx, c, nil, e); err != nil {
		return err
	}
	r.set(c)
	return nil
}

func (r *Review) set(c *provisioning.Campaign) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.c = *c
}

// revokesStand reports whether the revokes of a closed campaign are in a batch that was not cancelled. One that was staged just before
// the program ended is found by its title.
func (d *Desk) revokesStand(ctx context.Context, c *provisioning.Campaign) (bool, error) {
	if c.Batch == 0 {
		return false, nil
	}
	b, err := d.deps.Store.Batch(ctx, c.Batch)
	if err != nil {
		return false, err
	}
	return b.State != provisioning.BatchCancelled, nil
}

// CancelReview ends a campaign without doing anything of it. A closed one is not cancelled: its batch is.
func (d *Desk) CancelReview(ctx context.Context, r *Review, reason string) error {
	if err := d.mayChange(); err != nil {
		return err
	}
	r.deciding.Lock()
	defer r.deciding.Unlock()
	c := r.Campaign()
	if c.State != provisioning.CampaignOpen {
		return &provisioning.Error{Code: provisioning.Stale, Message: fmt.Sprintf("the campaign is %s", c.State), Hint: "cancel its batch, where it has one"}
	}
	c.State, c.ClosedBy, c.ClosedAt = provisioning.CampaignCancelled, d.deps.Operator.Name, d.now()
	if err := d.deps.Store.SaveCampaign(ctx, &c, nil, d.event(provisioning.EventReview, reviewSubject(c.ID), strings.TrimSuffix("cancelled: "+strings.TrimSpace(reason), ": "))); err != nil {
		return err
	}
	r.set(&c)
	return nil
}

// FinishReview makes the closing snapshot of a closed campaign: its batch must have come to its end, every account that it closed must be
// seen off, and the roll must have been read whole after that. It is Held, with what is missing, before. The snapshot says which
// differences to the opening one are the revokes; what somebody else changed meanwhile is told, and does not hold it.
func (d *Desk) FinishReview(ctx context.Context, r *Review) (*certify.Explained, error) {
	if err := d.mayChange(); err != nil {
		return nil, err
	}
	r.deciding.Lock()
	defer r.deciding.Unlock()
	c := r.Campaign()
	held := func(message, hint string) error {
		return &provisioning.Error{Code: provisioning.Held, Message: message, Hint: hint}
	}
	st := d.state.Load()
	switch {
	case c.State == provisioning.CampaignDone:
		return nil, &provisioning.Error{Code: provisioning.Stale, Message: "the campaign is done"}
	case c.State != provisioning.CampaignClosed:
		return nil, held(fmt.Sprintf("the campaign is %s", c.State), "close it first")
	case st == nil:
		return nil, held("nothing has been read yet", "press r to read")
	case d.deps.Signer == nil:
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "there is no key to sign the closing snapshot with", Hint: "set signing_key in config.toml"}
	}
	if err := d.revokesSeen(ctx, &c, st); err != nil {
		return nil, err
	}
	r.mu.RLock()
	states := r.board.States()
	r.mu.RUnlock()
	outcome := certify.Settle(&c, r.items, states)
	items, err := d.reviewItems(ctx, st, c.Scope, r.items)
	if err != nil {
		return nil, err
	}
	revoked := make([]provisioning.ReviewItem, 0, len(outcome.Revoked))
	for _, n := range outcome.Revoked {
		revoked = append(revoked, r.items[n-1])
	}
	x := certify.Explain(certify.Diff(r.items, items), revoked, items)
	if n := len(x.Still); n > 0 {
		first := x.Still[0]
		return &x, held(fmt.Sprintf("%s revoked and still there, the first in %s: %s%s%s", plural(n, "item"), first.Account, first.Library, strings.Repeat(" ", min(1, len(first.Object))), first.Object),
			"see batch "+fmt.Sprint(c.Batch)+": retry it, or close the campaign again to have them staged anew")
	}
	opening, err := d.deps.Store.CampaignSnapshot(ctx, c.ID, certify.OpeningSnapshot)
	if err != nil {
		return nil, err
	}
	c.State, c.DoneAt = provisioning.CampaignDone, d.now()
	closing, err := certify.Closing(&c, d.deps.Firm, st.snap.Proofs, opening, outcome, states, x, st.snap.TakenAt).Sign(ctx, items, d.deps.Signer)
	if err != nil {
		return nil, err
	}
	e := d.event(provisioning.EventReview, reviewSubject(c.ID), fmt.Sprintf("done: %d revoked and gone, %d gone along, %d changed by others; closing snapshot sha256 %s",
		len(x.Revoked), len(x.Along), len(x.Others), certify.HashOf(closing...)))
	if err := d.deps.Store.SaveCampaign(ctx, &c, closing, e); err != nil {
		return nil, err
	}
	r.set(&c)
	return &x, nil
}

// revokesSeen holds that a campaign's batch is done and observed, and that the roll was read whole after it.
func (d *Desk) revokesSeen(ctx context.Context, c *provisioning.Campaign, st *compared) error {
	held := func(message, hint string) error {
		return &provisioning.Error{Code: provisioning.Held, Message: message, Hint: hint}
	}
	after := c.ClosedAt
	if c.Batch != 0 {
		b, err := d.deps.Store.Batch(ctx, c.Batch)
		if err != nil {
			return err
		}
		if b.State != provisioning.BatchDone {
			return held(fmt.Sprintf("batch %d, its revokes, is %s", b.ID, b.State), "commit it, and have it come to its end")
		}
		for i := range b.Units {
			for j := range b.Units[i].Ops {
				if at := b.Units[i].Ops[j].DoneAt; at.After(after) {
					after = at
				}
			}
		}
		open, err := d.deps.Store.Removals(ctx, c.Batch, true)
		if err != nil {
			return err
		}
		if len(open) > 0 {
			return held(fmt.Sprintf("%s not seen off yet, %s first", plural(len(open), "account"), open[0].Account), "iManage may take up to 8 h; the desk looks by itself")
		}
	}
	for _, p := range st.snap.Proofs {
		if p.Source == d.deps.DMS.Name() && !p.Complete {
			return held(p.Source+" was not read whole: "+p.Reason, "press r to read again")
		}
	}
	if !st.snap.AccountsFrom.After(after) {
		return held("the roll was read before the revokes were done", "press r to read")
	}
	return nil
}
