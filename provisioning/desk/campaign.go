package desk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/certify"
	"rollcall/provisioning/names"
)

// ReviewState is where one item of a campaign stands; the screens may not know the package that says it.
type ReviewState = certify.State

// Review is one campaign, open at a desk: its items, which never change, and where each stands. It is safe for concurrent use, and none of
// its methods waits for anything but another one of them.
type Review struct {
	items []provisioning.ReviewItem
	me    provisioning.Reviewer // the operator at this desk; its Key is "" where they are no reviewer of it
	own   []bool                // by place: the operator's own access

	alike sync.Once
	like  map[certify.Access][]int // made when it is asked for first

	deciding sync.Mutex // held by whoever writes decisions; those who only look do not wait for the store

	mu     sync.RWMutex // guards what follows
	c      provisioning.Campaign
	board  *certify.Board
	counts ReviewCounts
}

// ReviewCounts are how the items of a campaign stand, in the stage under way.
type ReviewCounts struct {
	Items   int `json:"items"`
	Kept    int `json:"kept"`
	Revoked int `json:"revoked"`
	Asked   int `json:"asked"`
	Open    int `json:"open"` // neither kept nor revoked; those that were asked about are among them
	Mine    int `json:"mine"` // open, and this operator's to decide
	Own     int `json:"own"`  // the operator's own access: somebody else decides
}

func newReview(c *provisioning.Campaign, items []provisioning.ReviewItem, me provisioning.Reviewer) *Review {
	r := &Review{items: items, me: me, own: make([]bool, len(items)), c: *c, board: certify.NewBoard(c, items)}
	for i := range items {
		switch { // an account's items stand together, and are all of the same person
		case me.Key == "":
		case i > 0 && items[i].Account == items[i-1].Account:
			r.own[i] = r.own[i-1]
		default:
			r.own[i] = certify.Own(&items[i], me)
		}
	}
	return r
}

// fresh counts a campaign that nobody has decided in yet.
func (r *Review) fresh() *Review {
	r.counts = ReviewCounts{Items: len(r.items), Open: len(r.items)}
	for i := range r.items {
		if r.me.Key != "" && r.items[i].Reviewer == r.me.Key {
			r.counts.Mine++
		}
		if r.own[i] {
			r.counts.Own++
		}
	}
	return r
}

// count counts anew.
func (r *Review) count() {
	r.counts = ReviewCounts{Items: len(r.items)}
	for i := range r.items {
		s, _ := r.board.State(r.items[i].N)
		r.add(&s, i, 1)
	}
}

// add counts one state in or out.
func (r *Review) add(s *certify.State, i, n int) {
	switch s.Final() {
	case provisioning.ReviewKeep:
		r.counts.Kept += n
	case provisioning.ReviewRevoke:
		r.counts.Revoked += n
	default:
		r.counts.Open += n
	}
	if s.Verdict == provisioning.ReviewAsk {
		r.counts.Asked += n
	}
	if s.Here && s.Verdict != provisioning.ReviewKeep && s.Verdict != provisioning.ReviewRevoke && r.me.Key != "" && s.Reviewer == r.me.Key {
		r.counts.Mine += n
	}
	if r.own[i] {
		r.counts.Own += n
	}
}

// Campaign gives the campaign as it stands.
func (r *Review) Campaign() provisioning.Campaign {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.c
}

// Len is how many items it has; Item gives one by its place from 0. It is the review's: do not change it.
func (r *Review) Len() int { return len(r.items) }

// Item gives an item by its place.
func (r *Review) Item(i int) *provisioning.ReviewItem { return &r.items[i] }

// Me is the operator as a reviewer; its Key is "" where they are none.
func (r *Review) Me() provisioning.Reviewer { return r.me }

// State says where the item at a place stands.
func (r *Review) State(i int) ReviewState {
	r.mu.RLock()
	defer r.mu.RUnlock()
	s, _ := r.board.State(r.items[i].N)
	return s
}

// Counts are how the items stand.
func (r *Review) Counts() ReviewCounts {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.counts
}

// Own reports whether the item at a place is this operator's own access.
func (r *Review) Own(i int) bool { return r.own[i] }

// May says why this operator may not give a verdict on the item at a place; nil where they may.
func (r *Review) May(i int, verdict provisioning.ReviewVerdict) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.may(i, Verdict{Verdict: verdict, Reason: "?", To: provisioning.Reviewer{Key: "?"}})
}

// ReviewFilter says which items a list shows.
type ReviewFilter struct {
	Which string // "": all; mine, open, kept, revoked, asked, alarms
	Text  string // words of the name, the account, the library, the group; folded
}

// Select lists the places of the items that a filter shows, in their order. It looks at every item: call it where one may wait.
func (r *Review) Select(f ReviewFilter) []int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	words := strings.Fields(names.Fold(f.Text))
	list := make([]int, 0, len(r.items))
	for i := range r.items {
		if r.shows(i, f.Which) && has(&r.items[i], words) {
			list = append(list, i)
		}
	}
	return list
}

func (r *Review) shows(i int, which string) bool {
	if which == "" {
		return true
	}
	if which == "alarms" {
		return len(r.items[i].Alarms)+len(r.items[i].Walls) > 0 || r.items[i].Standing == provisioning.StandsExcess
	}
	s, _ := r.board.State(r.items[i].N)
	final := s.Final()
	switch which {
	case "mine":
		return s.Here && s.Reviewer == r.me.Key && r.me.Key != "" && s.Verdict != provisioning.ReviewKeep && s.Verdict != provisioning.ReviewRevoke
	case "open":
		return final == ""
	case "kept":
		return final == provisioning.ReviewKeep
	case "revoked":
		return final == provisioning.ReviewRevoke
	case "asked":
		return s.Verdict == provisioning.ReviewAsk
	default:
		return false
	}
}

func has(it *provisioning.ReviewItem, words []string) bool {
	if len(words) == 0 {
		return true
	}
	text := names.Fold(it.Name + " " + it.Account + " " + it.Library + " " + it.Object + " " + it.Role + " " + it.Office + " " + it.Practice)
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
}

// Like lists the places of the items that are like the one at a place: the same library, group or role, of whomever, that are open, and
// this operator's to decide. The one itself is among them.
func (r *Review) Like(i int) []int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	r.alike.Do(func() {
		r.like = make(map[certify.Access][]int)
		for j := range r.items {
			k := certify.AccessOf(&r.items[j])
			k.Account = ""
			r.like[k] = append(r.like[k], j)
		}
	})
	k := certify.AccessOf(&r.items[i])
	k.Account = ""
	var list []int
	for _, j := range r.like[k] {
		if j == i || (r.shows(j, "mine") && r.items[j].Standing == r.items[i].Standing) {
			list = append(list, j)
		}
	}
	return list
}

// Verdict is what an operator wants to do with items of a campaign.
type Verdict struct {
	Verdict provisioning.ReviewVerdict // "" takes a verdict back
	Reason  string                     // of an ask the question
	To      provisioning.Reviewer      // of a delegation
}

// may holds one wish. Whoever may approve may hand over what is somebody else's or nobody's, so that nothing is stuck.
func (r *Review) may(i int, v Verdict) error {
	s, _ := r.board.State(r.items[i].N)
	return certify.May(&r.c, &r.items[i], &s, certify.Act{Reviewer: r.me, By: r.me, Verdict: v.Verdict, Reason: v.Reason, To: v.To})
}

// Campaigns lists the access reviews, the newest first.
func (d *Desk) Campaigns(ctx context.Context) ([]*provisioning.Campaign, error) {
	return d.deps.Store.Campaigns(ctx)
}

// reviewer is the operator as a campaign knows them.
func (d *Desk) reviewer(c *provisioning.Campaign) provisioning.Reviewer {
	for _, r := range c.Reviewers {
		if r.Operator && r.Key == d.deps.Operator.Name {
			return r
		}
	}
	return provisioning.Reviewer{Person: d.deps.Operator.Person, Account: strings.ToUpper(d.deps.Operator.Account)}
}

func (d *Desk) keepReview(r *Review) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.reviews == nil {
		d.reviews = make(map[int64]*Review)
	}
	d.reviews[r.c.ID] = r
}

// OpenReview opens a campaign: its items and every decision so far. In the process that owns the store it is opened once.
func (d *Desk) OpenReview(ctx context.Context, id int64) (*Review, error) {
	d.mu.Lock()
	r := d.reviews[id]
	d.mu.Unlock()
	if r != nil && d.deps.Store.ReadOnly() == "" {
		return r, nil
	}
	c, err := d.deps.Store.Campaign(ctx, id)
	if err != nil {
		return nil, err
	}
	items, err := d.deps.Store.ReviewItems(ctx, id)
	if err != nil {
		return nil, err
	}
	r = newReview(c, items, d.reviewer(c))
	decided := false
	if err := d.deps.Store.ReviewDecisions(ctx, id, func(one provisioning.ReviewDecision) error { decided = true; r.board.Take(one); return nil }); err != nil {
		return nil, err
	}
	if decided {
		r.count()
	} else {
		r.fresh()
	}
	d.keepReview(r)
	return r, nil
}

// DecideReview takes a verdict on the items at some places, all or none. It is durable when it returns.
func (d *Desk) DecideReview(ctx context.Context, r *Review, places []int, v Verdict) error {
	if err := d.mayChange(); err != nil {
		return err
	}
	v.Reason = strings.TrimSpace(v.Reason)
	r.deciding.Lock()
	defer r.deciding.Unlock()
	decisions := make([]provisioning.ReviewDecision, 0, len(places))
	for _, i := range places {
		if i < 0 || i >= len(r.items) {
			return &provisioning.Error{Code: provisioning.NotFound, Message: fmt.Sprintf("the campaign has no item %d", i+1)}
		}
		one := provisioning.ReviewDecision{
			Item: r.items[i].N, Stage: r.c.Stage, Verdict: v.Verdict, Reason: v.Reason, To: v.To.Key, Reviewer: r.me.Key, By: d.deps.Operator.Name, How: "console", At: d.now(),
		}
		if err := d.mayDecide(r, i, v, &one); err != nil {
			return itemError(&r.items[i], err)
		}
		decisions = append(decisions, one)
	}
	if len(decisions) == 0 {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "nothing is marked"}
	}
	if err := d.deps.Store.DecideReview(ctx, r.c.ID, decisions, d.reviewEvent(&r.c, decisions, wordOf(v))); err != nil {
		return err
	}
	r.take(decisions)
	return nil
}

// mayDecide holds a verdict on one item. A delegation by somebody who may approve is whoever's it was: nothing stays with nobody.
func (d *Desk) mayDecide(r *Review, i int, v Verdict, one *provisioning.ReviewDecision) error {
	err := r.may(i, v)
	approves := d.deps.Operator.Role == provisioning.RoleApprover || d.deps.Operator.Role == provisioning.RoleAdministrator
	if v.Verdict != provisioning.ReviewDelegate {
		return err
	}
	known := slices.ContainsFunc(r.c.Reviewers, func(have provisioning.Reviewer) bool { return have.Key == v.To.Key })
	if !known {
		return &provisioning.Error{Code: provisioning.Invalid, Message: v.To.Key + " is no reviewer of this campaign", Hint: "hand it to one of its reviewers"}
	}
	if err == nil || !approves {
		return err
	}
	s, _ := r.board.State(r.items[i].N)
	of := provisioning.Reviewer{Key: s.Reviewer}
	if of.Key == "" {
		of.Key, s.Reviewer = "nobody", "nobody"
	}
	one.Reviewer = of.Key
	return certify.May(&r.c, &r.items[i], &s, certify.Act{Reviewer: of, Verdict: v.Verdict, Reason: v.Reason, To: v.To})
}

// take brings decisions that are kept into the board, and the counts.
func (r *Review) take(decisions []provisioning.ReviewDecision) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range decisions {
		i := one.Item - 1
		before, _ := r.board.State(one.Item)
		r.board.Take(one)
		after, _ := r.board.State(one.Item)
		r.add(&before, i, -1)
		r.add(&after, i, 1)
	}
}

// itemError says of whom an error is.
func itemError(it *provisioning.ReviewItem, err error) error {
	var e *provisioning.Error
	if !errors.As(err, &e) {
		return err
	}
	said := *e
	said.Message = fmt.Sprintf("%s, %s: %s", it.Account, certify.What(it), e.Message)
	return &said
}

func wordOf(v Verdict) string {
	switch v.Verdict {
	case "":
		return "took back"
	case provisioning.ReviewDelegate:
		return "handed to " + v.To.Key
	default:
		return string(v.Verdict)
	}
}

// mostItemsNamed is how many items an event names; the digest holds them all.
const mostItemsNamed = 20

// reviewEvent is the record's word on decisions: which items, and the digest of all that was decided, so that no row of the store can be
// changed without the record telling.
func (d *Desk) reviewEvent(c *provisioning.Campaign, decisions []provisioning.ReviewDecision, word string) provisioning.Event {
	numbers := make([]string, 0, mostItemsNamed+1)
	for i := range decisions {
		if i == mostItemsNamed {
			numbers = append(numbers, fmt.Sprintf("and %d more", len(decisions)-i))
			break
		}
		numbers = append(numbers, fmt.Sprint(decisions[i].Item))
	}
	return d.event(provisioning.EventReview, fmt.Sprintf("review %d", c.ID), fmt.Sprintf("%s: item %s; sha256 %s", word, strings.Join(numbers, ", "), DecisionsDigest(decisions)))
}

// DecisionsDigest is the digest of decisions by which the record knows them: hex SHA-256 of their compact JSON, one a line.
func DecisionsDigest(decisions []provisioning.ReviewDecision) string {
	h := sha256.New()
	e := json.NewEncoder(h)
	for i := range decisions {
		one := decisions[i]
		one.At = one.At.UTC().Round(time.Nanosecond)
		_ = e.Encode(&one) // a hash takes whatever it is given
	}
	return hex.EncodeToString(h.Sum(nil))
}
