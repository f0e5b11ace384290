// Package batch is a batch on the screen, from the first look to the last outcome: every line is what will happen, or what happened,
// in plain words; the guards say what they counted; a commit wants the number of people typed, and shows each person's last
// confirmed fact while it runs. The rules are the desk's.
package batch

import (
	"context"
	"fmt"
	"strconv"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

// Desk is what the screen needs of the desk.
type Desk interface {
	View(ctx context.Context, id int64) (*desk.BatchView, error)
	ReviewBatch(ctx context.Context, id int64) (*desk.BatchView, error)
	Schedule(ctx context.Context, c desk.Commit, at time.Time) error
	Unschedule(ctx context.Context, id int64) error
	Commit(ctx context.Context, c desk.Commit) error
	Follow(ctx context.Context, id int64) (*desk.Running, error)
	Pause(ctx context.Context, id int64) error
	Resume(ctx context.Context, id int64) error
	Cancel(ctx context.Context, id int64) error
	Retry(ctx context.Context, id int64) error
	Tick(ctx context.Context, batch, unit int64, seq int) error
	DropUnit(ctx context.Context, unit int64) error
	DropOp(ctx context.Context, unit int64, seq int) error
	EditOp(ctx context.Context, unit int64, seq int, after string) error
	Release(ctx context.Context, batch int64, hash, account, reason string) error
	Unrelease(ctx context.Context, batch int64, hash, account string) error
	Approve(ctx context.Context, batch int64, covers, words string) error
	CollectApprovals(ctx context.Context, batch int64) (bool, error)
	Certificate(ctx context.Context, batch int64, account string) (desk.Removed, error)
	LookNow(ctx context.Context, batch int64, account string) error
	Undo(ctx context.Context, batch int64, reason string) (desk.UndoResult, error)
	ReadOnly() string
}

// Model is the screen.
type Model struct {
	ctx    context.Context //nolint:containedctx // the console's life
	desk   Desk
	st     *ui.Styles
	now    func() time.Time
	id     int64 // 0: the draft
	view   *desk.BatchView
	run    *desk.Running
	open   map[int64]bool // units that are unfolded
	cursor int
	top    int
	why    string // why there is nothing to show
	ran    bool   // it was running at the last look
	zone   *time.Location

	certify    func(ctx context.Context, batch int64) (file string, err error) // writes the signed certificate; nil: nobody does
	beats      int
	collecting bool   // somebody looks for an approval
	refused    string // why the last one that was found does not count
}

// New makes the screen of a batch; 0 is the draft. certify writes its signed certificate to a file and says which; nil: nothing does.
func New(ctx context.Context, d Desk, st *ui.Styles, now func() time.Time, id int64, certify func(ctx context.Context, batch int64) (string, error)) *Model {
	return &Model{ctx: ctx, desk: d, st: st, now: now, id: id, open: make(map[int64]bool), certify: certify}
}

// The screen's own messages carry the screen that asked: what goes later is a batch that lies under the one of now.
type (
	loaded struct {
		of   *Model
		view *desk.BatchView
		err  error
	}
	reviewed struct {
		of   *Model
		at   time.Time // the minute at which it is to begin; zero: its own, or now
		view *desk.BatchView
		err  error
	}
	began struct {
		of  *Model
		err error
	}
	followed struct {
		of  *Model
		run *desk.Running
		err error
	}
	look struct{ of *Model }
	done struct {
		of   *Model
		err  error
		text string
	}
)

// Tag tells batches apart: each has a page of its own.
func (m *Model) Tag() string { return strconv.FormatInt(m.id, 10) }

// Init loads the batch.
func (m *Model) Init() tea.Cmd { return m.load() }

func (m *Model) load() tea.Cmd {
	id := m.id
	return func() tea.Msg {
		v, err := m.desk.View(m.ctx, id)
		return loaded{m, v, err}
	}
}

// SetStyles changes the theme.
func (m *Model) SetStyles(st *ui.Styles) { m.st = st }

// Typing reports that keys are commands here.
func (m *Model) Typing() bool { return false }

// Update takes a message.
func (m *Model) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		cmd, _ := ui.Dispatch(m.Bindings(), msg.String())
		return cmd
	case loaded:
		if msg.of == m {
			return m.didLoad(msg)
		}
	case reviewed:
		if msg.of == m {
			return m.didReview(msg)
		}
	case began:
		switch {
		case msg.of != m:
		case msg.err != nil:
			return tea.Batch(ui.Say(ui.Failed{Err: msg.err}), m.load())
		default:
			return tea.Batch(m.follow(), ui.Say(ui.Draft{}))
		}
	case followed:
		if msg.of == m {
			return m.didFollow(msg)
		}
	case look:
		if msg.of == m {
			return m.follow()
		}
	case collected:
		if msg.of == m {
			return m.didCollect(msg)
		}
	case certified:
		if msg.of == m {
			return m.didCertify(msg)
		}
	case undone:
		if msg.of == m {
			return m.didUndo(msg)
		}
	case done:
		if msg.of != m {
			return nil
		}
		if msg.err != nil {
			return tea.Batch(ui.Say(ui.Failed{Err: msg.err}), m.load())
		}
		return tea.Batch(m.load(), ui.Say(ui.Draft{}), ui.Say(ui.Toast{Text: msg.text, Good: true}))
	case ui.Refresh, ui.Draft:
		return m.load()
	case ui.Beat: // its minute has come: it begins by itself, or misses it
		if m.view != nil && m.view.Batch.State == provisioning.BatchScheduled && !m.now().Before(m.view.Batch.Due) {
			return m.load()
		}
		return m.collect()
	}
	return nil
}

func (m *Model) didLoad(msg loaded) tea.Cmd {
	if msg.err != nil {
		m.view = nil
		if provisioning.CodeOf(msg.err) == provisioning.NotFound {
			m.why = "Nothing is staged. On the roster, put the cursor on a row with a mismatch and press s."
			return nil
		}
		return ui.Say(ui.Failed{Err: msg.err})
	}
	fresh := m.view == nil
	m.view = msg.view
	m.id, m.zone = m.view.Batch.ID, ui.Zone(m.view.Batch.Zone)
	if fresh && len(m.view.Batch.Units) > 0 {
		m.open[m.view.Batch.Units[0].ID] = true
	}
	m.move(0)
	if m.started() {
		return m.follow()
	}
	return nil
}

// started reports whether the batch has left the staging area.
func (m *Model) started() bool {
	if m.view == nil {
		return false
	}
	switch m.view.Batch.State {
	case provisioning.BatchDraft, provisioning.BatchReviewed, provisioning.BatchApproved, provisioning.BatchScheduled, provisioning.BatchMissed:
		return false
	default:
		return true
	}
}

func (m *Model) active() bool { return m.run != nil && m.run.Active }

// follow asks how far the batch is.
func (m *Model) follow() tea.Cmd {
	id := m.id
	return func() tea.Msg {
		r, err := m.desk.Follow(m.ctx, id)
		return followed{m, r, err}
	}
}

// lookEvery is how often a running batch is looked at.
const lookEvery = 100 * time.Millisecond

func (m *Model) didFollow(msg followed) tea.Cmd {
	if msg.err != nil {
		return ui.Say(ui.Failed{Err: msg.err})
	}
	m.run, m.view = msg.run, msg.run.View
	m.move(0)
	if msg.run.Active {
		m.ran = true
		return tea.Tick(lookEvery, func(time.Time) tea.Msg { return look{m} })
	}
	if m.ran { // it came to rest: the roll has the touched accounts as they are now
		m.ran = false
		return ui.Say(ui.Refresh{})
	}
	return nil
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// act runs something that the desk does, and loads the batch anew.
func (m *Model) act(text string, f func(context.Context) error) func() tea.Cmd {
	return func() tea.Cmd {
		return func() tea.Msg { return done{m, f(m.ctx), text} }
	}
}
