package imanage_test

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"rollcall/clients/imanage"
	"rollcall/clients/imanage/imanagetest"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
)

// still is a clock that moves only when somebody sleeps on it.
type still struct {
	mu  sync.Mutex
	now time.Time
}

func (s *still) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *still) Sleep(ctx context.Context, d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(max(d, 0))
	return ctx.Err()
}

// TestThrottleHeaders: the tenant's own headers are read in their order, in each form that they may have, by the tenant's clock, and what
// cannot be a wait is passed over (contracts/imanage.md 4.5).
func TestThrottleHeaders(t *testing.T) {
	const ahead = 4 * time.Minute // the tenant's clock
	start := time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)
	tenant := start.Add(ahead)
	moment := func(off time.Duration) string { return strconv.FormatInt(tenant.Add(off).Unix(), 10) }
	date := func(off time.Duration) string { return tenant.Add(off).Format(http.TimeFormat) }
	const own, standard, reset = "X-Ratelimit-Retryafter", "Retry-After", "X-Ratelimit-Reset"
	for name, c := range map[string]struct {
		header map[string]string
		want   time.Duration
	}{
		"its own first":                {map[string]string{own: "3", standard: "5", reset: "7"}, 3 * time.Second},
		"the standard one then":        {map[string]string{standard: "5", reset: "7"}, 5 * time.Second},
		"a date before the reset":      {map[string]string{standard: date(9 * time.Second), reset: "7"}, 9 * time.Second},
		"the reset at last":            {map[string]string{reset: "7"}, 7 * time.Second},
		"a moment":                     {map[string]string{own: moment(20 * time.Second)}, 20 * time.Second},
		"the reset as a moment":        {map[string]string{reset: moment(40 * time.Second)}, 40 * time.Second},
		"what is past is passed over":  {map[string]string{own: moment(-time.Hour), standard: "5"}, 5 * time.Second},
		"below nothing is passed over": {map[string]string{own: "-3", reset: "7"}, 7 * time.Second},
		"no number is passed over":     {map[string]string{own: "NaN", standard: "later", reset: "7"}, 7 * time.Second},
		"a year":                       {map[string]string{own: "31536000"}, 2 * time.Minute},
		"nothing that can be used":     {map[string]string{own: "-3", standard: "later"}, 250 * time.Millisecond},
		"nothing":                      {nil, 250 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			clock := &still{now: start}
			s := imanagetest.New(imanagetest.Config{
				CustomerID: 1, Username: "svc", Password: "pw", ServiceUser: "SVC", Now: func() time.Time { return clock.Now().Add(ahead) },
			})
			if err := s.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			h := http.Header{"Date": {tenant.Format(http.TimeFormat)}}
			for k, v := range c.header {
				h.Set(k, v)
			}
			s.Bench().Inject(wiretest.Fault{Kind: wiretest.Status, Path: "/api", Times: 1, Status: http.StatusTooManyRequests, Header: h})
			client, err := imanage.New(imanage.Options{
				Name: "imanage", URL: s.URL(), Username: "svc", Password: provisioning.NewSecret("pw"), AllowLoopbackHTTP: true, Clock: clock,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if _, err := client.Identity(t.Context()); err != nil {
				t.Fatal(err)
			}
			if took := clock.Now().Sub(start); took != c.want {
				t.Errorf("waited %s, want %s", took, c.want)
			}
		})
	}
}
