package anchor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"runtime"
	"strings"
	"time"

	"rollcall/provisioning"
)

// Syslog is a syslog server that gets each checkpoint as one message (RFC 5424), with the checkpoint's JSON as its text. It cannot be
// asked what it has. It is for one goroutine at a time.
type Syslog struct {
	where   string
	network string   // udp, tcp; "" the machine's own
	address []string // those that are tried in order
	host    string
}

const (
	// priority is facility 13 (log audit), severity 5 (notice): RFC 5424, 6.2.1.
	priority    = 13*8 + 5
	defaultPort = "514"
	dialTime    = 5 * time.Second
)

// NewSyslog makes the witness of a syslog server: "local", "udp://HOST:PORT" or "tcp://HOST:PORT" (octet-counted, RFC 6587). The port is
// 514 where none is given. Anything else is Invalid.
func NewSyslog(where string) (*Syslog, error) {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "-"
	}
	s := &Syslog{where: where, host: printable(host)}
	if where == "local" {
		if runtime.GOOS == "windows" {
			return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "syslog = \"local\": Windows has no syslog of its own", Hint: "name a server: udp://HOST:514 or tcp://HOST:514"}
		}
		s.address = []string{"/dev/log", "/var/run/syslog", "/var/run/log"}
		return s, nil
	}
	u, err := url.Parse(where)
	if err != nil || (u.Scheme != "udp" && u.Scheme != "tcp") || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "syslog names no server: " + where, Hint: "write local, udp://HOST:514 or tcp://HOST:514"}
	}
	port := u.Port()
	if port == "" {
		port = defaultPort
	}
	s.network, s.address = u.Scheme, []string{net.JoinHostPort(u.Hostname(), port)}
	return s, nil
}

// printable is a name as RFC 5424 takes it: printable ASCII without a space.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, s)
}

// Name names the server.
func (s *Syslog) Name() string { return "syslog " + s.where }

// Seen cannot be told.
func (s *Syslog) Seen(context.Context) ([]provisioning.Checkpoint, bool, error) {
	return nil, false, nil
}

// Keep sends one checkpoint. Over UDP nobody says whether it came.
func (s *Syslog) Keep(ctx context.Context, c provisioning.Checkpoint) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	message := fmt.Sprintf("<%d>1 %s %s rollcall %d checkpoint - %s", priority, c.At.UTC().Format("2006-01-02T15:04:05.000000Z"), s.host, os.Getpid(), text)
	connection, err := s.dial(ctx)
	if err == nil {
		if s.network == "tcp" {
			message = fmt.Sprintf("%d %s", len(message), message)
		}
		deadline, ok := ctx.Deadline()
		if own := time.Now().Add(dialTime); !ok || own.Before(deadline) {
			deadline = own
		}
		err = connection.SetDeadline(deadline)
		if err == nil {
			_, err = connection.Write([]byte(message))
		}
		err = errors.Join(err, connection.Close())
	}
	if err != nil {
		return &provisioning.Error{Code: provisioning.Unavailable, Message: s.Name() + " does not take it", Hint: "see that it runs; what it missed is sent again", Err: err}
	}
	return nil
}

func (s *Syslog) dial(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTime}
	if s.network != "" {
		return d.DialContext(ctx, s.network, s.address[0])
	}
	var failed []error
	for _, path := range s.address {
		for _, network := range []string{"unixgram", "unix"} {
			connection, err := d.DialContext(ctx, network, path)
			if err == nil {
				return connection, nil
			}
			failed = append(failed, err)
		}
	}
	return nil, errors.Join(failed...)
}
