package certify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
)

// RoleChange is a place in a library whose role is not what it was.
type RoleChange struct{ Was, Is provisioning.ReviewItem }

// Differences are how two access lists differ, access by access. Each list is sorted like the items.
type Differences struct {
	Gone    []provisioning.ReviewItem // in the opening list alone, with the number that they had there
	Come    []provisioning.ReviewItem // in the closing list alone
	Changed []RoleChange              // in both, with another role
}

// Diff compares an opening and a closing list by what the accesses are: account, kind, library and object. The evidence is not compared.
func Diff(opening, closing []provisioning.ReviewItem) Differences {
	var d Differences
	is := make(map[Access]int, len(closing))
	for i := range closing {
		is[AccessOf(&closing[i])] = i
	}
	was := make(map[Access]bool, len(opening))
	for i := range opening {
		k := AccessOf(&opening[i])
		was[k] = true
		j, ok := is[k]
		switch {
		case !ok:
			d.Gone = append(d.Gone, opening[i])
		case opening[i].Role != closing[j].Role:
			d.Changed = append(d.Changed, RoleChange{Was: opening[i], Is: closing[j]})
		}
	}
	for i := range closing {
		if !was[AccessOf(&closing[i])] {
			d.Come = append(d.Come, closing[i])
		}
	}
	sortItems(d.Gone)
	sortItems(d.Come)
	slices.SortStableFunc(d.Changed, func(a, b RoleChange) int { return compareItems(&a.Was, &b.Was) })
	return d
}

func sortItems(items []provisioning.ReviewItem) {
	slices.SortStableFunc(items, func(a, b provisioning.ReviewItem) int { return compareItems(&a, &b) })
}

// compareItems is the order of the items of a campaign.
func compareItems(a, b *provisioning.ReviewItem) int {
	return cmp.Or(
		strings.Compare(a.Account, b.Account), strings.Compare(a.Library, b.Library),
		rank(a.Kind)-rank(b.Kind), strings.Compare(a.Object, b.Object),
	)
}

// Difference is one difference between the two lists, and why it is there. All strings are raw.
type Difference struct {
	Account string `json:"account"`
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Library string `json:"library,omitempty"`
	Object  string `json:"object,omitempty"`
	Item    int    `json:"item,omitempty"` // the number of the opening item that it is about; 0: there is none
	Why     string `json:"why"`
}

// Explained says which differences between the opening and the closing list are the revokes, and which are not.
type Explained struct {
	Revoked []Difference `json:"revoked"` // gone, and revoked
	Along   []Difference `json:"along"`   // gone with a library that was revoked
	Others  []Difference `json:"others"`  // gone, come or changed by somebody else
	Still   []Difference `json:"still"`   // revoked, and there all the same
}

// Exact reports whether the lists differ by exactly the revokes.
func (e *Explained) Exact() bool { return len(e.Others)+len(e.Still) == 0 }

// Explain says why the lists differ. revoked are the items that the campaign revoked, by the opening list's numbers; closing is the closing
// list.
func Explain(d Differences, revoked, closing []provisioning.ReviewItem) Explained {
	x := Explained{}
	byAccess, libraries := make(map[Access]int, len(revoked)), make(map[place]int)
	for i := range revoked {
		byAccess[AccessOf(&revoked[i])] = revoked[i].N
		if revoked[i].Kind == provisioning.ReviewLibrary {
			libraries[placeOf(&revoked[i])] = revoked[i].N
		}
	}
	for i := range d.Gone {
		it := &d.Gone[i]
		library, along := libraries[placeOf(it)]
		n, ok := byAccess[AccessOf(it)]
		switch {
		case ok:
			x.Revoked = append(x.Revoked, differ(it, n, "revoked"))
		case along && it.Kind == provisioning.ReviewGroup:
			x.Along = append(x.Along, differ(it, it.N, fmt.Sprintf("went with %s, which was revoked (item %d)", it.Library, library)))
		default:
			x.Others = append(x.Others, differ(it, it.N, "gone, and not revoked here: somebody else took it away, or it is out of the scope now"))
		}
	}
	for i := range d.Come {
		x.Others = append(x.Others, differ(&d.Come[i], 0, "new since the opening: somebody else gave it, or it has come into the scope"))
	}
	for i := range d.Changed {
		c := &d.Changed[i]
		if _, ok := byAccess[AccessOf(&c.Was)]; ok {
			continue // it is still there: told below
		}
		x.Others = append(x.Others, differ(&c.Was, c.Was.N, fmt.Sprintf("the role was %s and is %s: somebody else changed it", role(c.Was.Role), role(c.Is.Role))))
	}
	for i := range closing {
		it := &closing[i]
		if n, ok := byAccess[AccessOf(it)]; ok {
			x.Still = append(x.Still, differ(it, n, "revoked, and still there"))
		}
	}
	return x
}

func role(r string) string { return cmp.Or(r, "not known") }

func differ(it *provisioning.ReviewItem, n int, why string) Difference {
	return Difference{Account: it.Account, Name: it.Name, Kind: it.Kind, Library: it.Library, Object: it.Object, Item: n, Why: why}
}
