package staging

import (
	"context"
	"slices"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
)

const lastApprover = "the last one who may approve"

func among(accounts []string, id string) bool {
	return slices.ContainsFunc(accounts, func(a string) bool { return a != "" && strings.EqualFold(a, id) })
}

func selfWhy(u *provisioning.Unit, operator, identity string, approved []string) string {
	if !u.EndsAccess() {
		return ""
	}
	switch {
	case operator != "" && strings.EqualFold(u.Account, operator):
		return "your own account"
	case identity != "" && strings.EqualFold(u.Account, identity):
		return "rollcall's own account"
	case among(approved, u.Account):
		return "who approved it"
	default:
		return ""
	}
}

// Live is what a change is checked by at the moment of sending, whatever the batch said when it was reviewed (threats G2, G3).
type Live struct {
	Policy   *policy.Policy
	Operator string
	Identity string
	Approved []string // the accounts of those who approved the batch
	// Account reads an account as it is now; Observe what a change touches.
	Account func(ctx context.Context, id string) (provisioning.Account, bool, error)
	Observe func(ctx context.Context, c provisioning.Change) (provisioning.Observation, error)
	// Approvers are the accounts of everybody who may approve; Closing those that a batch under way is about to close.
	Approvers []string
	Closing   func(ctx context.Context) ([]string, error)
}

// Check says "" where the change may be sent, or why not. The account is read where something hangs on it: before it is closed, and
// where the policy protects by email or group. What cannot be read is not sent.
func (l *Live) Check(ctx context.Context, _ *provisioning.Unit, c provisioning.Change) string {
	if why, ok := l.Policy.Protected(c.Account); ok {
		return "protected: " + why
	}
	if c.EndsAccess() {
		if l.Policy.Service(c.Account) {
			return "protected: service account"
		}
		target := provisioning.Unit{Account: c.Account, Ops: []provisioning.Op{{Change: c}}}
		if why := selfWhy(&target, l.Operator, l.Identity, l.Approved); why != "" {
			return why
		}
	}
	closes := c.Kind == provisioning.DisableAccount
	if !closes && !l.Policy.Looks() {
		return ""
	}
	a, found, err := l.Account(ctx, c.Account)
	switch {
	case err != nil:
		return "the account cannot be read now, so it cannot be protected: " + err.Error()
	case !found:
		return ""
	}
	if why, ok := l.Policy.ProtectedAccount(&a); ok {
		return "protected: " + why
	}
	if c.EndsAccess() && l.Policy.ServiceAccount(&a) {
		return "protected: service account"
	}
	if !closes {
		return ""
	}
	if why := l.lastAdministrator(ctx, &a); why != "" {
		return why
	}
	return l.lastApprover(ctx, c.Account)
}

// lastAdministrator says where an account is the only enabled one that administers a library.
func (l *Live) lastAdministrator(ctx context.Context, a *provisioning.Account) string {
	for _, library := range a.Administers() {
		seen, err := l.Observe(ctx, provisioning.Change{
			Kind: provisioning.LeaveGroup, Account: a.ID, Library: library, Object: provisioning.NRTADMIN, Before: provisioning.ValueMember, After: provisioning.ValueNoMember,
		})
		if err != nil {
			return "the administrators of " + library + " cannot be read now: " + err.Error()
		}
		if seen.Others == 0 {
			return "the last enabled administrator of " + library + ": appoint another one first"
		}
	}
	return ""
}

// lastApprover says where nobody who may approve would be left with an account that is open, and stays so.
func (l *Live) lastApprover(ctx context.Context, account string) string {
	if !among(l.Approvers, account) {
		return ""
	}
	closing, err := l.Closing(ctx)
	if err != nil {
		return "who may approve cannot be read now: " + err.Error()
	}
	for _, id := range l.Approvers {
		if id == "" || strings.EqualFold(id, account) || among(closing, id) {
			continue
		}
		if other, found, err := l.Account(ctx, strings.ToUpper(id)); err == nil && found && other.Enabled {
			return ""
		}
	}
	return lastApprover + ": name another one first"
}
