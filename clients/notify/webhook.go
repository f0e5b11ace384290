package notify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"rollcall/provisioning"
)

// Webhook posts notices to one address, signed as Standard Webhooks says (standardwebhooks.com): whoever has the secret can tell that a
// notice is ours, and when it was sent. It follows no redirect, and is never sent in the clear but on this machine.
type Webhook struct {
	address string
	host    string
	sign    *webhooks.Webhook
	client  *http.Client
	clock   provisioning.Clock
}

// NewWebhook makes one. The secret is "whsec_" and base64.
func NewWebhook(address string, secret provisioning.Secret, clock provisioning.Clock) (*Webhook, error) {
	bad := func(message, hint string) error {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "the webhook: " + message, Hint: hint}
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return nil, bad("its address is not of the form https://host/path", "write it without user and fragment")
	}
	loopback := u.Hostname() == "localhost"
	if ip := net.ParseIP(u.Hostname()); ip != nil {
		loopback = ip.IsLoopback()
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
		return nil, bad("its address must begin with https://", "names of people are never sent in the clear")
	}
	sign, err := webhooks.NewWebhook(secret.Reveal())
	if err != nil {
		return nil, bad("its secret is not whsec_ and base64", "take the secret as the receiver shows it")
	}
	return &Webhook{address: address, host: u.Host, sign: sign, clock: clock, client: &http.Client{
		Timeout:       deadline,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Name names it, without what may be secret in its path.
func (w *Webhook) Name() string { return "the webhook at " + w.host }

// tries and pause bound how often a webhook is sent: each with the same id, so that whoever got it twice can tell.
const (
	tries = 4
	pause = 2 * time.Second
)

// Notify posts one notice.
func (w *Webhook) Notify(ctx context.Context, firm, title, text string, n provisioning.Notice) error {
	at := w.clock.Now()
	body, err := json.Marshal(map[string]any{
		"type": "rollcall.notice", "timestamp": at.UTC().Format(time.RFC3339),
		"data": map[string]any{"firm": firm, "kind": n.Kind, "key": n.Key, "severity": n.Severity, "title": title, "text": text, "rows": n.Rows, "at": n.At},
	})
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(n.Key + n.At.UTC().Format(time.RFC3339Nano)))
	id := "msg_" + hex.EncodeToString(sum[:12])
	for try := range tries {
		if try > 0 {
			if err := w.clock.Sleep(ctx, pause<<(try-1)); err != nil {
				return err
			}
		}
		again, err := w.post(ctx, id, at, body)
		if err == nil || !again || try == tries-1 {
			return err
		}
	}
	return nil
}

// post sends once; again says that another try may help.
func (w *Webhook) post(ctx context.Context, id string, at time.Time, body []byte) (again bool, err error) {
	signature, err := w.sign.Sign(id, at, body)
	if err != nil {
		return false, fmt.Errorf("the notice cannot be signed")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.address, bytes.NewReader(body))
	if err != nil {
		return false, fmt.Errorf("the notice cannot be sent")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("webhook-id", id)
	r.Header.Set("webhook-timestamp", fmt.Sprint(at.Unix()))
	r.Header.Set("webhook-signature", signature)
	answer, err := w.client.Do(r)
	if err != nil { // the error names the whole address, which may hold a key
		return ctx.Err() == nil, &provisioning.Error{Code: provisioning.Unavailable, Message: w.host + " could not be reached"}
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16))
	switch answer.StatusCode / 100 {
	case 2:
		return false, nil
	case 3:
		return false, &provisioning.Error{Code: provisioning.Invalid, Message: w.host + " sends the notice elsewhere, which is not followed", Hint: "write the address that it names"}
	default:
		again = answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode >= http.StatusInternalServerError
		return again, &provisioning.Error{Code: provisioning.Unavailable, Message: fmt.Sprintf("%s answered %s", w.host, strings.TrimSpace(answer.Status))}
	}
}
