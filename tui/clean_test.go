package tui_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// foreign are the fields that hold strings of a system, and of an operator's files: they reach a screen as names.Text alone.
var foreign = []string{
	"FullName", "GivenName", "FamilyName", "Email", "Login", "SSOName", "Office", "Department", "Title", "Phone", "ID", "Account", "Person", "Name", "Firm",
	"Operator", "Library", "Object", "Before", "After", "Detail", "Reason", "Subject", "Actor", "Why", "Note", "Result", "Effect", "What", "How", "Evidence", "Error", "Want", "Stop", "Sentence", "Long", "Short",
	"Hold", "Template", "OldSeat", "NewSeat", "By", "Zone", "Successor", "Rehire", "Like", "None", "Key", "Release",
}

// TestNoRawForeignString: Word and Cell take words of ours; nothing that a system said may be handed to them (threats A1).
func TestNoRawForeignString(t *testing.T) {
	files, err := filepath.Glob("*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	for _, file := range append(files, "tui.go", "frame.go", "open.go", "offers.go") {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 2 {
				return true
			}
			if f, ok := call.Fun.(*ast.SelectorExpr); !ok || (f.Sel.Name != "Word" && f.Sel.Name != "Cell") {
				return true
			}
			calls++
			ast.Inspect(call.Args[1], func(n ast.Node) bool {
				if inner, ok := n.(*ast.CallExpr); ok { // what a function makes of it is looked at there, names.Clean(…) above all
					if f, ok := inner.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Bare" {
						return false
					}
				}
				if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains(foreign, s.Sel.Name) {
					if inner, isCall := call.Args[1].(*ast.CallExpr); isCall && inner.Fun == n {
						return true
					}
					t.Errorf("%s: %s reaches the screen as it came", set.Position(s.Pos()), s.Sel.Name)
				}
				return true
			})
			return true
		})
	}
	if calls < 60 {
		t.Errorf("only %d calls were looked at", calls)
	}
}
