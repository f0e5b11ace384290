package sqlite_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/store/sqlite"
)

const phrase = "otter canal amber seven"

// busy is a store with a batch under way, one that is paused, one that is scheduled, one that is done and a draft.
func busy(t *testing.T, s *sqlite.Store) {
	t.Helper()
	for _, to := range [][]provisioning.BatchState{
		{provisioning.BatchCommitted},
		{provisioning.BatchCommitted, provisioning.BatchPaused},
		{provisioning.BatchScheduled},
		{provisioning.BatchCommitted, provisioning.BatchStopped},
		nil,
	} {
		b := batch()
		if err := s.SaveBatch(ctx, b, event(provisioning.EventStaged)); err != nil {
			t.Fatal(err)
		}
		for _, state := range to {
			if err := s.MoveBatch(ctx, b.ID, state, "h", "why", event(provisioning.EventBatch)); err != nil {
				t.Fatal(err)
			}
		}
		if len(to) == 1 && to[0] == provisioning.BatchCommitted {
			u := b.Units[0]
			if taken, err := s.TakeUnit(ctx, u.ID, u.Gen, "me"); err != nil || !taken {
				t.Fatal(taken, err)
			}
			if err := s.MarkSent(ctx, provisioning.OpRef{Batch: b.ID, Unit: u.ID, Seq: 1, Owner: "me", Gen: u.Gen}, now, event(provisioning.EventIntent)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func restored() provisioning.Event {
	e := event(provisioning.EventRestored)
	e.Detail = "put back"
	return e
}

// TestBackup: a backup is made while the store is written, from the owner and from a console that may only read; it is whole, sealed, for
// its owner alone, never over another file, and nothing is left lying about; the owner's stands in the record.
func TestBackup(t *testing.T) {
	file := path(t)
	s := openWith(t, options(t, file))
	appendRows(t, s, 20)
	var writer sync.WaitGroup
	stop := make(chan struct{})
	writer.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if err := s.Append(ctx, event(provisioning.EventIntent)); err != nil {
					t.Error(err)
				}
			}
		}
	})
	dir := t.TempDir()
	reader := open(t, file)
	for name, from := range map[string]*sqlite.Store{"owner": s, "reader": reader} {
		to := filepath.Join(dir, name)
		info, err := from.Backup(ctx, to, secret(phrase), event(""))
		if err != nil || info.Rows < 20 || info.Version != len(sqlite.Migrations()) {
			t.Fatalf("%s: %+v %v", name, info, err)
		}
		data, err := os.ReadFile(to)
		if err != nil || bytes.Contains(data, []byte("SQLite")) || bytes.Contains(data, []byte("l.ortiz")) {
			t.Errorf("%s: it stands in the clear, %v", name, err)
		}
		_, err = from.Backup(ctx, to, secret(phrase), event(""))
		code(t, "over another file", err, provisioning.Invalid)
		if again, err := os.ReadFile(to); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%s: the other file was touched, %v", name, err)
		}
		_, err = from.Backup(ctx, to+"2", sqlite.Passphrase{}, event(""))
		code(t, "without a passphrase", err, provisioning.Invalid)
	}
	close(stop)
	writer.Wait()
	said := 0
	if err := s.Records(ctx, 1, func(r provisioning.Record) error {
		if r.Event.Kind == provisioning.EventBackup && strings.Contains(r.Event.Detail, filepath.Join(dir, "owner")) {
			said++
		}
		return nil
	}); err != nil || said != 1 {
		t.Errorf("the record tells of %d backups, %v", said, err)
	}
	for _, where := range []string{dir, filepath.Dir(file)} {
		entries, err := os.ReadDir(where)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.Contains(e.Name(), ".part") || strings.Contains(e.Name(), ".backup-") {
				t.Errorf("%s is left", e.Name())
			}
		}
	}
}

// TestRestore: a backup takes the store's place whole; what the store was is kept and opens; nothing that was under way goes on by
// itself; the record says who put back what, goes on, and holds with the anchors, which say what was lost.
func TestRestore(t *testing.T) {
	file, w := path(t), newWitness()
	backup := filepath.Join(t.TempDir(), "backup")
	o := options(t, file, w)
	s := openWith(t, o)
	busy(t, s)
	if _, err := s.Backup(ctx, backup, secret(phrase), event("")); err != nil {
		t.Fatal(err)
	}
	appendRows(t, s, 200) // what is lost
	_, err := sqlite.BeginRestore(ctx, file, backup, secret(phrase))
	code(t, "while it is open", err, provisioning.ReadOnly)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	last := w.kept[len(w.kept)-1]

	r, err := sqlite.BeginRestore(ctx, file, backup, secret(phrase))
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Copy(ctx)
	if err != nil {
		t.Fatal(err)
	}
	lost, err := audit.FindLost(ctx, c, []audit.Anchors{w.anchors()})
	if err != nil || lost.Row != last.Seq {
		t.Fatal(lost, err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	e := restored()
	e.Subject = lost.Subject
	s, aside, err := r.Finish(ctx, o, e)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for id, want := range map[int64]provisioning.BatchState{
		1: provisioning.BatchStopped, 2: provisioning.BatchStopped, 3: provisioning.BatchMissed, 4: provisioning.BatchStopped, 5: provisioning.BatchReviewed,
	} {
		b, err := s.Batch(ctx, id)
		if err != nil || b.State != want || (id < 5 && !strings.HasPrefix(b.Stop, "restored from a backup of ")) {
			t.Errorf("batch %d is %s (%s), want %s: %v", id, b.State, b.Stop, want, err)
		}
	}
	if taken, err := s.TakeUnit(ctx, 1, 0, "me"); err != nil || taken {
		t.Errorf("a unit of a stopped batch was taken: %v", err)
	}
	b, err := s.Batch(ctx, 1)
	if err != nil || b.Units[0].Ops[0].State != provisioning.OpSent { // still in doubt: the resume reads it back
		t.Errorf("%+v %v", b.Units[0].Ops[0], err)
	}
	appendRows(t, s, 150)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	v := check(t, file, audit.Check{Key: chainKey, Anchors: []audit.Anchors{w.anchors()}})
	if said := strings.Join(v.Trust(), "\n"); !v.Proven() || len(v.Restores) != 1 || v.Restores[0].By != "l.ortiz" || !strings.Contains(said, "of before are lost") {
		t.Errorf("%+v\n%s", v.Problems, said)
	}
	if v := check(t, aside, audit.Check{Key: chainKey}); !v.OK() || v.Rows != last.Seq {
		t.Errorf("what the store was: %+v", v)
	}
	if s := openWith(t, o); len(s.Warnings()) != 0 {
		t.Errorf("%v", s.Warnings())
	}
}

// TestRestoredWithoutAWord: a store that somebody put back by hand, without rollcall, is told at the start and found by verify.
func TestRestoredWithoutAWord(t *testing.T) {
	file, w := path(t), newWitness()
	o := options(t, file, w)
	s := openWith(t, o)
	appendRows(t, s, 20)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s = openWith(t, o)
	appendRows(t, s, 120)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, old, 0o600); err != nil {
		t.Fatal(err)
	}
	s = openWith(t, o)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if said := strings.Join(s.Warnings(), "\n"); !strings.Contains(said, "the witness has seen row 140 of the record") || !strings.Contains(said, "this store has not") {
		t.Error(said)
	}
	if v := check(t, file, audit.Check{Key: chainKey, Anchors: []audit.Anchors{w.anchors()}}); v.OK() || v.Problems[0].Kind != audit.TailCut {
		t.Errorf("%+v", v)
	}
}

// TestBadBackup: a wrong passphrase, a backup that was cut or changed, and what is none, are refused, and the store is what it was, with
// nothing lying beside it.
func TestBadBackup(t *testing.T) {
	file := path(t)
	backup := filepath.Join(t.TempDir(), "backup")
	s := openWith(t, options(t, file))
	appendRows(t, s, 5)
	if _, err := s.Backup(ctx, backup, secret(phrase), event("")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(whole)
	changed[len(changed)/2] ^= 1
	for name, c := range map[string]struct {
		data   []byte
		phrase string
		want   provisioning.Code
	}{
		"another passphrase": {whole, "another passphrase", provisioning.Denied},
		"cut":                {whole[:len(whole)-100], phrase, provisioning.Invalid},
		"cut at a block":     {whole[:len(whole)/65552*65552], phrase, provisioning.Invalid},
		"changed":            {changed, phrase, provisioning.Invalid},
		"a store":            {before, phrase, provisioning.Invalid},
		"nothing":            {nil, phrase, provisioning.Invalid},
	} {
		if err := os.WriteFile(backup, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := sqlite.BeginRestore(ctx, file, backup, secret(c.phrase))
		code(t, name, err, c.want)
		after, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s: the store was touched, %v", name, err)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.Contains(e.Name(), "restoring") || strings.Contains(e.Name(), "replaced") {
			t.Errorf("%s is left", e.Name())
		}
	}
	if err := os.WriteFile(backup, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := sqlite.BeginRestore(ctx, file, backup, secret(phrase)) // and looked at alone, it changes nothing either
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Copy(ctx)
	if err != nil {
		t.Fatal(err)
	}
	v, err := audit.Check{Key: chainKey}.Run(ctx, c)
	if err != nil || !v.OK() || v.Rows != 5 || r.Info.Rows != 5 || time.Since(r.Info.Taken) > time.Hour {
		t.Errorf("%+v %+v %v", v, r.Info, err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if s := openWith(t, options(t, file)); s.ReadOnly() != "" || rowCount(t, s) != 6 {
		t.Errorf("%q, %d rows", s.ReadOnly(), rowCount(t, s))
	}
}

// TestRestoreOverDamage: where the store is damaged, or gone, a backup takes its place all the same.
func TestRestoreOverDamage(t *testing.T) {
	file := path(t)
	backup := filepath.Join(t.TempDir(), "backup")
	o := options(t, file)
	s := openWith(t, o)
	appendRows(t, s, 150)
	if _, err := s.Backup(ctx, backup, secret(phrase), event("")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, left := range []string{".restoring-x", ".restoring-x-wal"} { // of a process that was killed
		if err := os.WriteFile(file+left, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, spoil := range []func(){
		func() { damage(t, file, 8192) }, func() { damage(t, file, 0) },
		func() {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		},
	} {
		spoil()
		r, err := sqlite.BeginRestore(ctx, file, backup, secret(phrase))
		if err != nil {
			t.Fatal(err)
		}
		s, _, err := r.Finish(ctx, o, restored())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Look(ctx); err != nil || rowCount(t, s) != 151 {
			t.Errorf("%d rows, %v", rowCount(t, s), err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := filepath.Glob(file + ".restoring-*"); err != nil || len(left) != 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}
