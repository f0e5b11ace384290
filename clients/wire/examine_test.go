package wire_test

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// TestReached: how a system was reached is told with what to do: the protection and when its certificate ends, an authority that nobody
// knows, a port that speaks no TLS, a host that does not exist, nobody at home.
func TestReached(t *testing.T) {
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { body(w, "{}") }))
	defer secure.Close()
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { body(w, "{}") }))
	defer plain.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	ends := secure.Certificate().NotAfter
	for name, c := range map[string]struct {
		base, ca  string
		clock     provisioning.Clock
		ok        bool
		what      string
		state     provisioning.FindingState
		says, say string
	}{
		"well":                      {secure.URL, authority, nil, true, "protected", provisioning.FindingGood, "TLS 1.3, certificate until " + ends.Format("2006-01-02"), ""},
		"its certificate ends soon": {secure.URL, authority, at{ends.Add(-10 * 24 * time.Hour)}, true, "protected", provisioning.FindingWarning, "certificate until", "ends soon"},
		"an authority nobody knows": {secure.URL, "", nil, false, "reached", provisioning.FindingBad, "is not believed", "ca_file"},
		"no TLS there":              {strings.Replace(plain.URL, "http", "https", 1), "", nil, false, "reached", provisioning.FindingBad, "does not speak TLS", "the port"},
		"nobody there":              {gone.URL, "", nil, false, "reached", provisioning.FindingBad, "no answer from", "firewall"},
	} {
		w := client(t, c.base, func(o *wire.Options) {
			o.Limits.Tries, o.CAFile, o.MaxSkew = 1, c.ca, 200*365*24*time.Hour
			if c.clock != nil {
				o.Clock = c.clock
			}
		})
		_, err := w.Read(context.Background(), wire.Request{Method: http.MethodGet, Path: "/x"}, nil)
		var told []provisioning.Finding
		ok := w.Reached(err, func(f provisioning.Finding) { told = append(told, f) })
		hit := false
		for _, f := range told {
			hit = hit || (f.What == c.what && f.State == c.state && strings.Contains(f.Detail, c.says) && strings.Contains(f.Mend, c.say))
		}
		if !hit || (ok != c.ok && c.clock == nil) {
			t.Errorf("%s: %v, %+v", name, err, told)
		}
	}
}

// at is a clock that stands still.
type at struct{ time.Time }

func (a at) Now() time.Time                             { return a.Time }
func (a at) Sleep(context.Context, time.Duration) error { return nil }
