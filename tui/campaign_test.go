package tui_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"
	"github.com/charmbracelet/x/vt"
	"pgregory.net/rapid"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names/namestest"
	"rollcall/themes"
	"rollcall/tui"
	"rollcall/tui/campaign"
	"rollcall/tui/ui"
)

// reviewStore is what a real desk needs of a store to hold a review: the campaign, its items, and what was decided.
type reviewStore struct {
	provisioning.Store
	c     provisioning.Campaign
	items []provisioning.ReviewItem

	mu        sync.Mutex
	decisions []provisioning.ReviewDecision
	wrote     []int // the items in the order in which they were decided
	down      error
	readOnly  string
}

func (s *reviewStore) ReadOnly() string { return s.readOnly }

func (s *reviewStore) Campaign(context.Context, int64) (*provisioning.Campaign, error) {
	c := s.c
	return &c, nil
}

func (s *reviewStore) ReviewItems(context.Context, int64) ([]provisioning.ReviewItem, error) {
	return s.items, nil
}

func (s *reviewStore) ReviewDecisions(_ context.Context, _ int64, visit func(provisioning.ReviewDecision) error) error {
	for _, d := range s.decisions {
		if err := visit(d); err != nil {
			return err
		}
	}
	return nil
}

func (s *reviewStore) DecideReview(_ context.Context, _ int64, decisions []provisioning.ReviewDecision, _ provisioning.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return s.down
	}
	s.decisions = append(s.decisions, decisions...)
	for _, d := range decisions {
		s.wrote = append(s.wrote, d.Item)
	}
	return nil
}

func (s *reviewStore) SaveCampaign(_ context.Context, c *provisioning.Campaign, _ [][]byte, _ provisioning.Event) error {
	s.c = *c
	return nil
}

// stillClock does not move by itself.
type stillClock struct{ at time.Time }

func (c *stillClock) Now() time.Time                             { return c.at }
func (c *stillClock) Sleep(context.Context, time.Duration) error { return nil }

// reviewDesk is a console's desk whose reviews are a real desk's; what needs a roll and systems is told by the test.
type reviewDesk struct {
	*fake
	store *reviewStore
	real  *desk.Desk
	clock *stillClock

	list     []*provisioning.Campaign
	asked    []desk.NewCampaign
	plan     *desk.CampaignPlan
	planErr  error
	started  int
	packets  []provisioning.ReviewPacket
	made     []string
	packet   *desk.PacketFile
	imported *desk.Imported
	answers  []string
	closing  *desk.Closing
	closed   int
	staged   int
	finish   *desk.ReviewFinish
	finished int
	files    map[string]string // what was saved, by name
}

func (d *reviewDesk) ReadOnly() string { return d.real.ReadOnly() }
func (d *reviewDesk) Campaigns(context.Context) ([]*provisioning.Campaign, error) {
	return d.list, nil
}

func (d *reviewDesk) PlanCampaign(_ context.Context, n desk.NewCampaign) (*desk.CampaignPlan, error) {
	d.asked = append(d.asked, n)
	return d.plan, d.planErr
}

func (d *reviewDesk) StartCampaign(ctx context.Context, _ *desk.CampaignPlan) (*desk.Review, error) {
	d.started++
	return d.real.OpenReview(ctx, 7)
}

func (d *reviewDesk) OpenReview(ctx context.Context, id int64) (*desk.Review, error) {
	return d.real.OpenReview(ctx, id)
}

func (d *reviewDesk) DecideReview(ctx context.Context, r *desk.Review, places []int, v desk.Verdict) error {
	return d.real.DecideReview(ctx, r, places, v)
}

func (d *reviewDesk) CancelReview(ctx context.Context, r *desk.Review, reason string) error {
	return d.real.CancelReview(ctx, r, reason)
}

func (d *reviewDesk) Packets(context.Context, int64) ([]provisioning.ReviewPacket, error) {
	return d.packets, nil
}

func (d *reviewDesk) MakePacket(_ context.Context, _ *desk.Review, reviewer, format string) (*desk.PacketFile, error) {
	d.made = append(d.made, reviewer+" "+format)
	return d.packet, nil
}

func (d *reviewDesk) ImportAnswer(_ context.Context, data []byte) (*desk.Imported, error) {
	d.answers = append(d.answers, string(data))
	return d.imported, nil
}

func (d *reviewDesk) NextStage(context.Context, *desk.Review) ([]string, error) {
	d.staged++
	return nil, nil
}

func (d *reviewDesk) PlanClose(context.Context, *desk.Review) (*desk.Closing, error) {
	return d.closing, nil
}

func (d *reviewDesk) CloseReview(context.Context, *desk.Review) (*desk.Closing, error) {
	d.closed++
	k := *d.closing
	k.Batch = 119
	return &k, nil
}

func (d *reviewDesk) FinishReview(context.Context, *desk.Review) (*desk.ReviewFinish, error) {
	if d.finish == nil {
		return nil, &provisioning.Error{Code: provisioning.Held, Message: "batch 119, its revokes, is draft", Hint: "commit it, and have it come to its end"}
	}
	d.finished++
	return d.finish, nil
}

var reviewers = []provisioning.Reviewer{
	{Key: "l.ortiz", Name: "Lucía Ortiz", Email: "lucia.ortiz@harcourtvane.example", Account: "LORTIZ", Operator: true},
	{Key: "m.chen", Name: "Mei Chen", Email: "mei.chen@harcourtvane.example", Account: "MCHEN", Operator: true},
	{Key: "isla.drummond@harcourtvane.example", Name: "Isla Drummond", Email: "isla.drummond@harcourtvane.example"},
}

// oneReview is a campaign as it was opened, in its first of two stages.
func oneReview() provisioning.Campaign {
	return provisioning.Campaign{
		ID: 7, State: provisioning.CampaignOpen, Name: "Q4 London partners", Reviewers: reviewers, Undecided: provisioning.UndecidedRevoke,
		Stages: []provisioning.ReviewStage{
			{Name: "managers", Assign: "manager", Reviewers: []string{"l.ortiz"}, Sees: "all", Due: days(14)},
			{Name: "data owners", Assign: "named", Reviewers: []string{"m.chen"}, Sees: "revoke", Due: days(28)},
		},
		Scope: provisioning.CampaignScope{Offices: []string{"London"}}, CreatedBy: "m.chen", CreatedAt: days(-3), SnapshotAt: days(-3), Items: 14,
	}
}

// reviewItems are the lines as they were drawn: every standing, every sort of use, and what wants a second look.
func reviewItems() []provisioning.ReviewItem {
	base := func(account, name, practice, title string) provisioning.ReviewItem {
		return provisioning.ReviewItem{
			Account: account, Person: provisioning.PersonKey{Directory: "okta", ID: account}, Name: name, Email: strings.ToLower(account) + "@harcourtvane.example",
			Office: "London", Practice: practice, Title: title, Enabled: true, Reviewer: "l.ortiz", Since: now.AddDate(-2, -8, 0), Peers: 15, PeersHave: 14,
			Usage: provisioning.Used, LastUsed: now.AddDate(0, 0, -12), UsedHow: "edit of a document", Standing: provisioning.StandsBirthright, Reason: "Litigation in London",
		}
	}
	library := func(it provisioning.ReviewItem, lib, role string) provisioning.ReviewItem {
		it.Kind, it.Library, it.Role = provisioning.ReviewLibrary, lib, role
		return it
	}
	group := func(it provisioning.ReviewItem, lib, g string) provisioning.ReviewItem {
		it.Kind, it.Library, it.Object, it.Role = provisioning.ReviewGroup, lib, g, ""
		return it
	}
	ade, barnes := base("FADEYEMI", "Folake Adeyemi", "Litigation", "Partner"), base("TBARNES", "Tom Barnes", "Corporate", "Associate")
	barnes.Alarms, barnes.Usage, barnes.LastUsed, barnes.UsedHow = []string{"leaver"}, provisioning.NotUsed, now.AddDate(0, 0, -268), "okta sign-in, history whole since 1 Jan"
	wei := base("WCHEN", "Wei Chen 陳偉", "Disputes", "Associate")
	wei.Usage, wei.LastUsed, wei.UsedHow = provisioning.UsageUnknown, time.Time{}, "the history was not read whole"
	ortiz := base("LORTIZ", "Lucía Ortiz", "IT", "Service desk")
	ortiz.Reviewer = "m.chen"
	layla := base("LHADDAD", "Layla Haddad ليلى", "Finance", "Counsel")
	layla.Reviewer = "m.chen"
	okafor := base("NOKAFOR", "Ngozi Okafor", "Litigation", "Partner")
	svc := base("SVC_SCAN2", "", "", "")
	svc.Person, svc.Email, svc.Peers, svc.Alarms, svc.Usage, svc.LastUsed, svc.UsedHow = provisioning.PersonKey{}, "", 0, []string{"nobody linked", "service account"}, provisioning.NotUsed, time.Time{}, "no sign-in since 1 Jan"

	excess := group(barnes, "LON-COR", "DEAL-KITE")
	excess.Standing, excess.Reason, excess.PeersHave, excess.Since, excess.By, excess.Walls = provisioning.StandsExcess, "", 1, now.AddDate(0, 0, -41), "m.chen, batch 96", []string{"Kite against Heron"}
	exception := library(okafor, "TAX-FIN", "READER")
	exception.Standing, exception.Reason, exception.PeersHave = provisioning.StandsException, "cover for Åsa Ångström until March, HR 4711", 2
	admin := group(okafor, "LON-LIT", "NRTADMIN")
	admin.Standing, admin.Reason, admin.PeersHave, admin.Alarms = provisioning.StandsNoRule, "", 0, []string{"administrator"}
	global := ade
	global.Kind, global.Object, global.Standing, global.Reason, global.PeersHave, global.Alarms = provisioning.ReviewGlobalRole, "TIER2", provisioning.StandsNoRule, "", 0, []string{"administrator", "external"}
	account := svc
	account.Kind, account.Standing, account.Reason = provisioning.ReviewAccount, provisioning.StandsNoRule, ""
	items := []provisioning.ReviewItem{
		library(ade, "LON-LIT", "SENIOR"), group(ade, "LON-LIT", "LIT-ALL"), global, library(barnes, "LON-COR", "DEFAULT"), excess,
		library(wei, "HKG-DIS", "STANDARD"), group(wei, "HKG-DIS", "DIS-ALL"), library(ortiz, "LON-LIT", "DEFAULT"), library(layla, "DXB-FIN", "SENIOR"),
		library(okafor, "LON-LIT", "SENIOR"), group(okafor, "LON-LIT", "LIT-ALL"), admin, exception, account,
	}
	for i := range items {
		items[i].N = i + 1
	}
	return items
}

// newReviewDesk is a desk with one review, open at l.ortiz's.
func newReviewDesk(c provisioning.Campaign, items []provisioning.ReviewItem, decisions ...provisioning.ReviewDecision) *reviewDesk {
	c.Items = len(items)
	d := &reviewDesk{fake: &fake{roll: rollOf(drawn(), true)}, store: &reviewStore{c: c, items: items, decisions: decisions}, clock: &stillClock{now}, files: make(map[string]string)}
	d.reopen()
	return d
}

// reopen is another start of the program on the same store.
func (d *reviewDesk) reopen() {
	d.real = desk.New(desk.Deps{Store: d.store, Clock: d.clock, Operator: provisioning.Operator{Name: "l.ortiz", Account: "LORTIZ", Role: provisioning.RoleRequester}})
}

// opened is a console on the review.
func (d *reviewDesk) opened(t interface{ Fatal(...any) }, theme string, ascii bool, width, height int) *tui.Model {
	m := d.console(t, theme, ascii, width, height)
	settle(m, ui.Say(ui.OpenReview{ID: 7}))
	m.View()
	return m
}

func (d *reviewDesk) console(t interface{ Fatal(...any) }, theme string, ascii bool, width, height int) *tui.Model {
	m, err := tui.New(context.Background(), tui.Deps{Desk: d, Theme: theme, ASCII: ascii, Now: func() time.Time { return d.clock.at }, Files: campaign.Files{
		Save: func(name string, data []byte) (string, error) {
			d.files[name] = string(data)
			return "/srv/reviews/" + name, nil
		},
		Load: func(path string) ([]byte, error) {
			if data, ok := d.files[path]; ok {
				return []byte(data), nil
			}
			return nil, errors.New("there is no such file")
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	m.View()
	return m
}

// listedAt is a console on the list of the reviews.
func (d *reviewDesk) listedAt(t interface{ Fatal(...any) }, ascii bool, width, height int) *tui.Model {
	m := d.console(t, "dark", ascii, width, height)
	settle(m, ui.Say(ui.OpenReviews{}))
	m.View()
	return m
}

// hit presses keys, those with shift among them, and does what comes of each.
func hit(m *tui.Model, keys ...string) {
	for _, k := range keys {
		settle(m, tap(m, k))
		m.View()
	}
}

// tap presses a key and gives what is to be done.
func tap(m *tui.Model, key string) tea.Cmd {
	plain, shifted := strings.CutPrefix(key, "shift+")
	if !shifted {
		return press(m, key)
	}
	msg := tea.KeyPressMsg{Code: map[string]rune{"down": tea.KeyDown, "up": tea.KeyUp, "tab": tea.KeyTab}[plain], Mod: tea.ModShift}
	_, cmd := m.Update(msg)
	return cmd
}

// verdicts are what the store holds, the latest of each item.
func (s *reviewStore) verdicts() map[int]provisioning.ReviewVerdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[int]provisioning.ReviewVerdict)
	for _, d := range s.decisions {
		if all[d.Item] = d.Verdict; d.Verdict == "" {
			delete(all, d.Item)
		}
	}
	return all
}

// same holds what the store holds against what was meant.
func (d *reviewDesk) holds(t interface{ Errorf(string, ...any) }, want map[int]provisioning.ReviewVerdict) {
	if got := d.store.verdicts(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the store holds %v, meant was %v", got, want)
	}
}

const (
	keep   = provisioning.ReviewKeep
	revoke = provisioning.ReviewRevoke
)

// TestReviewKeys: each key gives its verdict to the line under the cursor, and the cursor goes to the next one that waits; what is not this
// operator's is passed by.
func TestReviewKeys(t *testing.T) {
	d := newReviewDesk(oneReview(), reviewItems())
	m := d.opened(t, "dark", false, 120, 40)
	hit(m, "k", "r", "k", "k", "r", "k", "k") // 8 is l.ortiz's own, 9 is m.chen's: neither is under mine and open
	d.holds(t, map[int]provisioning.ReviewVerdict{1: keep, 2: revoke, 3: keep, 4: keep, 5: revoke, 6: keep, 7: keep})
	hit(m, "k")
	d.holds(t, map[int]provisioning.ReviewVerdict{1: keep, 2: revoke, 3: keep, 4: keep, 5: revoke, 6: keep, 7: keep, 10: keep})
	hit(m, "R")
	write(m, "kept no longer")
	hit(m, "enter", "a")
	write(m, "who asked for it?")
	hit(m, "enter")
	s := d.store.decisions
	if last := s[len(s)-2:]; last[0].Item != 11 || last[0].Verdict != revoke || last[0].Reason != "kept no longer" || last[1].Item != 12 || last[1].Reason != "who asked for it?" {
		t.Errorf("%+v", last)
	}
	if text := screen(m); !strings.Contains(text, "▸ ·  open") {
		t.Errorf("the cursor is not on an open line:\n%s", text)
	}
	hit(m, "k", "k") // 13 and 14; then the one that was asked about is next
	if text := strings.Join(strings.Fields(screen(m)), " "); !strings.Contains(text, "Asked by l.ortiz 24 Nov 14:02: who asked for it? No rule") {
		t.Errorf("the cursor is not on what was asked about:\n%s", text)
	}
	hit(m, "r")
	if text := screen(m); !strings.Contains(text, "nothing more waits for you; 2 are others' to decide") {
		t.Errorf("it does not say that it is over:\n%s", text)
	}
}

// TestReviewQueue: keys that come while the store is slow are neither lost nor given to another line; what the store then refuses is told,
// with all that followed kept.
func TestReviewQueue(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		items := reviewItems()
		for i := range items {
			items[i].Reviewer, items[i].Account, items[i].Email, items[i].Person = "l.ortiz", fmt.Sprint("U", i), "", provisioning.PersonKey{}
		}
		d := newReviewDesk(oneReview(), items)
		m := d.opened(rt, "dark", false, 120, 40)
		want := make(map[int]provisioning.ReviewVerdict)
		at := 0
		var waiting []tea.Cmd
		for _, key := range rapid.SliceOfN(rapid.SampledFrom([]string{"k", "r", "down", "up", "write", "write"}), 1, 60).Draw(rt, "keys") {
			switch key {
			case "write": // one answer of the store
				if len(waiting) == 0 {
					continue
				}
				cmd := waiting[0]
				waiting = append(waiting[1:], stepOf(m, cmd)...)
				continue
			case "down":
				at = min(at+1, len(items)-1)
			case "up":
				at = max(at-1, 0)
			default:
				want[at+1] = map[string]provisioning.ReviewVerdict{"k": keep, "r": revoke}[key]
				for step := 1; step <= len(items); step++ {
					if next := (at + step) % len(items); want[next+1] == "" {
						at = next
						break
					}
				}
			}
			if cmd := tap(m, key); cmd != nil {
				waiting = append(waiting, cmd)
			}
		}
		for len(waiting) > 0 {
			cmd := waiting[0]
			waiting = append(waiting[1:], stepOf(m, cmd)...)
		}
		d.holds(rt, want)
	})
}

// stepOf runs a command once, and gives what is to be done then.
func stepOf(m *tui.Model, cmd tea.Cmd) []tea.Cmd {
	if cmd == nil {
		return nil
	}
	msg := cmd()
	if batch, ok := msg.(tea.BatchMsg); ok {
		return batch
	}
	if _, next := m.Update(msg); next != nil {
		return []tea.Cmd{next}
	}
	return nil
}

// TestReviewRefusedByTheStore: what could not be kept is told, and is not shown as decided; the keys after it were for other lines.
func TestReviewRefusedByTheStore(t *testing.T) {
	d := newReviewDesk(oneReview(), reviewItems())
	m := d.opened(t, "dark", false, 120, 40)
	d.store.down = &provisioning.Error{Code: provisioning.Internal, Message: "the disk is full", Hint: "make room"}
	first := tap(m, "k")
	second := tap(m, "r")
	if second != nil {
		t.Error("two verdicts are written at once")
	}
	for _, cmd := range stepOf(m, first) {
		d.store.down = nil
		settle(m, cmd)
	}
	d.holds(t, map[int]provisioning.ReviewVerdict{2: revoke})
	text := screen(m)
	if !strings.Contains(text, "the disk is full") || !strings.Contains(text, "·  open    Folake Adeyemi      London    LON-LIT as SENIOR") {
		t.Errorf("%s", text)
	}
}

// TestReviewMarks: a range, marks one by one, and all of them; more than a page's worth wants its number typed.
func TestReviewMarks(t *testing.T) {
	d := newReviewDesk(oneReview(), reviewItems())
	m := d.opened(t, "dark", false, 120, 40)
	hit(m, "shift+down", "shift+down", "shift+down", "shift+up", "k")
	d.holds(t, map[int]provisioning.ReviewVerdict{1: keep, 2: keep, 3: keep})
	hit(m, "u", "home", "V", "down", "down", "down", "V", "down", "down", "space", "r") // 1 to 4 by V, then 6
	d.holds(t, map[int]provisioning.ReviewVerdict{1: revoke, 2: revoke, 3: revoke, 4: revoke, 6: revoke})
	hit(m, "*", "esc", "k")
	if n := len(d.store.verdicts()); n != 6 {
		t.Errorf("esc did not take the marks away: %d verdicts", n)
	}

	many := make([]provisioning.ReviewItem, 60)
	for i := range many {
		many[i] = reviewItems()[0]
		many[i].N, many[i].Account, many[i].Person, many[i].Email = i+1, fmt.Sprint("U", i), provisioning.PersonKey{}, ""
		if i%3 == 2 {
			many[i].Reviewer = "m.chen"
		}
	}
	d = newReviewDesk(oneReview(), many)
	m = d.opened(t, "dark", false, 120, 40)
	hit(m, "]", "*", "k", "enter")
	d.holds(t, map[int]provisioning.ReviewVerdict{})
	hit(m, "k", "6", "0", "enter")
	if text := screen(m); len(d.store.verdicts()) != 40 || !strings.Contains(text, "20 left out: the item is not l.ortiz's to decide") {
		t.Errorf("%d verdicts:\n%s", len(d.store.verdicts()), text)
	}
	hit(m, "end", "u") // the last verdict, of many
	d.holds(t, map[int]provisioning.ReviewVerdict{})
}

// TestReviewLike: one verdict for all like it, with the number typed, and only of those that are open and this operator's.
func TestReviewLike(t *testing.T) {
	items := reviewItems()
	alike := func(n int, account, reviewer, standing string) {
		it := items[1]
		it.N, it.Account, it.Reviewer, it.Standing, it.Person, it.Email = n, account, reviewer, standing, provisioning.PersonKey{}, ""
		items = append(items, it)
	}
	alike(15, "A15", "l.ortiz", provisioning.StandsBirthright)
	alike(16, "A16", "m.chen", provisioning.StandsBirthright)
	alike(17, "A17", "l.ortiz", provisioning.StandsExcess)
	alike(18, "LORTIZ", "l.ortiz", provisioning.StandsBirthright) // their own
	d := newReviewDesk(oneReview(), items)
	m := d.opened(t, "dark", false, 120, 40)
	hit(m, "down", "s")
	if text := screen(m); !strings.Contains(text, "3 people have LON-LIT/LIT-ALL, birthright, open and yours to decide") {
		t.Errorf("%s", text)
	}
	hit(m, "k", "1", "enter", "esc")
	d.holds(t, map[int]provisioning.ReviewVerdict{})
	hit(m, "s", "r", "3", "enter")
	d.holds(t, map[int]provisioning.ReviewVerdict{2: revoke, 11: revoke, 15: revoke})
	hit(m, "u", "home", "down", "k", "up", "s") // the verdict of the line is taken
	if text := screen(m); !strings.Contains(text, "Keep LON-LIT/LIT-ALL, birthright for 2 people") {
		t.Errorf("%s", text)
	}
	hit(m, "2", "enter")
	d.holds(t, map[int]provisioning.ReviewVerdict{2: keep, 11: keep, 15: keep})
	hit(m, "home", "s")
	if text := screen(m); !strings.Contains(text, "2 people have LON-LIT as SENIOR") { // 1 and 10
		t.Errorf("%s", text)
	}
	hit(m, "esc", "down", "down", "s")
	if text := screen(m); !strings.Contains(text, "no other open decision of yours is like it") {
		t.Errorf("%s", text)
	}
}

// TestReviewTypedAhead: keys that are typed before the desk said how many are alike are the dialog's: none of them decides a line.
func TestReviewTypedAhead(t *testing.T) {
	d := newReviewDesk(oneReview(), reviewItems())
	m := d.opened(t, "dark", false, 120, 40)
	cmd := tap(m, "s")
	for _, k := range []string{"r", "2", "enter"} {
		if tap(m, k) != nil {
			t.Errorf("%s did something before the number was known", k)
		}
	}
	d.holds(t, map[int]provisioning.ReviewVerdict{})
	settle(m, cmd)
	d.holds(t, map[int]provisioning.ReviewVerdict{1: revoke, 10: revoke})
	for _, k := range []string{"a", "k", "r", "esc"} { // a question opens with its key
		settle(m, tap(m, k))
	}
	d.holds(t, map[int]provisioning.ReviewVerdict{1: revoke, 10: revoke})
}

// TestReviewWaitsForTheList: a verdict that is typed behind a search or another filter, before their lines are there, is for their lines and
// for none of those that still stand.
func TestReviewWaitsForTheList(t *testing.T) {
	d := newReviewDesk(oneReview(), reviewItems())
	m := d.opened(t, "dark", false, 120, 40)
	var asked []tea.Cmd
	for _, k := range strings.Split("/,t,a,x,-,enter,r,esc,],],],],],k,end,up,up,k", ",") { // TAX-FIN, then what alarms
		asked = append(asked, tap(m, k))
	}
	d.holds(t, map[int]provisioning.ReviewVerdict{})
	for _, cmd := range asked {
		settle(m, cmd)
	}
	d.holds(t, map[int]provisioning.ReviewVerdict{3: keep, 13: revoke, 5: keep})
}

// TestReviewOwn: one's own access is shown as that, and no key decides it, alone, in a range, or taken back; what is somebody else's is
// neither.
func TestReviewOwn(t *testing.T) {
	d := newReviewDesk(oneReview(), reviewItems())
	m := d.opened(t, "dark", false, 120, 40)
	hit(m, "]", "]", "]", "]", "]", "]", "home") // all of them
	for range 7 {
		hit(m, "down")
	}
	if text := screen(m); !strings.Contains(text, "your own: somebody else decides") {
		t.Errorf("%s", text)
	}
	for _, k := range []string{"k", "r", "R", "a", "s"} {
		hit(m, k)
		if text := screen(m); !strings.Contains(text, "your own access, and somebody else decides: it is m.chen's") {
			t.Errorf("%s does not say why:\n%s", k, text)
		}
	}
	hit(m, "down", "k")
	if text := screen(m); !strings.Contains(text, "it is m.chen's: ask them") {
		t.Errorf("%s", text)
	}
	d.holds(t, map[int]provisioning.ReviewVerdict{})
	hit(m, "up", "shift+down", "k")
	if text := screen(m); !strings.Contains(text, "none of them is yours to decide") {
		t.Errorf("%s", text)
	}
	d.holds(t, map[int]provisioning.ReviewVerdict{})
	hit(m, "home", "d") // what is theirs they may hand on
	write(m, "chen")
	hit(m, "enter")
	if s := d.store.decisions; len(s) != 1 || s[0].Item != 1 || s[0].Verdict != provisioning.ReviewDelegate || s[0].To != "m.chen" {
		t.Errorf("%+v", s)
	}
	if text := screen(m); !strings.Contains(text, "→  handed") {
		t.Errorf("%s", text)
	}
}

// TestReviewTakeBack: u opens again what is under the cursor; where that is open, the last verdict that was given, one after the other.
func TestReviewTakeBack(t *testing.T) {
	d := newReviewDesk(oneReview(), reviewItems())
	m := d.opened(t, "dark", false, 120, 40)
	hit(m, "k", "r", "k", "u")
	d.holds(t, map[int]provisioning.ReviewVerdict{1: keep, 2: revoke})
	hit(m, "home", "u")
	d.holds(t, map[int]provisioning.ReviewVerdict{2: revoke})
	hit(m, "end", "u", "u")
	d.holds(t, map[int]provisioning.ReviewVerdict{})
	if text := screen(m); !strings.Contains(text, "there is no verdict to take back") {
		t.Errorf("%s", text)
	}
}

// TestReviewFilters: a verdict moves no line; the filters and the search show others, with the cursor on its line where that is among them.
func TestReviewFilters(t *testing.T) {
	d := newReviewDesk(oneReview(), reviewItems())
	m := d.opened(t, "dark", false, 120, 40)
	before := strings.Split(screen(m), "\n")
	hit(m, "k", "r", "up", "up")
	for i, line := range strings.Split(screen(m), "\n")[6:18] {
		if !strings.Contains(line, strings.TrimSpace(before[i+6][14:50])) {
			t.Errorf("line %d was\n%s\nis\n%s", i, before[i+6], line)
		}
	}
	hit(m, "/")
	write(m, "okafor tax")
	hit(m, "enter", "r")
	d.holds(t, map[int]provisioning.ReviewVerdict{1: keep, 2: revoke, 13: revoke})
	hit(m, "esc", "]", "]")
	text := screen(m)
	if !strings.Contains(text, "[Revoked 2]") || strings.Count(text, "✖  REVOKE") != 2 {
		t.Errorf("%s", text)
	}
	hit(m, "]", "]", "]")
	if text := screen(m); !strings.Contains(text, "[Alarms 5]") {
		t.Errorf("%s", text)
	}
}

// TestReviewFiles: p makes a file for a reviewer, says where it is and what to tell by phone; i takes an answer in and tells all of it.
func TestReviewFiles(t *testing.T) {
	d := withPackets()
	m := d.opened(t, "dark", false, 120, 40)
	hit(m, "p")
	if text := screen(m); !strings.Contains(text, "html out since 23 Nov") || !strings.Contains(text, "xlsx answered 24 Nov") {
		t.Errorf("what is out is not shown:\n%s", text)
	}
	write(m, "drummond")
	hit(m, "enter", "h")
	text := screen(m)
	if len(d.made) != 1 || d.made[0] != "isla.drummond@harcourtvane.example html" || !strings.Contains(text, "/srv/reviews/rollcall-review-7-aa11.html") || !strings.Contains(text, "amber   canal   seven   otter") {
		t.Errorf("%q:\n%s", d.made, text)
	}
	if d.files["rollcall-review-7-aa11.html"] != "the page" {
		t.Errorf("%v", d.files)
	}
	hit(m, "k", "r") // a notice takes enter and esc alone
	d.holds(t, map[int]provisioning.ReviewVerdict{})
	hit(m, "enter", "i")
	write(m, "/tmp/none.json")
	hit(m, "enter")
	if text := screen(m); !strings.Contains(text, "there is no such file") || len(d.answers) != 0 {
		t.Errorf("%s", text)
	}
	d.files["answer.json"] = "the answer"
	hit(m, "esc", "i")
	write(m, "answer.json")
	hit(m, "enter")
	text = screen(m)
	for _, want := range []string{"11 decisions of Isla Drummond", "7 kept, 3 revoked, 1 asked", "NOT SIGNED", "1 left out", "FADEYEMI"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	if !slices.Equal(d.answers, []string{"the answer"}) {
		t.Errorf("%q", d.answers)
	}
}

func withPackets() *reviewDesk {
	d := newReviewDesk(oneReview(), reviewItems())
	d.packets = []provisioning.ReviewPacket{
		{Campaign: 7, Reviewer: "isla.drummond@harcourtvane.example", Format: "html", MadeAt: now.AddDate(0, 0, -1)},
		{Campaign: 7, Reviewer: "isla.drummond@harcourtvane.example", Format: "html", MadeAt: now.AddDate(0, 0, -2), Revoked: true},
		{Campaign: 7, Reviewer: "m.chen", Format: "xlsx", MadeAt: now.AddDate(0, 0, -2), TakenAt: now},
	}
	d.packet = &desk.PacketFile{Name: "rollcall-review-7-aa11.html", Data: []byte("the page"), Words: "amber canal seven otter", Packet: provisioning.ReviewPacket{Items: make([]int, 11), Expires: days(44)}}
	d.imported = &desk.Imported{Campaign: 7, Reviewer: reviewers[2], Decisions: 11, Kept: 7, Revoked: 3, Asked: 1, Refused: []string{"FADEYEMI, LON-LIT: the item is not isla.drummond's to decide"}}
	return d
}

func closingOf() *desk.Closing {
	return &desk.Closing{
		Outcome: desk.ReviewOutcome{Kept: make([]int, 9), Revoked: make([]int, 5), ByPolicy: make([]int, 2), Sentences: []string{"of 14 items reviewers kept 9 and revoked 3", "nobody decided on 2: the policy revokes them"}},
		People:  3, Changes: 5, Notes: []string{"TBARNES: group DEAL-KITE in LON-COR is gone already"},
	}
}

// TestReviewClose: C says what a close does and what holds it; it wants the number of people typed, and opens the batch.
func TestReviewClose(t *testing.T) {
	c := oneReview()
	c.Stage = 1
	d := newReviewDesk(c, reviewItems())
	d.plans.batches = map[int64]*desk.BatchView{119: batchOf(119, provisioning.BatchDraft, time.Time{})}
	d.closing = closingOf()
	d.closing.Refused = &provisioning.Error{Code: provisioning.Held, Message: "2 items undecided: m.chen 2", Hint: "have them decided, or handed to somebody who will"}
	m := d.opened(t, "dark", false, 120, 40)
	hit(m, "C")
	if text := screen(m); !strings.Contains(text, "cannot be closed yet") || !strings.Contains(text, "2 items undecided: m.chen 2") {
		t.Errorf("%s", text)
	}
	hit(m, "3", "enter")
	d.closing.Refused = nil
	hit(m, "C", "y", "enter", "esc")
	if d.closed != 0 {
		t.Fatal("closed without its number")
	}
	hit(m, "C")
	text := screen(m)
	for _, want := range []string{"3 people's access is revoked, 5 changes", "Kept 9 (0 by the policy). Revoked 5 (2 by the policy)", "is gone already"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	hit(m, "3", "enter")
	if text := screen(m); d.closed != 1 || !strings.Contains(text, "Batch 119") {
		t.Errorf("closed %d times:\n%s", d.closed, text)
	}
}

// closedReview is a review whose revokes are a batch.
func closedReview(state provisioning.BatchState) *reviewDesk {
	c := oneReview()
	c.Stage, c.State, c.ClosedAt, c.ClosedBy, c.Batch = 1, provisioning.CampaignClosed, now.Add(-time.Hour), "l.ortiz", 119
	d := newReviewDesk(c, reviewItems(), provisioning.ReviewDecision{Item: 5, Verdict: revoke, Reviewer: "l.ortiz", By: "l.ortiz", How: "console", At: now, Reason: "the deal is over"})
	v := batchOf(119, state, time.Time{})
	v.Batch.Title = "access review 7"
	d.plans.batches = map[int64]*desk.BatchView{119: v}
	return d
}

// TestReviewFinish: after the close the screen says what is left; F says what is missing, and then how the snapshots differ.
func TestReviewFinish(t *testing.T) {
	d := closedReview(provisioning.BatchDraft)
	m := d.opened(t, "dark", false, 120, 40)
	text := screen(m)
	for _, want := range []string{"What is left to do", "commit batch 119", "1 closed account is seen off", "read the roll again", "F makes the closing snapshot", "[Revoked 1]"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	hit(m, "k")
	d.holds(t, map[int]provisioning.ReviewVerdict{5: revoke})
	hit(m, "F")
	if text := screen(m); !strings.Contains(text, "is draft") {
		t.Errorf("%s", text)
	}
	d.finish = &desk.ReviewFinish{}
	hit(m, "esc", "F")
	if text := screen(m); d.finished != 1 || !strings.Contains(text, "The two snapshots differ by exactly the revokes") {
		t.Errorf("%s", text)
	}
	hit(m, "enter", "b")
	if text := screen(m); !strings.Contains(text, "Batch 119") {
		t.Errorf("%s", text)
	}
}

// TestReviewStageAndCancel: the next stage wants its number, a cancel the review's and a reason.
func TestReviewStageAndCancel(t *testing.T) {
	d := newReviewDesk(oneReview(), reviewItems())
	m := d.opened(t, "dark", false, 120, 40)
	hit(m, "n", "enter", "n", "2", "enter")
	if d.staged != 1 {
		t.Errorf("staged %d times", d.staged)
	}
	hit(m, "X", "7", "enter", "enter", "esc")
	if d.store.c.State != provisioning.CampaignOpen {
		t.Fatal("cancelled without a reason")
	}
	hit(m, "X", "7", "enter")
	write(m, "the wrong office")
	hit(m, "enter", "k")
	if text := screen(m); d.store.c.State != provisioning.CampaignCancelled || len(d.store.decisions) != 0 || !strings.Contains(text, "keep: the review is cancelled") {
		t.Errorf("%s:\n%s", d.store.c.State, text)
	}
}

// TestReviewReadOnly: where the store is another's, no key decides anything, and each says why.
func TestReviewReadOnly(t *testing.T) {
	d := newReviewDesk(oneReview(), reviewItems())
	d.store.readOnly = "m.chen on desk-3"
	m := d.opened(t, "dark", false, 120, 40)
	for _, k := range []string{"k", "r", "R", "a", "d", "s", "u", "p", "i", "n", "C", "X"} {
		hit(m, k)
		if text := screen(m); !strings.Contains(text, "another console owns the store") {
			t.Errorf("%s:\n%s", k, text)
		}
	}
	d.holds(t, map[int]provisioning.ReviewVerdict{})
}

// TestReviewPace: the pace is told once there is some of it, and follows the clock.
func TestReviewPace(t *testing.T) {
	d := newReviewDesk(oneReview(), reviewItems())
	m := d.opened(t, "dark", false, 120, 40)
	for i := range 6 {
		d.clock.at = now.Add(time.Duration(i) * 10 * time.Second)
		hit(m, "k")
	}
	if text := screen(m); !strings.Contains(text, "7 a minute, about 1 min") {
		t.Errorf("%s", text)
	}
	d.clock.at = now.Add(time.Hour)
	if text := screen(m); strings.Contains(text, "a minute") {
		t.Errorf("%s", text)
	}
}

// newPlan is a review as it is laid out.
func newPlan() *desk.CampaignPlan {
	c := oneReview()
	c.ID, c.Items = 0, 1240
	c.Warnings = []string{"okta was not read whole: the answer was an empty list", "3 people have no manager in the directory: Lucía Ortiz decides"}
	return &desk.CampaignPlan{Campaign: &c, People: 212, Shares: map[string]int{"l.ortiz": 700, "m.chen": 500, "isla.drummond@harcourtvane.example": 36, "": 4}}
}

// TestNewReview: the form asks the desk for exactly what was written; the plan is opened by its number alone, and one that is refused by
// nothing.
func TestNewReview(t *testing.T) {
	d := newReviewDesk(oneReview(), reviewItems())
	d.plan = newPlan()
	m := d.listedAt(t, false, 120, 40)
	hit(m, "n")
	write(m, "Q4")
	hit(m, "down")
	write(m, "LON-LIT, LON-COR,")
	hit(m, "down", "down", "down", "down", "down", "down", "space", "down", "down", "down")
	write(m, "managers, m.chen")
	hit(m, "down")
	write(m, "2026-11-01")
	hit(m, "enter")
	if text := screen(m); len(d.asked) != 0 || !strings.Contains(text, "no day") {
		t.Errorf("a day that has passed was taken:\n%s", text)
	}
	for range len("2026-11-01") {
		hit(m, "backspace")
	}
	write(m, "2026-12-08")
	hit(m, "down")
	write(m, "isla.drummond@harcourtvane.example")
	hit(m, "down", "space", "enter")
	if len(d.asked) != 1 {
		t.Fatalf("asked %d times:\n%s", len(d.asked), screen(m))
	}
	n := d.asked[0]
	first, second := n.Stages[0], n.Stages[1]
	if n.Name != "Q4" || !slices.Equal(n.Scope.Libraries, []string{"LON-LIT", "LON-COR"}) || !n.Scope.Admins || n.Scope.Externals || n.Scope.Dormant || n.Scope.ChangedNow {
		t.Errorf("%+v", n)
	}
	if first.Assign != "manager" || !slices.Equal(first.Reviewers, []string{"m.chen"}) || !first.Due.Equal(time.Date(2026, 12, 9, 0, 0, 0, 0, time.Local)) {
		t.Errorf("%+v", first)
	}
	if second.Assign != "" || !slices.Equal(second.Reviewers, []string{"isla.drummond@harcourtvane.example"}) || second.Sees != "revoke" || !second.Due.After(first.Due) {
		t.Errorf("%+v", second)
	}
	text := screen(m)
	for _, want := range []string{"1,240 decisions", "212 people", "Lucía Ortiz (l.ortiz)", "700", "nobody: d in the review hands them out", "okta was not read whole", "is revoked, by the policy's word"} {
		if !strings.Contains(text, want) {
			t.Errorf("the plan does not say %q:\n%s", want, text)
		}
	}
	hit(m, "enter", "y", "enter", "esc", "enter", "1", "2", "4", "enter", "esc")
	if d.started != 0 {
		t.Fatal("opened without its number")
	}
	hit(m, "enter", "1", "2", "4", "0", "enter")
	if text := screen(m); d.started != 1 || !strings.Contains(text, "Access review 7") {
		t.Errorf("started %d times:\n%s", d.started, text)
	}

	d.plan.Refused = "okta was not read whole: the answer was an empty list"
	m = d.listedAt(t, false, 120, 40)
	hit(m, "n", "enter", "enter")
	if text := screen(m); d.started != 1 || !strings.Contains(text, "It cannot be opened now") {
		t.Errorf("%s", text)
	}
	hit(m, "esc")
	d.planErr = &provisioning.Error{Code: provisioning.NotFound, Message: `0 people are known as "nobody"`, Hint: "name an operator"}
	hit(m, "enter")
	if text := screen(m); !strings.Contains(text, `0 people are known as "nobody": name an operator`) || !strings.Contains(text, "A new access review") {
		t.Errorf("%s", text)
	}
}

// listOf are reviews in every state.
func listOf() []*provisioning.Campaign {
	open, late, shut, over, gone := oneReview(), oneReview(), oneReview(), oneReview(), oneReview()
	late.ID, late.Name, late.Stages = 6, "administrators, monthly", []provisioning.ReviewStage{{Name: "stage 1", Due: days(-4)}}
	late.Scope = provisioning.CampaignScope{Admins: true}
	shut.ID, shut.Name, shut.State, shut.Batch, shut.ClosedAt = 5, "Externals", provisioning.CampaignClosed, 119, days(-1)
	over.ID, over.Name, over.State, over.DoneAt, over.Items = 4, "Q3 London partners", provisioning.CampaignDone, days(-90), 1893
	gone.ID, gone.Name, gone.State, gone.ClosedAt, gone.ClosedBy = 3, "Q3, the wrong office", provisioning.CampaignCancelled, days(-92), "l.ortiz"
	return []*provisioning.Campaign{&open, &late, &shut, &over, &gone}
}

// TestReviewList: empty says what a review is; enter opens one; what is overdue is loud.
func TestReviewList(t *testing.T) {
	d := newReviewDesk(oneReview(), reviewItems())
	m := d.listedAt(t, false, 80, 24)
	if text := strings.Join(strings.Fields(screen(m)), " "); !strings.Contains(text, "A review freezes who has what in a signed snapshot") || !strings.Contains(text, "n begins one") {
		t.Errorf("%s", screen(m))
	}
	d.list = listOf()
	m = d.listedAt(t, false, 80, 24)
	text := screen(m)
	for _, want := range []string{"1 OVERDUE", "OVERDUE 3 days", "to do: batch 119", "12 wait for you to decide"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	hit(m, "enter")
	if text := screen(m); !strings.Contains(text, "Review 7 · Q4 London partners") {
		t.Errorf("%s", text)
	}
}

// hostileItems have one hostile string in every foreign field each.
func hostileItems() []provisioning.ReviewItem {
	var items []provisioning.ReviewItem
	kinds := []string{provisioning.ReviewLibrary, provisioning.ReviewGroup, provisioning.ReviewGlobalRole, provisioning.ReviewAccount}
	for i, s := range namestest.Hostile() {
		it := reviewItems()[0]
		it.N, it.Kind = i+1, kinds[i%len(kinds)]
		it.Account, it.Name, it.Email, it.Office, it.Practice, it.Title = s, s, s, s, s, s
		it.Library, it.Object, it.Role, it.Reason, it.UsedHow, it.By = s, s, s, s, s, s
		it.Walls, it.Alarms = []string{s}, []string{s, s}
		items = append(items, it)
	}
	return items
}

// TestReviewHostile: with the hostile corpus in every field no line is lost or made, every cell is held, and only our own sequences reach the
// terminal; the same under every dialog (threats A1).
func TestReviewHostile(t *testing.T) {
	items := hostileItems()
	for _, width := range []int{80, 112, 160} {
		c := oneReview()
		c.Name, c.Stages[0].Name, c.Warnings = namestest.Hostile()[7], namestest.Hostile()[2], []string{namestest.Hostile()[1], "x"}
		c.Reviewers = slices.Clone(reviewers)
		for _, s := range namestest.Hostile() {
			c.Reviewers = append(c.Reviewers, provisioning.Reviewer{Key: s, Name: s, Email: s})
		}
		d := newReviewDesk(c, items)
		height := len(items) + 16
		m := d.opened(t, "dark", false, width, height)
		content := m.View().Content
		ours(t, content, width, height)
		emulator := vt.NewSafeEmulator(width, height)
		if _, err := emulator.Write([]byte(strings.ReplaceAll(content, "\n", "\r\n"))); err != nil {
			t.Fatal(err)
		}
		shown := 0
		for _, line := range strings.Split(ansi.Strip(emulator.Render()), "\n") {
			if strings.Contains(line, "·  open ") && strings.Contains(line, "12 d ago") {
				shown++
			}
		}
		if shown != len(items) {
			t.Errorf("width %d: the terminal shows %d of %d lines", width, shown, len(items))
		}
		if width == 80 { // each one's sentence
			m.Update(tea.WindowSizeMsg{Width: width, Height: 24})
			for range items {
				hit(m, "down")
				ours(t, m.View().Content, width, 24)
			}
			m.Update(tea.WindowSizeMsg{Width: width, Height: height})
		}
		for _, keys := range [][]string{{"d"}, {"p"}, {"a"}, {"R"}, {"home", "s"}} {
			hit(m, keys...)
			ours(t, m.View().Content, width, height)
			hit(m, "esc")
		}
	}
}

// ours holds that a frame is whole, and that nothing in it but our own colours is a sequence.
func ours(t *testing.T, content string, width, height int) {
	t.Helper()
	checkFrame(t, content, width, height)
	rest := sgr.ReplaceAllString(content, "")
	for _, r := range rest {
		if r == 0x1b || (r < 0x20 && r != '\n') || (r >= 0x7f && r <= 0x9f) || (r >= 0x202a && r <= 0x202e) {
			t.Fatalf("%U reached the screen", r)
		}
	}
	if open, closed := strings.Count(rest, "\u2068"), strings.Count(rest, "\u2069"); open != closed {
		t.Errorf("%d isolates are open, %d closed", open, closed)
	}
}

// TestReviewListHostile: the same for the list, the form and the plan.
func TestReviewListHostile(t *testing.T) {
	for _, width := range []int{80, 160} {
		d := newReviewDesk(oneReview(), reviewItems())
		d.plan = newPlan()
		d.plan.Refused, d.plan.Campaign.Name = namestest.Hostile()[0], namestest.Hostile()[3]
		for i, s := range namestest.Hostile() {
			c := oneReview()
			c.ID, c.Name, c.CreatedBy, c.Scope = int64(7+i), s, s, provisioning.CampaignScope{Libraries: []string{s}, Groups: []string{s}}
			d.list = append(d.list, &c)
			d.plan.Campaign.Warnings, d.plan.Shares[s] = append(d.plan.Campaign.Warnings, s), i
			d.plan.Campaign.Stages[0].Reviewers = append(d.plan.Campaign.Stages[0].Reviewers, s)
		}
		m := d.listedAt(t, false, width, 24)
		for range d.list {
			hit(m, "down")
			ours(t, m.View().Content, width, 24)
		}
		hit(m, "n")
		for _, s := range namestest.Hostile() {
			m.Update(tea.PasteMsg{Content: s})
			ours(t, m.View().Content, width, 24)
		}
		hit(m, "enter")
		for range 12 {
			ours(t, m.View().Content, width, 24)
			hit(m, "pgdown")
		}
	}
}

// manyItems are as many lines as asked for, of people with five accesses each.
func manyItems(n int) []provisioning.ReviewItem {
	items := make([]provisioning.ReviewItem, n)
	base := reviewItems()
	for i := range items {
		it := base[i%5]
		it.N, it.Account = i+1, fmt.Sprintf("U%06d", i/5)
		it.Name, it.Email, it.Person = fmt.Sprintf("Given%d Family%d", i%977, i/5), it.Account+"@x.example", provisioning.PersonKey{Directory: "okta", ID: it.Account}
		items[i] = it
	}
	return items
}

// BenchmarkReview measures a verdict with all that comes of it, to the lines that are drawn again; the baseline is the same at 1,000 items.
func BenchmarkReview(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("%d items", n), func(b *testing.B) {
			d := newReviewDesk(oneReview(), manyItems(n))
			m := d.opened(b, "dark", false, 120, 40)
			var took []time.Duration
			b.ReportAllocs()
			for b.Loop() {
				at := time.Now()
				hit(m, "k")
				took = append(took, time.Since(at))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "median-ms")
			b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "worst-ms")
		})
	}
}

// BenchmarkReviewView measures a step down with its View.
func BenchmarkReviewView(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("%d items", n), func(b *testing.B) {
			m := newReviewDesk(oneReview(), manyItems(n)).opened(b, "dark", false, 120, 40)
			b.ReportAllocs()
			for b.Loop() {
				press(m, "down")
				m.View()
			}
		})
	}
}

// TestReviewIsFast: with 100,000 items a verdict is kept and drawn within a frame, and a View costs the same as with few.
func TestReviewIsFast(t *testing.T) {
	d := newReviewDesk(oneReview(), manyItems(100_000))
	m := d.opened(t, "dark", false, 120, 40)
	var took []time.Duration
	for range 200 {
		at := time.Now()
		hit(m, "k")
		took = append(took, time.Since(at))
	}
	slices.Sort(took)
	if median := took[len(took)/2]; median > 16*time.Millisecond {
		t.Errorf("a verdict takes %s", median)
	}
	if n := len(d.store.verdicts()); n != 200 {
		t.Errorf("%d verdicts of 200 keys", n)
	}
	small := newReviewDesk(oneReview(), manyItems(1000)).opened(t, "dark", false, 120, 40)
	few, many := testing.AllocsPerRun(100, func() { press(small, "down"); small.View() }), testing.AllocsPerRun(100, func() { press(m, "down"); m.View() })
	if many > few+5 || many > 90 {
		t.Errorf("a step down and its View allocate %.0f times with 100,000 items, %.0f with 1,000", many, few)
	}
	if still := testing.AllocsPerRun(100, func() { m.View() }); still > 50 {
		t.Errorf("a View allocates %.0f times", still)
	}
	t.Logf("a verdict takes %s, at most %s", took[len(took)/2], took[len(took)-1])
}

// TestReviewKeysDoNotClash: on every state of the screens a key means one thing, and none of the frame's keys is taken.
func TestReviewKeysDoNotClash(t *testing.T) {
	d := newReviewDesk(oneReview(), reviewItems())
	d.list, d.plan = listOf(), newPlan()
	plan := d.listedAt(t, false, 80, 24)
	hit(plan, "n", "enter")
	for name, m := range map[string]*tui.Model{"review": d.opened(t, "dark", false, 80, 24), "list": d.listedAt(t, false, 80, 24), "plan": plan} {
		seen := map[string]string{"?": "frame", "T": "frame", "q": "frame", "ctrl+c": "frame"}
		for _, b := range m.Keys() {
			for _, k := range b.Keys {
				if other, clash := seen[k]; clash {
					t.Errorf("%s: %q is %s and %s", name, k, other, b.Help)
				}
				seen[k] = b.Help
			}
		}
	}
}

// reviewLooks holds a screen at three sizes: in the dark theme, and in ASCII with no colour.
func reviewLooks(t *testing.T, name string, open func(t *testing.T, ascii bool, width, height int) *tui.Model) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		for _, ascii := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %dx%d ascii=%v", name, size[0], size[1], ascii), func(t *testing.T) {
				m := open(t, ascii, size[0], size[1])
				content := m.View().Content
				checkFrame(t, content, size[0], size[1])
				if ascii {
					content = ansi.Strip(content)
				}
				golden.RequireEqual(t, []byte(content))
			})
		}
	}
}

// decidedSome is a review of which a part is decided.
func decidedSome() *reviewDesk {
	c := oneReview()
	c.Warnings = []string{"okta was not read whole: the answer was an empty list"}
	at := now.Add(-40 * time.Minute)
	return newReviewDesk(c, reviewItems(),
		provisioning.ReviewDecision{Item: 1, Verdict: keep, Reviewer: "l.ortiz", By: "l.ortiz", How: "console", At: at},
		provisioning.ReviewDecision{Item: 2, Verdict: keep, Reviewer: "l.ortiz", By: "l.ortiz", How: "console", At: at},
		provisioning.ReviewDecision{Item: 3, Verdict: provisioning.ReviewAsk, Reason: "who asked for it?", Reviewer: "l.ortiz", By: "l.ortiz", How: "console", At: at},
		provisioning.ReviewDecision{Item: 4, Verdict: revoke, Reason: "left on 20 Nov", Reviewer: "l.ortiz", By: "l.ortiz", How: "console", At: at},
		provisioning.ReviewDecision{Item: 6, Verdict: provisioning.ReviewDelegate, To: "m.chen", Reviewer: "l.ortiz", By: "l.ortiz", How: "console", At: at},
	)
}

// TestReviewGolden holds the looks of the access reviews.
func TestReviewGolden(t *testing.T) {
	all := []string{"]", "]", "]", "]", "]", "]"}
	reviewLooks(t, "review", func(t *testing.T, ascii bool, w, h int) *tui.Model {
		m := decidedSome().opened(t, "dark", ascii, w, h)
		hit(m, all...)
		hit(m, "home", "down", "down", "down", "down")
		return m
	})
	reviewLooks(t, "review, marked", func(t *testing.T, ascii bool, w, h int) *tui.Model {
		m := decidedSome().opened(t, "dark", ascii, w, h)
		hit(m, "shift+down", "shift+down")
		return m
	})
	reviewLooks(t, "review, all like it", func(t *testing.T, ascii bool, w, h int) *tui.Model {
		m := newReviewDesk(oneReview(), reviewItems()).opened(t, "dark", ascii, w, h)
		hit(m, "s")
		return m
	})
	reviewLooks(t, "review, overdue, search", func(t *testing.T, ascii bool, w, h int) *tui.Model {
		d := decidedSome()
		d.store.c.Stages = []provisioning.ReviewStage{{Name: "stage 1", Due: days(-4)}}
		m := d.opened(t, "dark", ascii, w, h)
		hit(m, "]", "/")
		write(m, "lon-lit")
		return m
	})
	reviewLooks(t, "review, nothing waits", func(t *testing.T, ascii bool, w, h int) *tui.Model {
		d := decidedSome()
		m := d.opened(t, "dark", ascii, w, h)
		hit(m, "]", "]", "]", "/")
		write(m, "nobody of that name")
		return m
	})
	reviewLooks(t, "review, closed", func(t *testing.T, ascii bool, w, h int) *tui.Model {
		return closedReview(provisioning.BatchDone).opened(t, "dark", ascii, w, h)
	})
	reviewLooks(t, "file for whom", func(t *testing.T, ascii bool, w, h int) *tui.Model {
		m := withPackets().opened(t, "dark", ascii, w, h)
		hit(m, "p")
		return m
	})
	reviewLooks(t, "file written", func(t *testing.T, ascii bool, w, h int) *tui.Model {
		m := withPackets().opened(t, "dark", ascii, w, h)
		hit(m, "p")
		write(m, "isla")
		hit(m, "enter", "h")
		return m
	})
	reviewLooks(t, "answer taken in", func(t *testing.T, ascii bool, w, h int) *tui.Model {
		d := withPackets()
		d.files["a"] = "the answer"
		m := d.opened(t, "dark", ascii, w, h)
		hit(m, "i", "a", "enter")
		return m
	})
	reviewLooks(t, "close", func(t *testing.T, ascii bool, w, h int) *tui.Model {
		d := newReviewDesk(oneReview(), reviewItems())
		d.closing = closingOf()
		m := d.opened(t, "dark", ascii, w, h)
		hit(m, "C")
		return m
	})
	reviewLooks(t, "list", func(t *testing.T, ascii bool, w, h int) *tui.Model {
		d := decidedSome()
		d.list = listOf()
		return d.listedAt(t, ascii, w, h)
	})
	reviewLooks(t, "list, empty", func(t *testing.T, ascii bool, w, h int) *tui.Model {
		return newReviewDesk(oneReview(), reviewItems()).listedAt(t, ascii, w, h)
	})
	reviewLooks(t, "form", func(t *testing.T, ascii bool, w, h int) *tui.Model {
		m := newReviewDesk(oneReview(), reviewItems()).listedAt(t, ascii, w, h)
		hit(m, "n")
		write(m, "Q4 London partners")
		hit(m, "down", "down", "down", "down")
		write(m, "London")
		hit(m, "down", "down", "down", "space", "down", "down", "down")
		write(m, "managers")
		hit(m, "down")
		write(m, "8 dec")
		return m
	})
	reviewLooks(t, "plan", func(t *testing.T, ascii bool, w, h int) *tui.Model {
		d := newReviewDesk(oneReview(), reviewItems())
		d.plan = newPlan()
		m := d.listedAt(t, ascii, w, h)
		hit(m, "n", "enter")
		return m
	})
}

// TestReviewThemes: in every theme the screen says the same, and its frame is whole.
func TestReviewThemes(t *testing.T) {
	plain := ""
	for _, theme := range themes.Names() {
		m := decidedSome().opened(t, theme, false, 120, 40)
		content := m.View().Content
		checkFrame(t, content, 120, 40)
		if plain == "" {
			plain = ansi.Strip(content)
		}
		if ansi.Strip(content) != plain {
			t.Errorf("%s says something else", theme)
		}
	}
}
