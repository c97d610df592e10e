package alert

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	lookEvery = 30 * time.Second // also when nothing happens; timers do not notice that the machine slept
	gather    = 5 * time.Second  // after being woken: what goes wrong together is said together
	sendAgain = 10 * time.Minute // when no channel has taken it
)

// Logger is where a [Desk] says that a channel does not work.
type Logger interface {
	Infof(format string, args ...any)
	Warnf(format string, args ...any)
}

// Options are what a desk works with.
type Options struct {
	Settings
	World    func(ctx context.Context) (World, error) // reads how things stand; called by one goroutine
	Memory   Memory
	Routes   []Route
	Instance string           // the name of the host, for the messages
	Now      func() time.Time // the wall clock
	Log      Logger
}

// Desk watches and alerts. One desk works on one memory. World may follow a changed configuration by itself; when the
// settings or the routes change, let [Desk.Run] end and make a new one.
type Desk struct {
	Options
	couriers []*courier
	wake     chan struct{}
	arrived  chan arrival

	find    func(ctx context.Context, w World, now time.Time) ([]finding, error)
	compose func(lang, instance string, events []Event) Message
	mine    func(Subject) bool                                      // the memory holds those of several desks
	told    func(ctx context.Context, e Event, now time.Time) error // somebody has heard of it

	// All below belongs to the goroutine of Run.
	ledger  ledger
	flights map[Subject]*flight
	serial  int64
	trouble string // what the state file said when it failed last; empty when it works
}

// flight is an event on its way, or one that nobody has taken.
type flight struct {
	event   Event
	serial  int64
	pending int       // channels that have it
	again   time.Time // with none pending: not before this
}

// ticket names a flight, arrival says what became of it at one channel.
type ticket struct {
	subject Subject
	serial  int64
}

type arrival struct {
	tickets []ticket
	taken   bool
}

// New returns a desk.
func New(o Options) *Desk {
	d := &Desk{Options: o, wake: make(chan struct{}, 1), arrived: make(chan arrival), flights: map[Subject]*flight{}}
	d.find = func(_ context.Context, w World, now time.Time) ([]finding, error) { return look(w, now), nil }
	d.compose = Compose
	d.mine = func(s Subject) bool { return s.Scope != PartnerScope }
	d.told = func(context.Context, Event, time.Time) error { return nil }
	for _, r := range o.Routes {
		d.couriers = append(d.couriers, newCourier(r, o.Log))
	}
	return d
}

// Wake makes the desk look soon. It never waits: call it when a run has ended, and when something is halted or resumed.
func (d *Desk) Wake() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Run watches until ctx ends. The error is the memory's: it could not be read at the start. Later faults of the state
// file are logged, and tried again at the next look.
func (d *Desk) Run(ctx context.Context) error {
	entries, err := d.Memory.Alerts(ctx)
	if err != nil {
		return fmt.Errorf("reading which alerts were sent: %w", err)
	}
	d.ledger = ledger{}
	for _, e := range entries {
		if d.mine(e.Subject) {
			d.ledger[e.Subject] = e
		}
	}
	var work sync.WaitGroup
	for _, c := range d.couriers {
		work.Go(func() { c.run(ctx, d.arrived) })
	}
	for ctx.Err() == nil {
		d.settle(ctx, d.look(ctx))
		d.wait(ctx)
	}
	work.Wait()
	return nil
}

// look finds out what is to be said, notes it, and sends it.
func (d *Desk) look(ctx context.Context) error {
	world, err := d.World(ctx)
	if err != nil {
		return fmt.Errorf("looking for trouble: %w", err)
	}
	now := d.Now()
	found, err := d.find(ctx, world, now)
	if err != nil {
		return err
	}
	p := d.ledger.decide(found, now, rules{d.CoolDown, d.takes, d.waiting})
	for _, e := range p.save {
		d.ledger[e.Subject] = e
		if err := d.Memory.SaveAlert(ctx, e); err != nil {
			return fmt.Errorf("remembering an alert: %w", err)
		}
	}
	for _, s := range p.forget {
		delete(d.ledger, s)
		if err := d.Memory.ForgetAlert(ctx, s); err != nil {
			return fmt.Errorf("forgetting an alert: %w", err)
		}
	}
	d.send(p.send)
	return nil
}

// settle logs a fault of the state file, once until it is over.
func (d *Desk) settle(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil:
	case err == nil && d.trouble != "":
		d.trouble = ""
		d.Log.Infof("alerts are watched again")
	case err != nil && d.trouble == "":
		d.trouble = err.Error()
		d.Log.Warnf("alerts: %v; it is tried again", err)
	}
}

// wait returns when it is time to look again. It takes in what arrives meanwhile.
func (d *Desk) wait(ctx context.Context) {
	timer := time.NewTimer(lookEvery)
	defer timer.Stop()
	wake := d.wake
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-wake:
			wake = nil
			timer.Reset(gather)
		case a := <-d.arrived:
			d.settle(ctx, d.landed(ctx, a))
		}
	}
}

// takes says whether some channel does.
func (d *Desk) takes(says, kind Kind) bool {
	for _, r := range d.Routes {
		if r.takes(says, kind) {
			return true
		}
	}
	return false
}

// waiting says whether something about a subject is on its way, or has failed and waits for another attempt.
func (d *Desk) waiting(s Subject) bool {
	f := d.flights[s]
	if f == nil {
		return false
	}
	if f.pending == 0 && !d.Now().Before(f.again) {
		delete(d.flights, s)
		return false
	}
	return true
}

// send hands events to the couriers: to each a message with those it takes.
func (d *Desk) send(events []Event) {
	for _, e := range events {
		d.serial++
		d.flights[e.Subject] = &flight{event: e, serial: d.serial, again: d.Now().Add(sendAgain)}
	}
	for _, c := range d.couriers {
		list := c.route.pick(events)
		if len(list) == 0 {
			continue
		}
		p := parcel{message: d.compose(d.Lang, d.Instance, list)}
		for _, e := range list {
			p.tickets = append(p.tickets, ticket{e.Subject, d.flights[e.Subject].serial})
		}
		if c.offer(p) {
			for _, e := range list {
				d.flights[e.Subject].pending++
			}
		}
	}
}

// landed notes that a channel has taken a message, or given it up.
func (d *Desk) landed(ctx context.Context, a arrival) error {
	for _, t := range a.tickets {
		f := d.flights[t.subject]
		if f == nil || f.serial != t.serial {
			continue // another channel was quicker
		}
		if !a.taken {
			f.pending--
			f.again = d.Now().Add(sendAgain)
			continue
		}
		delete(d.flights, t.subject)
		e := d.ledger[t.subject].said(f.event, d.Now())
		d.ledger[t.subject] = e
		if err := d.Memory.SaveAlert(ctx, e); err != nil {
			return fmt.Errorf("remembering an alert: %w", err)
		}
		if err := d.told(ctx, f.event, d.Now()); err != nil {
			return err
		}
	}
	return nil
}

// Stats returns how the channels do, in the order of the routes. It is safe at any time.
func (d *Desk) Stats() []Stat {
	list := make([]Stat, len(d.couriers))
	for i, c := range d.couriers {
		list[i] = c.stat()
	}
	return list
}
