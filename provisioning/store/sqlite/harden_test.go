package sqlite_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/store/sqlite"
)

// TestMain lets the test's own binary be the other process: one that opens a store and does as it is told.
func TestMain(m *testing.M) {
	if file := os.Getenv("ROLLCALL_TEST_STORE"); file != "" {
		os.Exit(child(file, os.Stdin, os.Stdout))
	}
	if os.Getenv("ROLLCALL_RACER") != "" {
		if err := race(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child opens a store, says how that went, writes a row for each line that it is given, and closes at the end of its input.
func child(file string, in io.Reader, out io.Writer) int {
	chain, err := audit.NewChain(chainKey)
	if err != nil {
		return 1
	}
	s, err := sqlite.Open(ctx, sqlite.Options{Path: file, Sealer: chain, Owner: "m.chen on desk-7"})
	if err != nil {
		fmt.Fprintf(out, "not opened: %s | %s\n", err, provisioning.Reason(err))
		return 0
	}
	fmt.Fprintf(out, "opened, owner %q\n", s.ReadOnly())
	for lines := bufio.NewScanner(in); lines.Scan(); {
		fmt.Fprintf(out, "wrote: %v\n", s.Append(ctx, event(provisioning.EventKind(lines.Text()))))
	}
	if err := s.Close(); err != nil {
		return 1
	}
	return 0
}

// other is another process on a store.
type other struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func start(t *testing.T, program, file string, change func(*exec.Cmd)) *other {
	t.Helper()
	o := &other{t: t, cmd: exec.Command(program)}
	o.cmd.Env = append(os.Environ(), "ROLLCALL_TEST_STORE="+file)
	if change != nil {
		change(o.cmd)
	}
	var err error
	if o.in, err = o.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := o.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	o.out = bufio.NewReader(out)
	if err := o.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.cmd.Process.Kill(); _ = o.cmd.Wait() })
	return o
}

func (o *other) hear() string {
	o.t.Helper()
	line, err := o.out.ReadString('\n')
	if err != nil {
		o.t.Fatalf("%q %v", line, err)
	}
	return line
}

func (o *other) write(kind string) string {
	o.t.Helper()
	if _, err := io.WriteString(o.in, kind+"\n"); err != nil {
		o.t.Fatal(err)
	}
	return o.hear()
}

// TestTwoProcesses: of two processes one owns the store and is named to the other, which reads and writes nothing; a process that is
// killed gives the store up at once, and its record holds.
func TestTwoProcesses(t *testing.T) {
	file := path(t)
	first := start(t, os.Args[0], file, nil)
	if said := first.hear(); !strings.Contains(said, `owner ""`) {
		t.Fatal(said)
	}
	second := start(t, os.Args[0], file, nil)
	if said := second.hear(); !strings.Contains(said, "m.chen on desk-7, process "+strconv.Itoa(first.cmd.Process.Pid)) {
		t.Error(said)
	}
	if said := first.write("one"); said != "wrote: <nil>\n" {
		t.Error(said)
	}
	if said := second.write("two"); !strings.Contains(said, "the store is owned by m.chen on desk-7") {
		t.Error(said)
	}
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.cmd.Wait()
	third := open(t, file)
	if third.ReadOnly() != "" {
		t.Error("the store of a process that was killed is not free")
	}
	appendRows(t, third, 1)
	if r, err := audit.Verify(ctx, chainKey, third.Records); err != nil || !r.OK || r.Count != 2 {
		t.Errorf("%+v %v", r, err)
	}
}

// TestEveryMode: with no mask at all, everything that the store makes is for its owner alone; and each of it is refused once others
// may read it.
func TestEveryMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // there the folder's own rights hold
	}
	unmask(t)
	file := path(t)
	dir := filepath.Dir(file)
	first(t, file) // of the first version: the opening keeps a copy
	o := options(t, file)
	s := openWith(t, o)
	appendRows(t, s, 1)
	if _, err := s.Backup(ctx, filepath.Join(dir, "backup.age"), secret("a long passphrase"), event("")); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var made []string
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s is %o", e.Name(), info.Mode().Perm())
		}
		kind := strings.TrimPrefix(e.Name(), "rollcall.db")
		if strings.HasPrefix(kind, ".v1-") {
			kind = ".v1-"
		}
		seen[kind] = true
		made = append(made, filepath.Join(dir, e.Name()))
	}
	for _, want := range []string{"", "-wal", "-shm", ".lock", ".owner", ".v1-", "backup.age"} {
		if !seen[want] {
			t.Errorf("there is no %q among %v", want, seen)
		}
	}
	for _, name := range made {
		if !strings.Contains(name, "rollcall.db") {
			continue
		}
		if err := os.Chmod(name, 0o640); err != nil {
			t.Fatal(err)
		}
		_, err := sqlite.Open(ctx, o)
		code(t, name, err, provisioning.Denied)
		if err != nil && !strings.Contains(provisioning.Reason(err), "chmod 600 "+name) {
			t.Error(provisioning.Reason(err))
		}
		if err := os.Chmod(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	deep := filepath.Join(dir, "a", "b", "rollcall.db")
	if err := open(t, deep).Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Dir(deep)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

func secret(s string) sqlite.Passphrase {
	return sqlite.Passphrase{Phrase: provisioning.NewSecret(s), Work: 4}
}

// TestBeforeMigration: a store of an older version is kept as it was, beside it, before it is brought up to date; the operator is told;
// three such copies are kept, and each opens.
func TestBeforeMigration(t *testing.T) {
	file := path(t)
	first(t, file)
	kept := func() []string {
		names, err := filepath.Glob(file + ".v1-*")
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if err := os.WriteFile(file, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		o := options(t, file)
		o.Clock = &clock{now: now.Add(time.Duration(i) * time.Hour)}
		s := openWith(t, o)
		names := kept()
		said := strings.Join(s.Warnings(), "\n")
		if len(names) != min(i+1, 3) || !strings.Contains(said, fmt.Sprintf("brought from version 1 to %d; what it was is kept as %s", len(sqlite.Migrations()), names[len(names)-1])) {
			t.Errorf("%v %s", names, said)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range kept() {
		if v := check(t, name, audit.Check{Key: chainKey}); !v.OK() || v.Rows != 1 {
			t.Errorf("%s: %+v", name, v)
		}
	}
	if s := openWith(t, options(t, file)); len(s.Warnings()) != 0 || len(kept()) != 3 {
		t.Errorf("a store that is up to date: %v", s.Warnings())
	}
}

// damage overwrites pages of a store's file; each begins on a page of its own.
func damage(t *testing.T, file string, from int64) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(bytes.Repeat([]byte{0xff}, 4096), from); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedStore: a store with a damaged page, or with rows that point to nothing, is never written: the first write says what is
// wrong and what to do, and not a byte of the file is another.
func TestDamagedStore(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, file string){
		"a page": func(t *testing.T, file string) { damage(t, file, 4096*2) },
		"a row": func(t *testing.T, file string) {
			raw(t, file, "pragma foreign_keys=off", "insert into op (unit, seq, kind, account, change, state) values (99, 1, '', '', '{}', 'pending')")
		},
		"its age": func(t *testing.T, file string) { raw(t, file, "pragma user_version=1"); damage(t, file, 4096*2) },
		"all":     func(t *testing.T, file string) { damage(t, file, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			file := path(t)
			s := openWith(t, options(t, file))
			appendRows(t, s, 150)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			spoil(t, file)
			raw := func() []byte {
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				return data
			}
			before := raw()
			s, err := sqlite.Open(ctx, options(t, file))
			if err == nil {
				err = s.Append(ctx, event(provisioning.EventIntent))
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
			if provisioning.CodeOf(err) != provisioning.Unavailable || !strings.Contains(err.Error(), "damaged") || !strings.Contains(provisioning.Reason(err), "rollcall restore FILE") {
				t.Errorf("%s", provisioning.Reason(err))
			}
			t.Log(provisioning.Reason(err))
			if !bytes.Equal(before, raw()) {
				t.Error("the damaged file was written")
			}
		})
	}
}

// TestDiskFull: on a full disk nothing is written and nothing is said to be done; the sentence says what to do, and with room again
// everything goes on, the record too.
func TestDiskFull(t *testing.T) {
	file := path(t)
	s := openWith(t, options(t, file))
	b := batch()
	if err := s.SaveBatch(ctx, b, event(provisioning.EventStaged)); err != nil {
		t.Fatal(err)
	}
	if err := s.MoveBatch(ctx, b.ID, provisioning.BatchCommitted, "h", "", event(provisioning.EventCommitted)); err != nil {
		t.Fatal(err)
	}
	u := b.Units[0]
	if taken, err := s.TakeUnit(ctx, u.ID, u.Gen, "me"); err != nil || !taken {
		t.Fatal(taken, err)
	}
	if err := s.LimitPages(ctx); err != nil {
		t.Fatal(err)
	}
	long := event(provisioning.EventIntent)
	long.Detail = strings.Repeat("x", 1<<20)
	rows := rowCount(t, s)
	err := s.MarkSent(ctx, provisioning.OpRef{Batch: b.ID, Unit: u.ID, Seq: 1, Owner: "me", Gen: u.Gen}, now, long)
	code(t, "a full disk", err, provisioning.Unavailable)
	if said := provisioning.Reason(err); !strings.Contains(said, "the disk is full") || !strings.Contains(said, "make room") || !strings.Contains(said, "nothing was sent") {
		t.Error(said)
	}
	after, err := s.Batch(ctx, b.ID)
	if err != nil || after.Units[0].Ops[0].State != provisioning.OpPending || after.Units[0].Ops[0].Attempts != 0 || rowCount(t, s) != rows {
		t.Errorf("something was written: %+v %v", after.Units[0].Ops[0], err)
	}
	if err := s.MarkSent(ctx, provisioning.OpRef{Batch: b.ID, Unit: u.ID, Seq: 1, Owner: "me", Gen: u.Gen}, now, event(provisioning.EventIntent)); err != nil {
		t.Errorf("what still has room: %v", err) // a small row finds a place in a page that is there
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if v := check(t, file, audit.Check{Key: chainKey}); !v.OK() || v.Signed.Row != v.Rows {
		t.Errorf("%+v", v)
	}
}

// TestReadOnlyFolder: in a folder that may not be written, and on a file that may not, the store says so and writes nothing. The other
// process is not the superuser, who may write everywhere.
func TestReadOnlyFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // there the folder's own rights hold
	}
	dir, err := os.MkdirTemp("", "readonly")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	state := filepath.Join(dir, "state")
	file := filepath.Join(state, "rollcall.db")
	if err := open(t, file).Close(); err != nil {
		t.Fatal(err)
	}
	program, change := unprivileged(t, dir, state)
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{state: 0o500, file: 0o400} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if name == state { // no lock of before: the folder itself must refuse
			for _, old := range []string{".lock", ".owner"} {
				if err := os.Remove(file + old); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		said := start(t, program, file, change).hear()
		if !strings.Contains(said, "the store's file is read-only") || !strings.Contains(said, "check the rights of the state folder") {
			t.Errorf("%s %o: %s", name, mode, said)
		}
		if err := os.Chmod(name, info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
		after, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s: something was written, %v", name, err)
		}
	}
	o := start(t, program, file, change) // and with the rights back it opens
	if said := o.hear(); !strings.Contains(said, "opened") || o.write("one") != "wrote: <nil>\n" {
		t.Error(said)
	}
}

// TestPruned: of the snapshots and of the history of access, what the policy keeps is kept and no more; at every moment that is still
// known the answer is what it was.
func TestPruned(t *testing.T) {
	o := options(t, path(t))
	o.Keep = sqlite.Keep{Snapshots: 2, History: 4 * 24 * time.Hour}
	s := openWith(t, o)
	whole := openWith(t, options(t, path(t)))
	day := func(i int) time.Time { return now.Add(time.Duration(i) * 24 * time.Hour) }
	for i := range 10 {
		snap := snapshot(3, day(i))
		snap.AccountsFrom = day(i).Add(-time.Minute)
		snap.Accounts[0].Enabled = i%2 == 0
		snap.Accounts[1].Enabled = i < 5
		for _, store := range []*sqlite.Store{s, whole} {
			if err := store.SaveSnapshot(ctx, snap, event(provisioning.EventSync)); err != nil {
				t.Fatal(err)
			}
		}
	}
	asOf := func(s *sqlite.Store, at time.Time) (said string, begins time.Time) {
		reads, err := s.AccessAsOf(ctx, at, "", func(a provisioning.AccessState) error {
			said += fmt.Sprintf("%s %v\n", a.Account, a.Enabled)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return said, reads.Begins
	}
	_, begins := asOf(s, day(9))
	if !begins.Equal(day(5)) {
		t.Errorf("the history begins %s, want %s", begins, day(5))
	}
	for i := 5; i < 10; i++ {
		for _, at := range []time.Time{day(i), day(i).Add(time.Hour)} {
			got, _ := asOf(s, at)
			if want, _ := asOf(whole, at); got != want || got == "" {
				t.Errorf("%s: %q, want %q", at, got, want)
			}
		}
	}
	states, err := s.AccessOf(ctx, "U000000")
	all, err2 := whole.AccessOf(ctx, "U000000")
	if err != nil || err2 != nil || len(all) != 10 || len(states) != 5 {
		t.Errorf("%d of %d states are kept, %v %v", len(states), len(all), err, err2)
	}
	if snap, err := s.LatestSnapshot(ctx); err != nil || !snap.TakenAt.Equal(day(9)) {
		t.Errorf("%v", err)
	}
}
