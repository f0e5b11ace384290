package ui

import (
	"errors"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
)

// Zone is the place whose clock a moment is shown by: the named zone, or the one here where that is not known.
func Zone(name string) *time.Location {
	if name == "" || name == "Local" {
		return time.Local
	}
	if zone, err := time.LoadLocation(name); err == nil {
		return zone
	}
	return time.Local
}

// Moment writes a moment in full, with its year and zone: "Tue 8 Dec 2026 17:00 GMT".
func Moment(at time.Time, zone *time.Location) string {
	return at.In(zone).Format("Mon 2 Jan 2006 15:04 MST")
}

// When writes a moment with its zone: "Tue 8 Dec 17:00 GMT", and with the year where that is not this one.
func When(at time.Time, zone *time.Location, now time.Time) string {
	at = at.In(zone)
	if at.Year() != now.In(zone).Year() {
		return Moment(at, zone)
	}
	return at.Format("Mon 2 Jan 15:04 MST")
}

// Until says how far off a moment is, as exactly as it matters: "in 13 days", "in 3 h 10 min", "4 min ago".
func Until(at, now time.Time) string {
	d := at.Sub(now)
	if d < 0 {
		return span(-d) + " ago"
	}
	return "in " + span(d)
}

func span(d time.Duration) string {
	if d < time.Minute {
		return "less than a minute"
	}
	d = d.Round(time.Minute)
	switch days := int(d.Hours()) / 24; {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", days)
	case d >= 24*time.Hour:
		return fmt.Sprintf("1 day %d h", int(d.Hours())-24)
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
}

// WhenPrompt asks for a moment, and shows it back in full as it is typed. parse reads a text against a clock; "now" is the zero time.
func WhenPrompt(title, what string, is time.Time, now func() time.Time, parse func(text string, now time.Time) (time.Time, error), done func(time.Time) tea.Cmd) *Prompt {
	value := ""
	if !is.IsZero() {
		value = is.Local().Format("2006-01-02 15:04")
	}
	read := func(text string) (time.Time, error) {
		if text = strings.ToLower(strings.TrimSpace(text)); text == "now" {
			return time.Time{}, nil
		}
		at, err := parse(text, now().Local())
		if err == nil && at.Before(now()) {
			err = errors.New("that minute has passed: " + Moment(at, time.Local))
		}
		return at, err
	}
	return &Prompt{
		Title: title, Body: []string{what, "now, 14:30, tomorrow 09:00, mon 9:00, 8 dec 17:00, 2026-12-08 17:00, +2h"}, Value: value,
		Check: func(text string) (string, error) {
			at, err := read(text)
			switch {
			case err != nil:
				return "", err
			case at.IsZero():
				return "now: with the commit", nil
			default:
				return Moment(at, time.Local) + ", " + Until(at, now()), nil
			}
		},
		Done: func(text string) tea.Cmd {
			at, err := read(text)
			if err != nil {
				return Say(Failed{Err: err})
			}
			return done(at)
		},
	}
}
