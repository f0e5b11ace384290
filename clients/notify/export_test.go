package notify

import "bytes"

// Line is line, for the tests of what may stand in one.
func Line(s string, most int) string { return line(s, most) }

// Composed is a mail as it leaves.
func Composed(m *Mail, title, text string) ([]byte, error) {
	msg, err := m.compose("id", title, text)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	_, err = msg.WriteTo(&b)
	return b.Bytes(), err
}
