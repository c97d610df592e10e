package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
	"milkrun/sync/config"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/recorder"
	"milkrun/sync/secret"
	"milkrun/sync/sqldb"
)

// replayDir holds what --replay writes, apart from everything real and from the sandbox.
const replayDir = "milkrun-replay"

func (a *app) replayCommand() *cobra.Command {
	addr := "127.0.0.1:0"
	cmd := &cobra.Command{
		Use:   "replay DIR",
		Short: "Serve a recording as a stand-in of the partner",
		Long: `Serve what milkrun record has written on loopback until Ctrl-C. A request is known by its method, its path and what is
stable in its query and body: credentials, signatures, times and ids may be others. One that was recorded several times
is answered in that order. One that was not is answered with 404 in the partner's own words, and the nearest one that was
is named here with what differs.

With --replay DIR once and run need no server: they use the recording by themselves, stand-ins for all other partners, and
files under milkrun-replay. Every such start begins where the recording did.`,
		Example: `  milkrun replay recording-grades-20261122-101500
  milkrun once grades --replay recording-grades-20261122-101500`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: a.stoppable(func(ctx context.Context, args []string) error { return a.replay(ctx, args[0], addr) }),
	}
	cmd.Flags().StringVar(&addr, "listen", addr, "where to listen; loopback only")
	return cmd
}

func (a *app) replay(ctx context.Context, dir, addr string) error {
	recording, err := readRecording(dir)
	if err != nil {
		return err
	}
	stand, err := a.serveReplay(ctx, recording, addr)
	if err != nil {
		return err
	}
	a.say("%s of job %s, recorded %s, served on %s", count(len(recording.List), "exchange"), recording.Job, clock(recording.RecordedAt, time.Local), stand.url)
	if recording.LeftOut > 0 {
		a.say("  %s more were left out when it was recorded", grouped(int64(recording.LeftOut)))
	}
	for _, c := range recording.Connections {
		fmt.Fprintf(a.stdout, "\n[connections.%s]\ntype = %q\nurl  = %q\n", c.Name, c.Type, stand.url)
	}
	select {
	case <-ctx.Done():
	case <-stand.ended:
	}
	err = stand.close()
	served := stand.Served()
	a.say("%s answered, %d of them although a time or an id differed; %d were not known", count(served.Answered, "request"), served.Shifted, served.Unknown)
	return err
}

func readRecording(dir string) (*recorder.Recording, error) {
	recording, err := recorder.Read(dir)
	if err != nil {
		return nil, &exit{code: exitUsage, cause: err}
	}
	return recording, nil
}

// replayStand is a recording that is served.
type replayStand struct {
	*recorder.Replay
	url    string
	server *http.Server
	ended  chan struct{}
	err    error // before ended is closed
}

// serveReplay serves a recording on a loopback address.
func (a *app) serveReplay(ctx context.Context, recording *recorder.Recording, addr string) (*replayStand, error) {
	listener, err := listenLoopback(ctx, addr)
	if err != nil {
		return nil, err
	}
	stand := &replayStand{Replay: recorder.NewReplay(recording, a.note), url: "http://" + listener.Addr().String(), ended: make(chan struct{})}
	stand.server = &http.Server{Handler: stand.Replay, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(stand.ended)
		if err := stand.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			stand.err = fmt.Errorf("serving the recording on %s: %w", listener.Addr(), err)
		}
	}()
	return stand, nil
}

// close ends the serving.
func (r *replayStand) close() error {
	_ = r.server.Close()
	<-r.ended
	return r.err
}

// listenLoopback listens where only this machine reaches it: a recording answers everybody.
func listenLoopback(ctx context.Context, addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, usage("--listen: %w; write host:port, as in 127.0.0.1:8643", err)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return nil, usage("--listen: %s is not loopback, and a recording answers whoever reaches it; use 127.0.0.1:%s", addr, port)
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("--listen: %w; choose another port, or 0 for any free one", err)
	}
	return listener, nil
}

// replayFlag is --replay: the sandbox, with a recording in the place of its partners.
type replayFlag struct{ a *app }

func (f replayFlag) String() string { return "" }

// Type is what stands for the value in the help.
func (replayFlag) Type() string { return "DIR" }

// Set reads the recording: a mistyped folder is told at once.
func (f replayFlag) Set(dir string) (err error) {
	if f.a.replayed, err = recorder.Read(dir); err != nil {
		return err
	}
	f.a.sandboxed = true
	return nil
}

// playDir holds what is written in place of the real files.
func (a *app) playDir() string {
	if a.replayed != nil {
		return replayDir
	}
	return sandboxDir
}

// startReplay serves the recording of --replay and points the connections of its types at it.
func (a *app) startReplay(ctx context.Context) (stop func(), err error) {
	stand, err := a.serveReplay(ctx, a.replayed, "127.0.0.1:0")
	if err != nil {
		return func() {}, err
	}
	for _, c := range a.replayed.Connections {
		if a.overrides[c.Type] == nil {
			a.overrides[c.Type] = map[string]string{}
		}
		maps.Copy(a.overrides[c.Type], recordedKeys(c))
		a.overrides[c.Type]["url"] = stand.url
		delete(a.overrides[c.Type], "rate")
	}
	a.note(fmt.Sprintf("the recording of job %s is served on %s, files under %s/", a.replayed.Job, stand.url, replayDir))
	return func() { a.warn(stand.close()) }, nil
}

// rehearses says that the state is that of a replay, and not one that somebody named.
func (a *app) rehearses() bool { return a.replayed != nil && a.statePath == "" }

// recordedKeys are the keys of a connection as they were when it was recorded, as texts: a vendor's id may stand in every
// path.
func recordedKeys(c recorder.Connection) map[string]string {
	keys := map[string]string{}
	for key, value := range c.Settings {
		switch value := value.(type) {
		case string:
			if value != (secret.Secret{}).String() && key != "ca_file" {
				keys[key] = value
			}
		case bool, float64:
			keys[key] = fmt.Sprint(value)
		}
	}
	return keys
}

// readable refuses a job whose records are not among those of the stand-ins: what it reads stands in a database of ours, which
// --sandbox and --replay leave alone.
func (a *app) readable(ctx context.Context, job *config.Job) error {
	if !a.replaces(job.Source.Connection) {
		return nil
	}
	env := kind.Env{Job: job.Name, Connection: job.Source.Connection.Name, Location: job.Location}
	source, err := job.Source.Settings.Open(ctx, env)
	if c, ok := source.(io.Closer); ok {
		_ = c.Close()
	}
	if err == nil {
		return nil
	}
	serve := "milkrun sandbox serves the stand-ins"
	if a.replayed != nil {
		serve = "milkrun replay DIR serves the recording"
	}
	return &exit{code: exitUsage, cause: fmt.Errorf("the records of job %s stand in a database of yours, which is left alone; in the one that takes its place, %s, they are not to be had: %w",
		job.Name, filepath.Join(a.playDir(), "business.db"), err),
		remedy: serve + "; point url of the partner's connection at it, in a copy of the configuration that reads a copy of your database"}
}

// replaces says that a database of --sandbox or --replay takes the place of a connection's own.
func (a *app) replaces(c *config.Connection) bool {
	own, ok := c.Settings.(*sqldb.Connection)
	return ok && own.Dialect().Name == "sqlite" && a.sandboxed
}

// misfit tells of a target whose table in such a database has other columns than the records. All other ends of a run stay as
// they are.
func (a *app) misfit(job *config.Job, run state.Run, err error) error {
	if err == nil || run.Code != "columns" || !a.replaces(job.Sink.Connection) {
		return err
	}
	return &exit{code: exitError, cause: fmt.Errorf("in the database that takes the place of yours, %s, the table that job %s writes is there with other columns: "+
		"the stand-ins have made it to be read, or a trial before has", filepath.Join(a.playDir(), "business.db"), job.Name),
		remedy: fmt.Sprintf("name another table in a copy of the configuration; or remove %s, when a trial has made it", a.playDir())}
}

// forgetReplay removes the state file of the replay before, so that this one begins where its recording did.
func (a *app) forgetReplay() error {
	if !a.rehearses() {
		return nil
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(filepath.Join(replayDir, "milkrun.db"+suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("replay: %w", err)
		}
	}
	return nil
}

// beginReplay sets the checkpoint at which the recording began.
func (a *app) beginReplay(ctx context.Context, store *state.Store) error {
	if !a.rehearses() || a.replayed.Cursor == "" {
		return nil
	}
	return store.SetCheckpoint(ctx, a.replayed.Job, state.Forward, feed.Cursor(a.replayed.Cursor), operator(), "the recording began here")
}
