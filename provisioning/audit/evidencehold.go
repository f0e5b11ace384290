package audit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"

	"rollcall/provisioning"
)

const holdBuffer = 256 << 10

// bufferFor is how large a buffer is worth its while for so many bytes.
func bufferFor(n int64) int { return int(min(max(n, 512), holdBuffer)) }

// damage is a piece of the file that is not as the list says.
type damage struct {
	part  string // "" the table at the end
	what  string // "header", "data", "sizes", "table"
	at    int64  // where in the file it begins; of data, in the part
	last  int64  // of data: where it ends, both as packed and from 1
	named bool   // the name in a header is another one
	short bool   // the file ends in it
}

// holder goes over a file as the list says that it must be.
type holder struct {
	*bundleCheck
	z       *container
	in      *bufio.Reader
	at      int64 // in the file
	damages []damage
	unpack  io.ReadCloser
}

// hold holds every byte of the file against the list of contents. Where something is amiss, it finds out what was done.
func (v *bundleCheck) hold(ctx context.Context) error {
	sum := sha256.New()
	whole := io.TeeReader(v.reader(ctx, 0, v.size), sum)
	h := &holder{bundleCheck: v, z: newContainer(v.found.list.Made), in: bufio.NewReaderSize(whole, bufferFor(v.size))}
	entries, should := v.expected(h.z)
	list := v.found.list
	for i := range list.Parts {
		e := &entries[i]
		h.exact(h.z.header(e), e.name, "header")
		h.part(i, e)
		h.exact(h.z.descriptor(e), e.name, "sizes")
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	for i, text := range [][]byte{v.found.text, v.found.sealText} {
		e := &entries[len(list.Parts)+i]
		h.exact(h.z.header(e), e.name, "header")
		h.exact(text, e.name, "data")
	}
	h.exact(h.z.directory(entries, uint64(h.at)), "", "table") //nolint:gosec // a place in a file
	if _, err := io.Copy(io.Discard, h.in); err != nil {
		return err
	}
	v.report.SHA256 = sum.Sum(nil)
	if v.failed != nil {
		return v.failed
	}
	if len(h.damages) == 0 && v.size == should {
		return nil
	}
	return h.explain(ctx, entries, should)
}

// expected are the entries of the file with their places, and how long it must be.
func (v *bundleCheck) expected(z *container) (entries []entry, size int64) {
	list := v.found.list
	for i := range list.Parts {
		entries = append(entries, list.Parts[i].entry())
	}
	entries = append(entries, plainEntry(evidenceList, v.found.text), plainEntry(evidenceSignature, v.found.sealText))
	var at uint64
	for i := range entries {
		entries[i].offset = at
		at = entries[i].end(z)
	}
	return entries, int64(at) + int64(len(z.directory(entries, at)))
}

// exact holds the next bytes against what they must be.
func (h *holder) exact(want []byte, part, what string) {
	got := make([]byte, len(want))
	n, _ := io.ReadFull(h.in, got)
	if n < len(want) || !bytes.Equal(got, want) {
		at := 0
		for at < n && got[at] == want[at] {
			at++
		}
		d := damage{part: part, what: what, at: h.at + int64(at), last: h.at + int64(at), short: n < len(want) && at == n}
		d.named = what == "header" && n == len(want) && !bytes.Equal(got[zipLocalSize:], want[zipLocalSize:]) && part != evidenceList && part != evidenceSignature
		h.damages = append(h.damages, d)
	}
	h.at += int64(len(want))
}

// part holds a part's bytes against their sums, packed and unpacked.
func (h *holder) part(i int, e *entry) {
	p := &h.found.list.Parts[i]
	limited := &io.LimitedReader{R: h.in, N: p.Packed}
	packed := newMarker(nil)
	tee := bufio.NewReaderSize(io.TeeReader(limited, packed), min(16<<10, bufferFor(p.Packed)))
	var seen *pointCatcher
	c := newContent(nil)
	if p.Kind == PartRecord {
		seen = &pointCatcher{}
		c.to = seen
	}
	whole := h.inflate(c, tee, p.Size) == nil
	_, _ = io.Copy(io.Discard, tee) // what comes short shows in the sum
	sum, marks := packed.end()
	h.at += p.Packed
	h.places[i] = place{there: true, at: int64(e.data()), stored: p.Packed, packed: true} //nolint:gosec // parts are bounded
	switch {
	case sum != p.PackedSHA256:
		first, last := differ(marks, p.Marks)
		h.damages = append(h.damages, damage{part: p.Name, what: "data", at: first, last: min(last, p.Packed), short: limited.N > 0 && first > packed.n-markEvery})
	case !whole || c.n != p.Size || c.crc != p.CRC32 || hex.EncodeToString(c.sum.Sum(nil)) != p.SHA256:
		// The packed bytes are as they were sealed: whoever sealed them had another sum in the list.
		h.finding(Edited, p.Name, "part %s: its content is not what the list of contents says of it, though its packed bytes are", p.Name)
	case seen != nil:
		h.places[i].points = seen.caught()
	}
}

// inflate unpacks a part, at most as much as it may have and one byte.
func (h *holder) inflate(to io.Writer, from io.Reader, most int64) error {
	if h.unpack == nil {
		h.unpack = flate.NewReader(from)
	} else if err := h.unpack.(flate.Resetter).Reset(from, nil); err != nil { //nolint:forcetypeassert // flate's own promise
		return err
	}
	_, err := io.Copy(to, io.LimitReader(h.unpack, most+1))
	return err
}

// differ says between which bytes, from 1, two rows of marks differ: to the end of the block of the last one that does.
func differ(got, want []byte) (first, last int64) {
	blocks := max(len(got), len(want)) / markSize
	mark := func(of []byte, i int) string {
		if (i+1)*markSize > len(of) {
			return ""
		}
		return string(of[i*markSize : (i+1)*markSize])
	}
	first, last = 1, int64(blocks)*markEvery
	for i := range blocks {
		if mark(got, i) != mark(want, i) {
			first = int64(i)*markEvery + 1
			break
		}
	}
	for i := blocks - 1; i >= 0; i-- {
		if mark(got, i) != mark(want, i) {
			last = int64(i+1) * markEvery
			break
		}
	}
	return first, last
}

// mostDamages is how many damages are told one by one where nothing was done to the parts.
const mostDamages = 3

// explain says what was done to a file that is not as its list says: from what stands where, and where that tells nothing from the damages
// themselves. No damage goes without a finding.
func (h *holder) explain(ctx context.Context, entries []entry, should int64) error {
	before := len(h.report.Findings)
	moved, cut := h.size != should, true
	for _, d := range h.damages {
		moved = moved || d.what == "data" || d.named
		cut = cut && d.short
	}
	switch {
	case len(h.damages) == 0 && h.size > should:
		h.finding(Appended, "", "%s bytes follow the end of the bundle, from byte %s of the file on: they are no part of it", Count(h.size-should), Count(should+1))
		return nil
	case len(h.damages) > 0 && cut && h.size < should:
		h.finding(TailCut, "", "the file's end is cut: it has %s bytes and had %s", Count(h.size), Count(should))
		return nil
	case moved:
		if err := h.walk(ctx, entries, should); err != nil {
			return err
		}
	}
	if len(h.report.Findings) > before {
		return nil
	}
	if moved && len(h.damages) > mostDamages {
		h.finding(Repacked, "", "the file was packed anew: its parts are as they were sealed, and the bytes between them are another program's")
		return nil
	}
	for _, d := range h.damages {
		h.tell(&d)
	}
	if len(h.report.Findings) == before {
		h.finding(Edited, "", "the file is not as it was sealed: it has %s bytes and had %s", Count(h.size), Count(should))
	}
	return nil
}

// tell says a damage by itself.
func (h *holder) tell(d *damage) {
	switch {
	case d.part == "":
		h.finding(Edited, "", "the table at the file's end was changed: byte %s of the file is not what was written", Count(d.at+1))
	case d.what == "data" && (d.part == evidenceList || d.part == evidenceSignature):
		h.finding(Edited, d.part, "%s stands elsewhere than where it was written", d.part)
	case d.what == "data":
		h.changed(d.part, d.at, d.last)
	case d.what == "sizes":
		h.finding(Edited, d.part, "part %s: byte %s of the file, in the sizes behind it, was changed", d.part, Count(d.at+1))
	default:
		h.finding(Edited, d.part, "part %s: byte %s of the file, in the header before it, was changed", d.part, Count(d.at+1))
	}
}

func (h *holder) changed(part string, first, last int64) {
	where := fmt.Sprintf("between bytes %s and %s", Count(first), Count(last))
	if first >= last {
		where = "at byte " + Count(first)
	}
	h.finding(Edited, part, "part %s is not as it was sealed: it was changed %s of it as packed", part, where)
}

// The bounds of the checkpoints that are kept while a record is summed.
const (
	mostPointLine = 16 << 10
	mostPoints    = 64 << 20
)

// pointCatcher takes the checkpoints out of a record that passes by, so that it need not be unpacked once more for them. Where there is
// anything unusual it gives up, and they are read in their own walk.
type pointCatcher struct {
	line   []byte // what is known of the line so far, where it is no row
	skip   bool   // the line is a row
	first  bool   // the first line is over
	gaveUp bool
	size   int
	points []provisioning.Checkpoint
}

// Write looks at a piece of the record.
func (p *pointCatcher) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 && !p.gaveUp {
		end := bytes.IndexByte(b, '\n')
		piece := b
		if end >= 0 {
			piece = b[:end]
			b = b[end+1:]
		} else {
			b = nil
		}
		if !p.skip {
			p.line = append(p.line, piece[:min(len(piece), mostPointLine+1)]...)
			p.skip = bytes.HasPrefix(p.line, []byte(beginsRow))
			p.gaveUp = !p.skip && len(p.line) > mostPointLine
		}
		if end >= 0 {
			p.take()
		}
	}
	return n, nil
}

func (p *pointCatcher) take() {
	if p.first && !p.skip && !p.gaveUp {
		var l bundleLine
		if p.gaveUp = strictly(p.line, &l) != nil; l.Checkpoint != nil {
			p.points = append(p.points, *l.Checkpoint)
			p.size += len(p.line)
		}
		p.gaveUp = p.gaveUp || p.size > mostPoints
	}
	p.line, p.skip, p.first = p.line[:0], false, true
}

// caught are the checkpoints; nil where they must be read.
func (p *pointCatcher) caught() []provisioning.Checkpoint {
	if p.gaveUp || len(p.line) > 0 || p.skip {
		return nil
	}
	return append([]provisioning.Checkpoint{}, p.points...)
}
