package provisioning_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
)

// TestLook: what one look makes of a removal, and when another is due.
func TestLook(t *testing.T) {
	accepted := time.Date(2026, 11, 24, 14, 6, 3, 0, time.UTC)
	place := func(library, value string) provisioning.Place {
		return provisioning.Place{Library: library, Value: value}
	}
	off := []provisioning.Place{place("LON", provisioning.ValueDisabled), place("", provisioning.ValueDisabled)}
	for name, c := range map[string]struct {
		began, ended time.Duration // after the act
		read         provisioning.Logons
		seen         bool
		next         time.Duration
		told         string
	}{
		"all off":               {time.Minute, time.Minute, provisioning.Logons{Places: off}, true, 0, "the global record seen off"},
		"off, one is gone":      {time.Minute, time.Minute, provisioning.Logons{Places: append([]provisioning.Place{place("PAR", provisioning.ValueAbsent)}, off...)}, true, 0, "PAR seen off, it reads absent"},
		"one is open":           {time.Minute, time.Minute, provisioning.Logons{Places: append([]provisioning.Place{place("PAR", provisioning.ValueEnabled)}, off...)}, false, 15 * time.Minute, "LON seen off"},
		"one is not read":       {5 * time.Hour, 5 * time.Hour, provisioning.Logons{Places: append([]provisioning.Place{place("PAR", "")}, off...)}, false, 6 * time.Hour, "PAR could not be read"},
		"libraries not told":    {5 * time.Hour, 5 * time.Hour, provisioning.Logons{Places: off, Unlisted: "403"}, false, 6 * time.Hour, "LON seen off"},
		"began before the act":  {-time.Second, time.Minute, provisioning.Logons{Places: off}, false, 15 * time.Minute, ""},
		"no global record":      {time.Minute, time.Minute, provisioning.Logons{Places: off[:1]}, false, 15 * time.Minute, "LON seen off"},
		"nothing at all":        {time.Minute, time.Minute, provisioning.Logons{}, false, 15 * time.Minute, ""},
		"the account is in":     {time.Minute, time.Minute, provisioning.Logons{Places: []provisioning.Place{place("", provisioning.ValueEnabled)}}, false, 15 * time.Minute, "the global record reads enabled again"},
		"late, and still open":  {9 * time.Hour, 9 * time.Hour, provisioning.Logons{Places: append([]provisioning.Place{place("PAR", provisioning.ValueEnabled)}, off...)}, false, 32 * time.Hour, "overdue"},
		"days late, still open": {75 * time.Hour, 75 * time.Hour, provisioning.Logons{Places: append([]provisioning.Place{place("PAR", provisioning.ValueEnabled)}, off...)}, false, 80 * time.Hour, "overdue"},
	} {
		t.Run(name, func(t *testing.T) {
			r := provisioning.Removal{Account: "TBARNES", Accepted: accepted}
			changed := strings.Join(r.Look(accepted.Add(c.began), accepted.Add(c.ended), c.read), "; ")
			if r.SeenOff.IsZero() == c.seen || r.Open() == c.seen || r.Looks != 1 || !strings.Contains(changed, c.told) || (c.told == "" && changed != "") {
				t.Errorf("%q %+v", changed, r)
			}
			if next := accepted.Add(c.next); !c.seen && !r.NextLook.Equal(next) || c.seen && !r.NextLook.IsZero() {
				t.Errorf("the next look is %s after the act, want %s", r.NextLook.Sub(accepted), c.next)
			}
		})
	}
}

// TestLooksNeverEnd: whatever the looks read and whenever they are, one that is not seen off has another look to come, within a day of the
// last; and it is seen off just where the last look read every place off.
func TestLooksNeverEnd(t *testing.T) {
	values := []string{provisioning.ValueEnabled, provisioning.ValueDisabled, provisioning.ValueAbsent, ""}
	rapid.Check(t, func(t *rapid.T) {
		accepted := time.Date(2026, 11, 24, 14, 6, 3, 0, time.UTC)
		r := provisioning.Removal{Accepted: accepted}
		at := accepted.Add(time.Duration(rapid.IntRange(-48*60, 60).Draw(t, "start")) * time.Minute)
		for r.Open() && r.Looks < 30 {
			at = at.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "wait")) * time.Minute)
			read := provisioning.Logons{Places: []provisioning.Place{{Value: rapid.SampledFrom(values).Draw(t, "global")}}}
			for _, library := range []string{"DUB", "LON", "PAR"} {
				if v := rapid.SampledFrom(append(values, "-")).Draw(t, library); v != "-" {
					read.Places = append(read.Places, provisioning.Place{Library: library, Value: v})
				}
			}
			known := len(r.Places)
			r.Look(at, at, read)
			every := !at.Before(accepted) && !slices.ContainsFunc(r.Places, func(p provisioning.Place) bool { return !p.Off() })
			if len(r.Places) < known || every == r.Open() {
				t.Fatalf("at %s: %+v", at, r)
			}
			if r.Open() && (!r.NextLook.After(at) || r.NextLook.Sub(at) > 24*time.Hour || r.IsDue(at) || !r.IsDue(r.NextLook)) {
				t.Fatalf("at %s the next look is %s", at, r.NextLook)
			}
			for _, p := range r.Places {
				if !p.SeenOff.IsZero() && (p.SeenOff.Before(accepted) || p.SeenOff.After(at) || p.Value == provisioning.ValueEnabled) {
					t.Fatalf("at %s: %+v", at, p)
				}
			}
		}
	})
}
