package state

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

//go:embed migrations/*.sql
var embedded embed.FS

// applicationID is "milk" in the header of the file; it tells our file from another program's.
const applicationID = 0x6d696c6b

// scripts returns the migrations in order: number n, counted from 1, brings a file from user_version n-1 to n.
func scripts(dir fs.FS) ([]string, error) {
	names, err := fs.Glob(dir, "migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	list := make([]string, len(names))
	for i, name := range names {
		text, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		list[i] = string(text)
	}
	return list, nil
}

// belongs refuses the database of another program, which a wrong --state may name.
func (s *Store) belongs(ctx context.Context) error {
	type header struct{ id, objects int64 }
	h, _, err := one(ctx, s.r, func(row scanner) (h header, err error) {
		err = row.Scan(&h.id, &h.objects)
		return h, err
	}, "SELECT (SELECT application_id FROM pragma_application_id), count(*) FROM sqlite_schema") // of one moment
	if err != nil || h.id == applicationID || h == (header{}) {
		return err
	}
	return fault(ErrForeign, s.path, "opening it", fmt.Errorf("it has application id %#x and %d tables and indexes", h.id, h.objects))
}

// migrate brings the file to the newest layout. Of several programs that open it at once one does it.
func (s *Store) migrate(ctx context.Context) error {
	for done := false; !done; {
		err := s.transact(context.WithoutCancel(ctx), func(t *tx) (err error) {
			done, err = s.step(t)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// step applies the next script, and says whether there was none. An older daemon at work on the file keeps its layout.
func (s *Store) step(t *tx) (bool, error) {
	version, err := userVersion(t.ctx, t)
	if err != nil {
		return false, err
	}
	if version > len(s.scripts) {
		return false, s.mismatch(version)
	}
	if version == len(s.scripts) {
		return true, nil
	}
	if pid, held := Holder(s.path); version > 0 && held && pid != os.Getpid() {
		e := fault(ErrLocked, s.path, fmt.Sprintf("it has layout %d and would need %d", version, len(s.scripts)), nil)
		e.PID = pid
		return false, e
	}
	if err := t.exec(s.scripts[version]); err != nil {
		return false, fmt.Errorf("bringing it from layout %d to %d: %w", version, version+1, err)
	}
	return false, t.exec(fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d", version+1, applicationID))
}

func userVersion(ctx context.Context, q querier) (int, error) {
	version, found, err := one(ctx, q, scanTo[int], "PRAGMA user_version")
	if err == nil && !found {
		err = errors.New("it has no user_version")
	}
	return version, err
}

// mismatch is the error about a layout that this program cannot use.
func (s *Store) mismatch(version int) error {
	kind := ErrNewer
	if version < len(s.scripts) {
		kind = ErrOlder
	}
	return fault(kind, s.path, "opening it", fmt.Errorf("its layout is %d, this program knows %d", version, len(s.scripts)))
}
