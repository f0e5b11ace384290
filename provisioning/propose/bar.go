package propose

import (
	"rollcall/provisioning"
	"rollcall/provisioning/policy"
)

// The sorts of what keeps a right back.
const (
	BarWall     = "wall"           // it is kept apart from another right
	BarDisabled = "disabled group" // iManage lets nobody in while it is (contracts/imanage.md 6)
	BarOther    = "withheld"       // there is no such library or group, or it takes no such user
)

// Bar is what keeps a right back. The zero Bar keeps nothing back.
type Bar struct {
	What string // BarWall …
	Why  string // a sentence without the right's name
}

// Note is what is kept back of an otherwise good mend.
type Note struct {
	What string // of a right the sort of its Bar; else ""
	Text string // a sentence with its reason
}

// note says what a bar keeps back.
func (b Bar) note(e provisioning.Entitlement) Note {
	return Note{b.What, e.String() + " is withheld: " + b.Why}
}

// Barred says what keeps a right from being given, walls apart, to somebody who is, or comes, into these libraries.
func Barred(e provisioning.Entitlement, in map[string]bool, external bool, w World) Bar {
	if e.Library != "" && !w.Library(e.Library) {
		return Bar{BarOther, "there is no library " + e.Library}
	}
	if e.Kind != provisioning.EntitlementGroup {
		return Bar{}
	}
	group, ok := w.Group(e.Group())
	switch {
	case e.Library != "" && !in[e.Library]:
		return Bar{BarOther, "nothing brings them into " + e.Library}
	case !ok:
		return Bar{BarOther, "there is no such group"}
	case !group.Enabled:
		return Bar{BarDisabled, "the group is disabled, and iManage lets nobody in while it is"}
	case group.External != external:
		return Bar{BarOther, "external groups take external users, others do not"}
	default:
		return Bar{}
	}
}

// Withheld says what a wall keeps back.
func Withheld(h *policy.Withheld) Bar { return apart(h.Wall, h.Other) }

// WithheldNote says it with the right's name.
func WithheldNote(h *policy.Withheld) Note { return Withheld(h).note(h.Entitlement) }

func apart(wall string, other provisioning.Entitlement) Bar {
	return Bar{BarWall, "the wall " + wall + " keeps it apart from " + other.String()}
}
