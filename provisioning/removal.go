package provisioning

import (
	"context"
	"time"
)

// Removal is one account's end of access, as it was asked, accepted and seen (DESIGN 3.8): a confirmed DisableAccount of a batch.
type Removal struct {
	Batch   int64     `json:"batch"`
	Unit    int64     `json:"unit"`
	Seq     int       `json:"seq"` // of the op
	Person  PersonKey `json:"person,omitzero"`
	Account string    `json:"account"`
	Name    string    `json:"name"` // raw, at staging time
	// Asked is when the first intent was durable; of a step by hand, when it was opened for a person. Accepted is when the change was
	// read back as done, for a step by hand when it was ticked.
	Asked    time.Time `json:"asked"`
	Accepted time.Time `json:"accepted"`
	ByHand   bool      `json:"by_hand,omitempty"` // a person did it in Control Center
	Places   []Place   `json:"places,omitempty"`  // the global record, "", and each library that the account was in at the act or since; none before the first look
	NextLook time.Time `json:"next_look,omitzero"`
	LastLook time.Time `json:"last_look,omitzero"`
	Looks    int       `json:"looks"`
	SeenOff  time.Time `json:"seen_off,omitzero"` // the first look at which every place read off; zero: not yet
	// Undone says that the account was let in again on purpose meanwhile, and how; it is not looked at any more.
	Undone string `json:"undone,omitempty"`
}

// Open reports whether the removal is still to be seen off.
func (r *Removal) Open() bool { return r.SeenOff.IsZero() && r.Undone == "" }

// Place is one record of the account: allow_logon is read on each of them.
type Place struct {
	Library string    `json:"library"` // "": the global record
	SeenOff time.Time `json:"seen_off,omitzero"`
	Look    time.Time `json:"look"`  // the latest
	Value   string    `json:"value"` // what it read: ValueEnabled, ValueDisabled, ValueAbsent; "" where it could not be read
	// Why says what holds it up, where that is not the wait alone: it could not be read, or it reads enabled again.
	Why string `json:"why,omitempty"`
}

// Off reports whether the latest look read the place off: closed, or no longer there.
func (p *Place) Off() bool { return p.Value == ValueDisabled || p.Value == ValueAbsent }

// Removals is the part of a Store that keeps them.
type Removals interface {
	// Removals returns the removals of a batch (0: of all batches), the newest first; open: only those that are not seen off or undone.
	Removals(ctx context.Context, batch int64, open bool) ([]Removal, error)
	// SaveLook keeps what a look at a removal found: Places, NextLook, LastLook, Looks, SeenOff, Undone. An event without a kind is not
	// recorded: the look changed nothing. A removal that was seen off or undone is Stale: it stays so. SeenOff without a place, or with
	// one that was not seen off since the change was accepted, is Invalid.
	SaveLook(ctx context.Context, r Removal, e Event) error
	// LetIn returns the first batch that confirmed an EnableAccount of the removal's account after it was accepted; 0 where none did.
	LetIn(ctx context.Context, r Removal) (batch int64, at time.Time, err error)
}

// Logons is what one look at an account read: its places with Library, Value and Why.
type Logons struct {
	Places []Place
	// Unlisted says why the libraries that the account is in now could not be listed; "": they are among the places.
	Unlisted string
}

// LogonReader is a DMS that reads allow_logon record by record, which costs less than the whole account, and says of each record by
// itself whether it could be read.
type LogonReader interface {
	// Logons reads the global record of an account, and its record in each library: those that it is in now, and those that are given.
	// Where a record cannot be read, its Value is "" and Why says the reason; an error is only a cancelled context.
	Logons(ctx context.Context, account string, libraries []string) (Logons, error)
}
