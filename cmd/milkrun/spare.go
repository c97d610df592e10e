package main

import (
	"context"

	"milkrun/sync/config"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
)

// spare closes the real targets to --sandbox and --replay: those of a type for which there is a stand-in have been replaced by it,
// and nothing invented is delivered to the others.
func (a *app) spare(conf *config.Config) *config.Config {
	if conf == nil || !a.sandboxed {
		return conf
	}
	for _, job := range conf.Jobs {
		if _, replaced := a.overrides[job.Sink.Connection.Type]; !replaced {
			job.Sink.Settings = spared{job.Sink.Settings, job.Sink.Connection.Name}
		}
	}
	return conf
}

// spared is a sink that is not opened.
type spared struct {
	kind.Sink
	connection string
}

// Open says why not.
func (s spared) Open(context.Context, kind.Env) (feed.Sink, error) {
	return nil, feed.Errorf(feed.Fail, "sandbox", "the connection %s is a real one, and --sandbox and --replay deliver nothing there", s.connection).
		WithRemedy("in a copy of the configuration let the job deliver to a connection of type sqlite: a file under %s or %s takes its place", sandboxDir, replayDir)
}
