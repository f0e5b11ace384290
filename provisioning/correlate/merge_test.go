package correlate_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/correlate"
)

// sources reads records of the form "okta/1 email=t@x.example number=7". A record with "gone" is a proven absence, one with
// "missing" an absence that is not proven; all else is listed and active.
func sources(t *testing.T, lines ...string) correlate.Sources {
	t.Helper()
	in := correlate.Sources{Order: []string{"okta", "entra", "google", "onelogin"}}
	for _, line := range lines {
		fields := strings.Fields(line)
		p := provisioning.Person{Status: provisioning.StatusActive}
		p.Key.Directory, p.Key.ID, _ = strings.Cut(fields[0], "/")
		var absence *provisioning.Absence
		for _, f := range fields[1:] {
			name, value, _ := strings.Cut(f, "=")
			switch name {
			case "gone":
				absence = &provisioning.Absence{Proven: true, How: "gone from " + p.Key.Directory}
			case "missing":
				absence = &provisioning.Absence{How: "the read broke off"}
			case "email":
				p.Email = value
			case "login":
				p.Login = value
			case "alias":
				p.Aliases = append(p.Aliases, value)
			case "ext":
				p.ExternalID = value
			case "number":
				p.EmployeeNumber = value
			case "sso":
				p.SSOName = value
			case "name":
				p.FullName = value
			case "office":
				p.Office = value
			case "title":
				p.Title = value
			case "phone":
				p.Phone = value
			case "practice":
				p.Department = value
			case "status":
				p.Status = provisioning.Status(value)
			default:
				t.Fatalf("what is %q?", f)
			}
		}
		p.RawStatus = strings.ToUpper(string(p.Status))
		if absence == nil {
			in.People = append(in.People, p)
			continue
		}
		absence.Person = p
		in.Absent = append(in.Absent, *absence)
	}
	return in
}

// who says which records became one: "okta/1+entra/2", and "absent okta/1" for those whom nobody lists.
func who(m correlate.Merged) []string {
	var out []string
	join := func(p *provisioning.Person) string {
		var keys []string
		for _, k := range p.Keys() {
			keys = append(keys, k.String())
		}
		return strings.Join(keys, "+")
	}
	for i := range m.People {
		out = append(out, join(&m.People[i]))
	}
	for i := range m.Absent {
		out = append(out, "absent "+join(&m.Absent[i].Person))
	}
	return out
}

// told says what clashes, and whose: "okta/1 okta/2: detail".
func told(m correlate.Merged) []string {
	var out []string
	for _, c := range m.Clashes {
		var keys []string
		for _, k := range c.Persons {
			keys = append(keys, k.String())
		}
		out = append(out, strings.Join(keys, " ")+": "+c.Detail)
	}
	return out
}

func wantLines(t *testing.T, what string, got, want []string) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

const (
	severalEmail = "several people of one directory carry the same email"
	wouldBeSame  = "the keys would make two people of one directory the same"
	otherNumber  = "the same email, but the employee numbers differ: "
)

// TestWhoIsOne is the doc comment of Merge as a table: which keys tie, which tie nobody, and what of that is told.
func TestWhoIsOne(t *testing.T) {
	list := func(s ...string) []string { return s }
	for name, c := range map[string]struct{ in, want, clashes []string }{
		"another's own id":              {list("okta/1", "entra/2 ext=1"), list("okta/1+entra/2"), nil},
		"the same immutable id":         {list("okta/1 ext=guid", "entra/2 ext=guid"), list("okta/1+entra/2"), nil},
		"other immutable ids, no key":   {list("okta/1 ext=a", "entra/2 ext=b"), list("okta/1", "entra/2"), nil},
		"an own id that two give":       {list("okta/7", "entra/7", "google/1 ext=7"), list("okta/7", "entra/7", "google/1"), nil},
		"own ids that are equal":        {list("okta/7", "entra/7"), list("okta/7", "entra/7"), nil},
		"an id beats numbers and email": {list("okta/1 email=a@x number=1", "entra/2 ext=1 email=b@x number=2"), list("okta/1+entra/2"), list("okta/1: email differs: a@x in okta, b@x in entra", "okta/1: number differs: 1 in okta, 2 in entra")},
		"two carry another's own id":    {list("okta/1", "entra/2 ext=1", "entra/3 ext=1"), list("okta/1", "entra/2", "entra/3"), list("okta/1 entra/2 entra/3: " + wouldBeSame)},
		"two carry one immutable id": {
			list("okta/1 ext=g", "entra/2 ext=g", "entra/3 ext=g"), list("okta/1", "entra/2", "entra/3"),
			list("okta/1 entra/2 entra/3: several people of one directory carry the same immutable id"),
		},

		"email, no number":                  {list("okta/1 email=t@x", "entra/2 email=t@x"), list("okta/1+entra/2"), nil},
		"email, one number":                 {list("okta/1 email=t@x", "entra/2 email=t@x number=2"), list("okta/1+entra/2"), nil},
		"email and number":                  {list("okta/1 email=t@x number=7", "entra/2 email=t@x number=7"), list("okta/1+entra/2"), nil},
		"email, other number":               {list("okta/1 email=t@x number=1", "entra/2 email=t@x number=2"), list("okta/1", "entra/2"), list("okta/1 entra/2: " + otherNumber + "1 in okta, 2 in entra")},
		"a login that is an email":          {list("okta/1 email=old@x login=t@x", "entra/2 email=t@x"), list("okta/1+entra/2"), list("okta/1: email differs: old@x in okta, t@x in entra")},
		"a login that is none":              {list("okta/1 login=t", "entra/2 login=t"), list("okta/1", "entra/2"), nil},
		"an alias is no key":                {list("okta/1 email=new@x alias=t@x", "entra/2 email=t@x"), list("okta/1", "entra/2"), nil},
		"email, the first of another":       {list("okta/1 email=t@x number=1", "entra/2 email=t@x number=2", "google/3 email=t@x number=2"), list("okta/1", "entra/2+google/3"), list("okta/1 entra/2: " + otherNumber + "1 in okta, 2 in entra")},
		"no number between two":             {list("okta/1 email=t@x", "entra/2 email=t@x number=2", "google/3 email=t@x number=3"), list("okta/1", "entra/2", "google/3"), list("okta/1 entra/2 google/3: " + otherNumber + "2 in entra, 3 in google")},
		"no number, the two are one by id":  {list("okta/1 email=t@x", "entra/2 email=t@x number=2 ext=g", "google/3 email=t@x number=3 ext=g"), list("okta/1+entra/2+google/3"), list("okta/1: number differs: 2 in entra, 3 in google")},
		"no number, one of the two by id":   {list("okta/1 email=t@x ext=g", "entra/2 email=t@x number=2 ext=g", "google/3 email=t@x number=3"), list("okta/1+entra/2", "google/3"), list("okta/1 google/3: " + otherNumber + "2 in entra, 3 in google")},
		"two of one directory":              {list("okta/1 email=t@x", "okta/2 email=t@x", "entra/3 email=t@x"), list("okta/1", "okta/2", "entra/3"), list("okta/1 okta/2 entra/3: " + severalEmail)},
		"two of one, one tied by id":        {list("okta/1 email=t@x", "okta/2 email=t@x", "entra/3 email=t@x ext=1"), list("okta/1+entra/3", "okta/2"), list("okta/1 okta/2: " + severalEmail)},
		"two of one directory among itself": {list("okta/1 email=t@x", "okta/2 email=t@x", "entra/3 email=z@x"), list("okta/1", "okta/2", "entra/3"), nil},
		"one with the keys of two":          {list("okta/1 email=a@x", "okta/2 email=b@x", "entra/3 email=a@x login=b@x"), list("okta/1", "okta/2", "entra/3"), list("okta/1 okta/2 entra/3: " + wouldBeSame)},
		"a stale email does not undo an id": {list("okta/1 email=a@x", "okta/2 email=b@x", "entra/3 email=b@x ext=1"), list("okta/1+entra/3", "okta/2"), list("okta/1 okta/2: "+wouldBeSame, "okta/1: email differs: a@x in okta, b@x in entra")},

		"number and user id":            {list("okta/1 number=7 sso=tb", "entra/2 number=7 sso=TB"), list("okta/1+entra/2"), nil},
		"number alone":                  {list("okta/1 number=7", "entra/2 number=7"), list("okta/1", "entra/2"), nil},
		"number, other user id":         {list("okta/1 number=7 sso=a", "entra/2 number=7 sso=b"), list("okta/1", "entra/2"), nil},
		"user id alone":                 {list("okta/1 sso=tb", "entra/2 sso=tb"), list("okta/1", "entra/2"), nil},
		"user id, other number":         {list("okta/1 number=1 sso=tb", "entra/2 number=2 sso=tb"), list("okta/1", "entra/2"), nil},
		"number and user id, other one": {list("okta/1 number=7 sso=tb email=a@x", "entra/2 number=7 sso=tb email=b@x"), list("okta/1+entra/2"), list("okta/1: email differs: a@x in okta, b@x in entra")},
		"number and user id of two": {
			list("okta/1 number=7 sso=tb", "okta/2 number=7 sso=tb", "entra/3 number=7 sso=tb"), list("okta/1", "okta/2", "entra/3"),
			list("okta/1 okta/2 entra/3: several people of one directory carry the same employee number and user id"),
		},

		"a chain of three": {list("okta/1 email=t@x", "entra/2 email=t@x number=7 sso=tb", "google/3 number=7 sso=tb"), list("okta/1+entra/2+google/3"), nil},
		"a chain of four":  {list("okta/1", "entra/2 ext=1 email=t@x", "google/3 email=t@x number=7 sso=tb", "onelogin/4 number=7 sso=tb"), list("okta/1+entra/2+google/3+onelogin/4"), nil},
		"a chain that comes back to the first": {
			list("okta/1", "entra/2 ext=1 email=t@x", "google/3 email=t@x number=7 sso=tb", "okta/4 number=7 sso=tb"), list("okta/1+entra/2+google/3", "okta/4"),
			list("okta/1 okta/4: " + wouldBeSame),
		},
		"directories that the order does not name": {list("scim/1 email=t@x", "ldap/2 email=t@x", "scim/3 email=z@x", "ldap/4 email=y@x"), list("ldap/2+scim/1", "scim/3", "ldap/4"), nil},

		"another case":          {list("okta/1 email=Tom@X.Example", "entra/2 email=tom@x.example"), list("okta/1+entra/2"), nil},
		"sharp s":               {list("okta/1 email=strauß@x", "entra/2 email=STRAUSS@x"), list("okta/1+entra/2"), nil},
		"NFC and NFD":           {list("okta/1 email=ren\u00e9@x", "entra/2 email=rene\u0301@x"), list("okta/1+entra/2"), nil},
		"no accent":             {list("okta/1 email=ren\u00e9@x", "entra/2 email=rene@x"), list("okta/1", "entra/2"), nil},
		"full width":            {list("okta/1 email=\uff54om@x", "entra/2 email=tom@x"), list("okta/1+entra/2"), nil},
		"a look-alike email":    {list("okta/1 email=b\u0430rnes@x", "entra/2 email=barnes@x"), list("okta/1", "entra/2"), nil},
		"a look-alike, twice":   {list("okta/1 email=b\u0430rnes@x", "entra/2 email=b\u0430rnes@x"), list("okta/1", "entra/2"), nil},
		"a look-alike user id":  {list("okta/1 number=7 sso=\u0430\u0441\u0435", "entra/2 number=7 sso=ace"), list("okta/1", "entra/2"), nil},
		"an invisible letter":   {list("okta/1 email=tom\u200b@x", "entra/2 email=tom@x", "google/3 email=tom\u200b@x"), list("okta/1", "entra/2", "google/3"), nil},
		"a look-alike, by id":   {list("okta/1 email=b\u0430rnes@x", "entra/2 email=b\u0430rnes@x ext=1"), list("okta/1+entra/2"), nil},
		"a look-alike is other": {list("okta/1 email=b\u0430rnes@x", "entra/2 email=barnes@x ext=1"), list("okta/1+entra/2"), list("okta/1: email differs: b\u0430rnes@x in okta, barnes@x in entra")},

		"gone here, listed there":       {list("okta/1 gone email=t@x", "entra/2 email=t@x"), list("entra/2+okta/1"), nil},
		"gone from both":                {list("okta/1 gone email=t@x", "entra/2 gone email=t@x", "okta/3"), list("absent okta/1+entra/2", "okta/3"), nil},
		"everybody gone":                {list("okta/1 gone email=t@x", "entra/2 gone email=t@x"), list("absent okta/1+entra/2"), nil},
		"gone, the number another":      {list("okta/1 gone email=t@x number=1", "entra/2 email=t@x number=2"), list("absent okta/1", "entra/2"), nil},
		"an address given anew":         {list("okta/1 gone email=t@x", "okta/2 email=t@x", "entra/3 email=z@x"), list("absent okta/1", "okta/2", "entra/3"), nil},
		"given anew, known to two":      {list("okta/1 gone email=t@x", "okta/2 email=t@x", "entra/3 email=t@x"), list("absent okta/1", "okta/2+entra/3"), nil},
		"given anew, the order other":   {list("entra/1 gone email=t@x", "entra/2 email=t@x", "okta/3 email=t@x"), list("absent entra/1", "okta/3+entra/2"), nil},
		"made anew with the number":     {list("okta/1 gone email=t@x number=7", "okta/2 email=t@x number=7", "entra/3 email=t@x"), list("okta/2+entra/3+okta/1"), nil},
		"two gone who shared a key":     {list("okta/1 gone email=t@x", "okta/2 gone email=t@x", "entra/3 email=z@x"), list("absent okta/1", "absent okta/2", "entra/3"), nil},
		"perhaps two of one directory":  {list("okta/1 missing email=t@x", "okta/2 email=t@x", "entra/3 email=t@x"), list("absent okta/1", "okta/2", "entra/3"), list("okta/1 okta/2 entra/3: " + severalEmail)},
		"both perhaps in one directory": {list("okta/1 missing email=t@x", "okta/2 missing email=t@x", "entra/3 email=t@x"), list("absent okta/1", "absent okta/2", "entra/3"), list("okta/1 okta/2 entra/3: " + severalEmail)},
	} {
		t.Run(name, func(t *testing.T) {
			m := correlate.Merge(sources(t, c.in...))
			wantLines(t, "who", who(m), c.want)
			wantLines(t, "clashes", told(m), c.clashes)
		})
	}
}

// TestOneDirectory: what one directory alone says is handed through, however its keys clash.
func TestOneDirectory(t *testing.T) {
	in := sources(t, "okta/2 email=t@x ext=1", "okta/1 email=t@x", "okta/3 gone email=t@x", "okta/4 missing")
	m := correlate.Merge(in)
	if !reflect.DeepEqual(m, correlate.Merged{People: in.People, Absent: in.Absent}) {
		t.Errorf("%+v", m)
	}
	if m := correlate.Merge(correlate.Sources{}); m.People != nil || m.Absent != nil || m.Clashes != nil {
		t.Errorf("of nobody: %+v", m)
	}
}

// TestMergedAttributes: an attribute comes from the first directory that has it, or from the first of its own order; what the
// others say otherwise is told with both sources and both values, and no address is lost.
func TestMergedAttributes(t *testing.T) {
	in := sources(
		t,
		"google/3 ext=1 email=c@x name=Thomas_Barnes office=Leeds phone=3 practice=Tax title=Partner",
		"entra/2 ext=1 email=b@x name=Tom_Barnes office=Leeds phone=2 alias=old@x title=Counsel number=7 sso=tb",
		"okta/1 email=a@x name=Tom_Barnes office= practice=Tax alias=first@x",
	)
	in.People[0].LeaveDate = time.Unix(3, 0)
	in.People[1].LastSignIn, in.People[2].LastSignIn = time.Unix(9, 0), time.Unix(8, 0)
	in.Prefer = map[string][]string{"email": {"entra"}, "phone": {"google", "entra"}, "number": {"google"}, "title": {"nowhere"}}
	m := correlate.Merge(in)
	wantLines(t, "who", who(m), []string{"okta/1+entra/2+google/3"})
	p := m.People[0]
	for what, v := range map[string][2]string{
		"email": {p.Email, "b@x"}, "name": {p.FullName, "Tom_Barnes"}, "office": {p.Office, "Leeds"}, "phone": {p.Phone, "3"},
		"practice": {p.Department, "Tax"}, "title": {p.Title, "Counsel"}, "number": {p.EmployeeNumber, "7"}, "user id": {p.SSOName, "tb"},
		"ties": {strings.Join(p.Ties, ", "), "immutable id of okta, immutable id of okta"},
	} {
		if v[0] != v[1] {
			t.Errorf("%s is %q, want %q", what, v[0], v[1])
		}
	}
	wantLines(t, "clashes", told(m), []string{
		"okta/1: email differs: b@x in entra, a@x in okta", "okta/1: email differs: b@x in entra, c@x in google",
		"okta/1: full name differs: Tom_Barnes in okta, Thomas_Barnes in google", "okta/1: phone differs: 3 in google, 2 in entra",
	})
	for _, address := range []string{"a@x", "c@x", "old@x", "first@x"} {
		if !slices.ContainsFunc(p.Aliases, func(s string) bool { return strings.EqualFold(s, address) }) {
			t.Errorf("%s is no alias any more: %q", address, p.Aliases)
		}
	}
	if !p.LeaveDate.Equal(time.Unix(3, 0)) || !p.LastSignIn.Equal(time.Unix(9, 0)) {
		t.Errorf("leaves %s, last signed in %s", p.LeaveDate, p.LastSignIn)
	}
	if in.People[2].Email != "a@x" || len(in.People[2].Aliases) != 1 {
		t.Errorf("the record itself was changed: %+v", in.People[2])
	}
}

// TestSameValues: another case of an email, other space or another form of the same letters is no clash.
func TestSameValues(t *testing.T) {
	in := sources(t, "okta/1 email=ren\u00e9@x office=Z\u00fcrich", "entra/2 ext=1 email=RENE\u0301@X office=Zu\u0308rich title=Other")
	in.People[0].FullName, in.People[1].FullName = "Ren\u00e9 Weiss ", "Rene\u0301 Weiss"
	in.People[0].Email += " "
	wantLines(t, "clashes", told(correlate.Merge(in)), nil)
}

// TestStanding: somebody is ended only where every directory that lists them, or may list them, says so.
func TestStanding(t *testing.T) {
	settle := ": settle it there first"
	for name, c := range map[string]struct {
		in     []string
		want   provisioning.Status
		status string // the status clash
	}{
		"both live":                  {[]string{"status=active", "status=active"}, provisioning.StatusActive, ""},
		"first ended, second live":   {[]string{"status=suspended", "status=active"}, provisioning.StatusActive, "okta says SUSPENDED, entra says ACTIVE" + settle},
		"first live, second ended":   {[]string{"status=active", "status=deleted"}, provisioning.StatusActive, "entra says DELETED, okta says ACTIVE" + settle},
		"live beside two ended":      {[]string{"status=deprovisioned", "status=deleted", "status=active"}, provisioning.StatusActive, "okta says DEPROVISIONED, google says ACTIVE" + settle},
		"both ended":                 {[]string{"status=suspended", "status=deprovisioned"}, provisioning.StatusSuspended, ""},
		"all deleted":                {[]string{"status=deleted", "status=deleted", "status=deleted"}, provisioning.StatusDeleted, ""},
		"pending and ended":          {[]string{"status=deprovisioned", "status=pending"}, provisioning.StatusPending, ""},
		"unknown and ended":          {[]string{"status=deleted", "status="}, provisioning.StatusUnknown, ""},
		"pending and live":           {[]string{"status=pending", "status=active"}, provisioning.StatusActive, ""},
		"unknown and pending":        {[]string{"status=", "status=pending"}, provisioning.StatusUnknown, ""},
		"unknown, ended and live":    {[]string{"status=", "status=deleted", "status=active"}, provisioning.StatusActive, "entra says DELETED, google says ACTIVE" + settle},
		"ended, gone elsewhere":      {[]string{"status=suspended", "gone status=active"}, provisioning.StatusSuspended, ""},
		"live, gone elsewhere":       {[]string{"gone status=active", "status=active"}, provisioning.StatusActive, ""},
		"live, gone as ended":        {[]string{"gone status=deleted", "status=active"}, provisioning.StatusActive, ""},
		"live, missing as ended":     {[]string{"status=active", "missing status=deleted"}, provisioning.StatusActive, ""},
		"pending, missing as live":   {[]string{"status=pending", "missing status=active"}, provisioning.StatusPending, ""},
		"ended, missing as ended":    {[]string{"status=suspended", "missing status=deleted"}, provisioning.StatusSuspended, ""},
		"ended, missing as pending":  {[]string{"status=suspended", "missing status=pending"}, provisioning.StatusPending, ""},
		"ended, missing as live":     {[]string{"status=suspended", "missing status=active"}, provisioning.StatusActive, "okta says SUSPENDED, entra is not proven read, and last said ACTIVE" + settle},
		"two ended, missing as live": {[]string{"missing status=active", "status=suspended", "status=deleted"}, provisioning.StatusActive, "entra says SUSPENDED, okta is not proven read, and last said ACTIVE" + settle},
	} {
		t.Run(name, func(t *testing.T) {
			var lines []string
			for i, l := range c.in {
				lines = append(lines, fmt.Sprintf("%s/%d email=t@x %s", []string{"okta", "entra", "google"}[i], i, l))
			}
			m := correlate.Merge(sources(t, lines...))
			if len(m.People) != 1 || len(m.Absent) != 0 {
				t.Fatalf("%q", who(m))
			}
			p := m.People[0]
			if p.Status != c.want || p.RawStatus != strings.ToUpper(string(c.want)) {
				t.Errorf("is %q (%s), want %q", p.Status, p.RawStatus, c.want)
			}
			var want []correlate.Clash
			if c.status != "" {
				want = []correlate.Clash{{Persons: []provisioning.PersonKey{p.Key}, Status: true, Detail: c.status}}
			}
			if !reflect.DeepEqual(m.Clashes, want) {
				t.Errorf("clashes %+v, want %+v", m.Clashes, want)
			}
		})
	}
}

// TestEndedSince: where all say ended, the last word counts, with its time.
func TestEndedSince(t *testing.T) {
	in := sources(t, "okta/1 email=t@x status=suspended", "entra/2 email=t@x status=deleted")
	in.People[0].StatusChanged, in.People[1].StatusChanged = time.Unix(1, 0), time.Unix(2, 0)
	if p := correlate.Merge(in).People[0]; p.Status != provisioning.StatusDeleted || !p.StatusChanged.Equal(time.Unix(2, 0)) {
		t.Errorf("%s since %s", p.Status, p.StatusChanged)
	}
}

// TestMergedAbsence: the absence of several records is proven only where each is, and nobody counts as ended by one half of it.
func TestMergedAbsence(t *testing.T) {
	for name, c := range map[string]struct {
		in     [2]string
		proven bool
		how    string
		status provisioning.Status
	}{
		"both proven":                  {[2]string{"gone", "gone"}, true, "gone from okta", provisioning.StatusActive},
		"the second is not":            {[2]string{"gone", "missing"}, false, "entra: the read broke off", provisioning.StatusActive},
		"the first is not":             {[2]string{"missing", "gone"}, false, "the read broke off", provisioning.StatusActive},
		"neither":                      {[2]string{"missing", "missing"}, false, "the read broke off", provisioning.StatusActive},
		"first ended, second unproven": {[2]string{"gone status=deleted", "missing"}, false, "entra: the read broke off", provisioning.StatusActive},
		"second ended":                 {[2]string{"missing", "missing status=deleted"}, false, "the read broke off", provisioning.StatusActive},
		"both ended":                   {[2]string{"missing status=suspended", "missing status=deleted"}, false, "the read broke off", provisioning.StatusSuspended},
	} {
		t.Run(name, func(t *testing.T) {
			in := sources(t, "okta/1 email=t@x "+c.in[0], "entra/2 email=t@x "+c.in[1])
			in.Absent[0].LastSeen, in.Absent[1].LastSeen = time.Unix(1, 0), time.Unix(2, 0)
			m := correlate.Merge(in)
			wantLines(t, "who", who(m), []string{"absent okta/1+entra/2"})
			a := m.Absent[0]
			if a.Proven != c.proven || a.How != c.how || a.Person.Status != c.status || !a.LastSeen.Equal(time.Unix(2, 0)) {
				t.Errorf("%+v, want %+v", a, c)
			}
			if in.Absent[0].Person.Former != nil {
				t.Error("the record itself was changed")
			}
		})
	}
}

// TestAGivenAnewAddressOpensNothing: a second directory changes nothing in that the new holder of an address never gets the old
// one's account (threats H4).
func TestAGivenAnewAddressOpensNothing(t *testing.T) {
	in := sources(t, "okta/old gone email=t@x", "okta/new email=t@x", "entra/other email=z@x")
	m := correlate.Merge(in)
	r := correlate.Correlate(correlate.Input{
		People: m.People, Absent: m.Absent, Accounts: []provisioning.Account{account("TOLD", "t@x", "", "")},
		Anchors: []provisioning.Anchor{{Account: "TOLD", Person: in.Absent[0].Person.Key}},
	})
	for _, s := range r.Subjects {
		if old := s.Person.Key.ID == "old"; (s.Account >= 0) != old {
			t.Errorf("%s is linked: %t", s.Person.Key, s.Account >= 0)
		}
	}
}

// records makes what one to four directories say, with few distinct keys, so that they meet as they never should.
func records(t *rapid.T) correlate.Sources {
	all := []string{"okta", "entra", "google", "onelogin"}
	of := func(label string, values ...string) string { return rapid.SampledFrom(values).Draw(t, label) }
	in := correlate.Sources{Order: rapid.Permutation(all).Draw(t, "order")[:rapid.IntRange(2, 4).Draw(t, "named")]}
	if rapid.Bool().Draw(t, "prefer") {
		in.Prefer = map[string][]string{"email": rapid.Permutation(all).Draw(t, "email order"), "office": all[2:]}
	}
	record := func(directory, id string) provisioning.Person {
		p := provisioning.Person{
			Key:   provisioning.PersonKey{Directory: directory, ID: id},
			Email: of("email", "", "a@x", "A@X", "b@x", "c@x", "\u0430@x"), Login: of("login", "", "", "a@x", "c@x", "d@x", "tom"),
			ExternalID: of("ext", "", "", "", "g", "h", "okta0", "entra0", "7"), EmployeeNumber: of("number", "", "", "1", "2"),
			SSOName: of("sso", "", "u", "V", "v"), FullName: of("name", "", "Tom", "Tim"), Office: of("office", "", "Leeds", "York"),
			Phone: of("phone", "", "1", "2"), Department: of("practice", "", "Tax", "Estates"), Title: of("title", "", "A", "B"),
			Status: provisioning.Status(of("status", "", "active", "active", "pending", "suspended", "deprovisioned", "deleted")),
		}
		p.RawStatus = strings.ToUpper(string(p.Status))
		if alias := of("alias", "", "", "a@x", "d@x"); alias != "" {
			p.Aliases = []string{alias}
		}
		if since := rapid.IntRange(0, 2).Draw(t, "since"); since > 0 {
			p.StatusChanged = time.Unix(int64(since), 0)
		}
		return p
	}
	for _, directory := range all[:rapid.IntRange(1, 4).Draw(t, "directories")] {
		seven := rapid.IntRange(0, 3).Draw(t, "seven") == 0
		for i := range rapid.IntRange(0, 4).Draw(t, "records") {
			id := fmt.Sprint(directory, i)
			if seven && i == 1 {
				id = "7" // an id that another directory may give as well
			}
			p := record(directory, id)
			switch of("how", "listed", "listed", "listed", "gone", "missing") {
			case "listed":
				in.People = append(in.People, p)
			case "gone":
				in.Absent = append(in.Absent, provisioning.Absence{Person: p, Proven: true, How: "gone", LastSeen: time.Unix(int64(i), 0)})
			default:
				in.Absent = append(in.Absent, provisioning.Absence{Person: p, How: "broken", LastSeen: time.Unix(int64(i), 0)})
			}
		}
	}
	return in
}

// book finds the records again from which a merged person was made.
type book map[provisioning.PersonKey]*written

type written struct {
	person  *provisioning.Person
	absence *provisioning.Absence
	in      provisioning.PersonKey // of the merged person
}

func bookOf(in correlate.Sources, m correlate.Merged) book {
	b := make(book)
	for i := range in.People {
		b[in.People[i].Key] = &written{person: &in.People[i]}
	}
	for i := range in.Absent {
		b[in.Absent[i].Person.Key] = &written{person: &in.Absent[i].Person, absence: &in.Absent[i]}
	}
	each(m, func(p *provisioning.Person, _ *provisioning.Absence) {
		for _, k := range p.Keys() {
			if w := b[k]; w != nil {
				w.in = p.Key
			}
		}
	})
	return b
}

func each(m correlate.Merged, do func(*provisioning.Person, *provisioning.Absence)) {
	for i := range m.People {
		do(&m.People[i], nil)
	}
	for i := range m.Absent {
		do(&m.Absent[i].Person, &m.Absent[i])
	}
}

// listed reports whether the directory lists the record, or may list it still.
func (w *written) listed() bool { return w.absence == nil || !w.absence.Proven }

// TestNobodyIsLost: every record lands in exactly one person, no person holds two of one directory, whoever a directory lists is
// no absence, and every clash names people that there are, each once.
func TestNobodyIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := records(t)
		m := correlate.Merge(in)
		b := bookOf(in, m)
		seen := make(map[provisioning.PersonKey]int)
		there := make(map[provisioning.PersonKey]bool)
		each(m, func(p *provisioning.Person, absence *provisioning.Absence) {
			there[p.Key] = true
			held := make(map[string]bool)
			for _, k := range p.Keys() {
				seen[k]++
				w := b[k]
				if w == nil {
					t.Fatalf("%s was never read", k)
				}
				if w.listed() && len(p.Keys()) > 1 && held[k.Directory] {
					t.Fatalf("%s holds two of %s", p.Key, k.Directory)
				}
				held[k.Directory] = held[k.Directory] || w.listed()
				if absence != nil && w.absence == nil {
					t.Fatalf("%s is listed, and counts as absent", k)
				}
			}
			for _, r := range p.Records {
				if b[r.Key].absence != nil {
					t.Fatalf("%s is absent, and stands as a record", r.Key)
				}
			}
			if n := len(p.Records); n > 0 && (len(p.Ties) != n-1 || slices.Contains(p.Ties, "") || p.Records[0].Key != p.Key) {
				t.Fatalf("%s: %d records tied by %q", p.Key, n, p.Ties)
			}
		})
		for k := range b {
			if seen[k] != 1 {
				t.Fatalf("%s is in %d people", k, seen[k])
			}
		}
		for _, c := range m.Clashes {
			met := make(map[provisioning.PersonKey]bool)
			for _, k := range c.Persons {
				if !there[k] || met[k] {
					t.Fatalf("%q names %v", c.Detail, c.Persons)
				}
				met[k] = true
			}
			if len(met) == 0 || c.Detail == "" {
				t.Fatalf("%+v tells nothing", c)
			}
		}
	})
}

// TestMergeOrder: the order of the records changes nothing, and merging changes no record.
func TestMergeOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := records(t)
		shuffled, before := in, in
		clone := func(p provisioning.Person) provisioning.Person {
			p.Aliases = slices.Clone(p.Aliases)
			return p
		}
		before.People, before.Absent = nil, nil
		for _, p := range in.People {
			before.People = append(before.People, clone(p))
		}
		for _, a := range in.Absent {
			a.Person = clone(a.Person)
			before.Absent = append(before.Absent, a)
		}
		shuffled.People = rapid.Permutation(in.People).Draw(t, "people")
		shuffled.Absent = rapid.Permutation(in.Absent).Draw(t, "absent")
		a, b := canonical(correlate.Merge(in)), canonical(correlate.Merge(shuffled))
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("%q %q\nand shuffled\n%q %q", who(a), told(a), who(b), told(b))
		}
		if !reflect.DeepEqual(in, before) {
			t.Fatal("a record was changed")
		}
	})
}

// canonical puts people in the order of their keys: one directory alone is handed through in its own order.
func canonical(m correlate.Merged) correlate.Merged {
	m.People, m.Absent = slices.Clone(m.People), slices.Clone(m.Absent)
	slices.SortFunc(m.People, func(a, b provisioning.Person) int { return strings.Compare(a.Key.String(), b.Key.String()) })
	slices.SortFunc(m.Absent, func(a, b provisioning.Absence) int {
		return strings.Compare(a.Person.Key.String(), b.Person.Key.String())
	})
	return m
}

// TestMergeTwice: people who share no key stay as they are, and merging what is merged changes nothing.
func TestMergeTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := correlate.Sources{Order: []string{"okta", "entra", "google", "onelogin"}}
		people := rapid.IntRange(1, 6).Draw(t, "people")
		for i := range people {
			in.People = append(in.People, provisioning.Person{
				Key: provisioning.PersonKey{Directory: rapid.SampledFrom(in.Order).Draw(t, "home"), ID: fmt.Sprint("id", i)}, Email: fmt.Sprintf("p%d@x", i),
				EmployeeNumber: fmt.Sprint(i), SSOName: fmt.Sprint("u", i), Status: provisioning.StatusActive,
			})
		}
		once := correlate.Merge(in)
		if len(once.People) != people || len(once.Clashes) > 0 || !reflect.DeepEqual(canonical(once).People, canonical(correlate.Merged{People: in.People}).People) {
			t.Fatalf("%q %q", who(once), told(once))
		}
		for i := range people { // now the others know them as well
			for _, directory := range in.Order {
				p := in.People[i]
				if p.Key.Directory == directory || !rapid.Bool().Draw(t, "known") {
					continue
				}
				p.Key = provisioning.PersonKey{Directory: directory, ID: fmt.Sprint("also", i, directory)}
				in.People = append(in.People, p)
			}
		}
		once = correlate.Merge(in)
		twice := correlate.Merge(correlate.Sources{People: once.People, Order: in.Order})
		if len(once.People) != people || len(once.Clashes)+len(twice.Clashes) > 0 || !reflect.DeepEqual(canonical(once).People, canonical(twice).People) {
			t.Fatalf("%q\nand again\n%q %q", who(once), who(twice), told(twice))
		}
	})
}

// TestNobodyIsEndedByHalf: nobody is ended unless every record that lists them, or may, says so; live beside ended is a status
// clash; an absence is proven only where each is.
func TestNobodyIsEndedByHalf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := records(t)
		m := correlate.Merge(in)
		b := bookOf(in, m)
		clashes := make(map[provisioning.PersonKey]bool)
		for _, c := range m.Clashes {
			if c.Status {
				clashes[c.Persons[0]] = true
			}
		}
		each(m, func(p *provisioning.Person, absence *provisioning.Absence) {
			live, ended, all := false, false, true
			for _, k := range p.Keys() {
				w := b[k]
				if absence != nil && absence.Proven && w.listed() {
					t.Fatalf("the absence of %s counts as proven, that of %s is not", p.Key, k)
				}
				if w.listed() && !w.person.Status.Ended() && p.Status.Ended() {
					t.Fatalf("%s is ended, and %s says %q", p.Key, k, w.person.Status)
				}
				if w.absence == nil {
					live, ended, all = live || w.person.Status.Live(), ended || w.person.Status.Ended(), all && w.person.Status.Ended()
				}
			}
			if absence != nil {
				return
			}
			if live && (!p.Status.Live() || ended != clashes[p.Key]) {
				t.Fatalf("%s is %q; ended as well: %t, told: %t", p.Key, p.Status, ended, clashes[p.Key])
			}
			if all && !clashes[p.Key] && p.Status.Live() {
				t.Fatalf("%s is live, and nobody says so", p.Key)
			}
		})
	})
}

// TestNothingIsChosenSilently: where listed records of one person differ, a clash of that person names the attribute, both values
// and both sources. Two employee numbers are never silently one.
func TestNothingIsChosenSilently(t *testing.T) {
	attributes := map[string]func(*provisioning.Person) string{
		"full name": func(p *provisioning.Person) string { return p.FullName },
		"email":     func(p *provisioning.Person) string { return strings.ToLower(p.Email) },
		"office":    func(p *provisioning.Person) string { return p.Office },
		"phone":     func(p *provisioning.Person) string { return p.Phone },
		"practice":  func(p *provisioning.Person) string { return p.Department },
		"number":    func(p *provisioning.Person) string { return p.EmployeeNumber },
	}
	rapid.Check(t, func(t *rapid.T) {
		in := records(t)
		m := correlate.Merge(in)
		lines := make(map[string][]string)
		for _, line := range told(m) {
			for name := range attributes {
				if who, rest, ok := strings.Cut(line, ": "+name+" differs: "); ok {
					lines[who+" "+name] = append(lines[who+" "+name], strings.ToLower(rest))
				}
			}
		}
		for i := range m.People {
			p := &m.People[i]
			for name, of := range attributes {
				first, values := strings.ToLower(of(p)), make(map[string]bool)
				for _, r := range p.Records {
					v := strings.ToLower(of(r))
					values[v] = v != ""
					if v == "" || v == first {
						continue
					}
					if !slices.ContainsFunc(lines[p.Key.String()+" "+name], func(line string) bool {
						return strings.HasPrefix(line, first+" in ") && strings.HasSuffix(line, ", "+v+" in "+r.Key.Directory)
					}) {
						t.Fatalf("%s of %s is %q, and %q in %s: %q", name, p.Key, first, v, r.Key.Directory, told(m))
					}
				}
				if p.Records != nil && first == "" && len(values) > 1 {
					t.Fatalf("%s of %s is lost", name, p.Key)
				}
				delete(values, "")
				if len(values) < 2 && len(lines[p.Key.String()+" "+name]) > 0 {
					t.Fatalf("%s of %s does not differ: %q", name, p.Key, told(m))
				}
			}
		}
	})
}

// meet reports whether two records carry a key by which the doc comment of Merge lets them be one.
func meet(a, b *provisioning.Person) bool {
	addresses := func(p *provisioning.Person) []string {
		return slices.DeleteFunc([]string{strings.ToLower(p.Email), strings.ToLower(p.Login)}, func(s string) bool {
			return !strings.Contains(s, "@") || strings.HasPrefix(s, "\u0430")
		})
	}
	number := a.EmployeeNumber != "" && a.EmployeeNumber == b.EmployeeNumber && a.SSOName != "" && strings.EqualFold(a.SSOName, b.SSOName)
	id := (a.ExternalID != "" && a.ExternalID == b.ExternalID) || a.ExternalID == b.Key.ID || b.ExternalID == a.Key.ID
	mail := slices.ContainsFunc(addresses(a), func(s string) bool { return slices.Contains(addresses(b), s) })
	differ := a.EmployeeNumber != "" && b.EmployeeNumber != "" && a.EmployeeNumber != b.EmployeeNumber
	other := a.ExternalID != "" && b.ExternalID != "" && a.ExternalID != b.ExternalID
	return id || (!other && (number || (mail && !differ)))
}

// TestOnlyKeysTie: the records of one person hang together by keys of their own, and two who meet by a key are one, unless a clash
// names them or a third carries a key of theirs.
func TestOnlyKeysTie(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := records(t)
		m := correlate.Merge(in)
		b := bookOf(in, m)
		each(m, func(p *provisioning.Person, _ *provisioning.Absence) {
			keys := p.Keys()
			reached := []provisioning.PersonKey{keys[0]}
			for i := 0; i < len(reached); i++ {
				for _, k := range keys {
					if !slices.Contains(reached, k) && meet(b[reached[i]].person, b[k].person) {
						reached = append(reached, k)
					}
				}
			}
			if len(reached) != len(keys) {
				t.Fatalf("no key ties %v, only %v", keys, reached)
			}
			for _, k := range keys { // two immutable ids are one person's only where an id says so
				for _, other := range keys {
					x, y := b[k].person, b[other].person
					if x.ExternalID == "" || y.ExternalID == "" || x.ExternalID == y.ExternalID {
						continue
					}
					if !slices.ContainsFunc(keys, func(o provisioning.PersonKey) bool { return o.ID == x.ExternalID || o.ID == y.ExternalID }) {
						t.Fatalf("%s and %s carry %s and %s, and are one", k, other, x.ExternalID, y.ExternalID)
					}
				}
			}
		})
		named := make(map[provisioning.PersonKey]bool)
		for _, c := range m.Clashes {
			for _, k := range c.Persons {
				named[k] = true
			}
		}
		for k, w := range b {
			var met []*written
			for other, o := range b {
				if other != k && meet(w.person, o.person) {
					met = append(met, o)
				}
			}
			if len(met) != 1 || met[0].in == w.in || met[0].person.Key.Directory == k.Directory || met[0].person.Key.ID == k.ID || named[k] || named[met[0].person.Key] {
				continue
			}
			others := 0
			for other, o := range b {
				if other != met[0].person.Key && meet(met[0].person, o.person) {
					others++
				}
			}
			if others == 1 && !sharesAddress(b, w, met[0]) {
				t.Fatalf("%s and %s meet by a key that nobody else carries, and are two", k, met[0].person.Key)
			}
		}
	})
}

// sharesAddress reports whether a third record carries an address or an id of one of the two, which makes the key no unique one.
func sharesAddress(b book, x, y *written) bool {
	for _, o := range b {
		if o == x || o == y {
			continue
		}
		for _, w := range []*written{x, y} {
			free := *o.person // as if it carried no number that speaks against it
			free.EmployeeNumber = ""
			if meet(w.person, &free) || w.person.ExternalID == o.person.Key.ID || w.person.Key.ID == o.person.Key.ID {
				return true
			}
		}
	}
	return false
}
