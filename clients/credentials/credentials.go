// Package credentials turns references to secrets into secrets: the operating system's keyring, a file that nobody else may read,
// an environment variable, or a vault's command. There is no way to write a secret itself into a configuration, and no silent
// fall-back from one place to another (DESIGN 6, threats E1 to E3, contracts/engine.md 4).
package credentials

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/zalando/go-keyring"

	"rollcall/provisioning"
)

// The limits of what a secret may take.
const (
	keyringTime = 3 * time.Second // go-keyring has no context: a prompt that nobody answers must not hang us
	commandTime = 20 * time.Second
	mostSecret  = 64 << 10
)

// Resolve gives the secret that a reference names: keyring:SERVICE/ACCOUNT, file:PATH, env:NAME or exec:COMMAND ARGUMENTS.
func Resolve(ctx context.Context, ref string) (provisioning.Secret, error) {
	scheme, rest, ok := strings.Cut(ref, ":")
	if !ok || rest == "" {
		return provisioning.Secret{}, invalid("a secret is named by keyring:, file:, env: or exec:, never written down")
	}
	switch scheme {
	case "keyring":
		return fromKeyring(ctx, rest)
	case "file":
		return fromFile(rest)
	case "env":
		value, ok := os.LookupEnv(rest)
		if !ok || value == "" {
			return provisioning.Secret{}, missing("the environment variable " + rest + " is not set")
		}
		return provisioning.NewSecret(value), nil
	case "exec":
		return fromCommand(ctx, rest)
	default:
		return provisioning.Secret{}, invalid("there is no place for secrets called " + scheme)
	}
}

func invalid(message string) error {
	return &provisioning.Error{Code: provisioning.Invalid, Message: message, Hint: "see the README, Connect a real tenant"}
}

func missing(message string) error {
	return &provisioning.Error{Code: provisioning.NotFound, Message: message, Hint: "store the secret there first"}
}

// entry takes SERVICE/ACCOUNT apart.
func entry(rest string) (service, account string, err error) {
	service, account, ok := strings.Cut(rest, "/")
	if !ok || service == "" || account == "" {
		return "", "", invalid("keyring: wants SERVICE/ACCOUNT")
	}
	return service, account, nil
}

func fromKeyring(ctx context.Context, rest string) (provisioning.Secret, error) {
	service, account, err := entry(rest)
	if err != nil {
		return provisioning.Secret{}, err
	}
	value, err := bounded(ctx, func() (string, error) { return keyring.Get(service, account) })
	if errors.Is(err, keyring.ErrNotFound) {
		return provisioning.Secret{}, missing("the keyring holds nothing for " + rest)
	}
	if err != nil {
		return provisioning.Secret{}, keyringError(err)
	}
	return provisioning.NewSecret(value), nil
}

// Store keeps a secret in the keyring under SERVICE/ACCOUNT.
func Store(ctx context.Context, rest string, secret provisioning.Secret) error {
	service, account, err := entry(rest)
	if err != nil {
		return err
	}
	_, err = bounded(ctx, func() (string, error) { return "", keyring.Set(service, account, secret.Reveal()) })
	return keyringError(err)
}

// Delete takes a secret out of the keyring; one that is not there is no error.
func Delete(ctx context.Context, rest string) error {
	service, account, err := entry(rest)
	if err != nil {
		return err
	}
	_, err = bounded(ctx, func() (string, error) { return "", keyring.Delete(service, account) })
	if errors.Is(err, keyring.ErrNotFound) {
		return nil
	}
	return keyringError(err)
}

// bounded runs a call of the keyring with a limit. A call that hangs is left to itself: its result goes into a channel that
// nobody waits for, and it ends with the process.
func bounded(ctx context.Context, call func() (string, error)) (string, error) {
	if runtime.GOOS == "linux" && os.Getenv("DBUS_SESSION_BUS_ADDRESS") == "" {
		if _, err := os.Stat(filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "bus")); err != nil { //nolint:gosec // the desktop's own variable, and only looked at
			return "", errors.New("there is no session bus: no keyring runs here")
		}
	}
	ctx, cancel := context.WithTimeout(ctx, keyringTime)
	defer cancel()
	type result struct {
		value string
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := call()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return "", errors.New("the keyring did not answer: is it locked?")
	}
}

func keyringError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, keyring.ErrSetDataTooBig):
		return &provisioning.Error{
			Code: provisioning.Invalid, Message: "the secret is larger than this system's keyring takes", Hint: "keep it in a file: reference (0600)", Err: err,
		}
	default:
		return &provisioning.Error{
			Code: provisioning.Unavailable, Message: "the keyring cannot be used", Err: err,
			Hint: "unlock it, or choose file:, env: or exec: for this connection",
		}
	}
}

func fromFile(path string) (provisioning.Secret, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return provisioning.Secret{}, missing("there is no file " + path)
	}
	if err != nil {
		return provisioning.Secret{}, err
	}
	if !info.Mode().IsRegular() || info.Size() > mostSecret {
		return provisioning.Secret{}, invalid(path + " is no small regular file")
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return provisioning.Secret{}, &provisioning.Error{
			Code: provisioning.Denied, Message: path + " may be read by others", Hint: "run: chmod 600 " + path,
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return provisioning.Secret{}, err
	}
	return value(data, path)
}

func value(data []byte, where string) (provisioning.Secret, error) {
	data = bytes.TrimRight(data, "\r\n")
	if len(data) == 0 {
		return provisioning.Secret{}, missing(where + " is empty")
	}
	return provisioning.NewSecret(string(data)), nil
}

// fromCommand runs a vault's command without a shell. Its error output is not repeated: it may hold what nobody should read.
func fromCommand(ctx context.Context, line string) (provisioning.Secret, error) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return provisioning.Secret{}, invalid("exec: names no command")
	}
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	var out bytes.Buffer
	command := exec.CommandContext(ctx, words[0], words[1:]...) //nolint:gosec // the operator's own configuration names it
	command.Stdout = &out
	command.WaitDelay = time.Second
	if err := command.Run(); err != nil {
		return provisioning.Secret{}, &provisioning.Error{
			Code: provisioning.Unavailable, Message: words[0] + " gave no secret", Hint: "run the command by hand and see what it says", Err: err,
		}
	}
	if out.Len() > mostSecret {
		return provisioning.Secret{}, invalid(words[0] + " gave more than any secret")
	}
	return value(out.Bytes(), words[0])
}

// keySize is how many bytes a generated key has.
const keySize = 32

// KeyFromKeyring gives the key that the keyring holds under SERVICE/ACCOUNT, and makes it on first use.
func KeyFromKeyring(ctx context.Context, rest string) ([]byte, error) {
	secret, err := fromKeyring(ctx, rest)
	if provisioning.CodeOf(err) == provisioning.NotFound {
		key := newKey()
		return key, Store(ctx, rest, provisioning.NewSecret(base64.StdEncoding.EncodeToString(key)))
	}
	if err != nil {
		return nil, err
	}
	return decodeKey(secret.Reveal(), "the keyring")
}

// KeyFromFile gives the key that a file holds, and makes the file (0600) on first use. It serves the demo, and a server that has
// no keyring where the operator chose it.
func KeyFromFile(path string) ([]byte, error) {
	secret, err := fromFile(path)
	if provisioning.CodeOf(err) == provisioning.NotFound {
		key := newKey()
		file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		_, err = file.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
		return key, errors.Join(err, file.Close())
	}
	if err != nil {
		return nil, err
	}
	return decodeKey(secret.Reveal(), path)
}

func newKey() []byte {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails: the runtime ends the process instead
	return key
}

func decodeKey(text, where string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("the key in %s is damaged: restore it", where)
	}
	return key, nil
}
