package sql

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"milkrun/sync/feed"
	"milkrun/sync/sqldb"
)

// Prepare implements [feed.Preparer]: it makes the table, or finds everything in it that the records do not go with.
func (s *Sink) Prepare(ctx context.Context, c *feed.Columns) error {
	_, err := s.planFor(ctx, s.stamps(c))
	return err
}

// planFor returns the plan for a column list, which is as a rule the one of the batch before.
func (s *Sink) planFor(ctx context.Context, c *feed.Columns) (*plan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.plan != nil && s.plan.from.Equal(c) {
		return s.plan, nil
	}
	if c == nil {
		return nil, s.misfit([]string{"the feed does not tell its columns"})
	}
	if missing := lacking(s.key, c.Names()); len(missing) > 0 {
		return nil, s.misfit([]string{"the records lack the key column " + strings.Join(missing, ", ")})
	}
	table, err := s.table(ctx, c)
	if err != nil {
		return nil, s.fault(err, "prepare the table")
	}
	if p := s.problems(table, c); len(p) > 0 {
		return nil, s.misfit(p)
	}
	err = s.db.Use(ctx, func(db *sqldb.Session) error { return db.Distinguishes(ctx, table, s.key) })
	if err != nil {
		return nil, s.fault(err, "prepare the table")
	}
	s.plan = newPlan(table, c, s.key)
	return s.plan, nil
}

// table returns the table as it is, made if it was not there.
func (s *Sink) table(ctx context.Context, c *feed.Columns) (table *sqldb.Table, err error) {
	err = s.db.Use(ctx, func(db *sqldb.Session) error {
		if table, err = db.Table(ctx, s.name); err != nil || table != nil {
			return err
		}
		if err := db.CreateTable(ctx, s.name, c.List(), s.key); err != nil {
			return err
		}
		if table, err = db.Table(ctx, s.name); err == nil && table == nil {
			err = feed.Errorf(feed.HaltJob, "table", "it is not there after it was made").WithRemedy("compare table in jobs.toml with the database and the schemas of its user")
		}
		return err
	})
	return table, err
}

func newPlan(t *sqldb.Table, c *feed.Columns, key []string) *plan {
	p := &plan{from: c, names: c.Names()}
	for i, name := range p.names {
		column, _ := t.Column(name)
		column.Pads = column.Pads && slices.Contains(key, name) // elsewhere spaces at the end do no harm
		p.columns = append(p.columns, column)
		if slices.Contains(key, name) {
			p.keyAt = append(p.keyAt, i)
		} else {
			p.rest = append(p.rest, name)
		}
	}
	for _, name := range key {
		column, _ := t.Column(name)
		p.key = append(p.key, column)
	}
	return p
}

// problems compares the table with the columns of the feed.
func (s *Sink) problems(t *sqldb.Table, c *feed.Columns) []string {
	var out []string
	for _, col := range c.List() {
		have, ok := t.Column(col.Name)
		switch {
		case !ok:
			out = append(out, fmt.Sprintf("it has no column %s (%s)", col.Name, s.db.TypeFor(col.Type)))
		case have.Generated:
			out = append(out, fmt.Sprintf("column %s is generated and cannot be written", col.Name))
		default:
			if why, ok := have.Fits(col.Type); !ok {
				out = append(out, why)
			}
		}
	}
	for _, have := range t.Columns {
		if _, fed := c.Index(have.Name); !fed && have.NotNull && !have.Default {
			out = append(out, fmt.Sprintf("column %s is NOT NULL without default, and the records do not have it", have.Name))
		}
	}
	return append(out, s.keyProblems(t, c)...)
}

// keyProblems looks at the constraints. MySQL's upsert takes any unique constraint for the key: a second one would let a
// record overwrite another.
func (s *Sink) keyProblems(t *sqldb.Table, c *feed.Columns) []string {
	key := strings.Join(s.key, ", ")
	if !t.HasKey(s.key) {
		return []string{fmt.Sprintf("it has no primary key or unique constraint on exactly (%s)", key)}
	}
	var out []string
	for _, u := range t.Unique {
		other := len(lacking(u, s.key))+len(lacking(s.key, u)) > 0
		if s.db.ImplicitDDL() && other && len(lacking(columnsOf(u), c.Names())) == 0 {
			out = append(out, fmt.Sprintf("besides (%s) it has a unique constraint on (%s), by which an upsert of this database would overwrite other records",
				key, strings.Join(u, ", ")))
		}
	}
	return out
}

// columnsOf returns the columns of a constraint, also those of which it has a part.
func columnsOf(constraint []string) []string {
	out := make([]string, len(constraint))
	for i, part := range constraint {
		out[i], _, _ = strings.Cut(part, "(")
	}
	return out
}

// lacking returns the elements of names that are not in all.
func lacking(names, all []string) []string {
	var out []string
	for _, n := range names {
		if !slices.Contains(all, n) {
			out = append(out, n)
		}
	}
	return out
}

func (s *Sink) misfit(problems []string) error {
	return feed.Errorf(feed.HaltJob, "columns", "%s does not go with the records: %s", s.place, strings.Join(problems, "; ")).
		WithRemedy("alter the table, or drop it and let it be made anew, or correct table and key in jobs.toml")
}
