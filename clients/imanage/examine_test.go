package imanage_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"rollcall/clients/imanage/imanagetest"
	"rollcall/provisioning"
)

func examine(t *testing.T, config imanagetest.Config) map[string]provisioning.Finding {
	t.Helper()
	s, c := open(t, config)
	found := make(map[string]provisioning.Finding)
	if err := c.Examine(context.Background(), func(f provisioning.Finding) { found[f.What] = f }); err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Bench().Log() {
		if e.Method != http.MethodGet && !strings.HasPrefix(e.Path, "/auth") {
			t.Errorf("%s %s: an examination only reads", e.Method, e.Path)
		}
	}
	return found
}

// TestExamine: doctor names each right of a connection that has all, and what is missing of one that has not, in words, with its mend.
func TestExamine(t *testing.T) {
	everything := func(c *imanagetest.Config) {
		for _, l := range c.Libraries {
			l.Members["XSVC"] = "STANDARD"
			l.Groups["NRTADMIN"].Members["XSVC"] = true
		}
		c.SSO = imanagetest.SSO{Kind: "saml", Seamless: true}
	}
	const good, warning = provisioning.FindingGood, provisioning.FindingWarning
	for name, one := range map[string]struct {
		change func(*imanagetest.Config)
		what   string
		state  provisioning.FindingState
		detail string
	}{
		"an administrator":   {nil, "rights in LON", good, "a member of NRTADMIN: users, groups, roles, workspaces and check-outs"},
		"no administrator":   {func(c *imanagetest.Config) { delete(c.Libraries[1].Groups["NRTADMIN"].Members, "XSVC") }, "rights in NYC", warning, "may not change users and groups (neither NRTADMIN nor Control Center Tier 1 or 2); library roles"},
		"no right to unlock": {func(c *imanagetest.Config) { delete(c.Libraries[1].Groups["NRTADMIN"].Members, "XSVC") }, "rights in NYC", warning, "other people's check-outs"},
		"a role with a tier": {func(c *imanagetest.Config) {
			delete(c.Libraries[1].Groups["NRTADMIN"].Members, "XSVC")
			c.Libraries[1].Members["XSVC"] = "ADMINISTRATOR"
		}, "rights in NYC", warning, "may not change library roles (NRTADMIN, or role management); the owners of workspaces, and NRTADMIN itself"},
		"rights untold": {func(c *imanagetest.Config) { c.Unsupported = []string{"GET libraries/*/operations 404"} }, "rights in NYC", good, "this tenant does not tell the rights"},
		"rights untold, and none": {func(c *imanagetest.Config) {
			c.Unsupported = []string{"GET libraries/*/operations 404"}
			delete(c.Libraries[1].Groups["NRTADMIN"].Members, "XSVC")
		}, "rights in NYC", warning, "no member of NRTADMIN"},
		"global administration": {nil, "global administration", good, "users, groups and roles may be managed"},
		"no global role":        {func(c *imanagetest.Config) { delete(c.GlobalRoles["ADMIN"], "XSVC") }, "global administration", warning, "holds no global role"},
		"a global role that gives nothing": {func(c *imanagetest.Config) {
			delete(c.GlobalRoles["ADMIN"], "XSVC")
			c.GlobalRoles["NOBODY"]["XSVC"] = true
		}, "global administration", warning, "give no management of users, groups, roles"},
		"global roles refused":   {func(c *imanagetest.Config) { c.Unsupported = []string{"GET roles 403"} }, "global administration", warning, "cannot be read"},
		"the application":        {nil, "application", good, "registered and enabled"},
		"an unknown application": {func(c *imanagetest.Config) { c.Apps = []imanagetest.App{{ID: "other", Status: "enabled"}} }, "application", warning, "not among the registered"},
		"a disabled application": {func(c *imanagetest.Config) { c.Apps = []imanagetest.App{{ID: "app", Status: "disabled"}} }, "application", warning, "its status is disabled"},
		"applications refused":   {func(c *imanagetest.Config) { c.Unsupported = []string{"GET apps 403"} }, "application", warning, "may not read them"},
		"single sign-on":         {nil, "single sign-on", good, "by saml, seamless; the NameID that the identity provider sends must equal the iManage user id"},
		"no single sign-on":      {func(c *imanagetest.Config) { c.SSO = imanagetest.SSO{} }, "single sign-on", warning, "no external sign-in"},
		"settings refused":       {func(c *imanagetest.Config) { c.Unsupported = []string{"GET settings/system/idp 403"} }, "single sign-on", warning, "NameID"},
		"changes":                {nil, "changes", good, "a refresh costs what changed"},
		"events refused":         {func(c *imanagetest.Config) { c.Unsupported = []string{"GET libraries/PAR/change-events 403"} }, "changes", warning, "the change events of PAR cannot be read"},
		"digests":                {nil, "directory digests", good, "what changed is seen"},
		"digests refused":        {func(c *imanagetest.Config) { c.Unsupported = []string{"GET directory-sync/users/hashes 404"} }, "directory digests", warning, "cannot be read"},
	} {
		config := firm(false, 10)
		everything(&config)
		if one.change != nil {
			one.change(&config)
		}
		f := examine(t, config)[one.what]
		if f.State != one.state || !strings.Contains(f.Detail, one.detail) || (f.State != good && f.Mend == "") {
			t.Errorf("%s: %+v, want %q", name, f, one.detail)
		}
	}
	found := examine(t, firm(true, 10))
	for _, what := range []string{"global administration", "application", "single sign-on", "directory digests"} {
		if f, there := found[what]; there {
			t.Errorf("on premises: %+v", f)
		}
	}
	if f := found["rights in LON"]; f.State != good {
		t.Errorf("on premises: %+v", f)
	}
	for what, f := range found {
		if f.State == provisioning.FindingBad {
			t.Errorf("%s: %+v", what, f)
		}
	}
}
