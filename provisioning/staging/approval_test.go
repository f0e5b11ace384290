package staging_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/staging"
)

// pen signs with a key of its own.
type pen struct{ key ed25519.PrivateKey }

func newPen(seed byte) pen {
	return pen{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))}
}

func (p pen) Public() ed25519.PublicKey { return p.key.Public().(ed25519.PublicKey) }

func (p pen) Sign(_ context.Context, message []byte) ([]byte, error) {
	return ed25519.Sign(p.key, message), nil
}

const realm = "A firm · a tenant"

// asked is a reviewed batch that waits for a second person.
func asked() *provisioning.Batch {
	b := &provisioning.Batch{ID: 12, State: provisioning.BatchReviewed, Needs: "1 person loses access", Hands: []string{"okta/1"}, Units: []provisioning.Unit{
		staging.NewUnit(provisioning.PersonKey{Directory: "okta", ID: "7"}, "U007", "Person 7", "London", provisioning.KindLeaver, []provisioning.Change{
			{Kind: provisioning.DisableAccount, Account: "U007", Before: provisioning.ValueEnabled, After: provisioning.ValueDisabled},
		}),
	}}
	b.Hash = staging.Hash(b)
	return b
}

func moment() time.Time { return time.Date(2026, 3, 2, 14, 2, 0, 0, time.UTC) }

func request(b *provisioning.Batch) staging.Request {
	return staging.NewRequest(realm, b, "okta/1", "asker", moment(), 24*time.Hour, nil)
}

// approve signs an approval of a batch, after a change of it.
func approve(t *testing.T, b *provisioning.Batch, p pen, change func(*provisioning.Approval)) provisioning.Approval {
	t.Helper()
	r := request(b)
	a := r.Approve("second", "okta/2", moment())
	if change != nil {
		change(&a)
	}
	if err := staging.Sign(context.Background(), realm, p, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestCheckApproval: an approval counts for its batch, what was released, its signer and its time, and each way of being worth nothing has
// its sentence.
func TestCheckApproval(t *testing.T) {
	own, other := newPen(1), newPen(2)
	for name, c := range map[string]struct {
		sign  func(*provisioning.Approval) // before it is signed
		after func(*provisioning.Approval)
		batch func(*provisioning.Batch) // since
		pen   pen
		key   ed25519.PublicKey
		realm string
		now   time.Time
		says  string
	}{
		"it counts":             {},
		"to its last second":    {now: moment().Add(24*time.Hour - time.Second)},
		"clocks a little apart": {now: moment().Add(-4 * time.Minute)},
		"an edit":               {batch: func(b *provisioning.Batch) { b.Units[0].Name = "x"; b.Hash = staging.Hash(b) }, says: "before an edit"},
		"another batch":         {batch: func(b *provisioning.Batch) { b.ID = 13 }, says: "before an edit"},
		"edited back":           {after: func(a *provisioning.Approval) { a.Void = true }, says: "voided"},
		"a release since": {batch: func(b *provisioning.Batch) {
			b.Release = &provisioning.Release{Hash: b.Hash, By: "x", At: moment(), People: 1, Reason: "y"}
		}, says: "released after it"},
		"one released since":       {batch: func(b *provisioning.Batch) { b.Singly = []provisioning.Release{{Hash: b.Hash, Account: "U007"}} }, says: "released after it"},
		"the requester":            {sign: func(a *provisioning.Approval) { a.Approver = "okta/1" }, says: "had a hand"},
		"who had a hand":           {batch: func(b *provisioning.Batch) { b.Hands = append(b.Hands, "okta/2") }, says: "had a hand"},
		"nobody":                   {sign: func(a *provisioning.Approval) { a.Approver = "" }, says: "had a hand"},
		"asked for by a stranger":  {sign: func(a *provisioning.Approval) { a.Requester = "okta/9" }, says: "no hand in the batch"},
		"no key":                   {key: ed25519.PublicKey{}, says: "no approval key"},
		"another key":              {pen: other, says: "another key"},
		"another's key, own paper": {after: func(a *provisioning.Approval) { a.PublicKey = other.Public() }, says: "another key"},
		"changed name":             {after: func(a *provisioning.Approval) { a.By = "x" }, says: "signature does not hold"},
		"a longer time":            {after: func(a *provisioning.Approval) { a.Until = a.Until.Add(time.Hour) }, says: "signature does not hold"},
		"another store":            {realm: "A firm · another", says: "signature does not hold"},
		"no signature":             {after: func(a *provisioning.Approval) { a.Signature = nil }, says: "signature does not hold"},
		"too early":                {now: moment().Add(-6 * time.Minute), says: "in the future"},
		"expired":                  {now: moment().Add(24 * time.Hour), says: "ask again"},
		"for ever":                 {sign: func(a *provisioning.Approval) { a.Until = a.At.Add(staging.LongestApproval + 1) }, says: "longer than any"},
	} {
		t.Run(name, func(t *testing.T) {
			b := asked()
			p := own
			if c.pen.key != nil {
				p = c.pen
			}
			a := approve(t, b, p, c.sign)
			if c.after != nil {
				c.after(&a)
			}
			if c.batch != nil {
				c.batch(b)
			}
			key, at, where := own.Public(), moment(), realm
			if c.key != nil {
				key = nil
			}
			if !c.now.IsZero() {
				at = c.now
			}
			if c.realm != "" {
				where = c.realm
			}
			why := staging.CheckApproval(where, b, &a, key, at)
			if (why == "") != (c.says == "") || !strings.Contains(why, c.says) {
				t.Errorf("%q, not %q", why, c.says)
			}
		})
	}
}

// TestEveryFieldIsSigned: no field of an approval can be changed without that being seen.
func TestEveryFieldIsSigned(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b, p := asked(), newPen(1)
		a := approve(t, b, p, nil)
		word := rapid.String().Draw(rt, "word")
		changed := a
		switch rapid.IntRange(0, 8).Draw(rt, "field") {
		case 0:
			changed.Batch += int64(rapid.IntRange(1, 100).Draw(rt, "by"))
		case 1:
			changed.Hash = word
		case 2:
			changed.Covers = word
		case 3:
			changed.By = word
		case 4:
			changed.Approver = word
		case 5:
			changed.Requester = word
		case 6:
			changed.At = changed.At.Add(time.Duration(rapid.IntRange(1, 1e6).Draw(rt, "by")))
		case 7:
			changed.Until = changed.Until.Add(time.Duration(rapid.IntRange(1, 1e6).Draw(rt, "by")))
		default:
			at := rapid.IntRange(0, len(a.Signature)-1).Draw(rt, "at")
			changed.Signature = slices.Clone(a.Signature)
			changed.Signature[at] ^= byte(rapid.IntRange(1, 255).Draw(rt, "bit"))
		}
		if changed.By == a.By && changed.Hash == a.Hash && changed.Covers == a.Covers && changed.Approver == a.Approver && changed.Requester == a.Requester &&
			changed.Batch == a.Batch && changed.At.Equal(a.At) && changed.Until.Equal(a.Until) && bytes.Equal(changed.Signature, a.Signature) {
			return
		}
		if staging.CheckApproval(realm, b, &changed, p.Public(), moment()) == "" {
			rt.Fatalf("%+v counts", changed)
		}
	})
}

// TestWords: four words of what is covered, typed in order and in any spelling; another batch has others.
func TestWords(t *testing.T) {
	b := asked()
	covers := staging.Covers(b)
	words := staging.Words(covers)
	if len(words) != 4 || slices.Contains(words, "") {
		t.Fatal(words)
	}
	line := strings.Join(words, " ")
	for _, typed := range []string{line, strings.ToUpper(line), "  " + strings.ReplaceAll(line, " ", "\t ") + "\n"} {
		if !staging.SameWords(covers, typed) {
			t.Errorf("%q was not taken", typed)
		}
	}
	swapped := words[1] + " " + words[0] + " " + words[2] + " " + words[3]
	for _, typed := range []string{"", words[0], swapped, line + " abandon", strings.Join(words, ""), "four other words here"} {
		if staging.SameWords(covers, typed) {
			t.Errorf("%q was taken", typed)
		}
	}
	for _, none := range []string{"", "xyz", "abcd"} {
		if staging.Words(none) != nil || staging.SameWords(none, "") {
			t.Errorf("%q has words", none)
		}
	}
	b.Release = &provisioning.Release{Hash: b.Hash, By: "x", Reason: "y", People: 1, At: moment()}
	if slices.Equal(staging.Words(staging.Covers(b)), words) {
		t.Error("a release has the words of none")
	}
	old := *b.Release
	old.Hash = "of before"
	b.Release = &old
	if staging.Covers(b) != covers {
		t.Error("a release of another hash is covered")
	}
}

// TestRequest: a request comes back whole; one that was changed is refused, and so is whoever had a hand in it or may not read it.
func TestRequest(t *testing.T) {
	b := asked()
	b.Release = &provisioning.Release{Hash: b.Hash, By: "asker", Reason: "HR", People: 1, At: moment().Add(time.Nanosecond)}
	data, err := json.Marshal(request(b))
	if err != nil {
		t.Fatal(err)
	}
	r, err := staging.ParseRequest(data)
	if err != nil {
		t.Fatal(err)
	}
	own := newPen(1)
	a := r.Approve("second", "okta/2", moment())
	if err := staging.Sign(context.Background(), r.Realm, own, &a); err != nil {
		t.Fatal(err)
	}
	if why := staging.CheckApproval(realm, b, &a, own.Public(), moment()); why != "" {
		t.Errorf("an approval of the request counts for nothing: %s", why)
	}
	answer, err := json.Marshal(staging.NewAnswer(realm, a))
	if err != nil {
		t.Fatal(err)
	}
	if back, err := staging.ParseAnswer(realm, answer); err != nil || staging.CheckApproval(realm, b, back, own.Public(), moment()) != "" {
		t.Error(back, err)
	}
	if _, err := staging.ParseAnswer("another", answer); provisioning.CodeOf(err) != provisioning.Invalid {
		t.Error(err)
	}
	for name, change := range map[string]func(*staging.Request){
		"another account":  func(r *staging.Request) { r.Batch.Units[0].Ops[0].Change.Account = "U008" },
		"one more":         func(r *staging.Request) { r.Batch.Units = append(r.Batch.Units, r.Batch.Units[0]) },
		"nobody":           func(r *staging.Request) { r.Batch.Units = nil },
		"another name":     func(r *staging.Request) { r.Batch.Units[0].Name = "Person 8" },
		"another reason":   func(r *staging.Request) { r.Batch.Release.Reason = "x" },
		"no release":       func(r *staging.Request) { r.Batch.Release = nil },
		"another hash":     func(r *staging.Request) { r.Batch.Hash = strings.Repeat("0", 64) },
		"no requester":     func(r *staging.Request) { r.Requester = "" },
		"no batch":         func(r *staging.Request) { r.Batch = nil },
		"another version":  func(r *staging.Request) { r.Version++ },
		"for a month":      func(r *staging.Request) { r.Valid = 30 * 24 * time.Hour },
		"for no time":      func(r *staging.Request) { r.Valid = 0 },
		"a policy as well": func(r *staging.Request) { r.Policy = &staging.PolicyAsk{Source: "{}", Hash: staging.PolicyHash("{}")} },
	} {
		r, err := staging.ParseRequest(data)
		if err != nil {
			t.Fatal(err)
		}
		change(r)
		forged, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := staging.ParseRequest(forged); provisioning.CodeOf(err) != provisioning.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	who := func(id string, role provisioning.Role) provisioning.Operator {
		o := provisioning.Operator{Name: "second", Role: role}
		if id != "" {
			o.Person = provisioning.PersonKey{Directory: "okta", ID: id}
		}
		return o
	}
	r.Batch.Hands = append(r.Batch.Hands, "okta/3")
	for name, c := range map[string]struct {
		o    provisioning.Operator
		seal bool
		says string
	}{
		"an approver":                  {o: who("2", provisioning.RoleApprover)},
		"an administrator":             {o: who("2", provisioning.RoleAdministrator)},
		"a requester":                  {o: who("2", provisioning.RoleRequester), says: "an approver or an administrator"},
		"a reader":                     {o: who("2", provisioning.RoleReader), says: "an approver or an administrator"},
		"nobody":                       {o: who("", provisioning.RoleApprover), says: "no person"},
		"who asks":                     {o: who("1", provisioning.RoleApprover), says: "another person"},
		"who had a hand":               {o: who("3", provisioning.RoleAdministrator), says: "had a hand"},
		"no reader of a sealed one":    {o: who("2", provisioning.RoleApprover), seal: true, says: "sealed"},
		"no reader, though an admin":   {o: who("2", provisioning.RoleAdministrator), seal: true, says: "sealed"},
		"who asks, by another account": {o: provisioning.Operator{Name: "ASKER", Account: "X", Role: provisioning.RoleApprover, Person: provisioning.PersonKey{Directory: "okta", ID: "1"}}, says: "another person"},
	} {
		r.Batch.Readers = nil
		if c.seal {
			r.Batch.Readers = []string{"asker"}
		}
		if why := r.Refuses(c.o); (why == "") != (c.says == "") || !strings.Contains(why, c.says) {
			t.Errorf("%s: %q", name, why)
		}
	}
}

// FuzzRequest: whatever lies in a folder, a request that is taken is one whose batch gives its hash.
func FuzzRequest(f *testing.F) {
	data, err := json.Marshal(request(asked()))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("{}"))
	f.Add([]byte(`{"version":1,"realm":"x","requester":"y","valid":60000000000,"batch":{"units":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := staging.ParseRequest(data)
		if err == nil && r.Batch != nil && (staging.Hash(r.Batch) != r.Batch.Hash || staging.Covers(r.Batch) != r.Covers) {
			t.Error("a request was taken that is not what it says")
		}
		_, _ = staging.ParseAnswer(realm, data)
	})
}
