package feed

import "context"

// Proof is what shows that a batch arrived at an idempotent sink: kept with the run, for whoever has to prove it.
type Proof struct {
	BatchID  string // ours, as it was sent
	Number   string // the partner's own number, "" when it gave none
	Records  int    // sent in the batch
	Rejected int    // of them, by the partner
}

type proving struct{}

// WithProofs returns a context in which a sink tells of every batch that the partner has taken. keep may be called by
// several goroutines at once.
func WithProofs(ctx context.Context, keep func(Proof)) context.Context {
	return context.WithValue(ctx, proving{}, keep)
}

// Prove tells of a batch that the partner has taken, if anybody wants to know.
func Prove(ctx context.Context, p Proof) {
	if keep, ok := ctx.Value(proving{}).(func(Proof)); ok {
		keep(p)
	}
}
