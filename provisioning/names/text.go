package names

// Text is a cleaned string: what a view may show. Only Clean makes one, so that a view that takes a Text cannot be handed
// raw bytes of a foreign system (threats A1).
type Text struct {
	s     string
	width int
}

// String returns the text as it is to be written to a terminal.
func (t Text) String() string { return t.s }

// Width returns how many terminal cells the text takes, counted by grapheme.
func (t Text) Width() int { return t.width }
