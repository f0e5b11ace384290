package browser_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"rollcall/provisioning"
	"rollcall/provisioning/report"
)

// pageOf writes a book as a page.
func pageOf(t *testing.T, b *report.Book) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := report.WriteHTML(&out, b); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// ask evaluates an expression on a page, and waits for it where it is a promise.
func ask[T any](b *tab, expression string) (answer T) {
	b.t.Helper()
	b.run(chromedp.Evaluate(expression, &answer, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	return answer
}

// look sets what a page is shown on.
func (b *tab) look(width int64, media, scheme string) {
	b.t.Helper()
	b.run(emulation.SetDeviceMetricsOverride(width, 900, 1, false),
		emulation.SetEmulatedMedia().WithMedia(media).WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
}

// TestThePageObeysNothing opens the corpus in a browser: no script ran or is there, no handler, no element that is not ours, no link that
// leads away, nothing was fetched; and every text is there to be read.
func TestThePageObeysNothing(t *testing.T) {
	b := open(t, pageOf(t, hostile(t)), 1280, false)
	type seen struct {
		Canary, Scripts, Handlers, Styled, Headings int
		Odd, Links, Fetched, Texts                  []string
	}
	got := ask[seen](b, `(() => {
		const all = [...document.querySelectorAll('*')];
		const known = new Set('HTML HEAD META TITLE STYLE BODY HEADER P H1 UL LI TIME SPAN NAV H2 OL A MAIN SECTION DL DIV DT DD TABLE CAPTION THEAD TR TH TBODY TD svg rect FOOTER'.split(' '));
		for (const e of all) for (const kind of ['mouseover', 'focus', 'click', 'load', 'error']) e.dispatchEvent(new Event(kind));
		return {
			canary: 'canary' in window ? 1 : 0,
			scripts: document.scripts.length,
			handlers: all.filter(e => e.getAttributeNames().some(n => n.startsWith('on') || n === 'style' || n === 'src')).length,
			styled: getComputedStyle(document.querySelector('table')).borderCollapse === 'collapse' ? 1 : 0,
			headings: document.querySelectorAll('h1').length,
			odd: all.filter(e => !known.has(e.tagName)).map(e => e.tagName),
			links: [...document.querySelectorAll('[href]')].map(e => e.getAttribute('href')),
			fetched: performance.getEntriesByType('resource').map(e => e.name),
			texts: [...document.querySelectorAll('#texts tbody tr')].map(e => e.children[1].textContent),
		};
	})()`)
	if got.Canary != 0 || got.Scripts != 0 || got.Handlers != 0 || got.Headings != 1 || len(got.Odd) > 0 {
		t.Errorf("the page has a canary (%d), scripts (%d), handlers (%d), first headings (%d), elements %q", got.Canary, got.Scripts, got.Handlers, got.Headings, got.Odd)
	}
	if got.Styled != 1 {
		t.Error("the page has no style: its policy does not let its own style in")
	}
	if strings.Join(got.Links, " ") != "#texts #wide" {
		t.Errorf("the links are %q", got.Links)
	}
	if len(got.Fetched) > 0 {
		t.Errorf("the page fetched %q", got.Fetched)
	}
	b.quiet()
	for i, raw := range corpus(t) {
		if got.Texts[i] != shown(raw) {
			t.Errorf("%q is there as %q, not as %q", raw, got.Texts[i], shown(raw))
		}
	}
	// the policy itself: a script that got in would not run, and a picture would not be fetched
	refused := ask[int](b, `new Promise(done => {
		let refused = 0;
		document.addEventListener('securitypolicyviolation', () => { if (++refused === 2) done(refused); });
		const script = document.createElement('script'); script.textContent = 'window.canary = 99'; document.body.append(script);
		const picture = new Image(); picture.src = 'http://127.0.0.1:9/x.png'; document.body.append(picture);
	})`)
	if refused != 2 || ask[bool](b, `'canary' in window`) {
		t.Errorf("the policy refused %d of a script and a picture, or the script ran", refused)
	}
}

// people is a book as a firm prints it: a table across the page, and one that stands upright, of so many rows. TE0012 and WE0012 are the last
// words of row 12's longest cell.
func people(rows int) *report.Book {
	made := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	b := &report.Book{Title: "Leavers and accounts", Firm: "Example & Partners LLP", By: "l.ortiz", Made: made, Notes: []string{"Made from a snapshot that was proven complete."}}
	tall := report.Table{
		Name: "leavers", Title: "Leavers", Firm: b.Firm, Made: made,
		Columns: []report.Column{
			{Key: "row", Title: "Tallrow", Kind: report.KindText},
			{Key: "left", Title: "Left", Kind: report.KindTime},
			{Key: "days", Title: "Days", Kind: report.KindNumber, Bar: true},
			{Key: "why", Title: "Why", Kind: report.KindText},
			{Key: "end", Title: "Tallend", Kind: report.KindText},
		},
	}
	wide := report.Table{Name: "accounts", Title: "Accounts", Firm: b.Firm, Made: made, Columns: []report.Column{{Key: "row", Title: "Widerow", Kind: report.KindText}}}
	for _, c := range []string{"Name", "Email", "Office", "Practice", "Title", "Libraries", "Groups"} {
		wide.Columns = append(wide.Columns, report.Column{Key: strings.ToLower(c), Title: c, Kind: report.KindText})
	}
	wide.Columns = append(
		wide.Columns,
		report.Column{Key: "price", Title: "Price", Kind: report.KindMoney}, report.Column{Key: "used", Title: "Last used", Kind: report.KindTime},
		report.Column{Key: "enabled", Title: "Enabled", Kind: report.KindBool}, report.Column{Key: "end", Title: "Wideend", Kind: report.KindText},
	)
	for i := range rows {
		tall.Rows = append(tall.Rows, []report.Cell{
			report.Text(fmt.Sprintf("TR%04d", i)), report.At(made.Add(-time.Duration(i) * 31 * time.Hour)), report.Number(int64(i % 97)),
			report.Text(strings.Repeat("Left by notice, and the account was open. ", i%6) + fmt.Sprintf("TE%04d", i)), report.Text("so it ends"),
		})
		wide.Rows = append(wide.Rows, []report.Cell{
			report.Text(fmt.Sprintf("WR%04d", i)), report.Text("Wilhelmina Featherstonehaugh-Cholmondeley"), report.Text("wilhelmina.featherstonehaugh@example.com"), report.Text("London"),
			report.Text("Litigation"), report.Text("Senior associate"), report.Text(strings.Repeat("LON-LITIGATION ", i%8) + fmt.Sprintf("WE%04d", i)), report.None(),
			report.Amount(provisioning.Money(i*1_00), "GBP"), report.At(made.Add(-time.Duration(i) * time.Hour)), report.Yes(i%2 == 0), report.Text("so it ends"),
		})
	}
	tall.Count("leavers")
	tall.Total("days in all", "days")
	wide.Total("a year", "price")
	b.Tables = []report.Table{tall, wide}
	return b
}

// TestThePageIsAccessible runs axe on the pages: light, dark, narrow and as printed.
func TestThePageIsAccessible(t *testing.T) {
	one := people(5)
	one.Tables = one.Tables[:1]
	few := hostile(t)
	few.Tables[0].Rows = few.Tables[0].Rows[:20] // axe takes its time, and an element is like the next
	few.Tables[0].Sums = nil
	type look struct {
		width         int64
		media, scheme string
	}
	day := look{1280, "screen", "light"}
	for _, c := range []struct {
		name  string
		book  *report.Book
		looks []look
	}{
		{"people", people(6), []look{day, {1280, "screen", "dark"}, {360, "screen", "light"}, {1032, "print", "dark"}}},
		{"one table", one, []look{day}},
		{"no rows", people(0), []look{day}},
		{"hostile", few, []look{day}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := open(t, pageOf(t, c.book), 1280, false)
			for i, l := range c.looks {
				b.look(l.width, l.media, l.scheme)
				b.accessible()
				b.shot(fmt.Sprintf("report-%s-%d", strings.ReplaceAll(c.name, " ", "-"), i))
			}
			b.quiet()
		})
	}
}

// TestThePagePrints on A4, by Chromium itself: each page is A4, nothing is beyond its margins, each page of a table begins with its header,
// and no row is cut in two.
func TestThePagePrints(t *testing.T) {
	const rows = 500
	for name, book := range map[string]*report.Book{"people": people(rows), "hostile": hostile(t)} {
		b := open(t, pageOf(t, book), 1280, false)
		pdf := b.printed()
		file := filepath.Join(t.TempDir(), "report.pdf")
		if err := os.WriteFile(file, pdf, 0o600); err != nil {
			t.Fatal(err)
		}
		pages := words(t, file)
		tall, across := 0, 0
		for i, p := range pages {
			switch {
			case near(p.width, 595) && near(p.height, 842):
				tall++
			case near(p.width, 842) && near(p.height, 595):
				across++
			default:
				t.Errorf("%s: page %d is %.1f × %.1f points, which is not A4", name, i+1, p.width, p.height)
			}
			const margin = 28 // 10 mm
			for _, w := range p.words {
				if w.left < margin || w.right > p.width-margin || w.top < margin || w.bottom > p.height-margin/2 { // the page's number is lower
					t.Errorf("%s: on page %d %q is at %.0f…%.0f, %.0f…%.0f", name, i+1, w.text, w.left, w.right, w.top, w.bottom)
				}
			}
		}
		if tall == 0 || across == 0 {
			t.Errorf("%s: %d pages upright and %d across: there should be both", name, tall, across)
		}
		if name == "people" {
			checkRows(t, pages, rows)
		}
		// nothing was made smaller to fit: the page's own width is enough, in CSS pixels, without its margins
		for width, section := range map[int64]string{695: "section.tall .scroll", 1032: "section.wide .scroll"} {
			b.look(width, "print", "light")
			over := ask[int](b, `Math.max(0, ...[...document.querySelectorAll('`+section+` *')].map(e => Math.ceil(e.getBoundingClientRect().right - document.documentElement.clientWidth)))`)
			if over > 1 {
				t.Errorf("%s: at the width of the paper, %d pixels, something is %d pixels too wide", name, width, over)
			}
		}
		b.quiet()
	}
}

// checkRows holds the pages of the two tables: every row once, whole on one page, under its table's header.
func checkRows(t *testing.T, pages []printed, rows int) {
	t.Helper()
	for _, table := range []struct{ start, end, head, foot string }{{"TR", "TE", "Tallrow", "Tallend"}, {"WR", "WE", "Widerow", "Wideend"}} {
		begun, with := map[string]int{}, 0
		mark := regexp.MustCompile(`^(` + table.start + `|` + table.end + `)([0-9]{4})$`)
		for i, p := range pages {
			header, first := map[string]float64{}, p.height
			for _, w := range p.words {
				if w.text == table.head || w.text == table.foot {
					header[w.text] = w.top
				}
				if m := mark.FindStringSubmatch(w.text); m != nil {
					first = min(first, w.top)
					switch page, ok := begun[m[2]]; {
					case !ok:
						begun[m[2]] = i
					case page != i:
						t.Errorf("row %s is on pages %d and %d", w.text, page+1, i+1)
					}
				}
			}
			if first == p.height {
				continue
			}
			with++
			if len(header) != 2 || header[table.head] > first {
				t.Errorf("page %d has rows of %s without their header above", i+1, table.head)
			}
		}
		if len(begun) != rows || with < 5 {
			t.Errorf("%d rows of %d are on %d pages", len(begun), rows, with)
		}
	}
}

// printed is a page of a PDF: its size in points, and where its words stand.
type printed struct {
	width, height float64
	words         []word
}

type word struct {
	left, top, right, bottom float64
	text                     string
}

// words reads a PDF with pdftotext.
func words(t *testing.T, file string) []printed {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "pdftotext", "-bbox", file, "-").Output()
	if err != nil {
		t.Fatal("pdftotext is needed: testdata/run.sh installs it where it may: ", err)
	}
	var pages []printed
	for line := range strings.SplitSeq(string(out), "\n") {
		line = strings.TrimSpace(line)
		var p printed
		var w word
		if n, _ := fmt.Sscanf(line, `<page width="%f" height="%f">`, &p.width, &p.height); n == 2 {
			pages = append(pages, p)
		} else if n, _ := fmt.Sscanf(line, `<word xMin="%f" yMin="%f" xMax="%f" yMax="%f">`, &w.left, &w.top, &w.right, &w.bottom); n == 4 {
			w.text = strings.TrimSuffix(line[strings.IndexByte(line, '>')+1:], "</word>")
			pages[len(pages)-1].words = append(pages[len(pages)-1].words, w)
		}
	}
	if len(pages) == 0 {
		t.Fatal("pdftotext found no page")
	}
	return pages
}

func near(a, b float64) bool { return a > b-1 && a < b+1 }
