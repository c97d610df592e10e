package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"milkrun/cmd/milkrun/service"
	"milkrun/cmd/milkrun/standing"
	"milkrun/sync"
	"milkrun/sync/config"
)

// drainLimit is when the daemon asks for no more time to stop: the service manager then ends what hangs.
const drainLimit = 5 * time.Minute

// feed feeds the watchdog while the engine turns.
func (d *daemon) feed(ctx context.Context) {
	pace := d.manager.Pace()
	if pace == 0 {
		return
	}
	var hearts service.Hearts
	go hearts.Register("engine").Ask(ctx, pace, d.engine.Alive)
	d.warn(d.manager.Watch(ctx, &hearts, func(still []string) {
		d.log.Errorf("the watchdog of the service manager ends this process soon: %s", strings.Join(still, "; "))
	}))
}

// show keeps the line of "systemctl status" up to date.
func (d *daemon) show(ctx context.Context) {
	every(ctx, 2*time.Second, func() { d.warn(d.manager.Status(d.status())) })
}

// stop says that the end has begun, and asks for time while runs drain.
func (d *daemon) stop(ctx, all context.Context) {
	select {
	case <-all.Done():
		return
	case <-ctx.Done():
	}
	d.warn(d.manager.Stopping(d.status()))
	bounded, cancel := context.WithTimeout(all, drainLimit)
	defer cancel()
	d.extend()
	every(bounded, 10*time.Second, d.extend)
}

func (d *daemon) extend() {
	if len(d.engine.Running()) > 0 {
		d.warn(d.manager.ExtendTimeout(30 * time.Second))
	}
}

func every(ctx context.Context, pace time.Duration, f func()) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f()
		}
	}
}

// status is the line of "systemctl status": what is wrong, what runs, else what comes next.
func (d *daemon) status() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	line := runningLine(d.engine.Running())
	if line == "" {
		line = nextLine(d.now.Jobs, time.Now())
	}
	if d.bad != "" {
		line = d.bad + "; " + line
	}
	return d.app.lang.Text(line)
}

// runningLine is the runs under way and how far they are, "" when there are none.
func runningLine(runs []sync.Progress) string {
	slices.SortFunc(runs, func(a, b sync.Progress) int { return cmp.Compare(a.Job, b.Job) })
	parts := make([]string, len(runs))
	for i, p := range runs {
		m := standing.NewMeter(p)
		if percent, known := m.Share(); known {
			parts[i] = fmt.Sprintf("%s %d %%", p.Job, percent)
		} else {
			parts[i] = fmt.Sprintf("%s %s", p.Job, count(m.Done(), "record"))
		}
		if p.Trouble != "" {
			parts[i] += " (trying again)"
		}
	}
	return strings.Join(parts, ", ")
}

// nextLine is the job that is due next.
func nextLine(jobs []*config.Job, now time.Time) string {
	var first *config.Job
	var at time.Time
	for _, job := range jobs {
		if next := job.Schedule.Next(now); job.Enabled && !next.IsZero() && (first == nil || next.Before(at)) {
			first, at = job, next
		}
	}
	if first == nil {
		return "no job has a schedule"
	}
	return fmt.Sprintf("idle; next is %s at %s", first.Name, at.In(first.Location).Format("2006-01-02 15:04 -0700"))
}
