package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/certify"
	"rollcall/provisioning/report"
)

// EvidenceQuery says what an evidence bundle is made of.
type EvidenceQuery struct {
	From, To time.Time // the period; zero: the beginning, now
	Program  string    // its version
	Notes    []string
}

// What the kinds of parts bear on (SOC 2 trust services criteria; ISO/IEC 27001:2022, annex A).
const (
	cc61 = "SOC 2 CC6.1"
	cc62 = "SOC 2 CC6.2"
	cc63 = "SOC 2 CC6.3"
	a515 = "ISO 27001:2022 A.5.15"
	a516 = "ISO 27001:2022 A.5.16"
	a518 = "ISO 27001:2022 A.5.18"
)

// Evidence writes one file for an auditor: the roll as it was read last, the record's rows of the period, the access reviews with their
// signed snapshots and every decision, the certificates of removal, the approvals, the policy that counts and the reports, signed as one.
// Who may not read a sealed batch that it tells of cannot make it: Denied.
func (d *Desk) Evidence(ctx context.Context, out io.Writer, q EvidenceQuery) (audit.EvidenceDone, error) {
	var done audit.EvidenceDone
	if d.deps.Signer == nil {
		return done, &provisioning.Error{Code: provisioning.Invalid, Message: "there is no key to sign the bundle with", Hint: "set signing_key in config.toml"}
	}
	sealed, err := d.deps.Store.Sealed(ctx)
	if err != nil {
		return done, err
	}
	for id, readers := range sealed {
		if !slices.Contains(readers, d.deps.Operator.Name) {
			return done, &provisioning.Error{Code: provisioning.Denied, Message: fmt.Sprintf("the record tells of batch %d, which is sealed: it is for its readers alone", id), Hint: "ask one of them for the bundle"}
		}
	}
	if q.To.IsZero() {
		q.To = d.now()
	}
	e := &evidenceMaker{d: d, q: q}
	for _, add := range []func(context.Context) error{e.record, e.snapshot, e.policy, e.reviews, e.certificates, e.reports} {
		if err := add(ctx); err != nil {
			return done, err
		}
	}
	from := q.From
	if from.IsZero() {
		from = e.first
	}
	head := audit.EvidenceHead{Firm: d.deps.Firm, From: from, To: q.To, Made: d.now(), By: d.deps.Operator.Name, Program: q.Program, Notes: append(slices.Clone(q.Notes), e.notes...)}
	if done, err = audit.WriteEvidence(ctx, out, head, e.parts, d.deps.Signer); err != nil {
		return done, err
	}
	return done, d.NoteExport(ctx, fmt.Sprintf("an evidence bundle of %d parts, sha256 %x", done.Parts, done.SHA256))
}

type evidenceMaker struct {
	d     *Desk
	q     EvidenceQuery
	parts []audit.EvidencePart
	notes []string
	first time.Time // of the record
}

func (e *evidenceMaker) put(name, kind string, data []byte, controls ...string) {
	e.parts = append(e.parts, audit.EvidencePart{Name: name, Kind: kind, Controls: controls, Write: func(_ context.Context, w io.Writer) error {
		_, err := w.Write(data)
		return err
	}})
}

// record adds the rows of the period, from the first to the last that fall into it.
func (e *evidenceMaker) record(ctx context.Context) error {
	var first, last int64
	err := e.d.deps.Store.Records(ctx, 1, func(r provisioning.Record) error {
		if e.first.IsZero() {
			e.first = r.Event.At
		}
		if !r.Event.At.Before(e.q.From) && first == 0 {
			first = r.Seq
		}
		if r.Event.At.Before(e.q.To) {
			last = r.Seq
		}
		return ctx.Err()
	})
	if err != nil || first == 0 || last < first {
		e.notes = append(e.notes, "The record has no row of this period.")
		return err
	}
	e.parts = append(e.parts, audit.RecordPart("record.jsonl", e.d.deps.Store, first, last, cc61, cc62, cc63, a515, a516, a518))
	return nil
}

// snapshot adds what was read last: who there is, what there is, and how whole that was read.
func (e *evidenceMaker) snapshot(context.Context) error {
	st := e.d.state.Load()
	if st == nil {
		e.notes = append(e.notes, "Nothing has been read yet: there is no snapshot of the people and accounts.")
		return nil
	}
	data, err := json.Marshal(map[string]any{
		"id": st.snap.ID, "taken_at": st.snap.TakenAt, "proofs": st.snap.Proofs, "people": st.snap.People, "accounts": st.snap.Accounts, "libraries": st.snap.Libraries, "groups": st.snap.Groups,
	})
	if err != nil {
		return err
	}
	e.put("snapshots/latest.json", audit.PartSnapshot, data, cc61, a516, a518)
	return nil
}

func (e *evidenceMaker) policy(ctx context.Context) error {
	text, err := e.d.deps.Store.AcceptedPolicy(ctx)
	if err != nil {
		return err
	}
	if text == "" {
		e.notes = append(e.notes, "No policy was accepted: the program's own guards counted.")
		return nil
	}
	e.put("policy.toml", audit.PartPolicy, []byte(text), cc63, a515)
	return nil
}

func (e *evidenceMaker) reviews(ctx context.Context) error {
	list, err := e.d.deps.Store.Campaigns(ctx)
	if err != nil {
		return err
	}
	for i := len(list) - 1; i >= 0; i-- {
		c := list[i]
		if !c.CreatedAt.Before(e.q.To) || (!c.DoneAt.IsZero() && c.DoneAt.Before(e.q.From)) {
			continue
		}
		for _, which := range []struct{ name, kind string }{{certify.OpeningSnapshot, audit.PartReviewOpening}, {certify.ClosingSnapshot, audit.PartReviewClosing}} {
			data, err := e.d.deps.Store.CampaignSnapshot(ctx, c.ID, which.name)
			if err != nil {
				return err
			}
			if data != nil {
				e.put(fmt.Sprintf("reviews/%d-%s.json", c.ID, which.name), which.kind, data, cc61, cc63, a518)
			}
		}
		var lines bytes.Buffer
		enc := json.NewEncoder(&lines)
		if err := e.d.deps.Store.ReviewDecisions(ctx, c.ID, func(one provisioning.ReviewDecision) error { return enc.Encode(&one) }); err != nil {
			return err
		}
		e.put(fmt.Sprintf("reviews/%d-decisions.jsonl", c.ID), audit.PartDecisions, lines.Bytes(), cc63, a518)
	}
	return nil
}

// certificates adds the signed certificate of every batch that ended access in the period.
func (e *evidenceMaker) certificates(ctx context.Context) error {
	removals, err := e.d.deps.Store.Removals(ctx, 0, false)
	if err != nil {
		return err
	}
	q := TableQuery{From: e.q.From, To: e.q.To}
	met := make(map[int64]bool)
	for i := len(removals) - 1; i >= 0; i-- {
		r := &removals[i]
		if met[r.Batch] || !q.takes(r.Accepted) {
			continue
		}
		met[r.Batch] = true
		c, err := e.d.Certificate(ctx, r.Batch, "")
		if err != nil {
			return err
		}
		signed, err := c.Sign(ctx, e.d.deps.Signer)
		if err != nil {
			return err
		}
		var data bytes.Buffer
		if err := signed.Write(&data); err != nil {
			return err
		}
		e.put(fmt.Sprintf("certificates/batch-%d.json", r.Batch), audit.PartCertificate, data.Bytes(), cc62, cc63, a518)
	}
	return nil
}

// reports adds every report as CSV, and all of them as one page.
func (e *evidenceMaker) reports(ctx context.Context) error {
	book := &report.Book{Title: "Evidence of access", Firm: e.d.deps.Firm, By: e.d.deps.Operator.Name, Made: e.d.now()}
	for _, info := range Tables() {
		if !info.Past && e.d.state.Load() == nil {
			continue
		}
		t, err := e.d.Table(ctx, info.Name, TableQuery{From: e.q.From, To: e.q.To})
		if err != nil {
			return err
		}
		var csv bytes.Buffer
		if err := report.WriteCSV(&csv, t); err != nil {
			return err
		}
		kind, controls := audit.PartReport, []string{cc61, cc62, cc63, a518}
		if info.Name == "approvals" {
			kind, controls = audit.PartApprovals, []string{cc62, cc63, a515}
		}
		e.put("reports/"+info.Name+".csv", kind, csv.Bytes(), controls...)
		book.Tables = append(book.Tables, *t)
	}
	var page bytes.Buffer
	if err := report.WriteHTML(&page, book); err != nil {
		return err
	}
	e.put("reports/reports.html", audit.PartReport, page.Bytes(), cc61, cc62, cc63, a518)
	return nil
}

// EvidenceReaders read the parts of a bundle that the record's own package does not know from within.
func EvidenceReaders() map[string]audit.EvidenceReader {
	snapshot := func(in io.Reader) (audit.EvidenceInside, error) {
		s, err := certify.ReadSnapshot(in)
		if err != nil {
			return audit.EvidenceInside{}, err
		}
		inside := audit.EvidenceInside{Key: s.PublicKey, Hash: s.FileHash, Summary: fmt.Sprintf("access review %d, %s: %d accesses", s.Snapshot.Campaign, s.Snapshot.Which, s.Snapshot.Count)}
		if k := s.Snapshot.Close; k != nil {
			inside.Opening = k.Opening
			inside.Summary += fmt.Sprintf(", %d revoked", len(k.Outcome.Revoked))
			if !k.Exact {
				inside.Summary += fmt.Sprintf(", %d changed by others meanwhile", len(k.Differences.Others))
			}
		}
		return inside, nil
	}
	return map[string]audit.EvidenceReader{audit.PartReviewOpening: snapshot, audit.PartReviewClosing: snapshot}
}
