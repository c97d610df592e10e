package sql

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"milkrun/sync/feed"
)

// errTwice says that a key is staged more than once.
var errTwice = errors.New("a key is staged more than once")

const (
	sortedTable  = "__sorted"
	twiceTable   = "__twice"
	deltaTable   = "__delta"
	changeColumn = "__change"
)

// Swap implements [feed.Generation].
func (g *generation) Swap(ctx context.Context, terms feed.SwapTerms) (feed.Changes, error) {
	var did feed.Changes
	err := g.use(ctx, func() (err error) {
		defer g.tidy(context.WithoutCancel(ctx))
		if did, err = g.swap(ctx, terms); errors.Is(err, errTwice) {
			if err = g.keepLatest(ctx); err == nil {
				did, err = g.swap(ctx, terms)
			}
		}
		return err
	})
	return did, g.sink.fault(err, "swap in the new generation")
}

// tidy gives back the room of what a swap made for itself. What it cannot drop goes with the connection, or with the
// next swap on it.
func (g *generation) tidy(ctx context.Context) {
	for _, name := range []string{sortedTable, twiceTable, deltaTable} {
		_ = g.exec(ctx, g.sink.db.DropTemp(name))
	}
}

// counted checks the number of different keys.
func (g *generation) counted(ctx context.Context, terms feed.SwapTerms) error {
	return g.use(ctx, func() error {
		n, err := g.distinct(ctx)
		return errors.Join(err, expect(n, terms))
	})
}

// keepLatest leaves of each key the row that was read last.
func (g *generation) keepLatest(ctx context.Context) error {
	d, seq := g.sink.db, g.quote(seqColumn)
	number := "ROW_NUMBER() OVER (PARTITION BY " + d.List("t.", g.sink.key) + " ORDER BY ABS(t." + g.quote(passColumn) + ") DESC, t." + seq + " DESC)"
	for _, q := range []string{
		d.DropTemp(twiceTable),
		d.CreateTemp(twiceTable) + " AS SELECT x." + seq + " FROM (SELECT t." + seq + ", " + number + " AS n FROM " + g.staging + " t) x WHERE x.n > 1",
		d.DeleteIn(g.staging, d.Temp(twiceTable), []string{seqColumn}, ""),
	} {
		if err := g.exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

func (g *generation) swap(ctx context.Context, terms feed.SwapTerms) (did feed.Changes, err error) {
	live := g.sink.db.Quoted(g.sink.name)
	rows, err := g.c.Int(ctx, "SELECT COUNT(*) FROM "+g.staging)
	if err != nil {
		return did, err
	}
	old, err := g.c.Int(ctx, "SELECT COUNT(*) FROM "+live)
	if err != nil {
		return did, err
	}
	source := g.staging
	if old > 0 {
		if source, err = g.arrange(ctx, rows); err != nil {
			return did, err
		}
	}
	err = g.c.Tx(ctx, func() error {
		if now, err := g.c.Int(ctx, "SELECT COUNT(*) FROM "+live); err != nil || now != old {
			return errors.Join(err, feed.Errorf(feed.Retry, "", "the table was changed meanwhile"))
		}
		if old == 0 {
			did, err = g.first(ctx, live, rows, terms)
		} else {
			did, err = g.again(ctx, live, source, rows, old, terms)
		}
		if err == nil && !g.sink.db.ImplicitDDL() {
			err = g.exec(ctx, "DROP TABLE "+g.staging)
		}
		return err
	})
	if err != nil {
		return feed.Changes{}, err
	}
	return did, g.exec(ctx, "DROP TABLE IF EXISTS "+g.staging)
}

// first fills an empty table: one sort, and rows written in the order of the key.
func (g *generation) first(ctx context.Context, live string, rows int64, terms feed.SwapTerms) (feed.Changes, error) {
	d := g.sink.db
	n, err := g.c.Exec(ctx, "INSERT INTO "+g.sink.into()+" ("+d.List("", g.plan.names)+") SELECT "+d.List("s.", g.plan.names)+
		" FROM "+g.staging+" s WHERE 1 = 1 ORDER BY "+d.List("s.", g.sink.key)+d.Upsert(g.sink.key, nil))
	switch {
	case err != nil:
		return feed.Changes{}, err
	case n != rows:
		return feed.Changes{}, errTwice
	}
	return feed.Changes{Inserted: n}, expect(n, terms)
}

func expect(distinct int64, terms feed.SwapTerms) error {
	if terms.Expect >= 0 && terms.Expect != distinct {
		return &feed.CountError{Distinct: distinct, Expected: terms.Expect}
	}
	return nil
}

// arrange returns where the staged rows are to be read from, and makes sure that no key is there twice.
func (g *generation) arrange(ctx context.Context, rows int64) (source string, err error) {
	d := g.sink.db
	if !d.Sorts() {
		n, err := g.distinct(ctx)
		if err == nil && n != rows {
			err = errTwice
		}
		return g.staging, err
	}
	var defs []string
	for _, c := range g.plan.columns {
		defs = append(defs, d.Definition(c))
	}
	if err := g.exec(ctx, d.DropTemp(sortedTable)); err != nil {
		return "", err
	}
	if err := g.exec(ctx, d.CreateTemp(sortedTable)+" ("+strings.Join(defs, ", ")+", PRIMARY KEY ("+d.List("", g.sink.key)+")) WITHOUT ROWID"); err != nil {
		return "", err
	}
	n, err := g.c.Exec(ctx, "INSERT INTO "+d.Temp(sortedTable)+" ("+d.List("", g.plan.names)+") SELECT "+d.List("s.", g.plan.names)+
		" FROM "+g.staging+" s WHERE 1 = 1 ORDER BY "+d.List("s.", g.sink.key)+d.Upsert(g.sink.key, nil))
	if err == nil && n != rows {
		err = errTwice
	}
	return d.Temp(sortedTable), err
}

// again compares the staged rows with the table and writes what differs.
func (g *generation) again(ctx context.Context, live, source string, rows, old int64, terms feed.SwapTerms) (did feed.Changes, err error) {
	if err := expect(rows, terms); err != nil {
		return did, err
	}
	d := g.sink.db
	changed, err := g.compare(ctx, live, source)
	if err != nil {
		return did, err
	}
	did.Inserted, err = g.c.Int(ctx, "SELECT COUNT(*) FROM "+d.Temp(deltaTable)+" t WHERE t."+g.quote(changeColumn)+" = 'added'")
	if err != nil {
		return did, err
	}
	did.Updated = changed - did.Inserted
	did.Unchanged = rows - changed
	did.Deleted = old - (rows - did.Inserted)
	if allowed := terms.MaxDelete(old); did.Deleted > allowed {
		return did, &feed.ShrinkError{Old: old, New: rows, Deleted: did.Deleted, Allowed: allowed}
	}
	if did.Deleted > 0 {
		if err := g.remove(ctx, live, source, did.Deleted); err != nil {
			return did, err
		}
	}
	_, err = g.c.Exec(ctx, "INSERT INTO "+g.sink.into()+" ("+d.List("", g.plan.names)+") SELECT "+d.List("s.", g.plan.names)+" FROM "+
		d.Temp(deltaTable)+" s WHERE s."+g.quote(changeColumn)+" <> 'removed' ORDER BY "+d.List("s.", g.sink.key)+d.Upsert(g.sink.key, g.plan.rest))
	if err == nil && g.sink.changes {
		err = g.record(ctx, terms)
	}
	return did, err
}

// compare fills the table of what differs: rows that are new, and rows with other values beside the old ones. It returns
// their number.
func (g *generation) compare(ctx context.Context, live, source string) (int64, error) {
	d := g.sink.db
	l := "l." + g.quote(g.sink.key[0])
	q := d.Stmt(d.CreateTemp(deltaTable), " AS SELECT CASE WHEN ", l, " IS NULL THEN 'added' ELSE 'changed' END AS ", g.quote(changeColumn),
		", ", d.List("s.", g.plan.names))
	for i, c := range g.plan.rest {
		q.Add(", l.", d.Quote(c), " AS ", d.Quote(oldColumn(i)))
	}
	q.Add(" FROM ", g.differing(live, source), " s LEFT JOIN ", live, " l ON ", g.match(), " WHERE ", l, " IS NULL")
	for _, c := range g.plan.rest {
		q.Add(" OR ", d.Differs("l."+d.Quote(c), "s."+d.Quote(c)))
	}
	if err := g.exec(ctx, d.DropTemp(deltaTable)); err != nil {
		return 0, err
	}
	if err := g.exec(ctx, q.String()); err != nil {
		return 0, err
	}
	return g.c.Int(ctx, "SELECT COUNT(*) FROM "+d.Temp(deltaTable))
}

// differing returns the rows to be looked at: where both sides are in order, side by side, those that are not the same in
// the table; else all.
func (g *generation) differing(live, source string) string {
	if g.sink.db.Sorts() {
		return g.except(append(append([]string{}, g.sink.key...), g.plan.rest...), source, live)
	}
	return source
}

// gone returns the keys that are in the table and not staged.
func (g *generation) gone(live, source string) string {
	d := g.sink.db
	if d.Sorts() {
		return g.except(g.sink.key, live, source)
	}
	return "(SELECT " + d.List("l.", g.sink.key) + " FROM " + live + " l WHERE NOT EXISTS (SELECT 1 FROM " + source + " s WHERE " + g.match() + "))"
}

// except returns the rows of a that are not in b. Ordered by the key, which both are already, it is one pass over both.
func (g *generation) except(columns []string, a, b string) string {
	d := g.sink.db
	places := make([]string, len(columns))
	for i := range places {
		places[i] = strconv.Itoa(i + 1)
	}
	return "(SELECT " + d.List("t.", columns) + " FROM " + a + " t EXCEPT SELECT " + d.List("t.", columns) + " FROM " + b + " t" +
		d.Ordered(strings.Join(places, ", ")) + ")"
}

func oldColumn(i int) string { return fmt.Sprintf("__old%d", i) }

// match is the condition that l and s have the same key. The table's side comes first: its collation counts.
func (g *generation) match() string {
	out := ""
	for i, k := range g.sink.key {
		if i > 0 {
			out += " AND "
		}
		out += "l." + g.quote(k) + " = s." + g.quote(k)
	}
	return out
}

// remove deletes the records that are not staged, and adds them to what differs.
func (g *generation) remove(ctx context.Context, live, source string, want int64) error {
	d := g.sink.db
	q := d.Stmt("INSERT INTO ", d.Temp(deltaTable), " (", g.quote(changeColumn), ", ", d.List("", g.sink.key))
	for i := range g.plan.rest {
		q.Add(", ", g.quote(oldColumn(i)))
	}
	q.Add(") SELECT 'removed', ", d.List("l.", append(append([]string{}, g.sink.key...), g.plan.rest...)), " FROM ", live,
		" l JOIN ", g.gone(live, source), " s ON ", g.match())
	if err := g.exec(ctx, q.String()); err != nil {
		return err
	}
	n, err := g.c.Exec(ctx, d.DeleteIn(live, d.Temp(deltaTable), g.sink.key, g.quote(changeColumn)+" = 'removed'"))
	if err == nil && n != want {
		err = feed.Errorf(feed.HaltJob, "key", "%d records are gone, but %d can be told by their key", want, n).
			WithRemedy("look for rows with NULL in a key column, and make the key columns NOT NULL")
	}
	return err
}
