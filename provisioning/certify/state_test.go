package certify_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/certify"
)

func decision(item, stage int, v provisioning.ReviewVerdict, reviewer, reason string) provisioning.ReviewDecision {
	return provisioning.ReviewDecision{Item: item, Stage: stage, Verdict: v, Reviewer: reviewer, Reason: reason, By: "l.ortiz", How: "console", At: day(item + stage)}
}

func handOver(item, stage int, from, to string) provisioning.ReviewDecision {
	d := decision(item, stage, provisioning.ReviewDelegate, from, "on leave")
	d.To = to
	return d
}

// staged is a campaign in one of three stages.
func staged(stage int, sees ...string) *provisioning.Campaign {
	c := campaign()
	c.Stage, c.Stages = stage, []provisioning.ReviewStage{{Name: "first", Sees: certify.SeesAll}}
	for i, s := range sees {
		c.Stages = append(c.Stages, provisioning.ReviewStage{Name: fmt.Sprint("stage ", i+2), Sees: s})
	}
	return c
}

func TestWhereAnItemStands(t *testing.T) {
	t.Parallel()
	const keep, revoke, ask = provisioning.ReviewKeep, provisioning.ReviewRevoke, provisioning.ReviewAsk
	type decisions []provisioning.ReviewDecision
	for name, c := range map[string]struct {
		stage     int
		sees      []string
		decisions decisions
		verdict   provisioning.ReviewVerdict
		final     provisioning.ReviewVerdict
		reviewer  string
		question  string
		proposed  provisioning.ReviewVerdict
		elsewhere bool
	}{
		"nothing":                            {reviewer: "ann"},
		"kept":                               {decisions: decisions{decision(1, 0, keep, "ann", "")}, verdict: keep, final: keep, reviewer: "ann"},
		"the latest counts":                  {decisions: decisions{decision(1, 0, keep, "ann", ""), decision(1, 0, revoke, "ann", "gone")}, verdict: revoke, final: revoke, reviewer: "ann"},
		"taken back":                         {decisions: decisions{decision(1, 0, keep, "ann", ""), decision(1, 0, "", "ann", "")}, reviewer: "ann"},
		"another item's":                     {decisions: decisions{decision(9, 0, keep, "ann", "")}, reviewer: "ann"},
		"a question":                         {decisions: decisions{decision(1, 0, keep, "ann", ""), decision(1, 0, ask, "ann", "why?")}, verdict: ask, reviewer: "ann", question: "why?"},
		"a question that is answered":        {decisions: decisions{decision(1, 0, ask, "ann", "why?"), decision(1, 0, revoke, "ann", "")}, verdict: revoke, final: revoke, reviewer: "ann"},
		"handed over":                        {decisions: decisions{decision(1, 0, keep, "ann", ""), handOver(1, 0, "ann", "bob")}, reviewer: "bob"},
		"handed over and decided":            {decisions: decisions{handOver(1, 0, "ann", "bob"), decision(1, 0, revoke, "bob", "")}, verdict: revoke, final: revoke, reviewer: "bob"},
		"a stage that has not begun":         {sees: []string{certify.SeesAll}, decisions: decisions{decision(1, 1, keep, "ann", "")}, reviewer: "ann"},
		"proposed by the stage before":       {stage: 1, sees: []string{certify.SeesAll}, decisions: decisions{decision(1, 0, revoke, "ann", "")}, final: revoke, reviewer: "ann", proposed: revoke},
		"the last that decided counts":       {stage: 1, sees: []string{certify.SeesAll}, decisions: decisions{decision(1, 0, revoke, "ann", ""), decision(1, 1, keep, "bob", "")}, verdict: keep, final: keep, reviewer: "ann", proposed: revoke},
		"over two stages":                    {stage: 2, sees: []string{certify.SeesAll, certify.SeesAll}, decisions: decisions{decision(1, 0, revoke, "ann", "")}, final: revoke, reviewer: "ann", proposed: revoke},
		"a stage that does not see it":       {stage: 1, sees: []string{certify.SeesRevoke}, decisions: decisions{decision(1, 0, keep, "ann", ""), decision(1, 1, revoke, "bob", "")}, final: keep, reviewer: "ann", proposed: keep, elsewhere: true},
		"a stage that sees the revokes":      {stage: 1, sees: []string{certify.SeesRevoke}, decisions: decisions{decision(1, 0, revoke, "ann", ""), decision(1, 1, keep, "bob", "")}, verdict: keep, final: keep, reviewer: "ann", proposed: revoke},
		"a stage that sees the kept":         {stage: 1, sees: []string{certify.SeesKeep}, decisions: decisions{decision(1, 0, revoke, "ann", "")}, final: revoke, reviewer: "ann", proposed: revoke, elsewhere: true},
		"what is open comes to every stage":  {stage: 1, sees: []string{certify.SeesKeep}, decisions: decisions{decision(1, 1, keep, "bob", "")}, verdict: keep, final: keep, reviewer: "ann"},
		"a stage for the undecided":          {stage: 1, sees: []string{certify.SeesUndecided}, decisions: decisions{decision(1, 0, ask, "ann", "why?"), decision(1, 1, keep, "bob", "")}, verdict: keep, final: keep, reviewer: "ann"},
		"a question takes a proposal back":   {stage: 1, sees: []string{certify.SeesAll}, decisions: decisions{decision(1, 0, keep, "ann", ""), decision(1, 1, ask, "bob", "really?")}, verdict: ask, reviewer: "ann", question: "really?", proposed: keep},
		"and for the stage after":            {stage: 2, sees: []string{certify.SeesAll, certify.SeesUndecided}, decisions: decisions{decision(1, 0, keep, "ann", ""), decision(1, 1, ask, "bob", "really?")}, reviewer: "ann"},
		"a delegation ends with its stage":   {stage: 1, sees: []string{certify.SeesAll}, decisions: decisions{handOver(1, 0, "ann", "bob")}, reviewer: "ann"},
		"an earlier stage's, after the next": {stage: 1, sees: []string{certify.SeesAll}, decisions: decisions{decision(1, 1, keep, "bob", ""), decision(1, 0, revoke, "ann", "")}, verdict: keep, final: keep, reviewer: "ann"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			items := number(of("ZED", 1))
			items[0].Reviewer = "ann"
			s := certify.Replay(staged(c.stage, c.sees...), items, c.decisions)[0]
			proposed := provisioning.ReviewVerdict("")
			if s.Proposed != nil {
				proposed = s.Proposed.Verdict
			}
			if s.Item != 1 || s.Verdict != c.verdict || s.Final() != c.final || s.Reviewer != c.reviewer || s.Question != c.question || proposed != c.proposed || s.Here == c.elsewhere {
				t.Errorf("it stands as %+v, finally %q, proposed %q", s, s.Final(), proposed)
			}
		})
	}
}

// TestWhatThePolicyDecidesNeedNotBeSeen holds that an undecided item comes to no stage for others where the policy decides it at the close.
func TestWhatThePolicyDecidesNeedNotBeSeen(t *testing.T) {
	t.Parallel()
	c := staged(1, certify.SeesRevoke)
	c.Undecided = provisioning.UndecidedKeep
	if s := certify.Replay(c, number(of("ZED", 1)), nil)[0]; s.Here {
		t.Error("an undecided item is seen by a stage for the revokes")
	}
}

// TestAStateSaysWhoDecided holds what a verdict carries.
func TestAStateSaysWhoDecided(t *testing.T) {
	t.Parallel()
	items := number(of("ZED", 1))
	d := decision(1, 0, provisioning.ReviewRevoke, "ann", "left the matter")
	s := certify.Replay(staged(0), items, []provisioning.ReviewDecision{handOver(1, 0, "bob", "ann"), d})[0]
	if s.Decided != "ann" || s.By != "l.ortiz" || s.How != "console" || !s.At.Equal(d.At) || s.Reason != "left the matter" || s.From != "bob" || s.Why != "on leave" {
		t.Errorf("%+v", s)
	}
	p := certify.Replay(staged(1, certify.SeesAll), items, []provisioning.ReviewDecision{d})[0].Proposed
	if p == nil || p.Reviewer != "ann" || p.By != "l.ortiz" || p.How != "console" || !p.At.Equal(d.At) || p.Reason != "left the matter" || p.Stage != 0 {
		t.Errorf("proposed %+v", p)
	}
}

// TestTheNextStageHasItsReviewers hands the items of a second stage over as it begins.
func TestTheNextStageHasItsReviewers(t *testing.T) {
	t.Parallel()
	c := staged(1, certify.SeesRevoke)
	c.Reviewers = []provisioning.Reviewer{{Key: "ann", Person: key("ANN")}, {Key: "bob", Account: "BOB"}}
	c.Stages[1].Reviewers = []string{"ann", "bob"}
	items := number(append(of("ANN", 2), of("ZED", 1)...))
	decisions := []provisioning.ReviewDecision{
		decision(1, 0, provisioning.ReviewRevoke, "x", ""), decision(2, 0, provisioning.ReviewKeep, "x", ""), decision(3, 0, provisioning.ReviewRevoke, "x", ""),
	}
	handed, warnings := certify.Advance(c, items, certify.Replay(c, items, decisions), nil, day(3))
	if len(handed) != 2 || len(warnings) != 0 {
		t.Fatalf("handed over %+v, warned %q", handed, warnings)
	}
	states := certify.Replay(c, items, append(decisions, handed...))
	if states[0].Reviewer != "bob" || states[1].Here || states[2].Reviewer != "ann" || states[0].From != "" || states[0].Final() != provisioning.ReviewRevoke {
		t.Errorf("the states are %+v", states)
	}
	if items[0].Reviewer != "" {
		t.Error("the items were changed")
	}
}

// randomDecisions draws decisions on n items over some stages, in the order of a store: no stage before an earlier one.
func randomDecisions(t *rapid.T, n, stages int) []provisioning.ReviewDecision {
	var list []provisioning.ReviewDecision
	for stage := range stages {
		for range rapid.IntRange(0, 12).Draw(t, "decisions") {
			d := decision(rapid.IntRange(1, n+1).Draw(t, "item"), stage, rapid.SampledFrom([]provisioning.ReviewVerdict{
				provisioning.ReviewKeep, provisioning.ReviewRevoke, provisioning.ReviewAsk, provisioning.ReviewDelegate, "", "other",
			}).Draw(t, "verdict"), rapid.SampledFrom([]string{"ann", "bob"}).Draw(t, "reviewer"), "because")
			if d.Verdict == provisioning.ReviewDelegate {
				d.To = rapid.SampledFrom([]string{"ann", "bob", ""}).Draw(t, "to")
			}
			list = append(list, d)
		}
	}
	return list
}

func randomStages(t *rapid.T) *provisioning.Campaign {
	sees := []string{certify.SeesAll, certify.SeesRevoke, certify.SeesKeep, certify.SeesUndecided}
	more := rapid.SliceOfN(rapid.SampledFrom(sees), 0, 2).Draw(t, "stages")
	return staged(rapid.IntRange(0, len(more)).Draw(t, "stage"), more...)
}

// TestReplayDoesNotMindHowDecisionsCome takes them one by one with a look after each, in chunks, and all at once.
func TestReplayDoesNotMindHowDecisionsCome(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := randomStages(t)
		items := number(of("ZED", rapid.IntRange(1, 5).Draw(t, "items")))
		decisions := randomDecisions(t, len(items), len(c.Stages))
		want := certify.Replay(c, items, decisions)
		board := certify.NewBoard(c, items)
		for _, d := range decisions {
			board.Take(d)
			if rapid.Bool().Draw(t, "look") {
				board.States()
			}
		}
		if got := board.States(); !reflect.DeepEqual(got, want) {
			t.Fatalf("one by one %+v\nat once %+v", got, want)
		}
		for i := range want { // an item's state rests on its own decisions alone
			var own []provisioning.ReviewDecision
			for _, d := range decisions {
				if d.Item == items[i].N {
					own = append(own, d)
				}
			}
			if got := certify.Replay(c, items[i:i+1], own)[0]; !reflect.DeepEqual(got, want[i]) {
				t.Fatalf("alone %+v\namong the others %+v", got, want[i])
			}
		}
	})
}

func TestWhoMayDecide(t *testing.T) {
	t.Parallel()
	ann := provisioning.Reviewer{Key: "ann", Person: key("ANN"), Account: "ANN", Email: "ann@firm.example"}
	bob := provisioning.Reviewer{Key: "bob", Person: key("BOB"), Account: "BOB"}
	twin := provisioning.Reviewer{Key: "ann2", Account: "ann"}
	mail := provisioning.Reviewer{Key: "Ann@Firm.example"}
	const keep, revoke, ask, delegate = provisioning.ReviewKeep, provisioning.ReviewRevoke, provisioning.ReviewAsk, provisioning.ReviewDelegate
	zed, own := of("ZED", 1)[0], of("ANN", 1)[0]
	for name, c := range map[string]struct {
		item     provisioning.ReviewItem
		reviewer string
		act      certify.Act
		change   func(c *provisioning.Campaign, s *certify.State)
		code     provisioning.Code // "": allowed
		says     string
	}{
		"keep":                               {item: zed, reviewer: "ann", act: certify.Act{Reviewer: ann, Verdict: keep}},
		"revoke":                             {item: zed, reviewer: "ann", act: certify.Act{Reviewer: ann, By: bob, Verdict: revoke}},
		"take back":                          {item: zed, reviewer: "ann", act: certify.Act{Reviewer: ann}},
		"ask":                                {item: zed, reviewer: "ann", act: certify.Act{Reviewer: ann, Verdict: ask, Reason: "why?"}},
		"ask nothing":                        {item: zed, reviewer: "ann", act: certify.Act{Reviewer: ann, Verdict: ask, Reason: " "}, code: provisioning.Invalid, says: "without words"},
		"an odd verdict":                     {item: zed, reviewer: "ann", act: certify.Act{Reviewer: ann, Verdict: "shred"}, code: provisioning.Invalid, says: "no verdict shred"},
		"nobody":                             {item: zed, reviewer: "", act: certify.Act{Verdict: keep}, code: provisioning.Invalid, says: "nobody is named"},
		"somebody else's":                    {item: zed, reviewer: "bob", act: certify.Act{Reviewer: ann, Verdict: keep}, code: provisioning.Held, says: "not ann's to decide"},
		"nobody's":                           {item: zed, reviewer: "", act: certify.Act{Reviewer: ann, Verdict: keep}, code: provisioning.Held, says: "not ann's to decide"},
		"nobody's, by the fallback":          {item: zed, reviewer: "", act: certify.Act{Reviewer: ann, Verdict: keep}, change: func(c *provisioning.Campaign, _ *certify.State) { c.Fallback = "ann" }},
		"their own, as the fallback":         {item: own, reviewer: "", act: certify.Act{Reviewer: ann, Verdict: keep}, change: func(c *provisioning.Campaign, _ *certify.State) { c.Fallback = "ann" }, code: provisioning.Held, says: "own access"},
		"their own":                          {item: own, reviewer: "ann", act: certify.Act{Reviewer: ann, Verdict: keep}, code: provisioning.Held, says: "own access"},
		"their own, revoked":                 {item: own, reviewer: "ann", act: certify.Act{Reviewer: ann, Verdict: revoke}, code: provisioning.Held, says: "own access"},
		"their own, asked":                   {item: own, reviewer: "ann", act: certify.Act{Reviewer: ann, Verdict: ask, Reason: "?"}, code: provisioning.Held, says: "own access"},
		"their own account":                  {item: own, reviewer: "ann2", act: certify.Act{Reviewer: twin, Verdict: keep}, code: provisioning.Held, says: "own access"},
		"their own mailbox":                  {item: own, reviewer: mail.Key, act: certify.Act{Reviewer: mail, Verdict: keep}, code: provisioning.Held, says: "own access"},
		"their own, in another's name":       {item: own, reviewer: "bob", act: certify.Act{Reviewer: bob, By: twin, Verdict: keep}, code: provisioning.Held, says: "own access"},
		"their own, as the policy lets them": {item: own, reviewer: "ann", act: certify.Act{Reviewer: ann, Verdict: keep}, change: func(c *provisioning.Campaign, _ *certify.State) { c.SelfReview = true }},
		"hand over":                          {item: zed, reviewer: "ann", act: certify.Act{Reviewer: ann, Verdict: delegate, To: bob}},
		"hand over one's own":                {item: own, reviewer: "ann", act: certify.Act{Reviewer: ann, By: ann, Verdict: delegate, To: bob}},
		"hand over to whose it is":           {item: own, reviewer: "bob", act: certify.Act{Reviewer: bob, Verdict: delegate, To: twin}, code: provisioning.Held, says: "access of ann2"},
		"hand over to nobody":                {item: zed, reviewer: "ann", act: certify.Act{Reviewer: ann, Verdict: delegate}, code: provisioning.Invalid, says: "nobody is named"},
		"hand over to oneself":               {item: zed, reviewer: "ann", act: certify.Act{Reviewer: ann, Verdict: delegate, To: ann}, code: provisioning.Invalid, says: "already"},
		"closed":                             {item: zed, reviewer: "ann", act: certify.Act{Reviewer: ann, Verdict: keep}, change: func(c *provisioning.Campaign, _ *certify.State) { c.State = provisioning.CampaignClosed }, code: provisioning.Stale, says: "closed"},
		"not of this stage":                  {item: zed, reviewer: "ann", act: certify.Act{Reviewer: ann, Verdict: keep}, change: func(_ *provisioning.Campaign, s *certify.State) { s.Here = false }, code: provisioning.Held, says: "this stage"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			camp, s := campaign(), certify.State{Item: 1, Here: true, Reviewer: c.reviewer}
			if c.change != nil {
				c.change(camp, &s)
			}
			err := certify.May(camp, &c.item, &s, c.act)
			switch {
			case c.code == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.code != "" && (err == nil || provisioning.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says)):
				t.Errorf("got %v, want %s …%s…", err, c.code, c.says)
			}
		})
	}
}

// TestSelfReviewNeverPasses draws reviewers who are the item's person by any one of three ways.
func TestSelfReviewNeverPasses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		it := of(rapid.StringMatching(`[A-Z]{3,6}`).Draw(t, "id"), 1)[0]
		me := provisioning.Reviewer{Key: "me"}
		ways := rapid.IntRange(1, 7).Draw(t, "ways")
		if ways&1 != 0 {
			me.Person = it.Person
		}
		if ways&2 != 0 {
			me.Account = strings.ToLower(it.Account)
		}
		if ways&4 != 0 {
			me.Email = strings.ToUpper(it.Email)
		}
		as := rapid.IntRange(0, 2).Draw(t, "as")
		verdicts := []provisioning.ReviewVerdict{provisioning.ReviewKeep, provisioning.ReviewRevoke, provisioning.ReviewAsk, ""}
		if as == 0 { // one's own may be handed on, but never to oneself
			verdicts = append(verdicts, provisioning.ReviewDelegate)
		}
		a := certify.Act{Reviewer: me, Reason: "?", Verdict: rapid.SampledFrom(verdicts).Draw(t, "verdict")}
		other := provisioning.Reviewer{Key: "other", Person: key("somebody else")}
		reviewer := "me"
		switch as {
		case 0:
			a.To = me
			if a.Verdict == provisioning.ReviewDelegate {
				a.Reviewer, reviewer = other, "other"
			}
		case 1: // in another's name
			a.Reviewer, a.By, reviewer = other, me, "other"
		default:
		}
		c := campaign()
		c.Fallback = rapid.SampledFrom([]string{"", "me", "other"}).Draw(t, "fallback")
		if err := certify.May(c, &it, &certify.State{Here: true, Reviewer: reviewer}, a); err == nil {
			t.Fatalf("%+v passed on %s", a, it.Account)
		}
	})
}

func TestOverdue(t *testing.T) {
	t.Parallel()
	c := campaign()
	if certify.Overdue(c, day(14)) || !certify.Overdue(c, day(15)) {
		t.Error("the stage is due on the fourteenth day")
	}
	c.State = provisioning.CampaignClosed
	if certify.Overdue(c, day(15)) {
		t.Error("what is closed is overdue")
	}
}
