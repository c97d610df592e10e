// Package kind is what a partner declares to milkrun: the settings of its connection, of a source and of a sink on it,
// their limits, and how to open them. The registries in packages sources and sinks are literal maps of these.
package kind

import (
	"context"
	"net/http"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/mask"
	"milkrun/sync/setting"
	"milkrun/sync/transport/budget"
)

// Block is a configuration block: its keys, and what cannot be seen from one key alone.
// Validate is called after all keys are set; it opens no connection.
type Block interface {
	Fields() []setting.Field
	Validate() []setting.Problem
}

// Connection is the settings of one [connections.NAME], and what all jobs on it share (rate limit, pool).
// Close ends what was opened; it is safe on a connection never opened.
type Connection interface {
	Block
	Close() error
}

// Source is the settings of one `source = { … }`.
type Source interface {
	Block
	Limits() Limits // rows a page
	Open(ctx context.Context, env Env) (feed.Source, error)
}

// Sink is the settings of one `sink = { … }`.
type Sink interface {
	Block
	Limits() Limits // records a batch
	Open(ctx context.Context, env Env) (feed.Sink, error)
}

// Limits bound the rows of a page or the records of a batch. Max 0 means no bound.
type Limits struct {
	Default, Max int
	Rule         string // the partner's rule behind Max, with its clause
}

// Env is what a source or sink gets from outside its settings.
type Env struct {
	Job          string
	Connection   string            // name of its connection, for error texts
	Location     *time.Location    // the job's time zone
	RoundTripper http.RoundTripper // nil: the real network
	Full         bool              // this run reads everything (a full reconcile), not only what is new
	Budgets      *budget.Book      // what connections to one provider share in this process; nil: a connection has its own
	Retention    time.Duration     // how long the sink keeps what was delivered, 0 for ever; see feed.Expirer
	Purpose      string            // what the job is for, as agreed
	// Recall returns what milkrun remembers of the connection, "" when nothing: a licence, by the code of its enterprise; and
	// until when it holds, zero when nobody said. Nil: there is no memory.
	Recall func(ctx context.Context, topic, key string) (value string, until time.Time, err error)
	// Inner begins a call on another connection, for what is to be asked about (see [Values]): its context, and what is told how
	// it ended; an error when nothing may be asked there. Nil: it may.
	Inner  func(ctx context.Context, connection, place string) (under context.Context, over func(records int, err error), err error)
	Ledger Ledger // what the sink's connection remembers; nil where nothing is sent
}

// Whole are the settings of a source that begins at the beginning at every run, although its records have no positions as a
// feed.Enumerator's have. A run that was interrupted goes on from its checkpoint.
type Whole interface{ Whole() bool }

// Personal are settings whose partner has personal fields under names that the job's masks do not tell: Personal returns how
// each is masked, by its name on the wire. rule says how the job masks a column. A recording hides them.
type Personal interface {
	Personal(rule func(column string) (mask.Rule, bool)) map[string]mask.Rule
}

// SourceType makes connections of one type, and sources on them.
type SourceType struct {
	Connection func() Connection
	Source     func(Connection) Source
}

// SinkType makes connections of one type, and sinks on them.
type SinkType struct {
	Connection func() Connection
	Sink       func(Connection) Sink
}

// Signer is a connection whose requests are signed; it can show how.
type Signer interface {
	Sign(SignRequest) (Signature, error)
}

// SignRequest holds what an operator fixes to reproduce a partner's example; empty values are chosen freshly.
type SignRequest struct {
	Timestamp, Nonce string
	Params           map[string]string
	Resource         string
	Body             []byte
}

// Signature shows how a request is signed. StringToSign has the secret replaced by a mark.
type Signature struct {
	StringToSign string            `json:"string_to_sign"`
	Signature    string            `json:"signature"`
	Params       map[string]string `json:"params"`
}
