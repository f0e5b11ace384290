package campaign

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

// ask begins a new review with what it is about.
func (m *List) ask() tea.Cmd {
	simple := func(label string, set func(*provisioning.CampaignScope)) ui.Option {
		return ui.Option{Label: label, Do: func() tea.Cmd {
			var n desk.NewCampaign
			set(&n.Scope)
			return m.who(n)
		}}
	}
	narrow := func(label, what string, set func(*provisioning.CampaignScope, []string)) ui.Option {
		return ui.Option{Label: label, Do: func() tea.Cmd {
			return ui.Say(ui.Ask{Dialog: &ui.Prompt{Title: "Which " + what + "?", Body: []string{"Several are written with commas between them."}, Check: needed, Done: func(v string) tea.Cmd {
				var n desk.NewCampaign
				set(&n.Scope, list(v))
				return m.who(n)
			}}})
		}}
	}
	return ui.Say(ui.Ask{Dialog: &ui.Choose{Title: "A new access review: of what?", Options: []ui.Option{
		narrow("the access to a library", "library", func(s *provisioning.CampaignScope, v []string) { s.Libraries = v }),
		narrow("the members of a group", "group (LIBRARY/GROUP)", func(s *provisioning.CampaignScope, v []string) { s.Groups = v }),
		narrow("the holders of a role", "role", func(s *provisioning.CampaignScope, v []string) { s.Roles = v }),
		narrow("the people of an office", "office", func(s *provisioning.CampaignScope, v []string) { s.Offices = v }),
		narrow("the people of a practice", "practice", func(s *provisioning.CampaignScope, v []string) { s.Practices = v }),
		simple("administrators: NRTADMIN and global roles", func(s *provisioning.CampaignScope) { s.Admins = true }),
		simple("external accounts", func(s *provisioning.CampaignScope) { s.Externals = true }),
		simple("accounts that are surely not used", func(s *provisioning.CampaignScope) { s.Dormant = true }),
		simple("what was given since the last review", func(s *provisioning.CampaignScope) { s.ChangedNow = true }),
		simple("all access", func(*provisioning.CampaignScope) {}),
	}}})
}

func needed(v string) (string, error) {
	if len(list(v)) == 0 {
		return "", &provisioning.Error{Code: provisioning.Invalid, Message: "write at least one"}
	}
	return strings.Join(list(v), " and "), nil
}

// list parts what was typed at its commas.
func list(v string) (parts []string) {
	for part := range strings.SplitSeq(v, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// who asks for the reviewers.
func (m *List) who(n desk.NewCampaign) tea.Cmd {
	return ui.Say(ui.Ask{Dialog: &ui.Prompt{
		Title: "Who decides?", Body: []string{"Operators by their name, others by their email: they answer by a file. Write managers to have each person's manager decide. Nothing: you."},
		Done: func(v string) tea.Cmd {
			s := provisioning.ReviewStage{}
			for _, who := range list(v) {
				if strings.EqualFold(who, "managers") {
					s.Assign = "manager"
				} else {
					s.Reviewers = append(s.Reviewers, who)
				}
			}
			n.Stages = []provisioning.ReviewStage{s}
			return m.due(n)
		},
	}})
}

// due asks for the last day.
func (m *List) due(n desk.NewCampaign) tea.Cmd {
	read := func(v string) (time.Time, error) {
		if strings.TrimSpace(v) == "" {
			return time.Time{}, nil
		}
		day, err := time.ParseInLocation(time.DateOnly, strings.TrimSpace(v), time.Local)
		if err != nil {
			return day, &provisioning.Error{Code: provisioning.Invalid, Message: "write the day as 2026-12-31"}
		}
		return day.AddDate(0, 0, 1), nil
	}
	return ui.Say(ui.Ask{Dialog: &ui.Prompt{
		Title: "Until which day?", Body: []string{"As 2026-12-31. Nothing: in 14 days."},
		Check: func(v string) (string, error) {
			at, err := read(v)
			if err != nil || at.IsZero() {
				return "in 14 days", err
			}
			return "until the end of " + at.AddDate(0, 0, -1).Format("Monday, 2 January 2006"), nil
		},
		Done: func(v string) tea.Cmd {
			n.Stages[0].Due, _ = read(v)
			return ui.Say(ui.Ask{Dialog: &ui.Prompt{Title: "What is it called?", Done: func(v string) tea.Cmd {
				n.Name = v
				return func() tea.Msg {
					p, err := m.desk.PlanCampaign(m.ctx, n)
					return planned{p, err}
				}
			}}})
		},
	}})
}

// confirm shows what the review would be, and has the number of its decisions typed.
func (m *List) confirm(p *desk.CampaignPlan) tea.Cmd {
	c := p.Campaign
	body := []string{desk.ScopeWords(c.Scope), fmt.Sprintf("%s decisions on %s people, as read %s", ui.Count(c.Items), ui.Count(p.People), c.SnapshotAt.Local().Format("2 Jan 15:04"))}
	var shares []string
	for _, key := range slices.Sorted(maps.Keys(p.Shares)) {
		name := key
		if key == "" {
			name = "nobody"
		}
		shares = append(shares, fmt.Sprintf("%s %s", name, ui.Count(p.Shares[key])))
	}
	body = append(body, "shared out: "+strings.Join(shares, ", "), "undecided at the end: "+c.Undecided+" (policy.toml)")
	body = append(body, c.Warnings...)
	if p.Refused != "" {
		return ui.Say(ui.Failed{Err: &provisioning.Error{Code: provisioning.Held, Message: p.Refused, Hint: "press r on the roster to read, then open the review"}})
	}
	return ui.Say(ui.Ask{Dialog: &ui.Confirm{Title: "Open " + c.Name + "?", Body: body, Want: strconv.Itoa(c.Items), Now: m.now, Yes: func(string) tea.Cmd {
		return func() tea.Msg {
			r, err := m.desk.StartCampaign(m.ctx, p)
			if err != nil {
				return opened{err: err}
			}
			return opened{id: r.Campaign().ID}
		}
	}}})
}
