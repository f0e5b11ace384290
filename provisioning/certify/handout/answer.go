package handout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

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

// signedAnswer is the file that the page saves: the answer's exact text, and the signature over it.
type signedAnswer struct {
	Answer    string `json:"answer"`
	Signature []byte `json:"signature"`
}

type answerText struct {
	Format    int        `json:"format"`
	Packet    string     `json:"packet"`
	Campaign  int64      `json:"campaign"`
	Reviewer  string     `json:"reviewer"`
	Hash      string     `json:"hash"`
	MadeAt    time.Time  `json:"made_at"`
	Decisions []Decision `json:"decisions"`
}

func refuse(code provisioning.Code, message, hint string) error {
	return &provisioning.Error{Code: code, Message: message, Hint: hint}
}

const anew = "make another packet for the reviewer, and have them answer that"

// Read reads an answer: the page's signed file, or the workbook. It is refused where it is not of a packet that waits for one, was signed by
// another key or changed since, names an item that the packet does not have, or one twice; nothing of such a file is taken.
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
	key, err := publicOf(&p)
	if err != nil {
		return nil, refuse(provisioning.Invalid, "the packet has no key", anew)
	}
	if !verified(key, signed.Answer, signed.Signature) {
		return nil, refuse(provisioning.Invalid, "the answer was not signed by the packet's key, or was changed since", anew)
	}
	if text.Campaign != p.Campaign || text.Reviewer != p.Reviewer || text.Hash != p.Hash {
		return nil, refuse(provisioning.Invalid, "the answer is to another packet", anew)
	}
	a := &Answer{Packet: p, Decisions: text.Decisions, Signed: true, MadeAt: text.MadeAt}
	return a, a.check(items, now)
}

// strictJSON decodes one value that ends with its text, without a field that is not known.
func strictJSON(data []byte, v any) error {
	if !utf8.Valid(data) {
		return fmt.Errorf("not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("something follows")
	}
	return nil
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
	slices.SortFunc(a.Decisions, func(x, y Decision) int { return x.Item - y.Item })
	for i := range a.Decisions {
		d := &a.Decisions[i]
		d.Reason = strings.TrimSpace(d.Reason)
		switch {
		case !slices.Contains(p.Items, d.Item):
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
