package credentials_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/zalando/go-keyring"
	"pgregory.net/rapid"

	"rollcall/clients/credentials"
	"rollcall/provisioning"
)

const place = "rollcall-test/google"

// ring puts go-keyring's stand-in in the place of this system's keyring, with an error that every call gives where there is one.
func ring(t *testing.T, err error) {
	t.Helper()
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent") // looked at before the keyring is asked
	if err != nil {
		keyring.MockInitWithError(err)
		return
	}
	keyring.MockInit()
}

// kept gives the parts that the keyring holds, wherever they are.
func kept(t interface{ Fatal(...any) }) map[int]string {
	parts := map[int]string{}
	for i := 1; i <= 40; i++ {
		part, err := keyring.Get("rollcall-test", fmt.Sprintf("google#%d", i))
		if err == nil {
			parts[i] = part
		} else if !errors.Is(err, keyring.ErrNotFound) {
			t.Fatal(err)
		}
	}
	return parts
}

// secrets draws any secret: empty and of 64 KiB, at the borders of the parts, text of many bytes a character, no text at all, and
// what looks like our own header.
func secrets() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		size := rapid.OneOf(
			rapid.IntRange(0, credentials.MostSecret),
			rapid.SampledFrom([]int{0, 1, 2399, 2400, 2401, 4800, 4801, 7200, credentials.MostSecret - 1, credentials.MostSecret}),
		).Draw(t, "size")
		start := rapid.SampledFrom([]string{"", credentials.Header, credentials.Header + "1:", "{", "é"}).Draw(t, "start")
		piece := rapid.OneOf(
			rapid.StringN(1, 40, -1),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 1, 40), func(b []byte) string { return string(b) }),
			rapid.SampledFrom([]string{"x", "ü", "漢", "🔑", "\x80", "\x00", "\n"}),
		).Draw(t, "piece")
		whole := start + strings.Repeat(piece, size/len(piece)+1)
		if utf8.ValidString(whole) {
			for size > 0 && size < len(whole) && !utf8.RuneStart(whole[size]) {
				size--
			}
		}
		return whole[:size]
	})
}

// TestEverySecretComesBack: whatever was kept before, a secret of up to 64 KiB comes back as it was, no entry is larger than
// Windows takes, text is cut between characters, and nothing is left over of what was there.
func TestEverySecretComesBack(t *testing.T) {
	ctx := context.Background()
	ring(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		keyring.MockInit()
		for _, value := range rapid.SliceOfN(secrets(), 1, 4).Draw(t, "secrets") {
			if err := credentials.Store(ctx, place, provisioning.NewSecret(value)); err != nil {
				t.Fatal(err)
			}
			got, err := credentials.Resolve(ctx, "keyring:"+place)
			if err != nil || got.Reveal() != value {
				t.Fatalf("%d bytes came back as %d: %v", len(value), len(got.Reveal()), err)
			}
			parts, sum := kept(t), 0
			for i := 1; i <= len(parts); i++ {
				part := parts[i]
				sum += len(part)
				if part == "" || len(part) > credentials.PartSize || (utf8.ValidString(value) && !utf8.ValidString(part)) {
					t.Fatalf("part %d of %d bytes is wrongly cut", i, len(part))
				}
			}
			split := len(value) > credentials.PartSize || strings.HasPrefix(value, credentials.Header)
			if (split && sum != len(value)) || (!split && len(parts) != 0) {
				t.Fatalf("%d bytes are kept in %d parts of %d bytes", len(value), len(parts), sum)
			}
			first, err := keyring.Get("rollcall-test", "google")
			if err != nil || len(first) > credentials.PartSize || split != strings.HasPrefix(first, credentials.Header) {
				t.Fatalf("the first entry has %d bytes: %v", len(first), err)
			}
		}
		for range 2 { // deleting what is not there is no error
			if err := credentials.Delete(ctx, place); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := credentials.Resolve(ctx, "keyring:"+place); provisioning.CodeOf(err) != provisioning.NotFound || len(kept(t)) != 0 {
			t.Fatalf("after the deletion %d parts are left: %v", len(kept(t)), err)
		}
	})
}

// TestShorterLeavesNothing: a shorter secret over a longer one, over parts that a store which broke off left behind, and over
// nothing.
func TestShorterLeavesNothing(t *testing.T) {
	ctx := context.Background()
	for name, before := range map[string]func(t *testing.T){
		"nothing": func(*testing.T) {},
		"a longer one": func(t *testing.T) {
			if err := credentials.Store(ctx, place, provisioning.NewSecret(strings.Repeat("canary", 9000))); err != nil {
				t.Fatal(err)
			}
		},
		"parts without a first entry": func(t *testing.T) {
			for i := 1; i <= 7; i++ {
				if err := keyring.Set("rollcall-test", fmt.Sprintf("google#%d", i), "canary"); err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		for size, parts := range map[int]int{10: 0, 2400: 0, 2401: 2, 5000: 3} {
			t.Run(fmt.Sprintf("%s, %d", name, size), func(t *testing.T) {
				ring(t, nil)
				before(t)
				value := strings.Repeat("s", size)
				if err := credentials.Store(ctx, place, provisioning.NewSecret(value)); err != nil {
					t.Fatal(err)
				}
				got, err := credentials.Resolve(ctx, "keyring:"+place)
				if err != nil || got.Reveal() != value {
					t.Errorf("%d bytes came back: %v", len(got.Reveal()), err)
				}
				left := kept(t)
				if len(left) != parts || strings.Contains(fmt.Sprint(left), "canary") {
					t.Errorf("%d parts are kept, not %d", len(left), parts)
				}
			})
		}
	}
}

// TestDamagedParts: what does not belong together is refused, as an error that nobody takes for a secret which is not there, and
// that repeats nothing of it.
func TestDamagedParts(t *testing.T) {
	ctx := context.Background()
	value := strings.Repeat("canary-4711 ", 600) // three parts
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(value)))
	set := func(account, value string) func() error {
		return func() error { return keyring.Set("rollcall-test", account, value) }
	}
	for name, c := range map[string]struct {
		harm func() error
		says string
	}{
		"the first part is missing":   {func() error { return keyring.Delete("rollcall-test", "google#1") }, "without its part 1 of 3"},
		"the last part is missing":    {func() error { return keyring.Delete("rollcall-test", "google#3") }, "without its part 3 of 3"},
		"a part is another":           {set("google#2", "canary-4712"), "do not belong together"},
		"a part is empty":             {set("google#2", ""), "do not belong together"},
		"the sum is wrong":            {set("google", credentials.Header+"3:"+strings.Repeat("0", 64)), "do not belong together"},
		"the sum is missing":          {set("google", credentials.Header+"3"), "do not belong together"},
		"fewer parts than there are":  {set("google", credentials.Header+"2:"+sum), "do not belong together"},
		"more parts than there are":   {set("google", credentials.Header+"4:"+sum), "without its part 4 of 4"},
		"no parts":                    {set("google", credentials.Header+"0:"+sum), "cannot be read"},
		"more parts than can be":      {set("google", credentials.Header+"1000000000:"+sum), "cannot be read"},
		"the number is none":          {set("google", credentials.Header+"canary:"+sum), "cannot be read"},
		"there is nothing but a mark": {set("google", credentials.Header), "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			ring(t, nil)
			if err := credentials.Store(ctx, place, provisioning.NewSecret(value)); err != nil {
				t.Fatal(err)
			}
			if err := c.harm(); err != nil {
				t.Fatal(err)
			}
			secret, err := credentials.Resolve(ctx, "keyring:"+place)
			if provisioning.CodeOf(err) != provisioning.Unproven || !secret.IsZero() || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("the error repeats the secret: %v", err)
			}
			if _, err := credentials.KeyFromKeyring(ctx, place); provisioning.CodeOf(err) != provisioning.Unproven {
				t.Errorf("a new key was made over a damaged one: %v", err)
			}
			if err := credentials.Store(ctx, place, provisioning.NewSecret(value)); err != nil { // what the hint says
				t.Fatal(err)
			}
			if secret, err := credentials.Resolve(ctx, "keyring:"+place); err != nil || secret.Reveal() != value {
				t.Errorf("storing again did not help: %v", err)
			}
		})
	}
}

// TestKeyringErrors: each way in which a keyring fails has its own words, and says what to do.
func TestKeyringErrors(t *testing.T) {
	ctx := context.Background()
	dial := &net.OpError{Op: "dial", Net: "unix", Err: errors.New("no such file or directory")}
	seen := map[string]string{}
	for name, c := range map[string]struct {
		cause error
		size  int
		code  provisioning.Code
		says  string
	}{
		"no bus at its address":  {dial, 1, provisioning.Unavailable, "there is no session bus"},
		"no bus can be started":  {&exec.Error{Name: "dbus-launch", Err: exec.ErrNotFound}, 1, provisioning.Unavailable, "there is no session bus"},
		"locked":                 {errors.New("failed to unlock correct collection '/org/freedesktop/secrets/aliases/default'"), 1, provisioning.Unavailable, "is locked"},
		"locked in between":      {errors.New("Cannot create an item in a locked collection"), 1, provisioning.Unavailable, "is locked"},
		"too large for us":       {errors.New("the keyring was touched"), credentials.MostSecret + 1, provisioning.Invalid, "more than 64 KiB"},
		"too large for a system": {keyring.ErrSetDataTooBig, 1, provisioning.Invalid, "than this system's keyring takes"},
		"anything else":          {keyring.ErrUnsupportedPlatform, 1, provisioning.Unavailable, "cannot be used"},
	} {
		t.Run(name, func(t *testing.T) {
			ring(t, c.cause)
			err := credentials.Store(ctx, place, provisioning.NewSecret(strings.Repeat("s", c.size)))
			var ours *provisioning.Error
			if !errors.As(err, &ours) || ours.Code != c.code || !strings.Contains(ours.Message, c.says) || ours.Hint == "" {
				t.Fatalf("%v", err)
			}
			if strings.Contains(err.Error(), "touched") {
				t.Errorf("the keyring was asked: %v", err)
			}
			if says, ok := seen[ours.Message]; ok && says != c.says {
				t.Errorf("%q is said of two things", ours.Message)
			}
			seen[ours.Message] = c.says
			if c.size == 1 && c.code == provisioning.Unavailable {
				if _, err := credentials.Resolve(ctx, "keyring:"+place); !errors.As(err, &ours) || !strings.Contains(ours.Message, c.says) {
					t.Errorf("Resolve: %v", err)
				}
				if err := credentials.Delete(ctx, place); !errors.As(err, &ours) || !strings.Contains(ours.Message, c.says) {
					t.Errorf("Delete: %v", err)
				}
			}
		})
	}
}

// TestNobodyAnswers: a keyring that hangs does not hang us, and whoever gave up is told just that.
func TestNobodyAnswers(t *testing.T) {
	ring(t, nil)
	hang := make(chan struct{})
	defer close(hang)
	call := func() (string, error) { <-hang; return "late", nil }
	short, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if _, err := credentials.Bounded(short, call); provisioning.CodeOf(err) != provisioning.Unavailable || !strings.Contains(err.Error(), "nobody answered") {
		t.Errorf("%v", err)
	}
	given, cancel := context.WithCancel(context.Background())
	called := make(chan struct{})
	go func() { <-called; cancel() }()
	if _, err := credentials.Bounded(given, func() (string, error) { close(called); return call() }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := credentials.Store(given, place, provisioning.NewSecret("s")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := keyring.Get("rollcall-test", "google"); !errors.Is(err, keyring.ErrNotFound) {
		t.Errorf("a context that was given up stored a secret: %v", err)
	}
}

// TestAccountOfAPart: an account that could be the part of another secret is refused, and one that merely holds the sign is not.
func TestAccountOfAPart(t *testing.T) {
	ctx := context.Background()
	ring(t, nil)
	for account, want := range map[string]provisioning.Code{"google#1": provisioning.Invalid, "a#b#007": provisioning.Invalid, "google#one": "", "c#": "", "#": "", "1": ""} {
		err := credentials.Store(ctx, "rollcall-test/"+account, provisioning.NewSecret("s"))
		if want == "" && err != nil || want != "" && provisioning.CodeOf(err) != want {
			t.Errorf("%s: %v", account, err)
		}
	}
}
