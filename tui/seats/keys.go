package seats

import (
	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/tui/ui"
)

// Bindings are the screen's keys; what the footer shows of them goes by what is listed.
func (m *Model) Bindings() []ui.Binding {
	of := m.lists()
	if m.keys[of] == nil {
		m.keys[of] = m.bind(of)
	}
	return m.keys[of]
}

// ranks are the places in the footer of the keys that have one in some lists alone.
type ranks struct{ open, mark, notice, take, withdraw, all int }

func ranksOf(of sort) ranks {
	switch of {
	case rowsSeats:
		return ranks{mark: 3, notice: 4, take: 5, all: 7}
	case rowsNotices:
		return ranks{mark: 3, take: 4, withdraw: 5, open: 7}
	case rowsMonths:
		return ranks{take: 4}
	default:
		return ranks{open: 3, take: 4}
	}
}

func (m *Model) bind(of sort) []ui.Binding {
	at := ranksOf(of)
	turn := func(by int) func() tea.Cmd {
		return func() tea.Cmd {
			m.view, m.open, m.find = (m.view+view(by)+views)%views, nil, ""
			m.relist("")
			return nil
		}
	}
	change := func() string {
		if why := m.desk.ReadOnly(); why != "" {
			return why
		}
		if m.known == nil {
			return "the seats are being counted"
		}
		return ""
	}
	return append([]ui.Binding{
		{Keys: []string{"/"}, Help: "find", Footer: 1, Long: "find by name, account, office, practice or class", Disabled: func() string {
			if m.lists() == rowsMonths {
				return "there is nothing to find in a forecast"
			}
			return ""
		}, Do: func() tea.Cmd { m.types = true; m.touch(); return nil }},
		{Keys: []string{"tab", "]", "right"}, Show: "tab", Help: "view", Footer: 2, Long: "the next view", Do: turn(1)},
		{Keys: []string{"enter"}, Show: "⏎", Help: "open", Footer: at.open, Long: "open a total to its seats, or the batch that a notice is staged in", Disabled: m.notOpen, Do: m.opens},
		{Keys: []string{"space"}, Help: "mark", Footer: at.mark, Long: "mark the seat, or the notice, under the cursor", Disabled: m.notMarked, Do: m.mark},
		{Keys: []string{"N"}, Help: "notice", Footer: at.notice, Danger: true, Disabled: func() string {
			switch why := change(); {
			case why != "":
				return why
			case len(m.marks) == 0 && m.seat() == nil:
				return "no seat is marked"
			default:
				return ""
			}
		}, Long: "give notice of the seats that are marked, or of the one under the cursor, and write the notices out", Do: m.giveNotice},
		{Keys: []string{"G"}, Help: "take back", Footer: at.take, Danger: true, Disabled: change, Long: "stage the accounts whose grace days are over and that are still unused, as a batch; of the notices that are marked, else of all", Do: m.stage},
		{Keys: []string{"W"}, Help: "withdraw", Footer: at.withdraw, Disabled: func() string {
			if why := change(); why != "" {
				return why
			}
			if r := m.notice(); len(m.takes) > 0 || (r != nil && r.State == provisioning.ReclaimNoticed) {
				return ""
			}
			return "put the cursor on a notice that runs"
		}, Long: "take the notices that are marked, or the one under the cursor, back: the seats stay", Do: m.withdraw},
		{Keys: []string{"U"}, Help: "read use", Footer: 6, Disabled: func() string {
			if m.use != nil {
				return "it is being read; esc stops it"
			}
			return change()
		}, Long: "read from the document history when each account was last at work; esc stops it", Do: m.readUse},
		{Keys: []string{"*"}, Help: "mark all", Footer: at.all, Narrow: -1, Long: "mark every seat that is shown, or none", Disabled: m.notMarked, Do: m.markAll},
		{Keys: []string{"esc"}, Help: "back", Footer: 8, Long: "stop the reading of use, end the search, take the marks away, close the total, go back", Do: m.back},
		{Keys: []string{"shift+tab", "[", "left"}, Show: "shift+tab", Help: "view before", Do: turn(-1)},
	}, ui.ListKeys(func() *ui.List { return &m.list })...)
}

func (m *Model) notOpen() string {
	if r := m.notice(); m.total() != nil || (r != nil && r.Batch != 0) {
		return ""
	}
	return "put the cursor on a total, or on a notice that is in a batch"
}

func (m *Model) opens() tea.Cmd {
	if r := m.notice(); r != nil {
		return ui.Say(ui.OpenBatch{ID: r.Batch})
	}
	t := m.total()
	m.open, m.find = &opened{name: t.Name, all: m.sum(m.list.At())}, ""
	m.relist("")
	return nil
}

func (m *Model) notMarked() string {
	r := m.notice()
	switch {
	case r != nil && r.State != provisioning.ReclaimNoticed:
		return "the notice does not run any more"
	case r == nil && m.seat() == nil:
		return "no seat is under the cursor"
	default:
		return ""
	}
}

func (m *Model) mark() tea.Cmd {
	if s := m.seat(); s != nil {
		flip(m.marks, s.Account)
	} else {
		flip(m.takes, m.notice().ID)
	}
	m.touch()
	m.list.Move(1)
	return nil
}

// flip marks a thing, or takes its mark away.
func flip[K comparable](marks map[K]bool, key K) {
	if marks[key] {
		delete(marks, key)
	} else {
		marks[key] = true
	}
}

// all marks every key, or takes away their marks where all have one.
func all[K comparable](marks map[K]bool, keys []K) {
	n := 0
	for _, k := range keys {
		if marks[k] {
			n++
		}
		marks[k] = true
	}
	if n == len(keys) {
		for _, k := range keys {
			delete(marks, k)
		}
	}
}

func (m *Model) markAll() tea.Cmd {
	if m.lists() == rowsNotices {
		var ids []int64
		for _, i := range m.given {
			if r := &m.known.notices[i]; r.State == provisioning.ReclaimNoticed {
				ids = append(ids, r.ID)
			}
		}
		all(m.takes, ids)
	} else {
		accounts := make([]string, len(m.shown))
		for i, at := range m.shown {
			accounts[i] = m.known.book.Seats[at].Account
		}
		all(m.marks, accounts)
	}
	m.touch()
	return nil
}

func (m *Model) back() tea.Cmd {
	switch {
	case m.use != nil:
		m.use.stopped = true
		m.use.stop()
	case m.find != "":
		key := m.key()
		m.find = ""
		m.relist(key)
	case len(m.marks)+len(m.takes) > 0:
		clear(m.marks)
		clear(m.takes)
		m.touch()
	case m.open != nil:
		key := "t/" + m.open.name
		if m.open.all {
			key = "all"
		}
		m.open = nil
		m.relist(key)
	default:
		return ui.Say(ui.Back{})
	}
	return nil
}
