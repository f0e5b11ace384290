package policy

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"rollcall/provisioning"
)

// Licences says what seats cost, and when an unused one may be taken back.
type Licences struct {
	Currency string        // ISO 4217; "" where the policy names none: then no class has a price
	Dormant  []int         // the buckets of unused accounts, in days, ascending
	Reclaim  int           // unused for so many days, a seat may be taken back
	Grace    time.Duration // from the notice to the act
	Classes  []SeatClass   // in the file's order: the first that fits counts
}

// SeatClass is a class of seats: whom it fits, and what one costs.
type SeatClass struct {
	Name     string
	Price    provisioning.Money // of one seat, a year
	Billable bool               // false: counted, and costs nothing
	// DisabledCounts: the contract counts an account that is disabled too.
	DisabledCounts bool
	Renewal        time.Time // the day on which the contract is renewed next; zero: none is known

	external *bool
	accounts []string // patterns of ids
	rule     *source  // the conditions on the person
}

// Paid reports whether an account of the class is paid for.
func (c *SeatClass) Paid(enabled bool) bool { return c.Billable && (enabled || c.DisabledCounts) }

const (
	hoursOfDay  = 24 * time.Hour
	mostGrace   = 90
	mostDays    = 3650
	mostPrice   = 1_000_000_00 // of one seat, a year: a slip of the pen is more
	defaultDays = 90
	graceDays   = 14
)

func defaultLicences() Licences {
	return Licences{Dormant: []int{30, 60, defaultDays}, Reclaim: defaultDays, Grace: graceDays * hoursOfDay}
}

// The file's tables.
type (
	fileLicence struct {
		Currency string      `toml:"currency"`
		Dormant  []int       `toml:"dormant"`
		Reclaim  int         `toml:"reclaim"`
		Grace    string      `toml:"grace"`
		Classes  []fileClass `toml:"class"`
	}
	fileClass struct {
		Name           string          `toml:"name"`
		External       *bool           `toml:"external"`
		Accounts       []string        `toml:"accounts"`
		Office         any             `toml:"office"`
		Department     any             `toml:"department"`
		Title          any             `toml:"title"`
		Grade          any             `toml:"grade"`
		Type           any             `toml:"type"`
		Group          any             `toml:"group"`
		Price          amount          `toml:"price"`
		Billable       *bool           `toml:"billable"`
		DisabledCounts bool            `toml:"disabled_counts"`
		Renewal        *toml.LocalDate `toml:"renewal"`
	}
	// amount is a price as it is written: never a binary fraction of it. "" where none is.
	amount string
)

// UnmarshalText takes the digits as they stand in the file, from a number or a text.
func (a *amount) UnmarshalText(text []byte) error {
	*a = amount(text)
	return nil
}

// setLicences takes the file's table.
func (p *Policy) setLicences(f fileLicence, grades []grade) error {
	l := defaultLicences()
	if f.Currency != "" && (len(f.Currency) != 3 || strings.ToUpper(f.Currency) != f.Currency || strings.Trim(f.Currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "") {
		return invalid("licence: currency is three capitals such as GBP (ISO 4217), not %q", f.Currency)
	}
	l.Currency = f.Currency
	if len(f.Dormant) > 0 {
		l.Dormant = f.Dormant
		for i, days := range f.Dormant {
			if days < 1 || days > mostDays || (i > 0 && days <= f.Dormant[i-1]) {
				return invalid("licence: dormant lists days, each more than the one before")
			}
		}
	}
	l.Reclaim = l.Dormant[len(l.Dormant)-1]
	if f.Reclaim != 0 {
		l.Reclaim = f.Reclaim
	}
	if l.Reclaim < 1 || l.Reclaim > mostDays {
		return invalid("licence: reclaim is a number of days, not %d", l.Reclaim)
	}
	if f.Grace != "" {
		days, ok := strings.CutSuffix(f.Grace, "d")
		n, err := strconv.Atoi(days)
		if !ok || err != nil || n < 1 || n > mostGrace {
			return invalid("licence: grace is a number of days from 1d to %dd, not %q", mostGrace, f.Grace)
		}
		l.Grace = time.Duration(n) * hoursOfDay
	}
	for i := range f.Classes {
		c, err := f.Classes[i].class(i+1, grades)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(l.Classes, func(have SeatClass) bool { return fold(have.Name) == fold(c.Name) }) {
			return invalid("licence: two classes are called %s", c.Name)
		}
		if c.Price != 0 && l.Currency == "" {
			return invalid("licence: class %s has a price, and licence.currency says no currency", c.Name)
		}
		l.Classes = append(l.Classes, c)
	}
	p.Licences = l
	return nil
}

func (f *fileClass) class(number int, grades []grade) (SeatClass, error) {
	c := SeatClass{Name: strings.TrimSpace(f.Name), Billable: f.Billable == nil || *f.Billable, DisabledCounts: f.DisabledCounts, external: f.External, accounts: f.Accounts}
	if c.Name == "" {
		return c, invalid("licence: class %d needs a name", number)
	}
	for _, pattern := range f.Accounts {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" || isGroup(pattern) {
			return c, invalid("licence: class %s: %q is no account id or pattern", c.Name, pattern)
		}
	}
	if f.Accounts != nil && len(f.Accounts) == 0 {
		return c, invalid("licence: class %s: accounts lists ids or patterns; leave it out where any will do", c.Name)
	}
	price, ok := f.Price.money()
	switch {
	case !ok:
		return c, invalid("licence: class %s: price is an amount such as 480.00 with two decimals at most, up to %d, not %s", c.Name, mostPrice/100, f.Price)
	case f.Price == "" && c.Billable:
		return c, invalid("licence: class %s needs a price, or billable = false", c.Name)
	case price != 0 && !c.Billable:
		return c, invalid("licence: class %s is not billable, and has a price", c.Name)
	}
	c.Price = price
	if f.Renewal != nil {
		c.Renewal = f.Renewal.AsTime(time.Local)
	}
	rule := fileRule{Name: c.Name, Office: f.Office, Department: f.Department, Title: f.Title, Grade: f.Grade, Type: f.Type, Group: f.Group, Location: "x"}
	s, err := rule.source(number, grades)
	if err != nil {
		return c, invalid("licence: class %s: its conditions are texts or lists of texts, and grades that the file names", c.Name)
	}
	c.rule = s
	return c, nil
}

// money reads an amount exactly: what has more than two decimals, a sign or an exponent is no price. No price is 0.
func (a amount) money() (m provisioning.Money, ok bool) {
	said := strings.TrimSpace(string(a))
	if said == "" {
		return 0, a == ""
	}
	whole, part, point := strings.Cut(said, ".")
	whole = strings.ReplaceAll(whole, "_", "") // TOML's, between digits
	if whole == "" || len(part) > 2 || (point && part == "") || strings.Trim(whole+part, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(whole+part+strings.Repeat("0", 2-len(part)), 10, 64)
	if err != nil || n > mostPrice {
		return 0, false
	}
	return provisioning.Money(n), true
}

// Term is what one seat of the class costs from a day on until its next renewal: the price for each whole contract year that is left, and
// for the rest of one the price by its days, of 365 or 366, a half rounded up. The day itself counts, that of the renewal does not. 0
// where no renewal is known, or it has passed.
func (c *SeatClass) Term(from time.Time) provisioning.Money {
	if c.Renewal.IsZero() {
		return 0
	}
	from = from.In(c.Renewal.Location())
	today, end := date(from.Year(), from.Month(), from.Day()), date(c.Renewal.Year(), c.Renewal.Month(), c.Renewal.Day())
	if !today.Before(end) {
		return 0
	}
	years := max(0, end.Year()-today.Year()-1)
	for !yearsBefore(end, years+1).Before(today) {
		years++
	}
	begins, ends := yearsBefore(end, years+1), yearsBefore(end, years)
	left, of := provisioning.Money(ends.Sub(today)/hoursOfDay), provisioning.Money(ends.Sub(begins)/hoursOfDay)
	return provisioning.Money(years)*c.Price + (2*c.Price*left+of)/(2*of)
}

// date is a day without a clock: all are 24 hours apart.
func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// yearsBefore is the same day so many years before; that of 29 February is 1 March where there is none.
func yearsBefore(day time.Time, years int) time.Time {
	return date(day.Year()-years, day.Month(), day.Day())
}

// Seat is the class of an account: the first that fits; nil where none does. person is who the account is linked to, nil for nobody: then
// only classes without conditions on a person fit.
func (p *Policy) Seat(a *provisioning.Account, person *provisioning.Person) *SeatClass {
	var at *seat
	if person != nil {
		at = &seat{person: person, groups: person.Groups}
	}
	for i := range p.Licences.Classes {
		if c := &p.Licences.Classes[i]; c.fits(a, at) {
			return c
		}
	}
	return nil
}

func (c *SeatClass) fits(a *provisioning.Account, at *seat) bool {
	if c.external != nil && *c.external != a.External {
		return false
	}
	if len(c.accounts) > 0 && !matches(c.accounts, a.ID) {
		return false
	}
	if c.rule == nil || len(c.rule.conditions) == 0 {
		return true
	}
	if at == nil {
		return false
	}
	_, ok := c.rule.fits(at)
	return ok
}
