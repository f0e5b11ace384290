package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"rollcall/provisioning/audit"
)

// TestCertificate: a leaver's removal is listed and looked at; the certificate is written whole, for its owner alone and over nothing; it
// is verified with nothing else at hand, by its key; a changed byte and another key are found, with exit code 1; the page to print runs
// nothing and fetches nothing.
func TestCertificate(t *testing.T) {
	dir := t.TempDir()
	demo := func(args ...string) []string {
		return append(args, "--demo", "--people", "120", "--state", filepath.Join(dir, "state"))
	}
	if out, code := command(t, demo("certificate", "TBARNES")...); code == exitDone {
		t.Errorf("a certificate of nothing: %s", out)
	}
	if out, code := command(t, demo("leaver", "TBARNES", "--confirm", "1")...); code != exitDone {
		t.Fatalf("%d %s", code, out)
	}
	type list struct {
		Removals []struct {
			Batch           int64
			Account         string
			Looks           int
			Sentence        string
			Overdue         bool
			SeenOff, LetIn  any
			Asked, Accepted string
		}
	}
	var before, after list
	shownJSON(t, exitDone, &before, demo("removals")...)
	if len(before.Removals) != 1 || before.Removals[0].Account != "TBARNES" || before.Removals[0].Looks != 0 || !strings.Contains(before.Removals[0].Sentence, "seen off pending") {
		t.Fatalf("%+v", before)
	}
	pending, code := command(t, demo("certificate", "1")...)
	s, err := audit.ReadSigned(strings.NewReader(pending))
	if err != nil || code != exitDone || s.Certificate.Complete || !s.Certificate.People[0].Accesses[0].SeenOff.IsZero() || s.Certificate.Row == 0 || len(s.Certificate.People[0].Accesses[0].Rows) == 0 {
		t.Fatalf("%d %v: %+v", code, err, s)
	}
	shownJSON(t, exitDone, &after, demo("removals", "--look")...)
	if len(after.Removals) != 1 || after.Removals[0].Looks != 1 {
		t.Fatalf("%+v", after)
	}
	file, page := filepath.Join(dir, "barnes.json"), filepath.Join(dir, "barnes.html")
	if out, code := command(t, demo("certificate", "tbarnes", "-o", file, "--html", page)...); code != exitDone || !strings.Contains(out, file) {
		t.Fatalf("%d %s", code, out)
	}
	link := filepath.Join(dir, "link.json")
	if err := os.Symlink(filepath.Join(dir, "elsewhere.json"), link); err != nil && runtime.GOOS != "windows" {
		t.Fatal(err)
	}
	for _, there := range []string{file, link} {
		if out, code := command(t, demo("certificate", "1", "-o", there)...); code != exitUsage || !strings.Contains(out, "could not be written") {
			t.Errorf("over %s: %d %s", there, code, out)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".rollcall-") || e.Name() == "elsewhere.json" {
			t.Errorf("%s was left", e.Name())
		}
	}
	for _, one := range []string{file, page} {
		if info, err := os.Stat(one); err != nil || (runtime.GOOS != "windows" && info.Mode().Perm() != 0o600) {
			t.Errorf("%v %v", info, err)
		}
	}
	key, _ := command(t, demo("audit", "key")...)
	key = strings.TrimSpace(key)
	away := []string{"--config", filepath.Join(dir, "none"), "--state", filepath.Join(dir, "nowhere")}
	verify := func(want int, args ...string) string {
		t.Helper()
		out, code := command(t, append(append([]string{"certificate", "verify"}, args...), away...)...)
		if code != want {
			t.Errorf("%v: %d, want %d: %s", args, code, want, out)
		}
		return out
	}
	if out := verify(exitDone, file); !strings.Contains(out, "whose key that is, say with --key") || !strings.Contains(out, "not claimed: Nothing about sessions") {
		t.Errorf("%s", out)
	}
	if out := verify(exitDone, file, "--key", key); !strings.Contains(out, "a key that was given with --key") || !strings.Contains(out, "TBARNES") {
		t.Errorf("%s", out)
	}
	verify(exitFailed, file, "--key", strings.Repeat("ab", 32))
	verify(exitUsage, file, "--key", "x")
	verify(exitUsage, filepath.Join(dir, "none.json"))
	verify(exitFailed, page)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	forged := filepath.Join(dir, "forged.json")
	if err := os.WriteFile(forged, []byte(strings.Replace(string(text), "TBARNES", "TBARNEZ", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	verify(exitFailed, forged)
	var said struct {
		OK     bool
		Reason string
	}
	if err := json.Unmarshal([]byte(firstObject(verify(exitFailed, forged, "--json"))), &said); err != nil || said.OK || said.Reason == "" {
		t.Errorf("%+v, %v", said, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("verifying made a state folder")
	}
	html, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	s, err = audit.ReadSigned(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Tom Barnes", "TBARNES", audit.Fingerprint(s.PublicKey), "Nothing about sessions", "default-src 'none'", "size: A4"} {
		if !strings.Contains(string(html), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, never := range []string{"<script", "http://", "https://", "javascript:", "<img", "<link", "@import"} {
		if strings.Contains(strings.ToLower(string(html)), never) {
			t.Errorf("the page holds %q", never)
		}
	}
	if complete := strings.Contains(string(html), "Complete: every access was seen off"); complete != s.Certificate.Complete || complete == strings.Contains(string(html), "NOT COMPLETE") {
		t.Errorf("the page says complete: %t, the certificate %t", complete, s.Certificate.Complete)
	}
}

// firstObject is the JSON object at the beginning of an output.
func firstObject(out string) string {
	text, _, _ := strings.Cut(out, "\nrollcall: ")
	return text
}
