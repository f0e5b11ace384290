package desk

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/licence"
	"rollcall/provisioning/report"
)

func (d *Desk) seatFigures(ctx context.Context, st *compared) ([]Figure, error) {
	book, err := d.book(ctx, st)
	if err != nil {
		return nil, err
	}
	var list []Figure
	add := func(key, label string, severity provisioning.Severity) {
		n := 0
		var money provisioning.Money
		for i := range book.Seats {
			if s := &book.Seats[i]; seatIs(s, key) {
				n++
				if s.Paid {
					money += s.Price
				}
			}
		}
		f := Figure{Key: "seats." + key, Group: "seats", Label: label, Value: int64(n), Rows: n}
		if n > 0 {
			f.Severity = severity
		}
		list = append(list, f)
		if key == "paid" || strings.HasPrefix(key, "unused") {
			list = append(list, Figure{
				Key: "seats." + key + "-money", Group: "seats", Label: label + ", a year", Value: int64(money), Unit: UnitMoney, Currency: book.Currency, Rows: n, None: book.Currency == "",
			})
		}
	}
	add("paid", "paid seats", "")
	for _, c := range book.ClassNames() {
		n := len(list)
		add("class-"+c, "paid: "+c, "")
		if list[n].Value == 0 { // what is not paid for, or nobody has, is in the licences
			list = list[:n]
		}
	}
	add("used", "used", "")
	for _, days := range d.policy().Licences.Dormant {
		add(fmt.Sprintf("unused-%d", days), fmt.Sprintf("unused %d days", days), provisioning.SeverityNotice)
	}
	add("unknown", "use not known", "")
	add("disabled", "disabled, and paid for", provisioning.SeverityNotice)
	add("duplicate", "second seats", provisioning.SeverityNotice)
	return list, nil
}

// seatIs says whether a seat is one of those that a figure counts.
func seatIs(s *licence.Seat, key string) bool {
	if class, ok := strings.CutPrefix(key, "class-"); ok {
		return s.Paid && s.Class == class
	}
	var days int
	if _, err := fmt.Sscanf(key, "unused-%d", &days); err == nil {
		return s.Paid && !s.Disabled && s.Usage == provisioning.NotUsed && s.Idle >= days
	}
	switch key {
	case "paid":
		return s.Paid
	case "used":
		return s.Paid && s.Usage == provisioning.Used
	case "unknown":
		return s.Paid && !s.Disabled && s.Usage == provisioning.UsageUnknown
	case "disabled":
		return s.Paid && s.Disabled
	case "duplicate":
		return s.Paid && s.DuplicateOf != ""
	default:
		return false
	}
}

func (d *Desk) seatRows(ctx context.Context, st *compared, key string) (*report.Table, error) {
	book, err := d.book(ctx, st)
	if err != nil {
		return nil, err
	}
	key = strings.TrimSuffix(key, "-money")
	t := d.seatTable(book, func(s *licence.Seat) bool { return seatIs(s, key) })
	t.Title = "Seats: " + key
	return t, nil
}

// seatTable has one row for each seat.
func (d *Desk) seatTable(book *licence.Book, want func(*licence.Seat) bool) *report.Table {
	t := &report.Table{Columns: []report.Column{
		text("account", "Account"), text("name", "Name"), text("office", "Office"), text("practice", "Practice"), text("class", "Class"), yesNo("paid", "Paid"),
		{Key: "money", Title: "A year", Kind: report.KindMoney},
		text("use", "Use"), timeCol("last", "Last used"), number("idle", "Days unused"), text("how", "How it is known"),
		yesNo("disabled", "Disabled"), text("duplicate", "Second seat of"), yesNo("left", "Has left"),
	}}
	for i := range book.Seats {
		s := &book.Seats[i]
		if !want(s) {
			continue
		}
		money, idle := report.None(), report.None()
		if s.Paid && book.Currency != "" {
			money = report.Amount(s.Price, book.Currency)
		}
		if s.Idle >= 0 {
			idle = report.Number(int64(s.Idle))
		}
		t.Rows = append(t.Rows, []report.Cell{
			report.Text(s.Account), report.Text(s.Name), report.Text(s.Office), report.Text(s.Practice), report.Text(cmp.Or(s.Class, "none")), report.Yes(s.Paid), money,
			report.Text(string(s.Usage)), report.At(s.Last), idle, report.Text(s.How), report.Yes(s.Disabled), report.Text(s.DuplicateOf), report.Yes(s.Leaver),
		})
	}
	return t
}

// licencesTable has one row for each seat, with the totals.
func (d *Desk) licencesTable(ctx context.Context, _ TableQuery) (*report.Table, error) {
	st, book, err := d.counted(ctx)
	if err != nil {
		return nil, err
	}
	t := d.seatTable(book, func(*licence.Seat) bool { return true })
	t.Title, t.Notes = "Licences", append(asRead(st), useNote)
	if book.Currency != "" {
		t.Total("a year", "money")
	}
	return t, nil
}

// useNote is what every report about use says of it.
const useNote = "iManage publishes no last sign-in: use is inferred from document history and from the directory's sign-ins. What could not be read whole is unknown, and unknown is never taken back."

// dormantTable has one row for each enabled account that is surely not used for the first bucket's days.
func (d *Desk) dormantTable(ctx context.Context, _ TableQuery) (*report.Table, error) {
	st, book, err := d.counted(ctx)
	if err != nil {
		return nil, err
	}
	least := d.policy().Licences.Dormant[0]
	t := d.seatTable(book, func(s *licence.Seat) bool {
		return !s.Disabled && s.Usage == provisioning.NotUsed && s.Idle >= least
	})
	t.Title, t.Notes = "Dormant accounts", append(asRead(st), useNote)
	return t, nil
}
