//go:build secretservice

package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/clients/credentials"
	"rollcall/clients/demofirm"
	"rollcall/provisioning"
)

// TestConnectKeepsInTheKeyring: from nothing to the roster with a real keyring: what is typed is hidden and kept there, a key file too,
// config.toml holds references alone, a secret is rotated from standard input after it was tried, and what is removed is gone.
func TestConnectKeepsInTheKeyring(t *testing.T) {
	running, err := demofirm.Serve(context.Background(), demofirm.Generate(demofirm.Options{Seed: 7, People: 120, Epoch: time.Now(), Directories: []string{"google", "onelogin"}}), demofirm.ServeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	c := running.Connections().Connections
	dir := t.TempDir()
	d := &desktop{t, filepath.Join(dir, "config"), filepath.Join(dir, "state")}
	key := filepath.Join(dir, "key.json")
	if err := os.WriteFile(key, []byte(c[0].Key), 0o600); err != nil {
		t.Fatal(err)
	}
	answers := [][]string{
		{"Administrator's address", c[0].Subject, "Service account key (JSON)", key, "The API's address", c[0].URL, "Sign-in's address", c[0].LoginURL},
		{"Address", c[1].URL, "Client ID", c[1].ClientID, "Client Secret" + hidden, c[1].ClientSecret},
		{
			"Address", c[2].URL, "Service account", c[2].Username, "Password" + hidden, c[2].Password, "Client ID", c[2].ClientID,
			"Client secret" + hidden, c[2].ClientSecret,
		},
	}
	term := start(t, 100, 40, d.args("connect")...)
	for i, place := range []int{2, 3, 4} {
		term.wait("Connections   " + string(rune('0'+i)))
		term.press("a")
		term.wait("Which system is to be connected?")
		term.press(strings.Repeat(down, place) + enter)
		choose(term, c[i])
		term.wait("▸ this computer's keyring")
		term.press(enter)
		fill(term, answers[i])
		term.wait("Everything that is needed is there")
		term.press(enter)
	}
	term.wait("Connections   3")
	if err := os.Remove(key); err != nil { // it may be deleted once it is kept
		t.Fatal(err)
	}
	term.press("o")
	term.wait("Leavers")
	term.quit()

	secrets := map[string]string{
		"keyring:rollcall/google-key": c[0].Key, "keyring:rollcall/onelogin-client_secret": c[1].ClientSecret,
		"keyring:rollcall/imanage-password": c[2].Password, "keyring:rollcall/imanage-client_secret": c[2].ClientSecret,
	}
	config, err := os.ReadFile(filepath.Join(d.config, "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	for ref, secret := range secrets {
		kept, err := credentials.Resolve(context.Background(), ref)
		if err != nil || kept.Reveal() != secret || !strings.Contains(string(config), ref) || strings.Contains(string(config), secret) {
			t.Errorf("%s: %v", ref, err)
		}
	}
	if out, code := command(t, d.args("doctor")...); code != exitDone || !strings.Contains(out, "0 missing") {
		t.Errorf("doctor: %d\n%s", code, out)
	}

	rotate := func(secret string) (string, int) {
		cmd := exec.Command(binary, d.args("connect", "--rotate", "onelogin", "--secret-stdin")...)
		cmd.Stdin = strings.NewReader(secret + "\n")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		_ = cmd.Run()
		return out.String(), cmd.ProcessState.ExitCode()
	}
	if out, code := rotate("a-wrong-secret"); code != exitFailed || !strings.Contains(out, "was tried and not kept") || strings.Contains(out, "a-wrong-secret") {
		t.Errorf("a wrong one: %d %s", code, out)
	}
	if out, code := rotate(c[1].ClientSecret); code != exitDone {
		t.Errorf("the right one: %d %s", code, out)
	}
	for _, name := range []string{"google", "onelogin", "imanage"} {
		if out, code := command(t, d.args("connect", "--remove", name)...); code != exitDone {
			t.Errorf("remove %s: %d %s", name, code, out)
		}
	}
	for ref := range secrets {
		if _, err := credentials.Resolve(context.Background(), ref); provisioning.CodeOf(err) != provisioning.NotFound {
			t.Errorf("%s is still there: %v", ref, err)
		}
	}
}
