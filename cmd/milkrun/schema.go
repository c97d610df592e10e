package main

import (
	"github.com/spf13/cobra"

	"milkrun/sync/config"
)

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of jobs.toml, for editors",
		Long: `Print the JSON Schema of jobs.toml. Editors with taplo (Even Better TOML) complete and check keys by it when the file
begins with the line

  #:schema ./jobs.schema.json

What only two places together tell, milkrun check finds.`,
		Example: `  milkrun schema > jobs.schema.json`,
		Args:    arguments(cobra.NoArgs),
		RunE:    func(*cobra.Command, []string) error { return config.Schema(a.stdout, registry()) },
	}
}
