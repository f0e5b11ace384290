// Package roster is the console's front page: people on the left, accounts on the right, one row a pair, and between them what is
// wrong, as a sign and a word. It owns the cursor, the marks, the filter and the search, and knows no rule: what a row means, the
// desk says.
package roster

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

// Desk is what the roster needs of the desk.
type Desk interface {
	Roll() *desk.Roll
	Explain(r *desk.Roll, row int) desk.Explanation
	Search(ctx context.Context, r *desk.Roll, text string, f desk.Filter) (desk.Hits, error)
	Stage(ctx context.Context, keys []string) (desk.Staged, error)
	Unstage(ctx context.Context, keys []string) error
	StagedKeys() map[string]bool
	Sync(ctx context.Context, progress func(provisioning.Progress)) (*desk.Roll, error)
	SyncWhole(ctx context.Context, progress func(provisioning.Progress)) (*desk.Roll, error)
	ReadOnly() string
	PolicyPending() bool
}

// Model is the roster.
type Model struct {
	ctx   context.Context //nolint:containedctx // the console's life; commands are cut off with it
	desk  Desk
	st    *ui.Styles
	now   func() time.Time
	roll  *desk.Roll
	table table

	filter  desk.Filter
	query   string
	finding bool
	hits    *desk.Hits
	asked   int // the generation of the newest search
	stop    context.CancelFunc
	danger  bool // sorted by danger

	cursor, top, height int
	marks               map[string]bool
	anchor              int // where a range of marks began, -1

	reading  bool
	stopRead context.CancelFunc
	progress map[string]provisioning.Progress
	updates  chan provisioning.Progress
	order    []int32 // of a sort by danger
	orderOf  orderKey

	explained explained
	chrome    chrome
	keys      []ui.Binding
}

type orderKey struct {
	roll   *desk.Roll
	filter desk.Filter
	hits   *desk.Hits
}

type explained struct {
	roll *desk.Roll
	row  int
	text desk.Explanation
}

// New makes a roster.
func New(ctx context.Context, d Desk, st *ui.Styles, now func() time.Time) *Model {
	return &Model{
		ctx: ctx, desk: d, st: st, now: now, roll: d.Roll(), filter: desk.FilterAll, marks: make(map[string]bool), anchor: -1,
		progress: make(map[string]provisioning.Progress), table: table{rows: make(map[int32]string)},
	}
}

// The roster's own messages.
type (
	searched struct {
		asked int
		hits  desk.Hits
		err   error
	}
	read struct {
		roll *desk.Roll
		err  error
	}
	progressed struct{}
	staged     struct {
		result desk.Staged
		err    error
		undone int
	}
)

// Init reads the systems where there is no roll yet.
func (m *Model) Init() tea.Cmd {
	if m.roll == nil {
		return m.read(false)
	}
	return nil
}

// SetStyles changes the theme.
func (m *Model) SetStyles(st *ui.Styles) { m.st = st; m.table.clear() }

// Typing reports whether the finder is open.
func (m *Model) Typing() bool { return m.finding }

// Update takes a message.
func (m *Model) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		if m.finding {
			return m.typed(msg)
		}
		cmd, _ := ui.Dispatch(m.Bindings(), msg.String())
		return cmd
	case tea.PasteMsg:
		if m.finding {
			m.query += paste(msg.Content)
			return m.search()
		}
	case tea.MouseWheelMsg:
		if msg.Button == tea.MouseWheelUp {
			m.move(-3)
		} else {
			m.move(3)
		}
	case searched:
		return m.found(msg)
	case progressed:
		return m.listen()
	case read:
		return m.didRead(msg)
	case staged:
		return m.didStage(msg)
	case ui.Refresh:
		m.take(m.desk.Roll())
		return m.search()
	}
	return nil
}

// visible is what is shown now: rows of the roll in display order.
func (m *Model) visible() []int32 {
	if m.roll == nil {
		return nil
	}
	rows := m.roll.Select(m.filter)
	if m.query != "" && m.hits != nil {
		rows = m.hits.Rows
	}
	if !m.danger {
		return rows
	}
	if key := (orderKey{m.roll, m.filter, m.hits}); key != m.orderOf || m.order == nil {
		m.order, m.orderOf = byDanger(m.roll, rows), key
	}
	return m.order
}

// current is the index of the row under the cursor, -1 where there is none.
func (m *Model) current() int {
	rows := m.visible()
	if m.cursor < 0 || m.cursor >= len(rows) {
		return -1
	}
	return int(rows[m.cursor])
}

func (m *Model) currentKey() string {
	if i := m.current(); i >= 0 {
		return m.roll.Rows[i].Key
	}
	return ""
}

// take puts a new roll in place. The cursor stays on its row, wherever that row is now.
func (m *Model) take(r *desk.Roll) {
	if r == nil || r == m.roll {
		return
	}
	key, offset := m.currentKey(), m.cursor-m.top
	m.roll, m.hits = r, nil
	m.table.clear()
	m.seek(key, offset)
}

// seek puts the cursor on the row of a key, as far below the top as before; where it is gone, the place stays.
func (m *Model) seek(key string, offset int) {
	if m.roll == nil {
		return
	}
	want := int32(m.roll.Find(key)) //nolint:gosec // an index
	if want >= 0 {
		for at, row := range m.visible() {
			if row == want {
				m.cursor, m.top = at, max(0, at-offset)
				break
			}
		}
	}
	m.move(0)
}

// move moves the cursor and keeps it on the page.
func (m *Model) move(by int) {
	n := len(m.visible())
	m.cursor = min(max(m.cursor+by, 0), max(n-1, 0))
	if m.height <= 0 {
		return
	}
	if m.cursor < m.top {
		m.top = m.cursor
	}
	if m.cursor >= m.top+m.height {
		m.top = m.cursor - m.height + 1
	}
	m.top = min(m.top, max(n-m.height, 0))
}

// read reads every system, the directories by what changed where they can tell that, or all of them whole; the progress comes through a channel that a command listens to.
func (m *Model) read(whole bool) tea.Cmd {
	if m.reading {
		return nil
	}
	m.reading = true
	m.progress = make(map[string]provisioning.Progress)
	updates := make(chan provisioning.Progress, 64)
	m.updates = updates
	ctx, stop := context.WithCancel(m.ctx)
	m.stopRead = stop
	work := func() tea.Msg {
		defer close(updates)
		defer stop()
		sync := m.desk.Sync
		if whole {
			sync = m.desk.SyncWhole
		}
		roll, err := sync(ctx, func(p provisioning.Progress) {
			select {
			case updates <- p:
			default: // the screen is behind: a later number is as good
			}
		})
		return read{roll, err}
	}
	return tea.Batch(work, m.listen())
}

// listen waits for the next progress, at most about fifteen times a second.
func (m *Model) listen() tea.Cmd {
	updates := m.updates
	for {
		select {
		case p, ok := <-updates:
			if !ok {
				return nil
			}
			m.progress[p.Source+" "+p.What] = p
			continue
		default:
		}
		break
	}
	if !m.reading {
		return nil
	}
	return tea.Tick(time.Second/15, func(time.Time) tea.Msg { return progressed{} })
}

func (m *Model) didRead(msg read) tea.Cmd {
	m.reading = false
	if msg.err != nil {
		return ui.Say(ui.Failed{Err: msg.err})
	}
	m.take(msg.roll)
	text := fmt.Sprintf("read %s", msg.roll.TakenAt.Local().Format("15:04:05"))
	return tea.Batch(m.search(), ui.Say(ui.Toast{Text: text, Good: true}), ui.Say(ui.Refresh{}))
}

// chosen are the keys of what is marked, or of the row under the cursor.
func (m *Model) chosen() []string {
	if len(m.marks) == 0 {
		if key := m.currentKey(); key != "" {
			return []string{key}
		}
		return nil
	}
	keys := make([]string, 0, len(m.marks))
	for _, i := range m.roll.Select(desk.FilterAll) {
		if key := m.roll.Rows[i].Key; m.marks[key] {
			keys = append(keys, key)
		}
	}
	return keys
}

func (m *Model) stage() tea.Cmd {
	keys := m.chosen()
	return func() tea.Msg {
		result, err := m.desk.Stage(m.ctx, keys)
		return staged{result: result, err: err}
	}
}

func (m *Model) unstage() tea.Cmd {
	keys := m.chosen()
	return func() tea.Msg {
		return staged{err: m.desk.Unstage(m.ctx, keys), undone: len(keys)}
	}
}

func (m *Model) didStage(msg staged) tea.Cmd {
	m.table.clear()
	if msg.err != nil {
		return ui.Say(ui.Failed{Err: msg.err})
	}
	if msg.undone > 0 {
		return tea.Batch(ui.Say(ui.Toast{Text: "taken out of the batch", Good: true}), ui.Say(ui.Draft{}))
	}
	r := msg.result
	m.marks = make(map[string]bool)
	text := fmt.Sprintf("staged: %s, %s. b opens the batch", plural(r.People, "person", "people"), plural(r.Changes, "change", "changes"))
	good := r.People > 0
	if n := len(r.Left); n > 0 {
		if !good {
			text = ""
		}
		text += fmt.Sprintf(" not staged: %s: %s", r.Left[0].Name, r.Left[0].Why)
		if n > 1 {
			text += fmt.Sprintf(" (and %d more)", n-1)
		}
	}
	if n := len(r.Kept); n > 0 {
		text += fmt.Sprintf(". Kept back: %s: %s", r.Kept[0].Name, r.Kept[0].Why)
		if n > 1 {
			text += fmt.Sprintf(" (and %d more)", n-1)
		}
	}
	return tea.Batch(ui.Say(ui.Toast{Text: text, Good: good}), ui.Say(ui.Draft{}))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
