package provisioning_test

import (
	"testing"

	"rollcall/provisioning"
)

// TestSource: an attribute is said to come from a directory that says what is shown, also where that is not the first in priority.
func TestSource(t *testing.T) {
	record := func(directory, office string) *provisioning.Person {
		return &provisioning.Person{Key: provisioning.PersonKey{Directory: directory, ID: "1"}, Office: office}
	}
	var office provisioning.Attribute
	for _, a := range provisioning.Attributes() {
		if a.Name == "office" {
			office = a
		}
	}
	for name, c := range map[string]struct {
		shown   string
		records []*provisioning.Person
		want    string
	}{
		"the first has it":               {"London", []*provisioning.Person{record("okta", "London"), record("entra", "Leeds")}, "okta"},
		"the first has none":             {"Leeds", []*provisioning.Person{record("okta", ""), record("entra", "Leeds")}, "entra"},
		"the second is preferred":        {"Leeds", []*provisioning.Person{record("okta", "London"), record("entra", "Leeds")}, "entra"},
		"nobody has it":                  {"", []*provisioning.Person{record("okta", ""), record("entra", "")}, ""},
		"one directory knows them alone": {"London", nil, ""},
	} {
		p := provisioning.Person{Office: c.shown, Records: c.records}
		if got := p.Source(office); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
