package sync

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/sirupsen/logrus"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/kind"
)

// A change feed begins a run at once, up to newsBurst of them in a row; from then on one every newsGap, so that a flood of
// changes is moved in batches and leaves few rows.
const (
	newsGap   = time.Second
	newsBurst = 10
)

// follow listens to the change feed of the job as it is configured now, if it has one, and to no other any more.
func (w *watch) follow(ctx context.Context) {
	w.unfollow()
	if w.news = false; !w.due() { // a new beginning looks first
		return
	}
	n, ok := w.job.Source.Settings.(kind.Notifier)
	if !ok || !n.Notifies() {
		return
	}
	ctx, w.deaf = context.WithCancel(ctx)
	job := w.job
	w.runs.Go(func() error {
		w.listen(ctx, job, n)
		return nil
	})
}

func (w *watch) unfollow() {
	if w.deaf != nil {
		w.deaf()
		w.deaf = nil
	}
}

// listen keeps listening until ctx ends. A feed that breaks is tried again, ever more seldom; meanwhile the schedule finds
// what is new, and the look after every new beginning finds what was told in between.
func (w *watch) listen(ctx context.Context, job *config.Job, n kind.Notifier) {
	log := w.engine.Log.WithFields(logrus.Fields{"job": job.Name, "connection": job.Source.Connection.Name})
	pause := backoff.NewExponentialBackOff(backoff.WithInitialInterval(time.Second), backoff.WithMaxInterval(time.Minute),
		backoff.WithMaxElapsedTime(0))
	broken := false
	for ctx.Err() == nil {
		err := n.Watch(ctx, func() {
			if ctx.Err() != nil {
				return
			}
			if broken {
				log.Info("the change feed works again")
			}
			broken = false
			pause.Reset()
			select {
			case w.woken <- struct{}{}:
			default:
			}
		})
		if ctx.Err() != nil {
			return
		}
		if !broken {
			log.WithError(err).Warn("the change feed does not work; the job runs by its schedule meanwhile")
		}
		broken = true
		timer := time.NewTimer(pause.NextBackOff())
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// readNews begins a run because the change feed said that something is new, unless the job may not run.
func (w *watch) readNews(ctx context.Context, now time.Time) error {
	if !w.news || w.newsIn(now) > 0 {
		return nil
	}
	decision, _, err := w.stopped(ctx)
	if err != nil {
		return err
	}
	if w.news = false; decision != "" {
		return nil // the first slot after it looks
	}
	w.newsAt = w.newsAfter(now)
	w.begin(ctx, Start{Trigger: state.Changed, poll: true})
	return nil
}

// newsAfter is when the budget of runs is full again, after one that begins now.
func (w *watch) newsAfter(now time.Time) time.Time {
	if w.newsAt.Before(now) || w.newsAt.Sub(now) > newsBurst*newsGap { // it is full, or the clock was set back
		return now.Add(newsGap)
	}
	return w.newsAt.Add(newsGap)
}

// newsIn is how long news have to wait for their turn.
func (w *watch) newsIn(now time.Time) time.Duration {
	return w.newsAfter(now).Sub(now) - newsBurst*newsGap
}
