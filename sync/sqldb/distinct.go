package sqldb

import (
	"context"
	"slices"
	"strings"

	"milkrun/sync/feed"
)

// Distinguishes makes sure that two keys that differ are two keys to the table too. Where a key column's collation takes
// one text for another, a record would overwrite another one; the error then halts the job and holds the statement that
// mends the column.
func (s *Session) Distinguishes(ctx context.Context, t *Table, key []string) error {
	for _, c := range t.Columns {
		if c.Folds == "" || !slices.Contains(key, c.Name) {
			continue
		}
		mend, err := s.mend(ctx, t.Name, c)
		if err != nil {
			return err
		}
		return feed.Errorf(feed.HaltJob, "collation",
			"the key column %s compares by %s, which takes different texts (A and a, say) for one: records would overwrite each other", c.Name, c.Folds).
			WithRemedy("run: %s; then resume the job", mend)
	}
	return nil
}

// mend returns the statement after which every text of a column is another one.
func (s *Session) mend(ctx context.Context, t Name, c Column) (string, error) {
	alter := "ALTER TABLE " + s.d.Quoted(t)
	switch {
	case s.d.file: // SQLite alters no collation; the first run makes the table anew
		return alter + " RENAME TO " + s.d.Quote(t.Table+"_old"), nil
	case s.d.numbered:
		decl := c.Decl
		if c.Type != feed.Text {
			decl = "text" // citext folds by itself
		}
		return alter + " ALTER COLUMN " + s.d.Quote(c.Name) + " TYPE " + decl + ` COLLATE "C"`, nil
	}
	charset, _, _ := strings.Cut(c.Collate, "_")
	binary, err := s.binaryCollation(ctx, charset)
	null := ""
	if c.NotNull {
		null = " NOT NULL"
	}
	return alter + " MODIFY " + s.d.Quote(c.Name) + " " + c.Decl + " CHARACTER SET " + charset + " COLLATE " + binary + null, err
}

// binaryCollation returns the collation of MySQL that tells most texts of a character set apart: MariaDB and MySQL 8 have
// one in which spaces at the end count, each under its own name; older servers have none.
func (s *Session) binaryCollation(ctx context.Context, charset string) (string, error) {
	best := charset + "_bin"
	v, err := s.Value(ctx, `SELECT collation_name FROM information_schema.collations WHERE collation_name IN (?, ?)
		ORDER BY collation_name DESC LIMIT 1`, charset+"_nopad_bin", charset+"_0900_bin")
	if err == nil && v != nil {
		best = text(v)
	}
	return best, err
}

// distinguish notes how a MySQL column compares texts. Only a binary collation tells all of them apart, and only one
// without padding tells those with spaces at the end from those without.
func (c *Column) distinguish() {
	if c.Type != feed.Text || c.Collate == "" {
		return
	}
	if !strings.HasSuffix(c.Collate, "_bin") {
		c.Folds = c.Collate
	}
	c.Pads = !strings.Contains(c.Collate, "_nopad_") && !strings.Contains(c.Collate, "_0900_") ||
		strings.HasPrefix(strings.ToLower(c.Decl), "char(")
}

// CreateTable makes a table for these columns, with a primary key in which different texts are different keys.
func (s *Session) CreateTable(ctx context.Context, n Name, columns []feed.Column, key []string) error {
	tail := ""
	if s.d.implicitDDL {
		binary, err := s.binaryCollation(ctx, "utf8mb4")
		if err != nil {
			return err
		}
		tail = " COLLATE=" + binary
	}
	_, err := s.Exec(ctx, s.d.create(n, columns, key)+tail)
	return err
}
