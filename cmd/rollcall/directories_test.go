package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestOneRosterOfAll: the demo firm on all four directories is one merged roster; each directory's share, freshness and proof are on
// the screen, and the mismatches are those of the same firm on one.
func TestOneRosterOfAll(t *testing.T) {
	kinds := make(map[string]map[string]int)
	for _, directories := range []string{"okta", "all"} {
		out, code := command(t, "sim", "--truth", "--directory", directories)
		var truth struct {
			Mismatches []struct {
				Kind     string   `json:"kind"`
				Accounts []string `json:"accounts"`
			} `json:"mismatches"`
		}
		if err := json.Unmarshal([]byte(out), &truth); err != nil || code != 0 {
			t.Fatalf("%d %v", code, err)
		}
		kinds[directories] = make(map[string]int)
		for _, m := range truth.Mismatches {
			kinds[directories][fmt.Sprint(m.Kind, m.Accounts)]++
		}
	}
	if !maps.Equal(kinds["okta"], kinds["all"]) {
		t.Errorf("on one: %v\non all: %v", kinds["okta"], kinds["all"])
	}

	term := start(t, 120, 40, "demo", "--directory", "all", "--state", t.TempDir())
	screen := term.wait("Leavers")
	header := strings.SplitN(screen, "\n", 2)[0]
	if found := regexp.MustCompile(`okta [\d,]+ ✓ .*entra [\d,]+ ✓ .*google [\d,]+ ✓ .*onelogin [\d,]+ ✓ .*imanage [\d,]+ ✓ +\d\d:\d\d`).FindString(header); found == "" {
		t.Errorf("the header does not tell every source: %s", header)
	}
	for _, tab := range []string{"Leavers 14", "Joiners 9", "Drift 69", "Unconfigured 5", "Orphans 7", "Disputed 12"} {
		if !strings.Contains(screen, tab) {
			t.Errorf("%q is not on the screen", tab)
		}
	}
	term.press("C")
	screen = term.wait("Connections   5")
	proven := regexp.MustCompile(`(?m)^..(\w+) +\w+ +[\d,]+ (?:people|accounts) +✓ proven whole \d\d:\d\d`)
	var sources []string
	for _, m := range proven.FindAllStringSubmatch(screen, -1) {
		sources = append(sources, m[1])
	}
	if want := []string{"okta", "entra", "google", "onelogin", "imanage"}; !slices.Equal(sources, want) {
		t.Errorf("shares and proofs of %v:\n%s", sources, screen)
	}
	term.press("j")
	term.wait("no @odata.nextLink on the last") // each proof says what it rests on
	term.press("jj")
	term.wait("the reported total agrees")
	term.press("\x1b")
	term.wait("Leavers")
	term.quit()
}
