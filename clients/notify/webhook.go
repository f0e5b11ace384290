package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// Webhook posts notices to one address, signed as Standard Webhooks says (standardwebhooks.com, v1): whoever has the secret can tell that a
// notice is ours, and when it was sent. It follows no redirect, and is never sent in the clear but on this machine (threats C2).
type Webhook struct {
	host  string
	path  string
	query url.Values
	key   provisioning.Secret // raw bytes
	clock provisioning.Clock
	wire  *wire.Client
}

// WebhookOptions say where a webhook is and what it is signed with.
type WebhookOptions struct {
	URL    string              // https://…; http:// on this machine alone
	Secret provisioning.Secret // whsec_ and base64
	CAFile string              // a PEM file of further certificate authorities
	Clock  provisioning.Clock
}

// The bounds of one notice's way. The sender's own deadline is shorter than all the tries together.
const (
	tries    = 5
	attempt  = 10 * time.Second
	maxWait  = 20 * time.Second
	mostBack = 64 << 10 // of an answer, in bytes

	// The length of a key, in bytes: Standard Webhooks, "Symmetric signing".
	leastKey = 24
	mostKey  = 64
)

// NewWebhook makes one; see OpenWebhook.
func NewWebhook(address string, secret provisioning.Secret, clock provisioning.Clock) (*Webhook, error) {
	return OpenWebhook(WebhookOptions{URL: address, Secret: secret, Clock: clock})
}

// OpenWebhook makes one. An address or a secret that cannot be right is Invalid; no error repeats either.
func OpenWebhook(o WebhookOptions) (*Webhook, error) {
	bad := func(message, hint string) error {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "the webhook: " + message, Hint: hint}
	}
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || strings.Contains(u.EscapedPath()+"/", "/../") {
		return nil, bad("its address is not of the form https://host/path", "write it without user and fragment")
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(o.Secret.Reveal(), "whsec_"))
	if err != nil || !strings.HasPrefix(o.Secret.Reveal(), "whsec_") {
		return nil, bad("its secret is not whsec_ and base64", "take the secret as the receiver shows it")
	}
	if len(key) < leastKey || len(key) > mostKey {
		return nil, bad("its secret is not of 24 to 64 bytes", "have the receiver make a new one")
	}
	if o.Clock == nil {
		o.Clock = provisioning.SystemClock{}
	}
	w := &Webhook{host: line(u.Host, mostTitle), path: u.EscapedPath(), query: u.Query(), key: provisioning.NewSecret(string(key)), clock: o.Clock}
	if w.path == "" {
		w.path = "/"
	}
	w.wire, err = wire.New(wire.Options{
		System: "the webhook", Base: u.Scheme + "://" + u.Host, AllowLoopbackHTTP: true, CAFile: o.CAFile, Authorize: w.sign, Clock: o.Clock,
		Limits: wire.Limits{Tries: tries, Attempt: attempt, MaxWait: maxWait, Body: mostBack},
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// Name names it, without its path, which may be secret.
func (w *Webhook) Name() string { return "the webhook at " + w.host }

// Format writes the name for every verb: fmt does not ask a Secret in a field of ours how it wants to be printed.
func (w *Webhook) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, w.Name()) }

// Close lets idle connections go.
func (w *Webhook) Close() { w.wire.Close() }

// message is what is posted.
type message struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"` // of the matter
	Data      matter `json:"data"`
}

type matter struct {
	Firm     string   `json:"firm"`
	Kind     string   `json:"kind"`
	Key      string   `json:"key"`
	Severity string   `json:"severity"`
	Title    string   `json:"title"`
	Text     string   `json:"text"`
	Rows     []string `json:"rows"`
}

// Notify posts one notice. What is refused for the moment, and what nobody answered, is sent again under the same webhook-id, by which the
// receiver knows it.
func (w *Webhook) Notify(ctx context.Context, firm, title, text string, n provisioning.Notice) error {
	return w.notifyAs(ctx, tellingOf(n, n.At), firm, title, text, n)
}

func (w *Webhook) notifyAs(ctx context.Context, id, firm, title, text string, n provisioning.Notice) error {
	m := message{Type: "rollcall.notice", Timestamp: n.At.UTC().Format(time.RFC3339), Data: matter{
		Firm: line(firm, mostTitle), Kind: line(string(n.Kind), mostTitle), Key: line(n.Key, mostTitle), Severity: line(string(n.Severity), mostTitle),
		Title: line(title, mostTitle), Text: lines(text), Rows: []string{},
	}}
	for _, r := range n.Rows[:min(len(n.Rows), mostRows)] {
		m.Data.Rows = append(m.Data.Rows, line(r, mostTitle))
	}
	// Read, and not Write: a webhook may be sent twice, for its id is the same.
	_, err := w.wire.Read(ctx, wire.Request{
		Method: http.MethodPost, Path: w.path, Query: w.query, Body: m, Header: http.Header{"Webhook-Id": {"msg_" + id}},
	}, nil)
	return w.failed(ctx, err)
}

// sign signs an attempt: the bytes that leave, and the time at which they do.
func (w *Webhook) sign(_ context.Context, r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	at := strconv.FormatInt(w.clock.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(w.key.Reveal()))
	fmt.Fprintf(mac, "%s.%s.%s", r.Header.Get("Webhook-Id"), at, body)
	r.Header.Set("Webhook-Timestamp", at)
	r.Header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return nil
}

// failed says a failure without the address's path and query, either of which may be the receiver's key, and without a word of the
// answer. An answer of 200 counts, whatever is wrong with its body.
func (w *Webhook) failed(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	e := &provisioning.Error{Code: provisioning.Unavailable, Hint: "it is told again later"}
	switch status := wire.StatusOf(err); {
	case status >= 200 && status < 300:
		return nil
	case status == 0:
		e.Message, e.Err = w.host+" could not be reached", reason(ctx, err)
	case status >= 300 && status < 400:
		e.Code, e.Message, e.Hint = provisioning.Invalid, w.host+" sends the notice elsewhere, which is not followed", "write the address that it names"
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		e.Code, e.Message, e.Hint = provisioning.Denied, fmt.Sprintf("%s refuses the notice (%d)", w.host, status), "compare the webhook's secret with the receiver's"
	case status == http.StatusNotFound, status == http.StatusGone:
		e.Code, e.Message, e.Hint = provisioning.Invalid, fmt.Sprintf("%s has no such webhook (%d)", w.host, status), "take the address as the receiver shows it"
	case status == http.StatusTooManyRequests, status >= http.StatusInternalServerError:
		e.Message = fmt.Sprintf("%s cannot take the notice now (%d)", w.host, status)
	default:
		e.Code, e.Message, e.Hint = provisioning.Invalid, fmt.Sprintf("%s does not take the notice (%d)", w.host, status), "see what the receiver says it wants"
	}
	return e
}

// reason is the last cause of what was not answered: no address, no URL.
func reason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var e *wire.Error
	for errors.As(err, &e) && e.Err != nil {
		err = e.Err
		e = nil
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return errors.New(line(err.Error(), mostTitle))
}

// tellingOf names one telling of a matter: the same for every try of it, and another one when it is told again. Of the key nothing can be
// read out of it.
func tellingOf(n provisioning.Notice, round time.Time) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s%d:%s%d", len(n.Kind), n.Kind, len(n.Key), n.Key, round.UnixNano()))
	return hex.EncodeToString(sum[:16])
}
