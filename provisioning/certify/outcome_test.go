package certify_test

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/certify"
)

// four are items of one account: a library, two groups in it, and a global group.
func four() []provisioning.ReviewItem {
	items := certify.Items(certify.Input{At: day(0), Rows: []certify.Row{{Account: account("ZED", []provisioning.Membership{in("LON", "STANDARD")}, "/FIRM", "LON/ALL", "LON/KITE")}}})
	for i := range items {
		items[i].Reviewer = []string{"ann", "bob", "bob", ""}[i]
	}
	return items // 1 /FIRM, 2 LON, 3 LON/ALL, 4 LON/KITE
}

func decide(verdicts ...provisioning.ReviewVerdict) []provisioning.ReviewDecision {
	var list []provisioning.ReviewDecision
	for i, v := range verdicts {
		if v != "" {
			list = append(list, decision(i+1, 0, v, "ann", "because"))
		}
	}
	return list
}

func TestWhatACampaignComesTo(t *testing.T) {
	t.Parallel()
	const keep, revoke, ask = provisioning.ReviewKeep, provisioning.ReviewRevoke, provisioning.ReviewAsk
	verdicts := []provisioning.ReviewVerdict{keep, revoke, ask, ""}
	for name, c := range map[string]struct {
		undecided string
		want      certify.Outcome
		closes    string
	}{
		"keep": {provisioning.UndecidedKeep, certify.Outcome{
			Kept: []int{1, 3, 4}, Revoked: []int{2}, Undecided: []int{3, 4}, ByPolicy: []int{3, 4},
			Sentences: []string{"of 4 items reviewers kept 1 and revoked 1", "nobody decided on 2: the policy keeps them"},
		}, "LON is revoked (item 2), and group LON/ALL in it is kept (item 3), and 1 more like it"},
		"revoke": {provisioning.UndecidedRevoke, certify.Outcome{
			Kept: []int{1}, Revoked: []int{2, 3, 4}, Undecided: []int{3, 4}, ByPolicy: []int{3, 4},
			Sentences: []string{"of 4 items reviewers kept 1 and revoked 1", "nobody decided on 2: the policy revokes them"},
		}, ""},
		"escalate": {provisioning.UndecidedEscalate, certify.Outcome{
			Kept: []int{1}, Revoked: []int{2}, Undecided: []int{3, 4}, Escalated: []int{3, 4},
			Sentences: []string{"of 4 items reviewers kept 1 and revoked 1", "nobody decided on 2, and the campaign does not close before somebody does: nobody's 1, bob 1"},
		}, "2 items undecided: nobody's 1, bob 1"},
		"a word that nobody knows": {"shrug", certify.Outcome{
			Kept: []int{1}, Revoked: []int{2}, Undecided: []int{3, 4}, Escalated: []int{3, 4},
			Sentences: []string{"of 4 items reviewers kept 1 and revoked 1", "nobody decided on 2, and the campaign does not close before somebody does: nobody's 1, bob 1"},
		}, "2 items undecided"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			camp := campaign()
			camp.Undecided = c.undecided
			items := four()
			states := certify.Replay(camp, items, decide(verdicts...))
			if got := certify.Settle(camp, items, states); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			got, err := certify.MayClose(camp, items, states)
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("the close comes to %+v", got)
			}
			if c.closes == "" && err != nil {
				t.Errorf("it does not close: %v", err)
			}
			if c.closes != "" && (provisioning.CodeOf(err) != provisioning.Held || !strings.Contains(err.Error(), c.closes)) {
				t.Errorf("it closes with %v, want …%s…", err, c.closes)
			}
		})
	}
}

// TestWhatThePolicyDecidedIsNoReviewers holds that a decision which was written down in the policy's name still counts as the policy's.
func TestWhatThePolicyDecidedIsNoReviewers(t *testing.T) {
	t.Parallel()
	camp, items := campaign(), four()
	camp.Undecided = provisioning.UndecidedRevoke
	d := decide("keep", "revoke", "revoke", "revoke")
	d[3].How = certify.HowPolicy
	o := certify.Settle(camp, items, certify.Replay(camp, items, d))
	if !reflect.DeepEqual(o.ByPolicy, []int{4}) || !reflect.DeepEqual(o.Undecided, []int{4}) || !reflect.DeepEqual(o.Revoked, []int{2, 3, 4}) {
		t.Errorf("%+v", o)
	}
}

func TestAStageToComeHoldsTheClose(t *testing.T) {
	t.Parallel()
	camp, items := staged(0, certify.SeesAll), four()
	_, err := certify.MayClose(camp, items, certify.Replay(camp, items, decide("keep", "keep", "keep", "keep")))
	if provisioning.CodeOf(err) != provisioning.Held || !strings.Contains(err.Error(), "stage 2 is still to come") {
		t.Errorf("it closes with %v", err)
	}
}

func TestWhatHoldsTheNextStage(t *testing.T) {
	t.Parallel()
	items := four()
	for name, c := range map[string]struct {
		camp     *provisioning.Campaign
		verdicts []provisioning.ReviewVerdict
		says     string
	}{
		"nothing":         {staged(0, certify.SeesUndecided), []provisioning.ReviewVerdict{"keep", "revoke", "revoke", ""}, ""},
		"a contradiction": {staged(0, certify.SeesUndecided), []provisioning.ReviewVerdict{"keep", "revoke", "revoke", "keep"}, "group LON/KITE in it is kept (item 4)"},
		"no more stages":  {staged(1, certify.SeesUndecided), nil, "no stage after this one"},
	} {
		err := certify.MayAdvance(c.camp, items, certify.Replay(c.camp, items, decide(c.verdicts...)))
		if (c.says == "") != (err == nil) || (err != nil && (provisioning.CodeOf(err) != provisioning.Held || !strings.Contains(err.Error(), c.says))) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEveryCampaignCanBeClosed walks random campaigns through their stages: whatever holds the close or the next stage, somebody who may
// decide can mend it, item by item.
func TestEveryCampaignCanBeClosed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		camp, items := randomStages(t), four()
		camp.Undecided = rapid.SampledFrom([]string{provisioning.UndecidedKeep, provisioning.UndecidedRevoke, provisioning.UndecidedEscalate}).Draw(t, "undecided")
		camp.Fallback, camp.SelfReview = "boss", true
		boss := provisioning.Reviewer{Key: "boss"}
		var decisions []provisioning.ReviewDecision
		states := func() []certify.State { return certify.Replay(camp, items, decisions) }
		try := func(item int, v provisioning.ReviewVerdict) bool {
			s := states()[item-1]
			if certify.May(camp, &items[item-1], &s, certify.Act{Reviewer: boss, Verdict: v, Reason: "?"}) != nil {
				return false
			}
			decisions = append(decisions, decision(item, camp.Stage, v, "boss", "?"))
			return true
		}
		for camp.Stage = 0; ; camp.Stage++ {
			for range rapid.IntRange(0, 6).Draw(t, "decisions") {
				try(rapid.IntRange(1, 4).Draw(t, "item"), rapid.SampledFrom([]provisioning.ReviewVerdict{"keep", "revoke", "ask"}).Draw(t, "verdict"))
			}
			last := camp.Stage == len(camp.Stages)-1
			if last {
				for _, n := range certify.Settle(camp, items, states()).Escalated {
					if !try(n, provisioning.ReviewKeep) {
						t.Fatalf("nobody may decide on item %d", n)
					}
				}
			}
			for _, x := range certify.Contradictions(camp, items, states()) {
				if s := states(); s[x.Library-1].Final() == provisioning.ReviewRevoke && !try(x.Group, provisioning.ReviewRevoke) && !try(x.Library, provisioning.ReviewKeep) {
					t.Fatalf("nobody may settle %+v", x)
				}
			}
			for _, x := range certify.Contradictions(camp, items, states()) { // of a library that the policy revokes
				if !try(x.Group, provisioning.ReviewRevoke) && !try(x.Library, provisioning.ReviewKeep) {
					t.Fatalf("nobody may settle %+v", x)
				}
			}
			if last {
				break
			}
			if err := certify.MayAdvance(camp, items, states()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := certify.MayClose(camp, items, states()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAKeptGroupInARevokedLibrary(t *testing.T) {
	t.Parallel()
	camp, items := campaign(), four()
	for name, c := range map[string]struct {
		verdicts []provisioning.ReviewVerdict
		want     [][2]int
	}{
		"both kept":         {[]provisioning.ReviewVerdict{"keep", "keep", "keep", "keep"}, nil},
		"groups alone":      {[]provisioning.ReviewVerdict{"keep", "keep", "revoke", "revoke"}, nil},
		"all":               {[]provisioning.ReviewVerdict{"keep", "revoke", "revoke", "revoke"}, nil},
		"one of two":        {[]provisioning.ReviewVerdict{"keep", "revoke", "revoke", "keep"}, [][2]int{{2, 4}}},
		"both":              {[]provisioning.ReviewVerdict{"keep", "revoke", "keep", "keep"}, [][2]int{{2, 3}, {2, 4}}},
		"one is still open": {[]provisioning.ReviewVerdict{"keep", "revoke", "revoke", ""}, nil},
	} {
		var got [][2]int
		for _, x := range certify.Contradictions(camp, items, certify.Replay(camp, items, decide(c.verdicts...))) {
			got = append(got, [2]int{x.Library, x.Group})
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	if got := certify.Along(items, 2); !reflect.DeepEqual(got, []int{3, 4}) {
		t.Errorf("with the library goes %v", got)
	}
	if got := certify.Along(items, 3); got != nil {
		t.Errorf("with a group goes %v", got)
	}
}

// TestEveryItemComesToSomething holds that no item is lost or counted twice, and that nothing undecided is kept but by the policy.
func TestEveryItemComesToSomething(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := randomStages(t)
		c.Undecided = rapid.SampledFrom([]string{provisioning.UndecidedKeep, provisioning.UndecidedRevoke, provisioning.UndecidedEscalate, ""}).Draw(t, "undecided")
		items := number(of("ZED", rapid.IntRange(1, 5).Draw(t, "items")))
		states := certify.Replay(c, items, randomDecisions(t, len(items), len(c.Stages)))
		o := certify.Settle(c, items, states)
		in := func(n int, lists ...[]int) (found int) {
			for _, l := range lists {
				for _, m := range l {
					if m == n {
						found++
					}
				}
			}
			return found
		}
		for i := range items {
			n, decided := items[i].N, states[i].Final() != ""
			if in(n, o.Kept, o.Revoked, o.Escalated) != 1 {
				t.Fatalf("item %d comes to %+v", n, o)
			}
			if (in(n, o.Undecided) == 1) == decided || in(n, o.ByPolicy, o.Escalated) != in(n, o.Undecided) {
				t.Fatalf("item %d, decided %v, comes to %+v", n, decided, o)
			}
			if !decided && in(n, o.Kept) == 1 && c.Undecided != provisioning.UndecidedKeep {
				t.Fatalf("item %d is kept, and nobody said so", n)
			}
		}
		if _, err := certify.MayClose(c, items, states); err == nil && len(o.Escalated) > 0 {
			t.Fatal("it closes over what is undecided")
		}
	})
}
