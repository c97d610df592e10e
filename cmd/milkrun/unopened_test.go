package main

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"testing"

	"milkrun/state"
	"milkrun/sync/kind"
)

// TestDaemonWithoutAddresses has a daemon that can be reached neither on its socket nor as a page: the state file tells, with
// the way out. It also prunes soon after its start, as one that never lives for a day would else never do.
func TestDaemonWithoutAddresses(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p, _ := affairsPlace(t)
	p.edit("[connections.inbox]", fmt.Sprintf("[page]\nlisten = %q\n[connections.inbox]", l.Addr()))
	p.history("affairs", 130)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan outcome)
	go func() { ended <- p.runUntil(ctx, "run", "--socket", filepath.Join(p.dir, "nowhere", "s")) }()
	await(t, "what ended long ago is removed", func() bool {
		gone := false
		p.with(func(ctx context.Context, s *state.Store) error {
			runs, err := s.Runs(ctx, state.RunFilter{Job: "affairs"})
			gone = len(runs) < 92
			return err
		})
		return gone
	})
	p.run("status").exits(exitDone).says("the control socket is not open", "or name another with --socket", "the status page is not served", l.Addr().String(), "[page]")
	v := p.examine(exitDone)
	v.has(t, kind.Warning, "daemon", "the control socket is not open")
	v.has(t, kind.Warning, "daemon", "the status page is not served")
	stop()
	(<-ended).exits(exitDone)
	p.run("status").exits(exitDone).hides("not served")
}
