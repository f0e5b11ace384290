package search

import (
	"slices"
	"strings"

	"github.com/sahilm/fuzzy"

	"rollcall/provisioning/names"
)

// Pick ranks a short list of titles as one types: those that begin with the text, then those in which each of its words stands, then
// what only resembles it. It returns indexes, the best first; an empty text keeps all of them in their order.
func Pick(text string, titles []string) []int {
	folded := make([]string, len(titles))
	for i, t := range titles {
		folded[i] = names.Fold(t)
	}
	wanted := names.Fold(text)
	words := strings.Fields(wanted)
	var begin, hold []int
	for i, f := range folded {
		switch {
		case strings.HasPrefix(f, wanted):
			begin = append(begin, i)
		case !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(f, w) }):
			hold = append(hold, i)
		}
	}
	ranked := append(begin, hold...)
	if len(ranked) > 0 {
		return ranked
	}
	for _, m := range fuzzy.Find(strings.Join(words, ""), folded) {
		ranked = append(ranked, m.Index)
	}
	return ranked
}
