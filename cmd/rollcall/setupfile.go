package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"rollcall/clients/credentials"
	"rollcall/clients/entra"
	"rollcall/provisioning"
	"rollcall/tui/connect"
)

// setupFile is config.toml with the places of its secrets, as the wizard sees them.
type setupFile struct{ f *flags }

func newSetupFile(f *flags) *setupFile { return &setupFile{f} }

// Guides tell how each system is connected.
func (s *setupFile) Guides() []provisioning.Guide { return guides() }

// read is the configuration, an empty one where there is none yet.
func (s *setupFile) read() (*setup, error) {
	config, err := readConfig(s.f)
	if errors.Is(err, errNoConfig) {
		return &setup{}, nil
	}
	return config, err
}

// List tells what is configured.
func (s *setupFile) List() ([]connect.Connection, error) {
	config, err := s.read()
	if err != nil {
		return nil, err
	}
	list := make([]connect.Connection, 0, len(config.Connections))
	for _, c := range config.Connections {
		where := c.URL
		if where == "" {
			where = c.Tenant
		}
		kept := ""
		for _, ref := range secretsOf(&c) {
			if *ref.value != "" {
				kept = credentials.Place(*ref.value)
			}
		}
		list = append(list, connect.Connection{Name: c.Name, System: c.System, Where: where, Way: c.SignIn, Kept: kept})
	}
	return list, nil
}

// secretsOf are the secrets of a connection, by their keys.
func secretsOf(c *connection) []struct {
	key   string
	value *string
} {
	return []struct {
		key   string
		value *string
	}{{"token", &c.Token}, {"client_secret", &c.ClientSecret}, {"password", &c.Password}, {"key", &c.Key}, {"refresh", &c.Refresh}}
}

// plainOf are what else the wizard asks for.
func plainOf(c *connection) map[string]*string {
	return map[string]*string{
		"url": &c.URL, "tenant": &c.Tenant, "client_id": &c.ClientID, "subject": &c.Subject, "username": &c.Username, "login_url": &c.LoginURL,
		"customer": &c.Customer,
	}
}

// Places tells where secrets may be kept here.
func (s *setupFile) Places(ctx context.Context) []connect.Place {
	why := ""
	keeper := s.f.keeper()
	// nothing is kept there: that it says so is the answer of a keyring that works
	if _, err := keeper.Resolve(ctx, "keyring:rollcall/probe"); err != nil && provisioning.CodeOf(err) != provisioning.NotFound {
		why = err.Error()
	}
	return []connect.Place{
		{Name: "keyring", Title: "this computer's keyring", Why: why},
		{Name: connect.Reference, Title: "elsewhere: I name a file, a variable or a vault's command"},
		{Name: connect.Passphrase, Title: "a file under a passphrase, which I type at every start", Locked: keeper.locked(), New: !keeper.exists()},
	}
}

// Unlock tries the passphrase of the vault, or takes it for a new one.
func (s *setupFile) Unlock(ctx context.Context, passphrase provisioning.Secret) error {
	return s.f.keeper().unlock(ctx, passphrase)
}

// Fixed is empty: everything may be changed.
func (s *setupFile) Fixed() string { return "" }

// find is the connection of a name.
func (s *setupFile) find(name string) (connection, error) {
	config, err := s.read()
	if err != nil {
		return connection{}, err
	}
	for _, c := range config.Connections {
		if c.Name == name {
			return c, nil
		}
	}
	return connection{}, &provisioning.Error{Code: provisioning.NotFound, Message: "there is no connection called " + name, Hint: "rollcall connect --list names them"}
}

// drafted makes the connection of a draft, and gives the secrets that are not kept yet.
func (s *setupFile) drafted(d connect.Draft) (connection, map[string]provisioning.Secret, error) {
	c := connection{Name: d.Name, System: d.System}
	if d.Replaces != "" || d.System == "" {
		var err error
		if c, err = s.find(d.Name); err != nil {
			return c, nil, err
		}
	}
	if d.System == "" {
		return c, nil, nil
	}
	c.SignIn = d.Way
	plain := plainOf(&c)
	scheme := "keyring:"
	if d.Place == connect.Passphrase {
		scheme = "age:"
	}
	secrets := make(map[string]provisioning.Secret)
	for key, value := range d.Values {
		if p := plain[key]; p != nil {
			*p = value
		}
	}
	for _, one := range secretsOf(&c) {
		if ref, ok := d.Values[one.key]; ok {
			*one.value = ref
		}
		if secret, ok := d.Secrets[one.key]; ok {
			*one.value, secrets[one.key] = scheme+entryOf(c.Name, one.key), secret
		}
		if path, ok := d.Files[one.key]; ok {
			secret, err := readKeyFile(path)
			if err != nil {
				return c, nil, err
			}
			*one.value, secrets[one.key] = scheme+entryOf(c.Name, one.key), secret
		}
	}
	c.Loopback = onLoopback(c.URL)
	return c, secrets, nil
}

// onLoopback reports whether an address is http:// on this machine: a simulator, which the operator typed as such.
func onLoopback(address string) bool {
	return strings.HasPrefix(address, "http://127.0.0.1:") || strings.HasPrefix(address, "http://localhost:") || strings.HasPrefix(address, "http://[::1]:")
}

// entryOf names a secret in the keyring or in the vault.
func entryOf(name, key string) string { return "rollcall/" + name + "-" + key }

// mostKey bounds a key file.
const mostKey = 64 << 10

// readKeyFile reads the file that a vendor gave. It may be deleted once its content is kept.
func readKeyFile(path string) (provisioning.Secret, error) {
	invalid := func(err error) (provisioning.Secret, error) {
		return provisioning.Secret{}, &provisioning.Error{Code: provisioning.Invalid, Message: "the key file cannot be read", Hint: "type the path of the file that the vendor gave", Err: err}
	}
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return invalid(err)
		}
		path = filepath.Join(home, rest)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return invalid(err)
	case !info.Mode().IsRegular() || info.Size() > mostKey || info.Size() == 0:
		return invalid(errors.New("it is no small file"))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return invalid(err)
	}
	return provisioning.NewSecret(string(data)), nil
}

// Examine makes a client of a draft and examines it; nothing is kept.
func (s *setupFile) Examine(ctx context.Context, d connect.Draft, tell func(provisioning.Finding)) error {
	c, secrets, err := s.drafted(d)
	if err != nil {
		return err
	}
	m := &maker{ctx: ctx, keeper: s.f.keeper(), clock: provisioning.SystemClock{}, secrets: secrets}
	m.renewed = func(key string, secret provisioning.Secret) { d.Secrets[key] = secret } // what is saved is what is good now
	client, err := m.system(c)
	if err != nil {
		return err
	}
	defer client.Close()
	return client.Examine(ctx, tell)
}

// SignIn signs the operator in to Entra by a code.
func (s *setupFile) SignIn(ctx context.Context, d connect.Draft, show func(page, code string)) (provisioning.Secret, error) {
	c, secrets, err := s.drafted(d)
	if err != nil {
		return provisioning.Secret{}, err
	}
	m := &maker{ctx: ctx, keeper: s.f.keeper(), clock: provisioning.SystemClock{}, secrets: secrets}
	o, err := m.entraOptions(c, c.Loopback)
	if err != nil {
		return provisioning.Secret{}, err
	}
	return entra.DeviceSignIn(ctx, o, func(d entra.Device) { show(d.Page, d.Code) })
}

// Save keeps the secrets first, and then writes the connection.
func (s *setupFile) Save(ctx context.Context, d connect.Draft) error {
	c, secrets, err := s.drafted(d)
	if err != nil {
		return err
	}
	keeper := s.f.keeper()
	for _, one := range secretsOf(&c) {
		if secret, ok := secrets[one.key]; ok {
			if err := keeper.Store(ctx, *one.value, secret); err != nil {
				return err
			}
		}
	}
	text, err := block(c)
	if err != nil {
		return err
	}
	before, err := s.find(c.Name)
	if err != nil && provisioning.CodeOf(err) != provisioning.NotFound {
		return err
	}
	err = rewrite(s.f, func(old []byte) ([]byte, error) {
		if ref := recordPlace(s.f, d.Place); ref != "" && !strings.Contains(string(old), "record_key") {
			old = append(fmt.Appendf(nil, "record_key = %q\n\n", ref), old...)
		}
		return edit(old, c.Name, text)
	})
	if err != nil {
		return err
	}
	return s.forget(ctx, before, c)
}

// recordPlace is where the record's key lives for whoever keeps the secrets outside the keyring: there may be none. "" is the keyring.
func recordPlace(f *flags, place string) string {
	switch place {
	case connect.Reference:
		return "file:" + filepath.Join(stateDir(f), "record.key")
	case connect.Passphrase:
		return "age:" + entryOf("record", "key")
	default:
		return ""
	}
}

// forget deletes the secrets of a connection that what took its place does not name.
func (s *setupFile) forget(ctx context.Context, before, after connection) error {
	kept := make(map[string]bool)
	for _, one := range secretsOf(&after) {
		kept[*one.value] = true
	}
	for _, one := range secretsOf(&before) {
		if *one.value == "" || kept[*one.value] {
			continue
		}
		if err := s.f.keeper().Delete(ctx, *one.value); err != nil {
			return err
		}
	}
	return nil
}

// rotate takes one new secret from a reader, tries it, and keeps it.
func (s *setupFile) rotate(ctx context.Context, name string, in io.Reader) error {
	c, err := s.find(name)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(in, mostKey))
	if err != nil {
		return err
	}
	secret := provisioning.NewSecret(strings.TrimRight(string(data), "\r\n"))
	if secret.IsZero() {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "standard input held no secret", Hint: "pipe the new secret in"}
	}
	for _, one := range secretsOf(&c) {
		if !s.f.keeper().Keeps(*one.value) {
			continue
		}
		m := &maker{ctx: ctx, keeper: s.f.keeper(), clock: provisioning.SystemClock{}, secrets: map[string]provisioning.Secret{one.key: secret}}
		m.renewed = func(_ string, renewed provisioning.Secret) { secret = renewed }
		client, err := m.system(c)
		if err != nil {
			return err
		}
		defer client.Close()
		var bad error
		err = client.Examine(ctx, func(f provisioning.Finding) {
			if f.State == provisioning.FindingBad && bad == nil {
				bad = &provisioning.Error{Code: provisioning.Denied, Message: "the new secret was tried and not kept: " + f.What + ": " + f.Detail, Hint: f.Mend}
			}
		})
		if err := errors.Join(err, bad); err != nil {
			return err
		}
		return s.f.keeper().Store(ctx, *one.value, secret)
	}
	return &provisioning.Error{Code: provisioning.Invalid, Message: name + " keeps no secret in the keyring or the vault", Hint: "change it where its reference says it lives"}
}

// Remove takes a connection out of the configuration, and its secrets out of their place.
func (s *setupFile) Remove(ctx context.Context, name string) error {
	c, err := s.find(name)
	if err != nil {
		return err
	}
	if err := rewrite(s.f, func(old []byte) ([]byte, error) { return edit(old, name, nil) }); err != nil {
		return err
	}
	return s.forget(ctx, c, connection{})
}
