package sql

import (
	"context"

	"milkrun/sync/kind"
	"milkrun/sync/sqldb"
)

var _ kind.Prober = (*settings)(nil)

// Probe implements [kind.Prober]: the rights on the table, and beside it.
func (s *settings) Probe(ctx context.Context, env kind.Env) []kind.Finding {
	return sqldb.ProbeSink(ctx, s.connection, env, s.table, s.key)
}
