package tui_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"

	"rollcall/provisioning"
	"rollcall/provisioning/names/namestest"
	"rollcall/themes"
	"rollcall/tui"
	"rollcall/tui/connect"
)

// firmSetup is a configuration of two connections, and what an examination finds.
type firmSetup struct {
	connect.Setup
	findings []provisioning.Finding
}

func (firmSetup) Fixed() string { return "" }

func (firmSetup) List() ([]connect.Connection, error) {
	return []connect.Connection{
		{Name: "okta", System: "okta", Where: "https://harcourtvane.okta.example", Way: "service-app", Kept: "keyring"},
		{Name: "imanage", System: "imanage", Where: "https://cloudimanage.example", Kept: "keyring"},
	}, nil
}

func (firmSetup) Guides() []provisioning.Guide {
	return []provisioning.Guide{{System: "okta", Title: "Okta", Ways: []provisioning.Way{
		{Name: "token", Title: "API token", Scopes: []string{"okta.users.read", "okta.groups.read"}, Steps: []string{
			"Sign in to the Admin Console as an account that has only the Read-only Administrator role.", "Open Security, API, Tokens, Create token; name it rollcall.",
		}, Fields: []provisioning.GuideField{{Key: "url", Title: "Address"}, {Key: "token", Title: "API token", Secret: true}}},
	}}}
}

func (firmSetup) Places(context.Context) []connect.Place {
	return []connect.Place{{Name: "keyring", Title: "this computer's keyring"}, {Name: connect.Reference, Title: "elsewhere"}}
}

func (s firmSetup) Examine(_ context.Context, _ connect.Draft, tell func(provisioning.Finding)) error {
	for _, f := range s.findings {
		tell(f)
	}
	return nil
}

func found() []provisioning.Finding {
	return []provisioning.Finding{
		{What: "reached", State: provisioning.FindingGood, Detail: "harcourtvane.okta.example answers"},
		{What: "protected", State: provisioning.FindingWarning, Detail: "TLS 1.3, certificate until 2026-12-01", Mend: "the server's certificate ends soon: whoever runs it must renew it"},
		{What: "clock", State: provisioning.FindingGood, Detail: "agrees with the server's"},
		{What: provisioning.SignIn, State: provisioning.FindingGood, Detail: "as a service app, by its key"},
		{
			What: "list groups", State: provisioning.FindingBad, Detail: "okta: the token may not read this: GET /api/v1/groups: Forbidden (request 863a82e5de962d31f700e663)",
			Mend: "give its owner the Read-only Administrator role, or the service app that role and its scopes",
		},
	}
}

// settle runs a command and what comes of it, to the end.
func settle(m *tui.Model, cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.BatchMsg:
		for _, c := range msg {
			settle(m, c)
		}
	default:
		_, next := m.Update(msg)
		settle(m, next)
	}
}

// connections opens the screen over a roster.
func connections(t *testing.T, f *fake, s connect.Setup, theme string, ascii bool, width, height int) *tui.Model {
	t.Helper()
	m, err := tui.New(context.Background(), tui.Deps{Desk: f, Setup: s, Theme: theme, ASCII: ascii, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	m.View()
	settle(m, press(m, "C"))
	m.View()
	return m
}

// TestConnectionsGolden holds the looks of the connections, examined, and of the page that says what to create at a vendor.
func TestConnectionsGolden(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		for _, theme := range themes.Names() {
			for _, ascii := range []bool{false, true} {
				if ascii && theme != "dark" {
					continue
				}
				t.Run(fmt.Sprintf("connections %dx%d %s ascii=%v", size[0], size[1], theme, ascii), func(t *testing.T) {
					m := connections(t, &fake{roll: rollOf(drawn(), true)}, firmSetup{findings: found()}, theme, ascii, size[0], size[1])
					settle(m, press(m, "t"))
					golden.RequireEqual(t, []byte(m.View().Content))
				})
			}
		}
		t.Run(fmt.Sprintf("guide %dx%d", size[0], size[1]), func(t *testing.T) {
			m := connections(t, &fake{roll: rollOf(drawn(), true)}, firmSetup{}, "dark", false, size[0], size[1])
			press(m, "a")
			m.View()
			press(m, "enter") // Okta, which has one way to sign in
			m.View()
			press(m, "enter") // the keyring
			text := m.View().Content
			if !strings.Contains(ansi.Strip(text), "What to create at Okta") {
				t.Fatalf("another screen:\n%s", ansi.Strip(text))
			}
			golden.RequireEqual(t, []byte(text))
		})
	}
}

// TestConnectionsStayWhole: at every size the list, each step of the wizard and the findings draw exactly their cells, with the hostile
// corpus in all that a server or a firm may name.
func TestConnectionsStayWhole(t *testing.T) {
	var hostile []provisioning.Finding
	for i, s := range namestest.Hostile() {
		state := []provisioning.FindingState{provisioning.FindingGood, provisioning.FindingWarning, provisioning.FindingBad}[i%3]
		hostile = append(hostile, provisioning.Finding{What: s, State: state, Detail: s, Mend: s})
	}
	roll := rollOf(drawn(), false)
	roll.Sources[0].Proof.Reason = strings.Join(namestest.Hostile()[:6], " ")
	for _, width := range []int{80, 99, 100, 120, 200} {
		m := connections(t, &fake{roll: roll}, firmSetup{findings: hostile}, "dark", false, width, 30)
		check := func(what string) {
			t.Helper()
			content := m.View().Content
			checkFrame(t, content, width, 30)
			for _, r := range sgr.ReplaceAllString(content, "") {
				if r == 0x1b || (r < 0x20 && r != '\n') || (r >= 0x7f && r <= 0x9f) || (r >= 0x202a && r <= 0x202e) {
					t.Fatalf("%s at %d: %U reached the screen", what, width, r)
				}
			}
		}
		check("the list")
		settle(m, press(m, "t"))
		check("the findings")
		press(m, "a")
		check("the systems")
		press(m, "enter")
		check("the places")
		press(m, "enter")
		check("the guide")
		press(m, "enter")
		check("the fields")
		press(m, "enter", "x", "enter", "s", "e", "c", "r", "e", "t")
		check("what is typed")
		if text := ansi.Strip(m.View().Content); strings.Contains(text, "secret\n") || !strings.Contains(text, "******") {
			t.Errorf("what is typed is shown:\n%s", text)
		}
	}
}
