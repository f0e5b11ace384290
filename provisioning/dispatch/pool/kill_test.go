package pool_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
	"rollcall/provisioning/commit"
	"rollcall/provisioning/dispatch/dispatchtest"
)

// long says how many random kills are asked for; 0: the short form.
func long() int {
	n, err := strconv.Atoi(os.Getenv("ROLLCALL_KILLS"))
	if err != nil {
		return 0
	}
	return n
}

// TestKillMatrix kills the real process at every step of the protocol in the middle of every kind of change, by every call that it may
// become, and holds after each that nothing was lost and nothing done twice.
func TestKillMatrix(t *testing.T) {
	began, all := time.Now(), &tally{}
	t.Run("all", func(t *testing.T) {
		for _, d := range dispatchtest.Deeds() {
			t.Run(d.Name, func(t *testing.T) {
				t.Parallel()
				firm := dispatchtest.New()
				steps := commit.Steps()
				for range steps {
					firm.Alone(d)
				}
				w := admit(t, firm, effectDelay)
				w.workers = 1
				kills := 0
				for i, step := range steps {
					// The first person taken is the one before, who is brought to an end; the next one's turn is where it dies.
					if w.live(death{step: step, nth: 1, taken: min(i, 1) + 1}) {
						t.Fatalf("it came to an end, and not to %q", step)
					}
					kills++
				}
				if !w.live(death{}) {
					t.Fatal("it did not come to an end")
				}
				w.check()
				all.add(w, kills, 0)
			})
		}
	})
	kinds := make(map[provisioning.ChangeKind]bool)
	for _, d := range dispatchtest.Deeds() {
		kinds[d.Kind] = true
	}
	all.log(t, fmt.Sprintf("%d steps × %d calls of %d kinds of change", len(commit.Steps()), len(dispatchtest.Deeds()), len(kinds)), began)
	if want := len(commit.Steps()) * len(dispatchtest.Deeds()); all.kills != want {
		t.Errorf("%d kills, want %d", all.kills, want)
	}
}

// faults are what a bad day's server does, each every so often.
func faults(b *wiretest.Bench) {
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		b.Inject(
			wiretest.Fault{Kind: wiretest.AfterEffect, Method: method, Path: "/work/", Every: 7, Status: http.StatusBadGateway},
			wiretest.Fault{Kind: wiretest.ResetAfter, Method: method, Path: "/work/", Every: 11},
			wiretest.Fault{Kind: wiretest.ResetBefore, Method: method, Path: "/work/", Every: 13},
			wiretest.Fault{Kind: wiretest.Status, Method: method, Path: "/work/", Every: 9, Status: http.StatusTooManyRequests, Header: http.Header{"X-Ratelimit-Retryafter": {"0.05"}}},
			wiretest.Fault{Kind: wiretest.Status, Method: method, Path: "/work/", Every: 23, Status: http.StatusTooManyRequests}, // without a header
			wiretest.Fault{Kind: wiretest.Status, Method: method, Path: "/work/", Every: 17, Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"0"}}},
			wiretest.Fault{Kind: wiretest.Status, Method: method, Path: "/work/", Every: 29, Status: http.StatusServiceUnavailable}, // without a header: in doubt
			wiretest.Fault{Kind: wiretest.CutBody, Method: method, Path: "/work/", Every: 19},
		)
	}
	b.Inject(wiretest.Fault{Kind: wiretest.Status, Method: http.MethodGet, Path: "/work/", Every: 31, Status: http.StatusBadGateway})
}

// TestKill kills the real process at random steps and at random times, over random batches and under faults, restarts it, and holds that
// nothing was lost, nothing done twice, and the batch offered for resume at once. ROLLCALL_KILLS asks for more than every run's.
func TestKill(t *testing.T) {
	const lanes = 4
	want, people := 160, 24
	if n := long(); n > 0 {
		want, people = n, 60
	}
	began, all := time.Now(), &tally{}
	t.Run("all", func(t *testing.T) {
		for lane := range lanes {
			t.Run(fmt.Sprint(lane), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(uint64(lane), uint64(want)))
				for kills := 0; kills < want/lanes; {
					w := admit(t, dispatchtest.Random(random, people/2+random.IntN(people)), effectDelay)
					faults(w.server.Bench())
					here, retried := w.slaughter(random, want/lanes-kills)
					kills += here
					w.check()
					all.add(w, here, retried)
					if t.Failed() {
						return
					}
				}
			})
		}
	})
	all.log(t, "random kills under faults", began)
	if all.kills < want-lanes {
		t.Errorf("only %d kills", all.kills)
	}
}

// slaughter kills one victim after the other until the batch came to its end, the last ones let live once there were enough. What was
// given up after four attempts is tried again, as an operator would.
func (w *ward) slaughter(random *rand.Rand, most int) (kills, retried int) {
	w.t.Helper()
	for {
		var d death
		switch wait := time.Duration(1+random.IntN(250)) * time.Millisecond; {
		case kills >= most:
		case random.IntN(3) == 0:
			steps := commit.Steps()
			d = death{step: steps[random.IntN(len(steps))], nth: 1 + random.IntN(12)}
		case random.IntN(8) == 0: // while it starts
			d = death{start: wait}
		default:
			d = death{after: wait}
		}
		if !w.live(d) {
			kills++
			continue
		}
		if w.unfinished() { // a stop rule stopped it: it is let go on
			continue
		}
		again := w.retry()
		if again == 0 {
			return kills, retried
		}
		retried += again
	}
}

// TestKillFindsMutants: with the intent, the settle time or the read-back taken out of the protocol, the same harness finds, for each
// kind of change, effects that took place twice or requests that were sent again after they had theirs. Whole, it finds none.
func TestKillFindsMutants(t *testing.T) {
	for _, mutant := range []string{mutantNoSettle, mutantNoIntent, mutantNoReadBack} {
		for _, d := range dispatchtest.Deeds() {
			t.Run(mutant+"/"+d.Name, func(t *testing.T) {
				t.Parallel()
				var last *ward
				for _, effect := range []time.Duration{time.Second, 4 * time.Second} { // for the next victim to look before it is there: longer on a busy machine
					w := mutate(t, d, mutant, effect)
					const most = 10
					for range most { // some people at a time: the next ones are another chance
						if w.live(deadly(mutant)); len(w.verdict().Double) > 0 {
							return
						}
					}
					<-time.After(effect) // what is on its way takes effect
					if len(w.verdict().Double) > 0 {
						return
					}
					last = w
				}
				t.Fatalf("the harness did not notice: %+v", last.verdict())
			})
		}
	}
	for _, like := range []string{mutantNoIntent, mutantNoReadBack} {
		t.Run("whole, killed as with "+like, func(t *testing.T) {
			t.Parallel()
			w := mutate(t, dispatchtest.Deeds()[0], like, time.Second)
			w.mutant = ""
			for range 3 {
				w.live(deadly(like))
			}
			w.live(death{})
			w.check()
		})
	}
}

// mutate is a ward of people who all need one deed, for a mutant that is to be found.
func mutate(t *testing.T, d dispatchtest.Deed, mutant string, effect time.Duration) *ward {
	t.Helper()
	firm := dispatchtest.New()
	for range 18 {
		firm.Alone(d)
	}
	if mutant == mutantNoReadBack {
		effect = effectDelay
	}
	w := admit(t, firm, effect)
	w.mutant, w.workers, w.settle = mutant, 6, effect+settleTime
	if mutant == mutantNoSettle {
		w.settle = 0
	}
	return w
}

// deadly is the death that shows a mutant: once an effect is there, or else while a request is in the server.
func deadly(mutant string) death {
	if mutant == mutantNoReadBack {
		return death{step: commit.StepSent, nth: 3}
	}
	return death{onWay: 100 * time.Millisecond}
}
