package wire_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
	"rollcall/clients/wire/wiretest"
)

// FuzzParts: in whatever is an object, the members that are found are those that another parser finds, byte for byte in meaning; and
// nothing is found where there is none.
func FuzzParts(f *testing.F) {
	for _, s := range []string{
		`{"value":[{"id":"1"}],"next":"x"}`, `{}`, ` { "a" : 1 , "value" : null }`, `{"value":"a\"b\\","next":{"x":[1,2,{"y":"}"}]}}`, `[1]`, `{"v\u0061lue":true}`,
		`{"next":-1.5e+7,"value":{}}`, `{"value":[[],[{}]],"other":"]"}`, "{\n\"value\"\t:\r\n[ ]\n}",
	} {
		f.Add([]byte(s))
	}
	names := []string{"value", "next", "absent"}
	f.Fuzz(func(t *testing.T, body []byte) {
		if !jsontext.Value(body).IsValid() {
			return // it was checked before it comes here
		}
		parts, err := wire.Parts(body, names...)
		var want map[string]json.RawMessage
		if wrong := json.Unmarshal(body, &want); wrong != nil || want == nil {
			if err == nil && want == nil && jsontext.Value(body).Kind() != '{' {
				t.Fatalf("%s is no object", body)
			}
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		for i, name := range names {
			whole, there := want[name]
			if !there {
				if parts[i] != nil {
					t.Fatalf("%s: found %s", body, parts[i])
				}
				continue
			}
			var a, b any
			if errA, errB := json.Unmarshal(parts[i], &a), json.Unmarshal(whole, &b); errA != nil || errB != nil || !reflect.DeepEqual(a, b) {
				t.Fatalf("%s: %s is %s, want %s", body, name, parts[i], whole)
			}
		}
	})
}

// pages serves numbered pages of ten, the mark of the next in the answer.
func pages(most int, asked *atomic.Int32) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		w.Header().Set("Content-Type", "application/json")
		next := ""
		if page+1 < most {
			next = fmt.Sprintf(`,"next":"%d"`, page+1)
		}
		fmt.Fprintf(w, `{"rows":[%d,%d]%s}`, 2*page, 2*page+1, next)
	})
}

func paged(peek func([]byte) string) wire.List {
	return wire.List{
		First: wire.Request{Method: http.MethodGet, Path: "/x"},
		Peek:  func(_ wire.Answer, body []byte) string { return peek(body) },
		Open: func(_ wire.Answer, body jsontext.Value) (jsontext.Value, string, error) {
			parts, err := wire.Parts(body, "rows", "next")
			if err != nil {
				return nil, "", err
			}
			mark, err := wire.String(parts[1])
			return parts[0], mark, err
		},
		Follow: func(mark string) (wire.Request, error) {
			return wire.Request{Method: http.MethodGet, Path: "/x", Query: url.Values{"page": {mark}}}, nil
		},
	}
}

// TestWalk: every row once and in order, whatever is peeked: the truth, nothing, or a mark that is wrong; and a page that is broken when
// it first comes is read again.
func TestWalk(t *testing.T) {
	for name, peek := range map[string]func([]byte) string{
		"the truth": func(b []byte) string { return wire.PeekText(b, "next") },
		"nothing":   func([]byte) string { return "" },
		"a lie":     func([]byte) string { return "7" },
	} {
		for fault, f := range map[string]*wiretest.Fault{
			"": nil, "a broken page": {Kind: wiretest.Rewrite, Skip: 2, Times: 1, Rewrite: func(b []byte) []byte { return b[:len(b)/2] }},
			"a name twice": {Kind: wiretest.Rewrite, Skip: 3, Times: 1, Rewrite: func([]byte) []byte { return []byte(`{"rows":[66],"rows":[67]}`) }},
			"a 500":        {Kind: wiretest.Status, Status: 500, Skip: 1, Times: 1},
		} {
			t.Run(name+" "+fault, func(t *testing.T) {
				var asked atomic.Int32
				bench := wiretest.New(pages(9, &asked), nil)
				if f != nil {
					one := *f
					bench.Inject(one)
				}
				server := httptest.NewServer(bench)
				defer server.Close()
				var got []int
				err := client(t, server.URL, nil).Walk(context.Background(), paged(peek), func(rows jsontext.Value) (int, error) {
					n := len(got)
					err := wire.Rows(rows, func(i *int) error {
						got = append(got, *i)
						return nil
					})
					return len(got) - n, err
				})
				if err != nil || len(got) != 18 {
					t.Fatalf("%v, %v", got, err)
				}
				for i := range got {
					if got[i] != i {
						t.Fatalf("%v", got)
					}
				}
				if name != "a lie" && f == nil && asked.Load() != 9 {
					t.Errorf("%d requests for nine pages", asked.Load())
				}
			})
		}
	}
}

// TestWalkIsLeft: where somebody leaves in the middle, no more than a few pages were asked beyond.
func TestWalkIsLeft(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(pages(1000, &asked))
	defer server.Close()
	enough := errors.New("enough")
	seen := 0
	err := client(t, server.URL, nil).Walk(context.Background(), paged(func(b []byte) string { return wire.PeekText(b, "next") }), func(jsontext.Value) (int, error) {
		if seen++; seen == 5 {
			return 0, enough
		}
		return 2, nil
	})
	server.Close() // it waits for what is under way
	if n := asked.Load(); !errors.Is(err, enough) || n > 5+4 {
		t.Errorf("%v, %d pages were asked", err, n)
	}
}
