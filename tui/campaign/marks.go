package campaign

import (
	"math/bits"
	"time"

	tea "charm.land/bubbletea/v2"
)

// marks are marked places, a bit each: all of a large review are marked in no time.
type marks struct {
	bits []uint64
	n    int
}

const wordBits = 64

func newMarks(items int) marks { return marks{bits: make([]uint64, (items+wordBits-1)/wordBits)} }

func (s *marks) has(i int) bool { return s.n > 0 && s.bits[i/wordBits]&(1<<(i%wordBits)) != 0 }

func (s *marks) set(i int, on bool) {
	switch {
	case s.has(i) == on:
	case on:
		s.bits[i/wordBits] |= 1 << (i % wordBits)
		s.n++
	default:
		s.bits[i/wordBits] &^= 1 << (i % wordBits)
		s.n--
	}
}

func (s *marks) clear() { clear(s.bits); s.n = 0 }

// copyFrom makes the marks those of others, of as many places.
func (s *marks) copyFrom(o *marks) { s.bits, s.n = append(s.bits[:0], o.bits...), o.n }

// places lists what is marked, ascending.
func (s *marks) places() []int {
	list := make([]int, 0, s.n)
	for w, word := range s.bits {
		for ; word != 0; word &= word - 1 {
			list = append(list, w*wordBits+bits.TrailingZeros64(word))
		}
	}
	return list
}

// unmark takes every mark away, and ends a range.
func (m *Review) unmark() {
	m.marks.clear()
	m.anchor, m.ranging = -1, false
	m.changed()
}

// toggle marks the line under the cursor, or takes the mark away, and goes to the next.
func (m *Review) toggle() tea.Cmd {
	i := m.at()
	m.marks.set(i, !m.marks.has(i))
	m.anchor, m.ranging = -1, false
	m.changed()
	m.move(1)
	return nil
}

// markAll marks every line that is shown, or none where all are.
func (m *Review) markAll() tea.Cmd {
	all := m.marks.n == len(m.shown)
	m.unmark()
	if !all {
		for _, i := range m.shown {
			m.marks.set(i, true)
		}
	}
	return nil
}

// begin begins a range at the cursor; what was marked before stays so.
func (m *Review) begin() {
	m.anchor = m.cursor
	m.base.copyFrom(&m.marks)
	m.extend()
}

// extend marks from where the range began to the cursor.
func (m *Review) extend() {
	m.marks.copyFrom(&m.base)
	for c := min(m.anchor, m.cursor); c <= max(m.anchor, m.cursor) && c < len(m.shown); c++ {
		m.marks.set(m.shown[c], true)
	}
	m.changed()
}

// rangeFrom begins a range that the cursor's moves extend, or ends it; its marks stay.
func (m *Review) rangeFrom() tea.Cmd {
	if m.ranging {
		m.ranging, m.anchor = false, -1
		return nil
	}
	m.begin()
	m.ranging = true
	return nil
}

// drag moves the cursor and marks what it passes.
func (m *Review) drag(by int) {
	if m.anchor < 0 {
		m.begin()
	}
	m.move(by)
	m.extend()
}

// step moves the cursor by a plain key: it ends a range that was dragged, and extends one that V began.
func (m *Review) step(by int) {
	m.move(by)
	if m.ranging {
		m.extend()
		return
	}
	m.anchor = -1
}

// pace is when decisions were kept of late.
type pace struct {
	at []time.Time
	n  []int
}

// over is the time whose decisions count for the pace; least is how much of it there must be before a pace is said.
const (
	over  = 5 * time.Minute
	least = 30 * time.Second
)

func (p *pace) add(at time.Time, n int) {
	old := 0
	for old < len(p.at) && at.Sub(p.at[old]) > over {
		old++
	}
	p.at, p.n = append(p.at[old:], at), append(p.n[old:], n)
}

// perMinute is how many decisions a minute were kept of late; 0 where too little is known.
func (p *pace) perMinute(now time.Time) int {
	sum, first := 0, time.Time{}
	for i, at := range p.at {
		if now.Sub(at) > over {
			continue
		}
		if first.IsZero() {
			first = at
		}
		sum += p.n[i]
	}
	took := now.Sub(first)
	if first.IsZero() || took < least {
		return 0
	}
	return int(float64(sum)/took.Minutes() + 1./2)
}
