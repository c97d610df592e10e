package feed

import (
	"context"
	"time"
)

// Source reads one feed of a partner.
//
// Fetch returns the page that begins behind after, of at most limit rows. It is repeatable and changes nothing at the
// partner: the engine calls it again after an error, a crash, or to repair a drifted enumeration. The page is whole or
// there is an error, never half of it. An empty page that is not Done is allowed as long as Next moves. Fetch may be
// called by several goroutines at once only when the source is a [Pager].
type Source interface {
	Fetch(ctx context.Context, after Cursor, limit int) (Page, error)
}

// Pager is a source whose page addresses are known beforehand (page numbers), so that pages can be fetched ahead.
// Following returns the Next that a full page fetched with (after, limit) will have.
type Pager interface {
	Following(after Cursor, limit int) Cursor
}

// Enumerator is a source that is read from the beginning every time, and whose pages together are everything there is.
// Key names the columns that tell its records apart. Position is the place, counted from 0, of the first record behind
// the cursor in the whole enumeration; CursorAt is the cursor behind which the page of limit rows with that number (from 0)
// begins, so that Position(CursorAt(n, limit)) == n*limit.
type Enumerator interface {
	Key() []string
	Position(after Cursor) int64
	CursorAt(page int64, limit int) Cursor
}

// Counter is a source that can say how many records stand behind a cursor now; for progress only.
type Counter interface {
	Count(ctx context.Context, after Cursor) (int64, error)
}

// CursorChecker is a source that can tell a good cursor from a bad one. It returns the cursor in its normal form, or an
// error that says what a good one looks like.
type CursorChecker interface {
	CheckCursor(c Cursor) (Cursor, error)
}

// Before stands in front of an upper bound that is not part of its range: "<2026-11-02 08:00:00".
const Before = "<"

// Ranger is a source that can be read from one cursor-like bound to another ("once --from --to"). The bounds are what
// an operator types: a time, a number, or the cursor's JSON. The returned source ends behind to, which belongs to the range
// as a whole (a day: to its midnight), unless [Before] stands in front of it: so that two ranges can touch and no record is
// in both.
type Ranger interface {
	Range(from, to string) (after Cursor, bounded Source, err error)
}

// Rewinder is a source some of whose records show up late, behind the cursor already (a transaction that commits after
// its timestamp). Rewind returns the cursor from which a new run reads again; the engine leaves out what it delivered.
// Rewound says whether a run that begins at Rewind(c) would read the record at place again. A Rewinder is a Rereader:
// its records have places.
type Rewinder interface {
	Rereader
	Rewind(c Cursor) Cursor
	Rewound(place, c Cursor) bool
}

// Rereader is a source in which single records can be found again, so that a dead letter need not hold them.
// Locate returns where row i of a batch stands. Reread returns the records that stand there now, in any order; places
// at which there is none any more are left out.
type Rereader interface {
	Locate(b Batch, i int) Cursor
	Reread(ctx context.Context, at []Cursor) (Batch, error)
}

// Sink delivers to one resource of a partner.
//
// A nil error means that every record of the batch has been accepted for good, except the returned ones, which never
// will be. A non-nil error says nothing about what the target did; the engine then acts by the error's [Verdict], and
// for an idempotent sink delivers the same batch again. Deliver may be called by several goroutines at once, up to the
// job's concurrency.
type Sink interface {
	Deliver(ctx context.Context, b Batch) ([]Rejection, error)
}

// Preparer is a sink that looks at the columns before the first row moves: it creates its table, or compares the
// columns with the ones that are there. It is called once a run, before Deliver or Begin.
type Preparer interface {
	Prepare(ctx context.Context, c *Columns) error
}

// Opaque is a sink for which delivering twice is harm (an SMS). The engine calls it in place of Deliver: Check first, and
// then DeliverOnce with records that Check let pass, under an id that is recorded before the first byte leaves and is
// never used for other records. It does so one batch after the other.
//
// Check returns the records that can never be sent. It sends nothing, and says the same whenever it is asked.
//
// A nil error of DeliverOnce means that the partner has taken every record. An error that is Unsent, or whose verdict is
// none of [Retry], is a promise that nothing of the batch went out. Any other leaves the outcome unknown: the batch is held
// in doubt, and never sent again by the engine. Sinks without these methods are idempotent: the target keeps one record a
// key however often it comes.
type Opaque interface {
	Check(b Batch) []Rejection
	DeliverOnce(ctx context.Context, id string, b Batch) (Receipt, error)
}

// Receipt is what a partner says of a batch it has taken.
type Receipt struct {
	Ref  string // the partner's own id of the batch, "" when it gives none
	Note string // what is not clear about it, for an operator; "" when all is
}

// Rationed is an opaque sink that may send only so much, or not at any time. Room says how many of n records it may send
// now, at least one; or an error with Until, which ends the run until then. Nothing is taken from the ration by asking.
type Rationed interface {
	Room(ctx context.Context, n int) (int, error)
}

// Ordered is a sink in which the later of two records with one key must win, and which cannot tell which one is later: the
// engine delivers its batches one after the other, whatever the job's concurrency is.
type Ordered interface {
	Ordered()
}

// Keyed is an idempotent sink in which the later of two records with one key must win, and which names the key's columns:
// the engine puts a key into a batch once, and of two batches that share a key begins the later one when the earlier is
// settled. All others may be delivered at once. No columns: the key is not known, and it is like an [Ordered] one.
type Keyed interface {
	OrderedBy() []string
}

// Previewer is a sink that can show the request for a batch, signed and with secrets left out, without sending it.
type Previewer interface {
	Preview(ctx context.Context, b Batch) (string, error)
}

// Snapshotter is a sink that can replace all it holds by a complete enumeration. Begin opens the staging area: with
// resume 0 an empty one, else the one left by an interrupted run, cut back to the rows at positions below resume (and
// an error when there is none: the engine then starts over). Readers of the target see the old generation until Swap.
type Snapshotter interface {
	Begin(ctx context.Context, c *Columns, key []string, resume int64) (Generation, error)
}

// Expirer is a sink that knows what it wrote and when, and can delete it. Expire deletes the records that it delivered for its
// job, and for the last time before a moment; records that somebody else wrote stay. Before the deletion counts, note is told
// how many there are, if any, so that nothing is deleted unnoted; when it fails, they stay.
type Expirer interface {
	Expire(ctx context.Context, before time.Time, note func(gone int64) error) error
}

// Generation is a staged enumeration. It is used by one goroutine.
//
// Append stages rows; row i of b stands at position at+i. On nil they are durable, except the returned ones, which the
// target can never hold.
// Swap makes the generation the current one in one transaction, if it keeps to the terms; otherwise nothing changes, the
// staged rows stay, and the error is a [CountError] or a [ShrinkError].
type Generation interface {
	Append(ctx context.Context, at int64, b Batch) ([]Rejection, error)
	Swap(ctx context.Context, terms SwapTerms) (Changes, error)
	Close() error
}

// SwapTerms are the conditions of a swap.
type SwapTerms struct {
	At        time.Time             // when the new generation becomes valid, for the change table
	Expect    int64                 // the number of different keys there must be, -1 when nobody knows
	MaxDelete func(old int64) int64 // how many of the old records may go
}

// Repairer is a generation whose rows can be looked at and mended while it is staged; see the engine's drift repair.
//
// Count begins a round of probing: no row is marked as seen. It returns how many rows and how many different keys are
// staged, and up to limit positions at which a key stands that stands at another position too.
// Probe stages a page read again: a key that is staged already keeps its place and gets the new values, another is added
// outside the positions. It returns the place of each row, -1 for an added one, and marks all of them as seen.
// Forget unstages the rows at the positions [from, to) that were not marked in this round; with to = math.MaxInt64 also
// the added rows.
type Repairer interface {
	Count(ctx context.Context, limit int) (Staged, error)
	Probe(ctx context.Context, b Batch) ([]int64, error)
	Forget(ctx context.Context, from, to int64) error
}

// Keeper is a generation that can go on holding records of the current one. Keep stages, outside the positions, the
// current records with these keys (keys has the key columns, in order) that are not staged themselves, and returns how
// many; with nil keys it does so for every current record.
type Keeper interface {
	Keep(ctx context.Context, keys *Batch) (int64, error)
}

// Confirmer is a generation that can tell which records a swap would delete. Missing calls each with the key (in the order
// that Begin was given) of every current record that is not staged. The engine deletes only what two readings in a row do not
// list, and keeps the others; a Confirmer is a Keeper.
type Confirmer interface {
	Keeper
	Missing(ctx context.Context, each func(key []Value) error) error
}

// Staged is what a staging area holds.
type Staged struct {
	Rows, Distinct int64
	Duplicates     []int64 // positions of some of the keys that stand at more than one
}

// Changes is what a swap did, in records.
type Changes struct {
	Inserted, Updated, Deleted, Unchanged int64
}
