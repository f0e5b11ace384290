// Package seats is licences and money: who has a paid seat, whether it is used, what it costs, and how an unused one is taken back. What is
// used, what may be taken back and what stands in the way are the desk's words.
package seats

import (
	"context"
	"fmt"
	"slices"
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

// months is how far the forecast goes.
const months = 12

// Model is the screen.
type Model struct {
	ctx  context.Context //nolint:containedctx // the console's life
	desk Desk
	st   *ui.Styles
	now  func() time.Time
	save func(name string, data []byte) (path string, err error)

	known *counted // what was counted last; nil: nothing yet
	asked int      // the newest count that was asked for: the answer to an older one is dropped
	view  view
	open  *opened // the total that is open; nil: none is
	find  string
	types bool // the search takes the keys

	list   ui.List
	totals []desk.SeatTotal // of the view
	shown  []int            // of the book's seats
	given  []int            // of the notices
	marks  map[string]bool  // accounts
	takes  map[int64]bool   // notices
	use    *reading         // of use, that is under way; nil: none is
	keys   [4][]ui.Binding  // by what is listed

	rev   int // of all that is drawn but for the cursor
	heads drawn
	foots drawn
}

// drawn are lines that are kept while what they show stands.
type drawn struct {
	of    drawnOf
	lines []string
}

type drawnOf struct {
	st                     *ui.Styles
	rev, at, width, height int
}

// New makes the screen. save writes the notices, and says where.
func New(ctx context.Context, d Desk, st *ui.Styles, now func() time.Time, save func(name string, data []byte) (path string, err error)) *Model {
	return &Model{ctx: ctx, desk: d, st: st, now: now, save: save, marks: make(map[string]bool), takes: make(map[int64]bool)}
}

// counted is an answer of the desk, with what is made of it once.
type counted struct {
	asked    int
	book     *desk.SeatBook
	forecast []desk.SeatMonth
	notices  []provisioning.Reclaim
	err      error

	all    desk.SeatTotal
	may    map[string]bool                  // the accounts whose seat may be taken back
	open   map[string]*provisioning.Reclaim // the notices that run, by account
	folded []string                         // of each seat, what the search looks at
	cents  bool                             // some price is no whole number
	chosen map[string]*desk.Seat            // by account
	days   []string                         // the buckets of the policy's days, each by its name
	used   string                           // the bucket before them
}

// Init counts the seats.
func (m *Model) Init() tea.Cmd {
	m.asked++
	asked := m.asked
	return func() tea.Msg {
		c := &counted{asked: asked}
		if c.book, c.err = m.desk.Seats(m.ctx); c.err != nil {
			return c
		}
		if c.forecast, c.err = m.desk.Forecast(m.ctx, months); c.err != nil {
			return c
		}
		if c.notices, c.err = m.desk.Reclaims(m.ctx, false); c.err == nil {
			c.prepare()
		}
		return c
	}
}

// prepare makes what the screen would otherwise make at every key.
func (c *counted) prepare() {
	const hundred = 100
	c.all = c.book.All()
	c.may, c.open, c.chosen = make(map[string]bool), make(map[string]*provisioning.Reclaim), make(map[string]*desk.Seat, len(c.book.Seats))
	for _, s := range c.book.Reclaimable() {
		c.may[s.Account] = true
	}
	c.used = fmt.Sprintf("used within %d days", first(c.book.Dormant))
	for i := range c.book.Dormant {
		c.days = append(c.days, daysWord(c.book.Dormant, i))
	}
	for i := range c.notices {
		if r := &c.notices[i]; r.State == provisioning.ReclaimNoticed || r.State == provisioning.ReclaimStaged {
			c.open[r.Account] = r
		}
	}
	c.folded = make([]string, len(c.book.Seats))
	for i := range c.book.Seats {
		s := &c.book.Seats[i]
		c.folded[i] = names.Fold(s.Name + " " + s.Account + " " + s.Office + " " + s.Practice + " " + s.Class)
		c.chosen[s.Account] = s
		c.cents = c.cents || s.Price%hundred != 0
	}
}

// SetStyles changes the theme.
func (m *Model) SetStyles(st *ui.Styles) { m.st = st }

// Typing reports whether the search is open.
func (m *Model) Typing() bool { return m.types }

// touch says that what is drawn, the cursor apart, is another.
func (m *Model) touch() {
	m.rev++
	m.list.Stale()
}

// Update takes a message.
func (m *Model) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		if m.types {
			m.typed(msg)
			return nil
		}
		cmd, _ := ui.Dispatch(m.Bindings(), msg.String())
		return cmd
	case tea.PasteMsg:
		if m.types {
			m.find += names.Clean(msg.Content).Bare()
			m.narrow()
		}
	case tea.MouseWheelMsg:
		m.wheel(msg)
	case ui.Refresh:
		return m.Init()
	case *counted:
		if msg.asked != m.asked {
			return nil
		}
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		key := m.key()
		m.known = msg
		m.relist(key)
	case *used:
		return m.useRead(msg)
	case noticed:
		return m.noticed(msg)
	case staged:
		return m.staged(msg)
	case withdrawn:
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		clear(m.takes)
		return tea.Batch(m.Init(), ui.Say(ui.Toast{Text: fmt.Sprintf("%s taken back: the seats stay", plural(msg.notices, "notice")), Good: true}))
	}
	return nil
}

func (m *Model) wheel(msg tea.MouseWheelMsg) {
	const lines = 3
	switch msg.Button {
	case tea.MouseWheelDown:
		m.list.Move(lines)
	case tea.MouseWheelUp:
		m.list.Move(-lines)
	default:
	}
}

// typed takes a key of the search.
func (m *Model) typed(k tea.KeyPressMsg) {
	switch k.String() {
	case "esc":
		m.types, m.find = false, ""
	case "enter":
		m.types = false
		m.touch()
		return
	case "down":
		m.list.Move(1)
		return
	case "up":
		m.list.Move(-1)
		return
	case "backspace":
		if r := []rune(m.find); len(r) > 0 {
			m.find = string(r[:len(r)-1])
		}
	case "ctrl+u":
		m.find = ""
	default:
		m.find += k.Text
	}
	m.narrow()
}

// narrow lists anew what was typed for, from the top.
func (m *Model) narrow() { m.relist("") }

// seat is the one under the cursor; nil: none is.
func (m *Model) seat() *desk.Seat {
	if at := m.list.At(); at >= 0 && m.lists() == rowsSeats {
		return &m.known.book.Seats[m.shown[at]]
	}
	return nil
}

// total is the one under the cursor; nil: none is.
func (m *Model) total() *desk.SeatTotal {
	if at := m.list.At(); at >= 0 && m.lists() == rowsTotals {
		return &m.totals[at]
	}
	return nil
}

// notice is the one under the cursor; nil: none is.
func (m *Model) notice() *provisioning.Reclaim {
	if at := m.list.At(); at >= 0 && m.lists() == rowsNotices {
		return &m.known.notices[m.given[at]]
	}
	return nil
}

// inTheWay says why no notice may be given of a seat; "" where one may.
func (m *Model) inTheWay(s *desk.Seat) string {
	var own []provisioning.Reclaim
	if r := m.known.open[s.Account]; r != nil {
		own = []provisioning.Reclaim{*r}
	}
	return desk.NoNotice(m.known.book, s, own)
}

// marked are the accounts that are marked, sorted, else the one under the cursor.
func (m *Model) marked() []string {
	var list []string
	for account := range m.marks {
		if m.known.chosen[account] != nil {
			list = append(list, account)
		}
	}
	if s := m.seat(); len(list) == 0 && s != nil {
		return []string{s.Account}
	}
	slices.Sort(list)
	return list
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return ui.Count(n) + " " + word + "s"
}
