package provisioning

import "context"

// forPerson is the key of the mark that ForPerson sets.
type forPerson struct{}

// ForPerson marks what is asked under ctx as what a person is waiting for at this moment: it may use the part of a system's budget that
// bulk work leaves free. Only a single click is so: a read, a commit or a schedule never is.
func ForPerson(ctx context.Context) context.Context {
	return context.WithValue(ctx, forPerson{}, true)
}

// IsForPerson reports whether a person waits for what is asked under ctx.
func IsForPerson(ctx context.Context) bool {
	marked, ok := ctx.Value(forPerson{}).(bool)
	return ok && marked
}
