package credentials

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/zalando/go-keyring"

	"rollcall/provisioning"
)

// What a keyring takes. Windows keeps 2,560 bytes in an entry and macOS about 3,000, so a longer secret is kept in parts, on every
// system alike: SERVICE/ACCOUNT says how many there are and what their sum is, and SERVICE/ACCOUNT#1 and so on hold them.
const (
	keyringTime = 3 * time.Second // go-keyring has no context: a prompt that nobody answers must not hang us
	partSize    = 2400
	mostParts   = 32 // enough for mostSecret where each cut goes back to the start of a character
	header      = "rollcall-parts:"
)

// entry is a place in the keyring.
type entry struct{ service, account string }

// entryOf takes SERVICE/ACCOUNT apart. An account that could be the part of another one is refused: storing the other would
// overwrite or remove it.
func entryOf(rest string) (entry, error) {
	service, account, ok := strings.Cut(rest, "/")
	if !ok || service == "" || account == "" {
		return entry{}, invalid("keyring: wants SERVICE/ACCOUNT")
	}
	if i := strings.LastIndexByte(account, '#'); i >= 0 {
		if _, err := strconv.ParseUint(account[i+1:], 10, 64); err == nil {
			return entry{}, invalid("a keyring's ACCOUNT may not end in # and a number: such entries are the parts of longer secrets")
		}
	}
	return entry{service, account}, nil
}

// part is where the part with this number is kept; the first one has the number 1.
func (e entry) part(i int) entry { return entry{e.service, e.account + "#" + strconv.Itoa(i)} }

func (e entry) get(ctx context.Context) (string, error) {
	value, err := bounded(ctx, func() (string, error) { return keyring.Get(e.service, e.account) })
	if errors.Is(err, keyring.ErrNotFound) {
		return "", missing("the keyring holds nothing for " + e.service + "/" + e.account)
	}
	return value, keyringError(err)
}

func (e entry) set(ctx context.Context, value string) error {
	_, err := bounded(ctx, func() (string, error) { return "", keyring.Set(e.service, e.account, value) })
	return keyringError(err)
}

// remove takes an entry out; one that is not there is no error.
func (e entry) remove(ctx context.Context) error {
	_, err := bounded(ctx, func() (string, error) { return "", keyring.Delete(e.service, e.account) })
	if errors.Is(err, keyring.ErrNotFound) {
		return nil
	}
	return keyringError(err)
}

// removeParts takes out the parts after the one with this number. They are written upwards and removed downwards, so that there is
// never a gap, whatever broke off: the first number that is not there is the end of them.
func (e entry) removeParts(ctx context.Context, after int) error {
	last := after
	for {
		_, err := e.part(last + 1).get(ctx)
		if provisioning.CodeOf(err) == provisioning.NotFound {
			break
		}
		if err != nil {
			return err
		}
		last++
	}
	for ; last > after; last-- {
		if err := e.part(last).remove(ctx); err != nil {
			return err
		}
	}
	return nil
}

func fromKeyring(ctx context.Context, rest string) (provisioning.Secret, error) {
	e, err := entryOf(rest)
	if err != nil {
		return provisioning.Secret{}, err
	}
	first, err := e.get(ctx)
	if err != nil {
		return provisioning.Secret{}, err
	}
	says, ok := strings.CutPrefix(first, header)
	if !ok {
		return provisioning.NewSecret(first), nil
	}
	number, sum, _ := strings.Cut(says, ":")
	count, err := strconv.Atoi(number)
	if err != nil || count < 1 || count > mostParts {
		return provisioning.Secret{}, damaged("what the keyring says of the parts of " + rest + " cannot be read")
	}
	var whole strings.Builder
	for i := 1; i <= count; i++ {
		part, err := e.part(i).get(ctx)
		if provisioning.CodeOf(err) == provisioning.NotFound {
			return provisioning.Secret{}, damaged("the keyring holds " + rest + " without its part " + strconv.Itoa(i) + " of " + number)
		}
		if err != nil {
			return provisioning.Secret{}, err
		}
		whole.WriteString(part)
	}
	if subtle.ConstantTimeCompare([]byte(sumOf(whole.String())), []byte(sum)) != 1 {
		return provisioning.Secret{}, damaged("the parts that the keyring holds of " + rest + " do not belong together")
	}
	return provisioning.NewSecret(whole.String()), nil
}

// Store keeps a secret in the keyring under SERVICE/ACCOUNT, in parts where it is long. The parts are written before the entry that
// names them: a secret that was not wholly stored is never taken for one that was. Two processes that store the same one at the
// same time may leave parts that do not belong together, which Resolve refuses.
func Store(ctx context.Context, rest string, secret provisioning.Secret) error {
	e, err := entryOf(rest)
	if err != nil {
		return err
	}
	value := secret.Reveal()
	if len(value) > mostSecret {
		return tooLarge("a secret of more than 64 KiB is not kept", nil)
	}
	first, parts := value, []string(nil)
	if len(value) > partSize || strings.HasPrefix(value, header) {
		parts = split(value)
		first = header + strconv.Itoa(len(parts)) + ":" + sumOf(value)
	}
	for i, part := range parts {
		if err := e.part(i+1).set(ctx, part); err != nil {
			return err
		}
	}
	if err := e.set(ctx, first); err != nil {
		return err
	}
	return e.removeParts(ctx, len(parts))
}

// Delete takes a secret out of the keyring with all its parts; one that is not there is no error.
func Delete(ctx context.Context, rest string) error {
	e, err := entryOf(rest)
	if err != nil {
		return err
	}
	if err := e.remove(ctx); err != nil {
		return err
	}
	return e.removeParts(ctx, 0)
}

// split cuts a value into parts. Text is cut between characters: some keyrings take every entry for text.
func split(value string) []string {
	var parts []string
	for len(value) > partSize {
		cut := partSize
		for back := 1; back < utf8.UTFMax && !utf8.RuneStart(value[cut]); back++ {
			cut--
		}
		parts, value = append(parts, value[:cut]), value[cut:]
	}
	return append(parts, value)
}

func sumOf(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])
}

// bounded runs a call of the keyring with a limit. A call that hangs is left to itself: its result goes into a channel that
// nobody waits for, and it ends with the process.
func bounded(ctx context.Context, call func() (string, error)) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if !busSeen() {
		return "", noBus(nil)
	}
	limited, cancel := context.WithTimeout(ctx, keyringTime)
	defer cancel()
	type result struct {
		value string
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := call()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-limited.Done():
		if err := ctx.Err(); errors.Is(err, context.Canceled) {
			return "", err
		}
		return "", locked(errors.New("there was no answer in time"))
	}
}

// busSeen reports whether a session bus may be there. Without one, go-keyring would try to start one by itself.
func busSeen() bool {
	if runtime.GOOS != "linux" || os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return true
	}
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		return false
	}
	_, err := os.Stat(filepath.Join(dir, "bus")) //nolint:gosec // the desktop's own variable, and only looked at
	return err == nil
}

// keyringError says what an error of the keyring means. Only two of go-keyring's own have a type; the locked collection has none.
func keyringError(err error) error {
	var ours *provisioning.Error
	var dial *net.OpError
	var launch *exec.Error
	switch {
	case err == nil, errors.As(err, &ours), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, keyring.ErrSetDataTooBig):
		return tooLarge("the secret or its name is larger than this system's keyring takes", err)
	case errors.As(err, &dial), errors.As(err, &launch) && launch.Name == "dbus-launch":
		return noBus(err)
	case strings.Contains(err.Error(), "failed to unlock"), strings.Contains(err.Error(), "locked"):
		return locked(err)
	default:
		return &provisioning.Error{
			Code: provisioning.Unavailable, Message: "the keyring cannot be used", Err: err,
			Hint: "see that the desktop's keyring runs, or choose file:, env:, exec: or age: for this connection",
		}
	}
}

func noBus(err error) error {
	return &provisioning.Error{
		Code: provisioning.Unavailable, Message: "there is no session bus: no keyring runs here", Err: err,
		Hint: "start it from a desktop session, or choose file:, env:, exec: or age: for this connection",
	}
}

func locked(err error) error {
	return &provisioning.Error{
		Code: provisioning.Unavailable, Message: "the keyring is locked, or nobody answered its question", Err: err,
		Hint: "unlock the keyring and try again, or choose file:, env:, exec: or age: for this connection",
	}
}

func tooLarge(message string, err error) error {
	return &provisioning.Error{
		Code: provisioning.Invalid, Message: message, Err: err,
		Hint: "keep only the token or the key itself, under a short SERVICE/ACCOUNT",
	}
}

func damaged(message string) error {
	return &provisioning.Error{
		Code: provisioning.Unproven, Message: message, Hint: "if nobody is storing it at this moment, store the secret again",
	}
}
