package certify_test

import (
	"fmt"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/certify"
	"rollcall/provisioning/policy"
)

const benchPolicy = `
[[birthright]]
name = 'all'
libraries = { LIB-00 = 'STANDARD' }
groups = ['LIB-00/ALL', '/FIRM']
[[birthright]]
name = 'Litigation'
department = 'Practice 1'
libraries = { LIB-01 = 'STANDARD' }
groups = ['LIB-01/ALL']
[[wall]]
name = 'Kite'
groups = ['*/G-1', '*/G-2']
`

// many makes a roll of n people with six accesses each.
func many(tb testing.TB, n int) certify.Input {
	tb.Helper()
	p, err := policy.Parse([]byte(benchPolicy), nil)
	if err != nil {
		tb.Fatal(err)
	}
	in := certify.Input{Policy: p, At: day(0)}
	for i := range n {
		id, lib := fmt.Sprintf("U%06d", i), fmt.Sprintf("LIB-%02d", i%20)
		in.Rows = append(in.Rows, certify.Row{
			Person: &provisioning.Person{
				Key: provisioning.PersonKey{Directory: "okta", ID: id}, Email: fmt.Sprintf("u%06d@firm.example", i), FullName: "Person " + id,
				Office: fmt.Sprintf("Office %d", i%12), Department: fmt.Sprintf("Practice %d", i%30), Title: fmt.Sprintf("Title %d", i%8), Status: provisioning.StatusActive,
			},
			Account: &provisioning.Account{
				ID: id, FullName: "Person " + id, Enabled: true,
				Memberships: []provisioning.Membership{{Library: "LIB-00", Role: "STANDARD", Enabled: true}, {Library: "LIB-" + fmt.Sprintf("%02d", i%19+1), Role: "STANDARD", Enabled: true}},
				Groups:      []provisioning.GroupRef{{Group: "FIRM"}, {Library: "LIB-00", Group: "ALL"}, {Library: lib, Group: fmt.Sprintf("G-%d", i%5)}, {Library: lib, Group: fmt.Sprintf("G-%d", i%5+1)}},
			},
		})
	}
	in.Usage = func(string) (provisioning.Usage, time.Time, string) { return provisioning.Used, day(-3), "edit" }
	in.History = func(account string) map[certify.Access]certify.Given {
		return map[certify.Access]certify.Given{certify.LibraryAccess(account, "LIB-00"): {Since: day(-400)}}
	}
	return in
}

// BenchmarkItems makes the 600,000 items of 100,000 people; it must stay under two seconds.
func BenchmarkItems(b *testing.B) {
	in := many(b, 100_000)
	for b.Loop() {
		if n := len(certify.Items(in)); n != 600_000 {
			b.Fatalf("%d items", n)
		}
	}
}

// BenchmarkOpening signs their snapshot.
func BenchmarkOpening(b *testing.B) {
	items := certify.Items(many(b, 100_000))
	key := newSigner(b, 1)
	for b.Loop() {
		file, err := certify.Opening(campaign(), "Firm", nil).Sign(b.Context(), items, key)
		if err != nil {
			b.Fatal(err)
		}
		size := 0
		for _, part := range file {
			size += len(part)
		}
		b.SetBytes(int64(size))
	}
}

// BenchmarkAssign shares them out among twenty reviewers, by name.
func BenchmarkAssign(b *testing.B) {
	items := certify.Items(many(b, 100_000))
	var reviewers []provisioning.Reviewer
	stage := provisioning.ReviewStage{Assign: certify.AssignNamed}
	for i := range 20 {
		id := fmt.Sprintf("u%06d@firm.example", i)
		reviewers = append(reviewers, provisioning.Reviewer{Key: id, Email: id})
		stage.Reviewers = append(stage.Reviewers, id)
	}
	for b.Loop() {
		if w := certify.Assign(items, stage, reviewers, nil, false, ""); len(w) > 0 {
			b.Fatal(w)
		}
	}
}

// BenchmarkDecision takes one decision among 600,000 items and says where its item stands.
func BenchmarkDecision(b *testing.B) {
	c := campaign()
	items := certify.Items(many(b, 100_000))
	board := certify.NewBoard(c, items)
	n := 0
	for b.Loop() {
		n = n%len(items) + 1
		board.Take(provisioning.ReviewDecision{Item: n, Verdict: provisioning.ReviewKeep, Reviewer: "r"})
		if s, ok := board.State(n); !ok || s.Final() != provisioning.ReviewKeep {
			b.Fatal("the decision was not taken")
		}
	}
}
