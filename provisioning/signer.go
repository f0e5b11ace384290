package provisioning

import (
	"context"
	"crypto/ed25519"
)

// Signer signs in the installation's name. What it signs is domain-separated: a statement says what it is before anything else.
type Signer interface {
	Public() ed25519.PublicKey
	Sign(ctx context.Context, message []byte) ([]byte, error)
}
