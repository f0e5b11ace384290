package sqlite_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/store/sqlite"
)

// The operators of one store, each a process of its own, and how long they are at it.
const (
	racers   = 4
	raceTime = 2 * time.Second
)

// The parts that a mutant of a racer lacks.
const (
	mutantNoVersion  = "no optimistic version" // an edit takes whatever version there is
	mutantStaleCache = "a stale cache"         // a batch is read once and then remembered
	mutantNoLock     = "no lock"               // every process believes that it owns the file
)

// deed is one order of an operator about a batch: what was asked, and what came of it.
type deed struct {
	Do    string `json:"do"` // create, edit, review, approve, commit, pause, resume, drop, read
	Batch int64  `json:"batch"`
	// What was asked.
	By      string `json:"by"`
	Version int64  `json:"version,omitempty"`
	Hash    string `json:"hash,omitempty"`
	Title   string `json:"title,omitempty"`
	// What came of it: "" or a code; for a read, what was read.
	Code string `json:"code,omitempty"`
	Why  string `json:"why,omitempty"`
	Read roll   `json:"read,omitzero"`
}

// roll is what there is of a batch: the state of the sequential model.
type roll struct {
	State    provisioning.BatchState `json:"state"` // "": there is none
	Version  int64                   `json:"version"`
	Hash     string                  `json:"hash"`
	Title    string                  `json:"title"`
	Hands    string                  `json:"hands"`    // who had a hand in it
	Approved string                  `json:"approved"` // the hashes that were approved
}

// entry is a deed with when it began and ended, on the one clock of the machine.
type entry struct {
	Who  int   `json:"who"`
	From int64 `json:"from"`
	To   int64 `json:"to"`
	Deed deed  `json:"deed"`
}

func in(set, one string) bool { return slices.Contains(strings.Split(set, " "), one) }

func with(set, one string) string {
	if in(set, one) {
		return set
	}
	all := append(strings.Fields(set), one)
	slices.Sort(all)
	return strings.Join(all, " ")
}

// next says what must come of a deed, and what there is after it.
func (r roll) next(d *deed) (code provisioning.Code, after roll) {
	staged := r.State == provisioning.BatchDraft || r.State == provisioning.BatchReviewed || r.State == provisioning.BatchApproved
	if r.State == "" && d.Do != "create" {
		return provisioning.NotFound, r
	}
	move := func(to provisioning.BatchState) (provisioning.Code, roll) {
		if !provisioning.BatchMay(r.State, to) {
			return provisioning.Stale, r
		}
		if to == provisioning.BatchCommitted && (d.Hash == "" || d.Hash != r.Hash) {
			return provisioning.Stale, r
		}
		if to == provisioning.BatchCommitted && staged && !in(r.Approved, r.Hash) {
			return provisioning.Held, r
		}
		after := r
		after.State = to
		after.Version++
		return "", after
	}
	switch d.Do {
	case "create":
		if r.State != "" {
			return "twice", r
		}
		return "", roll{State: provisioning.BatchDraft, Version: 1, Title: d.Title, Hands: d.By}
	case "edit", "review":
		if !staged || d.Version != r.Version {
			return provisioning.Stale, r
		}
		after := roll{State: provisioning.BatchDraft, Version: r.Version + 1, Title: d.Title, Hash: d.Hash, Hands: with(r.Hands, d.By), Approved: r.Approved}
		if d.Do == "review" {
			after.State = provisioning.BatchReviewed
		}
		return "", after
	case "approve":
		if !staged || r.State == provisioning.BatchDraft || d.Hash != r.Hash {
			return provisioning.Stale, r
		}
		if in(r.Hands, d.By) {
			return provisioning.Held, r
		}
		after := r
		after.State, after.Approved = provisioning.BatchApproved, with(r.Approved, d.Hash)
		after.Version++
		return "", after
	case "commit", "resume":
		return move(provisioning.BatchCommitted)
	case "pause":
		return move(provisioning.BatchPaused)
	case "drop":
		return move(provisioning.BatchCancelled)
	default:
		return "", r
	}
}

// sequential is the model of one batch that porcupine holds a history against.
func sequential() porcupine.Model {
	return porcupine.Model{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			by := make(map[int64][]porcupine.Operation)
			for _, o := range history {
				id := o.Input.(deed).Batch
				by[id] = append(by[id], o)
			}
			var parts [][]porcupine.Operation
			for _, part := range by {
				parts = append(parts, part)
			}
			return parts
		},
		Init: func() any { return roll{} },
		Step: func(state, input, _ any) (bool, any) {
			d := input.(deed)
			code, after := state.(roll).next(&d)
			if d.Do == "read" && d.Code == "" && d.Read != after {
				return false, after
			}
			return string(code) == d.Code, after
		},
		DescribeOperation: func(input, _ any) string { return fmt.Sprintf("%+v", input) },
	}
}

// racer is one operator in a process of its own.
type racer struct {
	file, mutant string
	who          int
	random       *rand.Rand
	log          []entry
	known        map[int64]provisioning.Batch // as last read, in whatever life
	opened       int
	looked       int // lives in which somebody else had the store
}

// race is the racer's process: it opens the store, works on it or reads it, closes it and comes again, until its time is over.
func race() error {
	who, err := strconv.Atoi(os.Getenv("ROLLCALL_RACER"))
	if err != nil {
		return err
	}
	r := &racer{
		file: os.Getenv("ROLLCALL_RACE_STORE"), mutant: os.Getenv("ROLLCALL_RACE_MUTANT"), who: who,
		random: rand.New(rand.NewPCG(uint64(who), 7)), known: make(map[int64]provisioning.Batch),
	}
	over, cancel := context.WithTimeout(ctx, raceTime) // what was begun by then is brought to its end
	defer cancel()
	for over.Err() == nil {
		if err := r.live(over); err != nil {
			return err
		}
		_ = provisioning.SystemClock{}.Sleep(over, time.Duration(2+r.random.IntN(12))*time.Millisecond)
	}
	out, err := os.Create(os.Getenv("ROLLCALL_RACE_LOG"))
	if err != nil {
		return err
	}
	defer out.Close()
	w := bufio.NewWriter(out)
	for _, e := range r.log {
		if err := json.NewEncoder(w).Encode(e); err != nil {
			return err
		}
	}
	fmt.Printf("%d deeds in %d lives, %d of them beside an owner\n", len(r.log), r.opened, r.looked)
	return w.Flush()
}

// live is one opening of the store.
func (r *racer) live(over context.Context) error {
	chain, err := audit.NewChain(chainKey)
	if err != nil {
		return err
	}
	if r.mutant == mutantNoLock {
		_ = os.Remove(r.file + ".lock") // whoever holds it holds a file that is not there any more
	}
	s, err := sqlite.Open(ctx, sqlite.Options{Path: r.file, Sealer: chain, Owner: fmt.Sprint("operator ", r.who)})
	if err != nil {
		// Its owner may be about to make it, or to close it: it comes again.
		return nil //nolint:nilerr // what counts is what was read and written
	}
	r.opened++
	if s.ReadOnly() != "" {
		r.looked++
		for range 2 {
			r.read(s, r.latest(s))
		}
		return s.Close()
	}
	for range 8 + r.random.IntN(24) {
		r.order(s)
		if r.random.IntN(6) == 0 {
			_ = provisioning.SystemClock{}.Sleep(over, time.Duration(r.random.IntN(6))*time.Millisecond)
		}
	}
	return s.Close()
}

func (r *racer) latest(s *sqlite.Store) int64 {
	list, err := s.Batches(ctx, 1)
	if err != nil || len(list) == 0 {
		return 1
	}
	return list[0].ID
}

func (r *racer) event() provisioning.Event {
	return provisioning.Event{At: time.Now(), Actor: r.me(), Session: "race", Kind: provisioning.EventStaged}
}

func (r *racer) me() string { return fmt.Sprint("okta/", r.who) }

// told notes a deed that has ended.
func (r *racer) told(from int64, d deed, err error) {
	if err != nil {
		d.Code, d.Why = string(provisioning.CodeOf(err)), err.Error()
	}
	r.log = append(r.log, entry{Who: r.who, From: from, To: monotonic(), Deed: d})
}

func (r *racer) read(s *sqlite.Store, id int64) {
	d := deed{Do: "read", Batch: id, By: r.me()}
	from := monotonic()
	b, remembered := r.known[id]
	var err error
	if r.mutant != mutantStaleCache || !remembered {
		var now *provisioning.Batch
		if now, err = s.Batch(ctx, id); err == nil {
			b = *now
			r.known[id] = b
		}
	}
	if err == nil {
		d.Read = roll{State: b.State, Version: b.Version, Hash: b.Hash, Title: b.Title, Hands: strings.Join(b.Hands, " ")}
		for _, a := range b.Approvals {
			d.Read.Approved = with(d.Read.Approved, a.Hash)
		}
	}
	r.told(from, d, err)
}

// order is one thing that an operator does who owns the store, with what they know of the batch: it may be old.
func (r *racer) order(s *sqlite.Store) {
	id := r.latest(s)
	b, known := r.known[id]
	if !known || r.random.IntN(3) == 0 {
		r.read(s, id)
		if b, known = r.known[id]; !known {
			r.create(s)
			return
		}
	}
	unique := fmt.Sprintf("%d-%d", r.who, len(r.log))
	// Now and then anything; else what the operator believes to be next.
	n := r.random.IntN(24)
	if n >= 10 {
		n = map[provisioning.BatchState]int{
			provisioning.BatchDraft: 2, provisioning.BatchReviewed: 3 + r.random.IntN(2), provisioning.BatchApproved: 4, provisioning.BatchCommitted: 5 + 2*r.random.IntN(2),
			provisioning.BatchPaused: 6, provisioning.BatchCancelled: 0,
		}[b.State]
	}
	switch n {
	case 0:
		r.create(s)
	case 1:
		r.save(s, b, deed{Do: "edit", Title: unique})
	case 2:
		r.save(s, b, deed{Do: "review", Title: b.Title, Hash: unique})
	case 3:
		r.approve(s, &b)
	case 4:
		r.move(s, &b, "commit", provisioning.BatchCommitted)
	case 5:
		r.move(s, &b, "pause", provisioning.BatchPaused)
	case 6:
		r.move(s, &b, "resume", provisioning.BatchCommitted)
	case 7:
		if b.State == provisioning.BatchCommitted && r.random.IntN(3) == 0 {
			r.move(s, &b, "drop", provisioning.BatchCancelled)
		}
	default:
		r.read(s, id)
	}
}

func (r *racer) create(s *sqlite.Store) {
	d := deed{Do: "create", By: r.me(), Title: fmt.Sprintf("%d-%d", r.who, len(r.log))}
	b := batch()
	b.State, b.Hash, b.Title, b.Needs, b.Hands = provisioning.BatchDraft, "", d.Title, "20 people lose access", []string{r.me()}
	from := monotonic()
	err := s.SaveBatch(ctx, b, r.event())
	d.Batch = b.ID
	r.told(from, d, err)
}

func (r *racer) save(s *sqlite.Store, b provisioning.Batch, d deed) {
	d.Batch, d.Version, d.By = b.ID, b.Version, r.me()
	b.State, b.Hash, b.Title, b.Units = provisioning.BatchDraft, d.Hash, d.Title, batch().Units
	if d.Do == "review" {
		b.State = provisioning.BatchReviewed
	}
	if !slices.Contains(b.Hands, d.By) {
		b.Hands = append(slices.Clone(b.Hands), d.By)
	}
	from := monotonic()
	if r.mutant == mutantNoVersion {
		if now, err := s.Batch(ctx, b.ID); err == nil {
			b.Version = now.Version
		}
	}
	r.told(from, d, s.SaveBatch(ctx, &b, r.event()))
}

func (r *racer) approve(s *sqlite.Store, b *provisioning.Batch) {
	hash := b.Hash
	if hash == "" {
		hash = "none"
	}
	now := time.Now()
	signature := fmt.Appendf(nil, "%d-%d", r.who, len(r.log)) // each is given once
	a := provisioning.Approval{
		Batch: b.ID, Hash: hash, Covers: "c", By: r.me(), Approver: r.me(), Requester: "okta/nobody", At: now, Until: now.Add(time.Hour), PublicKey: []byte{1}, Signature: signature,
	}
	d := deed{Do: "approve", Batch: b.ID, By: r.me(), Hash: hash}
	from := monotonic()
	r.told(from, d, s.Approve(ctx, a, r.event()))
}

func (r *racer) move(s *sqlite.Store, b *provisioning.Batch, do string, to provisioning.BatchState) {
	d := deed{Do: do, Batch: b.ID, By: r.me(), Hash: b.Hash}
	from := monotonic()
	r.told(from, d, s.MoveBatch(ctx, b.ID, to, b.Hash, "", r.event()))
}

// runRace lets the racers run on one store, and gives what they did.
func runRace(t *testing.T, mutant string) (history []porcupine.Operation, file string) {
	t.Helper()
	file = path(t)
	logs := t.TempDir()
	var running sync.WaitGroup
	for who := range racers {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "ROLLCALL_RACER="+strconv.Itoa(who), "ROLLCALL_RACE_STORE="+file, "ROLLCALL_RACE_MUTANT="+mutant,
			"ROLLCALL_RACE_LOG="+filepath.Join(logs, strconv.Itoa(who)))
		running.Go(func() {
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("operator %d: %v: %s", who, err, out)
				return
			}
			t.Logf("operator %d: %s", who, strings.TrimSpace(string(out)))
		})
	}
	running.Wait()
	for who := range racers {
		data, err := os.ReadFile(filepath.Join(logs, strconv.Itoa(who)))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			var e entry
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			history = append(history, porcupine.Operation{ClientId: e.Who, Input: e.Deed, Call: e.From, Return: e.To})
		}
	}
	return history, file
}

// TestFourOperators: whatever four processes stage, review, approve, commit and read on one store, opening and closing it as they go, is
// as if one had done it after the other; and the record of it holds.
func TestFourOperators(t *testing.T) {
	var missing []string
	for range 3 { // on a busy machine not everything is come to in one race
		history, file := runRace(t, "")
		did := make(map[string]int)
		for _, o := range history {
			d := o.Input.(deed)
			did[d.Do+" "+d.Code]++
		}
		t.Logf("%d deeds: %v", len(history), did)
		if !porcupine.CheckOperations(sequential(), history) {
			t.Fatalf("what the four did is not as if one had done it after the other\n%s", stuck(history))
		}
		s := open(t, file)
		v, err := audit.Check{Key: chainKey}.Run(ctx, s)
		if err != nil || !v.OK() {
			t.Fatalf("the record: %+v, %v", v.Problems, err)
		}
		missing = nil
		for _, what := range []string{"create ", "edit ", "edit stale", "review ", "approve ", "approve held", "commit ", "commit held", "commit stale", "read "} {
			if did[what] == 0 {
				missing = append(missing, what)
			}
		}
		if len(missing) == 0 {
			return
		}
	}
	t.Errorf("nobody came to do %q", missing)
}

// stuck shows the history of the first batch that has no order.
func stuck(history []porcupine.Operation) string {
	for _, part := range sequential().Partition(history) {
		if porcupine.CheckOperations(sequential(), part) {
			continue
		}
		slices.SortFunc(part, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
		var lines []string
		for _, o := range part[:min(len(part), 60)] {
			lines = append(lines, fmt.Sprintf("%d–%d %+v", o.Call, o.Return, o.Input))
		}
		return strings.Join(lines, "\n")
	}
	return ""
}

// TestFourOperatorsFindMutants: without the optimistic version, with a cache that is not renewed, or with the lock taken away, the same
// check finds it.
func TestFourOperatorsFindMutants(t *testing.T) {
	for _, mutant := range []string{mutantNoVersion, mutantStaleCache, mutantNoLock} {
		t.Run(mutant, func(t *testing.T) {
			for range 3 { // on a busy machine little may come together
				history, _ := runRace(t, mutant)
				if porcupine.CheckOperations(sequential(), history) {
					continue
				}
				why := make(map[string]int)
				for _, o := range history {
					why[o.Input.(deed).Why]++
				}
				t.Logf("%d deeds: %v", len(history), why)
				return
			}
			t.Error("nobody noticed")
		})
	}
}
