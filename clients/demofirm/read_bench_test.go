package demofirm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/clients/demofirm"
	"rollcall/provisioning"
)

// The firms of the benchmarks: one as large as rollcall must bear, and a smaller one, beside which its memory is put.
const (
	manyPeople = 100_000
	fewPeople  = 20_000
	changed    = 100
	rounds     = 5
)

// serveVariable tells a process of these tests to serve a firm, and nothing else: the directory, and how many people.
const serveVariable = "ROLLCALL_TEST_SERVE"

// TestMain serves a firm where it is told to, until its standard input ends; else it runs the tests.
func TestMain(m *testing.M) {
	what := os.Getenv(serveVariable)
	if what == "" {
		os.Exit(m.Run())
	}
	name, number, _ := strings.Cut(what, " ")
	people, err := strconv.Atoi(number)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	running, err := demofirm.Serve(context.Background(), manyOf(name, people), demofirm.ServeOptions{})
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(running.Connections())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	running.Close()
}

// manyOf is a firm that one directory knows whole.
func manyOf(name string, people int) *demofirm.Firm {
	return demofirm.Generate(demofirm.Options{Seed: 7, People: people, Epoch: time.Now().AddDate(-1, 0, 0), Directories: []string{name}})
}

// apart serves a firm in a process of its own, as a vendor does: its memory is nothing that this process's collector must look at.
func apart(b *testing.B, name string, people int) demofirm.Connection {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", serveVariable, name, people))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	var c demofirm.Connections
	if err := json.NewDecoder(out).Decode(&c); err != nil {
		b.Fatal(err)
	}
	return c.Connections[0]
}

// sentGet is one request as the client sent it.
type sentGet struct{ url, authorization, accept string }

// recorder notes each GET on its way.
type recorder struct {
	mu   sync.Mutex
	gets []sentGet
}

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodGet {
		r.mu.Lock()
		r.gets = append(r.gets, sentGet{request.URL.String(), request.Header.Get("Authorization"), request.Header.Get("Accept")})
		r.mu.Unlock()
	}
	return http.DefaultTransport.RoundTrip(request)
}

// drain asks for the same pages one after another, and throws every body away unread by anybody.
func drain(b *testing.B, gets []sentGet) (took time.Duration, size int64) {
	b.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 32}
	defer transport.CloseIdleConnections()
	c := http.Client{Transport: transport}
	begin := time.Now()
	for _, g := range gets {
		request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, g.url, http.NoBody)
		if err != nil {
			b.Fatal(err)
		}
		request.Header.Set("Authorization", g.authorization)
		request.Header.Set("Accept", g.accept)
		answer, err := c.Do(request)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK {
			b.Fatalf("%s: %d %v", g.url, answer.StatusCode, err)
		}
		size += n
	}
	return time.Since(begin), size
}

// readWhole reads everybody with the real client, and holds the read to be whole.
func readWhole(b *testing.B, c demofirm.Connection, v via, emit func([]provisioning.Person) error) (took time.Duration, e provisioning.ReadEvidence) {
	b.Helper()
	v.alone = true
	d := client(b, c, v)
	defer d.Close()
	begin := time.Now()
	e, err := d.ReadAll(context.Background(), emit)
	took = time.Since(begin)
	if proof := provisioning.Prove(e, -1, 0, nil); err != nil || !proof.Complete {
		b.Fatalf("%v: %s", err, proof.Reason)
	}
	return took, e
}

func discard([]provisioning.Person) error { return nil }

// quickest is the round that the machine's other work disturbed least.
func quickest(rounds []time.Duration) time.Duration { return slices.Min(rounds) }

// live is what the heap holds after a collection.
func live() float64 {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return float64(sample[0].Value.Uint64())
}

// peak reads everybody once, throws the people away, and tells by how many bytes the live heap grew at most, looked at twenty times on
// the way.
func peak(b *testing.B, c demofirm.Connection, people int) (bytes float64) {
	b.Helper()
	const looks = 20
	before := live()
	seen, next := 0, 0
	readWhole(b, c, via{}, func(chunk []provisioning.Person) error {
		if seen += len(chunk); seen >= next {
			next += people / looks
			bytes = max(bytes, live()-before)
		}
		return nil
	})
	return bytes
}

// remembered is what a set of so many ids takes by itself: the least by which a reader can tell that somebody is listed twice.
func remembered(b *testing.B, c demofirm.Connection) float64 {
	b.Helper()
	before := live()
	seen := make(map[string]time.Time)
	readWhole(b, c, via{}, func(chunk []provisioning.Person) error {
		for i := range chunk {
			seen[strings.Clone(chunk[i].Key.ID)] = chunk[i].Updated
		}
		return nil
	})
	bytes := live() - before
	runtime.KeepAlive(seen)
	return bytes
}

// BenchmarkFullRead reads a firm of 100,000 people with the real client at the vendor's largest page, and beside it, in the same run
// and in turn, drains the very same pages: a bare net/http client sends the requests that the real one was seen to send, with the
// same token, one after another, and throws the bodies away unparsed. The real client fetches a page while it takes the last one
// apart, as it does in earnest.
//
// x-drain is the quickest round of the one over the quickest of the other, and is to be at most 1.3. The simulator runs in a process of
// its own, on the same cores. drain-MiB/s says how fast the drain is; a real vendor takes a tenth of a second or more for a page, and
// the ratio is then 1. Both need a second core that nothing else uses: without one the pages are taken apart after one another, and
// the ratio is that of the work. People come without groups, whose memberships are read side by side and so in no order that could be
// repeated.
//
// heap-MiB is by how much the live heap grows at most while the people are thrown away page by page; small-heap-MiB is the same at
// 20,000 people. It is two pages, and the ids that were seen, without which a list that repeats itself would be believed: they alone may
// grow with the firm. So x-heap is the one over the other when the ids are taken off, as a map of as many ids is measured by itself
// (ids-MiB), and is to be no more than about 1.
func BenchmarkFullRead(b *testing.B) {
	for _, name := range demofirm.Directories() {
		b.Run(name, func(b *testing.B) {
			many := apart(b, name, manyPeople)
			seen := &recorder{}
			_, e := readWhole(b, many, via{transport: seen}, discard)
			var base, ours []time.Duration
			var size int64
			for b.Loop() {
				for range rounds {
					runtime.GC()
					var took time.Duration
					took, size = drain(b, seen.gets)
					base = append(base, took)
					runtime.GC()
					took, _ = readWhole(b, many, via{}, discard)
					ours = append(ours, took)
				}
			}
			few := apart(b, name, fewPeople)
			heap, less := peak(b, many, manyPeople), peak(b, few, fewPeople)
			ids, lessIDs := remembered(b, many), remembered(b, few)
			const mib = 1 << 20
			b.ReportMetric(float64(quickest(ours))/float64(quickest(base)), "x-drain")
			b.ReportMetric(float64(e.Seen)/quickest(ours).Seconds(), "people/s")
			b.ReportMetric(float64(size)/mib/quickest(base).Seconds(), "drain-MiB/s")
			b.ReportMetric(float64(len(seen.gets)), "requests")
			b.ReportMetric(heap/mib, "heap-MiB")
			b.ReportMetric(less/mib, "small-heap-MiB")
			b.ReportMetric(ids/mib, "ids-MiB")
			b.ReportMetric(max(heap-ids, 0)/max(less-lessIDs, 1), "x-heap")
		})
	}
}

// BenchmarkDelta reads what changed, 100 people of 100,000, from the cursor of the whole read before it: x-full is the time of the one
// over the time of the other, the quickest of three, and is to be at most 0.02. Neither reads groups, which would make the whole read
// longer and the ratio better. Google has no feed (contracts/idps.md 2.3), and is read whole each time.
func BenchmarkDelta(b *testing.B) {
	for _, name := range demofirm.Directories() {
		if name == "google" {
			continue
		}
		b.Run(name, func(b *testing.B) {
			running, err := demofirm.Serve(context.Background(), manyOf(name, manyPeople), demofirm.ServeOptions{})
			if err != nil {
				b.Fatal(err)
			}
			defer running.Close()
			one := running.Connections().Connections[0]
			known := make(memory, manyPeople)
			var active []string
			_, e := readWhole(b, one, via{}, func(chunk []provisioning.Person) error {
				for i := range chunk {
					known[chunk[i].Key.ID] = chunk[i]
					if chunk[i].Status == provisioning.StatusActive {
						active = append(active, chunk[i].Key.ID)
					}
				}
				return nil
			})
			var full []time.Duration
			for range 3 {
				runtime.GC()
				took, _ := readWhole(b, one, via{}, discard)
				full = append(full, took)
			}
			for i := range changed {
				change(running, name, active[i*len(active)/changed])
			}
			feed, ok := client(b, one, via{alone: true}).(provisioning.Feed)
			if !ok {
				b.Fatalf("%s has no feed", name)
			}
			bench, _ := running.Listing(name)
			bench.Forget()
			runtime.GC()
			for b.Loop() {
				told := 0
				evidence, err := feed.ReadChanges(context.Background(), e.Cursor, known, func(changes []provisioning.PersonChange) error {
					told += len(changes)
					return nil
				})
				if err != nil || evidence.Failure != "" || !evidence.EndMarker || told != changed {
					b.Fatalf("%v %s: %d changes", err, evidence.Failure, told)
				}
			}
			asked := 0
			for _, entry := range bench.Log() {
				if entry.Method == http.MethodGet {
					asked++
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/quickest(full).Seconds(), "x-full")
			b.ReportMetric(float64(asked)/float64(b.N), "requests")
		})
	}
}
