package notify_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"rollcall/clients/notify"
	"rollcall/provisioning"
	"rollcall/provisioning/names/namestest"
)

// corpus is the house's hostile strings, and what breaks out of a header, a sequence, JSON or a template.
func corpus() []string {
	return append(namestest.Hostile(), []string{
		"a\r\nBcc: evil@evil.example", "a\nBcc: evil@evil.example", "\r\n\r\nbody", "x\r\n.\r\nMAIL FROM:<evil@evil.example>", "=?utf-8?q?=0D=0ABcc:_evil?=",
		";4;1;", "\u037e4\u037e1", "\u037e", "4\u037e1", "4;1;99", "\x1b\\", "\a\x1b]52;c;ZXZpbA==\a", "\u009c\u009d52;c;x\u009c", "\x1bPtmux;\x1b\x1b]52;c;x\a\x1b\\", "{{.Firm}}", "{{range .Rows}}", "\"}],\"x\":[\"", "<!here>", "\u2068open",
	}...)
}

// foreign draws text as a directory may hold it: the corpus, alone or sewn together, and any bytes.
func foreign() *rapid.Generator[string] {
	corpus := corpus()
	return rapid.OneOf(
		rapid.SampledFrom(corpus), rapid.String(),
		rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) }),
		rapid.Custom(func(t *rapid.T) string {
			return strings.Join(rapid.SliceOfN(rapid.SampledFrom(corpus), 2, 12).Draw(t, "parts"), " ")
		}),
	)
}

// bad says what may not stand in a line; the isolates are the cleaner's own, and closed.
func bad(s string) bool {
	open := 0
	for _, r := range s {
		switch {
		case r == '\u2068':
			open++
		case r == '\u2069':
			if open--; open < 0 {
				return true
			}
		case r < 0x20, r >= 0x7f && r <= 0x9f, r == 0x2028, r == 0x2029, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2067, r >= 0x200b && r <= 0x200f, r == 0xfeff, r >= 0xe0000 && r <= 0xe007f:
			return true
		}
	}
	return open != 0 || !utf8.ValidString(s)
}

// TestLine: whatever comes, a line is a line, not longer than it may be, and cleaning it again changes nothing.
func TestLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw, most := foreign().Draw(t, "raw"), rapid.IntRange(3, 400).Draw(t, "most")
		got := notify.Line(raw, most)
		if bad(got) || utf8.RuneCountInString(strings.NewReplacer("\u2068", "", "\u2069", "").Replace(got)) > most {
			t.Fatalf("%q becomes %q (%d)", raw, got, most)
		}
		if again := notify.Line(got, most); again != got {
			t.Fatalf("%q becomes %q and then %q", raw, got, again)
		}
	})
	long := "The library LONDON was not read whole: " + strings.Repeat("page after page ", 40) + "end"
	if got := notify.Line(long, 1000); got != long {
		t.Errorf("a long sentence is cut: %q", got)
	}
}

// TestNothingBreaksOut: foreign text in every field, by every way. A title stays one line; the text has as many lines as the template and
// the rows make; a sequence has its own fields and one end; a mail has its own headers, one reader and one end.
func TestNothingBreaksOut(t *testing.T) {
	template, err := notify.ParseTemplate("{{.Firm}} {{.Kind}} {{.Severity}}\n{{.Text}}\n{{range .Rows}}- {{.}}\n{{end}}-- {{.At}}")
	if err != nil {
		t.Fatal(err)
	}
	m, err := notify.NewMail(notify.MailOptions{Host: "mail.example.com", From: "Roll Call <rollcall@firm.example>", To: []string{"desk@firm.example"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range corpus() {
		sequences(t, raw, raw)
		headers(t, m, raw, raw)
	}
	rapid.Check(t, func(t *rapid.T) {
		n := provisioning.Notice{
			Kind: provisioning.NoticeKind(foreign().Draw(t, "kind")), Key: foreign().Draw(t, "key"), Text: "t" + foreign().Draw(t, "text"), At: time.Unix(1e9, 0),
			Severity: provisioning.Severity(foreign().Draw(t, "severity")), Rows: rapid.SliceOfN(foreign(), 0, 25).Draw(t, "rows"),
		}
		title, text, err := template.Render("f"+foreign().Draw(t, "firm"), n)
		if err != nil {
			t.Fatal(err)
		}
		rows := strings.Split(text, "\n")
		if bad(title) || title == "" || len(rows) != 2+min(len(n.Rows), 20) || slices.ContainsFunc(rows, bad) {
			t.Fatalf("%q, %d lines for %d rows: %q", title, len(rows), len(n.Rows), text)
		}
		raw := foreign().Draw(t, "raw") // the doors below are open to callers who rendered nothing
		for _, title := range []string{title, raw} {
			sequences(t, title, text)
			headers(t, m, title, raw)
		}
	})
}

func sequences(t rapid.TB, title, text string) {
	nine := notify.Sequence("osc9", title, text)
	body, ok := strings.CutPrefix(nine, "\x1b]9;")
	body, ended := strings.CutSuffix(body, "\a")
	if !ok || !ended || bad(body) || strings.Contains(body, ";") || (body != "" && body[0] >= '0' && body[0] <= '9') || len(nine) > 2500 {
		t.Fatalf("OSC 9: %q", nine)
	}
	seven := notify.Sequence("osc777", title, text)
	body, ok = strings.CutPrefix(seven, "\x1b]777;notify;")
	body, ended = strings.CutSuffix(body, "\a")
	if !ok || !ended || bad(body) || strings.Count(body, ";") != 1 || len(seven) > 2500 {
		t.Fatalf("OSC 777: %q", seven)
	}
	if notify.Sequence("both", title, text) != nine+seven || notify.Sequence("off", title, text) != "" || notify.Sequence(title, title, text) != "" {
		t.Fatal("other codes")
	}
	wrapped, ok := strings.CutPrefix(notify.Passthrough(nine), "\x1bPtmux;")
	wrapped, ended = strings.CutSuffix(wrapped, "\x1b\\")
	if !ok || !ended || strings.ReplaceAll(wrapped, "\x1b\x1b", "\x1b") != nine || strings.Count(wrapped, "\x1b") != 2 {
		t.Fatalf("tmux: %q", wrapped)
	}
}

func headers(t rapid.TB, m *notify.Mail, title, text string) {
	data, err := notify.Composed(m, title, text)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := netmail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%v in %q", err, data)
	}
	var have []string
	for name, values := range msg.Header {
		have = append(have, name)
		if len(values) != 1 {
			t.Fatalf("%s stands there %d times", name, len(values))
		}
	}
	slices.Sort(have)
	want := []string{"Auto-Submitted", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}
	if !slices.Equal(have, want) {
		t.Fatalf("headers %q of %q", have, data)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
	if err != nil || bad(subject) || msg.Header.Get("To") != "<desk@firm.example>" {
		t.Fatalf("%v, subject %q of %q", err, subject, data)
	}
}

// TestPostedText: what a webhook posts is JSON of the fields that are published, and every text in it is cleaned.
func TestPostedText(t *testing.T) {
	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { body, _ = io.ReadAll(r.Body) }))
	defer s.Close()
	w, err := notify.NewWebhook(s.URL, secret(), &hand{now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	rapid.Check(t, func(t *rapid.T) {
		f := func(label string) string { return foreign().Draw(t, label) }
		n := provisioning.Notice{
			Kind: provisioning.NoticeKind(f("kind")), Key: f("key"), Text: f("text"), At: time.Unix(1e9, 0), Severity: provisioning.Severity(f("severity")), Rows: rapid.SliceOfN(foreign(), 0, 22).Draw(t, "rows"),
		}
		if err := w.Notify(t.Context(), f("firm"), f("title"), n.Text, n); err != nil {
			t.Fatal(err)
		}
		var got struct {
			Type, Timestamp string
			Data            map[string]any
		}
		d := json.NewDecoder(bytes.NewReader(body))
		d.DisallowUnknownFields()
		if err := d.Decode(&got); err != nil || got.Type != "rollcall.notice" || got.Timestamp != "2001-09-09T01:46:40Z" || len(got.Data) != 7 {
			t.Fatalf("%v: %s", err, body)
		}
		for _, name := range []string{"firm", "kind", "key", "severity", "title", "text"} {
			text, ok := got.Data[name].(string)
			if !ok || slices.ContainsFunc(strings.Split(text, "\n"), bad) || (name != "text" && strings.Contains(text, "\n")) {
				t.Fatalf("%s: %q", name, text)
			}
		}
		rows, ok := got.Data["rows"].([]any)
		if !ok || len(rows) != min(len(n.Rows), 20) {
			t.Fatalf("rows: %v", got.Data["rows"])
		}
		for _, r := range rows {
			if s, ok := r.(string); !ok || bad(s) {
				t.Fatalf("row %q", r)
			}
		}
	})
}
