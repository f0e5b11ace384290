package imanage_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"rollcall/clients/imanage"
	"rollcall/clients/imanage/imanagetest"
	"rollcall/clients/wire/wiretest"
	"rollcall/provisioning"
)

// shown is what a trial told.
type shown map[string]string

func try(c *imanage.Client, id string) (shown, error) {
	told := shown{}
	err := c.Try(context.Background(), id, func(o provisioning.Operation, u provisioning.UseState, how string) {
		told[o.Name] = strings.TrimSpace(string(u) + " " + how)
	})
	return told, err
}

func dump(t testing.TB, s *imanagetest.Server) string {
	t.Helper()
	d := s.Dump()
	for i := range d.Users {
		d.Users[i].EditDate = d.Users[i].CreateDate
	}
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// sandbox is a firm whose throw-away account has a document checked out.
func sandbox(onPrem bool) imanagetest.Config {
	c := firm(onPrem, 10)
	c.AllowRemoval = true
	c.Libraries[2].Documents = []*imanagetest.Document{{ID: "PAR!5.1", Name: "Draft", InUseBy: "ZZ"}}
	return c
}

// TestTry: each probe is tried, once and on the throw-away account alone, without any confirmation; its effect is read back; and the
// tenant is as it was but for the check-out, which cannot be put back. It may be run again.
func TestTry(t *testing.T) {
	for _, onPrem := range []bool{false, true} {
		s, c := open(t, sandbox(onPrem))
		before := dump(t, s)
		told, err := try(c, "zz")
		if err != nil || told["remove from library"] != "confirmed answer 200, read back absent, put back" ||
			told["release lock"] != "confirmed answer 200, read back released; a check-out cannot be put back" || len(told) != 2 {
			t.Fatalf("on premises %v: %v %v", onPrem, err, told)
		}
		if after := dump(t, s); after != strings.Replace(before, `,"PAR!5.1":"ZZ"`, "", 1) {
			t.Errorf("on premises %v:\n%s\n%s", onPrem, before, after)
		}
		for effect, n := range s.Effects() {
			if !strings.Contains(effect, " ZZ ") || n != 1 {
				t.Errorf("%s: %d", effect, n)
			}
		}
		if n := s.Effects()["unassign ZZ PAR"]; n != 1 { // not in the preferred library, where there is another
			t.Errorf("%v", s.Effects())
		}
		after := dump(t, s)
		told, err = try(c, "ZZ")
		if err != nil || told["remove from library"] != "confirmed answer 200, read back absent, put back" || told["release lock"] != "the account has nothing checked out" || dump(t, s) != after {
			t.Errorf("again: %v %v", err, told)
		}
	}
}

// TestTryUnfit: an account that somebody may need is refused, and nothing is sent.
func TestTryUnfit(t *testing.T) {
	for name, one := range map[string]struct {
		id     string
		change func(*imanagetest.Config)
		why    string
	}{
		"nobody":              {"NOBODY", nil, "there is no such account"},
		"rollcall's own":      {"XSVC", nil, "rollcall signs in with it"},
		"no id":               {"", nil, "rollcall signs in with it"},
		"an administrator":    {"U000", nil, "it administers LON"},
		"a global role":       {"ZZ", func(c *imanagetest.Config) { c.GlobalRoles["NOBODY"]["ZZ"] = true }, "it holds the global role NOBODY"},
		"managed":             {"ZZ", func(c *imanagetest.Config) { c.Users[len(c.Users)-1].DirectoryID = "ad-1" }, "a directory manages it"},
		"an enterprise user":  {"ZZ", func(c *imanagetest.Config) { c.Users[len(c.Users)-1].Nos = 6 }, "a directory manages it"},
		"roles that are dark": {"ZZ", func(c *imanagetest.Config) { c.Unsupported = []string{"GET roles 403"} }, "it cannot be seen whole"},
		"a disabled group everywhere": {"ZZ", func(c *imanagetest.Config) {
			for _, l := range c.Libraries {
				l.Groups["OLD"].Members["ZZ"] = true
			}
		}, "could not be put back into the disabled group"},
	} {
		config := sandbox(false)
		config.Libraries[2].Documents = nil
		if one.change != nil {
			one.change(&config)
		}
		s, c := open(t, config)
		told, err := try(c, one.id)
		if provisioning.CodeOf(err) != provisioning.Invalid || !strings.Contains(err.Error(), one.why) || told["remove from library"] != "" {
			t.Errorf("%s: %v %v", name, err, told)
		}
		if calls := writes(s); len(calls) > 0 {
			t.Errorf("%s: %v", name, calls)
		}
	}
}

// TestTryRefused: a tenant that does not know the call, does nothing, or does more than was asked, refuses the operation, in words; what it
// did besides is undone; a right that is missing confirms nothing and refuses nothing.
func TestTryRefused(t *testing.T) {
	for name, one := range map[string]struct {
		change func(*imanagetest.Config)
		remove string
	}{
		"405":        {func(c *imanagetest.Config) { c.AllowRemoval = false }, "refused answer 405"},
		"404":        {func(c *imanagetest.Config) { c.Unsupported = []string{"DELETE libraries/*/users/* 404"} }, "refused answer 404"},
		"404 HTML":   {func(c *imanagetest.Config) { c.Unsupported = []string{"DELETE libraries/*/users/* 404-html"} }, "refused answer 404"},
		"501":        {func(c *imanagetest.Config) { c.Unsupported = []string{"DELETE libraries/*/users/* 501"} }, "refused answer 501"},
		"403":        {func(c *imanagetest.Config) { c.Unsupported = []string{"DELETE libraries/*/users/* 403"} }, "answer 403"},
		"nothing":    {func(c *imanagetest.Config) { c.Removal = "nothing" }, "refused answer 200, and it was still in PAR"},
		"everywhere": {func(c *imanagetest.Config) { c.Removal = "everywhere" }, "refused answer 200, and it is out of LON too; it is out of the group LON/ALL too, put back"},
		"disables":   {func(c *imanagetest.Config) { c.Removal = "disables" }, "refused answer 200, and it was closed or opened, put back"},
	} {
		config := sandbox(false)
		config.Libraries[2].Documents = nil
		one.change(&config)
		s, c := open(t, config)
		before := dump(t, s)
		told, err := try(c, "ZZ")
		if err != nil || !strings.HasPrefix(told["remove from library"], one.remove) {
			t.Errorf("%s: %v %v", name, err, told)
		}
		if after := dump(t, s); after != before {
			t.Errorf("%s:\n%s\n%s", name, before, after)
		}
	}
	for status, want := range map[string]string{"405": "refused answer 405", "403": "answer 403"} {
		config := sandbox(false)
		config.Unsupported = []string{"DELETE libraries/*/documents/*/lock " + status}
		_, c := open(t, config)
		if told, err := try(c, "ZZ"); err != nil || !strings.HasPrefix(told["release lock"], want) || !strings.HasPrefix(told["remove from library"], "confirmed") {
			t.Errorf("%s: %v %v", status, err, told)
		}
	}
}

// TestTryNotUndone: where the account cannot be put back, the error names exactly what is left.
func TestTryNotUndone(t *testing.T) {
	for name, one := range map[string]struct {
		unsupported string
		left        []string
	}{
		"no assignment": {"POST libraries/*/users 403", []string{"it is not in PAR (role DEFAULT)", "it is not in the group PAR/ALL"}},
		"no group":      {"PUT libraries/*/groups/*/members 405", []string{"it is not in the group PAR/ALL"}},
	} {
		config := sandbox(false)
		config.Unsupported = []string{one.unsupported}
		s, c := open(t, config)
		told, err := try(c, "ZZ")
		if provisioning.CodeOf(err) != provisioning.Unavailable || !strings.Contains(told["remove from library"], "confirmed answer 200, read back absent, not put back") {
			t.Fatalf("%s: %v %v", name, err, told)
		}
		for _, part := range one.left {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v does not say %q", name, err, part)
			}
		}
		if _, in := s.Dump().Roles["LON/ZZ"]; strings.Contains(err.Error(), "LON") || !in {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTryBrought: an account that is in no library is brought into one, and is out of it afterwards; where the removal is refused, the error
// says that it is still there.
func TestTryBrought(t *testing.T) {
	for _, removal := range []bool{true, false} {
		config := sandbox(false)
		config.AllowRemoval, config.Libraries[2].Documents = removal, nil
		for _, l := range config.Libraries {
			delete(l.Members, "ZZ")
			delete(l.Groups["ALL"].Members, "ZZ")
		}
		s, c := open(t, config)
		before := dump(t, s)
		told, err := try(c, "ZZ")
		if removal {
			if err != nil || !strings.HasPrefix(told["remove from library"], "confirmed answer 200, read back absent") || dump(t, s) != before {
				t.Errorf("%v %v", err, told)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), "assigned to LON for the trial, and is still in it") || !strings.HasPrefix(told["remove from library"], "refused answer 405") {
			t.Errorf("%v %v", err, told)
		}
	}
	config := sandbox(false) // an assignment that answers well and does nothing proves nothing by a later absence
	for _, l := range config.Libraries {
		delete(l.Members, "ZZ")
		delete(l.Groups["ALL"].Members, "ZZ")
	}
	s, c := open(t, config)
	s.Bench().Inject(wiretest.Fault{Kind: wiretest.EmptyObject, Method: http.MethodPost, Path: "/work/api/v2/customers/1/libraries/LON/users"})
	if told, err := try(c, "ZZ"); err == nil || told["remove from library"] != "" || slices.ContainsFunc(writes(s), func(w string) bool { return strings.HasPrefix(w, "DELETE libraries/LON/users") }) {
		t.Errorf("%v %v", err, told)
	}
}

// TestTryInDoubt: without a sure answer nothing is confirmed, the account is put back all the same, and the operator is told to run it again.
func TestTryInDoubt(t *testing.T) {
	for _, kind := range []wiretest.Kind{wiretest.AfterEffect, wiretest.ResetAfter, wiretest.ResetBefore} {
		s, c := open(t, sandbox(false))
		before := dump(t, s)
		s.Bench().Inject(wiretest.Fault{Kind: kind, Status: http.StatusBadGateway, Method: http.MethodDelete, Path: "/work/api/v2/customers/1/libraries/PAR/users", Times: 1})
		told, err := try(c, "ZZ")
		if provisioning.CodeOf(err) != provisioning.Unavailable || !strings.HasPrefix(told["remove from library"], "no sure answer") {
			t.Errorf("fault %d: %v %v", kind, err, told)
		}
		if after := dump(t, s); after != strings.Replace(before, `,"PAR!5.1":"ZZ"`, "", 1) {
			t.Errorf("fault %d:\n%s\n%s", kind, before, after)
		}
	}
}

// TestTryCalledOff: whoever asked may leave in the middle: the account is put back.
func TestTryCalledOff(t *testing.T) {
	s, c := open(t, sandbox(false))
	before := dump(t, s)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.Bench().Inject(wiretest.Fault{Kind: wiretest.Rewrite, Method: http.MethodDelete, Path: "/work/api/v2/customers/1/libraries/PAR/users", Rewrite: func(b []byte) []byte {
		cancel()
		return b
	}})
	err := c.Try(ctx, "ZZ", func(o provisioning.Operation, u provisioning.UseState, how string) {
		if o.Name == "remove from library" && u != "" {
			t.Errorf("%s: %s %s", o.Name, u, how)
		}
	})
	if err == nil {
		t.Error("a trial that was called off ended well")
	}
	if after := dump(t, s); after != strings.Replace(before, `,"PAR!5.1":"ZZ"`, "", 1) {
		t.Errorf("%v\n%s\n%s", err, before, after)
	}
	if s.Effects()["unassign ZZ PAR"] != 1 {
		t.Error(fmt.Sprint(s.Effects()))
	}
}

// TestTryDisabled: a closed account is put back closed: the call that assigns it says so.
func TestTryDisabled(t *testing.T) {
	config := sandbox(false)
	config.Users[len(config.Users)-1].AllowLogon = false
	s, c := open(t, config)
	told, err := try(c, "ZZ")
	if err != nil || !strings.HasPrefix(told["remove from library"], "confirmed") {
		t.Fatalf("%v %v", err, told)
	}
	said := ""
	for _, e := range s.Bench().Log() {
		if e.Method == http.MethodPost && strings.HasSuffix(e.Path, "/libraries/PAR/users") {
			said = e.Body
		}
	}
	if !strings.Contains(said, `"allow_logon":false`) || !strings.Contains(said, `"role_alias":"DEFAULT"`) {
		t.Errorf("%s", said)
	}
	if u, _ := s.User("ZZ"); u.AllowLogon {
		t.Error("it was opened")
	}
}
