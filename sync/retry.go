package sync

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"

	"milkrun/sync/config"
	"milkrun/sync/feed"
)

// errStopped ends a run that was asked to stop; what it settled is in its checkpoint.
var errStopped = errors.New("stopped")

// attempts calls op until it succeeds, until its error is none that another try mends, or until the policy's budget is
// used up. Between tries it waits exponentially longer, fully jittered, and at least as long as the partner asks. Only
// the soft context ends the wait. each is told of every failure that is followed by another try.
type attempts struct {
	policy  config.Retry
	refusal int // how many times a Refuse is tried before it is returned
	each    func(err *feed.Error, wait time.Duration)
}

func (a attempts) do(soft context.Context, op func() error) error {
	var last *feed.Error
	refused := 0
	pause := &jittered{ExponentialBackOff: a.exponential(), last: func() *feed.Error { return last }}
	err := backoff.RetryNotify(func() error {
		err := op()
		if err == nil {
			return nil
		}
		last = feed.Judge(err)
		if last.Verdict == feed.Refuse {
			refused++
		}
		if soft.Err() != nil || !a.again(last.Verdict, refused) {
			return backoff.Permanent(err)
		}
		return err
	}, backoff.WithContext(pause, soft), func(_ error, wait time.Duration) { a.each(last, wait) })
	if err != nil && last != nil && soft.Err() != nil && a.again(last.Verdict, refused) {
		return errors.Join(stopCause(soft), last.Err)
	}
	return err // also when the run is to stop: what halts a connection halts it
}

func (a attempts) again(v feed.Verdict, refused int) bool {
	return v == feed.Retry || v == feed.Refuse && refused < a.refusal
}

func (a attempts) exponential() *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(a.policy.Initial),
		backoff.WithMaxInterval(a.policy.Max),
		backoff.WithMaxElapsedTime(a.policy.GiveUpAfter),
		backoff.WithMultiplier(2),
		backoff.WithRandomizationFactor(0)) // the jitter is ours: full, not around the middle
}

// jittered draws each wait from the whole span below the exponential one, and never less than Retry-After.
type jittered struct {
	*backoff.ExponentialBackOff
	last func() *feed.Error
}

func (j *jittered) NextBackOff() time.Duration {
	span := j.ExponentialBackOff.NextBackOff()
	if span == backoff.Stop {
		return span
	}
	wait := rand.N(span + 1)
	asked := j.last().RetryAfter
	if asked <= wait {
		return wait
	}
	if budget := j.MaxElapsedTime; budget > 0 && j.GetElapsedTime()+asked > budget {
		return backoff.Stop
	}
	return asked + rand.N(asked/10+1) // not all workers at the same instant
}

// cutError is why the hard context ended: what was under way had no more time.
type cutError struct{ text string }

func (e *cutError) Error() string { return e.text + ", before there was an answer" }

// Is says that this is how a context was cancelled.
func (e *cutError) Is(target error) bool { return target == context.Canceled }

// cutOff puts the words of a cut in the place of those of a cancelled context. Errors that a partner's code judged stay as
// they are.
func cutOff(ctx context.Context, err error) error {
	_, judged := errors.AsType[*feed.Error](err)
	if cut, ok := errors.AsType[*cutError](context.Cause(ctx)); ok && !judged && errors.Is(err, context.Canceled) {
		return cut
	}
	return err
}

// stopCause is why a soft context ended: the timeout, a halted connection, an operator, or else the request to stop.
func stopCause(ctx context.Context) error {
	cause := context.Cause(ctx)
	var halted *HaltedError
	var cancelled *cancelledError
	if errors.Is(cause, errTimeout) || errors.As(cause, &halted) || errors.As(cause, &cancelled) {
		return cause
	}
	return errStopped
}
