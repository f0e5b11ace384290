package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // to change a store by hand

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names/namestest"
)

// seen is what audit verify --json says.
type seen struct {
	OK       bool `json:"ok"`
	Proven   bool `json:"proven"`
	Keyed    bool `json:"keyed"`
	Rows     int64
	Problems []struct {
		Kind  string
		First int64
	}
	Anchored struct {
		Row   int64
		Place string
	}
	Said []string
}

func verifyJSON(t *testing.T, want int, args ...string) (v seen) {
	t.Helper()
	out, code := command(t, append([]string{"audit", "verify", "--json"}, args...)...)
	text, _, _ := strings.Cut(out, "\nrollcall: ") // what is said beside the JSON
	if err := json.Unmarshal([]byte(text), &v); err != nil || code != want {
		t.Fatalf("exit %d, want %d: %v\n%s", code, want, err, out)
	}
	return v
}

// TestVerifyCommand: a record holds where it was made, anchored by its file; as an export and as a copy it is checked with nothing else
// at hand, and no row is called proven that no anchor saw; what was done to a copy is named, with exit code 1.
func TestVerifyCommand(t *testing.T) {
	dir := t.TempDir()
	demo := []string{"--demo", "--people", "60", "--state", filepath.Join(dir, "state")}
	with := func(args ...string) []string { return append(args, demo...) }
	state := filepath.Join(dir, "state", "demo-7-60")
	anchors, store, export := filepath.Join(state, "anchors.jsonl"), filepath.Join(state, "rollcall.db"), filepath.Join(dir, "export.jsonl")
	for range 2 {
		if out, code := command(t, with("sync")...); code != exitDone {
			t.Fatalf("%d %s", code, out)
		}
	}
	if v := verifyJSON(t, exitDone, demo...); !v.Proven || !v.Keyed || v.Anchored.Place != anchors || v.Rows < 3 {
		t.Errorf("%+v", v)
	}
	if out, code := command(t, with("audit", "export", "-o", export)...); code != exitDone || !strings.Contains(out, "rows 1 to ") {
		t.Fatalf("%d %s", code, out)
	}
	if out, code := command(t, with("audit", "export", "-o", export)...); code != exitUsage || !strings.Contains(out, "could not be written") {
		t.Errorf("over another file: %d %s", code, out)
	}
	key, code := command(t, with("audit", "key")...)
	if key = strings.TrimSpace(key); code != exitDone || len(key) != 64 {
		t.Fatalf("%d %s", code, key)
	}
	elsewhere := []string{"--config", filepath.Join(dir, "no"), "--state", filepath.Join(dir, "other")}
	copied := filepath.Join(dir, "copy.db")
	for name, bundle := range map[string]string{"export": export, "copy": copied} {
		data, err := os.ReadFile(store)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied, data, 0o600); err != nil {
			t.Fatal(err)
		}
		off := append([]string{bundle}, elsewhere...)
		v := verifyJSON(t, exitDone, append(off, "--anchor", anchors, "--key", key)...)
		if v.Keyed || v.Rows < 3 || (name == "copy" && !v.Proven) {
			t.Errorf("%s: %+v", name, v)
		}
		v = verifyJSON(t, exitDone, append(off, "--record-key", "file:"+filepath.Join(state, "record.key"))...)
		if said := strings.Join(v.Said, "\n"); !v.Keyed || v.Proven || !strings.Contains(said, "not anchored since the record began: no anchor was given") {
			t.Errorf("%s: %+v", name, v)
		}
		out, code := command(t, append([]string{"audit", "verify", bundle, "--key", strings.Repeat("ab", 32)}, elsewhere...)...)
		if code != exitFailed || !strings.Contains(out, "other key: ") {
			t.Errorf("%s, another key: %d %s", name, code, out)
		}
	}
	db, err := sql.Open("sqlite", copied)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{"drop trigger audit_no_update", "update audit set actor='nobody' where seq=2"} {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if v := verifyJSON(t, exitFailed, append([]string{copied, "--anchor", anchors}, elsewhere...)...); v.OK || len(v.Problems) == 0 || v.Problems[0].Kind != "edit" {
		t.Errorf("%+v", v)
	}
	for _, bad := range [][]string{{"--key", "x"}, {"--saw", "5"}, {"--saw", "5:00"}, {"--anchor", filepath.Join(dir, "none")}} {
		if out, code := command(t, append([]string{"audit", "verify", export}, bad...)...); code != exitUsage {
			t.Errorf("%v: %d %s", bad, code, out)
		}
	}
	if out, code := command(t, "audit", "verify", anchors); code != exitUsage || !strings.Contains(out, "no export of a record") {
		t.Errorf("what is no bundle: %d %s", code, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "other", "rollcall.db")); err == nil {
		t.Error("a store was made to verify a bundle")
	}
}

// TestBackupAndRestoreCommand: a backup by a passphrase from a file; put back, it says what is missing and who did it, the record holds,
// and the store that was is kept. While another rollcall has the store open nothing is touched.
func TestBackupAndRestoreCommand(t *testing.T) {
	dir := t.TempDir()
	demo := []string{"--demo", "--people", "60", "--state", filepath.Join(dir, "state")}
	with := func(args ...string) []string { return append(args, demo...) }
	phrase, backup := filepath.Join(dir, "phrase"), filepath.Join(dir, "backup.age")
	for file, text := range map[string]string{phrase: "otter canal amber seven\n", phrase + "-short": "short\n", phrase + "-other": "another passphrase\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	from := func(name string) []string { return []string{"--passphrase-from", "file:" + phrase + name} }
	run := func(want int, say string, args ...string) {
		t.Helper()
		if out, code := command(t, with(args...)...); code != want || !strings.Contains(out, say) {
			t.Errorf("%v: exit %d, want %d, %q:\n%s", args, code, want, say, out)
		}
	}
	run(exitDone, "", "sync")
	run(exitUsage, "no terminal to ask", "backup", backup)
	run(exitUsage, "at least 12 characters", append([]string{"backup", backup}, from("-short")...)...)
	if _, err := os.Stat(backup); err == nil {
		t.Fatal("a backup was written")
	}
	run(exitDone, "sealed with the passphrase", append([]string{"backup", backup}, from("")...)...)
	if info, err := os.Stat(backup); err != nil || (runtime.GOOS != "windows" && info.Mode().Perm() != 0o600) {
		t.Errorf("%v %v", info.Mode(), err)
	}
	run(exitDone, "", "sync")
	run(exitFailed, "does not open the backup", append([]string{"restore", backup}, from("-other")...)...)
	run(exitDone, "rows are missing, ", append([]string{"restore", backup}, from("")...)...)
	run(exitDone, "put the store back from a backup at ", "audit", "verify")
	run(exitDone, "the record holds", "audit", "verify")
	run(exitDone, "put the store back from backup.age", "audit", "list", "--limit", "1")
	kept, err := filepath.Glob(filepath.Join(dir, "state", "demo-7-60", "rollcall.db.replaced-*"))
	if err != nil || len(kept) != 1 {
		t.Errorf("%v %v", kept, err)
	}

	term := start(t, 100, 30, with()...) // another console has it open
	term.wait("Leavers")
	run(exitHeld, "close that rollcall first", append([]string{"restore", backup}, from("")...)...)
	run(exitDone, "sealed with the passphrase", append([]string{"backup", backup + "2"}, from("")...)...) // a backup may be made beside it
	term.quit()
}

// TestReportCommand: the report of a batch as text, JSON and a page for its owner alone, with an anchor on its last line that verify
// takes; nothing of a hostile name gets into the page, and there is no script on it.
func TestReportCommand(t *testing.T) {
	dir := t.TempDir()
	with := func(args ...string) []string {
		return append(args, "--demo", "--people", "60", "--state", filepath.Join(dir, "state"))
	}
	plan, page := filepath.Join(dir, "plan.json"), filepath.Join(dir, "report.html")
	if out, code := command(t, with("plan", "--kind", "leaver", "-o", plan)...); code != exitDone {
		t.Fatalf("%d %s", code, out)
	}
	if out, code := command(t, with("apply", plan, "--confirm", "999")...); code != exitHeld { // staged, and cancelled again
		t.Fatalf("%d %s", code, out)
	}
	out, code := command(t, with("report", "1")...)
	if code != exitDone || !regexp.MustCompile(`record \d+ rows · head [0-9a-f]{16}… · signed \d+ \w+ \d{4} [\d:]+ UTC by key [0-9a-f]{16}`).MatchString(out) || !strings.Contains(out, "disable account") {
		t.Errorf("%d %s", code, out)
	}
	saw := regexp.MustCompile(`--saw (\d+:[0-9a-f]{64})`).FindStringSubmatch(out)
	if saw == nil {
		t.Fatal(out)
	}
	if out, code := command(t, with("audit", "verify", "--saw", saw[1])...); code != exitDone || !strings.Contains(out, "the record holds") {
		t.Errorf("%d %s", code, out)
	}
	if out, code := command(t, with("audit", "verify", "--saw", saw[1][:len(saw[1])-4]+"0000")...); code != exitFailed || !strings.Contains(out, "is not the one that was seen") {
		t.Errorf("%d %s", code, out)
	}
	var r desk.BatchReport
	if out, code := command(t, with("report", "1", "--json")...); code != exitDone || json.Unmarshal([]byte(out), &r) != nil || r.Changes == 0 || r.Record.Signed == 0 {
		t.Errorf("%d %s", code, out)
	}
	for want := range 2 {
		if out, code := command(t, with("report", "1", "-o", page)...); (code == exitDone) != (want == 0) {
			t.Errorf("%d %s", code, out)
		}
	}
	info, err := os.Stat(page)
	if err != nil || (runtime.GOOS != "windows" && info.Mode().Perm() != fs.FileMode(0o600)) {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if out, code := command(t, with("report", "99")...); code != exitFailed || !strings.Contains(out, "batch 99 is not in the store") {
		t.Errorf("%d %s", code, out)
	}

	for _, hostile := range append(namestest.Hostile(), `<script>alert(1)</script>`, `" onload="x`, `javascript:x`) {
		r := desk.BatchReport{Firm: hostile, Title: hostile, Stop: hostile, CreatedBy: hostile, Needs: hostile, Line: hostile, By: hostile, Made: time.Now()}
		r.Releases = []provisioning.Release{{By: hostile, Reason: hostile, Account: hostile}}
		r.Approvals = []provisioning.Approval{{By: hostile, Approver: hostile, Hash: hostile}}
		r.People = []desk.ReportPerson{{Name: hostile, Account: hostile, Office: hostile, Reason: hostile, Changes: []desk.ReportChange{{What: hostile, Effect: hostile, Evidence: hostile, Error: hostile}}}}
		r.Course = []desk.ReportStep{{Actor: hostile, Person: hostile, Detail: hostile}}
		var out, text bytes.Buffer
		if err := htmlReport(&out, &r); err != nil {
			t.Fatal(err)
		}
		textReport(&text, &r)
		for what, got := range map[string]string{"page": out.String(), "text": text.String()} {
			for _, c := range got {
				if (c < ' ' && c != '\n') || (c >= 0x7f && c < 0xa0) {
					t.Errorf("%q is on the %s as %q", hostile, what, c)
				}
			}
		}
		if page := out.String(); strings.Contains(page, "<script") || strings.Contains(page, ` onload="x`) || !strings.Contains(page, "default-src 'none'") {
			t.Errorf("%q: %s", hostile, page)
		}
	}
}

// TestStorePlaces: what config.toml may say of keys, anchors and how much is kept; anything else is told.
func TestStorePlaces(t *testing.T) {
	good, err := parseConfig("config.toml", []byte("signing_key = 'file:/k'\n[anchor]\nfile = '/mnt/audit/anchors.jsonl'\nsyslog = 'udp://loghost:514'\n[keep]\nsnapshots = 5\nhistory = '400d'\n"))
	if err != nil {
		t.Fatal(err)
	}
	if keep, err := good.Keep.kept(); err != nil || keep.Snapshots != 5 || keep.History != 400*24*time.Hour || good.anchorFile("/s") != "/mnt/audit/anchors.jsonl" {
		t.Errorf("%+v %v", keep, err)
	}
	for _, c := range []struct{ record, signing, want string }{
		{"", "", "keyring:rollcall/signing"},
		{"file:/a/record.key", "", "file:/a/record.key.signing"},
		{"age:rollcall/record", "", "age:rollcall/signing"},
		{"file:/a", "keyring:x/y", "keyring:x/y"},
	} {
		if got := (&setup{RecordKey: c.record, SigningKey: c.signing}).signingKey(); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	two := &setup{chosen: "lon", Connections: []connection{{Name: "lon", System: "imanage"}, {Name: "nyc", System: "imanage"}}}
	if got := two.anchorFile("/s"); got != filepath.Join("/s", "anchors-lon.jsonl") {
		t.Error(got)
	}
	for _, bad := range []keepRules{{Snapshots: -1}, {Snapshots: 2000}, {History: "long"}, {History: "1h"}, {History: "-5d"}, {History: "99999999d"}} {
		if _, err := bad.kept(); provisioning.CodeOf(err) != provisioning.Invalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
