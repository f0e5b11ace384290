package report

import (
	"strconv"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/names"
)

// Cell is one value of a row. Its zero value holds nothing, which is not the same as an empty text, a zero or a no: nobody knows it.
type Cell struct {
	kind     Kind
	s        string
	n        int64 // a number; hundredths of a currency's unit; 1 for yes
	currency string
	at       time.Time
}

// Text holds a raw text.
func Text(raw string) Cell { return Cell{kind: KindText, s: raw} }

// Number holds a whole number.
func Number(n int64) Cell { return Cell{kind: KindNumber, n: n} }

// Amount holds money in a currency of three capital letters.
func Amount(m provisioning.Money, currency string) Cell {
	return Cell{kind: KindMoney, n: int64(m), currency: currency}
}

// At holds a moment, to the second, in UTC; the zero time holds nothing.
func At(t time.Time) Cell {
	if t.IsZero() {
		return Cell{}
	}
	return Cell{kind: KindTime, at: t.UTC().Truncate(time.Second)}
}

// Yes holds a yes or a no.
func Yes(yes bool) Cell {
	if yes {
		return Cell{kind: KindBool, n: 1}
	}
	return Cell{kind: KindBool}
}

// None holds nothing.
func None() Cell { return Cell{} }

// stamp is how a time is written: ISO 8601, UTC, to the second.
const stamp = "2006-01-02T15:04:05Z"

// plain is the value as a machine reads it, with a text raw: 12, 1234.50, 2026-03-01T09:00:00Z, yes; "" for nothing.
func (c Cell) plain() string {
	switch c.kind {
	case KindText:
		return c.s
	case KindNumber:
		return strconv.FormatInt(c.n, 10)
	case KindMoney:
		return hundredths(c.n, "")
	case KindTime:
		return c.at.Format(stamp)
	case KindBool:
		if c.n != 0 {
			return "yes"
		}
		return "no"
	default:
		return ""
	}
}

// hundredths writes an amount with two decimals, its thousands apart by sep.
func hundredths(n int64, sep string) string {
	sign, u := "", uint64(n) //nolint:gosec // the two's complement is undone below
	if n < 0 {
		sign, u = "-", -u
	}
	whole := strconv.FormatUint(u/100, 10)
	if sep != "" {
		whole = group(whole, sep)
	}
	cents := strconv.FormatUint(u%100, 10)
	if len(cents) == 1 {
		cents = "0" + cents
	}
	return sign + whole + "." + cents
}

// group sets digits apart by threes.
func group(digits, sep string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + sep + digits[i:]
	}
	return digits
}

// pieceBytes is how much of a long text is cleaned at a time: few enough bytes that, with each of them replaced by its mark, names.Clean
// has nothing to cut.
const pieceBytes = 64

// clean makes a text safe to show, as names.Clean does, but a long one is cleaned word by word, and so not cut: a list of libraries or an
// auditor's reason is longer than a name. Only a single word of more than 256 characters is cut, and ends in an ellipsis. The isolates around
// right-to-left text are left off: a cell is a paragraph of its own, and cannot reorder its neighbours.
func clean(raw string) string {
	if len(raw) <= pieceBytes {
		return names.Clean(raw).Bare()
	}
	var b strings.Builder
	b.Grow(len(raw))
	for len(raw) > pieceBytes {
		n := strings.LastIndexByte(raw[:pieceBytes], ' ')
		if n <= 0 {
			if n = strings.IndexByte(raw[1:], ' ') + 1; n == 0 {
				n = len(raw)
			}
		}
		b.WriteString(names.Clean(raw[:n]).Bare())
		raw = raw[n:]
	}
	b.WriteString(names.Clean(raw).Bare())
	return b.String()
}
