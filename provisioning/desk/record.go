package desk

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

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

// Verify walks the whole record and checks its chain, its signatures and the anchors that can be read from here. A record that does not
// hold is not an error: the report says where.
func (d *Desk) Verify(ctx context.Context) (Report, error) {
	v, err := d.VerifyRecord(ctx, audit.Check{})
	if err != nil {
		return Report{}, err
	}
	r := Report{OK: v.OK(), Count: v.Rows, Head: hex.EncodeToString(v.Head), Proven: v.Proven(), Trust: v.Trust()}
	if !r.OK {
		r.Bad, r.Reason = v.Problems[0].First, v.Problems[0].Sentence
	}
	return r, nil
}

// VerifyRecord is Verify with what an auditor holds against the record besides: anchors, printed heads, public keys.
func (d *Desk) VerifyRecord(ctx context.Context, c audit.Check) (audit.Verification, error) {
	c.Key = d.deps.AuditKey
	if len(c.Trusted) == 0 {
		c.Trusted = d.deps.RecordKeys
	}
	if d.deps.Anchors != nil {
		own, err := d.deps.Anchors(ctx)
		if err != nil {
			return audit.Verification{}, err
		}
		c.Anchors = append(slices.Clone(c.Anchors), own...)
	}
	return c.Run(ctx, d.deps.Store)
}

// ExportRecord writes the record, or the rows from one number to another, as one file that is verified anywhere (audit.Export). It gives
// every row as it stands: who may not read a batch of it that is sealed cannot export it.
func (d *Desk) ExportRecord(ctx context.Context, out io.Writer, from, to int64) (audit.Exported, error) {
	sealed, err := d.deps.Store.Sealed(ctx)
	if err != nil {
		return audit.Exported{}, err
	}
	for id, readers := range sealed {
		if !slices.Contains(readers, d.deps.Operator.Name) {
			return audit.Exported{}, &provisioning.Error{
				Code: provisioning.Denied, Message: fmt.Sprintf("the record tells of batch %d, which is sealed: it is for its readers alone", id),
				Hint: "ask one of them for the export",
			}
		}
	}
	done, err := audit.Export(ctx, out, d.deps.Store, from, to)
	if err != nil || d.deps.Store.ReadOnly() != "" {
		return done, err
	}
	return done, d.deps.Store.Append(ctx, d.event(provisioning.EventExported, "", fmt.Sprintf("rows %d to %d of the record", done.From, done.To)))
}

// Witnesses says how the places stand that keep the record's anchors outside the store.
func (d *Desk) Witnesses() []provisioning.WitnessState { return d.deps.Store.Witnesses() }

// StoreWarnings are what the operator must be told of the store: a copy that was kept, an anchor that cannot be written, a record that
// does not hold. Sentences; none where all is well.
func (d *Desk) StoreWarnings() []string { return d.deps.Store.Warnings() }

// RecordMark is how far the record had come when a batch came to rest, and what is to be printed of it: an anchor on paper.
type RecordMark struct {
	Row    int64     `json:"row"`
	Head   string    `json:"head"`             // hex
	Signed int64     `json:"signed,omitempty"` // the row of the first checkpoint that covers it; 0: none yet
	At     time.Time `json:"signed_at,omitzero"`
	Key    string    `json:"key,omitempty"` // the signing key's fingerprint
}

// Line says the mark on one line.
func (m RecordMark) Line() string {
	if m.Row == 0 {
		return "the record has no row of it"
	}
	said := fmt.Sprintf("record %s rows · head %.16s…", audit.Count(m.Row), m.Head)
	if m.Signed == 0 {
		return said + " · not signed yet"
	}
	return said + " · signed " + m.At.UTC().Format("2 Jan 2006 15:04:05 UTC") + " by key " + m.Key
}

// RecordMark finds the last row that tells of a batch, and the signature that covers it.
func (d *Desk) RecordMark(ctx context.Context, batch int64) (RecordMark, error) {
	var m RecordMark
	if err := d.deps.Store.Records(ctx, 1, func(r provisioning.Record) error {
		if r.Event.Batch == batch {
			m.Row, m.Head = r.Seq, hex.EncodeToString(r.Hash)
		}
		return ctx.Err()
	}); err != nil {
		return m, err
	}
	err := d.deps.Store.Checkpoints(ctx, func(c provisioning.Checkpoint) error {
		if m.Row > 0 && m.Signed == 0 && c.Seq >= m.Row {
			m.Signed, m.At, m.Key = c.Seq, c.At, audit.Fingerprint(c.PublicKey)
		}
		return ctx.Err()
	})
	return m, err
}
