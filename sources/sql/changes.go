package sql

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"milkrun/sync/kind"
	"milkrun/sync/setting"
	"milkrun/sync/sqldb"
)

var _ kind.Notifier = (*settings)(nil)

// listenPrefix stands before the channel in changes.
const listenPrefix = "listen:"

// longestChannel is how long an identifier of PostgreSQL may be, in bytes; it cuts longer ones.
const longestChannel = 63

func (s *settings) changesField() setting.Field {
	return setting.Custom("changes", "text", "", s.setChanges,
		`"listen:CHANNEL": a NOTIFY on this channel of PostgreSQL makes the job run at once, beside its schedule`,
		`"listen:CHANNEL"：收到 PostgreSQL 该频道的 NOTIFY 立即运行，计划照常`)
}

func (s *settings) setChanges(text string) error {
	channel, ok := strings.CutPrefix(text, listenPrefix)
	switch {
	case !ok || channel == "":
		return fmt.Errorf("%q is no change feed; write for example \"listen:orders_changed\"", text)
	case len(channel) > longestChannel || strings.ContainsAny(channel, "\"\x00\r\n"):
		return fmt.Errorf("%q is no channel: it has at most %d bytes and no quotes", channel, longestChannel)
	}
	s.changes = channel
	return nil
}

// listenable refuses a change feed of a database that has none.
func (s *settings) listenable() []setting.Problem {
	d := sqldb.DialectOf(s.connection)
	if s.changes == "" || d == nil || d.Listens() {
		return nil
	}
	return []setting.Problem{{Key: "changes", Text: "a database of type " + d.Name + " tells nobody that something has changed",
		Remedy: `leave it out, and let the job look often: schedule = "@every 2s"`}}
}

// Notifies implements [kind.Notifier].
func (s *settings) Notifies() bool { return s.changes != "" }

// Watch implements [kind.Notifier]. The payload of a notification is not looked at.
func (s *settings) Watch(ctx context.Context, woke func()) error {
	own, ok := s.connection.(*sqldb.Connection)
	if !ok {
		return errors.New("the connection is no SQL connection")
	}
	return own.Listen(ctx, s.changes, woke)
}
