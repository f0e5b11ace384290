package imanage_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"rollcall/clients/imanage/imanagetest"
	"rollcall/provisioning"
)

// TestPreImage: a look at a removal from a library tells what leaving takes along: the role, the groups there and the record; once it is
// out, nothing. A tenant that does not let roles be read leaves the role unknown.
func TestPreImage(t *testing.T) {
	for _, onPrem := range []bool{false, true} {
		ctx := context.Background()
		server, c := open(t, firm(onPrem, 12))
		ch := provisioning.Change{Kind: provisioning.RemoveLibrary, Account: "U001", Library: "LON"}
		o, err := c.Observe(ctx, ch)
		if err != nil || o.Value != provisioning.ValueMember || o.Pre == nil {
			t.Fatalf("%+v %v", o, err)
		}
		if o.Pre.Role != "STANDARD" || !slices.Equal(o.Pre.Groups, []string{"ALL", "NRTADMIN"}) || o.Pre.Profile == nil || o.Pre.Profile.ID != "U001" || o.Pre.Profile.Email != "u001@x.example" {
			t.Errorf("%+v %+v", o.Pre, o.Pre.Profile)
		}
		server.Lack("GET libraries/*/roles 404")
		if o, err = c.Observe(ctx, ch); err != nil || o.Pre == nil || o.Pre.Role != "" || len(o.Pre.Groups) != 2 {
			t.Errorf("%+v %v", o, err)
		}
		server.Lack()
		server.ByHand(imanagetest.Mutation{Kind: "unassign", User: "U001", Library: "LON"})
		if o, err = c.Observe(ctx, ch); err != nil || o.Value != provisioning.ValueAbsent || o.Pre != nil {
			t.Errorf("%+v %v", o, err)
		}
	}
}

// TestAClosedAccountComesBackClosed: the assignment of an account that is closed does not let it in there, and a global role is given back
// by the same call that takes it.
func TestAClosedAccountComesBackClosed(t *testing.T) {
	ctx := context.Background()
	server, c := open(t, firm(false, 12))
	for closed, want := range map[bool]string{false: `"allow_logon":true`, true: `"allow_logon":false`} {
		profile := provisioning.Profile{ID: "U009", FullName: "User", Email: "u009@x.example", PreferredLibrary: "LON", Closed: closed}
		_, _ = c.Send(ctx, provisioning.Change{Kind: provisioning.AssignLibrary, Account: "U009", Library: "PAR", After: "DEFAULT", Profile: &profile})
		log := server.Bench().Log()
		if last := log[len(log)-1]; !strings.Contains(last.Body, want) {
			t.Errorf("closed %v: %s", closed, last.Body)
		}
	}
	give := provisioning.Change{Kind: provisioning.GiveGlobalRole, Account: "U002", Object: "ADMIN", Before: provisioning.ValueNoMember, After: provisioning.ValueMember}
	if o := c.Operation(give); o.Name != "give global role" {
		t.Errorf("%+v", o)
	}
	if _, err := c.Send(ctx, give); err != nil {
		t.Fatal(err)
	}
	if o, err := c.Observe(ctx, give); err != nil || o.Value != provisioning.ValueMember || server.Effects()["global role add U002  ADMIN"] != 1 {
		t.Errorf("%+v %v %v", o, err, server.Effects())
	}
	if steps := c.HandSteps(give); !strings.Contains(strings.Join(steps, " "), "add U002") {
		t.Errorf("%q", steps)
	}
}
