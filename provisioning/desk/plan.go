package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"

	"rollcall/provisioning"
	"rollcall/provisioning/staging"
)

// Plan is what `rollcall plan` prints and `rollcall apply` takes: every mismatch, the changes that would mend them, and the
// proofs that it rests on (DESIGN 6). Persons and accounts are the source systems' ids, sorted.
type Plan struct {
	Mismatches []PlanMismatch `json:"mismatches"`
	Changes    []PlanChange   `json:"changes"`
	Held       []PlanHeld     `json:"held,omitempty"` // mismatches whose mend waits for somebody, with the reason
	Proofs     []PlanProof    `json:"proofs"`
	SnapshotID string         `json:"snapshot"`
}

// PlanMismatch is one mismatch, by ids.
type PlanMismatch struct {
	Kind     provisioning.Kind        `json:"kind"`
	Persons  []string                 `json:"persons"`
	Accounts []string                 `json:"accounts"`
	Severity provisioning.Severity    `json:"severity"`
	Managed  bool                     `json:"managed"`
	Detail   string                   `json:"detail"`
	Fields   []provisioning.FieldDiff `json:"fields,omitempty"`

	Missing []provisioning.Entitlement `json:"missing,omitempty"`
	Excess  []provisioning.Entitlement `json:"excess,omitempty"`
}

// PlanChange is one change of one person, in order.
type PlanChange struct {
	Person    string            `json:"person,omitempty"`    // the id in the directory; empty: nobody is behind the account
	Directory string            `json:"directory,omitempty"` // the connection
	Name      string            `json:"name"`
	Mismatch  provisioning.Kind `json:"mismatch"`
	provisioning.Change
}

// PlanHeld is a row whose mend is held.
type PlanHeld struct {
	Name     string            `json:"name"`
	Mismatch provisioning.Kind `json:"mismatch"`
	Why      string            `json:"why"`
}

// PlanProof is a source's proof of a complete read.
type PlanProof struct {
	Directory string `json:"directory"`
	Complete  bool   `json:"complete"`
	Reason    string `json:"reason"`
}

// Plan compares the present roll and proposes the mend of every row, or of those whose worst mismatch is one of kinds.
func (d *Desk) Plan(kinds ...provisioning.Kind) (*Plan, error) {
	roll, st := d.Roll(), d.state.Load()
	if roll == nil || st == nil {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "nothing has been read yet", Hint: "run rollcall sync first"}
	}
	p := &Plan{
		SnapshotID: st.snap.ID, Mismatches: []PlanMismatch{}, Changes: []PlanChange{}, Proofs: []PlanProof{},
	}
	for i := range st.result.Mismatches {
		m := &st.result.Mismatches[i]
		if len(kinds) == 0 || slices.Contains(kinds, m.Kind) {
			p.Mismatches = append(p.Mismatches, planMismatch(m))
		}
	}
	sort.SliceStable(p.Mismatches, func(i, j int) bool { return before(&p.Mismatches[i], &p.Mismatches[j]) })
	for i := range roll.Rows {
		row := &roll.Rows[i]
		worst := row.Worst()
		if worst == nil || (len(kinds) > 0 && !slices.Contains(kinds, worst.Kind)) {
			continue
		}
		mend := d.mend(st, row)
		if mend.Hold != "" {
			p.Held = append(p.Held, PlanHeld{Name: rowName(row), Mismatch: worst.Kind, Why: mend.Hold})
		}
		for _, note := range mend.Notes {
			p.Held = append(p.Held, PlanHeld{Name: rowName(row), Mismatch: mend.Kind, Why: note.Text})
		}
		for _, c := range mend.Changes {
			change := PlanChange{Name: rowName(row), Mismatch: mend.Kind, Change: c}
			if row.Person != nil {
				change.Person, change.Directory = row.Person.Key.ID, row.Person.Key.Directory
			}
			p.Changes = append(p.Changes, change)
		}
	}
	for _, proof := range st.snap.Proofs {
		p.Proofs = append(p.Proofs, PlanProof{Directory: proof.Source, Complete: proof.Complete, Reason: proof.Reason})
	}
	return p, nil
}

func planMismatch(m *provisioning.Mismatch) PlanMismatch {
	out := PlanMismatch{
		Kind: m.Kind, Persons: []string{}, Accounts: slices.Clone(m.Accounts), Severity: m.Severity,
		Managed: m.Managed, Detail: m.Detail, Fields: m.Fields, Missing: m.Missing, Excess: m.Excess,
	}
	if out.Accounts == nil {
		out.Accounts = []string{}
	}
	for _, k := range m.Persons {
		out.Persons = append(out.Persons, k.ID)
	}
	slices.Sort(out.Persons)
	slices.Sort(out.Accounts)
	return out
}

func before(a, b *PlanMismatch) bool {
	if a.Kind != b.Kind {
		return a.Kind.Rank() < b.Kind.Rank()
	}
	if c := slices.Compare(a.Persons, b.Persons); c != 0 {
		return c < 0
	}
	return slices.Compare(a.Accounts, b.Accounts) < 0
}

// StagePlan stages the changes of a plan as they stand in it, with the preconditions that the plan saw.
func (d *Desk) StagePlan(ctx context.Context, p *Plan) (Staged, error) {
	var units []provisioning.Unit
	at := make(map[string]int)
	for _, c := range p.Changes {
		if c.Account == "" || c.Kind == "" {
			return Staged{}, &provisioning.Error{Code: provisioning.Invalid, Message: "the plan has a change without an account or a kind"}
		}
		key := c.Directory + "/" + c.Person + "/" + c.Account
		i, ok := at[key]
		if !ok {
			i = len(units)
			at[key] = i
			var person provisioning.PersonKey
			if c.Person != "" {
				person = provisioning.PersonKey{Directory: c.Directory, ID: c.Person}
			}
			units = append(units, staging.NewUnit(person, c.Account, c.Name, "", c.Mismatch, nil))
		}
		units[i].Ops = append(units[i].Ops, provisioning.Op{Change: c.Change})
	}
	if len(units) == 0 {
		return Staged{}, &provisioning.Error{Code: provisioning.Invalid, Message: "the plan holds no change"}
	}
	return d.put(ctx, units)
}

// ParsePlan reads a plan strictly: an unknown member is a mistake in a file that changes people's access.
func ParsePlan(data []byte) (*Plan, error) {
	var p Plan
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, &provisioning.Error{
			Code: provisioning.Invalid, Message: "this is no plan", Hint: "write one with rollcall plan -o FILE", Err: fmt.Errorf("plan: %w", err),
		}
	}
	return &p, nil
}
