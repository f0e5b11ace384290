package handout

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"math/big"
)

const (
	// rounds of PBKDF2 with SHA-256 (OWASP's password storage cheat sheet, 2023: 600,000). The words have 44 bits.
	rounds    = 600_000
	saltBytes = 16
	keyBytes  = 32
	sigBytes  = 64 // r and s of P-256, as WebCrypto writes a signature
)

// lock is a packet's private key as it stands in the page: wrapped by AES-256-GCM under its words.
type lock struct {
	Salt, Nonce, Wrapped []byte
	Rounds               int
}

// newLock makes a packet's own key, P-256, and wraps it. The private half is kept nowhere else.
func newLock(random io.Reader, words string) (l lock, public []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), random)
	if err != nil {
		return l, nil, err
	}
	if public, err = x509.MarshalPKIXPublicKey(&key.PublicKey); err != nil {
		return l, nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return l, nil, err
	}
	l = lock{Salt: make([]byte, saltBytes), Rounds: rounds}
	if _, err := io.ReadFull(random, l.Salt); err != nil {
		return l, nil, err
	}
	under, err := pbkdf2.Key(sha256.New, words, l.Salt, l.Rounds, keyBytes)
	if err != nil {
		return l, nil, err
	}
	block, err := aes.NewCipher(under)
	if err != nil {
		return l, nil, err
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		return l, nil, err
	}
	l.Nonce = make([]byte, seal.NonceSize())
	if _, err := io.ReadFull(random, l.Nonce); err != nil {
		return l, nil, err
	}
	l.Wrapped = seal.Seal(nil, l.Nonce, private, nil)
	return l, public, nil
}

func parsePublic(der []byte) (*ecdsa.PublicKey, error) {
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, err
	}
	public, ok := key.(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return nil, errors.New("the packet's key is of another kind")
	}
	return public, nil
}

// statement is the bytes that an answer's signature is over: a name that no other statement of rollcall has, and the answer's text, each
// behind its length (8 bytes, big end first). The page builds the same.
func statement(answer string) []byte {
	var b []byte
	for _, part := range []string{"rollcall review answer 1", answer} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(part)))
		b = append(b, part...)
	}
	return b
}

// verified reports whether a signature, r and s side by side, is a key's over an answer.
func verified(key *ecdsa.PublicKey, answer string, signature []byte) bool {
	if len(signature) != sigBytes {
		return false
	}
	sum := sha256.Sum256(statement(answer))
	r, s := new(big.Int).SetBytes(signature[:sigBytes/2]), new(big.Int).SetBytes(signature[sigBytes/2:])
	return ecdsa.Verify(key, sum[:], r, s)
}
