package notify

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strings"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"rollcall/provisioning"
)

// send sends a mail once. Whatever the server does, it ends with ctx or after mailStep: the library itself sets no deadline before the
// mail, and leaves open what it gave up.
func (m *Mail) send(ctx context.Context, msg *mail.Msg) error {
	ctx, cancel := context.WithTimeout(ctx, mailStep)
	defer cancel()
	dial := func(asking context.Context, network, address string) (net.Conn, error) {
		c, err := m.dial(asking, network, address)
		if err == nil {
			context.AfterFunc(ctx, func() { _ = c.Close() }) // on its deadline, and at the end
		}
		return c, err
	}
	policy := mail.TLSMandatory
	if m.near {
		policy = mail.TLSOpportunistic
	}
	options := []mail.Option{
		mail.WithPort(m.o.Port), mail.WithTLSConfig(m.tls), mail.WithTLSPolicy(policy), mail.WithTimeout(mailStep), mail.WithoutNoop(), mail.WithDialContextFunc(dial),
	}
	if m.o.Implicit {
		options = append(options, mail.WithSSL())
	}
	if m.o.Username != "" {
		options = append(options, mail.WithSMTPAuthCustom(&signIn{user: m.o.Username, password: m.o.Password, host: m.o.Host}))
	}
	client, err := mail.NewClient(m.o.Host, options...)
	if err != nil {
		return err
	}
	return client.DialAndSendWithContext(ctx, msg)
}

func (m *Mail) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if m.o.Implicit {
		return (&tls.Dialer{Config: m.tls}).DialContext(ctx, network, address)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

var (
	errClear  = errors.New("it does not encrypt, and a password is not sent in the clear")
	errNoSign = errors.New("it offers neither PLAIN nor LOGIN to sign in")
)

// signIn signs in by whichever of PLAIN (RFC 4616) and LOGIN the server offers, and over TLS alone.
type signIn struct {
	user, host string
	password   provisioning.Secret
	way        smtp.Auth
}

func (s *signIn) Start(server *smtp.ServerInfo) (string, []byte, error) {
	switch {
	case !server.TLS:
		return "", nil, errClear
	case slices.Contains(server.Auth, "PLAIN"):
		s.way = smtp.PlainAuth("", s.user, s.password.Reveal(), s.host, false)
	case slices.Contains(server.Auth, "LOGIN"):
		s.way = smtp.LoginAuth(s.user, s.password.Reveal(), s.host, false)
	default:
		return "", nil, errNoSign
	}
	return s.way.Start(server)
}

func (s *signIn) Next(from []byte, more bool) ([]byte, error) { return s.way.Next(from, more) }

// passing reports whether another try may help: the server refused for the moment (4yz, RFC 5321 4.2.1), or was not there.
func passing(err error) bool {
	var sent *mail.SendError
	var answer *textproto.Error
	var untrusted *tls.CertificateVerificationError
	var network net.Error
	switch {
	case errors.As(err, &sent):
		return sent.IsTemp() || (sent.ErrorCode() == 0 && (sent.Reason == mail.ErrWriteContent || sent.Reason == mail.ErrSMTPDataClose || sent.Reason == mail.ErrConnCheck))
	case errors.As(err, &answer):
		return answer.Code >= 400 && answer.Code < 500
	case errors.As(err, &untrusted):
		return false
	}
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// failed says a failure in plain words. Of the server's own words only those about a mail are repeated, cleaned, for a server may repeat
// what a sign-in sent; and none that holds the password.
func (m *Mail) failed(ctx context.Context, err error) error {
	e := &provisioning.Error{Code: provisioning.Unavailable, Message: m.Name() + " did not go", Hint: "it is told again later"}
	var sent *mail.SendError
	var answer *textproto.Error
	switch {
	case ctx.Err() != nil:
		e.Err = ctx.Err()
	case errors.As(err, &sent):
		e.Err = errors.New(line(m.hide(sent.Error()), mostTitle))
		if !passing(err) {
			e.Code, e.Hint = provisioning.Invalid, "see from and to of notify.mail in config.toml"
		}
	case errors.Is(err, errClear):
		e.Code, e.Hint, e.Err = provisioning.Invalid, "see host and port of notify.mail in config.toml", errClear
	case errors.Is(err, errNoSign):
		e.Code, e.Hint, e.Err = provisioning.Invalid, "see host and username of notify.mail in config.toml", errNoSign
	case errors.As(err, &answer) && strings.Contains(err.Error(), "AUTH"):
		e.Code, e.Hint, e.Err = provisioning.Denied, "see username and password of notify.mail in config.toml", fmt.Errorf("the sign-in was refused (%d)", answer.Code)
	case errors.As(err, &answer):
		e.Err = fmt.Errorf("the server answered %d", answer.Code)
	default:
		e.Hint, e.Err = "see host and port of notify.mail in config.toml", errors.New(line(m.hide(err.Error()), mostTitle))
	}
	return e
}

// hide leaves the password out of a text, as it is and as a sign-in sends it.
func (m *Mail) hide(text string) string {
	password := m.o.Password.Reveal()
	if password == "" {
		return text
	}
	b64 := base64.StdEncoding.EncodeToString
	return strings.NewReplacer(
		b64([]byte("\x00"+m.o.Username+"\x00"+password)), m.o.Password.String(), b64([]byte(password)), m.o.Password.String(), password, m.o.Password.String(),
	).Replace(text)
}
