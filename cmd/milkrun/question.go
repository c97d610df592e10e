package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"time"

	"milkrun/cmd/milkrun/control"
	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
)

// question is what a reading command wants to know from the state file: Q is what it asks about, A what it is told. The
// file is the daemon's alone; who may only talk to the daemon (the members of its group) is answered through its socket,
// in the same words, since both read the file with the same function.
type question[Q, A any] struct {
	name string
	read func(ctx context.Context, a *app, s *state.Store, about Q) (A, error)
}

// ask reads the answer in the state file or, where that may not be opened, has the daemon read it.
func (q question[Q, A]) ask(ctx context.Context, a *app, about Q) (out A, err error) {
	store, err := a.look(ctx)
	if err == nil {
		defer a.shut(store)
		return q.read(ctx, a, store, about)
	}
	if !errors.Is(err, fs.ErrPermission) {
		return out, err
	}
	asking, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	switch told := a.call(asking, "read-"+q.name, about, &out); {
	case errors.Is(told, control.ErrNoDaemon):
		return out, &exit{code: exitError, cause: err, remedy: "run the command with sudo: without a running daemon nobody else can look\n" + state.Remedy(err)}
	default:
		return out, told
	}
}

// method is how the daemon answers.
func (q question[Q, A]) method(d *daemon) (name string, m control.Method) {
	return "read-" + q.name, func(ctx context.Context, _ string, in json.RawMessage) (any, error) {
		var about Q
		if err := json.Unmarshal(in, &about); err != nil {
			return nil, err
		}
		out, err := q.read(ctx, d.app, d.store, about)
		if err != nil {
			return nil, fault(err)
		}
		return out, nil
	}
}

// answerable is a question that the daemon answers.
type answerable interface {
	method(d *daemon) (name string, m control.Method)
}

// questions are all that reading commands ask.
func questions() []answerable {
	return []answerable{askKnown(), askHolds(), askRuns(), askRun(), askSlots(), askLetters(), askLetter(), askBackfills(),
		askCheckpoints(), askCheckpoint(), askHistory(), askDocument(), askOperations(), askBatches(), askBatch(), askMessages(), askOrphans(), askRepushes(), askRepush(), askIncidents(), askIncident(), askTimeliness()}
}

// ofJob is a question about the newest things of a job; "" is all jobs, and Most 0 all things.
type ofJob struct {
	Job  string `json:"job,omitempty"`
	Most int    `json:"most,omitempty"`
}

// askKnown refuses a job that nobody has heard of.
func askKnown() question[string, struct{}] {
	return question[string, struct{}]{"known", func(ctx context.Context, a *app, s *state.Store, job string) (struct{}, error) {
		return struct{}{}, a.known(ctx, s, job)
	}}
}

func askHolds() question[struct{}, standing.Holds] {
	return question[struct{}, standing.Holds]{"holds", func(ctx context.Context, _ *app, s *state.Store, _ struct{}) (standing.Holds, error) {
		return standing.Held(ctx, s)
	}}
}

func askRuns() question[state.RunFilter, []state.Run] {
	return question[state.RunFilter, []state.Run]{"runs", func(ctx context.Context, _ *app, s *state.Store, f state.RunFilter) ([]state.Run, error) {
		return s.Runs(ctx, f)
	}}
}

// recordedRun is a run with what the state file tells of it.
type recordedRun struct {
	Run    state.Run     `json:"run"`
	Events []state.Event `json:"events"`
	Unit   *unitView     `json:"unit"` // of a backfill, nil for none

	Receipts []state.Receipt `json:"receipts"` // the first ones
	Repush   *state.Repush   `json:"repush"`   // that it carries out, nil for none
}

func askRun() question[int64, recordedRun] {
	return question[int64, recordedRun]{"run", func(ctx context.Context, _ *app, s *state.Store, id int64) (r recordedRun, err error) {
		if r.Run, err = s.Run(ctx, id); err != nil {
			return r, notThere(err, "milkrun runs lists those there are, newest first")
		}
		if r.Events, err = s.Events(ctx, id); err != nil {
			return r, err
		}
		if r.Unit, err = unitOfRun(ctx, s, r.Run); err != nil {
			return r, err
		}
		err = r.proofs(ctx, s)
		return r, err
	}}
}

func askSlots() question[ofJob, []state.Slot] {
	return question[ofJob, []state.Slot]{"slots", func(ctx context.Context, _ *app, s *state.Store, q ofJob) ([]state.Slot, error) {
		return s.Slots(ctx, q.Job, q.Most)
	}}
}

func askLetters() question[state.LetterFilter, []state.Letter] {
	return question[state.LetterFilter, []state.Letter]{"letters", func(ctx context.Context, _ *app, s *state.Store, f state.LetterFilter) ([]state.Letter, error) {
		return s.Letters(ctx, f)
	}}
}

func askLetter() question[int64, state.Letter] {
	return question[int64, state.Letter]{"letter", func(ctx context.Context, _ *app, s *state.Store, id int64) (state.Letter, error) {
		l, err := s.Letter(ctx, id)
		return l, noLetter(err)
	}}
}

func askBackfills() question[ofJob, []state.Backfill] {
	return question[ofJob, []state.Backfill]{"backfills", func(ctx context.Context, _ *app, s *state.Store, q ofJob) ([]state.Backfill, error) {
		return s.Backfills(ctx, q.Job, q.Most)
	}}
}

func askCheckpoints() question[struct{}, []state.Checkpoint] {
	return question[struct{}, []state.Checkpoint]{"checkpoints", func(ctx context.Context, _ *app, s *state.Store, _ struct{}) ([]state.Checkpoint, error) {
		return s.Checkpoints(ctx)
	}}
}

func askHistory() question[ofJob, []state.Change] {
	return question[ofJob, []state.Change]{"history", func(ctx context.Context, _ *app, s *state.Store, q ofJob) ([]state.Change, error) {
		return s.History(ctx, q.Job, q.Most)
	}}
}

func askDocument() question[struct{}, state.Document] {
	return question[struct{}, state.Document]{"document", func(ctx context.Context, _ *app, s *state.Store, _ struct{}) (state.Document, error) {
		return s.Export(ctx)
	}}
}

func askOperations() question[int, []state.Audit] {
	return question[int, []state.Audit]{"operations", func(ctx context.Context, _ *app, s *state.Store, most int) ([]state.Audit, error) {
		return s.Operations(ctx, most)
	}}
}
