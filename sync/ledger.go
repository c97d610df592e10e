package sync

import (
	"context"

	"milkrun/state"
	"milkrun/sync/kind"
)

// ledger is what the opaque sinks of a connection keep in the state file.
type ledger struct {
	store      *state.Store
	connection string
}

var _ kind.Ledger = ledger{}

func (l ledger) Take(ctx context.Context, day string, n, most int) (left int, taken bool, err error) {
	return l.store.Take(ctx, l.connection, day, n, most)
}

func (l ledger) GiveBack(ctx context.Context, day string, n int) error {
	return l.store.GiveBack(ctx, l.connection, day, n)
}

func (l ledger) Used(ctx context.Context, day string) (int, error) {
	return l.store.Used(ctx, l.connection, day)
}

func (l ledger) Note(ctx context.Context, batch string, list []kind.Addressee) error {
	rows := make([]state.Addressee, len(list))
	for i, a := range list {
		rows[i] = state.Addressee(a)
	}
	return l.store.AddMessages(ctx, batch, rows)
}
