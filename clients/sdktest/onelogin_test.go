package sdktest

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/onelogin/onelogin-go-sdk/v4/pkg/onelogin"
	"github.com/onelogin/onelogin-go-sdk/v4/pkg/onelogin/api"
	"github.com/onelogin/onelogin-go-sdk/v4/pkg/onelogin/authentication"
	"github.com/onelogin/onelogin-go-sdk/v4/pkg/onelogin/models"

	"rollcall/clients/onelogin/onelogintest"
)

// redirect leads the library's fixed token host to the simulator, and lets nothing else out.
type redirect struct {
	to   *url.URL
	next http.RoundTripper
}

func (r redirect) RoundTrip(req *http.Request) (*http.Response, error) {
	switch req.URL.Host {
	case "firm.onelogin.com":
		req = req.Clone(req.Context())
		req.URL.Scheme, req.URL.Host, req.Host = r.to.Scheme, r.to.Host, ""
	case r.to.Host:
	default:
		return nil, errors.New("the library called " + req.URL.Host)
	}
	return r.next.RoundTrip(req)
}

// oneloginFirm is an account with people, two roles and two groups.
func oneloginFirm() (config onelogintest.Config, all set[float64]) {
	born := time.Date(2024, 3, 1, 9, 0, 0, 0, time.UTC)
	config = onelogintest.Config{
		ClientID: "an-id", Secret: "a-secret", Roles: []onelogintest.Named{{ID: 31, Name: "Lawyers"}, {ID: 32, Name: "Staff"}},
		Groups: []onelogintest.Named{{ID: 41, Name: "London"}, {ID: 42, Name: "Zürich"}},
	}
	all = make(set[float64])
	for i := range people {
		id := int64(100_000_000 + i)
		config.Users = append(config.Users, onelogintest.User{
			ID: id, Username: fmt.Sprintf("u%d", i), Email: fmt.Sprintf("u%d@firm.example", i), First: "Ada", Last: fmt.Sprint(i), Department: "Tax",
			Status: i % 3, State: 1, Created: born, Updated: born, Group: 41, Roles: []int64{31},
		})
		all[float64(id)] = true
	}
	return config, all
}

// oneloginSDK is OneLogin's own library, filled in by hand: its constructor knows no other host than OneLogin's. The token call goes
// through the default transport, which is replaced until the test ends.
func oneloginSDK(t *testing.T, base, secret string) (*onelogin.OneloginSDK, error) {
	t.Helper()
	to, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	before, output := http.DefaultTransport, log.Writer()
	transport := redirect{to, before}
	http.DefaultTransport = transport
	log.SetOutput(io.Discard)
	t.Cleanup(func() {
		http.DefaultTransport = before
		log.SetOutput(output)
	})
	t.Setenv("ONELOGIN_CLIENT_ID", "an-id")
	t.Setenv("ONELOGIN_CLIENT_SECRET", secret)
	auth := authentication.NewAuthenticator("firm")
	err = auth.GenerateToken()
	return &onelogin.OneloginSDK{Client: &api.Client{HttpClient: &http.Client{Transport: transport}, Auth: auth, OLdomain: base}}, err
}

// TestOneLoginUsers: the library reads the cursor from its header, page by page; numbers come as float64.
func TestOneLoginUsers(t *testing.T) {
	config, all := oneloginFirm()
	s := onelogintest.New(config)
	start(t, s)
	ctx := deadline(t)
	sdk, err := oneloginSDK(t, s.URL(), "a-secret")
	if err != nil {
		t.Fatal(err)
	}

	ids, pages, fields := make(set[float64]), 0, "id,email,status,state,department,role_ids"
	for q := (&models.UserQuery{Limit: "50", Fields: &fields}); ; {
		page, err := sdk.GetUsersWithPaginationWithContext(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		rows, ok := page.Data.([]any)
		if !ok {
			t.Fatalf("a page is %T", page.Data)
		}
		for _, r := range rows {
			row, _ := r.(map[string]any)
			id, ok := row["id"].(float64)
			if !ok {
				t.Fatalf("an id is %T", row["id"])
			}
			ids.add(t, id)
			i := int(id) - 100_000_000
			if row["email"] != fmt.Sprintf("u%d@firm.example", i) || row["status"] != float64(i%3) || row["state"] != 1.0 || row["department"] != "Tax" {
				t.Fatalf("%v", row)
			}
		}
		if p := page.Pagination; p.TotalCount != people || p.TotalPages != people/50 || p.CurrentPage != pages {
			t.Errorf("page %d is described as %+v", pages, p)
		}
		if page.Pagination.AfterCursor == "" {
			break
		}
		q.Cursor = page.Pagination.AfterCursor
	}
	same(t, "users", ids, all)
	if pages != people/50 {
		t.Errorf("%d pages", pages)
	}

	one, err := sdk.GetUserByIDWithContext(ctx, 100_000_007, nil)
	row, _ := one.(map[string]any)
	if err != nil || row["username"] != "u7" || row["department"] != "Tax" || row["last_login"] != nil {
		t.Errorf("%v, %v", row, err)
	}
	if _, err := sdk.GetUserByIDWithContext(ctx, 5, nil); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("an unknown id gives %v", err)
	}
}

// TestOneLoginRoles: roles are a bare list, groups come in the older envelope.
func TestOneLoginRoles(t *testing.T) {
	config, _ := oneloginFirm()
	s := onelogintest.New(config)
	start(t, s)
	ctx := deadline(t)
	sdk, err := oneloginSDK(t, s.URL(), "a-secret")
	if err != nil {
		t.Fatal(err)
	}

	answer, err := sdk.GetRolesWithContext(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	names := make(set[string])
	rows, _ := answer.([]any)
	for _, r := range rows {
		row, _ := r.(map[string]any)
		names.add(t, fmt.Sprint(row["id"], " ", row["name"]))
	}
	same(t, "roles", names, set[string]{"31 Lawyers": true, "32 Staff": true})

	answer, err = sdk.GetGroups()
	if err != nil {
		t.Fatal(err)
	}
	names = make(set[string])
	envelope, _ := answer.(map[string]any)
	rows, _ = envelope["data"].([]any)
	for _, r := range rows {
		row, _ := r.(map[string]any)
		names.add(t, fmt.Sprint(row["id"], " ", row["name"]))
	}
	same(t, "groups", names, set[string]{"41 London": true, "42 Zürich": true})
}

// TestOneLoginRefusals: a wrong secret gives no token, and a token that is no longer good makes the library ask for another.
func TestOneLoginRefusals(t *testing.T) {
	config, _ := oneloginFirm()
	s := onelogintest.New(config)
	start(t, s)
	ctx := deadline(t)
	if _, err := oneloginSDK(t, s.URL(), "another"); err == nil || s.Minted() != 0 {
		t.Errorf("a wrong secret gives %v, and %d tokens", err, s.Minted())
	}
	sdk, err := oneloginSDK(t, s.URL(), "a-secret")
	if err != nil {
		t.Fatal(err)
	}
	s.ExpireTokens()
	// The library sends the same request again, with the old token; the next call has the new one.
	if _, err := sdk.GetUsersWithContext(ctx, &models.UserQuery{}); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("an expired token gives %v", err)
	}
	if _, err := sdk.GetUsersWithContext(ctx, &models.UserQuery{}); err != nil || s.Minted() != 2 {
		t.Errorf("the call after it gives %v, and %d tokens were given", err, s.Minted())
	}
}
