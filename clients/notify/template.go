package notify

import (
	_ "embed"
	"io"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"time"

	"rollcall/provisioning"
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

const (
	mostFile  = 16 << 10
	mostTrial = 8 << 10  // bytes of a notice of few words: they are the template's own
	mostText  = 64 << 10 // bytes of any notice
	mostRows  = 20
)

// ParseTemplate reads a template, "" for the program's own, looks at every name in it, in branches that are not taken too, and tries it on
// notices of every kind: a mistake is Invalid now, and not found when something is to be told. What could run for ever is refused.
func ParseTemplate(text string) (*Template, error) {
	if text == "" {
		text = defaultTemplate
	}
	refuse := func(message string, err error) error {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "the template of the notices " + message, Hint: "mend the file that notify.template names", Err: err}
	}
	if len(text) > mostFile {
		return nil, refuse("is longer than 16 KiB", nil)
	}
	made, err := template.New("notice").Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, refuse("cannot be read", err)
	}
	if made.Tree == nil || made.Root == nil {
		return nil, refuse("says nothing", nil)
	}
	if wrong := look(made.Root, false); wrong != "" {
		return nil, refuse(wrong, nil)
	}
	t := &Template{made}
	for _, n := range samples() {
		title, _, err := t.render("firm", n, mostTrial)
		if err != nil {
			return nil, err
		}
		if title == "" {
			return nil, refuse("gives no title for "+string(n.Kind)+": its first line is one", nil)
		}
	}
	return t, nil
}

// samples are a notice of every kind and severity, about nobody, somebody and many.
func samples() []provisioning.Notice {
	var list []provisioning.Notice
	for _, kind := range provisioning.NoticeKinds() {
		for _, severity := range []provisioning.Severity{provisioning.SeverityDanger, provisioning.SeverityWarning, provisioning.SeverityNotice} {
			for _, rows := range []int{0, 1, mostRows} {
				n := provisioning.Notice{Kind: kind, Severity: severity, At: time.Unix(0, 0), Rows: slices.Repeat([]string{"row"}, rows)}
				if rows > 0 {
					n.Text = "text"
				}
				list = append(list, n)
			}
		}
	}
	return list
}

// look says what is wrong with a part of a template: a field that there is not, and what could run for ever. inRange: it stands in a range.
func look(node parse.Node, inRange bool) string {
	const known = ".Firm, .Kind, .Text, .Severity, .At and .Rows"
	all := func(inRange bool, nodes ...parse.Node) string {
		for _, n := range nodes {
			if wrong := look(n, inRange); wrong != "" {
				return wrong
			}
		}
		return ""
	}
	named := func(path []string) string {
		if len(path) == 1 && slices.Contains([]string{"Firm", "Kind", "Text", "Severity", "At", "Rows"}, path[0]) {
			return ""
		}
		return "names what there is not: ." + strings.Join(path, ".") + "; there are " + known
	}
	switch n := node.(type) {
	case *parse.ListNode:
		if n != nil {
			return all(inRange, n.Nodes...)
		}
	case *parse.ActionNode:
		return look(n.Pipe, inRange)
	case *parse.PipeNode:
		if n != nil {
			for _, c := range n.Cmds {
				if wrong := all(inRange, c.Args...); wrong != "" {
					return wrong
				}
			}
		}
	case *parse.FieldNode:
		return named(n.Ident)
	case *parse.VariableNode:
		if len(n.Ident) > 1 {
			return named(n.Ident[1:])
		}
	case *parse.ChainNode:
		return named(n.Field)
	case *parse.IfNode:
		return all(inRange, n.Pipe, n.List, n.ElseList)
	case *parse.WithNode:
		return all(inRange, n.Pipe, n.List, n.ElseList)
	case *parse.RangeNode:
		if inRange {
			return "has a range in a range"
		}
		if s := n.Pipe.String(); !strings.HasSuffix(s, ".Rows") || len(n.Pipe.Cmds) != 1 || len(n.Pipe.Cmds[0].Args) != 1 {
			return "has a range over " + s + ": there is one over .Rows alone"
		}
		return all(true, n.Pipe, n.List, n.ElseList)
	case *parse.TemplateNode:
		return "calls another template: it is one"
	}
	return ""
}

// Render words a notice. What is foreign is cleaned before it is put in, and the whole is cleaned after: a title is one line, and a text
// has no line that the template does not break.
func (t *Template) Render(firm string, n provisioning.Notice) (title, text string, err error) {
	return t.render(firm, n, mostText)
}

func (t *Template) render(firm string, n provisioning.Notice, most int) (title, text string, err error) {
	f := fields{
		Firm: line(firm, mostTitle), Kind: line(string(n.Kind), mostTitle), Text: line(n.Text, mostLine), Severity: line(string(n.Severity), mostTitle),
		At: n.At.UTC().Format("2006-01-02 15:04 UTC"),
	}
	for _, r := range n.Rows[:min(len(n.Rows), mostRows)] {
		f.Rows = append(f.Rows, line(r, mostTitle))
	}
	var b strings.Builder
	if err := t.made.Execute(&capped{w: &b, left: most}, f); err != nil {
		return "", "", &provisioning.Error{Code: provisioning.Invalid, Message: "the template of the notices does not fit", Hint: "it may use .Firm, .Kind, .Text, .Severity, .At and .Rows, and write 8 KiB", Err: err}
	}
	title, text, _ = strings.Cut(strings.TrimSpace(b.String()), "\n")
	return strings.TrimSpace(line(strings.TrimSpace(title), mostTitle)), lines(text), nil
}

// capped refuses what is longer than a notice is.
type capped struct {
	w    io.Writer
	left int
}

func (c *capped) Write(b []byte) (int, error) {
	if c.left -= len(b); c.left < 0 {
		return 0, io.ErrShortWrite
	}
	return c.w.Write(b)
}
