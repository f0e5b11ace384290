package certify

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
)

// Row is one account of the roll, with whose it is and what was found about it.
type Row struct {
	Person     *provisioning.Person // nil: nobody is linked
	Account    *provisioning.Account
	Mismatches []*provisioning.Mismatch
	Away       bool // the person is not live: ended, or proven absent
}

// Given is since when an account has an access, and who gave it where rollcall did.
type Given struct {
	Since time.Time // zero: not known
	By    string
}

// Input is what the items of a campaign are made from.
type Input struct {
	Rows   []Row
	Policy *policy.Policy
	Scope  provisioning.CampaignScope
	// Usage says whether an account is used, when last, and how that is known, or why it is not. Nil: nobody looked.
	Usage func(account string) (provisioning.Usage, time.Time, string)
	// History says since when an account has each access, by AccountAccess, LibraryAccess, GroupAccess and GlobalRoleAccess. Nil: nothing
	// is known of that.
	History func(account string) map[Access]Given
	At      time.Time
	// Was is, for a closing list, the opening one: an account that was in the scope then stays in it, whatever its person's office, its use
	// or a role of its is now, so that only an access that is gone is missed.
	Was []provisioning.ReviewItem
}

// The alarms of an item. Those of the first three make a revoke urgent, those after them stand in its way.
const (
	AlarmLeaver        = "leaver"
	AlarmAdministrator = "administrator"
	AlarmExternal      = "external"
	AlarmDisabled      = "account disabled"
	AlarmNobody        = "nobody linked"
	AlarmProtected     = "protected"         // the policy lets nobody change the account
	AlarmService       = "service account"   // a listed machine's
	AlarmManaged       = "directory managed" // a directory sync owns the account
)

// Items lists what a campaign reviews: one item an access, numbered from 1, sorted by account, and in it the account itself, then by
// library, the place before its groups, what is global first. A disabled account opens nothing: of its accesses only NRTADMIN and global
// roles are listed, since they count again once somebody enables it. A dormant scope lists accounts, and only those that are surely not
// used. It works in time linear to the accesses.
func Items(in Input) []provisioning.ReviewItem {
	x := newItemizer(&in)
	for _, i := range x.order() {
		x.row(i)
	}
	for i := range x.items {
		x.items[i].N = i + 1
	}
	return x.items
}

// holding is one access of one account, before it is an item.
type holding struct {
	kind, library, object, role string
}

func (h *holding) admin() bool {
	return h.kind == provisioning.ReviewGlobalRole || (h.kind == provisioning.ReviewGroup && strings.EqualFold(h.object, provisioning.NRTADMIN))
}

func (h *holding) access(account string) Access {
	return accessOf(account, h.kind, h.library, h.object)
}

// itemizer makes the items of a campaign.
type itemizer struct {
	in     *Input
	policy *policy.Policy
	filter filter
	seats  *seats
	stand  standings
	items  []provisioning.ReviewItem

	was      map[Access]bool
	accounts map[string]bool // of was, upper-cased
	held     []holding       // of the row under way
}

func newItemizer(in *Input) *itemizer {
	x := &itemizer{in: in, policy: in.Policy, filter: newFilter(in.Scope)}
	if x.policy == nil {
		x.policy = policy.Default()
	}
	x.seats = newSeats(in.Rows, x.filter.fold)
	x.stand = standings{policy: x.policy, rules: x.policy.HasRules(), at: in.At, kept: make(map[standingKey]standing)}
	if in.Was != nil {
		x.was, x.accounts = make(map[Access]bool, len(in.Was)), make(map[string]bool)
		for i := range in.Was {
			x.was[AccessOf(&in.Was[i])] = true
			x.accounts[strings.ToUpper(in.Was[i].Account)] = true
		}
	}
	if !in.Scope.Dormant && !x.filter.narrow && !in.Scope.ChangedNow {
		n := 0
		for i := range in.Rows {
			if a := in.Rows[i].Account; a != nil && a.Enabled && x.filter.account(&in.Rows[i]) {
				n += len(a.Memberships) + len(a.Groups) + len(a.GlobalRoles)
			}
		}
		x.items = make([]provisioning.ReviewItem, 0, n)
	}
	return x
}

// order lists the rows by account, each account once: the row that says whose it is before one that does not.
func (x *itemizer) order() []int {
	rows := x.in.Rows
	order := make([]int, 0, len(rows))
	for i := range rows {
		if rows[i].Account != nil {
			order = append(order, i)
		}
	}
	nobody := func(i int) int {
		if rows[i].Person == nil {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(strings.Compare(rows[a].Account.ID, rows[b].Account.ID), nobody(a)-nobody(b))
	})
	return slices.CompactFunc(order, func(a, b int) bool { return rows[a].Account.ID == rows[b].Account.ID })
}

// row adds the items of one account.
func (x *itemizer) row(i int) {
	row := &x.in.Rows[i]
	a := row.Account
	before := x.accounts[strings.ToUpper(a.ID)]
	if !before && !x.filter.account(row) {
		return
	}
	x.hold(a)
	if x.in.Scope.Dormant {
		x.dormant(i, before)
		return
	}
	var of *evidence
	for j := range x.held {
		h := &x.held[j]
		if !a.Enabled && !h.admin() {
			continue
		}
		access := h.access(a.ID)
		if !x.was[access] && !x.filter.access(h) {
			continue
		}
		if of == nil {
			of = x.evidence(i)
		}
		given := of.given[access]
		if !x.was[access] && !x.filter.now(given.Since) {
			continue
		}
		x.add(of, h, given)
	}
}

// dormant adds the item of an account that is surely not used. One that cannot be known to be unused never is.
func (x *itemizer) dormant(i int, before bool) {
	row := &x.in.Rows[i]
	if !row.Account.Enabled {
		return
	}
	if !before && x.filter.narrow && !slices.ContainsFunc(x.held, func(h holding) bool { return x.filter.access(&h) }) {
		return
	}
	of := x.evidence(i)
	given := of.given[AccountAccess(row.Account.ID)]
	if given.Since.IsZero() {
		given.Since = row.Account.Created
	}
	if !before && (of.usage != provisioning.NotUsed || !x.filter.now(given.Since)) {
		return
	}
	x.add(of, &holding{kind: provisioning.ReviewAccount}, given)
}

// hold lists what an account holds, sorted and each once.
func (x *itemizer) hold(a *provisioning.Account) {
	held := x.held[:0]
	for i := range a.Memberships {
		held = append(held, holding{kind: provisioning.ReviewLibrary, library: a.Memberships[i].Library, role: a.Memberships[i].Role})
	}
	for _, g := range a.Groups {
		held = append(held, holding{kind: provisioning.ReviewGroup, library: g.Library, object: g.Group})
	}
	for _, r := range a.GlobalRoles {
		held = append(held, holding{kind: provisioning.ReviewGlobalRole, object: r})
	}
	slices.SortStableFunc(held, func(a, b holding) int {
		return cmp.Or(strings.Compare(a.library, b.library), rank(a.kind)-rank(b.kind), strings.Compare(a.object, b.object))
	})
	x.held = slices.CompactFunc(held, func(a, b holding) bool {
		return a.kind == b.kind && a.library == b.library && a.object == b.object
	})
}

func rank(kind string) int {
	switch kind {
	case provisioning.ReviewAccount:
		return 0
	case provisioning.ReviewLibrary:
		return 1
	case provisioning.ReviewGroup:
		return 2
	default:
		return 3
	}
}

// add makes an item of an access.
func (x *itemizer) add(of *evidence, h *holding, given Given) {
	row := of.row
	it := provisioning.ReviewItem{
		Account: row.Account.ID, Name: row.Account.FullName, Email: row.Account.Email, Office: officeOf(row),
		Kind: h.kind, Library: h.library, Object: h.object, Role: h.role, Enabled: row.Account.Enabled,
		Usage: of.usage, LastUsed: of.last, UsedHow: of.how, Since: given.Since, By: given.By,
		Walls: of.broken(h), Alarms: of.alarms,
	}
	if p := row.Person; p != nil {
		it.Person, it.Practice, it.Title = p.Key, p.Department, p.Title
		it.Name, it.Email = cmp.Or(p.FullName, it.Name), cmp.Or(p.Email, it.Email)
	}
	if h.admin() || (h.kind == provisioning.ReviewAccount && slices.ContainsFunc(x.held, func(h holding) bool { return h.admin() })) {
		it.Alarms = of.administering()
	}
	stands := x.stand.of(of, h)
	it.Standing, it.Reason = stands.standing, stands.reason
	it.Peers, it.PeersHave = x.seats.peers(of.at, h)
	x.items = append(x.items, it)
}

// officeOf is where somebody works: by the directory, and where nobody is linked by the account.
func officeOf(row *Row) string {
	if row.Person == nil {
		return row.Account.Location
	}
	return row.Person.Office
}
