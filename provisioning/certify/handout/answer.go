package handout

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"rollcall/provisioning"
)

const (
	mostAnswer = 8 << 20 // bytes (threats C5)
	mostReason = 500     // letters of a reason or a question
)

// Decision is what an answer says of one item.
type Decision struct {
	Item    int                        `json:"n"`
	Verdict provisioning.ReviewVerdict `json:"verdict"`
	Reason  string                     `json:"reason,omitempty"`
}

// Answer is what a reviewer sent back, checked.
type Answer struct {
	Packet    provisioning.ReviewPacket
	Decisions []Decision // sorted by item
	Signed    bool       // with the packet's own key
	MadeAt    time.Time  // by the reviewer's clock; zero where the file does not say
}

// Lookup gives a packet by its id with the items that it was made of; NotFound where there is none.
type Lookup func(id string) (provisioning.ReviewPacket, []provisioning.ReviewItem, error)

// signedAnswer is the file that the page saves: the answer's exact text, and the signature over its statement (lock.go). The text is signed
// as it stands, so that there is one way to write it down: the page's.
type signedAnswer struct {
	Answer    string `json:"answer"`
	Signature string `json:"signature"` // base64
}

// answerText is that text.
type answerText struct {
	Format    int        `json:"format"` // 1
	Packet    string     `json:"packet"`
	Campaign  int64      `json:"campaign"`
	Reviewer  string     `json:"reviewer"` // cleaned, as the page has it
	Hash      string     `json:"hash"`     // of the items, as they were handed out
	MadeAt    time.Time  `json:"made_at"`
	Decisions []Decision `json:"decisions"`
}

func refuse(code provisioning.Code, message, hint string) error {
	return &provisioning.Error{Code: code, Message: message, Hint: hint}
}

const anew = "make another packet for the reviewer, and have them answer that"

// Read reads an answer, the page's signed file or the workbook, and gives its decisions in the items' order. now is held against the packet's
// last day. It is refused whole where it is larger than 8 MiB (threats C5), is no answer, was signed by another key or changed since, is of
// another packet or names an item that is not in it, or one twice (Invalid); and where the packet was answered, superseded or has run out
// (Stale). What lookup returns as an error is returned. Nothing is taken from a file that is refused.
func Read(data []byte, lookup Lookup, now time.Time) (*Answer, error) {
	switch {
	case len(data) > mostAnswer:
		return nil, refuse(provisioning.Invalid, "the answer is larger than any that rollcall makes", "import the file that the page saved")
	case bytes.HasPrefix(data, []byte("PK")):
		return readWorkbook(data, lookup, now)
	default:
		return readSigned(data, lookup, now)
	}
}

func readSigned(data []byte, lookup Lookup, now time.Time) (*Answer, error) {
	bad := refuse(provisioning.Invalid, "this is no answer to an access review", "import the file that the page saved, rollcall-answer-….json")
	var signed signedAnswer
	if err := strictJSON(data, &signed); err != nil || signed.Answer == "" {
		if bytes.HasPrefix(data, []byte(`{"draft":`)) {
			return nil, refuse(provisioning.Invalid, "this is a draft, and not signed", "have the reviewer open it in their page, sign it, and send rollcall-answer-….json")
		}
		return nil, bad
	}
	var text answerText
	if err := strictJSON([]byte(signed.Answer), &text); err != nil || text.Format != 1 {
		return nil, bad
	}
	p, items, err := lookup(text.Packet)
	if err != nil {
		return nil, err
	}
	if p.Format != HTML {
		return nil, refuse(provisioning.Invalid, "the packet is a workbook, and this answer is a page's", anew)
	}
	key, err := parsePublic(p.Public)
	if err != nil {
		return nil, refuse(provisioning.Invalid, "the packet has no key", anew)
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(signed.Signature)
	if err != nil || !verified(key, signed.Answer, signature) {
		return nil, refuse(provisioning.Invalid, "the answer was not signed by the packet's key, or was changed since", anew)
	}
	if text.Campaign != p.Campaign || text.Reviewer != clean(p.Reviewer) || text.Hash != p.Hash {
		return nil, refuse(provisioning.Invalid, "the answer is to another packet", anew)
	}
	a := &Answer{Packet: p, Decisions: text.Decisions, Signed: true, MadeAt: text.MadeAt}
	return a, a.check(items, now)
}

// strictJSON decodes one value that ends with its text: valid UTF-8, no field twice, none that is not known, each by its exact name
// (threats C6).
func strictJSON(data []byte, v any) error {
	return json.Unmarshal(data, v, json.RejectUnknownMembers(true))
}

// check holds an answer against its packet, and sorts it.
func (a *Answer) check(items []provisioning.ReviewItem, now time.Time) error {
	p := &a.Packet
	switch {
	case !p.TakenAt.IsZero():
		return refuse(provisioning.Stale, "the answer to this packet was taken on "+p.TakenAt.Local().Format("2 Jan 2006 15:04"), anew)
	case p.Revoked:
		return refuse(provisioning.Stale, "another packet took the place of this one", "have the newer one answered")
	case !p.Expires.IsZero() && now.After(p.Expires):
		return refuse(provisioning.Stale, "the packet could be answered until "+p.Expires.Local().Format("2 Jan 2006 15:04"), anew)
	case HashOf(items) != p.Hash:
		return refuse(provisioning.Invalid, "the packet's items are not those that were handed out", anew)
	case len(a.Decisions) == 0:
		return refuse(provisioning.Invalid, "the answer decides nothing", "have the reviewer decide, and save it again")
	}
	has := make(map[int]bool, len(items))
	for i := range items {
		has[items[i].N] = true
	}
	slices.SortStableFunc(a.Decisions, func(x, y Decision) int { return cmp.Compare(x.Item, y.Item) })
	for i := range a.Decisions {
		d := &a.Decisions[i]
		d.Reason = strings.TrimSpace(d.Reason)
		switch {
		case !has[d.Item]:
			return refuse(provisioning.Invalid, fmt.Sprintf("item %d is not in the packet", d.Item), anew)
		case i > 0 && a.Decisions[i-1].Item == d.Item:
			return refuse(provisioning.Invalid, fmt.Sprintf("item %d is decided twice", d.Item), anew)
		case d.Verdict != provisioning.ReviewKeep && d.Verdict != provisioning.ReviewRevoke && d.Verdict != provisioning.ReviewAsk:
			return refuse(provisioning.Invalid, fmt.Sprintf("item %d has no verdict that rollcall knows", d.Item), "keep, revoke or ask")
		case d.Verdict == provisioning.ReviewAsk && d.Reason == "":
			return refuse(provisioning.Invalid, fmt.Sprintf("item %d asks without a question", d.Item), "write what the reviewer needs to know")
		case utf8.RuneCountInString(d.Reason) > mostReason:
			return refuse(provisioning.Invalid, fmt.Sprintf("the reason of item %d is longer than %d letters", d.Item, mostReason), "have it shortened")
		}
	}
	return nil
}
