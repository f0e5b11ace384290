package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"rollcall/provisioning"
)

// An evidence bundle is one file that an auditor keeps: a section of the record, snapshots, reviews, certificates, the policy, in parts.
//
// It is a ZIP file, for three reasons: every desk opens one with what it has (Windows too, where there is no tar); its parts are written as
// they come, with no spooling, since a ZIP says the sizes behind the data; and its table at the end lets one part be read alone. A ZIP has
// many bytes that no checksum covers (headers, times, table, slack). So only one form of each is allowed here (see container): the list of
// contents, manifest.json, says of every part the name, kind, size, SHA-256, packed size and packed SHA-256, in order; all other bytes
// follow from it, and are held against what they must be, byte for byte. The list is signed by Ed25519, in manifest.sig, over the statement
// "rollcall evidence 1" and the list, each behind its length.
//
// The order: README.txt, CONTROLS.txt, the parts, SHA256SUMS (for sha256sum -c), manifest.json, manifest.sig, the table.

// The kinds of parts that a caller gives.
const (
	PartRecord        = "record"
	PartSnapshot      = "snapshot"
	PartReviewOpening = "review opening"
	PartReviewClosing = "review closing"
	PartDecisions     = "review decisions"
	PartCertificate   = "certificate"
	PartPolicy        = "policy"
	PartReport        = "report"
	PartApprovals     = "approvals"
	PartPacketAnswer  = "packet answer"
)

// The files that the bundle has of itself, and their kinds.
const (
	evidenceReadme    = "README.txt"
	evidenceControls  = "CONTROLS.txt"
	evidenceSums      = "SHA256SUMS"
	evidenceList      = "manifest.json"
	evidenceSignature = "manifest.sig"

	partReadme   = "readme"
	partControls = "controls"
	partSums     = "checksums"
)

// The bounds of a bundle.
const (
	evidenceFormat    = 1
	evidenceStatement = "rollcall evidence 1"
	mostParts         = 10_000
	mostPartName      = 120
	mostList          = 32 << 20 // threats C5
	markEvery         = 4 << 10
	markSize          = 8
)

// EvidenceHead says what a bundle is. All strings are raw.
type EvidenceHead struct {
	Firm    string    `json:"firm"`
	From    time.Time `json:"from"` // the period
	To      time.Time `json:"to"`
	Made    time.Time `json:"made"`
	By      string    `json:"by"`      // who had it made
	Program string    `json:"program"` // its version
	Notes   []string  `json:"notes,omitempty"`
	// Controls are what parts are mapped to; nil: StandardControls.
	Controls []EvidenceControl `json:"controls"`
}

// EvidenceControl is a control of a standard, and what a bundle says on it.
type EvidenceControl struct {
	ID    string `json:"id"`    // "SOC 2 CC6.1"
	Title string `json:"title"` // what the standard asks, in short
	Says  string `json:"says"`  // one honest sentence: what the parts show of it, and what not
}

// EvidencePart is one file of a bundle.
type EvidencePart struct {
	Name     string // its path inside: letters, digits, ".", "-", "_" between slashes
	Kind     string
	Controls []string // IDs of the head's controls that it bears on
	Write    func(ctx context.Context, w io.Writer) error
}

// EvidenceDone says what was written.
type EvidenceDone struct {
	Parts       int    // those that were given
	Size        int64  // of the file
	Content     int64  // of the parts, unpacked
	SHA256      []byte // of the whole file: whoever notes it needs no signature
	Fingerprint string // of the key
}

// RecordPart makes the part of the rows from one number to another (Export).
func RecordPart(name string, src Source, from, to int64, controls ...string) EvidencePart {
	return EvidencePart{Name: name, Kind: PartRecord, Controls: controls, Write: func(ctx context.Context, w io.Writer) error {
		_, err := Export(ctx, w, src, from, to)
		return err
	}}
}

// listed is one part in the list of contents.
type listed struct {
	Name         string   `json:"name"`
	Kind         string   `json:"kind"`
	Controls     []string `json:"controls,omitempty"`
	Size         int64    `json:"size"`
	SHA256       string   `json:"sha256"`
	Packed       int64    `json:"packed"`
	PackedSHA256 string   `json:"packed_sha256"`
	CRC32        uint32   `json:"crc32"`
	// Marks are the first 8 bytes of the SHA-256 of every 4 KiB of the packed bytes: they tell where a part was changed.
	Marks []byte `json:"marks"`
}

func (l *listed) entry() entry {
	return entry{name: l.Name, packed: true, crc: l.CRC32, size: uint64(l.Size), stored: uint64(l.Packed)} //nolint:gosec // neither is negative: readList
}

// contents is the list.
type contents struct {
	Format int `json:"rollcall_evidence"`
	EvidenceHead
	Parts []listed `json:"parts"`
}

// write gives the one form of the list.
func (c *contents) write() ([]byte, error) {
	text, err := json.MarshalIndent(c, "", " ")
	return append(text, '\n'), err
}

// sealed is the file with the signature.
type sealed struct {
	Statement string `json:"statement"`
	PublicKey []byte `json:"public_key"`
	Signature []byte `json:"signature"`
}

func (s *sealed) write() ([]byte, error) {
	text, err := json.Marshal(s)
	return append(text, '\n'), err
}

// evidenceSigned is the bytes that the signature is over.
func evidenceSigned(list []byte) []byte {
	var b []byte
	for _, part := range [][]byte{[]byte(evidenceStatement), list} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(part)))
		b = append(b, part...)
	}
	return b
}

// WriteEvidence writes a bundle as its parts come: nothing is held but a list of them. What cannot be is Invalid; an error of a part's
// Write is given as it is, and what was written by then is of no use.
func WriteEvidence(ctx context.Context, out io.Writer, head EvidenceHead, parts []EvidencePart, signer provisioning.Signer) (EvidenceDone, error) {
	if head.Controls == nil {
		head.Controls = StandardControls()
	}
	if err := mayBeWritten(&head, parts); err != nil {
		return EvidenceDone{}, err
	}
	head = head.asListed()
	key := signer.Public()
	p := newPacker(out, head.Made)
	own := func(name, kind, text string) EvidencePart {
		return EvidencePart{Name: name, Kind: kind, Write: func(_ context.Context, w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		}}
	}
	all := append([]EvidencePart{
		own(evidenceReadme, partReadme, readme(&head, parts, key)), own(evidenceControls, partControls, controlsText(&head, parts)),
	}, parts...)
	list := contents{Format: evidenceFormat, EvidenceHead: head, Parts: make([]listed, 0, len(all)+1)}
	pack := func(part *EvidencePart) error {
		one, err := p.pack(ctx, part)
		list.Parts = append(list.Parts, one)
		return err
	}
	for i := range all {
		if err := pack(&all[i]); err != nil {
			return EvidenceDone{}, err
		}
	}
	sums := own(evidenceSums, partSums, sumsText(list.Parts))
	if err := pack(&sums); err != nil {
		return EvidenceDone{}, err
	}
	text, err := list.write()
	if err != nil {
		return EvidenceDone{}, err
	}
	if len(text) > mostList {
		return EvidenceDone{}, unwritable("its list of contents would be too long", "make one for a shorter period")
	}
	signature, err := signer.Sign(ctx, evidenceSigned(text))
	if err != nil {
		return EvidenceDone{}, &provisioning.Error{Code: provisioning.Unavailable, Message: "the evidence could not be signed", Hint: "see where the signing key is kept", Err: err}
	}
	seal, err := (&sealed{Statement: evidenceStatement, PublicKey: key, Signature: signature}).write()
	if err != nil {
		return EvidenceDone{}, err
	}
	if err := p.finish(text, seal); err != nil {
		return EvidenceDone{}, err
	}
	done := EvidenceDone{Parts: len(parts), Size: int64(p.at), SHA256: p.sum.Sum(nil), Fingerprint: Fingerprint(key)} //nolint:gosec // a file's size
	for i := range list.Parts {
		done.Content += list.Parts[i].Size
	}
	return done, nil
}

// asListed is the head as JSON can say it, and says it again: its strings are valid UTF-8, its times UTC.
func (h EvidenceHead) asListed() EvidenceHead {
	valid := func(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
	h.From, h.To, h.Made = h.From.UTC(), h.To.UTC(), h.Made.UTC()
	h.Firm, h.By, h.Program = valid(h.Firm), valid(h.By), valid(h.Program)
	h.Notes = slices.Clone(h.Notes)
	for i := range h.Notes {
		h.Notes[i] = valid(h.Notes[i])
	}
	return h
}

func unwritable(why, hint string) error {
	return &provisioning.Error{Code: provisioning.Invalid, Message: "no evidence bundle can be made: " + why, Hint: hint}
}

// mayBeWritten refuses what no bundle may be.
func mayBeWritten(head *EvidenceHead, parts []EvidencePart) error {
	const ours = "this is a fault of the program: tell whoever looks after it"
	if head.Made.IsZero() || head.By == "" || head.To.Before(head.From) {
		return unwritable("it needs a period, a time, and who had it made", ours)
	}
	if len(parts) > mostParts-3 {
		return unwritable(fmt.Sprintf("%d parts are too many", len(parts)), "make one for a shorter period")
	}
	known := make(map[string]bool)
	for _, c := range head.Controls {
		if known[c.ID] || !utf8.ValidString(c.ID+c.Title+c.Says) {
			return unwritable(fmt.Sprintf("the control %q is there twice, or is no text", c.ID), ours)
		}
		known[c.ID] = true
	}
	taken := ownNames()
	for i := range parts {
		p := &parts[i]
		if !safeName(p.Name) || taken[strings.ToLower(p.Name)] {
			return unwritable(fmt.Sprintf("%q is no name of a part, or is taken", p.Name), ours)
		}
		taken[strings.ToLower(p.Name)] = true
		if !slices.Contains(partKinds(), p.Kind) || p.Write == nil {
			return unwritable(fmt.Sprintf("the part %q is of no known kind", p.Name), ours)
		}
		for _, id := range p.Controls {
			if !known[id] {
				return unwritable(fmt.Sprintf("the part %q names a control that is not there, %q", p.Name, id), ours)
			}
		}
	}
	for i := range parts {
		folder := strings.ToLower(parts[i].Name)
		for cut := strings.LastIndexByte(folder, '/'); cut >= 0; cut = strings.LastIndexByte(folder, '/') {
			if folder = folder[:cut]; taken[folder] {
				return unwritable(fmt.Sprintf("%q would be a part and a folder", folder), ours)
			}
		}
	}
	return nil
}

// partKinds are the kinds that a caller may give.
func partKinds() []string {
	return []string{
		PartRecord, PartSnapshot, PartReviewOpening, PartReviewClosing, PartDecisions, PartCertificate, PartPolicy, PartReport, PartApprovals, PartPacketAnswer,
	}
}

// ownNames are taken, in lower case: some file systems do not tell the cases apart.
func ownNames() map[string]bool {
	taken := make(map[string]bool)
	for _, name := range []string{evidenceReadme, evidenceControls, evidenceSums, evidenceList, evidenceSignature} {
		taken[strings.ToLower(name)] = true
	}
	return taken
}

// safeName reports whether a name can be unpacked anywhere, and nowhere else than where it says.
func safeName(name string) bool {
	if name == "" || len(name) > mostPartName {
		return false
	}
	for piece := range strings.SplitSeq(name, "/") {
		if piece == "" || piece[0] == '.' || piece[0] == '-' || piece[len(piece)-1] == '.' {
			return false
		}
		for i := range len(piece) {
			c := piece[i]
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

func sumsText(parts []listed) string {
	var b strings.Builder
	for i := range parts {
		fmt.Fprintf(&b, "%s  %s\n", parts[i].SHA256, parts[i].Name)
	}
	return b.String()
}

// readList reads a list of contents in its one form. What it says is within bounds.
func readList(text []byte) (*contents, error) {
	c := &contents{}
	if err := strictly(text, c); err != nil {
		return nil, err
	}
	again, err := c.write()
	if err != nil || !bytes.Equal(again, text) {
		return nil, notABundle("its list of contents is not as it was written", err)
	}
	taken := make(map[string]bool)
	bad := c.Format != evidenceFormat || len(c.Parts) > mostParts || !c.own()
	for i := range c.Parts {
		p := &c.Parts[i]
		blocks := (p.Packed + markEvery - 1) / markEvery
		bad = bad || !safeName(p.Name) || taken[strings.ToLower(p.Name)] || p.Name == evidenceList || p.Name == evidenceSignature ||
			p.Size < 0 || p.Packed < 0 || p.Size > mostPartSize || p.Packed > mostPartSize || int64(len(p.Marks)) != blocks*markSize ||
			!isSum(p.SHA256) || !isSum(p.PackedSHA256)
		taken[strings.ToLower(p.Name)] = true
	}
	if bad {
		return nil, notABundle("its list of contents says what cannot be", nil)
	}
	return c, nil
}

// own reports whether the bundle's own files are where they must be, and its checksums those of the list.
func (c *contents) own() bool {
	last := len(c.Parts) - 1
	if last < 2 || c.Parts[0].Name != evidenceReadme || c.Parts[1].Name != evidenceControls || c.Parts[last].Name != evidenceSums {
		return false
	}
	sum := sha256.Sum256([]byte(sumsText(c.Parts[:last])))
	return c.Parts[last].SHA256 == hex.EncodeToString(sum[:])
}

// mostPartSize bounds a part, packed and unpacked: more than a hundred million rows.
const mostPartSize = 64 << 30

func isSum(text string) bool {
	raw, err := hex.DecodeString(text)
	return err == nil && len(raw) == sha256.Size
}

// readSeal reads the file with the signature in its one form.
func readSeal(text []byte) (*sealed, error) {
	s := &sealed{}
	if err := strictly(text, s); err != nil {
		return nil, err
	}
	again, err := s.write()
	if err != nil || !bytes.Equal(again, text) || s.Statement != evidenceStatement || len(s.PublicKey) != ed25519.PublicKeySize {
		return nil, notABundle("its signature is not as it was written", err)
	}
	return s, nil
}
