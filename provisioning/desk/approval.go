package desk

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
	"rollcall/provisioning/staging"
)

// Exchange is where requests for an approval are laid out for those who approve on another machine, and where their answers are found.
type Exchange interface {
	// Put lays a request out, in place of an earlier one for the same batch (0: for the policy). It says where.
	Put(ctx context.Context, batch int64, request []byte) (where string, err error)
	// Answers are the approvals of a batch (0: of the policy) that were laid there.
	Answers(ctx context.Context, batch int64) ([][]byte, error)
	// Clear takes away what was laid out for a batch, and what was answered beside it.
	Clear(ctx context.Context, batch int64) error
}

// Second is how it stands with a second person's approval, for a screen. All raw strings.
type Second struct {
	Needs  string // why one is needed; "" where none is
	Covers string // what an approval of the batch as it stands covers
	// Words are the four words that are read over the phone. A screen shows them to whoever asks (MayNot is not ""): whoever may approve
	// hears them.
	Words []string
	State string // "nobody approved it yet", "approved by … 14:02, until …", "void: …"
	Given bool   // an approval counts now
	Asked string // where the request was laid out by this process, or why it was not; "" where it was not tried
	// MayNot says why this operator may not approve it, "" where they may.
	MayNot string
}

// asked is a request that this process laid out.
type asked struct{ covers, told string }

// realm names this firm and its document system: an approval counts nowhere else.
func (d *Desk) realm() string { return d.deps.Firm + " · " + d.deps.Tenant }

// keyName is a short name of a public key.
func keyName(key ed25519.PublicKey) string {
	const enough = 8
	return hex.EncodeToString(key[:min(enough, len(key))])
}

// save saves a batch, and remembers that this operator had a hand in it: they cannot approve it any more.
func (d *Desk) save(ctx context.Context, b *provisioning.Batch, e provisioning.Event) error {
	if key := d.deps.Operator.Key(); key != "" && !slices.Contains(b.Hands, key) {
		b.Hands = append(slices.Clone(b.Hands), key)
	}
	return d.deps.Store.SaveBatch(ctx, b, e)
}

// needs says why a batch needs a second person by the policy that counts, "" where it does not.
func (d *Desk) needs(b *provisioning.Batch) string {
	here := func(r provisioning.Release) bool { return r.Hash == b.Hash }
	w := policy.Weighs{People: len(b.Units), Released: slices.ContainsFunc(b.Singly, here) || (b.Release != nil && here(*b.Release))}
	for i := range b.Units {
		u := &b.Units[i]
		if u.EndsAccess() {
			w.Lose++
		}
		if slices.ContainsFunc(u.Ops, func(o provisioning.Op) bool { return o.Change.Kind == provisioning.EnableAccount }) {
			w.Opens++
		}
	}
	return d.policy().Approval.Needs(w)
}

// approver finds whom the configuration maps to a person, by their key: several accounts of one person are one person.
func (d *Desk) approver(key string) (name string, known, may bool) {
	for _, o := range append([]provisioning.Operator{d.deps.Operator}, d.deps.Mapped...) {
		if key == "" || o.Key() != key {
			continue
		}
		if name == "" || mayApprove(o.Role) {
			name = o.Name
		}
		known, may = true, may || mayApprove(o.Role)
	}
	return name, known, may
}

func mayApprove(r provisioning.Role) bool {
	return r == provisioning.RoleApprover || r == provisioning.RoleAdministrator
}

// worth says why an approval of a batch is worth nothing now, "" where it counts: its signature is checked with the key that the
// configuration has for the person, whatever the store says (threats H1).
func (d *Desk) worth(b *provisioning.Batch, a *provisioning.Approval) string {
	name, known, may := d.approver(a.Approver)
	switch {
	case !known:
		return "nobody in config.toml is the person who gave it"
	case !may:
		return name + " may not approve"
	case b.Sealed() && !slices.ContainsFunc(b.Readers, func(reader string) bool { return d.isPerson(reader, a.Approver) }):
		return name + " is none of the sealed batch's readers"
	}
	now := d.now()
	if b.State == provisioning.BatchScheduled && now.After(a.At) { // it counted when the minute was confirmed: that does not end
		now = a.At
	}
	return staging.CheckApproval(d.realm(), b, a, d.deps.ApprovalKeys[a.Approver], now)
}

// isPerson reports whether an operator's name is one of a person's.
func (d *Desk) isPerson(name, key string) bool {
	return slices.ContainsFunc(append([]provisioning.Operator{d.deps.Operator}, d.deps.Mapped...), func(o provisioning.Operator) bool {
		return o.Name == name && o.Key() == key
	})
}

// approval gives the approval that counts for a batch as it stands, or why none does.
func (d *Desk) approval(b *provisioning.Batch) (*provisioning.Approval, string) {
	why := "nobody approved it yet"
	for i := len(b.Approvals) - 1; i >= 0; i-- {
		a := &b.Approvals[i]
		not := d.worth(b, a)
		if not == "" {
			return a, ""
		}
		if i == len(b.Approvals)-1 {
			why = fmt.Sprintf("void: %s approved it, and that does not count: %s", a.By, not)
		}
	}
	return nil, why
}

// approvedBy is approval with everybody who had a hand in the batch by the record's word as well: a program that writes to the database
// can make it forget a hand, and not the record (threats H1).
func (d *Desk) approvedBy(ctx context.Context, b *provisioning.Batch) (*provisioning.Approval, string, error) {
	if len(b.Approvals) == 0 {
		a, why := d.approval(b)
		return a, why, nil
	}
	whole := *b
	var err error
	if whole.Hands, err = d.hands(ctx, b); err != nil {
		return nil, "", err
	}
	a, why := d.approval(&whole)
	return a, why, nil
}

// hands are the people who had a hand in a batch: those whom the store names, and those of whom the record says so.
func (d *Desk) hands(ctx context.Context, b *provisioning.Batch) ([]string, error) {
	hands := slices.Clone(b.Hands)
	err := d.deps.Store.Records(ctx, 1, func(r provisioning.Record) error {
		e := &r.Event
		if e.Batch != b.ID || e.Person == "" || slices.Contains(hands, e.Person) {
			return nil
		}
		switch e.Kind {
		case provisioning.EventStaged, provisioning.EventReviewed, provisioning.EventReleased:
			hands = append(hands, e.Person)
		default:
		}
		return nil
	})
	return hands, err
}

// second says how it stands with a batch's second person.
func (d *Desk) second(b *provisioning.Batch) Second {
	s := Second{Needs: b.Needs}
	if s.Needs == "" || b.Hash == "" {
		return s
	}
	if begun(b.State) { // it was let go by the one that counted then
		for _, a := range b.Approvals {
			if a.Hash == b.Hash && !a.Void {
				s.Given, s.State = true, approvedSentence(&a)
			}
		}
		return s
	}
	s.Covers = staging.Covers(b)
	d.mu.Lock()
	if laid, ok := d.asked[b.ID]; ok && laid.covers == s.Covers {
		s.Asked = laid.told
	}
	d.mu.Unlock()
	a, why := d.approval(b)
	if a != nil {
		s.Given, s.State = true, approvedSentence(a)
		return s
	}
	s.State, s.Words, s.MayNot = why, staging.Words(s.Covers), d.mayNotApprove(b)
	return s
}

func approvedSentence(a *provisioning.Approval) string {
	return fmt.Sprintf("approved by %s %s, until %s", a.By, a.At.Local().Format("2 Jan 15:04"), a.Until.Local().Format("2 Jan 15:04"))
}

// mayNotApprove says why this operator may not approve a batch.
func (d *Desk) mayNotApprove(b *provisioning.Batch) string {
	o := d.deps.Operator
	switch {
	case !mayApprove(o.Role):
		return o.Name + " is a " + string(o.Role) + ": an approver or an administrator approves"
	case slices.Contains(b.Hands, o.Key()):
		return "you had a hand in this batch: another person must approve it"
	default:
		return d.mayNotSign()
	}
}

// mayNotSign says why nothing that this operator approves would count.
func (d *Desk) mayNotSign() string {
	o := d.deps.Operator
	switch {
	case o.Key() == "":
		return o.Name + " is mapped to no person in config.toml: nobody knows who approves"
	case d.deps.ApprovalKey == nil || d.deps.ApprovalKeys[o.Key()] == nil:
		return "config.toml has no approval_key of yours: rollcall approve key makes one, and says what to write there"
	default:
		return ""
	}
}

// waits reports whether a reviewed batch waits for a second person, and that may be this one: looking at it leaves no hand in it.
func (d *Desk) waits(b *provisioning.Batch) bool {
	return b.Needs != "" && d.needs(b) != "" && d.mayNotApprove(b) == ""
}

// secondPerson holds a batch that needs an approval which it does not have. What is to be approved is saved, and laid out for those who
// approve elsewhere.
func (d *Desk) secondPerson(ctx context.Context, b *provisioning.Batch, verdicts []provisioning.Verdict, released string) error {
	needs := d.needs(b)
	if needs == "" && b.Needs == "" {
		return nil
	}
	if needs != "" {
		b.Needs = needs
	}
	a, why, err := d.approvedBy(ctx, b)
	if err != nil || a != nil {
		return err
	}
	if err := d.known(); err != nil {
		return err
	}
	if err := d.keepWaiting(ctx, b, released); err != nil {
		return err
	}
	held := &provisioning.Error{Code: provisioning.Held, Message: fmt.Sprintf("batch %d needs a second person (%s)", b.ID, b.Needs), Err: waiting(why)}
	if d.mayNotApprove(b) == "" {
		held.Hint = "whoever asked for it reads you the four words: approve it with them"
		return held
	}
	held.Hint = "read an approver the four words: " + strings.Join(staging.Words(staging.Covers(b)), " ")
	if told := d.ask(ctx, b, verdicts); told != "" {
		held.Hint += "; " + told
	}
	return held
}

// waiting is why an approval is still to come.
type waiting string

func (w waiting) Error() string { return string(w) }

// Waits reports whether an order was refused for nothing but a second person's approval that is still to come: the batch stays as it was
// ordered, and goes once it is approved.
func Waits(err error) bool {
	var w waiting
	return errors.As(err, &w)
}

// keepWaiting saves a batch that waits for an approval, where it is another one than in the store: released, or for another minute.
func (d *Desk) keepWaiting(ctx context.Context, b *provisioning.Batch, released string) error {
	kept, err := d.deps.Store.Batch(ctx, b.ID)
	if err != nil {
		return err
	}
	if released == "" && kept.Hash == b.Hash && kept.Needs == b.Needs && kept.State != provisioning.BatchDraft {
		return nil
	}
	if kept.State == provisioning.BatchScheduled {
		return &provisioning.Error{
			Code: provisioning.Held, Message: fmt.Sprintf("batch %d was approved for its minute alone", b.ID), Hint: "take it out of the calendar, review it, and ask for another approval",
		}
	}
	e := d.batchEvent(provisioning.EventReviewed, b.ID, "hash "+b.Hash+", for approval: "+b.Needs)
	if released != "" {
		e = d.batchEvent(provisioning.EventReleased, b.ID, released)
	}
	b.State = provisioning.BatchReviewed
	if err := d.save(ctx, b, e); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.draft != nil && d.draft.ID == b.ID {
		d.setDraft(b)
	}
	return nil
}

// known refuses an operator of whom nobody knows who they are, where four eyes are asked for.
func (d *Desk) known() error {
	if d.deps.Operator.Key() != "" {
		return nil
	}
	return &provisioning.Error{
		Code: provisioning.Held, Message: d.deps.Operator.Name + " is mapped to no person, and this needs two different people",
		Hint: "give the operator a person in config.toml",
	}
}

// ask lays the request for an approval out, once for what it covers, and says where or why not. A sealed batch is laid out nowhere: a
// shared folder has other readers, so its request is carried by hand.
func (d *Desk) ask(ctx context.Context, b *provisioning.Batch, verdicts []provisioning.Verdict) (told string) {
	if b.Sealed() {
		return "the batch is sealed, so its request is laid out nowhere: rollcall approve request writes it for one of its readers"
	}
	covers := staging.Covers(b)
	data, err := d.request(b, verdicts)
	if err != nil {
		return "the request could not be written: " + err.Error()
	}
	return d.lay(ctx, b.ID, covers, data)
}

// lay puts a request where approvers look, and remembers that.
func (d *Desk) lay(ctx context.Context, batch int64, covers string, data []byte) (told string) {
	if d.deps.Exchange == nil {
		return ""
	}
	where, err := d.deps.Exchange.Put(ctx, batch, data)
	told = "the request is in " + where
	if err != nil {
		told = "the request could not be laid out (" + err.Error() + "): rollcall approve request writes it to a file"
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.asked == nil {
		d.asked = make(map[int64]asked)
	}
	d.asked[batch] = asked{covers, told}
	return told
}

// withdraw takes a request away that nobody is to answer any more. What is left counts for nothing.
func (d *Desk) withdraw(ctx context.Context, batch int64) {
	if d.deps.Exchange != nil {
		_ = d.deps.Exchange.Clear(ctx, batch)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.asked, batch)
}

// laid reports whether the request for what an approval covers was laid out by this process.
func (d *Desk) laid(batch int64, covers string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked[batch].covers == covers
}

func (d *Desk) request(b *provisioning.Batch, verdicts []provisioning.Verdict) ([]byte, error) {
	whole := cloneBatch(b)
	whole.Approvals = nil
	o := d.deps.Operator
	return json.MarshalIndent(staging.NewRequest(d.realm(), whole, o.Key(), o.Name, d.now(), d.validFor(), verdicts), "", " ")
}
