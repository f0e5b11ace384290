package audit

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/flate"
	"pgregory.net/rapid"

	"rollcall/provisioning"
)

// anyText draws strings with everything in them that a JSON encoder minds.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.Custom(func(t *rapid.T) string {
		pieces := []string{"a", "é", "\u2028", "\u2029", "\ufffd", "<&>", "\"", "\\", "/", "\x00", "\x1b", "\x7f", "\b\f\n\r\t", "\U0001f600", "\xff", "\xc3", `\u00e9`, `{"a":"b"}`, `"},"prev":null`}
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 6).Draw(t, "pieces"), "")
	}))
}

func anyRow() *rapid.Generator[provisioning.Record] {
	hash := rapid.OneOf(rapid.Just([]byte(nil)), rapid.Just([]byte{}), rapid.SliceOfN(rapid.Byte(), 1, 40))
	return rapid.Custom(func(t *rapid.T) provisioning.Record {
		text := func(label string) string { return anyText().Draw(t, label) }
		number := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64())
		at := time.Unix(rapid.Int64Range(-70_000_000_000, 260_000_000_000).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanos"))
		at = at.In(rapid.SampledFrom([]*time.Location{time.UTC, time.FixedZone("", 3600), time.FixedZone("", -5*3600-1800), time.FixedZone("", 7), time.FixedZone("", 30*3600)}).Draw(t, "zone"))
		return provisioning.Record{
			Seq: number.Draw(t, "seq"), Prev: hash.Draw(t, "prev"), Hash: hash.Draw(t, "hash"),
			Event: provisioning.Event{
				At: at, Actor: text("actor"), Session: text("session"), Person: text("person"), Login: text("login"), Kind: provisioning.EventKind(text("kind")),
				Batch: number.Draw(t, "batch"), Unit: number.Draw(t, "unit"), Op: int(number.Draw(t, "op")), Subject: text("subject"), Detail: text("detail"),
			},
		}
	})
}

// TestRowIsTheSame: a row is written byte for byte as encoding/json writes it, and what cannot be is refused by both.
func TestRowIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyRow().Draw(t, "row")
		same := r // rawFields changes the event
		var want bytes.Buffer
		slow := json.NewEncoder(&want)
		slow.SetEscapeHTML(false)
		wantErr := slow.Encode(bundleLine{Row: &same, Raw: rawFields(&same.Event)})
		got, err := encodeRow([]byte("before"), &r)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%v, encoding/json: %v", err, wantErr)
		}
		if wantErr == nil && string(got) != "before"+want.String() {
			t.Fatalf("%q\n%q", got, want.String())
		}
	})
}

// TestRowIsReadTheSame: a line is read as encoding/json reads it, as it was written and with a few bytes of it changed.
func TestRowIsReadTheSame(t *testing.T) {
	quick := 0
	rapid.Check(t, func(t *rapid.T) {
		r := anyRow().Draw(t, "row")
		line, err := encodeRow(nil, &r)
		if err != nil {
			return
		}
		line = bytes.TrimSuffix(line, []byte("\n"))
		for range rapid.IntRange(0, 2).Draw(t, "changes") {
			at := rapid.IntRange(0, len(line)-1).Draw(t, "at")
			switch rapid.IntRange(0, 2).Draw(t, "how") {
			case 0:
				line[at] = rapid.Byte().Draw(t, "byte")
			case 1:
				line = append(line[:at:at], line[at+1:]...)
			case 2:
				line = append(line[:at:at], append([]byte{rapid.SampledFrom([]byte(`0-"\ ,:{}ne`+"\n\t")).Draw(t, "more")}, line[at:]...)...)
			}
			if len(line) == 0 {
				return
			}
		}
		var got, want bundleLine
		gotErr, wantErr := decodeLine(line, &got), strictly(line, &want)
		if (gotErr == nil) != (wantErr == nil) || (wantErr == nil && !reflect.DeepEqual(got, want)) {
			t.Fatalf("%q\n%+v %v\n%+v %v", line, got.Row, gotErr, want.Row, wantErr)
		}
		if parseRow(line, &provisioning.Record{}) {
			quick++
		}
	})
	if quick == 0 {
		t.Error("not one line went the quick way")
	}
}

// TestContainerBeyond32Bits: where sizes and places are more than 32 bits can say, they are said in 64, as ordinary tools read them. The
// bound is set low: a file of 4 GiB takes too long.
func TestContainerBeyond32Bits(t *testing.T) {
	for _, most := range []uint64{40, 150, 400, 1 << 32} {
		z := newContainer(time.Date(2026, 11, 30, 9, 41, 6, 0, time.UTC))
		z.most = most
		var out bytes.Buffer
		p := newPacker(&out, time.Time{})
		p.z = z
		want := make(map[string]string)
		for i, size := range []int{10, 300, 3, 200} {
			text := strings.Repeat(fmt.Sprint(i, "-"), size)
			name := fmt.Sprintf("part-%d", i)
			want[name] = text
			e := entry{name: name, packed: true, offset: p.at}
			var packed bytes.Buffer
			w, err := flate.NewWriter(&packed, flate.NoCompression)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(w, text); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			sums := plainEntry(name, []byte(text))
			e.crc, e.size, e.stored = sums.crc, sums.size, uint64(packed.Len())
			for _, b := range [][]byte{z.header(&e), packed.Bytes(), z.descriptor(&e)} {
				if _, err := p.Write(b); err != nil {
					t.Fatal(err)
				}
			}
			if e.end(z) != p.at {
				t.Fatalf("it ends at %d, not %d", p.at, e.end(z))
			}
			p.entries = append(p.entries, e)
		}
		if _, err := p.Write(z.directory(p.entries, p.at)); err != nil {
			t.Fatal(err)
		}
		r, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatalf("above %d: %v", most, err)
		}
		for _, f := range r.File {
			in, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(in)
			if err != nil || string(got) != want[f.Name] || !f.Modified.Equal(time.Date(2026, 11, 30, 9, 41, 6, 0, time.UTC)) {
				t.Errorf("above %d, %s: %q, %v, %v", most, f.Name, got, f.Modified, err)
			}
			delete(want, f.Name)
		}
		if len(want) > 0 {
			t.Errorf("above %d: missing %v", most, want)
		}
	}
}
