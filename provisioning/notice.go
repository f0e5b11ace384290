package provisioning

import (
	"context"
	"time"
)

// NoticeKind is what somebody is told of who is not looking.
type NoticeKind string

// The kinds.
const (
	NoticeUnproven NoticeKind = "unproven read"   // a source was not read whole
	NoticeOverdue  NoticeKind = "overdue leaver"  // somebody has left and can still sign in, or is not seen off in time
	NoticeApproval NoticeKind = "approval wanted" // a batch waits for a second person
	NoticeReview   NoticeKind = "review due"      // an access review ends soon, or should have
)

// NoticeKinds lists the kinds.
func NoticeKinds() []NoticeKind {
	return []NoticeKind{NoticeUnproven, NoticeOverdue, NoticeApproval, NoticeReview}
}

// Notice is one matter that somebody should know of. It never holds a secret. All strings are raw.
type Notice struct {
	Kind     NoticeKind `json:"kind"`
	Key      string     `json:"key"` // the same for the same matter: it is told once
	Text     string     `json:"text"`
	At       time.Time  `json:"at"`
	Severity Severity   `json:"severity"`
	Rows     []string   `json:"rows,omitempty"` // whom it is about, at most 20
}

// Notifier tells somebody.
type Notifier interface {
	Name() string
	Notify(ctx context.Context, firm, title, text string, n Notice) error
}
