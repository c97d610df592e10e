package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"milkrun/sync/sandbox"
)

// sandboxDir holds what --sandbox writes, apart from everything real.
const sandboxDir = "milkrun-sandbox"

const (
	sandboxAddr    = "127.0.0.1:0"
	sandboxAffairs = 20_000
	sandboxUsers   = 5_000
	sandboxOrders  = 500
)

// planSandbox lays the stand-ins' settings over the configuration without starting them.
func (a *app) planSandbox() {
	if a.sandboxed && a.overrides == nil {
		a.overrides = sandboxSettings(sandbox.New(sandbox.Options{}), a.playDir())
	}
}

func makeSandboxDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	return nil
}

// startSandbox serves the stand-ins on loopback, makes the business database that the shipped jobs.toml reads in
// its folder, and points the configuration at both. With --replay the recording stands in the place of its partners.
func (a *app) startSandbox(ctx context.Context) (stop func(), err error) {
	dir := a.playDir()
	if err := makeSandboxDir(dir); err != nil {
		return nil, err
	}
	if err := seedSandbox(ctx, dir); err != nil {
		return nil, err
	}
	// The stand-ins outlive the daemon's context: while it drains, they still answer.
	s, err := sandbox.Start(context.WithoutCancel(ctx), sandboxAddr, sandbox.Options{})
	if err != nil {
		return nil, err
	}
	a.teach(s)
	a.overrides = sandboxSettings(s, dir)
	if a.replayed != nil {
		end, err := a.startReplay(context.WithoutCancel(ctx))
		return func() { end(); a.warn(s.Close()) }, err
	}
	fmt.Fprint(a.stderr, a.lang.Sprintf(`sandbox: stand-ins of the partners on %s, files under %s/
  in another terminal:  milkrun status --sandbox
                        milkrun runs --sandbox
                        sqlite3 %s 'SELECT assessGrade, count(*) FROM enterprise_grades GROUP BY 1'

`, s.URL(), dir, filepath.Join(dir, "business.db")))
	return func() { a.warn(s.Close()) }, nil
}

func sandboxSettings(s *sandbox.Sandbox, dir string) map[string]map[string]string {
	all := s.Settings()
	for partner, rate := range map[string]string{"credit": "100/s", "busipush": "2/s", "exchange": "1/s"} {
		all[partner]["rate"] = rate // slow enough to watch
	}
	all["exchange"]["hmac_key"], all["exchange"]["hmac_secret"] = "", ""
	all["sqlite"] = map[string]string{"dsn": filepath.Join(dir, "business.db")}
	return all
}

func seedSandbox(ctx context.Context, dir string) (err error) {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "business.db")+"?_journal_mode=WAL")
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return errors.Join(sandbox.SeedBusiness(ctx, db, sandboxAffairs, sandboxUsers), sandbox.SeedOrders(ctx, db, sandboxOrders))
}

func (a *app) sandboxCommand() *cobra.Command {
	addr := "127.0.0.1:8642"
	var o sandbox.Options
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Serve stand-ins of the partners on loopback, for trying things out",
		Long: `Serve stand-ins of the partners on loopback until Ctrl-C. They check what the partners check: signatures,
limits, encodings, credentials. Faults can be injected while they run; GET / says how.`,
		Args: arguments(cobra.NoArgs),
		RunE: a.stoppable(func(ctx context.Context, _ []string) error { return a.serveSandbox(ctx, addr, o) }),
	}
	f := cmd.Flags()
	f.StringVar(&addr, "addr", addr, "where to listen; loopback only")
	f.IntVar(&o.Credit.Count, "enterprises", 1_700_000, "how many enterprises the credit platform lists")
	f.BoolVar(&o.Credit.Sorted, "sorted", false, "list them in the order of their codes")
	return cmd
}

func (a *app) serveSandbox(ctx context.Context, addr string, o sandbox.Options) error {
	if o.Credit.Count == 0 {
		o.Credit.Count = -1
	}
	s, err := sandbox.Start(ctx, addr, o)
	if err != nil {
		return err
	}
	a.say("stand-ins of the partners on %s\n\nconnections for jobs.toml:", s.URL())
	printConnections(a.stdout, s.Settings())
	a.say("\nfaults, counts and examples: curl %s/", s.URL())
	<-ctx.Done()
	return s.Close()
}

// printConnections writes what jobs.toml needs to reach the stand-ins. Settings of a table within a connection are left out:
// they are only laid over a configuration that has the table, an empty one for the default of its key.
func printConnections(w io.Writer, all map[string]map[string]string) {
	for _, typ := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(w, "\n[connections.%s]\ntype = %q\n", typ, typ)
		for _, key := range slices.Sorted(maps.Keys(all[typ])) {
			if value := all[typ][key]; value != "" && !strings.Contains(key, ".") {
				fmt.Fprintf(w, "%s = %q\n", key, value)
			}
		}
	}
}
