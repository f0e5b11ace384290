package tui_test

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/licence"
	"rollcall/provisioning/names/namestest"
	"rollcall/themes"
	"rollcall/tui"
	"rollcall/tui/campaign"
	"rollcall/tui/ui"
)

// seatsDesk is a fake of what the licences ask of the desk.
type seatsDesk struct {
	*fake
	book      *desk.SeatBook
	months    []desk.SeatMonth
	notices   []provisioning.Reclaim
	result    desk.ReclaimStaged
	left      []desk.Left
	readOnly  string
	reads     func(ctx context.Context, progress func(provisioning.Progress)) (desk.UseRead, error)
	unsaved   error
	late      time.Duration // how far the clock has gone
	counts    int
	noticed   [][]string
	staged    [][]int64
	withdrawn map[int64]string
	saved     map[string]string
}

func (f *seatsDesk) ReadOnly() string { return f.readOnly }

func (f *seatsDesk) Seats(context.Context) (*desk.SeatBook, error) {
	f.counts++
	return f.book, nil
}

func (f *seatsDesk) Forecast(context.Context, int) ([]desk.SeatMonth, error) { return f.months, nil }

func (f *seatsDesk) ReadUse(ctx context.Context, progress func(provisioning.Progress)) (desk.UseRead, error) {
	return f.reads(ctx, progress)
}

func (f *seatsDesk) GiveNotice(_ context.Context, accounts []string) (*desk.Notice, error) {
	f.noticed = append(f.noticed, accounts)
	n := &desk.Notice{Left: f.left, Text: []byte("Dear colleague")}
	for _, a := range accounts {
		if !slices.ContainsFunc(f.left, func(l desk.Left) bool { return l.Key == a }) {
			n.Reclaims = append(n.Reclaims, provisioning.Reclaim{Account: a, ActAfter: days(14)})
		}
	}
	return n, nil
}

func (f *seatsDesk) Reclaims(context.Context, bool) ([]provisioning.Reclaim, error) {
	return f.notices, nil
}

func (f *seatsDesk) WithdrawNotice(_ context.Context, ids []int64, reason string) error {
	for _, id := range ids {
		f.withdrawn[id] = reason
	}
	return nil
}

func (f *seatsDesk) StageReclaims(_ context.Context, ids []int64) (*desk.ReclaimStaged, error) {
	f.staged = append(f.staged, ids)
	return &f.result, nil
}

func (f *seatsDesk) Save(name string, data []byte) (string, error) {
	if f.unsaved != nil {
		return "", f.unsaved
	}
	f.saved[name] = string(data)
	return "/srv/rollcall/" + name, nil
}

// seat is one of a firm's; how it is used is by its number.
func seat(i int, name, class, office, practice string, price provisioning.Money) desk.Seat {
	s := desk.Seat{
		Account: fmt.Sprintf("U%06d", i), Name: name, Class: class, Office: office, Practice: practice, Price: price, Saves: price, Paid: price > 0, Usage: provisioning.Used,
		Last: now.Add(-time.Duration(i%9) * 24 * time.Hour), How: "edit of LON-LIT!1234.2", Idle: i % 9,
	}
	return s
}

func unused(s desk.Seat, idle int) desk.Seat {
	s.Usage, s.Idle, s.Last = provisioning.NotUsed, idle, time.Time{}
	s.How = "no document event since " + now.Add(-time.Duration(idle)*24*time.Hour).Format(time.DateOnly) + "; okta tells no sign-in"
	for _, days := range []int{30, 60, 90} {
		if idle >= days {
			s.Bucket = days
		}
	}
	return s
}

func unknown(s desk.Seat, why string) desk.Seat {
	s.Usage, s.Idle, s.Last, s.How = provisioning.UsageUnknown, -1, time.Time{}, why
	return s
}

// firmSeats is a small firm: every state of a seat is in it.
func firmSeats() *desk.SeatBook {
	b := &desk.SeatBook{Currency: "GBP", At: now, UseRead: now.Add(-3 * time.Hour), Dormant: []int{30, 60, 90}, Reclaim: 90, Grace: 14 * 24 * time.Hour}
	offices, practices := []string{"London", "Leeds", "Madrid", "Hong Kong", ""}, []string{"Litigation", "Tax", "Corporate", "Property"}
	for i := range 64 {
		class, price := "standard", provisioning.Money(48000)
		if i%8 == 3 {
			class, price = "collaborator", 12000
		}
		s := seat(i, fmt.Sprintf("Person %02d", i), class, offices[i%5], practices[i%4], price)
		switch i % 16 {
		case 5:
			s = unused(s, 35+i)
		case 9:
			s = unknown(s, "its document history was not read whole: LON-LIT answered 403")
		}
		b.Seats = append(b.Seats, s)
	}
	set := func(i int, s desk.Seat, name string) *desk.Seat {
		s.Name = name
		b.Seats[i] = s
		return &b.Seats[i]
	}
	set(10, unused(b.Seats[10], 112), "Tom Barnes")
	set(11, unused(b.Seats[11], 240), "Åsa Ångström")
	set(12, unused(b.Seats[12], 91), "Wei Chen 陳偉")
	set(13, unused(b.Seats[13], 120), "Ngozi Okafor").Kept = "administrator"
	set(14, unused(b.Seats[14], 97), "Layla Haddad (ليلى)").DuplicateOf = "U000015"
	set(20, b.Seats[20], "Jun Sato").Disabled = true
	set(30, seat(30, "", "service", "London", "", 0), "scan station").Paid = false
	return b
}

func firmMonths() []desk.SeatMonth {
	var list []desk.SeatMonth
	seats := 63
	for i := range 12 {
		join, leave := i%3, i%2
		seats += join - leave
		m := desk.SeatMonth{From: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).AddDate(0, i, 0), Seats: seats, Money: 2736000 + provisioning.Money((seats-63)*48000), Joiners: join, Leavers: leave}
		if i == 4 {
			m.Renewals = []string{"standard"}
			m.AtRenewal = []licence.Renewal{{Class: "standard", On: time.Date(2027, 3, 31, 0, 0, 0, 0, time.UTC), Seats: 56, Money: 56 * 48000}}
		}
		list = append(list, m)
	}
	return list
}

func firmNotices() []provisioning.Reclaim {
	r := provisioning.Reclaim{
		ID: 4, Account: "U000011", Name: "Åsa Ångström", Class: "collaborator", Price: 12000, Evidence: "no document event since 2026-03-29; okta tells no sign-in", NoticedAt: now, NoticedBy: "l.ortiz",
		ActAfter: now.Add(14 * 24 * time.Hour), State: provisioning.ReclaimNoticed,
	}
	due, staged, used := r, r, r
	due.ID, due.Account, due.Name, due.ActAfter, due.NoticedAt = 3, "U000010", "Tom Barnes", now.Add(-time.Hour), now.Add(-14*24*time.Hour)
	staged.ID, staged.Account, staged.Name, staged.State, staged.Batch = 2, "U000012", "Wei Chen 陳偉", provisioning.ReclaimStaged, 119
	used.ID, used.Account, used.Name, used.State, used.Changed = 1, "U000014", "Layla Haddad (ليلى)", provisioning.ReclaimCancelled, now.Add(-24*time.Hour)
	used.Why = "it was used since the notice: edit of LON-LIT!99.1, 2026-11-23 09:12 UTC"
	return []provisioning.Reclaim{r, due, staged, used}
}

func newSeats() *seatsDesk {
	return &seatsDesk{
		fake: &fake{roll: rollOf(drawn(), true), plans: planDesk{batches: map[int64]*desk.BatchView{119: batchOf(119, provisioning.BatchDraft, time.Time{})}}},
		book: firmSeats(), months: firmMonths(), notices: firmNotices(), withdrawn: map[int64]string{}, saved: map[string]string{},
	}
}

// at opens the licences over a roster.
func (f *seatsDesk) at(t interface {
	Helper()
	Fatal(...any)
}, theme string, ascii bool, width, height int, keys ...string,
) *tui.Model {
	t.Helper()
	m, err := tui.New(context.Background(), tui.Deps{Desk: f, Theme: theme, ASCII: ascii, Files: campaign.Files{Save: f.Save}, Now: func() time.Time { return now.Add(f.late) }})
	if err != nil {
		t.Fatal(err)
	}
	m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	m.View()
	say(m, append([]string{"L"}, keys...)...)
	return m
}

// everyLook holds a screen at three sizes, in the dark theme and in ASCII with no colour; at 80 columns in every theme.
func everyLook(t *testing.T, name string, open func(t *testing.T, theme string, ascii bool, width, height int) *tui.Model) {
	t.Helper()
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		for _, theme := range themes.Names() {
			for _, ascii := range []bool{false, true} {
				if theme != "dark" && (ascii || size[0] > 80) {
					continue
				}
				t.Run(fmt.Sprintf("%s %dx%d %s ascii=%v", name, size[0], size[1], theme, ascii), func(t *testing.T) {
					m := open(t, theme, ascii, size[0], size[1])
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
}

// TestSeatsGolden holds the looks of the licences: each kind of view, a total that is open, and a firm whose use nobody has read.
func TestSeatsGolden(t *testing.T) {
	for name, keys := range map[string][]string{
		"by class":    nil,
		"idle":        {"tab", "tab", "tab", "down", "down", "down"},
		"reclaimable": {"tab", "tab", "tab", "tab", "space"},
		"open":        {"tab", "down", "enter", "down"},
		"forecast":    {"tab", "tab", "tab", "tab", "tab", "tab", "tab", "down"},
		"notices":     {"shift+tab", "down"},
	} {
		everyLook(t, "seats "+name, func(t *testing.T, theme string, ascii bool, w, h int) *tui.Model {
			return newSeats().at(t, theme, ascii, w, h, keys...)
		})
	}
	everyLook(t, "seats never read", func(t *testing.T, theme string, ascii bool, w, h int) *tui.Model {
		f := newSeats()
		f.book.UseRead = time.Time{}
		for i := range f.book.Seats {
			f.book.Seats[i] = unknown(f.book.Seats[i], "its use was never read")
		}
		return f.at(t, theme, ascii, w, h, "tab", "tab", "tab", "tab")
	})
}

// TestSeatsSay: the head has the whole firm's figures, each of them also the sum of the view's lines; unknown is said to be that.
func TestSeatsSay(t *testing.T) {
	f := newSeats()
	all := f.book.All()
	used := all.Paid - all.Unused - all.Unknown - all.Disabled
	for turns := range 4 { // by class, office, practice and idle days
		text := screen(f.at(t, "dark", false, 120, 40, times(turns, "tab")...))
		for _, want := range []string{
			fmt.Sprintf("%d paid seats   GBP 27,360 a year", all.Paid), fmt.Sprintf("used %d ", used), fmt.Sprintf("not used %d, GBP 3,960", all.Unused), fmt.Sprintf("UNKNOWN %d ", all.Unknown),
			"iManage publishes no last sign-in", "as read 24 Nov 2026 11:02",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("view %d does not say %q:\n%s", turns, want, text)
			}
		}
		sum := [5]int{}
		for _, line := range strings.Split(text, "\n") {
			if fields := lineFigures(line); len(fields) == 6 && !strings.Contains(line, "all seats") {
				for i, at := range []int{0, 2, 4, 5} {
					sum[i] += fields[at]
				}
				sum[4] += fields[1]
			}
		}
		if want := [5]int{all.Paid, all.Unused, all.Unknown, all.Disabled, int(all.Money / 100)}; sum != want {
			t.Errorf("view %d: the lines add up to %v, the firm has %v:\n%s", turns, sum, want, text)
		}
	}
}

// lineFigures are the six figures of a total's line: behind its name, and before its bar.
func lineFigures(line string) (list []int) {
	for _, field := range strings.Fields(line[min(len(line), 22):]) {
		if n, err := strconv.Atoi(strings.ReplaceAll(field, ",", "")); err == nil && len(list) < 6 {
			list = append(list, n)
		} else if len(list) > 0 && len(list) < 6 {
			return nil
		}
	}
	return list
}

// TestNeverRead: where nobody has read who uses the seats it says so and what to press, and nothing may be taken back.
func TestNeverRead(t *testing.T) {
	f := newSeats()
	f.book.UseRead, f.notices = time.Time{}, nil
	for i := range f.book.Seats {
		f.book.Seats[i] = unknown(f.book.Seats[i], "its use was never read")
	}
	text := strings.Join(strings.Fields(screen(f.at(t, "dark", false, 80, 24))), " ")
	if !strings.Contains(text, "the document history was never read. U reads it.") || !strings.Contains(text, "UNKNOWN 62") {
		t.Errorf("it does not say so:\n%s", text)
	}
	m := f.at(t, "dark", false, 80, 24, "enter", "N")
	if text := screen(m); len(f.noticed) != 0 || !strings.Contains(text, "No notice is given of any of these") || !strings.Contains(text, "nobody can tell whether it is used") {
		t.Errorf("noticed %v:\n%s", f.noticed, text)
	}
}

// TestOpenATotal: enter opens a total to exactly its seats, also one without a name; esc comes back to the total.
func TestOpenATotal(t *testing.T) {
	f := newSeats()
	for _, c := range []struct {
		keys []string
		want func(*desk.Seat) bool
	}{
		{[]string{"enter"}, func(s *desk.Seat) bool { return s.Class == "collaborator" }},
		{[]string{"tab", "enter"}, func(s *desk.Seat) bool { return s.Office == "" }},
		{[]string{"tab", "end", "enter"}, func(*desk.Seat) bool { return true }},
		{[]string{"tab", "tab", "tab", "down", "down", "down", "enter"}, func(s *desk.Seat) bool { return s.Usage == provisioning.NotUsed && s.Idle >= 90 }},
	} {
		m := f.at(t, "dark", false, 120, 100, c.keys...)
		text := screen(m)
		for i := range f.book.Seats {
			s := &f.book.Seats[i]
			if shows := strings.Contains(text, s.Account); shows != c.want(s) {
				t.Errorf("%v: %s is shown: %v", c.keys, s.Account, shows)
			}
		}
		say(m, "esc")
		if text := screen(m); !strings.Contains(text, "UNKNOWN disabled") {
			t.Errorf("%v: not the totals:\n%s", c.keys, text)
		}
	}
}

// TestNoticeKey: what is marked and may be noticed is counted, the number is wanted, the file is written and its path told, and who is left
// out is named with the reason.
func TestNoticeKey(t *testing.T) {
	f := newSeats()
	f.notices = nil
	f.left = []desk.Left{{Key: "U000013", Name: "Ngozi Okafor", Why: "administrator"}}
	m := f.at(t, "dark", false, 80, 24, "tab", "tab", "tab", "down", "down", "down", "enter", "*", "N")
	text := screen(m)
	for _, want := range []string{"Give notice of 4 unused seats, which saves GBP 1,560 a year?", "14 days", "8 Dec 2026 14:02", "left out: Ngozi Okafor (U000013): administrator", "type 4"} {
		if !strings.Contains(text, want) {
			t.Errorf("the dialog does not say %q:\n%s", want, text)
		}
	}
	say(m, "4", "enter") // too early: meant for the screen below
	f.late = time.Second
	say(m, "5", "enter")
	if len(f.noticed) != 0 {
		t.Fatal("another number gave notice")
	}
	say(m, "backspace", "4", "enter")
	if len(f.noticed) != 1 || !slices.Equal(f.noticed[0], []string{"U000010", "U000011", "U000012", "U000013", "U000014"}) {
		t.Fatalf("asked for %v", f.noticed)
	}
	if got := f.saved["rollcall-notices-20261124-140201.txt"]; got != "Dear colleague" {
		t.Errorf("saved %v", f.saved)
	}
	text = screen(m)
	for _, want := range []string{"Notice was given of 4 seats", "/srv/rollcall/rollcall-notices-20261124-140201.txt", "left out: Ngozi Okafor (U000013): administrator"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	if f.counts < 2 {
		t.Error("the seats were not counted again")
	}
}

// TestNoticeNotWritten: notices that are given and cannot be written out are not lost: the dialog says so, and writes them again.
func TestNoticeNotWritten(t *testing.T) {
	f := newSeats()
	f.notices, f.unsaved = nil, errors.New("the disk is full")
	m := f.at(t, "dark", false, 80, 24, "tab", "tab", "tab", "tab", "N")
	f.late = time.Second
	say(m, "1", "enter")
	if text := screen(m); len(f.noticed) != 1 || !strings.Contains(text, "NOT written out: the disk is full") {
		t.Fatalf("it does not say so:\n%s", text)
	}
	f.unsaved = nil
	say(m, "down", "enter")
	if len(f.noticed) != 1 || len(f.saved) != 1 {
		t.Errorf("noticed %v, saved %v", f.noticed, f.saved)
	}
}

// TestNoticeStands: of a seat whose notice runs none is given; N says why.
func TestNoticeStands(t *testing.T) {
	f := newSeats()
	m := f.at(t, "dark", false, 80, 24, "tab", "tab", "tab", "tab", "N")
	if text := screen(m); len(f.noticed) != 0 || !strings.Contains(text, "notice was given on 10 Nov 2026") {
		t.Errorf("noticed %v:\n%s", f.noticed, text)
	}
	f = newSeats()
	f.readOnly = "another rollcall owns the store"
	m = f.at(t, "dark", false, 80, 24, "tab", "tab", "tab", "tab", "end")
	for _, k := range []string{"N", "G", "U"} {
		say(m, k)
		if text := screen(m); !strings.Contains(text, "another rollcall owns the store") {
			t.Errorf("%s does not say why:\n%s", k, text)
		}
	}
	if len(f.noticed)+len(f.staged) != 0 {
		t.Errorf("noticed %v, staged %v", f.noticed, f.staged)
	}
}

// TestTakeBackKey: G stages what is due and opens its batch; what was used since and what waits is named. Nothing staged opens nothing.
func TestTakeBackKey(t *testing.T) {
	f := newSeats()
	f.result = desk.ReclaimStaged{
		Batch: 119, People: 1, Money: 48000, Cancelled: []desk.Left{{Key: "U000014", Name: "Layla Haddad", Why: "it was used since the notice"}},
		Waiting: []desk.Left{{Key: "U000011", Name: "Åsa Ångström", Why: "the grace days run until 8 Dec 2026 14:02"}},
	}
	m := f.at(t, "dark", false, 80, 24, "G")
	text := screen(m)
	for _, want := range []string{"1 account staged in batch 119, which saves GBP 480 a year", "kept: Layla Haddad (U000014): it was used since the notice", "waits: Åsa Ångström (U000011): the grace days run"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	say(m, "enter")
	if text := screen(m); len(f.staged) != 1 || f.staged[0] != nil || !strings.Contains(text, "Batch 119") {
		t.Errorf("staged %v:\n%s", f.staged, text)
	}
	f.result = desk.ReclaimStaged{Waiting: f.result.Waiting}
	m = f.at(t, "dark", false, 80, 24, "shift+tab", "space", "G") // of the notices, the one that is marked
	if text := screen(m); len(f.staged) != 2 || !slices.Equal(f.staged[1], []int64{4}) || !strings.Contains(text, "No seat is taken back now") || strings.Contains(text, "Batch 119") {
		t.Errorf("staged %v:\n%s", f.staged, text)
	}
}

// TestWithdrawKey: W wants a reason, and takes back only notices that run.
func TestWithdrawKey(t *testing.T) {
	f := newSeats()
	m := f.at(t, "dark", false, 80, 24, "shift+tab", "*", "W", "enter")
	if len(f.withdrawn) != 0 {
		t.Fatal("taken back without a reason")
	}
	write(m, "on leave")
	say(m, "enter")
	if len(f.withdrawn) != 2 || f.withdrawn[4] != "on leave" || f.withdrawn[3] != "on leave" {
		t.Errorf("taken back %v", f.withdrawn)
	}
	m = f.at(t, "dark", false, 80, 24, "shift+tab", "down", "down", "W")
	if text := screen(m); len(f.withdrawn) != 2 || !strings.Contains(text, "withdraw: put the cursor on a notice that runs") {
		t.Errorf("it does not say why:\n%s", text)
	}
	say(m, "enter")
	if text := screen(m); !strings.Contains(text, "Batch 119") {
		t.Errorf("enter does not open the batch of a staged one:\n%s", text)
	}
}

// TestReadUseKey: U reads, the screen tells how far it is, esc stops it and nothing is said to be wrong; an answer that comes after that
// changes nothing.
func TestReadUseKey(t *testing.T) {
	f := newSeats()
	begun, finish := make(chan struct{}), make(chan struct{})
	f.reads = func(ctx context.Context, progress func(provisioning.Progress)) (desk.UseRead, error) {
		progress(provisioning.Progress{Seen: 16, Total: 64})
		close(begun)
		select {
		case <-ctx.Done():
			return desk.UseRead{}, &provisioning.Error{Code: provisioning.Unavailable, Message: "the reading of use was broken off", Err: ctx.Err()}
		case <-finish:
			return desk.UseRead{Accounts: 64, Whole: 60, Since: days(-91), Why: []string{"LON-LIT answered 403"}}, nil
		}
	}
	read := func(m *tui.Model) (answer chan tea.Msg) {
		cmd := press(m, "U")
		answer = make(chan tea.Msg, 1)
		go func() { answer <- cmd() }()
		<-begun
		m.Update(ui.Beat{})
		if text := screen(m); !strings.Contains(text, "reading use: 16 of 64 accounts") || !strings.Contains(text, "25 %") {
			t.Errorf("it does not tell how far it is:\n%s", text)
		}
		return answer
	}
	m := f.at(t, "dark", false, 80, 24)
	counts := f.counts
	answer := read(m)
	say(m, "esc")
	m2, cmd := m.Update(<-answer)
	settle(m2.(*tui.Model), cmd)
	if text := screen(m); !strings.Contains(text, "the reading of use was stopped: nothing of it was kept") || strings.Contains(text, "broken off") || f.counts != counts {
		t.Errorf("counted %d times:\n%s", f.counts-counts, text)
	}
	begun = make(chan struct{})
	m = f.at(t, "dark", false, 80, 24)
	answer = read(m)
	close(finish)
	late := <-answer
	counts = f.counts
	_, cmd = m.Update(late)
	settle(m, cmd)
	if f.counts != counts+1 {
		t.Errorf("counted %d times after it", f.counts-counts)
	}
	_, cmd = m.Update(late) // again: it is not the reading that runs
	settle(m, cmd)
	if f.counts != counts+1 {
		t.Error("a stale answer was taken")
	}
}

// TestSeatsStay: a roll that is read anew counts the seats again, and the cursor stays on its seat; an older answer is dropped.
func TestSeatsStay(t *testing.T) {
	f := newSeats()
	m := f.at(t, "dark", false, 80, 24, "tab", "tab", "tab", "tab", "down")
	if text := screen(m); !strings.Contains(text, "▸ ◷ U000011") {
		t.Fatalf("the cursor:\n%s", text)
	}
	older := press(m, "r") // no key of this screen
	if older != nil {
		t.Error("r does something")
	}
	_, slow := m.Update(ui.Refresh{})
	stale := slow()
	b := firmSeats()
	b.Seats[9] = unused(b.Seats[9], 100) // one more, above the cursor
	f.book = b
	_, cmd := m.Update(ui.Refresh{})
	settle(m, cmd)
	if text := screen(m); !strings.Contains(text, "▸ ◷ U000011") || !strings.Contains(text, "U000009") {
		t.Errorf("the cursor moved:\n%s", text)
	}
	settle(m, ui.Say(stale))
	if text := screen(m); !strings.Contains(text, "U000009") {
		t.Errorf("an older answer was taken:\n%s", text)
	}
}

// TestSeatsFind: / narrows any list as one types; * marks what is shown alone.
func TestSeatsFind(t *testing.T) {
	f := newSeats()
	f.notices = nil
	m := f.at(t, "dark", false, 80, 24, "tab", "tab", "tab", "tab", "/")
	write(m, "angstrom")
	if text := screen(m); !strings.Contains(text, "Åsa") || strings.Contains(text, "Tom Barnes") || !strings.Contains(text, "1 found") {
		t.Errorf("found:\n%s", text)
	}
	say(m, "enter", "*", "N")
	f.late = time.Second
	say(m, "1", "enter")
	if len(f.noticed) != 1 || !slices.Equal(f.noticed[0], []string{"U000011"}) {
		t.Errorf("asked for %v", f.noticed)
	}
}

// TestSeatsStayWhole: with the hostile corpus in every name, class, office and reason, each view draws exactly its cells, and nothing but
// our own sequences reaches the terminal (threats A1).
func TestSeatsStayWhole(t *testing.T) {
	for i, s := range namestest.Hostile() {
		f := newSeats()
		f.book.Seats = f.book.Seats[:15]
		f.book.Currency = s
		for i := range f.book.Seats {
			seat := &f.book.Seats[i]
			seat.Name, seat.Class, seat.Office, seat.Practice, seat.How, seat.Email = s, s, s, s, s, s
			if i == 14 {
				seat.Kept, seat.DuplicateOf = s, s
			}
		}
		f.book.Seats[3].Account = s
		for i := range f.months {
			f.months[i].Renewals = []string{s}
			f.months[i].AtRenewal = []licence.Renewal{{Class: s, On: now}}
		}
		for i := range f.notices {
			r := &f.notices[i]
			r.Name, r.Account, r.Class, r.Why, r.Evidence, r.NoticedBy = s, s, s, s, s, s
		}
		for _, width := range []int{80 + i%2*40} {
			m := f.at(t, "dark", false, width, 24)
			for range 9 {
				checkClean(t, m, width, 24)
				say(m, "end", "enter", "space")
				checkClean(t, m, width, 24)
				say(m, "esc", "esc", "tab")
			}
			m = f.at(t, "dark", false, width, 24, "shift+tab", "W")
			checkClean(t, m, width, 24)
			f.result = desk.ReclaimStaged{Cancelled: []desk.Left{{Key: s, Name: s, Why: s}}}
			f.left = f.result.Cancelled
			checkClean(t, f.at(t, "dark", false, width, 24, "G"), width, 24)
			checkClean(t, f.at(t, "dark", false, width, 24, "tab", "tab", "tab", "tab", "N"), width, 24)
		}
	}
}

// TestSeatsAreCheap: 100,000 seats draw what is on the page alone (DESIGN 7).
func TestSeatsAreCheap(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	f := newSeats()
	f.book.Seats = nil
	for i := range 100_000 {
		f.book.Seats = append(f.book.Seats, unused(seat(i, fmt.Sprint("Family ", i), "standard", "London", "Tax", 48000), 100))
	}
	m := f.at(t, "dark", false, 120, 40, "tab", "tab", "tab", "tab", "*")
	if n := testing.AllocsPerRun(200, func() { m.View() }); n > 50 {
		t.Errorf("a View allocates %.0f times", n)
	}
	if n := testing.AllocsPerRun(200, func() { press(m, "down"); m.View() }); n > 140 { // the sentence below takes most of them
		t.Errorf("a step down and its View allocate %.0f times", n)
	}
}

// BenchmarkSeats measures a step down with its View at 100,000 seats; the baseline is the same at 100.
func BenchmarkSeats(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		b.Run(fmt.Sprintf("%d seats", n), func(b *testing.B) {
			f := newSeats()
			f.book.Seats = nil
			for i := range n {
				f.book.Seats = append(f.book.Seats, unused(seat(i, fmt.Sprint("Family ", i), "standard", "London", "Tax", 48000), 100))
			}
			m := f.at(b, "dark", false, 120, 40, "tab", "tab", "tab", "tab")
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if press(m, "down"); i%90 == 0 { // the shorter list ends
					press(m, "home")
				}
				m.View()
			}
		})
	}
}
