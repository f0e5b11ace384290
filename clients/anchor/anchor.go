// Package anchor keeps the record's signed checkpoints where whoever can write to the store cannot: in a file that is only ever appended
// to, on a share best, and at a syslog server (threats F1). Both are a provisioning.Witness.
package anchor

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"

	"rollcall/provisioning"
)

// mostLine is the longest line that is read of a file of anchors.
const mostLine = 16 << 10

// File is a file of anchors: one checkpoint as JSON on each line. It is for one goroutine at a time.
type File struct{ path string }

// NewFile makes the witness of a file. The file is made, 0600, with the first checkpoint.
func NewFile(path string) *File { return &File{path} }

// Name names the file.
func (f *File) Name() string { return "file " + f.path }

func (f *File) refuse(message, hint string, err error) error {
	return &provisioning.Error{Code: provisioning.Unavailable, Message: f.path + " " + message, Hint: hint, Err: err}
}

// look refuses what is no file of this owner's alone to write: an anchor that others can write proves nothing.
func (f *File) look() error {
	info, err := os.Lstat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return f.refuse("cannot be looked at", "see that the share is there", err)
	case !info.Mode().IsRegular():
		return f.refuse("is no regular file", "name a file in [anchor], config.toml", nil)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0:
		return f.refuse("may be written by others", "run: chmod 600 "+f.path, nil)
	}
	return nil
}

// Seen reads the checkpoints that the file has. A line that is none is left out: it is for rollcall audit verify to tell.
func (f *File) Seen(ctx context.Context) (kept []provisioning.Checkpoint, ok bool, err error) {
	if err := f.look(); err != nil {
		return nil, false, err
	}
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, f.refuse("cannot be read", "see that the share is there", err)
	}
	defer file.Close()
	scan := bufio.NewScanner(file)
	scan.Buffer(nil, mostLine)
	for scan.Scan() {
		var c provisioning.Checkpoint
		if json.Unmarshal(scan.Bytes(), &c) == nil && c.Seq > 0 {
			kept = append(kept, c)
		}
		if ctx.Err() != nil {
			return nil, false, ctx.Err()
		}
	}
	if err := scan.Err(); err != nil {
		return nil, false, f.refuse("cannot be read", "it is no file of anchors: name another one in [anchor], config.toml", err)
	}
	return kept, true, nil
}

// Keep appends one checkpoint, and returns when it is on the disk. A line that a crash cut off is taken out first: it was never kept.
func (f *File) Keep(_ context.Context, c provisioning.Checkpoint) error {
	if err := f.look(); err != nil {
		return err
	}
	line, err := json.Marshal(c)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return f.refuse("cannot be written", "see that the share is there and may be written", err)
	}
	line = append(line, '\n')
	torn, err := whole(file)
	if torn {
		line = append([]byte{'\n'}, line...)
	}
	if err == nil {
		_, err = file.Write(line)
	}
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return f.refuse("cannot be written", "see that the share has room and may be written", err)
	}
	return nil
}

// whole takes the piece of a line off the file's end. torn says that it could not: the file may only be appended to.
func whole(file *os.File) (torn bool, err error) {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return false, err
	}
	tail := make([]byte, min(size, mostLine))
	if _, err := file.ReadAt(tail, size-int64(len(tail))); err != nil {
		return false, err
	}
	end := bytes.LastIndexByte(tail, '\n') + 1
	if end == len(tail) {
		return false, nil
	}
	return file.Truncate(size-int64(len(tail)-end)) != nil, nil
}
