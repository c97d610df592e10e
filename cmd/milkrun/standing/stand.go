package standing

import (
	"fmt"
	"time"

	"milkrun/state"
	"milkrun/sync/config"
)

// How a job can stand, beside the states of its last run.
const (
	Paused   = "paused"
	Disabled = "disabled"
	Resumed  = "resumed" // its halt was ended, and it has not run since
	Never    = "never ran"
	Gone     = "gone" // from the configuration
)

// Standing is how a job stands: a state of a run or one of those above, why, and what to do, a line each. Resume is what
// "milkrun resume" takes to end the halt or the pause.
type Standing struct{ State, Reason, Remedy, Resume string }

// Stand says how a job stands: whether it runs, else what keeps it from running, else how its last run ended. Alive is
// whether a process holds the state file: without one nothing runs, whatever a killed one left behind. A halt, which
// needs mending, counts more than a pause.
func (j *Job) Stand(alive bool) Standing {
	last := j.Last()
	switch {
	case j.Meter != nil || last.State == state.Running && alive:
		s := Standing{State: string(state.Running)}
		if j.Config == nil {
			s.Reason = "the configuration has it no more; this run goes on to its end"
		}
		return s
	case j.Config == nil:
		return Standing{State: Gone, Reason: "the configuration has it no more; its checkpoint and history are kept"}
	case !j.Config.Enabled:
		return Standing{State: Disabled, Reason: "enabled = false in jobs.toml"}
	case len(j.Halts) > 0:
		h := j.Halts[0]
		if h.Who != "" {
			return Standing{Paused, "its connection " + h.Name + " is " + h.Reason, "", h.Name}
		}
		if h.Code == state.CodeDoubt {
			return Standing{string(state.Halted), h.Reason, h.Remedy, ""} // settling the doubt ends it
		}
		return Standing{string(state.Halted), h.Reason, h.Remedy, h.Name}
	case j.Pause != nil:
		return Standing{Paused, "by " + j.Pause.Who + " since " + Clock(j.Pause.At, j.Location) + because(j.Pause.Why), "", j.Name}
	}
	return j.ended(last)
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

// Last is the run that tells how a job stands: the newest that is no unit of a backfill, or one that is under way;
// without an id when there is none.
func (j *Job) Last() (last state.Run) {
	for _, r := range j.Runs {
		if r.Trigger.Forward() || r.State == state.Running {
			return r
		}
	}
	if len(j.Runs) > 0 {
		last = j.Runs[0]
	}
	return last
}

// ended says how the last run ended, of a job that nothing keeps from running.
func (j *Job) ended(last state.Run) Standing {
	s := Standing{State: string(last.State), Reason: last.Error}
	switch last.State {
	case "":
		s.State = Never
	case state.Running, state.Interrupted:
		if last.State == state.Interrupted && last.Code == state.CodeWaiting {
			s.Remedy = last.Remedy // a rule ended it, and it says which
			break
		}
		s.State, s.Reason = string(state.Interrupted), "it was stopped or killed before its end; the next run goes on from the checkpoint"
	case state.Halted:
		s.State, s.Reason = Resumed, "its halt was ended; it waits for its next slot"
		if j.Config.Schedule.Manual() {
			s.Reason = "its halt was ended; it waits for milkrun once " + j.Name
		}
	case state.Failed:
		if j.Config.Schedule.String() != "" { // else only the state file knows the job
			s.Remedy = AfterFailure(j.Config, last)
		}
	}
	return s
}

// AfterFailure is what to do, and what happens by itself, after a run has failed, a line each.
func AfterFailure(job *config.Job, run state.Run) string {
	again := "the next slot tries again, from the checkpoint"
	if job.Schedule.Manual() || !job.Enabled {
		again = "milkrun once " + job.Name + " tries again, from the checkpoint"
	}
	return fmt.Sprintf("%s\n%s; milkrun runs show %d tells what happened", run.Remedy, again, run.ID)
}

// Clock writes a moment for people, in the zone of a job; "-" for none.
func Clock(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(zone).Format("2006-01-02 15:04:05 -0700")
}
