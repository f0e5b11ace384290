// Package credentials turns references to secrets into secrets: the operating system's keyring, a file that nobody else may read,
// an environment variable, a vault's command, or a file of ours under a passphrase where the operator chose one. There is no way to
// write a secret itself into a configuration, and no silent fall-back from one place to another (DESIGN 6, threats E1 to E3,
// contracts/engine.md 4).
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
	"runtime"
	"strings"
	"time"

	"rollcall/provisioning"
)

// The limits of what a secret may take.
const (
	commandTime = 20 * time.Second
	mostSecret  = 64 << 10
)

// places are the references that there are, for the operator who wrote another one.
const places = "keyring:, file:, env:, exec: or age:"

// Place is the kind of place that a reference names: keyring, file, env, exec or age; "no reference" where it names none, for what was
// written may be the secret itself.
func Place(ref string) string {
	switch scheme, rest, _ := strings.Cut(ref, ":"); scheme {
	case "keyring", "file", "env", "exec", "age":
		if rest != "" {
			return scheme
		}
	}
	return "no reference"
}

// Resolve gives the secret that a reference names: keyring:SERVICE/ACCOUNT, file:PATH, env:NAME or exec:COMMAND ARGUMENTS.
func Resolve(ctx context.Context, ref string) (provisioning.Secret, error) {
	return ResolveWith(ctx, ref, nil)
}

// ResolveWith does what Resolve does, and finds age:NAME in the vault that the operator chose; nil is no vault.
func ResolveWith(ctx context.Context, ref string, vault *Vault) (provisioning.Secret, error) {
	scheme, rest, ok := strings.Cut(ref, ":")
	if !ok || rest == "" {
		return provisioning.Secret{}, invalid("a secret is named by " + places + ", never written down")
	}
	switch scheme {
	case "keyring":
		return fromKeyring(ctx, rest)
	case "file":
		return fromFile(rest)
	case "env":
		if value := os.Getenv(rest); value != "" {
			return provisioning.NewSecret(value), nil
		}
		return provisioning.Secret{}, missing("the environment variable " + rest + " is not set")
	case "exec":
		return fromCommand(ctx, rest)
	case "age":
		if vault == nil {
			return provisioning.Secret{}, &provisioning.Error{
				Code: provisioning.Invalid, Message: "age: names a secret in a vault, and no vault was chosen",
				Hint: "name the vault's file in the configuration, or choose keyring:, file:, env: or exec: for this connection",
			}
		}
		return vault.Get(ctx, rest)
	default: // what was written is not repeated: it may be a secret that has a colon in it
		return provisioning.Secret{}, invalid("a secret is named by " + places + ", and this begins with none of them")
	}
}

func invalid(message string) error {
	return &provisioning.Error{Code: provisioning.Invalid, Message: message, Hint: "see the README, Connect a real tenant"}
}

func missing(message string) error {
	return &provisioning.Error{Code: provisioning.NotFound, Message: message, Hint: "store the secret there first"}
}

func fromFile(path string) (provisioning.Secret, error) {
	if _, err := private(path, mostSecret); err != nil {
		return provisioning.Secret{}, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return provisioning.Secret{}, err
	}
	return value(data, path)
}

// private holds a file against what is asked of one that keeps secrets: regular, small, and on unix readable by its owner alone.
func private(path string, most int64) (fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing("there is no file " + path)
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return nil, invalid(path + " is no small regular file")
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, &provisioning.Error{
			Code: provisioning.Denied, Message: path + " may be read by others", Hint: "run: chmod 600 " + path,
		}
	}
	return info, nil
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
