package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/store/sqlite"
)

// leastPhrase is how long a backup's passphrase is at least: as the vault's.
const leastPhrase = 12

// phraseOf gives the passphrase of a backup: from where ref says, or typed, twice where it is a new one.
func phraseOf(ctx context.Context, f *flags, ref string, twice bool) (sqlite.Passphrase, error) {
	if ref != "" {
		secret, err := f.keeper().Resolve(ctx, ref)
		if err == nil && twice {
			err = longEnough(secret)
		}
		return sqlite.Passphrase{Phrase: secret}, err
	}
	if !term.IsTerminal(os.Stdin.Fd()) {
		return sqlite.Passphrase{}, &provisioning.Error{
			Code: provisioning.Invalid, Message: "there is no terminal to ask for the backup's passphrase on", Hint: "give --passphrase-from file:PATH, env:NAME, keyring: or exec:",
		}
	}
	phrase, err := askHidden(ctx, "Passphrase of the backup: ")
	if err != nil || !twice {
		return sqlite.Passphrase{Phrase: phrase}, err
	}
	if err := longEnough(phrase); err != nil {
		return sqlite.Passphrase{}, err
	}
	again, err := askHidden(ctx, "The same once more: ")
	if err == nil && again.Reveal() != phrase.Reveal() {
		err = &provisioning.Error{Code: provisioning.Invalid, Message: "the two are not the same", Hint: "type it again; nothing was written"}
	}
	return sqlite.Passphrase{Phrase: phrase}, err
}

func longEnough(phrase provisioning.Secret) error {
	if len([]rune(phrase.Reveal())) < leastPhrase {
		return &provisioning.Error{Code: provisioning.Invalid, Message: fmt.Sprintf("a passphrase has at least %d characters", leastPhrase), Hint: "four words that have nothing to do with each other are good; nothing was written"}
	}
	return nil
}

func newBackup(f *flags) *cobra.Command {
	var from string
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "write the whole store into a new file that a passphrase seals, while rollcall runs",
		Long: "backup writes the store as of one moment: journal, record, snapshots. It runs beside a console that is at work, and from one that may only\n" +
			"read. The record's keys are not in it: they are in the keyring, or where the configuration says, and are kept apart.",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withOpened(c, f, func(o *opened) error {
				phrase, err := phraseOf(c.Context(), f, from, true)
				if err != nil {
					return err
				}
				info, err := o.store.Backup(c.Context(), args[0], phrase, provisioning.Event{At: time.Now().UTC(), Actor: o.desk.Operator().Name, Session: o.session})
				if err != nil {
					return err
				}
				if f.json {
					return writeJSON(c.OutOrStdout(), map[string]any{"file": args[0], "rows": info.Rows, "version": info.Version, "taken": info.Taken})
				}
				fmt.Fprintf(c.OutOrStdout(), "the store is in %s: %s rows of the record, version %d, sealed with the passphrase\n", clean(args[0]), audit.Count(info.Rows), info.Version)
				return nil
			})
		},
	}
	c.Flags().StringVar(&from, "passphrase-from", "", "take the passphrase from file:PATH, env:NAME, keyring:SERVICE/ACCOUNT, age:NAME or exec:COMMAND, and do not ask")
	return c
}

func newRestore(f *flags) *cobra.Command {
	var from string
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "put a backup in the store's place; what the store is now is kept aside",
		Long: "restore opens a backup, looks at all of it, verifies its record and holds it against the anchors, which say what is missing. Only then it takes\n" +
			"the store's place. Nothing in it goes on by itself: a batch that was under way is stopped, one that was scheduled has missed its minute.\n" +
			"It is refused while another rollcall has the store open.",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return restore(c, f, args[0], from) },
	}
	c.Flags().StringVar(&from, "passphrase-from", "", "take the passphrase from file:PATH, env:NAME, keyring:SERVICE/ACCOUNT, age:NAME or exec:COMMAND, and do not ask")
	return c
}

func restore(c *cobra.Command, f *flags, file, from string) (err error) {
	ctx, dir := c.Context(), stateDir(f)
	o := &opened{}
	s, err := o.setup(ctx, f, dir, false)
	if err != nil {
		return err
	}
	if err := s.choose(f.tenant, false); err != nil {
		return err
	}
	seat := s.seat()
	if seat.Role != provisioning.RoleApprover && seat.Role != provisioning.RoleAdministrator {
		return &provisioning.Error{
			Code: provisioning.Held, Message: seat.Name + " may not put a backup in the store's place", Hint: "an approver or an administrator may: map the operator to a role in config.toml",
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	p, err := place(ctx, f, s, dir)
	if err != nil {
		return err
	}
	phrase, err := phraseOf(ctx, f, from, false)
	if err != nil {
		return err
	}
	r, err := sqlite.BeginRestore(ctx, p.options.Path, file, phrase)
	if err != nil {
		return err
	}
	lost, err := p.vet(ctx, r)
	if err != nil {
		return errors.Join(err, r.Close())
	}
	missing := lost.sentence(r.Info.Rows)
	detail := fmt.Sprintf("%s put the store back from %s, a backup of %s with %s rows of the record; %s", seat.Name, filepath.Base(file),
		r.Info.Taken.UTC().Format("2 Jan 2006 15:04:05 UTC"), audit.Count(r.Info.Rows), missing)
	store, aside, err := r.Finish(ctx, p.options, provisioning.Event{
		At: time.Now().UTC(), Actor: seat.Name, Session: session(), Kind: provisioning.EventRestored, Subject: lost.Subject, Detail: detail,
	})
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, store.Close())
		for _, w := range store.Witnesses() { // that an anchor has seen more is said below
			if w.Why != "" {
				fmt.Fprintln(c.ErrOrStderr(), "rollcall: the record is not anchored in "+clean(w.Place)+": "+clean(w.Why))
			}
		}
	}()
	unfinished, err := store.Unfinished(ctx)
	if err != nil {
		return err
	}
	stopped := make([]int64, len(unfinished))
	for i, b := range unfinished {
		stopped[i] = b.ID
	}
	out := c.OutOrStdout()
	if f.json {
		return writeJSON(out, map[string]any{
			"rows": r.Info.Rows, "taken": r.Info.Taken, "version": r.Info.Version, "anchored_row": lost.Row, "missing_rows": max(0, lost.Row-r.Info.Rows), "stopped": stopped, "kept": aside,
		})
	}
	fmt.Fprintf(out, "the store is that of %s: %s rows of the record\n", r.Info.Taken.Local().Format("2 Jan 2006 15:04:05"), audit.Count(r.Info.Rows))
	fmt.Fprintln(out, clean(missing))
	for _, id := range stopped {
		fmt.Fprintf(out, "batch %d is stopped: look again before you resume it\n", id)
	}
	if aside != "" {
		fmt.Fprintf(out, "what the store was is kept as %s\n", clean(aside))
	}
	return nil
}

// loss is what a restoring loses, as far as the anchors can say.
type loss struct {
	audit.Lost
	places []string // that were read
}

// sentence says what is missing after a record's last row.
func (l loss) sentence(rows int64) string {
	switch {
	case len(l.places) == 0:
		return "there is no anchor to say whether rows are missing"
	case l.Row > rows:
		return fmt.Sprintf("%s rows are missing, %s to %s: %s has seen row %s of %s", audit.Count(l.Row-rows), audit.Count(rows+1), audit.Count(l.Row), strings.Join(l.places, ", "),
			audit.Count(l.Row), l.At.UTC().Format("2 Jan 2006 15:04:05 UTC"))
	default:
		return fmt.Sprintf("no row is missing that %s has seen", strings.Join(l.places, ", "))
	}
}

// vet verifies a backup's record before it becomes the store's, and finds out what it lacks.
func (p *storePlace) vet(ctx context.Context, r *sqlite.Restoring) (l loss, err error) {
	src, err := r.Copy(ctx)
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	anchors, err := p.read(ctx)
	if err != nil {
		return l, err
	}
	check := audit.Check{Key: p.key, Trusted: []ed25519.PublicKey{p.options.Signer.Public()}, Anchors: anchors}
	v, err := check.Run(ctx, src)
	if err != nil {
		return l, err
	}
	for _, problem := range v.Problems {
		if problem.Kind == audit.TailCut && problem.First > r.Info.Rows { // that is what a backup is
			continue
		}
		return l, &provisioning.Error{
			Code: provisioning.Held, Message: "the backup's record does not hold: " + problem.Sentence, Hint: "nothing was changed; take another backup, and ask who had this one",
		}
	}
	for i := range anchors {
		l.places = append(l.places, anchors[i].Place)
	}
	l.Lost, err = audit.FindLost(ctx, src, anchors)
	return l, err
}
