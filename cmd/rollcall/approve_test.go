package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollcall/clients/demofirm"
	"rollcall/provisioning/desk"
)

// bench is one machine of a firm: a configuration and a state of its own, and the operator whom it knows its user as.
type bench struct {
	t             *testing.T
	config, state string
}

func (b bench) run(args ...string) (string, int) {
	b.t.Helper()
	return command(b.t, append(args, "--config", b.config, "--state", b.state)...)
}

// must runs what has to end with a code.
func (b bench) must(code int, args ...string) string {
	b.t.Helper()
	out, got := b.run(args...)
	if got != code {
		b.t.Fatalf("%s: exit %d, not %d\n%s", strings.Join(args, " "), got, code, out)
	}
	return out
}

// told finds something in what was printed.
func told(t *testing.T, out, pattern string) string {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("no %s in:\n%s", pattern, out)
	}
	return found[1]
}

// offices is a firm that is served, whose policy asks for a second person, with a shared folder of approvals.
type offices struct {
	t      *testing.T
	c      demofirm.Connections
	shared string
	login  string
	dir    string
}

func newOffices(t *testing.T) *offices {
	t.Helper()
	running, err := demofirm.Serve(context.Background(), demofirm.Generate(demofirm.Options{Seed: 7, People: 300, Epoch: time.Now()}), demofirm.ServeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Close)
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	o := &offices{t: t, c: running.Connections(), login: who.Username, dir: t.TempDir()}
	o.shared = filepath.Join(o.dir, "shared [approvals]")
	if err := os.MkdirAll(o.shared, 0o700); err != nil {
		t.Fatal(err)
	}
	return o
}

// bench sets up a machine at which an operator sits in a role, with further lines of configuration.
func (o *offices) bench(name string, seat demofirm.Operator, role, more, policy string) bench {
	o.t.Helper()
	b := bench{o.t, filepath.Join(o.dir, name, "config"), filepath.Join(o.dir, name, "state")}
	if err := os.MkdirAll(b.config, 0o700); err != nil {
		o.t.Fatal(err)
	}
	put := func(file, text string) string {
		path := filepath.Join(b.config, file)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			o.t.Fatal(err)
		}
		return path
	}
	mapped := func(login string, seat demofirm.Operator, role string) string {
		return fmt.Sprintf("[operator.%q]\nname = %q\ndirectory = %q\nperson = %q\naccount = %q\nrole = %q\n", login, seat.Name, seat.Directory, seat.Person, seat.Account, role)
	}
	config := fmt.Sprintf("firm = %q\nrecord_key = %q\napprovals = %q\n", o.c.Firm, "file:"+filepath.Join(b.config, "record.key"), o.shared) + mapped(o.login, seat, role) + more
	for _, c := range o.c.Connections {
		for of, secret := range map[string]*string{"-token": &c.Token, "-password": &c.Password, "-secret": &c.ClientSecret} {
			*secret = "file:" + put(c.Name+of, *secret)
		}
		config += fmt.Sprintf("\n[[connection]]\nname = %q\nsystem = %q\nurl = %q\nloopback = true\n", c.Name, c.System, c.URL)
		if c.System == "okta" {
			config += fmt.Sprintf("token = %q\n\n[connection.fields]\nexternal_id = \"immutableId\"\n", c.Token)
		} else {
			config += fmt.Sprintf("username = %q\npassword = %q\nclient_id = %q\nclient_secret = %q\nsettle = \"200ms\"\n", c.Username, c.Password, c.ClientID, c.ClientSecret)
		}
	}
	put("config.toml", config)
	put("policy.toml", o.c.Policy+policy)
	return b
}

// keyed is the mapping of an operator of another machine, with the key that was made there.
func keyed(seat demofirm.Operator, role, line string) string {
	key := line[strings.Index(line, "approval_key"):]
	return fmt.Sprintf("[operator.\"another login\"]\nname = %q\ndirectory = %q\nperson = %q\naccount = %q\nrole = %q\n%s\n", seat.Name, seat.Directory, seat.Person, seat.Account, role, key)
}

// TestApproveByFile: four eyes between two machines, each with its own configuration and key, by the real program: the request lies in a
// shared folder by itself, the words go over the phone, the approval comes back, and the batch goes then and not before.
func TestApproveByFile(t *testing.T) {
	o := newOffices(t)
	asks, second := o.c.Operators[0], o.c.Operators[1]
	const rules = "\n[approval]\nbatches = \"losing\"\n"
	there := o.bench("there", second, "approver", "", "")
	key := there.must(exitDone, "approve", "key")
	if again := there.must(exitDone, "approve", "key"); again != key || !strings.Contains(key, o.login) {
		t.Errorf("a second key: %s %s", key, again)
	}
	here := o.bench("here", asks, "requester", keyed(second, "approver", key), rules)
	plan := filepath.Join(o.dir, "plan.json")
	here.must(exitDone, "plan", "--kind", "leaver", "-o", plan)
	data, err := os.ReadFile(plan)
	if err != nil {
		t.Fatal(err)
	}
	var p desk.Plan
	if err := json.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	people := make(map[string]bool)
	for _, c := range p.Changes {
		people[c.Account] = true
	}
	confirm := fmt.Sprint(len(people))
	out := here.must(exitHeld, "apply", plan, "--confirm", confirm)
	words := told(t, out, `four words: ([a-z]+ [a-z]+ [a-z]+ [a-z]+)`)
	batch := told(t, out, `batch (\d+) needs a second person`)

	list := there.must(exitDone, "approve")
	file := told(t, list, `(\S+ \S+request\.json)`)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o007 != 0 {
		t.Errorf("%v %v", info, err)
	}
	shown := there.must(exitHeld, "approve", file, "--words", "abandon ability able about")
	for account := range people {
		if !strings.Contains(shown, account) {
			t.Errorf("%s is not shown:\n%s", account, shown)
		}
	}
	if strings.Contains(shown, words) || !strings.Contains(shown, "disable account") || !strings.Contains(shown, asks.Name) {
		t.Errorf("what is shown:\n%s", shown)
	}
	if raw, err := os.ReadFile(file); err != nil || strings.Contains(string(raw), strings.Fields(words)[0]+" "+strings.Fields(words)[1]) {
		t.Errorf("the words are in the file: %v", err)
	}
	here.must(exitHeld, "apply", "--batch", batch, "--confirm", confirm)
	here.must(exitHeld, "approve", batch, "--words", words) // whoever asks is no approver here, and would be the same person
	o.refuses(there, file, words)

	answer := filepath.Join(o.dir, "answer.json")
	there.must(exitDone, "approve", file, "--words", strings.ToUpper(words), "-o", answer)
	forged := o.forge(answer, `"by": "`, `"by": "x`)
	if out := here.must(exitHeld, "approve", "import", forged); !strings.Contains(out, "signature does not hold") {
		t.Error(out)
	}
	here.must(exitUsage, "approve", "import", file) // a request is no approval
	here.must(exitHeld, "apply", "--batch", batch, "--confirm", confirm)
	here.must(exitDone, "approve", "import", answer)
	if _, err := os.Stat(file); err == nil {
		t.Error("it is still asked for")
	}
	here.must(exitHeld, "apply", "--batch", batch, "--confirm", "99")
	out = here.must(exitDone, "apply", "--batch", batch, "--confirm", confirm)
	if !strings.Contains(out, "0 not done") {
		t.Error(out)
	}
	if out := here.must(exitDone, "audit", "list", "approved"); !strings.Contains(out, second.Name) || !strings.Contains(out, second.Person) {
		t.Errorf("the record: %s", out)
	}
	here.must(exitUsage, "approve", "import", answer) // it is done: there is nothing to approve
	if out := there.must(exitDone, "approve"); !strings.Contains(out, "nobody asks") {
		t.Error(out)
	}
}

// refuses holds that a changed request, and everybody who may not approve it, is refused, and nothing written.
func (o *offices) refuses(there bench, file, words string) {
	o.t.Helper()
	out := filepath.Join(o.dir, "never.json")
	for old, now := range map[string]string{`"account": "`: `"account": "X`, `"disabled"`: `"enabled"`, `"hash": "`: `"hash": "0`, `"kind": "leaver"`: `"kind": "joiner"`, `"name": "`: `"name": "Q`} {
		if said, code := there.run("approve", o.forge(file, old, now), "--words", words, "-o", out); code != exitUsage || !strings.Contains(said, "the request was changed") {
			o.t.Errorf("%s: %d %s", now, code, said)
		}
	}
	asks, second := o.c.Operators[0], o.c.Operators[1]
	nobody := second
	nobody.Person = ""
	for name, b := range map[string]bench{
		"who asked, at another machine": o.bench("asks", asks, "administrator", "", ""),
		"a requester":                   o.bench("requester", second, "requester", "", ""),
		"a reader":                      o.bench("reader", second, "reader", "", ""),
		"nobody":                        o.bench("nobody", nobody, "approver", "", ""),
	} {
		if said, code := b.run("approve", file, "--words", words, "-o", out); code != exitHeld {
			o.t.Errorf("%s: %d %s", name, code, said)
		}
	}
	if _, err := os.Stat(out); err == nil {
		o.t.Error("an approval was written")
	}
}

// forge copies a file with a piece of its text changed.
func (o *offices) forge(file, old, now string) string {
	o.t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		o.t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		o.t.Fatalf("no %s in %s", old, file)
	}
	forged := filepath.Join(o.t.TempDir(), "forged.json")
	if err := os.WriteFile(forged, []byte(strings.Replace(string(data), old, now, 1)), 0o600); err != nil {
		o.t.Fatal(err)
	}
	return forged
}

// TestApprovePolicyByFile (threats G2): a changed policy counts once somebody at another machine approved it.
func TestApprovePolicyByFile(t *testing.T) {
	o := newOffices(t)
	asks, second := o.c.Operators[0], o.c.Operators[1]
	const rules = "\n[approval]\npolicy = true\n"
	there := o.bench("there", second, "administrator", "", "")
	here := o.bench("here", asks, "approver", keyed(second, "administrator", there.must(exitDone, "approve", "key")), rules)
	here.must(exitDone, "sync")
	here.must(exitUsage, "approve", "request", "policy") // nothing waits
	policy := filepath.Join(here.config, "policy.toml")
	text, err := os.ReadFile(policy)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(policy, []byte(strings.Replace(string(text), `protected = [`, `protected = ["TBARNES", `, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	out := here.must(exitHeld, "policy", "accept", "--confirm", "0")
	words := told(t, out, `four words ([a-z]+ [a-z]+ [a-z]+ [a-z]+)`)
	file := told(t, there.must(exitDone, "approve"), `(\S+ \S+policy\.request\.json)`)
	shown := there.must(exitDone, "approve", file, "--words", words)
	if !strings.Contains(shown, "protected more: TBARNES") || !strings.Contains(shown, `protected = ["TBARNES", `) {
		t.Error(shown)
	}
	answer := told(t, shown, `: (\S+ \S+approval\.json)`)
	here.must(exitDone, "approve", "import", answer)
	if out := here.must(exitDone, "policy", "accept", "--confirm", "0"); !strings.Contains(out, "the policy counts") {
		t.Error(out)
	}
	if out := here.must(exitDone, "audit", "list", "policy"); !strings.Contains(out, second.Name) {
		t.Error(out)
	}
}
