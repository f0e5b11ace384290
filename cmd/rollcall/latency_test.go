package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// latencies presses a key many times and gives, for each, the time from the key to the last byte that it brought, sorted.
func (term *terminal) latencies(keys []string) []time.Duration {
	const quiet = 40 * time.Millisecond // after so long without a byte, the frame is whole
	var took []time.Duration
	random := rand.New(rand.NewPCG(1, 2))
	for _, k := range keys {
		// A person presses at no particular moment of a frame; a fixed pause would always meet the same one.
		<-time.After(time.Duration(random.IntN(9000)) * time.Microsecond)
		pressed := time.Now()
		term.press(k)
		for {
			<-time.After(2 * time.Millisecond)
			term.mu.Lock()
			last := term.last
			term.mu.Unlock()
			if last.After(pressed) && time.Since(last) > quiet {
				took = append(took, last.Sub(pressed))
				break
			}
			if time.Since(pressed) > time.Second { // a key that changed nothing on the screen
				break
			}
		}
	}
	slices.Sort(took)
	return took
}

func at(took []time.Duration, share float64) float64 {
	return float64(took[min(len(took)-1, int(share*float64(len(took))))].Microseconds()) / 1000
}

// resident is the peak memory of the process, in MiB; 0 where the system does not tell.
func (term *terminal) resident() float64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", term.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				return 0
			}
			return kb / 1024
		}
	}
	return 0
}

// BenchmarkKeyToScreen opens the demo firm in a real pseudo-terminal of 120x40 and measures, from the key to the last byte that it
// brought, steps down and pages, and the typing of a search; at 2,000 and at 100,000 people, so that the one is the other's baseline.
// The memory is the whole process's peak, the simulators of both systems in it (DESIGN 7).
func BenchmarkKeyToScreen(b *testing.B) {
	for _, people := range []int{2000, 100_000} {
		b.Run(fmt.Sprintf("%d people", people), func(b *testing.B) {
			for b.Loop() {
				term := start(b, 120, 40, "--demo", "--people", fmt.Sprint(people), "--state", b.TempDir())
				term.wait("Leavers")
				<-time.After(2 * time.Second)
				term.mu.Lock()
				term.deaf = true
				term.mu.Unlock()
				var steps []string
				for i := range 300 {
					steps = append(steps, []string{"\x1b[B", "\x1b[B", "\x1b[B", "\x1b[6~"}[i%4])
				}
				moves := term.latencies(steps)
				typing := []string{"/"}
				for range 10 {
					typing = append(typing, strings.Split("thompson", "")...)
					typing = append(typing, "\x15") // empties the query
				}
				finds := term.latencies(typing)
				b.ReportMetric(at(moves, 0.5), "move-p50-ms")
				b.ReportMetric(at(moves, 0.99), "move-p99-ms")
				b.ReportMetric(at(finds, 0.5), "find-p50-ms")
				b.ReportMetric(at(finds, 0.99), "find-p99-ms")
				b.ReportMetric(term.resident(), "peak-MiB")
				term.quit()
			}
		})
	}
}
