// Package certify holds the rules of an access review: which access is reviewed and with what evidence, who decides on it, what the
// decisions come to, which changes take the revoked access away, and the signed statements of what the access was before and after. It
// reads nothing and writes nothing: everything is given to it.
package certify

import (
	"strings"

	"rollcall/provisioning"
)

// Access names one access of one account, so that two lists of accesses can be compared. It is comparable. An account and a group are
// upper-cased, since iManage tells neither apart by case (contracts/imanage.md 5.1, 6).
type Access struct {
	Account string
	Kind    string // provisioning.ReviewLibrary …
	Library string
	Object  string // a group, or a global role
}

// AccountAccess is the account itself.
func AccountAccess(account string) Access {
	return Access{Account: strings.ToUpper(account), Kind: provisioning.ReviewAccount}
}

// LibraryAccess is an account's place in a library.
func LibraryAccess(account, library string) Access {
	return Access{Account: strings.ToUpper(account), Kind: provisioning.ReviewLibrary, Library: strings.ToUpper(library)}
}

// GroupAccess is membership of a group.
func GroupAccess(account string, g provisioning.GroupRef) Access {
	return Access{
		Account: strings.ToUpper(account), Kind: provisioning.ReviewGroup, Library: strings.ToUpper(g.Library), Object: strings.ToUpper(g.Group),
	}
}

// GlobalRoleAccess is a global role.
func GlobalRoleAccess(account, role string) Access {
	return Access{Account: strings.ToUpper(account), Kind: provisioning.ReviewGlobalRole, Object: role}
}

// AccessOf is the access that an item is about.
func AccessOf(it *provisioning.ReviewItem) Access {
	return accessOf(it.Account, it.Kind, it.Library, it.Object)
}

func accessOf(account, kind, library, object string) Access {
	switch kind {
	case provisioning.ReviewLibrary:
		return LibraryAccess(account, library)
	case provisioning.ReviewGroup:
		return GroupAccess(account, provisioning.GroupRef{Library: library, Group: object})
	case provisioning.ReviewGlobalRole:
		return GlobalRoleAccess(account, object)
	default:
		return AccountAccess(account)
	}
}

// What says the access of an item in words, without its account: "LON-LIT as STANDARD", "group LON-LIT/ALL", "global role X", "the account".
func What(it *provisioning.ReviewItem) string {
	switch it.Kind {
	case provisioning.ReviewLibrary:
		if it.Role == "" {
			return it.Library
		}
		return it.Library + " as " + it.Role
	case provisioning.ReviewGroup:
		return "group " + it.Library + "/" + it.Object
	case provisioning.ReviewGlobalRole:
		return "global role " + it.Object
	default:
		return "the account"
	}
}
