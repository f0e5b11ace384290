package tui_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui"
)

// caseDesk is what the fake keeps of the wizards: the cases it was asked for, and what it was told to stage.
type caseDesk struct {
	asked  []desk.CaseOptions
	keys   []string
	staged []*desk.Case
	change func(*desk.Case) // what a test wants otherwise
	err    error
	got    desk.CaseStaged
}

func (f *fake) Case(_ context.Context, kind desk.CaseKind, key string, o desk.CaseOptions) (*desk.Case, error) {
	f.cases.asked, f.cases.keys = append(f.cases.asked, o), append(f.cases.keys, string(kind)+" "+key)
	if f.cases.err != nil {
		return nil, f.cases.err
	}
	c := map[desk.CaseKind]func(desk.CaseOptions) *desk.Case{desk.CaseJoiner: joinerCase, desk.CaseMover: moverCase, desk.CaseLeaver: leaverCase}[kind](o)
	c.Key, c.Kind, c.Options = key, kind, o
	if f.cases.change != nil {
		f.cases.change(c)
	}
	return c, nil
}

func (f *fake) StageCase(_ context.Context, c *desk.Case) (desk.CaseStaged, error) {
	f.cases.staged = append(f.cases.staged, c)
	return f.cases.got, nil
}

func (f *fake) Choices(_ context.Context, kind desk.ChoiceKind, text string, limit int) ([]desk.Choice, error) {
	all := map[desk.ChoiceKind][]desk.Choice{
		desk.ChoosePerson: {
			{ID: "p/okta/U000005", Title: "Wei Chen 陳偉", Note: "Hong Kong · Disputes"},
			{ID: "p/okta/U000001", Title: "Folake Adeyemi", Note: "London · Litigation  U000001"},
		},
		desk.ChooseLibrary:  {{ID: "HKG-DIS", Title: "HKG-DIS"}, {ID: "LON-TAX", Title: "LON-TAX"}},
		desk.ChooseGroup:    {{ID: "LON-TAX/ALL-LON-TAX", Title: "LON-TAX/ALL-LON-TAX", Note: "everybody in London Tax"}},
		desk.ChooseAccount:  {{ID: "FADEYEMI", Title: "Folake Adeyemi", Note: "FADEYEMI  London · Litigation"}},
		desk.ChooseOperator: {{ID: "l.ortiz", Title: "l.ortiz"}, {ID: "m.chen", Title: "m.chen"}},
	}[kind]
	all = slices.DeleteFunc(all, func(c desk.Choice) bool { return !strings.Contains(strings.ToLower(c.Title), strings.ToLower(text)) })
	return all[:min(len(all), limit)], nil
}

func lib(s string) provisioning.Entitlement     { return provisioning.InLibrary(s) }
func role(l, r string) provisioning.Entitlement { return provisioning.RoleIn(l, r) }
func group(s string) provisioning.Entitlement {
	g, _ := provisioning.ParseGroup(s)
	return provisioning.InGroup(g)
}

// choose does what the desk does with what was put in and left out.
func choose(rights []desk.Right, o desk.CaseOptions) []desk.Right {
	for i := range rights {
		if slices.Contains(o.Drop, rights[i].Entitlement) {
			rights[i].State = desk.RightDropped
		}
	}
	for _, e := range o.Add {
		rights = append(rights, desk.Right{Entitlement: e, State: desk.RightComes, Why: "added by l.ortiz"})
	}
	return rights
}

func joinerCase(o desk.CaseOptions) *desk.Case {
	why := "department is Disputes, office is Hong Kong (rule 9, Disputes in Hong Kong)"
	c := &desk.Case{
		Name: "Wei Chen 陳偉", Template: "Disputes in Hong Kong (rule 9); everybody (rule 1)",
		Checks: []desk.Check{
			{What: "wall", State: provisioning.FindingWarning, Detail: "group HKG-COR/DEAL-KITE is withheld: the wall Kite against Heron keeps it apart from HKG-COR/DEAL-HERON"},
			{What: "sso name", State: provisioning.FindingGood, Detail: "will sign in as WCHEN: it is what single sign-on sends"},
			{What: "template", State: provisioning.FindingGood, Detail: "preferred library HKG-DIS: rule 9, Disputes in Hong Kong"},
		},
		Rights: choose([]desk.Right{
			{Entitlement: lib("HKG-COR"), State: desk.RightComes, Why: "mapped group Deal desk (okta), also exception: secondment until 31 Dec 2026"},
			{Entitlement: group("HKG-COR/DEAL-HERON"), State: desk.RightComes, Why: "mapped group Deal desk (okta)"},
			{Entitlement: group("HKG-COR/DEAL-KITE"), State: desk.RightWithheld, Why: "the wall Kite against Heron keeps it apart from group HKG-COR/DEAL-HERON; mapped group Deal desk (okta)"},
			{Entitlement: lib("HKG-DIS"), State: desk.RightComes, Why: why},
			{Entitlement: role("HKG-DIS", "STANDARD"), State: desk.RightComes, Why: why},
			{Entitlement: group("HKG-DIS/ALL-HKG-DIS"), State: desk.RightComes, Why: why},
			{Entitlement: group("/FIRM-ALL"), State: desk.RightComes, Why: "everybody (rule 1)"},
		}, o),
		Now: []desk.Line{
			{Seq: 1, What: "create account WCHEN", Effect: "new: Wei Chen 陳偉, wei.chen@harcourtvane.example"},
			{Seq: 2, What: "add to library HKG-COR", Effect: "none → role DEFAULT"},
			{Seq: 3, What: "add to library HKG-DIS", Effect: "none → role STANDARD"},
			{Seq: 4, What: "join group DEAL-HERON in HKG-COR", Effect: "no → member"},
			{Seq: 5, What: "join group ALL-HKG-DIS in HKG-DIS", Effect: "no → member"},
			{Seq: 6, What: "join group FIRM-ALL", Effect: "no → member"},
		},
	}
	if o.Like != "" {
		c.Template = "like Folake Adeyemi"
	}
	return c
}

func moverCase(o desk.CaseOptions) *desk.Case {
	c := &desk.Case{
		Name: "Ngozi Okafor", Account: &provisioning.Account{ID: "NOKAFOR", Enabled: true},
		OldSeat: "London · LON-LIT as STANDARD (preferred) · LON-COR", NewSeat: "London · Corporate · Senior Associate",
		Template: "Corporate in London (rule 4)",
		Rights: choose([]desk.Right{
			{Entitlement: lib("LON-COR"), State: desk.RightStays, Why: "department is Corporate (rule 4, Corporate in London)"},
			{Entitlement: role("LON-COR", "SENIOR"), State: desk.RightComes, Why: "title is Senior Associate (rule 6)"},
			{Entitlement: group("LON-COR/COR-ALL"), State: desk.RightComes, Why: "department is Corporate (rule 4, Corporate in London)"},
			{Entitlement: group("LON-COR/DEAL-OSPREY"), State: desk.RightUngoverned, Why: "given by hand: the policy leaves it alone"},
			{Entitlement: lib("LON-LIT"), State: desk.RightGoes, Why: "no rule gives it: not given to the new seat"},
			{Entitlement: group("LON-LIT/ALL-LON-LIT"), State: desk.RightGoes, Why: "no rule gives it: not given to the new seat"},
		}, o),
		Linked: []desk.Linked{
			{Key: "p/okta/U000001", Name: "Folake Adeyemi", Why: "the assistant: London · Litigation · Legal Secretary, manager Ngozi Okafor"},
			{Key: "p/okta/U000004", Name: "Tomas Barnes-Whitfield", Why: "in the team: Leeds · Property · Trainee, manager Ngozi Okafor"},
		},
		Now: []desk.Line{
			{Seq: 1, What: "set role in LON-COR", Effect: "DEFAULT → SENIOR"},
			{Seq: 2, What: "join group COR-ALL in LON-COR", Effect: "no → member"},
			{Seq: 3, What: "leave group ALL-LON-LIT in LON-LIT", Effect: "member → no"},
			{Seq: 4, What: "remove from library LON-LIT", Effect: "in → out", Note: "by hand: not confirmed on this tenant", Hand: []string{"open Control Center"}},
		},
	}
	if !o.Grace.IsZero() {
		c.Now, c.Later = c.Now[:2], c.Now[2:]
		c.Checks = append(c.Checks, desk.Check{What: "grace", State: provisioning.FindingGood, Detail: "2 rights stay until Tue 8 Dec 2026 17:00 UTC"})
	}
	return c
}

func leaverCase(o desk.CaseOptions) *desk.Case {
	c := &desk.Case{
		Name: "Tom Barnes", Account: &provisioning.Account{ID: "TBARNES", Enabled: true},
		Checks: []desk.Check{
			{What: "administrator", State: provisioning.FindingWarning, Detail: "administers LON-COR: NRTADMIN goes right after the disabling, 2 others remain"},
			{What: "documents", State: provisioning.FindingWarning, Detail: "3 documents checked out: they stay checked out: k ends that, and loses what was not saved"},
			{What: "workspaces", State: provisioning.FindingWarning, Detail: "owns 12 workspaces (2 of them nobody else has full access to): choose who gets them, or they stay with a closed account"},
			{What: "directory", State: provisioning.FindingGood, Detail: "explicit status in okta, read complete at 14:02 (2,014 people)"},
		},
		Idp: []string{"deprovisioned in okta since 20 Nov 2026"},
		Rights: []desk.Right{
			{Entitlement: lib("LON-COR"), State: desk.RightGoes},
			{Entitlement: group("LON-COR/NRTADMIN"), State: desk.RightGoes},
			{Entitlement: group("LON-COR/COR-PARTNERS"), State: desk.RightGoes},
			{Entitlement: lib("LON-LIT"), State: desk.RightGoes},
		},
		Now: []desk.Line{
			{Seq: 1, What: "disable account TBARNES", Effect: "enabled → disabled", Note: "do first"},
			{Seq: 2, What: "leave group NRTADMIN in LON-COR", Effect: "member → no", Note: "2 others remain"},
			{Seq: 3, What: "leave group COR-PARTNERS in LON-COR", Effect: "member → no"},
			{Seq: 4, What: "remove from library LON-COR", Effect: "in → out", Note: "by hand: not confirmed on this tenant: rollcall doctor imanage --sandbox-user tries it", Hand: []string{"open Control Center"}},
			{Seq: 5, What: "remove from library LON-LIT", Effect: "in → out", Note: "by hand: not confirmed on this tenant: rollcall doctor imanage --sandbox-user tries it", Hand: []string{"open Control Center"}},
		},
		Covers: []string{"sign-in: allow_logon read false on the global record and in 2 libraries", "leave group NRTADMIN in LON-COR: asked, accepted, seen off", "not a session that is still open: iManage may take up to eight hours"},
	}
	since := time.Date(2026, 11, 19, 16, 40, 0, 0, time.UTC)
	for i := range 3 {
		c.Ends.CheckedOut = append(c.Ends.CheckedOut, provisioning.Document{ID: fmt.Sprintf("LON-COR!%d.1", 4711+i), Library: "LON-COR", Name: fmt.Sprintf("Share purchase agreement draft %d.docx", i+1), Since: since})
	}
	for i := range 12 {
		c.Ends.Owned = append(c.Ends.Owned, provisioning.Workspace{ID: fmt.Sprintf("LON-COR!%d", 900+i), Library: "LON-COR", Name: fmt.Sprintf("Project Kite %d", i+1), Owner: "TBARNES"})
	}
	c.Ends.Sole = c.Ends.Owned[3:5]
	if len(o.Readers) > 0 {
		c.Checks = c.Checks[:1]
	}
	return c
}

// wizardOn opens the wizard of a kind for a row of the roster, and reads its case.
func wizardOn(t interface{ Fatal(...any) }, f *fake, kind desk.CaseKind, theme string, ascii bool, width, height int) *tui.Model {
	if f.roll == nil {
		f.roll = rollOf(drawn(), true)
	}
	m := console(t, f, theme, ascii, width, height)
	m.View()
	row := map[desk.CaseKind]int{desk.CaseLeaver: 2, desk.CaseJoiner: 4, desk.CaseMover: 9}[kind]
	for range row {
		press(m, "down")
	}
	say(m, map[desk.CaseKind]string{desk.CaseJoiner: "n", desk.CaseMover: "m", desk.CaseLeaver: "x"}[kind])
	return m
}

// screen is the screen as one reads it.
func screen(m *tui.Model) string { return ansi.Strip(m.View().Content) }

// say presses keys and does what comes of each.
func say(m *tui.Model, keys ...string) {
	for _, k := range keys {
		settle(m, press(m, k))
		m.View()
	}
}

// write types a text.
func write(m *tui.Model, text string) {
	for _, r := range text {
		k := string(r)
		if k == " " {
			k = "space"
		}
		say(m, k)
	}
}
