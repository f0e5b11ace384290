package report

import (
	"bufio"
	"io"
	"strings"
	"unicode"

	"rollcall/provisioning"
)

// bom tells Excel that a CSV file is UTF-8: without it Excel on Windows takes the machine's old code page, and a name with an accent comes
// out wrong. Programs that read UTF-8 know to skip it (Python's utf-8-sig, LibreOffice).
const bom = "\ufeff"

// WriteCSV writes one table: a header of titles and then the rows, RFC 4180 with CRLF, every field quoted, UTF-8 with a byte order mark.
// Notes and sums are not in it, so that it stays one table for whoever reads it. No text in it can be a formula (contracts/threats.md B1,
// see guarded). Numbers and amounts are ours and typed, so a negative one stays a number. Times are ISO 8601 in UTC, a yes is "yes".
// The error is Check's, or the writer's.
func WriteCSV(w io.Writer, t *Table) error {
	if err := t.Check(); err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<16)
	if _, err := out.WriteString(bom); err != nil {
		return err
	}
	var line []byte
	for i := range t.Columns {
		line = appendField(line, i, guarded(t.heading(i)))
	}
	if _, err := out.Write(append(line, "\r\n"...)); err != nil {
		return err
	}
	for _, row := range t.Rows {
		line = line[:0]
		for i := range row {
			if row[i].kind == KindText {
				line = appendField(line, i, guarded(clean(row[i].s)))
			} else {
				line = appendField(line, i, row[i].plain())
			}
		}
		if _, err := out.Write(append(line, "\r\n"...)); err != nil {
			return err
		}
	}
	return out.Flush()
}

// writeOneCSV is WriteCSV of a book that has one table.
func writeOneCSV(w io.Writer, b *Book) error {
	if len(b.Tables) != 1 {
		return &provisioning.Error{
			Code: provisioning.Invalid, Message: "a CSV file holds one table, and this report has several",
			Hint: "write it as xlsx, json or html, or its tables one by one",
		}
	}
	return WriteCSV(w, &b.Tables[0])
}

// heading is a column's title, cleaned, with the currency of its amounts or UTC.
func (t *Table) heading(column int) string {
	c := t.Columns[column]
	title := clean(c.Title)
	if of := t.currency(column); of != "" {
		return title + " (" + of + ")"
	}
	if c.Kind == KindTime {
		return title + " (UTC)"
	}
	return title
}

func appendField(line []byte, column int, s string) []byte {
	if column > 0 {
		line = append(line, ',')
	}
	line = append(line, '"')
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			return append(append(line, s...), '"')
		}
		line = append(append(line, s[:i]...), `""`...)
		s = s[i+1:]
	}
}

// guarded makes a cleaned text one that no spreadsheet takes for a formula: where its first character that counts is a trigger, an
// apostrophe is set before it (contracts/threats.md B1). The same is done after each semicolon: Excel in much of Europe splits fields
// there and not at commas, and the quotes that hold a field together are then no longer at its ends.
func guarded(s string) string {
	if !strings.ContainsRune(s, ';') {
		if triggers(s) {
			return "'" + s
		}
		return s
	}
	parts := strings.Split(s, ";")
	for i, part := range parts {
		if triggers(part) {
			parts[i] = "'" + part
		}
	}
	return strings.Join(parts, ";")
}

// triggers reports whether a spreadsheet might take a cleaned text for a formula: its first character, white space, quotes and what only
// stands for an invisible one aside, is one of = + - @ | or their full-width forms, or stands for a tab or the end of a line.
func triggers(s string) bool {
	for _, r := range s {
		switch r {
		case '=', '+', '-', '@', '|', '＝', '＋', '－', '＠', '\t', '\r', '\n', '␉', '␍', '␊':
			return true
		case '\'', '"', '`', '‘', '’', '“', '”', '«', '»':
			continue
		}
		if !unicode.IsSpace(r) && (r < '␀' || r > '␡') {
			return false
		}
	}
	return false
}
