package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"rollcall/provisioning"
)

// Restoring is a backup that was opened and found whole, before it takes the store's place. End it with Finish or Close.
type Restoring struct {
	Info BackupInfo
	path string // of the store
	temp string // of the backup's database
	lock *flock.Flock
}

// BeginRestore opens a backup beside the store that it is to replace, and looks at all of it. It is ReadOnly while another process owns
// the store. Nothing of the store is touched.
func BeginRestore(ctx context.Context, path, file string, phrase Passphrase) (_ *Restoring, err error) {
	if err := prepare(path); err != nil {
		return nil, err
	}
	lock, err := takeLock(path)
	if err != nil {
		return nil, err
	}
	if lock == nil {
		note, _ := os.ReadFile(path + ".owner") // without one it is somebody all the same
		return nil, &provisioning.Error{
			Code: provisioning.ReadOnly, Message: strings.TrimSpace("the store is open: " + string(note)), Hint: "close that rollcall first; nothing was changed",
		}
	}
	r := &Restoring{path: path, lock: lock, temp: path + ".restoring-" + provisioning.SystemClock{}.Now().Format(stamp)}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	if err := r.unpack(file, phrase); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn(r.temp, true))
	if err != nil {
		return nil, unavailable("the backup cannot be opened", err)
	}
	v, err := version(ctx, db)
	if err == nil && v != r.Info.Version {
		err = notABackup(fmt.Errorf("version %d in a backup of version %d", v, r.Info.Version))
	}
	if err == nil {
		err = inspect(ctx, db, file, "integrity_check")
	}
	return r, errors.Join(err, db.Close())
}

func (r *Restoring) unpack(file string, phrase Passphrase) error {
	in, err := os.Open(file)
	if err != nil {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "the backup cannot be read", Err: err}
	}
	defer in.Close()
	info, db, err := unseal(in, phrase)
	if err != nil {
		return err
	}
	r.Info = info
	out, err := os.OpenFile(r.temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return unavailable("the backup cannot be unpacked", err)
	}
	_, err = io.Copy(out, db)
	if err != nil && kind(err) == other {
		err = notABackup(err)
	} else if err != nil {
		err = unavailable("the backup cannot be unpacked", err)
	}
	return errors.Join(err, out.Sync(), out.Close())
}

// Copy opens the backup's record, so that it can be verified first.
func (r *Restoring) Copy(ctx context.Context) (*Copy, error) { return OpenCopy(ctx, r.temp) }

// Close gives the backup up; the store is what it was.
func (r *Restoring) Close() error {
	var errs []error
	for _, name := range []string{r.temp, r.temp + "-wal", r.temp + "-shm"} {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, r.lock.Unlock())...)
}

// Finish puts the backup in the store's place and opens it. What the store was is kept aside, under the name that is returned. Before it
// is the store, everything in it that could go on by itself is stopped, and e, an EventRestored, is recorded: a batch that was unfinished
// is stopped, one that was scheduled has missed its minute.
func (r *Restoring) Finish(ctx context.Context, o Options, e provisioning.Event) (s *Store, aside string, err error) {
	quiet := o
	quiet.Path, quiet.Witnesses = r.temp, nil // nobody outside hears of it before it is the store
	if err := settle(ctx, quiet, r.Info, e); err != nil {
		return nil, "", errors.Join(err, r.Close())
	}
	if aside, err = r.swap(ctx); err != nil {
		return nil, "", errors.Join(err, r.Close())
	}
	s, err = openLocked(ctx, o, r.lock)
	return s, aside, err
}

// settle stops what is under way in a restored store, while it is still beside the one that it replaces.
func settle(ctx context.Context, o Options, info BackupInfo, e provisioning.Event) error {
	s := newStore(o, nil)
	s.bare = true
	if err := s.openOwned(ctx, o); err != nil {
		return errors.Join(err, s.Close())
	}
	why := "restored from a backup of " + info.Taken.Local().Format("2 Jan 2006 15:04") + ": look again"
	unfinished := "state in ('committed','paused','stopped') or (state='done, by hand open' and exists (select 1 from unit where batch=batch.id and state in ('pending','running')))"
	events := []provisioning.Event{e}
	err := rows(ctx, s.read, func(row *sql.Rows) error {
		one := e
		one.Kind, one.Subject, one.Detail = provisioning.EventBatch, "", why
		err := row.Scan(&one.Batch)
		events = append(events, one)
		return err
	}, "select id from batch where state='scheduled' or "+unfinished+" order by id")
	if err == nil {
		err = s.change(ctx, func(tx *sql.Tx) error {
			for _, q := range []string{
				"update batch set stop=?, version=version+1, state='stopped' where " + unfinished,
				"update batch set stop=?, version=version+1, state='missed' where state='scheduled'",
			} {
				if _, err := tx.ExecContext(ctx, q, why); err != nil {
					return unavailable("the restored batches cannot be stopped", err)
				}
			}
			return nil
		}, events...)
	}
	return errors.Join(err, s.Close())
}

// swap puts the unpacked backup under the store's name in one step: at no moment is there no store, and none that mixes the two.
func (r *Restoring) swap(ctx context.Context) (aside string, err error) {
	if err := flush(r.temp); err != nil {
		return "", unavailable("the backup cannot be put in place", err)
	}
	if _, err := os.Lstat(r.path); err == nil {
		fold(ctx, r.path)
		aside = r.path + ".replaced-" + provisioning.SystemClock{}.Now().Format(stamp)
		for _, part := range []string{"", "-wal"} {
			if err := os.Link(r.path+part, aside+part); err != nil && !errors.Is(err, os.ErrNotExist) {
				return "", unavailable("the store cannot be kept aside", err)
			}
		}
		for _, part := range []string{"-wal", "-shm"} { // the old one's: read into the new one they would damage it
			if err := os.Remove(r.path + part); err != nil && !errors.Is(err, os.ErrNotExist) {
				return "", unavailable("the store cannot be kept aside", err)
			}
		}
	}
	if err := os.Rename(r.temp, r.path); err != nil {
		return "", unavailable("the backup cannot be put in place", err)
	}
	return aside, flushFolder(filepath.Dir(r.path))
}

// fold writes a store's log into its file, as far as what it is replaced for lets it.
func fold(ctx context.Context, path string) {
	db, err := sql.Open("sqlite", dsn(path, false))
	if err != nil {
		return
	}
	defer func() { _ = db.Close() }()
	_, _ = db.ExecContext(ctx, "pragma wal_checkpoint(truncate)")
}
