// Package desk is the one service that every front end uses: the console, the commands and whatever comes later. It ties the
// engine's parts together behind questions and acts that a help desk has: read the roll, find somebody, stage the mend, review,
// commit, follow, verify the record. It knows no terminal, no store and no client: those come in as ports through New.
package desk
