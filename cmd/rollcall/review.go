package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"rollcall/provisioning"
	"rollcall/provisioning/certify"
	"rollcall/provisioning/desk"
)

func newReview(f *flags) *cobra.Command {
	c := &cobra.Command{
		Use:   "review",
		Short: "access reviews: list, open, hand out, take in, close, finish",
		Long: "A review freezes who has what in a signed snapshot; its reviewers keep or revoke each access, in the console (V) or by a file; the revokes are\n" +
			"a batch like any other; and once they were seen, a closing snapshot says what changed. Nothing undecided is kept without a word: policy.toml says.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withStore(c, f, func(d *desk.Desk) error { return listReviews(c, f, d) })
		},
	}
	c.AddCommand(newReviewNew(f), newReviewShow(f), newReviewDecide(f), newReviewPacket(f), newReviewImport(f), newReviewStage(f), newReviewClose(f), newReviewFinish(f), newReviewCancel(f))
	return c
}

func listReviews(c *cobra.Command, f *flags, d *desk.Desk) error {
	list, err := d.Campaigns(c.Context())
	if err != nil {
		return err
	}
	if f.json {
		return writeJSON(c.OutOrStdout(), append([]*provisioning.Campaign{}, list...))
	}
	if len(list) == 0 {
		fmt.Fprintln(c.OutOrStdout(), "no access review was opened yet")
	}
	for _, one := range list {
		fmt.Fprintf(c.OutOrStdout(), "%-4d %-10s %-32s %6d items  due %s  %s\n", one.ID, one.State, clean(one.Name), one.Items, one.Stages[one.Stage].Due.Local().Format("2 Jan 2006"), cleanLong(desk.ScopeWords(one.Scope)))
	}
	return nil
}

func newReviewNew(f *flags) *cobra.Command {
	var (
		n                  desk.NewCampaign
		due, second, sees  string
		reviewers, seconds []string
		managers, yes      bool
	)
	c := &cobra.Command{
		Use:   "new",
		Short: "open an access review over a scope, on a roll that is read now",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			first := provisioning.ReviewStage{Reviewers: reviewers}
			if managers {
				first.Assign = "manager"
			}
			if due != "" {
				day, err := time.ParseInLocation(time.DateOnly, due, time.Local)
				if err != nil {
					return &provisioning.Error{Code: provisioning.Invalid, Message: "--due is no day: " + clean(due), Hint: "write it as 2026-12-31"}
				}
				first.Due = day.AddDate(0, 0, 1)
			}
			n.Stages = []provisioning.ReviewStage{first}
			if len(seconds) > 0 {
				n.Stages = append(n.Stages, provisioning.ReviewStage{Name: second, Reviewers: seconds, Sees: sees})
			}
			return withDesk(c, f, func(d *desk.Desk) error {
				p, err := d.PlanCampaign(c.Context(), n)
				if err != nil {
					return err
				}
				out := c.OutOrStdout()
				fmt.Fprintf(c.ErrOrStderr(), "%d decisions on %d people (%s)\n", p.Campaign.Items, p.People, cleanLong(desk.ScopeWords(p.Campaign.Scope)))
				for _, w := range p.Campaign.Warnings {
					fmt.Fprintf(c.ErrOrStderr(), "  note: %s\n", cleanLong(w))
				}
				if p.Refused != "" {
					return &provisioning.Error{Code: provisioning.Held, Message: p.Refused}
				}
				if !yes {
					return &provisioning.Error{Code: provisioning.Held, Message: "nothing was opened", Hint: "give --open to open it"}
				}
				r, err := d.StartCampaign(c.Context(), p)
				if err != nil {
					return err
				}
				if f.json {
					return writeJSON(out, r.Campaign())
				}
				fmt.Fprintf(out, "access review %d is open\n", r.Campaign().ID)
				return nil
			})
		},
	}
	fl := c.Flags()
	fl.StringVar(&n.Name, "name", "", "what it is called")
	fl.StringSliceVar(&n.Scope.Libraries, "library", nil, "only these libraries")
	fl.StringSliceVar(&n.Scope.Groups, "group", nil, "only these groups, LIBRARY/GROUP")
	fl.StringSliceVar(&n.Scope.Roles, "role", nil, "only these roles")
	fl.StringSliceVar(&n.Scope.Offices, "office", nil, "only people of these offices")
	fl.StringSliceVar(&n.Scope.Practices, "practice", nil, "only people of these practices")
	fl.BoolVar(&n.Scope.Externals, "externals", false, "only external accounts")
	fl.BoolVar(&n.Scope.Admins, "administrators", false, "only NRTADMIN and global roles")
	fl.BoolVar(&n.Scope.Dormant, "dormant", false, "the accounts that are surely not used, each as one decision")
	fl.BoolVar(&n.Scope.ChangedNow, "changed", false, "only what was given since the last review")
	fl.StringSliceVar(&reviewers, "reviewer", nil, "who decides: operators by name, others by email (default: you)")
	fl.BoolVar(&managers, "managers", false, "each person's manager decides; --reviewer those whose manager nobody knows")
	fl.StringVar(&due, "due", "", "the last day, 2026-12-31 (default: in 14 days)")
	fl.StringSliceVar(&seconds, "second", nil, "a second stage, decided by these")
	fl.StringVar(&second, "second-name", "second stage", "what the second stage is called")
	fl.StringVar(&sees, "second-sees", "all", "what comes to it: all, keep, revoke, undecided")
	fl.BoolVar(&yes, "open", false, "open it; without this it only says what it would be")
	return c
}

// withReview opens one access review by its number.
func withReview(c *cobra.Command, f *flags, arg string, systems bool, do func(d *desk.Desk, r *desk.Review) error) error {
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || id < 1 {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "there is no access review called " + clean(arg), Hint: "rollcall review lists them"}
	}
	with := withStore
	if systems {
		with = withDesk
	}
	return with(c, f, func(d *desk.Desk) error {
		r, err := d.OpenReview(c.Context(), id)
		if err != nil {
			return err
		}
		return do(d, r)
	})
}

func newReviewShow(f *flags) *cobra.Command {
	var which string
	c := &cobra.Command{
		Use:   "show REVIEW",
		Short: "the items of a review, and where each stands",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withReview(c, f, args[0], false, func(_ *desk.Desk, r *desk.Review) error {
				type line struct {
					Item     *provisioning.ReviewItem   `json:"item"`
					Verdict  provisioning.ReviewVerdict `json:"verdict"`
					Reviewer string                     `json:"reviewer"`
					Reason   string                     `json:"reason,omitempty"`
					Question string                     `json:"question,omitempty"`
				}
				lines := []line{}
				for _, i := range r.Select(desk.ReviewFilter{Which: which}) {
					s := r.State(i)
					lines = append(lines, line{r.Item(i), s.Final(), s.Reviewer, s.Reason, s.Question})
				}
				out := c.OutOrStdout()
				if f.json {
					return writeJSON(out, map[string]any{"review": r.Campaign(), "counts": r.Counts(), "items": lines})
				}
				n := r.Counts()
				fmt.Fprintf(out, "%s: %d items, %d kept, %d revoked, %d open (%d asked)\n", clean(r.Campaign().Name), n.Items, n.Kept, n.Revoked, n.Open, n.Asked)
				for _, l := range lines {
					fmt.Fprintf(out, "%6d  %-7s %-14s %-26s %-30s %-11s %s\n", l.Item.N, l.Verdict, clean(l.Item.Account), clean(l.Item.Name), clean(certify.What(l.Item)), l.Item.Standing, clean(l.Reviewer))
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&which, "which", "", "only: mine, open, kept, revoked, asked, alarms")
	return c
}

func newReviewDecide(f *flags) *cobra.Command {
	var reason, to string
	c := &cobra.Command{
		Use:   "decide REVIEW keep|revoke|ask|delegate|undo ITEM...",
		Short: "decide on items by their numbers",
		Args:  cobra.MinimumNArgs(3),
		RunE: func(c *cobra.Command, args []string) error {
			v := desk.Verdict{Verdict: provisioning.ReviewVerdict(args[1]), Reason: reason, To: provisioning.Reviewer{Key: to}}
			if args[1] == "undo" {
				v.Verdict = ""
			}
			var places []int
			for _, a := range args[2:] {
				n, err := strconv.Atoi(a)
				if err != nil || n < 1 {
					return &provisioning.Error{Code: provisioning.Invalid, Message: "there is no item called " + clean(a), Hint: "rollcall review show lists them with their numbers"}
				}
				places = append(places, n-1)
			}
			return withReview(c, f, args[0], false, func(d *desk.Desk, r *desk.Review) error {
				if v.Verdict == provisioning.ReviewDelegate {
					for _, one := range r.Campaign().Reviewers {
						if one.Key == to {
							v.To = one
						}
					}
				}
				if err := d.DecideReview(c.Context(), r, places, v); err != nil {
					return err
				}
				n := r.Counts()
				fmt.Fprintf(c.OutOrStdout(), "%d items: %d kept, %d revoked, %d open\n", n.Items, n.Kept, n.Revoked, n.Open)
				return nil
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why; of an ask the question")
	c.Flags().StringVar(&to, "to", "", "of delegate: the reviewer, by operator's name or email")
	return c
}

func newReviewPacket(f *flags) *cobra.Command {
	var format, dir string
	c := &cobra.Command{
		Use:   "packet REVIEW REVIEWER",
		Short: "make the file by which a reviewer without a console decides",
		Long:  "packet writes a page that works offline, by keyboard and with a screen reader, and signs its answer once the four words are typed that this\ncommand prints: tell them by phone, and send the file by mail. --format xlsx makes a workbook instead, whose answer is not signed.",
		Args:  cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return withReview(c, f, args[0], false, func(d *desk.Desk, r *desk.Review) error {
				p, err := d.MakePacket(c.Context(), r, args[1], format)
				if err != nil {
					return err
				}
				file := filepath.Join(dir, p.Name)
				if _, err := writeNew(file, "the packet", func(w io.Writer) (struct{}, error) { _, err := w.Write(p.Data); return struct{}{}, err }); err != nil {
					return err
				}
				if f.json {
					return writeJSON(c.OutOrStdout(), map[string]any{"file": file, "packet": p.Packet.ID, "items": len(p.Packet.Items), "words": p.Words})
				}
				fmt.Fprintf(c.OutOrStdout(), "%d items are in %s\n", len(p.Packet.Items), clean(file))
				if p.Words != "" {
					fmt.Fprintf(c.OutOrStdout(), "tell the reviewer by phone, and write it nowhere: %s\n", p.Words)
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&format, "format", "html", "html or xlsx")
	c.Flags().StringVar(&dir, "dir", ".", "the folder to write it to")
	return c
}

func newReviewImport(f *flags) *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE",
		Short: "take in what a reviewer sent back",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			data, err := loadAnswer(args[0])
			if err != nil {
				return err
			}
			return withStore(c, f, func(d *desk.Desk) error {
				i, err := d.ImportAnswer(c.Context(), data)
				if err != nil {
					return err
				}
				if f.json {
					return writeJSON(c.OutOrStdout(), i)
				}
				signed := "signed"
				if !i.Signed {
					signed = "NOT signed: you vouch for it"
				}
				fmt.Fprintf(c.OutOrStdout(), "review %d, %s: %d decisions (%d kept, %d revoked, %d asked), %s\n", i.Campaign, clean(i.Reviewer.Name), i.Decisions, i.Kept, i.Revoked, i.Asked, signed)
				for _, why := range i.Refused {
					fmt.Fprintf(c.OutOrStdout(), "  left out: %s\n", cleanLong(why))
				}
				return nil
			})
		},
	}
}

func newReviewStage(f *flags) *cobra.Command {
	return &cobra.Command{
		Use: "stage REVIEW", Short: "end the stage under way and begin the next", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withReview(c, f, args[0], true, func(d *desk.Desk, r *desk.Review) error {
				warnings, err := d.NextStage(c.Context(), r)
				for _, w := range warnings {
					fmt.Fprintf(c.ErrOrStderr(), "  note: %s\n", cleanLong(w))
				}
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "review %d is in its stage %d\n", r.Campaign().ID, r.Campaign().Stage+1)
				}
				return err
			})
		},
	}
}

func newReviewClose(f *flags) *cobra.Command {
	var people int
	c := &cobra.Command{
		Use:   "close REVIEW",
		Short: "end the decisions, and stage the revokes as a batch",
		Long:  "Without --people close says what it would do. With the number of people whose access is revoked it closes the review and stages the batch, which is\nreviewed and committed like any other.",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withReview(c, f, args[0], true, func(d *desk.Desk, r *desk.Review) error {
				k, err := d.PlanClose(c.Context(), r)
				if err != nil {
					return err
				}
				for _, said := range append(append([]string{}, k.Outcome.Sentences...), k.Notes...) {
					fmt.Fprintf(c.ErrOrStderr(), "  %s\n", cleanLong(said))
				}
				if k.Refused != nil {
					return k.Refused
				}
				if !c.Flags().Changed("people") || people != k.People {
					return &provisioning.Error{Code: provisioning.Held, Message: fmt.Sprintf("%d people lose access, %d changes: nothing was closed", k.People, k.Changes), Hint: fmt.Sprintf("give --people %d to close it", k.People)}
				}
				if k, err = d.CloseReview(c.Context(), r); err != nil {
					return err
				}
				if f.json {
					return writeJSON(c.OutOrStdout(), map[string]any{"review": r.Campaign(), "batch": k.Batch, "people": k.People, "changes": k.Changes, "outcome": k.Outcome})
				}
				if k.Batch == 0 {
					fmt.Fprintf(c.OutOrStdout(), "review %d is closed: nothing is revoked\n", r.Campaign().ID)
				} else {
					fmt.Fprintf(c.OutOrStdout(), "review %d is closed; its revokes are batch %d: review and commit it in the console\n", r.Campaign().ID, k.Batch)
				}
				return nil
			})
		},
	}
	c.Flags().IntVar(&people, "people", 0, "the number of people whose access is revoked")
	return c
}

func newReviewFinish(f *flags) *cobra.Command {
	return &cobra.Command{
		Use: "finish REVIEW", Short: "make the closing snapshot, once the revokes were done and seen", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withReview(c, f, args[0], true, func(d *desk.Desk, r *desk.Review) error {
				x, err := d.FinishReview(c.Context(), r)
				if err != nil {
					return err
				}
				if f.json {
					return writeJSON(c.OutOrStdout(), x)
				}
				fmt.Fprintf(c.OutOrStdout(), "review %d is done: %d revoked and gone, %d gone along with a library, %d changed by others meanwhile\n", r.Campaign().ID, len(x.Revoked), len(x.Along), len(x.Others))
				for _, o := range x.Others {
					fmt.Fprintf(c.OutOrStdout(), "  %s %s %s %s: %s\n", clean(o.Account), o.Kind, clean(o.Library), clean(o.Object), cleanLong(o.Why))
				}
				return nil
			})
		},
	}
}

func newReviewCancel(f *flags) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: "cancel REVIEW", Short: "end a review without doing anything of it", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withReview(c, f, args[0], true, func(d *desk.Desk, r *desk.Review) error {
				if err := d.CancelReview(c.Context(), r, reason); err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "review %d is cancelled\n", r.Campaign().ID)
				return nil
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the record")
	return c
}

// loadAnswer reads what a reviewer sent back.
func loadAnswer(file string) ([]byte, error) {
	const most = 8 << 20 // as the packet's own bound (threats C5)
	bad := func(err error) error {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "the answer cannot be read", Hint: "give the path of the file that came back", Err: err}
	}
	in, err := os.Open(file)
	if err != nil {
		return nil, bad(err)
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, most+1))
	if err != nil {
		return nil, bad(err)
	}
	return data, nil
}
