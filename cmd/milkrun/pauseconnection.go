package main

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"milkrun/cmd/milkrun/standing"
	"milkrun/state"
)

func connectionFlag(cmd *cobra.Command, usage string) *string {
	return cmd.Flags().String("connection", "", usage)
}

// either is the one name that was given: as an argument, or as a connection.
func either(args []string, connection string) (string, error) {
	switch {
	case len(args) == 1 && connection == "":
		return args[0], nil
	case len(args) == 0 && connection != "":
		return connection, nil
	}
	return "", usage("name either a job or, with --connection, a connection")
}

// pauseConnection is the kill switch of a connection. Without a daemon there is nobody to be stopped but a run of milkrun
// once, which looks before each call.
func (a *app) pauseConnection(ctx context.Context, name, why string) error {
	what := order{Name: name, Why: why, Connection: true}
	return a.carryOut(ctx, "pause-connection", what, a.change, func(ctx context.Context, o *act) error {
		if err := o.pauseConnection(ctx, func(state.Halt) int { return 0 }); err != nil {
			return err
		}
		o.sayWhen()
		return nil
	})
}

// pauseConnection pauses the connection, and has the runs on it stopped.
func (o *act) pauseConnection(ctx context.Context, stop func(state.Halt) int) error {
	name := o.order.Name
	if o.conf.Connections[name] == nil {
		return unknown("connection", name, slices.Sorted(maps.Keys(o.conf.Connections)))
	}
	if err := mustSay(o.order.Why); err != nil {
		return err
	}
	if h, paused, err := o.store.PausedConnection(ctx, name); err != nil {
		return err
	} else if paused {
		o.say("connection %s is already %s, since %s", name, h.Reason, clock(h.At, standing.Zone(o.conf, "")))
		return nil
	}
	if err := o.store.PauseConnection(ctx, name, o.who, o.order.Why); err != nil {
		return err
	}
	h, _, err := o.store.PausedConnection(ctx, name)
	if err != nil {
		return err
	}
	o.say("connection %s is paused: no job calls on it until %s --connection %s", name, "milkrun resume", name)
	if n := stop(h); n > 0 {
		o.say("%s under way on it will stop at the next call", count(int64(n), "run"))
	}
	return nil
}

// unpauseConnection ends the pause of a connection.
func (o *act) unpauseConnection(ctx context.Context, h state.Halt, zone *time.Location) error {
	if _, err := o.store.UnpauseConnection(ctx, h.Name, o.who, o.order.Why); err != nil {
		return err
	}
	o.say("the pause of connection %s is over; since %s it was %s", h.Name, clock(h.At, zone), h.Reason)
	return nil
}
