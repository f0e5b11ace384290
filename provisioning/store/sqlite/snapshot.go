package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/gob"
	"errors"
	"runtime"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"rollcall/provisioning"
)

// partSize is how many people or accounts stand in one part: parts are packed and unpacked side by side.
const partSize = 8192

type part struct {
	kind string
	n    int
	data []byte
}

// SaveSnapshot keeps a snapshot in packed parts, with the last good count of each complete proof.
func (s *Store) SaveSnapshot(ctx context.Context, snap *provisioning.Snapshot, e provisioning.Event) error {
	parts, err := pack(snap)
	if err != nil {
		return err
	}
	var states [][]byte // of a complete read alone: what a broken one did not see is not gone
	if !snap.AccountsFrom.IsZero() {
		if states, err = packStates(ctx, snap.Accounts); err != nil {
			return err
		}
	}
	return s.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "insert or replace into snapshot (id, taken_at) values (?,?)", snap.ID, nanos(snap.TakenAt)); err != nil {
			return unavailable("the snapshot cannot be kept", err)
		}
		for _, p := range parts {
			if _, err := tx.ExecContext(ctx, "insert into snapshot_part (snapshot, kind, n, data) values (?,?,?,?)", snap.ID, p.kind, p.n, p.data); err != nil {
				return unavailable("the snapshot cannot be kept", err)
			}
		}
		if err := keepAccess(ctx, tx, snap, states); err != nil {
			return err
		}
		for _, p := range snap.Proofs {
			if !p.Complete {
				continue
			}
			if _, err := tx.ExecContext(ctx, "insert or replace into last_good (source, count, at) values (?,?,?)", p.Source, p.Seen, nanos(p.At)); err != nil {
				return unavailable("the snapshot cannot be kept", err)
			}
		}
		return s.prune(ctx, tx, snap.TakenAt)
	}, e)
}

// pack encodes a snapshot's parts side by side.
func pack(snap *provisioning.Snapshot) ([]part, error) {
	rest := *snap
	rest.People, rest.Accounts = nil, nil
	parts := []part{{kind: "rest"}}
	values := []any{rest}
	for i := 0; i < len(snap.People); i += partSize {
		parts = append(parts, part{kind: "people", n: i / partSize})
		values = append(values, snap.People[i:min(i+partSize, len(snap.People))])
	}
	for i := 0; i < len(snap.Accounts); i += partSize {
		parts = append(parts, part{kind: "accounts", n: i / partSize})
		values = append(values, snap.Accounts[i:min(i+partSize, len(snap.Accounts))])
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, err
	}
	defer encoder.Close()
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range parts {
		g.Go(func() error {
			var data bytes.Buffer
			err := gob.NewEncoder(&data).Encode(values[i])
			parts[i].data = encoder.EncodeAll(data.Bytes(), nil)
			return err
		})
	}
	return parts, g.Wait()
}

// LatestSnapshot returns the newest snapshot, or nil.
func (s *Store) LatestSnapshot(ctx context.Context) (*provisioning.Snapshot, error) {
	var id string
	err := s.read.QueryRowContext(ctx, "select id from snapshot order by taken_at desc, id desc limit 1").Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // no snapshot yet is no error
	}
	if err != nil {
		return nil, unavailable("the snapshot cannot be read", err)
	}
	var parts []part
	if err := rows(ctx, s.read, func(r *sql.Rows) error {
		var p part
		if err := r.Scan(&p.kind, &p.n, &p.data); err != nil {
			return unavailable("the snapshot cannot be read", err)
		}
		parts = append(parts, p)
		return nil
	}, "select kind, n, data from snapshot_part where snapshot=? order by kind, n", id); err != nil {
		return nil, err
	}
	return unpack(parts)
}

func unpack(parts []part) (*provisioning.Snapshot, error) {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(1<<30))
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	snap := &provisioning.Snapshot{}
	people, accounts := make([][]provisioning.Person, len(parts)), make([][]provisioning.Account, len(parts))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, p := range parts {
		g.Go(func() error {
			data, err := decoder.DecodeAll(p.data, nil)
			if err != nil {
				return err
			}
			switch p.kind {
			case "people":
				return gob.NewDecoder(bytes.NewReader(data)).Decode(&people[i])
			case "accounts":
				return gob.NewDecoder(bytes.NewReader(data)).Decode(&accounts[i])
			default:
				return gob.NewDecoder(bytes.NewReader(data)).Decode(snap)
			}
		})
	}
	if err := g.Wait(); err != nil {
		return nil, unavailable("the snapshot is damaged", err)
	}
	for i := range parts {
		snap.People = append(snap.People, people[i]...)
		snap.Accounts = append(snap.Accounts, accounts[i]...)
	}
	return snap, nil
}

// LastGood returns the count and time of the last complete read of a source; -1 where there was none.
func (s *Store) LastGood(ctx context.Context, source string) (int, time.Time, error) {
	var count int
	var at int64
	err := s.read.QueryRowContext(ctx, "select count, at from last_good where source=?", source).Scan(&count, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return -1, time.Time{}, nil
	}
	if err != nil {
		return -1, time.Time{}, unavailable("the store cannot be read", err)
	}
	return count, fromNanos(at), nil
}

// Anchors returns every tie of an account to an immutable person id, oldest first.
func (s *Store) Anchors(ctx context.Context) ([]provisioning.Anchor, error) {
	var anchors []provisioning.Anchor
	err := rows(ctx, s.read, func(r *sql.Rows) error {
		var a provisioning.Anchor
		var first, last int64
		if err := r.Scan(&a.Account, &a.Person.Directory, &a.Person.ID, &a.Evidence, &first, &last); err != nil {
			return unavailable("the links cannot be read", err)
		}
		a.FirstSeen, a.LastSeen = fromNanos(first), fromNanos(last)
		anchors = append(anchors, a)
		return nil
	}, "select account, directory, person, evidence, first_seen, last_seen from anchor order by first_seen, account")
	return anchors, err
}

// SaveAnchors adds new anchors and moves LastSeen of those that stand; none is ever deleted (threats H4).
func (s *Store) SaveAnchors(ctx context.Context, anchors []provisioning.Anchor) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		statement, err := tx.PrepareContext(ctx, `insert into anchor (account, directory, person, evidence, first_seen, last_seen) values (?,?,?,?,?,?)
			on conflict (account, directory, person) do update set last_seen=max(last_seen, excluded.last_seen)`)
		if err != nil {
			return unavailable("the links cannot be kept", err)
		}
		defer statement.Close()
		for _, a := range anchors {
			if _, err := statement.ExecContext(ctx, a.Account, a.Person.Directory, a.Person.ID, a.Evidence, nanos(a.FirstSeen), nanos(a.LastSeen)); err != nil {
				return unavailable("the links cannot be kept", err)
			}
		}
		return nil
	})
}

// Decisions returns the latest decision of each pair.
func (s *Store) Decisions(ctx context.Context) ([]provisioning.Decision, error) {
	var decisions []provisioning.Decision
	err := rows(ctx, s.read, func(r *sql.Rows) error {
		var d provisioning.Decision
		var at int64
		if err := r.Scan(&d.Person.Directory, &d.Person.ID, &d.Account, &d.Theirs, &d.By, &at, &d.Reason); err != nil {
			return unavailable("the decisions cannot be read", err)
		}
		d.At = fromNanos(at)
		decisions = append(decisions, d)
		return nil
	}, `select directory, person, account, theirs, by, at, reason from decision
		where id in (select max(id) from decision group by directory, person, account) order by id`)
	return decisions, err
}

// Decide adds a decision.
func (s *Store) Decide(ctx context.Context, d provisioning.Decision, e provisioning.Event) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "insert into decision (directory, person, account, theirs, by, at, reason) values (?,?,?,?,?,?,?)",
			d.Person.Directory, d.Person.ID, d.Account, d.Theirs, d.By, nanos(d.At), d.Reason); err != nil {
			return unavailable("the decision cannot be kept", err)
		}
		return nil
	}, e)
}
