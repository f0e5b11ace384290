package certify_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"testing"
	"time"

	"rollcall/provisioning"
)

// day is noon, so many days after the day of the tests.
func day(n int) time.Time { return time.Date(2026, 3, 2+n, 12, 0, 0, 0, time.UTC) }

// signer signs with a key that is made from a number.
type signer struct{ key ed25519.PrivateKey }

func newSigner(tb testing.TB, seed byte) signer {
	tb.Helper()
	return signer{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))}
}

func (s signer) Public() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

func (s signer) Sign(_ context.Context, message []byte) ([]byte, error) {
	return ed25519.Sign(s.key, message), nil
}

// campaign is an open one of one stage.
func campaign() *provisioning.Campaign {
	return &provisioning.Campaign{
		ID: 7, State: provisioning.CampaignOpen, Name: "Spring", Undecided: provisioning.UndecidedEscalate,
		Stages: []provisioning.ReviewStage{{Name: "first", Assign: "named", Due: day(14)}}, CreatedBy: "l.ortiz", CreatedAt: day(0), SnapshotAt: day(0),
	}
}
