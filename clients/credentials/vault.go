package credentials

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"time"
	"unicode/utf8"

	"filippo.io/age"
	"github.com/gofrs/flock"

	"rollcall/provisioning"
)

// The vault's measures.
const (
	vaultWork  = 18 // scrypt's factor as a power of two: about two seconds on a slow machine
	vaultMost  = 8 << 20
	vaultWait  = 15 * time.Second // for another process that is writing
	vaultRetry = 50 * time.Millisecond
)

// Vault is a file of secrets under a passphrase, for a machine without a keyring whose operator chose it: the secrets by name as
// JSON, encrypted by age. It is opened at the first use, asks for the passphrase once, and keeps what it read in memory until the
// file changes. It is safe for concurrent use, and processes that write the same file wait for each other.
type Vault struct {
	path       string
	passphrase func(ctx context.Context) (provisioning.Secret, error)
	work       int

	turn   chan struct{} // who holds its one place may touch what follows
	phrase provisioning.Secret
	file   fs.FileInfo // of the file that held was read from; nil before the first
	held   map[string]string
}

// OpenVault names a vault. Nothing is read and nobody is asked before a secret is wanted; a passphrase that does not open the file
// is forgotten, and the next use asks again.
func OpenVault(path string, passphrase func(ctx context.Context) (provisioning.Secret, error)) *Vault {
	return &Vault{path: path, passphrase: passphrase, work: vaultWork, turn: make(chan struct{}, 1)}
}

// Get gives the secret with this name.
func (v *Vault) Get(ctx context.Context, name string) (provisioning.Secret, error) {
	if err := v.enter(ctx); err != nil {
		return provisioning.Secret{}, err
	}
	defer v.leave()
	if err := v.read(ctx); err != nil {
		return provisioning.Secret{}, err
	}
	value, ok := v.held[name]
	if !ok {
		return provisioning.Secret{}, missing("the vault " + v.path + " holds nothing for " + name)
	}
	return provisioning.NewSecret(value), nil
}

// Put keeps a secret under a name, and makes the file where there is none. Where it gives an error of the context, the file is as
// it was.
func (v *Vault) Put(ctx context.Context, name string, s provisioning.Secret) error {
	switch value := s.Reveal(); {
	case name == "" || !utf8.ValidString(name):
		return invalid("age: wants the NAME of a secret")
	case len(value) > mostSecret:
		return tooLarge("a secret of more than 64 KiB is not kept", nil)
	case value == "" || !utf8.ValidString(value):
		return invalid("a vault keeps text, and this secret is empty or no text")
	}
	if err := v.enter(ctx); err != nil {
		return err
	}
	defer v.leave()
	if err := os.MkdirAll(filepath.Dir(v.path), 0o700); err != nil {
		return v.unwritten(err)
	}
	return v.change(ctx, func(secrets map[string]string) { secrets[name] = s.Reveal() })
}

// Delete takes a secret out of the vault; one that is not there is no error.
func (v *Vault) Delete(ctx context.Context, name string) error {
	if err := v.enter(ctx); err != nil {
		return err
	}
	defer v.leave()
	if _, err := private(v.path, vaultMost); provisioning.CodeOf(err) == provisioning.NotFound {
		return nil
	}
	return v.change(ctx, func(secrets map[string]string) { delete(secrets, name) })
}

func (v *Vault) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case v.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (v *Vault) leave() { <-v.turn }

// change writes the vault anew. The file is read again first if another process wrote it, and none other may write meanwhile.
func (v *Vault) change(ctx context.Context, edit func(map[string]string)) (err error) {
	lock := flock.New(v.path+".lock", flock.SetPermissions(0o600))
	waiting, cancel := context.WithTimeout(ctx, vaultWait)
	defer cancel()
	if _, err := lock.TryLockContext(waiting, vaultRetry); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return v.unwritten(err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	secrets := map[string]string{}
	switch err := v.read(ctx); {
	case err == nil:
		secrets = maps.Clone(v.held)
	case provisioning.CodeOf(err) != provisioning.NotFound:
		return err
	}
	edit(secrets)
	if v.file != nil && maps.Equal(secrets, v.held) {
		return nil
	}
	phrase, err := v.ask(ctx)
	if err != nil {
		return err
	}
	data, err := v.seal(phrase, secrets)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	v.file = nil // whatever happens now, what is in memory may not be what is in the file
	if err := replace(v.path, data); err != nil {
		return v.unwritten(err)
	}
	info, err := os.Lstat(v.path)
	if err != nil {
		return err
	}
	v.phrase, v.file, v.held = phrase, info, secrets
	return nil
}

// read makes held what is in the file. A file that has not changed is not opened again.
func (v *Vault) read(ctx context.Context) error {
	info, err := private(v.path, vaultMost)
	if err != nil {
		v.file, v.held = nil, nil
		return err
	}
	if v.file != nil && os.SameFile(info, v.file) && info.Size() == v.file.Size() && info.ModTime().Equal(v.file.ModTime()) {
		return nil
	}
	v.file, v.held = nil, nil
	root, err := os.OpenRoot(filepath.Dir(v.path))
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	data, err := root.ReadFile(filepath.Base(v.path))
	if err != nil {
		return err
	}
	phrase, err := v.ask(ctx)
	if err != nil {
		return err
	}
	secrets, err := v.open(phrase, data)
	if provisioning.CodeOf(err) == provisioning.Denied {
		v.phrase = provisioning.Secret{}
	}
	if err != nil {
		return err
	}
	v.phrase, v.file, v.held = phrase, info, secrets
	return nil
}

// ask gives the passphrase that opened the file before, or the operator's answer.
func (v *Vault) ask(ctx context.Context) (provisioning.Secret, error) {
	if !v.phrase.IsZero() {
		return v.phrase, nil
	}
	phrase, err := v.passphrase(ctx)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil && phrase.IsZero() {
		err = &provisioning.Error{Code: provisioning.Denied, Message: "a vault wants a passphrase, and none was given", Hint: "give the vault's passphrase"}
	}
	return phrase, err
}

// open decrypts the file. The causes are left out: age and JSON repeat pieces of what they could not read.
func (v *Vault) open(phrase provisioning.Secret, data []byte) (map[string]string, error) {
	unreadable := &provisioning.Error{
		Code: provisioning.Invalid, Message: v.path + " is no vault, or is damaged", Hint: "restore the file from its copy, or name another one",
	}
	identity, err := age.NewScryptIdentity(phrase.Reveal())
	if err != nil {
		return nil, unreadable
	}
	reader, err := age.Decrypt(bytes.NewReader(data), identity)
	var wrong *age.NoIdentityMatchError
	if errors.As(err, &wrong) {
		return nil, &provisioning.Error{
			Code: provisioning.Denied, Message: "the passphrase does not open the vault " + v.path, Hint: "try again with the passphrase that it was made with",
		}
	}
	if err != nil {
		return nil, unreadable
	}
	plain, err := io.ReadAll(reader)
	if err != nil {
		return nil, unreadable
	}
	secrets := map[string]string{}
	if err := json.Unmarshal(plain, &secrets); err != nil || secrets == nil {
		return nil, unreadable
	}
	return secrets, nil
}

func (v *Vault) seal(phrase provisioning.Secret, secrets map[string]string) ([]byte, error) {
	plain, err := json.Marshal(secrets)
	if err != nil {
		return nil, err
	}
	recipient, err := age.NewScryptRecipient(phrase.Reveal())
	if err != nil {
		return nil, err
	}
	recipient.SetWorkFactor(v.work)
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, recipient)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if sealed.Len() > vaultMost {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "the vault " + v.path + " is full", Hint: "delete what nobody needs any more"}
	}
	return sealed.Bytes(), nil
}

func (v *Vault) unwritten(err error) error {
	return &provisioning.Error{
		Code: provisioning.Unavailable, Message: "the vault " + v.path + " cannot be written", Err: err,
		Hint: "see that its folder is yours and that no other process holds it",
	}
}

// replace writes a file (0600) so that whoever reads it, and whoever starts after a loss of power, finds the old or the new one. It
// is read and renamed through its folder's root: on Windows as well, a file can then be replaced while another process reads it.
func replace(path string, data []byte) error {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp") // 0600
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	if err == nil {
		err = root.Rename(filepath.Base(file.Name()), filepath.Base(path))
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	if runtime.GOOS == "windows" { // a folder cannot be flushed there
		return nil
	}
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
