package certify

import (
	"slices"
	"time"

	"rollcall/provisioning"
)

// evidence is what is known of one account, for all its items.
type evidence struct {
	at     int // its row
	row    *Row
	left   bool // the person has left
	usage  provisioning.Usage
	last   time.Time
	how    string
	given  map[Access]Given
	walls  map[provisioning.Entitlement][]string // what each group takes part in breaking
	every  []string                              // all that the account breaks
	alarms []string
	admins []string // alarms, of an access that administers
}

func (x *itemizer) evidence(i int) *evidence {
	row := &x.in.Rows[i]
	e := &evidence{at: i, row: row, usage: provisioning.UsageUnknown, how: "nobody looked for it"}
	if x.in.Usage != nil {
		e.usage, e.last, e.how = x.in.Usage(row.Account.ID)
		if e.usage != provisioning.Used && e.usage != provisioning.NotUsed {
			e.usage = provisioning.UsageUnknown
		}
	}
	if x.in.History != nil {
		e.given = x.in.History(row.Account.ID)
	}
	e.left = row.left()
	e.alarms = x.alarms(e)
	x.wall(e)
	return e
}

// left reports whether the person behind the account is known to have left.
func (r *Row) left() bool {
	return r.Away || (r.Person != nil && r.Person.Status.Ended()) ||
		slices.ContainsFunc(r.Mismatches, func(m *provisioning.Mismatch) bool { return m.Kind == provisioning.KindLeaver })
}

func (x *itemizer) alarms(e *evidence) []string {
	var alarms []string
	a := e.row.Account
	add := func(alarm string, when bool) {
		if when {
			alarms = append(alarms, alarm)
		}
	}
	_, protected := x.policy.ProtectedAccount(a)
	service := x.policy.ServiceAccount(a)
	add(AlarmLeaver, e.left)
	add(AlarmExternal, a.External)
	add(AlarmDisabled, !a.Enabled)
	add(AlarmNobody, e.row.Person == nil && !protected && !service)
	add(AlarmProtected, protected)
	add(AlarmService, service)
	add(AlarmManaged, a.Managed())
	return alarms
}

// administering are the alarms of an access that administers.
func (e *evidence) administering() []string {
	if e.admins == nil {
		at := 0
		if e.left {
			at = 1
		}
		e.admins = slices.Insert(slices.Clone(e.alarms), at, AlarmAdministrator)
	}
	return e.admins
}

// wall finds out which walls the account's groups break.
func (x *itemizer) wall(e *evidence) {
	groups := e.row.Account.Groups
	if !x.policy.Breaks(groups) {
		return
	}
	held := make([]provisioning.Entitlement, len(groups))
	for i, g := range groups {
		held[i] = provisioning.InGroup(g)
	}
	e.walls = make(map[provisioning.Entitlement][]string)
	for _, c := range x.policy.Conflicts(held) {
		e.walls[c.A] = append(e.walls[c.A], c.Wall+": apart from "+c.B.String())
		e.walls[c.B] = append(e.walls[c.B], c.Wall+": apart from "+c.A.String())
		e.every = append(e.every, c.Wall+": "+c.A.String()+" apart from "+c.B.String())
	}
}

// broken lists the walls that an access takes part in breaking.
func (e *evidence) broken(h *holding) []string {
	switch {
	case e.walls == nil:
		return nil
	case h.kind == provisioning.ReviewGroup:
		return e.walls[provisioning.InGroup(provisioning.GroupRef{Library: h.library, Group: h.object})]
	case h.kind == provisioning.ReviewAccount:
		return e.every
	default:
		return nil
	}
}

// Caution says what will stand in the way of a revoke: the item can be decided, but the changes will not be done by themselves. It is ""
// where nothing does.
func Caution(it *provisioning.ReviewItem) string {
	switch {
	case slices.Contains(it.Alarms, AlarmProtected):
		return "the account is protected by the policy: a guard holds the batch that changes it"
	case slices.Contains(it.Alarms, AlarmManaged):
		return "a directory sync owns the account: the revoke waits for the directory"
	case slices.Contains(it.Alarms, AlarmService):
		return "it is a machine's account: what it runs stops with it"
	default:
		return ""
	}
}
