package pool_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	moderncsqlite "modernc.org/sqlite"

	"rollcall/clients/imanage"
	"rollcall/clients/wire"
	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/commit"
	"rollcall/provisioning/dispatch/dispatchtest"
	"rollcall/provisioning/dispatch/pool"
	"rollcall/provisioning/store/sqlite"
)

// The test binary is its own victim: with ROLLCALL_VICTIM set it opens the store, runs the batch, and is killed by its parent.
func TestMain(m *testing.M) {
	if os.Getenv("ROLLCALL_VICTIM") != "" {
		if err := victim(); err != nil {
			fmt.Println("ERROR", err)
			os.Exit(1)
		}
		fmt.Println("END")
		os.Exit(0)
	}
	flag.Parse()
	// These tests wait for settle times and for other processes, and hardly for the processor.
	if err := flag.Set("test.parallel", "12"); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

var chainKey = []byte("0123456789abcdef0123456789abcdef")

const (
	effectDelay = 25 * time.Millisecond
	settleTime  = 200 * time.Millisecond
)

// The parts of the protocol that a mutant lacks.
const (
	mutantNoIntent   = "no intent"
	mutantNoReadBack = "no read-back"
	mutantNoSettle   = "no settle" // of the parent's making: it asks for a settle time of none
	mutantNoSync     = "no sync"   // the journal is written and not waited for
)

// victim runs the one unfinished batch of a store against a server, telling each step of the protocol on its standard output.
func victim() error {
	ctx := context.Background()
	chain, err := audit.NewChain(chainKey)
	if err != nil {
		return err
	}
	mutant := os.Getenv("ROLLCALL_MUTANT")
	if mutant == mutantNoSync {
		moderncsqlite.RegisterConnectionHook(func(c moderncsqlite.ExecQuerierContext, _ string) error {
			_, err := c.ExecContext(ctx, "pragma synchronous=OFF", nil)
			return err
		})
	}
	store, err := sqlite.Open(ctx, sqlite.Options{Path: os.Getenv("ROLLCALL_DB"), Sealer: chain, Owner: "victim"})
	if err != nil {
		return err
	}
	defer store.Close()
	client, err := imanage.New(imanage.Options{
		Name: "imanage", URL: os.Getenv("ROLLCALL_URL"), Username: dispatchtest.Username, Password: provisioning.NewSecret(dispatchtest.Password),
		AllowLoopbackHTTP: true, Confirmed: func(context.Context, string) bool { return true }, Limits: wire.Limits{Attempt: 10 * time.Second},
	})
	if err != nil {
		return err
	}
	defer client.Close()
	settle, err := time.ParseDuration(os.Getenv("ROLLCALL_SETTLE"))
	if err != nil {
		return err
	}
	workers, err := strconv.Atoi(os.Getenv("ROLLCALL_WORKERS"))
	if err != nil {
		return err
	}
	step, err := stepper()
	if err != nil {
		return err
	}
	var journal provisioning.Store = store
	var dms provisioning.DMS = client
	switch mutant {
	case mutantNoIntent:
		journal = &noIntent{Store: store, sent: make(map[string]func() error)}
	case mutantNoReadBack:
		dms = blind{client}
	}
	event := func(kind provisioning.EventKind, detail string) provisioning.Event {
		return provisioning.Event{At: time.Now(), Actor: "tester", Session: "victim", Kind: kind, Detail: detail}
	}
	batch, ok, err := dispatchtest.Resume(ctx, store, event(provisioning.EventResumed, "restart"))
	if err != nil || !ok {
		return err
	}
	executor := commit.New(commit.Deps{
		Store: journal, DMS: dms, Clock: provisioning.SystemClock{}, Actor: "tester", Session: "victim", Owner: fmt.Sprint(os.Getpid()), Tenant: "sim",
		Settle: settle, Step: step,
		Operation: func(c provisioning.Change) provisioning.Operation { // many at once from the first one on
			o := client.Operation(c)
			o.FirstUse = provisioning.Plain
			return o
		},
	})
	return pool.New(pool.Deps{Store: journal, Executor: executor, Workers: workers, Event: event}).Run(ctx, batch, nil)
}

// stepper tells each step on the standard output, and stands still at the one that ROLLCALL_BLOCK names, at its ROLLCALL_NTH time and
// after ROLLCALL_TAKEN units were taken.
func stepper() (func(string), error) {
	nth, err := strconv.Atoi(os.Getenv("ROLLCALL_NTH"))
	if err != nil {
		return nil, err
	}
	wanted, err := strconv.Atoi(os.Getenv("ROLLCALL_TAKEN"))
	if err != nil {
		return nil, err
	}
	told := make(chan string)
	go func() {
		out := bufio.NewWriter(os.Stdout)
		for name := range told {
			fmt.Fprintln(out, "STEP", name)
			out.Flush()
		}
	}()
	block := os.Getenv("ROLLCALL_BLOCK")
	var mu sync.Mutex
	seen, taken := 0, 0
	return func(name string) {
		told <- name
		mu.Lock()
		if name == commit.StepTaken {
			taken++
		}
		if name == block && taken >= wanted {
			seen++
		}
		stand := name == block && taken >= wanted && seen >= nth
		mu.Unlock()
		if stand {
			told <- "BLOCKED"
			<-time.After(time.Hour) // the parent kills us before; a select on nothing may be taken for a deadlock
		}
	}, nil
}

// noIntent is a store that forgets the intent until the outcome: the protocol's first rule taken out.
type noIntent struct {
	provisioning.Store
	mu   sync.Mutex
	sent map[string]func() error
}

func (n *noIntent) MarkSent(ctx context.Context, ref provisioning.OpRef, at time.Time, e provisioning.Event) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sent[fmt.Sprint(ref)] = func() error { return n.Store.MarkSent(ctx, ref, at, e) }
	return nil
}

func (n *noIntent) MarkOp(ctx context.Context, ref provisioning.OpRef, o provisioning.Outcome, e provisioning.Event) error {
	n.mu.Lock()
	late := n.sent[fmt.Sprint(ref)]
	delete(n.sent, fmt.Sprint(ref))
	n.mu.Unlock()
	if late != nil {
		if err := late(); err != nil {
			return err
		}
	}
	return n.Store.MarkOp(ctx, ref, o, e)
}

// blind is a document system that is never really read: every look finds the old value until the change was sent here.
type blind struct{ provisioning.DMS }

func (b blind) Observe(ctx context.Context, c provisioning.Change) (provisioning.Observation, error) {
	o, err := b.DMS.Observe(ctx, c)
	if o.Value == c.After && !wasSent(c) {
		o.Value = c.Before
	}
	return o, err
}

func (b blind) Send(ctx context.Context, c provisioning.Change) (provisioning.Receipt, error) {
	r, err := b.DMS.Send(ctx, c)
	sentHere.Store(key(c), true)
	return r, err
}

var sentHere sync.Map // of one victim

func key(c provisioning.Change) string {
	return strings.Join([]string{c.Account, string(c.Kind), c.Library, c.Object}, "/")
}

func wasSent(c provisioning.Change) bool {
	_, sent := sentHere.Load(key(c))
	return sent
}
