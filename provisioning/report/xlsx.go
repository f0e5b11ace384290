package report

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/names"
)

// The limits of a workbook, and what we make of them.
const (
	maxRows      = 1_048_576 // of a sheet, its header among them
	maxCellUnits = 32_767    // UTF-16 units of a cell's text; what is longer is cut, and the cut told
	maxSheetName = 31        // UTF-16 units
	exactFloat   = 1e15      // above it a spreadsheet's numbers lose digits, so they are written as text
	widthSample  = 500       // how many rows are looked at for a column's width
	minWidth     = 9
	maxWidth     = 60
)

// aboutSheet is the first sheet: what the workbook is, what each table rests on, and the sums. Sums are not under the rows, where sorting
// and filtering would take them along.
const aboutSheet = "About"

// WriteXLSX writes a book as an Excel workbook: a sheet About, and a sheet for each table with a frozen header, a filter on it and columns
// as wide as their content. Texts are strings and nothing else: there is no formula and no link in it, and a cell's format is "text", so
// that it stays one when somebody edits it (contracts/threats.md B1). Amounts, numbers and times are typed; times are in UTC. A text of more
// than 32,767 characters, which is all that a cell holds, is cut, and both the cell and the sheet About say so. A big sheet is built in a
// file of the system's temporary folder that only its owner may read, and which is gone when WriteXLSX returns.
// The error is Check's, the writer's, or Invalid for more rows than a sheet holds.
func WriteXLSX(w io.Writer, b *Book) (err error) {
	if err := b.check(); err != nil {
		return err
	}
	for i := range b.Tables {
		if len(b.Tables[i].Rows) >= maxRows {
			return &provisioning.Error{
				Code: provisioning.Invalid, Message: fmt.Sprintf("the report %s has %d rows, more than an Excel sheet holds", b.Tables[i].Name, len(b.Tables[i].Rows)),
				Hint: "write it as csv or json",
			}
		}
	}
	file := excelize.NewFile()
	defer func() { err = errors.Join(err, file.Close()) }()
	x := &workbook{file: file}
	if err := x.begin(b); err != nil {
		return err
	}
	for x.table = range b.Tables {
		if err := x.sheet(&b.Tables[x.table]); err != nil {
			return err
		}
	}
	if err := x.about(b); err != nil {
		return err
	}
	return file.Write(w)
}

// workbook is one workbook on its way.
type workbook struct {
	file    *excelize.File
	styles  map[Kind]int
	figures [2]int // numbers and amounts on the sheet About, which stand under texts
	header  int
	title   int
	label   int
	prose   int
	sheets  []string // of the tables, in their order
	cut     []int    // of each table, how many texts were cut
	table   int      // the one that is being written
}

// begin makes the styles, the sheets' names and the file's own description.
func (x *workbook) begin(b *Book) error {
	x.styles = map[Kind]int{}
	top := &excelize.Alignment{Vertical: "top"}
	stamp, number, money := "yyyy-mm-dd hh:mm:ss", "#,##0", "#,##0.00;[Red]-#,##0.00"
	style := func(to *int, s excelize.Style) (err error) {
		*to, err = x.file.NewStyle(&s)
		return err
	}
	left := &excelize.Alignment{Vertical: "top", Horizontal: "left"}
	font := func(f excelize.Font) *excelize.Font { // one that is given anything is given no family
		f.Family = "Calibri"
		return &f
	}
	var text, count, amount, at, yes int
	err := errors.Join(
		style(&text, excelize.Style{NumFmt: 49, Alignment: top}), // 49 is "@", text
		style(&count, excelize.Style{CustomNumFmt: &number, Alignment: top}),
		style(&amount, excelize.Style{CustomNumFmt: &money, Alignment: top}),
		style(&at, excelize.Style{CustomNumFmt: &stamp, Alignment: left}),
		style(&x.figures[0], excelize.Style{CustomNumFmt: &number, Alignment: left}),
		style(&x.figures[1], excelize.Style{CustomNumFmt: &money, Alignment: left}),
		style(&yes, excelize.Style{Alignment: left}),
		style(&x.header, excelize.Style{
			NumFmt: 49, Font: font(excelize.Font{Bold: true, Size: 11, Color: "FFFFFF"}), Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"1F3A5F"}},
			Alignment: &excelize.Alignment{Vertical: "center", WrapText: true},
		}),
		style(&x.title, excelize.Style{NumFmt: 49, Font: font(excelize.Font{Bold: true, Size: 16, Color: "1F3A5F"})}),
		style(&x.label, excelize.Style{NumFmt: 49, Font: font(excelize.Font{Bold: true, Size: 11}), Alignment: &excelize.Alignment{Vertical: "top", WrapText: true}}),
		style(&x.prose, excelize.Style{NumFmt: 49, Alignment: &excelize.Alignment{Vertical: "top", WrapText: true}}),
	)
	if err != nil {
		return err
	}
	x.styles[KindText], x.styles[KindNumber], x.styles[KindMoney], x.styles[KindTime], x.styles[KindBool] = text, count, amount, at, yes
	if err := x.file.SetSheetName("Sheet1", aboutSheet); err != nil {
		return err
	}
	x.cut = make([]int, len(b.Tables)+1) // the last for the sheet About, whose texts say it themselves
	taken := map[string]bool{strings.ToLower(aboutSheet): true}
	for i := range b.Tables {
		x.sheets = append(x.sheets, sheetName(b.Tables[i].Title, b.Tables[i].Name, taken))
	}
	made := At(b.Made).plain()
	return x.file.SetDocProps(&excelize.DocProperties{
		Title: clean(b.Title), Creator: clean(b.By), LastModifiedBy: clean(b.By), Created: made, Modified: made,
	})
}

// sheetName makes a sheet's name of a table's title: without what a sheet's name may not hold, at most 31 units, and not taken yet.
func sheetName(title, name string, taken map[string]bool) string {
	base := strings.Join(strings.FieldsFunc(clean(title), func(r rune) bool { return strings.ContainsRune(`[]:*?/\'"`, r) || r == ' ' || r == '\u00a0' }), " ")
	if base == "" || guarded(base) != base || strings.EqualFold(base, "history") { // Excel keeps History for itself
		base = name
	}
	for n := 1; ; n++ {
		end := ""
		if n > 1 {
			end = " " + strconv.Itoa(n)
		}
		s := strings.TrimSpace(cutUnits(base, maxSheetName-len(end))) + end
		if key := strings.ToLower(s); !taken[key] {
			taken[key] = true
			return s
		}
	}
}

// units counts UTF-16 units, which is how Excel counts.
func units(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

// cutUnits keeps at most so many UTF-16 units of a text.
func cutUnits(s string, most int) string {
	if len(s) <= most {
		return s
	}
	n := 0
	for i, r := range s {
		n++
		if r > 0xffff {
			n++
		}
		if n > most {
			return s[:i]
		}
	}
	return s
}

// sheet writes one table as a sheet.
func (x *workbook) sheet(t *Table) error {
	sheet := x.sheets[x.table]
	if _, err := x.file.NewSheet(sheet); err != nil {
		return err
	}
	last, err := excelize.CoordinatesToCellName(len(t.Columns), len(t.Rows)+1)
	if err != nil {
		return err
	}
	if err := x.file.AutoFilter(sheet, "A1:"+last, nil); err != nil {
		return err
	}
	if err := errors.Join(
		x.file.SetSheetDimension(sheet, "A1:"+last), // some readers believe it
		x.printing(sheet, len(t.Columns) > portraitColumns),
		x.file.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", RefersTo: "'" + sheet + "'!$1:$1", Scope: sheet}),
	); err != nil {
		return err
	}
	out, err := x.file.NewStreamWriter(sheet)
	if err != nil {
		return err
	}
	if err := out.SetPanes(&excelize.Panes{
		Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft",
		Selection: []excelize.Selection{{SQRef: "A2", ActiveCell: "A2", Pane: "bottomLeft"}},
	}); err != nil {
		return err
	}
	for i := len(t.Columns) - 1; i >= 0; i-- { // the stream writer puts each before the others, and a sheet has them in their order
		if err := out.SetColWidth(i+1, i+1, t.width(i)); err != nil {
			return err
		}
	}
	values := make([]any, len(t.Columns))
	for i := range t.Columns {
		values[i] = x.text(x.header, t.heading(i))
	}
	if err := out.SetRow("A1", values); err != nil {
		return err
	}
	for r, row := range t.Rows {
		for i := range row {
			values[i] = x.value(row[i])
		}
		if err := out.SetRow("A"+strconv.Itoa(r+2), values); err != nil {
			return err
		}
	}
	return out.Flush()
}

// printing sets a sheet up for A4: all columns on one page, with page numbers.
func (x *workbook) printing(sheet string, landscape bool) error {
	a4, wide, high, fit := 9, 1, 0, true
	orientation := "portrait"
	if landscape {
		orientation = "landscape"
	}
	return errors.Join(
		x.file.SetSheetProps(sheet, &excelize.SheetPropsOptions{FitToPage: &fit}),
		x.file.SetPageLayout(sheet, &excelize.PageLayoutOptions{Size: &a4, Orientation: &orientation, FitToWidth: &wide, FitToHeight: &high}),
		x.file.SetHeaderFooter(sheet, &excelize.HeaderFooterOptions{OddFooter: "&L&A&R&P / &N"}),
	)
}

// value is a cell as the stream writer takes it; nil is an empty one.
func (x *workbook) value(c Cell) any {
	style := x.styles[c.kind]
	switch c.kind {
	case KindText:
		return x.text(style, clean(c.s))
	case KindNumber:
		if c.n > exactFloat || c.n < -exactFloat {
			return x.text(x.styles[KindText], c.plain())
		}
		return excelize.Cell{StyleID: style, Value: c.n}
	case KindMoney:
		if c.n > exactFloat || c.n < -exactFloat {
			return x.text(x.styles[KindText], c.plain())
		}
		return excelize.Cell{StyleID: style, Value: float64(c.n) / 100}
	case KindTime:
		if c.at.Year() < 1901 || c.at.Year() > 9999 { // before Excel's calendar is sound, or after its end
			return x.text(x.styles[KindText], c.plain())
		}
		return excelize.Cell{StyleID: style, Value: serial(c.at)}
	case KindBool:
		return excelize.Cell{StyleID: style, Value: c.plain()}
	default:
		return nil
	}
}

// serial is a moment as Excel counts: days since the end of 1899. Half a millisecond is added, since not every second has an exact fraction
// of a day, and LibreOffice cuts where Excel rounds: 08:00:18 came out as 08:00:17.
func serial(t time.Time) float64 {
	const daySeconds, half = 24 * 60 * 60, 0.0005
	epoch := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	return (float64(t.Unix()-epoch.Unix()) + half) / daySeconds
}

// text is a cleaned text as a cell; one that is too long is cut, says so, and is counted.
func (x *workbook) text(style int, s string) excelize.Cell {
	if len(s) > maxCellUnits && units(s) > maxCellUnits {
		told := fmt.Sprintf("… [cut: this text has %d characters, and a cell holds %d]", utf8.RuneCountInString(s), maxCellUnits)
		s = cutUnits(s, maxCellUnits-units(told)) + told
		x.cut[x.table]++
	}
	return excelize.Cell{StyleID: style, Value: s}
}

// width is how wide a column of a sheet is, in characters.
func (t *Table) width(column int) float64 {
	widest := names.Clean(t.heading(column)).Width() + 3 // the filter's button
	for _, row := range t.Rows[:min(len(t.Rows), widthSample)] {
		switch c := row[column]; c.kind {
		case KindText:
			widest = max(widest, names.Clean(c.s).Width()+1)
		case KindMoney:
			widest = max(widest, len(hundredths(c.n, ","))+1)
		case KindTime:
			widest = max(widest, len("2006-01-02 15:04:05")+1)
		default:
			widest = max(widest, len(c.plain())+2)
		}
	}
	return float64(min(max(widest, minWidth), maxWidth))
}

// figure is a value on the sheet About.
func (x *workbook) figure(c Cell) any {
	v, ok := x.value(c).(excelize.Cell)
	if !ok {
		return nil
	}
	switch v.StyleID {
	case x.styles[KindNumber]:
		v.StyleID = x.figures[0]
	case x.styles[KindMoney]:
		v.StyleID = x.figures[1]
	}
	return v
}

// about writes the first sheet, last: by then it is known what was cut.
func (x *workbook) about(b *Book) error {
	const labels, texts = 28, 90
	x.table = len(b.Tables)
	if err := x.printing(aboutSheet, false); err != nil {
		return err
	}
	out, err := x.file.NewStreamWriter(aboutSheet)
	if err != nil {
		return err
	}
	if err := errors.Join(out.SetColWidth(2, 2, texts), out.SetColWidth(1, 1, labels)); err != nil {
		return err
	}
	n := 0
	row := func(values ...any) {
		n++
		err = errors.Join(err, out.SetRow("A"+strconv.Itoa(n), values))
	}
	pair := func(label, s string) {
		if s != "" {
			row(x.text(x.label, label), x.text(x.prose, clean(s)))
		}
	}
	row(x.text(x.title, clean(b.Title)))
	pair("Firm", b.Firm)
	pair("Made by", b.By)
	if !b.Made.IsZero() {
		row(x.text(x.label, "Made at (UTC)"), x.value(At(b.Made)))
	}
	for _, note := range b.Notes {
		pair("Note", note)
	}
	for i := range b.Tables {
		t := &b.Tables[i]
		n++
		row(x.text(x.header, clean(t.Title)), x.text(x.header, "sheet "+x.sheets[i]))
		if t.Firm != b.Firm {
			pair("Firm", t.Firm)
		}
		if t.By != b.By {
			pair("Made by", t.By)
		}
		if !t.Made.IsZero() && !t.Made.Equal(b.Made) {
			row(x.text(x.label, "Made at (UTC)"), x.value(At(t.Made)))
		}
		row(x.text(x.label, "Rows"), x.figure(Number(int64(len(t.Rows)))))
		for _, s := range t.Sums {
			label := clean(s.Label)
			if s.Value.kind == KindMoney {
				label += " (" + s.Value.currency + ")"
			}
			row(x.text(x.label, label), x.figure(s.Value))
		}
		for _, note := range t.Notes {
			pair("Note", note)
		}
		if x.cut[i] > 0 {
			pair("Note", fmt.Sprintf("%d of its texts are longer than the %d characters that a cell holds, and were cut. The JSON report has them whole.", x.cut[i], maxCellUnits))
		}
	}
	if err != nil {
		return err
	}
	return out.Flush()
}
