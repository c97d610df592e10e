package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Integrity reads the whole file and compares every index with its table; ErrCorrupt tells what is wrong.
func (s *Store) Integrity(ctx context.Context) error {
	const doing = "checking it"
	found, err := all(ctx, s.r, scanTo[string], "PRAGMA integrity_check(20)")
	if err != nil {
		return explain(s.path, doing, err)
	}
	if len(found) != 1 || found[0] != "ok" {
		return fault(ErrCorrupt, s.path, doing, errors.New(strings.Join(found, "; ")))
	}
	orphans, _, err := one(ctx, s.r, scanTo[int64], "SELECT count(*) FROM pragma_foreign_key_check")
	if err == nil && orphans > 0 {
		return fault(ErrCorrupt, s.path, doing, fmt.Errorf("%d rows belong to a run that is not there", orphans))
	}
	return explain(s.path, doing, err)
}

// Backup writes a consistent copy to a new file with mode 0600, while work goes on. The copy is durable when it returns.
func (s *Store) Backup(ctx context.Context, to string) error {
	to, err := filepath.Abs(to)
	if err != nil {
		return explain(to, "making a backup of "+s.path, err)
	}
	f, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return explain(to, "making a backup of "+s.path, err)
	}
	_, err = s.r.ExecContext(ctx, "VACUUM INTO ?", to)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = syncDir(filepath.Dir(to))
	}
	if err != nil {
		err = errors.Join(err, os.Remove(to))
	}
	return explain(to, "making a backup of "+s.path, err)
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
