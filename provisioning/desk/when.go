package desk

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/provisioning"
)

// whenForms are the ways to write a moment.
const whenForms = "now, 14:30, tomorrow 09:00, mon 9:00, 8 dec 17:00, 2026-12-08 17:00, +2h"

// soonest is how far ahead a date without a year may lie: beyond that it is rather a slip for one that has just passed.
const soonest = 183 * 24 * time.Hour

// ParseWhen reads a moment as an operator types it, in the zone of now: "now", "14:30", "tomorrow 09:00", "mon 9:00", "8 dec 17:00",
// "2026-12-08 17:00", "+2h"; with a zone's abbreviation behind it where the clocks show a time twice. A moment that has passed, a time
// that the clocks leave out, and one that they show twice are Invalid, each with what to type instead.
func ParseWhen(text string, now time.Time) (time.Time, error) {
	text = strings.TrimSpace(text)
	fields := strings.Fields(strings.ToLower(text))
	switch {
	case len(fields) == 1 && fields[0] == "now":
		return now, nil
	case len(fields) == 1 && strings.HasPrefix(fields[0], "+"):
		return fromNow(fields[0][1:], now)
	}
	if at, err := time.Parse(time.RFC3339, strings.ToUpper(text)); err == nil { // as programs write it
		return ahead(at.In(now.Location()).Truncate(time.Minute), now)
	}
	w, ok := parseWords(fields, now)
	if !ok {
		return time.Time{}, notWhen(fmt.Sprintf("%q is no moment", text), "write it like one of these: "+whenForms)
	}
	return w.resolve(now)
}

func notWhen(message, hint string) error {
	return &provisioning.Error{Code: provisioning.Invalid, Message: message, Hint: hint}
}

// ahead refuses what has passed.
func ahead(at, now time.Time) (time.Time, error) {
	if !at.After(now) {
		return time.Time{}, notWhen("that has passed: "+at.Format("Mon 2 Jan 2006 15:04 MST"), "write one that is to come: "+whenForms)
	}
	return at, nil
}

// fromNow reads what follows a plus: 2h, 90m, 1h30m, 3d. A day later is the same time of day, whatever the clocks do.
func fromNow(text string, now time.Time) (time.Time, error) {
	const most = 3650 // days
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= most {
			return on(now.AddDate(0, 0, n), now.Hour(), now.Minute(), "")
		}
	}
	if err != nil || d < time.Minute || d > most*24*time.Hour {
		return time.Time{}, notWhen("+"+text+" is not a minute or more from now", "write +90m, +2h or +3d")
	}
	return now.Add(d).Truncate(time.Minute), nil
}

// words are a day and a time of day as somebody wrote them.
type words struct {
	day          time.Time // only its date counts
	hour, minute int
	zone         string // the abbreviation that was typed, "" for none
	again        when   // what follows where the day has passed
}

// when says how a day that has passed is meant.
type when int

const (
	thatDay  when = iota
	nextWeek      // the next such weekday
	nextYear      // the next such date
)

// parseWords reads [day] time [zone].
func parseWords(fields []string, now time.Time) (w words, ok bool) {
	if len(fields) == 1 {
		if day, clock, found := strings.Cut(fields[0], "t"); found && len(day) == len(time.DateOnly) { // 2026-12-08t17:00
			fields = []string{day, clock}
		}
	}
	i := slices.IndexFunc(fields, func(f string) bool { return strings.Contains(f, ":") })
	if i < 0 || len(fields) > i+2 {
		return w, false
	}
	clock, err := time.Parse("15:04", fields[i])
	if err != nil {
		return w, false
	}
	w.hour, w.minute = clock.Hour(), clock.Minute()
	if len(fields) == i+2 {
		w.zone = strings.ToUpper(fields[i+1])
	}
	return w, w.setDay(fields[:i], now)
}

// setDay reads the day: none or today, tomorrow, a weekday, a date with or without its year.
func (w *words) setDay(fields []string, now time.Time) bool {
	today := time.Date(now.Year(), now.Month(), now.Day(), 12, 0, 0, 0, time.UTC)
	switch len(fields) {
	case 0:
		w.day = today
		return true
	case 1:
		return w.setOneDay(fields[0], today)
	case 2, 3:
		day, err := strconv.Atoi(fields[0])
		month, ok := named(fields[1], 12, func(i int) string { return time.Month(i + 1).String() })
		if err != nil || !ok {
			return false
		}
		year := now.Year()
		if len(fields) == 2 {
			w.again = nextYear
		} else if year, err = strconv.Atoi(fields[2]); err != nil || year < 1000 || year > 9999 {
			return false
		}
		w.day = time.Date(year, time.Month(month+1), day, 12, 0, 0, 0, time.UTC)
		return w.day.Day() == day // 31 nov is no day
	default:
		return false
	}
}

func (w *words) setOneDay(word string, today time.Time) bool {
	if day, err := time.Parse(time.DateOnly, word); err == nil {
		w.day = day
		return true
	}
	switch word {
	case "today":
		w.day = today
	case "tomorrow":
		w.day = today.AddDate(0, 0, 1)
	default:
		n, ok := named(word, 7, func(i int) string { return time.Weekday(i).String() })
		w.again = nextWeek
		w.day = today.AddDate(0, 0, (n-int(today.Weekday())+7)%7)
		return ok
	}
	return true
}

// named finds a name by its first three letters or more.
func named(text string, n int, name func(int) string) (int, bool) {
	for i := range n {
		if len(text) >= 3 && strings.HasPrefix(strings.ToLower(name(i)), text) {
			return i, true
		}
	}
	return 0, false
}

// resolve finds the moment that is meant.
func (w *words) resolve(now time.Time) (time.Time, error) {
	day := time.Date(w.day.Year(), w.day.Month(), w.day.Day(), 12, 0, 0, 0, now.Location())
	at, err := on(day, w.hour, w.minute, w.zone)
	if err != nil || at.After(now) || w.again == thatDay {
		if err != nil {
			return at, err
		}
		return ahead(at, now)
	}
	if w.again == nextWeek {
		return on(day.AddDate(0, 0, 7), w.hour, w.minute, w.zone)
	}
	later, err := on(day.AddDate(1, 0, 0), w.hour, w.minute, w.zone)
	if err == nil && later.Sub(now) > soonest {
		return time.Time{}, notWhen("that has passed: "+at.Format("Mon 2 Jan 2006 15:04 MST"), "write the year if you mean the next one: "+later.Format("2 Jan 2006 15:04"))
	}
	return later, err
}

// on finds the moment at which the clocks show a time on a day, in that day's zone: none, one or two. zone chooses by abbreviation.
func on(day time.Time, hour, minute int, zone string) (time.Time, error) {
	shown := time.Date(day.Year(), day.Month(), day.Day(), hour, minute, 0, 0, time.UTC)
	found := moments(shown, day.Location())
	said := shown.Format("15:04") + " on " + shown.Format("Mon 2 Jan 2006")
	if len(found) == 0 {
		next := shown
		for len(found) == 0 && next.Sub(shown) < 26*time.Hour {
			next = next.Add(time.Minute)
			found = moments(next, day.Location())
		}
		hint := "write another time"
		if len(found) > 0 {
			hint = "the next that there is: " + found[0].Format("15:04 MST")
		}
		return time.Time{}, notWhen("there is no "+said+": the clocks go forward over it", hint)
	}
	if zone != "" {
		named := slices.DeleteFunc(slices.Clone(found), func(t time.Time) bool { return t.Format("MST") != zone })
		if len(named) == 0 {
			return time.Time{}, notWhen(said+" is not in "+zone, "it is "+found[0].Format("15:04 MST"))
		}
		found = named
	}
	if len(found) > 1 {
		return time.Time{}, notWhen(said+" comes twice: the clocks go back over it", "write "+found[0].Format("15:04 MST")+" or "+found[1].Format("15:04 MST"))
	}
	return found[0], nil
}

// moments are those at which the clocks of a zone show what a UTC clock shows at one: by each offset that is in force about then.
func moments(shown time.Time, zone *time.Location) []time.Time {
	const about = 26 * time.Hour
	var found []time.Time
	for _, at := range []time.Time{shown.Add(-about), shown, shown.Add(about)} {
		_, offset := at.In(zone).Zone()
		t := shown.Add(-time.Duration(offset) * time.Second).In(zone)
		_, its := t.Zone()
		if its == offset && !slices.ContainsFunc(found, t.Equal) {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, time.Time.Compare)
	return found
}
