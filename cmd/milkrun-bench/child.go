package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	sink "milkrun/sinks/sql"
	source "milkrun/sources/sql"
	"milkrun/sync/feed"
	"milkrun/sync/kind"
	stand "milkrun/sync/sandbox"
	"milkrun/sync/sqldb"
)

// childFlag makes this program one of the things it measures.
const childFlag = "child"

// child does one thing, and prints how long the part of it took that counts, unless that is all of it.
func child(ctx context.Context, what, url, file, number string) error {
	n, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	var took time.Duration
	switch what {
	case "loop":
		return loop(ctx, url, file, n)
	case "seed":
		return seed(ctx, file, n)
	case "stage":
		took, err = stage(ctx, file, n)
	case "read":
		took, err = read(ctx, file, n)
	case "post":
		took, err = post(ctx, url, 1, n)
	case "post at once":
		took, err = post(ctx, url, inFlight, n)
	}
	if err == nil {
		fmt.Print(took)
	}
	return err
}

// seed makes the business database.
func seed(ctx context.Context, file string, affairs int) error {
	db, err := sql.Open("sqlite3", "file:"+file+"?_journal_mode=WAL")
	if err != nil {
		return err
	}
	return errors.Join(stand.SeedBusiness(ctx, db, affairs, 1), db.Close())
}

// stage is the durable limit: rows that are there already go through the SQL sink's staging area, ten pages a commit,
// and its merge. Making the rows is not timed.
func stage(ctx context.Context, file string, rows int) (took time.Duration, err error) {
	conn := sqldb.NewSQLite()
	settings := sink.New(conn)
	defer func() { err = errors.Join(err, conn.Close()) }()
	timed := func(f func() error) error {
		begin := time.Now()
		defer func() { took += time.Since(begin) }()
		return f()
	}
	if err := errors.Join(set(conn, "dsn", file), set(settings, "table", "enterprise_grades"), set(settings, "key", []any{"uniscId"})); err != nil {
		return 0, err
	}
	var gen feed.Generation
	batch := feed.Batch{Columns: feed.TextColumns("uniscId", "enterpriseName", "assessGrade")}
	if err := timed(func() (err error) { gen, err = begin(ctx, settings, batch.Columns); return err }); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, gen.Close()) }()
	at := 0
	stand.NewCredit(stand.CreditOptions{Count: rows}).Each(func(code, name, grade string) bool {
		batch.Values = append(batch.Values, code, name, grade)
		if n := batch.Len(); n == 10*pageSize || at+n == rows {
			err = timed(func() error { _, err := gen.Append(ctx, int64(at), batch); return err })
			at, batch.Values = at+n, nil
		}
		return err == nil
	})
	if err != nil {
		return 0, err
	}
	terms := feed.SwapTerms{At: time.Now(), Expect: int64(rows), MaxDelete: func(old int64) int64 { return old }}
	err = timed(func() error { _, err := gen.Swap(ctx, terms); return err })
	return took, err
}

func begin(ctx context.Context, settings kind.Sink, columns *feed.Columns) (feed.Generation, error) {
	opened, err := settings.Open(ctx, kind.Env{Job: "bench", Connection: "bench", Location: time.UTC})
	if err != nil {
		return nil, err
	}
	if p, ok := opened.(feed.Preparer); ok {
		if err := p.Prepare(ctx, columns); err != nil {
			return nil, err
		}
	}
	s, ok := opened.(feed.Snapshotter)
	if !ok {
		return nil, errors.New("the SQL sink has no staging area")
	}
	return s.Begin(ctx, columns, []string{"uniscId"}, 0)
}

// read is the keyset-read limit: the SQL source reads the affairs page by page, and nothing else is done.
func read(ctx context.Context, file string, affairs int) (took time.Duration, err error) {
	conn := sqldb.NewSQLite()
	settings := source.New(conn)
	defer func() { err = errors.Join(err, conn.Close()) }()
	err = errors.Join(set(conn, "dsn", file), set(settings, "table", "user_affairs"), set(settings, "cursor", []any{"create_date", "id"}))
	if err != nil {
		return 0, err
	}
	start, rows := time.Now(), 0
	src, err := settings.Open(ctx, kind.Env{Job: "bench", Connection: "bench", Location: time.UTC})
	if err != nil {
		return 0, err
	}
	limits := settings.Limits()
	size := cmp.Or(limits.Default, limits.Max, pageSize)
	for page := (feed.Page{}); !page.Done; rows += page.Rows.Len() {
		if page, err = src.Fetch(ctx, page.Next, size); err != nil {
			return 0, err
		}
	}
	if rows != affairs {
		return 0, fmt.Errorf("%d affairs were read, not %d", rows, affairs)
	}
	return time.Since(start), nil
}

// set sets one key of a configuration block.
func set(block kind.Block, key string, value any) error {
	for _, f := range block.Fields() {
		if f.Name == key {
			return f.Set(value)
		}
	}
	return fmt.Errorf("there is no key %s", key)
}

// count checks that a table holds so many rows: nothing is measured that did not happen.
func count(ctx context.Context, file, table string, want int) error {
	db, err := sql.Open("sqlite3", "file:"+file+"?mode=ro")
	if err != nil {
		return err
	}
	var n int
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&n)
	if err == nil && n != want {
		err = fmt.Errorf("table %s holds %d rows instead of %d", table, n, want)
	}
	return errors.Join(err, db.Close())
}
