package dashboard

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// rows is the table of a figure. It is made in a command, and shown as a page.
type rows struct {
	key, label string
	table      *desk.Table
	folded     []string // of each row, what the search looks at
	columns    []column // those that tell rows apart
	alike      string   // what all rows have alike. Raw.
	shown      []int
	find       string
	types      bool
	list       ui.List
	widths     []int // of the columns, at a width: 0 for one that does not fit
	width      int
	head, foot kept
}

// column is one of the table's that is shown.
type column struct {
	at    int
	need  int  // as many cells as its widest text takes, of the rows that were looked at
	whole bool // a figure or a time: it is not cut, and stands at the right edge where it is a figure
	right bool
}

// newRows looks through a table: what a row is found by, which columns say something, and how wide they are.
func newRows(key, label string, t *desk.Table) *rows {
	const looked = 400 // rows whose width counts
	r := &rows{key: key, label: label, table: t, folded: make([]string, len(t.Rows))}
	same := make([]bool, len(t.Columns))
	needs := make([]int, len(t.Columns))
	for c := range t.Columns {
		same[c], needs[c] = len(t.Rows) > 1, len([]rune(r.title(c)))
	}
	var of []string
	for i := range t.Rows {
		texts := t.Texts(i)
		if i == 0 {
			of = texts
		}
		for c, text := range texts {
			same[c] = same[c] && text == of[c]
			if i < looked {
				needs[c] = max(needs[c], names.Clean(text).Width())
			}
		}
		r.folded[i] = names.Fold(strings.Join(texts, " "))
	}
	var alike []string
	for c, col := range t.Columns {
		if same[c] {
			if of[c] != "" {
				alike = append(alike, r.title(c)+" "+of[c])
			}
			continue
		}
		kind := string(col.Kind)
		r.columns = append(r.columns, column{at: c, need: needs[c], whole: kind != "text", right: kind == "number" || kind == "money"})
	}
	r.alike = strings.Join(alike, ", ")
	r.search("")
	return r
}

// title is a column's, as it is shown: what stands in minutes in a file is shown in days and hours. Raw.
func (r *rows) title(c int) string {
	if col := &r.table.Columns[c]; !col.Minutes {
		return col.Title
	}
	return "How long"
}

// keep takes over the search and the cursor of the same figure's rows, as they stood before they were looked up again.
func (r *rows) keep(old *rows) {
	if old == nil || old.key != r.key {
		return
	}
	r.types = old.types
	r.search(old.find)
	at := old.list.At()
	if at < 0 {
		return
	}
	was := old.folded[old.shown[at]]
	if i := slices.IndexFunc(r.shown, func(i int) bool { return r.folded[i] == was }); i >= 0 {
		at = i
	}
	r.list.Move(at)
}

func (r *rows) typed(k tea.KeyPressMsg) {
	switch k.String() {
	case "esc":
		r.types = false
		r.search("")
	case "enter":
		r.types = false
	case "down":
		r.list.Move(1)
	case "up":
		r.list.Move(-1)
	case "ctrl+u":
		r.search("")
	case "backspace":
		if text := []rune(r.find); len(text) > 0 {
			r.search(string(text[:len(text)-1]))
		}
	default:
		if k.Text != "" {
			r.search(r.find + k.Text)
		}
	}
}

// search lists the rows that fit a text: each of its words is in them.
func (r *rows) search(text string) {
	r.find = text
	words := strings.Fields(names.Fold(text))
	r.shown = r.shown[:0]
	for i, folded := range r.folded {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(folded, w) }) {
			r.shown = append(r.shown, i)
		}
	}
	r.list.Set(len(r.shown), 0)
}

const (
	gap     = 2
	edge    = 2 // the cursor
	widest  = 44
	tightly = 14 // cells that a text is cut to before a column goes
)

// fit shares a width out among the columns: as wide as they need, else all the texts cut alike; then the last ones go.
func (r *rows) fit(width int) {
	if r.width == width && r.widths != nil {
		return
	}
	r.width, r.widths = width, make([]int, len(r.columns))
	for n := len(r.columns); n > 0; n-- {
		for most := widest; most >= tightly; most-- {
			left := width - edge + gap
			for i, c := range r.columns[:n] {
				r.widths[i] = c.need
				if !c.whole {
					r.widths[i] = min(c.need, most)
				}
				left -= r.widths[i] + gap
			}
			if left >= 0 {
				return
			}
		}
		r.widths[n-1] = 0
	}
}

// cell writes one column's text.
func (r *rows) cell(l *ui.Line, i int, style ui.Style, text string) {
	w := r.widths[i]
	if w == 0 {
		return
	}
	t := names.Clean(text)
	if r.columns[i].right {
		l.Space(w - t.Width())
		w = min(w, t.Width())
	}
	if w > 0 {
		l.Text(style, t, w)
	}
	l.Space(gap)
}

// kept are lines that stand while what they show does.
type kept struct {
	of    keptOf
	lines []string
}

type keptOf struct {
	st                *ui.Styles
	width, at, height int
	find              string
	types             bool
}

const detail = 3 // lines of the row under the cursor

func (r *rows) lines(st *ui.Styles, width, height int, out []string) []string {
	r.fit(width)
	if of := (keptOf{st: st, width: width, find: r.find, types: r.types}); r.head.lines == nil || r.head.of != of {
		r.head = kept{of, r.above(st, width)}
	}
	out = append(out, r.head.lines...)
	page := max(1, height-len(out)-detail-1)
	if len(r.shown) == 0 {
		out = append(out, st.NewLine(width, false).Space(edge).Word(ui.Plain, r.empty()).String())
		for len(out) < height-detail-1 {
			out = append(out, st.Blank(width))
		}
	} else {
		out = r.list.Draw(out, st, width, page, func(i int, under bool) string { return r.row(st, width, r.shown[i], under) })
	}
	first, _, _ := r.list.Place()
	if of := (keptOf{st: st, width: width, at: r.list.At()<<20 | first, height: height, find: r.find}); r.foot.lines == nil || r.foot.of != of {
		r.foot = kept{of, r.below(st, width)}
	}
	return append(out, r.foot.lines...)[:height]
}

// above is the title, what all rows have alike, and the names of the columns.
func (r *rows) above(st *ui.Styles, width int) []string {
	l := st.NewLine(width, false).Space(1).Text(ui.Header, names.Clean(r.label), 0).Space(2).Word(ui.Muted, count(len(r.shown), len(r.folded)))
	if r.types || r.find != "" {
		l.Space(2).Word(ui.Accent, "/ ").Text(ui.Strong, names.Clean(r.find), 0)
		if r.types {
			l.Word(ui.Accent, st.Glyphs.Caret)
		}
	}
	out := []string{l.String()}
	if r.alike != "" {
		l := st.NewLine(width, false).Space(1).Word(ui.Muted, "all: ")
		for _, t := range ui.Paragraph(r.alike, l.Left()-1, 1) {
			l.Text(ui.Muted, t, 0)
		}
		out = append(out, l.String())
	}
	out = append(out, st.Rule(width, ""))
	head := st.NewLine(width, false).Space(edge)
	for i := range r.columns {
		r.cell(head, i, ui.Muted, r.title(r.columns[i].at))
	}
	return append(out, head.String())
}

// below is the rule, and the whole row under the cursor.
func (r *rows) below(st *ui.Styles, width int) []string {
	first, last, all := r.list.Place()
	out := []string{st.PlaceRule(width, first, last, all)}
	for _, t := range ui.Paragraph(r.sentence(), width-2, detail) {
		out = append(out, st.NewLine(width, false).Space(1).Text(ui.Plain, t, 0).String())
	}
	for len(out) < detail+1 {
		out = append(out, st.Blank(width))
	}
	return out
}

func count(shown, all int) string {
	switch {
	case shown != all:
		return ui.Count(shown) + " of " + ui.Count(all) + " rows"
	case all == 1:
		return "1 row"
	default:
		return ui.Count(all) + " rows"
	}
}

func (r *rows) empty() string {
	if r.find != "" {
		return "No row has that. Esc ends the search."
	}
	return "No row is counted here."
}

func (r *rows) row(st *ui.Styles, width, i int, under bool) string {
	l := st.NewLine(width, under)
	sign := " "
	if under {
		sign = st.Glyphs.Cursor
	}
	l.Cell(ui.Accent, sign, edge)
	texts := r.table.Texts(i)
	for c := range r.columns {
		r.cell(l, c, ui.Plain, texts[r.columns[c].at])
	}
	return l.String()
}

// sentence is the whole row under the cursor. Raw.
func (r *rows) sentence() string {
	at := r.list.At()
	if at < 0 {
		return ""
	}
	var parts []string
	for c, text := range r.table.Texts(r.shown[at]) {
		if text != "" {
			parts = append(parts, r.title(c)+": "+text)
		}
	}
	return strings.Join(parts, ". ")
}
