package sql

import (
	"context"
	"slices"
	"strings"

	"milkrun/sync/feed"
	"milkrun/sync/sqldb"
)

func (g *generation) changesName() sqldb.Name { return g.sink.name.With("_changes") }

// makeChanges makes the change table, or checks that the one that is there belongs to this key.
func (g *generation) makeChanges(ctx context.Context) error {
	d, name := g.sink.db, g.changesName()
	want := slices.Concat([]string{"change"}, g.sink.key, []string{"column_name", "old_value", "new_value", "changed_at"})
	table, err := g.c.Table(ctx, name)
	if err != nil {
		return err
	}
	if table != nil {
		if missing := lacking(want, sqldb.Names(table.Columns)); len(missing) > 0 {
			return feed.Errorf(feed.HaltJob, "columns", "the change table %s has no column %s", name, strings.Join(missing, ", ")).
				WithRemedy("rename the table and let it be made anew, or set changes = false")
		}
		return nil
	}
	text := d.TypeFor(feed.Text)
	defs := []string{d.Quote("change") + " " + text + " NOT NULL"}
	for _, c := range d.Definitions(g.plan.key) {
		defs = append(defs, c+" NOT NULL")
	}
	defs = append(defs, d.Quote("column_name")+" "+text, d.Quote("old_value")+" "+text, d.Quote("new_value")+" "+text,
		d.Quote("changed_at")+" "+d.TypeFor(feed.Time)+" NOT NULL")
	return g.exec(ctx, "CREATE TABLE IF NOT EXISTS "+d.Quoted(name)+" ("+strings.Join(defs, ", ")+")")
}

// record writes what differs to the change table.
func (g *generation) record(ctx context.Context, terms feed.SwapTerms) error {
	d := g.sink.db
	at, err := g.sink.writer.Value(ptr(d.Column("changed_at", d.TypeFor(feed.Time))), terms.At)
	if err != nil {
		return err
	}
	stamp, _ := at.(string)
	change := "t." + g.quote(changeColumn)
	into := "INSERT INTO " + d.Quoted(g.changesName()) + " (" + d.Quote("change") + ", " + d.List("", g.sink.key) + ", " +
		d.List("", []string{"column_name", "old_value", "new_value", "changed_at"}) + ") SELECT " + change + ", " + d.List("t.", g.sink.key)
	from := ", " + d.Literal(stamp) + " FROM " + d.Temp(deltaTable) + " t"
	if len(g.plan.rest) == 0 {
		return g.exec(ctx, into+", NULL, NULL, NULL"+from)
	}
	for i, c := range g.plan.rest {
		was, is := "t."+g.quote(oldColumn(i)), "t."+d.Quote(c)
		err := g.exec(ctx, into+", "+d.Literal(c)+", "+d.AsText(was)+", "+d.AsText(is)+from+
			" WHERE "+change+" <> 'changed' OR "+d.Differs(was, is))
		if err != nil {
			return err
		}
	}
	return nil
}

func ptr[T any](v T) *T { return &v }
