package campaign

import (
	"fmt"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

const day = 24 * time.Hour

// access says an item's access in short. Raw.
func access(it *provisioning.ReviewItem) string {
	switch it.Kind {
	case provisioning.ReviewLibrary:
		return strings.TrimSuffix(it.Library+" as "+it.Role, " as ")
	case provisioning.ReviewGroup:
		return it.Library + "/" + it.Object
	case provisioning.ReviewGlobalRole:
		return "global role " + it.Object
	default:
		return "the account"
	}
}

// Lines draws the review.
func (m *Review) Lines(width, height int) []string {
	out := make([]string, 0, height)
	if m.r == nil {
		out = append(out, m.st.NewLine(width, false).Word(ui.Muted, " the review is being opened …").String())
		for len(out) < height {
			out = append(out, m.st.Blank(width))
		}
		return out
	}
	out = append(out, m.head(width), m.progress(width), m.st.Rule(width, ""))
	const detail = 4
	m.height = max(1, height-len(out)-detail-1)
	m.top = max(min(m.top, m.cursor), m.cursor-m.height+1, 0)
	if len(m.shown) == 0 {
		for _, t := range ui.Paragraph(m.empty(), width-2, m.height) {
			out = append(out, m.st.NewLine(width, false).Space(1).Text(ui.Plain, t, 0).String())
		}
	}
	for c := m.top; c < min(m.top+m.height, len(m.shown)); c++ {
		out = append(out, m.row(width, c))
	}
	for len(out) < height-detail-1 {
		out = append(out, m.st.Blank(width))
	}
	out = append(out, m.st.PlaceRule(width, m.top+1, min(m.top+m.height, len(m.shown)), len(m.shown)))
	if i := m.at(); i >= 0 {
		for _, t := range ui.Paragraph(m.sentence(i), width-2, detail) {
			out = append(out, m.st.NewLine(width, false).Space(1).Text(ui.Plain, t, 0).String())
		}
	}
	for len(out) < height {
		out = append(out, m.st.Blank(width))
	}
	return out
}

func (m *Review) empty() string {
	switch f := filters()[m.which]; {
	case m.find != "":
		return "Nothing fits what you typed. Esc ends the search."
	case f == "mine":
		return "Nothing waits for you. Press ] to see the rest, or c to close the review when all is decided."
	default:
		return "No line is " + filterWord(f) + ". Press ] to go on."
	}
}

func (m *Review) head(width int) string {
	c := m.r.Campaign()
	l := m.st.NewLine(width, false).Word(ui.Header, fmt.Sprintf(" Review %d ", c.ID)).Text(ui.Header, names.Clean(c.Name), min(40, width/3)).Space(2)
	switch c.State {
	case provisioning.CampaignOpen:
		s := c.Stages[c.Stage]
		if len(c.Stages) > 1 {
			l.Word(ui.Plain, fmt.Sprintf("stage %d of %d  ", c.Stage+1, len(c.Stages)))
		}
		if m.now().After(s.Due) {
			l.Word(ui.Danger, "OVERDUE since "+s.Due.Local().Format("2 Jan"))
		} else {
			l.Word(ui.Muted, "due "+s.Due.Local().Format("2 Jan 2006"))
		}
	case provisioning.CampaignClosed:
		text := "closed: press F once the roll was read again"
		if c.Batch != 0 {
			text = fmt.Sprintf("closed: commit batch %d (c opens it), read again, then press F", c.Batch)
		}
		l.Word(ui.Warning, text)
	default:
		l.Word(ui.Plain, string(c.State))
	}
	if m.typing || m.find != "" {
		l.Space(2).Word(ui.Accent, "/ ").Text(ui.Strong, names.Clean(m.find), 0)
		if m.typing {
			l.Word(ui.Accent, m.st.Glyphs.Caret)
		}
	}
	return l.String()
}

func (m *Review) progress(width int) string {
	n := m.r.Counts()
	g := m.st.Glyphs
	l := m.st.NewLine(width, false).Space(1).Word(ui.Accent, "["+filterWord(filters()[m.which])+" "+ui.Count(len(m.shown))+"]").Space(2)
	l.Word(ui.Good, fmt.Sprintf("%s %s kept", g.Yes, ui.Count(n.Kept))).Space(2).Word(ui.Danger, fmt.Sprintf("%s %s revoked", g.Leaver, ui.Count(n.Revoked))).Space(2)
	l.Word(ui.Plain, ui.Count(n.Open)+" open")
	if n.Asked > 0 {
		l.Word(ui.Warning, fmt.Sprintf(", %d asked", n.Asked))
	}
	if len(m.marks) > 0 {
		l.Space(2).Word(ui.Strong, fmt.Sprintf("%s %d marked", g.Mark, len(m.marks)))
	}
	if pace := m.perMinute(); pace > 0 {
		l.Space(2).Word(ui.Muted, fmt.Sprintf("%d a minute", pace))
	}
	const bar = 16
	if n.Items > 0 && l.Left() > bar+2 {
		full := (n.Items - n.Open) * bar / n.Items
		l.Right(bar+1).Word(ui.Good, strings.Repeat(g.Full, full)).Word(ui.Border, strings.Repeat(g.Empty, bar-full))
	}
	return l.String()
}

// verdict is the sign and the word of where an item stands.
func (m *Review) verdict(i int) (string, ui.Style) {
	g := m.st.Glyphs
	for _, w := range m.queue { // pressed, and not kept yet
		for _, p := range w.places {
			if p == i {
				return g.Running + " " + string(w.v.Verdict), ui.Muted
			}
		}
	}
	s := m.r.State(i)
	switch s.Verdict {
	case provisioning.ReviewKeep:
		return g.Yes + " keep", ui.Good
	case provisioning.ReviewRevoke:
		return g.Leaver + " REVOKE", ui.Danger
	case provisioning.ReviewAsk:
		return "? asked", ui.Warning
	default:
	}
	switch {
	case s.Proposed != nil && s.Here:
		return "(" + string(s.Proposed.Verdict) + "?)", ui.Muted
	case s.Proposed != nil:
		return string(s.Proposed.Verdict), ui.Muted
	case m.r.Own(i):
		return "your own", ui.Muted
	case s.Reviewer != m.r.Me().Key || s.Reviewer == "":
		return g.Arrow + " other", ui.Muted
	default:
		return g.Waiting, ui.Muted
	}
}

func (m *Review) row(width, c int) string {
	i := m.shown[c]
	it := m.r.Item(i)
	g := m.st.Glyphs
	l := m.st.NewLine(width, c == m.cursor)
	sign, mark := " ", " "
	if c == m.cursor {
		sign = g.Cursor
	}
	if m.marks[i] {
		mark = g.Mark
	}
	word, style := m.verdict(i)
	l.Cell(ui.Accent, sign, 1).Cell(ui.Accent, mark, 2).Cell(style, word, 10)
	name, what := 20, 22
	if width >= 110 {
		name, what = 24, 30
	}
	l.Text(ui.Plain, names.Clean(it.Name), name).Space(1)
	if width >= 150 {
		l.Text(ui.Muted, names.Clean(it.Office), 12).Space(1).Text(ui.Muted, names.Clean(it.Practice), 14).Space(1)
	}
	l.Text(ui.Strong, names.Clean(access(it)), what).Space(1)
	stand, how := standing(it)
	l.Cell(how, stand, 10)
	if width >= 110 {
		l.Space(1).Text(ui.Muted, names.Clean(m.used(it)), 16).Space(1).Cell(ui.Muted, peers(it), 10)
	}
	if loud := alarms(it); loud != "" {
		l.Space(1).Text(ui.Danger, names.Clean(g.Alert+" "+loud), max(0, l.Left()))
	}
	return l.String()
}

func standing(it *provisioning.ReviewItem) (string, ui.Style) {
	switch it.Standing {
	case provisioning.StandsBirthright:
		return "birthright", ui.Muted
	case provisioning.StandsException:
		return "exception", ui.Notice
	case provisioning.StandsExcess:
		return "EXCESS", ui.Warning
	default:
		return "no rule", ui.Muted
	}
}

func peers(it *provisioning.ReviewItem) string {
	if it.Peers == 0 {
		return "no peers"
	}
	return fmt.Sprintf("%d of %d", it.PeersHave, it.Peers)
}

// used says when the account was used last, in short. Raw.
func (m *Review) used(it *provisioning.ReviewItem) string {
	switch {
	case it.Usage == provisioning.Used && !it.LastUsed.IsZero():
		return fmt.Sprintf("used %d d ago", max(0, int(m.now().Sub(it.LastUsed)/day)))
	case it.Usage == provisioning.NotUsed && !it.LastUsed.IsZero():
		return "not since " + it.LastUsed.Local().Format("2 Jan")
	case it.Usage == provisioning.NotUsed:
		return "NOT USED"
	default:
		return "use unknown"
	}
}

func alarms(it *provisioning.ReviewItem) string {
	list := append([]string{}, it.Alarms...)
	for _, w := range it.Walls {
		list = append(list, "wall "+w)
	}
	return strings.Join(list, ", ")
}

// sentence says everything about an item: what it is, on what it rests, and where it stands. Raw.
func (m *Review) sentence(i int) string {
	it := m.r.Item(i)
	s := m.r.State(i)
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s", it.Name, it.Account)
	for _, part := range []string{it.Title, it.Practice, it.Office} {
		if part != "" {
			b.WriteString(", " + part)
		}
	}
	fmt.Fprintf(&b, ") has %s.", access(it))
	switch it.Standing {
	case provisioning.StandsBirthright:
		b.WriteString(" The policy gives it: " + it.Reason + ".")
	case provisioning.StandsException:
		b.WriteString(" An exception: " + it.Reason + ".")
	case provisioning.StandsExcess:
		b.WriteString(" IN EXCESS: no rule gives it.")
	default:
		b.WriteString(" The policy says nothing of it.")
	}
	switch {
	case it.UsedHow != "" && it.Usage == provisioning.UsageUnknown:
		b.WriteString(" Use not known: " + it.UsedHow + ".")
	case !it.LastUsed.IsZero():
		fmt.Fprintf(&b, " Last used %s: %s.", it.LastUsed.Local().Format("2 Jan 2006"), it.UsedHow)
	case it.UsedHow != "":
		b.WriteString(" " + it.UsedHow + ".")
	}
	if it.Peers > 0 {
		fmt.Fprintf(&b, " %d of %d in the same seat have it.", it.PeersHave, it.Peers)
	}
	if !it.Since.IsZero() {
		fmt.Fprintf(&b, " Since %s", it.Since.Local().Format("2 Jan 2006"))
		if it.By != "" {
			b.WriteString(", by " + it.By)
		}
		b.WriteString(".")
	}
	if loud := alarms(it); loud != "" {
		b.WriteString(" Take care: " + loud + ".")
	}
	switch {
	case s.Verdict != "":
		fmt.Fprintf(&b, " %s by %s", strings.ToUpper(string(s.Verdict[:1]))+string(s.Verdict[1:]), s.Decided)
		if s.Reason+s.Question != "" {
			b.WriteString(": " + s.Reason + s.Question)
		}
		b.WriteString(".")
	case s.Proposed != nil:
		fmt.Fprintf(&b, " Before: %s by %s %s.", s.Proposed.Verdict, s.Proposed.Reviewer, s.Proposed.Reason)
	case m.r.Own(i):
		b.WriteString(" It is your own access: somebody else decides.")
	case s.Reviewer == "":
		b.WriteString(" Nobody may decide on it yet: hand it to a reviewer (d).")
	case s.Reviewer != m.r.Me().Key:
		b.WriteString(" It is " + s.Reviewer + "'s to decide.")
	}
	return b.String()
}
