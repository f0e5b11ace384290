package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
)

// installation signs with a key that is made of one byte.
type installation byte

func (i installation) key() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i)}, ed25519.SeedSize))
}

func (i installation) Public() ed25519.PublicKey {
	return i.key().Public().(ed25519.PublicKey) //nolint:forcetypeassert // ed25519's own type
}

func (i installation) Sign(_ context.Context, message []byte) ([]byte, error) {
	return ed25519.Sign(i.key(), message), nil
}

// removed is a certificate of one person whose names are hostile.
func removed() audit.Certificate {
	at := time.Date(2026, 11, 24, 14, 6, 3, 4711, time.UTC)
	return audit.Certificate{
		Firm: "A <firm> & \"sons\"", Made: at.Add(time.Hour), By: "l.ortiz", Batch: 12, Hash: "ab", State: "done", Staged: audit.Deed{By: "l.ortiz", At: at.Add(-time.Hour)},
		Committed: audit.Deed{By: "l.ortiz", At: at.Add(-time.Minute)}, Approvals: []audit.Deed{{By: "f.adeyemi", Key: "okta/00u2", At: at.Add(-2 * time.Minute), Hash: "ab"}},
		Releases: []audit.Deed{}, Rows: []int64{3, 9}, Row: 17, Head: "00ff", Claims: []string{"seen off"}, NotClaims: []string{"sessions"},
		People: []audit.CertificatePerson{{
			Name: "Tom \u202eBarnes\x1b[31m\u2028", Account: "TBARNES", Person: provisioning.PersonKey{Directory: "okta", ID: "00u1"}, Kind: "leaver",
			Accesses: []audit.Access{{
				What: "account", State: "confirmed", By: "l.ortiz", Asked: at, Accepted: at.Add(time.Second), Rows: []int64{12, 13},
				Places: []provisioning.Place{{Look: at.Add(time.Minute), SeenOff: at.Add(time.Minute), Value: "disabled"}, {Library: "LON", Look: at.Add(time.Minute), Value: "enabled"}},
			}},
		}},
	}
}

func signed(t testing.TB, by installation) (*audit.Signed, []byte) {
	t.Helper()
	c := removed()
	s, err := c.Sign(context.Background(), by)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := s.Write(&b); err != nil {
		t.Fatal(err)
	}
	return s, b.Bytes()
}

// TestCertificateTampered: a certificate holds as it was written; every single byte of it that is another one, goes, or comes in between
// is found, whichever byte that is. Nobody is believed for a key that was not asked for.
func TestCertificateTampered(t *testing.T) {
	s, text := signed(t, 1)
	got, err := audit.ReadSigned(bytes.NewReader(text))
	if err != nil || got.Certificate.People[0].Account != "TBARNES" || got.Certificate.Complete {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := audit.ReadSigned(bytes.NewReader(text), installation(2).Public(), s.PublicKey); err != nil {
		t.Errorf("with its key: %v", err)
	}
	if _, err := audit.ReadSigned(bytes.NewReader(text), installation(2).Public()); provisioning.CodeOf(err) != provisioning.Invalid || !strings.Contains(err.Error(), "another key signed it") {
		t.Errorf("with another key: %v", err)
	}
	found := func(what string, at int, bad []byte) {
		t.Helper()
		if _, err := audit.ReadSigned(bytes.NewReader(bad)); provisioning.CodeOf(err) != provisioning.Invalid {
			t.Errorf("byte %d of %d %s: %v", at, len(text), what, err)
		}
	}
	for i := range text {
		for _, by := range []byte{1, 0x20, 0x80} { // another letter, another case, no letter
			bad := bytes.Clone(text)
			bad[i] ^= by
			found("is another", i, bad)
		}
		found("is gone", i, append(bytes.Clone(text[:i]), text[i+1:]...))
		found("is followed by a space", i, append(append(bytes.Clone(text[:i+1]), ' '), text[i+1:]...))
	}
	for name, bad := range map[string]string{
		"nothing": "", "no certificate": "{}\n", "another field": strings.Replace(string(text), `"firm"`, `"x": 1, "firm"`, 1), "twice": string(text) + string(text),
		"a field in other letters": strings.Replace(string(text), `"firm"`, `"FIRM"`, 1), "windows lines": strings.ReplaceAll(string(text), "\n", "\r\n"),
	} {
		if _, err := audit.ReadSigned(strings.NewReader(bad)); provisioning.CodeOf(err) != provisioning.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCertificateRewritten: whatever value is put in another's place and written in the right form, the signature does not hold; and whoever
// signs it anew has another key.
func TestCertificateRewritten(t *testing.T) {
	s, _ := signed(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		forged := *s
		c := removed()
		switch rapid.IntRange(0, 6).Draw(t, "what") {
		case 0:
			c.Complete = true
		case 1:
			c.People[0].Accesses[0].SeenOff = c.Made.Add(time.Duration(rapid.Int64Range(-1e12, 1e12).Draw(t, "when")))
		case 2:
			c.People[0].Name += rapid.StringMatching(`[a-z]{1,5}`).Draw(t, "name")
		case 3:
			c.Rows = append(c.Rows, rapid.Int64().Draw(t, "row"))
		case 4:
			c.Approvals = nil
		case 5:
			c.People[0].Accesses[0].Places[1].Value = "disabled"
		default:
			c.NotClaims = []string{}
		}
		forged.Certificate = c
		var b bytes.Buffer
		if err := forged.Write(&b); err != nil {
			t.Fatal(err)
		}
		if _, err := audit.ReadSigned(&b); err == nil {
			t.Fatal("a forged certificate holds")
		}
		anew, err := c.Sign(context.Background(), installation(2))
		if err != nil {
			t.Fatal(err)
		}
		b.Reset()
		if err := anew.Write(&b); err != nil {
			t.Fatal(err)
		}
		if _, err := audit.ReadSigned(&b, s.PublicKey); err == nil {
			t.Fatal("a certificate under another key is taken for ours")
		}
	})
}

// FuzzReadSigned: whatever the bytes are, reading them ends with an answer, and what holds is just what was written.
func FuzzReadSigned(f *testing.F) {
	_, text := signed(f, 1)
	f.Add(text)
	f.Add([]byte(`{"certificate":{}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := audit.ReadSigned(bytes.NewReader(in), installation(1).Public())
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := s.Write(&b); err != nil || !bytes.Equal(b.Bytes(), text) {
			t.Errorf("%v: another text holds:\n%s", err, in)
		}
	})
}
