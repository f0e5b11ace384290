package policy

import (
	"slices"
	"strings"

	"rollcall/provisioning"
)

// ProtectedAccount is Protected for an account as it stands now: its email and its groups are looked at too, where the lists name
// some (threats G2). An account that was renamed, or moved to another group, is protected by whatever still fits.
func (p *Policy) ProtectedAccount(a *provisioning.Account) (why string, ok bool) {
	if why, ok := p.Protected(a.ID); ok {
		return why, ok
	}
	switch {
	case fits(p.ProtectedIDs, a):
		return "break-glass account", true
	case fits(p.VIPs, a):
		return "on the VIP list", true
	default:
		return "", false
	}
}

// ServiceAccount is Service for an account as it stands now.
func (p *Policy) ServiceAccount(a *provisioning.Account) bool {
	return p.Service(a.ID) || fits(p.Services, a)
}

// Looks reports whether the lists name emails or groups, so that the account itself must be looked at and its id is not enough.
func (p *Policy) Looks() bool {
	return slices.ContainsFunc(slices.Concat(p.ProtectedIDs, p.VIPs, p.Services), func(entry string) bool {
		return isGroup(entry) || strings.Contains(entry, "@")
	})
}

// fits reports whether an entry names the account's email, or a group that it is in.
func fits(list []string, a *provisioning.Account) bool {
	for _, entry := range list {
		switch {
		case isGroup(entry):
			if slices.ContainsFunc(a.Groups, newGroupGlob(entry).matchGroup) {
				return true
			}
		case strings.Contains(entry, "@"):
			if matches([]string{entry}, strings.TrimSpace(a.Email)) {
				return true
			}
		}
	}
	return false
}
