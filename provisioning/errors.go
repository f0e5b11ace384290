package provisioning

import (
	"errors"
	"time"
)

// Code tells a machine what kind of error it is; a front end makes an exit code or a colour of it.
type Code string

// The codes.
const (
	Invalid     Code = "invalid" // the caller asked for something that cannot be
	NotFound    Code = "not found"
	Stale       Code = "stale"       // somebody else changed it since it was read
	Held        Code = "held"        // a guard or an approval stopped it
	Unproven    Code = "unproven"    // a read was not proven complete
	ReadOnly    Code = "read only"   // another process owns the store, or the operator may only read
	Unavailable Code = "unavailable" // a system or the store cannot be reached now
	Denied      Code = "denied"      // a system refused who we are
	Internal    Code = "internal"
)

// Error is an error with a code for the machine and, for the operator, what happened and what to do. It never holds a secret.
type Error struct {
	Code    Code
	Message string // what happened, a sentence without a full stop
	Hint    string // what the operator can do next; may be empty
	Err     error  // the cause, wrapped
}

// Error gives the message and the cause.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Reason says an error with what to do about it, for a line on a screen.
func Reason(err error) string {
	var e *Error
	if errors.As(err, &e) && e.Hint != "" {
		return err.Error() + ": " + e.Hint
	}
	return err.Error()
}

// CodeOf returns the code of the outermost *Error in err, and Internal where there is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// Effect says what is known of a write that did not simply succeed.
type Effect int

// The effects. The zero value is the careful one.
const (
	InDoubt     Effect = iota // it may have taken effect: timeout, reset, 5xx, 502, an answer that cannot be read
	NothingDone               // it surely did not: not sent, 429, or 503 before any work
	RefusedSend               // the system definitely refused it: 400, 403, 404, 405, 409, 422
)

// SendError is how DMS.Send fails.
type SendError struct {
	Effect      Effect
	Status      int    // HTTP status, 0 where no answer came
	Code        string // the vendor's error code
	Message     string // the vendor's or ours, already cleaned of secrets
	Transaction string
	RetryAfter  time.Duration
	Denied      bool // the credential was refused: the batch stops cleanly
	Unsupported bool // the system does not know the call (404 of the path, 405, 501): it surely did nothing, and is done by hand
	Err         error
}

// Error gives the sentence for the operator.
func (e *SendError) Error() string { return e.Message }

// Unwrap gives the cause.
func (e *SendError) Unwrap() error { return e.Err }
