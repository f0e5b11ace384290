package notify_test

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"rollcall/clients/notify"
	"rollcall/provisioning"
)

// running is a clock that moves when somebody sleeps by it.
type running struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func (c *running) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *running) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.slept = append(c.slept, d)
	return ctx.Err()
}

// tells reports whether an error gives a secret away, in any way in which Go prints one, or in a form in which it was sent.
func tells(err error, secrets ...string) bool {
	text := fmt.Sprintf("%v %+v %#v %q %s", err, err, err, err, provisioning.Reason(err))
	for e := err; e != nil; e = errors.Unwrap(e) {
		text += fmt.Sprintf(" %v %#v", e, e)
	}
	for _, s := range secrets {
		for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s), base64.StdEncoding.EncodeToString([]byte(s)), base64.RawStdEncoding.EncodeToString([]byte(s))} {
			if strings.Contains(text, form) {
				return true
			}
		}
	}
	return false
}

const hidden = "path-and-query-canary-93"

// receiver is a webhook's other end: it answers by a script, the last answer again and again, and checks every signature.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	ids    []string
	times  []string
	signed []string
	calls  int
}

func receive(t *testing.T, clock provisioning.Clock, answers ...func(http.ResponseWriter, *http.Request)) *receiver {
	t.Helper()
	verify, err := webhooks.NewWebhook("whsec_" + canary)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		if err := verify.VerifyIgnoringTimestamp(body, q.Header); err != nil {
			t.Errorf("not signed as the standard says: %v", err)
		}
		if verify.VerifyIgnoringTimestamp(append(body, ' '), q.Header) == nil {
			t.Error("another body passes under the same signature")
		}
		if at := q.Header.Get("webhook-timestamp"); at != strconv.FormatInt(clock.Now().Unix(), 10) {
			t.Errorf("sent at %s, says %s", clock.Now(), at)
		}
		r.mu.Lock()
		n := r.calls
		r.calls++
		r.ids = append(r.ids, q.Header.Get("webhook-id"))
		r.times = append(r.times, q.Header.Get("webhook-timestamp"))
		r.signed = append(r.signed, q.Header.Get("webhook-signature"))
		r.mu.Unlock()
		answers[min(n, len(answers)-1)](w, q)
	}))
	t.Cleanup(r.Close)
	return r
}

func status(code int, header ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

// reset ends a connection without an answer; whisper answers with a status line and a body that try to speak to a terminal.
func reset(w http.ResponseWriter, _ *http.Request) {
	c, _, _ := w.(http.Hijacker).Hijack()
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

func whisper(w http.ResponseWriter, r *http.Request) {
	c, _, _ := w.(http.Hijacker).Hijack()
	_, _ = fmt.Fprintf(c, "HTTP/1.1 418 \x1b[31m%s %s\r\nContent-Length: 3\r\n\r\n\x1b[H", hidden, r.URL)
	_ = c.Close()
}

func huge(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(make([]byte, 1<<20))
}

// TestTries: what is refused for the moment or not answered is sent again, a bounded number of times, under one id, with the time and the
// signature of each sending; what is refused for good is not. No error gives away the secret, the path, the query or a word of the answer.
func TestTries(t *testing.T) {
	type answers []func(http.ResponseWriter, *http.Request)
	for name, c := range map[string]struct {
		answers answers
		calls   int
		code    provisioning.Code // "": it went
		waits   time.Duration     // at least
	}{
		"200":                 {answers{status(200)}, 1, "", 0},
		"202":                 {answers{status(202)}, 1, "", 0},
		"200, a huge body":    {answers{huge}, 1, "", 0},
		"429 with a wait":     {answers{status(429, "Retry-After", "7"), status(204)}, 2, "", 7 * time.Second},
		"429 with an hour":    {answers{status(429, "Retry-After", "3600"), status(204)}, 2, "", 20 * time.Second},
		"500, then good":      {answers{status(500), status(502), status(204)}, 3, "", 500 * time.Millisecond},
		"503 with a wait":     {answers{status(503, "Retry-After", "3"), status(204)}, 2, "", 3 * time.Second},
		"reset, then good":    {answers{reset, status(204)}, 2, "", 0},
		"always 503":          {answers{status(503)}, 5, provisioning.Unavailable, time.Second},
		"always reset":        {answers{reset}, 5, provisioning.Unavailable, time.Second},
		"400":                 {answers{status(400)}, 1, provisioning.Invalid, 0},
		"401":                 {answers{status(401)}, 1, provisioning.Denied, 0},
		"404":                 {answers{status(404)}, 1, provisioning.Invalid, 0},
		"410":                 {answers{status(410)}, 1, provisioning.Invalid, 0},
		"a status that talks": {answers{whisper}, 1, provisioning.Invalid, 0},
	} {
		t.Run(name, func(t *testing.T) {
			clock := &running{now: time.Unix(1_800_000_000, 0)}
			r := receive(t, clock, c.answers...)
			w, err := notify.NewWebhook(r.URL+"/"+hidden+"?key="+hidden, secret(), clock)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			err = w.Notify(t.Context(), "A firm", "title", "text", notice())
			r.mu.Lock()
			defer r.mu.Unlock()
			if (err == nil) != (c.code == "") || (err != nil && provisioning.CodeOf(err) != c.code) {
				t.Errorf("%v", err)
			}
			if r.calls != c.calls {
				t.Errorf("sent %d times, want %d", r.calls, c.calls)
			}
			for i, id := range r.ids {
				if id != r.ids[0] || !strings.HasPrefix(id, "msg_") || (i > 0 && r.times[i] != r.times[i-1] && r.signed[i] == r.signed[i-1]) {
					t.Errorf("ids %q, times %q", r.ids, r.times)
				}
			}
			var waited time.Duration
			for _, d := range clock.slept {
				waited += d
			}
			if waited < c.waits || waited > 2*time.Minute {
				t.Errorf("waited %s, want %s", waited, c.waits)
			}
			if err != nil && (tells(err, canary, hidden, "secret-canary") || strings.ContainsFunc(err.Error(), func(r rune) bool { return r < 0x20 })) {
				t.Errorf("the error tells: %q", err)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v %s", w, w, w, w.Name()), "secret-canary") || strings.Contains(w.Name(), hidden) {
				t.Error("the webhook itself tells")
			}
		})
	}
}

// TestNowhereElse: no redirect is followed, nothing goes where it is not encrypted or to whom the certificate does not name; the other
// host hears nothing.
func TestNowhereElse(t *testing.T) {
	var evil atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { evil.Add(1) }))
	defer other.Close()
	clock := &running{now: time.Now()}
	for _, code := range []int{300, 301, 302, 303, 307, 308} {
		r := receive(t, clock, func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Location", other.URL+"/"+q.Header.Get("webhook-signature"))
			w.WriteHeader(code)
		})
		w, err := notify.NewWebhook(r.URL+"/x", secret(), clock)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Notify(t.Context(), "f", "t", "x", notice()); provisioning.CodeOf(err) != provisioning.Invalid || r.calls != 1 || tells(err, canary, other.URL) {
			t.Errorf("%d: %v, %d calls", code, err, r.calls)
		}
		w.Close()
	}
	if evil.Load() != 0 {
		t.Errorf("the other host was asked %d times", evil.Load())
	}

	var calls atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	s.Config.ErrorLog = quietLog()
	s.StartTLS()
	defer s.Close()
	open := func(o notify.WebhookOptions) error {
		w, err := notify.OpenWebhook(o)
		if err != nil {
			return err
		}
		defer w.Close()
		return w.Notify(t.Context(), "f", "t", "x", notice())
	}
	if err := open(notify.WebhookOptions{URL: s.URL + "/" + hidden, Secret: secret(), Clock: clock}); err == nil || calls.Load() != 0 || tells(err, hidden, canary) {
		t.Errorf("an unknown authority: %v, %d calls", err, calls.Load())
	}
	if err := open(notify.WebhookOptions{URL: s.URL, Secret: secret(), Clock: clock, CAFile: authority(t, s)}); err != nil || calls.Load() != 1 {
		t.Errorf("the firm's own authority: %v, %d calls", err, calls.Load())
	}
	for _, address := range []string{
		"http://hooks.example.com/" + hidden, "http://127.0.0.1.example.com/" + hidden, "http://10.0.0.1/" + hidden, "https://user:" + hidden + "@example.com/", "ftp://example.com/" + hidden,
		"//" + hidden, hidden, "", "https://", "https://example.com/#" + hidden, "https://example.com/../" + hidden, "https://exa mple.com/" + hidden, "https://example.com:x/" + hidden,
	} {
		if err := open(notify.WebhookOptions{URL: address, Secret: secret(), Clock: clock}); provisioning.CodeOf(err) != provisioning.Invalid || tells(err, hidden, canary) {
			t.Errorf("%q: %v", address, err)
		}
	}
	for _, s := range []string{"", "whsec_", canary, "whsec_" + hidden, "whsec_" + base64.StdEncoding.EncodeToString([]byte("too-short-canary")), "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65)), "WHSEC_" + canary} {
		err := open(notify.WebhookOptions{URL: "https://example.com/", Secret: provisioning.NewSecret(s), Clock: clock})
		if provisioning.CodeOf(err) != provisioning.Invalid || tells(err, canary, hidden, "too-short-canary") {
			t.Errorf("secret %q: %v", s, err)
		}
	}
}

// TestWebhookEnds: a receiver that does not answer holds nobody longer than the caller's deadline.
func TestWebhookEnds(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-release:
		}
	}))
	defer s.Close()
	defer close(release)
	w, err := notify.NewWebhook(s.URL, secret(), provisioning.SystemClock{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if err := w.Notify(ctx, "f", "t", "x", notice()); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(begin))
	}
}

// authority writes a test server's certificate as a file of authorities.
func authority(t *testing.T, s *httptest.Server) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
