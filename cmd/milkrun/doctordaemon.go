package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"milkrun/cmd/milkrun/control"
	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/kind"
)

const onDaemon = "daemon"

// quietTooLong is when a daemon that notes that it turns is thought to hang.
const quietTooLong = 5 * time.Minute

// examineDaemon looks whether the daemon is there, turns, and goes by the configuration as it is now.
func (d *doctor) examineDaemon(ctx context.Context) {
	record, known, err := d.store.Daemon(ctx)
	if d.report("daemon", err) {
		return
	}
	pid, held := d.holder()
	if !held {
		d.add(onDaemon, kind.Found(kind.Warning, "process", "no daemon is running: no job runs by its schedule").
			WithRemedy("start it: systemctl start milkrun, or milkrun run"))
		return
	}
	if !known || record.PID != pid {
		d.good(onDaemon, "process", "process %d works on the state file, and is no daemon", pid)
		return
	}
	d.examineTurning(ctx, record)
	for _, u := range record.Unopened {
		d.add(onDaemon, kind.Found(kind.Warning, "address", "%s", u.What).WithRemedy("%s", u.Remedy))
	}
	if record.Version != version {
		d.add(onDaemon, kind.Found(kind.Warning, "version", "the daemon is version %s, this command is %s", record.Version, version).
			WithRemedy("restart the daemon after an upgrade: systemctl restart milkrun"))
	}
	d.examineLoaded(record)
}

// examineTurning asks the daemon, and looks when it noted last that it turns. One that nobody watches does not note it.
func (d *doctor) examineTurning(ctx context.Context, record state.Daemon) {
	asking, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := d.app.ask(asking, "status", order{})
	since := clock(record.StartedAt, d.zone(""))
	switch quiet := d.now.Sub(record.SeenAt); {
	case record.SeenAt.After(record.StartedAt) && quiet > quietTooLong:
		d.add(onDaemon, kind.Found(kind.Bad, "process", "the daemon (process %d, since %s) has not noted for %s that it turns", record.PID, since, shortly(quiet)).
			WithRemedy("look at its log (journalctl -u milkrun), then restart it: systemctl restart milkrun"))
	case errors.Is(err, control.ErrNoDaemon):
		d.add(onDaemon, kind.Found(kind.Warning, "socket", "the daemon (process %d, since %s) cannot be asked on %s", record.PID, since, d.app.socket()).
			WithRemedy("name its socket with --socket; its log says at the start when it could not open it"))
	case err != nil:
		d.add(onDaemon, kind.Failed("socket", err).WithRemedy("run it as a member of the daemon's group, or as root; when it hangs: journalctl -u milkrun"))
	default:
		d.good(onDaemon, "process", "the daemon answers (process %d, since %s)", record.PID, since)
	}
}

// examineLoaded compares the configuration that the daemon goes by with the file.
func (d *doctor) examineLoaded(record state.Daemon) {
	if !record.RefusedAt.IsZero() {
		d.add(onDaemon, kind.Found(kind.Bad, "reload", "at %s the daemon refused a newer configuration and goes on with the one before: %s", clock(record.RefusedAt, d.zone("")), record.Refusal).
			WithRemedy("mend the file; milkrun check shows what is wrong, milkrun reload takes it up"))
		return
	}
	here, err := filepath.Abs(d.app.configFile())
	if err != nil || filepath.IsAbs(record.Config) && here != record.Config {
		d.add(onDaemon, kind.Found(kind.Warning, "reload", "the daemon goes by %s, not by %s", record.Config, d.app.configFile()).WithRemedy("name the same file with --config"))
		return
	}
	digest, err := config.DigestOf(d.app.configFile())
	switch {
	case err != nil: // said already
	case digest != record.Digest:
		d.add(onDaemon, kind.Found(kind.Warning, "reload", "%s is another one than the daemon took up at %s", d.app.configFile(), clock(record.LoadedAt, d.zone(""))).
			WithRemedy("milkrun plan shows what is different, milkrun reload takes it up"))
	default:
		d.good(onDaemon, "reload", "it goes by %s as it is now", d.app.configFile())
	}
}
