package sqldb

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
)

var _ kind.Prober = (*Connection)(nil)

// Probe logs in and asks which server it is. It makes no file and changes nothing.
func (c *Connection) Probe(ctx context.Context, _ kind.Env) []kind.Finding {
	if c.dialect.exists(c.text()) != nil {
		return []kind.Finding{kind.Found(kind.Warning, "login", "the file %s is not there", c.text()).
			WithRemedy("a sink makes it; for a source check dsn: a relative path counts from the folder milkrun is started in")}
	}
	begun := time.Now()
	db, err := c.DB(ctx, false)
	if err != nil {
		return []kind.Finding{kind.Failed("login", err)}
	}
	var who string
	err = db.Use(ctx, func(s *Session) error {
		v, err := s.Value(ctx, asked(db.Name))
		who = fmt.Sprint(v)
		return db.Fault(err, "ask the server for its version")
	})
	if err != nil {
		return []kind.Finding{kind.Failed("login", err)}
	}
	return []kind.Finding{kind.Found(kind.Good, "login", "%s (%v)", who, time.Since(begun).Round(time.Millisecond))}
}

// asked is what a server is asked for: what it is, and whom it takes us for.
func asked(name string) string {
	switch name {
	case "sqlite":
		return "SELECT 'the file can be read, SQLite ' || sqlite_version() FROM (SELECT count(*) FROM sqlite_schema)"
	case "postgres":
		return "SELECT 'logged in as ' || current_user || ', PostgreSQL ' || current_setting('server_version')"
	}
	return "SELECT CONCAT('logged in as ', CURRENT_USER(), ', version ', VERSION())"
}

// ProbeSink looks whether a sink could write to a table: its rights there, and whether it could make tables beside it, by
// asking about rights or having the server explain statements. key are columns of the table. Nothing is changed.
func ProbeSink(ctx context.Context, connection kind.Connection, env kind.Env, table string, key []string) []kind.Finding {
	c, ok := connection.(*Connection)
	if !ok {
		return []kind.Finding{kind.Found(kind.Bad, "table", "connection %s is no SQL connection", env.Connection)}
	}
	if c.dialect.exists(c.text()) != nil {
		return nil // as Probe of the connection says
	}
	db, err := c.DB(ctx, false)
	if err != nil {
		return []kind.Finding{kind.Failed("table", err)}
	}
	p := &sinkProbe{db: db, name: ParseName(table), key: key, path: c.text()}
	if err := db.Use(ctx, func(s *Session) error { return p.look(ctx, s) }); err != nil {
		return []kind.Finding{kind.Failed("table", db.Fault(err, "look at table %s", table))}
	}
	return p.found
}

// sinkProbe looks at the table of one sink.
type sinkProbe struct {
	db    *DB
	name  Name
	key   []string
	path  string // of a SQLite file
	table *Table // nil: it is not there yet
	found []kind.Finding
}

func (p *sinkProbe) look(ctx context.Context, s *Session) (err error) {
	if p.table, err = s.Table(ctx, p.name); err != nil {
		return err
	}
	fixed, err := p.readOnly(ctx, s)
	if err != nil {
		return err
	}
	if fixed {
		p.add(kind.Bad, remedyPrimary, "the database takes no changes")
		return nil
	}
	missing, err := p.missing(ctx, s)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		p.add(kind.Bad, remedyGrant, "table %s: the user may not %s", p.name, strings.Join(missing, ", "))
	}
	if err := p.distinguishes(ctx, s); err != nil {
		return err
	}
	may, err := p.mayCreate(ctx, s)
	switch {
	case err != nil:
		return err
	case !may && p.table == nil:
		p.add(kind.Bad, remedyGrant, "table %s is not there, and the user seems not to be allowed to make it", p.name)
	case !may:
		p.add(kind.Warning, remedyGrant, "table %s: the user seems not to be allowed to make tables beside it, which complete readings need", p.name)
	case p.table == nil:
		p.add(kind.Good, "", "table %s is made by the first run", p.name)
	case len(missing) == 0:
		p.add(kind.Good, "", "table %s can be written", p.name)
	}
	return nil
}

func (p *sinkProbe) add(l kind.Level, remedy, format string, args ...any) {
	f := kind.Found(l, "table", format, args...)
	if remedy != "" {
		f = f.WithRemedy("%s", remedy)
	}
	p.found = append(p.found, f)
}

// distinguishes looks whether the table tells all keys apart.
func (p *sinkProbe) distinguishes(ctx context.Context, s *Session) error {
	if p.table == nil {
		return nil
	}
	err := s.Distinguishes(ctx, p.table, p.key)
	if e := feed.Judge(err); err != nil && e.Verdict == feed.HaltJob {
		p.add(kind.Bad, e.Remedy, "table %s: %v", p.name, err)
		return nil
	}
	return err
}

// readOnly says whether the server is a copy of another one, or the file cannot be written.
func (p *sinkProbe) readOnly(ctx context.Context, s *Session) (bool, error) {
	switch p.db.Name {
	case "sqlite":
		return !writable(p.path), nil
	case "postgres":
		return s.yes(ctx, "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean")
	}
	return s.yes(ctx, "SELECT @@global.read_only")
}

// yes says whether a query gives true, or a number but 0.
func (s *Session) yes(ctx context.Context, query string, args ...Value) (bool, error) {
	v, err := s.Value(ctx, query, args...)
	switch v := v.(type) {
	case bool:
		return v, err
	case int64:
		return v != 0, err
	case nil:
		return false, err
	}
	text := fmt.Sprint(v)
	return text != "0" && text != "false", err
}

// missing are the rights that the user lacks on a table that is there.
func (p *sinkProbe) missing(ctx context.Context, s *Session) (list []string, err error) {
	if p.table == nil || p.db.file {
		return nil, nil
	}
	for _, right := range []string{"SELECT", "INSERT", "UPDATE", "DELETE"} {
		has, err := p.has(ctx, s, right)
		if err != nil {
			return nil, err
		}
		if !has {
			list = append(list, right)
		}
	}
	return list, nil
}

func (p *sinkProbe) has(ctx context.Context, s *Session, right string) (bool, error) {
	table := p.db.Quoted(p.name)
	if p.db.Name == "postgres" {
		return s.yes(ctx, "SELECT has_table_privilege($1, $2)", table, right)
	}
	if len(p.key) == 0 {
		return true, nil
	}
	column := p.db.Quote(p.key[0])
	explained := map[string]string{ // which needs the rights of the statement
		"SELECT": "SELECT " + column + " FROM " + table,
		"INSERT": "INSERT INTO " + table + " (" + column + ") SELECT " + column + " FROM " + table + " WHERE 1 = 0",
		"UPDATE": "UPDATE " + table + " SET " + column + " = " + column + " WHERE 1 = 0",
		"DELETE": "DELETE FROM " + table + " WHERE 1 = 0",
	}[right]
	err := s.Read(ctx, "EXPLAIN "+explained, nil, func([]Value) error { return nil })
	if f, known := p.db.judge(err); err != nil && known && f.remedy == remedyGrant {
		return false, nil
	}
	return true, ctx.Err() // another error says nothing about rights: the key may be named wrongly
}

// mayCreate says whether the user may make tables where the table is.
func (p *sinkProbe) mayCreate(ctx context.Context, s *Session) (bool, error) {
	switch p.db.Name {
	case "sqlite":
		return true, nil
	case "postgres":
		return s.yes(ctx, "SELECT coalesce(has_schema_privilege(coalesce(nullif($1, ''), current_schema()), 'CREATE'), FALSE)", p.name.Schema)
	}
	// The grants of roles are not among these, so a no is no certain one.
	return s.yes(ctx, `SELECT count(*) FROM (
		SELECT privilege_type FROM information_schema.user_privileges WHERE privilege_type = 'CREATE'
		UNION ALL SELECT privilege_type FROM information_schema.schema_privileges
			WHERE privilege_type = 'CREATE' AND COALESCE(NULLIF(?, ''), DATABASE()) LIKE table_schema) rights`, p.name.Schema)
}

// writable says whether a SQLite file, and the folder that its log is made in, can be written.
func writable(dsn string) bool {
	path, _, err := splitFile(dsn)
	const write = 2 // of access(2)
	return err == nil && syscall.Access(path, write) == nil && syscall.Access(filepath.Dir(path), write) == nil
}
