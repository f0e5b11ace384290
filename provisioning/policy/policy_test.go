package policy_test

import (
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
)

const text = `
protected = ["BREAKGLASS*"]
vip = ["SENIOR1"]
service = ["SVC_*", "scanner"]
excluded_types = ["external"]
[limits]
count = 5
stale = "30m"
[[home]]
library = "ANY"
[[home]]
office = "London"
library = "LON"
role = "STANDARD"
groups = ["LON-ALL"]
[[home]]
department = "Tax"
library = "TAX"
[[home]]
office = "London"
department = "Tax"
library = "LON-TAX"
`

func TestParse(t *testing.T) {
	p, err := policy.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if p.Limits.Count != 5 || p.Limits.Percent != 10 || p.Limits.Stale != 30*time.Minute || p.Limits.Week != 40 {
		t.Errorf("limits %+v", p.Limits)
	}
	for id, want := range map[string]string{"breakglass1": "break-glass account", "SENIOR1": "on the VIP list", "SVC_X": "", "TBARNES": ""} {
		if why, ok := p.Protected(id); why != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", id, why, ok)
		}
	}
	if !p.Service("SVC_SCAN") || !p.Service("SCANNER") || p.Service("TBARNES") || !p.Listed("BREAKGLASS2") {
		t.Error("service accounts are not told apart")
	}
	for _, c := range []struct{ office, department, library string }{
		{"London", "Tax", "LON-TAX"}, {"Leeds", "Tax", "TAX"}, {"London", "Funds", "LON"}, {"Oslo", "Funds", "ANY"},
	} {
		if h, ok := p.Home(&provisioning.Person{Office: c.office, Department: c.department}); !ok || h.Library != c.library || h.Role == "" {
			t.Errorf("%s %s: %+v", c.office, c.department, h)
		}
	}
	if p.InScope(&provisioning.Person{Type: "External"}) || !p.InScope(&provisioning.Person{Type: "employee"}) {
		t.Error("scope")
	}
}

func TestParseRefuses(t *testing.T) {
	for bad, want := range map[string]string{
		"protcted = []":                 "policy.toml:1:1: no such key: protcted (did you mean protected?)",
		"[limits]\ncount = \"many\"":    "policy.toml:2:9: limits.count: here stands a TOML string",
		"[limits]\npercent = 101":       "percent",
		"[limits]\nstale = \"soon\"":    "stale",
		"protected = [\"[\"]":           "pattern",
		"[[home]]\noffice = \"London\"": "library",
	} {
		_, err := policy.Parse([]byte(bad))
		if err == nil || !strings.Contains(err.Error(), want) || provisioning.CodeOf(err) != provisioning.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
