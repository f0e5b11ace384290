package report_test

import (
	"bytes"
	"testing"
	"time"

	"rollcall/provisioning/report"
)

// small is a book of two tables with every kind of cell, and with texts that must not be obeyed.
func small() *report.Book {
	made := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	b := &report.Book{
		Title: "Leavers and seats", Firm: "Example & Partners LLP", By: "l.ortiz", Made: made,
		Notes: []string{"Made from the snapshot of 1 March 2026, which was proven complete.", "iManage publishes no last sign-in: use is inferred, and unknown use is never counted as none."},
	}
	leavers := report.Table{
		Name: "leavers", Title: "Leavers with certificates", Firm: b.Firm, By: b.By, Made: made,
		Notes: []string{"Seen off means that the account was read as closed; it says nothing of sessions."},
		Columns: []report.Column{
			{Key: "account", Title: "Account", Kind: report.KindText},
			{Key: "name", Title: "Name", Kind: report.KindText},
			{Key: "left", Title: "Left", Kind: report.KindTime},
			{Key: "seen_off", Title: "Seen off", Kind: report.KindTime},
			{Key: "days", Title: "Days open", Kind: report.KindNumber, Bar: true},
			{Key: "certificate", Title: "Certificate", Kind: report.KindBool},
		},
		Rows: [][]report.Cell{
			{report.Text("ALINDQ"), report.Text("Åsa Lindqvist"), report.At(made.AddDate(0, 0, -3)), report.At(made.Add(-time.Hour)), report.Number(3), report.Yes(true)},
			{report.Text("=BAD()"), report.Text("<script>alert(1)</script>\x1b[31m\u202e"), report.At(made.AddDate(0, 0, -12)), report.None(), report.Number(1200), report.Yes(false)},
			{report.Text("OBRIEN"), report.Text("Niamh O’Brien; =1+1, \"q\""), report.None(), report.None(), report.Number(-1), report.None()},
		},
	}
	leavers.Count("leavers")
	leavers.Total("days open in all", "days")
	seats := report.Table{
		Name: "seats", Title: "Seats: by office [2026]", Firm: b.Firm, By: b.By, Made: made.Add(time.Minute),
		Columns: []report.Column{
			{Key: "office", Title: "Office", Kind: report.KindText},
			{Key: "class", Title: "Class", Kind: report.KindText},
			{Key: "seats", Title: "Seats", Kind: report.KindNumber},
			{Key: "unused", Title: "Not used", Kind: report.KindNumber},
			{Key: "unknown", Title: "Unknown", Kind: report.KindNumber},
			{Key: "price", Title: "Price", Kind: report.KindMoney},
			{Key: "cost", Title: "Cost a year", Kind: report.KindMoney, Bar: true},
		},
		Rows: [][]report.Cell{
			{report.Text("London"), report.Text("standard"), report.Number(1250), report.Number(31), report.Number(4), report.Amount(120_50, "GBP"), report.Amount(150_625_00, "GBP")},
			{report.Text("Berlin"), report.Text("external"), report.Number(12), report.Number(0), report.Number(2), report.None(), report.Amount(-5, "GBP")},
		},
	}
	seats.Total("seats", "seats")
	seats.Total("a year", "cost")
	b.Tables = []report.Table{leavers, seats}
	return b
}

// written writes a book in a format, or fails the test.
func written(t *testing.T, format string, b *report.Book) []byte {
	t.Helper()
	f, err := report.FormatOf(format)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := f.Write(&out, b); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// single makes a book of one table of text columns, a row each.
func single(rows ...[]string) *report.Book {
	t := report.Table{Name: "texts", Title: "Texts"}
	for i := range rows[0] {
		t.Columns = append(t.Columns, report.Column{Key: string(rune('a' + i)), Title: "Column " + string(rune('A'+i)), Kind: report.KindText})
	}
	for _, row := range rows {
		var cells []report.Cell
		for _, s := range row {
			cells = append(cells, report.Text(s))
		}
		t.Rows = append(t.Rows, cells)
	}
	return &report.Book{Title: "Texts", Tables: []report.Table{t}}
}
