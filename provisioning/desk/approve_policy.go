package desk

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/staging"
)

// signedWord stands in the record before an approval of a policy: the record is the place where those are kept, since its rows are
// sealed and the approval is signed.
const signedWord = "; signed: "

// policyNeeds says why the policy of the file counts only once two people accepted it; "" where one is enough. Either policy may ask for
// that, so that nobody alone takes the rule out.
func (d *Desk) policyNeeds() string {
	p := d.rules.Load()
	if p == nil || p.pending == nil || p.broken != nil {
		return ""
	}
	next, err := p.pending.Parse()
	if err != nil {
		return ""
	}
	if !p.kept.Approval.Policy && !next.Approval.Policy {
		return ""
	}
	return "the policy asks for two people before another one counts"
}

// policyApprovals are the approvals of a policy that count now, by the people who gave them.
func (d *Desk) policyApprovals(ctx context.Context, hash string) (map[string]*provisioning.Approval, error) {
	found := make(map[string]*provisioning.Approval)
	err := d.deps.Store.Records(ctx, 1, func(r provisioning.Record) error {
		_, word, ok := strings.Cut(r.Event.Detail, signedWord)
		if r.Event.Kind != provisioning.EventPolicy || r.Event.Subject != hash || !ok {
			return nil
		}
		data, err := base64.StdEncoding.DecodeString(word)
		var a provisioning.Approval
		if err != nil || json.Unmarshal(data, &a) != nil {
			return nil //nolint:nilerr // it counts for nothing
		}
		if staging.CheckPolicyApproval(d.realm(), hash, &a, d.signs(a.Approver), d.now()) == "" {
			found[a.Approver] = &a
		}
		return nil
	})
	return found, err
}

// policySecond says how it stands with the second person for the policy of the file.
func (d *Desk) policySecond(ctx context.Context) (Second, error) {
	s := Second{Needs: d.policyNeeds()}
	p := d.rules.Load()
	if s.Needs == "" || p == nil {
		return s, nil
	}
	s.Covers = staging.PolicyCovers(p.hash)
	given, err := d.policyApprovals(ctx, p.hash)
	if err != nil {
		return s, err
	}
	own := d.deps.Operator.Key()
	s.State = "nobody approved it yet"
	for key, a := range given {
		if key == own {
			s.State = "you accepted it, until " + a.Until.Local().Format("2 Jan 15:04") + "; another person must too"
			continue
		}
		s.Given, s.State = true, approvedSentence(a)
		return s, nil
	}
	d.mu.Lock()
	if laid, ok := d.asked[0]; ok && laid.covers == s.Covers {
		s.Asked = laid.told
	}
	d.mu.Unlock()
	s.Words = staging.Words(s.Covers)
	return s, nil
}

// twoForPolicy holds a policy that needs a second person whose approval is not there. The first one's acceptance is signed and recorded:
// the second accepts it at the same store, or approves its request on another machine. It returns who approved it, "" where nobody must.
func (d *Desk) twoForPolicy(ctx context.Context, effect *PolicyEffect) (with string, err error) {
	if effect.Second.Needs == "" {
		return "", nil
	}
	if err := d.known(); err != nil {
		return "", err
	}
	given, err := d.policyApprovals(ctx, effect.Hash)
	if err != nil {
		return "", err
	}
	own := d.deps.Operator.Key()
	for key, a := range given {
		if key != own {
			return fmt.Sprintf("; approved by %s (%s), key %s", a.By, a.Approver, keyName(a.PublicKey)), nil
		}
	}
	if given[own] == nil && d.mayNotSign() == "" {
		if err := d.signPolicy(ctx, effect.Hash); err != nil {
			return "", err
		}
	}
	hint := "another approver or administrator accepts it too, or approves its request: read them the four words " + strings.Join(effect.Second.Words, " ")
	if told := d.askPolicy(ctx, effect); told != "" {
		hint += "; " + told
	}
	return "", &provisioning.Error{Code: provisioning.Held, Message: "this policy needs a second person: " + effect.Second.Needs, Hint: hint}
}

// signPolicy records that this operator accepts a policy.
func (d *Desk) signPolicy(ctx context.Context, hash string) error {
	key, err := d.deps.ApprovalKey(ctx)
	if err != nil {
		return err
	}
	o := d.deps.Operator
	r := staging.NewPolicyRequest(d.realm(), staging.PolicyAsk{Hash: hash}, o.Key(), o.Name, d.now(), d.validFor())
	a := r.Approve(o.Name, o.Key(), d.now())
	if err := staging.Sign(ctx, d.realm(), key, &a); err != nil {
		return err
	}
	return d.recordPolicyApproval(ctx, &a, "")
}

func (d *Desk) recordPolicyApproval(ctx context.Context, a *provisioning.Approval, how string) error {
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	told := fmt.Sprintf("approved by %s (%s)%s, until %s: it counts once two people accept it", a.By, a.Approver, how, a.Until.UTC().Format("2006-01-02 15:04 UTC"))
	return d.deps.Store.Append(ctx, d.event(provisioning.EventPolicy, a.Hash, told+signedWord+base64.StdEncoding.EncodeToString(data)))
}

// importPolicy takes in an approval of the policy of the file.
func (d *Desk) importPolicy(ctx context.Context, a *provisioning.Approval) error {
	if err := d.loadPolicy(ctx); err != nil {
		return err
	}
	p := d.rules.Load()
	if d.policyNeeds() == "" || p == nil {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "no policy waits for a second person"}
	}
	why := staging.CheckPolicyApproval(d.realm(), p.hash, a, d.signs(a.Approver), d.now())
	if why == "" && a.Until.Sub(a.At) > d.validFor() {
		why = fmt.Sprintf("it is for longer than the %s that the policy allows", d.validFor())
	}
	if why != "" {
		return &provisioning.Error{Code: provisioning.Held, Message: fmt.Sprintf("the approval of the policy by %s does not count: %s", a.By, why), Hint: "ask for another one"}
	}
	given, err := d.policyApprovals(ctx, p.hash)
	if err != nil || given[a.Approver] != nil {
		return err
	}
	if err := d.recordPolicyApproval(ctx, a, ", from another machine"); err != nil {
		return err
	}
	d.withdraw(ctx, 0)
	return nil
}

// PolicyRequest gives the request for an approval of the policy of the file, as it goes to another machine.
func (d *Desk) PolicyRequest(ctx context.Context) ([]byte, error) {
	if err := d.mayChange(); err != nil {
		return nil, err
	}
	effect, err := d.PolicyEffect(ctx)
	if err != nil {
		return nil, err
	}
	if effect.Second.Needs == "" {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "no policy waits for a second person"}
	}
	if err := d.known(); err != nil {
		return nil, err
	}
	return d.policyRequest(effect)
}

func (d *Desk) policyRequest(effect *PolicyEffect) ([]byte, error) {
	source, hash, err := d.rules.Load().pending.encode()
	if err != nil {
		return nil, err
	}
	lines := []string{fmt.Sprintf("%d people gain a right, %d lose one", effect.Gain, effect.Lose)}
	lines = append(lines, effect.Lines...)
	for _, r := range effect.Rows {
		for _, g := range r.Gains {
			lines = append(lines, r.Name+": + "+g.String())
		}
		for _, l := range r.Loses {
			lines = append(lines, r.Name+": - "+l.String())
		}
	}
	o := d.deps.Operator
	ask := staging.PolicyAsk{Hash: hash, Source: source, Effect: lines}
	return json.MarshalIndent(staging.NewPolicyRequest(d.realm(), ask, o.Key(), o.Name, d.now(), d.validFor()), "", " ")
}

// askPolicy lays the request out, and says where.
func (d *Desk) askPolicy(ctx context.Context, effect *PolicyEffect) (told string) {
	if d.deps.Exchange == nil {
		return "rollcall approve request policy writes the request to a file"
	}
	data, err := d.policyRequest(effect)
	if err != nil {
		return "the request could not be written: " + err.Error()
	}
	return d.lay(ctx, 0, effect.Second.Covers, data)
}
