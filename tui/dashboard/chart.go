package dashboard

import (
	"fmt"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// window is how far back the charts go.
const window = 90 * 24 * time.Hour

// unknown is a sample of a time of which nothing is kept.
const unknown = -1

// samples gives so many values of a series, each the last one known at the end of its part of the 90 days before a moment.
func samples(s *desk.Series, cells int, until time.Time) []int64 {
	list := make([]int64, cells)
	from, next, last := until.Add(-window), 0, int64(unknown)
	for c := range list {
		end := from.Add(window * time.Duration(c+1) / time.Duration(cells))
		for next < len(s.Points) && !s.Points[next].At.After(end) {
			last = s.Points[next].Value
			next++
		}
		list[c] = last
	}
	return list
}

// steps are the fillings of a cell, from the lowest: a zero has the first, the greatest value the last.
func steps(ascii bool) []rune {
	if ascii {
		return []rune("_.:-=+*#")
	}
	return []rune("▁▂▃▄▅▆▇█")
}

// spark draws samples in a line, from 0 to the greatest of them; a time of which nothing is kept is blank.
func spark(list []int64, ascii bool) string {
	marks := steps(ascii)
	var most int64
	for _, v := range list {
		most = max(most, v)
	}
	var b strings.Builder
	for _, v := range list {
		switch {
		case v == unknown:
			b.WriteByte(' ')
		case v <= 0:
			b.WriteRune(marks[0])
		default: // something is never drawn as nothing
			b.WriteRune(marks[max(1, int(v*int64(len(marks)-1)/most))])
		}
	}
	return b.String()
}

// weekAgo is what a series was a week before a moment; known is false where it does not go back so far.
func weekAgo(s *desk.Series, at time.Time) (value int64, known bool) {
	const week = 7 * 24 * time.Hour
	if s == nil {
		return 0, false
	}
	for i := range s.Points {
		if s.Points[i].At.After(at.Add(-week)) {
			break
		}
		value, known = s.Points[i].Value, true
	}
	return value, known
}

// change says how a figure changed since a week ago, in signs; "" where that is not known.
func change(s *desk.Series, now int64, at time.Time) string {
	was, known := weekAgo(s, at)
	switch d := now - was; {
	case !known:
		return ""
	case d > 0:
		return "+" + ui.Count(int(d))
	case d < 0:
		return "-" + ui.Count(int(-d))
	default:
		return "="
	}
}

// chart draws a series over the 90 days in exactly so many lines, with its scale on the left and the days below.
func (m *Model) chart(s *desk.Series, width, height int) []string {
	const scale = 13
	cells := width - scale - 2
	values := samples(s, cells, m.board.Made)
	low, high := int64(unknown), int64(0)
	for _, v := range values {
		if v == unknown {
			continue
		}
		if high = max(high, v); low == unknown || v < low {
			low = v
		}
	}
	floor := int64(0)
	if low > high/2 && high-low > 0 && low > 0 { // near the top all would look alike: the scale says where it begins
		floor = max(0, low-(high-low+1)/2)
	}
	title := m.st.NewLine(width, false).Space(1).Text(ui.Header, names.Clean(label(s.Key, s.Label)), 0).Word(ui.Muted, ", the last 90 days")
	out := []string{title.String()}
	rows := height - 3
	marks := steps(m.st.Glyphs.ASCII)
	for r := range rows {
		l := m.st.NewLine(width, false)
		said := ""
		switch r {
		case 0:
			said = m.value(s, high)
		case rows - 1:
			said = m.value(s, floor)
		}
		l.Space(scale-2-len([]rune(said))).Word(ui.Muted, said).Space(1).Word(ui.Border, m.st.Glyphs.Vertical)
		l.Word(ui.Accent, band(values, marks, floor, high, rows-1-r, rows))
		out = append(out, l.String())
	}
	l := m.st.NewLine(width, false).Space(scale-1).Word(ui.Border, m.st.Glyphs.TeeUp+strings.Repeat(m.st.Glyphs.Horizontal, cells))
	out = append(out, l.String())
	const ticks = 3
	l = m.st.NewLine(width, false)
	for t := range ticks + 1 {
		day := m.board.Made.Add(-window + window*time.Duration(t)/ticks).Local().Format("2 Jan")
		at := scale + cells*t/ticks
		if t == ticks {
			at -= len(day)
		}
		l.Space(at-(width-l.Left())).Word(ui.Muted, day)
	}
	return append(out, l.String())
}

// band is one line of a chart: the part of each value between two heights. level is the line's from the bottom, of so many.
func band(values []int64, marks []rune, floor, high int64, level, of int) string {
	var b strings.Builder
	full := len(marks)
	span := max(1, high-floor)
	for _, v := range values {
		if v == unknown {
			b.WriteByte(' ')
			continue
		}
		eighths := int((v - floor) * int64(of*full) / span)
		if v > floor {
			eighths = max(1, eighths)
		}
		switch part := eighths - level*full; {
		case part >= full:
			b.WriteRune(marks[full-1])
		case part > 0:
			b.WriteRune(marks[part-1])
		case level == 0: // there, and nothing
			b.WriteRune(marks[0])
		default:
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// value writes a value of a series.
func (m *Model) value(s *desk.Series, v int64) string {
	const hundred = 100
	if s.Unit == desk.UnitMoney {
		return ui.Count(int(v / hundred))
	}
	return ui.Count(int(v))
}

// Value is a figure as people read it: exact, money with its hundredths where it has any, a time in days, hours and minutes.
func Value(f *desk.Figure) string {
	const hundred = 100
	switch {
	case f.None:
		return ""
	case f.Unit == desk.UnitMoney && f.Value%hundred == 0:
		return f.Currency + " " + ui.Count(int(f.Value/hundred))
	case f.Unit == desk.UnitMoney:
		return fmt.Sprintf("%s %s.%02d", f.Currency, ui.Count(int(f.Value/hundred)), f.Value%hundred)
	case f.Unit == desk.UnitMinutes:
		return provisioning.Minutes(f.Value).String()
	default:
		return ui.Count(int(f.Value))
	}
}
