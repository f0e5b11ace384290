package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// simulate starts the demo firm's systems in a process of their own, and gives the file that tells how to reach them.
func simulate(t *testing.T, people int) (connections, state string) {
	t.Helper()
	dir := t.TempDir()
	connections, state = filepath.Join(dir, "connections.json"), filepath.Join(dir, "sim")
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := os.OpenFile(connections, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "sim", "--people", fmt.Sprint(people), "--state", state)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = out.Close()
	})
	for range 1000 {
		if data, err := os.ReadFile(connections); err == nil && json.Valid(data) && len(data) > 0 {
			return connections, state
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Fatal("the simulators did not start")
	return "", ""
}

// TestKilledAndResumed: the program is killed in the middle of a batch; the next console offers to resume it, reads back what is in
// doubt, and brings it to its end, and the systems show every effect exactly once.
func TestKilledAndResumed(t *testing.T) {
	connections, state := simulate(t, 1500)
	base := []string{"--connections", connections, "--state", filepath.Join(t.TempDir(), "desk")}
	plan := filepath.Join(t.TempDir(), "plan.json")
	if out, code := command(t, append([]string{"plan", "-o", plan, "--kind", "leaver,joiner,attribute,unconfigured"}, base...)...); code != 0 {
		t.Fatalf("plan: %d %s", code, out)
	}
	out, code := command(t, append([]string{"apply", plan}, base...)...)
	if code != exitHeld || !strings.Contains(out, "give --confirm") {
		t.Fatalf("apply without a confirmation: %d %s", code, out)
	}
	confirm := strings.Fields(out[strings.Index(out, "--confirm ")+len("--confirm "):])[0]
	victim := exec.Command(binary, append([]string{"apply", plan, "--confirm", confirm}, base...)...)
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	journal := filepath.Join(state, "demo-imanage.jsonl")
	for range 3000 { // until a few effects have taken place
		if data, err := os.ReadFile(journal); err == nil && bytes.Count(data, []byte("\n")) >= 12 {
			break
		}
		<-time.After(2 * time.Millisecond)
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = victim.Wait()
	before := len(effects(t, state))

	term := start(t, 120, 40, base...)
	term.wait("did not come to its end")
	term.press("\x1b[B\x1b[B\r") // not "leave it as it is", not "open it": resume
	screen := term.wait("done, by hand open")
	if strings.Contains(screen, "not done") {
		t.Errorf("something was not done:\n%s", screen)
	}
	term.quit()
	got := effects(t, state)
	for key, n := range got {
		if n != 1 && !strings.HasPrefix(key, "patch ") { // one person's attributes are several patches
			t.Errorf("%s took effect %d times", key, n)
		}
	}
	if before == 0 || before >= len(got) {
		t.Errorf("%d effects before the kill, %d after the resume: the kill met no batch", before, len(got))
	}
	if out, code := command(t, append([]string{"audit", "verify"}, base...)...); code != 0 {
		t.Errorf("verify: %d %s", code, out)
	}
	secrets(t, connections, filepath.Dir(connections), filepath.Join(base[3]))
}

// secrets looks for every made-up credential in everything that the program wrote: the store, its log, plans (threats E1).
func secrets(t *testing.T, connections string, folders ...string) {
	t.Helper()
	data, err := os.ReadFile(connections)
	if err != nil {
		t.Fatal(err)
	}
	var s setup
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	files := 0
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(file string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || file == connections {
				return err
			}
			files++
			content, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			for _, c := range s.Connections {
				for _, secret := range []string{c.Token, c.Password, c.ClientSecret} {
					if secret != "" && bytes.Contains(content, []byte(secret)) {
						t.Errorf("%s holds a credential of %s", file, c.Name)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 3 {
		t.Errorf("only %d files were looked at", files)
	}
}

// TestReadme: the configuration and the policy that the README shows are what the program takes, key by key.
func TestReadme(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, part := range strings.Split(string(data), "```toml\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		blocks = append(blocks, block)
	}
	if len(blocks) != 2 {
		t.Fatalf("%d TOML blocks", len(blocks))
	}
	dir := t.TempDir()
	for i, name := range []string{"config.toml", "policy.toml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(blocks[i]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, code := command(t, "sync", "--config", dir, "--state", t.TempDir())
	// Every key was taken: what is missing is the keyring, or what the keyring should hold.
	if code != exitFailed || strings.Contains(out, "no such key") || !strings.Contains(out, "keyring") {
		t.Errorf("%d %s", code, out)
	}
	// Every key is named somewhere in the README, which is where an error sends whoever mistyped one.
	for _, table := range []reflect.Type{reflect.TypeFor[setup](), reflect.TypeFor[operator](), reflect.TypeFor[connection](), reflect.TypeFor[fieldNames](), reflect.TypeFor[notifyRules](), reflect.TypeFor[hook](), reflect.TypeFor[mailRules]()} {
		for i := range table.NumField() {
			key, _, _ := strings.Cut(table.Field(i).Tag.Get("toml"), ",")
			if key != "-" && !regexp.MustCompile("(?m)(`"+key+"`|^\\[*"+key+"\\b)").Match(data) {
				t.Errorf("the README does not name the key %s", key)
			}
		}
	}
	// What is wrong is told with its line, its column and what was likely meant.
	for _, broken := range [][3]string{
		{"firm =", "frim =", "config.toml:1:1: no such key: frim (did you mean firm?)"},
		{"on_prem       = false", "on_prem = \"no\"", "config.toml:44:11: connection.on_prem: here stands a TOML string, and true or false is wanted"},
		{"tenant        =", "tenat =", "config.toml:32:1: no such key: connection.tenat (did you mean tenant?)"},
		{"sso_name =", "sso_nam =", "config.toml:26:1: no such key: connection.fields.sso_nam (did you mean sso_name?)"},
		{"role      =", "roll =", "no such key: operator.jdoe.roll (did you mean role?)"},
		{"phone = [", "fone = [", "prefer: there is no attribute called fone"},
		{"[\"entra\", ", "[\"entrance\", ", "prefer: there is no connection called entrance"},
		{"office   =", "type =", "connection okta: okta has no use for the field type"},
	} {
		text := strings.Replace(blocks[0], broken[0], broken[1], 1)
		if text == blocks[0] {
			t.Fatalf("%s does not stand in the README", broken[0])
		}
		if err := os.WriteFile(filepath.Join(dir, "config.toml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, code := command(t, "sync", "--config", dir, "--state", t.TempDir()); code != exitUsage || !strings.Contains(out, broken[2]) {
			t.Errorf("%d %s, want %s", code, out, broken[2])
		}
	}
}

// TestExitCodes: the codes that the README promises.
func TestExitCodes(t *testing.T) {
	state := t.TempDir()
	demo := func(args ...string) []string { return append(args, "--demo", "--people", "60", "--state", state) }
	for name, c := range map[string]struct {
		args []string
		want int
	}{
		"done":         {demo("sync"), exitDone},
		"failed":       {demo("who", "nobodyiscalledthis"), exitFailed},
		"usage":        {[]string{"sync", "--no-such-flag"}, exitUsage},
		"a bad kind":   {demo("plan", "--kind", "nonsense"), exitUsage},
		"no config":    {[]string{"sync", "--config", t.TempDir(), "--state", t.TempDir()}, exitUsage},
		"differences":  {demo("plan", "--detailed-exitcode"), exitDifferences},
		"no such plan": {demo("apply", "/nonexistent"), exitUsage},
	} {
		if out, code := command(t, c.args...); code != c.want {
			t.Errorf("%s: %d, want %d: %s", name, code, c.want, out)
		}
	}
}
