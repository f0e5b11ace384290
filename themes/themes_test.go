package themes_test

import (
	"math"
	"strings"
	"testing"

	"rollcall/themes"
)

func luminance(c [3]uint8) float64 {
	var l [3]float64
	for i, v := range c {
		s := float64(v) / 255
		if s <= 0.04045 {
			l[i] = s / 12.92
		} else {
			l[i] = math.Pow((s+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*l[0] + 0.7152*l[1] + 0.0722*l[2]
}

func contrast(a, b [3]uint8) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// TestContrast: every text token can be read on the background and on the selection: 4.5:1, in high contrast 7:1 (WCAG 1.4.3, 1.4.6).
func TestContrast(t *testing.T) {
	for _, name := range themes.Names() {
		theme, err := themes.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		want := 4.5
		if theme.High {
			want = 7
		}
		for token, word := range themes.Words() {
			if tk := themes.Token(token); tk == themes.Bg || tk == themes.Selection || tk == themes.Border {
				continue
			}
			for _, behind := range []themes.Token{themes.Bg, themes.Selection} {
				if got := contrast(theme.Colour[token], theme.Colour[behind]); got < want {
					t.Errorf("%s: %s on %s has %.1f:1, want %.1f", name, word, themes.Words()[behind], got, want)
				}
			}
		}
	}
}

func TestStrict(t *testing.T) {
	for _, bad := range []string{"", "title='x'", "[colours]\nfg='red'", "colour='x'"} {
		if _, err := themes.Parse("bad", []byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if _, err := themes.Load("../secret"); err == nil || !strings.Contains(err.Error(), "dark") {
		t.Errorf("%v", err)
	}
}
