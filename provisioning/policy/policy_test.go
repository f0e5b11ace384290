package policy_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
)

// parse reads a policy that must be right.
func parse(t testing.TB, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// day is a moment of a day here.
func day(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04:05", text, time.Local)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestParse: what is set is read, what is not keeps its default, and the lists tell accounts and types apart.
func TestParse(t *testing.T) {
	p := parse(t, `
protected = ["BREAKGLASS*"]
vip = ["SENIOR1"]
service = ["SVC_*", "scanner"]
excluded_types = ["external"]
ungoverned = ["*/DEAL-*"]
[limits]
count = 5
stale = "30m"
`)
	if p.Limits.Count != 5 || p.Limits.Percent != 10 || p.Limits.Stale != 30*time.Minute || p.Limits.Week != 40 {
		t.Errorf("limits %+v", p.Limits)
	}
	for id, want := range map[string]string{"breakglass1": "break-glass account", "SENIOR1": "on the VIP list", "SVC_X": "", "TBARNES": ""} {
		if why, ok := p.Protected(id); why != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", id, why, ok)
		}
	}
	if !p.Service("SVC_SCAN") || !p.Service("SCANNER") || p.Service("TBARNES") || !p.Listed("BREAKGLASS2") {
		t.Error("service accounts are not told apart")
	}
	if !p.InScope(&provisioning.Person{Type: "employee"}) || p.InScope(&provisioning.Person{Type: "External"}) {
		t.Error("scope")
	}
	if p.HasRules() || policy.Default().HasRules() {
		t.Error("a policy without a rule has rules")
	}
	for _, rules := range []string{
		"[[birthright]]\nlocation = 'London'", "[[mapping]]\ngroup = 'Kite'\ngives = ['L/KITE']",
		"[[exception]]\nwho = 'T'\ngroups = ['L/KITE']\nuntil = 2026-12-31\nreason = 'r'",
	} {
		if !parse(t, rules).HasRules() {
			t.Errorf("%s: no rules", rules)
		}
	}
}

// TestParseRefuses: what cannot be is refused, with the line or the rule.
func TestParseRefuses(t *testing.T) {
	rule := func(s string) string { return "[[birthright]]\nname = 'London Litigation'\n" + s }
	mapping := func(s string) string { return "[[mapping]]\n" + s }
	exception := func(s string) string { return "[[exception]]\n" + s }
	wall := func(s string) string { return "[[wall]]\n" + s }
	const inRule = "policy.toml: rule 1 (London Litigation): "
	for bad, want := range map[string]string{
		"protcted = []":                        "policy.toml:1:1: no such key: protcted (did you mean protected?)",
		"[limits]\ncount = \"many\"":           "policy.toml:2:9: limits.count: here stands a TOML string, and a whole number is wanted",
		"[limits]\npercent = 101":              "policy.toml: limits must be 0 or more, and percent at most 100",
		"[limits]\nstale = \"soon\"":           "policy.toml: limits.stale is no duration such as 1h or 30m: soon",
		"protected = [\"[\"]":                  `policy.toml: "[" is no account id or pattern`,
		"[[home]]\noffice = \"London\"":        "policy.toml:1:3: no such key: home",
		"[[birthright]]\n\n ofice = 'London'":  "policy.toml:3:2: no such key: birthright.ofice (did you mean office?)",
		"ungoverned = ['LON/']":                `policy.toml: ungoverned: "LON/" is neither LIBRARY/GROUP nor a library`,
		"ungoverned = ['']":                    `policy.toml: ungoverned: "" is neither LIBRARY/GROUP nor a library`,
		"[[grade]]\ntitles = ['*']":            "policy.toml: grade 1 needs a name without *",
		"[[grade]]\nname = 'p'":                "policy.toml: grade 1 (p): titles must be a text or a list of texts, none of them empty",
		"[[grade]]\nname = 'p'\ntitles = [1]":  "policy.toml: grade 1 (p): titles must be a text or a list of texts, none of them empty",
		"[[grade]]\nname = 'p'\ntitles = ['']": "policy.toml: grade 1 (p): titles must be a text or a list of texts, none of them empty",
		"[[grade]]\nname = 'p'\ntitles = 'a'\n[[grade]]\nname = 'P'\ntitles = 'b'": "policy.toml: grade 2 (P): grade 1 is called so too",

		rule("office = 'London'"):                          inRule + "gives nothing: it needs libraries, groups, a preferred_library or a location",
		rule("libraries = {}"):                             inRule + "gives nothing: it needs libraries, groups, a preferred_library or a location",
		rule("office = ''\nlocation = 'L'"):                inRule + "office must be a text or a list of texts, none of them empty; leave it out where anything will do",
		rule("title = []\nlocation = 'L'"):                 inRule + "title must be a text or a list of texts, none of them empty; leave it out where anything will do",
		rule("group = 7\nlocation = 'L'"):                  inRule + "group must be a text or a list of texts, none of them empty; leave it out where anything will do",
		rule("type = ['a', 7]\nlocation = 'L'"):            inRule + "type must be a text or a list of texts, none of them empty; leave it out where anything will do",
		rule("grade = 'partner'\nlocation = 'L'"):          inRule + "no grade is called partner",
		rule("groups = ['ALL']"):                           inRule + `groups: "ALL" needs its library: LIBRARY/GROUP, or /GROUP for a global group`,
		rule("groups = ['LON/']"):                          inRule + `groups: "LON/" needs its library: LIBRARY/GROUP, or /GROUP for a global group`,
		rule("groups = ['LON-*/ALL']"):                     inRule + `groups: "LON-*/ALL" is no group: it stands by its whole name, or as */GROUP for every library that is given`,
		rule("groups = ['LON/ALL ']"):                      inRule + `groups: "LON/ALL " is no group: it stands by its whole name, or as */GROUP for every library that is given`,
		rule("groups = ['L/A', 'L/A']"):                    inRule + "groups: L/A stands there twice",
		rule("libraries = { \"LON-*\" = 'X' }"):            inRule + `libraries: "LON-*" is no library: it stands by its whole name`,
		rule("libraries = { \"\" = 'X' }"):                 inRule + `libraries: "" is no library: it stands by its whole name`,
		rule("libraries = { LON = ' X' }"):                 inRule + `libraries: " X" is no role`,
		rule("libraries = { LON = 7 }"):                    "policy.toml:3:21: birthright.libraries: here stands a TOML integer, and a text is wanted",
		rule("preferred_library = 'A/B'"):                  inRule + `preferred_library "A/B" is no library`,
		"[[birthright]]\nlocation = 'x'\n[[birthright]]\n": "policy.toml: rule 2: gives nothing: it needs libraries, groups, a preferred_library or a location",

		mapping("gives = ['L/A']"):               "policy.toml: mapping 1: needs the group of the directory",
		mapping("group = 'Kite'"):                "policy.toml: mapping 1 (Kite): gives nothing: it needs gives or libraries",
		mapping("group = 'Kite'\ngives = ['A']"): `policy.toml: mapping 1 (Kite): gives: "A" needs its library: LIBRARY/GROUP, or /GROUP for a global group`,

		exception("groups = ['L/A']\nuntil = 2026-12-31\nreason = 'r'"):                                 "policy.toml: exception 1: needs who: an id, an email, an employee number or directory/immutable-id",
		exception("who = 'T'\ngroups = ['L/A']\nreason = 'r'"):                                          "policy.toml: exception 1 (T): needs until: the last day on which it counts",
		exception("who = 'T'\ngroups = ['L/A']\nuntil = 2026-12-31"):                                    "policy.toml: exception 1 (T): needs a reason",
		exception("who = 'T'\nuntil = 2026-12-31\nreason = 'r'"):                                        "policy.toml: exception 1 (T): gives nothing: it needs libraries or groups",
		exception("who = 'T'\ngroups = ['L/A']\nfrom = 2027-01-01\nuntil = 2026-12-31\nreason = 'r'"):   "policy.toml: exception 1 (T): until 2026-12-31 is before from 2027-01-01",
		exception("who = 'T'\ngroups = ['L/A']\nuntil = 2026-02-30\nreason = 'r'"):                      "policy.toml:4:17: exception.until: impossible date",
		exception("who = 'T'\ngroups = ['L/A']\nuntil = 'soon'\nreason = 'r'"):                          "policy.toml:4:9: ",
		exception("who = 'T'\ngroups = ['L/A']\nuntil = 2026-12-31\nreason = 'r'\nfrmo = 2026-01-01\n"): "policy.toml:6:1: no such key: exception.frmo (did you mean from?)",

		wall("groups = ['*/A', '*/B']"):                                                            "policy.toml: wall 1 needs a name",
		wall("name = 'w'\ngroups = ['*/A']"):                                                       "policy.toml: wall 1 (w): a wall needs two groups at least",
		wall("name = 'w'\ngroups = ['*/A', 'B']"):                                                  `policy.toml: wall 1 (w): "B" needs its library: LIBRARY/GROUP, */GROUP for whatever library, or /GROUP for a global group`,
		wall("name = 'w'\ngroups = ['*/A', '*/']"):                                                 `policy.toml: wall 1 (w): "*/" needs its library: LIBRARY/GROUP, */GROUP for whatever library, or /GROUP for a global group`,
		wall("name = 'w'\ngroups = ['*/A', '*/ B']"):                                               `policy.toml: wall 1 (w): "*/ B" begins or ends with a space`,
		wall("name = 'w'\ngroups = ['*/A', '*/a']"):                                                "policy.toml: wall 1 (w): */a stands there twice",
		wall("name = 'w'\ngroups = ['*/A', '*/B']\n[[wall]]\nname = 'w'\ngroups = ['*/C', '*/D']"): "policy.toml: wall 2: another wall is called w",
		"walls_csv = 'walls.csv'":                                                                  "policy.toml: walls_csv: there is no file beside the policy to read walls from",
		"walls_csv = '../walls.csv'":                                                               `policy.toml: walls_csv: "../walls.csv" is no name of a file beside policy.toml`,
		"walls_csv = '..'":                                                                         `policy.toml: walls_csv: ".." is no name of a file beside policy.toml`,
	} {
		_, err := policy.Parse([]byte(bad), nil)
		if err == nil || provisioning.CodeOf(err) != provisioning.Invalid {
			t.Errorf("%q: %v, want %s", bad, err, want)
			continue
		}
		if got := err.Error(); !says(got, want) {
			t.Errorf("%q:\n got %s\nwant %s", bad, got, want)
		}
	}
}

// says reports whether a message is the one that is wanted, or begins with it where that ends with a colon.
func says(got, want string) bool {
	return got == want || (strings.HasSuffix(want, ": ") && strings.HasPrefix(got, want))
}

// TestWallsCSV: rows of one name are the sides of one wall, whatever the header's case, the mark before it and the separator; what is
// wrong names the line.
func TestWallsCSV(t *testing.T) {
	const toml = "walls_csv = 'walls.csv'\n[[wall]]\nname = 'own'\ngroups = ['*/X', '*/Y']"
	read := func(csv string) (*policy.Policy, error) {
		return policy.Parse([]byte(toml), func(name string) ([]byte, error) {
			if name != "walls.csv" {
				t.Errorf("%s was asked for", name)
			}
			return []byte(csv), nil
		})
	}
	for name, csv := range map[string]string{
		"plain":       "wall,group\nk,*/KITE\nl,A/ONE\nk,*/HERON\nl,/TWO\n",
		"mark, case":  "\ufeffWall,GROUP\r\nk,*/KITE\r\nk,*/HERON\r\nl,A/ONE\r\nl,/TWO\r\n",
		"semicolons":  "wall;group\nk;*/KITE\nk;*/HERON\nl;A/ONE\nl;/TWO",
		"other order": "group,wall\n*/KITE,k\n*/HERON,k\n\"A/ONE\",l\n /TWO , l \n\n",
	} {
		p, err := read(csv)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, w := range p.Walls {
			got = append(got, w.Name+"="+strings.Join(w.Groups, "|"))
		}
		if s := strings.Join(got, " "); s != "own=*/X|*/Y k=*/KITE|*/HERON l=A/ONE|/TWO" {
			t.Errorf("%s: %s", name, s)
		}
	}
	for csv, want := range map[string]string{
		"":                                        "walls.csv:1: the first line must be wall,group",
		"\n\nwand,group\n":                        `walls.csv:3: the first line must be wall,group, and here stands "wand,group"`,
		"wall,group,side\n":                       `walls.csv:1: the first line must be wall,group, and here stands "wall,group,side"`,
		"wall,group\nk,*/A\nk,*/B,*/C\n":          "walls.csv:3: here stand 3 values, and a wall and a group are wanted",
		"wall,group\nk\n":                         "walls.csv:2: here stand 1 values, and a wall and a group are wanted",
		"wall,group\n,*/A\n":                      "walls.csv:2: the wall has no name",
		"wall,group\nk,*/A\nk,B\n":                `walls.csv:3: wall k: "B" needs its library: LIBRARY/GROUP, */GROUP for whatever library, or /GROUP for a global group`,
		"wall,group\nk,*/A\nl,*/A\n\nl,*/B\n":     "walls.csv:2: wall k: a wall needs two groups at least",
		"wall,group\nk,*/A\nk,*/B\n\nk,*/a\n":     "walls.csv:5: wall k: */a stands in line 2 already",
		"wall,group\nk,\"*/A\nk,*/B\n":            "walls.csv:2: ",
		"wall,group\nk,*/A\nk,*/\xff\n":           "walls.csv:3: not UTF-8: save it as CSV UTF-8",
		"wall,group\nown,*/A\nown,*/B\n":          "policy.toml: walls_csv: walls.csv: a wall of policy.toml is called own too",
		"\xff\xfew\x00a\x00l\x00l\x00,\x00g\x00r": "walls.csv:1: not UTF-8: save it as CSV UTF-8",
	} {
		_, err := read(csv)
		if err == nil || provisioning.CodeOf(err) != provisioning.Invalid {
			t.Errorf("%q: %v", csv, err)
			continue
		}
		if got := err.Error(); !says(got, want) {
			t.Errorf("%q:\n got %s\nwant %s", csv, got, want)
		}
	}
	_, err := policy.Parse([]byte(toml), func(string) ([]byte, error) { return nil, fs.ErrNotExist })
	if !errors.Is(err, fs.ErrNotExist) || provisioning.CodeOf(err) != provisioning.Invalid {
		t.Errorf("a file that is not there: %v", err)
	}
}
