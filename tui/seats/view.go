package seats

import (
	"fmt"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// Bindings are the screen's keys.
func (m *Model) Bindings() []ui.Binding {
	if m.keys == nil {
		m.keys = m.bind()
	}
	return m.keys
}

func (m *Model) bind() []ui.Binding {
	move := func(by int) func() tea.Cmd {
		return func() tea.Cmd {
			m.cursor = min(max(m.cursor+by, 0), max(0, m.length()-1))
			return nil
		}
	}
	turn := func(by int) func() tea.Cmd {
		return func() tea.Cmd {
			m.tab, m.only = (m.tab+tab(by)+tabs)%tabs, ""
			m.narrow()
			return nil
		}
	}
	change := func() string {
		switch {
		case m.desk.ReadOnly() != "":
			return m.desk.ReadOnly()
		case m.book == nil:
			return "the seats are being counted"
		default:
			return ""
		}
	}
	none := func() string {
		if m.seat() == nil {
			return "no seat is under the cursor"
		}
		return ""
	}
	return []ui.Binding{
		{Keys: []string{"tab", "]"}, Show: "tab", Help: "next view", Footer: 1, Do: turn(1)},
		{Keys: []string{"shift+tab", "["}, Help: "view before", Do: turn(-1)},
		{Keys: []string{"space"}, Help: "mark", Footer: 2, Disabled: none, Do: func() tea.Cmd {
			id := m.seat().Account
			if m.marks[id] {
				delete(m.marks, id)
			} else {
				m.marks[id] = true
			}
			return move(1)()
		}},
		{Keys: []string{"*"}, Help: "mark all", Long: "mark every seat that is shown, or none", Disabled: none, Do: func() tea.Cmd {
			all := len(m.marks) < len(m.shown)
			clear(m.marks)
			for _, i := range m.shown {
				if all {
					m.marks[m.book.Seats[i].Account] = true
				}
			}
			return nil
		}},
		{Keys: []string{"N"}, Help: "give notice", Footer: 3, Danger: true, Disabled: func() string {
			if why := change(); why != "" {
				return why
			}
			if accounts, _ := m.chosen(); len(accounts) == 0 {
				return "no seat is marked"
			}
			return ""
		}, Long: "give notice of the seats that are marked, or of the one under the cursor, and write it out", Do: m.notice},
		{Keys: []string{"G"}, Help: "take back what is due", Footer: 4, Narrow: -1, Danger: true, Disabled: change, Long: "stage the accounts whose grace days are over and that are still not used", Do: func() tea.Cmd {
			return func() tea.Msg {
				s, err := m.desk.StageReclaims(m.ctx, nil)
				return staged{s, err}
			}
		}},
		{Keys: []string{"U"}, Help: "read use", Footer: 5, Narrow: 4, Disabled: func() string {
			if m.reading {
				return "it is being read"
			}
			return change()
		}, Long: "read from the document history when each account was last at work", Do: m.readUse},
		{Keys: []string{"W"}, Help: "withdraw a notice", Disabled: func() string {
			if m.tab != tabNotices || m.cursor >= len(m.notices) {
				return "no notice is under the cursor"
			}
			return change()
		}, Long: "take the notice under the cursor back: the seat stays", Do: m.withdraw},
		{Keys: []string{"enter"}, Show: "⏎", Help: "open", Disabled: func() string {
			if len(m.totals) == 0 {
				return "no total is under the cursor"
			}
			return ""
		}, Long: "open a total to its seats", Do: func() tea.Cmd {
			name := m.totals[m.cursor].Name
			if m.cursor == len(m.totals)-1 {
				name = ""
			}
			m.tab, m.only = tabAll, name
			m.narrow()
			return nil
		}},
		{Keys: []string{"/"}, Help: "find", Do: func() tea.Cmd { m.typing = true; return nil }},
		{Keys: []string{"esc"}, Help: "back", Footer: 6, Narrow: 5, Do: func() tea.Cmd {
			switch {
			case m.reading:
				m.stop()
				return nil
			case len(m.marks) > 0:
				clear(m.marks)
				return nil
			case m.only != "":
				m.only = ""
				m.narrow()
				return nil
			default:
				return ui.Say(ui.Back{})
			}
		}},
		{Keys: []string{"down", "j"}, Help: "down", Do: move(1)},
		{Keys: []string{"up", "k"}, Help: "up", Do: move(-1)},
		{Keys: []string{"pgdown"}, Help: "page down", Do: move(15)},
		{Keys: []string{"pgup"}, Help: "page up", Do: move(-15)},
		{Keys: []string{"home", "g"}, Help: "first", Do: move(-1 << 30)},
		{Keys: []string{"end"}, Help: "last", Do: move(1 << 30)},
	}
}

// Lines draws the screen.
func (m *Model) Lines(width, height int) []string {
	out := make([]string, 0, height)
	if m.book == nil {
		out = append(out, m.st.NewLine(width, false).Word(ui.Muted, " the seats are being counted …").String())
	} else {
		out = m.page(width, height, out)
	}
	for len(out) < height {
		out = append(out, m.st.Blank(width))
	}
	return out
}

func (m *Model) page(width, height int, out []string) []string {
	all := m.book.All()
	l := m.st.NewLine(width, false).Word(ui.Header, " Seats").Space(2).Word(ui.Strong, ui.Count(all.Paid)+" paid").Space(2).Text(ui.Plain, names.Clean(amount(all.Money, m.book.Currency)+" a year"), 0)
	l.Space(2).Word(ui.Notice, ui.Count(all.Unused)+" unused").Space(2).Word(ui.Warning, ui.Count(all.Unknown)+" UNKNOWN")
	out = append(out, l.String())
	l = m.st.NewLine(width, false).Space(1)
	switch {
	case m.reading:
		l.Word(ui.Accent, fmt.Sprintf("reading the use of accounts: %s of %s; esc stops it", ui.Count(int(m.seen.Load())), ui.Count(int(max(0, m.of.Load())))))
	case all.Paid > 0 && all.Unknown == all.Paid-all.Disabled:
		l.Word(ui.Warning, "Nobody has read who uses them: iManage publishes no last sign-in. U reads the document history.")
	default:
		l.Word(ui.Muted, "Use is inferred from document history and sign-ins; unknown is never taken back.")
	}
	out = append(out, l.String())
	l = m.st.NewLine(width, false).Space(1)
	for t := range tabs {
		word := t.String()
		if t == m.tab {
			l.Word(ui.Accent, "["+word+" "+ui.Count(m.length())+"]").Space(2)
		} else if l.Left() > len(word)+2 {
			l.Word(ui.Muted, word).Space(2)
		}
	}
	if m.typing || m.find != "" {
		l.Word(ui.Accent, "/ ").Text(ui.Strong, names.Clean(m.find), 0)
	}
	if m.only != "" {
		l.Space(1).Text(ui.Strong, names.Clean(m.only), 0)
	}
	out = append(out, l.String(), m.st.Rule(width, ""))
	const detail = 3
	m.height = max(1, height-len(out)-detail-1)
	m.top = max(min(m.top, m.cursor), m.cursor-m.height+1)
	if m.length() == 0 {
		for _, t := range ui.Paragraph(m.empty(), width-2, 3) {
			out = append(out, m.st.NewLine(width, false).Space(1).Text(ui.Plain, t, 0).String())
		}
	}
	for at := m.top; at < min(m.top+m.height, m.length()); at++ {
		out = append(out, m.row(width, at))
	}
	for len(out) < height-detail-1 {
		out = append(out, m.st.Blank(width))
	}
	out = append(out, m.st.PlaceRule(width, m.top+1, min(m.top+m.height, m.length()), m.length()))
	for _, t := range ui.Paragraph(m.sentence(), width-2, detail) {
		out = append(out, m.st.NewLine(width, false).Space(1).Text(ui.Plain, t, 0).String())
	}
	return out
}

func (m *Model) empty() string {
	switch m.tab {
	case tabReclaim:
		return "No seat may be taken back now: none is surely unused for the policy's days, or something stands in the way of each."
	case tabUnused:
		return "No paid seat is surely unused."
	case tabUnknown:
		return "The use of every paid seat is known."
	case tabNotices:
		return "No notice was given yet. N gives notice of the seats that are marked."
	default:
		return "Nothing is here."
	}
}

func (m *Model) row(width, at int) string {
	l := m.st.NewLine(width, at == m.cursor)
	sign := " "
	if at == m.cursor {
		sign = m.st.Glyphs.Cursor
	}
	l.Cell(ui.Accent, sign, 2)
	switch m.tab {
	case tabClass, tabOffice:
		t := &m.totals[at]
		l.Text(ui.Strong, names.Clean(t.Name), 22).Cell(ui.Plain, ui.Count(t.Paid)+" paid", 11).Cell(ui.Plain, amount(t.Money, m.book.Currency), 18)
		l.Cell(ui.Notice, fmt.Sprintf("%s unused, %s", ui.Count(t.Unused), amount(t.UnusedMoney, m.book.Currency)), 30).Cell(ui.Warning, ui.Count(t.Unknown)+" unknown", 13)
		return l.Word(ui.Muted, fmt.Sprintf("%d disabled", t.Disabled)).String()
	case tabForecast:
		f := &m.forecast[at]
		l.Cell(ui.Strong, f.From.Format("Jan 2006"), 11).Cell(ui.Plain, ui.Count(f.Seats)+" seats", 13).Cell(ui.Plain, amount(f.Money, m.book.Currency)+" a year", 28).Cell(ui.Muted, fmt.Sprintf("+%d -%d", f.Joiners, f.Leavers), 10)
		for _, class := range f.Renewals {
			l.Word(ui.Notice, "renewal: ").Text(ui.Notice, names.Clean(class), 0).Space(1)
		}
		return l.String()
	case tabNotices:
		r := &m.notices[at]
		style := map[provisioning.ReclaimState]ui.Style{provisioning.ReclaimNoticed: ui.Notice, provisioning.ReclaimStaged: ui.Warning, provisioning.ReclaimDone: ui.Good, provisioning.ReclaimCancelled: ui.Muted}[r.State]
		l.Cell(style, string(r.State), 11).Text(ui.Plain, names.Clean(r.Name), 24).Space(1).Text(ui.Muted, names.Clean(r.Account), 14).Space(1)
		return l.Cell(ui.Plain, "after "+r.ActAfter.Local().Format("2 Jan 15:04"), 20).Text(ui.Muted, names.Clean(r.Why), l.Left()).String()
	default:
		return m.seatRow(l, &m.book.Seats[m.shown[at]], width)
	}
}

func (m *Model) seatRow(l *ui.Line, s *desk.Seat, width int) string {
	mark := " "
	if m.marks[s.Account] {
		mark = m.st.Glyphs.Mark
	}
	l.Cell(ui.Accent, mark, 2).Text(ui.Plain, names.Clean(s.Name), 22).Space(1).Text(ui.Muted, names.Clean(s.Account), 13).Space(1)
	if width >= 110 {
		l.Text(ui.Muted, names.Clean(s.Office), 12).Space(1).Text(ui.Muted, names.Clean(s.Class), 13).Space(1)
	}
	price := "not paid"
	if s.Paid {
		price = amount(s.Price, m.book.Currency)
	}
	l.Cell(ui.Plain, price, 13)
	switch {
	case s.Disabled:
		l.Word(ui.Muted, "disabled")
	case s.Usage == provisioning.Used && !s.Last.IsZero():
		l.Word(ui.Muted, "used "+s.Last.Local().Format("2 Jan"))
	case s.Usage == provisioning.NotUsed:
		l.Word(ui.Notice, fmt.Sprintf("unused %d d", s.Idle))
	default:
		l.Word(ui.Warning, "UNKNOWN")
	}
	if s.DuplicateOf != "" {
		l.Space(1).Word(ui.Warning, "second seat")
	}
	if s.Kept != "" {
		l.Space(1).Text(ui.Muted, names.Clean(s.Kept), max(0, l.Left()))
	}
	return l.String()
}

// sentence says everything about the line under the cursor. Raw.
func (m *Model) sentence() string {
	if m.tab == tabNotices && m.cursor < len(m.notices) {
		r := &m.notices[m.cursor]
		return fmt.Sprintf("%s (%s): notice of %s by %s; %s. %s", r.Name, r.Account, r.NoticedAt.Local().Format("2 Jan 2006 15:04"), r.NoticedBy, r.Evidence, r.Why)
	}
	s := m.seat()
	if s == nil {
		return ""
	}
	said := fmt.Sprintf("%s (%s), %s. Use: %s: %s.", s.Name, s.Account, s.Class, s.Usage, s.How)
	switch {
	case s.Leaver:
		said += " The person has left: stage the leaver."
	case s.Kept != "":
		said += " It is not taken back here: " + s.Kept + "."
	case s.DuplicateOf != "":
		said += " The same person has " + s.DuplicateOf + "."
	}
	return said
}
