package names

import (
	"errors"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// LoginKey is the folded form under which two logins are the same identifier.
type LoginKey string

// foldRounds is how often a login is folded until it must stand still.
const foldRounds = 4

// ErrLogin says that a string cannot be a login: it is empty, or holds something other than letters, digits and ._-'@+.
var ErrLogin = errors.New("not a login: only letters, digits and . _ - ' @ + may stand in one")

// Login gives the key of a login or an email: NFKC, full case folding, NFKC (threats A3). Anything outside letters, digits and
// ._-'@+ is refused, so that an invisible character never makes a second identity. It is idempotent. A lower-case ASCII login
// costs no allocation.
func Login(raw string) (LoginKey, error) {
	if raw == "" {
		return "", ErrLogin
	}
	plain := true
	for i := range len(raw) {
		c := raw[i]
		if c >= 0x80 || (c >= 'A' && c <= 'Z') {
			plain = false
			break
		}
		if !loginByte(c) {
			return "", ErrLogin
		}
	}
	if plain {
		return LoginKey(raw), nil
	}
	if key, ok := foldASCII(raw); ok {
		return key, nil
	}
	folded := norm.NFKC.String(raw)
	stable := false
	for range foldRounds { // a few characters need a second round
		again := norm.NFKC.String(cases.Fold().String(folded))
		stable = again == folded
		if folded = again; stable {
			break
		}
	}
	if !stable { // Cherokee folds to and fro between its cases: what has no one folded form is no key
		return "", ErrLogin
	}
	for _, r := range folded {
		if r < 0x80 && !loginByte(byte(r)) { //nolint:gosec // below 0x80
			return "", ErrLogin
		}
		if r >= 0x80 && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r) {
			return "", ErrLogin
		}
	}
	return LoginKey(folded), nil
}

func foldASCII(raw string) (LoginKey, bool) {
	out := make([]byte, len(raw))
	for i := range len(raw) {
		c := raw[i]
		if c >= 0x80 || (!loginByte(c) && (c < 'A' || c > 'Z')) {
			return "", false
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		out[i] = c
	}
	return LoginKey(out), true
}

func loginByte(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		return true
	default:
		return c == '.' || c == '_' || c == '-' || c == '\'' || c == '@' || c == '+'
	}
}

// Mixed reports whether a login mixes Latin letters with Cyrillic or Greek ones, which look alike: such a login never links by
// itself (threats A3).
func Mixed(raw string) bool {
	latin, other := false, false
	for _, r := range raw {
		switch {
		case r < 0x80:
			latin = latin || unicode.IsLetter(r)
		case unicode.Is(unicode.Latin, r):
			latin = true
		case unicode.In(r, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee):
			other = true
		}
	}
	return latin && other
}
