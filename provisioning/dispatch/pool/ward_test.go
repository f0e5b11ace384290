package pool_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/clients/imanage/imanagetest"
	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/commit"
	"rollcall/provisioning/dispatch/dispatchtest"
	"rollcall/provisioning/store/sqlite"
)

// ward is one server with one batch in one store.
type ward struct {
	t       *testing.T
	firm    *dispatchtest.Firm
	server  *imanagetest.Server
	dir     string
	url     string
	settle  time.Duration
	workers int
	mutant  string
	longest time.Duration // from a restart to the offer to resume
}

// admit makes a ward of a firm: its server runs, and its batch is committed and not begun.
func admit(t *testing.T, firm *dispatchtest.Firm, effect time.Duration) *ward {
	t.Helper()
	w := &ward{t: t, firm: firm, dir: t.TempDir(), settle: settleTime, workers: 8}
	if err := os.Chmod(w.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	firm.Config.EffectDelay, firm.Config.AnswerDelay = effect, min(effect, effectDelay)
	w.server = imanagetest.New(firm.Config)
	if err := w.server.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.server.Close)
	w.url = w.server.URL()
	w.with(func(s *sqlite.Store) {
		if err := firm.Commit(context.Background(), s); err != nil {
			t.Fatal(err)
		}
	})
	return w
}

// newWard is a ward of leavers and joiners in turns.
func newWard(t *testing.T, people int, effect time.Duration) *ward {
	t.Helper()
	return admit(t, dispatchtest.LeaversAndJoiners(people), effect)
}

func (w *ward) with(use func(*sqlite.Store)) {
	w.t.Helper()
	chain, err := audit.NewChain(chainKey)
	if err != nil {
		w.t.Fatal(err)
	}
	s, err := sqlite.Open(context.Background(), sqlite.Options{Path: filepath.Join(w.dir, "rollcall.db"), Sealer: chain, Owner: "parent"})
	if err != nil {
		w.t.Fatal(err)
	}
	if owner := s.ReadOnly(); owner != "" {
		w.t.Fatalf("the store is still owned by %s", owner)
	}
	use(s)
	if err := s.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// death says when a victim dies: at the nth time that it comes to a step, once it has taken so many units; or so long after its
// first step, after its start, or after its first intent: while requests are on their way. The zero value lets it live.
type death struct {
	step  string
	nth   int
	taken int
	after time.Duration
	start time.Duration
	onWay time.Duration
}

// longestOffer is how long after a restart a batch may take to be offered for resume.
const longestOffer = 2 * time.Second

// live starts a victim and lets it die, and then holds that the batch is offered for resume. It reports whether the victim came to the
// end of its run by itself.
func (w *ward) live(d death) (ended bool) {
	w.t.Helper()
	cmd := w.command(os.Args[0])
	cmd.Env = append(cmd.Env, "ROLLCALL_BLOCK="+d.step, "ROLLCALL_NTH="+strconv.Itoa(d.nth), "ROLLCALL_TAKEN="+strconv.Itoa(d.taken))
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	var timer *time.Timer
	var killed atomic.Bool
	kill := func() {
		killed.Store(true)
		_ = cmd.Process.Kill() // it may have come to its end meanwhile
	}
	dieIn := func(wait time.Duration) { timer = time.AfterFunc(wait, kill) }
	if d.start > 0 {
		dieIn(d.start)
	}
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		if timer == nil && d.after > 0 {
			dieIn(d.after)
		}
		switch text := lines.Text(); {
		case text == "STEP "+commit.StepIntent && d.onWay > 0 && timer == nil:
			dieIn(d.onWay)
		case text == "END":
			ended = true
		case strings.HasPrefix(text, "ERROR"):
			w.t.Error(text)
		case text == "STEP BLOCKED":
			kill()
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	if timer != nil {
		timer.Stop()
	}
	if !ended {
		if !killed.Load() {
			w.t.Error("the process died by itself")
		}
		w.offered()
	}
	return ended
}

// command is a victim that does as the ward says, by a program and its arguments.
func (w *ward) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "ROLLCALL_VICTIM=1", "ROLLCALL_DB="+filepath.Join(w.dir, "rollcall.db"), "ROLLCALL_URL="+w.url,
		"ROLLCALL_SETTLE="+w.settle.String(), "ROLLCALL_MUTANT="+w.mutant, "ROLLCALL_WORKERS="+strconv.Itoa(w.workers),
		"ROLLCALL_BLOCK=", "ROLLCALL_NTH=0", "ROLLCALL_TAKEN=0")
	cmd.Stderr = os.Stderr
	return cmd
}

// offered restarts after a kill, and holds that a batch which is not at its end is offered for resume, and how soon.
func (w *ward) offered() {
	w.t.Helper()
	began := time.Now()
	w.with(func(s *sqlite.Store) {
		unfinished, err := s.Unfinished(context.Background())
		if err != nil {
			w.t.Fatal(err)
		}
		took := time.Since(began)
		w.longest = max(w.longest, took)
		if took > longestOffer {
			w.t.Errorf("the batch was offered for resume %s after the restart", took)
		}
		if len(unfinished) == 1 && unfinished[0].ID == w.firm.Batch.ID {
			return
		}
		b, err := s.Batch(context.Background(), w.firm.Batch.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		if b.State != provisioning.BatchDone { // it may have come to its end in its last moment
			w.t.Errorf("the batch is %s after a kill, and %d are offered for resume", b.State, len(unfinished))
		}
	})
}

// retry puts back to the start what failed, as an operator would, and reports how many people that were.
func (w *ward) retry() (people int) {
	w.t.Helper()
	w.with(func(s *sqlite.Store) {
		e := provisioning.Event{At: time.Now(), Actor: "tester", Session: "parent", Detail: "retry"}
		var err error
		if people, err = dispatchtest.Retry(context.Background(), s, w.firm.Batch.ID, e); err != nil {
			w.t.Fatal(err)
		}
	})
	return people
}

// unfinished reports whether anything is left to resume.
func (w *ward) unfinished() (left bool) {
	w.t.Helper()
	w.with(func(s *sqlite.Store) {
		list, err := s.Unfinished(context.Background())
		if err != nil {
			w.t.Fatal(err)
		}
		left = len(list) > 0
	})
	return left
}

// verdict is what the server says was lost and done twice.
func (w *ward) verdict() dispatchtest.Verdict { return w.firm.Judge(w.server) }

// check holds the whole of a ward whose batch came to its end.
func (w *ward) check() {
	w.t.Helper()
	if v := w.verdict(); !v.OK() {
		w.t.Errorf("%d lost, %d done twice: %q, %q", len(v.Lost), len(v.Double), v.Lost, v.Double)
	}
	w.checkJournal()
}

func (w *ward) checkJournal() {
	w.t.Helper()
	w.with(func(s *sqlite.Store) {
		account, err := w.firm.Check(context.Background(), s, chainKey)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, wrong := range account.Wrong {
			w.t.Error(wrong)
		}
	})
}

// tally counts what several wards went through.
type tally struct {
	mu      sync.Mutex
	batches int
	kills   int
	ops     int
	retried int // people whose changes were given up after four attempts, and tried again on an operator's word
	lost    int
	double  int
	longest time.Duration
}

func (y *tally) add(w *ward, kills, retried int) {
	v := w.verdict()
	y.mu.Lock()
	defer y.mu.Unlock()
	y.batches++
	y.kills += kills
	y.ops += len(w.firm.Wanted)
	y.retried += retried
	y.lost += len(v.Lost)
	y.double += len(v.Double)
	y.longest = max(y.longest, w.longest)
}

func (y *tally) log(t *testing.T, what string, began time.Time) {
	t.Helper()
	t.Logf("%s: %d kills, %d batches, %d changes, %d people tried again; %d lost, %d done twice; longest offer to resume %s; in %s", what, y.kills,
		y.batches, y.ops, y.retried, y.lost, y.double, y.longest.Round(time.Millisecond), time.Since(began).Round(time.Second))
}
