package campaign

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// letter is an answer that is given by its letter.
type letter struct {
	key, label string
	do         func() tea.Cmd
}

// letters asks for one of a few answers; any other key gives none, esc leaves all as it is.
type letters struct {
	title   string // raw, as the body
	body    []string
	options []letter
}

// Key takes a key.
func (d *letters) Key(k tea.KeyPressMsg) (tea.Cmd, bool) {
	if k.String() == "esc" {
		return nil, true
	}
	for _, o := range d.options {
		if k.String() == o.key {
			return o.do(), true
		}
	}
	return nil, false
}

// Paste is no answer.
func (d *letters) Paste(string) tea.Cmd { return nil }

// Lines draws it.
func (d *letters) Lines(st *ui.Styles, width int) []string {
	out := head(st, width, d.title, d.body)
	for _, o := range d.options {
		out = append(out, st.NewLine(width, false).Space(3).Word(ui.Accent, o.key).Space(2).Text(ui.Plain, names.Clean(o.label), 0).String())
	}
	return append(out, st.NewLine(width, false).Space(1).Word(ui.Accent, "esc").Word(ui.Plain, "  leave it as it is").String())
}

// head draws a title and a body. Raw.
func head(st *ui.Styles, width int, title string, body []string) []string {
	const most = 4
	out := []string{st.Rule(width, "")}
	for _, t := range ui.Paragraph(title, width-2, 2) {
		out = append(out, st.NewLine(width, false).Space(1).Text(ui.Header, t, 0).String())
	}
	for _, b := range body {
		for _, t := range ui.Paragraph(b, width-2, most) {
			out = append(out, st.NewLine(width, false).Space(1).Text(ui.Plain, t, 0).String())
		}
	}
	return out
}

// notice says something that is to be read before anything else is done.
type notice struct {
	title string // raw, as all of it
	body  []string
	loud  string // stands apart, to be read out
	after []string
}

// Key takes a key: enter or esc, and no letter that was meant for something else.
func (d *notice) Key(k tea.KeyPressMsg) (tea.Cmd, bool) {
	return nil, k.String() == "enter" || k.String() == "esc"
}

// Paste is nothing to a notice.
func (d *notice) Paste(string) tea.Cmd { return nil }

// Lines draws it.
func (d *notice) Lines(st *ui.Styles, width int) []string {
	out := head(st, width, d.title, d.body)
	if d.loud != "" {
		out = append(out, st.Blank(width), st.NewLine(width, false).Space(4).Text(ui.Strong, names.Clean(strings.Join(strings.Fields(d.loud), "   ")), 0).String(), st.Blank(width))
	}
	for _, a := range d.after {
		for _, t := range ui.Paragraph(a, width-2, 2) {
			out = append(out, st.NewLine(width, false).Space(1).Text(ui.Muted, t, 0).String())
		}
	}
	return append(out, st.NewLine(width, false).Space(1).Word(ui.Accent, "enter").Word(ui.Plain, " goes on").String())
}

// find lists reviewers whose name or key has every word of a text; note says more of one, "" nothing.
func find(reviewers []provisioning.Reviewer, text string, note func(provisioning.Reviewer) string) []ui.Item {
	words := strings.Fields(names.Fold(text))
	var items []ui.Item
	for _, r := range reviewers {
		folded, fits := names.Fold(r.Name+" "+r.Key+" "+r.Email), true
		for _, w := range words {
			fits = fits && strings.Contains(folded, w)
		}
		if !fits {
			continue
		}
		it := ui.Item{ID: r.Key, Title: r.Name, Note: r.Key}
		if r.Name == "" || r.Name == r.Key {
			it = ui.Item{ID: r.Key, Title: r.Key}
		}
		if r.Operator {
			it.Note = strings.TrimSpace(it.Note + "  decides here")
		} else {
			it.Note = strings.TrimSpace(it.Note + "  answers by file")
		}
		if note != nil {
			if more := note(r); more != "" {
				it.Note = fmt.Sprintf("%s  %s", more, it.Note)
			}
		}
		items = append(items, it)
		if len(items) == ui.PickerRows {
			break
		}
	}
	return items
}
