package audit

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"rollcall/provisioning"
)

// A record of a year has a million rows of one shape, and encoding/json takes most of the time that they need. These two write and read that
// shape alone, byte for byte as encoding/json does; a row that has anything else in it is encoding/json's.

// appendRow appends the line of a row with its end. ok is false, and b as it was, where encoding/json is needed: a string that is no UTF-8,
// a time that JSON cannot say.
func appendRow(b []byte, r *provisioning.Record) (_ []byte, ok bool) {
	was, e := len(b), &r.Event
	b = append(b, `{"row":{"seq":`...)
	b = strconv.AppendInt(b, r.Seq, 10)
	b = append(b, `,"event":{"at":"`...)
	dated, err := e.At.AppendText(b)
	if err != nil {
		return b[:was], false
	}
	b = append(dated, '"')
	for _, f := range [...]struct {
		name  string // with what comes before the value
		value string
		omit  bool
	}{
		{`,"actor":`, e.Actor, false},
		{`,"session":`, e.Session, false},
		{`,"person":`, e.Person, true},
		{`,"login":`, e.Login, true},
		{`,"kind":`, string(e.Kind), false},
	} {
		if b, ok = appendField(b, f.name, f.value, f.omit); !ok {
			return b[:was], false
		}
	}
	for _, f := range [...]struct {
		name  string
		value int64
	}{{`,"batch":`, e.Batch}, {`,"unit":`, e.Unit}, {`,"op":`, int64(e.Op)}} {
		if f.value != 0 {
			b = strconv.AppendInt(append(b, f.name...), f.value, 10)
		}
	}
	if b, ok = appendField(b, `,"subject":`, e.Subject, true); !ok {
		return b[:was], false
	}
	if b, ok = appendField(b, `,"detail":`, e.Detail, true); !ok {
		return b[:was], false
	}
	b = appendBytes(append(b, `},"prev":`...), r.Prev)
	b = appendBytes(append(b, `,"hash":`...), r.Hash)
	return append(b, "}}\n"...), true
}

func appendField(b []byte, name, value string, omitEmpty bool) ([]byte, bool) {
	if omitEmpty && value == "" {
		return b, true
	}
	return appendString(append(b, name...), value)
}

func appendBytes(b, value []byte) []byte {
	if value == nil {
		return append(b, "null"...)
	}
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, value)
	return append(b, '"')
}

// appendString appends a string as encoding/json does without its escaping for HTML.
func appendString(b []byte, s string) ([]byte, bool) {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	begin := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && size == 1:
				return b, false
			case r == '\u2028' || r == '\u2029':
				b = append(b, s[begin:i]...)
				b = append(b, `\u202`...)
				b = append(b, hex[r&0xF])
				begin = i + size
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[begin:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xF])
		}
		i++
		begin = i
	}
	b = append(b, s[begin:]...)
	return append(b, '"'), true
}

// beginsRow is how every line of a row begins that Export wrote.
const (
	beginsRow        = `{"row":`
	beginsCheckpoint = `{"checkpoint":`
)

// decodeLine reads one line, by the fast way where it is of the one shape, else by encoding/json.
func decodeLine(text []byte, l *bundleLine) error {
	if bytes.HasPrefix(text, []byte(beginsRow)) {
		r := &provisioning.Record{}
		if parseRow(text, r) {
			*l = bundleLine{Row: r}
			return nil
		}
	}
	*l = bundleLine{}
	return strictly(text, l)
}

// parseRow reads a line that appendRow wrote. false: it is of another shape, and r is of no use.
func parseRow(text []byte, r *provisioning.Record) bool {
	p := rowParser{raw: text, text: string(text)} // the strings of the row are pieces of this one
	e := &r.Event
	p.literal(`{"row":{"seq":`)
	r.Seq = p.number()
	p.literal(`,"event":{"at":"`)
	e.At = p.moment()
	p.literal(`,"actor":`)
	e.Actor = p.string()
	p.literal(`,"session":`)
	e.Session = p.string()
	if p.maybe(`,"person":`) {
		e.Person = p.string()
	}
	if p.maybe(`,"login":`) {
		e.Login = p.string()
	}
	p.literal(`,"kind":`)
	e.Kind = provisioning.EventKind(p.string())
	if p.maybe(`,"batch":`) {
		e.Batch = p.number()
	}
	if p.maybe(`,"unit":`) {
		e.Unit = p.number()
	}
	if p.maybe(`,"op":`) {
		op := p.number()
		e.Op = int(op)
		p.bad = p.bad || int64(e.Op) != op
	}
	if p.maybe(`,"subject":`) {
		e.Subject = p.string()
	}
	if p.maybe(`,"detail":`) {
		e.Detail = p.string()
	}
	p.literal(`},"prev":`)
	r.Prev = p.bytes()
	p.literal(`,"hash":`)
	r.Hash = p.bytes()
	p.literal(`}}`)
	return !p.bad && p.at == len(p.text)
}

// rowParser goes over one line. What is not as appendRow writes it sets bad.
type rowParser struct {
	raw  []byte
	text string
	at   int
	bad  bool
}

func (p *rowParser) maybe(what string) bool {
	if p.bad || len(p.text)-p.at < len(what) || p.text[p.at:p.at+len(what)] != what {
		return false
	}
	p.at += len(what)
	return true
}

func (p *rowParser) literal(what string) {
	if !p.maybe(what) {
		p.bad = true
	}
}

// number reads a whole number of at most 18 digits.
func (p *rowParser) number() int64 {
	negative := p.maybe("-")
	begin := p.at
	var n int64
	for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' && p.at-begin < 18 {
		n = n*10 + int64(p.text[p.at]-'0')
		p.at++
	}
	if p.at == begin || (p.text[begin] == '0' && (p.at-begin > 1 || negative)) {
		p.bad = true
	}
	if negative {
		n = -n
	}
	return n
}

func (p *rowParser) moment() (at time.Time) {
	if p.bad {
		return at
	}
	end := bytes.IndexByte(p.raw[p.at:], '"')
	if end < 0 || at.UnmarshalText(p.raw[p.at:p.at+end]) != nil {
		p.bad = true
		return at
	}
	p.at += end + 1
	return at
}

// plain is how many bytes of s from at stand for themselves in a JSON string, and whether all of them are ASCII.
func plain(s string, at int) (n int, ascii bool) {
	i, ascii := at, true
	for ; i < len(s); i++ {
		c := s[i]
		if c < ' ' || c == '"' || c == '\\' {
			break
		}
		if c >= utf8.RuneSelf {
			ascii = false
		}
	}
	return i - at, ascii
}

func (p *rowParser) string() string {
	if !p.maybe(`"`) {
		p.bad = true
		return ""
	}
	var made []byte // where there are escapes
	for !p.bad {
		n, ascii := plain(p.text, p.at)
		piece := p.text[p.at : p.at+n]
		if !ascii && !utf8.ValidString(piece) {
			break
		}
		p.at += n
		switch {
		case p.maybe(`"`):
			if made == nil {
				return piece
			}
			return string(append(made, piece...))
		case p.at+1 < len(p.text) && p.text[p.at] == '\\':
			c := escaped(p.text[p.at+1])
			if c == 0 {
				p.bad = true
				return ""
			}
			made = append(append(made, piece...), c)
			p.at += 2
		default:
			p.bad = true
		}
	}
	p.bad = true
	return ""
}

// escaped is the byte that a short escape stands for; 0: it is none.
func escaped(c byte) byte {
	switch c {
	case '"', '\\', '/':
		return c
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	default:
		return 0
	}
}

func (p *rowParser) bytes() []byte {
	if p.maybe("null") {
		return nil
	}
	p.literal(`"`)
	if p.bad {
		return nil
	}
	end := bytes.IndexByte(p.raw[p.at:], '"')
	if end < 0 {
		p.bad = true
		return nil
	}
	value := make([]byte, base64.StdEncoding.DecodedLen(end))
	n, err := base64.StdEncoding.Decode(value, p.raw[p.at:p.at+end])
	if err != nil {
		p.bad = true
	}
	p.at += end + 1
	return value[:n]
}

// encodeRow appends the line of a row by whichever way it takes.
func encodeRow(b []byte, r *provisioning.Record) ([]byte, error) {
	if b, ok := appendRow(b, r); ok {
		return b, nil
	}
	var line bytes.Buffer
	slow := json.NewEncoder(&line)
	slow.SetEscapeHTML(false)
	raw := rawFields(&r.Event)
	if err := slow.Encode(bundleLine{Row: r, Raw: raw}); err != nil {
		return b, err
	}
	return append(b, line.Bytes()...), nil
}
