package notify

import (
	"context"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"rollcall/provisioning"
)

// Desktop writes the terminal's own notifications: OSC 9 (iTerm2, kitty, WezTerm, Windows Terminal), or OSC 777 (urxvt, foot, Ghostty).
type Desktop struct {
	Out  io.Writer // takes each sequence in one Write
	Code string    // osc9, osc777, both
	Tmux bool      // wrapped, so that tmux hands it on (its allow-passthrough must be on)
}

// Name names it.
func (d *Desktop) Name() string { return "the terminal" }

// mostDesktop is how many runes of a title, and of a text, a notification shows.
const mostDesktop = 200

// Notify writes one.
func (d *Desktop) Notify(_ context.Context, _, title, text string, _ provisioning.Notice) error {
	sequence := Sequence(d.Code, title, text)
	if d.Tmux {
		sequence = Passthrough(sequence)
	}
	if sequence == "" {
		return nil
	}
	if _, err := io.WriteString(d.Out, sequence); err != nil {
		return &provisioning.Error{Code: provisioning.Unavailable, Message: "the terminal does not take it", Err: err}
	}
	return nil
}

// Sequence is what a terminal is sent: "" for a code that is not known. Nothing in the texts can end it, begin another one, or be taken for
// a further field (threats A1).
func Sequence(code, title, text string) string {
	title, text = field(title), field(text)
	switch code {
	case "osc9":
		whole := title
		if text != "" {
			whole += ": " + text
		}
		if whole != "" && whole[0] >= '0' && whole[0] <= '9' {
			whole = "rollcall: " + whole // OSC 9 ; 4 is a progress bar to some terminals
		}
		return "\x1b]9;" + whole + "\a"
	case "osc777":
		return "\x1b]777;notify;" + title + ";" + text + "\a"
	case "both":
		return Sequence("osc9", title, text) + Sequence("osc777", title, text)
	default:
		return ""
	}
}

// Passthrough wraps a sequence so that tmux hands it to the terminal outside.
func Passthrough(sequence string) string {
	if sequence == "" {
		return ""
	}
	return ansi.TmuxPassthrough(sequence)
}

// field is one field of a sequence. What parts fields is taken out last: cleaning makes a semicolon of the Greek question mark (U+037E).
func field(s string) string {
	s = line(strings.NewReplacer("\r\n", " ", "\n", " ").Replace(strings.TrimSpace(s)), mostDesktop)
	return strings.TrimSpace(strings.ReplaceAll(s, ";", ","))
}
