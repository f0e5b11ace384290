package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	netmail "net/mail"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"rollcall/provisioning"
)

// MailOptions say how mail leaves.
type MailOptions struct {
	Host     string
	Port     int // 0: 587
	From     string
	To       []string
	Username string
	Password provisioning.Secret
	Implicit bool   // TLS from the first byte, as on port 465; otherwise by STARTTLS
	CAFile   string // a PEM file of further certificate authorities
	Clock    provisioning.Clock
}

// Mail sends notices as plain mail. The connection is encrypted, but on this machine, where it need not be; a password is never sent in
// the clear.
type Mail struct {
	o    MailOptions
	tls  *tls.Config
	near bool
}

const (
	submission  = 587 // RFC 6409
	submissions = 465 // RFC 8314 3.3: implicit TLS

	mailTries = 3
	mailPause = 2 * time.Second
	mailStep  = 20 * time.Second // one try, from dialling to the end
)

// NewMail makes one; the addresses are checked.
func NewMail(o MailOptions) (*Mail, error) {
	bad := func(message string) error {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "notify.mail: " + message, Hint: "mend config.toml"}
	}
	if o.Port == 0 {
		o.Port = submission
	}
	if o.Clock == nil {
		o.Clock = provisioning.SystemClock{}
	}
	o.Implicit = o.Implicit || o.Port == submissions
	switch {
	case o.Host == "" || len(o.To) == 0:
		return nil, bad("it needs a host, from and to")
	case strings.ContainsAny(o.Host, "/:@ \r\n\t") && net.ParseIP(o.Host) == nil:
		return nil, bad("host is a name alone, such as smtp.example.com")
	case o.Port < 0 || o.Port > 1<<16-1:
		return nil, bad("port is no port")
	case !isAddress(o.From):
		return nil, bad("from is no address")
	case slices.ContainsFunc(o.To, func(a string) bool { return !isAddress(a) }):
		return nil, bad("to holds what is no address")
	case (o.Username == "") != o.Password.IsZero():
		return nil, bad("a username goes with a password")
	}
	m := &Mail{o: o, tls: &tls.Config{ServerName: o.Host, MinVersion: tls.VersionTLS12}, near: o.Host == "localhost"}
	if ip := net.ParseIP(o.Host); ip != nil {
		m.near = ip.IsLoopback()
	}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, bad("the certificate file cannot be read")
		}
		if m.tls.RootCAs, err = x509.SystemCertPool(); err != nil {
			m.tls.RootCAs = x509.NewCertPool()
		}
		if !m.tls.RootCAs.AppendCertsFromPEM(pem) {
			return nil, bad("the certificate file holds no certificate")
		}
	}
	return m, nil
}

func isAddress(s string) bool {
	_, err := netmail.ParseAddress(s)
	return err == nil && !strings.ContainsAny(s, "\r\n\x00")
}

// Name names it.
func (m *Mail) Name() string { return "mail through " + line(m.o.Host, mostTitle) }

// Format writes the name for every verb: fmt does not ask a Secret in a field of ours how it wants to be printed.
func (m *Mail) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.Name()) }

// Notify sends one mail. It is tried again where the server could not be reached or refused it for the moment, and the Message-ID stays:
// who gets it twice can tell.
func (m *Mail) Notify(ctx context.Context, firm, title, text string, n provisioning.Notice) error {
	return m.notifyAs(ctx, tellingOf(n, n.At), firm, title, text, n)
}

func (m *Mail) notifyAs(ctx context.Context, id, _, title, text string, _ provisioning.Notice) error {
	for try := 1; ; try++ {
		msg, err := m.compose(id, title, text)
		if err == nil {
			err = m.send(ctx, msg)
		}
		if err == nil || msg.IsDelivered() { // what goes wrong after the server took it is no matter
			return nil
		}
		if try < mailTries && passing(err) && ctx.Err() == nil && m.o.Clock.Sleep(ctx, mailPause<<(try-1)) == nil {
			continue
		}
		return m.failed(ctx, err)
	}
}

// compose makes the mail. Its texts are cleaned: no line of them can become a header.
func (m *Mail) compose(id, title, text string) (*mail.Msg, error) {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := errors.Join(msg.From(m.o.From), msg.To(m.o.To...)); err != nil {
		return msg, err
	}
	subject := line(strings.Join(strings.Fields(title), " "), mostTitle)
	msg.Subject(strings.ReplaceAll(subject, "=?", "= ?")) // no name is a word that a reader decodes, line breaks and all (RFC 2047)
	msg.SetMessageIDWithValue(id + "@rollcall")
	msg.SetDateWithValue(m.o.Clock.Now())
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no answer of an absent reader comes back
	msg.SetBodyString(mail.TypeTextPlain, lines(text)+"\n")
	return msg, nil
}
