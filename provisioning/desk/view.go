package desk

import (
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
)

// Filter names a set of the roll's rows.
type Filter string

// The filters, in the order in which the roster shows them.
const (
	FilterAll          Filter = "all"
	FilterLeavers      Filter = "leavers"      // leaver, administrator
	FilterJoiners      Filter = "joiners"      // joiner
	FilterDrift        Filter = "drift"        // attribute, sso-name, preferred-library
	FilterUnconfigured Filter = "unconfigured" // unconfigured
	FilterOrphans      Filter = "orphans"      // orphan
	FilterDisputed     Filter = "disputed"     // disputed, duplicate, reused-id
)

// Filters lists every filter in display order.
func Filters() []Filter {
	return []Filter{FilterAll, FilterLeavers, FilterJoiners, FilterDrift, FilterUnconfigured, FilterOrphans, FilterDisputed}
}

// Source is the state of one connection, for the header.
type Source struct {
	Name     string
	System   string
	Count    int
	Document bool // the document system, not a directory
	Proof    provisioning.Proof
	ReadAt   time.Time
}

// Roll is the compared roll at one moment. It is immutable: a refresh gives a new one with a higher Gen. Safe for concurrent
// use.
type Roll struct {
	Gen      uint64
	Firm     string
	Operator string
	TakenAt  time.Time
	Sources  []Source
	Rows     []Row // sorted as people say the names
	byFilter map[Filter][]int32
	byKey    map[string]int32
}

// Row is one row of the roster: a person with what was found, or an account with nobody behind it.
type Row struct {
	Key         string                    // stable over refreshes
	Person      *provisioning.Person      // nil: nobody
	Accounts    []*provisioning.Account   // linked first; candidates where nothing is linked and the row is disputed
	Linked      bool                      // Accounts[0] is linked to Person
	Mismatches  []*provisioning.Mismatch  // the worst first; empty for a clean row
	Suggestions []provisioning.Suggestion // what only an operator can confirm
	Apart       string                    // what tells same-named people apart: "1974", "Leeds", "no. 10442"; else empty
	Absence     *provisioning.Absence     // the person was not in the last read
	Away        bool                      // the person is no longer live (ended, or absence)
}

// Worst returns the row's worst mismatch, or nil.
func (r *Row) Worst() *provisioning.Mismatch {
	if len(r.Mismatches) == 0 {
		return nil
	}
	return r.Mismatches[0]
}

// Count returns how many rows a filter holds.
func (r *Roll) Count(f Filter) int {
	if f == FilterAll {
		return len(r.Rows)
	}
	return len(r.byFilter[f])
}

// Select returns the rows of a filter, as indexes into Rows in display order. The slice is the roll's: do not change it.
func (r *Roll) Select(f Filter) []int32 { return r.byFilter[f] }

// Find returns the index of the row with a key, or -1.
func (r *Roll) Find(key string) int {
	if i, ok := r.byKey[key]; ok {
		return int(i)
	}
	return -1
}

// Account says the account at the row that a mend would act on: the linked one, or an orphan's. Nil where there is none.
func (r *Row) Account() *provisioning.Account {
	if len(r.Accounts) > 0 && (r.Linked || r.Person == nil) {
		return r.Accounts[0]
	}
	return nil
}

// Explanation is the sentence under the roster: what is so, what it means, what the mend would do. All raw strings.
type Explanation struct {
	Long  string // for two lines of 118 cells
	Short string // for two lines of 78 cells
}

// Staged says what staging did.
type Staged struct {
	Batch   int64
	People  int
	Changes int
	// Left names the rows that were not staged, each with the reason in a sentence. Nothing is left out silently.
	Left []Left
	// Kept names what was kept back of rows that were staged: a wall, a group that is disabled or does not exist.
	Kept []Left
}

// Left is a row that could not be staged.
type Left struct{ Key, Name, Why string }

// BatchView is a batch with what a reviewer needs to know about it.
type BatchView struct {
	Batch    *provisioning.Batch
	Lines    map[int64][]Line // by unit id, one a run of like ops
	Verdicts []provisioning.Verdict
	Lose     int // people who lose access
	Gain     int // people who gain access
	Seats    int // accounts enabled more (or fewer) after it
	// Money is what its paid seats cost more (or less) in a year after it, in Currency; "" where the policy names no prices. It is the sum
	// of the lines.
	Money    provisioning.Money
	Currency string
	Changes  int
	Held     bool // a guard holds it
	// Confirm is the number of people that must be typed to commit it: those who lose access, or all of them when none does.
	Confirm int
	// Second is how it stands with a second person's approval.
	Second Second
	// SeenOff says by unit id how the end of an account's access stands: "seen off 14:21:10". Only of accounts that the batch closed.
	SeenOff map[int64]string
	// Released are the people who are released singly and still are, by unit id; Whole is the release of the whole batch.
	Released map[int64]provisioning.Release
	Whole    *provisioning.Release
	mark     int64 // for LetGo: what the verdicts rest on
}

// Line is one change in plain words. All raw strings.
type Line struct {
	Seq    int    // of the op
	What   string // "disable account TBARNES"
	Effect string // "enabled → disabled"
	Note   string // "do first, GBP -480.00 a year", "2 others remain", "by hand (not confirmed)"
	// Money is what it adds to the price of the paid seats, a year; the Note says it too.
	Money  provisioning.Money
	Hand   []string // the exact steps in Control Center, for a by-hand op
	State  provisioning.OpState
	Result string // after the commit: the evidence or the error, a sentence
}

// Commit is the operator's typed word.
type Commit struct {
	Batch  int64
	Hash   string // of what was on the screen
	People int    // the number typed
	Reason string // needed to release a held batch
}

// Running is how far a commit has come.
type Running struct {
	View    *BatchView
	State   provisioning.BatchState
	Active  bool // a dispatcher is at work on it in this process
	Done    int  // ops settled
	Total   int
	Rate    float64       // ops a second, lately, while nobody had to wait; 0 not known yet
	Allowed float64       // what the system allows, in requests a second; 0 not known
	Left    time.Duration // 0 not known yet, or nothing is left
	Until   time.Time     // the document system asked everybody to wait until then; zero: it did not
	Failed  int
	Hand    int
	Err     string
}

// Fact is one line of a person's page. All raw strings.
type Fact struct {
	Label   string
	Person  string
	Account string
	Mark    Mark
	Source  string // the directory that Person comes from, where several know the person
}

// Mark says how the two sides of a fact compare.
type Mark int

// The marks.
const (
	Same    Mark = iota
	Differs      // it matters
	Alike        // different to the letter, but not a mismatch (Thomas, Tom)
	Warn         // one side alone, and it matters (a leaver's groups)
)

// PersonPage is everything about one row.
type PersonPage struct {
	Row      Row
	Title    string
	Facts    []Fact                // status, name, email, office, practice, user id …
	Holds    []Fact                // libraries, groups, roles
	Linked   string                // "SSO name = user id (exact), since 2019-03-04"
	Known    string                // where several directories know the person: each, its status, and what ties it to the first
	Believed string                // "explicit status in okta, read complete at 14:02 (2,014 people)"
	History  []provisioning.Record // newest first
	Mend     []Line
}

// Report is what verifying the record found.
type Report struct {
	OK     bool
	Count  int64
	Bad    int64  // the first row that does not hold, 0 where all do
	Reason string // what is wrong there, a sentence
	Head   string // hex of the last hash
	// Proven says that every row is covered by an anchor outside the store; Trust are the sentences on what the proof rests on.
	Proven bool
	Trust  []string
}

// Hits is the answer to a search over the roll.
type Hits struct {
	Gen    uint64 // the roll's
	Query  string // as typed
	Filter Filter
	Rows   []int32 // indexes into Roll.Rows, the best first
	Total  int     // how many rows matched; Rows holds the best few hundred
	spans  func(cell string) []Span
}

// Span is a piece of a cell that the query matched, in bytes of the cell's cleaned text.
type Span struct{ Start, End int }

// Spans says which pieces of a cell's cleaned text to highlight. A nil answer means none.
func (h *Hits) Spans(cell string) []Span {
	if h == nil || h.spans == nil {
		return nil
	}
	return h.spans(cell)
}

// Removed is a certificate of removal and CertifiedPerson somebody on it: for the screens, which know the record by the desk alone.
type (
	Removed         = audit.Certificate
	CertifiedPerson = audit.CertificatePerson
)
