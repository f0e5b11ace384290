package imanage

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// Examine tells right by right what the connection may do; it only reads.
func (c *Client) Examine(ctx context.Context, tell func(provisioning.Finding)) error {
	err := c.signInAgain(ctx)
	if !c.wire.Reached(err, tell) {
		return ctx.Err()
	}
	if err != nil {
		tell(wire.Right(provisioning.SignIn, "", err, ""))
		return ctx.Err()
	}
	tell(provisioning.Finding{What: provisioning.SignIn, State: provisioning.FindingGood, Detail: "by password grant, with admin scope"})
	customer, self, err := c.discover(ctx)
	tell(wire.Right("who we are", "", err, "check the address"))
	if err != nil {
		return ctx.Err()
	}
	if customer == 0 && !c.opts.OnPrem {
		tell(provisioning.Finding{What: "customer", State: provisioning.FindingWarning, Detail: "GET /api tells no customer", Mend: "set on_prem where the tenant is on premises"})
	}
	found := provisioning.Finding{What: "account", State: provisioning.FindingGood, Detail: self + " is read, and is protected from every change"}
	own, there, err := c.Account(ctx, self)
	if err != nil || !there {
		found = provisioning.Finding{What: "account", State: provisioning.FindingBad, Detail: "the account that rollcall signs in with cannot be read", Mend: "give it NRTADMIN, or a global role with user management"}
	}
	tell(found)
	libraries := c.examineLists(ctx, tell)
	for _, l := range libraries {
		c.examineLibrary(ctx, l.ID, &own, tell)
	}
	if !c.opts.OnPrem {
		c.examineGlobal(ctx, &own, tell)
		c.examineApp(ctx, tell)
		c.examineSSO(ctx, tell)
	}
	c.examineFeed(ctx, libraries, tell)
	c.wire.Rated(tell)
	return ctx.Err()
}

func (c *Client) examineLists(ctx context.Context, tell func(provisioning.Finding)) []provisioning.Library {
	one := url.Values{"limit": {"1"}}
	probe := func(what, use, mend string, segments ...string) {
		var rows jsontext.Value
		p, err := c.path(ctx, segments...)
		if err == nil {
			_, err = c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: p, Query: one}, &rows)
		}
		tell(wire.Right(what, use, err, mend))
	}
	if !c.opts.OnPrem {
		probe("list accounts", "global accounts with their state", "give the account a global role with user management", "users")
	}
	libraries, err := c.libraries(ctx)
	tell(wire.Right("list libraries", "", err, memberOfAll))
	for _, l := range libraries {
		probe("users of "+l.ID, "members and their roles", memberOfAll, "libraries", l.ID, "users")
		probe("groups of "+l.ID, "groups and their members", memberOfAll, "libraries", l.ID, "groups")
	}
	return libraries
}

const memberOfAll = "make the account a member of NRTADMIN in each library"

// operationBits are the caller's own rights in a library (contracts/imanage.md 3 and 7): of them, those that rollcall's changes need. The
// numbers are read where a tenant gives no names.
type operationBits struct {
	M1     int `json:"m1"`
	M2     int `json:"m2"`
	M1Bits struct {
		Release *bool `json:"release"`
	} `json:"m1_bits"`
	M2Bits struct {
		UseAdminTool *bool `json:"use_admin_tool"`
	} `json:"m2_bits"`
	M4Bits struct {
		Tier              int  `json:"tier"`
		Tier1             bool `json:"admin_tier_1"`
		Tier2             bool `json:"admin_tier_2"`
		TrusteeManagement bool `json:"trustee_management"`
		RoleManagement    bool `json:"role_management"`
	} `json:"m4_bits"`
}

// The bits that contracts/imanage.md 7 names.
const (
	bitRelease      = 4
	bitUseAdminTool = 4
)

func (o *operationBits) release() bool { return bit(o.M1Bits.Release, o.M1, bitRelease) }
func (o *operationBits) adminTool() bool {
	return bit(o.M2Bits.UseAdminTool, o.M2, bitUseAdminTool)
}

func (o *operationBits) administers() bool {
	return o.M4Bits.Tier == 1 || o.M4Bits.Tier == 2 || o.M4Bits.Tier1 || o.M4Bits.Tier2 || o.M4Bits.TrusteeManagement
}

func bit(named *bool, number, mask int) bool {
	if named != nil {
		return *named
	}
	return number&mask != 0
}

// examineLibrary says which administration right is missing in a library. Users and groups may be changed by a member of NRTADMIN, or by a
// role with Control Center Tier 1 or 2; roles in the cloud by NRTADMIN only (contracts/imanage.md 2).
func (c *Client) examineLibrary(ctx context.Context, library string, own *provisioning.Account, tell func(provisioning.Finding)) {
	what := "rights in " + library
	admin := slices.Contains(own.Administers(), library)
	var answer one[operationBits]
	found, err := c.get(ctx, &answer, nil, "libraries", library, "operations")
	if err != nil || !found {
		f := provisioning.Finding{What: what, State: provisioning.FindingGood, Detail: "a member of NRTADMIN; this tenant does not tell the rights themselves"}
		if !admin {
			f.State, f.Detail, f.Mend = provisioning.FindingWarning, "no member of NRTADMIN, and the rights are not told: changes there may be refused", "make the account a member of NRTADMIN of "+library
		}
		tell(f)
		return
	}
	o := &answer.Data
	var missing []string
	if !admin && !o.administers() {
		missing = append(missing, "users and groups (neither NRTADMIN nor Control Center Tier 1 or 2)")
	}
	if !admin && !o.M4Bits.RoleManagement {
		missing = append(missing, "library roles (NRTADMIN, or role management)")
	}
	if !admin {
		missing = append(missing, "the owners of workspaces, and NRTADMIN itself (NRTADMIN only)")
	}
	if !o.release() {
		missing = append(missing, "other people's check-outs (the right to unlock)")
	}
	if !o.adminTool() && !admin {
		missing = append(missing, "Control Center itself (use of the administration tool)")
	}
	f := provisioning.Finding{What: what, State: provisioning.FindingGood, Detail: "a member of NRTADMIN: users, groups, roles, workspaces and check-outs may be changed"}
	if len(missing) > 0 {
		f.State, f.Detail, f.Mend = provisioning.FindingWarning, "may not change "+strings.Join(missing, "; "), "make the account a member of NRTADMIN of "+library
	}
	tell(f)
}

// globalRole is a tenant's administration role with its levels (contracts/imanage.md 7).
type globalRole struct {
	ID     string `json:"id"`
	Users  string `json:"user_management"`
	Groups string `json:"group_management"`
	Roles  string `json:"role_management"`
	Apps   string `json:"app_management"`
}

func globalRoleID(r *globalRole) string { return r.ID }

// noAccess is the level that gives nothing; of the others only admin is known.
const noAccess = "no_access"

// examineGlobal says which of the tenant's administrations the connection may use.
func (c *Client) examineGlobal(ctx context.Context, own *provisioning.Account, tell func(provisioning.Finding)) {
	const what, mend = "global administration", "give the account a global role with user, group and role management"
	roles, err := wholeList(ctx, c, globalRoleID, nil, "roles")
	if err != nil {
		tell(provisioning.Finding{What: what, State: provisioning.FindingWarning, Detail: "the global roles cannot be read: " + why(err), Mend: mend})
		return
	}
	has := map[string]bool{}
	for _, r := range roles {
		if !slices.Contains(own.GlobalRoles, r.ID) {
			continue
		}
		for name, level := range map[string]string{"users": r.Users, "groups": r.Groups, "roles": r.Roles} {
			has[name] = has[name] || (level != "" && level != noAccess)
		}
	}
	var missing []string
	for _, name := range []string{"users", "groups", "roles"} {
		if !has[name] {
			missing = append(missing, name)
		}
	}
	f := provisioning.Finding{What: what, State: provisioning.FindingGood, Detail: "by global role: users, groups and roles may be managed"}
	switch {
	case len(own.GlobalRoles) == 0:
		f.State, f.Detail, f.Mend = provisioning.FindingWarning, "the account holds no global role that can be seen: changes of global accounts, groups and roles may be refused", mend
	case len(missing) > 0:
		f.State, f.Detail, f.Mend = provisioning.FindingWarning, "its global roles give no management of "+strings.Join(missing, ", "), mend
	}
	tell(f)
}

// examineApp says whether rollcall's own client is registered and enabled. Of the answer nothing else is read: it may hold secrets of
// other applications.
func (c *Client) examineApp(ctx context.Context, tell func(provisioning.Finding)) {
	type app struct {
		ID     string `json:"id"`
		Status string `json:"status"` // available, disabled, enabled
	}
	f := provisioning.Finding{What: "application", State: provisioning.FindingGood, Detail: "registered and enabled"}
	apps, err := wholeList(ctx, c, func(a *app) string { return a.ID }, nil, "apps")
	i := slices.IndexFunc(apps, func(a app) bool { return a.ID == c.opts.ClientID })
	switch {
	case err != nil:
		f.State, f.Detail, f.Mend = provisioning.FindingWarning, "the registered applications cannot be read: "+why(err), "look under Settings, Applications in Control Center"
	case i < 0:
		f.State, f.Detail, f.Mend = provisioning.FindingWarning, "rollcall's client id is not among the registered applications", "add it under Settings, Applications in Control Center"
	case apps[i].Status != "enabled":
		f.State, f.Detail, f.Mend = provisioning.FindingWarning, "rollcall's client is registered, and its status is "+apps[i].Status, "enable it under Settings, Applications in Control Center"
	}
	tell(f)
}

// examineSSO tells how people sign in, and the rule that every joiner rests on (contracts/imanage.md 11).
func (c *Client) examineSSO(ctx context.Context, tell func(provisioning.Finding)) {
	settings := func(into any, segments ...string) error {
		customer, _, err := c.discover(ctx)
		if err != nil {
			return err
		}
		p := wire.Path(append([]string{"platform", "api", "v2", "customers", fmt.Sprint(customer), "settings", "system"}, segments...)...)
		_, err = c.wire.Read(ctx, wire.Request{Method: http.MethodGet, Path: p}, into)
		return err
	}
	var kind one[named]
	var idp one[struct {
		Seamless bool `json:"seamless_idp_enabled"`
	}]
	f := provisioning.Finding{What: "single sign-on", State: provisioning.FindingGood}
	err := settings(&kind, "auth", "external-auth-type")
	if err == nil {
		err = settings(&idp, "idp")
	}
	const rule = "the NameID that the identity provider sends must equal the iManage user id"
	switch {
	case err != nil:
		f.State, f.Detail, f.Mend = provisioning.FindingWarning, "its settings cannot be read: "+why(err)+"; "+rule, "look under Settings, Authentication in Control Center"
	case kind.Data.ID == "" || strings.EqualFold(kind.Data.ID, "none"):
		f.State, f.Detail = provisioning.FindingWarning, "no external sign-in is set: people need a password of iManage's own"
		f.Mend = "set up single sign-on in Control Center; " + rule
	default:
		f.Detail = "by " + kind.Data.ID
		if idp.Data.Seamless {
			f.Detail += ", seamless"
		}
		f.Detail += "; " + rule
	}
	tell(f)
}

// examineFeed says whether a refresh can go by what changed.
func (c *Client) examineFeed(ctx context.Context, libraries []provisioning.Library, tell func(provisioning.Finding)) {
	f := provisioning.Finding{What: "changes", State: provisioning.FindingGood, Detail: "a refresh costs what changed: the events of each library are read"}
	var refused []string
	cause := ""
	for _, l := range libraries {
		var answer page[event]
		if _, err := c.get(ctx, &answer, url.Values{"item_types": {"user,group"}}, "libraries", l.ID, "change-events"); err != nil {
			refused, cause = append(refused, l.ID), why(err)
		}
	}
	if len(refused) > 0 {
		f.State, f.Detail = provisioning.FindingWarning, "the change events of "+strings.Join(refused, ", ")+" cannot be read: "+cause+". Every refresh reads all"
		f.Mend = memberOfAll
	}
	tell(f)
	if c.opts.OnPrem {
		return
	}
	var answer page[digest]
	_, err := c.get(ctx, &answer, url.Values{"limit": {"1"}}, "directory-sync", "users", "hashes")
	f = provisioning.Finding{What: "directory digests", State: provisioning.FindingGood, Detail: "of accounts that a directory manages, what changed is seen"}
	if err != nil {
		f.State, f.Detail = provisioning.FindingWarning, "cannot be read: "+why(err)+". A managed account that is in no library is seen changed by the next whole read only"
		f.Mend = "give the account a global role with user management"
	}
	tell(f)
}
