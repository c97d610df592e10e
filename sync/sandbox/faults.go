package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Kind is what goes wrong.
type Kind string

// The kinds of faults. All but the first take the place of the answer; of those only the first in the list that is
// due applies to a request.
const (
	// Latency delays a request by DelayMS and then answers as usual.
	Latency Kind = "latency"
	// TooMany answers 429 with Retry-After, and does nothing.
	TooMany Kind = "429"
	// Internal answers 500, and does nothing.
	Internal Kind = "500"
	// HTML answers 200 with a web page, as a proxy in between would, and does nothing.
	HTML Kind = "html"
	// DropBefore closes the connection without having done anything.
	DropBefore Kind = "drop-before"
	// DropAfter does what was asked and closes the connection without an answer.
	DropAfter Kind = "drop-after"
	// Truncate does what was asked and sends half of the answer as if it were all.
	Truncate Kind = "truncate"
	// Break does what was asked and closes the connection in the middle of the answer.
	Break Kind = "break"
	// Result0 is credit's business failure: HTTP 200 with result 0.
	Result0 Kind = "result0"
	// State300, State302 and Stateless are busipush answers: refused, not permitted, and neither state nor status.
	State300  Kind = "state300"
	State302  Kind = "state302"
	Stateless Kind = "stateless"
	// Code500 is exchange's business failure: HTTP 200 with code 500.
	Code500 Kind = "code500"
)

// Kinds lists all kinds.
func Kinds() []Kind {
	return append([]Kind{Latency, TooMany, Internal, HTML, DropBefore, DropAfter, Truncate, Break,
		Result0, State300, State302, Stateless, Code500}, slices.Concat(caihKinds(), coupangKinds())...)
}

// Fault is one thing that goes wrong, at every Every-th request (every one when 0), and at most Next times (without end
// when 0). Requests are counted from the moment the fault is set.
type Fault struct {
	Kind  Kind `json:"kind"`
	Every int  `json:"every,omitempty"`
	Next  int  `json:"next,omitempty"`
	// DelayMS is the delay of Latency in milliseconds.
	DelayMS int `json:"delay_ms,omitempty"`
	// RetryAfter is the wait that TooMany asks for in seconds, 1 when 0.
	RetryAfter int `json:"retry_after,omitempty"`
	// Fired is how often it has happened. It is told, not set.
	Fired int `json:"fired,omitempty"`

	seen int
}

func (f Fault) check() error {
	if !slices.Contains(Kinds(), f.Kind) {
		return fmt.Errorf("unknown fault %q; the kinds are %q", f.Kind, Kinds())
	}
	if f.Every < 0 || f.Next < 0 || f.DelayMS < 0 || f.RetryAfter < 0 {
		return fmt.Errorf("fault %s: every, next, delay_ms and retry_after count from 0", f.Kind)
	}
	return nil
}

// due counts one request and says whether the fault applies to it.
func (f *Fault) due() bool {
	f.seen++
	return f.seen%max(1, f.Every) == 0 && (f.Next == 0 || f.Fired < f.Next)
}

// Faults decides which requests of one partner go wrong. The zero value lets all pass. It is safe for concurrent use
// and can be changed while requests are under way.
type Faults struct {
	mu     sync.Mutex
	faults []Fault
}

// Set replaces the faults; none makes everything work. On an error nothing has changed.
func (f *Faults) Set(faults ...Fault) error {
	faults = slices.Clone(faults)
	for i := range faults {
		if err := faults[i].check(); err != nil {
			return err
		}
		faults[i].Fired, faults[i].seen = 0, 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = faults
	return nil
}

// List returns the faults with the number of times each has happened.
func (f *Faults) List() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.faults)
}

// next counts one request. It returns the delay that applies to it and the fault that does, nil for none.
func (f *Faults) next() (delay time.Duration, fault *Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.faults {
		at := &f.faults[i]
		if !at.due() || at.Kind != Latency && fault != nil {
			continue
		}
		at.Fired++
		if at.Kind == Latency {
			delay += time.Duration(at.DelayMS) * time.Millisecond
			continue
		}
		found := *at
		fault = &found
	}
	return delay, fault
}

// Wrap returns h with the faults before it.
func (f *Faults) Wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		delay, fault := f.next()
		if !wait(r, delay) {
			panic(http.ErrAbortHandler) // the client left, or the sandbox is closing
		}
		if fault == nil {
			h.ServeHTTP(w, r)
			return
		}
		fault.apply(w, r, h)
	})
}

// wait says whether the client is still there after the delay.
func wait(r *http.Request, delay time.Duration) bool {
	if delay == 0 {
		return true
	}
	t := time.NewTimer(delay)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

func (f *Fault) apply(w http.ResponseWriter, r *http.Request, h http.Handler) {
	switch f.Kind {
	case DropBefore:
		panic(http.ErrAbortHandler)
	case DropAfter:
		h.ServeHTTP(newRecorder(), r)
		panic(http.ErrAbortHandler)
	case Truncate, Break:
		f.half(w, r, h)
	default:
		drain(r)
		if strings.HasPrefix(string(f.Kind), caihKind) {
			answerCaih(w, f.Kind)
			return
		}
		if answerCoupang(w, f.Kind) {
			return
		}
		f.answer(w)
	}
}

// half sends the first half of the answer, and for Break announces the whole of it.
func (f *Fault) half(w http.ResponseWriter, r *http.Request, h http.Handler) {
	rec := newRecorder()
	h.ServeHTTP(rec, r)
	rec.WriteHeader(http.StatusOK)
	for k, v := range rec.header {
		w.Header()[k] = v
	}
	part, announced := rec.body[:len(rec.body)/2], len(rec.body)
	if f.Kind == Truncate {
		announced = len(part)
	}
	w.Header().Set("Content-Length", strconv.Itoa(announced))
	w.WriteHeader(rec.status)
	_, _ = w.Write(part)
	if f.Kind == Break {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

func (f *Fault) answer(w http.ResponseWriter) {
	switch f.Kind {
	case TooMany:
		w.Header().Set("Retry-After", strconv.Itoa(max(1, f.RetryAfter)))
		http.Error(w, "Too Many Requests", http.StatusTooManyRequests)
	case Internal:
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
	case HTML:
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		_, _ = w.Write([]byte("<html><head><title>系统维护</title></head><body>系统维护中，请稍后再试</body></html>"))
	case Result0:
		writeJSON(w, http.StatusOK, []byte(`{"msg":"系统繁忙","result":0}`))
	case State300:
		writeJSON(w, http.StatusOK, []byte(`{"state":"300","msg":"异常"}`))
	case State302:
		writeJSON(w, http.StatusOK, []byte(`{"state":"302","msg":"接口没有权限,请与管理员联系"}`))
	case Stateless:
		writeJSON(w, http.StatusOK, []byte(`{"msg":"已收到"}`))
	case Code500:
		writeJSON(w, http.StatusOK, []byte(`{"code":500,"message":"系统繁忙"}`))
	}
}
