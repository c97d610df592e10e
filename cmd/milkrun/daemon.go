package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	stdsync "sync"
	"syscall"
	"time"

	"milkrun/cmd/milkrun/control"
	"milkrun/cmd/milkrun/service"
	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/alert"
	"milkrun/sync/config"
	"milkrun/sync/metrics"
	"milkrun/sync/setting"
)

// daemon is milkrun run: the engine, and what stands around it. Each of the others may fail without the engine.
//
//	signals, control socket, watch_config → reload ┐
//	service manager ← status, watchdog             ├ engine → state file
//	alerts, metrics ← what happens                 ┘
type daemon struct {
	*session
	app     *app
	manager *service.Manager
	metrics *metrics.Metrics
	alerts  alerts
	serving context.Context // ends when the daemon is asked to stop
	loading stdsync.Mutex   // one reload at a time
	gauges  standing.Gauges

	mu  stdsync.Mutex
	now *config.Config // that of the last good reload
	bad string         // why the last reload came to nothing

	unopened unopened
}

func (a *app) newDaemon(s *session) *daemon {
	manager, err := service.Connect()
	a.warn(err)
	d := &daemon{session: s, app: a, manager: manager, now: s.conf}
	d.alerts.daemon = d
	d.metrics = metrics.New(metrics.Options{Version: version, Commit: commit, Store: s.store, Live: d.live, Alerts: d.alerts.stats})
	d.metrics.Configure(s.conf)
	s.engine.Observers = append(s.engine.Observers, d.metrics, waker{d.alerts.wake})
	return d
}

// serve serves until ctx ends and the runs are drained. When it is called, configuration, state and lock are good.
func (d *daemon) serve(ctx context.Context) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	defer d.alerts.stop() // after the reloads, which may bring others
	var helpers stdsync.WaitGroup
	defer helpers.Wait()
	all, done := context.WithCancel(context.WithoutCancel(ctx)) // also while it drains
	defer done()
	serving, over := context.WithCancel(ctx)
	defer over()
	d.serving = serving
	entry := state.Daemon{PID: os.Getpid(), Version: version, Config: d.app.configFile(), Digest: d.conf.Digest}
	before, _, err := d.store.Daemon(ctx)
	d.warn(err)
	if err := d.store.Enlist(ctx, entry); err != nil {
		return err
	}
	d.listen(serving, &helpers)
	d.servePage(serving, &helpers)
	d.alerts.start(serving, d.conf)
	helpers.Go(func() { d.feed(serving) })
	helpers.Go(func() { d.show(all) })
	reports := newReceivers(all, d)
	helpers.Go(func() { reports.keep(all) })
	helpers.Go(func() { every(all, time.Second, func() { d.underWay() }) }) // so that whoever asks gets a speed
	helpers.Go(func() { d.reloads(serving, hangups) })
	helpers.Go(func() { d.watchFile(serving) })
	helpers.Go(func() { every(serving, 30*time.Second, func() { d.warn(d.store.Beat(serving)) }) })
	helpers.Go(func() {
		if d.started(serving) == nil {
			d.prune(serving) // also where a daemon never lives for a day
			every(serving, 24*time.Hour, func() { d.prune(serving) })
		}
	})
	helpers.Go(func() { d.reports(serving, before.SeenAt) })
	helpers.Go(func() {
		d.expire(serving) // also where a daemon never lives for a day
		every(serving, 24*time.Hour, func() { d.expire(serving) })
	})
	helpers.Go(func() { d.stop(ctx, all) })
	helpers.Go(func() { d.ready(serving) })
	return d.engine.Serve(ctx, d.conf, d.app.sandboxed)
}

// expire deletes at the targets what is older than the retention of a job.
func (d *daemon) expire(ctx context.Context) {
	for _, job := range d.current().Jobs {
		d.warn(d.engine.Expire(ctx, job))
	}
}

// prune forgets what ended long ago, as milkrun prune does.
func (d *daemon) prune(ctx context.Context) {
	history, audit := d.current().History, d.current().AuditHistory
	if audit > 0 {
		gone, err := d.store.PruneExchanges(ctx, time.Now().Add(-audit), "")
		d.warn(err)
		if gone > 0 {
			d.log.Infof("audit: %s older than %s removed", count(gone, "exchange"), setting.FormatDuration(audit))
		}
	}
	if history == 0 {
		return
	}
	gone, err := d.store.Prune(ctx, time.Now().Add(-history), "", "")
	d.warn(err)
	if gone.Total() > 0 {
		d.log.Infof("history: %s older than %s removed", count(gone.Total(), "row"), setting.FormatDuration(history))
	}
}

// ready tells the service manager once jobs are looked after.
func (d *daemon) ready(ctx context.Context) {
	if d.started(ctx) == nil {
		d.warn(d.manager.Ready(d.status()))
	}
}

// started waits until every job is looked after: what asks for a run or a reload may come before.
func (d *daemon) started(ctx context.Context) error {
	select {
	case <-d.engine.Started():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// listen opens the control socket.
func (d *daemon) listen(ctx context.Context, helpers *stdsync.WaitGroup) {
	l, err := control.Listen(d.app.socket())
	if err != nil {
		d.cannotOpen("control", state.Unopened{What: fmt.Sprintf("the control socket is not open: %v; commands change the state file instead, and cannot reload or trigger", err),
			Remedy: "mend that, or name another with --socket; then restart the daemon"})
		return
	}
	helpers.Go(func() { d.warn(control.Serve(ctx, l, d.methods())) })
}

// current is the configuration the daemon goes by.
func (d *daemon) current() *config.Config {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

// live tells the metrics what only the daemon knows about a job.
func (d *daemon) live(name string) (l metrics.Live) {
	if job := d.current().Job(name); job != nil && job.Enabled {
		if slots := standing.Coming(job, time.Now(), 1); len(slots) > 0 {
			l.Next = slots[0].Begins
		}
	}
	for _, p := range d.engine.Running() {
		if p.Job == name {
			l.RetryUntil = p.GiveUpAt
		}
	}
	return l
}

// warn logs what the daemon goes on without.
func (s *session) warn(err error) {
	if err != nil {
		s.log.Warn(err)
	}
}

// waker wakes the alerts when something has ended, so that they need not wait for their next look.
type waker struct{ wake func() }

func (w waker) Decided(state.Slot)                  {}
func (w waker) Began(state.Run)                     {}
func (w waker) Moved(string, state.Counts)          {}
func (w waker) Retried(string, string)              {}
func (w waker) Ended(state.Run)                     { w.wake() }
func (w waker) Halted(state.Halt)                   { w.wake() }
func (w waker) Asked(string, string, time.Duration) {}

// alerts is the desk of the configuration in force. A desk is replaced when [alerts] is another one.
type alerts struct {
	daemon *daemon
	mu     stdsync.Mutex
	desk   *alert.Desk
	notes  *alert.Desk // that keeps the incidents and tells partners
	end    context.CancelFunc
	ended  stdsync.WaitGroup
}

// start begins with the channels of a configuration, after the desk before has put down its pen.
func (a *alerts) start(ctx context.Context, conf *config.Config) {
	a.stop()
	d := a.daemon
	host, err := os.Hostname()
	d.warn(err)
	settings := conf.Alerts.Settings
	desk := alert.New(alert.Options{Settings: settings, Memory: d.store, Routes: conf.Alerts.Routes(), Instance: host, Now: time.Now, Log: d.log,
		World: func(ctx context.Context) (alert.World, error) { return sync.World(ctx, d.store, d.current()) }})
	notes := alert.NewNotices(alert.Options{Settings: settings, Memory: d.store, Routes: conf.Alerts.PartnerRoutes(), Now: time.Now, Log: d.log,
		World: desk.World}, conf.Alerts.Partners, d.store)
	running, end := context.WithCancel(ctx)
	a.mu.Lock()
	a.desk, a.notes, a.end = desk, notes, end
	a.mu.Unlock()
	for _, desk := range []*alert.Desk{desk, notes} {
		a.ended.Go(func() {
			if err := desk.Run(running); err != nil && !errors.Is(err, context.Canceled) {
				d.warn(err)
			}
		})
	}
}

func (a *alerts) stop() {
	a.mu.Lock()
	end := a.end
	a.mu.Unlock()
	if end != nil {
		end()
	}
	a.wait()
}

func (a *alerts) wait() { a.ended.Wait() }

// now are the desks in force, none before the first start.
func (a *alerts) now() []*alert.Desk {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.desk == nil {
		return nil
	}
	return []*alert.Desk{a.desk, a.notes}
}

func (a *alerts) wake() {
	for _, desk := range a.now() {
		desk.Wake()
	}
}

func (a *alerts) stats() (list []metrics.Channel) {
	for _, desk := range a.now() {
		for _, s := range desk.Stats() {
			list = append(list, metrics.Channel{Name: s.Channel, Sent: s.Sent, Failed: s.Failed, Lost: s.Lost})
		}
	}
	return list
}
