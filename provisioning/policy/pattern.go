package policy

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"rollcall/provisioning"
)

// wildcard stands for any text, in a pattern.
const wildcard = "*"

// glob is a folded pattern in which * stands for any text, the empty one and one with a slash too.
type glob string

func newGlob(pattern string) glob { return glob(fold(pattern)) }

// wild reports whether the pattern holds a *.
func (g glob) wild() bool { return strings.Contains(string(g), wildcard) }

// match reports whether the pattern fits a text, whatever its case. ASCII costs no allocation.
func (g glob) match(s string) bool {
	s = strings.TrimSpace(s)
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			s = fold(s)
			break
		}
	}
	pattern, at, back, star := string(g), 0, 0, -1
	for i := 0; i < len(s); {
		switch {
		case at < len(pattern) && pattern[at] == '*':
			star, back = at, i
			at++
		case at < len(pattern) && pattern[at] == lower(s[i]):
			at++
			i++
		case star >= 0: // the last * takes one letter more
			back++
			at, i = star+1, back
		default:
			return false
		}
	}
	return strings.Trim(pattern[at:], wildcard) == ""
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// fold gives the form in which two texts of a directory are the same: trimmed, NFC, case-folded.
func fold(s string) string {
	s = strings.TrimSpace(s)
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return norm.NFC.String(cases.Fold().String(norm.NFC.String(s)))
		}
	}
	return strings.ToLower(s) // itself where nothing is upper-case
}

// groupGlob is a pattern for rights: of groups LIBRARY/GROUP, or of whole libraries.
type groupGlob struct {
	library glob
	group   glob // "" for a whole library
}

// newGroupGlob takes a pattern that was checked: with a slash, or a library alone.
func newGroupGlob(pattern string) groupGlob {
	library, group, _ := strings.Cut(pattern, "/")
	return groupGlob{library: newGlob(library), group: newGlob(group)}
}

// matchGroup reports whether a group is one of the pattern's.
func (g groupGlob) matchGroup(ref provisioning.GroupRef) bool {
	return g.group != "" && g.library.match(ref.Library) && g.group.match(ref.Group)
}

// takes reports whether a right is one of the pattern's: a group by its name; by its library alone the library, its role and its groups.
func (g groupGlob) takes(e provisioning.Entitlement) bool {
	if g.group == "" {
		return e.Library != "" && g.library.match(e.Library)
	}
	return e.Kind == provisioning.EntitlementGroup && g.matchGroup(e.Group())
}
