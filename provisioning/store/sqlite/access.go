package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/provisioning"
)

// accessSchema keeps what every account could open, and when: a row for each state that it was in. A row without an end is the present
// one; access_read are the complete reads of the document system.
const accessSchema = `
create table access (
  account text not null, since integer not null, until integer not null default 0, before integer not null default 0, how text not null, state blob not null,
  primary key (account, since)) without rowid;
create index access_until on access(until, since);
create table access_read (started integer primary key, ended integer not null);
`

// accessDoc is how a state is kept: what differs between two of them is what an account could open, and its name.
type accessDoc struct {
	Name    string                    `json:"n,omitempty"`
	Gone    bool                      `json:"x,omitempty"`
	Enabled bool                      `json:"e,omitempty"`
	In      []provisioning.Membership `json:"l,omitempty"`
	Groups  []provisioning.GroupRef   `json:"g,omitempty"`
	Roles   []string                  `json:"r,omitempty"`
}

func packState(s *provisioning.AccessState) ([]byte, error) {
	return json.Marshal(accessDoc{Name: s.FullName, Gone: !s.Exists, Enabled: s.Enabled, In: s.Memberships, Groups: s.Groups, Roles: s.GlobalRoles})
}

func unpackState(data []byte, s *provisioning.AccessState) error {
	var d accessDoc
	if err := json.Unmarshal(data, &d); err != nil {
		return unavailable("the history of access is damaged", err)
	}
	s.FullName, s.Exists, s.Enabled, s.Memberships, s.Groups, s.GlobalRoles = d.Name, !d.Gone, d.Enabled, d.In, d.Groups, d.Roles
	return nil
}

// packStates packs what every account of a snapshot can open, side by side.
func packStates(ctx context.Context, accounts []provisioning.Account) ([][]byte, error) {
	packed := make([][]byte, len(accounts))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for from := 0; from < len(accounts); from += partSize {
		g.Go(func() error {
			for i := from; i < min(from+partSize, len(accounts)); i++ {
				state := provisioning.StateOf(&accounts[i])
				var err error
				if packed[i], err = packState(&state); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
	}
	return packed, g.Wait()
}

// present is an account's state that stands, as it is kept.
type present struct {
	since int64
	data  []byte
	met   bool
}

// keepAccess writes what a complete read saw otherwise than before. A state that rollcall brought about itself after the read began
// stands: the read may have been too early for it.
func keepAccess(ctx context.Context, tx *sql.Tx, snap *provisioning.Snapshot, packed [][]byte) error {
	if packed == nil {
		return nil
	}
	started, taken := nanos(snap.AccountsFrom), nanos(snap.TakenAt)
	var before int64 // when the last complete read began: what differs was changed after that
	if err := tx.QueryRowContext(ctx, "select coalesce(max(started), 0) from access_read").Scan(&before); err != nil {
		return unavailable("the history of access cannot be read", err)
	}
	if taken <= before || started > taken { // a clock that was set back: the next read that is later writes it
		return nil
	}
	stand := make(map[string]*present, len(packed))
	if err := rows(ctx, tx, func(r *sql.Rows) error {
		var account string
		p := &present{}
		if err := r.Scan(&account, &p.since, &p.data); err != nil {
			return unavailable("the history of access cannot be read", err)
		}
		stand[account] = p
		return nil
	}, "select account, since, state from access where until=0"); err != nil {
		return err
	}
	w := accessWriter{tx: tx, how: "read " + snap.TakenAt.UTC().Format("2006-01-02 15:04:05 UTC")}
	for i := range packed {
		id := snap.Accounts[i].ID
		p := stand[id]
		switch {
		case p == nil:
			if err := w.put(ctx, id, nil, taken, before, packed[i]); err != nil {
				return err
			}
			continue
		case !bytes.Equal(p.data, packed[i]) && p.since < started:
			if err := w.put(ctx, id, p, taken, max(before, p.since), packed[i]); err != nil {
				return err
			}
		}
		p.met = true
	}
	gone, err := packState(&provisioning.AccessState{})
	if err != nil {
		return err
	}
	for id, p := range stand {
		if p.met || p.since >= started || bytes.Equal(p.data, gone) {
			continue
		}
		if err := w.put(ctx, id, p, taken, max(before, p.since), gone); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, "insert into access_read (started, ended) values (?,?) on conflict (started) do update set ended=excluded.ended", started, taken)
	if err != nil {
		return unavailable("the history of access cannot be kept", err)
	}
	return nil
}

type accessWriter struct {
	tx  *sql.Tx
	how string
}

// put ends the state that stands, where there is one, and begins the next.
func (w accessWriter) put(ctx context.Context, account string, stands *present, since, before int64, state []byte) error {
	if stands != nil {
		since = max(since, stands.since+1)
		before = min(before, since)
		if _, err := w.tx.ExecContext(ctx, "update access set until=? where account=? and since=?", since, account, stands.since); err != nil {
			return unavailable("the history of access cannot be kept", err)
		}
	}
	_, err := w.tx.ExecContext(ctx, "insert into access (account, since, before, how, state) values (?,?,?,?,?)", account, since, before, w.how, state)
	if err != nil {
		return unavailable("the history of access cannot be kept", err)
	}
	return nil
}

// keepEffect writes what a confirmed change made of an account's access. An account that no complete read has seen yet has no history,
// unless it was made here.
func keepEffect(ctx context.Context, tx *sql.Tx, unit int64, seq int, at time.Time) error {
	var batch int64
	var text string
	err := tx.QueryRowContext(ctx, "select unit.batch, op.change from op join unit on unit.id=op.unit where op.unit=? and op.seq=?", unit, seq).Scan(&batch, &text)
	if err != nil {
		return unavailable("the journal cannot be read", err)
	}
	var c provisioning.Change
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return unavailable("the journal cannot be read", err)
	}
	state := provisioning.AccessState{Account: c.Account}
	stands := &present{}
	err = tx.QueryRowContext(ctx, "select since, state from access where account=? and until=0", c.Account).Scan(&stands.since, &stands.data)
	switch {
	case errors.Is(err, sql.ErrNoRows) && c.Kind == provisioning.CreateAccount:
		stands = nil
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return unavailable("the history of access cannot be read", err)
	default:
		if err := unpackState(stands.data, &state); err != nil {
			return err
		}
	}
	after, touched := state.With(c)
	if !touched {
		return nil
	}
	data, err := packState(&after)
	if err != nil || (stands != nil && bytes.Equal(data, stands.data)) {
		return err
	}
	w := accessWriter{tx: tx, how: fmt.Sprintf("batch %d, change %d of unit %d", batch, seq, unit)}
	since := nanos(at)
	return w.put(ctx, c.Account, stands, since, since, data)
}

const accessColumns = `select a.account, a.since, a.until, a.before, coalesce(next.before, 0), a.how, a.state
	from access a left join access next on next.account=a.account and next.since=a.until and a.until<>0`

func scanState(r *sql.Rows) (provisioning.AccessState, error) {
	var s provisioning.AccessState
	var since, until, before, last int64
	var data []byte
	if err := r.Scan(&s.Account, &since, &until, &before, &last, &s.How, &data); err != nil {
		return s, unavailable("the history of access cannot be read", err)
	}
	s.Since, s.Until, s.Before, s.Last = fromNanos(since), fromNanos(until), fromNanos(before), fromNanos(last)
	return s, unpackState(data, &s)
}

// AccessAsOf tells what was known of every account at a moment, or of one.
func (s *Store) AccessAsOf(ctx context.Context, at time.Time, account string, visit func(provisioning.AccessState) error) (provisioning.AccessReads, error) {
	var reads provisioning.AccessReads
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return reads, unavailable("the store cannot be read", err)
	}
	defer tx.Rollback() //nolint:errcheck // a read has nothing to lose
	moment := nanos(at)
	var begins, before, after sql.NullInt64
	err = tx.QueryRowContext(ctx, `select (select min(ended) from access_read), (select max(ended) from access_read where ended<=?),
		(select min(ended) from access_read where ended>?)`, moment, moment).Scan(&begins, &before, &after)
	if err != nil {
		return reads, unavailable("the history of access cannot be read", err)
	}
	reads = provisioning.AccessReads{Begins: fromNanos(begins.Int64), Before: fromNanos(before.Int64), After: fromNanos(after.Int64)}
	each := func(r *sql.Rows) error {
		state, err := scanState(r)
		if err != nil {
			return err
		}
		return visit(state)
	}
	if account != "" {
		return reads, rows(ctx, tx, each, accessColumns+" where a.account=? and a.since<=? and (a.until=0 or a.until>?)", account, moment, moment)
	}
	return reads, rows(ctx, tx, each, accessColumns+" where a.since<=? and (a.until=0 or a.until>?) order by a.account", moment, moment)
}

// AccessOf returns an account's whole history, oldest first.
func (s *Store) AccessOf(ctx context.Context, account string) ([]provisioning.AccessState, error) {
	var states []provisioning.AccessState
	err := rows(ctx, s.read, func(r *sql.Rows) error {
		state, err := scanState(r)
		states = append(states, state)
		return err
	}, accessColumns+" where a.account=? order by a.since", account)
	return states, err
}

// AccessWalk tells the whole history of every account, in the order of the primary key.
func (s *Store) AccessWalk(ctx context.Context, visit func(provisioning.AccessState) error) error {
	return rows(ctx, s.read, func(r *sql.Rows) error {
		var state provisioning.AccessState
		var since, until, before int64
		var data []byte
		if err := r.Scan(&state.Account, &since, &until, &before, &state.How, &data); err != nil {
			return unavailable("the history of access cannot be read", err)
		}
		state.Since, state.Until, state.Before = fromNanos(since), fromNanos(until), fromNanos(before)
		if err := unpackState(data, &state); err != nil {
			return err
		}
		return visit(state)
	}, "select account, since, until, before, how, state from access order by account, since")
}
