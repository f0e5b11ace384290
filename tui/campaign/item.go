package campaign

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/provisioning"
	"rollcall/provisioning/names"
	"rollcall/tui/ui"
)

// access says an item's access in short. Raw.
func access(it *provisioning.ReviewItem) string {
	switch it.Kind {
	case provisioning.ReviewLibrary:
		return strings.TrimSuffix(it.Library+" as "+it.Role, " as ")
	case provisioning.ReviewGroup:
		return it.Library + "/" + it.Object
	case provisioning.ReviewGlobalRole:
		return "global " + it.Object
	default:
		return "the account"
	}
}

// whom says whose an item is. Raw.
func whom(it *provisioning.ReviewItem) string {
	if it.Name == "" {
		return it.Account
	}
	return it.Name
}

func standingWord(it *provisioning.ReviewItem) string {
	switch it.Standing {
	case provisioning.StandsBirthright:
		return "birthright"
	case provisioning.StandsException:
		return "exception"
	case provisioning.StandsExcess:
		return "EXCESS"
	default:
		return "no rule"
	}
}

func standingStyle(it *provisioning.ReviewItem) ui.Style {
	switch it.Standing {
	case provisioning.StandsException:
		return ui.Notice
	case provisioning.StandsExcess:
		return ui.Warning
	default:
		return ui.Plain
	}
}

// loud is something that wants a second look: a sign and a word.
type loud struct {
	sign, word string // the word raw
	style      ui.Style
}

// alarmWord is an alarm of the engine in a word, how loud it is, and its place among the others.
func alarmWord(alarm string) (word string, style ui.Style, rank int) {
	switch alarm {
	case "leaver":
		return alarm, ui.Danger, 0
	case "administrator":
		return "admin", ui.Warning, 2
	case "external":
		return alarm, ui.Notice, 3
	case "account disabled":
		return "disabled", ui.Notice, 4
	case "nobody linked":
		return "nobody", ui.Notice, 4
	case "service account":
		return "service", ui.Notice, 4
	case "directory managed":
		return "managed", ui.Notice, 4
	default:
		return alarm, ui.Warning, 4
	}
}

// louds are the alarms and the walls of an item, the loudest first.
func louds(g *ui.Glyphs, it *provisioning.ReviewItem) []loud {
	if len(it.Alarms)+len(it.Walls) == 0 {
		return nil
	}
	var ranked [5][]loud
	for _, a := range it.Alarms {
		word, style, rank := alarmWord(a)
		sign := g.Alert
		if rank == 0 {
			sign = g.Leaver
		}
		ranked[rank] = append(ranked[rank], loud{sign, word, style})
	}
	if len(it.Walls) > 0 {
		ranked[1] = []loud{{g.Wall, "wall", ui.Danger}}
	}
	return slices.Concat(ranked[:]...)
}

const day = 24 * time.Hour

// ago is how long ago a day was: "today", "12 d", "3 y".
func ago(at, now time.Time) string {
	const year, long = 365, 3 * 365
	switch days := int(now.Sub(at) / day); {
	case days <= 0:
		return "today"
	case days >= long:
		return fmt.Sprintf("%d y", days/year)
	default:
		return fmt.Sprintf("%d d", days)
	}
}

// used says when an account was used last; broad has room for the day.
func used(it *provisioning.ReviewItem, now time.Time, broad bool) (string, ui.Style) {
	switch {
	case it.Usage == provisioning.Used && it.LastUsed.IsZero():
		return "used", ui.Plain
	case it.Usage == provisioning.Used:
		if s := ago(it.LastUsed, now); s == "today" {
			return s, ui.Plain
		} else {
			return s + " ago", ui.Plain
		}
	case it.Usage == provisioning.NotUsed && it.LastUsed.IsZero():
		return "NOT USED", ui.Warning
	case it.Usage == provisioning.NotUsed && broad:
		return "not since " + short(it.LastUsed, now), ui.Warning
	case it.Usage == provisioning.NotUsed:
		return "not in " + ago(it.LastUsed, now), ui.Warning
	default:
		return "unknown", ui.Muted
	}
}

// short is a day: "3 Mar", and "Mar 24" of another year.
func short(at, now time.Time) string {
	at = at.Local()
	if at.Year() != now.Local().Year() {
		return at.Format("Jan 06")
	}
	return at.Format("2 Jan")
}

func peers(it *provisioning.ReviewItem, dash string) string {
	if it.Peers == 0 {
		return dash
	}
	if s := fmt.Sprintf("%d of %d", it.PeersHave, it.Peers); len(s) <= 8 {
		return s
	}
	return fmt.Sprintf("%d/%d", it.PeersHave, it.Peers)
}

// alone reports whether few of an item's peers have it.
func alone(it *provisioning.ReviewItem) bool {
	const few = 4
	return it.Peers >= few && it.PeersHave*few < it.Peers
}

// most is how many cells a foreign string takes of the sentence: one cannot push out what is behind it.
const most = 48

func cut(s string) string { return names.Clean(s).Truncate(most).Bare() }

func cutAll(list []string) string {
	short := make([]string, 0, len(list))
	for _, s := range list {
		short = append(short, cut(s))
	}
	return strings.Join(short, ", ")
}

// stop ends a sentence, where it has no end of its own.
func stop(s string) string {
	if s != "" && strings.IndexByte(".?!", s[len(s)-1]) >= 0 {
		return s
	}
	return s + "."
}

// sentence says everything about an item, the loudest first: each part a sentence. Raw.
func (m *Review) sentence(i int) []string {
	it := m.r.Item(i)
	var seat []string
	for _, s := range []string{it.Account, it.Title, it.Practice, it.Office} {
		if s != "" && s != whom(it) {
			seat = append(seat, cut(s))
		}
	}
	who := cut(whom(it))
	if len(seat) > 0 {
		who += " (" + strings.Join(seat, ", ") + ")"
	}
	return slices.DeleteFunc([]string{
		who + ": " + cut(access(it)) + ".", alarming(it), m.stands(i), standing(it), m.usage(it), seatWords(it), since(it),
	}, func(s string) bool { return s == "" })
}

// alarming says what is wrong with an item.
func alarming(it *provisioning.ReviewItem) string {
	var parts []string
	if len(it.Alarms) > 0 {
		parts = append(parts, strings.ToUpper(cutAll(it.Alarms))+".")
	}
	if len(it.Walls) > 0 {
		parts = append(parts, "Breaks the WALL "+cutAll(it.Walls)+".")
	}
	if !it.Enabled && !slices.Contains(it.Alarms, "account disabled") {
		parts = append(parts, "The account is disabled.")
	}
	return strings.Join(parts, " ")
}

// stands says who decided an item how, or whose it is to decide.
func (m *Review) stands(i int) string {
	s, me := m.r.State(i), m.r.Me().Key
	own := m.own(i)
	var text string
	switch who := cut(s.Decided); s.Verdict {
	case provisioning.ReviewKeep:
		text = "Kept by " + who
	case provisioning.ReviewRevoke:
		text = "REVOKED by " + who
	case provisioning.ReviewAsk:
		text = "Asked by " + who
	default:
	}
	if text != "" {
		if !s.At.IsZero() {
			text += " " + s.At.Local().Format("2 Jan 15:04")
		}
		if s.How != "" && s.How != "console" {
			text += " (" + cut(s.How) + ")"
		}
		if said := s.Reason + s.Question; said != "" {
			text += ": " + cut(said)
		}
		return stop(text)
	}
	if p := s.Proposed; p != nil {
		text = fmt.Sprintf("The stage before: %s by %s", p.Verdict, cut(p.Reviewer))
		if p.Reason != "" {
			text += ": " + cut(p.Reason)
		}
		text = stop(text) + " "
	}
	if s.From != "" {
		text += "Handed on by " + cut(s.From)
		if s.Why != "" {
			text += ": " + cut(s.Why)
		}
		text = stop(text) + " "
	}
	switch {
	case m.shut:
	case !s.Here:
		text += "This stage does not decide on it."
	case own:
		text += "Your own: somebody else decides."
	case s.Reviewer == "":
		text += "Nobody may decide on it yet: d hands it to a reviewer."
	case s.Reviewer != me:
		text += cut(s.Reviewer) + " decides."
	}
	return strings.TrimSpace(text)
}

// standing says how an item stands to the policy, and why.
func standing(it *provisioning.ReviewItem) string {
	switch it.Standing {
	case provisioning.StandsBirthright:
		return stop(strings.TrimSuffix("Birthright: "+cut(it.Reason), ": "))
	case provisioning.StandsException:
		return stop(strings.TrimSuffix("Exception of the policy: "+cut(it.Reason), ": "))
	case provisioning.StandsExcess:
		return "EXCESS: rules fit, none gives it."
	default:
		return "No rule: the policy says nothing of it."
	}
}

// usage says whether the account is used, and how that is known.
func (m *Review) usage(it *provisioning.ReviewItem) string {
	text := "Use unknown"
	switch {
	case it.Usage == provisioning.Used && it.LastUsed.IsZero():
		text = "Used"
	case it.Usage == provisioning.Used:
		text = "Last used " + it.LastUsed.Local().Format("2 Jan 2006")
	case it.Usage == provisioning.NotUsed && it.LastUsed.IsZero():
		text = "NOT USED"
	case it.Usage == provisioning.NotUsed:
		text = "NOT USED since " + it.LastUsed.Local().Format("2 Jan 2006")
	}
	if it.UsedHow != "" {
		text += ": " + cut(it.UsedHow)
	}
	return stop(text)
}

// seatWords says what others in the same seat have.
func seatWords(it *provisioning.ReviewItem) string {
	switch {
	case it.Peers == 0:
		return "Nobody else is in the same seat."
	case it.PeersHave == 0:
		return fmt.Sprintf("None of %s in the same seat has it.", ui.Count(it.Peers))
	default:
		return fmt.Sprintf("%s of %s in the same seat have it.", ui.Count(it.PeersHave), ui.Count(it.Peers))
	}
}

// since says since when somebody has it, and who gave it.
func since(it *provisioning.ReviewItem) string {
	if it.Since.IsZero() {
		return ""
	}
	text := "Since " + it.Since.Local().Format("2 Jan 2006")
	if it.By != "" {
		text += " by " + cut(it.By)
	}
	return stop(text)
}
