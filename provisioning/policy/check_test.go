package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
)

// world is a small firm: Ann and Tom in Litigation, Eve in Tax, a consultant who is out of scope.
func world(t *testing.T) policy.World {
	w := policy.World{At: day(t, "2026-11-25 12:00:00"), Roles: map[string][]string{"LON": {"STANDARD"}, "TAX": {"READER"}}}
	for _, id := range []string{"LON", "TAX"} {
		w.Libraries = append(w.Libraries, provisioning.Library{ID: id})
		for _, g := range []string{"ALL", "DEAL-KITE", "DEAL-HERON"} {
			w.Groups = append(w.Groups, provisioning.Group{Ref: provisioning.GroupRef{Library: id, Group: g}, Enabled: true})
		}
	}
	w.Groups = append(w.Groups, provisioning.Group{Ref: provisioning.GroupRef{Library: "LON", Group: "OLD"}}, provisioning.Group{Ref: provisioning.GroupRef{Group: "FIRM"}, Enabled: true})
	for i, p := range []provisioning.Person{
		{SSOName: "ann", EmployeeNumber: "7", Office: "London", Department: "Litigation", Type: "employee", Groups: []string{"Kite"}},
		{SSOName: "tom", EmployeeNumber: "7", Office: "Leeds", Department: "Litigation", Type: "employee"},
		{SSOName: "eve", EmployeeNumber: "8", Office: "London", Department: "Tax", Type: "employee"},
		{SSOName: "con", EmployeeNumber: "9", Office: "Oslo", Department: "Tax", Type: "external"},
	} {
		p.Key = provisioning.PersonKey{Directory: "okta", ID: fmt.Sprint(i)}
		w.People = append(w.People, &p)
	}
	return w
}

// TestCheck: each thing that is doubtful is told once, where it stands, and a policy in which nothing is says nothing.
func TestCheck(t *testing.T) {
	const good = "excluded_types = ['external']\n[[birthright]]\nname = 'all'\nlibraries = { LON = 'STANDARD' }\ngroups = ['*/ALL', '/FIRM']\npreferred_library = 'LON'\n"
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"good": {good, nil},
		"unknown library": {
			good + "[[birthright]]\noffice = 'Leeds'\nlibraries = { LDS = '', lon = '' }\n",
			[]string{"missing, rule 2: there is no library LDS", "missing, rule 2: there is no library lon (it is written LON)"},
		},
		"unknown preferred library": {
			good + "[[birthright]]\noffice = 'Leeds'\npreferred_library = 'LDS'\n",
			[]string{"missing, rule 2: there is no library LDS", "warning, rule 2: prefers LDS for 1 person to whom nothing gives that library"},
		},
		"unknown role": {
			good + "[[birthright]]\noffice = 'Leeds'\nlibraries = { TAX = 'STANDARD' }\n",
			[]string{"warning, rule 2: nobody has the role STANDARD in TAX: is it written so?"},
		},
		"groups": {
			good + "[[birthright]]\noffice = 'Leeds'\ngroups = ['LON/NONE', 'lon/all', 'LON/OLD', '*/NONE']\n",
			[]string{
				"missing, rule 2: there is no group LON/NONE", "missing, rule 2: there is no group lon/all (it is written LON/ALL)",
				"warning, rule 2: the group LON/OLD is disabled: nobody can be put into it", "missing, rule 2: no library has a group NONE",
				"warning, rule 2: gives 1 person a group in lon, and nothing gives them that library",
			},
		},
		"fits nobody": {
			good + "[[birthright]]\nname = 'Oslo'\noffice = 'Oslo'\nlibraries = { TAX = '' }\n[[mapping]]\ngroup = 'Heron'\ngives = ['LON/DEAL-HERON']\n",
			[]string{"warning, rule 2 (Oslo): fits nobody", "warning, mapping 1 (Heron): nobody in scope is in that directory group"},
		},
		"nobody fits": {
			"[[birthright]]\noffice = 'London'\nlibraries = { LON = '' }\n",
			[]string{"warning, policy: no rule fits 2 people of 4 in scope: their accounts are not compared"},
		},
		"a role that cannot win": {
			good + "[[birthright]]\nname = 'late'\nlibraries = { LON = '' }\npreferred_library = 'TAX'\nlocation = 'x'\n",
			[]string{
				"warning, rule 2 (late): its role DEFAULT in LON can never win: rule 1 (all) fits everybody whom it fits, and says STANDARD",
				"warning, rule 2 (late): its preferred library TAX can never win: rule 1 (all) fits everybody whom it fits, and says LON",
			},
		},
		"an exclusive one covers": {
			"excluded_types = ['external']\n[[birthright]]\noffice = ['Lon*', 'Leeds']\ntype = '*'\nexclusive = true\nlibraries = { LON = '' }\n" +
				"[[birthright]]\noffice = 'London'\nlibraries = { TAX = '' }\n",
			[]string{"missing, rule 2: can never give anything: rule 1 fits everybody whom it fits, and is exclusive"},
		},
		"exclusive ones happen to cover": {
			good + "[[birthright]]\noffice = 'London'\nexclusive = true\nlibraries = { LON = '' }\n[[birthright]]\noffice = 'Leeds'\nexclusive = true\nlibraries = { LON = '' }\n",
			[]string{"warning, rule 1 (all): gives nobody anything: exclusive rules that are more specific fit everybody whom it fits (3 people)"},
		},
		"exceptions": {
			good + "[[exception]]\nwho = 'nobody'\nlibraries = { TAX = '' }\nuntil = 2026-12-31\nreason = 'r'\n" +
				"[[exception]]\nwho = '7'\nlibraries = { TAX = '' }\nuntil = 2026-12-31\nreason = 'r'\n" +
				"[[exception]]\nwho = 'EVE'\nlibraries = { TAX = '' }\nuntil = 2026-11-24\nreason = 'r'\n" +
				"[[exception]]\nwho = 'eve'\nlibraries = { TAX = '' }\nfrom = 2027-01-01\nuntil = 2027-11-24\nreason = 'r'\n",
			[]string{
				"missing, exception 1 (nobody): nobody who works here is called so", "warning, exception 2 (7): 2 people are called so, and all of them get it",
				"warning, exception 3 (EVE): ended on 24 Nov 2026: it gives nothing any more",
			},
		},
		"walls": {
			good + "[[wall]]\nname = 'w'\ngroups = ['*/DEAL-KITE', '*/DEAL-SWAN', 'LON/DEAL-*']\n",
			[]string{"warning, wall w: the group LON/DEAL-KITE stands on two sides of it", "missing, wall w: */DEAL-SWAN is no group that there is: that side keeps nobody apart"},
		},
		"a rule that breaks a wall": {
			good + "[[birthright]]\nname = 'deals'\noffice = 'London'\nlibraries = { TAX = '' }\ngroups = ['LON/DEAL-KITE', '*/DEAL-HERON']\n" +
				"[[wall]]\nname = 'w'\ngroups = ['*/DEAL-KITE', '*/DEAL-HERON']\n",
			[]string{
				"missing, rule 2 (deals): gives group LON/DEAL-KITE and group TAX/DEAL-HERON, which the wall w keeps apart: nobody gets either",
				"warning, wall w: the rules give both sides to 2 people: neither is given",
			},
		},
		"rules that break a wall together": {
			good + "[[birthright]]\noffice = 'London'\ngroups = ['LON/DEAL-KITE']\n[[mapping]]\ngroup = 'Kite'\ngives = ['LON/DEAL-HERON']\n" +
				"[[wall]]\nname = 'w'\ngroups = ['*/DEAL-KITE', '*/DEAL-HERON']\n",
			[]string{"warning, wall w: the rules give both sides to 1 person: neither is given"},
		},
		"ungoverned": {
			"ungoverned = ['*/DEAL-*', 'EUR-*', 'LON/DEAL-KITE', 'TAX', 'LON/NONE']\n" + good + "[[mapping]]\ngroup = 'Kite'\ngives = ['LON/DEAL-KITE']\nlibraries = { TAX = '' }\n",
			[]string{
				"warning, ungoverned: EUR-* is nothing that there is",
				"warning, ungoverned: LON/DEAL-KITE is governed all the same: mapping 1 (Kite) keeps it in step with the directory",
				"warning, ungoverned: TAX is governed all the same: mapping 1 (Kite) keeps it in step with the directory",
				"warning, ungoverned: LON/NONE is nothing that there is",
			},
		},
	} {
		p := parse(t, c.text)
		var got []string
		for _, r := range p.Check(world(t)) {
			got = append(got, fmt.Sprintf("%s, %s: %s", r.Severity, r.Where, r.Text))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %s\nwant %s", name, strings.Join(got, "\n     "), strings.Join(c.want, "\n     "))
		}
		for _, r := range p.Check(policy.World{At: world(t).At}) { // nothing is known: only what is wrong in itself
			if !strings.Contains(r.Text, "can never") && !strings.Contains(r.Text, "ended") && !strings.Contains(r.Text, "governed all the same") && !strings.Contains(r.Text, "nobody gets either") {
				t.Errorf("%s: of nothing: %s: %s", name, r.Where, r.Text)
			}
		}
	}
}
