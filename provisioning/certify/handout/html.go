package handout

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"

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

// pageView is what the page is filled with.
type pageView struct {
	Policy                           string
	Style                            template.CSS
	Script                           template.JS
	Firm, Title, Stage, Reviewer     string
	Key, ID, Hash, Salt, Nonce, Lock string
	Campaign                         int64
	Rounds                           int
	Due, Expires                     string
	Rows                             []pageRow
}

type pageRow struct {
	N                                        int
	Like                                     string // the same for items that are the same access of other people
	Account, Name, Seat, Access, Stands, Use string
	Peers, Since, Prior                      string
	Care                                     []string
	Excess                                   bool
}

// page makes the packet as one page.
func page(in *Input, p *provisioning.ReviewPacket, l lock) ([]byte, error) {
	text := base64.StdEncoding.EncodeToString
	v := pageView{
		Style: template.CSS(pageCSS), Script: template.JS(pageJS), //nolint:gosec // the page's own, embedded
		Policy: fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; base-uri 'none'; form-action 'none'", digest(pageCSS), digest(pageJS)),
		Firm:   clean(in.Firm), Title: clean(in.Campaign.Name), Stage: clean(in.Campaign.Stages[p.Stage].Name), Reviewer: clean(in.Reviewer.Name), Key: p.Reviewer, ID: p.ID,
		Hash: p.Hash, Salt: text(l.Salt), Nonce: text(l.Nonce), Lock: text(l.Wrapped), Rounds: l.Rounds, Campaign: p.Campaign,
		Due: in.Campaign.Stages[p.Stage].Due.UTC().Format("2 January 2006"), Expires: p.Expires.UTC().Format("2 January 2006, 15:04 UTC"),
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
		N: it.N, Account: clean(it.Account), Name: clean(it.Name), Access: clean(accessOf(it)), Stands: clean(standingOf(it)), Use: clean(useOf(it, in.Now)),
		Peers: peersOf(it), Since: sinceOf(it), Excess: it.Standing == provisioning.StandsExcess, Like: digest(it.Kind + "\x00" + it.Library + "\x00" + it.Object)[:12],
	}
	var seat []string
	for _, s := range []string{it.Title, it.Practice, it.Office} {
		if s != "" {
			seat = append(seat, clean(s))
		}
	}
	r.Seat = strings.Join(seat, ", ")
	for _, c := range careOf(it) {
		r.Care = append(r.Care, clean(c))
	}
	if prior, ok := in.Prior[it.N]; ok {
		r.Prior = clean(strings.TrimSuffix(fmt.Sprintf("%s by %s: %s", prior.Verdict, prior.Reviewer, prior.Reason), ": "))
	}
	return r
}

// digest is a Content-Security-Policy hash.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}
