package main

import (
	"context"
	"os"

	"milkrun/sync/config"
	"milkrun/sync/kind"
)

const onConfig = "configuration"

// examineConfig reads the file with its secrets. When only these cannot be read, the rest is looked at without them.
func (d *doctor) examineConfig(ctx context.Context) {
	conf, problems := d.app.read(true)
	d.resolved = conf != nil
	if d.conf = conf; conf == nil {
		d.conf, _ = d.app.read(false)
	}
	elsewhere := d.conf != nil && !d.resolved && d.taken(ctx)
	for _, p := range problems {
		f := findingOf(p)
		if elsewhere && f.Level == kind.Bad {
			f = kind.Found(kind.Warning, "secret", "%s", f.Text).WithRemedy("nothing, if the service has it: the running daemon has read this file; a command that needs it wants the service's environment")
		}
		d.add(onConfig, f)
	}
	if d.resolved {
		d.good(onConfig, "file", "%s is right: %s, %s, and every secret can be read", d.app.configFile(), count(len(conf.Connections), "connection"), count(len(conf.Jobs), "job"))
	}
	if d.conf != nil {
		for _, notice := range interfaceNotices(d.conf, d.now) {
			d.add(onConfig, kind.Found(kind.Warning, "interfaces", "%s", notice).WithRemedy("see that the job is ready for it: milkrun interfaces list"))
		}
	}
	d.examineConfigFile()
	d.examineCredentials()
}

// taken says whether a daemon that runs has taken up the file as it is now, with its secrets.
func (d *doctor) taken(ctx context.Context) bool {
	if d.store == nil {
		return false
	}
	record, known, err := d.store.Daemon(ctx)
	pid, held := d.holder()
	digest, unread := config.DigestOf(d.app.configFile())
	return err == nil && unread == nil && known && held && pid == record.PID && digest == record.Digest
}

// findingOf is a problem of the configuration as a finding.
func findingOf(p config.Problem) kind.Finding {
	f := kind.Finding{Level: kind.Bad, Check: "file", Remedy: p.Remedy}
	if p.Severity == config.Warning {
		f.Level = kind.Warning
	}
	p.Remedy, p.Severity = "", config.Error // which is shown beside it
	f.Text = p.String()
	return f
}

// examineConfigFile looks who may change the file.
func (d *doctor) examineConfigFile() {
	path := d.app.configFile()
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o022 != 0 {
		d.add(onConfig, kind.Found(kind.Warning, "mode", "others may change %s (mode %04o)", path, info.Mode().Perm()).WithRemedy("chmod go-w %s", path))
	}
}

// examineCredentials looks at systemd's folder of secrets, when there is one.
func (d *doctor) examineCredentials() {
	dir := d.app.credentialsDir()
	if dir == "" {
		return
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		d.add(onConfig, kind.Failed("credentials", err).WithRemedy("run it as the user of the service, or as root: sudo milkrun doctor"))
		return
	}
	for _, entry := range list {
		if info, err := entry.Info(); err == nil && info.Mode().Perm()&0o007 != 0 {
			d.add(onConfig, kind.Found(kind.Warning, "credentials", "others may read the credential %s in %s (mode %04o)", entry.Name(), dir, info.Mode().Perm()).
				WithRemedy("chmod 600 the file"))
		}
	}
	d.good(onConfig, "credentials", "%s in %s", count(len(list), "credential"), dir)
}
