package policy_test

import (
	"testing"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
)

// TestPartLimits: an office or library has limits of its own, which a policy sets and the stricter of two keeps.
func TestPartLimits(t *testing.T) {
	l := policy.Default().Limits
	for enabled, want := range map[int]int{0: 5, 8: 5, 23: 5, 24: 6, 100: 25} {
		if got := l.Part(enabled); got != want {
			t.Errorf("%d of %d may go, want %d", got, enabled, want)
		}
	}
	p, err := policy.Parse([]byte("[limits]\npart_percent = 50\npart_least = 2\n"), nil)
	if err != nil || p.Limits.Part(3) != 2 || p.Limits.Part(100) != 50 || p.Limits.Count != l.Count {
		t.Errorf("%+v, %v", p.Limits, err)
	}
	if both := p.Guarding(policy.Default()).Limits; both.PartPercent != 25 || both.PartLeast != 2 {
		t.Errorf("%+v", both)
	}
	for _, bad := range []string{"[limits]\npart_percent = 101", "[limits]\npart_least = -1", "[limits]\npart_percent = -1", `protected = ["LON/"]`, `vip = [" LON/SAFE"]`} {
		if _, err := policy.Parse([]byte(bad), nil); provisioning.CodeOf(err) != provisioning.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestProtectedByEmailAndGroup: the lists name accounts by id, by email and by group, and only the first needs no look at the account.
func TestProtectedByEmailAndGroup(t *testing.T) {
	p, err := policy.Parse([]byte(`
protected = ["GLASS*", "*@glass.example"]
vip = ["*/BOARD"]
service = ["/ROBOTS"]
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		account   provisioning.Account
		protected string
		service   bool
	}{
		"nobody":               {provisioning.Account{ID: "A", Email: "a@firm.example"}, "", false},
		"by id":                {provisioning.Account{ID: "glass1"}, "break-glass account", false},
		"by email":             {provisioning.Account{ID: "A", Email: " X@Glass.Example"}, "break-glass account", false},
		"by group":             {provisioning.Account{ID: "A", Groups: []provisioning.GroupRef{{Library: "NYC", Group: "Board"}}}, "on the VIP list", false},
		"by a global group":    {provisioning.Account{ID: "A", Groups: []provisioning.GroupRef{{Group: "robots"}}}, "", true},
		"that name, not there": {provisioning.Account{ID: "A", Groups: []provisioning.GroupRef{{Library: "NYC", Group: "ROBOTS"}}}, "", false},
	} {
		if why, ok := p.ProtectedAccount(&c.account); why != c.protected || ok != (why != "") || p.ServiceAccount(&c.account) != c.service {
			t.Errorf("%s: %q, service %v", name, why, p.ServiceAccount(&c.account))
		}
	}
	if !p.Looks() || policy.Default().Looks() {
		t.Error("which policy needs a look at the account?")
	}
}
