package ui

import tea "charm.land/bubbletea/v2"

// The messages by which a screen asks the frame for something.
type (
	// OpenPerson opens the page of a row, by its key.
	OpenPerson struct{ Key string }
	// OpenCase opens the wizard of a joiner, mover or leaver for a row; without a key it asks for the person first.
	OpenCase struct {
		Kind string // as desk.CaseKind writes it
		Key  string // of the row
		Name string // raw: what is shown while the case is being read
	}
	// OpenBatch opens a batch; 0 is the one that is being staged.
	OpenBatch struct{ ID int64 }
	// Staged says that the wizard on the top has done its work: it makes room for the batches that it staged into, the last of them on
	// top.
	Staged struct{ Batches []int64 }
	// OpenCalendar opens the batches that begin at their own minute.
	OpenCalendar struct{}
	// OpenTenants asks which of several document systems to go to.
	OpenTenants struct{}
	// OpenPolicy opens the effect of a changed policy.
	OpenPolicy struct{}
	// OpenRecord opens the record; Batch narrows it.
	OpenRecord struct{ Batch int64 }
	// OpenConnections opens the connections.
	OpenConnections struct{}
	// Reopen ends the console and opens it anew: the configuration has changed.
	Reopen struct{}
	// Back goes one screen back.
	Back struct{}
	// Toast says a line in the footer until the next key.
	Toast struct {
		Text string // raw
		Good bool
	}
	// Failed shows an error: what happened, what it means, what to do.
	Failed struct{ Err error }
	// Ask opens a dialog over the screen.
	Ask struct{ Dialog Dialog }
	// Refresh tells every screen that the roll is a new one.
	Refresh struct{}
	// Draft tells every screen that what is staged has changed.
	Draft struct{}
	// Beat tells the screen that has the word that half a second has passed.
	Beat struct{}
)

// Say is a command that gives a message.
func Say(msg tea.Msg) tea.Cmd { return func() tea.Msg { return msg } }

// Screen is one screen of the console. A screen owns its state; the frame routes messages to it and draws its lines.
type Screen interface {
	// Update takes a message. It never blocks: what takes time is a command.
	Update(msg tea.Msg) tea.Cmd
	// Lines draws exactly height lines of exactly width cells.
	Lines(width, height int) []string
	// Bindings are the screen's keys.
	Bindings() []Binding
	// Typing reports whether keys are text now, so that none of them is a command.
	Typing() bool
}

// OpenReviews opens the list of the access reviews; OpenReview one of them; OpenSeats the licences; OpenDashboard the firm at a glance.
type (
	OpenReviews   struct{}
	OpenReview    struct{ ID int64 }
	OpenSeats     struct{}
	OpenDashboard struct{}
)
