package entra

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/errgroup"

	"rollcall/clients/wire"
)

// side is how many groups, or people, are read beside each other.
const side = 4

type group struct {
	ID   string `json:"id"`
	Type string `json:"@odata.type"`
	Name string `json:"displayName"`
}

const (
	userType  = "#microsoft.graph.user"
	groupType = "#microsoft.graph.group"
)

func (c *Client) groups(ctx context.Context) ([]group, error) {
	var groups []group
	query := url.Values{"$select": {"id,displayName"}, "$top": {pageSize}}
	_, err := c.walk(ctx, wire.Request{Method: http.MethodGet, Path: "/groups", Query: query}, func(rows jsontext.Value) (int, error) {
		before := len(groups)
		err := wire.Rows(rows, func(g *group) error {
			groups = append(groups, *g)
			return nil
		})
		return len(groups) - before, err
	})
	return groups, err
}

// memberships reads every group's members, those of nested groups among them: user → names of groups, sorted.
func (c *Client) memberships(ctx context.Context) (map[string][]string, error) {
	groups, err := c.groups(ctx)
	if err != nil {
		return nil, err
	}
	of := make(map[string][]string)
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(side)
	for _, one := range groups {
		g.Go(func() error {
			members, err := c.members(gctx, one.ID)
			mu.Lock()
			defer mu.Unlock()
			for _, id := range members {
				of[id] = append(of[id], one.Name)
			}
			return err
		})
	}
	err = g.Wait()
	for _, names := range of {
		slices.Sort(names)
	}
	return of, err
}

// members reads the people of a group, through nested groups. With too little permission the other properties of a member are
// null, but the id and the type are there (contracts/idps.md 2.2), and they are all that is used.
func (c *Client) members(ctx context.Context, id string) ([]string, error) {
	var members []string
	query := url.Values{"$select": {"id"}, "$top": {pageSize}}
	_, err := c.walk(ctx, wire.Request{Method: http.MethodGet, Path: wire.Path("groups", id, "transitiveMembers"), Query: query}, func(rows jsontext.Value) (int, error) {
		n := 0
		err := wire.Rows(rows, func(m *group) error {
			n++
			if m.Type == userType || m.Type == "" {
				members = append(members, m.ID)
			}
			return nil
		})
		return n, err
	})
	return members, err
}

// groupsOf reads the names of one person's groups, through nested groups.
func (c *Client) groupsOf(ctx context.Context, id string) ([]string, error) {
	var names []string
	query := url.Values{"$select": {"id,displayName"}, "$top": {pageSize}}
	_, err := c.walk(ctx, wire.Request{Method: http.MethodGet, Path: wire.Path("users", id, "transitiveMemberOf"), Query: query}, func(rows jsontext.Value) (int, error) {
		n := 0
		err := wire.Rows(rows, func(g *group) error {
			n++
			if g.Type == groupType || g.Type == "" {
				names = append(names, g.Name)
			}
			return nil
		})
		return n, err
	})
	slices.Sort(names)
	return names, err
}
