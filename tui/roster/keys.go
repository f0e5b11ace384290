package roster

import (
	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

// Bindings are the roster's keys. They are made once: what they do and why they cannot is asked when it matters.
func (m *Model) Bindings() []ui.Binding {
	if m.keys == nil {
		m.keys = m.bind()
	}
	return m.keys
}

func (m *Model) bind() []ui.Binding {
	none := func() string {
		if m.current() < 0 {
			return "no row is under the cursor"
		}
		return ""
	}
	change := func() string {
		if why := m.desk.ReadOnly(); why != "" {
			return why
		}
		return none()
	}
	busy := func() string {
		if m.reading {
			return "a read is under way"
		}
		return ""
	}
	do := func(f func()) func() tea.Cmd { return func() tea.Cmd { f(); return nil } }
	move := func(by int) func() tea.Cmd { return do(func() { m.anchor = -1; m.move(by) }) }
	page := func(by int) func() tea.Cmd {
		return do(func() { m.anchor = -1; m.move(by * max(m.height-1, 1)) })
	}
	return []ui.Binding{
		{Keys: []string{"/"}, Help: "find", Footer: 1, Long: "find by name, login, email, office or account; status:leaver office:london, !not, 'exact", Do: func() tea.Cmd {
			m.finding = true
			return nil
		}},
		{Keys: []string{"s"}, Help: "stage", Footer: 2, Danger: true, Disabled: change, Long: "stage the mend of what is marked, or of the row under the cursor", Do: m.stage},
		{Keys: []string{"enter"}, Show: "⏎", Help: "open", Footer: 3, Disabled: none, Long: "open the person: both sides, rights, history", Do: func() tea.Cmd {
			return ui.Say(ui.OpenPerson{Key: m.currentKey()})
		}},
		{Keys: []string{"space"}, Help: "mark", Footer: 4, Disabled: none, Long: "mark the row, and go to the next", Do: m.toggle},
		{Keys: []string{"n"}, Help: "joiner", Footer: 5, Narrow: -1, Long: "prepare the account of the person under the cursor, or of somebody else, found as you type", Do: m.joiner},
		{Keys: []string{"m"}, Help: "mover", Footer: 6, Narrow: -1, Disabled: none, Long: "prepare a move: the old seat beside the new one, what goes, stays and comes", Do: m.open(desk.CaseMover)},
		{Keys: []string{"x"}, Help: "leaver", Footer: 7, Narrow: 5, Disabled: none, Long: "prepare the end of somebody's access, now or at its minute, with everything they would leave behind", Do: m.open(desk.CaseLeaver)},
		{Keys: []string{"b"}, Help: "batch", Footer: 8, Narrow: 6, Long: "the staged batch: review, edit, commit", Do: func() tea.Cmd { return ui.Say(ui.OpenBatch{}) }},
		{Keys: []string{"r"}, Help: "read again", Disabled: busy, Long: "read every system, a directory by what changed where it can tell; prove, compare", Do: func() tea.Cmd {
			return m.read(false)
		}},
		{Keys: []string{"R"}, Help: "read whole", Disabled: busy, Long: "read every system whole, prove it, compare", Do: func() tea.Cmd { return m.read(true) }},
		{Keys: []string{"]"}, Help: "next filter", Do: func() tea.Cmd { return m.turn(1) }},
		{Keys: []string{"["}, Help: "filter before", Do: func() tea.Cmd { return m.turn(-1) }},
		{Keys: []string{"u"}, Help: "unstage", Disabled: change, Long: "take the row out of the batch", Do: m.unstage},
		{Keys: []string{"a"}, Help: "record", Footer: 9, Narrow: -1, Long: "the audit record: search, verify", Do: func() tea.Cmd { return ui.Say(ui.OpenRecord{}) }},
		{Keys: []string{"C"}, Help: "connections", Long: "what is connected and how it stands; connect, test, rotate, remove", Do: func() tea.Cmd { return ui.Say(ui.OpenConnections{}) }},
		{Keys: []string{"S"}, Help: "calendar", Long: "the batches that begin at their own minute, and those whose minute was missed", Do: func() tea.Cmd { return ui.Say(ui.OpenCalendar{}) }},
		{Keys: []string{"V"}, Help: "access reviews", Long: "the access reviews: open one, decide, close; or begin a new one", Do: func() tea.Cmd { return ui.Say(ui.OpenReviews{}) }},
		{Keys: []string{"L"}, Help: "licences", Long: "seats and money: who uses theirs, and how an unused one is taken back", Do: func() tea.Cmd { return ui.Say(ui.OpenSeats{}) }},
		{Keys: []string{"D"}, Help: "dashboard", Long: "the firm at a glance: every figure opens to the rows that it counts", Do: func() tea.Cmd { return ui.Say(ui.OpenDashboard{}) }},
		{Keys: []string{"O"}, Help: "another tenant", Long: "of several iManage tenants: go to another one's roster", Do: func() tea.Cmd { return ui.Say(ui.OpenTenants{}) }},
		{Keys: []string{"P"}, Help: "policy", Long: "what a changed policy.toml would do to everybody, before it counts", Do: func() tea.Cmd { return ui.Say(ui.OpenPolicy{}) }},
		{Keys: []string{"esc"}, Help: "clear", Long: "end the search, then the marks, then a read that is under way", Do: func() tea.Cmd {
			switch {
			case m.query != "":
				return m.clear()
			case len(m.marks) == 0 && m.reading:
				m.stopRead()
			}
			clear(m.marks)
			m.table.clear()
			return nil
		}},
		{Keys: []string{"*"}, Help: "mark all", Long: "mark every row that is shown, or none", Do: m.markAll},
		{Keys: []string{"shift+down", "J"}, Help: "mark down", Long: "mark and go down", Do: func() tea.Cmd { return m.extend(1) }},
		{Keys: []string{"shift+up", "K"}, Help: "mark up", Long: "mark and go up", Do: func() tea.Cmd { return m.extend(-1) }},
		{Keys: []string{"o"}, Help: "order", Long: "by name, or by danger", Do: do(func() {
			key := m.currentKey()
			m.danger = !m.danger
			m.order = nil
			m.table.clear()
			m.seek(key, m.cursor-m.top)
		})},
		{Keys: []string{"y"}, Help: "copy", Disabled: none, Long: "copy the sentence about the row", Do: func() tea.Cmd {
			text := m.desk.Explain(m.roll, m.current()).Long
			return tea.Batch(tea.SetClipboard(paste(text)), ui.Say(ui.Toast{Text: "copied", Good: true}))
		}},
		{Keys: []string{"down", "j"}, Help: "down", Do: move(1)},
		{Keys: []string{"up", "k"}, Help: "up", Do: move(-1)},
		{Keys: []string{"pgdown", "ctrl+f"}, Help: "page down", Do: page(1)},
		{Keys: []string{"pgup", "ctrl+b"}, Help: "page up", Do: page(-1)},
		{Keys: []string{"home", "g"}, Help: "first", Do: move(-1 << 30)},
		{Keys: []string{"end", "G"}, Help: "last", Do: move(1 << 30)},
	}
}

// joiner opens the joiner's wizard for the row under the cursor, where somebody without an account stands there; else it asks for whom.
func (m *Model) joiner() tea.Cmd {
	i := m.current()
	if i < 0 || !joining(&m.roll.Rows[i]) {
		return ui.Say(ui.OpenCase{Kind: string(desk.CaseJoiner)})
	}
	return m.open(desk.CaseJoiner)()
}

// joining reports whether a row is somebody who is to get an account, or theirs opened again.
func joining(row *desk.Row) bool {
	a := row.Account()
	return row.Person != nil && !row.Away && (a == nil || !a.Enabled)
}

// open opens a wizard for the row under the cursor.
func (m *Model) open(kind desk.CaseKind) func() tea.Cmd {
	return func() tea.Cmd {
		row := &m.roll.Rows[m.current()]
		name := row.Key
		switch {
		case row.Person != nil:
			name = row.Person.FullName
		case len(row.Accounts) > 0:
			name = row.Accounts[0].ID
		}
		return ui.Say(ui.OpenCase{Kind: string(kind), Key: row.Key, Name: name})
	}
}
