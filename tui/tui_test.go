package tui_test

import (
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"
	"github.com/charmbracelet/x/vt"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names/namestest"
	"rollcall/themes"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC // the screens show local times; the goldens are drawn at UTC
	os.Exit(m.Run())
}

// TestGolden holds the looks: the roster at three sizes, in every theme, and in ASCII.
func TestGolden(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		for _, theme := range themes.Names() {
			for _, ascii := range []bool{false, true} {
				if ascii && theme != "dark" {
					continue
				}
				name := fmt.Sprintf("roster %dx%d %s ascii=%v", size[0], size[1], theme, ascii)
				t.Run(name, func(t *testing.T) {
					m := console(t, &fake{roll: rollOf(drawn(), true)}, theme, ascii, size[0], size[1])
					m.View()
					press(m, "down", "down")
					golden.RequireEqual(t, []byte(m.View().Content))
				})
			}
		}
	}
}

// TestEveryLineIsWhole: at every size every screen draws exactly its cells.
func TestEveryLineIsWhole(t *testing.T) {
	for _, width := range []int{80, 99, 100, 120, 159, 160, 200, 240} {
		m := console(t, &fake{roll: rollOf(drawn(), false), staged: map[string]bool{"p/okta/U000003": true}}, "dark", false, width, 30)
		checkFrame(t, m.View().Content, width, 30)
		press(m, "?")
		checkFrame(t, m.View().Content, width, 30)
		press(m, "esc", "/", "b")
		checkFrame(t, m.View().Content, width, 30)
	}
}

func checkFrame(t *testing.T, content string, width, height int) {
	t.Helper()
	lines := strings.Split(content, "\n")
	if len(lines) != height {
		t.Errorf("%d lines, want %d", len(lines), height)
	}
	for i, l := range lines {
		if w := ansi.StringWidth(l); w != width {
			t.Errorf("line %d has %d cells, want %d: %q", i, w, width, ansi.Strip(l))
		}
	}
}

// TestUnprovenSaysWhy: one line says why absence counts for nothing now.
func TestUnprovenSaysWhy(t *testing.T) {
	m := console(t, &fake{roll: rollOf(drawn(), false)}, "dark", false, 120, 30)
	text := ansi.Strip(m.View().Content)
	if !strings.Contains(text, "okta was not read whole: the answer was an empty list") || !strings.Contains(text, "Nobody is called a leaver") {
		t.Errorf("the screen does not say it:\n%s", text)
	}
}

// hostileRows put one hostile string into every foreign field of a row each.
func hostileRows() []desk.Row {
	var rows []desk.Row
	for i, s := range namestest.Hostile() {
		row := with(person(i, s, s, s, s), provisioning.KindAttribute, func(r *desk.Row) {
			r.Person.FullName, r.Person.Email, r.Person.Login, r.Apart = s, s, s, s
			a := r.Accounts[0]
			a.ID, a.FullName, a.Email, a.Location, a.PreferredLibrary = s, s, s, s, s
			a.Memberships = []provisioning.Membership{{Library: s, Role: s}}
			r.Mismatches[0].Fields = []provisioning.FieldDiff{{Field: "email", Person: s, Account: s}}
			r.Mismatches[0].Detail = s
		})
		rows = append(rows, row)
	}
	return rows
}

var sgr = regexp.MustCompile(`\x1b\[(?:[0-9;]*)m`)

// TestHostile: with the hostile corpus in every field, every field stays within its cells, no row is lost or made, and only our own
// sequences reach the terminal, which draws exactly what was meant (threats A1).
func TestHostile(t *testing.T) {
	rows := hostileRows()
	for _, width := range []int{80, 120, 200} {
		height := len(rows) + 12
		roll := rollOf(rows, true)
		roll.Firm, roll.Operator = namestest.Hostile()[0], namestest.Hostile()[7]
		m := console(t, &fake{roll: roll}, "dark", false, width, height)
		content := m.View().Content
		checkFrame(t, content, width, height)
		rest := sgr.ReplaceAllString(content, "")
		for _, r := range rest {
			if r == 0x1b || (r < 0x20 && r != '\n') || (r >= 0x7f && r <= 0x9f) || (r >= 0x202a && r <= 0x202e) {
				t.Fatalf("%U reached the screen", r)
			}
		}
		if open, closed := strings.Count(rest, "\u2068"), strings.Count(rest, "\u2069"); open == 0 || open != closed {
			t.Errorf("right-to-left letters stand in %d isolates of ours, %d closed", open, closed)
		}
		emulator := vt.NewSafeEmulator(width, height)
		if _, err := emulator.Write([]byte(strings.ReplaceAll(content, "\n", "\r\n"))); err != nil {
			t.Fatal(err)
		}
		screen := strings.Split(ansi.Strip(emulator.Render()), "\n")
		if len(screen) != height {
			t.Fatalf("the terminal shows %d lines, want %d", len(screen), height)
		}
		shown := 0
		for _, line := range screen {
			if strings.Count(line, "│") >= 2 && strings.Contains(line, "≠ email") {
				shown++
			}
		}
		if shown != len(rows) {
			t.Errorf("width %d: the terminal shows %d of %d rows", width, shown, len(rows))
		}
	}
}

// TestViewIsCheap: moving the cursor through 100,000 rows allocates little, whatever the number of rows (DESIGN 7).
func TestViewIsCheap(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	m := console(t, &fake{roll: rollOf(many(100_000), true)}, "dark", false, 120, 40)
	m.View()
	if n := testing.AllocsPerRun(200, func() { m.View() }); n > 50 {
		t.Errorf("a View allocates %.0f times", n)
	}
	scrolling := testing.AllocsPerRun(200, func() { press(m, "down"); m.View() })
	if scrolling > 50 {
		t.Errorf("a step down and its View allocate %.0f times", scrolling)
	}
	t.Logf("a step down and its View: %.0f allocations", scrolling)
}

// BenchmarkView measures a step down with its View at 100,000 rows; the baseline is the same at 100 rows.
func BenchmarkView(b *testing.B) {
	for _, rows := range []int{100, 100_000} {
		b.Run(fmt.Sprintf("%d rows", rows), func(b *testing.B) {
			m := console(b, &fake{roll: rollOf(many(rows), true)}, "dark", false, 120, 40)
			b.ReportAllocs()
			for b.Loop() {
				press(m, "down")
				m.View()
			}
		})
	}
}

// TestKeysDoNotClash: on every screen a key means one thing, and none of the frame's keys is taken.
func TestKeysDoNotClash(t *testing.T) {
	m := console(t, &fake{roll: rollOf(drawn(), true)}, "dark", false, 120, 40)
	seen := map[string]string{"?": "frame", "T": "frame", "q": "frame", "ctrl+c": "frame"}
	for _, b := range m.Keys() {
		for _, k := range b.Keys {
			if other, clash := seen[k]; clash {
				t.Errorf("%q is %s and %s", k, other, b.Help)
			}
			seen[k] = b.Help
		}
	}
	if len(seen) < 20 {
		t.Errorf("only %d keys", len(seen))
	}
}
