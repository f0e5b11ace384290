package desk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/licence"
	"rollcall/provisioning/policy"
)

// SeatBook, Seat and SeatTotal are what the screens see of the seats; they may not know the package that counts them.
type (
	SeatBook  = licence.Book
	Seat      = licence.Seat
	SeatTotal = licence.Total
	SeatMonth = licence.Month
)

// Seats counts the seats of the firm as it was read last, with the latest that is known of their use.
func (d *Desk) Seats(ctx context.Context) (*SeatBook, error) {
	_, book, err := d.counted(ctx)
	return book, err
}

// counted is the roll as it is known, with its seats counted.
func (d *Desk) counted(ctx context.Context) (*compared, *licence.Book, error) {
	st, err := d.knownState()
	if err != nil {
		return nil, nil, err
	}
	book, err := d.book(ctx, st)
	return st, book, err
}

// book counts the seats.
func (d *Desk) book(ctx context.Context, st *compared) (*licence.Book, error) {
	activity, err := d.deps.Store.Activities(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([]licence.Row, 0, len(st.snap.Accounts))
	owner := st.owners()
	for i := range st.snap.Accounts {
		a := &st.snap.Accounts[i]
		row := licence.Row{Account: a}
		if r := owner[a.ID]; r != nil {
			row.Person, row.Mismatches, row.Away = r.Person, r.Mismatches, r.Away
		}
		rows = append(rows, row)
	}
	return licence.Count(licence.Input{Rows: rows, Policy: d.policy(), Activity: activity, At: d.now()}), nil
}

// UseRead says what a reading of use came to.
type UseRead struct {
	Accounts int       `json:"accounts"`
	Whole    int       `json:"whole"`
	Since    time.Time `json:"since"`
	Why      []string  `json:"why,omitempty"` // why some were not read whole, each reason once
}

const mostReasons = 5

// ReadUse reads when every enabled account was last at work in the document system, as far back as the policy's buckets go, and keeps it.
// What cannot be read whole is kept as that: nobody is called unused for it. progress may be nil.
func (d *Desk) ReadUse(ctx context.Context, progress func(provisioning.Progress)) (UseRead, error) {
	var u UseRead
	if err := d.mayChange(); err != nil {
		return u, err
	}
	st, err := d.knownState()
	if err != nil {
		return u, err
	}
	reader, ok := d.deps.DMS.(provisioning.ActivityReader)
	if !ok {
		return u, &provisioning.Error{Code: provisioning.Invalid, Message: d.deps.DMS.Name() + " tells nothing of the use of accounts", Hint: "without it the use of every seat is unknown"}
	}
	var accounts []provisioning.Account
	for i := range st.snap.Accounts {
		if st.snap.Accounts[i].Enabled {
			accounts = append(accounts, st.snap.Accounts[i])
		}
	}
	u.Since = d.useSince()
	list, err := reader.Activity(ctx, accounts, u.Since, serial(progress))
	if err != nil {
		return u, &provisioning.Error{Code: provisioning.Unavailable, Message: "the reading of use was broken off", Hint: "start it again: nothing was kept", Err: err}
	}
	if err := d.deps.Store.SaveActivity(ctx, list); err != nil {
		return u, err
	}
	u.Accounts = len(list)
	for i := range list {
		switch {
		case list[i].Whole:
			u.Whole++
		case len(u.Why) < mostReasons && !slices.Contains(u.Why, list[i].Why):
			u.Why = append(u.Why, list[i].Why)
		}
	}
	if err := d.deps.Store.Append(ctx, d.event(provisioning.EventSync, d.deps.DMS.Name(), fmt.Sprintf("use of %d accounts read since %s: %d whole",
		u.Accounts, u.Since.UTC().Format(time.DateOnly), u.Whole))); err != nil {
		return u, err
	}
	if _, err := d.compareAnew(ctx, st.snap); err != nil {
		return u, err
	}
	return u, nil
}

// useSince is how far back use is read: a day further than anything that the policy asks for.
func (d *Desk) useSince() time.Time {
	l := d.policy().Licences
	days := max(l.Reclaim, l.Dormant[len(l.Dormant)-1]) + 1
	return d.now().Add(-time.Duration(days) * 24 * time.Hour)
}

// Forecast says month by month how many seats are paid for and what they cost, when the joiners and leavers come that the directories give
// a day for.
func (d *Desk) Forecast(ctx context.Context, months int) ([]SeatMonth, error) {
	st, book, err := d.counted(ctx)
	if err != nil {
		return nil, err
	}
	return licence.Forecast(book, d.policy(), d.plannedSeats(st), months), nil
}

// plannedSeats are the joiners who are to come and have no account, and the leavers who are to go and have one.
func (d *Desk) plannedSeats(st *compared) (list []licence.Planned) {
	p, now := d.policy(), d.now()
	for i := range st.all {
		r := &st.all[i]
		if r.Person == nil {
			continue
		}
		a := r.Account()
		switch {
		case a == nil && r.Person.Status.Live() && p.InScope(r.Person):
			made := &provisioning.Account{ID: strings.ToUpper(r.Person.SSOName), Enabled: true}
			e := licence.EffectOf(p, made, r.Person, []provisioning.Change{{Kind: provisioning.CreateAccount}})
			at := r.Person.HireDate
			if at.Before(now) {
				at = now
			}
			if e.Seats != 0 {
				list = append(list, licence.Planned{At: at, Class: classOf(p.Seat(made, r.Person)), Seats: e.Seats, Money: e.Money, Why: "joins", Name: r.Person.FullName})
			}
		case a != nil && a.Enabled && r.Linked:
			at := r.Person.LeaveDate
			if !r.Person.Status.Live() {
				at = now
			}
			if at.IsZero() || at.Before(now) && r.Person.Status.Live() {
				continue
			}
			e := licence.EffectOf(p, a, r.Person, []provisioning.Change{{Kind: provisioning.DisableAccount}})
			if e.Seats != 0 {
				list = append(list, licence.Planned{At: at, Class: classOf(p.Seat(a, r.Person)), Seats: e.Seats, Money: e.Money, Why: "leaves", Name: r.Person.FullName})
			}
		}
	}
	return list
}

// classOf is the name of a class; Unclassed where an account has none.
func classOf(c *policy.SeatClass) string {
	if c == nil {
		return licence.Unclassed
	}
	return c.Name
}

// unusedAccounts says which accounts are surely not used, by what was last read of their use; nil where nothing was.
func (d *Desk) unusedAccounts(ctx context.Context) (func(*provisioning.Account, *provisioning.Person) (time.Time, string, bool), error) {
	activity, err := d.deps.Store.Activities(ctx)
	if err != nil || len(activity) == 0 {
		return nil, err
	}
	days, now := d.policy().Licences.Dormant[0], d.now()
	return func(a *provisioning.Account, p *provisioning.Person) (time.Time, string, bool) {
		act, ok := activity[a.ID]
		if !ok {
			return time.Time{}, "", false
		}
		f := licence.Use(a, p, &act, now, days)
		return now.Add(-time.Duration(max(f.Idle, 0)) * 24 * time.Hour), f.How, f.Usage == provisioning.NotUsed
	}, nil
}

// moneyOf is what each of a unit's changes adds to the price of the paid seats, a year; nil where the policy names no prices.
func (d *Desk) moneyOf(st *compared, u *provisioning.Unit) []provisioning.Money {
	p := d.policy()
	if st == nil || p.Licences.Currency == "" {
		return nil
	}
	changes := make([]provisioning.Change, len(u.Ops))
	for i := range u.Ops {
		changes[i] = u.Ops[i].Change
	}
	account := &provisioning.Account{ID: u.Account}
	if i, known := st.account[strings.ToUpper(u.Account)]; known {
		account = &st.snap.Accounts[i]
	}
	var person *provisioning.Person
	if i, known := st.subject[personRowKey(u.Person)]; known {
		person = st.links.Subjects[i].Person
	}
	each, before := make([]provisioning.Money, len(changes)), provisioning.Money(0)
	for i := range changes {
		after := licence.EffectOf(p, account, person, changes[:i+1]).Money
		each[i], before = after-before, after
	}
	return each
}
