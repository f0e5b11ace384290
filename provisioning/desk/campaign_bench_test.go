package desk_test

import (
	"context"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

// BenchmarkCampaign opens a campaign over all access of 100,000 people, six of it each, and then takes decisions one by one, each durable
// before the next: how long the opening takes (the plan, the signed snapshot, the store), how long it is opened again from the store, and
// how long a decision. Beside it, what the same disk takes for one durable row of the record alone.
func BenchmarkCampaign(b *testing.B) {
	ctx := context.Background()
	s := newSmall(b, noon, 100_000)
	for _, a := range s.dms.accounts {
		for _, g := range []string{"DEAL", "KITE", "PARTNERS", "TEAM"} {
			a.Groups = append(a.Groups, provisioning.GroupRef{Library: "LON", Group: g})
		}
	}
	s.with = func(deps *desk.Deps) { deps.Signer = machineKey("installation") }
	d := s.open("l.ortiz")
	s.read(d)
	for b.Loop() {
		from := time.Now()
		p, err := d.PlanCampaign(ctx, desk.NewCampaign{})
		if err != nil {
			b.Fatal(err)
		}
		r, err := d.StartCampaign(ctx, p)
		if err != nil {
			b.Fatal(err)
		}
		opened := time.Since(from)
		again := s.open("m.chen")
		from = time.Now()
		{
			if _, err := again.OpenReview(ctx, r.Campaign().ID); err != nil {
				b.Fatal(err)
			}
		}
		loaded := time.Since(from)
		from = time.Now()
		const decisions = 200
		for i := range decisions {
			if err := d.DecideReview(ctx, r, []int{i + 10}, desk.Verdict{Verdict: provisioning.ReviewKeep}); err != nil {
				b.Fatal(err)
			}
		}
		decided := time.Since(from) / decisions
		from = time.Now()
		for range decisions {
			if err := s.store.Append(ctx, s.event(provisioning.EventReview)); err != nil {
				b.Fatal(err)
			}
		}
		row := time.Since(from) / decisions
		b.ReportMetric(float64(r.Len()), "items")
		b.ReportMetric(opened.Seconds(), "s/opening")
		b.ReportMetric(loaded.Seconds(), "s/loading")
		b.ReportMetric(float64(decided.Microseconds())/1000, "ms/decision")
		b.ReportMetric(float64(decided)/float64(row), "x-a-durable-row")
	}
}
