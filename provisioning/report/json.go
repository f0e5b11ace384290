package report

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// WriteJSON writes a book for machines. Texts are exact: nothing is cleaned, cut or guarded (a byte that is no UTF-8, which JSON cannot
// hold, becomes U+FFFD). What a terminal might obey is written as \u escapes, which mean the same string. A row is an object with the
// columns' keys in their order; an amount is {"hundredths":123450,"currency":"GBP"}, a time ISO 8601 in UTC, nothing is null.
// The error is Check's, or the writer's.
func WriteJSON(w io.Writer, b *Book) error {
	if err := b.check(); err != nil {
		return err
	}
	out := &jsonWriter{w: bufio.NewWriterSize(w, 1<<16)}
	out.raw("{\n")
	out.head(b.Title, b.Firm, b.By, At(b.Made), b.Notes, "  ")
	out.raw("  \"tables\": [")
	for i := range b.Tables {
		if i > 0 {
			out.raw(",")
		}
		out.table(&b.Tables[i])
	}
	out.raw("\n  ]\n}\n")
	if out.err != nil {
		return out.err
	}
	return out.w.Flush()
}

// jsonWriter writes piece by piece, so that nobody holds a report twice; it keeps the first error.
type jsonWriter struct {
	w   *bufio.Writer
	err error
}

func (o *jsonWriter) raw(s string) {
	if o.err == nil {
		_, o.err = o.w.WriteString(s)
	}
}

func (o *jsonWriter) str(s string) {
	plain := true
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			plain = false
			break
		}
	}
	if plain {
		o.raw(`"`)
		o.raw(s)
		o.raw(`"`)
		return
	}
	o.raw(quoted(s))
}

// quoted writes a string as JSON, with everything that is not printed as itself escaped.
func quoted(s string) string {
	out := []byte{'"'}
	for _, r := range s { // what is no UTF-8 comes as U+FFFD
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r == ' ' || unicode.IsPrint(r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return string(append(out, '"'))
}

func (o *jsonWriter) value(c Cell) {
	switch c.kind {
	case KindText:
		o.str(c.s)
	case KindNumber:
		o.raw(strconv.FormatInt(c.n, 10))
	case KindMoney:
		o.raw(`{"hundredths":` + strconv.FormatInt(c.n, 10) + `,"currency":"` + c.currency + `"}`)
	case KindTime:
		o.raw(`"` + c.at.Format(stamp) + `"`)
	case KindBool:
		o.raw(strconv.FormatBool(c.n != 0))
	default:
		o.raw("null")
	}
}

func (o *jsonWriter) head(title, firm, by string, made Cell, notes []string, indent string) {
	for _, f := range []struct{ key, s string }{{"title", title}, {"firm", firm}, {"by", by}} {
		o.raw(indent + `"` + f.key + `": `)
		o.str(f.s)
		o.raw(",\n")
	}
	o.raw(indent + `"made": `)
	o.value(made)
	o.raw(",\n" + indent + `"notes": [`)
	for i, n := range notes {
		if i > 0 {
			o.raw(", ")
		}
		o.str(n)
	}
	o.raw("],\n")
}

func (o *jsonWriter) table(t *Table) {
	const in = "      "
	o.raw("\n    {\n" + in + `"name": "` + t.Name + "\",\n")
	o.head(t.Title, t.Firm, t.By, At(t.Made), t.Notes, in)
	o.raw(in + `"columns": [`)
	keys := make([]string, len(t.Columns)) // with all that stands before a value
	for i, c := range t.Columns {
		if i > 0 {
			o.raw(",")
			keys[i] = ", "
		}
		keys[i] += `"` + c.Key + `": `
		o.raw("\n" + in + `  {"key": "` + c.Key + `", "title": `)
		o.str(c.Title)
		o.raw(`, "kind": "` + string(c.Kind) + `"}`)
	}
	o.raw("\n" + in + "],\n" + in + `"sums": [`)
	for i, s := range t.Sums {
		if i > 0 {
			o.raw(",")
		}
		o.raw("\n" + in + `  {"label": `)
		o.str(s.Label)
		o.raw(`, "value": `)
		o.value(s.Value)
		o.raw("}")
	}
	o.raw("],\n" + in + `"rows": [`)
	for r, row := range t.Rows {
		if r > 0 {
			o.raw(",")
		}
		o.raw("\n" + in + "  {")
		for i := range row {
			o.raw(keys[i])
			o.value(row[i])
		}
		o.raw("}")
	}
	o.raw("\n" + in + "]\n    }")
}
