package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"milkrun/sinks"
	"milkrun/sources"
	"milkrun/state"
	"milkrun/sync/config"
)

// registry is every kind of source and sink there is.
func registry() config.Registry {
	return config.Registry{Sources: sources.Types(), Sinks: sinks.Types()}
}

// read reads the configuration; with resolve also its secrets. It is nil when one of the problems is an error.
func (a *app) read(resolve bool) (*config.Config, config.Problems) {
	conf, problems := config.Load(a.configFile(), a.reading(resolve))
	return a.spare(conf), problems
}

// readAfter reads the configuration that takes the place of another.
func (a *app) readAfter(before *config.Config) (*config.Config, config.Problems) {
	options := a.reading(true)
	options.Before = before
	conf, problems := config.Load(a.configFile(), options)
	return a.spare(conf), problems
}

func (a *app) reading(resolve bool) config.Options {
	a.planSandbox()
	return config.Options{Registry: registry(), Overrides: a.overrides, Resolve: resolve, CredentialsDir: a.credentialsDir()}
}

// load reads the configuration and refuses one with errors. Its warnings are not told: they are where somebody looks
// after the configuration (check) or uses all of it (run, once).
func (a *app) load(resolve bool) (*config.Config, error) {
	conf, problems := a.read(resolve)
	return conf, a.judge(conf, problems)
}

// judge prints the errors of a configuration that is nil because of them, and returns the error that closes their list.
func (a *app) judge(conf *config.Config, problems config.Problems) error {
	if conf != nil {
		return nil
	}
	errs := only(config.Error, problems)
	errs.Print(a.stderr, a.lang)
	return a.unusable(errs)
}

// only are the problems of a severity.
func only(s config.Severity, problems config.Problems) config.Problems {
	return slices.DeleteFunc(slices.Clone(problems), func(p config.Problem) bool { return p.Severity != s })
}

// unusable closes the list of the errors of a configuration.
func (a *app) unusable(errs config.Problems) error {
	e := &exit{code: exitUsage, cause: fmt.Errorf("%s has %s", a.configFile(), count(len(errs), "error")),
		remedy: "mend what is listed above; milkrun check shows it again"}
	if conf, _ := a.read(false); conf != nil { // it is right when nobody asks for the secrets
		e.cause = fmt.Errorf("%s is right, but %s cannot be read here", a.configFile(), count(len(errs), "secret"))
		e.remedy = "put them where the file says"
		if !a.sandboxed {
			e.remedy += ", or use --sandbox: the stand-ins of the partners need none"
		}
	}
	return e
}

// findJob finds a job by name, or says which one was probably meant.
func findJob(conf *config.Config, name string) (*config.Job, error) {
	if job := conf.Job(name); job != nil {
		return job, nil
	}
	names := make([]string, len(conf.Jobs))
	for i, job := range conf.Jobs {
		names[i] = job.Name
	}
	return nil, unknown("job", name, names)
}

// known is an error when neither the state file nor the configuration, if that can be read, has heard of a job.
func (a *app) known(ctx context.Context, store *state.Store, job string) error {
	changes, err := store.History(ctx, job, 1)
	if err != nil || len(changes) > 0 {
		return err
	}
	if runs, err := store.Runs(ctx, state.RunFilter{Job: job, Limit: 1}); err != nil || len(runs) > 0 {
		return err
	}
	conf, _ := a.read(false)
	if conf == nil {
		return nil
	}
	_, err = findJob(conf, job)
	return err
}

// unknown is the error of a name that nothing has.
func unknown(what, name string, known []string) error {
	e := &exit{code: exitUsage, cause: fmt.Errorf("there is no %s %q", what, name)}
	if len(known) > 0 {
		e.remedy = "there are: " + strings.Join(known, ", ")
	}
	if near := config.Near(name, known); near != "" {
		e.remedy = fmt.Sprintf("did you mean %q?", near)
	}
	return e
}

// zones are the time zones of the jobs, and under "" that of the configuration.
type zones map[string]*time.Location

// zones reads the zones from the configuration, if it can be read: what has run can be looked at without.
func (a *app) zones() zones {
	z := zones{}
	if conf, _ := a.read(false); conf != nil {
		z[""] = zoneOf(conf)
		for _, job := range conf.Jobs {
			z[job.Name] = job.Location
		}
	}
	return z
}

// of is the zone that times of a job are shown in: its own, else that of the configuration, else that of this machine.
func (z zones) of(job string) *time.Location {
	return cmp.Or(z[job], z[""], time.Local)
}
