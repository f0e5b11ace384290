package desk

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/provisioning"
)

// Health is what was found about one connection, in the order in which it was examined.
type Health struct {
	Name     string                 `json:"name"`
	System   string                 `json:"system"`
	Findings []provisioning.Finding `json:"findings"`
}

// Worst is the worst state of a connection's findings.
func (h *Health) Worst() provisioning.FindingState {
	worst := provisioning.FindingGood
	for _, f := range h.Findings {
		switch f.State {
		case provisioning.FindingBad:
			return f.State
		case provisioning.FindingWarning:
			worst = f.State
		case provisioning.FindingGood:
		}
	}
	return worst
}

// examineTime bounds the examination of one connection.
const examineTime = time.Minute

// Examine examines the connections of these names, or all of them, right by right and with reads only, beside each other; and says of
// each whether its last read was proven whole. tell may be nil; it hears each finding as it is made, one at a time.
func (d *Desk) Examine(ctx context.Context, names []string, tell func(name string, f provisioning.Finding)) ([]Health, error) {
	type connection interface {
		Name() string
		System() string
	}
	var all []connection
	for _, directory := range d.deps.Directories {
		all = append(all, directory)
	}
	all = append(all, d.deps.DMS)
	wanted := make(map[string]bool, len(names))
	for _, n := range names {
		wanted[n] = true
	}
	var health []Health
	var chosen []connection
	for _, c := range all {
		if len(names) == 0 || wanted[c.Name()] || wanted[c.System()] {
			health = append(health, Health{Name: c.Name(), System: c.System()})
			chosen = append(chosen, c)
		}
	}
	if len(chosen) == 0 {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "there is no such connection", Hint: "name one of config.toml, or none for all of them"}
	}
	snap, err := d.previous(ctx)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	for i, c := range chosen {
		found := func(f provisioning.Finding) {
			mu.Lock()
			defer mu.Unlock()
			health[i].Findings = append(health[i].Findings, f)
			if tell != nil {
				tell(c.Name(), f)
			}
		}
		g.Go(func() error {
			bounded, cancel := context.WithTimeout(gctx, examineTime)
			defer cancel()
			if e, ok := c.(provisioning.Examiner); ok {
				if err := e.Examine(provisioning.ForPerson(bounded), found); err != nil && gctx.Err() == nil {
					found(provisioning.Finding{What: "examined", State: provisioning.FindingBad, Detail: "no answer within a minute", Mend: "try again later"})
				}
			}
			found(d.completeness(snap, c.Name()))
			return gctx.Err()
		})
	}
	return health, g.Wait()
}

// completeness says what the last read of a source is worth, and what it rests on.
func (d *Desk) completeness(snap *provisioning.Snapshot, name string) provisioning.Finding {
	f := provisioning.Finding{What: "complete read", State: provisioning.FindingWarning, Detail: "never read yet", Mend: "rollcall sync"}
	if snap == nil {
		return f
	}
	proof, ok := snap.Proof(name)
	if !ok {
		return f
	}
	f.Detail = proof.Reason
	f.Mend = ""
	f.State = provisioning.FindingGood
	if !proof.Complete {
		f.State, f.Mend = provisioning.FindingBad, "nobody is called a leaver for being absent until a whole read is proven"
		return f
	}
	if proof.Canaries == 0 && name != d.deps.DMS.Name() {
		f.Detail += "; no canary is named"
	}
	if age := d.now().Sub(proof.At); age > time.Hour {
		f.State, f.Mend = provisioning.FindingWarning, fmt.Sprintf("it is %s old: rollcall sync", Age(age))
	}
	return f
}
