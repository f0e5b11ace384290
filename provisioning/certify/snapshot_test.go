package certify_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"rollcall/provisioning"
	"rollcall/provisioning/certify"
)

// whole is a file that comes in parts.
func whole(parts [][]byte, err error) ([]byte, error) { return bytes.Join(parts, nil), err }

// review runs a small campaign: one group revoked and taken away. It gives both snapshots' files and both lists.
func review(t *testing.T, key signer, between func(in *certify.Input)) (opening, closing []byte) {
	t.Helper()
	in := firm(t)
	in.Scope = provisioning.CampaignScope{Libraries: []string{"LON"}, Offices: []string{"London"}, Practices: []string{"Litigation"}}
	items := certify.Items(in)
	c := campaign()
	c.Scope, c.Undecided = in.Scope, provisioning.UndecidedKeep
	c.Warnings = []string{"okta was read 3 hours ago"}
	proofs := []provisioning.Proof{{Source: "okta", System: "okta", At: day(0), Complete: true, Reason: "read whole", Seen: 6}}
	opening, err := whole(certify.Opening(c, "Firm LLP", proofs).Sign(t.Context(), items, key))
	if err != nil {
		t.Fatal(err)
	}
	kite := slices.Index(listed(items), "ANN:group LON/KITE") + 1
	states := certify.Replay(c, items, []provisioning.ReviewDecision{decision(kite, 0, provisioning.ReviewRevoke, "bob", "left the matter")})
	o, err := certify.MayClose(c, items, states)
	if err != nil {
		t.Fatal(err)
	}
	c.ClosedBy, c.ClosedAt, c.State = "l.ortiz", day(1), provisioning.CampaignClosed
	a := in.Rows[1].Account
	a.Groups = slices.DeleteFunc(a.Groups, func(g provisioning.GroupRef) bool { return g.Group == "KITE" })
	if between != nil {
		between(&in)
	}
	in.Was = items
	now := certify.Items(in)
	theirs := certify.ByAccount(items, o.Revoked)
	if len(theirs) != 1 || theirs[0].Account != "ANN" || len(theirs[0].Items) != 1 {
		t.Fatalf("the revokes are %+v", theirs)
	}
	x := certify.Explain(certify.Diff(items, now), theirs[0].Items, now)
	closing, err = whole(certify.Closing(c, "Firm LLP", proofs, opening, o, states, x, day(2)).Sign(t.Context(), now, key))
	if err != nil {
		t.Fatal(err)
	}
	return opening, closing
}

func read(t *testing.T, file []byte, trusted ...ed25519.PublicKey) *certify.Signed {
	t.Helper()
	s, err := certify.ReadSnapshot(bytes.NewReader(file), trusted...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheSnapshotsOfAReview(t *testing.T) {
	t.Parallel()
	key := newSigner(t, 1)
	opening, closing := review(t, key, nil)
	o, c := read(t, opening, key.Public()), read(t, closing, newSigner(t, 2).Public(), key.Public())
	if o.Snapshot.Which != certify.OpeningSnapshot || o.Snapshot.Count != len(o.Items) || len(o.Items) == 0 || o.Snapshot.Close != nil || o.Snapshot.Firm != "Firm LLP" ||
		len(o.Snapshot.Sources) != 1 || len(o.Snapshot.Warnings) != 1 || o.FileHash != certify.HashOf(opening) {
		t.Errorf("the opening one says %+v", o.Snapshot)
	}
	x := c.Snapshot.Close
	if x == nil || x.Opening != certify.HashOf(opening) || !x.Exact || len(x.Differences.Revoked) != 1 || x.ClosedBy != "l.ortiz" || len(c.Items) != len(o.Items)-1 {
		t.Fatalf("the closing one says %+v", x)
	}
	if d := x.Differences.Revoked[0]; d.Account != "ANN" || d.Library != "LON" || d.Object != "KITE" || d.Item == 0 {
		t.Errorf("the difference is %+v", d)
	}
	kept, revoked := 0, 0
	for _, v := range x.Verdicts {
		switch {
		case v.Verdict == provisioning.ReviewKeep && v.How == certify.HowPolicy && v.Reviewer == "":
			kept++
		case v.Verdict == provisioning.ReviewRevoke && v.Reviewer == "bob" && v.Reason == "left the matter" && v.How == "console":
			revoked++
		}
	}
	if revoked != 1 || kept != len(o.Items)-1 {
		t.Errorf("the verdicts are %+v", x.Verdicts)
	}
	if err := certify.Pair(o, c); err != nil {
		t.Errorf("the two do not belong together: %v", err)
	}
}

// TestWhatElseChangedIsToldApart has somebody else at work between the snapshots.
func TestWhatElseChangedIsToldApart(t *testing.T) {
	t.Parallel()
	key := newSigner(t, 1)
	opening, closing := review(t, key, func(in *certify.Input) {
		bob, ann := in.Rows[2].Account, in.Rows[1].Account
		bob.Memberships[0].Role = "STANDARD"
		bob.Groups = []provisioning.GroupRef{ref("LON/NEW")}           // without ALL
		ann.Groups = append(ann.Groups, ref("LON/KITE"))               // put back
		in.Rows[5].Account.Groups = nil                                // EVE without DEAL-1
		in.Rows[0].Account.Groups = []provisioning.GroupRef{ref("/X")} // outside the scope
	})
	o, c := read(t, opening), read(t, closing)
	if err := certify.Pair(o, c); err != nil {
		t.Fatal(err)
	}
	x := c.Snapshot.Close
	var others []string
	for _, d := range x.Differences.Others {
		others = append(others, d.Account+" "+d.Library+"/"+d.Object+": "+d.Why[:strings.IndexAny(d.Why, " ,")])
	}
	if x.Exact || !slices.Equal(others, []string{"BOB LON/ALL: gone", "EVE LON/DEAL-1: gone", "BOB LON/NEW: new", "BOB LON/: the"}) {
		t.Errorf("exact %v, others %q", x.Exact, others)
	}
	if len(x.Differences.Revoked) != 0 || len(x.Differences.Still) != 1 || x.Differences.Still[0].Object != "KITE" {
		t.Errorf("what is still there: %+v", x.Differences)
	}
}

// TestWhatALibraryTakesAlong is no change of somebody else's.
func TestWhatALibraryTakesAlong(t *testing.T) {
	t.Parallel()
	items := four()
	x := certify.Explain(certify.Diff(items, items[:1]), items[1:2], items[:1])
	if !x.Exact() || len(x.Revoked) != 1 || len(x.Along) != 2 || !strings.Contains(x.Along[0].Why, "went with LON, which was revoked (item 2)") {
		t.Errorf("%+v", x)
	}
}

// TestNoByteOfASnapshotMayChange turns every byte, cuts every tail, and drops every line.
func TestNoByteOfASnapshotMayChange(t *testing.T) {
	t.Parallel()
	opening, closing := review(t, newSigner(t, 1), nil)
	refused := func(file []byte, what string, at int) {
		t.Helper()
		if _, err := certify.ReadSnapshot(bytes.NewReader(file)); provisioning.CodeOf(err) != provisioning.Invalid || err == nil {
			t.Fatalf("%s at %d: %v", what, at, err)
		}
	}
	for _, file := range [][]byte{opening, closing} {
		for i := range file {
			changed := bytes.Clone(file)
			changed[i] ^= 1
			refused(changed, "a changed byte", i)
			if i%7 == 0 {
				refused(file[:i], "a cut tail", i)
			}
		}
		list := bytes.SplitAfter(file, []byte("\n"))
		for i := range list {
			if len(list[i]) > 0 {
				refused(bytes.Join(slices.Delete(slices.Clone(list), i, i+1), nil), "a dropped line", i)
			}
		}
		refused(append(bytes.Clone(file), '\n'), "a byte more", len(file))
		refused(append(bytes.Clone(file), file...), "another one behind it", len(file))
	}
}

// TestASwappedPairIsFound gives snapshots that hold, and do not belong together.
func TestASwappedPairIsFound(t *testing.T) {
	t.Parallel()
	key := newSigner(t, 1)
	opening, closing := review(t, key, nil)
	other, _ := review(t, newSigner(t, 2), nil)
	o, c := read(t, opening), read(t, closing)
	for name, pair := range map[string][2]*certify.Signed{
		"turned around": {c, o}, "twice the opening one": {o, o}, "another key's opening one": {read(t, other), c},
	} {
		if err := certify.Pair(pair[0], pair[1]); provisioning.CodeOf(err) != provisioning.Invalid || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	again, err := whole((&o.Snapshot).Sign(t.Context(), o.Items[:len(o.Items)-1], key)) // the same campaign, and another list
	if err != nil {
		t.Fatal(err)
	}
	if err := certify.Pair(read(t, again), c); err == nil || !strings.Contains(err.Error(), "names another opening one") {
		t.Errorf("another list of the same campaign: %v", err)
	}
	lied := *c
	lied.Snapshot.Close = &certify.Close{Opening: c.Snapshot.Close.Opening, Outcome: c.Snapshot.Close.Outcome, Exact: true}
	if err := certify.Pair(o, &lied); err == nil {
		t.Error("differences that were left out are not missed")
	}
}

func TestAnotherKeyIsNotBelieved(t *testing.T) {
	t.Parallel()
	opening, _ := review(t, newSigner(t, 1), nil)
	_, err := certify.ReadSnapshot(bytes.NewReader(opening), newSigner(t, 2).Public())
	if provisioning.CodeOf(err) != provisioning.Invalid || !strings.Contains(err.Error(), "another key signed it") {
		t.Errorf("got %v", err)
	}
}

// refusing is a signer that cannot.
type refusing struct{ signer }

func (refusing) Sign(context.Context, []byte) ([]byte, error) {
	return nil, errors.New("the keyring is locked")
}

func TestASnapshotThatCannotBeSigned(t *testing.T) {
	t.Parallel()
	file, err := certify.Opening(campaign(), "Firm", nil).Sign(t.Context(), four(), refusing{newSigner(t, 1)})
	if file != nil || provisioning.CodeOf(err) != provisioning.Unavailable || !strings.Contains(err.Error(), "keyring") {
		t.Errorf("got %d bytes and %v", len(file), err)
	}
}

// TestHostileTextHoldsInASnapshot signs what no directory should send, and more accesses than one worker writes.
func TestHostileTextHoldsInASnapshot(t *testing.T) {
	t.Parallel()
	key := newSigner(t, 1)
	var items []provisioning.ReviewItem
	for i, s := range []string{"", "\xff\xfe", `\ufffd`, "\ufffd", "<script>", "a\u2028b\x00\x1b[8m", "]}\n,{", "\xed\xa0\x80\\ufffd"} {
		items = append(items, provisioning.ReviewItem{Account: "ZED", Kind: provisioning.ReviewGroup, Library: "LON", Object: fmt.Sprint(i, s), Name: s, Alarms: []string{s}})
	}
	for range 20_000 {
		items = append(items, provisioning.ReviewItem{Account: "YAN"})
	}
	c := campaign()
	c.Name = "spring \xff"
	for _, n := range []int{0, 1, 8, len(items)} {
		file, err := whole(certify.Opening(c, "Firm\xff", nil).Sign(t.Context(), number(items[:n]), key))
		if err != nil {
			t.Fatal(err)
		}
		s := read(t, file, key.Public())
		if len(s.Items) != n || (n > 4 && s.Items[4].Name != "<script>") || (n > 2 && s.Items[2].Name != `\ufffd`) || !strings.HasPrefix(s.Snapshot.Name, "spring ") {
			t.Fatalf("of %d accesses %d were read", n, len(s.Items))
		}
	}
}

// FuzzReadSnapshot reads whatever it is given; what it believes is what it writes.
func FuzzReadSnapshot(f *testing.F) {
	key := newSigner(f, 1)
	for _, n := range []int{0, 2} {
		file, err := whole(certify.Opening(campaign(), "Firm", nil).Sign(f.Context(), four()[:n], key))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	f.Add([]byte(`{"snapshot":{},"public_key":"","signature":"","items":[]}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := certify.ReadSnapshot(bytes.NewReader(file), key.Public())
		if err != nil {
			return
		}
		again, err := whole(s.Snapshot.Sign(t.Context(), s.Items, key))
		if err != nil || !bytes.Equal(again, file) {
			t.Fatalf("believed, and written in another way: %v", err)
		}
	})
}
