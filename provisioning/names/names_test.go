package names_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	"rollcall/provisioning/names"
	"rollcall/provisioning/names/namestest"
)

// checkClean holds what threats A1 asks of every cleaned text.
func checkClean(t interface{ Fatalf(string, ...any) }, raw string) {
	text := names.Clean(raw)
	s := text.String()
	if !utf8.ValidString(s) {
		t.Fatalf("%q: not valid UTF-8: %q", raw, s)
	}
	isolates := 0
	for _, r := range s {
		switch {
		case r < 0x20, r == 0x7f, r >= 0x80 && r <= 0x9f, r == 0x2028, r == 0x2029:
			t.Fatalf("%q: control %U came through", raw, r)
		case r == 0x2068:
			isolates++
		case r == 0x2069:
			isolates--
		case r >= 0x202a && r <= 0x202e, r == 0x200e, r == 0x200f, r == 0x61c, r == 0xfeff, r >= 0x200b && r <= 0x200d:
			t.Fatalf("%q: invisible %U came through", raw, r)
		}
	}
	if isolates != 0 {
		t.Fatalf("%q: isolates do not balance in %q", raw, s)
	}
	if again := names.Clean(s); again.String() != s {
		t.Fatalf("%q: not idempotent: %q then %q", raw, s, again.String())
	}
	if text.Width() != ansi.StringWidth(s) {
		t.Fatalf("%q: width %d, the renderer counts %d", raw, text.Width(), ansi.StringWidth(s))
	}
	for _, cells := range []int{0, 1, 2, 7, 20} {
		if cut := text.Truncate(cells); cut.Width() > cells || cut.Width() != ansi.StringWidth(cut.String()) {
			t.Fatalf("%q cut to %d takes %d (%q)", raw, cells, cut.Width(), cut.String())
		}
		if padded := text.AppendPadded(nil, cells); ansi.StringWidth(string(padded)) != cells {
			t.Fatalf("%q padded to %d takes %d", raw, cells, ansi.StringWidth(string(padded)))
		}
	}
}

func TestCleanHostile(t *testing.T) {
	for _, raw := range namestest.Hostile() {
		checkClean(t, raw)
	}
	if n := len(namestest.Hostile()); n < 45 {
		t.Errorf("the corpus has %d strings", n)
	}
}

func TestCleanProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkClean(t, rapid.String().Draw(t, "raw")) })
}

func FuzzClean(f *testing.F) {
	for _, raw := range namestest.Hostile() {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) { checkClean(t, raw) })
}

func TestCleanKeeps(t *testing.T) {
	for raw, want := range map[string]string{
		"Siobhán O’Brien": "Siobhán O’Brien", "Wei Chen 陳偉": "Wei Chen 陳偉", "Åsa Ångström": "Åsa Ångström", "A\u030asa": "Åsa",
		"ليلى": "\u2068ليلى\u2069", "a\x1b[31m": "a␛[31m", "a\u202eb": "a‹U+202E›b",
	} {
		if got := names.Clean(raw).String(); got != want {
			t.Errorf("%q became %q, want %q", raw, got, want)
		}
	}
}

func TestCleanASCIIAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { names.Clean("Barnes, Tom") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestLogin is the table of threats A3.
func TestLogin(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"smith", "SMITH", true},
		{"smith", "ſmith", true},
		{"kim", "\u212aim", true},
		{"irem", "İrem", false},
		{"irem", "ırem", false},
		{"josé", "jose\u0301", true},
		{"paul", "раul", false},
		{"ａdmin", "admin", true},
		{"o'brien", "O'Brien", true},
	} {
		a, errA := names.Login(c.a)
		b, errB := names.Login(c.b)
		if errA != nil || errB != nil {
			t.Errorf("%q, %q: %v, %v", c.a, c.b, errA, errB)
		}
		if (a == b) != c.same {
			t.Errorf("%q and %q: same = %v", c.a, c.b, a == b)
		}
	}
	for _, refused := range []string{"", "ann\u200b", "admin ", "a b", "a/b", "a\x00", "a\u202eb", "a\\b"} {
		if key, err := names.Login(refused); err == nil {
			t.Errorf("%q was taken as %q", refused, key)
		}
	}
	for _, endless := range []string{"\u13a0", "\uab70", "a\u13f5\u13a0"} { // letters that fold to and fro: an answer must come at all
		if key, err := names.Login(endless); err == nil {
			if again, err := names.Login(string(key)); err != nil || again != key {
				t.Errorf("%q became %q, and then %q", endless, key, again)
			}
		}
	}
	if !names.Mixed("раul") || names.Mixed("paul") || names.Mixed("павел") {
		t.Error("mixed scripts are not told apart")
	}
}

func TestLoginIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, err := names.Login(rapid.String().Draw(t, "raw"))
		if err != nil {
			return
		}
		if again, err := names.Login(string(key)); err != nil || again != key {
			t.Fatalf("%q became %q, %v", key, again, err)
		}
	})
}

func TestFold(t *testing.T) {
	for raw, want := range map[string]string{
		"O’Brien": "obrien", "O'Brien": "obrien", "Ångström, Åsa": "angstrom, asa", "María José": "maria jose", "Barnes-Whitfield": "barnes whitfield",
		"Łukasz Øster": "lukasz oster", "Straße": "strasse", "陳偉": "陳偉", "İrem": "irem", "ＡＢＣ": "abc",
	} {
		if got := names.Fold(raw); got != want {
			t.Errorf("%q folded to %q, want %q", raw, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.String().Draw(t, "raw")
		folded, from := names.FoldMap(raw)
		if len(folded) != len(from) {
			t.Fatalf("%d bytes, %d origins", len(folded), len(from))
		}
		for _, at := range from {
			if int(at) >= len(raw) {
				t.Fatalf("origin %d of %d", at, len(raw))
			}
		}
		if strings.ToLower(folded) == folded && names.Fold(raw) != folded {
			t.Fatalf("Fold and FoldMap differ")
		}
	})
}
