package campaign

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

// wish is a verdict with the items that it was given to when its key was pressed: wherever the cursor goes meanwhile, it is theirs.
type wish struct {
	places []int // ascending
	v      desk.Verdict
	loose  bool // given to many: those among them that may not be decided are left out, and told of
}

// kept says what became of the first wish of the queue.
type kept struct {
	of   *Review
	took []int
	left int   // how many were left out
	why  error // of the first that was left out
	err  error
}

// manyMarked is how many marked lines take a verdict by its key alone; for more the number is typed: nobody keeps a thousand by a slip.
const manyMarked = 20

// chosen are the places that a verdict is for: what is marked, else what is under the cursor.
func (m *Review) chosen() []int {
	if m.marks.n > 0 {
		return m.marks.places()
	}
	if i := m.at(); i >= 0 {
		return []int{i}
	}
	return nil
}

// give gives a verdict to what is chosen.
func (m *Review) give(places []int, v desk.Verdict) tea.Cmd {
	switch n := len(places); {
	case n == 0:
		return nil
	case n > manyMarked:
		return m.ask(&ui.Confirm{
			Title: fmt.Sprintf("%s all %s marked decisions", title(v), ui.Count(n)), Body: []string{"Those among them that are not yours to decide are left out. u takes it back."}, Want: strconv.Itoa(n),
			Yes: func(string) tea.Cmd { return m.press(wish{places, v, true}) },
		})
	case n == 1:
		if err := m.may(places[0], v.Verdict); err != nil {
			return ui.Say(ui.Toast{Text: provisioning.Reason(err)})
		}
	}
	return m.press(wish{places, v, len(places) > 1})
}

// may asks whether a verdict may be given; of a delegation the desk alone can say, for whoever approves hands over what is nobody's.
func (m *Review) may(i int, v provisioning.ReviewVerdict) error {
	if v == provisioning.ReviewDelegate {
		return nil
	}
	err := m.r.May(i, v)
	if err != nil && m.own(i) && m.open() == "" {
		hint := "d hands it to another reviewer"
		if s := m.r.State(i); s.Reviewer != m.r.Me().Key && s.Reviewer != "" {
			hint = "it is " + s.Reviewer + "'s"
		}
		return &provisioning.Error{Code: provisioning.Held, Message: "your own access, and somebody else decides", Hint: hint}
	}
	return err
}

// own reports whether an item is this operator's own access, and for somebody else to decide.
func (m *Review) own(i int) bool { return !m.ownAllowed && m.r.Own(i) }

func title(v desk.Verdict) string {
	switch v.Verdict {
	case provisioning.ReviewKeep:
		return "Keep"
	case provisioning.ReviewRevoke:
		return "Revoke"
	case provisioning.ReviewAsk:
		return "Ask about"
	case provisioning.ReviewDelegate:
		return "Hand " + v.To.Name
	default:
		return "Take back"
	}
}

// press queues a verdict, and goes to the next line that waits. It is kept in its turn.
func (m *Review) press(w wish) tea.Cmd {
	m.queue = append(m.queue, w)
	m.unmark()
	if w.v.Verdict != "" {
		if c := m.nextOpen(m.cursor); c >= 0 {
			m.move(c - m.cursor)
		}
	}
	return m.write()
}

// write keeps the first wish of the queue; one at a time, so that what was pressed first is kept first.
func (m *Review) write() tea.Cmd {
	if m.writing || len(m.queue) == 0 {
		return nil
	}
	m.writing = true
	r, w := m.r, m.queue[0]
	return func() tea.Msg {
		k := kept{of: m, took: w.places}
		if w.loose {
			k.took, k.why = m.allowed(r, w)
			k.left = len(w.places) - len(k.took)
			if len(k.took) == 0 {
				return k
			}
		}
		k.err = m.desk.DecideReview(m.ctx, r, k.took, w.v)
		return k
	}
}

// allowed are those of a wish's items to which its verdict may be given.
func (m *Review) allowed(r *desk.Review, w wish) (places []int, why error) {
	if w.v.Verdict == provisioning.ReviewDelegate {
		return w.places, nil
	}
	for _, i := range w.places {
		if err := r.May(i, w.v.Verdict); err == nil {
			places = append(places, i)
		} else if why == nil {
			why = err
		}
	}
	return places, why
}

func (m *Review) didKeep(msg kept) tea.Cmd {
	w := m.queue[0]
	m.queue, m.writing = m.queue[1:], false
	m.changed()
	cmds := []tea.Cmd{m.write()}
	switch {
	case msg.err != nil: // what was pressed after it was for other lines, and is kept
		m.refusals = append(m.refusals, msg.err)
	case msg.left > 0 && len(msg.took) == 0:
		cmds = append(cmds, ui.Say(ui.Toast{Text: "none of them is yours to decide: " + provisioning.Reason(msg.why)}))
	default:
		cmds = append(cmds, m.took(wish{msg.took, w.v, w.loose}, msg))
	}
	if len(m.queue) == 0 && len(m.refusals) > 0 {
		cmds = append(cmds, ui.Say(ui.Failed{Err: refusal(m.refusals)}))
		m.refusals = nil
	}
	return tea.Batch(cmds...)
}

// refusal is the first of what was refused, and how many there are.
func refusal(list []error) error {
	if len(list) == 1 {
		return list[0]
	}
	var first *provisioning.Error
	if !errors.As(list[0], &first) {
		return errors.Join(list...)
	}
	said := *first
	said.Message = fmt.Sprintf("%d verdicts were not kept, the first: %s", len(list), first.Message)
	return &said
}

// mostActs is how many verdicts can be taken back one after the other.
const mostActs = 1000

// took notes what was kept, and says what does not show on the lines.
func (m *Review) took(w wish, msg kept) tea.Cmd {
	n := len(w.places)
	switch w.v.Verdict {
	case "":
		m.acts = slices.DeleteFunc(m.acts, func(a wish) bool { return slices.Equal(a.places, w.places) })
		return ui.Say(ui.Toast{Text: "taken back: " + m.about(w.places), Good: true})
	case provisioning.ReviewDelegate: // it is somebody else's now: there is nothing to take back
		return ui.Say(ui.Toast{Text: fmt.Sprintf("handed to %s: %s", w.v.To.Name, m.about(w.places)), Good: true})
	default:
		m.acts = append(m.acts[max(0, len(m.acts)-mostActs):], w)
	}
	m.pace.add(m.now(), n)
	c := m.r.Counts()
	switch {
	case msg.left > 0:
		return ui.Say(ui.Toast{Text: fmt.Sprintf("%s: %s; %d left out: %s", strings.ToLower(title(w.v)), ui.Count(n), msg.left, provisioning.Reason(msg.why))})
	case len(m.queue) > 0:
		return nil
	case c.Open == 0:
		return ui.Say(ui.Toast{Text: "every item is decided: " + m.further(), Good: true})
	case c.Mine == 0 && m.r.Me().Key != "":
		return ui.Say(ui.Toast{Text: fmt.Sprintf("nothing more waits for you; %s are others' to decide", ui.Count(c.Open)), Good: true})
	case n > 1:
		return ui.Say(ui.Toast{Text: fmt.Sprintf("%s: %s decisions", strings.ToLower(title(w.v)), ui.Count(n)), Good: true})
	}
	return nil
}

// further says what comes when a stage is decided.
func (m *Review) further() string {
	if c := m.r.Campaign(); c.Stage+1 < len(c.Stages) {
		return "n begins the next stage"
	}
	return "C closes the review"
}

// inFlight is the verdict that an item was given and that is not kept yet.
func (m *Review) inFlight(i int) (provisioning.ReviewVerdict, bool) {
	for at := len(m.queue) - 1; at >= 0; at-- {
		if _, in := slices.BinarySearch(m.queue[at].places, i); in {
			return m.queue[at].v.Verdict, true
		}
	}
	return "", false
}

// nextOpen is the line after one that is open and this operator's to decide, from the top again after the last; -1: there is none. One that
// was asked about comes last.
func (m *Review) nextOpen(from int) int {
	me := m.r.Me().Key
	c := m.r.Campaign()
	if me == "" || c.State != provisioning.CampaignOpen || (m.r.Counts().Mine == 0 && me != c.Fallback) {
		return -1
	}
	asked := -1
	for step := 1; step <= len(m.shown); step++ {
		at := (from + step) % len(m.shown)
		i := m.shown[at]
		s := m.r.State(i)
		if !s.Here || (s.Reviewer != me && c.Fallback != me) || s.Verdict == provisioning.ReviewKeep || s.Verdict == provisioning.ReviewRevoke {
			continue
		}
		if s.Verdict == provisioning.ReviewAsk && asked >= 0 {
			continue
		}
		if _, given := m.inFlight(i); given || m.r.May(i, provisioning.ReviewKeep) != nil {
			continue
		}
		if s.Verdict == provisioning.ReviewAsk {
			asked = at
			continue
		}
		return at
	}
	return asked
}

// skip goes to the next line that waits.
func (m *Review) skip() tea.Cmd {
	c := m.nextOpen(m.cursor)
	if c < 0 {
		return ui.Say(ui.Toast{Text: "nothing that is shown waits for you"})
	}
	m.step(c - m.cursor)
	return nil
}

// reasoned gives a verdict with words, to what was chosen when its key was pressed.
func (m *Review) reasoned(v provisioning.ReviewVerdict, head, need string) func() tea.Cmd {
	return func() tea.Cmd {
		places := m.chosen()
		if len(places) == 1 {
			if err := m.may(places[0], v); err != nil {
				return ui.Say(ui.Toast{Text: provisioning.Reason(err)})
			}
		}
		return m.ask(&ui.Prompt{
			Title: head, Body: []string{m.about(places)},
			Check: func(text string) (string, error) {
				if strings.TrimSpace(text) == "" {
					return "", errors.New(need)
				}
				return "enter gives it, esc does not", nil
			},
			Done: func(text string) tea.Cmd {
				return m.give(places, desk.Verdict{Verdict: v, Reason: strings.TrimSpace(text)})
			},
		})
	}
}

// about says what a verdict is for. Raw.
func (m *Review) about(places []int) string {
	if len(places) != 1 {
		return ui.Count(len(places)) + " decisions"
	}
	it := m.r.Item(places[0])
	return whom(it) + ", " + access(it)
}

// delegate hands what is chosen to another reviewer of the campaign.
func (m *Review) delegate() tea.Cmd {
	places, me := m.chosen(), m.r.Me().Key
	reviewers := slices.DeleteFunc(slices.Clone(m.r.Campaign().Reviewers), func(r provisioning.Reviewer) bool { return r.Key == me })
	if len(reviewers) == 0 {
		return ui.Say(ui.Toast{Text: "this review has no other reviewer"})
	}
	return m.ask(&ui.Picker{
		Title: "Hand it to whom?", Body: []string{m.about(places)}, Find: func(text string) ([]ui.Item, error) { return find(reviewers, text, nil), nil },
		Done: func(chosen []ui.Item) tea.Cmd {
			at := slices.IndexFunc(reviewers, func(r provisioning.Reviewer) bool { return r.Key == chosen[0].ID })
			return m.give(places, desk.Verdict{Verdict: provisioning.ReviewDelegate, To: reviewers[at]})
		},
	})
}

// same gives the verdict of the line under the cursor to all like it: the same access, the same standing, open and this operator's. Where
// the line has none yet, it is asked for. The number is typed.
func (m *Review) same() tea.Cmd {
	i := m.at()
	s := m.r.State(i)
	given := s.Verdict
	if v, ok := m.inFlight(i); ok {
		given = v
	}
	decided := given == provisioning.ReviewKeep || given == provisioning.ReviewRevoke
	r := m.r
	return m.hold(func() (func() tea.Cmd, error) {
		places, _ := m.allowed(r, wish{places: r.Like(i), v: desk.Verdict{Verdict: provisioning.ReviewKeep}})
		if decided {
			places = slices.DeleteFunc(places, func(j int) bool { return j == i })
		}
		return func() tea.Cmd { return m.alike(i, places, given, s.Reason, decided) }, nil
	})
}

func (m *Review) alike(i int, places []int, given provisioning.ReviewVerdict, reason string, decided bool) tea.Cmd {
	it := m.r.Item(i)
	least := 2
	if decided {
		least = 1
	}
	if len(places) < least {
		return ui.Say(ui.Toast{Text: "no other open decision of yours is like it"})
	}
	what := fmt.Sprintf("%s, %s", access(it), standingWord(it))
	give := func(v provisioning.ReviewVerdict) tea.Cmd {
		d := desk.Verdict{Verdict: v, Reason: reason}
		return m.number(fmt.Sprintf("%s %s for %s", title(d), what, people(len(places))), "All of them have the same access with the same standing to the policy, and are open and yours to decide.", len(places),
			func() tea.Cmd { return m.press(wish{places, d, true}) })
	}
	if decided {
		return give(given)
	}
	return m.ask(&letters{
		title: fmt.Sprintf("%s have %s, open and yours to decide", people(len(places)), what),
		options: []letter{
			{"k", "keep it for all of them", func() tea.Cmd { return give(provisioning.ReviewKeep) }},
			{"r", "revoke it for all of them", func() tea.Cmd { return give(provisioning.ReviewRevoke) }},
		},
	})
}

// number has a number typed, where it is more than one.
func (m *Review) number(head, body string, n int, yes func() tea.Cmd) tea.Cmd {
	if n < 2 {
		return yes()
	}
	return m.ask(&ui.Confirm{Title: head, Body: []string{body}, Want: strconv.Itoa(n), Yes: func(string) tea.Cmd { return yes() }})
}

func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return ui.Count(n) + " people"
}

// takeBack opens again what is marked or under the cursor; where that has no verdict, the last one that was given here, wherever it is.
func (m *Review) takeBack() tea.Cmd {
	if m.marks.n > 0 {
		return m.give(m.marks.places(), desk.Verdict{})
	}
	if i := m.at(); i >= 0 {
		if _, given := m.inFlight(i); given || m.r.State(i).Verdict != "" {
			return m.give([]int{i}, desk.Verdict{})
		}
	}
	last := wish{}
	for at := len(m.queue) - 1; at >= 0 && last.places == nil; at-- {
		if m.queue[at].v.Verdict != "" {
			last = m.queue[at]
		}
	}
	if n := len(m.acts); n > 0 && last.places == nil {
		last = m.acts[n-1]
	}
	if last.places == nil {
		return ui.Say(ui.Toast{Text: "there is no verdict to take back"})
	}
	if at, in := slices.BinarySearch(m.shown, last.places[0]); in { // to the line that opens again
		m.move(at - m.cursor)
	}
	return m.press(wish{last.places, desk.Verdict{}, len(last.places) > 1})
}
