package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rollcall/provisioning"
)

// Request is one call. Body is sent as JSON, Form as a form; at most one of them.
type Request struct {
	Method string
	Path   string // escaped, as Path makes it
	Query  url.Values
	Header http.Header
	Body   any
	Form   url.Values
	NoAuth bool // a token call: no credential is added, and no body of the answer goes into an error
}

// Answer is what came back.
type Answer struct {
	Status   int
	Header   http.Header
	Attempts int
}

// Read makes a call that changes nothing, and repeats it by itself where the system or the network failed. A JSON answer goes
// into into, which may be nil.
func (c *Client) Read(ctx context.Context, r Request, into any) (Answer, error) {
	return c.call(ctx, r, into, true)
}

// Write makes a call that changes something. It is sent once, and again only where the answer said that nothing was done: 429,
// or 503 with a wait. Its Error says what is known of the effect.
func (c *Client) Write(ctx context.Context, r Request, into any) (Answer, error) {
	return c.call(ctx, r, into, false)
}

func (c *Client) call(ctx context.Context, r Request, into any, safe bool) (Answer, error) {
	reauthorized := false
	for try := 1; ; try++ {
		answer, err := c.attempt(ctx, r, into, try)
		answer.Attempts = try
		if err == nil {
			return answer, nil
		}
		var e *Error
		if !errors.As(err, &e) || ctx.Err() != nil {
			return answer, err
		}
		if e.Status == http.StatusUnauthorized && !reauthorized && c.opts.Reauthorize != nil && !r.NoAuth {
			reauthorized = true
			if again := c.opts.Reauthorize(ctx); again != nil {
				return answer, again
			}
			continue
		}
		wait, again := c.again(e, safe, try)
		if !again {
			return answer, err
		}
		if err := c.opts.Clock.Sleep(ctx, wait); err != nil {
			return answer, e
		}
	}
}

// again says whether a failed attempt is repeated, and after how long.
func (c *Client) again(e *Error, safe bool, try int) (time.Duration, bool) {
	if try >= c.opts.Limits.Tries || provisioning.CodeOf(e.Err) == provisioning.Denied {
		return 0, false // a refused sign-in is not asked for again: too many of them lock an account
	}
	switch {
	case e.Status == http.StatusTooManyRequests, e.Status == http.StatusServiceUnavailable && e.Effect == provisioning.NothingDone:
		return e.RetryAfter, true
	case !safe:
		return 0, false
	case e.Status == 0, e.Status >= 500, e.Status == http.StatusOK && e.Err != nil:
		return backoff(try), !errors.Is(e.Err, errTooLarge) && !errors.Is(e.Err, errSkew)
	case c.isThrottled(e):
		return e.RetryAfter, true
	default:
		return 0, false
	}
}

var (
	errTooLarge = errors.New("the answer is larger than any honest one")
	errNotJSON  = errors.New("the answer is no JSON: perhaps a login page or a proxy")
	errForeign  = errors.New("the request would leave the system's own address")
	errSkew     = errors.New("its clock and this machine's are too far apart to believe a time or a token: set this machine's clock right")
)

// attempt sends once. Every failure is an *Error that says what is known of the effect.
func (c *Client) attempt(ctx context.Context, r Request, into any, try int) (Answer, error) {
	bucket := ""
	if c.opts.Bucket != nil {
		bucket = c.opts.Bucket(r)
	}
	fail := func(status int, h http.Header, effect provisioning.Effect, message string, err error) (Answer, error) {
		return Answer{Status: status, Header: h}, &Error{
			System: c.opts.System, Method: r.Method, Path: r.Path, Status: status, Header: h, Effect: effect, Message: message, Err: err, RequestID: requestID(h),
		}
	}
	flight, err := c.admit(ctx, r, bucket)
	if err != nil {
		return fail(0, nil, provisioning.NothingDone, "not sent", err)
	}
	defer c.leave(flight)
	asking := ctx
	ctx, cancel := context.WithTimeout(ctx, c.opts.Limits.Attempt)
	defer cancel()
	var wrote atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { wrote.Store(true) }}
	request, err := c.build(httptrace.WithClientTrace(ctx, trace), r)
	if err != nil {
		return fail(0, nil, provisioning.NothingDone, "not sent", err)
	}
	flight.sent = c.opts.Clock.Now() // a sign-in may have come between
	response, err := c.http.Do(request)
	now := c.opts.Clock.Now()
	c.opts.Trace.add(c.opts.System, request, response, err, now.Sub(flight.sent))
	if err != nil {
		if ctx.Err() != nil && asking.Err() == nil {
			c.overrun(flight, now)
		}
		effect := provisioning.InDoubt
		if !wrote.Load() || notSent(err) {
			effect = provisioning.NothingDone
		}
		return fail(0, nil, effect, "no answer", err)
	}
	defer response.Body.Close()
	c.learn(response, bucket)
	var space []byte
	if raw, ok := into.(*unchecked); ok {
		space = *raw
	}
	body, err := read(response, c.opts.Limits.Body+1, space)
	if err != nil {
		if ctx.Err() != nil && asking.Err() == nil {
			c.overrun(flight, c.opts.Clock.Now())
		}
		return fail(response.StatusCode, response.Header, provisioning.InDoubt, "the answer was cut off", err)
	}
	if int64(len(body)) > c.opts.Limits.Body {
		return fail(response.StatusCode, response.Header, provisioning.InDoubt, "the answer was not read", errTooLarge)
	}
	answer, err := c.judge(r, response, body, into)
	c.weigh(r, flight, answer, err, len(body), try)
	return answer, err
}

// isThrottled reports whether a call was refused for its rate alone, in a vendor's own way.
func (c *Client) isThrottled(e *Error) bool { return c.opts.Throttled != nil && c.opts.Throttled(e) }

// weigh takes what an answer shows of how much the system bears, and puts the wait that it asks for into its error.
func (c *Client) weigh(r Request, f flight, answer Answer, err error, size, try int) {
	var e *Error
	switch errors.As(err, &e); {
	case answer.Status == http.StatusTooManyRequests, answer.Status == http.StatusServiceUnavailable && e.Effect == provisioning.NothingDone, e != nil && c.isThrottled(e):
		a := c.throttled(answer.Header, try, f)
		e.RetryAfter, e.Message = a.wait, a.told(e.Message)
	case answer.Status == http.StatusServiceUnavailable, answer.Status == http.StatusGatewayTimeout, answer.Status == http.StatusRequestTimeout:
		c.overrun(f, c.opts.Clock.Now())
	case answer.Status < 500:
		c.served(f, r.Method, size)
	}
}

// read takes a body of at most so many bytes, in one piece where the server told its length, into space where it fits.
func read(response *http.Response, most int64, space []byte) ([]byte, error) {
	b := bytes.NewBuffer(space[:0])
	if n := response.ContentLength; n > 0 && n < most {
		b.Grow(int(n) + bytes.MinRead)
	}
	_, err := b.ReadFrom(io.LimitReader(response.Body, most))
	return b.Bytes(), err
}

// judge turns a whole answer into the caller's value, or into an Error.
func (c *Client) judge(r Request, response *http.Response, body []byte, into any) (Answer, error) {
	status := response.StatusCode
	answer := Answer{Status: status, Header: response.Header}
	e := &Error{System: c.opts.System, Method: r.Method, Path: r.Path, Status: status, Header: response.Header, RequestID: requestID(response.Header)}
	if !r.NoAuth {
		e.Body = body[:min(len(body), 16<<10)]
	} else if status >= 400 {
		e.Refusal = refusal(body)
	}
	if skew, known := c.Skew(); known && request(r) && skew.Abs() > c.opts.MaxSkew {
		e.Effect, e.Message, e.Err = provisioning.InDoubt, "the answer is not believed", errSkew
		return answer, e
	}
	switch {
	case status >= 200 && status < 300:
		if into == nil || status == http.StatusNoContent || (len(body) == 0 && status != http.StatusOK) {
			return answer, nil
		}
		if kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || !strings.HasSuffix(kind, "json") {
			e.Effect, e.Message, e.Err = provisioning.InDoubt, "the answer cannot be read", errNotJSON
			return answer, e
		}
		if raw, ok := into.(*unchecked); ok {
			*raw = body
			return answer, nil
		}
		if err := decode(body, into); err != nil {
			e.Effect, e.Message, e.Err = provisioning.InDoubt, "the answer cannot be read", err
			return answer, e
		}
		return answer, nil
	case status >= 300 && status < 400:
		e.Effect, e.Message = provisioning.RefusedSend, "the server sent us elsewhere, and was not followed"
	case status == http.StatusTooManyRequests:
		e.Effect, e.Message = provisioning.NothingDone, "too many requests"
	case status == http.StatusServiceUnavailable:
		e.Effect, e.Message = provisioning.InDoubt, "unavailable"
		if response.Header.Get("Retry-After") != "" { // the server chose to do nothing now
			e.Effect = provisioning.NothingDone
		}
	case status >= 400 && status < 500 && status != http.StatusRequestTimeout:
		e.Effect, e.Message = provisioning.RefusedSend, http.StatusText(status)
	default:
		e.Effect, e.Message = provisioning.InDoubt, "the server failed"
	}
	return answer, e
}

// unchecked is an answer's body as it came: whoever asked for it checks it before anything of it is believed. What it holds before is
// space that may be used.
type unchecked []byte

// refusal takes the codes alone out of a token endpoint's refusal (RFC 6749 5.2, and Microsoft's AADSTS numbers): its sentences may
// repeat what was sent.
func refusal(body []byte) string {
	var v struct {
		Error       jsontext.Value `json:"error"`
		Description jsontext.Value `json:"error_description"`
	}
	var code, words string
	if json.Unmarshal(body, &v) != nil || json.Unmarshal(v.Error, &code) != nil || len(code) > 60 ||
		strings.Trim(code, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return ""
	}
	_ = json.Unmarshal(v.Description, &words)
	if i := strings.Index(words, "AADSTS"); i >= 0 {
		n := i + len("AADSTS")
		for n < len(words) && words[n] >= '0' && words[n] <= '9' {
			n++
		}
		code += " " + words[i:n]
	}
	return code
}

// request reports whether a call asks for something and changes nothing: a write's answer is believed whatever the clock, for it
// says what was done.
func request(r Request) bool { return r.Method == http.MethodGet || r.NoAuth }

func (c *Client) build(ctx context.Context, r Request) (*http.Request, error) {
	if !strings.HasPrefix(r.Path, "/") || strings.Contains(r.Path, "%00") || strings.Contains(r.Path, "/../") {
		return nil, errForeign
	}
	target, err := url.Parse(c.base.Scheme + "://" + c.base.Host + c.base.EscapedPath() + r.Path)
	if err != nil || target.Host != c.base.Host {
		return nil, errForeign
	}
	target.RawQuery = r.Query.Encode()
	var body io.Reader
	kind := ""
	switch {
	case r.Form != nil:
		body, kind = strings.NewReader(r.Form.Encode()), "application/x-www-form-urlencoded"
	case r.Body != nil:
		data, err := json.Marshal(r.Body)
		if err != nil {
			return nil, err
		}
		body, kind = bytes.NewReader(data), "application/json"
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, target.String(), body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "rollcall")
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	for k, v := range r.Header {
		request.Header[k] = v
	}
	// A body that could be replayed would let the transport send a write a second time on a broken connection by itself.
	if request.Method != http.MethodGet && request.Method != http.MethodHead {
		request.GetBody = nil
	}
	if c.opts.Authorize != nil && !r.NoAuth {
		if err := c.opts.Authorize(ctx, request); err != nil {
			return nil, err
		}
	}
	return request, nil
}

// notSent reports whether an error says that no connection was made at all.
func notSent(err error) bool {
	var op *net.OpError
	return errors.Is(err, syscall.ECONNREFUSED) || (errors.As(err, &op) && op.Op == "dial")
}

// maxDepth bounds the nesting of an answer (threats C6).
const maxDepth = 64

// decode reads JSON strictly: no duplicate names, valid UTF-8, nothing after the value, no more than 64 levels (threats C6).
func decode(body []byte, into any) error {
	if tooDeep(body) {
		return errors.New("the answer is nested too deep")
	}
	if raw, ok := into.(*jsontext.Value); ok && jsontext.Value(body).IsValid() {
		*raw = body
		return nil
	}
	return json.Unmarshal(body, into)
}

// tooDeep counts open brackets outside strings.
func tooDeep(body []byte) bool {
	depth := 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '"':
			i = quoted(body, i)
		case '{', '[':
			if depth++; depth > maxDepth {
				return true
			}
		case '}', ']':
			depth--
		}
	}
	return false
}
