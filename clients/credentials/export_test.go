package credentials

import "context"

// What the tests need to know of the limits.
const (
	PartSize   = partSize
	MostSecret = mostSecret
	Header     = header
)

// Bounded is bounded.
func Bounded(ctx context.Context, call func() (string, error)) (string, error) {
	value, err := bounded(ctx, call)
	return value, keyringError(err)
}

// SetWork lowers the factor with which a vault is written, and gives the one that it had.
func (v *Vault) SetWork(work int) int {
	was := v.work
	v.work = work
	return was
}
