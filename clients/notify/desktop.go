package notify

import (
	"context"
	"io"
	"strings"

	"rollcall/provisioning"
)

// Desktop writes the terminal's own notifications: OSC 9 (iTerm2, kitty, Windows Terminal), or OSC 777 (urxvt, foot, Ghostty).
type Desktop struct {
	Out  io.Writer
	Code string // osc9, osc777
}

// Name names it.
func (d *Desktop) Name() string { return "the terminal" }

const mostDesktop = 200

// Notify writes one.
func (d *Desktop) Notify(_ context.Context, _, title, text string, _ provisioning.Notice) error {
	_, err := io.WriteString(d.Out, Sequence(d.Code, title, text))
	return err
}

// Sequence is what a terminal is sent: "" for a code that is not known. Nothing in the texts can end it or begin another one.
func Sequence(code, title, text string) string {
	one := func(s string) string {
		s = cleanWords(strings.NewReplacer(";", ",", "\x1b", " ", "\a", " ").Replace(s))
		if r := []rune(s); len(r) > mostDesktop {
			s = string(r[:mostDesktop])
		}
		return s
	}
	switch code {
	case "osc9":
		return "\x1b]9;" + one(title+": "+text) + "\a"
	case "osc777":
		return "\x1b]777;notify;" + one(title) + ";" + one(text) + "\a"
	default:
		return ""
	}
}
