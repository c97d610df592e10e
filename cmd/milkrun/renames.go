package main

import (
	"context"

	"milkrun/state"
	"milkrun/sync"
	"milkrun/sync/config"
)

// renames are the jobs that seem to take the place of one that is gone from the configuration, where sending twice is harm.
func renames(ctx context.Context, store *state.Store, conf *config.Config) (list []*sync.Forerunner) {
	for _, job := range conf.Jobs {
		f, err := sync.ForerunnerOf(ctx, store, job, func(s state.Sender) bool { return conf.Job(s.Job) != nil })
		if err == nil && f != nil { // what cannot be read is said where it is needed: before the first run sends anything
			list = append(list, f)
		}
	}
	return list
}

// renames looks for them by the state file, if there is one.
func (a *app) renames(ctx context.Context, conf *config.Config) []*sync.Forerunner {
	store, err := a.look(ctx)
	if err != nil {
		return nil
	}
	defer a.shut(store)
	return renames(ctx, store, conf)
}

// sayRenames says which jobs look renamed, and what to do.
func (a *app) sayRenames(ctx context.Context, store *state.Store, conf *config.Config) {
	for _, f := range renames(ctx, store, conf) {
		a.say("%s", f.Text())
		a.sayNext(f.Remedy())
	}
}
