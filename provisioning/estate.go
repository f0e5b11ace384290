package provisioning

import (
	"context"
	"time"
)

// Document is a document that an account has checked out or locked.
type Document struct {
	ID      string    `json:"id"` // LIBRARY!number.version
	Library string    `json:"library"`
	Name    string    `json:"name"`
	Since   time.Time `json:"since,omitzero"`
}

// Workspace is a workspace that an account owns, or is the only one to have full access to.
type Workspace struct {
	ID      string `json:"id"` // LIBRARY!number
	Library string `json:"library"`
	Name    string `json:"name"`
	Owner   string `json:"owner"`
}

// LooseEnds is what an account would leave behind (contracts/imanage.md 8). Rows are sorted by library and id.
type LooseEnds struct {
	CheckedOut []Document  `json:"checked_out,omitempty"`
	Owned      []Workspace `json:"owned,omitempty"`
	// Sole are those of Owned whose access list names no other user or group with full access: without a successor nobody can
	// manage them.
	Sole []Workspace `json:"sole,omitempty"`
	// Unread names the parts that could not be read, each with the reason: what is not told there is not known to be empty.
	Unread []string `json:"unread,omitempty"`
}

// Estate is a DMS that can tell what an account would leave behind.
type Estate interface {
	LooseEnds(ctx context.Context, account string) (LooseEnds, error)
}

// InventoryFeed is a DMS that can tell what changed since an earlier read, at a cost that follows what changed.
type InventoryFeed interface {
	// ReadChanges reads what changed since the cursor of an earlier evidence. known is the inventory as last read. It returns the
	// inventory as it is now; a broken reading is told in the evidence's Failure, and then nothing of it may be kept. An *Error of
	// code Stale says that the cursor is no longer good, or that the account may not read events: read whole.
	ReadChanges(ctx context.Context, cursor string, known Inventory, progress func(Progress)) (Inventory, ReadEvidence, error)
}
