package provisioning_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/provisioning"
)

func whole() provisioning.ReadEvidence {
	return provisioning.ReadEvidence{Source: "okta", EndMarker: true, Reported: -1, Seen: 100, Pages: 1}
}

// TestProve holds DESIGN 3.2: each way in which a read may fall short, and the one in which it is whole.
func TestProve(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(*provisioning.ReadEvidence)
		lastGood int
		missing  []string
		want     string // part of the reason; empty: complete
	}{
		"whole":                     {func(*provisioning.ReadEvidence) {}, 100, nil, ""},
		"first read has no band":    {func(e *provisioning.ReadEvidence) { e.Seen = 3 }, -1, nil, ""},
		"at the edge of the band":   {func(e *provisioning.ReadEvidence) { e.Seen = 90 }, 100, nil, ""},
		"below the band":            {func(e *provisioning.ReadEvidence) { e.Seen = 89 }, 100, nil, "more than 10 %"},
		"above the band":            {func(e *provisioning.ReadEvidence) { e.Seen = 111 }, 100, nil, "more than 10 %"},
		"empty 200":                 {func(e *provisioning.ReadEvidence) { e.Seen = 0 }, -1, nil, "empty list"},
		"empty after empty":         {func(e *provisioning.ReadEvidence) { e.Seen = 0 }, 0, nil, "empty list"},
		"no end mark":               {func(e *provisioning.ReadEvidence) { e.EndMarker = false }, 100, nil, "end mark"},
		"broken off":                {func(e *provisioning.ReadEvidence) { e.Failure = "reset" }, 100, nil, "broke off"},
		"refused part":              {func(e *provisioning.ReadEvidence) { e.Refused = []string{"group A: 403"} }, 100, nil, "group A"},
		"overflow":                  {func(e *provisioning.ReadEvidence) { e.Overflow = []string{"members"} }, 100, nil, "cut short"},
		"moving list":               {func(e *provisioning.ReadEvidence) { e.Conflicts = []string{"00u1"} }, 100, nil, "changed while"},
		"totals disagree":           {func(e *provisioning.ReadEvidence) { e.Reported = 101 }, 100, nil, "reports 101"},
		"totals agree":              {func(e *provisioning.ReadEvidence) { e.Reported = 100 }, 100, nil, ""},
		"a page twice, no total":    {func(e *provisioning.ReadEvidence) { e.Duplicates = 1 }, 100, nil, "listed twice"},
		"a row twice, totals agree": {func(e *provisioning.ReadEvidence) { e.Duplicates, e.Reported = 1, 100 }, 100, nil, ""},
		"canary missing":            {func(*provisioning.ReadEvidence) {}, 100, []string{"ceo@x"}, "canary"},
	} {
		t.Run(name, func(t *testing.T) {
			e := whole()
			c.change(&e)
			p := provisioning.Prove(e, c.lastGood, len(c.missing), c.missing)
			if p.Complete != (c.want == "") {
				t.Fatalf("complete = %v, reason %q", p.Complete, p.Reason)
			}
			if !strings.Contains(p.Reason, c.want) || strings.Contains(p.Reason, "\n") {
				t.Errorf("reason %q, want it to say %q in one line", p.Reason, c.want)
			}
		})
	}
}

// TestNothingUnprovenIsComplete: whatever a reader saw, a read that lost half the people or its end is never believed.
func TestNothingUnprovenIsComplete(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := provisioning.ReadEvidence{
			EndMarker: rapid.Bool().Draw(t, "end"), Seen: rapid.IntRange(0, 1000).Draw(t, "seen"),
			Reported: rapid.IntRange(-1, 1000).Draw(t, "reported"),
		}
		last := rapid.IntRange(1, 1000).Draw(t, "last")
		p := provisioning.Prove(e, last, 0, nil)
		if p.Complete && (!e.EndMarker || e.Seen == 0 || 2*e.Seen < last || (e.Reported >= 0 && e.Reported != e.Seen)) {
			t.Fatalf("believed %+v after %d", e, last)
		}
	})
}

// TestStates: ends are ends, a sent op never leaves without a word, and nothing is confirmed that was not sent.
func TestStates(t *testing.T) {
	all := []provisioning.OpState{
		provisioning.OpPending, provisioning.OpSent, provisioning.OpConfirmed, provisioning.OpAlready, provisioning.OpDrifted,
		provisioning.OpFailed, provisioning.OpByHand, provisioning.OpParked, provisioning.OpCancelled,
	}
	for _, from := range all {
		if provisioning.OpMay(from, provisioning.OpConfirmed) && from != provisioning.OpSent && from != provisioning.OpByHand {
			t.Errorf("%s may be confirmed though it was never sent", from)
		}
		if provisioning.OpMay(provisioning.OpConfirmed, from) || provisioning.OpMay(provisioning.OpAlready, from) {
			t.Errorf("what is done may become %s", from)
		}
		if provisioning.OpMay(provisioning.OpSent, provisioning.OpCancelled) {
			t.Error("what was sent may be cancelled without a look")
		}
	}
	if provisioning.BatchMay(provisioning.BatchDraft, provisioning.BatchCommitted) {
		t.Error("a draft may be committed without a review")
	}
	if provisioning.UnitMay(provisioning.UnitDone, provisioning.UnitPending) {
		t.Error("a done unit may run again")
	}
}
