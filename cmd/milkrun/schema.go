package main

import (
	"github.com/spf13/cobra"

	"milkrun/sync/config"
)

func (a *app) schemaCommand() *cobra.Command {
	var catalogue bool
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of jobs.toml, for editors",
		Long: `Print the JSON Schema of jobs.toml, or of the catalogue of interfaces. Editors with taplo (Even Better TOML) complete and check
keys by it when the file begins with the line

  #:schema ./jobs.schema.json

What only two places together tell, milkrun check finds.`,
		Example: `  milkrun schema > jobs.schema.json
  milkrun schema --catalogue > interfaces.schema.json`,
		Args: arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			if catalogue {
				return config.CatalogueSchema(a.stdout)
			}
			return config.Schema(a.stdout, registry())
		},
	}
	cmd.Flags().BoolVar(&catalogue, "catalogue", false, "of the catalogue of interfaces (docs/catalogue.md)")
	return cmd
}
