package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"time"

	"github.com/klauspost/compress/flate"

	"rollcall/provisioning"
)

// packLevel is quick: what a record has most of are hashes, which no level makes smaller.
const packLevel = 1

// packer writes the container and sums what it writes.
type packer struct {
	out     io.Writer
	z       *container
	at      uint64
	sum     hash.Hash
	entries []entry
	deflate *flate.Writer
}

func newPacker(out io.Writer, at time.Time) *packer {
	return &packer{out: out, z: newContainer(at), sum: sha256.New()}
}

// Write writes to the file.
func (p *packer) Write(b []byte) (int, error) {
	n, err := p.out.Write(b)
	p.at += uint64(n) //nolint:gosec // a writer's count
	p.sum.Write(b[:n])
	return n, err
}

// marker passes bytes on and sums them, whole and in blocks.
type marker struct {
	to     io.Writer // may be nil
	whole  hash.Hash
	block  hash.Hash
	within int // of the block
	marks  []byte
	n      int64
}

func newMarker(to io.Writer) *marker {
	return &marker{to: to, whole: sha256.New(), block: sha256.New()}
}

// Write sums, and passes on.
func (m *marker) Write(b []byte) (int, error) {
	m.whole.Write(b)
	m.n += int64(len(b))
	for rest := b; len(rest) > 0; {
		piece := rest[:min(len(rest), markEvery-m.within)]
		rest = rest[len(piece):]
		m.block.Write(piece)
		if m.within += len(piece); m.within == markEvery {
			m.mark()
		}
	}
	if m.to == nil {
		return len(b), nil
	}
	return m.to.Write(b)
}

func (m *marker) mark() {
	var sum [sha256.Size]byte
	m.marks = append(m.marks, m.block.Sum(sum[:0])[:markSize]...)
	m.block.Reset()
	m.within = 0
}

// end gives the sums.
func (m *marker) end() (sum string, marks []byte) {
	if m.within > 0 {
		m.mark()
	}
	return hex.EncodeToString(m.whole.Sum(nil)), m.marks
}

// content sums what is unpacked.
type content struct {
	to  io.Writer // may be nil
	sum hash.Hash
	crc uint32
	n   int64
}

func newContent(to io.Writer) *content { return &content{to: to, sum: sha256.New()} }

// Write sums, and passes on.
func (c *content) Write(b []byte) (int, error) {
	c.sum.Write(b)
	c.crc = crc32.Update(c.crc, crc32.IEEETable, b)
	c.n += int64(len(b))
	if c.to == nil {
		return len(b), nil
	}
	return c.to.Write(b)
}

// pack writes one part, and gives its line in the list.
func (p *packer) pack(ctx context.Context, part *EvidencePart) (listed, error) {
	l := listed{Name: part.Name, Kind: part.Kind, Controls: part.Controls}
	e := entry{name: part.Name, packed: true, offset: p.at}
	if _, err := p.Write(p.z.header(&e)); err != nil {
		return l, err
	}
	packed := newMarker(p)
	if p.deflate == nil {
		var err error
		if p.deflate, err = flate.NewWriter(packed, packLevel); err != nil {
			return l, err
		}
	} else {
		p.deflate.Reset(packed)
	}
	c := newContent(p.deflate)
	if err := part.Write(ctx, c); err != nil {
		return l, err
	}
	if err := p.deflate.Close(); err != nil {
		return l, err
	}
	if c.n > mostPartSize {
		return l, &provisioning.Error{Code: provisioning.Invalid, Message: fmt.Sprintf("the part %s is too long for an evidence bundle", part.Name), Hint: "make one for a shorter period"}
	}
	l.Size, l.CRC32, l.SHA256 = c.n, c.crc, hex.EncodeToString(c.sum.Sum(nil))
	l.Packed = packed.n
	l.PackedSHA256, l.Marks = packed.end()
	was := e.offset
	e = l.entry()
	e.offset = was
	p.entries = append(p.entries, e)
	if _, err := p.Write(p.z.descriptor(&e)); err != nil {
		return l, err
	}
	return l, ctx.Err()
}

// finish writes the list, its signature and the table.
func (p *packer) finish(list, seal []byte) error {
	for _, file := range []struct {
		name string
		text []byte
	}{{evidenceList, list}, {evidenceSignature, seal}} {
		e := plainEntry(file.name, file.text)
		e.offset = p.at
		p.entries = append(p.entries, e)
		if _, err := p.Write(append(p.z.header(&e), file.text...)); err != nil {
			return err
		}
	}
	_, err := p.Write(p.z.directory(p.entries, p.at))
	return err
}
