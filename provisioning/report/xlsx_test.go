package report_test

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/names/namestest"
	"rollcall/provisioning/report"
)

// unzip gives the files in a workbook.
func unzip(t interface{ Fatal(...any) }, out []byte) map[string][]byte {
	z, err := zip.NewReader(bytes.NewReader(out), int64(len(out)))
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if parts[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return parts
}

// tidy makes a sheet one that can be read: no list of namespaces, a row on a line.
func tidy(part []byte) []byte {
	s := string(part)
	for _, element := range []string{"<worksheet", "<workbook"} {
		if i := strings.Index(s, element+" "); i >= 0 {
			s = s[:i] + element + s[i+strings.IndexByte(s[i:], '>'):]
		}
	}
	for _, element := range []string{"<row ", "<sheetData", "</sheetData", "<cols", "<definedName ", "<autoFilter", "<sheet ", "<pageSetup"} {
		s = strings.ReplaceAll(s, element, "\n"+element)
	}
	return []byte(s + "\n")
}

// checkPassive fails where a workbook holds anything that does something: a formula, a link, a name that is not a filter's or a print
// title's, a connection, a macro, another file.
func checkPassive(t interface{ Fatalf(string, ...any) }, parts map[string][]byte) {
	for name, part := range parts {
		known := strings.HasPrefix(name, "xl/worksheets/sheet") || strings.HasPrefix(name, "docProps/") || strings.HasPrefix(name, "xl/theme/")
		switch name {
		case "[Content_Types].xml", "_rels/.rels", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml", "xl/sharedStrings.xml":
			known = true
		}
		if !known || !strings.HasSuffix(name, "s") && !strings.HasSuffix(name, ".xml") {
			t.Fatalf("the workbook holds %s", name)
		}
		tokens := xml.NewDecoder(bytes.NewReader(part))
		for {
			token, err := tokens.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			start, ok := token.(xml.StartElement)
			if !ok {
				continue
			}
			switch strings.ToLower(start.Name.Local) {
			case "f", "formula", "formula1", "hyperlink", "hyperlinks", "externalreference", "ddelink", "olelink", "oleobject", "control", "webpublishitem", "datavalidation", "cfrule":
				t.Fatalf("%s holds an element %s", name, start.Name.Local)
			case "definedname":
				for _, a := range start.Attr {
					if a.Name.Local == "name" && a.Value != "_xlnm._FilterDatabase" && a.Value != "_xlnm.Print_Titles" {
						t.Fatalf("%s defines the name %s", name, a.Value)
					}
				}
			}
			for _, a := range start.Attr {
				if a.Name.Local == "TargetMode" || (a.Name.Local == "t" && start.Name.Local == "c" && a.Value == "str") {
					t.Fatalf("%s: %s has %s=%q", name, start.Name.Local, a.Name.Local, a.Value)
				}
			}
		}
	}
}

// open reads a workbook again.
func open(t interface{ Fatal(...any) }, out []byte) *excelize.File {
	f, err := excelize.OpenReader(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestNoCellIsAFormula(t *testing.T) {
	check := func(t interface {
		Fatal(...any)
		Fatalf(string, ...any)
	}, title string, rows [][]string,
	) {
		book := single(rows...)
		book.Title, book.Firm, book.By, book.Notes = title, title, title, []string{title}
		book.Tables[0].Title, book.Tables[0].Columns[0].Title = title, title
		book.Tables[0].Count(title)
		var out bytes.Buffer
		if err := report.WriteXLSX(&out, book); err != nil {
			t.Fatal(err)
		}
		checkPassive(t, unzip(t, out.Bytes()))
		f := open(t, out.Bytes())
		defer f.Close()
		sheets := f.GetSheetList()
		if len(sheets) != 2 || sheets[0] != "About" {
			t.Fatalf("the sheets are %q", sheets)
		}
		read, err := f.GetRows(sheets[1])
		if err != nil {
			t.Fatal(err)
		}
		for r := range rows {
			for i, raw := range rows[r] {
				got := ""
				if r+1 < len(read) && i < len(read[r+1]) {
					got = read[r+1][i]
				}
				if want := expected(raw); got != want {
					t.Fatalf("%q came out as %q, cleaned it is %q", raw, got, want)
				}
			}
		}
	}
	var corpus [][]string
	for _, s := range append(formulas(t), namestest.Hostile()...) {
		corpus = append(corpus, []string{s})
		check(t, s, [][]string{{s}})
	}
	check(t, "all", corpus)
	text := texts(t)
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 3).Draw(t, "columns")
		check(t, text.Draw(t, "title"), rapid.SliceOfN(rapid.SliceOfN(text, width, width), 1, 4).Draw(t, "rows"))
	})
}

// TestCellsAreTyped reads the small book again: numbers are numbers, amounts amounts, times times.
func TestCellsAreTyped(t *testing.T) {
	f := open(t, written(t, "xlsx", small()))
	defer f.Close()
	for _, c := range []struct{ sheet, cell, raw, shown string }{
		{"Leavers with certificates", "C1", "Left (UTC)", "Left (UTC)"},
		{"Leavers with certificates", "C2", "46079.3750000057", "2026-02-26 09:00:00"},
		{"Leavers with certificates", "D3", "", ""},
		{"Leavers with certificates", "E3", "1200", "1,200"},
		{"Leavers with certificates", "E4", "-1", "-1"},
		{"Leavers with certificates", "F2", "yes", "yes"},
		{"Seats by office 2026", "G1", "Cost a year (GBP)", "Cost a year (GBP)"},
		{"Seats by office 2026", "G2", "150625", "150,625.00"},
		{"Seats by office 2026", "G3", "-0.05", "-0.05"},
	} {
		raw, err := f.GetCellValue(c.sheet, c.cell, excelize.Options{RawCellValue: true})
		if err != nil || raw != c.raw {
			t.Errorf("%s %s holds %q (%v), not %q", c.sheet, c.cell, raw, err, c.raw)
		}
		if shown, err := f.GetCellValue(c.sheet, c.cell); err != nil || shown != c.shown {
			t.Errorf("%s %s shows %q (%v), not %q", c.sheet, c.cell, shown, err, c.shown)
		}
	}
}

// TestWhatASheetCannotHold is written as text: digits are not lost, and a time outside Excel's calendar is not bent.
func TestWhatASheetCannotHold(t *testing.T) {
	old := time.Date(1815, 12, 10, 0, 0, 0, 0, time.UTC)
	b := &report.Book{Title: "x", Tables: []report.Table{{
		Name: "x", Title: "x",
		Columns: []report.Column{{Key: "n", Title: "n", Kind: report.KindNumber}, {Key: "m", Title: "m", Kind: report.KindMoney}, {Key: "t", Title: "t", Kind: report.KindTime}},
		Rows:    [][]report.Cell{{report.Number(9_007_199_254_740_993), report.Amount(-9_223_372_036_854_775_808, "GBP"), report.At(old)}},
	}}}
	f := open(t, written(t, "xlsx", b))
	defer f.Close()
	for cell, want := range map[string]string{"A2": "9007199254740993", "B2": "-92233720368547758.08", "C2": "1815-12-10T00:00:00Z"} {
		if got, err := f.GetCellValue("x", cell); err != nil || got != want {
			t.Errorf("%s is %q (%v), not %q", cell, got, err, want)
		}
	}
}

func TestACutIsTold(t *testing.T) {
	const limit = 32767
	whole := strings.Repeat("word ", limit/5) + "é."                        // the last that fits
	long := strings.Repeat("word ", limit/5) + "é.." + " \U0001f600"        // one too many, and what is two units
	b := single([]string{whole}, []string{long}, []string{"short"})         // one of them is cut
	b.Tables = append(b.Tables, single([]string{"as it is"}).Tables[0])     // and of this none
	b.Tables[1].Name, b.Tables[1].Title = "others", strings.Repeat("T", 40) // a title that no sheet can have
	f := open(t, written(t, "xlsx", b))
	defer f.Close()
	rows, err := f.GetRows("Texts")
	if err != nil {
		t.Fatal(err)
	}
	if rows[1][0] != whole {
		t.Errorf("a text of %d units was changed", len(utf16.Encode([]rune(whole))))
	}
	cut := rows[2][0]
	if n := len(utf16.Encode([]rune(cut))); n != limit || !strings.HasSuffix(cut, "[cut: this text has 32770 characters, and a cell holds 32767]") {
		t.Errorf("a text that is too long came out with %d units, and its end is %q", n, cut[len(cut)-80:])
	}
	about, err := f.GetRows("About")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, row := range about {
		for _, cell := range row {
			if strings.Contains(cell, "were cut") {
				told = append(told, cell)
			}
		}
	}
	if len(told) != 1 || !strings.HasPrefix(told[0], "1 of its texts") {
		t.Errorf("the sheet About tells %q", told)
	}
}

// TestSheetNames: whatever the titles are, every sheet has a name that Excel takes, and no two have the same.
func TestSheetNames(t *testing.T) {
	text := rapid.OneOf(texts(t), rapid.SampledFrom([]string{"About", "ABOUT", "history", "History", "[]:*?/\\", "''", strings.Repeat("x", 31), strings.Repeat("X", 40), strings.Repeat("😀", 20)}))
	rapid.Check(t, func(t *rapid.T) {
		titles := rapid.SliceOfN(text, 1, 6).Draw(t, "titles")
		b := &report.Book{Title: "x"}
		for i, title := range titles {
			table := single([]string{"row " + strconv.Itoa(i)}).Tables[0]
			table.Name, table.Title = "t-"+string(rune('a'+i)), title
			b.Tables = append(b.Tables, table)
		}
		var out bytes.Buffer
		if err := report.WriteXLSX(&out, b); err != nil {
			t.Fatal(err)
		}
		f := open(t, out.Bytes())
		defer f.Close()
		seen := map[string]bool{}
		for i, sheet := range f.GetSheetList() {
			if n := len(utf16.Encode([]rune(sheet))); n == 0 || n > 31 || strings.ContainsAny(sheet, `[]:*?/\'`) || strings.EqualFold(sheet, "history") || seen[strings.ToLower(sheet)] || obeyed(sheet) != "" {
				t.Fatalf("%q makes the sheet %q, of %q", titles, sheet, f.GetSheetList())
			}
			seen[strings.ToLower(sheet)] = true
			if i == 0 {
				continue
			}
			if got, err := f.GetCellValue(sheet, "A2"); err != nil || got != "row "+strconv.Itoa(i-1) {
				t.Fatalf("the sheet %q holds %q (%v)", sheet, got, err)
			}
		}
		if len(seen) != len(titles)+1 {
			t.Fatalf("%d sheets of %d tables", len(seen), len(titles))
		}
	})
}

func TestMoreRowsThanASheetHolds(t *testing.T) {
	b := single([]string{"x"})
	row := b.Tables[0].Rows[0]
	b.Tables[0].Rows = make([][]report.Cell, 1<<20)
	for i := range b.Tables[0].Rows {
		b.Tables[0].Rows[i] = row
	}
	var out bytes.Buffer
	if err := report.WriteXLSX(&out, b); provisioning.CodeOf(err) != provisioning.Invalid || out.Len() > 0 {
		t.Errorf("%v, and %d bytes were written", err, out.Len())
	}
}
