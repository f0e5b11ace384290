package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	driver "modernc.org/sqlite" // the driver, in pure Go

	"rollcall/provisioning"
)

// mostCell is the longest value that is read of a file of which nobody knows who wrote it.
const mostCell = 4 << 20

// Copy is a copy of a store's file, read for its record alone: nothing is locked, changed or brought up to date. It may be of any version.
type Copy struct {
	db      *sql.DB
	columns string
	signed  bool // it has checkpoints
}

// OpenCopy opens a copy of a store. What is not one is Invalid.
func OpenCopy(ctx context.Context, file string) (*Copy, error) {
	q := url.Values{"mode": {"ro"}, "_pragma": {"trusted_schema(OFF)", "query_only(ON)", "cell_size_check(ON)"}}
	if info, err := os.Stat(file + "-wal"); errors.Is(err, os.ErrNotExist) || (err == nil && info.Size() == 0) {
		q.Set("immutable", "1") // nobody writes to it, wherever it lies
	}
	name := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(file)}).EscapedPath(), RawQuery: q.Encode()}).String()
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, unavailable("the copy cannot be opened", err)
	}
	db.SetMaxOpenConns(1)
	c := &Copy{db: db}
	if err := c.look(ctx, file); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return c, nil
}

// look finds out what the copy has.
func (c *Copy) look(ctx context.Context, file string) error {
	conn, err := c.db.Conn(ctx)
	if err != nil {
		return unavailable("the copy cannot be opened", err)
	}
	_, err = driver.Limit(conn, 0, mostCell) // SQLITE_LIMIT_LENGTH; the pool has this one connection
	if err := errors.Join(err, conn.Close()); err != nil {
		return unavailable("the copy cannot be opened", err)
	}
	if _, err := version(ctx, c.db); err != nil {
		return err
	}
	tables := make(map[string]bool)
	if err := rows(ctx, c.db, func(r *sql.Rows) error {
		var name string
		err := r.Scan(&name)
		tables[name] = true
		return err
	}, "select name from sqlite_schema where type='table' and name in ('audit', 'checkpoint')"); err != nil {
		return err
	}
	if !tables["audit"] {
		return &provisioning.Error{Code: provisioning.Invalid, Message: file + " has no record in it", Hint: "give a copy of rollcall.db, or what rollcall audit export wrote"}
	}
	var who int
	if err := c.db.QueryRowContext(ctx, "select count(*) from pragma_table_info('audit') where name in ('person', 'login')").Scan(&who); err != nil {
		return unavailable("the copy cannot be read", err)
	}
	c.columns, c.signed = recordColumns, tables["checkpoint"]
	if who != 2 { // from before they were kept
		c.columns = oldRecordColumns + ", '', ''"
	}
	return nil
}

// Records walks the copy's record in order.
func (c *Copy) Records(ctx context.Context, from int64, visit func(provisioning.Record) error) error {
	return rows(ctx, c.db, func(r *sql.Rows) error {
		record, err := scanRecord(r.Scan)
		if err != nil {
			return unavailable("the copy's record cannot be read", err)
		}
		return visit(record)
	}, "select "+c.columns+" from audit where seq >= ? order by seq", from)
}

// Checkpoints walks the copy's checkpoints in order; one from before they were made has none.
func (c *Copy) Checkpoints(ctx context.Context, visit func(provisioning.Checkpoint) error) error {
	if !c.signed {
		return nil
	}
	return rows(ctx, c.db, func(r *sql.Rows) error {
		one, err := scanCheckpoint(r.Scan)
		if err != nil {
			return unavailable("the copy's checkpoints cannot be read", err)
		}
		return visit(one)
	}, "select "+checkpointColumns+" from checkpoint order by seq")
}

// Close closes the copy.
func (c *Copy) Close() error { return c.db.Close() }

// info tells what a copy holds, for a backup's first line.
func (c *Copy) info(ctx context.Context) (BackupInfo, error) {
	var i BackupInfo
	v, err := version(ctx, c.db)
	if err != nil {
		return i, err
	}
	i.Version = v
	err = c.db.QueryRowContext(ctx, "select seq, hash from audit order by seq desc limit 1").Scan(&i.Rows, &i.Head)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return i, unavailable("the copy's record cannot be read", fmt.Errorf("its last row: %w", err))
	}
	return i, nil
}
