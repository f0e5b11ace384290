package sqlite

import (
	"context"
	"database/sql"
	"time"
)

// Keep says how much of the past is kept. The record is kept whole whatever it says, and so are the batches.
type Keep struct {
	Snapshots int           // the latest so many are kept whole; 0: three
	History   time.Duration // of what each account could open; 0: for ever
}

// defaultSnapshots is how many snapshots are kept where nobody says otherwise.
const defaultSnapshots = 3

// prune drops what is older than the policy keeps, in the transaction of a new snapshot. Of the history of access, what goes is what
// ended before the last whole read that is old enough: from that read on, the history is as complete as it was.
func (s *Store) prune(ctx context.Context, tx *sql.Tx, now time.Time) error {
	most := s.keep.Snapshots
	if most <= 0 {
		most = defaultSnapshots
	}
	if _, err := tx.ExecContext(ctx, "delete from snapshot where id not in (select id from snapshot order by taken_at desc, id desc limit ?)", most); err != nil {
		return unavailable("old snapshots cannot be dropped", err)
	}
	if s.keep.History <= 0 {
		return nil
	}
	var begins sql.NullInt64
	if err := tx.QueryRowContext(ctx, "select max(ended) from access_read where ended<=?", nanos(now.Add(-s.keep.History))).Scan(&begins); err != nil {
		return unavailable("the history of access cannot be read", err)
	}
	if !begins.Valid {
		return nil
	}
	for _, q := range []string{"delete from access where until<>0 and until<=?", "delete from access_read where ended<?"} {
		if _, err := tx.ExecContext(ctx, q, begins.Int64); err != nil {
			return unavailable("the old history of access cannot be dropped", err)
		}
	}
	return nil
}
