package credentials

import (
	"context"
	"encoding/base64"
	"strings"

	"rollcall/provisioning"
)

// Keeper finds secrets by their references, and keeps and deletes those whose place is ours to write: the keyring, and the vault that
// the operator chose. A file, a variable and a command are the operator's own: they are read, and never written.
type Keeper struct {
	vault *Vault // nil: there is none
}

// NewKeeper makes a keeper; nil is no vault.
func NewKeeper(vault *Vault) *Keeper { return &Keeper{vault: vault} }

// Resolve gives the secret that a reference names.
func (k *Keeper) Resolve(ctx context.Context, ref string) (provisioning.Secret, error) {
	return ResolveWith(ctx, ref, k.vault)
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
