package audit_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
)

// snapshot stands for what another package signs: a review's opening or closing.
type snapshot struct {
	Says      string `json:"says"`
	Opening   string `json:"opening,omitempty"`
	PublicKey []byte `json:"public_key"`
	Signature []byte `json:"signature"`
}

func (s snapshot) signed(by installation) []byte {
	s.PublicKey, s.Signature = by.Public(), ed25519.Sign(by.key(), []byte("snapshot "+s.Says+s.Opening))
	text, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return append(text, '\n')
}

func readSnapshot(in io.Reader) (audit.EvidenceInside, error) {
	var s snapshot
	if err := json.NewDecoder(in).Decode(&s); err != nil {
		return audit.EvidenceInside{}, err
	}
	if len(s.PublicKey) != ed25519.PublicKeySize || !ed25519.Verify(s.PublicKey, []byte("snapshot "+s.Says+s.Opening), s.Signature) {
		return audit.EvidenceInside{}, errors.New("its signature does not hold")
	}
	return audit.EvidenceInside{Summary: s.Says, Key: s.PublicKey, Opening: s.Opening}, nil
}

func readers() map[string]audit.EvidenceReader {
	return map[string]audit.EvidenceReader{audit.PartReviewOpening: readSnapshot, audit.PartReviewClosing: readSnapshot}
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func textPart(name, kind string, text []byte, controls ...string) audit.EvidencePart {
	return audit.EvidencePart{Name: name, Kind: kind, Controls: controls, Write: func(_ context.Context, w io.Writer) error {
		_, err := w.Write(text)
		return err
	}}
}

func evidenceHead() audit.EvidenceHead {
	at := time.Date(2026, 11, 30, 9, 41, 7, 0, time.UTC)
	return audit.EvidenceHead{
		Firm: "A \u202efirm & \"sons\"", From: at.AddDate(-1, 0, 0), To: at, Made: at, By: "l.ortiz", Program: "1.0", Notes: []string{"one\nnote\x1b[8m of " + strings.Repeat("many words ", 60)},
		Controls: []audit.EvidenceControl{{ID: "SOC 2 CC6.2", Title: "given", Says: "It shows some."}, {ID: "A.5.17", Title: "secrets", Says: "It shows nothing."}},
	}
}

// evidenceParts are parts of every sort, signed by one installation.
func evidenceParts(t testing.TB, r *record, by installation) []audit.EvidencePart {
	t.Helper()
	_, certificate := signed(t, by)
	opening, other := snapshot{Says: "opening of 3"}.signed(by), snapshot{Says: "opening of 4"}.signed(by)
	return []audit.EvidencePart{
		audit.RecordPart("record.jsonl", r, 1, 0, "SOC 2 CC6.2"),
		textPart("reviews/3-opening.json", audit.PartReviewOpening, opening, "SOC 2 CC6.2"),
		textPart("reviews/3-closing.json", audit.PartReviewClosing, snapshot{Says: "closing of 3", Opening: sumOf(opening)}.signed(by)),
		textPart("reviews/4-opening.json", audit.PartReviewOpening, other),
		textPart("certificates/12.json", audit.PartCertificate, certificate),
		textPart("policy.toml", audit.PartPolicy, []byte("[guards]\n")),
	}
}

func evidence(t testing.TB, parts []audit.EvidencePart, by installation) ([]byte, audit.EvidenceDone) {
	t.Helper()
	var out bytes.Buffer
	done, err := audit.WriteEvidence(ctx, &out, evidenceHead(), parts, by)
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), done
}

func held(t testing.TB, file []byte, trusted ...ed25519.PublicKey) audit.EvidenceReport {
	t.Helper()
	r, err := audit.EvidenceCheck{Check: audit.Check{Trusted: trusted}, Readers: readers()}.Run(ctx, bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// found wants a finding of a kind against a part whose sentence has some words, and that every finding is a sentence of one clean line.
func found(t testing.TB, what string, r audit.EvidenceReport, kind audit.Tampering, part, words string) {
	t.Helper()
	hit := false
	for _, f := range r.Findings {
		hit = hit || (f.Kind == kind && f.Part == part && strings.Contains(f.Sentence, words))
		if f.Sentence == "" || strings.ContainsAny(f.Sentence, "\n\x1b") {
			t.Errorf("%s: %q is no sentence", what, f.Sentence)
		}
	}
	if !hit || r.OK() || len(r.Proves) > 0 {
		t.Errorf("%s: want %s of %q with %q; found %+v", what, kind, part, words, r.Findings)
	}
}

// TestEvidenceHolds: a bundle verifies with nothing at hand; it says what it proves and what not, and no more with a key that is not given.
// Ordinary tools open it, and it is the same for the same parts.
func TestEvidenceHolds(t *testing.T) {
	rec := newRecord(t, 25, 10)
	file, done := evidence(t, evidenceParts(t, rec, 1), 1)
	if again, _ := evidence(t, evidenceParts(t, rec, 1), 1); !bytes.Equal(file, again) {
		t.Error("two bundles of the same parts differ")
	}
	r := held(t, file)
	if !r.OK() || r.Vouched || r.Fingerprint() != done.Fingerprint || r.Rows != 25 || r.Certificates != 1 || r.Reviews != 3 || len(r.Parts) != 9 || len(r.Records) != 1 {
		t.Fatalf("%+v", r)
	}
	if !bytes.Equal(r.SHA256, done.SHA256) || sumOf(file) != hex.EncodeToString(done.SHA256) || done.Size != int64(len(file)) || done.Parts != 6 {
		t.Errorf("%+v", done)
	}
	if r.Records[0].Keyed || r.Records[0].Signed.Row != 25 || !r.Parts[2].Holds || r.Parts[2].Summary != "rows 1 to 25 of the record" || r.Parts[3].Summary != "opening of 3" {
		t.Errorf("%+v", r)
	}
	says := func(said []string, words string) bool { return strings.Contains(strings.Join(said, "\n"), words) }
	if !says(r.DoesNotProve, "is the firm's: it is the bundle's own word") || !says(r.DoesNotProve, "keyed hashes") || !says(r.Proves, "rows 1 to 25 are in it") || !says(r.Notes, `"policy"`) {
		t.Errorf("%q %q %q", r.Proves, r.DoesNotProve, r.Notes)
	}
	if r := held(t, file, public(9), public(1)); !r.OK() || !r.Vouched || says(r.DoesNotProve, "own word") || !says(r.Proves, "the one that was given") {
		t.Errorf("%+v", r)
	}
	keyed, err := audit.EvidenceCheck{Check: audit.Check{Key: key, Anchors: []audit.Anchors{rec.anchors(t)}}}.Run(ctx, bytes.NewReader(file), int64(len(file)))
	if err != nil || !keyed.OK() || !keyed.Records[0].Proven() || says(keyed.DoesNotProve, "keyed hashes") || !says(keyed.Notes, "review opening") {
		t.Errorf("with the record's key and anchors: %+v, %v", keyed, err)
	}
	plain, err := audit.VerifyEvidence(ctx, bytes.NewReader(file), int64(len(file)), public(1))
	if err != nil || !plain.OK() || plain.Reviews != 0 {
		t.Errorf("%+v, %v", plain, err)
	}
	ordinary(t, file)
}

// ordinary opens a bundle as an ordinary tool does.
func ordinary(t testing.TB, file []byte) {
	t.Helper()
	all := unzip(t, file)
	for line := range strings.Lines(string(all["SHA256SUMS"])) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if all[name] == nil || sumOf(all[name]) != sum {
			t.Errorf("the sum of %q is another one", name)
		}
	}
	for _, name := range []string{"README.txt", "CONTROLS.txt"} {
		if text := string(all[name]); len(text) < 200 || strings.ContainsAny(text, "\x1b\u202e") || !strings.Contains(text, "record.jsonl (record)") && name == "CONTROLS.txt" {
			t.Errorf("%s: %q", name, text)
		}
	}
}

// TestEvidenceRefused: what cannot be a bundle is not begun, and what fails while it is written is told.
func TestEvidenceRefused(t *testing.T) {
	refused := func(what string, head audit.EvidenceHead, parts ...audit.EvidencePart) {
		t.Helper()
		var out bytes.Buffer
		if _, err := audit.WriteEvidence(ctx, &out, head, parts, installation(1)); provisioning.CodeOf(err) != provisioning.Invalid || out.Len() > 0 {
			t.Errorf("%s: %v, %d bytes", what, err, out.Len())
		}
	}
	x := []byte("x")
	for _, name := range []string{"", "/a", "a/", "../a", "a/../b", "a//b", ".a", "-a", "a.", "a b", `a\b`, "a:b", "é", "README.txt", "readme.TXT", "manifest.json", "sha256sums", strings.Repeat("a", 121)} {
		refused(name, evidenceHead(), textPart(name, audit.PartReport, x))
	}
	refused("twice", evidenceHead(), textPart("a", audit.PartReport, x), textPart("A", audit.PartReport, x))
	refused("a folder", evidenceHead(), textPart("a", audit.PartReport, x), textPart("a/b", audit.PartReport, x))
	refused("a kind", evidenceHead(), textPart("a", "readme", x))
	refused("a control", evidenceHead(), textPart("a", audit.PartReport, x, "CC9"))
	refused("nobody", audit.EvidenceHead{Made: time.Unix(1, 0)}, textPart("a", audit.PartReport, x))
	refused("no time", audit.EvidenceHead{By: "l.ortiz"}, textPart("a", audit.PartReport, x))
	broken := errors.New("broken")
	part := audit.EvidencePart{Name: "a", Kind: audit.PartReport, Write: func(context.Context, io.Writer) error { return broken }}
	if _, err := audit.WriteEvidence(ctx, io.Discard, evidenceHead(), []audit.EvidencePart{part}, installation(1)); !errors.Is(err, broken) {
		t.Error(err)
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := audit.WriteEvidence(stopped, io.Discard, evidenceHead(), nil, installation(1)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	file, _ := evidence(t, nil, 1)
	if _, err := audit.VerifyEvidence(stopped, bytes.NewReader(file), int64(len(file))); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for at := 0; at < len(file); at += 97 {
		_, err := audit.VerifyEvidence(ctx, faulty{file, at}, int64(len(file)))
		if provisioning.CodeOf(err) != provisioning.Unavailable || !errors.Is(err, errDisk) {
			t.Fatalf("a disk that fails at %d: %v", at, err)
		}
	}
}

var errDisk = errors.New("the disk is broken")

// faulty is a file that cannot be read from a place on.
type faulty struct {
	file []byte
	at   int
}

func (f faulty) ReadAt(b []byte, at int64) (int, error) {
	if at+int64(len(b)) > int64(f.at) {
		return 0, errDisk
	}
	return copy(b, f.file[at:]), nil
}

// TestEvidenceAnyHead: whatever a firm or a person is called, and whatever a note says, the bundle holds and says it.
func TestEvidenceAnyHead(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"\xff\xfe", "a\x00b\u2028\u2029", "<&>\"\\\u202e", strings.Repeat("x\xc3", 400)}))
		head := evidenceHead()
		head.Firm, head.By, head.Program = text.Draw(r, "firm"), "b"+text.Draw(r, "by"), text.Draw(r, "program")
		head.Notes = rapid.SliceOfN(text, 0, 3).Draw(r, "notes")
		head.Made = time.Unix(rapid.Int64Range(-3_000_000_000, 9_000_000_000).Draw(r, "made"), rapid.Int64Range(0, 999_999_999).Draw(r, "nanos")).In(time.FixedZone("", 3600))
		var out bytes.Buffer
		if _, err := audit.WriteEvidence(ctx, &out, head, nil, installation(1)); err != nil {
			r.Fatal(err)
		}
		seen := held(t, out.Bytes(), public(1))
		if !seen.OK() || seen.Head.Firm != strings.ToValidUTF8(head.Firm, "\uFFFD") || !seen.Head.Made.Equal(head.Made) {
			r.Fatalf("%+v", seen)
		}
		for _, line := range append(seen.Proves, seen.DoesNotProve...) {
			if strings.ContainsAny(line, "\x1b\n\u202e") {
				r.Fatalf("%q", line)
			}
		}
	})
}

// TestStandardControls: the mapping has a sentence for each of the controls that the bundle is asked for.
func TestStandardControls(t *testing.T) {
	var ids []string
	for _, c := range audit.StandardControls() {
		ids = append(ids, c.ID)
		if len(c.Says) < 40 || c.Title == "" {
			t.Errorf("%+v", c)
		}
	}
	if got, want := fmt.Sprint(ids), "[SOC 2 CC6.1 SOC 2 CC6.2 SOC 2 CC6.3 ISO 27001:2022 A.5.15 ISO 27001:2022 A.5.16 ISO 27001:2022 A.5.17 ISO 27001:2022 A.5.18]"; got != want {
		t.Errorf("%s", got)
	}
	head := evidenceHead()
	head.Controls = nil
	var out bytes.Buffer
	if _, err := audit.WriteEvidence(ctx, &out, head, []audit.EvidencePart{textPart("policy.toml", audit.PartPolicy, nil, "ISO 27001:2022 A.5.15")}, installation(1)); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(unzip(t, out.Bytes())["CONTROLS.txt"])), " ")
	for _, c := range audit.StandardControls() {
		if !strings.Contains(text, c.Says) {
			t.Errorf("%s is not told whole", c.ID)
		}
	}
}

func unzip(t testing.TB, file []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]byte)
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if all[f.Name], err = io.ReadAll(in); err != nil {
			t.Fatal(err)
		}
	}
	return all
}
