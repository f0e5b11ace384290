package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"

	"rollcall/clients/demofirm"
	"rollcall/clients/wire/wiretest"
	"rollcall/tui"
	"rollcall/tui/connect"
)

// The positive controls: what is no secret and must be found, and a secret that the test itself puts down.
const (
	known   = "the name of the document system"
	planted = "a planted canary"
)

// servedFirm serves a firm in every system.
func servedFirm(t *testing.T, seed uint64, people int) *demofirm.Running {
	t.Helper()
	firm := demofirm.Generate(demofirm.Options{Seed: seed, People: people, Epoch: time.Now(), Directories: demofirm.Directories()})
	running, err := demofirm.Serve(context.Background(), firm, demofirm.ServeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Close)
	return running
}

// credentialsOf are the secrets of a connection by their keys.
func credentialsOf(c demofirm.Connection) map[string]string {
	all := map[string]string{"token": c.Token, "client_secret": c.ClientSecret, "password": c.Password, "key": c.Key}
	for key, value := range all {
		if value == "" {
			delete(all, key)
		}
	}
	return all
}

// addAll adds a firm's credentials.
func (h *hunt) addAll(whose string, list []demofirm.Connection) {
	h.t.Helper()
	for _, c := range list {
		for key, value := range credentialsOf(c) {
			h.add(whose+c.Name+"'s "+key, value)
			if key == "key" {
				var v struct {
					PrivateKey string `json:"private_key"`
				}
				if err := json.Unmarshal([]byte(value), &v); err != nil || v.PrivateKey == "" {
					h.t.Fatalf("the key of %s holds no private_key: %v", c.Name, err)
				}
				h.addKey(whose+c.Name+"'s private key", v.PrivateKey)
			}
		}
	}
}

// configure writes a config.toml and its policy, in which refer names where each secret lives.
func (d *desktop) configure(c demofirm.Connections, refer func(c demofirm.Connection, key, value string) string) {
	d.t.Helper()
	me, err := user.Current()
	if err != nil {
		d.t.Fatal(err)
	}
	for _, dir := range []string{d.config, d.state} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			d.t.Fatal(err)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "firm = %q\nrecord_key = %q\n\n[operator.%q]\nname = %q\ndirectory = %q\nperson = %q\naccount = %q\nrole = %q\n\n", c.Firm,
		"file:"+filepath.Join(d.state, "record.key"), me.Username, c.Operator.Name, c.Operator.Directory, c.Operator.Person, c.Operator.Account, c.Operator.Role)
	for _, one := range c.Connections {
		text := connection{
			Name: one.Name, System: one.System, URL: one.URL, Username: one.Username, ClientID: one.ClientID, SignIn: one.SignIn, Tenant: one.Tenant,
			LoginURL: one.LoginURL, Subject: one.Subject, Fields: fieldsOf(one.Fields), Loopback: true,
		}
		if one.System == "imanage" {
			text.Settle, text.PerSecond = "200ms", demoRate
		}
		for key, value := range credentialsOf(one) {
			for _, s := range secretsOf(&text) {
				if s.key == key {
					*s.value = refer(one, key, value)
				}
			}
		}
		lines, err := block(text)
		if err != nil {
			d.t.Fatal(err)
		}
		b.Write(lines)
		b.WriteByte('\n')
	}
	for name, text := range map[string]string{"config.toml": b.String(), "policy.toml": c.Policy} {
		if err := os.WriteFile(filepath.Join(d.config, name), []byte(text), 0o600); err != nil {
			d.t.Fatal(err)
		}
	}
}

// inFile refers to a file for every secret.
func (d *desktop) inFile(c demofirm.Connection, key, value string) string {
	return d.secret(c.Name+"-"+key, value)
}

// run runs a command and keeps what it said.
func (h *hunt) run(place, in string, args ...string) (string, int) {
	cmd := exec.Command(binary, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Stdin = &out, &out, strings.NewReader(in)
	if err := cmd.Run(); cmd.ProcessState == nil {
		h.t.Errorf("%v: %v", args, err)
		return "", -1
	}
	h.keep("output", place+": "+strings.Join(args, " "), out.Bytes())
	return out.String(), cmd.ProcessState.ExitCode()
}

// console is the walk of TestWalk in a firm of four directories, and the connections examined on the way.
func (h *hunt) console(d *desktop) {
	h.t.Helper()
	term := start(h.t, 120, 40, d.args("--debug-http", d.trace("console"))...)
	term.wait("Leavers")
	h.process("the console", term.cmd.Process.Pid, true)
	term.press("C")
	term.wait("Connections   5")
	for i := range 5 {
		term.press("t")
		for range 3000 { // until this one was examined
			if strings.Count(term.screen(), "not examined yet") == 4-i {
				break
			}
			<-time.After(10 * time.Millisecond)
		}
		term.wait("reached")
		term.press(down)
	}
	term.press("\x1b")
	term.wait("Leavers")
	<-time.After(100 * time.Millisecond) // a lone escape is told from a sequence by the time after it
	term.press("/barn")
	term.wait("2 of ")
	term.press("\r")
	term.wait("Tom Barnes left")
	term.press("\r")
	term.wait("believed")
	term.press("s")
	term.wait("staged: ")
	term.press("b")
	term.wait("lose access: 1")
	term.press("c")
	term.wait("type 1 and press enter")
	<-time.After(200 * time.Millisecond) // a person reads before typing: the dialog takes no key in its first moment
	term.press("1\r")
	term.wait("done, by hand open")
	h.process("the console after a commit", term.cmd.Process.Pid, true)
	term.quit()
	h.keep("output", "the console", term.stream())
}

// stream is every byte that was drawn.
func (term *terminal) stream() []byte {
	term.mu.Lock()
	defer term.mu.Unlock()
	return slices.Clone(term.said)
}

func (d *desktop) trace(name string) string { return filepath.Join(d.state, "trace-"+name+".log") }

// commands runs every command, with references of every kind.
func (h *hunt) commands(d *desktop, served demofirm.Connections, okta *wiretest.Bench, seen string) {
	t := h.t
	t.Helper()
	vault := filepath.Join(filepath.Dir(d.config), "vault.sh")
	script := "#!/bin/sh\nenv >>'" + seen + "'\ncat \"/proc/$PPID/cmdline\" >>'" + seen + "' 2>/dev/null\ncat \"$1\"\n"
	if err := os.WriteFile(vault, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	d.configure(served, func(c demofirm.Connection, key, value string) string {
		switch place := c.Name + " " + key; {
		case place == "okta token", place == "imanage password":
			name := "ROLLCALL_TEST_" + strings.ToUpper(c.Name)
			t.Setenv(name, value)
			return "env:" + name
		case place == "onelogin client_secret" && runtime.GOOS != "windows":
			return "exec:" + vault + " " + strings.TrimPrefix(d.secret("vault", value), "file:")
		default:
			return d.inFile(c, key, value)
		}
	})
	plan := filepath.Join(d.state, "plan.json")
	want := func(code int, args ...string) string {
		out, got := h.run("well", "", d.args(append(args, "--debug-http", d.trace("commands"))...)...)
		if got != code {
			t.Errorf("%v: exit %d, want %d: %s", args, got, code, tail(out))
		}
		return out
	}
	want(exitDone, "doctor")
	want(exitDone, "doctor", "--json")
	want(exitDone, "sync")
	want(exitDone, "sync", "--json", "--whole")
	want(exitDone, "plan", "--json")
	want(exitDone, "plan", "-o", plan, "--kind", "attribute")
	out := want(exitHeld, "apply", plan)
	_, rest, ok := strings.Cut(out, "--confirm ")
	if !ok {
		t.Fatalf("apply asks for nothing: %s", out)
	}
	if out := want(exitDone, "apply", plan, "--confirm", strings.Fields(rest)[0]); !strings.Contains(out, " 0 not done") || strings.Contains(out, " 0 confirmed") {
		t.Errorf("apply: %s", out)
	}
	want(exitDone, "who", "barnes")
	want(exitDone, "who", "barnes", "--json")
	want(exitDone, "audit", "list", "--json", "--limit", "0")
	want(exitDone, "audit", "list")
	want(exitDone, "audit", "verify")
	want(exitDone, "audit", "verify", "--json")
	want(exitDone, "connect", "--list")
	want(exitDone, "connect", "--list", "--json")
	want(exitDone, "version")
	const rotated = "rotated-ny7Qd02mvk+/x"
	h.add("a secret from standard input", rotated)
	if out, code := h.run("well", rotated, d.args("connect", "--rotate", "okta", "--secret-stdin")...); code != exitUsage {
		t.Errorf("rotate: %d %s", code, out)
	}
	// One is brought down in the middle of its work. Its own environment holds what the test put there; that of what it started must not.
	okta.Inject(wiretest.Fault{Kind: wiretest.Hang})
	defer okta.Clear()
	before := len(okta.Log())
	cmd := exec.Command(binary, d.args("sync", "--debug-http", d.trace("crash"))...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.Env = append(os.Environ(), "GOTRACEBACK=crash")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if h.process("a command", cmd.Process.Pid, false); len(okta.Log()) > before || runtime.GOOS == "windows" {
			break
		}
		<-time.After(5 * time.Millisecond)
		if fileSize(d.trace("crash")) > 4000 {
			break
		}
	}
	if err := cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		_ = cmd.Process.Kill()
	}
	_ = cmd.Wait()
	h.keep("output", "a command that was brought down", said.Bytes())
	if texts := crashFiles(t, d.state); runtime.GOOS != "windows" && (len(texts) != 1 || !strings.Contains(texts[0], "goroutine ")) {
		t.Errorf("%d crash files", len(texts))
	}
}

func fileSize(file string) int64 {
	info, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return info.Size()
}

// odd is what a secret may be made of: signs that every way of writing text writes in its own way.
const odd = `"\<&+/%=é; `

// tries is how many attempts a read is given, and one more: the first read fails for good, and the rest does not take minutes.
const tries = 7

// failures are the ways in which the connections fail, each with a firm, a configuration and a state of its own.
func (h *hunt) failures() map[string]func(t *testing.T) {
	every := func(fault wiretest.Fault) func(t *testing.T) {
		return func(t *testing.T) {
			r := servedFirm(t, 7, 60)
			h.fails(t, r, r.Connections(), nil, fault)
		}
	}
	return map[string]func(t *testing.T){
		"400":         every(wiretest.Fault{Kind: wiretest.Status, Status: http.StatusBadRequest}),
		"401":         every(wiretest.Fault{Kind: wiretest.Status, Status: http.StatusUnauthorized}),
		"403 later":   every(wiretest.Fault{Kind: wiretest.Status, Status: http.StatusForbidden, Skip: 3}),
		"500":         every(wiretest.Fault{Kind: wiretest.Status, Status: http.StatusInternalServerError, Times: tries}),
		"reset":       every(wiretest.Fault{Kind: wiretest.ResetBefore, Times: tries}),
		"reset later": every(wiretest.Fault{Kind: wiretest.ResetAfter, Skip: 2, Times: tries}),
		"HTML":        every(wiretest.Fault{Kind: wiretest.HTML, Times: tries}),
		"HTML later":  every(wiretest.Fault{Kind: wiretest.HTML, Skip: 2, Times: tries}),
		"wrong secrets": func(t *testing.T) {
			r := servedFirm(t, 7, 60)
			h.fails(t, r, h.wrong(t, r, "wrong", odd), nil)
		},
		"wrong secrets, plain": func(t *testing.T) {
			r := servedFirm(t, 7, 60)
			h.fails(t, r, h.wrong(t, r, "plain", "-"), nil)
		},
		"broken secrets": func(t *testing.T) {
			r := servedFirm(t, 7, 60)
			c := h.wrong(t, r, "broken", "\n\x01")
			for i := range c.Connections {
				if key := c.Connections[i].Key; key != "" {
					c.Connections[i].Key = key[:len(key)-20]
				}
			}
			h.fails(t, r, c, nil)
		},
		"secrets that servers repeat": func(t *testing.T) {
			r := servedFirm(t, 7, 60)
			c := h.wrong(t, r, "repeated", "-")
			var all []string
			for _, one := range c.Connections {
				if one.Key == "" {
					for _, value := range credentialsOf(one) {
						all = append(all, value)
					}
				}
			}
			body := func([]byte) []byte {
				s := strings.Join(all, " ")
				return mustJSON(map[string]any{
					"errorCode": s, "errorSummary": s, "message": s, "error": map[string]any{"code": s, "message": s, "errors": []any{map[string]any{"reason": s}}},
					"error_description": s, "name": s, "statusCode": s, s: s,
				})
			}
			h.fails(t, r, c, nil, wiretest.Fault{Kind: wiretest.Rewrite, Rewrite: body})
		},
		"secrets in the place of references": func(t *testing.T) {
			r := servedFirm(t, 7, 60)
			h.fails(t, r, h.wrong(t, r, "written", "-"), func(_ demofirm.Connection, _, value string) string { return value })
		},
	}
}

// wrong makes every secret another one, which is hunted for as well.
func (h *hunt) wrong(t *testing.T, r *demofirm.Running, whose, signs string) demofirm.Connections {
	t.Helper()
	c := r.Connections()
	for i := range c.Connections {
		one := &c.Connections[i]
		for n, value := range []*string{&one.Token, &one.ClientSecret, &one.Password} {
			if *value != "" {
				*value = fmt.Sprintf("%s%s%d%dnQx8%s%s", whose, signs, i, n, one.Name, signs) + "v5Jt"
			}
		}
		if one.Key != "" {
			one.Key = servedFirm(t, 8, 60).Connections().Connections[2].Key
		}
	}
	h.addAll(whose+" ", c.Connections)
	return c
}

// fails runs the commands that reach the systems, and one console, and looks at what they leave.
func (h *hunt) fails(t *testing.T, r *demofirm.Running, c demofirm.Connections, refer func(demofirm.Connection, string, string) string, faults ...wiretest.Fault) {
	t.Helper()
	dir := filepath.Join(h.base, strings.NewReplacer("/", "-", " ", "-", ",", "").Replace(t.Name()))
	d := &desktop{t, filepath.Join(dir, "config"), filepath.Join(dir, "state")}
	written := refer != nil
	if !written {
		refer = d.inFile
	}
	d.configure(c, refer)
	place := t.Name()
	for _, args := range [][]string{{"doctor"}, {"sync"}, {"plan", "--json"}, {"connect", "--list"}, {"connect", "--list", "--json"}, {"audit", "list", "--json", "--limit", "0"}} {
		if args[0] != "connect" && args[0] != "audit" {
			args = append(args, "--debug-http", d.trace("failing"))
			for _, bench := range benches(r) {
				bench.Clear()
				bench.Inject(faults...)
			}
		}
		if out, code := h.run(place, "", d.args(args...)...); code == exitDone && (args[0] == "doctor" || args[0] == "sync") {
			t.Errorf("%v did not fail: %s", args, out)
		}
	}
	for _, bench := range benches(r) {
		bench.Clear()
	}
	term := start(t, 110, 36, d.args()...)
	term.press("C")
	term.wait("Connections   5")
	term.quit()
	h.keep("output", place+": the console", term.stream())
	h.tokens(r)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.folders = append(h.folders, d.state); !written { // else the operator's own words stand in the configuration
		h.folders = append(h.folders, d.config)
	}
}

// keyringed is the configuration as the wizard sees it, on a machine that has a keyring until a secret is to be kept in it.
type keyringed struct{ *setupFile }

func (keyringed) Places(context.Context) []connect.Place {
	return []connect.Place{{Name: "keyring", Title: "this computer's keyring"}}
}

// wizard types secrets in, a wrong one and the right one; neither is shown, and a keyring that is not there is told without them.
func (h *hunt) wizard(served demofirm.Connections) {
	t := h.t
	t.Helper()
	dir := filepath.Join(h.base, "wizard")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	h.folders = append(h.folders, dir)
	const wrong = "typed-wrong-8Kq0Zt3m"
	h.add("a wrong secret that was typed", wrong)
	for _, secret := range []string{wrong, served.Connections[0].Token} {
		master, tty, err := pty.Open()
		if err != nil {
			t.Fatal(err)
		}
		if err := pty.Setsize(master, &pty.Winsize{Rows: 36, Cols: 110}); err != nil {
			t.Fatal(err)
		}
		term := &terminal{t: t, file: master, emulator: vt.NewSafeEmulator(110, 36)}
		term.read()
		setup := keyringed{newSetupFile(&flags{config: filepath.Join(dir, "config"), state: filepath.Join(dir, "state")})}
		ended := make(chan error, 1)
		go func() {
			_, err := tui.Run(context.Background(), tui.Deps{Setup: setup, Connect: "okta"}, tea.WithInput(tty), tea.WithOutput(tty), tea.WithEnvironment([]string{"TERM=xterm-256color"}))
			ended <- err
		}()
		term.wait("How does rollcall sign in")
		term.press(down + enter)
		term.wait("Where is its secret kept?")
		term.press(enter)
		term.wait("Have it at hand")
		term.press(enter)
		term.wait("Name of the connection")
		term.press(enter)
		term.wait("Address")
		term.press(served.Connections[0].URL + enter)
		term.wait("API token")
		term.press(secret)
		term.wait(strings.Repeat("*", len(secret)))
		term.press(enter)
		if secret == wrong {
			term.wait("Something is missing")
			term.press(down + enter) // keep it all the same
		} else {
			term.wait("Everything that is needed is there")
			term.press(enter)
		}
		term.wait("session bus")
		term.press("y") // copies the error
		term.wait("copied")
		term.press("\x03")
		if err := <-ended; err != nil {
			t.Error(err)
		}
		tty.Close()
		master.Close()
		_ = term.emulator.Close()
		term.reading.Wait()
		h.keep("output", "the wizard", term.stream())
	}
}

// TestNoSecretIsWritten: every way through the program, well and failing, with credentials that look like nothing else; and none of them
// stands in what the program says, on its screen, in its files, in its arguments, or in the environment of what it starts.
func TestNoSecretIsWritten(t *testing.T) {
	h := newHunt(t)
	h.base = t.TempDir()
	running := servedFirm(t, 7, 300)
	served := running.Connections()
	h.addAll("", served.Connections)
	h.add(known, served.Connections[len(served.Connections)-1].Username)
	h.add(known, "deprovisioned")
	d := newDesktop(t)

	// The console, with references to files alone: nothing of its environment is secret.
	d.configure(served, d.inFile)
	h.console(d)
	// The commands, with references of every kind. What a vault's command sees of us it puts down by itself.
	seen := filepath.Join(filepath.Dir(d.config), "seen")
	h.commands(d, served, running.Okta.Bench(), seen)
	h.tokens(running)
	h.wizard(served)
	t.Run("failures", func(t *testing.T) {
		var all sync.WaitGroup // they wait more than they work: all at once, whatever the number of cores
		for what, fail := range h.failures() {
			all.Go(func() { t.Run(what, fail) })
		}
		all.Wait()
	})

	record, err := os.ReadFile(filepath.Join(d.state, "record.key"))
	if err != nil {
		t.Fatal(err)
	}
	h.add("the record's key", strings.TrimSpace(string(record)))
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(record)))
	if err != nil {
		t.Error(err)
	}
	h.add("the record's key, decoded", string(raw))
	h.lookAt()
	for _, dir := range append(h.folders, d.config, d.state) {
		h.folder(dir, filepath.Join(d.state, "record.key"))
	}
	if data, err := os.ReadFile(seen); err == nil {
		h.look("environment of a vault's command", seen, data)
	} else if runtime.GOOS != "windows" {
		t.Error(err)
	}
	h.controls()
}
