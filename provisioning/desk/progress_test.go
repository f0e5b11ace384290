package desk

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
)

// course is a run of a batch as it would go: when each change is settled, and which waits the system asks for.
type course struct {
	begin   time.Time
	settled []settledAt
	sent    []time.Time
	allowed func(at time.Time) float64
	pauses  []provisioning.Pause
	since   time.Time // another rate is allowed since then
}

// take lets eight people at a time have their changes made under a rate, with three to five requests each of which one in ten is refused and
// sent again, 50 ms apart at least. A pause stops everything.
func take(seed uint64, changes int, allowed func(at time.Time) float64, pauses []provisioning.Pause) course {
	r := rand.New(rand.NewPCG(seed, 1))
	c := course{begin: time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC), allowed: allowed, pauses: pauses}
	type lane struct {
		left  int
		ready time.Time
		began time.Time
	}
	lanes := make([]lane, people)
	begun := 0
	next := func(l *lane) {
		if begun == changes {
			l.left = 0
			return
		}
		begun++
		l.left, l.began = 3+2*r.IntN(2), time.Time{}
	}
	for i := range lanes {
		lanes[i].ready = c.begin
		next(&lanes[i])
	}
	now := c.begin
	for len(c.settled) < changes {
		now = now.Add(time.Duration(float64(time.Second) / allowed(now)))
		for _, p := range pauses {
			if !now.Before(p.From) && now.Before(p.Until) {
				now = p.Until
			}
		}
		first := -1
		for i := range lanes {
			if l := &lanes[i]; l.left > 0 && (first < 0 || l.ready.Before(lanes[first].ready)) {
				first = i
			}
		}
		l := &lanes[first]
		if l.ready.After(now) {
			now = l.ready
		}
		c.sent = append(c.sent, now)
		l.ready = now.Add(50 * time.Millisecond)
		if l.began.IsZero() {
			l.began = l.ready
		}
		if r.IntN(10) == 0 {
			l.ready = now.Add(300 * time.Millisecond)
			continue
		}
		if l.left--; l.left == 0 {
			c.settled = append(c.settled, settledAt{l.began, l.ready})
			next(l)
		}
	}
	return c
}

// end is when the last change is settled.
func (c *course) end() (last time.Time) {
	for _, s := range c.settled {
		if s.done.After(last) {
			last = s.done
		}
	}
	return last
}

// told is what would be told at a moment, and what is true then: the time to the end, but for waits that nobody has asked for yet.
func (c *course) told(now time.Time) (t tempo, left int, truth time.Duration) {
	state := provisioning.RateState{Allowed: c.allowed(now)}
	if !c.since.After(now) {
		state.Since = c.since
	}
	truth = c.end().Sub(now)
	for _, p := range c.pauses {
		if p.From.After(now) {
			truth -= p.Until.Sub(p.From)
			continue
		}
		state.Pauses = append(state.Pauses, p)
		state.PausedUntil = p.Until
	}
	for _, at := range c.sent {
		if age := now.Unix() - at.Unix(); age >= 1 && age <= 5 {
			state.Used += 1.0 / 5
		}
	}
	var settled []settledAt
	for _, s := range c.settled {
		if s.done.After(now) {
			left++
		} else {
			settled = append(settled, s)
		}
	}
	return measure(now, work{settled, min(people, left), left}, state), left, truth
}

func steady(perSecond float64) func(time.Time) float64 {
	return func(time.Time) float64 { return perSecond }
}

// people are worked on at a time.
const people = 8

// off is by how much the time left that is told may be wrong: a fifth of the truth, and as long as it takes to make two changes for each of
// those who are worked on at a time, and three seconds.
func off(truth time.Duration, left int) time.Duration {
	const share, changes = 0.2, 2 * people
	return time.Duration((share+changes/float64(max(left, changes)))*float64(truth)) + 3*time.Second
}

// TestTimeLeft: through runs with and without waits that the system asks for, the time left is right at every moment after the first
// tenth, and it is never nothing while there is something left.
func TestTimeLeft(t *testing.T) {
	start := time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)
	pause := func(from, span time.Duration) provisioning.Pause {
		return provisioning.Pause{From: start.Add(from), Until: start.Add(from + span)}
	}
	var storm []provisioning.Pause
	for at := 20 * time.Second; at < 100*time.Second; at += 7 * time.Second {
		storm = append(storm, pause(at, 3*time.Second))
	}
	for name, c := range map[string]struct {
		changes int
		allowed func(time.Time) float64
		pauses  []provisioning.Pause
		from    time.Duration // what nobody can know before is looked at from here on
	}{
		"at 20 a second":      {changes: 500, allowed: steady(20)},
		"at 2 a second":       {changes: 60, allowed: steady(2)},
		"at 100 a second":     {changes: 500, allowed: steady(100)},
		"one long wait":       {changes: 500, allowed: steady(20), pauses: []provisioning.Pause{pause(40*time.Second, 5*time.Minute)}},
		"a wait at the start": {changes: 500, allowed: steady(20), pauses: []provisioning.Pause{pause(time.Second, time.Minute)}},
		"a storm of waits":    {changes: 500, allowed: steady(20), pauses: storm},
		"half is allowed then": {changes: 800, from: 65 * time.Second, allowed: func(at time.Time) float64 {
			return map[bool]float64{true: 20, false: 10}[at.Before(start.Add(50*time.Second))]
		}},
		"twice is allowed": {changes: 800, from: 65 * time.Second, allowed: func(at time.Time) float64 {
			return map[bool]float64{true: 10, false: 20}[at.Before(start.Add(50*time.Second))]
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(5) {
				course := take(seed, c.changes, c.allowed, c.pauses)
				if c.from > 0 {
					course.since = start.Add(50 * time.Second)
				}
				worst, known := 0.0, false
				for now := course.begin; now.Before(course.end()); now = now.Add(500 * time.Millisecond) {
					told, left, truth := course.told(now)
					if known = known || told.Left > 0; known && told.Left <= 0 {
						t.Fatalf("%s told with %d left", told.Left, left)
					}
					if waits := !told.Until.IsZero(); waits != (working(now, now.Add(1100*time.Millisecond), course.pauses) == 0 && waits) {
						t.Fatalf("at %s: waits until %s", now, told.Until)
					}
					if c.changes-left < c.changes/10 || now.Sub(course.begin) < c.from {
						continue
					}
					if wrong := (told.Left - truth).Abs(); wrong > off(truth, left) {
						t.Fatalf("seed %d: %s told, %s is true, %s after the start, %d left", seed, told.Left, truth, now.Sub(course.begin), left)
					} else if left > 2*people {
						worst = max(worst, wrong.Seconds()/truth.Seconds())
					}
				}
				if !known {
					t.Error("nothing was told")
				}
				if seed == 0 {
					t.Logf("%s in all, off by %.0f %% at most", course.end().Sub(course.begin).Round(time.Second), 100*worst)
				}
			}
		})
	}
}

// TestWaitsAreTold: while the system has everybody wait, that is told with its end, and the time left is that and what comes after.
func TestWaitsAreTold(t *testing.T) {
	c := take(1, 500, steady(20), nil)
	from := c.begin.Add(30 * time.Second)
	before, _, _ := c.told(from)
	for i := range c.settled { // what is not settled yet waits
		if c.settled[i].done.After(from) {
			c.settled[i].done = c.settled[i].done.Add(7 * time.Minute)
		}
	}
	c.sent, c.pauses = nil, []provisioning.Pause{{From: from, Until: from.Add(7 * time.Minute)}}
	now := from.Add(2 * time.Minute)
	told, _, _ := c.told(now)
	if !told.Until.Equal(from.Add(7*time.Minute)) || math.Abs(told.Rate/before.Rate-1) > 0.05 {
		t.Errorf("%+v, before %+v", told, before)
	}
	if off := told.Left - (before.Left + 5*time.Minute); off.Abs() > 5*time.Second {
		t.Errorf("%s, and %s before the wait of which five minutes are left", told.Left, before.Left)
	}
	if after, _, _ := c.told(from.Add(7 * time.Minute)); !after.Until.IsZero() {
		t.Errorf("%+v", after)
	}
}

// TestNothingIsMadeUp: of few changes, of a moment, and of a batch that lay at rest since, no rate and no time is told; the waits alone
// are.
func TestNothingIsMadeUp(t *testing.T) {
	now := time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)
	every := func(n int, step, ago time.Duration) (list []settledAt) {
		for i := range n {
			done := now.Add(-ago - time.Duration(i)*step)
			list = append(list, settledAt{done.Add(-100 * time.Millisecond), done})
		}
		return list
	}
	for name, c := range map[string]struct {
		settled []settledAt
		known   bool
	}{
		"nothing yet":      {nil, false},
		"four":             {every(4, time.Second, 0), false},
		"five":             {every(5, time.Second, 0), true},
		"ten in a moment":  {every(10, 10*time.Millisecond, 0), false},
		"many in a moment": {every(40, 10*time.Millisecond, 0), true},
		"before a rest":    {every(100, time.Second, 2*time.Minute), false},
		"slow, and going":  {every(10, 10*time.Second, 0), true},
		"it stands still":  {every(100, 100*time.Millisecond, 90*time.Second), false},
	} {
		if told := measure(now, work{c.settled, people, 10}, provisioning.RateState{Allowed: 20}); (told.Left > 0) != c.known || (told.Rate > 0) != c.known {
			t.Errorf("%s: %+v", name, told)
		}
	}
}

// TestTempoHolds: whatever was settled and whatever the budget says, nothing is told that cannot be: no time below a second while there is
// something left, none where nothing is, no rate beyond the budget, and no end of a wait before now.
func TestTempoHolds(t *testing.T) {
	now := time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		ago := rapid.Int64Range(-int64(10*time.Second), int64(2*time.Minute))
		var settled []settledAt
		for range rapid.IntRange(0, 200).Draw(t, "settled") {
			done := now.Add(-time.Duration(ago.Draw(t, "done")))
			settled = append(settled, settledAt{done.Add(-time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "took"))), done})
		}
		var state provisioning.RateState
		state.Allowed, state.Used = rapid.Float64Range(0, 400).Draw(t, "allowed"), rapid.Float64Range(0, 400).Draw(t, "used")
		from := now.Add(-2 * time.Minute)
		for range rapid.IntRange(0, 10).Draw(t, "pauses") {
			from = from.Add(time.Duration(rapid.Int64Range(1, int64(20*time.Second)).Draw(t, "work")))
			until := from.Add(time.Duration(rapid.Int64Range(1, int64(30*time.Second)).Draw(t, "pause")))
			state.Pauses = append(state.Pauses, provisioning.Pause{From: from, Until: until})
			from, state.PausedUntil = until, until
		}
		left := rapid.IntRange(0, 1000).Draw(t, "left")
		told := measure(now, work{settled, rapid.IntRange(0, people).Draw(t, "begun"), left}, state)
		switch {
		case told.Left != 0 && (told.Left < time.Second || left == 0 || told.Rate <= 0):
			t.Fatalf("%+v with %d left", told, left)
		case told.Rate < 0 || math.IsNaN(told.Rate) || math.IsInf(told.Rate, 0) || (state.Allowed > 0 && told.Rate > state.Allowed):
			t.Fatalf("%+v of %v", told, state.Allowed)
		case !told.Until.IsZero() && !told.Until.After(now):
			t.Fatalf("%+v", told)
		}
	})
}
