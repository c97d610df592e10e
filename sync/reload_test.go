package sync

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"milkrun/state"
	"milkrun/sync/config"
)

// reload gives a daemon other jobs.
func (d *daemon) reload(jobs ...*config.Job) {
	d.plant.t.Helper()
	d.plant.jobs = jobs
	if err := d.Reload(&config.Config{Jobs: jobs}); err != nil {
		d.plant.t.Fatal(err)
	}
	synctest.Wait()
}

func due(t *testing.T, job *config.Job, spec string) *config.Job {
	t.Helper()
	other := *job
	other.Schedule = schedules(t, spec, time.UTC)
	return &other
}

// TestReschedule changes a schedule: it holds from then on, and nothing is due for the time before.
func TestReschedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job, _ := timed(t, "0 * * * *", time.Second)
		p := newPlant(t, job)
		d := p.start(false)
		pass(90 * time.Minute) // 11:30
		d.reload(due(t, job, "15 * * * *"))
		pass(time.Hour) // 12:30
		d.reload(due(t, job, "45 * * * *"))
		d.reload(due(t, job, "45 * * * *")) // the same once more
		pass(time.Hour)                     // 13:30
		d.end()
		p.told("j", "ran 11:00-11:00 ×1", "ran 12:15-12:15 ×1", "ran 12:45-12:45 ×1")
	})
}

// TestReloadWhileRunning changes a job that runs: the run goes on with what it began with, and the next one with the new.
func TestReloadWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job, old := timed(t, "*/20 * * * *", 15*time.Minute)
		p := newPlant(t, job)
		d := p.start(false)
		pass(25 * time.Minute) // 10:25, under way since 10:20
		next, fresh := timed(t, "*/10 * * * *", time.Second)
		d.reload(next)
		pass(20 * time.Minute) // 10:45
		d.end()
		if old.begun.Load() != 1 || fresh.begun.Load() != 1 {
			t.Errorf("%d runs as before, %d as now", old.begun.Load(), fresh.begun.Load())
		}
		p.told("j", "ran 10:20-10:20 ×1", "skipped 10:30-10:30 ×1", "ran 10:40-10:40 ×1")
		p.ran("j", "schedule 10:20 done", "schedule 10:40 done")
	})
}

// TestTakenOutAndBack takes a job out of the configuration, or disables it, while it runs: the run ends in peace, no slot
// is due meanwhile, and none is made up for when the job is back.
func TestTakenOutAndBack(t *testing.T) {
	for _, overlap := range []string{"skip", "queue"} {
		for _, disabled := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				job, _ := timed(t, "*/20 * * * *", 25*time.Minute)
				job.Overlap = overlap
				p := newPlant(t, job)
				d := p.start(false)
				pass(41 * time.Minute) // 10:41, under way since 10:20
				off := *job
				off.Enabled = false
				if disabled {
					d.reload(&off)
				} else {
					d.reload()
				}
				pass(2 * time.Hour) // 12:41
				d.reload(job)
				pass(30 * time.Minute) // 13:11
				d.end()
				want := []string{"ran 10:20-10:20 ×1", "skipped 10:40-10:40 ×1", "ran 13:00-13:00 ×1"}
				if overlap == "queue" {
					want[1] = "missed 10:40-10:40 ×1"
				}
				p.told("j", want...)
				p.ran("j", "schedule 10:20 done", "schedule 13:00 interrupted")
			})
		}
	}
}

// TestAddedJob is due from its first slot behind the reload.
func TestAddedJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlant(t)
		d := p.start(false)
		pass(30 * time.Minute)
		job, _ := timed(t, "0 * * * *", time.Second)
		d.reload(job)
		pass(time.Hour)
		d.end()
		p.told("j", "ran 11:00-11:00 ×1")
	})
}

func TestTrigger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		job, _ := timed(t, "0 * * * *", 5*time.Minute)
		p := newPlant(t, job)
		idle := p.engine()
		if _, err := idle.Trigger(ctx, "j", Start{}); !errors.Is(err, errNotServing) {
			t.Errorf("without a daemon: %v", err)
		}
		_ = idle.Store.Close()
		d := p.start(false)
		id, err := d.Trigger(ctx, "j", Start{Trigger: state.Manual})
		if err != nil || id == 0 {
			t.Fatalf("run %d: %v", id, err)
		}
		var busy *BusyError
		if _, err := d.Trigger(ctx, "j", Start{Trigger: state.Manual}); !errors.As(err, &busy) || busy.Run != id {
			t.Errorf("under way: %v", err)
		}
		if _, err := d.Trigger(ctx, "i", Start{Trigger: state.Manual}); err == nil || !strings.Contains(err.Error(), "[j]") {
			t.Errorf("another name: %v", err)
		}
		pass(10 * time.Minute)
		hold(t, d.Engine, "halted", true)
		var halted *HaltedError
		if _, err := d.Trigger(ctx, "j", Start{Trigger: state.Manual}); !errors.As(err, &halted) {
			t.Errorf("halted: %v", err)
		}
		hold(t, d.Engine, "halted", false)
		d.reload()
		if _, err := d.Trigger(ctx, "j", Start{Trigger: state.Manual}); err == nil {
			t.Error("a job that is not configured any more was run")
		}
		d.end()
		p.ran("j", "manual done")
	})
}

// TestTriggeredRunOverlaps has a slot come due during a run by hand.
func TestTriggeredRunOverlaps(t *testing.T) {
	scene(t, func(t *testing.T) *plant {
		job, _ := timed(t, "0 * * * *", 5*time.Minute)
		job.Overlap = "queue"
		p := newPlant(t, job)
		d := p.start(false)
		pass(58 * time.Minute)
		if _, err := d.Trigger(context.Background(), "j", Start{Trigger: state.Manual}); err != nil {
			t.Fatal(err)
		}
		pass(20 * time.Minute)
		d.end()
		p.told("j", "ran 11:00-11:00 ×1")
		p.ran("j", "manual done", "schedule 11:00 done")
		return p
	})
}

// TestAlive asks a daemon that turns, one whose scheduler is stuck, and none.
func TestAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job, _ := timed(t, "0 * * * *", 5*time.Minute)
		p := newPlant(t, job)
		d := p.start(true)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := d.Alive(ctx); err != nil {
			t.Errorf("while a run is under way: %v", err)
		}
		w, err := d.serving.Load().watchOf("j")
		if err != nil {
			t.Fatal(err)
		}
		stuck := make(chan struct{})
		go func() { _ = w.do(context.Background(), func(context.Context) error { <-stuck; return nil }) }()
		synctest.Wait()
		if err := d.Alive(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "job j") {
			t.Errorf("stuck: %v", err)
		}
		close(stuck)
		d.end()
		if err := d.Alive(context.Background()); !errors.Is(err, errNotServing) {
			t.Errorf("stopped: %v", err)
		}
	})
}

// TestHurry cuts off a delivery that would take all of the drain time.
func TestHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job, _ := timed(t, "0 * * * *", time.Hour)
		p := newPlant(t, job)
		d := p.start(true)
		pass(time.Minute)
		d.stop()
		asked := time.Now()
		pass(10 * time.Second)
		d.Hurry()
		d.Hurry()
		d.end()
		if took := time.Since(asked); took != 10*time.Second {
			t.Errorf("it took %v to stop", took)
		}
		p.ran("j", "manual interrupted")
	})
}
