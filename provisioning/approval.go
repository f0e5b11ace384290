package provisioning

import (
	"context"
	"time"
)

// Approval is a second person's signed word that a batch may go (DESIGN 5, threats H1): for exactly what it covers, and until it
// expires. What its signature is worth is for whoever knows the approvers' keys to say; the store keeps who may not have given it.
type Approval struct {
	Batch  int64  `json:"batch"`
	Hash   string `json:"hash"`   // of the batch
	Covers string `json:"covers"` // hex SHA-256 of the hash and of every release that was given: what was signed
	By     string `json:"by"`     // the operator's name
	// Approver is the key of the person who approved, Requester of the one who asked: people, not accounts (Operator.Key).
	Approver  string    `json:"approver"`
	Requester string    `json:"requester"`
	At        time.Time `json:"at"`
	Until     time.Time `json:"until"`
	PublicKey []byte    `json:"public_key"` // Ed25519
	Signature []byte    `json:"signature"`
	// Void says that the batch was edited, or something of it released, since: the approval counts for nothing, whatever becomes of the
	// batch. The store alone sets it.
	Void bool `json:"void,omitempty"`
}

// Approvals is the part of a Store that keeps them.
type Approvals interface {
	// Approve keeps an approval and moves its batch to approved. It is Stale where the batch is not reviewed (or approved already) with
	// just that hash, or the approval was given before (a replay), and Held where the approver is the requester or had a hand in the
	// batch: the database itself refuses that. Saving the batch as anything but approved voids it.
	Approve(ctx context.Context, a Approval, e Event) error
}
