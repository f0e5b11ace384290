package browser_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/names"
	"rollcall/provisioning/names/namestest"
	"rollcall/provisioning/report"
)

// corpus is every text that was made to be obeyed: by a spreadsheet, by a terminal, by a browser.
func corpus(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("../testdata/formulas.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	list = append(list, namestest.Hostile()...)
	return append(
		list,
		`"><script>window.canary=1</script>`, `<img src=x onerror="window.canary=2">`, `' onmouseover='window.canary=3' autofocus onfocus='window.canary=4`,
		"</style><script>window.canary=5</script>", "</title><script>window.canary=6</script>", "<svg onload=window.canary=7>", "<!--", "--><script>window.canary=8</script>",
		"javascript:window.canary=9", `<a href="javascript:window.canary=10">x</a>`, "<iframe srcdoc='<script>parent.canary=11</script>'>", "<base href=http://evil.example/>",
		`<meta http-equiv=refresh content="0;url=http://evil.example/">`, "<style>*{background:url(http://evil.example/)}</style>", "<link rel=stylesheet href=http://evil.example/>",
		"<template><script>window.canary=12</script></template>", "<math><mtext></form><form><mglyph><style></math><img src onerror=window.canary=13>", "{{constructor.constructor('window.canary=14')()}}",
	)
}

// hostile is a book with the corpus in every place that a text has.
func hostile(t *testing.T) *report.Book {
	list := corpus(t)
	all := strings.Join(list, " ")
	b := &report.Book{Title: all, Firm: all, By: all, Made: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), Notes: list}
	texts := report.Table{
		Name: "texts", Title: all, Notes: list,
		Columns: []report.Column{{Key: "n", Title: "n", Kind: report.KindNumber, Bar: true}, {Key: "text", Title: "text", Kind: report.KindText}},
	}
	wide := report.Table{Name: "wide", Title: "wide"}
	for i, s := range list {
		texts.Rows = append(texts.Rows, []report.Cell{report.Number(int64(i)), report.Text(s)})
		wide.Columns = append(wide.Columns, report.Column{Key: "c" + strconv.Itoa(i), Title: s, Kind: report.KindText})
	}
	texts.Count(all)
	wide.Columns = wide.Columns[len(wide.Columns)-12:]
	for row := range slices.Chunk(list, 12) {
		var cells []report.Cell
		for i := range 12 {
			cells = append(cells, report.Text(row[i%len(row)]))
		}
		wide.Rows = append(wide.Rows, cells)
	}
	b.Tables = []report.Table{texts, wide}
	return b
}

// cells are what LibreOffice made of a sheet's cell.
type cell struct{ formula, kind, text string }

// sheets reads a flat OpenDocument file: for each sheet its rows.
func sheets(t *testing.T, file string) map[string][][]cell {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tokens, out := xml.NewDecoder(bytes.NewReader(raw)), map[string][][]cell{}
	sheet, repeat, inCell, paragraphs := "", 1, false, 0
	var current cell
	attr := func(e xml.StartElement, name string) string {
		for _, a := range e.Attr {
			if a.Name.Local == name {
				return a.Value
			}
		}
		return ""
	}
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 1
		}
		return n
	}
	for {
		token, err := tokens.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			switch e.Name.Local {
			case "table":
				sheet = attr(e, "name")
			case "table-row":
				out[sheet] = append(out[sheet], nil)
			case "table-cell":
				inCell, paragraphs = true, 0
				current, repeat = cell{formula: attr(e, "formula"), kind: attr(e, "value-type")}, number(attr(e, "number-columns-repeated"))
			case "p":
				if paragraphs++; paragraphs > 1 {
					current.text += "\n"
				}
			case "s":
				current.text += strings.Repeat(" ", number(attr(e, "c")))
			case "a", "event-listener", "dde-source", "database-range-source-sql":
				out["links"] = append(out["links"], []cell{{formula: "a " + e.Name.Local}}) // as bad as a formula
			}
		case xml.CharData:
			if inCell && paragraphs > 0 && strings.TrimSpace(string(e)) != "" || inCell && paragraphs > 0 && !strings.Contains(string(e), "\n") {
				current.text += string(e)
			}
		case xml.EndElement:
			if e.Name.Local == "table-cell" {
				inCell = false
				rows := out[sheet]
				for range min(repeat, 64) {
					rows[len(rows)-1] = append(rows[len(rows)-1], current)
				}
			}
		}
	}
}

// convert has LibreOffice open files and write what it understood. Each call is one run, with a profile of its own.
func convert(t *testing.T, profile, filter string, files ...string) string {
	t.Helper()
	out := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	args := []string{"-env:UserInstallation=file://" + profile, "--headless", "--norestore", "--nolockcheck"}
	if filter != "" {
		args = append(args, "--infilter="+filter)
	}
	command := exec.CommandContext(ctx, "soffice", append(append(args, "--convert-to", "fods", "--outdir", out), files...)...)
	if said, err := command.CombinedOutput(); err != nil {
		t.Fatalf("soffice is needed (testdata/run.sh installs it where it may): %v\n%s", err, said)
	}
	return out
}

// shown is a text as names.Clean shows it, word by word.
func shown(raw string) string {
	var b strings.Builder
	for i, word := range strings.Split(raw, " ") {
		if i > 0 {
			word = " " + word
		}
		b.WriteString(names.Clean(word).Bare())
	}
	return b.String()
}

func formulasIn(rows map[string][][]cell) (n int, first string) {
	for _, sheet := range rows {
		for _, row := range sheet {
			for _, c := range row {
				if c.formula != "" {
					if n++; n == 1 {
						first = c.formula
					}
				}
			}
		}
	}
	return n, first
}

// TestLibreOfficeObeysNothing opens the corpus in LibreOffice, told to evaluate formulas: as CSV split at commas and at semicolons, and as
// a workbook. No cell is a formula, and every text is there. The same corpus written with no care, beside it, shows that it would have been.
func TestLibreOfficeObeysNothing(t *testing.T) {
	dir, list := t.TempDir(), corpus(t)
	book := hostile(t)
	write := func(name string, f func(io.Writer) error) string {
		file := filepath.Join(dir, name)
		var out bytes.Buffer
		if err := f(&out); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	texts := write("texts.csv", func(w io.Writer) error { return report.WriteCSV(w, &book.Tables[0]) })
	wide := write("wide.csv", func(w io.Writer) error { return report.WriteCSV(w, &book.Tables[1]) })
	careless := write("careless.csv", func(w io.Writer) error {
		c := csv.NewWriter(w)
		for _, s := range list {
			if err := c.Write([]string{s, "x"}); err != nil {
				return err
			}
		}
		c.Flush()
		return c.Error()
	})
	workbook := write("book.xlsx", func(w io.Writer) error { return report.WriteXLSX(w, book) })

	profile := t.TempDir()
	const evaluate = "CSV:%d,34,76,1,,0,false,true,false,false,false,0,true" // separator, quote, UTF-8, from line 1; the last one: formulas are evaluated
	commas := convert(t, profile, fmt.Sprintf(evaluate, ','), texts, wide, careless)
	semicolons := convert(t, profile, fmt.Sprintf(evaluate, ';'), texts, wide, careless)
	books := convert(t, profile, "", workbook)

	for _, out := range []string{commas, semicolons} {
		if n, _ := formulasIn(sheets(t, filepath.Join(out, "careless.fods"))); n < 20 {
			t.Errorf("the corpus written without care has only %d formulas: this test sees nothing", n)
		}
		for _, name := range []string{"texts.fods", "wide.fods"} {
			if n, first := formulasIn(sheets(t, filepath.Join(out, name))); n > 0 {
				t.Errorf("%s: %d cells are formulas, such as %s", name, n, first)
			}
		}
	}
	read := sheets(t, filepath.Join(books, "book.fods"))
	if n, first := formulasIn(read); n > 0 {
		t.Errorf("the workbook: %d cells are formulas, such as %s", n, first)
	}
	for _, source := range []struct {
		rows [][]cell
		csv  bool
	}{{sheets(t, filepath.Join(commas, "texts.fods"))["texts"], true}, {read[sheetOf(read)], false}} {
		if len(source.rows) < len(list)+1 {
			t.Fatalf("%d rows of %d", len(source.rows), len(list)+1)
		}
		for i, raw := range list {
			row, want := source.rows[i+1], shown(raw)
			got := ""
			if len(row) > 1 {
				got = row[1].text
			}
			switch {
			case row[0].text != strconv.Itoa(i):
				t.Fatalf("row %d begins with %q", i, row[0].text)
			case got == want && (row[1].kind == "string" || want == ""):
			case source.csv && strings.ReplaceAll(got, "'", "") == strings.ReplaceAll(want, "'", ""): // marked
			case source.csv && regexp.MustCompile(`^(TRUE|[0-9][0-9:/e.-]*)$`).MatchString(want) && row[1].kind != "string": // a file of texts cannot say that this is one
			default:
				t.Errorf("%q is there as %q, of type %s; it should be %q (CSV: %v)", raw, got, row[1].kind, want, source.csv)
			}
		}
	}
}

// sheetOf finds the sheet of the texts: its name is made of all of them.
func sheetOf(read map[string][][]cell) string {
	for name := range read {
		if name != "About" && name != "wide" {
			return name
		}
	}
	return ""
}

// TestLibreOfficeReadsTheFigures: what is typed is typed: amounts with their decimals, times as times, to the second.
func TestLibreOfficeReadsTheFigures(t *testing.T) {
	at := time.Date(2026, 3, 1, 8, 0, 7, 0, time.UTC)
	b := &report.Book{Title: "Figures", Made: at, Tables: []report.Table{{
		Name: "figures", Title: "Figures of a year",
		Columns: []report.Column{{Key: "n", Title: "N", Kind: report.KindNumber}, {Key: "cost", Title: "Cost", Kind: report.KindMoney}, {Key: "at", Title: "At", Kind: report.KindTime}, {Key: "yes", Title: "Yes", Kind: report.KindBool}},
		Rows: [][]report.Cell{
			{report.Number(-1250), report.Amount(provisioning.Money(150_625_05), "GBP"), report.At(at), report.Yes(true)},
			{report.None(), report.Amount(-7, "GBP"), report.At(at.Add(11 * time.Second)), report.Yes(false)},
		},
	}}}
	for i := range 500 {
		b.Tables[0].Rows = append(b.Tables[0].Rows, []report.Cell{report.None(), report.None(), report.At(at.Add(time.Duration(i) * 173 * time.Second)), report.None()})
	}
	file := filepath.Join(t.TempDir(), "figures.xlsx")
	var out bytes.Buffer
	if err := report.WriteXLSX(&out, b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	read := sheets(t, filepath.Join(convert(t, t.TempDir(), "", file), "figures.fods"))["Figures of a year"]
	want := [][]cell{
		{{kind: "string", text: "N"}, {kind: "string", text: "Cost (GBP)"}, {kind: "string", text: "At (UTC)"}, {kind: "string", text: "Yes"}},
		{{kind: "float", text: "-1,250"}, {kind: "float", text: "150,625.05"}, {kind: "date", text: "2026-03-01 08:00:07"}, {kind: "string", text: "yes"}},
		{{}, {kind: "float", text: "-0.07"}, {kind: "date", text: "2026-03-01 08:00:18"}, {kind: "string", text: "no"}},
	}
	for i := range 500 { // a second has no exact fraction of a day: look at many
		want = append(want, []cell{{}, {}, {kind: "date", text: at.Add(time.Duration(i) * 173 * time.Second).Format("2006-01-02 15:04:05")}})
	}
	for r := range want {
		if got := read[r][:len(want[r])]; !slices.Equal(got, want[r]) {
			t.Errorf("row %d is %+v, not %+v", r, got, want[r])
		}
	}
}
