package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

// caseFlags are what an operator decides about a joiner, mover or leaver on the command line.
type caseFlags struct {
	like, rehire, reason, at, grace, successor string
	add, drop, seal                            []string
	release                                    bool
	confirm                                    int
}

const caseHelp = `
WHO is a login, an email, an account, an id of the directory, or a whole name that one person has. Everything is read first. Without
--confirm the case is printed and nothing is staged: what was checked, every right with its reason, the changes in their order. With
--confirm N (the number of people who lose access, or of all people where nobody does) it is staged, guarded and committed, or, where it
has a time, confirmed for its time. It exits 3 where the case or a guard holds it.`

func newJoiner(f *flags) *cobra.Command {
	o := &caseFlags{}
	c := &cobra.Command{
		Use: "joiner WHO", Short: "prepare, and with --confirm commit, the account of somebody who joined", Args: cobra.ExactArgs(1),
		Long: "joiner looks for whatever a new account would collide with, gives what the policy gives the seat (or what a colleague has, minus\nwalls), and says why.\n" + caseHelp,
		RunE: func(c *cobra.Command, args []string) error { return runCase(c, f, desk.CaseJoiner, args[0], o) },
	}
	c.Flags().StringVar(&o.like, "like", "", "give what this colleague has, but for administration and walled groups, in place of the template")
	c.Flags().StringVar(&o.rehire, "rehire", "", "the closed account that is this person's own: it is emptied, then opened again; needs --reason")
	rightFlags(c, o)
	commonCaseFlags(c, o)
	return c
}

func newMover(f *flags) *cobra.Command {
	o := &caseFlags{}
	c := &cobra.Command{
		Use: "mover WHO", Short: "prepare, and with --confirm commit, a move from one seat to another", Args: cobra.ExactArgs(1),
		Long: "mover lays the old seat beside the new one: what comes, what stays, what goes, and when.\n" + caseHelp,
		RunE: func(c *cobra.Command, args []string) error { return runCase(c, f, desk.CaseMover, args[0], o) },
	}
	c.Flags().StringVar(&o.grace, "grace", "", "when what goes, goes: \"8 dec 17:00\", \"+14d\"; now where nothing is said")
	rightFlags(c, o)
	commonCaseFlags(c, o)
	return c
}

func newLeaver(f *flags) *cobra.Command {
	o := &caseFlags{}
	c := &cobra.Command{
		Use: "leaver WHO", Short: "prepare, and with --confirm commit, the end of somebody's access", Args: cobra.ExactArgs(1),
		Long: "leaver ends somebody's access in its order: disabled first, then administration, groups, roles and libraries; and says what they\nwould leave behind.\n" + caseHelp,
		RunE: func(c *cobra.Command, args []string) error { return runCase(c, f, desk.CaseLeaver, args[0], o) },
	}
	c.Flags().StringVar(&o.at, "at", "", "the minute at which it begins: \"17:30\", \"8 dec 17:00\", \"+2h\"; now where nothing is said")
	c.Flags().StringVar(&o.successor, "successor", "", "the account that gets the workspaces they own")
	c.Flags().BoolVar(&o.release, "release-checkouts", false, "end their check-outs: what was not saved to iManage is lost")
	c.Flags().StringSliceVar(&o.seal, "seal", nil, "only these operators, and you, may read the batch")
	commonCaseFlags(c, o)
	return c
}

func rightFlags(c *cobra.Command, o *caseFlags) {
	c.Flags().StringArrayVar(&o.add, "add", nil, "a right to give as well: LIBRARY, LIBRARY=ROLE, LIBRARY/GROUP or /GROUP; may be repeated")
	c.Flags().StringArrayVar(&o.drop, "drop", nil, "a right to leave out, written the same way; may be repeated")
}

func commonCaseFlags(c *cobra.Command, o *caseFlags) {
	c.Flags().StringVar(&o.reason, "reason", "", "for the record: on whose word, or why a held batch is released")
	c.Flags().IntVar(&o.confirm, "confirm", -1, "commit it: the number of people who lose access (of all people, where nobody does)")
}

// parseRight reads LIBRARY, LIBRARY=ROLE, LIBRARY/GROUP or /GROUP.
func parseRight(s string) ([]provisioning.Entitlement, error) {
	if g, ok := provisioning.ParseGroup(s); ok {
		return []provisioning.Entitlement{provisioning.InGroup(g)}, nil
	}
	library, role, hasRole := strings.Cut(s, "=")
	if library == "" || strings.Contains(s, "/") || (hasRole && role == "") {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: s + " is no right", Hint: "write LIBRARY, LIBRARY=ROLE, LIBRARY/GROUP or /GROUP"}
	}
	rights := []provisioning.Entitlement{provisioning.InLibrary(library)}
	if hasRole {
		rights = append(rights, provisioning.RoleIn(library, role))
	}
	return rights, nil
}

// options turns flags into a desk's options.
func (o *caseFlags) options(ctx context.Context, d *desk.Desk) (desk.CaseOptions, error) {
	out := desk.CaseOptions{Rehire: o.rehire, Reason: o.reason, Successor: o.successor, Release: o.release, Readers: o.seal}
	for _, list := range []struct {
		from []string
		to   *[]provisioning.Entitlement
	}{{o.add, &out.Add}, {o.drop, &out.Drop}} {
		for _, s := range list.from {
			rights, err := parseRight(s)
			if err != nil {
				return out, err
			}
			*list.to = append(*list.to, rights...)
		}
	}
	for _, when := range []struct {
		from string
		to   *time.Time
	}{{o.at, &out.At}, {o.grace, &out.Grace}} {
		if when.from == "" || when.from == "now" {
			continue
		}
		at, err := desk.ParseWhen(when.from, time.Now())
		if err != nil {
			return out, err
		}
		*when.to = at
	}
	var err error
	if o.like != "" {
		out.Like, err = d.PersonOf(ctx, o.like)
	}
	return out, err
}

func runCase(c *cobra.Command, f *flags, kind desk.CaseKind, who string, o *caseFlags) error {
	return withDesk(c, f, func(d *desk.Desk) error {
		ctx := c.Context()
		if o.confirm >= 0 && d.Draft() != 0 {
			return &provisioning.Error{
				Code: provisioning.Held, Message: fmt.Sprintf("batch %d is being staged at a console", d.Draft()), Hint: "commit or drop it first",
			}
		}
		if _, err := d.Sync(ctx, nil); err != nil {
			return err
		}
		key, err := d.PersonOf(ctx, who)
		if err != nil {
			return err
		}
		options, err := o.options(ctx, d)
		if err != nil {
			return err
		}
		one, err := d.Case(ctx, kind, key, options)
		if err != nil {
			return err
		}
		if o.confirm < 0 || one.Hold != "" {
			return showCase(c, f, one)
		}
		return commitCase(c, f, d, one, o)
	})
}

// commitCase stages a case, and commits it or confirms it for its time.
func commitCase(c *cobra.Command, f *flags, d *desk.Desk, one *desk.Case, o *caseFlags) error {
	ctx := c.Context()
	staged, err := d.StageCase(ctx, one)
	if err != nil {
		return err
	}
	giveUp := func(cause error) error {
		for _, id := range []int64{staged.Batch, staged.Later} {
			if id != 0 && (id != staged.Later || staged.Later != staged.Batch) {
				cause = discard(ctx, d, id, cause)
			}
		}
		return cause
	}
	order := func(id int64) (desk.Commit, error) {
		v, err := d.ReviewBatch(ctx, id)
		if err != nil {
			return desk.Commit{}, err
		}
		return desk.Commit{Batch: id, Hash: v.Batch.Hash, People: o.confirm, Reason: o.reason}, nil
	}
	if later := staged.Later; later != 0 && later != staged.Batch {
		what, err := order(later)
		if err == nil {
			err = d.Schedule(ctx, what, one.Options.Grace)
		}
		if err != nil {
			return giveUp(err)
		}
		fmt.Fprintf(c.ErrOrStderr(), "batch %d is confirmed for %s: what goes\n", later, one.Options.Grace.Local().Format("Mon 2 Jan 2006 15:04 MST"))
	}
	what, err := order(staged.Batch)
	if err != nil {
		return giveUp(err)
	}
	at := one.Options.At
	if staged.Batch == staged.Later {
		at = one.Options.Grace
	}
	if !at.IsZero() {
		if err := d.Schedule(ctx, what, at); err != nil {
			return giveUp(err)
		}
		fmt.Fprintf(c.OutOrStdout(), "batch %d is confirmed for %s; it begins while a rollcall process runs (the console, or rollcall worker)\n",
			staged.Batch, at.Local().Format("Mon 2 Jan 2006 15:04 MST"))
		return nil
	}
	if err := d.Commit(ctx, what); err != nil {
		return giveUp(err)
	}
	if err := follow(ctx, c.ErrOrStderr(), d, staged.Batch); err != nil {
		return err
	}
	return outcome(c, f, d, staged.Batch)
}

// shownCase is a case as --json prints it.
type shownCase struct {
	Kind     desk.CaseKind           `json:"kind"`
	Name     string                  `json:"name"`
	Person   string                  `json:"person,omitempty"`
	Account  string                  `json:"account,omitempty"`
	Held     string                  `json:"held,omitempty"`
	Checks   []shownCheck            `json:"checks"`
	Template string                  `json:"template,omitempty"`
	OldSeat  string                  `json:"old_seat,omitempty"`
	NewSeat  string                  `json:"new_seat,omitempty"`
	Rights   []desk.ExplainedRight   `json:"rights"`
	Idp      []string                `json:"directories,omitempty"`
	Ends     *provisioning.LooseEnds `json:"loose_ends,omitempty"`
	Linked   []string                `json:"linked,omitempty"`
	Covers   []string                `json:"certificate,omitempty"`
	Changes  []string                `json:"changes"`
	Later    []string                `json:"later,omitempty"`
}

type shownCheck struct {
	What   string                    `json:"what"`
	State  provisioning.FindingState `json:"state"`
	Detail string                    `json:"detail"`
}

func shown(one *desk.Case) shownCase {
	s := shownCase{
		Kind: one.Kind, Name: one.Name, Held: one.Hold, Checks: []shownCheck{}, Template: one.Template, OldSeat: one.OldSeat, NewSeat: one.NewSeat,
		Rights: []desk.ExplainedRight{}, Idp: one.Idp, Covers: one.Covers, Changes: []string{},
	}
	if one.Person != nil {
		s.Person = one.Person.Key.String()
	}
	if one.Account != nil {
		s.Account = one.Account.ID
	}
	for _, k := range one.Checks {
		s.Checks = append(s.Checks, shownCheck{k.What, k.State, k.Detail})
	}
	for _, r := range one.Rights {
		s.Rights = append(s.Rights, r.Explained())
	}
	if one.Kind == desk.CaseLeaver {
		s.Ends = &one.Ends
	}
	for _, l := range one.Linked {
		s.Linked = append(s.Linked, l.Name+": "+l.Why)
	}
	for _, l := range one.Now {
		s.Changes = append(s.Changes, sentence(l))
	}
	for _, l := range one.Later {
		s.Later = append(s.Later, sentence(l))
	}
	return s
}

func sentence(l desk.Line) string {
	s := l.What + ": " + l.Effect
	if l.Note != "" {
		s += " (" + l.Note + ")"
	}
	return s
}

// showCase prints a case; a held one is exit code 3.
func showCase(c *cobra.Command, f *flags, one *desk.Case) error {
	s, out := shown(one), c.OutOrStdout()
	if f.json {
		if err := writeJSON(out, s); err != nil {
			return err
		}
	} else if err := printCase(out, &s); err != nil {
		return err
	}
	if one.Hold != "" {
		return exitCode{code: exitHeld}
	}
	return nil
}

func printCase(out io.Writer, s *shownCase) error {
	fmt.Fprintf(out, "%s: %s  %s %s\n", s.Kind, clean(s.Name), clean(s.Person), clean(s.Account))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, k := range s.Checks {
		fmt.Fprintf(table, "  %s\t%s\t%s\n", k.State, clean(k.What), clean(k.Detail))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	part := func(title string, lines ...string) {
		for i, l := range lines {
			if i == 0 {
				fmt.Fprintf(out, "%s\n", title)
			}
			fmt.Fprintf(out, "  %s\n", clean(l))
		}
	}
	if s.NewSeat != "" {
		part("seat", "was  "+s.OldSeat, "is   "+s.NewSeat)
	}
	part("directories", s.Idp...)
	for i, r := range s.Rights {
		if i == 0 {
			fmt.Fprintln(out, "rights")
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\n", r.State, clean(r.String()), clean(r.Why))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	part("linked", s.Linked...)
	part("changes", s.Changes...)
	part("later", s.Later...)
	part("the certificate will cover", s.Covers...)
	if s.Held != "" {
		part("HELD", s.Held)
		return nil
	}
	fmt.Fprintln(out, "nothing was staged: --confirm N commits it")
	return nil
}
