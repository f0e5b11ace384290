package provisioning

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The times between looks (DESIGN 3.8).
const (
	// FirstLook is how long after the act the first look is.
	FirstLook = time.Minute
	// SeenOffWithin is how long iManage may take (contracts/imanage.md 4.5); what is not seen off by then is overdue.
	SeenOffWithin = 8 * time.Hour
	hoursADay     = 24
	// lookAgain is the longest wait after a look that could not read everything, or whose clock cannot be right.
	lookAgain = time.Hour
)

// Overdue reports whether the system has had longer than it may take.
func (r *Removal) Overdue(now time.Time) bool {
	return r.Open() && now.Sub(r.Accepted) >= SeenOffWithin
}

// Due is when the account is read next: by the last look's word, and before the first look a minute after the act.
func (r *Removal) Due() time.Time {
	if r.LastLook.IsZero() {
		return r.Accepted.Add(FirstLook)
	}
	return r.NextLook
}

// IsDue reports whether the account is to be read now. A clock that stands before the act or before the last look was set back: then it
// is read too, so that a wait can never be longer than one look's.
func (r *Removal) IsDue(now time.Time) bool {
	if r.LastLook.IsZero() {
		return !now.Before(r.Due()) || now.Before(r.Accepted)
	}
	return !now.Before(r.Due()) || now.Before(r.LastLook)
}

// Enabled is the places that read enabled at the latest look.
func (r *Removal) Enabled() []Place { return r.places(ValueEnabled) }

// Unread is the places that could not be read at the latest look.
func (r *Removal) Unread() []Place { return r.places("") }

func (r *Removal) places(value string) (list []Place) {
	for _, p := range r.Places {
		if p.Value == value && !p.Look.IsZero() {
			list = append(list, p)
		}
	}
	return list
}

// Again is the places that read enabled at the latest look though they had been off: the global record, whose closing was read back when
// the change was accepted, and each library that was seen off at an earlier look. Somebody let the account in again there.
func (r *Removal) Again() (list []Place) {
	for _, p := range r.Enabled() {
		if p.Library == "" || p.Why != "" {
			list = append(list, p)
		}
	}
	return list
}

// Look takes in what a look read, which began and ended at two moments. It sets Places, LastLook, Looks, NextLook, and SeenOff where
// every place read off in this one look, which began no earlier than the change was accepted. A place that reads enabled is not seen off
// any more; one that was met at an earlier look and is not among those that were read was not read. It returns what is otherwise than at
// the look before, in sentences; none where nothing is.
func (r *Removal) Look(began, ended time.Time, read Logons) (changed []string) {
	places := make([]Place, 0, len(read.Places))
	after := !began.Before(r.Accepted) && !ended.Before(began)
	for _, p := range read.Places {
		var old Place
		if i := r.place(p.Library); i >= 0 {
			old = r.Places[i]
		}
		p.Look, p.SeenOff = ended, old.SeenOff
		switch {
		case p.Value == ValueEnabled:
			p.SeenOff, p.Why = time.Time{}, ""
			if p.Library == "" {
				p.Why = "it was read closed when the change was accepted"
			} else if !old.SeenOff.IsZero() {
				p.Why = "it was seen off " + old.SeenOff.UTC().Format(lookLayout)
			} else if old.Value == ValueEnabled {
				p.Why = old.Why // it was let in again before, and still is
			}
		case p.Off() && p.SeenOff.IsZero() && after:
			p.SeenOff = ended
		}
		places = append(places, p)
	}
	for _, old := range r.Places {
		if !slices.ContainsFunc(places, func(p Place) bool { return p.Library == old.Library }) {
			old.Value, old.Look, old.Why = "", ended, "it was not read"
			places = append(places, old)
		}
	}
	slices.SortFunc(places, func(a, b Place) int { return strings.Compare(a.Library, b.Library) })
	off := len(places) > 0 && places[0].Library == "" && after && read.Unlisted == ""
	unread := read.Unlisted != ""
	for i := range places {
		p := &places[i]
		off = off && p.Off() && !p.SeenOff.IsZero()
		unread = unread || p.Value == ""
	}
	if read.Unlisted != "" && len(places) > 0 && places[0].Why == "" {
		places[0].Why = read.Unlisted
	}
	overdue := r.Overdue(ended) && (r.LastLook.IsZero() || !r.Overdue(r.LastLook))
	changed = r.differences(places)
	r.Places, r.LastLook = places, ended
	r.Looks++
	if off {
		r.SeenOff, r.NextLook = ended, time.Time{}
		return changed
	}
	if overdue {
		changed = append(changed, fmt.Sprintf("overdue: not seen off %d hours after the act", int(SeenOffWithin.Hours())))
	}
	r.NextLook = nextLook(r.Accepted, ended)
	if latest := ended.Add(lookAgain); (unread || !after) && r.NextLook.After(latest) {
		r.NextLook = latest
	}
	return changed
}

// lookLayout is how a look writes a time: to the second, in UTC.
const lookLayout = "2006-01-02 15:04:05 UTC"

// differences says which places stand otherwise than at the look before.
func (r *Removal) differences(places []Place) (changed []string) {
	for i := range places {
		p := &places[i]
		name := p.Library
		if name == "" {
			name = "the global record"
		}
		var old Place
		if j := r.place(p.Library); j >= 0 {
			old = r.Places[j]
		}
		switch {
		case p.Value == ValueEnabled && p.Why != "" && (old.Value != ValueEnabled || old.Why == ""):
			changed = append(changed, fmt.Sprintf("%s reads enabled again: %s", name, p.Why))
		case p.Value == "" && (old.Look.IsZero() || old.Value != ""):
			changed = append(changed, fmt.Sprintf("%s could not be read: %s", name, p.Why))
		case !p.SeenOff.IsZero() && old.SeenOff.IsZero():
			changed = append(changed, fmt.Sprintf("%s seen off, it reads %s", name, p.Value))
		}
	}
	return changed
}

func (r *Removal) place(library string) int {
	return slices.IndexFunc(r.Places, func(p Place) bool { return p.Library == library })
}

// nextLook is the first time of the schedule after a moment: one minute after the act, then 15, 30, and 1, 2, 4, 8 hours, then every day.
// What passed while a machine slept is not made up for: one look tells all that they would have.
func nextLook(accepted, at time.Time) time.Time {
	for _, after := range []time.Duration{FirstLook, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, SeenOffWithin} {
		if next := accepted.Add(after); next.After(at) {
			return next
		}
	}
	days := int(at.Sub(accepted.Add(SeenOffWithin)).Hours())/hoursADay + 1
	return accepted.Add(SeenOffWithin + time.Duration(days*hoursADay)*time.Hour)
}
