package audit

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"rollcall/provisioning"
)

// What can be done to a bundle, beyond what can be done to a record.
const (
	Swapped     Tampering = "swap"
	Renamed     Tampering = "rename"
	Appended    Tampering = "append"
	Repacked    Tampering = "repack"
	NotEvidence Tampering = "no evidence"
)

// EvidenceInside is what a reader finds in a part.
type EvidenceInside struct {
	Summary string // one line for people
	// Key is the installation's key that signed it; nil: the installation did not sign it.
	Key ed25519.PublicKey
	// Hash is by what others name it, in hex; "": the SHA-256 of the part.
	Hash string
	// Opening is the hash of the opening that a review's closing names.
	Opening string
}

// EvidenceReader reads a part of a kind and checks what it can of it by itself: its form and its own signature. What does not hold is an
// error; its text is shown to the auditor.
type EvidenceReader func(in io.Reader) (EvidenceInside, error)

// EvidenceCheck is what a bundle is held against.
type EvidenceCheck struct {
	// Check is what its records are held against; its Trusted keys are those that may have signed the bundle and what is in it. With none, the
	// bundle's key is its own word, and the report says so. Section is not used.
	Check Check
	// Readers read the parts of kinds that this package does not know from within. A kind with none is checked by its sums alone.
	Readers map[string]EvidenceReader
}

// EvidenceFinding is something that does not hold.
type EvidenceFinding struct {
	Kind     Tampering `json:"kind"`
	Part     string    `json:"part"` // its name; "" where it is the file as a whole. Raw
	Sentence string    `json:"sentence"`
}

// EvidenceSeen is a part as it was found.
type EvidenceSeen struct {
	Name     string   `json:"name"`
	Kind     string   `json:"kind"`
	Controls []string `json:"controls,omitempty"`
	Size     int64    `json:"size"`
	SHA256   string   `json:"sha256"` // as it was sealed
	Holds    bool     `json:"holds"`  // nothing was found against it
	Summary  string   `json:"summary,omitempty"`
}

// EvidenceReport is what was found. What it holds of the bundle is raw but for sentences, which are cleaned.
type EvidenceReport struct {
	Head         EvidenceHead
	Parts        []EvidenceSeen // in their order, the bundle's own among them; none where the list of contents cannot be read
	Findings     []EvidenceFinding
	Notes        []string
	Proves       []string
	DoesNotProve []string
	Key          ed25519.PublicKey // that signed the bundle; nil: none could be read
	Vouched      bool              // it is one that was given
	Size         int64
	SHA256       []byte // of the whole file
	// Records are the checks of the parts that are records, in their order.
	Records      []Verification
	Rows         int64
	Certificates int
	Reviews      int // openings and closings that were read
}

// OK reports whether nothing was found.
func (r *EvidenceReport) OK() bool { return len(r.Findings) == 0 }

// Fingerprint names the key that signed the bundle; "" where none could be read.
func (r *EvidenceReport) Fingerprint() string {
	if r.Key == nil {
		return ""
	}
	return Fingerprint(r.Key)
}

// VerifyEvidence checks a bundle with nothing but itself and, where they are given, the keys that may have signed it.
func VerifyEvidence(ctx context.Context, in io.ReaderAt, size int64, trusted ...ed25519.PublicKey) (EvidenceReport, error) {
	return EvidenceCheck{Check: Check{Trusted: trusted}}.Run(ctx, in, size)
}

// Run checks a bundle: the signature, every byte of the file, every part's sum, that none is missing, added or moved, and then what is
// inside. It is read as a stream; what is held at once does not grow with it, but for the list of contents and one signed part (256 MiB at
// most). An error is one of reading or of ctx; all that does not hold is in the report, and names the part.
func (c EvidenceCheck) Run(ctx context.Context, in io.ReaderAt, size int64) (EvidenceReport, error) {
	v := &bundleCheck{EvidenceCheck: c, in: in, size: size, bad: make(map[string]bool)}
	v.report.Size = size
	err := v.run(ctx)
	if v.failed != nil {
		err = &provisioning.Error{Code: provisioning.Unavailable, Message: "the evidence bundle cannot be read", Err: v.failed}
	}
	if err != nil {
		return v.report, err
	}
	v.say()
	return v.report, nil
}

// bundleCheck is one run.
type bundleCheck struct {
	EvidenceCheck
	in     io.ReaderAt
	size   int64
	failed error // the first error of reading that is no end
	report EvidenceReport
	bad    map[string]bool // parts against which something was found

	found  *foundList
	places []place // of the list's parts, where they stand in the file
}

// place is where the bytes of a part stand.
type place struct {
	there  bool
	at     int64 // of its data
	stored int64
	packed bool
	points []provisioning.Checkpoint // of a record, seen as it was summed; nil: not seen
}

func (v *bundleCheck) run(ctx context.Context) error {
	if err := v.locate(ctx); err != nil {
		return err
	}
	if v.found == nil {
		return v.sumAll(ctx)
	}
	list := v.found.list
	v.report.Head = list.EvidenceHead
	for i := range list.Parts {
		p := &list.Parts[i]
		v.report.Parts = append(v.report.Parts, EvidenceSeen{Name: p.Name, Kind: p.Kind, Controls: p.Controls, Size: p.Size, SHA256: p.SHA256})
	}
	v.judgeKey()
	v.places = make([]place, len(list.Parts))
	if err := v.hold(ctx); err != nil {
		return err
	}
	if err := v.inside(ctx); err != nil {
		return err
	}
	for i := range v.report.Parts {
		v.report.Parts[i].Holds = v.found.holds && !v.bad[v.report.Parts[i].Name]
	}
	return nil
}

func (v *bundleCheck) finding(kind Tampering, part, format string, args ...any) {
	v.bad[part] = true
	v.report.Findings = append(v.report.Findings, EvidenceFinding{Kind: kind, Part: part, Sentence: word(fmt.Sprintf(format, args...))})
}

// reader reads a piece of the file. What comes short of it is the file's end; an error of reading is kept.
func (v *bundleCheck) reader(ctx context.Context, at, n int64) io.Reader {
	return readerFunc(func(b []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if n <= 0 || at >= v.size {
			return 0, io.EOF
		}
		m, err := v.in.ReadAt(b[:min(int64(len(b)), n, v.size-at)], at)
		at, n = at+int64(m), n-int64(m)
		if err != nil && !errors.Is(err, io.EOF) {
			if v.failed == nil {
				v.failed = err
			}
			return m, err
		}
		if m == 0 && len(b) > 0 {
			return 0, io.EOF
		}
		return m, nil
	})
}

type readerFunc func(b []byte) (int, error)

// Read reads.
func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// bytes reads a small piece of the file; ok is false where it is not all there.
func (v *bundleCheck) bytes(ctx context.Context, at, n int64) (b []byte, ok bool) {
	if at < 0 || n < 0 || at > v.size || n > v.size-at {
		return nil, false
	}
	b = make([]byte, n)
	_, err := io.ReadFull(v.reader(ctx, at, n), b)
	return b, err == nil
}

// sumAll sums a file of which nothing else is known.
func (v *bundleCheck) sumAll(ctx context.Context) error {
	sum := sha256.New()
	if _, err := io.Copy(sum, v.reader(ctx, 0, v.size)); err != nil {
		return err
	}
	v.report.SHA256 = sum.Sum(nil)
	return nil
}

func (v *bundleCheck) trusts(key ed25519.PublicKey) bool {
	return slices.ContainsFunc(v.Check.Trusted, func(k ed25519.PublicKey) bool { return k.Equal(key) })
}

// judgeKey judges the signature over the list, and whose it is.
func (v *bundleCheck) judgeKey() {
	f := v.found
	if f.seal != nil {
		v.report.Key = f.seal.PublicKey
		v.report.Vouched = v.trusts(v.report.Key)
	}
	switch {
	case !f.holds && f.seal == nil:
		v.finding(Edited, evidenceSignature, "%s, the signature over the list of contents, was changed: it cannot be read as one", evidenceSignature)
	case !f.holds && !f.listCRC:
		v.finding(Edited, evidenceList, "%s, the list of contents, was changed: its signature does not hold, nor does its checksum", evidenceList)
	case !f.holds && !f.sealCRC:
		v.finding(Edited, evidenceSignature, "%s, the signature over the list of contents, was changed: it does not hold, nor does its checksum", evidenceSignature)
	case !f.holds:
		v.finding(Edited, evidenceList, "%s, the list of contents, was changed, or %s was exchanged: it is not what the key %s signed", evidenceList, evidenceSignature, Fingerprint(v.report.Key))
	}
	if len(v.Check.Trusted) > 0 && f.seal != nil && !v.report.Vouched {
		v.finding(OtherKey, evidenceSignature, "the bundle is signed by another key, %s, than the one that was given, %s: it was made, or made anew, by somebody else",
			Fingerprint(v.report.Key), Fingerprint(v.Check.Trusted[0]))
	}
}
