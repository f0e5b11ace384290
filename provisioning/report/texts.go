package report

import "rollcall/provisioning"

// Texts gives the cells of a row as a screen shows them, raw: amounts with their currency, times by the local clock to the minute, minutes
// in days and hours; "" for what nobody knows.
func (t *Table) Texts(row int) []string {
	texts := make([]string, len(t.Rows[row]))
	for i, c := range t.Rows[row] {
		switch c.kind {
		case KindNumber:
			texts[i] = c.plain()
			if t.Columns[i].Minutes {
				texts[i] = provisioning.Minutes(c.n).String()
			}
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
