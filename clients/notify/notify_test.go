package notify_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"rollcall/clients/notify"
	"rollcall/provisioning"
	"rollcall/provisioning/names/namestest"
)

// hand is a clock that stands where it is put, and sleeps in no time.
type hand struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func (h *hand) Now() time.Time { h.mu.Lock(); defer h.mu.Unlock(); return h.now }

func (h *hand) Sleep(ctx context.Context, d time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.slept = append(h.slept, d)
	return ctx.Err()
}

const canary = "c2VjcmV0LWNhbmFyeS1zZWNyZXQtY2FuYXJ5"

func secret() provisioning.Secret { return provisioning.NewSecret("whsec_" + canary) }

func notice() provisioning.Notice {
	return provisioning.Notice{Kind: provisioning.NoticeOverdue, Key: "overdue TBARNES", Text: "Tom left and can still sign in.", At: time.Now(), Severity: provisioning.SeverityDanger, Rows: []string{"Tom (TBARNES)"}}
}

// TestWebhook: a notice arrives signed as the standard's own library wants it, what is refused for a moment is sent again under the same id,
// and no redirect is followed: the other host gets nothing.
func TestWebhook(t *testing.T) {
	var evil, calls int
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { evil++ }))
	defer other.Close()
	answers := []int{503, 429, 204}
	ids := make(map[string]bool)
	verify, err := webhooks.NewWebhook("whsec_" + canary)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := verify.Verify(body, r.Header); err != nil {
			t.Errorf("not signed as the standard says: %v", err)
		}
		ids[r.Header.Get("webhook-id")] = true
		_ = json.Unmarshal(body, &got)
		if r.URL.Path == "/away" {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
			return
		}
		w.WriteHeader(answers[min(calls, len(answers)-1)])
		calls++
	}))
	defer s.Close()
	clock := &hand{now: time.Now()}
	hook := func(path string) *notify.Webhook {
		w, err := notify.NewWebhook(s.URL+path, secret(), clock)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	if err := hook("/").Notify(context.Background(), "A firm", "title", "text", notice()); err != nil || calls != 3 || len(ids) != 1 || len(clock.slept) != 2 {
		t.Errorf("%v after %d calls with %d ids", err, calls, len(ids))
	}
	if data, _ := got["data"].(map[string]any); data["kind"] != "overdue leaver" || data["firm"] != "A firm" || got["type"] != "rollcall.notice" {
		t.Errorf("%v", got)
	}
	err = hook("/away?key="+canary).Notify(context.Background(), "A firm", "title", "text", notice())
	if err == nil || evil != 0 {
		t.Errorf("redirected: %v, %d requests elsewhere", err, evil)
	}
	s.Close()
	gone := hook("/?key="+canary).Notify(context.Background(), "A firm", "title", "text", notice())
	for _, e := range []error{err, gone} {
		if e == nil || strings.Contains(fmt.Sprintf("%v %+v %#v", e, e, e), canary) {
			t.Errorf("the error tells a secret: %v", e)
		}
	}
	for _, address := range []string{"http://example.com/", "https://user:pw@example.com/", "ftp://example.com", "//x", ""} {
		if _, err := notify.NewWebhook(address, secret(), clock); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
	if _, err := notify.NewWebhook("https://example.com/", provisioning.NewSecret("whsec_%"), clock); err == nil || strings.Contains(err.Error(), "%") {
		t.Errorf("a broken secret: %v", err)
	}
}

// heard is a notifier that listens, and fails where it is told to.
type heard struct {
	mu   sync.Mutex
	list []string
	err  error
}

func (h *heard) Name() string { return "somebody" }

func (h *heard) Notify(_ context.Context, _, title, text string, n provisioning.Notice) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		h.list = append(h.list, title+"|"+text+"|"+n.Key)
	}
	return h.err
}

type memory map[string]time.Time

func (m memory) Told(key string) (time.Time, bool)   { at, ok := m[key]; return at, ok }
func (m memory) Tell(key string, at time.Time) error { m[key] = at; return nil }

// TestSender: each matter is told once until its time, only the kinds that are wanted, to everybody who can be reached; without anybody to
// tell nothing is told.
func TestSender(t *testing.T) {
	template, err := notify.ParseTemplate("")
	if err != nil {
		t.Fatal(err)
	}
	ctx, clock, good, bad, told := context.Background(), &hand{now: time.Now()}, &heard{}, &heard{err: io.ErrClosedPipe}, memory{}
	s := notify.NewSender(notify.Options{
		Firm: "A firm", Kinds: []provisioning.NoticeKind{provisioning.NoticeOverdue}, Notifiers: []provisioning.Notifier{bad, good}, Template: template, Memory: told, Clock: clock,
	})
	other := notice()
	other.Kind, other.Key = provisioning.NoticeReview, "review"
	list := []provisioning.Notice{notice(), other, notice()}
	if n, err := s.Send(ctx, list); n != 1 || err == nil || !strings.Contains(err.Error(), "somebody") || len(good.list) != 1 {
		t.Fatalf("%d told, %v, %v", n, err, good.list)
	}
	if want := "A firm: overdue leaver|Tom left and can still sign in."; !strings.HasPrefix(good.list[0], want) || !strings.Contains(good.list[0], "Tom (TBARNES)") {
		t.Errorf("%q", good.list[0])
	}
	clock.now = clock.now.Add(23 * time.Hour)
	if n, _ := s.Send(ctx, list); n != 0 {
		t.Errorf("%d told again too soon", n)
	}
	clock.now = clock.now.Add(2 * time.Hour)
	if n, _ := s.Send(ctx, list); n != 1 {
		t.Errorf("%d told after a day", n)
	}
	quiet := notify.NewSender(notify.Options{Template: template, Memory: memory{}, Clock: clock})
	if n, err := quiet.Send(ctx, list); n != 0 || err != nil {
		t.Errorf("nobody is to be told: %d, %v", n, err)
	}
	only := memory{}
	fails := notify.NewSender(notify.Options{Notifiers: []provisioning.Notifier{bad}, Template: template, Memory: only, Clock: clock})
	if n, err := fails.Send(ctx, list[:1]); n != 0 || err == nil || len(only) != 0 {
		t.Errorf("what nobody heard counts as told: %d, %v, %v", n, err, only)
	}
}

// TestTemplate: a template that cannot be used is refused when it is read; what is foreign is cleaned in whatever it says.
func TestTemplate(t *testing.T) {
	for _, text := range []string{"{{.Nothing}}", "{{", "{{range .Rows}}" + strings.Repeat("x", 9000) + "{{end}}"} {
		if _, err := notify.ParseTemplate(text); provisioning.CodeOf(err) != provisioning.Invalid {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	template, err := notify.ParseTemplate("{{.Kind}}\n{{.Text}} {{range .Rows}}{{.}} {{end}}")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range namestest.Hostile() {
		n := notice()
		n.Text, n.Rows = s, []string{s}
		title, text, err := template.Render(s, n)
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsFunc(title+text, func(r rune) bool { return r != '\n' && (r < 0x20 || (r >= 0x7f && r < 0xa0)) }) {
			t.Errorf("%q: %q", title, text)
		}
		for _, code := range []string{"osc9", "osc777"} {
			sequence := notify.Sequence(code, s, s)
			body := strings.TrimSuffix(strings.TrimPrefix(sequence, "\x1b]"), "\a")
			if len(body) != len(sequence)-3 || strings.ContainsFunc(body, func(r rune) bool { return r < 0x20 || (r >= 0x7f && r < 0xa0) }) || (code == "osc777" && strings.Count(body, ";") != 3) {
				t.Errorf("%s %q", code, sequence)
			}
		}
	}
	if notify.Sequence("off", "a", "b") != "" {
		t.Error("a terminal that is off is told")
	}
}

// mailbox is a mail server on this machine, as far as a client needs one; it offers no encryption.
func mailbox(t *testing.T) (port int, got func() string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var mu sync.Mutex
	var all strings.Builder
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(time.Second))
		say := func(s string) { _, _ = io.WriteString(c, s+"\r\n") }
		say("220 here")
		data := false
		for lines := bufio.NewScanner(c); lines.Scan(); {
			line := lines.Text()
			mu.Lock()
			all.WriteString(line + "\n")
			mu.Unlock()
			switch {
			case data && line == ".":
				data = false
				say("250 taken")
			case data:
			case strings.HasPrefix(line, "EHLO"):
				say("250 here")
			case line == "DATA":
				data = true
				say("354 go on")
			case line == "QUIT":
				say("221 bye")
				return
			default:
				say("250 ok")
			}
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().(*net.TCPAddr).Port, func() string { mu.Lock(); defer mu.Unlock(); return all.String() }
}

// TestMail: a notice leaves as one plain mail, and no name puts a header of its own into it; a server elsewhere that does not encrypt gets
// nothing, and addresses that are none are refused.
func TestMail(t *testing.T) {
	port, got := mailbox(t)
	m, err := notify.NewMail(notify.MailOptions{Host: "127.0.0.1", Port: port, From: "rollcall@firm.example", To: []string{"desk@firm.example"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Notify(context.Background(), "A firm", "overdue\r\nBcc: evil@evil.example", "text", notice()); err != nil {
		t.Fatal(err)
	}
	text := got()
	if strings.Contains(text, "\nBcc:") || strings.Contains(text, "RCPT TO:<evil") || !strings.Contains(text, "RCPT TO:<desk@firm.example>") || !strings.Contains(text, "Subject: overdue") || !strings.Contains(text, "@rollcall>") {
		t.Errorf("%s", text)
	}
	for _, o := range []notify.MailOptions{{}, {Host: "h", From: "a@b.example"}, {Host: "h", From: "nobody", To: []string{"a@b.example"}}, {Host: "h", From: "a@b.example", To: []string{"x\r\ny"}}} {
		if _, err := notify.NewMail(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	plain, _ := mailbox(t)
	far, err := notify.NewMail(notify.MailOptions{Host: "localhost", Port: plain, From: "a@b.example", To: []string{"a@b.example"}, Username: "u", Password: provisioning.NewSecret(base64.StdEncoding.EncodeToString([]byte(canary)))})
	if err != nil {
		t.Fatal(err)
	}
	if err := far.Notify(context.Background(), "A firm", "title", "text", notice()); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("sent in the clear: %v", err)
	}
}
