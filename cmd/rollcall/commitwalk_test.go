package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// typed is the number that a confirmation wants typed.
func typed(t *testing.T, screen string) string {
	t.Helper()
	count := regexp.MustCompile(`type (\d+) and press enter`).FindStringSubmatch(screen)
	if count == nil {
		t.Fatalf("no number to type:\n%s", screen)
	}
	return count[1]
}

// TestCommitWalk is what the demo shows of a commit, with the real program in a real pseudo-terminal: a batch with its rate and the time
// left, the program killed in the middle of it and the batch offered when it is begun again, its undo; three leavers whom a second
// operator approves from another terminal by the four words, and the certificate of removal once they are seen off.
func TestCommitWalk(t *testing.T) {
	base := t.TempDir()
	state := filepath.Join(base, "demo-7-2000")
	args := []string{"--demo", "--people", "2000", "--state", base}
	term := start(t, 120, 40, args...)
	term.wait("Leavers")

	// A batch of joiners and of drift: nobody loses access, so that one operator may commit it.
	term.press("]]") // joiners
	term.wait("[Joiners")
	term.press("*s") // all that are listed
	term.wait("staged")
	term.press("b")
	term.wait("gain:")
	term.press("c")
	screen := term.wait("press enter")
	term.press(typed(t, screen) + "\r")
	term.wait("changes/s")
	screen = term.wait(" left")
	if !strings.Contains(screen, "requests/s allowed") && !strings.Contains(screen, "changes/s") {
		t.Errorf("no rate:\n%s", screen)
	}
	if err := term.cmd.Process.Kill(); err != nil { // kill -9 in the middle of it
		t.Fatal(err)
	}
	_ = term.cmd.Wait()
	before := effects(t, state)

	began := time.Now()
	term = start(t, 120, 40, args...)
	term.wait("did not come to its end")
	t.Logf("offered %s after the start", time.Since(began).Round(10*time.Millisecond))
	term.press("\x1b[B\r") // open it
	term.wait("interrupted")
	term.press("r")
	term.wait(" · done")
	after := effects(t, state)
	if len(before) == 0 || len(after) <= len(before) {
		t.Errorf("%d effects before the kill, %d after the resume", len(before), len(after))
	}
	for effect, n := range after {
		if n != 1 {
			t.Errorf("%s took effect %d times", effect, n)
		}
	}

	// Its undo: a batch of its own.
	term.press("u")
	term.wait("why?")
	term.press("the wrong intake\r")
	term.wait("undo of batch 1")
	term.quit()

	// Three leavers need a second person.
	term = start(t, 120, 40, args...)
	term.wait("Leavers")
	term.press("]")
	term.wait("[Leavers")
	term.press("*s")
	term.wait("staged")
	term.press("b")
	term.wait("lose access: ")
	term.press("c")
	number := typed(t, term.wait("It needs a second person"))
	term.press(number + "\r")
	screen = term.wait("read to them")
	words := regexp.MustCompile(`read to them +([a-z]+ +[a-z]+ +[a-z]+ +[a-z]+)`).FindStringSubmatch(screen)
	if words == nil {
		t.Fatalf("no words:\n%s", screen)
	}
	second := func(args ...string) (string, int) {
		return command(t, append(args, "--demo", "--people", "2000", "--state", base, "--operator", "f.adeyemi")...)
	}
	out, _ := second("approve")
	batch := regexp.MustCompile(`batch (\d+)`).FindStringSubmatch(out)
	if batch == nil {
		t.Fatalf("nobody asks: %s", out)
	}
	if out, code := second("approve", batch[1], "--words", "abandon ability able about"); code != exitHeld || !strings.Contains(out, "not the four words") {
		t.Errorf("approved by other words: %d %s", code, out)
	}
	if out, code := command(t, "approve", batch[1], "--words", words[1], "--demo", "--people", "2000", "--state", base); code != exitHeld {
		t.Errorf("whoever staged it approved it: %d %s", code, out)
	}
	if out, code := second("approve", batch[1], "--words", words[1]); code != exitDone || !strings.Contains(out, "approved as f.adeyemi") {
		t.Fatalf("%d %s", code, out)
	}
	term.wait("approved by f.adeyemi")
	term.press("c")
	term.wait("type " + number + " and press enter")
	term.press(number + "\r")
	term.wait("done, by hand open")
	term.press("C")
	term.wait("not complete")
	term.press("\x1b")
	settled := func() { <-time.After(300 * time.Millisecond) } // an escape alone, and not the beginning of another key
	settled()
	deadline := time.Now().Add(80 * time.Second) // the demo's libraries follow after some twenty seconds; l looks now
	for {
		term.press("l")
		term.wait("looked")
		term.press("C")
		screen = term.wait("Certificate of removal")
		if !strings.Contains(screen, "seen off pending") || time.Now().After(deadline) {
			break
		}
		term.press("\x1b")
		<-time.After(3 * time.Second)
	}
	if !strings.Contains(screen, ", seen off ") || strings.Contains(screen, "seen off pending") || !strings.Contains(screen, "session") {
		t.Errorf("the certificate:\n%s", screen)
	}
	term.press("\x1b")
	settled()
	term.quit()
	certificate := filepath.Join(base, "certificate.json")
	if out, code := command(t, append([]string{"certificate", batch[1], "-o", certificate}, args...)...); code != exitDone {
		t.Fatalf("%d %s", code, out)
	}
	if out, code := command(t, "certificate", "verify", certificate); code != exitDone {
		t.Errorf("%d %s", code, out)
	}
}
