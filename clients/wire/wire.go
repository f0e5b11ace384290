// Package wire is the one HTTP transport of every client: origin pinning, no redirect, limits on size and time, pacing under one
// budget per system, retry of what is safe to repeat, strict JSON, and errors that hold no secret (threats C1 to C7, E1). It
// knows HTTP and nothing of people, accounts or any vendor.
package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"rollcall/provisioning"
)

// The defaults of Options.Share and Options.MaxSkew.
const (
	defaultShare = 0.1
	maxSkew      = 5 * time.Minute
)

// Limits bound what a server may cost. The zero value takes the defaults of threats C4, C5 and C7.
type Limits struct {
	Body    int64         // decoded bytes of an answer; 32 MiB
	Attempt time.Duration // of one attempt, body included; 30 s
	Tries   int           // of a read, or of a write that surely did nothing; 6
	MaxWait time.Duration // that a server may ask for; 2 min
	// MaxReset is how long we wait by ourselves for a window to begin anew; 61 min, for OneLogin counts by the hour.
	MaxReset time.Duration
	Pages    int // of one listing; 10,000
	Objects  int // of one listing; 500,000
}

func (l Limits) withDefaults() Limits {
	if l.Body == 0 {
		l.Body = 32 << 20
	}
	if l.Attempt == 0 {
		l.Attempt = 30 * time.Second
	}
	if l.Tries == 0 {
		l.Tries = 6
	}
	if l.MaxWait == 0 {
		l.MaxWait = 2 * time.Minute
	}
	if l.MaxReset == 0 {
		l.MaxReset = 61 * time.Minute
	}
	if l.Pages == 0 {
		l.Pages = 10_000
	}
	if l.Objects == 0 {
		l.Objects = 500_000
	}
	return l
}

// Options say how to reach one system.
type Options struct {
	System            string // okta, imanage: for errors
	Base              string // https://host[:port][/prefix]
	AllowLoopbackHTTP bool   // take http:// where the host is a loopback address: the simulators
	CAFile            string // a PEM file of further certificate authorities; there is no way to skip the check
	// Authorize adds the credential to a request. It is called for every attempt, after the origin was checked.
	Authorize func(ctx context.Context, r *http.Request) error
	// Reauthorize is called once after a 401, and the call is repeated once: a 401 did nothing. Nil: a 401 is final.
	Reauthorize func(ctx context.Context) error
	// Wait reads a throttled answer's own headers: how long to wait. Nil, or false: Retry-After in both its forms.
	Wait func(h http.Header, now time.Time) (time.Duration, bool)
	// Throttled says that a refused call was refused for its rate alone, where the vendor does not answer 429 (contracts/idps.md
	// 2.3). Nil: only 429 and 503 are.
	Throttled func(e *Error) bool
	// Learn reads from any answer's headers how many requests a second the system allows. Nil: nothing is learnt.
	Learn     func(h http.Header, now time.Time) (perSecond float64, ok bool)
	PerSecond float64 // the budget; 0: unpaced until something is learnt
	Reserve   float64 // of it, kept free for people (provisioning.ForPerson); it grows and shrinks with what is learnt
	// Lend lets everybody have the reserve for as long as a second's worth of it lies ready for people: for a system that counts by a
	// bucket and not by the window.
	Lend bool
	// Cost is what a request costs in a vendor's own units, where they differ by what is asked; PerSecond is then of requests that cost
	// Units each, and none costs more than three times as much. Nil: every request costs the same.
	Cost  func(r Request) int
	Units int
	// Window reads from any answer's headers how much of a window's allowance is left. Nil: the system tells none.
	Window func(h http.Header, now time.Time) (Window, bool)
	// Bucket names the vendor's own bucket that a request is counted in. Nil: there is one.
	Bucket func(r Request) string
	Share  float64 // of a window's allowance, kept free for people; 0: a tenth
	// MaxSkew is how far the server's clock may be from ours before nothing that it says is believed (threats D3); 0: 5 min.
	MaxSkew   time.Duration
	Trace     *Trace // nil: nothing is traced
	Limits    Limits
	Clock     provisioning.Clock
	Transport http.RoundTripper // nil: our own
}

// Client sends requests to one system. It is safe for concurrent use.
type Client struct {
	opts Options
	base *url.URL
	http *http.Client
	gate *gate

	mu       sync.Mutex
	budget   budget
	paused   time.Time
	pauses   []provisioning.Pause
	odd      string  // about the wait that was asked for last
	inRow    int     // refusals without a wait and without a good answer between
	told     float64 // the rate, by the firm or by headers; 0: by nobody
	found    float64 // the rate by what was refused; 0: none
	foundAt  time.Time
	allowed  float64 // the rate in force
	about    float64 // as much is allowed since then
	since    time.Time
	windows  map[string]*window
	used     used
	refusals used
	skew     time.Duration
	dated    bool // the server told its clock
	tls      *tls.ConnectionState
}

// New makes a client, or says what is wrong with where it is to go.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.Base)
	if err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, invalid(o.System, "the address is not of the form https://host", "write it without user, query or fragment")
	}
	loopback := base.Hostname() == "localhost"
	if ip := net.ParseIP(base.Hostname()); ip != nil {
		loopback = ip.IsLoopback()
	}
	if base.Scheme != "https" && (base.Scheme != "http" || !loopback || !o.AllowLoopbackHTTP) {
		return nil, invalid(o.System, "the address must begin with https://", "a token is never sent in the clear")
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	if o.Clock == nil {
		o.Clock = provisioning.SystemClock{}
	}
	o.Limits = o.Limits.withDefaults()
	if o.Share <= 0 || o.Share >= 1 {
		o.Share = defaultShare
	}
	if o.Cost == nil {
		o.Cost, o.Units = func(Request) int { return 1 }, 1
	}
	if o.MaxSkew == 0 {
		o.MaxSkew = maxSkew
	}
	if o.Transport == nil {
		if o.Transport, err = transport(o); err != nil {
			return nil, err
		}
	}
	c := &Client{opts: o, base: base, gate: newGate(), windows: make(map[string]*window)}
	c.budget = budget{units: float64(o.Units), lend: o.Lend}
	c.http = &http.Client{
		Transport:     o.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	c.told = o.PerSecond
	c.repace(o.Clock.Now())
	return c, nil
}

func transport(o Options) (http.RoundTripper, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, invalid(o.System, "the certificate file cannot be read", "check ca_file")
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, invalid(o.System, "the certificate file holds no certificate", "check ca_file")
		}
		config.RootCAs = pool
	}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, ForceAttemptHTTP2: true,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second, MaxIdleConns: 64, MaxIdleConnsPerHost: 32, IdleConnTimeout: 90 * time.Second,
		MaxResponseHeaderBytes: 1 << 20,
	}, nil
}

func invalid(system, message, hint string) error {
	return &provisioning.Error{Code: provisioning.Invalid, Message: system + ": " + message, Hint: hint}
}

// Close lets idle connections go.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Limits tells the limits in force.
func (c *Client) Limits() Limits { return c.opts.Limits }

// Path joins escaped segments to a path under the base. A segment may hold any character of an id; an empty one, "." and ".."
// are refused by the request that carries them.
func Path(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteByte('/')
		if s == "" || s == "." || s == ".." {
			b.WriteString("%00") // never a valid segment: resolve refuses it
			continue
		}
		b.WriteString(strings.ReplaceAll(url.PathEscape(s), "+", "%2B"))
	}
	return b.String()
}

// Follow takes a page link out of an answer: resolved against the base, and refused unless it stays on the base's own scheme,
// host, port and path prefix, without userinfo (threats C1).
func (c *Client) Follow(link string) (Request, error) {
	foreign := &provisioning.Error{
		Code: provisioning.Denied, Message: c.opts.System + ": the server's next page lies on another host, and was not followed",
		Hint: "somebody may be in the middle: tell whoever runs the system",
	}
	if strings.ContainsAny(link, "\\\x00\r\n\t ") {
		return Request{}, foreign
	}
	u, err := c.base.Parse(link)
	if err != nil || u.Scheme != c.base.Scheme || !strings.EqualFold(u.Host, c.base.Host) || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return Request{}, foreign
	}
	path, ok := strings.CutPrefix(u.EscapedPath(), c.base.EscapedPath())
	if !ok || !strings.HasPrefix(path, "/") || strings.Contains(path, "/../") || strings.HasSuffix(path, "/..") {
		return Request{}, foreign
	}
	return Request{Method: http.MethodGet, Path: path, Query: u.Query()}, nil
}

// Skew is how far the server's clock is ahead of ours, by its last answer's Date header (threats D3); known is false where it
// told none.
func (c *Client) Skew() (skew time.Duration, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.skew, c.dated
}

// TLS tells how the last answer was protected: the version's name, and when the server's certificate ends. ok is false where
// nothing was reached over TLS.
func (c *Client) TLS() (version string, until time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tls == nil || len(c.tls.PeerCertificates) == 0 {
		return "", time.Time{}, false
	}
	return tls.VersionName(c.tls.Version), c.tls.PeerCertificates[0].NotAfter, true
}

// Error is how a call fails. It holds no token, no query string and no request body.
type Error struct {
	System, Method, Path string
	Status               int // 0: no answer came
	Header               http.Header
	RequestID            string // the vendor's own name of the request, for its support
	Body                 []byte // of the answer, bounded, for the vendor's own error words
	Effect               provisioning.Effect
	RetryAfter           time.Duration
	Message              string
	// Refusal is why a token endpoint refused, by its own codes alone: invalid_client, AADSTS7000222. Its words are left out.
	Refusal string
	Err     error
}

// StatusOf is the HTTP status of a failed call, 0 where no answer came.
func StatusOf(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// Error gives one sentence.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %s %s: %s", e.System, e.Method, e.Path, e.Message)
	if e.Err != nil {
		s += ": " + cause(e.Err)
	}
	if e.Refusal != "" {
		s += ": " + e.Refusal
	}
	if e.RequestID != "" {
		s += " (request " + e.RequestID + ")"
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// cause says an error without the URL that net/http puts into it: a query string may hold what nobody should read (threats E1).
func cause(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err.Error()
	}
	return err.Error()
}
