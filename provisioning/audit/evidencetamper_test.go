package audit_test

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
)

// member is one file of a container that somebody packs anew.
type member struct {
	name string
	text []byte
	raw  *zip.File // its packed bytes as they were; nil: text is packed anew
}

// repack opens a bundle with an ordinary tool, lets somebody change it, and packs it again: the packed bytes as they were, or anew.
func repack(t testing.TB, file []byte, anew bool, change func(all []member) []member) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var all []member
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		m := member{name: f.Name, raw: f}
		if m.text, err = io.ReadAll(in); err != nil {
			t.Fatal(err)
		}
		if anew && f.Method == zip.Deflate {
			m.raw = nil
		}
		all = append(all, m)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, m := range change(all) {
		if m.raw != nil {
			h := m.raw.FileHeader
			h.Name = m.name
			to, err := w.CreateRaw(&h)
			if err != nil {
				t.Fatal(err)
			}
			from, err := m.raw.OpenRaw()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(to, from); err != nil {
				t.Fatal(err)
			}
			continue
		}
		h := &zip.FileHeader{Name: m.name, Method: zip.Deflate}
		if m.name == "manifest.json" || m.name == "manifest.sig" {
			h.Method = zip.Store
			h.CRC32, h.CompressedSize64, h.UncompressedSize64 = 0, uint64(len(m.text)), uint64(len(m.text))
		}
		to, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := to.Write(m.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func indexOf(t testing.TB, all []member, name string) int {
	t.Helper()
	at := slices.IndexFunc(all, func(m member) bool { return m.name == name })
	if at < 0 {
		t.Fatalf("no %s", name)
	}
	return at
}

// both runs a tampering with the packed bytes as they were and packed anew.
func both(t *testing.T, file []byte, change func(all []member) []member, see func(what string, r audit.EvidenceReport)) {
	t.Helper()
	for _, anew := range []bool{false, true} {
		for _, trusted := range [][]ed25519.PublicKey{nil, {public(1)}} {
			see(fmt.Sprintf("packed anew: %v, with a key: %v", anew, trusted != nil), held(t, repack(t, file, anew, change), trusted...))
		}
	}
}

func smallEvidence(t testing.TB) []byte {
	t.Helper()
	file, _ := evidence(t, evidenceParts(t, newRecord(t, 6, 3), 1), 1)
	return file
}

// spans are where in a bundle the bytes of each file stand, with its header and what follows it.
type spanOf struct {
	name              string
	begin, data, over int // over: the end of the data
}

func spansOf(t testing.TB, file []byte) (all []spanOf) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		at, err := f.DataOffset()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, spanOf{f.Name, int(at) - 30 - len(f.Name), int(at), int(at) + int(f.CompressedSize64)})
	}
	return all
}

// ofByte says in which file a byte stands; "" is the table. In a file are its header, its data and the sizes behind them.
func ofByte(spans []spanOf, at, table int) string {
	name := ""
	for _, s := range spans {
		if at >= s.begin {
			name = s.name
		}
	}
	if at >= table {
		return ""
	}
	return name
}

// TestEvidenceEveryByte: each byte of a bundle, changed in two ways, is found, and the finding names the file in which it stands: header,
// data, sizes, list, signature and table.
func TestEvidenceEveryByte(t *testing.T) {
	head := evidenceHead()
	head.Notes, head.Controls = nil, []audit.EvidenceControl{}
	opening := snapshot{Says: "opening"}.signed(1)
	parts := []audit.EvidencePart{
		audit.RecordPart("r.jsonl", newRecord(t, 2, 2), 1, 0),
		textPart("o.json", audit.PartReviewOpening, opening),
		textPart("c.json", audit.PartReviewClosing, snapshot{Says: "closing", Opening: sumOf(opening)}.signed(1)),
	}
	var out bytes.Buffer
	if _, err := audit.WriteEvidence(ctx, &out, head, parts, installation(1)); err != nil {
		t.Fatal(err)
	}
	file := out.Bytes()
	if r := held(t, file); !r.OK() {
		t.Fatalf("%+v", r.Findings)
	}
	spans := spansOf(t, file)
	table := spans[len(spans)-1].over
	t.Logf("%d bytes", len(file))
	for _, flip := range []byte{0x01, 0x80} {
		t.Run(fmt.Sprintf("flip %02x", flip), func(t *testing.T) {
			t.Parallel()
			changed := slices.Clone(file)
			for at := range changed {
				changed[at] ^= flip
				r := held(t, changed)
				changed[at] ^= flip
				part := ofByte(spans, at, table)
				if r.OK() || !slices.ContainsFunc(r.Findings, func(f audit.EvidenceFinding) bool { return f.Part == part && f.Sentence != "" }) {
					t.Fatalf("byte %d of %d, in %q: %+v", at, len(file), part, r.Findings)
				}
				if len(r.Proves) > 0 {
					t.Fatalf("byte %d: it proves %q", at, r.Proves)
				}
			}
		})
	}
}

// TestEvidenceByteNamed: the sentence says where the byte is.
func TestEvidenceByteNamed(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdefghijklmnop"), 40)
	for i := range big {
		big[i] = byte(rand.New(rand.NewPCG(1, uint64(i))).IntN(256)) // does not pack
	}
	big = bytes.Repeat(big, 40)
	file, _ := evidence(t, []audit.EvidencePart{textPart("a.bin", audit.PartReport, big)}, 1)
	spans := spansOf(t, file)
	s := spans[2]
	at := func(at int) audit.EvidenceReport {
		changed := slices.Clone(file)
		changed[at] ^= 4
		return held(t, changed)
	}
	found(t, "data", at(s.data+700), audit.Edited, "a.bin", fmt.Sprintf("part a.bin is not as it was sealed: it was changed between bytes 1 and %s of it as packed", audit.Count(int64(min(4096, s.over-s.data)))))
	found(t, "header", at(s.begin+11), audit.Edited, "a.bin", fmt.Sprintf("byte %s of the file, in the header before it, was changed", audit.Count(int64(s.begin+12))))
	found(t, "sizes", at(s.over+5), audit.Edited, "a.bin", fmt.Sprintf("byte %s of the file, in the sizes behind it, was changed", audit.Count(int64(s.over+6))))
	found(t, "table", at(len(file)-3), audit.Edited, "", fmt.Sprintf("the table at the file's end was changed: byte %s", audit.Count(int64(len(file)-2))))
}

// TestEvidenceDropped: each part that is taken out, with the list as it was, is named.
func TestEvidenceDropped(t *testing.T) {
	file := smallEvidence(t)
	for _, s := range spansOf(t, file) {
		both(t, file, func(all []member) []member {
			return slices.DeleteFunc(all, func(m member) bool { return m.name == s.name })
		},
			func(what string, r audit.EvidenceReport) {
				switch s.name {
				case "manifest.json":
					if r.OK() {
						t.Errorf("%s, %s: %+v", s.name, what, r)
					}
					found(t, what, r, audit.TailCut, "", "its list of contents (manifest.json) is missing")
				case "manifest.sig":
					found(t, what, r, audit.Edited, s.name, "cannot be read as one")
				default:
					found(t, what, r, audit.Dropped, s.name, "part "+s.name+" was dropped")
				}
			})
	}
	// A closing whose opening was never put in.
	parts := evidenceParts(t, newRecord(t, 6, 3), 1)
	lone, _ := evidence(t, slices.Delete(parts, 1, 2), 1)
	found(t, "without the opening", held(t, lone), audit.Dropped, "reviews/3-closing.json", "is the closing of a review whose opening")
}

// TestEvidenceCut: a tail that is cut at any length is found, and called that.
func TestEvidenceCut(t *testing.T) {
	file := smallEvidence(t)
	for n := range file {
		found(t, fmt.Sprintf("%d of %d bytes", n, len(file)), held(t, file[:n]), audit.TailCut, "", "cut")
		if t.Failed() {
			return
		}
	}
	large, _ := evidence(t, evidenceParts(t, newRecord(t, 1000, 100), 1), 1)
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(0, len(large)-1).Draw(r, "length")
		found(t, fmt.Sprintf("%d of %d bytes", n, len(large)), held(t, large[:n]), audit.TailCut, "", "cut")
	})
}

// TestEvidenceSwapped: two snapshots whose contents, or whose names, changed places are both named with each other.
func TestEvidenceSwapped(t *testing.T) {
	file := smallEvidence(t)
	const a, b = "reviews/3-opening.json", "reviews/4-opening.json" // of one length, packed and not
	see := func(what string, r audit.EvidenceReport) {
		found(t, what, r, audit.Swapped, a, "part "+a+" is another one than was sealed: it was swapped with "+b)
		found(t, what, r, audit.Swapped, b, "part "+b+" is another one than was sealed: it was swapped with "+a)
	}
	both(t, file, func(all []member) []member {
		i, j := indexOf(t, all, a), indexOf(t, all, b)
		all[i].text, all[j].text, all[i].raw, all[j].raw = all[j].text, all[i].text, all[j].raw, all[i].raw
		return all
	}, see)
	both(t, file, func(all []member) []member {
		i, j := indexOf(t, all, a), indexOf(t, all, b)
		all[i].name, all[j].name = b, a
		return all
	}, see)
	// In place, with not a byte more or less.
	names := bytes.ReplaceAll(bytes.ReplaceAll(bytes.ReplaceAll(slices.Clone(file), []byte("PK\x03\x04"), []byte("PK\x03\x04")), []byte(a), []byte("reviews/x-opening.json")), []byte(b), []byte(a))
	names = bytes.ReplaceAll(names, []byte("reviews/x-opening.json"), []byte(b))
	list := bytes.Index(file, []byte("manifest.json"))
	copy(names[list:], file[list:])
	see("the names in the headers alone", held(t, names))
	both(t, file, func(all []member) []member {
		i, j := indexOf(t, all, a), indexOf(t, all, b)
		all[i].text, all[i].raw = all[j].text, all[j].raw
		return all
	}, func(what string, r audit.EvidenceReport) {
		found(t, what, r, audit.Swapped, a, "it is a copy of "+b)
	})
	both(t, file, func(all []member) []member {
		i := indexOf(t, all, a)
		all[i].text, all[i].raw = snapshot{Says: "opening of 3, as somebody would have it"}.signed(1), nil
		return all
	}, func(what string, r audit.EvidenceReport) {
		found(t, what, r, audit.Edited, a, "part "+a+" is not as it was sealed")
	})
	both(t, file, func(all []member) []member {
		all[indexOf(t, all, a)].name = "reviews/elsewhere.json"
		return all
	}, func(what string, r audit.EvidenceReport) {
		found(t, what, r, audit.Renamed, a, "it is there as reviews/elsewhere.json")
	})
}

// TestEvidenceAdded: a part that was put in, at any place, or twice, is named.
func TestEvidenceAdded(t *testing.T) {
	file := smallEvidence(t)
	for at := range len(spansOf(t, file)) + 1 {
		both(t, file, func(all []member) []member {
			return slices.Insert(all, at, member{name: "extra\x1b[2J.json", text: []byte("{}")})
		}, func(what string, r audit.EvidenceReport) {
			found(t, fmt.Sprint(at, " ", what), r, audit.Inserted, "extra\x1b[2J.json", "is extra: it is in the file and not in the list")
		})
		both(t, file, func(all []member) []member { return slices.Insert(all, at, all[indexOf(t, all, "policy.toml")]) },
			func(what string, r audit.EvidenceReport) {
				found(t, fmt.Sprint(at, " ", what), r, audit.Inserted, "policy.toml", "is in the file once more")
			})
	}
	found(t, "bytes before it", held(t, append([]byte("#!/bin/sh\n"), file...)), audit.Inserted, "", "10 bytes that belong to no part stand in the file from byte 1 on")
}

// TestEvidenceReordered: parts in another order are named.
func TestEvidenceReordered(t *testing.T) {
	file := smallEvidence(t)
	for at := range len(spansOf(t, file)) - 1 {
		both(t, file, func(all []member) []member {
			all[at], all[at+1] = all[at+1], all[at]
			return all
		}, func(what string, r audit.EvidenceReport) {
			spans := spansOf(t, file)
			if at == len(spans)-2 { // the list and its signature
				if r.OK() {
					t.Errorf("%d %s: %+v", at, what, r.Findings)
				}
				return
			}
			found(t, fmt.Sprint(at, " ", what), r, audit.Reordered, spans[at+1].name, "part "+spans[at+1].name+" stands where "+spans[at].name+" was")
		})
	}
}

// TestEvidenceListEdited: a list that somebody edited, whatever in it, is not what was signed.
func TestEvidenceListEdited(t *testing.T) {
	file := smallEvidence(t)
	for _, edit := range []struct{ from, to string }{
		{`"by": "l.ortiz"`, `"by": "a.nother"`},
		{`"kind": "policy"`, `"kind": "report"`},
		{`"size": 9,`, `"size": 8,`},
		{`"rollcall_evidence": 1`, `"rollcall_evidence": 2`},
		{"\n", "\n\n"},
	} {
		both(t, file, func(all []member) []member {
			i := indexOf(t, all, "manifest.json")
			text := bytes.Replace(all[i].text, []byte(edit.from), []byte(edit.to), 1)
			if bytes.Equal(text, all[i].text) {
				t.Fatalf("nothing to edit: %q", edit.from)
			}
			all[i].text, all[i].raw = text, nil
			return all
		}, func(what string, r audit.EvidenceReport) {
			found(t, edit.to+" "+what, r, audit.Edited, "manifest.json", "the list of contents, was changed")
		})
	}
}

// TestEvidenceOtherKey: a bundle that somebody sealed anew is found where the key is given. Where none is, only the fingerprint tells.
func TestEvidenceOtherKey(t *testing.T) {
	rec := newRecord(t, 6, 3)
	_, ours := evidence(t, evidenceParts(t, rec, 1), 1)
	theirs := rec.clone()
	theirs.points = sign(theirs.rows, 3, private(2))
	file, _ := evidence(t, evidenceParts(t, theirs, 2), 2)
	r := held(t, file)
	if !r.OK() || r.Fingerprint() == ours.Fingerprint || r.Fingerprint() != audit.Fingerprint(public(2)) || !strings.Contains(strings.Join(r.DoesNotProve, " "), r.Fingerprint()+" is the firm's") {
		t.Errorf("%+v", r)
	}
	found(t, "with the key", held(t, file, public(1)), audit.OtherKey, "manifest.sig", "signed by another key, "+r.Fingerprint())
	found(t, "the record, with the key", held(t, file, public(1)), audit.OtherKey, "record.jsonl", "is signed by another key")
	// Only the seal is another one: what is inside is still the firm's.
	file, _ = evidence(t, evidenceParts(t, rec, 1), 2)
	for _, part := range []string{"record.jsonl", "reviews/3-opening.json", "reviews/3-closing.json", "certificates/12.json"} {
		found(t, "sealed anew", held(t, file), audit.OtherKey, part, fmt.Sprintf("is signed by the key %s, and the bundle by %s", audit.Fingerprint(public(1)), audit.Fingerprint(public(2))))
	}
	// A key that the firm had before is no tampering where it is given as well.
	if r := held(t, file, public(2), public(1)); !r.OK() || !strings.Contains(strings.Join(r.Notes, " "), "which was given as well") {
		t.Errorf("%+v", r)
	}
}

// TestEvidenceRecordInside: a row that was changed or dropped inside is found by the record's own signatures, where the container was made
// to fit: with the list not signed anew, and with it signed by another key.
func TestEvidenceRecordInside(t *testing.T) {
	rec := newRecord(t, 9, 3)
	good, _ := evidence(t, evidenceParts(t, rec, 1), 1)
	z := unzip(t, good)
	for _, c := range []struct {
		what   string
		change func(r *record)
		kind   audit.Tampering
		words  string
	}{
		{"edited", func(r *record) { r.rows[4].Event.Subject = "ANOTHER" }, audit.Edited, "rows 4 to 6 are not what was signed"},
		{"dropped", func(r *record) { r.rows = slices.Delete(r.rows, 4, 5) }, audit.Dropped, "row 5 is missing"},
		{"put in", func(r *record) { r.rows = slices.Insert(r.rows, 4, r.rows[4]) }, audit.Inserted, "was put in"},
		{"rewritten", func(r *record) { r.rows = append(r.rows[:4:4], chainFrom(t, r.rows, 4)...) }, audit.Edited, "rows 4 to 6 are not what was signed"},
	} {
		bad := rec.clone()
		c.change(bad)
		forged, _ := evidence(t, evidenceParts(t, bad, 1), 2)
		r := held(t, forged)
		found(t, c.what+", signed by another key", r, c.kind, "record.jsonl", c.words)
		found(t, c.what+", signed by another key", r, audit.OtherKey, "record.jsonl", "")
		found(t, c.what+", signed by another key that is not the one", held(t, forged, public(1)), audit.OtherKey, "manifest.sig", "")
		// The list fits what is in the container, and the signature is still the old one: in place, so that not a byte of the container is odd.
		old := withSeal(t, forged, z["manifest.sig"])
		found(t, c.what+", not signed anew", held(t, old), audit.Edited, "manifest.json", "it is not what the key "+audit.Fingerprint(public(1))+" signed")
		found(t, c.what+", not signed anew", held(t, old), c.kind, "record.jsonl", c.words)
	}
	// A certificate that was changed within.
	parts := evidenceParts(t, rec, 1)
	_, text := signed(t, 1)
	parts[4] = textPart("certificates/12.json", audit.PartCertificate, bytes.Replace(text, []byte("TBARNES"), []byte("TBARNEZ"), 1))
	forged, _ := evidence(t, parts, 1)
	found(t, "a certificate", held(t, forged), audit.Edited, "certificates/12.json", "it is not what its key signed")
}

// withSeal puts another signature into a bundle, and its checksum to both places where that stands.
func withSeal(t testing.TB, file, seal []byte) []byte {
	t.Helper()
	was := unzip(t, file)["manifest.sig"]
	sum := func(of []byte) []byte { return binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(of)) }
	if bytes.Count(file, sum(was)) != 2 || len(was) != len(seal) {
		t.Fatal("there is no one place for the signature")
	}
	return bytes.ReplaceAll(bytes.Replace(file, was, seal, 1), sum(was), sum(seal))
}

// TestEvidenceRecordCut: rows that were left out at the end before it was sealed leave no trace within, and the report says so; an anchor
// shows it.
func TestEvidenceRecordCut(t *testing.T) {
	rec := newRecord(t, 9, 3)
	cut := rec.clone()
	cut.rows = cut.rows[:7]
	file, _ := evidence(t, evidenceParts(t, cut, 1), 1)
	r := held(t, file)
	if !r.OK() || r.Rows != 7 || !strings.Contains(strings.Join(r.DoesNotProve, " "), "all that there is") {
		t.Errorf("%+v", r)
	}
	c := audit.EvidenceCheck{Check: audit.Check{Anchors: []audit.Anchors{rec.anchors(t)}}, Readers: readers()}
	r, err := c.Run(ctx, bytes.NewReader(file), int64(len(file)))
	if err != nil || !strings.Contains(strings.Join(r.Notes, " "), "part record.jsonl: this is a piece of the record that ends at row 7 by its own word; the record went on to row 9 at least") {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestEvidenceRepacked: a bundle that was unpacked and packed again, with nothing changed, is called that.
func TestEvidenceRepacked(t *testing.T) {
	both(t, smallEvidence(t), func(all []member) []member {
		for i := range all {
			all[i].raw = nil
		}
		return all
	}, func(what string, r audit.EvidenceReport) {
		found(t, what, r, audit.Repacked, "", "was packed anew")
		if len(r.Findings) != 1 {
			t.Errorf("%s: %+v", what, r.Findings)
		}
	})
}

// TestEvidenceAppended: what follows the end is found: a byte, a line's end, a whole bundle.
func TestEvidenceAppended(t *testing.T) {
	file := smallEvidence(t)
	for _, more := range []string{"\n", "\x00", strings.Repeat("x", 5000), "PK\x05\x06" + strings.Repeat("\x00", 18)} {
		found(t, fmt.Sprintf("%d bytes", len(more)), held(t, append(slices.Clone(file), more...)), audit.Appended, "",
			fmt.Sprintf("%s bytes follow the end of the bundle, from byte %s", audit.Count(int64(len(more))), audit.Count(int64(len(file)+1))))
	}
	for _, more := range [][]byte{file, smallEvidence(t)[40:]} {
		if r := held(t, append(slices.Clone(file), more...)); r.OK() {
			t.Error("a bundle behind a bundle was not found")
		}
	}
}

// TestNoEvidence: what is no bundle is called that.
func TestNoEvidence(t *testing.T) {
	for _, text := range []string{"x", "SQLite format 3\x00", `{"rollcall_record":1}`} {
		found(t, text, held(t, []byte(text)), audit.NotEvidence, "", "no evidence bundle")
		if audit.IsEvidence(ctx, strings.NewReader(text), int64(len(text))) {
			t.Errorf("%q", text)
		}
	}
	file := smallEvidence(t)
	for at := range 4 {
		changed := slices.Clone(file)
		changed[at] ^= 1
		if !audit.IsEvidence(ctx, bytes.NewReader(changed), int64(len(changed))) {
			t.Errorf("with byte %d changed it is called none", at)
		}
	}
}

// TestEvidenceLarger: on bundles of many sizes, whatever is done to their bytes is found, and what is not touched holds.
func TestEvidenceLarger(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		rec := newRecord(t, rapid.IntRange(0, 400).Draw(r, "rows"), rapid.IntRange(1, 100).Draw(r, "every"))
		parts := evidenceParts(t, rec, 1)
		for i := range rapid.IntRange(0, 5).Draw(r, "more") {
			parts = append(parts, textPart(fmt.Sprintf("reports/%d.csv", i), audit.PartReport, rapid.SliceOfN(rapid.Byte(), 0, 20_000).Draw(r, "content")))
		}
		file, _ := evidence(t, parts, 1)
		if seen := held(t, file, public(1)); !seen.OK() {
			r.Fatalf("%+v", seen.Findings)
		}
		changed := slices.Clone(file)
		at := rapid.IntRange(0, len(file)-1).Draw(r, "at")
		to := rapid.IntRange(at, min(len(file), at+5000)).Draw(r, "to")
		switch rapid.SampledFrom([]string{"bytes", "out", "in", "twice", "zero"}).Draw(r, "how") {
		case "bytes":
			for i := at; i <= min(to, at+3) && i < len(file); i++ {
				changed[i] ^= byte(rapid.IntRange(1, 255).Draw(r, "flip"))
			}
		case "out":
			changed = slices.Delete(changed, at, to)
		case "in":
			changed = slices.Insert(changed, at, rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(r, "bytes")...)
		case "twice":
			changed = slices.Insert(changed, at, file[at:to]...)
		case "zero":
			clear(changed[at:to])
		}
		if bytes.Equal(changed, file) {
			return
		}
		seen := held(t, changed)
		if seen.OK() || len(seen.Proves) > 0 {
			r.Fatalf("not found: %+v", seen)
		}
	})
}

var _ provisioning.Signer = installation(0)
