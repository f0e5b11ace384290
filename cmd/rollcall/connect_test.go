package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/clients/demofirm"
	"rollcall/clients/wire/wiretest"
)

// desktop is a test's own configuration and state, on a machine without a keyring.
type desktop struct {
	t             *testing.T
	config, state string
}

func newDesktop(t *testing.T) *desktop {
	t.Helper()
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	dir := t.TempDir()
	return &desktop{t, filepath.Join(dir, "config"), filepath.Join(dir, "state")}
}

func (d *desktop) args(more ...string) []string {
	return append(more, "--config", d.config, "--state", d.state)
}

// secret keeps a secret in a file, and gives the reference.
func (d *desktop) secret(name, value string) string {
	d.t.Helper()
	file := filepath.Join(filepath.Dir(d.config), name)
	if err := os.WriteFile(file, []byte(value), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return "file:" + file
}

// answers are what is typed for a connection, by the title of the field.
func (d *desktop) answers(c demofirm.Connection) []string {
	ref := func(key, value string) string { return d.secret(c.Name+"-"+key, value) }
	switch c.System {
	case "okta":
		return []string{"Address", c.URL, "API token: a ref", ref("token", c.Token)}
	case "entra":
		return []string{
			"Directory (tenant) ID", c.Tenant, "Application (client) ID", c.ClientID, "Client secret: a ref", ref("client_secret", c.ClientSecret),
			"Graph's address", c.URL, "Sign-in's address", c.LoginURL,
		}
	case "google":
		return []string{
			"Administrator's address", c.Subject, "Service account key (JSON): a ref", ref("key", c.Key), "The API's address", c.URL,
			"Sign-in's address", c.LoginURL,
		}
	case "onelogin":
		return []string{"Address", c.URL, "Client ID", c.ClientID, "Client Secret: a ref", ref("client_secret", c.ClientSecret)}
	default:
		return []string{
			"Address", c.URL, "Service account", c.Username, "Password: a ref", ref("password", c.Password), "Client ID", c.ClientID,
			"Client secret: a ref", ref("client_secret", c.ClientSecret),
		}
	}
}

const (
	hidden = " (hidden)" // at the end of a title: what is typed there is not shown
	enter  = "\r"
	down   = "\x1b[B"
)

// ways is how far down the wizard's list the way of a test stands.
func ways() map[string]int { return map[string]int{"okta": 1, "entra": 1} }

// answer fills in the wizard of a system, from its first question to what was found.
func (d *desktop) answer(term *terminal, c demofirm.Connection) {
	d.t.Helper()
	choose(term, c)
	term.press(enter)
	fill(term, d.answers(c))
}

// choose goes to where a secret's place is asked for.
func choose(term *terminal, c demofirm.Connection) {
	term.t.Helper()
	if n, several := ways()[c.System]; several {
		term.wait("How does rollcall sign in")
		term.press(strings.Repeat(down, n) + enter)
	}
	term.wait("Where is its secret kept?")
}

// fill types the answers, each after its title; what is hidden is shown as stars.
func fill(term *terminal, list []string) {
	term.t.Helper()
	term.wait("Have it at hand")
	term.press(enter)
	term.wait("Name of the connection")
	term.press(enter)
	for i := 0; i < len(list); i += 2 {
		term.wait(strings.TrimSuffix(list[i], hidden))
		term.press(list[i+1])
		if tail := list[i+1]; !strings.HasSuffix(list[i], hidden) {
			term.wait(tail[max(0, len(tail)-12):])
		} else {
			term.wait(strings.Repeat("*", len(tail)))
		}
		term.press(enter)
	}
}

// TestConnect: the wizard in a real terminal, for each directory against its simulator, from nothing to the roster.
func TestConnect(t *testing.T) {
	for _, name := range demofirm.Directories() {
		t.Run(name, func(t *testing.T) {
			running, err := demofirm.Serve(context.Background(), demofirm.Generate(demofirm.Options{Seed: 7, People: 120, Epoch: time.Now(), Directories: []string{name}}), demofirm.ServeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer running.Close()
			c := running.Connections()
			d := newDesktop(t)
			term := start(t, 100, 40, d.args("connect", name)...)
			d.answer(term, c.Connections[0])
			term.wait("Everything that is needed is there")
			term.press(enter)
			term.wait("Connections   1")
			term.press("a")
			term.wait("Which system is to be connected?")
			term.press(strings.Repeat(down, 4) + enter)
			d.answer(term, c.Connections[1])
			term.wait("Everything that is needed is there")
			term.press(enter)
			term.wait("Connections   2")
			term.press("o")
			screen := term.wait("Leavers")
			if !strings.Contains(screen, name+" 120") {
				t.Errorf("the roster is another one:\n%s", screen)
			}
			term.quit()
			for _, file := range []string{filepath.Join(d.config, "config.toml")} {
				info, err := os.Stat(file)
				if err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("%s: %v %v", file, info, err)
				}
			}
			out, code := command(t, d.args("doctor")...)
			if code != 0 || !strings.Contains(out, "0 missing") {
				t.Errorf("doctor: %d\n%s", code, out)
			}
			out, code = command(t, d.args("connect", "--remove", name)...)
			if code != 0 {
				t.Errorf("remove: %d %s", code, out)
			}
			if out, _ := command(t, d.args("connect", "--list")...); strings.Contains(out, name) || !strings.Contains(out, "imanage") {
				t.Errorf("after the removal: %s", out)
			}
		})
	}
}

// TestConnectSaysWhatToDo: a wrong secret, a missing right and a clock that is off are each said in words that tell what to do, for
// each directory; nothing is kept unless the operator says so.
func TestConnectSaysWhatToDo(t *testing.T) {
	words := map[string]map[string][2]string{
		"okta":     {"secret": {"okta refused the token", "Security, API, Tokens"}, "scope": {"may not read this", "Read-only Administrator"}},
		"entra":    {"secret": {"Entra refused the client secret", "Value, not its Secret ID"}, "scope": {"whether they are enabled does not", "User.Read.All"}},
		"google":   {"secret": {"the key is unknown", "check the key file"}, "scope": {"Domain-wide delegation", "user.readonly"}},
		"onelogin": {"secret": {"OneLogin refused the API credential", "Read Users"}, "scope": {"may not read this", "Read All"}},
	}
	for _, name := range demofirm.Directories() {
		for what, want := range map[string][2]string{"secret": words[name]["secret"], "scope": words[name]["scope"], "clock": {"clock is", "clock right"}} {
			t.Run(name+" "+what, func(t *testing.T) {
				options := demofirm.ServeOptions{}
				switch what {
				case "clock":
					options.Now = func() time.Time { return time.Now().Add(11 * time.Minute) }
				case "scope":
					options.Least = true
				}
				running, err := demofirm.Serve(context.Background(), demofirm.Generate(demofirm.Options{Seed: 7, People: 60, Epoch: time.Now(), Directories: []string{name}}), options)
				if err != nil {
					t.Fatal(err)
				}
				defer running.Close()
				c := running.Connections().Connections[0]
				if what == "secret" {
					c.Token, c.ClientSecret = "wrong-"+c.Token, "wrong-"+c.ClientSecret
					if c.Key != "" { // a key that nobody knows
						other, err := demofirm.Serve(context.Background(), demofirm.Generate(demofirm.Options{Seed: 8, People: 60, Epoch: time.Now(), Directories: []string{name}}), options)
						if err != nil {
							t.Fatal(err)
						}
						defer other.Close()
						c.Key = other.Connections().Connections[0].Key
					}
				}
				d := newDesktop(t)
				term := start(t, 120, 40, d.args("connect", name)...)
				d.answer(term, c)
				screen := flat(term.wait("Something is missing"))
				for _, w := range want {
					if !strings.Contains(screen, w) {
						t.Errorf("%q is not said:\n%s", w, screen)
					}
				}
				term.press(down + down + enter) // leave it
				term.wait("nothing was kept")
				term.quit()
				if _, err := os.Stat(filepath.Join(d.config, "config.toml")); err == nil {
					t.Error("something was kept")
				}
			})
		}
	}
}

// flat joins a screen's lines, so that a sentence that was wrapped is found.
func flat(screen string) string { return strings.Join(strings.Fields(screen), " ") }

// TestABrokenReadIsSaid: for each directory, a read that ends early, repeats, shrinks by half or answers 200 with nothing makes nobody a
// leaver, an orphan or a joiner; plan says why and exits 6, and so does the console.
func TestABrokenReadIsSaid(t *testing.T) {
	for _, name := range demofirm.Directories() {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // what takes long is the waiting before another try
			running, err := demofirm.Serve(context.Background(), demofirm.Generate(demofirm.Options{Seed: 7, People: 1400, Epoch: time.Now(), Directories: []string{name}}), demofirm.ServeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer running.Close()
			file := filepath.Join(t.TempDir(), "sim.json")
			w, err := os.Create(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := writeJSON(w, running.Connections()); err != nil {
				t.Fatal(err)
			}
			w.Close()
			state := filepath.Join(t.TempDir(), "state")
			args := []string{"plan", "--json", "--connections", file, "--state", state}
			first, code := command(t, args...)
			if code != 0 {
				t.Fatalf("%d: %.600s", code, first)
			}
			bench, faults := breakages(t, name, running)
			for what, f := range faults {
				bench.Inject(f)
				out, code := command(t, args...)
				bench.Clear()
				if code != exitUnproven || !strings.Contains(out, "was not proven complete: ") {
					t.Errorf("%s: exit %d: %s", what, code, tail(out))
				}
				for _, kind := range []string{"leaver", "orphan", "joiner"} {
					if had, has := strings.Count(first, `"kind": "`+kind+`"`), strings.Count(out, `"kind": "`+kind+`"`); has > had {
						t.Errorf("%s: %d of kind %s, %d before", what, has, kind, had)
					}
				}
				_, reason, _ := strings.Cut(out, "was not proven complete: ")
				reason, _, _ = strings.Cut(reason, "\n")
				t.Logf("%s: %s", what, reason)
			}
			for _, f := range faults {
				bench.Inject(f)
				break
			}
			term := start(t, 120, 30, "--connections", file, "--state", state)
			term.wait("not proven")
			term.wait("was not read whole")
			term.quit()
		})
	}
}

func tail(s string) string {
	s = strings.TrimSpace(s)
	return s[max(0, len(s)-260):]
}

// breakages are the faults of a listing of people.
func breakages(t *testing.T, name string, r *demofirm.Running) (*wiretest.Bench, map[string]wiretest.Fault) {
	t.Helper()
	bench, list := r.Listing(name)
	with := func(change func(*wiretest.Fault)) wiretest.Fault {
		f := list
		change(&f)
		return f
	}
	empty := map[string]string{"entra": `{"@odata.context":"x","value":[]}`, "google": `{"kind":"admin#directory#users"}`}
	if empty[name] == "" {
		empty[name] = "[]"
	}
	gone := map[string][]string{"Link": {""}, "After-Cursor": {""}, "Total-Count": {"0"}}
	return bench, map[string]wiretest.Fault{
		"ends early": with(func(f *wiretest.Fault) { f.Kind, f.Status, f.Skip = wiretest.Status, 500, 1 }),
		"is cut":     with(func(f *wiretest.Fault) { f.Kind, f.Skip = wiretest.CutBody, 1 }),
		"repeats": with(func(f *wiretest.Fault) {
			var kept []byte
			f.Kind = wiretest.Rewrite
			f.Rewrite = func(b []byte) []byte {
				if kept == nil {
					kept = append(kept, b...)
				}
				return kept
			}
		}),
		"shrinks by half": with(func(f *wiretest.Fault) {
			f.Kind, f.Header = wiretest.Rewrite, map[string][]string{"Total-Count": {""}}
			f.Rewrite = func(b []byte) []byte { return half(name, b) }
		}),
		"200 with nothing": with(func(f *wiretest.Fault) {
			f.Kind, f.Header = wiretest.Rewrite, gone
			f.Rewrite = func([]byte) []byte { return []byte(empty[name]) }
		}),
	}
}

// half leaves every other row of a page out; what it is a list of stays well formed.
func half(name string, body []byte) []byte {
	rows, list := map[string]any{}, []any{}
	key := map[string]string{"entra": "value", "google": "users"}[name]
	var err error
	if key == "" {
		err = json.Unmarshal(body, &list)
	} else if err = json.Unmarshal(body, &rows); err == nil {
		list, _ = rows[key].([]any)
	}
	if err != nil {
		return body
	}
	kept := []any{}
	for i, row := range list {
		if i%2 == 0 {
			kept = append(kept, row)
		}
	}
	if key == "" {
		return mustJSON(kept)
	}
	rows[key] = kept
	return mustJSON(rows)
}

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return data
}
