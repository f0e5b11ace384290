package demofirm_test

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/clients/demofirm"
	"rollcall/clients/entra"
	"rollcall/clients/entra/entratest"
	"rollcall/clients/okta"
	"rollcall/clients/okta/oktatest"
	"rollcall/clients/onelogin"
	"rollcall/clients/onelogin/onelogintest"
	"rollcall/provisioning"
)

// memory is what was known of a directory: the people by id.
type memory map[string]provisioning.Person

func (m memory) Person(id string) (provisioning.Person, bool) {
	p, ok := m[id]
	return p, ok
}

func (m memory) InGroup(name string) (ids []string) {
	for id, p := range m {
		if slices.Contains(p.Groups, name) {
			ids = append(ids, id)
		}
	}
	return ids
}

// apply puts changes onto what was known, as the desk does.
func (m memory) apply(changes []provisioning.PersonChange) {
	for _, c := range changes {
		if c.Gone {
			delete(m, c.Person.Key.ID)
		} else {
			m[c.Person.Key.ID] = c.Person
		}
	}
}

// whole reads everybody.
func whole(t *rapid.T, d provisioning.Directory) (memory, string) {
	m := make(memory)
	e, err := d.ReadAll(context.Background(), func(chunk []provisioning.Person) error {
		for _, p := range chunk {
			m[p.Key.ID] = p
		}
		return nil
	})
	if err != nil || e.Failure != "" || !e.EndMarker {
		t.Fatalf("%v %+v", err, e)
	}
	return m, e.Cursor
}

// fed is a directory with a feed, and what an administrator may do in it.
type fed struct {
	directory
	put    func(i, version int) // adds somebody, or changes them
	remove func(i int)          // nil: a feed that tells no deletion
	group  func(members []int, version int)
	forget func() // the feed's marks become too old; nil: they never do
}

const fedPeople = 12

func fedOkta(t *rapid.T) (fed, func()) {
	id := func(i int) string { return fmt.Sprintf("00u%d", i) }
	clock := time.Now().Add(-time.Hour)
	user := func(i, version int) oktatest.User {
		status := []string{"ACTIVE", "SUSPENDED", "DEPROVISIONED", "STAGED"}[version%4]
		clock = clock.Add(time.Minute)
		at := clock
		return oktatest.User{ID: id(i), Status: status, Created: at, LastUpdated: at, StatusChanged: &at, Profile: oktatest.Profile{
			Login: id(i) + "@x.example", Email: id(i) + "@x.example", FirstName: "U", LastName: strconv.Itoa(i), Department: strconv.Itoa(version),
		}}
	}
	config := oktatest.Config{Token: "t"}
	for i := range fedPeople {
		config.Users = append(config.Users, user(i, 0))
	}
	s := oktatest.New(config)
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	c, err := okta.New(okta.Options{Name: "okta", URL: s.URL(), Token: provisioning.NewSecret("t"), AllowLoopbackHTTP: true, Groups: true})
	if err != nil {
		t.Fatal(err)
	}
	return fed{
		directory: c,
		put: func(i, version int) {
			u := user(i, version)
			u.LastUpdated = time.Now()
			s.Put(u)
		},
		group: func(members []int, version int) {
			g := oktatest.Group{ID: "00g1", Name: "Deal"}
			for _, i := range members {
				if _, there := s.User(id(i)); there {
					g.Members = append(g.Members, id(i))
				}
			}
			s.PutGroup(g)
		},
	}, func() { c.Close(); s.Close() }
}

func fedEntra(t *rapid.T) (fed, func()) {
	id := func(i int) string { return fmt.Sprintf("e%d", i) }
	user := func(i, version int) entratest.User {
		manager := ""
		if version%3 == 1 {
			manager = id(0)
		}
		return entratest.User{
			ID: id(i), UPN: id(i) + "@x.example", Mail: id(i) + "@x.example", DisplayName: "U " + id(i), Enabled: version%2 == 0, Department: strconv.Itoa(version),
			Office: []string{"London", ""}[version%2], Proxies: []string{"smtp:v" + strconv.Itoa(version%2) + "@x.example"}, Manager: manager,
		}
	}
	config := entratest.Config{
		Tenant: "t", ClientID: "c", Secret: "s", Replay: rapid.Bool().Draw(t, "told twice"), EmptyPage: rapid.Bool().Draw(t, "an empty page"), PageSize: rapid.IntRange(1, 5).Draw(t, "page"),
	}
	for i := range fedPeople {
		config.Users = append(config.Users, user(i, 0))
	}
	config.Groups = []entratest.Group{{ID: "g1", Name: "Deal"}, {ID: "g2", Name: "All deals", Nested: []string{"g1"}}}
	s := entratest.New(config)
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	c, err := entra.New(entra.Options{
		Name: "entra", Tenant: "t", ClientID: "c", Secret: provisioning.NewSecret("s"), GraphURL: s.URL(), LoginURL: s.URL(), AllowLoopbackHTTP: true,
		Groups: true, PerSecond: 1e6,
	})
	if err != nil {
		t.Fatal(err)
	}
	purged := make(map[int]bool)
	return fed{
		directory: c, forget: s.ForgetChanges,
		put: func(i, version int) {
			if !purged[i] { // an id is never given again
				s.Put(user(i, version))
			}
		},
		remove: func(i int) {
			if i%2 == 0 {
				s.Delete(id(i))
			} else {
				s.Purge(id(i))
				purged[i] = true
			}
		},
		group: func(members []int, version int) {
			g := entratest.Group{ID: "g1", Name: "Deal " + strconv.Itoa(version%2)}
			for _, i := range members {
				if u, there := s.User(id(i)); there && u.Deleted.IsZero() {
					g.Members = append(g.Members, id(i))
				}
			}
			s.PutGroup(g)
		},
	}, func() { c.Close(); s.Close() }
}

func fedOneLogin(t *rapid.T) (fed, func()) {
	user := func(i, version int) onelogintest.User {
		u := onelogintest.User{
			ID: int64(i + 1), Username: fmt.Sprintf("u%d", i), Email: fmt.Sprintf("u%d@x.example", i), First: "U", Last: strconv.Itoa(i), Department: strconv.Itoa(version),
			Status: []int{1, 2, 3, 7}[version%4], State: []int{1, 3}[version/4%2], Created: time.Now().Add(-time.Hour), Updated: time.Now(), Group: 41,
		}
		if version%2 == 1 {
			u.Roles = []int64{31}
		}
		return u
	}
	config := onelogintest.Config{ClientID: "c", Secret: "s", Roles: []onelogintest.Named{{ID: 31, Name: "Lawyers"}}, Groups: []onelogintest.Named{{ID: 41, Name: "London"}}}
	for i := range fedPeople {
		u := user(i, 0)
		u.Updated = time.Now().Add(-time.Hour)
		config.Users = append(config.Users, u)
	}
	s := onelogintest.New(config)
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	c, err := onelogin.New(onelogin.Options{Name: "onelogin", URL: s.URL(), ClientID: "c", Secret: provisioning.NewSecret("s"), AllowLoopbackHTTP: true, Groups: true})
	if err != nil {
		t.Fatal(err)
	}
	return fed{directory: c, put: func(i, version int) { s.Put(user(i, version)) }}, func() { c.Close(); s.Close() }
}

// TestFeedsAgreeWithReads: whatever an administrator does, what was known with the changes put onto it is what a whole read finds; and a
// mark that is too old is said to be, never taken for a feed without news.
func TestFeedsAgreeWithReads(t *testing.T) {
	for name, begin := range map[string]func(*rapid.T) (fed, func()){"okta": fedOkta, "entra": fedEntra, "onelogin": fedOneLogin} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				d, end := begin(t)
				defer end()
				known, cursor := whole(t, d)
				feed, ok := d.directory.(provisioning.Feed)
				if !ok {
					t.Fatal("it has no feed")
				}
				for round := range rapid.IntRange(1, 3).Draw(t, "rounds") {
					for step := range rapid.IntRange(0, 6).Draw(t, "steps") {
						version := round*10 + step + rapid.IntRange(0, 7).Draw(t, "version")
						switch who := rapid.IntRange(0, fedPeople+2).Draw(t, "who"); rapid.IntRange(0, 3).Draw(t, "what") {
						case 0, 1:
							d.put(who, version)
						case 2:
							if d.remove != nil {
								d.remove(who)
							}
						default:
							if d.group != nil {
								d.group(rapid.SliceOfNDistinct(rapid.IntRange(0, fedPeople+2), 0, 5, rapid.ID[int]).Draw(t, "members"), version)
							}
						}
					}
					var changes []provisioning.PersonChange
					e, err := feed.ReadChanges(context.Background(), cursor, known, func(chunk []provisioning.PersonChange) error {
						changes = append(changes, chunk...)
						return nil
					})
					if provisioning.CodeOf(err) == provisioning.Stale { // it says itself that a whole read is due
						known, cursor = whole(t, d)
						continue
					}
					if err != nil || e.Failure != "" || !e.EndMarker || e.Cursor == "" {
						t.Fatalf("%v %+v", err, e)
					}
					before := maps.Clone(known)
					known.apply(changes)
					cursor = e.Cursor
					read, _ := whole(t, d)
					agree(t, before, known, read)
				}
				if d.forget != nil {
					d.forget()
					_, err := feed.ReadChanges(context.Background(), cursor, known, func([]provisioning.PersonChange) error { return nil })
					if provisioning.CodeOf(err) != provisioning.Stale {
						t.Fatalf("a mark that is too old: %v", err)
					}
				}
			})
		})
	}
}

// agree holds what is known after a reading of changes against a whole read. Of somebody who was deleted a feed tells no attributes:
// they stand as they were.
func agree(t *rapid.T, before, known, read memory) {
	for id, want := range read {
		got, ok := known[id]
		if !ok {
			t.Fatalf("%s was not told", id)
		}
		if want.Status == provisioning.StatusDeleted {
			if old := before[id]; got.Status != want.Status || (got.Department != old.Department && got.Department != want.Department) {
				t.Fatalf("told: %+v\nread: %+v", got, want)
			}
			continue
		}
		if len(got.Groups) == 0 {
			got.Groups = nil
		}
		if len(want.Groups) == 0 {
			want.Groups = nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("told: %+v\nread: %+v", got, want)
		}
	}
	for id := range known {
		if _, ok := read[id]; !ok {
			t.Fatalf("%s is still known, and is in no list", id)
		}
	}
}

// TestGoogleHasNoFeed: a directory without a feed says so by being none, and is read whole at each refresh.
func TestGoogleHasNoFeed(t *testing.T) {
	running, err := demofirm.Serve(context.Background(), demofirm.Generate(demofirm.Options{Seed: 7, People: 60, Epoch: time.Now(), Directories: []string{"google"}}), demofirm.ServeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	if _, ok := client(t, running.Connections().Connections[0], via{}).(provisioning.Feed); ok {
		t.Error("Google's client claims a feed")
	}
}
