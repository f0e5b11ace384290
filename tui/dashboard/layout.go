package dashboard

import (
	"strings"

	"rollcall/provisioning/desk"
)

// layout says where the figures of a board stand: the oldest leaver over all, a strip of few figures a line, and two columns. It does not
// depend on the size of the screen.
type layout struct {
	banner      int // figures are named by their place in the board; -1: there is none
	strip       [][]int
	left, right []entry
	stops       []int // the figures, in the order in which the cursor goes over them
}

// entry is a line of a column: a figure, or the head of a group.
type entry struct {
	head   string // "": a figure
	figure int
}

// layOut lays the figures of a board out. What it does not know stands in the right column, under its group.
func layOut(b *desk.Dashboard) layout {
	l := layout{banner: -1}
	known := make(map[string]bool, len(b.Figures))
	for i := range b.Figures {
		known[b.Figures[i].Key] = true
	}
	var leavers, reviews []int
	group := ""
	for i := range b.Figures {
		f := &b.Figures[i]
		if of, money := strings.CutSuffix(f.Key, "-money"); money && known[of] {
			continue // it stands beside the figure that it is the price of
		}
		switch {
		case f.Key == "leaver.oldest":
			l.banner = i
		case f.Group == "leavers":
			leavers = append(leavers, i)
		case f.Group == "reviews" || f.Group == "reads":
			reviews = append(reviews, i)
		case f.Group == "mismatches":
			if len(l.left) == 0 {
				l.left = append(l.left, entry{head: f.Group})
			}
			l.left = append(l.left, entry{figure: i})
		default:
			if f.Group != group {
				group = f.Group
				l.right = append(l.right, entry{head: group})
			}
			l.right = append(l.right, entry{figure: i})
		}
	}
	if l.banner >= 0 {
		l.stops = append(l.stops, l.banner)
	}
	for _, line := range [][]int{leavers, reviews} {
		if len(line) > 0 {
			l.strip = append(l.strip, line)
			l.stops = append(l.stops, line...)
		}
	}
	for _, column := range [][]entry{l.left, l.right} {
		for _, e := range column {
			if e.head == "" {
				l.stops = append(l.stops, e.figure)
			}
		}
	}
	return l
}

// place is where a figure stands.
type place struct {
	line   int // 0: the banner; then the lines of the strip; then those of the columns
	column int // of the strip's line, or 0 left and 1 right
}

// top is how many lines stand above the columns.
func (l *layout) top() int { return 1 + len(l.strip) }

func (l *layout) place(figure int) place {
	if figure == l.banner {
		return place{}
	}
	for i, line := range l.strip {
		for c, f := range line {
			if f == figure {
				return place{1 + i, c}
			}
		}
	}
	for c, column := range [][]entry{l.left, l.right} {
		for i, e := range column {
			if e.head == "" && e.figure == figure {
				return place{l.top() + i, c}
			}
		}
	}
	return place{}
}

// aside is the stop beside one, on its right or its left; itself where nothing is there.
func (l *layout) aside(stop, by int) int {
	if stop >= len(l.stops) {
		return stop
	}
	from := l.place(l.stops[stop])
	best, far := stop, -1
	for i, f := range l.stops {
		to := l.place(f)
		if to.column != from.column+by || (to.line < l.top()) != (from.line < l.top()) || (from.line < l.top() && to.line != from.line) {
			continue
		}
		if d := max(to.line-from.line, from.line-to.line); far < 0 || d < far {
			best, far = i, d
		}
	}
	return best
}
