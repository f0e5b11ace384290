package wire

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Trace writes one line for each attempt of a request, for a support ticket: what was asked, what came, how long it took. It holds
// no token, no body and no value of a query, only what traced names (threats E1). It is safe for concurrent use, and a nil one
// writes nothing.
type Trace struct {
	mu  sync.Mutex
	out io.Writer
	now func() time.Time
}

// NewTrace makes a trace that writes to out.
func NewTrace(out io.Writer, now func() time.Time) *Trace { return &Trace{out: out, now: now} }

// traced are the headers of an answer that a trace shows: those of the rate, of the clock and of the request's own name.
func traced() []string {
	return []string{
		"Date", "Retry-After", "X-Rate-Limit-Limit", "X-Rate-Limit-Remaining", "X-Rate-Limit-Reset", "X-Ratelimit-Limit", "X-Ratelimit-Remaining",
		"X-Ratelimit-Reset", "X-Ratelimit-Retryafter", "X-Ms-Throttle-Limit-Percentage", "X-Ms-Resource-Unit", "Content-Type", "Total-Count", "Current-Page",
	}
}

// plainQuery are the query's values that say how much was asked, and never who or with what.
func plainQuery(name string) bool {
	return slices.Contains([]string{"limit", "maxResults", "$top", "$select", "$expand", "projection", "orderBy", "showDeleted", "fields"}, name)
}

func (t *Trace) add(system string, r *http.Request, answer *http.Response, err error, took time.Duration) {
	if t == nil {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s %s%s", t.now().UTC().Format(time.RFC3339Nano), system, r.Method, r.URL.EscapedPath(), redactQuery(r.URL.Query()))
	if err != nil {
		fmt.Fprintf(&b, " -> failed: %s", oneLine(cause(err)))
	} else {
		fmt.Fprintf(&b, " -> %d", answer.StatusCode)
		if id := requestID(answer.Header); id != "" {
			fmt.Fprintf(&b, " request=%s", id)
		}
		for _, name := range traced() {
			if v := answer.Header.Get(name); v != "" {
				fmt.Fprintf(&b, " %s=%q", name, v)
			}
		}
	}
	fmt.Fprintf(&b, " in %s\n", took.Round(time.Millisecond))
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = io.WriteString(t.out, b.String()) // a trace that cannot be written must not fail the work
}

func oneLine(s string) string {
	return strings.NewReplacer("\n", " ", "\r", " ", "\x1b", " ").Replace(s)
}

// redactQuery keeps the names of a query, and the values of plainQuery.
func redactQuery(q url.Values) string {
	if len(q) == 0 {
		return ""
	}
	names := make([]string, 0, len(q))
	for name := range q {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		value := "*"
		if plainQuery(name) {
			value = q.Get(name)
		}
		names[i] = url.QueryEscape(name) + "=" + oneLine(value)
	}
	return "?" + strings.Join(names, "&")
}

// requestID is the vendor's own name of a request, bounded and plain, "" where it gave none.
func requestID(h http.Header) string {
	for _, name := range []string{"X-Okta-Request-Id", "Request-Id", "X-Request-Id", "X-Guploader-Uploadid"} {
		id := h.Get(name)
		if id == "" || len(id) > 80 || strings.ContainsFunc(id, func(r rune) bool {
			return r != '-' && r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
		}) {
			continue
		}
		return id
	}
	return ""
}
