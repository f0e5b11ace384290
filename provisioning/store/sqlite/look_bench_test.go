package sqlite_test

import (
	"testing"
	"time"
)

// BenchmarkLook looks at the whole file of a store of 100,000 people for damage, as each start does beside it; the first write waits for
// that, a screen does not. open-ms is the start itself.
func BenchmarkLook(b *testing.B) {
	file := path(b)
	s := open(b, file)
	for i := range 3 {
		snap := snapshot(100_000, now.Add(time.Duration(i)*time.Hour))
		snap.AccountsFrom = snap.TakenAt.Add(-time.Minute)
		if err := s.SaveSnapshot(ctx, snap, event("x")); err != nil {
			b.Fatal(err)
		}
	}
	appendRows(b, s, 1000)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	begin := time.Now()
	s = open(b, file)
	opened := time.Since(begin)
	for b.Loop() {
		if err := s.Look(ctx); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(opened.Milliseconds()), "open-ms")
}
