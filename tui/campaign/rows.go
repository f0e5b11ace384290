package campaign

import (
	"fmt"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// listCells are the widths of a row's cells; 0 is gone.
type listCells struct{ number, name, state, due, items, kept, revoked, open, mine, scope int }

func listColumns(width int) listCells {
	switch {
	case width < 112:
		return listCells{number: 5, name: width - 59, state: 13, due: 19, open: 7, revoked: 8, mine: 6}
	case width < 160:
		return listCells{number: 5, name: width - 86, state: 18, due: 21, items: 8, kept: 8, revoked: 9, open: 8, mine: 7}
	default:
		return listCells{number: 6, name: 44, state: 18, due: 23, items: 9, kept: 9, revoked: 9, open: 9, mine: 8, scope: width - 136}
	}
}

func (m *List) head(width int, c *listCells) string {
	l := m.st.NewLine(width, false).Space(1).Cell(ui.Muted, "  no", c.number).Cell(ui.Muted, "name", c.name).Cell(ui.Muted, "state", c.state).Cell(ui.Muted, "due", c.due)
	number := func(word string, cells int) {
		if cells > 0 {
			l.Cell(ui.Muted, fmt.Sprintf("%*s", cells-1, word), cells)
		}
	}
	number("items", c.items)
	number("kept", c.kept)
	number("revoked", c.revoked)
	number("open", c.open)
	number("mine", c.mine)
	if c.scope > 0 {
		l.Space(1).Word(ui.Muted, "of what")
	}
	return l.String()
}

// overdue reports whether the stage under way should have ended.
func overdue(c *provisioning.Campaign, now time.Time) bool {
	due := c.Stages[c.Stage].Due
	return c.State == provisioning.CampaignOpen && !due.IsZero() && now.After(due)
}

// dueWords says until when, loudly where that is over.
func dueWords(c *provisioning.Campaign, now time.Time) (string, ui.Style) {
	due := c.Stages[c.Stage].Due
	switch {
	case c.State == provisioning.CampaignDone:
		return "done " + short(c.DoneAt, now), ui.Good
	case c.State == provisioning.CampaignClosed && c.Batch != 0:
		return fmt.Sprintf("to do: batch %d", c.Batch), ui.Warning
	case c.State == provisioning.CampaignClosed:
		return "to do: finish", ui.Warning
	case c.State == provisioning.CampaignCancelled:
		return "cancelled " + short(c.ClosedAt, now), ui.Muted
	case due.IsZero():
		return "no day", ui.Muted
	case overdue(c, now):
		return "OVERDUE " + days(now.Sub(due)), ui.Danger
	default:
		return short(due, now) + ", " + days(due.Sub(now)), ui.Plain
	}
}

func days(d time.Duration) string {
	if n := int(d / day); n > 0 {
		return plural(n, "day", "days")
	}
	return fmt.Sprintf("%d h", int(d.Hours()))
}

func stateWords(c *provisioning.Campaign, cells int) string {
	word := string(c.State)
	if c.State != provisioning.CampaignOpen || len(c.Stages) < 2 {
		return word
	}
	if cells > len("open, stage 1 of 2") {
		return fmt.Sprintf("%s, stage %d of %d", word, c.Stage+1, len(c.Stages))
	}
	return fmt.Sprintf("%s, %d of %d", word, c.Stage+1, len(c.Stages))
}

func (m *List) row(width int, c *listCells, at int) string {
	one := m.list[at]
	l := m.st.NewLine(width, at == m.cursor)
	sign := " "
	if at == m.cursor {
		sign = m.st.Glyphs.Cursor
	}
	plain := ui.Plain
	if one.State == provisioning.CampaignDone || one.State == provisioning.CampaignCancelled {
		plain = ui.Muted
	}
	due, style := dueWords(one, m.now())
	id := one.ID
	l.Cell(ui.Accent, sign, 1).Cell(ui.Muted, fmt.Sprintf("%*d", c.number-1, id), c.number).Text(ui.Strong, names.Clean(one.Name), c.name-1).Space(1)
	l.Cell(plain, stateWords(one, c.state), c.state).Cell(style, due, c.due)
	n, counted := m.counts[one.ID]
	number := func(style ui.Style, n, cells int, known bool) {
		if cells == 0 {
			return
		}
		text := m.st.Glyphs.Dash
		if known {
			text = ui.Count(n)
		}
		if !known || n == 0 {
			style = ui.Muted
		}
		pad := max(0, cells-1-len([]rune(text)))
		l.Space(pad).Cell(style, text, cells-pad)
	}
	number(plain, one.Items, c.items, true)
	number(ui.Good, n.Kept, c.kept, counted)
	number(ui.Danger, n.Revoked, c.revoked, counted)
	number(plain, n.Open, c.open, counted)
	number(ui.Accent, n.Mine, c.mine, counted)
	if c.scope > 0 {
		l.Space(1).Text(ui.Muted, names.Clean(desk.ScopeWords(one.Scope)), l.Left())
	}
	return l.String()
}

// about says what a review is about, and what comes next. Raw.
func (m *List) about(c *provisioning.Campaign) string {
	text := fmt.Sprintf("%s: %s. Opened %s by %s on the roll of %s.", plural(c.Items, "decision", "decisions"), cutTo(desk.ScopeWords(c.Scope), 2*most),
		c.CreatedAt.Local().Format("2 Jan 2006"), cut(c.CreatedBy), c.SnapshotAt.Local().Format("2 Jan 15:04"))
	n, counted := m.counts[c.ID]
	switch {
	case c.State == provisioning.CampaignClosed && c.Batch != 0:
		return text + fmt.Sprintf(" Closed: commit batch %d, have it seen off, read the roll again, then F in the review makes the closing snapshot.", c.Batch)
	case c.State == provisioning.CampaignClosed:
		return text + " Closed, with nothing to revoke: read the roll again, then F in the review makes the closing snapshot."
	case c.State == provisioning.CampaignDone:
		return text + " Done: the closing snapshot is signed, and says which differences are its revokes."
	case c.State == provisioning.CampaignCancelled:
		return text + " Cancelled by " + cut(c.ClosedBy) + ": nothing was revoked."
	case !counted:
		return text
	case n.Open == 0:
		return text + " Every item is decided: open it, and close it with C."
	case n.Mine > 0:
		return text + fmt.Sprintf(" %s kept, %s revoked; %s for you to decide.", ui.Count(n.Kept), ui.Count(n.Revoked), wait(n.Mine))
	default:
		return text + fmt.Sprintf(" %s kept, %s revoked; %s for others to decide.", ui.Count(n.Kept), ui.Count(n.Revoked), wait(n.Open))
	}
}

func wait(n int) string {
	if n == 1 {
		return "1 waits"
	}
	return ui.Count(n) + " wait"
}
