package sqlite

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"rollcall/provisioning"
)

// stamp is how a time stands in a file's name: without a colon, which Windows does not take, and in order.
const stamp = "20060102T150405.000Z"

// keepBefore is how many copies of what the store was before a new version are kept.
const keepBefore = 3

// workFactor is age's own default for a passphrase: about a second (contracts/engine.md 4.5).
const workFactor = 18

// Passphrase seals and opens a backup. Work is scrypt's work factor, its logarithm; 0: age's default, for all but tests.
type Passphrase struct {
	Phrase provisioning.Secret
	Work   int
}

// BackupInfo is what a backup says of itself: its first line, inside what the passphrase seals.
type BackupInfo struct {
	Format  int       `json:"rollcall_backup"`
	Version int       `json:"version"` // of the schema
	Taken   time.Time `json:"taken"`
	Rows    int64     `json:"rows"` // of the record
	Head    []byte    `json:"head"`
}

const (
	backupFormat = 1
	mostHead     = 4096
)

// dump writes a whole, consistent copy of the database into a new file of this owner's alone. It runs beside everything else.
func (s *Store) dump(ctx context.Context, file string) error {
	made, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // the database takes an empty file, and leaves its mode
	if err != nil {
		return unavailable("the copy of the store cannot be made", err)
	}
	if err := made.Close(); err != nil {
		return unavailable("the copy of the store cannot be made", err)
	}
	db := s.write
	if s.read != nil {
		db = s.read
	}
	if _, err := db.ExecContext(ctx, "vacuum into ?", file); err != nil {
		return errors.Join(unavailable("the copy of the store cannot be made", err), os.Remove(file))
	}
	if err := flush(file); err != nil {
		return errors.Join(unavailable("the copy of the store cannot be made", err), os.Remove(file))
	}
	return nil
}

// backupBefore keeps what the store was before it is brought up to date, beside it, and drops the oldest of such copies.
func (s *Store) backupBefore(ctx context.Context, have int) error {
	if s.bare {
		return nil
	}
	file := fmt.Sprintf("%s.v%d-%s", s.path, have, s.clock.Now().UTC().Format(stamp))
	if err := s.dump(ctx, file); err != nil {
		return err
	}
	s.warned = append(s.warned, fmt.Sprintf("the store was brought from version %d to %d; what it was is kept as %s", have, len(migrations()), file))
	old, err := beside(s.path, ".v")
	if err != nil {
		return unavailable("old copies of the store cannot be looked for", err)
	}
	slices.SortFunc(old, func(a, b string) int {
		return strings.Compare(a[strings.LastIndex(a, "-"):], b[strings.LastIndex(b, "-"):])
	})
	for _, name := range old[:max(0, len(old)-keepBefore)] {
		if err := os.Remove(name); err != nil {
			return unavailable("an old copy of the store cannot be dropped", err)
		}
	}
	return nil
}

// beside lists the files beside the store whose names go on with mark.
func beside(path, mark string) (files []string, err error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	for _, e := range entries {
		if name := e.Name(); strings.HasPrefix(name, filepath.Base(path)+mark) {
			files = append(files, filepath.Join(filepath.Dir(path), name))
		}
	}
	return files, err
}

// Backup writes the whole store, as of one moment, into a new file that a passphrase seals. It runs while the store is in use, and from
// a console that may only read. e is recorded where this process owns the store. The keys of the record are not in it: they are where
// they are kept, and a backup of them is another thing.
func (s *Store) Backup(ctx context.Context, file string, phrase Passphrase, e provisioning.Event) (info BackupInfo, err error) {
	if phrase.Phrase.IsZero() {
		return info, &provisioning.Error{Code: provisioning.Invalid, Message: "a backup needs a passphrase", Hint: "a store says who may open what: it is never written in the clear"}
	}
	plain := fmt.Sprintf("%s.backup-%s", s.path, s.clock.Now().UTC().Format(stamp))
	if err := s.dump(ctx, plain); err != nil {
		return info, err
	}
	defer func() { err = errors.Join(err, os.Remove(plain)) }()
	taken, err := OpenCopy(ctx, plain)
	if err != nil {
		return info, err
	}
	info, err = taken.info(ctx)
	if err := errors.Join(err, taken.Close()); err != nil {
		return info, err
	}
	info.Format, info.Taken = backupFormat, s.clock.Now().UTC()
	if err := sealFile(plain, file, info, phrase); err != nil {
		return info, err
	}
	if s.write == nil {
		return info, nil
	}
	e.Kind, e.Detail = provisioning.EventBackup, fmt.Sprintf("%d rows of the record, version %d, into %s", info.Rows, info.Version, file)
	return info, s.Append(ctx, e)
}

// sealFile writes a backup under its name once it is whole, and never over another file.
func sealFile(plain, file string, info BackupInfo, phrase Passphrase) (err error) {
	fail := func(err error) error {
		var e *provisioning.Error
		if errors.As(err, &e) {
			return err
		}
		if errors.Is(err, fs.ErrExist) {
			return &provisioning.Error{Code: provisioning.Invalid, Message: file + " is there already", Hint: "name another file"}
		}
		return unavailable("the backup cannot be written to "+file, err)
	}
	if _, err := os.Lstat(file); err == nil {
		return fail(fs.ErrExist)
	}
	in, err := os.Open(plain)
	if err != nil {
		return fail(err)
	}
	defer in.Close()
	out, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*.part") // 0600
	if err != nil {
		return fail(err)
	}
	defer func() { _ = os.Remove(out.Name()) }() // where it did not become the backup
	err = seal(out, in, info, phrase)
	if err == nil {
		err = out.Sync()
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return fail(err)
	}
	if err := os.Link(out.Name(), file); err != nil { // a file system without links: it was not there a moment ago
		if errors.Is(err, fs.ErrExist) {
			return fail(err)
		}
		if err := os.Rename(out.Name(), file); err != nil {
			return fail(err)
		}
	}
	return flushFolder(filepath.Dir(file))
}

func seal(out io.Writer, in io.Reader, info BackupInfo, phrase Passphrase) error {
	recipient, err := age.NewScryptRecipient(phrase.Phrase.Reveal())
	if err != nil {
		return err
	}
	if phrase.Work == 0 {
		phrase.Work = workFactor
	}
	recipient.SetWorkFactor(phrase.Work)
	w, err := age.Encrypt(out, recipient)
	if err != nil {
		return err
	}
	head, err := json.Marshal(info)
	if err != nil {
		return err
	}
	if _, err := w.Write(append(head, '\n')); err != nil {
		return err
	}
	if _, err := io.Copy(w, in); err != nil {
		return err
	}
	return w.Close()
}

// unseal opens a backup: its first line, and the database that follows. What was cut or changed is an error of the reader.
func unseal(in io.Reader, phrase Passphrase) (info BackupInfo, db io.Reader, err error) {
	identity, err := age.NewScryptIdentity(phrase.Phrase.Reveal())
	if err != nil {
		return info, nil, &provisioning.Error{Code: provisioning.Invalid, Message: "a backup is opened by its passphrase", Err: err}
	}
	identity.SetMaxWorkFactor(max(phrase.Work, workFactor))
	plain, err := age.Decrypt(in, identity)
	var refused *age.NoIdentityMatchError
	if errors.As(err, &refused) {
		return info, nil, &provisioning.Error{Code: provisioning.Denied, Message: "the passphrase does not open the backup", Hint: "type it again; nothing was changed"}
	}
	if err != nil {
		return info, nil, notABackup(err)
	}
	r := bufio.NewReaderSize(plain, mostHead)
	line, err := r.ReadSlice('\n')
	if err != nil {
		return info, nil, notABackup(err)
	}
	if err := json.Unmarshal(line, &info); err != nil || info.Format != backupFormat {
		return info, nil, notABackup(err)
	}
	return info, r, nil
}

func notABackup(err error) error {
	return &provisioning.Error{Code: provisioning.Invalid, Message: "this is no backup that rollcall wrote, or it was cut or changed", Hint: "take another one; nothing was changed", Err: err}
}

func flush(file string) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// flushFolder makes the names in a folder durable. On Windows a folder cannot be flushed.
func flushFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return unavailable("the folder cannot be flushed", err)
	}
	_ = f.Sync() // some file systems, shares among them, know no such thing
	return f.Close()
}

// sweep takes away what a process that was killed in the middle of a backup or of a restoring left beside the store. The caller owns the
// store, so no restoring is under way; a console that may only read may be writing a backup.
func sweep(path string, now time.Time) {
	for mark, age := range map[string]time.Duration{".restoring-": 0, ".backup-": time.Hour} {
		left, err := beside(path, mark)
		if err != nil {
			continue
		}
		for _, name := range left {
			if info, err := os.Stat(name); err == nil && (age == 0 || now.Sub(info.ModTime()) > age) {
				_ = os.Remove(name) // what cannot be taken away is as private as the store
			}
		}
	}
}
