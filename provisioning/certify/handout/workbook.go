package handout

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"rollcall/provisioning"
)

const (
	sheet    = "Access review"
	headRows = 5        // above the items: what it is, whose, the packet, its items' hash, and the columns' titles
	mostCell = 20       // columns that a row may have when it comes back
	mostOpen = 32 << 20 // bytes of a workbook, unzipped (threats C5)
)

// The columns. The first four say which decision it is, and come back as they were; the last two are the reviewer's.
func columns() []string {
	return []string{"No.", "Account", "Name", "Access", "Office", "Practice", "Title", "Why they have it", "Last use", "Peers who have it", "Since", "Take care", "Proposed before", "Decision", "Reason or question"}
}

const (
	decisionAt = 13 // of columns, from 0: M is what was proposed before, N the decision, O the reason
	reasonAt   = 14
)

// sameAs are the cells of one item that say which it is. An office program may drop a cell's spaces at its ends: they are compared without.
func sameAs(it *provisioning.ReviewItem) []string {
	return []string{strconv.Itoa(it.N), clean(it.Account), clean(it.Name), accessOf(it)}
}

// cells are the cells of one item, but for the reviewer's two.
func cells(in *Input, it *provisioning.ReviewItem) []string {
	return append(
		sameAs(it), clean(it.Office), clean(it.Practice), clean(it.Title), standingOf(it), useOf(it), peersOf(it), sinceOf(it), strings.Join(careOf(it), "; "), priorOf(in, it.N),
	)
}

// workbook makes the packet as a workbook: texts only, no formula, no link (threats B1).
func workbook(in *Input, p *provisioning.ReviewPacket) ([]byte, error) {
	f := excelize.NewFile()
	defer func() { _ = f.Close() }() // what it read and wrote is in memory
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
		w.do(w.f.SetCellStr(sheet, at, literal(t)))
	}
}

// literal writes a text so that an office program shows it as it is: in a workbook _x0041_ stands for the letter A, and _x001B_ for a control
// that nobody cleaned. excelize 2.11 escapes that and then writes the text as it was (its setSharedString).
func literal(s string) string {
	if !strings.Contains(s, "_x") {
		return s
	}
	const long = len("_x0041_")
	var b strings.Builder
	for i := range len(s) {
		if s[i] == '_' && i+long <= len(s) && s[i+1] == 'x' && s[i+long-1] == '_' && strings.Trim(s[i+2:i+long-1], "0123456789abcdefABCDEF") == "" {
			b.WriteString("_x005F")
		}
		b.WriteByte(s[i]) // of _x0041_ comes _x005F_x0041_
	}
	return b.String()
}

// format locks all but the reviewer's two columns, offers the three decisions, and makes it readable on a screen and on A4.
func (w *writer) format(last int) {
	style := func(s excelize.Style) int {
		id, err := w.f.NewStyle(&s)
		w.do(err)
		return id
	}
	span := func(from, to string, first, last, id int) {
		w.do(w.f.SetCellStyle(sheet, from+strconv.Itoa(first), to+strconv.Itoa(last), id))
	}
	wrap := &excelize.Alignment{WrapText: true, Vertical: "top"}
	span("A", "A", 1, 1, style(excelize.Style{Font: &excelize.Font{Bold: true, Size: 14}}))
	span("A", "O", headRows, headRows, style(excelize.Style{Font: &excelize.Font{Bold: true}, Alignment: wrap, Fill: fill("E8EDF3")}))
	span("A", "M", headRows+1, last, style(excelize.Style{Alignment: wrap}))
	span("N", "O", headRows+1, last, style(excelize.Style{Alignment: wrap, Protection: &excelize.Protection{Locked: false}, Fill: fill("FFF8DC")}))
	for i, width := range []float64{7, 16, 26, 34, 14, 16, 18, 34, 30, 14, 18, 28, 26, 12, 36} {
		column, err := excelize.ColumnNumberToName(i + 1)
		w.do(err)
		w.do(w.f.SetColWidth(sheet, column, column, width))
	}
	w.do(w.f.SetPanes(sheet, &excelize.Panes{Freeze: true, YSplit: headRows, TopLeftCell: fmt.Sprintf("A%d", headRows+1), ActivePane: "bottomLeft"}))
	w.do(w.f.AutoFilter(sheet, fmt.Sprintf("A%d:O%d", headRows, last), nil))
	choice := excelize.NewDataValidation(true)
	choice.SetSqref(fmt.Sprintf("N%d:N%d", headRows+1, last))
	choice.SetError(excelize.DataValidationErrorStyleStop, "Decision", "keep, revoke or ask")
	w.do(choice.SetDropList([]string{"keep", "revoke", "ask"}))
	w.do(w.f.AddDataValidation(sheet, choice))
	a4, across, one, tall := 9, "landscape", 1, 0
	w.do(w.f.SetPageLayout(sheet, &excelize.PageLayoutOptions{Size: &a4, Orientation: &across, FitToWidth: &one, FitToHeight: &tall}))
	fit := true
	w.do(w.f.SetSheetProps(sheet, &excelize.SheetPropsOptions{FitToPage: &fit}))
	w.do(w.f.ProtectSheet(sheet, &excelize.SheetProtectionOptions{SelectLockedCells: true, SelectUnlockedCells: true, AutoFilter: true, FormatColumns: true, FormatRows: true}))
}

func fill(color string) excelize.Fill {
	return excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{color}}
}
