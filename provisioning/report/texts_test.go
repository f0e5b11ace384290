package report_test

import (
	"bytes"
	"strings"
	"testing"

	"rollcall/provisioning/report"
)

// TestMinutes: minutes are days and hours on a screen and minutes in a file, and nothing where nobody knows.
func TestMinutes(t *testing.T) {
	table := report.Table{Name: "figure", Title: "Left", Columns: []report.Column{{Key: "minutes", Title: "Minutes", Kind: report.KindNumber, Minutes: true}, {Key: "n", Title: "N", Kind: report.KindNumber}}}
	want := []string{"0 min", "59 min", "1 h 0 min", "23 h 59 min", "1 d 0 h", "25 d 3 h", ""}
	for _, n := range []int64{0, 59, 60, 1439, 1440, 36237} {
		table.Rows = append(table.Rows, []report.Cell{report.Number(n), report.Number(n)})
	}
	table.Rows = append(table.Rows, []report.Cell{report.None(), report.None()})
	for i, text := range want {
		if got := table.Texts(i)[0]; got != text {
			t.Errorf("%q, not %q", got, text)
		}
	}
	if got := table.Texts(5)[1]; got != "36237" {
		t.Errorf("a number that is no time: %q", got)
	}
	var file bytes.Buffer
	if err := report.WriteCSV(&file, &table); err != nil || !strings.Contains(file.String(), `"36237","36237"`) {
		t.Errorf("%v %s", err, file.String())
	}
}
