package wire_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/clients/wire"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
)

const canary = "canary-token-4711"

func client(t testing.TB, base string, change func(*wire.Options)) *wire.Client {
	t.Helper()
	o := wire.Options{
		System: "okta", Base: base, AllowLoopbackHTTP: true, Limits: wire.Limits{Tries: 3, Attempt: 2 * time.Second, Body: 1 << 20},
		Authorize: func(_ context.Context, r *http.Request) error {
			r.Header.Set("X-Auth-Token", canary)
			return nil
		},
	}
	if change != nil {
		change(&o)
	}
	c, err := wire.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func both(c *wire.Client, into any) map[string]error {
	_, read := c.Read(context.Background(), wire.Request{Method: http.MethodGet, Path: "/x", Query: url.Values{"q": {canary}}}, into)
	_, write := c.Write(context.Background(), wire.Request{Method: http.MethodPatch, Path: "/x", Body: map[string]string{"a": "b"}}, into)
	return map[string]error{"read": read, "write": write}
}

// TestForeignLinks: a page link to anywhere else gets neither a request nor a token (threats C1).
func TestForeignLinks(t *testing.T) {
	var hits atomic.Int32
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer evil.Close()
	c := client(t, "http://127.0.0.1:4006/base", nil)
	for _, link := range []string{
		evil.URL + "/base/x", "//evil.example/base/x", "https://127.0.0.1:4006/base/x", "http://127.0.0.1:4007/base/x", "http://good@evil.example/base/x",
		"http://127.0.0.1:4006@evil.example/base/x", "http://127.0.0.1.evil.example:4006/base/x", `http:\\evil.example\base`, `/\evil.example/x`, "http://127.0.0.1:4006/other/x",
		"http://127.0.0.1:4006/base/../other", "http://127.0.0.1.:4006/base/x", "/base/x#fragment", "javascript:alert(1)", "http://user:pw@127.0.0.1:4006/base/x", "\r\nHost: evil", "http://[::1]:4006/base/x",
	} {
		if r, err := c.Follow(link); err == nil {
			t.Errorf("%q was followed to %s", link, r.Path)
		}
	}
	if hits.Load() != 0 {
		t.Errorf("%d requests came to the other host", hits.Load())
	}
	for _, link := range []string{"/base/x?after=1", "http://127.0.0.1:4006/base/x?after=1", "x?after=1"} {
		if _, err := c.Follow(link); err != nil && link != "x?after=1" {
			t.Errorf("%q: %v", link, err)
		}
	}
}

// TestRedirects: none is followed, and nothing is carried anywhere (threats C2).
func TestRedirects(t *testing.T) {
	var hits atomic.Int32
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer evil.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, evil.URL, status) }))
		for name, err := range both(client(t, server.URL, nil), nil) {
			if err == nil {
				t.Errorf("%d %s: no error", status, name)
			}
		}
		server.Close()
	}
	if hits.Load() != 0 {
		t.Errorf("%d requests were carried on", hits.Load())
	}
}

// TestBases: a token is never sent in the clear, and there is no way to skip the certificate (threats C2).
func TestBases(t *testing.T) {
	for _, base := range []string{"http://example.com", "ftp://x", "https://", "", "https://user:pw@host", "https://host?x=1", "https://host#x", "http://127.0.0.1.example.com"} {
		if _, err := wire.New(wire.Options{System: "x", Base: base, AllowLoopbackHTTP: true}); err == nil {
			t.Errorf("%q was taken", base)
		}
	}
	if _, err := wire.New(wire.Options{System: "x", Base: "http://127.0.0.1:1"}); err == nil {
		t.Error("http:// was taken without the flag")
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a request came through a certificate that nobody signed")
	}))
	defer server.Close()
	for name, err := range both(client(t, server.URL, nil), nil) {
		var e *wire.Error
		if !errors.As(err, &e) || e.Status != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBodies: a bomb, a login page, an empty answer, duplicate names, bad UTF-8, trailing data and deep nesting are refused, reads
// and writes alike; a write that was answered so is in doubt (threats C5 to C7).
func TestBodies(t *testing.T) {
	for name, serve := range map[string]func(w http.ResponseWriter){
		"bomb": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			for range 64 {
				_, _ = z.Write(make([]byte, 1<<20))
			}
			_ = z.Close()
		},
		"login page":     func(w http.ResponseWriter) { fmt.Fprint(w, "<html>sign in</html>") },
		"empty":          func(w http.ResponseWriter) { w.Header().Set("Content-Type", "application/json") },
		"duplicate":      func(w http.ResponseWriter) { body(w, `{"a":"1","a":"2"}`) },
		"bad UTF-8":      func(w http.ResponseWriter) { body(w, "{\"a\":\"\xff\"}") },
		"trailing":       func(w http.ResponseWriter) { body(w, `{"a":"1"}{"a":"2"}`) },
		"deep":           func(w http.ResponseWriter) { body(w, strings.Repeat(`{"a":`, 80)+"1"+strings.Repeat("}", 80)) },
		"wrong type":     func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/plain"); fmt.Fprint(w, `{"a":"1"}`) },
		"half an object": func(w http.ResponseWriter) { body(w, `{"a":`) },
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(w) }))
			defer server.Close()
			var into struct {
				A string `json:"a"`
			}
			for kind, err := range both(client(t, server.URL, func(o *wire.Options) { o.Limits.Tries = 1 }), &into) {
				var e *wire.Error
				if !errors.As(err, &e) {
					t.Fatalf("%s: %v", kind, err)
				}
				if kind == "write" && e.Effect != provisioning.InDoubt {
					t.Errorf("the write is %v", e.Effect)
				}
				if strings.Contains(err.Error(), canary) {
					t.Errorf("the error holds a secret: %v", err)
				}
			}
		})
	}
}

func body(w http.ResponseWriter, s string) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, s)
}

// TestEffects: what is known of a write after each way in which it can fail, and how often it was sent.
func TestEffects(t *testing.T) {
	for name, c := range map[string]struct {
		fault  wiretest.Fault
		effect provisioning.Effect
		sent   int
	}{
		"400":              {wiretest.Fault{Kind: wiretest.Status, Status: 400}, provisioning.RefusedSend, 1},
		"403":              {wiretest.Fault{Kind: wiretest.Status, Status: 403}, provisioning.RefusedSend, 1},
		"404":              {wiretest.Fault{Kind: wiretest.Status, Status: 404}, provisioning.RefusedSend, 1},
		"405":              {wiretest.Fault{Kind: wiretest.Status, Status: 405}, provisioning.RefusedSend, 1},
		"409":              {wiretest.Fault{Kind: wiretest.Status, Status: 409}, provisioning.RefusedSend, 1},
		"408":              {wiretest.Fault{Kind: wiretest.Status, Status: 408}, provisioning.InDoubt, 1},
		"429":              {wiretest.Fault{Kind: wiretest.Status, Status: 429, Header: http.Header{"Retry-After": {"0"}}}, provisioning.NothingDone, 3},
		"500":              {wiretest.Fault{Kind: wiretest.Status, Status: 500}, provisioning.InDoubt, 1},
		"502 after effect": {wiretest.Fault{Kind: wiretest.AfterEffect, Status: 502}, provisioning.InDoubt, 1},
		"503":              {wiretest.Fault{Kind: wiretest.Status, Status: 503}, provisioning.InDoubt, 1},
		"503 with a wait":  {wiretest.Fault{Kind: wiretest.Status, Status: 503, Header: http.Header{"Retry-After": {"0"}}}, provisioning.NothingDone, 3},
		"reset before":     {wiretest.Fault{Kind: wiretest.ResetBefore}, provisioning.InDoubt, 1},
		"reset after":      {wiretest.Fault{Kind: wiretest.ResetAfter}, provisioning.InDoubt, 1},
		"cut body":         {wiretest.Fault{Kind: wiretest.CutBody}, provisioning.InDoubt, 1},
		"hang":             {wiretest.Fault{Kind: wiretest.HangAfter}, provisioning.InDoubt, 1},
	} {
		t.Run(name, func(t *testing.T) {
			bench := wiretest.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { body(w, `{"data":"0123456789"}`) }), nil)
			bench.Inject(c.fault)
			server := httptest.NewServer(bench)
			defer server.Close()
			w := client(t, server.URL, func(o *wire.Options) { o.Limits.Attempt = 300 * time.Millisecond })
			_, err := w.Write(context.Background(), wire.Request{Method: http.MethodPatch, Path: "/x", Body: 1}, &struct{}{})
			var e *wire.Error
			if !errors.As(err, &e) || e.Effect != c.effect {
				t.Fatalf("%v", err)
			}
			for range 200 { // a request that hung is logged when the server notices that we left
				if len(bench.Log()) >= c.sent {
					break
				}
				<-time.After(5 * time.Millisecond)
			}
			if n := len(bench.Log()); n != c.sent {
				t.Errorf("sent %d times, want %d", n, c.sent)
			}
		})
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	_, err := client(t, gone.URL, nil).Write(context.Background(), wire.Request{Method: http.MethodPost, Path: "/x"}, nil)
	var e *wire.Error
	if !errors.As(err, &e) || e.Effect != provisioning.NothingDone {
		t.Errorf("nobody listened: %v", err)
	}
}

// TestEndlessLists: a list that never ends, repeats itself or brings nothing new is left (threats C4).
func TestEndlessLists(t *testing.T) {
	c := client(t, "http://127.0.0.1:1", func(o *wire.Options) { o.Limits.Pages, o.Limits.Objects = 10, 1000 })
	walk := func(next func(i int) (fresh int, link string)) (pages int, err error) {
		p := c.Pages()
		for i := range 100 {
			fresh, link := next(i)
			if err := p.Page(fresh, link); err != nil || link == "" {
				return i + 1, err
			}
		}
		return 100, nil
	}
	for name, next := range map[string]func(int) (int, string){
		"the same link": func(int) (int, string) { return 1, "a" },
		"two in turn":   func(i int) (int, string) { return 1, fmt.Sprint(i % 2) },
		"always new":    func(i int) (int, string) { return 1, fmt.Sprint(i) },
		"nothing new":   func(i int) (int, string) { return 0, fmt.Sprint(i) },
		"far too many":  func(i int) (int, string) { return 600, fmt.Sprint(i) },
	} {
		if pages, err := walk(next); err == nil || pages > 10 {
			t.Errorf("%s: %d pages, %v", name, pages, err)
		}
	}
	if pages, err := walk(func(i int) (int, string) { return []int{1, 0, 0, 1}[i], []string{"a", "b", "c", ""}[i] }); err != nil || pages != 4 {
		t.Errorf("an honest list with empty pages: %d, %v", pages, err)
	}
}

// TestPaths: an id may hold anything, and never leaves its segment.
func TestPaths(t *testing.T) {
	for _, id := range []string{`A\B`, "A/B", "A#B", "A?B", "A%2FB", "A&B+C=D", "A;B:C", `A"B<C>D`, "A.B@C", "..%2f", "é陳"} {
		var got string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got = r.URL.EscapedPath(); body(w, "{}") }))
		if _, err := client(t, server.URL, nil).Read(context.Background(), wire.Request{Method: http.MethodGet, Path: wire.Path("users", id, "x")}, nil); err != nil {
			t.Errorf("%q: %v", id, err)
		}
		parts := strings.Split(got, "/")
		if len(parts) != 4 {
			t.Errorf("%q became %s", id, got)
		} else if back, err := url.PathUnescape(parts[2]); err != nil || back != id {
			t.Errorf("%q came as %q", id, back)
		}
		server.Close()
	}
	for _, id := range []string{"", ".", ".."} {
		if _, err := client(t, "http://127.0.0.1:1", nil).Read(context.Background(), wire.Request{Method: http.MethodGet, Path: wire.Path("users", id)}, nil); err == nil {
			t.Errorf("%q was sent", id)
		}
	}
}

// TestReauthorize: a 401 is met once with a new credential, and then believed.
func TestReauthorize(t *testing.T) {
	var calls, renewed atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		if renewed.Load() == 0 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body(w, "{}")
	}))
	defer server.Close()
	c := client(t, server.URL, func(o *wire.Options) {
		o.Reauthorize = func(context.Context) error { renewed.Add(1); return nil }
	})
	if _, err := c.Write(context.Background(), wire.Request{Method: http.MethodPatch, Path: "/x"}, nil); err != nil || calls.Load() != 2 || renewed.Load() != 1 {
		t.Errorf("%v, %d calls, %d renewals", err, calls.Load(), renewed.Load())
	}
}

// TestPace: the budget is kept, and a 429 makes everybody wait; on a clock that a test moves.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls int
		c, err := wire.New(wire.Options{
			System: "x", Base: "https://host", PerSecond: 10, Clock: provisioning.SystemClock{},
			Transport: round(func(*http.Request) (*http.Response, error) {
				calls++
				status, header := http.StatusOK, http.Header{"Content-Type": {"application/json"}}
				if calls == 5 {
					status, header = http.StatusTooManyRequests, http.Header{"Retry-After": {"30"}}
				}
				return &http.Response{StatusCode: status, Header: header, Body: http.NoBody}, nil
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		for range 20 {
			if _, err := c.Read(context.Background(), wire.Request{Method: http.MethodGet, Path: "/x"}, nil); err != nil {
				t.Fatal(err)
			}
		}
		took := time.Since(begin)
		if took < 31*time.Second || took > 34*time.Second {
			t.Errorf("21 requests at 10/s with a wait of 30 s took %s", took)
		}
	})
}

type round func(*http.Request) (*http.Response, error)

func (f round) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestRetryAfter reads the header in both its forms, against the server's own clock.
func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"7": 7 * time.Second, now.Add(time.Minute).Format(http.TimeFormat): time.Minute, now.Add(-time.Hour).Format(http.TimeFormat): 0,
	} {
		if got, ok := wire.RetryAfter(http.Header{"Retry-After": {value}}, now); !ok || got != want {
			t.Errorf("%q: %s, %v", value, got, ok)
		}
	}
	off := now.Add(-time.Hour) // a server whose clock is an hour behind
	h := http.Header{"Retry-After": {off.Add(time.Minute).Format(http.TimeFormat)}, "Date": {off.Format(http.TimeFormat)}}
	if got, ok := wire.RetryAfter(h, now); !ok || got != time.Minute {
		t.Errorf("a clock that is off: %s, %v", got, ok)
	}
}

// TestCost: a request that costs more takes more of the budget.
func TestCost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := wire.New(wire.Options{
			System: "x", Base: "https://host", PerSecond: 10, Clock: provisioning.SystemClock{}, Units: 2,
			Cost: func(r wire.Request) int { return map[string]int{"/dear": 5}[r.Path] + 2*(1-len(r.Query)) },
			Transport: round(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: http.NoBody}, nil
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		spend := func(r wire.Request, times int) time.Duration {
			begin := time.Now()
			for range times {
				if _, err := c.Read(context.Background(), r, nil); err != nil {
					t.Fatal(err)
				}
			}
			return time.Since(begin)
		}
		spend(wire.Request{Method: http.MethodGet, Path: "/plain"}, 10) // what had gathered is spent
		if took := spend(wire.Request{Method: http.MethodGet, Path: "/plain"}, 40); took < 3900*time.Millisecond || took > 4100*time.Millisecond {
			t.Errorf("40 of two units each at 20 units a second took %s", took)
		}
		dear := wire.Request{Method: http.MethodGet, Path: "/dear", Query: url.Values{"q": {"1"}}}
		if took := spend(dear, 40); took < 9900*time.Millisecond || took > 10100*time.Millisecond {
			t.Errorf("40 of five units each took %s", took)
		}
	})
}
