package oauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Key signs assertions.
type Key struct {
	signer     crypto.Signer
	id         string // the kid that the vendor knows the key by; "": none is sent
	thumbprint string // of the certificate, SHA-256, base64url; "": there is none
	expires    time.Time
}

// errKey never holds a piece of what it could not read.
var errKey = errors.New("the key cannot be read: a PEM private key (PKCS#8, RSA or EC), or the JWK that the vendor gave")

// ParseKey reads a private key: PEM, with the certificate beside it where there is one, or a JWK with its kid. id overrides the
// JWK's kid.
func ParseKey(text, id string) (*Key, error) {
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		return parseJWK(text, id)
	}
	k := &Key{id: id}
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch block.Type {
		case "CERTIFICATE":
			if k.thumbprint != "" { // the first is the key's own, the others are its issuers'
				continue
			}
			certificate, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, errors.New("the certificate beside the key cannot be read")
			}
			sum := sha256.Sum256(certificate.Raw)
			k.thumbprint, k.expires = base64.RawURLEncoding.EncodeToString(sum[:]), certificate.NotAfter
		case "ENCRYPTED PRIVATE KEY":
			return nil, errors.New("the key is protected by a passphrase: store it without one, the keyring protects it")
		default:
			if signer := parseDER(block.Bytes); signer != nil && k.signer == nil {
				k.signer = signer
			}
		}
	}
	if k.signer == nil {
		return nil, errKey
	}
	return k, nil
}

func parseDER(der []byte) crypto.Signer {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		if signer, ok := key.(crypto.Signer); ok {
			return signer
		}
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key
	}
	return nil
}

func parseJWK(text, id string) (*Key, error) {
	var j jose.JSONWebKey
	if err := j.UnmarshalJSON([]byte(text)); err != nil || j.IsPublic() {
		return nil, errKey
	}
	signer, ok := j.Key.(crypto.Signer)
	if !ok {
		return nil, errKey
	}
	if id == "" {
		id = j.KeyID
	}
	return &Key{signer: signer, id: id}, nil
}

// Certificate tells when the certificate beside the key ends; ok is false where there is none.
func (k *Key) Certificate() (until time.Time, ok bool) { return k.expires, k.thumbprint != "" }

// Public is the public half, for a simulator that checks signatures.
func (k *Key) Public() crypto.PublicKey { return k.signer.Public() }

// Claims are an assertion's.
type Claims struct {
	Issuer, Subject, Audience string
	Issued                    time.Time
	Life                      time.Duration
	Scope                     string // Google's own claim; "": none
}

// Sign makes a compact JWT: RS256 or ES256, and PS256 with the certificate's thumbprint (x5t#S256) where there is one
// (contracts/idps.md 2.1, 2.2, 2.3).
func (k *Key) Sign(c Claims) (string, error) {
	options := (&jose.SignerOptions{}).WithType("JWT")
	algorithm := jose.RS256
	switch key := k.signer.(type) {
	case *rsa.PrivateKey:
	case *ecdsa.PrivateKey:
		algorithm = jose.ES256
		if key.Curve.Params().BitSize != 256 {
			return "", errors.New("the key must be RSA, or EC on P-256")
		}
	default:
		return "", errors.New("the key must be RSA, or EC on P-256")
	}
	if k.thumbprint != "" && algorithm == jose.RS256 {
		algorithm = jose.PS256
	}
	if k.thumbprint != "" {
		options = options.WithHeader("x5t#S256", k.thumbprint)
	}
	if k.id != "" {
		options = options.WithHeader("kid", k.id)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: k.signer}, options)
	if err != nil {
		return "", errors.New("the key cannot sign")
	}
	var id [16]byte
	_, _ = rand.Read(id[:])   // never fails
	claims := map[string]any{ // aud as one string: a list of one is refused by some
		"iss": c.Issuer, "sub": c.Subject, "aud": c.Audience, "jti": hex.EncodeToString(id[:]), "iat": c.Issued.Unix(), "nbf": c.Issued.Unix(),
		"exp": c.Issued.Add(c.Life).Unix(),
	}
	if c.Scope != "" {
		claims["scope"] = c.Scope
	}
	return jwt.Signed(signer).Claims(claims).Serialize()
}
