package batch

import (
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

// certified is the certificate of removal of the batch, or why there is none; file is where it was written to.
type certified struct {
	of   *Model
	c    desk.Removed
	file string
	err  error
}

// certificate shows when each access was asked off, accepted off and seen off.
func (m *Model) certificate() tea.Cmd {
	id := m.id
	return func() tea.Msg {
		c, err := m.desk.Certificate(m.ctx, id, "")
		return certified{of: m, c: c, err: err}
	}
}

func (m *Model) didCertify(msg certified) tea.Cmd {
	switch {
	case msg.err != nil:
		return ui.Say(ui.Failed{Err: msg.err})
	case msg.file != "":
		return ui.Say(ui.Toast{Text: "the signed certificate is in " + msg.file, Good: true})
	}
	c, id := &msg.c, m.id
	open := 0
	var body []string
	const most = 12
	for i := range c.People {
		p := &c.People[i]
		if !p.Complete {
			open++
		}
		if i < most {
			body = append(body, m.certifiedPerson(p))
		}
	}
	if n := len(c.People) - most; n > 0 {
		body = append(body, fmt.Sprintf("and %s more: they stand in the file", plural(n, "person", "people")))
	}
	body = append(body, c.NotClaims...)
	title := fmt.Sprintf("Certificate of removal, batch %d: complete", id)
	if open > 0 {
		title = fmt.Sprintf("Certificate of removal, batch %d: not complete, %d of %d people pending", id, open, len(c.People))
	}
	options := []ui.Option{}
	if m.certify != nil {
		options = append(options, ui.Option{Label: "write it, signed, with a page to print", Do: func() tea.Cmd {
			return func() tea.Msg {
				file, err := m.certify(m.ctx, id)
				return certified{of: m, file: file, err: err}
			}
		}})
	}
	return ui.Say(ui.Ask{Dialog: &ui.Choose{Title: title, Body: body, Options: options}})
}

// certifiedPerson is one person in a line: the account's times, and how many of their accesses were seen off.
func (m *Model) certifiedPerson(p *desk.CertifiedPerson) string {
	at := func(t time.Time) string {
		if t.IsZero() {
			return "pending"
		}
		return t.In(m.now().Location()).Format("15:04:05")
	}
	off, text := 0, ""
	for _, a := range p.Accesses {
		if !a.SeenOff.IsZero() {
			off++
		}
		if a.What == "account" {
			text = fmt.Sprintf("asked %s, accepted %s, seen off %s", at(a.Asked), at(a.Accepted), at(a.SeenOff))
		}
	}
	if p.Undone != "" {
		text = "let in again since: " + p.Undone
	}
	if text != "" {
		text += "; "
	}
	return fmt.Sprintf("%s %s: %s%d of %s seen off", p.Name, p.Account, text, off, plural(len(p.Accesses), "access", "accesses"))
}
