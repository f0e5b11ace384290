package wizard

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

// Bindings are the wizard's keys. They are made once: what they do and why they cannot is asked when it matters.
func (m *Model) Bindings() []ui.Binding {
	if m.keys == nil {
		m.keys = append(m.own(), m.common()...)
	}
	return m.keys
}

// idle says why nothing can be decided now.
func (m *Model) idle() string {
	switch {
	case m.staging:
		return "it is being staged"
	case m.c == nil:
		return "still reading"
	default:
		return m.desk.ReadOnly()
	}
}

// held says why the case cannot be staged now.
func (m *Model) held() string {
	switch why := m.idle(); {
	case why != "":
		return why
	case m.reading:
		return "still reading"
	default:
		return m.c.Hold
	}
}

// where joins a condition to idle.
func (m *Model) where(ok func() bool, why string) func() string {
	return func() string {
		if idle := m.idle(); idle != "" {
			return idle
		}
		if !ok() {
			return why
		}
		return ""
	}
}

func (m *Model) common() []ui.Binding {
	do := func(f func()) func() tea.Cmd { return func() tea.Cmd { f(); return nil } }
	up := []string{"up", "k"}
	if m.kind == desk.CaseLeaver {
		up = up[:1]
	}
	return []ui.Binding{
		{Keys: []string{"s"}, Help: "stage", Footer: 1, Danger: true, Disabled: m.held, Long: "stage what will be done; nothing is sent before the batch is committed", Do: m.stage},
		{Keys: []string{"r"}, Help: "look again", Disabled: m.idle, Long: "read the case anew, with what was decided", Do: func() tea.Cmd { return m.ask(m.want) }},
		{Keys: []string{"esc", "backspace"}, Help: "back", Footer: 9, Narrow: 6, Long: "back; what was decided here is forgotten", Disabled: func() string {
			if m.staging {
				return "it is being staged"
			}
			return ""
		}, Do: func() tea.Cmd {
			if m.preview && m.narrow() {
				m.preview = false
				return nil
			}
			m.leave()
			return ui.Say(ui.Back{})
		}},
		{Keys: []string{"down", "j"}, Help: "down", Do: do(func() { m.page.doc.Move(1) })},
		{Keys: up, Help: "up", Do: do(func() { m.page.doc.Move(-1) })},
		{Keys: []string{"pgdown"}, Help: "page down", Do: do(func() { m.page.doc.Page(1) })},
		{Keys: []string{"pgup"}, Help: "page up", Do: do(func() { m.page.doc.Page(-1) })},
		{Keys: []string{"home"}, Help: "first", Do: do(func() { m.page.doc.Page(-1 << 20) })},
		{Keys: []string{"end"}, Help: "last", Do: do(func() { m.page.doc.Page(1 << 20) })},
	}
}

// own are the keys of the kind.
func (m *Model) own() []ui.Binding {
	switch m.kind {
	case desk.CaseJoiner:
		return append(m.rightKeys(),
			ui.Binding{Keys: []string{"l"}, Help: "colleague", Footer: 4, Disabled: m.idle, Long: "give what a colleague has, but for walls and administration, in place of the template; again: the template", Do: m.like},
			ui.Binding{Keys: []string{"R"}, Help: "rehire", Footer: 5, Narrow: -1, Disabled: m.where(m.rehirable, "no closed account was found that may be theirs"), Long: "the closed account is this person's own: type its id, and why you are sure; again takes it back", Do: m.rehire},
		)
	case desk.CaseMover:
		return append(m.rightKeys(),
			ui.Binding{Keys: []string{"g"}, Help: "grace", Footer: 4, Disabled: m.idle, Long: "when what goes, goes; what comes, comes now", Do: m.grace},
			ui.Binding{Keys: []string{"enter"}, Show: "⏎", Help: "their move", Footer: 5, Narrow: -1, Disabled: m.where(func() bool { return m.linked() != nil }, "put the cursor on somebody whose seat hangs on this one"), Long: "prepare the move of the linked person under the cursor", Do: m.openLinked},
		)
	default:
		return []ui.Binding{
			{Keys: []string{"t"}, Help: "when", Footer: 2, Disabled: m.idle, Long: "begin at a minute in the future, or now", Do: m.when},
			{Keys: []string{"k"}, Help: "check-outs", Footer: 3, Disabled: m.where(func() bool { return len(m.c.Ends.CheckedOut) > 0 }, "nothing is checked out"), Long: "end the check-outs: what was not saved to iManage is lost; again takes it back", Do: m.release},
			{Keys: []string{"o"}, Help: "successor", Footer: 4, Disabled: m.where(func() bool { return len(m.c.Ends.Owned) > 0 }, "no workspace is owned"), Long: "who gets the workspaces that they own; again takes it back", Do: m.successor},
			{Keys: []string{"z"}, Help: "seal", Footer: 5, Disabled: m.idle, Long: "only the operators whom you pick, and you, may read the batch; again opens it", Do: m.seal},
			{Keys: []string{"R"}, Help: "reason", Footer: 6, Narrow: -1, Disabled: m.where(func() bool { return m.c.NeedsReason }, "the directory says it already: no reason is needed"), Long: "on whose word the access of somebody ends who is still active in the directory", Do: m.reason},
		}
	}
}

// rightKeys are the keys of a case with rights to choose among.
func (m *Model) rightKeys() []ui.Binding {
	return []ui.Binding{
		{Keys: []string{"space"}, Help: "drop", Footer: 2, Disabled: m.unchoosable, Long: "leave the right under the cursor out, or put it back", Do: m.toggle},
		{Keys: []string{"a"}, Help: "add", Footer: 3, Disabled: m.idle, Long: "add libraries and groups, found as you type", Do: m.add},
		{Keys: []string{"p"}, Help: "preview", Footer: 8, Narrow: 5, Disabled: m.idle, Long: "every change in plain words, in its order", Do: m.turn},
	}
}

// rehirable reports whether a check found a closed account that may be the person's own.
func (m *Model) rehirable() bool {
	if m.want.Rehire != "" {
		return true
	}
	for _, check := range m.c.Checks {
		if strings.EqualFold(check.What, "rehire") {
			return true
		}
	}
	return false
}
