package sync

import (
	"context"
	"maps"
	"slices"
	"strings"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/feed"
)

// Repush is an order to send some records again (clause 甲义务1): they are read as they are now, masked, and delivered like
// all others. No checkpoint moves.
type Repush struct {
	ID        int64 // of the order in the state file
	Selection feed.Selection
	Who       string
}

// again is what a re-push keeps beside its records: which open dead letters they settle, and which runs had them before.
type again struct {
	order    *Repush
	source   feed.Selector
	finder   feed.Rereader
	compare  func(a, b feed.Cursor) (int, bool)
	letters  map[string][]state.Letter // open ones, by the id of their record
	before   []state.Run               // whose ranges follow each other, oldest first
	awaiting map[string]bool           // ids that were named and not met yet; one goroutine reads
}

// selected returns the source of the chosen records of a job whose source and sink are open.
func (r *run) selected(ctx context.Context, s feed.Selection) (feed.Selector, feed.Source, error) {
	if r.once() {
		return nil, nil, feed.Errorf(feed.Fail, "repush", "the target of job %s cannot tell a record that comes again, so nothing is sent to it twice", r.job.Name).
			WithRemedy("write a new record for whom it is meant")
	}
	chooser, ok := r.source.(feed.Selector)
	if !ok {
		return nil, nil, feed.Errorf(feed.Fail, "repush", "single records of the source of job %s cannot be chosen", r.job.Name).
			WithRemedy("a complete pass sends all records again (milkrun once %s --full), a backfill those of a range", r.job.Name)
	}
	chosen, err := chooser.Select(ctx, s)
	return chooser, chosen, err
}

// repush delivers the chosen records again.
func (r *run) repush(o *Repush) error {
	chooser, chosen, err := r.selected(r.soft, o.Selection)
	if err != nil {
		return err
	}
	if r.again, err = r.remember(o, chooser); err != nil {
		return err
	}
	r.onPage = r.again.met
	if err := r.deliverFrom(chosen, ""); err != nil {
		return err
	}
	if missing := slices.Sorted(maps.Keys(r.again.awaiting)); len(missing) > 0 {
		const some = 20
		text := strings.Join(missing[:min(some, len(missing))], ", ")
		if len(missing) > some {
			text += ", …"
		}
		r.event("note", "%d of the records named are not there: %s", len(missing), text)
	}
	return nil
}

// remember reads what is known of the records of a job.
func (r *run) remember(o *Repush, chooser feed.Selector) (*again, error) {
	ctx := context.WithoutCancel(r.soft)
	finder, ok := r.source.(feed.Rereader)
	if !ok {
		return nil, feed.Errorf(feed.Fail, "repush", "the source of job %s chooses records and cannot say where they stand", r.job.Name).
			WithRemedy("report this as a defect of the source")
	}
	a := &again{order: o, source: chooser, finder: finder, letters: map[string][]state.Letter{}, awaiting: map[string]bool{}}
	for _, id := range o.Selection.IDs {
		a.awaiting[id] = true
	}
	open, err := r.engine.Store.Letters(ctx, state.LetterFilter{Job: r.job.Name, State: state.LetterOpen})
	if err != nil {
		return nil, err
	}
	for _, l := range open {
		if id := chooser.Identify(l.Place); id != "" {
			a.letters[id] = append(a.letters[id], l)
		}
	}
	comparer, ok := r.source.(feed.Comparer)
	if !ok {
		return a, nil
	}
	a.compare = comparer.Compare
	a.before, err = r.forwardRuns(ctx, a.compare)
	return a, err
}

// knownRuns bounds how far back a re-push looks for the run that had a record before.
const knownRuns = 1000

// forwardRuns returns the newest runs that delivered something and whose ranges follow each other, oldest first: up to
// where an operator set the checkpoint back.
func (r *run) forwardRuns(ctx context.Context, compare func(a, b feed.Cursor) (int, bool)) ([]state.Run, error) {
	runs, err := r.engine.Store.Runs(ctx, state.RunFilter{Job: r.job.Name, Forward: true, Limit: knownRuns})
	if err != nil {
		return nil, err
	}
	var list []state.Run
	for _, run := range runs {
		if run.Counts.Delivered == 0 || run.CursorTo == "" {
			continue
		}
		if len(list) > 0 {
			if order, ok := compare(run.CursorTo, list[len(list)-1].CursorTo); !ok || order > 0 {
				break
			}
		}
		list = append(list, run)
	}
	slices.Reverse(list)
	return list, nil
}

// settle says what the delivery of a batch settles beside its records.
func (a *again) settle(b *batch, rejected []feed.Rejection, s *settled) {
	refused := make(map[int]bool, len(rejected))
	for _, rej := range rejected {
		refused[rej.Row] = true
	}
	origins := map[int64]int64{}
	for i := range b.raw.Len() {
		place := a.finder.Locate(b.raw, i)
		id := a.source.Identify(place)
		letters := a.letters[id]
		if id == "" {
			letters = nil
		}
		origins[a.origin(place, letters)]++
		if refused[i] {
			continue
		}
		for _, l := range letters {
			s.resolved = append(s.resolved, l.ID)
		}
	}
	for _, run := range slices.Sorted(maps.Keys(origins)) {
		s.origins = append(s.origins, state.Origin{Run: run, Records: origins[run]})
	}
}

// into adds to a step what only a re-push writes; to a run that is none it adds nothing.
func (a *again) into(step *state.Progress, s settled) {
	if a != nil {
		step.Repush, step.Who, step.Origins, step.Resolved = a.order.ID, a.order.Who, s.origins, s.resolved
	}
}

// met strikes the records of a page off those that were named.
func (a *again) met(p page) {
	for i := range p.Rows.Len() {
		if len(a.awaiting) == 0 {
			return
		}
		delete(a.awaiting, a.source.Identify(a.finder.Locate(p.Rows, i)))
	}
}

// origin is the run that refused the record, or in whose range it stands; 0 when nobody knows.
func (a *again) origin(place feed.Cursor, letters []state.Letter) int64 {
	if len(letters) > 0 {
		return letters[len(letters)-1].RunID
	}
	known := true
	at, _ := slices.BinarySearchFunc(a.before, place, func(run state.Run, place feed.Cursor) int {
		order, ok := a.compare(run.CursorTo, place)
		known = known && ok
		return order
	})
	if !known || at == len(a.before) {
		return 0
	}
	run := a.before[at]
	if run.CursorFrom != "" {
		if order, ok := a.compare(place, run.CursorFrom); !ok || order <= 0 {
			return 0
		}
	}
	return run.ID
}

// proofs are what the state file keeps of them.
func proofs(list []feed.Proof) []state.Receipt {
	out := make([]state.Receipt, len(list))
	for i, p := range list {
		out[i] = state.Receipt{BatchID: p.BatchID, Number: p.Number, Records: int64(p.Records), Rejected: int64(p.Rejected)}
	}
	return out
}

// PreviewRepush returns how many records of a job a selection chooses, -1 when the source cannot count them, and the
// request that would be sent for the first of them, signed and without secrets. Nothing is sent, and no state is kept.
func (e *Engine) PreviewRepush(ctx context.Context, job *config.Job, s feed.Selection) (request string, records int64, err error) {
	r, chosen, shut, err := e.choose(ctx, job, s)
	defer shut()
	if err != nil {
		return "", 0, err
	}
	records = -1
	if counter, ok := chosen.(feed.Counter); ok {
		if records, err = counter.Count(ctx, ""); err != nil {
			return "", 0, err
		}
	}
	page, err := chosen.Fetch(ctx, "", min(r.job.PageSize, r.job.BatchSize))
	if err == nil {
		err = r.check.page(&page)
	}
	if err != nil || page.Rows.Len() == 0 {
		return "", 0, err
	}
	request, err = r.preview(ctx, r.masked(page.Rows))
	return request, max(records, int64(page.Rows.Len())), err
}

// CheckRepush says whether a selection of a job can be sent again, before anything is recorded; it may ask the source.
func (e *Engine) CheckRepush(ctx context.Context, job *config.Job, s feed.Selection) error {
	_, _, shut, err := e.choose(ctx, job, s)
	shut()
	return err
}

// choose opens source and sink of a job beside whatever runs, to look only, and returns the chosen records.
func (e *Engine) choose(ctx context.Context, job *config.Job, s feed.Selection) (r *run, chosen feed.Source, shut func(), err error) {
	r = newRun(ctx, e, job)
	shut = func() { r.close(); r.cancel(nil) }
	if err := Paused(ctx, e.Store, job); err != nil {
		return r, nil, shut, err
	}
	r.unnoted = true
	if r.open(false); r.openErr != nil {
		return r, nil, shut, r.openErr
	}
	_, chosen, err = r.selected(ctx, s)
	return r, chosen, shut, err
}
