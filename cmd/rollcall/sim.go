package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"rollcall/clients/demofirm"
	"rollcall/provisioning"
)

func newSim(f *flags) *cobra.Command {
	var truth bool
	c := &cobra.Command{
		Use:   "sim",
		Short: "serve the demo firm's systems alone, and print endpoints and credentials as JSON",
		Long: "sim serves the demo firm's directories (--directory) and iManage on loopback ports until it is interrupted, and prints how to reach them as\n" +
			"JSON: save it and pass it to the other commands with --connections FILE. With --truth it prints what was planted and ends.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			directories, err := f.directoryList()
			if err != nil {
				return err
			}
			options := demofirm.Options{Seed: f.seed, People: f.people, Epoch: provisioning.SystemClock{}.Now(), Directories: directories}
			if truth {
				return writeJSON(c.OutOrStdout(), demofirm.Generate(options).Truth())
			}
			firm, err := demofirm.Open(options, f.state)
			if err != nil {
				return err
			}
			running, err := demofirm.Serve(c.Context(), firm, demofirm.ServeOptions{StateDir: f.state})
			if err != nil {
				return err
			}
			defer running.Close()
			if err := writeJSON(c.OutOrStdout(), running.Connections()); err != nil {
				return err
			}
			<-c.Context().Done()
			return nil
		},
	}
	c.Flags().BoolVar(&truth, "truth", false, "print the planted mismatches and end")
	return c
}

func writeJSON(w interface{ Write([]byte) (int, error) }, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}
