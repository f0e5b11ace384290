package tui

import (
	"fmt"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

// nextOffer opens the next dialog that opens by itself, where none is open.
func (m *Model) nextOffer() tea.Cmd {
	if m.dialog != nil || len(m.offers) == 0 {
		return nil
	}
	d := m.offers[0]
	m.offers = m.offers[1:]
	return m.ask(d)
}

// interrupted asks what to do about a batch that did not come to its end.
func (m *Model) interrupted(batches []*provisioning.Batch) []ui.Dialog {
	if len(batches) == 0 {
		return nil
	}
	b := batches[len(batches)-1]
	doubt := 0
	for i := range b.Units {
		for _, op := range b.Units[i].Ops {
			if op.State == provisioning.OpSent {
				doubt++
			}
		}
	}
	return []ui.Dialog{&ui.Choose{
		Title: fmt.Sprintf("Batch %d did not come to its end (%s)", b.ID, b.State),
		Body:  []string{fmt.Sprintf("%d changes were on their way and are in doubt: they are read back before anything is sent again.", doubt)},
		Options: []ui.Option{
			{Label: "open it", Do: func() tea.Cmd { return ui.Say(ui.OpenBatch{ID: b.ID}) }},
			{Label: "resume it now", Do: func() tea.Cmd {
				return func() tea.Msg {
					if err := m.deps.Desk.Resume(m.ctx, b.ID); err != nil {
						return ui.Failed{Err: err}
					}
					return ui.OpenBatch{ID: b.ID}
				}
			}},
		},
	}}
}

// missed tells the batches whose minute passed while no rollcall ran: none of them begins by itself.
func (m *Model) missed(planned []desk.Planned) []ui.Dialog {
	var body []string
	var options []ui.Option
	now, missed, hidden := m.deps.Now(), 0, 0
	for i := range planned {
		p := &planned[i]
		if p.State != provisioning.BatchMissed {
			continue
		}
		missed++
		due := ui.When(p.Due, ui.Zone(p.Zone), now)
		if p.Hidden {
			hidden++
			body = append(body, fmt.Sprintf("Batch %d, sealed, was due %s: its readers must look at it.", p.ID, due))
			continue
		}
		loses := fmt.Sprintf("%d people lose access.", p.Lose)
		if p.Lose == 1 {
			loses = "1 person loses access."
		}
		body = append(body, fmt.Sprintf("Batch %d, %s, was due %s, %s. %s", p.ID, p.Title, due, ui.Until(p.Due, now), loses))
		options = append(options, ui.Option{Label: fmt.Sprintf("open batch %d, %s", p.ID, p.Title), Do: func() tea.Cmd { return ui.Say(ui.OpenBatch{ID: p.ID}) }})
	}
	if missed == 0 {
		return nil
	}
	const most = 4
	if len(body) > most {
		body = append(body[:most], fmt.Sprintf("and %d more.", len(body)-most))
	}
	if len(options) != 1 || hidden > 0 {
		options = append(options[:min(len(options), most)], ui.Option{Label: "open the calendar", Do: func() tea.Cmd { return ui.Say(ui.OpenCalendar{}) }})
	}
	title := "A batch missed its minute: no rollcall ran. It was not begun."
	if missed > 1 {
		title = fmt.Sprintf("%d batches missed their minute: no rollcall ran. None of them was begun.", missed)
	}
	return []ui.Dialog{&ui.Choose{Title: title, Body: body, Options: options}}
}
