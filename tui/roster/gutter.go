package roster

import (
	"fmt"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

// age is how long a mismatch has stood, as short as it fits.
func age(since time.Time, now time.Time) string {
	if since.IsZero() {
		return ""
	}
	switch d := now.Sub(since); {
	case d < time.Hour:
		return fmt.Sprintf("%dm", max(0, int(d.Minutes())))
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd", int(d.Hours())/24)
	}
}

func (m *Model) gutter(row *desk.Row) (string, ui.Style) {
	g := m.st.Glyphs
	if row.Absence != nil && !row.Absence.Proven {
		return g.Unproven + " not proven", ui.Warning
	}
	w := row.Worst()
	if w == nil {
		return "", ui.Plain
	}
	var text string
	style := ui.Warning
	switch w.Kind {
	case provisioning.KindLeaver:
		text, style = g.Leaver+" leaver "+age(w.Since, m.now()), ui.Danger
	case provisioning.KindAdministrator:
		text, style = g.Admin+" admin", ui.Danger
	case provisioning.KindReusedID:
		text, style = g.Disputed+" reused id", ui.Danger
	case provisioning.KindDisputed:
		text = fmt.Sprintf("%s %d found", g.Disputed, max(len(w.Accounts), len(w.Persons)))
	case provisioning.KindClash:
		if text = g.Disputed + " clash"; w.Severity == provisioning.SeverityDanger {
			style = ui.Danger
		}
	case provisioning.KindDuplicate:
		text = g.Duplicate + " duplicate"
	case provisioning.KindWall:
		text, style = g.Wall+" wall", ui.Danger
	case provisioning.KindEntitlement:
		text = g.Mover + " rights"
		if len(w.Missing) > 0 && len(w.Excess) > 0 {
			text = g.Mover + " mover"
		}
	case provisioning.KindOrphan:
		text = g.Orphan + " orphan"
	case provisioning.KindSSOName:
		text = g.Differs + " SSO name"
	case provisioning.KindJoiner:
		text = g.Joiner + " joiner"
	case provisioning.KindUnconfigured:
		text = g.NoLibrary + " no rights"
		if a := row.Account(); a != nil && len(a.Memberships) == 0 {
			text = g.NoLibrary + " no library"
		}
	case provisioning.KindPreferredLibrary:
		text, style = g.Differs+" preferred", ui.Notice
	case provisioning.KindAttribute:
		text, style = g.Differs+" "+fieldWord(w), ui.Notice
	case provisioning.KindDormant:
		text, style = g.NoLibrary+" unused", ui.Notice
	default:
		text = g.Differs + " " + string(w.Kind)
	}
	if w.Managed {
		text += " " + g.Directory
		if w.Kind == provisioning.KindAttribute {
			text, style = g.Directory+" directory", ui.Muted
		}
	}
	if n := len(row.Mismatches); n > 1 {
		text += fmt.Sprintf(" +%d", n-1)
	}
	return strings.TrimSpace(text), style
}

func fieldWord(m *provisioning.Mismatch) string {
	if len(m.Fields) == 1 {
		if m.Fields[0].Field == "full name" {
			return "name"
		}
		return m.Fields[0].Field
	}
	return fmt.Sprintf("%d fields", len(m.Fields))
}
