package notify_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"rollcall/clients/notify"
	"rollcall/provisioning"
)

// TestTemplateIsStrict: what could fail, or run for ever, when something is to be told is refused when the file is read, also in a branch
// that no sample takes; the error names what is wrong.
func TestTemplateIsStrict(t *testing.T) {
	for text, want := range map[string]string{
		`{{.Firm}}{{if eq .Kind "no such kind"}}{{.Surname}}{{end}}`: "Surname",
		`{{.Firm}}{{if .Rows}}{{else}}{{$.Nobody}}{{end}}`:           "Nobody",
		`{{with $x := .Firm}}{{$x}}{{else}}{{.Gone}}{{end}}`:         "Gone",
		`{{.Firm}}{{(index .Rows 0).Name}}`:                          "Name",
		`{{.Firm}}{{index .Rows 3}}`:                                 "does not fit",
		`{{.Firm}}{{slice .Text 0 3}}`:                               "does not fit",
		`{{.Firm.Name}}`:                                             "Firm.Name",
		`{{range 1000000000000}}{{end}}x`:                            "range over",
		`{{$n := 1000000000000}}{{range $n}}{{end}}x`:                "range over",
		`x{{range .Rows}}{{range $.Rows}}{{end}}{{end}}`:             "range in a range",
		`x{{range len .Rows}}{{end}}`:                                "range over",
		`{{define "a"}}{{template "a"}}{{end}}{{template "a"}}`:      "another template",
		`x{{range .Rows}}` + strings.Repeat("x", 1000) + `{{end}}`:   "does not fit",
		`{{if eq .Kind "review due"}}{{else}}title{{end}}`:           "no title",
		"  \n ":                    "no title",
		`{{define "a"}}x{{end}}`:   "",
		`{{.Firm | nothing}}`:      "cannot be read",
		`{{.Firm`:                  "cannot be read",
		strings.Repeat("x", 20000): "longer",
	} {
		begin := time.Now()
		_, err := notify.ParseTemplate(text)
		if provisioning.CodeOf(err) != provisioning.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v", text, err)
		}
		if took := time.Since(begin); took > time.Second {
			t.Errorf("%.60q took %s", text, took)
		}
	}
}

// TestDefaultTemplate: the program's own words hold for every kind and for as many names as there may be, in letters that take the most
// bytes.
func TestDefaultTemplate(t *testing.T) {
	own, err := os.ReadFile("default.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", string(own)} {
		template, err := notify.ParseTemplate(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range provisioning.NoticeKinds() {
			n := provisioning.Notice{Kind: kind, Text: strings.Repeat("𠮷 ", 3000), Severity: provisioning.SeverityDanger, At: time.Unix(0, 0)}
			for range 30 {
				n.Rows = append(n.Rows, strings.Repeat("𠮷", 300))
			}
			title, body, err := template.Render("A firm", n)
			if err != nil || title != "A firm: "+string(kind) || strings.Count(body, "…") != 21 || strings.Count(body, "\n") < 20 {
				t.Errorf("%v, %q, %d bytes", err, title, len(body))
			}
		}
	}
}

// TestWordsAreNotLost: a template that a notice does not fit after all costs no notice: it goes in the program's own words.
func TestWordsAreNotLost(t *testing.T) {
	template, err := notify.ParseTemplate(`x{{if eq .Text "trap"}}{{index .Rows 99}}{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	e := &heard{}
	s := notify.NewSender(notify.Options{Firm: "A firm", Notifiers: []provisioning.Notifier{e}, Template: template, Clock: &hand{now: time.Now()}})
	defer s.Close()
	n := notice()
	n.Text = "trap"
	if told, err := s.Send(t.Context(), []provisioning.Notice{n}); told != 1 || err != nil || !strings.HasPrefix(e.list[0], "A firm: overdue leaver|trap") {
		t.Errorf("%d, %v, %q", told, err, e.list)
	}
}
