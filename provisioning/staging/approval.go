package staging

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tyler-smith/go-bip39/wordlists"

	"rollcall/provisioning"
	"rollcall/provisioning/names"
)

// Covers is what an approval of a batch covers, in hex: the SHA-256 of its hash and of every release that was given for that. A release
// that comes later is not covered, so that it voids an approval as an edit does.
func Covers(b *provisioning.Batch) string {
	h := sha256.New()
	text(h, "rollcall approval covers 1", b.Hash)
	var releases []provisioning.Release
	if b.Release != nil && b.Release.Hash == b.Hash {
		releases = append(releases, *b.Release)
	}
	for _, r := range b.Singly {
		if r.Hash == b.Hash {
			releases = append(releases, r)
		}
	}
	number(h, len(releases))
	for _, r := range releases {
		text(h, r.Account, r.By, r.Reason, r.At.UTC().Format(time.RFC3339Nano))
		number(h, r.People)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// phoneWords is how many words are read over the phone.
const phoneWords = 4

// Words are the four words by which two people on the phone know that they mean the same batch (DESIGN 5): 44 bits of what an approval
// covers, in the list of BIP-39, whose words are told apart by their first four letters. They prove nothing: the signature covers all of it.
func Words(covers string) []string {
	sum, err := hex.DecodeString(covers)
	list := wordlists.English
	const bits = 11 // of 2,048 words
	if err != nil || len(sum) < 8 || len(list) != 1<<bits {
		return nil
	}
	var n uint64
	for _, b := range sum[:8] {
		n = n<<8 | uint64(b)
	}
	words := make([]string, phoneWords)
	for i := range words {
		words[i] = list[n>>(64-bits*(i+1))&(1<<bits-1)]
	}
	return words
}

// SameWords reports whether somebody typed the words of what is to be approved: in their order, however they were spelled.
func SameWords(covers, typed string) bool {
	words := Words(covers)
	return words != nil && slices.Equal(strings.Fields(names.Fold(typed)), words)
}

// approvalBytes are what an approver signs: each field behind its length. realm names the firm and its document system, so that an
// approval of another store's batch of the same number is worth nothing here.
func approvalBytes(realm string, a *provisioning.Approval) []byte {
	h := sha256.New()
	text(h, "rollcall approval 1", realm, a.Hash, a.Covers, a.By, a.Approver, a.Requester,
		a.At.UTC().Format(time.RFC3339Nano), a.Until.UTC().Format(time.RFC3339Nano))
	number(h, int(a.Batch))
	return h.Sum(nil)
}

// Sign puts the approver's key and signature on an approval.
func Sign(ctx context.Context, realm string, key provisioning.Signer, a *provisioning.Approval) error {
	a.PublicKey = key.Public()
	var err error
	a.Signature, err = key.Sign(ctx, approvalBytes(realm, a))
	return err
}

// CheckApproval says why an approval of a batch is worth nothing at a moment, "" where it counts. key is the public key that the
// configuration has for the approver; nil: none.
//
// An approval that an edit or a release voided does not come back, not even where the batch is made again what it was (the store says
// which): what the second person agreed to was that batch and that moment, and only they say whether they still do.
func CheckApproval(realm string, b *provisioning.Batch, a *provisioning.Approval, key ed25519.PublicKey, now time.Time) string {
	switch {
	case a.Batch != b.ID || a.Hash != b.Hash || b.Hash == "":
		return "it was for the batch as it was before an edit"
	case a.Void:
		return "an edit or a release voided it"
	case a.Covers != Covers(b):
		return "something was released after it"
	case a.Approver == "" || a.Approver == a.Requester || slices.Contains(b.Hands, a.Approver):
		return a.By + " had a hand in the batch"
	case !slices.Contains(b.Hands, a.Requester):
		return "whoever asked for it had no hand in the batch"
	case a.Until.Sub(a.At) > LongestApproval:
		return "it is for longer than any approval counts"
	case key == nil:
		return "the configuration has no approval key of " + a.By
	case !slices.Equal(key, a.PublicKey):
		return "it is signed with another key than the configuration has for " + a.By
	case !ed25519.Verify(key, approvalBytes(realm, a), a.Signature):
		return "its signature does not hold"
	case now.Before(a.At.Add(-skew)):
		return "it was given in the future: a clock is wrong"
	case !now.Before(a.Until):
		return "it ended " + a.Until.Local().Format("2 Jan 15:04") + ": ask again"
	default:
		return ""
	}
}

// LongestApproval is how long an approval counts at most, whatever the policy says.
const LongestApproval = 7 * 24 * time.Hour

// skew is how far two machines' clocks may be apart (threats D3).
const skew = 5 * time.Minute

// Request is what an approver on another machine is asked with: the whole batch, and what was said about it. It carries no secret.
type Request struct {
	Version   int                    `json:"version"`
	Realm     string                 `json:"realm"`
	Batch     *provisioning.Batch    `json:"batch"`
	Covers    string                 `json:"covers"`
	Requester string                 `json:"requester"` // the key of the person who asks
	By        string                 `json:"by"`        // their name
	At        time.Time              `json:"at"`
	Valid     time.Duration          `json:"valid"` // of the approval, from when it is given
	Needs     string                 `json:"needs"`
	Verdicts  []provisioning.Verdict `json:"verdicts,omitempty"`
	Policy    *PolicyAsk             `json:"policy,omitempty"` // in place of a batch
}

const (
	requestVersion = 1
	mostRequest    = 64 << 20
)

// NewRequest asks for the approval of a batch.
func NewRequest(realm string, b *provisioning.Batch, requester, by string, at time.Time, valid time.Duration, verdicts []provisioning.Verdict) Request {
	return Request{
		Version: requestVersion, Realm: realm, Batch: b, Covers: Covers(b), Requester: requester, By: by, At: at.UTC(), Valid: valid, Needs: b.Needs, Verdicts: verdicts,
	}
}

// ParseRequest reads a request, and refuses one whose batch does not give the hash that is to be approved.
func ParseRequest(data []byte) (*Request, error) {
	wrong := func(message string, err error) error {
		return &provisioning.Error{Code: provisioning.Invalid, Message: message, Hint: "ask for the request again", Err: err}
	}
	if len(data) > mostRequest {
		return nil, wrong("the request is larger than any honest one", nil)
	}
	var r Request
	switch err := json.Unmarshal(data, &r); {
	case err != nil:
		return nil, wrong("this is no request for an approval", err)
	case r.Version != requestVersion || (r.Batch == nil) == (r.Policy == nil) || r.Requester == "" || r.Realm == "":
		return nil, wrong("this is no request for an approval that this rollcall knows", nil)
	case r.Valid < time.Minute || r.Valid > LongestApproval:
		return nil, wrong("the request asks for an approval of "+r.Valid.String(), nil)
	case r.Policy != nil && (PolicyHash(r.Policy.Source) != r.Policy.Hash || PolicyCovers(r.Policy.Hash) != r.Covers):
		return nil, wrong("the request was changed: its policy is not the one that it asks for", nil)
	case r.Batch != nil && (Hash(r.Batch) != r.Batch.Hash || Covers(r.Batch) != r.Covers):
		return nil, wrong("the request was changed: its batch is not the one that it asks for", nil)
	}
	return &r, nil
}

// Approve makes the approval that answers a request, unsigned.
func (r *Request) Approve(by, approver string, now time.Time) provisioning.Approval {
	now = now.UTC().Truncate(time.Second)
	a := provisioning.Approval{Covers: r.Covers, By: by, Approver: approver, Requester: r.Requester, At: now, Until: now.Add(r.Valid)}
	if r.Policy != nil {
		a.Hash = r.Policy.Hash
	} else {
		a.Batch, a.Hash = r.Batch.ID, r.Batch.Hash
	}
	return a
}

// Refuses says why an operator may not approve a request, "" where they may: the same rules as at the requester's, who checks again.
func (r *Request) Refuses(o provisioning.Operator) string {
	switch {
	case o.Role != provisioning.RoleApprover && o.Role != provisioning.RoleAdministrator:
		return o.Name + " is a " + string(o.Role) + ": an approver or an administrator approves"
	case o.Key() == "":
		return o.Name + " is mapped to no person in config.toml: nobody knows who approves"
	case o.Key() == r.Requester:
		return "you asked for this approval: another person must give it"
	case r.Batch == nil:
		return ""
	case slices.Contains(r.Batch.Hands, o.Key()):
		return "you had a hand in this batch: another person must approve it"
	case !r.Batch.MayRead(o.Name):
		return "this batch is sealed, and " + o.Name + " is none of its readers"
	default:
		return ""
	}
}

// Answer is an approval as it comes back in a file.
type Answer struct {
	Version  int                   `json:"version"`
	Realm    string                `json:"realm"`
	Approval provisioning.Approval `json:"approval"`
}

// ParseAnswer reads an approval's file. One of another firm's or another document system's store is Invalid.
func ParseAnswer(realm string, data []byte) (*provisioning.Approval, error) {
	var a Answer
	err := json.Unmarshal(data, &a)
	if err == nil && (a.Version != requestVersion || a.Approval.Hash == "" || len(data) > 1<<20) {
		err = fmt.Errorf("version %d", a.Version)
	}
	if err != nil {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "this is no approval that this rollcall knows", Hint: "ask for it again", Err: err}
	}
	if a.Realm != realm {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "the approval is for another store: " + a.Realm, Hint: "this one is " + realm}
	}
	a.Approval.Void = false
	return &a.Approval, nil
}

// NewAnswer is an approval as it goes back.
func NewAnswer(realm string, a provisioning.Approval) Answer {
	return Answer{Version: requestVersion, Realm: realm, Approval: a}
}
