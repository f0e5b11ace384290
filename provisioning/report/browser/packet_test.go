package browser_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/xuri/excelize/v2"

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

func packetInput(items []provisioning.ReviewItem) handout.Input {
	now := time.Now()
	return handout.Input{
		Campaign: &provisioning.Campaign{ID: 3, Name: "Fourth quarter", State: provisioning.CampaignOpen, SnapshotAt: now.Add(-time.Hour), Stages: []provisioning.ReviewStage{{Name: "first stage", Due: now.AddDate(0, 0, 14)}}},
		Firm:     "A firm", Reviewer: provisioning.Reviewer{Key: "boss@firm.example", Name: "The Partner"}, Items: items, MadeBy: "l.ortiz", Now: now, Expires: now.AddDate(0, 1, 0), Format: handout.HTML, Rand: rand.Reader,
	}
}

func packetOf(t *testing.T, items []provisioning.ReviewItem) *handout.File {
	t.Helper()
	return packetFrom(t, packetInput(items))
}

func packetFrom(t *testing.T, in handout.Input) *handout.File {
	t.Helper()
	f, err := handout.Make(in)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// readBack reads what a page saved, as the desk does.
func readBack(f *handout.File, items []provisioning.ReviewItem, data []byte) (*handout.Answer, error) {
	return handout.Read(data, func(id string) (provisioning.ReviewPacket, []provisioning.ReviewItem, error) {
		if id != f.Packet.ID {
			return provisioning.ReviewPacket{}, nil, &provisioning.Error{Code: provisioning.NotFound, Message: "no such packet"}
		}
		return f.Packet, items, nil
	}, time.Now())
}

// presser presses keys on a page, and knows by another route what they decide.
type presser struct {
	*tab
	items []provisioning.ReviewItem
	want  map[int]handout.Decision // by item number
	at    int                      // the line under the cursor, from 0
}

// took notes what a list of lines became, and where the cursor goes: to the next undecided line, from the top where none is below.
func (p *presser) took(verdict provisioning.ReviewVerdict, reason string, lines ...int) {
	for _, i := range lines {
		p.want[p.items[i].N] = handout.Decision{Item: p.items[i].N, Verdict: verdict, Reason: reason}
	}
	for k := range p.items {
		if i := (p.at + 1 + k) % len(p.items); p.open(i) {
			p.at = i
			return
		}
	}
}

func (p *presser) open(i int) bool { _, ok := p.want[p.items[i].N]; return !ok }

// same presses S and says yes; it decides the undecided lines like the last one that was decided.
func (p *presser) same(like int) {
	d := p.want[p.items[like].N]
	var lines []int
	for i := range p.items {
		if p.open(i) && p.items[i].Object == p.items[like].Object && p.items[i].Standing == p.items[like].Standing {
			lines = append(lines, i)
		}
	}
	p.keys("s")
	if len(lines) > 0 {
		p.keys("\r")
		p.took(d.Verdict, d.Reason, lines...)
	}
}

func (p *presser) shift(key string) { p.t.Helper(); p.press(key, input.ModifierShift) }

// TestReviewByKeyboard: 2,000 decisions are taken by keyboard in the page as a reviewer opens it, from a file and without a network; the
// words sign them, and what comes back is what was pressed. Other words save nothing, and what was changed since is refused. A key is
// answered within a frame.
func TestReviewByKeyboard(t *testing.T) {
	items := reviewItems(2000)
	f := packetOf(t, items)
	b := open(t, f.Data, 1280, false)
	b.shot("packet")
	p := &presser{tab: b, items: items, want: make(map[int]handout.Decision)}
	began := time.Now()
	p.keys("k")
	p.took(provisioning.ReviewKeep, "", 0)
	p.keys("r")
	p.took(provisioning.ReviewRevoke, "", 1)
	p.keys("awho is <b>this</b>, kept or revoked?\r") // in the question, letters are letters
	p.took(provisioning.ReviewAsk, "who is <b>this</b>, kept or revoked?", 2)
	for range 3 { // a range
		p.shift(kb.ArrowDown)
		p.at++
	}
	p.keys("r")
	p.took(provisioning.ReviewRevoke, "", 3, 4, 5, 6)
	p.keys("k" + kb.ArrowUp + "eseen on 3 March\r")
	p.took(provisioning.ReviewKeep, "seen on 3 March", 7)
	p.at = 7 // a reason moves nothing
	p.same(7)
	first := p.at
	p.keys("  ") // two are marked, which need not be neighbours
	p.keys(kb.ArrowDown + " ")
	p.at += 4
	p.shift("R")
	p.keys("left the team\r")
	p.took(provisioning.ReviewRevoke, "left the team", first, first+1, first+3)
	p.keys("u") // all of it is taken back
	for _, i := range []int{first, first + 1, first + 3} {
		delete(p.want, items[i].N)
	}
	p.at = first
	p.keys("jk")
	p.at++
	p.took(provisioning.ReviewKeep, "", p.at)
	for len(p.want) < len(items) {
		verdict, key := provisioning.ReviewKeep, "k"
		if len(p.want)%2 == 0 {
			verdict, key = provisioning.ReviewRevoke, "r"
		}
		like := p.at
		p.keys(key)
		p.took(verdict, "", like)
		p.same(like)
	}
	t.Logf("%d decisions in %s", len(p.want), time.Since(began).Round(time.Millisecond))
	if said := ask[string](b, `document.getElementById("count").textContent`); !strings.HasPrefix(said, "0 to decide") {
		t.Errorf("the page says %q", said)
	}
	b.shot("packet-done")
	took := ask[[]float64](b, `(() => { // from a key to the new layout, of keys that change nothing in the end
		const took = [];
		for (let i = 0; i < 120; i++) for (const key of ["k", "u", "ArrowDown"]) {
			const began = performance.now();
			document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
			document.querySelector("tr.now").getBoundingClientRect();
			took.push(performance.now() - began);
		}
		return took.sort((a, b) => a - b);
	})()`)
	t.Logf("a key takes %.1f ms, one in a hundred %.1f ms", took[len(took)/2], took[len(took)*99/100])
	if took[len(took)/2] > 16 {
		t.Errorf("a key takes %.1f ms: more than a frame", took[len(took)/2])
	}

	b.run(chromedp.Click("#save", chromedp.ByID))
	b.keys("abandon ability able about\r")
	b.run(chromedp.Poll(`document.getElementById("saveerror").textContent.includes("not the four words")`, nil))
	if entries, _ := os.ReadDir(b.downloads); len(entries) > 0 {
		t.Fatal("something was saved with other words")
	}
	b.shot("packet-refused")
	b.keys("  " + strings.ToUpper(f.Words) + " \r") // the wrong ones are selected: this takes their place
	data := b.download()
	a, err := readBack(f, items, data)
	if err != nil || !a.Signed || time.Since(a.MadeAt).Abs() > time.Hour {
		t.Fatalf("%+v, %v", a, err)
	}
	if len(a.Decisions) != len(p.want) {
		t.Errorf("%d decisions came back of %d", len(a.Decisions), len(p.want))
	}
	for _, d := range a.Decisions {
		if d != p.want[d.Item] {
			t.Fatalf("item %d: %+v, pressed %+v", d.Item, d, p.want[d.Item])
		}
	}
	tamper(t, f, items, data)
	b.run(chromedp.WaitVisible("#donebox", chromedp.ByID))
	b.shot("packet-saved")
	b.quiet()
}

// TestAPageOfAWalk answers a page as somebody does who keeps all but one: a key a line. The page is that of the review that the walk of the
// built program is in the middle of, whose answer it goes on with (ROLLCALL_PAGE, ROLLCALL_WORDS, ROLLCALL_ANSWER); else one of its own.
func TestAPageOfAWalk(t *testing.T) {
	words, answer := os.Getenv("ROLLCALL_WORDS"), os.Getenv("ROLLCALL_ANSWER")
	var data []byte
	items := reviewItems(40)
	own := packetOf(t, items)
	if path := os.Getenv("ROLLCALL_PAGE"); path != "" {
		var err error
		if data, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	} else {
		data, words = own.Data, own.Words
	}
	b := open(t, data, 1280, false)
	left := func() (n int) {
		said := ask[string](b, `document.getElementById("count").textContent`)
		if _, err := fmt.Sscanf(strings.ReplaceAll(said, ",", ""), "%d to decide", &n); err != nil {
			t.Fatalf("the page says %q", said)
		}
		return n
	}
	all := left()
	team := func() bool { // the line is of a team's group, which may be taken without an account's end, and nothing on it warns
		return ask[bool](b, `(r => /(DEAL|TEAM)-/.test(r.querySelector("td.access").textContent) && !r.dataset.care)(document.querySelector("tr.now"))`)
	}
	for i := 0; i < all && !team(); i++ {
		b.keys(kb.ArrowDown)
	}
	b.keys("r")
	b.keys(strings.Repeat("k", all-1))
	if n := left(); n != 0 {
		t.Fatalf("%d of %d are left", n, all)
	}
	b.run(chromedp.Click("#save", chromedp.ByID))
	b.keys(words + "\r")
	saved := b.download()
	b.quiet()
	if answer != "" {
		if err := os.WriteFile(answer, saved, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d decisions, a key each", all)
		return
	}
	a, err := readBack(own, items, saved)
	if err != nil || !a.Signed || len(a.Decisions) != all {
		t.Fatalf("%+v, %v", a, err)
	}
	if n := len(slices.DeleteFunc(slices.Clone(a.Decisions), func(d handout.Decision) bool { return d.Verdict == provisioning.ReviewKeep })); n != 1 || a.Decisions[1].Verdict != provisioning.ReviewRevoke {
		t.Errorf("%d are not kept: %+v", n, a.Decisions)
	}
}

// tamper changes each field of a page's own answer, once: none is taken.
func tamper(t *testing.T, f *handout.File, items []provisioning.ReviewItem, data []byte) {
	t.Helper()
	var file struct {
		Answer    string `json:"answer"`
		Signature []byte `json:"signature"`
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(file.Answer), &fields); err != nil || len(fields) != 7 {
		t.Fatalf("%d fields, %v", len(fields), err)
	}
	try := func(what, answer string, signature []byte) {
		t.Helper()
		bent, err := json.Marshal(map[string]any{"answer": answer, "signature": signature})
		if err != nil {
			t.Fatal(err)
		}
		if a, err := readBack(f, items, bent); err == nil {
			t.Errorf("%s: taken, with %d decisions", what, len(a.Decisions))
		}
	}
	for name, value := range map[string]string{
		"format": "2", "packet": `"another"`, "campaign": "4", "reviewer": `"x@firm.example"`, "hash": `"00"`, "made_at": `"2020-01-01T00:00:00Z"`, "decisions": `[{"n":1,"verdict":"revoke"}]`,
	} {
		was := fmt.Sprintf("%q:%s", name, fields[name])
		if strings.Count(file.Answer, was) != 1 {
			t.Fatalf("%s is not in the answer once", was)
		}
		try(name, strings.Replace(file.Answer, was, fmt.Sprintf("%q:%s", name, value), 1), file.Signature)
	}
	try("a verdict", strings.Replace(file.Answer, `"verdict":"revoke"`, `"verdict":"keep"`, 1), file.Signature)
	try("a reason", strings.Replace(file.Answer, "3 March", "4 March", 1), file.Signature)
	try("a space", file.Answer+" ", file.Signature)
	for i := range file.Signature {
		bent := slices.Clone(file.Signature)
		bent[i] ^= 1
		try("the signature", file.Answer, bent)
	}
	try("no signature", file.Answer, nil)
}

// TestReviewByMouse: what keys do, a mouse does too.
func TestReviewByMouse(t *testing.T) {
	b := open(t, packetOf(t, reviewItems(40)).Data, 1280, false)
	row := func(n int, what string) string { return fmt.Sprintf(`#items tr[data-n="%d"] %s`, n, what) }
	count := func(want string) {
		t.Helper()
		if said := ask[string](b, `document.getElementById("count").textContent`); said != want {
			t.Fatalf("the page says %q, not %q", said, want)
		}
	}
	click := func(selector string) { t.Helper(); b.run(chromedp.Click(selector, chromedp.ByQuery)) }
	click(row(2, "[data-v=revoke]"))
	count("39 to decide, 0 kept, 1 revoked, 0 asked")
	click(row(2, "[data-v=revoke]")) // once more takes it back
	count("40 to decide, 0 kept, 0 revoked, 0 asked")
	click(row(3, "input"))
	b.run(chromedp.Evaluate(fmt.Sprintf(`document.querySelector('%s').dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true, shiftKey: true}))`, row(5, "input")), nil))
	click("[data-act=keep]") // 3 to 5
	count("37 to decide, 3 kept, 0 revoked, 0 asked")
	click(row(4, "th"))
	click("[data-act=same]")
	click("#sameok")
	alike := 0
	for _, it := range reviewItems(40) {
		if it.N != 4 && it.Object == "TEAM-3" && it.Standing == provisioning.StandsBirthright {
			alike++
		}
	}
	count(fmt.Sprintf("%d to decide, %d kept, 0 revoked, 0 asked", 37-alike, 3+alike))
	click("[data-act=undo]")
	count("37 to decide, 3 kept, 0 revoked, 0 asked")
	click(row(8, "[data-v=ask]"))
	click("#reasonok") // without a question: the box stays
	b.run(chromedp.WaitVisible("#reasonerror", chromedp.ByID), chromedp.SendKeys("#reason", "Who?", chromedp.ByID))
	click("#reasonok")
	count("36 to decide, 3 kept, 0 revoked, 1 asked")
	b.run(chromedp.SetValue("#show", "ask", chromedp.ByID), chromedp.Evaluate(`document.getElementById("show").dispatchEvent(new Event("change"))`, nil))
	if shown := ask[int](b, `document.querySelectorAll("#items tbody tr:not([hidden])").length`); shown != 1 {
		t.Errorf("%d lines are shown of those that ask", shown)
	}
	click("#all")
	click("[data-act=revoke]")
	count("36 to decide, 3 kept, 1 revoked, 0 asked")
	b.quiet()
}

// TestByTabAlone: the tab key reaches every control above the table, the line under the cursor, and the page's end: nothing holds it. With the
// letters switched off they do nothing.
func TestByTabAlone(t *testing.T) {
	b := open(t, packetOf(t, reviewItems(300)).Data, 1280, false)
	var met []string
	for range 40 {
		b.keys("\t")
		at := ask[string](b, `(e => e === document.body ? "" : e.id || e.dataset.act || e.dataset.v || e.className || e.tagName)(document.activeElement)`)
		if at == "" || (len(met) > 0 && at == met[0]) {
			break
		}
		met = append(met, at)
	}
	if got := strings.Join(met, " "); got != "skip help drafts save keep revoke ask reason same find show all INPUT keep revoke ask TH" {
		t.Errorf("tab goes %s", got)
	}
	b.run(chromedp.Click("#help", chromedp.ByID), chromedp.Click("#letters", chromedp.ByID), chromedp.Click("#helpclose", chromedp.ByID))
	b.keys("kkr")
	if said := ask[string](b, `document.getElementById("count").textContent`); !strings.HasPrefix(said, "300 to decide") {
		t.Errorf("letters decide though they are off: %q", said)
	}
	b.quiet()
}

// TestDraft: what was decided survives the page as a draft, which is no answer; a draft of another page changes nothing. To leave without
// either asks first.
func TestDraft(t *testing.T) {
	items := reviewItems(30)
	f := packetOf(t, items)
	b := open(t, f.Data, 1280, false)
	b.keys("krawhy?\r")
	b.run(chromedp.Click("#drafts", chromedp.ByID), chromedp.Click("#keepdraft", chromedp.ByID))
	draft := filepath.Join(t.TempDir(), "draft.json")
	data := b.download()
	if err := os.WriteFile(draft, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readBack(f, items, data); err == nil || !strings.Contains(err.Error(), "draft") {
		t.Errorf("a draft as an answer: %v", err)
	}
	b.run(chromedp.Reload()) // saved: nobody asks
	b.quiet()
	count := func() string { return ask[string](b, `document.getElementById("count").textContent`) }
	b.run(chromedp.Click("#drafts", chromedp.ByID), chromedp.SetUploadFiles("#draft", []string{draft}, chromedp.ByID), chromedp.WaitNotVisible("#draftbox", chromedp.ByID))
	if said := count(); said != "27 to decide, 1 kept, 1 revoked, 1 asked" {
		t.Errorf("the draft gives %q", said)
	}
	b.keys("k")
	b.run(chromedp.Reload())
	if said := b.complaints(); len(said) != 1 || !strings.HasPrefix(said[0], "dialog beforeunload") {
		t.Errorf("to leave undecided says %q", said)
	}
	other := open(t, packetOf(t, items).Data, 1280, false)
	other.run(chromedp.Click("#drafts", chromedp.ByID), chromedp.SetUploadFiles("#draft", []string{draft}, chromedp.ByID), chromedp.WaitVisible("#drafterror", chromedp.ByID))
	if said := ask[string](other, `document.getElementById("count").textContent`); !strings.HasPrefix(said, "30 to decide") {
		t.Errorf("a draft of another page gives %q", said)
	}
	other.quiet()
}

// TestWithoutSigning: a browser that cannot sign says so at once, and names the workbook.
func TestWithoutSigning(t *testing.T) {
	b := open(t, packetOf(t, reviewItems(5)).Data, 1280, false)
	b.run(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(`Object.defineProperty(Crypto.prototype, "subtle", {get: () => undefined})`).Do(ctx)
		return err
	}), chromedp.Reload(), chromedp.WaitVisible("#nosign", chromedp.ByID))
	if !ask[bool](b, `document.getElementById("save").disabled && document.getElementById("nosign").textContent.includes("XLSX")`) {
		t.Error("it offers to sign, or no other way")
	}
	b.quiet()
}

// TestHostileNames: whatever people, groups, the firm and the reviewer are called, nothing of it runs, each item is one line, and the answer
// can be signed and taken.
func TestHostileNames(t *testing.T) {
	corpus := append(namestest.Hostile(), `"><script>window.ran=1</script>`, `<img src=x onerror="window.ran=1">`, `javascript:window.ran=1`, `'-window.ran=1-'`, `</script><script>window.ran=1</script>`, `</style><svg onload=window.ran=1>`, `<!--`, `]]>`)
	items := reviewItems(len(corpus))
	prior := make(map[int]handout.Prior)
	for i, s := range corpus {
		it := &items[i]
		it.Account, it.Name, it.Email, it.Office, it.Practice, it.Title, it.Library, it.Object, it.Role = s, s, s, s, s, s, s, s, s
		it.Reason, it.UsedHow, it.By, it.Alarms, it.Walls, it.Standing = s, s, s, []string{s}, []string{s}, provisioning.StandsException
		it.Kind = []string{provisioning.ReviewLibrary, provisioning.ReviewGroup, provisioning.ReviewGlobalRole, provisioning.ReviewAccount}[i%4]
		prior[it.N] = handout.Prior{Verdict: provisioning.ReviewKeep, Reviewer: s, Reason: s}
	}
	in := packetInput(items)
	all := strings.Join(corpus, "")
	in.Prior, in.Firm, in.Campaign.Name, in.Campaign.Stages[0].Name, in.Campaign.Warnings, in.MadeBy = prior, `<script>window.ran=1</script>`, `</title><script>window.ran=1</script>`, all, corpus, all
	in.Reviewer.Name, in.Reviewer.Key = `<img src=x onerror=window.ran=1>`, "\"\x00\r'><script>window.ran=1</script>\u202e"
	f := packetFrom(t, in)
	b := open(t, f.Data, 1280, false)
	b.keys("krksa<script>window.ran=1</script>\r?")
	b.run(chromedp.Evaluate(`for (const e of document.querySelectorAll("*")) for (const kind of ["mouseover", "focus", "load", "error"]) e.dispatchEvent(new Event(kind)); 0`, nil))
	if ran, rows, scripts := ask[bool](b, `"ran" in window`), ask[int](b, `document.querySelectorAll("#items tbody tr").length`), ask[int](b, `document.scripts.length`); ran || rows != len(corpus) || scripts != 1 {
		t.Errorf("ran %t, %d lines of %d, %d scripts", ran, rows, len(corpus), scripts)
	}
	shown := ask[[]string](b, `Array.from(document.querySelectorAll("#items tbody tr"), (r) => r.textContent)`)
	for i, text := range shown {
		if strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 && r != '\n' || r >= 0x7f && r < 0xa0 || r == 0x202e }) {
			t.Errorf("line %d shows a control: %q", i+1, text)
		}
	}
	b.run(chromedp.Click("#helpclose", chromedp.ByID), chromedp.Click("#save", chromedp.ByID))
	b.keys(f.Words + "\r")
	if a, err := readBack(f, items, b.download()); err != nil || len(a.Decisions) < 4 {
		t.Errorf("%+v, %v", a, err)
	}
	b.quiet()
}

// TestPacketIsAccessible: axe finds nothing, wide, narrow and dark, with decisions taken and with each dialog open; and nothing is wider than
// the window.
func TestPacketIsAccessible(t *testing.T) {
	in := packetInput(reviewItems(12))
	in.Campaign.Warnings = []string{"The directory was read 3 hours before the review began."}
	in.Prior = map[int]handout.Prior{2: {Verdict: provisioning.ReviewRevoke, Reviewer: "the help desk", Reason: "moved"}}
	data := packetFrom(t, in).Data
	for _, c := range []struct {
		name  string
		width int64
		dark  string
	}{{"wide", 1280, "light"}, {"narrow", 400, "light"}, {"dark", 1280, "dark"}} {
		t.Run(c.name, func(t *testing.T) {
			b := open(t, data, 1280, false)
			b.look(c.width, "screen", c.dark)
			b.shot("packet-" + c.name)
			b.keys("krr axwhy this?\rewhy\r")
			b.accessible()
			b.shot("packet-" + c.name + "-decided")
			if over := ask[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
				t.Errorf("the page is %d pixels wider than the window", over)
			}
			for opener, box := range map[string]string{"#help": "helpbox", "#save": "savebox", "#drafts": "draftbox", "[data-act=ask]": "reasonbox"} {
				b.run(chromedp.Click(opener, chromedp.ByQuery), chromedp.WaitVisible("#"+box, chromedp.ByID))
				b.accessible()
				b.shot("packet-" + c.name + "-" + box)
				b.keys(kb.Escape)
				b.run(chromedp.WaitNotVisible("#"+box, chromedp.ByID))
			}
			b.quiet()
		})
	}
}

// TestPacketPrints: the page prints on A4 with its decisions, each line once, and nothing goes over the paper's side.
func TestPacketPrints(t *testing.T) {
	items := reviewItems(120)
	items[50].Name, items[50].Object = strings.Repeat("Longname", 12), strings.Repeat("LONGGROUP", 12)
	b := open(t, packetOf(t, items).Data, 1280, false)
	b.keys("krk")
	pdf := b.printed()
	if pages := onA4(t, pdf, "Person Number 119"); pages < 4 || pages > 20 {
		t.Errorf("%d pages of 120 lines", pages)
	}
	file := filepath.Join(t.TempDir(), "packet.pdf")
	if err := os.WriteFile(file, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	met := make(map[string]int)
	for i, p := range words(t, file) {
		for _, w := range p.words {
			if w.left < 28 || w.right > p.width-28 {
				t.Errorf("on page %d %q is at %.0f…%.0f of %.0f", i+1, w.text, w.left, w.right, p.width)
			}
			met[w.text]++
		}
	}
	for _, it := range items {
		if met[it.Account] != 1 {
			t.Errorf("%s is printed %d times", it.Account, met[it.Account])
		}
	}
	if met["☑"] != 3 || met["☐"] != 3*120-3 {
		t.Errorf("%d decisions are ticked, and %d are not", met["☑"], met["☐"])
	}
	if dir := os.Getenv("SHOTS"); dir != "" {
		_ = os.WriteFile(filepath.Join(dir, "packet.pdf"), pdf, 0o600)
	}
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

// TestWorkbookThroughAnOfficeProgram: a workbook that was filled in, opened and saved by LibreOffice is read as it was filled in, whatever the
// people in it are called, and holds no formula.
func TestWorkbookThroughAnOfficeProgram(t *testing.T) {
	corpus := append(namestest.Hostile(), "=1+1", "@SUM(1)", "_x0041_", "0012", "1e5", "3/4", "TRUE")
	items := reviewItems(len(corpus))
	for i, s := range corpus {
		items[i].Account, items[i].Name, items[i].Object, items[i].Title, items[i].Walls = s, s, s, s, []string{s}
	}
	in := packetInput(items)
	in.Format = handout.XLSX
	f := packetFrom(t, in)
	x, err := excelize.OpenReader(bytes.NewReader(f.Data))
	if err != nil {
		t.Fatal(err)
	}
	var want []handout.Decision
	for i, it := range items {
		d := handout.Decision{Item: it.N, Verdict: []provisioning.ReviewVerdict{provisioning.ReviewKeep, provisioning.ReviewRevoke, provisioning.ReviewAsk}[i%3]}
		if d.Verdict != provisioning.ReviewKeep {
			d.Reason = fmt.Sprintf("because of %d", i)
		}
		want = append(want, d)
		_ = x.SetCellStr("Access review", fmt.Sprintf("N%d", 6+i), string(d.Verdict))
		_ = x.SetCellStr("Access review", fmt.Sprintf("O%d", 6+i), d.Reason)
	}
	dir := t.TempDir()
	if err := x.SaveAs(filepath.Join(dir, "answer.xlsx")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "soffice", "-env:UserInstallation=file://"+filepath.Join(dir, "profile"), "--headless", "--convert-to", "xlsx", "--outdir", filepath.Join(dir, "saved"), filepath.Join(dir, "answer.xlsx"))
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("soffice is needed: testdata/run.sh installs it where it may: %v: %s", err, said)
	}
	data, err := os.ReadFile(filepath.Join(dir, "saved", "answer.xlsx"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := readBack(f, items, data)
	if err != nil {
		t.Fatal(err)
	}
	if a.Signed || !slices.Equal(a.Decisions, want) {
		t.Errorf("%d decisions of %d, signed %t", len(a.Decisions), len(want), a.Signed)
	}
}
