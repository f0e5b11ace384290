package desk_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// threat is one of the threats with the tests that hold it, as folder#function.
type threat struct {
	row   string
	tests []string
}

// threats are the rows G and H of the threats that this house was built against.
func threats() []threat {
	return []threat{
		{"G1 everyone left: the limits, in a batch and any window, each kind and each place apart", []string{
			"staging#TestGuards", "staging#TestNoBatchPassesTheLimit", "staging#TestKindsApart", "staging#TestParts", "desk#TestNoWindowIsExceeded",
		}},
		{"G1 everyone left: a source that returned 0, shrank, was refused or filtered", []string{
			"desk#TestASourceThatShrank", "desk#TestABrokenDirectoryMakesNoLeaver", "desk#TestEverybodyLeft",
		}},
		{"G1 everyone left: the same change was undone; somebody who left is let in", []string{"staging#TestTriggers", "desk#TestNotAgain", "store/sqlite#TestUndone"}},
		{"G1 everyone left: windows count what was done from anywhere, by any clock", []string{
			"store/sqlite#TestEnded", "store/sqlite#TestEndedByACrookedClock", "store/sqlite#TestLetGo", "desk#TestTwoDesksAtOnce", "desk#TestRetryIsJudged",
		}},
		{"G1 everyone left: a release names its people, for an hour and a hash", []string{"staging#TestReleases", "desk#TestReleaseByPerson", "desk#TestReleaseExpires"}},
		{"G2 break-glass and service accounts", []string{"staging#TestLive", "staging#TestLockedOut", "desk#TestProtectedAreNeverClosed", "desk#TestPolicyOfTwo"}},
		{"G3 self-lockout", []string{"staging#TestLive", "staging#TestLockedOut", "desk#TestNobodyLocksThemselvesOut"}},
		{"H1 requester ≠ approver", []string{
			"store/sqlite#TestNobodyApprovesTheirOwn", "staging#TestHash", "staging#TestEdits", "staging#TestCheckApproval", "staging#TestEveryFieldIsSigned",
			"desk#TestFourEyes", "desk#TestRequesterIsNotApprover", "desk#TestEditVoidsApproval", "desk#TestApprovalBySQL", "desk#TestApprovalEnds",
		}},
		{"H2 two operators race", []string{"store/sqlite#TestOptimisticLock", "store/sqlite#TestFencing", "store/sqlite#TestLetGo", "desk#TestTwoDesksAtOnce", "desk#TestMachine"}},
		{"H3 roles", []string{"desk#TestRoles"}},
		{"H4 re-used logins, rehire", []string{"propose#TestNobodyInheritsARight", "desk#TestRehire", "desk#TestMadeForThem"}},
	}
}

// TestEveryThreatIsHeld: each row G1 to G3 and H1 to H4 has its tests, and they are there.
func TestEveryThreatIsHeld(t *testing.T) {
	there := make(map[string]map[string]bool)
	rows := make(map[string]bool)
	for _, h := range threats() {
		rows[h.row[:2]] = true
		if len(h.tests) == 0 {
			t.Errorf("%s: nothing holds it", h.row)
		}
		for _, test := range h.tests {
			folder, name, _ := strings.Cut(test, "#")
			if there[folder] == nil {
				there[folder] = testsIn(t, filepath.Join("..", filepath.FromSlash(folder)))
			}
			if !there[folder][name] {
				t.Errorf("%s: %s has no %s", h.row, folder, name)
			}
		}
	}
	for _, row := range []string{"G1", "G2", "G3", "H1", "H2", "H3", "H4"} {
		if !rows[row] {
			t.Errorf("%s is not in the table", row)
		}
	}
}

// testsIn lists the test functions of a folder.
func testsIn(t *testing.T, dir string) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				names[f.Name.Name] = true
			}
		}
	}
	return names
}
