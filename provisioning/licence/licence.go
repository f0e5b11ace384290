// Package licence counts seats: which accounts are paid for, by class, what they cost, and whether anybody uses them. Use is three-valued
// (provisioning.Usage): what could not be read whole is unknown, and unknown is never taken back. It reads nothing and keeps nothing; it
// knows no system, no store and no screen.
package licence

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
)

// Row is one account, with whose it is and what was found about it.
type Row struct {
	Account    *provisioning.Account
	Person     *provisioning.Person // nil: nobody is linked
	Mismatches []*provisioning.Mismatch
	Away       bool // the person is not live
}

// Input is what seats are counted from: every account of the document system, each once.
type Input struct {
	Rows     []Row
	Policy   *policy.Policy
	Activity map[string]provisioning.Activity // by account: what was last read of its use
	At       time.Time
}

// Unclassed is the class of an account that no class of the policy fits: it is counted, and nobody knows what it costs.
const Unclassed = "no class"

// Seat is one account as a seat. All strings are raw.
type Seat struct {
	Account  string                 `json:"account"`
	Person   provisioning.PersonKey `json:"person,omitzero"`
	Name     string                 `json:"name"`
	Email    string                 `json:"email,omitempty"`
	Office   string                 `json:"office,omitempty"`
	Practice string                 `json:"practice,omitempty"`
	Class    string                 `json:"class"`
	Price    provisioning.Money     `json:"price"` // a year, where it is paid for
	// Saves is what closing the account makes the seats cost less, a year: the price, and 0 where the contract counts a disabled account too.
	Saves provisioning.Money `json:"saves"`
	// Term is what it costs from now until its class's renewal (policy.SeatClass.Term); 0 where none is known.
	Term  provisioning.Money `json:"term,omitempty"`
	Paid  bool               `json:"paid"`  // the contract counts it and it costs something, or the policy names no classes
	Usage provisioning.Usage `json:"usage"` // over the first of the policy's buckets
	Last  time.Time          `json:"last,omitzero"`
	How   string             `json:"how"`
	// Idle is for how many whole days the account was surely not used, at least; -1 where that is not known. Bucket is the greatest of the
	// policy's that it has reached; 0: none.
	Idle   int `json:"idle"`
	Bucket int `json:"bucket"`

	Disabled bool `json:"disabled,omitempty"`
	External bool `json:"external,omitempty"`
	// DuplicateOf is the account that the same person has besides.
	DuplicateOf string `json:"duplicate_of,omitempty"`
	Leaver      bool   `json:"leaver,omitempty"` // the person has left: that is the leaver's batch, not a seat's
	// Kept says why the seat is never taken back here, whatever its use: protected, a service, a directory owns it. "": nothing stands in the way.
	Kept string `json:"kept,omitempty"`
}

// Book is all seats, sorted by account.
type Book struct {
	Currency string
	Seats    []Seat
	At       time.Time
	UseRead  time.Time // when the use of any account was read last; zero: never
	// Dormant, Reclaim and Grace are the policy's: the buckets, after how many days a seat may be taken back, and how long before that a
	// notice is given.
	Dormant []int
	Reclaim int
	Grace   time.Duration
	classes []string
}

// Count counts every account as a seat.
func Count(in Input) *Book {
	p := in.Policy
	if p == nil {
		p = policy.Default()
	}
	l := &p.Licences
	b := &Book{Currency: l.Currency, At: in.At, Dormant: slices.Clone(l.Dormant), Reclaim: l.Reclaim, Grace: l.Grace, Seats: make([]Seat, 0, len(in.Rows))}
	for i := range l.Classes {
		b.classes = append(b.classes, l.Classes[i].Name)
	}
	second := duplicates(in.Rows)
	for i := range in.Rows {
		r := &in.Rows[i]
		a := r.Account
		s := Seat{
			Account: a.ID, Name: a.FullName, Email: a.Email, Office: a.Location, Disabled: !a.Enabled, External: a.External, DuplicateOf: second[a.ID],
			Leaver: r.Away, Class: Unclassed, Paid: len(l.Classes) == 0 && a.Enabled,
		}
		if r.Person != nil {
			s.Person, s.Name, s.Email = r.Person.Key, cmp.Or(r.Person.FullName, a.FullName), cmp.Or(r.Person.Email, a.Email)
			s.Office, s.Practice = cmp.Or(r.Person.Office, a.Location), r.Person.Department
		}
		if c := p.Seat(a, r.Person); c != nil {
			s.Class, s.Paid = c.Name, c.Paid(a.Enabled)
			if s.Paid {
				s.Price, s.Term = c.Price, c.Term(in.At)
			}
			if s.Paid && !c.Paid(false) {
				s.Saves = c.Price
			}
		}
		var act *provisioning.Activity
		if known, ok := in.Activity[a.ID]; ok {
			act = &known
			if known.Read.After(b.UseRead) {
				b.UseRead = known.Read
			}
		}
		f := Use(a, r.Person, act, in.At, l.Dormant[0])
		s.Usage, s.Last, s.How, s.Idle = f.Usage, f.Last, f.How, f.Idle
		for _, days := range l.Dormant {
			if s.Idle >= days {
				s.Bucket = days
			}
		}
		s.Kept = kept(p, a)
		b.Seats = append(b.Seats, s)
	}
	slices.SortFunc(b.Seats, func(x, y Seat) int { return strings.Compare(x.Account, y.Account) })
	return b
}

// kept says why an account is never taken back as an unused seat: by its id, its email and its groups as they stand now (threats G2).
func kept(p *policy.Policy, a *provisioning.Account) string {
	if why, ok := p.ProtectedAccount(a); ok {
		return why
	}
	switch {
	case p.ServiceAccount(a):
		return "service account"
	case a.Managed():
		return "a directory sync owns the account: take it back there"
	case len(a.Administers())+len(a.GlobalRoles) > 0:
		return "administrator"
	default:
		return ""
	}
}

// duplicates names, for each account that is somebody's second one, the account that is linked to them.
func duplicates(rows []Row) map[string]string {
	second := make(map[string]string)
	for i := range rows {
		for _, m := range rows[i].Mismatches {
			if m.Kind != provisioning.KindDuplicate {
				continue
			}
			for _, other := range m.Accounts {
				if other != rows[i].Account.ID {
					second[other] = rows[i].Account.ID
				}
			}
		}
	}
	return second
}

// ClassNames are the policy's classes in its order, and Unclassed where a seat has none of them.
func (b *Book) ClassNames() []string {
	names := slices.Clone(b.classes)
	if slices.ContainsFunc(b.Seats, func(s Seat) bool { return s.Class == Unclassed }) {
		names = append(names, Unclassed)
	}
	return names
}

// Reclaimable lists the seats that may be taken back: paid for, enabled, a live person's or nobody's, surely not used for the policy's days,
// and nothing stands in the way.
func (b *Book) Reclaimable() []Seat {
	return b.Select(func(s *Seat) bool { return s.Reclaimable(b.Reclaim) })
}

// Held lists the seats that would be reclaimable, but for what stands in the way: each says in Kept what that is.
func (b *Book) Held() []Seat {
	return b.Select(func(s *Seat) bool {
		free := *s
		free.Kept = ""
		return s.Kept != "" && free.Reclaimable(b.Reclaim)
	})
}

// Select lists the seats that something is true of, sorted by account: the rows behind any figure of the book.
func (b *Book) Select(want func(*Seat) bool) []Seat {
	var list []Seat
	for i := range b.Seats {
		if want(&b.Seats[i]) {
			list = append(list, b.Seats[i])
		}
	}
	return list
}

// Reclaimable reports whether the seat may be taken back when it was unused for so many days.
func (s *Seat) Reclaimable(days int) bool {
	return s.Paid && !s.Disabled && !s.Leaver && s.Kept == "" && s.Usage == provisioning.NotUsed && s.Idle >= days
}

// Total is a sum over seats. Money is a year's, exact: prices are whole hundredths, and nothing is divided. Term is the sum of the seats'
// own, each rounded once.
type Total struct {
	Name   string             `json:"name"`
	Seats  int                `json:"seats"` // all of them
	Paid   int                `json:"paid"`
	Money  provisioning.Money `json:"money"`          // of the paid ones, a year
	Term   provisioning.Money `json:"term,omitempty"` // of the paid ones, from now until the renewals
	Unused int                `json:"unused"`
	// UnusedMoney is what the paid, enabled and surely unused ones of them cost.
	UnusedMoney provisioning.Money `json:"unused_money"`
	Unknown     int                `json:"unknown"` // paid, enabled, and nobody can tell
	Disabled    int                `json:"disabled"`
}

// By totals the seats by whatever of says, sorted by that.
func (b *Book) By(of func(*Seat) string) []Total {
	at := make(map[string]*Total)
	for i := range b.Seats {
		s := &b.Seats[i]
		name := of(s)
		if at[name] == nil {
			at[name] = &Total{Name: name}
		}
		at[name].add(s)
	}
	list := make([]Total, 0, len(at))
	for _, t := range at {
		list = append(list, *t)
	}
	slices.SortFunc(list, func(x, y Total) int { return strings.Compare(x.Name, y.Name) })
	return list
}

// All is the total of all seats.
func (b *Book) All() Total {
	t := Total{Name: "all"}
	for i := range b.Seats {
		t.add(&b.Seats[i])
	}
	return t
}

func (t *Total) add(s *Seat) {
	t.Seats++
	if !s.Paid {
		return
	}
	t.Paid++
	t.Money += s.Price
	t.Term += s.Term
	switch {
	case s.Disabled:
		t.Disabled++
	case s.Usage == provisioning.NotUsed:
		t.Unused++
		t.UnusedMoney += s.Price
	case s.Usage == provisioning.UsageUnknown:
		t.Unknown++
	}
}
