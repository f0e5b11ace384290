package roster

import (
	"context"
	"errors"
	"slices"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// typed takes a key of the finder.
func (m *Model) typed(k tea.KeyPressMsg) tea.Cmd {
	switch k.String() {
	case "esc":
		m.finding = false
		return m.clear()
	case "enter":
		m.finding = false
		return nil
	case "up":
		m.move(-1)
	case "down":
		m.move(1)
	case "backspace":
		if r := []rune(m.query); len(r) > 0 {
			m.query = string(r[:len(r)-1])
			return m.search()
		}
		m.finding = false
	case "ctrl+u":
		m.query = ""
		return m.search()
	default:
		if k.Text != "" {
			m.query += k.Text
			return m.search()
		}
	}
	return nil
}

// paste is pasted text as it may stand in a query: one clean line.
func paste(s string) string { return names.Clean(s).Bare() }

// clear ends the search; the cursor stays on its row.
func (m *Model) clear() tea.Cmd {
	if m.query == "" {
		return nil
	}
	key := m.currentKey()
	m.query, m.hits = "", nil
	m.table.clear()
	m.seek(key, m.height/2)
	return nil
}

// search asks the desk, in a command with a generation; an older answer is dropped, and until the new one comes the old hits stay.
func (m *Model) search() tea.Cmd {
	if m.stop != nil {
		m.stop()
		m.stop = nil
	}
	m.asked++
	if m.query == "" || m.roll == nil {
		m.hits = nil
		m.table.clear()
		m.move(0)
		return nil
	}
	ctx, cancel := context.WithCancel(m.ctx)
	m.stop = cancel
	asked, roll, text, filter := m.asked, m.roll, m.query, m.filter
	return func() tea.Msg {
		defer cancel()
		hits, err := m.desk.Search(ctx, roll, text, filter)
		return searched{asked, hits, err}
	}
}

func (m *Model) found(msg searched) tea.Cmd {
	if msg.asked != m.asked {
		return nil
	}
	if msg.err != nil {
		if errors.Is(msg.err, context.Canceled) {
			return nil
		}
		return ui.Say(ui.Failed{Err: msg.err})
	}
	m.hits = &msg.hits
	m.table.clear()
	m.cursor, m.top = 0, 0
	m.move(0)
	return nil
}

// turn changes the filter by so many places.
func (m *Model) turn(by int) tea.Cmd {
	all := desk.Filters()
	at := slices.Index(all, m.filter)
	m.filter = all[(at+by+len(all))%len(all)]
	m.cursor, m.top, m.anchor = 0, 0, -1
	m.order = nil
	m.table.clear()
	m.move(0)
	return m.search()
}

// byDanger orders rows by their worst mismatch; among equals the order stays.
func byDanger(r *desk.Roll, rows []int32) []int32 {
	sorted := slices.Clone(rows)
	rank := func(i int32) int {
		if w := r.Rows[i].Worst(); w != nil {
			return w.Kind.Rank()
		}
		return 99
	}
	slices.SortStableFunc(sorted, func(a, b int32) int { return rank(a) - rank(b) })
	return sorted
}

// toggle marks or unmarks the row under the cursor and goes on to the next.
func (m *Model) toggle() tea.Cmd {
	key := m.currentKey()
	if key == "" {
		return nil
	}
	if m.marks[key] {
		delete(m.marks, key)
	} else {
		m.marks[key] = true
	}
	m.table.clear()
	m.move(1)
	return nil
}

// extend marks from where the range began to where the cursor goes.
func (m *Model) extend(by int) tea.Cmd {
	if key := m.currentKey(); key != "" {
		m.marks[key] = true
	}
	m.move(by)
	if key := m.currentKey(); key != "" {
		m.marks[key] = true
	}
	m.table.clear()
	return nil
}

// markAll marks every row that is shown, or none where all are marked.
func (m *Model) markAll() tea.Cmd {
	rows := m.visible()
	all := true
	for _, i := range rows {
		all = all && m.marks[m.roll.Rows[i].Key]
	}
	for _, i := range rows {
		if all {
			delete(m.marks, m.roll.Rows[i].Key)
		} else {
			m.marks[m.roll.Rows[i].Key] = true
		}
	}
	m.table.clear()
	return nil
}
