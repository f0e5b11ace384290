package sdktest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/okta/okta-sdk-golang/v2/okta"
	"github.com/okta/okta-sdk-golang/v2/okta/query"

	"rollcall/clients/okta/oktatest"
)

// oktaFirm is an org with people of whom some have left, a group of more than one page, and a small one.
func oktaFirm() (config oktatest.Config, present, left set[string]) {
	born := time.Date(2024, 3, 1, 9, 0, 0, 0, time.UTC)
	config = oktatest.Config{Token: "a-token"}
	present, left = make(set[string]), make(set[string])
	var members []string
	for i := range people {
		u := oktatest.User{
			ID: fmt.Sprintf("00u%017d", i), Status: "ACTIVE", Created: born, Activated: &born, StatusChanged: &born, LastUpdated: born,
			Profile: oktatest.Profile{
				Login: fmt.Sprintf("u%d@firm.example", i), Email: fmt.Sprintf("u%d@firm.example", i), FirstName: "Ada", LastName: fmt.Sprint(i),
				Department: "Tax", Office: "Zürich",
			},
		}
		if i%90 == 7 {
			u.Status = "DEPROVISIONED"
			left[u.ID] = true
		} else {
			present[u.ID] = true
			members = append(members, u.ID)
		}
		config.Users = append(config.Users, u)
	}
	config.Groups = []oktatest.Group{{ID: "00gEverybody", Name: "Everybody", Members: members}, {ID: "00gFew", Name: "Few", Members: members[:3]}}
	return config, present, left
}

// oktaClient is Okta's own library, set against a simulator.
func oktaClient(ctx context.Context, t *testing.T, url string) (context.Context, *okta.Client) {
	t.Helper()
	ctx, client, err := okta.NewClient(ctx, okta.WithOrgUrl(url), okta.WithToken("a-token"), okta.WithTestingDisableHttpsCheck(true), okta.WithCache(false))
	if err != nil {
		t.Fatal(err)
	}
	return ctx, client
}

// oktaUsers reads the pages behind a first one, and tells how many pages there were.
func oktaUsers(ctx context.Context, t *testing.T, users []*okta.User, resp *okta.Response, err error) (byID map[string]*okta.User, ids set[string], pages int) {
	t.Helper()
	byID, ids = make(map[string]*okta.User), make(set[string])
	for {
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, u := range users {
			ids.add(t, u.Id)
			byID[u.Id] = u
		}
		if !resp.HasNextPage() {
			return byID, ids, pages
		}
		users = nil
		resp, err = resp.Next(ctx, &users)
	}
}

// TestOktaUsers: the library follows the several Link headers to the last page, and finds who left by a search alone.
func TestOktaUsers(t *testing.T) {
	config, present, left := oktaFirm()
	config.JoinedHeader = false
	s := oktatest.New(config)
	start(t, s)
	ctx, client := oktaClient(deadline(t), t, s.URL())

	users, resp, err := client.User.ListUsers(ctx, query.NewQueryParams(query.WithLimit(200)))
	if err != nil {
		t.Fatal(err)
	}
	if links := resp.Header.Values("Link"); len(links) != 2 {
		t.Errorf("the first page has the Link headers %q", links)
	}
	byID, ids, pages := oktaUsers(ctx, t, users, resp, err)
	same(t, "users", ids, present)
	if pages != 3 {
		t.Errorf("%d pages", pages)
	}
	for id, u := range byID {
		profile := *u.Profile
		if u.Status != "ACTIVE" || profile["office"] != "Zürich" || u.LastLogin != nil || u.Created == nil || u.Created.Year() != 2024 {
			t.Fatalf("%s: %+v, %v", id, u, profile)
		}
	}

	users, resp, err = client.User.ListUsers(ctx, query.NewQueryParams(query.WithSearch(`status eq "DEPROVISIONED"`), query.WithLimit(200)))
	_, ids, _ = oktaUsers(ctx, t, users, resp, err)
	same(t, "users who left", ids, left)
}

// TestOktaUser: one user by its id, and an unknown id as the library's own error.
func TestOktaUser(t *testing.T) {
	config, _, _ := oktaFirm()
	s := oktatest.New(config)
	start(t, s)
	ctx, client := oktaClient(deadline(t), t, s.URL())

	want := config.Users[12]
	u, _, err := client.User.GetUser(ctx, want.ID)
	if err != nil {
		t.Fatal(err)
	}
	if profile := *u.Profile; u.Id != want.ID || profile["login"] != want.Profile.Login || profile["department"] != "Tax" {
		t.Errorf("%+v, %v", u, profile)
	}

	_, resp, err := client.User.GetUser(ctx, "00uNobody")
	var typed *okta.Error
	if !errors.As(err, &typed) || typed.ErrorCode != "E0000007" || typed.ErrorSummary == "" {
		t.Errorf("an unknown id gives %#v", err)
	}
	if resp == nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown id is answered with %v", resp)
	}
}

// TestOktaGroups: the groups, page by page, whom they hold, and to which of them a user belongs.
func TestOktaGroups(t *testing.T) {
	config, present, _ := oktaFirm()
	s := oktatest.New(config)
	start(t, s)
	ctx, client := oktaClient(deadline(t), t, s.URL())

	names, want := make(set[string]), set[string]{"Everybody": true, "Few": true}
	groups, resp, err := client.Group.ListGroups(ctx, query.NewQueryParams(query.WithLimit(1)))
	for {
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range groups {
			names.add(t, g.Profile.Name)
			if g.Type != "OKTA_GROUP" || g.LastMembershipUpdated == nil {
				t.Errorf("%+v", g)
			}
		}
		if !resp.HasNextPage() {
			break
		}
		groups = nil
		resp, err = resp.Next(ctx, &groups)
	}
	same(t, "groups", names, want)

	users, resp, err := client.Group.ListGroupUsers(ctx, "00gEverybody", query.NewQueryParams(query.WithLimit(200)))
	_, ids, pages := oktaUsers(ctx, t, users, resp, err)
	same(t, "users of a group", ids, present)
	if pages != 3 {
		t.Errorf("%d pages of a group", pages)
	}

	few := config.Groups[1].Members
	users, resp, err = client.Group.ListGroupUsers(ctx, "00gFew", nil)
	_, ids, _ = oktaUsers(ctx, t, users, resp, err)
	same(t, "users of the small group", ids, set[string]{few[0]: true, few[1]: true, few[2]: true})

	groups, _, err = client.User.ListUserGroups(ctx, few[0])
	if err != nil || len(groups) != 2 {
		t.Errorf("a user has %d groups, %v", len(groups), err)
	}
}
