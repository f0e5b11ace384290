package imanage_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/clients/imanage/imanagetest"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
)

// history is what one account did, as it was planted, beside what a search can lead to.
type history struct {
	all    []time.Time // everything
	change time.Time   // the newest change of a document on which the account stands
	led    time.Time   // the newest event on a document on which the account stands, and which was changed since
}

// recount works out by another way what may be told of an account: from the plant, with no server.
func recount(all []*imanagetest.Work, libraries []string, account string, since time.Time) history {
	var h history
	for _, w := range all {
		in, _, _ := strings.Cut(w.ID, "!")
		if !slices.Contains(libraries, in) {
			continue
		}
		stands, changed := w.Author == account || w.Operator == account, time.Time{}
		for _, e := range w.Events { // in their order
			if !slices.Contains([]string{"VIEW", "PRINT", "MAIL"}, e.Activity) {
				changed = e.At
			}
		}
		for _, e := range w.Events {
			stands = stands || (e.At.Equal(changed) && e.User == account)
		}
		for _, e := range w.Events {
			if e.User != account || e.At.Before(since) {
				continue
			}
			h.all = append(h.all, e.At)
			if !stands || changed.Before(since) {
				continue
			}
			if e.At.After(h.led) {
				h.led = e.At
			}
			if e.At.After(h.change) && !slices.Contains([]string{"VIEW", "PRINT", "MAIL"}, e.Activity) {
				h.change = e.At
			}
		}
	}
	return h
}

// plant draws documents, each with a history of distinct moments that begins with its creation.
func plant(t *rapid.T) []*imanagetest.Work {
	var all []*imanagetest.Work
	clock := 0
	for i := range rapid.IntRange(0, 12).Draw(t, "documents") {
		w := &imanagetest.Work{
			ID: fmt.Sprintf("%s!%d.1", rapid.SampledFrom([]string{"LON", "NYC"}).Draw(t, "library"), 100+i), Walled: rapid.IntRange(0, 11).Draw(t, "walled") == 0,
		}
		for j := range rapid.IntRange(1, 5).Draw(t, "events") {
			clock++
			kind := rapid.SampledFrom([]string{"MODIFY", "NEWDOCVER", "VIEW", "PRINT", "MAIL"}).Draw(t, "kind")
			if j == 0 {
				kind = "NEWDOCUMENT"
			}
			days := rapid.IntRange(1, 130).Draw(t, "days")
			w.Events = append(w.Events, imanagetest.Event{
				User: rapid.SampledFrom([]string{"U000", "U001", "U002"}).Draw(t, "user"), Activity: kind, At: ago(days).Add(time.Duration(clock) * time.Second),
			})
		}
		slices.SortFunc(w.Events, func(a, b imanagetest.Event) int { return a.At.Compare(b.At) })
		for j := range w.Events { // the creation is the oldest
			if w.Events[j].Activity == "NEWDOCUMENT" {
				w.Events[0].Activity, w.Events[j].Activity = "NEWDOCUMENT", w.Events[0].Activity
				break
			}
		}
		w.Author = w.Events[0].User
		w.Operator = rapid.SampledFrom([]string{"U000", "U001", "U002"}).Draw(t, "operator")
		all = append(all, w)
	}
	return all
}

// TestActivityProperty: for random histories, what is told of every account is what was planted, and never more; where a request fails,
// those whom it concerns are not whole, and what is told of them is true all the same.
func TestActivityProperty(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		all := plant(r)
		var copies []*imanagetest.Work // the server keeps what it is given
		for _, w := range all {
			one := *w
			one.Events = slices.Clone(w.Events)
			copies = append(copies, &one)
		}
		config := busy(3, copies...)
		config.MostPage = rapid.SampledFrom([]int{0, 1, 3}).Draw(r, "page")
		s, c := open(t, config, clockAtNoon)
		defer s.Close()
		defer c.Close()
		fault := wiretest.Fault{
			Status: 500, Path: rapid.SampledFrom([]string{library + "LON/documents", library + "NYC/documents", library + "*/documents/*/history"}).Draw(r, "path"),
			Kind:  rapid.SampledFrom([]wiretest.Kind{wiretest.Status, wiretest.CutBody, wiretest.HTML, wiretest.EmptyObject, wiretest.ResetBefore}).Draw(r, "kind"),
			Query: rapid.SampledFrom([]string{"", "last_user=", "author=", "user=U001"}).Draw(r, "query"), Skip: rapid.IntRange(0, 4).Draw(r, "skip"),
		}
		broken := rapid.Bool().Draw(r, "broken")
		if broken {
			s.Bench().Inject(fault)
		}
		since := ago(rapid.IntRange(20, 120).Draw(r, "since"))
		libraries := []string{"LON", "NYC"}[:rapid.IntRange(1, 2).Draw(r, "libraries")]
		var accounts []provisioning.Account
		for i := range 3 {
			accounts = append(accounts, in(fmt.Sprintf("U%03d", i), libraries...))
		}
		found, err := c.Activity(context.Background(), accounts, since, nil)
		if err != nil || len(found) != 3 {
			r.Fatalf("%v %+v", err, found)
		}
		failed := make(map[string]bool) // accounts of whom a request failed for good
		met := false
		for _, e := range s.Bench().Log() {
			bad := e.Fault != 0 || (e.Status >= 300 && e.Status != 401)
			met = met || bad
			for _, a := range accounts {
				if bad && strings.Contains(e.Query, "="+a.ID) {
					failed[a.ID] = true
				}
			}
		}
		for i, a := range found {
			want := recount(all, libraries, accounts[i].ID, since)
			switch {
			case !a.Last.IsZero() && !slices.ContainsFunc(want.all, a.Last.Equal):
				r.Fatalf("%s was not at work at %s: %+v", a.Account, a.Last, a)
			case a.Whole != (a.Why == ""):
				r.Fatalf("%+v", a)
			case a.Whole && failed[a.Account]:
				r.Fatalf("a request failed, and all is well: %+v", a)
			case !a.Whole && !met:
				r.Fatalf("nothing failed: %+v", a)
			case !a.Whole:
			case a.Last.Before(want.change):
				r.Fatalf("a change is missing, of %s: %+v", want.change, a)
			case !a.Last.Equal(want.led) && noon.Sub(a.Last) >= 7*24*time.Hour && len(all) <= 5:
				r.Fatalf("%s was at work at %s: %+v", a.Account, want.led, a)
			}
		}
	})
}
