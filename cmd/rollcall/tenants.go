package main

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
)

// tenants names the document systems of a configuration, in their order.
func (s *setup) tenants() []string {
	var names []string
	for i := range s.Connections {
		if s.Connections[i].System == "imanage" {
			names = append(names, s.Connections[i].Name)
		}
	}
	return names
}

// choose settles which document system a run works on: the one that was asked for, else the only one. first takes the first of several,
// for the console, which can go to the others.
func (s *setup) choose(asked string, first bool) error {
	names := s.tenants()
	switch {
	case asked != "":
		if !slices.Contains(names, asked) {
			return &provisioning.Error{
				Code: provisioning.Invalid, Message: "there is no iManage connection called " + asked, Hint: "there are: " + strings.Join(names, ", "),
			}
		}
		s.chosen = asked
	case len(names) > 1 && !first:
		return &provisioning.Error{
			Code: provisioning.Invalid, Message: fmt.Sprintf("%d iManage tenants are connected", len(names)),
			Hint: "say which with --tenant: " + strings.Join(names, ", "),
		}
	case len(names) > 0:
		s.chosen = names[0]
	}
	return nil
}

// document is the connection of the document system that this run works on; nil where there is none.
func (s *setup) document() *connection {
	for i := range s.Connections {
		if c := &s.Connections[i]; c.System == "imanage" && (s.chosen == "" || c.Name == s.chosen) {
			return c
		}
	}
	return nil
}

// storeFile names the store: each of several tenants has one of its own, with its own journal and record.
func (s *setup) storeFile() string {
	if len(s.tenants()) < 2 {
		return "rollcall.db"
	}
	return "rollcall-" + strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>| `, r) {
			return '_'
		}
		return r
	}, s.chosen) + ".db"
}
