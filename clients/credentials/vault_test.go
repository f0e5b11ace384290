package credentials_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"filippo.io/age"

	"rollcall/clients/credentials"
	"rollcall/provisioning"
)

// asker answers for the operator, and counts how often.
type asker struct {
	phrase string
	asked  atomic.Int32
}

func (a *asker) ask(context.Context) (provisioning.Secret, error) {
	a.asked.Add(1)
	return provisioning.NewSecret(a.phrase), nil
}

// vaultAt opens a vault with a factor that costs a test no time.
func vaultAt(path string, a *asker) *credentials.Vault {
	v := credentials.OpenVault(path, a.ask)
	v.SetWork(2)
	return v
}

func put(t *testing.T, v *credentials.Vault, name, value string) {
	t.Helper()
	if err := v.Put(context.Background(), name, provisioning.NewSecret(value)); err != nil {
		t.Fatal(err)
	}
}

func wantIn(t *testing.T, v *credentials.Vault, name, value string) {
	t.Helper()
	secret, err := v.Get(context.Background(), name)
	if err != nil || secret.Reveal() != value {
		t.Errorf("%s: %d bytes, %v", name, len(secret.Reveal()), err)
	}
}

func wantCode(t *testing.T, err error, code provisioning.Code, says string) {
	t.Helper()
	var ours *provisioning.Error
	if !errors.As(err, &ours) || ours.Code != code || !strings.Contains(ours.Message, says) || ours.Hint == "" {
		t.Errorf("not %q with %q: %v", code, says, err)
	}
	if err != nil && strings.Contains(err.Error(), "canary") {
		t.Errorf("the error repeats a secret: %v", err)
	}
}

// TestVault: secrets are put, read, replaced and deleted, by this process and the next one, and the operator is asked once by each.
func TestVault(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "state", "vault.age")
	operator := &asker{phrase: "canary phrase"}
	first := vaultAt(path, operator)
	_, err := first.Get(ctx, "okta")
	wantCode(t, err, provisioning.NotFound, "there is no file")
	if err := first.Delete(ctx, "okta"); err != nil {
		t.Errorf("deleting where there is no file: %v", err)
	}
	if operator.asked.Load() != 0 {
		t.Error("the operator was asked for a file that is not there")
	}
	long := strings.Repeat("漢", credentials.MostSecret/3)
	put(t, first, "okta", "canary-1")
	put(t, first, "okta", "canary-2\n")
	put(t, first, "a name: with / signs", long)
	put(t, first, "gone", "canary-3")
	if err := first.Delete(ctx, "gone"); err != nil {
		t.Fatal(err)
	}
	next := &asker{phrase: "canary phrase"}
	for _, v := range []*credentials.Vault{first, vaultAt(path, next)} {
		wantIn(t, v, "okta", "canary-2\n")
		wantIn(t, v, "a name: with / signs", long)
		_, err := v.Get(ctx, "gone")
		wantCode(t, err, provisioning.NotFound, "holds nothing for gone")
	}
	if operator.asked.Load() != 1 || next.asked.Load() != 1 {
		t.Errorf("asked %d and %d times", operator.asked.Load(), next.asked.Load())
	}
	data, err := os.ReadFile(path)
	if err != nil || bytes.Contains(data, []byte("canary")) || !bytes.HasPrefix(data, []byte("age-encryption.org/v1\n-> scrypt ")) {
		t.Errorf("the file is not age's: %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || (runtime.GOOS != "windows" && info.Mode().Perm() != 0o600) {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 2 { // the vault and its lock
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
}

// TestVaultIsAgeAndJSON: age itself opens the file, so that an operator can without us.
func TestVaultIsAgeAndJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vault.age")
	put(t, vaultAt(path, &asker{phrase: "p"}), "okta", "s<3>\u2028")
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	identity, err := age.NewScryptIdentity("p")
	if err != nil {
		t.Fatal(err)
	}
	reader, err := age.Decrypt(file, identity)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(reader)
	if err != nil || string(plain) != `{"okta":"s\u003c3\u003e\u2028"}` {
		t.Errorf("%s, %v", plain, err)
	}
	if work := credentials.OpenVault(path, nil).SetWork(2); work != 18 {
		t.Errorf("a vault is written with the factor %d", work)
	}
}

// TestWrongPassphrase: it is denied, changes nothing, and the operator may try again.
func TestWrongPassphrase(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "vault.age")
	put(t, vaultAt(path, &asker{phrase: "right"}), "okta", "canary-1")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	operator := &asker{phrase: "canary wrong"}
	v := vaultAt(path, operator)
	_, err = v.Get(ctx, "okta")
	wantCode(t, err, provisioning.Denied, "does not open the vault")
	wantCode(t, v.Put(ctx, "okta", provisioning.NewSecret("canary-2")), provisioning.Denied, "does not open the vault")
	wantCode(t, v.Delete(ctx, "okta"), provisioning.Denied, "does not open the vault")
	operator.phrase = ""
	_, err = v.Get(ctx, "okta")
	wantCode(t, err, provisioning.Denied, "none was given")
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed: %v", err)
	}
	operator.phrase = "right"
	wantIn(t, v, "okta", "canary-1")
	wantIn(t, v, "okta", "canary-1")
	if asked := operator.asked.Load(); asked != 5 {
		t.Errorf("asked %d times", asked)
	}
}

// TestVaultRefuses: files that are none of ours, and secrets that a vault does not keep.
func TestVaultRefuses(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	for name, c := range map[string]struct {
		data []byte
		mode os.FileMode
		code provisioning.Code
		says string
	}{
		"empty":      {nil, 0o600, provisioning.Invalid, "is no vault"},
		"plain text": {[]byte(`{"okta":"canary"}`), 0o600, provisioning.Invalid, "is no vault"},
		"age, cut":   {sealed(t, `{"okta":"canary"}`)[:150], 0o600, provisioning.Invalid, "is no vault"},
		"no JSON":    {sealed(t, `canary`), 0o600, provisioning.Invalid, "is no vault"},
		"no map":     {sealed(t, `["canary"]`), 0o600, provisioning.Invalid, "is no vault"},
		"no text":    {sealed(t, `{"okta":{"canary":4711}}`), 0o600, provisioning.Invalid, "is no vault"},
		"null":       {sealed(t, `null`), 0o600, provisioning.Invalid, "is no vault"},
		"huge":       {make([]byte, 9<<20), 0o600, provisioning.Invalid, "no small regular file"},
		"group":      {sealed(t, `{"okta":"canary"}`), 0o640, provisioning.Denied, "may be read by others"},
		"others":     {sealed(t, `{"okta":"canary"}`), 0o604, provisioning.Denied, "may be read by others"},
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && c.code == provisioning.Denied {
				return
			}
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, c.data, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			v := vaultAt(path, &asker{phrase: "p"})
			_, err := v.Get(ctx, "okta")
			wantCode(t, err, c.code, c.says)
			wantCode(t, v.Put(ctx, "okta", provisioning.NewSecret("canary")), c.code, c.says)
			wantCode(t, v.Delete(ctx, "okta"), c.code, c.says)
			if data, err := os.ReadFile(path); err != nil || !bytes.Equal(data, c.data) {
				t.Errorf("the file was changed: %v", err)
			}
		})
	}
	operator := &asker{phrase: "p"}
	v := vaultAt(filepath.Join(dir, "good"), operator)
	for name, c := range map[string]struct{ name, value, says string }{
		"no name":   {"", "canary", "NAME"},
		"bad name":  {"\xff", "canary", "NAME"},
		"empty":     {"okta", "", "empty"},
		"bytes":     {"okta", "canary\xff", "no text"},
		"too large": {"okta", strings.Repeat("c", credentials.MostSecret+1), "64 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			wantCode(t, v.Put(ctx, c.name, provisioning.NewSecret(c.value)), provisioning.Invalid, c.says)
		})
	}
	if operator.asked.Load() != 0 {
		t.Error("the operator was asked for nothing")
	}
}

// sealed encrypts a text with the passphrase p.
func sealed(t *testing.T, plain string) []byte {
	t.Helper()
	recipient, err := age.NewScryptRecipient("p")
	if err != nil {
		t.Fatal(err)
	}
	recipient.SetWorkFactor(2)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, recipient)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestVaultAndContext: whoever gave up is not waited for, and writes nothing.
func TestVaultAndContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vault.age")
	ctx, cancel := context.WithCancel(context.Background())
	asked, answer := make(chan struct{}), make(chan struct{})
	v := credentials.OpenVault(path, func(context.Context) (provisioning.Secret, error) {
		close(asked)
		<-answer
		return provisioning.NewSecret("p"), nil
	})
	v.SetWork(2)
	done := make(chan error)
	go func() { done <- v.Put(ctx, "okta", provisioning.NewSecret("canary")) }()
	<-asked
	waiting, give := context.WithCancel(context.Background())
	go func() {
		_, err := v.Get(waiting, "okta") // the operator is still at it
		done <- err
	}()
	give()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("waiting: %v", err)
	}
	cancel()
	close(answer)
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("writing: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file was written: %v", err)
	}
	if _, err := v.Get(ctx, "okta"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestVaultsAtOnce: many who read and write one file, through one Vault and through several as several processes would, lose
// nothing, and each sees what the others wrote.
func TestVaultsAtOnce(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "vault.age")
	operators := []*asker{{phrase: "p"}, {phrase: "p"}, {phrase: "p"}}
	vaults := make([]*credentials.Vault, len(operators))
	for i, operator := range operators {
		vaults[i] = vaultAt(path, operator)
	}
	var all sync.WaitGroup
	for i := range 24 {
		all.Go(func() {
			v, name := vaults[i%len(vaults)], fmt.Sprint("name ", i)
			if err := v.Put(ctx, name, provisioning.NewSecret(fmt.Sprint("secret ", i))); err != nil {
				t.Error(err)
			}
			if secret, err := v.Get(ctx, name); err != nil || secret.Reveal() != fmt.Sprint("secret ", i) {
				t.Errorf("%s: %v", name, err)
			}
			if i%4 == 0 {
				if err := v.Delete(ctx, name); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for n, v := range append(vaults, vaultAt(path, &asker{phrase: "p"})) {
		for i := range 24 {
			if i%4 != 0 {
				wantIn(t, v, fmt.Sprint("name ", i), fmt.Sprint("secret ", i))
			} else if _, err := v.Get(ctx, fmt.Sprint("name ", i)); provisioning.CodeOf(err) != provisioning.NotFound {
				t.Errorf("vault %d still holds %d: %v", n, i, err)
			}
		}
	}
	for i, operator := range operators {
		if operator.asked.Load() != 1 {
			t.Errorf("operator %d was asked %d times", i, operator.asked.Load())
		}
	}
}

// TestVaultChangedElsewhere: what another process wrote is read without asking again; with another passphrase, the operator is
// asked again.
func TestVaultChangedElsewhere(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "vault.age")
	operator := &asker{phrase: "p"}
	v := vaultAt(path, operator)
	put(t, v, "okta", "one")
	put(t, vaultAt(path, &asker{phrase: "p"}), "okta", "two")
	wantIn(t, v, "okta", "two")
	if operator.asked.Load() != 1 {
		t.Errorf("asked %d times", operator.asked.Load())
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, err := v.Get(ctx, "okta")
	wantCode(t, err, provisioning.NotFound, "there is no file")
	put(t, vaultAt(path, &asker{phrase: "q"}), "okta", "three")
	_, err = v.Get(ctx, "okta")
	wantCode(t, err, provisioning.Denied, "does not open")
	operator.phrase = "q"
	wantIn(t, v, "okta", "three")
}

// TestResolveWith: age: is found in the vault that was chosen, and nowhere where none was.
func TestResolveWith(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "vault.age")
	v := vaultAt(path, &asker{phrase: "p"})
	put(t, v, "okta", "canary-1")
	t.Setenv("ROLLCALL_TEST_SECRET", "from-env")
	for ref, want := range map[string]string{"age:okta": "canary-1", "env:ROLLCALL_TEST_SECRET": "from-env"} {
		if secret, err := credentials.ResolveWith(ctx, ref, v); err != nil || secret.Reveal() != want {
			t.Errorf("%s: %v", ref, err)
		}
	}
	_, err := credentials.ResolveWith(ctx, "age:none", v)
	wantCode(t, err, provisioning.NotFound, "holds nothing for none")
	_, err = credentials.ResolveWith(ctx, "age:", v)
	wantCode(t, err, provisioning.Invalid, "never written down")
	_, err = credentials.ResolveWith(ctx, "age:okta", nil)
	wantCode(t, err, provisioning.Invalid, "no vault was chosen")
	_, err = credentials.Resolve(ctx, "age:okta")
	wantCode(t, err, provisioning.Invalid, "no vault was chosen")
	_, err = credentials.Resolve(ctx, "canary:canary") // a secret itself, with a colon in it
	wantCode(t, err, provisioning.Invalid, "begins with none of them")
}
