package correlate

import (
	"cmp"
	"slices"
	"strings"

	"rollcall/provisioning"
	"rollcall/provisioning/names"
)

// mostSuggestions bounds what is offered for one person.
const mostSuggestions = 5

// suggest offers, to live people without an account, unlinked accounts whose name resembles theirs. A shared family name alone
// is never a suggestion.
func (w *work) suggest() {
	same, short, married := make(map[string][]int), make(map[string][]int), make(map[string][]int)
	any := false
	for i := range w.in.Accounts {
		h := &w.result.Holders[i]
		if h.Subject >= 0 || h.Knot >= 0 || h.Reused {
			continue
		}
		any = true
		tokens := words(w.in.Accounts[i].FullName)
		if len(tokens) < 2 {
			continue
		}
		same[key(tokens)] = append(same[key(tokens)], i)
		formal := formalAll(tokens)
		short[key(formal)] = append(short[key(formal)], i)
		for _, part := range formal[1:] {
			married[formal[0]+" "+part] = append(married[formal[0]+" "+part], i)
		}
	}
	if !any {
		return
	}
	for i := range w.result.Subjects {
		s := &w.result.Subjects[i]
		if s.Account >= 0 || s.Knot >= 0 || len(s.Reused) > 0 || !s.Live() {
			continue
		}
		tokens := words(s.Person.FullName)
		if s.Person.GivenName != "" && s.Person.FamilyName != "" {
			tokens = append(words(s.Person.GivenName), words(s.Person.FamilyName)...)
		}
		if len(tokens) < 2 {
			continue
		}
		formal := formalAll(tokens)
		w.offer(s, same[key(tokens)], 0.9, "the same name")
		w.offer(s, same[key(words(s.Person.FullName))], 0.9, "the same name")
		w.offer(s, short[key(formal)], 0.8, "a short form of the name")
		for _, part := range formal[1:] {
			if len(part) > 2 {
				w.offer(s, married[formal[0]+" "+part], 0.6, "given name and part of the family name")
			}
		}
		slices.SortStableFunc(s.Suggestions, func(a, b provisioning.Suggestion) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(a.Account, b.Account))
		})
		s.Suggestions = s.Suggestions[:min(len(s.Suggestions), mostSuggestions)]
	}
}

func (w *work) offer(s *Subject, accounts []int, score float64, detail string) {
	for _, at := range accounts {
		a := &w.in.Accounts[at]
		if w.isRefused(s.Person, a.ID) ||
			slices.ContainsFunc(s.Suggestions, func(x provisioning.Suggestion) bool { return x.Account == a.ID }) {
			continue
		}
		if s.Person.Office != "" && strings.EqualFold(s.Person.Office, a.Location) {
			score, detail = min(score+0.05, 0.94), detail+", the same office"
		}
		s.Suggestions = append(s.Suggestions, provisioning.Suggestion{
			Person: s.Person.Key, Account: a.ID, Score: score, Hold: "a name is never a proof",
			Evidence: []provisioning.Evidence{{Key: provisioning.KeyNameSimilar, Value: a.FullName, Detail: detail}},
		})
		w.result.Holders[at].Suggested = true
	}
}

// words are the folded words of a name, without punctuation.
func words(name string) []string {
	return strings.FieldsFunc(names.Fold(name), func(r rune) bool { return r == ' ' || r == ',' || r == '.' || r == '(' || r == ')' })
}

// key is the same for the same words in any order.
func key(tokens []string) string {
	sorted := slices.Clone(tokens)
	slices.Sort(sorted)
	return strings.Join(sorted, " ")
}

func formalAll(tokens []string) []string {
	formal := make([]string, len(tokens))
	for i, t := range tokens {
		formal[i] = formalName(t)
	}
	return formal
}

// SameName reports whether two names are the same person's by common usage: the same words in any order, with short forms of
// given names taken for the long ones. It is for showing, never for linking.
func SameName(a, b string) bool {
	return key(formalAll(words(a))) == key(formalAll(words(b)))
}

// formalName gives the long form of a given name's common short forms.
func formalName(t string) string {
	switch t {
	case "tom", "tommy":
		return "thomas"
	case "bill", "billy", "will":
		return "william"
	case "bob", "rob", "robbie":
		return "robert"
	case "dick", "rick", "rich":
		return "richard"
	case "jim", "jimmy", "jamie":
		return "james"
	case "jack", "johnny":
		return "john"
	case "mike", "mick":
		return "michael"
	case "dave":
		return "david"
	case "dan", "danny":
		return "daniel"
	case "steve":
		return "stephen"
	case "chris":
		return "christopher"
	case "tony":
		return "anthony"
	case "nick":
		return "nicholas"
	case "ed", "eddie", "ted":
		return "edward"
	case "charlie":
		return "charles"
	case "harry", "hal":
		return "henry"
	case "joe":
		return "joseph"
	case "ben":
		return "benjamin"
	case "sam":
		return "samuel"
	case "alex", "sasha":
		return "alexander"
	case "andy", "drew":
		return "andrew"
	case "matt":
		return "matthew"
	case "greg":
		return "gregory"
	case "liz", "beth", "betty", "lizzie", "eliza":
		return "elizabeth"
	case "kate", "katie", "kathy", "cathy":
		return "katherine"
	case "peggy", "meg", "maggie":
		return "margaret"
	case "sue", "susie":
		return "susan"
	case "jenny", "jen":
		return "jennifer"
	case "becky":
		return "rebecca"
	case "vicky":
		return "victoria"
	case "pepe":
		return "jose"
	case "paco", "pancho":
		return "francisco"
	case "lola":
		return "dolores"
	case "kuba":
		return "jakub"
	case "asia":
		return "joanna"
	case "gosia":
		return "malgorzata"
	case "jurgen", "juergen":
		return "jurgen"
	case "hans":
		return "johannes"
	default:
		return t
	}
}
