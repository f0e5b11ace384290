package report

// Texts gives the cells of a row as a screen shows them, raw: amounts with their currency, times by the local clock to the minute; "" for
// what nobody knows.
func (t *Table) Texts(row int) []string {
	texts := make([]string, len(t.Rows[row]))
	for i, c := range t.Rows[row] {
		switch c.kind {
		case KindMoney:
			texts[i] = c.currency + " " + hundredths(c.n, ",")
		case KindTime:
			texts[i] = c.at.Local().Format("2 Jan 2006 15:04")
		default:
			texts[i] = c.plain()
		}
	}
	return texts
}
