package policy_test

import (
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
)

// TestApproval: which batches need a second person by the file, and why; without the table none does.
func TestApproval(t *testing.T) {
	two := policy.Weighs{People: 5, Lose: 2}
	for name, c := range map[string]struct {
		table string
		w     policy.Weighs
		says  string // "": nobody is needed
	}{
		"no table":                     {"", policy.Weighs{People: 500, Lose: 500, Opens: 9, Released: true}, ""},
		"none":                         {`batches = "none"`, two, ""},
		"who loses access":             {`batches = "losing"`, two, "2 people lose access"},
		"nobody loses access":          {`batches = "losing"`, policy.Weighs{People: 5}, ""},
		"fewer than that":              {"batches = \"losing\"\npeople = 3", two, ""},
		"just so many":                 {"batches = \"losing\"\npeople = 2", two, "from 2 on"},
		"all":                          {`batches = "all"`, policy.Weighs{People: 1}, "from 1 person on"},
		"all, of so many people":       {"batches = \"all\"\npeople = 6", two, ""},
		"a release":                    {`releases = true`, policy.Weighs{People: 1, Released: true}, "released"},
		"no release":                   {`releases = true`, two, ""},
		"a rehire":                     {`rehires = true`, policy.Weighs{People: 1, Opens: 1}, "1 account is opened again"},
		"no rehire":                    {`rehires = true`, two, ""},
		"people alone ask for nothing": {`people = 1`, two, ""},
	} {
		p, err := policy.Parse([]byte("[approval]\n"+c.table), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if why := p.Approval.Needs(c.w); (why == "") != (c.says == "") || !strings.Contains(why, c.says) {
			t.Errorf("%s: %q", name, why)
		}
	}
	p, err := policy.Parse([]byte("[approval]\nvalid = \"90m\"\npolicy = true"), nil)
	if err != nil || p.Approval.Valid != 90*time.Minute || !p.Approval.Policy {
		t.Errorf("%+v %v", p, err)
	}
	if p, err = policy.Parse([]byte("[approval]"), nil); err != nil || p.Approval.Valid != 24*time.Hour {
		t.Errorf("%+v %v", p, err)
	}
	for _, wrong := range []string{`batches = "some"`, `people = -1`, `valid = "1 day"`, `valid = "59s"`, `valid = "169h"`, `relases = true`, `people = "two"`} {
		if _, err := policy.Parse([]byte("[approval]\n"+wrong), nil); provisioning.CodeOf(err) != provisioning.Invalid {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}
