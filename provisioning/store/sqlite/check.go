package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	driver "modernc.org/sqlite" // the driver, in pure Go

	"rollcall/provisioning"
)

// damagedHint is what to do about a store that is damaged.
const damagedHint = "nothing is written to it: close rollcall, and put the last good backup back with rollcall restore FILE"

// soundness is what the look at the whole file found: it runs beside the start, and the first write waits for it.
type soundness struct {
	done chan struct{}
	err  error
}

// newSoundness is one that is still to be set, or one of a file that was looked at already.
func newSoundness(looked bool) *soundness {
	s := &soundness{done: make(chan struct{})}
	if looked {
		close(s.done)
	}
	return s
}

func (s *soundness) set(err error) {
	s.err = err
	close(s.done)
}

func (s *soundness) wait(ctx context.Context) error {
	select {
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) inspect(ctx context.Context) error {
	return inspect(ctx, s.read, s.path, "quick_check")
}

// inspect looks at a whole database file: its structure, and that no row points to one that is not there.
func inspect(ctx context.Context, db *sql.DB, path, how string) error {
	damaged := func(what string, cause error) error {
		return &provisioning.Error{
			Code: provisioning.Unavailable, Message: fmt.Sprintf("the store %s is damaged: %s", path, what), Hint: damagedHint, Err: cause,
		}
	}
	first := ""
	err := rows(ctx, db, func(r *sql.Rows) error {
		var line string
		if err := r.Scan(&line); err != nil {
			return err
		}
		if line != "ok" && first == "" {
			first = strings.TrimSpace(strings.ReplaceAll(line, "\n", " "))
		}
		return nil
	}, "pragma "+how+"(1)")
	if err == nil && first == "" {
		err = rows(ctx, db, func(r *sql.Rows) error {
			var table, parent string
			var row sql.NullInt64
			var key int
			if err := r.Scan(&table, &row, &parent, &key); err != nil {
				return err
			}
			if first == "" {
				first = fmt.Sprintf("a row of %s points to a %s that is not there", table, parent)
			}
			return nil
		}, "pragma foreign_key_check")
	}
	switch {
	case err != nil && kind(err) == fileDamaged:
		return damaged("it cannot be read", errors.Unwrap(err))
	case err != nil:
		return err
	case first != "":
		return damaged(first, nil)
	}
	return nil
}

// errorKind is what an error of the database or of its files comes from.
type errorKind int

const (
	other errorKind = iota
	diskFull
	fileReadOnly
	fileDamaged
)

// SQLite's result codes, as sqlite.org/rescode.html gives them.
const (
	codeReadOnly = 8
	codeCorrupt  = 11
	codeFull     = 13
	codeNotADB   = 26
)

func kind(err error) errorKind {
	var e *driver.Error
	if errors.As(err, &e) {
		switch e.Code() & 0xff {
		case codeFull:
			return diskFull
		case codeReadOnly:
			return fileReadOnly
		case codeCorrupt, codeNotADB:
			return fileDamaged
		}
	}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return diskFull
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fileReadOnly
	}
	return other
}

// checkModes refuses a store that others may read: its folder, its file, and everything that stands beside it under its name (threats J).
// Windows has no such bits: there the profile folder's rights hold.
func checkModes(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, base := filepath.Dir(path), filepath.Base(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return unavailable("the store cannot be looked at", err)
	}
	names := []string{dir}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), base) && e.Type().IsRegular() {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	for i, name := range names {
		most := fs.FileMode(0o600)
		if i == 0 {
			most = 0o700
		}
		info, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) { // another process's, gone meanwhile
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

// checkPlace refuses a network file system: the one-owner lock and the write-ahead log cannot be relied on there
// (contracts/engine.md 3.2).
func checkPlace(dir string) error {
	if kind := networkKind(dir); kind != "" {
		return &provisioning.Error{
			Code: provisioning.Invalid, Message: fmt.Sprintf("%s is on a network file system (%s), where nothing that is written can be relied on", dir, kind),
			Hint: "give a folder on a disk of this machine: rollcall --state DIR; a share may hold backups and anchors",
		}
	}
	return nil
}
