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
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
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
}

// Store is the store. It is safe for concurrent use.
type Store struct {
	write  *sql.DB // one connection; nil when another process owns the file
	read   *sql.DB
	sealer provisioning.Sealer
	lock   *flock.Flock
	owner  string // of the other process

	mu   sync.Mutex // one writer at a time; guards last
	last provisioning.Record
}

var _ provisioning.Store = (*Store)(nil)

// Open opens the store, makes it where there is none, and brings its schema up to date.
func Open(ctx context.Context, o Options) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(o.Path), 0o700); err != nil {
		return nil, unavailable("the state folder cannot be made", err)
	}
	if err := checkModes(o.Path); err != nil {
		return nil, err
	}
	s := &Store{sealer: o.Sealer, lock: flock.New(o.Path+".lock", flock.SetPermissions(0o600))}
	owned, err := s.lock.TryLock()
	if err != nil {
		return nil, unavailable("the store's lock cannot be taken", err)
	}
	if !owned {
		return s, s.openReadOnly(ctx, o.Path)
	}
	note := fmt.Sprintf("%s, process %d, since %s", o.Owner, os.Getpid(), time.Now().Format("2 Jan 15:04"))
	if err := os.WriteFile(o.Path+".owner", []byte(note), 0o600); err != nil {
		return nil, errors.Join(unavailable("the store's owner cannot be noted", err), s.lock.Unlock())
	}
	if err := s.openOwned(ctx, o.Path); err != nil {
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

func (s *Store) openOwned(ctx context.Context, path string) (err error) {
	if file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return unavailable("the store cannot be opened", err)
	} else if err := file.Close(); err != nil {
		return unavailable("the store cannot be opened", err)
	}
	if s.write, err = sql.Open("sqlite", dsn(path, false)); err != nil {
		return unavailable("the store cannot be opened", err)
	}
	s.write.SetMaxOpenConns(1)
	if err := s.migrate(ctx); err != nil {
		return err
	}
	if s.read, err = sql.Open("sqlite", dsn(path, true)); err != nil {
		return unavailable("the store cannot be opened", err)
	}
	s.read.SetMaxOpenConns(4)
	s.last, err = s.lastRecord(ctx)
	return err
}

func (s *Store) openReadOnly(ctx context.Context, path string) error {
	note, err := os.ReadFile(path + ".owner")
	s.owner = strings.TrimSpace(string(note))
	if err != nil || s.owner == "" {
		s.owner = "another process"
	}
	if s.read, err = sql.Open("sqlite", dsn(path, true)); err != nil {
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

// checkModes refuses a store that others may read (threats J). Windows has no such bits: there the profile folder's rights hold.
func checkModes(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	for name, most := range map[string]fs.FileMode{filepath.Dir(path): 0o700, path: 0o600} {
		info, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return unavailable("the store cannot be looked at", err)
		}
		if info.Mode().Perm()&^most != 0 {
			return &provisioning.Error{
				Code: provisioning.Denied, Message: fmt.Sprintf("%s may be read by others (%o)", name, info.Mode().Perm()),
				Hint: fmt.Sprintf("run: chmod %o %s", most, name),
			}
		}
	}
	return nil
}

// ReadOnly says who owns the store when this process does not.
func (s *Store) ReadOnly() string { return s.owner }

// Close closes the store and gives it up.
func (s *Store) Close() error {
	var errs []error
	if s.read != nil {
		errs = append(errs, s.read.Close())
	}
	if s.write != nil {
		errs = append(errs, s.write.Close())
	}
	return errors.Join(append(errs, s.lock.Unlock())...)
}

func unavailable(message string, err error) error {
	e := &provisioning.Error{Code: provisioning.Unavailable, Message: message, Hint: "nothing was changed; mend it and try again", Err: err}
	if text := err.Error(); strings.Contains(text, "full") {
		e.Message, e.Hint = "the disk is full", "make room and try again; nothing was sent"
	} else if strings.Contains(text, "readonly") || strings.Contains(text, "read-only") {
		e.Message, e.Hint = "the store's file is read-only", "check the rights of the state folder; nothing was sent"
	}
	return e
}

// change runs one unit of work with its events in one transaction that is durable when it returns. Without an event that can
// be sealed, nothing is changed.
func (s *Store) change(ctx context.Context, work func(*sql.Tx) error, events ...provisioning.Event) error {
	if s.write == nil {
		return &provisioning.Error{Code: provisioning.ReadOnly, Message: "the store is owned by " + s.owner, Hint: "use that console, or close it"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return unavailable("the store cannot be written", err)
	}
	last := s.last
	err = func() error {
		if work != nil {
			if err := work(tx); err != nil {
				return err
			}
		}
		for _, e := range events {
			r, err := s.sealer.Seal(last, e)
			if err != nil {
				return &provisioning.Error{Code: provisioning.Invalid, Message: "the event cannot be recorded", Err: err}
			}
			if err := insertRecord(ctx, tx, r); err != nil {
				return unavailable("the record cannot be written", err)
			}
			last = r
		}
		return nil
	}()
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return unavailable("the store cannot be written", err)
	}
	s.last = last
	return nil
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
