package report_test

import (
	"testing"

	"github.com/charmbracelet/x/exp/golden"
)

// TestGolden holds each format of the small book to the file in testdata; -update writes them anew, to be read before they are believed.
func TestGolden(t *testing.T) {
	one := small()
	one.Tables = one.Tables[:1]
	t.Run("csv", func(t *testing.T) { golden.RequireEqual(t, written(t, "csv", one)) })
	t.Run("json", func(t *testing.T) { golden.RequireEqual(t, written(t, "json", small())) })
	t.Run("html", func(t *testing.T) { golden.RequireEqual(t, written(t, "html", small())) })
	parts := unzip(t, written(t, "xlsx", small()))
	for _, part := range []string{"workbook", "worksheets/sheet1", "worksheets/sheet2", "worksheets/sheet3"} {
		t.Run("xlsx/"+part, func(t *testing.T) { golden.RequireEqual(t, tidy(parts["xl/"+part+".xml"])) })
	}
}
