package sdktest

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"rollcall/clients/entra/entratest"
)

const (
	entraTenant = "11111111-2222-3333-4444-555555555555"
	entraClient = "66666666-7777-8888-9999-000000000000"
	entraScope  = "https://graph.microsoft.com/.default"
)

// entraFirm is a tenant with people, a group of more than one page, and one nested in it.
func entraFirm() (config entratest.Config, all set[string]) {
	born := time.Date(2024, 3, 1, 9, 0, 0, 0, time.UTC)
	config = entratest.Config{Tenant: entraTenant, ClientID: entraClient, Secret: "a-secret"}
	all = make(set[string])
	var ids []string
	for i := range people {
		u := entratest.User{
			ID: fmt.Sprintf("00000000-0000-0000-0000-%012d", i), UPN: fmt.Sprintf("u%d@firm.example", i), Mail: fmt.Sprintf("u%d@firm.example", i),
			DisplayName: fmt.Sprintf("Ada %d", i), Enabled: i%9 != 4, Created: born, Department: "Tax", Office: "Zürich",
		}
		config.Users = append(config.Users, u)
		all[u.ID] = true
		ids = append(ids, u.ID)
	}
	config.Groups = []entratest.Group{{ID: "g-large", Name: "Large", Members: ids[:300], Nested: []string{"g-small"}}, {ID: "g-small", Name: "Small", Members: ids[300:310]}}
	return config, all
}

// entraServer puts a simulator behind TLS, which Microsoft's library insists on.
func entraServer(t *testing.T, config entratest.Config) *httptest.Server {
	t.Helper()
	s := entratest.New(config)
	server := httptest.NewTLSServer(s.Handler())
	t.Cleanup(server.Close)
	s.At(server.URL)
	return server
}

// entraOptions lead Microsoft's library to a server.
func entraOptions(server *httptest.Server) policy.ClientOptions {
	return policy.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: server.URL + "/"}, Transport: server.Client()}
}

// entraCertificate is a certificate of the application's, and its thumbprint.
func entraCertificate(t *testing.T) (certificate *x509.Certificate, key *rsa.PrivateKey, thumbprint string) {
	t.Helper()
	key = newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "rollcall"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err = x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	return certificate, key, base64.RawURLEncoding.EncodeToString(sum[:])
}

// entraToken asks a credential for a token.
func entraToken(ctx context.Context, t *testing.T, credential azcore.TokenCredential) string {
	t.Helper()
	token, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{entraScope}})
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(token.ExpiresOn); token.Token == "" || left < 50*time.Minute || left > time.Hour {
		t.Errorf("a token of %d bytes that lives for %v", len(token.Token), left)
	}
	return token.Token
}

// entraRow is what the tests read of a directory object.
type entraRow struct {
	Type       string `json:"@odata.type"`
	ID         string `json:"id"`
	Enabled    *bool  `json:"accountEnabled"`
	Department string `json:"department"`
	Office     string `json:"officeLocation"`
}

// entraList follows the next links from a first address to the last page.
func entraList(ctx context.Context, t *testing.T, server *httptest.Server, token, next string) (rows []entraRow, pages int) {
	t.Helper()
	for next != "" {
		if !strings.HasPrefix(next, server.URL+"/v1.0/") {
			t.Fatalf("the next link is %s", next)
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, next, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			Next  string      `json:"@odata.nextLink"`
			Value *[]entraRow `json:"value"`
		}
		err = json.NewDecoder(response.Body).Decode(&page)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || page.Value == nil {
			t.Fatalf("page %d: status %d, %v", pages+1, response.StatusCode, err)
		}
		pages++
		rows = append(rows, *page.Value...)
		next = page.Next
	}
	return rows, pages
}

// TestEntraSecret: a client secret gives a token with which every user can be read, across an empty page too.
func TestEntraSecret(t *testing.T) {
	for _, empty := range []bool{false, true} {
		config, all := entraFirm()
		config.EmptyPage = empty
		server := entraServer(t, config)
		ctx := deadline(t)
		credential, err := azidentity.NewClientSecretCredential(entraTenant, entraClient, "a-secret", &azidentity.ClientSecretCredentialOptions{
			ClientOptions: entraOptions(server), DisableInstanceDiscovery: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		q := url.Values{"$select": {"id,accountEnabled,department,officeLocation"}, "$top": {"200"}}
		rows, pages := entraList(ctx, t, server, entraToken(ctx, t, credential), server.URL+"/v1.0/users?"+q.Encode())
		ids, disabled := make(set[string]), 0
		for _, r := range rows {
			ids.add(t, r.ID)
			if r.Enabled == nil || r.Department != "Tax" || r.Office != "Zürich" {
				t.Fatalf("%+v", r)
			}
			if !*r.Enabled {
				disabled++
			}
		}
		same(t, "users", ids, all)
		want := 3
		if empty {
			want++
		}
		if pages != want || disabled != people/9 {
			t.Errorf("%d pages where %d were expected, %d people are disabled", pages, want, disabled)
		}
	}
}

// TestEntraGroups: what comes without $select, and groups with the members that they have through nesting.
func TestEntraGroups(t *testing.T) {
	config, all := entraFirm()
	server := entraServer(t, config)
	ctx := deadline(t)
	credential, err := azidentity.NewClientSecretCredential(entraTenant, entraClient, "a-secret", &azidentity.ClientSecretCredentialOptions{
		ClientOptions: entraOptions(server), DisableInstanceDiscovery: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	token := entraToken(ctx, t, credential)

	// Without $select the department and the status do not come; without $top a page has a hundred rows.
	rows, pages := entraList(ctx, t, server, token, server.URL+"/v1.0/users")
	ids := make(set[string])
	for _, r := range rows {
		ids.add(t, r.ID)
		if r.Enabled != nil || r.Department != "" || r.Office != "Zürich" {
			t.Fatalf("%+v", r)
		}
	}
	same(t, "users", ids, all)
	if pages != 5 {
		t.Errorf("%d pages", pages)
	}

	rows, _ = entraList(ctx, t, server, token, server.URL+"/v1.0/groups")
	ids = make(set[string])
	for _, r := range rows {
		ids.add(t, r.ID)
	}
	same(t, "groups", ids, set[string]{"g-large": true, "g-small": true})

	want := set[string]{"g-small": true}
	for _, id := range slices.Concat(config.Groups[0].Members, config.Groups[1].Members) {
		want[id] = true
	}
	rows, pages = entraList(ctx, t, server, token, server.URL+"/v1.0/groups/g-large/transitiveMembers?%24top=100")
	ids = make(set[string])
	for _, r := range rows {
		ids.add(t, r.ID)
		if nested := r.ID == "g-small"; (r.Type == "#microsoft.graph.group") != nested || (r.Type == "#microsoft.graph.user") == nested {
			t.Errorf("%+v", r)
		}
	}
	same(t, "members", ids, want)
	if pages != 4 {
		t.Errorf("%d pages of members", pages)
	}
}

// TestEntraCertificate: a certificate's assertion gives a token with which every user can be read, a second assertion is taken as
// well, and a certificate that the application does not hold is refused.
func TestEntraCertificate(t *testing.T) {
	certificate, key, thumbprint := entraCertificate(t)
	config, all := entraFirm()
	config.Secret = ""
	config.Keys = map[string]crypto.PublicKey{thumbprint: key.Public()}
	server := entraServer(t, config)
	ctx := deadline(t)
	options := &azidentity.ClientCertificateCredentialOptions{ClientOptions: entraOptions(server), DisableInstanceDiscovery: true}

	alien, alienKey, _ := entraCertificate(t)
	credential, err := azidentity.NewClientCertificateCredential(entraTenant, entraClient, []*x509.Certificate{alien}, alienKey, options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{entraScope}}); err == nil || !strings.Contains(err.Error(), "AADSTS700027") {
		t.Errorf("an unknown certificate gives %v", err)
	}

	for range 2 {
		credential, err = azidentity.NewClientCertificateCredential(entraTenant, entraClient, []*x509.Certificate{certificate}, key, options)
		if err != nil {
			t.Fatal(err)
		}
		q := url.Values{"$select": {"id,department"}, "$top": {"200"}}
		rows, pages := entraList(ctx, t, server, entraToken(ctx, t, credential), server.URL+"/v1.0/users?"+q.Encode())
		ids := make(set[string])
		for _, r := range rows {
			ids.add(t, r.ID)
			if r.Department != "Tax" {
				t.Fatalf("%+v", r)
			}
		}
		same(t, "users", ids, all)
		if pages != 3 {
			t.Errorf("%d pages", pages)
		}
	}
}

// TestEntraWrongSecret: the refusal comes as the library's own error, with Entra's number.
func TestEntraWrongSecret(t *testing.T) {
	config, _ := entraFirm()
	server := entraServer(t, config)
	credential, err := azidentity.NewClientSecretCredential(entraTenant, entraClient, "another", &azidentity.ClientSecretCredentialOptions{
		ClientOptions: entraOptions(server), DisableInstanceDiscovery: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = credential.GetToken(deadline(t), policy.TokenRequestOptions{Scopes: []string{entraScope}})
	var typed *azidentity.AuthenticationFailedError
	if !errors.As(err, &typed) || !strings.Contains(err.Error(), "AADSTS7000215") {
		t.Errorf("a wrong secret gives %v", err)
	}
	if typed != nil && (typed.RawResponse == nil || typed.RawResponse.StatusCode != http.StatusUnauthorized) {
		t.Errorf("the answer is %v", typed.RawResponse)
	}
}
