package credentials_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"rollcall/clients/credentials"
	"rollcall/provisioning"
)

func TestResolve(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Setenv("ROLLCALL_TEST_SECRET", "from-env")
	good, open, empty := write("good", "from-file\n", 0o600), write("open", "x", 0o644), write("empty", "\n", 0o600)
	for ref, want := range map[string]string{
		"env:ROLLCALL_TEST_SECRET": "from-env", "file:" + good: "from-file", "exec:echo from-command": "from-command",
	} {
		if runtime.GOOS == "windows" && strings.HasPrefix(ref, "exec:") {
			continue
		}
		secret, err := credentials.Resolve(ctx, ref)
		if err != nil || secret.Reveal() != want {
			t.Errorf("%s: %v", ref, err)
		}
	}
	for ref, code := range map[string]provisioning.Code{
		"env:ROLLCALL_TEST_NOTHING": provisioning.NotFound, "file:" + filepath.Join(dir, "none"): provisioning.NotFound,
		"file:" + open: provisioning.Denied, "file:" + empty: provisioning.NotFound, "file:" + dir: provisioning.Invalid,
		"the-secret-itself": provisioning.Invalid, "the-secret-itself:x": provisioning.Invalid, "vault:x": provisioning.Invalid, "keyring:noaccount": provisioning.Invalid,
		"exec:false": provisioning.Unavailable,
	} {
		if _, err := credentials.Resolve(ctx, ref); provisioning.CodeOf(err) != code {
			t.Errorf("%s: %v", ref, err)
		} else if strings.Contains(err.Error(), "the-secret-itself") {
			t.Errorf("the error repeats what was written: %v", err)
		}
	}
}

// TestNoBus: without a session bus the keyring is said to be unavailable, at once and with what to do.
func TestNoBus(t *testing.T) {
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	_, err := credentials.Resolve(context.Background(), "keyring:rollcall/okta")
	if runtime.GOOS == "linux" && (provisioning.CodeOf(err) != provisioning.Unavailable || !strings.Contains(err.Error(), "session bus")) {
		t.Errorf("%v", err)
	}
}

// TestVariableIsWithheld: a variable that a reference names is seen by no command that is started after it, and can be had again.
func TestVariableIsWithheld(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // there is no env
	}
	ctx, keeper := context.Background(), credentials.NewKeeper(nil)
	t.Setenv("ROLLCALL_TEST_WITHHELD", "canary-withheld")
	keeper.Withhold("file:ROLLCALL_TEST_WITHHELD") // no variable
	if os.Getenv("ROLLCALL_TEST_WITHHELD") == "" {
		t.Error("another reference took it")
	}
	keeper.Withhold("env:ROLLCALL_TEST_WITHHELD")
	if seen, err := keeper.Resolve(ctx, "exec:env"); err != nil || strings.Contains(seen.Reveal(), "canary-withheld") {
		t.Errorf("a command sees it (%v)", err)
	}
	for range 2 {
		if secret, err := keeper.Resolve(ctx, "env:ROLLCALL_TEST_WITHHELD"); err != nil || secret.Reveal() != "canary-withheld" {
			t.Errorf("%v", err)
		}
	}
}

// TestPlace: what kind of place a reference names is told, and what is no reference is not repeated.
func TestPlace(t *testing.T) {
	for ref, want := range map[string]string{
		"keyring:a/b": "keyring", "file:/x": "file", "env:X": "env", "exec:x y": "exec", "age:x": "age",
		"the-secret": "no reference", "the-secret:itself": "no reference", "file:": "no reference", "": "no reference",
	} {
		if got := credentials.Place(ref); got != want {
			t.Errorf("%s: %s", ref, got)
		}
	}
}

func TestKeyFromFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	first, err := credentials.KeyFromFile(path)
	if err != nil || len(first) != 32 {
		t.Fatal(err)
	}
	if again, err := credentials.KeyFromFile(path); err != nil || string(again) != string(first) {
		t.Errorf("the key changed: %v", err)
	}
}

// TestSecretIsNeverPrinted: every way in which Go makes text of a value gives a mark.
func TestSecretIsNeverPrinted(t *testing.T) {
	s := provisioning.NewSecret("canary-4711")
	type holder struct{ Token provisioning.Secret }
	encoded, err := json.Marshal(holder{s})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "token", s)
	for _, text := range []string{
		fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q %x %d", s, s, s, s, s, s, s), fmt.Sprintf("%v %+v %#v", holder{s}, holder{s}, &holder{s}), string(encoded), log.String(),
	} {
		if strings.Contains(text, "canary") || strings.Contains(text, "63616e617279") {
			t.Errorf("printed: %s", text)
		}
	}
}
