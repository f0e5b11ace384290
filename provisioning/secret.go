package provisioning

import (
	"fmt"
	"log/slog"
)

// Secret is a value that is never printed: every way in which Go turns a value into text gives a mark instead (threats E1).
type Secret struct{ value string }

// redacted is what is shown in a secret's place.
const redacted = "[secret]"

// NewSecret wraps a value.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal gives the value itself, for the one place that sends it.
func (s Secret) Reveal() string { return s.value }

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.value == "" }

// String gives a mark, never the value.
func (s Secret) String() string { return redacted }

// GoString gives a mark, never the value.
func (s Secret) GoString() string { return redacted }

// Format writes a mark for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText gives a mark, never the value; it serves JSON as well.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue gives a mark, never the value.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
