package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	stdsync "sync"
	"time"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/kind"
)

// receivers are the addresses at which partners call us with their reports: one server an address, a path for each connection.
type receivers struct {
	daemon *daemon
	mu     stdsync.Mutex
	open   map[string]*receiver // by address
	broken map[string]bool      // addresses that could not be opened
	boxes  map[string]*inbox    // by connection
}

// receiver is one server. Its handler is replaced when the configuration is.
type receiver struct {
	server  *http.Server
	mu      stdsync.Mutex
	handler http.Handler
}

// ServeHTTP implements [http.Handler].
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	h := r.handler
	r.mu.Unlock()
	h.ServeHTTP(w, req)
}

// newReceivers opens what the configuration wants.
func newReceivers(ctx context.Context, d *daemon) *receivers {
	r := &receivers{daemon: d, open: map[string]*receiver{}, broken: map[string]bool{}, boxes: map[string]*inbox{}}
	r.apply(ctx, d.conf, true)
	return r
}

// keep opens what the configuration in force wants and closes what it does not, until ctx ends. A port that another program
// holds is tried again: the daemon goes on without it.
func (r *receivers) keep(ctx context.Context) {
	before := r.daemon.conf
	every(ctx, time.Second, func() {
		conf := r.daemon.current()
		r.apply(ctx, conf, conf != before)
		before = conf
	})
	r.close()
}

// apply opens what is wanted and not open; a changed configuration also changes what answers.
func (r *receivers) apply(ctx context.Context, conf *config.Config, changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !changed && len(r.broken) == 0 {
		return
	}
	wanted := r.handlers(conf)
	for address, one := range r.open {
		if wanted[address] == nil {
			r.shut(address, one)
		}
	}
	for address := range r.broken {
		if wanted[address] == nil {
			r.mended(address)
		}
	}
	for address, h := range wanted {
		if one := r.open[address]; one != nil {
			one.mu.Lock()
			one.handler = h
			one.mu.Unlock()
			continue
		}
		r.listen(ctx, address, h)
	}
}

// handlers are what answers at each address. No two connections have the same path there; see package config.
func (r *receivers) handlers(conf *config.Config) map[string]http.Handler {
	wanted := map[string]http.Handler{}
	for name, c := range conf.Connections {
		partner, ok := c.Settings.(kind.Receiver)
		if !ok {
			continue
		}
		address, path := partner.Listens()
		if address == "" {
			continue
		}
		mux, _ := wanted[address].(*http.ServeMux)
		if mux == nil {
			mux = http.NewServeMux()
			wanted[address] = mux
		}
		if r.boxes[name] == nil {
			r.boxes[name] = &inbox{daemon: r.daemon, connection: name}
		}
		mux.Handle(path, hearing(partner.Receive(r.boxes[name]), conf, name, path))
	}
	return wanted
}

func (r *receivers) listen(ctx context.Context, address string, h http.Handler) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		r.broken[address] = true
		r.daemon.cannotOpen(address, state.Unopened{What: fmt.Sprintf("status reports are not received: %v", err),
			Remedy: "end what holds the address, or change reports of the connection; it is tried again, and everything else goes on"})
		return
	}
	r.mended(address)
	one := &receiver{handler: h}
	one.server = &http.Server{Handler: one, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	r.open[address] = one
	r.daemon.log.Infof("status reports are received on %s", l.Addr())
	go func() {
		if err := one.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			r.daemon.warn(fmt.Errorf("status reports on %s: %w", address, err))
		}
	}()
}

// mended forgets that an address could not be opened.
func (r *receivers) mended(address string) {
	if r.broken[address] {
		delete(r.broken, address)
		r.daemon.opened(address)
	}
}

// shut closes one server, after the reports under way.
func (r *receivers) shut(address string, one *receiver) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	r.daemon.warn(one.server.Shutdown(ctx))
	delete(r.open, address)
}

func (r *receivers) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for address, one := range r.open {
		r.shut(address, one)
	}
}

// inbox keeps the reports of one connection.
type inbox struct {
	daemon     *daemon
	connection string

	mu      stdsync.Mutex
	audited time.Time
	more    int // refused since
}

var _ kind.Inbox = (*inbox)(nil)

// Report keeps one report, and says which doubts it has settled.
func (i *inbox) Report(ctx context.Context, r kind.Report) error {
	status := "FAIL"
	if r.Delivered {
		status = "SUCCESS"
	}
	settled, err := i.daemon.store.AddReport(ctx, state.Report{Connection: i.connection, Ref: r.Ref, Batch: r.Batch, Person: r.Person, Shown: r.Shown,
		Status: status, Code: r.Code, ReportedAt: r.At})
	if err == nil {
		err = i.hear(ctx, r)
	}
	i.daemon.warn(err)
	for _, one := range settled {
		i.say(one)
		i.daemon.alerts.wake()
	}
	return err
}

// say logs what a report settles.
func (i *inbox) say(one state.Settled) {
	log := i.daemon.log.WithField("job", one.Job)
	switch {
	case one.Late:
		log.Warnf("batch %s had arrived: the partner reports on it, but %s had settled it as resend, and it was sent again; whoever it was for may have it twice "+
			"(milkrun doubt show %[1]s)", one.ID, one.Who)
	case one.Outcome == state.OutcomeResend:
		log.Infof("batch %s was to be sent again, as %s had settled it: the partner reported on it, so it was sent, and is not sent again", one.ID, one.Who)
	default:
		log.Infof("batch %s was in doubt: the partner reported on it, so it was sent", one.ID)
	}
	if one.Resumed {
		log.Info("the job is resumed: it has no batch in doubt any more")
	}
}

// auditPace is how often calls that are not the partner's are noted: whoever makes them does not fill the state file.
const auditPace = time.Minute

// Refused notes a call that is not the partner's.
func (i *inbox) Refused(ctx context.Context, from, why string) {
	i.mu.Lock()
	i.more++
	now := time.Now()
	if now.Sub(i.audited) < auditPace {
		i.mu.Unlock()
		return
	}
	n := i.more
	i.audited, i.more = now, 0
	i.mu.Unlock()
	i.daemon.log.WithField("connection", i.connection).Warnf("a status report from %s is refused: %s", from, why)
	i.daemon.warn(i.daemon.store.Audit(ctx, state.ReportsSettle, fmt.Sprintf("refused from %s, %s since the last note", from, count(n, "call")), i.connection, why))
}
