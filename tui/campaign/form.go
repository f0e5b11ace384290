package campaign

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// The fields of a new review, in their order.
const (
	fieldName = iota
	fieldLibraries
	fieldGroups
	fieldRoles
	fieldOffices
	fieldPractices
	fieldExternals
	fieldAdmins
	fieldDormant
	fieldChanged
	fieldReviewers
	fieldDue
	fieldSecond
	fieldSees
	fieldCount
)

// field is one line of the form: what is typed, or ticked, or one of a few.
type field struct {
	label, help string
	tick        bool     // it is ticked or not
	choices     []string // it is one of them
}

func fields() [fieldCount]field {
	const several = "Several with commas between them. Empty: all."
	return [fieldCount]field{
		fieldName:      {label: "called", help: "What the review is called in the record, and in the files of its reviewers. Empty: the day."},
		fieldLibraries: {label: "libraries", help: "Access in these libraries alone. " + several},
		fieldGroups:    {label: "groups", help: "Membership of these groups alone, as LIBRARY/GROUP, a global one as /GROUP. " + several},
		fieldRoles:     {label: "roles", help: "Places with these roles alone, in a library or global. " + several},
		fieldOffices:   {label: "offices", help: "People of these offices alone. " + several},
		fieldPractices: {label: "practices", help: "People of these practices alone. " + several},
		fieldExternals: {label: "external accounts", help: "Accounts of people outside the firm alone. space ticks it.", tick: true},
		fieldAdmins:    {label: "administrators", help: "Membership of NRTADMIN, and global roles, alone. space ticks it.", tick: true},
		fieldDormant:   {label: "unused accounts", help: "Accounts that are surely not used, each as one decision. What is not known is never among them. space ticks it.", tick: true},
		fieldChanged:   {label: "given since the last", help: "What was given since the last review that is done, alone. space ticks it.", tick: true},
		fieldReviewers: {
			label: "reviewers",
			help:  "Operators by name, others by email: they answer by a file. managers: each person's manager, and who else is named where nobody knows one. Empty: you.",
		},
		fieldDue:    {label: "until", help: "The last day, as 2026-12-31, 8 dec or +14d. What is late is still decided, and told as overdue. Empty: in 14 days."},
		fieldSecond: {label: "then", help: "A second stage: who decides after the reviewers, by name or email. Empty: there is none."},
		fieldSees:   {label: "sees", help: "What comes to the second stage: every item, or what the first revoked, kept, or left undecided. space changes it.", choices: []string{"all", "revoke", "keep", "undecided"}},
	}
}

// form is a new review while it is written.
type form struct {
	now    func() time.Time
	fields [fieldCount]field
	text   [fieldCount]string
	ticked [fieldCount]bool
	choice [fieldCount]int
	at     int
	wrong  string // why it cannot be laid out; raw
}

func newForm(now func() time.Time) *form { return &form{now: now, fields: fields()} }

// formKeys are the keys of the form, for its footer: it takes them itself.
func formKeys() []ui.Binding {
	nothing := func() tea.Cmd { return nil }
	return []ui.Binding{
		{Keys: []string{"enter"}, Show: "⏎", Help: "lay it out", Footer: 1, Long: "see what it would be, before anything is opened", Do: nothing},
		{Keys: []string{"down", "tab"}, Show: "tab", Help: "next field", Footer: 2, Do: nothing},
		{Keys: []string{"up", "shift+tab"}, Show: "shift+tab", Help: "field before", Footer: 3, Do: nothing},
		{Keys: []string{"space"}, Help: "tick, change", Footer: 4, Do: nothing},
		{Keys: []string{"esc"}, Help: "leave it", Footer: 5, Do: nothing},
	}
}

// typed takes a key of the form.
func (m *List) typed(k tea.KeyPressMsg) tea.Cmd {
	f := m.form
	switch key := k.String(); {
	case m.busy && key != "esc": // it is being laid out as it was
	case key == "esc":
		m.form, m.busy = nil, false
	case key == "enter":
		n, err := f.read()
		if err != nil {
			f.wrong = err.Error()
			return nil
		}
		f.wrong, m.busy = "", true
		return func() tea.Msg {
			p, err := m.desk.PlanCampaign(m.ctx, n)
			return planned{m, p, err}
		}
	default:
		f.key(k)
	}
	return nil
}

func (f *form) key(k tea.KeyPressMsg) {
	f.wrong = ""
	one := &f.fields[f.at]
	switch k.String() {
	case "down", "tab":
		f.at = min(f.at+1, fieldCount-1)
	case "up", "shift+tab":
		f.at = max(f.at-1, 0)
	case "backspace":
		if r := []rune(f.text[f.at]); len(r) > 0 {
			f.text[f.at] = string(r[:len(r)-1])
		}
	case "ctrl+u":
		f.text[f.at] = ""
	case "space", "right", "left":
		by := 1
		if k.String() == "left" {
			by = -1
		}
		switch n := len(one.choices); {
		case one.tick:
			f.ticked[f.at] = !f.ticked[f.at]
		case n > 0:
			f.choice[f.at] = (f.choice[f.at] + by + n) % n
		default:
			f.text[f.at] += k.Text
		}
	default:
		if !one.tick && len(one.choices) == 0 {
			f.text[f.at] += k.Text
		}
	}
}

// paste is text: it ticks nothing and lays nothing out (threats A2).
func (f *form) paste(text string) {
	if one := &f.fields[f.at]; !one.tick && len(one.choices) == 0 {
		f.text[f.at] += names.Clean(text).Bare()
	}
}

// parts parts what was typed at its commas.
func parts(s string) (list []string) {
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" && !slices.Contains(list, part) {
			list = append(list, part)
		}
	}
	return list
}

// dueDay reads the last day; zero is none. It ends with that day.
func dueDay(text string, now time.Time) (time.Time, error) {
	if text = strings.TrimSpace(text); text == "" {
		return time.Time{}, nil
	}
	at, err := time.ParseInLocation(time.DateOnly, text, time.Local)
	if err != nil {
		for _, as := range []string{text, text + " 23:59"} {
			if at, err = desk.ParseWhen(as, now.Local()); err == nil {
				break
			}
		}
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no day: write it as 2026-12-31, 8 dec or +14d", text)
	}
	y, month, d := at.Local().Date()
	end := time.Date(y, month, d+1, 0, 0, 0, 0, time.Local)
	if !end.After(now) {
		return time.Time{}, errors.New("that day has passed: " + at.Format("2 Jan 2006"))
	}
	return end, nil
}

// lastDay says a day that a review ends with.
func lastDay(end time.Time) string {
	return end.Local().Add(-time.Second).Format("Mon 2 Jan 2006")
}

// read makes of the form what is asked for.
func (f *form) read() (desk.NewCampaign, error) {
	n := desk.NewCampaign{Name: strings.TrimSpace(f.text[fieldName]), Scope: provisioning.CampaignScope{
		Libraries: parts(f.text[fieldLibraries]), Groups: parts(f.text[fieldGroups]), Roles: parts(f.text[fieldRoles]),
		Offices: parts(f.text[fieldOffices]), Practices: parts(f.text[fieldPractices]),
		Externals: f.ticked[fieldExternals], Admins: f.ticked[fieldAdmins], Dormant: f.ticked[fieldDormant], ChangedNow: f.ticked[fieldChanged],
	}}
	due, err := dueDay(f.text[fieldDue], f.now())
	if err != nil {
		f.at = fieldDue
		return n, err
	}
	first := stage(f.text[fieldReviewers])
	first.Due = due
	n.Stages = []provisioning.ReviewStage{first}
	if second := stage(f.text[fieldSecond]); second.Assign != "" || len(second.Reviewers) > 0 {
		second.Sees = f.fields[fieldSees].choices[f.choice[fieldSees]]
		if !due.IsZero() { // as much time again
			second.Due = due.Add(due.Sub(f.now())).Truncate(time.Hour)
		}
		n.Stages = append(n.Stages, second)
	}
	return n, nil
}

// stage makes a stage of those who are named: "managers" stands for each person's own.
func stage(text string) provisioning.ReviewStage {
	var s provisioning.ReviewStage
	for _, who := range parts(text) {
		if strings.EqualFold(who, "managers") || strings.EqualFold(who, "manager") {
			s.Assign = "manager"
			continue
		}
		s.Reviewers = append(s.Reviewers, who)
	}
	return s
}

// lines draws the form. Every field has its own line, and what is said about it stands below.
func (f *form) lines(st *ui.Styles, now time.Time, width, height int, busy bool) []string {
	out := make([]string, 0, height)
	out = append(out, st.NewLine(width, false).Word(ui.Header, " A new access review").String(), st.Rule(width, ""))
	for at := range f.fields {
		switch at {
		case fieldLibraries:
			out = append(out, heading(st, width, "Whose access", "empty: everybody's, all of it; what is written or ticked narrows it"))
		case fieldReviewers:
			out = append(out, heading(st, width, "Who decides", ""))
		}
		if f.fields[at].tick {
			if at%2 == fieldExternals%2 { // two on a line
				out = append(out, f.ticks(st, width, at))
			}
			continue
		}
		out = append(out, f.line(st, now, width, at))
	}
	foot := []string{st.Rule(width, "")}
	style, text := ui.Plain, f.fields[f.at].help
	switch {
	case busy:
		style, text = ui.Accent, "It is being laid out."
	case f.wrong != "":
		style, text = ui.Danger, f.wrong
	}
	for _, t := range ui.Paragraph(text, width-2, 2) {
		foot = append(foot, st.NewLine(width, false).Space(1).Text(style, t, 0).String())
	}
	for len(foot) < 3 {
		foot = append(foot, st.Blank(width))
	}
	for len(out) < height-len(foot) {
		out = append(out, st.Blank(width))
	}
	return append(out[:max(0, height-len(foot))], foot...)
}

func heading(st *ui.Styles, width int, word, more string) string {
	return st.NewLine(width, false).Space(1).Word(ui.Header, word).Space(2).Word(ui.Muted, more).String()
}

// label is how wide the names of the fields are.
const label = 14

func (f *form) line(st *ui.Styles, now time.Time, width, at int) string {
	one, here := &f.fields[at], at == f.at
	l := st.NewLine(width, here).Space(1)
	if here {
		l.Cell(ui.Accent, st.Glyphs.Cursor, 2)
	} else {
		l.Space(2)
	}
	l.Cell(ui.Muted, one.label, label)
	if len(one.choices) > 0 {
		l.Word(ui.Strong, one.choices[f.choice[at]])
		if strings.TrimSpace(f.text[fieldSecond]) == "" {
			l.Word(ui.Muted, "  (where there is a second stage)")
		}
		return l.String()
	}
	said, style := "", ui.Muted
	if at == fieldDue {
		if end, err := dueDay(f.text[at], now); err != nil {
			said, style = "no day yet", ui.Warning
		} else if !end.IsZero() {
			said = lastDay(end) + ", " + ui.Until(end, now)
		} else {
			said = "in 14 days"
		}
	}
	if said == "" && f.text[at] == "" && !here {
		said = map[int]string{fieldReviewers: "you", fieldSecond: "nobody", fieldName: "the day"}[at]
	}
	text := names.Clean(f.text[at])
	room := max(1, l.Left()-len(said)-4)
	if over := text.Width() - room; over > 0 { // the end is where one types
		text = tail(text, room)
	}
	l.Text(ui.Strong, text, 0)
	if here {
		l.Word(ui.Accent, st.Glyphs.Caret)
	}
	if said != "" {
		if f.text[at] != "" || here {
			l.Space(2)
		}
		l.Word(style, said)
	}
	return l.String()
}

// tail is the end of a text in so many cells.
func tail(t names.Text, cells int) names.Text {
	r := []rune(t.Bare())
	for len(r) > 0 && names.Clean(string(r)).Width() > cells-1 {
		r = r[1:]
	}
	return names.Clean("…" + string(r))
}

// ticks draws a field that is ticked, and the next one beside it.
func (f *form) ticks(st *ui.Styles, width, at int) string {
	l := st.NewLine(width, false).Space(1)
	for i, one := range f.fields[at : at+2] {
		here := at+i == f.at
		sign, style := " ", ui.Plain
		if here {
			sign, style = st.Glyphs.Cursor, ui.Strong
		}
		box := "[ ] "
		if f.ticked[at+i] {
			box = "[x] "
		}
		if i == 0 && at == fieldExternals {
			l.Cell(ui.Accent, sign, 2).Cell(ui.Muted, "only", label)
		} else if i == 0 {
			l.Cell(ui.Accent, sign, 2).Space(label)
		} else {
			l.Cell(ui.Accent, sign, 2)
		}
		l.Word(style, box).Cell(style, one.label, 24)
	}
	return l.String()
}
