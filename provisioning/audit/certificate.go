package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"rollcall/provisioning"
)

// Certificate is the statement of when each access of the people of a batch was asked off, accepted off and seen off. All strings are raw.
type Certificate struct {
	Firm string    `json:"firm"`
	Made time.Time `json:"made"`
	By   string    `json:"by"` // who had it made
	// Complete says that every access of the people on it was seen off, and that nobody of them was let in again.
	Complete  bool                `json:"complete"`
	Batch     int64               `json:"batch"`
	Title     string              `json:"title,omitempty"`
	Hash      string              `json:"hash"` // of the batch
	State     string              `json:"state"`
	Staged    Deed                `json:"staged"`
	Committed Deed                `json:"committed"`
	Approvals []Deed              `json:"approvals"`
	Releases  []Deed              `json:"releases"`
	People    []CertificatePerson `json:"people"`
	// Rows are the rows of the record that the whole batch rests on; each access names its own. Row and Head are the last one that tells
	// of the batch: rollcall audit verify --saw ROW:HEAD holds the record against it.
	Rows      []int64  `json:"rows"`
	Row       int64    `json:"row"`
	Head      string   `json:"head"` // hex
	Claims    []string `json:"claims"`
	NotClaims []string `json:"does_not_claim"`
}

// Deed is what one operator did, and when.
type Deed struct {
	By     string    `json:"by"`
	Key    string    `json:"key,omitempty"` // Operator.Key, where it is known
	At     time.Time `json:"at,omitzero"`
	Hash   string    `json:"hash,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// CertificatePerson is one person whose access the batch ended.
type CertificatePerson struct {
	Name     string                 `json:"name"`
	Account  string                 `json:"account"`
	Person   provisioning.PersonKey `json:"person,omitzero"`
	Kind     string                 `json:"kind"`
	Reason   string                 `json:"reason,omitempty"`
	Complete bool                   `json:"complete"`
	// Undone says that a later batch let the account in again, and when.
	Undone   string   `json:"undone,omitempty"`
	Accesses []Access `json:"accesses"`
}

// Access is one access, and the times at which its end was asked, accepted and seen. A time that is not there has not come.
type Access struct {
	What     string    `json:"what"`         // "account", "library", "group", "global role"
	Where    string    `json:"where"`        // "" for the account
	State    string    `json:"state"`        // of the change
	By       string    `json:"by,omitempty"` // who sent it, or ticked the step by hand
	Asked    time.Time `json:"asked,omitzero"`
	Accepted time.Time `json:"accepted,omitzero"`
	SeenOff  time.Time `json:"seen_off,omitzero"`
	Note     string    `json:"note,omitempty"` // why it is pending, or how it was seen
	// Places are the records of an account whose sign-in was read, with when each was first seen off.
	Places []provisioning.Place `json:"places,omitempty"`
	Rows   []int64              `json:"rows"` // of the record
}

// Signed is a certificate with the signature over it.
type Signed struct {
	Certificate Certificate `json:"certificate"`
	PublicKey   []byte      `json:"public_key"` // Ed25519
	Signature   []byte      `json:"signature"`
}

// statement is the bytes that the signature is over: a name that no other statement of rollcall has, and the certificate as compact JSON,
// each behind its length.
func (c *Certificate) statement() ([]byte, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	var b []byte
	for _, part := range [][]byte{[]byte("rollcall certificate of removal 1"), text} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(part)))
		b = append(b, part...)
	}
	return b, nil
}

// Sign signs a certificate.
func (c *Certificate) Sign(ctx context.Context, s provisioning.Signer) (*Signed, error) {
	statement, err := c.statement()
	if err != nil {
		return nil, err
	}
	signature, err := s.Sign(ctx, statement)
	if err != nil {
		return nil, &provisioning.Error{Code: provisioning.Unavailable, Message: "the certificate could not be signed", Hint: "see where the signing key is kept", Err: err}
	}
	return &Signed{Certificate: *c, PublicKey: s.Public(), Signature: signature}, nil
}

// Write writes the one form in which a signed certificate holds: two spaces a level, and a line's end.
func (s *Signed) Write(w io.Writer) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

// mostCertificate bounds a file that is verified: a batch of many thousand people.
const mostCertificate = 256 << 20

// ReadSigned reads a signed certificate and checks it: that it is in the form in which it was written, byte for byte, and that the
// signature is that of its own key over it. With trusted keys, that one of them is that key. What does not hold is an *Error of code
// Invalid. It needs no store.
func ReadSigned(in io.Reader, trusted ...ed25519.PublicKey) (*Signed, error) {
	bad := func(why string) error {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "the certificate does not hold: " + why, Hint: "ask for another copy of it"}
	}
	text, err := io.ReadAll(io.LimitReader(in, mostCertificate+1))
	if err != nil {
		return nil, &provisioning.Error{Code: provisioning.Unavailable, Message: "the certificate cannot be read", Err: err}
	}
	if len(text) > mostCertificate {
		return nil, bad("it is too long")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	s := &Signed{}
	if err := d.Decode(s); err != nil {
		return nil, bad("it is no signed certificate of rollcall")
	}
	var written bytes.Buffer
	if err := s.Write(&written); err != nil {
		return nil, err
	}
	if !bytes.Equal(written.Bytes(), text) {
		return nil, bad("its bytes are not as they were written")
	}
	statement, err := s.Certificate.statement()
	if err != nil {
		return nil, err
	}
	if len(s.PublicKey) != ed25519.PublicKeySize || !ed25519.Verify(s.PublicKey, statement, s.Signature) {
		return nil, bad("it is not what its key signed")
	}
	for _, key := range trusted {
		if key.Equal(ed25519.PublicKey(s.PublicKey)) {
			return s, nil
		}
	}
	if len(trusted) > 0 {
		return nil, bad(fmt.Sprintf("another key signed it, %s", Fingerprint(s.PublicKey)))
	}
	return s, nil
}
