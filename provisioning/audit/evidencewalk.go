package audit

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"io"
	"slices"
)

// actual is a file as it stands in a container that somebody may have packed anew.
type actual struct {
	name   string
	data   int64
	stored int64
	packed bool
	sum    string // SHA-256 of the content; "" where it cannot be unpacked
	marks  []byte
	whole  string // SHA-256 as packed
}

// walk goes over a file whose bytes are not where the list says, from one header to the next, and names what was done to its parts.
func (h *holder) walk(ctx context.Context, entries []entry, should int64) error {
	order, gap, err := h.actuals(ctx, entries)
	if err != nil {
		return err
	}
	list := h.found.list
	there := make(map[string]*actual, len(order))
	var extra []*actual
	for i := range order {
		a := &order[i]
		known := a.name == evidenceList || a.name == evidenceSignature || slices.ContainsFunc(list.Parts, func(p listed) bool { return p.Name == a.name })
		if !known || there[a.name] != nil {
			extra = append(extra, a)
			continue
		}
		there[a.name] = a
	}
	swapped := h.contents(there, extra)
	h.extras(there, extra)
	if !swapped {
		h.order(order, entries)
	}
	if gap.n > 0 {
		h.finding(Inserted, "", "%s bytes that belong to no part stand in the file from byte %s on", Count(gap.n), Count(gap.at+1))
	}
	if end, ok := h.bytes(ctx, h.size-zipEndSize, zipEndSize); h.size < should && (!ok || string(end[:4]) != zipEnd) {
		h.finding(TailCut, "", "the file's end is cut: it has %s bytes and had %s", Count(h.size), Count(should))
	}
	return nil
}

// contents holds every part of the list against what stands under its name.
func (h *holder) contents(there map[string]*actual, extra []*actual) (swapped bool) {
	list := h.found.list
	by := make(map[string]string) // sum → the part's name
	for i := range list.Parts {
		by[list.Parts[i].SHA256] = list.Parts[i].Name
	}
	for i := range list.Parts {
		p := &list.Parts[i]
		a := there[p.Name]
		if a == nil {
			h.places[i] = place{}
			if at := slices.IndexFunc(extra, func(x *actual) bool { return x.sum == p.SHA256 && x.name != "" && x.name != p.Name }); at >= 0 {
				h.finding(Renamed, p.Name, "part %s was renamed: it is there as %s", p.Name, extra[at].name)
				extra[at].name = ""
				continue
			}
			h.finding(Dropped, p.Name, "part %s was dropped: it is in the list of contents and not in the file", p.Name)
			continue
		}
		if a.whole != p.PackedSHA256 || h.places[i].at != a.data {
			h.places[i] = place{there: true, at: a.data, stored: a.stored, packed: a.packed}
		}
		other := by[a.sum]
		switch {
		case a.sum == p.SHA256:
		case a.sum != "" && other != "":
			swapped = true
			b := there[other]
			if b != nil && b.sum == p.SHA256 {
				h.finding(Swapped, p.Name, "part %s is another one than was sealed: it was swapped with %s", p.Name, other)
			} else {
				h.finding(Swapped, p.Name, "part %s is another one than was sealed: it is a copy of %s", p.Name, other)
			}
		default:
			first, last := differ(a.marks, p.Marks)
			h.changed(p.Name, first, min(last, max(a.stored, p.Packed)))
		}
	}
	return swapped
}

// extras tells of what is in the file and not in the list.
func (h *holder) extras(there map[string]*actual, extra []*actual) {
	for _, a := range extra {
		switch {
		case a.name == "": // told as renamed
		case there[a.name] != nil:
			h.finding(Inserted, a.name, "part %s is in the file once more: the second is extra, and was put in", a.name)
		default:
			h.finding(Inserted, a.name, "part %s is extra: it is in the file and not in the list of contents, and was put in", a.name)
		}
	}
}

// order finds the first part that stands in another's place.
func (h *holder) order(order []actual, entries []entry) {
	var got []string
	for i := range order {
		if order[i].name != "" && !slices.Contains(got, order[i].name) {
			got = append(got, order[i].name)
		}
	}
	var want []string
	for i := range entries {
		if slices.Contains(got, entries[i].name) {
			want = append(want, entries[i].name)
		}
	}
	got = slices.DeleteFunc(got, func(name string) bool { return !slices.Contains(want, name) })
	for i := range want {
		if got[i] != want[i] {
			h.finding(Reordered, got[i], "part %s stands where %s was: the parts were put in another order", got[i], want[i])
			return
		}
	}
}

// gap are bytes between the parts.
type gap struct{ at, n int64 }

// actuals goes from header to header. What cannot be followed is skipped to the next header of a name that is known.
func (h *holder) actuals(ctx context.Context, entries []entry) (all []actual, lost gap, err error) {
	sizes := make(map[string]*entry, len(entries))
	names := make(map[string]bool, len(entries))
	for i := range entries {
		sizes[entries[i].name] = &entries[i]
		names[entries[i].name] = true
	}
	for at := int64(0); at < h.size && len(all) < 2*mostParts; {
		begin, _ := h.bytes(ctx, at, min(4, h.size-at))
		if string(begin) == zipDirectory || string(begin) == zipEnd {
			break
		}
		a, next, ok := h.actual(ctx, at, sizes)
		if !ok {
			next = -1
			if err := h.search(ctx, at+1, func(found int64, _ string) bool { next = found; return false }, names); err != nil {
				return nil, lost, err
			}
			if next < 0 {
				break
			}
			if lost.n == 0 {
				lost = gap{at, next - at}
			}
			at = next
			continue
		}
		if next < 0 { // its end is not where it should be
			next = h.size
			if err := h.search(ctx, a.data, func(found int64, _ string) bool { next = found; return false }, names); err != nil {
				return nil, lost, err
			}
			a.stored = max(0, next-a.data-int64(len(h.z.descriptor(&entry{packed: true}))))
		}
		if err := h.sums(ctx, &a, sizes); err != nil {
			return nil, lost, err
		}
		all = append(all, a)
		at = next
	}
	return all, lost, ctx.Err()
}

// actual reads the header at a place. next is where the file after it begins, -1 where nobody knows.
func (h *holder) actual(ctx context.Context, at int64, sizes map[string]*entry) (a actual, next int64, ok bool) {
	le := binary.LittleEndian
	header, there := h.bytes(ctx, at, zipLocalSize)
	if !there || string(header[:4]) != zipLocal {
		return a, 0, false
	}
	length, extra := int64(le.Uint16(header[26:])), int64(le.Uint16(header[28:]))
	name, there := h.bytes(ctx, at+zipLocalSize, length)
	if !there {
		return a, 0, false
	}
	a = actual{name: string(name), data: at + zipLocalSize + length + extra, packed: le.Uint16(header[8:]) == zipDeflate}
	if le.Uint16(header[6:])&zipStreamed == 0 {
		a.stored = int64(le.Uint32(header[18:]))
		if a.stored > h.size-a.data {
			return a, -1, true
		}
		return a, a.data + a.stored, true
	}
	if e := sizes[a.name]; e != nil {
		size := int64(len(h.z.descriptor(e)))
		behind, there := h.bytes(ctx, a.data+int64(e.stored), size) //nolint:gosec // parts are bounded
		if there && size > 0 && string(behind[:4]) == zipDescriptor {
			a.stored = int64(e.stored) //nolint:gosec // as above
			return a, a.data + a.stored + size, true
		}
	}
	in := &counted{in: bufio.NewReaderSize(h.reader(ctx, a.data, h.size-a.data), min(64<<10, bufferFor(h.size-a.data)))}
	if err := h.inflate(io.Discard, in, mostPartSize); err != nil {
		return a, -1, true
	}
	a.stored = in.n
	for _, size := range []int64{16, 24} {
		behind, there := h.bytes(ctx, a.data+a.stored, size+4)
		if there && string(behind[:4]) == zipDescriptor && (string(behind[size:]) == zipLocal || string(behind[size:]) == zipDirectory) {
			return a, a.data + a.stored + size, true
		}
	}
	return a, -1, true
}

// sums sums a file of the container. One that nobody listed is unpacked no further than the longest part.
func (h *holder) sums(ctx context.Context, a *actual, sizes map[string]*entry) error {
	packed := newMarker(nil)
	in := bufio.NewReaderSize(io.TeeReader(h.reader(ctx, a.data, a.stored), packed), min(64<<10, bufferFor(a.stored)))
	var most int64
	for _, e := range sizes {
		most = max(most, int64(e.size)) //nolint:gosec // parts are bounded
	}
	c := newContent(nil)
	var err error
	if a.packed {
		err = h.inflate(c, in, most)
	} else {
		_, err = io.Copy(c, in)
	}
	if err == nil && (!a.packed || c.n <= most) {
		a.sum = hex.EncodeToString(c.sum.Sum(nil))
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return err
	}
	a.whole, a.marks = packed.end()
	return nil
}

// counted is a reader that says how far it was read, byte by byte where it is asked so.
type counted struct {
	in *bufio.Reader
	n  int64
}

// Read reads.
func (c *counted) Read(b []byte) (int, error) {
	n, err := c.in.Read(b)
	c.n += int64(n)
	return n, err
}

// ReadByte reads one byte.
func (c *counted) ReadByte() (byte, error) {
	b, err := c.in.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}
