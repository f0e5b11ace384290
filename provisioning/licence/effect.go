package licence

import (
	"slices"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
)

// Effect is what changes do to the seats that are paid for, and to their price a year.
type Effect struct {
	Seats int                `json:"seats"`
	Money provisioning.Money `json:"money"`
}

// EffectOf says what a list of changes to one account does. a is the account as it stands (for one that is made: as it will), person who
// it is linked to; both may be nil, and then nothing is known of it.
func EffectOf(p *policy.Policy, a *provisioning.Account, person *provisioning.Person, changes []provisioning.Change) Effect {
	var e Effect
	if a == nil {
		return e
	}
	enabled, will := a.Enabled, a.Enabled
	exists := true
	for _, c := range changes {
		switch c.Kind {
		case provisioning.CreateAccount:
			exists, will = false, true
		case provisioning.EnableAccount:
			will = true
		case provisioning.DisableAccount:
			will = false
		default:
		}
	}
	before, price := paid(p, a, person, enabled)
	if !exists {
		before = false
	}
	after, _ := paid(p, a, person, will)
	switch {
	case after && !before:
		return Effect{1, price}
	case before && !after:
		return Effect{-1, -price}
	default:
		return e
	}
}

func paid(p *policy.Policy, a *provisioning.Account, person *provisioning.Person, enabled bool) (bool, provisioning.Money) {
	if len(p.Licences.Classes) == 0 {
		return enabled, 0
	}
	c := p.Seat(a, person)
	if c == nil {
		return false, 0
	}
	return c.Paid(enabled), c.Price
}

// Planned is a change of the seats on a day that is known ahead: a joiner who is to come, a leaver who is to go.
type Planned struct {
	At    time.Time
	Class string
	Seats int                // +1, -1
	Money provisioning.Money // a year
	Why   string             // "Tom Barnes joins"
	Name  string
}

// Month is what the seats come to at the end of a month.
type Month struct {
	From     time.Time          `json:"from"` // its first moment
	Seats    int                `json:"seats"`
	Money    provisioning.Money `json:"money"` // a year, at that number of seats
	Joiners  int                `json:"joiners"`
	Leavers  int                `json:"leavers"`
	Renewals []string           `json:"renewals,omitempty"` // classes whose contract is renewed in it
	// AtRenewal says what each of those comes to on its day.
	AtRenewal []Renewal `json:"at_renewal,omitempty"`
}

// Renewal is what a class comes to on the day its contract is renewed: what is planned for a day before it has come by then.
type Renewal struct {
	Class string             `json:"class"`
	On    time.Time          `json:"on"`
	Seats int                `json:"seats"`
	Money provisioning.Money `json:"money"` // a year, at that number of seats
}

// renewal counts a class on its renewal. planned is sorted by its days.
func renewal(b *Book, c *policy.SeatClass, planned []Planned) Renewal {
	r := Renewal{Class: c.Name, On: c.Renewal}
	for i := range b.Seats {
		if s := &b.Seats[i]; s.Paid && s.Class == c.Name {
			r.Seats++
			r.Money += s.Price
		}
	}
	for _, one := range planned {
		if !one.At.Before(c.Renewal) {
			break
		}
		if one.Class == c.Name {
			r.Seats += one.Seats
			r.Money += one.Money
		}
	}
	return r
}

// Forecast says, month by month from the one of the book on, how many seats are paid for when what is planned comes. What is planned for a
// day before counts in the first month.
func Forecast(b *Book, p *policy.Policy, planned []Planned, months int) []Month {
	total := b.All()
	all := slices.Clone(planned)
	slices.SortStableFunc(all, func(x, y Planned) int { return x.At.Compare(y.At) })
	planned = all
	at := b.At.Local()
	list := make([]Month, 0, months)
	for i := range months {
		m := Month{From: time.Date(at.Year(), at.Month()+time.Month(i), 1, 0, 0, 0, 0, at.Location())}
		next := time.Date(at.Year(), at.Month()+time.Month(i+1), 1, 0, 0, 0, 0, at.Location())
		for len(planned) > 0 && planned[0].At.Before(next) {
			one := planned[0]
			planned = planned[1:]
			total.Paid += one.Seats
			total.Money += one.Money
			if one.Seats > 0 {
				m.Joiners++
			} else if one.Seats < 0 {
				m.Leavers++
			}
		}
		for j := range p.Licences.Classes {
			if c := &p.Licences.Classes[j]; !c.Renewal.IsZero() && !c.Renewal.Before(m.From) && c.Renewal.Before(next) {
				m.Renewals, m.AtRenewal = append(m.Renewals, c.Name), append(m.AtRenewal, renewal(b, c, all))
			}
		}
		m.Seats, m.Money = total.Paid, total.Money
		list = append(list, m)
	}
	return list
}
