package demofirm_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/clients/demofirm"
	"rollcall/clients/okta"
	"rollcall/clients/okta/oktatest"
	"rollcall/clients/wire/spectest"
	"rollcall/provisioning"
)

// eavesdropper keeps the credential that a client sends, so that a test can ask the simulator what the client never asks.
type eavesdropper struct {
	next http.RoundTripper
	mu   sync.Mutex
	seen string
}

func (e *eavesdropper) RoundTrip(r *http.Request) (*http.Response, error) {
	if credential := r.Header.Get("Authorization"); credential != "" && !strings.HasPrefix(credential, "Basic ") {
		e.mu.Lock()
		e.seen = credential
		e.mu.Unlock()
	}
	return e.next.RoundTrip(r)
}

// asked is a request to a simulator, and the status that it must answer with.
type asked struct {
	method, path string
	status       int
}

func get(path string, status int) asked { return asked{http.MethodGet, path, status} }

// TestEveryOperationOfASimulator: the operations that a simulator offers and no client uses, the ones that it offers under another
// name, and its refusals, agree with the vendor's own description as well.
func TestEveryOperationOfASimulator(t *testing.T) {
	for name, requests := range map[string]func(id string) []asked{
		"okta": func(id string) []asked {
			user := "/api/v1/users/" + id
			return []asked{
				{http.MethodPost, user + "/lifecycle/suspend", 200},
				{http.MethodPost, user + "/lifecycle/unsuspend", 200},
				{http.MethodPost, user + "/lifecycle/deactivate", 200},
				get("/api/v1/users/nobody/groups", 404),
				get("/api/v1/groups/nothing/users", 404),
			}
		},
		"entra": func(id string) []asked {
			return []asked{
				get("/v1.0/users/"+id+"/memberOf?%24select=id,displayName", 200),
				get("/v1.0/users/"+id+"/transitiveMemberOf", 200),
				get("/v1.0/groups/{group}/members?%24top=20", 200),
				get("/v1.0/users/delta()?%24select=displayName", 200),
				get("/v1.0/groups/delta()?%24select=displayName,members", 200),
				get("/v1.0/users?%24select=hireDate", 501),
				get("/v1.0/users/nobody", 404),
				get("/v1.0/directory/deletedItems/nobody", 404),
			}
		},
		"google": func(id string) []asked {
			return []asked{
				get("/admin/directory/v1/users/"+id+"?projection=basic", 200),
				get("/admin/directory/v1/users?customer=my_customer&maxResults=3&projection=basic", 200),
				get("/admin/directory/v1/users?maxResults=3", 400),
				get("/admin/directory/v1/groups?userKey="+id, 200),
				get("/admin/directory/v1/users/nobody", 404),
			}
		},
		"onelogin": func(id string) []asked {
			return []asked{
				get("/api/2/users?limit=5", 200),
				get("/api/2/users/"+id, 200),
				get("/api/2/users/99999999", 404),
				get("/api/2/roles?limit=2", 200),
				get("/api/1/groups?limit=1", 200),
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			running, err := demofirm.Serve(context.Background(), demofirm.Generate(demofirm.Options{
				Seed: 7, People: 300, Epoch: time.Now(), Directories: []string{name},
			}), demofirm.ServeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer running.Close()
			v := descriptions()[name]
			ears := &eavesdropper{next: v.check(t, v.o)}
			c := running.Connections().Connections[0]
			d := client(t, c, via{transport: ears})
			var id string
			_, err = d.ReadAll(context.Background(), func(chunk []provisioning.Person) error {
				for _, p := range chunk {
					if id == "" && p.Status == provisioning.StatusActive {
						id = p.Key.ID
					}
				}
				return nil
			})
			if err != nil || ears.seen == "" || id == "" {
				t.Fatalf("%v, %q", err, id)
			}
			checker := v.check(t, v.o)
			ask := func(r asked) (body []byte) {
				request, err := http.NewRequestWithContext(context.Background(), r.method, c.URL+r.path, http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				request.Header.Set("Authorization", ears.seen)
				answer, err := checker.RoundTrip(request)
				if err != nil {
					t.Fatal(err)
				}
				defer answer.Body.Close()
				if body, err = io.ReadAll(answer.Body); err != nil || answer.StatusCode != r.status {
					t.Errorf("%s %s: %d, want %d: %v %.300s", r.method, r.path, answer.StatusCode, r.status, err, body)
				}
				return body
			}
			group := ""
			if name == "entra" {
				var list struct {
					Value []struct{ ID string }
				}
				if err := json.Unmarshal(ask(get("/v1.0/groups", 200)), &list); err != nil || len(list.Value) == 0 {
					t.Fatalf("%v, %+v", err, list)
				}
				group = list.Value[0].ID
			}
			for _, r := range requests(id) {
				r.path = strings.Replace(r.path, "{group}", group, 1)
				ask(r)
			}
			operations := slices.Sorted(maps.Keys(checker.Checked()))
			t.Logf("%d operations, %d requests and answers: %s", len(operations), len(requests(id)), strings.Join(operations, ", "))
		})
	}
}

// TestOktaTokenEndpoint: a service app's sign-in, taken and refused, agrees with Okta's own description of its authorization server,
// and with the token everybody is read.
func TestOktaTokenEndpoint(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s := oktatest.New(oktatest.Config{
		ClientID: "0oa1", Keys: map[string]crypto.PublicKey{"k1": key.Public()}, Scopes: []string{"okta.users.read", "okta.groups.read"},
		Users: []oktatest.User{{ID: "00u1", Status: "ACTIVE", Created: time.Now(), LastUpdated: time.Now(), Profile: oktatest.Profile{Login: "a@b.example"}}},
	})
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	checker := spectest.OpenAPI(t, "../okta/testdata/oauth-minimal.yaml", spectest.Options{Besides: []string{"/api/v1/"}})
	read := func(clientID, keyID string) provisioning.ReadEvidence {
		c, err := okta.New(okta.Options{
			Name: "okta", URL: s.URL(), ClientID: clientID, KeyID: keyID, AllowLoopbackHTTP: true, Transport: checker, Clock: brisk{},
			Key: provisioning.NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		e, err := c.ReadAll(context.Background(), func([]provisioning.Person) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	if e := read("0oa1", "k1"); e.Failure != "" || e.Seen != 1 {
		t.Errorf("%+v", e)
	}
	for _, refused := range [][2]string{{"0oa2", "k1"}, {"0oa1", "k2"}} {
		if e := read(refused[0], refused[1]); !strings.Contains(e.Failure, "Okta knows no such app") {
			t.Errorf("%v: %+v", refused, e)
		}
	}
	t.Logf("held against the description: %v", checker.Checked())
}
