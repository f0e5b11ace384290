//go:build secretservice

package credentials_test

import (
	"context"
	"strings"
	"testing"

	"rollcall/clients/credentials"
	"rollcall/provisioning"
)

// TestSecretService keeps, reads, replaces and deletes a secret in a real keyring.
func TestSecretService(t *testing.T) {
	ctx := context.Background()
	for _, value := range []string{"first", "second", strings.Repeat("long", 2000)} {
		if err := credentials.Store(ctx, "rollcall-test/okta", provisioning.NewSecret(value)); err != nil {
			t.Fatal(err)
		}
		secret, err := credentials.Resolve(ctx, "keyring:rollcall-test/okta")
		if err != nil || secret.Reveal() != value {
			t.Fatalf("read back %d bytes, %v", len(secret.Reveal()), err)
		}
	}
	if err := credentials.Delete(ctx, "rollcall-test/okta"); err != nil {
		t.Fatal(err)
	}
	if _, err := credentials.Resolve(ctx, "keyring:rollcall-test/okta"); provisioning.CodeOf(err) != provisioning.NotFound {
		t.Fatalf("after the deletion: %v", err)
	}
	first, err := credentials.KeyFromKeyring(ctx, "rollcall-test/record")
	if err != nil {
		t.Fatal(err)
	}
	again, err := credentials.KeyFromKeyring(ctx, "rollcall-test/record")
	if err != nil || string(again) != string(first) {
		t.Fatalf("the key changed: %v", err)
	}
}
