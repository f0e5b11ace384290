package search_test

import (
	"slices"
	"testing"

	"rollcall/provisioning/search"
)

func TestPick(t *testing.T) {
	libraries := []string{"AMS-GEN", "EUR-GEN", "LON-COR", "LON-LIT", "TAX-FIN", "Córdoba"}
	for _, c := range []struct {
		text string
		want []int
	}{
		{"", []int{0, 1, 2, 3, 4, 5}},
		{"lon", []int{2, 3}},
		{"cor", []int{5, 2}}, // what begins with it stands before what holds it
		{"gen eur", []int{1}},
		{"lnlt", []int{3}}, // resembles
		{"cordoba", []int{5}},
		{"zzz", nil},
	} {
		if got := search.Pick(c.text, libraries); !slices.Equal(got, c.want) {
			t.Errorf("Pick(%q) = %v, want %v", c.text, got, c.want)
		}
	}
}
