package demofirm

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"rollcall/clients/imanage/imanagetest"
	"rollcall/provisioning/names/namestest"
)

// workspace and document are what accounts own, and what they have checked out.
type workspace struct {
	library, name string
	owner, heir   *account // heir has full access as well; nil: the partners have
	sole          bool     // nobody has but the owner
	open          bool     // everybody may look into it
}

type document struct {
	library, name string
	by            *account
}

// estate is what accounts would leave behind.
type estate struct {
	workspaces []workspace
	documents  []document
}

// partnersWith is how many partners there are to one whose workspaces are made: a few of them will do for the demo.
const partnersWith = 10

// makeEstate gives workspaces and check-outs to the leavers and the cast, and to some partners; nobody else needs any here. It draws by
// itself, so that nothing else of the firm depends on it.
func (f *Firm) makeEstate() {
	r := rand.New(rand.NewPCG(f.Options.Seed, 0x65737461)) //nolint:gosec // not a secret
	many := map[*account]int{f.traps["owner of 40 workspaces"].account: 40, f.traps["3 checked-out documents"].account: 12}
	out := map[*account]int{f.traps["owner of 40 workspaces"].account: 0, f.traps["3 checked-out documents"].account: 3}
	heirs := f.heirs()
	partners := 0
	for i, p := range f.people {
		if p.account == nil || !p.account.enabled || len(p.account.libraries) == 0 {
			continue
		}
		n, counted := many[p.account]
		left := p.gone()
		if p.title == "Partner" {
			partners++
		}
		switch {
		case counted:
		case left && f.lawyer(p.department):
			n = 1 + r.IntN(5)
		case p.title == "Partner" && (i < castPeople || partners%partnersWith == 0):
			n = 2 + r.IntN(3)
		default:
			continue
		}
		for w := range n {
			f.addWorkspace(r, p, heirs, left && w%3 == 2)
		}
		locks, counted := out[p.account]
		if !counted {
			locks = r.IntN(2)
		}
		for range locks {
			f.estate.documents = append(f.estate.documents, document{libraryOf(r, p.account), f.made(r, papers()) + ".docx", p.account})
		}
	}
}

// heirs are an enabled partner of each library.
func (f *Firm) heirs() map[string]*account {
	heirs := make(map[string]*account)
	for _, p := range f.people {
		if p.title == "Partner" && p.status == "ACTIVE" && p.account != nil && p.account.enabled && heirs[p.account.preferred] == nil {
			heirs[p.account.preferred] = p.account
		}
	}
	return heirs
}

// addWorkspace gives somebody a workspace.
func (f *Firm) addWorkspace(r *rand.Rand, p *person, heirs map[string]*account, sole bool) {
	w := workspace{
		library: libraryOf(r, p.account), owner: p.account, sole: sole, open: r.IntN(4) == 0, name: f.made(r, clients()) + " / " + f.made(r, matters()),
	}
	if heir := heirs[w.library]; heir != p.account {
		w.heir = heir
	}
	f.estate.workspaces = append(f.estate.workspaces, w)
}

// libraryOf draws where somebody's work is: in their own library, now and then in another one of theirs.
func libraryOf(r *rand.Rand, a *account) string {
	in := slices.Sorted(maps.Keys(a.libraries))
	if drawn := in[r.IntN(len(in))]; !slices.Contains(in, a.preferred) || r.IntN(4) == 0 {
		return drawn
	}
	return a.preferred
}

// made draws a name, in a hostile firm now and then a hostile one.
func (f *Firm) made(r *rand.Rand, pool []string) string {
	if corpus := namestest.Hostile(); f.Options.Hostile && r.IntN(3) == 0 {
		return corpus[r.IntN(len(corpus))]
	}
	return pool[r.IntN(len(pool))]
}

// fill puts the estate into the libraries.
func (e *estate) fill(libraries map[string]*imanagetest.Library) {
	for i, w := range e.workspaces {
		ws := &imanagetest.Workspace{
			ID: fmt.Sprintf("%s!%d", w.library, 1001+i), Name: w.name, Owner: w.owner.id, DefaultSecurity: "private",
			ACL: []imanagetest.Access{{ID: w.owner.id, Level: "full_access"}, {ID: everybody(w.library), Group: true, Level: "read"}},
		}
		if w.open {
			ws.DefaultSecurity = "view"
		}
		switch {
		case w.sole:
		case w.heir != nil:
			ws.ACL = append(ws.ACL, imanagetest.Access{ID: w.heir.id, Level: "full_access"})
		default:
			ws.ACL = append(ws.ACL, imanagetest.Access{ID: "PARTNERS", Group: true, Level: "full_access"})
		}
		libraries[w.library].Workspaces = append(libraries[w.library].Workspaces, ws)
	}
	for i, d := range e.documents {
		libraries[d.library].Documents = append(libraries[d.library].Documents, &imanagetest.Document{
			ID: fmt.Sprintf("%s!%d.%d", d.library, 500_001+i, 1+i%7), Name: d.name, InUseBy: d.by.id,
		})
	}
}

func clients() []string {
	return []string{
		"Aldgate Shipping", "Brightwater Foods", "Castellan Re", "Dunmoor Estates", "Eastgate Rail", "Fenwick Optics", "Greyfriars Pension Trust",
		"Halcyon Air", "Ironbridge Steel", "Juniper Biologics", "Kestrel Power", "Lockhart Textiles",
	}
}

func matters() []string {
	return []string{"Refinancing", "Sale of the northern depots", "Arbitration", "Lease renewal", "Employee share plan", "Merger clearance", "Patent opposition", "General advice"}
}

func papers() []string {
	return []string{"Share purchase agreement", "Witness statement", "Board minutes", "Term sheet", "Particulars of claim", "Side letter", "Due diligence report"}
}
