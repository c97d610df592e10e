package sqldb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"milkrun/sync/kind"
)

// Listens says that the database can tell by itself that something has changed ([Connection.Listen]).
func (d *Dialect) Listens() bool { return d.numbered }

// DialectOf returns what is spoken on a connection, nil when it is no SQL connection.
func DialectOf(c kind.Connection) *Dialect {
	if own, ok := c.(*Connection); ok {
		return own.dialect
	}
	return nil
}

const (
	listenQuiet = time.Minute      // without a word for so long it is asked whether it is still there
	listenReply = 10 * time.Second // and has so long to answer
)

// Listen listens on a channel of PostgreSQL (LISTEN) over a connection of its own, beside the pool, and calls woke once it
// listens and for every notification. It returns when ctx ends or the connection is lost, with an error that holds no
// secret: what is notified meanwhile is lost, so the caller looks by itself when it listens again.
func (c *Connection) Listen(ctx context.Context, channel string, woke func()) error {
	cfg, err := pgx.ParseConfig(c.text())
	if err != nil {
		return checkPostgres(c.text())
	}
	cfg.RuntimeParams["application_name"] = "milkrun listening"
	db := &DB{nil, c.dialect}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return db.Fault(err, "connect to listen on %s", channel)
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), listenReply)
		defer cancel()
		_ = conn.Close(end)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+c.dialect.Quote(channel)); err != nil {
		return db.Fault(err, "listen on %s", channel)
	}
	for woke(); ; {
		told, err := hear(ctx, conn)
		switch {
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return db.Fault(err, "listen on %s", channel)
		case told:
			woke()
		}
	}
}

// hear waits for a notification; when none comes for a while it makes sure that the server is still there.
func hear(ctx context.Context, conn *pgx.Conn) (told bool, err error) {
	quiet, cancel := context.WithTimeout(ctx, listenQuiet)
	defer cancel()
	if _, err = conn.WaitForNotification(quiet); err == nil {
		return true, nil
	}
	if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) && quiet.Err() == nil {
		return false, err
	}
	reply, stop := context.WithTimeout(ctx, listenReply)
	defer stop()
	if err := conn.Ping(reply); err != nil {
		return false, fmt.Errorf("the server does not answer any more: %w", err)
	}
	return false, nil
}
