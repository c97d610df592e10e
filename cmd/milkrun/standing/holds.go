package standing

import (
	"context"
	"maps"
	"slices"

	"milkrun/state"
	"milkrun/sync/config"
)

// Holds is all that keeps jobs from running.
type Holds struct {
	Halts  []state.Halt             `json:"halts"`
	Paused map[string]state.Pausing `json:"paused"`
}

// Held reads what keeps jobs from running now.
func Held(ctx context.Context, store *state.Store) (h Holds, err error) {
	if h.Halts, err = store.Halts(ctx); err == nil {
		h.Paused, err = store.Paused(ctx)
	}
	return h, err
}

// Of are the halts that a job is under: its own, and those of its connections, if the configuration (nil) has it.
func (h Holds) Of(name string, job *config.Job) (list []state.Halt) {
	for _, halt := range h.Halts {
		if halt.Scope == state.JobScope && halt.Name == name || halt.Scope == state.ConnectionScope && Uses(job, halt.Name) {
			list = append(list, halt)
		}
	}
	return list
}

// Uses says whether a job reads from or delivers to a connection. A nil job uses none.
func Uses(job *config.Job, connection string) bool {
	return job != nil && job.Uses(connection)
}

// How says how a job is held: halted, which counts more, or paused; "" when it is not.
func (h Holds) How(job *config.Job) string {
	_, paused := h.Paused[job.Name]
	for _, halt := range h.Of(job.Name, job) {
		if halt.Who == "" {
			return string(state.Halted)
		}
		paused = true
	}
	if paused {
		return Paused
	}
	return ""
}

// Names are the names that can be resumed: those of the configuration, and what is held under a name it had before.
func (h Holds) Names(conf *config.Config) []string {
	set := map[string]bool{}
	for _, job := range conf.Jobs {
		set[job.Name] = true
	}
	for name := range conf.Connections {
		set[name] = true
	}
	for _, halt := range h.Halts {
		set[halt.Name] = true
	}
	for name := range h.Paused {
		set[name] = true
	}
	return slices.Sorted(maps.Keys(set))
}
