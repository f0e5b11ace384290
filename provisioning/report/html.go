package report

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
	"iter"
	"strconv"
	"strings"
)

//go:embed page.html
var pageTemplate string

//go:embed page.css
var pageStyle string

// How many columns a table has before its paper is turned, and before its print is made smaller.
const (
	portraitColumns = 6
	mediumColumns   = 8
	denseColumns    = 10
	packedColumns   = 16
)

// barWidth is a whole bar, in the pixels of its drawing.
const barWidth = 48

// WriteHTML writes a book as one page to read and to print: no script, nothing from elsewhere (its Content-Security-Policy allows its own
// style by its hash, and nothing else), every text cleaned and escaped. It follows light and dark, prints on A4 (a table of more than six
// columns across), repeats a table's header on every page and cuts no row. The error is Check's, or the writer's.
func WriteHTML(w io.Writer, b *Book) error {
	if err := b.check(); err != nil {
		return err
	}
	page, err := template.New("report").Parse(pageTemplate)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<16)
	if err := page.Execute(out, newPage(b)); err != nil {
		return err
	}
	return out.Flush()
}

// pageView is what the page's template sees. Its texts are cleaned; the template escapes them.
type pageView struct {
	Hash     string // of Style, as a policy names it
	Style    template.CSS
	Title    string
	Firm, By string
	Made     *cellView
	Notes    []string
	Paper    string // wide: the first page lies across, as its first table does
	Contents bool
	Tables   []tableView
}

// tableView is one table; its rows are made as they are asked for, so that a large report is not held twice.
type tableView struct {
	Name, Title  string
	Heading      bool   // a single table needs no title below the page's own where they are the same
	Paper, Dense string // classes
	Made         string // where it is not of the book's own making
	Count        string
	Sums         []sumView
	Notes        []string
	Columns      []columnView
	Empty        bool
	Rows         iter.Seq[[]cellView]
}

type sumView struct{ Label, Value string }

type columnView struct{ Title, Class string }

// cellView is one value: a text, or a moment where ISO is set.
type cellView struct {
	Head             bool // of its row
	Class            string
	Text             string
	Bar              int
	ISO, Date, Clock string
}

func newPage(b *Book) *pageView {
	sum := sha256.Sum256([]byte(pageStyle))
	p := &pageView{
		Hash:  "sha256-" + base64.StdEncoding.EncodeToString(sum[:]),
		Style: template.CSS(pageStyle), //nolint:gosec // our own file, nothing of it is data
		Title: clean(b.Title), Firm: clean(b.Firm), By: clean(b.By), Notes: cleaned(b.Notes),
		Contents: len(b.Tables) > 1,
	}
	if !b.Made.IsZero() {
		at := viewOf(At(b.Made))
		p.Made = &at
	}
	for i := range b.Tables {
		t := newTable(&b.Tables[i], b)
		t.Heading = len(b.Tables) > 1 || t.Title != p.Title
		p.Tables = append(p.Tables, t)
	}
	if len(p.Tables) > 0 {
		p.Paper = p.Tables[0].Paper
	}
	return p
}

func cleaned(raw []string) []string {
	out := make([]string, len(raw))
	for i := range raw {
		out[i] = clean(raw[i])
	}
	return out
}

func newTable(t *Table, b *Book) tableView {
	v := tableView{
		Name: t.Name, Title: clean(t.Title), Notes: cleaned(t.Notes), Empty: len(t.Rows) == 0,
		Count: group(strconv.Itoa(len(t.Rows)), ",") + " rows", Paper: "tall",
	}
	if len(t.Rows) == 1 {
		v.Count = "1 row"
	}
	switch n := len(t.Columns); {
	case n > packedColumns:
		v.Dense = "packed"
	case n > denseColumns:
		v.Dense = "dense"
	case n > mediumColumns:
		v.Dense = "medium"
	}
	if len(t.Columns) > portraitColumns {
		v.Paper = "wide"
	}
	if t.Firm != b.Firm && t.Firm != "" {
		v.Made = clean(t.Firm)
	}
	if !t.Made.IsZero() && !t.Made.Equal(b.Made) {
		if v.Made != "" {
			v.Made += ", "
		}
		v.Made += "as of " + viewOf(At(t.Made)).said()
	}
	for _, s := range t.Sums {
		value := viewOf(s.Value).said()
		if s.Value.kind == KindMoney {
			value = strings.TrimSpace(s.Value.currency + " " + value) // of no amounts there is no currency
		}
		v.Sums = append(v.Sums, sumView{clean(s.Label), value})
	}
	greatest := make([]int64, len(t.Columns))
	classes := classesOf(t)
	for i, c := range t.Columns {
		v.Columns = append(v.Columns, columnView{t.heading(i), classes[i]})
		if !c.Bar {
			continue
		}
		for _, row := range t.Rows {
			greatest[i] = max(greatest[i], row[i].n)
		}
	}
	v.Rows = func(yield func([]cellView) bool) {
		cells := make([]cellView, len(t.Columns))
		for _, row := range t.Rows {
			for i := range row {
				cells[i] = viewOf(row[i])
				if cells[i].Class = classes[i]; row[i].kind == "" {
					cells[i].Class += " none" // it stands where the others do
				}
				cells[i].Head = i == 0 && row[i].kind != "" && (strings.TrimSpace(cells[i].Text) != "" || cells[i].ISO != "") // a header that says nothing is none
				if n := row[i].n; n > 0 && greatest[i] > 0 {
					cells[i].Bar = max(1, int(float64(n)/float64(greatest[i])*barWidth))
				}
			}
			if !yield(cells) {
				return
			}
		}
	}
	return v
}

// viewOf makes a value one to show.
func viewOf(c Cell) cellView {
	var v cellView
	switch c.kind {
	case KindText:
		v.Text = clean(c.s)
	case KindNumber:
		v.Text = c.plain()
		if c.n < 0 {
			v.Text = "-" + group(v.Text[1:], ",")
		} else {
			v.Text = group(v.Text, ",")
		}
	case KindMoney:
		v.Text = hundredths(c.n, ",")
	case KindTime:
		v.ISO, v.Date, v.Clock = c.plain(), c.at.Format("2006-01-02"), c.at.Format("15:04:05")
	case KindBool:
		v.Text = c.plain()
	default:
		v.Text = "–"
	}
	return v
}

// said is a value in a line of text.
func (v cellView) said() string {
	if v.ISO != "" {
		return v.Date + " " + v.Clock + " UTC"
	}
	return v.Text
}
