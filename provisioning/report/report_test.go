package report_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/report"
)

// TestWhatIsNotWritten: a table that is wrong is refused by every format, with the reason, before a byte is written.
func TestWhatIsNotWritten(t *testing.T) {
	for _, c := range []struct {
		what   string
		spoil  func(*report.Table)
		reason string
	}{
		{"a name out of data", func(t *report.Table) { t.Name = "../leavers" }, "its name"},
		{"no name", func(t *report.Table) { t.Name = "" }, "its name"},
		{"no columns", func(t *report.Table) { t.Columns = nil }, "no columns"},
		{"a key twice", func(t *report.Table) { t.Columns[1].Key = t.Columns[0].Key }, "there twice"},
		{"a key that is no word", func(t *report.Table) { t.Columns[1].Key = `a": "b` }, "not a word"},
		{"a column of no kind", func(t *report.Table) { t.Columns[1].Kind = "formula" }, "of no kind"},
		{"a short row", func(t *report.Table) { t.Rows[1] = t.Rows[1][:3] }, "row 2 has 3 cells for 7 columns"},
		{"a text among numbers", func(t *report.Table) { t.Rows[0][2] = report.Text("=1") }, "row 1 holds a text in the number column seats"},
		{"two currencies", func(t *report.Table) { t.Rows[1][6] = report.Amount(1, "EUR") }, `row 2 of cost is in "EUR"`},
		{"a currency out of data", func(t *report.Table) {
			t.Rows[0][6], t.Rows[1][6] = report.Amount(1, "=1+"), report.Amount(1, "=1+")
		}, "three capital letters"},
		{"a sum that is wrong", func(t *report.Table) { t.Sums[0].Value = report.Number(1261) }, `"seats" says 1261, and the rows say 1262`},
		{"a sum in another currency", func(t *report.Table) { t.Sums[1].Value = report.Amount(15062495, "EUR") }, `"a year" says`},
		{"a sum of texts", func(t *report.Table) { t.Total("offices", "office") }, "cannot be added up"},
		{"a sum that is too much", func(t *report.Table) {
			t.Rows[0][2], t.Rows[1][2] = report.Number(math.MaxInt64), report.Number(1)
			t.Sums = nil
			t.Total("seats", "seats")
		}, "cannot be added up"},
		{"a count that is wrong", func(t *report.Table) {
			t.Count("rows")
			t.Rows = t.Rows[:1]
			t.Sums = t.Sums[2:]
		}, `"rows" says 2, and the rows say 1`},
	} {
		for _, f := range report.Formats() {
			b := small()
			b.Tables = b.Tables[1:]
			c.spoil(&b.Tables[0])
			var out bytes.Buffer
			err := f.Write(&out, b)
			if provisioning.CodeOf(err) != provisioning.Invalid || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("%s as %s: %v, and not %q", c.what, f.Name, err, c.reason)
			}
			if out.Len() > 0 {
				t.Errorf("%s as %s: %d bytes were written", c.what, f.Name, out.Len())
			}
		}
	}
}

func TestOneNameTwice(t *testing.T) {
	b := small()
	b.Tables[1].Name = b.Tables[0].Name
	for _, f := range report.Formats()[1:] {
		var out bytes.Buffer
		if err := f.Write(&out, b); provisioning.CodeOf(err) != provisioning.Invalid || out.Len() > 0 {
			t.Errorf("%s: %v, and %d bytes were written", f.Name, err, out.Len())
		}
	}
}

// TestSeveralTablesAreNoCSV: only one table goes into a CSV file, and no table is left out without a word.
func TestSeveralTablesAreNoCSV(t *testing.T) {
	csv, err := report.FormatOf("csv")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := csv.Write(&out, small()); provisioning.CodeOf(err) != provisioning.Invalid || out.Len() > 0 || csv.Books {
		t.Errorf("%v, and %d bytes were written", err, out.Len())
	}
	if _, err := report.FormatOf("pdf"); provisioning.CodeOf(err) != provisioning.Invalid || !strings.Contains(provisioning.Reason(err), "csv, xlsx, json, html") {
		t.Errorf("pdf: %v", err)
	}
}

// full is a disk that takes so many bytes.
type full struct{ left int }

var errFull = errors.New("no space left on device")

func (f *full) Write(p []byte) (int, error) {
	if len(p) > f.left {
		n := f.left
		f.left = 0
		return n, errFull
	}
	f.left -= len(p)
	return len(p), nil
}

// TestAFullDisk: a file that was not written whole is never said to be.
func TestAFullDisk(t *testing.T) {
	b := small()
	b.Tables = b.Tables[:1]
	for range 2000 { // more than any buffer holds
		b.Tables[0].Rows = append(b.Tables[0].Rows, b.Tables[0].Rows[0])
	}
	b.Tables[0].Sums = nil
	for _, f := range report.Formats() {
		whole := len(written(t, f.Name, b))
		for _, left := range []int{0, 1, whole / 2, whole - 1} {
			if err := f.Write(&full{left}, b); !errors.Is(err, errFull) {
				t.Errorf("%s on a disk with room for %d of %d bytes: %v", f.Name, left, whole, err)
			}
		}
		if err := f.Write(&full{whole}, b); err != nil {
			t.Errorf("%s on a disk with just enough room: %v", f.Name, err)
		}
	}
}

// TestSumsAgree: whatever the rows are, the sums that a table makes are theirs, counted here by another route.
func TestSumsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOf(rapid.OneOf(rapid.Just(int64(math.MinInt32)), rapid.Int64Range(-1e9, 1e9))).Draw(t, "numbers")
		table := report.Table{Name: "x", Columns: []report.Column{{Key: "n", Kind: report.KindNumber}, {Key: "m", Kind: report.KindMoney}}}
		want, known := int64(0), 0
		for i, n := range numbers {
			row := []report.Cell{report.Number(n), report.None()}
			if i%2 == 0 {
				row = []report.Cell{report.Number(n), report.Amount(provisioning.Money(n), "GBP")}
				known++
			}
			want += n
			table.Rows = append(table.Rows, row)
		}
		table.Count("rows")
		table.Total("n", "n")
		table.Total("m", "m")
		if err := table.Check(); err != nil {
			t.Fatalf("%v", err)
		}
		if table.Sums[0].Value != report.Number(int64(len(numbers))) || table.Sums[1].Value != report.Number(want) {
			t.Fatalf("the sums are %+v", table.Sums)
		}
	})
}

// TestCells: nothing is not a zero, and a time is to the second in UTC.
func TestCells(t *testing.T) {
	if report.At(time.Time{}) != report.None() || report.Text("") == report.None() || report.Number(0) == report.None() || report.Yes(false) == report.None() {
		t.Error("nothing is mistaken for something")
	}
	zone := time.FixedZone("CET", 3600)
	at := time.Date(2026, 3, 1, 10, 0, 0, 999, zone)
	if report.At(at) != report.At(at.UTC().Truncate(time.Second)) {
		t.Error("a moment is not one in two zones")
	}
}
