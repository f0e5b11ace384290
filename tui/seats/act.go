package seats

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

// reading is a reading of use that is under way. What it has seen is written by the desk, and drawn with the console's pulse.
type reading struct {
	seen, of atomic.Int64
	stop     context.CancelFunc
	stopped  bool // the operator stopped it
}

type (
	used struct {
		of  *reading
		u   desk.UseRead
		err error
	}
	noticed struct {
		n     *desk.Notice
		name  string // of the file
		path  string
		err   error
		saved error // why the notices could not be written out: they are given all the same
	}
	staged struct {
		s   *desk.ReclaimStaged
		err error
	}
	withdrawn struct {
		notices int
		err     error
	}
)

// readUse reads the use of every account; esc stops it.
func (m *Model) readUse() tea.Cmd {
	ctx, stop := context.WithCancel(m.ctx)
	r := &reading{stop: stop}
	m.use = r
	m.touch()
	return func() tea.Msg {
		defer stop()
		u, err := m.desk.ReadUse(ctx, func(p provisioning.Progress) {
			r.seen.Store(int64(p.Seen))
			r.of.Store(int64(p.Total))
		})
		return &used{r, u, err}
	}
}

func (m *Model) useRead(msg *used) tea.Cmd {
	if msg.of != m.use {
		return nil
	}
	m.use = nil
	m.touch()
	switch {
	case msg.err != nil && msg.of.stopped && errors.Is(msg.err, context.Canceled):
		return ui.Say(ui.Toast{Text: "the reading of use was stopped: nothing of it was kept"})
	case msg.err != nil:
		return ui.Say(ui.Failed{Err: msg.err})
	}
	said := fmt.Sprintf("the use of %s was read since %s", plural(msg.u.Accounts, "account"), msg.u.Since.Local().Format("2 Jan 2006"))
	if lacks := msg.u.Accounts - msg.u.Whole; lacks > 0 {
		said += fmt.Sprintf("; of %d not whole: %s", lacks, strings.Join(msg.u.Why, "; "))
	}
	return tea.Batch(ui.Say(ui.Refresh{}), ui.Say(ui.Toast{Text: said, Good: msg.u.Whole == msg.u.Accounts}))
}

// sorted tells the chosen accounts of which a notice is given now from those of which none is, and why.
func (m *Model) sorted() (goes []*desk.Seat, left []string) {
	for _, account := range m.marked() {
		s := m.known.chosen[account]
		if why := m.inTheWay(s); why != "" {
			left = append(left, s.Name+" ("+account+"): "+why)
			continue
		}
		goes = append(goes, s)
	}
	return goes, left
}

// mostNamed is how many of a list a dialog names.
const mostNamed = 5

// named adds the first lines of a list, each behind a word, and says how many more there are.
func named(body []string, word string, list []string) []string {
	for i, one := range list {
		if i == mostNamed && len(list) > mostNamed+1 {
			return append(body, fmt.Sprintf("%s: %d more", word, len(list)-i))
		}
		body = append(body, word+": "+one)
	}
	return body
}

// giveNotice asks for the number of seats, and gives notice of them.
func (m *Model) giveNotice() tea.Cmd {
	goes, left := m.sorted()
	if len(goes) == 0 {
		return ui.Say(ui.Ask{Dialog: &ui.Choose{Title: "No notice is given of any of these", Body: named(nil, "left out", left)}})
	}
	var money provisioning.Money
	for _, s := range goes {
		money += s.Saves
	}
	const day = 24 * time.Hour
	grace := m.known.book.Grace
	body := []string{fmt.Sprintf("The grace is %s, until %s: whoever uses the account before then keeps it. The use of each is read again before it is closed.",
		plural(int(grace/day), "day"), m.now().Add(grace).Local().Format("2 Jan 2006 15:04"))}
	accounts := m.marked()
	return ui.Say(ui.Ask{Dialog: &ui.Confirm{
		Title: fmt.Sprintf("Give notice of %s%s?", plural(len(goes), "unused seat"), m.saving(money)),
		Body:  named(body, "left out", left), Want: strconv.Itoa(len(goes)), Now: m.now,
		Yes: func(string) tea.Cmd {
			return func() tea.Msg {
				n, err := m.desk.GiveNotice(m.ctx, accounts)
				if err != nil {
					return noticed{err: err}
				}
				return m.saveNotice(n, "rollcall-notices-"+m.now().UTC().Format("20060102-150405")+".txt")
			}
		},
	}})
}

// saveNotice writes the notices out; it is called in a command.
func (m *Model) saveNotice(n *desk.Notice, name string) noticed {
	path, err := m.save(name, n.Text)
	return noticed{n: n, name: name, path: path, saved: err}
}

func (m *Model) noticed(msg noticed) tea.Cmd {
	if msg.err != nil {
		return ui.Say(ui.Failed{Err: msg.err})
	}
	clear(m.marks)
	var left []string
	for _, l := range msg.n.Left {
		left = append(left, l.Name+" ("+l.Key+"): "+l.Why)
	}
	d := &ui.Choose{Title: "Notice was given of " + plural(len(msg.n.Reclaims), "seat")}
	if msg.saved != nil {
		d.Body = []string{"The notices are NOT written out: " + provisioning.Reason(msg.saved) + ". They stand all the same: write them out, or take them back with W."}
		d.Options = []ui.Option{{Label: "write them out again", Do: func() tea.Cmd {
			return func() tea.Msg { return m.saveNotice(msg.n, msg.name) }
		}}}
	} else {
		d.Body = []string{"The notices are in " + msg.path + ": send each to its person. G takes back what is still unused after the grace days."}
	}
	d.Body = named(d.Body, "left out", left)
	return tea.Batch(m.Init(), ui.Say(ui.Ask{Dialog: d}))
}

// stage stages the seats whose grace days are over: of the notices that are marked, else of all.
func (m *Model) stage() tea.Cmd {
	var ids []int64
	if m.lists() == rowsNotices {
		for i := range m.known.notices {
			if id := m.known.notices[i].ID; m.takes[id] {
				ids = append(ids, id)
			}
		}
	}
	return func() tea.Msg {
		s, err := m.desk.StageReclaims(m.ctx, ids)
		return staged{s, err}
	}
}

func (m *Model) staged(msg staged) tea.Cmd {
	if msg.err != nil {
		return tea.Batch(m.Init(), ui.Say(ui.Failed{Err: msg.err}))
	}
	clear(m.takes)
	lines := func(list []desk.Left) (out []string) {
		for _, l := range list {
			out = append(out, l.Name+" ("+l.Key+"): "+l.Why)
		}
		return out
	}
	body := named(nil, "kept", lines(msg.s.Cancelled))
	body = named(body, "waits", lines(msg.s.Waiting))
	if msg.s.Batch == 0 {
		if len(body) == 0 {
			body = []string{"No notice runs. Mark unused seats, and N gives notice of them."}
		}
		return tea.Batch(m.Init(), ui.Say(ui.Ask{Dialog: &ui.Choose{Title: "No seat is taken back now", Body: body}}))
	}
	title := fmt.Sprintf("%s staged in batch %d%s", plural(msg.s.People, "account"), msg.s.Batch, m.saving(msg.s.Money))
	open := ui.Say(ui.OpenBatch{ID: msg.s.Batch})
	if len(body) == 0 {
		return tea.Batch(m.Init(), ui.Say(ui.Draft{}), open, ui.Say(ui.Toast{Text: title, Good: true}))
	}
	return tea.Batch(m.Init(), ui.Say(ui.Draft{}), open, ui.Say(ui.Ask{Dialog: &ui.Choose{Title: title, Body: body}}))
}

// chosenNotices are the notices that are marked, else the one under the cursor; only those that can be taken back.
func (m *Model) chosenNotices() (ids []int64, who string) {
	for _, i := range m.given {
		if r := &m.known.notices[i]; m.takes[r.ID] && r.State == provisioning.ReclaimNoticed {
			ids, who = append(ids, r.ID), r.Name
		}
	}
	if r := m.notice(); len(ids) == 0 && r != nil && r.State == provisioning.ReclaimNoticed {
		return []int64{r.ID}, r.Name
	}
	if len(ids) > 1 {
		who = fmt.Sprintf("%d people", len(ids))
	}
	return ids, who
}

func (m *Model) withdraw() tea.Cmd {
	ids, who := m.chosenNotices()
	return ui.Say(ui.Ask{Dialog: &ui.Prompt{
		Title: "Why is the notice of " + who + " taken back?", Body: []string{"The seat stays. The reason goes into the record."},
		Check: func(text string) (string, error) {
			if strings.TrimSpace(text) == "" {
				return "", errors.New("a reason is wanted")
			}
			return "", nil
		},
		Done: func(reason string) tea.Cmd {
			return func() tea.Msg { return withdrawn{len(ids), m.desk.WithdrawNotice(m.ctx, ids, reason)} }
		},
	}})
}
