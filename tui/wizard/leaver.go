package wizard

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
	"rollcall/tui/ui"
)

// leaver is the end of somebody's access: when, what it rests on, what is removed in which order, what they would leave behind, and what
// will be certified.
func (b *builder) leaver() {
	m, c := b.m, b.m.c
	when := "now, with the commit"
	if at := m.of.At; !at.IsZero() {
		when = m.moment(at)
	}
	b.fact("when", ui.Strong, when)
	word := "directories"
	for _, line := range c.Idp {
		b.fact(word, ui.Plain, line)
		word = ""
	}
	if m.of.Reason != "" {
		b.fact("on whose word", ui.Plain, m.of.Reason)
	}
	if len(m.of.Readers) > 0 {
		b.fact("sealed", ui.Plain, "read by "+strings.Join(m.of.Readers, ", ")+" and whoever stages it, by nobody else")
	}
	b.heading("preview", "removed, in this order", b.counts(c.Now))
	b.lines(c.Now)
	b.ends()
	if len(c.Covers) > 0 {
		b.heading("covers", "the certificate of removal will cover", "")
		for _, line := range c.Covers {
			b.text(ui.Plain, 3, line)
		}
	}
}

// ends are what the account would leave behind.
func (b *builder) ends() {
	m, e := b.m, &b.m.c.Ends
	if n := len(e.CheckedOut); n > 0 {
		tail := "k ends that; what was not saved is lost"
		if m.of.Release {
			tail = "they are ended; what was not saved to iManage is lost"
		}
		b.heading("documents", plural(n, "document", "documents")+" checked out", tail)
		for i := range e.CheckedOut {
			d := &e.CheckedOut[i]
			since := ""
			if !d.Since.IsZero() {
				since = "since " + d.Since.Local().Format("2 Jan 2006 15:04")
			}
			b.end(" ", ui.Plain, d.ID, d.Name, since)
		}
	}
	if n := len(e.Owned); n > 0 {
		tail := "o chooses who gets them"
		if m.of.Successor != "" {
			tail = "they go to " + m.of.Successor
		}
		b.heading("workspaces", "owns "+plural(n, "workspace", "workspaces"), tail)
		sole := func(w provisioning.Workspace) bool {
			return slices.ContainsFunc(e.Sole, func(s provisioning.Workspace) bool { return s.ID == w.ID })
		}
		for _, alone := range []bool{true, false} { // those that nobody could manage after come first
			for i := range e.Owned {
				if w := &e.Owned[i]; sole(*w) == alone {
					sign, style, note := " ", ui.Plain, ""
					if alone {
						sign, style, note = m.st.Glyphs.Alert, ui.Warning, "sole full access"
					}
					b.end(sign, style, w.ID, w.Name, note)
				}
			}
		}
	}
	if len(e.Unread) > 0 {
		b.heading("unread", "not read", fmt.Sprintf("%s, so not known to be nothing", plural(len(e.Unread), "part", "parts")))
		for _, why := range e.Unread {
			b.text(ui.Warning, 3, why)
		}
	}
}

// end is one thing that is left behind.
func (b *builder) end(sign string, style ui.Style, id, name, note string) {
	column := max(22, b.width/5)
	rest := ui.Paragraph(joined(b.m.st.Glyphs.Dot, name, note), b.width-column-6, most)
	left := ui.Paragraph(id, column, most)
	for i := range max(1, len(left), len(rest)) {
		b.line(b.m.st.NewLine(b.width, false).Space(1).Cell(style, sign, 2).Text(ui.Muted, at(left, i), column).Space(1).Text(style, at(rest, i), 0).String())
		sign = " "
	}
}

// joined puts what is not empty one behind the other.
func joined(dot string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " "+dot+" ")
}
