package handout

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"

	"rollcall/provisioning"
)

// The page's own parts. Nothing of them is made of data: what is foreign stands in the page's elements and attributes alone, cleaned and
// escaped, and the page's policy lets no other script run and nothing be fetched.
var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string
)

// pageView is what the page is filled with. Its texts are cleaned; the template escapes them.
type pageView struct {
	Policy                           string
	Style                            template.CSS
	Script                           template.JS
	Firm, Title, Stage, Reviewer     string
	Key, ID, Hash, Salt, Nonce, Lock string
	Campaign                         int64
	Rounds                           int
	Read, Due, Expires               string
	Warnings                         []string // of the campaign's start
	Rows                             []pageRow
}

// pageRow is one item.
type pageRow struct {
	N    int
	Like string // the same for items that are the same access of other people, with the same standing

	Account, Name, Seat, Access, Stands, Use, Peers, Since, Prior string

	Care            []string
	Excess, Unknown bool
}

// page makes the packet as one page.
func page(in *Input, p *provisioning.ReviewPacket, l lock) ([]byte, error) {
	const day = "2 January 2006"
	text, stage := base64.StdEncoding.EncodeToString, &in.Campaign.Stages[p.Stage]
	v := pageView{
		Style: template.CSS(pageCSS), Script: template.JS(pageJS), //nolint:gosec // the page's own, embedded
		Policy: fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; base-uri 'none'; form-action 'none'", digest(pageCSS), digest(pageJS)),
		Firm:   clean(in.Firm), Title: clean(in.Campaign.Name), Stage: clean(stage.Name), Reviewer: clean(in.Reviewer.Name), Key: clean(p.Reviewer), ID: p.ID,
		Hash: p.Hash, Salt: text(l.Salt), Nonce: text(l.Nonce), Lock: text(l.Wrapped), Rounds: l.Rounds, Campaign: p.Campaign,
		Due: stage.Due.UTC().Format(day), Expires: p.Expires.UTC().Format(day + ", 15:04 UTC"),
	}
	if v.Reviewer == "" {
		v.Reviewer = v.Key
	}
	if !in.Campaign.SnapshotAt.IsZero() {
		v.Read = in.Campaign.SnapshotAt.UTC().Format(day + ", 15:04 UTC")
	}
	for _, w := range in.Campaign.Warnings {
		v.Warnings = append(v.Warnings, clean(w))
	}
	for i := range in.Items {
		v.Rows = append(v.Rows, rowOf(in, &in.Items[i]))
	}
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, v); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func rowOf(in *Input, it *provisioning.ReviewItem) pageRow {
	r := pageRow{
		N: it.N, Account: clean(it.Account), Name: clean(it.Name), Seat: seatOf(it), Access: accessOf(it), Stands: standingOf(it), Use: useOf(it), Peers: peersOf(it),
		Since: sinceOf(it), Prior: priorOf(in, it.N), Care: careOf(it), Excess: it.Standing == provisioning.StandsExcess,
		Unknown: it.Usage != provisioning.Used && it.Usage != provisioning.NotUsed,
		Like:    digest(fmt.Sprintf("%q", []string{it.Kind, it.Library, it.Object, it.Role, it.Standing}))[:16],
	}
	if r.Name == "" {
		r.Name = r.Account
	}
	return r
}

// digest is a Content-Security-Policy hash.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}
