package audit_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
)

var key = bytes.Repeat([]byte{7}, audit.KeySize)

func chain(t interface{ Fatal(...any) }, n int, k []byte) []provisioning.Record {
	c, err := audit.NewChain(k)
	if err != nil {
		t.Fatal(err)
	}
	var rows []provisioning.Record
	var prev provisioning.Record
	for i := range n {
		r, err := c.Seal(prev, provisioning.Event{
			At: time.Unix(int64(i), 5), Actor: "l.ortiz", Kind: provisioning.EventIntent, Subject: fmt.Sprint("A", i), Batch: int64(i), Detail: "x",
		})
		if err != nil {
			t.Fatal(err)
		}
		rows, prev = append(rows, r), r
	}
	return rows
}

func verify(t interface{ Fatal(...any) }, rows []provisioning.Record, anchors ...audit.Anchor) audit.Report {
	r, err := audit.Verify(context.Background(), key, func(_ context.Context, _ int64, visit func(provisioning.Record) error) error {
		for _, row := range rows {
			if err := visit(row); err != nil {
				return err
			}
		}
		return nil
	}, anchors...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestHolds(t *testing.T) {
	rows := chain(t, 20, key)
	if r := verify(t, rows, audit.Anchor{Count: 10, Head: rows[9].Hash}); !r.OK || r.Count != 20 {
		t.Errorf("%+v", r)
	}
	if r := verify(t, nil); !r.OK || r.Count != 0 {
		t.Errorf("empty: %+v", r)
	}
	if _, err := audit.NewChain(key[:5]); err == nil {
		t.Error("a short key was taken")
	}
	c, _ := audit.NewChain(key)
	if _, err := c.Seal(provisioning.Record{}, provisioning.Event{At: time.Unix(1, 0), Kind: "x"}); err == nil {
		t.Error("an event of nobody was sealed")
	}
}

// TestTampering: an edit, a drop, an insertion or a swap at any row is found at that row; a cut tail and a rewrite with the key
// are found with an anchor.
func TestTampering(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 30).Draw(t, "rows")
		at := rapid.IntRange(0, n-1).Draw(t, "at")
		rows := chain(t, n, key)
		anchor := audit.Anchor{Count: int64(n), Head: rows[n-1].Hash}
		want := int64(at + 1)
		switch rapid.SampledFrom([]string{"actor", "detail", "time", "batch", "op", "hash", "prev", "drop", "insert", "swap", "cut", "rewrite"}).Draw(t, "how") {
		case "actor":
			rows[at].Event.Actor += "x"
		case "detail":
			rows[at].Event.Detail = ""
		case "time":
			rows[at].Event.At = rows[at].Event.At.Add(1)
		case "batch":
			rows[at].Event.Batch++
		case "op":
			rows[at].Event.Op++
		case "hash":
			rows[at].Hash = bytes.Repeat([]byte{1}, 32)
		case "prev":
			rows[at].Prev = bytes.Repeat([]byte{1}, 32)
		case "drop":
			rows = slices.Delete(rows, at, at+1)
		case "insert":
			rows = slices.Insert(rows, at, rows[at])
			want = 0 // at the row or the one after
		case "swap":
			if at == n-1 {
				at--
				want--
			}
			rows[at], rows[at+1] = rows[at+1], rows[at]
		case "cut":
			rows = rows[:at]
		case "rewrite":
			rows = chain(t, n, key)
			rows = append(rows[:at:at], chainFrom(t, rows, at)...)
			want = int64(n)
		}
		r := verify(t, rows, anchor)
		if r.OK || r.Reason == "" {
			t.Fatalf("not found: %+v", r)
		}
		if want != 0 && r.Bad != want {
			t.Fatalf("found at %d, want %d: %s", r.Bad, want, r.Reason)
		}
	})
}

// chainFrom rewrites a chain from a row on with the right key and another story.
func chainFrom(t interface{ Fatal(...any) }, rows []provisioning.Record, at int) []provisioning.Record {
	c, err := audit.NewChain(key)
	if err != nil {
		t.Fatal(err)
	}
	var prev provisioning.Record
	if at > 0 {
		prev = rows[at-1]
	}
	var out []provisioning.Record
	for _, row := range rows[at:] {
		row.Event.Detail = "another story"
		r, err := c.Seal(prev, row.Event)
		if err != nil {
			t.Fatal(err)
		}
		out, prev = append(out, r), r
	}
	return out
}
