package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/clients/imanage/imanagetest"
)

// TestUndo: a leaver's batch is staged to be undone, held because the directory says that he has left, released with a reason, and gone;
// a joiner's with somebody else's change in between leaves that alone, says so, and exits 5.
func TestUndo(t *testing.T) {
	base := t.TempDir()
	demo := func(args ...string) []string { return append(args, "--demo", "--people", "300", "--state", base) }
	state := filepath.Join(base, "demo-7-300")
	if out, code := command(t, demo("leaver", "TBARNES", "--confirm", "1")...); code != exitDone {
		t.Fatalf("%d %s", code, out)
	}
	did := effects(t, state)
	if out, code := command(t, demo("undo", "x")...); code != exitUsage {
		t.Errorf("%d %s", code, out)
	}
	if out, code := command(t, demo("undo", "99")...); code == exitDone {
		t.Errorf("there is no batch 99: %s", out)
	}
	var u shownUndo
	shownJSON(t, exitDone, &u, demo("undo", "1", "--reason", "the wrong Barnes")...)
	if u.Batch != 2 || u.Undoes != 1 || u.People != 1 || len(u.Conflicts) > 0 || len(u.NotUndone) == 0 || len(u.Changes) < 3 {
		t.Fatalf("%+v", u)
	}
	if last := u.Changes[len(u.Changes)-1]; !strings.Contains(last, "enable account TBARNES") {
		t.Errorf("the last change is %s", last)
	}
	if now := effects(t, state); len(now) != len(did) || now["patch TBARNES"] != did["patch TBARNES"] {
		t.Error("staging an undo did something")
	}
	confirm := fmt.Sprint(u.Confirm)
	if out, code := command(t, demo("undo", "1", "--confirm", confirm)...); code != exitHeld || !strings.Contains(out, "Tom Barnes") {
		t.Errorf("let in without a word: %d %s", code, out)
	}
	out, code := command(t, demo("undo", "1", "--confirm", confirm, "--reason", "the wrong Barnes")...)
	if code != exitHeld || !strings.Contains(out, "needs a second person") { // the demo's policy wants one for what a guard held
		t.Fatalf("%d %s", code, out)
	}
	words := told(t, out, `four words: ([a-z]+ [a-z]+ [a-z]+ [a-z]+)`)
	if out, code := command(t, demo("approve", "2", "--operator", "f.adeyemi", "--words", words)...); code != exitDone {
		t.Fatalf("%d %s", code, out)
	}
	out, code = command(t, demo("undo", "1", "--confirm", confirm, "--reason", "the wrong Barnes")...)
	if code != exitDone || !strings.Contains(out, "batch 2 undoes batch 1") || !strings.Contains(out, "0 not done") {
		t.Errorf("%d %s", code, out)
	}
	if now := effects(t, state); now["patch TBARNES"] != did["patch TBARNES"]+1 {
		t.Errorf("opened %d times", now["patch TBARNES"]-did["patch TBARNES"])
	}

	if out, code := command(t, demo("joiner", "Wei Chen 陳偉", "--confirm", "1")...); code != exitDone {
		t.Fatalf("%d %s", code, out)
	}
	account, library := "", ""
	for key := range effects(t, state) {
		if fields := strings.Fields(key); fields[0] == "assign" && fields[1] != "TBARNES" {
			account, library = fields[1], fields[2]
		}
	}
	meddle(t, state, imanagetest.Mutation{At: time.Now(), Kind: "role", User: account, Library: library, Object: "PARTNER"})
	shownJSON(t, exitPartly, &u, demo("undo", "3")...)
	if len(u.Conflicts) != 1 || u.Conflicts[0].Found != "PARTNER" || u.Conflicts[0].Library != library || u.Conflicts[0].Account != account {
		t.Fatalf("%+v", u.Conflicts)
	}
	out, code = command(t, demo("undo", "3", "--confirm", fmt.Sprint(u.Confirm))...)
	if code != exitPartly || !strings.Contains(out, "conflicts, left alone: 1") || !strings.Contains(out, `is "PARTNER"`) || !strings.Contains(out, "iManage deletes no user") {
		t.Errorf("%d %s", code, out)
	}
	for key := range effects(t, state) {
		if strings.HasPrefix(key, "unassign "+account) {
			t.Errorf("taken out of what somebody else changed: %s", key)
		}
	}
}

// meddle lets another operator do something between two commands: it is written to the document system's own journal.
func meddle(t *testing.T, state string, m imanagetest.Mutation) {
	t.Helper()
	line, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(filepath.Join(state, "demo-imanage.jsonl"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}
