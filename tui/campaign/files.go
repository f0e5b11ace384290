package campaign

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/tui/ui"
)

// packet asks for whom a file is made: whoever answers without a console. Each is shown with the files that they have.
func (m *Review) packet() tea.Cmd {
	c := m.r.Campaign()
	reviewers := slices.Clone(c.Reviewers)
	slices.SortStableFunc(reviewers, func(a, b provisioning.Reviewer) int { return boolInt(a.Operator) - boolInt(b.Operator) })
	return m.ask(&ui.Picker{
		Title: "A file for which reviewer?", Body: []string{"It holds what is theirs and open. It works without a network, and is sent by mail; its answer is taken in with i."},
		Find: func(text string) ([]ui.Item, error) {
			packets, err := m.desk.Packets(m.ctx, m.id)
			return find(reviewers, text, func(r provisioning.Reviewer) string { return handed(packets, r.Key, c.Stage) }), err
		},
		Done: func(chosen []ui.Item) tea.Cmd {
			at := slices.IndexFunc(reviewers, func(r provisioning.Reviewer) bool { return r.Key == chosen[0].ID })
			return m.format(reviewers[at])
		},
	})
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// handed says what files a reviewer has of a stage: those that are out, and those that were answered.
func handed(packets []provisioning.ReviewPacket, reviewer string, stage int) string {
	var out, taken []string
	for i := range packets {
		switch p := &packets[i]; {
		case p.Reviewer != reviewer || p.Stage != stage || p.Revoked:
		case p.TakenAt.IsZero():
			out = append(out, fmt.Sprintf("%s out since %s", p.Format, p.MadeAt.Local().Format("2 Jan")))
		default:
			taken = append(taken, fmt.Sprintf("%s answered %s", p.Format, p.TakenAt.Local().Format("2 Jan")))
		}
	}
	return strings.Join(append(out, taken...), ", ")
}

// format asks which sort of file.
func (m *Review) format(to provisioning.Reviewer) tea.Cmd {
	return m.ask(&letters{title: "Which file for " + to.Name + "?", options: []letter{
		{"h", "a page (html): opens in any browser, offline, by keyboard and screen reader; its answer is signed with four words that you tell by phone", func() tea.Cmd { return m.make(to, "html") }},
		{"x", "a workbook (xlsx): its answer is not signed, and whoever takes it in vouches for it", func() tea.Cmd { return m.make(to, "xlsx") }},
	}})
}

// make makes the file, and says where it is and what is told by phone.
func (m *Review) make(to provisioning.Reviewer, format string) tea.Cmd {
	r := m.r
	return m.hold(func() (func() tea.Cmd, error) {
		f, err := m.desk.MakePacket(m.ctx, r, to.Key, format)
		if err != nil {
			return nil, err
		}
		path, err := m.files.Save(f.Name, f.Data)
		if err != nil {
			return nil, err
		}
		n := notice{
			title: fmt.Sprintf("%s decisions for %s are written", ui.Count(len(f.Packet.Items)), to.Name),
			body:  []string{path, "Send it to " + to.Email + ". It takes the place of an earlier file of the same sort that was not answered."},
			after: []string{"Its answer counts until " + ui.Moment(f.Packet.Expires, ui.Zone(""))},
		}
		if f.Words != "" {
			n.body = append(n.body, "Tell these four words by phone, by nothing else, and write them nowhere. They are not shown again:")
			n.loud = f.Words
		}
		return func() tea.Cmd { return m.ask(&n) }, nil
	})
}

// answer takes in what a reviewer sent back.
func (m *Review) answer() tea.Cmd {
	return m.ask(&ui.Prompt{
		Title: "Which file came back?", Body: []string{"Its path: rollcall-answer-….json of a page, or the workbook. It is taken in once, and nothing of it where it does not hold."},
		Check: func(path string) (string, error) {
			if strings.TrimSpace(path) == "" {
				return "", errors.New("type the path of the file")
			}
			return "enter takes it in", nil
		},
		Done: func(path string) tea.Cmd {
			return m.hold(func() (func() tea.Cmd, error) {
				data, err := m.files.Load(strings.TrimSpace(path))
				if err != nil {
					return nil, err
				}
				in, err := m.desk.ImportAnswer(m.ctx, data)
				if err != nil {
					return nil, err
				}
				return func() tea.Cmd { return m.imported(in) }, nil
			})
		},
	})
}

// imported says what an answer brought.
func (m *Review) imported(in *desk.Imported) tea.Cmd {
	m.changed()
	signed := "Signed with the packet's own key."
	if !in.Signed {
		signed = "NOT SIGNED: you vouch for it, and the record says so."
	}
	n := notice{
		title: fmt.Sprintf("%s decisions of %s are taken in", ui.Count(in.Decisions), in.Reviewer.Name),
		body:  []string{fmt.Sprintf("%s kept, %s revoked, %s asked. %s", ui.Count(in.Kept), ui.Count(in.Revoked), ui.Count(in.Asked), signed)},
	}
	if in.Campaign != m.id {
		n.body = append(n.body, fmt.Sprintf("It is an answer to access review %d, not to this one.", in.Campaign))
	}
	if len(in.Refused) > 0 {
		const most = 5
		n.body = append(n.body, fmt.Sprintf("%d left out:", len(in.Refused)))
		n.body = append(n.body, in.Refused[:min(most, len(in.Refused))]...)
		if more := len(in.Refused) - most; more > 0 {
			n.body = append(n.body, fmt.Sprintf("and %d more", more))
		}
	}
	return tea.Batch(m.list(), m.ask(&n))
}
