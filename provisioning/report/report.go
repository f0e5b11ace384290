// Package report writes reports as files: CSV, XLSX, JSON and one printable HTML page, from the same tables. It knows what a report looks
// like and what a spreadsheet or a browser must never be made to do by a string out of a foreign system (contracts/threats.md B1); it knows
// nothing of where the rows come from.
//
// A cell holds what it was given, raw. The writers for people (CSV, XLSX, HTML) clean every text; the one for machines (JSON) keeps it exact.
package report

import (
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"
	"time"

	"rollcall/provisioning"
)

// Table is one report: a title, what it says, and rows. All strings are raw, the titles and notes too.
type Table struct {
	Name     string // a part of a file's name, fixed in code: [a-z] and hyphens, never out of data
	Title    string
	Firm, By string
	Made     time.Time
	Notes    []string // what it rests on, and what it does not say
	Columns  []Column
	Rows     [][]Cell // a cell for each column
	Sums     []Sum
}

// Column is one column of a table.
type Column struct {
	Key   string // for machines: "account"; [a-z0-9_], unique in the table
	Title string // for people: "Account"
	Kind  Kind
	// Minutes: its numbers are minutes. A file has them as they are, a screen in days and hours.
	Minutes bool
	Bar     bool // on a page, of a number or an amount: a small bar beside each figure, against the column's greatest
}

// Kind says what a column holds. A cell is of its column's kind, or holds nothing.
type Kind string

// The kinds.
const (
	KindText   Kind = "text"
	KindNumber Kind = "number"
	KindMoney  Kind = "money"
	KindTime   Kind = "time"
	KindBool   Kind = "bool"
)

// Sum is a labelled figure that agrees with the rows. Make one with Table.Count or Table.Total; one made by hand is checked by Check where
// Of says what it sums up.
type Sum struct {
	Label string
	Value Cell
	Of    string // the key of the column it is the total of; AllRows: the number of rows; "": it rests on something else
}

// AllRows in Sum.Of says that the figure is the number of rows.
const AllRows = "*"

// Book is several tables in one file.
type Book struct {
	Title    string
	Firm, By string
	Made     time.Time
	Notes    []string
	Tables   []Table
}

// Count adds the number of rows to the sums.
func (t *Table) Count(label string) {
	t.Sums = append(t.Sums, Sum{Label: label, Value: Number(int64(len(t.Rows))), Of: AllRows})
}

// Total adds the total of a number or money column to the sums. A column that is not there, or that cannot be added up, gives a sum that
// Check refuses.
func (t *Table) Total(label, key string) {
	value, _ := t.total(key)
	t.Sums = append(t.Sums, Sum{Label: label, Value: value, Of: key})
}

// total adds a column up; false where it cannot be: it is not there, holds no figures, or more than a figure can say.
func (t *Table) total(key string) (Cell, bool) {
	if key == AllRows {
		return Number(int64(len(t.Rows))), true
	}
	for i, c := range t.Columns {
		if c.Key != key || (c.Kind != KindNumber && c.Kind != KindMoney) {
			continue
		}
		sum := Cell{kind: c.Kind, currency: t.currency(i)}
		for _, row := range t.Rows {
			if i >= len(row) {
				continue
			}
			if n := row[i].n; (n > 0 && sum.n > math.MaxInt64-n) || (n < 0 && sum.n < math.MinInt64-n) {
				return None(), false
			}
			sum.n += row[i].n
		}
		return sum, true
	}
	return None(), false
}

// currency is that of a column's first amount; "" where there is none.
func (t *Table) currency(column int) string {
	for _, row := range t.Rows {
		if column < len(row) && row[column].kind == KindMoney {
			return row[column].currency
		}
	}
	return ""
}

// Check says what is wrong with a table before a byte of it is written: its name and keys, cells that are not of their column's kind, two
// currencies in one column, a sum that does not agree with the rows. The error is Invalid; it is a mistake of ours, never of the data.
func (t *Table) Check() error {
	wrong := func(format string, args ...any) error {
		return &provisioning.Error{Code: provisioning.Invalid, Message: fmt.Sprintf("the report %q cannot be written: ", t.Name) + fmt.Sprintf(format, args...)}
	}
	if !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(t.Name) {
		return wrong("its name is not lower-case letters and hyphens")
	}
	if len(t.Columns) == 0 {
		return wrong("it has no columns")
	}
	keys := map[string]bool{}
	for _, c := range t.Columns {
		if !regexp.MustCompile(`^[a-z][a-z0-9_]*$`).MatchString(c.Key) || keys[c.Key] {
			return wrong("the column key %q is not a word, or is there twice", c.Key)
		}
		keys[c.Key] = true
		switch c.Kind {
		case KindText, KindNumber, KindMoney, KindTime, KindBool:
		default:
			return wrong("the column %s is of no kind", c.Key)
		}
	}
	for r, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return wrong("row %d has %d cells for %d columns", r+1, len(row), len(t.Columns))
		}
		for i := range row {
			if row[i].kind != "" && row[i].kind != t.Columns[i].Kind {
				return wrong("row %d holds a %s in the %s column %s", r+1, row[i].kind, t.Columns[i].Kind, t.Columns[i].Key)
			}
		}
	}
	currency := regexp.MustCompile(`^[A-Z]{3}$`)
	for i, c := range t.Columns {
		if c.Kind != KindMoney {
			continue
		}
		of := t.currency(i)
		for r, row := range t.Rows {
			if row[i].kind == KindMoney && (row[i].currency != of || !currency.MatchString(of)) {
				return wrong("row %d of %s is in %q: a column has one currency, of three capital letters", r+1, c.Key, row[i].currency)
			}
		}
	}
	for _, s := range t.Sums {
		if s.Of == "" {
			continue
		}
		value, ok := t.total(s.Of)
		if !ok {
			return wrong("%q is the total of %s, which cannot be added up", s.Label, s.Of)
		}
		if value != s.Value {
			return wrong("%q says %s, and the rows say %s", s.Label, s.Value.plain(), value.plain())
		}
	}
	return nil
}

// check is Check of every table, and of their names: two of one name would be one file.
func (b *Book) check() error {
	seen := map[string]bool{}
	for i := range b.Tables {
		t := &b.Tables[i]
		if err := t.Check(); err != nil {
			return err
		}
		if seen[t.Name] {
			return &provisioning.Error{Code: provisioning.Invalid, Message: "two reports of a file are named " + t.Name}
		}
		seen[t.Name] = true
	}
	return nil
}

// Format is a kind of file that a report can be written as.
type Format struct {
	Name  string // "csv": what an operator types, and the end of the file's name
	Title string // "Excel workbook"
	Books bool   // several tables fit in one file
	Media string // for a server's Content-Type
	Write func(io.Writer, *Book) error
}

// Formats returns the formats, in the order in which they are offered. CSV holds one table: its Write refuses a book of several.
func Formats() []Format {
	return []Format{
		{"csv", "CSV", false, "text/csv; charset=utf-8", writeOneCSV},
		{"xlsx", "Excel workbook", true, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", WriteXLSX},
		{"json", "JSON, exact, for programs", true, "application/json", WriteJSON},
		{"html", "one page to print", true, "text/html; charset=utf-8", WriteHTML},
	}
}

// FormatOf finds a format by the name that an operator typed; Invalid where there is none.
func FormatOf(name string) (Format, error) {
	var known []string
	for _, f := range Formats() {
		if f.Name == name {
			return f, nil
		}
		known = append(known, f.Name)
	}
	return Format{}, &provisioning.Error{
		Code: provisioning.Invalid, Message: "a report is not written in that format",
		Hint: "use one of " + strings.Join(known, ", "),
	}
}
