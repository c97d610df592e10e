package sql

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// Swap implements [feed.Generation]. Of a key that is staged more than once the row that was read last counts.
func (g *generation) Swap(ctx context.Context, terms feed.SwapTerms) (feed.Changes, error) {
	var did feed.Changes
	err := g.use(ctx, func() (err error) {
		defer g.tidy(context.WithoutCancel(ctx))
		if did, err = g.swap(ctx, terms, false); errors.Is(err, errTwice) {
			did, err = g.swap(ctx, terms, true)
		}
		if err != nil {
			return err
		}
		return g.exec(ctx, "DROP TABLE IF EXISTS "+g.staging)
	})
	if err != nil {
		return feed.Changes{}, g.refused(g.sink.fault(err, "swap in the new generation"))
	}
	return did, nil
}

// refused halts the job for what would be refused again and again: a row that fits its columns, but not the table.
func (g *generation) refused(err error) error {
	e := feed.Judge(err)
	if e.Verdict != feed.Refuse {
		return err
	}
	e.Verdict = feed.HaltJob
	return e.WithRemedy("the old generation stays in place: drop or alter the constraint or trigger of %s that the records break, then resume the job", g.sink.name)
}

// tidy gives back the room of what a swap made for itself. What it cannot drop goes with the connection, or with the
// next swap on it.
func (g *generation) tidy(ctx context.Context) {
	for _, name := range []string{sortedTable, twiceTable, deltaTable} {
		_ = g.exec(ctx, g.sink.db.DropTemp(name))
	}
}

// swap is one transaction, in which nobody else writes to the table: what is compared is what is changed. twice says
// that keys are staged more than once.
func (g *generation) swap(ctx context.Context, terms feed.SwapTerms, twice bool) (did feed.Changes, err error) {
	err = g.c.Tx(ctx, func() (err error) {
		if err = g.c.Lock(ctx, g.live); err == nil && twice {
			err = g.keepLatest(ctx)
		}
		if err == nil {
			did, err = g.replace(ctx, terms)
		}
		if err == nil && !g.sink.db.ImplicitDDL() {
			err = g.exec(ctx, "DROP TABLE "+g.staging)
		}
		return err
	})
	return did, err
}

// keepLatest unstages, of each key, all rows but the one that was read last.
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

// replace makes the table hold what is staged.
func (g *generation) replace(ctx context.Context, terms feed.SwapTerms) (did feed.Changes, err error) {
	rows, err := g.c.Int(ctx, "SELECT COUNT(*) FROM "+g.staging)
	if err != nil {
		return did, err
	}
	old, err := g.c.Int(ctx, "SELECT COUNT(*) FROM "+g.live)
	if err != nil {
		return did, err
	}
	source := ""
	if old == 0 {
		did.Inserted, err = rows, g.distinctInto(ctx, g.sink.into(), rows)
	} else {
		source, err = g.arrange(ctx, rows)
	}
	if err == nil {
		err = expect(rows, terms)
	}
	if err != nil || old == 0 {
		return did, err
	}
	return g.again(ctx, source, rows, old, terms)
}

// write inserts rows, in the order of the key, into a table with that key, and returns how many it wrote. Of those that
// are there it sets the columns of update, if they differ.
func (g *generation) write(ctx context.Context, into, from string, update []string) (int64, error) {
	d := g.sink.db
	return g.c.Exec(ctx, "INSERT INTO "+into+" ("+d.List("", g.plan.names)+") SELECT "+d.List("s.", g.plan.names)+" FROM "+from+
		" ORDER BY "+d.List("s.", g.sink.key)+d.Upsert(g.sink.key, update))
}

// distinctInto writes the staged rows into an empty table with the key. It is errTwice when two of them have one key.
func (g *generation) distinctInto(ctx context.Context, into string, rows int64) error {
	n, err := g.write(ctx, into, g.staging+" s WHERE 1 = 1", nil)
	if err == nil && n != rows {
		err = errTwice
	}
	return err
}

func expect(distinct int64, terms feed.SwapTerms) error {
	if terms.Expect >= 0 && terms.Expect != distinct {
		return &feed.CountError{Distinct: distinct, Expected: terms.Expect}
	}
	return nil
}

// arrange returns where the staged rows are to be read from. It is errTwice when two of them have one key.
func (g *generation) arrange(ctx context.Context, rows int64) (source string, err error) {
	d := g.sink.db
	if !d.Sorts() {
		n, err := g.distinct(ctx)
		if err == nil && n != rows {
			err = errTwice
		}
		return g.staging, err
	}
	source = d.Temp(sortedTable)
	if err := g.exec(ctx, d.DropTemp(sortedTable)); err != nil {
		return "", err
	}
	defs := strings.Join(append(d.Definitions(g.plan.columns), "PRIMARY KEY ("+d.List("", g.sink.key)+")"), ", ")
	if err := g.exec(ctx, d.CreateTemp(sortedTable)+" ("+defs+") WITHOUT ROWID"); err != nil {
		return "", err
	}
	return source, g.distinctInto(ctx, source, rows)
}

// again compares the staged rows with the table and writes what differs.
func (g *generation) again(ctx context.Context, source string, rows, old int64, terms feed.SwapTerms) (did feed.Changes, err error) {
	delta := g.sink.db.Temp(deltaTable)
	changed, err := g.compare(ctx, source)
	if err != nil {
		return did, err
	}
	did.Inserted, err = g.c.Int(ctx, "SELECT COUNT(*) FROM "+delta+" t WHERE t."+g.quote(changeColumn)+" = 'added'")
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
		if err := g.remove(ctx, source, did.Deleted); err != nil {
			return did, err
		}
	}
	_, err = g.write(ctx, g.sink.into(), delta+" s WHERE s."+g.quote(changeColumn)+" <> 'removed'", g.plan.rest)
	if err == nil && g.sink.changes {
		err = g.record(ctx, terms)
	}
	return did, err
}

// compare fills the table of what differs: rows that are new, and rows with other values beside the old ones. It returns
// their number.
func (g *generation) compare(ctx context.Context, source string) (int64, error) {
	d := g.sink.db
	l := "l." + g.quote(g.sink.key[0])
	q := d.Stmt(d.CreateTemp(deltaTable), " AS SELECT CASE WHEN ", l, " IS NULL THEN 'added' ELSE 'changed' END AS ", g.quote(changeColumn),
		", ", d.List("s.", g.plan.names))
	for i, c := range g.plan.rest {
		q.Add(", l.", d.Quote(c), " AS ", d.Quote(oldColumn(i)))
	}
	q.Add(" FROM ", g.differing(source), " s LEFT JOIN ", g.live, " l ON ", g.match("l."), " WHERE ", l, " IS NULL")
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
func (g *generation) differing(source string) string {
	if g.sink.db.Sorts() {
		return g.except(slices.Concat(g.sink.key, g.plan.rest), source, g.live)
	}
	return source
}

// gone returns the keys that are in the table and not staged.
func (g *generation) gone(source string) string {
	d := g.sink.db
	if d.Sorts() {
		return g.except(g.sink.key, g.live, source)
	}
	return "(SELECT " + d.List("l.", g.sink.key) + " FROM " + g.live + " l WHERE NOT EXISTS (SELECT 1 FROM " + source + " s WHERE " + g.match("l.") + "))"
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

// match is the condition that a row of the table, under an alias, and s have the same key. The table's side comes first:
// its collation counts.
func (g *generation) match(alias string) string {
	out := ""
	for i, k := range g.sink.key {
		if i > 0 {
			out += " AND "
		}
		out += alias + g.quote(k) + " = s." + g.quote(k)
	}
	return out
}

// remove deletes the records that are not staged, and adds them to what differs.
func (g *generation) remove(ctx context.Context, source string, want int64) error {
	d := g.sink.db
	q := d.Stmt("INSERT INTO ", d.Temp(deltaTable), " (", g.quote(changeColumn), ", ", d.List("", g.sink.key))
	for i := range g.plan.rest {
		q.Add(", ", g.quote(oldColumn(i)))
	}
	q.Add(") SELECT 'removed', ", d.List("l.", slices.Concat(g.sink.key, g.plan.rest)), " FROM ", g.live,
		" l JOIN ", g.gone(source), " s ON ", g.match("l."))
	if err := g.exec(ctx, q.String()); err != nil {
		return err
	}
	n, err := g.c.Exec(ctx, d.DeleteIn(g.live, d.Temp(deltaTable), g.sink.key, g.quote(changeColumn)+" = 'removed'"))
	if err == nil && n != want {
		err = feed.Errorf(feed.HaltJob, "key", "%d records are gone, but %d can be told by their key", want, n).
			WithRemedy("look for rows with NULL in a key column, and make the key columns NOT NULL")
	}
	return err
}
