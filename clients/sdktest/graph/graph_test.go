// Package graph reads Entra's simulator with Microsoft's own Graph library. It is a module of its own beside the other libraries': this
// one alone takes minutes to build.
package graph

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	auth "github.com/microsoft/kiota-authentication-azure-go"
	msgraph "github.com/microsoftgraph/msgraph-sdk-go"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/groups"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"rollcall/clients/entra/entratest"
)

const (
	tenant = "11111111-2222-3333-4444-555555555555"
	people = 230
)

// tenantOf is a tenant with people, a group that is nested in another, and somebody who was deleted.
func tenantOf() entratest.Config {
	config := entratest.Config{Tenant: tenant, ClientID: "an-application", Secret: "a-secret", PageSize: 50}
	var members []string
	for i := range people {
		id := fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
		config.Users = append(config.Users, entratest.User{
			ID: id, UPN: fmt.Sprintf("u%d@firm.example", i), Mail: fmt.Sprintf("u%d@firm.example", i), DisplayName: fmt.Sprintf("Ada %d", i), Enabled: i%2 == 0,
			Department: "Tax", Office: "Zürich", Created: time.Date(2024, 3, 1, 9, 0, 0, 0, time.UTC), Manager: "00000000-0000-4000-8000-000000000000",
		})
		members = append(members, id)
	}
	config.Groups = []entratest.Group{{ID: "g-small", Name: "Small", Members: members[:30]}, {ID: "g-large", Name: "Large", Members: members[30:90], Nested: []string{"g-small"}}}
	return config
}

// library is Microsoft's, led to a simulator behind TLS: it would send no token to another address.
func library(t *testing.T, config entratest.Config) (*msgraph.GraphServiceClient, *msgraph.GraphRequestAdapter, *entratest.Server) {
	t.Helper()
	s := entratest.New(config)
	server := httptest.NewTLSServer(s.Handler())
	t.Cleanup(server.Close)
	s.At(server.URL)
	credential, err := azidentity.NewClientSecretCredential(tenant, config.ClientID, config.Secret, &azidentity.ClientSecretCredentialOptions{
		ClientOptions:            policy.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: server.URL + "/"}, Transport: server.Client()},
		DisableInstanceDiscovery: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	provider, err := auth.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(credential, []string{"https://graph.microsoft.com/.default"}, []string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	adapter, err := msgraph.NewGraphRequestAdapterWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(provider, nil, nil, server.Client())
	if err != nil {
		t.Fatal(err)
	}
	adapter.SetBaseUrl(server.URL + "/v1.0")
	return msgraph.NewGraphServiceClient(adapter), adapter, s
}

func of[T any](v T) *T { return &v }

// TestUsers: the library pages through everybody and finds the properties that were asked for, where a page is empty as well.
func TestUsers(t *testing.T) {
	for _, empty := range []bool{false, true} {
		config := tenantOf()
		config.EmptyPage = empty
		client, adapter, _ := library(t, config)
		page, err := client.Users().Get(t.Context(), &users.UsersRequestBuilderGetRequestConfiguration{QueryParameters: &users.UsersRequestBuilderGetQueryParameters{
			Select: []string{"id", "displayName", "accountEnabled", "department", "createdDateTime"}, Top: of(int32(100)), Expand: []string{"manager($select=id,displayName)"},
		}})
		if err != nil {
			t.Fatal(err)
		}
		walk, err := core.NewPageIterator[models.Userable](page, adapter, models.CreateUserCollectionResponseFromDiscriminatorValue)
		if err != nil {
			t.Fatal(err)
		}
		seen, enabled := make(map[string]bool), 0
		err = walk.Iterate(t.Context(), func(u models.Userable) bool {
			seen[*u.GetId()] = true
			if *u.GetAccountEnabled() {
				enabled++
			}
			if *u.GetDepartment() != "Tax" || u.GetOfficeLocation() != nil || u.GetCreatedDateTime().Year() != 2024 || *u.GetManager().GetId() != config.Users[0].ID {
				t.Errorf("%s: %v %v %v", *u.GetId(), *u.GetDepartment(), u.GetOfficeLocation(), u.GetCreatedDateTime())
			}
			return true
		})
		if err != nil || len(seen) != people || enabled != people/2 {
			t.Errorf("an empty page %v: %d people, %d enabled, %v", empty, len(seen), enabled, err)
		}
	}
}

// TestDelta: the library follows the delta from its beginning to its delta link, and from there to what changed.
func TestDelta(t *testing.T) {
	config := tenantOf()
	client, _, s := library(t, config)
	read := func(builder *users.DeltaRequestBuilder, query *users.DeltaRequestBuilderGetRequestConfiguration) (ids map[string]models.Userable, link string) {
		ids = make(map[string]models.Userable)
		for {
			page, err := builder.GetAsDeltaGetResponse(t.Context(), query)
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range page.GetValue() {
				ids[*u.GetId()] = u
			}
			if page.GetOdataDeltaLink() != nil {
				return ids, *page.GetOdataDeltaLink()
			}
			builder, query = client.Users().Delta().WithUrl(*page.GetOdataNextLink()), nil
		}
	}
	all, link := read(client.Users().Delta(), &users.DeltaRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.DeltaRequestBuilderGetQueryParameters{Select: []string{"displayName", "accountEnabled"}},
	})
	if len(all) != people {
		t.Errorf("%d people", len(all))
	}
	u := config.Users[7]
	u.DisplayName = "Ada Married"
	s.Put(u)
	s.Delete(config.Users[8].ID)
	told, _ := read(client.Users().Delta().WithUrl(link), nil)
	if len(told) != 2 || told[u.ID] == nil || *told[u.ID].GetDisplayName() != "Ada Married" || told[config.Users[8].ID] == nil {
		t.Errorf("%d were told", len(told))
	}
	if gone := told[config.Users[8].ID]; gone != nil && gone.GetAdditionalData()["@removed"] == nil {
		t.Errorf("the deleted one is told as %v", gone.GetAdditionalData())
	}
}

// TestMembersAndRefusals: nested members come with their own types; the deleted are where Graph keeps them; a refusal is the library's own
// error with Graph's code.
func TestMembersAndRefusals(t *testing.T) {
	config := tenantOf()
	client, adapter, s := library(t, config)
	page, err := client.Groups().ByGroupId("g-large").TransitiveMembers().Get(t.Context(), &groups.ItemTransitiveMembersRequestBuilderGetRequestConfiguration{
		QueryParameters: &groups.ItemTransitiveMembersRequestBuilderGetQueryParameters{Top: of(int32(40))},
	})
	if err != nil {
		t.Fatal(err)
	}
	walk, err := core.NewPageIterator[models.DirectoryObjectable](page, adapter, models.CreateDirectoryObjectCollectionResponseFromDiscriminatorValue)
	if err != nil {
		t.Fatal(err)
	}
	kinds := make(map[string]int)
	if err := walk.Iterate(t.Context(), func(o models.DirectoryObjectable) bool { kinds[*o.GetOdataType()]++; return true }); err != nil {
		t.Fatal(err)
	}
	if kinds["#microsoft.graph.user"] != 90 || kinds["#microsoft.graph.group"] != 1 {
		t.Errorf("%v", kinds)
	}
	s.Delete(config.Users[3].ID)
	deleted, err := client.Directory().DeletedItems().GraphUser().Get(context.Background(), nil)
	if err != nil || len(deleted.GetValue()) != 1 || *deleted.GetValue()[0].GetId() != config.Users[3].ID {
		t.Errorf("the deleted: %v", err)
	}
	_, err = client.Users().ByUserId("nobody").Get(t.Context(), nil)
	var refused *odataerrors.ODataError
	if !errors.As(err, &refused) || refused.GetErrorEscaped() == nil || *refused.GetErrorEscaped().GetCode() != "Request_ResourceNotFound" {
		t.Errorf("nobody: %v", err)
	}
}
