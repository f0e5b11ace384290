package ui

import tea "charm.land/bubbletea/v2"

// List is a list of any length with a cursor: only what is on the page is drawn, and a row that was drawn is kept until the list is told
// that rows look otherwise. The rows themselves are the screen's.
type List struct {
	n, at, top, height int
	drawn              map[int]string
	st                 *Styles
	width              int
}

// Set puts another content of so many rows in place, with the cursor on the row at; it stands as far below the top of the page as it did.
func (l *List) Set(n, at int) {
	offset := l.at - l.top
	l.n, l.at = n, min(max(at, 0), max(0, n-1))
	l.top = l.at - offset
	l.Stale()
	l.fit()
}

// Stale forgets what was drawn: a mark, a state, a word of a row is another.
func (l *List) Stale() { clear(l.drawn) }

// At is the row under the cursor; -1 where there is none.
func (l *List) At() int {
	if l.n == 0 {
		return -1
	}
	return l.at
}

// Len is the number of rows.
func (l *List) Len() int { return l.n }

// Move moves the cursor by so many rows, as far as there are any.
func (l *List) Move(by int) {
	l.at = min(max(l.at+by, 0), max(0, l.n-1))
	l.fit()
}

// Page moves the cursor by so many pages.
func (l *List) Page(by int) { l.Move(by * max(1, l.height-1)) }

// Place tells the rows that are shown, from 1, and how many there are.
func (l *List) Place() (first, last, all int) {
	return min(l.top+1, l.n), min(l.top+l.height, l.n), l.n
}

// fit keeps the cursor on the page, and the page full where there are rows for it.
func (l *List) fit() {
	height := max(1, l.height)
	l.top = max(min(l.top, l.at, l.n-height), l.at-height+1, 0)
}

// blankRow is where the blank line is kept: no list is that long.
const blankRow = 1 << 40

// Draw adds exactly height lines to out. row draws one row, under the cursor or not; what is left of the page is blank.
func (l *List) Draw(out []string, s *Styles, width, height int, row func(i int, under bool) string) []string {
	const pages = 4 // that are kept
	if l.drawn == nil || l.st != s || l.width != width || len(l.drawn) > pages*height {
		l.drawn, l.st, l.width = make(map[int]string, pages*height), s, width
	}
	if l.height != height {
		l.height = height
		l.fit()
	}
	for i := l.top; i < l.top+height; i++ {
		under := i == l.at
		key := i
		if under {
			key = ^i
		}
		if i >= l.n {
			key = blankRow
		}
		line, ok := l.drawn[key]
		if !ok {
			if i >= l.n {
				line = s.Blank(width)
			} else {
				line = row(i, under)
			}
			l.drawn[key] = line
		}
		out = append(out, line)
	}
	return out
}

// ListKeys are the keys that move the cursor of the list that list gives when one is pressed.
func ListKeys(list func() *List) []Binding {
	move := func(by int) func() tea.Cmd { return func() tea.Cmd { list().Move(by); return nil } }
	page := func(by int) func() tea.Cmd { return func() tea.Cmd { list().Page(by); return nil } }
	return []Binding{
		{Keys: []string{"down", "j"}, Help: "down", Do: move(1)},
		{Keys: []string{"up", "k"}, Help: "up", Do: move(-1)},
		{Keys: []string{"pgdown", "ctrl+f"}, Help: "page down", Do: page(1)},
		{Keys: []string{"pgup", "ctrl+b"}, Help: "page up", Do: page(-1)},
		{Keys: []string{"home", "g"}, Help: "first", Do: move(-1 << 30)},
		{Keys: []string{"end"}, Help: "last", Do: move(1 << 30)},
	}
}
