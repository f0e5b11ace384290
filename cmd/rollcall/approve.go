package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/clients/demofirm"
	"rollcall/provisioning"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/staging"
)

func newApprove(f *flags) *cobra.Command {
	var words, out string
	c := &cobra.Command{
		Use:   "approve [FILE | BATCH]",
		Short: "approve a batch that another operator asks you to, on this or another machine",
		Long: "Without an argument it lists the requests that lie in the folder of approvals. With one it shows what is asked for, asks for the four\n" +
			"words that the requester reads to you, and signs with your own key. It needs the configuration, and neither the store nor a system.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			a, err := newApprover(c.Context(), f)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return a.list(c.OutOrStdout())
			}
			return a.approve(c, args[0], words, out)
		},
	}
	c.Flags().StringVar(&words, "words", "", "the four words that were read to you; without it you are asked")
	c.Flags().StringVarP(&out, "output", "o", "", "where the approval is written (default: beside the request)")
	c.AddCommand(newApproveRequest(f), newApproveImport(f), newApproveKey(f))
	return c
}

// approver is somebody who approves: it knows the configuration alone.
type approver struct {
	f    *flags
	s    *setup
	dir  string
	seat provisioning.Operator
}

func newApprover(ctx context.Context, f *flags) (*approver, error) {
	a := &approver{f: f, dir: stateDir(f)}
	var err error
	switch {
	case f.demo:
		directories, err := f.directoryList()
		if err != nil {
			return nil, err
		}
		if err := os.MkdirAll(a.dir, 0o700); err != nil {
			return nil, err
		}
		firm, err := demofirm.Open(demofirm.Options{Seed: f.seed, People: f.people, Epoch: time.Now().UTC().Truncate(time.Second), Directories: directories}, a.dir)
		if err != nil {
			return nil, err
		}
		a.s = demoSetup(firm)
	case f.connections != "":
		a.s, err = readConnections(f.connections)
	default:
		if a.s, err = readConfig(f); err == nil {
			err = f.keeper().begin(ctx, a.s)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := a.s.sit(f.operator); err != nil {
		return nil, err
	}
	f.tenants = a.s.tenants()
	if err := a.s.choose(f.tenant, true); err != nil {
		return nil, err
	}
	a.seat = a.s.seat()
	return a, nil
}

func (a *approver) list(out io.Writer) error {
	files, err := a.s.exchange(a.dir).open()
	if err != nil {
		return err
	}
	for _, file := range files {
		data, err := readBounded(file)
		if err != nil {
			return err
		}
		r, err := staging.ParseRequest(data)
		if err != nil {
			fmt.Fprintf(out, "%s: %s\n", clean(file), clean(err.Error()))
			continue
		}
		asks := fmt.Sprintf("%s  %s asks", r.At.Local().Format("2 Jan 15:04"), clean(r.By))
		if r.Policy != nil {
			fmt.Fprintf(out, "policy  %s  %s\n", asks, clean(file))
			continue
		}
		fmt.Fprintf(out, "batch %d  %s  %d people  %s\n", r.Batch.ID, asks, len(r.Batch.Units), clean(file))
	}
	if len(files) == 0 {
		fmt.Fprintln(out, "nobody asks for an approval")
	}
	return nil
}

// refuses says why this operator may not give it.
func (a *approver) refuses(r *staging.Request) error {
	held := func(message, hint string) error {
		return &provisioning.Error{Code: provisioning.Held, Message: message, Hint: hint}
	}
	if r.Realm != a.realm() {
		return held("the request is of "+r.Realm+", and this configuration is of "+a.realm(), "choose the tenant that it is for")
	}
	if why := r.Refuses(a.seat); why != "" {
		return held(why, "see [operator] in config.toml")
	}
	return nil
}

func (a *approver) realm() string { return a.s.Firm + " · " + a.s.tenant() }

func (a *approver) approve(c *cobra.Command, what, words, out string) error {
	file := what
	if batch, err := strconv.ParseInt(what, 10, 64); err == nil {
		if file, err = a.s.exchange(a.dir).find(batch); err != nil {
			return err
		}
	}
	data, err := readBounded(file)
	if err != nil {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "the request cannot be read", Hint: "rollcall approve lists those that lie here", Err: err}
	}
	r, err := staging.ParseRequest(data)
	if err != nil {
		return err
	}
	if err := a.refuses(r); err != nil {
		return err
	}
	key, err := approvalKey(c.Context(), a.f, a.s, a.dir, a.seat.Name)
	if err != nil {
		return err
	}
	printRequest(c.OutOrStdout(), r)
	if words == "" {
		if words, err = askWords(c, r.By); err != nil {
			return err
		}
	}
	if !staging.SameWords(r.Covers, words) {
		return &provisioning.Error{
			Code: provisioning.Held, Message: "those are not the four words of what is asked for: nothing was approved", Hint: "have them read to you again: you may look at another batch than they do",
		}
	}
	approval := r.Approve(a.seat.Name, a.seat.Key(), time.Now())
	if err := staging.Sign(c.Context(), r.Realm, key, &approval); err != nil {
		return err
	}
	answer, err := json.MarshalIndent(staging.NewAnswer(r.Realm, approval), "", " ")
	if err != nil {
		return err
	}
	if out == "" {
		out = strings.TrimSuffix(file, ".request.json") + "." + fileName(a.seat.Name) + ".approval.json"
	}
	e := a.s.exchange(a.dir)
	e.dir = filepath.Dir(out)
	if err := e.write(out, append(answer, '\n')); err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "approved as %s until %s: %s\n", clean(a.seat.Name), approval.Until.Local().Format("2 Jan 15:04"), clean(out))
	return nil
}

// askWords asks for the words that are read over the phone.
func askWords(c *cobra.Command, by string) (string, error) {
	fmt.Fprintf(c.OutOrStdout(), "The four words that %s reads to you: ", clean(by))
	read := make(chan string, 1)
	go func() { // a terminal's read cannot be called off: given up, it ends with the process, which ends next
		line, _ := bufio.NewReader(c.InOrStdin()).ReadString('\n') // an end of the input is an empty line
		read <- line
	}()
	none := &provisioning.Error{Code: provisioning.Held, Message: "no words were typed: nothing was approved", Hint: "type them, or give them with --words"}
	select {
	case line := <-read:
		if strings.TrimSpace(line) == "" {
			return "", none
		}
		return line, nil
	case <-c.Context().Done():
		return "", none
	}
}

func printRequest(out io.Writer, r *staging.Request) {
	if r.Policy != nil {
		printPolicyRequest(out, r)
		return
	}
	b := r.Batch
	fmt.Fprintf(out, "%s\nbatch %d %s: %s asks, %s\n", clean(r.Realm), b.ID, clean(b.Title), clean(r.By), r.At.Local().Format("2 Jan 2006 15:04"))
	fmt.Fprintf(out, "a second person is needed: %s\n\n", clean(r.Needs))
	for i := range b.Units {
		u := &b.Units[i]
		reason := ""
		if u.Reason != "" {
			reason = "  on the word of: " + u.Reason
		}
		fmt.Fprintf(out, "%s  %s  %s%s\n", clean(u.Name), clean(u.Account), u.Kind, clean(reason))
		for _, op := range u.Ops {
			fmt.Fprintf(out, "  %d %s\n", op.Seq, clean(desk.Plain(op.Change)))
		}
	}
	fmt.Fprintln(out)
	fmt.Fprintf(out, "what the guards said, by the word of %s's machine:\n", clean(r.By))
	for _, v := range r.Verdicts {
		sign := "ok"
		if v.Holds {
			sign = "HELD"
		}
		fmt.Fprintf(out, "  %s  %s: %s\n", sign, clean(v.Guard), clean(v.Sentence))
		for _, name := range v.People {
			fmt.Fprintf(out, "        %s\n", clean(name))
		}
	}
	if b.Release != nil {
		fmt.Fprintf(out, "released whole by %s: %s\n", clean(b.Release.By), clean(b.Release.Reason))
	}
	for _, s := range b.Singly {
		fmt.Fprintf(out, "released %s by %s: %s\n", clean(s.Account), clean(s.By), clean(s.Reason))
	}
	fmt.Fprintf(out, "hash %s\n", clean(b.Hash))
}

// printPolicyRequest shows a policy that is to count: what it would do by the word of who asks, and its whole text, which is what the
// approval is for.
func printPolicyRequest(out io.Writer, r *staging.Request) {
	fmt.Fprintf(out, "%s\nanother policy: %s asks, %s\n", clean(r.Realm), clean(r.By), r.At.Local().Format("2 Jan 2006 15:04"))
	fmt.Fprintf(out, "what it would do, by the word of %s's machine:\n", clean(r.By))
	for _, l := range r.Policy.Effect {
		fmt.Fprintln(out, "  "+clean(l))
	}
	var source desk.PolicySource
	if err := json.Unmarshal([]byte(r.Policy.Source), &source); err != nil {
		fmt.Fprintln(out, "its text: "+clean(r.Policy.Source))
		return
	}
	fmt.Fprintf(out, "policy.toml:\n%s\n", cleanLines(source.Text))
	for _, name := range slices.Sorted(maps.Keys(source.Files)) {
		fmt.Fprintf(out, "%s:\n%s\n", clean(name), cleanLines(source.Files[name]))
	}
	fmt.Fprintf(out, "hash %s\n", clean(r.Policy.Hash))
}

func newApproveRequest(f *flags) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "request BATCH | policy",
		Short: "write the request for an approval of a reviewed batch, or of a changed policy, to a file, and print its four words",
		Long: "request writes everything that an approver on another machine must see to a file that only you may read. It is how a sealed batch is\n" +
			"approved: its request is laid out nowhere by itself, and you bring it to one of its readers. The words are not in the file: read\n" +
			"them to the approver.",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if args[0] == "policy" {
				id, err = 0, nil
			} else if err == nil && id <= 0 {
				err = strconv.ErrRange
			}
			if err != nil {
				return &provisioning.Error{Code: provisioning.Invalid, Message: "there is no batch called " + clean(args[0]), Hint: "give its number"}
			}
			return withDesk(c, f, func(d *desk.Desk) error {
				ask := d.PolicyRequest
				if id != 0 {
					ask = func(ctx context.Context) ([]byte, error) { return d.ApprovalRequest(ctx, id) }
				}
				data, err := ask(c.Context())
				if err != nil {
					return err
				}
				r, err := staging.ParseRequest(data)
				if err != nil {
					return err
				}
				file := out
				if file == "" {
					file = "rollcall-" + what(id) + ".request.json"
				}
				if _, err := writeNew(file, "the request", func(w io.Writer) (int, error) { return w.Write(append(data, '\n')) }); err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "the request is in %s\nread to the approver: %s\n", clean(file), strings.Join(staging.Words(r.Covers), " "))
				return nil
			})
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "the file; it must not be there yet")
	return c
}

func newApproveImport(f *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE",
		Short: "take in an approval that was given on another machine",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			data, err := readBounded(args[0])
			if err != nil {
				return &provisioning.Error{Code: provisioning.Invalid, Message: "the approval cannot be read", Err: err}
			}
			return withDesk(c, f, func(d *desk.Desk) error {
				batch, err := d.ImportApproval(c.Context(), data)
				if err != nil {
					return err
				}
				if batch == 0 {
					fmt.Fprintln(c.OutOrStdout(), "the policy is approved: rollcall policy accept lets it count")
					return nil
				}
				fmt.Fprintf(c.OutOrStdout(), "batch %d is approved: commit it at the console, or with rollcall apply --batch %d\n", batch, batch)
				return nil
			})
		},
	}
}

func newApproveKey(f *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "key",
		Short: "print the public half of your own approval key, as config.toml takes it; the key is made on first use",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			a, err := newApprover(c.Context(), f)
			if err != nil {
				return err
			}
			key, err := approvalKey(c.Context(), f, a.s, a.dir, a.seat.Name)
			if err != nil {
				return err
			}
			name := a.seat.Name
			if !f.simulated() {
				name = loginOf()
			}
			fmt.Fprintf(c.OutOrStdout(), "[operator.%q]\napproval_key = %q\n", clean(name), base64.StdEncoding.EncodeToString(key.Public()))
			return nil
		},
	}
}
