package sync

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/mask"
)

// The modes of a run.
const (
	modeIncremental = "incremental"
	modeFull        = "full" // a complete pass
)

// run is one run of a job.
type run struct {
	engine *Engine
	job    *config.Job
	log    *logrus.Entry
	rec    state.Run
	full   bool // a complete pass, not only what is new

	soft, hard context.Context // see the package comment on draining
	cancel     context.CancelCauseFunc
	over       chan struct{} // closed when the engine has done with it

	source  feed.Source
	sink    feed.Sink
	openErr error
	looked  []looked // what a look was told, for the run it became
	unnoted bool     // a preview: what it asks for is not noted
	prelude []func() // notes of calls that were made while the source was opened

	checkpoint state.Checkpoint // the lane's, as last saved; touched by the committing goroutine only
	lane       state.Lane       // "" for a run over a range: no checkpoint moves
	rewound    *rewound
	known      map[string]struct{} // marks of records that an opaque sink has, behind the checkpoint
	resends    []string            // batches for an opaque sink that are to be sent again
	onPage     func(page)

	notes    notes
	again    *again // of a re-push
	operator string // who began it by hand

	check   *check        // nil without an interface
	columns *feed.Columns // of the last page; see meet
	reading sync.WaitGroup

	bad    atomic.Int64 // records rejected in this run
	events atomic.Int64

	peeking atomic.Bool // it may come to nothing, and is nobody's business yet

	mu      sync.Mutex
	live    state.Counts // as far as it has come, ahead of the state file
	saved   state.Counts // what the state file has of them
	begun   int64        // records that earlier runs of the same pass have read
	backlog backlog
	// staging says that records become current all at once, at the swap: until then none of them is delivered.
	staging bool
	phase   string
	// trouble is the last error that is being tried again, until something succeeds.
	trouble  string
	giveUpAt time.Time
	layout   string         // of a stream's records; see vanished
	alike    map[string]int // how often each key of a dead letter came up in this reading
	lastBad  string         // why the last record was rejected, without personal data
}

func newRun(ctx context.Context, e *Engine, job *config.Job) *run {
	r := &run{engine: e, job: job, over: make(chan struct{}), onPage: func(page) {}}
	r.log = e.Log.WithField("job", job.Name)
	r.soft, r.cancel = context.WithCancelCause(ctx)
	r.live.Total, r.backlog.behind = -1, -1
	r.check = newCheck(r)
	return r
}

func (r *run) id() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rec.ID
}

// start opens source and sink, decides what the run reads, and records that it has begun.
func (r *run) start(s Start) error {
	ctx := context.WithoutCancel(r.soft)
	r.operator = s.Who
	r.mu.Lock()
	r.rec.Trigger = s.Trigger
	r.mu.Unlock()
	r.peeking.Store(s.poll)
	if err := r.choose(ctx, s); err != nil {
		return err
	}
	r.open(!s.ranged())
	rec := state.Run{Job: r.job.Name, Slot: s.Slot, Trigger: s.Trigger, Mode: modeIncremental, StartedAt: r.engine.now(),
		Counts: state.Counts{Total: -1}, Waiting: -1}
	if r.full {
		rec.Mode = modeFull
	}
	if err := r.load(ctx, s); err != nil {
		return err
	}
	if s.poll && r.nothingNew() {
		return &idleError{start: s, began: rec.StartedAt, ended: r.engine.now()}
	}
	r.peeking.Store(false)
	rec.CursorFrom = r.checkpoint.Cursor
	id, err := r.record(ctx, s, rec)
	if err != nil {
		return err
	}
	rec.ID = id
	r.mu.Lock()
	r.rec = rec
	r.mu.Unlock()
	r.log = r.log.WithField("run", id)
	r.notePrelude()
	from := shownCursor(rec.CursorFrom)
	if s.ranged() {
		from = fmt.Sprintf("%q to %q", s.From, s.To)
	}
	if s.Repush != nil {
		from = fmt.Sprintf("re-push %d", s.Repush.ID)
	}
	r.engine.observe(func(o Observer) { o.Began(rec) })
	r.log.WithFields(logrus.Fields{"trigger": s.Trigger, "mode": rec.Mode, "from": from}).Info("run begins")
	return nil
}

func (r *run) record(ctx context.Context, s Start, rec state.Run) (int64, error) {
	if s.Repush != nil {
		return r.engine.Store.StartRepush(ctx, s.Repush.ID, rec)
	}
	if len(s.Decisions) == 0 {
		return r.engine.Store.StartRun(ctx, rec)
	}
	id, err := r.engine.Store.DecideAndStart(ctx, s.Decisions, rec)
	if err == nil {
		for _, slot := range s.Decisions {
			r.engine.observe(func(o Observer) { o.Decided(slot) })
		}
	}
	return id, err
}

// choose says whether this is a complete pass: asked for, one that was interrupted, or due by the job's reconcile.
func (r *run) choose(ctx context.Context, s Start) error {
	if s.ranged() {
		return nil
	}
	_, under, err := r.engine.Store.Checkpoint(ctx, r.job.Name, state.Full)
	if err != nil {
		return err
	}
	whole, ok := r.job.Source.Settings.(kind.Whole)
	r.full = s.Full || under || ok && whole.Whole()
	if r.full || r.job.Reconcile == 0 {
		return nil
	}
	last, ever, err := r.engine.Store.LastFull(ctx, r.job.Name)
	r.full = !ever || r.engine.now().Sub(last) >= r.job.Reconcile
	return err
}

// open opens source and sink. That fails only for what no retry mends, and is reported as the end of the run. When it
// goes from end to end, a run over an enumeration is a complete pass.
func (r *run) open(endToEnd bool) {
	r.openErr = nil
	r.hard = context.WithoutCancel(r.soft)
	env := kind.Env{Job: r.job.Name, Location: r.job.Location, RoundTripper: r.engine.RoundTripper, Full: r.full,
		Budgets: &r.engine.budgets, Retention: r.job.Retention, Purpose: r.job.Purpose}
	env.Connection = r.job.Source.Connection.Name
	env.Recall, env.Inner = r.recall(env.Connection), r.inner
	source, err := r.job.Source.Settings.Open(r.hard, env)
	if err != nil {
		r.openErr = &sideError{connection: env.Connection, err: err}
		return
	}
	r.mu.Lock()
	r.source = source
	r.mu.Unlock()
	if _, complete := source.(feed.Enumerator); complete && endToEnd {
		r.full, env.Full = true, true
	}
	env.Connection = r.job.Sink.Connection.Name
	env.Ledger = ledger{r.engine.Store, env.Connection}
	if r.sink, r.openErr = r.job.Sink.Settings.Open(r.hard, env); r.openErr != nil {
		r.openErr = &sideError{connection: env.Connection, err: r.openErr}
	}
}

// recall looks up what is remembered of a connection.
func (r *run) recall(connection string) func(context.Context, string, string) (string, time.Time, error) {
	return func(ctx context.Context, topic, key string) (string, time.Time, error) {
		m, _, err := r.engine.Store.Recall(ctx, connection, topic, key)
		return m.Value, m.Until, err
	}
}

// load reads the checkpoint of the lane the run is on.
func (r *run) load(ctx context.Context, s Start) error {
	if s.ranged() {
		r.checkpoint = state.Checkpoint{Job: r.job.Name}
		return nil
	}
	r.lane = state.Forward
	if r.full {
		r.lane = state.Full
	}
	cp, ok, err := r.engine.Store.Checkpoint(ctx, r.job.Name, r.lane)
	if !ok {
		cp = state.Checkpoint{Job: r.job.Name, Lane: r.lane}
	}
	r.checkpoint = cp
	return err
}

// execute moves the records.
func (r *run) execute(s Start) error {
	stop := r.contexts()
	defer stop()
	if r.openErr != nil {
		if err := r.reopen(s); err != nil {
			return err
		}
	}
	if err := r.loadAgain(s); err != nil {
		return err
	}
	if err := r.step("begun"); err != nil {
		return err
	}
	if s.Repush != nil {
		return r.repush(s.Repush)
	}
	if s.ranged() {
		return r.overRange(s.From, s.To)
	}
	enum, complete := r.source.(feed.Enumerator)
	snap, swaps := r.sink.(feed.Snapshotter)
	switch {
	case complete && swaps:
		return r.enumerate(r.source, enum, snap)
	case complete && !r.once():
		return r.enumerateInto(enum)
	}
	return r.stream()
}

// reopen tries to open source and sink again, when that may help: a database may be starting.
func (r *run) reopen(s Start) error {
	hard := r.hard
	err := r.attempts(1, "opening").do(r.soft, func() error {
		if err := r.openErr; err != nil && feed.Judge(err).Verdict != feed.Retry {
			return err
		}
		r.close()
		r.open(!s.ranged())
		return r.openErr
	})
	r.hard = hard
	return err
}

// loadAgain reads the checkpoint again: until the run was recorded an operator could set it, and which lane the run is on
// may be known only now that the source is open.
func (r *run) loadAgain(s Start) error {
	err := r.load(context.WithoutCancel(r.soft), s)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rec.CursorFrom = r.checkpoint.Cursor
	if r.full {
		r.rec.Mode = modeFull
	}
	r.begun = 0
	if e, ok := r.source.(feed.Enumerator); ok {
		r.begun = e.Position(r.rec.CursorFrom)
	}
	return err
}

// contexts sets up the soft and the hard one: the hard one ends a drain time after the soft one.
func (r *run) contexts() (stop func()) {
	timeout := context.CancelFunc(func() {})
	if r.job.Timeout > 0 {
		r.soft, timeout = context.WithTimeoutCause(r.soft, r.job.Timeout, errTimeout)
	}
	hard, cut := context.WithCancelCause(context.WithoutCancel(r.soft))
	r.hard = hard
	unhook := context.AfterFunc(r.soft, func() {
		end := time.NewTimer(r.engine.Drain)
		defer end.Stop()
		select {
		case <-end.C:
			cut(&cutError{fmt.Sprintf("cut off %s after the request to stop", r.engine.Drain)})
		case <-r.engine.rush:
			cut(&cutError{"cut off by a second signal"})
		case <-hard.Done():
		}
	})
	return func() { unhook(); cut(nil); timeout() }
}

// close waits for pages that are still being fetched, which nobody wants any more, and closes source and sink.
func (r *run) close() {
	r.reading.Wait()
	r.notePrelude()
	r.noteLooks()
	if err := r.keepNotes(); err != nil {
		r.log.WithError(err).Error("noting exchanges for the audit")
	}
	for name, part := range map[string]any{"source": r.source, "sink": r.sink} {
		if c, ok := part.(io.Closer); ok {
			r.closing(name, c)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.source, r.sink = nil, nil // closed once, also when opening is tried again
}

func (r *run) closing(name string, c io.Closer) {
	if err := c.Close(); err != nil {
		r.log.WithError(err).Warn("closing the " + name)
	}
}

// step is a boundary at which a crash test may stop the run.
func (r *run) step(name string) error {
	if r.engine.Step == nil {
		return nil
	}
	if err := r.engine.Step(name); err != nil {
		return feed.Errorf(feed.Fail, "step", "%s: %w", name, err) // not to be tried again
	}
	return nil
}

// event keeps and logs something worth knowing about the run.
func (r *run) event(kind, format string, args ...any) {
	text := mask.Scrub(fmt.Sprintf(format, args...)) // an error may quote the record
	level := logrus.WarnLevel
	if kind == "resume" || kind == "note" {
		level = logrus.InfoLevel
	}
	r.log.WithField("event", kind).Log(level, text)
	if r.id() == 0 || r.events.Add(1) > maxEvents { // no run when dead letters are tried again
		return
	}
	e := state.Event{RunID: r.id(), At: r.engine.now(), Kind: kind, Text: text}
	if err := r.engine.Store.AddEvent(context.WithoutCancel(r.soft), e); err != nil {
		r.log.WithError(err).Warn("recording an event")
	}
}

// maxEvents bounds what one run leaves in the state file; all of it is in the log.
const maxEvents = 500
