package report

import "unicode/utf8"

// How many characters of a table's print fit side by side on its paper, counted for a wide typeface; and what a column takes that may break
// its words, what its padding takes, and its bars.
const (
	charsTall   = 88
	charsWide   = 128
	charsMedium = 136
	charsDense  = 150
	charsPacked = 190

	charsBroken  = 8
	charsPadding = 2
	charsBar     = 9
)

// classesOf gives each column's class on a page: its kind, and "long" where its words may be broken anywhere. As few columns as need be are:
// those with the longest words, until the table fits on its paper.
func classesOf(t *Table) []string {
	needs, sum := make([]int, len(t.Columns)), 0
	for i, c := range t.Columns {
		needs[i] = longestPart(t.heading(i))
		for _, row := range t.Rows {
			switch row[i].kind {
			case KindText:
				if len(row[i].s) > needs[i] { // else no part of it is longer either
					needs[i] = max(needs[i], longestPart(clean(row[i].s)))
				}
			case KindTime:
				needs[i] = max(needs[i], len("2006-01-02"))
			default:
				v := viewOf(row[i])
				needs[i] = max(needs[i], len(v.Text))
			}
		}
		if c.Bar {
			needs[i] += charsBar
		}
		sum += needs[i] + charsPadding
	}
	room := charsTall
	switch n := len(t.Columns); {
	case n > packedColumns:
		room = charsPacked
	case n > denseColumns:
		room = charsDense
	case n > mediumColumns:
		room = charsMedium
	case n > portraitColumns:
		room = charsWide
	}
	classes := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		classes[i] = string(c.Kind)
	}
	for sum > room {
		longest := -1
		for i, need := range needs {
			if need > charsBroken && t.Columns[i].Kind != KindTime && (longest < 0 || need > needs[longest]) {
				longest = i
			}
		}
		if longest < 0 {
			break
		}
		sum -= needs[longest] - charsBroken
		needs[longest] = charsBroken
		classes[longest] += " long"
	}
	return classes
}

// longestPart counts the characters of a text's longest part that a browser does not break.
func longestPart(s string) int {
	longest, start := 0, 0
	for i := range len(s) {
		if s[i] == ' ' || s[i] == '-' {
			longest = max(longest, utf8.RuneCountInString(s[start:i]))
			start = i + 1
		}
	}
	return max(longest, utf8.RuneCountInString(s[start:]))
}
