// Package names says what a string from outside may become: cleaned text for a screen, a login key for an exact match, a
// folded key for a search. It knows nothing of people, accounts, terminals or the wire, and imports nothing of ours.
//
// Three foreign-string questions are answered here and nowhere else: may it be shown (Clean), do two logins mean the same
// identifier (Login), and does what somebody typed find it (Fold). Raw strings stay raw everywhere else, since a PATCH, an
// undo and a read-back need the exact bytes.
package names
