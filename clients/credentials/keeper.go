package credentials

import (
	"context"
	"encoding/base64"
	"os"
	"strings"
	"sync"

	"rollcall/provisioning"
)

// Keeper finds secrets by their references, and keeps and deletes those whose place is ours to write: the keyring, and the vault that
// the operator chose. A file, a variable and a command are the operator's own: they are read, and never written.
//
// It is safe for concurrent use.
type Keeper struct {
	vault     *Vault   // nil: there is none
	variables sync.Map // name → provisioning.Secret: what was taken out of the environment
}

// NewKeeper makes a keeper; nil is no vault.
func NewKeeper(vault *Vault) *Keeper { return &Keeper{vault: vault} }

// Resolve gives the secret that a reference names. A variable is taken out of the environment by it, as Withhold does.
func (k *Keeper) Resolve(ctx context.Context, ref string) (provisioning.Secret, error) {
	k.Withhold(ref)
	if held, ok := k.variables.Load(ref); ok {
		return held.(provisioning.Secret), nil //nolint:forcetypeassert // nothing else is stored
	}
	return ResolveWith(ctx, ref, k.vault)
}

// Withhold takes the variable that a reference names out of the environment and keeps its value for Resolve, so that no command that is
// started sees it (threats E2). Whatever else a reference names is left alone. What a system shows of the environment with which the
// process began is not changed by it.
func (k *Keeper) Withhold(ref string) {
	name, ok := strings.CutPrefix(ref, "env:")
	if value := os.Getenv(name); ok && value != "" {
		k.variables.Store(ref, provisioning.NewSecret(value))
		_ = os.Unsetenv(name)
	}
}

// Keeps reports whether a reference names a place that is ours to write.
func (k *Keeper) Keeps(ref string) bool {
	return strings.HasPrefix(ref, "keyring:") || (k.vault != nil && strings.HasPrefix(ref, "age:"))
}

// Store keeps a secret where its reference says.
func (k *Keeper) Store(ctx context.Context, ref string, secret provisioning.Secret) error {
	scheme, rest, _ := strings.Cut(ref, ":")
	switch {
	case scheme == "keyring":
		return Store(ctx, rest, secret)
	case scheme == "age" && k.vault != nil:
		return k.vault.Put(ctx, rest, secret)
	default:
		return invalid("a secret is kept in the keyring or in a vault; elsewhere it is changed where it lives")
	}
}

// Delete takes a secret out of its place; one that is not there, and one whose place is the operator's own, is no error.
func (k *Keeper) Delete(ctx context.Context, ref string) error {
	scheme, rest, _ := strings.Cut(ref, ":")
	switch {
	case scheme == "keyring":
		return Delete(ctx, rest)
	case scheme == "age" && k.vault != nil:
		return k.vault.Delete(ctx, rest)
	default:
		return nil
	}
}

// Key gives the key that a reference names, and makes it on first use: keyring:SERVICE/ACCOUNT, file:PATH or age:NAME.
func (k *Keeper) Key(ctx context.Context, ref string) ([]byte, error) {
	scheme, rest, _ := strings.Cut(ref, ":")
	switch {
	case scheme == "keyring" && rest != "":
		return KeyFromKeyring(ctx, rest)
	case scheme == "file" && rest != "":
		return KeyFromFile(rest)
	case scheme == "age" && rest != "":
		secret, err := k.Resolve(ctx, ref)
		if provisioning.CodeOf(err) == provisioning.NotFound {
			key := newKey()
			return key, k.Store(ctx, ref, provisioning.NewSecret(base64.StdEncoding.EncodeToString(key)))
		}
		if err != nil {
			return nil, err
		}
		return decodeKey(secret.Reveal(), "the vault")
	default:
		return nil, invalid("a key is named by keyring:SERVICE/ACCOUNT, file:PATH or age:NAME")
	}
}
