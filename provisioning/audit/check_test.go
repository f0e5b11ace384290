package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
)

var ctx = context.Background()

// record is a record in memory, with what a witness kept of it.
type record struct {
	rows    []provisioning.Record
	points  []provisioning.Checkpoint
	outside []provisioning.Checkpoint
}

func (r *record) Records(_ context.Context, from int64, visit func(provisioning.Record) error) error {
	for _, row := range r.rows {
		if row.Seq < from {
			continue
		}
		if err := visit(row); err != nil {
			return err
		}
	}
	return nil
}

func (r *record) Checkpoints(_ context.Context, visit func(provisioning.Checkpoint) error) error {
	for _, c := range r.points {
		if err := visit(c); err != nil {
			return err
		}
	}
	return nil
}

func (r *record) clone() *record {
	return &record{slices.Clone(r.rows), slices.Clone(r.points), slices.Clone(r.outside)}
}

func private(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func public(seed byte) ed25519.PublicKey { return private(seed).Public().(ed25519.PublicKey) }

// sign makes a checkpoint of every so many rows of a record, and of the last, as the store does.
func sign(rows []provisioning.Record, every int, key ed25519.PrivateKey) (points []provisioning.Checkpoint) {
	var digest, prev []byte
	for i := range rows {
		digest = rows[i].Digest(digest)
		if (i+1)%every != 0 && i+1 != len(rows) {
			continue
		}
		c := provisioning.Checkpoint{
			Seq: rows[i].Seq, At: time.Unix(int64(1000+i), 0).UTC(), Head: rows[i].Hash, Digest: digest, Prev: prev, PublicKey: key.Public().(ed25519.PublicKey),
		}
		c.Signature = ed25519.Sign(key, c.Statement())
		points, prev = append(points, c), c.Signature
	}
	return points
}

func newRecord(t interface{ Fatal(...any) }, n, every int) *record {
	rows := chain(t, n, key)
	points := sign(rows, every, private(1))
	return &record{rows, points, slices.Clone(points)}
}

// anchors are what the witness kept, by way of its file.
func (r *record) anchors(t interface{ Fatal(...any) }) audit.Anchors {
	return anchors(t, lines(r.outside))
}

func lines(points []provisioning.Checkpoint) (text []byte) {
	for _, c := range points {
		line, err := json.Marshal(c)
		if err != nil {
			panic(err)
		}
		text = append(append(text, line...), '\n')
	}
	return text
}

func anchors(t interface{ Fatal(...any) }, text []byte) audit.Anchors {
	a, err := audit.ReadAnchors("anchors.jsonl", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func run(t interface{ Fatal(...any) }, src audit.Source, c audit.Check) audit.Verification {
	v, err := c.Run(ctx, src)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// renumber gives rows their place's number.
func renumber(rows []provisioning.Record) []provisioning.Record {
	for i := range rows {
		rows[i].Seq = int64(i + 1)
	}
	return rows
}

// edits change one field each.
func edits() map[string]func(*provisioning.Record) {
	return map[string]func(*provisioning.Record){
		"at":      func(r *provisioning.Record) { r.Event.At = r.Event.At.Add(1) },
		"actor":   func(r *provisioning.Record) { r.Event.Actor = "m.chen" },
		"session": func(r *provisioning.Record) { r.Event.Session += "x" },
		"person":  func(r *provisioning.Record) { r.Event.Person += "x" },
		"login":   func(r *provisioning.Record) { r.Event.Login = "somebody@desk-1" },
		"kind":    func(r *provisioning.Record) { r.Event.Kind = provisioning.EventOutcome },
		"batch":   func(r *provisioning.Record) { r.Event.Batch++ },
		"unit":    func(r *provisioning.Record) { r.Event.Unit++ },
		"op":      func(r *provisioning.Record) { r.Event.Op++ },
		"subject": func(r *provisioning.Record) { r.Event.Subject += " " },
		"detail":  func(r *provisioning.Record) { r.Event.Detail = "" },
		"hash":    func(r *provisioning.Record) { r.Hash = bytes.Repeat([]byte{1}, 32) },
		"prev":    func(r *provisioning.Record) { r.Prev = bytes.Repeat([]byte{1}, 32) },
		"moved":   func(r *provisioning.Record) { r.Event.Subject, r.Event.Detail = r.Event.Detail, r.Event.Subject },
	}
}

// rewritten seals rows anew from a place on, with another story, under the record's own key.
func (r *record) rewritten(t interface{ Fatal(...any) }, at int) *record {
	out := r.clone()
	out.rows = append(out.rows[:at:at], chainFrom(t, r.rows, at)...)
	return out
}

// tamper is every kind of tampering at one place of a record; want names it where the anchor is at hand and the key too.
func tamper(t interface{ Fatal(...any) }, r *record, at int) map[string]struct {
	r    *record
	want []audit.Tampering
} {
	all := make(map[string]struct {
		r    *record
		want []audit.Tampering
	})
	put := func(name string, r *record, want ...audit.Tampering) {
		all[name] = struct {
			r    *record
			want []audit.Tampering
		}{r, want}
	}
	n := len(r.rows)
	for field, edit := range edits() {
		c := r.clone()
		edit(&c.rows[at])
		put("edit "+field, c, audit.Edited)
	}
	last := at == n-1
	c := r.clone()
	c.rows = slices.Delete(c.rows, at, at+1)
	if last {
		put("drop", c, audit.TailCut)
	} else {
		put("drop", c, audit.Dropped)
		c = c.clone()
		c.rows = renumber(c.rows)
		put("drop, renumbered", c, audit.Dropped)
	}
	c = r.clone()
	c.rows = slices.Insert(c.rows, at, c.rows[at])
	put("duplicate", c, audit.Inserted)
	c = c.clone()
	c.rows = renumber(c.rows)
	put("duplicate, renumbered", c, audit.Inserted, audit.Edited) // of the last row, nothing shows that it is not an edited one
	c = r.clone()
	forged := c.rows[at]
	forged.Event.Detail = "never was"
	c.rows = renumber(slices.Insert(c.rows, at, forged))
	put("insert", c, audit.Inserted)
	if !last {
		c = r.clone()
		c.rows[at], c.rows[at+1] = c.rows[at+1], c.rows[at]
		put("reorder", c, audit.Reordered)
		c = c.clone()
		c.rows = renumber(c.rows)
		put("reorder, renumbered", c, audit.Reordered)
	}
	c = r.clone()
	c.rows = c.rows[:at]
	put("cut tail", c, audit.TailCut)
	c = c.clone()
	c.points = slices.DeleteFunc(c.points, func(p provisioning.Checkpoint) bool { return p.Seq > int64(at) })
	put("cut tail with its checkpoints", c, audit.TailCut)

	c = r.rewritten(t, at)
	put("rewrite with the key", c, audit.Rewritten)
	c = c.clone()
	c.points = slices.DeleteFunc(c.points, func(p provisioning.Checkpoint) bool { return p.Seq > int64(at) })
	put("rewrite with the key, checkpoints dropped", c, audit.Rewritten)
	c = c.clone()
	c.points = sign(c.rows, 10, private(2))
	put("rewrite with the key, signed by another", c, audit.OtherKey)
	return all
}

// TestEveryTampering: every row of a chain of sixty × every kind of tampering, and every field of it, is found with the anchor: with the
// record's key it is named, and without it is found all the same.
func TestEveryTampering(t *testing.T) {
	r := newRecord(t, 60, 20)
	a := r.anchors(t)
	if v := run(t, r, audit.Check{Key: key, Anchors: []audit.Anchors{a}}); !v.Proven() || v.Signed.Row != 60 {
		t.Fatalf("%+v", v)
	}
	cases := 0
	for at := range r.rows {
		for name, c := range tamper(t, r, at) {
			cases++
			v := run(t, c.r, audit.Check{Key: key, Anchors: []audit.Anchors{a}})
			if v.OK() || v.Proven() || !slices.ContainsFunc(v.Problems, func(p Problem) bool { return slices.Contains(c.want, p.Kind) }) {
				t.Errorf("%s at row %d: %+v, want %s", name, at+1, v.Problems, c.want)
			}
			if v := run(t, c.r, audit.Check{Anchors: []audit.Anchors{a}}); v.OK() {
				t.Errorf("%s at row %d is not found without the key", name, at+1)
			}
			if strings.HasPrefix(name, "edit ") && at%10 != 0 {
				continue
			}
			if v := run(t, c.r, audit.Check{Key: key}); !v.OK() {
				continue
			} else if v.Proven() { // without an anchor nothing is ever called proven
				t.Errorf("%s at row %d: %s", name, at+1, v.Verdict())
			} else if said := strings.Join(v.Trust(), "\n"); v.Rows > 0 && !strings.Contains(said, "not anchored since the record began") {
				t.Errorf("%s at row %d: %s", name, at+1, said)
			}
		}
	}
	t.Logf("%d tamperings", cases)
}

type Problem = audit.Problem

// TestEveryCheckpointAndAnchor: a checkpoint of the record, and a line of the anchors, that is changed in any field or taken out is found.
func TestEveryCheckpointAndAnchor(t *testing.T) {
	r := newRecord(t, 60, 10)
	change := map[string]func(*provisioning.Checkpoint){
		"seq":        func(c *provisioning.Checkpoint) { c.Seq++ },
		"at":         func(c *provisioning.Checkpoint) { c.At = c.At.Add(time.Second) },
		"head":       func(c *provisioning.Checkpoint) { c.Head = bytes.Repeat([]byte{1}, 32) },
		"digest":     func(c *provisioning.Checkpoint) { c.Digest = bytes.Repeat([]byte{1}, 32) },
		"prev":       func(c *provisioning.Checkpoint) { c.Prev = bytes.Repeat([]byte{1}, 64) },
		"public key": func(c *provisioning.Checkpoint) { c.PublicKey = public(2) },
		"signature":  func(c *provisioning.Checkpoint) { c.Signature = bytes.Repeat([]byte{1}, 64) },
		"signed by another": func(c *provisioning.Checkpoint) {
			c.PublicKey = public(2)
			c.Signature = ed25519.Sign(private(2), c.Statement())
		},
	}
	check := func(name string, r *record, a audit.Anchors, want ...audit.Tampering) {
		t.Helper()
		for _, k := range [][]byte{key, nil} {
			v := run(t, r, audit.Check{Key: k, Trusted: []ed25519.PublicKey{public(1)}, Anchors: []audit.Anchors{a}})
			if v.OK() || !slices.Contains(want, v.Problems[0].Kind) {
				t.Errorf("%s: %+v, want %s", name, v.Problems, want)
			}
		}
	}
	for at := range r.points {
		for field, change := range change {
			c := r.clone()
			change(&c.points[at])
			check(fmt.Sprintf("checkpoint %d, %s", at, field), c, r.anchors(t), audit.CheckpointEdited, audit.OtherKey)
			c = r.clone()
			change(&c.outside[at])
			check(fmt.Sprintf("anchor %d, %s", at, field), r, c.anchors(t), audit.AnchorEdited, audit.OtherKey)
		}
		c := r.clone()
		c.points = slices.Delete(c.points, at, at+1)
		check(fmt.Sprintf("checkpoint %d dropped", at), c, r.anchors(t), audit.CheckpointDropped)
		c = r.clone()
		c.outside = slices.Delete(c.outside, at, at+1)
		if at < len(r.points)-1 {
			check(fmt.Sprintf("anchor %d dropped", at), r, c.anchors(t), audit.AnchorDropped)
			continue
		}
		v := run(t, r, audit.Check{Key: key, Anchors: []audit.Anchors{c.anchors(t)}}) // nobody can tell it from one that is still to come
		if said := strings.Join(v.Trust(), "\n"); v.Proven() || !strings.Contains(said, "rows 51 to 60 are not anchored since 1 Jan 1970 00:17:29 UTC") {
			t.Errorf("the last anchor dropped: %s", said)
		}
	}
	text := lines(r.outside)
	for at := 0; at < len(text)-1; at += 7 { // and any byte of the file
		if text[at] == '\n' {
			continue
		}
		broken := slices.Clone(text)
		broken[at] ^= 4
		v := run(t, r, audit.Check{Key: key, Trusted: []ed25519.PublicKey{public(1)}, Anchors: []audit.Anchors{anchors(t, broken)}})
		if v.OK() && string(anchors(t, broken).Kept[0].Checkpoint.Signature) != "" && !slices.EqualFunc(anchors(t, broken).Kept, anchors(t, text).Kept, func(a, b audit.AnchorLine) bool {
			return bytes.Equal(a.Checkpoint.Statement(), b.Checkpoint.Statement())
		}) {
			t.Errorf("byte %d of the anchors, %q instead of %q: not found", at, broken[at], text[at])
		}
	}
}

// TestSwappedKey: a record that was rewritten whole, sealed and signed with other keys, is found by the key or by an anchor; without either
// the verification says that nobody vouches for the key.
func TestSwappedKey(t *testing.T) {
	r := newRecord(t, 40, 10)
	forged := &record{rows: chain(t, 40, bytes.Repeat([]byte{8}, audit.KeySize))}
	forged.points = sign(forged.rows, 10, private(2))
	for name, c := range map[string]audit.Check{
		"by the key": {Trusted: []ed25519.PublicKey{public(1)}}, "by an anchor": {Anchors: []audit.Anchors{r.anchors(t)}},
	} {
		if v := run(t, forged, c); v.OK() || v.Problems[0].Kind != audit.OtherKey {
			t.Errorf("%s: %+v", name, v.Problems)
		}
	}
	if v := run(t, forged, audit.Check{Key: key}); v.OK() || v.Problems[0].First != 1 {
		t.Errorf("by the record's key: %+v", v.Problems)
	}
	v := run(t, forged, audit.Check{})
	if said := strings.Join(v.Trust(), "\n"); v.Proven() || !strings.Contains(said, "is the record's own word: give --key or --anchor") || !strings.Contains(said, "keyed hashes were not checked") {
		t.Errorf("by nothing: %s", said)
	}
}

// TestNotAnchoredSince: the edit of rows that no anchor saw, by somebody with every key, is not called fine: the verification says from
// where on nothing is anchored.
func TestNotAnchoredSince(t *testing.T) {
	r := newRecord(t, 40, 10)
	a := r.anchors(t)
	rows := chain(t, 47, key)
	r.rows = append(r.rows, chainFrom(t, rows, 40)...)
	v := run(t, r, audit.Check{Key: key, Anchors: []audit.Anchors{a}})
	said := strings.Join(v.Trust(), "\n")
	if !v.OK() || v.Proven() || strings.Contains(v.Verdict(), "holds") {
		t.Errorf("%s", v.Verdict())
	}
	for _, want := range []string{
		"anchored by anchors.jsonl up to row 40 of 1 Jan 1970 00:17:19 UTC", "rows 41 to 47 are not anchored since 1 Jan 1970 00:17:19 UTC",
		"rows 41 to 47 are not signed yet",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not said in\n%s", want, said)
		}
	}
	printed := audit.Anchor{Count: 45, Head: r.rows[44].Hash[:8]}
	if v := run(t, r, audit.Check{Key: key, Anchors: []audit.Anchors{a}, Saw: []audit.Anchor{printed}}); v.Anchored.Row != 45 || v.Proven() {
		t.Errorf("%+v", v.Anchored)
	}
	printed.Head = bytes.Repeat([]byte{1}, 8)
	if v := run(t, r, audit.Check{Key: key, Saw: []audit.Anchor{printed}}); v.OK() || v.Problems[0].First != 45 {
		t.Errorf("%+v", v)
	}
}

// TestRestoredRecord: rows that a restoring lost are told, and are no tampering; the same loss without that row is.
func TestRestoredRecord(t *testing.T) {
	whole := newRecord(t, 60, 10)
	c, _ := audit.NewChain(key)
	restored := &record{rows: slices.Clone(whole.rows[:23]), outside: slices.Clone(whole.outside)}
	again := func(e provisioning.Event) {
		row, err := c.Seal(restored.rows[len(restored.rows)-1], e)
		if err != nil {
			t.Fatal(err)
		}
		restored.rows = append(restored.rows, row)
	}
	again(provisioning.Event{
		At: time.Unix(5000, 0), Actor: "l.ortiz", Kind: provisioning.EventRestored, Subject: subject(t, whole.clone(), 23),
	})
	for i := range 20 {
		again(provisioning.Event{At: time.Unix(int64(5001+i), 0), Actor: "l.ortiz", Kind: provisioning.EventIntent})
	}
	resign := func() {
		restored.points = sign(restored.rows, 10, private(1))
		restored.points[0], restored.points[1] = whole.points[0], whole.points[1]
		restored.outside = append(slices.Clone(whole.outside), restored.points[2:]...)
	}
	resign()
	v := run(t, restored, audit.Check{Key: key, Anchors: []audit.Anchors{restored.anchors(t)}})
	if said := strings.Join(v.Trust(), "\n"); !v.Proven() || !strings.Contains(said, "row 24 tells that l.ortiz put the store back from a backup at 1 Jan 1970 01:23:20 UTC; rows 24 to 60 of before are lost") {
		t.Errorf("%+v\n%s", v.Problems, said)
	}
	restored.rows = chainFrom(t, append(slices.Clone(restored.rows[:23]), restored.rows[24:]...), 0)
	restored.rows = append(slices.Clone(whole.rows[:23]), chainFrom(t, append(slices.Clone(whole.rows[:23]), restored.rows[23:]...), 23)...)
	resign()
	if v := run(t, restored, audit.Check{Key: key, Anchors: []audit.Anchors{restored.anchors(t)}}); v.OK() || v.Problems[0].Kind != audit.Rewritten {
		t.Errorf("a restoring that the record does not tell of: %+v", v)
	}
}

// subject is what a restoring of the first rows of a record says that was lost.
func subject(t interface{ Fatal(...any) }, whole *record, rows int) string {
	a := whole.anchors(t)
	whole.rows = whole.rows[:rows]
	whole.points = slices.DeleteFunc(whole.points, func(c provisioning.Checkpoint) bool { return c.Seq > int64(rows) })
	lost, err := audit.FindLost(ctx, whole, []audit.Anchors{a})
	if err != nil || lost.Row != 60 {
		t.Fatal(lost, err)
	}
	return lost.Subject
}

// TestTamperingAtRandom: of records of any size, signed at any distance, whatever is done at any place is found with the anchor.
func TestTamperingAtRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 400).Draw(t, "rows")
		r := newRecord(t, n, rapid.IntRange(5, 120).Draw(t, "every"))
		all := tamper(t, r, rapid.IntRange(0, n-1).Draw(t, "at"))
		names := make([]string, 0, len(all))
		for name := range all {
			names = append(names, name)
		}
		slices.Sort(names)
		name := rapid.SampledFrom(names).Draw(t, "how")
		c := audit.Check{Anchors: []audit.Anchors{r.anchors(t)}}
		if rapid.Bool().Draw(t, "keyed") {
			c.Key = key
		}
		if v := run(t, all[name].r, c); v.OK() || v.Verdict() == "" {
			t.Fatalf("not found: %+v", v)
		}
		if v := run(t, r, c); !v.Proven() {
			t.Fatalf("a record that nobody touched: %+v", v)
		}
	})
}

// TestNoActor: no event without an actor is ever sealed, whatever else is in it.
func TestNoActor(t *testing.T) {
	c, err := audit.NewChain(key)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		e := provisioning.Event{
			At: time.Unix(rapid.Int64Range(1, 1<<32).Draw(t, "at"), 0), Kind: provisioning.EventKind(rapid.StringN(1, 9, 20).Draw(t, "kind")),
			Actor: rapid.SampledFrom([]string{"", "l.ortiz"}).Draw(t, "actor"), Person: rapid.String().Draw(t, "person"), Login: rapid.String().Draw(t, "login"),
		}
		r, err := c.Seal(provisioning.Record{}, e)
		if (err == nil) != (e.Actor != "") || (err != nil && r.Hash != nil) {
			t.Fatalf("%+v: %+v %v", e, r, err)
		}
	})
}

// TestCanonical: no two rows have the same bytes, and a row from before has those that it always had.
func TestCanonical(t *testing.T) {
	old := provisioning.Record{Seq: 7, Event: provisioning.Event{At: time.Unix(1, 2), Actor: "a", Session: "b", Kind: "c", Subject: "d", Detail: "e", Batch: 1, Unit: 2, Op: 3}, Prev: []byte{9}}
	const want = "0000000000000007" + "000000003b9aca02" + "000000000000000161" + "000000000000000162" + "000000000000000163" + "000000000000000164" + "000000000000000165" +
		"0000000000000001" + "0000000000000002" + "0000000000000003" + "000000000000000109"
	if got := hex.EncodeToString(old.Canonical()); got != want {
		t.Errorf("%s", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) provisioning.Record {
			s := rapid.SampledFrom([]string{"", "a", "b", "ab"})
			return provisioning.Record{Seq: 1, Prev: []byte(s.Draw(t, name)), Event: provisioning.Event{
				Actor: s.Draw(t, name), Session: s.Draw(t, name), Subject: s.Draw(t, name), Detail: s.Draw(t, name), Person: s.Draw(t, name), Login: s.Draw(t, name),
			}}
		}
		a, b := draw("a"), draw("b")
		same := a.Event == b.Event && bytes.Equal(a.Prev, b.Prev)
		if bytes.Equal(a.Canonical(), b.Canonical()) != same {
			t.Fatalf("%+v and %+v", a, b)
		}
	})
}
