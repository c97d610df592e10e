// Package secret holds values that must not be seen: keys, passwords, tokens.
package secret

import (
	"fmt"
	"log/slog"
)

const shown = "[secret]"

// Secret is a value that prints as [secret] whatever prints it. The value sits behind a pointer, so that printing a
// struct that holds one in an unexported field shows an address and not the value. The zero Secret is empty.
type Secret struct{ value, origin *string }

// New wraps a value.
func New(value string) Secret { return Secret{value: &value} }

// From returns the secret with where it was found: "env:NAME", "credential:NAME", or "file:" and the whole path.
func (s Secret) From(origin string) Secret { return Secret{s.value, &origin} }

// Origin is where the secret was found, "" when nobody said.
func (s Secret) Origin() string {
	if s.origin == nil {
		return ""
	}
	return *s.origin
}

// Reveal returns the value. Call it where the value leaves for the partner, nowhere else.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty says whether there is no value.
func (s Secret) Empty() bool { return s.Reveal() == "" }

// Format prints [secret] for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(shown)) }

// String returns [secret].
func (s Secret) String() string { return shown }

// LogValue returns [secret].
func (s Secret) LogValue() slog.Value { return slog.StringValue(shown) }

// MarshalText returns [secret], for JSON and other encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(shown), nil }
