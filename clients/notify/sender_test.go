package notify_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata" // a machine without its own

	"pgregory.net/rapid"

	"rollcall/clients/notify"
	"rollcall/provisioning"
)

// ear is a notifier that does as it is told.
type ear struct {
	name string
	do   func(ctx context.Context, n provisioning.Notice) error

	mu     sync.Mutex
	heard  []string
	closed bool
}

func (e *ear) Name() string { return e.name }

func (e *ear) Notify(ctx context.Context, _, _, _ string, n provisioning.Notice) error {
	if e.do != nil {
		if err := e.do(ctx, n); err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, n.Key)
	return nil
}

func (e *ear) Close() { e.mu.Lock(); defer e.mu.Unlock(); e.closed = true }

func (e *ear) list() []string { e.mu.Lock(); defer e.mu.Unlock(); return slices.Clone(e.heard) }

func matters(n int, severity provisioning.Severity) []provisioning.Notice {
	list := make([]provisioning.Notice, n)
	for i := range list {
		list[i] = provisioning.Notice{Kind: provisioning.NoticeOverdue, Key: fmt.Sprintf("%s %d", severity, i), Text: "text", Severity: severity, At: time.Unix(1, 0)}
	}
	return list
}

// TestOneFailsAlone: those who hang, fail and ignore their context cost the others nothing; each is told its own way, and Close waits for
// the last of them.
func TestOneFailsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := &ear{name: "hang", do: func(ctx context.Context, _ provisioning.Notice) error { <-ctx.Done(); return ctx.Err() }}
		fail := &ear{name: "fail", do: func(context.Context, provisioning.Notice) error { return io.ErrClosedPipe }}
		deaf := &ear{name: "deaf", do: func(context.Context, provisioning.Notice) error { time.Sleep(time.Hour); return nil }}
		good := &ear{name: "good"}
		s := notify.NewSender(notify.Options{Firm: "A firm", Notifiers: []provisioning.Notifier{hang, deaf, fail, good}})
		begin := time.Now()
		r, err := s.Tell(t.Context(), matters(3, provisioning.SeverityDanger))
		if took := time.Since(begin); err != nil || took > 3*time.Minute {
			t.Errorf("%v after %s", err, took)
		}
		if r.Told() != 3 || len(good.list()) != 3 || len(r) != 12 {
			t.Errorf("%d told, %q", r.Told(), r.Lines())
		}
		for _, want := range []string{"hang: context deadline exceeded", "fail: io: read/write on closed pipe", "deaf: it does not answer in time"} {
			if !strings.Contains(r.Err().Error(), want) {
				t.Errorf("no %q in %q", want, r.Err())
			}
		}
		if n := strings.Count(r.Err().Error(), "\n"); n != 2 {
			t.Errorf("each is said once: %q", r.Err())
		}
		// the deaf one is not told a second thing meanwhile, the failed ones are told again, the good one is not
		r, _ = s.Tell(t.Context(), matters(3, provisioning.SeverityDanger))
		if len(good.list()) != 3 || r.Told() != 0 || !strings.Contains(r.Err().Error(), "deaf: it is still busy") {
			t.Errorf("%q", r.Lines())
		}
		s.Close()
		if took := time.Since(begin); took < time.Hour || !good.closed {
			t.Errorf("closed after %s", took)
		}
		if _, err := s.Send(t.Context(), matters(1, provisioning.SeverityDanger)); provisioning.CodeOf(err) != provisioning.Invalid || len(good.list()) != 3 {
			t.Errorf("told after its end: %v", err)
		}
	})
}

// TestCloseCallsOff: Close ends what is under way, and what its caller gave up ends as well.
func TestCloseCallsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := &ear{name: "hang", do: func(ctx context.Context, _ provisioning.Notice) error { <-ctx.Done(); return ctx.Err() }}
		s := notify.NewSender(notify.Options{Notifiers: []provisioning.Notifier{hang}})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { time.Sleep(time.Second); cancel() }()
		begin := time.Now()
		if _, err := s.Send(ctx, matters(1, provisioning.SeverityDanger)); !errors.Is(err, context.Canceled) || time.Since(begin) > 2*time.Second {
			t.Errorf("%v after %s", err, time.Since(begin))
		}
		go func() { time.Sleep(time.Second); s.Close() }()
		begin = time.Now()
		if _, err := s.Send(t.Context(), matters(1, provisioning.SeverityDanger)); !errors.Is(err, context.Canceled) || time.Since(begin) > 2*time.Second {
			t.Errorf("%v after %s", err, time.Since(begin))
		}
	})
}

// TestQuietHours: in them danger alone is told; what is held is told after them, if it is handed in again.
func TestQuietHours(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from, to, at string
		held         bool
	}{
		{"22:00", "07:00", "21:59", false},
		{"22:00", "07:00", "22:00", true},
		{"22:00", "07:00", "03:00", true},
		{"22:00", "07:00", "06:59", true},
		{"22:00", "07:00", "07:00", false},
		{"12:00", "13:30", "12:30", true},
		{"12:00", "13:30", "13:30", false},
		{"12:00", "13:30", "00:00", false},
		{"09:00", "09:00", "09:00", false},
		{"", "", "03:00", false},
	} {
		quiet, err := notify.ParseHours(c.from, c.to, london)
		if err != nil {
			t.Fatal(err)
		}
		clock, _ := time.ParseInLocation("2006-01-02 15:04", "2026-07-01 "+c.at, london) // summer: an hour from UTC
		e := &ear{name: "e"}
		s := notify.NewSender(notify.Options{Notifiers: []provisioning.Notifier{e}, Quiet: quiet, Clock: &hand{now: clock.UTC()}})
		list := append(matters(1, provisioning.SeverityWarning), matters(1, provisioning.SeverityDanger)...)
		r, err := s.Tell(t.Context(), list)
		want := 2
		if c.held {
			want = 1
		}
		if err != nil || r.Err() != nil || len(e.list()) != want || e.list()[0] != "danger 0" {
			t.Errorf("%s to %s at %s: %v, %q", c.from, c.to, c.at, err, r.Lines())
		}
		if c.held && (r[1].State != notify.Held || !strings.Contains(r[1].String(), "until "+c.to)) {
			t.Errorf("%q", r.Lines())
		}
		s.Close()
	}
	for _, c := range [][2]string{{"22:00", ""}, {"", "7:00"}, {"25:00", "07:00"}, {"ten", "seven"}} {
		if _, err := notify.ParseHours(c[0], c[1], london); provisioning.CodeOf(err) != provisioning.Invalid {
			t.Errorf("%q: %v", c, err)
		}
	}
}

// TestFlood: hundreds of matters at once do not become hundreds of mails at once: the most dangerous go first, and all go in the end.
func TestFlood(t *testing.T) {
	e := &ear{name: "e"}
	s := notify.NewSender(notify.Options{Notifiers: []provisioning.Notifier{e}, Clock: &hand{now: time.Now()}})
	defer s.Close()
	list := append(matters(50, provisioning.SeverityWarning), matters(5, provisioning.SeverityDanger)...)
	for want := 20; want < 75; want += 20 {
		if _, err := s.Send(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		if got := e.list(); len(got) != min(want, 55) || !strings.HasPrefix(got[4], "danger") {
			t.Fatalf("%d told: %q", len(got), got)
		}
	}
}

// TestDeadWay: where a way is down its other notices are not tried one by one, but a notice that is refused for itself stops no other.
func TestDeadWay(t *testing.T) {
	for code, want := range map[provisioning.Code]int{provisioning.Unavailable: 1, provisioning.Denied: 1, provisioning.Invalid: 5} {
		tried := 0
		e := &ear{name: "e", do: func(context.Context, provisioning.Notice) error {
			tried++
			return &provisioning.Error{Code: code, Message: "no"}
		}}
		s := notify.NewSender(notify.Options{Notifiers: []provisioning.Notifier{e}, Clock: &hand{now: time.Now()}})
		r, err := s.Tell(t.Context(), matters(5, provisioning.SeverityDanger))
		if err != nil || tried != want || r.Told() != 0 || len(r) != 5 || r.Err() == nil || strings.Count(r.Err().Error(), "\n") != 0 {
			t.Errorf("%s: tried %d times: %v, %q", code, tried, r.Err(), r.Lines())
		}
		s.Close()
	}
}

// broken is a memory that keeps nothing.
type broken struct{}

func (broken) Told(string) (time.Time, bool) { return time.Time{}, false }
func (broken) Tell(string, time.Time) error  { return io.ErrShortWrite }

// TestBrokenMemory: where that it was told cannot be kept, it is said, and it is not told again every time.
func TestBrokenMemory(t *testing.T) {
	e := &ear{name: "e"}
	s := notify.NewSender(notify.Options{Notifiers: []provisioning.Notifier{e}, Memory: broken{}, Clock: &hand{now: time.Now()}})
	defer s.Close()
	for range 3 {
		told, err := s.Send(t.Context(), matters(1, provisioning.SeverityDanger))
		if len(e.list()) != 1 || (told == 1) != (err != nil) {
			t.Errorf("%d, %v, %q", told, err, e.list())
		}
	}
}

// TestSameTelling: every try of one telling has one webhook-id, over failed sends and a restart too; the next telling has another one.
func TestSameTelling(t *testing.T) {
	clock := &running{now: time.Now()}
	down := true
	r := receive(t, clock, func(w http.ResponseWriter, _ *http.Request) {
		if down {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	kept := notify.NewMemory()
	send := func(want int) {
		t.Helper()
		w, err := notify.NewWebhook(r.URL, secret(), clock)
		if err != nil {
			t.Fatal(err)
		}
		s := notify.NewSender(notify.Options{Notifiers: []provisioning.Notifier{w}, Memory: kept, Clock: clock})
		defer s.Close()
		n := notice()
		n.At = clock.Now() // a matter is looked at anew each time
		if told, _ := s.Send(t.Context(), []provisioning.Notice{n}); told != want {
			t.Fatalf("%d told, want %d", told, want)
		}
	}
	send(0)
	_ = clock.Sleep(t.Context(), 5*time.Minute)
	down = false
	send(1)
	first := len(r.ids)
	_ = clock.Sleep(t.Context(), 25*time.Hour)
	send(1)
	if first != 6 || len(r.ids) != 7 || len(slices.Compact(slices.Clone(r.ids[:first]))) != 1 || r.ids[6] == r.ids[0] {
		t.Errorf("%q", r.ids)
	}
}

// TestToldOnce: over random matters, failures, clocks and restarts, each notifier hears a matter once in its time, and what it did not hear
// it hears at the next chance; counted by another route than the sender's.
func TestToldOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock, kept, again := &hand{now: time.Unix(1e9, 0)}, notify.NewMemory(), time.Duration(rapid.IntRange(1, 48).Draw(t, "again"))*time.Hour
		down := map[string]bool{}
		var ears []*ear
		for i := range rapid.IntRange(0, 3).Draw(t, "notifiers") {
			name := fmt.Sprint("e", i)
			ears = append(ears, &ear{name: name, do: func(context.Context, provisioning.Notice) error {
				if down[name] {
					return io.ErrClosedPipe
				}
				return nil
			}})
		}
		last := map[string]time.Time{} // notifier and key: when it was told
		for range rapid.IntRange(1, 12).Draw(t, "rounds") {
			clock.now = clock.now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "hours")) * time.Hour)
			var list []provisioning.Notice
			for _, k := range rapid.SliceOfN(rapid.IntRange(0, 5), 0, 10).Draw(t, "keys") {
				list = append(list, provisioning.Notice{Kind: provisioning.NoticeKinds()[k%4], Key: fmt.Sprint("k", k), Text: "x", At: clock.now})
			}
			o := notify.Options{Memory: kept, Again: again, Clock: clock, Kinds: []provisioning.NoticeKind{provisioning.NoticeUnproven, provisioning.NoticeOverdue, provisioning.NoticeApproval}}
			for _, e := range ears {
				down[e.name] = rapid.Bool().Draw(t, "down")
				o.Notifiers = append(o.Notifiers, e)
				e.heard = nil
			}
			s := notify.NewSender(o)
			_, err := s.Send(context.Background(), list)
			s.Close()
			failing := false
			for _, e := range ears {
				var want []string
				for _, n := range list {
					at, told := last[e.name+n.Key]
					if n.Kind == provisioning.NoticeReview || (told && clock.now.Sub(at) < again) || slices.Contains(want, n.Key) {
						continue
					}
					if down[e.name] {
						failing = true
						continue
					}
					last[e.name+n.Key] = clock.now
					want = append(want, n.Key)
				}
				if !slices.Equal(e.heard, want) {
					t.Fatalf("%s heard %q, want %q", e.name, e.heard, want)
				}
			}
			if (err != nil) != failing {
				t.Fatalf("%v, failing %v", err, failing)
			}
		}
	})
}

// TestManyAtOnce: sends from many sides tell a matter once; two notifiers of one name are two.
func TestManyAtOnce(t *testing.T) {
	one, two := &ear{name: "same"}, &ear{name: "same"}
	s := notify.NewSender(notify.Options{Notifiers: []provisioning.Notifier{one, two}})
	defer s.Close()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := s.Send(t.Context(), matters(5, provisioning.SeverityDanger)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(one.list()) != 5 || len(two.list()) != 5 {
		t.Errorf("%q, %q", one.list(), two.list())
	}
}
