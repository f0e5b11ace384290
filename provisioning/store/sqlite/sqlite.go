// Package sqlite keeps the journal, the record, snapshots and decisions in one SQLite file: the embedded default (DESIGN 4,
// contracts/engine.md 3.2). One process owns the file for its life; another opens it read-only and says who owns it. Every
// change and its event are one transaction that is on the disk when the method returns. It knows no rule but the transitions
// of provisioning/states.go.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	_ "modernc.org/sqlite" // the driver, in pure Go

	"rollcall/provisioning"
)

// Options say where the store is and who opens it.
type Options struct {
	Path   string // of the database file; its folder is made, 0700
	Sealer provisioning.Sealer
	Owner  string // "l.ortiz on desk-4": what another console is told
	// Person and Login are put into every event that names none of its own (threats F2).
	Person, Login string
	// Signer signs the record's checkpoints; nil: there are none. Witnesses keep them outside the store.
	Signer    provisioning.Signer
	Witnesses []provisioning.Witness
	Keep      Keep
	Clock     provisioning.Clock // nil: the machine's
}

// Store is the store. It is safe for concurrent use.
type Store struct {
	write  *sql.DB // one connection; nil when another process owns the file
	read   *sql.DB
	sealer provisioning.Sealer
	lock   *flock.Flock
	owner  string // of the other process
	path   string
	login  [2]string // Options.Person and Login
	keep   Keep
	bare   bool // no copy is kept before a new version: it is one itself
	clock  provisioning.Clock

	mu   sync.Mutex // one writer at a time; guards last
	last provisioning.Record
	cp   *signing // nil: no checkpoints are made

	sound  *soundness // what the look at the file found
	warned []string   // Warnings, from the opening
	stop   context.CancelFunc
	work   sync.WaitGroup // the look at the file, and what the checkpoints need
}

var _ provisioning.Store = (*Store)(nil)

// Open opens the store, makes it where there is none, and brings its schema up to date: with a backup beside it first. It looks at the
// whole file for damage beside the start; the first write waits for that, and a damaged store is never written.
func Open(ctx context.Context, o Options) (*Store, error) {
	if err := prepare(o.Path); err != nil {
		return nil, err
	}
	lock, err := takeLock(o.Path)
	if err != nil {
		return nil, err
	}
	if lock == nil {
		s := newStore(o, nil)
		if err := s.openReadOnly(ctx); err != nil {
			return nil, errors.Join(err, s.Close())
		}
		return s, nil
	}
	return openLocked(ctx, o, lock)
}

// prepare makes the store's folder and looks at where it is and who may read it.
func prepare(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return unavailable("the state folder cannot be made", err)
	}
	if err := checkModes(path); err != nil {
		return err
	}
	return checkPlace(filepath.Dir(path))
}

// takeLock makes this process the store's one owner; nil where another is.
func takeLock(path string) (*flock.Flock, error) {
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	owned, err := lock.TryLock()
	if err != nil {
		return nil, unavailable("the store's lock cannot be taken", err)
	}
	if !owned {
		return nil, nil //nolint:nilnil // another process has it: that is no error
	}
	return lock, nil
}

func newStore(o Options, lock *flock.Flock) *Store {
	s := &Store{sealer: o.Sealer, lock: lock, path: o.Path, login: [2]string{o.Person, o.Login}, keep: o.Keep, clock: o.Clock, stop: func() {}}
	if s.clock == nil {
		s.clock = provisioning.SystemClock{}
	}
	return s
}

// openLocked opens a store whose lock this process holds; it gives the lock up where that fails.
func openLocked(ctx context.Context, o Options, lock *flock.Flock) (*Store, error) {
	s := newStore(o, lock)
	note := fmt.Sprintf("%s, process %d, since %s", o.Owner, os.Getpid(), s.clock.Now().Local().Format("2 Jan 15:04"))
	if err := os.WriteFile(o.Path+".owner", []byte(note), 0o600); err != nil {
		return nil, errors.Join(unavailable("the store's owner cannot be noted", err), lock.Unlock())
	}
	sweep(o.Path, s.clock.Now())
	if err := s.openOwned(ctx, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// dsn names a database with its pragmas. FULL makes a committed transaction survive the loss of power, which "intent before
// effect" rests on (contracts/engine.md 2.2); fullfsync reaches the platter on macOS and means nothing elsewhere.
func dsn(path string, readOnly bool) string {
	q := url.Values{"_pragma": {
		"busy_timeout(10000)", "foreign_keys(ON)", "synchronous(FULL)", "fullfsync(ON)", "checkpoint_fullfsync(ON)", "secure_delete(ON)",
	}}
	if readOnly {
		q.Set("mode", "ro")
	} else {
		q["_pragma"] = append(q["_pragma"], "journal_mode(WAL)")
		q.Set("_txlock", "immediate")
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: q.Encode()}).String()
}

func (s *Store) openOwned(ctx context.Context, o Options) (err error) {
	if file, err := os.OpenFile(o.Path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return unavailable("the store cannot be opened", err)
	} else if err := file.Close(); err != nil {
		return unavailable("the store cannot be opened", err)
	}
	if s.write, err = sql.Open("sqlite", dsn(o.Path, false)); err != nil {
		return unavailable("the store cannot be opened", err)
	}
	s.write.SetMaxOpenConns(1)
	looked, err := s.migrate(ctx)
	if err != nil {
		return err
	}
	if s.read, err = sql.Open("sqlite", dsn(o.Path, true)); err != nil {
		return unavailable("the store cannot be opened", err)
	}
	s.read.SetMaxOpenConns(5) // four for the screens, one for the look at the file
	if s.last, err = s.lastRecord(ctx); err != nil {
		return err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.sound = newSoundness(looked)
	if !looked {
		s.work.Go(func() { s.sound.set(s.inspect(background)) })
	}
	return s.beginSigning(ctx, background, o)
}

func (s *Store) openReadOnly(ctx context.Context) (err error) {
	note, err := os.ReadFile(s.path + ".owner")
	s.owner = strings.TrimSpace(string(note))
	if err != nil || s.owner == "" {
		s.owner = "another process"
	}
	if s.read, err = sql.Open("sqlite", dsn(s.path, true)); err != nil {
		return unavailable("the store cannot be opened", err)
	}
	s.read.SetMaxOpenConns(4)
	have, err := version(ctx, s.read)
	if err == nil && have < len(migrations()) {
		err = &provisioning.Error{
			Code: provisioning.Unavailable, Message: fmt.Sprintf("an older rollcall has this store open: %s", s.owner), Hint: "close that one first",
		}
	}
	return err
}

// ReadOnly says who owns the store when this process does not.
func (s *Store) ReadOnly() string { return s.owner }

// Warnings are what the operator must be told of the store as it was opened.
func (s *Store) Warnings() []string {
	said := append(slices.Clone(s.warned), s.cp.warnings()...)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cp != nil && s.cp.failed != "" {
		said = append(said, fmt.Sprintf("the record is not signed since row %d: %s", s.cp.mark.Seq, s.cp.failed))
	}
	return said
}

// Close signs for what the record has, hands that to the witnesses, closes the store and gives it up.
func (s *Store) Close() error {
	s.endSigning()
	s.stop()
	s.work.Wait()
	var errs []error
	if s.read != nil {
		errs = append(errs, s.read.Close())
	}
	if s.write != nil {
		errs = append(errs, s.write.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Unlock())
	}
	return errors.Join(errs...)
}

// unavailable says what the database could not do. What is known of the reason is said plainly: a full disk, a file that may not be
// written, a damaged one.
func unavailable(message string, err error) error {
	e := &provisioning.Error{Code: provisioning.Unavailable, Message: message, Hint: "nothing was changed; mend it and try again", Err: err}
	switch kind(err) {
	case diskFull:
		e.Message, e.Hint = "the disk is full", "make room on the disk that holds the state folder, then try again; nothing was sent"
	case fileReadOnly:
		e.Message, e.Hint = "the store's file is read-only", "check the rights of the state folder and of the files in it; nothing was sent"
	case fileDamaged:
		e.Message, e.Hint = "the store is damaged", damagedHint
	case other:
	}
	return e
}

// change runs one unit of work with its events in one transaction that is durable when it returns. Without an event that can
// be sealed, nothing is changed.
func (s *Store) change(ctx context.Context, work func(*sql.Tx) error, events ...provisioning.Event) error {
	if s.write == nil {
		return &provisioning.Error{Code: provisioning.ReadOnly, Message: "the store is owned by " + s.owner, Hint: "use that console, or close it"}
	}
	if err := s.sound.wait(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return unavailable("the store cannot be written", err)
	}
	last := s.last
	draft := s.cp.draft()
	err = func() error {
		if work != nil {
			if err := work(tx); err != nil {
				return err
			}
		}
		for _, e := range events {
			r, err := s.sealer.Seal(last, s.stamped(e))
			if err != nil {
				return &provisioning.Error{Code: provisioning.Invalid, Message: "the event cannot be recorded", Err: err}
			}
			if err := insertRecord(ctx, tx, r); err != nil {
				return unavailable("the record cannot be written", err)
			}
			draft.add(&r)
			last = r
		}
		return draft.sign(ctx, tx, last, s.clock.Now(), false)
	}()
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return unavailable("the store cannot be written", err)
	}
	s.last = last
	draft.keep()
	return nil
}

// stamped is an event with who the process's operator is, where it does not say that itself.
func (s *Store) stamped(e provisioning.Event) provisioning.Event {
	if e.Person == "" && e.Login == "" {
		e.Person, e.Login = s.login[0], s.login[1]
	}
	return e
}

// nanos keeps a time as nanoseconds since the epoch, 0 for none.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

func stale(message string) error {
	return &provisioning.Error{Code: provisioning.Stale, Message: message, Hint: "look again, then decide"}
}

func notFound(what string) error {
	return &provisioning.Error{Code: provisioning.NotFound, Message: what + " is not in the store"}
}
