package sync

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"milkrun/sync/feed"
)

// lookAgain reads a few pages again, spread over the feed: rows removed and inserted between two requests leave the total
// as it is, but shift what stands between them. A total that has changed by now is drift like any other.
func (e *enumeration) lookAgain() error {
	numbers := slices.Sorted(maps.Keys(e.drift.Samples))
	again := make([]page, len(numbers))
	var pages errgroup.Group
	pages.SetLimit(e.reader.atOnce())
	for i, n := range numbers {
		pages.Go(func() error {
			again[i] = e.reader.fetch(e.run.soft, e.enum.CursorAt(n, e.reader.limit))
			e.run.readAgain()
			return again[i].err
		})
	}
	if err := pages.Wait(); err != nil {
		return err
	}
	moved := 0
	for i, n := range numbers {
		if again[i].Total != e.drift.Total {
			e.drift.border(n)
			e.drift.direct(again[i].Total)
		} else if again[i].fingerprint != e.drift.Samples[n] {
			moved++
		}
	}
	if moved > 0 && e.drift.quiet() {
		return notWhole(fmt.Errorf("%d of %d pages looked at again hold other records than before", moved, len(numbers)))
	}
	return nil
}

// beyond asks for the page behind the last one, where the stated total ends with a full page: a partner whose total is too
// small by whole pages lists more there, and no figure would tell. The document does not say what it answers there when
// nothing is left, so it is asked once, and a refusal proves nothing.
func (e *enumeration) beyond() error {
	size, total := int64(e.reader.limit), e.drift.Total
	if total <= 0 || total%size != 0 {
		return nil
	}
	if err := e.run.paused(e.run.soft, e.run.job.Source.Connections()...); err != nil {
		return err
	}
	after := e.enum.CursorAt(total/size, e.reader.limit)
	call := e.run.asks(shownCursor(after))
	p, err := e.run.asked(e.run.soft, e.source, call, after, e.reader.limit)
	call.end(p.Rows.Len(), len(p.Rejected), err)
	switch {
	case err != nil && e.run.soft.Err() != nil:
		return stopCause(e.run.soft)
	case err != nil:
		e.run.event("note", "whether records stand behind the last page is not known: %v", err)
		return nil
	case p.Rows.Len()+len(p.Rejected) == 0:
		return nil
	case p.Total != total:
		return notWhole(errors.New("records were added while it was read"))
	}
	if again, err := e.answersAgain(p, total/size-1); again || err != nil {
		return err
	}
	return wrongTotal(fmt.Errorf("the partner states %d records, and lists more behind them", total))
}

// answersAgain says whether a page is the last or the first one: some partners answer these in the place of one that they do
// not have.
func (e *enumeration) answersAgain(p feed.Page, last int64) (bool, error) {
	for _, n := range []int64{last, 0} {
		known := e.reader.fetch(e.run.soft, e.enum.CursorAt(n, e.reader.limit))
		if known.err != nil || known.fingerprint == fingerprintOf(p.Rows, e.enum.Key()) {
			return known.err == nil, known.err
		}
	}
	return false, nil
}

// wrongTotal is [notWhole] where the total is wrong, and no row moved.
func wrongTotal(why error) error {
	return feed.Errorf(feed.Fail, "drift", "%w: %w", errTotal, why).
		WithRemedy("the old generation stays in place; ask the partner why the total it states is another")
}

// notWhole is the plain word that an enumeration is not whole; it is read again from the beginning a few times.
func notWhole(why error) error {
	return feed.Errorf(feed.Fail, "drift", "%w: %w", errNotWhole, why).
		WithRemedy("the old generation stays in place; choose a quieter hour for the schedule")
}

// mayMiss is notWhole or wrongTotal of a target that holds no generations, which has what was read.
func mayMiss(err error) error {
	e := feed.Errorf(feed.Fail, "drift", "%w", err)
	if errors.Is(err, errTotal) {
		return e.WithRemedy("records may be missing at the target; the next run reads everything again; ask the partner why the total it states is another")
	}
	return e.WithRemedy("records may be missing at the target; the next run reads everything again; choose a quieter hour for the schedule")
}
