package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/klauspost/compress/zstd"

	"rollcall/clients/demofirm"
	"rollcall/clients/wire/wiretest"
)

// hunt looks for canaries in whatever form in whatever place, and counts what it looked at (threats E1, E2).
type hunt struct {
	t     *testing.T
	mu    sync.Mutex
	forms map[[hunted]byte][]form // by their first bytes
	first [1 << 16]bool
	known map[string]bool
	kinds map[string]int // forms by name
	found map[string]int // by "canary in place"
	looks map[string]int // places by kind
	bytes int64
	kept  []kept

	base    string   // where the failures have their folders
	folders []string // that are looked through at the end
}

// kept is what is looked through at the end, when every token that was given out is known.
type kept struct {
	kind, place string
	data        []byte
}

// hunted is the least length of a form: what is shorter would be found by chance.
const hunted = 8

type form struct {
	canary, kind string
	text         []byte
}

func newHunt(t *testing.T) *hunt {
	return &hunt{
		t: t, forms: make(map[[hunted]byte][]form), known: make(map[string]bool), kinds: make(map[string]int), found: make(map[string]int),
		looks: make(map[string]int),
	}
}

// add adds a canary in every form in which it may be written.
func (h *hunt) add(name, value string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(value) < 12 {
		h.t.Fatalf("%s is too short to be told from other text", name)
	}
	h.written(name, "", value)
	if len(value) < 80 { // a piece from its middle: what a screen or a message cut off
		middle := len(value) / 2
		h.form(name, "piece", value[middle-5:middle+5])
	}
}

// addKey adds a PEM key: whole, and its inside in pieces.
func (h *hunt) addKey(name, key string) {
	h.add(name, key)
	h.mu.Lock()
	defer h.mu.Unlock()
	var inside strings.Builder
	for line := range strings.Lines(key) {
		if !strings.HasPrefix(line, "-----") {
			inside.WriteString(strings.TrimSpace(line))
		}
	}
	if text := inside.String(); len(text) > 40 {
		h.pieces(name, text[40:]) // every key of its kind begins alike
	}
}

func (h *hunt) pieces(name, text string) {
	const piece = 40
	for ; len(text) >= piece; text = text[piece:] {
		h.written(name, "piece ", text[:piece])
	}
}

// written adds the forms of one text.
func (h *hunt) written(name, prefix, value string) {
	quoted, plain := mustJSON(value), new(bytes.Buffer)
	encoder := json.NewEncoder(plain)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
	for kind, text := range map[string]string{
		"raw": value, "url query": url.QueryEscape(value), "url path": url.PathEscape(value), "hex": hex.EncodeToString([]byte(value)),
		"HEX": strings.ToUpper(hex.EncodeToString([]byte(value))), "json": strings.Trim(string(quoted), `"`), "json plain": strings.Trim(strings.TrimSpace(plain.String()), `"`),
		"go": strings.Trim(strconv.Quote(value), `"`), "go ascii": strings.Trim(strconv.QuoteToASCII(value), `"`),
	} {
		h.form(name, prefix+kind, text)
	}
	// base64 at each of the three places where it may begin in a longer text, without the signs that its neighbours have a part in
	for shift := range 3 {
		text := append(make([]byte, shift), value...)
		text = text[:len(text)/3*3]
		for kind, alphabet := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64 url": base64.RawURLEncoding} {
			h.form(name, prefix+kind, alphabet.EncodeToString(text)[(shift*8+5)/6:])
		}
	}
}

func (h *hunt) form(name, kind, text string) {
	if len(text) < hunted || h.known[name+"\x00"+text] {
		return
	}
	h.known[name+"\x00"+text] = true
	h.kinds[kind]++
	key := [hunted]byte([]byte(text))
	h.first[uint16(text[0])<<8|uint16(text[1])] = true
	h.forms[key] = append(h.forms[key], form{name, kind, []byte(text)})
}

// look looks through one place, and gives the canaries that stand in it.
func (h *hunt) look(kind, place string, data []byte) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.looks[kind]++
	h.bytes += int64(len(data))
	var names []string
	for i := 0; i+hunted <= len(data); i++ {
		if !h.first[uint16(data[i])<<8|uint16(data[i+1])] {
			continue
		}
		for _, f := range h.forms[[hunted]byte(data[i:i+hunted])] {
			if !bytes.HasPrefix(data[i:], f.text) {
				continue
			}
			if !slices.Contains(names, f.canary) {
				names = append(names, f.canary)
			}
			if what := f.canary + " in " + place; h.found[what] == 0 && f.canary != known && f.canary != planted {
				h.t.Errorf("%s (%s) stands in %s %s: …%q…", f.canary, f.kind, kind, place, data[max(0, i-60):min(len(data), i+len(f.text)+20)])
			}
			h.found[f.canary+" in "+place]++
		}
	}
	return names
}

// keep keeps what is to be looked through.
func (h *hunt) keep(kind, place string, data []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept = append(h.kept, kept{kind, place, data})
}

// lookAt looks through what was kept: a program's words also without what steers a terminal, and without the breaks of lines.
func (h *hunt) lookAt() {
	for _, k := range h.kept {
		h.look(k.kind, k.place, k.data)
		if k.kind == "output" {
			stripped := ansi.Strip(string(k.data))
			h.look("stripped output", k.place, []byte(stripped))
			h.look("joined output", k.place, []byte(strings.NewReplacer("\r", "", "\n", "", " ", "").Replace(stripped)))
		}
	}
	h.kept = nil
}

// folder looks through every file under a folder, and inside what is packed. Where the files are is the test's own choice: except names
// those that hold a secret by the operator's will.
func (h *hunt) folder(dir string, except ...string) {
	h.t.Helper()
	var databases []string
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || slices.Contains(except, file) {
			return err
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		h.look("file", file, data)
		h.unpack(file, data)
		if filepath.Ext(file) == ".db" {
			databases = append(databases, file)
		}
		return nil
	})
	for _, file := range databases { // last: the files beside one come and go with whoever opens it
		h.database(file)
	}
	if err != nil {
		h.t.Error(err)
	}
}

// unpack looks inside what zstd packed.
func (h *hunt) unpack(place string, data []byte) {
	h.t.Helper()
	if !bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
		return
	}
	decoder, err := zstd.NewReader(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	defer decoder.Close()
	inside, err := decoder.DecodeAll(data, nil)
	if err != nil {
		h.t.Errorf("%s: %v", place, err)
	}
	h.look("packed", "packed "+place, inside)
}

// database looks through every value of every table.
func (h *hunt) database(file string) {
	h.t.Helper()
	ctx := context.Background()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	list := func(query string, each func([]any)) {
		rows, err := db.QueryContext(ctx, query)
		if err != nil {
			h.t.Fatal(err)
		}
		defer rows.Close()
		columns, err := rows.Columns()
		if err != nil {
			h.t.Fatal(err)
		}
		for rows.Next() {
			values, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				h.t.Fatal(err)
			}
			each(values)
		}
		if err := rows.Err(); err != nil {
			h.t.Fatal(err)
		}
	}
	var tables []string
	list("select name from sqlite_master where type='table'", func(v []any) { tables = append(tables, fmt.Sprint(v[0])) })
	for _, table := range tables {
		place := file + " table " + table
		list("select * from \""+table+"\"", func(values []any) {
			for _, v := range values {
				switch v := v.(type) {
				case []byte:
					h.look("value", place, v)
					h.unpack(place, v)
				case string:
					h.look("value", place, []byte(v))
				default:
					h.look("value", place, []byte(fmt.Sprint(v)))
				}
			}
		})
	}
}

// process keeps what Linux shows of a process and of those that it started: arguments and first environment. own says that its own
// environment is looked at as well: it is not where the test itself put a secret there.
func (h *hunt) process(what string, pid int, own bool) {
	h.t.Helper()
	if runtime.GOOS != "linux" {
		return
	}
	for i, p := range append([]int{pid}, children(h.t, pid)...) {
		for _, name := range []string{"cmdline", "environ"} {
			if i == 0 && name == "environ" && !own {
				continue
			}
			data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p, name))
			if err != nil { // it has ended, or does not let itself be looked into
				h.keep("refused by /proc", what, nil)
				continue
			}
			h.keep("process", fmt.Sprintf("%s: process %d of it: %s", what, i, name), data)
		}
	}
}

// children are the processes that one started.
func children(t *testing.T, pid int) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var list []int
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		rest := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		if len(rest) > 1 && rest[1] == strconv.Itoa(pid) {
			if child, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
				list = append(list, child)
			}
		}
	}
	return list
}

// tokens adds what the simulators gave out and were sent: every credential of every request that came.
func (h *hunt) tokens(r *demofirm.Running) {
	for name, bench := range benches(r) {
		for i, e := range bench.Log() {
			for _, header := range []string{"Authorization", "X-Auth-Token"} {
				value := e.Header.Get(header)
				if _, rest, ok := strings.Cut(value, " "); ok {
					value = rest
				}
				if value != "" && !strings.Contains(value, "client_id:") {
					h.add(name+"'s access token", value)
				}
			}
			if form, err := url.ParseQuery(e.Body); err == nil {
				for _, key := range []string{"assertion", "client_assertion"} {
					if value := form.Get(key); value != "" {
						h.add(fmt.Sprintf("%s's assertion %d", name, i), value)
						h.add(fmt.Sprintf("%s's signature %d", name, i), value[strings.LastIndexByte(value, '.')+1:])
					}
				}
			}
		}
	}
}

func benches(r *demofirm.Running) map[string]*wiretest.Bench {
	return map[string]*wiretest.Bench{
		"okta": r.Okta.Bench(), "entra": r.Entra.Bench(), "google": r.Google.Bench(), "onelogin": r.OneLogin.Bench(), "imanage": r.Imanage.Bench(),
	}
}

// controls holds that the hunt could have found something: what is no secret was found where it must stand, and a secret that is put
// down is found in each of its forms.
func (h *hunt) controls() {
	t := h.t
	t.Helper()
	for _, place := range []string{"config.toml", "the console", "packed ", "table "} {
		times := 0
		for what, n := range h.found {
			if strings.HasPrefix(what, known+" in ") && strings.Contains(what, place) {
				times += n
			}
		}
		if times == 0 {
			t.Errorf("what is no secret was not found in %q, where it must stand: the hunt is blind there", place)
		}
	}
	h.add(planted, "planted-"+odd+"3Vh7Qw9z"+odd)
	h.addKey(planted, "-----BEGIN PRIVATE KEY-----\n"+strings.Repeat("planted0Qz7+Vb2/kqhkiG9w0BAQEFAASCBKcwggSjAgEA+x\n", 6)+"-----END PRIVATE KEY-----\n")
	dir := t.TempDir()
	var forms []form
	for _, list := range h.forms {
		for _, f := range list {
			if f.canary == planted {
				forms = append(forms, f)
			}
		}
	}
	for i, f := range forms {
		file := filepath.Join(dir, strconv.Itoa(i))
		if err := os.WriteFile(file, append([]byte("before "), f.text...), 0o600); err != nil {
			t.Fatal(err)
		}
		h.folder(file)
		if h.found[planted+" in "+file] == 0 {
			t.Errorf("%s was put down and not found", f.kind)
		}
	}
	if len(forms) < 30 || h.looks["packed"] == 0 || h.looks["value"] == 0 {
		t.Errorf("%d forms, looked at %v", len(forms), h.looks)
	}
	t.Logf("looked at %v: %d bytes, for %d forms of %d kinds; the planted one was found in each of its %d forms", h.looks, h.bytes, len(h.known), len(h.kinds), len(forms))
}
