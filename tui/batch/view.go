package batch

import (
	"fmt"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// Lines draws the batch.
func (m *Model) Lines(width, height int) []string {
	out := make([]string, 0, height)
	if m.view == nil {
		out = append(out, m.st.NewLine(width, false).Word(ui.Header, " The batch").String(), m.st.Rule(width, ""))
		out = append(out, m.st.Blank(width), m.st.NewLine(width, false).Space(3).Word(ui.Plain, m.why).String())
		return fill(m.st, out, width, height)
	}
	out = append(out, m.title(width))
	style := ui.Strong
	if m.missed() {
		style = ui.Danger
	}
	const most = 3
	for _, t := range ui.Paragraph(m.plan(), width-2, most) {
		out = append(out, m.st.NewLine(width, false).Space(1).Text(style, t, 0).String())
	}
	for _, t := range ui.Paragraph(m.kept(), width-2, most) {
		out = append(out, m.st.NewLine(width, false).Space(1).Text(ui.Warning, t, 0).String())
	}
	out = append(out, m.st.Rule(width, ""))
	foot := m.guards(width)
	if m.started() {
		foot = m.progress(width)
	}
	foot = append(m.detail(width), foot...)
	body := m.body(width, max(1, height-len(out)-len(foot)))
	out = append(out, body...)
	return fill(m.st, append(out, foot...), width, height)
}

func fill(st *ui.Styles, out []string, width, height int) []string {
	for len(out) < height {
		out = append(out, st.Blank(width))
	}
	return out[:height]
}

func (m *Model) title(width int) string {
	v := m.view
	l := m.st.NewLine(width, false)
	number := v.Batch.ID
	l.Word(ui.Header, fmt.Sprintf(" Batch %d", number)).Word(ui.Muted, " "+m.st.Glyphs.Dot+" ")
	if m.started() {
		l.Word(m.stateStyle(), m.stateWord())
		if m.run == nil {
			return l.String()
		}
		text := fmt.Sprintf("%d of %d", m.run.Done, m.run.Total)
		if m.run.Active {
			if m.run.Rate > 0 {
				text += fmt.Sprintf("   %.1f changes/s", m.run.Rate)
			}
			if m.run.Allowed > 0 {
				text += fmt.Sprintf(" (%.0f requests/s allowed)", m.run.Allowed)
			}
			if m.run.Left > 0 {
				text += fmt.Sprintf("   about %s left", max(time.Second, m.run.Left.Round(time.Second)))
			}
		}
		return l.Right(len(text)+1).Word(ui.Plain, text).String()
	}
	l.Word(ui.Plain, fmt.Sprintf("%s %s %s, %s", v.Batch.State, m.st.Glyphs.Dot, plural(len(v.Batch.Units), "person", "people"), plural(v.Changes, "change", "changes")))
	lose := fmt.Sprintf("lose access: %d", v.Lose)
	rest := fmt.Sprintf("   gain: %d   seats %+d ", v.Gain, v.Seats)
	if v.Currency != "" && v.Money != 0 && width >= 110 {
		rest += "  " + names.Clean(v.Money.More(v.Currency)).Bare() + " a year "
	}
	style := ui.Plain
	if v.Lose > 0 {
		style = ui.Danger
	}
	return l.Right(len(lose)+len(rest)).Word(style, lose).Word(ui.Plain, rest).String()
}

func (m *Model) stateWord() string {
	s := string(m.view.Batch.State)
	switch {
	case m.active():
		return "committing"
	case m.view.Batch.State == provisioning.BatchCommitted:
		return "interrupted: r resumes it; what is in doubt is read back first"
	case m.view.Batch.Stop != "":
		return s + ": " + names.Clean(m.view.Batch.Stop).Bare()
	case m.run != nil && m.run.Failed > 0:
		return fmt.Sprintf("%s, %d not done", s, m.run.Failed)
	default:
		return s
	}
}

func (m *Model) stateStyle() ui.Style {
	switch m.view.Batch.State {
	case provisioning.BatchDone, provisioning.BatchOpenHand:
		if m.run != nil && m.run.Failed > 0 {
			return ui.Warning
		}
		return ui.Good
	case provisioning.BatchStopped, provisioning.BatchCancelled:
		return ui.Danger
	default:
		return ui.Accent
	}
}

func (m *Model) body(width, height int) []string {
	list := m.places()
	m.top = min(m.top, m.cursor)
	m.top = max(0, max(m.top, m.cursor-height+1))
	var out []string
	for at := m.top; at < len(list) && len(out) < height; at++ {
		p := list[at]
		u := &m.view.Batch.Units[p.unit]
		if p.line < 0 {
			out = append(out, m.unit(width, u, at == m.cursor))
		} else {
			out = append(out, m.line(width, &m.view.Lines[u.ID][p.line], at == m.cursor))
		}
	}
	return fill(m.st, out, width, height)
}

func (m *Model) unit(width int, u *provisioning.Unit, cursor bool) string {
	g := m.st.Glyphs
	l := m.st.NewLine(width, cursor)
	sign := g.Right
	if m.open[u.ID] {
		sign = g.Down
	}
	style := ui.Plain
	if u.EndsAccess() {
		style = ui.Danger
	}
	l.Space(1).Cell(ui.Accent, sign, 2)
	if m.started() {
		mark, s := m.unitMark(u)
		l.Cell(s, mark, 2)
	}
	name := max(18, width/4)
	l.Text(ui.Strong, names.Clean(u.Name), name).Space(1).Cell(style, kindWord(u.Kind), 18)
	if m.started() {
		return l.Text(ui.Muted, names.Clean(m.lastFact(u)), l.Left()).String()
	}
	return l.Cell(ui.Plain, plural(len(u.Ops), "change", "changes"), 12).Text(ui.Muted, names.Clean(m.summary(u)), l.Left()).String()
}

// kindWord is a kind of mismatch as an operator calls it.
func kindWord(k provisioning.Kind) string {
	if k == provisioning.KindEntitlement {
		return "rights"
	}
	return string(k)
}

// summary is what a unit comes to, in a few words, and on whose word, where it rests on that.
func (m *Model) summary(u *provisioning.Unit) string {
	if r, ok := m.view.Released[u.ID]; ok {
		return strings.TrimSpace("released: " + r.Reason + "   " + m.effect(u))
	}
	if u.Reason != "" {
		return strings.TrimSpace(m.effect(u) + "   on the word of: " + u.Reason)
	}
	return m.effect(u)
}

func (m *Model) effect(u *provisioning.Unit) string {
	if lines := m.view.Lines[u.ID]; len(lines) == 1 {
		return lines[0].What + ": " + lines[0].Effect
	}
	in := make(map[string]bool)
	var libraries []string
	ends := false
	for _, op := range u.Ops {
		c := op.Change
		ends = ends || c.Kind == provisioning.DisableAccount
		if c.Library != "" && !in[c.Library] {
			in[c.Library] = true
			libraries = append(libraries, c.Library)
		}
	}
	switch {
	case ends && len(libraries) > 0:
		return "ends access to " + strings.Join(libraries, ", ")
	case ends:
		return "ends access"
	default:
		return strings.Join(libraries, ", ")
	}
}

func (m *Model) unitMark(u *provisioning.Unit) (string, ui.Style) {
	g := m.st.Glyphs
	switch u.State {
	case provisioning.UnitDone:
		return g.Yes, ui.Good
	case provisioning.UnitRunning:
		return g.Running, ui.Accent
	case provisioning.UnitByHand:
		return g.Hand, ui.Notice
	case provisioning.UnitFailed:
		return g.No, ui.Danger
	case provisioning.UnitParked:
		return g.Alert, ui.Warning
	default:
		return g.Waiting, ui.Muted
	}
}

// lastFact is the last thing that is known of a person's changes.
func (m *Model) lastFact(u *provisioning.Unit) string {
	lines := m.view.Lines[u.ID]
	done, fact, hand := 0, "", 0
	for _, l := range lines {
		switch l.State {
		case provisioning.OpConfirmed, provisioning.OpAlready:
			done++
			fact = l.What
		case provisioning.OpByHand:
			hand++
		case provisioning.OpFailed, provisioning.OpDrifted, provisioning.OpParked:
			return l.What + ": " + l.Result
		case provisioning.OpSent:
			return fmt.Sprintf("%d of %d, %s …", done, len(lines), l.What)
		default:
		}
	}
	s := fmt.Sprintf("%d of %d", done, len(lines))
	if seen := m.view.SeenOff[u.ID]; seen != "" && u.State != provisioning.UnitRunning && u.State != provisioning.UnitPending {
		return s + ", " + seen
	}
	if fact != "" {
		s += ", " + fact + ", read back"
	}
	if hand > 0 {
		s += fmt.Sprintf(", %d by hand", hand)
	}
	return s
}

func (m *Model) line(width int, line *desk.Line, cursor bool) string {
	l := m.st.NewLine(width, cursor)
	mark, style := m.lineMark(line)
	l.Space(4).Cell(style, mark, 2).Cell(ui.Muted, fmt.Sprint(line.Seq), 3)
	what := max(36, width*2/5)
	l.Text(ui.Plain, names.Clean(line.What), min(what, l.Left())).Space(1)
	return l.Text(ui.Muted, names.Clean(m.rest(line)), l.Left()).String()
}

// rest is what stands behind a change: its effect and what else is to be known, or what came of it.
func (m *Model) rest(line *desk.Line) string {
	if m.started() && line.Result != "" {
		return line.Result
	}
	if line.Note != "" {
		return line.Effect + "   " + line.Note
	}
	return line.Effect
}

// detail says in full what stands under the cursor, where its line has not room for it.
func (m *Model) detail(width int) []string {
	u, line := m.at()
	if u == nil {
		return nil
	}
	var text string
	if line != nil {
		what := max(36, width*2/5)
		if names.Clean(line.What).Width() <= what && names.Clean(m.rest(line)).Width() <= width-10-what {
			return nil
		}
		text = line.What + ": " + m.rest(line)
	} else {
		about, cells := m.summary(u), width-3-max(18, width/4)-19-12
		if m.started() {
			about, cells = m.lastFact(u), width-5-max(18, width/4)-19
		}
		if names.Clean(about).Width() <= cells {
			return nil
		}
		text = u.Name + ": " + about
	}
	const most = 4
	var out []string
	for _, t := range ui.Paragraph(text, width-2, most) {
		out = append(out, m.st.NewLine(width, false).Space(1).Text(ui.Plain, t, 0).String())
	}
	return out
}

func (m *Model) lineMark(line *desk.Line) (string, ui.Style) {
	g := m.st.Glyphs
	if !m.started() {
		if len(line.Hand) > 0 {
			return g.Hand, ui.Notice
		}
		return " ", ui.Plain
	}
	switch line.State {
	case provisioning.OpConfirmed, provisioning.OpAlready:
		return g.Yes, ui.Good
	case provisioning.OpSent:
		return g.Running, ui.Accent
	case provisioning.OpByHand:
		return g.Hand, ui.Notice
	case provisioning.OpFailed:
		return g.No, ui.Danger
	case provisioning.OpDrifted, provisioning.OpParked:
		return g.Alert, ui.Warning
	default:
		return g.Waiting, ui.Muted
	}
}

// guards says what each guard counted; one that holds names everybody.
func (m *Model) guards(width int) []string {
	g := m.st.Glyphs
	out := []string{m.st.Rule(width, "")}
	quiet := m.st.NewLine(width, false).Space(1).Word(ui.Muted, "guards ")
	for _, v := range m.view.Verdicts {
		if !v.Holds {
			text := g.Yes + " " + v.Sentence
			if quiet.Left() < names.Clean(text).Width()+3 {
				out = append(out, quiet.String())
				quiet = m.st.NewLine(width, false).Space(8)
			}
			quiet.Word(ui.Good, " "+g.Yes).Text(ui.Plain, names.Clean(" "+v.Sentence+" "), 0)
			continue
		}
		for i, t := range ui.Wrap(names.Clean(fmt.Sprintf("HELD by %s: %s: %s", v.Guard, v.Sentence, people(v.People))), width-4, 4) {
			sign := " "
			if i == 0 {
				sign = g.No
			}
			out = append(out, m.st.NewLine(width, false).Space(1).Cell(ui.Danger, sign, 2).Text(ui.Danger, t, 0).String())
		}
	}
	return append(append(out, quiet.String()), m.second(width)...)
}

func people(list []string) string { return strings.Join(list, ", ") }

// progress is a bar, and what the end means.
func (m *Model) progress(width int) []string {
	out := []string{m.st.Rule(width, "")}
	if m.run == nil {
		return out
	}
	full := 0
	if m.run.Total > 0 {
		full = (width - 2) * m.run.Done / m.run.Total
	}
	g := m.st.Glyphs
	bar := m.st.NewLine(width, false).Space(1).Word(ui.Good, strings.Repeat(g.Full, full)).Word(ui.Border, strings.Repeat(g.Empty, width-2-full))
	text := "everything so far is in the record; esc leaves it running"
	switch {
	case m.run.Err != "":
		text = m.run.Err
	case m.run.Active && !m.run.Until.IsZero():
		text = fmt.Sprintf("waiting until %s as iManage asked; %s", m.run.Until.In(ui.Zone(m.view.Batch.Zone)).Format("15:04"), text)
	case !m.run.Active && (m.view.Batch.State == provisioning.BatchCommitted || m.view.Batch.State == provisioning.BatchPaused || m.view.Batch.State == provisioning.BatchStopped):
		text = "r resumes it: what is in doubt is read back before anything is sent; X gives up the rest; u undoes what it did"
	case !m.run.Active && m.run.Hand > 0:
		text = fmt.Sprintf("%d by hand: ⏎ on the step shows how, t ticks it when it is done", m.run.Hand)
	case !m.run.Active && m.run.Failed > 0:
		text = "R retries what was not done; each precondition is read anew"
	case !m.run.Active:
		text = "read back and recorded. iManage may take up to eight hours to end a session that is open"
	}
	return append(out, bar.String(), m.st.NewLine(width, false).Space(1).Text(ui.Muted, names.Clean(text), width-2).String())
}
