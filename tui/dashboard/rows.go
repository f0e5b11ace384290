package dashboard

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

func (r *rows) typed(k tea.KeyPressMsg) {
	switch k.String() {
	case "esc":
		r.typing, r.find = false, ""
	case "enter":
		r.typing = false
		return
	case "backspace":
		if text := []rune(r.find); len(text) > 0 {
			r.find = string(text[:len(text)-1])
		}
	default:
		r.find += k.Text
	}
	r.narrow()
}

// narrow lists the rows that fit what was typed.
func (r *rows) narrow() {
	words := strings.Fields(names.Fold(r.find))
	r.shown, r.cursor, r.top = r.shown[:0], 0, 0
	for i, texts := range r.texts {
		text := names.Fold(strings.Join(texts, " "))
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
			r.shown = append(r.shown, i)
		}
	}
}

func (r *rows) move(by int) { r.cursor = min(max(r.cursor+by, 0), max(0, len(r.shown)-1)) }

// widths fits the columns into a width: each as wide as it needs, up to a share; what is right of the last that fits is on the line below
// the list.
func (r *rows) widths(width int) []int {
	const most, gap, looked = 26, 2, 200
	var list []int
	left := width - 2
	for c, column := range r.table.Columns {
		need := len([]rune(column.Title))
		for _, i := range r.shown[:min(len(r.shown), looked)] {
			need = max(need, names.Clean(r.texts[i][c]).Width())
		}
		need = min(need, most)
		if need+gap > left {
			break
		}
		list, left = append(list, need), left-need-gap
	}
	return list
}

func (r *rows) lines(st *ui.Styles, width, height int, out []string) []string {
	l := st.NewLine(width, false).Space(1).Text(ui.Header, names.Clean(r.label), 0).Space(2).Word(ui.Muted, ui.Count(len(r.shown))+" rows")
	if r.typing || r.find != "" {
		l.Space(2).Word(ui.Accent, "/ ").Text(ui.Strong, names.Clean(r.find), 0)
		if r.typing {
			l.Word(ui.Accent, st.Glyphs.Caret)
		}
	}
	out = append(out, l.String())
	widths := r.widths(width)
	head := st.NewLine(width, false).Space(2)
	for c, w := range widths {
		head.Text(ui.Muted, names.Clean(r.table.Columns[c].Title), w).Space(2)
	}
	out = append(out, head.String(), st.Rule(width, ""))
	const detail = 3
	r.height = max(1, height-len(out)-detail-1)
	r.top = max(min(r.top, r.cursor), r.cursor-r.height+1)
	if len(r.shown) == 0 {
		out = append(out, st.NewLine(width, false).Word(ui.Plain, " No row is counted here.").String())
	}
	for at := r.top; at < min(r.top+r.height, len(r.shown)); at++ {
		l := st.NewLine(width, at == r.cursor)
		sign := " "
		if at == r.cursor {
			sign = st.Glyphs.Cursor
		}
		l.Cell(ui.Accent, sign, 2)
		for c, w := range widths {
			l.Text(ui.Plain, names.Clean(r.texts[r.shown[at]][c]), w).Space(2)
		}
		out = append(out, l.String())
	}
	for len(out) < height-detail-1 {
		out = append(out, st.Blank(width))
	}
	out = append(out, st.PlaceRule(width, r.top+1, min(r.top+r.height, len(r.shown)), len(r.shown)))
	if r.cursor < len(r.shown) {
		var parts []string
		for c, text := range r.texts[r.shown[r.cursor]] {
			if text != "" {
				parts = append(parts, r.table.Columns[c].Title+": "+text)
			}
		}
		for _, t := range ui.Paragraph(strings.Join(parts, ". "), width-2, detail) {
			out = append(out, st.NewLine(width, false).Space(1).Text(ui.Plain, t, 0).String())
		}
	}
	return out
}
