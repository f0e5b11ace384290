package main

import (
	"github.com/spf13/cobra"

	"rollcall/provisioning"
)

// flags are those that every command takes (DESIGN 6).
type flags struct {
	config      string
	state       string
	connections string
	demo        bool
	seed        uint64
	people      int
	json        bool
	ascii       bool
	theme       string
	directories string
	debugHTTP   string
	tenant      string
	operator    string
	tenants     []string // the document systems of the configuration, once it was read
	console     bool     // the console runs: it begins with the first of several tenants
	places      *places
	watched     bool // a process waits for a crash of this one
}

// newRoot makes the command. begin is called before whatever command runs, once its flags are known.
func newRoot(begin func(c *cobra.Command, f *flags)) *cobra.Command {
	f := &flags{}
	root := &cobra.Command{
		Use:   "rollcall",
		Short: "the people of your directory beside the accounts of iManage Work",
		Long: "rollcall shows the people that an identity provider knows beside the accounts in iManage Work, marks every mismatch,\n" +
			"and lets a help desk stage, review, commit and prove joiner, mover and leaver changes.\n\n" +
			"Without a command it opens the console. Try it on a made-up firm: rollcall demo",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(c *cobra.Command, _ []string) error { return runConsole(c, f) },
		PersistentPreRun: func(c *cobra.Command, _ []string) {
			begin(c, f)
		},
	}
	p := root.PersistentFlags()
	p.StringVar(&f.config, "config", "", "folder of config.toml and policy.toml (default: the platform's configuration folder)")
	p.StringVar(&f.state, "state", "", "folder of the store (default: the platform's state folder)")
	p.StringVar(&f.connections, "connections", "", "take the connections from the JSON that `rollcall sim` prints, in place of a config")
	p.BoolVar(&f.demo, "demo", false, "run on the demo firm, all systems simulated in this process")
	p.Uint64Var(&f.seed, "seed", 7, "the demo firm's seed")
	p.IntVar(&f.people, "people", 2000, "the demo firm's size, 50 to 200000")
	p.StringVar(&f.directories, "directory", "", "the demo firm's directories, the first in priority first: all, or some of okta,entra,google,onelogin (default okta)")
	p.StringVar(&f.debugHTTP, "debug-http", "", "write one line for each request to a file: what was asked and what came, no token, no body, nobody's name")
	p.StringVar(&f.tenant, "tenant", "", "of several iManage tenants, the connection to work on (the console begins with the first, and goes to the others)")
	p.StringVar(&f.operator, "operator", "", "of the demo firm or of simulated systems: which of their operators sits at the desk (default: the first)")
	p.BoolVar(&f.json, "json", false, "print JSON")
	p.BoolVar(&f.ascii, "ascii", false, "draw with ASCII signs only")
	p.StringVar(&f.theme, "theme", "", "the console's colours: dark, light or high-contrast (default: by the terminal's background)")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return &provisioning.Error{Code: provisioning.Invalid, Message: err.Error(), Hint: "see rollcall --help"}
	})
	root.AddCommand(newDemo(f), newSim(f), newSync(f), newPlan(f), newApply(f), newUndo(f), newJoiner(f), newMover(f), newLeaver(f), newPolicy(f), newCalendar(f), newWorker(f), newWho(f), newAsOf(f), newApprove(f), newAudit(f), newReport(f), newRemovals(f), newCertificate(f), newExport(f), newReview(f), newLicences(f), newDashboard(f), newBackup(f), newRestore(f), newDoctor(f), newConnect(f), newVersion())
	root.CompletionOptions.HiddenDefaultCmd = true
	return root
}
