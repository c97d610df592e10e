package sql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"milkrun/sync/feed"
	"milkrun/sync/sqldb"
)

// describe asks the database for the columns and checks the settings against them.
func (s *Source) describe(ctx context.Context, set *settings) error {
	all, table, err := s.ask(ctx, set)
	if err != nil {
		return s.fault(err, "look at the columns")
	}
	if s.columns, err = pick(all, set.columns, "columns"); err != nil {
		return s.misfit(err)
	}
	if s.cursor, err = pick(all, set.cursor, "cursor"); err != nil {
		return s.misfit(err)
	}
	var list []feed.Column
	for i, c := range s.columns {
		if slices.ContainsFunc(s.columns[:i], func(o sqldb.Column) bool { return o.Name == c.Name }) {
			return s.misfit(fmt.Errorf("two columns are named %s; give one another name with AS", c.Name))
		}
		list = append(list, c.Feed())
	}
	s.list = feed.NewColumns(list...)
	for _, c := range s.cursor {
		at, _ := s.list.Index(c.Name)
		s.at = append(s.at, at)
		known := false
		if table != nil {
			real, ok := table.Column(c.Name)
			known = ok && real.NotNull
		}
		s.nullable = s.nullable || !known
	}
	if err = s.suit(); err == nil {
		err = s.fault(s.explain(ctx), "ask how the rows are found")
	}
	return err
}

// explain finds out whether SQLite sorts the whole table for every page; the other databases show that in their logs.
func (s *Source) explain(ctx context.Context) error {
	if s.db.Name != "sqlite" {
		return nil
	}
	names := s.db.List("t.", sqldb.Names(s.cursor))
	return s.db.Use(ctx, func(c *sqldb.Session) error {
		return c.Read(ctx, "EXPLAIN QUERY PLAN SELECT * FROM "+s.from+" ORDER BY "+names+" LIMIT 1", nil, func(row []sqldb.Value) error {
			if step, _ := row[3].(string); strings.Contains(step, "USE TEMP B-TREE") {
				s.note = "no index on (" + strings.Join(sqldb.Names(s.cursor), ", ") + "), so every page sorts all rows"
			}
			return nil
		})
	})
}

func (s *Source) ask(ctx context.Context, set *settings) (all []sqldb.Column, table *sqldb.Table, err error) {
	err = s.db.Use(ctx, func(c *sqldb.Session) error {
		if all, err = c.Describe(ctx, "SELECT * FROM "+s.from+" WHERE 1 = 0"); err != nil {
			return err
		}
		if set.table != "" {
			table, err = c.Table(ctx, sqldb.ParseName(set.table))
		}
		return err
	})
	return all, table, err
}

// pick returns the named columns, all when none are named.
func pick(all []sqldb.Column, names []string, key string) ([]sqldb.Column, error) {
	if len(names) == 0 {
		return all, nil
	}
	var out []sqldb.Column
	for _, n := range names {
		i := slices.IndexFunc(all, func(c sqldb.Column) bool { return c.Name == n })
		if i < 0 {
			return nil, fmt.Errorf("%s names the column %s, which is not there; there are %s", key, n, strings.Join(sqldb.Names(all), ", "))
		}
		out = append(out, all[i])
	}
	return out, nil
}

// suit refuses columns that no cursor can be made of.
func (s *Source) suit() error {
	for _, c := range s.cursor {
		switch c.Type {
		case feed.Real, feed.Bytes, feed.Boolean:
			return s.misfit(fmt.Errorf("column %s is %s, which no cursor can hold exactly; take a number, a text or a time", c.Name, c.Decl))
		}
	}
	first := s.cursor[0]
	timely := first.Type == feed.Time || first.Type == feed.Date || first.Loose && first.Type != feed.Integer
	if s.lookback > 0 && !timely {
		return s.misfit(fmt.Errorf("lookback needs a time as the first cursor column; %s is %s", first.Name, first.Decl))
	}
	return nil
}

func (s *Source) misfit(err error) error {
	return feed.Errorf(feed.HaltJob, "columns", "%s: %w", s.place, err).WithRemedy("correct the source of this job in jobs.toml")
}

func (s *Source) fault(err error, format string, args ...any) error {
	fault := s.db.Fault(err, "%s: %s", s.place, fmt.Sprintf(format, args...))
	if known := (*feed.Error)(nil); errors.As(err, &known) {
		return fault
	}
	return s.blame(fault)
}
