package audit

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"rollcall/provisioning"
)

// restoredSubject begins the subject of an EventRestored that lost rows.
const restoredSubject = "anchors "

// Lost is what anchors have seen and a record that is about to be restored does not have.
type Lost struct {
	Row     int64     // the last row that was seen; 0: nothing is lost
	At      time.Time // when it was signed
	Subject string    // for the EventRestored: it names the anchors, so that Check knows what the record then tells of
}

// FindLost finds out what a record that is about to be restored lacks of what the anchors have seen.
func FindLost(ctx context.Context, src Source, anchors []Anchors) (Lost, error) {
	has := make(map[string]bool)
	if err := src.Checkpoints(ctx, func(c provisioning.Checkpoint) error {
		has[string(c.Signature)] = true
		return ctx.Err()
	}); err != nil {
		return Lost{}, err
	}
	var lost Lost
	last := make(map[string]bool) // those that no other one follows
	for i := range anchors {
		for _, one := range anchors[i].Kept {
			c := one.Checkpoint
			if has[string(c.Signature)] || !c.Holds() {
				continue
			}
			delete(last, string(c.Prev))
			last[string(c.Signature)] = true
			if c.Seq > lost.Row {
				lost.Row, lost.At = c.Seq, c.At
			}
		}
	}
	if len(last) == 0 {
		return lost, nil
	}
	var names []string
	for sig := range last {
		names = append(names, hex.EncodeToString([]byte(sig)))
	}
	slices.Sort(names)
	lost.Subject = restoredSubject + strings.Join(names, " ")
	return lost, nil
}

// lostSignatures reads the signatures out of an EventRestored's subject.
func lostSignatures(subject string) (all []string) {
	names, ok := strings.CutPrefix(subject, restoredSubject)
	if !ok {
		return nil
	}
	for name := range strings.FieldsSeq(names) {
		if raw, err := hex.DecodeString(name); err == nil {
			all = append(all, string(raw))
		}
	}
	return all
}
