//go:build secretservice

package credentials_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/clients/credentials"
	"rollcall/provisioning"
)

// childWork tells the other process of this test what to do.
const childWork = "ROLLCALL_TEST_CHILD"

// TestSecretService keeps, reads, replaces and deletes secrets in a real keyring, and locks it in the end: the order counts.
func TestSecretService(t *testing.T) {
	t.Run("round trip", roundTrip)
	t.Run("parts", partsRoundTrip)
	t.Run("too large", tooLarge)
	t.Run("at once", atOnce)
	t.Run("no bus", noBus)
	t.Run("locked", locked)
}

func roundTrip(t *testing.T) {
	ctx := context.Background()
	for _, value := range []string{"first", "second", strings.Repeat("long", 2000)} {
		if err := credentials.Store(ctx, "rollcall-test/okta", provisioning.NewSecret(value)); err != nil {
			t.Fatal(err)
		}
		secret, err := credentials.Resolve(ctx, "keyring:rollcall-test/okta")
		if err != nil || secret.Reveal() != value {
			t.Fatalf("read back %d bytes, %v", len(secret.Reveal()), err)
		}
	}
	if err := credentials.Delete(ctx, "rollcall-test/okta"); err != nil {
		t.Fatal(err)
	}
	if _, err := credentials.Resolve(ctx, "keyring:rollcall-test/okta"); provisioning.CodeOf(err) != provisioning.NotFound {
		t.Fatalf("after the deletion: %v", err)
	}
	first, err := credentials.KeyFromKeyring(ctx, "rollcall-test/record")
	if err != nil {
		t.Fatal(err)
	}
	again, err := credentials.KeyFromKeyring(ctx, "rollcall-test/record")
	if err != nil || string(again) != string(first) {
		t.Fatalf("the key changed: %v", err)
	}
}

// partsRoundTrip keeps what no keyring of Windows or macOS takes in one entry, as text and as bytes, and the most that we keep.
func partsRoundTrip(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		value string
		parts int
	}{
		{strings.Repeat("漢", 2000), 3},
		{strings.Repeat("s\xff\x00", 2000), 3},
		{strings.Repeat("m", credentials.MostSecret), 28},
		{strings.Repeat("k", 6000), 3},
		{"short", 0},
	} {
		if err := credentials.Store(ctx, place, provisioning.NewSecret(c.value)); err != nil {
			t.Fatal(err)
		}
		secret, err := credentials.Resolve(ctx, "keyring:"+place)
		if err != nil || secret.Reveal() != c.value {
			t.Fatalf("%d bytes came back as %d: %v", len(c.value), len(secret.Reveal()), err)
		}
		if parts := kept(t); len(parts) != c.parts {
			t.Errorf("%d bytes are kept in %d parts, not %d", len(c.value), len(parts), c.parts)
		}
	}
	if err := credentials.Store(ctx, place, provisioning.NewSecret(strings.Repeat("k", 6000))); err != nil {
		t.Fatal(err)
	}
	if err := credentials.Delete(ctx, place); err != nil {
		t.Fatal(err)
	}
	if _, err := credentials.Resolve(ctx, "keyring:"+place); provisioning.CodeOf(err) != provisioning.NotFound || len(kept(t)) != 0 {
		t.Errorf("after the deletion %d parts are left: %v", len(kept(t)), err)
	}
}

func tooLarge(t *testing.T) {
	ctx := context.Background()
	if err := credentials.Store(ctx, "rollcall-test/large", provisioning.NewSecret("before")); err != nil {
		t.Fatal(err)
	}
	err := credentials.Store(ctx, "rollcall-test/large", provisioning.NewSecret(strings.Repeat("s", credentials.MostSecret+1)))
	wantCode(t, err, provisioning.Invalid, "64 KiB")
	if secret, err := credentials.Resolve(ctx, "keyring:rollcall-test/large"); err != nil || secret.Reveal() != "before" {
		t.Errorf("what was there is lost: %v", err)
	}
}

// atOnce lets this process and two others store and read secrets of different names at the same time.
func atOnce(t *testing.T) {
	var all sync.WaitGroup
	for _, name := range []string{"left", "right"} {
		all.Go(func() {
			if out, err := child("many "+name, os.Environ()); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	all.Go(func() { many(t, "middle") })
	all.Wait()
	for _, name := range []string{"left", "middle", "right"} {
		for i := range manyNames {
			secret, err := credentials.Resolve(context.Background(), fmt.Sprintf("keyring:rollcall-test/%s-%d", name, i))
			if err != nil || secret.Reveal() != manyValue(name, i) {
				t.Errorf("%s-%d: %d bytes, %v", name, i, len(secret.Reveal()), err)
			}
		}
	}
}

const manyNames = 6

func manyValue(name string, i int) string { return strings.Repeat(fmt.Sprint(name, " ", i, " "), 700) }

// many stores and reads secrets from many goroutines.
func many(t *testing.T, name string) {
	ctx := context.Background()
	var all sync.WaitGroup
	for i := range manyNames {
		all.Go(func() {
			at := fmt.Sprintf("rollcall-test/%s-%d", name, i)
			for _, value := range []string{"short", manyValue(name, i)} {
				if err := credentials.Store(ctx, at, provisioning.NewSecret(value)); err != nil {
					t.Errorf("%s: %v", at, err)
				}
				if secret, err := credentials.Resolve(ctx, "keyring:"+at); err != nil || secret.Reveal() != value {
					t.Errorf("%s: %d bytes, %v", at, len(secret.Reveal()), err)
				}
			}
		})
	}
	all.Wait()
}

// noBus asks in processes that never saw this one's bus: without an address, and with one where nothing listens.
func noBus(t *testing.T) {
	var without []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "DBUS_SESSION_BUS_ADDRESS=") {
			without = append(without, variable)
		}
	}
	for name, environ := range map[string][]string{
		"no address": without, "nothing there": append(without, "DBUS_SESSION_BUS_ADDRESS=unix:path="+t.TempDir()+"/none"),
	} {
		if out, err := child("no bus", environ); err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}

// locked locks the collection, as a desktop does that was left alone. There is nobody here who could answer the keyring's question.
func locked(t *testing.T) {
	ctx := context.Background()
	if err := credentials.Store(ctx, place, provisioning.NewSecret("canary")); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.secrets", "/org/freedesktop/secrets",
		"org.freedesktop.Secret.Service.Lock", "array:objpath:/org/freedesktop/secrets/collection/login").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "collection/login") {
		t.Fatalf("%v: %s", err, out)
	}
	for name, call := range map[string]func() error{
		"Resolve":        func() error { _, err := credentials.Resolve(ctx, "keyring:"+place); return err },
		"Store":          func() error { return credentials.Store(ctx, place, provisioning.NewSecret("another")) },
		"Delete":         func() error { return credentials.Delete(ctx, place) },
		"KeyFromKeyring": func() error { _, err := credentials.KeyFromKeyring(ctx, "rollcall-test/record"); return err },
	} {
		begin := time.Now()
		wantCode(t, call(), provisioning.Unavailable, "is locked")
		took := time.Since(begin)
		if took > 4*time.Second { // the limit is three
			t.Errorf("%s took %v", name, took)
		}
		t.Logf("%s said so after %v", name, took.Round(time.Millisecond))
	}
}

// child runs this test's binary as another process.
func child(work string, environ []string) ([]byte, error) {
	command := exec.Command(os.Args[0], "-test.run=^TestSecretServiceChild$")
	command.Env = append(environ[:len(environ):len(environ)], childWork+"="+work)
	return command.CombinedOutput()
}

// TestSecretServiceChild is what the other process does; in the first one it does nothing.
func TestSecretServiceChild(t *testing.T) {
	work, name, _ := strings.Cut(os.Getenv(childWork), " ")
	switch work {
	case "many":
		many(t, name)
	case "no":
		_, err := credentials.Resolve(context.Background(), "keyring:"+place)
		wantCode(t, err, provisioning.Unavailable, "there is no session bus")
		wantCode(t, credentials.Store(context.Background(), place, provisioning.NewSecret("canary")), provisioning.Unavailable, "there is no session bus")
	}
}
