package audit

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"
)

// The container of an evidence bundle is a ZIP file (PKWARE APPNOTE 6.3.10) of which everything but the packed bytes is a function of the
// list of contents: no comments, no extra fields but those for more than 4 GiB, no directories, one time for all. Whoever has the list can
// write each byte of it down and hold the file against that. It is written here, and not by archive/zip, so that the bytes of today are
// those of every later version.

// The parts of a ZIP file.
const (
	zipLocal       = "PK\x03\x04"
	zipDescriptor  = "PK\x07\x08"
	zipDirectory   = "PK\x01\x02"
	zipEnd         = "PK\x05\x06"
	zipEnd64       = "PK\x06\x06"
	zipLocator64   = "PK\x06\x07"
	zipLocalSize   = 30 // with no name
	zipEndSize     = 22
	zipStreamed    = 8 // the flag: sizes follow the data
	zipStore       = 0
	zipDeflate     = 8
	zipVersion     = 20
	zipVersion64   = 45
	zipExtra64     = 1
	zipExtra64Size = 24
)

// entry is one file of the container.
type entry struct {
	name   string
	packed bool // by deflate, its sizes behind its data; else as it is, its sizes before it
	crc    uint32
	size   uint64 // unpacked
	stored uint64 // as it stands in the file
	offset uint64 // of its header
}

func plainEntry(name string, content []byte) entry {
	return entry{name: name, crc: crc32.ChecksumIEEE(content), size: uint64(len(content)), stored: uint64(len(content))}
}

// end is where what follows the entry begins.
func (e *entry) end(z *container) uint64 {
	return e.data() + e.stored + uint64(len(z.descriptor(e)))
}

// data is where the entry's bytes begin.
func (e *entry) data() uint64 { return e.offset + zipLocalSize + uint64(len(e.name)) }

// container writes down the bytes between the packed ones.
type container struct {
	date, clock uint16
	most        uint64 // what 32 bits cannot say is said in 64
}

func newContainer(at time.Time) *container {
	at = at.UTC()
	year := min(max(at.Year()-1980, 0), 127)
	return &container{
		date:  uint16(year<<9 | int(at.Month())<<5 | at.Day()),        //nolint:gosec // 16 bits by the line above
		clock: uint16(at.Hour()<<11 | at.Minute()<<5 | at.Second()/2), //nolint:gosec // an hour, a minute and half a minute's seconds
		most:  math.MaxUint32,
	}
}

func (z *container) big(e *entry) bool { return e.size >= z.most || e.stored >= z.most }

func (e *entry) method() (method, flags uint16) {
	if e.packed {
		return zipDeflate, zipStreamed
	}
	return zipStore, 0
}

// common are the fields that the header and the table have alike, from the version on.
func (z *container) common(b []byte, e *entry, version uint16, crc uint32, stored, size uint32) []byte {
	method, flags := e.method()
	le := binary.LittleEndian
	for _, v := range []uint16{version, flags, method, z.clock, z.date} {
		b = le.AppendUint16(b, v)
	}
	for _, v := range []uint32{crc, stored, size} {
		b = le.AppendUint32(b, v)
	}
	return le.AppendUint16(b, uint16(len(e.name))) //nolint:gosec // names are bounded
}

// header is what stands before an entry's data.
func (z *container) header(e *entry) []byte {
	b := make([]byte, 0, zipLocalSize+len(e.name))
	b = append(b, zipLocal...)
	if e.packed {
		b = z.common(b, e, zipVersion, 0, 0, 0)
	} else {
		b = z.common(b, e, zipVersion, e.crc, uint32(e.stored), uint32(e.size)) //nolint:gosec // what is not packed is small
	}
	b = binary.LittleEndian.AppendUint16(b, 0)
	return append(b, e.name...)
}

// descriptor is what stands behind the data of a packed entry.
func (z *container) descriptor(e *entry) []byte {
	if !e.packed {
		return nil
	}
	le := binary.LittleEndian
	b := append(make([]byte, 0, 24), zipDescriptor...)
	b = le.AppendUint32(b, e.crc)
	if z.big(e) {
		return le.AppendUint64(le.AppendUint64(b, e.stored), e.size)
	}
	return le.AppendUint32(le.AppendUint32(b, uint32(e.stored)), uint32(e.size)) //nolint:gosec // not big
}

// directory is the table at the file's end, and the end itself. at is where it begins.
func (z *container) directory(entries []entry, at uint64) []byte {
	le := binary.LittleEndian
	var b []byte
	for i := range entries {
		e := &entries[i]
		big := z.big(e) || e.offset >= z.most
		version, stored, size, offset := uint16(zipVersion), e.stored, e.size, e.offset
		if big {
			version, stored, size, offset = zipVersion64, math.MaxUint32, math.MaxUint32, math.MaxUint32
		}
		b = append(b, zipDirectory...)
		b = le.AppendUint16(b, version)
		b = z.common(b, e, version, e.crc, uint32(stored), uint32(size))
		extra := 0
		if big {
			extra = 4 + zipExtra64Size
		}
		b = le.AppendUint16(b, uint16(extra))
		b = append(b, make([]byte, 2+2+2+4)...)
		b = le.AppendUint32(b, uint32(offset))
		b = append(b, e.name...)
		if big {
			b = le.AppendUint16(le.AppendUint16(b, zipExtra64), zipExtra64Size)
			for _, v := range []uint64{e.size, e.stored, e.offset} {
				b = le.AppendUint64(b, v)
			}
		}
	}
	size, n := uint64(len(b)), uint64(len(entries))
	offset, length := at, size
	if at >= z.most || size >= z.most {
		end := at + size
		b = append(b, zipEnd64...)
		b = le.AppendUint64(b, 44)
		b = le.AppendUint16(le.AppendUint16(b, zipVersion64), zipVersion64)
		b = le.AppendUint32(le.AppendUint32(b, 0), 0)
		for _, v := range []uint64{n, n, size, at} {
			b = le.AppendUint64(b, v)
		}
		b = append(b, zipLocator64...)
		b = le.AppendUint32(b, 0)
		b = le.AppendUint64(b, end)
		b = le.AppendUint32(b, 1)
		offset, length = math.MaxUint32, math.MaxUint32
	}
	b = append(b, zipEnd...)
	b = append(b, 0, 0, 0, 0)
	b = le.AppendUint16(le.AppendUint16(b, uint16(n)), uint16(n)) //nolint:gosec // parts are bounded
	b = le.AppendUint32(le.AppendUint32(b, uint32(length)), uint32(offset))
	return append(b, 0, 0)
}
