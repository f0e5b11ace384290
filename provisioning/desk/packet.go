package desk

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/certify"
	"rollcall/provisioning/certify/handout"
)

// PacketFile is a file for a reviewer without a console. Words are what the operator tells them by phone, and by nothing else: without
// them the file signs nothing. "" for a format that does not sign.
type PacketFile struct {
	Name   string
	Data   []byte
	Words  string
	Packet provisioning.ReviewPacket
}

// Imported says what an answer brought.
type Imported struct {
	Campaign  int64
	Reviewer  provisioning.Reviewer
	Decisions int
	Kept      int
	Revoked   int
	Asked     int
	Signed    bool // with the packet's own key; else the operator who took it in vouches for it
	// Refused are the decisions that were not taken, each with the reason: the rest was.
	Refused []string
}

// packetGrace is how long after its stage's due date a packet may still be answered: what is late is better decided than not.
const packetGrace = 30 * 24 * time.Hour

// MakePacket makes a file with what is a reviewer's to decide and is not decided yet, in a format: html, which works offline and signs, or
// xlsx. An earlier file of the same format that was not answered does not count any more. It is Held where the reviewer has nothing open.
func (d *Desk) MakePacket(ctx context.Context, r *Review, reviewer, format string) (*PacketFile, error) {
	if err := d.mayChange(); err != nil {
		return nil, err
	}
	c := r.Campaign()
	at := slices.IndexFunc(c.Reviewers, func(one provisioning.Reviewer) bool { return one.Key == reviewer })
	switch {
	case at < 0:
		return nil, &provisioning.Error{Code: provisioning.NotFound, Message: reviewer + " is no reviewer of this campaign", Hint: "hand them items first"}
	case c.State != provisioning.CampaignOpen:
		return nil, &provisioning.Error{Code: provisioning.Stale, Message: fmt.Sprintf("the campaign is %s", c.State)}
	}
	in := handout.Input{
		Campaign: &c, Firm: d.deps.Firm, Reviewer: c.Reviewers[at], Prior: make(map[int]handout.Prior), MadeBy: d.deps.Operator.Name, Now: d.now(),
		Expires: c.Stages[c.Stage].Due.Add(packetGrace), Format: format, Rand: rand.Reader,
	}
	if in.Expires.Before(in.Now) {
		in.Expires = in.Now.Add(packetGrace)
	}
	r.mu.RLock()
	for i := range r.items {
		s, _ := r.board.State(r.items[i].N)
		open := s.Here && s.Reviewer == reviewer && s.Verdict != provisioning.ReviewKeep && s.Verdict != provisioning.ReviewRevoke
		if !open || (!c.SelfReview && certify.Own(&r.items[i], in.Reviewer)) {
			continue
		}
		in.Items = append(in.Items, r.items[i])
		if p := s.Proposed; p != nil {
			in.Prior[s.Item] = handout.Prior{Verdict: p.Verdict, Reviewer: p.Reviewer, Reason: p.Reason}
		}
	}
	r.mu.RUnlock()
	f, err := handout.Make(in)
	if err != nil {
		return nil, err
	}
	e := d.event(provisioning.EventReview, reviewSubject(c.ID), fmt.Sprintf("made packet %s (%s) of %d items for %s, items sha256 %s", f.Packet.ID, format, len(in.Items), reviewer, f.Packet.Hash))
	if err := d.deps.Store.SavePacket(ctx, f.Packet, e); err != nil {
		return nil, err
	}
	return &PacketFile{Name: fmt.Sprintf("rollcall-review-%d-%s.%s", c.ID, f.Packet.ID[:8], format), Data: f.Data, Words: f.Words, Packet: f.Packet}, nil
}

// Packets lists the files that were made of a campaign, the oldest first.
func (d *Desk) Packets(ctx context.Context, id int64) ([]provisioning.ReviewPacket, error) {
	return d.deps.Store.Packets(ctx, id)
}

// ImportAnswer takes in what a reviewer sent back, once. A decision that is not theirs any more (it was handed on meanwhile, or decided in
// another stage) is left out and named; the rest is kept, all in one. Nothing of a file that does not hold is taken.
func (d *Desk) ImportAnswer(ctx context.Context, data []byte) (*Imported, error) {
	if err := d.mayChange(); err != nil {
		return nil, err
	}
	var r *Review
	a, err := handout.Read(data, func(id string) (provisioning.ReviewPacket, []provisioning.ReviewItem, error) {
		p, err := d.deps.Store.Packet(ctx, id)
		if err != nil {
			return p, nil, err
		}
		if r, err = d.OpenReview(ctx, p.Campaign); err != nil {
			return p, nil, err
		}
		items := make([]provisioning.ReviewItem, 0, len(p.Items))
		for _, n := range p.Items {
			if n < 1 || n > len(r.items) {
				return p, nil, &provisioning.Error{Code: provisioning.Invalid, Message: "the packet names an item that the campaign does not have"}
			}
			items = append(items, r.items[n-1])
		}
		return p, items, nil
	}, d.now())
	if err != nil {
		return nil, err
	}
	r.deciding.Lock()
	defer r.deciding.Unlock()
	c := r.Campaign()
	i := slices.IndexFunc(c.Reviewers, func(one provisioning.Reviewer) bool { return one.Key == a.Packet.Reviewer })
	if i < 0 || a.Packet.Stage != c.Stage {
		return nil, &provisioning.Error{Code: provisioning.Stale, Message: "the campaign is in another stage than the packet", Hint: "make another packet for the reviewer"}
	}
	in := &Imported{Campaign: c.ID, Reviewer: c.Reviewers[i], Signed: a.Signed}
	by := provisioning.Reviewer{}
	if !a.Signed { // whoever carries an unsigned answer in may not carry in one about their own access
		by = provisioning.Reviewer{Person: d.deps.Operator.Person, Account: d.deps.Operator.Account}
	}
	var decisions []provisioning.ReviewDecision
	for _, one := range a.Decisions {
		it := &r.items[one.Item-1]
		r.mu.RLock()
		s, _ := r.board.State(one.Item)
		r.mu.RUnlock()
		if err := certify.May(&c, it, &s, certify.Act{Reviewer: in.Reviewer, By: by, Verdict: one.Verdict, Reason: one.Reason}); err != nil {
			in.Refused = append(in.Refused, itemError(it, err).Error())
			continue
		}
		in.count(one.Verdict)
		decisions = append(decisions, provisioning.ReviewDecision{
			Item: one.Item, Stage: c.Stage, Verdict: one.Verdict, Reason: one.Reason, Reviewer: in.Reviewer.Key, By: d.deps.Operator.Name,
			How: a.Packet.Format + " " + a.Packet.ID, At: d.now(),
		})
	}
	if len(decisions) == 0 {
		return in, &provisioning.Error{Code: provisioning.Held, Message: "nothing of this answer counts: " + in.Refused[0], Hint: "make another packet for the reviewer"}
	}
	sum := sha256.Sum256(data)
	p := a.Packet
	p.TakenAt, p.Answer = d.now(), hex.EncodeToString(sum[:])
	how := "signed by the packet's key"
	if !a.Signed {
		how = "NOT signed: " + d.deps.Operator.Name + " took it in"
	}
	e := d.reviewEvent(&c, decisions, fmt.Sprintf("answer of %s to packet %s, %s, sha256 %s: %d kept, %d revoked, %d asked, %d left out", in.Reviewer.Key, p.ID, how, p.Answer,
		in.Kept, in.Revoked, in.Asked, len(in.Refused)))
	if err := d.deps.Store.TakePacket(ctx, p, decisions, e); err != nil {
		return nil, err
	}
	r.take(decisions)
	return in, nil
}

func (in *Imported) count(v provisioning.ReviewVerdict) {
	in.Decisions++
	switch v {
	case provisioning.ReviewKeep:
		in.Kept++
	case provisioning.ReviewRevoke:
		in.Revoked++
	default:
		in.Asked++
	}
}
