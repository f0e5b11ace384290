package staging

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"rollcall/provisioning"
)

// PolicyAsk is a changed policy that a second person is asked to approve (threats G2): the whole of it, and what the requester's machine
// says that it would do. Only the source is covered by its hash.
type PolicyAsk struct {
	Hash   string   `json:"hash"`
	Source string   `json:"source"` // policy.toml and the files that it names, as the store keeps them
	Effect []string `json:"effect"` // sentences
}

// PolicyHash is the hash of a policy's source, in hex.
func PolicyHash(source string) string {
	sum := sha256.Sum256([]byte(source))
	return hex.EncodeToString(sum[:])
}

// PolicyCovers is what an approval of a policy covers, in hex. It is no batch's.
func PolicyCovers(hash string) string {
	h := sha256.New()
	text(h, "rollcall policy covers 1", hash)
	return hex.EncodeToString(h.Sum(nil))
}

// NewPolicyRequest asks for the approval of a policy.
func NewPolicyRequest(realm string, ask PolicyAsk, requester, by string, at time.Time, valid time.Duration) Request {
	return Request{
		Version: requestVersion, Realm: realm, Policy: &ask, Covers: PolicyCovers(ask.Hash), Requester: requester, By: by, At: at.UTC(), Valid: valid,
		Needs: "the policy asks for two people before another one counts",
	}
}

// CheckPolicyApproval says why an approval of a policy is worth nothing at a moment, "" where it counts. Whether it is another person's
// than who accepts is for the caller to see.
func CheckPolicyApproval(realm, hash string, a *provisioning.Approval, key ed25519.PublicKey, now time.Time) string {
	switch {
	case a.Batch != 0 || a.Hash != hash || a.Covers != PolicyCovers(hash):
		return "it was for another policy.toml"
	case a.Approver == "":
		return "nobody knows who gave it"
	case key == nil || !slices.Equal(key, a.PublicKey):
		return "it is not signed with the key that the configuration has for " + a.By
	case !ed25519.Verify(key, approvalBytes(realm, a), a.Signature):
		return "its signature does not hold"
	case now.Before(a.At.Add(-skew)):
		return "it was given in the future: a clock is wrong"
	case !now.Before(a.Until) || a.Until.Sub(a.At) > LongestApproval:
		return "it ended " + a.Until.Local().Format("2 Jan 15:04") + ": ask again"
	default:
		return ""
	}
}
