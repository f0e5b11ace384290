package notify_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/clients/notify"
	"rollcall/provisioning"
)

const password = "smtp-canary password-57"

// post is a mail server on this machine. Its answers to a verb may be set, one after the other, the last again and again: a line, or
// "hang", or "drop". It keeps what it was told.
type post struct {
	t        *testing.T
	l        net.Listener
	config   *tls.Config // nil: it does not encrypt
	implicit bool
	auth     string // mechanisms

	mu      sync.Mutex
	answers map[string][]string
	log     []string
	mails   []string
	clear   []string // what came before the connection was encrypted
	conns   int
	tasks   sync.WaitGroup
	open    map[net.Conn]bool
}

func newPost(t *testing.T, change func(*post)) *post {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &post{t: t, l: l, answers: make(map[string][]string), open: make(map[net.Conn]bool)}
	if change != nil {
		change(p)
	}
	if p.implicit {
		p.l = tls.NewListener(l, p.config)
	}
	p.tasks.Go(func() {
		for {
			c, err := p.l.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.conns++
			p.open[c] = true
			p.mu.Unlock()
			p.tasks.Go(func() {
				p.serve(c)
				c.Close()
			})
		}
	})
	t.Cleanup(p.stop)
	return p
}

func (p *post) stop() {
	p.l.Close()
	p.mu.Lock()
	for c := range p.open {
		c.Close()
	}
	p.mu.Unlock()
	p.tasks.Wait()
}

func (p *post) port() int { return p.l.Addr().(*net.TCPAddr).Port }

// answer takes the next scripted answer to a verb, or the usual one.
func (p *post) answer(verb, usual string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.answers[verb]
	if len(list) == 0 {
		return usual
	}
	if len(list) > 1 {
		p.answers[verb] = list[1:]
	}
	if list[0] == "" {
		return usual
	}
	return list[0]
}

func (p *post) serve(c net.Conn) {
	encrypted := p.implicit
	r := bufio.NewReader(c)
	say := func(verb, usual string) bool {
		switch a := p.answer(verb, usual); a {
		case "drop":
			return false
		case "hang":
			_, _ = io.Copy(io.Discard, r) // until the other end goes
			return false
		default:
			_, err := io.WriteString(c, strings.ReplaceAll(a, "\n", "\r\n")+"\r\n")
			return err == nil
		}
	}
	if !say("CONNECT", "220 here") {
		return
	}
	for {
		text, err := r.ReadString('\n')
		if err != nil {
			return
		}
		text = strings.TrimRight(text, "\r\n")
		p.mu.Lock()
		p.log = append(p.log, text)
		if !encrypted {
			p.clear = append(p.clear, text)
		}
		p.mu.Unlock()
		verb, _, _ := strings.Cut(text, " ")
		var on bool
		switch verb {
		case "EHLO":
			offer := "250-here\n"
			if p.config != nil && !encrypted {
				offer += "250-STARTTLS\n"
			}
			if p.auth != "" {
				offer += "250-AUTH " + p.auth + "\n"
			}
			on = say(verb, offer+"250 8BITMIME")
		case "STARTTLS":
			if on = say(verb, "220 go on"); on && p.config != nil {
				secure := tls.Server(c, p.config)
				if secure.Handshake() != nil {
					return
				}
				c, r, encrypted = secure, bufio.NewReader(secure), true
			}
		case "AUTH":
			on = p.signIn(r, c, say, text)
		case "DATA":
			if on = say(verb, "354 go on"); !on {
				break
			}
			var mail strings.Builder
			for {
				row, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if row == ".\r\n" {
					break
				}
				mail.WriteString(strings.TrimPrefix(row, "."))
			}
			p.mu.Lock()
			p.mails = append(p.mails, mail.String())
			p.mu.Unlock()
			on = say(".", "250 taken")
		case "QUIT":
			say(verb, "221 bye")
			return
		default:
			on = say(verb, "250 ok")
		}
		if !on {
			return
		}
	}
}

func (p *post) signIn(r *bufio.Reader, c net.Conn, say func(string, string) bool, text string) bool {
	want := base64.StdEncoding.EncodeToString([]byte("\x00desk\x00" + password))
	if strings.HasPrefix(text, "AUTH LOGIN") {
		for _, ask := range []string{"Username:", "Password:"} {
			_, _ = fmt.Fprintf(c, "334 %s\r\n", base64.StdEncoding.EncodeToString([]byte(ask)))
			got, err := r.ReadString('\n')
			if err != nil {
				return false
			}
			text = strings.TrimSpace(got)
		}
		want = base64.StdEncoding.EncodeToString([]byte(password))
	}
	if !strings.HasSuffix(text, want) {
		p.t.Errorf("signed in with %q", text)
	}
	return say("AUTH", "235 welcome")
}

func (p *post) seen() (log, clear, mails []string, conns int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.log), slices.Clone(p.clear), slices.Clone(p.mails), p.conns
}

// encrypting gives a server's certificate for 127.0.0.1, and the file of its authority.
func encrypting(t *testing.T) (*tls.Config, string) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.Config.ErrorLog = quietLog()
	s.StartTLS()
	defer s.Close()
	return &tls.Config{Certificates: s.TLS.Certificates, MinVersion: tls.VersionTLS12}, authority(t, s)
}

func options(p *post, ca string) notify.MailOptions {
	return notify.MailOptions{
		Host: "127.0.0.1", Port: p.port(), From: "rollcall@firm.example", To: []string{"desk@firm.example", "it@firm.example"}, Username: "desk",
		Password: provisioning.NewSecret(password), CAFile: ca, Clock: &running{now: time.Now()}, Implicit: p.implicit,
	}
}

func send(t *testing.T, o notify.MailOptions) error {
	t.Helper()
	m, err := notify.NewMail(o)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", m, m, o), "smtp-canary") {
		t.Error("the options tell the password")
	}
	return m.Notify(t.Context(), "A firm", "title", "text", notice())
}

// TestMailTranscript: the mail goes to all readers, encrypted from the password on, whichever way the server wants.
func TestMailTranscript(t *testing.T) {
	config, ca := encrypting(t)
	for name, change := range map[string]func(*post){
		"STARTTLS, PLAIN":    func(p *post) { p.config, p.auth = config, "PLAIN LOGIN" },
		"STARTTLS, LOGIN":    func(p *post) { p.config, p.auth = config, "LOGIN" },
		"implicit TLS":       func(p *post) { p.config, p.implicit, p.auth = config, true, "PLAIN" },
		"implicit TLS LOGIN": func(p *post) { p.config, p.implicit, p.auth = config, true, "LOGIN CRAM-MD5" },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPost(t, change)
			if err := send(t, options(p, ca)); err != nil {
				t.Fatal(err)
			}
			p.stop()
			log, clear, mails, _ := p.seen()
			for _, want := range []string{"MAIL FROM:<rollcall@firm.example>", "RCPT TO:<desk@firm.example>", "RCPT TO:<it@firm.example>"} {
				if !slices.ContainsFunc(log, func(s string) bool { return strings.HasPrefix(s, want) }) {
					t.Errorf("no %s in %q", want, log)
				}
			}
			if slices.ContainsFunc(clear, func(s string) bool { return !strings.HasPrefix(s, "EHLO ") && s != "STARTTLS" }) {
				t.Errorf("in the clear: %q", clear)
			}
			if len(mails) != 1 || !strings.Contains(mails[0], "Subject: title\r\n") || strings.Contains(mails[0], "go-mail") {
				t.Errorf("%q", mails)
			}
			settled(t)
		})
	}
}

// TestMailIsNotSent: where the way is not safe or the server refuses, no mail and no password leaves, and nobody is told the password.
func TestMailIsNotSent(t *testing.T) {
	config, ca := encrypting(t)
	echo := base64.StdEncoding.EncodeToString([]byte("\x00desk\x00" + password))
	for name, c := range map[string]struct {
		change func(*post)
		ca     string
		code   provisioning.Code
		conns  int
	}{
		"no STARTTLS":             {func(p *post) { p.auth = "PLAIN" }, ca, provisioning.Invalid, 1},
		"STARTTLS refused":        {func(p *post) { p.config, p.auth = config, "PLAIN"; p.answers["STARTTLS"] = []string{"454 not now"} }, ca, provisioning.Unavailable, 3},
		"an unknown authority":    {func(p *post) { p.config, p.auth = config, "PLAIN" }, "", provisioning.Unavailable, 1},
		"no way to sign in":       {func(p *post) { p.config, p.auth = config, "XOAUTH2 CRAM-MD5" }, ca, provisioning.Invalid, 1},
		"a refused sign-in":       {func(p *post) { p.config, p.auth = config, "PLAIN"; p.answers["AUTH"] = []string{"535 no " + echo} }, ca, provisioning.Denied, 1},
		"a LOGIN that is refused": {func(p *post) { p.config, p.auth = config, "LOGIN"; p.answers["AUTH"] = []string{"535 no " + password} }, ca, provisioning.Denied, 1},
		"a greeting that refuses": {func(p *post) { p.config = config; p.answers["CONNECT"] = []string{"554 go away"} }, ca, provisioning.Unavailable, 1},
		"a greeting that drops":   {func(p *post) { p.answers["CONNECT"] = []string{"drop"} }, ca, provisioning.Unavailable, 3},
		"a sender that is refused": {func(p *post) {
			p.config, p.auth = config, "PLAIN"
			p.answers["MAIL"] = []string{"550 5.7.1 not you\x1b[2J " + password}
		}, ca, provisioning.Invalid, 1},
		"a reader that is refused": {func(p *post) {
			p.config, p.auth = config, "PLAIN"
			p.answers["RCPT"] = []string{"", "550 5.1.1 nobody " + echo}
		}, ca, provisioning.Invalid, 1},
		"refused for the moment": {func(p *post) { p.config, p.auth = config, "PLAIN"; p.answers["MAIL"] = []string{"451 later"} }, ca, provisioning.Unavailable, 3},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPost(t, c.change)
			err := send(t, options(p, c.ca))
			if provisioning.CodeOf(err) != c.code || err == nil {
				t.Errorf("%q (%s)", err, provisioning.CodeOf(err))
			}
			if err != nil && (tells(err, password, echo) || strings.ContainsFunc(err.Error(), func(r rune) bool { return r < 0x20 })) {
				t.Errorf("the error tells: %q", err)
			}
			p.stop()
			log, clear, mails, conns := p.seen()
			if len(mails) != 0 || conns != c.conns {
				t.Errorf("%d mails over %d connections, want none over %d: %q", len(mails), conns, c.conns, log)
			}
			for _, s := range clear {
				if strings.HasPrefix(s, "AUTH") || strings.HasPrefix(s, "MAIL") || strings.Contains(s, password) || strings.Contains(s, echo) {
					t.Errorf("in the clear: %q", s)
				}
			}
			settled(t)
		})
	}
}

// TestMailFarAway: a server that is not this machine and does not encrypt gets no mail, also where no password is asked for; one on this
// machine may.
func TestMailFarAway(t *testing.T) {
	p := newPost(t, nil)
	o := options(p, "")
	o.Username, o.Password = "", provisioning.Secret{}
	if err := send(t, o); err != nil {
		t.Errorf("a relay on this machine: %v", err)
	}
	o.Host = outside(t)
	l, err := net.Listen("tcp", net.JoinHostPort(o.Host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	far := &post{t: t, l: l, answers: make(map[string][]string), open: make(map[net.Conn]bool)}
	far.tasks.Go(func() {
		if c, err := l.Accept(); err == nil {
			far.serve(c)
			c.Close()
		}
	})
	defer far.stop()
	o.Port = far.port()
	if err := send(t, o); err == nil {
		t.Error("it went in the clear to another machine")
	}
	log, _, mails, _ := far.seen()
	if len(mails) != 0 || slices.ContainsFunc(log, func(s string) bool { return strings.HasPrefix(s, "MAIL") }) {
		t.Errorf("%q", log)
	}
}

// outside is an address of this machine that is not loopback.
func outside(t *testing.T) string {
	t.Helper()
	list, _ := net.InterfaceAddrs()
	for _, a := range list {
		if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLoopback() && ip.IP.To4() != nil {
			return ip.IP.String()
		}
	}
	t.Skip("this machine has no address but its own")
	return ""
}

// TestMailAgain: what was refused for the moment, or fell silent after the mail, is sent again under the same Message-ID; what was taken is
// not, whatever the server says afterwards.
func TestMailAgain(t *testing.T) {
	config, ca := encrypting(t)
	id := regexp.MustCompile(`Message-ID: <[0-9a-f]{32}@rollcall>`)
	for name, c := range map[string]struct {
		answers map[string][]string
		mails   int
	}{
		"a 451, then good":         {map[string][]string{"MAIL": {"451 later", ""}}, 1},
		"a 421 greeting":           {map[string][]string{"CONNECT": {"421 busy", ""}}, 1},
		"silence after the mail":   {map[string][]string{".": {"drop", ""}}, 2},
		"a 452 after the mail":     {map[string][]string{".": {"452 full", ""}}, 2},
		"a drop after it is taken": {map[string][]string{"RSET": {"drop"}}, 1},
		"a 500 after it is taken":  {map[string][]string{"RSET": {"500 what"}, "QUIT": {"500 what"}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPost(t, func(p *post) { p.config, p.auth, p.answers = config, "PLAIN", c.answers })
			if err := send(t, options(p, ca)); err != nil {
				t.Fatal(err)
			}
			p.stop()
			_, _, mails, _ := p.seen()
			if len(mails) != c.mails {
				t.Errorf("%d mails, want %d", len(mails), c.mails)
			}
			for _, m := range mails {
				if first := id.FindString(mails[0]); first == "" || id.FindString(m) != first {
					t.Errorf("%q", m)
				}
			}
			settled(t)
		})
	}
}

// TestMailEnds: a server that falls silent, wherever, holds nobody longer than the caller's deadline.
func TestMailEnds(t *testing.T) {
	config, ca := encrypting(t)
	for _, verb := range []string{"CONNECT", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "."} {
		t.Run(verb, func(t *testing.T) {
			p := newPost(t, func(p *post) { p.config, p.auth, p.answers = config, "PLAIN", map[string][]string{verb: {"hang"}} })
			m, err := notify.NewMail(options(p, ca))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			done := make(chan error, 1)
			go func() { done <- m.Notify(ctx, "f", "t", "x", notice()) }()
			select {
			case err := <-done:
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v", err)
				}
			case <-time.After(5 * time.Second):
				t.Error("it still waits")
			}
			settled(t)
		})
	}
}

// TestMailOptions: what cannot be right is refused at once.
func TestMailOptions(t *testing.T) {
	good := notify.MailOptions{Host: "mail.example.com", From: "a@firm.example", To: []string{"b@firm.example"}}
	if _, err := notify.NewMail(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*notify.MailOptions){
		"no host": func(o *notify.MailOptions) { o.Host = "" }, "a URL": func(o *notify.MailOptions) { o.Host = "smtp://mail.example.com" }, "host and port": func(o *notify.MailOptions) { o.Host = "mail.example.com:25" },
		"a socket": func(o *notify.MailOptions) { o.Host = "unix:///tmp/x" }, "a port": func(o *notify.MailOptions) { o.Port = 70000 }, "no from": func(o *notify.MailOptions) { o.From = "" },
		"a from of two lines": func(o *notify.MailOptions) { o.From = "\"a\r\nBcc: x\" <a@firm.example>" }, "no to": func(o *notify.MailOptions) { o.To = nil },
		"a to of two lines": func(o *notify.MailOptions) { o.To = []string{"b@firm.example\r\nDATA"} }, "a password alone": func(o *notify.MailOptions) { o.Password = provisioning.NewSecret(password) },
		"a user alone": func(o *notify.MailOptions) { o.Username = "u" }, "no such file": func(o *notify.MailOptions) { o.CAFile = "/nowhere/ca.pem" },
	} {
		o := good
		change(&o)
		if _, err := notify.NewMail(o); provisioning.CodeOf(err) != provisioning.Invalid || tells(err, password) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
