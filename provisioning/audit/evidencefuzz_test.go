package audit_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"runtime"
	"strings"
	"testing"

	"rollcall/provisioning/audit"
)

// FuzzVerifyEvidence: whatever is given as a bundle is judged, without a panic; what is not a bundle that was written here does not hold
// under the key; and every finding says something. Give -fuzzminimizetime 1x: goroutines make its coverage vary, and the fuzzer would only minimise.
func FuzzVerifyEvidence(f *testing.F) {
	small, _ := evidence(f, evidenceParts(f, newRecord(f, 4, 2), 1), 1)
	empty, _ := evidence(f, nil, 1)
	for _, seed := range [][]byte{
		small, empty, small[:len(small)-30], empty[60:], nil, []byte("PK\x03\x04"), append(append([]byte{}, empty...), small...),
		bytes.ReplaceAll(small, []byte("PK\x07\x08"), []byte("PK\x03\x04")), repack(f, small, true, func(all []member) []member { return all[2:] }),
		repack(f, empty, false, func(all []member) []member { return append(all, all...) }),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		r := held(t, file, public(1))
		if r.OK() && !bytes.Equal(file, small) && !bytes.Equal(file, empty) {
			t.Errorf("%d bytes hold that were never sealed", len(file))
		}
		for _, finding := range r.Findings {
			if finding.Sentence == "" || finding.Kind == "" || strings.ContainsAny(finding.Sentence, "\x1b\n\r") {
				t.Errorf("%+v", finding)
			}
		}
		if r.OK() != (len(r.Proves) > 0) || len(r.DoesNotProve) == 0 {
			t.Errorf("%+v", r)
		}
		audit.IsEvidence(ctx, bytes.NewReader(file), int64(len(file)))
	})
}

// TestEvidenceBombs: a file that unpacks to a thousand times its size, sealed by somebody with a key of their own, takes no memory, whatever
// kind of part it calls itself; nor does a list of contents that does, or one that speaks of more than there is.
func TestEvidenceBombs(t *testing.T) {
	zeros := func(n int64, line string) func(context.Context, io.Writer) error {
		return func(_ context.Context, w io.Writer) error {
			block := []byte(strings.Repeat(line, 1<<20/len(line)))
			for ; n > 0; n -= int64(len(block)) {
				if _, err := w.Write(block); err != nil {
					return err
				}
			}
			return nil
		}
	}
	grows := func(what string, file []byte, most uint64) audit.EvidenceReport {
		t.Helper()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		r := held(t, file)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > most { // all that was ever asked for, which is more than was held
			t.Errorf("%s: %d kB took %d kB of memory", what, len(file)>>10, grown>>10)
		}
		return r
	}
	for _, kind := range []string{audit.PartRecord, audit.PartCertificate, audit.PartReviewOpening} {
		var out bytes.Buffer
		part := audit.EvidencePart{Name: "bomb", Kind: kind, Write: zeros(96<<20, " ")}
		if _, err := audit.WriteEvidence(ctx, &out, evidenceHead(), []audit.EvidencePart{part}, installation(9)); err != nil {
			t.Fatal(err)
		}
		r := grows(kind, out.Bytes(), 40<<20)
		if r.OK() {
			t.Errorf("%s: a bomb holds", kind)
		}
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, name := range []string{"README.txt", "manifest.json", "manifest.sig"} {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := zeros(128<<20, "[")(ctx, w); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	grows("a list", out.Bytes(), 400<<20)
	// A list that is said to be 4 GiB long, and a table that is.
	file, _ := evidence(t, nil, 1)
	for _, at := range []int{len(file) - 10, bytes.LastIndex(file, []byte("PK\x01\x02")) + 20, bytes.Index(file, []byte("manifest.json")) - 12} {
		lies := bytes.Clone(file)
		binary.LittleEndian.PutUint32(lies[at:], 0xfffffff0)
		if r := grows("a lie", lies, 8<<20); r.OK() {
			t.Errorf("a lie at %d holds", at)
		}
	}
	// Thousands of headers of lists.
	headers := bytes.Repeat(append([]byte("PK\x03\x04"+strings.Repeat("\x00", 22)+"\x0d\x00\x00\x00"), "manifest.json"...), 20_000)
	if r := grows("headers", headers, 60<<20); r.OK() {
		t.Error("headers hold")
	}
}
