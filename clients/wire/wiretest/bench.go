// Package wiretest is the bench under every simulator: a log of the requests that came, and scripted faults, among them those
// in which the effect takes place and the answer does not arrive (DESIGN 8). It knows HTTP and nothing of any vendor.
package wiretest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Kind is a kind of fault.
type Kind int

// The faults.
const (
	Status      Kind = iota + 1 // answer Fault.Status with Fault.Header, and do nothing
	AfterEffect                 // do it, then answer Fault.Status (502) with a gateway's HTML
	ResetBefore                 // cut the connection, and do nothing
	ResetAfter                  // do it, then cut the connection
	CutBody                     // do it, and send half of the answer
	Drip                        // do it, and send the answer byte by byte until the client leaves
	HTML                        // 200 with a login page, and do nothing
	EmptyObject                 // 200 {}
	EmptyList                   // 200 []
	Hang                        // do nothing until the client leaves
	HangAfter                   // do it, then answer nothing until the client leaves
	Rewrite                     // do it, and change the answer with Fault.Rewrite
	Slow                        // wait Fault.Delay, then do it
)

// Fault says what goes wrong, for which requests. A request is met by the first fault that matches.
type Fault struct {
	Kind    Kind
	Method  string // "": any
	Path    string // a pattern as of path.Match, or a prefix; "": any
	Query   string // what the query must hold, escaped as it was sent; "": anything
	Skip    int    // let so many matching requests through first
	Times   int    // then fail so many; 0: for ever
	Every   int    // of those, fail each n-th only
	Status  int
	Header  http.Header
	Delay   time.Duration
	Rewrite func([]byte) []byte
	seen    int
	failed  int
}

// Entry is one request that came.
type Entry struct {
	Method string
	Path   string // as sent, escaped
	Query  string
	Body   string
	Header http.Header
	Status int  // that was answered, also where the answer was cut; 0: none yet
	Fault  Kind // that met it; 0: none
	At     time.Time
}

// Bench is a handler around a simulator's own.
type Bench struct {
	next   http.Handler
	now    func() time.Time
	mu     sync.Mutex
	faults []*Fault
	log    []*Entry
}

// New puts a bench under a simulator.
func New(next http.Handler, now func() time.Time) *Bench {
	if now == nil {
		now = time.Now
	}
	return &Bench{next: next, now: now}
}

// Inject adds faults.
func (b *Bench) Inject(faults ...Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range faults {
		b.faults = append(b.faults, &f)
	}
}

// Clear takes every fault away.
func (b *Bench) Clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = nil
}

// Log returns a copy of the requests so far.
func (b *Bench) Log() []Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	log := make([]Entry, len(b.log))
	for i, e := range b.log {
		log[i] = *e
	}
	return log
}

// Forget empties the log.
func (b *Bench) Forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log = nil
}

// mostLogged bounds the log of a simulator that runs for a long time.
const mostLogged = 200_000

// ServeHTTP logs a request, and lets it through, or fails it as the script says.
func (b *Bench) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 8<<20))
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	f := b.match(r)
	e := &Entry{Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Body: string(body), Header: r.Header.Clone(), At: b.now()}
	if f != nil {
		e.Fault = f.Kind
	}
	b.record(e)
	logged := &statusWriter{ResponseWriter: w, status: func(status int) { b.answered(e, status) }}
	if f == nil {
		b.next.ServeHTTP(logged, r)
		return
	}
	b.fail(logged, r, f)
}

// record logs a request when it comes: whoever has its answer finds it in the log, and whoever forgot the log does not find it later.
func (b *Bench) record(e *Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.log) < mostLogged {
		b.log = append(b.log, e)
	}
}

// answered notes the status of an answer before it leaves.
func (b *Bench) answered(e *Entry, status int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e.Status = status
}

func (b *Bench) match(r *http.Request) *Fault {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.faults {
		if f.Method != "" && f.Method != r.Method {
			continue
		}
		if f.Path != "" && !strings.HasPrefix(r.URL.EscapedPath(), f.Path) {
			if ok, err := path.Match(f.Path, r.URL.EscapedPath()); err != nil || !ok {
				continue
			}
		}
		if f.Query != "" && !strings.Contains(r.URL.RawQuery, f.Query) {
			continue
		}
		if f.Times > 0 && f.failed >= f.Times {
			continue
		}
		f.seen++
		if f.seen <= f.Skip || (f.Every > 1 && (f.seen-f.Skip)%f.Every != 0) {
			continue
		}
		f.failed++
		return f
	}
	return nil
}

// fail does what a fault says.
func (b *Bench) fail(w http.ResponseWriter, r *http.Request, f *Fault) {
	text := func(status int, kind, body string) {
		for k, v := range f.Header {
			w.Header()[k] = v
		}
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
	const page = "<html><body><h1>Sign in</h1></body></html>"
	switch f.Kind {
	case Status:
		text(f.Status, "application/json", "{}")
	case AfterEffect:
		b.next.ServeHTTP(httptest.NewRecorder(), r)
		text(f.Status, "text/html", page)
	case ResetBefore:
		panic(http.ErrAbortHandler)
	case ResetAfter:
		b.next.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case HTML:
		text(http.StatusOK, "text/html; charset=utf-8", page)
	case EmptyObject:
		text(http.StatusOK, "application/json", "{}")
	case EmptyList:
		text(http.StatusOK, "application/json", "[]")
	case Hang:
		<-r.Context().Done()
	case HangAfter:
		b.next.ServeHTTP(httptest.NewRecorder(), r.WithContext(r.Context()))
		<-r.Context().Done()
	case Slow:
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return
		}
		b.next.ServeHTTP(w, r)
	default:
		b.spoil(w, r, f)
	}
}

// spoil lets the simulator answer, and changes, cuts or drips what it said.
func (b *Bench) spoil(w http.ResponseWriter, r *http.Request, f *Fault) {
	recorder := httptest.NewRecorder()
	b.next.ServeHTTP(recorder, r)
	body := recorder.Body.Bytes()
	if f.Kind == Rewrite {
		body = f.Rewrite(body)
	}
	for k, v := range recorder.Header() {
		w.Header()[k] = v
	}
	for k, v := range f.Header {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(recorder.Code)
	switch f.Kind {
	case CutBody:
		_, _ = w.Write(body[:len(body)/2])
		panic(http.ErrAbortHandler)
	case Drip:
		for i := range body {
			if _, err := w.Write(body[i : i+1]); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			timer := time.NewTimer(max(f.Delay, time.Millisecond))
			select {
			case <-timer.C:
			case <-r.Context().Done():
				timer.Stop()
				return
			}
		}
	default:
		_, _ = w.Write(body)
	}
}

// statusWriter tells of a status before it is sent.
type statusWriter struct {
	http.ResponseWriter
	status func(int)
	told   bool
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *statusWriter) WriteHeader(status int) {
	if !w.told {
		w.told = true
		w.status(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if !w.told {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}
