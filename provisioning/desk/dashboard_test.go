package desk_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/report"
)

// opens gives the rows that a figure opens to, as a program reads them.
func opens(t interface {
	Helper()
	Fatal(args ...any)
}, d *desk.Desk, key string,
) []map[string]any {
	t.Helper()
	table, err := d.FigureRows(context.Background(), key)
	if err != nil {
		t.Fatal(key, err)
	}
	var out bytes.Buffer
	if err := report.WriteJSON(&out, &report.Book{Title: "t", Made: noon, Tables: []report.Table{*table}}); err != nil {
		t.Fatal(key, err)
	}
	var book struct {
		Tables []struct {
			Rows []map[string]any `json:"rows"`
		} `json:"tables"`
	}
	if err := json.Unmarshal(out.Bytes(), &book); err != nil || len(book.Tables) != 1 {
		t.Fatal(key, err)
	}
	return book.Tables[0].Rows
}

// TestFiguresOpenToTheirRows: over random firms, each figure of the dashboard opens to as many rows as it says, and comes to what they come
// to; and those that can be counted by another route are what that says.
func TestFiguresOpenToTheirRows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ctx := context.Background()
		s, d := seated(t, 12)
		enabled, left := make(map[string]bool), make(map[string]bool)
		for i := 1; i <= 12; i++ {
			id, account, _ := user(i)
			at := noon.Add(-time.Duration(rapid.IntRange(1, 300).Draw(rt, "hours")) * time.Hour)
			if rapid.IntRange(0, 3).Draw(rt, "gone") == 0 {
				s.okta.set(id, provisioning.StatusDeprovisioned)
				s.okta.mu.Lock()
				s.okta.list[i-1].StatusChanged = at
				s.okta.mu.Unlock()
				left[account] = true
			}
			s.dms.change(account, func(a *provisioning.Account) {
				a.Enabled = rapid.IntRange(0, 4).Draw(rt, "enabled") > 0
				a.External = rapid.Bool().Draw(rt, "external")
				enabled[account] = a.Enabled
				if rapid.Bool().Draw(rt, "bare") {
					a.Groups, a.Memberships = nil, nil
				}
			})
			if rapid.Bool().Draw(rt, "used") {
				s.useAt(account, at.AddDate(0, 0, -rapid.IntRange(0, 120).Draw(rt, "days")))
			}
			if rapid.IntRange(0, 5).Draw(rt, "blind") == 0 {
				s.dms.mu.Lock()
				s.dms.blind[account] = true
				s.dms.mu.Unlock()
			}
		}
		s.read(d)
		if rapid.Bool().Draw(rt, "read use") {
			readUse(t, d)
		}
		b, err := d.Dashboard(ctx)
		if err != nil {
			rt.Fatal(err)
		}
		value := make(map[string]desk.Figure)
		for _, f := range b.Figures {
			value[f.Key] = f
			agrees(rt, d, f)
		}
		leavers, paid := 0, 0
		for account, on := range enabled {
			if on && left[account] {
				leavers++
			}
		}
		for id, a := range s.dms.accounts {
			if a.Enabled || !a.External { // externals that are disabled are not paid for
				paid++
			}
			_ = id
		}
		if got := value["mismatch.leaver"].Value; got != int64(leavers) {
			rt.Fatalf("%d leavers, and %d by the test's count", got, leavers)
		}
		if got := value["seats.paid"].Value; got != int64(paid) {
			rt.Fatalf("%d paid seats, and %d by the test's count", got, paid)
		}
		money := int64(0)
		for _, a := range s.dms.accounts {
			switch {
			case a.External && a.Enabled:
				money += 12050
			case !a.External:
				money += 48000
			}
		}
		if got := value["seats.paid-money"].Value; got != money {
			rt.Fatalf("%d, and %d by the test's count", got, money)
		}
		tallies, err := s.store.Tallies(ctx, time.Time{})
		if err != nil || len(tallies) < 2 {
			rt.Fatalf("%d tallies, %v", len(tallies), err)
		}
		last := tallies[len(tallies)-1]
		if last.Kinds[provisioning.KindLeaver] != leavers || int64(last.Money) != money {
			rt.Fatalf("%+v", last)
		}
	})
}

// agrees holds a figure against its rows.
func agrees(rt *rapid.T, d *desk.Desk, f desk.Figure) {
	rt.Helper()
	rows := opens(rt, d, f.Key)
	if len(rows) != f.Rows {
		rt.Fatalf("%s says %d rows and opens to %d", f.Key, f.Rows, len(rows))
	}
	column := func(name string) (list []int64) {
		for _, r := range rows {
			switch v := r[name].(type) {
			case nil:
			case float64:
				list = append(list, int64(v))
			case map[string]any:
				list = append(list, int64(v["hundredths"].(float64)))
			default:
				rt.Fatalf("%s: %v", f.Key, v)
			}
		}
		return list
	}
	var want, sum int64
	switch f.Unit {
	case "":
		want = int64(len(rows))
	case desk.UnitMoney:
		for _, n := range column("money") {
			want += n
		}
	case desk.UnitMinutes:
		minutes := column("minutes")
		for _, n := range minutes {
			sum += n
			if f.Key == "leaver.oldest" {
				want = max(want, n)
			}
		}
		if f.Key == "leaver.oldest" && !slices.IsSortedFunc(minutes, func(a, b int64) int { return cmp.Compare(b, a) }) {
			rt.Fatalf("the oldest leaver does not stand first: %v", minutes)
		}
		if f.Key == "leaver.mean" && len(minutes) > 0 {
			want = sum / int64(len(minutes))
		}
	}
	if f.Value != want {
		rt.Fatalf("%s says %d %s, and its rows come to %d", f.Key, f.Value, f.Unit, want)
	}
}
