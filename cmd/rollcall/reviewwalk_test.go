package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

// TestReviewWalk is what the demo shows of an access review, with the real program in a real pseudo-terminal: over 2,000 accesses of London,
// opened by typing their number, decided by keyboard, closed; its revokes committed and read back; the closing snapshot differs by exactly
// the revokes; and the evidence of it all is proven by a program that has no configuration. With ROLLCALL_BROWSER set, half of it is decided
// by somebody without a console, in a real browser (provisioning/report/browser/testdata/run.sh sets it, where it has one).
func TestReviewWalk(t *testing.T) {
	base := t.TempDir()
	args := []string{"--demo", "--people", "2000", "--state", base}
	run := func(more ...string) string {
		t.Helper()
		out, code := command(t, append(more, args...)...)
		if code != 0 {
			t.Fatalf("%v: exit %d: %s", more, code, out)
		}
		return out
	}
	term := start(t, 120, 40, args...)
	term.wait("Leavers")
	term.press("V")
	term.wait("No access review")
	term.press("n")
	term.wait("A new access review")
	down := func(n int) string { return strings.Repeat("\x1b[B", n) }
	const partner = "ngozi.okafor@harcourtvane.example"
	reviewers, inBrowser := "l.ortiz", os.Getenv("ROLLCALL_BROWSER") != ""
	if inBrowser {
		reviewers += ", " + partner
	}
	term.press("London Q4" + down(4) + "London" + down(6) + reviewers + "\r") // its name, the office, who decides
	term.wait("not opened yet")
	term.press("\r")
	items := typed(t, term.wait("press enter"))
	if n, _ := strconv.Atoi(items); n < 2000 {
		t.Errorf("%s decisions", items)
	}
	term.press(items + "\r")
	term.wait("[Mine ")

	// Sixty one by one, as a person would: a key each, and the next line stands under the cursor.
	began := time.Now()
	for n := 1; n <= 60; n++ {
		term.press("k")
		term.wait("Kept " + strconv.Itoa(n) + " ")
	}
	rate := 60 / time.Since(began).Minutes()
	t.Logf("%.0f decisions a minute, each waited for", rate)
	if rate < 20 {
		t.Errorf("%.0f decisions a minute", rate)
	}
	// One or two of a deal team are revoked, and the rest of what is this operator's is kept.
	term.press("/DEAL-\r")
	term.wait("LON-")
	term.press("r")
	term.wait(" 61 of ")
	here := 1 // and one in the browser: from three on the policy asks for a second person
	if !inBrowser {
		term.press("r")
		term.wait(" 62 of ")
		here = 2
	}
	term.press("/\x1b")
	<-time.After(300 * time.Millisecond)
	term.wait("[Mine ")
	term.press("*k")
	marked := typed(t, term.wait("marked decisions"))
	term.press(marked + "\r")
	shows := func(which string) (counts desk.ReviewCounts, list []provisioning.ReviewItem) {
		t.Helper()
		var said struct {
			Counts desk.ReviewCounts
			Items  []struct{ Item provisioning.ReviewItem }
		}
		if err := json.Unmarshal([]byte(run("review", "show", "1", "--json", "--which", which)), &said); err != nil {
			t.Fatal(err)
		}
		for _, one := range said.Items {
			list = append(list, one.Item)
		}
		return said.Counts, list
	}
	term.wait("[Mine")
	for range 300 {
		if counts, _ := shows("revoked"); counts.Mine == 0 {
			break
		}
		<-time.After(100 * time.Millisecond)
	}
	counts, revoked := shows("revoked")
	if counts.Mine != 0 || counts.Revoked != here || len(revoked) != here || counts.Open == 0 || counts.Kept != counts.Items-counts.Open-here {
		t.Fatalf("%+v", counts)
	}
	term.quit()

	if inBrowser {
		dir := t.TempDir()
		answer := filepath.Join(dir, "answer.json")
		said := run("review", "packet", "1", partner, "--dir", dir)
		words := regexp.MustCompile(`write it nowhere: (.+)`).FindStringSubmatch(said)
		page, err := filepath.Glob(filepath.Join(dir, "*.html"))
		if words == nil || err != nil || len(page) != 1 {
			t.Fatalf("%s: %v, %v", said, page, err)
		}
		reviewer := exec.Command("go", "test", "-v", "-count=1", "-run", "^TestAPageOfAWalk$", ".")
		reviewer.Dir = filepath.Join("..", "..", "provisioning", "report", "browser")
		reviewer.Env = append(os.Environ(), "ROLLCALL_PAGE="+page[0], "ROLLCALL_WORDS="+words[1], "ROLLCALL_ANSWER="+answer)
		log, err := reviewer.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, log)
		}
		t.Logf("in the browser: %s", log)
		t.Log(run("review", "import", answer))
	}
	// What is left is the operator's own access, which somebody else decides: where there is another reviewer, it was given to that one at once.
	counts, own := shows("open")
	if counts.Revoked != 2 || counts.Open != len(own) || len(own) > 20 {
		t.Fatalf("%+v, %d open", counts, len(own))
	}
	if len(own) > 0 {
		decide := []string{"review", "decide", "1", "keep"}
		for _, it := range own {
			decide = append(decide, strconv.Itoa(it.N))
		}
		if out, code := command(t, append(decide, args...)...); code == 0 {
			t.Errorf("decided on one's own access: %s", out)
		}
		run(append(decide, "--operator", "f.adeyemi")...)
	} else if !inBrowser {
		t.Error("the operator has no access of their own to be decided")
	}

	term = start(t, 120, 40, args...)
	term.wait("Leavers")
	term.press("V")
	term.wait("London Q4")
	term.press("\r")
	term.wait("Open 0 ")
	term.press("C")
	people := typed(t, term.wait("Close the review: "))
	term.press(people + "\r")
	term.wait("access review 1")
	term.press("c")
	number := typed(t, term.wait("press enter"))
	<-time.After(200 * time.Millisecond)
	term.press(number + "\r")
	term.wait(" · done")
	term.press("\x1b")
	term.wait("[Revoked 2]") // what is left to do is about these
	term.quit()
	if out, code := command(t, append([]string{"review", "finish", "1"}, args...)...); code == 0 {
		t.Errorf("finished on a roll from before the revokes: %s", out)
	}
	run("sync")
	if out := run("review", "finish", "1"); !strings.Contains(out, "2 revoked and gone, 0 gone along with a library, 0 changed by others") {
		t.Errorf("%s", out)
	}
	file := filepath.Join(t.TempDir(), "evidence.zip")
	run("export", "evidence", "-o", file)
	nothing := t.TempDir()
	out, code := command(t, "audit", "verify", file, "--config", nothing, "--state", nothing)
	if code != 0 || !strings.Contains(out, "the bundle holds") || !regexp.MustCompile(`reviews/1-closing.json .*2 revoked`).MatchString(out) {
		t.Errorf("exit %d: %s", code, out)
	}
}
