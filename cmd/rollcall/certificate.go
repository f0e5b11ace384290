package main

import (
	"context"
	"crypto/ed25519"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/provisioning/audit"
	"rollcall/provisioning/desk"
)

//go:embed certificate.html
var certificatePage string

func newCertificate(f *flags) *cobra.Command {
	var file, page string
	c := &cobra.Command{
		Use:   "certificate BATCH|ACCOUNT",
		Short: "certify when each access that a batch ended was asked off, accepted off and seen off",
		Long: "certificate prints the signed certificate of removal as JSON, or writes it to a file with -o, or as one page to print with --html.\n" +
			"With an account it is of that one person, by the latest batch that closed the account; BATCH ACCOUNT names the batch too. What was\n" +
			"not seen off yet stands on it as pending, and then it is not complete. It claims nothing about sessions, and says so.",
		Example: "  rollcall certificate 12 -o batch12.json\n  rollcall certificate TBARNES -o barnes.json --html barnes.html\n  rollcall certificate verify barnes.json",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			return withStore(c, f, func(d *desk.Desk) error {
				id, account, err := certificateOf(c.Context(), d, args)
				if err != nil {
					return err
				}
				s, err := d.SignedCertificate(c.Context(), id, account)
				if err != nil {
					return err
				}
				return giveCertificate(c.OutOrStdout(), s, file, page)
			})
		},
	}
	c.Flags().StringVarP(&file, "output", "o", "", "write the signed certificate to this file; it must not be there yet")
	c.Flags().StringVar(&page, "html", "", "write one HTML page to print to this file; it must not be there yet")
	c.AddCommand(newCertificateVerify(f))
	return c
}

// certificateOf reads which batch and account a certificate is asked for: BATCH, ACCOUNT, or both.
func certificateOf(ctx context.Context, d *desk.Desk, args []string) (batch int64, account string, err error) {
	batch, err = strconv.ParseInt(args[0], 10, 64)
	switch {
	case err == nil && batch > 0 && len(args) == 1:
		return batch, "", nil
	case err == nil && batch > 0:
		return batch, args[1], nil
	case len(args) == 2:
		return 0, "", &provisioning.Error{Code: provisioning.Invalid, Message: "there is no batch called " + clean(args[0]), Hint: "give its number"}
	}
	batch, err = d.CertificateOf(ctx, args[0])
	return batch, args[0], err
}

func giveCertificate(out io.Writer, s *audit.Signed, file, page string) error {
	if file == "" && page == "" {
		return s.Write(out)
	}
	for _, one := range []struct {
		file, what string
		write      func(io.Writer) error
	}{
		{file, "the certificate", s.Write},
		{page, "the page", func(w io.Writer) error { return htmlCertificate(w, s) }},
	} {
		if one.file == "" {
			continue
		}
		if err := writeWhole(one.file, one.what, one.write); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s of batch %d is in %s: %s\n", one.what, s.Certificate.Batch, clean(one.file), completeness(&s.Certificate))
	}
	return nil
}

// writeWhole writes a file for its owner alone: whole or not at all, and never over another one. It is written beside its place under a
// name of its own, and takes its place in one step (threats B2).
func writeWhole(file, what string, write func(io.Writer) error) error {
	failed := func(err error) error {
		return &provisioning.Error{Code: provisioning.Invalid, Message: what + " could not be written", Hint: "name a file that does not exist yet", Err: err}
	}
	if _, err := os.Lstat(file); err == nil { // a link counts as a file, wherever it leads
		return failed(fs.ErrExist)
	}
	w, err := os.CreateTemp(filepath.Dir(file), ".rollcall-*") // 0600, and it must not be there
	if err != nil {
		return failed(err)
	}
	err = write(w)
	if err == nil {
		err = w.Sync()
	}
	err = errors.Join(err, w.Close())
	if err == nil {
		err = giveName(w.Name(), file)
	}
	if err != nil {
		return failed(errors.Join(err, os.Remove(w.Name())))
	}
	return nil
}

// giveName gives a written file its name, where nothing has that yet. A link does both in one step; where the file system has none, the
// name is taken first.
func giveName(written, file string) error {
	err := os.Link(written, file)
	if err == nil {
		return os.Remove(written)
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	taken, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(taken.Close(), os.Rename(written, file))
}

func completeness(c *audit.Certificate) string {
	if c.Complete {
		return "complete"
	}
	open := 0
	for i := range c.People {
		if !c.People[i].Complete {
			open++
		}
	}
	return fmt.Sprintf("not complete, %d of %d people pending", open, len(c.People))
}

func newCertificateVerify(f *flags) *cobra.Command {
	var keys []string
	c := &cobra.Command{
		Use:   "verify FILE",
		Short: "check a certificate of removal, with nothing else at hand",
		Long: "verify finds any changed byte of a certificate. Whose key signed it is for --key to say: without it, it tells that the certificate is\n" +
			"as its key signed it, and which key that was.",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var trusted []ed25519.PublicKey
			for _, text := range keys {
				key, err := publicKey(text)
				if err != nil {
					return err
				}
				trusted = append(trusted, key)
			}
			in, err := os.Open(args[0])
			if err != nil {
				return &provisioning.Error{Code: provisioning.Invalid, Message: "the certificate cannot be read", Hint: "name the file that rollcall certificate -o wrote", Err: err}
			}
			defer in.Close()
			s, err := audit.ReadSigned(in, trusted...)
			if provisioning.CodeOf(err) == provisioning.Invalid {
				return doesNotHold(c, f, err)
			}
			if err != nil {
				return err
			}
			if f.json {
				return writeJSON(c.OutOrStdout(), map[string]any{
					"ok": true, "complete": s.Certificate.Complete, "batch": s.Certificate.Batch, "made": s.Certificate.Made, "key": audit.Fingerprint(s.PublicKey), "trusted": len(trusted) > 0,
				})
			}
			textCertificate(c.OutOrStdout(), s, len(trusted) > 0)
			return nil
		},
	}
	c.Flags().StringArrayVar(&keys, "key", nil, "the public key that must have signed, in base64 or in hex as rollcall audit key prints it (may be given more than once)")
	return c
}

// doesNotHold says why a certificate does not hold: exit code 1.
func doesNotHold(c *cobra.Command, f *flags, why error) error {
	if f.json {
		if err := writeJSON(c.OutOrStdout(), map[string]any{"ok": false, "reason": clean(why.Error())}); err != nil {
			return err
		}
	}
	return exitCode{code: exitFailed, err: why}
}

func publicKey(text string) (ed25519.PublicKey, error) {
	text = strings.TrimSpace(text)
	for _, decode := range []func(string) ([]byte, error){hex.DecodeString, base64.StdEncoding.DecodeString} {
		if key, err := decode(text); err == nil && len(key) == ed25519.PublicKeySize {
			return key, nil
		}
	}
	return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "--key is no public key", Hint: "give what rollcall audit key prints"}
}

func textCertificate(out io.Writer, s *audit.Signed, trusted bool) {
	c := &s.Certificate
	fmt.Fprintf(out, "%s: certificate of removal, batch %d %s: %s\n", clean(c.Firm), c.Batch, clean(c.Title), completeness(c))
	whose := "whose key that is, say with --key"
	if trusted {
		whose = "a key that was given with --key"
	}
	fmt.Fprintf(out, "it holds: made %s by %s, signed by key %s (%s)\n", utc(c.Made), clean(c.By), audit.Fingerprint(s.PublicKey), whose)
	for i := range c.People {
		p := &c.People[i]
		fmt.Fprintf(out, "\n%s  %s  %s\n", clean(p.Name), clean(p.Account), clean(p.Undone))
		for j := range p.Accesses {
			a := &p.Accesses[j]
			fmt.Fprintf(out, "  %-12s %-24s asked %s  accepted %s  seen off %s  %s\n", a.What, clean(a.Where), stamp(a.Asked), stamp(a.Accepted), stamp(a.SeenOff), clean(a.Note))
		}
	}
	for _, line := range c.NotClaims {
		fmt.Fprintf(out, "\nnot claimed: %s", clean(line))
	}
	fmt.Fprintln(out)
}

// stamp says a time of a certificate, or that it has not come.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "pending"
	}
	return utc(t)
}

// htmlCertificate writes a certificate as one page: no script, nothing from elsewhere, every foreign string cleaned and escaped.
func htmlCertificate(w io.Writer, s *audit.Signed) error {
	page, err := template.New("certificate").Funcs(template.FuncMap{
		"at": utc, "stamp": stamp, "fingerprint": func(key []byte) string { return audit.Fingerprint(key) },
		"base64": base64.StdEncoding.EncodeToString,
		"clean":  func(v any) string { return clean(fmt.Sprint(v)) },
		"place": func(p provisioning.Place) string {
			if p.Library == "" {
				return "global record"
			}
			return clean(p.Library)
		},
	}).Parse(certificatePage)
	if err != nil {
		return err
	}
	return page.Execute(w, s)
}
