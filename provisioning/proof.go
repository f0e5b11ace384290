package provisioning

import (
	"fmt"
	"strings"
	"time"
)

// ReadEvidence is what a reader saw while it read a source whole. It only reports; Prove judges.
type ReadEvidence struct {
	Source     string    `json:"source"` // the connection's name
	System     string    `json:"system"` // okta, imanage …
	Started    time.Time `json:"started"`
	Finished   time.Time `json:"finished"`
	EndMarker  bool      `json:"end_marker"` // the paging ended by the system's own rule
	Reported   int       `json:"reported"`   // the total that the system reported; -1 where it reports none
	Seen       int       `json:"seen"`       // distinct records
	Pages      int       `json:"pages"`
	Duplicates int       `json:"duplicates,omitempty"` // records met twice: the list moved while it was read
	Conflicts  []string  `json:"conflicts,omitempty"`  // ids met twice with different content that a direct read did not settle
	Refused    []string  `json:"refused,omitempty"`    // parts that were refused: "group COR-ALL: 403"
	Overflow   []string  `json:"overflow,omitempty"`   // parts that the system cut short
	Failure    string    `json:"failure,omitempty"`    // the error that ended the read, in a sentence
	End        string    `json:"end,omitempty"`        // the system's own rule by which the paging ended, in words
	Cursor     string    `json:"cursor,omitempty"`     // where the next reading of changes begins; "": there is no feed
	Changes    int       `json:"changes,omitempty"`    // of a reading of changes: how many people it named
}

// Proof is the evidence that a source was read whole, or the reason why it cannot be believed (DESIGN 3.2). Without a
// complete proof nobody is called a leaver for being absent.
type Proof struct {
	Source   string    `json:"directory"`
	System   string    `json:"system"`
	At       time.Time `json:"at"`
	Complete bool      `json:"complete"`
	Reason   string    `json:"reason"` // one line, for the console
	Seen     int       `json:"seen"`
	LastGood int       `json:"last_good"` // -1 where there was none
	// Full is when the source was last read whole; it is At for a whole read, and earlier for a reading of changes.
	Full     time.Time `json:"full,omitzero"`
	Canaries int       `json:"canaries"` // how many named identities were looked for and seen
}

// Band is how far a count may lie from the last good one before a read is not believed, as a share (DESIGN 3.2).
const Band = 0.10

// Prove judges a read. lastGood is the count of the last complete read of this source, -1 where there was none (a first read
// has no band); missing names the canary identities that were not seen, canaries how many were looked for.
func Prove(e ReadEvidence, lastGood, canaries int, missing []string) Proof {
	p := Proof{Source: e.Source, System: e.System, At: e.Finished, Full: e.Finished, Seen: e.Seen, LastGood: lastGood, Canaries: canaries}
	switch {
	case e.Failure != "":
		p.Reason = "the read broke off: " + e.Failure
	case !e.EndMarker:
		p.Reason = fmt.Sprintf("the list stopped after %d without its end mark", e.Seen)
	case e.Seen == 0:
		p.Reason = "the answer was an empty list, which is never believed"
	case len(e.Refused) > 0:
		p.Reason = "refused: " + head(e.Refused)
	case len(e.Overflow) > 0:
		p.Reason = "cut short by the server: " + head(e.Overflow)
	case e.Duplicates > 0 && e.Reported < 0: // what is listed twice may stand where somebody else was left out, and no total tells
		p.Reason = fmt.Sprintf("%d were listed twice: the list moved while it was read, or repeats a page", e.Duplicates)
	case len(e.Conflicts) > 0:
		p.Reason = "the list changed while it was read: " + head(e.Conflicts)
	case e.Reported >= 0 && e.Reported != e.Seen:
		p.Reason = fmt.Sprintf("%d were seen but the server reports %d", e.Seen, e.Reported)
	case len(missing) > 0:
		p.Reason = "canary not seen: " + head(missing)
	case lastGood >= 0 && outside(e.Seen, lastGood):
		p.Reason = fmt.Sprintf("%d were seen, %d at the last complete read: more than %d %% apart", e.Seen, lastGood, int(Band*100))
	default:
		p.Complete = true
		end := e.End
		if end == "" {
			end = "end mark seen"
		}
		p.Reason = fmt.Sprintf("read whole: %d in %d pages, %s", e.Seen, e.Pages, end)
		if e.Reported >= 0 {
			p.Reason += ", the reported total agrees"
		}
		if canaries > 0 {
			p.Reason += fmt.Sprintf(", %d canaries seen", canaries)
		}
	}
	return p
}

// ProveChanges judges a reading of changes on top of a whole read that was proven (base): it is complete where it came to its own
// end and leaves the count inside the band. total is how many people are known after it.
func ProveChanges(e ReadEvidence, base Proof, total, canaries int, missing []string) Proof {
	p := Proof{Source: e.Source, System: e.System, At: e.Finished, Full: base.Full, Seen: total, LastGood: base.Seen, Canaries: canaries}
	switch {
	case e.Failure != "":
		p.Reason = "the reading of changes broke off: " + e.Failure
	case !e.EndMarker:
		p.Reason = "the reading of changes stopped without its end mark"
	case !base.Complete:
		p.Reason = base.Reason
	case len(e.Refused) > 0:
		p.Reason = "refused: " + head(e.Refused)
	case len(missing) > 0:
		p.Reason = "canary not seen: " + head(missing)
	case outside(total, base.Seen):
		p.Reason = fmt.Sprintf("%d after the changes, %d before: more than %d %% apart", total, base.Seen, int(Band*100))
	default:
		p.Complete = true
		changes := "1 change"
		if e.Changes != 1 {
			changes = fmt.Sprintf("%d changes", e.Changes)
		}
		p.Reason = fmt.Sprintf("%s since %s, %s; read whole at %s", changes, base.At.Local().Format("15:04"), e.End, base.Full.Local().Format("15:04"))
	}
	return p
}

func outside(seen, lastGood int) bool {
	diff := seen - lastGood
	if diff < 0 {
		diff = -diff
	}
	return float64(diff) > Band*float64(lastGood)
}

func head(items []string) string {
	const most = 3
	if len(items) <= most {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:most], ", "), len(items)-most)
}

// Snapshot is everything that one read of all sources saw.
type Snapshot struct {
	ID        string    `json:"id"`
	TakenAt   time.Time `json:"taken_at"`
	People    []Person  `json:"people"`
	Absent    []Absence `json:"absent,omitempty"`
	Accounts  []Account `json:"accounts"`
	Libraries []Library `json:"libraries"`
	Groups    []Group   `json:"groups"`
	Proofs    []Proof   `json:"proofs"` // one a source, the document system's among them
	// AccountsFrom is when the reading of the document system began, where it was proven complete; zero where not.
	AccountsFrom time.Time `json:"accounts_from,omitzero"`
	// Cursors are where the change feed of each directory goes on; a directory without one is read whole.
	Cursors map[string]string `json:"-"`
}

// Proof returns the proof of one source.
func (s *Snapshot) Proof(source string) (Proof, bool) {
	for _, p := range s.Proofs {
		if p.Source == source {
			return p, true
		}
	}
	return Proof{}, false
}
