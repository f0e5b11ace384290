package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"

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
}

// Mail sends notices as plain mail. The connection is encrypted, but on this machine.
type Mail struct{ o MailOptions }

const submission = 587 // RFC 6409

// NewMail makes one; the addresses are checked.
func NewMail(o MailOptions) (*Mail, error) {
	bad := func(message string) error {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "notify.mail: " + message, Hint: "mend config.toml"}
	}
	if o.Port == 0 {
		o.Port = submission
	}
	m := mail.NewMsg()
	switch {
	case o.Host == "" || len(o.To) == 0:
		return nil, bad("it needs a host, from and to")
	case m.From(o.From) != nil:
		return nil, bad("from is no address")
	case m.To(o.To...) != nil:
		return nil, bad("to holds what is no address")
	}
	return &Mail{o}, nil
}

// Name names it.
func (m *Mail) Name() string { return "mail through " + m.o.Host }

// Notify sends one mail. Its Message-ID is that of its matter and moment: a server that gets it twice can tell.
func (m *Mail) Notify(ctx context.Context, _, title, text string, n provisioning.Notice) error {
	failed := func(err error) error {
		return &provisioning.Error{Code: provisioning.Unavailable, Message: "the mail could not be sent through " + m.o.Host, Hint: "see notify.mail in config.toml", Err: err}
	}
	msg := mail.NewMsg()
	if err := msg.From(m.o.From); err != nil {
		return failed(err)
	}
	if err := msg.To(m.o.To...); err != nil {
		return failed(err)
	}
	msg.Subject(cleanWords(title))
	sum := sha256.Sum256([]byte(n.Key + n.At.UTC().String()))
	msg.SetMessageIDWithValue(hex.EncodeToString(sum[:16]) + "@rollcall")
	msg.SetBodyString(mail.TypeTextPlain, text+"\n")
	options := []mail.Option{mail.WithPort(m.o.Port), mail.WithTLSPolicy(mail.TLSMandatory), mail.WithTimeout(deadline)}
	if ip := net.ParseIP(m.o.Host); ip != nil && ip.IsLoopback() {
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	}
	if m.o.Username != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(m.o.Username), mail.WithPassword(m.o.Password.Reveal()))
	}
	client, err := mail.NewClient(m.o.Host, options...)
	if err != nil {
		return failed(err)
	}
	if err := client.DialAndSendWithContext(ctx, msg); err != nil {
		return failed(err)
	}
	return nil
}
