package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"

	"rollcall/clients/imanage/imanagetest"
)

// binary is the program itself, built once for the tests of this package.
var binary string

func TestMain(m *testing.M) {
	code, err := func() (int, error) {
		dir, err := os.MkdirTemp("", "rollcall-test")
		if err != nil {
			return 1, err
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "rollcall")
		if runtime.GOOS == "windows" {
			binary += ".exe"
		}
		build := exec.Command("go", "build", "-o", binary, ".")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return 1, fmt.Errorf("build: %w", err)
		}
		return m.Run(), nil
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// terminal is the program in a real pseudo-terminal, its screen kept by an emulator.
type terminal struct {
	t        testing.TB
	cmd      *exec.Cmd
	file     *os.File
	emulator *vt.SafeEmulator
	reading  sync.WaitGroup

	mu   sync.Mutex
	last time.Time // when the last byte came
	deaf bool      // bytes are timed, not drawn
	said []byte    // every byte that was drawn
}

func start(t testing.TB, width, height int, args ...string) *terminal {
	t.Helper()
	term := &terminal{t: t, cmd: exec.Command(binary, args...), emulator: vt.NewSafeEmulator(width, height)}
	term.cmd.Env = append(os.Environ(), "TERM=xterm-256color", "COLORTERM=truecolor", "TZ=UTC")
	var err error
	if term.file, err = pty.StartWithSize(term.cmd, &pty.Winsize{Rows: uint16(height), Cols: uint16(width)}); err != nil {
		t.Fatal(err)
	}
	term.read()
	t.Cleanup(term.close)
	return term
}

// read keeps the screen, until the pseudo-terminal is closed.
func (term *terminal) read() {
	term.reading.Go(func() { // what the program writes goes to the screen
		buf := make([]byte, 64<<10)
		for {
			n, err := term.file.Read(buf)
			if n > 0 {
				term.mu.Lock()
				term.last = time.Now()
				deaf := term.deaf
				if !deaf {
					term.said = append(term.said, buf[:n]...)
				}
				term.mu.Unlock()
				if !deaf {
					_, _ = term.emulator.Write(buf[:n])
				}
			}
			if err != nil {
				return
			}
		}
	})
	term.reading.Go(func() { // what the terminal answers (its colours, its cursor) goes back to the program
		answers := bufio.NewReader(term.emulator)
		buf := make([]byte, 4096)
		for {
			n, err := answers.Read(buf)
			if err != nil {
				return
			}
			if _, err := term.file.Write(buf[:n]); err != nil {
				return
			}
		}
	})
}

func (term *terminal) close() {
	if term.cmd.ProcessState == nil {
		_ = term.cmd.Process.Kill()
		_ = term.cmd.Wait()
	}
	_ = term.file.Close()
	_ = term.emulator.Close()
	term.reading.Wait()
}

func (term *terminal) screen() string { return ansi.Strip(term.emulator.Render()) }

// wait waits until the screen shows a text.
func (term *terminal) wait(want string) string {
	term.t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for time.Now().Before(deadline) {
		if s := term.screen(); strings.Contains(s, want) {
			return s
		}
		<-time.After(10 * time.Millisecond)
	}
	term.t.Fatalf("the screen never showed %q:\n%s", want, term.screen())
	return ""
}

func (term *terminal) press(keys string) {
	term.t.Helper()
	if _, err := term.file.WriteString(keys); err != nil {
		term.t.Fatal(err)
	}
}

func (term *terminal) quit() {
	term.t.Helper()
	term.press("\x03")
	done := make(chan error, 1)
	go func() { done <- term.cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			term.t.Errorf("the program ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		term.t.Error("the program did not end")
	}
}

// command runs a subcommand and gives its output and exit code.
func command(t testing.TB, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// effects reads what took effect in a demo's document system, by kind, user and object.
func effects(t *testing.T, state string) map[string]int {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(state, "demo-imanage.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[string]int)
	for line := range bytes.Lines(data) {
		var m imanagetest.Mutation
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		counts[strings.TrimSpace(m.Kind+" "+m.User+" "+m.Library+" "+m.Object)]++
	}
	return counts
}

// TestWalk is the walk that the README shows, with the real program in a real pseudo-terminal: a surname, the person, the mend staged,
// reviewed, committed, the outcome; the effect took place exactly once, and the record holds until one byte of it is changed.
func TestWalk(t *testing.T) {
	for _, size := range [][2]int{{120, 40}, {80, 24}} {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			base := t.TempDir()
			demo := []string{"--demo", "--people", "300", "--state", base}
			state := filepath.Join(base, "demo-7-300")
			term := start(t, size[0], size[1], demo...)
			term.wait("Leavers")
			term.press("/barn")
			term.wait("2 of ")
			term.press("\r")
			screen := term.wait("Tom Barnes left")
			if !strings.Contains(screen, "ENABLED") || !strings.Contains(screen, "leaver 4d") {
				t.Errorf("the leaver is not told:\n%s", screen)
			}
			term.press("\r")
			screen = term.wait("believed")
			for _, want := range []string{"deprovisioned", "TBARNES", "NRTADMIN", "explicit status in okta"} {
				if !strings.Contains(screen, want) {
					t.Errorf("the page does not show %q:\n%s", want, screen)
				}
			}
			term.press("s")
			term.wait("staged: 10 changes")
			term.press("b")
			screen = term.wait("lose access: 1")
			if !strings.Contains(screen, "1 disable account TBARNES") && !strings.Contains(screen, "1  disable account TBARNES") {
				t.Errorf("the batch does not say what it will do:\n%s", screen)
			}
			term.press("c")
			term.wait("type 1 and press enter")
			<-time.After(200 * time.Millisecond) // a person reads before typing: the dialog takes no key in its first moment
			term.press("1\r")
			term.wait("done, by hand open")
			term.press("\x1b")
			<-time.After(100 * time.Millisecond) // a lone escape is told from a sequence by the time after it
			term.press("\x1b")
			screen = term.wait("read back")
			if !strings.Contains(screen, "disabled") {
				t.Errorf("the roster does not show the outcome:\n%s", screen)
			}
			term.quit()

			got := effects(t, state)
			for key, n := range got {
				if n != 1 {
					t.Errorf("%s took effect %d times", key, n)
				}
			}
			if got["patch TBARNES"] != 1 || got["leave TBARNES LON-COR NRTADMIN"] != 1 || len(got) != 7 {
				t.Errorf("the effects are %v", got)
			}
			out, code := command(t, append([]string{"audit", "verify"}, demo...)...)
			if code != 0 || !strings.Contains(out, "the record holds") {
				t.Errorf("verify: %d %s", code, out)
			}
			row := tamper(t, filepath.Join(state, "rollcall.db"))
			out, code = command(t, append([]string{"audit", "verify"}, demo...)...)
			if code != 1 || !strings.Contains(out, fmt.Sprintf("at row %d:", row)) {
				t.Errorf("after one byte of row %d was changed: %d %s", row, code, out)
			}
		})
	}
}

// tamper changes one byte of one row behind the program's back.
func tamper(t *testing.T, file string) int64 {
	t.Helper()
	ctx := context.Background()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var row int64
	if err := db.QueryRowContext(ctx, "select seq from audit where kind='outcome' order by seq limit 1").Scan(&row); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{"drop trigger audit_no_update", fmt.Sprintf("update audit set detail = 'X' || substr(detail, 2) where seq = %d", row)} {
		if _, err := db.ExecContext(ctx, q); err != nil {
			t.Fatal(err)
		}
	}
	return row
}

// TestNoTerminal: without a terminal the program says what to use instead.
func TestNoTerminal(t *testing.T) {
	out, code := command(t, "demo", "--state", t.TempDir(), "--people", "50")
	if code != exitUsage || !strings.Contains(out, "rollcall sync") {
		t.Errorf("%d %s", code, out)
	}
}

// TestPlanIsTheTruth: the plan reports exactly what was planted, by kind and id, for several seeds.
func TestPlanIsTheTruth(t *testing.T) {
	type mismatch struct {
		Kind     string   `json:"kind"`
		Persons  []string `json:"persons"`
		Accounts []string `json:"accounts"`
	}
	read := func(args ...string) map[string]bool {
		out, code := command(t, args...)
		var list struct {
			Mismatches []mismatch `json:"mismatches"`
		}
		if err := json.Unmarshal([]byte(out), &list); err != nil || code != 0 {
			t.Fatalf("%v: %d %v %.300s", args, code, err, out)
		}
		set := make(map[string]bool)
		for _, m := range list.Mismatches {
			set[fmt.Sprint(m.Kind, m.Persons, m.Accounts)] = true
		}
		return set
	}
	for _, firm := range [][2]string{{"7", "okta"}, {"1", "okta"}, {"1234", "okta"}, {"7", "all"}} {
		seed, directories := firm[0], firm[1]
		state := t.TempDir()
		truth := read("sim", "--seed", seed, "--directory", directories, "--truth")
		for range 2 { // a second look, with the links recorded, finds the same
			plan := read("plan", "--demo", "--seed", seed, "--directory", directories, "--json", "--state", state)
			for m := range truth {
				if !plan[m] {
					t.Errorf("seed %s: missed %s", seed, m)
				}
			}
			for m := range plan {
				if !truth[m] {
					t.Errorf("seed %s: invented %s", seed, m)
				}
			}
		}
		if len(truth) < 80 {
			t.Errorf("seed %s: only %d planted", seed, len(truth))
		}
	}
}

// TestHeld: a batch over the guard's limit is refused by the command with exit code 3 and every name, and by the console.
func TestHeld(t *testing.T) {
	base := t.TempDir()
	demo := []string{"--demo", "--people", "4000", "--state", base}
	plan := filepath.Join(base, "plan.json")
	if out, code := command(t, append([]string{"plan", "-o", plan, "--kind", "leaver,orphan"}, demo...)...); code != 0 {
		t.Fatalf("plan: %d %s", code, out)
	}
	data, err := os.ReadFile(plan)
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Changes []struct {
			Name string `json:"name"`
			Kind string `json:"kind"`
		} `json:"changes"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	var people []string
	for _, c := range list.Changes {
		if c.Kind == "disable account" {
			people = append(people, c.Name)
		}
	}
	if len(people) <= 20 {
		t.Fatalf("only %d people would be disabled: no guard would hold them", len(people))
	}
	out, code := command(t, append([]string{"apply", plan, "--confirm", fmt.Sprint(len(people))}, demo...)...)
	if code != exitHeld {
		t.Fatalf("apply: %d %s", code, out)
	}
	for _, p := range people {
		if !strings.Contains(out, regexp.MustCompile(`\s+`).ReplaceAllString(p, " ")) {
			t.Errorf("%s is not named", p)
		}
	}
	if _, err := os.Stat(filepath.Join(base, "demo-7-4000", "demo-imanage.jsonl")); err == nil {
		if n := len(effects(t, filepath.Join(base, "demo-7-4000"))); n != 0 {
			t.Errorf("%d effects of a held batch", n)
		}
	}
	out, code = command(t, append([]string{"apply", plan, "--confirm", fmt.Sprint(len(people) + 1), "--reason", "the Oslo office closed"}, demo...)...)
	if code != exitHeld {
		t.Errorf("released with the wrong number: %d %s", code, out)
	}
	t.Logf("%d people held, each of them named", len(people))
	term := start(t, 120, 40, demo...)
	term.wait("Leavers")
	term.press("]") // the leavers
	term.wait("[Leavers")
	term.press("*s")
	term.wait("staged")
	term.press("]]]]*s") // and the orphans
	<-time.After(300 * time.Millisecond)
	term.press("b")
	screen := term.wait("HELD by count")
	if !strings.Contains(screen, "Tom Barnes") {
		t.Errorf("the screen names nobody:\n%s", screen)
	}
	term.quit()

	demo[len(demo)-1] = t.TempDir() // at another desk: the right number and a reason release it, and the record says who and why
	out, code = command(t, append([]string{"apply", plan, "--confirm", fmt.Sprint(len(people)), "--reason", "the Oslo office closed"}, demo...)...)
	if code != exitHeld || !strings.Contains(out, "needs a second person") { // the demo's policy wants one for what a guard held
		t.Fatalf("released: %d %s", code, out)
	}
	words := told(t, out, `four words: ([a-z]+ [a-z]+ [a-z]+ [a-z]+)`)
	batch := told(t, out, `batch (\d+) needs a second person`)
	if out, code = command(t, append([]string{"approve", batch, "--operator", "f.adeyemi", "--words", words}, demo...)...); code != exitDone {
		t.Fatalf("approved: %d %s", code, out)
	}
	if out, code = command(t, append([]string{"apply", "--batch", batch, "--confirm", fmt.Sprint(len(people))}, demo...)...); code != exitDone {
		t.Errorf("approved and released: %d %s", code, out)
	}
	if out, _ = command(t, append([]string{"audit", "list", "released"}, demo...)...); !strings.Contains(out, "the Oslo office closed") || !strings.Contains(out, "l.ortiz") {
		t.Errorf("the record does not tell of the release: %s", out)
	}
}
