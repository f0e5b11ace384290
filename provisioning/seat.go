package provisioning

import (
	"context"
	"fmt"
	"time"
)

// Money is an amount in the hundredth part of the currency's unit: pence, cents. It is what a seat costs in a year unless it says otherwise.
type Money int64

// In writes the amount in a currency of three letters: "GBP 1234.50", "GBP -0.05".
func (m Money) In(currency string) string {
	if m < 0 {
		return currency + " -" + (-m).digits()
	}
	return currency + " " + m.digits()
}

// More writes the amount as what is more, or less: "GBP +1234.50", "GBP -0.05".
func (m Money) More(currency string) string {
	if m < 0 {
		return m.In(currency)
	}
	return currency + " +" + m.digits()
}

func (m Money) digits() string {
	const hundred = 100
	return fmt.Sprintf("%d.%02d", m/hundred, m%hundred)
}

// ReclaimState is how far the taking back of an unused seat has come.
type ReclaimState string

// The states: noticed (the grace days run), staged (its account is in a batch), done (the account is closed), cancelled (it was used, it
// could not be read, or an operator took the notice back: Why says which).
const (
	ReclaimNoticed   ReclaimState = "noticed"
	ReclaimStaged    ReclaimState = "staged"
	ReclaimDone      ReclaimState = "done"
	ReclaimCancelled ReclaimState = "cancelled"
)

// Reclaim is one unused seat that is to be taken back.
type Reclaim struct {
	ID        int64        `json:"id"`
	Account   string       `json:"account"`
	Person    PersonKey    `json:"person,omitzero"`
	Name      string       `json:"name"`
	Email     string       `json:"email,omitempty"`
	Office    string       `json:"office,omitempty"`
	Class     string       `json:"class"`
	Price     Money        `json:"price"`              // what the seat costs a year; what closing it saves is the batch's word
	LastUsed  time.Time    `json:"last_used,omitzero"` // as known when the notice was given; zero: no use was met
	Evidence  string       `json:"evidence"`           // on what "not used" rests, in a sentence
	NoticedAt time.Time    `json:"noticed_at"`
	NoticedBy string       `json:"noticed_by"`
	ActAfter  time.Time    `json:"act_after"` // the end of the grace days
	State     ReclaimState `json:"state"`
	Batch     int64        `json:"batch,omitempty"`
	Why       string       `json:"why,omitempty"`
	Changed   time.Time    `json:"changed,omitzero"` // when it came to its state
}

// Reclaims is what the store keeps of them.
type Reclaims interface {
	// NoticeReclaims adds notices and sets their IDs; Stale where one of the accounts has an open one (noticed or staged) already.
	NoticeReclaims(ctx context.Context, list []Reclaim, e Event) error
	// Reclaims lists them, the newest first; open: only those noticed or staged.
	Reclaims(ctx context.Context, open bool) ([]Reclaim, error)
	// MoveReclaims changes the state of some, all or none; Stale where one is not in the state from.
	MoveReclaims(ctx context.Context, ids []int64, from, to ReclaimState, batch int64, why string, at time.Time, e Event) error
}

// Tally is what the firm looked like at one read: what the dashboard draws over time.
type Tally struct {
	At       time.Time      `json:"at"`
	People   int            `json:"people"`
	Accounts int            `json:"accounts"`
	Enabled  int            `json:"enabled"`
	Kinds    map[Kind]int   `json:"kinds"`              // rows of the roster by mismatch
	Unproven []string       `json:"unproven,omitempty"` // sources that were not read whole
	Seats    map[string]int `json:"seats,omitempty"`    // paid seats by class
	Money    Money          `json:"money,omitempty"`    // of all seats, a year
	Currency string         `json:"currency,omitempty"` //
}

// Tallies is what the store keeps of them.
type Tallies interface {
	// SaveTally adds one; Tallies lists those from a moment on, the oldest first.
	SaveTally(ctx context.Context, t Tally) error
	Tallies(ctx context.Context, since time.Time) ([]Tally, error)
	// SaveActivity keeps the latest word on accounts' use; Activities returns it, by account.
	SaveActivity(ctx context.Context, list []Activity) error
	Activities(ctx context.Context) (map[string]Activity, error)
}
