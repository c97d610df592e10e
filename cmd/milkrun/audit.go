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
		Short: "Show what operators changed, newest first, with who and why",
		Long:  "Show what operators changed in the state, newest first: checkpoints, pauses, halts they ended, dead letters they dropped or tried again.",
		Args:  arguments(cobra.NoArgs),
	}
	limitFlag(cmd, &limit, "changes")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.audit(cmd.Context(), limit, *asJSON) }
	return cmd
}

func (a *app) audit(ctx context.Context, limit int, asJSON bool) error {
	zones := a.zones()
	return listing[state.Audit, auditView]{
		limit: limit, view: viewAudit, asJSON: asJSON, none: "no operator has changed anything yet",
		read:   func(s *state.Store) ([]state.Audit, error) { return s.Operations(ctx, limit) },
		header: []any{"AT", "WHO", "WHAT", "ON", "WHY"},
		row:    func(o state.Audit) []any { return []any{clock(o.At, zones.of(o.Job)), o.Who, o.What, o.Job, o.Why} },
	}.print(ctx, a)
}
