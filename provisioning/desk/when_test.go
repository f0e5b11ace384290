package desk_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

func zone(t interface{ Fatal(...any) }, name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestParseWhen: a moment is read as an operator means it; what has passed, is not there, or is there twice is refused with what to
// type instead.
func TestParseWhen(t *testing.T) {
	london := zone(t, "Europe/London")
	autumn := time.Date(2026, 11, 24, 14, 2, 30, 0, london) // a Tuesday
	spring := time.Date(2027, 3, 27, 20, 0, 0, 0, london)
	october := time.Date(2026, 10, 24, 20, 0, 0, 0, london)
	for _, c := range []struct {
		now        time.Time
		text, want string // the moment in UTC, or words of the refusal and its hint
	}{
		{autumn, "now", "2026-11-24T14:02:30Z"},
		{autumn, "14:30", "2026-11-24T14:30:00Z"},
		{autumn, " 14:30 ", "2026-11-24T14:30:00Z"},
		{autumn, "today 17:00", "2026-11-24T17:00:00Z"},
		{autumn, "Tomorrow 9:00", "2026-11-25T09:00:00Z"},
		{autumn, "mon 9:00", "2026-11-30T09:00:00Z"},
		{autumn, "monday 09:00", "2026-11-30T09:00:00Z"},
		{autumn, "tue 17:00", "2026-11-24T17:00:00Z"},
		{autumn, "tue 9:00", "2026-12-01T09:00:00Z"},
		{autumn, "8 dec 17:00", "2026-12-08T17:00:00Z"},
		{autumn, "8 December 17:00", "2026-12-08T17:00:00Z"},
		{autumn, "3 jan 09:00", "2027-01-03T09:00:00Z"},
		{autumn, "3 jan 2028 09:00", "2028-01-03T09:00:00Z"},
		{autumn, "2026-12-08 17:00", "2026-12-08T17:00:00Z"},
		{autumn, "2026-12-08T17:00", "2026-12-08T17:00:00Z"},
		{autumn, "2026-12-08T17:00:00+02:00", "2026-12-08T15:00:00Z"},
		{autumn, "2027-07-01 09:00", "2027-07-01T08:00:00Z"},
		{autumn, "+2h", "2026-11-24T16:02:00Z"},
		{autumn, "+90m", "2026-11-24T15:32:00Z"},
		{autumn, "+3d", "2026-11-27T14:02:00Z"},
		{autumn, "17:00 gmt", "2026-11-24T17:00:00Z"},
		{autumn, "17:00 BST", "is not in BST: it is 17:00 GMT"},
		{autumn, "14:02", "that has passed"},
		{autumn, "9:00", "that has passed"},
		{autumn, "2026-11-23 17:00", "that has passed"},
		{autumn, "20 nov 17:00", "that has passed"},
		{autumn, "20 nov 17:00", "write the year if you mean the next one: 20 Nov 2027 17:00"},
		{autumn, "+30s", "not a minute or more"},
		{autumn, "+0d", "not a minute or more"},
		{autumn, "+-2h", "not a minute or more"},
		{autumn, "soon", "is no moment"},
		{autumn, "", "is no moment"},
		{autumn, "24:00", "is no moment"},
		{autumn, "12:60", "is no moment"},
		{autumn, "31 nov 09:00", "is no moment"},
		{autumn, "2026-02-30 09:00", "is no moment"},
		{autumn, "tomorrow", "is no moment"},
		{autumn, "tomorrow 9:00 GMT please", "is no moment"},
		// the clocks go forward on 28 March 2027 at 01:00, to 02:00 BST
		{spring, "tomorrow 00:59", "2027-03-28T00:59:00Z"},
		{spring, "tomorrow 01:00", "there is no 01:00 on Sun 28 Mar 2027"},
		{spring, "tomorrow 01:30", "the next that there is: 02:00 BST"},
		{spring, "tomorrow 02:00", "2027-03-28T01:00:00Z"},
		{spring, "sun 09:00", "2027-03-28T08:00:00Z"},
		{spring, "+1d", "2027-03-28T19:00:00Z"},
		{spring, "+24h", "2027-03-28T20:00:00Z"},
		// they go back on 25 October 2026 at 02:00 BST, to 01:00 GMT
		{october, "tomorrow 00:59", "2026-10-24T23:59:00Z"},
		{october, "tomorrow 01:30", "comes twice"},
		{october, "tomorrow 01:30", "write 01:30 BST or 01:30 GMT"},
		{october, "tomorrow 01:30 BST", "2026-10-25T00:30:00Z"},
		{october, "tomorrow 01:30 gmt", "2026-10-25T01:30:00Z"},
		{october, "tomorrow 02:00", "2026-10-25T02:00:00Z"},
		{october, "2027-10-31 01:00 BST", "2027-10-31T00:00:00Z"},
		{october, "2027-10-31 01:00 GMT", "2027-10-31T01:00:00Z"},
	} {
		at, err := desk.ParseWhen(c.text, c.now)
		if err != nil {
			if got := provisioning.Reason(err); !strings.Contains(got, c.want) || provisioning.CodeOf(err) != provisioning.Invalid {
				t.Errorf("%q: %s, want %s", c.text, got, c.want)
			}
			continue
		}
		if got := at.UTC().Format(time.RFC3339); got != c.want || at.Location() != london {
			t.Errorf("%q is %s in %s, want %s", c.text, got, at.Location(), c.want)
		}
	}
}

// TestWhenIsWhatItSays: a minute, written with its zone's abbreviation, is read as that minute in every zone, also where the clocks
// show it twice; written without, it is that minute or refused, never another one.
func TestWhenIsWhatItSays(t *testing.T) {
	zones := []string{"Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "Pacific/Apia", "America/St_Johns", "UTC"}
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		z := zone(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		at := begin.Add(time.Duration(rapid.IntRange(1, 3*366*24*60).Draw(t, "minute")) * time.Minute).In(z)
		if rapid.Bool().Draw(t, "near a change") { // where it may go wrong
			for _, offset := at.Zone(); ; {
				next := at.Add(30 * time.Minute)
				if _, now := next.Zone(); now != offset || next.Sub(begin) > 4*366*24*time.Hour {
					at = next.Add(time.Duration(rapid.IntRange(-180, 180).Draw(t, "beside it")) * time.Minute)
					break
				}
				at = next
			}
		}
		now := begin.Add(-time.Hour).In(z)
		got, err := desk.ParseWhen(at.Format("2006-01-02 15:04 MST"), now)
		if err != nil || !got.Equal(at) {
			t.Fatalf("%s was read as %s: %v", at, got, err)
		}
		if got, err = desk.ParseWhen(at.Format("2006-01-02 15:04"), now); err == nil && !got.Equal(at) {
			t.Fatalf("%s without its zone was read as %s", at, got)
		} else if err != nil && !strings.Contains(err.Error(), "comes twice") {
			t.Fatalf("%s: %v", at, err)
		}
	})
}

// FuzzParseWhen: whatever is typed, it is read or refused, and what is read lies ahead.
func FuzzParseWhen(f *testing.F) {
	for _, seed := range []string{"now", "14:30", "tomorrow 09:00", "mon 9:00", "8 dec 17:00", "2026-12-08 17:00", "+2h", "+3d", "01:30 BST", "29 feb 09:00", "9999-12-31 23:59", ":", "t"} {
		f.Add(seed)
	}
	now := time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		at, err := desk.ParseWhen(text, now)
		if err == nil && at.Before(now) {
			t.Errorf("%q is %s", text, at)
		}
		if err != nil && provisioning.CodeOf(err) != provisioning.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	})
}
