package desk_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/xuri/excelize/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

// TestAnswerOfAWorkbook: what a reviewer without a console decided in a workbook counts once, as theirs, entered by whoever took it in; what
// is not theirs any more is left out and named; nobody carries in a decision on their own access; a later file takes the place of one that
// was not answered.
func TestAnswerOfAWorkbook(t *testing.T) {
	ctx := context.Background()
	s, d := reviewing(t, 8)
	r := s.opened(d, desk.NewCampaign{Scope: provisioning.CampaignScope{Groups: []string{"LON/ALL"}}, Stages: []provisioning.ReviewStage{{Reviewers: []string{"u002@firm.example"}}}})
	if _, err := d.MakePacket(ctx, r, "nobody@firm.example", "xlsx"); provisioning.CodeOf(err) != provisioning.NotFound {
		t.Errorf("for nobody: %v", err)
	}
	old, err := d.MakePacket(ctx, r, "u002@firm.example", "xlsx")
	if err != nil {
		t.Fatal(err)
	}
	f, err := d.MakePacket(ctx, r, "u002@firm.example", "xlsx")
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(f.Packet.Items, 2) || len(f.Packet.Items) != 7 || f.Words != "" { // U002's own is the second
		t.Fatalf("%+v", f.Packet)
	}
	if _, err := d.ImportAnswer(ctx, filled(t, old.Data)); provisioning.CodeOf(err) != provisioning.Stale {
		t.Errorf("an older file: %v", err)
	}
	answer := filled(t, f.Data)
	in, err := d.ImportAnswer(ctx, answer)
	if err != nil || in.Signed || in.Reviewer.Key != "u002@firm.example" || in.Kept != 3 || in.Revoked != 3 || len(in.Refused) != 1 {
		t.Fatalf("%+v, %v", in, err) // U001 is the operator who takes it in: not theirs to carry
	}
	if n := r.Counts(); n.Kept != 3 || n.Revoked != 3 || n.Open != 2 {
		t.Errorf("%+v", n)
	}
	by := make(map[string]int)
	if err := s.store.ReviewDecisions(ctx, 1, func(one provisioning.ReviewDecision) error {
		by[one.Reviewer+" by "+one.By+" "+one.How]++
		return nil
	}); err != nil || by["u002@firm.example by l.ortiz xlsx "+f.Packet.ID] != 6 || len(by) != 1 {
		t.Errorf("%v, %v", by, err)
	}
	if _, err := d.ImportAnswer(ctx, answer); provisioning.CodeOf(err) != provisioning.Stale {
		t.Errorf("twice: %v", err)
	}
	if n := r.Counts(); n.Kept != 3 || n.Revoked != 3 {
		t.Errorf("after the second time %+v", n)
	}
}

// filled writes keep and revoke, in turns, into the column of the decisions.
func filled(t *testing.T, data []byte) []byte {
	t.Helper()
	x, err := excelize.OpenReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, sheet := range x.GetSheetList() {
		rows, err := x.GetRows(sheet)
		if err != nil {
			t.Fatal(err)
		}
		head, column := -1, -1
		for i, row := range rows {
			if c := slices.Index(row, "Decision"); c >= 0 {
				head, column = i, c
			}
		}
		if head < 0 {
			continue
		}
		for i := head + 1; i < len(rows); i++ {
			cell, err := excelize.CoordinatesToCellName(column+1, i+1)
			if err != nil {
				t.Fatal(err)
			}
			if err := x.SetCellStr(sheet, cell, []string{"keep", "revoke"}[(i-head)%2]); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		if err := x.Write(&out); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	t.Fatal("the workbook has no column of decisions")
	return nil
}
