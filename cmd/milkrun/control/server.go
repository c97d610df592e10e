package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Fault is why a call was refused.
type Fault struct {
	Text   string `json:"error"`
	Remedy string `json:"remedy,omitempty"`
	Exit   int    `json:"exit,omitempty"` // the exit code of the command that called, 0: the usual one
}

// Error returns the text.
func (f *Fault) Error() string { return f.Text }

// Method answers a call: in is the caller's JSON document, and what is returned becomes one. Who is the user who called,
// as the kernel knows it. An error that is no [Fault] becomes one of its text.
type Method func(ctx context.Context, who string, in json.RawMessage) (any, error)

const (
	maxPath = 107      // bytes in the address of a Unix socket
	maxBody = 1 << 20  // bytes in a call
	maxHead = 16 << 10 // bytes in the header of a call
)

// Listen opens the socket at path, for its owner and group only. A socket that a killed daemon left is taken over; the
// caller holds the lock of the state file, so that nobody serves there.
func Listen(path string) (net.Listener, error) {
	if len(path) > maxPath {
		return nil, fmt.Errorf("control socket %s: its path has more than %d bytes; name a shorter one with --socket", path, maxPath)
	}
	switch info, err := os.Lstat(path); {
	case err == nil && info.Mode()&os.ModeSocket == 0:
		return nil, fmt.Errorf("control socket %s: a file that is no socket is in its place; move it, or name another path with --socket", path)
	case err == nil:
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("control socket: %w", err)
		}
	case !errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return listen(path)
}

// listen makes the socket under another name first: between its making and the change of its mode anybody could open it.
func listen(path string) (net.Listener, error) {
	private, err := os.MkdirTemp(filepath.Dir(path), ".milkrun-*")
	if err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	defer os.RemoveAll(private) //nolint:errcheck // empty by then
	made := filepath.Join(private, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(made, 0o660), os.Rename(made, path)); err != nil { //nolint:gosec // the group may call
		return nil, fmt.Errorf("control socket %s: %w", path, errors.Join(err, l.Close()))
	}
	return &listener{l, path}, nil
}

// listener removes its socket when it is closed.
type listener struct {
	*net.UnixListener
	path string
}

func (l *listener) Close() error {
	return errors.Join(l.UnixListener.Close(), os.Remove(l.path))
}

// Serve answers calls until ctx ends, and then those under way, for a few seconds at most.
func Serve(ctx context.Context, l net.Listener, methods map[string]Method) error {
	mux := http.NewServeMux()
	for name, method := range methods {
		mux.Handle("POST /v1/"+name, answering(method))
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: maxHead, ConnContext: WithCaller,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	unhook := context.AfterFunc(ctx, func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		_ = server.Shutdown(late)
	})
	defer unhook()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("control socket: %w", err)
	}
	return nil
}

func answering(method Method) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in json.RawMessage
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&in)
		if err != nil {
			reply(w, http.StatusBadRequest, &Fault{Text: "the call is no JSON document: " + err.Error()})
			return
		}
		out, err := method(r.Context(), callerOf(r.Context(), r.Header.Get(whoHeader)), in)
		var fault *Fault
		switch {
		case err == nil:
			reply(w, http.StatusOK, out)
		case errors.As(err, &fault):
			reply(w, http.StatusConflict, fault)
		default:
			reply(w, http.StatusConflict, &Fault{Text: err.Error()})
		}
	})
}

func reply(w http.ResponseWriter, status int, out any) {
	text, err := json.Marshal(out)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"error":"the answer is no JSON document"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the caller may be gone
}
