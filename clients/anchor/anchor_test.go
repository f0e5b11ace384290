package anchor_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/clients/anchor"
	"rollcall/provisioning"
	"rollcall/provisioning/audit"
)

var ctx = context.Background()

func points(n int) (all []provisioning.Checkpoint) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	var prev []byte
	for i := range n {
		c := provisioning.Checkpoint{
			Seq: int64(100 * (i + 1)), At: time.Unix(int64(1000+i), 7).UTC(), Head: bytes.Repeat([]byte{2}, 32), Digest: bytes.Repeat([]byte{3}, 32), Prev: prev,
			PublicKey: key.Public().(ed25519.PublicKey),
		}
		c.Signature = ed25519.Sign(key, c.Statement())
		all, prev = append(all, c), c.Signature
	}
	return all
}

func read(t *testing.T, file string) audit.Anchors {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	a, err := audit.ReadAnchors(file, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestFile: what is kept is there, in order, for its owner alone, and is read back as it was; a piece of a line, as a crash leaves it,
// goes; a line that is complete is never touched.
func TestFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "anchors.jsonl")
	f, all := anchor.NewFile(file), points(4)
	if kept, ok, err := f.Seen(ctx); len(kept) != 0 || !ok || err != nil {
		t.Errorf("%v %v %v", kept, ok, err)
	}
	for _, c := range all[:2] {
		if err := f.Keep(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(file); err != nil || (runtime.GOOS != "windows" && info.Mode().Perm() != 0o600) {
		t.Errorf("%v %v", info.Mode(), err)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(before, `{"seq":300,"at":`...), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range all[2:] {
		if err := f.Keep(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	after, err := os.ReadFile(file)
	if err != nil || !bytes.HasPrefix(after, before) {
		t.Errorf("what was kept is another thing now: %v", err)
	}
	kept, ok, err := f.Seen(ctx)
	if len(kept) != 4 || !ok || err != nil {
		t.Fatalf("%d %v %v", len(kept), ok, err)
	}
	for i, c := range kept {
		if !c.Holds() || !bytes.Equal(c.Signature, all[i].Signature) {
			t.Errorf("%+v", c)
		}
	}
	if a := read(t, file); len(a.Kept) != 4 || len(a.Bad) != 0 || a.Torn || a.Loose {
		t.Errorf("%+v", a)
	}
}

// TestFileRefused: what cannot be an anchor is told, with what to do: a folder that is gone, a link, a file that others may write.
func TestFileRefused(t *testing.T) {
	dir := t.TempDir()
	c := points(1)[0]
	link, open := filepath.Join(dir, "link"), filepath.Join(dir, "open")
	if runtime.GOOS != "windows" {
		if err := os.Symlink(filepath.Join(dir, "elsewhere"), link); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(open, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(open, 0o666); err != nil {
			t.Fatal(err)
		}
	} else {
		link, open = dir, dir
	}
	for _, file := range []string{filepath.Join(dir, "gone", "anchors"), link, open, dir} {
		err := anchor.NewFile(file).Keep(ctx, c)
		if provisioning.CodeOf(err) != provisioning.Unavailable || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 2 {
		t.Errorf("%v %v", entries, err)
	}
}

// message takes an RFC 5424 line apart and gives the checkpoint in it.
func message(t *testing.T, line string) provisioning.Checkpoint {
	t.Helper()
	m := regexp.MustCompile(`^<109>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z [!-~]+ rollcall \d+ checkpoint - (\{.*\})$`).FindStringSubmatch(line)
	var c provisioning.Checkpoint
	if m == nil {
		t.Fatalf("no message of RFC 5424: %q", line)
	}
	if err := json.Unmarshal([]byte(m[1]), &c); err != nil || !c.Holds() {
		t.Fatalf("%v %+v", err, c)
	}
	return c
}

// TestSyslog: over UDP, TCP and the machine's own socket a message comes as RFC 5424 has it, and what a server wrote down of it is an anchor.
func TestSyslog(t *testing.T) {
	c := points(1)[0]
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	over := func(where string) *anchor.Syslog {
		s, err := anchor.NewSyslog(where)
		if err != nil {
			t.Fatal(err)
		}
		if kept, ok, err := s.Seen(ctx); ok || err != nil || kept != nil {
			t.Error("a syslog server was asked")
		}
		return s
	}
	datagram := func(from net.PacketConn) string {
		b := make([]byte, 4096)
		if err := from.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, _, err := from.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	if err := over("udp://"+udp.LocalAddr().String()).Keep(ctx, c); err != nil {
		t.Fatal(err)
	}
	line := datagram(udp)
	if got := message(t, line); got.Seq != c.Seq || !bytes.Equal(got.Signature, c.Signature) {
		t.Errorf("%+v", got)
	}
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, []byte("Nov 24 14:02:00 desk-4 rollcall[7]: "+line[strings.Index(line, "{"):]+"\nNov 24 14:03:00 desk-4 other: no anchor\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a := read(t, log); len(a.Kept) != 1 || !a.Loose || !bytes.Equal(a.Kept[0].Checkpoint.Signature, c.Signature) {
		t.Errorf("%+v", a)
	}

	got := make(chan string, 1)
	go func() {
		connection, err := tcp.Accept()
		if err != nil {
			got <- err.Error()
			return
		}
		data, _ := io.ReadAll(connection)
		got <- string(data)
	}()
	if err := over("tcp://"+tcp.Addr().String()).Keep(ctx, c); err != nil {
		t.Fatal(err)
	}
	size, text, _ := strings.Cut(<-got, " ")
	if n, err := strconv.Atoi(size); err != nil || n != len(text) {
		t.Errorf("%q announces %q", size, text)
	}
	message(t, text)

	if runtime.GOOS != "windows" {
		dir, err := os.MkdirTemp("", "syslog") // a socket's path is short
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		socket := filepath.Join(dir, "log")
		own, err := net.ListenPacket("unixgram", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer own.Close()
		if err := anchor.Local(socket).Keep(ctx, c); err != nil {
			t.Fatal(err)
		}
		message(t, datagram(own))
	}
	if err := tcp.Close(); err != nil {
		t.Fatal(err)
	}
	if err := over("tcp://"+tcp.Addr().String()).Keep(ctx, c); provisioning.CodeOf(err) != provisioning.Unavailable {
		t.Errorf("a server that is gone: %v", err)
	}
}

// TestSyslogNames: what names no server is refused when it is read, not when it is needed.
func TestSyslogNames(t *testing.T) {
	for _, where := range []string{"", "loghost", "http://loghost", "udp://", "tcp://user:x@loghost", "udp://loghost/path", "tls://loghost:6514"} {
		if _, err := anchor.NewSyslog(where); provisioning.CodeOf(err) != provisioning.Invalid {
			t.Errorf("%q: %v", where, err)
		}
	}
	for _, where := range []string{"udp://loghost", "tcp://loghost:601", "udp://[::1]:514"} {
		if s, err := anchor.NewSyslog(where); err != nil || s.Name() != "syslog "+where {
			t.Errorf("%q: %v", where, err)
		}
	}
}
