package sdktest

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"golang.org/x/oauth2/google"
	admin "google.golang.org/api/admin/directory/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"rollcall/clients/google/googletest"
)

const (
	googleAccount = "rollcall@project.iam.gserviceaccount.com"
	googleAdmin   = "admin@firm.example"
	googleKey     = "key-1"
)

// googleFirm is a customer with people, a group of more than one page, and a smaller one nested in it.
func googleFirm(key *rsa.PrivateKey) (config googletest.Config, all set[string]) {
	born := time.Date(2024, 3, 1, 9, 0, 0, 0, time.UTC)
	config = googletest.Config{
		Account: googleAccount, Keys: map[string]crypto.PublicKey{googleKey: key.Public()}, Admins: []string{googleAdmin},
		Scopes: []string{admin.AdminDirectoryUserReadonlyScope, admin.AdminDirectoryGroupReadonlyScope, admin.AdminDirectoryGroupMemberReadonlyScope},
	}
	all = make(set[string])
	var ids []string
	for i := range people + 100 {
		u := googletest.User{
			ID: fmt.Sprintf("1%020d", i), Email: fmt.Sprintf("u%03d@firm.example", i), Given: "Ada", Family: fmt.Sprint(i), Full: fmt.Sprintf("Ada %d", i),
			Created: born, Suspended: i%10 == 3, Changed: born, Department: "Tax", Number: fmt.Sprint(1000 + i),
			Schemas: map[string]map[string]string{"Employment": {"hireDate": "2024-03-01"}},
		}
		config.Users = append(config.Users, u)
		all[u.ID] = true
		ids = append(ids, u.ID)
	}
	config.Groups = []googletest.Group{
		{ID: "g-large", Name: "Large", Email: "large@firm.example", Members: ids[:300], Nested: []string{"g-small"}},
		{ID: "g-small", Name: "Small", Email: "small@firm.example", Members: ids[300:310]},
	}
	return config, all
}

// googleService is Google's own library, which asks the simulator for its tokens with a service account's key file.
func googleService(ctx context.Context, t *testing.T, url string, key *rsa.PrivateKey) *admin.Service {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "project", "private_key_id": googleKey, "client_email": googleAccount, "client_id": "1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": url + "/token",
	})
	if err != nil {
		t.Fatal(err)
	}
	config, err := google.JWTConfigFromJSON(
		file, admin.AdminDirectoryUserReadonlyScope, admin.AdminDirectoryGroupReadonlyScope, admin.AdminDirectoryGroupMemberReadonlyScope,
	)
	if err != nil {
		t.Fatal(err)
	}
	config.Subject = googleAdmin
	service, err := admin.NewService(ctx, option.WithHTTPClient(config.Client(ctx)), option.WithEndpoint(url+"/"))
	if err != nil {
		t.Fatal(err)
	}
	return service
}

// TestGoogleUsers: the library follows the page tokens to the last page, and reads the firm's own schema.
func TestGoogleUsers(t *testing.T) {
	key := newKey(t)
	config, all := googleFirm(key)
	s := googletest.New(config)
	start(t, s)
	ctx := deadline(t)
	service := googleService(ctx, t, s.URL(), key)

	for _, size := range []int64{500, 100} {
		ids, pages, suspended := make(set[string]), 0, 0
		err := service.Users.List().Customer("my_customer").MaxResults(size).OrderBy("email").Projection("full").Pages(ctx, func(page *admin.Users) error {
			pages++
			for _, u := range page.Users {
				ids.add(t, u.Id)
				if u.Suspended {
					suspended++
				}
				if u.Name == nil || u.Name.GivenName != "Ada" || u.LastLoginTime != "1970-01-01T00:00:00.000Z" || len(u.CustomSchemas) != 1 {
					t.Fatalf("%+v", u)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "users", ids, all)
		if want := (len(all) + int(size) - 1) / int(size); pages != want || suspended != len(all)/10 {
			t.Errorf("%d pages where %d were expected, %d suspended", pages, want, suspended)
		}
	}
	if s.Minted() != 1 {
		t.Errorf("%d tokens were given", s.Minted())
	}

	u, err := service.Users.Get(config.Users[20].Email).Projection("full").Context(ctx).Do()
	if err != nil {
		t.Fatal(err)
	}
	var employment struct {
		HireDate string `json:"hireDate"`
	}
	if err := json.Unmarshal(u.CustomSchemas["Employment"], &employment); err != nil || employment.HireDate != "2024-03-01" || u.Id != config.Users[20].ID {
		t.Errorf("%s, %q, %v", u.Id, u.CustomSchemas["Employment"], err)
	}

	_, err = service.Users.Get("nobody@firm.example").Context(ctx).Do()
	var typed *googleapi.Error
	if !errors.As(err, &typed) || typed.Code != http.StatusNotFound || len(typed.Errors) != 1 || typed.Errors[0].Reason != "notFound" {
		t.Errorf("an unknown user gives %#v", err)
	}
}

// TestGoogleGroups: the groups, and their members with those that come through nesting.
func TestGoogleGroups(t *testing.T) {
	key := newKey(t)
	config, _ := googleFirm(key)
	s := googletest.New(config)
	start(t, s)
	ctx := deadline(t)
	service := googleService(ctx, t, s.URL(), key)

	groups := make(set[string])
	err := service.Groups.List().Customer("my_customer").MaxResults(1).Pages(ctx, func(page *admin.Groups) error {
		for _, g := range page.Groups {
			groups.add(t, g.Id)
			if g.Id == "g-large" && (g.DirectMembersCount != 301 || g.Email != "large@firm.example") {
				t.Errorf("%+v", g)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "groups", groups, set[string]{"g-large": true, "g-small": true})

	for _, derived := range []bool{false, true} {
		want := set[string]{"g-small": true}
		for _, id := range config.Groups[0].Members {
			want[id] = true
		}
		if derived {
			for _, id := range config.Groups[1].Members {
				want[id] = true
			}
		}
		members := make(set[string])
		err := service.Members.List("g-large").MaxResults(200).IncludeDerivedMembership(derived).Pages(ctx, func(page *admin.Members) error {
			for _, m := range page.Members {
				members.add(t, m.Id)
				if nested := m.Id == "g-small"; (m.Type == "GROUP") != nested || (m.Type == "USER") == nested || m.Email == "" {
					t.Errorf("%+v", m)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		same(t, fmt.Sprintf("members, derived %v", derived), members, want)
	}
}

// TestGoogleRateLimit: the quota's 403 comes as the library's own error with its reason.
func TestGoogleRateLimit(t *testing.T) {
	key := newKey(t)
	config, _ := googleFirm(key)
	config.RateLimit = 1
	s := googletest.New(config)
	start(t, s)
	ctx := deadline(t)
	service := googleService(ctx, t, s.URL(), key)

	pages := 0
	err := service.Users.List().Customer("my_customer").MaxResults(500).OrderBy("email").Projection("full").Pages(ctx, func(*admin.Users) error {
		pages++
		return nil
	})
	var typed *googleapi.Error
	if !errors.As(err, &typed) || typed.Code != http.StatusForbidden || len(typed.Errors) != 1 || typed.Errors[0].Reason != "userRateLimitExceeded" {
		t.Errorf("the second page gives %#v", err)
	}
	if pages != 1 {
		t.Errorf("%d pages came before the limit", pages)
	}
}
