package campaign

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// Desk is what a review needs of the desk.
type Desk interface {
	OpenReview(ctx context.Context, id int64) (*desk.Review, error)
	DecideReview(ctx context.Context, r *desk.Review, places []int, v desk.Verdict) error
	MakePacket(ctx context.Context, r *desk.Review, reviewer, format string) (*desk.PacketFile, error)
	ImportAnswer(ctx context.Context, data []byte) (*desk.Imported, error)
	NextStage(ctx context.Context, r *desk.Review) ([]string, error)
	PlanClose(ctx context.Context, r *desk.Review) (*desk.Closing, error)
	CloseReview(ctx context.Context, r *desk.Review) (*desk.Closing, error)
	FinishReview(ctx context.Context, r *desk.Review) (*desk.ReviewFinish, error)
	CancelReview(ctx context.Context, r *desk.Review, reason string) error
	ReadOnly() string
}

// Files is how a review writes the files that it hands out and reads those that come back.
type Files struct {
	Save func(name string, data []byte) (path string, err error)
	Load func(path string) ([]byte, error)
}

// Review is one access review, decided line by line.
type Review struct {
	ctx   context.Context //nolint:containedctx // the console's life
	desk  Desk
	st    *ui.Styles
	now   func() time.Time
	files Files
	id    int64

	r      *desk.Review
	which  int   // of filters
	shown  []int // places, as the filter found them: a decision moves nothing
	find   string
	typing bool
	asked  int
	cursor int
	top    int
	height int
	anchor int // where a range began; -1: none
	marks  map[int]bool

	queue   []wish // verdicts that are not kept yet, in the order in which they were pressed
	writing bool
	pace    []time.Time // of the latest verdicts, for the pace
	keys    []ui.Binding
}

// wish is a verdict with the places that it was pressed at.
type wish struct {
	places []int
	v      desk.Verdict
}

// New makes the screen of a review.
func New(ctx context.Context, d Desk, st *ui.Styles, now func() time.Time, id int64, files Files) *Review {
	return &Review{ctx: ctx, desk: d, st: st, now: now, id: id, files: files, anchor: -1, marks: make(map[int]bool)}
}

// Tag tells two reviews apart.
func (m *Review) Tag() string { return fmt.Sprint(m.id) }

// filters are what the list can be narrowed to.
func filters() []string { return []string{"mine", "open", "alarms", "asked", "revoked", "kept", ""} }

func filterWord(f string) string {
	if f == "" {
		return "all"
	}
	return f
}

type (
	loaded struct {
		r   *desk.Review
		err error
	}
	selected struct {
		asked int
		shown []int
	}
	kept struct {
		err error
	}
	said struct {
		text string
		err  error
	}
	closing struct {
		k   *desk.Closing
		err error
	}
	closed struct {
		batch int64
		err   error
	}
)

// Init opens the review.
func (m *Review) Init() tea.Cmd {
	return func() tea.Msg {
		r, err := m.desk.OpenReview(m.ctx, m.id)
		return loaded{r, err}
	}
}

// SetStyles changes the theme.
func (m *Review) SetStyles(st *ui.Styles) { m.st = st }

// Typing reports whether the search is open.
func (m *Review) Typing() bool { return m.typing }

// look has the list made anew for the filter.
func (m *Review) look() tea.Cmd {
	if m.r == nil {
		return nil
	}
	m.asked++
	asked, r, f := m.asked, m.r, desk.ReviewFilter{Which: filters()[m.which], Text: m.find}
	return func() tea.Msg { return selected{asked, r.Select(f)} }
}

// Update takes a message.
func (m *Review) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		if m.typing {
			return m.typed(msg)
		}
		cmd, _ := ui.Dispatch(m.Bindings(), msg.String())
		return cmd
	case tea.PasteMsg:
		if m.typing {
			m.find += names.Clean(msg.Content).Bare()
			return m.look()
		}
	case loaded:
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		m.r = msg.r
		if n := m.r.Counts(); n.Mine == 0 { // nothing waits for this operator: all of it is shown
			m.which = len(filters()) - 1
		}
		return m.look()
	case selected:
		if msg.asked == m.asked {
			m.shown, m.cursor, m.top, m.anchor = msg.shown, 0, 0, -1
			clear(m.marks)
		}
	case kept:
		m.writing = false
		if msg.err != nil {
			m.queue = nil // what was pressed after it was meant for what is not so
			return ui.Say(ui.Failed{Err: msg.err})
		}
		return m.write()
	case said:
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		return tea.Batch(m.look(), ui.Say(ui.Toast{Text: msg.text, Good: true}))
	case closing:
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		return m.confirmClose(msg.k)
	case closed:
		if msg.err != nil {
			return ui.Say(ui.Failed{Err: msg.err})
		}
		if msg.batch == 0 {
			return ui.Say(ui.Toast{Text: "closed: nothing is revoked; press F to finish", Good: true})
		}
		return ui.Say(ui.OpenBatch{ID: msg.batch})
	}
	return nil
}

func (m *Review) typed(k tea.KeyPressMsg) tea.Cmd {
	switch k.String() {
	case "esc":
		m.typing, m.find = false, ""
	case "enter":
		m.typing = false
		return nil
	case "backspace":
		if r := []rune(m.find); len(r) > 0 {
			m.find = string(r[:len(r)-1])
		}
	default:
		m.find += k.Text
	}
	return m.look()
}

// at is the place under the cursor; -1: none.
func (m *Review) at() int {
	if m.cursor < 0 || m.cursor >= len(m.shown) {
		return -1
	}
	return m.shown[m.cursor]
}

// chosen are the places that a verdict is for: what is marked, else what is under the cursor.
func (m *Review) chosen() []int {
	if len(m.marks) == 0 {
		return []int{m.at()}
	}
	var list []int
	for _, i := range m.shown {
		if m.marks[i] {
			list = append(list, i)
		}
	}
	return list
}

// press takes a verdict for what is chosen, and goes on to the next line that waits. It is kept in its turn.
func (m *Review) press(places []int, v desk.Verdict) tea.Cmd {
	m.queue = append(m.queue, wish{places, v})
	const remembered = 200
	for range places {
		m.pace = append(m.pace, m.now())
	}
	m.pace = m.pace[max(0, len(m.pace)-remembered):]
	clear(m.marks)
	m.anchor = -1
	m.next(places)
	return m.write()
}

// next goes to the next line that is open and was not decided just now.
func (m *Review) next(just []int) {
	done := make(map[int]bool, len(just))
	for _, i := range just {
		done[i] = true
	}
	for _, w := range m.queue {
		for _, i := range w.places {
			done[i] = true
		}
	}
	for c := m.cursor; c < len(m.shown); c++ {
		if i := m.shown[c]; !done[i] && m.waits(i) {
			m.cursor = c
			return
		}
	}
	m.cursor = min(m.cursor+1, max(0, len(m.shown)-1))
}

// waits reports whether an item is open.
func (m *Review) waits(i int) bool {
	s := m.r.State(i)
	return s.Here && s.Verdict != provisioning.ReviewKeep && s.Verdict != provisioning.ReviewRevoke
}

// write keeps the first wish of the queue, one at a time: what was pressed first is kept first.
func (m *Review) write() tea.Cmd {
	if m.writing || len(m.queue) == 0 {
		return nil
	}
	w := m.queue[0]
	m.queue, m.writing = m.queue[1:], true
	r := m.r
	return func() tea.Msg { return kept{m.desk.DecideReview(m.ctx, r, w.places, w.v)} }
}

// move moves the cursor.
func (m *Review) move(by int) {
	m.cursor = min(max(m.cursor+by, 0), max(0, len(m.shown)-1))
}

// extend marks a range.
func (m *Review) extend(by int) {
	if len(m.shown) == 0 {
		return
	}
	if m.anchor < 0 {
		m.anchor = m.cursor
	}
	m.move(by)
	clear(m.marks)
	for c := min(m.anchor, m.cursor); c <= max(m.anchor, m.cursor); c++ {
		m.marks[m.shown[c]] = true
	}
}

// perMinute is how many decisions a minute were taken of late; 0 where too few were.
func (m *Review) perMinute() int {
	const over, least = 5 * time.Minute, 3
	now := m.now()
	n := 0
	var first time.Time
	for _, at := range m.pace {
		if now.Sub(at) <= over {
			if n == 0 {
				first = at
			}
			n++
		}
	}
	if n < least || !now.After(first) {
		return 0
	}
	return int(float64(n) / max(now.Sub(first).Minutes(), 1.0/60)) //nolint:mnd // a second is the least
}
