// Package seats is licences and money: who has a paid seat, whether it is used, what it costs, and how an unused one is taken back. What is
// used, what may be taken back and what stands in the way are the desk's words.
package seats

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// Desk is what the screen needs of the desk.
type Desk interface {
	Seats(ctx context.Context) (*desk.SeatBook, error)
	Forecast(ctx context.Context, months int) ([]desk.SeatMonth, error)
	ReadUse(ctx context.Context, progress func(provisioning.Progress)) (desk.UseRead, error)
	GiveNotice(ctx context.Context, accounts []string) (*desk.Notice, error)
	Reclaims(ctx context.Context, open bool) ([]provisioning.Reclaim, error)
	WithdrawNotice(ctx context.Context, ids []int64, reason string) error
	StageReclaims(ctx context.Context, ids []int64) (*desk.ReclaimStaged, error)
	ReadOnly() string
}

// tab is one way of looking at the seats.
type tab int

// The tabs, in their order.
const (
	tabReclaim tab = iota
	tabUnused
	tabUnknown
	tabAll
	tabClass
	tabOffice
	tabForecast
	tabNotices
	tabs
)

func (t tab) String() string {
	return [...]string{"may be taken back", "unused", "unknown", "all seats", "by class", "by office", "forecast", "notices"}[t]
}

// months is how far the forecast goes.
const months = 12

// Model is the screen.
type Model struct {
	ctx  context.Context //nolint:containedctx // the console's life
	desk Desk
	st   *ui.Styles
	now  func() time.Time
	save func(name string, data []byte) (string, error)

	book     *desk.SeatBook
	forecast []desk.SeatMonth
	notices  []provisioning.Reclaim
	asked    int
	tab      tab
	only     string // of the seats, those of a class or an office that was opened; "": all
	find     string
	typing   bool
	shown    []int // of the book's seats
	totals   []desk.SeatTotal
	cursor   int
	top      int
	height   int
	marks    map[string]bool

	reading bool
	stop    context.CancelFunc
	seen    atomic.Int64 // accounts whose use was read
	of      atomic.Int64
	keys    []ui.Binding
}

// New makes the screen. save writes the notices, and says where.
func New(ctx context.Context, d Desk, st *ui.Styles, now func() time.Time, save func(name string, data []byte) (string, error)) *Model {
	return &Model{ctx: ctx, desk: d, st: st, now: now, save: save, marks: make(map[string]bool)}
}

type (
	counted struct {
		asked    int
		book     *desk.SeatBook
		forecast []desk.SeatMonth
		notices  []provisioning.Reclaim
		err      error
	}
	used struct {
		u   desk.UseRead
		err error
	}
	noticed struct {
		n    *desk.Notice
		path string
		err  error
	}
	staged struct {
		s   *desk.ReclaimStaged
		err error
	}
	done struct {
		text string
		err  error
	}
)

// Init counts the seats.
func (m *Model) Init() tea.Cmd {
	m.asked++
	asked := m.asked
	return func() tea.Msg {
		c := counted{asked: asked}
		if c.book, c.err = m.desk.Seats(m.ctx); c.err != nil {
			return c
		}
		if c.forecast, c.err = m.desk.Forecast(m.ctx, months); c.err != nil {
			return c
		}
		c.notices, c.err = m.desk.Reclaims(m.ctx, false)
		return c
	}
}

// SetStyles changes the theme.
func (m *Model) SetStyles(st *ui.Styles) { m.st = st }

// Typing reports whether the search is open.
func (m *Model) Typing() bool { return m.typing }

// Update takes a message.
func (m *Model) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		if m.typing {
			m.typed(msg)
			return nil
		}
		cmd, _ := ui.Dispatch(m.Bindings(), msg.String())
		return cmd
	case tea.PasteMsg:
		if m.typing {
			m.find += names.Clean(msg.Content).Bare()
			m.narrow()
		}
	case ui.Refresh:
		return m.Init()
	case counted:
		if msg.asked != m.asked {
			return nil
		}
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		m.book, m.forecast, m.notices = msg.book, msg.forecast, msg.notices
		m.narrow()
	case used:
		m.reading, m.stop = false, nil
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		return tea.Batch(m.Init(), ui.Say(ui.Refresh{}), ui.Say(ui.Toast{Text: fmt.Sprintf("the use of %d accounts was read, of %d whole", msg.u.Accounts, msg.u.Whole), Good: true}))
	case noticed:
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		clear(m.marks)
		body := []string{"The notices are in " + msg.path + ": send each to its person."}
		for _, l := range msg.n.Left {
			body = append(body, "left out: "+l.Name+" ("+l.Key+"): "+l.Why)
		}
		return tea.Batch(m.Init(), ui.Say(ui.Ask{Dialog: &ui.Choose{Title: fmt.Sprintf("Notice was given of %d seats", len(msg.n.Reclaims)), Body: body}}))
	case staged:
		return m.stagedSeats(msg)
	case done:
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		return tea.Batch(m.Init(), ui.Say(ui.Toast{Text: msg.text, Good: true}))
	}
	return nil
}

func (m *Model) stagedSeats(msg staged) tea.Cmd {
	if msg.err != nil {
		return ui.Say(ui.Failed{Err: msg.err})
	}
	var body []string
	for _, l := range msg.s.Cancelled {
		body = append(body, "kept, used since: "+l.Name+" ("+l.Key+"): "+l.Why)
	}
	for _, l := range msg.s.Waiting {
		body = append(body, "waits: "+l.Name+" ("+l.Key+"): "+l.Why)
	}
	if msg.s.Batch == 0 {
		return tea.Batch(m.Init(), ui.Say(ui.Ask{Dialog: &ui.Choose{Title: "No seat is to be taken back now", Body: body}}))
	}
	cmds := []tea.Cmd{m.Init(), ui.Say(ui.Draft{}), ui.Say(ui.OpenBatch{ID: msg.s.Batch})}
	if len(body) > 0 {
		cmds = append(cmds, ui.Say(ui.Ask{Dialog: &ui.Choose{Title: fmt.Sprintf("%d accounts are staged", msg.s.People), Body: body}}))
	}
	return tea.Sequence(cmds...)
}

func (m *Model) typed(k tea.KeyPressMsg) {
	switch k.String() {
	case "esc":
		m.typing, m.find = false, ""
	case "enter":
		m.typing = false
		return
	case "backspace":
		if r := []rune(m.find); len(r) > 0 {
			m.find = string(r[:len(r)-1])
		}
	default:
		m.find += k.Text
	}
	m.narrow()
}

// narrow lists what the tab shows.
func (m *Model) narrow() {
	m.shown, m.totals, m.cursor, m.top = m.shown[:0], nil, 0, 0
	if m.book == nil {
		return
	}
	switch m.tab {
	case tabClass:
		m.totals = append(m.book.By(func(s *desk.Seat) string { return s.Class }), m.book.All())
		return
	case tabOffice:
		m.totals = append(m.book.By(func(s *desk.Seat) string { return s.Office }), m.book.All())
		return
	case tabForecast, tabNotices:
		return
	default:
	}
	may := make(map[string]bool)
	for _, s := range m.book.Reclaimable() {
		may[s.Account] = true
	}
	words := strings.Fields(names.Fold(m.find))
	for i := range m.book.Seats {
		s := &m.book.Seats[i]
		var shows bool
		switch m.tab {
		case tabReclaim:
			shows = may[s.Account]
		case tabUnused:
			shows = s.Paid && !s.Disabled && s.Usage == provisioning.NotUsed
		case tabUnknown:
			shows = s.Paid && !s.Disabled && s.Usage == provisioning.UsageUnknown
		default:
			shows = m.only == "" || s.Class == m.only || s.Office == m.only
		}
		text := names.Fold(s.Name + " " + s.Account + " " + s.Office + " " + s.Practice + " " + s.Class)
		if shows && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
			m.shown = append(m.shown, i)
		}
	}
}

// length is how many lines the tab has.
func (m *Model) length() int {
	switch m.tab {
	case tabClass, tabOffice:
		return len(m.totals)
	case tabForecast:
		return len(m.forecast)
	case tabNotices:
		return len(m.notices)
	default:
		return len(m.shown)
	}
}

// seat is the one under the cursor; nil: none is.
func (m *Model) seat() *desk.Seat {
	if m.book == nil || m.tab >= tabClass || m.cursor >= len(m.shown) {
		return nil
	}
	return &m.book.Seats[m.shown[m.cursor]]
}

// chosen are the accounts that are marked, else the one under the cursor, with what they cost.
func (m *Model) chosen() (accounts []string, money provisioning.Money) {
	for i := range m.book.Seats {
		s := &m.book.Seats[i]
		if m.marks[s.Account] {
			accounts, money = append(accounts, s.Account), money+s.Price
		}
	}
	if s := m.seat(); len(accounts) == 0 && s != nil {
		return []string{s.Account}, s.Price
	}
	return accounts, money
}

// notice asks for the number, and gives notice.
func (m *Model) notice() tea.Cmd {
	accounts, money := m.chosen()
	return ui.Say(ui.Ask{Dialog: &ui.Confirm{
		Title: fmt.Sprintf("Give notice of %d seats, %s a year?", len(accounts), amount(money, m.book.Currency)),
		Body:  []string{"Each person has the policy's grace days. Whoever uses the account before keeps it: the use is read again before each is closed."},
		Want:  strconv.Itoa(len(accounts)), Now: m.now, Yes: func(string) tea.Cmd {
			return func() tea.Msg {
				n, err := m.desk.GiveNotice(m.ctx, accounts)
				if err != nil {
					return noticed{err: err}
				}
				path, err := m.save("rollcall-notices-"+m.now().UTC().Format("20060102-150405")+".txt", n.Text)
				return noticed{n, path, err}
			}
		},
	}})
}

// readUse reads the use of every account; esc stops it.
func (m *Model) readUse() tea.Cmd {
	ctx, stop := context.WithCancel(m.ctx)
	m.reading, m.stop = true, stop
	m.seen.Store(0)
	return func() tea.Msg {
		defer stop()
		u, err := m.desk.ReadUse(ctx, func(p provisioning.Progress) {
			m.seen.Store(int64(p.Seen))
			m.of.Store(int64(p.Total))
		})
		return used{u, err}
	}
}

func (m *Model) withdraw() tea.Cmd {
	r := m.notices[m.cursor]
	return ui.Say(ui.Ask{Dialog: &ui.Prompt{Title: "Why is the notice of " + r.Name + " taken back?", Done: func(reason string) tea.Cmd {
		return func() tea.Msg {
			return done{"the notice is taken back: the seat stays", m.desk.WithdrawNotice(m.ctx, []int64{r.ID}, reason)}
		}
	}}})
}

// amount is money as people read it.
func amount(money provisioning.Money, currency string) string {
	const hundred = 100
	sign := ""
	if money < 0 {
		sign, money = "-", -money
	}
	if currency == "" {
		return "-"
	}
	return fmt.Sprintf("%s %s%s.%02d", currency, sign, ui.Count(int(money/hundred)), money%hundred)
}
