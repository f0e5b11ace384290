package notify

import (
	"strings"
	"unicode/utf8"

	"rollcall/provisioning/names"
)

// The limits of what is told, in runes.
const (
	mostTitle = 200
	mostLine  = 1000
	mostLines = 60
	mostPiece = 200 // of what is cleaned at once: names.Clean cuts what is longer than a name
)

// The isolates that names.Clean puts around right-to-left text.
const (
	isolate = "\u2068"
	release = "\u2069"
)

// line makes one line of foreign text that may be longer than a name: no control, no line break, no invisible character is left in it, and
// no more than so many runes, isolates aside. It is idempotent.
func line(raw string, most int) string {
	s := whole(raw)
	if short := cut(s, most); short != s {
		return whole(short) // an isolate may have lost what it was for
	}
	return s
}

func whole(raw string) string {
	var b strings.Builder
	raw = strings.ReplaceAll(strings.ToValidUTF8(raw, "\uFFFD"), release, isolate)
	for _, run := range strings.Split(raw, isolate) {
		for _, piece := range pieces(run) {
			b.WriteString(names.Clean(piece).String())
		}
	}
	return b.String()
}

// lines cleans a text line by line: its own line breaks stay.
func lines(raw string) string {
	list := strings.Split(strings.ReplaceAll(raw, "\r\n", "\n"), "\n")
	if len(list) > mostLines {
		list = append(list[:mostLines-1], "…")
	}
	for i := range list {
		list[i] = strings.TrimRight(line(list[i], mostLine), " ")
	}
	return strings.TrimSpace(strings.Join(list, "\n"))
}

// pieces cuts a text at spaces, into pieces that names.Clean takes whole.
func pieces(s string) []string {
	var list []string
	for utf8.RuneCountInString(s) > mostPiece {
		end := len(string([]rune(s)[:mostPiece]))
		at := strings.LastIndexByte(s[:end], ' ')
		if at <= 0 {
			if at = strings.IndexByte(s[end:], ' '); at < 0 {
				break
			}
			at += end
		}
		list = append(list, s[:at])
		s = s[at:]
	}
	return append(list, s)
}

// cut leaves at most so many runes, isolates aside, the last one an ellipsis where something was cut.
func cut(s string, most int) string {
	n, last := 0, 0
	for at, r := range s {
		if string(r) == isolate || string(r) == release {
			continue
		}
		if n++; n == most {
			last = at
		}
		if n > most {
			return s[:last] + "…"
		}
	}
	return s
}
