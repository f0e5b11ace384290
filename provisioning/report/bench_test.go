package report_test

import (
	"io"
	"strconv"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/report"
)

// large is a report as big as a large firm's: 100,000 rows of 12 columns, with names that need cleaning among them.
func large(rows int) *report.Table {
	made := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	t := &report.Table{Name: "accounts", Title: "Accounts", Firm: "Example LLP", By: "l.ortiz", Made: made}
	for _, key := range []string{"account", "name", "email", "office", "practice", "title", "libraries"} {
		t.Columns = append(t.Columns, report.Column{Key: key, Title: key, Kind: report.KindText})
	}
	t.Columns = append(
		t.Columns,
		report.Column{Key: "days", Title: "Days", Kind: report.KindNumber}, report.Column{Key: "price", Title: "Price", Kind: report.KindMoney},
		report.Column{Key: "used", Title: "Last used", Kind: report.KindTime}, report.Column{Key: "left", Title: "Left", Kind: report.KindTime},
		report.Column{Key: "enabled", Title: "Enabled", Kind: report.KindBool},
	)
	for i := range rows {
		n := strconv.Itoa(i)
		t.Rows = append(t.Rows, []report.Cell{
			report.Text("JSMITH" + n), report.Text("José Ångström-" + n), report.Text("j.smith" + n + "@example.com"), report.Text("London"),
			report.Text("Litigation"), report.Text("=Associate"), report.Text("LON-LIT, LON-CORP, NYC-LIT"), report.Number(int64(i)),
			report.Amount(provisioning.Money(120_00+i), "GBP"), report.At(made.Add(-time.Duration(i) * time.Hour)), report.None(), report.Yes(i%3 == 0),
		})
	}
	t.Count("accounts")
	t.Total("a year", "price")
	return t
}

// What it must be (100,000 rows × 12 columns): CSV below a second, XLSX below ten.
func BenchmarkWrite(b *testing.B) {
	t := large(100_000)
	book := &report.Book{Title: t.Title, Firm: t.Firm, By: t.By, Made: t.Made, Tables: []report.Table{*t}}
	for _, f := range report.Formats() {
		b.Run(f.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f.Write(io.Discard, book); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
