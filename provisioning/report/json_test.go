package report_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"rollcall/provisioning/report"
)

// TestJSONIsExact: a program reads the raw texts back, byte for byte, and what it is written with does nothing to a terminal.
func TestJSONIsExact(t *testing.T) {
	text := texts(t)
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 3).Draw(t, "columns")
		rows := rapid.SliceOfN(rapid.SliceOfN(text, width, width), 1, 5).Draw(t, "rows")
		book := single(rows...)
		book.Title, book.Tables[0].Notes = text.Draw(t, "title"), []string{text.Draw(t, "note")}
		var out bytes.Buffer
		if err := report.WriteJSON(&out, book); err != nil {
			t.Fatalf("%v", err)
		}
		for _, r := range out.String() {
			if r != '\n' && r != ' ' && !unicode.IsPrint(r) {
				t.Fatalf("%U is written as it is", r)
			}
		}
		var read struct {
			Title  string
			Tables []struct {
				Notes []string
				Rows  []map[string]string
			}
		}
		if err := json.Unmarshal(out.Bytes(), &read); err != nil {
			t.Fatalf("not JSON: %v", err)
		}
		exact := func(raw string) string { return string([]rune(raw)) } // a byte that is no UTF-8 becomes U+FFFD, and nothing else changes
		if read.Title != exact(book.Title) || read.Tables[0].Notes[0] != exact(book.Tables[0].Notes[0]) {
			t.Fatalf("the title or the note changed: %q, %q", read.Title, read.Tables[0].Notes)
		}
		for r, row := range rows {
			for i, raw := range row {
				if got := read.Tables[0].Rows[r][book.Tables[0].Columns[i].Key]; got != exact(raw) {
					t.Fatalf("%q came out as %q", raw, got)
				}
			}
		}
	})
}

func TestJSONOfNoRows(t *testing.T) {
	b := &report.Book{Tables: []report.Table{{Name: "none", Columns: []report.Column{{Key: "a", Kind: report.KindText}}}}}
	out := written(t, "json", b)
	if !json.Valid(out) || !strings.Contains(string(out), `"made": null`) {
		t.Errorf("%s", out)
	}
}
