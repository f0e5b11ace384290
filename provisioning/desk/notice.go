package desk

import (
	"bytes"
	"fmt"

	"rollcall/provisioning"
	"rollcall/provisioning/names"
)

// noticeText writes the notice of unused seats: a part for each person, to be copied into a mail. Every foreign string is cleaned.
func noticeText(firm, currency string, list []provisioning.Reclaim) []byte {
	var b bytes.Buffer
	clean := func(s string) string { return names.Clean(s).String() }
	var total provisioning.Money
	for i := range list {
		total += list[i].Price
	}
	fmt.Fprintf(&b, "%s: notice of unused iManage accounts, %s\n", clean(firm), list[0].NoticedAt.Local().Format("2 January 2006"))
	fmt.Fprintf(&b, "%d accounts", len(list))
	if currency != "" {
		fmt.Fprintf(&b, ", %s a year", total.In(currency))
	}
	fmt.Fprintf(&b, ". They are closed after %s unless they are used before.\n", list[0].ActAfter.Local().Format("2 January 2006, 15:04"))
	for i := range list {
		r := &list[i]
		fmt.Fprintf(&b, "\n%s\nTo: %s <%s>\nSubject: your iManage account %s\n\n", rule, clean(r.Name), clean(r.Email), clean(r.Account))
		fmt.Fprintf(&b, "Your iManage account %s has not been used as far as the firm can tell (%s).\n", clean(r.Account), clean(r.Evidence))
		fmt.Fprintf(&b, "It will be closed after %s. If you need it, sign in to iManage and open a document before then: that\nkeeps it. Nothing that you filed is deleted; the help desk can open the account again.\n",
			r.ActAfter.Local().Format("2 January 2006, 15:04"))
	}
	return b.Bytes()
}

const rule = "--------------------------------------------------------------------------------"
