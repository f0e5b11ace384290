package browser_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"rollcall/provisioning"
	"rollcall/provisioning/certify/handout"
	"rollcall/provisioning/names/namestest"
)

func reviewItems(n int) []provisioning.ReviewItem {
	now := time.Now()
	list := make([]provisioning.ReviewItem, n)
	for i := range list {
		list[i] = provisioning.ReviewItem{
			N: i + 1, Account: fmt.Sprintf("U%04d", i), Name: fmt.Sprintf("Person Number %d", i), Office: "London", Practice: "Litigation", Title: "Associate", Kind: provisioning.ReviewGroup,
			Library: "LON-LIT", Object: fmt.Sprintf("TEAM-%d", i%7), Standing: provisioning.StandsBirthright, Reason: "Litigation in London", Usage: provisioning.Used, LastUsed: now.Add(-50 * time.Hour),
			UsedHow: "edit of LON-LIT!1.1", Peers: 12, PeersHave: i % 13, Since: now.AddDate(-1, 0, 0), By: "l.ortiz, batch 4",
		}
		if i%9 == 0 {
			list[i].Standing, list[i].Alarms, list[i].Walls = provisioning.StandsExcess, []string{"leaver"}, []string{"Kite against Heron"}
			list[i].Usage, list[i].UsedHow = provisioning.UsageUnknown, "its use was never read"
		}
	}
	return list
}

func packetOf(t *testing.T, items []provisioning.ReviewItem) *handout.File {
	t.Helper()
	now := time.Now()
	f, err := handout.Make(handout.Input{
		Campaign: &provisioning.Campaign{ID: 3, Name: "Fourth quarter", State: provisioning.CampaignOpen, Stages: []provisioning.ReviewStage{{Name: "first", Due: now.AddDate(0, 0, 14)}}},
		Firm:     "A firm", Reviewer: provisioning.Reviewer{Key: "boss@firm.example", Name: "The Partner"}, Items: items, MadeBy: "l.ortiz", Now: now, Expires: now.AddDate(0, 1, 0), Format: handout.HTML, Rand: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestReviewByKeyboard: 2,000 decisions are taken by keyboard in the page as a reviewer opens it, from a file and without a network; the
// words sign them, and what comes back is what was pressed. Other words save nothing.
func TestReviewByKeyboard(t *testing.T) {
	items := reviewItems(2000)
	f := packetOf(t, items)
	b := open(t, f.Data, 1280, false)
	want := make(map[int]string)
	b.shot("packet")
	began := time.Now()
	b.keys("k") // the first: keep
	want[1] = "keep"
	b.keys("r")
	want[2] = "revoke"
	b.keys("a")
	b.run(chromedp.SendKeys("#reason", "who is <b>this</b>?", chromedp.ByID), chromedp.Click("#reasonok", chromedp.ByID))
	want[3] = "ask"
	for range 3 { // 4 to 7 in a range
		b.run(chromedp.KeyEvent(kb.ArrowDown, chromedp.KeyModifiers(8)))
	}
	b.keys("r")
	for n := 4; n <= 7; n++ {
		want[n] = "revoke"
	}
	b.keys("k") // the 8th, TEAM-0: and the same for all like it that are undecided
	want[8] = "keep"
	b.run(chromedp.KeyEvent(kb.ArrowUp))
	b.keys("s")
	like := 0
	for _, it := range items {
		if it.Object == items[7].Object && want[it.N] == "" {
			want[it.N] = "keep"
			like++
		}
	}
	b.keys("kkkkk")
	b.keys("u") // and takes the last one back
	for n, left := 9, 4; left > 0; n++ {
		if want[n] == "" {
			want[n] = "keep"
			left--
		}
	}
	var js string
	b.eval(`document.getElementById("show").value="open"; document.getElementById("show").dispatchEvent(new Event("change")); document.activeElement.blur(); "x"`, &js)
	b.keys(strings.Repeat("k", 400)) // one after the other, each its own key
	left := 400
	for n := 1; n <= 2000 && left > 0; n++ {
		if want[n] == "" {
			want[n] = "keep"
			left--
		}
	}
	t.Logf("%d decisions in %s", len(want), time.Since(began).Round(time.Millisecond))
	b.run(chromedp.Click("#save", chromedp.ByID), chromedp.SendKeys("#words", "abandon ability able about", chromedp.ByID), chromedp.Click("#saveok", chromedp.ByID),
		chromedp.Poll(`document.getElementById("saveerror").textContent.includes("not the four words")`, nil))
	if entries, _ := os.ReadDir(b.downloads); len(entries) > 0 {
		t.Fatal("something was saved with other words")
	}
	b.shot("packet-refused")
	b.run(chromedp.Evaluate(`document.getElementById("words").value = ""`, nil), chromedp.SendKeys("#words", "  "+strings.ToUpper(f.Words)+" ", chromedp.ByID), chromedp.Click("#saveok", chromedp.ByID))
	data := b.download()
	a, err := handout.Read(data, func(string) (provisioning.ReviewPacket, []provisioning.ReviewItem, error) {
		return f.Packet, items, nil
	}, time.Now())
	if err != nil || !a.Signed {
		t.Fatal(err)
	}
	got := make(map[int]string)
	for _, d := range a.Decisions {
		got[d.Item] = string(d.Verdict)
	}
	if len(got) != len(want) {
		t.Errorf("%d decisions came back of %d", len(got), len(want))
	}
	for n, v := range want {
		if got[n] != v {
			t.Fatalf("item %d: %q, pressed %q", n, got[n], v)
		}
	}
	var answer struct{ Answer string }
	if err := json.Unmarshal(data, &answer); err != nil || !strings.Contains(answer.Answer, "who is <b>this</b>?") {
		t.Errorf("the question: %v", err)
	}
	for _, said := range b.complaints() {
		if !strings.HasPrefix(said, "dialog: keep for "+fmt.Sprint(like)+" more") {
			t.Error(said)
		}
	}
}

// TestHostileNames: whatever people are called, nothing of it runs, and each item is one line.
func TestHostileNames(t *testing.T) {
	corpus := append(namestest.Hostile(), `"><script>window.ran=1</script>`, `<img src=x onerror="window.ran=1">`, `javascript:window.ran=1`, `'-window.ran=1-'`)
	items := reviewItems(len(corpus))
	for i, s := range corpus {
		it := &items[i]
		it.Account, it.Name, it.Office, it.Library, it.Object, it.Reason, it.UsedHow, it.By, it.Alarms, it.Walls = s, s, s, s, s, s, s, s, []string{s}, []string{s}
	}
	b := open(t, packetOf(t, items).Data, 1280, false)
	b.keys("krk")
	var ran bool
	var rows int
	b.eval(`window.ran === 1`, &ran)
	b.eval(`document.querySelectorAll("#items tbody tr").length`, &rows)
	if ran || rows != len(corpus) {
		t.Errorf("ran %t, %d lines of %d", ran, rows, len(corpus))
	}
	b.quiet()
}

// TestPacketIsAccessible: axe finds nothing, wide, narrow and dark, with decisions taken and with each dialog open.
func TestPacketIsAccessible(t *testing.T) {
	data := packetOf(t, reviewItems(60)).Data
	for _, c := range []struct {
		name  string
		width int
		dark  bool
	}{{"wide", 1280, false}, {"narrow", 420, false}, {"dark", 1280, true}} {
		t.Run(c.name, func(t *testing.T) {
			b := open(t, data, c.width, c.dark)
			b.accessible()
			b.keys("krr")
			b.accessible()
			b.shot("packet-" + c.name)
			for _, dialog := range []string{"help", "save"} {
				b.run(chromedp.Click("#"+dialog, chromedp.ByID))
				b.accessible()
				b.shot("packet-" + c.name + "-" + dialog)
				b.run(chromedp.Click(map[string]string{"help": "#helpclose", "save": "#savecancel"}[dialog], chromedp.ByID))
			}
			b.quiet()
		})
	}
}

// TestPacketPrints: the page prints on A4, and nothing is cut off at its side.
func TestPacketPrints(t *testing.T) {
	b := open(t, packetOf(t, reviewItems(120)).Data, 1280, false)
	b.keys("krk")
	onA4(t, b.printed(), "Person Number 119")
	b.quiet()
}

// onA4 holds a PDF's pages to A4, either way up, and wants a text in it.
func onA4(t *testing.T, pdf []byte, want string) (pages int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "page.pdf")
	if err := os.WriteFile(file, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := exec.Command("pdfinfo", "-l", "-1", file).Output()
	if err != nil {
		t.Fatal("pdfinfo is needed: testdata/run.sh installs it where it may: ", err)
	}
	sizes := regexp.MustCompile(`Page +\d+ size: +([\d.]+) x ([\d.]+) pts`).FindAllSubmatch(info, -1)
	for _, m := range sizes {
		if w := string(m[1]) + "x" + string(m[2]); !strings.HasPrefix(w, "594") && !strings.HasPrefix(w, "595") && !strings.HasPrefix(w, "841") {
			t.Errorf("a page of %s", w)
		}
	}
	text, err := exec.Command("pdftotext", "-layout", file, "-").Output()
	if err != nil || !bytes.Contains(text, []byte(want)) {
		t.Errorf("%q is not printed: %v", want, err)
	}
	return len(sizes)
}
