package main

import (
	"context"
	"crypto/ed25519"
	"path/filepath"
	"strings"

	"rollcall/clients/credentials"
	"rollcall/provisioning"
)

// signer signs with the installation's own key: the record's checkpoints, the certificates of removal.
type signer struct{ key ed25519.PrivateKey }

// Public is the public half.
func (s signer) Public() ed25519.PublicKey {
	return s.key.Public().(ed25519.PublicKey) //nolint:forcetypeassert // ed25519's own type
}

// Sign signs a message.
func (s signer) Sign(_ context.Context, message []byte) ([]byte, error) {
	return ed25519.Sign(s.key, message), nil
}

// newSigner gives the installation's signing key, and makes it on first use: in the keyring, or where the configuration says; for
// simulated systems in their own state folder.
func newSigner(ctx context.Context, f *flags, s *setup, dir string) (provisioning.Signer, error) {
	if f.demo || f.connections != "" {
		seed, err := credentials.KeyFromFile(filepath.Join(dir, "signing.key"))
		if err != nil {
			return nil, err
		}
		return signer{ed25519.NewKeyFromSeed(seed)}, nil
	}
	seed, err := f.keeper().Key(ctx, s.signingKey())
	if provisioning.CodeOf(err) == provisioning.Invalid {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "signing_key: " + err.Error(), Hint: "name a place for the signing key"}
	}
	if err != nil {
		return nil, err
	}
	return signer{ed25519.NewKeyFromSeed(seed)}, nil
}

// signingKey is where the signing key lives: where the configuration says, else in the keyring; where the record's key is kept elsewhere,
// beside that one.
func (s *setup) signingKey() string {
	scheme, _, _ := strings.Cut(s.RecordKey, ":")
	switch {
	case s.SigningKey != "":
		return s.SigningKey
	case scheme == "file":
		return s.RecordKey + ".signing"
	case scheme == "age":
		return "age:rollcall/signing"
	default:
		return "keyring:rollcall/signing"
	}
}
