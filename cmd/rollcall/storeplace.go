package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"rollcall/clients/anchor"
	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/store/sqlite"
)

// anchorPlaces say where the record's checkpoints are kept outside the store.
type anchorPlaces struct {
	// File is a file that is appended to, on a share best; "": anchors.jsonl in the state folder.
	File string `toml:"file"`
	// Syslog is local, udp://HOST:514 or tcp://HOST:514; "": none.
	Syslog string `toml:"syslog"`
}

// keepRules say how much of the past is kept.
type keepRules struct {
	Snapshots int    `toml:"snapshots"` // 0: three
	History   string `toml:"history"`   // "400d", "9600h"; "": for ever
}

// kept reads the rules for the store.
func (k keepRules) kept() (sqlite.Keep, error) {
	keep := sqlite.Keep{Snapshots: k.Snapshots}
	wrong := func(what string) error {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "config.toml, [keep]: " + what, Hint: "write snapshots = 3, history = \"400d\""}
	}
	if k.Snapshots < 0 || k.Snapshots > 1000 {
		return keep, wrong("snapshots is no number from 1 to 1000")
	}
	if k.History == "" {
		return keep, nil
	}
	var err error
	if days, ok := strings.CutSuffix(k.History, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		keep.History = time.Duration(n) * 24 * time.Hour
	} else {
		keep.History, err = time.ParseDuration(k.History)
	}
	if err != nil || keep.History < 24*time.Hour || keep.History > 100*366*24*time.Hour {
		return keep, wrong("history is no time of a day or more: " + k.History)
	}
	return keep, nil
}

// storePlace is a store as this run is to open it.
type storePlace struct {
	options sqlite.Options
	key     []byte // of the record
	anchors string // the file of anchors
}

// place finds out where the store is, its keys, and who opens it.
func place(ctx context.Context, f *flags, s *setup, dir string) (p storePlace, err error) {
	if p.key, err = recordKey(ctx, f, s, dir); err != nil {
		return p, err
	}
	chain, err := audit.NewChain(p.key)
	if err != nil {
		return p, err
	}
	signs, err := newSigner(ctx, f, s, dir)
	if err != nil {
		return p, err
	}
	keep, err := s.Keep.kept()
	if err != nil {
		return p, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	seat := s.seat()
	p.options = sqlite.Options{
		Path: filepath.Join(dir, s.storeFile()), Sealer: chain, Owner: seat.Name + " on " + host, Person: seat.Key(), Login: loginOf() + "@" + host,
		Signer: signs, Keep: keep,
	}
	p.anchors = s.anchorFile(dir)
	p.options.Witnesses = []provisioning.Witness{anchor.NewFile(p.anchors)}
	if s.Anchor.Syslog != "" {
		server, err := anchor.NewSyslog(s.Anchor.Syslog)
		if err != nil {
			return p, err
		}
		p.options.Witnesses = append(p.options.Witnesses, server)
	}
	return p, nil
}

// loginOf is the operating system's name of who runs this.
func loginOf() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

// anchorFile is where the anchors of this run's store are: each of several tenants has a record, and a file of anchors, of its own.
func (s *setup) anchorFile(dir string) string {
	file := s.Anchor.File
	if file == "" {
		file = filepath.Join(dir, "anchors.jsonl")
	}
	if of, ok := strings.CutPrefix(strings.TrimSuffix(s.storeFile(), ".db"), "rollcall-"); ok {
		extension := filepath.Ext(file)
		file = strings.TrimSuffix(file, extension) + "-" + of + extension
	}
	return file
}

// read reads the store's own anchors; a file that is not there yet has none.
func (p *storePlace) read(context.Context) ([]audit.Anchors, error) {
	a, err := readAnchors(p.anchors)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []audit.Anchors{a}, nil
}

func readAnchors(file string) (audit.Anchors, error) {
	in, err := os.Open(file)
	if err != nil {
		return audit.Anchors{}, &provisioning.Error{Code: provisioning.Invalid, Message: "the anchors cannot be read", Hint: "name the file that [anchor] in config.toml names", Err: err}
	}
	defer in.Close()
	return audit.ReadAnchors(file, in)
}
