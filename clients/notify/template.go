package notify

import (
	_ "embed"
	"io"
	"strings"
	"text/template"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/names"
)

//go:embed default.tmpl
var defaultTemplate string

// Template is the one file by which every notice is worded: its first line is the title, the rest the text.
type Template struct{ made *template.Template }

// fields are what a template may use. Everything foreign is cleaned.
type fields struct {
	Firm, Kind, Text, Severity, At string
	Rows                           []string
}

const mostText = 8 << 10

// ParseTemplate reads a template, "" for the program's own, and tries it on a notice of every kind: a mistake is found now and not when
// something is to be told.
func ParseTemplate(text string) (*Template, error) {
	if text == "" {
		text = defaultTemplate
	}
	made, err := template.New("notice").Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "the template of the notices cannot be read", Hint: "mend the file that notify.template names", Err: err}
	}
	t := &Template{made}
	for _, kind := range provisioning.NoticeKinds() {
		if _, _, err := t.Render("firm", provisioning.Notice{Kind: kind, Text: "text", At: time.Unix(0, 0), Rows: []string{"row"}}); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Render words a notice.
func (t *Template) Render(firm string, n provisioning.Notice) (title, text string, err error) {
	f := fields{Firm: clean(firm), Kind: clean(string(n.Kind)), Text: cleanWords(n.Text), Severity: string(n.Severity), At: n.At.UTC().Format("2006-01-02 15:04 UTC")}
	for _, r := range n.Rows {
		f.Rows = append(f.Rows, cleanWords(r))
	}
	var b strings.Builder
	if err := t.made.Execute(&capped{w: &b}, f); err != nil {
		return "", "", &provisioning.Error{Code: provisioning.Invalid, Message: "the template of the notices does not fit", Hint: "it may use .Firm, .Kind, .Text, .Severity, .At and .Rows, and write 8 KiB", Err: err}
	}
	title, text, _ = strings.Cut(strings.TrimSpace(b.String()), "\n")
	return strings.TrimSpace(title), strings.TrimSpace(text), nil
}

// capped refuses what is longer than a notice is.
type capped struct {
	w io.Writer
	n int
}

func (c *capped) Write(b []byte) (int, error) {
	if c.n += len(b); c.n > mostText {
		return 0, io.ErrShortWrite
	}
	return c.w.Write(b)
}

func clean(s string) string { return names.Clean(s).Bare() }

// cleanWords cleans a sentence word by word: it may be longer than a name.
func cleanWords(s string) string {
	words := strings.Fields(s)
	for i := range words {
		words[i] = clean(words[i])
	}
	return strings.Join(words, " ")
}
