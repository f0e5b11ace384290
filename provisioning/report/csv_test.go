package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"rollcall/provisioning/names"
	"rollcall/provisioning/names/namestest"
	"rollcall/provisioning/report"
)

// formulas is the corpus of texts that a spreadsheet might obey: OWASP's, contracts/threats.md B1, and what was thought of here.
func formulas(t interface{ Fatal(...any) }) []string {
	raw, err := os.ReadFile("testdata/formulas.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// texts draws texts of all kinds: any, hostile to a screen, hostile to a spreadsheet, and long ones made of those.
func texts(t interface{ Fatal(...any) }) *rapid.Generator[string] {
	one := rapid.OneOf(rapid.String(), rapid.SampledFrom(namestest.Hostile()), rapid.SampledFrom(formulas(t)), rapid.StringMatching(`[ ;'"]{0,3}[-=+@|a]{0,2}[a-z ]{0,90}`))
	return rapid.OneOf(one, rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(one, 2, 6).Draw(t, "parts"), rapid.SampledFrom([]string{"", " ", ";", ", "}).Draw(t, "between"))
	}))
}

// expected is a text as it is to be shown, said another way than the code says it: each word cleaned, with the space before it.
func expected(raw string) string {
	var b strings.Builder
	for i, word := range strings.Split(raw, " ") {
		if i > 0 {
			word = " " + word
		}
		b.WriteString(names.Clean(word).Bare())
	}
	return b.String()
}

// obeyed says at which part of a field a spreadsheet would start a formula; "" for none. A part begins at the field's start and after each
// semicolon; an apostrophe at its very start makes it a text.
func obeyed(field string) string {
	for part := range strings.SplitSeq(field, ";") {
		if strings.HasPrefix(part, "'") {
			continue
		}
		first, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(part, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`'"`+"`‘’“”«»", r) }))
		if strings.ContainsRune("=+-@|\t\r\n＝＋－＠", first) {
			return part
		}
	}
	return ""
}

// same reports whether a field is the text, but for an apostrophe that was set at the start of it or after a semicolon.
func same(field, text string) bool {
	got, want := strings.Split(field, ";"), strings.Split(text, ";")
	return slices.EqualFunc(got, want, func(g, w string) bool { return g == w || g == "'"+w })
}

// readCSV reads a written file again, by the standard's own reader.
func readCSV(t interface{ Fatalf(string, ...any) }, out []byte) [][]string {
	body, ok := bytes.CutPrefix(out, []byte("\xef\xbb\xbf"))
	if !ok {
		t.Fatalf("the file does not begin with a byte order mark: %q", out[:min(len(out), 20)])
	}
	if n, crlf := bytes.Count(body, []byte("\n")), bytes.Count(body, []byte("\r\n")); n != crlf || bytes.Count(body, []byte("\r")) != crlf {
		t.Fatalf("%d line feeds, of which %d stand after a carriage return", n, crlf)
	}
	records, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
	if err != nil {
		t.Fatalf("not a CSV file: %v", err)
	}
	return records
}

func TestNoFieldIsAFormula(t *testing.T) {
	text := texts(t)
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 4).Draw(t, "columns")
		rows := rapid.SliceOfN(rapid.SliceOfN(text, width, width), 1, 6).Draw(t, "rows")
		title := text.Draw(t, "title")
		book := single(rows...)
		book.Tables[0].Columns[0].Title = title
		var out bytes.Buffer
		if err := report.WriteCSV(&out, &book.Tables[0]); err != nil {
			t.Fatalf("%v", err)
		}
		records := readCSV(t, out.Bytes())
		if len(records) != len(rows)+1 {
			t.Fatalf("%d records of %d rows", len(records), len(rows))
		}
		for r, record := range records {
			for i, field := range record {
				if part := obeyed(field); part != "" {
					t.Fatalf("row %d: a spreadsheet obeys %q of %q", r, part, field)
				}
				raw := title
				if r > 0 {
					raw = rows[r-1][i]
				} else if i > 0 {
					continue
				}
				if want := expected(raw); !same(field, want) {
					t.Fatalf("row %d: %q came out as %q, cleaned it is %q", r, raw, field, want)
				}
			}
		}
	})
}

// TestEveryFormulaIsMarked holds the corpus field by field: what has to be marked is, and what need not be is left alone.
func TestEveryFormulaIsMarked(t *testing.T) {
	for _, c := range []struct{ raw, field string }{
		{"=1+1", "'=1+1"},
		{"+44 20 7946 0000", "'+44 20 7946 0000"},
		{"-1", "'-1"},
		{"@SUM(1)", "'@SUM(1)"},
		{"|calc", "'|calc"},
		{"\t=1", "'␉=1"},
		{"\r=1", "'␍=1"},
		{"\n=1", "'␊=1"},
		{"\x00=1", "'␀=1"},
		{"  =1", "'  =1"},
		{"\u00a0=1", "'\u00a0=1"},
		{`"=1`, `'"=1`},
		{"'=1", "''=1"},
		{"＝1", "'＝1"},
		{"a;=1", "a;'=1"},
		{"a; \"-1;b", "a;' \"-1;b"},
		{"a=1", "a=1"},
		{"j.smith@example.com", "j.smith@example.com"},
		{"Barnes-Whitfield", "Barnes-Whitfield"},
		{"'t Hooft", "'t Hooft"},
		{"O'Brien; Niamh", "O'Brien; Niamh"},
		{"", ""},
		{" ", " "},
		{"ליאור =1", "ליאור =1"},
	} {
		if got := readCSV(t, written(t, "csv", single([]string{c.raw})))[1][0]; got != c.field {
			t.Errorf("%q came out as %q, not as %q", c.raw, got, c.field)
		}
	}
}

func TestEveryFieldIsQuoted(t *testing.T) {
	b := small()
	b.Tables = b.Tables[1:]
	out := string(written(t, "csv", b))
	for line := range strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(out, "\ufeff"), "\r\n"), "\r\n") {
		for field := range strings.SplitSeq(line, ",") { // of this table no text has a comma in it
			if len(field) < 2 || field[0] != '"' || field[len(field)-1] != '"' {
				t.Errorf("%s is not quoted in %s", field, line)
			}
		}
	}
	if want := `"Berlin","external","12","0","2","","-0.05"`; !strings.Contains(out, want) {
		t.Errorf("numbers and amounts are not plain: %s", out)
	}
}

// TestALongTextIsWhole: what is longer than a name's limit is not cut in a report.
func TestALongTextIsWhole(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("LON-LIT, É ", 2000))
	for _, format := range []string{"csv", "html", "json"} {
		if out := string(written(t, format, single([]string{long}))); !strings.Contains(out, long) {
			t.Errorf("%s: a text of %d bytes was cut", format, len(long))
		}
	}
}
