package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"time"

	"milkrun/sync/feed"
	"milkrun/sync/kind"
	"milkrun/sync/secret"
	"milkrun/sync/setting"
)

// Connection is one [connections.NAME] of type sqlite, postgres or mysql. Its jobs share one pool, which is opened with
// the first use.
type Connection struct {
	dialect *Dialect
	file    string        // SQLite: a path holds nothing secret
	dsn     secret.Secret // the others: it may hold a password
	maxOpen int

	mu   sync.Mutex
	pool *sql.DB
}

var _ kind.Connection = (*Connection)(nil)

// NewSQLite returns the settings of a SQLite file.
func NewSQLite() kind.Connection { return &Connection{dialect: sqlite(), maxOpen: 8} }

// NewPostgres returns the settings of a PostgreSQL database.
func NewPostgres() kind.Connection { return &Connection{dialect: postgres(), maxOpen: 8} }

// NewMySQL returns the settings of a MySQL or MariaDB database.
func NewMySQL() kind.Connection { return &Connection{dialect: mySQL(), maxOpen: 8} }

// Dialect is what is spoken on the connection.
func (c *Connection) Dialect() *Dialect { return c.dialect }

// Fields lists the keys.
func (c *Connection) Fields() []setting.Field {
	dsn := setting.Secret("dsn", &c.dsn, c.dialect.dsnHelp, c.dialect.dsnHelpZh)
	if c.dialect.file {
		dsn = setting.Text("dsn", &c.file, c.dialect.dsnHelp, c.dialect.dsnHelpZh)
	}
	return []setting.Field{
		dsn.Require(),
		setting.Int("max_open", &c.maxOpen, "connections open at the same time, of all jobs together", "所有任务同时打开的连接数上限").Between(1, 1000, ""),
	}
}

// Validate checks the form of the DSN; it opens nothing.
func (c *Connection) Validate() []setting.Problem {
	if c.text() == "" {
		return nil // a key that is missing is reported as such
	}
	if err := c.dialect.check(c.text()); err != nil {
		return []setting.Problem{{Key: "dsn", Text: err.Error(), Remedy: "write it like " + c.dialect.dsnExample}}
	}
	return nil
}

func (c *Connection) text() string {
	if c.dialect.file {
		return c.file
	}
	return c.dsn.Reveal()
}

// DB returns the pool. A SQLite file that does not exist is an error unless create.
func (c *Connection) DB(ctx context.Context, create bool) (*DB, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.dialect.exists(c.text()); err != nil && !create {
		return nil, err
	}
	if c.pool == nil {
		pool, err := c.dialect.open(c.text())
		if err != nil {
			return nil, err
		}
		pool.SetMaxOpenConns(c.maxOpen)
		pool.SetMaxIdleConns(c.maxOpen)
		c.pool = pool
	}
	db := &DB{c.pool, c.dialect}
	if err := db.readBack(ctx); err != nil {
		return nil, err
	}
	return db, nil
}

// Open returns the pool of a job's connection, and the zone of the job. For a sink the database is made writable.
func Open(ctx context.Context, connection kind.Connection, env kind.Env, sink bool) (*DB, *time.Location, error) {
	c, ok := connection.(*Connection)
	if !ok {
		return nil, nil, fmt.Errorf("connection %s is no SQL connection", env.Connection)
	}
	db, err := c.DB(ctx, sink)
	if err == nil && sink {
		err = db.Writable(ctx)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("connection %s: %w", env.Connection, err)
	}
	if env.Location == nil {
		return db, time.UTC, nil
	}
	return db, env.Location, nil
}

// Close ends the pool.
func (c *Connection) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pool == nil {
		return nil
	}
	err := c.pool.Close()
	c.pool = nil
	return err
}

// DB is an open pool and the dialect that is spoken on it.
type DB struct {
	pool *sql.DB
	*Dialect
}

// readBack makes sure that the options of a connection are in force: a misspelt one would be ignored without a word.
func (db *DB) readBack(ctx context.Context) error {
	return db.Use(ctx, func(s *Session) error {
		for _, o := range db.options {
			got, err := s.Value(ctx, "PRAGMA "+o.name)
			if err != nil {
				return db.Fault(err, "open the database")
			}
			if text := fmt.Sprint(got); text != o.value {
				return feed.Errorf(feed.HaltConnection, "options", "the database opened with %s = %s instead of %s", o.name, text, o.value).
					WithRemedy("remove %s from dsn", o.name)
			}
		}
		return nil
	})
}

// Writable makes a SQLite file one that is read while it is written to (WAL). It is for sinks: a source leaves the
// file as its owner has it.
func (db *DB) Writable(ctx context.Context) error {
	if db.wal == "" {
		return nil
	}
	return db.Use(ctx, func(s *Session) error {
		mode, err := s.Value(ctx, db.wal)
		if err != nil {
			return db.Fault(err, "switch the database to WAL")
		}
		if mode != "wal" {
			return feed.Errorf(feed.HaltConnection, "wal", "the database stays in journal mode %v", mode).
				WithRemedy("put the file on a local disk; WAL does not work on network file systems")
		}
		return nil
	})
}
