package dispatchtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"testing"

	"rollcall/provisioning"
	"rollcall/provisioning/dispatch/dispatchtest"
)

// TestEveryKind: no kind of change is left out of the tests of the dispatchers. The kinds are read where they are declared.
func TestEveryKind(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "change.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := make(map[provisioning.ChangeKind]bool)
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		name, ok := spec.Type.(*ast.Ident)
		value, literal := spec.Values[0].(*ast.BasicLit)
		if !ok || !literal || name.Name != "ChangeKind" {
			return true
		}
		kind, err := strconv.Unquote(value.Value)
		if err != nil {
			t.Fatal(err)
		}
		declared[provisioning.ChangeKind(kind)] = true
		return true
	})
	if len(declared) < 12 {
		t.Fatalf("only %d kinds of change were found", len(declared))
	}
	alone, small := make(map[provisioning.ChangeKind]bool), make(map[provisioning.ChangeKind]bool)
	for _, d := range dispatchtest.Deeds() {
		alone[d.Kind] = true
	}
	for _, u := range dispatchtest.EveryKind().Batch.Units {
		for i := range u.Ops {
			small[u.Ops[i].Change.Kind] = true
		}
	}
	for kind := range declared {
		if !alone[kind] || !small[kind] {
			t.Errorf("%s: in the table of deeds %t, in the small batch %t", kind, alone[kind], small[kind])
		}
	}
}
