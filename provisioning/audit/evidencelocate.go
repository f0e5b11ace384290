package audit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"

	"github.com/klauspost/compress/flate"
)

// mostCandidates bounds how many lists of contents are tried in a file that has been tampered with.
const mostCandidates = 16

// foundList is the list of contents as it was found in a file.
type foundList struct {
	at   int64 // of its header
	text []byte
	list *contents
	// seal is nil, and sealText as it stands there, where it is none.
	seal     *sealed
	sealText []byte
	holds    bool // the signature, of the seal's own key
	listCRC  bool // the checksums in the headers are those of the bytes
	sealCRC  bool
}

// spot is where a list and its signature may be: their headers, and how many bytes of the file the list has. -1 is unknown.
type spot struct{ at, n, seal int64 }

// sealLength is how long every file with a signature is.
func sealLength() int64 {
	text, err := (&sealed{Statement: evidenceStatement, PublicKey: make([]byte, ed25519.PublicKeySize), Signature: make([]byte, ed25519.SignatureSize)}).write()
	if err != nil {
		return 0
	}
	return int64(len(text))
}

// locate finds the list of contents: where the table at the end says, else wherever it is. The one whose signature holds counts, else the
// first that can be read. With none the report says so.
func (v *bundleCheck) locate(ctx context.Context) error {
	best, cut := v.best(ctx, v.byTable(ctx))
	if best == nil || !best.holds {
		spots, err := v.bySearch(ctx)
		if err != nil {
			return err
		}
		other, otherCut := v.best(ctx, spots)
		cut = cut || otherCut
		if best == nil || (other != nil && other.holds) {
			best = other
		}
	}
	if best != nil && best.list != nil {
		v.found = best
		return ctx.Err()
	}
	begin, _ := v.bytes(ctx, 0, min(4, v.size))
	switch {
	case v.failed != nil || ctx.Err() != nil:
	case cut:
		v.finding(TailCut, "", "the file's end is cut: it ends at byte %s, before the end of its list of contents (%s) and of the signature over it", Count(v.size), evidenceList)
	case best != nil:
		v.finding(Edited, evidenceList, "%s, the list of contents, was changed: it cannot be read as one, and no part can be held against it", evidenceList)
	case v.size == 0:
		v.finding(TailCut, "", "the file is empty: all of it is cut")
	case bytes.HasPrefix([]byte(zipLocal), begin):
		v.finding(TailCut, "", "the file's end is cut, or it is no evidence bundle: it ends at byte %s, and its list of contents (%s) is missing", Count(v.size), evidenceList)
	default:
		v.finding(NotEvidence, "", "this is no evidence bundle of rollcall")
	}
	return ctx.Err()
}

// IsEvidence reports whether a file is an evidence bundle, or was one before somebody changed it.
func IsEvidence(ctx context.Context, in io.ReaderAt, size int64) bool {
	v := &bundleCheck{in: in, size: size}
	if begin, ok := v.bytes(ctx, 0, 4); ok && string(begin) == zipLocal {
		return true
	}
	spots, err := v.bySearch(ctx)
	return err == nil && len(spots) > 0
}

// best reads the lists at some places. cut: one is not all there.
func (v *bundleCheck) best(ctx context.Context, spots []spot) (best *foundList, cut bool) {
	for _, s := range spots {
		f, short := v.listAt(ctx, s)
		cut = cut || short
		switch {
		case f == nil:
		case f.holds:
			return f, false
		case best == nil || (best.list == nil && f.list != nil):
			best = f
		}
	}
	return best, cut
}

// listAt reads the list at a place, and its signature: as rollcall writes them, else as their own headers say.
func (v *bundleCheck) listAt(ctx context.Context, s spot) (f *foundList, cut bool) {
	for _, byHeader := range []bool{false, true} {
		list := v.member(ctx, evidenceList, s.at, s.n, mostList, byHeader)
		seal := s.seal
		if seal < 0 || !byHeader {
			seal = list.end
		}
		signature := v.member(ctx, evidenceSignature, seal, sealLength(), sealLength(), byHeader)
		cut = cut || list.short || (signature.short && !byHeader && list.text != nil)
		if list.text == nil || signature.short {
			continue
		}
		one := &foundList{at: s.at, text: list.text, listCRC: list.crc, sealText: signature.text, sealCRC: signature.crc}
		if read, err := readList(list.text); err == nil {
			one.list = read
		}
		if read, err := readSeal(signature.text); err == nil {
			one.seal = read
			one.holds = one.list != nil && ed25519.Verify(read.PublicKey, evidenceSigned(list.text), read.Signature)
		}
		if one.holds {
			return one, false
		}
		if f == nil || (f.list == nil && one.list != nil) || (f.seal == nil && one.seal != nil) {
			f = one
		}
	}
	return f, cut
}

// memberText is one small file of the container.
type memberText struct {
	text  []byte // nil: it cannot be read
	crc   bool   // the checksum in its header is that of its bytes, or comes later
	end   int64  // where what follows it begins, by the way of reading
	short bool   // the file ends in it
}

// member reads a small file whose header is at a place: as rollcall writes it, not packed and n bytes long, or as its own header says.
func (v *bundleCheck) member(ctx context.Context, name string, at, n, most int64, byHeader bool) (m memberText) {
	le := binary.LittleEndian
	if at < 0 || at > v.size {
		return m
	}
	data := at + zipLocalSize + int64(len(name))
	header, ok := v.bytes(ctx, at, zipLocalSize)
	if !ok {
		m.short = v.failed == nil && ctx.Err() == nil
		return m
	}
	streamed := byHeader && le.Uint16(header[6:])&zipStreamed != 0
	if byHeader {
		data = at + zipLocalSize + int64(le.Uint16(header[26:])) + int64(le.Uint16(header[28:]))
		if !streamed {
			n = int64(le.Uint32(header[18:]))
		}
	}
	switch {
	case byHeader && le.Uint16(header[8:]) == zipDeflate && data <= v.size:
		text, err := io.ReadAll(io.LimitReader(flate.NewReader(bufio.NewReader(v.reader(ctx, data, v.size-data))), most+1))
		if err != nil || int64(len(text)) > most {
			return m
		}
		m.text = text
	case n < 2 || n > most:
		return m
	default:
		text, ok := v.bytes(ctx, data, n)
		if !ok {
			m.short = v.failed == nil && ctx.Err() == nil
			return m
		}
		m.text, m.end = text, data+n
	}
	m.crc = streamed || le.Uint32(header[14:]) == crc32.ChecksumIEEE(m.text)
	return m
}

// byTable finds the list by the table at the file's end.
func (v *bundleCheck) byTable(ctx context.Context) []spot {
	le := binary.LittleEndian
	end, ok := v.bytes(ctx, v.size-zipEndSize, zipEndSize)
	if !ok || string(end[:4]) != zipEnd {
		return nil
	}
	size, at := int64(le.Uint32(end[12:])), int64(le.Uint32(end[16:]))
	if at == math.MaxUint32 {
		locator, ok := v.bytes(ctx, v.size-zipEndSize-20, 20)
		if !ok || string(locator[:4]) != zipLocator64 {
			return nil
		}
		end, ok := v.bytes(ctx, int64(le.Uint64(locator[8:])), 56) //nolint:gosec // what is below nothing is not there
		if !ok || string(end[:4]) != zipEnd64 {
			return nil
		}
		size, at = int64(le.Uint64(end[40:])), int64(le.Uint64(end[48:])) //nolint:gosec // as above
	}
	if size > mostParts*(zipLocalSize+16+mostPartName+4+zipExtra64Size) {
		return nil
	}
	table, ok := v.bytes(ctx, at, size)
	if !ok {
		return nil
	}
	s := spot{at: -1, n: -1, seal: -1}
	for len(table) >= 46 && string(table[:4]) == zipDirectory {
		name, extra := int(le.Uint16(table[28:])), int(le.Uint16(table[30:]))
		if len(table) < 46+name+extra {
			return nil
		}
		at, n := int64(le.Uint32(table[42:])), int64(le.Uint32(table[20:]))
		if more := table[46+name : 46+name+extra]; extra == 4+zipExtra64Size {
			n, at = int64(le.Uint64(more[12:])), int64(le.Uint64(more[20:])) //nolint:gosec // listAt bounds both
		}
		switch string(table[46 : 46+name]) {
		case evidenceList:
			s.at, s.n = at, n
		case evidenceSignature:
			s.seal = at
		}
		table = table[46+name+extra:]
	}
	if s.at < 0 {
		return nil
	}
	return []spot{s}
}

// bySearch finds the headers of lists anywhere in the file, the last first. Where the header of a signature follows, the list ends there;
// else where its own header says.
func (v *bundleCheck) bySearch(ctx context.Context) (spots []spot, err error) {
	list, seals := []int64(nil), []int64(nil)
	err = v.search(ctx, 0, func(at int64, name string) bool {
		switch name {
		case evidenceList:
			list = append(list, at)
		case evidenceSignature:
			seals = append(seals, at)
		}
		if len(list) > mostCandidates {
			list = list[1:]
		}
		if len(seals) > 4*mostCandidates {
			seals = seals[1:]
		}
		return true
	}, map[string]bool{evidenceList: true, evidenceSignature: true})
	head := int64(zipLocalSize + len(evidenceList))
	for i := len(list) - 1; i >= 0; i-- {
		at := list[i]
		s := spot{at: at, n: -1, seal: -1}
		if header, ok := v.bytes(ctx, at, head); ok {
			s.n = int64(binary.LittleEndian.Uint32(header[18:]))
		}
		for _, seal := range seals {
			if seal > at+head {
				s.n, s.seal = seal-at-head, seal
				break
			}
		}
		spots = append(spots, s)
	}
	return spots, err
}

// search tells where in the file headers of these names stand, from a place on, until it hears false.
func (v *bundleCheck) search(ctx context.Context, from int64, tell func(at int64, name string) bool, known map[string]bool) error {
	const window, overlap = 64 << 10, zipLocalSize + mostPartName
	in := v.reader(ctx, from, v.size-from)
	buf := make([]byte, 0, min(window, max(0, v.size-from)+1)+overlap)
	for {
		n, err := io.ReadFull(in, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return err
		}
		usable := len(buf) - overlap
		if last {
			usable = len(buf)
		}
		for at := 0; ; at++ {
			next := bytes.Index(buf[at:], []byte(zipLocal))
			if next < 0 || at+next >= usable {
				break
			}
			at += next
			if rest := buf[at:]; len(rest) > zipLocalSize {
				name := int(binary.LittleEndian.Uint16(rest[26:]))
				if len(rest) >= zipLocalSize+name && known[string(rest[zipLocalSize:zipLocalSize+name])] && !tell(from+int64(at), string(rest[zipLocalSize:zipLocalSize+name])) {
					return nil
				}
			}
		}
		if last {
			return nil
		}
		keep := max(usable, 0)
		from += int64(keep)
		buf = append(buf[:0], buf[keep:]...)
	}
}
