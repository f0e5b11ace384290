package demofirm

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// secondment is an exception of the policy: a library for a time.
type secondment struct {
	of      *person
	library string
	until   time.Time
	reason  string
}

// PolicyTOML is the firm's policy: whoever has nothing planted on them holds exactly what it gives. Its exceptions are told from the
// epoch; all else is the same for every firm.
func (f *Firm) PolicyTOML() string {
	w := &tomlWriter{}
	w.line("# The policy of %s.", f.Name)
	w.line("protected = [\"BREAKGLASS*\"]")
	w.line("service = [\"SVC_*\"]")
	w.line("excluded_types = [\"external\"]")
	w.line("# Deal teams are put together by hand, matter by matter; those that a mapping below names are kept in step with the directory.")
	w.line("ungoverned = [\"*/DEAL-*\", \"*/NRTADMIN\"]")
	for _, g := range [][2]string{{"partner", "Partner"}, {"senior", "Senior Associate"}, {"trainee", "Trainee"}} {
		w.table("grade")
		w.line("name = %q", g[0])
		w.line("titles = %q", g[1])
	}
	f.writeSeats(w)
	w.line("\n# Groups of the directory that are groups here.")
	for _, m := range mappings() {
		w.table("mapping")
		w.line("group = %q", m.directory)
		w.line("libraries = { %s = \"STANDARD\" }", m.library)
		w.line("gives = %s", refs(m.library, m.groups...))
	}
	for _, s := range f.secondments {
		w.table("exception")
		w.line("who = %q", s.of.account.id)
		w.line("libraries = { %s = \"STANDARD\" }", s.library)
		w.line("groups = %s", refs(s.library, everybody(s.library)))
		w.line("until = %s", s.until.Format(time.DateOnly))
		w.line("reason = %q", s.reason)
	}
	w.table("wall")
	w.line("name = \"Kite against Heron\"")
	w.line("groups = [\"*/DEAL-KITE\", \"*/DEAL-HERON\"]")
	return w.b.String()
}

// writeSeats writes what each office and practice gives, what the grades add, and what the services get.
func (f *Firm) writeSeats(w *tomlWriter) {
	rule := func(name string, conditions ...string) {
		w.table("birthright")
		w.line("name = %q", name)
		for _, c := range conditions {
			w.line("%s", c)
		}
	}
	w.line("\n# What the practices give, by office.")
	for _, practice := range practices()[:lawPractices] {
		for _, at := range f.homes(practice) {
			conditions := append(at.offices(f), fmt.Sprintf("department = %q", practice),
				fmt.Sprintf("libraries = { %s = \"STANDARD\" }", at.library), "groups = "+refs(at.library, everybody(at.library), short(practice)+"-ALL"),
				fmt.Sprintf("preferred_library = %q", at.library))
			rule(practice+" in "+at.library, conditions...)
		}
	}
	w.line("\n# The roles of the grades.")
	for _, library := range libraries() {
		departments, at := f.seatsOf(library)
		for _, grade := range []string{"partner", "senior"} {
			conditions := append(at.offices(f), "department = "+list(departments...), fmt.Sprintf("grade = %q", grade),
				fmt.Sprintf("libraries = { %s = %q }", library, strings.ToUpper(grade)))
			rule(strings.ToUpper(grade[:1])+grade[1:]+"s of "+library, conditions...)
		}
	}
	rule("Partners everywhere", "grade = \"partner\"", "groups = [\"*/PARTNERS\"]")
	rule("Trainees everywhere", "grade = \"trainee\"", "groups = [\"*/TRAINEES\"]")
	w.line("\n# Business services.")
	for _, at := range f.homes("") {
		conditions := append(at.offices(f), "department = "+list(practices()[lawPractices:]...), "type = \"employee\"",
			fmt.Sprintf("libraries = { %s = \"SUPPORT\" }", at.library), "groups = "+refs(at.library, everybody(at.library), "SUPPORT"),
			fmt.Sprintf("preferred_library = %q", at.library))
		rule("Services in "+at.library, conditions...)
	}
}

// placing is a library with the offices for which it is home.
type placing struct {
	library string
	names   []string
}

// offices is the condition of a rule for a placing, none where it holds for every office.
func (p placing) offices(f *Firm) []string {
	if len(p.names) == len(f.offices) {
		return nil
	}
	return []string{"office = " + list(p.names...)}
}

// homes lists the homes of a department, in the order of the offices.
func (f *Firm) homes(department string) []placing {
	var found []placing
	for _, o := range f.offices {
		library := home(o, department)
		i := slices.IndexFunc(found, func(p placing) bool { return p.library == library })
		if i < 0 {
			i = len(found)
			found = append(found, placing{library: library})
		}
		found[i].names = append(found[i].names, o.name)
	}
	return found
}

// seatsOf lists the practices whose home a library is, and in which offices.
func (f *Firm) seatsOf(library string) (departments []string, at placing) {
	for _, practice := range practices()[:lawPractices] {
		for _, p := range f.homes(practice) {
			if p.library == library {
				departments, at = append(departments, practice), p
			}
		}
	}
	return departments, at
}

// tomlWriter writes a TOML text.
type tomlWriter struct{ b strings.Builder }

func (w *tomlWriter) line(format string, args ...any) { fmt.Fprintf(&w.b, format+"\n", args...) }

func (w *tomlWriter) table(name string) { w.line("\n[[%s]]", name) }

// list writes a list of texts.
func list(texts ...string) string {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = fmt.Sprintf("%q", t)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// refs writes a list of groups of a library.
func refs(library string, groups ...string) string {
	full := make([]string, len(groups))
	for i, g := range groups {
		full[i] = library + "/" + g
	}
	return list(full...)
}
