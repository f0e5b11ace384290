// Package policytest draws random policies, and people and accounts to which they have something to say, for property tests. The words
// are few, so that rules meet people, roles differ, walls stand between what is given, and exceptions have ended.
package policytest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
)

func offices() []string     { return []string{"London", "Leeds", "london", ""} }
func departments() []string { return []string{"Litigation", "Tax", ""} }
func titles() []string      { return []string{"Partner", "Senior Associate", "Associate", ""} }
func types() []string       { return []string{"employee", "contractor"} }
func directories() []string { return []string{"okta", "entra"} }
func teams() []string       { return []string{"Kite", "Heron", "kite", "Everyone", "Team Tax"} }
func libraries() []string   { return []string{"LON", "LDS", "TAX"} }
func roles() []string       { return []string{"", "DEFAULT", "STANDARD", "SENIOR"} }
func groups() []string      { return []string{"ALL", "KITE", "HERON", "SWAN", "DEAL-1"} }

// IDs are the accounts that lists of a drawn policy may name.
func IDs() []string { return []string{"BREAKGLASS1", "SENIOR", "SVC_SCAN", "TBARNES"} }

// Moment draws a time around the exceptions of a drawn policy.
func Moment(t *rapid.T) time.Time {
	return time.Date(2026, time.Month(rapid.IntRange(1, 12).Draw(t, "month")), 15, 12, 0, 0, 0, time.Local)
}

// Person draws somebody, of one directory or merged from two.
func Person(t *rapid.T) provisioning.Person {
	pick := func(list []string, label string) string { return rapid.SampledFrom(list).Draw(t, label) }
	p := provisioning.Person{
		Key: provisioning.PersonKey{Directory: pick(directories(), "directory"), ID: "1"}, SSOName: pick([]string{"tbarnes", "senior", ""}, "sso name"),
		Email: "t.b@x.example", EmployeeNumber: pick([]string{"7", "8"}, "number"), Status: provisioning.StatusActive,
		Office: pick(offices(), "office"), Department: pick(departments(), "department"), Title: pick(titles(), "title"), Type: pick(types(), "type"),
		Groups: rapid.SliceOfN(rapid.SampledFrom(teams()), 0, 4).Draw(t, "directory groups"),
	}
	if rapid.Bool().Draw(t, "merged") {
		one, two := p, p
		two.Key = provisioning.PersonKey{Directory: pick(directories(), "second directory"), ID: "2"}
		two.Groups = rapid.SliceOfN(rapid.SampledFrom(teams()), 0, 2).Draw(t, "second groups")
		p.Records = []*provisioning.Person{&one, &two}
		p.Groups = append(slices.Clone(one.Groups), two.Groups...)
	}
	return p
}

// Groups draws group rights, each once, unsorted.
func Groups(t *rapid.T) []provisioning.Entitlement {
	ref := rapid.Custom(func(t *rapid.T) provisioning.Entitlement {
		return provisioning.InGroup(provisioning.GroupRef{
			Library: rapid.SampledFrom(append(libraries(), "")).Draw(t, "library"), Group: rapid.SampledFrom(groups()).Draw(t, "group"),
		})
	})
	return rapid.SliceOfNDistinct(ref, 0, 6, rapid.ID).Draw(t, "held groups")
}

// Account draws an enabled account with some of what a drawn policy may give; a role of it may be unknown.
func Account(t *rapid.T) provisioning.Account {
	a := provisioning.Account{ID: "TBARNES", Enabled: true, External: rapid.Bool().Draw(t, "external")}
	for _, l := range append(libraries(), "OLD") {
		if rapid.Bool().Draw(t, "in "+l) {
			role := rapid.SampledFrom(append(roles(), "DEFAULT EXTERNAL")).Draw(t, "role")
			a.Memberships = append(a.Memberships, provisioning.Membership{Library: l, Role: role, Enabled: true})
		}
	}
	slices.SortFunc(a.Memberships, func(x, y provisioning.Membership) int { return strings.Compare(x.Library, y.Library) })
	for _, e := range Groups(t) {
		a.Groups = append(a.Groups, e.Group())
	}
	slices.SortFunc(a.Groups, func(x, y provisioning.GroupRef) int {
		return strings.Compare(x.Library+"\x00"+x.Group, y.Library+"\x00"+y.Group)
	})
	return a
}

// Policy draws the text of a policy that Parse takes.
func Policy(t *rapid.T) string {
	w := &writer{t: t}
	w.list("protected", []string{"BREAKGLASS*", "SENIOR"})
	w.list("vip", []string{"SENIOR", "T*"})
	w.list("service", []string{"SVC_*"})
	w.list("ungoverned", []string{"*/DEAL-*", "LDS", "*/SWAN", "/ALL"})
	fmt.Fprintf(w, "[limits]\ncount = %d\npercent = %d\nstale = \"%dm\"\n", w.number(0, 30), w.number(0, 100), w.number(1, 90))
	w.WriteString("[[grade]]\nname = \"associate\"\ntitles = [\"*Associate\"]\n")
	for range w.number(0, 5) {
		w.WriteString("[[birthright]]\n")
		w.condition("office", append(offices(), "L*", "*"))
		w.condition("department", append(departments(), "*i*"))
		w.condition("title", append(titles(), "*Associate*"))
		w.condition("grade", []string{"associate"})
		w.condition("type", types())
		w.condition("group", append(teams(), "Team *"))
		w.gifts("groups")
		if w.often(3) {
			fmt.Fprintf(w, "preferred_library = %q\n", w.pick(libraries()))
		}
		if w.often(3) {
			fmt.Fprintf(w, "location = %q\n", w.pick([]string{"London", "Leeds"}))
		}
		if w.often(5) {
			w.WriteString("exclusive = true\n")
		}
	}
	for range w.number(0, 2) {
		fmt.Fprintf(w, "[[mapping]]\ngroup = %q\n", w.pick(teams()))
		w.gifts("gives")
		if w.often(2) {
			fmt.Fprintf(w, "directory = %q\n", w.pick(directories()))
		}
	}
	for range w.number(0, 3) {
		from := w.number(1, 12)
		fmt.Fprintf(w, "[[exception]]\nwho = %q\nreason = \"r\"\nfrom = 2026-%02d-01\nuntil = 2026-%02d-28\n",
			w.pick([]string{"TBARNES", "7", "okta/1", "entra/2"}), from, w.number(from, 12))
		w.gifts("groups")
	}
	for i := range w.number(0, 2) {
		sides := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"*/KITE", "*/HERON", "*/SWAN", "LON/*", "/DEAL-1", "TAX/ALL"}), 2, 3, rapid.ID).Draw(t, "sides")
		fmt.Fprintf(w, "[[wall]]\nname = \"wall %d\"\ngroups = [%s]\n", i, quoted(sides))
	}
	return w.String()
}

type writer struct {
	strings.Builder
	t *rapid.T
}

func (w *writer) number(least, most int) int { return rapid.IntRange(least, most).Draw(w.t, "number") }
func (w *writer) often(in int) bool          { return w.number(1, in) == 1 }
func (w *writer) pick(list []string) string  { return rapid.SampledFrom(list).Draw(w.t, "pick") }
func (w *writer) some(list []string) []string {
	return slices.DeleteFunc(list, func(string) bool { return !w.often(3) })
}

func (w *writer) list(key string, of []string) {
	fmt.Fprintf(w, "%s = [%s]\n", key, quoted(w.some(of)))
}

func filled(list []string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

func quoted(list []string) string {
	parts := make([]string, len(list))
	for i, s := range list {
		parts[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(parts, ", ")
}

// condition writes a condition sometimes, with one pattern or several.
func (w *writer) condition(key string, of []string) {
	if !w.often(4) {
		return
	}
	of = filled(of)
	if w.often(2) {
		fmt.Fprintf(w, "%s = %q\n", key, w.pick(of))
		return
	}
	fmt.Fprintf(w, "%s = [%q, %q]\n", key, w.pick(of), w.pick(of))
}

// gifts writes what a source gives: one thing at least.
func (w *writer) gifts(key string) {
	var in []string
	for _, l := range w.some(libraries()) {
		in = append(in, fmt.Sprintf("%s = %q", l, w.pick(roles())))
	}
	fmt.Fprintf(w, "libraries = { %s }\n", strings.Join(in, ", "))
	var all []string
	for _, g := range groups() {
		for _, l := range append(libraries(), "", "*") {
			all = append(all, l+"/"+g)
		}
	}
	given := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 4, rapid.ID).Draw(w.t, "gifts")
	fmt.Fprintf(w, "%s = [%s]\n", key, quoted(given))
}
