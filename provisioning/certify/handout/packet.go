// Package handout makes the files by which reviewers without a console take part in an access review, and reads what they answer: one page
// that works offline and signs the answer with a key of its own, or a workbook that does not. It knows what is handed out and what comes
// back; it knows no store, no desk and no screen, and decides nothing.
package handout

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tyler-smith/go-bip39"

	"rollcall/provisioning"
)

// The formats.
const (
	HTML = "html"
	XLSX = "xlsx"
)

// Prior is what a stage before proposed for an item.
type Prior struct {
	Verdict  provisioning.ReviewVerdict
	Reviewer string
	Reason   string
}

// Input is what a packet is made of. Rand is the source of its id, its key and its words.
type Input struct {
	Campaign *provisioning.Campaign
	Firm     string
	Reviewer provisioning.Reviewer
	Items    []provisioning.ReviewItem // those of the reviewer, in the campaign's order
	Prior    map[int]Prior             // by item number
	MadeBy   string
	Now      time.Time
	Expires  time.Time
	Format   string
	Rand     io.Reader
}

// File is a packet as it is handed out.
type File struct {
	Data   []byte
	Packet provisioning.ReviewPacket
	// Words are four words that unlock the page's key: they are told by phone, and stand nowhere. "" for a workbook.
	Words string
}

const (
	words    = 4
	wordBits = 11 // BIP-39 knows 2,048 words
	idBytes  = 10
	// mostOfFile is how many items a file has at most: of so many, an answer with a reason to each stays below what Read takes.
	mostOfFile = 10_000
)

// Make makes a packet: the file, what the store keeps of it, and a page's words. It is Invalid where there is nothing or too much to decide, or
// the campaign has no such stage, and Held where an item is the reviewer's own access and the campaign forbids that. Any other error is of
// Rand. The private half of a page's key is in the page alone, wrapped under the words (lock.go).
func Make(in Input) (*File, error) {
	switch {
	case in.Campaign.Stage < 0 || in.Campaign.Stage >= len(in.Campaign.Stages):
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "the campaign has no stage under way", Hint: "open it anew"}
	case len(in.Items) == 0:
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: in.Reviewer.Key + " has nothing to decide", Hint: "hand them items first"}
	case len(in.Items) > mostOfFile:
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: fmt.Sprintf("%d items are too many for one file", len(in.Items)), Hint: "share them out among more reviewers"}
	}
	for i := range in.Items {
		it := &in.Items[i]
		own := (!in.Reviewer.Person.IsZero() && it.Person == in.Reviewer.Person) || (in.Reviewer.Account != "" && strings.EqualFold(it.Account, in.Reviewer.Account))
		if own && !in.Campaign.SelfReview {
			return nil, &provisioning.Error{Code: provisioning.Held, Message: it.Account + " is the reviewer's own access", Hint: "hand it to somebody else"}
		}
	}
	id := make([]byte, idBytes)
	if _, err := io.ReadFull(in.Rand, id); err != nil {
		return nil, err
	}
	f := &File{Packet: provisioning.ReviewPacket{
		ID: strings.ToLower(base32.StdEncoding.EncodeToString(id)), Campaign: in.Campaign.ID, Stage: in.Campaign.Stage, Reviewer: in.Reviewer.Key, Format: in.Format,
		Hash: HashOf(in.Items), MadeBy: in.MadeBy, MadeAt: in.Now, Expires: in.Expires,
	}}
	for i := range in.Items {
		f.Packet.Items = append(f.Packet.Items, in.Items[i].N)
	}
	var err error
	switch in.Format {
	case HTML:
		if f.Words, err = drawWords(in.Rand); err != nil {
			return nil, err
		}
		var lock lock
		if lock, f.Packet.Public, err = newLock(in.Rand, f.Words); err != nil {
			return nil, err
		}
		f.Data, err = page(&in, &f.Packet, lock)
	case XLSX:
		f.Data, err = workbook(&in, &f.Packet)
	default:
		err = &provisioning.Error{Code: provisioning.Invalid, Message: "a packet is html or xlsx, not " + in.Format}
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// HashOf is the hash of items as they were handed out: hex SHA-256 of their JSON, one a line.
func HashOf(items []provisioning.ReviewItem) string {
	h := sha256.New()
	e := json.NewEncoder(h)
	for i := range items {
		_ = e.Encode(&items[i]) // a hash takes whatever it is given
	}
	return hex.EncodeToString(h.Sum(nil))
}

// drawWords draws four words of BIP-39's list, each as likely as any other.
func drawWords(random io.Reader) (string, error) {
	list := bip39.GetWordList()
	drawn := make([]string, words)
	var b [2]byte
	for i := range drawn {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return "", err
		}
		drawn[i] = list[(int(b[0])<<8|int(b[1]))&(1<<wordBits-1)]
	}
	return strings.Join(drawn, " "), nil
}
