package connect

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"

	"rollcall/provisioning"
)

// enterPlace asks where the secrets are kept, unless there are none.
func (m *Model) enterPlace() tea.Cmd {
	w := m.wizard
	if !slices.ContainsFunc(w.way.Fields, func(f provisioning.GuideField) bool { return f.Secret }) && w.way.Name != "device" {
		return m.enter(showGuide)
	}
	places := m.setup.Places(m.ctx)
	options := make([]huh.Option[string], 0, len(places))
	w.choice = ""
	for _, p := range places {
		if w.way.Name == "device" && p.Name == Reference { // the sign-in renews itself: it must be kept where rollcall may write
			continue
		}
		title := p.Title
		if p.Why != "" {
			title += " (not here: " + p.Why + ")"
		} else if w.choice == "" && p.Name != Passphrase { // that one is chosen, never fallen into (threats E3)
			w.choice = p.Name
		}
		options = append(options, huh.NewOption(title, p.Name))
	}
	w.form = m.form(huh.NewGroup(huh.NewSelect[string]().Title("Where is its secret kept?").
		Description("Never in config.toml: that holds a reference alone.").Options(options...).Value(&w.choice).
		Validate(func(name string) error {
			for _, p := range places {
				if p.Name == name {
					w.place = p
				}
			}
			if w.place.Why != "" {
				return errors.New(w.place.Why)
			}
			return nil
		})))
	return w.form.Init()
}

// leastPassphrase is how long a passphrase is at least: whoever copies the file may try as many as they like.
const leastPassphrase = 12

// enterPassphrase asks for the passphrase of the file, twice where it is chosen now.
func (m *Model) enterPassphrase() {
	w := m.wizard
	first, second := "", ""
	w.typed = map[string]*string{"passphrase": &first}
	hidden := func(title, description string, value *string) *huh.Input {
		return huh.NewInput().Title(title).Description(description).EchoMode(huh.EchoModePassword).Value(value)
	}
	if !w.place.New {
		description := "the one that the file of secrets was made with"
		if w.failed != nil {
			description = plain(strings.Join(failure(w.failed), ": "))
		}
		w.form = m.form(huh.NewGroup(hidden("Passphrase", description, &first).Validate(huh.ValidateNotEmpty())))
		return
	}
	w.form = m.form(huh.NewGroup(
		hidden("A passphrase for the file of secrets", "several words; rollcall asks for it at every start, and nobody can recover it", &first).Validate(func(s string) error {
			if len([]rune(s)) < leastPassphrase {
				return fmt.Errorf("at least %d characters", leastPassphrase)
			}
			return nil
		}),
		hidden("Once more", "", &second).Validate(func(s string) error {
			if s != first {
				return errors.New("it is not the same")
			}
			return nil
		}),
	))
}

// enterFields asks for what is to be typed.
func (m *Model) enterFields() tea.Cmd {
	w := m.wizard
	w.typed = make(map[string]*string)
	var fields []huh.Field
	name := w.guide.System
	if w.rotate == "" {
		for n := 2; slices.ContainsFunc(m.list, func(c Connection) bool { return c.Name == name }); n++ {
			name = fmt.Sprintf("%s%d", w.guide.System, n)
		}
		w.typed["name"] = &name
		fields = append(fields, huh.NewInput().Key("name").Title("Name of the connection").Value(&name).Validate(m.freeName))
	}
	for _, f := range w.way.Fields {
		if w.rotate != "" && !f.Secret {
			continue
		}
		fields = append(fields, w.input(f))
	}
	if len(fields) == 0 { // a device sign-in that is renewed
		return m.next()
	}
	w.form = m.form(huh.NewGroup(fields...))
	return w.form.Init()
}

// plain keeps huh from reading a description's signs as markup.
func plain(s string) string {
	return strings.NewReplacer("_", "\\_", "*", "\\*", "`", "\\`").Replace(s)
}

func (m *Model) freeName(s string) error {
	switch {
	case s == "" || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "":
		return errors.New("small letters, digits, - and _")
	case slices.ContainsFunc(m.list, func(c Connection) bool { return c.Name == s }):
		return errors.New("there is one of that name already")
	default:
		return nil
	}
}

func (w *wizard) input(f provisioning.GuideField) huh.Field {
	value := f.Default
	if w.draft.Values[f.Key] != "" && !f.Secret {
		value = w.draft.Values[f.Key]
	}
	w.typed[f.Key] = &value
	title, hint := f.Title, f.Hint
	reference := f.Secret && w.draft.Place == Reference
	if reference {
		title, hint = title+": a reference", "file:PATH (0600), env:NAME or exec:COMMAND"
	}
	in := huh.NewInput().Key(f.Key).Title(title).Description(plain(hint)).Value(&value)
	if f.Secret && !f.Multi && !reference {
		in = in.EchoMode(huh.EchoModePassword)
	}
	return in.Validate(func(s string) error {
		if strings.TrimSpace(s) == "" && !f.Optional {
			return errors.New("it is needed")
		}
		if reference && !slices.ContainsFunc([]string{"file:", "env:", "exec:", "keyring:", "age:"}, func(p string) bool { return strings.HasPrefix(s, p) }) {
			return errors.New("a reference begins with file:, env:, exec:, keyring: or age: and a name")
		}
		return nil
	})
}

// take puts what was typed into the draft, and forgets the secrets as text.
func (w *wizard) take() {
	if name := w.typed["name"]; name != nil {
		w.draft.Name = *name
	} else {
		w.draft.Name, w.draft.Replaces = w.rotate, w.rotate
	}
	for _, f := range w.way.Fields {
		typed := w.typed[f.Key]
		if typed == nil {
			continue
		}
		value := strings.TrimSpace(*typed)
		switch {
		case f.Secret && w.draft.Place == Reference, !f.Secret:
			w.draft.Values[f.Key] = value
		case f.Multi:
			w.draft.Files[f.Key] = value
		default:
			w.draft.Secrets[f.Key] = provisioning.NewSecret(value)
		}
		if f.Secret {
			*typed = ""
		}
	}
}

// key gives a key to the form. From field to field it goes at once: huh itself would ask for it by a message, and what is typed or
// pasted before that message came would land in the field before, a secret's first letters among it.
func (w *wizard) key(msg tea.KeyPressMsg) tea.Cmd {
	field := w.form.GetFocusedField()
	move, further := w.form.NextField, w.form.NextGroup
	switch msg.String() {
	case "enter", "tab":
		_, _ = w.form.Update(msg) // the field judges what it holds; where it wants to go is done below
		if field.Error() != nil {
			return nil
		}
	case "shift+tab":
		move, further = w.form.PrevField, w.form.PrevGroup
	default:
		_, cmd := w.form.Update(msg)
		return cmd
	}
	cmd := move()
	if w.form.GetFocusedField() != field {
		return cmd
	}
	cmd = further()
	if w.form.State == huh.StateNormal && w.form.GetFocusedField() == field { // a field before holds what cannot be taken
		return field.Focus()
	}
	return cmd
}

// enterTested asks what to do with what was found.
func (m *Model) enterTested() tea.Cmd {
	w := m.wizard
	save, again, drop := huh.NewOption("keep it", "save"), huh.NewOption("change what I typed", "again"), huh.NewOption("leave it", "drop")
	options := []huh.Option[string]{save, again, drop}
	title := "Everything that is needed is there."
	w.choice = "save"
	if w.bad() {
		options, title = []huh.Option[string]{again, save, drop}, "Something is missing: nothing that rests on it will be believed."
		w.choice = "again"
	}
	if w.failed != nil {
		options = []huh.Option[string]{again, drop}
	}
	w.form = m.form(huh.NewGroup(huh.NewSelect[string]().Title(title).Options(options...).Value(&w.choice)))
	return w.form.Init()
}
