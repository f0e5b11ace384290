package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// house is the import table of DESIGN section 1: for each package (a * stands for one path element), which of ours it may
// import. A package that no row names may not exist.
func house() []struct {
	pkg string
	may []string
} {
	engine := []string{"provisioning", "provisioning/names"}
	with := func(base []string, more ...string) []string { return append(slices.Clone(base), more...) }
	compare := with(engine, "provisioning/search", "provisioning/correlate", "provisioning/policy", "provisioning/audit")
	propose := with(compare, "provisioning/compare")
	staging := with(propose, "provisioning/propose")
	everything := with(staging, "provisioning/staging", "provisioning/commit", "provisioning/certify", "provisioning/certify/handout", "provisioning/licence", "provisioning/report")
	screens := []string{"tui/roster", "tui/person", "tui/library", "tui/batch", "tui/wizard", "tui/campaign", "tui/seats", "tui/record", "tui/connect", "tui/calendar", "tui/policy", "tui/dashboard"}
	screen := []string{"provisioning", "provisioning/names", "provisioning/desk", "themes", "tui/ui"}
	return []struct {
		pkg string
		may []string
	}{
		{"provisioning/names", nil},
		{"provisioning/names/namestest", nil}, // the hostile corpus, for tests
		{"provisioning", []string{"provisioning/names"}},
		{"provisioning/search", engine},
		{"provisioning/correlate", engine},
		{"provisioning/strict", []string{"provisioning"}}, // the operator's files, read strictly
		{"provisioning/policy", with(engine, "provisioning/strict")},
		{"provisioning/policy/policytest", engine}, // random policies and people, for tests
		{"provisioning/audit", engine},
		{"provisioning/compare", compare},
		{"provisioning/propose", propose},
		{"provisioning/staging", staging},
		{"provisioning/commit", with(engine, "provisioning/audit")},
		{"provisioning/certify", with(engine, "provisioning/policy", "provisioning/compare", "provisioning/audit")},
		{"provisioning/certify/handout", engine}, // the files for reviewers without a console
		{"provisioning/licence", with(engine, "provisioning/policy", "provisioning/compare", "provisioning/audit")},
		{"provisioning/report", engine}, // tables as files
		{"provisioning/dispatch/dispatchtest", with(engine, "provisioning/audit", "clients/imanage/imanagetest", "clients/wire/wiretest")}, // batches with every kind of change, for tests
		{"provisioning/dispatch/*", []string{"provisioning", "provisioning/commit"}},
		{"provisioning/store/*", engine},
		{"provisioning/desk", everything},
		{"clients/wire", []string{"provisioning"}},
		{"clients/wire/oauth", []string{"provisioning"}},    // tokens and assertions
		{"clients/wire/spectest", nil},                      // the vendors' descriptions, for tests
		{"clients/wire/wiretest", []string{"provisioning"}}, // the bench under every simulator: request log and faults
		{"clients/credentials", []string{"provisioning"}},
		{"clients/demofirm", []string{"provisioning", "provisioning/names", "provisioning/names/namestest", "clients/*/*test", "clients/wire/wiretest"}},
		{"clients/*/*test", []string{"provisioning", "provisioning/names", "clients/{1}", "clients/wire/wiretest"}},
		{"clients/*", []string{"provisioning", "provisioning/names", "clients/wire", "clients/wire/oauth"}},
		{"themes", nil},
		{"tui/ui", []string{"provisioning/names", "themes"}},
		{"tui/*", screen},
		{"tui", append(screens, screen...)},
		{"cmd/*", []string{"*", "*/*", "*/*/*"}},
	}
}

func TestTheHouse(t *testing.T) {
	root := filepath.Join("..", "..")
	packages := 0
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); name == "testdata" || (strings.HasPrefix(name, ".") && file != root) || name == "bin" || name == "dist" {
				return filepath.SkipDir
			}
			found, err := checkPackage(t, root, file)
			if found {
				packages++
			}
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if packages < 20 {
		t.Errorf("only %d packages were found: the walk is wrong", packages)
	}
}

// checkPackage holds one folder's non-test files against the table, and wants a package comment in one of them.
func checkPackage(t *testing.T, root, dir string) (found bool, err error) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return false, err
	}
	rel, err := filepath.Rel(root, dir)
	if err != nil {
		return false, err
	}
	pkg := filepath.ToSlash(rel)
	documented, ours := false, false
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		ours = true
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return false, err
		}
		documented = documented || (parsed.Doc != nil && len(parsed.Doc.Text()) > 60)
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return false, err
			}
			if of, ok := strings.CutPrefix(imported, "rollcall/"); ok && !mayImport(pkg, of) {
				t.Errorf("%s imports %s, which the table forbids", filepath.ToSlash(file), of)
			}
		}
	}
	if ours && !documented {
		t.Errorf("%s has no package comment that says what it is for", pkg)
	}
	if ours && rowOf(pkg) < 0 {
		t.Errorf("%s stands in no row of the table", pkg)
	}
	return ours, nil
}

func rowOf(pkg string) int {
	return slices.IndexFunc(house(), func(row struct {
		pkg string
		may []string
	},
	) bool {
		ok, _ := path.Match(row.pkg, pkg)
		return ok
	})
}

func mayImport(pkg, imported string) bool {
	i := rowOf(pkg)
	if i < 0 {
		return false
	}
	return slices.ContainsFunc(house()[i].may, func(pattern string) bool {
		if parts := strings.Split(pkg, "/"); len(parts) > 1 {
			pattern = strings.ReplaceAll(pattern, "{1}", parts[1])
		}
		ok, _ := path.Match(pattern, imported)
		return ok
	})
}

// TestTheTable keeps the table itself honest: it must refuse what the design forbids.
func TestTheTable(t *testing.T) {
	for _, forbidden := range [][2]string{
		{"tui/roster", "tui/person"},
		{"tui/roster", "provisioning/compare"},
		{"tui", "clients/okta"},
		{"tui", "provisioning/store/sqlite"},
		{"tui/ui", "provisioning"},
		{"provisioning", "clients/wire"},
		{"provisioning/desk", "provisioning/store/sqlite"},
		{"provisioning/desk", "provisioning/dispatch/pool"},
		{"provisioning/commit", "provisioning/policy"},
		{"provisioning/store/sqlite", "provisioning/audit"},
		{"clients/okta", "clients/imanage"},
		{"clients/okta/oktatest", "clients/imanage"},
		{"clients/demofirm", "provisioning/compare"},
		{"provisioning/names", "provisioning"},
	} {
		if mayImport(forbidden[0], forbidden[1]) {
			t.Errorf("the table lets %s import %s", forbidden[0], forbidden[1])
		}
	}
}

// TestTopLevel holds the layout that the customer fixed.
func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	fixed := []string{"cmd", "tui", "provisioning", "clients", "themes", "go.mod", "go.sum", "Makefile", "README.md", "bin", "dist"}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(fixed, e.Name()) {
			t.Errorf("%s does not belong at the top level", e.Name())
		}
	}
}
