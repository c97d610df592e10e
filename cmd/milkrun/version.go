package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

// Set by the linker.
var (
	version = "dev"
	commit  = "unknown"
	date    = "unknown"
)

func (a *app) versionCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "version", Short: "Show what this binary was built from", Args: arguments(cobra.NoArgs)}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		if *asJSON {
			return a.printJSON(map[string]string{"version": version, "commit": commit, "date": date, "go": runtime.Version()})
		}
		fmt.Fprintf(a.stdout, "milkrun %s (commit %s, %s, %s)\n", version, commit, date, runtime.Version())
		return nil
	}
	return cmd
}
