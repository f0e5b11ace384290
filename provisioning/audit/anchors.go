package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"rollcall/provisioning"
)

// The bounds of a file of anchors: one checkpoint a line, of a record of some hundred million rows.
const (
	mostAnchorLine = 16 << 10
	mostAnchors    = 1_000_000
)

// Anchors is what a place outside the store kept.
type Anchors struct {
	Place string
	Kept  []AnchorLine
	// Bad are the lines that are no checkpoint.
	Bad []int
	// Loose says that the lines are an extract of a log: some may be missing without anybody having taken them out.
	Loose bool
	// Torn says that the last line has no end: it was being written, or it was cut.
	Torn bool
}

// AnchorLine is one checkpoint, and the line that it stood on.
type AnchorLine struct {
	Line       int
	Checkpoint provisioning.Checkpoint
}

// ReadAnchors reads a file of anchors: one checkpoint as JSON on each line. What stands on a line before the JSON, as a syslog server puts
// it there, makes the whole an extract of a log. A line that is none is told in Bad; an error is one of reading, or of a file beyond bounds.
func ReadAnchors(place string, in io.Reader) (Anchors, error) {
	a := Anchors{Place: place}
	r := bufio.NewReaderSize(in, mostAnchorLine)
	for line := 1; ; line++ {
		text, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return a, tooLong(place, line)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return a, &provisioning.Error{Code: provisioning.Unavailable, Message: place + " cannot be read", Err: err}
		}
		last := err != nil
		a.take(line, text, last)
		if len(a.Kept)+len(a.Bad) > mostAnchors {
			return a, tooLong(place, line)
		}
		if last {
			return a, nil //nolint:nilerr // the end of the file is none
		}
	}
}

func tooLong(place string, line int) error {
	return &provisioning.Error{
		Code: provisioning.Invalid, Message: fmt.Sprintf("%s is no file of anchors: it is beyond all bounds at line %d", place, line), Hint: "give the file that [anchor] in config.toml names",
	}
}

func (a *Anchors) take(line int, text []byte, last bool) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return
	}
	begin := bytes.IndexByte(text, '{')
	var c provisioning.Checkpoint
	if begin < 0 || json.Unmarshal(text[begin:], &c) != nil || c.Seq < 1 {
		if last {
			a.Torn = true
			return
		}
		a.Bad = append(a.Bad, line)
		return
	}
	a.Loose = a.Loose || begin > 0
	a.Kept = append(a.Kept, AnchorLine{Line: line, Checkpoint: c})
}
