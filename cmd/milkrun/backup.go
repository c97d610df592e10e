package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"milkrun/state"
)

func (a *app) backupCommand() *cobra.Command {
	keep := 0
	cmd := &cobra.Command{
		Use:   "backup [FILE|FOLDER]",
		Short: "Copy the state file while the daemon works",
		Long: `Write a copy of the state file that is one moment of it, whole and checked, while the daemon works. It is called
milkrun-20261122T183000Z.db (the time is UTC) in FOLDER, or in the folder of the state file, unless FILE names it. No file
is ever overwritten. Its mode is 0600.

With --keep the oldest copies of that name in the folder are removed when the new one stands, so many are left. A copy on
the disk of the state file goes with it: write them to another one. milkrun restore puts one in place.`,
		Example: `  milkrun backup /srv/backups --keep 14
  milkrun backup before-upgrade.db`,
		Args: arguments(cobra.MaximumNArgs(1)),
	}
	cmd.Flags().Var(atLeast{&keep, 0}, "keep", "how many copies are left in the folder; 0 is all")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return a.backup(cmd.Context(), first(args), keep) }
	return cmd
}

func (a *app) backup(ctx context.Context, to string, keep int) error {
	path, named := a.backupPath(to, time.Now())
	if keep > 0 && named {
		return &exit{code: exitUsage, cause: errors.New("--keep is for copies that milkrun names"), remedy: "give the folder instead of a file, or leave --keep out"}
	}
	c, err := state.Backup(ctx, a.stateFile(), path)
	switch {
	case errors.Is(err, fs.ErrExist):
		return &exit{code: exitError, cause: fmt.Errorf("%s is there already; nothing was written", path), remedy: "name another file, or a folder"}
	case err != nil:
		return err
	}
	a.say("%s holds the state of %s (%s)", c.Path, a.stateFile(), inBytes(c.Size))
	if keep == 0 {
		return nil
	}
	removed, err := state.Thin(filepath.Dir(c.Path), keep)
	for _, name := range removed {
		a.say("removed %s", name)
	}
	if err != nil {
		return fmt.Errorf("removing old copies: %w", err)
	}
	return nil
}

// backupPath is where a backup goes, and whether the operator named the file.
func (a *app) backupPath(to string, now time.Time) (path string, named bool) {
	if to == "" {
		to = filepath.Dir(a.stateFile())
	}
	info, err := os.Stat(to)
	if err == nil && info.IsDir() || strings.HasSuffix(to, string(filepath.Separator)) {
		return filepath.Join(to, state.BackupName(now)), false
	}
	return to, true
}

// inBytes writes a number of bytes for people.
func inBytes(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, prefix := float64(n), 0
	for ; value >= unit && prefix < len("KMGTPE"); prefix++ {
		value /= unit
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTPE"[prefix-1])
}
