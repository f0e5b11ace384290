package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/charmbracelet/x/term"

	"rollcall/clients/credentials"
	"rollcall/provisioning"
)

// vaultName is the file of secrets under a passphrase, beside config.toml.
const vaultName = "secrets.age"

// places is where this run finds and keeps secrets: one vault for the whole process, so that its passphrase is asked for once.
type places struct {
	*credentials.Keeper
	vault *credentials.Vault
	file  string

	mu     sync.Mutex
	ref    string              // where the configuration says that the passphrase is; "": the operator is asked
	phrase provisioning.Secret // typed at the start, or into the wizard
}

// keeper gives the run's places.
func (f *flags) keeper() *places {
	if f.places == nil {
		p := &places{file: filepath.Join(configDir(f), vaultName)}
		p.vault = credentials.OpenVault(p.file, p.passphrase)
		p.Keeper = credentials.NewKeeper(p.vault)
		f.places = p
	}
	return f.places
}

// exists reports whether there is a vault already.
func (p *places) exists() bool {
	_, err := os.Lstat(p.file)
	return err == nil
}

// unlock takes a passphrase and tries it. A vault that is not there yet will be made with it.
func (p *places) unlock(ctx context.Context, phrase provisioning.Secret) error {
	p.mu.Lock()
	p.phrase = phrase
	p.mu.Unlock()
	_, err := p.vault.Get(ctx, "nothing") // opens the file, where there is one
	if err == nil || provisioning.CodeOf(err) == provisioning.NotFound {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phrase = provisioning.Secret{}
	return err
}

// locked reports whether a passphrase would have to be typed.
func (p *places) locked() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.phrase.IsZero() && p.ref == ""
}

// rely says where the configuration keeps the passphrase: for a machine at which nobody sits.
func (p *places) rely(ref string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ref = ref
}

// mostTries is how often a passphrase is asked for at a start.
const mostTries = 3

// begin asks for the vault's passphrase where the configuration keeps something there, while there is a terminal to ask on: before the
// console takes it.
func (p *places) begin(ctx context.Context, s *setup) error {
	kept := strings.HasPrefix(s.RecordKey, "age:") || strings.HasPrefix(s.SigningKey, "age:")
	for i := range s.Connections {
		for _, one := range secretsOf(&s.Connections[i]) {
			kept = kept || strings.HasPrefix(*one.value, "age:")
		}
	}
	if !kept || !p.locked() || !p.exists() || !term.IsTerminal(os.Stdin.Fd()) {
		return nil
	}
	for try := 1; ; try++ {
		phrase, err := askHidden(ctx, "Passphrase of "+p.file+": ")
		if err != nil {
			return err
		}
		if err = p.unlock(ctx, phrase); provisioning.CodeOf(err) != provisioning.Denied || try == mostTries {
			return err
		}
		fmt.Fprintln(os.Stderr, explain(err))
	}
}

// passphrase is what the vault asks when it must be opened.
func (p *places) passphrase(ctx context.Context) (provisioning.Secret, error) {
	p.mu.Lock()
	phrase, ref := p.phrase, p.ref
	p.mu.Unlock()
	switch {
	case !phrase.IsZero():
		return phrase, nil
	case strings.HasPrefix(ref, "age:"):
		return provisioning.Secret{}, &provisioning.Error{
			Code: provisioning.Invalid, Message: "passphrase names a place inside the vault that it opens", Hint: "name a file, a variable, a command or the keyring",
		}
	case ref != "":
		return p.Resolve(ctx, ref)
	default:
		return provisioning.Secret{}, &provisioning.Error{
			Code: provisioning.Denied, Message: "the vault " + p.file + " is locked, and there is no terminal to ask for its passphrase on",
			Hint: "start rollcall on a terminal, or name a place for the passphrase in config.toml: passphrase = \"file:PATH\"",
		}
	}
}

// askHidden reads a line from the terminal without showing it.
func askHidden(ctx context.Context, prompt string) (provisioning.Secret, error) {
	fmt.Fprint(os.Stderr, prompt)
	defer fmt.Fprintln(os.Stderr)
	before, err := term.GetState(os.Stdin.Fd())
	if err != nil {
		return provisioning.Secret{}, err
	}
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	go func() { // a terminal's read cannot be called off: given up, it ends with the process, which ends next
		text, err := term.ReadPassword(os.Stdin.Fd())
		read <- line{text, err}
	}()
	select {
	case l := <-read:
		return provisioning.NewSecret(string(l.text)), l.err
	case <-ctx.Done():
		_ = term.Restore(os.Stdin.Fd(), before)
		return provisioning.Secret{}, ctx.Err()
	}
}
