package sync

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"milkrun/state"
)

// keeper is a shelf that can forget.
type keeper struct {
	*shelf
	before []time.Time
	fails  error
}

func (k *keeper) Expire(_ context.Context, before time.Time, note func(int64) error) error {
	k.before = append(k.before, before)
	if k.fails != nil {
		return k.fails
	}
	return note(2)
}

func TestRetention(t *testing.T) {
	sink := &keeper{shelf: newShelf()}
	job := newJob(t, "j", &list{n: 5}, sink)
	e := newEngine(t)
	mustRun(t, e, job)
	if len(sink.before) != 0 {
		t.Error("a job without a retention deletes")
	}
	now := time.Now().Truncate(time.Hour).Add(time.Minute)
	e.Now = func() time.Time { return now }
	job.Retention = 90 * 24 * time.Hour
	mustRun(t, e, job)
	mustRun(t, e, job) // the same hour: nothing else can be due
	if err := e.Expire(t.Context(), job); err != nil {
		t.Error(err)
	}
	if len(sink.before) != 2 || !sink.before[0].Equal(now.Add(-time.Minute-job.Retention)) {
		t.Errorf("deleted before %v", sink.before)
	}
	did, err := e.Store.Operations(t.Context(), 0)
	if err != nil || len(did) != 2 || did[0].Who != "milkrun" || did[0].Job != "j" || !strings.HasPrefix(did[0].What, "retention: 2 records deleted, delivered before ") {
		t.Errorf("%+v, %v", did, err)
	}
	now = now.Add(time.Hour)
	sink.fails = errors.New("the disk is full")
	r := mustRun(t, e, job)
	events, err := e.Store.Events(t.Context(), r.ID)
	if err != nil || r.State != state.Done || len(events) == 0 || events[len(events)-1].Kind != "retention" {
		t.Errorf("%s, %+v, %v", r.State, events, err)
	}
	if err := e.Expire(t.Context(), job); err == nil || !strings.Contains(err.Error(), "retention of job j: the disk is full") {
		t.Error(err)
	}
}

// stopped is a keeper that is deleting when the request to stop comes.
type stopped struct {
	*keeper
	stop context.CancelFunc
}

func (s stopped) Expire(ctx context.Context, _ time.Time, _ func(int64) error) error {
	s.stop()
	return ctx.Err()
}

// TestRetentionGivesWay: a deletion ends with the request to stop; the run is a good one, and nothing is noted as wrong.
func TestRetentionGivesWay(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	e, sink := newEngine(t), stopped{&keeper{shelf: newShelf()}, stop}
	job := newJob(t, "j", &list{n: 5}, sink)
	job.Retention = 24 * time.Hour
	r, err := e.Run(ctx, job, Start{Trigger: state.Manual})
	if err != nil || r.State != state.Done || ctx.Err() == nil {
		t.Fatalf("%s, %v", r.State, err)
	}
	if events, err := e.Store.Events(t.Context(), r.ID); err != nil || len(events) > 0 {
		t.Errorf("noted: %+v, %v", events, err)
	}
	if _, kept := e.expired.Load("j"); kept {
		t.Error("it counts as done")
	}
}
