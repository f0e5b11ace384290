package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/provisioning/report"
)

// tags lists the tags of a page, as a browser tells them from text: < and a letter, a slash or an exclamation mark. The class of a column
// of long words is left out of them: it is the one thing that a text may change.
func tags(page []byte) []string {
	return regexp.MustCompile(`<[a-zA-Z/!?][^>]*>`).FindAllString(strings.ReplaceAll(string(page), `class="text long">`, `class="text">`), -1)
}

// TestDataMakesNoElement: a page of hostile texts has the very tags, with the very attributes, of the same page of plain ones.
func TestDataMakesNoElement(t *testing.T) {
	make := func(t interface{ Fatalf(string, ...any) }, rows [][]string, texts [7]string) []byte {
		b := single(rows...)
		table := &b.Tables[0]
		b.Title, b.Firm, b.By, b.Notes = texts[0], texts[1], texts[2], []string{texts[3]}
		table.Title, table.Notes, table.Columns[0].Title = texts[4], []string{texts[5]}, texts[6]
		table.Count(texts[0])
		b.Tables = append(b.Tables, single([]string{"another"}).Tables[0])
		b.Tables[1].Name = "others"
		var out bytes.Buffer
		if err := report.WriteHTML(&out, b); err != nil {
			t.Fatalf("%v", err)
		}
		return out.Bytes()
	}
	hostile := rapid.Map(rapid.OneOf(texts(t), rapid.SampledFrom([]string{
		`"><script>alert(1)</script>`, `' onmouseover=alert(1) x='`, "</style><script>alert(1)</script>", "</title><img src=x onerror=alert(1)>", "<!--", "-->", "]]>",
		"javascript:alert(1)", "{{.Hash}}", "<svg onload=alert(1)>", "`${alert(1)}`", "</td></tr></table><h1>", "&lt;script&gt;", "\x00<script>", "<\x00script>",
	})), func(s string) string { return "x" + s }) // a row whose first text is empty has no header, rightly
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 3).Draw(t, "columns")
		rows := rapid.SliceOfN(rapid.SliceOfN(hostile, width, width), 1, 4).Draw(t, "rows")
		var around, plain [7]string
		for i := range around {
			around[i], plain[i] = hostile.Draw(t, "text"), "plain"
		}
		plainRows := slices.Clone(rows)
		for r := range plainRows {
			plainRows[r] = slices.Repeat([]string{"plain"}, width)
		}
		page := make(t, rows, around)
		if got, want := tags(page), tags(make(t, plainRows, plain)); !slices.Equal(got, want) {
			t.Fatalf("the tags are %q, not %q", got, want)
		}
		if shown := html.UnescapeString(string(page)); !strings.Contains(shown, expected(rows[0][0])) {
			t.Fatalf("%q is not on the page", expected(rows[0][0]))
		}
	})
}

// TestThePolicyOfThePage: no script at all, no style but its own, by its hash; and nothing from elsewhere.
func TestThePolicyOfThePage(t *testing.T) {
	page := written(t, "html", small())
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindSubmatch(page)
	if style == nil {
		t.Fatal("the page has no style")
	}
	sum := sha256.Sum256(style[1])
	want := `default-src 'none'; style-src 'sha256-` + base64.StdEncoding.EncodeToString(sum[:]) + `'; base-uri 'none'; form-action 'none'`
	if got := regexp.MustCompile(`<meta http-equiv="Content-Security-Policy" content="([^"]*)">`).FindSubmatch(page); got == nil || html.UnescapeString(string(got[1])) != want {
		t.Errorf("the policy is %q, not %q", got, want)
	}
	for _, tag := range tags(page) {
		if regexp.MustCompile(`(?i)<script|<iframe|<object|<embed|<link|<img|<form|\son[a-z]+=|\sstyle=|\ssrc=|https?:`).MatchString(tag) {
			t.Errorf("the page has %s", tag)
		}
	}
	if regexp.MustCompile(`(?i)url\(|@import`).Match(style[1]) {
		t.Error("the style fetches something")
	}
}

// TestPaper: a table of more than six columns lies across; a page of several tables has a table of contents, one of one has none.
func TestPaper(t *testing.T) {
	page := string(written(t, "html", small()))
	for _, want := range []string{`<section id="leavers" class="tall"`, `<section id="seats" class="wide"`, `<a href="#leavers">`, `<a href="#seats">`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	one := string(written(t, "html", single([]string{"x"})))
	if strings.Contains(one, "<nav") || strings.Contains(one, "<h2") || strings.Count(one, "<h1") != 1 {
		t.Errorf("a page of one table has contents, or a title twice: %q", tags([]byte(one)))
	}
	none := single([]string{"x"})
	none.Tables[0].Rows = nil
	if empty := string(written(t, "html", none)); strings.Contains(empty, "<table") || !strings.Contains(empty, "nothing to report") {
		t.Errorf("a page of no rows: %q", tags([]byte(empty)))
	}
}
