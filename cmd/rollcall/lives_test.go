package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLeaverWalk is the leaver from the surname to the committed disable, with the real program in a real pseudo-terminal, typed at the
// speed of a person: at most ten keys beside the name and the typed confirmation, and under ten seconds.
func TestLeaverWalk(t *testing.T) {
	base := t.TempDir()
	term := start(t, 120, 40, "--demo", "--people", "300", "--state", base)
	term.wait("Leavers")
	const between = 200 * time.Millisecond // some 60 words a minute
	keys := 0
	typed := func(text string, counts bool) {
		for _, k := range text {
			<-time.After(between)
			term.press(string(k))
			if counts {
				keys++
			}
		}
	}
	began := time.Now()
	typed("/", true)
	typed("barn", false)
	typed("\r", true)
	term.wait("Tom Barnes left")
	typed("x", true)
	screen := term.wait("removed, in this order")
	for _, want := range []string{"Tom Barnes", "leaver", "3 documents checked out", "owns 12 workspaces", "NRTADMIN"} {
		if !strings.Contains(screen, want) {
			t.Errorf("the case does not say %q:\n%s", want, screen)
		}
	}
	typed("s", true)
	term.wait("lose access: 1")
	typed("c", true)
	term.wait("type 1 and press enter")
	typed("1\r", false)
	term.wait("done, by hand open")
	took := time.Since(began)
	t.Logf("%d keys beside the name and the confirmation, %s", keys, took.Round(10*time.Millisecond))
	if keys > 10 || took > 10*time.Second {
		t.Errorf("%d keys, %s", keys, took)
	}
	term.quit()
	got := effects(t, filepath.Join(base, "demo-7-300"))
	if got["patch TBARNES"] != 1 {
		t.Errorf("the account was disabled %d times", got["patch TBARNES"])
	}
	for effect := range got {
		if strings.HasPrefix(effect, "unassign") || strings.HasPrefix(effect, "release") {
			t.Errorf("sent without confirmation: %s", effect)
		}
	}
}

// shownJSON runs a command with --json and reads what it printed.
func shownJSON(t *testing.T, code int, into any, args ...string) {
	t.Helper()
	out, got := command(t, append(args, "--json")...)
	if got != code {
		t.Fatalf("%v exited %d: %s", args, got, out)
	}
	if at := strings.IndexAny(out, "{["); at > 0 { // what was said on the way
		out = out[at:]
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// TestCases: joiner, mover and leaver with no terminal: printed without --confirm, done with the right number, held with the reason.
func TestCases(t *testing.T) {
	base := t.TempDir()
	demo := func(args ...string) []string { return append(args, "--demo", "--people", "300", "--state", base) }
	var leaver shownCase
	shownJSON(t, exitDone, &leaver, demo("leaver", "TBARNES")...)
	if leaver.Account != "TBARNES" || leaver.Held != "" || len(leaver.Changes) < 5 || !strings.HasPrefix(leaver.Changes[0], "disable account") {
		t.Errorf("%+v", leaver)
	}
	if leaver.Ends == nil || len(leaver.Ends.CheckedOut) != 3 || len(leaver.Ends.Owned) != 12 || len(leaver.Covers) < 3 {
		t.Errorf("loose ends %+v, the certificate would cover %v", leaver.Ends, leaver.Covers)
	}
	state := filepath.Join(base, "demo-7-300")
	if data, err := os.ReadFile(filepath.Join(state, "demo-imanage.jsonl")); err != nil || len(data) > 0 {
		t.Fatalf("printing a case did something: %s %v", data, err)
	}
	if out, code := command(t, demo("leaver", "TBARNES", "--confirm", "2")...); code != exitHeld || !strings.Contains(out, "2 was typed") {
		t.Errorf("%d %s", code, out)
	}
	if out, code := command(t, demo("leaver", "TBARNES", "--confirm", "1")...); code != exitDone || !strings.Contains(out, "by hand") {
		t.Errorf("%d %s", code, out)
	}
	if got := effects(t, state); got["patch TBARNES"] != 1 {
		t.Errorf("disabled %d times", got["patch TBARNES"])
	}

	var joiner shownCase
	shownJSON(t, exitDone, &joiner, demo("joiner", "Wei Chen 陳偉")...)
	if len(joiner.Rights) == 0 || joiner.Rights[0].Why == "" || !strings.HasPrefix(joiner.Changes[0], "create account") {
		t.Errorf("%+v", joiner)
	}
	if out, code := command(t, demo("joiner", "Wei Chen 陳偉", "--drop", joiner.Rights[len(joiner.Rights)-1].Library, "--confirm", "1")...); code == exitDone {
		t.Errorf("the only library was left out, and it went on: %s", out)
	}
	if out, code := command(t, demo("joiner", "Wei Chen 陳偉", "--confirm", "1")...); code != exitDone {
		t.Errorf("%d %s", code, out)
	}

	var mover shownCase
	shownJSON(t, exitDone, &mover, demo("mover", "Ngozi Okafor")...)
	states := make(map[string]int)
	for _, r := range mover.Rights {
		states[string(r.State)]++
	}
	if mover.OldSeat == "" || mover.NewSeat == "" || states["comes"] == 0 || states["goes"] == 0 {
		t.Errorf("%+v", mover)
	}
	out, code := command(t, demo("mover", "Ngozi Okafor", "--grace", "+48h", "--confirm", "1")...)
	if code != exitDone || !strings.Contains(out, "what goes") {
		t.Errorf("%d %s", code, out)
	}
	var calendar struct {
		Calendar []shownPlanned `json:"calendar"`
	}
	shownJSON(t, exitDone, &calendar, demo("calendar")...)
	if len(calendar.Calendar) != 1 || calendar.Calendar[0].State != "scheduled" || !strings.Contains(calendar.Calendar[0].Title, "Ngozi Okafor") {
		t.Fatalf("%+v", calendar)
	}
	for _, who := range []string{"nobody at all", "John Smith"} {
		if out, code := command(t, demo("leaver", who)...); code == exitDone {
			t.Errorf("%s: %s", who, out)
		}
	}
	if out, code := command(t, demo("leaver", "FADEYEMI")...); code != exitHeld || !strings.Contains(out, "active") {
		t.Errorf("somebody active leaves without a reason: %d %s", code, out)
	}
	if out, code := command(t, demo("leaver", "FADEYEMI", "--reason", "HR 4711", "--at", "2001-01-01 10:00")...); code != exitUsage {
		t.Errorf("a time in the past: %d %s", code, out)
	}
}

// TestDoctorOperations: doctor tells every operation with its mark and its first use; the trial on a throw-away account needs its id
// typed, confirms what nobody did, puts everything back, and what it confirmed is sent from then on.
func TestDoctorOperations(t *testing.T) {
	base := t.TempDir()
	demo := func(args ...string) []string { return append(args, "--demo", "--people", "300", "--state", base) }
	var told struct {
		Operations []shownOperation `json:"operations"`
	}
	shownJSON(t, exitDone, &told, demo("doctor", "imanage")...)
	probes := 0
	for _, o := range told.Operations {
		if o.Mark == "" || o.Call == "" || o.Does == "" {
			t.Errorf("%+v", o)
		}
		if o.FirstUse == "probe" {
			probes++
			if o.Held == "" || o.State != "untried" {
				t.Errorf("%s is not by hand: %+v", o.Name, o)
			}
		}
	}
	if probes == 0 {
		t.Fatal("no operation is a probe")
	}
	if out, code := command(t, demo("doctor", "--sandbox-user", "ZZ_SANDBOX")...); code != exitHeld {
		t.Errorf("tried without consent: %d %s", code, out)
	}
	for _, wrong := range []string{"FADEYEMI", "BREAKGLASS1", "SVC_SCAN", "NOBODY9"} {
		if out, code := command(t, demo("doctor", "--sandbox-user", wrong, "--consent", wrong)...); code == exitDone {
			t.Errorf("tried on %s: %s", wrong, out)
		}
	}
	out, code := command(t, demo("doctor", "--sandbox-user", "ZZ_SANDBOX", "--consent", "ZZ_SANDBOX")...)
	if code != exitDone || !strings.Contains(out, "confirmed") {
		t.Fatalf("%d %s", code, out)
	}
	out, code = command(t, demo("leaver", "TBARNES", "--confirm", "1")...)
	if code != exitDone || !strings.Contains(out, "0 by hand") {
		t.Errorf("%d %s", code, out)
	}
	if got := effects(t, filepath.Join(base, "demo-7-300")); got["unassign TBARNES LON-COR"] != 1 {
		t.Errorf("%v", got)
	}
}

// TestPolicyCommands: check, explain, effect and accept, on the demo firm and on a policy.toml that changes.
func TestPolicyCommands(t *testing.T) {
	base := t.TempDir()
	demo := func(args ...string) []string { return append(args, "--demo", "--people", "300", "--state", base) }
	out, code := command(t, demo("policy", "explain", "FADEYEMI")...)
	if code != exitDone || !strings.Contains(out, "department is Litigation") || !strings.Contains(out, "(rule ") {
		t.Errorf("%d %s", code, out)
	}
	out, code = command(t, demo("policy", "check")...) // the demo firm's traps are in it, and nothing else
	for _, want := range []string{"the rules give both sides to 1 person", "OLD-MATTERS is disabled", "it gives nothing any more"} {
		if code != exitDone || !strings.Contains(out, want) || strings.Contains(out, "missing ") {
			t.Errorf("%d, without %q: %s", code, want, out)
		}
	}
	if out, code = command(t, demo("policy", "effect")...); code != exitDone || !strings.Contains(out, "is the policy that counts") {
		t.Errorf("%d %s", code, out)
	}
	if out, code = command(t, demo("policy", "accept", "--confirm", "0")...); code != exitUsage {
		t.Errorf("%d %s", code, out)
	}
}
