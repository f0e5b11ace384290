package demofirm_test

import (
	"context"
	"maps"
	"reflect"
	"testing"
	"time"

	"rollcall/clients/demofirm"
	"rollcall/provisioning"
)

// TestActivity: over HTTP, the real client finds of every account the last use that was planted, from whenever it is looked for; what stands
// behind a wall is unknown, and nothing else is.
func TestActivity(t *testing.T) {
	for _, o := range []demofirm.Options{{Seed: 7, People: 300}, {Seed: 3, People: 50}, {Seed: 8, People: 120, Hostile: true}} {
		o.Epoch = time.Now().UTC()
		f := demofirm.Generate(o)
		running, err := demofirm.Serve(context.Background(), f, demofirm.ServeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer running.Close()
		dms := documents(t, running.Connections(), via{})
		inventory, _, err := dms.ReadAll(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		planted := f.Activity()
		var accounts []provisioning.Account
		for _, a := range inventory.Accounts {
			if a.Enabled && len(a.Memberships) > 0 {
				accounts = append(accounts, a)
			}
		}
		if len(accounts) != len(planted) {
			t.Errorf("%d accounts, and of %d something was planted", len(accounts), len(planted))
		}
		for _, days := range []int{30, 90, 500} {
			since := o.Epoch.AddDate(0, 0, -days)
			running.Imanage.Bench().Forget()
			found, err := dms.Activity(context.Background(), accounts, since, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range found {
				want, known := planted[a.Account]
				if want.Last.Before(since) || !want.Readable {
					want.Last = time.Time{}
				}
				if !known || a.Whole != want.Readable || !a.Last.Equal(want.Last) {
					t.Errorf("seed %d, %d days: %+v, want %+v", o.Seed, days, a, want)
				}
			}
			if n, most := len(running.Imanage.Bench().Log()), 8*len(accounts); n > most {
				t.Errorf("%d requests for %d accounts", n, len(accounts))
			}
		}
	}
}

// TestEveryHabitIsPlanted: accounts of every bucket, and unknown ones, also in a small firm; most are used. Some are used whose person signed
// in to the directory long ago, and the reverse.
func TestEveryHabitIsPlanted(t *testing.T) {
	for _, people := range []int{50, 200, 2000} {
		f := demofirm.Generate(demofirm.Options{Seed: 5, People: people, Epoch: epoch})
		habits := make(map[string]int)
		for _, u := range f.Activity() {
			age := epoch.Sub(u.Last).Hours() / 24
			switch {
			case !u.Readable:
				habits["unknown"]++
			case u.Last.IsZero():
				habits["never"]++
			case age < 0:
				t.Errorf("%d people: a use still to come, at %s", people, u.Last)
			case age < 30:
				habits["30"]++
			case age < 60:
				habits["60"]++
			case age < 90:
				habits["90"]++
			default:
				habits["more"]++
			}
		}
		if len(habits) != 6 || habits["30"] < len(f.Activity())*6/10 {
			t.Errorf("%d people: %v", people, habits)
		}
		t.Logf("%d people: %v", people, habits)
	}
}

// TestActivityIsTheSame: the same firm has the same use, and another none of it.
func TestActivityIsTheSame(t *testing.T) {
	of := func(seed uint64) map[string]demofirm.LastUse {
		return demofirm.Generate(demofirm.Options{Seed: seed, People: 200, Epoch: epoch}).Activity()
	}
	if !reflect.DeepEqual(of(9), of(9)) || maps.Equal(of(9), of(10)) {
		t.Error("not the same, or always the same")
	}
}

// TestSignIns: every directory tells when people signed in last, the same of one person; some sign-ins are old where the account is used, and
// some new where it is not.
func TestSignIns(t *testing.T) {
	f := demofirm.Generate(demofirm.Options{Seed: 7, People: 500, Epoch: epoch, Directories: demofirm.Directories()})
	running, err := demofirm.Serve(context.Background(), f, demofirm.ServeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	r := read(t, f, running.Connections())
	by := make(map[string]string) // email → account
	for _, a := range r.accounts {
		by[a.Email] = a.ID
	}
	signed, never := make(map[string]int), 0
	onlyHere, onlyThere := 0, 0
	for _, p := range r.people.People {
		if p.LastSignIn.IsZero() {
			never++
			continue
		}
		signed[p.Key.Directory]++
		if p.LastSignIn.After(epoch) {
			t.Errorf("%s signed in at %s", p.Login, p.LastSignIn)
		}
		last, planted := f.Activity()[by[p.Email]]
		const month = 30 * 24 * time.Hour
		if planted && last.Readable {
			used, signed := epoch.Sub(last.Last) < month, epoch.Sub(p.LastSignIn) < month
			if used && !signed {
				onlyHere++
			}
			if !used && signed {
				onlyThere++
			}
		}
	}
	if len(signed) != 4 || never < 5 || onlyHere < 5 || onlyThere < 5 {
		t.Errorf("%v, %d never; %d only in iManage, %d only in the directory", signed, never, onlyHere, onlyThere)
	}
}

// TestTouched: a use that comes after the firm was made is in the next answer.
func TestTouched(t *testing.T) {
	f := demofirm.Generate(demofirm.Options{Seed: 7, People: 120, Epoch: time.Now().UTC()})
	running, err := demofirm.Serve(context.Background(), f, demofirm.ServeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	dms := documents(t, running.Connections(), via{})
	since := time.Now().AddDate(0, 0, -90)
	touched := 0
	for id, u := range f.Activity() {
		if !u.Readable || u.Last.After(since) {
			continue
		}
		a, found, err := dms.Account(context.Background(), id)
		if err != nil || !found {
			t.Fatal(err)
		}
		now := time.Now().UTC().Truncate(time.Second)
		running.Imanage.Touch(id, a.Memberships[0].Library, now)
		got, err := dms.Activity(context.Background(), []provisioning.Account{a}, since, nil)
		if err != nil || !got[0].Whole || !got[0].Last.Equal(now) {
			t.Errorf("%v %+v", err, got)
		}
		touched++
	}
	if touched < 4 {
		t.Errorf("%d were touched", touched)
	}
}
