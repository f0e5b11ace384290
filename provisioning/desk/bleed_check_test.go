package desk_test

import (
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
)

// released says whom the record names as released, by batch; "" for everybody of it.
func (b *bleed) released() map[int64]map[string]bool {
	named := make(map[int64]map[string]bool)
	for _, e := range b.events(provisioning.EventReleased) {
		if named[e.Batch] == nil {
			named[e.Batch] = make(map[string]bool)
		}
		named[e.Batch][e.Subject] = true
	}
	return named
}

// check holds, for every window that ends with a removal, that no more were hit than the limit lets, but for those whom the record names
// as released. A share is of the most who were there at any time from an hour before the first of them was let go.
func (b *bleed) check(*rapid.T) {
	named := b.released()
	var counted []loss
	for _, l := range b.losses {
		if !named[l.batch][""] && !named[l.batch][l.account] {
			counted = append(counted, l)
		}
	}
	for _, end := range counted {
		for _, w := range []struct {
			span  time.Duration
			limit int
			share bool
		}{{24 * time.Hour, b.limits.Day, true}, {7 * 24 * time.Hour, b.limits.Week, false}} {
			hit, office := make(map[string]bool), make(map[string]bool)
			batch := make(map[string]bool)
			from := end.at.Add(-w.span)
			for _, l := range counted {
				if l.kind != end.kind || l.at.After(end.at) || end.at.Sub(l.at) >= w.span {
					continue
				}
				if went := b.went[l.batch]; went.Before(from) { // a step by hand may be done long after
					from = went
				}
				hit[l.account] = true
				if l.office == end.office {
					office[l.account] = true
				}
				if l.batch == end.batch {
					batch[l.account] = true
				}
			}
			most, there := b.there(from.Add(-time.Hour), end.at, end.office)
			limit := w.limit
			if w.share {
				limit = min(limit, most*b.limits.Percent/100)
				if part := max(b.limits.PartLeast, there*b.limits.PartPercent/100); len(office) > part {
					b.rt.Fatalf("%d of %d of %s: %s in a day", len(office), part, end.office, end.kind)
				}
				if count := min(b.limits.Count, most*b.limits.Percent/100); len(batch) > count {
					b.rt.Fatalf("%d of %d: %s in one batch", len(batch), count, end.kind)
				}
			}
			if len(hit) > limit {
				b.rt.Fatalf("%d of %d: %s in %s, to %s", len(hit), limit, end.kind, w.span, end.at)
			}
		}
	}
}

// there is the most enabled accounts, and those of an office, that there were between two moments.
func (b *bleed) there(from, to time.Time, office string) (most, those int) {
	for i := range b.since {
		stood := i+1 == len(b.since) || !b.since[i+1].Before(from) // it held until the next one
		if stood && !b.since[i].After(to) {
			most, those = max(most, b.enabled[i]), max(those, b.offices[i][office])
		}
	}
	return most, those
}
