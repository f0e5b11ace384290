package demofirm

import (
	"slices"
	"strings"
)

// Libraries of the firm: regional ones and two of practices that are walled off everywhere.
func libraries() []string {
	return []string{"LON-COR", "LON-LIT", "EUR-GEN", "AMS-GEN", "APC-GEN", "TAX-FIN"}
}

func roles() []string {
	return []string{"DEFAULT", "DEFAULT EXTERNAL", "STANDARD", "SENIOR", "PARTNER", "SUPPORT", "RECORDS", "LIBRARY ADMIN"}
}

// home is the library of a person's seat.
func home(office office, department string) string {
	switch {
	case department == "Tax" || department == "Finance" || department == "Funds":
		return "TAX-FIN"
	case office.region == "LON" && (department == "Litigation" || department == "Disputes" || department == "Employment"):
		return "LON-LIT"
	case office.region == "LON":
		return "LON-COR"
	default:
		return office.region + "-GEN"
	}
}

func short(department string) string {
	return strings.ToUpper(strings.ReplaceAll(department, " ", ""))[:min(4, len(strings.ReplaceAll(department, " ", "")))]
}

// everybody is the group of all who work in a library.
func everybody(library string) string { return "ALL-" + library }

// The directory's groups that are iManage groups too: one opens a library, the others are deal teams of LON-COR and those who look
// after its closed matters, whose group in iManage is disabled.
const (
	kite   = "Project Kite"
	heron  = "Project Heron"
	closed = "Closed matters"
)

// opens is the directory's group for those who work in a library beside their own.
func opens(library string) string { return "iManage " + library }

// mapped is a group of the directory that is kept in step with groups of a library.
type mapped struct {
	directory, library string
	groups             []string
}

func mappings() []mapped {
	list := make([]mapped, 0, len(libraries())+3)
	for _, l := range libraries() {
		list = append(list, mapped{opens(l), l, []string{everybody(l)}})
	}
	return append(list,
		mapped{kite, "LON-COR", []string{everybody("LON-COR"), "DEAL-KITE"}},
		mapped{heron, "LON-COR", []string{everybody("LON-COR"), "DEAL-HERON"}},
		mapped{closed, "LON-COR", []string{everybody("LON-COR"), "OLD-MATTERS"}},
	)
}

func (f *Firm) lawyer(department string) bool {
	return slices.Contains(f.practices[:lawPractices], department)
}

func (f *Firm) officeOf(name string) office {
	i := slices.IndexFunc(f.offices, func(o office) bool { return o.name == name })
	return f.offices[max(i, 0)]
}

// furnish gives an account what its person's seat and directory groups ask for, and what was given by hand; nothing else.
func (f *Firm) furnish(p *person) {
	a, own := p.account, home(f.officeOf(p.office), p.department)
	a.preferred, a.libraries, a.groups = own, map[string]string{own: "STANDARD"}, map[string][]string{own: {everybody(own)}}
	group := short(p.department) + "-ALL"
	switch {
	case !f.lawyer(p.department):
		group, a.libraries[own] = "SUPPORT", "SUPPORT"
	case p.title == "Partner":
		a.libraries[own] = "PARTNER"
	case p.title == "Senior Associate":
		a.libraries[own] = "SENIOR"
	}
	a.joins(own, group)
	for _, g := range p.groups {
		m := f.mapped[g]
		if _, in := a.libraries[m.library]; !in {
			a.libraries[m.library] = "STANDARD"
		}
		for _, g := range m.groups {
			a.joins(m.library, g)
		}
	}
	for library := range a.libraries {
		switch p.title {
		case "Partner":
			a.joins(library, "PARTNERS")
		case "Trainee":
			a.joins(library, "TRAINEES")
		}
	}
	for library, groups := range a.hand {
		for _, g := range groups {
			a.joins(library, g)
		}
	}
}

// joins puts an account into a group, once.
func (a *account) joins(library, group string) {
	if !slices.Contains(a.groups[library], group) {
		a.groups[library] = append(a.groups[library], group)
	}
}

// byHand puts an account into a group that no seat gives.
func (a *account) byHand(library, group string) {
	if a.hand == nil {
		a.hand = make(map[string][]string)
	}
	a.hand[library] = append(a.hand[library], group)
	a.joins(library, group)
}

// enters puts a person into a group of the directory, and the account into what goes with it.
func (f *Firm) enters(p *person, group string) {
	if !slices.Contains(p.groups, group) {
		p.groups = append(p.groups, group)
	}
	f.furnish(p)
}

// giveAccount makes the account that the person's seat asks for. Some work in a library beside their own, some of those on a deal, and
// some accounts are a directory sync's.
func (f *Firm) giveAccount(p *person, o office) {
	a := &account{
		id: strings.ToUpper(p.sso), full: p.full, email: p.email, location: p.office, phone: p.phone, number: p.number,
		enabled: true, created: p.created,
	}
	p.account = a
	f.account = append(f.account, a)
	own, beside, deal := home(o, p.department), "", ""
	for _, other := range libraries() {
		if other == own || f.rng.IntN(8) > 0 {
			continue
		}
		drawn := ""
		if f.rng.IntN(2) == 0 {
			drawn = pick(f, []string{"DEAL-KITE", "DEAL-HERON", "DEAL-OSPREY", "DEAL-LARK"})
		}
		if beside == "" { // one is enough
			beside, deal = other, drawn
		}
	}
	if f.rng.IntN(100) < 15 {
		a.directoryID = "ad-" + p.id
	}
	if beside != "" {
		p.groups = append(p.groups, opens(beside))
	}
	switch inLondon := own == "LON-COR" || beside == "LON-COR"; {
	case deal == "DEAL-KITE" && inLondon:
		p.groups = append(p.groups, kite)
	case deal == "DEAL-HERON" && inLondon:
		p.groups = append(p.groups, heron)
	case deal == "DEAL-OSPREY" || deal == "DEAL-LARK":
		a.hand = map[string][]string{beside: {deal}}
	}
	f.furnish(p)
}
