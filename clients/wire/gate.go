package wire

import (
	"context"
	"math"
	"math/bits"
	"slices"
	"sync"
	"time"
)

// The bounds of how many requests are on their way at a time.
const (
	firstInFlight = 8
	mostInFlight  = 32 // as many connections are kept
)

// gate says how many requests are on their way to a system at a time. It begins with eight, lets one more on their way for as long as that
// gets more done, goes back to what got most done where it does not, and halves where the system refuses without saying for how long, or
// does not answer. A request for which a person waits passes when one more than that is on its way.
//
// What gets most done is measured: for each number on their way how long an answer takes, beside the quickest of its like. Requests
// are alike here where their method and the size of their answer are.
type gate struct {
	mu     sync.Mutex
	limit  float64
	flying int
	people []*waiter
	others []*waiter

	quickest map[like]time.Duration
	seen     [mostInFlight + 2]measure // by how many were on their way
	answers  int                       // since the limit was last looked at
	used     int                       // the most on their way since then
	full     bool                      // somebody had to wait, or the last place was taken
	rest     int                       // looks to wait before one more is tried again
	patience int                       // how many that was the last time
	before   float64                   // what was usual before all was forgotten; 0: not known
	cut      time.Time                 // when it was last halved
}

type waiter struct {
	pass  chan struct{}
	level int
}

// like is a kind of request: its method, and the order of size of its answer.
type like struct {
	method string
	size   int
}

// measure is what so many on their way come to, as a mean that forgets.
type measure struct {
	slow   float64 // how many times the quickest of its like a good answer took
	square float64 // of that
	good   float64 // the share of good answers
	n, all int
}

// memory is how many answers a measure remembers, known how many it takes to believe one.
const (
	memory = 24
	known  = 12
)

func (m *measure) add(good bool, slow float64) {
	m.all++
	share := 0.0
	if good {
		share = 1
		m.n++
		m.slow += (slow - m.slow) / float64(min(m.n, memory))
		m.square += (slow*slow - m.square) / float64(min(m.n, memory))
	}
	m.good += (share - m.good) / float64(min(m.all, memory))
}

// unsure is by how much the mean may be wrong: its standard error.
func (m *measure) unsure() float64 {
	return math.Sqrt(max(m.square-m.slow*m.slow, 0) / float64(min(max(m.n, 1), memory)))
}

func newGate() *gate {
	return &gate{limit: firstInFlight, quickest: make(map[like]time.Duration), patience: 1}
}

// places is how many may be on their way.
func (g *gate) places(person bool) int {
	n := max(int(g.limit), 1)
	if person {
		n++
	}
	return n
}

// enter waits for a place, and says how many are on their way with it. Whoever enters must leave; whoever is given an
// error has not entered.
func (g *gate) enter(ctx context.Context, person bool) (level int, err error) {
	if err := ctx.Err(); err != nil { // a place that was taken along with an error nobody would give back
		return 0, err
	}
	g.mu.Lock()
	line := &g.others
	if person {
		line = &g.people
	}
	if len(*line) == 0 && g.flying < g.places(person) {
		defer g.mu.Unlock()
		return g.pass(), nil
	}
	g.full = true
	w := &waiter{pass: make(chan struct{})}
	*line = append(*line, w)
	g.mu.Unlock()
	select {
	case <-w.pass:
		return w.level, nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(*line, w); i >= 0 {
		*line = slices.Delete(*line, i, i+1)
	} else { // it was let through at the same moment
		g.flying--
		g.wake()
	}
	return 0, ctx.Err()
}

// pass takes a place. The caller holds mu.
func (g *gate) pass() int {
	g.flying++
	g.used = max(g.used, g.flying)
	g.full = g.full || g.flying >= g.places(false)
	return g.flying
}

// leave gives a place back.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.flying--
	g.wake()
}

// wake lets those through for whom there is a place, people first. The caller holds mu.
func (g *gate) wake() {
	for _, person := range []bool{true, false} {
		line := &g.others
		if person {
			line = &g.people
		}
		for len(*line) > 0 && g.flying < g.places(person) {
			w := (*line)[0]
			*line = (*line)[1:]
			w.level = g.pass()
			close(w.pass)
		}
	}
}

// state tells how many are on their way, and how many may be.
func (g *gate) state() (flying, most int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.flying, g.places(false)
}

// refused halves how many may be on their way, once for all that were sent before it was last halved. again reports whether that is
// so: a refusal that is news.
func (g *gate) refused(level int, sent, now time.Time) (news bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen[min(level, mostInFlight+1)].add(false, 0)
	if sent.Before(g.cut) {
		return false
	}
	g.limit = max(1, min(g.limit, float64(max(level, g.flying)))/2)
	g.cut, g.answers, g.used, g.full = now, 0, g.flying, false
	g.rest = 0
	return true
}

// answered takes what a good answer shows: how many were on their way with it, and how long it took.
func (g *gate) answered(level int, method string, size int, took time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	kind := like{method, bits.Len(uint(size))}
	const forget = 1.002 // the quickest is of a while ago, and may never come again
	quickest, known := g.quickest[kind]
	if quickest = time.Duration(float64(quickest) * forget); !known || took < quickest {
		quickest = max(took, time.Microsecond)
	}
	g.quickest[kind] = quickest
	g.seen[min(level, mostInFlight+1)].add(true, float64(took)/float64(quickest))
	if g.answers++; g.answers >= g.places(false) {
		g.look()
		g.answers, g.used, g.full = 0, g.flying, false
		g.wake()
	}
}

// done is how much gets done with so many on their way, in quickest answers at a time; 0: not known. least is that as far as it is sure.
func (g *gate) done(level int) (mean, least float64) {
	m := &g.seen[level]
	if m.n < known {
		return 0, 0
	}
	return float64(level) * m.good / m.slow, float64(level) * m.good / (m.slow + m.unsure())
}

// enough is the share of the most that may get done which is as good: where it gets that with fewer, the rest only wait in the system.
const enough = 0.95

// best is the fewest of those up to now with which enough gets done for sure, or more than now where more gets done for sure with more.
func (g *gate) best(now int) int {
	here, _ := g.done(now)
	most := here
	for k := 1; k < now; k++ {
		_, least := g.done(k)
		most = max(most, least)
	}
	for k := 1; k < now; k++ {
		if _, least := g.done(k); least > 0 && least >= enough*most {
			return k
		}
	}
	for k := now + 1; k <= mostInFlight; k++ {
		if _, least := g.done(k); enough*least > here {
			return k
		}
	}
	return now
}

// jammed is how many times as long as usual an answer takes where far too many are on their way.
const jammed = 4

// usual is how many times the quickest an answer takes with fewer on their way; 0: not known.
func (g *gate) usual(level int) float64 {
	sum, n := 0.0, 0
	for k := 1; k < level; k++ {
		m := &g.seen[k]
		sum += m.slow * float64(min(m.n, memory))
		n += min(m.n, memory)
	}
	if n < memory {
		return g.before
	}
	return sum / float64(n)
}

// look decides how many may be on their way from now on. The caller holds mu.
func (g *gate) look() {
	now := min(max(g.used, 1), mostInFlight)
	best, usual := g.best(now), g.usual(now)
	switch {
	case g.seen[now].n < known && g.limit <= float64(now): // not known yet
	case usual > 0 && g.seen[now].slow > jammed*usual: // what was known of it is of another time
		g.back(max(now/2, 1))
		clear(g.seen[:])
		if g.before = usual; now == 1 { // it has become slow by itself
			clear(g.quickest)
			g.before = 0
		}
	case best < now:
		g.back(best)
		g.seen[best-1] = measure{} // measured anew when it is tried again, as are all above, which are of a better time
		clear(g.seen[best+1:])
	case !g.full: // nobody asked for more
	case best > now:
		g.limit = float64(now + 1)
	case g.rest > 0:
		g.rest--
		if now > 1 && g.seen[now-1].n < known { // is it better still with fewer?
			g.limit = float64(now - 1)
		}
	case now < mostInFlight:
		g.limit, g.seen[now+1] = float64(now+1), measure{}
	}
}

// back lets fewer on their way, and more again only after a while, a longer one each time.
func (g *gate) back(level int) {
	const longest = 128
	g.limit, g.rest, g.patience = float64(level), g.patience, min(2*g.patience, longest)
}
