package provisioning_test

import (
	"strings"
	"testing"

	"rollcall/provisioning"
)

// TestMoney: the hundredth parts are never lost, and the sign stands before the whole amount.
func TestMoney(t *testing.T) {
	for amount, want := range map[provisioning.Money]string{
		0: "GBP 0.00", 5: "GBP 0.05", -5: "GBP -0.05", 123450: "GBP 1234.50", -100: "GBP -1.00",
	} {
		if got := amount.In("GBP"); got != want {
			t.Errorf("%d: %s, not %s", amount, got, want)
		}
		want = strings.Replace(want, " ", " +", 1)
		if got := amount.More("GBP"); got != strings.Replace(want, "+-", "-", 1) {
			t.Errorf("%d more: %s", amount, got)
		}
	}
}
