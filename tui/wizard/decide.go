package wizard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

// decided reads the case anew with something changed.
func (m *Model) decided(change func(o *desk.CaseOptions)) tea.Cmd {
	o := m.want
	o.Add, o.Drop, o.Readers = slices.Clone(o.Add), slices.Clone(o.Drop), slices.Clone(o.Readers)
	change(&o)
	return m.ask(o)
}

// right is the right under the cursor; nil where there is none.
func (m *Model) right() *desk.Right {
	id, _ := m.page.doc.Current()
	return m.page.rights[id]
}

func rightID(r *desk.Right) string { return "right " + string(r.Kind) + " " + r.Library + " " + r.Name }

// unchoosable says why the right under the cursor can neither be left out nor put back.
func (m *Model) unchoosable() string {
	if why := m.idle(); why != "" {
		return why
	}
	r := m.right()
	if r == nil {
		return "put the cursor on a right"
	}
	switch r.State {
	case desk.RightComes, desk.RightGoes:
		return ""
	case desk.RightDropped:
		if library := provisioning.InLibrary(r.Library); r.Entitlement != library && slices.Contains(m.want.Drop, library) {
			return "it was left out with " + r.Library + ": put the library back"
		}
		return ""
	case desk.RightStays:
		return "it is held already, and stays"
	case desk.RightWithheld:
		return "it is withheld: " + r.Why
	default:
		return "it is left as it is: " + r.Why
	}
}

// toggle leaves the right under the cursor out, or puts it back.
func (m *Model) toggle() tea.Cmd {
	e := m.right().Entitlement
	return m.decided(func(o *desk.CaseOptions) {
		switch {
		case slices.Contains(o.Drop, e):
			o.Drop = without(o.Drop, e)
		case slices.Contains(o.Add, e):
			o.Add = without(o.Add, e)
		default:
			o.Drop = append(o.Drop, e)
		}
	})
}

func without(list []provisioning.Entitlement, e provisioning.Entitlement) []provisioning.Entitlement {
	return slices.DeleteFunc(list, func(other provisioning.Entitlement) bool { return other == e })
}

// add picks libraries and groups.
func (m *Model) add() tea.Cmd {
	return ui.Say(ui.Ask{Dialog: &ui.Picker{
		Title: "Add to what " + m.c.Name + " gets", Body: []string{"Libraries and groups, as you type."}, Many: true,
		Find: func(text string) ([]ui.Item, error) {
			libraries, err := find(m.ctx, m.desk, desk.ChooseLibrary, text, ui.PickerRows/2)
			if err != nil {
				return nil, err
			}
			groups, err := find(m.ctx, m.desk, desk.ChooseGroup, text, ui.PickerRows-len(libraries))
			return append(libraries, groups...), err
		},
		Done: func(chosen []ui.Item) tea.Cmd {
			return m.decided(func(o *desk.CaseOptions) {
				for _, it := range chosen {
					e := provisioning.InLibrary(it.ID)
					if g, ok := provisioning.ParseGroup(it.ID); ok {
						e = provisioning.InGroup(g)
					}
					if o.Drop = without(o.Drop, e); !slices.Contains(o.Add, e) {
						o.Add = append(o.Add, e)
					}
				}
			})
		},
	}})
}

// like takes a colleague's rights in place of the template, or gives the template back.
func (m *Model) like() tea.Cmd {
	if m.want.Like != "" {
		return m.decided(func(o *desk.CaseOptions) { o.Like = "" })
	}
	return ui.Say(ui.Ask{Dialog: &ui.Picker{
		Title: "Like which colleague?", Body: []string{"What they hold, but for what stands behind a wall and for administration."},
		Find: func(text string) ([]ui.Item, error) {
			return find(m.ctx, m.desk, desk.ChoosePerson, text, ui.PickerRows)
		},
		Done: func(chosen []ui.Item) tea.Cmd {
			return m.decided(func(o *desk.CaseOptions) { o.Like = chosen[0].ID })
		},
	}})
}

// rehire takes an operator's word that the closed account is the person's own: its id, typed, and the reason.
func (m *Model) rehire() tea.Cmd {
	if m.want.Rehire != "" {
		return m.decided(func(o *desk.CaseOptions) { o.Rehire, o.Reason = "", "" })
	}
	something := func(what string) func(string) (string, error) {
		return func(v string) (string, error) {
			if strings.TrimSpace(v) == "" {
				return "", errors.New(what)
			}
			return "", nil
		}
	}
	return ui.Say(ui.Ask{Dialog: &ui.Prompt{
		Title: "Is the closed account " + m.c.Name + "'s own?",
		Body: []string{
			"Compare the name, the employee number and the day they began. If it is somebody else's, it opens a stranger's matters to them.",
			"Type the id of the closed account.",
		},
		Check: something("type the account's id, or esc"),
		Done: func(id string) tea.Cmd {
			return ui.Say(ui.Ask{Dialog: &ui.Prompt{
				Title: "Why are you sure that " + strings.TrimSpace(id) + " is theirs?", Body: []string{"For the record, with your name."},
				Check: something("a reason is needed"),
				Done: func(reason string) tea.Cmd {
					return m.decided(func(o *desk.CaseOptions) {
						o.Rehire, o.Reason = strings.ToUpper(strings.TrimSpace(id)), strings.TrimSpace(reason)
					})
				},
			}})
		},
	}})
}

// reason takes on whose word the access of somebody ends who is still active.
func (m *Model) reason() tea.Cmd {
	return ui.Say(ui.Ask{Dialog: &ui.Prompt{
		Title: "On whose word does the access of " + m.c.Name + " end?",
		Body:  []string{"The directory says that they are active. Who asked, which ticket: for the record, with your name. Nothing takes it back."},
		Value: m.want.Reason,
		Done: func(v string) tea.Cmd {
			return m.decided(func(o *desk.CaseOptions) { o.Reason = strings.TrimSpace(v) })
		},
	}})
}

// grace asks when what goes, goes.
func (m *Model) grace() tea.Cmd {
	return m.askWhen("When does what goes, go?", "What comes, comes at once. Until then both seats are held, and the batch of what goes waits in the calendar.", m.want.Grace, func(at time.Time) tea.Cmd {
		return m.decided(func(o *desk.CaseOptions) { o.Grace = at })
	})
}

// when asks at which minute a leaver's access ends.
func (m *Model) when() tea.Cmd {
	return m.askWhen("When does the access of "+m.c.Name+" end?", "At a minute of its own the case gets a batch of its own, which begins then while a rollcall runs.", m.want.At, func(at time.Time) tea.Cmd {
		return m.decided(func(o *desk.CaseOptions) { o.At = at })
	})
}

// askWhen asks for a moment. "now" takes it away.
func (m *Model) askWhen(title, what string, is time.Time, done func(time.Time) tea.Cmd) tea.Cmd {
	parse := func(text string, now time.Time) (time.Time, error) {
		at, err := desk.ParseWhen(text, now)
		if err != nil {
			err = errors.New(provisioning.Reason(err))
		}
		return at, err
	}
	return ui.Say(ui.Ask{Dialog: ui.WhenPrompt(title, what, is, m.now, parse, done)})
}

// release ends the check-outs, which cannot be taken back once it is done: the number of documents is typed.
func (m *Model) release() tea.Cmd {
	if m.want.Release {
		return m.decided(func(o *desk.CaseOptions) { o.Release = false })
	}
	n := len(m.c.Ends.CheckedOut)
	return ui.Say(ui.Ask{Dialog: &ui.Confirm{
		Title: "End " + plural(n, "check-out", "check-outs") + " of " + m.c.Name,
		Body: []string{
			"What was changed since on their own computer and not saved to iManage is lost: nobody can bring it back. Ask them to check in, if they still can.",
			"It is done with the batch, after the account is disabled.",
		},
		Want: strconv.Itoa(n),
		Yes: func(string) tea.Cmd {
			return m.decided(func(o *desk.CaseOptions) { o.Release = true })
		},
	}})
}

// successor picks who gets the workspaces.
func (m *Model) successor() tea.Cmd {
	if m.want.Successor != "" {
		return m.decided(func(o *desk.CaseOptions) { o.Successor = "" })
	}
	return ui.Say(ui.Ask{Dialog: &ui.Picker{
		Title: fmt.Sprintf("Who gets %s of %s?", plural(len(m.c.Ends.Owned), "workspace", "workspaces"), m.c.Name),
		Body:  []string{"They own them from then on, and may open all that is in them."},
		Find: func(text string) ([]ui.Item, error) {
			return find(m.ctx, m.desk, desk.ChooseAccount, text, ui.PickerRows)
		},
		Done: func(chosen []ui.Item) tea.Cmd {
			return m.decided(func(o *desk.CaseOptions) { o.Successor = chosen[0].ID })
		},
	}})
}

// seal picks the operators who may read the batch.
func (m *Model) seal() tea.Cmd {
	if len(m.want.Readers) > 0 {
		return m.decided(func(o *desk.CaseOptions) { o.Readers = nil })
	}
	return ui.Say(ui.Ask{Dialog: &ui.Picker{
		Title: "Who may read the batch?", Body: []string{"You, and whom you pick. For everybody else it is a sealed entry of the calendar, with its time."}, Many: true,
		Find: func(text string) ([]ui.Item, error) {
			return find(m.ctx, m.desk, desk.ChooseOperator, text, ui.PickerRows)
		},
		Done: func(chosen []ui.Item) tea.Cmd {
			return m.decided(func(o *desk.CaseOptions) {
				for _, it := range chosen {
					o.Readers = append(o.Readers, it.ID)
				}
			})
		},
	}})
}

// linked is the linked person under the cursor; nil where there is none.
func (m *Model) linked() *desk.Linked {
	id, _ := m.page.doc.Current()
	return m.page.people[id]
}

func linkedID(l *desk.Linked) string { return "linked " + l.Key }

func (m *Model) openLinked() tea.Cmd {
	l := m.linked()
	return ui.Say(ui.OpenCase{Kind: string(desk.CaseMover), Key: l.Key, Name: l.Name})
}

// Pick asks for the person of a case first, and opens it.
func Pick(ctx context.Context, d Desk, kind desk.CaseKind) ui.Dialog {
	return &ui.Picker{
		Title: "A " + string(kind) + ": who?", Body: []string{"By name, login, email or office, as you type."},
		Find: func(text string) ([]ui.Item, error) { return find(ctx, d, desk.ChoosePerson, text, ui.PickerRows) },
		Done: func(chosen []ui.Item) tea.Cmd {
			return ui.Say(ui.OpenCase{Kind: string(kind), Key: chosen[0].ID, Name: chosen[0].Title})
		},
	}
}

// find gives choices as a picker shows them.
func find(ctx context.Context, d Desk, kind desk.ChoiceKind, text string, limit int) ([]ui.Item, error) {
	choices, err := d.Choices(ctx, kind, text, limit)
	items := make([]ui.Item, len(choices))
	for i, c := range choices {
		items[i] = ui.Item{ID: c.ID, Title: c.Title, Note: c.Note}
	}
	return items, err
}
