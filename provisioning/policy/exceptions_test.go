package policy_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones of the tests, wherever they run

	"rollcall/provisioning"
	"rollcall/provisioning/policy"
)

// TestExceptions: an exception counts from the beginning of its first day to the end of its last, for whom it names exactly, and wins
// over rules and mappings; what it gave and nothing else gives is told when it has ended.
func TestExceptions(t *testing.T) {
	const rules = `
[[birthright]]
libraries = { LON = "STANDARD" }
groups = ["LON/RECORDS"]
[[mapping]]
group = "Project Kite"
libraries = { LDS = "READER" }
[[exception]]
who = "%s"
libraries = { LDS = "DEFAULT", LON = "SENIOR" }
groups = ["LON/RECORDS", "*/TEAM", "OSL/HOST"]
from = 2026-11-01
until = 2026-12-31
reason = "secondment"
`
	text := func(who string) string { return strings.Replace(rules, "%s", who, 1) }
	p := parse(t, text("TBARNES"))
	const before, within = "LDS=READER LON=STANDARD LON/RECORDS", "LDS=DEFAULT LDS/TEAM LON=SENIOR LON/RECORDS LON/TEAM OSL/HOST"
	for at, want := range map[string]string{
		"2026-10-31 23:59:59": before, "2026-11-01 00:00:00": within, "2026-12-31 23:59:59": within, "2027-01-01 00:00:00": before,
	} {
		person := associate()
		b := p.Birthright(&person, day(t, at))
		if given(b) != want {
			t.Errorf("%s: %s, want %s", at, given(b), want)
		}
		var lapsed []string
		for _, l := range b.Lapsed {
			lapsed = append(lapsed, l.String())
		}
		wantLapsed := ""
		if strings.HasPrefix(at, "2027") {
			wantLapsed = "role DEFAULT in LDS, group LDS/TEAM, role SENIOR in LON, group LON/TEAM, group OSL/HOST"
		}
		if got := strings.Join(lapsed, ", "); got != wantLapsed {
			t.Errorf("%s: lapsed %s", at, got)
		}
		if at == "2026-11-01 00:00:00" {
			g, _ := b.Gives(provisioning.RoleIn("LON", "SENIOR"))
			if len(g.Reasons) != 1 || g.Reasons[0].String() != "by name until 31 Dec 2026: secondment (exception 1)" {
				t.Errorf("%+v", g.Reasons)
			}
			g, _ = b.Gives(provisioning.InGroup(provisioning.GroupRef{Library: "LON", Group: "RECORDS"}))
			if len(g.Reasons) != 2 || g.Reasons[0].Source != policy.SourceRule {
				t.Errorf("what lasts stands first: %+v", g.Reasons)
			}
			if len(b.Overruled) != 2 || b.Overruled[0].By.Source != policy.SourceException {
				t.Errorf("overruled %+v", b.Overruled)
			}
		}
	}
	for who, want := range map[string]bool{
		"tbarnes": true, "TBARNES": true, "t.barnes@X.example": true, "0042": true, "okta/00u1": true, "entra/9": true, "google/f": true,
		"42": false, "okta/00U1": false, "00u1": false, "barnes": false, "tbarnes*": false, "Tom Barnes": false,
	} {
		person := associate()
		person.FullName = "Tom Barnes"
		person.Records = []*provisioning.Person{{Key: person.Key, Groups: person.Groups}, {Key: provisioning.PersonKey{Directory: "entra", ID: "9"}}}
		person.Former = []provisioning.PersonKey{{Directory: "google", ID: "f"}}
		if b := parse(t, text(who)).Birthright(&person, day(t, "2026-12-01 09:00:00")); (given(b) == within) != want {
			t.Errorf("%s: %s", who, given(b))
		}
	}
	nobody := provisioning.Person{}
	if b := p.Birthright(&nobody, day(t, "2026-12-01 09:00:00")); given(b) != "LON=STANDARD LON/RECORDS" {
		t.Errorf("of nobody: %s", given(b))
	}
}

// TestExceptionsAcrossClockChanges: the last day ends with its last moment, on the days too that have 23 or 25 hours.
func TestExceptionsAcrossClockChanges(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	local := time.Local
	time.Local = london
	defer func() { time.Local = local }()
	for _, until := range []string{"2026-03-29", "2026-10-25"} {
		p := parse(t, "[[exception]]\nwho = 'tbarnes'\nlibraries = { L = '' }\nuntil = "+until+"\nreason = 'r'")
		person := associate()
		end := day(t, until+" 00:00:00").AddDate(0, 0, 1)
		for d, want := range map[time.Duration]bool{-time.Nanosecond: true, 0: false} {
			if b := p.Birthright(&person, end.Add(d).UTC()); b.Fits != want {
				t.Errorf("%s, %s from its end: %v", until, d, b.Fits)
			}
		}
	}
}
