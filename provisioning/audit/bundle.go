package audit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"rollcall/provisioning"
)

// The bounds of an export that somebody hands over.
const (
	bundleFormat   = 1
	mostBundleLine = 8 << 20
	exportBuffer   = 256 << 10
)

// A bundle is a file of JSON lines: a head, then each row, and after a row the checkpoint that is of it. It says the same for the same
// record, byte for byte.
type (
	bundleHead struct {
		Format int    `json:"rollcall_record"`
		From   int64  `json:"from"`
		To     int64  `json:"to"`               // the last row: the record may have gone on since
		Prev   []byte `json:"prev,omitempty"`   // the keyed hash of the row before
		Digest []byte `json:"digest,omitempty"` // what the rows before gave
	}
	bundleLine struct {
		Row *provisioning.Record `json:"row,omitempty"`
		// Raw are the fields of the row that are no valid UTF-8, which JSON cannot say: their bytes, by name.
		Raw        map[string][]byte        `json:"raw,omitempty"`
		Checkpoint *provisioning.Checkpoint `json:"checkpoint,omitempty"`
		End        *bundleEnd               `json:"end,omitempty"`
	}
	// bundleEnd tells a file that was cut by accident from a whole one.
	bundleEnd struct {
		Rows   int64  `json:"rows"` // the number of the last one
		Digest []byte `json:"digest"`
	}
)

// Exported says what an export holds.
type Exported struct{ From, To int64 }

// Export writes a record, or the rows from one number to another, into one file that Check reads on any machine. to 0 is the last row.
// A section goes on to the next row that is signed, so that its signature covers all of it.
func Export(ctx context.Context, out io.Writer, src Source, from, to int64) (Exported, error) {
	if from < 1 || (to != 0 && to < from) {
		return Exported{}, &provisioning.Error{Code: provisioning.Invalid, Message: "these are no rows of a record", Hint: "give --from at least 1, and --to not below it"}
	}
	points := make(map[int64]provisioning.Checkpoint)
	var next int64 // the first that is signed at or after to
	if err := src.Checkpoints(ctx, func(c provisioning.Checkpoint) error {
		points[c.Seq] = c
		if c.Seq >= to && next == 0 {
			next = c.Seq
		}
		return nil
	}); err != nil {
		return Exported{}, err
	}
	if to != 0 && next != 0 {
		to = next
	}
	last, err := lastRow(ctx, src, from, points)
	if err != nil {
		return Exported{}, err
	}
	if to == 0 || to > last {
		to = last
	}
	w := bufio.NewWriterSize(out, exportBuffer)
	line := json.NewEncoder(w)
	line.SetEscapeHTML(false)
	done := Exported{From: from, To: from - 1}
	var digest, prev []byte
	begun := false
	begin := func() error {
		begun = true
		return line.Encode(bundleHead{Format: bundleFormat, From: from, To: to, Prev: prev, Digest: digest})
	}
	stop := errors.New("stop")
	var row []byte // the line of a row, in the same memory for all
	err = src.Records(ctx, 1, func(r provisioning.Record) error {
		if r.Seq > to {
			return stop
		}
		if r.Seq < from {
			digest, prev = r.Digest(digest), r.Hash
			return ctx.Err()
		}
		if !begun {
			if err := begin(); err != nil {
				return err
			}
		}
		digest = r.Digest(digest)
		done.To = r.Seq
		var err error
		if row, err = encodeRow(row[:0], &r); err != nil {
			return err
		}
		if _, err := w.Write(row); err != nil {
			return err
		}
		if c, ok := points[r.Seq]; ok {
			return line.Encode(bundleLine{Checkpoint: &c})
		}
		return ctx.Err()
	})
	if err != nil && !errors.Is(err, stop) {
		return done, err
	}
	if !begun {
		if from > 1 {
			return done, &provisioning.Error{Code: provisioning.NotFound, Message: fmt.Sprintf("the record has no row %d", from)}
		}
		if err := begin(); err != nil {
			return done, err
		}
	}
	if err := line.Encode(bundleLine{End: &bundleEnd{Rows: done.To, Digest: digest}}); err != nil {
		return done, err
	}
	return done, w.Flush()
}

// lastRow is the number of the last row of the record now: what is appended later is no part of an export. It looks from the last checkpoint
// on, and over all rows only where there is none after it.
func lastRow(ctx context.Context, src Source, from int64, points map[int64]provisioning.Checkpoint) (last int64, err error) {
	begin := from
	for seq := range points {
		begin = max(begin, seq)
	}
	visit := func(r provisioning.Record) error { last = r.Seq; return ctx.Err() }
	if err = src.Records(ctx, begin, visit); err == nil && last == 0 && begin > from {
		err = src.Records(ctx, from, visit)
	}
	return last, err
}

// texts are an event's strings, by the name under which JSON has them.
func texts(e *provisioning.Event) map[string]*string {
	return map[string]*string{
		"actor": &e.Actor, "session": &e.Session, "person": &e.Person, "login": &e.Login, "subject": &e.Subject, "detail": &e.Detail, "kind": (*string)(&e.Kind),
	}
}

func rawFields(e *provisioning.Event) (raw map[string][]byte) {
	for name, s := range texts(e) {
		if !utf8.ValidString(*s) {
			if raw == nil {
				raw = make(map[string][]byte)
			}
			raw[name] = []byte(*s)
			*s = strings.ToValidUTF8(*s, "\uFFFD") // the event is the exporter's own copy
		}
	}
	return raw
}

// Bundle is an export, read. It is a Source.
type Bundle struct {
	open    func() (io.Reader, error) // from its first byte
	Section *Section
	// points are the checkpoints, where they were seen already; nil: they are read.
	points []provisioning.Checkpoint
	small  bool // it is not worth a large buffer
}

func (b *Bundle) buffer() int {
	if b.small {
		return exportBuffer / 64
	}
	return exportBuffer
}

// OpenBundle reads the head of an export. What is none is Invalid.
func OpenBundle(in io.ReadSeeker) (*Bundle, error) {
	return openBundle(func() (io.Reader, error) {
		_, err := in.Seek(0, io.SeekStart)
		return in, err
	})
}

func openBundle(open func() (io.Reader, error)) (*Bundle, error) {
	b := &Bundle{open: open}
	var head bundleHead
	err := b.lines(func(n int, text []byte) error {
		if err := strictly(text, &head); err != nil {
			return err
		}
		return io.EOF
	})
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if head.Format != bundleFormat || head.From < 1 {
		return nil, notABundle("its first line is not that of an export", nil)
	}
	b.Section = &Section{From: head.From, To: head.To, Prev: head.Prev, Digest: head.Digest}
	return b, nil
}

func notABundle(why string, err error) error {
	return &provisioning.Error{
		Code: provisioning.Invalid, Message: "this is no export of a record that can be read: " + why, Hint: "give what rollcall audit export wrote, or a copy of rollcall.db", Err: err,
	}
}

func strictly(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return notABundle("a line is not as it was written", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return notABundle("a line goes on after its end", nil)
	}
	return nil
}

// lines tells the lines one after another, from the first.
func (b *Bundle) lines(tell func(n int, text []byte) error) error {
	in, err := b.open()
	if err != nil {
		return err
	}
	scan := bufio.NewScanner(in)
	scan.Buffer(make([]byte, 0, b.buffer()), mostBundleLine)
	n := 0
	for ; scan.Scan(); n++ {
		if err := tell(n, scan.Bytes()); err != nil {
			return err
		}
	}
	if err := scan.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			return notABundle("a line is beyond all bounds", err)
		}
		return notABundle("it cannot be read to its end", err)
	}
	if n == 0 {
		return notABundle("it is empty", nil)
	}
	return nil
}

// Records walks the rows of the export in the order in which they stand in it.
func (b *Bundle) Records(ctx context.Context, from int64, visit func(provisioning.Record) error) error {
	return b.decoded(ctx, func(l *bundleLine) error {
		if l.Row == nil || l.Row.Seq < from {
			return ctx.Err()
		}
		if len(l.Raw) > 0 {
			fields := texts(&l.Row.Event)
			for name, value := range l.Raw {
				field := fields[name]
				if field == nil {
					return notABundle("a line is not as it was written", nil)
				}
				*field = string(value)
			}
		}
		return visit(*l.Row)
	})
}

// Checkpoints walks the checkpoints of the export. Whether its rows can be read is for Records to find.
func (b *Bundle) Checkpoints(ctx context.Context, visit func(provisioning.Checkpoint) error) error {
	if b.points != nil {
		for _, c := range b.points {
			if err := visit(c); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
	return b.lines(func(n int, text []byte) error {
		if n == 0 || bytes.HasPrefix(text, []byte(beginsRow)) {
			return ctx.Err()
		}
		var l bundleLine
		if err := strictly(text, &l); err != nil {
			return err
		}
		if l.Checkpoint == nil {
			return ctx.Err()
		}
		return visit(*l.Checkpoint)
	})
}
