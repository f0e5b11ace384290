//go:build linux && strace

package pool_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"rollcall/clients/wire"
	"rollcall/provisioning"
	"rollcall/provisioning/dispatch/dispatchtest"
)

// TestIntentIsOnDisk traces the system calls of the real process: the write-ahead log's write that holds an op's intent was followed
// by a completed fdatasync of that file before the op's request left, for every op of a batch with every kind of change. With the
// intent written late, or written and not synced, the same test finds it.
func TestIntentIsOnDisk(t *testing.T) {
	for _, workers := range []int{1, 8} {
		t.Run(fmt.Sprintf("%d workers", workers), func(t *testing.T) {
			w := admit(t, dispatchtest.Every(4), 0)
			w.workers = workers
			p := w.traced()
			if early := p.early(w.firm); len(early) > 0 {
				t.Errorf("%d of %d requests left before their intent was on the disk: %q", len(early), len(w.firm.Wanted), early)
			}
			w.check()
			t.Logf("%d people, %d ops: each request left after its intent was synced; %d transactions, %d syncs of the log", len(w.firm.Batch.Units),
				len(w.firm.Wanted), p.transactions, p.syncs)
		})
	}
	for _, mutant := range []string{mutantNoSync, mutantNoIntent} {
		t.Run(mutant, func(t *testing.T) {
			w := admit(t, dispatchtest.Every(1), 0)
			w.mutant = mutant
			p := w.traced()
			if early := p.early(w.firm); len(early) != len(w.firm.Wanted) {
				t.Errorf("only %d of %d requests were found to leave early", len(early), len(w.firm.Wanted))
			}
		})
	}
}

// traced runs the victim to its end under strace, and reads what it did.
func (w *ward) traced() *protocol {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "trace")
	cmd := w.command("strace", "-f", "-y", "-xx", "-s", "9000", "-e", "trace=pwrite64,pwritev,write,writev,sendto,sendmsg,fsync,fdatasync,sync_file_range",
		"-o", file, os.Args[0])
	out, err := cmd.Output()
	if err != nil || !bytes.HasSuffix(out, []byte("END\n")) {
		w.t.Fatalf("the traced process: %v, %.300s", err, out)
	}
	f, err := os.Open(file)
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	p := &protocol{
		intents: intents(w.firm), written: make(map[opKey]bool), durable: make(map[opKey]int), requests: make(map[string]*request),
		begun: make(map[string]call), log: filepath.Join(w.dir, "rollcall.db-wal"),
	}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.line(lines.Text())
	}
	if err := lines.Err(); err != nil {
		w.t.Fatal(err)
	}
	if p.transactions == 0 {
		w.t.Fatal("no transaction was seen in the log: the trace is not what this test takes it for")
	}
	return p
}

// opKey names an op by its unit and its place there.
type opKey struct {
	unit int64
	seq  int
}

// intents are the bytes by which an intent's row of the record is known in a page of the database: its columns one after the other, as
// SQLite keeps them, 0 and 1 as nothing.
func intents(f *dispatchtest.Firm) map[opKey][]byte {
	number := func(n int64) string {
		switch {
		case n < 2:
			return ""
		case n < 128:
			return string([]byte{byte(n)})
		}
		panic("a larger batch needs more of SQLite's integers here")
	}
	list := make(map[opKey][]byte)
	for _, u := range f.Batch.Units {
		for i := range u.Ops {
			seq := u.Ops[i].Seq
			list[opKey{u.ID, seq}] = []byte("tester" + "victim" + string(provisioning.EventIntent) + number(f.Batch.ID) + number(u.ID) + number(int64(seq)) + u.Account)
		}
	}
	return list
}

// call is one system call that was begun.
type call struct {
	name, file string
	data       []byte
	at         int
	written    []opKey // of a sync: what was written when it began
}

// request is what went to one socket since the last request line.
type request struct {
	at   int
	text []byte
}

// protocol is what the process did, in the order of the trace's lines.
type protocol struct {
	log          string
	intents      map[opKey][]byte
	begun        map[string]call // by thread
	commits      bool            // the frame that is being written ends its transaction
	pending      []opKey         // in the transaction that is being written
	written      map[opKey]bool  // in a transaction that was written whole, and not synced yet
	durable      map[opKey]int   // → the line at which a sync of it had ended
	requests     map[string]*request
	sent         []request
	at           int
	transactions int
	syncs        int
}

var (
	whole   = regexp.MustCompile(`^(\d+) +(\w+)\((.*)\) += (-?\d+)`)
	broken  = regexp.MustCompile(`^(\d+) +(\w+)\((.*?)(?: <unfinished \.\.\.>)$`)
	resumed = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>.*\) += (-?\d+)`)
	files   = regexp.MustCompile(`^\d+<([^>]*)>`)
	quoted  = regexp.MustCompile(`"((?:\\x[0-9a-f]{2})*)"`)
)

// line takes one line of the trace.
func (p *protocol) line(text string) {
	p.at++
	if m := whole.FindStringSubmatch(text); m != nil {
		c := p.begin(m[2], m[3])
		p.end(c, m[4])
	} else if m := broken.FindStringSubmatch(text); m != nil {
		p.begun[m[1]] = p.begin(m[2], m[3])
	} else if m := resumed.FindStringSubmatch(text); m != nil {
		c, known := p.begun[m[1]]
		if known && c.name == m[2] {
			p.end(c, m[3])
		}
		delete(p.begun, m[1])
	}
}

// begin notes a call as it is made: a request leaves now.
func (p *protocol) begin(name, args string) call {
	c := call{name: name, at: p.at}
	if m := files.FindStringSubmatch(args); m != nil {
		c.file = string(unhex(m[1]))
	}
	for _, m := range quoted.FindAllStringSubmatch(args, -1) {
		c.data = append(c.data, unhex(m[1])...)
	}
	switch {
	case strings.HasPrefix(name, "f") && c.file == p.log: // a sync ends what was written before it, and nothing else
		for k := range p.written {
			c.written = append(c.written, k)
		}
	case strings.HasPrefix(c.file, "socket:") || strings.HasPrefix(c.file, "TCP:"):
		p.toSocket(c)
	}
	return c
}

func (p *protocol) toSocket(c call) {
	r := p.requests[c.file]
	for _, method := range []string{"GET /", "POST /", "PUT /", "PATCH /", "DELETE /"} {
		if bytes.HasPrefix(c.data, []byte(method)) {
			if r != nil {
				p.sent = append(p.sent, *r)
			}
			r = &request{at: c.at}
			p.requests[c.file] = r
		}
	}
	if r != nil {
		r.text = append(r.text, c.data...)
	}
}

// end notes a call as it returns.
func (p *protocol) end(c call, result string) {
	if strings.HasPrefix(result, "-") || c.file != p.log {
		return
	}
	switch {
	case c.name == "pwrite64" && len(c.data) == 24: // a frame's header: the size of the database after a commit, else 0
		p.commits = binary.BigEndian.Uint32(c.data[4:8]) != 0
	case c.name == "pwrite64" && len(c.data) >= 512:
		for k, row := range p.intents {
			if _, known := p.durable[k]; !known && !p.written[k] && bytes.Contains(c.data, row) {
				p.pending = append(p.pending, k)
			}
		}
		if p.commits {
			p.transactions++
			for _, k := range p.pending {
				p.written[k] = true
			}
			p.pending = nil
		}
	case c.name == "fdatasync" || c.name == "fsync":
		p.syncs++
		for _, k := range c.written {
			p.durable[k] = p.at
			delete(p.written, k)
		}
	}
}

func unhex(s string) []byte {
	out := make([]byte, 0, len(s)/4)
	for len(s) > 0 {
		if !strings.HasPrefix(s, `\x`) {
			out = append(out, s[0])
			s = s[1:]
			continue
		}
		b, err := strconv.ParseUint(s[2:4], 16, 8)
		if err != nil {
			panic(err)
		}
		out = append(out, byte(b))
		s = s[4:]
	}
	return out
}

// early lists the ops whose request left before their intent was on the disk. Each op must have left, once.
func (p *protocol) early(f *dispatchtest.Firm) []string {
	sent := slices.Clone(p.sent)
	for _, r := range p.requests {
		sent = append(sent, *r)
	}
	var list []string
	for _, u := range f.Batch.Units {
		for i := range u.Ops {
			c := u.Ops[i].Change
			line, body := requestOf(c)
			n := 0
			for _, r := range sent {
				if !bytes.HasPrefix(r.text, []byte(line)) || !bytes.Contains(r.text, []byte(body)) {
					continue
				}
				n++
				if at, durable := p.durable[opKey{u.ID, u.Ops[i].Seq}]; !durable || at >= r.at {
					list = append(list, fmt.Sprintf("%s %s", c.Account, c.Kind))
				}
			}
			if n != 1 {
				list = append(list, fmt.Sprintf("%s %s was seen to leave %d times", c.Account, c.Kind, n))
			}
		}
	}
	return list
}

// requestOf is the request line of a change, and what its body must hold.
func requestOf(c provisioning.Change) (line, body string) {
	who := strconv.Quote(c.Account)
	method, segments := "PATCH", []string{"users", c.Account}
	switch c.Kind {
	case provisioning.CreateAccount:
		method, segments, body = "POST", []string{"users"}, `"id":`+who
	case provisioning.AssignLibrary:
		method, segments, body = "POST", []string{"libraries", c.Library, "users"}, `"user_id":`+who
	case provisioning.SetLibraryRole:
		method, segments = "POST", []string{"libraries", c.Library, "roles", c.After, "users", c.Account}
	case provisioning.JoinGroup, provisioning.LeaveGroup:
		method, segments, body = "PUT", []string{"groups", c.Object, "members"}, who
		if c.Library != "" {
			segments = append([]string{"libraries", c.Library}, segments...)
		}
	case provisioning.RemoveGlobalRole, provisioning.GiveGlobalRole:
		segments, body = []string{"roles", c.Object, "members"}, who
	case provisioning.TransferWorkspace:
		segments = []string{"libraries", c.Library, "workspaces", c.Object}
	case provisioning.ReleaseLock:
		method, segments = "DELETE", []string{"libraries", c.Library, "documents", c.Object, "lock"}
	case provisioning.RemoveLibrary:
		method, segments = "DELETE", []string{"libraries", c.Library, "users", c.Account}
	case provisioning.SetAttribute:
		body = strconv.Quote(c.Object)
	default:
		body = `"allow_logon"`
	}
	return method + " /work/api/v2" + wire.Path(append([]string{"customers", "1"}, segments...)...) + " HTTP/1.1\r\n", body
}
