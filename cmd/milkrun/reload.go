package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"milkrun/sync/config"
)

// reloads reloads the configuration at every SIGHUP.
func (d *daemon) reloads(ctx context.Context, hangups <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			_, _ = d.reload(ctx, "SIGHUP") // said in the log, the status and the metrics
		}
	}
}

// reload takes up a good configuration and returns what changed; a bad one changes nothing. Runs under way finish with
// what they began with.
func (d *daemon) reload(ctx context.Context, why string) ([]config.Change, error) {
	if err := d.started(d.serving); err != nil {
		return nil, err
	}
	d.loading.Lock()
	defer d.loading.Unlock()
	d.warn(d.manager.Reloading("reading " + d.app.configFile()))
	defer func() { d.warn(d.manager.Ready(d.status())) }()
	conf, changes, err := d.planned()
	if err == nil {
		err = d.adopt(ctx, conf)
	}
	d.mu.Lock()
	d.bad = ""
	if err != nil {
		d.bad = err.Error()
	}
	d.mu.Unlock()
	if err != nil {
		d.log.WithField("reload", why).Error(err)
		d.metrics.ReloadFailed()
		d.warn(d.store.Refused(ctx, err.Error()))
		return nil, err
	}
	d.log.WithField("reload", why).Infof("%s is taken up: %s", d.app.configFile(), inShort(changes))
	for _, c := range changes {
		if c.What != config.Restart { // adopt has warned
			d.log.WithField("job", c.Job).Info(strings.TrimSpace(string(c.What) + " " + c.Detail))
		}
	}
	for _, f := range renames(ctx, d.store, conf) {
		d.log.WithField("job", f.By).Warn(f.Text() + "; " + strings.ReplaceAll(f.Remedy(), "\n", "; "))
	}
	return changes, nil
}

// planned reads the file and returns what a reload would change.
func (d *daemon) planned() (*config.Config, []config.Change, error) {
	before := d.current()
	conf, problems := d.app.readAfter(before)
	if conf == nil {
		return nil, nil, &refusal{file: d.app.configFile(), problems: only(config.Error, problems)}
	}
	return conf, config.Compare(before, conf), nil
}

// adopt makes everything go on with another configuration.
func (d *daemon) adopt(ctx context.Context, conf *config.Config) error {
	before := d.current()
	if err := d.store.Wire(ctx, wiring(conf)); err != nil {
		return err
	}
	if err := d.engine.Reload(conf); err != nil {
		return err
	}
	d.mu.Lock()
	d.now = conf
	d.mu.Unlock()
	d.ends = append(d.ends, func() { d.app.shut(conf) }) // runs may still use what the ones before have opened
	d.metrics.Configure(conf)
	if !conf.Page.Same(before.Page) {
		d.log.Warn("[page] is another one: it is taken up when the daemon is restarted")
	}
	if !conf.Alerts.Same(before.Alerts) {
		d.alerts.start(d.serving, conf)
	}
	return d.store.Loaded(ctx, conf.Digest)
}

// refusal says why a configuration is not taken up: all its problems.
type refusal struct {
	file     string
	problems config.Problems
}

func (r *refusal) Error() string {
	lines := make([]string, len(r.problems))
	for i, p := range r.problems {
		lines[i] = p.String()
	}
	return fmt.Sprintf("%s has %s, and the one before it goes on: %s", r.file, count(len(r.problems), "error"), strings.Join(lines, "; "))
}

// inShort counts the jobs that changes are about.
func inShort(changes []config.Change) string {
	jobs := map[string]bool{}
	for _, c := range changes {
		if c.What != config.Restart {
			jobs[c.Job] = true
		}
	}
	if len(jobs) == 0 {
		return "nothing is another for any job"
	}
	return count(len(jobs), "job") + " changed"
}

// watchFile takes up a changed file by itself, where the configuration says so. A file is looked at again and again, and
// taken when it has been at rest: that holds for every editor and every way of putting files into place.
func (d *daemon) watchFile(ctx context.Context) {
	const pace = 2 * time.Second
	seen := d.current().Digest
	last := ""
	every(ctx, pace, func() {
		digest, err := config.DigestOf(d.app.configFile())
		rested := err == nil && digest == last
		if last = digest; !rested || digest == seen || !d.current().Watch {
			return
		}
		seen = digest
		_, _ = d.reload(ctx, "watch_config") // said in the log, the status and the metrics
	})
}
