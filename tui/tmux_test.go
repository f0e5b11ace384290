//go:build tmux

package tui_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning/names/namestest"
)

// TestHostileInTmux draws the hostile corpus in a real tmux, and counts what it shows: every row once, in its own cells (threats A1).
func TestHostileInTmux(t *testing.T) {
	rows := hostileRows()
	for _, width := range []int{80, 120} {
		height := len(rows) + 12
		roll := rollOf(rows, true)
		roll.Firm, roll.Operator = namestest.Hostile()[0], namestest.Hostile()[7]
		file := filepath.Join(t.TempDir(), "frame")
		if err := os.WriteFile(file, []byte(console(t, &fake{roll: roll}, "dark", false, width, height).View().Content), 0o600); err != nil {
			t.Fatal(err)
		}
		socket := fmt.Sprintf("rollcall-test-%d-%d", os.Getpid(), width)
		tmux := func(args ...string) string {
			out, err := exec.Command("tmux", append([]string{"-L", socket, "-f", "/dev/null"}, args...)...).CombinedOutput()
			if err != nil {
				t.Fatalf("tmux %v: %v %s", args, err, out)
			}
			return string(out)
		}
		tmux("new-session", "-d", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height+1), "cat "+file+"; sleep 60")
		var screen []string
		for range 100 {
			<-time.After(50 * time.Millisecond)
			if screen = strings.Split(tmux("capture-pane", "-p", "-J"), "\n"); strings.Contains(strings.Join(screen, "\n"), "all keys") {
				break
			}
		}
		tmux("kill-server")
		shown := 0
		for _, line := range screen {
			if strings.Count(line, "│") >= 2 && strings.Contains(line, "≠ email") {
				shown++
			}
			if strings.ContainsAny(line, "\x1b\x07\r\b") {
				t.Errorf("a control reached the screen: %q", line)
			}
		}
		if shown != len(rows) {
			t.Errorf("width %d: tmux shows %d of %d rows", width, shown, len(rows))
		}
	}
}
