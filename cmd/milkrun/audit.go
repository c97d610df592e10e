package main

import (
	"context"

	"github.com/spf13/cobra"

	"milkrun/state"
)

func (a *app) auditCommand() *cobra.Command {
	limit := 20
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show what operators changed; verify and export the exchanges with partners",
		Long: `Show what operators changed in the state, newest first: checkpoints, pauses, halts they ended, dead letters they dropped or
tried again. The subcommands are about the exchanges with partners, each of which is noted in a chain that cannot be changed
unseen.`,
		Example: `  milkrun audit --limit 50
  milkrun audit verify
  milkrun audit export --from 2026-11-01 --to 2026-11-30 --csv > exchanges.csv`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknown(cmd.CommandPath()+" command", args[0], commandNames(cmd))
			}
			return nil
		},
	}
	limitFlag(cmd, &limit, "changes")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.audit(cmd.Context(), limit, *asJSON) }
	cmd.AddCommand(a.auditHeadCommand(), a.auditVerifyCommand(), a.auditExportCommand())
	return cmd
}

func (a *app) audit(ctx context.Context, limit int, asJSON bool) error {
	zones := a.zones()
	return listing[int, state.Audit, auditView]{
		limit: limit, view: viewAudit, asJSON: asJSON, none: "no operator has changed anything yet",
		question: askOperations(), about: limit,
		header: []any{"AT", "WHO", "WHAT", "ON", "WHY"},
		row:    func(o state.Audit) []any { return []any{clock(o.At, zones.of(o.Job)), o.Who, o.What, o.Job, o.Why} },
	}.print(ctx, a)
}
