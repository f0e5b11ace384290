// Package browser_test holds the tests of the pages that rollcall writes, in a real headless Chromium: that a reviewer's page decides and signs
// by keyboard alone, that nothing foreign runs in any page, that they can be used with a screen reader and print on A4. It is a module of
// its own: the program carries nothing of what drives a browser.
package browser_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

//go:embed testdata/axe.min.js
var axe string

// tab is a page in a browser without a network, opened from a file as whoever gets it opens it. What the page says that it should not is
// kept: an exception, an error or a refused policy on its console, a dialog of the browser's, a request. quiet fails the test for it.
type tab struct {
	t         *testing.T
	ctx       context.Context
	downloads string
	mu        sync.Mutex
	saved     chan string
	said      []string
}

// open opens a page in a browser of its own, that ends with the test. width is that of the window in pixels; no page is opened twice in one
// profile.
func open(t *testing.T, file []byte, width int, dark bool) *tab {
	t.Helper()
	chromium := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil && chromium == "" {
			chromium = path
		}
	}
	if chromium == "" {
		t.Fatal("chromium is needed: testdata/run.sh installs it where it may")
	}
	dir, err := os.MkdirTemp("", "rollcall-browser")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // a browser that ends writes to its profile still
	path := filepath.Join(dir, "page.html")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.DisableGPU,
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND"), chromedp.UserDataDir(filepath.Join(dir, "profile")), chromedp.WindowSize(width, 900))
	if os.Geteuid() == 0 || os.Getenv("CI") == "true" { // the sandbox wants user namespaces, and not to be root
		options = append(options, chromedp.NoSandbox)
	}
	if dark {
		options = append(options, chromedp.Flag("blink-settings", "preferredColorScheme=0"))
	}
	alloc, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(alloc, chromedp.WithErrorf(func(string, ...any) {})) // it complains of events that it does not know yet
	t.Cleanup(func() { _ = chromedp.Cancel(ctx); end() })
	ctx, late := context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(late)
	b := &tab{t: t, ctx: ctx, downloads: filepath.Join(dir, "saved"), saved: make(chan string, 8)}
	chromedp.ListenTarget(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			b.say("threw: " + ev.ExceptionDetails.Error())
		case *log.EventEntryAdded:
			b.say(string(ev.Entry.Level) + ": " + ev.Entry.Text)
		case *page.EventJavascriptDialogOpening:
			b.say("dialog " + string(ev.Type) + ": " + ev.Message)
			go func() { _ = chromedp.Run(ctx, page.HandleJavaScriptDialog(true)) }()
		case *runtime.EventConsoleAPICalled:
			if ev.Type == runtime.APITypeError || ev.Type == runtime.APITypeWarning || ev.Type == runtime.APITypeAssert {
				b.say("console " + string(ev.Type))
			}
		case *network.EventRequestWillBeSent:
			if scheme, _, _ := strings.Cut(ev.Request.URL, ":"); scheme != "file" && scheme != "blob" && scheme != "data" {
				b.say("asked for " + ev.Request.URL)
			}
		case *browser.EventDownloadProgress:
			if ev.State == browser.DownloadProgressStateCompleted {
				b.saved <- ev.GUID
			}
		}
	})
	b.run(log.Enable(), network.Enable(), browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllowAndName).WithDownloadPath(b.downloads).WithEventsEnabled(true),
		chromedp.Navigate("file://"+path))
	return b
}

func (b *tab) say(s string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said = append(b.said, s)
}

// complaints are what was kept so far, in its order.
func (b *tab) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.said...)
}

// quiet fails the test for each complaint.
func (b *tab) quiet() {
	b.t.Helper()
	if said := b.complaints(); len(said) > 0 {
		b.t.Errorf("the page says: %s", strings.Join(said, "\n"))
	}
}

// run runs actions on the page, or fails the test.
func (b *tab) run(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// keys types, each letter a key that goes down with its text and up, as a keyboard's does: what a page does with a key going down may keep the
// text from coming.
func (b *tab) keys(text string) { b.t.Helper(); b.press(text, 0) }

// press types with a modifier held.
func (b *tab) press(text string, held input.Modifier) {
	b.t.Helper()
	var actions []chromedp.Action
	for _, r := range text {
		var down *input.DispatchKeyEventParams
		for _, e := range kb.Encode(r) {
			switch e.Type {
			case input.KeyChar:
				down.Text, down.UnmodifiedText = e.Text, e.UnmodifiedText
				continue
			case input.KeyDown:
				down = e
			default:
			}
			e.Modifiers |= held
			actions = append(actions, e)
		}
	}
	b.run(actions...)
}

// download waits for the file that the page saves.
func (b *tab) download() []byte {
	b.t.Helper()
	select {
	case name := <-b.saved:
		data, err := os.ReadFile(filepath.Join(b.downloads, name))
		if err != nil {
			b.t.Fatal(err)
		}
		return data
	case <-b.ctx.Done():
		b.t.Fatal("nothing was saved")
		return nil
	}
}

// accessible runs axe over the page as it stands, and wants no violation of WCAG 2.1 A and AA, nor of its best practices.
func (b *tab) accessible() {
	b.t.Helper()
	var raw string
	b.run(chromedp.Evaluate(axe+"; 0", nil), chromedp.Evaluate(
		`axe.run(document, {runOnly: ["wcag2a","wcag2aa","wcag21a","wcag21aa","best-practice"]}).then(r => JSON.stringify({passes: r.passes.length, bad: r.violations.map(v => [v.id, v.help, v.nodes.slice(0, 3).map(n => n.html + " :: " + n.failureSummary)])}))`,
		&raw, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	var result struct {
		Passes int
		Bad    []json.RawMessage
	}
	if err := json.Unmarshal([]byte(raw), &result); err != nil || result.Passes < 10 {
		b.t.Fatalf("axe looked at %d rules: %v", result.Passes, err)
	}
	for _, v := range result.Bad {
		b.t.Errorf("%s", v)
	}
}

// printed prints the page as its own style says, and gives the PDF.
func (b *tab) printed() []byte {
	b.t.Helper()
	var pdf []byte
	b.run(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		pdf, _, err = page.PrintToPDF().WithPreferCSSPageSize(true).WithPrintBackground(true).Do(ctx)
		return err
	}))
	return pdf
}

// shot keeps a picture where SHOTS names a folder: for looking at, not for a test.
func (b *tab) shot(name string) {
	dir := os.Getenv("SHOTS")
	if dir == "" {
		return
	}
	var png []byte
	b.run(chromedp.CaptureScreenshot(&png))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		b.t.Fatal(err)
	}
}
