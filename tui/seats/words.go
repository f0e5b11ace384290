package seats

import (
	"fmt"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

// sentence says everything about the line under the cursor. Raw.
func (m *Model) sentence() string {
	if m.known == nil || m.list.At() < 0 {
		return ""
	}
	switch m.lists() {
	case rowsTotals:
		return m.ofTotal(&m.totals[m.list.At()], m.sum(m.list.At()))
	case rowsMonths:
		return m.ofMonth(&m.known.forecast[m.list.At()])
	case rowsNotices:
		return m.ofNotice(m.notice())
	default:
		return m.ofSeat(m.seat())
	}
}

func (m *Model) ofTotal(t *desk.SeatTotal, all bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s of them paid, %s a year.", m.nameOf(t.Name, all), plural(t.Seats, "account"), ui.Count(t.Paid), m.amount(t.Money))
	if t.Term > 0 {
		fmt.Fprintf(&b, " %s until the renewal.", m.amount(t.Term))
	}
	if t.Unused > 0 {
		fmt.Fprintf(&b, " %s %s a year.", are(t.Unused, "is surely not used and costs", "are surely not used and cost"), m.amount(t.UnusedMoney))
	}
	if t.Unknown > 0 {
		fmt.Fprintf(&b, " Of %s nobody can tell: unknown is never taken back.", ui.Count(t.Unknown))
	}
	if t.Disabled > 0 {
		fmt.Fprintf(&b, " %s disabled, and the contract counts them.", are(t.Disabled, "is", "are"))
	}
	if r, ok := m.renewal(t.Name); ok && m.view == byClass && !all {
		fmt.Fprintf(&b, " On the renewal of %s it comes to %s, %s a year.", r.on, plural(r.seats, "seat"), m.amount(r.money))
	}
	return b.String()
}

func (m *Model) ofMonth(f *desk.SeatMonth) string {
	said := fmt.Sprintf("At the end of %s: %s, %s a year; %s, %s, as far as the directories give a day.", f.From.Format("January 2006"), plural(f.Seats, "paid seat"), m.amount(f.Money),
		plural(f.Joiners, "joiner"), plural(f.Leavers, "leaver"))
	for _, r := range f.AtRenewal {
		said += fmt.Sprintf(" %s is renewed on %s: %s, %s a year.", r.Class, r.On.Local().Format("2 Jan 2006"), plural(r.Seats, "seat"), m.amount(r.Money))
	}
	return said
}

func (m *Model) ofNotice(r *provisioning.Reclaim) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s), %s a year: notice of %s by %s.", r.Name, r.Account, m.amount(r.Price), m.date(r.NoticedAt), r.NoticedBy)
	switch r.State {
	case provisioning.ReclaimNoticed:
		if m.now().Before(r.ActAfter) {
			fmt.Fprintf(&b, " The grace days run until %s, %s.", r.ActAfter.Local().Format("2 Jan 15:04"), ui.Until(r.ActAfter, m.now()))
		} else {
			b.WriteString(" Its grace days are over: G looks at the use again, and stages it if it is still unused.")
		}
	case provisioning.ReclaimStaged:
		fmt.Fprintf(&b, " Staged in batch %d: enter opens it.", r.Batch)
	default:
		fmt.Fprintf(&b, " %s %s: %s.", strings.ToUpper(string(r.State[:1]))+string(r.State[1:]), m.date(r.Changed), r.Why)
	}
	b.WriteString(" It rests on: " + r.Evidence + ".")
	return b.String()
}

// ofSeat says on what the word about its use rests, and what stands in the way of taking it back.
func (m *Model) ofSeat(s *desk.Seat) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s), %s", s.Name, s.Account, s.Class)
	if s.Paid {
		fmt.Fprintf(&b, ", %s a year", m.amount(s.Price))
	}
	switch {
	case s.Usage == provisioning.Used && !s.Last.IsZero():
		fmt.Fprintf(&b, ". Used last on %s: %s.", s.Last.Local().Format("2 Jan 2006"), s.How)
	case s.Usage == provisioning.NotUsed:
		fmt.Fprintf(&b, ". Not used for %s at least: %s.", plural(s.Idle, "day"), s.How)
	default:
		fmt.Fprintf(&b, ". UNKNOWN whether it is used: %s.", s.How)
	}
	if s.DuplicateOf != "" {
		b.WriteString(" The same person has " + s.DuplicateOf + ".")
	}
	why := m.inTheWay(s)
	switch {
	case why == "":
		b.WriteString(" Nothing stands in the way: N gives notice.")
	case strings.HasSuffix(why, s.How) && s.Usage == provisioning.UsageUnknown: // that is said already
		b.WriteString(" Unknown is never taken back.")
	case strings.HasSuffix(why, s.How) && s.Usage == provisioning.NotUsed:
		fmt.Fprintf(&b, " It may be taken back after %s.", plural(m.known.book.Reclaim, "day"))
	case strings.HasSuffix(why, s.How):
	default:
		b.WriteString(" It is not taken back: " + why + ".")
	}
	return b.String()
}
