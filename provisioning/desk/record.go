package desk

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/names"
)

// RecordQuery narrows a listing of the record.
type RecordQuery struct {
	Text  string // words that must all occur in actor, kind, subject or detail, folded
	Batch int64  // 0: any
	Limit int    // the newest so many; 0: all
}

// Records lists the record, newest first. What it tells of a sealed batch that the operator may not read names nobody.
func (d *Desk) Records(ctx context.Context, q RecordQuery) ([]provisioning.Record, error) {
	words := strings.Fields(names.Fold(q.Text))
	var found []provisioning.Record
	err := d.records(ctx, 1, func(r provisioning.Record) error {
		if q.Batch != 0 && r.Event.Batch != q.Batch {
			return nil
		}
		if len(words) > 0 {
			text := names.Fold(strings.Join([]string{r.Event.Actor, string(r.Event.Kind), r.Event.Subject, r.Event.Detail}, " "))
			if slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
				return nil
			}
		}
		found = append(found, r)
		if q.Limit > 0 && len(found) >= 2*q.Limit { // keep the tail without holding the whole record
			found = append(found[:0], found[len(found)-q.Limit:]...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if q.Limit > 0 && len(found) > q.Limit {
		found = found[len(found)-q.Limit:]
	}
	slices.Reverse(found)
	return found, nil
}

// Verify walks the whole record and checks its chain. A record that does not hold is not an error: the report says where.
func (d *Desk) Verify(ctx context.Context) (Report, error) {
	r, err := audit.Verify(ctx, d.deps.AuditKey, d.deps.Store.Records)
	if err != nil {
		return Report{}, err
	}
	return Report{OK: r.OK, Count: r.Count, Bad: r.Bad, Reason: r.Reason, Head: hex.EncodeToString(r.Head)}, nil
}
