package tui

import (
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning/desk"
	"rollcall/tui/batch"
	"rollcall/tui/calendar"
	"rollcall/tui/campaign"
	"rollcall/tui/connect"
	"rollcall/tui/dashboard"
	"rollcall/tui/person"
	"rollcall/tui/policy"
	"rollcall/tui/record"
	"rollcall/tui/seats"
	"rollcall/tui/ui"
	"rollcall/tui/wizard"
)

// asked does what a screen asked the frame for.
func (m *Model) asked(msg tea.Msg) (tea.Cmd, bool) {
	switch msg := msg.(type) {
	case ui.OpenPerson:
		return m.push(person.New(m.ctx, m.deps.Desk, m.st, msg.Key)), true
	case ui.OpenCase:
		if msg.Key == "" {
			return m.ask(wizard.Pick(m.ctx, m.deps.Desk, desk.CaseKind(msg.Kind))), true
		}
		return m.push(wizard.New(m.ctx, m.deps.Desk, m.st, m.deps.Now, desk.CaseKind(msg.Kind), msg.Key, msg.Name)), true
	case ui.OpenBatch:
		return m.push(batch.New(m.ctx, m.deps.Desk, m.st, m.deps.Now, msg.ID, m.deps.Certify)), true
	case ui.Staged:
		return m.staged(msg.Batches), true
	case ui.OpenCalendar:
		return m.push(calendar.New(m.ctx, m.deps.Desk, m.st, m.deps.Now)), true
	case ui.OpenTenants:
		return m.tenants(), true
	case ui.OpenPolicy:
		return m.push(policy.New(m.ctx, m.deps.Desk, m.st)), true
	case ui.OpenRecord:
		return m.push(record.New(m.ctx, m.deps.Desk, m.st, msg.Batch)), true
	case ui.OpenReviews:
		return m.push(campaign.NewList(m.ctx, m.deps.Desk, m.st, m.deps.Now)), true
	case ui.OpenReview:
		return m.push(campaign.New(m.ctx, m.deps.Desk, m.st, m.deps.Now, msg.ID, m.deps.Files)), true
	case ui.OpenSeats:
		return m.push(seats.New(m.ctx, m.deps.Desk, m.st, m.deps.Now, m.deps.Files.Save)), true
	case ui.OpenDashboard:
		return m.push(dashboard.New(m.ctx, m.deps.Desk, m.st, m.deps.Now)), true
	case ui.OpenConnections:
		return m.push(connect.New(m.ctx, m.deps.Setup, m.deps.Desk, m.st, "")), true
	case ui.Reopen:
		m.reopen = true
		return tea.Quit, true
	case ui.Back:
		if len(m.stack) > 1 {
			m.stack = m.stack[:len(m.stack)-1]
		}
		return nil, true
	case ui.Toast:
		m.toast = &msg
		return nil, true
	case ui.Failed:
		m.failed = msg.Err
		return nil, true
	case ui.Ask:
		return m.ask(msg.Dialog), true
	default:
		return nil, false
	}
}

// ask opens a dialog.
func (m *Model) ask(d ui.Dialog) tea.Cmd {
	m.dialog = d
	if c, ok := d.(interface{ Opened(at time.Time) }); ok {
		c.Opened(m.deps.Now())
	}
	if b, ok := d.(interface{ Begin() tea.Cmd }); ok {
		return b.Begin()
	}
	return nil
}

// push opens a screen; one that is open already comes to the top once.
func (m *Model) push(s screen) tea.Cmd {
	for i, open := range m.stack {
		if tag(open) == tag(s) {
			m.stack = m.stack[:i]
			break
		}
	}
	m.stack = append(m.stack, s)
	return s.Init()
}

// tag tells screens apart: one of a kind, but for those that may lie over each other.
func tag(s screen) string {
	t := fmt.Sprintf("%T", s)
	if own, ok := s.(interface{ Tag() string }); ok {
		t += " " + own.Tag()
	}
	return t
}

// tenants asks to which document system to go. What runs here goes on only while this one is open: it is offered for resume.
func (m *Model) tenants() tea.Cmd {
	if len(m.deps.Tenants) < 2 {
		return ui.Say(ui.Toast{Text: "one iManage tenant is connected"})
	}
	if id := m.deps.Desk.Working(); id != 0 {
		return ui.Say(ui.Toast{Text: fmt.Sprintf("batch %d runs here: let it end, or pause it, then go", id)})
	}
	var options []ui.Option
	for _, name := range m.deps.Tenants {
		if name == m.deps.Tenant {
			continue
		}
		options = append(options, ui.Option{Label: name, Do: func() tea.Cmd {
			return func() tea.Msg {
				m.deps.Choose(name)
				return ui.Reopen{}
			}
		}})
	}
	return m.ask(&ui.Choose{Title: "Go to another iManage tenant", Body: []string{"This one is " + m.deps.Tenant + ". Each has a roster, a journal and a record of its own."}, Options: options})
}

// staged puts batches in the place of the wizard that staged into them.
func (m *Model) staged(batches []int64) tea.Cmd {
	if _, ok := m.top().(*wizard.Model); ok && len(m.stack) > 1 {
		m.stack = m.stack[:len(m.stack)-1]
	}
	var cmds []tea.Cmd
	for _, id := range batches {
		cmds = append(cmds, m.push(batch.New(m.ctx, m.deps.Desk, m.st, m.deps.Now, id, m.deps.Certify)))
	}
	return tea.Batch(cmds...)
}
