package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"time"

	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/config"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/mask"
	"milkrun/sync/recorder"
	"milkrun/sync/secret"
	"milkrun/sync/setting"
	"milkrun/sync/transport"
)

// captured says what of a job's exchanges is recorded.
type captured struct {
	limit    int // exchanges, 0 is all
	pullOnly bool
	push     bool // an operator wants it delivered to an HTTP partner
	start    sync.Start
	cursor   *feed.Cursor // where pages are read from; nil: where the job would
}

// httpPartner is a connection that is reached over HTTP.
type httpPartner interface {
	URL() string
	Client(base http.RoundTripper) *transport.Client
}

func isHTTP(c *config.Connection) bool {
	_, ok := c.Settings.(httpPartner)
	return ok
}

// recordable refuses what would record nothing, and what would deliver without being told to.
func recordable(job *config.Job, c captured) error {
	from, to := isHTTP(job.Source.Connection), isHTTP(job.Sink.Connection)
	say := func(remedy, format string, args ...any) error {
		return &exit{code: exitUsage, cause: fmt.Errorf(format, args...), remedy: remedy}
	}
	for _, conn := range []*config.Connection{job.Source.Connection, job.Sink.Connection} {
		if profile, _ := dialectOf(conn); profile != nil {
			return say("record a connection without an envelope, where the partner allows one for joint debugging; milkrun sandbox speaks the envelope",
				"what connection %s exchanges travels encrypted (envelope): nothing in it could be masked, and nobody could serve or compare it", conn.Name)
		}
	}
	switch {
	case !from && !to:
		return say("record a job that reads from a partner or delivers to one over HTTP", "job %s has no HTTP partner: there is nothing to record", job.Name)
	case c.pullOnly && c.push:
		return say("choose one of them", "--pull-only delivers nothing, and --push delivers")
	case c.pullOnly && !from:
		return say("--push records its deliveries, and really makes them", "job %s reads from a %s connection: there are no pages to record", job.Name, job.Source.Connection.Type)
	case to && !c.push && !c.pullOnly:
		remedy := "add --push if that is what you want"
		if from {
			remedy = "add --push if that is what you want, or --pull-only to record the reading alone"
		}
		return say(remedy, "job %s delivers to %s: recording it really delivers, as milkrun once does", job.Name, job.Sink.Connection.Name)
	}
	return nil
}

// capture runs the job of a session, or reads its pages, and gives keep what goes over HTTP. The index is right also with
// an error: what went wrong is what one wants to look at.
func (a *app) capture(ctx context.Context, s *session, c captured, keep func(recorder.Exchange) error) (recorder.Index, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	options := recorder.Options{Masking: maskingOf(s.conf, s.job), Connections: recordedConnections(s.job), Limit: c.limit, Keep: keep}
	if c.pullOnly {
		options.Full = func() { stop(errFull) }
	}
	rec := recorder.New(options)
	for _, conn := range []*config.Connection{s.job.Source.Connection, s.job.Sink.Connection} {
		if p, ok := conn.Settings.(httpPartner); ok {
			p.Client(rec) // it is made once: whoever opens something on the connection now goes through the recorder
		}
	}
	s.engine.RoundTripper = rec
	index := recorder.Index{Milkrun: version, RecordedAt: time.Now(), Job: s.job.Name, PullOnly: c.pullOnly, From: c.start.From, To: c.start.To,
		PageSize: s.job.PageSize, Connections: options.Connections, Limit: c.limit}
	cursor, err := recordedFrom(ctx, s, c)
	if err == nil {
		index.Cursor, index.Note = keptCursor(cursor)
		if c.pullOnly {
			err = readPages(ctx, s.job, rec, c, cursor)
		} else {
			err = a.runCaptured(ctx, s, c.start)
		}
	}
	tally, failed := rec.End()
	index.Exchanges, index.LeftOut = tally.Kept, tally.LeftOut
	return index, errors.Join(err, failed)
}

// errFull ends the reading of pages when there are enough.
var errFull = errors.New("as many exchanges are recorded as --limit says")

// runCaptured runs the job as milkrun once does.
func (a *app) runCaptured(ctx context.Context, s *session, start sync.Start) error {
	if err := checkRange(ctx, s.store, s.job, start); err != nil {
		return err
	}
	if _, err := s.store.Interrupt(ctx); err != nil {
		return err
	}
	if err := a.noteWhatIsPassed(ctx, s); err != nil {
		return err
	}
	return a.runOnce(ctx, s, start)
}

// recordedFrom is the cursor that the job reads from.
func recordedFrom(ctx context.Context, s *session, c captured) (feed.Cursor, error) {
	if c.cursor != nil {
		return *c.cursor, nil
	}
	if c.start.Full || c.start.From != "" || c.start.To != "" {
		return "", nil
	}
	checkpoint, _, err := s.store.Checkpoint(ctx, s.job.Name, state.Forward)
	return checkpoint.Cursor, err
}

// keptCursor is a cursor as a recording may hold it.
func keptCursor(c feed.Cursor) (kept, note string) {
	if text := string(c); mask.Scrub(text) == text {
		return text, ""
	}
	return "", "the cursor it began at looks personal and is not kept"
}

// readPages reads the pages of a job's source from a cursor on, and delivers nothing.
func readPages(ctx context.Context, job *config.Job, network http.RoundTripper, c captured, from feed.Cursor) (err error) {
	env := kind.Env{Job: job.Name, Connection: job.Source.Connection.Name, Location: job.Location, RoundTripper: network, Full: c.start.Full}
	source, err := job.Source.Settings.Open(ctx, env)
	if err != nil {
		return fmt.Errorf("opening the source of job %s: %w", job.Name, err)
	}
	if closer, ok := source.(io.Closer); ok {
		defer func() { err = errors.Join(err, closer.Close()) }()
	}
	if source, from, err = bounded(job, source, c.start, from); err != nil {
		return err
	}
	for {
		page, err := fetch(ctx, job, source, from)
		switch {
		case errors.Is(context.Cause(ctx), errFull):
			return nil
		case err != nil:
			return err
		case page.Done:
			return nil
		case page.Next == from && page.Rows.Len() == 0:
			return fmt.Errorf("the cursor of job %s does not move; the recording ends here", job.Name)
		}
		from = page.Next
	}
}

// fetch reads a page, and tries again what may pass: a failure is in the recording as well.
func fetch(ctx context.Context, job *config.Job, source feed.Source, from feed.Cursor) (feed.Page, error) {
	const tries = 3
	for i := 1; ; i++ {
		page, err := source.Fetch(ctx, from, job.PageSize)
		if err == nil || i == tries || feed.Judge(err).Verdict != feed.Retry || ctx.Err() != nil {
			return page, err
		}
		wait := time.NewTimer(job.Retry.Initial)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
		}
	}
}

// bounded is the source between --from and --to, else as a run would read it.
func bounded(job *config.Job, source feed.Source, start sync.Start, from feed.Cursor) (feed.Source, feed.Cursor, error) {
	if start.From != "" || start.To != "" {
		ranger, ok := source.(feed.Ranger)
		if !ok {
			return nil, "", usage("the source of job %s cannot be read from one place to another; leave out --from and --to", job.Name)
		}
		after, part, err := ranger.Range(start.From, start.To)
		if err != nil {
			return nil, "", &exit{code: exitUsage, cause: err, remedy: feed.Judge(err).Remedy}
		}
		return part, after, nil
	}
	if _, complete := source.(feed.Enumerator); complete {
		return source, "", nil
	}
	if r, ok := source.(feed.Rewinder); ok && from != "" {
		from = r.Rewind(from)
	}
	return source, from, nil
}

// maskingOf is what a recording of a job hides beyond what it always does.
func maskingOf(conf *config.Config, job *config.Job) recorder.Masking {
	m := recorder.Masking{Rules: hiding(job)}
	for _, conn := range conf.Connections {
		for _, f := range setting.Flat(conn.Settings.Fields()) {
			if s, ok := f.Value().(secret.Secret); ok && !s.Empty() {
				m.Secrets = append(m.Secrets, s)
				m.SecretNames = append(m.SecretNames, f.Name)
			}
		}
	}
	return m
}

// recordedConnections are the HTTP partners of a job.
func recordedConnections(job *config.Job) []recorder.Connection {
	from, to := job.Source.Connection, job.Sink.Connection
	var list []recorder.Connection
	if isHTTP(from) {
		list = append(list, recordedConnection(from, recorder.Pull, job.Source.Settings))
	}
	switch {
	case isHTTP(from) && from.Name == to.Name:
		list[0].Side = recorder.Mixed
	case isHTTP(to):
		list = append(list, recordedConnection(to, recorder.Push, job.Sink.Settings))
	}
	return list
}

func recordedConnection(c *config.Connection, side recorder.Side, resource kind.Block) recorder.Connection {
	usual, usualResource := fresh(c.Type, side)
	return recorder.Connection{Name: c.Name, Type: c.Type, Side: side, URL: c.Settings.(httpPartner).URL(),
		Settings: shownSettings(c.Settings, usual), Resource: shownSettings(resource, usualResource)}
}

// fresh are the settings of a connection of a type, and of what is on it, as they are when nothing is set.
func fresh(typ string, side recorder.Side) (conn, resource kind.Block) {
	all := registry()
	if side == recorder.Push {
		t := all.Sinks[typ]
		c := t.Connection()
		return c, t.Sink(c)
	}
	t := all.Sources[typ]
	c := t.Connection()
	return c, t.Source(c)
}

// shownSettings are the settings of a block that are others than usual. Of secrets only that they are there.
func shownSettings(b, usual kind.Block) map[string]any {
	shown, defaults := map[string]any{}, map[string]any{}
	for _, f := range setting.Flat(usual.Fields()) {
		defaults[f.Name] = f.Value()
	}
	for _, f := range setting.Flat(b.Fields()) {
		switch v := f.Value().(type) {
		case secret.Secret:
			if !v.Empty() {
				shown[f.Name] = v.String()
			}
		case string:
			if v != defaults[f.Name] {
				shown[f.Name] = mask.Scrub(v)
			}
		default:
			if !reflect.DeepEqual(v, defaults[f.Name]) {
				shown[f.Name] = v
			}
		}
	}
	return shown
}
