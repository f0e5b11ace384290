package main

import (
	"slices"
	"strings"

	"rollcall/clients/demofirm"
	"rollcall/provisioning"
)

// mapped are those whom the configuration maps, with their accounts and roles.
func (s *setup) mapped() []provisioning.Operator {
	var all []provisioning.Operator
	for name, o := range s.Operator {
		all = append(all, o.operator(name))
	}
	for _, o := range s.Operators {
		all = append(all, o.operator(""))
	}
	if s.Seat != nil && !slices.ContainsFunc(s.Operators, func(o operator) bool { return o.Name == s.Seat.Name }) {
		all = append(all, s.Seat.operator(""))
	}
	return all
}

// sit has another of the made-up operators sit at the desk of simulated systems; "" leaves it to the first.
func (s *setup) sit(name string) error {
	if name == "" {
		return nil
	}
	i := slices.IndexFunc(s.Operators, func(o operator) bool { return o.Name == name })
	if i < 0 {
		var known []string
		for _, o := range s.Operators {
			known = append(known, o.Name)
		}
		hint := "with a configuration you are the operator that config.toml maps your login to"
		if len(known) > 0 {
			hint = "the operators are " + strings.Join(known, ", ")
		}
		return &provisioning.Error{Code: provisioning.Invalid, Message: "--operator names nobody who may sit here: " + name, Hint: hint}
	}
	s.Seat = &s.Operators[i]
	return nil
}

// demoApproval is what the demo's policy says of second people: a batch in which three lose access, and whatever a guard held.
const demoApproval = `
[approval]
batches = "losing"
people = 3
releases = true
policy = false
`

// demoLicences is what its seats cost: made up, as all of it.
const demoLicences = `
[review]
undecided = "escalate"
fallback = "f.adeyemi"

[licence]
currency = "GBP"
dormant = [30, 60, 90]
reclaim = 90
grace = "14d"

[[licence.class]]
name = "service"
accounts = ["SVC_*", "BREAKGLASS*", "ZZ_*"]
billable = false

[[licence.class]]
name = "external"
external = true
price = 120.00
renewal = 2027-03-31

[[licence.class]]
name = "standard"
price = 480.00
renewal = 2027-03-31
`

// demoSetup is the demo firm's configuration, without its systems.
func demoSetup(firm *demofirm.Firm) *setup {
	s := &setup{Firm: firm.Name, Policy: firm.PolicyTOML() + demoApproval + demoLicences}
	for _, o := range firm.Operators() {
		s.Operators = append(s.Operators, operator{Name: o.Name, Directory: o.Directory, Person: o.Person, Account: o.Account, Role: o.Role})
	}
	s.Seat = &s.Operators[0]
	return s
}
