package sql

import (
	"context"
	"slices"
	"strings"

	"milkrun/sync/feed"
	"milkrun/sync/sqldb"
)

// The columns of the staging table before those of the feed. seqColumn is the position, or for a row added outside the
// positions a number from beyond on. passColumn is the number of the call that staged the row, negative once Probe has
// seen it in this round.
const (
	seqColumn  = "__seq"
	passColumn = "__pass"
	beyond     = int64(1) << 40
)

const remedyStaging = "reset the job's checkpoint, so that it reads from the beginning"

// generation is an enumeration in the staging table. It takes a connection for each call: reading goes on for hours, and
// the connection may go meanwhile.
type generation struct {
	sink    *Sink
	c       *sqldb.Session // during a call
	plan    *plan
	name    sqldb.Name // the staging table
	staging string     // and as SQL
	live    string     // the table as SQL
	columns []string   // its columns
	high    int64      // behind the highest position staged
	pass    int64
	asked   []string // the key columns, in the order that Begin was given
}

var (
	_ feed.Generation = (*generation)(nil)
	_ feed.Repairer   = (*generation)(nil)
	_ feed.Keeper     = (*generation)(nil)
)

// Begin implements [feed.Snapshotter].
func (s *Sink) Begin(ctx context.Context, c *feed.Columns, key []string, resume int64) (feed.Generation, error) {
	if len(lacking(key, s.key))+len(lacking(s.key, key)) > 0 {
		return nil, feed.Errorf(feed.HaltJob, "key", "%s: key is (%s), but the source tells its records apart by (%s)",
			s.place, strings.Join(s.key, ", "), strings.Join(key, ", ")).WithRemedy("correct key in jobs.toml")
	}
	if s.keeps {
		return nil, feed.Errorf(feed.HaltJob, "retention", "%s: the job reads everything there is, and its table holds just that", s.place).
			WithRemedy("take retention out of the job: what is gone at the source is deleted anyway")
	}
	p, err := s.planFor(ctx, c)
	if err != nil {
		return nil, err
	}
	g := &generation{
		sink: s, plan: p, name: s.name.With(s.staging), asked: key, high: resume,
		columns: append([]string{seqColumn, passColumn}, p.names...),
	}
	g.staging, g.live = s.db.Quoted(g.name), s.db.Quoted(s.name)
	if err = g.use(ctx, func() error { return g.open(ctx, resume) }); err != nil {
		return nil, s.fault(err, "open the staging table %s", g.name)
	}
	return g, nil
}

// use runs fn with a connection.
func (g *generation) use(ctx context.Context, fn func() error) error {
	return g.sink.db.Use(ctx, func(c *sqldb.Session) error {
		g.c = c
		defer func() { g.c = nil }()
		return fn()
	})
}

// tx runs fn in a transaction on a connection.
func (g *generation) tx(ctx context.Context, fn func() error) error {
	return g.use(ctx, func() error { return g.c.Tx(ctx, fn) })
}

func (g *generation) open(ctx context.Context, resume int64) error {
	if g.sink.changes {
		if err := g.makeChanges(ctx); err != nil {
			return err
		}
	}
	if resume > 0 {
		return g.resume(ctx, resume)
	}
	if err := g.exec(ctx, "DROP TABLE IF EXISTS "+g.staging); err != nil {
		return err
	}
	return g.exec(ctx, g.create())
}

// create returns the statement for the staging table: columns of the same types as the table's, so that a value is
// stored, compared and ordered in both alike.
func (g *generation) create() string {
	d := g.sink.db
	defs := append([]string{d.Quote(seqColumn) + " " + d.TypeFor(feed.Integer) + " PRIMARY KEY", d.Quote(passColumn) + " INTEGER NOT NULL"},
		d.Definitions(g.plan.columns)...)
	if d.ImplicitDDL() {
		defs = append(defs, "KEY ("+d.List("", g.sink.key)+")")
	}
	return "CREATE TABLE " + g.staging + " (" + strings.Join(defs, ", ") + ")"
}

// resume cuts the staging table back. Marks of an earlier round mean nothing now.
func (g *generation) resume(ctx context.Context, at int64) error {
	table, err := g.c.Table(ctx, g.name)
	if err != nil {
		return err
	}
	if table == nil || !slices.Equal(sqldb.Names(table.Columns), g.columns) {
		return feed.Errorf(feed.Fail, "staging", "nothing is staged that could be gone on with").WithRemedy(remedyStaging)
	}
	q := g.sink.db.Stmt("DELETE FROM ", g.staging, " WHERE ", g.quote(seqColumn), " >= ").Arg(at)
	if _, err = g.c.Exec(ctx, q.String(), q.Args...); err != nil {
		return err
	}
	if err := g.unmark(ctx); err != nil {
		return err
	}
	g.pass, err = g.c.Int(ctx, "SELECT MAX("+g.quote(passColumn)+") FROM "+g.staging)
	if err == nil && g.pass == 0 {
		return feed.Errorf(feed.Fail, "staging", "no row is staged below position %d", at).WithRemedy(remedyStaging)
	}
	return err
}

// Append implements [feed.Generation].
func (g *generation) Append(ctx context.Context, at int64, b feed.Batch) ([]feed.Rejection, error) {
	if b.Len() == 0 {
		return nil, nil
	}
	g.pass++
	values, rejected, err := g.fit(b, at, g.pass)
	if err != nil {
		return nil, err
	}
	before := g.high
	g.high = max(before, at+int64(b.Len())) // also when it fails: nobody knows whether a lost COMMIT took place
	if at < before {
		err = g.use(ctx, func() error { return g.cut(ctx, at, at+int64(b.Len()), "") })
	}
	w := len(g.columns)
	if err == nil {
		err = g.halve(ctx, 0, len(values)/w, func(from, to int) error {
			return g.c.Load(ctx, g.staging, g.columns, values[from*w:to*w], "")
		}, func(i int, why *feed.Error) {
			place, _ := values[i*w].(int64)
			rejected = append(rejected, feed.Rejection{Row: int(place - at), Code: why.Code, Reason: why.Error()})
		})
	}
	if err != nil {
		return nil, g.sink.fault(err, "stage %d records at %d", b.Len(), at)
	}
	return rejected, nil
}

// halve runs do for the rows [from, to), in a transaction. When the database refuses them, it goes on with either half,
// down to the single rows that are refused: a type may have rules of its own, which are not looked at beforehand.
func (g *generation) halve(ctx context.Context, from, to int, do func(from, to int) error, refused func(row int, why *feed.Error)) error {
	if from == to {
		return nil
	}
	err := g.tx(ctx, func() error { return do(from, to) })
	why := feed.Judge(g.sink.db.Fault(err, "the table cannot hold the record"))
	if why.Verdict != feed.Refuse {
		return err
	}
	if to-from == 1 {
		refused(from, why)
		return nil
	}
	middle := (from + to) / 2
	if err := g.halve(ctx, from, middle, do, refused); err != nil {
		return err
	}
	return g.halve(ctx, middle, to, do, refused)
}

// fit returns the rows as the staging table takes them, row i at the position at+i, without those that it cannot hold.
func (g *generation) fit(b feed.Batch, at, pass int64) ([]sqldb.Value, []feed.Rejection, error) {
	if !b.Columns.Equal(g.plan.from) {
		return nil, nil, g.sink.misfit([]string{"the columns changed while the records were read"})
	}
	values := make([]sqldb.Value, 0, b.Len()*len(g.columns))
	var rejected []feed.Rejection
	for i := range b.Len() {
		row, bad := g.sink.fitRow(g.plan, b.Row(i), append(values, at+int64(i), pass))
		if bad != nil {
			rejected = append(rejected, feed.Rejection{Row: i, Code: bad.Column, Reason: bad.Error()})
			continue
		}
		values = row
	}
	return values, rejected, nil
}

// cut unstages the rows at the places [from, to), on a further condition.
func (g *generation) cut(ctx context.Context, from, to int64, and string) error {
	seq := g.quote(seqColumn)
	q := g.sink.db.Stmt("DELETE FROM ", g.staging, " WHERE ", seq, " >= ").Arg(from).Add(" AND ", seq, " < ").Arg(to).Add(and)
	_, err := g.c.Exec(ctx, q.String(), q.Args...)
	return err
}

// Close implements [feed.Generation]: what is staged stays.
func (g *generation) Close() error { return nil }

func (g *generation) quote(name string) string { return g.sink.db.Quote(name) }

func (g *generation) exec(ctx context.Context, query string) error {
	_, err := g.c.Exec(ctx, query)
	return err
}
