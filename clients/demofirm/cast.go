package demofirm

import (
	"rollcall/provisioning"
)

// trap is a planted trap: whom it concerns, and the account in it.
type trap struct {
	person  *person
	account *account // nil: none yet
}

// Trap gives the ids behind one of the firm's traps, as the directory first in priority and iManage know them; account is "" where
// there is none yet. Both are "" where no trap is called so.
//
//   - rehire: somebody who is back after years, with a new record in the directory, and the closed account that was theirs
//   - id reuse: a joiner whose login was somebody else's, and that one's closed account
//   - email reuse: a joiner whose address is still on the account of a colleague, who has another one since she married
//   - wall conflict: a joiner whose groups in the directory stand on both sides of a wall
//   - disabled group: a leaver in a group that is disabled; disabled group joiner: somebody who should come into it
//   - last administrator: a leaver who is the last enabled member of a library's NRTADMIN
//   - directory-managed leaver: one whose account a directory sync owns
//   - owner of 40 workspaces, 3 checked-out documents: leavers who leave these behind
//   - sso name: somebody whose login changed with the name, so that the user id is another
//   - mover: somebody who changed practice, and has an assistant and a team
func (f *Firm) Trap(name string) (person, account string) {
	t, ok := f.traps[name]
	if !ok {
		return "", ""
	}
	if t.account != nil {
		account = t.account.id
	}
	return f.truthID(t.person), account
}

// castMember adds somebody of the cast: they are in no group of the directory but the given ones, and their account is made by hand.
func (f *Firm) castMember(given, family, native, office, department, grade string, groups ...string) *person {
	p := f.addPerson(given, family, native, f.officeOf(office), department, grade)
	p.groups = groups
	p.account.hand, p.account.directoryID = nil, ""
	f.furnish(p)
	return p
}

// makeCast adds the people whom every firm has, whatever its seed: those of the README's walk.
func (f *Firm) makeCast() {
	f.desk = f.castMember("Lucía", "Ortiz", "", "London", "IT", "Specialist")
	f.used[f.desk] = true

	tom := f.castMember("Tom", "Barnes", "", "London", "Corporate", "Senior Associate", opens("LON-LIT"), opens("TAX-FIN"), kite)
	tom.account.byHand("LON-COR", provisioning.NRTADMIN)
	f.trapped("3 checked-out documents", tom)
	f.leaves(tom, 4)
	f.mark(provisioning.KindAdministrator, []*person{tom}, tom.account)

	tomas := f.castMember("Tomas", "Barnes-Whitfield", "", "Leeds", "Property", "Associate")
	f.second(tomas, "LON-LIT", 60, "seconded to the Whitmore trial")

	folake := f.castMember("Folake", "Adeyemi", "", "London", "Litigation", "Partner")
	f.used[folake], f.partner = true, folake

	ngozi := f.castMember("Ngozi", "Okafor", "", "London", "Corporate", "Senior Associate")
	f.trapped("mover", ngozi)
	ngozi.department, ngozi.moved = "Litigation", f.ago(3)
	f.mark(provisioning.KindEntitlement, []*person{ngozi}, ngozi.account)

	wei := f.castMember("Wei", "Chen", "陳偉", "Hong Kong", "Disputes", "Associate")
	f.joins(wei, 1)

	asa := f.castMember("Åsa", "Ångström", "", "Stockholm", "Tax", "Partner")
	asa.account.email = "asa.lindgren@" + domain
	f.mark(provisioning.KindAttribute, []*person{asa}, asa.account)

	maria := f.castMember("María José", "de la Cruz", "", "Madrid", "Employment", "Associate")
	maria.account.libraries, maria.account.groups = map[string]string{}, map[string][]string{}
	f.mark(provisioning.KindUnconfigured, []*person{maria}, maria.account)

	layla := f.castMember("Layla", "Haddad", "(ليلى)", "Dubai", "Finance", "Senior Associate")
	layla.account.directoryID = "ad-" + layla.id
	layla.account.phone = "+971 4 555 0000"
	f.mark(provisioning.KindAttribute, []*person{layla}, layla.account)

	f.dispute(f.castMember("Siobhán", "O’Brien", "", "Dublin", "Funds", "Partner"))

	for i, o := range []string{"London", "Leeds"} { // two people of one name
		john := f.castMember("John", "Smith", "", o, []string{"Tax", "Property"}[i], "Partner")
		john.birth = []string{"1974", "1991"}[i]
	}
}

// castPeople is how many people makeCast adds, and trapPeople how many makeTraps does.
const (
	castPeople = 12
	trapPeople = 13
)

// makeTraps adds the people of the traps, after all others, so that nobody else's id or name depends on them. None of their names is in
// any pool.
func (f *Firm) makeTraps() {
	f.returners()
	f.joiners()
	f.goers()

	saskia := f.castMember("Saskia", "Holloway", "", "London", "Employment", "Associate") // since she married
	saskia.account.id, saskia.account.full, saskia.account.email = "SDUNMORE", "Saskia Dunmore", "saskia.dunmore@"+domain
	f.trapped("sso name", saskia)
	f.mark(provisioning.KindSSOName, []*person{saskia}, saskia.account)
	f.mark(provisioning.KindAttribute, []*person{saskia}, saskia.account)

	ngozi := f.traps["mover"].person // whose assistant and trainee still sit where she sat
	for _, p := range []*person{
		f.castMember("Pippa", "Thorncastle", "", "London", "Corporate", "Legal Assistant"),
		f.castMember("Ewan", "Strickland", "", "London", "Corporate", "Trainee"),
	} {
		p.boss = ngozi
		f.used[p] = true
	}
}

// returners are the traps about whose an account is.
func (f *Firm) returners() {
	agnes := f.castMember("Agnes", "Fairweather", "", "London", "Litigation", "Associate")
	agnes.created = f.ago(2)
	agnes.account.enabled, agnes.account.created = false, f.ago(2500)
	agnes.account.libraries = map[string]string{"LON-LIT": "DEFAULT"}
	agnes.account.groups = map[string][]string{"LON-LIT": {everybody("LON-LIT"), "DEAL-LARK"}} // nobody emptied it then
	f.trapped("rehire", agnes)
	f.mark(provisioning.KindReusedID, []*person{agnes}, agnes.account)
	agnes.account = nil

	heather := f.castMember("Heather", "Tremayne", "", "London", "Property", "Associate")
	heather.created = f.ago(1)
	hugh := heather.account
	hugh.full, hugh.email, hugh.number, hugh.enabled, hugh.created = "Hugh Tremayne", "hugh.tremayne@"+domain, "004417", false, f.ago(3100)
	hugh.libraries, hugh.groups = map[string]string{"LON-COR": "DEFAULT"}, map[string][]string{}
	f.trapped("id reuse", heather)
	f.mark(provisioning.KindReusedID, []*person{heather}, hugh)
	heather.account = nil

	helena := f.castMember("Helena", "Marsh", "", "London", "Disputes", "Senior Associate")
	helena.account.email = "h.marsh@" + domain
	helena.family, helena.full, helena.email = "Prentice", "Helena Prentice", "helena.prentice@"+domain
	f.mark(provisioning.KindAttribute, []*person{helena}, helena.account)

	harriet := f.castMember("Harriet", "Marsh", "", "London", "Corporate", "Associate")
	f.takeAccount(harriet)
	harriet.created, harriet.email = f.ago(1), helena.account.email
	f.traps["email reuse"] = trap{harriet, helena.account}
	f.mark(provisioning.KindReusedID, []*person{harriet}, helena.account)
}

// joiners are the traps about what somebody new is to get.
func (f *Firm) joiners() {
	rufus := f.castMember("Rufus", "Penhaligon", "", "London", "Corporate", "Associate", kite, heron)
	f.joins(rufus, 1)
	f.trapped("wall conflict", rufus)

	gwen := f.castMember("Gwen", "Aldersey", "", "London", "Litigation", "Trainee", closed)
	f.joins(gwen, 2)
	f.trapped("disabled group joiner", gwen)
}

// goers are the traps about what somebody leaves behind.
func (f *Firm) goers() {
	marlon := f.castMember("Marlon", "Stackpole", "", "New York", "IT", "Manager")
	marlon.account.byHand(lonely, provisioning.NRTADMIN)
	f.trapped("last administrator", marlon)
	f.leaves(marlon, 2)
	f.mark(provisioning.KindAdministrator, []*person{marlon}, marlon.account)

	petra := f.castMember("Petra", "Lindenau", "", "London", "Corporate", "Associate", closed)
	f.trapped("disabled group", petra)
	f.leaves(petra, 6)

	idris := f.castMember("Idris", "Kettlewell", "", "Dubai", "Finance", "Associate")
	idris.account.directoryID = "ad-" + idris.id
	f.trapped("directory-managed leaver", idris)
	f.leaves(idris, 1)

	cordelia := f.castMember("Cordelia", "Ravenhill", "", "London", "Property", "Partner")
	f.trapped("owner of 40 workspaces", cordelia)
	f.leaves(cordelia, 9)
}

// trapped puts somebody, with the account that is theirs now, into a trap.
func (f *Firm) trapped(name string, p *person) { f.traps[name] = trap{p, p.account} }

// leaves makes somebody a leaver of some days ago, and tells the truth about it.
func (f *Firm) leaves(p *person, days int) {
	f.leave(p, days)
	f.mark(provisioning.KindLeaver, []*person{p}, p.account)
}

// joins makes somebody a joiner of some days ago, and tells the truth about it.
func (f *Firm) joins(p *person, days int) {
	f.takeAccount(p)
	p.created = f.ago(days)
	f.mark(provisioning.KindJoiner, []*person{p})
}
