package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"
)

// Check reads the file and finds damage, as an ErrCorrupt [*Error] that tells what is wrong. A quick one does not compare
// the indexes with their tables. It works beside a daemon, and ends early with ctx.
func (s *Store) Check(ctx context.Context, quick bool) error {
	return explain(s.path, "checking it", examine(ctx, s.r, s.path, quick))
}

// examine is Check on any connection.
func examine(ctx context.Context, q querier, path string, quick bool) error {
	pragma := "PRAGMA integrity_check(20)"
	if quick {
		pragma = "PRAGMA quick_check(20)"
	}
	found, err := all(ctx, q, scanTo[string], pragma)
	if err != nil {
		return err
	}
	if len(found) != 1 || found[0] != "ok" {
		return fault(ErrCorrupt, path, "checking it", errors.New(strings.Join(found, "; ")))
	}
	orphans, _, err := one(ctx, q, scanTo[int64], "SELECT count(*) FROM pragma_foreign_key_check")
	if err == nil && orphans > 0 {
		return fault(ErrCorrupt, path, "checking it", fmt.Errorf("%d rows belong to a run that is not there", orphans))
	}
	return err
}

// Layout returns the number of the file's layout.
func (s *Store) Layout(ctx context.Context) (int, error) {
	n, err := userVersion(ctx, s.r)
	return n, explain(s.path, "reading its layout", err)
}

// Newest returns the latest moment that the file knows of, zero when it knows none. A clock that stands before it has been
// set back.
func (s *Store) Newest(ctx context.Context) (time.Time, error) {
	at, err := newest(ctx, s.r)
	return at, explain(s.path, "reading its latest moment", err)
}

func newest(ctx context.Context, q querier) (time.Time, error) {
	at, _, err := one(ctx, q, scanTime, `SELECT max(at) FROM (
		SELECT max(started_at) AS at FROM run UNION ALL SELECT max(finished_at) FROM run
		UNION ALL SELECT max(decided_at) FROM slot UNION ALL SELECT max(updated_at) FROM checkpoint
		UNION ALL SELECT max(at) FROM operation UNION ALL SELECT max(seen_at) FROM daemon)`)
	return at, err
}

// still opens a file that should not change meanwhile, for reading. What it says about itself is not trusted.
func still(path string) *sql.DB {
	q := url.Values{"mode": {"ro"}, "_busy_timeout": {fmt.Sprint(busyTimeout.Milliseconds())}}
	if !logged(path) {
		q.Set("immutable", "1") // otherwise files are made beside it, which its folder may not allow
	}
	db := sql.OpenDB(connector{(&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()})
	db.SetMaxOpenConns(1)
	return db
}

// logged says whether a file has changes that stand beside it.
func logged(path string) bool {
	for _, suffix := range []string{"-wal", "-journal"} {
		if info, err := os.Stat(path + suffix); err == nil && info.Size() > 0 {
			return true
		}
	}
	return false
}

// familiar refuses a file whose tables, indexes and views are not those that the first scripts make: one of them may be
// missing, and a trigger somebody put there would do what nobody asked for.
func familiar(ctx context.Context, q querier, scripts []string) error {
	is, err := schema(ctx, q)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector{"file::memory:"})
	defer db.Close() //nolint:errcheck // nothing is in it
	db.SetMaxOpenConns(1)
	for _, script := range scripts {
		if _, err := db.ExecContext(ctx, script); err != nil {
			return err
		}
	}
	should, err := schema(ctx, db)
	if err != nil {
		return err
	}
	for name, text := range should {
		if is[name] != text {
			return fmt.Errorf("its %s is missing, or is another than in layout %d", name, len(scripts))
		}
	}
	for name := range is {
		if _, known := should[name]; !known {
			return fmt.Errorf("its %s is none of milkrun's", name)
		}
	}
	return nil
}

// schema returns the texts of what a database consists of, by "table run" and the like, without SQLite's own.
func schema(ctx context.Context, q querier) (map[string]string, error) {
	parts := map[string]string{}
	_, err := all(ctx, q, func(row scanner) (struct{}, error) {
		var name, text string
		err := row.Scan(&name, &text)
		parts[name] = text
		return struct{}{}, err
	}, `SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite\_%' ESCAPE '\'`)
	return parts, err
}
