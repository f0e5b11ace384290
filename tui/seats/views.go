package seats

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
)

// view is one way of looking at the seats.
type view int

// The views, in their order.
const (
	byClass view = iota
	byOffice
	byPractice
	byIdle
	reclaimable
	second
	disabled
	forecast
	notices
	views
)

// word is the view's name on the line of the views, where there is room and where there is little.
func (v view) word(short bool) string {
	if short {
		return [...]string{"class", "office", "practice", "idle", "reclaim", "second", "disabled", "forecast", "notices"}[v]
	}
	return [...]string{"by class", "by office", "by practice", "by idle days", "reclaimable", "second seats", "disabled", "forecast", "notices"}[v]
}

// sort is what the lines of a view are.
type sort int

const (
	rowsTotals sort = iota
	rowsSeats
	rowsMonths
	rowsNotices
)

// lists says what the lines are that are shown now.
func (m *Model) lists() sort {
	switch {
	case m.open != nil:
		return rowsSeats
	case m.view <= byIdle:
		return rowsTotals
	case m.view == forecast:
		return rowsMonths
	case m.view == notices:
		return rowsNotices
	default:
		return rowsSeats
	}
}

// opened is a total that was opened to its seats.
type opened struct {
	name string // as the total has it
	all  bool
}

// groups says by what a view adds up.
func (m *Model) groups(v view) func(*desk.Seat) string {
	switch v {
	case byClass:
		return func(s *desk.Seat) string { return s.Class }
	case byOffice:
		return func(s *desk.Seat) string { return s.Office }
	case byPractice:
		return func(s *desk.Seat) string { return s.Practice }
	default:
		return m.bucket
	}
}

// The buckets that are no days.
const (
	bucketUnknown  = "UNKNOWN"
	bucketDisabled = "disabled, counted"
	bucketFree     = "not paid for"
)

// bucket is where a seat stands among the policy's days: each seat is in one.
func (m *Model) bucket(s *desk.Seat) string {
	days := m.known.book.Dormant
	switch {
	case !s.Paid:
		return bucketFree
	case s.Disabled:
		return bucketDisabled
	case s.Usage == provisioning.UsageUnknown:
		return bucketUnknown
	case s.Usage == provisioning.Used || len(days) == 0:
		return m.known.used
	default:
		return m.known.days[max(0, slices.Index(days, s.Bucket))]
	}
}

// daysWord names a bucket by the days from it to the next.
func daysWord(days []int, i int) string {
	if i == len(days)-1 {
		return fmt.Sprintf("%d days and more", days[i])
	}
	return fmt.Sprintf("%d to %d days", days[i], days[i+1]-1)
}

func first(days []int) int {
	if len(days) == 0 {
		return 0
	}
	return days[0]
}

// order is in which a view's totals stand: the policy's, where it has one.
func (m *Model) order() []string {
	switch m.view {
	case byClass:
		return m.known.book.ClassNames()
	case byIdle:
		return append(append([]string{m.known.used}, m.known.days...), bucketUnknown, bucketDisabled, bucketFree)
	default:
		return nil
	}
}

// add makes the view's totals, the sum of all below them.
func (m *Model) add(fits func(string) bool) []desk.SeatTotal {
	var list []desk.SeatTotal
	for _, t := range m.known.book.By(m.groups(m.view)) {
		if fits(names.Fold(t.Name)) {
			list = append(list, t)
		}
	}
	if order := m.order(); order != nil {
		slices.SortStableFunc(list, func(x, y desk.SeatTotal) int { return slices.Index(order, x.Name) - slices.Index(order, y.Name) })
	}
	if m.find == "" && len(list) > 1 {
		list = append(list, m.known.all)
	}
	return list
}

// sum reports whether a line is the sum below the totals.
func (m *Model) sum(at int) bool { return m.find == "" && len(m.totals) > 1 && at == len(m.totals)-1 }

// wants reports whether a seat is among those that are shown, the search apart.
func (m *Model) wants(s *desk.Seat) bool {
	switch {
	case m.open != nil:
		return m.open.all || m.groups(m.view)(s) == m.open.name
	case m.view == reclaimable:
		return m.known.may[s.Account]
	case m.view == second:
		return s.Paid && s.DuplicateOf != ""
	default:
		return s.Paid && s.Disabled
	}
}

// relist lists what the view shows, with the cursor on the line of a key; where that is gone, at the place where it stood.
func (m *Model) relist(key string) {
	at := 0
	if key != "" {
		at = max(0, m.list.At())
	}
	m.shown, m.totals, m.given = m.shown[:0], nil, m.given[:0]
	m.touch()
	if m.known == nil {
		return
	}
	words := strings.Fields(names.Fold(m.find))
	fits := func(folded string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(folded, w) })
	}
	var n int
	switch m.lists() {
	case rowsTotals:
		m.totals = m.add(fits)
		n = len(m.totals)
	case rowsMonths:
		n = len(m.known.forecast)
	case rowsNotices:
		for i := range m.known.notices {
			r := &m.known.notices[i]
			if len(words) == 0 || fits(names.Fold(r.Name+" "+r.Account+" "+r.Office+" "+r.Class+" "+string(r.State))) {
				m.given = append(m.given, i)
			}
		}
		n = len(m.given)
	default:
		for i := range m.known.book.Seats {
			if m.wants(&m.known.book.Seats[i]) && fits(m.known.folded[i]) {
				m.shown = append(m.shown, i)
			}
		}
		n = len(m.shown)
	}
	for i := 0; key != "" && i < n; i++ {
		if m.keyOf(i) == key {
			at = i
			break
		}
	}
	m.list.Set(n, at)
}

// key tells the line under the cursor from all others; "" where there is none.
func (m *Model) key() string {
	if at := m.list.At(); at >= 0 && m.known != nil {
		return m.keyOf(at)
	}
	return ""
}

func (m *Model) keyOf(at int) string {
	switch m.lists() {
	case rowsTotals:
		if m.sum(at) {
			return "all"
		}
		return "t/" + m.totals[at].Name
	case rowsMonths:
		return fmt.Sprintf("m/%d", at)
	case rowsNotices:
		return fmt.Sprintf("n/%d", m.known.notices[m.given[at]].ID)
	default:
		return "s/" + m.known.book.Seats[m.shown[at]].Account
	}
}
