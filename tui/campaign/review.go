// Package campaign is the screens of access reviews: the list of them, how a new one is laid out and opened, and the review itself, decided at
// keyboard speed. It asks the desk for everything and knows no rule: who may decide what, what a close would do and what it did are the
// desk's words.
package campaign

import (
	"context"
	"slices"
	"strconv"
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
	Packets(ctx context.Context, id int64) ([]provisioning.ReviewPacket, error)
	NextStage(ctx context.Context, r *desk.Review) ([]string, error)
	PlanClose(ctx context.Context, r *desk.Review) (*desk.Closing, error)
	CloseReview(ctx context.Context, r *desk.Review) (*desk.Closing, error)
	FinishReview(ctx context.Context, r *desk.Review) (*desk.ReviewFinish, error)
	CancelReview(ctx context.Context, r *desk.Review, reason string) error
	View(ctx context.Context, id int64) (*desk.BatchView, error)
	Roll() *desk.Roll
	ReadOnly() string
}

// Files is how a review writes the files that it hands out, and reads those that come back.
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
	alarms int // how many items alarm: that never changes

	which   int    // of filters
	find    string //
	finding bool
	shown   []int // the places that are shown, ascending: a verdict moves none of them
	known   bool  // shown is an answer
	listing bool  // another list is being made: keys wait for it, for they are about its lines
	later   []tea.KeyPressMsg
	asked   int // the generation of the newest question

	cursor, top, height int
	anchor              int  // where a range began; -1: none
	ranging             bool // V: the cursor's moves extend it
	marks, base         marks

	queue    []wish // verdicts that are not kept yet, in the order of their keys; the first is being written
	writing  bool
	refusals []error
	acts     []wish // what was kept here, for taking it back
	pace     pace

	dialog ui.Dialog         // takes every key; it opens with the key that asks for it, so that none is typed past it
	held   bool              // the desk is asked for what a dialog will say: keys wait for it
	ahead  []tea.KeyPressMsg // those that wait

	rest   *rest              // what is left to do after the close
	finish *desk.ReviewFinish // what the closing snapshot said

	shut       bool // no decision is taken any more
	ownAllowed bool // the policy lets one decide on one's own
	gen        int  // of what the lines say
	table      table
	chrome     chrome
	mine       mine
	keys       []ui.Binding
}

// New makes the screen of a review.
func New(ctx context.Context, d Desk, st *ui.Styles, now func() time.Time, id int64, files Files) *Review {
	return &Review{ctx: ctx, desk: d, st: st, now: now, id: id, files: files, anchor: -1, table: table{rows: make(map[int]string)}}
}

// Tag tells two reviews apart: each has a page of its own.
func (m *Review) Tag() string { return strconv.FormatInt(m.id, 10) }

// filters are what the list can be narrowed to, as the desk calls them.
func filters() []string { return []string{"mine", "open", "revoked", "kept", "asked", "alarms", ""} }

// The screen's own messages carry the screen that asked: two reviews may lie over each other.
type (
	loaded struct {
		of     *Review
		r      *desk.Review
		alarms int
		err    error
	}
	selected struct {
		of    *Review
		asked int
		shown []int
	}
	done struct {
		of   *Review
		text string
		err  error
	}
)

// Init opens the review.
func (m *Review) Init() tea.Cmd {
	return func() tea.Msg {
		r, err := m.desk.OpenReview(m.ctx, m.id)
		if err != nil {
			return loaded{of: m, err: err}
		}
		return loaded{of: m, r: r, alarms: len(r.Select(desk.ReviewFilter{Which: "alarms"}))}
	}
}

// SetStyles changes the theme.
func (m *Review) SetStyles(st *ui.Styles) { m.st = st; m.changed() }

// Typing reports whether keys are text, or wait for a dialog.
func (m *Review) Typing() bool { return m.finding || m.dialog != nil || m.held }

// changed says that lines which were drawn may not be so any more.
func (m *Review) changed() {
	m.gen++
	m.table.clear()
	if shut := m.r != nil && m.r.Campaign().State != provisioning.CampaignOpen; shut != m.shut {
		m.shut, m.keys = shut, nil
	}
}

// Update takes a message.
func (m *Review) Update(msg tea.Msg) tea.Cmd {
	if a, ok := m.dialog.(interface{ Answer(msg tea.Msg) bool }); ok && a.Answer(msg) {
		return nil
	}
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		return m.key(msg)
	case tea.PasteMsg:
		return m.paste(msg.Content)
	case tea.MouseWheelMsg:
		if m.dialog == nil {
			if msg.Button == tea.MouseWheelUp {
				m.step(-3)
			} else {
				m.step(3)
			}
		}
	case loaded:
		if msg.of == m {
			return m.didLoad(msg)
		}
	case selected:
		if msg.of == m {
			return m.didSelect(msg)
		}
	case kept:
		if msg.of == m {
			return m.didKeep(msg)
		}
	case done:
		if msg.of == m {
			return m.didDo(msg)
		}
	case answered:
		if msg.of == m {
			return m.release(msg)
		}
	case looked:
		if msg.of == m {
			m.rest = msg.rest
			m.changed()
		}
	case ui.Refresh, ui.Draft: // the batch of the revokes may have come further, or the roll was read
		return m.look()
	}
	return nil
}

// key takes a key: a dialog takes all of them, what waits for one keeps them, a search takes text.
func (m *Review) key(k tea.KeyPressMsg) tea.Cmd {
	switch d := m.dialog; {
	case m.held && k.String() == "esc":
		m.held, m.ahead = false, nil
	case m.held:
		m.ahead = append(m.ahead, k)
	case d != nil:
		cmd, closed := d.Key(k)
		if closed && m.dialog == d { // what it did may have opened another one
			m.dialog = nil
		}
		return cmd
	case m.finding:
		return m.typed(k)
	case m.listing:
		m.later = append(m.later, k)
	default:
		cmd, _ := ui.Dispatch(m.Bindings(), k.String())
		return cmd
	}
	return nil
}

// paste is text, never a key (threats A2).
func (m *Review) paste(text string) tea.Cmd {
	switch {
	case m.dialog != nil:
		return m.dialog.Paste(text)
	case m.finding:
		m.find += names.Clean(text).Bare()
		return m.list()
	default:
		return nil
	}
}

// ask opens a dialog at once: the next key is its.
func (m *Review) ask(d ui.Dialog) tea.Cmd {
	m.dialog = d
	if b, ok := d.(interface{ Begin() tea.Cmd }); ok {
		return b.Begin()
	}
	return nil
}

// answered is what a dialog waits for; open opens it, on the screen's own goroutine.
type answered struct {
	of   *Review
	open func() tea.Cmd
	err  error
}

// hold asks the desk for what a dialog will say. Keys that are typed meanwhile are the dialog's.
func (m *Review) hold(find func() (open func() tea.Cmd, err error)) tea.Cmd {
	m.held = true
	return func() tea.Msg {
		open, err := find()
		return answered{m, open, err}
	}
}

// release opens the dialog that was waited for, and gives it the keys that were typed for it.
func (m *Review) release(msg answered) tea.Cmd {
	if !m.held { // esc gave it up
		return nil
	}
	ahead := m.ahead
	m.held, m.ahead = false, nil
	if msg.err != nil {
		return ui.Say(ui.Failed{Err: msg.err})
	}
	cmds := []tea.Cmd{msg.open()}
	for _, k := range ahead {
		if m.dialog == nil && !m.held {
			break // it never opened, or closed: what else was typed was not for the list
		}
		cmds = append(cmds, m.key(k))
	}
	return tea.Batch(cmds...)
}

func (m *Review) didLoad(msg loaded) tea.Cmd {
	if msg.err != nil {
		return ui.Say(ui.Failed{Err: msg.err})
	}
	first := m.r == nil
	m.r, m.alarms, m.ownAllowed = msg.r, msg.alarms, msg.r.Campaign().SelfReview
	m.marks = newMarks(m.r.Len())
	m.changed()
	if first {
		m.narrow()
	}
	return tea.Batch(m.list(), m.look())
}

// narrow goes to the filter that a review is of use under when it is opened, and when it was closed.
func (m *Review) narrow() {
	switch n := m.r.Counts(); {
	case m.shut && n.Revoked > 0: // what is left to do is about these
		m.which = slices.Index(filters(), "revoked")
	case m.shut || n.Mine == 0: // nothing waits for this operator: all of it is shown
		m.which = slices.Index(filters(), "")
	}
}

func (m *Review) didDo(msg done) tea.Cmd {
	m.changed()
	cmds := []tea.Cmd{m.list(), m.look()}
	switch {
	case msg.err != nil:
		cmds = append(cmds, ui.Say(ui.Failed{Err: msg.err}))
	case msg.text != "":
		cmds = append(cmds, ui.Say(ui.Toast{Text: msg.text, Good: true}))
	}
	return tea.Batch(cmds...)
}

// list has the list made anew for the filter and the search, in a command: it looks at every item. An older answer is dropped.
func (m *Review) list() tea.Cmd {
	if m.r == nil {
		return nil
	}
	m.asked++
	m.listing = true
	asked, r, f := m.asked, m.r, desk.ReviewFilter{Which: filters()[m.which], Text: m.find}
	return func() tea.Msg { return selected{m, asked, r.Select(f)} }
}

// didSelect puts another list in place. The cursor stays on its item where that is still shown. Keys that waited are for this list.
func (m *Review) didSelect(msg selected) tea.Cmd {
	if msg.asked != m.asked {
		return nil
	}
	at, offset := m.at(), m.cursor-m.top
	m.shown, m.known = msg.shown, true
	m.unmark()
	m.cursor, _ = slices.BinarySearch(m.shown, max(at, 0))
	m.top = max(0, m.cursor-offset)
	m.move(0)
	m.changed()
	later := m.later
	m.listing, m.later = false, nil
	cmds := make([]tea.Cmd, 0, len(later))
	for _, k := range later {
		cmds = append(cmds, m.key(k)) // one of them may ask for yet another list: the rest waits for that
	}
	return tea.Batch(cmds...)
}

// at is the place under the cursor; -1: none.
func (m *Review) at() int {
	if m.cursor < 0 || m.cursor >= len(m.shown) {
		return -1
	}
	return m.shown[m.cursor]
}

// move moves the cursor, and keeps it on the page.
func (m *Review) move(by int) {
	m.cursor = min(max(m.cursor+by, 0), max(len(m.shown)-1, 0))
	if m.height <= 0 {
		return
	}
	m.top = min(m.top, m.cursor)
	m.top = max(m.top, m.cursor-m.height+1)
	m.top = min(m.top, max(len(m.shown)-m.height, 0))
}

// turn goes to another filter.
func (m *Review) turn(by int) tea.Cmd {
	n := len(filters())
	m.which = (m.which + by + n) % n
	return m.list()
}

// typed takes a key of the search.
func (m *Review) typed(k tea.KeyPressMsg) tea.Cmd {
	switch k.String() {
	case "esc":
		m.finding, m.find = false, ""
	case "enter":
		m.finding = false
		return nil
	case "up":
		m.move(-1)
		return nil
	case "down":
		m.move(1)
		return nil
	case "backspace":
		r := []rune(m.find)
		if len(r) == 0 {
			m.finding = false
			return nil
		}
		m.find = string(r[:len(r)-1])
	case "ctrl+u":
		m.find = ""
	default:
		if k.Text == "" {
			return nil
		}
		m.find += k.Text
	}
	return m.list()
}
