package handout

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"rollcall/provisioning"
)

const (
	asHandedOut = "have it answered in the workbook as it was handed out"
	wordsOnly   = "write the decision as a word"
)

// readWorkbook reads an answered workbook. It is not signed: whoever takes it in vouches for whose it is. Every row must be where it was, and
// the item's that it was; nothing of the workbook may be a formula.
func readWorkbook(data []byte, lookup Lookup, now time.Time) (*Answer, error) {
	bad := refuse(provisioning.Invalid, "this is no workbook of an access review", "import the workbook that was handed out, saved as .xlsx")
	switch formula, err := formulaIn(data); {
	case err != nil:
		return nil, bad
	case formula != "":
		return nil, refuse(provisioning.Invalid, "the cell "+clean(formula)+" holds a formula", wordsOnly)
	}
	f, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{UnzipSizeLimit: mostOpen, UnzipXMLSizeLimit: mostOpen})
	if err != nil {
		return nil, bad
	}
	defer func() { _ = f.Close() }() // what it read and wrote is in memory
	id, hash, rows, err := rowsOf(f)
	if err != nil {
		return nil, bad
	}
	p, items, err := lookup(id)
	if err != nil {
		return nil, err
	}
	if p.Format != XLSX || hash != p.Hash {
		return nil, refuse(provisioning.Invalid, "the workbook is of another packet", anew)
	}
	a := &Answer{Packet: p}
	for i := range items {
		n := headRows + 1 + i
		if i >= len(rows) {
			return nil, refuse(provisioning.Invalid, fmt.Sprintf("row %d, item %d, is gone", n, items[i].N), asHandedOut)
		}
		d, err := decided(rows[i], n, &items[i])
		if err != nil {
			return nil, err
		}
		if d.Verdict != "" {
			a.Decisions = append(a.Decisions, d)
		}
	}
	if len(rows) > len(items) {
		return nil, refuse(provisioning.Invalid, fmt.Sprintf("row %d was added", headRows+1+len(items)), asHandedOut)
	}
	return a, a.check(items, now)
}

// rowsOf reads the packet's id, its items' hash, and the rows below the titles. It stops above what a workbook of ours can have: a sheet may
// say in a few bytes that it has a million rows.
func rowsOf(f *excelize.File) (id, hash string, rows [][]string, err error) {
	it, err := f.Rows(sheet)
	if err != nil {
		return "", "", nil, err
	}
	defer func() { _ = it.Close() }()
	var head [][]string
	for it.Next() {
		row, err := it.Columns()
		if err != nil {
			return "", "", nil, err
		}
		if len(row) > mostCell || len(rows) > mostOfFile {
			return "", "", nil, errors.New("larger than any of ours")
		}
		if len(head) < headRows {
			head = append(head, row)
			continue
		}
		rows = append(rows, row)
	}
	if err := it.Error(); err != nil {
		return "", "", nil, err
	}
	for len(rows) > 0 && strings.TrimSpace(strings.Join(rows[len(rows)-1], "")) == "" { // an office program may keep rows that are empty
		rows = rows[:len(rows)-1]
	}
	if len(head) < headRows || len(head[2]) < 2 || len(head[3]) < 2 {
		return "", "", nil, errors.New("it has no such head")
	}
	if id, hash = strings.TrimSpace(head[2][1]), strings.TrimSpace(head[3][1]); id == "" {
		return "", "", nil, errors.New("no packet is named")
	}
	return id, hash, rows, nil
}

// formulaIn names the first cell of any sheet that holds a formula; "" for none. It reads the sheets by itself, with no more of each than
// mostOpen: excelize looks a formula up cell by cell, each time from the first row.
func formulaIn(data []byte) (string, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return "", err
	}
	left := int64(mostOpen)
	for _, part := range z.File {
		name := strings.ToLower(strings.ReplaceAll(part.Name, "\\", "/"))
		if !strings.Contains(name, "worksheets/") || !strings.HasSuffix(name, ".xml") {
			continue
		}
		r, err := part.Open()
		if err != nil {
			return "", err
		}
		limited := &io.LimitedReader{R: r, N: left}
		cell, err := formulaOf(limited)
		left = limited.N
		_ = r.Close()
		if err != nil || cell != "" {
			return cell, err
		}
	}
	return "", nil
}

func formulaOf(r io.Reader) (string, error) {
	d := xml.NewDecoder(r)
	cell := ""
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch e.Name.Local {
		case "c":
			cell = "of a sheet"
			for _, a := range e.Attr {
				if a.Name.Local == "r" {
					cell = a.Value
				}
			}
		case "f":
			return cell, nil
		}
	}
}

// decided reads one row: it must be the item's, as it was handed out.
func decided(row []string, n int, it *provisioning.ReviewItem) (d Decision, err error) {
	at := func(i int) string {
		if i < len(row) {
			return strings.TrimSpace(row[i])
		}
		return ""
	}
	for i, want := range sameAs(it) {
		if at(i) != strings.TrimSpace(want) {
			return d, refuse(provisioning.Invalid, fmt.Sprintf("row %d is not item %d as it was handed out", n, it.N), "do not sort, move or edit the rows")
		}
	}
	d = Decision{Item: it.N, Reason: at(reasonAt)}
	switch word := strings.ToLower(at(decisionAt)); word {
	case "":
		if d.Reason != "" {
			return d, refuse(provisioning.Invalid, fmt.Sprintf("row %d has a reason and no decision", n), "have it say keep, revoke or ask, or nothing in both columns")
		}
	case string(provisioning.ReviewKeep), string(provisioning.ReviewRevoke), string(provisioning.ReviewAsk):
		d.Verdict = provisioning.ReviewVerdict(word)
	default:
		return d, refuse(provisioning.Invalid, fmt.Sprintf("row %d says %q", n, clean(word)), "keep, revoke or ask")
	}
	return d, nil
}
