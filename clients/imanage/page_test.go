package imanage_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
)

// TestPageIsNoAnswer: a sign-in page or a proxy's in answer to a change, with status 200, says nothing of the change: it is in doubt, and
// not accepted.
func TestPageIsNoAnswer(t *testing.T) {
	s, c := open(t, firm(false, 3))
	change := provisioning.Change{Kind: provisioning.DisableAccount, Account: "U000", Before: provisioning.ValueEnabled, After: provisioning.ValueDisabled}
	s.Bench().Inject(wiretest.Fault{Kind: wiretest.HTML, Method: http.MethodPatch, Path: "/work/", Times: 1})
	_, err := c.Send(context.Background(), change)
	var failure *provisioning.SendError
	if !errors.As(err, &failure) || failure.Effect != provisioning.InDoubt || failure.Status != http.StatusOK {
		t.Fatalf("%+v, %v", failure, err)
	}
	if receipt, err := c.Send(context.Background(), change); err != nil || receipt.Status != http.StatusOK {
		t.Errorf("the answer of the tenant itself: %+v, %v", receipt, err)
	}
}
