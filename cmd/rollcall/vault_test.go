package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollcall/clients/demofirm"
)

// TestVault: secrets under a passphrase, from the wizard to the roster; the next start asks for it, a wrong one is said, a machine at
// which nobody sits takes it from where the configuration says, and what is removed is gone from the file.
func TestVault(t *testing.T) {
	running, err := demofirm.Serve(context.Background(), demofirm.Generate(demofirm.Options{Seed: 7, People: 60, Epoch: time.Now(), Directories: []string{"okta"}}), demofirm.ServeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	c := running.Connections().Connections
	d := newDesktop(t)
	const phrase = "otter canal amber seven"

	term := start(t, 100, 40, d.args("connect", "okta")...)
	choose(term, c[0])
	term.press(down + enter)
	term.wait("A passphrase for the file of secrets")
	term.press("short" + enter)
	term.wait("at least 12 characters")
	term.press(strings.Repeat("\x7f", 5) + phrase + enter + "otter canal amber eight" + enter)
	term.wait("it is not the same")
	term.press(strings.Repeat("\x7f", 23) + phrase + enter)
	fill(term, []string{"Address", c[0].URL, "API token" + hidden, c[0].Token})
	term.wait("Everything that is needed is there")
	term.press(enter)
	term.wait("Connections   1")
	term.press("a")
	term.wait("Which system is to be connected?")
	term.press(strings.Repeat(down, 4) + enter)
	choose(term, c[1])
	term.press(down + enter) // it is unlocked: the passphrase is not asked for again
	fill(term, []string{
		"Address", c[1].URL, "Service account", c[1].Username, "Password" + hidden, c[1].Password, "Client ID", c[1].ClientID,
		"Client secret" + hidden, c[1].ClientSecret,
	})
	term.wait("Everything that is needed is there")
	term.press(enter)
	term.wait("Connections   2")
	term.press("o")
	term.wait("Leavers")
	term.quit()

	vault := filepath.Join(d.config, vaultName)
	for _, file := range []string{vault, filepath.Join(d.config, "config.toml")} {
		data, err := os.ReadFile(file)
		info, errStat := os.Stat(file)
		if err != nil || errStat != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%s: %v %v", file, err, errStat)
		}
		for _, secret := range []string{c[0].Token, c[1].Password, c[1].ClientSecret, phrase} {
			if strings.Contains(string(data), secret) {
				t.Errorf("%s holds a secret", file)
			}
		}
	}

	term = start(t, 100, 40, d.args()...)
	term.wait("Passphrase of " + vault)
	term.press("another passphrase" + enter)
	term.wait("the passphrase does not open the vault")
	term.press(phrase + enter) // it is asked for again
	if screen := term.wait("Leavers"); strings.Contains(screen, "otter") {
		t.Error("the passphrase stands on the screen")
	}
	term.quit()

	out, code := command(t, d.args("doctor")...)
	if code != exitFailed || !strings.Contains(out, "is locked") || !strings.Contains(out, "passphrase = ") {
		t.Errorf("without a terminal: %d %s", code, out)
	}
	config := filepath.Join(d.config, "config.toml")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	text = append([]byte("passphrase = '"+d.secret("phrase", phrase+"\n")+"'\n"), text...)
	if err := os.WriteFile(config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := command(t, d.args("doctor")...); code != exitDone || !strings.Contains(out, "0 missing") {
		t.Errorf("with the passphrase in a file: %d %s", code, out)
	}
	before, err := os.Stat(vault)
	if err != nil {
		t.Fatal(err)
	}
	if out, code := command(t, d.args("connect", "--remove", "imanage")...); code != exitDone {
		t.Errorf("remove: %d %s", code, out)
	}
	after, err := os.Stat(vault)
	if err != nil || after.Size() >= before.Size() {
		t.Errorf("nothing was taken out of the vault: %v", err)
	}
}

// TestConnectByDevice: an operator connects Entra by signing in on another page: the code is shown, what the sign-in gives is kept where
// rollcall may renew it, and the next start reads by it.
func TestConnectByDevice(t *testing.T) {
	running, err := demofirm.Serve(context.Background(), demofirm.Generate(demofirm.Options{Seed: 7, People: 60, Epoch: time.Now(), Directories: []string{"entra"}}), demofirm.ServeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	c := running.Connections().Connections[0]
	d := newDesktop(t)
	const phrase = "otter canal amber seven"
	term := start(t, 100, 40, d.args("connect", "entra")...)
	term.wait("How does rollcall sign in")
	term.press(down + down + enter)
	screen := term.wait("Where is its secret kept?")
	if strings.Contains(screen, "elsewhere") {
		t.Error("a sign-in that renews itself cannot be kept where rollcall may not write")
	}
	term.press(down + enter)
	term.wait("A passphrase for the file of secrets")
	term.press(phrase + enter + phrase + enter)
	fill(term, []string{"Directory (tenant) ID", c.Tenant, "Application (client) ID", c.ClientID, "Graph's address", c.URL, "Sign-in's address", c.LoginURL})
	screen = term.wait("type the code there")
	if !strings.Contains(screen, "/deviceauth") || !regexp.MustCompile(`(?m)^ +[A-Z0-9]{9} *$`).MatchString(screen) {
		t.Errorf("where to go and what to type:\n%s", screen)
	}
	running.Entra.ApproveDevices()
	screen = term.wait("Everything that is needed is there")
	if !strings.Contains(screen, "by device sign-in") {
		t.Errorf("how it signs in:\n%s", screen)
	}
	term.press(enter)
	term.wait("Connections   1")
	term.quit()
	config, err := os.ReadFile(filepath.Join(d.config, "config.toml"))
	if err != nil || !strings.Contains(string(config), "refresh = 'age:rollcall/entra-refresh'") {
		t.Errorf("%v %s", err, config)
	}
	for range 2 { // each start uses the refresh token up, and keeps the next one
		term = start(t, 100, 40, d.args("connect")...)
		term.wait("Passphrase of")
		term.press(phrase + enter)
		term.wait("Connections   1")
		term.press("t")
		term.wait("by device sign-in")
		term.quit()
	}
}
