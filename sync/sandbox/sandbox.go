package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"
)

// Options are those of the stand-ins.
type Options struct {
	Credit   CreditOptions
	Busipush BusipushOptions
	Exchange ExchangeOptions
	Coupang  CoupangOptions
	Caih     CaihOptions
}

// Sandbox is the stand-ins under one address, each with its faults before it:
//
//	/credit/…, /busipush/…, …   the partners
//	GET /                       what is served, counts and examples, as plain text
//	GET, POST /faults           {"credit": [Fault, …], "busipush": […], …}
//	GET, POST /drift            the [Drift] of credit
//
// A POST to /faults replaces the faults of the partners it names; an empty list heals them. The control addresses need
// no credentials, which is why a sandbox is served on loopback only.
type Sandbox struct {
	Credit   *Credit
	Busipush *Busipush
	Exchange *Exchange
	Coupang  *Coupang
	Caih     *Caih
	// Faults are set here at run time, or by POST /faults.
	Faults struct{ Credit, Busipush, Exchange, Coupang, Caih Faults }

	url    string
	busy   atomic.Int64 // requests that are being answered
	mux    *http.ServeMux
	server *http.Server
	ended  chan struct{} // closed when serve has ended
	err    error         // why, before ended is closed
}

// New returns the stand-ins as one handler, without a listener; for [Transport]. Its URL is http://127.0.0.1.
func New(o Options) *Sandbox {
	s := &Sandbox{
		Credit: NewCredit(o.Credit), Busipush: NewBusipush(o.Busipush), Exchange: NewExchange(o.Exchange),
		Coupang: NewCoupang(o.Coupang), Caih: NewCaih(o.Caih),
		url: "http://127.0.0.1", mux: http.NewServeMux(),
	}
	for _, p := range s.partners() {
		s.mux.Handle("/"+p.typ+"/", p.faults.Wrap(p.is))
		if known, ok := p.is.(rooted); ok {
			s.mux.Handle(known.Root(), p.faults.Wrap(p.is))
		}
	}
	s.mux.HandleFunc("GET /{$}", s.serveIndex)
	s.mux.HandleFunc("GET /faults", s.serveFaults)
	s.mux.HandleFunc("POST /faults", s.setFaults)
	s.mux.HandleFunc("GET /drift", s.serveDrift)
	s.mux.HandleFunc("POST /drift", s.setDrift)
	return s
}

// Start serves the stand-ins on addr ("127.0.0.1:8642", "localhost:0") until ctx ends or Close is called. An
// address that is not loopback is refused.
func Start(ctx context.Context, addr string, o Options) (*Sandbox, error) {
	addr, err := loopback(addr)
	if err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w; choose another port, or 0 for any free one", err)
	}
	s := New(o)
	s.url = "http://" + ln.Addr().String()
	s.ended = make(chan struct{})
	s.server = &http.Server{
		Handler: s, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx },
	}
	stop := context.AfterFunc(ctx, func() { _ = s.server.Close() })
	go func() {
		defer stop()
		defer close(s.ended)
		if err := s.server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			s.err = fmt.Errorf("sandbox on %s: %w", ln.Addr(), err)
		}
	}()
	return s, nil
}

// loopback returns addr with its host as a loopback IP.
func loopback(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("sandbox address: %w; write host:port, as in 127.0.0.1:8642", err)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return "", fmt.Errorf("sandbox address %s is not loopback: the sandbox takes commands from anybody who reaches it; "+
			"use 127.0.0.1:%s", addr, port)
	}
	return net.JoinHostPort(host, port), nil
}

// Close ends the serving at once and returns why it ended, nil when nothing but Close or the context ended it.
func (s *Sandbox) Close() error {
	if s.server == nil {
		return nil
	}
	_ = s.server.Close()
	<-s.ended
	return s.err
}

// URL is the address the stand-ins are served under, without a slash at the end.
func (s *Sandbox) URL() string { return s.url }

// Settings are the settings that point a connection at the sandbox, by the type of the connection: its url and the test
// credentials. They are to be laid over what jobs.toml says.
func (s *Sandbox) Settings() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, p := range s.partners() {
		all[p.typ] = p.is.Settings(s.url + "/" + p.typ)
	}
	return all
}

// ServeHTTP serves the partners and the control addresses.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.busy.Add(1)
	defer s.busy.Add(-1)
	s.mux.ServeHTTP(w, r)
}

// Busy says whether a request is being answered: whoever sent it may be gone, and it may still have an effect.
func (s *Sandbox) Busy() bool { return s.busy.Load() > 0 }

func (s *Sandbox) serveFaults(w http.ResponseWriter, _ *http.Request) {
	all := map[string][]Fault{}
	for _, p := range s.partners() {
		all[p.typ] = append([]Fault{}, p.faults.List()...)
	}
	writeIndented(w, all)
}

func (s *Sandbox) setFaults(w http.ResponseWriter, r *http.Request) {
	var all map[string][]Fault
	if err := readControl(w, r, &all); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := s.checkFaults(all); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for typ, list := range all {
		_ = s.faults(typ).Set(list...) // checked above
	}
	s.serveFaults(w, r)
}

func (s *Sandbox) checkFaults(all map[string][]Fault) error {
	for partner, list := range all {
		if s.faults(partner) == nil {
			return fmt.Errorf("unknown partner %q; the partners are %s", partner, s.types())
		}
		for _, f := range list {
			if err := f.check(); err != nil {
				return fmt.Errorf("%s: %w", partner, err)
			}
		}
	}
	return nil
}

func (s *Sandbox) serveDrift(w http.ResponseWriter, _ *http.Request) {
	writeIndented(w, s.Credit.Drift())
}

func (s *Sandbox) setDrift(w http.ResponseWriter, r *http.Request) {
	var d Drift
	err := readControl(w, r, &d)
	if err == nil {
		err = s.Credit.SetDrift(d)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.serveDrift(w, r)
}

func readControl(w http.ResponseWriter, r *http.Request, v any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		return err
	}
	return strictJSON(body, v)
}

func writeIndented(w http.ResponseWriter, v any) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, append(text, '\n'))
}
