package handout_test

import (
	"archive/zip"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/certify/handout"
	"rollcall/provisioning/names/namestest"
)

var at = time.Date(2026, 11, 25, 14, 0, 0, 0, time.UTC)

func campaign() *provisioning.Campaign {
	return &provisioning.Campaign{ID: 3, Name: "Q4 review", State: provisioning.CampaignOpen, Stages: []provisioning.ReviewStage{{Name: "first", Due: at.AddDate(0, 0, 14)}}}
}

func items(n int) []provisioning.ReviewItem {
	list := make([]provisioning.ReviewItem, n)
	for i := range list {
		list[i] = provisioning.ReviewItem{
			N: 2*i + 1, Account: fmt.Sprintf("U%03d", i), Name: fmt.Sprintf("Person %d", i), Kind: provisioning.ReviewGroup, Library: "LON", Object: fmt.Sprintf("TEAM-%d", i%3), Standing: provisioning.StandsExcess,
			Usage: provisioning.UsageUnknown, Peers: 4, PeersHave: i % 5, Since: at.AddDate(-1, 0, 0),
		}
	}
	return list
}

func input(format string, n int) handout.Input {
	return handout.Input{
		Campaign: campaign(), Firm: "A firm", Reviewer: provisioning.Reviewer{Key: "boss@firm.example", Name: "The Boss"}, Items: items(n), MadeBy: "l.ortiz", Now: at,
		Expires: at.AddDate(0, 1, 0), Format: format, Rand: rand.Reader,
	}
}

func made(t *testing.T, in handout.Input) *handout.File {
	t.Helper()
	f, err := handout.Make(in)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func lookup(f *handout.File, list []provisioning.ReviewItem) handout.Lookup {
	return func(id string) (provisioning.ReviewPacket, []provisioning.ReviewItem, error) {
		if id != f.Packet.ID {
			return provisioning.ReviewPacket{}, nil, &provisioning.Error{Code: provisioning.NotFound, Message: "no such packet"}
		}
		return f.Packet, list, nil
	}
}

var derived = make(map[string][]byte) // keys by words and salt: 600,000 rounds take their time, once

// answered does what the page does, by another hand: it takes the key out of the page with the words, and signs.
func answered(t testing.TB, f *handout.File, words string, decisions []handout.Decision, bend func(map[string]any)) []byte {
	t.Helper()
	given := make(map[string]string)
	for _, m := range regexp.MustCompile(`data-([a-z]+)="([^"]*)"`).FindAllStringSubmatch(string(f.Data), -1) {
		if _, met := given[m[1]]; !met {
			given[m[1]] = strings.NewReplacer("&#43;", "+", "&#34;", `"`, "&amp;", "&").Replace(m[2])
		}
	}
	raw := func(name string) []byte {
		b, err := base64.StdEncoding.DecodeString(given[name])
		if err != nil {
			t.Fatal(name, given[name], err)
		}
		return b
	}
	rounds, err := strconv.Atoi(given["rounds"])
	if err != nil || rounds < 600_000 {
		t.Fatalf("%d rounds, %v", rounds, err)
	}
	under, met := derived[words+given["salt"]]
	if !met {
		if under, err = pbkdf2.Key(sha256.New, words, raw("salt"), rounds, 32); err != nil {
			t.Fatal(err)
		}
		derived[words+given["salt"]] = under
	}
	block, err := aes.NewCipher(under)
	if err != nil {
		t.Fatal(err)
	}
	open, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	der, err := open.Open(nil, raw("nonce"), raw("lock"), nil)
	if err != nil {
		return nil
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]any{
		"format": 1, "packet": given["packet"], "campaign": f.Packet.Campaign, "reviewer": given["reviewer"], "hash": given["hash"], "made_at": at, "decisions": decisions,
	}
	if bend != nil {
		bend(fields)
	}
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	var statement []byte
	for _, part := range []string{"rollcall review answer 1", string(text)} {
		statement = append(binary.BigEndian.AppendUint64(statement, uint64(len(part))), part...)
	}
	sum := sha256.Sum256(statement)
	r, s, err := ecdsa.Sign(rand.Reader, key.(*ecdsa.PrivateKey), sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	file, err := json.Marshal(map[string]any{"answer": string(text), "signature": signature})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func keepRevokeAsk() []handout.Decision {
	return []handout.Decision{{Item: 1, Verdict: provisioning.ReviewKeep}, {Item: 3, Verdict: provisioning.ReviewRevoke, Reason: "moved"}, {Item: 5, Verdict: provisioning.ReviewAsk, Reason: "who is this?"}}
}

// TestSignedAnswer: what is signed with the words comes back as it was decided; without them nobody signs, and what was changed, is late, was
// taken or is of another packet is refused.
func TestSignedAnswer(t *testing.T) {
	in := input(handout.HTML, 6)
	f := made(t, in)
	if len(strings.Fields(f.Words)) != 4 || bytes.Contains(f.Data, []byte(f.Words)) {
		t.Fatalf("words %q", f.Words)
	}
	good := answered(t, f, f.Words, keepRevokeAsk(), nil)
	a, err := handout.Read(good, lookup(f, in.Items), at)
	if err != nil || !a.Signed || !slices.Equal(a.Decisions, keepRevokeAsk()) || a.Packet.ID != f.Packet.ID {
		t.Fatalf("%+v, %v", a, err)
	}
	if answered(t, f, "abandon abandon abandon abandon", keepRevokeAsk(), nil) != nil {
		t.Error("other words unlock the key")
	}
	refused := func(what string, data []byte, l handout.Lookup, now time.Time, code provisioning.Code) {
		t.Helper()
		if _, err := handout.Read(data, l, now); provisioning.CodeOf(err) != code {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := range good { // any bit of the file
		bent := slices.Clone(good)
		bent[i] ^= 1 << (i % 8)
		if a, err := handout.Read(bent, lookup(f, in.Items), at); err == nil {
			t.Fatalf("byte %d changed, %q: %+v", i, bent[max(0, i-20):min(len(bent), i+20)], a.Decisions)
		}
	}
	for what, text := range map[string]string{"something after it": string(good) + "}", "a field twice": strings.Replace(string(good), "{", `{"signature":"AA==",`, 1), "a field in capitals": strings.Replace(string(good), `"answer"`, `"Answer"`, 1)} {
		refused(what, []byte(text), lookup(f, in.Items), at, provisioning.Invalid)
	}
	refused("a draft", []byte(`{"draft":1,"packet":"`+f.Packet.ID+`","decisions":[]}`), lookup(f, in.Items), at, provisioning.Invalid)
	for field, value := range map[string]any{"packet": "other", "campaign": 4, "reviewer": "x@firm.example", "hash": "00", "format": 2, "extra": 1} {
		data := answered(t, f, f.Words, keepRevokeAsk(), func(m map[string]any) { m[field] = value })
		if _, err := handout.Read(data, lookup(f, in.Items), at); err == nil {
			t.Errorf("another %s is taken", field)
		}
	}
	for what, list := range map[string][]handout.Decision{
		"none": {}, "an item of somebody else": {{Item: 2, Verdict: provisioning.ReviewKeep}}, "one twice": {{Item: 1, Verdict: "keep"}, {Item: 1, Verdict: "revoke"}},
		"another verdict": {{Item: 1, Verdict: "delegate"}}, "a question without words": {{Item: 1, Verdict: "ask", Reason: "  "}}, "a long reason": {{Item: 1, Verdict: "keep", Reason: strings.Repeat("x", 501)}},
	} {
		refused(what, answered(t, f, f.Words, list, nil), lookup(f, in.Items), at, provisioning.Invalid)
	}
	other := made(t, in)
	refused("another packet's key", answered(t, other, other.Words, keepRevokeAsk(), func(m map[string]any) { m["packet"] = f.Packet.ID }), lookup(f, in.Items), at, provisioning.Invalid)
	refused("late", good, lookup(f, in.Items), in.Expires.Add(time.Second), provisioning.Stale)
	changed := items(6)
	changed[3].Account = "OTHER"
	refused("other items", good, lookup(f, changed), at, provisioning.Invalid)
	f.Packet.Revoked = true
	refused("superseded", good, lookup(f, in.Items), at, provisioning.Stale)
	f.Packet.Revoked, f.Packet.TakenAt = false, at
	refused("taken", good, lookup(f, in.Items), at, provisioning.Stale)
	refused("too long", bytes.Repeat([]byte(" "), 8<<20+1), lookup(f, in.Items), at, provisioning.Invalid)
}

// TestNobodysOwn: somebody's own access is in no packet.
func TestNobodysOwn(t *testing.T) {
	for _, format := range []string{handout.HTML, handout.XLSX} {
		in := input(format, 3)
		in.Reviewer.Account = "u001"
		if _, err := handout.Make(in); provisioning.CodeOf(err) != provisioning.Held {
			t.Errorf("%s: %v", format, err)
		}
		in.Reviewer.Account, in.Reviewer.Person = "", provisioning.PersonKey{Directory: "okta", ID: "00u1"}
		in.Items[2].Person = in.Reviewer.Person
		if f, err := handout.Make(in); provisioning.CodeOf(err) != provisioning.Held || f != nil {
			t.Errorf("%s, the person: %v", format, err)
		}
		in.Campaign.SelfReview = true // where the campaign lets them
		if _, err := handout.Make(in); err != nil {
			t.Errorf("%s, where it may: %v", format, err)
		}
	}
}

// TestWorkbook: the decisions of a filled workbook come back; one whose rows were moved, edited, added or taken out, that holds a formula,
// another word or another packet's id is refused. No cell of it is a formula, whatever people are called.
func TestWorkbook(t *testing.T) {
	in := input(handout.XLSX, 6)
	in.Items[4].Name = "=cmd|'/c calc'!A0"
	f := made(t, in)
	fill := func(edit func(*excelize.File)) []byte {
		t.Helper()
		x, err := excelize.OpenReader(bytes.NewReader(f.Data))
		if err != nil {
			t.Fatal(err)
		}
		for cell, text := range map[string]string{"N6": "keep", "N7": " Revoke", "O7": "moved", "N8": "ask", "O8": "who is this?"} {
			if err := x.SetCellStr("Access review", cell, text); err != nil {
				t.Fatal(err)
			}
		}
		if edit != nil {
			edit(x)
		}
		var out bytes.Buffer
		if err := x.Write(&out); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	set := func(cell, text string) func(*excelize.File) {
		return func(x *excelize.File) { _ = x.SetCellStr("Access review", cell, text) }
	}
	a, err := handout.Read(fill(nil), lookup(f, in.Items), at)
	if err != nil || a.Signed || !slices.Equal(a.Decisions, keepRevokeAsk()) {
		t.Fatalf("%+v, %v", a, err)
	}
	for what, edit := range map[string]func(*excelize.File){
		"another account": set("B9", "U000"), "another access": set("D9", "library X"), "another number": set("A9", "1"), "another word": set("N9", "yes"), "a reason alone": set("O9", "moved"), "a question without words": set("O8", " "), "no packet": set("B3", " "),
		"other items": set("B4", "00"), "a row more": set("A12", "99"), "a row less": func(x *excelize.File) { _ = x.RemoveRow("Access review", 11) },
		"a formula as a decision": func(x *excelize.File) { _ = x.SetCellFormula("Access review", "N9", "1+1") }, "a formula as a name": func(x *excelize.File) { _ = x.SetCellFormula("Access review", "C9", "1+1") },
		"a formula beside": func(x *excelize.File) { _ = x.SetCellFormula("Access review", "R2", "1+1") }, "a row far below": set("A5000", "1"), "a column far out": set("AZ9", "1"),
		"a formula on another sheet": func(x *excelize.File) { _, _ = x.NewSheet("More"); _ = x.SetCellFormula("More", "A1", "1+1") },
		"nothing decided": func(x *excelize.File) {
			for _, cell := range []string{"N6", "N7", "O7", "N8", "O8"} {
				_ = x.SetCellStr("Access review", cell, "")
			}
		},
	} {
		if _, err := handout.Read(fill(edit), lookup(f, in.Items), at); provisioning.CodeOf(err) != provisioning.Invalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := handout.Read(fill(set("B3", "zz")), lookup(f, in.Items), at); provisioning.CodeOf(err) != provisioning.NotFound {
		t.Errorf("another packet: %v", err)
	}
	var named *provisioning.Error
	if _, err := handout.Read(fill(set("N9", "yes")), lookup(f, in.Items), at); !errors.As(err, &named) || !strings.Contains(named.Message, "row 9") || named.Hint == "" {
		t.Errorf("an unknown decision is told as %v", err)
	}
	empty := fill(set("A40", " ")) // what an office program leaves below
	if _, err := handout.Read(empty, lookup(f, in.Items), at); err != nil {
		t.Errorf("empty rows below: %v", err)
	}
	late := in.Expires.Add(time.Second)
	if _, err := handout.Read(fill(nil), lookup(f, in.Items), late); provisioning.CodeOf(err) != provisioning.Stale {
		t.Errorf("late: %v", err)
	}
	x, err := excelize.OpenReader(bytes.NewReader(f.Data))
	if err != nil {
		t.Fatal(err)
	}
	panes, err := x.GetPanes("Access review")
	if err != nil || !panes.Freeze || panes.YSplit != 5 {
		t.Errorf("the titles do not stay: %+v, %v", panes, err)
	}
	choices, err := x.GetDataValidations("Access review")
	if err != nil || len(choices) != 1 || choices[0].Sqref != "N6:N11" || choices[0].Formula1 != `"keep,revoke,ask"` {
		t.Errorf("the choices: %+v, %v", choices, err)
	}
	if locked, err := x.GetSheetProtection("Access review"); err != nil || !locked.SelectUnlockedCells || locked.Password != "" || locked.InsertRows || locked.Sort {
		t.Errorf("the sheet's lock: %+v, %v", locked, err)
	}
	sheet := part(t, f.Data, "xl/worksheets/sheet1.xml")
	if !strings.Contains(sheet, `<autoFilter ref="$A$5:$O$11"`) || !strings.Contains(sheet, "<sheetProtection") || strings.Contains(sheet, "<f>") || strings.Contains(sheet, "hyperlink") {
		t.Errorf("the sheet has no filter or lock, or has a formula or a link: %.300s", sheet)
	}
	rows, err := x.GetRows("Access review")
	if err != nil || len(rows) != 11 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for r, row := range rows {
		for c := range row {
			cell, err := excelize.CoordinatesToCellName(c+1, r+1)
			if err != nil {
				t.Fatal(err)
			}
			if formula, err := x.GetCellFormula("Access review", cell); err != nil || formula != "" {
				t.Errorf("%s is a formula: %s, %v", cell, formula, err)
			}
		}
	}
}

// part is one file of a workbook.
func part(t *testing.T, data []byte, name string) string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := fs.ReadFile(z, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestWorkbookOfHostileNames: whatever people are called, their rows are still theirs when they come back, and nothing in the workbook is a
// control.
func TestWorkbookOfHostileNames(t *testing.T) {
	corpus := append(namestest.Hostile(), "_x0041_", "_x000D_", "_x0041_x0042_", "__x005F_x0041_", "_x00", "_xyz__x1_", "=1+1", "@x", "-1", "1e5", "0012", "TRUE", "3/4", "<f>1</f>", "  both ends  ")
	in := input(handout.XLSX, len(corpus))
	for i, s := range corpus {
		it := &in.Items[i]
		it.Account, it.Name, it.Office, it.Practice, it.Title, it.Library, it.Object, it.Reason, it.UsedHow, it.By, it.Walls, it.Alarms = s, s, s, s, s, s, s, s, s, s, []string{s, s}, []string{s}
	}
	in.Firm, in.Campaign.Name, in.Reviewer.Name = corpus[0], strings.Join(corpus, ""), corpus[1]
	f := made(t, in)
	x, err := excelize.OpenReader(bytes.NewReader(f.Data))
	if err != nil {
		t.Fatal(err)
	}
	for i := range corpus {
		if err := x.SetCellStr("Access review", fmt.Sprintf("N%d", 6+i), "revoke"); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := x.Write(&out); err != nil {
		t.Fatal(err)
	}
	a, err := handout.Read(out.Bytes(), lookup(f, in.Items), at)
	if err != nil || len(a.Decisions) != len(corpus) {
		t.Fatalf("%+v, %v", a, err)
	}
	for _, name := range []string{"xl/sharedStrings.xml", "xl/worksheets/sheet1.xml"} {
		text := part(t, f.Data, name)
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 && r != '\n' || r >= 0x7f && r < 0xa0 || r == 0x202e }) {
			t.Errorf("%s holds a control", name)
		}
	}
}

// TestWorkbookProperty: whatever is chosen in a workbook, that and nothing else comes back, in the items' order.
func TestWorkbookProperty(t *testing.T) {
	in := input(handout.XLSX, 12)
	f := made(t, in)
	rapid.Check(t, func(t *rapid.T) {
		x, err := excelize.OpenReader(bytes.NewReader(f.Data))
		if err != nil {
			t.Fatal(err)
		}
		var want []handout.Decision
		for i, it := range in.Items {
			verdict := rapid.SampledFrom([]string{"", "keep", "revoke", "ask"}).Draw(t, "verdict")
			if verdict == "" {
				continue
			}
			reason := strings.TrimSpace(rapid.StringMatching(`[a-zé?=+@ 陳]{0,30}`).Draw(t, "reason"))
			if verdict == "ask" && reason == "" {
				reason = "?"
			}
			want = append(want, handout.Decision{Item: it.N, Verdict: provisioning.ReviewVerdict(verdict), Reason: reason})
			_ = x.SetCellStr("Access review", fmt.Sprintf("N%d", 6+i), verdict)
			_ = x.SetCellStr("Access review", fmt.Sprintf("O%d", 6+i), reason)
		}
		var out bytes.Buffer
		if err := x.Write(&out); err != nil {
			t.Fatal(err)
		}
		a, err := handout.Read(out.Bytes(), lookup(f, in.Items), at)
		switch {
		case len(want) == 0:
			if provisioning.CodeOf(err) != provisioning.Invalid {
				t.Fatalf("nothing is taken: %v", err)
			}
		case err != nil || !slices.Equal(a.Decisions, want):
			t.Fatalf("%+v, %v, chosen %+v", a, err, want)
		}
	})
}

// TestBombs: a workbook that is small and would become large is refused before it does.
func TestBombs(t *testing.T) {
	in := input(handout.XLSX, 2)
	f := made(t, in)
	packed := func(name string, fill func(io.Writer)) []byte {
		var out bytes.Buffer
		z, err := zip.NewReader(bytes.NewReader(f.Data), int64(len(f.Data)))
		if err != nil {
			t.Fatal(err)
		}
		w := zip.NewWriter(&out)
		for _, p := range z.File {
			if p.Name != name {
				if err := w.Copy(p); err != nil {
					t.Fatal(err)
				}
			}
		}
		one, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		fill(one)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	spaces := bytes.Repeat([]byte(" "), 1<<20)
	large := func(w io.Writer) {
		for range 36 {
			_, _ = w.Write(spaces)
		}
	}
	many := func(w io.Writer) {
		_, _ = io.WriteString(w, `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>`)
		for i := range 60_000 {
			_, _ = fmt.Fprintf(w, `<row r="%d"><c r="A%d"><v>1</v></c></row>`, i+1, i+1)
		}
		_, _ = io.WriteString(w, `</sheetData></worksheet>`)
	}
	far := func(w io.Writer) { // one row, that says that a million stand before it
		_, _ = io.WriteString(w, `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>`)
	}
	for what, data := range map[string][]byte{
		"a large sheet": packed("xl/worksheets/sheet1.xml", large), "large texts": packed("xl/sharedStrings.xml", large), "a large part of no use": packed("xl/media/x.bin", large),
		"many rows": packed("xl/worksheets/sheet1.xml", many), "a far row": packed("xl/worksheets/sheet1.xml", far),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := handout.Read(data, lookup(f, in.Items), at)
		runtime.ReadMemStats(&after)
		if provisioning.CodeOf(err) != provisioning.Invalid || len(data) > 8<<20 {
			t.Errorf("%s, %d bytes: %v", what, len(data), err)
		}
		if grown := (after.TotalAlloc - before.TotalAlloc) >> 20; grown > 512 {
			t.Errorf("%s, %d bytes: took %d MiB to refuse", what, len(data), grown)
		}
	}
}

// TestMost: as many items as a file may have make a workbook and a page that can be read back; one more makes none.
func TestMost(t *testing.T) {
	in := input(handout.XLSX, 10_001)
	if _, err := handout.Make(in); provisioning.CodeOf(err) != provisioning.Invalid {
		t.Errorf("one more than the most: %v", err)
	}
	in.Items = in.Items[:10_000]
	f := made(t, in)
	if _, err := handout.Read(f.Data, lookup(f, in.Items), at); err == nil || !strings.Contains(err.Error(), "decides nothing") {
		t.Errorf("a workbook of 10,000 as it was handed out: %v", err)
	}
	in.Format = handout.HTML
	f = made(t, in)
	list := make([]handout.Decision, len(in.Items))
	for i := range list {
		list[i] = handout.Decision{Item: in.Items[i].N, Verdict: provisioning.ReviewAsk, Reason: strings.Repeat("why? ", 99)}
	}
	if a, err := handout.Read(answered(t, f, f.Words, list, nil), lookup(f, in.Items), at); err != nil || len(a.Decisions) != len(list) {
		t.Errorf("a page of 10,000 with a question to each: %v", err)
	}
}

// TestReadSaysWhatToDo: every refusal says what to do next.
func TestReadSaysWhatToDo(t *testing.T) {
	in := input(handout.HTML, 6)
	f := made(t, in)
	for what, data := range map[string][]byte{"nothing": nil, "a text": []byte("keep all"), "JSON": []byte("{}"), "a list": []byte("[1]"), "a zip": []byte("PK\x03\x04"), "the page itself": f.Data, "not UTF-8": []byte("{\"answer\":\"\xff\"}")} {
		var e *provisioning.Error
		if _, err := handout.Read(data, lookup(f, in.Items), at); !errors.As(err, &e) || e.Code != provisioning.Invalid || e.Hint == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := handout.Read(answered(t, f, f.Words, keepRevokeAsk(), func(m map[string]any) { m["packet"] = "unknown" }), lookup(f, in.Items), at); provisioning.CodeOf(err) != provisioning.NotFound {
		t.Errorf("a packet that nobody knows: %v", err)
	}
}

// TestNothingForeignRuns: whatever people, groups and reviewers are called, the page has the script and the style of its own alone, as many
// lines as items, and no handler in any element.
func TestNothingForeignRuns(t *testing.T) {
	corpus := append(namestest.Hostile(), `"><script>alert(1)</script>`, `' onfocus='x`, `</tbody><img src=x onerror=alert(1)>`, `{{.Firm}}`, `javascript:alert(1)`)
	in := input(handout.HTML, len(corpus))
	for i, s := range corpus {
		it := &in.Items[i]
		it.Account, it.Name, it.Office, it.Practice, it.Title, it.Library, it.Object, it.Reason, it.UsedHow, it.By = s, s, s, s, s, s, s, s, s, s
		it.Walls, it.Alarms = []string{s}, []string{s}
	}
	in.Firm, in.Campaign.Name, in.Reviewer.Name, in.Reviewer.Key = corpus[len(corpus)-5], corpus[len(corpus)-5], corpus[len(corpus)-3], corpus[len(corpus)-4]
	doc, err := html.Parse(bytes.NewReader(made(t, in).Data))
	if err != nil {
		t.Fatal(err)
	}
	count := make(map[string]int)
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		count[n.Data]++
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "src" || (a.Key == "href" && a.Val != "#items") {
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			}
		}
	}
	if count["script"] != 1 || count["style"] != 1 || count["img"] != 0 || count["tr"] != len(corpus)+1 || count["base"] != 0 {
		t.Errorf("%v of %d items", count, len(corpus))
	}
}

// FuzzRead: whatever is imported, nothing but an answer to a packet is taken: of the page's, the one that was signed and no other; of the
// workbook's, decisions on its own items. Nothing panics.
func FuzzRead(f *testing.F) {
	book, err := handout.Make(input(handout.XLSX, 2))
	if err != nil {
		f.Fatal(err)
	}
	page, err := handout.Make(input(handout.HTML, 6))
	if err != nil {
		f.Fatal(err)
	}
	x, err := excelize.OpenReader(bytes.NewReader(book.Data))
	if err != nil {
		f.Fatal(err)
	}
	var filled bytes.Buffer
	if err := errors.Join(x.SetCellStr("Access review", "N6", "keep"), x.Write(&filled)); err != nil {
		f.Fatal(err)
	}
	f.Add(filled.Bytes())
	f.Add(book.Data)
	f.Add(answered(f, page, page.Words, keepRevokeAsk(), nil))
	f.Add([]byte(`{"answer":"{\"format\":1}","signature":"AA=="}`))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := handout.Read(data, func(id string) (provisioning.ReviewPacket, []provisioning.ReviewItem, error) {
			if id == page.Packet.ID {
				return page.Packet, items(6), nil
			}
			return book.Packet, items(2), nil
		}, at)
		switch {
		case err != nil:
		case a.Signed && !slices.Equal(a.Decisions, keepRevokeAsk()):
			t.Errorf("%+v was signed by nobody", a.Decisions)
		case len(a.Decisions) == 0:
			t.Error("an answer without a decision")
		}
		for _, d := range decisionsOf(a, err) {
			if !slices.Contains(a.Packet.Items, d.Item) {
				t.Errorf("item %d is not in the packet", d.Item)
			}
		}
	})
}

func decisionsOf(a *handout.Answer, err error) []handout.Decision {
	if err != nil {
		return nil
	}
	return a.Decisions
}
