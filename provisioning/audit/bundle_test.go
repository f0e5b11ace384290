package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
)

func export(t interface{ Fatal(...any) }, r *record, from, to int64) []byte {
	var out bytes.Buffer
	if _, err := audit.Export(ctx, &out, r, from, to); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func bundle(t interface{ Fatal(...any) }, text []byte) *audit.Bundle {
	b, err := audit.OpenBundle(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestExport: an export is the same for the same record, whole or a section, and holds on another machine: with the key and without.
func TestExport(t *testing.T) {
	r := newRecord(t, 60, 10)
	r.rows[6].Event.Detail = "a name that is no UTF-8: \xff\xfe, and one with an escape: \x1b[8m"
	r.rows = append(slices.Clone(r.rows[:6]), chainAs(t, r.rows, 6)...)
	r.points = sign(r.rows, 10, private(1))
	r.outside = slices.Clone(r.points)
	for _, c := range []struct{ from, to, first, rows int64 }{{1, 0, 1, 60}, {1, 25, 1, 30}, {12, 0, 12, 60}, {12, 25, 12, 30}, {11, 20, 11, 20}, {60, 0, 60, 60}} {
		text := export(t, r, c.from, c.to)
		if !bytes.Equal(text, export(t, r, c.from, c.to)) {
			t.Errorf("%+v: two exports differ", c)
		}
		for _, k := range [][]byte{key, nil} {
			b := bundle(t, text)
			v := run(t, b, audit.Check{Key: k, Section: b.Section, Anchors: []audit.Anchors{r.anchors(t)}})
			if !v.Proven() || v.First != c.first || v.Rows != c.rows {
				t.Errorf("%+v: %+v", c, v)
			}
		}
	}
	for _, c := range []struct{ from, to int64 }{{0, 0}, {5, 4}, {61, 0}} {
		if _, err := audit.Export(ctx, &bytes.Buffer{}, r, c.from, c.to); err == nil {
			t.Errorf("%+v was exported", c)
		}
	}
}

// chainAs seals rows anew from a place on, as they are.
func chainAs(t interface{ Fatal(...any) }, rows []provisioning.Record, at int) []provisioning.Record {
	c, err := audit.NewChain(key)
	if err != nil {
		t.Fatal(err)
	}
	prev := rows[at-1]
	var out []provisioning.Record
	for _, row := range rows[at:] {
		r, err := c.Seal(prev, row.Event)
		if err != nil {
			t.Fatal(err)
		}
		out, prev = append(out, r), r
	}
	return out
}

// TestTamperedExport: every line of an export that is taken out, put in twice, moved, or cut off with those after it is found, and so is
// any byte that is changed.
func TestTamperedExport(t *testing.T) {
	r := newRecord(t, 30, 10)
	whole := export(t, r, 1, 0)
	text := strings.SplitAfter(strings.TrimSuffix(string(whole), "\n"), "\n")
	text[len(text)-1] += "\n"
	found := func(what string, text []byte) {
		t.Helper()
		b, err := audit.OpenBundle(bytes.NewReader(text))
		if err != nil {
			return
		}
		v, err := audit.Check{Section: b.Section, Anchors: []audit.Anchors{r.anchors(t)}}.Run(ctx, b)
		if err == nil && v.OK() {
			t.Errorf("%s is not found", what)
		}
	}
	join := func(lines []string) []byte { return []byte(strings.Join(lines, "")) }
	for i := range text {
		found(fmt.Sprint("without line ", i+1), join(slices.Delete(slices.Clone(text), i, i+1)))
		found(fmt.Sprint("twice line ", i+1), join(slices.Insert(slices.Clone(text), i, text[i])))
		found(fmt.Sprint("cut before line ", i+1), join(text[:i]))
		if i > 0 && strings.HasPrefix(text[i], `{"row"`) && strings.HasPrefix(text[i-1], `{"row"`) {
			moved := slices.Clone(text)
			moved[i], moved[i-1] = moved[i-1], moved[i]
			found(fmt.Sprint("moved line ", i+1), join(moved))
		}
	}
	for at := 0; at < len(whole)-200; at += 23 { // but for the end, which only tells a cut file from a whole one
		changed := slices.Clone(whole)
		changed[at] ^= 2
		if says(changed) == says(whole) { // a key's name in another case, the spare bits of base64
			continue
		}
		found(fmt.Sprintf("byte %d, %q instead of %q,", at, changed[at], whole[at]), changed)
	}
}

// says is what an export holds, whatever its bytes.
func says(text []byte) string {
	b, err := audit.OpenBundle(bytes.NewReader(text))
	if err != nil {
		return err.Error()
	}
	said := fmt.Sprintf("%+v", b.Section)
	err = errors.Join(b.Records(ctx, 0, func(r provisioning.Record) error { said += fmt.Sprintf("%+v\n", r); return nil }),
		b.Checkpoints(ctx, func(c provisioning.Checkpoint) error { said += fmt.Sprintf("%+v\n", c); return nil }))
	return said + fmt.Sprint(err)
}

// FuzzBundle: what is no export is refused, and nothing that is read of one panics or runs on.
func FuzzBundle(f *testing.F) {
	r := newRecord(f, 12, 5)
	f.Add(export(f, r, 1, 0))
	f.Add(export(f, r, 4, 9))
	f.Add([]byte(`{"rollcall_record":1,"from":1}` + "\n" + `{"end":{"rows":0,"digest":null}}` + "\n"))
	f.Add([]byte(`{"rollcall_record":1,"from":9223372036854775807}` + "\n" + `{"row":{"seq":9223372036854775807}}` + "\n" + `{"end":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := audit.OpenBundle(bytes.NewReader(data))
		if err != nil {
			var told *provisioning.Error
			if !errors.As(err, &told) {
				t.Errorf("%v", err)
			}
			return
		}
		v, err := audit.Check{Key: key, Section: b.Section}.Run(ctx, b)
		if err == nil && (v.Proven() || len(v.Verdict()) == 0) {
			t.Errorf("proven without an anchor: %+v", v)
		}
		_ = v.Trust()
	})
}

// FuzzAnchors: a file of anchors of any bytes is read within bounds, and no line that is not signed by the key counts.
func FuzzAnchors(f *testing.F) {
	r := newRecord(f, 12, 5)
	f.Add(lines(r.outside))
	f.Add([]byte("<110>1 2026-11-24T14:02:00Z desk-4 rollcall 7 checkpoint - " + string(lines(r.outside[:1]))))
	f.Add([]byte("{}\n{\"seq\":1}\nx\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := audit.ReadAnchors("f", bytes.NewReader(data))
		if err != nil {
			return
		}
		for _, one := range a.Kept {
			if one.Checkpoint.Seq < 1 || one.Line < 1 {
				t.Errorf("%+v", one)
			}
		}
		v := run(t, r, audit.Check{Key: key, Anchors: []audit.Anchors{a}})
		if v.Anchored.Row > 0 && !slices.ContainsFunc(a.Kept, func(one audit.AnchorLine) bool { return one.Checkpoint.Seq == v.Anchored.Row && one.Checkpoint.Holds() }) {
			t.Errorf("anchored by nothing: %+v", v)
		}
	})
}

// TestAnchorBounds: a file beyond all bounds is refused before it is held.
func TestAnchorBounds(t *testing.T) {
	if _, err := audit.ReadAnchors("f", strings.NewReader(strings.Repeat("x", 1<<20))); provisioning.CodeOf(err) != provisioning.Invalid {
		t.Error(err)
	}
	r := newRecord(t, 5, 5)
	torn := lines(r.outside)
	a := anchors(t, append(torn, torn[:len(torn)/2]...))
	if v := run(t, r, audit.Check{Key: key, Anchors: []audit.Anchors{a}}); !v.Proven() || !strings.Contains(strings.Join(v.Trust(), " "), "the last line of anchors.jsonl is not whole") {
		t.Errorf("%+v", v)
	}
}

// BenchmarkVerify checks 100,000 rows with the key, the signatures and the anchors, against the keyed hashes of the same bytes alone.
func BenchmarkVerify(b *testing.B) {
	r := newRecord(b, 100_000, 100)
	a := r.anchors(b)
	for b.Loop() {
		if v := run(b, r, audit.Check{Key: key, Anchors: []audit.Anchors{a}}); !v.Proven() {
			b.Fatalf("%+v", v)
		}
	}
	begin := time.Now()
	c, _ := audit.NewChain(key)
	var prev provisioning.Record
	for _, row := range r.rows {
		var err error
		if prev, err = c.Seal(prev, row.Event); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(time.Since(begin)), "x-the-hashes")
}
