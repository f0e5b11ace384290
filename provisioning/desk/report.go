package desk

import (
	"context"
	"time"

	"rollcall/provisioning"
)

// BatchReport is what is printed of a batch: who, what, each change with its evidence, who let it go, and how far the record had come.
// All strings are raw.
type BatchReport struct {
	Firm        string                  `json:"firm"`
	Made        time.Time               `json:"made"`
	By          string                  `json:"by"` // who had it printed
	Batch       int64                   `json:"batch"`
	Title       string                  `json:"title,omitempty"`
	State       provisioning.BatchState `json:"state"`
	Stop        string                  `json:"stop,omitempty"`
	Hash        string                  `json:"hash"`
	CreatedBy   string                  `json:"created_by"`
	CreatedAt   time.Time               `json:"created_at"`
	CommittedBy string                  `json:"committed_by,omitempty"`
	CommittedAt time.Time               `json:"committed_at,omitzero"`
	Needs       string                  `json:"needs,omitempty"`
	Undoes      int64                   `json:"undoes,omitempty"`
	Approvals   []provisioning.Approval `json:"approvals"`
	Releases    []provisioning.Release  `json:"releases"`
	People      []ReportPerson          `json:"people"`
	Changes     int                     `json:"changes"`
	Confirmed   int                     `json:"confirmed"`
	Already     int                     `json:"already_true"`
	ByHand      int                     `json:"by_hand"`
	NotDone     int                     `json:"not_done"`
	Course      []ReportStep            `json:"course"`
	Record      RecordMark              `json:"record"`
	Line        string                  `json:"line"` // Record, on one line
}

// ReportPerson is one person's part of a report.
type ReportPerson struct {
	Name    string                 `json:"name"`
	Account string                 `json:"account"`
	Person  provisioning.PersonKey `json:"person,omitzero"`
	Office  string                 `json:"office,omitempty"`
	Kind    provisioning.Kind      `json:"kind"`
	Reason  string                 `json:"reason,omitempty"`
	State   provisioning.UnitState `json:"state"`
	Changes []ReportChange         `json:"changes"`
}

// ReportChange is one change of a report.
type ReportChange struct {
	Seq      int                  `json:"seq"`
	What     string               `json:"what"`
	Effect   string               `json:"effect"`
	State    provisioning.OpState `json:"state"`
	Attempts int                  `json:"attempts,omitempty"`
	SentAt   time.Time            `json:"sent_at,omitzero"`
	DoneAt   time.Time            `json:"done_at,omitzero"`
	Evidence string               `json:"evidence,omitempty"`
	Error    string               `json:"error,omitempty"`
}

// ReportStep is a row of the record that moved the whole batch on.
type ReportStep struct {
	Row    int64                  `json:"row"`
	At     time.Time              `json:"at"`
	Actor  string                 `json:"actor"`
	Person string                 `json:"person,omitempty"`
	Kind   provisioning.EventKind `json:"kind"`
	Detail string                 `json:"detail,omitempty"`
}

// Report makes the report of a batch that the operator may read.
func (d *Desk) Report(ctx context.Context, id int64) (*BatchReport, error) {
	b, err := d.readable(ctx, id)
	if err != nil {
		return nil, err
	}
	r := &BatchReport{
		Firm: d.deps.Firm, Made: d.now(), By: d.deps.Operator.Name, Batch: b.ID, Title: b.Title, State: b.State, Stop: b.Stop, Hash: b.Hash, CreatedBy: b.CreatedBy,
		CreatedAt: b.CreatedAt, CommittedBy: b.CommittedBy, CommittedAt: b.CommittedAt, Needs: b.Needs, Undoes: b.Undoes,
		Approvals: append([]provisioning.Approval{}, b.Approvals...), Releases: append([]provisioning.Release{}, b.Singly...), People: []ReportPerson{}, Course: []ReportStep{},
	}
	if b.Release != nil {
		r.Releases = append(r.Releases, *b.Release)
	}
	for i := range b.Units {
		r.take(&b.Units[i])
	}
	if err := d.records(ctx, 1, func(row provisioning.Record) error {
		if e := row.Event; e.Batch == id && e.Unit == 0 && e.Kind != provisioning.EventIntent && e.Kind != provisioning.EventOutcome {
			r.Course = append(r.Course, ReportStep{Row: row.Seq, At: e.At, Actor: e.Actor, Person: e.Person, Kind: e.Kind, Detail: e.Detail})
		}
		return ctx.Err()
	}); err != nil {
		return nil, err
	}
	if r.Record, err = d.RecordMark(ctx, id); err != nil {
		return nil, err
	}
	r.Line = r.Record.Line()
	return r, nil
}

func (r *BatchReport) take(u *provisioning.Unit) {
	p := ReportPerson{Name: u.Name, Account: u.Account, Person: u.Person, Office: u.Office, Kind: u.Kind, Reason: u.Reason, State: u.State, Changes: []ReportChange{}}
	for j := range u.Ops {
		op := &u.Ops[j]
		p.Changes = append(p.Changes, ReportChange{
			Seq: op.Seq, What: what(op.Change), Effect: effect(op.Change), State: op.State, Attempts: op.Attempts, SentAt: op.SentAt, DoneAt: op.DoneAt,
			Evidence: op.Evidence, Error: op.Error,
		})
		r.Changes++
		switch op.State {
		case provisioning.OpConfirmed:
			r.Confirmed++
		case provisioning.OpAlready:
			r.Already++
		case provisioning.OpByHand:
			r.ByHand++
		default:
			r.NotDone++
		}
	}
	r.People = append(r.People, p)
}
