package main

import (
	"context"
	"errors"
	"testing"

	"milkrun/state"
)

// halted halts a job or connection.
func (p *place) halted(scope, name string) {
	p.t.Helper()
	p.with(func(ctx context.Context, s *state.Store) error {
		return s.SetHalt(ctx, state.Halt{Scope: scope, Name: name, Code: "302", Reason: "no permission", Remedy: "ask for the permission"})
	})
}

func TestPauseAndResume(t *testing.T) {
	p, _ := affairsPlace(t)
	p.run("pause", "affiars").exits(exitUsage).says(`there is no job "affiars"`, `did you mean "affairs"?`)
	p.run("pause", "jinlaiban").exits(exitUsage).says("jinlaiban is a connection, and no job", "milkrun pause --connection jinlaiban --why")
	p.run("pause", "affairs", "--why", "they move").exits(exitDone).says("job affairs is paused", "milkrun resume affairs", "no daemon is running")
	p.run("pause", "affairs", "--why", "again").exits(exitDone).says("paused already", operator(), "they move")
	p.with(func(ctx context.Context, s *state.Store) error {
		paused, err := s.Paused(ctx)
		if paused["affairs"].Why != "they move" || paused["affairs"].Who != operator() {
			return errors.Join(err, errors.New("the pause is not in the state file with who and why"))
		}
		return err
	})
	p.run("resume", "affairs", "--why", "done").exits(exitDone).says("the pause of job affairs is over", "they move")
	p.run("resume", "affairs").exits(exitDone).says("nothing to resume", "neither halted nor paused")
}

func TestResumeEndsAHalt(t *testing.T) {
	p, _ := affairsPlace(t)
	p.run("resume", "affairs").exits(exitError).says("no state file")
	p.halted(state.JobScope, "affairs")
	p.halted(state.ConnectionScope, "jinlaiban")
	p.halted(state.JobScope, "removed-job")
	p.run("pause", "affairs").exits(exitDone)

	p.run("resume", "affairs", "--why", "x").exits(exitDone).says("job affairs is resumed; it was halted since", "no permission",
		"the pause of job affairs is over", "still does not run: its connection jinlaiban is halted", "milkrun resume jinlaiban")
	p.run("resume", "affairs").exits(exitDone).says("nothing to resume", "milkrun resume jinlaiban")
	p.run("resume", "jinlaibna").exits(exitUsage).says(`there is no job or connection "jinlaibna"`, `did you mean "jinlaiban"?`)
	p.run("resume", "jinlaiban").exits(exitDone).says("connection jinlaiban is resumed")
	p.run("resume", "removed-job").exits(exitDone).says("job removed-job is resumed")
	p.with(func(ctx context.Context, s *state.Store) error {
		halts, err := s.Halts(ctx)
		if len(halts) > 0 {
			t.Errorf("still halted: %+v", halts)
		}
		return err
	})
}

// A run that a killed daemon left open is not under way.
func TestPauseAfterAKill(t *testing.T) {
	p, _ := affairsPlace(t)
	p.begun("affairs")
	p.run("pause", "affairs").exits(exitDone).says("no daemon is running now").hides("under way")
}

func TestControlBesideADaemon(t *testing.T) {
	p, _ := affairsPlace(t)
	p.begun("affairs")
	defer p.daemon()()
	p.run("pause", "affairs").exits(exitDone).says("run 1, which is under way, goes on to its end", "the daemon (process ", "next slot")
	p.run("resume", "affairs").exits(exitDone).says("the daemon (process ", "next slot")
}
