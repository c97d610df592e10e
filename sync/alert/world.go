package alert

import (
	"time"

	"milkrun/sync/schedule"
)

// World is what a [Desk] looks at: the state file, as far as it is about the jobs of the present configuration.
type World struct {
	Jobs     []Job // that are enabled
	Halts    []Halt
	Location *time.Location // for connections; nil: UTC
}

// Job is how a job stands.
type Job struct {
	Watch
	Name     string
	Schedule *schedule.Schedule
	Location *time.Location
	Jitter   time.Duration
	Known    time.Time // when a daemon saw the job first: slots before were never due
	Partner  string    // whose exchange it is; "" for nobody's
	// Interface is what is exchanged, as the partner calls it.
	Interface string
	PausedBy  string    // the operator who paused it; empty: it is not paused
	Running   time.Time // when the run under way began; zero: none is
	// Success is the last run that ended done or part, Last the last that ended in any way but interrupted or cancelled.
	// Runs over a range (a backfill) are neither. The zero Run: there is none.
	Success, Last Run
}

// Run is one run that is over. The texts are the state file's.
type Run struct {
	ID                    int64
	State                 string // "done", "part", "failed" or "halted"
	Slot                  time.Time
	StartedAt, FinishedAt time.Time
	Code, Error, Remedy   string
	Counts                Counts
	Waiting               int64 // records that it was to move and did not, -1 when nobody can tell
}

// Halt is what stops a job or a connection.
type Halt struct {
	Scope                Scope
	Name                 string
	At                   time.Time
	Code, Reason, Remedy string
	Run                  int64
	Jobs                 []string // on the connection
}
