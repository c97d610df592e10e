package sql

import (
	"context"
	"fmt"

	"milkrun/sync/feed"
	"milkrun/sync/sqldb"
)

// Count implements [feed.Repairer].
func (g *generation) Count(ctx context.Context, limit int) (feed.Staged, error) {
	var staged feed.Staged
	err := g.use(ctx, func() (err error) {
		if err = g.unmark(ctx); err == nil {
			staged.Rows, err = g.c.Int(ctx, "SELECT COUNT(*) FROM "+g.staging)
		}
		if err == nil {
			staged.Distinct, err = g.distinct(ctx)
		}
		if err == nil && staged.Distinct < staged.Rows {
			staged.Duplicates, err = g.duplicates(ctx, limit)
		}
		return err
	})
	return staged, g.sink.fault(err, "count the staged records")
}

func (g *generation) unmark(ctx context.Context) error {
	pass := g.quote(passColumn)
	return g.exec(ctx, "UPDATE "+g.staging+" SET "+pass+" = -"+pass+" WHERE "+pass+" < 0")
}

func (g *generation) distinct(ctx context.Context) (int64, error) {
	return g.c.Int(ctx, "SELECT COUNT(*) FROM (SELECT 1 AS one FROM "+g.staging+" t GROUP BY "+g.sink.db.List("t.", g.sink.key)+") k")
}

// duplicates returns places of keys that are staged more than once.
func (g *generation) duplicates(ctx context.Context, limit int) ([]int64, error) {
	d, seq := g.sink.db, g.quote(seqColumn)
	q := d.Stmt("SELECT x.", seq, " FROM (SELECT t.", seq, ", COUNT(*) OVER (PARTITION BY ", d.List("t.", g.sink.key), ") AS n FROM ",
		g.staging, " t) x WHERE x.n > 1 AND x.", seq, " < ").Arg(beyond).Add(" ORDER BY x.", seq, " LIMIT ").Arg(int64(limit))
	return g.places(ctx, q)
}

func (g *generation) places(ctx context.Context, q *sqldb.Stmt) ([]int64, error) {
	var out []int64
	err := g.c.Read(ctx, q.String(), q.Args, func(row []sqldb.Value) error {
		n, _ := row[0].(int64)
		out = append(out, n)
		return nil
	})
	return out, err
}

// Probe implements [feed.Repairer]. A row that the table cannot hold has the place -1.
func (g *generation) Probe(ctx context.Context, b feed.Batch) ([]int64, error) {
	if b.Len() == 0 {
		return nil, nil
	}
	g.pass++
	out := make([]int64, b.Len())
	if err := g.use(ctx, func() error { return g.index(ctx) }); err != nil {
		return nil, g.sink.fault(err, "index the staged records")
	}
	err := g.halve(ctx, 0, b.Len(), func(from, to int) error { return g.probe(ctx, b, out, from, to) },
		func(i int, _ *feed.Error) { out[i] = -1 })
	return out, g.sink.fault(err, "stage %d records read again", b.Len())
}

// probe stages the rows [from, to) of b again and sets their places.
func (g *generation) probe(ctx context.Context, b feed.Batch, places []int64, from, to int) error {
	for i := from; i < to; i++ {
		row, rejected, err := g.fit(b.Slice(i, i+1), 0, -g.pass)
		if places[i] = -1; err == nil && len(rejected) == 0 {
			places[i], err = g.see(ctx, row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// see stages a row read again at every place where its key stands, and returns the first one, -1 when the row stands
// outside the positions.
func (g *generation) see(ctx context.Context, row []sqldb.Value) (int64, error) {
	d, seq := g.sink.db, g.quote(seqColumn)
	key := make([]sqldb.Value, len(g.plan.key))
	for i, c := range g.plan.key {
		at, _ := g.plan.from.Index(c.Name)
		key[i] = row[2+at]
	}
	places, err := g.places(ctx, d.Stmt("SELECT t.", seq, " FROM ", g.staging, " t WHERE ").Equal(g.plan.key, key).Add(" ORDER BY t.", seq))
	if err == nil && len(places) == 0 {
		places = []int64{0}
		places[0], err = g.outside(ctx)
	}
	if err != nil {
		return 0, err
	}
	for _, at := range places {
		if err := g.cut(ctx, at, at+1, ""); err != nil {
			return 0, err
		}
		row[0] = at
		if err := g.c.Load(ctx, g.staging, g.columns, row, ""); err != nil {
			return 0, err
		}
	}
	if places[0] >= beyond {
		return -1, nil
	}
	return places[0], nil
}

// outside returns the number for the next row outside the positions.
func (g *generation) outside(ctx context.Context) (int64, error) {
	last, err := g.c.Int(ctx, "SELECT MAX("+g.quote(seqColumn)+") FROM "+g.staging)
	return max(last+1, beyond), err
}

// index makes keys quick to look up. It is made late: while rows are appended it would cost more than they do.
func (g *generation) index(ctx context.Context) error {
	d := g.sink.db
	if d.ImplicitDDL() {
		return nil // made with the table
	}
	return g.exec(ctx, "CREATE INDEX IF NOT EXISTS "+d.IndexName(g.name, "_key")+" ON "+d.IndexedTable(g.name)+" ("+d.List("", g.sink.key)+")")
}

// Forget implements [feed.Repairer].
func (g *generation) Forget(ctx context.Context, from, to int64) error {
	err := g.use(ctx, func() error { return g.cut(ctx, from, to, " AND "+g.quote(passColumn)+" >= 0") })
	return g.sink.fault(err, "unstage the records from %d to %d", from, to)
}

// Keep implements [feed.Keeper].
func (g *generation) Keep(ctx context.Context, keys *feed.Batch) (kept int64, err error) {
	if err := g.use(ctx, func() error { return g.index(ctx) }); err != nil {
		return 0, g.sink.fault(err, "index the staged records")
	}
	g.pass++
	err = g.tx(ctx, func() error {
		if keys == nil {
			kept, err = g.keep(ctx, nil)
			return err
		}
		for i := range keys.Len() {
			key, fits := g.keyOf(*keys, i)
			if !fits {
				continue // what the table cannot hold is not in it
			}
			n, err := g.keep(ctx, key)
			if err != nil {
				return err
			}
			kept += n
		}
		return nil
	})
	return kept, g.sink.fault(err, "keep records of the current generation")
}

// keyOf returns the key in row i as the table's key columns hold it.
func (g *generation) keyOf(keys feed.Batch, i int) (key []sqldb.Value, fits bool) {
	for _, c := range g.plan.key {
		v, err := g.sink.writer.Value(&c, keys.Get(i, c.Name))
		if err != nil {
			return nil, false
		}
		key = append(key, v)
	}
	return key, true
}

// keep stages the current records that are not staged: the one with a key, or all.
func (g *generation) keep(ctx context.Context, key []sqldb.Value) (int64, error) {
	first, err := g.outside(ctx)
	if err != nil {
		return 0, err
	}
	d := g.sink.db
	number := fmt.Sprintf("%d + ROW_NUMBER() OVER (ORDER BY %s), %d, ", first-1, d.List("t.", g.sink.key), g.pass)
	q := d.Stmt("INSERT INTO ", g.staging, " (", d.List("", g.columns), ") SELECT ", number, d.List("t.", g.plan.names),
		" FROM ", g.live, " t WHERE NOT EXISTS (SELECT 1 FROM ", g.staging, " s WHERE ", g.match("t."), ")")
	if key != nil {
		q.Add(" AND ").Equal(g.plan.key, key)
	}
	return g.c.Exec(ctx, q.String(), q.Args...)
}
