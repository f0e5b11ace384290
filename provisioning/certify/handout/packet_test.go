package handout_test

import (
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
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"golang.org/x/net/html"

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

// answered does what the page does, by another hand: it takes the key out of the page with the words, and signs.
func answered(t *testing.T, f *handout.File, words string, decisions []handout.Decision, bend func(map[string]any)) []byte {
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
	under, err := pbkdf2.Key(sha256.New, words, raw("salt"), rounds, 32)
	if err != nil {
		t.Fatal(err)
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
	for i := range good { // any byte of the file
		bent := slices.Clone(good)
		bent[i] ^= 1
		if a, err := handout.Read(bent, lookup(f, in.Items), at); err == nil && !slices.Equal(a.Decisions, keepRevokeAsk()) {
			t.Fatalf("byte %d changed: %+v", i, a.Decisions)
		}
	}
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
		for cell, text := range map[string]string{"M6": "keep", "M7": " Revoke", "N7": "moved", "M8": "ask", "N8": "who is this?"} {
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
		"another account": set("B9", "U000"), "another access": set("D9", "library X"), "another number": set("A9", "1"), "another word": set("M9", "yes"), "another packet": set("B3", "zz"),
		"other items": set("B4", "00"), "a row more": set("A12", "99"), "a row less": func(x *excelize.File) { _ = x.RemoveRow("Access review", 11) },
		"a formula": func(x *excelize.File) { _ = x.SetCellFormula("Access review", "N9", "1+1") },
	} {
		if _, err := handout.Read(fill(edit), lookup(f, in.Items), at); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
	x, err := excelize.OpenReader(bytes.NewReader(f.Data))
	if err != nil {
		t.Fatal(err)
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

// FuzzRead: whatever is imported, nothing but an answer to the packet is taken, and nothing panics.
func FuzzRead(f *testing.F) {
	file, err := handout.Make(input(handout.XLSX, 2))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file.Data)
	f.Add([]byte(`{"answer":"{\"format\":1}","signature":"AA=="}`))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := handout.Read(data, lookup(file, items(2)), at)
		if err == nil && len(a.Decisions) == 0 {
			t.Error("an answer without a decision")
		}
	})
}
