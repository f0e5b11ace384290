package desk_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

func told(list []desk.Capability, name string) desk.Capability {
	for _, k := range list {
		if k.Name == name {
			return k
		}
	}
	return desk.Capability{}
}

// TestSandbox: what the trial on a throw-away account shows is remembered for this tenant with who tried it, in the record too; from
// then on the mends send what was confirmed, and leave to a hand what was refused.
func TestSandbox(t *testing.T) {
	ctx := context.Background()
	s := newSmall(t, began, 40)
	s.dms.first[provisioning.RemoveLibrary], s.dms.first[provisioning.LeaveGroup] = provisioning.Probe, provisioning.Probe
	remove, leave := string(provisioning.RemoveLibrary), string(provisioning.LeaveGroup)
	d := s.open("l.ortiz")
	s.leave(7)
	s.read(d)
	byHand := func() map[provisioning.ChangeKind]string {
		t.Helper()
		plan, err := d.Plan(provisioning.KindLeaver)
		if err != nil || len(plan.Changes) != 3 {
			t.Fatalf("%+v, %v", plan, err)
		}
		why := make(map[provisioning.ChangeKind]string)
		for _, c := range plan.Changes {
			why[c.Kind] = c.ByHand
		}
		return why
	}
	if why := byHand(); why[provisioning.RemoveLibrary] == "" || why[provisioning.LeaveGroup] == "" || why[provisioning.DisableAccount] != "" {
		t.Errorf("before the trial: %v", why)
	}
	list, err := d.Capabilities(ctx)
	if err != nil || len(list) != 7 || told(list, remove).Use != nil || told(list, remove).Why == "" || told(list, string(provisioning.DisableAccount)).Why != "" {
		t.Errorf("%+v, %v", list, err)
	}
	s.dms.try = func(tell func(provisioning.Operation, provisioning.UseState, string)) error {
		tell(s.dms.Operation(provisioning.Change{Kind: provisioning.RemoveLibrary}), provisioning.UseConfirmed, "answer 200, read back absent")
		tell(s.dms.Operation(provisioning.Change{Kind: provisioning.LeaveGroup}), provisioning.UseRefused, "answer 405")
		tell(s.dms.Operation(provisioning.Change{Kind: provisioning.AssignLibrary}), "", "the account is in every library")
		return nil
	}
	heard := 0
	if err := d.TrySandbox(ctx, "ZZ_SANDBOX", "ZZ_SANDBOX", func(provisioning.Operation, provisioning.UseState, string) { heard++ }); err != nil || heard != 3 {
		t.Fatalf("%d, %v", heard, err)
	}
	uses, err := s.store.Uses(ctx, "tenant")
	if u := uses[remove]; err != nil || len(uses) != 2 || u.State != provisioning.UseConfirmed || u.By != "l.ortiz" || u.How != "doctor on ZZ_SANDBOX: answer 200, read back absent" {
		t.Errorf("%+v, %v", uses, err)
	}
	if n := len(s.events(provisioning.EventOperation)); n != 4 {
		t.Errorf("%d events", n)
	}
	if why := byHand(); why[provisioning.RemoveLibrary] != "" || !strings.Contains(why[provisioning.LeaveGroup], "answer 405") {
		t.Errorf("after the trial: %v", why)
	}
	if list, err = d.Capabilities(ctx); err != nil || told(list, remove).Why != "" || told(list, leave).Use.State != provisioning.UseRefused || told(list, leave).Why == "" {
		t.Errorf("%+v, %v", list, err)
	}
	s.untouched()
}

// TestNoSandbox: an account that may be anybody's is never tried anything on, nor one without the typed consent; nothing is sent.
func TestNoSandbox(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		id, typed string
		change    func(s *small)
		want      string
		code      provisioning.Code
	}{
		"no consent":        {"ZZ_SANDBOX", "", nil, "consented", provisioning.Held},
		"another's consent": {"ZZ_SANDBOX", "ZZ_SANDBOX2", nil, "consented", provisioning.Held},
		"consent in haste":  {"ZZ_SANDBOX", "zz_sandbox", nil, "consented", provisioning.Held},
		"somebody's":        {"U007", "U007", nil, "the account of Person 007", provisioning.Held},
		"somebody's, lower": {"u007", "u007", nil, "the account of Person 007", provisioning.Held},
		"a leaver's":        {"U007", "U007", func(s *small) { s.leave(7) }, "the account of Person 007", provisioning.Held},
		"protected":         {"U013", "U013", nil, "break-glass", provisioning.Held},
		"a service":         {"SVC_PRINT", "SVC_PRINT", func(s *small) { s.dms.accounts["SVC_PRINT"] = &provisioning.Account{ID: "SVC_PRINT"} }, "service", provisioning.Held},
		"rollcall's own":    {"SVC_ROLLCALL", "SVC_ROLLCALL", nil, "service", provisioning.Held},
		"one's own":         {"U001", "U001", nil, "your own", provisioning.Held},
		"managed":           {"ZZ_SANDBOX", "ZZ_SANDBOX", func(s *small) { s.dms.accounts["ZZ_SANDBOX"].DirectoryID = "ad-1" }, "directory sync", provisioning.Held},
		"unknown":           {"ZZ_NOBODY", "ZZ_NOBODY", nil, "no such account", provisioning.Held},
		"perhaps somebody's": {"PERSON7", "PERSON7", func(s *small) { // whose name it carries, and who has none
			_, account, name := user(7)
			delete(s.dms.accounts, account)
			s.dms.accounts["PERSON7"] = &provisioning.Account{ID: "PERSON7", FullName: name, Enabled: true, Origin: provisioning.OriginVirtual}
		}, "may be the account of Person 007", provisioning.Held},
		"not read whole": {"ZZ_SANDBOX", "ZZ_SANDBOX", func(s *small) { s.okta.down = true }, "not read whole", provisioning.Unproven},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSmall(t, began, 40)
			d := s.open("l.ortiz")
			if c.change != nil {
				c.change(s)
			}
			s.read(d)
			err := d.TrySandbox(ctx, c.id, c.typed, nil)
			if provisioning.CodeOf(err) != c.code || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
			if len(s.dms.tried) > 0 || len(s.events(provisioning.EventOperation)) > 0 {
				t.Errorf("tried on %v", s.dms.tried)
			}
			s.untouched()
		})
	}
	s := newSmall(t, began, 5)
	if err := s.open("l.ortiz").TrySandbox(ctx, "ZZ_SANDBOX", "ZZ_SANDBOX", nil); provisioning.CodeOf(err) != provisioning.Invalid || len(s.dms.tried) > 0 {
		t.Errorf("before anything was read: %v", err)
	}
}

// TestSandboxAfterTheRead: an account that was made after the last read is on no roll, but the system knows it: nobody is behind it.
func TestSandboxAfterTheRead(t *testing.T) {
	s := newSmall(t, began, 40)
	d := s.open("l.ortiz")
	s.read(d)
	s.dms.accounts["ZZ_NEW"] = &provisioning.Account{ID: "ZZ_NEW", Enabled: true, Origin: provisioning.OriginVirtual}
	if err := d.TrySandbox(context.Background(), "ZZ_NEW", "ZZ_NEW", nil); err != nil || len(s.dms.tried) != 1 {
		t.Errorf("%v, %v", err, s.dms.tried)
	}
	for i := range s.okta.list { // unless somebody is to sign in by that name
		s.okta.list[i].SSOName = ""
	}
	s.okta.list[2].SSOName = "zz_new2"
	s.read(d)
	s.dms.accounts["ZZ_NEW2"] = &provisioning.Account{ID: "ZZ_NEW2", Enabled: true, Origin: provisioning.OriginVirtual}
	if err := d.TrySandbox(context.Background(), "ZZ_NEW2", "ZZ_NEW2", nil); provisioning.CodeOf(err) != provisioning.Held {
		t.Errorf("%v, %v", err, s.dms.tried)
	}
}

// TestSandboxBreaksOff: what the trial could not put back is told, and what it showed until then is remembered.
func TestSandboxBreaksOff(t *testing.T) {
	ctx := context.Background()
	s := newSmall(t, began, 5)
	d := s.open("l.ortiz")
	s.read(d)
	left := errors.New("left in LON")
	s.dms.try = func(tell func(provisioning.Operation, provisioning.UseState, string)) error {
		tell(s.dms.Operation(provisioning.Change{Kind: provisioning.RemoveLibrary}), provisioning.UseConfirmed, "answer 200")
		return left
	}
	if err := d.TrySandbox(ctx, "ZZ_SANDBOX", "ZZ_SANDBOX", nil); !errors.Is(err, left) {
		t.Errorf("%v", err)
	}
	if uses, err := s.store.Uses(ctx, "tenant"); err != nil || len(uses) != 1 {
		t.Errorf("%v, %v", uses, err)
	}
}
