package handout

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/names"
)

const (
	sheet     = "Access review"
	headRows  = 5 // above the items: what it is, whose, the packet, its items' hash, and the columns' titles
	mostUnzip = 64 << 20
	mostXML   = 32 << 20
)

// The columns. The first four say which decision it is, and come back as they were; the last two are the reviewer's.
func columns() []string {
	return []string{"No.", "Account", "Name", "Access", "Office", "Practice", "Title", "Why they have it", "Last use", "Peers who have it", "Since", "Take care", "Decision", "Reason or question"}
}

const (
	decisionAt = 12 // of columns, from 0
	reasonAt   = 13
	sameCells  = 4
)

func clean(s string) string { return names.Clean(s).String() }

// cells are the cells of one item, but for the reviewer's two.
func cells(in *Input, it *provisioning.ReviewItem) []string {
	return []string{
		strconv.Itoa(it.N), clean(it.Account), clean(it.Name), clean(accessOf(it)), clean(it.Office), clean(it.Practice), clean(it.Title), clean(standingOf(it)),
		clean(useOf(it, in.Now)), peersOf(it), sinceOf(it), clean(strings.Join(careOf(it), "; ")),
	}
}

// workbook makes the packet as a workbook: texts only, no formula, no link (threats B1).
func workbook(in *Input, p *provisioning.ReviewPacket) (data []byte, err error) {
	f := excelize.NewFile()
	defer func() { err = joined(err, f.Close()) }()
	w := writer{f: f}
	w.do(f.SetSheetName("Sheet1", sheet))
	w.row(1, fmt.Sprintf("Access review %d of %s: %s", in.Campaign.ID, clean(in.Firm), clean(in.Campaign.Name)))
	w.row(2, "For "+clean(in.Reviewer.Name)+". Write keep, revoke or ask in the column Decision, and with ask the question beside it. Change nothing else, and send the file back to the help desk.")
	w.row(3, "Packet", p.ID)
	w.row(4, "Items", p.Hash)
	w.row(headRows, columns()...)
	for i := range in.Items {
		w.row(headRows+1+i, cells(in, &in.Items[i])...)
	}
	last := headRows + len(in.Items)
	w.format(last)
	if w.err != nil {
		return nil, w.err
	}
	var out bytes.Buffer
	if err := f.Write(&out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func joined(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// writer writes cells, and keeps the first error.
type writer struct {
	f   *excelize.File
	err error
}

func (w *writer) do(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *writer) row(n int, texts ...string) {
	for i, t := range texts {
		at, err := excelize.CoordinatesToCellName(i+1, n)
		w.do(err)
		w.do(w.f.SetCellStr(sheet, at, t))
	}
}

// format locks all but the reviewer's two columns, and offers the three decisions.
func (w *writer) format(last int) {
	bold, err := w.f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}, Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}})
	w.do(err)
	open, err := w.f.NewStyle(&excelize.Style{Protection: &excelize.Protection{Locked: false}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"FFF8DC"}}})
	w.do(err)
	w.do(w.f.SetCellStyle(sheet, "A1", "A1", bold))
	w.do(w.f.SetCellStyle(sheet, fmt.Sprintf("A%d", headRows), fmt.Sprintf("N%d", headRows), bold))
	w.do(w.f.SetCellStyle(sheet, fmt.Sprintf("M%d", headRows+1), fmt.Sprintf("N%d", last), open))
	for column, width := range map[string]float64{"A": 7, "B": 16, "C": 26, "D": 34, "E": 14, "F": 16, "G": 18, "H": 34, "I": 30, "J": 12, "K": 18, "L": 28, "M": 12, "N": 36} {
		w.do(w.f.SetColWidth(sheet, column, column, width))
	}
	w.do(w.f.SetPanes(sheet, &excelize.Panes{Freeze: true, YSplit: headRows, TopLeftCell: fmt.Sprintf("A%d", headRows+1), ActivePane: "bottomLeft"}))
	choice := excelize.NewDataValidation(true)
	choice.SetSqref(fmt.Sprintf("M%d:M%d", headRows+1, last))
	w.do(choice.SetDropList([]string{"keep", "revoke", "ask"}))
	w.do(w.f.AddDataValidation(sheet, choice))
	w.do(w.f.ProtectSheet(sheet, &excelize.SheetProtectionOptions{SelectLockedCells: true, SelectUnlockedCells: true, AutoFilter: true}))
}

// readWorkbook reads an answered workbook. Whoever takes it in vouches for whose it is: it is not signed.
func readWorkbook(data []byte, lookup Lookup, now time.Time) (_ *Answer, err error) {
	bad := refuse(provisioning.Invalid, "this is no workbook of an access review", "import the workbook that was handed out, saved as .xlsx")
	f, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{UnzipSizeLimit: mostUnzip, UnzipXMLSizeLimit: mostXML})
	if err != nil {
		return nil, bad
	}
	defer func() { err = joined(err, f.Close()) }()
	rows, err := f.GetRows(sheet)
	if err != nil || len(rows) <= headRows || len(rows[2]) < 2 || len(rows[3]) < 2 {
		return nil, bad
	}
	p, items, err := lookup(strings.TrimSpace(rows[2][1]))
	if err != nil {
		return nil, err
	}
	if p.Format != XLSX || strings.TrimSpace(rows[3][1]) != p.Hash {
		return nil, refuse(provisioning.Invalid, "the workbook is of another packet", anew)
	}
	a := &Answer{Packet: p}
	for i := range items {
		n := headRows + i
		if n >= len(rows) {
			return nil, refuse(provisioning.Invalid, fmt.Sprintf("row %d, item %d, is gone", n+1, items[i].N), "have it answered in the workbook as it was handed out")
		}
		d, err := decided(f, rows[n], n+1, &items[i])
		if err != nil {
			return nil, err
		}
		if d.Verdict != "" {
			a.Decisions = append(a.Decisions, d)
		}
	}
	if len(rows) > headRows+len(items) {
		return nil, refuse(provisioning.Invalid, fmt.Sprintf("row %d was added", headRows+len(items)+1), "have it answered in the workbook as it was handed out")
	}
	return a, a.check(items, now)
}

// decided reads one row: it must be the item's, as it was handed out.
func decided(f *excelize.File, row []string, n int, it *provisioning.ReviewItem) (d Decision, err error) {
	at := func(i int) string {
		if i < len(row) {
			return strings.TrimSpace(row[i])
		}
		return ""
	}
	want := []string{strconv.Itoa(it.N), clean(it.Account), clean(it.Name), clean(accessOf(it))}
	for i := range sameCells {
		if at(i) != strings.TrimSpace(want[i]) {
			return d, refuse(provisioning.Invalid, fmt.Sprintf("row %d is not item %d as it was handed out", n, it.N), "do not sort, move or edit the rows")
		}
	}
	for _, column := range []int{decisionAt, reasonAt} {
		cell, err := excelize.CoordinatesToCellName(column+1, n)
		if err != nil {
			return d, err
		}
		if formula, err := f.GetCellFormula(sheet, cell); err != nil || formula != "" {
			return d, refuse(provisioning.Invalid, fmt.Sprintf("row %d holds a formula", n), "write the decision as a word")
		}
	}
	d = Decision{Item: it.N, Reason: at(reasonAt)}
	switch word := strings.ToLower(at(decisionAt)); word {
	case "", string(provisioning.ReviewKeep), string(provisioning.ReviewRevoke), string(provisioning.ReviewAsk):
		d.Verdict = provisioning.ReviewVerdict(word)
	default:
		return d, refuse(provisioning.Invalid, fmt.Sprintf("row %d says %q", n, clean(word)), "keep, revoke or ask")
	}
	return d, nil
}
