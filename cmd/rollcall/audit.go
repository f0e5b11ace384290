package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/store/sqlite"
)

func newAudit(f *flags) *cobra.Command {
	c := &cobra.Command{Use: "audit", Short: "list, verify or export the record"}
	c.AddCommand(newAuditList(f), newAuditVerify(f), newAuditExport(f), newAuditKey(f))
	return c
}

func newAuditList(f *flags) *cobra.Command {
	var q desk.RecordQuery
	c := &cobra.Command{
		Use:   "list [WORDS]",
		Short: "list the record, newest first",
		RunE: func(c *cobra.Command, args []string) error {
			q.Text = strings.Join(args, " ")
			return withStore(c, f, func(d *desk.Desk) error {
				records, err := d.Records(c.Context(), q)
				if err != nil {
					return err
				}
				out := c.OutOrStdout()
				if f.json {
					if records == nil {
						records = []provisioning.Record{}
					}
					return writeJSON(out, records)
				}
				for _, r := range records {
					e := r.Event
					fmt.Fprintf(out, "%6d  %s  %-12s  %-12s  %s %s\n", r.Seq, e.At.Local().Format("2006-01-02 15:04:05"),
						clean(actor(e)), e.Kind, clean(e.Subject), clean(e.Detail))
				}
				return nil
			})
		},
	}
	c.Flags().IntVar(&q.Limit, "limit", 50, "how many; 0: all")
	c.Flags().Int64Var(&q.Batch, "batch", 0, "only of this batch")
	return c
}

// actor says who it was, and marks one whom the configuration maps to nobody: who shares a login is nobody in particular (threats F2). A row
// from before that was kept has neither.
func actor(e provisioning.Event) string {
	if e.Login != "" && e.Person == "" {
		return e.Actor + " (nobody's)"
	}
	return e.Actor
}

// held is what an auditor holds against a record.
type held struct {
	anchors []string
	keys    []string
	saw     []string
	record  string // a reference to the record's own key
}

func (h *held) flags(c *cobra.Command) {
	c.Flags().StringArrayVar(&h.anchors, "anchor", nil, "hold the record against this file of anchors, or an extract of a syslog (may be given more than once)")
	c.Flags().StringArrayVar(&h.keys, "key", nil, "the public key, in hex, that must have signed (rollcall audit key prints it; may be given more than once)")
	c.Flags().StringArrayVar(&h.saw, "saw", nil, "ROW:HEAD as a batch's report prints it (may be given more than once)")
	c.Flags().StringVar(&h.record, "record-key", "", "with BUNDLE: where the record's own key is (file:, keyring:, age:, exec:), to check the keyed hashes too")
}

// check reads what was given.
func (h *held) check() (audit.Check, error) {
	var c audit.Check
	wrong := func(what, hint string) error {
		return &provisioning.Error{Code: provisioning.Invalid, Message: what, Hint: hint}
	}
	for _, text := range h.keys {
		key, err := hex.DecodeString(strings.TrimSpace(text))
		if err != nil || len(key) != ed25519.PublicKeySize {
			return c, wrong("--key is no public key", "give the 64 hex digits that rollcall audit key prints")
		}
		c.Trusted = append(c.Trusted, key)
	}
	for _, text := range h.saw {
		row, head, _ := strings.Cut(text, ":")
		n, err := strconv.ParseInt(strings.ReplaceAll(row, ",", ""), 10, 64)
		raw, hexErr := hex.DecodeString(strings.TrimSuffix(head, "…"))
		if err != nil || hexErr != nil || n < 1 || len(raw) < 8 {
			return c, wrong("--saw is no row and head: "+text, "give ROW:HEAD with at least 16 digits of the head")
		}
		c.Saw = append(c.Saw, audit.Anchor{Count: n, Head: raw})
	}
	for _, file := range h.anchors {
		a, err := readAnchors(file)
		if err != nil {
			return c, err
		}
		c.Anchors = append(c.Anchors, a)
	}
	return c, nil
}

func newAuditVerify(f *flags) *cobra.Command {
	h := &held{}
	c := &cobra.Command{
		Use:   "verify [BUNDLE]",
		Short: "check every row of the record against its chain, its signatures and its anchors",
		Long: "verify checks the record of this store, or of BUNDLE: a copy of rollcall.db, what `rollcall audit export` wrote, or the evidence of\n" +
			"`rollcall export evidence`: every byte of it, each of its parts, and in plain words what it proves and what it does not. A bundle needs no\n" +
			"configuration and no key: its rows are checked by their digests and signatures. It finds and names an edit, a drop, an insertion, another\n" +
			"order, a cut tail, a rewriting by somebody who has the record's key, and another signing key; and it says how far the record is anchored\n" +
			"outside the store, and from when on it is not. Exit code 1 where something does not hold.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			check, err := h.check()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if done, err := verifyEvidence(c, f, h, check, args[0]); done {
					return err
				}
				v, err := verifyBundle(c.Context(), f, h, check, args[0])
				if err != nil {
					return err
				}
				return printVerification(c, f, &v)
			}
			return withStore(c, f, func(d *desk.Desk) error {
				v, err := d.VerifyRecord(c.Context(), check)
				if err != nil {
					return err
				}
				return printVerification(c, f, &v)
			})
		},
	}
	h.flags(c)
	return c
}

// verifyEvidence checks an evidence bundle, where the file is one.
func verifyEvidence(c *cobra.Command, f *flags, h *held, check audit.Check, file string) (done bool, err error) {
	in, err := os.Open(file)
	if err != nil {
		return true, &provisioning.Error{Code: provisioning.Invalid, Message: "the bundle cannot be read", Err: err}
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return true, err
	}
	if !audit.IsEvidence(c.Context(), in, info.Size()) {
		return false, nil
	}
	if check.Key, err = h.recordKey(c.Context(), f); err != nil {
		return true, err
	}
	r, err := audit.EvidenceCheck{Check: check, Readers: desk.EvidenceReaders()}.Run(c.Context(), in, info.Size())
	if err != nil {
		return true, err
	}
	return true, printEvidence(c, f, &r)
}

// recordKey is the record's own key, where it was named; nil where it was not.
func (h *held) recordKey(ctx context.Context, f *flags) ([]byte, error) {
	if h.record == "" {
		return nil, nil
	}
	secret, err := f.keeper().Resolve(ctx, h.record)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(secret.Reveal())
	if err != nil || len(key) != audit.KeySize {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "--record-key names no key of a record", Hint: "name the place that record_key in config.toml names"}
	}
	return key, nil
}

// verifyBundle checks a copy of a store, or an export, with nothing else at hand.
func verifyBundle(ctx context.Context, f *flags, h *held, check audit.Check, file string) (v audit.Verification, err error) {
	if check.Key, err = h.recordKey(ctx, f); err != nil {
		return v, err
	}
	in, err := os.Open(file)
	if err != nil {
		return v, &provisioning.Error{Code: provisioning.Invalid, Message: "the bundle cannot be read", Err: err}
	}
	defer in.Close()
	head := make([]byte, len(sqliteHead))
	if _, err := io.ReadFull(in, head); err == nil && string(head) == sqliteHead {
		src, err := sqlite.OpenCopy(ctx, file)
		if err != nil {
			return v, err
		}
		v, err = check.Run(ctx, src)
		return v, errors.Join(err, src.Close())
	}
	b, err := audit.OpenBundle(in)
	if err != nil {
		return v, err
	}
	check.Section = b.Section
	return check.Run(ctx, b)
}

// sqliteHead is how every SQLite file begins (sqlite.org/fileformat.html).
const sqliteHead = "SQLite format 3\x00"

// printVerification says what was found, and is exit code 1 where something does not hold.
func printVerification(c *cobra.Command, f *flags, v *audit.Verification) error {
	out := c.OutOrStdout()
	if f.json {
		result := map[string]any{
			"ok": v.OK(), "proven": v.Proven(), "first": v.First, "rows": v.Rows, "head": hex.EncodeToString(v.Head), "keyed": v.Keyed, "signed": v.Signed,
			"anchored": v.Anchored, "key": hex.EncodeToString(v.Key), "vouched_by": v.Vouched, "verdict": v.Verdict(), "said": v.Trust(),
			"problems": append([]audit.Problem{}, v.Problems...), "restores": append([]audit.Restore{}, v.Restores...), "bad_row": int64(0), "reason": "",
		}
		if !v.OK() {
			result["bad_row"], result["reason"] = v.Problems[0].First, v.Problems[0].Sentence
		}
		if err := writeJSON(out, result); err != nil {
			return err
		}
	} else {
		if v.OK() {
			fmt.Fprintln(out, clean(v.Verdict()))
		}
		for _, p := range v.Problems {
			fmt.Fprintf(out, "%s: %s\n", p.Kind, clean(p.Sentence))
		}
		for _, said := range v.Trust() {
			fmt.Fprintln(out, "  "+clean(said))
		}
	}
	if !v.OK() {
		return exitCode{code: exitFailed, err: errors.New(clean(v.Verdict()))}
	}
	return nil
}

func newAuditExport(f *flags) *cobra.Command {
	var (
		file     string
		from, to int64
	)
	c := &cobra.Command{
		Use:   "export -o FILE",
		Short: "write the record into one file that `rollcall audit verify FILE` checks on any machine",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if file == "" {
				return &provisioning.Error{Code: provisioning.Invalid, Message: "the export needs a file", Hint: "give -o FILE"}
			}
			return withOpened(c, f, func(o *opened) error {
				done, err := writeNew(file, "the export", func(w io.Writer) (audit.Exported, error) {
					return o.desk.ExportRecord(c.Context(), w, from, to)
				})
				if err != nil {
					return err
				}
				if f.json {
					return writeJSON(c.OutOrStdout(), map[string]any{"from": done.From, "to": done.To, "file": file})
				}
				fmt.Fprintf(c.OutOrStdout(), "rows %s to %s of the record are in %s\n", audit.Count(done.From), audit.Count(done.To), clean(file))
				return nil
			})
		},
	}
	c.Flags().StringVarP(&file, "output", "o", "", "the file to write; it must not be there yet")
	c.Flags().Int64Var(&from, "from", 1, "the first row")
	c.Flags().Int64Var(&to, "to", 0, "the last row; the export goes on to the next one that is signed (0: all)")
	return c
}

// writeNew writes a file for its owner alone, never over another one, and takes it away again where it could not be written whole.
func writeNew[T any](file, what string, write func(io.Writer) (T, error)) (result T, err error) {
	w, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return result, &provisioning.Error{Code: provisioning.Invalid, Message: what + " could not be written", Hint: "name a file that does not exist yet", Err: err}
	}
	result, err = write(w)
	if err == nil {
		err = w.Sync()
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return result, errors.Join(err, os.Remove(file))
	}
	return result, nil
}

func newAuditKey(f *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "key",
		Short: "print the public key that signs the record, for whoever verifies it elsewhere",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			dir := stateDir(f)
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return err
			}
			o := &opened{}
			s, err := o.setup(c.Context(), f, dir, false)
			if err != nil {
				return err
			}
			signs, err := newSigner(c.Context(), f, s, dir)
			if err != nil {
				return err
			}
			key := signs.Public()
			if f.json {
				return writeJSON(c.OutOrStdout(), map[string]any{"public_key": hex.EncodeToString(key), "fingerprint": audit.Fingerprint(key)})
			}
			fmt.Fprintf(c.OutOrStdout(), "%s\n", hex.EncodeToString(key))
			return nil
		},
	}
}
