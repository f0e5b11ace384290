package desk

import "rollcall/provisioning"

// PacketFile is a file for a reviewer without a console. Words are what the operator tells them by phone, and by nothing else: without
// them the file signs nothing. "" for a format that does not sign.
type PacketFile struct {
	Name   string
	Data   []byte
	Words  string
	Packet provisioning.ReviewPacket
}

// Imported says what an answer brought.
type Imported struct {
	Campaign  int64
	Reviewer  provisioning.Reviewer
	Decisions int
	Kept      int
	Revoked   int
	Asked     int
	Signed    bool // with the packet's own key; else the operator who took it in vouches for it
	// Refused are the decisions that were not taken, each with the reason: the rest was.
	Refused []string
}
